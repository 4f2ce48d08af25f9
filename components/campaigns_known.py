"""Campaigns of the journal and of the data in one list: what was promised, what came of it, and what comes next."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from components import access, ask, story, whole_company, words
from components import campaign_words as said
from data.journal import campaign_history, campaigns
from data.journal.campaign_history import latest
from data.journal.campaign_rows import (
    APPROVED,
    DRAFT,
    EXPORTED,
    GRADED,
    MEASURING,
    SUBMITTED,
    WITHDRAWN,
    Campaign,
    Step,
)
from data.journal.problems import Invalid
from data.question import Refused
from data.rights import APPROVE_CAMPAIGN, Actor

FROM_DATA = "from data"  # campaigns that the feeds know and the journal does not
MOST = 10_000
Z = 1.959963984540054  # of a 95 % interval
ENDED = ("proven gain", "proven loss", "not proven")
PROVEN = ENDED[:2]


@dataclass(frozen=True)
class Line:
    """One campaign of the list. Money is in currency; expected, low, high: promised margin a treated customer.

    ends: the end of its window, UTC; None before the launch. left: whole days to it, None where nothing runs.
    customers: treated and held out, once they are drawn. found: figures of the build, or those it was graded with.
    todo: what comes next, in words; place: the smaller, the sooner somebody has to act.
    """

    campaign_id: str
    name: str
    owner: str
    owner_name: str
    state: str
    channel: str
    todo: str
    place: int
    at: str
    begins: datetime | None = None
    ends: datetime | None = None
    days: int | None = None
    left: int | None = None
    customers: int | None = None
    expected: float | None = None
    low: float | None = None
    high: float | None = None
    found: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """A figure, or None where it is not known."""
        value = self.found.get(name)
        return value if words.known(value) else None

    @property
    def verdict(self) -> str:
        """The verdict; empty while nobody was reached."""
        return str(self.get("verdict") or "")

    @property
    def running(self) -> bool:
        """Whether its customers are spoken for, or its window is not over."""
        return self.state in (EXPORTED, MEASURING) or (self.state == FROM_DATA and bool(self.left))

    @property
    def ended(self) -> bool:
        """Whether the fixed end has come and its effect was measured."""
        return self.verdict in ENDED and not self.left and self.get("margin_effect") is not None

    @property
    def error(self) -> float:
        """Standard error of the incremental margin of all treated customers, currency."""
        return float(self.get("margin_effect_se") or 0) * float(self.get("treated_customers") or 0)


def listed(actor: Actor) -> list[Line]:
    """Every campaign that the reader may see: those that somebody has to act on first, then by date."""
    journal = access.journal()
    kept, steps = campaigns.listing(journal, actor), campaign_history.histories(journal, actor)
    measured = figures(one.campaign_id for one in kept)
    now = journal.clock()
    lines = [
        of_journal(one, steps.get(one.campaign_id, []), measured.get(one.campaign_id, {}), actor, now) for one in kept
    ]
    known = {one.campaign_id for one in kept}
    lines += [of_data(row) for key, row in measured.items() if key not in known]
    return sorted(sorted(lines, key=lambda one: (one.at, one.campaign_id), reverse=True), key=lambda one: one.place)


def figures(own: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Campaign -> its row of the build: of all campaigns for readers of everything, else of the own ones.

    own: campaigns that the journal lets the reader see. They are sums over many customers, so no scope narrows them.
    """
    everything = access.scope(ask.current()).everything
    try:
        rows = whole_company.of_campaigns("campaign", () if everything else own)
    except Refused:  # a build of an earlier Rapport
        return {}
    return {str(row["campaign_id"]): row for row in rows.to_dict("records")}


def of_journal(one: Campaign, steps: Sequence[Step], row: Mapping[str, Any], actor: Actor, now: datetime) -> Line:
    """A campaign of the journal. row: of the build, empty when it is not measured yet."""
    launch, froze, graded = (latest(steps, name) for name in ("launch", "export", "grade"))
    found = {**row, **{name: value for name, value in (graded.detail if graded else {}).items() if value is not None}}
    arms = froze.detail if froze else {}
    drawn = sum(int(arms.get(arm) or 0) for arm in ("treated", "control", "exploration"))
    try:
        promise = one.promise
    except Invalid:
        return Line(one.campaign_id, "(cannot be read)", one.author, one.author_name, one.state, "", "", 6, one.at)
    begins = moment(launch.at) if launch else None
    ends = begins + timedelta(days=promise.window_days) if begins else None
    left = said.days_left(launch.at, promise.window_days, now) if launch and one.state == MEASURING else None
    todo, place = next_step(one, latest(steps, "return", "submit"), actor, left, ends)
    return Line(
        one.campaign_id, promise.name, one.author, one.author_name, one.state, promise.channel, todo, place, one.at,
        begins, ends, promise.window_days, left, drawn or None,
        float(promise.expected), float(promise.expected_low), float(promise.expected_high), found,
    )  # fmt: skip


