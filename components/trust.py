"""Why the figures can be trusted, or not: what came in, what was left out, what ties out, what was only assumed."""

from __future__ import annotations

import pandas as pd

from components import ask, words
from data.catalog import FACTS, METRICS, Unit
from data.contract import FEEDS

COUNTED = ("rows", "lines", "contacts", "responses")  # measures that are not money
LABELS = {
    "feed": "Feed", "measure": "What is compared", "source_value": "Source", "quarantined_value": "Left out",
    "ledger_value": "Here", "difference": "Difference", "rows_in": "Came in", "rows_loaded": "Loaded",
    "rows_quarantined": "Quarantined", "rows_rejected": "Rejected", "first_at": "First event", "last_at": "Last event",
    "behind": "Before the data's end", "file": "File", "reason": "Reason", "rows": "Rows", "left_out": "Columns left out",
    "hash": "SHA-256", "built_at": "Built", "as_of": "Data to", "version": "Version", "build": "Build",
    "holds": "State", "label": "Channel", "unit_cost": "Cost of one contact", "status": "Status",
}  # fmt: skip
COUNTS = dict.fromkeys(("rows_in", "rows_loaded", "rows_quarantined", "rows_rejected", "rows"), Unit.COUNT)
UNITS = COUNTS | {"first_at": Unit.MOMENT, "last_at": Unit.MOMENT, "behind": Unit.DAYS, "unit_cost": Unit.MONEY}
SUMS = ("source_value", "quarantined_value", "ledger_value", "difference")
MONEY, PIECES = dict.fromkeys(SUMS, Unit.MONEY), dict.fromkeys(SUMS, Unit.COUNT)


def verdict(ties: pd.DataFrame, rows: dict[str, int]) -> str:
    """The page's finding, in one sentence."""
    broken, left_out = int((~ties["holds"].astype(bool)).sum()), rows["quarantined"] + rows["rejected"]
    ties_out = (
        f"{words.count(broken)} of {words.counted(len(ties), 'control total')} do not tie out"
        if broken
        else "Every figure ties out"
    )
    return f"{ties_out}; {words.count(left_out)} of {words.counted(rows['in'], 'row')} left out"


def ordered(ties: pd.DataFrame, counted: bool) -> pd.DataFrame:
    """Control totals of amounts, or of pieces; those that do not hold on top."""
    pieces = ties["measure"].str.split(",").str[0].isin(COUNTED)
    rows = ties[pieces == counted].sort_values(["holds", "feed", "measure"], kind="stable")
    return rows.assign(holds=["holds" if holds else "DIFFERS" for holds in rows["holds"]])[
        ["holds", "feed", "measure", *SUMS]
    ]


def feeds(state: pd.DataFrame) -> pd.DataFrame:
    """Every feed that came: rows, first and last event, and how long before the end of the data it ends."""
    there = state[state["present"].astype(bool)].copy()
    end = pd.Timestamp(ask.current().manifest["as_of"]).tz_localize(None)
    there["behind"] = (end - pd.to_datetime(there["last_at"])).dt.days.clip(lower=0)
    names = ["feed", "rows_in", "rows_loaded", "rows_quarantined", "rows_rejected", "first_at", "last_at", "behind"]
    return there[names]


def left_title(left: pd.DataFrame) -> str:
    """How many rows were left out, and for how many reasons."""
    if not len(left):
        return "Nothing was left out"
    return (
        f"{words.counted(left['rows'].sum(), 'row')} left out, for {words.counted(left['reason'].nunique(), 'reason')}"
    )


def switched_off(state: pd.DataFrame) -> list[str]:
    """What is not known because a feed or a column is missing: one Markdown line each."""
    found = []
    for row in state.itertuples():
        feed = FEEDS[str(row.feed)]
        if not row.present:
            found.append(f"**The feed {feed.name} is missing.** {words.safe_text(feed.without)}")
            continue
        for column in filter(None, str(row.missing_columns or "").split(", ")):
            need = f"{feed.name}.{column}"
            names = [entry.label for entry in (*METRICS.values(), *FACTS.values()) if need in entry.needs]
            if names:
                found.append(f"**{feed.name} without {words.safe_text(column)}.** Not known: {', '.join(names)}.")
    return found


def further_missing(state: pd.DataFrame) -> str:
    """Columns that are missing without switching a figure off."""
    needed = {need for entry in (*METRICS.values(), *FACTS.values()) for need in entry.needs}
    parts = []
    for row in state[state["present"].astype(bool)].itertuples():
        columns = [c for c in str(row.missing_columns or "").split(", ") if c and f"{row.feed}.{c}" not in needed]
        if columns:
            parts.append(f"{row.feed}: {', '.join(columns)}")
    return f"Also absent, without switching a figure off: {words.safe_text('; '.join(parts), 600)}." if parts else ""


def sources(files: pd.DataFrame) -> pd.DataFrame:
    """Every file that was read, with the beginning of its hash and the columns that were left out."""
    short = [" + ".join(part[:12] for part in str(value).split("+")) for value in files["sha256"]]
    names = [
        "feed",
        "file",
        "rows_in",
        "rows_loaded",
        "rows_quarantined",
        "rows_rejected",
        "reason",
        "left_out",
        "hash",
    ]
    return files.assign(hash=short)[names]


def builds() -> pd.DataFrame:
    """The builds that are kept, newest first."""
    rows = []
    for manifest in ask.history():
        zone, came = manifest["zone"], manifest["rows"]
        rows.append({
            "build": manifest["build"], "built_at": words.moment(manifest["built_at"], zone),
            "as_of": words.moment(manifest["as_of"], zone), "rows_in": came["in"], "rows_loaded": came["loaded"],
            "rows_quarantined": came["quarantined"], "rows_rejected": came["rejected"], "version": manifest["version"],
        })  # fmt: skip
    return pd.DataFrame(rows)


def assumed(channels: pd.DataFrame) -> pd.DataFrame:
    """Channels whose cost nobody measured."""
    rows = channels[channels["status"] == "assumed"]
    return rows[["label", "unit_cost", "status"]]


def assumptions(channels: pd.DataFrame, currency: str) -> list[str]:
    """What was assumed rather than measured, one Markdown line each."""
    manifest, number = ask.current().manifest, len(assumed(channels))
    floor = words.money(manifest["roi_floor"], currency)
    lines = [f"ROI is given from an investment of {floor} on; below, customers are “too little invested”."]
    if number:
        lines.insert(
            0,
            f"{words.counted(number, 'channel')} {'has' if number == 1 else 'have'} an assumed cost, used where the contacts feed gives none.",
        )
    if manifest.get("notice"):
        lines.append(manifest["notice"])
    return [words.safe_text(line, 400) for line in lines]
