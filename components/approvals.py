"""Campaigns that wait for a second person: everything that is needed to decide, and the two buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from components import (
    access,
    ask,
    attempts,
    campaign_audience,
    campaign_check,
    campaign_plan,
    filters,
    layout,
    offer,
    tables,
    words,
)
from components import campaign_words as said
from data import campaign
from data.audience import LEAST_CUSTOMERS, Survey
from data.journal import campaigns
from data.journal.campaign_history import latest
from data.journal.campaign_rows import SUBMITTED, Campaign, Step
from data.journal.campaigns import MOST_REASON
from data.journal.problems import Invalid
from data.rights import APPROVE_CAMPAIGN, DRAFT_CAMPAIGN, ROLES, Actor

PLACE, PAGE = "approvals", "pages/work/campaign.py"
MOST, UNLIKELY = 500, 0.5
WAITING = {"name": "Campaign", "author": "Author", "since": "Submitted", "budget": "Budget", "version": "Version"}


def decides(actor: Actor) -> bool:
    """Whether deciding is this reader's work, also seen through somebody else's eyes."""
    return any(APPROVE_CAMPAIGN in ROLES.get(role, frozenset()) for role in actor.roles)


def writes(actor: Actor) -> bool:
    """Whether writing campaigns is this reader's work."""
    return any(DRAFT_CAMPAIGN in ROLES.get(role, frozenset()) for role in actor.roles)


def obstacle(actor: Actor, one: Campaign) -> str:
    """Why this reader cannot be the second person here; nothing when nothing stands in the way."""
    if hindered := access.hinders_deciding(actor, APPROVE_CAMPAIGN):
        return hindered
    return "You wrote this campaign yourself, so another approver decides." if actor.person == one.author else ""


# What waits


def waiting(actor: Actor, drawing: Any, power: Any) -> None:
    """Campaigns that wait: for those who decide, one at a time with everything about it; for others, a list."""
    found = [one for one in campaigns.listing(access.journal(), actor) if one.state == SUBMITTED]
    found.sort(key=lambda one: (obstacle(actor, one) != "", one.at, one.campaign_id))
    if writes(actor) and not decides(actor):
        return  # what they wrote stands below, waiting or not
    layout.finding(finding(actor, found))
    if not found:
        layout.quiet("A campaign is here from its submission until a second person has approved it or sent it back.")
        return
    if not decides(actor):
        listed(found)
        return
    decide_on(actor, chosen(found), drawing, power)


def finding(actor: Actor, found: Sequence[Campaign]) -> str:
    """What the page has to say, in one sentence."""
    mine = sum(one.author != actor.person for one in found) if decides(actor) else 0
    number = mine or len(found)
    waits = f"{words.counted(number, 'campaign')} {'waits' if number == 1 else 'wait'} for"
    if not found:
        return "Nothing waits for your decision" if decides(actor) else "Nothing waits for an approver"
    return f"{waits} {'your decision' if mine else 'an approver'}"


def chosen(found: Sequence[Campaign]) -> Campaign:
    """One of them, the oldest that can be decided unless another one is picked."""
    if len(found) == 1:
        return found[0]
    by_key = {one.campaign_id: one for one in found}
    picked = st.selectbox(
        f"One of {words.count(len(found))}",
        list(by_key),
        key=f"_waiting_{found[0].campaign_id}_{len(found)}",  # what was picked is gone once something is decided
        format_func=lambda key: words.visible(f"{title(by_key[key])}, by {by_key[key].author_name}", 120),
        width=420,
    )
    return by_key[picked or found[0].campaign_id]


def title(one: Campaign) -> str:
    """Its name; a sentence in brackets where another Rapport wrote it."""
    try:
        return one.promise.name
    except Invalid:
        return "(written by a later Rapport)"


def listed(found: Sequence[Campaign]) -> None:
    """Those that wait, for who does not decide on them; each can be opened."""
    rows = [
        {
            "name": title(one),
            "author": one.author_name or words.NOT_KNOWN,
            "since": ask.moment(one.at),
            "budget": said.money(one.promise.budget),
            "version": str(one.version),
        }
        for one in found[:MOST]
    ]
    called = {one.campaign_id: title(one) for one in found[:MOST]}
    alt = "Campaigns that wait for an approver, the oldest first"
    key = offer.chosen(pd.DataFrame(rows), alt, "waiting", "name", "campaign", WAITING, {}, called)
    if key is not None:
        filters.goto(PAGE, campaign=key)


def decide_on(actor: Actor, one: Campaign, drawing: Any, power: Any) -> None:
    """One campaign: what it promises in plain words, what changed, its cost and audience, and the two buttons."""
    try:
        promise = one.promise
    except Invalid as problem:
        layout.error(str(problem))
        return
    history = campaigns.steps(access.journal(), actor, one.campaign_id)
    counted = campaign_audience.counted(promise, drawing, one.campaign_id)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader(words.safe_text(promise.name), anchor=False, width="stretch")
            st.markdown(said.state_badge(one.state), width="content")
        author = words.safe_text(one.author_name or words.NOT_KNOWN, 60)
        layout.quiet(f"by {author} · submitted {ask.moment(one.at)} · version {one.version}")
        st.markdown(plain_words(one, counted))
        changes(actor, one, history)
        campaign_check.facts(promise)
        if isinstance(counted, str):
            layout.error(counted, "Its audience cannot be counted now.")
        else:
            plan = campaign_plan.planned(promise, counted, power)
            money(one, plan)
            for sentence in doubts(promise, counted, plan):
                st.warning(words.safe_text(sentence, 400), icon=":material/warning:")
            with st.expander("The audience, counted now", icon=":material/groups:"):
                campaign_audience.audience(promise, counted)
        buttons(actor, one)


