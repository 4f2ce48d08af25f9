"""Stacked shares, and rates by group: frames in, figures out."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from components import charts, words
from components.axes import floats, plain, value_axis
from data.catalog import Unit

LEAST_WRITTEN = 0.07  # share of a bar that has room for its own figure
LEGEND = charts.LEGEND | {"traceorder": "normal"}


def shares(frame: pd.DataFrame, by: str, parts: Mapping[str, tuple[str, str]], thing: str) -> go.Figure:
    """A bar of 100 % for every row, in the order given. parts: column of counts -> its name and colour."""
    figure = charts.base(84 + charts.ROW * len(frame))
    counts = frame[list(parts)].apply(floats).fillna(0)
    total = counts.sum(axis=1)
    for column, (name, colour) in parts.items():
        share = (counts[column] / total.where(total > 0)).fillna(0)
        figure.add_bar(
            orientation="h",
            x=share,
            y=[plain(text) for text in frame[by]],
            name=name,
            marker={"color": colour},
            text=[words.share(value) if value >= LEAST_WRITTEN else "" for value in share],
            textposition="inside",
            insidetextanchor="middle",
            customdata=[
                f"{name} {words.share(value)}, {words.counted(number, thing)}"
                for value, number in zip(share, counts[column], strict=True)
            ],
            hovertemplate="%{y}: %{customdata}<extra></extra>",
        )
    return figure.update_layout(
        barmode="stack",
        bargap=0.35,
        showlegend=True,
        legend=LEGEND,
        xaxis={"visible": False, "range": [0, 1]},
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
    )


def rates(frame: pd.DataFrame, by: str) -> go.Figure:
    """A rate with its interval for every row; behind it, where known, from which to which rate 90 of 100 lie.

    frame: rate, low, high; rate_05, rate_95 or nothing known.
    """
    figure = charts.base(84 + charts.ROW * len(frame))
    names = [plain(text) for text in frame[by]]
    known = frame["rate_05"].notna()
    for place, (name, low, high) in enumerate(zip(names, floats(frame["rate_05"]), floats(frame["rate_95"]))):
        if known.iloc[place]:
            figure.add_scatter(
                x=[low, high],
                y=[name, name],
                mode="lines",
                line={"color": charts.QUIET, "width": 12},
                opacity=0.45,
                name="90 of 100 customers",
                showlegend=bool(place == known.to_numpy().argmax()),
                hovertemplate=f"{name}: nine of ten customers from {words.share(low)} to {words.share(high)}"
                "<extra></extra>",
            )
    figure.add_scatter(
        x=floats(frame["rate"]),
        y=names,
        mode="markers",
        name="rate of the channel",
        marker={"color": charts.FIGURE, "size": 9},
        error_x=whiskers(frame),
        customdata=[said(*row) for row in frame[["rate", "low", "high"]].itertuples(index=False)],
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    return figure.update_layout(
        showlegend=True,
        legend=LEGEND,
        xaxis=value_axis(Unit.SHARE, "") | {"rangemode": "tozero", "nticks": 7},
        yaxis={
            "autorange": "reversed",
            "type": "category",
            "categoryorder": "array",
            "categoryarray": names,
            "showgrid": False,
            "automargin": True,
        },
    )


def steps(frame: pd.DataFrame, by: str, usual: float, title: str) -> go.Figure:
    """A rate with its interval by group, in the order given; the dotted line is what is usual."""
    figure = charts.base(300)
    figure.add_scatter(
        x=[plain(text) for text in frame[by]],
        y=floats(frame["rate"]),
        mode="lines+markers",
        line={"color": charts.FIGURE, "width": 1.5},
        marker={"color": charts.FIGURE, "size": 9},
        error_y=whiskers(frame),
        customdata=[
            f"{said(rate, low, high)}, {words.counted(number, 'customer')}"
            for rate, low, high, number in frame[["rate", "low", "high", "customers"]].itertuples(index=False)
        ],
        hovertemplate="%{x}: %{customdata}<extra></extra>",
    )
    figure.add_hline(y=usual, line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    return figure.update_layout(
        xaxis={"type": "category", "showgrid": False, "title": {"text": title, "font": {"size": 12}}},
        yaxis=value_axis(Unit.SHARE, "") | {"rangemode": "tozero", "nticks": 6},
    )


def whiskers(frame: pd.DataFrame) -> dict:
    """The interval of a rate as error bars."""
    rate = floats(frame["rate"])
    return {
        "type": "data",
        "symmetric": False,
        "array": (floats(frame["high"]) - rate).clip(lower=0),
        "arrayminus": (rate - floats(frame["low"])).clip(lower=0),
        "color": charts.FIGURE,
        "thickness": 2,
        "width": 5,
    }


def said(rate: float, low: float, high: float) -> str:
    """'14.1 % (13.8 % to 14.4 %)'."""
    return f"{words.share(rate)} ({words.share(low)} to {words.share(high)})"
