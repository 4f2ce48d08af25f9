"""Kept segments: how many customers and how much money each has for this reader, where it is used, and two compared."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from components import access, ask, attempts, campaign_start, filters, layout, segment_form, tables, within, words
from components.view_form import audience_field
from components.views import link
from data.catalog import METRICS, Unit
from data.journal import segments
from data.journal.segments import Segment
from data.journal.store import Journal
from data.journal.view_rows import PERSONAL
from data.question import Question, Refused, View
from data.rights import CUSTOMERS, SAVE_VIEW, Actor
from data.view import Members

PLACE, MOST = "segment_list", 100  # segments with all their details on the screen
MONEY = ("margin", "potential_value", "margin_at_risk")
PER_CUSTOMER = ("revenue", "margin", "cost", "orders", "contacts", "margin_at_risk", "potential_value")
LABELS = {
    "segment": "Segment",
    "number": "Customers",
    "what": "Made of",
    "whose": "Whose",
    "attribute": "Attribute",
    "value": "Value",
    "share_one": "Share, first",
    "share_two": "Share, second",
    "number_one": "Customers, first",
    "number_two": "Customers, second",
    "apart": "Difference, points",
    "figure": "Per customer",
    "one": "First",
    "two": "Second",
    "times": "First to second",
}
UNITS = {
    "number": Unit.COUNT,
    "number_one": Unit.COUNT,
    "number_two": Unit.COUNT,
    "share_one": Unit.SHARE,
    "share_two": Unit.SHARE,
}


# What is asked


def listed() -> list[Segment]:
    """Every segment this reader may use."""
    return segments.listing(access.journal(), access.reader())


def view_of(members: Members) -> View:
    """The customers under these conditions, in the reader's scope, over the whole history."""
    return View(access.scope(ask.current()), members)


def sums(names: tuple[str, ...], members: Members) -> dict[str, float]:
    """Sums of the customers under these conditions; those this build or this reader cannot have are left out."""
    found = {}
    for name in (name for name in names if not layout.missing_of(METRICS[name].needs)):
        try:
            found[name] = ask.ask(Question((name,), view=view_of(members)))[name].iloc[0]
        except (Refused, KeyError):
            continue
    return found


# The list


def nothing() -> None:
    """No segment yet: what one is, and how to make it."""
    with st.container(border=True):
        st.markdown("**No segments are kept yet.**")
        st.markdown(
            "A segment is a combination of filters under a name: it can be opened on every page, counted, compared "
            "with another, and shared. Everybody sees it under their own rights."
        )
        if access.may(SAVE_VIEW):
            layout.quiet("Choose filters on any page, then choose Keep as segment at its top.")
        else:
            layout.quiet("Your roles keep no segments. What colleagues share with you appears here.")


def overview(found: list[Segment]) -> None:
    """All of them in one table, with customers and money of the reader's scope."""
    rows = []
    for segment in found:
        held = members(segment)
        row: dict[str, object] = {"segment": segment.name, "number": None, "what": segment_form.described(dict(held))}
        if held:
            row |= {"number": segment_form.count(held), **sums(MONEY, held)}
        rows.append(row | {"whose": "you" if mine(segment) else segment.owner_name or words.NOT_KNOWN})
    frame = pd.DataFrame(rows)
    currency = ask.current().manifest["currency"]
    tables.table(frame, "Segments with customers and money", currency, LABELS, UNITS, ("segment",))


def members(segment: Segment) -> Members:
    """What it is made of; nothing where this reader or this build cannot have it."""
    return () if within.problem(segment, ask.current()) else segment.members


def mine(segment: Segment) -> bool:
    """Whether the reader keeps it."""
    return segment.owner == access.reader().person


def show(segment: Segment) -> None:
    """One segment: what it is, how many it has, where it is used, and what can be done with it."""
    used, why = (
        segments.used_in(access.journal(), access.reader(), segment.segment_id),
        within.problem(segment, ask.current()),
    )
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{words.safe_text(segment.name)}**", width="stretch")
            if not why:
                opens(segment)
            if mine(segment) and access.may(SAVE_VIEW):
                with st.popover("Manage", key=f"_segment_manage_{segment.segment_id}", on_change="rerun") as popover:
                    if popover.open:
                        manage(segment)
        if why:
            st.markdown(f":material/visibility_off: It cannot be shown to you here: it {words.safe_text(why, 300)}.")
        else:
            st.markdown(f"{segment_form.described(dict(segment.members))} · {segment_form.size(segment.members)}")
        owner = "yours" if mine(segment) else f"by {words.safe_text(segment.owner_name or words.NOT_KNOWN, 60)}"
        kept = ask.moment(segment.created_at)
        layout.quiet(f"{owner} · for {words.safe_text(segment.shared_with)} · kept {kept}")
        if segment.note:
            st.markdown(words.safe_lines(segment.note))
        places = [f"[{words.safe_text(view.name, 80)}]({link(view.view_id)})" for view in used]
        where = words.listed(places[:6] + [f"{len(places) - 6} more"] * (len(places) > 6))
        layout.quiet(f"Used in {words.counted(len(used), 'saved view')}: {where}" if used else "Used in no saved view")


def opens(segment: Segment) -> None:
    """Ways to look at its customers."""
    pages = [("Overview", "pages/company/overview.py")]
    pages += [("Customer ROI", "pages/value/customer_roi.py")] if access.may(CUSTOMERS) else []
    for label, page in pages:
        if st.button(f"Open in {label}", key=f"_segment_open_{label}_{segment.segment_id}", type="tertiary"):
            filters.goto(page, **{within.NAME: segment.segment_id})
    campaign_start.of_segment(segment.segment_id)


def manage(segment: Segment) -> None:
    """Rename, share, delete."""
    name, note, audience = (f"_segment_{what}_{segment.segment_id}" for what in ("name", "note", "audience"))
    st.text_input("Name", segment.name, key=name, max_chars=segments.MOST_NAME)
    st.text_area("Note", segment.note, key=note, max_chars=segments.MOST_NOTE, height=80)
    audience_field(access.current_user(), segment, audience)
    st.button("Save", type="primary", key=f"_segment_save_{segment.segment_id}", on_click=change, args=(segment,))
    sure = st.checkbox("Delete it for everybody", key=f"_segment_sure_{segment.segment_id}")
    layout.quiet("Saved views that name it can no longer be opened then.")
    given = (PLACE, "The segment is deleted.", segments.delete, segment.segment_id)
    key = f"_segment_delete_{segment.segment_id}"
    st.button("Delete", key=key, disabled=not sure, on_click=attempts.attempt, args=given)


def change(segment: Segment) -> None:
    """Rename or share it; a button's callback."""
    name, note = attempts.entered(f"_segment_name_{segment.segment_id}", f"_segment_note_{segment.segment_id}")
    audience, team = st.session_state.get(f"_segment_audience_{segment.segment_id}") or (PERSONAL, "")

    def store(journal: Journal, actor: Actor) -> None:
        segments.rename(journal, actor, segment.segment_id, name, note, audience, team)

    attempts.attempt(PLACE, "The segment is saved.", store)
