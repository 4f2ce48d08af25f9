"""Taking a table or a document along: prepare it, and fetch the file by a link that works once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from components import access, ask, words
from data import export, export_tickets
from data.catalog import Unit
from data.export_document import Document
from data.export_files import KINDS, TooLarge
from data.export_journal import Kept
from data.question import Listing, Question, Refused
from data.rights import Forbidden

WHAT_FOR = {
    "csv": "opens anywhere",
    "xlsx": "for people",
    "parquet": "for programs: typed and unescaped",
    "jsonl": "the same, a line of text for each row",
}


@st.fragment
def offer(
    question: Question | Listing | Kept,
    name: str,
    chosen: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    units: Mapping[str, Unit] | None = None,
) -> None:
    """A small menu under a table, for those who may take it along: the whole answer, not only the page on the screen.

    chosen, labels, units: of a listing's columns. Nothing is asked or counted before somebody presses Prepare.
    """
    wanted = export.Wanted(question, name, chosen=tuple(chosen), labels=labels or {}, units=units or {})
    if not wanted.may(access.reader()):
        return
    with st.popover("Export", icon=":material/download:", type="tertiary", key=f"_export_{name}"):
        kind = st.radio(
            "Format",
            list(KINDS),
            format_func=lambda extension: KINDS[extension].label,
            captions=[WHAT_FOR[extension] for extension in KINDS],
            key=f"_export_format_{name}",
        )
        if st.button("Prepare", key=f"_export_prepare_{name}"):
            prepared(replace(wanted, kind=kind))


def offer_page(document: Document, label: str, name: str) -> None:
    """A button for a page to print, for those who may take it along. Nothing is worked out before it is pressed."""
    wanted = export.Wanted(document, name, document.extension)
    if wanted.may(access.reader()) and st.button(label, icon=":material/print:", type="tertiary", key=f"_page_{name}"):
        prepared(wanted)


def prepared(wanted: export.Wanted) -> None:
    """The link to the file, or why there is none."""
    try:
        token, number = export.prepare(access.journal(), access.current_user(), ask.current(), wanted)
    except (Forbidden, TooLarge, Refused) as problem:
        st.markdown(f":material/error: {words.safe_text(problem, 600)}")
        return
    what = "to print" if isinstance(wanted.question, Document) else words.counted(number, "row")
    label = f"Download {words.safe_text(wanted.name.replace('_', ' '))} ({what})"
    st.link_button(label, f"/export/{token}", icon=":material/download:", type="primary")
    st.markdown(f":small[:gray[The link works once, for {export_tickets.SECONDS} seconds.]]")
