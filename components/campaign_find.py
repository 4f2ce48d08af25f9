"""Which campaign is on the screen: of the journal or of the feeds, as far as the reader may see it; and a new one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from components import access, ask, attempts, filters, layout, segment_form, whole_company, within, words
from components import campaign_words as spoken
from components.address import filter_values
from data.audience_sources import PLAN, SOURCES, bounded
from data.campaign import MOST_NAME, MOST_TEXT, Promise
from data.campaign_files import NAME as OWN_KEY
from data.journal import campaigns
from data.journal.campaign_rows import APPROVED, DRAFT, MEASURING, SUBMITTED, WITHDRAWN, Campaign, NoCampaign, Step
from data.journal.store import Journal
from data.question import Listing, Refused, View
from data.rights import APPROVE_CAMPAIGN, DRAFT_CAMPAIGN, Actor, Forbidden

PAGE, KEY, PLACE = "pages/work/campaign.py", "campaign", "campaign"
LATEST = 10  # campaigns offered where none is chosen
PURPOSE = "advertising"
NEW = ("_campaign_new_name", "_campaign_new_hypothesis", "_campaign_new_source")


@dataclass(frozen=True)
class Found:
    """A campaign. own: as the journal has it, None where only feeds know it. row: as the build measured it, or None."""

    key: str
    own: Campaign | None = None
    row: pd.Series | None = None
    steps: tuple[Step, ...] = ()

    @property
    def state(self) -> str:
        """Its state in the journal; empty for one of the feeds."""
        return self.own.state if self.own else ""

    @property
    def mine(self) -> bool:
        """Whether the reader wrote it, and looks through the own eyes."""
        me = access.reader()
        return self.own is not None and self.own.author == me.person and not me.viewed_by

    def step(self, name: str) -> Step | None:
        """The latest step of a name."""
        return next((one for one in reversed(self.steps) if one.name == name), None)

    def figure(self, name: str) -> Any:
        """A figure of the build; None where it has none."""
        return None if self.row is None or not words.known(found := self.row.get(name)) else found


def key() -> str:
    """The campaign that the address names; empty when it names none."""
    return filters.key(KEY, "Campaign key", "Paste a key, or leave it empty to begin a new campaign")


def found(name: str) -> Found | None:
    """A campaign this reader may see: in the journal by its rules, in the build for readers of everything."""
    own = of_journal(name) if OWN_KEY.fullmatch(name) else None
    if own is None and not access.scope(ask.current()).everything:
        return None
    row = measured(name)
    if own is None:
        return Found(name, row=row) if row is not None else None
    return Found(name, own, row, tuple(campaigns.steps(access.journal(), access.reader(), name)))


def of_journal(name: str) -> Campaign | None:
    """The campaign of the journal, if there is one for this reader. Whoever guesses too often is stopped."""
    try:
        return campaigns.get(access.journal(), access.reader(), name)
    except NoCampaign:
        return None
    except Forbidden as problem:
        layout.error(str(problem))
        st.stop()


def measured(name: str) -> pd.Series | None:
    """What the build knows of a campaign. Only for one that the reader may see."""
    rows = listed("campaign", name)
    return rows.iloc[0] if len(rows) else None


def listed(table: str, name: str) -> pd.DataFrame:
    """The rows of a table about one campaign that the reader may see, whatever else is out of the reader's scope."""
    try:
        return whole_company.of_campaigns(table, (name,))
    except (Refused, KeyError):
        return pd.DataFrame()


def writing(one: Found) -> bool:
    """Whether the reader goes on writing it."""
    return one.state == DRAFT and one.mine and access.may(DRAFT_CAMPAIGN)


def before(one: Found) -> bool:
    """Whether nobody was drawn yet, or ever will be."""
    return one.state in (DRAFT, SUBMITTED, APPROVED, WITHDRAWN)


