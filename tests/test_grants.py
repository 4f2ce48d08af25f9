"""Who somebody is, which roles they hold at this moment, and that no role is given by one person alone."""

from __future__ import annotations

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from data.journal import audit, grants, people
from data.journal.problems import Invalid
from data.journal.schema import PERSON, ROLE_GRANT, SESSION
from data.journal.store import Journal
from data.rights import ADMIN, ROLES, TOXIC, Actor, Forbidden, Held
from tests.colleagues import CLAIMS, come

START = datetime(2026, 11, 22, 8, tzinfo=UTC)
NEEDS = {"manager": "M01", "partner": "P01"}  # the subject of roles that have one


def at(journal: Journal, **later: float) -> None:
    """Set the journal's clock."""
    journal.clock = lambda: START + timedelta(**later)


def alive(journal: Journal, session: str) -> bool:
    return people.alive(journal, session) is not None


def now_holds(journal: Journal, actor: Actor) -> Actor:
    """The actor of the same session, now."""
    session = people.alive(journal, actor.session)
    assert session
    return people.actor_of(journal, session)


# Who somebody is


def test_an_address_that_a_new_colleague_got_is_another_person(journal):
    ann, bob, cat = (
        come(journal, "ann", "admin"),
        come(journal, "bob", "admin"),
        CLAIMS | {"sub": "cat", "email": "a@b"},
    )
    people.sign_in(journal, cat, "demo", [])
    grants.decide(journal, bob, grants.ask(journal, ann, people.person_id(cat), "auditor", "year end"), True)
    successor = people.alive(journal, people.sign_in(journal, cat | {"sub": "dan"}, "demo", []))
    assert people.actor_of(journal, successor).held == () and successor.person != people.person_id(cat)
    renamed = cat | {"email": "other@b", "name": "Cat Married", "iat": 2}
    again = people.alive(journal, people.sign_in(journal, renamed, "demo", []))
    assert people.actor_of(journal, again).roles == {"auditor"} and again.name == "Cat Married"


@pytest.mark.parametrize(
    "other",
    [{"iss": "https://id2.example"}, {"sub": "ANN"}, {"sub": "ann "}, {"sub": "\u0430nn"}, {"iss": "https://id.exampl", "sub": "eann"}],
)  # fmt: skip
def test_another_issuer_or_subject_is_another_person(other):
    assert people.person_id(CLAIMS | other) != people.person_id(CLAIMS)


@pytest.mark.parametrize(
    "other", [{"email": "x@y"}, {"name": "New"}, {"nonce": "m"}, {"iat": 2}, {"email_verified": True}]
)
def test_no_other_claim_makes_another_person(other):
    assert people.person_id(CLAIMS | other) == people.person_id(CLAIMS)


@pytest.mark.parametrize("claim", ["iss", "sub", "nonce", "iat"])
def test_every_sign_in_is_a_session_of_its_own(claim):
    assert people.session_id(CLAIMS | {claim: "other"}) != people.session_id(CLAIMS)
    assert people.session_id(dict(reversed(CLAIMS.items())) | {"email": "x@y", "exp": 5}) == people.session_id(CLAIMS)


@pytest.mark.parametrize(
    "bad", [{"sub": ""}, {"sub": None}, {"sub": 5}, {"iss": None}, {"sub": "x" * 401}, {"iss": ["a"]}]
)
def test_nobody_signs_in_without_an_issuer_and_a_subject(journal, bad):
    with pytest.raises(Invalid):
        people.sign_in(journal, CLAIMS | bad, "demo", [])
    assert audit.count(journal) == 0


@pytest.mark.parametrize(
    ("claims", "shown"),
    [
        ({"name": "Ann\r\nB\u202eob\x1b[31m\u200b\x00"}, "Ann Bob[31m"),
        ({"name": "x" * 1_000_000}, "x" * 200),
        ({"name": "  Ann \t Lee  "}, "Ann Lee"),
        ({"name": None, "given_name": "Ann", "family_name": "Lee"}, "Ann Lee"),
        ({"name": "ann@company.example"}, "Person " + people.person_id(CLAIMS)[:6]),
        ({"name": "\u202e\u200b"}, "Person " + people.person_id(CLAIMS)[:6]),
        ({"name": {"a": 1}}, "{'a': 1}"),
        ({"name": "Zoe\u0308 \ud800"}, "Zoë"),
    ],
)
def test_a_name_is_one_short_line_and_no_address(journal, claims, shown):
    session = people.alive(journal, people.sign_in(journal, CLAIMS | claims, "demo", []))
    assert session.name == shown == people.names(journal)[session.person]


