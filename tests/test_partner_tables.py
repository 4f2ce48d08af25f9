"""Partners in a build: who sold what in the year, with whom customers are shared, who merged, and how surely they lead."""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.question import EVERYTHING, Listing, Question, Refused
from data.tables import LISTINGS
from data.view import Scope, View
from data.warehouse import served
from tests.conftest import run_data

OF_PARTNERS = [name for name, table in LISTINGS.items() if "partner_id" in table.dims and not table.of_whole]
OF_WHOLE = [name for name, table in LISTINGS.items() if table.of_whole]


@pytest.fixture(scope="module")
def build(warehouse: Path):
    return served(warehouse).current()


def listing(build, name: str, **only: str) -> pd.DataFrame:
    view = View(EVERYTHING)
    for column, value in only.items():
        view = view.only(column, value)
    return build.answer(Listing(name, view, limit=1_000_000))


# The simulated company: every figure again, in pandas


def test_the_year_of_each_partner_is_that_of_its_lines(build, lines):
    last = pd.Period(build.manifest["last_complete_month"], "M")
    year = lines[(lines["month"] > last - 12) & (lines["month"] <= last)]
    before = lines[(lines["month"] > last - 24) & (lines["month"] <= last - 12)]
    found = listing(build, "partner_year").set_index("partner_id")
    sums = year.assign(partner_id=year["partner_id"].fillna("(unknown)")).groupby("partner_id")
    assert len(found) >= 60
    for column, expected in (
        ("revenue", sums["cents"].sum() / 100),
        ("gross_margin", (sums["cents"].sum() - sums["cost_cents"].sum()) / 100),
    ):
        assert found[column].to_numpy() == pytest.approx(
            expected.reindex(found.index, fill_value=0).to_numpy(), abs=1e-6
        )
    earlier = before.groupby("partner_id")["cents"].sum().div(100).reindex(found.index, fill_value=0)
    known = found.index != "(unknown)"
    assert found["revenue_before"][known].to_numpy() == pytest.approx(earlier[known].to_numpy(), abs=1e-6)
    buyers = year[(year["line_type"] == "sale") & year["customer_id"].notna()].dropna(subset="partner_id")
    assert found["customers"][known].to_dict() == (
        buyers.groupby("partner_id")["customer_id"].nunique().reindex(found.index[known], fill_value=0).to_dict()
    )


def test_own_customers_buy_from_nobody_else_and_shared_ones_are_counted_for_both(build, lines):
    last = pd.Period(build.manifest["last_complete_month"], "M")
    year = lines[(lines["month"] > last - 12) & (lines["month"] <= last) & lines["customer_id"].notna()]
    bought = year[year["line_type"] == "sale"].dropna(subset="partner_id")
    partners_of = bought.groupby("customer_id")["partner_id"].agg(set)
    loyal = partners_of[partners_of.map(len) == 1].map(lambda one: next(iter(one)))
    found = listing(build, "partner_year").set_index("partner_id")
    known = found[found.index != "(unknown)"]
    assert known["own_customers"].to_dict() == loyal.value_counts().reindex(known.index, fill_value=0).to_dict()
    through = year.dropna(subset="partner_id")
    own = through[through["customer_id"].map(loyal) == through["partner_id"]]
    expected = own.groupby("partner_id")["cents"].sum().div(100).reindex(known.index, fill_value=0)
    assert known["own_revenue"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)

    shared: dict[tuple[str, str], int] = defaultdict(int)
    for some in partners_of:
        for one in some:
            for other in some - {one}:
                shared[one, other] += 1
    pairs = listing(build, "partner_overlap")
    assert len(pairs) > 500
    assert all(shared[row.partner_id, row.other_id] == row.shared for row in pairs.itertuples())
    size = partners_of.explode().value_counts()
    lift = pairs["shared"] * len(partners_of) / (pairs["partner_id"].map(size) * pairs["other_id"].map(size))
    assert pairs["lift"].to_numpy() == pytest.approx(lift.to_numpy(), rel=1e-9)


def test_each_customer_was_brought_by_one_partner_that_of_the_first_purchase(build, lines):
    sold = lines[(lines["line_type"] == "sale") & lines["customer_id"].notna()].copy()
    sold["partner_id"] = sold["partner_id"].fillna("(unknown)")
    first = sold[sold["ordered_at"] == sold.groupby("customer_id")["ordered_at"].transform("min")]
    sums = first.groupby(["customer_id", "partner_id"])["cents"].sum().reset_index()
    sums = sums.sort_values(["customer_id", "cents", "partner_id"], ascending=[True, False, True])
    brought = sums.drop_duplicates("customer_id").set_index("customer_id")["partner_id"]
    found = listing(build, "partner_profile").set_index("partner_id")
    assert found["customers_brought"].sum() == len(brought) == sold["customer_id"].nunique()
    assert found["customers_brought"].to_dict() == brought.value_counts().reindex(found.index, fill_value=0).to_dict()
    scores = build.answer(Question(("potential_value",), ("customer_id",), View(EVERYTHING)))
    worth = scores.groupby(scores["customer_id"].map(brought))["potential_value"].sum()
    some = found[found["customers_brought"] > 0].index
    assert found.loc[some, "brought_potential"].astype(float).to_numpy() == pytest.approx(
        worth[some].to_numpy(), abs=0.01
    )


