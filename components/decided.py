"""Where one's own submitted campaigns stand, and who decided what about which version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd
import streamlit as st

from components import access, ask, filters, layout, offer, tables, words
from components import campaign_words as said
from components.approvals import MOST, PAGE, title, writes
from data import campaign
from data.journal import campaign_history, campaigns
from data.journal.campaign_history import latest
from data.journal.campaign_rows import DRAFT, SUBMITTED, Campaign, Step
from data.journal.store import stored
from data.rights import Actor

DAYS = 90
SHOWN_HASH = 12
OWN = {"name": "Campaign", "state": "Where it stands", "since": "Since", "who": "Last by", "why": "Reason"}
DECIDED = {
    "what": "Decision",
    "name": "Campaign",
    "author": "Author",
    "who": "Decided by",
    "at": "When",
    "version": "Version",
    "sha": "SHA-256",
    "why": "Reason",
}


# Where one's own stand


def own(actor: Actor) -> None:
    """Where the campaigns stand that this reader has submitted, with the reason of one that was sent back."""
    if not writes(actor):
        return
    steps = campaign_history.histories(access.journal(), actor)
    mine = [one for one in campaigns.listing(access.journal(), actor) if one.author == actor.person]
    asked = [one for one in mine if latest(steps.get(one.campaign_id, []), "submit")]
    layout.finding(finding(asked))
    if not asked:
        layout.quiet("Write a campaign on the page Campaign, and submit it there. Where it stands is shown here.")
        return
    for one in (one for one in asked if returned(one, steps[one.campaign_id])):
        last = steps[one.campaign_id][-1]
        who = words.safe_text(last.by_name or words.NOT_KNOWN, 60)
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{words.safe_text(title(one))}** was sent back by {who}, {ask.moment(last.at)}:")
            st.markdown(words.safe_lines(last.reason))
    rows = [stands(one, steps[one.campaign_id]) for one in asked[:MOST]]
    called = {one.campaign_id: title(one) for one in asked[:MOST]}
    key = offer.chosen(pd.DataFrame(rows), "Your submitted campaigns, the latest first", "submitted", "name",
                       "campaign", OWN, {}, called)  # fmt: skip
    if key is not None:
        filters.goto(PAGE, campaign=key)


def finding(asked: Sequence[Campaign]) -> str:
    """How many of the submitted ones still wait."""
    waits = sum(one.state == SUBMITTED for one in asked)
    if not asked:
        return "You have submitted no campaign yet"
    number = words.counted(len(asked), "campaign")
    return f"{words.count(waits)} of the {number} you submitted {'waits' if waits == 1 else 'wait'} for an approver"


def returned(one: Campaign, history: Sequence[Step]) -> bool:
    """Whether it was sent back and not submitted again since."""
    return one.state == DRAFT and history[-1].name == "return"


def stands(one: Campaign, history: Sequence[Step]) -> dict[str, str]:
    """One of the own campaigns: its state, since when, by whom, and the reason if there is one."""
    last, back = history[-1], returned(one, history)
    return {
        "name": title(one),
        "state": "Sent back to you" if back else said.state(one.state),
        "since": ask.moment(last.at),
        "who": last.by_name or ("Rapport" if last.by == "system" else words.NOT_KNOWN),
        "why": last.reason or words.NOT_KNOWN,
    }


# What was decided


def decided(actor: Actor) -> None:
    """Who decided what in the last 90 days, about which version, and why something was sent back."""
    journal = access.journal()
    since = stored(journal.clock() - timedelta(days=DAYS))
    found = campaign_history.decisions(journal, actor, since)
    back = sum(one.step.name == "return" for one in found)
    number = f"{words.counted(len(found), 'decision')} in {DAYS} days"
    layout.finding(f"{number}, {words.count(back)} of them sent back" if found else f"No decision in {DAYS} days")
    if not found:
        return
    rows = [
        {
            "what": said.step(one.step.name),
            "name": campaign.parse(one.text).name,
            "author": one.author_name or words.NOT_KNOWN,
            "who": one.step.by_name or words.NOT_KNOWN,
            "at": ask.moment(one.step.at),
            "version": str(one.step.version),
            "sha": one.step.sha256[:SHOWN_HASH],
            "why": one.step.reason or words.NOT_KNOWN,
        }
        for one in found[:MOST]
    ]
    tables.table(pd.DataFrame(rows), "Decisions on campaigns, the latest first", labels=DECIDED, pinned=("what",))
    if len(found) > MOST:
        layout.quiet(f"The latest {MOST} are shown; the audit trail has all.")