def test_a_person_is_kept_as_issuer_subject_and_name_and_nothing_else(journal):
    canaries = {"email": "canary1@mail.example", "phone_number": "+49 30 canary2", "address": {"street": "canary3"},
                "preferred_username": "canary4", "picture": "https://canary5", "nonce": "canary6"}  # fmt: skip
    people.sign_in(journal, CLAIMS | canaries, "demo", [Held("executive")])
    everything = [repr(row) for table in (PERSON, SESSION, ROLE_GRANT) for row in journal.rows(sa.select(table))]
    everything += [repr(row) for row in audit.entries(journal)]
    assert "canary" not in "".join(everything) and "https://id.example" in "".join(everything)


# Sessions


@pytest.mark.parametrize(
    ("idle", "good"), [(0, True), (29.9, True), (30, False), (31, False), (60 * 24 * 400, False), (-5, True)]
)
def test_a_session_ends_after_thirty_idle_minutes(journal, idle, good):
    at(journal)
    session = people.sign_in(journal, CLAIMS, "demo", [])
    at(journal, minutes=idle)
    assert (people.alive(journal, session, touch=False) is not None) == good
    assert alive(journal, session) == good
    at(journal)  # a clock that is set back revives nobody
    assert alive(journal, session) == good


@pytest.mark.parametrize(("seconds", "good"), [(-1, True), (0, False), (1, False)])
def test_a_session_ends_after_twelve_hours_however_busy(journal, seconds, good):
    at(journal)
    session = people.sign_in(journal, CLAIMS, "demo", [])
    for minutes in range(20, 12 * 60, 20):
        at(journal, minutes=minutes)
        assert alive(journal, session)
    at(journal, hours=12, seconds=seconds)
    assert alive(journal, session) == good
    ended = audit.entries(journal, action="session.end")
    assert [json.loads(row.detail)["why"] for row in ended] == ([] if good else ["12 hours old"])


def test_a_look_at_a_session_without_touching_it_keeps_it_no_longer(journal):
    at(journal)
    session = people.sign_in(journal, CLAIMS, "demo", [])
    at(journal, minutes=20)
    assert people.alive(journal, session, touch=False)
    at(journal, minutes=31)
    assert people.alive(journal, session, touch=False) is None
    assert audit.count(journal, action="session.end") == 0, "only who acts ends it"


def test_using_a_session_writes_at_most_once_a_minute(journal):
    at(journal)
    session = people.sign_in(journal, CLAIMS, "demo", [])
    seen = set()
    for seconds in range(0, 181, 5):
        at(journal, seconds=seconds)
        people.alive(journal, session)
        seen.add(journal.rows(sa.select(SESSION.c.last_seen_at))[0][0])
    assert len(seen) == 4 and audit.count(journal) == 1


def test_an_ended_session_stays_ended_even_when_its_token_comes_again(journal):
    session = people.sign_in(journal, CLAIMS, "demo", [Held("executive")])
    other = people.sign_in(journal, CLAIMS | {"iat": 2}, "demo", [Held("executive")])
    for _ in range(3):
        people.end_session(journal, session, "signed out")
    assert people.sign_in(journal, CLAIMS, "demo", [Held("executive")]) == session
    assert not alive(journal, session) and alive(journal, other)
    assert audit.count(journal, action="sign-out") == 1 and audit.count(journal, action="sign-in") == 2
    people.end_session(journal, "unknown", "signed out")
    assert not alive(journal, "unknown") and not alive(journal, "")


