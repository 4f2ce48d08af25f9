"""The frame of every page: who and when, the view in chips, key figures with their passports, and designed states."""

from __future__ import annotations

import ast
from decimal import Decimal
from functools import lru_cache
from itertools import dropwhile
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from components import access, ask, chosen, filters, months, notes, segment_form, view_form, whole_company, words
from components.passports import days_old, missing_of, passport
from components.passports import finding as finding
from data.catalog import METRICS, Better, Metric, Unit
from data.contract import FEEDS
from data.question import Listing, Question, View
from data.warehouse import Build

STALE_DAYS = 7
Colour = Literal["green", "orange", "gray"]
COLOURS: dict[bool | None, Colour] = {True: "green", False: "orange", None: "gray"}


# The frame


@lru_cache(maxsize=64)
def question_of(file: Path) -> str:
    """The question a page answers: its docstring."""
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""


def frame(page: st.Page, question: str, build: Build) -> None:
    """Title, question and controls; what the data is and how fresh; the view in chips with one Reset."""
    before = st.session_state.get("_page")
    st.session_state["_page"] = page
    if st.session_state.pop("_renewed", False):
        st.toast("New data has arrived. These are the new figures.", icon=":material/autorenew:", duration="long")
    if before is None or before.url_path != page.url_path:
        st.session_state["_own"] = set()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(width="stretch", gap=None):
            st.title(page.title, anchor=False)
            st.markdown(f":gray[{words.safe_text(question)}]")
        with st.container(horizontal=True, width="content", vertical_alignment="bottom", gap="small"):
            filters.period_controls(build)
            share()
            if filters.kind() != filters.APART:
                view_form.popover()
                segment_form.popover()
                notes.popover()
    stamp(build)
    chips()
    if build.warning:
        st.warning(words.safe_text(build.warning, 600), icon=":material/warning:")


def stamp(build: Build) -> None:
    """Whose figures these are, up to when, in which zone and currency, and what kind of data it is."""
    manifest = build.manifest
    age = days_old(manifest["as_of"])
    parts = [
        f"**{words.safe_text(manifest['company'])}**",
        f"data to {words.moment(manifest['as_of'], manifest['zone'])} ({words.safe_text(manifest['zone'])})",
        f"in {words.safe_text(manifest['currency'])}" if manifest["currency"] else "currency not stated",
    ]
    if age > STALE_DAYS:
        parts.append(f":orange-badge[:material/schedule: the data ends {words.ago(age)}]")
    if notice := manifest.get("notice"):
        parts.append(f":material/info: {words.safe_text(notice, 400)}")
    st.markdown(f":small[{' · '.join(parts)}]")


