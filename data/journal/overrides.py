"""Overrides: what a person decided about one customer, with the reason; it holds until somebody ends it.

`channel` locks a customer to one channel, or to no contact; `keep` puts a customer on the must-keep list, whom nobody
releases. Managers decide about their own customers, approvers about all. A later one of the same kind ends the one
before, in the same transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from data import typed
from data.journal.problems import Invalid
from data.journal.schema import OVERRIDE, PERSON
from data.journal.store import Journal
from data.question import Question
from data.rights import OVERRIDE_PLAN, Actor, Forbidden
from data.view import EVERYTHING, View
from data.warehouse import Build

CHANNEL, KEEP = "channel", "keep"
MOST_REASON, MOST_OPEN = 1_000, 200_000
O = OVERRIDE.c  # noqa: E741 - the tables of the journal are named by a letter each


@dataclass(frozen=True)
class Override:
    """One override that holds. channel: empty for no contact, and for `keep`."""

    override_id: str
    customer_id: str
    kind: str
    channel: str
    reason: str
    by: str
    by_name: str
    at: str


# Reading


def active(journal: Journal, kind: str = "") -> list[Override]:
    """Every override that holds now, by customer: for programs, which plan for everybody. kind: of this one only."""
    asked = found().where(O.kind == kind) if kind else found()
    return [Override(*tuple(row)) for row in journal.rows(asked.order_by(O.customer_id, O.kind))]


def kept(journal: Journal) -> frozenset[str]:
    """Customers on the must-keep list that people keep, beside the one of the feed."""
    rows = journal.rows(sa.select(O.customer_id).where(O.kind == KEEP, O.ended_at.is_(None)))
    return frozenset(row.customer_id for row in rows)


def own_only(actor: Actor, build: Build, customers: Iterable[str]) -> None:
    """Raise Forbidden unless all these customers are in the actor's scope of this build."""
    keys = tuple(sorted(set(customers)))
    scope = EVERYTHING if actor.system else build.scope_of(actor.held)
    single = scope.attributes is None and bool(scope.everything or scope.members)
    seen = build.answer(Question((), ("customer_id",), View(scope).only("customer_id", *keys))) if single else ()
    if len(seen) != len(keys):
        raise Forbidden("You look after no such customer in this build. Ask whoever has the customer in their book.")


# Writing


def lock(journal: Journal, actor: Actor, build: Build, customer_id: str, channel: str, reason: str) -> str:
    """Decide one customer's channel, or no contact when it is empty; the override's key. Raises BadText, Forbidden."""
    channel = typed.text(channel, "The channel", 200, optional=True)
    return put(journal, actor, build, "override.lock", customer_id, CHANNEL, channel, reason)


def keep(journal: Journal, actor: Actor, build: Build, customer_id: str, reason: str) -> str:
    """Put one customer on the must-keep list; the override's key. Raises BadText, Forbidden."""
    return put(journal, actor, build, "override.keep", customer_id, KEEP, "", reason)


def end(journal: Journal, actor: Actor, build: Build, override_id: str) -> None:
    """End an override about a customer in one's scope. Raises Invalid or Forbidden."""
    with journal.write(actor, OVERRIDE_PLAN, "override.end", f"override:{override_id[:64]}", build.id) as connection:
        row = connection.execute(found().where(O.override_id == override_id[:64])).first()
        if row is None:
            raise Invalid("This override has ended already, or never was. Open the page again.")
        own_only(actor, build, [row.customer_id])
        connection.info["detail"] |= {"customer": row.customer_id, "kind": row.kind, "channel": row.channel}
        ended(connection, journal, actor, O.override_id == row.override_id)


# What they are made of


def put(
    journal: Journal, actor: Actor, build: Build, action: str, customer_id: str, kind: str, channel: str, reason: str
) -> str:
    """Write an override, and end the one of the same kind that held before."""
    reason, new = typed.text(reason, "The reason", MOST_REASON, lines=True), secrets.token_hex(16)
    detail = {"override": new, "reason": reason} | ({"channel": channel} if kind == CHANNEL else {})
    with journal.write(actor, OVERRIDE_PLAN, action, f"customer:{customer_id[:200]}", build.id, **detail) as connection:
        own_only(actor, build, [customer_id])
        if (connection.scalar(sa.select(sa.func.count()).where(O.ended_at.is_(None))) or 0) >= MOST_OPEN:
            raise Invalid(f"{MOST_OPEN:,} overrides hold, the most there can be. End some.")
        same = sa.and_(O.customer_id == customer_id, O.kind == kind, O.ended_at.is_(None))
        before = ended(connection, journal, actor, same)
        if before:
            connection.info["detail"]["ended_before"] = before
        row = {"override_id": new, "customer_id": customer_id, "kind": kind, "channel": channel, "reason": reason}
        connection.execute(sa.insert(OVERRIDE), row | {"by": actor.person, "at": journal.now()})
    return new


def ended(connection: sa.Connection, journal: Journal, actor: Actor, which: Any) -> int:
    """End the open overrides of a condition, once; how many there were."""
    values = {"ended_at": journal.now(), "ended_by": actor.person}
    return connection.execute(sa.update(OVERRIDE).where(which, O.ended_at.is_(None)).values(values)).rowcount


def found() -> sa.Select[Any]:
    """Overrides that hold, with the name of who decided, in the order of Override's fields."""
    name = sa.func.coalesce(PERSON.c.name, "").label("by_name")
    return (
        sa.select(O.override_id, O.customer_id, O.kind, O.channel, O.reason, O.by, name, O.at)
        .select_from(OVERRIDE.outerjoin(PERSON, PERSON.c.person_id == O.by))
        .where(O.ended_at.is_(None))
    )
