"""Saved views: a page with its filters under a name, for oneself, for one's team or for the company.

Every change makes a version; none is lost. Who may read a view is decided here at every read, what the view shows to
them is decided by their own rights on the page. A view of somebody else, a deleted one and one that never was are the
same: not found.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from data import typed, view_format
from data.journal.problems import Invalid
from data.journal.schema import DEFAULT_VIEW, SAVED_VIEW, VIEW_OPENING, VIEW_VERSION
from data.journal.store import Journal
from data.journal.view_rows import (
    AUDIENCES,
    COMPANY,
    PERSONAL,
    TEAM,
    Conflict,
    NotFound,
    SavedView,
    current,
    differing,
    guarded,
    readable,
    team_for,
    versioned,
)
from data.rights import ENTER, PARTNER_ROLE, ROLES, SAVE_VIEW, SET_DEFAULT, SHARE_VIEW, Actor, Forbidden
from data.view_format import Body

MOST_NAME, MOST_NOTE, MOST_VIEWS, RANDOM_BYTES = 200, 2_000, 1_000, 16


# Reading


def get(journal: Journal, actor: Actor, view_id: str) -> SavedView:
    """The current version of a view this actor may read. Raises NotFound, or TooManyMisses for somebody who guesses."""
    asked = versioned().where(SAVED_VIEW.c.view_id == view_id[:64], *current())
    return SavedView(*tuple(guarded(journal, actor, asked, "view", view_id, NotFound)))


def listing(journal: Journal, actor: Actor) -> list[SavedView]:
    """All views this actor may read, the latest saved first."""
    mine = sa.or_(
        SAVED_VIEW.c.owner == actor.person,
        SAVED_VIEW.c.audience == COMPANY,
        sa.and_(SAVED_VIEW.c.audience == TEAM, SAVED_VIEW.c.team.in_(sorted(actor.roles))),
    )
    order = VIEW_VERSION.c.saved_at.desc(), SAVED_VIEW.c.view_id
    return [
        SavedView(*tuple(row))
        for row in journal.rows(versioned().where(mine, *current()).order_by(*order))
        if readable(actor, row)
    ]


def versions(journal: Journal, actor: Actor, view_id: str) -> list[SavedView]:
    """Every version of a view this actor may read, the latest first."""
    get(journal, actor, view_id)
    order = VIEW_VERSION.c.version.desc()
    return [
        SavedView(*tuple(row))
        for row in journal.rows(versioned().where(SAVED_VIEW.c.view_id == view_id).order_by(order))
    ]


def default_of(journal: Journal, actor: Actor, role: str) -> SavedView | None:
    """The view offered to everybody of a role; none when there is none that this actor may read."""
    rows = journal.rows(
        versioned()
        .join(DEFAULT_VIEW, DEFAULT_VIEW.c.view_id == SAVED_VIEW.c.view_id)
        .where(DEFAULT_VIEW.c.role == role, *current())
    )
    return SavedView(*tuple(rows[0])) if rows and readable(actor, rows[0]) else None


# Writing


def save(
    journal: Journal,
    actor: Actor,
    name: str,
    note: str,
    body: Body,
    audience: str,
    view_id: str | None = None,
    expected_version: int | None = None,
    team: str = "",
) -> str:
    """Save a new view, or a new version of one's own; its id. Raises BadText, BadView, Forbidden or Conflict.

    expected_version: the version the changes were made to; when another one is current, nothing is stored.
    """
    name = typed.text(name, "The name", MOST_NAME)
    note = typed.text(note, "The note", MOST_NOTE, optional=True, lines=True)
    written = view_format.serialise(body)
    for value in (value for _, values in body.parameters for value in values):
        if reason := typed.personal(value):
            raise typed.BadText(f"A value of this view {reason}. Addresses hold keys and categories only.")
    if audience not in AUDIENCES:
        raise Invalid(f"A view is for one of {', '.join(AUDIENCES)}.")
    action = "view.save" if view_id is None else "view.change"
    new = secrets.token_urlsafe(RANDOM_BYTES) if view_id is None else view_id
    with journal.write(actor, SAVE_VIEW, action, target=f"view:{new[:64]}", audience=audience) as connection:
        team = team_for(actor, audience, team)
        version, moment = 1, journal.now()
        if view_id is None:
            owned = sa.select(sa.func.count()).where(
                SAVED_VIEW.c.owner == actor.person, SAVED_VIEW.c.deleted_at.is_(None)
            )
            if (connection.scalar(owned) or 0) >= MOST_VIEWS:
                raise Invalid(f"You have {MOST_VIEWS:,} views, the most one person can keep. Delete some.")
            row = {"view_id": new, "owner": actor.person, "created_at": moment}
            connection.execute(sa.insert(SAVED_VIEW).values(**row, audience=audience, team=team, version=version))
        else:
            stored = own(connection, actor, view_id)
            if stored.current != expected_version:
                raise Conflict(stored, differing(stored, name, note, body, audience))
            version = stored.current + 1
            changed = sa.update(SAVED_VIEW).where(SAVED_VIEW.c.view_id == new)
            connection.execute(changed.values(audience=audience, team=team, version=version))
            if (audience, team) != (stored.audience, stored.team):
                forget_defaults(connection, new)
        content = {"name": name, "note": note, "body": written, "saved_by": actor.person, "saved_at": moment}
        connection.execute(sa.insert(VIEW_VERSION).values(view_id=new, version=version, **content))
        connection.info["detail"]["version"] = version
    return new


def restore(journal: Journal, actor: Actor, view_id: str, version: int) -> int:
    """Make an earlier version of one's own view the current one, as a new version; its number."""
    with journal.write(actor, SAVE_VIEW, "view.restore", target=f"view:{view_id[:64]}", restored=version) as connection:
        stored = own(connection, actor, view_id)
        old = sa.select(VIEW_VERSION).where(VIEW_VERSION.c.view_id == view_id, VIEW_VERSION.c.version == version)
        found = connection.execute(old).first()
        if found is None:
            raise NotFound
        content = {"name": found.name, "note": found.note, "body": found.body, "saved_by": actor.person}
        number, moment = stored.current + 1, journal.now()
        connection.execute(sa.insert(VIEW_VERSION).values(view_id=view_id, version=number, saved_at=moment, **content))
        connection.execute(sa.update(SAVED_VIEW).where(SAVED_VIEW.c.view_id == view_id).values(version=number))
        connection.info["detail"]["version"] = number
    return number


