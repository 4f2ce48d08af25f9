"""Plans, overrides and releases in the journal: one way through, two people, nobody else's customers, nothing undone."""

from __future__ import annotations

import os
import threading
import time

import pytest
import sqlalchemy as sa

from data.journal import audit, overrides, plans, releases
from data.journal.plans import NoPlan
from data.journal.problems import Invalid
from data.journal.release_rows import STEPS, Listed, NoRelease
from data.journal.schema import AUDIT, OVERRIDE, PLAN, RELEASE, RELEASE_CUSTOMER, RELEASE_STEP
from data.rights import OVERRIDE_PLAN, PROPOSE_RELEASE, ROLES, SAVE_PLAN, SYSTEM, Actor, Forbidden, Held
from data.rights import RELEASE as TO_RELEASE
from data.warehouse import served
from tests.colleagues import come
from tests.on_screen import asked

SHA = "ab" * 32
CUSTOMERS = int(os.environ.get("RAPPORT_RELEASED_CUSTOMERS", "5000"))  # a company's: 100,000


@pytest.fixture(scope="module")
def build(warehouse):
    """The build that the customers are of."""
    return served(str(warehouse)).current()


@pytest.fixture(scope="module")
def books(warehouse) -> dict[str, list[str]]:
    """Manager -> the keys of the own customers."""
    found: dict[str, list[str]] = {}
    for key, manager in asked(warehouse, "select customer_id, manager_id::varchar from customer order by customer_id"):
        found.setdefault(manager, []).append(key)
    return found


def rows(keys: list[str], channel: str = "", **changes) -> list[Listed]:
    """A list of these customers: stop, or one channel."""
    action = "cheaper" if channel else "stop"
    given = {"expected": -2.0, "low": -4.0, "high": 1.0, "p_wrong": 0.1, "saving": 3.0} | changes
    return [Listed(key, action, channel, **given) for key in keys]


def staff(journal) -> tuple[Actor, Actor]:
    """A manager with a book, and an approver."""
    return come(journal, "max", "manager M01"), come(journal, "ada", "approver")


def forced(journal, table: sa.Table, **row) -> None:
    """Write a row past all code, as somebody with the database's password would."""
    with journal.unaudited() as connection:
        connection.execute(table.insert(), row)


def refuses(journal, statement) -> bool:
    """Whether the database itself refuses a statement."""
    try:
        with journal.unaudited() as connection:
            connection.execute(statement)
    except sa.exc.DBAPIError:
        return True
    return False


def step_row(release_id: str, number: int, name: str, author: Actor, by: Actor) -> dict:
    """A step as the code would write it."""
    before, after = STEPS[name]
    row = {"release_id": release_id, "step": number, "name": name, "before": before, "after": after}
    return row | {"author": author.person, "by": by.person, "at": "2026-11-22T12:00:00.000000Z"}


# Plans


def saved(journal, actor: Actor, name: str = "November") -> str:
    return plans.save(journal, actor, name, "b1", '{"format":1}', {"value": 12.5, "cost": "3.00"}, "p.parquet", SHA)


def test_a_plan_is_kept_as_it_was_and_removing_it_leaves_the_row(journal):
    author, approver = staff(journal)
    first, second = saved(journal, author), saved(journal, author, "December")
    found = plans.get(journal, author, first)
    assert (found.name, found.author_name, found.build, found.policy) == ("November", "Max", "b1", '{"format":1}')
    assert found.figures == {"value": 12.5, "cost": "3.00"} and (found.file, found.sha256) == ("p.parquet", SHA)
    assert {one.plan_id for one in plans.listing(journal, approver)} == {first, second}
    with pytest.raises(Forbidden, match="author"):
        plans.remove(journal, approver, first)
    plans.remove(journal, author, first)
    assert [one.plan_id for one in plans.listing(journal, author)] == [second]
    with pytest.raises(NoPlan):
        plans.get(journal, author, first)
    with pytest.raises(NoPlan):
        plans.remove(journal, author, first)
    assert {row.plan_id for row in journal.rows(sa.select(PLAN.c.plan_id))} == {first, second}
    actions = [row.action for row in journal.rows(sa.select(AUDIT).where(AUDIT.c.target == f"plan:{first}"))]
    assert actions == ["plan.save", "denied", "plan.remove", "denied", "denied"]
    assert audit.verify(journal).ok


