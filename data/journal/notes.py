"""Notes: a remark on a page, figure, saved view or partner, for oneself or for one's team, with author and time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from data import typed
from data.catalog import METRICS
from data.journal import views
from data.journal.problems import Invalid
from data.journal.schema import NOTE, PERSON
from data.journal.store import Journal
from data.journal.view_rows import PERSONAL, TEAM, team_of
from data.rights import ENTER, PARTNER_ROLE, Actor, Forbidden
from data.rights import NOTE as TO_NOTE

AUDIENCES = (PERSONAL, TEAM)
MOST_TEXT, MOST_SHOWN, MOST_NOTES, LONGEST_KEY = 2_000, 200, 5_000, 200
TARGET = re.compile(
    r"page:[a-z][a-z0-9_]{0,62}|figure:[a-z][a-z0-9_]{0,62}/([a-z][a-z0-9_]{0,62})|view:([\w-]{16,64})|partner:(.{1,200})"
)


@dataclass(frozen=True)
class Note:
    """One note. target: `page:overview`, `figure:overview/margin`, `view:<id>`, `partner:<key>`."""

    note_id: str
    author: str
    author_name: str
    audience: str
    team: str
    target: str
    text: str
    created_at: str


def add(journal: Journal, actor: Actor, target: str, text: str, audience: str, team: str = "") -> str:
    """Write a note; its id. Raises BadText, Forbidden, or Invalid for a target there is not."""
    text = typed.text(text, "The note", MOST_TEXT, lines=True)
    found = TARGET.fullmatch(target)
    if found is None or (found.group(1) and found.group(1) not in METRICS):
        raise Invalid("A note is about a page, a figure, a saved view or a partner.")
    if found.group(3) and typed.text(found.group(3), "The partner's key", LONGEST_KEY) != found.group(3):
        raise Invalid("A note is about a page, a figure, a saved view or a partner. This key is not written as it is.")
    if audience not in AUDIENCES:
        raise Invalid(f"A note is for one of {', '.join(AUDIENCES)}.")
    if found.group(2):
        views.get(journal, actor, found.group(2))
    note_id = secrets.token_urlsafe(16)
    with journal.write(actor, TO_NOTE, "note.add", target=target, audience=audience, note=note_id) as connection:
        team = team_of(actor, team) if audience == TEAM else ""
        mine = sa.select(sa.func.count()).where(NOTE.c.author == actor.person, NOTE.c.deleted_at.is_(None))
        if (connection.scalar(mine) or 0) >= MOST_NOTES:
            raise Invalid(f"You have {MOST_NOTES:,} notes, the most one person can keep. Remove some.")
        row = {"note_id": note_id, "author": actor.person, "audience": audience, "team": team, "target": target}
        connection.execute(sa.insert(NOTE).values(**row, text=text, created_at=journal.now()))
    return note_id


def of(journal: Journal, actor: Actor, targets: Collection[str]) -> list[Note]:
    """The latest notes on these targets that the actor may read: the own ones, and those of the own teams.

    Who may see a partner is not known here: ask of partners only that were found within the reader's scope.
    """
    if not actor.may(ENTER) or not targets:
        return []
    teams = sorted(actor.roles - {PARTNER_ROLE})  # partners are not a team: each is another company
    mine = sa.or_(NOTE.c.author == actor.person, sa.and_(NOTE.c.audience == TEAM, NOTE.c.team.in_(teams)))
    name = sa.func.coalesce(PERSON.c.name, "").label("author_name")
    columns = (NOTE.c.note_id, NOTE.c.author, name, NOTE.c.audience, NOTE.c.team, NOTE.c.target, NOTE.c.text)
    statement = (
        sa.select(*columns, NOTE.c.created_at)
        .select_from(NOTE.outerjoin(PERSON, PERSON.c.person_id == NOTE.c.author))
        .where(NOTE.c.target.in_(sorted(targets)), NOTE.c.deleted_at.is_(None), mine)
        .order_by(NOTE.c.created_at.desc(), NOTE.c.note_id)
        .limit(MOST_SHOWN)
    )
    return [Note(*tuple(row)) for row in journal.rows(statement)]


def remove(journal: Journal, actor: Actor, note_id: str) -> None:
    """Take one's own note away. Raises Forbidden, with the same words for a note of somebody else and for none."""
    with journal.write(actor, TO_NOTE, "note.remove", target=f"note:{note_id[:64]}") as connection:
        own = sa.and_(NOTE.c.note_id == note_id, NOTE.c.author == actor.person, NOTE.c.deleted_at.is_(None))
        removed = connection.execute(sa.update(NOTE).where(own).values(deleted_at=journal.now()))
        if removed.rowcount != 1:
            raise Forbidden("There is no such note of yours. Only its author can remove a note.")
