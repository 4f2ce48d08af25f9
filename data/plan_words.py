"""A channel plan in words, for the command line: what it is worth, what it costs, what binds it, whom it leaves out."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from data.plan import OUT, REFUSALS, REFUSED, WHOLLY
from data.plan_policy import UNIT
from data.plan_rows import DRAWN, UNPROVEN, Outcome
from data.plan_worth import Worth

SMALL = 5e-7  # of the best possible: below it nothing can be seen


def told(done: Outcome, measured: list[Worth], currency: str, with_journal: bool) -> list[str]:
    """The lines that a person reads."""
    money = currency or "unit of money"
    lines = [*head(done, money, with_journal), "", *by_channel(done), "", *earning(done, money), ""]
    return [*lines, *worths(done, measured, money), "", *nobody(done)]


def head(done: Outcome, money: str, with_journal: bool) -> Iterator[str]:
    """Whom it is about, what it is expected to bring, and how far from the best it may be."""
    found, plan, policy = done.found, done.plan, done.policy
    channels = f"{len(found.channels)} channel{'' if len(found.channels) == 1 else 's'}"
    yield f"{len(found):,} customers, {channels}, consent for {policy.purpose!r}"
    if not with_journal:
        yield "No journal is known: exports of campaigns, locks and releases are not taken into account"
    for code, reason in enumerate(WHOLLY):
        if code and (number := int((found.out == code).sum())):
            yield f"  {number:,} in no plan: {reason}. {OUT[reason]}"
    yield f"Value   {plan.value:,.2f} {money} a month, {UNPROVEN}"
    yield f"Bound   {plan.bound:,.2f} {money}: this plan is {gap_words(plan.gap)}"
    limit = "" if policy.budget is None else f" of {policy.budget:,.2f}"
    yield f"Spend   {done.spent:,.2f}{limit} {money} for {int(plan.contacts.sum()):,} contacts"
    rate = f", at a cost of {found.current_cost:,.2f} {money}" if found.current_cost else ""
    yield f"At present {int(found.current_contacts.sum()):,} contacts in the last 30 days of the data{rate}"
    drawn = [int(((done.drawn == code) & (found.out == 0)).sum()) for code in range(len(DRAWN))]
    yield (f"By chance, so that the next plan learns: {drawn[1]:,} without a contact, {drawn[2]:,} with a channel; "
           f"locked: {drawn[3]:,}")  # fmt: skip


def by_channel(done: Outcome) -> Iterator[str]:
    """Contacts, use of capacity and cost of each channel."""
    found, plan = done.found, done.plan
    yield f"{'channel':16}{'contacts':>10}{'capacity':>10}{'used':>8}{'cost':>14}{'at present':>12}  figures from"
    for at, (channel, limit) in enumerate(zip(found.channels, found.capacity(done.policy), strict=True)):
        number = int(plan.contacts[at])
        use = "" if limit is None else f"{number / limit:.0%}" if limit else "-"
        figures = {"tested": "contacts drawn at random", "unproven": "answers and margin, unproven"}
        yield (
            f"{channel.name[:15]:16}{number:>10,}{'no limit' if limit is None else f'{limit:,}':>10}{use:>8}"
            f"{number * channel.unit_cost:>14,.2f}{int(found.current_contacts[at]):>12,}  "
            f"{figures.get(found.basis[at], 'nothing known')}"
        )


def earning(done: Outcome, money: str) -> Iterator[str]:
    """What the next unit of each limit earns, and which limits bind."""
    found, prices = done.found, done.plan.prices
    earns = "earns" if "tested" in found.basis else "goes along with"  # nothing tested, nothing said of what causes it
    if done.policy.budget is not None:
        yield f"One more {money} of budget {earns} {prices.budget:,.2f} {money} ({UNPROVEN})"
    rooms = zip(found.channels, prices.capacity, found.capacity(done.policy), found.basis, strict=True)
    for channel, price, limit, basis in rooms:
        earns = "earns" if basis == "tested" else "goes along with"
        if limit is not None and price > 0:
            yield f"One more contact by {channel.label} {earns} {price:,.2f} {money} ({UNPROVEN})"
    labels = {channel.name: channel.label for channel in found.channels}
    names = {"budget": "the budget", "least_roi": "the least return"}
    binding = [names.get(name) or f"the capacity of {labels[name]}" for name in map(done.name_of, done.plan.binding)]
    yield f"What binds: {', '.join(binding) or 'nothing; every contact that pays is made'}"


def worths(done: Outcome, measured: list[Worth], money: str) -> Iterator[str]:
    """What was measured on customers drawn at random, by channel."""
    if not measured:
        yield "No channel was tested with customers held out at random, so nothing here is proven."
    labels = {channel.name: channel.label for channel in done.found.channels}
    for one in measured:
        value, label = one.value, labels[one.channel]
        if math.isfinite(value.value):
            yield f"{label}: a contact of this plan is worth {value.value:,.2f} {money} after its cost"
            yield f"  {value.low:,.2f} to {value.high:,.2f} (95 %), from {one.rows:,} customers drawn at random"
        else:
            yield f"{label}: not measured, for this plan would contact too few of the customers drawn at random"
            yield f"  as good as {value.effective:,.0f} of {one.tested:,}; 200 are needed"


def nobody(done: Outcome) -> Iterator[str]:
    """Whom the plan does not contact and why, and why channels were closed to customers."""
    found, plan = done.found, done.plan
    inside = found.out == 0
    left = inside & (plan.channel < 0)
    yield f"Nobody contacts {int(left.sum()):,} customers:"
    for code, reason in enumerate(done.reasons):
        if number := int((left & (plan.reason == code)).sum()):
            yield f"  {number:,} {reason}"
    if found.refusal[inside].any():
        yield "Closed to customers:"
    for at, channel in enumerate(found.channels):
        counts = np.bincount(found.refusal[inside, at], minlength=len(REFUSALS))
        said = [f"{number:,} {REFUSED[code]}" for code, number in enumerate(counts) if code and number]
        if said:
            yield f"  {channel.label}: {', '.join(said)}"


def gap_words(gap: float) -> str:
    """How far a plan may be from the best one, rounded up."""
    if gap < SMALL:
        return "as good as the best possible"
    return f"at most {math.ceil(gap * UNIT) / 100:.2f} % below the best possible"


def plainly(text: str) -> str:
    """A message with a sentence's end."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
