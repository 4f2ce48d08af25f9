"""Who may do what to whose: every role, every action, every ownership, against a table written by hand.

The table below does not read data/rights.py: what it says was written down from what each role is for. Every cell is
done for real, against a journal in SQLite, and what must not happen is looked for in the database.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, count

import pytest
import sqlalchemy as sa

from data import export, export_journal, export_tickets, rights
from data.journal import grants, misses, notes, people, segments, view_rows, views
from data.journal.problems import Invalid
from data.journal.schema import (
    AUDIT,
    DEFAULT_VIEW,
    NOTE,
    ROLE_GRANT,
    SAVED_VIEW,
    SEGMENT,
    SESSION,
    VIEW_OPENING,
    VIEW_VERSION,
)
from data.journal.store import Journal
from data.question import Question
from data.rights import Actor, Forbidden, Held
from data.view import View
from data.view_format import Body
from data.warehouse import Warehouse
from tests.conftest import ROOT

ROLES = ("executive", "manager", "approver", "auditor", "admin", "partner")
# nobody, each role, and the only pairs that one person may hold
ROLE_SETS = ((), *((role,) for role in ROLES), ("executive", "approver"), ("executive", "auditor"))
AUTHORS = "executive manager approver"  # who save views and write notes
INSIDE = "executive manager approver auditor admin"  # who are of the company
ANYBODY = f"{INSIDE} partner"
DONE, DENIED, INVALID = "done", "denied", "invalid"
MEMBERS = {"region": ["North"]}
BODY = Body("overview", (("region", ("North",)),))


# The world of a cell


@dataclass
class World:
    """A journal, a build, and who acts in this cell. me: nobody else's cell has the same person."""

    journal: Journal
    build: object
    me: Actor
    serial: str

    @property
    def real(self) -> str:
        """The person at the keyboard."""
        return self.me.viewed_by or self.me.person

    def other(self, *roles: str) -> Actor:
        """Somebody else of this cell, with rights to prepare anything."""
        return Actor(f"other {self.serial}", "Other", tuple(map(held, roles)), "other session", system=True)

    def myself(self) -> Actor:
        """The acting person, when all this was prepared, with rights to prepare anything."""
        own = self.me.held or (held("manager"),)
        return replace(self.me, held=own, viewed_by="", system=True)

    def arrived(self, name: str, *roles: str) -> str:
        """Somebody who has signed in; the key."""
        claims = {"iss": "https://id.example", "sub": f"{name} {self.serial}", "nonce": "n", "iat": 1, "name": name}
        people.sign_in(self.journal, claims, "company", list(map(held, roles)))
        return people.person_id(claims)

    def view(self, owner: Actor, audience: str, team: str = "", deleted: bool = False) -> str:
        """A saved view of somebody."""
        view_id = views.save(self.journal, owner, "A view", "", BODY, audience, team=team)
        if deleted:
            views.delete(self.journal, owner, view_id)
        return view_id

    def segment(self, owner: Actor, audience: str, team: str = "", deleted: bool = False) -> str:
        """A segment of somebody."""
        segment_id = segments.save(self.journal, owner, "A segment", "", MEMBERS, audience, team)
        if deleted:
            segments.delete(self.journal, owner, segment_id)
        return segment_id

    def note(self, author: Actor, audience: str, team: str = "", removed: bool = False) -> str:
        """A note of somebody, on a page that only this cell has."""
        note_id = notes.add(self.journal, author, self.page, "A note", audience, team)
        if removed:
            notes.remove(self.journal, author, note_id)
        return note_id

    @property
    def page(self) -> str:
        """A page that only this cell's notes are about."""
        return f"page:p{self.serial}"

    def asked(self, asker: str, person: str, **more) -> str:
        """A proposal, by one person for another: the book of a manager."""
        who = Actor(asker, "Asker", session="s", system=True)
        return grants.ask(self.journal, who, person, "manager", "a reason", f"B{self.serial}", **more)

    def granted(self, asker: str, person: str) -> str:
        """A role that was asked for and granted, by two people."""
        grant_id = self.asked(asker, person)
        grants.decide(self.journal, Actor(f"second {self.serial}", "Second", system=True), grant_id, True)
        return grant_id

    def emergency(self, person: str) -> str:
        """A role that somebody took alone."""
        return grants.take_in_emergency(self.journal, Actor(person, "Taker", system=True), "admin", "a reason")


