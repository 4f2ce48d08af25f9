"""Releases: lists of customers whom it no longer pays to contact, proposed by one person and released by another.

Nothing is sent and nobody is terminated: while a list is released, plans and campaigns leave its customers out, or
leave them the one channel the list names. Whoever is on a must-keep list is never released. Ending a list is a further
step; from then on its customers are back.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple

import sqlalchemy as sa

from data import typed
from data.journal import overrides
from data.journal.misses import MISSES
from data.journal.overrides import O
from data.journal.problems import Invalid
from data.journal.release_rows import (
    CHEAPER,
    RC,
    RELEASED,
    RS,
    STOP,
    WAITING,
    Listed,
    NoRelease,
    R,
    Release,
    Step,
    advance,
    found,
    stepping,
    visible,
)
from data.journal.schema import OVERRIDE, PERSON, RELEASE, RELEASE_CUSTOMER, RELEASE_STEP
from data.journal.store import Journal
from data.rights import CUSTOMERS, PROPOSE_RELEASE, Actor, Forbidden
from data.rights import RELEASE as TO_RELEASE
from data.warehouse import Build

MOST_NOTE, MOST_CUSTOMERS, SHOWN = 1_000, 50_000, 3
COLUMNS = [RC.customer_id, RC.action, RC.channel, RC.expected, RC.low, RC.high, RC.p_wrong, RC.saving]


# Reading


def get(journal: Journal, actor: Actor, release_id: str) -> Release:
    """A list this actor may see. Raises NoRelease, or TooManyMisses for somebody who guesses."""
    who = actor.session or actor.person
    MISSES.check(who)
    actor.require(CUSTOMERS)
    row = next(iter(journal.rows(found().where(R.release_id == release_id[:64]))), None)
    if row is None or not visible(actor, row.author):
        MISSES.note(who)
        journal.record(actor, "denied", f"release:{release_id[:64]}", tried="release.get")
        raise NoRelease
    return Release(*tuple(row))


def listing(journal: Journal, actor: Actor) -> list[Release]:
    """All lists this actor may see, the latest step first: managers their own, those who decide or check all."""
    actor.require(CUSTOMERS)
    rows = journal.rows(found().order_by(RS.at.desc(), R.release_id))
    return [Release(*tuple(row)) for row in rows if visible(actor, row.author)]


def customers(journal: Journal, actor: Actor, release_id: str) -> list[Listed]:
    """The customers of a list, by their keys, with the figures it was proposed with. Raises NoRelease."""
    get(journal, actor, release_id)
    return listed(journal.rows(sa.select(*COLUMNS).where(RC.release_id == release_id).order_by(RC.customer_id)))


def steps(journal: Journal, actor: Actor, release_id: str) -> list[Step]:
    """What happened to a list, the first step first. Raises NoRelease."""
    get(journal, actor, release_id)
    name = sa.func.coalesce(PERSON.c.name, "")
    asked = sa.select(RS.step, RS.name, RS.after, RS.by, name, RS.at, RS.build, RS.reason, RS.detail).select_from(
        RELEASE_STEP.outerjoin(PERSON, PERSON.c.person_id == RS.by)
    )
    return [Step(*tuple(row)) for row in journal.rows(asked.where(RS.release_id == release_id).order_by(RS.step))]


def released(journal: Journal) -> dict[str, frozenset[str]]:
    """Customer -> the channels still allowed, none when all contacts stopped: for programs, which plan for everybody.

    Whoever was put on the must-keep list since is not among them.
    """
    kept, only = overrides.kept(journal), dict[str, frozenset[str]]({"": frozenset()})
    with journal.engine.connect() as connection:
        return {
            row.customer_id: only.setdefault(row.channel, frozenset({row.channel}))
            for row in on_lists(connection, RELEASED)
            if row.customer_id not in kept
        }


def on_a_list(journal: Journal) -> dict[str, str]:
    """Customer -> `waiting` or `released`, of every list that waits or holds: for programs."""
    with journal.engine.connect() as connection:
        return taken(connection)


# Writing


def propose(journal: Journal, actor: Actor, build: Build, rows: Sequence[Listed], note: str) -> str:
    """Propose a list of one's own customers; its key. It waits for a second person. Raises BadText, Invalid, Forbidden.

    rows: as data.demarketing works them out from this build.
    """
    note, new = typed.text(note, "The note", MOST_NOTE, lines=True), secrets.token_hex(16)
    keys = [row.customer_id for row in rows]
    if not 0 < len(keys) <= MOST_CUSTOMERS or len(set(keys)) != len(keys):
        raise Invalid(f"A list has 1 to {MOST_CUSTOMERS:,} different customers; this one has {len(keys):,}.")
    if not all(sound(row) for row in rows):
        raise Invalid("A list needs an expected margin and a chance of being wrong for each customer.")
    detail = {"customers": len(keys), "stop": sum(row.action == STOP for row in rows), "note": note}
    with journal.write(actor, PROPOSE_RELEASE, "release.propose", f"release:{new}", build.id, **detail) as connection:
        overrides.own_only(actor, build, keys)
        if held := sorted(kept_now(connection) & set(keys)):
            raise Invalid(f"{named(held)} on the must-keep list, and nobody there is released. Choose again.")
        if held := sorted(taken(connection).keys() & set(keys)):
            raise Invalid(f"{named(held)} on another list that waits or holds. Choose again.")
        row = {"release_id": new, "author": actor.person, "created_at": journal.now(), "build": build.id, "note": note}
        connection.execute(sa.insert(RELEASE), row)
        names = [column.name for column in COLUMNS]
        connection.execute(
            sa.insert(RELEASE_CUSTOMER),
            [{"release_id": new} | dict(zip(names, astuple(one), strict=True)) for one in rows],
        )
        advance(connection, journal, actor, new, "propose", build.id)
    return new


def release(
    journal: Journal, actor: Actor, release_id: str, build: str, dropped: Mapping[str, str] | None = None
) -> int:
    """Be the second person, and release a list; how many customers. build: the one on the screen.

    dropped: customer -> why they stay although they are on the list: what changed since it was proposed. Whoever was
    put on the must-keep list meanwhile stays, too. Raises Invalid when nobody is left.
    """
    with stepping(journal, actor, TO_RELEASE, "release", release_id, build) as (connection, now):
        another(actor, now)
        chosen = {
            row.customer_id
            for row in connection.execute(sa.select(RC.customer_id).where(RC.release_id == now.release_id))
        }
        stay = {key: why for key, why in sorted((dropped or {}).items()) if key in chosen}
        stay |= dict.fromkeys(sorted(kept_now(connection) & chosen), "must keep")
        if len(stay) == len(chosen):
            raise Invalid("Nobody of this list is left to release: refuse it, and say why.")
        connection.info["step"] = {"dropped": stay}
        connection.info["detail"] |= {"customers": len(chosen) - len(stay), "dropped": len(stay)}
        return len(chosen) - len(stay)


def refuse(journal: Journal, actor: Actor, release_id: str, build: str, reason: str) -> None:
    """Be the second person, and say why not."""
    reason = typed.text(reason, "The reason", MOST_NOTE, lines=True)
    with stepping(journal, actor, TO_RELEASE, "refuse", release_id, build, reason) as (_, now):
        another(actor, now)


def withdraw(journal: Journal, actor: Actor, release_id: str, build: str, reason: str) -> None:
    """Take one's own list back while it waits."""
    reason = typed.text(reason, "The reason", MOST_NOTE, lines=True)
    with stepping(journal, actor, PROPOSE_RELEASE, "withdraw", release_id, build, reason) as (_, now):
        if actor.person != now.author:
            raise Forbidden("Only the author of a list can withdraw it.")


