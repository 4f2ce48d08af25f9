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
FAR = 5  # places one climbed or fell to stand out


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
    lowest = int(rows[["revenue_rank", "gross_margin_rank"]].to_numpy().clip(max=LOWEST + 1).max())
    figure, labels = charts.base(tall(lowest)), []
    lines = zip(names, rows["revenue_rank"], rows["gross_margin_rank"], marked, strict=True)
    for name, left, right, loud in lines:
        at = min(int(right), LOWEST + 1)
        text = f"{plain(name)}: {words.count(left)} by revenue, {words.count(right)} by margin"
        line(figure, [0, 1], [int(left), at], [text] * 2, charts.WORSE if loud else charts.FIGURE, loud)
        labels.append(label(0, int(left), short(name), "right"))
        if loud:
            labels.append(label(1, at, words.count(right), "left"))
    figure.update_layout(
        annotations=labels,
        xaxis={"range": [-0.55, 1.15], "tickvals": [0, 1], "ticktext": ["by revenue", "by margin"], "showgrid": False},
        yaxis=rank_axis(lowest) | {"side": "right"},
    )
    return figure


def bump(places: pd.DataFrame, names: dict[str, str], most: int) -> go.Figure:
    """Ranks over time, a line for each member. places: key, block (its place), label, rank (NaN: below `most`)."""
    places = places.assign(at=places["rank"].fillna(LOWEST + 1).clip(upper=LOWEST + 1))
    lowest = int(places["at"].max())
    figure, labels = charts.base(tall(lowest)), []
    for key, rows in places.groupby("key", sort=False):
        name, known = plain(names[str(key)]), rows["rank"].fillna(most + 1)
        moved = float(known.iloc[0] - known.iloc[-1])
        texts = [
            f"{name}: {words.count(rank) if words.known(rank) else f'below {most}'}, {when}"
            for rank, when in zip(rows["rank"], rows["label"], strict=True)
        ]
        line(figure, rows["label"], rows["at"], texts, colour(moved), abs(moved) >= FAR)
        labels.append(label(rows["label"].iloc[-1], rows["at"].iloc[-1], short(names[str(key)]), "left"))
    figure.update_layout(
        annotations=labels,
        xaxis={"type": "category", "showgrid": False, "range": [-0.3, places["label"].nunique() + 1.6]},
        yaxis=rank_axis(lowest),
    )
    return figure


def line(figure: go.Figure, x: Sequence, y: Sequence, texts: list[str], shade: str, loud: bool) -> None:
    """One member's line; those one should look at are thicker."""
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines+markers",
        line={"color": shade, "width": 2.5 if loud else 1.25},
        opacity=1 if loud else 0.6,
        marker={"size": 6},
        customdata=texts,
        hovertemplate="%{customdata}<extra></extra>",
    )


def label(x: object, y: float, text: str, side: str) -> dict:
    """A name at the end of a line."""
    shift = 8 if side == "left" else -8
    return {"x": x, "y": y, "text": text, "xanchor": side, "xshift": shift, "showarrow": False, "font": {"size": 11}}


def short(name: str) -> str:
    """A name as the end of a line has room for it."""
    return plain(words.visible(name, 18))


def tall(lowest: int) -> int:
    """Pixels for so many ranks."""
    return 110 + 18 * lowest


def colour(moved: float) -> str:
    """Who climbed or fell far stands out."""
    return charts.FIGURE if abs(moved) < FAR else charts.BETTER if moved > 0 else charts.WORSE


def rank_axis(lowest: int) -> dict:
    """Ranks with the first on top; further down than 30 is one row."""
    ticks = [1, *range(5, min(lowest, LOWEST) + 1, 5)]
    texts = [str(tick) for tick in ticks]
    if lowest > LOWEST:
        ticks, texts = [*ticks, LOWEST + 1], [*texts[:-1], "", f"below {LOWEST}"]
    return {"range": [lowest + 0.8, 0.2], "tickvals": ticks, "ticktext": texts, "showgrid": True}