def held(role: str) -> Held:
    """A role, with whom it is about where it needs that."""
    return Held(role, {"manager": "B1", "partner": "P1"}.get(role, ""))


# The table: action, ownership, who can, what is done. Whoever is not named is denied.


def nothing(world: World) -> str:
    """What most actions need beforehand."""
    return ""


@dataclass(frozen=True)
class Cell:
    """One line of the table: somebody else prepares with `make`, then the acting person does `do` to what was made.

    can: roles that succeed, if one of `also` is held too. useless: roles that may, but there is nothing to be done.
    """

    action: str
    ownership: str
    can: str
    do: Callable[[World, str], object]
    make: Callable[[World], str] = nothing
    useless: str = ""
    changes: bool = True
    also: str = ANYBODY
    traces: int = 1  # rows of the audit trail when it is denied

    def expected(self, roles: tuple[str, ...], looking: bool) -> str:
        """What must come of it."""
        if self.changes and looking:
            return DENIED
        if set(roles) & set(self.can.split()) and set(roles) & set(self.also.split()):
            return DONE
        return INVALID if set(roles) & set(self.useless.split()) else DENIED


def teams(do: Callable[[World, str], object]) -> list[tuple[str, Callable[[World], object]]]:
    """The same for what is shared with each of the roles."""
    return [(role, lambda world, role=role: do(world, role)) for role in ROLES]


# Ownership of a view -> how it is made, who may open it.
VIEWS: dict[str, tuple[Callable[[World], str], str]] = {
    "own": (lambda w: w.view(w.myself(), "personal"), ANYBODY),
    "own, shared with my team": (lambda w: w.view(w.myself(), "team"), ANYBODY),
    "own, shared with the company": (lambda w: w.view(w.myself(), "company"), ANYBODY),
    "own, deleted": (lambda w: w.view(w.myself(), "personal", deleted=True), ""),
    "somebody's private": (lambda w: w.view(w.other("executive"), "personal"), ""),
    "somebody's for the company": (lambda w: w.view(w.other("executive"), "company"), INSIDE),
    "somebody's for the company, deleted": (lambda w: w.view(w.other("executive"), "company", deleted=True), ""),
    "there is none": (lambda w: f"none-{w.serial:0>20}", ""),
} | {
    f"somebody's for the team {role}": (make, role if role != "partner" else "")
    for role, make in teams(lambda w, role: w.view(w.other(role), "team", role))
}
OWN = ("own", "own, shared with my team", "own, shared with the company")


def opened(world: World, view_id: str) -> None:
    """Open a view and remember the build."""
    views.opened(world.journal, world.me, view_id, "20261101T000000Z-0123456789ab")


def listed(world: World, view_id: str) -> None:
    """Find a view in the list of all one may open."""
    if view_id not in {one.view_id for one in views.listing(world.journal, world.me)}:
        raise Forbidden("not listed")


def changed(world: World, view_id: str) -> None:
    """Save the next version of a view."""
    views.save(world.journal, world.me, "Mine now", "", BODY, "personal", view_id, 1)


def view_cells() -> Iterator[Cell]:
    """What can be done to views of every ownership."""
    for owner, (make, readers) in VIEWS.items():
        reading = {"read": views.get, "see versions": views.versions}
        for name, read in reading.items():
            yield Cell(name, owner, readers, lambda w, v, r=read: r(w.journal, w.me, v), make, changes=False)
        yield Cell("list", owner, readers, listed, make, changes=False)
        yield Cell("open", owner, readers, opened, make, changes=False)
        authors = AUTHORS if owner in OWN else ""
        yield Cell("change", owner, authors, changed, make)
        yield Cell("restore", owner, authors, lambda w, v: views.restore(w.journal, w.me, v, 1), make)
        yield Cell("delete", owner, authors, lambda w, v: views.delete(w.journal, w.me, v), make)
        everybody = owner in ("own, shared with the company", "somebody's for the company")
        executives = everybody or owner in ("somebody's for the team executive", "own, shared with my team")
        for role, open_to_them in (("executive", executives), ("manager", everybody), ("partner", False)):
            can = "executive" if open_to_them else ""
            offer = views.set_default
            yield Cell(f"default for {role}", owner, can, lambda w, v, r=role, o=offer: o(w.journal, w.me, r, v), make)
        yield Cell("note on a view", owner, AUTHORS, lambda w, v: note_on(w, f"view:{v}"), make, also=readers)


