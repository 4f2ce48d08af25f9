"""Pages to print: what is on them, that hostile names stay texts, who gets one, and that it fits on a sheet of paper."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components import brief, words
from components.partner_brief import Review
from data import export, export_tickets
from data.catalog import Unit
from data.journal import audit, store
from data.journal.store import Journal
from data.rights import AUDITOR, EXECUTIVE, MANAGER, PARTNER_ROLE, Forbidden, Held
from data.view import View
from data.warehouse import Build, Warehouse
from tests import colleagues, on_screen
from tests.test_export import Clock, Door

AT = "2026-11-23T09:15:00.000000Z"
VOID = {"meta"}
SHAPES = {"line", "polyline", "circle", "rect"}
TAGS = (
    {"html", "head", "title", "style", "body", "header", "main", "footer", "section", "div", "h1", "h2", "p", "bdi", "b"}
    | {"span", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "text"} | VOID | SHAPES
)  # fmt: skip
HOSTILE = (
    "</title><script>window.hit=1</script>",
    '"><img src=http://evil.example/x onerror=window.hit=1>',
    "</style></svg><svg onload=window.hit=1>",
    "\u202egnp.exe\u2066 \u200fabc",
    "'; @import url(http://evil.example/x.css); }",
    "&lt;script&gt;&#60;b&#62;",
    "{{7*7}} ${7*7} javascript:window.hit=1",
    "שלום עולם مرحبا 12",
    "W" * 300,
    "\0\x1b[31m\r\n<!--",
)
PAPER = {"A4": (210, 297), "Letter": (215.9, 279.4)}  # mm


class Page(HTMLParser):
    """What an HTML file is made of; wrong nesting, a second attribute of one name or an unknown tag is a fault."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.stack: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        self.close()
        self.faults += [f"{one} is not closed" for one in self.stack]

    def handle_startendtag(self, tag, attrs):
        self.note(tag, attrs)
        if tag not in SHAPES:
            self.faults.append(f"{tag} closes itself")

    def handle_starttag(self, tag, attrs):
        self.note(tag, attrs)
        if tag not in VOID:
            self.stack.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("th", "td"):
            self.tables[-1][-1].append("")

    def note(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in TAGS or len(dict(attrs)) != len(attrs):
            self.faults.append(f"{tag} {attrs}")

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop() != tag:
            self.faults.append(f"</{tag}> where it does not belong")

    def handle_data(self, data):
        if self.stack and self.stack[-1] != "style":
            self.words.append(data)
            if {"th", "td"} & set(self.stack[-2:]):
                self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return flat(" ".join(self.words))

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for one, attributes in self.tags if one == tag]


@pytest.fixture(scope="module")
def build(warehouse: Path) -> Build:
    return Warehouse(warehouse).current()


def review(build: Build, key: str, *held: Held) -> Review:
    scope = build.scope_of(held or (Held(AUDITOR),))
    return Review(View(scope).only("partner_id", key), "Ann Example", AT, key)


def flat(text: str) -> str:
    """The text with plain single spaces, as `Page.text` has them."""
    return " ".join(text.split())


def page(build: Build, key: str, *held: Held) -> Page:
    found = Page(review(build, key, *held).html(build))
    assert found.faults == []
    return found


@pytest.fixture(scope="module")
def keys(warehouse: Path) -> list[str]:
    """Partners with sales in the last year, the largest first."""
    sql = "select partner_id from partner_year where revenue > 0 and partner_id <> '(unknown)' order by revenue desc"
    return [key for (key,) in on_screen.asked(warehouse, sql)]


# ---- The machinery


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_whatever_a_text_holds_the_page_is_made_of_the_same_elements(hostile):
    def made(said: str) -> Page:
        chart = brief.trend([said, said], [1.0, 2.0], [2.0, 1.0], (said, said), lambda value: said, said)
        bar = brief.bars([said, "b"], [1.0, -2.0], [2.0, 1.0], (said, said), lambda value: said, said)
        parts = [
            brief.cards([brief.Card(said, said, [said])]),
            brief.table([said, said], [[said, said]], said),
            chart,
            bar,
        ]
        parts.append(brief.paragraph(said))
        return Page(brief.page(said, [said], [brief.section(said, *parts), brief.remarks(said)], [said]))

    plain, found = made("a"), made(hostile)
    assert found.faults == []
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]
    for (_, mine), (_, others) in zip(found.tags, plain.tags):
        assert mine.keys() == others.keys()
        assert {name: value for name, value in mine.items() if name != "aria-label"} == {
            name: value for name, value in others.items() if name != "aria-label"
        }
    assert words.visible(hostile, 60)[:20] in found.text


