"""Locks: what a person decided about one customer's channel, with the reason; the plan keeps to it until it ends."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components import access, ask, attempts, layout, tables, words
from components.demarket_keep import decides, in_scope
from data.journal import overrides
from data.journal.overrides import CHANNEL, MOST_REASON, Override
from data.plan import channels
from data.rights import CUSTOMERS, OVERRIDE_PLAN

PLACE, MOST = "plan_locks", 1_000
WHO, WHAT, WHY, ENDS = (f"_lock_{name}" for name in ("who", "what", "why", "end"))
NOTHING = "No contact"
COLUMNS = {"customer_id": "Customer", "channel": "Locked to", "why": "Why", "by": "By", "since": "Since"}


def show() -> None:
    """The locks of the reader's customers, a way to add one, and to end one."""
    if not access.may(CUSTOMERS):
        return
    attempts.outcome(PLACE)
    own = in_scope(overrides.active(access.journal(), CHANNEL))
    layout.finding(title(own))
    labels = {one.name: one.label for one in channels(ask.current())} | {"": NOTHING}
    if own:
        frame = pd.DataFrame([row(one, labels) for one in list(own.values())[:MOST]])
        tables.table(frame, "Customers whose channel a person decided", "", COLUMNS, {}, ("customer_id",))
    layout.quiet(
        "A lock comes before the plan and before the lot. One that consent, a waiting time or a capacity does not "
        "allow makes the plan impossible, and is named then."
    )
    if not decides(access.reader()):
        return
    hindered = access.hinders_deciding(access.reader(), OVERRIDE_PLAN)
    with st.container(horizontal=True, gap="small"):
        with st.popover("Lock a customer", icon=":material/lock:", disabled=bool(hindered)):
            st.text_input("Customer key", key=WHO, max_chars=200)
            st.selectbox(
                "To", [name for name in labels if name] + [""], None, key=WHAT, placeholder="Choose one",
                format_func=lambda name: words.visible(labels.get(name) or NOTHING, 60),
            )  # fmt: skip
            st.text_area("Why?", key=WHY, max_chars=MOST_REASON)
            st.button("Lock", key="_lock_now", on_click=lock)
        with st.popover("End a lock", icon=":material/lock_open:", disabled=bool(hindered or not own)):
            st.selectbox("Customer", list(own), None, key=ENDS, format_func=words.visible, placeholder="Choose a key")
            st.button("End", key="_lock_end_now", on_click=end, args=(own,))
    if hindered:
        layout.quiet(hindered)


def row(one: Override, labels: dict[str, str]) -> dict[str, str]:
    """One lock as the table shows it."""
    return {
        "customer_id": one.customer_id,
        "channel": labels.get(one.channel, one.channel),
        "why": one.reason,
        "by": one.by_name or words.NOT_KNOWN,
        "since": ask.moment(one.at),
    }


def title(own: dict[str, Override]) -> str:
    """How many customers are locked."""
    if not own:
        return "Nobody's channel is locked by a person"
    return f"The channel of {words.counted(len(own), 'customer')} is locked by a person"


def lock() -> None:
    """Lock a customer; a button's callback."""
    who, why = (text.strip() for text in attempts.entered(WHO, WHY))
    what = st.session_state.get(WHAT)
    if not who or what is None:
        st.session_state[attempts.key(PLACE)] = False, "Type a key and choose a channel first, then press Lock."
        return
    attempts.attempt(PLACE, f"{words.visible(who)} is locked.", overrides.lock, ask.newest(), who, what, why)


def end(own: dict[str, Override]) -> None:
    """End a lock; a button's callback."""
    (who,) = attempts.entered(ENDS)
    if who not in own:
        st.session_state[attempts.key(PLACE)] = False, "Choose a customer first, then press End."
        return
    said = f"{words.visible(who)} is no longer locked."
    attempts.attempt(PLACE, said, overrides.end, ask.newest(), own[who].override_id)
