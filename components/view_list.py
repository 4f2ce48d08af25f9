"""All views a reader may open, with their versions; for owners the way to rename, share, restore and delete them."""

from __future__ import annotations

import streamlit as st

from components import access, ask, attempts, words
from components.view_form import audience_field
from components.views import link, quiet, title_of
from data.journal import views
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.journal.view_rows import COMPANY, TEAM, SavedView
from data.rights import PARTNER_ROLE, ROLES, SAVE_VIEW, SET_DEFAULT, Actor

PLACE = "view_list"
MOST = 100  # views of one group on the screen


def groups() -> list[tuple[str, list[SavedView]]]:
    """A heading and its views: one's own, those of one's teams, the company's; groups without views are left out."""
    actor = access.current_user()
    found = views.listing(access.journal(), actor)
    mine = [view for view in found if view.owner == actor.person]
    others = [view for view in found if view.owner != actor.person]
    named = (
        ("of yours", mine),
        ("of your team", [view for view in others if view.audience == TEAM]),
        ("of the company", [view for view in others if view.audience == COMPANY]),
    )
    return [(f"{words.counted(len(some), 'view')} {whose}", some) for whose, some in named if some]


def nothing() -> None:
    """No view yet: what one is, and how to make it."""
    with st.container(border=True):
        st.markdown("**No views are saved yet.**")
        st.markdown(
            "A saved view keeps a page with its filters and months under a name, for you, your team or the company. "
            "Others open it under their own rights."
        )
        if access.may(SAVE_VIEW):
            quiet("Open any page, choose what matters, then choose Save at the top of the page.")
        else:
            quiet("Your roles do not save views. What colleagues share with you appears here.")


def outcome() -> None:
    """What came of the last button."""
    attempts.outcome(PLACE)


def show(group: list[SavedView]) -> None:
    """One view below the other."""
    actor, offered = access.current_user(), defaults()
    for view in group[:MOST]:
        with st.container(border=True, gap="xsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"[**{words.safe_text(view.name)}**]({link(view.view_id)})", width="stretch")
                with st.popover(
                    "Manage" if view.owner == actor.person else "Details",
                    key=f"_view_manage_{view.view_id}",
                    on_change="rerun",
                ) as popover:
                    if popover.open:
                        manage(view, actor)
            st.markdown(f":small[:gray[{described(view, offered.get(view.view_id, []))}]]")
            if view.note:
                st.markdown(words.safe_lines(view.note))
    if len(group) > MOST:
        quiet(f"The latest {MOST} of {len(group):,}.")


def described(view: SavedView, roles: list[str]) -> str:
    """Page, owner, for whom, live or frozen, when it was saved, for which roles it is the default."""
    try:
        body = view.body
        data = f"{title_of(body.page)} · {'frozen to build ' + words.safe_text(body.frozen) if body.frozen else 'live'}"
    except Invalid as problem:
        data = words.safe_text(str(problem), 300)
    parts = [
        data,
        f"by {words.safe_text(view.owner_name or words.NOT_KNOWN, 60)}",
        f"for {words.safe_text(view.shared_with)}",
        f"version {view.version}, saved {ask.moment(view.saved_at)}",
        *(f"default view of every {role}" for role in roles),
    ]
    return " · ".join(parts)


def defaults() -> dict[str, list[str]]:
    """View -> the roles it is offered to, as far as this reader knows of them."""
    found: dict[str, list[str]] = {}
    for role in ROLES:
        if view := views.default_of(access.journal(), access.current_user(), role):
            found.setdefault(view.view_id, []).append(role)
    return found


def manage(view: SavedView, actor: Actor) -> None:
    """Everything that can be done with one view."""
    mine = view.owner == actor.person and actor.may(SAVE_VIEW)
    if mine:
        name, note, audience = (f"_view_{what}_{view.view_id}" for what in ("name", "note", "audience"))
        st.text_input("Name", view.name, key=name, max_chars=views.MOST_NAME)
        st.text_area("Note", view.note, key=note, max_chars=views.MOST_NOTE, height=80)
        audience_field(actor, view, audience)
        st.button("Save", type="primary", key=f"_view_save_{view.view_id}", on_click=change, args=(view,))
    st.markdown("**Versions**")
    for version in views.versions(access.journal(), actor, view.view_id):
        with st.container(horizontal=True, vertical_alignment="center"):
            now = " · the current one" if version.version == view.version else ""
            text = f"{version.version}: {words.safe_text(version.name, 80)} · {ask.moment(version.saved_at)}{now}"
            st.markdown(f":small[{text}]", width="stretch")
            if mine and not now:
                said = f"Version {version.version} is the current one again."
                given: tuple = (PLACE, said, views.restore, view.view_id, version.version)
                key = f"_view_restore_{view.view_id}_{version.version}"
                st.button("Restore", key=key, on_click=attempts.attempt, args=given)
    if actor.may(SET_DEFAULT):
        offer(view)
    if mine:
        sure = st.checkbox("Delete it for everybody", key=f"_view_sure_{view.view_id}")
        given = (PLACE, "The view is deleted.", views.delete, view.view_id)
        st.button(
            "Delete", key=f"_view_delete_{view.view_id}", disabled=not sure, on_click=attempts.attempt, args=given
        )


def offer(view: SavedView) -> None:
    """Make the view the default of a role that can open it, or take that back."""
    able = [role for role in ROLES if role != PARTNER_ROLE and (view.audience == COMPANY or view.team == role)]
    if not able:
        quiet("Share the view to offer it as the default of a role.")
        return
    role = st.selectbox("Default view of every", able, key=f"_view_role_{view.view_id}")
    with st.container(horizontal=True):
        for label, view_id, said in (
            ("Offer it", view.view_id, f"Every {role} is now offered this view on the first page."),
            ("Offer none", "", f"No view is offered to every {role} any more."),
        ):
            given = (PLACE, said, views.set_default, role, view_id)
            st.button(label, key=f"_view_{label}_{view.view_id}", on_click=attempts.attempt, args=given)


def change(view: SavedView) -> None:
    """Rename or share a view, leaving what it shows; a button's callback."""
    name, note = attempts.entered(f"_view_name_{view.view_id}", f"_view_note_{view.view_id}")
    audience, team = st.session_state.get(f"_view_audience_{view.view_id}") or (view.audience, view.team)

    def keep(journal: Journal, actor: Actor) -> None:
        views.save(journal, actor, name, note, view.body, audience, view.view_id, view.version, team)

    attempts.attempt(PLACE, "The view is saved.", keep)
