"""People and their sessions: who is signed in, since when, and with which roles right now.

A person is an issuer and a subject of a signed ID token, nothing else: an e-mail address is reused, a name is changed.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from data.journal import chain, grants
from data.journal.problems import Invalid
from data.journal.schema import AUDIT, PERSON, SESSION
from data.journal.store import Journal, stored
from data.rights import END_SESSIONS, ENTER, SESSION_HOURS, VIEW_AS, Actor, Held

IDLE, ABSOLUTE, TOUCH = timedelta(minutes=30), timedelta(hours=SESSION_HOURS), timedelta(minutes=1)
LONGEST_NAME, LONGEST_CLAIM = 200, 400

LIVE = sa.select(SESSION, PERSON.c.name).join(PERSON).where(SESSION.c.session_id == sa.bindparam("session"))


class Already(Exception):
    """Somebody did this a moment before: the transaction is undone, and nobody needs to know."""


@dataclass(frozen=True)
class Session:
    """A sign-in that is still good: whose it is, and the roles the identity provider named then."""

    session_id: str
    person: str
    name: str
    provider: str
    held: tuple[Held, ...]
    created_at: str
    last_seen_at: str


def session_id(claims: Mapping[str, Any]) -> str:
    """An opaque key of one sign-in: its ID token's issuer, subject, nonce and moment of issue."""
    return digest({name: text_of(claims, name) for name in ("iss", "sub", "nonce", "iat")})


def person_id(claims: Mapping[str, Any]) -> str:
    """An opaque key of a person."""
    return digest({name: text_of(claims, name) for name in ("iss", "sub")})[:32]


def digest(said: Mapping[str, str]) -> str:
    """SHA-256 over canonical JSON, so that no two sets of claims can run together."""
    return hashlib.sha256(chain.canonical(said).encode()).hexdigest()


def text_of(claims: Mapping[str, Any], name: str) -> str:
    """A claim as text; nobody is signed in without issuer and subject."""
    value = claims.get(name)
    if name in ("iss", "sub") and not (isinstance(value, str) and 0 < len(value) <= LONGEST_CLAIM):
        raise Invalid(
            f"The sign-in has no usable “{name}”. Sign in again; if this returns, ask who looks after access."
        )
    return ("" if value is None else str(value)).encode("utf-8", "backslashreplace").decode()


def display_name(claims: Mapping[str, Any]) -> str:
    """What to call a person on a screen: on one line, no characters that nobody can see, never an e-mail address."""
    said = claims.get("name") or " ".join(filter(None, (claims.get("given_name"), claims.get("family_name"))))
    text = unicodedata.normalize("NFC", str(said)[: 4 * LONGEST_NAME])
    text = "".join(c if unicodedata.category(c) not in chain.HIDDEN else " " if c.isspace() else "" for c in text)
    text = " ".join(text.split())[:LONGEST_NAME]
    return f"Person {person_id(claims)[:6]}" if not text or "@" in text else text


def sign_in(journal: Journal, claims: Mapping[str, Any], provider: str, held: Iterable[Held]) -> str:
    """Note a sign-in: the person, the session and the roles the provider named. An ended session stays ended."""
    session, person, name, now = session_id(claims), person_id(claims), display_name(claims), journal.now()
    roles = pack(held)
    actor = Actor(person, name, session=session, system=True)  # Rapport notes it; a sign-in needs no right
    known = sa.select(SESSION.c.session_id).where(SESSION.c.session_id == session)
    if journal.rows(known):
        return session
    with suppress(Already), journal.write(actor, ENTER, "sign-in", person, provider=provider, held=roles) as connection:
        if connection.execute(known).first():  # two requests of one browser, at once
            raise Already
        seen = {"name": name, "last_seen_at": now}
        if not connection.execute(PERSON.update().where(PERSON.c.person_id == person).values(seen)).rowcount:
            who = {"issuer": text_of(claims, "iss"), "subject": text_of(claims, "sub")}
            connection.execute(PERSON.insert(), {"person_id": person, "first_seen_at": now, **who, **seen})
        row = {"session_id": session, "person_id": person, "provider": provider[:200], "held": roles}
        connection.execute(SESSION.insert(), {**row, "created_at": now, "last_seen_at": now})
    return session


def alive(journal: Journal, session_id: str, touch: bool = True) -> Session | None:
    """The session, unless it is unknown, ended, idle for 30 minutes or 12 hours old; touch: it is being used now."""
    row = next(iter(journal.rows(LIVE, session=session_id)), None)
    if row is None or row.ended_at is not None:
        return None
    now = journal.clock()
    if why := overdue(row, now):
        if touch:
            end_session(journal, session_id, why)
        return None
    if touch and row.last_seen_at <= stored(now - TOUCH):
        with journal.unaudited() as connection:
            here = SESSION.c.session_id == session_id
            connection.execute(SESSION.update().where(here).values(last_seen_at=stored(now)))
    return Session(
        row.session_id, row.person_id, row.name, row.provider, unpack(row.held), row.created_at, row.last_seen_at
    )


