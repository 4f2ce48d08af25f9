"""What is chosen, in words and as an address; where each choice came from, and the way back."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from components import access, ask, opened, within, words
from components.address import COMPARE, LATEST, filter_values, label_of
from components.filters import APART, DEFAULT_PERIOD, WINDOW, compared, compared_words, kind, members, window


def chips() -> list[tuple[str, str]]:
    """Every part of the view in words, and whether a saved view, a link, the reader or nobody chose it."""
    came = st.session_state.get("_came", {})
    since, until = window()
    parts = [("period", words.months(since, until) if since and until else "whole history")] if kind() != APART else []
    if compared():
        parts.append(("compare", compared_words()))
    parts += [(name, f"{label_of(name)}: {spoken(chosen)}") for name, chosen in members()]
    if (segment := within.current()) and kind() != APART:
        parts.append((within.NAME, f"Within {segment.name}"))
    if (st.session_state.get("build") or LATEST) != LATEST:
        parts.append(("build", f"Build {ask.current().id}"))
    if kind() != APART and (limits := access.scope(ask.current()).limits):
        parts.insert(0, ("rights", limits))
    return [(text, origin(name, came)) for name, text in parts]


def origin(name: str, came: dict[str, str]) -> str:
    """view, link, chosen or default."""
    if name == "rights":
        return "your rights"
    if name == "period" and kind() != WINDOW:
        return "this page"
    if opened.current() and came.get(name) == "link":
        return "view"
    if name == "period" and st.session_state.get("period") in (None, DEFAULT_PERIOD):
        return "default"
    if name == "compare" and st.session_state.get("compare") in (None, COMPARE[0]):
        return "default"
    return came.get(name, "chosen")


def spoken(chosen: tuple[str, ...]) -> str:
    """Up to three members by name."""
    return ", ".join(chosen[:3]) + (f" and {len(chosen) - 3} more" if len(chosen) > 3 else "")


def anything_to_reset() -> bool:
    """Whether the view differs from the default one."""
    return any(source in ("view", "link", "chosen") for _, source in chips())


def reset() -> None:
    """Back to the default view, out of any saved one; a button's callback, so that the address follows."""
    opened.leave()
    within.leave()
    for name in filter_values(ask.current()):
        if name in st.session_state:
            st.session_state[name] = []
    for name, value in (("period", DEFAULT_PERIOD), ("compare", COMPARE[0]), ("build", LATEST)):
        if name in st.session_state:
            st.session_state[name] = value
    st.session_state["_came"] = {}


def parameters() -> dict[str, list[str]]:
    """Every choice that makes the view, also what is at its default, so that it stays the same if a default changes."""
    values = {name: list(chosen) for name, chosen in members()}
    if (segment := within.current()) and kind() != APART:
        values[within.NAME] = [segment.segment_id]
    if kind() == WINDOW:
        values |= {name: [st.session_state[name]] for name in ("period", "compare") if st.session_state.get(name)}
    own = sorted(st.session_state.get("_own", set()))
    return values | {name: found for name in own if (found := written(st.session_state.get(name)))}


def written(value: Any) -> list[str]:
    """A control's value as the address holds it; a number is one also when it is 0."""
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return [str(value)] if value or (value == 0 and not isinstance(value, bool)) else []


def here(path: str) -> str:
    """A path of this server as a whole address, to be sent to somebody."""
    where = urlsplit(st.context.url or "")
    return f"{where.scheme}://{where.netloc}{path}" if where.netloc else path


def address(**more: str) -> str:
    """The address of exactly this view."""
    if (st.session_state.get("build") or LATEST) != LATEST:
        more.setdefault("build", st.session_state["build"])
    where = st.context.url or ""
    pairs = [(name, value) for name, values in parameters().items() for value in values]
    return f"{where if urlsplit(where).path else f'{where}/'}?{urlencode([*pairs, *more.items()])}"
