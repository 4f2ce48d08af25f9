"""The scorecard of one partner: every measure beside its target, the year before and the middle half of its peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from components import ask, charts, layout, partner_charts, tables, whole_company, words
from components import partner_words as said
from components.partner_card import aim, asked, with_rates
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.question import View

ALL = "(all)"  # the band of all types
FIGURES = ("12 months", "Year before", "Change", "Target")


@dataclass(frozen=True)
class Measure:
    """A line of the scorecard. peers: its name in the peers' bands. target: the metric a target of it is set for."""

    label: str
    unit: Unit
    peers: str = ""
    target: str = ""
    logs: bool = False  # amounts that spread over several powers of ten


MEASURES = {
    "revenue": Measure("Revenue", Unit.MONEY, "revenue", "revenue", logs=True),
    "growth": Measure("Growth on the year before", Unit.SHARE, "growth"),
    "gross_margin": Measure("Gross margin", Unit.MONEY, "", "gross_margin"),
    "margin_rate": Measure("Gross margin rate", Unit.SHARE, "margin_rate"),
    "return_rate": Measure("Return rate", Unit.SHARE, "return_rate", "return_rate"),
    "customers": Measure("Customers", Unit.COUNT, "customers", logs=True),
    "own_share": Measure("Customers with no other partner", Unit.SHARE, "own_share"),
}


def bands(kind: str) -> tuple[str, pd.DataFrame]:
    """The peers' bands by measure: those of the partner's type, or of all types where that has too few."""
    rows = whole_company.listing("peer_band")
    of = kind if kind != UNKNOWN and kind in set(rows["partner_type"]) else ALL
    return of, rows[rows["partner_type"] == of].set_index("measure")


def lines(found: pd.Series, own: View, band: pd.DataFrame) -> pd.DataFrame:
    """A row a measure that is known: figures as text, and its position among the peers where there is a band."""
    currency = ask.current().manifest["currency"]
    now, before = with_rates(found, not layout.missing_of(METRICS["gross_margin"].needs))
    rows = []
    for name, measure in MEASURES.items():
        if not words.known(now[name]):
            continue
        earlier, goal = before.get(name), aim(own, measure.target) if measure.target else None
        row: dict[str, Any] = {
            "Measure": measure.label,
            "12 months": words.figure(now[name], measure.unit, currency),
            "Year before": words.figure(earlier, measure.unit, currency),
            "Change": words.change(now[name], earlier, measure.unit) or words.NOT_KNOWN,
            "Target": words.figure(goal, measure.unit, currency),
            "Middle half of peers": words.NOT_KNOWN,
            "Beside peers": words.NOT_KNOWN,
            "at": None,
        }
        if measure.peers in band.index:
            value, low, middle, high = map(float, (now[name], *band.loc[measure.peers, ["low", "middle", "high"]]))
            row["own"] = words.figure(value, measure.unit, currency, short=True)
            row["at"] = partner_charts.position(value, low, middle, high, measure.logs)
            row["place"] = "above" if value > high else "below" if value < low else "within"
            row["Beside peers"] = said.PLACES[row["place"]]
            ends = (words.figure(end, measure.unit, currency, short=True) for end in (low, high))
            row["Middle half of peers"] = " to ".join(ends)
        rows.append(row)
    return pd.DataFrame(rows)


def show(known: pd.Series, found: pd.Series, own: View) -> None:
    """The peers' bands with the partner's dots, and the whole scorecard below them."""
    kind, band = bands(str(known["partner_type"]))
    rows = lines(found, own, band)
    beside = rows[rows["at"].notna()]
    if len(beside):
        title = said.benchmark(list(zip(beside["Measure"], beside["place"], strict=True)))
        layout.finding(title, asked(own))
        beside = beside.rename(columns={"Measure": "label", "Middle half of peers": "band"})
        parts = zip(beside["label"], beside["own"], beside["band"], strict=True)
        text = "; ".join(f"{label} {value}, middle half of peers {ends}" for label, value, ends in parts)
        charts.draw(partner_charts.benchmark(beside), alt=f"Dots beside bands. {title}. {text}.")
        peers = said.peers(kind, int(band["members"].max()), str(known["partner_type"]))
        layout.quiet(
            f"{words.safe_text(peers)}. The band of each measure runs from the quarter with least to the quarter with "
            "most, rounded to two digits; a dot at the edge lies further out."
        )
    else:
        layout.finding("The year in figures", asked(own))
        layout.quiet("There is no band of peers: fewer than ten other partners had sales.")
    tables.texts(rows[["Measure", *FIGURES, "Middle half of peers", "Beside peers"]], "Scorecard", right=FIGURES)
