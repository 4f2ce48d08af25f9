"""When a customer has paid back what was spent on them: contribution less cost, added up event by event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd

STEP = Decimal("0.0001")  # the smallest amount the ledger holds


@dataclass(frozen=True)
class Payback:
    """at: the moment from which the running total stays at zero or above; None when it ends below zero.

    was_below: whether it ever was below zero. ends: the total after the last event, currency.
    """

    at: datetime | None
    was_below: bool
    ends: Decimal


def running(events: pd.DataFrame) -> pd.DataFrame:
    """Running total of margin less cost: one row a moment, columns occurred_at and total (Decimal, currency).

    events: occurred_at, margin, cost; in any order. Added up in decimals, so the end equals the ledger's to the cent.
    """
    steps: dict[datetime, Decimal] = {}
    ordered = events.sort_values("occurred_at", kind="stable")
    for at, margin, cost in zip(ordered["occurred_at"], ordered["margin"], ordered["cost"]):
        steps[at] = steps.get(at, Decimal(0)) + decimal(margin) - decimal(cost)
    total, totals = Decimal(0), []
    for amount in steps.values():
        total += amount
        totals.append(total)
    return pd.DataFrame({"occurred_at": list(steps), "total": pd.Series(totals, dtype=object)})


def payback(run: pd.DataFrame) -> Payback:
    """When a running total, as `running` gives it, came out of the red for good."""
    below = [total < 0 for total in run["total"]]
    ends = run["total"].iloc[-1] if len(run) else Decimal(0)
    if not any(below):
        return Payback(run["occurred_at"].iloc[0] if len(run) else None, False, ends)
    last_below = len(below) - 1 - below[::-1].index(True)
    at = run["occurred_at"].iloc[last_below + 1] if last_below + 1 < len(below) else None
    return Payback(at, True, ends)


def decimal(value: Any) -> Decimal:
    """An amount of the ledger, which has four decimals, whatever type it arrives in; what is missing is nothing."""
    return Decimal(0) if pd.isna(value) else Decimal(str(value)).quantize(STEP)
