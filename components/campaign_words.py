"""How campaigns are spoken of: states, verdicts, money with its interval, days left, and addresses of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from components import ask, words
from data.campaign import OUTCOMES, Promise
from data.journal.campaign_rows import APPROVED, DRAFT, EXPORTED, GRADED, MEASURING, SUBMITTED, WITHDRAWN

Colour = Literal["blue", "gray", "green", "orange", "red"]
STATES: Mapping[str, tuple[str, Colour]] = {
    DRAFT: ("Draft", "gray"),
    SUBMITTED: ("Waits for approval", "orange"),
    APPROVED: ("Approved", "blue"),
    EXPORTED: ("Exported", "blue"),
    MEASURING: ("Running", "blue"),
    GRADED: ("Graded", "gray"),
    WITHDRAWN: ("Withdrawn", "gray"),
}
NEXT = {
    DRAFT: "Its author goes on writing, then submits it.",
    SUBMITTED: "Somebody else decides on it.",
    APPROVED: "Its author exports it.",
    EXPORTED: "Its recipients are sent to a target.",
    MEASURING: "It runs until the end that was fixed beforehand.",
    GRADED: "Nothing: it is closed.",
    WITHDRAWN: "Nothing: it was taken back before anybody was reached.",
}
STEPS = {
    "draft": "Begun",
    "submit": "Submitted",
    "return": "Sent back",
    "approve": "Approved",
    "export": "Exported",
    "launch": "Launched",
    "grade": "Graded",
    "withdraw": "Withdrawn",
}
VERDICTS: Mapping[str, tuple[str, Colour]] = {
    "proven gain": ("Proven gain", "green"),
    "proven loss": ("Proven loss", "red"),
    "not proven": ("Not proven", "gray"),
    "not measurable": ("Not measurable", "gray"),
    "not yet": ("Not yet", "gray"),
}
ARMS = {"treated": "Treated", "control": "Held out", "exploration": "Explored"}
DAY_SECONDS = 86_400


def state(name: str) -> str:
    """A state in words: 'Waits for approval'."""
    return STATES[name][0] if name in STATES else words.safe_text(name, 40)


def state_badge(name: str) -> str:
    """The same as a badge."""
    return f":{STATES[name][1]}-badge[{state(name)}]" if name in STATES else state(name)


def step(name: str) -> str:
    """What happened: 'Sent back'."""
    return STEPS.get(name, words.safe_text(name, 40))


def verdict(name: Any) -> str:
    """A verdict in words: 'Proven gain'; a dash where there is none."""
    if not words.known(name) or not name:
        return words.NOT_KNOWN
    return VERDICTS[name][0] if name in VERDICTS else words.safe_text(name, 40)


def verdict_badge(name: Any) -> str:
    """The same as a badge."""
    return f":{VERDICTS[name][1]}-badge[{verdict(name)}]" if name in VERDICTS else verdict(name)


def money(value: Any, short: bool = False) -> str:
    """Money in the company's currency; a dash where it is not known."""
    return words.money(value, currency(), short) if words.known(value) else words.NOT_KNOWN


def currency() -> str:
    """The currency of the build on the screen; empty where it is not stated."""
    return ask.current().manifest["currency"]


def money_interval(value: Any, low: Any, high: Any, short: bool = False) -> str:
    """'€1.20 (€0.40 to €2.00)'; without an interval where it is not known."""
    if not (words.known(low) and words.known(high)):
        return money(value, short)
    return f"{money(value, short)} ({money(low, short)} to {money(high, short)})"


def ratio_interval(value: Any, low: Any, high: Any) -> str:
    """'2.85 (1.43 to 4.27)'; a dash where it is not known."""
    if not words.known(value):
        return words.NOT_KNOWN
    inside = f" ({words.ratio(low)} to {words.ratio(high)})" if words.known(low) and words.known(high) else ""
    return f"{words.ratio(value)}{inside}"


def outcome(name: Any) -> str:
    """What a campaign is judged by: 'Margin'."""
    return OUTCOMES.get(str(name), words.safe_text(name, 40)) if words.known(name) else words.NOT_KNOWN


def promised(promise: Promise) -> str:
    """What a campaign should earn for each customer treated, with its interval."""
    return money_interval(promise.expected, promise.expected_low, promise.expected_high)


def end_of(launched: str, days: int) -> datetime:
    """When the window of a campaign ends. launched: the moment of the journal, UTC; days: of the window."""
    return datetime.fromisoformat(launched.replace("Z", "+00:00")) + timedelta(days=days)


def days_left(launched: str, days: int, now: datetime) -> int:
    """Whole days until the window ends, begun ones counted; 0 afterwards. now: with its zone."""
    left = (end_of(launched, days) - now).total_seconds()
    return max(0, -int(-left // DAY_SECONDS))


def day_of(at: datetime) -> str:
    """A moment as a day of the company's clocks: 22 Nov 2026."""
    return words.day(at.astimezone(ZoneInfo(ask.current().manifest["zone"])))


def link(campaign_id: str, **more: str) -> str:
    """The address of a campaign's page."""
    return f"campaign?{urlencode({'campaign': campaign_id, **more})}"
