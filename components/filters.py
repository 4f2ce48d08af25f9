"""Everything a reader chooses, as widgets bound to the address; and the view that comes of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import date
from pathlib import PurePath
from typing import Any, Literal, NoReturn

import streamlit as st

from components import access, ask, months, opened, within, words
from components.address import COMPARE, LATEST, LONGEST, PARAMETERS, build_ids, filter_values, is_key, label_of, refuse
from data.catalog import DIMENSIONS, FACTS, METRICS
from data.question import View
from data.warehouse import Build

BOUND: Literal["query-params"] = "query-params"
DEFAULT_PERIOD = "12m"
WINDOW, HISTORY, APART = "window", "history", "apart"  # a page shows chosen months, all of them, or no such figures
PAGES = ("page", "events", "entries")  # parts of long tables: rankings and people, a customer's events, the audit trail


# The controls


def sidebar(build: Build) -> None:
    """A filter for every attribute of customers that has a choice to offer, and the builds that are kept."""
    offered = {name: values for name, values in filter_values(build).items() if len(values) > 1 and kind() != APART}
    with st.sidebar:
        if offered:
            st.markdown("**Filters**")
        for name, values in offered.items():
            st.multiselect(
                label_of(name),
                list(map(str, values)),
                key=name,
                bind=BOUND,
                persist_state="session",
                placeholder="All",
                disabled=opened.locked(name),
                help=opened.why_locked(name),
                on_change=chose,
                args=(name,),
            )
        if kind() != APART:
            within.control()
        ids = build_ids()
        if len(ids) > 1:
            st.selectbox(
                "Build",
                [LATEST, *ids],
                key="build",
                bind=BOUND,
                on_change=chose,
                args=("build",),
                help="Every load of data makes a build that never changes. Choose one to see the figures as they were.",
            )


def period_controls(build: Build) -> None:
    """The two controls of time. A page about the whole history shows them switched off, with the reason."""
    if kind() == APART:
        return
    uses_window = kind() == WINDOW
    how: dict[str, Any] = {
        "bind": BOUND,
        "label_visibility": "visible" if uses_window else "collapsed",  # a label as pale as its control is unreadable
        "on_change": chose,
        "persist_state": "session",
    }
    with st.container(width="content", gap="xsmall"):
        if not uses_window:
            st.markdown(
                ":small[:gray[Always the whole history]]",
                help="Ranks, states and the story of a customer belong to all the data; months would cut them short.",
            )
        with st.container(horizontal=True, gap="small"):
            span = "Complete months up to the last one, a year, or everything."
            against = "year: the same months a year before. prior: the months just before."
            for name, label, offered, width, meaning in (
                ("period", "Period", months.offered(build.manifest), 104, span),
                ("compare", "Compare with", COMPARE, 112, against),
            ):
                how |= {"disabled": not uses_window or opened.locked(name), "help": opened.why_locked(name, meaning)}
                st.selectbox(label, offered, key=name, args=(name,), width=width, **how)


def choice(name: str, options: Sequence[str], default: str = "", label: str = "", width: int = 260) -> str:
    """One of a page's own options, by name; shown and kept in the address under its label."""
    own(name)
    labels = {caption(option): option for option in options}
    arrived = st.query_params.get(name)
    if name not in st.session_state and arrived is not None and arrived not in labels:
        refuse_here(name, arrived, "is not offered on this page", "Allowed", tuple(labels))
    picked = st.selectbox(
        label or caption(name),
        tuple(labels),
        list(options).index(default) if default in options else 0,
        key=name,
        bind=BOUND,
        width=width,
        disabled=opened.locked(name),
        help=opened.why_locked(name),
        on_change=chose,
        args=(name,),
    )
    return labels[picked]


def step(name: str, options: Sequence[str], default: str, label: str) -> str:
    """One of a page's own ordered options, on a slider that the arrow keys move; kept in the address."""
    own(name)
    return st.select_slider(
        label,
        options,
        default,
        key=name,
        bind=BOUND,
        disabled=opened.locked(name),
        help=opened.why_locked(name),
        on_change=chose,
        args=(name,),
    )


