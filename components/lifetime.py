"""Lifetime value: what customers brought and what they are expected to bring, in quadrants and one by one."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from components import (
    access,
    ask,
    cards,
    charts,
    evidence,
    exports,
    filters,
    holdouts,
    layout,
    offer,
    opened,
    score_charts,
    tables,
    words,
)
from components.address import filter_values
from data.catalog import METRICS, Unit
from data.question import Question, View
from data.rights import CUSTOMERS

SIZE = 25
HORIZONS = {"1 year": "potential_1y", "3 years": "potential_3y", "no end": "potential_value"}
QUADRANTS = {  # what each one is, and what follows from it
    "protect": "brought much and promise much: keep them",
    "grow": "brought little yet and promise much: win more of their business",
    "maintain": "promise little: serve them cheaply",
    "de-market": "expected to cost more than they bring: stop spending on them",
}
TOP = "1"  # the fifth of the company's customers with the highest potential
FACTS = ("potential_low", "potential_high", "p_no_purchase", "best_channel", "next_from", "next_to", "quadrant")
WHY = ("differs_1", "differs_2", "differs_3")
LABELS = {
    "place": "Place",
    "interval": "No end, 90 % interval",
    "window": "Next order usual",
    "why": "Differs from its segment",
    "meaning": "What they are",
    "scored": "Customers",
    "share_of_customers": "Share of customers",
    "share": "Share of potential",
}
UNITS = {"place": Unit.COUNT, "share_of_customers": Unit.SHARE, "share": Unit.SHARE}


# What is asked


def current_metric() -> str:
    """What customers brought, as far as this build knows: after contacts, before them, or revenue."""
    known = (name for name in ("net_contribution", "margin") if not layout.missing_of(METRICS[name].needs))
    return next(known, "revenue")


def horizon() -> str:
    """The metric of the horizon that was chosen."""
    chosen = filters.choice("horizon", tuple(HORIZONS), "no end", "Potential value within", width=200)
    return HORIZONS[chosen]


def split(view: View) -> str:
    """By what the reader may split: the quadrants, else risk; empty when by neither."""
    return next((name for name in ("quadrant", "risk_band") if access.may_split(ask.current(), name)), "")


def total(metric: str, view: View) -> pd.Series:
    """Sums of the view; potential_value is not known where nobody's spend is."""
    return ask.ask(
        Question((*dict.fromkeys((metric, "potential_value")), "expected_margin_12m", "scored"), view=view)
    ).iloc[0]


def by_group(metric: str, name: str, view: View) -> tuple[pd.DataFrame, Question]:
    """Customers, potential and what was brought of every group that is scored, the highest potential first."""
    asked = Question((metric, "scored"), (name,), view)
    found, past = ask.ask(asked), ask.ask(Question((current_metric(),), (name,), view))
    found = found.merge(past, on=name, how="left")
    found = found[found["scored"] > 0]
    sums = found[["scored", metric]].apply(pd.to_numeric).fillna(0.0).astype(float)
    found["share_of_customers"] = sums["scored"] / (sums["scored"].sum() or 1)
    found["share"] = sums[metric] / sums[metric].sum() if sums[metric].sum() > 0 else float("nan")
    return found, asked


def people(metric: str, view: View) -> Question:
    """Single customers by potential value. Only those with one, who are in one of the four quadrants."""
    metrics = dict.fromkeys((metric, "potential_value", "expected_margin_12m", current_metric()))
    return Question(tuple(metrics), ("customer_id",), view.only("quadrant", *QUADRANTS), (*FACTS, *WHY), metric)


# What is shown


def figures(metric: str, view: View) -> None:
    """The four key figures of the page."""
    found, currency = total(metric, view), ask.current().manifest["currency"]
    top, past = top_fifth(metric, view), ask.ask(Question((current_metric(),), view=view))[current_metric()].iloc[0]
    scored = f"of {words.counted(found['scored'], 'customer')} who bought"

    def money(value: object) -> str:
        return words.figure(value, Unit.MONEY, currency, short=True)

    with cards.row(4):
        cards.card(
            METRICS[metric].label,
            money(found[metric]),
            f"{scored}. {holdouts.total_error('value')}",
            Question((metric,), view=view),
        )
        cards.card(
            METRICS["expected_margin_12m"].label,
            money(found["expected_margin_12m"]),
            "before the cost of contacts, not discounted",
            Question(("expected_margin_12m",), view=view),
        )
        note = "is held by the fifth of the company's customers with the highest potential"
        if top is None:
            note = "not shown to readers of groups"
        cards.card("Share of potential at the top", words.figure(top, Unit.SHARE), note)
        cards.card(
            f"{METRICS[current_metric()].label} so far",
            money(past),
            f"what was brought, also by guests; {money(found[metric])} is still expected",
            Question((current_metric(),), view=view),
        )


