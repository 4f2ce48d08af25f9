"""Roles given by people: asked for by one, decided by another, and taken alone for an hour in an emergency."""

from __future__ import annotations

import json
import secrets
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from data import typed
from data.journal.problems import Invalid
from data.journal.schema import PERSON, ROLE_GRANT, SESSION
from data.journal.store import Journal, stored
from data.rights import (
    ADMIN,
    ASK_GRANT,
    DECIDE_GRANT,
    EMERGENCY,
    EMERGENCY_MINUTES,
    MANAGER,
    PARTNER_ROLE,
    REVIEW_EMERGENCY,
    REVOKE_GRANT,
    ROLES,
    SESSION_HOURS,
    Actor,
    Forbidden,
    Held,
    contradictions,
)

EMERGENCY_ROLES = frozenset({ADMIN})  # what may be taken alone
WITH_SUBJECT = frozenset({MANAGER, PARTNER_ROLE})  # roles that mean nothing without a book or a partner
LONGEST_REASON, MOST_DAYS = 1_000, 366
REPORT = (
    "person",
    "name",
    "role",
    "subject",
    "source",
    "asked_by",
    "granted_by",
    "reason",
    "since",
    "expires",
    "last_used",
)

G = ROLE_GRANT.c
IN_FORCE = (
    sa.select(ROLE_GRANT)
    .where(
        G.decision == "granted",
        G.revoked_at.is_(None),
        G.decided_at <= sa.bindparam("now"),
        sa.or_(G.expires_at.is_(None), G.expires_at > sa.bindparam("now")),
    )
    .order_by(G.decided_at, G.grant_id)
)
ACTIVE = IN_FORCE.where(G.person_id == sa.bindparam("person"))


def ask(
    journal: Journal, actor: Actor, person: str, role: str, reason: str, subject: str = "", days: int | None = None
) -> str:
    """Propose that somebody gets a role, for a reason and perhaps for some days only; the proposal's key."""
    grant_id, now = secrets.token_hex(16), journal.now()
    with journal.write(
        actor, ASK_GRANT, "grant.ask", grant_id, person=person, role=role, subject=subject, reason=reason, days=days
    ) as connection:
        if person == actor.person:
            raise Forbidden("Nobody asks for a role for themselves. Let another administrator ask.")
        checked(role, subject, reason, days)
        if not connection.scalar(sa.select(sa.func.count()).where(PERSON.c.person_id == person)):
            raise Invalid("Nobody of that key has signed in yet. Let the person sign in once, then ask again.")
        same = sa.select(G.grant_id).where(
            G.person_id == person, G.role == role, G.subject == subject, G.kind == "normal", G.revoked_at.is_(None),
            sa.or_(G.decision.is_(None), G.decision == "granted"), sa.or_(G.expires_at.is_(None), G.expires_at > now),
        )  # fmt: skip
        if connection.execute(same).first():
            raise Invalid("The person has this role, or somebody asked for it already. See the list.")
        refuse_contradiction(connection, journal, person, role)
        expires = stored(journal.clock() + timedelta(days=days)) if days else None
        row = {"grant_id": grant_id, "person_id": person, "role": role, "subject": subject, "kind": "normal"}
        row |= {"reason": reason.strip(), "asked_by": actor.person, "asked_at": now}
        connection.execute(ROLE_GRANT.insert(), {**row, "expires_at": expires})
        connection.info["detail"]["expires_at"] = expires
    return grant_id


def decide(journal: Journal, actor: Actor, grant_id: str, granted: bool) -> None:
    """Be the second person: grant what was asked, or refuse it."""
    with journal.write(actor, DECIDE_GRANT, "grant.decide", grant_id, granted=bool(granted)) as connection:
        row, now = found(connection, grant_id), journal.now()
        connection.info["detail"] |= {"person": row.person_id, "role": row.role, "subject": row.subject}
        if actor.person == row.asked_by:
            raise Forbidden("You asked for this yourself. Let another administrator decide.")
        if actor.person == row.person_id:
            raise Forbidden("This is about a role of your own. Let another administrator decide.")
        if row.decision or row.revoked_at:
            raise Invalid("This was decided or withdrawn already. See the list.")
        if row.expires_at and row.expires_at <= now:
            raise Invalid("The time that was asked for is over. Ask again.")
        if granted:
            refuse_contradiction(connection, journal, row.person_id, row.role)
        change(connection, grant_id, decided_by=actor.person, decided_at=now,
               decision="granted" if granted else "refused")  # fmt: skip