def not_found() -> None:
    """The same words whether it is somebody else's or never was."""
    layout.error(
        "There is no such campaign, or you may not see it.", "Check the key, or ask whoever gave you the link."
    )


# The header


def header(one: Found, beside: Callable[[Found], None]) -> None:
    """Its name, its state, whose it is, who decided, its window. beside: what stands at the end of the row."""
    name = one.own.promise.name if one.own else one.figure("name") or one.key
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header(words.safe_text(name), anchor=False, width="stretch")
        st.markdown(state_badge(one), width="content")
        beside(one)
    layout.quiet(" · ".join(filter(None, (whose(one), decided(one), window(one)))))


def state_badge(one: Found) -> str:
    """Where it stands; campaigns of the feeds are told by their verdict."""
    if one.own:
        return spoken.state_badge(one.state)
    return f":gray-badge[From the feeds] {spoken.verdict_badge(one.figure('verdict'))}"


def whose(one: Found) -> str:
    """Its author or owner."""
    if one.own:
        return f"by {'you' if one.mine else words.safe_text(one.own.author_name or words.NOT_KNOWN, 60)}"
    owner = one.figure("owner")
    return f"owner {words.safe_text(owner, 60)}" if owner else ""


def decided(one: Found) -> str:
    """Who approved it, and when."""
    step = one.step("approve")
    if step is None:
        return ""
    return f"approved by {words.safe_text(step.by_name or words.NOT_KNOWN, 60)}, {ask.moment(step.at)}"


def window(one: Found) -> str:
    """When its outcome counts, and how long that still is."""
    launched = one.step("launch")
    if launched and one.own:
        days = one.own.promise.window_days
        left = spoken.days_left(launched.at, days, access.journal().clock())
        ends = spoken.day_of(spoken.end_of(launched.at, days))
        over = f"{words.counted(left, 'day')} left" if left else "the window is over"
        if not left and one.state == MEASURING:
            over += "; the next build whose data covers it grades it"
        return f"{ask.moment(launched.at)} to {ends}, {words.days(days)} · {over}"
    if one.own:
        return f"window of {words.days(one.own.promise.window_days)} from the launch on"
    since, until = one.figure("measured_from"), one.figure("measured_to")
    return f"{words.day(since)} to {words.day(until)}" if since is not None and until is not None else ""


# None chosen: the latest ones, and a new one


def start() -> None:
    """A form for a new campaign, for those who may write one; below it the latest ones."""
    attempts.outcome(PLACE)
    if access.may(DRAFT_CAMPAIGN):
        form()
    shown = campaigns.listing(access.journal(), access.reader())[:LATEST]
    if shown:
        layout.finding("The latest campaigns")
    for one in shown:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if st.button(
                words.safe_text(one.promise.name, 80), type="tertiary", key=f"_campaign_open_{one.campaign_id}"
            ):
                filters.goto(PAGE, campaign=one.campaign_id)
            st.markdown(spoken.state_badge(one.state), width="content")
    if not shown:
        with st.container(border=True):
            st.markdown("**No campaign is open to you here yet.**")
            layout.quiet(
                "A campaign is a promise: whom it reaches, why, what it should earn, and how it will be judged. "
                "Managers write them, somebody else approves them, and a holdout shows what they changed."
            )


def form() -> None:
    """Name, hypothesis and source of a new campaign; the rest is chosen step by step afterwards."""
    segment = within.current()
    kinds = list(SOURCES)
    wanted = st.query_params.get("source", "segment" if segment else kinds[0])
    with st.container(border=True):
        st.markdown("**Begin a campaign**")
        st.text_input("Name", key=NEW[0], max_chars=MOST_NAME)
        st.text_area("Hypothesis: who will do what, and why", key=NEW[1], max_chars=MOST_TEXT, height=80)
        st.selectbox("For whom", kinds, kinds.index(wanted) if wanted in kinds else 0, key=NEW[2],
                     format_func=lambda kind: SOURCES[kind].label)  # fmt: skip
        if members := given(segment.members if segment else ()):
            layout.quiet(f"Among them: {segment_form.described(dict(members))}")
        args = (members, segment.segment_id if segment else "")
        st.button("Begin", type="primary", key="_campaign_begin", on_click=begin, args=args)
        layout.quiet("Nobody is reached before somebody else has approved it and you have exported it.")