def top_fifth(metric: str, view: View) -> float | None:
    """Share of the view's potential that customers of the company's top fifth hold; None where nobody may say."""
    if not access.may_split(ask.current(), "potential_fifth"):
        return None
    found = ask.ask(Question((metric,), ("potential_fifth",), view))
    sums = pd.to_numeric(found[metric]).fillna(0.0).astype(float)
    return float(sums[found["potential_fifth"] == TOP].sum() / sums.sum()) if sums.sum() > 0 else None


def quadrants(metric: str, view: View) -> None:
    """Current against potential value: the groups with counts and money, and the customers behind them."""
    name = split(view)
    if not name:
        layout.quiet("Groups by value would single out too few customers, so readers of groups see the sums above.")
        return
    found, asked = by_group(metric, name, view)
    order = [one for one in (QUADRANTS if name == "quadrant" else ("low", "medium", "high")) if one in set(found[name])]
    title = group_title(found, name, order)
    layout.finding(title, asked, found)
    if name == "quadrant" and access.may(CUSTOMERS):
        scatter(metric, view)
    else:
        past = current_metric()
        parts = {"scored": "customers", past: METRICS[past].label, metric: METRICS[metric].label}
        charts.draw(score_charts.shares(found, name, parts, order), alt=f"Bars of shares. {title}.")
    shown = found.set_index(name).reindex(order).reset_index()
    columns = [name, "scored", "share_of_customers", current_metric(), metric, "share"]
    if name == "quadrant":
        shown["meaning"] = [QUADRANTS[one] for one in shown[name]]
        columns.append("meaning")
    tables.table(
        shown[columns], "Groups with customers and money", ask.current().manifest["currency"], LABELS, UNITS, (name,)
    )
    if name == "quadrant":
        narrowing(order)
        layout.quiet(
            "Bounds: potential value without end above the company's middle customer, or above nothing at all; value "
            "so far above the middle customer's. Advice, not a verdict: what a contact changes is not part of it."
        )
    else:
        layout.quiet("Quadrants of value would single out too few customers, so readers of groups see bands of risk.")


def scatter(metric: str, view: View) -> None:
    """Every customer of the view, or a sample of them that is the same each time."""
    past = current_metric()
    number, most = ask.count(people(metric, view)), charts.MOST_MARKS
    rows = ask.ask(
        Question(
            (past, metric), ("customer_id",), view.only("quadrant", *QUADRANTS), ("quadrant",), limit=most, sampled=True
        )
    )
    titles = (f"{METRICS[past].label} so far", METRICS[metric].label)
    figure = score_charts.quadrants(rows, past, metric, titles, ask.current().manifest["currency"])
    shown = f"A mark for each of {words.counted(number, 'customer')}"
    if number > most:
        shown = f"{words.count(most)} of {words.counted(number, 'customer')}, drawn by a digest of their keys"
    charts.draw(figure, alt=f"{shown}: {titles[0]} across, {titles[1]} up. The table below holds the sums.")
    layout.quiet(f"{shown}. Both axes go by powers of ten from the middle on, because few customers hold most.")


def narrowing(order: list[str]) -> None:
    """A button for each quadrant that narrows the whole page, its address and the list to it."""
    offered = filter_values(ask.current()).get("quadrant", [])
    if len(offered) < 2:
        return
    with st.container(horizontal=True, gap="small"):
        for name in order:
            st.button(
                f"Only {name}",
                key=f"_only_{name}",
                icon=":material/filter_alt:",
                on_click=filters.narrow,
                args=("quadrant", name),
                disabled=opened.locked("quadrant"),
            )


