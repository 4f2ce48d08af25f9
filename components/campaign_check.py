"""The promise on one page: what is fixed, whom it reaches, what it costs, what stands in its way; the submission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from components import access, attempts, campaign_audience, campaign_plan, layout, segment_form, tables, words
from components import campaign_words as spoken
from components.campaign_draft import Edit
from components.campaign_fields import rules
from components.campaign_find import PLACE, Found, channels, waits
from data import campaign
from data.audience_sources import SOURCES
from data.campaign import LABELS, Promise
from data.journal import campaigns
from data.journal.campaign_rows import APPROVED, DRAFT, SUBMITTED, WITHDRAWN
from data.journal.campaigns import MOST_REASON
from data.journal.store import Journal
from data.rights import APPROVE_CAMPAIGN, CUSTOMERS, DRAFT_CAMPAIGN, Actor

REASON = "_campaign_reason"


def check(edit: Edit, drawing: Any, power: Any) -> None:
    """Everything the approver will see, and the button that asks for approval."""
    promise, author = edit.promise, access.reader().person
    found = campaign_audience.counted(promise, drawing, edit.campaign_id)
    wrong, doubts = campaign_plan.problems(promise, found, power, author)
    layout.finding("This is what the approver will see")
    facts(promise)
    if not isinstance(found, str):
        campaign_plan.money(promise, found, power, author)
        campaign_audience.audience(promise, found)
    for sentence in wrong:
        st.error(words.safe_text(sentence, 600), icon=":material/block:")
    for sentence in doubts:
        st.warning(words.safe_text(sentence, 600), icon=":material/warning:")
    if edit.problem:
        st.error("The last change is not saved; see above. What would be submitted is the version before it.")
    layout.quiet("Once submitted, nothing about it changes until somebody else has decided.")
    hindered = bool(wrong) or bool(edit.problem) or edit.conflict or not access.may(DRAFT_CAMPAIGN)
    args = (edit.campaign_id, campaign.sha256_of(edit.text))
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Submit for approval", type="primary", key="_campaign_submit", disabled=hindered, on_click=submit, args=args
        )
        withdrawal(edit.campaign_id)


def submit(key: str, sha256: str) -> None:
    """Ask for approval; a button's callback."""
    most = campaign_plan.limit()
    attempts.attempt(PLACE, "It is submitted. An approver decides.", campaigns.submit, key, sha256, most)


def facts(promise: Promise) -> None:
    """What is fixed, in words."""
    labels = {str(row.channel): str(row.label) for row in channels().itertuples()}
    source = SOURCES[promise.source].label if promise.source in SOURCES else promise.source
    filtered = segment_form.described(dict(promise.members))
    settings = campaign.shown(promise.options) if promise.options and promise.source != "segment" else ""
    rows = [
        ("Who", f"{words.safe_text(source)}{f'; {filtered}' if filtered else ''}"
                f"{f'; {words.safe_text(settings)}' if settings else ''}"),
        ("Why", words.safe_lines(promise.hypothesis)),
        ("Rule served", words.safe_text(rules().get(promise.rule, promise.rule) or "none")),
        ("Promised", f"{spoken.promised(promise)} margin for each customer treated; {words.safe_text(promise.basis)}"),
        ("What", words.safe_text(promise.offer or "no offer", 400)),
        ("Channel", f"{words.safe_text(labels.get(promise.channel, promise.channel))}, for "
                    f"{words.safe_text(promise.purpose)}, {spoken.money(promise.contact_cost)} a contact"),
        ("Costs", f"{spoken.money(promise.offer_cost)} for each offer, {spoken.money(promise.fixed_cost)} once; "
                  f"budget {spoken.money(promise.budget)}"),
        ("Judged by", f"{spoken.outcome(promise.outcome)} in {words.days(promise.window_days)}"),
        ("Quiet period", f"{words.days(promise.quiet_days)} without any contact" if promise.quiet_days else "none"),
        ("Held out", f"{words.share(promise.holdout)}"
                     f"{f'; {words.share(promise.exploration)} explored' if promise.exploration else ''}"),
    ]  # fmt: skip
    tables.facts(rows, "What is promised")


def readable(one: Found, drawing: Any, power: Any) -> None:
    """A campaign that nobody was reached by yet, for whoever does not write on it now."""
    assert one.own
    attempts.outcome(PLACE)
    promise, author = one.own.promise, one.own.author
    if one.state == WITHDRAWN:
        step = one.step("withdraw")
        st.markdown(f"**Withdrawn:** {words.safe_lines(step.reason if step else '')}")
    if one.state == DRAFT:
        layout.quiet("Its author is writing it. Nothing is asked of anybody yet.")
    if sentence := waits(one):
        st.markdown(f":material/hourglass_empty: **{sentence}**")
        if access.may(APPROVE_CAMPAIGN) and not one.mine:
            st.page_link("pages/work/approvals.py", label="Decide on it in Approvals", icon=":material/approval:")
    if one.state == SUBMITTED:
        since_last(campaigns.decided_before(access.journal(), access.reader(), one.key), promise)
    facts(promise)
    if one.state in (DRAFT, SUBMITTED, APPROVED) and access.may(CUSTOMERS):
        found = campaign_audience.counted(promise, drawing, one.key)
        if isinstance(found, str):
            layout.error(found)
        else:
            campaign_plan.money(promise, found, power, author, sent=one.state != DRAFT)
            campaign_audience.audience(promise, found)
    if one.mine and one.state == SUBMITTED:
        withdrawal(one.key)


def since_last(before: Promise | None, now: Promise) -> None:
    """What changed since the version that was submitted the time before."""
    if before is None:
        return
    differences(campaign.difference(before, now), "since it was submitted the time before")


def differences(found: Sequence[tuple[str, str, str]], when: str) -> None:
    """A table of what differs between two versions."""
    if not found:
        layout.quiet(f"Nothing changed {when}.")
        return
    st.markdown(f"**{words.counted(len(found), 'change')} {when}**")
    rows = [(LABELS.get(label, label), f"{words.safe_text(old, 300) or '–'} → **{words.safe_text(new, 300) or '–'}**")
            for label, old, new in found]  # fmt: skip
    tables.facts(rows, f"What changed {when}")


def withdrawal(key: str) -> None:
    """Take it back, with a reason, for its author."""
    if not access.may(DRAFT_CAMPAIGN):
        return
    with st.popover("Withdraw", icon=":material/undo:", key="_campaign_withdraw"):
        st.text_area("Why do you take it back?", key=REASON, max_chars=MOST_REASON)
        st.button("Withdraw this campaign", key="_campaign_withdraw_now", on_click=withdraw, args=(key,))
        layout.quiet("It stays on record, and cannot be taken up again.")


def withdraw(key: str) -> None:
    """Take it back; a button's callback."""
    (reason,) = attempts.entered(REASON)

    def store(journal: Journal, actor: Actor) -> None:
        campaigns.withdraw(journal, actor, key, reason)

    attempts.attempt(PLACE, "It is withdrawn. Nobody was reached.", store)
