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
ABOVE, BELOW = -0.16, 0.16  # of a row: promise and measurement must not hide each other


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
    """Promised and realised incremental margin less cost per treated customer, each with its interval.

    Less cost, because that is what a verdict is about: right of zero a campaign pays.
    """
    figure = charts.base(112 + 34 * len(lines))
    at = {one.campaign_id: place for place, one in enumerate(lines)}
    told = [one for one in lines if one.expected is not None]
    points(figure, PROMISED, "diamond-open", charts.QUIET, [
        (at[one.campaign_id] + ABOVE, *promised(one), f"{plain(one.name)}: promised "
         f"{said.money_interval(*promised(one))}") for one in told
    ])  # fmt: skip
    for name, (symbol, colour) in STYLES.items():
        points(figure, name, symbol, colour, [
            (at[one.campaign_id] + BELOW, *realised(one), f"{plain(one.name)}: {name.lower()}, "
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
        | {"nticks": 6, "title": {"text": "margin less cost per treated customer", "font": {"size": 12}}},
    )
    figure.add_vline(x=0, line={"color": charts.QUIET, "width": 1})
    return figure


def each(one: Line) -> float:
    """What it cost for each treated customer, currency."""
    return float(one.get("cost") or 0) / float(one.get("treated_customers") or 1)


def promised(one: Line) -> tuple[float, float, float]:
    """What was promised of a customer less what one cost, with its interval."""
    middle = one.expected or 0.0
    ends = [middle if end is None else end for end in (one.low, one.high)]
    return middle - each(one), ends[0] - each(one), ends[1] - each(one)


def realised(one: Line) -> tuple[float, float, float]:
    """What a customer brought beyond what came anyway, less what one cost, with its interval."""
    middle = float(one.get("margin_effect"))
    ends = [one.get(f"margin_effect_{end}") for end in ("low", "high")]
    low, high = (middle if end is None else float(end) for end in ends)
    return middle - each(one), low - each(one), high - each(one)


def points(figure: go.Figure, name: str, symbol: str, colour: str, rows: Sequence[tuple]) -> None:
    """One series of marks with whiskers: place, value, low, high, text."""
    if not rows:
        return
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
            "array": [row[3] - row[1] for row in rows],
            "arrayminus": [row[1] - row[2] for row in rows],
            "color": colour,
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{customdata}<extra></extra>",
    )
