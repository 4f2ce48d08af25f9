"""What a channel plan must keep to: budget, capacity, caps, least return, exploration. Written down as canonical JSON.

Money is text with its digits, never a float (as in data.campaign), so that its SHA-256 names exactly one policy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from data import campaign, typed
from data.campaign import Parts, money, parts, sha256_of, share, within
from data.journal.problems import Invalid

FORMAT = 1
UNIT = 10_000  # money of the solver: whole ten-thousandths of the currency
CONTACT_DAYS = 30
MOST_CONTACTS, MOST_CAPACITY, MOST_ROI = 1_000, 10**9, 1_000.0
MOST_SHARE = 0.5  # of an audience that is explored in one way
PURPOSE = "advertising"


@dataclass(frozen=True)
class Policy:
    """What was asked of a plan of one decision period, which is a month.

    budget: the most that all contacts may cost, company currency; None: no limit. capacity: (channel, contacts), None
    for as many as wanted; a channel that is not named has its own capacity. most_contacts: of one customer on all
    channels together in contact_days, the planned one included; None: no cap. least_roi: margin less cost, per cost, of
    the whole plan. none_share, random_share: of the customers who are not contacted, and who get a channel by chance,
    so that the next plan learns; drawn before anything else. purpose: whose consent counts. members: filters.
    """

    budget: Decimal | None = None
    capacity: tuple[tuple[str, int | None], ...] = ()
    most_contacts: int | None = None
    contact_days: int = CONTACT_DAYS
    least_roi: float | None = None
    none_share: float = 0.05
    random_share: float = 0.05
    purpose: str = PURPOSE
    members: Parts = ()

    def __post_init__(self) -> None:
        """Keep it exactly as it is written down; raises Invalid for what cannot be."""

        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        if self.budget is not None:
            put("budget", money(self.budget, "The budget"))
            if self.budget < 0:
                raise Invalid("The budget must be 0 or more.")
        put("capacity", capacities(self.capacity))
        if self.most_contacts is not None:
            put("most_contacts", within(self.most_contacts, "Contacts of one customer", 0, MOST_CONTACTS))
        put("contact_days", within(self.contact_days, "Days in which contacts are counted", 1, campaign.MOST_DAYS))
        if self.least_roi is not None:
            put("least_roi", ratio(self.least_roi))
        for name, what in (("none_share", "The share without a contact"), ("random_share", "The share by chance")):
            put(name, share(finite(getattr(self, name), what), what, 0.0, MOST_SHARE))
        put("purpose", typed.text(str(self.purpose), "The purpose", campaign.MOST_NAME))
        put("members", parts(self.members))

    @property
    def budget_units(self) -> int | None:
        """The budget in whole ten-thousandths of the currency, as the solver counts."""
        return None if self.budget is None else int(self.budget * UNIT)

    def limit(self, channel: str, own: int | None) -> int | None:
        """Contacts a channel can make. own: its capacity where the policy does not name it."""
        return dict(self.capacity).get(channel, own)

    def checked(self, known: Iterable[str]) -> Policy:
        """The policy itself; raises Invalid when it names a channel that is not known."""
        there = tuple(known)
        if unknown := [name for name, _ in self.capacity if name not in there]:
            raise Invalid(f"There is no channel {unknown[0]!r}. Channels: {', '.join(there) or 'none'}.")
        return self

    def text(self) -> str:
        """The policy as canonical JSON."""
        held: dict[str, Any] = {name: getattr(self, name) for name in FIELDS}
        held["budget"] = None if self.budget is None else format(self.budget, "f")
        held["least_roi"] = None if self.least_roi is None else f"{self.least_roi:.4f}"
        held |= {name: f"{held[name]:.4f}" for name in ("none_share", "random_share")}
        held |= {"capacity": [list(pair) for pair in self.capacity], "format": FORMAT}
        held["members"] = [[name, list(values)] for name, values in self.members]
        return json.dumps(held, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @property
    def sha256(self) -> str:
        """What names exactly this policy, 64 hexadecimal digits."""
        return sha256_of(self.text())

    def but(self, **changes: Any) -> Policy:
        """The same policy with these changes; raises Invalid."""
        return replace(self, **changes)


FIELDS = tuple(field.name for field in fields(Policy))
UNREADABLE = "This policy cannot be read. Make the plan once more, and save it again."


def parse(text: str) -> Policy:
    """A policy out of its text; raises Invalid for anything that is not exactly one."""
    try:
        held = json.loads(text)
        if not isinstance(held, dict) or held.pop("format", None) != FORMAT or set(held) != set(FIELDS):
            raise Invalid("This policy is written in a format that is not known. Update Rapport, then open it again.")
        held["capacity"] = tuple((name, number) for name, number in held["capacity"])
        held["members"] = tuple((name, tuple(values)) for name, values in held["members"])
        return Policy(**held)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as problem:
        if isinstance(problem, Invalid):
            raise
        raise Invalid(UNREADABLE) from None


def capacities(given: Iterable[tuple[str, int | None]]) -> tuple[tuple[str, int | None], ...]:
    """Capacities in the order of their channels; raises Invalid."""
    pairs = sorted(((str(name), number) for name, number in given), key=lambda pair: pair[0])
    if len({name for name, _ in pairs}) < len(pairs):
        raise Invalid("A channel is named twice among the capacities. Name it once.")
    return tuple(
        (name, None if number is None else within(finite(number, f"The capacity of {name}"),
                                                  f"The capacity of {name}", 0, MOST_CAPACITY))
        for name, number in pairs
    )  # fmt: skip


def ratio(value: Any) -> float:
    """A return in steps of 1/10,000; raises Invalid."""
    number = finite(value, "The least return")
    if not 0 <= number <= MOST_ROI:
        raise Invalid(f"The least return must be from 0 to {MOST_ROI:,.0f}: margin less cost, per unit of cost.")
    return round(number * UNIT) / UNIT


def finite(value: Any, what: str) -> float:
    """A number that is one; raises Invalid."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Invalid(f"{what} must be a number, not {str(value)[:40]!r}.") from None
    if isinstance(value, bool) or not math.isfinite(number):
        raise Invalid(f"{what} must be a number, not {str(value)[:40]!r}.")
    return number
