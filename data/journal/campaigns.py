"""The campaign ledger: one state machine from draft to graded, each step with its audit row in one transaction.

A campaign is what its author promised. Nobody approves an own one; what is approved is named by its SHA-256 and is what
is sent; after the submission nothing about it changes. The database holds to the same rules by itself.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from data import campaign, typed
from data.campaign import Promise
from data.journal.campaign_rows import (
    APPROVED,
    DRAFT,
    EXPORTED,
    GRADED,
    MEASURING,
    SUBMITTED,
    C,
    Campaign,
    NoCampaign,
    S,
    Step,
    V,
    acting,
    advance,
    found,
    keep,
    step,
    told,
    visible,
)
from data.journal.misses import MISSES
from data.journal.problems import Invalid
from data.journal.schema import CAMPAIGN, CAMPAIGN_DELIVERY, CAMPAIGN_STEP, PERSON
from data.journal.store import Journal
from data.rights import APPROVE_CAMPAIGN, CAMPAIGNS, DRAFT_CAMPAIGN, SEND_CAMPAIGN, SYSTEM, Actor, Forbidden

RUNNING = (EXPORTED, MEASURING)
BINDING = (SUBMITTED, APPROVED, EXPORTED, MEASURING, GRADED)  # states whose budget is spoken for
MOST_REASON, MOST_CAMPAIGNS = 1_000, 2_000
D = CAMPAIGN_DELIVERY.c
SUBMITTED_AT = (
    sa.select(S.campaign_id, sa.func.max(S.at)).where(S.name == "submit").group_by(S.campaign_id)
)  # campaign -> the last time it was submitted


# Reading


def get(journal: Journal, actor: Actor, campaign_id: str) -> Campaign:
    """A campaign this actor may see. Raises NoCampaign, or TooManyMisses for somebody who guesses."""
    who = actor.session or actor.person
    MISSES.check(who)
    actor.require(CAMPAIGNS)
    row = next(iter(journal.rows(found().where(C.campaign_id == campaign_id[:64]))), None)
    if row is None or not visible(actor, row.author):
        MISSES.note(who)
        journal.record(actor, "denied", f"campaign:{campaign_id[:64]}", tried="campaign.get")
        raise NoCampaign
    return Campaign(*tuple(row))


def listing(journal: Journal, actor: Actor) -> list[Campaign]:
    """All campaigns this actor may see, the latest step first."""
    actor.require(CAMPAIGNS)
    rows = journal.rows(found().order_by(S.at.desc(), C.campaign_id))
    return [Campaign(*tuple(row)) for row in rows if visible(actor, row.author)]


def running(journal: Journal) -> list[Campaign]:
    """Campaigns whose customers are spoken for: for programs, which read everything."""
    return [one for one in listing(journal, SYSTEM) if one.state in RUNNING]


def steps(journal: Journal, actor: Actor, campaign_id: str) -> list[Step]:
    """What happened to a campaign, the first step first. Raises NoCampaign."""
    get(journal, actor, campaign_id)
    name = sa.func.coalesce(PERSON.c.name, "")
    asked = sa.select(
        S.step, S.name, S.before, S.after, S.version, S.sha256, S.by, name, S.at, S.reason, S.detail
    ).select_from(CAMPAIGN_STEP.outerjoin(PERSON, PERSON.c.person_id == S.by))
    rows = journal.rows(asked.where(S.campaign_id == campaign_id).order_by(S.step))
    return [told(actor, Step(*tuple(row))) for row in rows]


def versions(journal: Journal, actor: Actor, campaign_id: str) -> dict[int, Promise]:
    """Every version of the promise by its number. Raises NoCampaign."""
    get(journal, actor, campaign_id)
    rows = journal.rows(sa.select(V.version, V.body).where(V.campaign_id == campaign_id).order_by(V.version))
    return {row.version: campaign.parse(row.body) for row in rows}


def decided_before(journal: Journal, actor: Actor, campaign_id: str) -> Promise | None:
    """The version that was submitted the time before, for the difference since then; none at the first time."""
    sent = [one.version for one in steps(journal, actor, campaign_id) if one.name == "submit"]
    return versions(journal, actor, campaign_id)[sent[-2]] if len(sent) > 1 else None


def frozen(journal: Journal, campaign_id: str) -> dict[str, Any]:
    """What the export froze: file, sha256, customers by arm, who was left out and why. For programs; empty before."""
    rows = journal.rows(sa.select(S.detail).where(S.campaign_id == campaign_id, S.name == "export"))
    return json.loads(rows[0].detail) if rows else {}


def spoken_for(journal: Journal, author: str, month: str, connection: sa.Connection | None = None) -> Decimal:
    """The sum of an author's budgets submitted in a month such as 2026-11 (UTC) and not withdrawn or returned."""
    asked = found().where(C.author == author)
    read = journal.rows if connection is None else (lambda statement: list(connection.execute(statement)))
    rows, submitted = read(asked), dict(tuple(row) for row in read(SUBMITTED_AT))
    return sum(
        (
            campaign.parse(row.body).budget
            for row in rows
            if row.after in BINDING and submitted.get(row.campaign_id, "").startswith(month)
        ),
        Decimal(0),
    )


# Writing


