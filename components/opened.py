"""The saved view that is open: the one the address names, as its reader may see it at this moment."""

from __future__ import annotations

import streamlit as st

from components import access
from data.journal import views
from data.journal.view_rows import SavedView
from data.rights import Forbidden
from data.view_format import BadView, Body

NAME = "view"  # in the address
OPEN, SEEN = "_view", "_view_seen"


def begin() -> None:
    """Look up the view that the address names; at the beginning of every run, because rights and views change."""
    view_id = st.query_params.get(NAME)
    view = load(view_id) if view_id else None
    st.session_state[OPEN] = view
    if view is None:
        st.session_state.pop(SEEN, None)
    elif st.session_state.get(SEEN, ("", 0))[0] != view.view_id:
        saw(view)


def load(view_id: str) -> SavedView | None:
    """A view this reader may open and this version can read."""
    try:
        view = views.get(access.journal(), access.current_user(), view_id)
        view.body  # noqa: B018  (a body that cannot be read is found here, not on the way)
    except (Forbidden, BadView):
        return None
    return view


def saw(view: SavedView) -> None:
    """Remember which version the reader has before their eyes: what they change later is a change of that one."""
    st.session_state[SEEN] = view.view_id, view.version


def current() -> SavedView | None:
    """The open view, if there is one."""
    return st.session_state.get(OPEN)


def body() -> Body | None:
    """What the open view shows, if there is one."""
    view = current()
    return view.body if view else None


def is_open(view_id: str) -> bool:
    """Whether this is the view that is open."""
    view = current()
    return view is not None and view.view_id == view_id


def version_seen() -> int:
    """The version the reader opened; another one may have been saved since."""
    return int(st.session_state.get(SEEN, ("", 0))[1])


def locked(name: str) -> bool:
    """Whether the open view does not let its readers change this control."""
    found = body()
    return found is not None and name in found.locked


def why_locked(name: str, otherwise: str | None = None) -> str | None:
    """The help of a control: that the open view fixes it, or what it says otherwise."""
    return "The open view fixes this. Leave the view to change it." if locked(name) else otherwise


def leave() -> None:
    """Close the view and keep what is chosen; a button's callback."""
    if NAME in st.query_params:
        del st.query_params[NAME]
    st.session_state[OPEN] = None
    st.session_state.pop(SEEN, None)
