"""Keeping what is chosen as a segment: its customers counted live, a name, for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from components import access, ask, attempts, chosen, filters, within, words
from components.address import label_of
from components.view_form import audience_field
from data.journal import segments
from data.journal.store import Journal
from data.journal.view_rows import PERSONAL
from data.question import Question, Refused, View
from data.rights import SAVE_VIEW, Actor
from data.view import Members

Wanted = Mapping[str, Sequence[str]]


def popover() -> None:
    """Keep the filters on the screen under a name; nothing where none is chosen."""
    if on_screen() and access.may(SAVE_VIEW):
        offer(on_screen(), "screen")


def offer(members: Members, key: str) -> None:
    """Keep these attributes of customers under a name. key: the place on the page, for several such offers."""
    if not access.may(SAVE_VIEW):
        return
    with st.popover(
        "Keep as segment", icon=":material/group_add:", key=f"_segment_{key}", on_change="rerun"
    ) as popover:
        if popover.open:
            form(members, key)


def on_screen() -> Members:
    """The filters and the segment of this run, as conditions."""
    return (*filters.members(), *within.members()) if filters.kind() != filters.APART else ()


def together(members: Members) -> dict[str, tuple[str, ...]]:
    """Conditions as one choice for each attribute: what is in all of them. A choice may be left empty."""
    found: dict[str, tuple[str, ...]] = {}
    for name, values in members:
        found[name] = tuple(value for value in found[name] if value in values) if name in found else tuple(values)
    return found


def form(members: Members, key: str) -> None:
    """What the segment is made of, how many it has now, its name and audience."""
    attempts.outcome(place(key))
    wanted = together(members)
    st.markdown(f":small[{described(wanted)}]")
    st.markdown(f"**{size(members)}**")
    name, note, audience = fields(key)
    st.text_input("Name", key=name, max_chars=segments.MOST_NAME)
    st.text_area("Note", key=note, max_chars=segments.MOST_NOTE, height=80)
    audience_field(access.current_user(), None, audience)
    st.button("Keep", type="primary", key=f"_segment_keep_{key}", on_click=keep, args=(wanted, key))


def size(members: Members) -> str:
    """How many customers these conditions have now, for this reader."""
    number = count(members)
    if number is None:
        return "How many customers it has is not known in this build"
    return f"{words.counted(number, 'customer')} who bought, of those you may see"


def count(members: Members) -> int | None:
    """Customers with purchases under these conditions, in the reader's scope; None where the build cannot say."""
    view = View(access.scope(ask.current()), members)
    try:
        found = ask.ask(Question(("scored",), view=view))["scored"].iloc[0]
    except (Refused, KeyError):
        return None
    return int(found) if words.known(found) else 0


def described(members: Wanted) -> str:
    """'Risk: high, medium; Region: North'."""
    parts = [
        f"{label_of(name)}: {words.safe_text(chosen.spoken(tuple(v)) or 'nobody', 120)}" for name, v in members.items()
    ]
    return "; ".join(parts)


def keep(wanted: Wanted, key: str) -> None:
    """Store the segment; a button's callback."""
    name, note = attempts.entered(*fields(key)[:2])
    audience, team = st.session_state.get(fields(key)[2]) or (PERSONAL, "")

    def store(journal: Journal, actor: Actor) -> None:
        if not all(wanted.values()):
            raise segments.Invalid("The filter and the segment have nobody in common: there is nothing to keep.")
        segments.save(journal, actor, name, note, wanted, audience, team)

    attempts.attempt(place(key), "The segment is kept. It is in the side bar, and on the page Segments.", store)


def fields(key: str) -> tuple[str, str, str]:
    """Keys of the name, the note and the audience."""
    return f"_segment_name_{key}", f"_segment_note_{key}", f"_segment_for_{key}"


def place(key: str) -> str:
    """Where the outcome of the last try is said."""
    return f"segment_{key}"