def test_a_plan_of_somebody_else_does_not_exist(journal):
    author, _ = staff(journal)
    other, executive = come(journal, "moritz", "manager M02"), come(journal, "erin", "executive")
    mine, said = saved(journal, author), []
    for key in (mine, "0" * 32):
        for ask in (plans.get, plans.remove):
            with pytest.raises(NoPlan) as refusal:
                ask(journal, other, key)
            said.append(str(refusal.value))
    assert len(set(said)) == 1 and plans.listing(journal, other) == []
    assert plans.get(journal, executive, mine).plan_id == mine
    with pytest.raises(Forbidden):
        plans.listing(journal, come(journal, "pia", "partner P1"))


@pytest.mark.parametrize(
    "wrong", [{"file": "../p"}, {"sha256": "x"}, {"name": " "}, {"name": "call +49 170 1234567"}, {"plan_id": "x"}]
)
def test_a_plan_without_its_file_or_with_personal_data_is_refused(journal, wrong):
    author, _ = staff(journal)
    given = {"name": "n", "build": "b", "policy": "{}", "figures": {}, "file": "p.parquet", "sha256": SHA} | wrong
    with pytest.raises(Invalid):
        plans.save(journal, author, **given)
    assert plans.listing(journal, author) == []


# Overrides


def test_a_manager_decides_about_the_own_book_an_approver_about_everybody(journal, build, books):
    author, approver = staff(journal)
    own, other = books["M01"][0], books["M02"][0]
    mine = overrides.lock(journal, author, build, own, "email", "She asked for it.")
    for customer in (other, "nobody"):
        with pytest.raises(Forbidden, match="look after no such customer"):
            overrides.lock(journal, author, build, customer, "email", "Why not.")
        with pytest.raises(Forbidden):
            overrides.keep(journal, author, build, customer, "Why not.")
    theirs = overrides.keep(journal, approver, build, other, "A reference for others.")
    with pytest.raises(Forbidden):
        overrides.end(journal, author, build, theirs)
    assert [(one.customer_id, one.kind, one.channel, one.by_name) for one in overrides.active(journal)] == [
        (customer, *rest) for customer, *rest in sorted([(own, "channel", "email", "Max"), (other, "keep", "", "Ada")])
    ]
    overrides.end(journal, approver, build, mine)
    with pytest.raises(Invalid, match="ended already"):
        overrides.end(journal, approver, build, mine)
    assert overrides.kept(journal) == {other} and overrides.active(journal, "channel") == []
    assert audit.count(journal, action="denied") == 5


def test_an_override_says_why_and_a_later_one_ends_the_one_before(journal, build, books):
    author, _ = staff(journal)
    own = books["M01"][0]
    for reason in ("", "  ", "x" * 1_001, "mail ann@example.com"):
        with pytest.raises(Invalid):
            overrides.lock(journal, author, build, own, "email", reason)
    first = overrides.lock(journal, author, build, own, "email", "First.")
    second = overrides.lock(journal, author, build, own, "", "No contact for now.")
    overrides.keep(journal, author, build, own, "Both kinds may hold.")
    assert [(one.kind, one.channel) for one in overrides.active(journal)] == [("channel", ""), ("keep", "")]
    ended = {row.override_id: row.ended_by for row in journal.rows(sa.select(OVERRIDE))}
    assert ended[first] == author.person and ended[second] is None


