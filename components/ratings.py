"""The ranking of customers: which metrics can rank, the question behind each order, bands that cannot be rated, and costs."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from components import ask, cards, filters, layout, tables, words
from data.catalog import METRICS, Unit
from data.question import Question, View

LARGEST, SMALLEST = "largest first", "smallest first"
RATED, NONE, LITTLE, EVERYBODY = "rated", "no investment", "too little invested", "everybody"
BANDS = (RATED, NONE, LITTLE, EVERYBODY)
SHOWN_FACTS = (
    "roi_rank",
    "roi_state",
    "roi_shrunk",
    "roi_low",
    "roi_high",
    "rank_low",
    "rank_high",
    "p_top_decile",
    "last_order_at",
)
SHOWN_METRICS = ("roi", "net_contribution", "margin", "cost", "revenue", "orders")
COSTS = {  # what a relationship costs, and which figure already contains it
    "contact_cost": "Contacts (in ROI)",
    "fixed_cost": "Campaigns (in ROI)",
    "service_cost": "Service (in margin)",
    "returned": "Margin lost to returns (in margin)",
    "acquisition_cost": "Winning customers (in neither)",
}
LABELS = {"place": "Place", "interval": "80 % interval", "places": "Rank interval"}
UNITS = {"place": Unit.COUNT}


def known_metrics() -> list[str]:
    """Every metric this build can say of a single customer, ROI first where it is known."""
    names = [name for name, metric in METRICS.items() if name != "customers" and not layout.missing_of(metric.needs)]
    return sorted(names, key=lambda name: name != "roi")


def can_rate() -> bool:
    """Whether this build knows ROI at all."""
    return not layout.missing_of(METRICS["roi"].needs)


def of_band(view: View, band: str) -> View:
    """The customers of one band."""
    return view if band == EVERYBODY else view.only("roi_state", band)


def ranking(metric: str, order: str, band: str, view: View) -> Question:
    """Customers in the order of one metric. By ROI: in the order of the stored rank, which goes by the interval's low end.

    Those who cannot be rated have no ROI, so they come by contribution margin.
    """
    metrics = [name for name in SHOWN_METRICS if not layout.missing_of(METRICS[name].needs)]
    facts = [name for name in SHOWN_FACTS if can_rate() or name == "last_order_at"]
    by = metric
    if metric == "roi":
        by = "margin" if band in (NONE, LITTLE) else "roi_rank" if order == LARGEST else "roi_low"
    return Question(
        (*metrics, *({metric} - {*metrics})), ("customer_id",), of_band(view, band), tuple(facts), by, order == SMALLEST
    )


def start(view: View) -> Question:
    """The ranking nobody has changed: by ROI, or by revenue where ROI is not known."""
    return ranking("roi", LARGEST, RATED, view) if can_rate() else ranking("revenue", LARGEST, EVERYBODY, view)


def offer(question: Question, metric: str = "", band: str = "") -> None:
    """A page of the ranking from which a customer can be opened: by a row, or by key from a list the keyboard reaches."""
    metric, band = metric or ("roi" if can_rate() else "revenue"), band or (RATED if can_rate() else EVERYBODY)
    rows, place = ask.ask(question), hash((question, ask.current().id))
    chosen = tables.table(
        listed(rows, question, metric, band), f"Customers by {METRICS[metric].label}", ask.current().manifest["currency"],
        LABELS, UNITS, ("customer_id",), key=f"ranking_{place}", selectable=True,
    )  # fmt: skip
    keys = list(rows["customer_id"])
    named = st.selectbox("Open a customer of this list", keys, index=None, key=f"open_{place}", width=260,
                         placeholder="Choose a key, or mark a row")  # fmt: skip
    if named or chosen is not None:
        filters.goto("pages/value/customer.py", customer=named or keys[chosen])


def page(question: Question, number: int, size: int) -> Question:
    """One page of the ranking, counted from 1."""
    return replace(question, limit=size, offset=(number - 1) * size)


def listed(rows: pd.DataFrame, question: Question, metric: str, band: str) -> pd.DataFrame:
    """The rows as the table shows them: intervals as text, the metric ranked by in front, the segment where there is one."""
    shown = rows.copy()
    shown["place"] = range(question.offset + 1, question.offset + 1 + len(rows))
    own = [metric] if metric != "roi" else []
    if not can_rate():
        columns = ["place", "customer_id", *own, *question.metrics, "last_order_at"]
    else:
        shown["interval"] = [interval(low, high, Unit.RATIO) for low, high in zip(rows["roi_low"], rows["roi_high"])]
        shown["places"] = [interval(low, high, Unit.COUNT) for low, high in zip(rows["rank_low"], rows["rank_high"])]
        rank = [] if band in (NONE, LITTLE) else ["roi_rank"]
        roi = ["roi_shrunk", "interval", "places", "p_top_decile", "roi"] if rank else []
        state = ["roi_state"] if band == EVERYBODY else []
        columns = [*(rank if rank and metric == "roi" else ["place"]), "customer_id", *own, *state, *roi,
                   *([] if metric == "roi" else rank), *(n for n in question.metrics if n != "roi"), "last_order_at"]  # fmt: skip
    if "segment" in ask.current().manifest["filters"] and len(rows):
        keys = tuple(rows["customer_id"])
        found = ask.ask(Question(("orders",), ("customer_id", "segment"), question.view.only("customer_id", *keys)))
        shown["segment"] = shown["customer_id"].map(dict(zip(found["customer_id"], found["segment"])))
        columns.insert(columns.index("customer_id") + 1, "segment")
    return shown[list(dict.fromkeys(columns))]


def interval(low: object, high: object, unit: Unit) -> str:
    """'1.20 to 3.40'."""
    return f"{words.figure(low, unit)} to {words.figure(high, unit)}" if words.known(low) else words.NOT_KNOWN


def bands(view: View) -> pd.DataFrame:
    """How many customers can be rated, how many cannot, and what each band brings and costs."""
    money = ask.ask(Question(("margin", "cost"), ("roi_state",), view)).set_index("roi_state")
    rows = []
    for state in (RATED, NONE, LITTLE):
        number = ask.count(Question((), ("customer_id",), of_band(view, state)))
        margin, cost = money.loc[state, ["margin", "cost"]] if state in money.index else (0.0, 0.0)
        rows.append((state, number, margin, cost))
    return pd.DataFrame(rows, columns=["roi_state", "number", "margin", "cost"])


def costs(view: View) -> pd.DataFrame:
    """What relationships cost in this view, part by part, and where each part is already counted."""
    names = [name for name in COSTS if name in METRICS and not layout.missing_of(METRICS[name].needs)]
    found = ask.ask(Question(tuple(names), view=view)).iloc[0].to_dict() if names else {}
    if not layout.missing_of(METRICS["gross_margin"].needs):
        back = ask.ask(Question(("gross_margin",), view=view.only("line_type", "return")))["gross_margin"].iloc[0]
        found["returned"] = -back if words.known(back) else 0.0
    return pd.DataFrame([(COSTS[name], found[name]) for name in COSTS if name in found], columns=["part", "cost"])


def title(rows: pd.DataFrame, question: Question, number: int, metric: str, band: str) -> str:
    """What the list shows, in one sentence."""
    first, last = question.offset + 1, question.offset + len(rows)
    currency = ask.current().manifest["currency"]
    of = {RATED: "rated customers", EVERYBODY: "customers"}.get(
        band, f"customers with {band.replace('too little invested', 'too little investment')}"
    )
    places = f"Places {words.count(first)} to {words.count(last)} of {words.count(number)} {of}"
    if metric == "roi" and band == RATED:
        ends = (rows["roi_low"].iloc[0], rows["roi_low"].iloc[-1])
        return f"{places}: ROI of at least {words.ratio(min(ends))} to {words.ratio(max(ends))}, by the cautious end of each interval"
    name = "margin" if metric == "roi" else metric
    unit = METRICS[name].unit
    ends = (words.figure(rows[name].iloc[i], unit, currency) for i in (0, -1))
    return f"{places}: {METRICS[name].label.lower()} from {' to '.join(ends)}"


def bands_question(view: View) -> Question:
    """The question behind the money of the bands."""
    return Question(("margin", "cost"), ("roi_state",), view)


def bands_title(found: pd.DataFrame, currency: str) -> str:
    """How many customers have no ROI, and what they bring all the same."""
    without = found[found["roi_state"] != RATED]
    number, margin = int(without["number"].sum()), without["margin"].sum()
    if not number:
        return "Every customer of this view can be rated"
    return (
        f"{words.count(number)} of {words.counted(found['number'].sum(), 'customer')} cannot be rated; they bring "
        f"{words.money(margin, currency, short=True)} of contribution margin"
    )


def bands_meaning(currency: str) -> str:
    """Why somebody has no ROI, in plain words."""
    floor = words.money(ask.current().manifest["roi_floor"], currency)
    return words.safe_text(
        f"No investment: nobody spent anything on reaching them, so there is nothing to divide by. Too little invested: "
        f"less than {floor}, where a few cents more or less would change the ROI out of all proportion. "
        "Neither is good or bad: rank them by contribution margin instead.",
        400,
    )


def rated_card(found: pd.DataFrame) -> None:
    """How many customers have an ROI, as a key figure."""
    numbers = dict(zip(found["roi_state"], found["number"]))
    other = (
        f"{words.count(numbers[NONE])} without any investment, {words.count(numbers[LITTLE])} with too little to rate"
    )
    cards.card("Customers rated", words.count(numbers[RATED]), other)


def costs_question(view: View) -> Question:
    """The question behind the parts of the cost that the catalog knows."""
    return Question(tuple(n for n in COSTS if n in METRICS and not layout.missing_of(METRICS[n].needs)), view=view)


def costs_title(parts: pd.DataFrame, currency: str) -> str:
    """Which part of what relationships cost is the largest."""
    largest = parts.loc[parts["cost"].idxmax()]
    total = parts["cost"].sum()
    if not total:
        return "No cost of relationships is on record in this view"
    return (
        f"{largest['part'].split(' (')[0]} {'are' if largest['part'].split(' (')[0].endswith('s') else 'is'} the largest part of what "
        f"relationships cost: {words.money(largest['cost'], currency, short=True)} of {words.money(total, currency, short=True)}"
    )
