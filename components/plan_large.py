"""Plans too large for a page: worked out in a process of their own, with progress, and the last answer meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import pyarrow as pa
import streamlit as st

from components import (
    access,
    ask,
    attempts,
    cards,
    filters,
    layout,
    offer,
    plan_words,
    tables,
    words,
)
from components.plan_known import BASES
from components.plan_scenarios import terms
from components.plan_table import LABELS, NOTHING, SIZE, UNITS
from data import plan_worker
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.plan import channels
from data.plan_policy import Policy
from data.question import Refused, View
from data.rights import Actor, Forbidden
from data.warehouse import folder

PLACE, EVERY = "plan_large", "1s"
COLUMNS = {"label": "Channel", "contacts": "Contacts", "basis": "Rests on"}


def show(view: View, policy: Policy, customers: int) -> None:
    """A button to begin, progress while it runs, and what came of the last one with its terms."""
    attempts.outcome(PLACE)
    person, base = access.reader().person, access.journal().folder
    now = plan_worker.state(base, person)
    layout.finding(f"A plan for {words.counted(customers, 'customer')} is worked out beside the page")
    if now.what == plan_worker.RUNNING:
        progress(person)
    else:
        if now.what == plan_worker.FAILED:
            layout.error(now.said, "")
        st.button("Work out this plan", type="primary", key="_plan_begin", on_click=begin, args=(view, policy))
        layout.quiet("It goes on when you leave this page, and takes seconds for each 100,000 customers.")
    try:
        asked, figures, rows = plan_worker.result(base, person, ask.current(), View(view.scope))
    except (Invalid, Refused, OSError) as problem:
        if now.what == plan_worker.DONE:
            layout.quiet(words.safe_text(problem, 300))
        return
    if asked != policy:
        st.markdown(":orange-badge[:material/history: The last plan, under other terms than those above]")
    result(asked, figures, rows)


def begin(view: View, policy: Policy) -> None:
    """Start a process for it; a button's callback."""

    def start(journal: Journal, actor: Actor) -> None:
        itself(actor)
        scope = ask.current().scope_of(actor.held)
        if scope != view.scope:
            raise Invalid("What you may see has changed since this was drawn. Open the page again.")
        plan_worker.start(journal.folder, actor.person, folder(), ask.current(), policy, scope)

    attempts.attempt(PLACE, "It has begun.", start)


@st.fragment(run_every=EVERY)
def progress(person: str) -> None:
    """How far it is, looked up again and again; the whole page is drawn anew when it ends."""
    base = access.journal().folder
    now = plan_worker.state(base, person)
    if now.what != plan_worker.RUNNING:
        st.rerun()
    st.progress(min(max(now.share, 0.0), 1.0), f"{words.visible(now.stage, 60).capitalize()} …")
    st.button("Cancel", key="_plan_cancel", on_click=attempts.attempt, args=(PLACE, "It is cancelled.", stop))


def stop(journal: Journal, actor: Actor) -> None:
    """Cancel one's own plan."""
    itself(actor)
    plan_worker.cancel(journal.folder, actor.person)


def itself(actor: Actor) -> None:
    """Refuse whoever looks through somebody else's eyes: the process is that person's."""
    if actor.viewed_by:
        raise Forbidden("Nothing can be changed while looking as somebody else.")


# What came of it


def result(policy: Policy, figures: Mapping[str, Any], rows: pa.Table | None) -> None:
    """The last plan: its figures, its terms, its channels, and its customers where the reader may see them."""
    currency, groups = ask.current().manifest["currency"], rows is None
    of_channels = {one.name: one for one in channels(ask.current())}
    contacts = sum(figures["contacts"].values())
    if groups and 0 < contacts < plan_words.LEAST:
        layout.error(f"Fewer than {plan_words.LEAST} customers get a contact, and you see groups only.", "")
        return
    observed = "tested" not in figures["basis"].values()
    layout.finding(plan_words.title(figures["value"], contacts, currency, groups, observed))
    with cards.row(3):
        cards.card("Expected net of the plan", words.money(figures["value"], currency, short=True), plan_words.UNPROVEN)
        limit = "no budget is set" if policy.budget is None else f"of {words.money(policy.budget, currency)}"
        cards.card("Spent", words.money(figures["spent"], currency, short=True), limit)
        cards.card(
            "Contacts", plan_words.told(contacts, groups), f"of {words.counted(figures['customers'], 'customer')}"
        )
    layout.quiet(
        f"{plan_words.gap(figures['gap'])} Worked out {ask.moment(figures['at'])}: campaigns, locks and releases since "
        "then are not in it."
    )
    labels = {name: one.label for name, one in of_channels.items()}
    said = plan_words.earning(figures["prices"], labels, currency, figures["basis"])
    layout.finding(plan_words.held_by(figures["binding"], labels))
    for text in said:
        st.markdown(f"**{text}** :gray[:small[{plan_words.UNPROVEN}]]")
    names = [name for name in figures["contacts"] if name in of_channels]
    numbers = [figures["contacts"][name] for name in names]
    hidden = plan_words.withheld(numbers, groups)
    shown = [words.NOT_KNOWN if gone else words.count(number) for number, gone in zip(numbers, hidden, strict=True)]
    frame = pd.DataFrame(
        {
            "Channel": [of_channels[name].label for name in names],
            "Contacts": shown,
            "Rests on": [BASES.get(figures["basis"].get(name), "nothing known") for name in names],
        }
    )
    tables.texts(frame, "Contacts of the plan by channel", right=("Contacts",))
    with st.expander("Its terms"):
        tables.facts(
            [(name, words.safe_text(text, 300)) for name, text in terms(policy, labels, currency).items()],
            alt="Terms of the last plan",
        )
    if rows is not None and rows.num_rows:
        people(rows, labels)


def people(rows: pa.Table, labels: Mapping[str, str]) -> None:
    """A page of its customers, in the order of their keys."""
    layout.finding("Customer by customer")
    above = st.container()
    page = filters.page_number(rows.num_rows, SIZE)
    part = rows.slice((page - 1) * SIZE, SIZE).to_pandas()
    named = {"": NOTHING} | dict(labels)
    reached = part["channel"].astype(str) != ""
    net = part["expected"] - part["cost"].astype(float)
    frame = pd.DataFrame(
        {
            "customer_id": part["customer_id"],
            "channel": [named.get(str(name), str(name)) for name in part["channel"]],
            "why": [plan_words.REASONS.get(str(why), str(why)) for why in part["reason"]],
            "net": net.where(reached),
            "runner_up": [named.get(str(name), str(name)) for name in part["runner_up"]],
            "regret": part["regret"],
        }
    )
    with above:
        layout.quiet(f"{words.counted(rows.num_rows, 'customer')}, in the order of their keys ({plan_words.UNPROVEN}).")
        offer.customers(frame, "Customers of the plan with channel and reason", "plan_large", LABELS, UNITS)
