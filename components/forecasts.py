"""The scoreboard of forecasts: what owners and methods promised of campaigns, beside what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from components import access, ask, holdouts, layout, tables, whole_company, words
from components import campaign_words as said
from data.catalog import Unit
from data.journal import people
from data.model_card import NOT_ENOUGH
from data.question import Refused

MODEL, ALL, OWNER, BASIS = "campaign_forecasts", "all", "owner", "basis"
LABELS = {
    "name": "Forecasts by",
    "campaigns": "Graded promises",
    "promised": "Promised in all",
    "realised": "Came true, 95 %",
    "bias": "Promised too much a customer, 95 %",
    "inside": "Inside the interval",
}
UNITS = {"campaigns": Unit.COUNT}


def stored() -> pd.DataFrame:
    """What this reader sees of the scoreboard; empty in builds of an earlier Rapport."""
    try:
        return whole_company.forecasts()
    except Refused:
        return pd.DataFrame(columns=["by", "name"])


def show() -> None:
    """Who and what forecasts well: by owner and by what the forecast came from; too few are said to be too few."""
    everything = access.scope(ask.current()).everything
    rows = stored()
    layout.finding(words.safe_text(finding(rows), 300))
    if not len(rows):
        whose = "" if everything else " of yours"
        layout.quiet(
            f"A forecast{whose} is on this board once its campaign has ended and was measured against a holdout."
        )
        return
    names = people.names(access.journal())
    for by, title in ((OWNER, "By who promised"), (BASIS, "By what the forecast came from")):
        part = rows[rows["by"] == by]
        if len(part):
            shown = pd.DataFrame([written(row, names) for row in part.to_dict("records")], columns=list(LABELS))
            tables.table(shown, f"Forecasts of campaigns. {title}", said.currency(), LABELS | {"name": title}, UNITS)
    layout.quiet(
        "Inside: promise and measurement are no farther apart than the interval of the promise and the error of the "
        "measurement allow together. Money is incremental margin before cost. Only campaigns whose checks passed count."
    )
    if everything and holdouts.state(MODEL) == NOT_ENOUGH:
        layout.quiet(words.safe_text(holdouts.of_card(MODEL, "why"), 400))


def finding(rows: pd.DataFrame) -> str:
    """'5 of 6 promises were inside their interval', or that there are too few to say."""
    whole = rows[rows["by"] == ALL] if ALL in set(rows["by"]) else rows[rows["by"] == OWNER]
    if not len(whole):
        return "No forecast has been graded yet"
    row = whole.iloc[0]
    graded = words.counted(int(row["campaigns"]), "graded forecast")
    if not bool(row["enough"]):
        return f"{graded}: too few to say whose forecasts hold"
    inside = f"{words.count(int(row['inside']))} of {graded} were inside their interval"
    return f"{inside} ({span(row)}; 95 % are meant to be)"


def span(row: Any) -> str:
    """The interval of the share inside: '40 % to 90 %'."""
    return f"{words.share(row['inside_low'], 0)} to {words.share(row['inside_high'], 0)}"


def written(row: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, object]:
    """One row in words; of too few, no share is told."""
    enough, count, key = bool(row["enough"]), int(row["campaigns"]), str(row["name"])
    told = f", {words.share(row['inside_share'], 0)} ({span(row)})" if enough else ", too few to tell"
    bias = said.money_interval(row["bias"], row["bias_low"], row["bias_high"])
    return {
        "name": words.visible(names.get(key) or key, 80),
        "campaigns": count,
        "promised": said.money(row["promised"]),
        "realised": said.money_interval(row["realised"], row["low"], row["high"]),
        "bias": bias if enough else words.NOT_KNOWN,
        "inside": f"{words.count(int(row['inside']))} of {words.count(count)}{told}",
    }
