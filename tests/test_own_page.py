"""A partner's own page: its figures worked out from the feeds, its peers as bands, and nothing of anybody else."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from components import words
from tests import on_screen

PAGE = "partner/own_figures"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page as a partner, on this or another warehouse."""
    return lambda key, where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, f"partner {key}", **asked)


@pytest.fixture(scope="module")
def lines(warehouse) -> pd.DataFrame:
    """Lines as they came: partner, customer, month, kind, revenue, category."""
    rows = on_screen.asked(
        warehouse,
        "select partner_id, customer_id, month, line_type, revenue::double, coalesce(category, '(unknown)'), order_id "
        "from feed_lines",
    )
    frame = pd.DataFrame(rows, columns=["partner", "customer", "month", "kind", "revenue", "category", "order"])
    return frame.assign(month=pd.to_datetime(frame["month"]))


@pytest.fixture(scope="module")
def names(warehouse) -> dict[str, str]:
    return dict(
        on_screen.asked(
            warehouse,
            "select partner_id, partner_name from feed_partners where partner_id in (select partner_id from feed_lines)",
        )
    )


@pytest.fixture(scope="module")
def biggest(lines) -> str:
    known = lines[lines["partner"] != "(unknown)"]
    return str(known.groupby("partner")["revenue"].sum().idxmax())


def year(warehouse) -> tuple[pd.Timestamp, pd.Timestamp]:
    """First and last month of the last twelve complete ones, from the months that have lines."""
    [(last,)] = on_screen.asked(warehouse, "select max(month) from feed_lines")
    [(day,)] = on_screen.asked(warehouse, "select cut from cut_off")
    end = pd.Timestamp(last)
    complete = end if pd.Timestamp(day) >= end + pd.offsets.MonthEnd(0) else end - pd.DateOffset(months=1)
    return complete - pd.DateOffset(months=11), complete


def said(app) -> str:
    """All that a reader reads: words, figures, tables, and what charts say."""
    frames = " ".join(frame.value.to_csv() for frame in app.dataframe)
    labels = " ".join(f"{metric.label} {metric.value}" for metric in app.metric)
    return f"{on_screen.text_of(app)} {frames} {labels} {' '.join(on_screen.alts(app))}"


def everything(app) -> str:
    """The same with the charts as they were sent."""
    return said(app) + " ".join(str(element.proto) for element in app.get("plotly_chart"))


def test_the_key_figures_are_those_of_the_partners_own_lines(open_page, warehouse, lines, biggest):
    since, until = year(warehouse)
    own = lines[(lines["partner"] == biggest) & lines["month"].between(since, until)]
    sold = own[own["kind"] == "sale"]
    app = open_page(biggest)
    assert on_screen.card(app, "Revenue") == words.money(own["revenue"].sum(), "EUR", short=True)
    assert on_screen.card(app, "Active customers") == words.count(sold["customer"].nunique())
    back = -own.loc[own["kind"] == "return", "revenue"].sum()
    assert on_screen.card(app, "Return rate") == words.share(back / (own["revenue"].sum() + back))
    assert len(app.metric) == 4


def test_new_customers_are_those_without_an_earlier_sale_of_this_partner(open_page, warehouse, lines, biggest):
    since, until = year(warehouse)
    sales = lines[(lines["partner"] == biggest) & (lines["kind"] == "sale")].dropna(subset="customer")
    first = sales.groupby("customer")["month"].min()
    bought = sales[sales["month"].between(since, until)]["customer"].nunique()
    new = int(first.between(since, until).sum())
    assert 0 < new < bought
    shown = on_screen.text_of(open_page(biggest))
    assert f"{words.counted(new, 'customer')} of {words.count(bought)} bought from you for the first time" in shown
    assert "Which customers are new is not known" in on_screen.text_of(open_page(biggest, period="all"))


def test_categories_add_up_to_the_revenue_of_the_lines(open_page, warehouse, lines, biggest):
    since, until = year(warehouse)
    own = lines[(lines["partner"] == biggest) & lines["month"].between(since, until)]
    shown = on_screen.table(open_page(biggest), "category", "share")
    expected = own.groupby("category")["revenue"].sum()
    assert dict(zip(shown["category"], shown["revenue"], strict=True)) == pytest.approx(expected.to_dict())