def chips() -> None:
    """The view, part by part, each with where it comes from; one Reset."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for text, source in chosen.chips():
            colour = "gray" if source in ("default", "this page", "your rights") else "blue"
            st.markdown(f":{colour}-badge[{words.safe_text(text, 80)} · {source}]", width="content")
        if chosen.anything_to_reset():
            st.button("Reset", icon=":material/restart_alt:", type="tertiary", on_click=chosen.reset, key="_reset")


def share() -> None:
    """The address of exactly this view, to copy."""
    with st.popover("Share", icon=":material/link:", key="_share", on_change="rerun") as popover:
        if popover.open:
            st.markdown("**The address of exactly this view**")
            st.code(chosen.address(), language=None, wrap_lines=True)
            st.markdown(
                ":gray[Whoever opens it sees the same filters, months and order, with the newest data. "
                "Add the build to see the same figures for as long as the build is kept:]"
            )
            st.code(chosen.address(build=ask.current().id), language=None, wrap_lines=True)


@st.fragment(run_every="60s")
def watch() -> None:
    """Once a minute: an open screen shows a newer build, and what the reader may still see."""
    if access.changed():
        st.rerun()
    if ask.outdated():
        st.session_state["_renewed"] = True  # said after the rerun, which would take a message away
        st.rerun()


# Key figures


def headline(*names: str, view: View) -> None:
    """Up to four key figures: value, change against the compared period, target, months, and a passport each."""
    with st.grid(min(len(names), 4), min_column_width=215, gap="small"):
        for name in names:
            with st.container(border=True, height="stretch", gap="xsmall"):
                card(METRICS[name], view)


def card(metric: Metric, view: View) -> None:
    """One key figure."""
    lacking = missing_of(metric.needs)
    if lacking:
        needed = words.listed([words.safe_text(feed) for feed in lacking])
        st.markdown(f":small[{metric.label}]")
        st.markdown(f"**Not known** :small[:gray[without {needed}]]")
        return
    currency = ask.current().manifest["currency"]
    whole = Question((metric.name,), view=view)
    now = ask.ask(whole)[metric.name].iloc[0]
    earlier = filters.compared()
    before = ask.ask(Question((metric.name,), view=earlier))[metric.name].iloc[0] if earlier else None
    changed = words.change(now, before, metric.unit)
    passport(metric.label, whole)
    st.metric(
        metric.label,
        words.figure(now, metric.unit, currency, short=True),
        changed or None,
        delta_color=COLOURS[improved(metric, now, before)],
        delta_arrow=words.arrow(changed),
        delta_description=filters.than() if changed else None,
        label_visibility="collapsed",
        chart_data=sparkline(ask.ask(ask.monthly((metric.name,), view))[metric.name]),
        chart_type="line",
    )
    if company := whole_company.beside(metric, view):
        quiet(company)
    notes.mark(metric.name)
    aim = target(metric, view)
    if aim is not None and words.known(now):
        st.markdown(against_target(metric, words.exact(now), aim, currency))
    elif not changed and view.since:
        st.markdown(":gray[:small[no earlier period in the data]]")


def improved(metric: Metric, now: Any, before: Any) -> bool | None:
    """Whether a change is for the better; None when it is neither, or nothing changed."""
    if not (words.known(now) and words.known(before)) or metric.better == Better.NEITHER or now == before:
        return None
    return (now > before) == (metric.better == Better.HIGHER)


def sparkline(values: pd.Series) -> list[float] | None:
    """A figure month by month, from the first one that is not zero, when there is more than one."""
    numbers = [float(value) for value in values if words.known(value)]
    started = list(dropwhile(lambda number: number == 0, numbers))
    return started if len(started) > 1 else None


def target(metric: Metric, view: View) -> Decimal | None:
    """What was aimed at in these months for the whole company: months of a year count a twelfth of its target.

    A target of a share or a ratio is that of the latest year. None where a month has no target, where a filter is set,
    and for counts of different things, which do not add up over months.
    """
    if metric.distinct or view.members or not view.scope.everything or view.since is None or view.until is None:
        return None
    rows = ask.ask(Listing("target", view))
    own = rows[(rows["metric"] == metric.name) & (rows["scope"] == "company")]
    aims = {str(period): words.exact(value) for period, value in zip(own["period"], own["value"])}
    return months.aim(aims, view.since, view.until, adds_up=metric.unit not in (Unit.SHARE, Unit.RATIO))


def against_target(metric: Metric, now: Decimal, aim: Decimal, currency: str) -> str:
    """'€86 k below the target of €1.2 M', red when that is a breach."""
    gap = now - aim
    missed = gap < 0 if metric.better == Better.HIGHER else gap > 0
    apart = (
        words.change(abs(gap), 0, metric.unit).lstrip("+")
        if metric.unit == Unit.SHARE
        else words.figure(abs(gap), metric.unit, currency, short=True)
    )
    aimed = words.figure(aim, metric.unit, currency, short=True)
    text = f"{apart} {'below' if gap < 0 else 'above'} the target of {aimed}"
    return f":small[:red[:material/error: {text}]]" if missed else f":small[:green[:material/check: {text}]]"


# States


def missing(*needs: str) -> bool:
    """Say what is missing, what it switches off and how to supply it; False when nothing is missing."""
    lacking = missing_of(needs)
    for need in lacking:
        feed, _, name = need.partition(".")
        what = f"the column {name} of the feed {feed}" if name else f"the feed {feed}"
        meaning = FEEDS[feed].column(name).meaning if name else FEEDS[feed].meaning
        off = FEEDS[feed].without if not name else "Everything that is made of it is switched off."
        if need == "lines.cost":
            off = "What is made of it is switched off; margins that are expected or at risk are revenue, less no cost."
        how = f"To supply it, add {'the column to' if name else 'a file named'}"
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**Not known without {what}.** {meaning.rstrip('.').capitalize()}. {off}")
            quiet(
                f"{how} `{feed}.csv` (or Parquet, Excel, a mapping with `-- feeds: {feed}`) "
                "in the company's folder, and build again."
            )
    return bool(lacking)


def empty(what: str = "Nothing matches this view") -> None:
    """Nothing to show: say so, and offer the way back."""
    with st.container(border=True):
        st.markdown(
            f"**{words.safe_text(what)}.** :gray[There are no events behind {words.safe_text(str(filters.view()))}.]"
        )
        st.button("Show the default view", icon=":material/restart_alt:", on_click=chosen.reset, key="_empty_reset")


def error(what: str, then: str = "") -> None:
    """Something cannot be shown: what, and what to do next."""
    with st.container(border=True):
        st.markdown(f":material/error: **{words.safe_text(what, 600)}** {words.safe_text(then, 600)}")


def too_few(number: int, least: int, things: str) -> None:
    """Too little to say anything that would hold."""
    st.markdown(
        f":gray[Only {words.count(number)} {things}: fewer than {words.count(least)} say nothing that would hold.]"
    )


def quiet(text: str) -> None:
    """A remark that explains and does not shout."""
    st.markdown(f":small[:gray[{text}]]")


def no_build(problem: object) -> None:
    """There is no warehouse yet: how to make one."""
    st.title("No data yet")
    st.markdown(words.safe_text(problem, 600))
    st.markdown("To try Rapport with a simulated company:")
    st.code(
        "python -m data simulate --customers 20000 --to feeds/demo\npython -m data build feeds/demo", language="bash"
    )
    st.markdown(":gray[This page opens by itself once a build is there.]")
    watch()