def of_data(row: Mapping[str, Any]) -> Line:
    """A campaign that only the feeds know."""
    begins, ends = (utc(row.get(name)) for name in ("measured_from", "measured_to"))
    left, days = (whole(row.get(name)) for name in ("days_left", "window_days"))
    drawn = [whole(row.get(name)) for name in ("treated_customers", "control_customers")]
    if None in drawn:
        drawn = [whole(row.get(name)) for name in ("treated", "control")]
    expected, low, high = (number(row.get(name)) for name in ("expected_effect", "expected_low", "expected_high"))
    owner = text(row.get("owner"))
    return Line(
        campaign_id=str(row["campaign_id"]),
        name=text(row.get("name")) or str(row["campaign_id"]),
        owner=owner,
        owner_name=owner,
        state=FROM_DATA,
        channel=text(row.get("channel")),
        todo=f"Ends in {words.days(left)}" if left else "",
        place=4 if left else 7,
        at=f"{ends:%Y-%m-%dT%H:%M:%S}" if ends else "",
        begins=begins,
        ends=ends,
        days=days,
        left=left or None,
        customers=sum(one or 0 for one in drawn) or None,
        expected=expected,
        low=low,
        high=high,
        found=row,
    )


def text(value: Any) -> str:
    """A text of a build; empty where there is none."""
    return str(value) if words.known(value) else ""


def number(value: Any) -> float | None:
    """A figure of a build."""
    return float(value) if words.known(value) else None


def whole(value: Any) -> int | None:
    """A count of a build."""
    return int(value) if words.known(value) else None


def next_step(
    one: Campaign, sent: Step | None, actor: Actor, left: int | None, ends: datetime | None
) -> tuple[str, int]:
    """What comes next, in words for this reader, and how soon it needs somebody."""
    mine = actor.person == one.author
    if one.state == DRAFT:
        back = sent is not None and sent.name == "return"
        if not mine:
            return "Is being written", 5
        return ("Sent back: change it", 0) if back else ("Submit it", 2)
    if one.state == SUBMITTED:
        decide = actor.may(APPROVE_CAMPAIGN) and not mine
        return ("Decide", 0) if decide else ("Waits for an approver", 2)
    if one.state == APPROVED:
        return ("Export it", 0) if mine else ("Its author exports it", 3)
    if one.state == EXPORTED:
        return ("Send it to its target", 1) if mine else ("Is being sent", 3)
    if one.state == MEASURING:
        due = f"Waits for data to {said.day_of(ends)}" if ends else "Waits for data"
        return (f"Verdict in {words.days(left)}", 4) if left else (due, 3)
    return {GRADED: ("", 6), WITHDRAWN: ("", 8)}.get(one.state, ("", 8))


def moment(text: str) -> datetime:
    """A moment of the journal."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def utc(value: Any) -> datetime | None:
    """A moment of a build, which is in UTC without saying so."""
    return pd.Timestamp(value).to_pydatetime().replace(tzinfo=UTC) if words.known(value) else None


# Sums over campaigns


@dataclass(frozen=True)
class Total:
    """A sum of money over campaigns with its 95 % interval."""

    amount: float
    low: float
    high: float
    campaigns: int


def of_year(lines: Iterable[Line]) -> list[Line]:
    """Those whose window ended in the calendar year in which the data ends."""
    now = story.as_of()
    return [one for one in lines if one.ends and not one.left and local_year(one.ends) == now.year]


def local_year(at: datetime) -> int:
    """The year of a window's end: its last moment is just before it."""
    zone = ask.current().manifest["zone"]
    return pd.Timestamp(at - timedelta(microseconds=1)).tz_convert(zone).year


def total(lines: Sequence[Line], name: str) -> Total:
    """Sum of `net` or `incremental_margin`. Campaigns are independent, so that their variances add.

    Campaigns with one and the same control group are not: their errors are added, which is never too small.
    """
    known = [one for one in lines if one.get(name) is not None]
    groups: dict[tuple, float] = {}
    for one in known:
        groups[held_out(one)] = groups.get(held_out(one), 0.0) + one.error
    half = Z * math.sqrt(math.fsum(error**2 for error in groups.values()))
    amount = math.fsum(float(one.get(name)) for one in known)
    return Total(amount, amount - half, amount + half, len(known))


def held_out(one: Line) -> tuple:
    """What tells control groups apart: the same number with the same means is the same group."""
    means = tuple(one.get(name) for name in ("control_customers", "control_mean", "revenue_control"))
    return means if means[0] and means[1] else (one.campaign_id,)


def proven(lines: Sequence[Line]) -> list[Line]:
    """Those whose gain or loss is proven, in money."""
    return [one for one in lines if one.ended and one.verdict in PROVEN and one.get("net") is not None]


def promised(lines: Sequence[Line]) -> list[Line]:
    """Those graded with a sound measurement, that had promised something."""
    return [one for one in lines if one.ended and one.expected is not None and sound(one)]


def sound(one: Line) -> bool:
    """Whether no check of its measurement failed."""
    return bool(one.get("sound"))


def against(one: Line) -> int:
    """0 where promise and measurement agree within the errors of both, −1 where it fell short, 1 for better."""
    if one.expected is None or one.low is None or one.high is None:
        return 0
    apart = float(one.get("margin_effect")) - one.expected
    allowed = math.hypot((one.high - one.low) / 2, Z * float(one.get("margin_effect_se") or 0))
    return 0 if abs(apart) <= allowed else 1 if apart > 0 else -1
