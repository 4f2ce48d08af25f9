"""What a channel plan says in words: its value, what holds it back, what one more would earn, how far from the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal
from typing import Any

from components import words

UNPROVEN = "expected, unproven"
BUDGET, RETURN = "budget", "least_roi"
TESTED, GOES = "tested", "goes along with"
REASONS = {  # what the solver says of each customer, as a table says it
    "best channel": "The best of its channels",
    "cheaper because of the budget": "A cheaper one, the budget is better used elsewhere",
    "another because the best is full": "Another one, because the best is full",
    "another because of the minimum return": "Another one, because of the least return",
    "no channel pays": "No contact pays",
    "nothing allowed": "No contact is allowed",
    "left out: budget": "No contact: the budget is better used elsewhere",
    "left out: capacity": "No contact: the channel is full",
    "left out: minimum return": "No contact, because of the least return",
    "locked": "Locked by a person",
    "explored": "Drawn by lot, to learn from",
}
LEAST = 10  # customers: of fewer, readers of groups are told no number


def told(number: int, groups: bool) -> str:
    """A number of customers; readers of groups are not told one below ten."""
    return f"fewer than {LEAST}" if groups and 0 < number < LEAST else words.count(number)


def withheld(numbers: Sequence[int], groups: bool = True) -> list[bool]:
    """Which numbers of customers readers of groups are not told: those below ten, and as many more, the smallest first,
    as it takes that no total gives a small one away."""
    if not groups:
        return [False] * len(numbers)
    hidden = [0 < number < LEAST for number in numbers]
    rest = sorted((number, at) for at, number in enumerate(numbers) if number >= LEAST)
    while any(hidden) and rest and (sum(hidden) < 2 or total(numbers, hidden) < LEAST):
        hidden[rest.pop(0)[1]] = True
    return hidden


def total(numbers: Sequence[int], hidden: Sequence[bool]) -> int:
    """The sum of those that are hidden."""
    return sum(number for number, one in zip(numbers, hidden, strict=True) if one)


def title(value: float, contacts: int, currency: str, groups: bool = False, observed: bool = False) -> str:
    """'The plan is expected to earn €12.3 k more than nobody contacted, from 3,200 contacts (expected, unproven)'.

    observed: nothing was ever tested, so that nothing may be said of what contacts change.
    """
    if not contacts:
        return "Contacting nobody is the best plan under these terms"
    number = f"{told(contacts, groups)} contact{'' if contacts == 1 else 's'}"
    money = words.money(abs(value), currency, short=True)
    side = "more" if value >= 0 else "less"
    if observed:
        above = "above" if value >= 0 else "below"
        return f"{number[:1].upper()}{number[1:]} go along with {money} of margin {above} their cost ({UNPROVEN})"
    return f"The plan is expected to earn {money} {side} than nobody contacted, from {number} ({UNPROVEN})"


def binding(named: Sequence[str | int], labels: Sequence[str]) -> str:
    """Which terms hold the plan back: 'The budget and the capacity of Teleservice hold the plan back.'"""
    return held_by([one if isinstance(one, str) else labels[one] for one in named], {})


def held_by(named: Sequence[str], labels: Mapping[str, str]) -> str:
    """The same, where channels are named by their keys. labels: key -> label."""
    terms = {BUDGET: "the budget", RETURN: "the least return asked for"}
    texts = [terms.get(one) or f"the capacity of {words.safe_text(labels.get(one, one), 60)}" for one in named]
    if not texts:
        return "Neither the budget nor a capacity holds the plan back: everybody gets the best of their channels."
    said = words.listed(texts)
    return f"{said[0].upper()}{said[1:]} {'hold' if len(texts) > 1 else 'holds'} the plan back."


def gap(relative: float) -> str:
    """How far below the best possible plan this one can lie, at most, in words."""
    if relative <= 0:
        return "No plan under these terms is expected to earn more."
    percent = (Decimal(repr(float(relative))) * 100).quantize(Decimal("0.0001"), ROUND_UP).normalize()
    if percent > Decimal("0.01"):
        percent = percent.quantize(Decimal("0.01"), ROUND_UP)
    return f"The plan is at most {percent:f}{words.NARROW}% below the best that is possible under these terms."


def prices(plan: Any, labels: Sequence[str], currency: str, basis: Sequence[str]) -> list[str]:
    """What one more of each term would earn, a sentence each; a term with room to spare earns nothing more."""
    money = {"budget": plan.prices.budget, "capacity": dict(enumerate(plan.prices.capacity))}
    return earning(money, dict(enumerate(labels)), currency, dict(enumerate(basis)))


def earning(prices: Mapping[str, Any], labels: Mapping[Any, str], currency: str, basis: Mapping[Any, str]) -> list[str]:
    """The same of prices by name. prices: of the budget, and of the capacity of each channel. basis: of each channel.

    Of a channel that was never tested, and of the budget where none was, nothing is said of what contacts change.
    """
    said, earns = [], "earns" if TESTED in basis.values() else GOES
    if prices["budget"] > 0:
        said.append(f"One more {named(currency)} of budget {earns} {words.money(prices['budget'], currency)}.")
    for key, price in prices["capacity"].items():
        if price > 0:
            label = labels.get(key, str(key))
            name = words.safe_text(label[:1].lower() + label[1:], 60)
            earns = "earns" if basis.get(key) == TESTED else GOES
            said.append(f"One more {name} contact {earns} {words.money(float(price), currency)}.")
    return said


def named(currency: str) -> str:
    """What one unit of money is called in a sentence."""
    return {"EUR": "euro", "USD": "dollar", "GBP": "pound"}.get(currency, currency or "unit")


def between(low: float, high: float, currency: str) -> str:
    """'€1.20 to €3.40'."""
    return f"{words.money(low, currency)} to {words.money(high, currency)}"


def worth(channel: str, found: Any, tested: int, currency: str) -> str:
    """What the random tests of a channel say of the customers whom this plan would reach, or why they say nothing."""
    name = words.safe_text(channel, 60)
    if not tested:
        return f"Nobody was held out in a random test of {name}: nothing is proven of it."
    if not found.enough:
        return (
            f"The random tests of {name} say too little: of {words.counted(tested, 'tested customer')} only "
            f"{words.count(int(found.effective))} count where at least 200 must."
        )
    sign = "more" if found.value >= 0 else "less"
    return (
        f"In the random tests of {name}, customers whom this plan would reach earned "
        f"{words.money(abs(found.value), currency)} {sign} each than those held out, after the contact's cost "
        f"(95 % interval {between(found.low, found.high, currency)}; {words.counted(tested, 'tested customer')}, "
        f"{words.count(int(found.effective))} of them count)."
    )