def new_view(world: World, audience: str, team: str = "") -> None:
    """Save a new view."""
    views.save(world.journal, world.me, "A view", "", BODY, audience, team=team)


def note_on(world: World, target: str, audience: str = "personal", team: str = "") -> None:
    """Write a note."""
    notes.add(world.journal, world.me, target, "A note", audience, team)


def noticed(world: World, note_id: str) -> None:
    """Find a note among those one may read."""
    if note_id not in {one.note_id for one in notes.of(world.journal, world.me, [world.page])}:
        raise Forbidden("not listed")


NOTES: dict[str, tuple[Callable[[World], str], str]] = {
    "own": (lambda w: w.note(w.myself(), "personal"), ANYBODY),
    "own, for my team": (lambda w: w.note(w.myself(), "team"), ANYBODY),
    "own, removed": (lambda w: w.note(w.myself(), "personal", removed=True), ""),
    "somebody's private": (lambda w: w.note(w.other("executive"), "personal"), ""),
    "there is none": (lambda w: f"none-{w.serial:0>20}", ""),
} | {
    f"somebody's for the team {role}": (make, role if role != "partner" else "")
    for role, make in teams(lambda w, role: w.note(w.other(role), "team", role))
}


# Ownership of a segment -> how it is made, who may use it.
SEGMENTS: dict[str, tuple[Callable[[World], str], str]] = {
    "own": (lambda w: w.segment(w.myself(), "personal"), ANYBODY),
    "own, shared with my team": (lambda w: w.segment(w.myself(), "team"), ANYBODY),
    "own, shared with the company": (lambda w: w.segment(w.myself(), "company"), ANYBODY),
    "own, deleted": (lambda w: w.segment(w.myself(), "personal", deleted=True), ""),
    "somebody's private": (lambda w: w.segment(w.other("executive"), "personal"), ""),
    "somebody's for the company": (lambda w: w.segment(w.other("executive"), "company"), INSIDE),
    "somebody's for the company, deleted": (lambda w: w.segment(w.other("executive"), "company", deleted=True), ""),
    "there is none": (lambda w: f"none-{w.serial:0>20}", ""),
} | {
    f"somebody's for the team {role}": (make, role if role != "partner" else "")
    for role, make in teams(lambda w, role: w.segment(w.other(role), "team", role))
}


def new_segment(world: World, audience: str, team: str = "") -> None:
    """Keep a new segment."""
    segments.save(world.journal, world.me, "A segment", "", MEMBERS, audience, team)


def renamed(world: World, segment_id: str) -> None:
    """Give a segment another name, for oneself alone."""
    segments.rename(world.journal, world.me, segment_id, "Mine now", "", "personal")


def offered(world: World, segment_id: str) -> None:
    """Find a segment in the list of all one may use."""
    if segment_id not in {one.segment_id for one in segments.listing(world.journal, world.me)}:
        raise Forbidden("not listed")


def segment_cells() -> Iterator[Cell]:
    """New segments, and what can be done to segments of every ownership."""
    for audience in ("personal", "team", "company"):
        yield Cell("keep a segment", audience, AUTHORS, lambda w, _, a=audience: new_segment(w, a))
    for role in ROLES:
        yield Cell("keep for", f"the team {role}", AUTHORS, lambda w, _, r=role: new_segment(w, "team", r), also=role)
    for owner, (make, readers) in SEGMENTS.items():
        authors = AUTHORS if owner in OWN else ""
        yield Cell("use a segment", owner, readers, lambda w, s: segments.get(w.journal, w.me, s), make, changes=False)
        yield Cell("find a segment", owner, readers, offered, make, changes=False)
        yield Cell("rename a segment", owner, authors, renamed, make)
        yield Cell("delete a segment", owner, authors, lambda w, s: segments.delete(w.journal, w.me, s), make)


