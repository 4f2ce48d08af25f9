"""Customer ROI, Customer and Data trust, opened through app.py and compared with sums worked out from the build's file."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from components import ask, ratings, story, trust, words
from data.question import EVERYTHING
from data.warehouse import Warehouse
from tests import on_screen
from tests.conftest import run_data
from tests.on_screen import card, table, text_of

ROI, CUSTOMER, TRUST = "value/customer_roi", "value/customer", "trust/data_trust"
BAD_AMOUNTS, FUTURE = 4, 3


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open a page of app.py with these parameters in the address."""

    return lambda file, where=warehouse, /, role="auditor", **asked: on_screen.page(
        monkeypatch, where, file, role, **asked
    )


@pytest.fixture(scope="session")
def poor(company, tmp_path_factory) -> Path:
    """The warehouse of the same company without its contacts, and with a file of lines that cannot all be read."""
    folder, warehouse = tmp_path_factory.mktemp("poor") / "feeds", tmp_path_factory.mktemp("poor_warehouse")
    shutil.copytree(company, folder, ignore=shutil.ignore_patterns("truth", "contacts*", "campaigns*"))
    good, bad, late = ("2026-01-05,10.00",) * 5, ("2026-01-05,ten",) * BAD_AMOUNTS, ("2099-01-05,10.00",) * FUTURE
    rows = [f"L{i},{rest},C0000001,5.00,44" for i, rest in enumerate((*good, *bad, *late))]
    header = "order_id,ordered_at,revenue,customer_id,cost,shoe_size"
    (folder / "lines-late.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    done = run_data("build", folder, "--warehouse", warehouse)
    assert done.returncode == 0, done.stdout + done.stderr
    return warehouse


# Customer ROI


def test_the_ranking_goes_by_the_cautious_end_of_the_interval(open_page, by_hand):
    expected = by_hand("select customer_id from customer where roi is not null order by roi_low desc, margin desc, 1")
    for number in (1, 2):
        shown = table(open_page(ROI, page=str(number)), "roi_rank")
        wanted = [key for (key,) in expected[25 * (number - 1) : 25 * number]]
        assert list(shown["customer_id"]) == wanted
        assert list(shown["roi_rank"]) == list(range(25 * number - 24, 25 * number + 1))


def test_the_last_place_can_come_first(open_page, by_hand):
    expected = by_hand("select customer_id from customer where roi is not null order by roi_low, 1 limit 25")
    assert list(table(open_page(ROI, sort="Smallest first"), "roi_rank")["customer_id"]) == [k for (k,) in expected]


def test_roi_of_the_view_is_a_ratio_of_sums_and_filters_apply_to_all_of_it(open_page, by_hand):
    ((ratio, mean),) = by_hand(
        "select (sum(margin) - sum(cost)) / sum(cost), (select avg(roi) from customer where segment = 'home') "
        "from customer where segment = 'home'"
    )
    bands = dict(by_hand("select roi_state::varchar, count(*) from customer where segment = 'home' group by 1"))
    app = open_page(ROI, segment="home")
    assert card(app, "ROI") == words.ratio(ratio) != words.ratio(mean)
    assert card(app, "Customers rated") == words.count(bands["rated"])
    shown = table(app, "roi_state", "number")
    assert dict(zip(shown["roi_state"], shown["number"])) == bands
    assert set(table(app, "segment", "roi_shrunk")["segment"]) == {"home"}


@pytest.mark.parametrize(
    ("metric", "column"), [("Revenue", "revenue"), ("Orders", "orders"), ("Service cost", "service_cost")]
)
def test_any_metric_can_rank_everybody(metric, column, open_page, by_hand):
    expected = by_hand(f"select {column} from customer order by {column} desc limit 25")
    shown = table(open_page(ROI, metric=metric, band="Everybody"), "place", column)
    assert list(shown[column]) == [float(value) for (value,) in expected]


def test_who_cannot_be_rated_is_listed_apart_by_margin_and_without_a_score(open_page, by_hand):
    expected = by_hand(
        "select customer_id from customer where roi_state = 'no investment' order by margin desc, 1 limit 25"
    )
    shown = table(open_page(ROI, band="No investment"), "place")
    assert list(shown["customer_id"]) == [key for (key,) in expected]
    assert not {"roi", "roi_shrunk", "roi_rank"} & set(shown.columns)


def test_the_parts_of_the_cost_are_the_ledgers(open_page, by_hand):
    ((contact, fixed, service, returned, acquisition),) = by_hand(
        "select sum(contact_cost), sum(fixed_cost), sum(service_cost), "
        "-sum(margin) filter (line_type = 'return'), sum(acquisition_cost) from ledger"
    )
    largest = max(contact, fixed, service, returned, acquisition)
    total = contact + fixed + service + returned + acquisition
    title = next(h for h in text_of(open_page(ROI)).splitlines() if "that relationships cost" in h)
    assert words.money(total, "EUR", short=True) in title and words.money(largest, "EUR", short=True) in title


def test_a_page_beyond_the_end_is_refused(open_page):
    app = open_page(ROI, page="999999")
    assert "cannot be shown" in text_of(app) and not app.dataframe


def test_without_contacts_the_page_says_what_is_missing_and_ranks_by_revenue(open_page, poor):
    app = open_page(ROI, poor)
    assert "Not known without the feed contacts" in text_of(app)
    assert "contacts.csv" in text_of(app)
    revenue = list(table(app, "revenue", "place")["revenue"])
    assert revenue == sorted(revenue, reverse=True) and revenue[0] > 0
    assert not any("roi" in column for frame in app.dataframe for column in frame.value.columns)


# Customer


def test_without_a_key_the_first_ten_of_the_ranking_are_offered_and_one_opens(open_page, by_hand):
    first = [key for (key,) in by_hand("select customer_id from customer order by roi_rank limit 10")]
    app = open_page(CUSTOMER)
    (offered,) = (box for box in app.selectbox if box.label.startswith("Open"))
    assert offered.options == first
    offered.select(first[3]).run()
    assert app.text_input(key="customer").value == first[3]
    assert not app.exception and card(app, "Rank by ROI") == "4"


def test_a_row_of_the_ranking_opens_its_customer(open_page, by_hand):
    app = open_page(ROI)
    (ranking,) = (frame for frame in app.dataframe if "roi_rank" in frame.value.columns)
    app.session_state[ranking.key] = {"selection": {"rows": [2], "columns": [], "cells": []}}
    app.run()
    assert app.text_input(key="customer").value == by_hand("select customer_id from customer where roi_rank = 3")[0][0]


def test_unknown_and_out_of_scope_look_the_same(open_page, by_hand):
    (theirs,) = by_hand("select customer_id from customer where manager_id = 'M02' limit 1")[0]
    mine = "manager M01"
    seen = [
        text_of(open_page(CUSTOMER, role=mine, customer=key)).replace(key, "KEY")
        for key in (theirs, "no-such-customer")
    ]
    assert "There is no customer KEY" in seen[0]
    assert seen[0] == seen[1]


def test_the_customers_money_is_the_ledgers_to_the_cent(open_page, by_hand):
    ((key, margin, cost, won),) = by_hand(
        "select customer_id, c.margin, c.cost, c.acquisition_cost from customer c join feed_customers f using (customer_id) "
        "where f.joined_at >= (select min(month) from feed_lines) and c.cost > 0 and c.acquisition_cost > 0 "
        "order by margin desc limit 1"
    )
    app = open_page(CUSTOMER, customer=key)
    assert card(app, "Net contribution") == words.money(margin - cost, "EUR", short=True)
    assert f"added up: {words.money(margin - cost - won, 'EUR')} at the end" in text_of(app)
    assert f"begins with {words.money(won, 'EUR')} for winning" in text_of(app)


def test_the_customers_rhythm_is_counted_in_days_of_the_companys_zone(open_page, by_hand):
    ((key,),) = by_hand("select customer_id from customer where gap_days is not null order by orders desc, 1 limit 1")
    moments = by_hand(f"select distinct ordered_at from feed_lines where customer_id = '{key}' and line_type = 'sale'")
    zone = ZoneInfo("Europe/Berlin")
    days = sorted({pd.Timestamp(at, tz="UTC").astimezone(zone).date() for (at,) in moments})
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    assert f"Usually every {words.days(median(gaps))}; last order" in text_of(open_page(CUSTOMER, customer=key))


def test_every_event_of_the_customer_is_in_the_table_once(open_page, by_hand):
    ((key,),) = by_hand("select customer_id from timeline group by 1 order by count(*) desc, 1 limit 1")
    ((revenue, cost),) = by_hand(f"select sum(revenue), sum(cost) from timeline where customer_id = '{key}'")
    ((events,),) = by_hand(f"select count(distinct (occurred_at, kind)) from timeline where customer_id = '{key}'")
    pages = [
        table(open_page(CUSTOMER, customer=key, events=str(number + 1)), "kind", "what")
        for number in range(-(-events // 25))
    ]
    rows = pd.concat(pages)
    assert len(rows) == events
    assert (
        Decimal(str(round(rows["revenue"].sum(), 4))) == revenue and Decimal(str(round(rows["cost"].sum(), 4))) == cost
    )


def test_a_key_is_quoted_in_the_link_to_the_companys_system_and_only_https_is_linked(monkeypatch):
    class Served:
        manifest = {"crm_link": "https://crm.example/c/{customer_id}"}

    monkeypatch.setattr(ask, "current", lambda: Served)
    assert story.crm_link("a/b?c=1#d é") == "https://crm.example/c/a%2Fb%3Fc%3D1%23d%20%C3%A9"
    Served.manifest = {"crm_link": "javascript:alert({customer_id})"}
    assert story.crm_link("a") == ""
    Served.manifest = {"crm_link": ""}
    assert story.crm_link("a") == ""


def test_without_contacts_and_cost_the_story_is_told_all_the_same(open_page, poor):
    app = open_page(CUSTOMER, poor, customer="C0000001")
    assert "Not known without the feed contacts" in text_of(app)
    assert set(table(app, "kind", "what")["kind"]) <= {"order", "return", "adjustment", "joined"}


# Data trust


def test_the_title_says_what_was_left_out_and_the_reasons_say_why(open_page, poor):
    app = open_page(TRUST, poor)
    rows = json.loads((poor / f"{Warehouse(poor).newest()}.json").read_text(encoding="utf-8"))["rows"]
    assert f"Every figure ties out; {BAD_AMOUNTS + FUTURE} of {rows['in']:,} rows left out" in text_of(app)
    left = table(app, "reason", "rows")
    assert sorted(left[left["file"] == "lines-late.csv"]["rows"]) == [FUTURE, BAD_AMOUNTS]
    source = table(app, "hash", "left_out").set_index("file").loc["lines-late.csv"]
    assert (source["left_out"], source["rows_quarantined"], len(source["hash"])) == (
        "shoe_size",
        BAD_AMOUNTS + FUTURE,
        12,
    )


def test_a_missing_feed_is_named_with_what_it_switches_off(open_page, poor):
    shown = text_of(open_page(TRUST, poor))
    assert "The feed contacts is missing. No relationship cost, no ROI" in shown.replace("**", "")


def test_every_row_that_came_in_is_accounted_for(open_page, poor):
    feeds = table(open_page(TRUST, poor), "rows_in", "behind")
    assert (feeds["rows_in"] == feeds["rows_loaded"] + feeds["rows_quarantined"] + feeds["rows_rejected"]).all()


def test_nothing_is_red_while_everything_ties_out(open_page):
    shown = text_of(open_page(TRUST))
    assert "Every figure ties out" in shown and ":red[" not in shown


def test_a_control_total_that_differs_comes_first_and_is_in_the_title():
    ties = pd.DataFrame(
        [
            ("lines", "rows", 3.0, 0.0, 3.0, 0.0, True),
            ("lines", "revenue", 9.0, 0.0, 9.0, 0.0, True),
            ("ledger", "revenue, ledger against partner", 9.0, 0.0, 8.0, 1.0, False),
        ],
        columns=["feed", "measure", *trust.SUMS, "holds"],
    )
    assert list(trust.ordered(ties, counted=False)["holds"]) == ["DIFFERS", "holds"]
    assert list(trust.ordered(ties, counted=True)["measure"]) == ["rows"]
    rows = {"in": 3, "quarantined": 0, "rejected": 0}
    assert trust.verdict(1, 3, rows).startswith("1 of 3 control totals do not tie out")


def test_who_may_not_see_the_whole_company_sees_nothing_of_what_came_in(open_page):
    app = open_page(TRUST, role="manager M01")
    assert "Your roles do not open this page" in text_of(app) and not app.dataframe


def test_every_metric_offered_for_ranking_can_be_asked(warehouse, monkeypatch):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    view = ratings.View(EVERYTHING)
    for metric in ratings.known_metrics():
        for order in (ratings.LARGEST, ratings.SMALLEST):
            rows = ask.ask(ratings.page(ratings.ranking(metric, order, ratings.EVERYBODY, view), 1, 5))
            values = rows["roi_low" if metric == "roi" else metric].tolist()
            assert values == sorted(values, reverse=order == ratings.LARGEST)


def test_the_stored_bands_are_those_a_filter_on_everybody_gives(warehouse, monkeypatch):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    view = ratings.View(EVERYTHING)
    segments = ask.current().manifest["filters"]["segment"]
    pd.testing.assert_frame_equal(
        ratings.bands(view), ratings.bands(view.only("segment", *segments)), check_dtype=False, check_exact=False
    )


def test_the_ranking_says_what_lines_without_customer_add_to_its_sums(open_page, by_hand):
    [[guests]] = by_hand("select sum(revenue - coalesce(cost, 0)) from feed_lines where customer_id is null")
    shown = words.money(guests, "EUR", short=True)
    assert f"Lines without customer bring another {shown}" in text_of(open_page(ROI))
