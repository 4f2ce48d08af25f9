"""The matrix of shared customers: a frame in, a figure out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go

from components import charts
from components.axes import plain
from components.score_charts import FAINT, STRONG

LONGEST = 14  # characters of a name beside the cells


def heat(frame: pd.DataFrame, order: Sequence[str]) -> go.Figure:
    """A cell for every pair: row, column, value (its colour), text, said. The diagonal, without value, stays empty.

    order: names of rows and columns. Texts are written over the cells, because a heat map would pick their colour.
    """
    size, names = len(order), [short(name) for name in order]
    if len(set(names)) < size:
        names = [f"{place}. {name}" for place, name in enumerate(names, 1)]
    place = {name: at for at, name in enumerate(order)}
    value = [[None] * size for _ in order]
    said = [[""] * size for _ in order]
    for row in frame.itertuples(index=False):
        value[place[row.row]][place[row.column]] = row.value
        said[place[row.row]][place[row.column]] = f"{plain(row.row)} and {plain(row.column)}: {plain(row.said)}"
    figure = charts.base(170 + 27 * size)
    figure.add_heatmap(
        x=list(range(size)),
        y=list(range(size)),
        z=value,
        customdata=said,
        hovertemplate="%{customdata}<extra></extra>",
        hoverongaps=False,
        colorscale=[[0, FAINT], [1, STRONG]],
        zmin=0,
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.add_scatter(
        x=[place[name] for name in frame["column"]],
        y=[place[name] for name in frame["row"]],
        mode="text",
        text=[plain(text) for text in frame["text"]],
        textfont={"size": 10, "color": charts.WORDS},
        hoverinfo="skip",
    )
    ticks = {"tickvals": list(range(size)), "ticktext": names, "showgrid": False, "automargin": True, "zeroline": False}
    ticks |= {"range": [-0.5, size - 0.5], "tickfont": {"size": 11}}
    return figure.update_layout(
        xaxis=ticks | {"side": "top", "tickangle": -60},
        yaxis=ticks | {"range": [size - 0.5, -0.5]},
    )


def short(name: str) -> str:
    """A name that fits beside the cells."""
    text = plain(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
