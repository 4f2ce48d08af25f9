"""De-marketing: customers expected to cost more than they bring, what a release would save, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from components import access, ask, cards, charts, exports, filters, layout, offer, tables, whole_company, words
from components.axes import value_axis
from data import demarketing
from data.catalog import Unit
from data.demarketing import FREE, KEPT, PROPOSED, RELEASED, Costly
from data.export_demarketing import CostlyRows
from data.journal.release_rows import STOP
from data.question import Question, Refused, View
from data.view import SMALLEST_GROUP

MEMO, SIZE, MOST_POINTS = "_demarketing", 25, 1_000
CHANCES = ("1 %", "5 %", "10 %", "20 %", "30 %", "40 %", "50 %")
EVERYBODY = CHANCES[-1]  # what is expected to cost more than it brings is wrong in less than half of all cases
SAVING, SUREST, LOWEST = "Largest saving", "Surest first", "Lowest expected"
ORDERS = {SAVING: ("saving", False), SUREST: ("p_wrong", True), LOWEST: ("expected", True)}
SHOWN = (
    *("customer_id", "todo", "expected", "interval", "saving", "p_wrong", "loss"),
    *("contacts", "contact_cost", "service_cost", "returns"),
)
LABELS = {
    "todo": "What to do",
    "expected": "Expected, after contacts",
    "interval": "90 % interval",
    "saving": "Saving a year",
    "p_wrong": "Chance of being wrong",
    "loss": "Lost a year if wrong",
    "contacts": "Contacts, 12 months",
    "contact_cost": "Their cost",
    "service_cost": "Cost to serve",
    "returns": "Returned",
}
UNITS = {
    **dict.fromkeys(("expected", "saving", "loss", "contact_cost", "service_cost", "returns"), Unit.MONEY),
    "contacts": Unit.COUNT,
    "p_wrong": Unit.SHARE,
}
UNPROVEN = (
    "Expected, unproven: no test has shown what these customers buy without contacts. Whoever buys all the same, on "
    "the cheaper channel or without any contact, is no loss."
)


# What is asked


def found(view: View) -> Costly | None:
    """The customers of the view, as the journal has them now; None, and a sentence, where there is nothing to show."""
    if layout.missing("lines.cost", "contacts"):
        return None
    try:
        figures = standing(view)
    except Refused as problem:
        layout.error(str(problem))
        return None
    if not figures.scored:
        layout.empty("No margin is expected of anybody in this view, because no model of value fits its data")
        return None
    if figures.customers < SMALLEST_GROUP:
        layout.too_few(figures.customers, SMALLEST_GROUP, "customers in this view")
        return None
    return figures


def standing(view: View) -> Costly:
    """Everybody of a view, as the journal has them now; the build's part is kept for this view and the one before."""
    build, known = ask.current(), st.session_state.setdefault(MEMO, {})
    if (build.id, view) not in known:
        while len(known) > 1:
            known.pop(next(iter(known)))
        known[build.id, view] = demarketing.figures(build, view)
    return demarketing.standing(known[build.id, view], access.journal())


def total(values: pd.Series) -> float:
    """A sum that does not depend on the order of the rows."""
    return math.fsum(values)


def money(value: float, short: bool = True) -> str:
    """An amount in the currency of the build."""
    return words.money(round(value, 4), ask.current().manifest["currency"], short=short)


def number_of(value: float) -> str:
    """An expected number of customers: with one decimal where it is small."""
    return f"{value:.1f}" if 0 < value < 10 else words.count(value)


def chosen(shown: Costly, most: str) -> pd.DataFrame:
    """The customers who are free to be proposed, up to a chance of being wrong."""
    free = shown.of(FREE)
    return free if most == EVERYBODY else free[free["p_wrong"] <= float(most.rstrip(" %")) / 100]


# What is shown


