"""Charts of one partner: its figures beside the middle half of its peers, and its place over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import log

import pandas as pd
import plotly.graph_objects as go

from components import charts, words
from components.axes import plain, spread
from components.partner_words import three_months

MOST = 3.0  # half widths from the middle; what lies further is drawn there
BAND = "rgba(110,135,220,0.28)"


def position(value: float, low: float, middle: float, high: float, logs: bool = False) -> float:
    """Where a figure stands beside its peers: −1 and 1 are the ends of their middle half, 0 is the middle one.

    logs: measured in powers, for amounts that spread over several of them.
    """
    if logs and min(value, low, middle) > 0:
        value, low, middle, high = (log(one) for one in (value, low, middle, high))
    gap = value - middle
    half = high - middle if gap > 0 else middle - low
    if gap == 0:
        return 0.0
    return max(-MOST, min(MOST, gap / half)) if half > 0 else (MOST if gap > 0 else -MOST)


def benchmark(rows: pd.DataFrame) -> go.Figure:
    """A band and a dot for every measure. rows: label, at (a position), own and band (both as text)."""
    figure = charts.base(76 + 40 * len(rows))
    names = [plain(label) for label in rows["label"]]
    for name in names:
        figure.add_scatter(x=[-1, 1], y=[name] * 2, mode="lines", line={"width": 16, "color": BAND}, hoverinfo="skip")
    figure.add_scatter(
        x=rows["at"],
        y=names,
        mode="markers+text",
        text=rows["own"],
        textposition=["middle right" if at < MOST - 0.6 else "middle left" for at in rows["at"]],
        marker={"color": charts.FIGURE, "size": 12},
        customdata=[f"{own}; middle half of peers {band}" for own, band in zip(rows["own"], rows["band"], strict=True)],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
        cliponaxis=False,
    )
    figure.add_vline(x=0, line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    return figure.update_layout(
        xaxis={
            "range": [-MOST - 0.5, MOST + 0.5],
            "tickvals": [0],
            "ticktext": ["middle half of peers"],
            "tickangle": 0,
            "showgrid": False,
            "side": "top",
        },
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
    )


def with_pace(figure: go.Figure, aims: Sequence[tuple[date, float]], said: Sequence[str]) -> go.Figure:
    """A trend with what was aimed at each month. said: each aim as text."""
    figure.add_scatter(
        x=[pd.Timestamp(month) for month, _ in aims],
        y=[aim for _, aim in aims],
        mode="lines",
        line={"color": charts.QUIET, "width": 1.5, "dash": "dash", "shape": "hvh"},
        name="target pace",
        hovertemplate=[f"target {text}<extra></extra>" for text in said],
    )
    return figure.update_layout(showlegend=True)


def places(rows: Sequence[tuple[date, int | None, int]]) -> go.Figure:
    """The place by revenue in every quarter, the best one on top. rows: first month, place, of how many."""
    figure = charts.base(230)
    names = [three_months(month) for month, _, _ in rows]
    figure.add_scatter(
        x=names,
        y=[place for _, place, _ in rows],
        mode="lines+markers+text",
        text=["" if place is None else words.count(place) for _, place, _ in rows],
        textposition="top center",
        line={"color": charts.FIGURE, "width": 2.25},
        marker={"size": 8, "color": charts.FIGURE},
        hovertemplate=[f"place {place} of {of}<extra></extra>" for _, place, of in rows],
        cliponaxis=False,
    )
    known = [place for _, place, _ in rows if place is not None] or [1]
    room = max(1.0, 0.25 * (max(known) - min(known)))
    return figure.update_layout(
        xaxis={"type": "category", "showgrid": False, "tickangle": 0, "tickvals": spread(names, 3)},
        yaxis={"range": [max(known) + room, min(known) - room], "visible": False},
        margin_t=24,
    )
