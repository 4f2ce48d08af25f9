"""The segment that the screen is narrowed to: named by the address, looked up at every run, kept from page to page."""

from __future__ import annotations

import streamlit as st

from components import access, ask, opened, words
from data.catalog import DIMENSIONS, attribute
from data.journal import segments
from data.journal.segments import Segment
from data.rights import Forbidden
from data.view import Members
from data.view_format import BadView
from data.warehouse import Build

NAME = segments.PARAMETER  # in the address
OPEN, SEEN, CHOICE = "_within", "_within_seen", "_within_choice"


def begin(applies: bool) -> None:
    """Look up the segment of this run. applies: whether the page has filters at all.

    On another page the segment goes along, and the address says so; where the address of the same page lost it, the
    reader went back to a screen without it.
    """
    file, kept = st.session_state["_file"], st.session_state.get(NAME)
    if NAME not in st.query_params and kept and applies and st.session_state.get(SEEN) != (file, kept):
        st.query_params[NAME] = kept
    named = st.query_params.get(NAME, "")
    if named or applies:
        st.session_state[NAME] = named
    st.session_state[SEEN] = file, named
    st.session_state[OPEN] = load(named) if named else None


def load(segment_id: str) -> Segment | None:
    """A segment this reader may use and this version can read."""
    try:
        segment = segments.get(access.journal(), access.current_user(), segment_id)
        segment.members  # noqa: B018  (what cannot be read is found here, not on the way)
    except (Forbidden, BadView):
        return None
    return segment


def current() -> Segment | None:
    """The segment the screen is narrowed to, if there is one."""
    return st.session_state.get(OPEN)


def members() -> Members:
    """Its conditions, to be added to those of the filters."""
    segment = current()
    return segment.members if segment else ()


def is_open(segment_id: str) -> bool:
    """Whether this is the segment of this run."""
    segment = current()
    return segment is not None and segment.segment_id == segment_id


def usable() -> list[Segment]:
    """The segments this reader may use on the build of this run, by name."""
    found = segments.listing(access.journal(), access.reader())
    return [segment for segment in found if not problem(segment, ask.current())]


def problem(segment: Segment | None, build: Build) -> str:
    """Why a build cannot be narrowed to a segment for this reader; empty when it can."""
    if segment is None:
        return ""
    try:
        names = [name for name, _ in segment.members]
    except BadView as unreadable:
        return str(unreadable)
    lacking = [name for name in names if name not in DIMENSIONS and name not in build.attributes]
    if lacking:
        return f"is made of {called(lacking)}, which this data does not have"
    single = [name for name in names if not access.may_split(build, name)]
    if single:
        return f"is made of {called(single)}; that would single out too few customers, and you see groups"
    return ""


def called(names: list[str]) -> str:
    """Attributes by their labels."""
    return words.listed([(DIMENSIONS.get(name) or attribute(name)).label.lower() for name in names])


def labels(found: list[Segment]) -> dict[str, str]:
    """Key -> what a control calls the segment: a name that is there twice gets a number, or the wrong one is chosen."""
    named: dict[str, str] = {}
    for segment in found:
        label = name = words.visible(segment.name, 80)
        number = 1
        while label in named.values():
            number += 1
            label = f"{name} ({number})"
        named[segment.segment_id] = label
    return named


# Choosing one


def control() -> None:
    """The list of segments in the side bar; nothing where there is none to choose."""
    names = labels(usable())
    if not names and current() is None:
        return
    st.session_state[CHOICE] = now = st.session_state.get(NAME) or None
    st.selectbox(
        "Within a kept segment",
        [*names, *([now] if now and now not in names else [])],
        key=CHOICE,
        index=None,
        format_func=lambda one: names.get(one, words.NOT_KNOWN),
        placeholder="Everybody",
        disabled=opened.locked(NAME),
        help=opened.why_locked(NAME, "Filters apply inside the segment. Keep your own with Keep as segment."),
        on_change=picked,
    )


def picked() -> None:
    """The control was used; its callback."""
    choose(st.session_state.get(CHOICE) or "")


def choose(segment_id: str) -> None:
    """Narrow the screen to a segment, or leave it for an empty id; a button's callback."""
    if segment_id:
        st.query_params[NAME] = segment_id
    elif NAME in st.query_params:
        del st.query_params[NAME]
    st.session_state[NAME] = segment_id
    st.session_state[SEEN] = st.session_state.get("_file"), segment_id
    st.session_state.setdefault("_came", {})[NAME] = "chosen"


def leave() -> None:
    """Everybody again; a button's callback."""
    choose("")