def test_the_database_keeps_an_override_as_it_was_decided(journal, build, books):
    author, _ = staff(journal)
    own, row = books["M01"][0], OVERRIDE.c
    key = overrides.keep(journal, author, build, own, "Kept.")
    here = sa.update(OVERRIDE).where(row.override_id == key)
    assert refuses(journal, here.values(reason="another"))
    assert refuses(journal, here.values(customer_id="another"))
    assert refuses(journal, here.values(ended_by="somebody"))  # ended means by whom and when
    assert refuses(journal, sa.delete(OVERRIDE))
    again = {"override_id": "x" * 32, "customer_id": own, "kind": "keep", "reason": "r", "by": "b", "at": "a"}
    assert refuses(journal, sa.insert(OVERRIDE).values(again))  # one of a kind holds
    assert refuses(journal, sa.insert(OVERRIDE).values(again | {"kind": "channel", "reason": ""}))
    overrides.end(journal, author, build, key)
    assert refuses(journal, here.values(ended_at=None, ended_by=None))
    assert overrides.kept(journal) == frozenset()


# Releases


def proposed(journal, build, author: Actor, listed: list[Listed]) -> str:
    return releases.propose(journal, author, build, listed, "They no longer answer.")


def test_a_list_goes_its_way_and_only_a_released_one_counts(journal, build, books):
    author, approver = staff(journal)
    stop, cheap = books["M01"][:2], books["M01"][2:4]
    one = proposed(journal, build, author, rows(stop) + rows(cheap, "web"))
    assert releases.released(journal) == {}
    assert releases.on_a_list(journal) == dict.fromkeys(stop + cheap, "waiting")
    assert releases.release(journal, approver, one, build.id) == 4
    assert releases.released(journal) == {
        **dict.fromkeys(stop, frozenset()),
        **dict.fromkeys(cheap, frozenset({"web"})),
    }
    found = releases.get(journal, author, one)
    assert (found.state, found.customers, found.saving, found.by_name) == ("released", 4, 12.0, "Ada")
    assert found.wrong == pytest.approx(0.4)
    releases.end(journal, author, one, build.id, "They are back.")
    assert releases.released(journal) == {} == releases.on_a_list(journal)
    assert [step.name for step in releases.steps(journal, author, one)] == ["propose", "release", "end"]
    done = [row.action for row in journal.rows(sa.select(AUDIT).where(AUDIT.c.target == f"release:{one}"))]
    assert done == ["release.propose", "release.release", "release.end"]
    assert audit.verify(journal).ok


def test_nobody_releases_an_own_list_by_code_or_by_the_database(journal, build, books):
    author, approver = staff(journal)
    one = proposed(journal, build, author, rows(books["M01"][:3]))
    with pytest.raises(Forbidden):
        releases.release(journal, author, one, build.id)
    both = come(journal, "max", "approver", iat=2)  # the same person comes back with the other role
    assert both.person == author.person
    for act in (releases.release, lambda *given: releases.refuse(*given, "no")):
        with pytest.raises(Forbidden, match="yourself"):
            act(journal, both, one, build.id)
    for name in ("release", "refuse"):
        with pytest.raises(sa.exc.IntegrityError):
            forced(journal, RELEASE_STEP, **step_row(one, 2, name, author, author))
        with pytest.raises(sa.exc.IntegrityError):  # nor under another author's name
            forced(journal, RELEASE_STEP, **step_row(one, 2, name, approver, author))
    with pytest.raises(sa.exc.IntegrityError):  # nor is it withdrawn by another
        forced(journal, RELEASE_STEP, **step_row(one, 2, "withdraw", author, approver))
    assert releases.get(journal, author, one).state == "waiting"
    assert releases.release(journal, approver, one, build.id) == 3