def delete(journal: Journal, actor: Actor, view_id: str) -> None:
    """Take one's own view away from everybody. Its versions stay in the journal, for whoever audits it."""
    with journal.write(actor, SAVE_VIEW, "view.delete", target=f"view:{view_id[:64]}") as connection:
        own(connection, actor, view_id)
        gone = sa.update(SAVED_VIEW).where(SAVED_VIEW.c.view_id == view_id)
        connection.execute(gone.values(deleted_at=journal.now()))
        forget_defaults(connection, view_id)


def set_default(journal: Journal, actor: Actor, role: str, view_id: str) -> None:
    """Offer a view to everybody of a role on their first page; an empty id takes the offer back."""
    with journal.write(actor, SET_DEFAULT, "view.default", target=f"view:{view_id[:64]}", role=role) as connection:
        if role not in ROLES or role == PARTNER_ROLE:
            raise Forbidden(f"There is no default view for “{role[:40]}”.")
        connection.execute(sa.delete(DEFAULT_VIEW).where(DEFAULT_VIEW.c.role == role))
        if not view_id:
            return
        stored = fetch(connection, actor, view_id)
        if stored.audience != COMPANY and (stored.audience, stored.team) != (TEAM, role):
            raise Forbidden(f"Not everybody of the role {role} may open this view. Share it with them first.")
        row = {"role": role, "view_id": view_id, "set_by": actor.person, "set_at": journal.now()}
        connection.execute(sa.insert(DEFAULT_VIEW).values(**row))


def opened(journal: Journal, actor: Actor, view_id: str, build: str) -> tuple[str | None, str | None]:
    """Remember which build the actor saw the view with; the build seen before that one, and when."""
    mine = sa.and_(VIEW_OPENING.c.view_id == view_id, VIEW_OPENING.c.person_id == actor.person)
    view = get(journal, actor, view_id)
    if actor.viewed_by:  # looking through somebody's eyes must not move what they saw last
        rows = journal.rows(sa.select(VIEW_OPENING).where(mine))
        return before(rows[0], build) if rows else (None, None)
    shared = journal.write(actor, ENTER, "view.open", target=f"view:{view_id}", build=build)
    with journal.unaudited() if view.owner == actor.person else shared as connection:
        last, moment = connection.execute(sa.select(VIEW_OPENING).where(mine)).first(), journal.now()
        if last is None:
            row = {"view_id": view_id, "person_id": actor.person, "build": build, "opened_at": moment}
            connection.execute(sa.insert(VIEW_OPENING).values(**row))
            return None, None
        build_before, opened_before_at = before(last, build)
        connection.execute(
            sa.update(VIEW_OPENING)
            .where(mine)
            .values(build=build, opened_at=moment, build_before=build_before, opened_before_at=opened_before_at)
        )
    return build_before, opened_before_at


# What they are made of


def before(last: Any, build: str) -> tuple[str | None, str | None]:
    """The build seen before this one, and when, as the row of the last opening tells."""
    same = last.build == build
    return (last.build_before, last.opened_before_at) if same else (last.build, last.opened_at)


def fetch(connection: sa.Connection, actor: Actor, view_id: str) -> SavedView:
    """A view inside a transaction. Raises NotFound."""
    row = connection.execute(versioned().where(SAVED_VIEW.c.view_id == view_id[:64], *current())).first()
    if row is None or not readable(actor, row):
        raise NotFound
    return SavedView(*tuple(row))


def own(connection: sa.Connection, actor: Actor, view_id: str) -> SavedView:
    """One's own view, to change it; a shared one needs the right to share at every change."""
    stored = fetch(connection, actor, view_id)
    if stored.owner != actor.person:
        raise Forbidden("Only its owner can change this view. Save it as a new one of yours instead.")
    if stored.audience != PERSONAL:
        actor.require(SHARE_VIEW)
    return stored


def forget_defaults(connection: sa.Connection, view_id: str) -> None:
    """A view that others can no longer open is nobody's default."""
    connection.execute(sa.delete(DEFAULT_VIEW).where(DEFAULT_VIEW.c.view_id == view_id))
