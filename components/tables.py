"""Every table of the product: figures in their unit, on the right; text from data shown as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from components import words
from data.catalog import DIMENSIONS, FACTS, METRICS, Unit, attribute

safe_text = words.safe_text
NUMBERS = (Unit.MONEY, Unit.COUNT, Unit.SHARE, Unit.RATIO, Unit.DAYS)
MOST_ROWS = 1_000


def table(
    frame: pd.DataFrame,
    alt: str,
    currency: str = "",
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, Unit] | None = None,
    pinned: Sequence[str] = (),
    key: str | None = None,
    selectable: bool = False,
) -> int | None:
    """A table whose columns are named, explained and written as the catalog says; the position of the chosen row.

    labels, units: for columns the catalog lacks. Figures stay numbers, so that a click on a header sorts them rightly.
    """
    if len(frame) > MOST_ROWS or not alt:
        raise ValueError(f"A table needs a text alternative and at most {MOST_ROWS:,} rows: page on the server.")
    own = {name: unit_of(name, units or {}) for name in frame.columns}
    shown = frame.copy()
    for name, unit in own.items():
        if unit in NUMBERS:
            shown[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
        elif unit == Unit.MOMENT:
            shown[name] = [words.figure(value, unit) for value in frame[name]]
        else:
            shown[name] = [words.figure(value, Unit.TEXT) for value in frame[name]]
    written = {name: writer(unit, currency) for name, unit in own.items() if unit in NUMBERS}
    event: Any = st.dataframe(  # type: ignore[call-overload]
        shown.style.format(written),
        hide_index=True,
        alt=alt,
        key=key,
        placeholder=words.NOT_KNOWN,
        on_select="rerun" if selectable else "ignore",
        selection_mode="single-row",
        column_config={
            name: column(name, unit, (labels or {}).get(name), name in pinned) for name, unit in own.items()
        },
        height="content" if len(frame) <= 50 else "auto",
    )
    chosen = event["selection"]["rows"] if selectable else []
    return chosen[0] if chosen and chosen[0] < len(frame) else None


def facts(rows: Sequence[tuple[str, str]], alt: str) -> None:
    """A short list of names and texts, one row each. The texts may hold Markdown: escape what comes from data."""
    st.table(
        pd.DataFrame(rows, columns=["", " "]).set_index(""),
        border="horizontal",
        hide_header=True,
        alt=alt,
    )


def parts(rows: Sequence[Any], currency: str, alt: str, before: str = "Before", after: str = "Now") -> None:
    """The parts of a change: what each is worth in money, and its own level before and after, each in its own unit."""
    frame = pd.DataFrame(
        {
            "Part": [row.name for row in rows],
            "Worth": [words.signed(row.amount, currency) for row in rows],
            before: [words.figure(row.before, Unit(row.unit), currency, abs(row.before) >= 10_000) for row in rows],
            after: [words.figure(row.after, Unit(row.unit), currency, abs(row.after) >= 10_000) for row in rows],
        }
    )
    texts(frame, alt, right=("Worth", before, after))


def texts(frame: pd.DataFrame, alt: str, right: Sequence[str] = ()) -> None:
    """A short table of texts that are written already, such as figures whose unit differs from row to row."""
    shown = frame.map(lambda text: words.visible(str(text), 400))
    aligned = {name: st.column_config.TextColumn(alignment="right", width="small") for name in right}
    st.dataframe(shown, hide_index=True, alt=alt, column_config=aligned, height="content")


def column(name: str, unit: Unit, label: str | None, pinned: bool) -> dict:
    """How one column is headed, explained and aligned."""
    entry = METRICS.get(name) or FACTS.get(name) or DIMENSIONS.get(name)
    title = label or (entry.label if entry else attribute(name).label)
    kind = st.column_config.NumberColumn if unit in NUMBERS else st.column_config.TextColumn
    return kind(  # type: ignore[return-value]
        words.visible(title),
        help=entry.meaning if entry else None,
        pinned=pinned or None,
        alignment="right" if unit in NUMBERS else "left",
    )


def unit_of(name: str, units: Mapping[str, Unit]) -> Unit:
    """The unit of a column: the table's own, the catalog's, or text."""
    entry = METRICS.get(name) or FACTS.get(name)
    return units.get(name) or (entry.unit if entry else Unit.TEXT)


def writer(unit: Unit, currency: str):
    """A formatter of one unit."""
    return lambda value: words.figure(value, unit, currency)
