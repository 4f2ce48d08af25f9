"""How a model did on what came later, as pages show it beside its figures: against baselines, by curves, calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from components import charts, evidence, layout, model_cards, proof, score_charts, words
from data.catalog import Unit
from data.model_card import NOT_ENOUGH

SMALLER = ("error", "brier", "loss", "ece")  # parts of the names of measures of which less is better
NEAR_ZERO = "total error"  # a measure that is best at zero


def latest(model: str) -> pd.DataFrame:
    """The backtest at the latest cut-off, in the order of the card."""
    return model_cards.latest(model_cards.of("model_backtest", model))


def method(model: str) -> str:
    """What is in use; empty without a card."""
    return of_card(model, "method")


def state(model: str) -> str:
    """Whether the model is in use, its baseline is, or neither can be told; empty without a card."""
    return of_card(model, "state")


def of_card(model: str, column: str) -> str:
    """One text of the card."""
    card = model_cards.card_of(model)
    return str(card[column]) if card is not None else ""


def curve(model: str, *names: str) -> pd.DataFrame:
    """The points of the first of these curves that the card has."""
    found = model_cards.of("model_curve", model)
    for name in names if len(found) else ():
        part = found[(found["curve"] == name) & found["y"].notna()]
        if len(part):
            return part
    return pd.DataFrame(columns=["series", "x", "y", "low", "high"])


def absent(what: str) -> None:
    """A proof that this build does not have: said in the place where it would stand."""
    layout.quiet(f"{what} Nothing on this page says how close such figures came in the past.")


def against(model: str, measures: Sequence[str]) -> None:
    """Model and baselines side by side on what came after the latest cut-off; always there, in words when untested."""
    tests = latest(model)
    if not len(tests):
        layout.finding("Not tested against a baseline yet")
        absent("A backtest needs at least two horizons of history before the cut-off.")
        evidence.show(model)
        return
    told = set(tests.loc[tests["value"].notna(), "measure"])
    asked = [name for name in measures if name in told] or list(dict.fromkeys(tests["measure"]))[:2]
    after = words.day(tests["cut_off"].iloc[0])
    used = method(model)
    title = verdict(tests[tests["measure"] == asked[0]], asked[0], used, after)
    if state(model) == NOT_ENOUGH:
        title = f"Tested on {words.counted(tests['customers'].max(), 'customer')}, too few to prove anything"
    layout.finding(words.safe_text(title, 300))
    with st.grid(min(len(asked), 2), min_column_width=320, gap="medium"):
        for measure in asked:
            part = tests[tests["measure"] == measure]
            said = model_cards.measured(measure, part)
            with st.container(gap="xsmall"):
                name = proof.CALLED.get(measure, measure)
                st.markdown(f"**{words.safe_text(name[:1].upper() + name[1:])}** :gray[({better(measure)})]")
                charts.draw(proof.against(part, used), alt=f"Bars. {said}.", key=f"_against_{model}_{measure}")
    if meant := proof.meanings([*asked, *tests[tests["measure"].isin(asked)]["candidate"]]):
        layout.quiet(meant)
    evidence.show(model)


def total_error(model: str) -> str:
    """How far the sum of such forecasts was off: customers' errors go together, so their intervals do not add up."""
    tests, used = latest(model), method(model)
    own = tests[tests["measure"] == NEAR_ZERO] if len(tests) else tests
    own = own[[proof.is_used(name, used) for name in own["candidate"]]] if len(own) else own
    if not len(own):
        return "The sum's own interval is not known: no forecast of it has been tested"
    row = own.iloc[0]
    ends = f" (interval {words.share(row['low'])} to {words.share(row['high'])})" if words.known(row["low"]) else ""
    side = "too high" if row["value"] > 0 else "too low"
    return f"The last forecast of all purchases was {words.share(abs(row['value']))} {side}{ends}"


def better(measure: str) -> str:
    """How to read a measure."""
    if measure == NEAR_ZERO:
        return "best at 0; below 0 too little was expected"
    return "smaller is better" if any(word in measure.lower() for word in SMALLER) else "larger is better"


def verdict(part: pd.DataFrame, measure: str, used: str, after: str) -> str:
    """'On what came after 4 Apr 2026, Pareto/NBD was best by AUC: 0.87, next MBG/NBD 0.869', or who was better."""
    own = part[[proof.is_used(name, used) for name in part["candidate"]]]
    others = part.drop(own.index)
    if not len(own) or not len(others):
        return f"Tested on what came after {after}, by {proof.CALLED.get(measure, measure)}"
    sign = -1 if better(measure).startswith("smaller") else 1
    rank = (lambda value: -abs(value)) if measure == NEAR_ZERO else (lambda value: sign * value)
    ours, best = own.iloc[0], others.loc[others["value"].map(rank).idxmax()]
    name, value, nearest = proof.CALLED.get(measure, measure), proof.number(ours["value"]), proof.number(best["value"])
    said = f"{best['candidate']} was best by {name}: {nearest}; {ours['candidate']} had {value}"
    if nearest == value:
        said = f"{ours['candidate']} and {best['candidate']} were level by {name}: {value}"
    elif rank(ours["value"]) > rank(best["value"]):
        said = f"{ours['candidate']} was best by {name}: {value}, next {best['candidate']} {nearest}"
    return f"On what came after {after}, {said}"


def calibration(model: str, what: str) -> None:
    """What was predicted and what came, bin by bin, for what is in use. what: the thing that is predicted."""
    bins = model_cards.of("model_calibration", model)
    if not len(bins):
        layout.finding("Calibration is not known yet")
        absent("No closed window was there to compare predictions with.")
        return
    own = bins[[proof.is_used(name, method(model)) for name in bins["candidate"]]]
    bins = own if len(own) else bins[bins["candidate"] == bins["candidate"].iloc[0]]
    inside = int(((bins["predicted"] >= bins["low"]) & (bins["predicted"] <= bins["high"])).sum())
    title = f"Calibration: in {words.count(inside)} of {words.counted(len(bins), 'group')} what was predicted came"
    layout.finding(title)
    charts.draw(
        proof.calibration(bins),
        alt=f"{title}, within its interval. Dots on the dotted line agree. {listed(bins)}",
        key=f"_calibrated_{model}",
    )
    layout.quiet(
        f"A dot is a group of customers with similar predictions: {what} as predicted, across, and as it came, up, "
        f"with the interval that its number of customers allows. {inside} of {len(bins)} intervals hold the prediction."
    )


def listed(bins: pd.DataFrame) -> str:
    """The calibration in words."""
    pairs = zip(bins["predicted"], bins["observed"], strict=True)
    return " ".join(f"{proof.number(p)} predicted, {proof.number(o)} came." for p, o in pairs)


def drawn(
    part: pd.DataFrame,
    title: str,
    axes: tuple[str, str],
    units: tuple[Unit, Unit],
    key: str,
    remark: str = "",
    marker: float | None = None,
) -> None:
    """One curve of a card under its finding; beyond the limit of marks it is thinned evenly."""
    thin = -(-2 * len(part) // charts.MOST_MARKS) or 1
    part = pd.concat([one[::thin] for _, one in part.groupby("series", sort=False)])
    layout.finding(words.safe_text(title, 300))
    figure: go.Figure = score_charts.lines(part, axes, units, tuple(part["series"].unique()[2:]), marker)
    charts.draw(figure, alt=f"Lines of {words.listed(list(map(str, part['series'].unique())))}. {title}.", key=key)
    if remark:
        layout.quiet(remark)
