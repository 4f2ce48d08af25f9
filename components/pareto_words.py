"""Every sentence of the page about concentration, from figures alone: what may be said, and what is said instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components import words
from data.view import SMALLEST_GROUP

LEAST = 10
MEASURES = {"revenue": "revenue", "gross_margin": "gross margin"}


@dataclass(frozen=True)
class Subject:
    """What is ranked. dimension: of the ledger; one, many: what members are called."""

    dimension: str
    one: str
    many: str


SUBJECTS = {
    "Partners": Subject("partner_id", "partner", "partners"),
    "Customers": Subject("customer_id", "customer", "customers"),
    "Categories": Subject("category", "category", "categories"),
    "Managers": Subject("manager_id", "manager", "managers"),
}


def number(subject: Subject, amount: int) -> str:
    """'1 partner', '99 partners'."""
    return words.counted(amount, subject.one, subject.many)


def part(value: float) -> str:
    """A share of members or of money: '25 %', '4.7 %'."""
    return words.share(value, 0 if value >= 0.0995 else 1)


def finding(subject: Subject, measure: str, side: Any, threshold: float, currency: str) -> str:
    """The title: '25 % of partners (25 of 99) bring 80 % of revenue', or why nothing of the kind can be said."""
    what, members = MEASURES[measure], side.members
    if not members:
        return f"No {subject.one} is on record here"
    money = words.money(side.largest_amount, currency, short=True)
    if members == 1:
        return f"There is one {subject.one}, so there is nothing to share: it brings {money} of {what}"
    if not side.positive:
        return f"No {subject.one} brings {what} above zero: there are no shares to tell"
    if side.equal:
        return f"No few: all {number(subject, members)} bring the same {what}, {money} each"
    if not side.enough:
        return f"Only {number(subject, side.rated)}: a share of so few says nothing that would hold"
    verb = "brings" if side.vital == 1 else "bring"
    few = f"{part(side.vital_share)} of {subject.many} ({words.count(side.vital)} of {words.count(side.rated)})"
    return f"{few} {verb} {words.share(threshold, 0)} of {what}"


def told(side: Any) -> bool:
    """Whether percentages are told at all."""
    return side.enough and side.positive > 0


def why_no_shares(subject: Subject, side: Any) -> str:
    """What is shown instead of percentages; empty where they are told."""
    if told(side) or not side.members:
        return ""
    if side.positive and side.members > 1:
        return f"Fewer than {LEAST} {subject.many} get no percentages: ranks and money are shown."
    return "Ranks and money are shown, without percentages."


def ties(subject: Subject, side: Any, currency: str) -> str:
    """That all who equal the last one needed are in; empty where nobody does."""
    if not told(side) or side.equal or not side.ties:
        return ""
    last = words.money(side.last_amount, currency)
    return (
        f"Equal at the border: the last {subject.one} needed brings {last}, and all who bring exactly that are in, "
        f"{words.count(side.ties)} more than needed."
    )


def below_zero(subject: Subject, measure: str, side: Any, currency: str) -> str:
    """Who is shown but takes no part in shares."""
    if not side.negative:
        return ""
    money, verb = words.money(side.negative_total, currency, short=True), "is" if side.negative == 1 else "are"
    who = f"{number(subject, side.negative)} with {MEASURES[measure]} below zero ({money} in all) {verb}"
    if not told(side):
        return f"{who} shown below."
    rest = words.money(side.positive_total, currency, short=True)
    return f"{who} shown below and left out of shares, which are of the {rest} above zero."


def at_zero(subject: Subject, measure: str, side: Any) -> str:
    """That who brings exactly nothing is counted."""
    if not side.nothing:
        return ""
    verbs = ("brings", "counts") if side.nothing == 1 else ("bring", "count")
    return f"{number(subject, side.nothing)} {verbs[0]} exactly zero {MEASURES[measure]} and still {verbs[1]}."


def passes(subject: Subject, measure: str, side: Any) -> str:
    """That a curve is above its end before it comes back."""
    if not told(side) or not side.negative or not side.peak > 1:
        return ""
    return (
        f"The curve of {MEASURES[measure]} passes 100 %: {words.share(side.peak)} after "
        f"{number(subject, side.peak_rank)}, then those below zero bring it back to 100 %."
    )


def no_curve(measure: str, side: Any) -> str:
    """That there is no total of which a curve could be a share."""
    if not told(side) or side.total > 0:
        return ""
    return f"There is no curve of {MEASURES[measure]}: in all it is not above zero."


def unknown(subject: Subject, measure: str, money: float, side: Any, currency: str) -> str:
    """What belongs to no member, and that both together are the ledger's figure."""
    if not round(money, 2):
        return ""
    if not side.members:
        return f"{words.sentence(MEASURES[measure])} of {words.money(money, currency)} has no {subject.one}."
    apart, own, whole = (words.money(value, currency) for value in (money, side.total, money + side.total))
    return (
        f"{words.sentence(MEASURES[measure])} of {apart} has no {subject.one}: it is in no share. "
        f"With the {own} of {number(subject, side.members)} it makes {whole}, as in the ledger."
    )