def test_the_database_takes_no_step_that_does_not_follow_and_no_customer_afterwards(journal, build, books):
    author, approver = staff(journal)
    one = proposed(journal, build, author, rows(books["M01"][:2]))
    late = {"action": "stop", "expected": 0, "low": 0, "high": 0, "p_wrong": 0, "saving": 0}
    for wrong in (
        step_row(one, 3, "release", author, approver),
        step_row(one, 2, "end", author, approver),
        step_row(one, 1, "propose", author, author),
        step_row(one, 2, "release", author, approver) | {"after": "ended"},
    ):
        with pytest.raises(sa.exc.IntegrityError):
            forced(journal, RELEASE_STEP, **wrong)
    with pytest.raises(sa.exc.IntegrityError):
        forced(journal, RELEASE_CUSTOMER, release_id=one, customer_id=books["M01"][5], **late)
    empty = {"release_id": "e" * 32, "author": author.person, "created_at": "a", "build": "b", "note": "n"}
    forced(journal, RELEASE, **empty)
    with pytest.raises(sa.exc.IntegrityError):  # a list without customers
        forced(journal, RELEASE_STEP, **step_row("e" * 32, 1, "propose", author, author))
    for table in (RELEASE, RELEASE_CUSTOMER, RELEASE_STEP):
        assert refuses(journal, sa.delete(table))
        assert refuses(journal, sa.update(table).values({table.c[1].name: table.c[1]}))
    releases.withdraw(journal, author, one, build.id, "A mistake.")
    for act in (releases.refuse, releases.withdraw, releases.end):
        with pytest.raises((Invalid, Forbidden)):
            act(journal, author if act is releases.withdraw else approver, one, build.id, "Once more.")
    with pytest.raises(Invalid, match="withdrawn already"):
        releases.release(journal, approver, one, build.id)


def test_whoever_is_kept_is_in_no_release_before_or_after(journal, build, books):
    author, approver = staff(journal)
    kept, later, other, back = books["M01"][:4]
    overrides.keep(journal, author, build, kept, "A partner's customer.")
    with pytest.raises(Invalid, match=f"{kept} is on the must-keep list"):
        proposed(journal, build, author, rows([kept, other]))
    forced(journal, RELEASE, release_id="f" * 32, author=author.person, created_at="a", build="b", note="n")
    late = {"action": "stop", "expected": 0, "low": 0, "high": 0, "p_wrong": 0, "saving": 0}
    with pytest.raises(sa.exc.IntegrityError):  # the database holds to it by itself
        forced(journal, RELEASE_CUSTOMER, release_id="f" * 32, customer_id=kept, **late)
    one = proposed(journal, build, author, rows([later, other, back]))
    overrides.keep(journal, approver, build, later, "Since the proposal.")
    assert releases.release(journal, approver, one, build.id, {back: "now pays"}) == 1
    assert releases.released(journal) == {other: frozenset()}
    last = releases.steps(journal, author, one)[-1]
    assert last.dropped == {back: "now pays", later: "must keep"}
    overrides.keep(journal, author, build, other, "After the release.")
    assert releases.released(journal) == {}
    proposed(journal, build, author, rows([back]))  # whoever stayed is free for another list


def test_a_list_of_which_nobody_is_left_cannot_be_released(journal, build, books):
    author, approver = staff(journal)
    one = proposed(journal, build, author, rows(books["M01"][:2]))
    with pytest.raises(Invalid, match="Nobody of this list is left"):
        releases.release(journal, approver, one, build.id, dict.fromkeys(books["M01"][:2], "now pays"))
    assert releases.get(journal, author, one).state == "waiting"


def test_a_customer_is_on_one_list_and_in_the_authors_book(journal, build, books):
    author, approver = staff(journal)
    one = proposed(journal, build, author, rows(books["M01"][:2]))
    with pytest.raises(Invalid, match="on another list"):
        proposed(journal, build, author, rows(books["M01"][1:3]))
    with pytest.raises(Forbidden, match="look after no such customer"):
        proposed(journal, build, author, rows([books["M01"][5], books["M02"][0]]))
    with pytest.raises(Forbidden):
        proposed(journal, build, approver, rows(books["M01"][5:6]))
    for wrong in ([], rows(books["M01"][5:6] * 2), rows(books["M01"][5:6], p_wrong=1.5),
                  rows(books["M01"][5:6], expected=float("nan"))):  # fmt: skip
        with pytest.raises(Invalid):
            proposed(journal, build, author, wrong)
    assert [found.release_id for found in releases.listing(journal, author)] == [one]


