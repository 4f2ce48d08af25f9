"""The scorecard of a partner: its measures, worked out of its year once for every page, and its place among peers.

Peers are the middle half of more than ten partners of the type, or of all types where the type has too few.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from components import words
from data.catalog import Unit
from data.contract import UNKNOWN

ALL = "(all)"  # the band of all types
ENDS = ("low", "middle", "high")
ABOVE, WITHIN, BELOW = "above", "within", "below"
SUMS = ("revenue", "gross_margin", "returns", "orders", "customers")


@dataclass(frozen=True)
class Measure:
    """A line of the scorecard. target: the metric a target of it is set for. logs: amounts over powers of ten."""

    label: str
    unit: Unit
    target: str = ""
    logs: bool = False


MEASURES = {  # in the order of the page; peers' bands have the same names
    "revenue": Measure("Revenue", Unit.MONEY, "revenue", logs=True),
    "growth": Measure("Growth on the year before", Unit.SHARE),
    "gross_margin": Measure("Gross margin", Unit.MONEY, "gross_margin"),
    "margin_rate": Measure("Gross margin rate", Unit.SHARE),
    "return_rate": Measure("Return rate", Unit.SHARE, "return_rate"),
    "customers": Measure("Active customers", Unit.COUNT, logs=True),
    "own_share": Measure("Customers with no other partner", Unit.SHARE),
}


def measures(year: pd.Series, margin: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Every measure of a row of `partner_year`, now and in the year before; None where it is not known.

    margin: whether costs are known, without which there is no margin.
    """
    now, before = {name: year.get(name) for name in SUMS}, {name: year.get(f"{name}_before") for name in SUMS}
    for one in (now, before):
        revenue = words.exact(one["revenue"]) if words.known(one["revenue"]) else None
        sold = revenue if revenue is not None and revenue > 0 else None
        gross = revenue + words.exact(one["returns"]) if revenue is not None else 0
        one["gross_margin"] = one["gross_margin"] if margin else None
        one["margin_rate"] = words.exact(one["gross_margin"]) / sold if sold and margin else None
        one["return_rate"] = words.exact(one["returns"]) / gross if gross > 0 else None
    grown = words.known(before["revenue"]) and before["revenue"] > 0
    now["growth"] = words.exact(now["revenue"]) / words.exact(before["revenue"]) - 1 if grown else None
    told = now["customers"] and words.known(year["own_customers"])  # readers of groups are told of no few
    now["own_share"] = year["own_customers"] / now["customers"] if told else None
    return now, before


def peers(kind: str, bands: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Whose band it is, and the band by measure; kind: the partner's type, bands: rows of `peer_band`."""
    of = kind if kind != UNKNOWN and kind in set(bands["partner_type"]) else ALL
    return of, bands[bands["partner_type"] == of].set_index("measure")


def place(value: Any, band: pd.Series) -> str:
    """Where a figure stands beside the middle half of the peers."""
    return ABOVE if float(value) > band["high"] else BELOW if float(value) < band["low"] else WITHIN


def middle_half(name: str, band: pd.Series, currency: str) -> str:
    """'€2.4 k to €29 k'."""
    low, high = (words.figure(float(band[end]), MEASURES[name].unit, currency, short=True) for end in ("low", "high"))
    return f"{low} to {high}"
