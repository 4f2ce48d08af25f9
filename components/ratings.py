"""The ranking of customers: what can rank them, the question behind each order, who has no ROI and why, and costs."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import streamlit as st

from components import ask, cards, charts, evidence, filters, layout, opened, words
from components.offer import customers
from data.catalog import METRICS, REACH, SCORE, Unit
from data.question import Listing, Question, View

LARGEST, SMALLEST = "largest first", "smallest first"
RATED, NONE, LITTLE, EVERYBODY = "rated", "no investment", "too little invested", "everybody"
BANDS = (RATED, NONE, LITTLE, EVERYBODY)
CALLED = {
    RATED: "rated customers",
    NONE: "customers without investment",
    LITTLE: "customers with too little investment",
}
SCORES = ("roi_rank", "roi_state", "roi_shrunk", "roi_low", "roi_high", "rank_low", "rank_high", "p_top_decile")
SHOWN_METRICS = ("roi", "net_contribution", "margin", "cost", "orders")
EXPECTED = ("risk_band", "best_channel")  # of each customer, where the build has learned them
QUADRANTS = ("protect", "grow", "maintain", "de-market")
OF_MANY = ("customers", "scored", "expected_lost")  # of one customer, they say nothing
COSTS = {  # what a relationship costs, and which figure already contains it
    "contact_cost": "Contacts (in ROI)",
    "fixed_cost": "Campaigns (in ROI)",
    "service_cost": "Service (in margin)",
    "returned": "Returned margin (in margin)",
    "acquisition_cost": "Acquisition (in neither)",
}
LABELS = {
    "place": "Place",
    "interval": "80 % interval",
    "places": "Rank interval",
    "margin": "Margin",
    "cost": "Investment",
    "number": "Customers",
}
UNITS = {"place": Unit.COUNT, "number": Unit.COUNT}


# What is asked


def can_rate() -> bool:
    """Whether this build knows ROI at all."""
    return not layout.missing_of(METRICS["roi"].needs)


def known_metrics() -> list[str]:
    """Every metric this build can say of a single customer, ROI first where it is known."""
    said = {name: metric for name, metric in METRICS.items() if name not in OF_MANY and REACH not in metric.events}
    names = [
        name
        for name, metric in said.items()
        if not layout.missing_of(metric.needs) and (is_scored() or SCORE not in metric.events)
    ]
    return sorted(names, key=lambda name: name != "roi")


def is_scored() -> bool:
    """Whether this build expects anything of customers; those of an earlier Rapport do not."""
    return evidence.cut_off() is not None


def of_segment() -> tuple[str, ...]:
    """The company's own segment, where it has several."""
    return ("segment",) if "segment" in ask.current().manifest["filters"] else ()


def of_band(view: View, band: str) -> View:
    """The customers of one band."""
    return view if band == EVERYBODY else view.only("roi_state", band)


def ranking(metric: str, order: str, band: str, view: View) -> Question:
    """Customers in the order of one metric. By ROI: by the stored rank, which goes by the low end of the interval.

    Those who cannot be rated have no ROI, so they come by contribution margin.
    """
    metrics = [name for name in SHOWN_METRICS if not layout.missing_of(METRICS[name].needs)]
    metrics += ["potential_value"] * is_scored()
    facts = (*(SCORES if can_rate() else ()), *(EXPECTED if is_scored() else ()), *of_segment(), "last_order_at")
    by = metric
    if metric == "roi":
        by = "margin" if band in (NONE, LITTLE) else "roi_rank" if order == LARGEST else "roi_low"
    return Question(
        (*metrics, *({metric} - {*metrics})),
        ("customer_id",),
        of_band(view, band),
        facts,
        by,
        order == SMALLEST,
    )


def start(view: View) -> Question:
    """The ranking nobody has changed: by ROI, or by revenue where ROI is not known."""
    return ranking("roi", LARGEST, RATED, view) if can_rate() else ranking("revenue", LARGEST, EVERYBODY, view)


def page(question: Question, number: int, size: int) -> Question:
    """One page of the ranking, counted from 1."""
    return replace(question, limit=size, offset=(number - 1) * size)