def new_cells() -> Iterator[Cell]:
    """New views and notes, and what can be done to notes of every ownership."""
    for audience in ("personal", "team", "company"):
        yield Cell("save a view", audience, AUTHORS, lambda w, _, a=audience: new_view(w, a))
    yield Cell("no default", "", "executive", lambda w, _: views.set_default(w.journal, w.me, "executive", ""))
    for target in ("page:overview", "figure:overview/margin"):
        for audience in ("personal", "team"):
            yield Cell("note on", f"{target}, {audience}", AUTHORS, lambda w, _, t=target, a=audience: note_on(w, t, a))
    for role in ROLES:
        saved, noted = f"view for the team {role}", f"note for the team {role}"
        yield Cell("new", saved, AUTHORS, lambda w, _, r=role: new_view(w, "team", r), also=role)
        yield Cell("new", noted, AUTHORS, lambda w, _, r=role: note_on(w, "page:overview", "team", r), also=role)
    for owner, (make, readers) in NOTES.items():
        authors = AUTHORS if owner in ("own", "own, for my team") else ""
        yield Cell("read a note", owner, readers, noticed, make, changes=False)
        yield Cell("remove a note", owner, authors, lambda w, n: notes.remove(w.journal, w.me, n), make)


def asks(world: World, person: str, role: str, reason: str = "a reason") -> None:
    """Propose a role for somebody."""
    subject = f"B{world.serial}" if role in ("manager", "partner") else ""
    grants.ask(world.journal, world.me, person, role, reason, subject)


def contradictory(world: World) -> str:
    """A proposal for somebody who signed in with a contradictory role after it was asked for."""
    person = world.arrived("late")
    grant_id = world.asked("a", person)
    claims = {"iss": "https://id.example", "sub": f"late {world.serial}", "nonce": "m", "iat": 2, "name": "late"}
    people.sign_in(world.journal, claims, "company", [Held("approver")])
    return grant_id


def refused(world: World) -> str:
    """A proposal that somebody refused."""
    grant_id = world.asked("a", world.arrived("x"))
    grants.decide(world.journal, Actor("b", "B", system=True), grant_id, False)
    return grant_id


def revoked(world: World) -> str:
    """A role that was taken away."""
    grant_id = world.granted("a", world.arrived("x"))
    grants.revoke(world.journal, Actor("b", "B", system=True), grant_id)
    return grant_id


def seen(world: World) -> str:
    """An emergency that somebody has reviewed."""
    grant_id = over(world)
    grants.review(world.journal, Actor("b", "B", system=True), grant_id, "in order")
    return grant_id


def over(world: World) -> str:
    """Somebody's emergency, ended before its hour was."""
    grant_id = world.emergency(world.arrived("x"))
    grants.revoke(world.journal, Actor("b", "B", system=True), grant_id)
    return grant_id


def reviews(world: World, grant_id: str, text: str = "in order") -> None:
    """Review an emergency."""
    grants.review(world.journal, world.me, grant_id, text)


def somebody(*roles: str) -> Callable[[World], str]:
    """Another person, who has signed in with these roles."""
    return lambda world: world.arrived("x", *roles)


def myself(world: World) -> str:
    """The person at the keyboard."""
    return world.real


def none(world: World) -> str:
    """The key of nothing."""
    return f"none-{world.serial}"


def take(world: World, role: str, reason: str = "a reason") -> None:
    """Take a role alone."""
    grants.take_in_emergency(world.journal, world.me, role, reason)


