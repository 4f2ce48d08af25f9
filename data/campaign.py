"""The promise of a campaign: who is reached, why, by what, what it should earn, and how that will be judged.

It is written down as canonical JSON (RFC 8785: sorted names, no blanks), so that its SHA-256 names exactly what was
approved. Money is text with its digits, never a float.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation
from typing import Any

from data import typed
from data.journal.problems import Invalid

FORMAT = 1
OUTCOMES = {
    "margin": "Margin",
    "revenue": "Net revenue",
    "orders": "Orders",
    "responses": "Answers",
}
OWN_JUDGEMENT = "own judgement"
LEAST_HOLDOUT, MOST_HOLDOUT, MOST_EXPLORATION = 0.01, 0.5, 0.25
MOST_DAYS, MOST_QUIET, MOST_MONEY = 366, 366, Decimal(10) ** 12
MOST_NAME, MOST_TEXT, MOST_PARTS, MOST_VALUES = 200, 2_000, 50, 900
NAME = re.compile(r"[a-z][a-z0-9_ -]{0,62}")
STEP = Decimal("0.0001")  # of money
Parts = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Promise:
    """What is fixed before anybody is reached. Money is in the company's currency, shares are of the audience.

    source, members, options: where the audience comes from, its filters, and what the source needs to know.
    expected: incremental margin for each customer who is treated, with its 95 % interval; basis: where that comes from.
    contact_cost, offer_cost: for each treated customer. budget: the most that all of it may cost.
    quiet_days: nobody who was contacted so recently is included. window_days: over which the outcome is measured.
    """

    name: str
    hypothesis: str
    source: str
    channel: str
    rule: str = ""
    members: Parts = ()
    options: tuple[tuple[str, str], ...] = ()
    offer: str = ""
    purpose: str = "advertising"
    outcome: str = "margin"
    window_days: int = 30
    quiet_days: int = 0
    holdout: float = 0.1
    exploration: float = 0.0
    contact_cost: Decimal = Decimal(0)
    offer_cost: Decimal = Decimal(0)
    fixed_cost: Decimal = Decimal(0)
    budget: Decimal = Decimal(0)
    expected: Decimal = Decimal(0)
    expected_low: Decimal = Decimal(0)
    expected_high: Decimal = Decimal(0)
    basis: str = OWN_JUDGEMENT

    def __post_init__(self) -> None:
        """Keep what is written down exactly: texts as they are stored, money in whole hundredths of a cent."""
        for name, what, most, optional, lines in TEXTS:
            object.__setattr__(self, name, typed.text(str(getattr(self, name)), what, most, optional, lines))
        for name in MONEY:
            object.__setattr__(self, name, money(getattr(self, name), LABELS[name]))
        for name, (least, most) in WHOLE.items():
            object.__setattr__(self, name, within(getattr(self, name), LABELS[name], int(least), int(most)))
        for name, (low, high) in SHARES.items():
            object.__setattr__(self, name, share(getattr(self, name), LABELS[name], low, high))
        object.__setattr__(self, "members", parts(self.members))
        object.__setattr__(self, "options", tuple(sorted((str(k), str(v)) for k, v in self.options)))
        self.check()

    def check(self) -> None:
        """Raise Invalid, in words, for what contradicts itself."""
        if self.outcome not in OUTCOMES:
            raise Invalid(f"The outcome must be one of {', '.join(OUTCOMES)}, not {self.outcome!r}.")
        if not NAME.fullmatch(self.source) or any(not NAME.fullmatch(name) for name, _ in self.options):
            raise Invalid("The audience's source is not named as one. Choose it from the list.")
        if any(getattr(self, name) < 0 for name in ("contact_cost", "offer_cost", "fixed_cost", "budget")):
            raise Invalid("Costs and the budget must be 0 or more.")
        if not self.expected_low <= self.expected <= self.expected_high:
            raise Invalid(
                "What is expected must lie inside its own interval: the cautious figure is at most, the hopeful one "
                "at least, the expected one."
            )

    @property
    def each(self) -> Decimal:
        """What one treated customer costs, currency."""
        return self.contact_cost + self.offer_cost

    def cost(self, treated: int) -> Decimal:
        """What it costs to treat so many customers, currency."""
        return self.each * treated + self.fixed_cost

    def text(self) -> str:
        """The promise as canonical JSON."""
        held: dict[str, Any] = {name: getattr(self, name) for name in FIELDS}
        held |= {name: format(held[name], "f") for name in MONEY}
        held |= {name: f"{held[name]:.4f}" for name in SHARES}
        held |= {"members": [[name, list(values)] for name, values in self.members]}
        held |= {"options": [list(pair) for pair in self.options], "format": FORMAT}
        return json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


FIELDS = tuple(field.name for field in fields(Promise))
LABELS = {
    "name": "Name",
    "hypothesis": "Hypothesis",
    "source": "Audience",
    "channel": "Channel",
    "rule": "Rule served",
    "members": "Filters",
    "options": "Settings of the audience",
    "offer": "Offer",
    "purpose": "Purpose",
    "outcome": "Outcome",
    "window_days": "Window, days",
    "quiet_days": "Quiet period, days",
    "holdout": "Held out",
    "exploration": "Exploration",
    "contact_cost": "Cost of a contact",
    "offer_cost": "Cost of the offer",
    "fixed_cost": "Fixed cost",
    "budget": "Budget",
    "expected": "Expected margin a customer",
    "expected_low": "Expected, cautious",
    "expected_high": "Expected, hopeful",
    "basis": "Forecast from",
}
MONEY = (
    "contact_cost",
    "offer_cost",
    "fixed_cost",
    "budget",
    "expected",
    "expected_low",
    "expected_high",
)
WHOLE = {"window_days": (1, MOST_DAYS), "quiet_days": (0, MOST_QUIET)}
SHARES = {"holdout": (LEAST_HOLDOUT, MOST_HOLDOUT), "exploration": (0.0, MOST_EXPLORATION)}
TEXTS = (  # field, what it is called, most characters, may be empty, may have lines
    ("name", "The name", MOST_NAME, False, False),
    ("hypothesis", "The hypothesis", MOST_TEXT, False, True),
    ("source", "The audience's source", 64, False, False),
    ("channel", "The channel", MOST_NAME, False, False),
    ("rule", "The rule", MOST_NAME, True, False),
    ("offer", "The offer", MOST_TEXT, True, True),
    ("purpose", "The purpose", MOST_NAME, False, False),
    ("basis", "The forecast's basis", MOST_NAME, False, False),
)


def parse(text: str) -> Promise:
    """A promise out of its text; raises Invalid for anything that is not exactly one."""
    try:
        held = json.loads(text)
        if not isinstance(held, dict) or held.pop("format", None) != FORMAT or set(held) != set(FIELDS):
            raise Invalid("This campaign is written in a format that is not known. Update Rapport, then open it again.")
        held["members"] = tuple((name, tuple(values)) for name, values in held["members"])
        held["options"] = tuple((name, value) for name, value in held["options"])
        return Promise(**held)
    except (ValueError, TypeError) as problem:
        if isinstance(problem, Invalid):
            raise
        raise Invalid("This campaign cannot be read. Its history in the audit trail holds what it said.") from None


def sha256_of(text: str) -> str:
    """What names exactly this text, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def difference(old: Promise, new: Promise) -> list[tuple[str, str, str]]:
    """What differs between two versions, in the order of the fields: label, what it was, what it is."""
    return [
        (LABELS[name], shown(getattr(old, name)), shown(getattr(new, name)))
        for name in FIELDS
        if getattr(old, name) != getattr(new, name)
    ]


