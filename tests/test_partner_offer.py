"""Learning what to offer to partners: planted assortments that go on, chance, and companies that are too small."""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.learners import partner_offer
from data.learners.known import Known
from data.learners.partner_offer import POPULAR, SIMILAR, better, learn, rate
from data.model_card import IN_USE, NOT_ENOUGH, UNPROVEN

KNOWN = Known(1.0, date(2026, 6, 30), 90, False, frozenset())
YEAR, BEFORE = (date(2025, 7, 1), date(2026, 6, 1)), (date(2024, 7, 1), date(2025, 6, 1))


def store(lines: pd.DataFrame, year=YEAR, before=BEFORE, types: dict[str, str] | None = None):
    """feed_lines (partner_id, category, month, revenue, line_type), feed_partners and complete_year."""
    con = duckdb.connect()
    con.register("lines", lines)
    con.execute(
        "create table feed_lines as select partner_id::varchar as partner_id, category::varchar as category, "
        "month::date as month, line_type::varchar as line_type, revenue::decimal(18, 4) as revenue from lines"
    )
    con.execute("create table feed_partners (partner_id varchar, partner_type varchar)")
    con.executemany("insert into feed_partners values (?, ?)", list((types or {"nobody": "dealer"}).items()))
    con.execute(
        "create table complete_year as select $1::date as since, $2::date as until, $3::date as before_since, "
        "$4::date as before_until",
        [*year, *(before or (None, None))],
    )
    return con


def sales(sold: np.ndarray, month: date, seed: int) -> pd.DataFrame:
    """A line for each partner and category with a flag in `sold`."""
    row, column = np.nonzero(sold)
    amount = np.random.default_rng(seed).lognormal(5, 0.5, len(row)).round(2)
    return pd.DataFrame(
        {"partner_id": [f"P{i:03}" for i in row], "category": [f"c{j:02}" for j in column]}
        | {"month": month, "revenue": amount, "line_type": "sale"}
    )


def two_kinds(seed: int, starts: float) -> pd.DataFrame:
    """Even and odd partners with assortments of their own; in the last year `starts` of what they lacked is begun."""
    rng, partners = np.random.default_rng(seed), 160
    own = (np.arange(partners)[:, None] % 2) == (np.arange(16) >= 8)
    first = rng.random(own.shape) < np.where(own, 0.6, 0.03)
    first[:, 0] |= first.sum(axis=1) == 0
    later = first | (own & (rng.random(own.shape) < starts))
    return pd.concat([sales(first, date(2024, 9, 1), seed + 1), sales(later, date(2025, 9, 1), seed + 2)])


def stored_types(frame: pd.DataFrame) -> dict[str, str]:
    """Column -> type that DuckDB stores it with."""
    con = duckdb.connect()
    con.register("frame", frame)
    return {name: kind for name, kind, *_ in con.execute("describe select * from frame").fetchall()}


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return two_kinds(1, 0.5)


def test_offers_that_went_on_to_sell_are_proven(lines):
    learnt = learn(store(lines), KNOWN)
    frame, card = learnt.frame, learnt.cards[0]
    assert list(frame.columns) == list(partner_offer.COLUMNS)
    assert len(frame) and frame["proven"].all() and card.state == IN_USE
    partner, category = frame["partner_id"].str[1:].astype(int), frame["category"].str[1:].astype(int)
    assert (partner % 2 == (category >= 8)).mean() > 0.95
    assert frame.groupby("partner_id")["place"].max().max() <= 5
    shares = {row["candidate"]: row["value"] for row in card.backtest if row["measure"] == "sold later, all offers"}
    # half of what the own kind sells was begun; of the most widely sold that they lack nearly half is of the other kind
    assert shares[SIMILAR] == pytest.approx(0.5, abs=0.08) and shares[POPULAR] < 0.35


def test_hits_of_offers_and_of_baselines_are_those_counted_one_by_one(lines):
    con = store(lines)
    old, new = partner_offer.assortment(con, *BEFORE), partner_offer.assortment(con, *YEAR)
    test = partner_offer.backtest(old, new, BEFORE[1], 12)
    made = partner_offer.offered(old, 1)
    began = set(zip(*lines.loc[lines["month"] > date(2025, 7, 1), ["partner_id", "category"]].values.T, strict=True))
    had = lines[lines["month"] < date(2025, 7, 1)]
    sold_by = had.groupby("category")["partner_id"].nunique()
    ranked = sorted(sold_by.index, key=lambda name: (-sold_by[name], name))
    for name, last in partner_offer.PLACES.items():
        hits = popular = random = 0.0
        for partner, part in made[made["place"] <= last].groupby("partner_id"):
            own = set(had.loc[had["partner_id"] == partner, "category"])
            lacking = [category for category in ranked if category not in own]
            hits += sum((partner, category) in began for category in part["category"])
            popular += sum((partner, category) in began for category in lacking[: len(part)])
            random += len(part) * np.mean([(partner, category) in began for category in lacking])
        found = test.of[name].sum()
        assert (found[SIMILAR], found[POPULAR]) == (hits, popular)
        assert found[partner_offer.RANDOM] == pytest.approx(random)