def test_every_figure_of_partners_ties_out_to_the_ledger(build):
    ledger = build.answer(Question(("revenue", "gross_margin", "returns"), ("partner_id",), View(EVERYTHING)))
    partner = listing(build, "partner").set_index("partner_id")
    by_key = ledger.set_index("partner_id")
    for column, of_ledger in (("revenue", "revenue"), ("margin", "gross_margin"), ("returns", "returns")):
        assert partner[column].astype(float).to_dict() == pytest.approx(
            by_key[of_ledger].astype(float).to_dict(), abs=1e-6
        )


def test_places_are_those_of_the_ledger_and_the_few_are_called_firm_only_where_the_interval_says_so(build):
    since, until = (date.fromisoformat(day) for day in ("2025-10-01", build.manifest["last_complete_month"]))
    rows = build.answer(Question(("revenue",), ("partner_id",), View(EVERYTHING, (), since, until)))
    rows = rows[rows["partner_id"] != "(unknown)"].set_index("partner_id")["revenue"].astype(float)
    places = listing(build, "learned_partner_place", span="12m").set_index("partner_id")
    sold = rows[rows > 0]
    ahead = {key: sold[sold > value + 1e-9].sum() / sold.sum() for key, value in sold.items()}
    assert places.loc[sold.index, "revenue_ahead"].to_dict() == pytest.approx(ahead, abs=1e-9)
    assert (places["revenue_ahead_low"] <= places["revenue_ahead_high"]).all()
    partner = listing(build, "partner").dropna(subset="membership").set_index("partner_id")
    whole = listing(build, "learned_partner_place", span="all").set_index("partner_id").loc[partner.index]
    firm, out = whole["revenue_ahead_high"] < 0.8, whole["revenue_ahead_low"] >= 0.8
    assert partner["membership"].tolist() == np.where(firm, "firm", np.where(out, "out", "uncertain")).tolist()
    assert {"firm", "out"} <= set(partner["membership"])


def test_bands_are_quartiles_of_more_than_ten_partners_rounded_to_two_digits(build):
    year = listing(build, "partner_year")
    sold = year[(year["revenue"].astype(float) > 0) & (year["partner_id"] != "(unknown)")]
    bands = listing(build, "peer_band").set_index(["partner_type", "measure"])
    kinds = sold["partner_type"].value_counts()
    assert set(bands.index.get_level_values(0)) == {"(all)", *kinds[kinds > 10].index}
    for kind in bands.index.get_level_values(0).unique():
        own = sold if kind == "(all)" else sold[sold["partner_type"] == kind]
        row = bands.loc[(kind, "revenue")]
        assert row["members"] == len(own)
        exact = np.quantile(own["revenue"].astype(float), [0.25, 0.5, 0.75])
        assert [row["low"], row["middle"], row["high"]] == [float(f"{value:.2g}") for value in exact]


# Who may see what


@pytest.mark.parametrize("name", OF_PARTNERS)
def test_who_sees_some_partners_sees_no_row_that_names_another(build, name):
    own = ("P0001", "P0014")
    scope = Scope(members=(("manager_id", ("M01",)), ("partner_id", own)))
    rows = build.answer(Listing(name, View(scope), limit=1_000_000))
    whole = listing(build, name)
    named = whole["partner_id"].isin(own)
    if "other_id" in whole:
        named &= whole["other_id"].isin(own)
    assert len(rows) == named.sum() and set(rows["partner_id"]) <= set(own)
    assert build.answer(Listing(name, View(Scope(members=(("manager_id", ("M01",)),))))).empty
    assert build.answer(Listing(name, View(Scope()))).empty


@pytest.mark.parametrize("name", OF_WHOLE)
def test_places_in_the_whole_company_are_for_readers_of_everything(build, name):
    for scope in (Scope(), Scope(members=(("partner_id", ("P0001",)),)), Scope(members=(("manager_id", ("M01",)),))):
        assert build.answer(Listing(name, View(scope))).empty
    stored = build.engine.ask(f"select count(*) as rows from {name}", [])["rows"].iloc[0]
    assert len(build.answer(Listing(name, View(EVERYTHING)))) == min(stored, Listing(name).limit)
    assert stored or name == "learned_forecast"  # too few customers here for any promise to be graded


def test_readers_of_groups_see_no_place_of_a_single_customer(build):
    assert build.answer(Listing("learned_customer_place", View(Scope(everything=True, attributes=())))).empty


def test_a_listing_of_partners_refuses_filters_of_customers(build):
    with pytest.raises(Refused, match="partner_year has no segment: it can be narrowed by partners only"):
        build.answer(Listing("partner_year", View(EVERYTHING).only("segment", "home")))


