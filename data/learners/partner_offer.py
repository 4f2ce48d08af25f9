"""learned_partner_offer: categories that a partner lacks and similar partners sell, with the evidence for each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from data.learners.known import BETWEEN, Known, Learnt
from data.model_card import IN_USE, NOT_ENOUGH, UNPROVEN, Card

LEAST_PARTNERS, LEAST_CATEGORIES = 10, 3
LEAST_OFFERS, LEAST_TESTED = 30, 10  # offers, and partners with any, from which a backtest decides
ALL = "all offers"
PLACES = {ALL: 5, "top 3": 3}
TESTED = 20_000  # partners in the backtest, evenly spaced
Z = 1.6449  # 90 %
MONEY = pd.ArrowDtype(pa.decimal128(18, 4))  # what DuckDB takes for decimal(18, 4)
SIMILAR, POPULAR, RANDOM = "sold by similar partners", "most widely sold", "at random"
COLUMNS = (
    "partner_id", "category", "place", "support_of", "support", "support_low", "support_high", "base", "lift",
    "earns_low", "earns", "earns_high", "similar", "proven",
)  # fmt: skip


@dataclass(frozen=True)
class Assortment:
    """What partners sold: partners and categories in the order of their keys, kind the code of the type (−1 unknown).

    revenue: (partners, categories), currency; present: whether anything was sold or came back.
    """

    partners: np.ndarray
    categories: np.ndarray
    kind: np.ndarray
    revenue: np.ndarray
    present: np.ndarray

    def part(self, rows: np.ndarray) -> Assortment:
        """Of these rows only."""
        return Assortment(self.partners[rows], self.categories, self.kind[rows], self.revenue[rows], self.present[rows])


@dataclass(frozen=True)
class Backtest:
    """What came of the offers of an earlier time. until: its last month. months: after it, in which sales count.

    of: ALL or TOP -> a row for each partner with offers: offers, how many of them were sold later, how many of as many
    by each baseline, and the revenue that came of them (currency). came: one row an offer that was sold later, with its
    expected and its real revenue a year.
    """

    until: date
    months: int
    of: dict[str, pd.DataFrame]
    came: pd.DataFrame


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """At most five offers for each partner with revenue in the last complete months, and the card 'partner_offers'."""
    spans = con.execute("select since, until, before_since, before_until from complete_year").fetchall()
    since, until, before_since, before_until = spans[0]
    year = assortment(con, since, until)
    test = None
    half = shifted(since, months(since, until) // 2)
    if before_since is not None:
        test = backtest(assortment(con, before_since, before_until), year, before_until, months(since, until))
    elif half > since:
        earlier, later = assortment(con, since, shifted(half, -1)), assortment(con, half, until)
        test = backtest(earlier, later, shifted(half, -1), months(half, until), months(since, half) - 1)
    frame = offered(year, 12 / months(since, until))
    proven = better(test)
    frame["proven"] = np.full(len(frame), proven is True)
    return Learnt(frame[list(COLUMNS)], (card(known, year, frame, test, proven),))


def assortment(con: duckdb.DuckDBPyConnection, since: date, until: date) -> Assortment:
    """What partners with revenue above 0 sold from one month to another."""
    sql = (BETWEEN / "partner_category.sql").read_text(encoding="utf-8")
    cells = con.sql(sql, params={"since": since, "until": until}).to_arrow_table()
    row, partners = coded(cells["partner_id"])
    column, categories = coded(cells["category"])
    type_code, types = coded(cells["partner_type"])
    amount = cells["revenue"].to_numpy()
    kind = np.full(len(partners), -1)
    kind[row] = np.where(types[type_code] == "(unknown)", -1, type_code)
    revenue = np.zeros((len(partners), len(categories)), np.float32)
    present = np.zeros(revenue.shape, bool)
    revenue[row, column], present[row, column] = amount, True
    rows = np.flatnonzero(np.bincount(row, amount, len(partners)) > 0)
    found = Assortment(partners, categories, kind, revenue, present)
    return found if len(rows) == len(partners) else found.part(rows)


def coded(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of the texts, (rows,), and the different texts in their order; pandas would take ten times the memory."""
    found = column.combine_chunks().dictionary_encode()
    names = np.array(found.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    return rank[found.indices.to_numpy()], names[order]


def enough(sold: Assortment) -> bool:
    """Whether there are partners and categories enough to compare."""
    return len(sold.partners) >= LEAST_PARTNERS and len(sold.categories) >= LEAST_CATEGORIES


def offered(sold: Assortment, a_year: float) -> pd.DataFrame:
    """The offers with keys and money a year. a_year: how often the period goes into a year."""
    from models.association import offers

    none = Assortment(sold.partners[:0], sold.categories, sold.kind[:0], sold.revenue[:0], sold.present[:0])
    used = sold if enough(sold) else none
    frame = offers(used.revenue, used.present, used.kind)
    frame["partner_id"] = used.partners[frame["partner"].to_numpy(int)]
    frame["category"] = used.categories[frame["category"].to_numpy(int)]
    frame["similar"] = ["|".join(used.partners[row]) for row in frame["similar"]]
    for name in ("earns_low", "earns", "earns_high"):
        frame[name] = (frame[name].astype(float) * a_year).round(4).astype(MONEY)
    # an empty table has the same types
    whole, real = ("place", "support_of", "support"), ("support_low", "support_high", "base", "lift")
    text = ("partner_id", "category", "similar")
    types = dict.fromkeys(whole, "int32") | dict.fromkeys(real, "float64") | dict.fromkeys(text, "str")
    return frame.astype(types)


def backtest(
    earlier: Assortment, later: Assortment, until: date, length: int, before: int | None = None
) -> Backtest | None:
    """Offers of the earlier `before` months, and what was sold in the `length` months after; None without any."""
    from models.association import most_sold, offers

    every = len(earlier.partners)
    old = earlier.part(np.unique(np.linspace(0, every - 1, min(every, TESTED)).astype(int)))
    found = offers(old.revenue, old.present, old.kind) if enough(old) else pd.DataFrame()
    if found.empty:
        return None
    sold, lacks, base = aligned(old, later), ~old.present, (old.revenue > 0).mean(axis=0)
    partner, category = found["partner"].to_numpy(), found["category"].to_numpy()
    tested, of = np.unique(partner), {}
    usual = (lacks & (sold > 0)).sum(axis=1) / np.maximum(lacks.sum(axis=1), 1)
    for name, last in PLACES.items():
        flags = np.zeros(lacks.shape, bool)
        flags[partner[found["place"] <= last], category[found["place"] <= last]] = True
        many = flags.sum(axis=1)
        rows = pd.DataFrame({"offers": many, RANDOM: many * usual})
        for candidate, picked in ((SIMILAR, flags), (POPULAR, most_sold(lacks, base, many))):
            rows[candidate] = (picked & (sold > 0)).sum(axis=1)
            rows[f"revenue {candidate}"] = np.where(picked, sold, 0).sum(axis=1, dtype=float)
        of[name] = rows.iloc[tested]
    found["came"] = sold[partner, category] * 12.0 / length
    for name in ("earns_low", "earns", "earns_high"):
        found[name] *= 12 / (before or length)
    return Backtest(until, length, of, found[found["came"] > 0])


def aligned(old: Assortment, later: Assortment) -> np.ndarray:
    """Later revenue in the rows and columns of the earlier months, 0 where there was none."""
    sold = np.zeros(old.revenue.shape, np.float32)
    row, column = (
        pd.Index(later.partners).get_indexer(old.partners),
        pd.Index(later.categories).get_indexer(old.categories),
    )
    sold[np.ix_(row >= 0, column >= 0)] = later.revenue[np.ix_(row[row >= 0], column[column >= 0])]
    return sold


def rate(hits: np.ndarray, of: np.ndarray) -> tuple[float, float, float]:
    """Hits by offers with its 90 % interval; a partner's offers are one cluster (ratio estimator, Cochran 1977)."""
    value = hits.sum() / of.sum()
    half = Z * np.sqrt(((hits - value * of) ** 2).sum()) / of.sum()
    return float(value), float(value - half), float(value + half)


def better(test: Backtest | None) -> bool | None:
    """Whether more of the offers were sold later than of the most widely sold categories; None with too few to tell."""
    rows = test.of[ALL] if test else pd.DataFrame({"offers": []})
    if rows["offers"].sum() < LEAST_OFFERS or len(rows) < LEAST_TESTED:
        return None
    return rate(rows[SIMILAR] - rows[POPULAR], rows["offers"])[1] > 0


def shifted(month: date, by: int) -> date:
    """The first day of the month `by` months later."""
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def months(since: date, until: date) -> int:
    """Months from one to the other, both counted."""
    return (until.year - since.year) * 12 + until.month - since.month + 1


def card(known: Known, year: Assortment, frame: pd.DataFrame, test: Backtest | None, proven: bool | None) -> Card:
    """How the offers are made, and what came of those of an earlier time."""
    made = Card(
        "partner_offers",
        "Partner offers",
        "Which categories that a partner lacks do similar partners sell?",
        "Up to 30 partners whose categories overlap most (Jaccard), of the same type where it has ten others; "
        "offered is what more of them sell than of all partners, beyond chance (Fisher's exact test, false discovery "
        "rate 10 %)",
        "1",
        *state(year, test, proven),
        known.cut,
        len(year.partners),
        "90 %, Wilson for support; quartiles of the similar partners that sell it for revenue",
    )
    made.value("partners with revenue", len(year.partners))
    made.value("categories", len(year.categories))
    made.value("partners with offers", frame["partner_id"].nunique())
    made.value("offers", len(frame))
    if len(frame):
        made.value("median support", float((frame["support"] / frame["support_of"]).median()))
        made.value("median lift", float(frame["lift"].median()))
    if test:
        describe(made, test, proven)
    made.checked(
        "effect of an offer",
        None,
        "Similar partners sell it; whether it would sell here is not tested. "
        "Only offering it to some and not to others can tell.",
    )
    return made


def state(year: Assortment, test: Backtest | None, proven: bool | None) -> tuple[str, str]:
    """State of the card, and why."""
    if not enough(year):
        return NOT_ENOUGH, (
            f"{len(year.partners)} partners with revenue and {len(year.categories)} categories in the last complete "
            f"months; it takes {LEAST_PARTNERS} and {LEAST_CATEGORIES}."
        )
    if proven is None:
        offers = int(test.of[ALL]["offers"].sum()) if test else 0
        return NOT_ENOUGH, f"Earlier months made {offers} offers, too few to test: what is offered now is unproven."
    if proven:
        return IN_USE, "Of earlier offers more were sold later than of the most widely sold categories."
    return UNPROVEN, "Of earlier offers not surely more were sold later than of the most widely sold categories."


def describe(made: Card, test: Backtest, proven: bool | None) -> None:
    """The backtest and its checks."""
    for name, rows in test.of.items():
        for candidate in (SIMILAR, POPULAR, RANDOM):
            value, low, high = rate(rows[candidate], rows["offers"])
            made.test(test.until, candidate, f"sold later, {name}", value, len(rows), max(low, 0.0), min(high, 1.0))
        for candidate in (SIMILAR, POPULAR):
            money = float(rows[f"revenue {candidate}"].sum() / rows["offers"].sum() * 12 / test.months)
            made.test(test.until, candidate, f"revenue a year and offer, {name}", money, len(rows))
    rows = test.of[ALL]
    share = rows.sum() / rows["offers"].sum()
    gain, low, high = rate(rows[SIMILAR] - rows[POPULAR], rows["offers"])
    made.checked(
        "better than the most widely sold",
        proven,
        f"{int(rows['offers'].sum()):,} offers to {len(rows):,} partners as of {test.until:%B %Y}: "
        f"{share[SIMILAR]:.1%} were sold in the {test.months} months after. Of as many of the most widely sold "
        f"categories that these partners lacked, {share[POPULAR]:.1%} were, at random {share[RANDOM]:.1%}. "
        f"Difference to the most widely sold {gain:+.1%} (90 %: {low:+.1%} to {high:+.1%}).",
    )
    came = test.came
    if len(came):
        ratio = float((came["came"] / came["earns"]).median())
        inside = float(came["came"].between(came["earns_low"], came["earns_high"]).mean())
        made.checked(
            "revenue as expected",
            0.5 <= ratio <= 2 if len(came) >= LEAST_TESTED else None,
            f"Of the {len(came):,} offers that were sold later, half brought less than {ratio:.2f} times what similar "
            f"partners earn with it; {inside:.0%} lay within their middle half. Sales that only begin bring less.",
        )
