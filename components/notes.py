"""Notes: what colleagues remark on a page, its figures, the open view or a partner, and writing one."""

from __future__ import annotations

import streamlit as st

from components import access, ask, attempts, opened, words
from components.view_form import teams
from components.views import page_name, quiet
from data.catalog import METRICS
from data.journal import notes
from data.journal.notes import Note
from data.journal.store import Journal
from data.journal.view_rows import PERSONAL
from data.rights import NOTE, Actor

PLACE, FOUND, FIGURES = "notes", "_notes", "_figures"
FIELDS = ("_note_about", "_note_text", "_note_for")
ABOUT = {"page": "this page", "view": "the open view", "partner": "this partner"}
OF_PARTNER, PARTNER_FIELDS = "partner_notes", ("_partner_note_about", "_partner_note_text", "_partner_note_for")


def popover() -> None:
    """The notes on this page, its figures and the open view; a form to add one."""
    page, actor = page_name(), access.current_user()
    view = opened.current()
    targets = [f"page:{page}", *(figure(page, name) for name in METRICS), *([f"view:{view.view_id}"] if view else [])]
    found = notes.of(access.journal(), actor, targets)
    st.session_state[FOUND] = found
    if st.session_state.get(FIGURES, ("", []))[0] != page:
        st.session_state[FIGURES] = (page, [])
    if not found and not actor.may(NOTE):
        return
    with st.popover("Notes", icon=":material/sticky_note_2:", key="_notes_shown", on_change="rerun") as popover:
        if popover.open:
            attempts.outcome(PLACE)
            for note in found:
                show(note, actor)
            if not found:
                quiet("Nobody has written a note on this page, its figures or this view.")
            if actor.may(NOTE):
                form(actor)
    if found:  # beside the popover: another label would close it
        st.markdown(f":gray-badge[{len(found)}]", width="content")


def show(note: Note, actor: Actor, place: str = PLACE) -> None:
    """One note: its text, who wrote it, when, about what and for whom."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(words.safe_lines(note.text, notes.MOST_TEXT))
        who = "you" if note.author == actor.person else words.safe_text(note.author_name or words.NOT_KNOWN, 60)
        when = ask.moment(note.created_at)
        whom = "only you" if note.audience == PERSONAL else f"every {words.safe_text(note.team)}"
        st.markdown(f":small[:gray[{who} · {when} · on {about(note.target)} · for {whom}]]")
        if note.author == actor.person and actor.may(NOTE):
            given = (place, "The note is removed.", notes.remove, note.note_id)
            key = f"_note_remove_{note.note_id}"
            st.button("Remove", key=key, type="tertiary", on_click=attempts.attempt, args=given)


def form(actor: Actor) -> None:
    """A new note: about what, the text, and for whom."""
    page, view = page_name(), opened.current()
    drawn = st.session_state[FIGURES][1]
    targets = [f"page:{page}", *(figure(page, name) for name in drawn), *([f"view:{view.view_id}"] if view else [])]
    st.selectbox("About", targets, key=FIELDS[0], format_func=about)
    fields(actor, FIELDS, PLACE)


def fields(actor: Actor, names: tuple[str, str, str], place: str) -> None:
    """The text of a new note, for whom it is, and the button. names: of what it is about, the text, for whom."""
    st.text_area(
        "Note", key=names[1], max_chars=notes.MOST_TEXT, height=90, placeholder="What should be known about this?"
    )
    whom = {(PERSONAL, ""): "Only me"} | teams(actor)
    st.selectbox("For", list(whom), key=names[2], format_func=lambda one: whom[one])
    st.button("Add the note", type="primary", key=names[1].replace("_text", "_add"), on_click=add, args=(names, place))
    quiet("No names, addresses or phone numbers of customers.")


def add(names: tuple[str, str, str] = FIELDS, place: str = PLACE) -> None:
    """Keep the note; a button's callback."""
    target, text, whom = (st.session_state.get(field) for field in names)

    def keep(journal: Journal, actor: Actor) -> None:
        audience, team = whom or (PERSONAL, "")
        notes.add(journal, actor, target or "", text or "", audience, team)
        st.session_state[names[1]] = ""

    attempts.attempt(place, "The note is kept.", keep)


def on_partner(key: str) -> None:
    """The notes on a partner, and a form to add one. key: of a partner that was found in the reader's scope."""
    actor, target = access.current_user(), f"partner:{key}"
    found = notes.of(access.journal(), actor, [target])
    if not found and not actor.may(NOTE):
        return
    st.header("Notes on this partner", anchor=False)
    attempts.outcome(OF_PARTNER)
    for note in found:
        show(note, actor, OF_PARTNER)
    if not found:
        quiet("Nobody who shares notes with you has written one on this partner.")
    if actor.may(NOTE):
        st.session_state[PARTNER_FIELDS[0]] = target
        with st.expander("Write a note", icon=":material/edit_note:"):
            fields(actor, PARTNER_FIELDS, OF_PARTNER)


def mark(name: str) -> None:
    """Beside a figure of the page: how many notes there are on it."""
    page = page_name()
    drawn = st.session_state.setdefault(FIGURES, (page, []))[1]
    if name not in drawn:
        drawn.append(name)
    number = sum(note.target == figure(page, name) for note in st.session_state.get(FOUND, []))
    if number:
        st.markdown(f":small[:gray[:material/sticky_note_2: {words.counted(number, 'note')}]]")


def figure(page: str, metric: str) -> str:
    """A figure of a page, as notes name it."""
    return f"figure:{page}/{metric}"


def about(target: str) -> str:
    """What a note is about, in words."""
    kind, _, rest = target.partition(":")
    metric = METRICS.get(rest.partition("/")[2])
    return metric.label.lower() if metric else ABOUT.get(kind, "this page")