def plain_words(one: Campaign, counted: Survey | str) -> str:
    """The promise as somebody would say it."""
    promise = one.promise
    reached, held = "customers of its audience", words.share(promise.holdout)
    if not isinstance(counted, str):
        control = round(counted.kept * promise.holdout)
        reached, held = f"about {words.counted(counted.kept - control, 'customer')}", f"{words.count(control)} ({held})"
    return words.safe_text(
        f"{words.visible(one.author_name or words.NOT_KNOWN, 60)} asks to reach {reached} by "
        f"{words.visible(promise.channel, 60)}. Each is expected to bring {said.promised(promise)} more margin within "
        f"{words.days(promise.window_days)} of the launch than without. {held} are held out at random to see whether "
        f"that is true. It is judged by {said.outcome(promise.outcome).lower()}.",
        900,
    )


def changes(actor: Actor, one: Campaign, history: Sequence[Step]) -> None:
    """What differs from the version that was submitted the time before, and why that one was sent back."""
    before = campaigns.decided_before(access.journal(), actor, one.campaign_id)
    if before is None:
        layout.quiet("It is submitted for the first time.")
        return
    if back := latest(history, "return"):
        who = words.safe_text(back.by_name or words.NOT_KNOWN, 60)
        st.markdown(f"**Sent back by {who}, {ask.moment(back.at)}:** {words.safe_lines(back.reason)}")
    since = f"since version {submitted_before(history)}, which was submitted the time before"
    campaign_check.differences(campaign.difference(before, one.promise), since)


def submitted_before(history: Sequence[Step]) -> int:
    """The version that was submitted the time before."""
    return [step.version for step in history if step.name == "submit"][-2]


def money(one: Campaign, plan: campaign_plan.Plan) -> None:
    """Cost beside budget, the author's month beside the limit, and what the holdout can show and costs."""
    promise = one.promise
    spent, most = campaign_plan.month_total(one.author), campaign_plan.limit()
    among = "this one among them" if one.at[:7] == access.journal().now()[:7] else "without this one"
    least = campaign_plan.effect(promise, plan.smallest)
    limit = f"the limit is {said.money(most)}" if most is not None else "there is no limit"
    rows = [
        ("Cost", f"{words.count(plan.treated)} × {said.money(promise.each)} + {said.money(promise.fixed_cost)} "
                 f"= {said.money(plan.cost)} of a budget of {said.money(promise.budget)}"),
        ("Author this month", f"{said.money(spent)} of budgets submitted, {among}; {limit}"),
        ("Expected in all", f"{said.money(plan.treated * float(promise.expected), short=True)} margin before cost, "
                            f"{said.money(plan.treated * plan.net, short=True)} after it"),
        ("Chance to prove it", campaign_plan.chance_sentence(promise, plan)),
        ("Smallest effect", f"{least} a customer would be found in four of five cases"),
        ("Cost of the holdout", f"{said.money(plan.holdout_cost, short=True)} of margin expected of those held out"),
    ]  # fmt: skip
    alt = "Cost, budget and what the holdout can show"
    tables.facts([(name, words.safe_text(text, 400)) for name, text in rows], alt)


def doubts(promise: campaign.Promise, counted: Survey, plan: campaign_plan.Plan) -> list[str]:
    """What should be thought over before approving, in sentences."""
    found = []
    if counted.kept < LEAST_CUSTOMERS:
        found.append(f"{words.counted(counted.kept, 'customer')} would be in it, and {LEAST_CUSTOMERS} are the fewest.")
    if plan.cost > promise.budget:
        found.append(f"It would cost {said.money(plan.cost)}, more than its budget: it could not be exported.")
    if not promise.expected:
        found.append(f"Nothing is promised: the expected margin is {said.money(promise.expected)}.")
    elif plan.net <= 0:
        found.append("What is promised does not pay for the contact and the offer.")
    elif plan.chance is not None and plan.chance < UNLIKELY:
        found.append(f"Most likely it ends as “not proven”: its chance is {campaign_plan.chance_words(plan)}.")
    return found


def buttons(actor: Actor, one: Campaign) -> None:
    """Approve or send back exactly what is shown; a version that changed meanwhile is refused by the journal."""
    hindered, key = obstacle(actor, one), f"{one.campaign_id}_{one.version}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Approve",
            type="primary",
            icon=":material/check:",
            key=f"_approve_{key}",
            disabled=bool(hindered),
            on_click=attempts.attempt,
            args=(PLACE, f"“{title(one)}” is approved. Its author can export it.", campaigns.approve, one.campaign_id,
                  one.sha256),
        )  # fmt: skip
        with st.popover("Send back", icon=":material/undo:", disabled=bool(hindered), key=f"_back_{key}"):
            st.text_area("What has to change?", key=f"_back_why_{key}", max_chars=MOST_REASON)
            st.button("Send it back", key=f"_back_now_{key}", on_click=send_back, args=(one, f"_back_why_{key}"))
            layout.quiet("Its author reads this, changes the draft, and submits it again.")
    if hindered:
        layout.quiet(hindered)
    layout.quiet(f"A decision is about exactly what is shown here: version {one.version}, SHA-256 {one.sha256}.")


def send_back(one: Campaign, field: str) -> None:
    """Ask for a change, with the reason; a button's callback."""
    (reason,) = attempts.entered(field)
    text = f"“{title(one)}” is sent back to its author."
    attempts.attempt(PLACE, text, campaigns.send_back, one.campaign_id, one.sha256, reason)