# Companies written by hand


def built(folder: Path, lines: list[tuple], partners: list[tuple] = (), head: str = "partner_id,partner_name") -> Path:
    """A warehouse of these lines (order, day, revenue, customer, partner) and partners."""
    feeds = folder / "feeds"
    feeds.mkdir()
    with open(feeds / "lines.csv", "w", newline="") as file:
        csv.writer(file).writerows([("order_id", "ordered_at", "revenue", "customer_id", "partner_id"), *lines])
    if partners:
        with open(feeds / "partners.csv", "w", newline="") as file:
            csv.writer(file).writerows([head.split(","), *partners])
    done = run_data("build", feeds, "--warehouse", folder / "warehouse")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "warehouse"


def test_lines_of_a_merged_partner_count_under_the_key_it_goes_on_as(tmp_path):
    lines = [(f"L{i}", f"2025-0{1 + i % 8}-05", 10 + i, f"C{i % 5}", f"P{i % 4}") for i in range(40)]
    partners = [("P0", "Old Mill", "P1"), ("P1", "Mill", "P2"), ("P2", "Mill & Co", ""), ("P3", "Forge", "")]
    where = built(tmp_path, lines, partners, "partner_id,partner_name,merged_into")
    build = served(where).current()
    expected = defaultdict(int)
    for _, _, revenue, _, partner in lines:
        expected[{"P0": "P2", "P1": "P2"}.get(partner, partner)] += revenue
    found = listing(build, "partner").set_index("partner_id")
    assert found["revenue"].astype(int).to_dict() == dict(expected)
    assert found.loc["P2", "partner_name"] == "Mill & Co"
    merged = listing(build, "partner_merged").set_index("partner_id")
    assert merged["goes_on_as"].to_dict() == {"P0": "P2", "P1": "P2"}
    assert merged["partner_name"].to_dict() == {"P0": "Old Mill", "P1": "Mill"}
    assert set(listing(build, "partner_profile")["partner_id"]) == {"P2", "P3"}


def test_partners_that_merge_in_a_circle_are_left_out_with_the_reason_and_lose_no_money(tmp_path):
    lines = [(f"L{i}", "2025-03-05", 10, f"C{i}", f"P{i % 4}") for i in range(8)]
    partners = [("P0", "A", "P1"), ("P1", "B", "P0"), ("P2", "C", "P2"), ("P3", "D", "")]
    build = served(built(tmp_path, lines, partners, "partner_id,partner_name,merged_into")).current()
    (row,) = listing(build, "quarantine").itertuples()
    assert (row.feed, row.rows) == ("partners", 3) and "leads back to the partner itself" in row.reason
    found = listing(build, "partner").set_index("partner_id")
    assert found["revenue"].astype(int).to_dict() == {f"P{i}": 20 for i in range(4)}
    assert found["partner_name"].to_dict() == {"P0": "P0", "P1": "P1", "P2": "P2", "P3": "D"}


def test_sales_without_partner_are_a_bucket_that_has_no_rank_and_no_share(tmp_path):
    lines = [
        ("L1", "2025-03-05", 900, "C1", ""),
        ("L2", "2025-03-06", 60, "C1", "P1"),
        ("L3", "2025-03-07", 40, "C2", "P2"),
    ]
    lines.append(("L4", "2025-03-08", -5, "C2", "P3"))
    build = served(built(tmp_path, lines)).current()
    found = listing(build, "partner").set_index("partner_id")
    unknown = found.loc["(unknown)"]
    assert unknown["revenue"] == 900 and not unknown["vital_few"]
    assert pd.isna(unknown["revenue_rank"]) and pd.isna(unknown["revenue_share"]) and pd.isna(unknown["membership"])
    assert found.loc[["P1", "P2"], "revenue_share"].tolist() == [0.6, 0.4]
    assert found.loc["P3", ["revenue_rank", "vital_few"]].tolist() == [3, False] and pd.isna(
        found.loc["P3", "revenue_share"]
    )


def test_the_year_is_twelve_complete_months_and_knows_no_year_before_that_the_data_lacks(tmp_path):
    con = duckdb.connect()
    months = con.sql(
        "select strftime(range, '%Y-%m-05') from range(date '2023-12-01', date '2025-11-01', interval 1 month)"
    )
    days = [row[0] for row in months.fetchall()]
    assert len(days) == 23
    lines = [(f"L{i}", day, 100, f"C{i}", "P1") for i, day in enumerate(days)] + [("LX", "2025-11-02", 7, "C1", "P1")]
    build = served(built(tmp_path, lines)).current()
    assert build.manifest["last_complete_month"] == "2025-10-01"
    (row,) = listing(build, "partner_year").itertuples()
    assert (row.revenue, row.orders, row.customers) == (1200, 12, 12)
    assert pd.isna(row.revenue_before) and pd.isna(row.customers_before)
