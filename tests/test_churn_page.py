"""Churn risk: money, movement and the threshold's four figures as SQL works them out, lapsed customers told apart."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pandas as pd
import pytest

from components import risk, threshold, words
from data.question import EVERYTHING, View
from tests import on_screen
from tests.on_screen import alts, card, table, text_of

PAGE = "value/churn_risk"
HERE = "from customer where scored = 1 and lifecycle not in ('lapsed', 'ended')"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


def test_the_cards_are_of_those_who_are_still_here_and_say_who_is_not(open_page, by_hand):
    [(at_risk, lost, number)] = by_hand(f"select sum(margin_at_risk), sum(p_no_purchase), count(*) {HERE}")
    [(everybody,)] = by_hand("select count(*) from customer where scored = 1")
    app = open_page()
    assert everybody > number, "somebody should have lapsed"
    assert card(app, "Margin at risk") == words.money(at_risk, "EUR", short=True)
    assert card(app, "Expected to be lost") == words.count(lost)
    assert card(app, "Customers scored") == words.count(number)
    assert f"{words.count(everybody - number)} more have lapsed or ended" in text_of(app)


def test_the_interval_of_the_number_lost_is_that_of_independent_customers(warehouse, monkeypatch, by_hand):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    [(exact,)] = by_hand("select sum(p_no_purchase * (1 - p_no_purchase)) from customer where scored = 1")
    found = risk.variance(View(EVERYTHING))
    assert sqrt(float(exact)) <= sqrt(found) <= sqrt(float(exact)) * 1.02


def test_newly_at_high_risk_are_those_who_were_not_before(open_page, by_hand):
    [(number, money)] = by_hand(
        f"select count(*), sum(margin_at_risk) {HERE} and risk_band = 'high' and risk_before in ('low', 'medium')"
    )
    app = open_page()
    assert number and card(app, "Newly at high risk") == words.count(number)
    assert f"within 30 days; {words.money(money, 'EUR', short=True)} of margin at risk" in text_of(app)


def test_every_cell_of_risk_and_value_is_told_in_money_and_customers(open_page, by_hand):
    rows = by_hand(f"select quadrant::varchar, risk_band::varchar, sum(margin_at_risk), count(*) {HERE} group by 1, 2")
    app = open_page()
    said = next(alt for alt in alts(app) if alt.startswith("Cells of money"))
    for quadrant, band, money, number in rows:
        cell = f"{quadrant}, {band} risk: {words.money(money, 'EUR', short=True)}, {words.counted(number, 'customer')}"
        assert cell in said
    quadrant, band, money, _ = max(rows, key=lambda row: row[2])
    part, whole = (words.money(one, "EUR", short=True) for one in (money, sum(row[2] for row in rows)))
    assert f"{part} of {whole} at risk lie with {quadrant} customers at {band} risk" in text_of(app)


def test_movement_counts_who_rose_who_fell_and_who_stayed(open_page, by_hand):
    order = {"low": 0, "medium": 1, "high": 2}
    rows = [
        (order[now] - order[before], number)
        for before, now, number in by_hand(
            f"select risk_before::varchar, risk_band::varchar, count(*) {HERE} group by 1, 2"
        )
        if before in order
    ]
    up, down, stayed = (sum(n for step, n in rows if np.sign(step) == sign) for sign in (1, -1, 0))
    share = words.share(stayed / (up + down + stayed))
    expected = (
        f"Within 30 days {words.count(up)} customers moved to a higher risk and {words.count(down)} to a lower one"
    )
    assert f"{expected}; {share} stayed" in text_of(open_page())


@pytest.mark.parametrize("chosen", ["0.00", "0.35", "0.65", "0.90"])
def test_one_slider_moves_customers_cost_capacity_precision_and_recall_together(chosen, open_page, by_hand):
    rows = by_hand(
        f"""select b.label, count(*), count(*) * b.unit_cost, count(*) / b.capacity_per_month
        from (select * {HERE} and p_no_purchase >= {chosen}) c left join feed_channels b on b.channel = c.best_channel
        group by b.label, b.unit_cost, b.capacity_per_month"""
    )
    app = open_page(threshold=chosen)
    assert card(app, "To contact") == words.count(sum(number for _, number, *_ in rows))
    cost = sum(money for *_, money, _ in rows if money is not None)
    assert card(app, "Cost of contacting them") == words.money(cost, "EUR", short=True)
    shown = table(app, "label", "months").set_index("label")
    for label, number, money, months in rows:
        if label:
            found = shown.loc[label]
            assert (found["scored"], found["cost"]) == (number, pytest.approx(float(money)))
            assert found["months"] == pytest.approx(float(months))
    for name in ("precision", "recall"):
        points = by_hand(
            f"select x, y from model_curve where model = 'churn' and curve = 'threshold' and series = '{name}' order by x"
        )
        value = float(np.interp(float(chosen), *zip(*points, strict=True)))
        assert card(app, name.capitalize()) == words.share(value)


def test_the_threshold_is_in_the_address_and_others_are_refused(open_page):
    assert "is not one of its values" in text_of(open_page(threshold="0.5"))
    app = open_page(threshold="0.80")
    assert app.select_slider(key="threshold").value == "0.80"
    app.select_slider(key="threshold").set_value("0.40").run()
    assert not app.exception and app.select_slider(key="threshold").value == "0.40"


def test_nobody_beyond_the_threshold_is_said_in_words(open_page):
    app = open_page(risk_band="low", threshold="0.95")
    assert card(app, "To contact") == "0" and "Nobody who is still here has a risk of 95" in text_of(app)


def test_beyond_its_ends_a_curve_says_nothing():
    points = pd.DataFrame({"series": ["precision"] * 2, "x": [0.2, 0.4], "y": [0.5, 0.7]})
    assert threshold.at(points, "precision", 0.3) == pytest.approx(0.6)
    assert np.isnan(threshold.at(points, "precision", 0.9)) and np.isnan(threshold.at(points, "recall", 0.3))


def test_a_tiny_company_without_contacts_is_scored_and_costs_are_not_known(open_page, tiny):
    app = open_page(where=tiny)
    assert card(app, "Customers scored") == str(on_screen.BUYERS)
    assert "the column cost of the feed lines" in text_of(app) and "Not tested against a baseline yet" in text_of(app)
    shown = table(app, "label", "months")
    assert shown["scored"].sum() == on_screen.BUYERS and shown["cost"].isna().all()
    assert card(app, "Cost of contacting them") == words.NOT_KNOWN and "Capacity is not known" in text_of(app)


def test_the_list_goes_by_the_value_of_acting_never_by_risk_and_holds_nobody_who_lapsed(open_page, by_hand):
    expected = [key for (key,) in by_hand(f"select customer_id {HERE} order by value_of_acting desc, 1 limit 25")]
    app = open_page()
    shown = table(app, "customer_id", "value_of_acting")
    assert list(shown["customer_id"]) == expected
    risks = list(shown["p_no_purchase"])
    assert risks != sorted(risks, reverse=True)
    assert not set(shown["lifecycle"]) & {"lapsed", "ended"}
    assert "Risk known, response unknown: start a holdout." in text_of(app)
    for key, low, high in by_hand(
        f"select customer_id, p_no_purchase_low, p_no_purchase_high {HERE} order by value_of_acting desc, 1 limit 25"
    ):
        interval = shown.set_index("customer_id").loc[key, "interval"]
        assert interval == f"{words.share(low)} to {words.share(high)}"


def test_who_asks_for_lapsed_customers_sees_them(open_page, by_hand):
    [(number,)] = by_hand("select count(*) from customer where lifecycle = 'lapsed' and scored = 1")
    app = open_page(lifecycle="lapsed")
    assert number and card(app, "Customers scored") == words.count(number)


def test_calibration_and_baselines_are_always_there(open_page, by_hand):
    app = open_page()
    said = "\n".join(alts(app))
    [(method,)] = by_hand("select method from model_card where model = 'churn'")
    bins = by_hand(
        f"select predicted, observed from model_calibration where model = 'churn' and candidate = '{method}' order by bin"
    )
    assert bins
    for predicted, observed in bins:
        number = threshold.holdouts.proof.number
        assert f"{number(predicted)} predicted, {number(observed)} came." in said
    for candidate, value in by_hand(
        "select candidate, value from model_backtest where model = 'churn' and measure = 'brier' "
        "and cut_off = (select max(cut_off) from model_backtest where model = 'churn')"
    ):
        assert f"{candidate} {number(value)}" in said
    assert "recency rule" in said and "base rate" in said


def test_without_model_cards_the_page_says_that_nothing_was_tested(open_page, untested):
    app = open_page(where=untested)
    said = text_of(app)
    assert card(app, "Precision") == card(app, "Recall") == words.NOT_KNOWN
    assert "Calibration is not known yet" in said and "Not tested against a baseline yet" in said


def test_readers_of_groups_see_money_by_risk_and_nobody_alone(open_page, by_hand):
    [(at_risk,)] = by_hand("select sum(margin_at_risk) from customer where scored = 1")
    app = open_page("executive")
    said = text_of(app)
    assert card(app, "Margin at risk") == words.money(at_risk, "EUR", short=True)
    assert "readers of groups cannot tell them apart" in said
    assert card(app, "Newly at high risk") == words.NOT_KNOWN
    assert not any("customer_id" in frame.value.columns for frame in app.dataframe)
    assert not any(metric.label == "To contact" for metric in app.metric)


def test_managers_see_their_own_customers_only(open_page, by_hand):
    [(number, money)] = by_hand(f"select count(*), sum(margin_at_risk) {HERE} and manager_id = 'M01'")
    app = open_page("manager M01")
    assert card(app, "Customers scored") == words.count(number)
    assert card(app, "Margin at risk") == words.money(money, "EUR", short=True)


def test_who_never_bought_is_not_scored_and_the_page_says_so(open_page):
    app = open_page(quadrant="(unknown)")
    assert "No customer of this view can be scored" in text_of(app) and not app.metric


def test_the_horizon_and_the_cut_off_are_printed(open_page, by_hand):
    [(cut, days)] = by_hand("select cut, horizon_days from cut_off")
    assert f"Lost means: no purchase in the {days} days after {words.day(cut)}" in text_of(open_page())


def test_every_chart_has_words(open_page):
    assert all(alts(open_page())) and len(alts(open_page())) >= 5
