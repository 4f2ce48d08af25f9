"""Customers whom partners share: counted once and once for each partner, who shares with whom, and what is at risk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import product

import pandas as pd
import streamlit as st

from components import access, ask, cards, charts, layout, months, offer, overlap_charts, tables, words
from components.passports import missing_of
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.question import Listing, Question, View
from data.view import SMALLEST_GROUP

FIRST, FEW = 20, 10  # partners in the matrix; partners, below which there are no percentages
FEWER = f"<{SMALLEST_GROUP}"
BANDS = (
    (0, "no known partner"),
    (1, "1 partner"),
    (2, "2 partners"),
    (3, "3 to 5 partners"),
    (6, "6 or more partners"),
)
LABELS = {
    "partner_name": "Name",
    "other_name": "Shares with",
    "own": "Customers with no other partner",
    "own_share": "Share of its customers",
    "own_revenue": "Revenue with nowhere else to go",
    "own_margin": "Margin with nowhere else to go",
    "shared": "Shared customers",
    "expected": "Expected by chance",
    "lift": "Lift",
    "interval": "90 % interval",
    "partners": "Buy from",
}
UNITS = {
    **dict.fromkeys(("own_revenue", "own_margin"), Unit.MONEY),
    "own_share": Unit.SHARE,
    "expected": Unit.COUNT,
    "lift": Unit.RATIO,
    "shared": Unit.COUNT,
}


# What is asked


def of_year(view: View) -> View:
    """All that the reader may see of the last twelve complete months."""
    return View(view.scope, (), *months.window("12m", ask.current().manifest))


def years(view: View) -> pd.DataFrame:
    """Partners with customers: customers, own_customers, own_revenue, own_margin, named; most revenue first."""
    return ask.worked_out(Listing("partner_year", View(view.scope), limit=1_000_000), with_customers)


def with_customers(rows: pd.DataFrame) -> pd.DataFrame:
    """Known partners from whom anybody bought, the one with most revenue first."""
    known = rows[(rows["partner_id"] != UNKNOWN) & (rows["customers"] > 0)]
    return known.sort_values(["revenue", "partner_id"], ascending=[False, True]).reset_index(drop=True)


def counts(view: View) -> pd.DataFrame | None:
    """Customers by the number of partners; None for those who see a part of the company."""
    return ask.ask(Listing("relation_count", View(view.scope))) if view.scope.everything else None


def different(view: View, keys: Sequence[str]) -> tuple[int, Question]:
    """How many different customers bought from these partners, each counted once."""
    question = Question(("customers",), view=view.only("partner_id", *keys))
    found = counts(view)
    if found is not None:
        return int(found.loc[found["partners"] > 0, "customers"].sum()), question
    return int(ask.ask(question)["customers"].iloc[0]), question


def named(rows: pd.DataFrame, *columns: str) -> dict[str, str]:
    """Partners' keys -> their names, for the keys in these columns; the key itself where a name is not known."""
    keys = tuple(dict.fromkeys(str(key) for column in columns for key in rows[column]))
    found = ask.ask(Listing("partner_profile", View(access.scope(ask.current())).only("partner_id", *keys)))
    return {key: key for key in keys} | dict(zip(found["partner_id"], found["partner_name"], strict=True))


# What is shown


def span(view: View) -> str:
    """'Oct 2025 to Sep 2026'."""
    since, until = view.since, view.until
    return words.months(since, until) if isinstance(since, date) and isinstance(until, date) else "the whole history"


def figures(view: View, rows: pd.DataFrame) -> None:
    """Customers counted once, and once for each partner."""
    number, question = different(view, list(rows["partner_id"]))
    each = int(rows["customers"].sum())
    found = counts(view)
    own = int(rows["own_customers"].sum() if found is None else found.loc[found["partners"] == 1, "customers"].sum())
    whose = "the partners" if view.scope.everything else "your partners"
    layout.quiet(f"{span(view)}. A customer is a partner's when at least one sale went through it.")
    with cards.row(3):
        cards.card("Different customers", words.count(number), f"each counted once, over {whose}", question)
        note = f"one customer of several partners counts several times: {words.ratio(each / number)} times on average"
        cards.card("Counted once for each partner", words.count(each), note)
        part = f", {words.share(own / number)} of them" if len(rows) >= FEW else ""
        cards.card("With one partner only", told(own), f"bought from no other partner{part}" if own >= 10 else "")


def told(number: object) -> str:
    """A number of customers; of fewer than ten only that they are fewer."""
    return FEWER if not words.known(number) or 0 < float(str(number)) < SMALLEST_GROUP else words.count(number)


