"""What happened to campaigns, all of them in one reading: for lists, and for the record of who decided what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from data.journal.campaign_rows import C, S, Step, V, told, visible
from data.journal.schema import CAMPAIGN, CAMPAIGN_STEP, CAMPAIGN_VERSION, PERSON
from data.journal.store import Journal
from data.rights import CAMPAIGNS, Actor

DECISIONS = ("approve", "return")


@dataclass(frozen=True)
class Decision:
    """One decision of a second person. text: the promise that was decided on, as canonical JSON."""

    campaign_id: str
    author: str
    author_name: str
    step: Step
    text: str


def histories(journal: Journal, actor: Actor) -> dict[str, list[Step]]:
    """Campaign -> its steps, the first one first, of every campaign that this actor may see."""
    actor.require(CAMPAIGNS)
    name = sa.func.coalesce(PERSON.c.name, "")
    asked = sa.select(
        S.campaign_id, S.author, S.step, S.name, S.before, S.after, S.version, S.sha256, S.by, name, S.at, S.reason,
        S.detail,
    ).select_from(CAMPAIGN_STEP.outerjoin(PERSON, PERSON.c.person_id == S.by))  # fmt: skip
    found: dict[str, list[Step]] = {}
    for row in journal.rows(asked.order_by(S.campaign_id, S.step)):
        if visible(actor, row.author):
            found.setdefault(row.campaign_id, []).append(told(actor, Step(*tuple(row)[2:])))
    return found


def latest(steps: Iterable[Step], *names: str) -> Step | None:
    """The last of these steps; None where there was none."""
    return next((one for one in reversed(list(steps)) if one.name in names), None)


def decisions(journal: Journal, actor: Actor, since: str) -> list[Decision]:
    """Approvals and returns since a moment (UTC text), the latest first, of campaigns that this actor may see."""
    actor.require(CAMPAIGNS)
    by, wrote = PERSON.alias("decider"), PERSON.alias("writer")
    asked = (
        sa.select(
            S.campaign_id, C.author, sa.func.coalesce(wrote.c.name, "").label("writer"), V.body,
            S.step, S.name, S.before, S.after, S.version, S.sha256, S.by, sa.func.coalesce(by.c.name, ""), S.at,
            S.reason, S.detail,
        )
        .select_from(CAMPAIGN_STEP.join(CAMPAIGN, C.campaign_id == S.campaign_id))
        .join(CAMPAIGN_VERSION, sa.and_(V.campaign_id == S.campaign_id, V.version == S.version))
        .outerjoin(by, by.c.person_id == S.by)
        .outerjoin(wrote, wrote.c.person_id == C.author)
        .where(S.name.in_(DECISIONS), S.at >= since)
        .order_by(S.at.desc(), S.campaign_id)
    )  # fmt: skip
    return [
        Decision(row.campaign_id, row.author, row.writer, told(actor, Step(*tuple(row)[4:])), row.body)
        for row in journal.rows(asked)
        if visible(actor, row.author)
    ]
