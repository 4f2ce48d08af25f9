"""What campaigns promised beside what came of them: one row each, on one axis, told by symbol as well as by colour."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from components import campaign_words as said
from components import charts, words
from components.axes import plain, value_axis
from components.campaigns_known import Line, sound
from data.catalog import Unit

MOST, LONGEST_NAME = 30, 26
PROMISED, RUNNING, UNSOUND = "Promised", "Running: holds at any look", "A check failed"
STYLES = {  # series -> symbol, colour
    "Proven gain": ("circle", charts.BETTER),
    "Proven loss": ("x", charts.WORSE),
    "Not proven": ("circle-open", charts.FIGURE),
    UNSOUND: ("square-open", charts.QUIET),
    RUNNING: ("triangle-up-open", charts.THIRD),
}
ABOVE, BELOW = 0.16, -0.16  # of a row: promise and measurement must not hide each other


def series(one: Line) -> str:
    """The group whose symbol a campaign has."""
    if not one.ended:
        return RUNNING
    return said.verdict(one.verdict) if one.verdict in ("proven gain", "proven loss") or sound(one) else UNSOUND


def shown(lines: Sequence[Line]) -> list[Line]:
    """The latest campaigns whose effect on margin was measured, the latest first."""
    measured = [one for one in lines if one.get("margin_effect") is not None and one.ends is not None]
    return sorted(measured, key=lambda one: (one.ends, one.campaign_id), reverse=True)[:MOST]


def promises(lines: Sequence[Line], currency: str) -> go.Figure:
    """Promised and realised incremental margin per treated customer, before cost, each with its interval."""
    figure = charts.base(96 + 40 * len(lines))
    at = {one.campaign_id: place for place, one in enumerate(lines)}
    told = [one for one in lines if one.expected is not None]
    points(figure, PROMISED, "diamond-open", charts.QUIET, [
        (at[one.campaign_id] - ABOVE, one.expected, one.low, one.high,
         f"{plain(one.name)}: promised {said.money_interval(one.expected, one.low, one.high)}") for one in told
    ])  # fmt: skip
    for name, (symbol, colour) in STYLES.items():
        points(figure, name, symbol, colour, [
            (at[one.campaign_id] - BELOW, *realised(one), f"{plain(one.name)}: {name.lower()}, "
             f"{said.money_interval(*realised(one))}") for one in lines if series(one) == name
        ])  # fmt: skip
    figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND | {"itemsizing": "constant"},
        margin_t=64,
        yaxis={
            "tickvals": list(range(len(lines))),
            "ticktext": [plain(words.visible(one.name, LONGEST_NAME)) for one in lines],
            "range": [len(lines) - 0.5, -0.5],
            "showgrid": False,
        },
        xaxis=value_axis(Unit.MONEY, currency)
        | {"nticks": 6, "title": {"text": "incremental margin per treated customer", "font": {"size": 12}}},
    )
    figure.add_vline(x=0, line={"color": charts.QUIET, "width": 1})
    return figure


def realised(one: Line) -> tuple[float, float | None, float | None]:
    """The measured effect on a customer's margin with its interval."""
    return float(one.get("margin_effect")), one.get("margin_effect_low"), one.get("margin_effect_high")


def points(figure: go.Figure, name: str, symbol: str, colour: str, rows: Sequence[tuple]) -> None:
    """One series of marks with whiskers: place, value, low, high, text."""
    if not rows:
        return
    ends = [(low if low is not None else value, high if high is not None else value) for _, value, low, high, _ in rows]
    figure.add_scatter(
        x=[row[1] for row in rows],
        y=[row[0] for row in rows],
        mode="markers",
        name=name,
        customdata=[row[4] for row in rows],
        marker={"symbol": symbol, "color": colour, "size": 9, "line": {"width": 2, "color": colour}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [high - row[1] for row, (_, high) in zip(rows, ends, strict=True)],
            "arrayminus": [row[1] - low for row, (low, _) in zip(rows, ends, strict=True)],
            "color": colour,
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{customdata}<extra></extra>",
    )