def test_no_character_that_turns_the_direction_of_a_line_is_left():
    made = brief.page("a", [], [brief.table(["b"], [["\u202e1\u2067"]], "\u200f")], ["\u2066"])
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", made)
    assert "[U+202E]1[U+2067]" in Page(made).text


def test_a_page_is_complete_html_with_a_language_a_title_and_nothing_from_elsewhere(build, keys):
    html = review(build, keys[0]).html(build)
    found = Page(html)
    assert html.startswith('<!DOCTYPE html>\n<html lang="en">') and found.faults == []
    assert len(found.of("title")) == len(found.of("h1")) == len(found.of("main")) == 1
    assert found.of("meta")[0] == {"charset": "utf-8"}
    assert found.of("meta")[1]["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    names = {name for _, attributes in found.tags for name in attributes}
    assert not {"src", "href", "style", "id", "action"} & names and not any(name.startswith("on") for name in names)
    assert "url(" not in html and "@import" not in html and "http" not in html.replace("http-equiv", "")


def test_tables_name_their_rows_and_columns_and_pictures_are_said_in_words(build, keys):
    found = page(build, keys[0])
    assert len(found.of("table")) == 2 and len(found.of("svg")) == 2
    assert {one.get("scope") for one in found.of("th")} == {"row", "col"}
    assert all(len(row) == len(table[0]) for table in found.tables for row in table)
    for picture in found.of("svg"):
        assert picture["role"] == "img" and picture["aria-label"].startswith("Revenue by ")


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 97), (-3, 8), (0, 1e9), (-7.5, 0), (0, 0), (0.2, 0.201)])
def test_an_axis_has_few_round_steps_that_hold_every_figure(low, high):
    steps = brief.ticks(min(0, low), max(0, high))
    assert 2 <= len(steps) <= 5 and steps[0] <= min(0, low) and steps[-1] >= high
    apart = {round((b - a) / (steps[1] - steps[0]), 9) for a, b in pairwise(steps)}
    assert apart == {1.0}
    first = f"{steps[1] - steps[0]:e}".split("e")[0].rstrip("0").rstrip(".")
    assert first in {"1", "2", "2.5", "5"}


def points(svg: str, broken: bool) -> list[tuple[float, float]]:
    (found,) = [one for one in re.findall(r"<polyline [^>]*>", svg) if ("dasharray" in one) == broken]
    return [tuple(map(float, pair.split(","))) for pair in re.search(r'points="([^"]*)"', found)[1].split()]


def test_a_line_is_drawn_to_scale_and_the_year_before_is_broken_not_only_of_another_colour():
    now, before = [10.0, 0.0, 40.0, 25.0], [20.0, 20.0, 5.0, 0.0]
    svg = brief.trend(list("abcd"), now, before, ("now", "before"), str, "alt")
    ((_, y0), (_, y40)) = points(svg, False)[1:3]
    for values, broken in ((now, False), (before, True)):
        drawn = points(svg, broken)
        assert [y for _, y in drawn] == pytest.approx([y0 + (y40 - y0) * value / 40 for value in values], abs=0.11)
        assert len({round(b[0] - a[0], 1) for a, b in pairwise(drawn)}) == 1
    assert len(re.findall("<polyline", brief.trend(["a"], [1.0], [], ("now", "before"), str, "alt"))) == 1


def test_bars_are_drawn_to_scale_from_the_same_zero_also_below_it():
    svg = brief.bars(list("abc"), [10.0, -5.0, 2.5], [], ("now", "before"), str, "alt")
    found = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="8"', svg)
    (a, wide_a), (b, wide_b), (c, wide_c) = [(float(x), float(width)) for x, width in found]
    assert a == c == pytest.approx(b + wide_b, abs=0.11)
    assert [wide_b / wide_a, wide_c / wide_a] == pytest.approx([0.5, 0.25], abs=0.002)


# ---- The figures


def months_back(build: Build, until: pd.Timestamp, first: int, last: int) -> str:
    """SQL that is true of the months from so many to so many before one."""
    since, to = (until - pd.DateOffset(months=back) for back in (first, last))
    return f"month between date '{since:%Y-%m-%d}' and date '{to:%Y-%m-%d}'"


