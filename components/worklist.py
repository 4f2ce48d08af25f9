"""Customers in the order of what could be kept by acting: why now, the own rhythm, the channel that may be used."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import streamlit as st

from components import ask, cards, charts, evidence, exports, layout, offer, story, whole_company, words
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.question import Listing, Question, View

SIZE = 25
NONE_PAYS = "none pays"
BANDS = ("high", "medium", "low")  # those of whom the risk is known
SUMS = ("value_of_acting", "margin_at_risk")
RISK = ("risk_band", "p_no_purchase", "p_no_purchase_low", "p_no_purchase_high", "margin_12m")
RHYTHM = ("last_order_at", "usual_gap_days", "next_from", "next_to")
FACTS = (*RISK, *RHYTHM, "differs_1", "best_channel", "response_state")
LABELS = {
    "why": "Why now",
    "likely": "P(no purchase), 90 % interval",
    "rhythm": "Usual gap, and now",
    "next": "Next order usual",
    "channel": "Best channel",
    "consent": "Consent",
    "price": "A contact costs",
}
UNITS = {"price": Unit.MONEY}


# What is asked


def question(view: View) -> Question:
    """Customers whose risk is known, those with most to keep first."""
    return Question(SUMS, ("customer_id",), view.only("risk_band", *BANDS), FACTS, "value_of_acting")


def page(asked: Question, number: int) -> Question:
    """One page of them, counted from 1."""
    return replace(asked, limit=SIZE, offset=(number - 1) * SIZE)


def prices() -> pd.DataFrame:
    """Each channel with what a contact costs and whether it needs consent; nothing of anybody's customers."""
    return whole_company.listing("channel").set_index("channel")


def consents(view: View, keys: list[str]) -> dict[tuple[str, str], tuple[bool, bool]]:
    """Customer and channel -> whether any purpose is allowed, and whether any is refused."""
    found = ask.ask(Listing("consent_state", view.only("customer_id", *keys), limit=10_000)) if keys else None
    if found is None or not len(found):
        return {}
    allowed = found.assign(allowed=found["allowed"].astype(bool), refused=~found["allowed"].astype(bool))
    both = allowed.groupby(["customer_id", "channel"])[["allowed", "refused"]].any()
    return {(str(who), str(channel)): (bool(yes), bool(no)) for (who, channel), yes, no in both.itertuples()}


# What is shown


def figures(view: View, number: int) -> None:
    """How many customers are in the queue, and what of their margin is at risk."""
    known, currency = evidence.cut_off(), ask.current().manifest["currency"]
    within = f"in {words.days(known[1])} from {words.day(known[0])}" if known else "within the horizon"
    found = ask.ask(Question((*SUMS, "expected_lost"), view=view)).iloc[0]
    at_risk, keep = (words.money(found[name], currency, short=True) for name in ("margin_at_risk", "value_of_acting"))
    lost = words.count(found["expected_lost"])
    with cards.row(4):
        bought = "bought before, so that their risk is known"
        cards.card("Customers in the queue", words.count(number), bought, Question(("scored",), view=view))
        for name, figure, note in (
            ("expected_lost", lost, f"expected not to buy {within}, the sum of their risks"),
            ("margin_at_risk", at_risk, f"margin of the last 12 months times the risk of no purchase {within}"),
            ("value_of_acting", keep, "margin at risk less one contact each: if every contact worked"),
        ):
            cards.card(METRICS[name].label, figure, note, Question((name,), view=view))


def warning() -> None:
    """What the order of the queue knows and what not."""
    st.markdown(
        ":orange-badge[risk known, response unknown] :small[:gray[The order goes by what could be kept at most. "
        "Whether a contact keeps anybody, nobody has tested here: leave out a part at random (a holdout) to learn it. "
        "Some customers are better left alone.]]"
    )


def title(rows: pd.DataFrame, asked: Question, number: int, view: View) -> str:
    """Which part of all that could be kept lies with the customers of this page."""
    currency = ask.current().manifest["currency"]
    total = ask.ask(Question(("value_of_acting",), view=view))["value_of_acting"].iloc[0]
    money = words.money(rows["value_of_acting"].sum(), currency, short=True)
    first, last = words.count(asked.offset + 1), words.count(asked.offset + len(rows))
    share = f", {words.share(rows['value_of_acting'].sum() / total)} of what could be kept at most" if total else ""
    return f"Places {first} to {last} of {words.count(number)}: {money}{share}"


