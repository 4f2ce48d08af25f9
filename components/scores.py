"""What is expected of one customer: value, risk, answers and states, each with its interval, its date and its proof."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from components import ask, cards, evidence, layout, ratings, tables, words
from data.catalog import Unit
from data.contract import UNKNOWN
from data.question import Listing, Question, Refused, View

SUMS = ("potential_value", "potential_1y", "potential_3y", "margin_at_risk", "value_of_acting")
FACTS = (
    *("potential_low", "potential_high", "p_no_purchase", "p_no_purchase_low", "p_no_purchase_high"),
    *("churn_horizon_days", "risk_band", "risk_before", "lifecycle", "quadrant", "rfm", "rfm_before", "profile"),
    *("best_channel", "best_earns", "best_basis", "differs_1", "differs_2", "differs_3"),
)
NONE_PAYS, NEW, DAYS_BEFORE = "none pays", "(new)", 30
TESTED = "from tests on that channel with customers held out at random"
UNTESTED = "not tested: risk known, response unknown"
NOT_SCORED = "nothing was bought yet, so nothing can be expected"
LABELS = {
    "sent": "Contacts",
    "answered": "Answered",
    "rate": "Rate of answers",
    "interval": "90 % interval",
    "response_state": "Responder",
}
UNITS = {"sent": Unit.COUNT, "answered": Unit.COUNT, "rate": Unit.SHARE}


# What is asked


def question(view: View, metrics: tuple[str, ...] = SUMS, facts: tuple[str, ...] = FACTS) -> Question:
    """The scores of the customer of a view."""
    return Question(metrics, ("customer_id",), view, facts)


def known(view: View) -> pd.Series | None:
    """The scores; None in builds of an earlier Rapport, which had none."""
    try:
        return ask.ask(question(view)).iloc[0]
    except Refused:
        return None


def answers(view: View) -> pd.DataFrame:
    """Channels on which the customer was contacted in the last 24 months, with the rate of answers on each."""
    return ask.ask(Listing("learned_response", view))


# What is shown


def show(own: View, beat: Any) -> None:
    """Everything that is expected of the customer. beat: the own rhythm, as the timeline shows it."""
    found, at = known(own), evidence.cut_off()
    if found is None or at is None:
        layout.quiet("This build was made by an earlier Rapport, which expected nothing of customers yet.")
        return
    currency = ask.current().manifest["currency"]
    layout.finding(title(found, currency), question(own))
    headline(found, own, currency)
    layout.quiet(f"Scores as of {words.day(at[0])}, the last day of the data they were learned from.")
    for model in ("value", "churn"):
        evidence.show(model)
    tables.facts(
        standing(found, beat), alt="Where the customer stands: risk, lifecycle, value, RFM, profile, next order"
    )
    rows = answers(own)
    if len(rows):
        layout.finding(answers_title(rows))
        shown = rows.assign(interval=[share_range(a, b) for a, b in zip(rows["rate_low"], rows["rate_high"])])
        columns = ["channel", "sent", "answered", "rate", "interval", "response_state"]
        tables.table(shown[columns], "Rate of answers on each channel, with its interval", "", LABELS, UNITS)
        layout.quiet(
            "Of the last 24 months, drawn toward what is usual on the channel. An answer is not an opened message."
        )
        evidence.show("responsiveness")
    different = [str(found[name]) for name in FACTS[-3:] if words.known(found[name]) and found[name]]
    if different:
        number = words.counted(len(different), "feature")
        layout.finding(
            f"Differs most from its segment in {number}" if len(different) > 1 else "Differs from its segment"
        )
        st.markdown("\n".join(f"- {words.safe_text(line)}" for line in different))
        evidence.show("profiles")


def headline(found: pd.Series, own: View, currency: str) -> None:
    """Potential value, risk and the next contact: with rank and ROI above, five scores and no more."""
    horizon = found["churn_horizon_days"]
    within = f"no purchase in {words.days(horizon)}" if words.known(horizon) else "no purchase"
    with cards.row(3):
        parts = ("potential_value", "potential_1y", "potential_3y"), ("potential_low", "potential_high")
        value = words.figure(found["potential_value"], Unit.MONEY, currency, short=True)
        cards.card("Potential value", value, potential(found, currency), question(own, *parts))
        facts = ("p_no_purchase", "p_no_purchase_low", "p_no_purchase_high", "churn_horizon_days")
        chance = words.figure(found["p_no_purchase"], Unit.SHARE)
        span = share_range(found["p_no_purchase_low"], found["p_no_purchase_high"])
        said = f"90 % interval {span}" if words.known(found["p_no_purchase"]) else NOT_SCORED
        cards.card(f"P({within})", chance, said, question(own, (), facts))
        behind = question(own, ("value_of_acting", "margin_at_risk"), ("best_channel", "best_earns", "best_basis"))
        cards.card("Next contact, expected to earn", *contact(found, currency), behind)


def potential(found: pd.Series, currency: str) -> str:
    """The interval of the potential value, and its parts within one and three years."""
    if not words.known(found["potential_value"]):
        return NOT_SCORED
    low, high, one, three = (
        words.figure(found[name], Unit.MONEY, currency, short=True)
        for name in ("potential_low", "potential_high", "potential_1y", "potential_3y")
    )
    return f"90 % interval {low} to {high}, without end; {one} of it within 1 year, {three} within 3"


def contact(found: pd.Series, currency: str) -> tuple[str, str]:
    """What the next contact is expected to earn, and by which channel; unproven where nobody was held out."""
    channel, most = found["best_channel"], words.figure(found["value_of_acting"], Unit.MONEY, currency, short=True)
    if channel == UNKNOWN or not words.known(channel):
        return words.NOT_KNOWN, "no channel is allowed, or none was used yet"
    earns = words.figure(found["best_earns"], Unit.MONEY, currency)
    how = TESTED if found.get("best_basis") == "tested" else UNTESTED
    if channel == NONE_PAYS:
        return "No channel pays", f"the best one is expected to earn {earns}, less than nothing; {how}"
    return earns, f"by {channel}, the best channel; {how}. Acting keeps {most} at most"


def standing(found: pd.Series, beat: Any) -> list[tuple[str, str]]:
    """States of the customer and how they moved, as a list."""
    rows = [
        ("Risk", moved(found["risk_band"], found["risk_before"])),
        ("Lifecycle", state(found["lifecycle"])),
        ("Value quadrant", state(found["quadrant"])),
        ("RFM", rfm(found["rfm"], found["rfm_before"])),
        ("Profile", state(found["profile"])),
        ("Own rhythm", own_rhythm(beat)),
    ]
    return [(name, words.safe_text(text)) for name, text in rows]


# Words


def title(found: pd.Series, currency: str) -> str:
    """What is expected, in one sentence."""
    if not words.known(found["p_no_purchase"]):
        return "Nothing is expected of this customer yet"
    value = words.figure(found["potential_value"], Unit.MONEY, currency, short=True)
    risk, days = words.share(found["p_no_purchase"]), words.days(found["churn_horizon_days"])
    return f"Expected to bring {value}; no purchase in the next {days} with a chance of {risk}"


def state(value: Any) -> str:
    """A state, or that it is not known."""
    return "not known" if not words.known(value) or value == UNKNOWN else str(value)


def moved(now: Any, before: Any) -> str:
    """'high, medium 30 days before'."""
    if state(now) == "not known":
        return "not known"
    if before == NEW:
        return f"{now}; a customer for less than {DAYS_BEFORE} days"
    return f"{now}, {'the same' if now == before else state(before)} {DAYS_BEFORE} days before"


def rfm(now: Any, before: Any) -> str:
    """'545: recency 5, frequency 4, money 5 of 5; 535 30 days before'."""
    if state(now) == "not known":
        return "not known"
    recency, frequency, money = list(str(now))
    said = f"{now}: recency {recency}, frequency {frequency}, money {money}, 5 the best fifth"
    return f"{said}; {'the same' if now == before else state(before)} {DAYS_BEFORE} days before"


def own_rhythm(beat: Any) -> str:
    """'usually every 34 days, now 71; the next order is usual from … to …'."""
    if beat is None or beat.usual is None:
        return "too few orders for one"
    first, last = (words.day(day) for day in beat.window)
    now = f"usually every {words.days(beat.usual)}, now {words.count(beat.since)}{', later than usual' * beat.late}"
    return f"{now}; next order usual from {first} to {last}"


def share_range(low: Any, high: Any) -> str:
    """'12 % to 34 %'."""
    return ratings.interval(low, high, Unit.SHARE)


def answers_title(rows: pd.DataFrame) -> str:
    """On which channels the customer is known to answer, or not to."""
    parts = []
    for wanted, said in (("high", "Answers often by"), ("low", "rarely by")):
        if channels := sorted(rows.loc[rows["response_state"] == wanted, "channel"].astype(str)):
            parts.append(f"{said} {words.listed(channels)}")
    if not parts:
        return f"Not enough evidence on any of {words.counted(len(rows), 'channel')} to call the customer a responder"
    text = "; ".join(parts)
    return words.safe_text(text[:1].upper() + text[1:])
