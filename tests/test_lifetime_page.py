"""Lifetime value: sums, quadrants and lists as SQL adds them up, and what is said where nothing is known."""

from __future__ import annotations

import hashlib

import pytest

from components import ask, lifetime, words
from components.charts import MOST_MARKS
from data.question import EVERYTHING, Question, Refused, View
from tests import on_screen
from tests.on_screen import alts, card, table, text_of

PAGE = "value/lifetime_value"
BUYERS = "from customer where scored = 1"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


@pytest.mark.parametrize(
    ("horizon", "column", "label"),
    [
        ("1 year", "potential_1y", "Potential value, 1 year"),
        ("3 years", "potential_3y", "Potential value, 3 years"),
        ("No end", "potential_value", "Potential value"),
    ],
)
def test_every_horizon_shows_its_own_sums_and_its_own_order(horizon, column, label, open_page, by_hand):
    [(total,)] = by_hand(f"select sum({column}) from customer")
    expected = [
        key for (key,) in by_hand(f"select customer_id {BUYERS} order by {column} desc, customer_id limit 25 offset 25")
    ]
    app = open_page(horizon=horizon, page="2")
    assert card(app, label) == words.money(total, "EUR", short=True)
    assert list(table(app, "customer_id", column)["customer_id"]) == expected
    rows = dict(by_hand(f"select quadrant::varchar, sum({column}) {BUYERS} group by 1"))
    shown = table(app, "quadrant", "scored")
    assert dict(zip(shown["quadrant"], shown[column])) == {name: float(value) for name, value in rows.items()}


def test_the_three_horizons_differ_and_grow(by_hand):
    [(one, three, all_)] = by_hand("select sum(potential_1y), sum(potential_3y), sum(potential_value) from customer")
    assert 0 < one < three < all_


def test_quadrants_hold_every_buyer_once_with_what_they_brought(open_page, by_hand):
    expected = {
        name: (number, float(current))
        for name, number, current in by_hand(
            f"select quadrant::varchar, count(*), sum(margin) - sum(cost) {BUYERS} group by 1"
        )
    }
    shown = table(open_page(), "quadrant", "scored")
    found = {
        row.quadrant: (row.scored, row.net_contribution)
        for row in shown[["quadrant", "scored", "net_contribution"]].itertuples(index=False)
    }
    assert found == expected
    assert shown["share"].sum() == pytest.approx(1) and shown["share_of_customers"].sum() == pytest.approx(1)


def test_the_title_names_the_quadrant_that_holds_most(open_page, by_hand):
    rows = by_hand(f"select quadrant::varchar, count(*), sum(potential_value) {BUYERS} group by 1")
    name, number, money = max(rows, key=lambda row: row[2])
    people, held = words.share(number / sum(r[1] for r in rows)), words.share(money / sum(r[2] for r in rows))
    assert f"{name.capitalize()}: {people} of customers hold {held} of potential value" in text_of(open_page())