def bands_question(view: View) -> Question:
    """What each band brings and costs."""
    return Question(("margin", "cost"), ("roi_state",), view)


def bands(view: View) -> pd.DataFrame:
    """How many customers can be rated, how many cannot, and what each band brings and costs."""
    if view.scope.everything and not view.members:  # the build has added it up already
        whole = ask.ask(Listing("roi_band", view)).rename(columns={"customers": "number"})
        found = whole.set_index("roi_state").reindex((RATED, NONE, LITTLE), fill_value=0)
        return found.reset_index()[["roi_state", "number", "margin", "cost"]]
    money = ask.ask(bands_question(view)).set_index("roi_state")
    rows = []
    for state in (RATED, NONE, LITTLE):
        number = ask.count(Question((), ("customer_id",), of_band(view, state)))
        margin, cost = money.loc[state, ["margin", "cost"]] if state in money.index else (0.0, 0.0)
        rows.append((state, number, margin, cost))
    return pd.DataFrame(rows, columns=["roi_state", "number", "margin", "cost"])


def costs_question(view: View) -> Question:
    """The parts of the cost that the catalog knows."""
    return Question(tuple(n for n in COSTS if n in METRICS and not layout.missing_of(METRICS[n].needs)), view=view)


def costs(view: View) -> pd.DataFrame:
    """What relationships cost in this view, part by part: columns part, cost."""
    question = costs_question(view)
    found = ask.ask(question).iloc[0].to_dict() if question.metrics else {}
    if found and not layout.missing_of(METRICS["gross_margin"].needs):
        back = ask.ask(Question(("gross_margin",), view=view.only("line_type", "return")))["gross_margin"].iloc[0]
        found["returned"] = -back if words.known(back) else 0.0
    return pd.DataFrame([(COSTS[name], found[name]) for name in COSTS if name in found], columns=["part", "cost"])


# What is shown


def rated_card(found: pd.DataFrame) -> None:
    """How many customers have an ROI, as a key figure."""
    numbers = dict(zip(found["roi_state"], found["number"]))
    others = (
        f"{words.count(numbers[NONE])} without any investment, {words.count(numbers[LITTLE])} with too little to rate"
    )
    cards.card("Customers rated", words.count(numbers[RATED]), others)


def quadrants(view: View) -> None:
    """Ways to the customers of each value quadrant; nothing where the build has no choice of them."""
    if "quadrant" not in ask.current().manifest["filters"]:
        return
    question = Question(("scored",), ("quadrant",), view)
    numbers = {str(name): int(number) for name, number in ask.ask(question).itertuples(index=False) if number}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(":small[:gray[Only one value quadrant:]]", width="content")
        for name in (name for name in QUADRANTS if name in numbers):
            label = f"{name.capitalize()} ({words.count(numbers[name])})"
            fixed = opened.locked("quadrant")
            st.button(label, key=f"_quadrant_{name}", type="tertiary", disabled=fixed, on_click=only, args=(name,))


def only(quadrant: str) -> None:
    """Set the filter of value quadrants; a button's callback."""
    st.session_state["quadrant"] = [quadrant]
    filters.chose("quadrant")


def whiskers(rows: pd.DataFrame, currency: str) -> None:
    """The ROI of every customer of a page, each with its interval."""
    charts.draw(
        charts.ranking_whiskers(
            rows,
            "customer_id",
            "roi_shrunk",
            "roi_low",
            "roi_high",
            Unit.RATIO,
            currency,
            "ROI drawn toward the segment's, with its 80 % interval",
        ),
        alt=f"ROI of {words.counted(len(rows), 'customer')}, each with its 80 % interval, as in the table below.",
    )


def offer(question: Question, metric: str = "", band: str = "") -> None:
    """A page of the ranking from which a customer can be opened: by a row, or from a list that the keyboard reaches."""
    metric, band = metric or ("roi" if can_rate() else "revenue"), band or (RATED if can_rate() else EVERYBODY)
    rows = ask.ask(question)
    customers(
        listed(rows, question, metric, band),
        f"Customers by {METRICS[metric].label}",
        f"ranking_{hash(question)}",
        LABELS,
        UNITS,
    )