def show(asked: Question, view: View, number: int) -> None:
    """One page of the queue: what could be kept of whom, with its interval; why; how to reach them."""
    rows, currency = ask.ask(asked), ask.current().manifest["currency"]
    said = title(rows, asked, number, view)
    layout.finding(said, replace(asked, facts=RISK), rows)
    drawn = charts.ranking_whiskers(
        ranged(rows), "customer_id", "value_of_acting", "low", "high", Unit.MONEY, currency, "could be kept at most"
    )
    charts.draw(drawn, alt=f"What could be kept of each customer, with 90 % intervals, as in the table. {said}.")
    offer.customers(written(rows, view), said, f"queue_{asked.offset}_{hash(asked)}", LABELS, UNITS)
    exports.offer(asked, "my_queue")
    evidence.show("churn")


def ranged(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with low and high: the ends of the risk's interval times the margin, less the same contact."""
    numbers = rows[["margin_12m", "p_no_purchase_low", "p_no_purchase_high", *SUMS]].astype(float)
    margin, price = numbers["margin_12m"].clip(lower=0), numbers["margin_at_risk"] - numbers["value_of_acting"]
    low, high = (numbers[name] * margin - price for name in ("p_no_purchase_low", "p_no_purchase_high"))
    value = numbers["value_of_acting"]
    return rows.assign(low=low.fillna(value).clip(0, value), high=high.fillna(value).clip(lower=value))


def written(rows: pd.DataFrame, view: View) -> pd.DataFrame:
    """The rows as the table shows them: the reason in words, the rhythm, the channel with consent and price."""
    known = evidence.cut_off()
    day = known[0] if known else story.as_of().date()
    stated, channels = consents(view, list(rows["customer_id"])), prices()
    last = story.local(rows["last_order_at"]).dt.date
    shown = pd.DataFrame({"customer_id": rows["customer_id"], "value_of_acting": rows["value_of_acting"]})
    shown["why"] = [why(row, day, since(at, day)) for (_, row), at in zip(rows.iterrows(), last, strict=True)]
    shown["likely"] = [
        f"{words.share(p, 0)} ({words.share(low, 0)} to {words.share(high, 0)})" if words.known(low) else words.share(p)
        for p, low, high in rows[["p_no_purchase", "p_no_purchase_low", "p_no_purchase_high"]].itertuples(index=False)
    ]
    shown["rhythm"] = [rhythm(gap, since(at, day)) for gap, at in zip(rows["usual_gap_days"], last, strict=True)]
    shown["next"] = [
        f"{words.day(first)} to {words.day(end)}" if words.known(first) and words.known(end) else words.NOT_KNOWN
        for first, end in zip(rows["next_from"], rows["next_to"], strict=True)
    ]
    shown["channel"] = rows["best_channel"].astype(str).replace({UNKNOWN: words.NOT_KNOWN})
    reached = list(zip(rows["customer_id"], rows["best_channel"].astype(str), strict=True))
    needs = [bool(channels["needs_consent"].get(channel, False)) for _, channel in reached]
    shown["consent"] = [
        consent(stated.get(one), needed) if one[1] in channels.index else words.NOT_KNOWN
        for one, needed in zip(reached, needs, strict=True)
    ]
    shown["price"] = [channels["unit_cost"].get(channel) for _, channel in reached]
    shown["response_state"] = rows["response_state"].astype(str)
    return shown.assign(differs_1=rows["differs_1"], margin_12m=rows["margin_12m"])


def since(last: date, day: date) -> int | None:
    """Days from the last order to the cut-off."""
    return max(0, (day - last).days) if words.known(last) else None


def why(row: pd.Series, day: date, days: int | None) -> str:
    """'Late since 7 Jul 2026; high risk': against the own rhythm first, then the risk."""
    parts = []
    if words.known(row["next_to"]) and days is not None:
        first, end = pd.Timestamp(row["next_from"]).date(), pd.Timestamp(row["next_to"]).date()
        if end < day:
            parts.append(f"late since {words.day(end)}")
        elif first <= day:
            parts.append(f"due until {words.day(end)}")
    parts.append(f"{row['risk_band']} risk")
    said = "; ".join(parts)
    return said[:1].upper() + said[1:]


def rhythm(gap: float | None, days: int | None) -> str:
    """'usually 34 days, now 71'."""
    if not words.known(gap):
        return "no rhythm yet" + (f", now {words.days(days)}" if days is not None else "")
    now = f"now {words.count(days)}" if days is not None else ""
    usual = f"usually {words.days(gap)}"
    return ", ".join(filter(None, (usual, now)))


def consent(stated: tuple[bool, bool] | None, needed: bool) -> str:
    """What the customer allows on the best channel: refused anywhere, allowed, or not needed."""
    if stated is None:
        return "missing" if needed else "not needed"
    allowed, refused = stated
    if needed:
        return "allowed" if allowed else "missing"
    return "refused" if refused else "not needed"