def sums(warehouse: Path, key: str, when: str) -> dict[str, Decimal | float | int]:
    """By hand from the order lines: revenue, margin, rates and customers."""
    ((revenue, cost, returns, customers),) = on_screen.asked(
        warehouse,
        "select coalesce(sum(revenue), 0), coalesce(sum(cost), 0), "
        "coalesce(-sum(revenue) filter (line_type = 'return'), 0), count(distinct customer_id) filter (line_type = 'sale') "
        f"from feed_lines where partner_id = '{key}' and {when}",
    )
    gross = revenue - cost
    return {
        "revenue": revenue, "gross_margin": gross, "customers": customers,
        "margin_rate": gross / revenue if revenue > 0 else None,
        "return_rate": returns / (revenue + returns) if revenue + returns else None,
    }  # fmt: skip


UNITS = {"revenue": Unit.MONEY, "gross_margin": Unit.MONEY, "margin_rate": Unit.SHARE, "return_rate": Unit.SHARE,
         "customers": Unit.COUNT}  # fmt: skip
ROWS = {"Revenue": "revenue", "Gross margin": "gross_margin", "Gross margin rate": "margin_rate",
        "Return rate": "return_rate", "Active customers": "customers"}  # fmt: skip


@pytest.mark.parametrize("nth", [0, 10, -1])
def test_the_scorecard_is_what_the_order_lines_say(build, warehouse, keys, nth):
    until = pd.Timestamp(build.manifest["last_complete_month"])
    now = sums(warehouse, keys[nth], months_back(build, until, 11, 0))
    before = sums(warehouse, keys[nth], months_back(build, until, 23, 12))
    (head, *rows), *_ = page(build, keys[nth]).tables
    assert head == ["Measure", "12 months", "Year before", "Change", "Target", "Peers, middle half"]
    found = {row[0]: row for row in rows}
    for label, name in ROWS.items():
        written = [words.figure(one[name], UNITS[name], "EUR") for one in (now, before)]
        assert found[label][1:3] == written
        assert found[label][3] == (words.change(now[name], before[name], UNITS[name]) or "–")
    growth = now["revenue"] / before["revenue"] - 1 if before["revenue"] > 0 else None
    assert ("Growth on the year before" in found) == (growth is not None)
    if growth is not None:
        assert found["Growth on the year before"][1] == words.figure(growth, Unit.SHARE)


@pytest.mark.parametrize("nth", [0, 10, -1])
def test_the_quarter_is_the_last_complete_one_beside_the_one_before_and_a_year_before(build, warehouse, keys, nth):
    last = pd.Timestamp(build.manifest["last_complete_month"])
    until = last if last.month % 3 == 0 else last - pd.DateOffset(months=last.month % 3)
    found = page(build, keys[nth]).text
    quarter = f"Q{until.quarter} {until.year}"
    assert f"{quarter} ({until - pd.DateOffset(months=2):%b} to {until:%b %Y}), the last complete quarter" in found
    now = sums(warehouse, keys[nth], months_back(build, until, 2, 0))
    for when, first, to in ((until - pd.DateOffset(months=3), 5, 3), (until - pd.DateOffset(months=12), 14, 12)):
        before = sums(warehouse, keys[nth], months_back(build, until, first, to))
        for name in ("revenue", "gross_margin", "return_rate", "customers"):
            changed, was = (
                words.change(now[name], before[name], UNITS[name]), words.figure(before[name], UNITS[name], "EUR", short=True)
            )  # fmt: skip
            called = f"Q{when.quarter} {when.year}"
            assert flat(f"{changed} on {called} ({was})" if changed else f"{called}: {was}") in found


def test_months_and_categories_are_said_as_the_order_lines_have_them(build, warehouse, keys):
    until = pd.Timestamp(build.manifest["last_complete_month"])
    when = f"from feed_lines where partner_id = '{keys[0]}' and {months_back(build, until, 11, 0)}"
    monthly, categories = (one["aria-label"] for one in page(build, keys[0]).of("svg"))
    rows = on_screen.asked(warehouse, f"select month, sum(revenue) {when} group by month order by month")
    assert len(rows) == 12
    said = "; ".join(f"{month:%b %y} {words.money(value, 'EUR', short=True)}" for month, value in rows)
    assert monthly.startswith(f"Revenue by month. {said}. A year before: ")
    rows = on_screen.asked(warehouse, f"select category, sum(revenue) {when} group by 1 order by 2 desc, 1")
    assert len(rows) > 7
    rows = [*rows[:6], (f"{len(rows) - 6} more", sum(value for _, value in rows[6:]))]
    assert categories == "Revenue by category. " + "; ".join(
        f"{name} {words.money(v, 'EUR', short=True)}" for name, v in rows
    )


