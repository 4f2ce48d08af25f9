"""What a channel plan is made from, counted once more in plain Python; and what no plan may ever do."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data import campaign_files, plan, plan_files, plan_now, plan_rows
from data.audience_sources import kept_by_feed
from data.journal import campaigns, overrides, plans, releases
from data.journal.plans import NoPlan
from data.journal.problems import Invalid, JournalError
from data.journal.release_rows import Listed
from data.journal.schema import OVERRIDE
from data.journal.store import Journal
from data.plan_policy import Policy, parse
from data.rights import Actor, Forbidden
from data.view import EVERYTHING, Refused, Scope, View
from data.warehouse import Build
from models import assign_arm, assignment, explore
from tests import campaigning
from tests.colleagues import come
from tests.plan_company import NOW, Company, people

CHANNELS = {
    "email": (Decimal("0.05"), None, 3, True),
    "mail": (Decimal("1.25"), 4, 21, False),
    "phone": (Decimal("8.20"), 2, 30, True),
}
EXAMPLES = count()
WORLDS = int(os.environ.get("RAPPORT_PLANS", "12"))  # companies made up; for a long run: 400
QUIET = Policy(none_share=0.0, random_share=0.0, purpose="marketing")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    opened = Journal(str(tmp_path / "journal"), tmp_path / "keys" / "audit.keys", tmp_path / "checkpoints.jsonl")
    opened.migrate()
    opened.clock = lambda: NOW
    return opened


def agreed(customers: Any, *channels: str) -> list[tuple[str, str, str, bool, float]]:
    return [(key, channel, "marketing", True, 100.0) for key in customers for channel in channels]


def simple(number: int = 6, **changes: Any) -> Company:
    """Everybody agreed to everything; mail brings most, phone the next, e-mail the least."""
    customers = people(number)
    worth = {"email": 1.0, "mail": 9.0, "phone": 12.0}
    effects = {(key, name): value for key in customers for name, value in worth.items()}
    given = {"channels": CHANNELS, "customers": customers, "effects": effects}
    return Company(**(given | {"consents": agreed(customers, "email", "phone")} | changes))


def found_in(build: Build, journal: Journal | None = None, policy: Policy = QUIET, scope: Scope = EVERYTHING):
    return plan.candidates(build, View(scope), journal, assign_arm, policy, NOW)


def solved(build: Build, journal: Journal | None = None, policy: Policy = QUIET, scope: Scope = EVERYTHING):
    return plan_rows.solve(found_in(build, journal, policy, scope), policy, assignment, explore)


def given_to(done: plan_rows.Outcome) -> dict[str, str]:
    rows = plan_rows.rows(done)
    return dict(zip(rows["customer_id"].to_pylist(), rows["channel"].to_pylist(), strict=True))


def locked(journal: Journal, customer: str, channel: str, kind: str = "channel") -> None:
    """A lock, as the journal holds one, whatever build knows the customer."""
    with journal.unaudited() as connection:
        row = {"override_id": hashlib.md5(f"{customer}{kind}".encode()).hexdigest(), "customer_id": customer}
        row |= {"kind": kind, "channel": channel, "reason": "They asked for it.", "by": "p" * 32, "at": journal.now()}
        connection.execute(sa.insert(OVERRIDE), row)


# ---- Channels, policy


def test_channels_come_in_the_order_of_their_names_with_whole_capacities(tmp_path):
    company = simple(channels=CHANNELS | {"aaa": (None, 7, 1, True)})
    found = plan.channels(company.build(tmp_path))
    assert [one.name for one in found] == ["aaa", "email", "mail", "phone"]
    assert [one.capacity for one in found] == [7, None, 4, 2]
    assert [one.unit_cost for one in found] == [0, Decimal("0.05"), Decimal("1.25"), Decimal("8.20")]
    assert [one.priced for one in found] == [False, True, True, True]


def test_a_channel_without_a_cost_is_offered_to_nobody(tmp_path):
    company = simple(channels=CHANNELS | {"aaa": (None, None, 0, False)})
    company.effects = {**company.effects, **{(key, "aaa"): 99.0 for key in company.customers}}
    found = found_in(company.build(tmp_path))
    assert not found.allowed[:, 0].any()
    assert {plan.REFUSED[one] for one in found.refusal[:, 0]} == {"no cost"}


def test_a_company_without_channels_is_told_so(tmp_path):
    with pytest.raises(Invalid, match="no channels"):
        found_in(simple(channels={}, effects={}).build(tmp_path))


def test_the_policy_to_begin_with_takes_the_cap_of_the_company_and_the_most_frequent_purpose(tmp_path):
    build = simple(further={"most_contacts": 3, "contact_days": 14}).build(tmp_path)
    assert plan.start(build) == Policy(most_contacts=3, contact_days=14, purpose="marketing")
    bare = simple(consents=[]).build(tmp_path / "bare")
    assert plan.start(bare) == Policy()


def test_a_policy_is_one_text_however_it_is_given_and_comes_back_from_it():
    one = Policy(Decimal("1200.5"), (("mail", 5), ("email", None)), 4, 30, 0.5, members=(("segment", ("home", "a")),))
    other = Policy("1200.50", (("email", None), ("mail", 5.0)), 4, 30, "0.50001", members=(("segment", ["a", "home"]),))  # type: ignore[arg-type]
    assert one.text() == other.text() and one.sha256 == other.sha256
    assert parse(one.text()) == one
    assert json.loads(one.text())["budget"] == "1200.5000"
    assert one.sha256 == hashlib.sha256(one.text().encode()).hexdigest()
    assert one.budget_units == 12_005_000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": -1}, "budget must be 0 or more"),
        ({"budget": "nan"}, "budget must be an amount"),
        ({"budget": "1e400"}, "budget must be an amount"),
        ({"budget": "1.00001"}, "more than four decimal places"),
        ({"capacity": (("mail", -1),)}, "capacity of mail must be a whole number"),
        ({"capacity": (("mail", 1.5),)}, "capacity of mail must be a whole number"),
        ({"capacity": (("mail", math.nan),)}, "capacity of mail must be a number"),
        ({"capacity": (("mail", 1), ("mail", 2))}, "named twice"),
        ({"most_contacts": -1}, "Contacts of one customer must be a whole number"),
        ({"contact_days": 0}, "Days in which contacts are counted must be a whole number"),
        ({"least_roi": math.inf}, "least return must be a number"),
        ({"least_roi": -2}, "least return must be from 0"),
        ({"least_roi": True}, "least return must be a number"),
        ({"none_share": 0.51}, "share without a contact must be between 0% and 50%"),
        ({"random_share": math.nan}, "share by chance must be a number"),
        ({"none_share": "much"}, "share without a contact must be a number"),
        ({"purpose": ""}, "purpose"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_in_words(changes, said):
    with pytest.raises(ValueError, match=said):
        Policy(**changes)


def test_a_channel_nobody_has_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(Invalid, match=r"no channel 'fax'\. Channels: email, mail, phone"):
        found_in(simple().build(tmp_path), policy=QUIET.but(capacity=(("fax", 5),)))


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format":1}', "[" * 5_000, '{"format":1,"budget":{}}'])
def test_a_text_that_is_no_policy_is_refused(text):
    with pytest.raises(Invalid):
        parse(text)


def test_a_policy_with_a_field_more_or_a_wrong_kind_is_refused():
    held = json.loads(Policy().text())
    for changes in ({"further": 1}, {"capacity": [["mail"]]}, {"members": 5}, {"budget": []}, {"format": 2}):
        with pytest.raises(Invalid):
            parse(json.dumps(held | changes))


# ---- Who may be contacted, counted once more


class Plain:
    """The rules written out once more, a customer and a channel at a time."""

    def __init__(self, company: Company, policy: Policy):
        self.company, self.policy = company, policy

    def reached(self, customer: str) -> list[tuple[str, float]]:
        made = self.company.contacts
        return [(c, days) for key, c, days, way, arm in made if (key, way) == (customer, "out") and arm != "control"]

    def refusal(self, customer: str, channel: str) -> str:
        cost, _, rest, needs = self.company.channels[channel]
        mine = [(days, allowed, purpose) for key, c, purpose, allowed, days in self.company.consents
                if (key, c) == (customer, channel)]  # fmt: skip
        meant = [(days, allowed) for days, allowed, purpose in mine if purpose in ("(unknown)", self.policy.purpose)]
        if meant:
            latest = min(days for days, _ in meant)
            agrees = all(allowed for days, allowed in meant if days == latest)
        else:
            agrees = not needs
        if not agrees:
            elsewhere = any(allowed for _, allowed, purpose in mine)
            return "other purpose" if not meant and elsewhere else "no consent"
        if any(c == channel and days < rest for c, days in self.reached(customer)):
            return "too soon"
        recent = sum(days < self.policy.contact_days for _, days in self.reached(customer))
        if self.policy.most_contacts is not None and recent >= self.policy.most_contacts:
            return "enough contacts"
        if cost is None:
            return "no cost"
        return "" if (customer, channel) in self.company.effects else "nothing known"


def world(seed: int, number: int, prefix: str = "C", consent: float = 0.7) -> Company:
    """A company in which much is missing, refused, recent or dear; times never fall on a limit."""
    rng = np.random.default_rng(seed)
    customers = {key: (str(rng.choice(["M01", "M02"])), str(rng.choice(["home", "shop"])), "no")
                 for key in people(number, prefix=prefix)}  # fmt: skip
    costs = [Decimal("0"), Decimal("0.02"), Decimal("0.0501"), Decimal("1.25"), Decimal("8.2")]
    channels = {
        f"c{place}": (
            costs[rng.integers(len(costs))],
            None if rng.random() < 0.4 else int(rng.integers(0, number + 1)),
            int(rng.integers(0, 31)),
            bool(rng.random() < 0.6),
        )
        for place in range(int(rng.integers(1, 5)))
    }
    effects, consents, contacts = {}, [], []
    for key in customers:
        for channel in channels:
            if rng.random() < 0.85:
                effects[key, channel] = round(float(rng.normal(3, 4)), 2)
            for purpose in ("marketing", "(unknown)", "service"):
                if rng.random() < consent / 2:
                    consents.append((key, channel, purpose, bool(rng.random() < 0.75), float(rng.integers(1, 4) * 10)))
        for _ in range(int(rng.integers(0, 4))):
            contacts.append((key, str(rng.choice([*channels, "old"])), float(rng.integers(0, 60)) + 0.5,
                             str(rng.choice(["out", "out", "in"])),
                             str(rng.choice(["treated", "treated", "control"]))))  # fmt: skip
    return Company(channels, customers, effects, consents, contacts)


@pytest.mark.parametrize("seed", range(8))
def test_each_customer_and_channel_is_refused_for_the_reason_that_a_plain_count_gives(tmp_path, seed):
    company, policy = world(seed, 40), QUIET.but(most_contacts=seed % 3 + 1, contact_days=20 + seed)
    plain, found = Plain(company, policy), found_in(company.build(tmp_path), policy=policy)
    wanted = [[plain.refusal(key, channel) for channel in company.channels] for key in company.customers]
    assert [[plan.REFUSED[code] for code in row] for row in found.refusal] == wanted
    assert found.allowed.tolist() == [[one in ("", "nothing known") for one in row] for row in wanted]
    assert list(found.customer_id) == list(company.customers)
    mine = [
        [company.effects.get((key, channel), math.nan) for channel in company.channels] for key in found.customer_id
    ]
    np.testing.assert_array_equal(found.effect, mine)
    np.testing.assert_array_equal(found.low, np.array(mine) - 1)


def test_what_is_done_at_present_is_counted_over_the_last_30_days_of_the_data(tmp_path):
    sent = [("C000", "mail", 1, "out", "treated"), ("C000", "mail", 29, "out", "treated"),
            ("C000", "email", 2, "out", "treated"), ("C001", "phone", 3, "out", "treated"),
            ("C002", "phone", 3, "out", "control"), ("C003", "phone", 3, "in", "treated"),
            ("C004", "mail", 31, "out", "treated"), ("C005", "email", 5, "out", "treated")]  # fmt: skip
    found = found_in(simple(contacts=sent).build(tmp_path))
    assert found.current_contacts.tolist() == [2, 2, 1]
    assert found.current_cost == Decimal("2.50") + Decimal("0.10") + Decimal("8.20")
    assert found.current.tolist() == [1, 2, -1, -1, -1, 0]


def test_contacts_on_a_channel_that_is_gone_count_for_the_cap(tmp_path):
    company = simple(contacts=[("C000", "fax", 2, "out", "treated"), ("C000", "fax", 4, "out", "treated")])
    found = found_in(company.build(tmp_path), policy=QUIET.but(most_contacts=2))
    assert found.contacts.tolist() == [2, 0, 0, 0, 0, 0]
    assert {plan.REFUSED[code] for code in found.refusal[0]} == {"enough contacts"}


def test_contacts_are_counted_back_from_the_moment_of_planning_not_from_the_end_of_the_data(tmp_path):
    build = simple(contacts=[("C000", "mail", 1, "out", "treated")]).build(tmp_path)
    policy = QUIET.but(most_contacts=1)
    later = plan.candidates(build, View(EVERYTHING), None, assign_arm, policy, NOW + timedelta(days=29.5))
    assert (found_in(build, policy=policy).refusal[0] != 0).all()
    assert (later.refusal[0] == 0).all()


# ---- Whom the journal speaks for


def test_the_global_holdout_is_drawn_as_for_campaigns_and_needs_the_journal(tmp_path, journal):
    company = simple(200, holdout=0.1)
    build = company.build(tmp_path / "b")
    with pytest.raises(Invalid, match="held out for good"):
        found_in(build)
    salt = hmac.new(campaign_files.secret(journal).encode(), b"global holdout", hashlib.sha256).hexdigest()
    held = {
        key
        for key in company.customers
        if int.from_bytes(hmac.new(salt.encode(), key.encode(), hashlib.sha256).digest()) % 10_000 < 1_000
    }
    done = solved(build, journal, QUIET.but(none_share=0.2, random_share=0.2))
    assert {key for key, code in zip(done.found.customer_id, done.found.out) if plan.WHOLLY[code]} == held
    assert 5 < len(held) < 40
    assert set(given_to(done)) == company.customers.keys() - held


def test_nobody_of_a_campaign_that_was_exported_is_planned_until_it_is_over(tmp_path, journal):
    build = simple(8).build(tmp_path / "b")
    author, approver = campaigning.people_of(journal)
    arms = {"C000": "treated", "C001": "control", "C002": "exploration", "Z": "treated"}
    sent = campaigning.exported(journal, author, approver, arms)
    found = found_in(build, journal)
    assert {key for key, code in zip(found.customer_id, found.out) if plan.WHOLLY[code] == "in a running test"} == {
        "C000", "C001", "C002"}  # fmt: skip
    assert not found.allowed[:3].any()
    assert set(given_to(solved(build, journal))) == {f"C00{place}" for place in range(3, 8)}
    locked(journal, "C000", "phone")
    assert "C000" not in given_to(solved(build, journal)), "a lock waits, and stops nobody's plan"
    campaigns.withdraw(journal, author, sent.campaign_id, "Nobody was reached.")
    assert given_to(solved(build, journal))["C000"] == "phone"
    assert (found_in(build, journal).out == 0).all()


def test_what_a_release_stops_is_out_and_what_it_leaves_is_all_there_is(tmp_path, journal, monkeypatch):
    monkeypatch.setattr(
        releases, "released", lambda _: {"C001": frozenset(), "C002": frozenset({"email"}), "Z": frozenset()}
    )
    done = solved(simple().build(tmp_path / "b"), journal)
    found = done.found
    assert plan.WHOLLY[found.out[1]] == "released" and found.out.sum() == found.out[1]
    assert [plan.REFUSED[code] for code in found.refusal[2]] == ["", *["released from this channel"] * 2]
    assert "C001" not in given_to(done) and given_to(done)["C002"] == "email"


def test_whom_the_feed_keeps_after_a_release_is_contacted_as_before(tmp_path, journal, monkeypatch):
    monkeypatch.setattr(releases, "released", lambda _: dict.fromkeys(("C001", "C002"), frozenset()))
    company = simple(customers=people(10) | {"C001": ("M01", "home", "Yes")}, consents=agreed(people(10), "email"))
    build = company.build(tmp_path / "b")
    found = found_in(build, journal)
    assert [plan.WHOLLY[code] for code in found.out[:4]] == ["", "", "released", ""]
    assert kept_by_feed(build, ["C001", "C002"]) == {"C001"} and found.allowed[1].any()


def test_a_release_by_two_people_takes_its_customers_out_of_the_next_plan(warehouse, tmp_path, journal):
    from data.warehouse import served

    build = served(str(warehouse)).current()
    author, approver = campaigning.people_of(journal)
    book = build.scope_of(author.held)
    before = plan.candidates(build, View(book), journal, assign_arm, plan.start(build))
    stop, cheaper = before.customer_id[0], before.customer_id[1]
    figures = {"expected": -2.0, "low": -4.0, "high": 1.0, "p_wrong": 0.1, "saving": 3.0}
    rows = [Listed(stop, "stop", "", **figures), Listed(cheaper, "cheaper", "email", **figures)]
    new = releases.propose(journal, author, build, rows, "They cost more than they bring.")
    assert (plan.candidates(build, View(book), journal, assign_arm, plan.start(build)).out == before.out).all()
    releases.release(journal, approver, new, build.id)
    after = plan.candidates(build, View(book), journal, assign_arm, plan.start(build))
    assert [plan.WHOLLY[code] for code in after.out[:2]] == ["released", ""]
    assert not after.allowed[1, [name != "email" for name in after.names]].any()
    overrides.keep(journal, author, build, stop, "An old friend of the house.")
    kept = plan.candidates(build, View(book), journal, assign_arm, plan.start(build))
    assert kept.out[0] == 0 and kept.must_keep[0] and not kept.must_keep[1]


def test_locks_hold_whatever_is_best_and_nobody_explores_them(tmp_path, journal):
    build = simple(40).build(tmp_path / "b")
    wanted = {"C000": "phone", "C001": "", "C002": "email", "C003": "mail"}
    for customer, channel in wanted.items():
        locked(journal, customer, channel)
    locked(journal, "Z", "phone")
    done = solved(build, journal, QUIET.but(none_share=0.5, random_share=0.5))
    rows = plan_rows.rows(done).to_pylist()
    assert {row["customer_id"]: row["channel"] for row in rows if row["drawn"] == "locked"} == wanted
    assert {row["p_assign"] for row in rows if row["drawn"] == "locked"} == {1.0}


def test_a_lock_against_consent_a_lost_channel_or_a_holdout_is_named_as_impossible(tmp_path, journal):
    company = simple(40, holdout=0.5, consents=agreed(people(40), "email"))
    build = company.build(tmp_path / "b")
    inside = [
        str(key) for key, code in zip(found_in(build, journal).customer_id, found_in(build, journal).out) if not code
    ]
    outside = sorted(company.customers.keys() - set(inside))
    for customer, channel, said in ((inside[0], "phone", "phone: no consent"), (outside[0], "mail", "global holdout"),
                                    (inside[1], "fax", "none any more")):  # fmt: skip
        locked(journal, customer, channel)
        with pytest.raises(assignment.Infeasible, match=said) as problem:
            solved(build, journal)
        assert customer in str(problem.value)
        with journal.unaudited() as connection:
            gone = {"ended_at": journal.now(), "ended_by": "p" * 32}
            connection.execute(sa.update(OVERRIDE).where(OVERRIDE.c.customer_id == customer).values(gone))
    assert solved(build, journal)


def test_locks_beyond_a_capacity_or_the_budget_are_named(tmp_path, journal):
    build = simple().build(tmp_path / "b")
    for place in range(3):
        locked(journal, f"C00{place}", "phone")
    with pytest.raises(assignment.Infeasible) as full:
        solved(build, journal)
    assert full.value.names == (2,)
    with pytest.raises(assignment.Infeasible) as dear:
        solved(build, journal, QUIET.but(budget=Decimal(24), capacity=(("phone", 3),)))
    assert dear.value.names == ("budget",)


def test_a_lock_may_name_a_channel_of_which_nothing_is_known(tmp_path, journal):
    company = simple()
    company.effects = {pair: value for pair, value in company.effects.items() if pair != ("C000", "phone")}
    build = company.build(tmp_path / "b")
    assert given_to(solved(build, journal))["C000"] != "phone"
    locked(journal, "C000", "phone")
    row = plan_rows.rows(solved(build, journal)).to_pylist()[0]
    assert (row["channel"], row["expected"], row["drawn"]) == ("phone", None, "locked")


def test_the_must_keep_list_is_the_feed_and_the_people_together(tmp_path, journal):
    customers = people(4) | {"C001": ("M01", "home", "Yes")}
    build = simple(4, customers=customers).build(tmp_path / "b")
    locked(journal, "C003", "", "keep")
    assert found_in(build, journal).must_keep.tolist() == [False, True, False, True]
    assert (found_in(build, journal).fixed == plan.FREE).all()


# ---- Scopes


def test_a_manager_plans_the_own_book_only(tmp_path):
    customers = people(3, "M01", "A") | people(3, "M02", "B")
    build = simple(customers=customers, effects={(key, "mail"): 5.0 for key in customers}).build(tmp_path)
    own = Scope(members=(("manager_id", ("M02",)),))
    assert set(given_to(solved(build, scope=own))) == {"B000", "B001", "B002"}
    assert len(found_in(build, scope=Scope())) == 0
    assert len(found_in(build, policy=QUIET.but(members=(("manager_id", ("M01",)),)), scope=own)) == 0


def test_a_reader_of_groups_gets_sums_but_no_names_and_nothing_of_fewer_than_ten(tmp_path):
    groups = Scope(everything=True, attributes=("segment",))
    build = simple(12).build(tmp_path)
    done = solved(build, scope=groups)
    assert done.figures["customers"] == 12
    assert "C000" not in repr(done) + json.dumps(done.figures)
    for read in (
        lambda: done.found.customer_id,
        lambda: plan_rows.rows(done),
        lambda: plan.tested(build, View(groups)),
    ):
        with pytest.raises(Refused, match="groups"):
            read()
    with pytest.raises(Refused, match="fewer than 10"):
        found_in(build, policy=QUIET.but(members=(("segment", ("shop",)),)), scope=groups)
    with pytest.raises(Refused, match="single customers out"):
        found_in(build, policy=QUIET.but(members=(("must_keep", ("no",)),)), scope=groups)
    with pytest.raises(Refused, match="fewer than 10"):
        found_in(build, scope=replace(Scope(), attributes=()))


def test_a_build_without_the_effects_says_build_again(tmp_path):
    import duckdb

    company = simple()
    company.build(tmp_path).engine.connection.close()
    file = next(tmp_path.glob("*.duckdb"))
    with duckdb.connect(str(file)) as con:
        con.execute("drop table learned_effect")
    manifest = {"build": file.stem, "attributes": [], "as_of": NOW.isoformat()}
    with pytest.raises(Refused, match="Build again to have it: python -m data build"):
        found_in(Build(file, manifest))


# ---- What no plan may ever do


@pytest.fixture(scope="module")
def long_journal(tmp_path_factory) -> Journal:
    """A journal that all examples share; their customers have keys of their own."""
    folder = tmp_path_factory.mktemp("long")
    opened = Journal(str(folder / "journal"), folder / "keys" / "audit.keys", folder / "checkpoints.jsonl")
    opened.migrate()
    opened.clock = lambda: NOW
    return opened


@settings(max_examples=WORLDS, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**20),
    number=st.integers(10, 40),
    budget=st.none() | st.decimals(0, 60, places=4),
    most=st.none() | st.integers(0, 3),
    days=st.integers(1, 60),
    full=st.none() | st.integers(0, 5),
    roi=st.none() | st.sampled_from([0.0, 0.5, 2.0]),
    shares=st.sampled_from([(0.0, 0.0), (0.05, 0.05), (0.2, 0.3)]),
    locks=st.integers(0, 2),
    holdout=st.sampled_from([0.0, 0.2]),
    running=st.booleans(),
)  # fmt: skip
def test_no_plan_breaks_consent_caps_capacity_budget_locks_or_a_holdout(
    tmp_path_factory, long_journal, seed, number, budget, most, days, full, roi, shares, locks, holdout, running
):
    prefix = f"P{next(EXAMPLES)}-"  # nobody is in two examples: they share a journal
    company = replace(world(seed, number, prefix), holdout=holdout)
    build = company.build(tmp_path_factory.mktemp("one"))
    capacity = {"c0": full} if full is not None else {}
    policy = Policy(budget, tuple(capacity.items()), most, days, roi, *shares, purpose="marketing")
    limits = {name: limit for name, (_, limit, _, _) in company.channels.items()} | capacity
    keys, rng = sorted(company.customers), np.random.default_rng(seed)
    drawn = set[str]()
    if running:
        drawn = set(keys[:3])
        author, approver = campaigning.people_of(long_journal)
        campaigning.exported(long_journal, author, approver, dict.fromkeys(drawn, "treated"), name=f"Of {prefix}")
    fixed = {}
    for key in keys[4 : 4 + locks]:
        fixed[key] = str(rng.choice([*company.channels, ""]))
        locked(long_journal, key, fixed[key])
    salt = hmac.new(campaign_files.secret(long_journal).encode(), b"global holdout", hashlib.sha256).hexdigest()
    held = {key for key in keys if int.from_bytes(hmac.new(salt.encode(), key.encode(), hashlib.sha256).digest())
            % 10_000 < holdout * 10_000}  # fmt: skip
    plain = Plain(company, policy)
    kept = {key: channel for key, channel in fixed.items() if channel}
    broken = [key for key, channel in kept.items()
              if key in held or plain.refusal(key, channel) not in ("", "nothing known")]  # fmt: skip
    if broken:
        with pytest.raises(assignment.Infeasible) as problem:
            solved(build, long_journal, policy)
        assert any(key in str(problem.value) for key in broken)
        return
    locked_cost = sum((company.channels[channel][0] for channel in kept.values()), Decimal(0))
    room = [limit - list(kept.values()).count(c) for c, limit in limits.items() if limit is not None]
    try:
        done = solved(build, long_journal, policy)
    except assignment.Infeasible:  # what is locked needs more than there is; with what is drawn it may earn too little
        possible = (budget is None or locked_cost <= budget) and min(room, default=0) >= 0
        if possible and roi is None:
            raise
        return
    rows = plan_rows.rows(done).to_pylist()
    assert [row["customer_id"] for row in rows] == [key for key in keys if key not in held | drawn]
    spent, used = Decimal(0), dict.fromkeys(company.channels, 0)
    for row in rows:
        key, channel = row["customer_id"], row["channel"]
        if key in fixed:
            assert (channel, row["drawn"]) == (fixed[key], "locked")
        assert 0 < row["p_assign"] <= 1
        assert (row["cost"] == 0) if not channel else (row["cost"] == company.channels[channel][0])
        if channel:
            used[channel] += 1
            spent += company.channels[channel][0]
            refusal = plain.refusal(key, channel)
            assert refusal == "" or (refusal == "nothing known" and row["drawn"] in ("locked", "explore channel"))
    assert budget is None or spent <= budget
    assert spent == done.spent
    assert all(limit is None or used[name] <= limit for name, limit in limits.items())
    earned = sum(Decimal(str(row["expected"])) for row in rows if row["expected"] is not None)
    assert float(earned - spent) == pytest.approx(done.plan.value, abs=1e-6)
    assert roi is None or earned >= (1 + Decimal(str(roi))) * spent - Decimal("1e-6")
    assert done.plan.bound >= done.plan.value - 1e-9


def test_more_budget_and_one_more_channel_never_lower_the_value(tmp_path):
    for seed in range(4):
        company = world(seed, 30)
        found = found_in(company.build(tmp_path / f"{seed}"))
        budgets = [QUIET.but(budget=Decimal(money)) for money in (0, 1, 5, 20, 100, 1000)]
        values = [plan_rows.solve(found, policy, assignment, explore).plan.value for policy in budgets]
        assert values == sorted(values)
        more = replace(company, channels=company.channels | {"z": (Decimal("0.01"), None, 0, False)},
                       effects={**company.effects, **{(key, "z"): 0.5 for key in company.customers}})  # fmt: skip
        wider = more.build(tmp_path / f"{seed}more")
        assert solved(wider).plan.value >= plan_rows.solve(found, QUIET, assignment, explore).plan.value - 1e-9


def test_a_plan_is_the_same_bytes_every_time(tmp_path, journal):
    build = world(3, 60).build(tmp_path / "b")
    policy = Policy(Decimal(40), purpose="marketing")
    files = []
    for name in ("one", "two"):
        plan_files.write(tmp_path / name, plan_rows.rows(solved(build, journal, policy)))
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]


# ---- Frozen plans


@pytest.fixture
def ada(journal: Journal) -> Actor:
    return come(journal, "ada", "approver")


def two_books(folder: Path) -> Build:
    customers = people(12, "M01", "A") | people(12, "M02", "B")
    effects = {(key, name): 5.0 for key in customers for name in CHANNELS}
    build = simple(customers=customers, effects=effects, consents=agreed(customers, "email")).build(folder)
    build.partners_of = lambda manager: ()  # type: ignore[method-assign]
    return build


def test_a_saved_plan_comes_back_as_it_was_and_each_reader_sees_the_own_customers_of_it(tmp_path, journal, ada):
    build = two_books(tmp_path / "b")
    done = solved(build, journal)
    new = plan_files.save(journal, ada, build, done, "October")
    saved, rows = plan_files.load(journal, ada, build, View(EVERYTHING), new)
    assert rows.equals(plan_rows.rows(done)) and saved.figures == json.loads(json.dumps(done.figures))
    assert parse(saved.policy) == done.policy
    folder = plan_files.folder_of(journal, new)
    assert {folder.stat().st_mode & 0o777, folder.parent.stat().st_mode & 0o777} == {0o700}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    own = Scope(members=(("manager_id", ("M02",)),))
    _, narrowed = plan_files.load(journal, ada, build, View(own), new)
    assert set(narrowed["customer_id"].to_pylist()) == set(people(12, "M02", "B"))
    with pytest.raises(NoPlan):
        plan_files.load(journal, come(journal, "max", "manager M02"), build, View(own), new)
    with pytest.raises(Refused, match="groups"):
        plan_files.load(journal, come(journal, "erin", "executive"), build, View(Scope(True, (), ("segment",))), new)


def test_an_executive_saves_a_plan_of_which_others_read_the_rows(tmp_path, journal, ada):
    build, erin = two_books(tmp_path / "b"), come(journal, "erin", "executive")
    groups = Scope(True, (), ("segment",))
    new = plan_files.save(journal, erin, build, solved(build, journal, scope=groups), "Sums")
    assert plan_files.opened(journal, erin, View(groups), new).figures["customers"] == 24
    assert plan_files.load(journal, ada, build, View(EVERYTHING), new)[1].num_rows == 24
    few = plan_files.save(
        journal, ada, build, solved(build, journal, scope=Scope(members=(("manager_id", ()),))), "Few"
    )
    with pytest.raises(Refused, match="fewer than 10"):
        plan_files.opened(journal, erin, View(groups), few)
    assert [one.plan_id for one in plan_files.listing(journal, erin, View(groups))] == [new]
    assert len(plan_files.listing(journal, ada, View(EVERYTHING))) == 2
    by_manager = Policy(members=(("manager_id", ("M01",)),))
    apart = plan_files.save(journal, ada, build, solved(build, journal, by_manager), "By what singles out")
    assert apart not in {one.plan_id for one in plan_files.listing(journal, erin, View(groups))}


def test_readers_of_groups_get_no_channel_of_a_few_contacts(tmp_path, journal):
    build = simple(200, consents=agreed(people(200), "email", "phone")).build(tmp_path / "b")
    policy = QUIET.but(capacity=(("phone", 7), ("mail", 12)), random_share=0.1)
    mine = solved(build, journal, policy)
    assert 0 < min(mine.plan.contacts[mine.plan.contacts > 0]) < 10
    groups = Scope(True, (), ("segment",))
    theirs = solved(build, journal, policy, groups)
    assert not ((theirs.plan.contacts > 0) & (theirs.plan.contacts < 10)).any()
    assert theirs.plan.contacts.sum() > 100 and dict(theirs.policy.capacity)["phone"] == 0
    few = solved(build, journal, QUIET.but(capacity=(("phone", 3), ("mail", 2), ("email", 1))), groups)
    assert few.plan.contacts.sum() == 6, "which is refused as a whole"


def test_readers_of_groups_are_not_told_how_many_locks_cannot_be_kept(tmp_path, journal):
    build = simple(40, consents=agreed(people(40), "email")).build(tmp_path / "b")
    locked(journal, "C001", "phone")
    with pytest.raises(assignment.Infeasible, match=r"^Some locked customers cannot") as problem:
        solved(build, journal, scope=Scope(True, (), ("segment",)))
    assert "C001" not in str(problem.value)


def test_what_a_kept_plan_may_not_do_any_more_stands_beside_it(tmp_path, journal, ada, monkeypatch):
    build = simple(40).build(tmp_path / "b")
    key = plan_files.save(journal, ada, build, solved(build, journal), "October")
    saved, rows = plan_files.load(journal, ada, build, View(EVERYTHING), key)
    said = plan_now.hindered(build, View(EVERYTHING), journal, assign_arm, saved, rows)
    assert said == [""] * 40
    given = dict(zip(rows["customer_id"].to_pylist(), rows["channel"].cast("string").to_pylist()))
    locked(journal, "C001", "")
    locked(journal, "C002", "mail")
    monkeypatch.setattr(releases, "released", lambda _: {"C003": frozenset(), "C004": frozenset({"email"})})
    gone = {name: about for name, about in people(40).items() if name != "C005"}
    against = ("C006", given["C006"], "marketing", False, 0.5)
    later = simple(40, customers=gone, consents=[*agreed(people(40), "email", "phone"), against]).build(tmp_path / "c")
    now = dict(zip(rows["customer_id"].to_pylist(),
                   plan_now.hindered(later, View(EVERYTHING), journal, assign_arm, saved, rows)))  # fmt: skip
    wanted = {
        "C001": "locked to something else",
        "C002": "" if given["C002"] == "mail" else "locked to something else",
        "C003": "released",
        "C004": "" if given["C004"] == "email" else "released from this channel",
        "C005": plan_now.GONE,
        "C006": "no consent",
    }
    assert now == dict.fromkeys(given, "") | {name: why if given[name] else "" for name, why in wanted.items()}
    assert given["C001"] and given["C003"] and given["C005"] and given["C006"]


def test_nobody_saves_without_the_right_and_nothing_stays_behind(tmp_path, journal):
    build = two_books(tmp_path / "b")
    done = solved(build, journal)
    with pytest.raises(Forbidden):
        plan_files.save(journal, come(journal, "otto", "auditor"), build, done, "Mine")
    with pytest.raises(ValueError, match="name"):
        plan_files.save(journal, come(journal, "ada", "approver"), build, done, "")
    left = journal.folder / "plans"
    assert not left.exists() or not list(left.iterdir())


def test_a_plan_file_that_was_changed_or_lost_is_not_read(tmp_path, journal, ada):
    build = two_books(tmp_path / "b")
    new = plan_files.save(journal, ada, build, solved(build, journal), "October")
    file = next(plan_files.folder_of(journal, new).iterdir())
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(JournalError, match="not what was saved"):
        plan_files.load(journal, ada, build, View(EVERYTHING), new)
    file.unlink()
    with pytest.raises(JournalError, match="cannot be read"):
        plan_files.load(journal, ada, build, View(EVERYTHING), new)
    plans.remove(journal, ada, new)
    for key in (new, "../../etc", ""):
        with pytest.raises(NoPlan):
            plan_files.load(journal, ada, build, View(EVERYTHING), key)