def test_one_sign_in_that_arrives_many_times_at_once_is_one_session_and_one_row(journal):
    with ThreadPoolExecutor(8) as pool:
        came = set(pool.map(lambda _: people.sign_in(journal, CLAIMS, "demo", []), range(16)))
        assert came == {people.session_id(CLAIMS)} and audit.count(journal) == 1
        list(pool.map(lambda _: people.end_session(journal, *came, "signed out"), range(16)))
    assert [row.action for row in audit.entries(journal)] == ["sign-out", "sign-in"]


def test_ending_all_sessions_of_somebody_ends_them_at_once_and_nobody_elses(journal):
    boss = come(journal, "boss", "admin")
    theirs = [come(journal, "cat", "executive", iat=n) for n in range(3)]
    assert people.end_sessions(journal, boss, theirs[0].person) == 3
    assert [alive(journal, one.session) for one in (*theirs, boss)] == [False] * 3 + [True]
    assert people.end_sessions(journal, boss, theirs[0].person) == 0
    with pytest.raises(Forbidden):
        people.end_sessions(journal, theirs[0], boss.person)


# Two people


def give(journal: Journal, person: str, role: str, days: int | None = None) -> str:
    """A role granted by two administrators."""
    grant = grants.ask(journal, come(journal, "ann", "admin"), person, role, "needed", NEEDS.get(role, ""), days)
    grants.decide(journal, come(journal, "bob", "admin"), grant, True)
    return grant


def test_a_grant_holds_at_the_next_look_and_no_longer_once_taken_away(journal):
    cat = come(journal, "cat")
    assert cat.held == ()
    grant = give(journal, cat.person, "manager")
    assert now_holds(journal, cat).held == (Held("manager", "M01"),)
    grants.revoke(journal, come(journal, "ann", "admin"), grant)
    assert now_holds(journal, cat).held == ()


def test_the_right_to_administer_is_gone_at_the_next_write(journal):
    cat = come(journal, "cat")
    grant = give(journal, cat.person, "admin")
    admin = now_holds(journal, cat)
    people.end_sessions(journal, admin, "nobody")
    grants.revoke(journal, come(journal, "ann", "admin"), grant)
    with pytest.raises(Forbidden):
        people.end_sessions(journal, now_holds(journal, cat), "nobody")


def test_a_grant_ends_by_itself(journal):
    at(journal)
    cat = come(journal, "cat")
    give(journal, cat.person, "auditor", days=2)
    for hours, there in ((0, True), (47.9, True), (48, False), (49, False)):
        at(journal, hours=hours)
        assert (grants.active(journal, cat.person) != []) == there


def test_a_proposal_alone_gives_nothing_and_waits(journal):
    ann, cat = come(journal, "ann", "admin"), come(journal, "cat")
    grant = grants.ask(journal, ann, cat.person, "executive", "stands in")
    assert now_holds(journal, cat).held == () and [row.grant_id for row in grants.waiting(journal)] == [grant]
    grants.decide(journal, come(journal, "bob", "admin"), grant, False)
    assert now_holds(journal, cat).held == () and grants.waiting(journal) == []


WHO = ["ann", "bob", "cat"]
THREE = list(itertools.product(WHO, repeat=3))


@pytest.mark.parametrize(("asker", "decider", "gets"), THREE)
def test_a_role_needs_two_people_and_neither_is_the_one_who_gets_it(journal, asker, decider, gets):
    who = {name: come(journal, name, "admin") for name in WHO}
    allowed = len({asker, decider, gets}) == 3

    def both() -> None:
        grant = grants.ask(journal, who[asker], people.person_id(CLAIMS | {"sub": gets}), "admin", "stands in")
        grants.decide(journal, who[decider], grant, True)

    if allowed:
        both()
    else:
        with pytest.raises(Forbidden):
            both()
        assert audit.entries(journal)[0].action == "denied"
    assert (grants.active(journal, who[gets].person) != []) == allowed


@pytest.mark.parametrize(("asker", "decider", "gets"), THREE)
def test_the_database_too_insists_on_two_people(journal, asker, decider, gets):
    who = {name: come(journal, name).person for name in WHO}
    row = granted(who[gets], "executive") | {"asked_by": who[asker], "decided_by": who[decider]}
    assert refused_by_database(journal, row) == (len({asker, decider, gets}) < 3)


