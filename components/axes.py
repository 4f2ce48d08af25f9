"""Axes, ticks, hover texts and labels of the charts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pandas as pd

from components import words
from data.catalog import Unit


def reach(steps: Sequence[tuple[str, Decimal, bool]]) -> tuple[float, float]:
    """Ends of a waterfall's axis: from zero, unless the parts would be too small to see beside the totals."""
    level, levels = 0.0, []
    for _, amount, total in steps:
        level = float(amount) if total else level + float(amount)
        levels.append(level)
    low, high = min(levels), max(levels)
    span = (high - low) or abs(high) or 1.0
    begins = low - 0.35 * span if low > 0 and span < 0.4 * high else min(0.0, low - 0.15 * span)
    return begins, high + 0.22 * (high - begins)


def spread(values: list, most: int) -> list:
    """At most so many of the values, evenly spaced, the last one among them."""
    step = -(-len(values) // most) or 1
    return values[::-1][::step][::-1]


def value_axis(unit: Unit, currency: str) -> dict:
    """Ticks in the unit: 12 %, €1.2 M."""
    if unit == Unit.SHARE:
        return {"tickformat": ".0%"}
    if unit == Unit.MONEY:
        return {"tickprefix": words.SYMBOLS.get(currency, f"{currency} "), "tickformat": ".3~s"}
    return {"tickformat": ",.3~r" if unit == Unit.RATIO else ".3~s"}


def hover(values: pd.Series, unit: Unit, currency: str, before: str = "") -> list[str]:
    """Hover text of every mark, written like everywhere else."""
    return [f"{before}{words.figure(value, unit, currency)}<extra></extra>" for value in values]


def of_money(value: object, currency: str) -> str:
    """', €12.50' where there is an amount."""
    return f", {words.money(value, currency)}" if words.known(value) and value else ""


def plain(text: object) -> str:
    """A label that Plotly cannot read as markup: it would turn `<a href>` in a name into a live link."""
    return words.visible(str(text), 60).replace("<", "‹").replace(">", "›")


def floats(values: pd.Series) -> pd.Series:
    """Numbers for a screen; money stays exact until here."""
    return pd.to_numeric(values, errors="coerce").astype(float)