def access_cells() -> Iterator[Cell]:
    """Who gives, takes and looks after roles."""
    for role in ROLES:
        yield Cell("ask", f"{role}, for somebody", "admin", lambda w, p, r=role: asks(w, p, r), somebody())
        yield Cell("ask", f"{role}, for myself", "", lambda w, p, r=role: asks(w, p, r), lambda w: w.me.person)
    yield Cell("ask", "for nobody known", "", lambda w, p: asks(w, p, "auditor"), none, "admin")
    yield Cell("ask", "for no reason", "", lambda w, p: asks(w, p, "auditor", " "), somebody(), "admin")
    yield Cell("ask", "no such role", "", lambda w, p: asks(w, p, "emperor"), somebody(), "admin")
    yield Cell("ask", "contradictory to another", "", lambda w, p: asks(w, p, "approver"), somebody("manager"))

    proposals: dict[str, tuple[Callable[[World], str], str, str]] = {
        "of others, for somebody": (lambda w: w.asked("a", w.arrived("x")), "admin", ""),
        "of mine, for somebody": (lambda w: w.asked(w.real, w.arrived("x")), "", ""),
        "of others, for myself": (lambda w: w.asked("a", w.real), "", ""),
        "granted before": (lambda w: w.granted("a", w.arrived("x")), "", "admin"),
        "refused before": (refused, "", "admin"),
        "revoked before": (revoked, "", "admin"),
        "there is none": (none, "", "admin"),
    }
    for owner, (make, can, useless) in proposals.items():
        yield Cell("grant", owner, can, lambda w, g: grants.decide(w.journal, w.me, g, True), make, useless)
        yield Cell("refuse", owner, can, lambda w, g: grants.decide(w.journal, w.me, g, False), make, useless)
    late = "contradictory since"
    yield Cell("grant", late, "", lambda w, g: grants.decide(w.journal, w.me, g, True), contradictory)
    yield Cell("refuse", late, "admin", lambda w, g: grants.decide(w.journal, w.me, g, False), contradictory)

    given: dict[str, tuple[Callable[[World], str], str, str]] = {
        "somebody's": (lambda w: w.granted("a", w.arrived("x")), "admin", ""),
        "somebody's, asked for by me": (lambda w: w.granted(w.real, w.arrived("x")), "admin", ""),
        "my own": (lambda w: w.granted("a", w.real), "admin", ""),
        "proposal of mine": (lambda w: w.asked(w.real, w.arrived("x")), "admin", ""),
        "somebody's emergency": (lambda w: w.emergency(w.arrived("x")), "admin", ""),
        "refused": (refused, "", "admin"),
        "revoked": (revoked, "", "admin"),
        "there is none": (none, "", "admin"),
    }
    for owner, (make, can, useless) in given.items():
        yield Cell("revoke", owner, can, lambda w, g: grants.revoke(w.journal, w.me, g), make, useless)

    takers = "executive approver"
    for role in ROLES:
        yield Cell("emergency", role, takers if role == "admin" else "", lambda w, _, r=role: take(w, r))
    yield Cell("emergency", "without a reason", "", lambda w, _: take(w, "admin", ""), useless=takers)
    yield Cell("emergency", "held", "", lambda w, _: take(w, "admin"), lambda w: w.emergency(w.me.person), takers)

    second, taken = "auditor admin", over
    yield Cell("review", "somebody's emergency", second, reviews, taken)
    yield Cell("review", "my own emergency", "", reviews, lambda w: w.emergency(w.real))
    yield Cell("review", "reviewed before", "", reviews, seen, second)
    yield Cell("review", "not an emergency", "", reviews, lambda w: w.granted("a", w.arrived("x")), second)
    yield Cell("review", "there is none", "", reviews, none, second)
    yield Cell("review", "without a word", "", lambda w, g: reviews(w, g, " "), taken, second)

    for owner, who in (("somebody's", somebody("manager")), ("my own", myself)):
        yield Cell("end sessions", owner, "admin", lambda w, p: people.end_sessions(w.journal, w.me, p), who)
        yield Cell("view as", owner, "admin", lambda w, p: people.view_as(w.journal, w.me, p), who)
    yield Cell("view as", "nobody known", "", lambda w, p: people.view_as(w.journal, w.me, p), none, "admin")


TAKERS = "executive manager approver auditor"  # who may take a table along


def ticket(world: World, actor: Actor) -> str:
    """The token of a file prepared by somebody, within what that person may see."""
    question = Question(("revenue",), ("month",), View(world.build.scope_of(actor.held)))
    return export.prepare(world.journal, actor, world.build, export.Wanted(question, "revenue"))[0]


def fetch(world: World, token: str) -> None:
    """Fetch a prepared file, as the route does: one that is not of this session is as good as none."""
    try:
        found = export_tickets.tickets().take(token, world.me.session)
    except export_tickets.Unknown as unknown:
        raise Forbidden(str(unknown)) from None
    export.deliver(world.journal, world.me, found).file.close()


def of_mine(world: World) -> str:
    """A file I prepared when I had the roles I have."""
    return ticket(world, world.myself())


def of_a_wider_scope(world: World) -> str:
    """A file I prepared when I had another book."""
    return ticket(world, replace(world.myself(), held=(Held("manager", "another book"),)))


def of_another_session(world: World) -> str:
    """A file prepared by somebody else with the same roles."""
    return ticket(world, replace(world.myself(), session="another session"))


class NoRows(export_journal.Review):
    """The access review without its rows, which are many here: who gets it is the question."""

    def rows(self) -> Iterator[dict]:
        return iter(())


def journal_ticket(world: World, actor: Actor, kind: type[export_journal.Kept]) -> str:
    """The token of a file of the journal's rows prepared by somebody."""
    few = {"target": world.serial} if kind is export_journal.Trail else {}
    return export.prepare(world.journal, actor, world.build, export.Wanted(kind(world.journal, **few), "rows"))[0]