def proven() -> None:
    """How such forecasts did: against baselines, week by week, and by who the best customers turned out to be."""
    holdouts.against("value", ("log score", "root mean square error", "total error", "spend of the top 20%"))
    weekly = holdouts.curve("value", "purchases by week", "tracking")
    capture = holdouts.curve("value", "capture")
    if not len(weekly) or not len(capture):
        layout.quiet("What came week by week, and how well rankings held, is not known: no window has closed yet.")
        return
    with st.grid(2, min_column_width=320, gap="medium"):
        with st.container(gap="xsmall"):
            title = "Expected after the cut-off, week by week, and what came"
            axes, units = ("weeks", "purchases, added up"), (Unit.COUNT, Unit.COUNT)
            holdouts.drawn(weekly, title, axes, units, "_weekly", "The band holds nine in ten such sums.")
        with st.container(gap="xsmall"):
            title = "Each ranking's share of later spend, from the best customers on"
            axes, units = ("share of customers", "share of what they then spent"), (Unit.SHARE, Unit.SHARE)
            holdouts.drawn(capture, title, axes, units, "_capture", "Hindsight is what nobody could have known.")


def listing(metric: str, view: View) -> None:
    """Customers by potential value, from whom one can be opened."""
    if not access.may(CUSTOMERS):
        layout.quiet("Single customers are shown to those who look after them.")
        return
    question = people(metric, view)
    number = ask.count(question)
    if not number:
        layout.quiet("No customer of this view has a potential value.")
        return
    above = st.container()
    page = filters.page_number(number, SIZE)
    question = replace(question, limit=SIZE, offset=(page - 1) * SIZE)
    with above:
        rows, currency = ask.ask(question), ask.current().manifest["currency"]
        first, last = words.count(question.offset + 1), words.count(question.offset + len(rows))
        ends = [words.money(rows[metric].iloc[at], currency) for at in (0, -1)]
        named = METRICS[metric].label
        title = (
            f"Places {first} to {last} of {words.count(number)} customers: {named.lower()} from {ends[0]} to {ends[1]}"
        )
        layout.finding(title, question, rows)
        labels = LABELS | {current_metric(): f"{METRICS[current_metric()].label} so far"}
        offer.customers(
            listed(rows, question, metric, currency), f"Customers by {named}", f"ltv_{hash(question)}", labels, UNITS
        )
        exports.offer(people(metric, view), "lifetime_value")


def listed(rows: pd.DataFrame, question: Question, metric: str, currency: str) -> pd.DataFrame:
    """The rows as the table shows them: intervals and windows as text."""
    shown = rows.assign(place=range(question.offset + 1, question.offset + 1 + len(rows)))
    ends = zip(rows["potential_low"], rows["potential_high"], strict=True)
    shown["interval"] = [between(*(words.figure(end, Unit.MONEY, currency) for end in pair)) for pair in ends]
    window = zip(rows["next_from"], rows["next_to"], strict=True)
    shown["window"] = [between(*(words.figure(end, Unit.MOMENT) for end in pair)) for pair in window]
    shown["why"] = ["; ".join(filter(words.known, reasons)) or words.NOT_KNOWN for reasons in rows[[*WHY]].to_numpy()]
    columns = ["place", "customer_id", current_metric(), metric, "potential_value", "interval", "expected_margin_12m"]
    return shown[list(dict.fromkeys([*columns, "p_no_purchase", "quadrant", "best_channel", "window", "why"]))]


# Words


def group_title(found: pd.DataFrame, name: str, order: list[str]) -> str:
    """Which group holds more of the potential than its number."""
    known = found.set_index(name).reindex(order)
    if not known["share"].notna().any():
        return f"{words.counted(found['scored'].sum(), 'customer')}, without a potential value"
    best = str(known["share"].idxmax())
    called = best.capitalize() if name == "quadrant" else f"{best.capitalize()} risk"
    customers, money = (words.share(known.loc[best, column]) for column in ("share_of_customers", "share"))
    return f"{called}: {customers} of customers hold {money} of potential value"


def between(low: str, high: str) -> str:
    """'€12 to €30'; not known where an end is not."""
    return words.NOT_KNOWN if words.NOT_KNOWN in (low, high) else f"{low} to {high}"


def cut_words() -> str:
    """From which data, until when, and at which rate money of later years counts less."""
    cut = evidence.cut_off()
    until = f"from data to {words.day(cut[0])}" if cut else "from all data"
    return (
        f"Expected {until}; money of later years is discounted at 15 % a year. Every customer's own interval is 90 %."
    )
