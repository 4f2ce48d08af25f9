"""The one cache between the screens and the warehouse, keyed on the question and the build."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import FunctionType
from typing import Any

import pandas as pd
import streamlit as st

from components import words
from data.question import Listing, Question, Refused, View
from data.warehouse import Build, NoBuild, folder, served

POINTER = "CURRENT.json"


@st.cache_data(
    show_spinner=False, max_entries=2_000, hash_funcs={Question: repr, Listing: repr, Build: lambda build: build.id}
)
def answer(question: Question | Listing, build: Build) -> pd.DataFrame:
    """The answer of one build. The reader's scope is part of the question, so it is part of the key."""
    return build.answer(question)


@st.cache_data(show_spinner=False, max_entries=2_000, hash_funcs={Question: repr, Build: lambda build: build.id})
def counted(question: Question, build: Build) -> int:
    """How many rows the whole answer has in one build."""
    return build.count(question)


def ask(question: Question | Listing, build: Build | None = None) -> pd.DataFrame:
    """The answer to a question, from the build this run shows unless another one is named."""
    return answer(question, build or current())


def count(question: Question, build: Build | None = None) -> int:
    """How many rows the whole answer to a question has."""
    return counted(question, build or current())


@st.cache_data(
    show_spinner=False,
    max_entries=200,
    hash_funcs={
        Question: repr,
        Listing: repr,
        Build: lambda build: build.id,
        FunctionType: lambda work: work.__qualname__,
    },
)
def kept_work(
    question: Question | Listing, work: Callable[..., Any], module: str, values: tuple[Any, ...], build: Build
) -> Any:
    """What `worked_out` keeps. module: of the work, whose name alone is not unique."""
    return work(build.answer(question), *values)


def worked_out(question: Question | Listing, work: Callable[..., Any], *values: Any) -> Any:
    """What a function makes of a large answer, such as a sample of it: that is kept, and the answer itself is not.

    work: a function of a module; values: what it gets after the answer.
    """
    return kept_work(question, work, work.__module__, values, current())


def monthly(metrics: tuple[str, ...], view: View) -> Question:
    """Metrics month by month, the earliest first."""
    return Question(metrics, ("month",), view, order_by="month", smallest_first=True)


def current() -> Build:
    """The build of this run: the one the frame pinned, so that all figures of a screen come from the same one."""
    return st.session_state.get("_build") or served(folder()).current()


build = current


def newest() -> Build:
    """The build that serves now, whatever a reader looks at: whose customers somebody decides about is never an old
    matter. Raises NoBuild.
    """
    return served(folder()).current()


def moment(at: str | None) -> str:
    """A moment of the journal as the clocks of the company on the screen showed it."""
    return words.moment(at, current().manifest["zone"]) if at else words.NOT_KNOWN


def pin(build_id: str = "") -> Build:
    """Decide which build this run shows: the newest good one, or the one the address names. Raises NoBuild."""
    st.session_state["_pointer"] = pointer()
    store = served(folder())
    st.session_state["_build"] = store.build(build_id) if build_id else store.current()
    return st.session_state["_build"]


def history() -> list[dict]:
    """Manifests of the builds that are kept and can be read, newest first."""
    return [manifest for manifest in manifests(folder(), pointer()) if not manifest.get("damaged")]


@st.cache_data(show_spinner=False, max_entries=8)
def manifests(where: str, seen: int) -> list[dict]:
    """The history, read again only when the pointer has moved. seen: the pointer's time, a part of the key."""
    return served(where).history()


def previous_build() -> Build | None:
    """The good build of the same company before the one on the screen, if it is kept."""
    company = current().manifest["company"]
    ids = [manifest["build"] for manifest in history() if manifest["company"] == company]
    older = ids[ids.index(current().id) + 1 :] if current().id in ids else []
    for build_id in older:
        try:
            return served(folder()).build(build_id)
        except NoBuild:
            continue  # damaged or just removed: the one before it will do
    return None


def kept(build_id: str) -> Build | None:
    """A build of the company on the screen by its name, if it is still kept."""
    company = current().manifest["company"]
    if build_id not in [manifest["build"] for manifest in history() if manifest["company"] == company]:
        return None
    try:
        return served(folder()).build(build_id)
    except NoBuild:
        return None


def since_previous(metric: str, view: View, earlier: Build | None = None) -> tuple[str, dict, dict, object] | None:
    """A sum by month in an earlier build and this one: when that one was made, before, after, the month then open.

    earlier: the previous build unless one is named. None when there is none that is kept, or it did not have what the
    view asks for.
    """
    earlier = earlier or previous_build()
    if earlier is None:
        return None
    question = monthly((metric,), view.between(None, None))
    try:
        answers = [ask(question, one) for one in (earlier, current())]
    except (Refused, KeyError):
        return None
    before, after = ({pd.Timestamp(m).date(): v for m, v in zip(a["month"], a[metric])} for a in answers)
    last, complete = (earlier.manifest[name] for name in ("last_month", "last_complete_month"))
    return earlier.manifest["built_at"], before, after, date.fromisoformat(last) if last != complete else None


def pointer() -> int:
    """When the served build last changed, in nanoseconds; 0 when there is none."""
    try:
        return (Path(folder()) / POINTER).stat().st_mtime_ns
    except OSError:
        return 0


def outdated() -> bool:
    """Whether a newer build was published since this run chose its own."""
    return pointer() != st.session_state.get("_pointer", pointer())