def test_offers_of_which_nothing_came_are_unproven(lines):
    learnt = learn(store(two_kinds(1, 0.0)), KNOWN)
    assert len(learnt.frame) and not learnt.frame["proven"].any()
    assert learnt.cards[0].state == UNPROVEN
    check = learnt.cards[0].check[0]
    assert check["passed"] is False and "0.0% were sold in the 12 months after" in check["words"]


def test_without_a_year_before_the_halves_of_the_year_are_compared(lines):
    halves = lines.assign(
        month=lines["month"].map({date(2024, 9, 1): date(2025, 7, 1), date(2025, 9, 1): date(2026, 2, 1)})
    )
    card = learn(store(halves, before=None), KNOWN).cards[0]
    assert card.state == IN_USE
    assert {row["cut_off"] for row in card.backtest} == {date(2025, 12, 1)}
    assert "6 months after" in card.check[0]["words"]


def test_one_month_cannot_be_tested_and_counts_for_a_year(lines):
    month = (date(2025, 9, 1), date(2025, 9, 1))
    learnt, year = learn(store(lines, month, None), KNOWN), learn(store(lines, before=None), KNOWN)
    assert learnt.cards[0].state == NOT_ENOUGH and not learnt.frame["proven"].any() and len(learnt.frame)
    np.testing.assert_allclose(learnt.frame["earns"].astype(float), 12 * year.frame["earns"].astype(float), rtol=1e-6)


def test_money_is_stored_as_money_and_again_the_same(lines):
    con = store(lines)
    first, again = learn(con, KNOWN), learn(store(lines.sample(frac=1, random_state=1)), KNOWN)
    pd.testing.assert_frame_equal(first.frame, again.frame)
    assert first.cards == again.cards
    types = stored_types(first.frame)
    assert [types[name] for name in ("earns_low", "earns", "earns_high")] == ["DECIMAL(18,4)"] * 3
    assert (types["partner_id"], types["similar"], types["proven"]) == ("VARCHAR", "VARCHAR", "BOOLEAN")
    assert {types[name] for name in ("place", "support", "support_of")} == {"INTEGER"}
    assert set("|".join(first.frame["similar"]).split("|")) <= set(lines["partner_id"])


def test_small_companies_get_no_offers_and_a_card_that_says_so(lines):
    few = lines[lines["partner_id"] < "P009"]
    narrow = lines[lines["category"] < "c02"]
    whole = stored_types(learn(store(lines), KNOWN).frame)
    for part in (few, narrow, lines.head(0)):
        learnt = learn(store(part), KNOWN)
        assert learnt.frame.empty and list(learnt.frame.columns) == list(partner_offer.COLUMNS)
        assert learnt.cards[0].state == NOT_ENOUGH and "it takes 10 and 3" in learnt.cards[0].why
        assert stored_types(learnt.frame) == whole


def test_only_sales_and_returns_of_known_partners_and_categories_are_compared(lines):
    odd = lines.head(6).copy()
    odd[["partner_id", "category", "line_type", "revenue"]] = [
        ["(unknown)", "c01", "sale", 5.0],
        ["P001", "(unknown)", "sale", 5.0],
        ["P001", "shipping", "fee", 5.0],
        ["LOSS", "c01", "return", -5.0],
        ["P001", "back", "return", -5.0],
        ["P001", "back", "sale", 5.0],
    ]
    con = store(pd.concat([odd.assign(month=date(2025, 9, 1)), lines]), types={"P001": "dealer"})
    found = partner_offer.assortment(con, *YEAR)
    assert "(unknown)" not in found.partners and "LOSS" not in found.partners
    assert "shipping" not in found.categories and "(unknown)" not in found.categories
    row, back = list(found.partners).index("P001"), list(found.categories).index("back")
    assert found.present[row, back] and found.revenue[row, back] == 0
    assert found.kind[row] >= 0 and (np.delete(found.kind, row) == -1).all()


def test_a_partners_offers_count_as_one_cluster():
    value, low, high = rate(np.array([2.0, 0.0]), np.array([2.0, 2.0]))
    # residuals of 1 and −1 over 4 offers
    assert value == 0.5 and (high - low) / 2 == pytest.approx(1.6449 * np.sqrt(2) / 4)
    assert better(None) is None
