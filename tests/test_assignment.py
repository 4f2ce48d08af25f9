"""The channel plan against every plan there is, HiGHS, finite differences, and what a plan must never break."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from math import fsum

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.assignment import FREE, NOBODY, REASONS, Infeasible, Plan, Terms, frontier, solve
from models.explore import explore
from tests.conftest import ROOT
from tests.plan_cases import KINDS, Case, best_of_all, by_highs, case, limits

ROUNDS = int(os.environ.get("RAPPORT_PLAN_ROUNDS", "1"))  # `make bench` takes more of the random cases
SALT = "a salt of some length"
unhurried = settings(deadline=None, derandomize=True, max_examples=40 * ROUNDS)


def solved(some: Case, terms: Terms, fixed: np.ndarray | None = None) -> Plan:
    return solve(some.effect, some.cost, some.allowed, terms, fixed)


def why(plan: Plan) -> list[str]:
    return [REASONS[reason] for reason in plan.reason]


def one_by_one(effect: list, cost: list, budget: float | None = None, capacity: tuple = (), **more: object) -> Plan:
    """A plan of a few customers who may be contacted by every channel; money in currency."""
    effects = np.array(effect, float)
    terms = Terms(
        None if budget is None else round(budget * 10_000), capacity or (None,) * len(cost), more.pop("roi", None)
    )
    allowed = more.pop("allowed", np.ones(effects.shape, bool))
    return solve(effects, np.array([round(each * 10_000) for each in cost]), np.asarray(allowed), terms, **more)


def small(rng: np.random.Generator, customers: int = 6) -> tuple[Case, Terms, np.ndarray]:
    """Few customers by up to four channels, with every edge that money, consent, room and locks have."""
    shape = customers, int(rng.integers(1, 5))
    channels = shape[1]
    effect = [rng.normal(2, 3, shape), rng.integers(-2, 6, shape).astype(float), np.full(shape, 3.0)][rng.integers(3)]
    effect[rng.random(shape) < 0.1] = np.nan
    cost = [rng.integers(0, 50_000, channels), np.full(channels, 10_000), rng.choice([0, 10_000, 20_000], channels)]
    allowed = rng.random(shape) < rng.choice([0.8, 1.0, 0.0], p=[0.6, 0.3, 0.1])
    budget = [None, 0, int(rng.integers(0, 120_000))][rng.integers(3)]
    capacity = tuple(None if rng.random() < 0.4 else int(rng.integers(0, 4)) for _ in range(channels))
    fixed = np.full(customers, FREE, np.int8)
    locked = rng.random(customers) < rng.choice([0.0, 0.3])
    fixed[locked] = rng.integers(-1, channels, locked.sum())
    least_roi = [None, float(rng.uniform(0, 3))][rng.integers(2)]
    return Case(effect, cost[rng.integers(3)], allowed), Terms(budget, capacity, least_roi), fixed


# Every plan there is


@pytest.mark.parametrize("seed", range(4 * ROUNDS))
def test_fifty_small_instances_equal_the_best_of_all_plans_also_in_ties_and_in_being_infeasible(seed):
    rng = np.random.default_rng(seed)
    infeasible = 0
    for _ in range(50):
        some, terms, fixed = small(rng)
        best = best_of_all(some, terms, fixed)
        if best is None:
            infeasible += 1
            with pytest.raises(Infeasible):
                solved(some, terms, fixed)
            continue
        plan = solved(some, terms, fixed)
        value, spent, channels = best
        assert plan.value == pytest.approx(value, abs=1e-9)
        assert plan.cost == spent
        assert plan.channel.tolist() == channels.tolist()
        assert plan.gap == 0 and plan.bound == plan.value
    assert 0 < infeasible < 50


def test_without_budget_only_free_contacts_are_made():
    plan = one_by_one([[5, 2], [1, 3]], [1, 0], budget=0)
    assert plan.channel.tolist() == [1, 1] and plan.cost == 0 and plan.value == 5


def test_where_nobody_consented_nobody_is_contacted():
    plan = one_by_one([[5, 2], [1, 3]], [1, 0], allowed=np.zeros((2, 2), bool))
    assert plan.channel.tolist() == [NOBODY, NOBODY] and plan.value == plan.bound == 0
    assert why(plan) == ["nothing allowed"] * 2


def test_of_equal_plans_the_cheapest_is_taken_then_the_first_channel_then_the_first_customer():
    assert one_by_one([[3, 2]], [2, 1]).channel.tolist() == [1]
    assert one_by_one([[3, 3]], [2, 2]).channel.tolist() == [0]
    assert one_by_one([[3], [3]], [1], capacity=(1,)).channel.tolist() == [0, NOBODY]


def test_a_contact_that_earns_just_its_cost_is_not_made():
    assert one_by_one([[1.0]], [1]).channel.tolist() == [NOBODY]


def test_nothing_is_a_plan_for_no_customers():
    plan = solve(np.zeros((0, 2)), np.array([1, 2]), np.zeros((0, 2), bool), Terms(5, (None, 1)))
    assert plan.value == plan.bound == plan.cost == 0 and plan.contacts.tolist() == [0, 0]


# What contradicts what


@pytest.mark.parametrize(
    ("more", "names", "words"),
    [
        ({"budget": 1}, ("budget",), "2.00, more than the budget of 1.00"),
        ({"capacity": (1, None)}, (0,), "channel 0: 2 fixed, capacity 1"),
        ({"allowed": [[True, True], [False, True], [True, True]]}, (0,), "1 customers are fixed to a channel"),
        ({"roi": 9.0}, ("least_roi",), "minimum return"),
    ],
)
def test_locks_that_contradict_a_limit_are_refused_by_its_name(more, names, words):
    with pytest.raises(Infeasible, match=words) as refusal:
        one_by_one([[5, 2], [1, 3], [2, 2]], [1, 1], fixed=np.array([0, 0, FREE]), **more)
    assert refusal.value.names == names


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cost": np.array([1.5])}, "whole ten-thousandths"),
        ({"cost": np.array([-1])}, "at least 0"),
        ({"cost": np.array([1, 2])}, "costs must be"),
        ({"effect": np.array([[np.inf]])}, "finite"),
        ({"effect": np.zeros((1, 0))}, "customers × channels"),
        ({"terms": Terms(-1, (None,))}, "at least 0"),
        ({"terms": Terms(None, (None, 2))}, "2 capacities"),
        ({"terms": Terms(None, (None,), -0.1)}, "minimum return"),
        ({"fixed": np.array([1])}, "NOBODY or FREE"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(change, words):
    usual = {
        "effect": np.ones((1, 1)),
        "cost": np.array([1]),
        "allowed": np.ones((1, 1), bool),
        "terms": Terms(9, (9,)),
    }
    with pytest.raises(ValueError, match=words):
        solve(**(usual | change))


# The certificate


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1_000, 3_000, 20_000])
def test_the_gap_is_at_most_a_thousandth_and_no_limit_is_broken(kind, n):
    for seed in range(ROUNDS):
        some = case(kind, n, seed=seed)
        for terms in (limits(n), limits(n, 0.002), limits(n, None), limits(n, 0.07, least_roi=60.0)):
            plan = solved(some, terms)
            kept(some, terms, plan)
            assert 0 <= plan.gap <= 1e-3, (terms, plan.value, plan.bound)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("least_roi", [None, 60.0])
def test_the_bound_is_the_optimum_that_highs_finds_for_divisible_customers(kind, least_roi):
    some, terms = case(kind, 1_000, seed=2), limits(1_000, least_roi=least_roi)
    optimum = by_highs(some, terms)
    plan = solved(some, terms)
    assert plan.bound == pytest.approx(optimum, rel=2e-6)
    assert plan.value <= optimum * (1 + 1e-9)


def test_where_highs_may_not_divide_customers_either_it_finds_nothing_better_beyond_a_ten_thousandth():
    some, terms = case("independent", 1_000, seed=3), limits(1_000)
    optimum = by_highs(some, terms, whole=True)
    assert optimum * (1 - 1e-4) <= solved(some, terms).value <= optimum * (1 + 1e-5)


def kept(some: Case, terms: Terms, plan: Plan, fixed: np.ndarray | None = None) -> None:
    """Nothing that a plan must never break is broken, counted anew from its channels."""
    rows = np.flatnonzero(plan.channel >= 0)
    at = plan.channel[rows]
    assert some.allowed[rows, at].all()
    free = np.ones(len(plan.channel), bool) if fixed is None else fixed == FREE
    assert not np.isnan(some.effect[rows, at][free[rows]]).any()
    if fixed is not None:
        assert (plan.channel[~free] == fixed[~free]).all()
    spent = sum(int(some.cost[c]) for c in at)
    assert spent == plan.cost and (terms.budget is None or spent <= terms.budget)
    for c, room in enumerate(terms.capacity):
        assert (at == c).sum() == plan.contacts[c] and (room is None or plan.contacts[c] <= room)
    earned = fsum(np.nan_to_num(some.effect[rows, at]))
    assert plan.value == pytest.approx(earned - spent / 10_000, abs=1e-8, rel=1e-12)
    assert terms.least_roi is None or earned - (1 + terms.least_roi) * spent / 10_000 >= -1e-8
    assert plan.value <= plan.bound


# Properties that hold without tolerance


EFFECTS = st.integers(-300, 900).map(lambda cents: cents / 100) | st.just(float("nan")) | st.just(3.0)


@st.composite
def cases(draw: st.DrawFn, most: int = 5) -> tuple[Case, Terms]:
    n, channels = draw(st.integers(1, most)), draw(st.integers(1, 4))
    table = draw(st.lists(st.lists(EFFECTS, min_size=channels, max_size=channels), min_size=n, max_size=n))
    cost = draw(st.lists(st.integers(0, 40_000), min_size=channels, max_size=channels, unique=True))
    yes = draw(st.lists(st.booleans(), min_size=n * channels, max_size=n * channels))
    room = tuple(draw(st.none() | st.integers(0, n)) for _ in range(channels))
    terms = Terms(draw(st.none() | st.integers(0, 100_000)), room, draw(st.none() | st.sampled_from([0.0, 0.5, 2.0])))
    return Case(np.array(table), np.array(cost), np.array(yes).reshape(n, channels)), terms


@unhurried
@given(cases(most=40), st.integers(0, 2**32 - 1))
def test_consent_budget_room_return_and_locks_are_kept(drawn, seed):
    some, terms = drawn
    rng = np.random.default_rng(seed)
    fixed = np.where(rng.random(len(some.effect)) < 0.2, rng.integers(-1, len(some.cost), len(some.effect)), FREE)
    try:
        plan = solved(some, terms, fixed)
    except Infeasible:
        return
    kept(some, terms, plan, fixed)


@unhurried
@given(cases(), st.integers(0, 50_000), st.data())
def test_more_budget_room_or_consent_never_lowers_the_value(drawn, extra, data):
    some, terms = drawn
    value = solved(some, terms).value
    if terms.budget is not None:
        assert solved(some, replace(terms, budget=terms.budget + extra)).value >= value
    c = data.draw(st.integers(0, len(some.cost) - 1))
    if terms.capacity[c] is not None:
        room = tuple(limit + 1 if place == c else limit for place, limit in enumerate(terms.capacity))
        assert solved(some, replace(terms, capacity=room)).value >= value
    assert solved(replace(some, allowed=np.ones_like(some.allowed)), terms).value >= value


@unhurried
@given(cases())
def test_a_further_channel_never_lowers_the_value(drawn):
    some, terms = drawn
    fewer = Case(some.effect[:, 1:], some.cost[1:], some.allowed[:, 1:])
    if fewer.effect.shape[1]:
        assert solved(fewer, replace(terms, capacity=terms.capacity[1:])).value <= solved(some, terms).value


@unhurried
@given(cases(most=30), st.randoms(use_true_random=False))
def test_another_order_of_channels_changes_nothing_but_their_numbers(drawn, random):
    some, terms = drawn
    order = list(range(len(some.cost)))
    random.shuffle(order)
    other = Case(some.effect[:, order], some.cost[order], some.allowed[:, order])
    plan = solved(some, terms)
    again = solved(other, replace(terms, capacity=tuple(terms.capacity[c] for c in order)))
    assert np.append(order, NOBODY)[again.channel].tolist() == plan.channel.tolist()
    assert (again.value, again.cost, again.bound) == (plan.value, plan.cost, plan.bound)


@unhurried
@given(cases(most=30), st.integers(0, 3))
def test_who_explores_is_left_as_drawn(drawn, salt):
    some, terms = drawn
    keys = [f"C{row}" for row in range(len(some.effect))]
    drawing = explore(keys, f"{SALT} {salt}", some.allowed, some.cost, terms, 0.3, 0.3)
    plan = solve(
        some.effect, some.cost, some.allowed, replace(terms, least_roi=None), drawing.fixed, None, drawing.explored
    )
    assert (plan.channel[drawing.explored] == drawing.fixed[drawing.explored]).all()
    assert [REASONS[r] == "explored" for r in plan.reason] == drawing.explored.tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_among_many_customers_more_money_or_room_lowers_the_value_at_most_by_the_gap(kind):
    n = 2_000
    some, plans = case(kind, n, seed=5), []
    for money in np.linspace(0.02, 0.04, 6):
        plans.append(solved(some, limits(n, float(money))))
    for less, more in pairwise(plans):
        assert more.value >= less.value - (more.bound - more.value) and more.bound >= less.bound - 1e-6


# Prices


def test_prices_are_what_one_more_unit_of_currency_or_contact_earns():
    n = 20_000
    some, terms = case("independent", n, seed=4), limits(n)
    plan = solved(some, terms)
    assert set(plan.binding) == {"budget", 4}
    more, fewer = (solved(some, replace(terms, budget=terms.budget + step * 10_000)) for step in (1, -1))
    assert (more.value - fewer.value) / 2 == pytest.approx(plan.prices.budget, rel=0.01)
    room = [(*terms.capacity[:4], terms.capacity[4] + step) for step in (1, -1)]
    more, fewer = (solved(some, replace(terms, capacity=each)) for each in room)
    assert (more.bound - fewer.bound) / 2 == pytest.approx(plan.prices.capacity[4], rel=0.01)


@pytest.mark.parametrize("kind", ["independent", "responses"])
def test_prices_are_the_finite_differences_of_the_optimum_that_highs_finds(kind):
    n = 3_000
    some, terms = case(kind, n, seed=6), limits(n, 0.12)
    prices = solved(some, terms).prices
    more, fewer = (by_highs(some, replace(terms, budget=terms.budget + step)) for step in (10_000, -10_000))
    assert (more - fewer) / 2 == pytest.approx(prices.budget, rel=0.01)
    for c in np.flatnonzero(prices.capacity):
        rooms = [
            tuple(room + step if place == c else room for place, room in enumerate(terms.capacity)) for step in (1, -1)
        ]
        more, fewer = (by_highs(some, replace(terms, capacity=room)) for room in rooms)
        assert (more - fewer) / 2 == pytest.approx(prices.capacity[c], rel=0.01)


def test_a_limit_that_does_not_bind_has_no_price():
    plan = one_by_one([[5, 2], [1, 3]], [1, 1], budget=100, capacity=(2, 2))
    assert plan.binding == () and plan.prices.budget == 0 and plan.prices.capacity == (0, 0)


# Each customer


def test_reasons_name_the_limit_that_stands_between_a_customer_and_his_best_channel():
    assert why(one_by_one([[5, 1], [0.5, -1]], [1, 1])) == ["best channel", "no channel pays"]
    assert why(one_by_one([[9, 1]], [5, 0], budget=4)) == ["cheaper because of the budget"]
    assert why(one_by_one([[9, 5], [8, 1]], [1, 1], capacity=(1, None))) == [
        "another because the best is full",
        "best channel",
    ]
    assert why(one_by_one([[9], [8]], [1], capacity=(1,))) == ["best channel", "left out: capacity"]
    assert why(one_by_one([[9], [8]], [1], budget=1)) == ["best channel", "left out: budget"]
    assert why(one_by_one([[9], [2]], [1], roi=6.0)) == ["best channel", "left out: minimum return"]
    assert why(one_by_one([[9, 2], [12, 2]], [4, 0.1], roi=2.0)) == [
        "another because of the minimum return",
        "best channel",
    ]
    assert why(one_by_one([[9], [8]], [1], fixed=np.array([NOBODY, 0]))) == ["locked", "locked"]


def test_the_runner_up_is_the_best_other_choice_and_regret_what_it_is_worth_less():
    plan = one_by_one([[9, 5, 1], [3, np.nan, 9]], [1, 1, 1])
    assert plan.channel.tolist() == [0, 2] and plan.runner_up.tolist() == [1, 0]
    assert plan.regret.tolist() == [4, 6]
    assert one_by_one([[2]], [0.5]).runner_up.tolist() == [NOBODY]


def test_regret_is_what_the_bound_falls_by_when_a_customer_is_fixed_to_the_runner_up():
    n = 5_000
    some, terms = case("independent", n, seed=7), limits(n)
    plan = solved(some, terms)
    for row in (0, 17, 1_234, 4_999):
        fixed = np.full(n, FREE, np.int8)
        fixed[row] = plan.runner_up[row]
        loss = plan.bound - solved(some, terms, fixed).bound
        assert loss == pytest.approx(plan.regret[row], rel=0.02, abs=2e-3)


# How it runs


def test_a_second_run_is_bit_identical():
    some, terms = case("responses", 30_000), limits(30_000)
    one, two = solved(some, terms), solved(some, terms)
    for name in Plan.__dataclass_fields__:
        first, second = getattr(one, name), getattr(two, name)
        assert first.tobytes() == second.tobytes() if isinstance(first, np.ndarray) else first == second


def test_progress_rises_and_may_cancel():
    some, told = case("independent", 20_000), []
    solve(some.effect, some.cost, some.allowed, limits(20_000), tell=lambda stage, share: told.append(share))
    assert told == sorted(told) and len(told) >= 4 and told[0] == 0 and told[-1] < 1

    def stop(stage: str, share: float) -> None:
        if stage == "repair":
            raise InterruptedError(stage)

    with pytest.raises(InterruptedError):
        solve(some.effect, some.cost, some.allowed, limits(20_000), tell=stop)


def test_it_needs_numpy_only():
    program = "import sys, models.assignment, models.explore\nprint({'scipy', 'sklearn', 'pandas', 'highspy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# The frontier


@pytest.mark.parametrize("kind", KINDS)
def test_the_frontier_never_falls_and_is_what_solving_each_budget_gives(kind):
    n = 1_500
    some, terms = case(kind, n), limits(n, None)
    points = frontier(some.effect, some.cost, some.allowed, terms)
    assert 12 <= len(points) <= 20 and points[0][0] == 0
    values, bounds = [value for _, value, _ in points], [bound for _, _, bound in points]
    assert values == sorted(values) and bounds == sorted(bounds)
    assert all(value <= bound for value, bound in zip(values, bounds))
    for budget, value, _ in points[::5]:
        assert value >= solved(some, replace(terms, budget=budget)).value
    assert values[-1] == pytest.approx(solved(some, terms).value, rel=1e-4)


def test_a_frontier_of_given_budgets_is_one_point_each_and_refuses_what_locks_exceed():
    some, terms = case("independent", 50), limits(50)
    fixed = np.full(50, FREE)
    fixed[np.flatnonzero(some.allowed[:, 3])[0]] = 3 if (terms := replace(terms, capacity=(None,) * 5)) else FREE
    points = frontier(some.effect, some.cost, some.allowed, terms, fixed, [80_000, 40_000])
    assert [budget for budget, _, _ in points] == [40_000, 80_000]
    with pytest.raises(Infeasible):
        frontier(some.effect, some.cost, some.allowed, terms, fixed, [80_000, 34_999])


# Exploration


def test_each_draw_has_the_probability_it_says_over_many_salts():
    n, rounds = 60, 3_000
    rng = np.random.default_rng(8)
    allowed = rng.random((n, 3)) < 0.6
    keys, cost, terms = [f"C{row}" for row in range(n)], np.array([10, 3_000, 50_000]), Terms(60_000, (None, 1, None))
    weights = np.zeros((rounds, n, 4))
    for turn in range(rounds):
        drawn = explore(keys, f"{SALT} {turn}", allowed, cost, terms, 0.2, 0.3)
        rows = np.flatnonzero(drawn.explored)
        weights[turn, rows, drawn.fixed[rows]] = 1 / drawn.p_assign[rows]
        assert cost[drawn.fixed[drawn.fixed >= 0]].sum() <= 60_000 and (drawn.fixed == 1).sum() <= 1
    mean, error = weights.mean(axis=0), weights.std(axis=0) / rounds**0.5
    able = allowed.any(axis=1)
    never = mean == 0  # what is not allowed, and where the budget takes no call
    assert (never[:, :3] >= ~allowed).all() and not never[able, 3].any()
    assert (np.abs(mean - 1)[~never] <= 5 * error[~never]).all()
    assert np.abs(mean - 1)[~never].mean() < 0.15


def test_probabilities_of_a_customer_sum_to_one():
    allowed = np.random.default_rng(9).random((500, 3)) < 0.6
    drawn = explore(
        [f"C{row}" for row in range(500)], SALT, allowed, np.array([1, 2, 3]), Terms(None, (None,) * 3), 0.05, 0.1
    )
    ways = [drawn.logged(np.full(500, c)) - np.where(drawn.explored, 0, drawn.p_assign) for c in (NOBODY, 0, 1, 2)]
    free = ~drawn.explored & allowed.any(axis=1)
    total = ways[0] + sum(way * allowed[:, c] for c, way in enumerate(ways[1:]))
    assert (total + drawn.p_assign)[free] == pytest.approx(1)
    assert (drawn.logged(np.full(500, NOBODY))[~allowed.any(axis=1)] == 1).all()


def test_a_row_has_the_chance_to_end_up_with_it_drawn_or_not_whatever_the_plan_gives():
    n, rounds = 300, 2_000
    rng = np.random.default_rng(10)
    allowed = rng.random((n, 3)) < 0.7
    plan = np.where(rng.random(n) < 0.5, NOBODY, rng.integers(0, 3, n))
    plan = np.where((plan >= 0) & ~allowed[np.arange(n), np.maximum(plan, 0)], NOBODY, plan)
    keys, cost = [f"C{row}" for row in range(n)], np.array([10, 3_000, 50_000])
    weights = np.zeros((rounds, 2))
    able = allowed.any(axis=1)
    for turn in range(rounds):
        drawn = explore(keys, f"{SALT} {turn}", allowed, cost, Terms(None, (None, 20, None)), 0.1, 0.2)
        got = np.where(drawn.explored, drawn.fixed, plan)
        weight = np.where(got == plan, 1 / drawn.logged(got, plan), 0.0)[able]
        weights[turn] = weight[plan[able] >= 0].mean(), weight[plan[able] < 0].mean()
    error = weights.std(axis=0) / rounds**0.5
    assert (np.abs(weights.mean(axis=0) - 1) <= 4 * error + 0.01).all()  # 0.01: groups that draw a channel are small


def test_shares_are_met_nobody_else_changes_a_draw_by_order_and_locks_are_not_drawn():
    n = 10_000
    keys, allowed, cost, terms = (
        [f"C{row}" for row in range(n)],
        np.ones((n, 2), bool),
        np.array([1, 2]),
        Terms(None, (None, None)),
    )
    fixed = np.full(n, FREE, np.int8)
    fixed[:100] = 1
    drawn = explore(keys, SALT, allowed, cost, terms, 0.05, 0.05, fixed)
    assert (drawn.fixed == NOBODY).sum() == 495 and (drawn.fixed >= 0).sum() == 495
    assert not drawn.explored[:100].any() and (drawn.p_assign[:100] == 1).all()
    back = explore(keys[::-1], SALT, allowed, cost, terms, 0.05, 0.05, fixed[::-1])
    assert (back.fixed[::-1] == drawn.fixed).all() and (back.p_assign[::-1] == drawn.p_assign).all()


def test_exploration_takes_no_more_than_locks_leave():
    n = 400
    fixed = np.full(n, FREE, np.int8)
    fixed[:3] = 0
    terms = Terms(50_000, (4, None))
    keys, allowed, cost = [f"C{row}" for row in range(n)], np.ones((n, 2), bool), np.array([10_000, 9_000])
    drawn = explore(keys, SALT, allowed, cost, terms, 0.0, 0.5, fixed)
    assert (drawn.fixed == 0).sum() <= 1 and cost[drawn.fixed[drawn.fixed >= 0]].sum() <= 20_000
    assert drawn.explored.any()
    with pytest.raises(ValueError, match="at most 1 in all"):
        explore(keys, SALT, allowed, cost, terms, 0.6, 0.5)
