"""Finding one partner: by its key within the reader's scope, under the key it goes on as, or from the first ones."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components import ask, filters, layout, offer, words
from components.partner_card import window
from data.contract import UNKNOWN
from data.question import Listing, Question, View

FIRST = 10


def profile(own: View) -> pd.Series | None:
    """Who the partner is; None where there is no such partner in the reader's scope."""
    rows = ask.ask(Listing("partner_profile", own))
    return rows.iloc[0] if len(rows) and rows["partner_id"].iloc[0] != UNKNOWN else None


def choose(view: View) -> None:
    """The first partners by revenue of the year, of which one can be opened."""
    question = Question(("revenue",), ("partner_id",), view.between(*window()), limit=FIRST + 1)
    rows = ask.ask(question)
    rows = rows[rows["partner_id"] != UNKNOWN][:FIRST]
    if not len(rows):
        layout.empty("There is no partner with sales in this view")
        return
    layout.finding(f"Choose a partner: the first {words.count(len(rows))} by revenue of the last 12 months", question)
    offer.partners(with_names(rows, "partner_id", view), "Partners by revenue", "first_partners")


def with_names(rows: pd.DataFrame, column: str, view: View) -> pd.DataFrame:
    """The rows with the names of the partners in that column, next to their keys; none outside the reader's scope."""
    keys = tuple(dict.fromkeys(rows[column]))
    known = ask.ask(Listing("partner_profile", view.only("partner_id", *keys))) if keys else pd.DataFrame()
    names = dict(zip(known["partner_id"], known["partner_name"], strict=True)) if len(known) else {}
    shown = rows.copy()
    shown.insert(list(rows.columns).index(column) + 1, "partner_name", [names.get(key) for key in rows[column]])
    return shown


def not_found(key: str, view: View) -> None:
    """There is no such partner for this reader; where it goes on under another key that may be seen, the way there."""
    if key == UNKNOWN:
        layout.error(f"{key} is no partner: it stands for what was sold without one.", "Choose another key.")
        return
    merged = ask.ask(Listing("partner_merged", view.only("partner_id", key)))
    if not len(merged):
        layout.error(f"There is no partner {key} in this view.", "Check the key, or leave it empty to choose one.")
        return
    goes_on = str(merged["goes_on_as"].iloc[0])
    layout.error(f"{key} goes on as {goes_on}.", "Its sales count there, the earlier ones too.")
    if st.button(f"Open {words.safe_text(goes_on, 60)}", icon=":material/arrow_forward:", key="_goes_on"):
        filters.goto("pages/partner/partner.py", partner=goes_on)