def export_cells() -> Iterator[Cell]:
    """Tables that are taken along. Another session's ticket is like none at all, so nobody knows what was tried."""
    yield Cell("export", "prepare", TAKERS, lambda w, _: ticket(w, w.me))
    yield Cell("export", "fetch my own", TAKERS, fetch, of_mine)
    yield Cell("export", "fetch that of another session", "", fetch, of_another_session, traces=0)
    yield Cell("export", "fetch with other rights by now", "", fetch, of_a_wider_scope)
    for name, kind, can in (("trail", export_journal.Trail, "auditor"), ("access review", NoRows, "auditor admin")):
        yield Cell("export", f"prepare the {name}", can, lambda w, _, k=kind: journal_ticket(w, w.me, k))
        yield Cell("export", f"fetch the {name}", can, fetch, lambda w, k=kind: journal_ticket(w, w.myself(), k))


# Page -> who may open it. A page that is not here has nobody who may open it, and the test says so.
PAGES = {
    "company/overview": "executive manager approver auditor",
    "value/customer_roi": "manager approver auditor",
    "value/customer": "manager approver auditor",
    "value/lifetime_value": "executive manager approver auditor",
    "value/churn_risk": "executive manager approver auditor",
    "partner/partner_pareto": "executive manager approver auditor",
    "partner/partner": "executive manager approver auditor",
    "partner/own_figures": "partner",
    "partner/shared_customers": "executive manager approver auditor",
    "trust/data_trust": "executive approver auditor",
    "trust/model_cards": "executive manager approver auditor",
    "trust/glossary": ANYBODY,
    "value/responsiveness": "executive manager approver auditor",
    "value/profiles": "executive manager approver auditor",
    "work/my_queue": "manager approver auditor",
    "work/channel_plan": "executive manager approver auditor",
    "work/segments": "executive manager approver auditor",
    "work/campaigns": "executive manager approver auditor",
    "work/campaign": "executive manager approver auditor",
    "work/approvals": "executive manager approver auditor",
    "work/contact_pressure": "executive manager approver auditor",
    "work/demarketing": "manager approver auditor",
    "views/saved_views": "executive manager approver auditor",
    "control/people": "auditor admin",
    "control/audit_trail": "auditor",
}


def contents() -> dict[str, str]:
    """File -> permission of every page in app.py, read from its text."""
    for node in ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CONTENTS":
            assert isinstance(node.value, ast.Dict)
            rows = [row for section in node.value.values for row in section.elts]
            return {row.elts[0].value: getattr(rights, row.elts[3].id) for row in rows}
    raise AssertionError("app.py has no CONTENTS")


def page_cells() -> Iterator[Cell]:
    """The pages, each opened by who has its permission."""
    for file, permission in contents().items():
        can = PAGES.get(file, "")
        yield Cell("page", file, can, lambda w, _, p=permission: w.me.require(p), changes=False)


CELLS = [*view_cells(), *segment_cells(), *new_cells(), *access_cells(), *export_cells(), *page_cells()]


# The tests


@pytest.fixture(scope="module")
def shared(tmp_path_factory, warehouse) -> tuple[Journal, object, Iterator[int]]:
    """A journal whose clock goes on at every look, a build, and numbers for the cells."""
    journal = Journal(str(tmp_path_factory.mktemp("journal")))
    journal.migrate()
    journal.engine.dispose()  # 20,000 writes: nobody pulls the plug here, so none has to wait for the disk
    sa.event.listen(journal.engine, "connect", lambda connection, _: connection.execute("pragma synchronous = off"))
    ticks = count()
    journal.clock = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(milliseconds=next(ticks))
    return journal, Warehouse(warehouse).current(), count(1)


def state(journal: Journal) -> tuple:
    """What people have decided: numbers that change when any of it changes."""
    number = sa.func.count
    tables = (
        sa.select(number(), sa.func.sum(SAVED_VIEW.c.version), number(SAVED_VIEW.c.deleted_at)).select_from(SAVED_VIEW),
        sa.select(number()).select_from(VIEW_VERSION),
        sa.select(number(), sa.func.max(DEFAULT_VIEW.c.set_at), sa.func.group_concat(DEFAULT_VIEW.c.view_id)),
        sa.select(number()).select_from(VIEW_OPENING),
        sa.select(number(), sa.func.max(SEGMENT.c.changed_at), number(SEGMENT.c.deleted_at)).select_from(SEGMENT),
        sa.select(number(), number(NOTE.c.deleted_at)).select_from(NOTE),
        sa.select(
            number(), number(ROLE_GRANT.c.decided_by), number(ROLE_GRANT.c.revoked_by), number(ROLE_GRANT.c.reviewed_by)
        ).select_from(ROLE_GRANT),
        sa.select(number(), number(SESSION.c.ended_at)).select_from(SESSION),
    )
    return tuple(tuple(row) for table in tables for row in journal.rows(table))


