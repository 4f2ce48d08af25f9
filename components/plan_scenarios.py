"""Scenarios: plans kept under a name, up to three side by side, and what can be done with each."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, attempts, campaign_start, exports, filters, layout, plan_words, tables, words
from components.plan_solved import Solved
from data import plan_files
from data.export_plan import PlanRows
from data.journal import plans
from data.journal.plans import MOST_NAME, SavedPlan
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.plan import channels
from data.plan_policy import Policy, parse
from data.question import View
from data.rights import CUSTOMERS, SAVE_PLAN, Actor

PLACE, CHOSEN, NAME = "plan_scenarios", "saved", "_plan_name"
MOST = 3  # side by side
FREE_TERM = "no limit"


def show(drawing: Any, one: Solved | None = None) -> None:
    """Keep the plan on the screen, if there is one; compare kept ones, take them along, start a campaign, remove.

    drawing: the module models.assign_arm.
    """
    attempts.outcome(PLACE)
    found = plan_files.listing(access.journal(), access.reader(), View(access.scope(ask.current())))
    layout.finding(f"{words.counted(len(found), 'plan')} kept as scenarios" if found else "No plan is kept yet")
    if one is not None and access.may(SAVE_PLAN):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.text_input("Name of a new scenario", key=NAME, max_chars=MOST_NAME, width=320)
            st.button("Keep this plan", key="_plan_keep", type="primary", on_click=keep, args=(one,))
    if not found:
        layout.quiet("A kept plan never changes: its terms, its figures and who gets what stay as they are.")
        return
    picked = chosen(found)
    if not picked:
        return
    compare(picked)
    for saved in picked:
        about(saved, drawing)


def keep(one: Solved) -> None:
    """Freeze and keep the plan on the screen; a button's callback."""
    (name,) = attempts.entered(NAME)

    def store(journal: Journal, actor: Actor) -> None:
        new = plan_files.save(journal, actor, ask.current(), one.done, name.strip())
        there = [key for key in st.session_state.get(CHOSEN) or [] if key]
        st.session_state[CHOSEN] = [*there, new][-MOST:]
        written()

    attempts.attempt(PLACE, "The plan is kept.", store)


def chosen(found: Sequence[SavedPlan]) -> list[SavedPlan]:
    """Up to three of them, kept in the address by their keys; the latest one when nothing is chosen."""
    filters.own(CHOSEN)
    by_key = {one.plan_id: one for one in found}
    if CHOSEN not in st.session_state:
        asked = [key for key in st.query_params.get_all(CHOSEN) if key in by_key]
        st.session_state[CHOSEN] = (asked or list(by_key)[:1])[:MOST]
    else:
        st.session_state[CHOSEN] = [key for key in st.session_state[CHOSEN] if key in by_key]
    picked = st.multiselect(
        "Side by side, up to three",
        list(by_key),
        key=CHOSEN,
        format_func=lambda key: words.visible(by_key[key].name, 60),
        max_selections=MOST,
        on_change=written,
    )
    return [by_key[key] for key in picked]


def written() -> None:
    """Write the choice into the address."""
    keys = st.session_state.get(CHOSEN) or []
    if keys:
        st.query_params[CHOSEN] = keys
    elif CHOSEN in st.query_params:
        del st.query_params[CHOSEN]


# Side by side


def compare(picked: Sequence[SavedPlan]) -> None:
    """Terms and figures, a column for each plan; the others with their difference from the first."""
    currency = ask.current().manifest["currency"]
    columns = {heading(one, place): column(one, picked[0], currency) for place, one in enumerate(picked)}
    lines = list(dict.fromkeys(line for rows in columns.values() for line in rows))
    written_as = {name: [rows.get(line, words.NOT_KNOWN) for line in lines] for name, rows in columns.items()}
    frame = pd.DataFrame({"Terms and figures": lines} | written_as)
    tables.texts(frame, f"Terms and figures of {words.counted(len(picked), 'plan')}", right=list(columns))
    layout.quiet(
        ("In brackets: the difference from the first plan. " if len(picked) > 1 else "")
        + "What it comes to less the cost is expected, unproven."
    )
    if any(one.build != ask.current().id for one in picked):
        layout.quiet("Some were made on an earlier build, so their figures are of the data of then.")


def heading(one: SavedPlan, place: int) -> str:
    """The name of a column; a number tells plans of one name apart."""
    return words.visible(f"{place + 1}. {one.name}", 60)


