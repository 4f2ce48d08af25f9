"""What the Partner page says of one partner's figures, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from components import months, words
from data.catalog import Unit

FEW = 10  # partners, below which a share says nothing; customers, below which no sum of what is expected is shown
FEW_OWN = "of customers with no other partner there are too few to tell readers of groups"
PLACES = {"above": "above the middle half", "within": "within the middle half", "below": "below the middle half"}


def called(key: str, name: Any) -> str:
    """'Birch Depot (P0002)'; the key alone where there is no other name."""
    return f"{name} ({key})" if words.known(name) and str(name) != key else key


def span(since: date, until: date, compared: bool) -> str:
    """Which months all figures of the page are of."""
    beside = "beside the 12 before" if compared else "with nothing to compare: the data does not reach back two years"
    return f"All figures: the last complete months, {words.months(since, until)}, {beside}. Filters do not apply here."


def against_before(now: Any, before: Any, unit: Unit, currency: str) -> str:
    """'+9.6 % on the 12 months before (€278.9 k)'."""
    if not words.known(before):
        return "no year before in the data"
    figure, changed = words.figure(before, unit, currency, short=True), words.change(now, before, unit)
    return f"{changed} on the 12 months before ({figure})" if changed else f"12 months before: {figure}"


def against_target(now: Any, aim: Decimal | None, currency: str) -> str:
    """'; €12 k below the target of €318 k', or nothing."""
    if aim is None:
        return ""
    gap = words.exact(now) - aim
    apart, aimed = (words.money(one, currency, short=True) for one in (abs(gap), aim))
    return f"; {apart} {'below' if gap < 0 else 'above'} the target of {aimed}"


def leaving(year: Any, currency: str) -> str:
    """What is at risk if the partner leaves."""
    if not words.known(year["own_customers"]):
        return FEW_OWN
    own, revenue = words.count(year["own_customers"]), words.money(year["own_revenue"], currency, short=True)
    return f"{own} with no other partner; if it left, {revenue} of revenue would be at risk"


def brought(known: Any, currency: str) -> str:
    """What is expected of the customers the partner brought."""
    if known["customers_brought"] < FEW:
        return f"fewer than {FEW}: what is expected of them is not added up"
    if not words.known(known["brought_potential"]):
        return "what is expected of them is not known in this build"
    return f"potential value {words.money(known['brought_potential'], currency, short=True)}: expected, not earned"


def expectation(total: str) -> str:
    """What must be read with the potential value of the customers brought. total: how the value model's total did."""
    known = f" The value model's last test: {total}" if total else " No test of the value model's total is stored."
    return (
        "Brought, in all the data: customers whose first purchase on record went through this partner. Their potential "
        f"value is an expectation; no interval of such a sum is known.{known}"
    )


def trend(changed: str, note: str) -> str:
    """'Revenue +9.6 % on the 12 months before; €12 k below the target of €318 k'."""
    return (f"Revenue {changed} on the 12 months before" if changed else "Revenue month by month") + note


def peers(kind: str, members: int, own_kind: str) -> str:
    """Which partners the band is of."""
    if kind == own_kind:
        return f"{words.count(members)} partners of type {kind}, this one among them"
    return f"{words.count(members)} partners of all types, because too few are of type {own_kind}"


def benchmark(places: Sequence[tuple[str, str]]) -> str:
    """'Above the middle half of peers in revenue and customers, below it in growth'. places: measure, place."""
    said = list[str]()
    for place in ("above", "below"):
        names = [name.lower() for name, one in places if one == place]
        if names:
            half = "the middle half of its peers" if not said else "it"
            said.append(f"{place} {half} in {words.listed(names)}")
    text = ", ".join(said) or "within the middle half of its peers in every measure"
    return text[:1].upper() + text[1:]


def ranked(places: Sequence[tuple[date, int | None, int]], own: bool) -> str:
    """'Place 3 of 99 partners by revenue in the latest three months, place 5 in Oct to Dec 2024'."""
    _, last, of = places[-1]
    among = f"{words.count(of)} partners{' you look after' if own else ''}"
    if last is None:
        return f"No revenue in the latest three months, in which {among} had some"
    month, first, _ = next(one for one in places if one[1] is not None)
    before = f", place {words.count(first)} in {three_months(month)}" if len(places) > 1 else ""
    return f"Place {words.count(last)} of {among} by revenue in the latest three months{before}"


def three_months(month: date) -> str:
    """The three months that begin with this one."""
    return words.months(month, months.shifted(month, 2))


def membership(low: float, high: float, threshold: float = 0.8) -> str:
    """firm, uncertain or out, from the interval of the share held by those ahead."""
    return "firm" if high < threshold else "out" if low >= threshold else "uncertain"


def vital(names: dict[str, str]) -> str:
    """'Firmly among the few partners that hold 80 % of revenue; for gross margin that is uncertain'."""
    said = {
        "firm": "firmly among the fewest partners that hold 80 % of {}",
        "uncertain": "whether it is among the fewest partners that hold 80 % of {} is uncertain",
        "out": "firmly not among the fewest partners that hold 80 % of {}",
    }
    parts = []
    for state in dict.fromkeys(names.values()):
        parts.append(said[state].format(words.listed([name for name, one in names.items() if one == state])))
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def if_it_left(year: Any, margin: bool, currency: str) -> str:
    """What would be at risk, what is not known, and of which customers."""
    if not words.known(year["own_customers"]):
        return f"If it left: {FEW_OWN}."
    revenue = words.money(year["own_revenue"], currency)
    part = f" ({words.share(year['own_revenue'] / year['revenue'])} of its own)" if year["revenue"] > 0 else ""
    earned = f", {words.money(year['own_margin'], currency)} of it gross margin," if margin else ""
    numbers = year["own_customers"], year["customers"] - year["own_customers"]
    own, others = (words.counted(number, "customer") for number in numbers)
    return (
        f"If it left: {revenue} of revenue{part}{earned} came from {own} who bought from no other partner in these "
        f"months. {others} also buy from others; how much of that would stay with them is not known."
    )


def shared(first: str, share: float) -> str:
    """'45.1 % of its customers also buy from Northwind (P0089)'."""
    return f"{words.share(share)} of its customers also buy from {first}"


def categories(rows: Any, currency: str) -> str:
    """Which category brings most."""
    top = rows.iloc[0]
    money = words.money(top["revenue"], currency, short=True)
    among = words.counted(len(rows), "category", "categories")
    return f"Of {among}, {words.safe_text(top['category'], 60)} brings most: {money}"


def offer(row: Any, currency: str, money: bool) -> str:
    """'12 of 20 similar partners sell it, 2.4 times as many as of all partners; …'. money: whether it may be said.

    earns: the category's share of the revenue of those that sell it, at this partner's own revenue.
    """
    text = f"{sellers(row)} similar partners sell it, {words.ratio(row['lift'])} times as many as of all partners"
    amount = earns(row, currency) if money else words.NOT_KNOWN
    if amount == words.NOT_KNOWN:
        return text
    return f"{text}; at the share of revenue that half of those have with it, {amount} a year here"


def sellers(row: Any) -> str:
    """'12 of 20'."""
    return f"{words.count(row['support'])} of {words.count(row['support_of'])}"


def earns(row: Any, currency: str) -> str:
    """'€3.20 k to €9.10 k': the quartiles of what similar partners earn with it, at this partner's revenue."""
    if not words.known(row["earns_low"]):
        return words.NOT_KNOWN
    return " to ".join(words.money(row[name], currency, short=True) for name in ("earns_low", "earns_high"))
