"""A list of customers from which one can be opened: by a row, or from a list that the keyboard reaches."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from components import ask, filters, tables
from data.catalog import Unit


def customers(
    shown: pd.DataFrame, alt: str, key: str, labels: Mapping[str, str], units: Mapping[str, Unit] | None = None
) -> None:
    """The table as it is, and the Customer page of whoever is chosen. shown: has customer_id. key: names the list."""
    place = f"{key}_{ask.current().id}"
    currency = ask.current().manifest["currency"]
    row = tables.table(
        shown, alt, currency, labels, units or {}, ("customer_id",), key=f"rows_{place}", selectable=True
    )
    keys = list(shown["customer_id"])
    named = st.selectbox(
        "Open a customer of this list",
        keys,
        index=None,
        key=f"open_{place}",
        width=260,
        placeholder="Choose a key, or mark a row",
    )
    if named is None and row is not None:
        named = keys[row]
    if named is not None:
        filters.goto("pages/value/customer.py", customer=named)
