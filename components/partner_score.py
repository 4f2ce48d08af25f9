"""The scorecard of one partner: every measure beside its target, the year before and the middle half of its peers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from components import ask, charts, layout, partner_charts, scorecard, tables, whole_company, words
from components import partner_words as said
from components.partner_card import aim, asked
from data.catalog import METRICS
from data.question import View

FIGURES = ("12 months", "Year before", "Change", "Target")


def lines(found: pd.Series, own: View, band: pd.DataFrame) -> pd.DataFrame:
    """A row a measure that is known: figures as text, and its position among the peers where there is a band."""
    currency = ask.current().manifest["currency"]
    now, before = scorecard.measures(found, not layout.missing_of(METRICS["gross_margin"].needs))
    rows = []
    for name, measure in scorecard.MEASURES.items():
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
        if name in band.index:
            of = band.loc[name]
            row["own"] = words.figure(float(now[name]), measure.unit, currency, short=True)
            low, middle, high = (float(of[end]) for end in scorecard.ENDS)
            row["at"] = partner_charts.position(float(now[name]), low, middle, high, measure.logs)
            row["place"] = scorecard.place(now[name], of)
            row["Beside peers"] = said.PLACES[row["place"]]
            row["Middle half of peers"] = scorecard.middle_half(name, of, currency)
        rows.append(row)
    return pd.DataFrame(rows)


def show(known: pd.Series, found: pd.Series, own: View) -> None:
    """The peers' bands with the partner's dots, and the whole scorecard below them."""
    kind, band = scorecard.peers(str(known["partner_type"]), whole_company.listing("peer_band"))
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
