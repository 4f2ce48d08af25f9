"""Lists of customers or partners from which one can be opened: by a row, or from a list that the keyboard reaches."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from components import ask, filters, tables, words
from data.catalog import Unit


def customers(
    shown: pd.DataFrame, alt: str, key: str, labels: Mapping[str, str], units: Mapping[str, Unit] | None = None
) -> None:
    """The table as it is, and the Customer page of whoever is chosen. shown: has customer_id. key: names the list."""
    named = chosen(shown, alt, key, "customer_id", "customer", labels, units or {})
    if named is not None:
        filters.goto("pages/value/customer.py", customer=named)


def partners(
    shown: pd.DataFrame,
    alt: str,
    key: str,
    column: str = "partner_id",
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, Unit] | None = None,
) -> None:
    """The table as it is, and the Partner page of whoever is chosen. column: where shown has the partners' keys."""
    named = chosen(shown, alt, key, column, "partner", {"partner_name": "Name"} | dict(labels or {}), units or {})
    if named is not None:
        filters.goto("pages/partner/partner.py", partner=named)


def chosen(
    shown: pd.DataFrame,
    alt: str,
    key: str,
    column: str,
    thing: str,
    labels: Mapping[str, str],
    units: Mapping[str, Unit],
    names: Mapping[str, str] | None = None,
) -> str | None:
    """The key that was chosen in the table or in the list below it.

    names: key -> name of each row, in their order, where rows are chosen by name; else column holds the keys.
    """
    place = f"{key}_{ask.current().id}"
    currency = ask.current().manifest["currency"]
    row = tables.table(shown, alt, currency, labels, units, (column,), key=f"rows_{place}", selectable=True)
    keys = list(shown[column] if names is None else names)
    named = st.selectbox(
        f"Open a {thing} of this list",
        keys,
        index=None,
        key=f"open_{place}",
        width=260,
        format_func=str if names is None else lambda key: words.visible(str(names[key]), 80),
        placeholder=f"Choose {'a key' if names is None else 'one'}, or mark a row",
    )
    return keys[row] if named is None and row is not None else named
