"""Customer by customer: which channel and why, what it is expected to bring, the runner-up, consent and waiting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from components import access, ask, filters, layout, offer, plan_words, words
from components.plan_moves import NOTHING
from components.plan_solved import Solved
from data.catalog import Unit
from data.plan import REFUSED, WHOLLY
from data.plan_rows import DRAWN
from data.rights import CUSTOMERS

SIZE = 25
ALL, EVERY = "All channels", "Every reason"
NO_CONSENT = ("no consent", "other purpose")
WAITS = ("too soon", "enough contacts", "released from this channel")
DRAWS = {"plan": "the plan", "explore nobody": "by lot", "explore channel": "by lot", "locked": "a person"}
OUTSIDE = {
    "global holdout": "Held out for good", "in a running test": "In a test that still runs",
    "released": "Released: no contacts",
}  # fmt: skip
LABELS = {
    "customer_id": "Customer", "channel": "Plan", "why": "Why", "net": "Net (expected, unproven)",
    "interval": "90 % interval", "runner_up": "Runner-up", "regret": "Deviating costs", "drawn": "Decided by",
    "consent": "No consent for", "waits": "Must wait on",
}  # fmt: skip
UNITS = {"net": Unit.MONEY, "regret": Unit.MONEY}


def show(one: Solved) -> None:
    """A page of customers, the most expected first; one can be opened."""
    if one.groups or not access.may(CUSTOMERS):
        layout.quiet("Single customers are shown to those who look after them; you see sums.")
        return
    layout.finding("Customer by customer")
    with st.container(horizontal=True, gap="small"):
        channel = filters.choice("planned", (ALL, *dict.fromkeys((*one.labels, NOTHING))), ALL, "Planned channel", 220)
        reasons = reasons_of(one)
        why = filters.choice("because", (EVERY, *dict.fromkeys(reasons)), EVERY, "Reason", 320)
    rows = chosen(one, channel, why)
    if not len(rows):
        layout.quiet("No customer of the plan has this channel for this reason.")
        return
    above = st.container()
    page = filters.page_number(len(rows), SIZE)
    part = rows[(page - 1) * SIZE : page * SIZE]
    with above:
        frame = listed(one, part)
        first = (page - 1) * SIZE + 1
        layout.quiet(
            f"{words.count(first)} to {words.count(first + len(frame) - 1)} of {words.counted(len(rows), 'customer')}, "
            f"most expected first ({plan_words.UNPROVEN}). Deviating costs: what the whole plan is expected to lose "
            "if this customer gets the runner-up instead."
        )
        offer.customers(frame, "Customers of the plan with channel and reason", "channel_plan", LABELS, UNITS)


def reasons_of(one: Solved) -> list[str]:
    """The reasons of this plan, in the order of the solver."""
    there = np.unique(one.plan.reason[one.inside])
    names = [plan_words.REASONS[one.done.reasons[at]] for at in there]
    return names + [OUTSIDE[WHOLLY[code]] for code in np.unique(one.candidates.out) if code]


def chosen(one: Solved, channel: str, why: str) -> np.ndarray:
    """Places of customers with this channel and reason, the most expected first, then in the order of their keys."""
    mine = np.ones(len(one.candidates), bool)
    if channel == NOTHING:
        mine &= one.plan.channel < 0
    elif channel != ALL:
        mine &= one.plan.channel == one.labels.index(channel)
    if why != EVERY:
        mine &= np.array([text == why for text in whys(one)])[codes(one)]
    rows = np.flatnonzero(mine)
    net = one.each(one.candidates.effect) - one.costs
    return rows[np.lexsort((rows, -net[rows], one.plan.channel[rows] < 0))]


def codes(one: Solved) -> np.ndarray:
    """(n,) places in `whys`: the solver's reason, or why a customer is in no plan."""
    out = one.candidates.out.astype(np.int64)
    return np.where(out > 0, len(one.done.reasons) + out, one.plan.reason.astype(np.int64))


def whys(one: Solved) -> list[str]:
    """Every reason as the table says it."""
    return [plan_words.REASONS[name] for name in one.done.reasons] + [OUTSIDE.get(name, "") for name in WHOLLY]


def listed(one: Solved, rows: np.ndarray) -> pd.DataFrame:
    """The rows as the table shows them."""
    found, currency = one.candidates, ask.current().manifest["currency"]
    names, texts, places = (*one.labels, NOTHING), whys(one), codes(one)
    at, second = one.plan.channel[rows], one.plan.runner_up[rows]
    cost = one.costs[rows]
    reached = at >= 0
    nets, lows, highs = (
        np.where(reached, one.each(figures)[rows] - cost, np.nan) for figures in (found.effect, found.low, found.high)
    )
    return pd.DataFrame(
        {
            "customer_id": found.customer_id[rows],
            "channel": [names[place] for place in at],
            "why": [texts[place] for place in places[rows]],
            "net": nets,
            "interval": [
                plan_words.between(*ends, currency) if words.known(ends[0]) else "" for ends in zip(lows, highs)
            ],
            "runner_up": [names[place] for place in second],
            "regret": np.where(found.allowed[rows].any(axis=1), one.plan.regret[rows], np.nan),
            "drawn": [drawn_by(one, place) for place in rows],
            "consent": [barred(one, place, NO_CONSENT) for place in rows],
            "waits": [barred(one, place, WAITS) for place in rows],
        }
    )


def drawn_by(one: Solved, place: int) -> str:
    """Who decided: the plan, the lot, a person; nobody of who is in no plan."""
    return DRAWS[DRAWN[one.done.drawn[place]]] if one.inside[place] else ""


def barred(one: Solved, place: int, reasons: Sequence[str]) -> str:
    """The channels that a customer cannot get for one of these reasons, by name."""
    refusal = one.candidates.refusal[place]
    return ", ".join(label for label, code in zip(one.labels, refusal, strict=True) if REFUSED[code] in reasons)
