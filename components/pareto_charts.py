"""Charts of concentration: cumulative curves, ranks by two measures, ranks over time. Frames in, figures out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from components import charts, words
from components.axes import plain, value_axis
from data.catalog import Unit

COLOURS = {"revenue": charts.FIGURE, "gross_margin": charts.BETTER}
LOWEST = 30  # places further down are drawn in one row


def curves(
    now: dict[str, pd.DataFrame],
    earlier: dict[str, pd.DataFrame],
    labels: dict[str, str],
    threshold: float,
    marks: dict[str, int],
    unsure: tuple[float, float] | None,
    currency: str,
    many: str,
) -> go.Figure:
    """Cumulative share over members, the largest first; in money over ranks where shares are not told (threshold 0).

    now, earlier: measure -> curve, with the same of the compared period as a ghost. marks: measure -> the vital few.
    unsure: between which parts of the members membership is uncertain.
    """
    figure, told = charts.base(380), threshold > 0
    x, y = ("part", "cumulative") if told else ("rank", "amount")
    for ghost, frames in ((True, earlier), (False, now)):
        for name, rows in frames.items():
            at = [f"{words.count(rank)} {many}" for rank in rows["rank"]]
            heights = [words.share(v) if told else words.money(v, currency, short=True) for v in rows[y]]
            figure.add_scatter(
                x=rows[x],
                y=rows[y],
                mode="lines" if told else "lines+markers",
                line={"color": COLOURS[name], "width": 1.5 if ghost else 2.5, "dash": "dot" if ghost else "solid"},
                opacity=0.6 if ghost else 1,
                name=f"{labels[name]}, compared period" if ghost else labels[name],
                customdata=[f"{height} with {reached}" for height, reached in zip(heights, at, strict=True)],
                hovertemplate="%{customdata}<extra></extra>",
            )
    for name, number in marks.items() if told else ():
        rows = now[name]
        point = rows[rows["rank"] == number].iloc[0]
        figure.add_scatter(
            x=[point["part"]],
            y=[point["cumulative"]],
            mode="markers",
            marker={"size": 11, "color": COLOURS[name], "line": {"width": 2, "color": charts.QUIET}},
            name=f"{words.count(number)} for {words.share(threshold, 0)}",
            showlegend=False,
            customdata=[f"{words.count(number)} {many}: {words.share(point['cumulative'])}"],
            hovertemplate="%{customdata}<extra></extra>",
        )
    if told:
        figure.add_hline(y=threshold, line={"color": charts.QUIET, "width": 1, "dash": "dash"})
        if unsure:
            figure.add_vrect(x0=unsure[0], x1=unsure[1], fillcolor=charts.SECOND, opacity=0.25, line_width=0)
    across = {"tickformat": ".0%", "range": [0, 1.01]} if told else {"dtick": 1}
    title = f"{many}, the largest first" if told else f"rank of {many}"
    figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND,
        xaxis=across | {"showgrid": False, "title": {"text": title, "font": {"size": 12}}},
        yaxis=value_axis(Unit.SHARE if told else Unit.MONEY, currency) | {"rangemode": "tozero"},
    )
    return figure


def slope(rows: pd.DataFrame, names: Sequence[str], marked: Sequence[bool]) -> go.Figure:
    """A line for each member from its rank by revenue to its rank by margin. rows: revenue_rank, gross_margin_rank."""
    figure = charts.base(560)
    lines = zip(names, rows["revenue_rank"], rows["gross_margin_rank"], marked, strict=True)
    for name, left, right, loud in lines:
        at = min(int(right), LOWEST + 1)
        text = f"{plain(name)}: {words.count(left)} by revenue, {words.count(right)} by margin"
        figure.add_scatter(
            x=[0, 1],
            y=[int(left), at],
            mode="lines+markers",
            line={"color": charts.WORSE if loud else charts.FIGURE, "width": 2.5 if loud else 1.25},
            opacity=1 if loud else 0.6,
            marker={"size": 7},
            customdata=[text] * 2,
            hovertemplate="%{customdata}<extra></extra>",
        )
        figure.add_annotation(
            x=0, y=int(left), text=plain(name)[:18], showarrow=False, xanchor="right", xshift=-8, font={"size": 11}
        )
        if loud:
            figure.add_annotation(
                x=1, y=at, text=words.count(right), showarrow=False, xanchor="left", xshift=8, font={"size": 11}
            )
    lowest = max([20, *(min(int(rank), LOWEST + 1) for rank in rows["gross_margin_rank"])])
    figure.update_layout(
        xaxis={"range": [-0.55, 1.15], "tickvals": [0, 1], "ticktext": ["by revenue", "by margin"], "showgrid": False},
        yaxis=rank_axis(lowest) | {"side": "right"},
    )
    return figure


def bump(places: pd.DataFrame, names: dict[str, str], most: int) -> go.Figure:
    """Ranks over time, a line for each member. places: key, block (its place), label, rank (NaN: below `most`)."""
    figure = charts.base(560)
    for key, rows in places.groupby("key", sort=False):
        known = rows["rank"].dropna()
        moved = float(known.iloc[0] - known.iloc[-1]) if len(known) > 1 else 0.0
        loud = abs(moved) >= 5
        texts = [
            f"{plain(names[str(key)])}: {words.count(rank) if words.known(rank) else f'below {most}'}, {label}"
            for rank, label in zip(rows["rank"], rows["label"], strict=True)
        ]
        figure.add_scatter(
            x=rows["label"],
            y=rows["rank"].fillna(LOWEST + 1).clip(upper=LOWEST + 1),
            mode="lines+markers",
            line={"width": 2.5 if loud else 1.25, "color": colour(moved, loud)},
            opacity=1 if loud else 0.6,
            marker={"size": 6},
            customdata=texts,
            hovertemplate="%{customdata}<extra></extra>",
        )
        last = rows["rank"].iloc[-1]
        figure.add_annotation(
            x=rows["label"].iloc[-1],
            y=min(last, LOWEST + 1) if words.known(last) else LOWEST + 1,
            text=plain(names[str(key)])[:18],
            showarrow=False,
            xanchor="left",
            xshift=8,
            font={"size": 11},
        )
    lowest = max(20, int(places["rank"].fillna(LOWEST + 1).clip(upper=LOWEST + 1).max()))
    figure.update_layout(
        xaxis={"type": "category", "showgrid": False, "range": [-0.3, places["label"].nunique() + 1.6]},
        yaxis=rank_axis(lowest),
    )
    return figure


def colour(moved: float, loud: bool) -> str:
    """Who climbed or fell by at least five places stands out."""
    return charts.FIGURE if not loud else charts.BETTER if moved > 0 else charts.WORSE


def rank_axis(lowest: int) -> dict:
    """Ranks with the first on top; further down than 30 is one row."""
    ticks = [1, *range(5, min(lowest, LOWEST) + 1, 5)]
    texts = [str(tick) for tick in ticks]
    if lowest > LOWEST:
        ticks, texts = [*ticks, LOWEST + 1], [*texts[:-1], "", f"below {LOWEST}"]
    return {"range": [lowest + 0.8, 0.2], "tickvals": ticks, "ticktext": texts, "showgrid": True}