def granted(person: str, role: str, **other: str | None) -> dict:
    """A row of a grant, as somebody might write it past the service."""
    row = {"grant_id": f"{person}{role}"[-64:], "person_id": person, "role": role, "kind": "normal", "reason": "r"}
    row |= {"asked_by": "x", "asked_at": "2026-01-01", "decided_by": "y", "decided_at": "2026-01-01"}
    return row | {"decision": "granted", "expires_at": None, "revoked_at": None} | other


def refused_by_database(journal: Journal, *rows: dict) -> bool:
    """Whether the database refuses one of these rows."""
    try:
        with journal.engine.begin() as connection:
            for row in rows:
                connection.execute(ROLE_GRANT.insert(), row)
    except sa.exc.IntegrityError:
        return True
    return False


@pytest.mark.parametrize("role", ROLES)
def test_only_those_with_the_right_ask_decide_and_take_away(journal, role):
    cat, bob = come(journal, "cat"), come(journal, "bob", "admin")
    who = come(journal, "who", f"{role} {NEEDS.get(role, '')}".strip())
    waits = grants.ask(journal, bob, cat.person, "executive", "needed")
    for call in (
        lambda: grants.ask(journal, who, cat.person, "auditor", "needed"),
        lambda: grants.decide(journal, who, waits, True),
        lambda: grants.revoke(journal, who, waits),
    ):
        rows = audit.count(journal)
        if role == ADMIN:
            call()
        else:
            with pytest.raises(Forbidden):
                call()
        assert (audit.entries(journal)[0].action == "denied") == (role != ADMIN) and audit.count(journal) == rows + 1


def test_who_looks_through_other_eyes_can_change_nothing(journal):
    ann, eve = come(journal, "ann", "admin"), come(journal, "eve", "admin")
    seen = people.view_as(journal, ann, eve.person)
    assert seen.held == eve.held and seen.viewed_by == ann.person
    for call in (
        lambda: grants.ask(journal, seen, come(journal, "cat").person, "auditor", "needed"),
        lambda: people.view_as(journal, seen, ann.person),
        lambda: people.end_sessions(journal, seen, ann.person),
    ):
        with pytest.raises(Forbidden, match="looking as somebody else"):
            call()
        row = audit.entries(journal)[0]
        assert (row.actor, row.action) == (ann.person, "denied"), "the trail names who looks, not who is looked at"
        assert json.loads(row.detail)["viewed_as"] == eve.person
    assert audit.count(journal, action="view-as", actor=ann.person, target=eve.person) == 1
    with pytest.raises(Invalid):
        people.view_as(journal, ann, "nobody")
    with pytest.raises(Forbidden):
        people.view_as(journal, come(journal, "max", "executive"), eve.person)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"role": "owner"}, "no role of that name"), ({"role": ""}, "no role"), ({"reason": "  "}, "Say why"),
        ({"reason": "x" * 1001}, "1000"), ({"role": "manager"}, "whose book"), ({"subject": "M01"}, "not about one book"),
        ({"days": 0}, "1 to 366"), ({"days": -1}, "1 to 366"), ({"days": 367}, "1 to 366"),
        ({"person": "nobody"}, "signed in"), ({"role": "manager", "subject": "x" * 201}, "whose book"),
    ],
)  # fmt: skip
def test_a_proposal_that_makes_no_sense_is_refused_in_words(journal, change, says):
    ann, cat = come(journal, "ann", "admin"), come(journal, "cat")
    proposal = {"person": cat.person, "role": "auditor", "reason": "year end"} | change
    with pytest.raises(Invalid, match=says):
        grants.ask(journal, ann, **proposal)
    assert grants.waiting(journal) == []


