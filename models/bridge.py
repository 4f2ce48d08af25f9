"""Exact explanations of a change: parts in money that add up to it, to the cent."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

CENT = Decimal("0.01")
DRIVERS = ("Customers", "Orders per customer", "Revenue per order", "Gross margin rate")


UNITS = ("count", "ratio", "money", "share")  # of the drivers' own levels


@dataclass(frozen=True)
class Part:
    """One part of a change and what it is worth, in the company's currency; before, after: the driver's own level."""

    name: str
    amount: Decimal
    before: Decimal = Decimal(0)
    after: Decimal = Decimal(0)
    unit: str = "money"


def driver_bridge(prior: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Part]:
    """What moved contribution margin from one period to another, as five amounts that add up to the change.

    prior, actual: customers, orders, revenue, gross_margin and margin of the two periods, in one currency.
    Contribution margin = customers × orders per customer × revenue per order × gross margin rate − cost to serve. The
    change of the product is shared out by the logarithmic mean (LMDI-I: Ang 2005, Energy Policy 33:867, eq. 3-4):
    L(G1, G0) · ln(x1/x0) for each factor x, which leaves no rest and does not depend on an order of the factors. Where
    a factor is zero or negative, a logarithm does not exist and the factors are replaced one after the other, in the
    order given, instead (also exact). The last factor takes the remainder of rounding.
    """
    before, after = factors(prior), factors(actual)
    served = [number(period, "gross_margin") - number(period, "margin") for period in (prior, actual)]
    gap = cents(number(actual, "margin")) - cents(number(prior, "margin"))
    serving = cents(served[0]) - cents(served[1])
    share = log_mean_shares if min(*before, *after) > 0 else sequential_shares
    amounts = [cents(amount) for amount in share(before, after)]
    amounts[-1] += gap - serving - sum(amounts)
    rows = zip(DRIVERS, amounts, before, after, UNITS, strict=True)
    parts = [Part(name, amount, old, new, unit) for name, amount, old, new, unit in rows]
    return [*parts, Part("Cost to serve", serving, served[0], served[1])]


def waterfall(
    prior: Any, parts: Sequence[Part], actual: Any, target: Any = None, names: tuple[str, str] = ("Before", "Now")
) -> list[tuple[str, Decimal, bool]]:
    """(target →) prior → actual as steps of a waterfall: name, amount to the cent, whether it is a total."""
    first = cents(decimal(prior))
    steps = [(names[0], first, True), *((part.name, part.amount, False) for part in parts)]
    if target is not None:
        aimed = first - cents(decimal(target))
        planned = "Growth aimed at" if aimed < 0 else "Decline allowed for"
        steps = [("Target", cents(decimal(target)), True), (planned, aimed, False), *steps]
    return [*steps, (names[1], cents(decimal(actual)), True)]


def factors(period: Mapping[str, Any]) -> tuple[Decimal, ...]:
    """Customers, orders per customer, revenue per order, gross margin rate; their product is the gross margin.

    A quotient whose denominator is zero is zero, and so is everything behind it.
    """
    chain = [number(period, name) for name in ("customers", "orders", "revenue", "gross_margin")]
    return (chain[0], *(over / under if under else Decimal(0) for under, over in pairwise(chain)))


def log_mean_shares(before: tuple[Decimal, ...], after: tuple[Decimal, ...]) -> list[Decimal]:
    """L(G1, G0) · ln(x1/x0), where L(a, b) = (a − b) / ln(a/b) and L(a, a) = a."""
    whole_before, whole_after = math.prod(before), math.prod(after)
    ratio = (Decimal(whole_after) / Decimal(whole_before)).ln()
    weight = (whole_after - whole_before) / ratio if ratio else Decimal(whole_after)
    return [weight * (new / old).ln() for old, new in zip(before, after)]


def sequential_shares(before: tuple[Decimal, ...], after: tuple[Decimal, ...]) -> list[Decimal]:
    """Replace the factors one after the other; each part is what its replacement changes."""
    steps = [math.prod((*after[:done], *before[done:])) for done in range(len(before) + 1)]
    return [Decimal(later) - Decimal(earlier) for earlier, later in pairwise(steps)]


def build_changes(before: Mapping[Any, Any], after: Mapping[Any, Any], open_month: Any = None) -> list[Part]:
    """Why a figure differs between two builds: what happened to its months. The parts add up to the whole difference.

    before, after: month -> amount in each build. open_month: the month that was not over when the older build was made.
    A month counts as new when it is later than all the older build had; anything else that differs was restated.
    """
    latest = max(before, default=None)
    names = ("New months", "The open month", "Restated months")
    levels = {name: [Decimal(0), Decimal(0)] for name in names}
    for month in before.keys() | after.keys():
        new = latest is None or month > latest
        level = levels[names[0] if new else names[1] if month == open_month else names[2]]
        level[0] += decimal(before.get(month, 0))
        level[1] += decimal(after.get(month, 0))
    return [Part(name, later - earlier, earlier, later) for name, (earlier, later) in levels.items()]


def number(period: Mapping[str, Any], name: str) -> Decimal:
    """A figure of a period, as a decimal; what is missing or not a number counts as zero."""
    value = period.get(name)
    return Decimal(0) if value is None or value != value else decimal(value)


def decimal(value: Any) -> Decimal:
    """Exact where the value is; a float through its shortest text."""
    return value if isinstance(value, Decimal) else Decimal(repr(float(value)))


def cents(amount: Decimal) -> Decimal:
    """Rounded half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)
