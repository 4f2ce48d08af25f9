"""The effect of a campaign as it came in: by day with an interval that holds at any look, and the one of the end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from components import charts, words
from components.axes import floats, value_axis
from data.catalog import Unit

BAND = "rgba(110,135,220,0.16)"
AT_THE_END = "at the end"
SMALL = 100  # amounts below it are written with their cents


def unit_of(outcome: Any) -> Unit:
    """In which unit an effect a customer is written."""
    return Unit.SHARE if outcome == "responses" else Unit.RATIO if outcome == "orders" else Unit.MONEY


def effect(days: pd.DataFrame, outcome: Any, currency: str, pays: float | None, ends: datetime | None) -> go.Figure:
    """A line of the effect a customer, its band, zero, what a customer cost, the end of the window.

    days: day, effect, low, high, interval; pays: cost of a treated customer, drawn where it is in the unit of the
    effect; ends: of the window.
    """
    unit, figure = unit_of(outcome), charts.base(330)
    at = pd.to_datetime(days["day"])
    middle, low, high = (floats(days[name]) for name in ("effect", "low", "high"))
    end = days["interval"].eq(AT_THE_END) & low.notna()
    running = low.notna() & ~end
    for values, how in ((low[running], {}), (high[running], {"fill": "tonexty", "fillcolor": BAND})):
        figure.add_scatter(
            x=at[running], y=values, mode="lines", line={"width": 0}, hoverinfo="skip", showlegend=False, **how
        )
    texts = [said(m, b, t, unit, currency) for m, b, t in zip(middle, low, high, strict=True)]
    figure.add_scatter(
        x=at, y=middle, mode="lines", line={"color": charts.FIGURE, "width": 2.25}, customdata=texts,
        hovertemplate="%{x|%d %b %Y}: %{customdata}<extra></extra>", name="effect a customer",
    )  # fmt: skip
    if end.any():
        figure.add_scatter(
            x=at[end], y=middle[end], mode="markers", marker={"color": charts.FIGURE, "size": 10, "symbol": "diamond"},
            error_y={"type": "data", "symmetric": False, "array": (high - middle)[end],
                     "arrayminus": (middle - low)[end], "color": charts.FIGURE, "thickness": 2, "width": 5},
            hoverinfo="skip", name="at the end, as fixed beforehand",
        )  # fmt: skip
    figure.add_hline(y=0, line={"color": charts.QUIET, "width": 1})
    if pays and unit == Unit.MONEY:
        figure.add_hline(
            y=pays, line={"color": charts.THIRD, "width": 1.5, "dash": "dot"},
            annotation={"text": f"what a customer cost: {words.money(pays, currency)}", "font": {"size": 11}},
            annotation_position="top left",
        )  # fmt: skip
    if ends is not None:
        stop = pd.Timestamp(ends)
        figure.add_scatter(x=[stop, stop], y=span(middle, low, high, pays), mode="lines", name="end of the window",
                           line={"color": charts.QUIET, "width": 1, "dash": "dash"}, hoverinfo="skip")  # fmt: skip
    small = (
        {"tickformat": ",.2f"} if unit == Unit.MONEY and max(map(abs, span(middle, low, high, pays))) < SMALL else {}
    )
    return figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND,
        xaxis={"showgrid": False, "nticks": 7},
        yaxis=value_axis(unit, currency) | small | {"title": {"text": "effect a customer", "font": {"size": 12}}},
    )


def span(middle: pd.Series, low: pd.Series, high: pd.Series, pays: float | None) -> list[float]:
    """The lowest and the highest value drawn."""
    values = [0.0, pays or 0.0, *middle.dropna(), *low.dropna(), *high.dropna()]
    return [min(values), max(values)]


def said(middle: float, low: float, high: float, unit: Unit, currency: str) -> str:
    """'€0.42 (−€0.10 to €0.94)'."""
    written = [words.figure(value, unit, currency) for value in (middle, low, high)]
    return (
        f"{written[0]} ({written[1]} to {written[2]})"
        if words.known(low)
        else f"{written[0]}, too early for an interval"
    )
