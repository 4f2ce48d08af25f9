"""What a saved view is, who may read it, and how it is found in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from data import view_format
from data.journal.misses import MISSES
from data.journal.problems import Invalid
from data.journal.schema import PERSON, SAVED_VIEW, VIEW_VERSION
from data.journal.store import Journal
from data.rights import ENTER, PARTNER_ROLE, ROLES, SHARE_VIEW, Actor, Forbidden
from data.view_format import Body

PERSONAL, TEAM, COMPANY = AUDIENCES = ("personal", "team", "company")


@dataclass(frozen=True)
class SavedView:
    """One version of a view. text: its body as it was stored, in the format of its day."""

    view_id: str
    owner: str
    owner_name: str
    audience: str
    team: str
    current: int
    version: int
    name: str
    note: str
    text: str
    saved_by: str
    saved_at: str

    @cached_property
    def body(self) -> Body:
        """What the view shows, in the present format. Raises BadView."""
        return view_format.parse(self.text)

    @property
    def shared_with(self) -> str:
        """Whom it is for, in words."""
        return {PERSONAL: "only the owner", TEAM: f"team: {self.team}", COMPANY: "company"}[self.audience]


class NotFound(Forbidden):
    """There is no such view for this reader; the same words whether it is deleted, somebody else's, or never was."""

    def __init__(self) -> None:
        super().__init__("There is no such view, or it is not shared with you. Ask whoever gave you the link.")


class Conflict(Invalid):
    """Somebody saved the view meanwhile. theirs: what is stored now; differs: what they have otherwise than this."""

    def __init__(self, theirs: SavedView, differs: list[tuple[str, str, str]]):
        self.theirs, self.differs = theirs, differs
        parts = "; ".join(f"{what}: “{stored}”, not “{mine}”" for what, stored, mine in differs) or "the same content"
        super().__init__(
            f"This view was saved meanwhile as version {theirs.version} ({parts}). Nothing of yours was stored: "
            "open it again, or save yours as a new view."
        )


def readable(actor: Actor, row: Any) -> bool:
    """Whether the actor may read a view: the owner, those of its team, or everybody in the company but partners."""
    if not actor.may(ENTER):
        return False
    if row.owner == actor.person:
        return True
    inside = bool(actor.roles - {PARTNER_ROLE})
    return inside and (row.audience == COMPANY or (row.audience == TEAM and row.team in actor.roles))


def guarded(
    journal: Journal, actor: Actor, asked: sa.Select[Any], kind: str, key: str, refusal: type[Forbidden]
) -> sa.Row[Any]:
    """The row of a view or a segment this actor may read. kind: view or segment.

    A miss is recorded and raises the refusal; who misses too often is a guesser: TooManyMisses.
    """
    who = actor.session or actor.person
    MISSES.check(who)
    rows = journal.rows(asked)
    if not rows or not readable(actor, rows[0]):
        MISSES.note(who)
        journal.record(actor, "denied", target=f"{kind}:{key[:64]}", tried=f"{kind}.get")
        raise refusal
    return rows[0]


def versioned() -> sa.Select:
    """Views with their versions and the owner's name, in the order of SavedView's fields."""
    view, version = SAVED_VIEW.c, VIEW_VERSION.c
    joined = SAVED_VIEW.join(VIEW_VERSION, view.view_id == version.view_id).outerjoin(
        PERSON, PERSON.c.person_id == view.owner
    )
    name = sa.func.coalesce(PERSON.c.name, "").label("owner_name")
    return sa.select(
        *(view.view_id, view.owner, name, view.audience, view.team, view.version.label("current")),
        *(version.version, version.name, version.note, version.body, version.saved_by, version.saved_at),
    ).select_from(joined)


def current() -> tuple[sa.ColumnElement[bool], ...]:
    """Only current versions of views that are not deleted."""
    return VIEW_VERSION.c.version == SAVED_VIEW.c.version, SAVED_VIEW.c.deleted_at.is_(None)


def team_of(actor: Actor, wanted: str) -> str:
    """The role a view is shared with: the one asked for, when the actor has it, else the first of the actor's."""
    roles = [role for role in ROLES if role in actor.roles]
    if not roles or (wanted and wanted not in roles):
        raise Forbidden("A view can be shared only with a team you belong to.")
    return wanted or roles[0]


def team_for(actor: Actor, audience: str, team: str) -> str:
    """The team of what is kept for an audience, empty unless it is for one; sharing at all needs its own right."""
    if audience != PERSONAL:
        actor.require(SHARE_VIEW)
    return team_of(actor, team) if audience == TEAM else ""


def differing(stored: SavedView, name: str, note: str, body: Body, audience: str) -> list[tuple[str, str, str]]:
    """What is stored otherwise than these: what it is, as stored, as given here."""
    pairs = [("name", stored.name, name), ("note", stored.note, note), ("audience", stored.audience, audience)]
    found = [(what, theirs, mine) for what, theirs, mine in pairs if theirs != mine]
    changed = view_format.differences(stored.body, body)
    return found + [(what, ", ".join(theirs) or "none", ", ".join(mine) or "none") for what, theirs, mine in changed]
