"""Partner Pareto: every figure worked out another way, and the sentence each special company gets instead."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest

from components import pareto, pareto_words, words
from data.question import Listing
from data.view import Scope, View
from data.warehouse import served
from models import pareto as sums
from models.concentration import pareto as concentration
from tests import on_screen
from tests.conftest import once, run_data
from tests.on_screen import alts, card, table, text_of

PAGE = "partner/partner_pareto"
LINES = "from ledger where kind = 'line' and partner_id <> '(unknown)'"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


@pytest.fixture
def year(warehouse) -> str:
    """The last twelve complete months, as a condition."""
    manifest = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    until = date.fromisoformat(json.loads((warehouse / f"{manifest}.json").read_text())["last_complete_month"])
    return f"month between date '{until}' - interval 11 months and date '{until}'"


@pytest.fixture
def before(year) -> str:
    """The twelve months before."""
    return year.replace("month between", "month + interval 12 months between")


def amounts(rows: list[tuple]) -> list[tuple[str, float]]:
    """Key and amount, largest first."""
    return sorted(((key, float(value)) for key, value in rows), key=lambda row: (-row[1], row[0]))


def vital_few(rows: list[tuple], threshold: float) -> list[str]:
    """One after the other until the share is reached, then all who equal the last one."""
    ordered = [row for row in amounts(rows) if row[1] > 0]
    total, held, chosen = sum(value for _, value in ordered), 0.0, []
    for key, value in ordered:
        if held >= threshold * total - 1e-9 * total and value != dict(ordered)[chosen[-1]]:
            break
        chosen, held = [*chosen, key], held + value
    return chosen


# A regular company


@pytest.mark.parametrize(("metric", "money"), [("Revenue", "revenue"), ("Gross margin", "revenue - goods_cost")])
@pytest.mark.parametrize("share", ["50", "80", "95"])
def test_the_title_and_the_cards_count_the_vital_few(share, metric, money, open_page, by_hand, year):
    rows = by_hand(f"select partner_id, sum({money}) {LINES} and {year} group by 1")
    few, rated = vital_few(rows, int(share) / 100), sum(value >= 0 for _, value in rows)
    app = open_page(share=share, metric=metric)
    what = metric.lower()
    percent = words.share(len(few) / rated, 0 if len(few) / rated >= 0.0995 else 1)
    verb = "brings" if len(few) == 1 else "bring"
    share = words.share(int(share) / 100, 0)
    assert f"{percent} of partners ({len(few)} of {rated}) {verb} {share} of {what}" in text_of(app)
    assert card(app, f"Partners for {share} of {what}") == f"{len(few)} of {rated}"
    positive = np.array([float(value) for _, value in rows if value > 0])
    shares = positive / positive.sum()
    assert card(app, "Effective number") == words.ratio(1 / (shares**2).sum())
    assert f"HHI {words.count(((100 * shares) ** 2).sum())}" in text_of(app)
    fifth = np.sort(shares)[::-1][: -(-len(shares) // 5)].sum()
    apart = np.abs(np.subtract.outer(shares, shares)).sum() / (2 * len(shares) ** 2 * shares.mean())
    assert f"Gini {apart:.2f}; the largest fifth holds {words.share(fifth)}" in text_of(app)


def test_rank_share_and_cumulative_share_of_every_row_and_its_sums_are_those_of_the_ledger(open_page, by_hand, year):
    rows = by_hand(
        f"select partner_id, sum(revenue), sum(revenue - goods_cost), sum(returns) {LINES} and {year} group by 1"
    )
    frame = pd.DataFrame(rows, columns=["partner_id", "revenue", "gross_margin", "returns"])
    frame = frame.set_index("partner_id").astype(float).sort_values("revenue", ascending=False)
    shown = table(open_page(), "cumulative_share").set_index("partner_id")
    few = vital_few([(key, value) for key, value in frame["revenue"].items()], 0.8)
    assert list(shown.index) == few[:25]
    expected = frame.loc[shown.index]
    for name in expected:
        np.testing.assert_allclose(shown[name], expected[name], atol=1e-6)
    total = frame["revenue"][frame["revenue"] > 0].sum()
    np.testing.assert_allclose(shown["share"], expected["revenue"] / total, rtol=1e-9)
    np.testing.assert_allclose(shown["cumulative_share"], frame["revenue"].cumsum()[shown.index] / total, rtol=1e-9)
    assert list(shown["rank"]) == [int((frame["revenue"] > value).sum()) + 1 for value in expected["revenue"]]
    sold = expected["revenue"] + expected["returns"]
    np.testing.assert_allclose(shown["return_rate"], expected["returns"] / sold, rtol=1e-9)


def test_under_a_filter_the_figures_are_those_of_the_filtered_lines(open_page, by_hand, year):
    [(segment,)] = by_hand("select segment from customer where segment <> '(unknown)' order by segment limit 1")
    here = f"{LINES} and {year} and customer_id in (select customer_id from customer where segment = '{segment}')"
    rows = by_hand(f"select partner_id, sum(revenue) {here} group by 1")
    few = vital_few(rows, 0.8)
    app = open_page(segment=segment)
    assert card(app, f"Partners for {words.share(0.8, 0)} of revenue") == f"{len(few)} of {len(rows)}"
    shown = table(app, "cumulative_share")
    np.testing.assert_allclose(shown["revenue"], [value for _, value in amounts(rows)][: len(shown)], atol=1e-6)
    assert {"firm"} < set(shown["membership"]) | {"uncertain"}
    assert "target" not in shown and "Targets are of whole partners" in text_of(app)
    total = sum(value for _, value in amounts(rows))
    assert words.money(total, "EUR") in text_of(app)


def test_a_manager_sees_the_own_partners_only_with_all_they_sold(open_page, by_hand, year):
    [(manager,)] = by_hand(
        "select manager_id from partner where manager_id <> '(unknown)' group by 1 order by count(*) desc, 1 limit 1"
    )
    own = by_hand(
        f"select partner_id, sum(revenue) {LINES} and {year} and partner_id in "
        f"(select partner_id from partner where manager_id = '{manager}') group by 1"
    )
    others = by_hand(f"select partner_id, partner_name from partner where manager_id <> '{manager}'")
    app = open_page(f"manager {manager}")
    shown = table(app, "rank", "revenue")
    expected = vital_few(own, 0.8) if len(own) >= 10 else [key for key, _ in amounts(own)]
    assert list(shown["partner_id"]) == expected
    np.testing.assert_allclose(shown["revenue"], [value for _, value in amounts(own)][: len(shown)], atol=1e-6)
    everything = text_of(app) + "".join(frame.value.to_string() for frame in app.dataframe) + "".join(alts(app))
    assert not [key for key, name in others if key != "(unknown)" and (key in everything or f"{name}:" in everything)]


def test_money_without_a_partner_is_said_and_both_together_are_the_ledger(open_page, by_hand, year):
    own, apart = (
        by_hand(f"select sum(revenue) from ledger where kind = 'line' and {year} and partner_id {sign} '(unknown)'")[0][
            0
        ]
        for sign in ("<>", "=")
    )
    said = text_of(open_page())
    assert f"Revenue of {words.money(apart, 'EUR')} has no partner" in said
    assert f"With the {words.money(own, 'EUR')} of" in said and f"it makes {words.money(own + apart, 'EUR')}" in said


def test_customers_brought_are_counted_and_their_value_is_told_from_ten_on(open_page, by_hand):
    expected = dict(by_hand("select partner_id, (customers_brought, brought_potential) from partner_profile"))
    shown = table(open_page(share="95"), "brought", "potential")
    assert len(shown)
    for key, number, value in shown[["partner_id", "brought", "potential"]].itertuples(index=False):
        count, potential = expected[key]
        assert number == count
        assert value == ("fewer than 10" if count < 10 else words.money(potential, "EUR", short=True))


def test_a_target_of_a_year_counts_a_twelfth_for_each_month(open_page, by_hand, year):
    months = [row[0] for row in by_hand(f"select distinct month from partner_month where {year} order by 1")]
    aims = {
        (key, period): value for key, period, value in by_hand("select partner_id, period, value from partner_target")
    }
    shown = table(open_page(), "target").set_index("partner_id")["target"].dropna()
    assert len(shown)
    for key, value in shown.items():
        assert value == pytest.approx(float(sum(aims[key, str(month.year)] / 12 for month in months)))


def test_the_margin_at_risk_is_of_customers_with_no_other_partner(open_page, by_hand, year):
    [(largest, _), *_] = amounts(by_hand(f"select partner_id, sum(revenue) {LINES} and {year} group by 1"))
    [(money, number)] = by_hand(
        f"""with sold as (select customer_id, partner_id {LINES} and {year} and line_type = 'sale'
            and customer_id is not null group by all),
        alone as (select customer_id from sold group by 1 having count(*) = 1 and max(partner_id) = '{largest}')
        select sum(revenue - goods_cost), count(distinct customer_id) {LINES} and {year} and partner_id = '{largest}'
            and customer_id in (select customer_id from alone)"""
    )
    app = open_page()
    assert card(app, "At risk if the largest leaves") == words.money(money, "EUR", short=True)
    assert f"gross margin: {words.count(number)} of the" in text_of(app)


# Membership and time


def test_membership_is_that_of_the_stored_places_and_live_redrawing_gives_the_same(open_page, by_hand, year):
    columns = ["partner_id", "revenue", "revenue_ahead_low", "revenue_ahead_high"]
    rows = by_hand(f"select {', '.join(columns)} from learned_partner_place where span = '12m'")
    stored = pd.DataFrame(rows, columns=columns)
    app = open_page()
    shown = table(app, "membership").set_index("partner_id")["membership"]
    at = stored.set_index("partner_id")
    for key, state in shown.items():
        assert (state == "firm") == (at.loc[key, "revenue_ahead_high"] < 0.8)
    few = vital_few(list(zip(stored["partner_id"], stored["revenue"])), 0.8)
    unsure = stored[(stored["revenue_ahead_high"] >= 0.8) & (stored["revenue_ahead_low"] < 0.8)]["partner_id"]
    outside = len(set(unsure) - set(few))
    assert f"also uncertain and just outside: {outside}." in text_of(app)
    blocks = by_hand(f"select partner_id, order_block, sum(revenue)::double {LINES} and {year} group by 1, 2")
    frame = pd.DataFrame(blocks, columns=["partner_id", "order_block", "revenue"])
    live = sums.redraw(frame, "partner_id", "revenue")
    kept = sums.places(stored, "partner_id", "revenue")
    assert list(live["key"]) == list(kept["key"]) and list(live["rank"]) == list(kept["rank"])
    np.testing.assert_allclose(live[["low", "high"]], kept[["low", "high"]], atol=1e-12)


def test_a_view_too_large_to_redraw_says_which_view_has_it(open_page, monkeypatch):
    monkeypatch.setattr(pareto, "MOST_LINES", 10)
    said = text_of(open_page(period="6m"))
    assert "is not worked out for a view of so many lines or partners: the whole company" in said
    assert "is not worked out for a view" not in text_of(open_page())


def test_who_entered_and_who_left_is_told_by_name(open_page, by_hand, year, before):
    now, then = (
        set(vital_few(by_hand(f"select partner_id, sum(revenue) {LINES} and {span} group by 1"), 0.8))
        for span in (year, before)
    )
    names = dict(by_hand("select partner_id, partner_name from partner_profile"))
    said = text_of(open_page())
    assert (
        "vital few of" in said
        and f"{len(now & then)} remain; {len(then - now)} left and {len(now - then)} entered" in said
    )
    entered, left = (
        next(line for line in said.split("\n") if line.startswith(f"**{w}:**")) for w in ("Entered", "Left")
    )
    assert all(names[key] in entered for key in now - then) and all(names[key] in left for key in then - now)
    [(firm, stayed)] = by_hand(
        "select firm_earlier, firm_stayed from learned_concentration "
        "where subject = 'partner' and measure = 'revenue' and span = '12m'"
    )
    assert f"Of the {firm} firm a year before, {stayed} are still in." in said


def test_a_change_is_against_the_compared_period(open_page, by_hand, year, before):
    now, then = (
        dict(by_hand(f"select partner_id, sum(revenue)::double {LINES} and {span} group by 1"))
        for span in (year, before)
    )
    shown = table(open_page(), "change").set_index("partner_id")["change"]
    for key, value in shown.items():
        assert value == pytest.approx(now[key] / then[key] - 1) if then.get(key, 0) > 0 else np.isnan(value)


def test_places_over_time_are_ranks_among_all_in_each_block_of_three_months(open_page, by_hand, year):
    [(last,)] = by_hand(f"select max(month) from partner_month where {year}")
    [(largest, _), *_] = amounts(by_hand(f"select partner_id, sum(revenue) {LINES} and {year} group by 1"))
    [(name,)] = by_hand(f"select partner_name from partner_profile where partner_id = '{largest}'")
    ranks = []
    for back in range(7, -1, -1):
        end = f"date '{last}' - interval {3 * back} months"
        rows = by_hand(
            f"select partner_id, sum(revenue) {LINES} and month between {end} - interval 2 months and {end} group by 1"
        )
        ranks.append(next(place for place, (key, _) in enumerate(amounts(rows), 1) if key == largest))
    said = next(alt for alt in alts(open_page()) if alt.startswith("Ranks over time"))
    assert f"{name}: {', '.join(map(str, ranks))}" in said


def test_who_sells_much_and_earns_little_is_named(open_page, by_hand, year):
    rows = by_hand(
        f"select partner_id, sum(revenue)::double, sum(revenue - goods_cost)::double {LINES} and {year} group by 1"
    )
    usual = sum(margin for *_, margin in rows) / sum(revenue for _, revenue, _ in rows)
    top = sorted(rows, key=lambda row: -row[1])[:20]
    little = [key for key, revenue, margin in top if margin < 0.5 * usual * revenue]
    names = dict(by_hand("select partner_id, partner_name from partner_profile"))
    said = text_of(open_page())
    assert "Big but earning little" in said or not little
    assert all(names[key] in said for key in little[:3])


def test_without_the_largest_all_is_worked_out_again(open_page, by_hand, year):
    rows = amounts(by_hand(f"select partner_id, sum(revenue) {LINES} and {year} group by 1"))
    app = open_page(without="1")
    for place, (key, value) in enumerate(table(app, "amount")[["name", "amount"]].itertuples(index=False)):
        rest = [row for row in rows if row != rows[place]]
        few, values = vital_few(rest, 0.8), np.array([amount for _, amount in rest if amount > 0])
        shown = table(app, "amount").iloc[place]
        assert value == pytest.approx(rows[place][1]) and shown["vital"] == len(few), key
        assert shown["effective_number"] == pytest.approx(values.sum() ** 2 / (values**2).sum())
        assert shown["largest_share"] == pytest.approx(values.max() / values.sum())
    assert f"{words.money(rows[0][1], 'EUR', short=True)} of revenue is gone" in text_of(app)


# Other members, other readers


@pytest.mark.parametrize(("subject", "column"), [("Customers", "customer_id"), ("Categories", "category")])
def test_the_same_is_told_of_other_members(subject, column, open_page, by_hand, year):
    rows = by_hand(
        f"select {column}, sum(revenue) from ledger where kind = 'line' and {year} and {column} is not null "
        f"and {column} <> '(unknown)' group by 1"
    )
    app, rated = open_page(subject=subject), sum(value >= 0 for _, value in rows)
    shown = table(app, "rank", "revenue")
    np.testing.assert_allclose(shown["revenue"], [value for _, value in amounts(rows)][: len(shown)], atol=1e-6)
    if rated >= 10:
        few = vital_few(rows, 0.8)
        assert card(app, f"{subject} for {words.share(0.8, 0)} of revenue") == f"{len(few):,} of {rated:,}"


def test_a_row_leads_to_the_page_of_the_partner(open_page):
    app = open_page()
    keys = list(table(app, "cumulative_share")["partner_id"])
    chooser = next(box for box in app.selectbox if box.label == "Open a partner of this list")
    chooser.set_value(keys[3]).run()
    assert not app.exception
    assert app.title[0].value == "Partner" and app.query_params["partner"] in (keys[3], [keys[3]])


def test_a_hostile_name_is_text_and_nothing_else(warehouse, tmp_path, open_page):
    name = "![x](https://e.example) <b>x</b> $x$"
    where = on_screen.changed(warehouse, tmp_path, f"update partner_profile set partner_name = '{name}'")
    app = open_page(where=where, without="1")
    written = [str(e.value) for kind in (app.title, app.header, app.markdown) for e in kind]
    assert any("https" in text for text in written)
    assert not any("![x](" in text or "<b>" in text or "$x$" in text for text in written)
    charts = "".join(chart.proto.spec for chart in app.get("plotly_chart"))
    assert "<b>x" not in charts and "u003cb" not in charts


def test_readers_of_groups_are_not_offered_single_customers(open_page):
    app = open_page("executive")
    assert "Customers" not in app.selectbox(key="subject").options
    assert "is not offered on this page" in text_of(open_page("executive", subject="Customers"))
    assert not any("customer_id" in frame.value.columns for frame in app.dataframe)


def test_few_customers_of_one_partner_are_not_counted_for_readers_of_groups():
    row = {"own_customers": None, "customers": 40, "gross_margin": 10.0}
    assert "fewer than 10 of the 40 customers of A" in pareto_words.own_customers("A", row, "gross_margin", "EUR")
    row["own_customers"] = 30
    assert "30 of the 40 customers of A" in pareto_words.own_customers("A", row, "gross_margin", "EUR")


def test_the_build_tells_readers_of_groups_nothing_of_a_partners_few_own_customers(warehouse):
    build = served(warehouse).current()
    asked = [
        build.answer(Listing("partner_year", View(Scope(everything=True, attributes=few)), 1_000)) for few in ((), None)
    ]
    groups, everything = (rows.set_index("partner_id") for rows in asked)
    few = everything["own_customers"] < 10
    assert 0 < few.sum() < len(few)
    for name in ("own_customers", "own_revenue", "own_margin"):
        assert (
            groups.loc[few, name].isna().all()
            and groups.loc[~few, name].tolist() == everything.loc[~few, name].tolist()
        )


def test_a_view_without_lines_says_so(open_page, warehouse):
    build = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    offered = json.loads((warehouse / f"{build}.json").read_text(encoding="utf-8"))["filters"]
    app = open_page(**{name: values[0] for name, values in offered.items()})
    assert "Nothing matches this view" in text_of(app) and not app.metric


# Special companies: a year each of one small company


def lines() -> list[tuple[str, str, str, float, float]]:
    """Order, day, partner, revenue and cost."""
    rows: list[tuple[str, str, str, float, float]] = []

    def sold(year: int, partner: str, revenue: float, cost: float = 0.0) -> None:
        rows.append((f"O{len(rows):04}", f"{year}-03-{1 + len(rows) % 28:02}", partner, revenue, cost))

    for i in range(12):
        sold(2017, f"P{i:02}", 100.0)  # all equal
        sold(2024, f"P{i:02}", 100.0 - i, 120.0 if i > 9 else 40.0)  # margin below zero of the last two
        sold(2025, f"P{i:02}", 10.0 + i)
    sold(2018, "P00", 70.0)  # one partner
    for i in range(9):
        sold(2019, f"P{i:02}", 50.0 - i)  # nine
    for i in range(11):
        sold(2020, f"P{i:02}", -5.0 - i)  # nothing but returns
    for i, revenue in enumerate([100.0, 50.0, 50.0, 50.0, 50.0, *[1.0] * 8]):
        sold(2021, f"P{i:02}", revenue)  # ties at the border
    sold(2025, "P90", 15.0)  # goes on as P00
    sold(2025, "", 33.0)  # nobody's
    sold(2025, "P11", -21.0)  # comes to nothing
    return rows


@pytest.fixture(scope="module")
def special(tmp_path_factory):
    """A small company whose years are special; two of its partners have the same name, and one went on as another."""

    def make(folder) -> None:
        feeds = folder / "feeds"
        feeds.mkdir()
        rows = [
            f"{o},{day},{revenue:.2f},{cost:.2f},C{i % 7},{partner}"
            for i, (o, day, partner, revenue, cost) in enumerate(lines())
        ]
        (feeds / "lines.csv").write_text("\n".join(["order_id,ordered_at,revenue,cost,customer_id,partner_id", *rows]))
        names = [f"P{i:02},{'Twin' if i in (3, 4) else f'Firm {i}'}," for i in range(13)]
        (feeds / "partners.csv").write_text("\n".join(["partner_id,partner_name,merged_into", *names, "P90,Old,P00"]))
        done = run_data("build", feeds, "--warehouse", folder / "warehouse")
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "special_partners", make) / "warehouse"


SPECIAL = [
    ("2017", ("No few: all 12 partners bring the same revenue, 100 each",)),
    ("2018", ("There is one partner, so there is nothing to share: it brings 70.00 of revenue",)),
    ("2019", ("Only 9 partners: a share of so few says nothing that would hold", "Fewer than 10 partners get no perc")),
    (
        "2020",
        ("No partner brings revenue above zero: there are no shares to tell", "Ranks and money are shown, without"),
    ),
    ("2021", ("the last partner needed brings 50.00, and all who bring exactly that are in, 1 more than needed",)),
    ("2024", ("2 partners with gross margin below zero", "The curve of gross margin passes 100 %: 1")),
    (
        "2025",
        ("P90 goes on as P00: counted together.", "Revenue of 33.00 has no partner", "1 partner brings exactly zero"),
    ),
]


@pytest.mark.parametrize(("period", "sentences"), SPECIAL)
def test_a_special_company_gets_its_sentence(period, sentences, special, open_page):
    said = text_of(open_page(where=special, period=period))
    for sentence in sentences:
        assert sentence in said


@pytest.mark.parametrize("period", ["2018", "2019", "2020"])
def test_below_ten_and_without_shares_there_is_no_percentage_anywhere(period, special, open_page):
    app = open_page(where=special, period=period)
    assert "%" not in text_of(app) + "".join(alts(app)) + "".join(str(metric.value) for metric in app.metric)
    for frame in app.dataframe:
        assert not set(frame.value.columns) & {"share", "cumulative_share", "change", "return_rate", "of_target"}
    assert "rank" in table(app, "rank", "revenue")


def test_all_who_equal_the_last_one_are_in(special, open_page):
    app = open_page(where=special, period="2021")
    assert card(app, f"Partners for {words.share(0.8, 0)} of revenue") == "5 of 13"
    assert list(table(app, "cumulative_share")["rank"]) == [1, 2, 2, 2, 2]


def test_two_partners_with_one_name_are_counted_apart_and_told_apart(special, open_page):
    app = open_page(where=special, period="2017", share="95")
    assert "2 partners are called Twin (P03, P04): counted apart" in text_of(app)
    assert {"Twin (P03)", "Twin (P04)"} <= set(table(app, "cumulative_share")["name"])


def test_a_merged_partner_is_one_with_its_former_self(special, open_page):
    shown = table(open_page(where=special, period="2025", share="95"), "cumulative_share").set_index("partner_id")
    assert shown.loc["P00", "revenue"] == 25.0 and "P90" not in shown.index


def test_margins_curve_passes_and_comes_back_to_exactly_the_whole(special, open_page):
    app = open_page(where=special, period="2024")
    figure = json.loads(app.get("plotly_chart")[0].proto.spec)
    found = {trace["name"]: trace for trace in figure["data"] if trace.get("mode") == "lines"}
    ends = {name: sums_of(trace["y"])[-1] for name, trace in found.items()}
    assert ends["Revenue"] == 1.0 and ends["Gross margin"] == 1.0
    margins = [60.0 - i if i < 10 else -20.0 - i for i in range(12)]
    assert max(sums_of(found["Gross margin"]["y"])) == pytest.approx(sum(margins[:10]) / sum(margins))


def sums_of(values) -> list[float]:
    """Numbers of a trace, as Plotly writes them: a list, or the bytes of an array."""
    if isinstance(values, dict):
        import base64

        return list(np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"])))
    return list(values)


def test_a_company_without_partners_or_cost_says_so(tmp_path_factory, open_page):
    said = text_of(open_page(where=on_screen.tiny(tmp_path_factory), period="all"))
    assert "No partner is on record here" in said and "has no partner" in said
    assert "the column cost of the feed lines" in said


def test_one_year_of_data_has_no_ghost_and_nobody_who_stayed(tmp_path_factory, open_page):
    app = open_page(where=on_screen.tiny(tmp_path_factory), subject="Customers")
    said = text_of(app)
    assert "There is no earlier period in the data to compare with." in said
    assert "nobody can be said to have stayed" in said and "change" not in table(app, "rank", "revenue")


# The figures behind the page


def test_a_curve_of_a_hundred_thousand_is_thinned_and_exact_where_it_matters():
    rng = np.random.default_rng(4)
    values = np.round(np.exp(rng.normal(0, 3, 100_000)), 2) - 0.5
    frame = pd.DataFrame({"partner_id": [f"P{i:06}" for i in range(len(values))], "revenue": values, "returns": 0.0})
    found = sums.summary(frame.assign(lines=1), "partner_id", "revenue", 0.8)
    one, curve = found.sides["revenue"], found.sides["revenue"].curve
    assert len(curve) <= sums.MOST_POINTS and curve["cumulative"].iloc[-1] == 1.0 and curve["part"].iloc[-1] == 1.0
    ordered = np.sort(values)[::-1]
    for rank in (1, one.vital, one.peak_rank, len(values)):
        at = curve.set_index("rank").loc[rank, "cumulative"]
        assert at == pytest.approx(ordered[:rank].sum() / ordered.sum(), rel=1e-9)
    assert one.vital == concentration(values).vital(0.8) and one.peak_rank == int((values > 0).sum())


def test_who_was_only_contacted_is_no_member():
    frame = pd.DataFrame({"customer_id": ["A", "B"], "revenue": [5.0, 0.0], "returns": 0.0, "lines": [1, 0]})
    assert sums.summary(frame, "customer_id", "revenue", 0.8).sides["revenue"].members == 1