def test_nothing_is_decided_or_taken_away_twice(journal):
    ann, bob, cat = come(journal, "ann", "admin"), come(journal, "bob", "admin"), come(journal, "cat")
    grant = grants.ask(journal, ann, cat.person, "auditor", "year end")
    with pytest.raises(Invalid, match="asked for it already"):
        grants.ask(journal, bob, cat.person, "auditor", "year end")
    grants.decide(journal, bob, grant, True)
    with pytest.raises(Invalid, match="decided"):
        grants.decide(journal, bob, grant, False)
    grants.revoke(journal, bob, grant)
    with pytest.raises(Invalid, match="taken away already"):
        grants.revoke(journal, bob, grant)
    with pytest.raises(Invalid, match="no such proposal"):
        grants.decide(journal, bob, "unknown", True)
    late = grants.ask(journal, ann, cat.person, "auditor", "year end", days=1)
    journal.clock = lambda: datetime.now(UTC) + timedelta(days=1, seconds=1)
    with pytest.raises(Invalid, match="over"):
        grants.decide(journal, Actor(bob.person, held=bob.held), late, True)


# Contradictory roles

PAIRS = list(itertools.permutations(ROLES, 2))


@pytest.mark.parametrize("source", ["grant", "provider"])
def test_roles_that_check_each_other_are_never_granted_to_one_person(journal, source):
    for n, (first, second) in enumerate(PAIRS):
        holder = f"{first} {NEEDS.get(first, '')}".strip()
        who = come(journal, f"who{n}", *([holder] if source == "provider" else []))
        if source == "grant":
            give(journal, who.person, first)
        toxic = frozenset((first, second)) in TOXIC
        if toxic:
            with pytest.raises(Forbidden, match=f"may not be {second} and {first}"):
                give(journal, who.person, second)
        else:
            give(journal, who.person, second)
        assert now_holds(journal, who).roles == {first} | (set() if toxic else {second})


def test_of_two_contradictory_proposals_only_the_first_is_granted(journal):
    ann, bob, cat = come(journal, "ann", "admin"), come(journal, "bob", "admin"), come(journal, "cat")
    first = grants.ask(journal, ann, cat.person, "approver", "stands in")
    second = grants.ask(journal, ann, cat.person, "auditor", "year end")
    grants.decide(journal, bob, first, True)
    with pytest.raises(Forbidden, match="may not be auditor and approver"):
        grants.decide(journal, bob, second, True)
    assert audit.entries(journal)[0].action == "denied" and now_holds(journal, cat).roles == {"approver"}
    grants.decide(journal, bob, second, False)


def test_a_grant_made_by_a_clock_ahead_holds_once_its_time_has_come(journal):
    at(journal, hours=5)
    cat = come(journal, "cat")
    give(journal, cat.person, "auditor")
    at(journal, hours=4)
    assert grants.active(journal, cat.person) == []
    at(journal, hours=6)
    assert [row.role for row in grants.active(journal, cat.person)] == ["auditor"]


def test_what_the_provider_said_in_a_session_that_ended_hinders_no_grant(journal):
    cat = come(journal, "cat", "manager M01")
    people.end_session(journal, cat.session, "signed out")
    give(journal, cat.person, "approver")
    assert [row.role for row in grants.active(journal, cat.person)] == ["approver"]


def test_the_database_too_refuses_contradictory_roles(journal):
    for n, (first, second) in enumerate(PAIRS):
        who = come(journal, f"who{n}").person
        toxic = frozenset((first, second)) in TOXIC
        assert refused_by_database(journal, granted(who, first), granted(who, second)) == toxic
    one, other = come(journal, "one").person, come(journal, "other").person
    assert not refused_by_database(journal, granted(one, "manager"), granted(other, "approver")), "two people"


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ({}, {}, True),
        ({"expires_at": "2026-02-01"}, {"decided_at": "2026-03-01"}, False),  # one after the other
        ({"expires_at": "2026-03-01"}, {"decided_at": "2026-02-01"}, True),
        ({"decided_at": "2026-03-01"}, {"expires_at": "2026-02-01"}, False),
        ({"decided_at": "2999-01-01"}, {}, True),  # a clock set forward opens no door
        ({}, {"decided_at": "1970-01-01"}, True),
        ({"revoked_at": "2026-01-02", "revoked_by": "z"}, {}, False),
        ({"decision": "refused"}, {}, False),
        ({"decision": None, "decided_by": None, "decided_at": None}, {}, False),
        ({"kind": "emergency", "expires_at": "2026-02-01"}, {}, False),
    ],
)
def test_grants_contradict_when_they_hold_at_the_same_time(journal, first, second, refused):
    who = come(journal, "who").person
    rows = granted(who, "manager", **first), granted(who, "approver", **second)
    assert refused_by_database(journal, *rows) == refused