def draft(journal: Journal, actor: Actor, promise: Promise) -> str:
    """Begin a campaign; its key."""
    new = secrets.token_hex(16)
    with journal.write(actor, DRAFT_CAMPAIGN, "campaign.draft", f"campaign:{new}", name=promise.name) as connection:
        mine = sa.select(sa.func.count()).where(C.author == actor.person)
        if (connection.scalar(mine) or 0) >= MOST_CAMPAIGNS:
            raise Invalid(f"You have {MOST_CAMPAIGNS:,} campaigns, the most one person can keep.")
        row = {"campaign_id": new, "author": actor.person, "created_at": journal.now()}
        connection.execute(sa.insert(CAMPAIGN), row)
        version = keep(connection, journal, actor, new, 1, promise)
        advance(connection, journal, actor, new, "draft", version)
    return new


def revise(journal: Journal, actor: Actor, campaign_id: str, promise: Promise, version: int) -> int:
    """Change one's own draft; the new version's number. version: the one that was on the screen. Raises Invalid."""
    with acting(journal, actor, DRAFT_CAMPAIGN, "revise", campaign_id) as (connection, now):
        own(actor, now)
        if now.state != DRAFT:
            raise Invalid(f"This campaign is {now.state}; only a draft can be changed.")
        latest = connection.scalar(sa.select(sa.func.max(V.version)).where(V.campaign_id == campaign_id)) or 0
        if version != latest:
            raise Invalid("This draft was changed in another window meanwhile. Open it again to see the newer one.")
        connection.info["detail"]["version"] = latest + 1
        keep(connection, journal, actor, campaign_id, latest + 1, promise)
    return latest + 1


def submit(journal: Journal, actor: Actor, campaign_id: str, sha256: str, limit: Decimal | None = None) -> None:
    """Ask for approval of what was read. limit: budgets of one author in one month; none when None."""
    with acting(journal, actor, DRAFT_CAMPAIGN, "submit", campaign_id) as (connection, now):
        own(actor, now)
        same(now, sha256)
        total = spoken_for(journal, actor.person, journal.now()[:7], connection) + now.promise.budget
        if limit is not None and total > limit:
            raise Invalid(
                f"Your campaigns of this month would cost up to {total:,.2f}, and {limit:,.2f} is the limit of one "
                "author and month. Lower the budget, or wait for the next month (UTC)."
            )
        step(connection, journal, actor, now, "submit")


def send_back(journal: Journal, actor: Actor, campaign_id: str, sha256: str, reason: str) -> None:
    """Be the second person, and ask for a change."""
    reason = typed.text(reason, "The reason", MOST_REASON, lines=True)
    with acting(journal, actor, APPROVE_CAMPAIGN, "return", campaign_id) as (connection, now):
        another(actor, now)
        same(now, sha256)
        step(connection, journal, actor, now, "return", reason)


def approve(journal: Journal, actor: Actor, campaign_id: str, sha256: str) -> None:
    """Be the second person, and agree to exactly what was read."""
    with acting(journal, actor, APPROVE_CAMPAIGN, "approve", campaign_id) as (connection, now):
        another(actor, now)
        same(now, sha256)
        step(connection, journal, actor, now, "approve")


def withdraw(journal: Journal, actor: Actor, campaign_id: str, reason: str) -> None:
    """Take one's own campaign back, as long as nobody was reached and nothing is on its way."""
    reason = typed.text(reason, "The reason", MOST_REASON, lines=True)
    with acting(journal, actor, DRAFT_CAMPAIGN, "withdraw", campaign_id) as (connection, now):
        own(actor, now)
        waiting = sa.select(D.delivery_id).where(D.campaign_id == campaign_id, D.ended_at.is_(None))
        if connection.execute(waiting).first():
            raise Invalid("A list of this campaign is still open. Cancel it first, then withdraw the campaign.")
        step(connection, journal, actor, now, "withdraw", reason)


def export(journal: Journal, actor: Actor, campaign_id: str, sha256: str, froze: Mapping[str, Any]) -> None:
    """Freeze who is in which arm. froze: file, sha256, customers by arm, who was left out and why."""
    with acting(journal, actor, SEND_CAMPAIGN, "export", campaign_id) as (connection, now):
        own(actor, now)
        same(now, sha256)
        step(connection, journal, actor, now, "export", detail=froze)
        connection.info["detail"]["frozen"] = dict(froze)


def grade(journal: Journal, campaign_id: str, figures: Mapping[str, Any]) -> None:
    """Close a campaign with what was measured; figures: as the build that covers its window has them."""
    with acting(journal, SYSTEM, CAMPAIGNS, "grade", campaign_id) as (connection, now):
        step(connection, journal, SYSTEM, now, "grade", detail=figures)
        connection.info["detail"] |= {"verdict": figures.get("verdict"), "build": figures.get("build")}


# Who acts on what


def own(actor: Actor, now: Campaign) -> None:
    """Refuse whoever is not the author."""
    if actor.person != now.author:
        raise Forbidden("Only the author of a campaign can do this.")


def another(actor: Actor, now: Campaign) -> None:
    """Refuse the author: the second person is another one."""
    if actor.person == now.author:
        raise Forbidden("You wrote this campaign yourself. Let another approver decide.")


def same(now: Campaign, sha256: str) -> None:
    """Refuse to act on something else than what was read."""
    if now.sha256 != sha256:
        raise Invalid("This campaign is not the version you have read. Open it again, and read it once more.")