def listed(rows: pd.DataFrame, question: Question, metric: str, band: str) -> pd.DataFrame:
    """The rows as the table shows them: intervals as text, what ranks them in front, the segment where there is one."""
    shown = rows.assign(place=range(question.offset + 1, question.offset + 1 + len(rows)))
    by_rank = can_rate() and metric == "roi" and band in (RATED, EVERYBODY)
    columns = ["roi_rank" if by_rank else "place", "customer_id", *([metric] if metric != "roi" else [])]
    columns[2:2] = of_segment()
    if can_rate() and band == EVERYBODY:
        columns.append("roi_state")
    if can_rate() and band in (RATED, EVERYBODY):
        shown["interval"] = [interval(low, high, Unit.RATIO) for low, high in zip(rows["roi_low"], rows["roi_high"])]
        shown["places"] = [interval(low, high, Unit.COUNT) for low, high in zip(rows["rank_low"], rows["rank_high"])]
        columns += ["roi_shrunk", "interval", "roi_rank", "places", "p_top_decile", "roi"]
    columns += [name for name in (*EXPECTED, "potential_value") if name in rows]
    columns += [name for name in question.metrics if name != "roi"]
    return shown[list(dict.fromkeys([*columns, "last_order_at"]))]


# Words


def title(rows: pd.DataFrame, question: Question, number: int, metric: str, band: str) -> str:
    """What the list shows, in one sentence."""
    first, last = words.count(question.offset + 1), words.count(question.offset + len(rows))
    places = f"Places {first} to {last} of {words.count(number)} {CALLED.get(band, 'customers')}"
    name = "roi_low" if metric == "roi" and band in (RATED, EVERYBODY) else "margin" if metric == "roi" else metric
    unit = Unit.RATIO if name == "roi_low" else METRICS[name].unit
    begins, ends = (words.figure(rows[name].iloc[i], unit, ask.current().manifest["currency"]) for i in (0, -1))
    if name == "roi_low":
        return f"{places}: ROI from {begins} to {ends} at the cautious end of the interval"
    return f"{places}: {METRICS[name].label.lower()} from {begins} to {ends}"


def interval(low: object, high: object, unit: Unit) -> str:
    """'1.20 to 3.40'."""
    return f"{words.figure(low, unit)} to {words.figure(high, unit)}" if words.known(low) else words.NOT_KNOWN


def bands_title(found: pd.DataFrame, currency: str) -> str:
    """How many customers have no ROI, and what they bring all the same."""
    without = found[found["roi_state"] != RATED]
    if not without["number"].sum():
        return "Every customer of this view can be rated"
    margin = words.money(without["margin"].sum(), currency, short=True)
    number, of = words.count(without["number"].sum()), words.counted(found["number"].sum(), "customer")
    return f"{number} of {of} cannot be rated; they bring {margin} of contribution margin"


def bands_meaning(found: pd.DataFrame, view: View, currency: str) -> str:
    """Why somebody has no ROI, and what the sums above hold beyond the customers, in plain words."""
    whole = ask.ask(Question(("margin",), view=view))["margin"].iloc[0]
    beyond = round(float(whole) - float(found["margin"].sum()), 2) if words.known(whole) else 0.0
    guests = (
        f" Lines without customer bring another {words.safe_text(words.money(beyond, currency, short=True))} of "
        "contribution margin; the sums at the top include it."
    )
    floor = words.safe_text(words.money(ask.current().manifest["roi_floor"], currency))
    return (
        "No investment: nothing was spent on reaching them, so there is nothing to divide by. Too little invested: "
        f"less than {floor}, where a few cents would change the ROI out of all proportion. "
        "Neither is good or bad; choose them above to see them by contribution margin."
    ) + guests * bool(beyond)


def costs_title(parts: pd.DataFrame, currency: str) -> str:
    """Which part of what relationships cost is the largest."""
    if not parts["cost"].sum():
        return "No cost of relationships is on record in this view"
    largest, total = parts.loc[parts["cost"].idxmax()], words.money(parts["cost"].sum(), currency, short=True)
    name = largest["part"].split(" (")[0].lower()
    return f"Of {total} that relationships cost, {name} took most: {words.money(largest['cost'], currency, short=True)}"
