"""Passports: what stands behind every figure on a screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pandas as pd
import streamlit as st

from components import access, ask, tables, words
from data.catalog import CONTACT, FACTS, LINE, METRICS
from data.question import Listing, Question, Refused
from data.rights import VIEW


def finding(text: str, question: Question | None = None, rows: pd.DataFrame | None = None) -> None:
    """The title of a chart or table: what it shows, in words; its passport beside it."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
        st.header(text, anchor=False, width="stretch")
        if question is not None:
            passport("Passport", question, rows, icon=":material/fact_check:")


def passport(label: str, question: Question, rows: pd.DataFrame | None = None, icon: str | None = None) -> None:
    """Where a figure comes from: definition, formula, filters, rows, build, freshness, sources, tie-outs."""
    names = "_".join((*question.metrics, *question.facts, *question.by))
    with st.popover(
        label,
        type="tertiary",
        icon=icon,
        key=f"_passport_{label}_{names}",
        on_change="rerun",
        help="Where this figure comes from",
    ) as popover:
        if popover.open:
            for name in (*question.metrics, *question.facts):
                entry = METRICS.get(name) or FACTS[name]
                st.markdown(f"**{entry.label}.** {entry.meaning}")
                if name in METRICS:
                    st.code(METRICS[name].formula, language=None, wrap_lines=True)
            tables.facts(passport_rows(question, rows), alt=f"Passport of {label}")


def passport_rows(question: Question, rows: pd.DataFrame | None = None) -> list[tuple[str, str]]:
    """The passport's list, from the question and the build on the screen."""
    build = ask.current()
    manifest = build.manifest
    ties = ask.ask(Listing("tie_out", question.view))
    broken = int((~ties["holds"].astype(bool)).sum()) if len(ties) else 0
    sources = sorted({f"{source['file']} ({source['feed']})" for source in manifest["sources"]})
    found = [
        ("View", words.safe_text(str(question.view), 400)),
        ("Made of", events_behind(question)),
        ("Shown", words.counted(len(rows), "row") if rows is not None else ""),
        ("Build", f"`{build.id}`, made {words.moment(manifest['built_at'], manifest['zone'])}"),
        (
            "Data to",
            f"{words.moment(manifest['as_of'], manifest['zone'])}, {words.ago(days_old(manifest['as_of']))}",
        ),
        (
            "Sources",
            ""
            if not access.may(VIEW)
            else ", ".join(words.safe_text(name) for name in sources[:8]) + (" …" if len(sources) > 8 else ""),
        ),
        (
            "Ties out",
            f"{words.counted(len(ties), 'control total')}, all equal to the sources, to the cent"
            if len(ties) and not broken
            else f":red[{words.counted(broken, 'control total')} of {len(ties)} differ from the sources]"
            if broken
            else "checked for the whole company, of which you see a part",
        ),
    ]
    return [(name, text) for name, text in found if text]


def events_behind(question: Question) -> str:
    """How many order lines and contacts the figure is made of."""
    events = {event for name in question.metrics for event in METRICS[name].events} or {LINE, CONTACT}
    found = []
    for event, names in ((LINE, ("lines",)), (CONTACT, ("contacts", "service_contacts"))):
        if event in events and not missing_of(METRICS[names[0]].needs):
            try:
                answer = ask.ask(Question(names, view=question.view)).iloc[0]
            except Refused:
                continue  # the view holds a dimension these events do not have
            found.append(words.counted(answer.sum(), METRICS[names[0]].label.lower().rstrip("s")))
    return words.listed(found)


def missing_of(needs: Sequence[str]) -> list[str]:
    """Which of these feeds (or feed.column) this build does not have."""
    return [need for need in needs if need not in ask.current().manifest["known"]]


def days_old(moment: str) -> int:
    """Whole days from a moment (ISO, UTC) until now."""
    at = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return max(0, (datetime.now(UTC) - (at if at.tzinfo else at.replace(tzinfo=UTC))).days)