def buyers(warehouse: Path, until: pd.Timestamp) -> dict[str, dict[str, Decimal]]:
    """Who bought through each partner in the last year, and for how much in all."""
    when = f"month between date '{until - pd.DateOffset(months=11):%Y-%m-%d}' and date '{until:%Y-%m-%d}'"
    found: dict[str, dict[str, Decimal]] = {}
    for partner, customer, revenue, sold in on_screen.asked(
        warehouse,
        "select partner_id, customer_id, sum(revenue), bool_or(line_type = 'sale') from feed_lines "
        f"where {when} and customer_id is not null and partner_id <> '(unknown)' group by 1, 2",
    ):
        if sold:
            found.setdefault(partner, {})[customer] = revenue
    return found


def test_shared_customers_and_those_of_nobody_else_are_counted_one_by_one(build, warehouse, keys):
    bought, key = buyers(warehouse, pd.Timestamp(build.manifest["last_complete_month"])), keys[0]
    names = dict(on_screen.asked(warehouse, "select partner_id, partner_name from partner_profile"))
    mine = bought[key]
    both = {one: len(mine.keys() & theirs.keys()) for one, theirs in bought.items() if one != key}
    _, (head, *rows) = page(build, key).tables
    assert head == ["Also bought from", "Customers", "Share", "Lift"] and len(rows) == 5
    assert [int(row[1].replace(",", "")) for row in rows] == sorted(both.values(), reverse=True)[:5]
    everybody = {customer for one in bought.values() for customer in one}
    for name, number, share, lift in rows:
        (other,) = [one for one in both if names[one] == name and both[one] == int(number)]
        assert share == words.share(both[other] / len(mine))
        assert lift == words.ratio(both[other] * len(everybody) / len(mine) / len(bought[other]))
    own = [one for one in mine if sum(one in theirs for theirs in bought.values()) == 1]
    brought = sum((mine[one] for one in own), Decimal(0))
    assert len(own) >= 10
    said = f"{len(own)} of {len(mine)} customers bought from no other partner; they brought "
    assert flat(said + words.money(brought, "EUR", short=True)) in page(build, key).text


def test_of_few_customers_no_sum_is_said(build, warehouse):
    few = "select partner_id from partner_year where own_customers between 1 and 9 and partner_id <> '(unknown)' order by 1"
    key = on_screen.asked(warehouse, few)[0][0]
    found = page(build, key).text
    assert "bought from no other partner." in found and "they brought" not in found


def test_readers_of_groups_are_told_no_number_of_few_customers(build, warehouse):
    sql = "select partner_id, own_customers from partner_year where own_customers {} and partner_id <> '(unknown)' order by 1"
    few, own = on_screen.asked(warehouse, sql.format("between 1 and 9"))[0]
    found = page(build, few, Held(EXECUTIVE))
    assert "Fewer than 10 of" in found.text and "Customers with no other partner" not in [
        row[0] for row in found.tables[0]
    ]
    assert f"{own} of" in page(build, few).text
    many, own = on_screen.asked(warehouse, sql.format(">= 10"))[0]
    assert f"{own} of" in page(build, many, Held(EXECUTIVE)).text
    least = [min(int(row[1]) for row in one.tables[1][1:]) for key in (few, many)
             if len((one := page(build, key, Held(EXECUTIVE))).tables) > 1]  # fmt: skip
    assert all(number >= 10 for number in least)


def test_a_partner_without_sales_in_the_year_has_a_page_that_says_so(build, warehouse, tmp_path, keys):
    key = keys[-1]
    on_screen.changed(
        warehouse, tmp_path, f"delete from feed_lines where partner_id = '{key}'",
        f"delete from partner_month where partner_id = '{key}'", f"delete from partner_year where partner_id = '{key}'",
        f"delete from partner_overlap where partner_id = '{key}'", f"delete from learned_partner_place where partner_id = '{key}'",
    )  # fmt: skip
    found = page(Warehouse(tmp_path).current(), key)
    assert found.text.count("Nothing was sold in these months.") == 2 and "it has no place" in found.text


