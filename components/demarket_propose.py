"""Proposing a release: how many from the top of the list, what to do with them, a note for the second person."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components import access, ask, attempts, layout, words
from data import demarketing
from data.journal.releases import MOST_CUSTOMERS, MOST_NOTE
from data.rights import PROPOSE_RELEASE, ROLES, Actor

PLACE, HOW_MANY, HOW, NOTE = "demarketing", "_release_number", "_release_how", "_release_note"
AS_LISTED, STOP_ALL = "As listed", "No contacts for anybody"


def proposes(actor: Actor) -> bool:
    """Whether proposing is this reader's work, also seen through somebody else's eyes."""
    return any(PROPOSE_RELEASE in ROLES.get(role, frozenset()) for role in actor.roles)


def form(actor: Actor, ordered: pd.DataFrame) -> None:
    """The form, for whoever proposes. ordered: the list as it is shown."""
    if not proposes(actor) or not len(ordered):
        return
    layout.finding("Propose a release")
    most, hindered = min(len(ordered), MOST_CUSTOMERS), access.hinders_deciding(actor, PROPOSE_RELEASE)
    with st.form("_release", border=True):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.number_input(
                f"How many, from the top of the {words.count(len(ordered))} listed", 1, most, most,
                key=f"{HOW_MANY}_{most}", width=280,
            )  # fmt: skip
            st.radio("What to do", (AS_LISTED, STOP_ALL), key=HOW, horizontal=True)
        st.text_area(
            "Note for the second person", key=NOTE, max_chars=MOST_NOTE, placeholder="Why these customers, and why now?"
        )
        st.form_submit_button(
            "Propose to a second person",
            type="primary",
            icon=":material/how_to_reg:",
            disabled=bool(hindered),
            on_click=submit,
            args=(tuple(ordered["customer_id"]), f"{HOW_MANY}_{most}"),
        )
    layout.quiet(
        hindered
        or "Nothing is sent, and nobody is terminated. Once an approver releases the list, plans and campaigns leave "
        "these customers out, or leave them the one channel. It can be ended at any time."
    )


def submit(keys: tuple[str, ...], number: str) -> None:
    """Propose the first so many; a button's callback."""
    how, note = attempts.entered(HOW, NOTE)
    first = keys[: int(st.session_state.get(number) or len(keys))]
    if not note.strip():
        st.session_state[attempts.key(PLACE)] = False, "Write a note for the second person, then propose again."
        return
    text = f"{words.counted(len(first), 'customer')} proposed. An approver sees the list on this page and decides."
    attempts.attempt(PLACE, text, demarketing.propose, ask.newest(), first, how == STOP_ALL, note)
    if st.session_state[attempts.key(PLACE)][0]:
        st.session_state[NOTE] = ""