def matrix(view: View, rows: pd.DataFrame) -> None:
    """Which share of the row partner's customers also buys from the column partner."""
    first = rows[:FIRST]
    keys = list(first["partner_id"])
    if len(keys) < 2:
        layout.quiet("There is one partner only here, so it shares customers with nobody you see.")
        return
    pairs = ask.ask(Listing("partner_overlap", View(view.scope).only("partner_id", *keys), limit=100_000))
    both = pairs[pairs["other_id"].isin(keys)]
    shared = {frozenset(pair): n for *pair, n in both[["partner_id", "other_id", "shared"]].itertuples(index=False)}
    customers = dict(zip(keys, first["customers"], strict=True))
    names, shares_shown = named(first, "partner_id"), len(rows) >= FEW
    absent = 0 if view.scope.everything else None  # of parts, only the pairs that share most are stored
    cells = []
    for a, b in product(keys, keys):
        number = shared.get(frozenset((a, b)), absent)
        cells.append(cell(names[a], names[b], a == b, number, customers[a], shares_shown))
    frame = pd.DataFrame(cells, columns=["row", "column", "value", "text", "said"])
    title = matrix_title(both, names, shares_shown)
    layout.finding(title)
    alt = f"Cells. {title}. The same numbers are in the table below."
    charts.draw(overlap_charts.heat(frame, [names[key] for key in keys]), alt=alt)
    unit = "Share of the row's customers, in %," if shares_shown else "Customers of the row"
    few = "" if shares_shown else f" Fewer than {FEW} partners: customers are counted, there are no shares."
    gone = "" if view.scope.everything else " – : not among the pairs that share most."
    layout.quiet(f"{unit} who also buy from the column. {FEWER}: fewer than ten customers, not told apart.{few}{gone}")
    with st.expander("The same as a table"):
        wide = frame.pivot(index="row", columns="column", values="text").reindex([names[key] for key in keys])
        wide = wide[[names[key] for key in keys]].reset_index().rename(columns={"row": "Customers of"})
        tables.table(wide, "Shared customers of the first partners", labels={n: n for n in wide.columns})


def cell(row: str, column: str, same: bool, number: object, customers: int, shares: bool) -> tuple:
    """One cell: its colour's value, its text, and what is said of it; fewer than ten customers are not told apart."""
    if same:
        return row, column, None, "", f"{words.count(customers)} customers"
    if number is None:
        return row, column, None, words.NOT_KNOWN, "not among the pairs that share most"
    text = told(number)
    if text == FEWER:
        return row, column, 0.0, FEWER, "fewer than ten customers"
    share = float(str(number)) / customers
    shown = f"{100 * share:.0f}" if shares else text
    part = f", {words.share(share)} of {words.count(customers)}" if shares else ""
    return row, column, share, shown, f"{text} shared customers{part}"


def matrix_title(both: pd.DataFrame, names: dict[str, str], shares: bool) -> str:
    """'30.3 % of the customers of A also buy from B: the most of any pair here'."""
    told_of = both[both["shared"] >= SMALLEST_GROUP]
    if not len(told_of):
        return f"No two of these partners share {words.count(SMALLEST_GROUP)} customers or more"
    most = told_of.sort_values(["share", "partner_id"], ascending=[False, True]).iloc[0]
    a, b = (words.safe_text(names[str(most[name])], 60) for name in ("partner_id", "other_id"))
    part = words.share(most["share"]) if shares else words.count(most["shared"])
    return f"{part} of the customers of {a} also buy from {b}: the most of any pair here"


def how_many(view: View) -> None:
    """From how many partners customers buy."""
    found = counts(view)
    if found is None:
        layout.quiet("From how many partners customers buy is worked out for the whole company; you see a part of it.")
        return
    bands = in_bands(found)
    known = bands[bands["least"] > 0]
    many, everybody = known.loc[known["least"] > 1, "customers"].sum(), known["customers"].sum()
    title = f"{words.share(many / everybody)} of customers with a partner buy from more than one"
    layout.finding(title)
    currency = ask.current().manifest["currency"]
    said = "; ".join(f"{name}: {words.count(n)}" for name, n in zip(bands["partners"], bands["customers"], strict=True))
    drawn = charts.bars(bands, "partners", METRICS["customers"], currency)
    charts.draw(drawn, alt=f"Bars of customers. {title}. {said}.")
    shown = bands[["partners", "customers", "revenue"]]
    tables.table(shown, "Customers by the number of partners", currency, LABELS)
    layout.quiet("Revenue is that with known partners. Groups of fewer than ten customers are put to their neighbours.")