def figures(shown: Costly, free: pd.DataFrame, view: View) -> None:
    """The four key figures: how many, what they cost beyond what they bring, what is saved, how many wrongly."""
    rows, span = shown.rows, words.months(shown.since, shown.until)
    spent, brought = total(rows["contact_cost"]), total(rows["margin"])
    apart = [
        f"{words.count(len(shown.of(state)))} {text}"
        for state, text in ((KEPT, "kept"), (PROPOSED, "waiting"), (RELEASED, "released"))
        if len(shown.of(state))
    ]
    with cards.row(4):
        of = f"{words.share(len(rows) / shown.scored)} of {words.counted(shown.scored, 'customer')} who ever bought"
        question = Question(("expected_margin_12m", "contact_cost"), view=view)
        cards.card(
            "Customers below zero", words.count(len(rows)), f"{of}{'; ' * bool(apart)}{', '.join(apart)}", question
        )
        note = f"{money(spent)} for contacts in {span}, against {money(brought)} of margin expected in 12 months"
        cards.card("Cost beyond what they bring", f"{money(spent - brought)} a year", note)
        note = f"expected of the {words.counted(len(free), 'customer')} listed below, at last year's pace of contacts"
        cards.card("Saving when released", f"{money(total(free['saving']))} a year", note)
        lost = math.fsum(free["p_wrong"] * free["loss"])
        note = (
            f"of {words.count(len(free))}; they would bring {money(lost)} a year beyond their contacts' cost, at most"
        )
        cards.card("Expected to be wrong", number_of(total(free["p_wrong"])), note)


def chance() -> str:
    """Up to which chance of being wrong customers are listed."""
    return filters.choice("wrong", CHANCES, EVERYBODY, "Chance of being wrong, at most")


def curve(shown: Costly, free: pd.DataFrame) -> None:
    """Saving against the number released, the surest first, with what is lost where the expectation is wrong."""
    ordered = shown.of(FREE).sort_values(["p_wrong", "customer_id"])
    title = curve_title(shown, free)
    layout.finding(title)
    if not len(ordered):
        return
    figure, number = drawn(ordered, len(free)), words.count(len(ordered))
    saved, lost = money(total(ordered["saving"])), money(math.fsum(ordered["p_wrong"] * ordered["loss"]))
    ends = f"All {number}: {saved} saved a year, {lost} lost where wrong"
    charts.draw(figure, alt=f"Two lines over the number of customers released, the surest first. {title}. {ends}.")
    layout.quiet(UNPROVEN)


def curve_title(shown: Costly, free: pd.DataFrame) -> str:
    """What the chosen customers save, of how much, and how many of them are expected to be wrong."""
    if not len(shown.rows):
        return "Nobody in this view is expected to cost more than they bring"
    if not len(shown.of(FREE)):
        return "Everybody who is expected to cost more than they bring is kept, or on a list already"
    everybody, saved = money(total(shown.of(FREE)["saving"])), money(total(free["saving"]))
    if not len(free):
        return f"Nobody is that sure: the {everybody} a year would be saved with a larger chance of being wrong"
    number, wrong = words.counted(len(free), "customer"), number_of(total(free["p_wrong"]))
    part = f"{saved} a year" if len(free) == len(shown.of(FREE)) else f"{saved} of {everybody} a year"
    return f"Releasing {number} is expected to save {part}, and to be wrong about {wrong} of them"


def drawn(ordered: pd.DataFrame, at: int) -> go.Figure:
    """The two lines, and where the chosen customers end."""
    saved = np.cumsum(ordered["saving"].to_numpy(float))
    lost = np.cumsum((ordered["p_wrong"] * ordered["loss"]).to_numpy(float))
    wrong = np.cumsum(ordered["p_wrong"].to_numpy(float))
    places = np.unique(np.linspace(0, len(ordered) - 1, min(len(ordered), MOST_POINTS)).astype(int))
    figure, currency = charts.base(300), ask.current().manifest["currency"]
    for name, values, colour in (
        ("saved a year", saved, charts.BETTER),
        ("lost a year where wrong", lost, charts.WORSE),
    ):
        figure.add_scatter(
            x=[0, *(places + 1)],
            y=[0.0, *values[places]],
            mode="lines",
            name=name,
            line={"color": colour, "width": 2.25, "dash": "solid" if values is saved else "dash"},
            customdata=["nobody released", *(f"{words.count(n + 1)} released, {number_of(w)} of them wrongly"
                                             for n, w in zip(places, wrong[places], strict=True))],
            text=[words.money(value, currency) for value in [0.0, *values[places]]],
            hovertemplate=f"%{{customdata}}: %{{text}} {name}<extra></extra>",
        )  # fmt: skip
    if 0 < at < len(ordered):
        figure.add_vline(x=at, line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    return figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND,
        xaxis={"title": {"text": "customers released, the surest first", "font": {"size": 12}}, "showgrid": False,
               "tickformat": ",d", "rangemode": "tozero"},
        yaxis=value_axis(Unit.MONEY, currency) | {"rangemode": "tozero"},
    )  # fmt: skip


