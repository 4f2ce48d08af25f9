"""What is known of each channel: the effect of a contact, tested or not, and what the plan's own contacts are worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, layout, plan_words, tables, whole_company, words
from components.plan_solved import Solved
from data import plan as plans
from data import plan_worth
from data.catalog import Unit
from data.question import Listing, Refused, View

TESTED = "tested"
LABELS = {
    "label": "Channel", "basis": "Rests on", "effect": "Expected of a contact", "interval": "90 % interval",
    "unit_cost": "It costs", "sizes": "Contacted and held out", "differs": "Differs between",
}  # fmt: skip
UNITS = {"effect": Unit.MONEY, "unit_cost": Unit.MONEY}
BASES = {TESTED: "random tests", "unproven": "answers × margin, unproven"}
NOT_TESTED = (
    "Nobody was held out at random on {channels}. Such figures are the answers of the past times the margin of a "
    "purchase. It may be concluded that customers who answered before tend to buy, and where a contact would meet such "
    "customers. It may not be concluded that a contact brings a purchase about, nor what this plan will earn: who "
    "answers may have bought anyway. A campaign with a holdout would tell."
)


def show(one: Solved, policy_value: Any) -> None:
    """A row for each channel, what may be concluded, and what random tests say of the plan's own contacts."""
    rows = listed(one)
    if not len(rows):
        return
    currency = ask.current().manifest["currency"]
    layout.finding(title(rows))
    tables.table(rows[list(LABELS)], "What is known of each channel", currency, LABELS, UNITS, ("label",))
    unproven = [words.safe_text(name, 60) for name in rows.loc[rows["basis"] != BASES[TESTED], "label"]]
    if unproven:
        st.markdown(f":material/science: {NOT_TESTED.format(channels=words.listed(unproven))}")
    with st.expander("Why these figures"):
        for label, said in zip(rows["label"], rows["said"], strict=True):
            if words.known(said) and said:
                layout.quiet(f"{words.safe_text(label, 60)}: {words.safe_text(said, 400)}")
    if len(unproven) < len(rows):
        proven(one, policy_value)


def listed(one: Solved) -> pd.DataFrame:
    """What the build learned of each channel, with its cost; in the order of the plan's channels."""
    try:
        found = whole_company.listing("learned_channel_effect")
    except (Refused, KeyError):
        return pd.DataFrame()
    order = {channel.name: place for place, channel in enumerate(one.candidates.channels)}
    found = found[found["channel"].isin(list(order))].sort_values("channel", key=lambda names: names.map(order))
    by_name = {channel.name: channel for channel in one.candidates.channels}
    currency = ask.current().manifest["currency"]
    pairs = zip(found["effect_low"], found["effect_high"], strict=True)
    sizes = zip(found["treated"], found["control"], strict=True)
    return found.assign(
        label=[by_name[name].label for name in found["channel"]],
        unit_cost=[by_name[name].unit_cost for name in found["channel"]],
        basis=[BASES.get(basis, basis) for basis in found["basis"]],
        interval=[plan_words.between(*pair, currency) if all(map(words.known, pair)) else "" for pair in pairs],
        sizes=[f"{words.count(a)} and {words.count(b)}" if words.known(a) and b else "" for a, b in sizes],
    ).reset_index(drop=True)


def title(rows: pd.DataFrame) -> str:
    """'A contact is tested on 3 of 5 channels; on Web portal it is proven to bring margin'."""
    tested = rows[rows["basis"] == BASES[TESTED]]
    if not len(tested):
        return "No contact was ever tested: what a channel brings is expected, unproven"
    sure = tested[(tested["effect_low"] > 0) & tested["effect_low"].notna()]
    names = words.listed([words.safe_text(name, 60) for name in sure["label"]])
    count = f"Contacts are tested on {len(tested)} of {words.counted(len(rows), 'channel')}"
    return (
        f"{count}; the whole interval is above zero on {names}" if len(sure) else f"{count}, and none is proven to gain"
    )


def proven(one: Solved, policy_value: Any) -> None:
    """What customers whom the plan would reach earned in the random tests, channel by channel."""
    if one.groups:
        layout.quiet("What random tests say of the plan's own contacts is shown to readers of single customers.")
        return
    found = worth(one, policy_value)
    currency = ask.current().manifest["currency"]
    st.markdown("**What random tests say of this plan's contacts**")
    labels = {channel.name: channel.label for channel in one.candidates.channels}
    for channel in found:
        st.markdown(f"- {plan_words.worth(labels[channel.channel], channel.value, channel.tested, currency)}")
    if not found:
        layout.quiet("Nobody of this view was in a random test.")
        return
    layout.quiet(
        "Doubly robust: whom the plan would reach is decided from what was learned without their own outcomes, and "
        "each outcome is weighed by the logged probability of the draw."
    )


def worth(one: Solved, policy_value: Any) -> Sequence[plan_worth.Worth]:
    """The worth of each tested channel by the plan's prices; nothing where the build cannot say."""
    build, view = ask.current(), View(access.scope(ask.current()))

    def tested_of(_rows: Any) -> pd.DataFrame:
        return plans.tested(build, view)

    try:
        return plan_worth.worth(one.done, ask.worked_out(Listing("channel", view), tested_of), policy_value)
    except Refused:
        return ()
