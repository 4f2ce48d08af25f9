"""Churn risk: the margin at stake, who moved between bands, what a threshold means, and whom acting could be worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    layout,
    offer,
    score_charts,
    whole_company,
    words,
)
from data.catalog import METRICS, Unit
from data.question import Question, View
from data.rights import CUSTOMERS

SIZE = 25
BANDS, BEFORE = ("low", "medium", "high"), ("low", "medium", "high", "(new)")
QUADRANTS = ("protect", "grow", "maintain", "de-market")
GONE = ("lapsed", "ended")  # whom no forecast can lose any more
SURE = 1.645  # standard deviations of a 90 % interval
LABEL = "Risk known, response unknown: start a holdout."
FACTS = (
    *("p_no_purchase", "p_no_purchase_low", "p_no_purchase_high", "risk_band", "risk_before", "lifecycle"),
    *("margin_12m", "usual_gap_days", "last_order_at", "best_channel", "differs_1"),
)
LABELS = {"place": "Place", "interval": "90 % interval", "differs_1": "Differs most from its segment by"}
UNITS = {"place": Unit.COUNT}


# What is asked


def present(view: View) -> View:
    """Customers who are still here: not lapsed by their own rhythm, not ended; who filters for those gets them."""
    known = ask.current().manifest["filters"].get("lifecycle", [])
    here = [one for one in known if one not in GONE]
    chosen = any(name == "lifecycle" for name, _ in view.members)
    if chosen or len(here) == len(known) or not access.may_split(ask.current(), "lifecycle"):
        return view
    return view.only("lifecycle", *here)


def sums(view: View) -> pd.Series:
    """How many are scored, how many of them are expected to be lost, and the margin at risk."""
    return ask.ask(Question(("scored", "expected_lost", "margin_at_risk"), view=view)).iloc[0]


def newly(view: View) -> View | None:
    """Customers at high risk who were not 30 days before; None where the reader may not say."""
    if not access.may_split(ask.current(), "risk_band", "risk_before"):
        return None
    return view.only("risk_band", "high").only("risk_before", "low", "medium")


def people(view: View) -> Question:
    """Single customers by the value of acting, never by risk alone."""
    scored = view.only("risk_band", *BANDS)
    return Question(("value_of_acting", "margin_at_risk"), ("customer_id",), scored, FACTS, "value_of_acting")


# What is shown


def horizon_words() -> str:
    """What counts as lost, and from which data."""
    cut = evidence.cut_off()
    if not cut:
        return "What counts as lost is not stated in this build."
    contractual = bool(whole_company.listing("cut_off")["contractual"].iloc[0])
    what = "the contract ends" if contractual else "no purchase"
    return f"Lost means: {what} in the {words.days(cut[1])} after {words.day(cut[0])}, the end of the data."


def figures(view: View) -> None:
    """The four key figures of the page."""
    here = present(view)
    found, everybody, new = sums(here), sums(view), newly(here)
    currency, count = ask.current().manifest["currency"], words.count
    gone = int(everybody["scored"] - found["scored"])
    apart = f"{count(gone)} more have lapsed or ended and are not in it" if gone else "everybody who bought is in it"
    if not access.may_split(ask.current(), "lifecycle"):
        apart = "lapsed customers are in it: readers of groups cannot tell them apart"
    with cards.row(4):
        money = words.money(found["margin_at_risk"], currency, short=True)
        note = "margin of the last 12 months times the risk of each; the intervals of single customers are in the list"
        cards.card("Margin at risk", money, note, Question(("margin_at_risk",), view=here))
        spread = SURE * math.sqrt(variance(here))
        low, high = max(0.0, float(found["expected_lost"]) - spread), float(found["expected_lost"]) + spread
        note = f"{count(low)} to {count(high)} in nine of ten cases, if the probabilities are right"
        cards.card("Expected to be lost", count(found["expected_lost"]), note, Question(("expected_lost",), view=here))
        if new is None:
            cards.card("Newly at high risk", words.NOT_KNOWN, "movement is not shown to readers of groups")
        else:
            at = sums(new)
            note = f"within 30 days; {words.money(at['margin_at_risk'], currency, short=True)} of margin at risk"
            cards.card("Newly at high risk", count(at["scored"]), note, Question(("scored",), view=new))
        cards.card("Customers scored", count(found["scored"]), apart, Question(("scored",), view=here))


def variance(view: View) -> float:
    """Of the number that is lost, each customer by chance of their own; never too small where groups are coarse.

    A group's mean probability m gives n·m·(1−m), which is at least the sum of p·(1−p) of its members.
    """
    by = next((name for name in ("risk_step", "risk_band") if access.may_split(ask.current(), name)), None)
    found = ask.ask(Question(("scored", "expected_lost"), (by,) if by else (), view)).fillna(0)
    numbers, lost = (pd.to_numeric(found[name]).astype(float) for name in ("scored", "expected_lost"))
    share = lost / numbers.where(numbers > 0)
    return float((numbers * share * (1 - share)).clip(lower=0).sum())


def heat(view: View) -> None:
    """Where the margin at risk lies: risk across, value quadrant down; by risk alone where that would single out."""
    here, currency = present(view), ask.current().manifest["currency"]
    both = access.may_split(ask.current(), "risk_band", "quadrant")
    if not both and not access.may_split(ask.current(), "risk_band"):
        layout.quiet("Groups by risk would single out too few customers, so readers of groups see the sums above.")
        return
    asked = Question(("margin_at_risk", "scored"), ("risk_band", "quadrant") if both else ("risk_band",), here)
    found = ask.ask(asked)
    found = found[found["scored"] > 0]
    title = heat_title(found, currency)
    layout.finding(title, asked, found)
    if not both:
        order = found.set_index("risk_band").reindex([one for one in BANDS if one in set(found["risk_band"])])
        bars = charts.bars(order.reset_index(), "risk_band", METRICS["margin_at_risk"], currency)
        charts.draw(bars, alt=f"Bars. {title}.")
        layout.quiet("Quadrants of value would single out too few customers, so readers of groups see bands of risk.")
        return
    money = [words.money(value, currency, short=True) for value in found["margin_at_risk"]]
    numbers = [words.counted(number, "customer") for number in found["scored"]]
    pairs = zip(money, found["scored"], strict=True)
    texts = pd.Series([f"{amount}<br>of {words.count(number)}" for amount, number in pairs], found.index)
    down = ("quadrant", [one for one in QUADRANTS if one in set(found["quadrant"])])
    figure = score_charts.cells(found, ("risk_band", BANDS), down, "margin_at_risk", texts, ("risk", "value quadrant"))
    cells = zip(found["quadrant"], found["risk_band"], money, numbers, strict=True)
    said = "; ".join(f"{quadrant}, {band} risk: {amount}, {number}" for quadrant, band, amount, number in cells)
    charts.draw(figure, alt=f"Cells of money. {title}. {said}.")
    layout.quiet("Margin at risk, and of how many customers. The stronger the colour, the more money.")


def heat_title(found: pd.DataFrame, currency: str) -> str:
    """'€62.6 k of €350 k at risk lie with protect customers at high risk'."""
    amounts = pd.to_numeric(found["margin_at_risk"]).fillna(0).astype(float)
    if not amounts.sum():
        return "No margin of the last 12 months is at risk"
    largest = found.loc[amounts.idxmax()]
    quadrant = f"{largest['quadrant']} " if "quadrant" in found else ""
    part, whole = (words.money(value, currency, short=True) for value in (amounts.max(), amounts.sum()))
    return f"{part} of {whole} at risk lie with {quadrant}customers at {largest['risk_band']} risk"


def movement(view: View) -> None:
    """Who was in which band 30 days before and is in which now."""
    if not access.may_split(ask.current(), "risk_before", "risk_band"):
        layout.quiet("Movement between bands would single out too few customers, so readers of groups do not see it.")
        return
    asked = Question(("scored",), ("risk_before", "risk_band"), present(view))
    found = ask.ask(asked)
    found = found[found["risk_before"].isin(BEFORE) & found["risk_band"].isin(BANDS)].assign(
        scored=lambda rows: rows["scored"].astype(float)
    )
    known = found[found["risk_before"] != "(new)"]
    if not len(known):
        layout.quiet("How risk moved is not known: nobody was a customer 30 days before the end of the data.")
        return
    title = movement_title(known)
    layout.finding(title, asked, found)
    stayed = found["risk_before"].astype(str) == found["risk_band"].astype(str)
    texts = pd.Series([words.count(number) for number in found["scored"]], found.index)
    down = ("risk_before", [one for one in BEFORE if one in set(found["risk_before"])])
    figure = score_charts.cells(
        found.assign(moved=found["scored"].where(~stayed, 0)),
        ("risk_band", BANDS),
        down,
        "moved",
        texts,
        ("risk now", "30 days before"),
    )
    pairs = zip(found["risk_before"], found["risk_band"], texts, strict=True)
    said = "; ".join(f"from {before} to {now}: {number}" for before, now, number in pairs)
    charts.draw(figure, alt=f"Cells of customers. {title}. {said}.")
    layout.quiet(
        "Customers by band 30 days before, as known then, and now. Coloured is who moved; new ones had not bought yet."
    )


def movement_title(known: pd.DataFrame) -> str:
    """How many rose, how many fell, and which share stayed."""
    order = {band: place for place, band in enumerate(BANDS)}
    step = known["risk_band"].astype(str).map(order) - known["risk_before"].astype(str).map(order)
    up, down = (words.count(known.loc[way, "scored"].sum()) for way in (step > 0, step < 0))
    stayed = words.share(known.loc[step == 0, "scored"].sum() / known["scored"].sum())
    return f"Within 30 days {up} customers moved to a higher risk and {down} to a lower one; {stayed} stayed"


def listing(view: View) -> None:
    """Customers by what acting could keep at most, from whom one can be opened."""
    if not access.may(CUSTOMERS):
        layout.quiet("Single customers are shown to those who look after them.")
        return
    question = people(present(view))
    number = ask.count(question)
    above = st.container()
    page = filters.page_number(number, SIZE)
    question = replace(question, limit=SIZE, offset=(page - 1) * SIZE)
    with above:
        rows, currency = ask.ask(question), ask.current().manifest["currency"]
        first, last = words.count(question.offset + 1), words.count(question.offset + len(rows))
        ends = [words.money(rows["value_of_acting"].iloc[at], currency) for at in (0, -1)]
        places = f"Places {first} to {last} of {words.counted(number, 'customer')}"
        layout.finding(f"{places}: acting could keep {ends[0]} to {ends[1]} each, at most", question, rows)
        st.markdown(f":material/science: **{LABEL}**")
        layout.quiet(
            "Sorted by margin at risk less one contact through the best channel: what could be kept if every contact "
            "worked. No experiment has tested that, and the highest risk is not the best target."
        )
        shown = listed(rows, question.offset)
        offer.customers(shown, "Customers by value of acting", f"risk_{hash(question)}", LABELS, UNITS)
        exports.offer(people(present(view)), "churn_risk")


def listed(rows: pd.DataFrame, offset: int) -> pd.DataFrame:
    """The rows as the table shows them: the interval as text."""
    shown = rows.assign(place=range(offset + 1, offset + 1 + len(rows)))
    ends = zip(rows["p_no_purchase_low"], rows["p_no_purchase_high"], strict=True)
    shown["interval"] = [share_between(low, high) for low, high in ends]
    columns: Sequence[str] = (
        *("place", "customer_id", "value_of_acting", "margin_at_risk", "p_no_purchase", "interval", "risk_band"),
        *("risk_before", "lifecycle", "margin_12m", "usual_gap_days", "last_order_at", "best_channel", "differs_1"),
    )
    return shown[list(columns)]


def share_between(low: object, high: object) -> str:
    """'12 % to 30 %'."""
    return f"{words.share(low)} to {words.share(high)}" if words.known(low) and words.known(high) else words.NOT_KNOWN