def listing(free: pd.DataFrame, view: View, most: str) -> pd.DataFrame:
    """The list, a page at a time, with a way to each customer; returns it in its order."""
    if not len(free):
        return free
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        order = filters.choice("by", tuple(ORDERS), SAVING, "In the order of", 200)
        number = filters.page_number(len(free), SIZE)
    name, rising = ORDERS[order]
    ordered = free.sort_values([name, "customer_id"], ascending=[rising, True])
    part = ordered.iloc[(number - 1) * SIZE : number * SIZE]
    where = f"{words.count((number - 1) * SIZE + 1)} to {words.count((number - 1) * SIZE + len(part))}"
    alt = f"Customers expected to cost more than they bring, {order.lower()}: {where} of {words.count(len(free))}"
    offer.customers(written(part), alt, f"demarketing_{number}_{order}_{most}", LABELS, UNITS)
    exports.offer(CostlyRows(access.journal(), ask.current(), view, float(most.rstrip(" %")) / 100), "de_marketing")
    return ordered


def written(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as the table shows them: what to do in words, the interval as text."""
    labels = channel_labels()
    pairs = zip(rows["low"], rows["high"], strict=True)
    return rows.assign(
        todo=[todo(action, channel, labels) for action, channel in zip(rows["action"], rows["channel"], strict=True)],
        interval=[f"{money(low, short=False)} to {money(high, short=False)}" for low, high in pairs],
    )[list(SHOWN)]


def todo(action: str, channel: str, labels: dict[str, str]) -> str:
    """'Stop contacts', or 'Only Web portal'."""
    return "Stop contacts" if action == STOP else f"Only {labels.get(channel, channel)}"


def channel_labels() -> dict[str, str]:
    """Channel -> what the company calls it."""
    about = whole_company.listing("channel")
    return dict(zip(about["channel"].astype(str), about["label"].fillna(about["channel"]).astype(str), strict=True))


def method(shown: Costly) -> None:
    """How the figures are worked out: the passport of the page."""
    span = words.months(shown.since, shown.until)
    without = shown.customers - shown.scored
    never = f"{words.counted(without, 'customer')} of whom no margin can be expected, because they never bought"
    rows: Sequence[tuple[str, str]] = (
        (
            "Expected, after contacts",
            "margin expected in the next 12 months (with its 90 % interval, from the model of value) less what "
            f"contacts cost in {span}. Who is below zero is listed here. Cost to serve and returns are in the "
            "margin already. Fixed costs of campaigns are left out: they are spent all the same.",
        ),
        (
            "What to do",
            "the cheapest channel the customer has allowed, where the expected margin then covers the cost of as many "
            "contacts as last year; otherwise no marketing contacts. Service goes on either way.",
        ),
        ("Saving a year", "what last year's contacts cost, less what as many cost on the cheaper channel."),
        (
            "Chance of being wrong",
            "the probability that the true margin is above what the contacts cost, with the margin taken as normal: "
            "its standard deviation is the upper half of the 90 % interval divided by 1.645.",
        ),
        (
            "Lost a year if wrong",
            "what the customer then brings beyond the cost of the contacts, on average; as if nothing at all were "
            "bought without them, so it is the most that can be lost.",
        ),
        ("Not in it", never if without else "nobody: a margin is expected of every customer here"),
        ("Build", f"`{ask.current().id}`"),
    )
    with st.expander("How these figures are worked out", icon=":material/fact_check:"):
        tables.facts([(name, text) for name, text in rows], "How the figures of this page are worked out")
