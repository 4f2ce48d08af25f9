"""Deliveries: one sending of a campaign's recipients to one target, in batches that are each sent once.

Batches are parts of one list in its order, so every recipient is in exactly one. A worker that is killed goes on at the
first batch that is not marked as sent, with the same key, by which the target knows what it has already.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from data import typed
from data.journal import campaign_rows, campaigns
from data.journal.campaign_rows import EXPORTED, MEASURING, acting
from data.journal.problems import Invalid
from data.journal.schema import CAMPAIGN_BATCH, CAMPAIGN_DELIVERY
from data.journal.store import Journal, stored
from data.rights import SEND_CAMPAIGN, SYSTEM, Actor

DOWNLOAD = "download"
COMPLETE, CANCELLED, FAILED = "complete", "cancelled", "failed"
MOST_DAYS, MOST_PROBLEM, MOST_BATCHES = 366, 1_000, 100_000
D, B = CAMPAIGN_DELIVERY.c, CAMPAIGN_BATCH.c


@dataclass(frozen=True)
class Delivery:
    """One sending. rows, sent: recipients in all and so far. dropped: consent was withdrawn since the export."""

    delivery_id: str
    campaign_id: str
    target: str
    kind: str
    pseudonyms: bool
    purpose: str
    by: str
    at: str
    expires_at: str
    rows: int
    dropped: int
    sha256: str
    file: str
    ended_at: str | None
    ended_why: str | None
    sent: int
    problem: str

    @property
    def open(self) -> bool:
        """Whether there is still something to send."""
        return self.ended_at is None


@dataclass(frozen=True)
class Batch:
    """Some recipients in a row. sent_at: when the target had them all."""

    batch: int
    first_row: int
    rows: int
    idempotency_key: str
    attempts: int
    tried_at: str | None
    problem: str
    sent_at: str | None


# Reading


def of(journal: Journal, actor: Actor, campaign_id: str) -> list[Delivery]:
    """The deliveries of a campaign that this actor may see, the oldest first. Raises NoCampaign."""
    campaigns.get(journal, actor, campaign_id)
    return listed(journal, D.campaign_id == campaign_id)


def get(journal: Journal, delivery_id: str) -> Delivery:
    """One delivery, for programs. Raises Invalid."""
    found = listed(journal, D.delivery_id == delivery_id)
    if not found:
        raise Invalid("There is no such delivery.")
    return found[0]


def pending(journal: Journal) -> list[Delivery]:
    """Deliveries to targets that are not ended, the oldest first: for the worker."""
    return listed(journal, sa.and_(D.ended_at.is_(None), D.target != DOWNLOAD))


def batches(journal: Journal, delivery_id: str) -> list[Batch]:
    """The batches of a delivery in their order: for the worker."""
    rows = journal.rows(
        sa.select(B.batch, B.first_row, B.rows, B.idempotency_key, B.attempts, B.tried_at, B.problem, B.sent_at)
        .where(B.delivery_id == delivery_id)
        .order_by(B.batch)
    )
    return [Batch(*tuple(row)) for row in rows]


def listed(journal: Journal, which: sa.ColumnElement[bool]) -> list[Delivery]:
    """Deliveries with how far they came and the latest problem of what is not sent."""
    here = B.delivery_id == D.delivery_id
    sent = sa.select(sa.func.coalesce(sa.func.sum(B.rows), 0)).where(here, B.sent_at.is_not(None))
    problem = sa.select(sa.func.max(B.problem)).where(here, B.sent_at.is_(None))
    asked = sa.select(
        CAMPAIGN_DELIVERY,
        sent.correlate(CAMPAIGN_DELIVERY).scalar_subquery(),
        sa.func.coalesce(problem.correlate(CAMPAIGN_DELIVERY).scalar_subquery(), ""),
    )
    return [Delivery(*tuple(row)) for row in journal.rows(asked.where(which).order_by(D.at, D.delivery_id))]


# Writing


def open_delivery(
    journal: Journal,
    actor: Actor,
    campaign_id: str,
    target: str,
    kind: str,
    pseudonyms: bool,
    days: int,
    rows: int,
    dropped: int,
    file: str,
    sha256: str,
    batch_rows: int = 0,
    delivery_id: str = "",
) -> str:
    """Put a list on record before anything of it leaves; the delivery's key.

    days: after which the receiver must have deleted it. batch_rows: 0 for one batch. delivery_id: drawn before, where
    the list's pseudonyms needed it.
    """
    new = delivery_id or secrets.token_hex(16)
    with acting(journal, actor, SEND_CAMPAIGN, "deliver", campaign_id) as (connection, now):
        campaigns.own(actor, now)
        if now.state not in (EXPORTED, MEASURING):
            raise Invalid(f"This campaign is {now.state}; only an exported one is sent.")
        if not 1 <= days <= MOST_DAYS or rows < 1:
            raise Invalid(f"A list needs at least one recipient, and an expiry of 1 to {MOST_DAYS} days.")
        reached = sa.exists().where(B.delivery_id == D.delivery_id, B.sent_at.is_not(None))
        again = sa.select(D.delivery_id).where(D.campaign_id == campaign_id, D.target == target)
        if connection.execute(again.where(sa.or_(D.ended_at.is_(None), reached))).first():
            raise Invalid(f"This campaign was sent to {typed.visible_part(target)} already: nobody is reached twice.")
        size = batch_rows or rows
        if (number := -(-rows // size)) > MOST_BATCHES:
            raise Invalid(f"{number:,} batches are too many. Set larger ones for this target.")
        moment = journal.clock()
        row: dict[str, Any] = {"delivery_id": new, "campaign_id": campaign_id, "target": target, "kind": kind}
        row |= {"pseudonyms": pseudonyms, "purpose": now.promise.purpose, "by": actor.person, "at": stored(moment)}
        row |= {"expires_at": stored(moment + timedelta(days=days)), "rows": rows, "dropped": dropped}
        row |= {"sha256": sha256, "file": file}
        connection.info["detail"] |= {name: row[name] for name in ("target", "kind", "rows", "dropped", "sha256")}
        connection.info["detail"] |= {"delivery": new, "pseudonyms": pseudonyms, "expires_at": row["expires_at"]}
        connection.execute(sa.insert(CAMPAIGN_DELIVERY), row)
        connection.execute(sa.insert(CAMPAIGN_BATCH), [
            {"delivery_id": new, "batch": part, "first_row": part * size, "rows": min(size, rows - part * size),
             "idempotency_key": f"{new}-{part}"} for part in range(number)
        ])  # fmt: skip
    return new


def trying(journal: Journal, delivery_id: str, batch: int) -> bool:
    """Note that a batch is about to leave; False when its delivery has ended, or it was sent.

    Written before each attempt, so that nothing leaves while the journal cannot be written.
    """
    with journal.unaudited() as connection:
        here = unsent(delivery_id, batch)
        return bool(connection.execute(sa.update(CAMPAIGN_BATCH).where(here).values(tried_at=journal.now())).rowcount)


def tried(journal: Journal, delivery_id: str, batch: int, problem: str) -> None:
    """Note that a batch could not be sent, and why: shown until it is."""
    with journal.unaudited() as connection:
        row = {"attempts": B.attempts + 1, "tried_at": journal.now(), "problem": problem[:MOST_PROBLEM]}
        connection.execute(sa.update(CAMPAIGN_BATCH).where(unsent(delivery_id, batch)).values(row))


def sent(journal: Journal, delivery_id: str, batch: int) -> None:
    """The target has a batch: with the first one the campaign's window begins, with the last the delivery is complete.

    A batch that was on its way when somebody cancelled has arrived all the same.
    """
    found = get(journal, delivery_id)
    with acting(journal, SYSTEM, SEND_CAMPAIGN, "sent", found.campaign_id) as (connection, _):
        row = {"attempts": B.attempts + 1, "tried_at": journal.now(), "problem": "", "sent_at": journal.now()}
        here = sa.and_(B.delivery_id == delivery_id, B.batch == batch, B.sent_at.is_(None))
        if not connection.execute(sa.update(CAMPAIGN_BATCH).where(here).values(row)).rowcount:
            raise Invalid("This batch was sent before.")
        connection.info["detail"] |= {"delivery": delivery_id, "batch": batch}
        ended = connection.scalar(sa.select(D.ended_at).where(D.delivery_id == delivery_id))
        left = connection.scalar(sa.select(sa.func.count()).where(B.delivery_id == delivery_id, B.sent_at.is_(None)))
        if not ended and not left:
            end(connection, journal, delivery_id, COMPLETE)
        campaign_rows.launch(connection, journal, SYSTEM, found.campaign_id)


def cancel(journal: Journal, actor: Actor, delivery_id: str) -> None:
    """Stop sending; what was sent stays sent, and counts."""
    found = get(journal, delivery_id)
    with acting(journal, actor, SEND_CAMPAIGN, "cancel", found.campaign_id) as (connection, now):
        campaigns.own(actor, now)
        close(connection, journal, found, CANCELLED)


def fail(journal: Journal, delivery_id: str, why: str) -> None:
    """Give a delivery up: for the worker, where trying again cannot help."""
    found = get(journal, delivery_id)
    with acting(journal, SYSTEM, SEND_CAMPAIGN, "fail", found.campaign_id) as (connection, _):
        connection.info["detail"]["why"] = why[:MOST_PROBLEM]
        close(connection, journal, found, FAILED)


# What they are made of


def unsent(delivery_id: str, batch: int) -> sa.ColumnElement[bool]:
    """A batch that has still to be sent, of a delivery that is open."""
    is_open = sa.exists().where(D.delivery_id == delivery_id, D.ended_at.is_(None))
    return sa.and_(B.delivery_id == delivery_id, B.batch == batch, B.sent_at.is_(None), is_open)


def close(connection: sa.Connection, journal: Journal, found: Delivery, why: str) -> None:
    """End a delivery before its end; what was sent stays sent."""
    connection.info["detail"] |= {"delivery": found.delivery_id, "sent": found.sent}
    end(connection, journal, found.delivery_id, why)


def end(connection: sa.Connection, journal: Journal, delivery_id: str, why: str) -> None:
    """Mark a delivery as ended, once."""
    row: dict[str, Any] = {"ended_at": journal.now(), "ended_why": why}
    here = sa.and_(D.delivery_id == delivery_id, D.ended_at.is_(None))
    if not connection.execute(sa.update(CAMPAIGN_DELIVERY).where(here).values(row)).rowcount:
        raise Invalid("This delivery has ended already.")