def test_the_target_is_set_against_an_even_pace_of_the_months_that_are_complete(open_page, warehouse, lines):
    until = year(warehouse)[1]
    aims = on_screen.asked(
        warehouse,
        f"select scope[12:], value::double from feed_targets where scope like 'partner_id=%' "
        f"and metric = 'revenue' and period = '{until.year}' order by 1 limit 1",
    )
    [(key, aim)] = aims
    own = lines[(lines["partner"] == key) & (lines["month"] <= until) & (lines["month"].dt.year == until.year)]
    sold, due = own["revenue"].sum(), aim * until.month / 12
    shown = on_screen.text_of(open_page(key))
    assert f"revenue of {words.money(sold, 'EUR', short=True)}, {words.share(sold / aim)} of it" in shown
    side = "below" if sold < due else "above"
    gap, pace = words.money(abs(sold - due), "EUR", short=True), words.money(due, "EUR", short=True)
    assert (until.month == 12) or f"{gap} {side} the even pace of {pace}" in shown


def test_without_a_target_that_is_said(open_page, warehouse, lines):
    aimed = {key for (key,) in on_screen.asked(warehouse, "select distinct scope[12:] from feed_targets")}
    until = year(warehouse)[1]
    others = lines[~lines["partner"].isin([*aimed, "(unknown)"]) & (lines["month"] == until)]
    key = str(others["partner"].min())
    assert "No target is agreed for you" in on_screen.text_of(open_page(key))


def test_the_place_among_peers_is_that_of_the_quartiles_of_its_kind(open_page, warehouse, lines, biggest):
    since, until = year(warehouse)
    kinds = dict(on_screen.asked(warehouse, "select partner_id, partner_type from feed_partners"))
    within = lines[lines["month"].between(since, until) & (lines["partner"] != "(unknown)")]
    sold = within.groupby("partner")["revenue"].sum()
    sold = sold[sold > 0]
    peers = sold[[kinds.get(key) == kinds[biggest] for key in sold.index]]
    assert len(peers) > 10
    low, high = (float(f"{peers.quantile(q):.2g}") for q in (0.25, 0.75))
    side = "below" if sold[biggest] < low else "above" if sold[biggest] > high else "within"
    shown = on_screen.table(open_page(biggest), "measure", "place").set_index("measure").loc["Revenue"]
    assert shown["place"] == f"{side} the middle half of {len(peers)} partners of the kind {kinds[biggest]}"
    assert (shown["low"], shown["high"]) == tuple(words.money(value, "EUR") for value in (low, high))


def test_where_the_kind_is_too_few_all_partners_stand_for_it_and_where_all_are_nobody_does(
    open_page, warehouse, biggest, tmp_path
):
    folders = [tmp_path / "some", tmp_path / "none"]
    for folder in folders:
        folder.mkdir()
    where = on_screen.changed(warehouse, folders[0], "delete from peer_band where partner_type <> '(all)'")
    shown = on_screen.table(open_page(biggest, where), "measure", "place")
    assert all(re.search(r"middle half of \d+ partners$", place) for place in shown["place"])
    nobody = on_screen.changed(warehouse, folders[1], "delete from peer_band")
    app = open_page(biggest, nobody)
    assert "too few to say anything" in on_screen.text_of(app)
    assert not any("place" in frame.value for frame in app.dataframe)


def test_no_other_partner_no_rank_and_no_margin_is_on_the_page(open_page, names, lines):
    keys = sorted(names)
    assert len(set(names.values())) == len(names) > 20
    for key in (keys[0], keys[len(keys) // 2]):
        app = open_page(key)
        seen = everything(app)
        others = {text for other, name in names.items() if other != key for text in (other, name)} - {names[key]}
        assert {text for text in others if re.search(rf"\b{re.escape(text)}\b", seen)} == set()
        assert names[key] in seen and key in seen
        assert not re.search(r"margin|\brank|no other partner", said(app), re.IGNORECASE)


@pytest.mark.parametrize("name", ["partner", "partner_id", "subject", "customer", "member", "manager_id"])
def test_an_address_that_names_another_partner_is_refused(open_page, names, name):
    key, other = sorted(names)[:2]
    app = open_page(key, **{name: other})
    assert not app.metric and not app.dataframe and names[other] not in everything(app)
    assert "is not a setting of this page" in on_screen.text_of(app)


def test_a_partner_that_is_not_in_the_data_is_told_that_nothing_was_bought(open_page):
    app = open_page("P-nobody")
    assert "Nothing was bought from you" in on_screen.text_of(app) and not app.metric
