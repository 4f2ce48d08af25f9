"""The fields of a draft, section by section: who, why, what, and how many are held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from components import campaign_draft as draft
from components import campaign_find, layout, segment_form, whole_company, within, words
from components import campaign_words as spoken
from components.address import filter_values, label_of
from components.ask import current
from components.campaign_draft import Edit
from data.audience_sources import RATED, SOURCES
from data.campaign import (
    LABELS,
    LEAST_HOLDOUT,
    MOST_DAYS,
    MOST_EXPLORATION,
    MOST_HOLDOUT,
    MOST_NAME,
    MOST_QUIET,
    MOST_TEXT,
    OUTCOMES,
    OWN_JUDGEMENT,
    Promise,
)
from data.question import Refused
from data.view_format import BadView

WHY = ("name", "hypothesis", "rule", "expected", "expected_low", "expected_high", "basis")
WHAT = ("channel", "contact_cost", "offer", "offer_cost", "fixed_cost", "budget", "purpose", "outcome",
        "window_days", "quiet_days")  # fmt: skip
HELD = ("holdout", "exploration")
FORECAST = ("expected_low", "expected", "expected_high")  # in this order, never past each other
BASES = (OWN_JUDGEMENT, "earlier campaigns", "value model", "churn model", "response model")
OPTION = "option_"
FINE, COARSE = "%.4f", "%.2f"


# Who


def who(edit: Edit, below: Callable[[Edit], None]) -> None:
    """The source of the audience, its settings, and filters. below: what is drawn of those who are chosen."""
    promise = edit.promise
    kinds = list(SOURCES)
    st.selectbox(
        LABELS["source"], kinds, key=draft.prepare("source", promise.source if promise.source in kinds else kinds[0]),
        format_func=lambda kind: SOURCES[kind].label, on_change=source_chosen,
    )  # fmt: skip
    source = SOURCES.get(promise.source, SOURCES[kinds[0]])
    given = dict(promise.options)
    for option in source.options:
        if option.name == "segment":
            segment_field(given.get("segment", ""))
        else:
            st.text_input(option.label, key=draft.prepare(OPTION + option.name, given.get(option.name, option.default)),
                          help=option.help, on_change=options_changed)  # fmt: skip
    st.toggle("Leave out who cannot be rated", key=draft.prepare(OPTION + RATED, given.get(RATED) == "yes"),
              on_change=options_changed, help="Too little was spent on them to say what it returned.")  # fmt: skip
    offered = {name: values for name, values in filter_values(current()).items() if len(values) > 1}
    chosen = dict(promise.members)
    layout.quiet(
        f"Filters: {segment_form.described(chosen)}" if chosen else "Filters: none, so everybody of the source"
    )
    with st.expander("Change the filters", expanded=False):
        for name, values in offered.items():
            picked = [value for value in map(str, values) if value in chosen.get(name, ())]
            st.multiselect(label_of(name), list(map(str, values)), key=draft.prepare(f"member_{name}", picked),
                           placeholder="All", on_change=members_changed, args=(tuple(offered),))  # fmt: skip
    below(edit)


def segment_field(now: str) -> None:
    """One of the segments that the author may use; its filters become those of the campaign."""
    names = within.labels(within.usable())
    options = [*names, *([now] if now and now not in names else [])]
    st.selectbox("Segment", options, key=draft.prepare(OPTION + "segment", now or None), index=None,
                 format_func=lambda one: names.get(one, "A segment that is gone"), placeholder="Choose a segment",
                 on_change=segment_chosen, help="Its filters are copied: if it changes later, nothing changes here.",
                 )  # fmt: skip


def source_chosen() -> None:
    """Another source: its settings begin at their defaults."""
    source = st.session_state[draft.key("source")]
    for name in [name for name in st.session_state if str(name).startswith(draft.key(OPTION))]:
        del st.session_state[name]
    draft.store({"source": source, "options": ()})


def segment_chosen() -> None:
    """Copy the conditions of a segment."""
    chosen = st.session_state[draft.key(OPTION + "segment")]
    segment = next((one for one in within.usable() if one.segment_id == chosen), None)
    if segment is None:
        draft.store({"options": ()})
        return
    try:
        members = tuple(segment_form.together(segment.members).items())
    except BadView:
        return
    for name in [name for name in st.session_state if str(name).startswith(draft.key("member_"))]:
        del st.session_state[name]
    draft.store({"options": (("segment", chosen),), "members": members})


def options_changed() -> None:
    """Save the settings of the source."""
    promise = st.session_state[draft.OPEN].promise
    found = {}
    for option in SOURCES[promise.source].options:
        value = st.session_state.get(draft.key(OPTION + option.name))
        if value and value != option.default:
            found[option.name] = str(value).strip()
    if st.session_state.get(draft.key(OPTION + RATED)):
        found[RATED] = "yes"
    draft.store({"options": tuple(found.items())})


def members_changed(offered: Sequence[str]) -> None:
    """Save the filters; those without a control here stay as they are."""
    now = dict(st.session_state[draft.OPEN].promise.members)
    for name in offered:
        values = st.session_state.get(draft.key(f"member_{name}"))
        if values is not None:
            now[name] = tuple(values)
            if not values:
                del now[name]
    draft.store({"members": tuple(now.items())})


# Why


def why(edit: Edit) -> None:
    """Name, hypothesis, the rule it serves, what it should earn."""
    promise = edit.promise
    text(promise, "name", WHY, MOST_NAME)
    text(promise, "hypothesis", WHY, MOST_TEXT, lines=True)
    statements = rules()
    options = ["", *statements, *([promise.rule] if promise.rule and promise.rule not in statements else [])]
    select(promise, "rule", WHY, options, lambda rule: words.visible(statements.get(rule, rule) or "None"))
    with st.grid(3, min_column_width=190, gap="small"):
        for name, help_ in (
            ("expected_low", "It earns less than this in one case of forty: the lower end of a 95 % interval."),
            ("expected", "Incremental margin for each customer who is treated, before the campaign's cost."),
            ("expected_high", "It earns more than this in one case of forty: the upper end of a 95 % interval."),
        ):
            number(promise, name, WHY, COARSE, help_, least=None, changed=partial(forecast_changed, name))
    select(promise, "basis", WHY, [*BASES, *([promise.basis] if promise.basis not in BASES else [])], words.visible)
    layout.quiet("What is expected is compared with what comes of it, for every author and every model.")


def forecast_changed(name: str) -> None:
    """Save the forecast; figures that were still the same as the one typed go along where it would pass them."""
    before, at = draft.on_screen(st.session_state[draft.OPEN].promise, name), FORECAST.index(name)
    value = st.session_state[draft.key(name)]
    for other in FORECAST[:at] if value < before else FORECAST[at + 1 :]:
        if st.session_state[draft.key(other)] == before:
            st.session_state[draft.key(other)] = value
    draft.save(*WHY)


def rules() -> dict[str, str]:
    """The company's rules: short name -> statement."""
    try:
        rows = whole_company.listing("rule")
    except (Refused, KeyError):
        return {}
    return {str(rule): str(statement) for rule, statement in zip(rows["rule"], rows["statement"], strict=True)}


