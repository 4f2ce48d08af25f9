"""Key figures that are not a catalog metric of the view: a label, one figure, and what it must be read with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pandas as pd
import streamlit as st

from components import layout, words
from data.catalog import METRICS
from data.question import Question, View


@contextmanager
def row(number: int) -> Iterator[None]:
    """A row of so many cards, one below the other where the window is narrow."""
    with st.grid(number, min_column_width=215, gap="small"):
        yield


def metric(name: str, view: View) -> None:
    """One metric of the catalog, as in the headline of other pages."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        layout.card(METRICS[name], view)


def card(
    label: str, figure: str, note: str = "", question: Question | None = None, rows: pd.DataFrame | None = None
) -> None:
    """One figure. note: a sentence below it. question: what its passport describes."""
    with st.container(border=True, height="stretch", gap="xsmall"):
        if question is not None:
            layout.passport(label, question, rows)
        else:
            st.markdown(f":small[{words.safe_text(label)}]")
        st.metric(label, words.visible(figure), label_visibility="collapsed")
        if note:
            layout.quiet(words.safe_text(note, 400))
