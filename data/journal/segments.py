"""Segments: a named combination of attributes of customers, for oneself, for one's team or for the company.

What a segment holds never changes: what was found out about it would otherwise be about another one. Its name, note and
audience may. Who may read one is decided here at every read; which customers it has for a reader, by their own rights.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from data import typed, view_format
from data.journal import views
from data.journal.problems import Invalid
from data.journal.schema import PERSON, SEGMENT
from data.journal.store import Journal
from data.journal.view_rows import AUDIENCES, COMPANY, PERSONAL, TEAM, SavedView, guarded, readable, team_for
from data.rights import SAVE_VIEW, SHARE_VIEW, Actor, Forbidden
from data.tables import is_of_customer
from data.view import Members
from data.view_format import BadView

MOST_NAME, MOST_NOTE, MOST_SEGMENTS, RANDOM_BYTES = 200, 2_000, 500, 16
PAGE, PARAMETER = "segments", "within"  # how members are written down; what names a segment in an address


@dataclass(frozen=True)
class Segment:
    """One segment. text: its members as they were stored, in the format of views of that day."""

    segment_id: str
    owner: str
    owner_name: str
    audience: str
    team: str
    name: str
    note: str
    text: str
    created_at: str
    changed_at: str

    @cached_property
    def members(self) -> Members:
        """Attributes of customers with the values the segment has of each. Raises BadView."""
        return view_format.parse(self.text).parameters

    @property
    def shared_with(self) -> str:
        """Whom it is for, in words."""
        return {PERSONAL: "only the owner", TEAM: f"team: {self.team}", COMPANY: "company"}[self.audience]


class NoSegment(Forbidden):
    """There is no such segment for this reader; the same words whether it is deleted, somebody's, or never was."""

    def __init__(self) -> None:
        super().__init__("There is no such segment, or it is not shared with you. Ask whoever gave you the link.")


# Reading


def get(journal: Journal, actor: Actor, segment_id: str) -> Segment:
    """A segment this actor may read. Raises NoSegment, or TooManyMisses for somebody who guesses."""
    asked = found().where(SEGMENT.c.segment_id == segment_id[:64])
    return Segment(*tuple(guarded(journal, actor, asked, "segment", segment_id, NoSegment)))


def listing(journal: Journal, actor: Actor) -> list[Segment]:
    """All segments this actor may read, by name."""
    rows = journal.rows(found().order_by(SEGMENT.c.name, SEGMENT.c.segment_id))
    return [Segment(*tuple(row)) for row in rows if readable(actor, row)]


def used_in(journal: Journal, actor: Actor, segment_id: str) -> list[SavedView]:
    """The saved views this actor may read that show this segment."""
    return [view for view in views.listing(journal, actor) if segment_id in named(view)]


def named(view: SavedView) -> tuple[str, ...]:
    """The segments a view names; none of one that cannot be read."""
    try:
        return view.body.of(PARAMETER)
    except BadView:
        return ()


# Writing


def save(
    journal: Journal,
    actor: Actor,
    name: str,
    note: str,
    members: Mapping[str, Sequence[str]],
    audience: str,
    team: str = "",
) -> str:
    """Keep a new segment; its id. Raises BadText, BadView, Invalid or Forbidden."""
    name, note = texts(name, note, audience)
    written = view_format.serialise(view_format.body_of(PAGE, {one: list(values) for one, values in members.items()}))
    chosen = view_format.parse(written).parameters
    if not chosen:
        raise Invalid("A segment needs at least one filter. Choose one first.")
    for one, values in chosen:
        if not is_of_customer(one):
            raise Invalid(f"A segment is made of attributes of customers, and {one} is none.")
        if reason := next(filter(None, map(typed.personal, values)), None):
            raise typed.BadText(f"A value of this segment {reason}. Segments hold categories only.")
    new = secrets.token_urlsafe(RANDOM_BYTES)
    with journal.write(actor, SAVE_VIEW, "segment.save", target=f"segment:{new}", audience=audience) as connection:
        team = team_for(actor, audience, team)
        owned = sa.select(sa.func.count()).where(SEGMENT.c.owner == actor.person, SEGMENT.c.deleted_at.is_(None))
        if (connection.scalar(owned) or 0) >= MOST_SEGMENTS:
            raise Invalid(f"You have {MOST_SEGMENTS:,} segments, the most one person can keep. Delete some.")
        moment = journal.now()
        row = {"segment_id": new, "owner": actor.person, "created_at": moment, "changed_at": moment}
        row |= {"audience": audience, "team": team, "name": name, "note": note, "members": written}
        connection.execute(sa.insert(SEGMENT).values(**row))
    return new


def rename(
    journal: Journal, actor: Actor, segment_id: str, name: str, note: str, audience: str, team: str = ""
) -> None:
    """Give one's own segment another name, note or audience. Raises BadText, Invalid or Forbidden."""
    name, note = texts(name, note, audience)
    target = f"segment:{segment_id[:64]}"
    with journal.write(actor, SAVE_VIEW, "segment.rename", target=target, audience=audience) as connection:
        own(connection, actor, segment_id)
        team = team_for(actor, audience, team)
        changed = sa.update(SEGMENT).where(SEGMENT.c.segment_id == segment_id)
        connection.execute(changed.values(name=name, note=note, audience=audience, team=team, changed_at=journal.now()))


def delete(journal: Journal, actor: Actor, segment_id: str) -> None:
    """Take one's own segment away from everybody; what it held stays in the journal, for whoever audits it."""
    with journal.write(actor, SAVE_VIEW, "segment.delete", target=f"segment:{segment_id[:64]}") as connection:
        own(connection, actor, segment_id)
        gone = sa.update(SEGMENT).where(SEGMENT.c.segment_id == segment_id)
        connection.execute(gone.values(deleted_at=journal.now()))


# What they are made of


def found() -> sa.Select[Any]:
    """Segments that are not deleted, with the owner's name, in the order of Segment's fields."""
    segment = SEGMENT.c
    name = sa.func.coalesce(PERSON.c.name, "").label("owner_name")
    return (
        sa.select(
            *(segment.segment_id, segment.owner, name, segment.audience, segment.team),
            *(segment.name, segment.note, segment.members, segment.created_at, segment.changed_at),
        )
        .select_from(SEGMENT.outerjoin(PERSON, PERSON.c.person_id == segment.owner))
        .where(segment.deleted_at.is_(None))
    )


def texts(name: str, note: str, audience: str) -> tuple[str, str]:
    """Name and note as they are stored; raises BadText or Invalid."""
    if audience not in AUDIENCES:
        raise Invalid(f"A segment is for one of {', '.join(AUDIENCES)}.")
    name = typed.text(name, "The name", MOST_NAME)
    return name, typed.text(note, "The note", MOST_NOTE, optional=True, lines=True)


def own(connection: sa.Connection, actor: Actor, segment_id: str) -> None:
    """Raise unless this is one's own segment; a shared one needs the right to share at every change."""
    row = connection.execute(found().where(SEGMENT.c.segment_id == segment_id[:64])).first()
    if row is None or not readable(actor, row):
        raise NoSegment
    if row.owner != actor.person:
        raise Forbidden("Only its owner can change this segment. Keep the same filters as one of yours instead.")
    if row.audience != PERSONAL:
        actor.require(SHARE_VIEW)