def test_a_second_grant_cannot_become_contradictory_by_an_update(journal):
    who = come(journal, "who").person
    waits = granted(who, "approver", decision=None, decided_by=None, decided_at=None)
    assert not refused_by_database(journal, granted(who, "manager"), waits)
    change = ROLE_GRANT.update().where(ROLE_GRANT.c.grant_id == waits["grant_id"])
    with pytest.raises(sa.exc.IntegrityError, match="contradictory"), journal.engine.begin() as connection:
        connection.execute(change.values(decision="granted", decided_by="y", decided_at="2026-01-02"))


def test_two_at_once_cannot_give_one_person_contradictory_roles_in_postgresql(journal):
    if journal.engine.dialect.name == "sqlite":
        with journal.engine.connect() as one:  # there, nobody else writes meanwhile
            one.exec_driver_sql("begin immediate")
            with journal.engine.connect() as other:
                other.exec_driver_sql("pragma busy_timeout = 10")
                with pytest.raises(sa.exc.OperationalError, match="locked"):
                    other.exec_driver_sql("begin immediate")
        return
    who = come(journal, "who").person
    outcome: list[bool] = []
    with journal.engine.connect() as first, first.begin():
        first.execute(ROLE_GRANT.insert(), granted(who, "manager"))
        second = threading.Thread(target=lambda: outcome.append(refused_by_database(journal, granted(who, "approver"))))
        second.start()
        second.join(0.3)
        assert second.is_alive(), "it waits for the first"
    second.join(10)
    assert outcome == [True]


def test_who_comes_with_contradictory_roles_has_none_and_that_is_noted_once(journal):
    cat = come(journal, "cat", "manager M01", "approver")
    for _ in range(5):
        assert now_holds(journal, cat).held == ()
    assert audit.count(journal, action="roles.contradict") == 1
    again = come(journal, "cat", "manager M01", "approver", iat=2)
    assert again.held == () and audit.count(journal, action="roles.contradict", actor=cat.person) == 2


def test_a_grant_that_contradicts_what_the_provider_says_later_leaves_no_role(journal):
    cat = come(journal, "cat")
    give(journal, cat.person, "manager")
    later = come(journal, "cat", "approver", iat=2)
    assert later.held == () and audit.count(journal, action="roles.contradict") == 1


def test_one_person_may_look_after_two_books(journal):
    cat = come(journal, "cat", "manager M02")
    give(journal, cat.person, "manager")
    assert now_holds(journal, cat).held == (Held("manager", "M01"), Held("manager", "M02"))


# Emergencies


@pytest.mark.parametrize("role", ROLES)
def test_in_an_emergency_some_may_take_one_role_alone(journal, role):
    who = come(journal, "who", f"{role} {NEEDS.get(role, '')}".strip())
    for wanted in ROLES:
        if role in ("executive", "approver") and wanted == ADMIN:
            grants.take_in_emergency(journal, who, wanted, "nobody answers")
        else:
            with pytest.raises(Forbidden):
                grants.take_in_emergency(journal, who, wanted, "nobody answers")


