"""What a campaign is in the journal, who may see it, and how one step follows another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from data import campaign
from data.campaign import Promise
from data.journal.problems import Invalid
from data.journal.schema import CAMPAIGN, CAMPAIGN_STEP, CAMPAIGN_VERSION, PERSON
from data.journal.store import Journal
from data.rights import APPROVER, AUDITOR, CUSTOMERS, EXECUTIVE, Actor, Forbidden
from data.view import SMALLEST_GROUP

DRAFT, SUBMITTED, APPROVED, EXPORTED = "draft", "submitted", "approved", "exported"
MEASURING, GRADED, WITHDRAWN = "measuring", "graded", "withdrawn"
STATES = (DRAFT, SUBMITTED, APPROVED, EXPORTED, MEASURING, GRADED, WITHDRAWN)
STEPS = {  # step -> the states it leads from, and the state it leads to
    "draft": (("",), DRAFT),
    "submit": ((DRAFT,), SUBMITTED),
    "return": ((SUBMITTED,), DRAFT),
    "approve": ((SUBMITTED,), APPROVED),
    "export": ((APPROVED,), EXPORTED),
    "launch": ((EXPORTED,), MEASURING),
    "grade": ((MEASURING,), GRADED),
    "withdraw": ((DRAFT, SUBMITTED, APPROVED, EXPORTED), WITHDRAWN),
}
SEES_ALL = frozenset({EXECUTIVE, AUDITOR, APPROVER})  # by the role: also through somebody else's eyes
S, V, C = CAMPAIGN_STEP.c, CAMPAIGN_VERSION.c, CAMPAIGN.c


@dataclass(frozen=True)
class Campaign:
    """A campaign as it stands. version, sha256, text: the promise. at, by: of the last step."""

    campaign_id: str
    author: str
    author_name: str
    created_at: str
    state: str
    step: int
    version: int
    sha256: str
    text: str
    at: str
    by: str

    @cached_property
    def promise(self) -> Promise:
        """What was promised. Raises Invalid for a text of another format."""
        return campaign.parse(self.text)


@dataclass(frozen=True)
class Step:
    """One step. detail: JSON of what was frozen, or measured."""

    step: int
    name: str
    before: str
    after: str
    version: int
    sha256: str
    by: str
    by_name: str
    at: str
    reason: str
    text: str

    @cached_property
    def detail(self) -> dict[str, Any]:
        """What was frozen or measured at this step."""
        return json.loads(self.text)


class NoCampaign(Forbidden):
    """There is no such campaign for this reader; the same words whether it is somebody else's or never was."""

    def __init__(self) -> None:
        super().__init__("There is no such campaign, or you may not see it. Ask whoever gave you the link.")


def visible(actor: Actor, author: str) -> bool:
    """Managers see their own campaigns, those who decide or check see all."""
    return actor.system or bool(actor.roles & SEES_ALL) or actor.person == author


def of_groups(actor: Actor) -> bool:
    """Whether this reader sees groups of customers only, and so no number of fewer than the smallest group."""
    return not (actor.system or actor.may(CUSTOMERS))


def told(actor: Actor, one: Step) -> Step:
    """A step as this reader may have it.

    For readers of groups, reasons that left out fewer customers than the smallest group are one sum, with as many
    others as that sum needs, or the difference from the candidates would tell them.
    """
    detail = json.loads(one.text)
    excluded = detail.get("excluded")
    if not of_groups(actor) or not isinstance(excluded, dict):
        return one
    if all(number >= SMALLEST_GROUP for number in excluded.values()):
        return one
    folded = 0
    for reason, number in sorted(excluded.items(), key=lambda one: one[1]):
        if number >= SMALLEST_GROUP <= folded:
            break
        folded += number
        del excluded[reason]
    if folded < SMALLEST_GROUP:
        del detail["excluded"]
        detail.pop("candidates", None)
    else:
        excluded["for other reasons"] = folded
    return replace(one, text=json.dumps(detail, sort_keys=True))


