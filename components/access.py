"""Who is looking: the person signed in, what they may do, and which rows of the company they may see.

Rights are read anew each time, from the journal: a role that was taken away is gone at the next click. The cookie only
says whose session it is.
"""

from __future__ import annotations

import streamlit as st

from data import rights
from data.journal import people, store
from data.journal.store import Journal
from data.rights import NOBODY, Actor
from data.view import Scope
from data.warehouse import Build

SEEN_AS, GO_HOME, ACTOR, SCOPE, LOOKED_AT = "_seen_as", "_go_home", "_actor", "_scope", "_looked_at"


def journal() -> Journal:
    """The journal of this server."""
    return store.journal()


def begin() -> Actor:
    """The actor of this run; a person at work keeps the session from ending."""
    st.session_state[ACTOR] = signed_in(touch=True)
    st.session_state.pop(SCOPE, None)
    return st.session_state[ACTOR]


def current_user() -> Actor:
    """The actor, with the rights of this moment. Callbacks run before the frame and so must not trust the last run."""
    return signed_in()


def signed_in(touch: bool = False) -> Actor:
    """Who the session belongs to, or whoever that person looks as; nobody when it has ended or never was."""
    claims = dict(st.user)
    if not claims.get("is_logged_in"):
        return NOBODY
    session = people.alive(journal(), people.session_id(claims), touch=touch)
    if session is None:
        return NOBODY
    actor = people.actor_of(journal(), session)
    seen_as = st.session_state.get(SEEN_AS)
    return people.seen_by(journal(), actor, seen_as) if seen_as and actor.may(rights.VIEW_AS) else actor


def may_split(build: Build, *names: str) -> bool:
    """Whether the reader may split by these attributes; readers of groups may by those that single out nobody."""
    allowed = scope(build).attributes
    return allowed is None or set(names) <= set(allowed)


def changed() -> bool:
    """Whether the screen was drawn for a session that has ended meanwhile, or for other roles than now."""
    return bool(reader().person) and signed_in().held != reader().held


def scope(build: Build) -> Scope:
    """The rows of a build that the reader may see."""
    known = st.session_state.setdefault(SCOPE, {})
    if build.id not in known:
        known[build.id] = build.scope_of(reader().held)
    return known[build.id]


def reader() -> Actor:
    """The reader of this run, with the rights that the screen is drawn for."""
    return st.session_state.get(ACTOR, NOBODY)


def may(permission: str) -> bool:
    """Whether the reader of this run has a permission."""
    return reader().may(permission)


def look_as(person: str) -> None:
    """See what somebody else sees, until `look_as_myself`; recorded."""
    people.view_as(journal(), current_user(), person)
    st.session_state[SEEN_AS] = person
    st.session_state[GO_HOME] = True  # what is open now may be no page of theirs


def look_as_myself() -> None:
    """Back to one's own eyes."""
    seen = st.session_state.pop(SEEN_AS, None)
    if seen:
        journal().record(current_user(), "view-as.end", seen)
        st.session_state[GO_HOME] = True


def eyes_changed() -> bool:
    """Whether this run is the first one through somebody else's eyes, or again through one's own."""
    return st.session_state.pop(GO_HOME, False)


def looked_at(action: str, target: str, build: str) -> None:
    """Record that something was looked at: once, however often the screen is drawn."""
    if st.session_state.get(LOOKED_AT) != (action, target, build):
        journal().record(reader(), action, target, build)
        st.session_state[LOOKED_AT] = (action, target, build)


def hinders_deciding(actor: Actor, permission: str) -> str:
    """Why somebody cannot be the second person of anything; nothing when nothing stands in the way."""
    if actor.viewed_by:
        return "Nothing can be changed while looking as somebody else."
    return "" if actor.may(permission) else "Your roles do not let you decide this."
