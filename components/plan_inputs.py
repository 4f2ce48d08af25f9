"""What a channel plan may spend and must keep to: budget, capacities, contacts, least return; bound to the address."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from components import address, ask, filters, layout, opened, words
from components.address import MOST_CONTACTS, MOST_DAYS, MOST_EACH, MOST_MONEY, MOST_ROI
from data.plan import Channel, channels, start
from data.plan import purposes as purposes_of
from data.plan_policy import Policy
from data.question import View

EXPLORED = ("0 %", "2 %", "5 %", "10 %", "15 %", "20 %")
EXPLORE = "10 %"
NAMES = ("budget", "least_roi", "most_contacts", "contact_days", "explore", "purpose")


def show(view: View) -> Policy:
    """The controls, and the policy they make. budget: None where none is typed; see `with_budget`."""
    currency = ask.current().manifest["currency"]
    of_channels, usual = channels(ask.current()), start(ask.current())
    with st.container(border=True, gap="small"):
        with st.grid(4, min_column_width=200, gap="small"):
            budget = number(
                "budget", f"Budget of a month{unit(currency)}", "as the last 30 days", 0, MOST_MONEY, 100,
                "The most that all contacts of a month may cost. Empty: what these customers cost in the last 30 days "
                "of the data, or no limit if that was nothing.",
            )  # fmt: skip
            least = number(
                "least_roi", "Least expected return", "none asked for", 0.0, float(MOST_ROI), 0.1,
                "Expected margin less cost of all contacts, for each unit of cost. 0.5 asks for 1.50 of each 1.00.",
            )  # fmt: skip
            without = "no limit" if usual.most_contacts is None else words.count(usual.most_contacts)
            most = number(
                "most_contacts", "Most contacts of anybody", without, 0, MOST_EACH, 1,
                "Contacts of one customer on all channels together, in the days beside. Past ones count.",
            )  # fmt: skip
            days = number("contact_days", "In so many days", words.count(usual.contact_days), 1, MOST_DAYS, 1,
                          "The days that are looked back over.")  # fmt: skip
        with st.grid(min(len(of_channels), 6) or 1, min_column_width=140, gap="small"):
            capacity = tuple(of_channel(one) for one in of_channels)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            explored = filters.choice("explore", EXPLORED, EXPLORE, "Drawn by lot, to learn from", 220)
            purposes = purposes_of(ask.current()) or (usual.purpose,)
            purpose = filters.choice("purpose", purposes, purposes[0], "Purpose", 200)
            if typed():
                st.button("Reset these terms", icon=":material/restart_alt:", type="tertiary", on_click=reset,
                          key="_plan_reset")  # fmt: skip
        layout.quiet(
            "Of those drawn by lot, half get no contact and half any channel they may get, whatever the plan says: "
            "without that, nobody learns whether the plan is right. Purpose: what the consent was given for."
        )
    half = int(explored.split()[0]) / 200
    return Policy(
        budget=None if budget is None else Decimal(budget),
        capacity=tuple((one.name, limit) for one, limit in zip(of_channels, capacity, strict=True)),
        most_contacts=usual.most_contacts if most is None else int(most),
        contact_days=usual.contact_days if days is None else int(days),
        least_roi=least,
        none_share=half,
        random_share=half,
        purpose=purpose,
        members=view.members,
    )


def with_budget(policy: Policy, spent: Decimal) -> Policy:
    """The policy with a budget: the typed one, else what the last 30 days cost; still none if that was nothing."""
    return policy if policy.budget is not None or not spent else policy.but(budget=spent)


def number(name: str, label: str, without: str, least: Any, most: Any, step: Any, meaning: str) -> Any:
    """One number of the policy, kept in the address; None where nothing is typed. without: what then holds."""
    filters.own(name)
    return st.number_input(
        words.safe_text(label),
        least,
        most,
        None,
        step,
        key=name,
        bind=filters.BOUND,
        placeholder=words.visible(without),
        disabled=opened.locked(name),
        help=opened.why_locked(name, meaning),
        on_change=filters.chose,
        args=(name,),
    )


def of_channel(one: Channel) -> int | None:
    """The most contacts of a channel: what is typed, else what the company has settled; None for no limit."""
    label = f"{words.visible(one.label, 40)}, contacts"
    without = "no limit" if one.capacity is None else words.count(one.capacity)
    cost = words.money(one.unit_cost, ask.current().manifest["currency"])
    wait = f", {words.days(one.min_days_between)} apart at least" if one.min_days_between else ""
    meaning = f"At most so many in a month. A contact costs {cost}{wait}. Empty: what the company has settled."
    typed = number(address.capacity(one.name), label, without, 0, MOST_CONTACTS, 100, words.safe_text(meaning, 300))
    return one.capacity if typed is None else int(typed)


def unit(currency: str) -> str:
    """', EUR' behind a label."""
    return f", {currency}" if currency else ""


def names() -> Sequence[str]:
    """Every parameter of the policy in the address."""
    return (*NAMES, *(address.capacity(one.name) for one in channels(ask.current())))


def typed() -> bool:
    """Whether anything differs from what holds when nothing is chosen."""
    usual = {"explore": EXPLORE, "purpose": None}
    return any(st.session_state.get(name) not in (None, "", usual.get(name)) for name in names() if name != "purpose")


def reset() -> None:
    """Back to the terms that hold when nothing is chosen; a button's callback."""
    for name in names():
        if name == "explore":
            st.session_state[name] = EXPLORE
        elif name != "purpose":
            st.session_state[name] = None