def outcome(world: World, cell: Cell) -> tuple[str, bool, list[str]]:
    """What came of a cell: the outcome, whether anything decided changed, and the actions the audit trail gained."""
    made = cell.make(world)
    before, last = state(world.journal), world.journal.rows(sa.select(sa.func.max(AUDIT.c.seq)))[0][0]
    try:
        cell.do(world, made)
        came = DONE
    except Forbidden:
        came = DENIED
    except Invalid:
        came = INVALID
    gained = world.journal.rows(sa.select(AUDIT.c.action).where(AUDIT.c.seq > last).order_by(AUDIT.c.seq))
    return came, state(world.journal) != before, [row.action for row in gained]


@pytest.mark.parametrize("looking", [False, True], ids=["as oneself", "looking as somebody else"])
@pytest.mark.parametrize("roles", ROLE_SETS, ids=["+".join(roles) or "no role" for roles in ROLE_SETS])
def test_every_action_on_everything_is_done_or_denied_as_the_table_says(roles, looking, shared, monkeypatch):
    journal, build, numbers = shared
    wrong, executed = [], 0
    for cell in CELLS:
        monkeypatch.setattr(view_rows, "MISSES", misses.Misses())
        serial = str(next(numbers))
        world = World(journal, build, Actor(""), serial)
        mine = world.arrived("me")
        world.me = Actor(mine, "Me", tuple(map(held, roles)), f"session {serial}")
        if looking:
            world.me = replace(world.me, person=world.arrived("seen"), viewed_by=mine)
        came, changed_, gained = outcome(world, cell)
        executed += 1
        expected = cell.expected(roles, looking)
        if came != expected:
            wrong.append(f"{cell.action} / {cell.ownership}: {came}, not {expected}")
        if came != DONE and changed_:
            wrong.append(f"{cell.action} / {cell.ownership}: {came}, but something changed")
        if cell.changes and came == DENIED and gained != ["denied"] * cell.traces:
            wrong.append(f"{cell.action} / {cell.ownership}: denied, and the trail says {gained}")
        if cell.changes and came == DONE and cell.action != "export" and (len(gained) != 1 or gained == ["denied"]):
            wrong.append(f"{cell.action} / {cell.ownership}: done, and the trail says {gained}")
    assert wrong == [], "\n".join(wrong)
    assert executed == len(CELLS)


def test_the_table_has_more_than_a_thousand_cells_and_no_cell_twice():
    assert len({(cell.action, cell.ownership) for cell in CELLS}) == len(CELLS)
    assert len(ROLE_SETS) * len(CELLS) >= 1_000
    assert {role for roles in ROLE_SETS for role in roles} == set(rights.ROLES) == set(ROLES)


def test_every_page_is_in_the_table_and_needs_a_permission_that_somebody_has():
    found = contents()
    assert found.keys() == PAGES.keys()
    everything = frozenset().union(*rights.ROLES.values())
    assert set(found.values()) <= everything


ALLOWED = {frozenset(("executive", "approver")), frozenset(("executive", "auditor"))}


@pytest.mark.parametrize("pair", list(combinations(ROLES, 2)), ids="+".join)
def test_whoever_comes_with_a_contradictory_pair_has_no_role_at_all(pair, tmp_path):
    journal = Journal(str(tmp_path))
    journal.migrate()
    actor = arrived(journal, *pair)
    if frozenset(pair) in ALLOWED:
        assert actor.roles == set(pair)
    else:
        assert actor.held == ()
        assert not any(actor.may(permission) for permission in contents().values())
    for three in (frozenset((*pair, third)) for third in ROLES if third not in pair):
        assert rights.contradictions(three), "no three roles go together"


def arrived(journal: Journal, *roles: str) -> Actor:
    """Somebody who signed in with these roles."""
    claims = {"iss": "https://id.example", "sub": "one", "nonce": "n", "iat": 1, "name": "One"}
    return now_of(journal, people.sign_in(journal, claims, "company", list(map(held, roles))))


