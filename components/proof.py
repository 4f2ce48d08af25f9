"""Charts of how a model was proven: tests against baselines, calibration and curves; frames in, figures out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

import pandas as pd
import plotly.graph_objects as go

from components import charts, words
from components.axes import floats, plain

CALLED = {  # measures by what they are called in print
    "auc": "AUC",
    "brier": "Brier score",
    "brier_skill": "Brier skill",
    "log_loss": "log loss",
    "ece": "calibration error",
    "ece_floor": "calibration error by chance alone",
    "lift": "lift of the top tenth",
}
MEANS = {  # and in plain words
    "auc": "AUC: how often the one who was lost had the higher risk of two, 0.5 by luck",
    "brier": "Brier score: squared distance of the probabilities from what came",
    "brier_skill": "Brier skill: the part of the base rate's Brier score that is saved",
    "log_loss": "log loss: what the probabilities lacked where they were wrong, the surer the worse",
    "log score": "log score: how probable the model held what came",
    "ece": "calibration error: how far shares that came lie from those predicted",
    "lift": "lift: how many times the usual share was lost among the tenth at highest risk",
    "NBD": "NBD, BG/NBD, MBG/NBD and Pareto/NBD: models of how often customers buy and when they leave",
    "base rate": "base rate: everybody is given the company's share",
    "recency rule": "recency rule: the longer ago the last purchase, the riskier",
    "past rate": "past rate: everybody goes on as before",
}
LINE = 44  # pixels for a bar with its name and figure above it, where a telephone has room for them
SCALE = 10_000  # from here on a figure is written without decimals


def number(value: object) -> str:
    """A figure of a test, whatever its unit: three significant digits, large ones whole."""
    if not words.known(value):
        return words.NOT_KNOWN
    amount = words.exact(value)
    if abs(amount) >= SCALE:
        return words.count(amount)
    rounded = Decimal(f"{amount:.3g}")
    return f"{words.MINUS if rounded < 0 else ''}{abs(rounded):,f}"


def between(value: object, low: object, high: object) -> str:
    """'0.41 (0.39 to 0.43)'; the figure alone where it has no interval."""
    if not (words.known(low) and words.known(high)):
        return number(value)
    return f"{number(value)} ({number(low)} to {number(high)})"


def ticks(values: pd.Series) -> str:
    """Numbers of an axis: thousands as k; small ones as they are, not in thousandths."""
    return ".3~s" if floats(values).abs().max() >= 1_000 else ",.3~r"


def meanings(names: Iterable[str]) -> str:
    """What these measures and candidates are, in a line; empty where their names say it."""
    found = dict.fromkeys(MEANS.get("NBD" if name.endswith("/NBD") else name, "") for name in names)
    said = "; ".join(filter(None, found))
    return f"{said[:1].upper()}{said[1:]}." if said else ""


def is_used(candidate: str, method: str) -> bool:
    """Whether the method that is described is this candidate: 'NBD' is not in 'MBG/NBD with a spend model'."""
    return re.search(rf"(?<![\w/]){re.escape(candidate)}(?![\w/])", method, re.IGNORECASE) is not None


def against(rows: pd.DataFrame, method: str) -> go.Figure:
    """One measure of every candidate as bars with their intervals; the one in use is named as such.

    rows: candidate, value, low, high, in the order of the card.
    """
    figure = charts.base(24 + LINE * len(rows))
    value = floats(rows["value"])
    low, high = floats(rows["low"]).fillna(value), floats(rows["high"]).fillna(value)
    used = [is_used(candidate, method) for candidate in rows["candidate"]]
    texts = [between(*row) for row in zip(rows["value"], rows["low"], rows["high"], strict=True)]
    names = [plain(name) + " (in use)" * own for name, own in zip(rows["candidate"], used, strict=True)]
    figure.add_bar(
        orientation="h",
        x=value,
        y=names,
        marker={"color": [charts.FIGURE if own else charts.SECOND for own in used]},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (high - value).clip(lower=0),
            "arrayminus": (value - low).clip(lower=0),
            "color": charts.QUIET,
            "thickness": 2,
            "width": 5,
        },
        customdata=texts,
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    top, bottom = max(0.0, high.max()), min(0.0, low.min())
    span = (top - bottom) or 1.0
    for name, text in zip(names, texts, strict=True):
        figure.add_annotation(
            xref="paper",
            x=0,
            xanchor="left",
            y=name,
            yshift=LINE * 0.4,
            text=f"{name}  {text}",
            showarrow=False,
            font={"size": 12, "color": charts.WORDS},
        )
    figure.update_layout(
        yaxis={"autorange": "reversed", "type": "category", "visible": False},
        xaxis={"range": [bottom - 0.02 * span, top + 0.02 * span], "visible": False},
        bargap=0.68,
    )
    return figure


def calibration(rows: pd.DataFrame) -> go.Figure:
    """What came against what was predicted, a dot with its interval for each bin; the dotted line is agreement."""
    figure = charts.base(300)
    both = pd.concat([floats(rows[name]) for name in ("predicted", "observed", "low", "high")]).dropna()
    low, high = min(0.0, both.min()), both.max()
    figure.add_scatter(
        x=[low, high],
        y=[low, high],
        mode="lines",
        line={"color": charts.QUIET, "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    for (candidate, part), colour in zip(rows.groupby("candidate", sort=False), charts.SERIES, strict=False):
        observed = floats(part["observed"])
        texts = [
            f"{number(p)} predicted, {between(o, a, b)} came, {words.counted(n, 'customer')}"
            for p, o, a, b, n in zip(
                part["predicted"], part["observed"], part["low"], part["high"], part["customers"], strict=True
            )
        ]
        figure.add_scatter(
            x=floats(part["predicted"]),
            y=observed,
            mode="markers",
            name=plain(candidate),
            marker={"color": colour, "size": 9},
            customdata=texts,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": (floats(part["high"]) - observed).clip(lower=0),
                "arrayminus": (observed - floats(part["low"])).clip(lower=0),
                "color": colour,
                "thickness": 1.5,
                "width": 4,
            },
            hovertemplate=f"{plain(candidate)}: %{{customdata}}<extra></extra>",
        )
    several = rows["candidate"].nunique() > 1
    figure.update_layout(
        xaxis={"title": {"text": "predicted", "font": {"size": 12}}, "nticks": 6},
        yaxis={"title": {"text": "came", "font": {"size": 12}}, "nticks": 6},
        showlegend=several,
        legend=charts.LEGEND,
    )
    figure.data[0].showlegend = False
    return figure


def curve(rows: pd.DataFrame) -> go.Figure:
    """Lines of one curve, a series each. rows: series, x, y."""
    figure = charts.base(260)
    for (name, part), colour in zip(rows.groupby("series", sort=False), charts.SERIES, strict=False):
        figure.add_scatter(
            x=floats(part["x"]),
            y=floats(part["y"]),
            mode="lines+markers" if len(part) < 30 else "lines",
            name=plain(name),
            line={"color": colour, "width": 2},
            customdata=[f"{number(y)} at {number(x)}" for x, y in zip(part["x"], part["y"], strict=True)],
            hovertemplate=f"{plain(name)}: %{{customdata}}<extra></extra>",
        )
    return figure.update_layout(
        showlegend=True,
        legend=charts.LEGEND,
        xaxis={"showgrid": False, "nticks": 7, "tickformat": ticks(rows["x"])},
        yaxis={"nticks": 6, "tickformat": ticks(rows["y"])},
    )
