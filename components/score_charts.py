"""Charts of scores: current against potential value, money in cells, curves with bands; frames in, figures out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from components import charts, proof, words
from components.axes import floats, plain, value_axis
from data.catalog import Unit

STYLES = {  # a quadrant is told by its symbol as well as by its colour
    "protect": ("circle", charts.BETTER),
    "grow": ("triangle-up", charts.FIGURE),
    "maintain": ("diamond", charts.QUIET),
    "de-market": ("x", charts.WORSE),
}
BAND, FAINT, STRONG = (f"rgba(110,135,220,{opacity})" for opacity in ("0.16", "0.05", "0.6"))


def quadrants(frame: pd.DataFrame, current: str, potential: str, titles: tuple[str, str], currency: str) -> go.Figure:
    """A mark for every customer: current value across, potential value up, each quadrant its own symbol.

    Few customers hold most of the money, so both axes are bent: even around zero, by powers of ten further out.
    """
    figure = charts.base(430)
    scale = {name: bend_at(frame[name]) for name in (current, potential)}
    for quadrant, (symbol, colour) in STYLES.items():
        rows = frame[frame["quadrant"] == quadrant]
        if not len(rows):
            continue
        across, up = floats(rows[current]), floats(rows[potential])
        figure.add_scatter(
            x=np.arcsinh(across / scale[current]),
            y=np.arcsinh(up / scale[potential]),
            mode="markers",
            name=quadrant,
            marker={"symbol": symbol, "color": colour, "size": 5, "opacity": 0.6},
            customdata=[
                f"{plain(key)}: {words.money(a, currency)} now, {words.money(b, currency)} expected"
                for key, a, b in zip(rows["customer_id"], across, up, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
        )
    return figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND | {"itemsizing": "constant"},
        xaxis=bent_axis(frame[current], scale[current], currency, titles[0]),
        yaxis=bent_axis(frame[potential], scale[potential], currency, titles[1]),
    )


def bend_at(values: pd.Series) -> float:
    """Where the axis begins to go by powers of ten: at the middle of the amounts, rounded to one."""
    amounts = floats(values).abs()
    middle = amounts[amounts > 0].median()
    return float(10 ** np.floor(np.log10(middle))) if words.known(middle) else 1.0


def bent_axis(values: pd.Series, scale: float, currency: str, title: str) -> dict:
    """Ticks at zero and at powers of ten, written as money."""
    numbers = floats(values).fillna(0)
    ticks = [0.0]
    for end, sign in ((numbers.max(), 1), (-numbers.min(), -1)):
        tick = scale
        while tick <= end * 1.5 and len(ticks) < 20:
            ticks.append(sign * tick)
            tick *= 10
    ticks.sort()
    return {
        "tickvals": [float(np.arcsinh(tick / scale)) for tick in ticks],
        "ticktext": [words.money(tick, currency, short=True).replace(".00", "") for tick in ticks],
        "title": {"text": title, "font": {"size": 12}},
        "showgrid": True,
    }


def cells(
    frame: pd.DataFrame,
    across: tuple[str, Sequence[str]],
    down: tuple[str, Sequence[str]],
    value: str,
    texts: pd.Series,
    titles: tuple[str, str],
) -> go.Figure:
    """Cells whose colour is `value` and whose words are `texts`. across, down: column and its members, in order."""
    named = frame.assign(text=texts).set_index([down[0], across[0]])
    z = [[number(named, row, column, value) for column in across[1]] for row in down[1]]
    text = [[named["text"].get((row, column), "–") for column in across[1]] for row in down[1]]
    figure = charts.base(80 + 56 * len(down[1]))
    figure.add_heatmap(
        x=[plain(name) for name in across[1]],
        y=[plain(name) for name in down[1]],
        z=z,
        customdata=text,
        hovertemplate=f"{titles[1]} %{{y}}, {titles[0]} %{{x}}: %{{customdata}}<extra></extra>",
        colorscale=[[0, FAINT], [1, STRONG]],
        showscale=False,
        xgap=3,
        ygap=3,
    )
    for name, row in zip(down[1], text, strict=True):
        for column, words_ in zip(across[1], row, strict=True):  # not within the heat map, which would pick a colour
            font = {"size": 12, "color": charts.WORDS}
            figure.add_annotation(x=plain(column), y=plain(name), text=words_, showarrow=False, font=font)
    axis = {"type": "category", "showgrid": False, "automargin": True}
    return figure.update_layout(
        xaxis=axis | {"side": "top", "title": {"text": titles[0], "font": {"size": 12}}},
        yaxis=axis | {"autorange": "reversed", "title": {"text": titles[1], "font": {"size": 12}}},
    )


def number(named: pd.DataFrame, row: str, column: str, value: str) -> float:
    """One cell's figure, 0 where there is none."""
    found = named[value].get((row, column), 0.0)
    return float(found) if words.known(found) else 0.0