def shown(value: Any) -> str:
    """A field as a reader sees it."""
    if isinstance(value, tuple):
        return "; ".join(f"{name}: {part if isinstance(part, str) else ', '.join(part)}" for name, part in value)
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)


def money(value: Any, what: str) -> Decimal:
    """An amount in whole hundredths of a cent; raises Invalid."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        raise Invalid(f"{what} must be an amount such as 1250.50, not {str(value)[:40]!r}.") from None
    if not amount.is_finite() or abs(amount) > MOST_MONEY:
        raise Invalid(f"{what} must be an amount of at most {MOST_MONEY:,}.")
    if amount != (kept := amount.quantize(STEP)):
        raise Invalid(f"{what} has more than four decimal places. Round it.")
    return kept


def within(value: Any, what: str, least: int, most: int) -> int:
    """A whole number between two others; raises Invalid."""
    if isinstance(value, bool) or int(value) != value or not least <= value <= most:
        raise Invalid(f"{what} must be a whole number from {least} to {most}.")
    return int(value)


def share(value: Any, what: str, low: float, high: float) -> float:
    """A share in whole ten-thousandths, as arms are drawn; raises Invalid."""
    number = float(value)
    if not low <= number <= high or abs(number * 10_000 - round(number * 10_000)) > 1e-6:
        raise Invalid(f"{what} must be between {low:.0%} and {high:.0%}, in steps of 0.01 %.")
    return round(number * 10_000) / 10_000


def parts(members: Iterable[tuple[str, Iterable[str]]]) -> Parts:
    """Filters in a fixed order, so that the same audience is always the same text; raises Invalid."""
    kept = tuple(sorted((str(name), tuple(sorted({str(value) for value in values}))) for name, values in members))
    if len(kept) > MOST_PARTS or any(len(values) > MOST_VALUES for _, values in kept):
        raise Invalid(f"An audience has at most {MOST_PARTS} filters of at most {MOST_VALUES} values each.")
    for name, values in kept:
        for value in (name, *values):
            if reason := typed.personal(value):
                raise typed.BadText(f"A filter {reason}. Campaigns hold categories only.")
    return kept
