"""Saved channel plans: what was solved, under which policy, on which build; whose customers get what is in a file.

A plan never changes. Removing one takes it out of the lists; the row stays for whoever audits it.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from data import typed
from data.journal.campaign_rows import visible
from data.journal.misses import MISSES
from data.journal.problems import Invalid
from data.journal.schema import PERSON, PLAN
from data.journal.store import Journal
from data.rights import SAVE_PLAN, VIEW, Actor, Forbidden

MOST_NAME, MOST_PLANS, MOST_TEXT = 200, 500, 100_000
P = PLAN.c
HEX, FILE = re.compile(r"[0-9a-f]{64}"), re.compile(r"[\w.-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class SavedPlan:
    """One plan. policy: its canonical text; figures_text: JSON; file, sha256: the frozen rows."""

    plan_id: str
    author: str
    author_name: str
    name: str
    created_at: str
    build: str
    policy: str
    figures_text: str
    file: str
    sha256: str

    @cached_property
    def figures(self) -> dict[str, Any]:
        """Value, bound, cost and contacts as they were when the plan was kept."""
        return json.loads(self.figures_text)


class NoPlan(Forbidden):
    """There is no such plan for this reader; the same words whether it is removed, somebody's, or never was."""

    def __init__(self) -> None:
        super().__init__("There is no such plan, or you may not see it. Ask whoever gave you the link.")


def new_key() -> str:
    """A key for a plan whose file is written before it is kept."""
    return secrets.token_hex(16)


def get(journal: Journal, actor: Actor, plan_id: str) -> SavedPlan:
    """A plan this actor may see. Raises NoPlan, or TooManyMisses for somebody who guesses."""
    who = actor.session or actor.person
    MISSES.check(who)
    actor.require(VIEW)
    row = next(iter(journal.rows(found().where(P.plan_id == plan_id[:64]))), None)
    if row is None or not visible(actor, row.author):
        MISSES.note(who)
        journal.record(actor, "denied", f"plan:{plan_id[:64]}", tried="plan.get")
        raise NoPlan
    return SavedPlan(*tuple(row))


def listing(journal: Journal, actor: Actor) -> list[SavedPlan]:
    """All plans this actor may see, the latest first: managers their own, those who decide or check all."""
    actor.require(VIEW)
    rows = journal.rows(found().order_by(P.created_at.desc(), P.plan_id))
    return [SavedPlan(*tuple(row)) for row in rows if visible(actor, row.author)]


def save(
    journal: Journal,
    actor: Actor,
    name: str,
    build: str,
    policy: str,
    figures: Mapping[str, Any],
    file: str,
    sha256: str,
    plan_id: str = "",
) -> str:
    """Keep a plan whose rows are frozen in a file; its key. plan_id: of new_key(). Raises BadText or Invalid."""
    name, new = typed.text(name, "The name", MOST_NAME), plan_id or new_key()
    written = json.dumps(dict(figures), ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    if len(policy) > MOST_TEXT or len(written) > MOST_TEXT:
        raise Invalid("This plan's policy or its figures are longer than a plan may be. Choose fewer filters.")
    if not re.fullmatch(r"[0-9a-f]{32}", new) or not HEX.fullmatch(sha256) or not FILE.fullmatch(file):
        raise Invalid("A plan is kept with the file of its rows, and the SHA-256 of it.")
    with journal.write(actor, SAVE_PLAN, "plan.save", f"plan:{new}", build, name=name, sha256=sha256) as connection:
        mine = sa.select(sa.func.count()).where(P.author == actor.person, P.removed_at.is_(None))
        if (connection.scalar(mine) or 0) >= MOST_PLANS:
            raise Invalid(f"You have {MOST_PLANS:,} plans, the most one person can keep. Remove some.")
        row = {"plan_id": new, "author": actor.person, "name": name, "created_at": journal.now(), "build": build}
        row |= {"policy": policy, "figures": written, "file": file, "sha256": sha256}
        connection.execute(sa.insert(PLAN), row)
    return new


def remove(journal: Journal, actor: Actor, plan_id: str) -> None:
    """Take one's own plan out of the lists. Raises NoPlan or Forbidden."""
    with journal.write(actor, SAVE_PLAN, "plan.remove", f"plan:{plan_id[:64]}") as connection:
        row = connection.execute(found().where(P.plan_id == plan_id[:64])).first()
        if row is None or not visible(actor, row.author):
            raise NoPlan
        if row.author != actor.person:
            raise Forbidden("Only its author can remove a plan.")
        gone = {"removed_at": journal.now(), "removed_by": actor.person}
        connection.execute(sa.update(PLAN).where(P.plan_id == row.plan_id).values(gone))


def found() -> sa.Select[Any]:
    """Plans that are not removed, with the author's name, in the order of SavedPlan's fields."""
    name = sa.func.coalesce(PERSON.c.name, "").label("author_name")
    return (
        sa.select(P.plan_id, P.author, name, P.name, P.created_at, P.build, P.policy, P.figures, P.file, P.sha256)
        .select_from(PLAN.outerjoin(PERSON, PERSON.c.person_id == P.author))
        .where(P.removed_at.is_(None))
    )
