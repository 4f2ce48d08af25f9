"""My queue: the order, the reasons and the consents as worked out from the customers themselves."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from components import words, worklist
from tests import on_screen

PAGE = "work/my_queue"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="approver", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


def keys(where, condition: str, part: str = "limit 25") -> list[str]:
    """Customers in the order of what could be kept."""
    question = (
        f"select customer_id from customer where risk_band <> '(unknown)' and {condition} "
        f"order by value_of_acting desc, customer_id {part}"
    )
    return [key for (key,) in on_screen.asked(where, question)]


def test_the_queue_goes_by_what_could_be_kept_page_by_page(open_page, warehouse):
    for number in (1, 2):
        shown = on_screen.table(open_page(page=str(number)), "why")
        assert list(shown["customer_id"]) == keys(warehouse, "true", f"limit 25 offset {25 * (number - 1)}")
    values = on_screen.table(open_page(), "why")["value_of_acting"]
    assert list(values) == sorted(values, reverse=True) and values.iloc[0] > 0


def test_a_manager_sees_the_own_book_only(open_page, warehouse):
    app = open_page("manager M01")
    assert list(on_screen.table(app, "why")["customer_id"]) == keys(warehouse, "manager_id = 'M01'")
    [(number, lost)] = on_screen.asked(
        warehouse,
        "select count(*), sum(p_no_purchase) from customer where manager_id = 'M01' and risk_band <> '(unknown)'",
    )
    assert on_screen.card(app, "Customers in the queue") == words.count(number)
    assert on_screen.card(app, "Expected to be lost") == words.count(lost)


def test_figures_and_title_are_the_sums_of_the_view(open_page, warehouse):
    [(risk, keep)] = on_screen.asked(
        warehouse, "select sum(margin_at_risk), sum(value_of_acting) from customer where segment = 'home'"
    )
    app = open_page(segment="home")
    assert on_screen.card(app, "Margin at risk") == words.money(risk, "EUR", short=True)
    assert on_screen.card(app, "Value of acting, at most") == words.money(keep, "EUR", short=True)
    [(first,)] = on_screen.asked(
        warehouse,
        "select sum(value_of_acting) from (from customer where segment = 'home' order by value_of_acting desc limit 25)",
    )
    share = words.share(float(first / keep))
    assert f"{words.money(first, 'EUR', short=True)}, {share} of what could be kept at most" in on_screen.text_of(app)


def test_it_says_that_risk_is_known_and_response_is_not(open_page):
    said = on_screen.text_of(open_page())
    assert "risk known, response unknown" in said and "holdout" in said


def test_lateness_is_told_by_the_own_window(open_page, warehouse):
    shown = on_screen.table(open_page(), "why").set_index("customer_id")
    rows = on_screen.asked(
        warehouse,
        "select customer_id, next_from, next_to, cut, risk_band::varchar from customer cross join cut_off "
        f"where customer_id in ({', '.join(repr(key) for key in shown.index)})",
    )
    assert len(rows) == 25
    for key, first, end, cut, band in rows:
        said = shown.loc[key, "why"]
        assert said.lower().endswith(f"{band} risk")
        assert said.startswith("Late since") == (end is not None and end < cut)
        assert said.startswith("Due until") == (end is not None and first <= cut <= end)


def test_the_rhythm_is_counted_in_days_of_the_companys_zone(open_page, warehouse):
    shown = on_screen.table(open_page(), "rhythm").set_index("customer_id")
    rows = on_screen.asked(
        warehouse,
        "select customer_id, cut - timezone('Europe/Berlin', timezone('UTC', max(l.ordered_at)))::date "
        "from feed_lines l cross join cut_off where line_type = 'sale' "
        f"and customer_id in ({', '.join(repr(key) for key in shown.index)}) group by customer_id, cut",
    )
    for key, days in rows:
        said = words.days(days) if shown.loc[key, "rhythm"].startswith("no rhythm") else words.count(days)
        assert shown.loc[key, "rhythm"].endswith(f"now {said}")


def test_the_best_channel_comes_with_consent_and_price(open_page, warehouse):
    shown = on_screen.table(open_page(), "consent").set_index("customer_id")
    prices = {
        name: (needs, float(price))
        for name, needs, price in on_screen.asked(
            warehouse, "select channel, needs_consent, unit_cost from feed_channels"
        )
    }
    checked = 0
    for key, row in shown.iterrows():
        if row["channel"] not in prices:
            continue
        needs, price = prices[row["channel"]]
        latest = on_screen.asked(
            warehouse,
            "select allowed from feed_consents where customer_id = '{}' and channel = '{}' "
            "order by recorded_at desc limit 1".format(key, row["channel"]),
        )
        assert row["price"] == price
        assert row["consent"] == ("allowed" if needs else "not needed")
        assert latest[0][0] if needs else not latest or latest[0][0]
        checked += 1
    assert checked


@pytest.mark.parametrize(
    ("stated", "needed", "said"),
    [
        (None, True, "missing"),
        (None, False, "not needed"),
        ((True, True), True, "allowed"),
        ((False, True), True, "missing"),
        ((False, True), False, "refused"),
        ((True, False), False, "not needed"),
    ],
)
def test_consent_is_what_the_customer_said_where_the_channel_needs_it(stated, needed, said):
    assert worklist.consent(stated, needed) == said


def test_intervals_are_those_of_the_risk_times_the_margin_less_the_contact():
    rows = pd.DataFrame(
        {"margin_12m": [200.0, -5.0], "p_no_purchase_low": [0.4, 0.5], "p_no_purchase_high": [0.6, 0.9]}
        | {"margin_at_risk": [100.0, 0.0], "value_of_acting": [99.0, 0.0]}
    )
    assert worklist.ranged(rows)[["low", "high"]].to_numpy().tolist() == [[79.0, 119.0], [0.0, 0.0]]


def test_a_customer_opens_from_the_queue(open_page, warehouse):
    first = keys(warehouse, "true")[2]
    app = open_page()
    (offered,) = (box for box in app.selectbox if box.label.startswith("Open"))
    offered.select(first).run()
    assert not app.exception and app.text_input(key="customer").value == first


def test_readers_of_groups_have_no_queue(open_page):
    app = open_page("executive")
    assert "Your roles do not open this page" in on_screen.text_of(app) and not app.dataframe


def test_an_empty_book_is_said_to_be_empty(open_page, warehouse, tmp_path):
    where = on_screen.changed(
        warehouse,
        tmp_path,
        "alter table customer alter risk_band type varchar",
        "update customer set risk_band = '(unknown)', p_no_purchase = null where manager_id = 'M02'",
    )
    app = open_page("manager M02", where)
    assert "Nobody is in this queue" in on_screen.text_of(app) and not app.dataframe
    assert on_screen.table(open_page("manager M01", where), "why")["customer_id"].any()


def test_a_company_without_contacts_or_cost_has_a_queue(open_page, tmp_path_factory):
    app = open_page(where=on_screen.tiny(tmp_path_factory))
    said = on_screen.text_of(app)
    assert "Not known without" in said or "Nobody is in this queue" in said
    assert on_screen.alts(app) == [] or all(on_screen.alts(app))


def test_the_chart_has_a_text_alternative(open_page):
    assert all(on_screen.alts(open_page())) and on_screen.alts(open_page())


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ((date(2026, 1, 1), date(2026, 1, 9)), "Late since 9 Jan 2026; high risk"),
        ((date(2026, 1, 1), date(2026, 1, 10)), "Due until 10 Jan 2026; high risk"),
        ((date(2026, 1, 11), date(2026, 1, 20)), "High risk"),
        ((None, None), "High risk"),
    ],
)
def test_the_reason_begins_with_the_own_rhythm(window, said):
    row = pd.Series({"next_from": window[0], "next_to": window[1], "risk_band": "high"}, dtype=object)
    assert worklist.why(row, date(2026, 1, 10), 30) == said