def given(members: Sequence[tuple[str, Sequence[str]]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The filters that the address brings along, and those of the segment it names."""
    asked = [
        (name, tuple(value for value in map(str, values) if value in st.query_params.get_all(name)))
        for name, values in filter_values(ask.current()).items()
        if name in st.query_params
    ]
    held = tuple((name, tuple(values)) for name, values in members)
    return tuple(segment_form.together((*held, *asked)).items())


def begin(members: Sequence[tuple[str, tuple[str, ...]]], segment: str) -> None:
    """Store the draft and open it; a button's callback."""
    name, hypothesis, source = attempts.entered(*NEW)

    def store(journal: Journal, actor: Actor) -> None:
        options = (("segment", segment),) if source == "segment" and segment else ()
        channel, cost = first_channel()
        if source == PLAN and (plan := st.query_params.get(PLAN)):
            options = ((PLAN, plan),)
            channel, cost = of_channel(st.query_params.get("channel", channel))
        promise = Promise(
            name, hypothesis, source, channel, members=tuple(members), options=options, purpose=purposes()[0],
            contact_cost=cost,
        )  # fmt: skip
        scope = ask.current().scope_of(actor.held)
        st.session_state[KEY] = campaigns.draft(journal, actor, bounded(promise, scope))
        for gone in [one for one in st.query_params if one != KEY]:
            del st.query_params[gone]

    attempts.attempt(PLACE, "The draft is kept. Go on step by step; every change is saved.", store)


def first_channel() -> tuple[str, Any]:
    """A channel to begin with, and what a contact on it costs: the cheapest one."""
    rows = channels()
    if not len(rows):
        return "email", 0
    cheapest = rows.sort_values(["unit_cost", "channel"]).iloc[0]
    return str(cheapest["channel"]), cheapest["unit_cost"] if words.known(cheapest["unit_cost"]) else 0


def of_channel(name: str) -> tuple[str, Any]:
    """A channel by its name with what a contact costs; the first one where there is none of that name."""
    rows = channels()
    found = rows[rows["channel"] == name]
    if not len(found):
        return first_channel()
    cost = found["unit_cost"].iloc[0]
    return name, cost if words.known(cost) else 0


def channels() -> pd.DataFrame:
    """The channels of communication that the company has settled."""
    try:
        return whole_company.listing("channel")
    except (Refused, KeyError):
        return pd.DataFrame(columns=["channel", "label", "unit_cost", "needs_consent", "min_days_between"])


def purposes() -> list[str]:
    """Purposes that consents of the reader's customers name, the most frequent first."""
    scope = access.scope(ask.current())
    return ask.worked_out(Listing("consent_state", View(scope)), named_purposes) or [PURPOSE]


def named_purposes(rows: pd.DataFrame) -> list[str]:
    """The purposes of these consents, the most frequent first."""
    texts = rows["purpose"].dropna().astype(str) if "purpose" in rows else pd.Series(dtype=str)
    counts = texts[~texts.str.startswith("(")].value_counts()
    return [str(name) for name in counts.sort_index().sort_values(ascending=False, kind="stable").index]


def waits(one: Found) -> str:
    """Whom a submitted campaign waits for, in words for this reader."""
    if one.state != SUBMITTED:
        return ""
    if one.mine:
        return "It waits for an approver. Nothing about it can change meanwhile."
    if access.may(APPROVE_CAMPAIGN):
        return "It waits for your decision, on the page Approvals."
    return "It waits for an approver."
