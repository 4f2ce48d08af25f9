"""Writing a campaign: five sections whose every field is saved when it is left, and conflicts that are said.

What was saved last, and under which version, is kept in the session; a newer version of another window is shown at once
unless something typed here would be lost by that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import streamlit as st

from components import access, ask, attempts, filters, layout, words
from components.campaign_find import Found
from data import campaign
from data.audience_sources import bounded
from data.campaign import MONEY, SHARES, Promise
from data.journal import campaigns
from data.journal.problems import Invalid, JournalError
from data.rights import Forbidden

OPEN, FIELD, PART = "_campaign_edit", "_campaign_field_", "part"
PARTS = ("Who", "Why", "What", "Holdout", "Check")
WHOLE_PERCENT = 100


@dataclass
class Edit:
    """The draft on the screen. text, version: as saved last. problem: why the last change was not saved.

    part: the section on the screen, which is not left while what was typed there cannot be saved.
    """

    campaign_id: str
    version: int
    text: str
    problem: str = ""
    conflict: bool = False
    part: str = PARTS[0]

    @property
    def promise(self) -> Promise:
        """What was saved last."""
        return campaign.parse(self.text)


def show(one: Found, sections: Mapping[str, Callable[[Edit], None]]) -> None:
    """The sections of a draft of one's own, one at a time. sections: what each of PARTS draws."""
    edit = begin(one)
    edit.part = part = chosen_part()
    said(edit)
    sections[part](edit)
    steps(part)


def begin(one: Found) -> Edit:
    """The draft as this session has it; the journal's where that is newer and nothing typed here waits."""
    assert one.own
    edit = st.session_state.get(OPEN)
    if isinstance(edit, Edit) and edit.campaign_id == one.own.campaign_id:
        if edit.version == one.own.version or edit.conflict:
            return edit
        st.toast("This draft was changed in another window. This is the newer version.", icon=":material/sync:")
    for name in [name for name in st.session_state if str(name).startswith(FIELD)]:
        del st.session_state[name]
    st.session_state[OPEN] = edit = Edit(one.own.campaign_id, one.own.version, one.own.text)
    return edit


def chosen_part() -> str:
    """Which section is open; kept in the address."""
    filters.own(PART)
    if PART not in st.session_state and PART not in st.query_params:
        st.session_state[PART] = PARTS[0]
    part = st.segmented_control(
        "Section",
        PARTS,
        required=True,
        key=PART,
        bind=filters.BOUND,
        label_visibility="collapsed",
        on_change=move,
    )
    return part or PARTS[0]


def steps(part: str) -> None:
    """Back and on."""
    at = PARTS.index(part)
    with st.container(horizontal=True, gap="small"):
        if at:
            st.button(f"Back: {PARTS[at - 1]}", key="_campaign_back", on_click=go, args=(PARTS[at - 1],))
        if at < len(PARTS) - 1:
            st.button(f"On: {PARTS[at + 1]}", key="_campaign_on", type="primary", on_click=go, args=(PARTS[at + 1],))


def go(part: str) -> None:
    """Open another section; a button's callback."""
    st.session_state[PART] = part
    move()


def move() -> None:
    """Stay where something typed is not saved yet: leaving would lose it."""
    edit = st.session_state.get(OPEN)
    if isinstance(edit, Edit) and edit.problem and not edit.conflict:
        st.session_state[PART] = edit.part
    filters.chose(PART)


def said(edit: Edit) -> None:
    """What is saved, or why it is not."""
    attempts.outcome("campaign")
    if edit.conflict:
        st.error("This draft was changed in another window, so what you changed here is not saved.")
        st.button("Show the newer version", key="_campaign_newer", on_click=forget)
    elif edit.problem:
        st.error(f"Not saved: {words.safe_text(edit.problem, 400)} Correct it before you go on.")
    else:
        layout.quiet(f"Every change is saved. Version {edit.version}.")


def forget() -> None:
    """Leave what was typed, and take the newer version; a button's callback."""
    st.session_state.pop(OPEN, None)


# Fields


def key(name: str) -> str:
    """The key of a field's control."""
    return f"{FIELD}{name}"


def prepare(name: str, value: Any) -> str:
    """The key of a control that shows a value of the draft, unless something was typed there; call it just before."""
    if key(name) not in st.session_state:
        st.session_state[key(name)] = value
    return key(name)


def on_screen(promise: Promise, name: str) -> Any:
    """A field as its control has it: money as a number, shares in percent."""
    value = getattr(promise, name)
    if name in MONEY:
        return float(value)
    return round(value * WHOLE_PERCENT, 2) if name in SHARES else value


def typed_in(name: str) -> Any:
    """What the control of a field holds, as the promise has it."""
    value = st.session_state[key(name)]
    if name in MONEY:
        return Decimal(repr(round(float(value or 0), 4)))
    return round(float(value or 0) / WHOLE_PERCENT, 4) if name in SHARES else value


def save(*names: str) -> None:
    """Save these fields of the section on the screen; the callback of its controls."""
    store({name: typed_in(name) for name in names if key(name) in st.session_state})


def store(values: Mapping[str, Any]) -> None:
    """Save these values as a new version, unless nothing changed; what stands in the way is said on the next screen."""
    edit: Edit = st.session_state[OPEN]
    try:
        actor = access.current_user()
        promise = bounded(replace(edit.promise, **values), ask.current().scope_of(actor.held))
        edit.problem = ""
        if promise.text() != edit.text:
            edit.version = campaigns.revise(access.journal(), actor, edit.campaign_id, promise, edit.version)
            edit.text = promise.text()
    except (Forbidden, Invalid, JournalError) as problem:
        edit.problem = str(problem)
        edit.conflict = changed_elsewhere(edit)


def changed_elsewhere(edit: Edit) -> bool:
    """Whether the journal has a newer version than the one on the screen."""
    try:
        return campaigns.get(access.journal(), access.current_user(), edit.campaign_id).version != edit.version
    except Forbidden:
        return False