def overdue(row: Any, now: Any) -> str:
    """Why a session is over although nobody ended it, or nothing."""
    if row.created_at <= stored(now - ABSOLUTE):
        return f"{SESSION_HOURS} hours old"
    return "idle for 30 minutes" if row.last_seen_at <= stored(now - IDLE) else ""


def end_session(journal: Journal, session_id: str, why: str, actor: Actor | None = None) -> None:
    """End a session, for good. Ending it again changes nothing."""
    row = next(iter(journal.rows(LIVE, session=session_id)), None)
    if row is None or row.ended_at is not None:
        return
    who = replace(actor or Actor(row.person_id, row.name, session=session_id), system=True)
    action = "sign-out" if why.startswith("signed") else "session.end"
    with suppress(Already), journal.write(who, ENTER, action, row.person_id, why=why) as connection:
        if not end(connection, SESSION.c.session_id == session_id, journal.now(), why):
            raise Already


def end_sessions(journal: Journal, actor: Actor, person: str) -> int:
    """Sign somebody out everywhere; how many sessions that ended."""
    with journal.write(actor, END_SESSIONS, "sessions.end", person) as connection:
        ended = end(connection, SESSION.c.person_id == person, journal.now(), "ended by an administrator")
        connection.info["detail"]["ended"] = ended
    return ended


def end(connection: sa.Connection, which: sa.ColumnElement[bool], now: str, why: str) -> int:
    """Mark sessions as ended; how many were not yet."""
    change = SESSION.update().where(which, SESSION.c.ended_at.is_(None)).values(ended_at=now, ended_why=why[:200])
    return connection.execute(change).rowcount


def actor_of(journal: Journal, session: Session) -> Actor:
    """The person of a session with the roles held at this moment; none at all when they contradict each other."""
    actor = grants.actor(journal, Actor(session.person, session.name, session.held, session.session_id))
    if session.held and not actor.held:
        once_per_session(journal, session, actor)
    return actor


def once_per_session(journal: Journal, session: Session, actor: Actor) -> None:
    """Note that somebody has contradictory roles, once per session however often the page is drawn."""
    noted = sa.select(AUDIT.c.seq).where(
        AUDIT.c.actor == session.person, AUDIT.c.action == "roles.contradict", AUDIT.c.session == session.session_id
    )
    if not journal.rows(noted.limit(1)):
        journal.record(actor, "roles.contradict", session.person, held=pack(session.held))


def view_as(journal: Journal, actor: Actor, person: str) -> Actor:
    """Begin to look through somebody else's eyes, which is recorded; nothing can be changed meanwhile."""
    with journal.write(actor, VIEW_AS, "view-as", person):
        return seen_by(journal, actor, person)


def seen_by(journal: Journal, actor: Actor, person: str) -> Actor:
    """What somebody else is and holds at this moment, for one who looks through their eyes already."""
    name = names(journal).get(person)
    if name is None:
        raise Invalid("Nobody of that key has signed in yet. Choose somebody from the list.")
    seen = grants.actor(journal, Actor(person, name, last_held(journal, person).get(person, ()), actor.session))
    return replace(seen, viewed_by=actor.person, emergency_until="")


def last_held(journal: Journal, person: str = "") -> dict[str, tuple[Held, ...]]:
    """Roles that the provider named at each person's latest sign-in, or at that of one person."""
    at = sa.func.max(SESSION.c.created_at).label("at")
    latest = sa.select(SESSION.c.person_id, at).group_by(SESSION.c.person_id)
    newest = (latest.where(SESSION.c.person_id == person) if person else latest).subquery()
    same = sa.and_(SESSION.c.person_id == newest.c.person_id, SESSION.c.created_at == newest.c.at)
    return {row.person_id: unpack(row.held) for row in journal.rows(sa.select(SESSION).join(newest, same))}


def names(journal: Journal) -> dict[str, str]:
    """Person -> what to call them."""
    return {row.person_id: row.name for row in journal.rows(sa.select(PERSON.c.person_id, PERSON.c.name))}


def pack(held: Iterable[Held]) -> str:
    """Roles as JSON."""
    return json.dumps(sorted({(one.role, one.subject) for one in held}), ensure_ascii=True)


def unpack(text: str) -> tuple[Held, ...]:
    """Roles out of JSON."""
    return tuple(Held(role, subject) for role, subject in json.loads(text))