def column(one: SavedPlan, first: SavedPlan, currency: str) -> dict[str, str]:
    """What one plan was asked for, and what came of it."""
    try:
        policy = parse(one.policy)
    except Invalid:
        return {"Terms": "written by a later Rapport"}
    figures, other = one.figures, None if one is first else first.figures
    labels = {channel.name: channel.label for channel in channels(ask.current())}
    return {
        "Net (expected, unproven)": amount(figures, other, "value", currency),
        "Spent": amount(figures, other, "spent", currency),
        "Contacts": number(
            sum(figures["contacts"].values()), None if other is None else sum(other["contacts"].values())
        ),
        **{
            f"Contacts, {words.visible(labels.get(name, name), 40)}": text
            for name, text in each(figures["contacts"], other and other["contacts"]).items()
        },
        "Held back by": held_back(figures["binding"], labels),
        **terms(policy, labels, currency),
        "Kept": f"{ask.moment(one.created_at)} by {one.author_name or words.NOT_KNOWN}",
    }


def amount(figures: dict[str, Any], other: dict[str, Any] | None, name: str, currency: str) -> str:
    """Money, with the difference from the first plan."""
    mine = Decimal(str(figures[name]))
    text = words.money(mine, currency)
    return text if other is None else f"{text} ({words.signed(mine - Decimal(str(other[name])), currency)})"


def number(count: int, other: int | None) -> str:
    """Customers, with the difference; readers of groups are told none below ten."""
    groups = access.scope(ask.current()).attributes is not None
    text = plan_words.told(count, groups)
    if other is None or (groups and 0 < min(count, other) < plan_words.LEAST):
        return text
    apart = count - other
    return f"{text} ({'+' if apart > 0 else ''}{words.count(apart)})"


def each(contacts: dict[str, int], other: dict[str, int] | None) -> dict[str, str]:
    """The contacts of each channel; for readers of groups none from which a few customers could be worked out."""
    groups = access.scope(ask.current()).attributes is not None
    names = sorted(contacts)
    hidden = plan_words.withheld([contacts[name] for name in names], groups)
    if groups and other is not None:
        also = plan_words.withheld([other.get(name, 0) for name in names])
        hidden = [one or two for one, two in zip(hidden, also, strict=True)]
    return {
        name: words.NOT_KNOWN if gone else number(contacts[name], None if other is None else other.get(name, 0))
        for name, gone in zip(names, hidden, strict=True)
    }


def held_back(binding: Sequence[str], labels: dict[str, str]) -> str:
    """The terms that hold a plan back."""
    called = {"budget": "budget", "least_roi": "least return"}
    return words.listed([called.get(name, labels.get(name, name)) for name in binding]) or "nothing"


def terms(policy: Policy, labels: dict[str, str], currency: str) -> dict[str, str]:
    """What was asked for."""
    who = [f"{name}: {', '.join(values[:3])}{' …' if len(values) > 3 else ''}" for name, values in policy.members]
    most = policy.most_contacts
    return {
        "Budget": FREE_TERM if policy.budget is None else words.money(policy.budget, currency),
        **{
            f"Capacity, {words.visible(labels.get(name, name), 40)}": FREE_TERM if limit is None else words.count(limit)
            for name, limit in policy.capacity
        },
        "Least return": "none" if policy.least_roi is None else words.ratio(policy.least_roi),
        "Most contacts": FREE_TERM if most is None else f"{most} in {words.days(policy.contact_days)}",
        "Drawn by lot": words.share(policy.none_share + policy.random_share),
        "Customers": "; ".join(who) or "everybody",
    }


# One of them


def about(one: SavedPlan, drawing: Any) -> None:
    """Take its rows along, start a campaign from it, remove it."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{words.safe_text(one.name, 60)}**", width="content")
        if access.may(CUSTOMERS):
            scope = View(access.scope(ask.current()))
            exports.offer(PlanRows(access.journal(), ask.current(), scope, one, drawing), f"plan_{one.plan_id[:8]}")
        labels = {channel.name: channel.label for channel in channels(ask.current())}
        there = {name: labels[name] for name, count in one.figures["contacts"].items() if count and name in labels}
        campaign_start.of_plan(one.plan_id, there)
        if one.author == access.reader().person and access.may(SAVE_PLAN):
            st.button(
                "Remove", key=f"_plan_remove_{one.plan_id}", type="tertiary", icon=":material/delete:",
                on_click=attempts.attempt, args=(PLACE, "The plan is removed.", plans.remove, one.plan_id),
            )  # fmt: skip
