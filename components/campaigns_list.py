"""The list of campaigns: every one with what comes next, filters, and what is said while there is none."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from components import access, ask, campaign_start, exports, filters, layout, offer, people, words
from components import campaign_words as said
from components import campaigns_known as known
from components.campaigns_known import FROM_DATA, Line
from data.catalog import Unit
from data.journal.campaign_rows import DRAFT, SUBMITTED, WITHDRAWN
from data.question import Listing
from data.rights import DRAFT_CAMPAIGN
from data.view import View

SIZE = 50
MINE = "mine"
DATA_STATE = "From the data"
PAGE = "pages/work/campaign.py"
LABELS = {
    "name": "Campaign",
    "todo": "What comes next",
    "state": "State",
    "verdict": "Verdict, after cost",
    "promised": "Promised a customer",
    "realised": "Came true a customer, 95 %",
    "returned": "Incremental ROI, 95 %",
    "customers": "Customers",
    "owner": "Owner",
    "channel": "Channel",
    "window": "Window",
    "left": "To the verdict",
}
UNITS = {"customers": Unit.COUNT}
TAKEN = {  # columns of the build that a file has
    "name": "Campaign",
    "channel": "Channel",
    "measured_from": "Measured from",
    "measured_to": "Measured to",
    "treated_customers": "Treated customers",
    "control_customers": "Held out",
    "cost": "Cost",
    "expected_effect": "Promised margin a customer",
    "expected_low": "Promised, low",
    "expected_high": "Promised, high",
    "margin_effect": "Incremental margin a customer",
    "margin_effect_low": "Incremental margin, low",
    "margin_effect_high": "Incremental margin, high",
    "net": "Incremental margin less cost",
    "net_low": "Less cost, low",
    "net_high": "Less cost, high",
    "incremental_roi": "Incremental ROI",
    "incremental_roi_low": "Incremental ROI, low",
    "incremental_roi_high": "Incremental ROI, high",
    "verdict": "Verdict",
    "reason": "Reason",
}
TAKEN_UNITS = dict.fromkeys(TAKEN, Unit.MONEY)
TAKEN_UNITS |= dict.fromkeys(("verdict", "reason", "name", "channel"), Unit.TEXT)
TAKEN_UNITS |= dict.fromkeys(("measured_from", "measured_to"), Unit.MOMENT)
TAKEN_UNITS |= dict.fromkeys(("treated_customers", "control_customers"), Unit.COUNT)
TAKEN_UNITS |= dict.fromkeys((f"incremental_roi{end}" for end in ("", "_low", "_high")), Unit.RATIO)


# Without any campaign


def nothing() -> None:
    """No campaign yet: the loop in three sentences, and how to begin."""
    with st.container(border=True):
        st.markdown("**There is no campaign yet.**")
        st.markdown(
            "A campaign is a promise: whom it reaches, why, and what it should earn beyond what comes anyway. "
            "Somebody else approves it, and before anybody is reached a part of the customers is held out at random. "
            "When its window ends, both groups are compared, and the verdict stands here beside the promise."
        )
        if access.may(DRAFT_CAMPAIGN):
            campaign_start.of_nobody()
        else:
            layout.quiet("Relationship managers write campaigns. What they write and you may see appears here.")


# The table


def table(lines: Sequence[Line]) -> None:
    """Every campaign, those that need somebody first, fifty at a time; one of them can be opened."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        states = {state_of(one): state_of(one) for one in lines}
        state = people.pick("state", {"": "Every state"} | states, "State", 180)
        whose = people.pick("whose", {"": "Everybody's", MINE: "Mine"}, "Owner", 150)
        channels = {one.channel: words.visible(one.channel, 60) for one in lines if one.channel}
        channel = people.pick("via", {"": "Every channel"} | dict(sorted(channels.items())), "Channel", 180)
        campaign_start.of_nobody()
    person = access.reader().person
    found = [
        one
        for one in lines
        if state in ("", state_of(one)) and (whose != MINE or one.owner == person) and channel in ("", one.channel)
    ]
    if not found:
        st.markdown(":gray[No campaign is like this. Choose another state, owner or channel.]")
        return
    above = st.container()
    begins = (filters.page_number(len(found), SIZE) - 1) * SIZE
    part = found[begins : begins + SIZE]
    with above:
        rows = pd.DataFrame([written(one) for one in part], columns=list(LABELS))
        called = {one.campaign_id: one.name for one in part}
        opened = offer.chosen(rows, "Campaigns, those that need somebody first", "campaigns", "name", "campaign",
                              LABELS, UNITS, called)  # fmt: skip
        layout.quiet(
            "Promised and came true: incremental margin per treated customer before cost. Verdicts are after it."
        )
    if opened is not None:
        filters.goto(PAGE, campaign=opened)
    scope = access.scope(ask.current())
    if scope.everything and any(one.found for one in lines):
        listing = Listing("campaign", View(scope), limit=known.MOST)
        exports.offer(listing, "campaigns", tuple(TAKEN), TAKEN, TAKEN_UNITS)


def state_of(one: Line) -> str:
    """The state in words."""
    return DATA_STATE if one.state == FROM_DATA else said.state(one.state)


def written(one: Line) -> dict[str, object]:
    """One campaign in words."""
    realised = said.money_interval(*(one.get(f"margin_effect{end}") for end in ("", "_low", "_high")))
    verdict = said.verdict(one.verdict) if one.verdict and one.state not in (DRAFT, SUBMITTED, WITHDRAWN) else ""
    return {
        "name": one.name,
        "todo": one.todo or words.NOT_KNOWN,
        "state": state_of(one),
        "verdict": verdict or words.NOT_KNOWN,
        "promised": said.money_interval(one.expected, one.low, one.high),
        "realised": realised,
        "returned": said.ratio_interval(*(one.get(f"incremental_roi{end}") for end in ("", "_low", "_high"))),
        "customers": one.customers,
        "owner": one.owner_name or words.NOT_KNOWN,
        "channel": one.channel or words.NOT_KNOWN,
        "window": window(one),
        "left": words.days(one.left) if one.left else words.NOT_KNOWN,
    }


def window(one: Line) -> str:
    """'3 Mar 2026 to 2 Apr 2026', or its length before the launch."""
    if one.begins and one.ends:
        return f"{said.day_of(one.begins)} to {said.day_of(one.ends)}"
    return f"{words.days(one.days)} from the launch" if one.days else words.NOT_KNOWN