def test_a_list_of_somebody_else_does_not_exist(journal, build, books):
    author, _ = staff(journal)
    other = come(journal, "moritz", "manager M02")
    mine, said = proposed(journal, build, author, rows(books["M01"][:2])), []
    for key in (mine, "0" * 32):
        for ask in (releases.get, releases.customers, releases.steps):
            with pytest.raises(NoRelease) as refusal:
                ask(journal, other, key)
            said.append(str(refusal.value))
        for act in (releases.withdraw, releases.end):
            with pytest.raises(NoRelease):
                act(journal, other, key, build.id, "Mine now.")
    assert len(set(said)) == 1 and releases.listing(journal, other) == []
    for role in ("executive", "partner P1", "admin"):
        with pytest.raises(Forbidden):
            releases.listing(journal, come(journal, role, role))


def test_twenty_decisions_at_once_are_one(journal, build, books):
    author, _ = staff(journal)
    approvers = [come(journal, f"approver {number}", "approver") for number in range(4)]
    one = proposed(journal, build, author, rows(books["M01"][:3]))
    start, came = threading.Barrier(20), []

    def press(number: int) -> None:
        start.wait()
        try:
            if number % 5 == 4:
                releases.withdraw(journal, author, one, build.id, "Not now.")
            elif number % 2:
                releases.refuse(journal, approvers[number % 4], one, build.id, "No.")
            else:
                releases.release(journal, approvers[number % 4], one, build.id)
            came.append("done")
        except Invalid:
            came.append("refused")

    threads = [threading.Thread(target=press, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(came) == ["done"] + ["refused"] * 19
    assert len(releases.steps(journal, author, one)) == 2 and audit.verify(journal).ok


def test_many_released_customers_and_overrides_are_read_within_seconds(journal):
    keys = [f"C{number:06}" for number in range(CUSTOMERS)]
    person = {"author": "max", "created_at": "2026-11-22T12:00:00.000000Z", "build": "b", "note": "n"}
    figures = {"expected": -1.0, "low": -2.0, "high": 0.5, "p_wrong": 0.1, "saving": 1.0}
    by = {"by": "max", "at": "2026-11-22T12:00:00.000000Z"}
    with journal.unaudited() as connection:
        connection.execute(sa.insert(RELEASE), {"release_id": "r"} | person)
        listed = {"release_id": "r", "action": "stop"} | figures
        connection.execute(sa.insert(RELEASE_CUSTOMER), [listed | {"customer_id": key} for key in keys])
        for number, (name, who) in enumerate((("propose", "max"), ("release", "ada")), 1):
            row = step_row("r", number, name, Actor("max"), Actor(who))
            connection.execute(sa.insert(RELEASE_STEP), row)
        locks = [{"override_id": f"o{key}", "customer_id": key, "kind": "channel", "channel": "web", "reason": "r"} | by
                 for key in keys]  # fmt: skip
        connection.execute(sa.insert(OVERRIDE), locks)
    started = time.perf_counter()
    assert releases.released(journal) == dict.fromkeys(keys, frozenset())
    between = time.perf_counter()
    assert [one.customer_id for one in overrides.active(journal)] == keys
    assert between - started < 3 and time.perf_counter() - between < 3


# Rights


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        (SAVE_PLAN, {"executive", "manager", "approver"}),
        (OVERRIDE_PLAN, {"manager", "approver"}),
        (PROPOSE_RELEASE, {"manager"}),
        (TO_RELEASE, {"approver"}),
    ],
)
def test_each_right_belongs_to_its_roles_and_to_nobody_who_looks_as_somebody_else(permission, roles):
    assert {role for role, held in ROLES.items() if permission in held} == roles
    for role in roles:
        assert Actor("a", held=(Held(role, "M01"),)).may(permission)
        assert not Actor("a", held=(Held(role, "M01"),), viewed_by="b").may(permission)


def test_programs_may_read_and_the_system_sees_every_customer(journal, build, books):
    key = overrides.lock(journal, SYSTEM, build, books["M02"][0], "web", "By a program.")
    assert [one.override_id for one in overrides.active(journal)] == [key]