def now_of(journal: Journal, session_id: str) -> Actor:
    """What the person of a session may do at this moment."""
    session = people.alive(journal, session_id)
    assert session is not None
    return people.actor_of(journal, session)


@pytest.mark.parametrize("permission", ["", "everything", "VIEW", "view ", "*", "admin", "drop table"])
def test_a_permission_that_is_written_nowhere_is_refused_to_every_role(permission, tmp_path):
    journal = Journal(str(tmp_path))
    journal.migrate()
    for roles in ROLE_SETS:
        actor = Actor("me", "Me", tuple(map(held, roles)))
        assert not actor.may(permission)
        with pytest.raises(Forbidden), journal.write(actor, permission, "x"):
            raise AssertionError("the body must not run")


def test_a_role_that_is_written_nowhere_may_nothing():
    actor = Actor("me", "Me", (Held("emperor"), Held(""), Held("EXECUTIVE"), Held("executive ")))
    assert not any(actor.may(permission) for permission in contents().values())
    assert not any(actor.may(permission) for permission in frozenset().union(*rights.ROLES.values()))


def test_a_role_that_is_taken_away_or_runs_out_is_gone_at_the_next_look(tmp_path):
    journal = Journal(str(tmp_path))
    journal.migrate()
    now = [datetime(2026, 11, 22, 12, tzinfo=UTC)]
    journal.clock = lambda: now[0]
    one = arrived(journal)
    first, second = Actor("a", "A", (held("admin"),)), Actor("b", "B", (held("admin"),))
    grant_id = grants.ask(journal, first, one.person, "auditor", "a reason", days=1)
    assert not now_of(journal, one.session).may("audit")
    grants.decide(journal, second, grant_id, True)
    assert now_of(journal, one.session).may("audit")
    grants.revoke(journal, first, grant_id)
    assert not now_of(journal, one.session).may("audit")
    again = grants.ask(journal, first, one.person, "auditor", "a reason", days=1)
    grants.decide(journal, second, again, True)
    for minutes, holds in ((25, True), (50, True)):
        now[0] = datetime(2026, 11, 22, 12, minutes, tzinfo=UTC)
        assert now_of(journal, one.session).may("audit") is holds
    now[0] = datetime(2026, 11, 23, 12, tzinfo=UTC)
    claims = {"iss": "https://id.example", "sub": "one", "nonce": "next day", "iat": 2, "name": "One"}
    assert not now_of(journal, people.sign_in(journal, claims, "company", [])).may("audit")


def test_an_emergency_ends_after_its_hour(tmp_path):
    journal = Journal(str(tmp_path))
    journal.migrate()
    begin = datetime(2026, 11, 22, 12, tzinfo=UTC)
    now = [begin]
    journal.clock = lambda: now[0]
    one = arrived(journal, "executive")
    grants.take_in_emergency(journal, one, "admin", "nobody else is there")
    for minutes, holds in ((0, True), (20, True), (40, True), (59, True), (60, False)):
        now[0] = begin + timedelta(minutes=minutes)
        actor = now_of(journal, one.session)
        assert actor.may("end sessions") is holds
        assert bool(actor.emergency_until) is holds


# The document


def document() -> str:
    """docs/roles.md."""
    return (ROOT / "docs" / "roles.md").read_text(encoding="utf-8")


def table(text: str, first: str) -> list[list[str]]:
    """Cells of the Markdown table whose head begins with `first`, with its head."""
    lines = text[text.index(f"| {first} |") :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")] for line in lines]
    return [rows[0], *rows[2:]]


def test_the_documents_table_of_permissions_is_the_one_that_is_enforced():
    head, *lines = table(document(), "permission")
    assert head[2:] == list(ROLES)
    written = {role: {line[0] for line in lines if line[2 + i] == "yes"} for i, role in enumerate(ROLES)}
    assert written == {role: set(permissions) for role, permissions in rights.ROLES.items()}
    assert all(cell in ("yes", "") for line in lines for cell in line[2:])


def test_the_documents_contradictory_pairs_are_the_ones_that_are_enforced():
    text = document()
    body = text[text.index("## Roles that one person may not hold together") :]
    written = {
        frozenset((role, other)) for role, others in table(body, "role")[1:] for other in re.findall(r"\w+", others)
    }
    assert written == rights.TOXIC
    every = {frozenset(pair) for pair in combinations(ROLES, 2)}
    assert every - written == ALLOWED
