"""Buttons that change something in the journal, and what came of them, said on the next screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from components import access, words
from data.journal.problems import Invalid, JournalError
from data.rights import Forbidden


def attempt(place: str, said: str, action: Callable[..., Any], *given: Any) -> None:
    """Do something in the journal, from a button's callback. place: where `outcome` says what came of it."""
    try:
        action(access.journal(), access.current_user(), *given)
    except (Forbidden, Invalid, JournalError) as problem:
        st.session_state[key(place)] = False, str(problem)
    else:
        st.session_state[key(place)] = True, said


def outcome(place: str) -> None:
    """What came of the last button of this place, once."""
    done, text = st.session_state.pop(key(place), (True, ""))
    if text:
        (st.success if done else st.error)(words.safe_text(text, 400))


def key(place: str) -> str:
    """Where the outcome is kept until the next screen."""
    return f"_outcome_{place}"


def entered(*names: str) -> list[str]:
    """What was typed or chosen in the fields of a form; empty texts for nothing."""
    return [str(st.session_state.get(name) or "") for name in names]