def revoke(journal: Journal, actor: Actor, grant_id: str) -> None:
    """Take a granted role away, or withdraw a proposal; holds at once, and needs no second person."""
    with journal.write(actor, REVOKE_GRANT, "grant.revoke", grant_id) as connection:
        row = found(connection, grant_id)
        connection.info["detail"] |= {"person": row.person_id, "role": row.role, "subject": row.subject}
        if row.revoked_at or row.decision == "refused":
            raise Invalid("This was refused or taken away already. See the list.")
        change(connection, grant_id, revoked_by=actor.person, revoked_at=journal.now())


def take_in_emergency(journal: Journal, actor: Actor, role: str, reason: str) -> str:
    """Take a role for one hour, alone. Everything done with it is marked, and somebody else reviews it afterwards."""
    grant_id, now = secrets.token_hex(16), journal.now()
    until = stored(journal.clock() + timedelta(minutes=EMERGENCY_MINUTES))
    with journal.write(
        actor, EMERGENCY, "emergency.take", grant_id, person=actor.person, role=role, reason=reason, expires_at=until
    ) as connection:
        if role not in EMERGENCY_ROLES:
            raise Forbidden(f"In an emergency only {' or '.join(sorted(EMERGENCY_ROLES))} can be taken.")
        checked(role, "", reason, None)
        if any(row.role == role for row in connection.execute(ACTIVE, {"person": actor.person, "now": now})):
            raise Invalid("You hold this role already.")
        row = {"grant_id": grant_id, "person_id": actor.person, "role": role, "kind": "emergency"}
        row |= {"reason": reason.strip(), "asked_by": actor.person, "asked_at": now, "expires_at": until}
        row |= {"decided_by": actor.person, "decided_at": now, "decision": "granted"}
        connection.execute(ROLE_GRANT.insert(), row)
    return grant_id


def review(journal: Journal, actor: Actor, grant_id: str, text: str) -> None:
    """Say afterwards whether taking a role in an emergency was in order."""
    with journal.write(actor, REVIEW_EMERGENCY, "emergency.review", grant_id, text=text) as connection:
        row = found(connection, grant_id)
        if actor.person == row.person_id:
            raise Forbidden("This was your own emergency. Let somebody else review it.")
        if row.kind != "emergency" or row.reviewed_at:
            raise Invalid("There is nothing to review here, or it was reviewed already. See the list.")
        if row.revoked_at is None and row.expires_at > journal.now():
            raise Invalid("This emergency still runs. Review it when it is over, so that all of it is reviewed.")
        said(text, "what you found")
        change(connection, grant_id, reviewed_by=actor.person, reviewed_at=journal.now(), review=text.strip())


def active(journal: Journal, person: str) -> list[sa.Row[Any]]:
    """Grants that hold now."""
    return journal.rows(ACTIVE, person=person, now=journal.now())


def waiting(journal: Journal) -> list[sa.Row[Any]]:
    """Proposals nobody has decided, and emergencies nobody has reviewed; the oldest first."""
    open_ = sa.and_(G.decision.is_(None), G.revoked_at.is_(None),
                    sa.or_(G.expires_at.is_(None), G.expires_at > journal.now()))  # fmt: skip
    unreviewed = sa.and_(G.kind == "emergency", G.reviewed_at.is_(None))
    return journal.rows(sa.select(ROLE_GRANT).where(sa.or_(open_, unreviewed)).order_by(G.asked_at, G.grant_id))


def actor(journal: Journal, known: Actor) -> Actor:
    """Somebody with the roles of the provider and those granted; with none when they contradict each other.

    A role taken in an emergency contradicts others on purpose; it adds to them for its hour.
    """
    rows = active(journal, known.person)
    held = {*known.held, *(Held(row.role, row.subject) for row in rows if row.kind == "normal")}
    if contradictions(frozenset(one.role for one in held)):
        return replace(known, held=())
    taken = [row for row in rows if row.kind == "emergency"]
    held |= {Held(row.role, row.subject) for row in taken}
    in_order = tuple(sorted(held, key=lambda one: (one.role, one.subject)))
    return replace(known, held=in_order, emergency_until=max((row.expires_at for row in taken), default=""))