def test_the_place_is_that_of_the_revenue_of_the_year_and_the_share_that_of_those_ahead(build, warehouse, keys):
    until = pd.Timestamp(build.manifest["last_complete_month"])
    rows = on_screen.asked(
        warehouse, "select partner_id, sum(revenue) from feed_lines where partner_id <> '(unknown)' and "
        f"{months_back(build, until, 11, 0)} group by 1 having sum(revenue) > 0 order by 2 desc",
    )  # fmt: skip
    total = sum(value for _, value in rows)
    for place in (0, 5, len(rows) - 1):
        found = page(build, rows[place][0]).text
        assert (
            flat(f"Place {place + 1} of {len(rows)} by revenue, {words.share(rows[place][1] / total)} of all.") in found
        )
        ahead = float(sum(value for _, value in rows[:place]) / total)
        assert flat(f"Those ahead hold {words.share(ahead)} (90 % interval") in found
        assert ("not among the vital few" in found) == (place == len(rows) - 1)
    assert "firmly among the vital few" in page(build, rows[0][0]).text


def test_targets_count_a_twelfth_a_month_and_bands_are_those_of_the_type(build, warehouse, tmp_path, keys):
    until, key = date.fromisoformat(build.manifest["last_complete_month"]), keys[0]
    years = {until.year: 12_000, until.year - 1: 24_000}
    on_screen.changed(
        warehouse, tmp_path, "drop view partner_target",
        "create table partner_target (partner_id varchar, metric varchar, period varchar, value decimal(18, 4))",
        *(f"insert into partner_target values ('{key}', 'revenue', '{year}', {value})" for year, value in years.items()),
        f"insert into partner_target values ('{key}', 'revenue', '{until:%Y-%m}', 5000)",
    )  # fmt: skip
    changed = Warehouse(tmp_path).current()
    own = sum(
        years[year] // 12 for year, month in ((until.year - (month > until.month), month) for month in range(1, 13))
    )
    own += 5_000 - 1_000
    rows = {row[0]: row for row in page(changed, key).tables[0]}
    assert rows["Revenue"][4].endswith(f"% of €{own:,}.00")
    kind = on_screen.asked(warehouse, f"select partner_type from partner_profile where partner_id = '{key}'")[0][0]
    bands = on_screen.asked(warehouse, f"select measure, low, high from peer_band where partner_type = '{kind}'")
    of = kind if bands else "(all)"
    bands = {name: (low, high) for name, low, high in
             on_screen.asked(warehouse, f"select measure, low, high from peer_band where partner_type = '{of}'")}  # fmt: skip
    low, high = (words.share(one) for one in bands["growth"])
    assert rows["Growth on the year before"][5] == f"{low} to {high}"
    assert ("of type" if bands and of == kind else "of every type") in page(changed, key).text


def test_without_what_goods_cost_no_margin_is_on_the_page(build, keys, monkeypatch):
    monkeypatch.setitem(build.manifest, "known", [one for one in build.manifest["known"] if one != "lines.cost"])
    found = page(build, keys[0])
    assert [row[0] for row in found.tables[0]] == ["Measure", "Revenue", "Growth on the year before", "Return rate",
                                                   "Active customers", "Customers with no other partner"]  # fmt: skip
    assert "margin" not in found.text.lower()


def test_the_page_says_who_made_it_when_of_which_build_and_what_its_words_mean(build, keys):
    found = page(build, keys[0]).text
    assert "Made by Ann Example, 23 Nov 2026, 10:15 (Europe/Berlin)" in found
    assert f"Build {build.id}, made " in found and "data to " in found and build.manifest["notice"] in found
    for name in (
        "Revenue: What was sold",
        "Gross margin: Revenue less goods",
        "Return rate: Returned",
        "Lift: above 1",
    ):
        assert name in found


def test_the_same_page_of_the_same_build_is_the_same_to_the_last_byte(build, keys):
    first, again = (review(build, keys[3]).html(build) for _ in range(2))
    assert first == again


# ---- Hostile names


