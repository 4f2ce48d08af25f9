"""Facts about the exact explanations of a change."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.bridge import build_changes, driver_bridge, waterfall


def period(customers, orders, revenue, gross_margin, margin):
    return {
        "customers": customers,
        "orders": orders,
        "revenue": Decimal(str(revenue)),
        "gross_margin": Decimal(str(gross_margin)),
        "margin": Decimal(str(margin)),
    }


amounts = st.decimals(-(10**9), 10**9, places=4)
periods = st.builds(period, st.integers(0, 10**6), st.integers(0, 10**7), amounts, amounts, amounts)


@given(periods, periods)
def test_the_parts_add_up_to_the_gap_to_the_cent_whatever_the_figures(prior, actual):
    parts = driver_bridge(prior, actual)
    gap = round_half_up(actual["margin"]) - round_half_up(prior["margin"])
    assert sum(part.amount for part in parts) == gap
    assert all(part.amount == part.amount.quantize(Decimal("0.01")) for part in parts)


def round_half_up(amount):
    """To the cent, worked out with integers: half a cent goes away from zero."""
    ten_thousandths = int(amount * 10_000)
    cents = (abs(ten_thousandths) + 50) // 100
    return Decimal(cents if ten_thousandths >= 0 else -cents) / 100


def test_a_change_of_one_factor_alone_is_all_its_own():
    prior = period(100, 200, 10_000, 4_000, 3_500)
    twice_the_customers = period(200, 400, 20_000, 8_000, 7_500)
    worth = {part.name: part.amount for part in driver_bridge(prior, twice_the_customers)}
    assert worth == {
        "Customers": Decimal(4_000),
        "Orders per customer": 0,
        "Revenue per order": 0,
        "Gross margin rate": 0,
        "Cost to serve": 0,
    }


def test_the_parts_are_the_logarithmic_means_of_the_published_formula():
    prior, actual = period(100, 200, 10_000, 4_000, 4_000), period(110, 209, 11_495, 4_827.9, 4_827.9)
    mean = (4_827.9 - 4_000) / math.log(4_827.9 / 4_000)
    by_hand = [mean * math.log(ratio) for ratio in (1.10, 0.95, 1.10, 1.05)]
    parts = driver_bridge(prior, actual)
    assert [float(part.amount) for part in parts[:4]] == pytest.approx(by_hand, abs=0.011)


def test_swapping_the_periods_turns_every_sign():
    prior, actual = period(100, 220, 9_000, 3_000, 2_500), period(130, 250, 12_000, 4_500, 4_100)
    there, back = driver_bridge(prior, actual), driver_bridge(actual, prior)
    assert [part.amount for part in there] == pytest.approx([-part.amount for part in back], abs=Decimal("0.02"))


def test_a_company_that_did_not_exist_before_owes_everything_to_its_customers_replaced_in_order():
    parts = driver_bridge(period(0, 0, 0, 0, 0), period(10, 20, 1_000, 400, 380))
    assert sum(part.amount for part in parts) == 380
    assert {part.name: part.amount for part in parts}["Cost to serve"] == -20


def test_a_negative_margin_rate_is_explained_one_factor_after_the_other():
    parts = driver_bridge(period(10, 20, 1_000, -100, -100), period(20, 40, 2_000, 300, 300))
    # customers double a loss: -100; orders and revenue per head as before; the rate turns 2,000 x -10 % into 2,000 x 15 %
    assert [part.amount for part in parts] == [-100, 0, 0, 500, 0]


def test_the_waterfall_arrives_where_it_should_with_and_without_a_target():
    prior, actual = period(100, 200, 10_000, 4_000, 3_500.125), period(130, 230, 11_000, 4_400, 3_300)
    parts = driver_bridge(prior, actual)
    for target in (None, Decimal("5000.005"), Decimal(1_000)):
        level = Decimal(0)
        for _, amount, total in waterfall(prior["margin"], parts, actual["margin"], target):
            if total and level:
                assert level == amount
            level = amount if total else level + amount
        assert level == Decimal("3300.00")


def test_months_fall_into_new_open_and_restated_and_the_parts_are_the_whole_difference():
    before = {1: Decimal("10.10"), 2: Decimal("20.20"), 3: Decimal("5.05")}
    after = {1: Decimal("10.10"), 2: Decimal("19.20"), 3: Decimal("30.30"), 4: Decimal("7.07")}
    parts = build_changes(before, after, open_month=3)
    assert [part.amount for part in parts] == [Decimal("7.07"), Decimal("25.25"), Decimal("-1.00")]
    assert sum(part.amount for part in parts) == sum(after.values()) - sum(before.values())


def test_a_month_that_was_over_and_changed_was_restated_also_when_it_is_the_latest():
    parts = {part.name: part.amount for part in build_changes({1: 10.0, 2: 20.0}, {1: 10.0, 2: 21.5})}
    assert parts == {"New months": 0, "The open month": 0, "Restated months": Decimal("1.5")}


def test_a_month_that_disappeared_and_one_that_was_inserted_before_the_latest_were_restated():
    parts = build_changes({1: 4.0, 3: 1.0}, {2: 6.0, 3: 1.0}, open_month=3)
    assert [(part.amount, part.before, part.after) for part in parts] == [(0, 0, 0), (0, 1, 1), (2, 4, 6)]