# What


def what(edit: Edit) -> None:
    """Channel, offer, costs, purpose, outcome and times."""
    promise, rows = edit.promise, campaign_find.channels()
    labels = {str(one.channel): str(one.label) for one in rows.itertuples()}
    known = [*labels, *([promise.channel] if promise.channel not in labels else [])]
    with st.grid(2, min_column_width=260, gap="small"):
        select(promise, "channel", WHAT, known, lambda one: words.visible(labels.get(one, one)), channel_chosen)
        number(promise, "contact_cost", WHAT, FINE, "For each customer who is contacted.")
    if len(found := rows[rows["channel"] == promise.channel]):
        layout.quiet(channel_words(found.iloc[0]))
    text(promise, "offer", WHAT, MOST_TEXT)
    with st.grid(3, min_column_width=190, gap="small"):
        number(promise, "offer_cost", WHAT, COARSE, "What the offer costs for each customer treated, on average.")
        number(promise, "fixed_cost", WHAT, COARSE, "What the campaign costs however many are reached.")
        number(promise, "budget", WHAT, COARSE, "The most that all of it may cost; more is never exported.")
    with st.grid(2, min_column_width=260, gap="small"):
        purposes = campaign_find.purposes()
        select(promise, "purpose", WHAT, [*purposes, *([promise.purpose] if promise.purpose not in purposes else [])],
               words.visible, help="Consent holds for its own purpose only.")  # fmt: skip
        select(promise, "outcome", WHAT, list(OUTCOMES), OUTCOMES.__getitem__, help="The one figure it is judged by.")
        whole(promise, "window_days", WHAT, 1, MOST_DAYS, "From the launch on; only what happens inside counts.")
        whole(promise, "quiet_days", WHAT, 0, MOST_QUIET, "Nobody contacted so recently, on any channel, is included.")


