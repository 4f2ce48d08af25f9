"""Saving what is on the screen as a view: name, note, for whom, live or frozen, what its readers may not change."""

from __future__ import annotations

import streamlit as st

from components import access, ask, attempts, chosen, filters, opened, words
from components.views import link, page_name, quiet
from data import view_format
from data.journal import views
from data.journal.segments import Segment
from data.journal.store import Journal
from data.journal.view_rows import COMPANY, PERSONAL, TEAM, SavedView
from data.rights import ROLES, SAVE_VIEW, SHARE_VIEW, Actor

PLACE = "views"
FIELDS = ("_view_name", "_view_note", "_view_for", "_view_frozen", "_view_locked")


def popover() -> None:
    """Keep what is on the screen under a name."""
    if not access.may(SAVE_VIEW):
        return
    with st.popover("Save", icon=":material/bookmark_add:", key="_save", on_change="rerun") as popover:
        if popover.open:
            form()


def form() -> None:
    """Name, note, for whom, live or frozen, and what readers may not change."""
    view, actor = opened.current(), access.current_user()
    attempts.outcome(PLACE)
    mine = view if view and view.owner == actor.person else None
    names = [name for name in chosen.parameters() if name not in filters.PAGES]
    st.text_input("Name", mine.name if mine else "", key=FIELDS[0], max_chars=views.MOST_NAME)
    st.text_area("Note", mine.note if mine else "", key=FIELDS[1], max_chars=views.MOST_NOTE, height=80)
    audience_field(actor, mine, FIELDS[2])
    st.toggle(
        "Frozen to the build on the screen",
        bool(mine and mine.body.frozen),
        key=FIELDS[3],
        help="A frozen view shows the same figures for as long as its build is kept. A live one shows the newest data.",
    )
    kept = [name for name in mine.body.locked if name in names] if mine else []
    st.multiselect("Readers may not change", names, kept, key=FIELDS[4], format_func=filters.caption, placeholder="–")
    with st.container(horizontal=True):
        if mine:
            st.button("Save changes", type="primary", key="_view_change", on_click=save, args=(mine.view_id,))
        st.button("Save as a new view", type="secondary" if mine else "primary", key="_view_new", on_click=save)
    if view:
        quiet("Whoever may open the view finds it here, under their own rights:")
        st.code(chosen.here(link(view.view_id)), language=None, wrap_lines=True)


def audience_field(actor: Actor, view: SavedView | Segment | None, key: str) -> None:
    """For whom a view or a segment is: oneself, one of one's teams, the company."""
    options = audiences(actor)
    now = (view.audience, view.team) if view else (PERSONAL, "")
    at = list(options).index(now) if now in options else 0
    st.selectbox("For", list(options), at, key=key, format_func=lambda one: words.visible(options[one]))


def audiences(actor: Actor) -> dict[tuple[str, str], str]:
    """Audience and team -> what it is called, as far as the actor may share."""
    shared = teams(actor) | {(COMPANY, ""): "Everybody in the company"} if actor.may(SHARE_VIEW) else {}
    return {(PERSONAL, ""): "Only me"} | shared


def teams(actor: Actor) -> dict[tuple[str, str], str]:
    """Audience and team of those the actor belongs to -> what each is called."""
    return {(TEAM, role): f"My team: every {role}" for role in ROLES if role in actor.roles}


def save(view_id: str | None = None) -> None:
    """Save what is on the screen, as a new view or as a new version of one; a button's callback."""
    name, note, audience, frozen, locked = (st.session_state.get(field) for field in FIELDS)
    wanted = {name: values for name, values in chosen.parameters().items() if name not in filters.PAGES}
    page, build = page_name(), ask.current().id if frozen else ""

    def keep(journal: Journal, actor: Actor) -> None:
        body = view_format.body_of(page, wanted, build, tuple(name for name in locked or () if name in wanted))
        for_whom, team = audience or (PERSONAL, "")
        version = opened.version_seen() if view_id else None
        kept = views.save(journal, actor, name or "", note or "", body, for_whom, view_id, version, team)
        st.session_state["_came"] = dict.fromkeys(wanted, "link")
        st.query_params[opened.NAME] = kept
        if (view := opened.load(kept)) is not None:
            opened.saw(view)

    attempts.attempt(PLACE, "The view is saved.", keep)