def refuse_contradiction(connection: sa.Connection, journal: Journal, person: str, role: str) -> None:
    """Raise Forbidden when the role and what the person holds, by grant or from the provider, exclude each other."""
    now = journal.now()
    rows = connection.execute(ACTIVE, {"person": person, "now": now})
    roles = {row.role for row in rows if row.kind == "normal"}
    live = sa.select(SESSION.c.held).where(
        SESSION.c.person_id == person, SESSION.c.ended_at.is_(None),
        SESSION.c.created_at > stored(journal.clock() - timedelta(hours=SESSION_HOURS)),
    )  # fmt: skip
    roles |= {one for text in connection.scalars(live) for one, _ in json.loads(text)}
    other = next((b if a == role else a for a, b in contradictions(frozenset({*roles, role})) if role in (a, b)), "")
    if other:
        raise Forbidden(f"One person may not be {role} and {other}: the one checks the other. Take {other} away first.")


def checked(role: str, subject: str, reason: str, days: int | None) -> None:
    """Raise Invalid when a proposal makes no sense."""
    if role not in ROLES:
        raise Invalid(f"There is no role of that name. Choose one of: {', '.join(ROLES)}.")
    if bool(subject) != (role in WITH_SUBJECT) or len(subject) > 200:
        which = (
            "needs to say whose book or which partner" if role in WITH_SUBJECT else "is not about one book or partner"
        )
        raise Invalid(f"The role {role} {which}.")
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A role can be given for 1 to {MOST_DAYS} days, or without an end.")
    said(reason, "why")


def said(text: str, what: str) -> None:
    """Raise Invalid when a text that others rely on is empty or endless."""
    if not 1 <= len(text.strip()) <= LONGEST_REASON:
        raise Invalid(f"Say {what}, in at most {LONGEST_REASON} characters.")
    if personal := typed.personal(text):
        raise Invalid(f"What you wrote {personal}, and the trail keeps it for good. Write what it is about, not who.")


def found(connection: sa.Connection, grant_id: str) -> sa.Row[Any]:
    """The proposal or grant of that key."""
    row = connection.execute(sa.select(ROLE_GRANT).where(G.grant_id == grant_id)).first()
    if row is None:
        raise Invalid("There is no such proposal. See the list.")
    return row


def change(connection: sa.Connection, grant_id: str, **values: Any) -> None:
    """Set columns of one grant."""
    connection.execute(ROLE_GRANT.update().where(G.grant_id == grant_id).values(**values))


def report(journal: Journal) -> list[dict[str, Any]]:
    """The access review: every person, each role held now, where it comes from, and when the person was last here."""
    from data.journal.people import last_held

    provided, lines, given = last_held(journal), [], defaultdict(list)
    for row in journal.rows(IN_FORCE, now=journal.now()):
        given[row.person_id].append(row)
    latest = sa.select(SESSION.c.person_id, sa.func.max(SESSION.c.last_seen_at).label("at")).group_by(
        SESSION.c.person_id
    )
    used = {row.person_id: row.at for row in journal.rows(latest)}
    for one in journal.rows(sa.select(PERSON).order_by(PERSON.c.name, PERSON.c.person_id)):
        held = [
            dict(zip(REPORT[2:5], (role.role, role.subject, "provider"))) for role in provided.get(one.person_id, ())
        ]
        for row in given[one.person_id]:
            source = "emergency" if row.kind == "emergency" else "grant"
            said = (row.role, row.subject, source, row.asked_by, row.decided_by, row.reason, row.decided_at)
            held.append(dict(zip(REPORT[2:], (*said, row.expires_at or ""))))
        who = {"person": one.person_id, "name": one.name}
        last = {"last_used": used.get(one.person_id, one.last_seen_at)}
        lines += [dict.fromkeys(REPORT, "") | who | role | last for role in held or [{}]]
    return lines