def lines(
    rows: pd.DataFrame,
    titles: tuple[str, str],
    units: tuple[Unit, Unit],
    dashed: Sequence[str] = (),
    marker: float | None = None,
) -> go.Figure:
    """Lines of one curve, a series each, with the bands they have. marker: a dotted line up from this x.

    rows: series, x, y, low, high. titles, units: of the two axes.
    """
    figure = charts.base(300)
    for (name, part), colour in zip(rows.groupby("series", sort=False), charts.SERIES, strict=False):
        x, y, low, high = (floats(part[column]) for column in ("x", "y", "low", "high"))
        if low.notna().all() and high.notna().all():
            figure.add_scatter(
                x=[*x, *x[::-1]],
                y=[*high, *low[::-1]],
                fill="toself",
                fillcolor=BAND,
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
                showlegend=False,
            )
        said = [words.figure(one, units[1]) if units[1] == Unit.SHARE else proof.number(one) for one in y]
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            name=plain(name),
            line={"color": colour, "width": 2, "dash": "dot" if name in dashed else "solid"},
            customdata=[f"{text} at {words.figure(at, units[0])}" for text, at in zip(said, x, strict=True)],
            hovertemplate=f"{plain(name)}: %{{customdata}}<extra></extra>",
        )
    if marker is not None:
        figure.add_vline(x=marker, line={"color": charts.QUIET, "width": 1, "dash": "dot"})
    axes = [
        value_axis(unit, "") | {"title": {"text": title, "font": {"size": 12}}, "nticks": 7}
        for title, unit in zip(titles, units, strict=True)
    ]
    return figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND,
        xaxis=axes[0] | {"showgrid": False},
        yaxis=axes[1] | {"rangemode": "tozero"},
    )


def shares(frame: pd.DataFrame, by: str, parts: Mapping[str, str], order: Sequence[str]) -> go.Figure:
    """Two bars or more for every group: its share of each sum, to see who holds more than their number.

    parts: column -> its name in the legend. order: the groups, top first.
    """
    figure = charts.base(90 + 26 * len(parts) * len(order))
    indexed, ends = frame.set_index(by).reindex(order), [0.0]
    for (column, label), colour in zip(parts.items(), (charts.SECOND, charts.FIGURE, charts.BETTER), strict=False):
        values = floats(indexed[column]).fillna(0)
        share = values / (values.sum() or 1)
        ends += [*share]
        figure.add_bar(
            orientation="h",
            x=share,
            y=[plain(name) for name in order],
            name=label,
            marker={"color": colour},
            text=[words.share(one) for one in share],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=f"%{{y}}: %{{text}} of {plain(label)}<extra></extra>",
        )
    return figure.update_layout(
        barmode="group",
        showlegend=True,
        legend=charts.LEGEND | {"traceorder": "normal"},
        xaxis={"visible": False, "range": [1.25 * min(ends), 1.25 * max(ends) or 1]},
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "automargin": True},
        bargap=0.3,
    )
