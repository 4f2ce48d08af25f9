"""From which risk on to contact: precision, recall, customers, cost and capacity of channels, all of one slider."""

from __future__ import annotations

import numpy as np
import pandas as pd

from components import access, ask, cards, filters, holdouts, layout, risk, tables, whole_company, words
from data.catalog import Unit
from data.question import Question, View

STEPS = tuple(f"{step / 20:.2f}" for step in range(20))
START = "0.65"
MEASURES = ("brier", "auc", "Brier", "AUC")
LABELS = {
    "label": "Best channel",
    "scored": "Customers",
    "unit_cost": "Cost of a contact",
    "cost": "Cost",
    "capacity_per_month": "Contacts a month",
    "months": "Months it takes",
}
UNITS = {
    **dict.fromkeys(("scored", "capacity_per_month"), Unit.COUNT),
    **dict.fromkeys(("unit_cost", "cost"), Unit.MONEY),
    "months": Unit.RATIO,
}


def show(view: View) -> None:
    """The slider, and everything that hangs on it."""
    layout.finding("From which risk on to contact: what that finds, misses, costs and takes")
    chosen = filters.step("threshold", STEPS, START, "Contact customers whose risk is at least")
    curve = holdouts.curve("churn", "threshold")
    held = {name: at(curve, name, float(chosen)) for name in ("precision", "recall")}
    everybody = at(curve, "precision", 0.0)
    if access.may_split(ask.current(), "risk_step", "best_channel"):
        found = by_channel(risk.present(view), chosen)
        figures(found, held, everybody, risk.sums(risk.present(view))["scored"])
        channels(found, chosen)
    else:
        with cards.row(2):
            proven(held, everybody)
        layout.quiet("Whom to contact, and at which cost, is not shown to readers of groups.")
    if len(curve):
        part = curve[curve["series"].isin(["precision", "recall"])]
        title = f"At {words.share(float(chosen), 0)} the last holdout had {said(held)}"
        axes = ("contacted from this risk on", "share")
        holdouts.drawn(part, title, axes, (Unit.SHARE, Unit.SHARE), "_threshold", marker=float(chosen))
    layout.quiet(
        "No threshold is right in itself, 0.5 least of all. Where to stop depends on what a contact costs, on how many "
        "the channels can carry, and on whether contacts work, which no experiment has tested. Precision and recall "
        "are of everybody scored at the last backtest, also of customers who had lapsed; the numbers to contact are of "
        "those who are still here."
    )


def by_channel(view: View, chosen: str) -> pd.DataFrame:
    """Customers from the threshold on by their best channel: numbers, cost, capacity, months it takes.

    Who has no channel that is allowed and pays stays a row without cost.
    """
    asked = Question(
        ("scored", "expected_lost", "value_of_acting"),
        ("best_channel",),
        view.only("risk_step", *(step for step in STEPS if step >= chosen)),
    )
    found = ask.ask(asked)
    found = found[found["scored"] > 0].rename(columns={"best_channel": "channel"})
    about = whole_company.listing("channel")[["channel", "label", "unit_cost", "capacity_per_month"]]
    found = found.assign(channel=found["channel"].astype(str)).merge(about, on="channel", how="left")
    numbers = ["scored", "expected_lost", "value_of_acting", "unit_cost", "capacity_per_month"]
    found[numbers] = found[numbers].apply(pd.to_numeric).astype(float)
    found["label"] = found["label"].fillna(found["channel"])
    found["cost"] = found["scored"] * found["unit_cost"]
    found["months"] = found["scored"] / found["capacity_per_month"].where(found["capacity_per_month"] > 0)
    return found.sort_values(["scored", "channel"], ascending=[False, True]).reset_index(drop=True)


def at(curve: pd.DataFrame, series: str, threshold: float) -> float:
    """A curve's value at a threshold, between its points in a straight line; NaN beyond them."""
    part = curve[curve["series"] == series].sort_values("x")
    if not len(part):
        return float("nan")
    x, y = (part[name].astype(float).to_numpy() for name in ("x", "y"))
    return float(np.interp(threshold, x, y, left=np.nan, right=np.nan))


def figures(found: pd.DataFrame, held: dict[str, float], everybody: float, here: float) -> None:
    """How many, how many of them rightly, how many of the lost, and the cost."""
    number, currency = found["scored"].sum(), ask.current().manifest["currency"]
    share = words.share(number / here) if here else words.NOT_KNOWN
    cheapest = whole_company.listing("channel")["unit_cost"].astype(float).min()
    least = words.money(number * cheapest, currency, short=True) if words.known(cheapest) else words.NOT_KNOWN
    without = found.loc[found["unit_cost"].isna(), "scored"].sum()
    apart = f"; {words.count(without)} have no channel that is allowed and pays" if without else ""
    cost = found["cost"].sum(min_count=1 if len(found) else 0)
    with cards.row(4):
        expected = f"{words.count(found['expected_lost'].sum())} of them are expected to be lost"
        cards.card("To contact", words.count(number), f"{share} of those still here; {expected}")
        proven(held, everybody)
        note = f"one contact each through the best channel{apart}. The cheapest channel for all: {least}"
        cards.card("Cost of contacting them", words.figure(cost, Unit.MONEY, currency, short=True), note)


def proven(held: dict[str, float], everybody: float) -> None:
    """Precision and recall in the last backtest. everybody: the precision of contacting all, which costs no model."""
    untested = "not known: no window has closed in which it could be tested"
    notes = {
        "precision": "of those contacted would have been lost, in the last backtest; of everybody "
        f"{words.figure(everybody, Unit.SHARE)} were",
        "recall": "of those who were lost would have been contacted, in the last backtest",
    }
    for name, note in notes.items():
        known = words.known(held[name])
        cards.card(name.capitalize(), words.figure(held[name], Unit.SHARE), note if known else untested)


def channels(found: pd.DataFrame, chosen: str) -> None:
    """Cost and capacity, channel by channel."""
    currency, risk_ = ask.current().manifest["currency"], words.share(float(chosen), 0)
    if not len(found):
        layout.quiet(f"Nobody who is still here has a risk of {risk_} or more.")
        return
    tight = found[found["months"] > 1]
    told = [
        f"{words.safe_text(row.label, 60)} takes {words.ratio(row.months)} months"
        for row in tight.itertuples(index=False)
    ]
    within = "Every channel can do it within a month." if found["months"].notna().any() else "Capacity is not known."
    capacity = f"Beyond a month's capacity: {words.listed(told)}." if told else within
    kept = words.safe_text(words.money(found["value_of_acting"].sum(), currency, short=True))
    layout.quiet(f"{capacity} Acting could keep {kept} at most, if every contact worked.")
    shown = found[["label", "scored", "unit_cost", "cost", "capacity_per_month", "months"]]
    tables.table(shown, "Customers to contact by best channel", currency, LABELS, UNITS, ("label",))


def said(held: dict[str, float]) -> str:
    """'a precision of 81.0 % and a recall of 60.2 %'."""
    return words.listed([f"a {name} of {words.figure(value, Unit.SHARE)}" for name, value in held.items()])