def end(journal: Journal, actor: Actor, release_id: str, build: str, reason: str) -> None:
    """Bring the customers of a released list back: its author, or whoever may release."""
    reason = typed.text(reason, "The reason", MOST_NOTE, lines=True)
    permission = TO_RELEASE if actor.may(TO_RELEASE) else PROPOSE_RELEASE
    with stepping(journal, actor, permission, "end", release_id, build, reason) as (connection, now):
        connection.info["detail"]["customers"] = now.customers


# What they are made of


def another(actor: Actor, now: Release) -> None:
    """Refuse the author: the second person is another one."""
    if actor.person == now.author:
        raise Forbidden("You proposed this list yourself. Let another approver decide.")


def sound(row: Listed) -> bool:
    """Whether a row has what a decision needs."""
    figures = (row.expected, row.low, row.high, row.p_wrong, row.saving)
    right = row.action in (STOP, CHEAPER) and (row.action == STOP) == (row.channel == "")
    return right and all(map(math.isfinite, figures)) and 0 <= row.p_wrong <= 1


def named(keys: Sequence[str]) -> str:
    """'C1, C2, C3 and 4 more are': keys that have something in common."""
    more = f" and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else ""
    return f"{', '.join(keys[:SHOWN])}{more} {'is' if len(keys) == 1 else 'are'}"


def listed(rows: Sequence[sa.Row]) -> list[Listed]:
    """Rows of the journal as customers of a list."""
    return [Listed(*tuple(row)) for row in rows]


def kept_now(connection: sa.Connection) -> set[str]:
    """Customers whom people keep, inside a write."""
    asked = sa.select(OVERRIDE.c.customer_id).where(O.kind == overrides.KEEP, O.ended_at.is_(None))
    return set(connection.scalars(asked))


def taken(connection: sa.Connection) -> dict[str, str]:
    """Customer -> the state of the list that waits or holds them; whoever was taken off a released list is free."""
    states = (WAITING, RELEASED)
    return {row.customer_id: state for state in states for row in on_lists(connection, state)}


def on_lists(connection: sa.Connection, state: str) -> Iterator[sa.Row]:
    """Customer and channel of every list in a state, by lists in the order of their keys; without those taken off."""
    last = sa.select(RS.release_id, sa.func.max(RS.step).label("step")).group_by(RS.release_id).subquery()
    here = sa.and_(last.c.release_id == RS.release_id, last.c.step == RS.step)
    asked = sa.select(RS.release_id, RS.detail).join(last, here).where(RS.after == state).order_by(RS.release_id)
    for one in connection.execute(asked).all():
        off = set(json.loads(one.detail).get("dropped", {}))
        rows = sa.select(RC.customer_id, RC.channel).where(RC.release_id == one.release_id).order_by(RC.customer_id)
        yield from (row for row in connection.execute(rows) if row.customer_id not in off)