@pytest.fixture(scope="module")
def hostile_build(warehouse: Path, tmp_path_factory, keys) -> Build:
    """Every name that comes onto the page is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    texts = ", ".join("'" + text.replace("'", "''").replace("\0", "") + "'" for text in HOSTILE)
    pick = f"(list_value({texts}))[1 + (row_number() over (order by KEY))::int % {len(HOSTILE)}]"
    on_screen.changed(
        warehouse, folder,
        f"create or replace table names as select partner_id, {pick.replace('KEY', 'partner_id')} as name from partner_profile order by partner_id",
        "update partner_profile set partner_name = names.name, tier = names.name, region = names.name, "
        "contact_level = names.name from names where names.partner_id = partner_profile.partner_id",
        f"create or replace table kinds as select category, {pick.replace('KEY', 'category')} || category as name from "
        "(select distinct category from feed_lines where category is not null order by 1)",
        "update feed_lines set category = kinds.name from kinds where kinds.category = feed_lines.category",
    )  # fmt: skip
    return Warehouse(folder).current()


def test_hostile_names_of_partners_and_categories_stay_texts(hostile_build, build, keys):
    for key in keys[:12]:
        found = page(hostile_build, key)
        assert "script" not in {tag for tag, _ in found.tags} and found.faults == []
        assert [tag for tag, _ in found.tags] == [tag for tag, _ in page(build, key).tags]
    seen = " ".join(page(hostile_build, key).text for key in keys[:12])
    assert "</title><script>win" in seen and "[U+202E]gnp.exe" in seen


def test_a_hostile_name_of_the_reader_or_key_of_a_file_changes_nothing(build, keys):
    one = Review(review(build, keys[0]).view, HOSTILE[1], AT, keys[0])
    assert Page(one.html(build)).faults == []
    made = export.make(build, export.Wanted(one, 'quarterly review "\r\n../x', "html"))
    with made.file:
        assert re.fullmatch(r"rapport_quarterly_review_x_\d{8}T\d{6}Z_[0-9a-f]{12}\.html", made.name)


# ---- Who gets one


@pytest.fixture
def door(journal: Journal, monkeypatch) -> Door:
    clock = Clock()
    monkeypatch.setattr(export_tickets.tickets(), "clock", clock)
    monkeypatch.setattr(export_tickets.tickets(), "open", {})
    monkeypatch.setattr(store, "journal", lambda: journal)
    return Door(journal, clock)


def wanted(build: Build, key: str, *held: Held) -> export.Wanted:
    return export.Wanted(review(build, key, *held), f"quarterly review {key}", "html")


def caring(build: Build, keys: list[str]) -> tuple[Held, list[str]]:
    """A manager who looks after several partners with sales, and those."""
    for one in sorted(set(build.manifest["filters"]["manager_id"]) - {"(unknown)"}):
        own = [key for key in keys if key in build.partners_of(one)]
        if len(own) > 1:
            return Held(MANAGER, one), own
    raise AssertionError("no manager looks after two partners")


def test_a_page_is_fetched_once_by_its_session_only_and_is_on_record_with_its_checksum(door, build, keys):
    ann, bob = door.sign_in("Ann", Held(AUDITOR)), door.sign_in("Bob", Held(AUDITOR))
    token, number = export.prepare(door.journal, ann, build, wanted(build, keys[0]))
    assert number == 1 and door.on_record() == []
    answers = [door.fetch(token, who) for who in (bob, None, ann, ann)]
    assert [one.status_code for one in answers] == [404, 404, 200, 404]
    answer, digest = answers[2], hashlib.sha256(answers[2].content).hexdigest()
    name = f"rapport_quarterly_review_{keys[0].lower()}_{build.manifest['stamp']}_{digest[:12]}.html"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
    rules = {one.strip() for one in answer.headers["content-security-policy"].split(";")}
    assert rules == {
        "default-src 'none'",
        "sandbox",
        "frame-ancestors 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
    }
    assert answer.text == review(build, keys[0]).html(build)
    (row,) = audit.entries(door.journal, action="export")
    assert (row.actor, row.session, row.target, row.build) == (ann.person, ann.session, name, build.id)
    assert json.loads(row.detail) == {
        "name": f"quarterly_review_{keys[0].lower()}", "format": "html", "rows": 1, "sha256": digest,
        "question": f"quarterly review of partner {keys[0]}",
    }  # fmt: skip
    assert audit.verify(door.journal).ok


def test_a_table_is_held_in_a_stricter_policy_than_a_page(door, build):
    from data.question import EVERYTHING, Question

    ann = door.sign_in("Ann", Held(AUDITOR))
    asked = export.Wanted(Question(("revenue",), view=View(EVERYTHING)), "revenue")
    answer = door.fetch(export.prepare(door.journal, ann, build, asked)[0], ann)
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox; frame-ancestors 'none'"


def test_a_partner_outside_of_the_own_ones_gives_nothing_and_that_is_on_record(door, build, keys):
    held, own = caring(build, keys)
    mona = door.sign_in("Mona", held)
    foreign = next(key for key in keys if key not in own)
    for key in (foreign, "(unknown)", "no such key", ""):
        with pytest.raises(Forbidden, match="no such partner among those you may see"):
            export.prepare(door.journal, mona, build, wanted(build, key, held))
    assert export_tickets.tickets().open == {} and door.on_record() == [] and len(door.on_record("denied")) == 4
    for one in (wanted(build, foreign, held), wanted(build, foreign), wanted(build, own[0])):
        token = export_tickets.tickets().make(mona.session, build, one)  # as if nobody had looked at the click
        answer = door.fetch(token, mona)
        assert answer.status_code == 403 and "content-disposition" not in answer.headers
    assert door.on_record() == [] and len(door.on_record("denied")) == 7
    token, _ = export.prepare(door.journal, mona, build, wanted(build, own[0], held))
    assert door.fetch(token, mona).status_code == 200


def test_a_managers_page_names_no_partner_of_others_and_has_no_place_among_them(build, warehouse, keys):
    held, own = caring(build, keys)
    profiles = on_screen.asked(warehouse, "select partner_id, partner_name from partner_profile")
    mine = {name for key, name in profiles if key in build.partners_of(held.subject)}
    for key in own:
        found = page(build, key, held).text
        assert [name for one, name in profiles if one not in own and name not in mine and name in found] == []
        assert "Place among" not in found and "vital few" not in found
        assert "Only partners in your care are named." in found
        whole = page(build, key).tables[0]
        assert page(build, key, held).tables[0] == whole


def test_who_sees_groups_has_the_page_and_a_partner_itself_has_not(door, build, keys):
    eve = door.sign_in("Eve", Held(EXECUTIVE))
    token, _ = export.prepare(door.journal, eve, build, wanted(build, keys[0], Held(EXECUTIVE)))
    assert door.fetch(token, eve).status_code == 200
    held = Held(PARTNER_ROLE, keys[0])
    pia = door.sign_in("Pia", held)
    assert not wanted(build, keys[0], held).may(pia)
    with pytest.raises(Forbidden, match="right to “export”"):
        export.prepare(door.journal, pia, build, wanted(build, keys[0], held))


def test_a_page_counts_for_the_day_like_a_table(door, build, keys):
    ann = door.sign_in("Ann", Held(AUDITOR))
    for _ in range(export.EXPORTS_A_DAY - 1):
        door.journal.record(ann, "export", "earlier", rows=1)
    token, _ = export.prepare(door.journal, ann, build, wanted(build, keys[0]))
    assert door.fetch(token, ann).status_code == 200
    with pytest.raises(Forbidden, match="50 exports"):
        export.prepare(door.journal, ann, build, wanted(build, keys[0]))


def button(role: str, key: str) -> AppTest:
    """A page that offers the review and nothing else."""
    app = AppTest.from_string(
        f"from components import access, ask, partner_brief\naccess.begin(); ask.pin(); partner_brief.offer({key!r})",
        default_timeout=30,
    )
    colleagues.enter(app, role)
    return app.run()


def test_the_button_leads_to_a_link_for_who_may_and_is_not_there_for_others(monkeypatch, warehouse, build, keys):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    monkeypatch.setattr(export_tickets.tickets(), "open", {})
    app = button("auditor", keys[0])
    assert [one.label for one in app.button] == ["Quarterly review"] and not app.get("link_button")
    assert export_tickets.tickets().open == {}
    app.button[0].click().run()
    assert not app.exception
    (link,) = app.get("link_button")
    (token,) = export_tickets.tickets().open
    assert link.proto.url == f"/export/{token}" and "to print" in link.proto.label
    for role in (f"partner {keys[0]}", "admin"):
        assert not button(role, keys[0]).button
    held, own = caring(build, keys)
    app = button(f"manager {held.subject}", next(key for key in keys if key not in own))
    app.button[0].click().run()
    assert not app.get("link_button") and "no such partner" in app.markdown[0].value


# ---- On paper


def pages_of(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


@pytest.fixture(scope="module")
def sheet(chromium) -> Iterator:
    """A tab that runs scripts and may ask for anything: what the file itself allows is tested."""
    tab = chromium.new_page()
    yield tab
    tab.close()


CUT = """([wide, high]) => [...document.querySelectorAll('body *')].flatMap(one => {
    const box = one.getBoundingClientRect(), at = one.closest('svg')?.getBoundingClientRect()
    const out = box.left < -0.5 || box.right > wide + 0.5 || box.bottom > high + 0.5 || one.scrollWidth > one.clientWidth + 1
        && one.clientWidth > 0
    const off = at && (box.left < at.left - 0.5 || box.right > at.right + 0.5 || box.top < at.top - 0.5
        || box.bottom > at.bottom + 0.5)
    return out || off ? [`${one.tagName} ${one.textContent.slice(0, 40)}`] : []
})"""


@pytest.mark.browser
@pytest.mark.parametrize("paper", PAPER)
def test_a_review_is_one_sheet_with_nothing_cut_off_also_with_the_longest_names(
    sheet, build, hostile_build, keys, paper
):
    wide, high = ((side - margin) / 25.4 * 96 for side, margin in zip(PAPER[paper], (24, 22)))
    sheet.emulate_media(media="print")
    sheet.set_viewport_size({"width": round(wide), "height": round(high)})
    held, own = caring(build, keys)
    pages = [(build, keys[0], ()), (build, keys[-1], ()), (build, own[0], (held,))]
    pages += [(hostile_build, key, ()) for key in keys[:10]]
    for one, key, who in pages:
        sheet.set_content(review(one, key, *who).html(one))
        assert sheet.evaluate(CUT, [wide, high]) == []
        assert pages_of(sheet.pdf(format=paper)) == 1


@pytest.mark.browser
def test_what_does_not_fit_goes_on_a_second_sheet_and_no_part_is_divided(sheet):
    rows = [[f"row {number}", "1"] for number in range(12)]
    long = brief.page("Long", [], [brief.section(f"Part {n}", brief.table(["a", "b"], rows)) for n in range(6)], [])
    sheet.set_content(long)
    assert [pages_of(sheet.pdf(format=paper)) for paper in PAPER] == [2, 2]


@pytest.mark.browser
def test_hostile_names_run_nothing_and_fetch_nothing_in_a_browser(sheet, hostile_build, keys, tmp_path):
    asked = []
    sheet.on("request", lambda request: asked.append(request.url))
    for key in keys[:10]:
        (tmp_path / "page.html").write_text(review(hostile_build, key).html(hostile_build), encoding="utf-8")
        sheet.goto((tmp_path / "page.html").as_uri())
        assert sheet.evaluate("window.hit") is None
    assert len(asked) == 10 and all(url.startswith("file:") for url in asked)


@pytest.mark.browser
def test_a_review_has_no_fault_of_accessibility_and_none_of_its_marks_needs_colour(sheet, build, keys):
    from tests import browser

    sheet.emulate_media(media="screen")
    sheet.set_viewport_size({"width": 820, "height": 1160})
    sheet.set_content(review(build, keys[0]).html(build).replace('http-equiv="Content-Security-Policy"', 'name="x"'))
    assert browser.accessibility_faults(sheet, frozenset()) == []
    assert brief.NOW < brief.BEFORE  # darker, too; the year before is broken or empty


@pytest.mark.browser
def test_a_person_takes_a_review_along_by_clicking(app_address, chromium, build, keys):
    from tests import browser

    with browser.visit(chromium, f"{app_address}/partner?partner={keys[0]}") as visit:
        tab, files = visit.page, []
        tab.on("download", lambda file: files.append(file))
        tab.context.on("page", lambda other: other.on("download", lambda file: files.append(file)))
        tab.get_by_role("button", name="Quarterly review").click()
        link = tab.get_by_role("link", name="Download")
        link.wait_for()
        browser.settled(tab)
        assert browser.accessibility_faults(tab) == []
        link.click()
        for _ in range(100):
            tab.wait_for_timeout(100)
            if files:
                break
        content = Path(files[0].path()).read_bytes()
        assert files[0].suggested_filename.endswith(f"_{hashlib.sha256(content).hexdigest()[:12]}.html")
        found = Page(content.decode())
        assert found.faults == [] and f"Build {build.id}" in found.text and f"Partner {keys[0]}" in found.text
        assert tab.request.get(f"{app_address}{link.get_attribute('href')}").status == 404
        assert visit.errors == [] and visit.exceptions() == []
