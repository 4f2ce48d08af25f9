"""Answers of customers from a file, on a campaign's page: what was kept, known already, or refused and why."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from components import access, layout, tables, words
from components.campaign_find import Found
from data.catalog import Unit
from data.files import Rejected
from data.journal.problems import Invalid, JournalError
from data.journal.responses import ANSWERABLE, HELD_OUT, Received, receive_file
from data.responses import MOST_FILE_BYTES, MOST_FILE_ROWS, RESPONSES, SUFFIXES, from_file
from data.rights import RESPOND, Forbidden

MOST_SHOWN = 500  # refused rows on the screen
MEANS = {
    "not in the campaign": "nobody of that key is in the campaign",
    "before the launch": "answered before the campaign was launched",
    "after the window": "answered after the window had ended",
    "again": "a further answer of the same customer",
    HELD_OUT: "customers who were held out; they count as answers of the control group",
}


def offer(one: Found) -> None:
    """Room for a file with answers, for the campaign's author once it is exported; and what became of the last one."""
    if one.state not in ANSWERABLE or not one.mine or not access.may(RESPOND):
        return
    with st.expander("Bring answers back from a file"):
        names = (one.name if one.required else f"{one.name} (optional)" for one in RESPONSES.columns)
        with st.form(f"_responses_form_{one.key}", clear_on_submit=True, border=False):
            file = st.file_uploader(
                f"A file with the columns {', '.join(names)}",
                type=[suffix.removeprefix(".") for suffix in SUFFIXES],
                max_upload_size=MOST_FILE_BYTES >> 20,
                key=f"_responses_file_{one.key}",
                help=f"Up to {MOST_FILE_ROWS:,} rows, of any campaign of yours. Moments need their offset from UTC. "
                "A file may be sent again: what is known already changes nothing.",
            )
            pressed = st.form_submit_button("Keep the answers")
        place = f"_responses_said_{one.key}"
        if pressed:
            with st.spinner("Reading and keeping the answers", show_time=True):
                st.session_state[place] = kept(file)
            st.rerun()  # figures above were drawn before
        said(st.session_state.get(place))


def kept(file: UploadedFile | None) -> Received | str:
    """What became of a file's rows, or why it was not taken."""
    if file is None:
        return "No file was chosen. Choose one, then press the button."
    journal, actor = access.journal(), access.current_user()
    try:
        actor.require(RESPOND)
        return receive_file(
            journal, actor, from_file(file.name, file.getvalue(), journal.clock()), "upload", actor.person
        )
    except Rejected as problem:
        return f"The file was not taken: {problem}."
    except (Forbidden, Invalid, JournalError) as problem:
        return str(problem)


def said(outcome: Received | str | None) -> None:
    """The outcome in words, and the refused rows as a table."""
    if outcome is None:
        return
    if isinstance(outcome, str):
        layout.error(words.safe_text(outcome, 400))
        return
    st.markdown(
        f"Of {words.counted(outcome.rows, 'row')}, **{words.count(outcome.kept)}** were kept, "
        f"{words.count(outcome.known)} were known already, {words.count(len(outcome.refused))} were refused."
    )
    for flag, rows in outcome.flags.items():
        layout.quiet(f"{words.count(rows)} of those kept: {MEANS.get(flag, words.safe_text(flag))}.")
    if outcome.refused:
        shown = outcome.refused[:MOST_SHOWN]
        frame = pd.DataFrame([(one.row, one.reason) for one in shown], columns=["row", "reason"])
        labels, units = {"row": "Row of the file", "reason": "Why it was refused"}, {"row": Unit.COUNT}
        tables.table(frame, "Refused rows and why", "", labels, units)
        if len(shown) < len(outcome.refused):
            layout.quiet(f"The first {MOST_SHOWN} of {words.count(len(outcome.refused))} refused rows are shown.")
