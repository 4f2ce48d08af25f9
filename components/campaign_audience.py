"""The audience of a campaign counted live: its size, who is left out and why, whom running campaigns have drawn."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, cards, layout, tables, words
from components.campaign_draft import Edit
from data.audience import REASONS, Survey, survey
from data.audience_sources import SOURCES
from data.campaign import Promise
from data.catalog import Unit
from data.journal import campaigns
from data.journal.problems import Invalid, JournalError
from data.question import Refused, View

MEMO = "_campaign_survey"
FRESH = timedelta(seconds=60)  # contacts of others move the counts


def counted(promise: Promise, drawing: Any, key: str = "") -> Survey | str:
    """The audience as it would be drawn now, in the reader's scope; or, in words, why it cannot be counted."""
    build, journal = ask.current(), access.journal()
    running = tuple(one.campaign_id for one in campaigns.running(journal))
    parts = (promise.source, promise.members, promise.options, promise.channel, promise.purpose, promise.outcome)
    asked = (build.id, access.scope(build), parts, promise.window_days, promise.quiet_days, running, key)
    memo = st.session_state.get(MEMO)
    if memo and memo[0] == asked and journal.clock() - memo[1] < FRESH:
        return memo[2]
    found: Survey | str
    try:
        found = survey(build, View(access.scope(build)), promise, journal, drawing, key, access.reader())
    except (Invalid, Refused, JournalError) as problem:
        found = str(problem)
    st.session_state[MEMO] = (asked, journal.clock(), found)
    return found


def audience_now(edit: Edit, drawing: Any) -> None:
    """The audience of a draft, counted live."""
    audience(edit.promise, counted(edit.promise, drawing, edit.campaign_id))


def audience(promise: Promise, found: Survey | str) -> None:
    """Its size, who is left out and why, and whom running campaigns have drawn."""
    if isinstance(found, str):
        layout.error(found, "Change the audience, then it is counted again.")
        return
    if not found.candidates:
        layout.error("None of the customers you may see is in this audience.", "Change its filters or settings.")
        return
    control = round(found.kept * promise.holdout)
    explored = round(found.kept * promise.exploration)
    with cards.row(4):
        cards.card("Candidates", words.count(found.candidates), SOURCES[promise.source].label)
        cards.card(
            "In the campaign", words.count(found.kept), f"{share_of(found.kept, found.candidates)} of candidates"
        )
        cards.card("Treated", words.count(found.kept - control), explored_words(explored))
        cards.card("Held out", words.count(control), f"{words.share(promise.holdout)}, drawn at random")
    exclusions(found)
    overlap(found)


def share_of(part: int, whole: int) -> str:
    """A share, or a dash of nothing."""
    return words.share(part / whole) if whole else words.NOT_KNOWN


def explored_words(number: int) -> str:
    """How many of the treated are explored."""
    return f"{words.count(number)} of them explored" if number else "contacted with the offer"


def exclusions(found: Survey) -> None:
    """A row for each reason; they add up to the candidates."""
    left_out = found.candidates - found.kept
    layout.finding(f"{words.counted(left_out, 'candidate')} left out" if left_out else "No candidate is left out")
    rows = [(reason.capitalize(), number, REASONS[reason]) for reason, number in found.excluded if number]
    rows += [("In the campaign", found.kept, "Kept")]
    frame = pd.DataFrame(rows, columns=["reason", "number", "meaning"])
    labels = {"reason": "Reason", "number": "Customers", "meaning": "Which means"}
    tables.table(frame, "Candidates by the first reason that leaves them out", "", labels, {"number": Unit.COUNT})
    layout.quiet(f"The rows add up to the {words.counted(found.candidates, 'candidate')}; the first reason counts.")


def overlap(found: Survey) -> None:
    """Running campaigns that have drawn some of the candidates; those of colleagues without their names."""
    if not found.overlaps:
        layout.quiet("No running campaign has drawn any of them.")
        return
    own = {one.campaign_id: one.promise.name for one in campaigns.listing(access.journal(), access.reader())}
    others = sum(number for key, number in found.overlaps if key not in own)
    said = [f"{words.safe_text(own[key], 60)}: {words.count(number)}" for key, number in found.overlaps if key in own]
    said += [f"campaigns of colleagues: {words.count(others)}"] if others else []
    st.markdown(f"**Drawn by running campaigns already:** {'; '.join(said)}. :gray[They stay out of this one.]")
