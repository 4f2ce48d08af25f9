"""Why the figures can be trusted, or not: what came in, what was left out, what ties out, what was only assumed."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from components import ask, exports, filters, tables, words
from data.catalog import FACTS, METRICS, Fact, Metric, Unit
from data.contract import FEEDS
from data.question import Listing

TIED = "sources, feeds, ledger and every table made of it"
COUNTED = ("rows", "lines", "contacts", "responses")  # measures that are not money
LABELS = {
    "measure": "What is compared",
    "source_value": "Source",
    "quarantined_value": "Left out",
    "ledger_value": "Here",
    "holds": "State",
    "rows_in": "Came in",
    "rows_loaded": "Loaded",
    "rows_quarantined": "Quarantined",
    "rows_rejected": "Rejected",
    "first_at": "First event",
    "last_at": "Last event",
    "behind": "Before the data's end",
    "left_out": "Columns left out",
    "hash": "SHA-256",
    "built_at": "Built",
    "as_of": "Data to",
    "label": "Channel",
    "unit_cost": "Cost of one contact",
}
ROWS = ("rows_in", "rows_loaded", "rows_quarantined", "rows_rejected")
UNITS = dict.fromkeys((*ROWS, "rows"), Unit.COUNT) | {
    "first_at": Unit.MOMENT,
    "last_at": Unit.MOMENT,
    "behind": Unit.DAYS,
    "unit_cost": Unit.MONEY,
}
SUMS = ("source_value", "quarantined_value", "ledger_value", "difference")
MONEY, PIECES = dict.fromkeys(SUMS, Unit.MONEY), dict.fromkeys(SUMS, Unit.COUNT)
FIGURES: tuple[Metric | Fact, ...] = (*METRICS.values(), *FACTS.values())
NEEDED = {need for entry in FIGURES for need in entry.needs}


def table(
    frame: pd.DataFrame, alt: str, currency: str, units: Mapping[str, Unit] | None = None, listing: str = ""
) -> None:
    """A table of this page; nothing where there is no row, because the title above says so.

    listing: the stored table to take along as a file.
    """
    if len(frame):
        tables.table(frame, alt, currency, LABELS, units or UNITS)
        if listing:
            exports.offer(Listing(listing, filters.view()), listing, labels=LABELS, units=UNITS)


def verdict(broken: int, totals: int, rows: Mapping[str, int]) -> str:
    """The page's finding, in one sentence."""
    ties_out = f"{words.count(broken)} of {words.counted(totals, 'control total')} do not tie out"
    left_out, came = words.count(rows["quarantined"] + rows["rejected"]), words.counted(rows["in"], "row")
    return f"{ties_out if broken else 'Every figure ties out'}; {left_out} of {came} left out"


def left_title(left: pd.DataFrame) -> str:
    """How many rows were left out, and for how many reasons."""
    if not len(left):
        return "Nothing was left out"
    return (
        f"{words.counted(left['rows'].sum(), 'row')} left out, for {words.counted(left['reason'].nunique(), 'reason')}"
    )


def ordered(ties: pd.DataFrame, counted: bool) -> pd.DataFrame:
    """Control totals of amounts, or of pieces; those that do not hold on top."""
    pieces = ties["measure"].str.split(",").str[0].isin(COUNTED)
    rows = ties[pieces == counted].sort_values(["holds", "feed", "measure"], kind="stable")
    shown = rows.assign(holds=["holds" if holds else "DIFFERS" for holds in rows["holds"]])
    return shown[["holds", "feed", "measure", *SUMS]]


def feeds(state: pd.DataFrame) -> pd.DataFrame:
    """Every feed that came: rows, first and last event, and how long before the end of the data it ends."""
    there = state[state["present"].astype(bool)]
    end = pd.Timestamp(ask.current().manifest["as_of"]).tz_localize(None)
    behind = (end - pd.to_datetime(there["last_at"])).dt.days.clip(lower=0)
    return there.assign(behind=behind)[["feed", *ROWS, "first_at", "last_at", "behind"]]


def lacking(row: pd.Series) -> list[str]:
    """The columns that a feed did not bring."""
    return [name for name in str(row["missing_columns"] or "").split(", ") if name]


def switched_off(state: pd.DataFrame) -> list[str]:
    """What is not known because a feed or a column is missing: one Markdown line each."""
    found = []
    for _, row in state.iterrows():
        feed = FEEDS[row["feed"]]
        if not row["present"]:
            found.append(f"**The feed {feed.name} is missing.** {words.safe_text(feed.without)}")
            continue
        for column in lacking(row):
            need = f"{feed.name}.{column}"
            names = [entry.label for entry in FIGURES if need in entry.needs]
            if names:
                found.append(f"**{feed.name} without {words.safe_text(column)}.** Not known: {'; '.join(names)}.")
    return found


def further_missing(state: pd.DataFrame) -> str:
    """Columns that are missing without switching a figure off."""
    parts = []
    for _, row in state[state["present"].astype(bool)].iterrows():
        columns = [column for column in lacking(row) if f"{row['feed']}.{column}" not in NEEDED]
        if columns:
            parts.append(f"{row['feed']}: {', '.join(columns)}")
    return words.safe_text(f"Also absent, without switching a figure off: {'; '.join(parts)}.", 600) if parts else ""


def sources(files: pd.DataFrame) -> pd.DataFrame:
    """Every file that was read, with the beginning of its hash and the columns that were left out."""
    short = [" + ".join(part[:12] for part in str(value).split("+")) for value in files["sha256"]]
    return files.assign(hash=short)[["feed", "file", *ROWS, "reason", "left_out", "hash"]]


def unused(names: list[str]) -> str:
    """Files that no feed and no mapping names."""
    listed = words.safe_text(", ".join(names), 600)
    return f"Not read, because no feed and no mapping names them: {listed}" if names else ""


def builds() -> pd.DataFrame:
    """The builds that are kept, newest first."""
    rows = []
    for manifest in ask.history():
        when = {name: words.moment(manifest[name], manifest["zone"]) for name in ("built_at", "as_of")}
        came = {name: manifest["rows"][name.removeprefix("rows_")] for name in ROWS}
        rows.append({"build": manifest["build"]} | when | came | {"version": manifest["version"]})
    return pd.DataFrame(rows)


def assumed(channels: pd.DataFrame) -> pd.DataFrame:
    """Channels whose cost nobody measured."""
    return channels.loc[channels["status"] == "assumed", ["label", "unit_cost", "status"]]


def assumptions(channels: pd.DataFrame, currency: str) -> list[str]:
    """What was assumed rather than measured, one Markdown line each."""
    manifest, number = ask.current().manifest, len(assumed(channels))
    floor = words.money(manifest["roi_floor"], currency)
    lines = [f"Customers are rated from an investment of {floor} on; below, they are “too little invested”."]
    if number:
        having = f"{words.counted(number, 'channel')} {'has' if number == 1 else 'have'} an assumed cost"
        lines.insert(0, f"{having}, used where the contacts feed gives none.")
    if manifest.get("notice"):
        lines.append(manifest["notice"])
    return [words.safe_text(line, 400) for line in lines]