def merged(rows: Sequence[tuple[str, str]]) -> str:
    """Former keys and those they go on under."""
    if not rows:
        return ""
    pairs = words.listed([f"{old} goes on as {new}" for old, new in rows[:5]])
    more = f", and {len(rows) - 5} more" if len(rows) > 5 else ""
    return f"{pairs}{more}: counted together."


def same_name(rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Names that several partners share."""
    if not rows:
        return ""
    said = words.listed([f"{len(keys)} partners are called {name} ({', '.join(keys[:4])})" for name, keys in rows[:3]])
    more = f", and so on for {words.counted(len(rows) - 3, 'more name')}" if len(rows) > 3 else ""
    return f"{said}{more}: counted apart. If they are one, the column merged_into of the feed partners makes them one."


def few_card(subject: Subject, measure: str, side: Any, threshold: float) -> tuple[str, str, str]:
    """Label, figure and note of the card for one measure."""
    what = MEASURES[measure]
    label = f"{words.sentence(subject.many)} for {words.share(threshold, 0)} of {what}"
    apart = f"{number(subject, side.negative)} below zero" if side.negative else "none below zero"
    if not told(side):
        return f"{words.sentence(subject.many)} by {what}", words.count(side.members), apart
    held = f"they hold {words.share(side.held)}"
    figure = f"{words.count(side.vital)} of {words.count(side.rated)}"
    return label, figure, f"{part(side.vital_share)} of {subject.many}; {held}; {apart}"


def effective(subject: Subject, side: Any, name: str, currency: str) -> tuple[str, str]:
    """Figure and note of the card about concentration as a whole."""
    money = words.money(side.largest_amount, currency, short=True)
    if not told(side):
        return words.NOT_KNOWN, f"{f'the largest is {name} with {money}; ' if side.members else ''}too few for shares"
    note = f"so many equal {subject.many} would be as concentrated; HHI {words.count(side.hhi)}, Gini {side.gini:.2f}"
    holds = (
        f"the largest fifth holds {words.share(side.top_fifth)}, the largest, {name}, {words.share(side.largest_share)}"
    )
    return words.ratio(side.effective_number), f"{note}; {holds}"


def sure(subject: Subject, found: Any, side: Any) -> str:
    """How surely the vital few are the vital few."""
    if not found.inside and not found.outside:
        return f"All {words.count(found.firm)} are firm: with other orders of the same demand they would be in, too."
    return (
        f"{words.count(found.firm)} of the {words.count(side.vital)} are firm: in at least 95 % of redrawn orders they "
        f"are in. In, but uncertain: {words.count(found.inside)}; also uncertain and just outside: "
        f"{words.count(found.outside)}."
    )


def drift(before: int, left: int, entered: int, period: str) -> str:
    """How many of the earlier vital few remain."""
    return (
        f"Of the {words.count(before)} vital few of {period}, {words.count(before - left)} remain; "
        f"{words.count(left)} left and {words.count(entered)} entered"
    )


def firm_before(firm: int, stayed: int) -> str:
    """What became of those who were firm a year before."""
    return f"Of the {words.count(firm)} firm a year before, {words.count(stayed)} are still in."


def names(found: Sequence[str], number: int) -> str:
    """'A, B and 3 more': the first of so many."""
    if not number:
        return "nobody"
    more = [f"{words.count(number - len(found))} more"] if number > len(found) else []
    return words.listed([*found, *more])


def big_but(subject: Subject, called: Sequence[str], top: int) -> str:
    """Who sells much and earns little."""
    if not called:
        return f"None of the first {words.count(top)} by revenue earns less than half the usual margin"
    return f"Big but earning little: {names(called[:3], len(called))}"


def moved(climbed: int, fell: int, top: int) -> str:
    """How many of the first changed their place for good."""
    if not climbed and not fell:
        return f"None of the first {words.count(top)} climbed or fell by five places or more"
    up, down = (words.count(some) if some else "nobody" for some in (climbed, fell))
    return f"Of the first {words.count(top)}, {up} climbed by five places or more and {down} fell as far"


def own_customers(name: str, row: Any, what: str, currency: str) -> str:
    """How many of a partner's customers bought from no other one; readers of groups are not told of few."""
    some = words.count(row["own_customers"]) if words.known(row["own_customers"]) else f"fewer than {SMALLEST_GROUP}"
    return (
        f"{MEASURES[what]}: {some} of the {words.counted(row['customers'], 'customer')} of {name} bought from no other "
        f"partner; in all it brings {words.money(row[what], currency, short=True)}"
    )


def without(name: str, row: Any, side: Any, subject: Subject, measure: str, threshold: float, currency: str) -> str:
    """What the concentration would be without one member."""
    money = words.money(row["amount"], currency, short=True)
    start = f"Without {name}, {money} of {MEASURES[measure]} is gone"
    if not told(side) or row["rated"] < LEAST:
        return f"{start}; {words.money(row['total'], currency, short=True)} stays."
    few = f"{words.count(row['vital'])} of {words.count(row['rated'])} ({part(row['vital_share'])})"
    return (
        f"{start}: {few} instead of {words.count(side.vital)} would bring {words.share(threshold, 0)} of the rest, "
        f"the effective number would be {words.ratio(row['effective_number'])} instead of "
        f"{words.ratio(side.effective_number)}, and the largest would hold {words.share(row['largest_share'])}."
    )