def page_number(rows: int, size: int, name: str = "page") -> int:
    """Which part of a long table is shown, from 1. A page beyond the end is refused when a link asks for it."""
    own(name)
    pages = max(1, -(-rows // size))
    arrived = st.query_params.get(name)
    if name not in st.session_state and arrived is not None and int(arrived) > pages:
        refuse_here(name, arrived, "lies beyond the end", f"Allowed: 1 to {pages:,}")
    return st.pagination(pages, key=name, bind=BOUND, max_visible_pages=5)


def key(name: str, label: str = "", placeholder: str = "") -> str:
    """An opaque key typed or carried by the address; empty when there is none. What is typed is checked like a link."""
    own(name)
    if name in st.session_state.get("_carried", {}):
        st.session_state[name] = st.session_state["_carried"].pop(name)
    text = st.text_input(
        label or caption(name),
        key=name,
        bind=BOUND,
        max_chars=LONGEST,
        placeholder=placeholder,
        on_change=chose,
        args=(name,),
    )
    text = unicodedata.normalize("NFC", text or "").strip()
    return text if not text or is_key(text) else ""


# What was chosen


def kind() -> str:
    """What the page on the screen does with filters and months: window, history or apart."""
    return st.session_state.get("_kind", WINDOW)


def view() -> View:
    """The part of the company on the screen: the reader's scope, the filters, and the months if the page has any."""
    since, until = window()
    further = within.members() if kind() != APART else ()
    return View(access.scope(ask.current()), (*members(), *further), since, until)


def compared() -> View | None:
    """The same view over the earlier months it is compared with; None when the data does not reach back that far."""
    since, until = window()
    if since is None or until is None:
        return None
    first = date.fromisoformat(ask.current().manifest["first_month"])
    found = months.earlier(since, until, st.session_state.get("compare") or COMPARE[0], first)
    return view().between(*found) if found else None


def compared_words() -> str:
    """What the changes on the screen are measured against."""
    earlier = compared()
    if earlier is None or earlier.since is None or earlier.until is None:
        return "no earlier period in the data"
    return f"against {words.months(earlier.since, earlier.until)}"


def steps() -> int:
    """How many months lie between the period and the one it is compared with."""
    since, earlier = window()[0], compared()
    return months.between(earlier.since, since) - 1 if since and earlier and earlier.since else 12


def than() -> str:
    """The same in two or three words, for a card."""
    since, until = window()
    if st.session_state.get("compare") != "prior" or since is None or until is None:
        return "vs a year before"
    return f"vs the {words.counted(months.between(since, until), 'month')} before"


def window() -> tuple[date | None, date | None]:
    """The months on the screen; two times None is the whole history."""
    if kind() != WINDOW:
        return None, None
    return months.window(st.session_state.get("period") or DEFAULT_PERIOD, ask.current().manifest)


def members() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What is chosen in every filter; a value that this build does not have cannot be chosen."""
    if kind() == APART:
        return ()
    chosen = {
        name: [v for v in map(str, values) if v in (st.session_state.get(name) or [])]
        for name, values in filter_values(ask.current()).items()
    }
    return tuple((name, tuple(values)) for name, values in chosen.items() if values)


# Ways to other choices


def chose(name: str) -> None:
    """A control was used: remember that, and begin again at the first page of any table."""
    st.session_state.setdefault("_came", {})[name] = "chosen"
    for page in PAGES:
        if page in st.session_state:
            st.session_state[page] = 1


def goto(page: str, **chosen: Any) -> NoReturn:
    """Open another page with some of its parameters, keeping the view. page: its file, as in 'pages/value/customer.py'.

    Values of filters must be set from a callback, because their widgets exist already; so call it as one
    (`on_click=filters.goto`) when it names any. Page parameters alone work anywhere.
    """
    own = {}
    for name, value in chosen.items():
        if name in PARAMETERS:
            own[name] = str(value)
        else:
            st.session_state[name] = value
            st.session_state.setdefault("_came", {})[name] = "chosen"
    if st.session_state["_file"] == PurePath(page).stem:
        st.session_state["_carried"] = own  # its own widget writes the address, so it must hold the value first
        st.rerun()
    st.switch_page(page, query_params=own)


def narrow(name: str, *values: str) -> None:
    """Choose members of a filter and stay on the page; a button's callback."""
    st.session_state[name] = list(values)
    chose(name)


def wanted_build() -> str:
    """The build that was chosen or that the address names, if it is kept; empty for the newest one."""
    name = st.session_state.get("build") or st.query_params.get("build", LATEST)
    return name if name in build_ids() else ""


# Small things


def caption(name: str) -> str:
    """What an option is called on the screen."""
    entry = METRICS.get(name) or FACTS.get(name) or DIMENSIONS.get(name)
    return entry.label if entry else words.visible(name.replace("_", " ")).capitalize()


def own(name: str) -> None:
    """Remember that the page on the screen uses this parameter, for its address."""
    st.session_state.setdefault("_own", set()).add(name)


def refuse_here(name: str, value: str, reason: str, allowed: str, options: Sequence[str] = ()) -> NoReturn:
    """The same refusal from inside a page."""
    refuse(st.session_state["_page"], name, value, reason, allowed, options)