def in_bands(found: pd.DataFrame) -> pd.DataFrame:
    """Customers and revenue by bands of partners (least, partners, customers, revenue), each of ten or more."""
    starts = pd.Series([max(at for at, _ in BANDS if at <= k) for k in found["partners"]], found.index, dtype=int)
    sums = found.groupby(starts)[["customers", "revenue"]].sum().sort_index()
    groups: list[list] = []
    for least, row in sums.iterrows():
        if groups and (groups[-1][2] < SMALLEST_GROUP or row["customers"] < SMALLEST_GROUP):
            groups[-1][1:] = [least, groups[-1][2] + row["customers"], groups[-1][3] + row["revenue"]]
        else:
            groups.append([least, least, row["customers"], row["revenue"]])
    called = dict(BANDS)
    texts = [called[a] if a == b else f"{called[a]} to {called[b]}" for a, b, *_ in groups]
    frame = pd.DataFrame(groups, columns=["least", "last", "customers", "revenue"])
    return frame.assign(partners=texts)


def at_risk(view: View, rows: pd.DataFrame) -> None:
    """What customers with no other partner brought: the partners with most of it."""
    currency = ask.current().manifest["currency"]
    with_cost = not missing_of(("lines.cost",))
    by = "own_margin" if with_cost else "own_revenue"
    ranked = rows.assign(key=pd.to_numeric(rows[by])).sort_values(["key", "partner_id"], ascending=[False, True])
    enough = ranked[ranked["own_customers"] >= SMALLEST_GROUP][:FIRST]
    if not len(enough):
        layout.finding("No partner has ten customers or more who buy from no other one")
        return
    names = named(enough, "partner_id")
    enough = enough.assign(partner_name=[names[key] for key in enough["partner_id"]])
    top = enough.iloc[0]
    what = "margin" if with_cost else "revenue"
    title = (
        f"Most has nowhere else to go at {words.safe_text(top['partner_name'], 60)}: {what} of "
        f"{words.money(top[by], currency, short=True)} of {words.count(top['own_customers'])} customers "
        "with no other partner"
    )
    layout.finding(title)
    metric = METRICS["gross_margin" if with_cost else "revenue"]
    bars = enough.rename(columns={by: metric.name} | ({metric.name: "_all"}))[["partner_name", metric.name]]
    charts.draw(charts.bars(bars, "partner_name", metric, currency), alt=f"Bars of {what}. {title}.")
    layout.quiet(
        "Not a forecast. Customers with no other partner may stay with you directly, so at most this leaves with them; "
        "shared customers may leave as well, so at least this has no other partner to go to. Partners with fewer than "
        "ten such customers are left out."
    )
    shown = enough.assign(own=enough["own_customers"].map(words.count))
    columns = ["partner_id", "partner_name", "own", "own_revenue"] + (["own_margin"] if with_cost else [])
    if len(rows) >= FEW:
        shown["own_share"] = shown["own_customers"] / shown["customers"]
        columns.insert(3, "own_share")
    offer.partners(
        shown[columns], "Partners by what has nowhere else to go", "risk_partner", "partner_id", LABELS, UNITS
    )


def beyond_chance(view: View) -> None:
    """Pairs of the first twenty that share more customers than by chance."""
    pairs = ask.ask(Listing("learned_overlap", View(view.scope)))
    tested = pairs[pairs["shared"] >= SMALLEST_GROUP]
    if not len(tested):
        layout.quiet("Too few of the first 20 partners share ten customers or more to tell sharing from chance.")
        return
    found = tested[tested["beyond"].astype(bool)].sort_values(["lift_low", "partner_id"], ascending=[False, True])
    number = f"{words.count(len(found)) if len(found) else 'None'} of {words.counted(len(tested), 'pair')}"
    layout.finding(f"{number} {'shares' if len(found) < 2 else 'share'} more customers than chance would bring")
    layout.quiet(
        "Pairs of the first 20 partners with ten shared customers or more. Chance is asked of customers with as many "
        "partners each, because who buys from many is shared by many. Of the pairs found, one in ten at most is "
        "expected to be chance. Sharing more does not say why."
    )
    if not len(found):
        return
    names = named(found, "partner_id", "other_id")
    ends = zip(found["lift_low"], found["lift_high"], strict=True)
    shown = found.assign(
        partner_name=[names[key] for key in found["partner_id"]],
        other_name=[names[key] for key in found["other_id"]],
        interval=[f"{words.ratio(low)} to {words.ratio(high)}" for low, high in ends],
    )
    columns = ["partner_id", "partner_name", "other_name", "shared", "expected", "lift", "interval"]
    offer.partners(shown[columns], "Pairs beyond chance", "beyond_partner", "partner_id", LABELS, UNITS)
