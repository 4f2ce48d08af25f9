"""The glossary's entries, and the words about data that the catalog does not hold."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from components import words
from components.passports import missing_of
from data.catalog import Better, Unit

WORDS = {
    "Build": "One load of the company's data, never changed afterwards. Every figure belongs to one build.",
    "Loaded, quarantined, rejected": "A row that came in is loaded; left out, with a reason; or refused with "
    "its whole file. The three add up to the rows that came in.",
    "Tie-out": "A total in the source compared with the same total here. It holds when the two are equal to the cent.",
    "(unknown)": "What a missing segment, region, partner or other member is called. Its figures are never dropped.",
    "Passport": "What stands behind a figure: definition, formula, filters, rows, build, freshness, sources, tie-outs.",
}
UNIT_WORDS = {
    Unit.MONEY: "money",
    Unit.COUNT: "count",
    Unit.SHARE: "per cent",
    Unit.RATIO: "per unit of currency invested",
    Unit.DAYS: "days",
    Unit.TEXT: "text",
    Unit.MOMENT: "date",
}


def entry(
    word: str,
    meaning: str,
    formula: str = "",
    unit: Unit | None = None,
    better: Better = Better.NEITHER,
    needs: Sequence[str] = (),
) -> None:
    """One word of the glossary: what it means, how it is worked out, which way is good, whether it is known here."""
    lacking = missing_of(needs)
    remarks = [UNIT_WORDS[unit]] if unit else []
    if better != Better.NEITHER:
        remarks.append(f"{better} is better")
    with st.container(gap="xxsmall"):
        st.markdown(f"**{words.safe_text(word)}**" + (f" :small[:gray[{' · '.join(remarks)}]]" if remarks else ""))
        st.markdown(words.safe_text(meaning, 400))
        if formula:
            st.markdown(f":small[`{formula}`]")
        if lacking:
            st.markdown(f":small[:orange[Not known in this build: needs {words.safe_text(words.listed(lacking))}]]")