def test_an_emergency_lasts_an_hour_is_marked_and_is_reviewed_by_somebody_else(journal):
    at(journal)
    eve, max_ = come(journal, "eve", "executive"), come(journal, "max", "auditor")
    with pytest.raises(Invalid, match="Say why"):
        grants.take_in_emergency(journal, eve, ADMIN, " ")
    taken = grants.take_in_emergency(journal, eve, ADMIN, "both administrators are ill")
    eve = now_holds(journal, eve)
    assert eve.roles == {"executive", ADMIN} and eve.emergency_until == "2026-11-22T09:00:00.000000Z"
    with pytest.raises(Invalid, match="already"):
        grants.take_in_emergency(journal, eve, ADMIN, "again")
    people.end_sessions(journal, eve, "somebody")
    assert json.loads(audit.entries(journal)[0].detail)["emergency_until"] == eve.emergency_until
    at(journal, minutes=25)
    assert people.alive(journal, eve.session) and people.alive(journal, max_.session)
    at(journal, minutes=50)
    assert people.alive(journal, eve.session) and people.alive(journal, max_.session)
    at(journal, minutes=60)
    eve = now_holds(journal, eve)
    assert eve.roles == {"executive"} and eve.emergency_until == ""
    with pytest.raises(Forbidden):
        people.end_sessions(journal, eve, "somebody")
    assert [row.grant_id for row in grants.waiting(journal)] == [taken], "until somebody has reviewed it"
    grants.take_in_emergency(journal, eve, ADMIN, "still ill")
    with pytest.raises(Forbidden, match="your own emergency"):
        grants.review(journal, now_holds(journal, eve), taken, "all good")
    grants.review(journal, max_, taken, "in order")
    with pytest.raises(Invalid):
        grants.review(journal, max_, taken, "in order")
    assert taken not in [row.grant_id for row in grants.waiting(journal)]


def test_an_emergency_can_be_ended_early(journal):
    eve, ann = come(journal, "eve", "executive"), come(journal, "ann", "admin")
    taken = grants.take_in_emergency(journal, eve, ADMIN, "fire")
    grants.revoke(journal, ann, taken)
    assert now_holds(journal, eve).roles == {"executive"} and len(grants.waiting(journal)) == 1


# The access review


def test_the_access_review_follows_from_the_trail_alone(journal):
    ann, bob = come(journal, "ann", "admin"), come(journal, "bob", "admin")
    cat, dan, eve = come(journal, "cat"), come(journal, "dan", "manager M07"), come(journal, "eve", "executive")
    gone = give(journal, cat.person, "auditor")
    grants.revoke(journal, ann, gone)
    give(journal, cat.person, "manager", days=30)
    grants.decide(journal, bob, grants.ask(journal, ann, dan.person, "manager", "second book", "M08"), False)
    grants.ask(journal, ann, dan.person, "manager", "third book", "M09")
    grants.take_in_emergency(journal, eve, ADMIN, "fire")
    come(journal, "dan", "manager M01", iat=2)
    asked, lines, people_seen = {}, {}, {}
    for row in reversed(audit.entries(journal, limit=1000)):
        said = json.loads(row.detail)
        if row.action == "sign-in":
            people_seen[row.actor] = json.loads(said["held"])
        elif row.action == "grant.ask":
            asked[row.target] = (
                said["person"],
                said["role"],
                said["subject"],
                "grant",
                row.actor,
                said["expires_at"] or "",
            )
        elif row.action == "grant.decide" and said["granted"]:
            lines[row.target] = (*asked[row.target][:5], row.actor, asked[row.target][5])
        elif row.action == "grant.revoke":
            lines.pop(row.target, None)
        elif row.action == "emergency.take":
            lines[row.target] = (
                said["person"],
                said["role"],
                "",
                "emergency",
                row.actor,
                row.actor,
                said["expires_at"],
            )
    from_trail = {*lines.values()}
    for person, held in people_seen.items():
        from_trail |= {(person, role, subject, "provider", "", "", "") for role, subject in held}
    reviewed = grants.report(journal)
    columns = ("person", "role", "subject", "source", "asked_by", "granted_by", "expires")
    assert {tuple(line[name] for name in columns) for line in reviewed} == from_trail
    assert {line["person"] for line in reviewed} == people_seen.keys() and len(reviewed) == len(from_trail) == 6
    assert all(line["last_used"] for line in reviewed) and set(reviewed[0]) == set(grants.REPORT)


def test_who_holds_no_role_is_in_the_access_review_too(journal):
    cat = come(journal, "cat")
    assert [(line["person"], line["name"], line["role"]) for line in grants.report(journal)] == [
        (cat.person, "Cat", "")
    ]