def channel_words(row: Any) -> str:
    """What the company has settled about a channel."""
    parts = [f"Listed at {spoken.money(row['unit_cost'])} a contact" if words.known(row["unit_cost"]) else ""]
    parts += ["needs consent" if row["needs_consent"] else "needs no consent; an objection counts"]
    if words.known(row.get("min_days_between")) and row["min_days_between"]:
        parts.append(f"{words.days(row['min_days_between'])} between two contacts at least")
    if words.known(row.get("capacity_per_month")):
        parts.append(f"{words.count(row['capacity_per_month'])} contacts a month at most")
    return f"{'; '.join(filter(None, parts))}."


def channel_chosen() -> None:
    """Another channel brings its own cost along."""
    rows = campaign_find.channels()
    found = rows[rows["channel"] == st.session_state[draft.key("channel")]]
    if len(found) and words.known(found["unit_cost"].iloc[0]):
        st.session_state[draft.key("contact_cost")] = float(found["unit_cost"].iloc[0])
    draft.save(*WHAT)


# Holdout


def held(edit: Edit, below: Callable[[Edit], None]) -> None:
    """Shares that are held out and explored. below: what is drawn of what that shows and costs."""
    with st.grid(2, min_column_width=260, gap="small"):
        for name, least, most, help_ in (
            (
                "holdout",
                LEAST_HOLDOUT,
                MOST_HOLDOUT,
                "Drawn at random, not contacted: what would have happened anyway.",
            ),
            (
                "exploration",
                0.0,
                MOST_EXPLORATION,
                "Contacted at random beside any rule, so that models keep learning.",
            ),
        ):
            st.slider(f"{LABELS[name]}, % of the audience", least * 100, most * 100, step=1.0, format="%.0f %%",
                      key=draft.prepare(name, draft.on_screen(edit.promise, name)), help=help_, on_change=draft.save,
                      args=HELD)  # fmt: skip
    below(edit)


# Controls


def text(promise: Promise, name: str, section: tuple[str, ...], most: int, lines: bool = False) -> None:
    """A field of text."""
    control = st.text_area if lines else st.text_input
    control(
        LABELS[name],
        key=draft.prepare(name, getattr(promise, name)),
        max_chars=most,
        on_change=draft.save,
        args=section,
    )


def number(
    promise: Promise,
    name: str,
    section: tuple[str, ...],
    form: str,
    help_: str,
    least: float | None = 0.0,
    changed: Callable[[], None] | None = None,
) -> None:
    """A field of money. changed: what its change does; saving the section when left out."""
    label = f"{LABELS[name]}, {words.visible(spoken.currency()) or 'currency'}"
    save = changed or partial(draft.save, *section)
    st.number_input(label, least, None, step=0.01, format=form, help=help_, on_change=save,
                    key=draft.prepare(name, draft.on_screen(promise, name)))  # fmt: skip


def whole(promise: Promise, name: str, section: tuple[str, ...], least: int, most: int, help_: str) -> None:
    """A field of whole numbers."""
    st.number_input(LABELS[name], least, most, step=1, help=help_, on_change=draft.save, args=section,
                    key=draft.prepare(name, getattr(promise, name)))  # fmt: skip


def select(
    promise: Promise,
    name: str,
    section: tuple[str, ...],
    options: Sequence[str],
    shown: Callable[[str], str],
    chosen: Callable[..., None] = draft.save,
    help: str | None = None,
) -> None:
    """A field with given options."""
    args = section if chosen is draft.save else ()
    st.selectbox(LABELS[name], options, key=draft.prepare(name, getattr(promise, name)), format_func=shown, help=help,
                 on_change=chosen, args=args)  # fmt: skip
