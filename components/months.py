"""Calendar arithmetic of the screens: months, and the periods on offer, from what a build holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

COMPLETE = {"12m": 12, "6m": 6, "3m": 3, "1m": 1}  # so many complete months up to the last one


def offered(manifest: dict) -> list[str]:
    """Every period on offer, the default first."""
    years = range(int(manifest["last_month"][:4]), int(manifest["first_month"][:4]) - 1, -1)
    return [*COMPLETE, "ytd", *map(str, years), "all"]


def window(period: str, manifest: dict) -> tuple[date | None, date | None]:
    """First and last month of a period, never outside the data; two times None is the whole history."""
    first, last = (date.fromisoformat(manifest[name]) for name in ("first_month", "last_month"))
    complete = max(first, date.fromisoformat(manifest["last_complete_month"] or manifest["first_month"]))
    if period == "all":
        return None, None
    if period == "ytd":
        return max(first, complete.replace(month=1)), complete
    if period in COMPLETE:
        return max(first, shifted(complete, 1 - COMPLETE[period])), complete
    return max(first, date(int(period), 1, 1)), min(last, date(int(period), 12, 1))


def earlier(since: date, until: date, how: str, first: date) -> tuple[date, date] | None:
    """The period compared with: the same months a year before, or those just before; None before the data begins."""
    steps = 12 if how == "year" else between(since, until)
    start = shifted(since, -steps)
    return None if start < first or steps < between(since, until) else (start, shifted(until, -steps))


def shifted(month: date, steps: int) -> date:
    """The first of the month so many months later."""
    index = month.year * 12 + month.month - 1 + steps
    return date(index // 12, index % 12 + 1, 1)


def between(since: date, until: date) -> int:
    """How many months from one to the other, both included."""
    return (until.year - since.year) * 12 + until.month - since.month + 1


def each(since: date, until: date) -> list[date]:
    """Every month from one to the other, both included."""
    return [shifted(since, step) for step in range(between(since, until))]


def aim(aims: Mapping[str, Decimal], since: date, until: date, adds_up: bool = True) -> Decimal | None:
    """What was aimed at in these months; None where one of them has no target.

    aims: by year, as 2026, or month, as 2026-03; a month without its own counts a twelfth of its year's. Of a share
    or a ratio, which does not add up, the latest one counts.
    """
    span = each(since, until)
    if not adds_up:
        return aims.get(f"{span[-1]:%Y-%m}", aims.get(f"{span[-1]:%Y}"))
    monthly = {f"{month:%Y-%m}": aims[f"{month:%Y}"] / 12 for month in span if f"{month:%Y}" in aims} | dict(aims)
    names = [f"{month:%Y-%m}" for month in span]
    return sum((monthly[name] for name in names), Decimal(0)) if monthly.keys() >= set(names) else None