def found() -> sa.Select[Any]:
    """Campaigns with the latest version of their promise and their last step, in the order of Campaign's fields."""
    last = sa.select(sa.func.max(S.step)).where(S.campaign_id == C.campaign_id).correlate(CAMPAIGN).scalar_subquery()
    newest = (
        sa.select(sa.func.max(V.version)).where(V.campaign_id == C.campaign_id).correlate(CAMPAIGN).scalar_subquery()
    )
    name = sa.func.coalesce(PERSON.c.name, "").label("author_name")
    return (
        sa.select(
            *(C.campaign_id, C.author, name, C.created_at, S.after, S.step),
            *(V.version, V.sha256, V.body, S.at, S.by),
        )
        .select_from(CAMPAIGN.outerjoin(PERSON, PERSON.c.person_id == C.author))
        .join(CAMPAIGN_STEP, sa.and_(S.campaign_id == C.campaign_id, S.step == last))
        .join(CAMPAIGN_VERSION, sa.and_(V.campaign_id == C.campaign_id, V.version == newest))
    )


@contextmanager
def acting(
    journal: Journal, actor: Actor, permission: str, action: str, campaign_id: str
) -> Iterator[tuple[sa.Connection, Campaign]]:
    """A write about one campaign, which the actor may see: the connection, and the campaign as it stands inside it."""
    with journal.write(actor, permission, f"campaign.{action}", f"campaign:{campaign_id[:64]}") as connection:
        now = standing(connection, campaign_id)
        if not visible(actor, now.author):
            raise NoCampaign
        yield connection, now


def standing(connection: sa.Connection, campaign_id: str) -> Campaign:
    """The campaign as it stands inside a write. Raises NoCampaign."""
    row = connection.execute(found().where(C.campaign_id == campaign_id[:64])).first()
    if row is None:
        raise NoCampaign
    return Campaign(*tuple(row))


def keep(
    connection: sa.Connection, journal: Journal, actor: Actor, campaign_id: str, version: int, promise: Promise
) -> tuple[int, str]:
    """Store a version; its number and what names its text."""
    text = promise.text()
    row = {"campaign_id": campaign_id, "version": version, "body": text, "sha256": campaign.sha256_of(text)}
    connection.execute(sa.insert(CAMPAIGN_VERSION), row | {"saved_by": actor.person, "saved_at": journal.now()})
    return version, row["sha256"]  # type: ignore[return-value]


def step(
    connection: sa.Connection,
    journal: Journal,
    actor: Actor,
    now: Campaign,
    name: str,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Let a campaign go one step, when that is allowed from where it stands. Raises Invalid."""
    connection.info["detail"] |= {"version": now.version, "sha256": now.sha256}
    if reason:
        connection.info["detail"]["reason"] = reason
    if now.state not in STEPS[name][0]:
        raise Invalid(f"This campaign is {now.state} already; this cannot be done now. See its history.")
    advance(connection, journal, actor, now.campaign_id, name, (now.version, now.sha256), reason, detail)


def advance(
    connection: sa.Connection,
    journal: Journal,
    actor: Actor,
    campaign_id: str,
    name: str,
    about: tuple[int, str],
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write the step down; the database refuses one that does not follow from the last."""
    last = connection.execute(
        sa.select(S.step, S.after, S.author).where(S.campaign_id == campaign_id).order_by(S.step.desc()).limit(1)
    ).first()
    row = {
        "campaign_id": campaign_id,
        "step": last.step + 1 if last else 1,
        "name": name,
        "before": last.after if last else "",
        "after": STEPS[name][1],
        "version": about[0],
        "sha256": about[1],
        "author": last.author if last else actor.person,
        "by": actor.person,
        "at": journal.now(),
        "reason": reason,
        "detail": json.dumps(dict(detail or {}), sort_keys=True, default=str),
    }
    connection.execute(sa.insert(CAMPAIGN_STEP), row)


def launch(connection: sa.Connection, journal: Journal, actor: Actor, campaign_id: str) -> None:
    """Begin to measure, inside the write by which the first recipients are reached; later ones change nothing."""
    now = standing(connection, campaign_id)
    if now.state == EXPORTED:
        advance(connection, journal, actor, campaign_id, "launch", (now.version, now.sha256))
