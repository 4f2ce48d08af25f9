"""Every chart of the product: pure functions from data frames to figures, and the one place that draws them.

Colours are Streamlit's placeholders for the theme's categorical colours: the browser puts in those of the light or the
dark theme, also when the reader switches. What each stands for is written beside the palette in .streamlit/config.toml.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from components import words
from components.axes import floats, hover, of_money, plain, reach, spread, value_axis
from data.catalog import METRICS, Metric, Unit

FIGURE, BETTER, WORSE, BREACH, QUIET, SECOND, THIRD, FOURTH, WORDS = (f"#00000{i}" for i in range(1, 10))
SERIES = (FIGURE, BETTER, THIRD, WORSE, FOURTH, SECOND)
MOST_MARKS = 5_000
ROW = 36  # pixels for one bar of a horizontal chart
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "title": None}  # above the chart
SYMBOLS = {  # an event is told by its symbol and its row, never by colour alone
    "order": ("circle", FIGURE),
    "return": ("x", WORSE),
    "adjustment": ("diamond-open", QUIET),
    "contact": ("triangle-up", SECOND),
    "held out": ("triangle-up-open", QUIET),
    "service": ("square", THIRD),
    "response": ("star", BETTER),
    "joined": ("hexagon", FOURTH),
    "campaign share": ("line-ns-open", QUIET),
}


def draw(figure: go.Figure, alt: str, key: str | None = None) -> None:
    """Put a figure on the page. alt: what it shows, for those who do not see it; it is never empty."""
    marks = sum(marks_of(trace) for trace in figure.data)
    if not alt or marks > MOST_MARKS:
        raise ValueError(f"A chart needs a text alternative and at most {MOST_MARKS:,} marks; this one has {marks:,}.")
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False, "scrollZoom": False})


def marks_of(trace: Any) -> int:
    """How many marks a trace has: points or bars, or the bands of a flow."""
    if trace.type == "sankey":
        return len(trace.link.value)
    return len(trace.x if trace.x is not None else trace.y if trace.y is not None else ())


def trend(
    frame: pd.DataFrame, metrics: Sequence[str], currency: str, earlier: pd.DataFrame | None = None, steps: int = 12
) -> go.Figure:
    """Metrics of one unit by month. earlier: the compared period, drawn as a ghost so many months later."""
    figure = base(320)
    active = frame[list(metrics)].apply(floats).fillna(0).ne(0).any(axis=1)
    frame = every_month(frame[active.cummax()])  # the data may know of costs before the first sale
    unit = METRICS[metrics[0]].unit
    for name, colour in zip(metrics, SERIES, strict=False):
        metric = METRICS[name]
        if earlier is not None and len(earlier):
            moved = pd.to_datetime(earlier["month"]) + pd.DateOffset(months=steps)
            figure.add_scatter(
                x=moved,
                y=floats(earlier[name]),
                mode="lines",
                line={"color": colour, "width": 1.5, "dash": "dot"},
                opacity=0.55,
                name="compared period",
                showlegend=name == metrics[0],
                hovertemplate=hover(earlier[name], unit, currency, "earlier "),
            )
        figure.add_scatter(
            x=pd.to_datetime(frame["month"]),
            y=floats(frame[name]),
            mode="lines+markers" if len(frame) < 40 else "lines",
            line={"color": colour, "width": 2.25},
            marker={"size": 5, "color": colour},
            name=metric.label,
            hovertemplate=hover(frame[name], unit, currency),
        )
    figure.update_layout(
        hovermode="x unified",
        showlegend=len(metrics) > 1 or earlier is not None,
        legend=LEGEND,
        xaxis={"tickformat": "%b %Y", "showgrid": False, "tickvals": spread(list(pd.to_datetime(frame["month"])), 6)},
        yaxis=value_axis(unit, currency) | {"rangemode": "tozero"},
    )
    return figure


def every_month(frame: pd.DataFrame) -> pd.DataFrame:
    """Sums by month with the months between in which nothing happened: a line must not bridge them."""
    if not len(frame):
        return frame
    at = frame.assign(month=pd.to_datetime(frame["month"])).set_index("month")
    return at.reindex(
        pd.date_range(at.index.min(), at.index.max(), freq="MS", name="month"), fill_value=0
    ).reset_index()


def bridge(steps: Sequence[tuple[str, Decimal, bool]], currency: str) -> go.Figure:
    """A waterfall from the first total to the last. steps: name, amount, whether it is a total; in reading order."""
    figure = base(64 + ROW * len(steps))
    amounts = [float(amount) for _, amount, _ in steps]
    labels = [
        words.money(amount, currency, short=True) if total else words.signed(amount, currency, short=True)
        for _, amount, total in steps
    ]
    figure.add_waterfall(
        orientation="h",
        y=[plain(name) for name, _, _ in steps],
        x=amounts,
        text=labels,
        textposition="outside",
        cliponaxis=False,
        measure=["absolute" if total else "relative" for _, _, total in steps],
        increasing={"marker": {"color": BETTER}},
        decreasing={"marker": {"color": WORSE}},
        totals={"marker": {"color": FIGURE}},
        connector={"line": {"color": QUIET, "width": 1}},
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    low, high = reach(steps)
    axis = value_axis(Unit.MONEY, currency) | {"range": [low, high], "nticks": 5}
    if low > 0:
        axis["title"] = {"text": f"the axis begins at {words.money(low, currency, short=True)}", "font": {"size": 12}}
    figure.update_layout(
        yaxis={"autorange": "reversed", "showgrid": False, "automargin": True}, xaxis=axis, bargap=0.35
    )
    return figure


def ranking_whiskers(
    frame: pd.DataFrame, name: str, value: str, low: str, high: str, unit: Unit, currency: str, title: str = ""
) -> go.Figure:
    """A dot with its interval for every row, in the order given, best on top; a line marks zero."""
    figure = base(72 + 24 * len(frame))
    middle, bottom, top = (floats(frame[column]) for column in (value, low, high))
    texts = [
        f"{words.figure(m, unit, currency)} ({words.figure(b, unit, currency)} to {words.figure(t, unit, currency)})"
        for m, b, t in zip(middle, bottom, top, strict=True)
    ]
    figure.add_scatter(
        x=middle,
        y=[plain(text) for text in frame[name]],
        mode="markers",
        marker={"color": FIGURE, "size": 8},
        customdata=texts,
        error_x={
            "type": "data",
            "symmetric": False,
            "array": top - middle,
            "arrayminus": middle - bottom,
            "color": SECOND,
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    axis = value_axis(unit, currency) | {"title": {"text": title, "font": {"size": 12}}, "side": "top"}
    figure.update_layout(
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True}, xaxis=axis
    )
    figure.add_vline(x=0, line={"color": QUIET, "width": 1})
    return figure


def bars(frame: pd.DataFrame, by: str, metric: Metric, currency: str) -> go.Figure:
    """Horizontal bars in the order given, each with its figure beside it."""
    figure = base(48 + 30 * len(frame))
    figure.add_bar(
        orientation="h",
        x=floats(frame[metric.name]),
        y=[plain(text) for text in frame[by]],
        marker={"color": FIGURE},
        text=[words.figure(value, metric.unit, currency, short=True) for value in frame[metric.name]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{text}<extra></extra>",
    )
    values = floats(frame[metric.name])
    top, bottom = max(0.0, values.max() if len(values) else 0.0), min(0.0, values.min() if len(values) else 0.0)
    figure.update_layout(
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
        xaxis=value_axis(metric.unit, currency) | {"range": [bottom * 1.2, top * 1.2 or 1], "visible": False},
        bargap=0.3,
    )
    return figure


def cumulative(frame: pd.DataFrame, at: str, value: str, currency: str, break_even: object = None) -> go.Figure:
    """A running total as a staircase around zero. break_even: the moment from which it stays above zero, if it does."""
    figure = base(280)
    figure.add_scatter(
        x=pd.to_datetime(frame[at]),
        y=floats(frame[value]),
        mode="lines",
        line={"color": FIGURE, "width": 2.25, "shape": "hv"},
        fill="tozeroy",
        fillpattern={"shape": ""},
        opacity=0.95,
        hovertemplate=hover(frame[value], Unit.MONEY, currency),
        name="",
        fillcolor="rgba(110,135,220,0.16)",
    )
    figure.add_hline(y=0, line={"color": QUIET, "width": 1})
    if words.known(break_even):
        figure.add_scatter(
            x=[pd.Timestamp(break_even)],
            y=[0.0],
            mode="markers+text",
            text=[f"break-even {words.day(break_even)}"],
            textposition="bottom right",
            marker={"symbol": "diamond", "size": 11, "color": BETTER},
            hoverinfo="skip",
            cliponaxis=False,
        )
    values = [0.0, *floats(frame[value])]
    span = max(values) - min(values) or 1.0
    figure.update_layout(
        showlegend=False,
        xaxis={"showgrid": False, "nticks": 7},
        yaxis=value_axis(Unit.MONEY, currency) | {"range": [min(values) - 0.14 * span, max(values) + 0.08 * span]},
    )
    return figure


def timeline(frame: pd.DataFrame, currency: str) -> go.Figure:
    """One time axis of everything that happened: a row and a symbol for each kind. Columns as in the listing."""
    kinds = [kind for kind in SYMBOLS if kind in set(frame["kind"])]
    kinds += sorted(set(frame["kind"]) - set(kinds))
    figure = base(72 + 34 * len(kinds))
    for kind in kinds:
        rows = frame[frame["kind"] == kind]
        symbol, colour = SYMBOLS.get(kind, ("circle-open", QUIET))
        texts = [
            f"{words.day(at)}: {plain(what)}{of_money(revenue, currency)}"
            for at, what, revenue in zip(rows["occurred_at"], rows["what"].fillna(kind), rows["revenue"], strict=True)
        ]
        figure.add_scatter(
            x=rows["occurred_at"],
            y=[plain(kind).capitalize()] * len(rows),
            mode="markers",
            customdata=texts,
            marker={
                "symbol": symbol,
                "color": colour,
                "size": 10,
                "opacity": 0.85,
                "line": {"width": 1.5, "color": colour},
            },
            hovertemplate="%{customdata}<extra></extra>",
        )
    figure.update_layout(
        showlegend=False,
        xaxis={"showgrid": True, "nticks": 7},
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
    )
    return figure


def base(height: int) -> go.Figure:
    """An empty figure with the product's margins: dense, and room on the right for labels."""
    figure = go.Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 16, "t": 8, "b": 8},
        showlegend=False,
        dragmode=False,
        barmode="overlay",
        xaxis={"fixedrange": True, "automargin": True, "zeroline": False},
        yaxis={"fixedrange": True, "automargin": True, "zeroline": False},
    )
    return figure