def test_the_top_fifth_is_one_in_five_of_the_company_whichever_part_is_shown(open_page, by_hand):
    rows = by_hand(f"select customer_id, region, potential_value {BUYERS} order by potential_value desc, customer_id")
    top = {key for key, *_ in rows[: -(-len(rows) // 5)]}
    north = [(key, value) for key, region, value in rows if region == "North"]
    assert 0 < len([key for key, _ in north if key in top]) < len(north)
    share = sum(v for k, v in north if k in top) / sum(v for _, v in north)
    assert card(open_page(region="North"), "Share of potential at the top") == words.share(share)
    everybody = sum(v for k, _, v in rows if k in top) / sum(v for *_, v in rows)
    assert card(open_page(), "Share of potential at the top") == words.share(everybody) != words.share(share)


def test_intervals_of_the_list_are_the_stored_ones_and_hold_the_value(open_page, by_hand):
    shown = table(open_page(), "customer_id", "interval").set_index("customer_id")
    for key, low, value, high in by_hand(
        f"select customer_id, potential_low, potential_value, potential_high {BUYERS} order by 3 desc, 1 limit 25"
    ):
        assert low <= value <= high
        assert shown.loc[key, "interval"] == f"{words.money(low, 'EUR')} to {words.money(high, 'EUR')}"


def test_a_sample_is_in_the_order_of_the_digests_of_the_keys(warehouse, monkeypatch, by_hand):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    keys = [key for (key,) in by_hand("select customer_id from customer")]
    expected = sorted(keys, key=lambda key: hashlib.md5(key.encode(), usedforsecurity=False).hexdigest())[:100]
    question = Question(("scored",), ("customer_id",), View(EVERYTHING), ("quadrant",), limit=100, sampled=True)
    assert list(ask.ask(question)["customer_id"]) == expected
    with pytest.raises(Refused, match="sampled"):
        Question(("scored",), ("segment",), View(EVERYTHING), sampled=True).sql()


def test_the_chart_says_that_it_is_a_sample_and_has_no_more_marks_than_a_chart_may(open_page, monkeypatch):
    drawn = []
    monkeypatch.setattr(lifetime.charts, "draw", lambda figure, alt, key=None: drawn.append((figure, alt)))
    monkeypatch.setattr(lifetime.charts, "MOST_MARKS", 300)
    app = open_page()
    figure, alt = next((figure, alt) for figure, alt in drawn if "across" in alt)
    assert sum(len(trace.x) for trace in figure.data) == 300 < MOST_MARKS
    assert alt.startswith("300 of") and "300 of" in text_of(app)


def test_a_button_narrows_the_page_its_address_and_the_list_to_a_quadrant(open_page, by_hand):
    app = open_page(page="3")
    app.button(key="_only_grow").click().run()
    assert not app.exception
    assert app.multiselect(key="quadrant").value == ["grow"]
    [(number, total)] = by_hand("select count(*), sum(potential_value) from customer where quadrant = 'grow'")
    assert card(app, "Potential value") == words.money(total, "EUR", short=True)
    assert set(table(app, "customer_id", "interval")["quadrant"]) == {"grow"}
    assert f"Places 1 to 25 of {words.count(number)} customers" in text_of(app)


def test_the_backtest_is_always_there_with_baseline_and_cut_off(open_page, by_hand):
    [(cut,)] = by_hand("select max(cut_off) from model_backtest where model = 'value'")
    shown = "\n".join(alts(open_page()))
    for candidate, value in by_hand(
        "select candidate, value from model_backtest where model = 'value' and measure = 'root mean square error' "
        f"and cut_off = '{cut}'"
    ):
        assert f"{candidate} {lifetime.holdouts.proof.number(value)}" in shown
    assert f"On what came after {words.day(cut)}" in text_of(open_page())
    assert "past rate" in shown


def test_without_model_cards_the_page_says_that_nothing_was_tested(open_page, untested):
    said = text_of(open_page(where=untested))
    assert "Not tested against a baseline yet" in said
    assert "no forecast of it has been tested" in said and "no window has closed yet" in said


def test_readers_of_groups_see_risk_instead_of_quadrants_and_nobody_alone(open_page):
    app = open_page("executive")
    assert not any("customer_id" in frame.value.columns for frame in app.dataframe)
    assert not any("quadrant" in frame.value.columns for frame in app.dataframe)
    assert "would single out too few customers" in text_of(app)
    assert not any(button.key and button.key.startswith("_only_") for button in app.button)


def test_managers_see_their_own_customers_only(open_page, by_hand):
    [(number, total)] = by_hand(
        "select count(*), sum(potential_value) from customer where manager_id = 'M01' and scored = 1"
    )
    app = open_page("manager M01")
    assert card(app, "Potential value") == words.money(total, "EUR", short=True)
    assert table(app, "quadrant", "scored")["scored"].sum() == number


def test_who_never_bought_is_not_scored_and_the_page_says_so(open_page):
    app = open_page(quadrant="(unknown)")
    assert "No customer of this view can be scored" in text_of(app) and not app.metric


def test_a_tiny_company_without_contacts_or_cost_is_told_what_is_missing(open_page, tiny):
    app = open_page(where=tiny)
    said = text_of(app)
    assert "Not known without the feed contacts" in said and "the column cost of the feed lines" in said
    assert "customers, too few to prove anything" in said
    assert table(app, "quadrant", "scored")["scored"].sum() == on_screen.BUYERS


def test_every_chart_has_words_and_a_customer_opens_by_keyboard(open_page, by_hand):
    app = open_page()
    assert alts(app) and all(alts(app))
    [(first,)] = by_hand(f"select customer_id {BUYERS} order by potential_value desc, 1 limit 1")
    (offered,) = (box for box in app.selectbox if box.label.startswith("Open"))
    offered.select(first).run()
    assert not app.exception and app.text_input(key="customer").value == first
