"""Groups of customers who buy alike, if there are any, numbered so that a number keeps its meaning for a year."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

CONTINUUM, ONCE = "slices of a continuum", "one-time buyers"
SMALLEST_SPEND = 0.01  # of the median; less counts as so much, so that a logarithm exists
MEASURES = ("days between orders", "days since the last order", "order days", "spend on an order day")


@dataclass(frozen=True)
class Groups:
    """names: (customers,) profile of each. model: of those who bought twice, None when there are too few.

    k: groups, 0 for a continuum. start, moved: the day whose groups gave the numbers, and how many customers went from
    each of them (row) to each of today's (column); None without enough customers then.
    """

    names: np.ndarray
    model: Any = None
    k: int = 0
    start: date | None = None
    moved: np.ndarray | None = None


def find(found: pd.DataFrame, start: date, then: Callable[[], pd.DataFrame]) -> Groups:
    """Groups among those with two order days at least; then: the same columns as known at the day `start`."""
    from models.clusters import LEAST, Clusters

    again = found["purchases"].to_numpy() > 1
    names = np.where(again, CONTINUUM, ONCE).astype(object)
    if again.sum() < LEAST:
        return Groups(names)
    values = measured(found[again])
    model = Clusters().fit(values)
    if not model.k_:
        return Groups(names, model)
    earlier = then()
    earlier = earlier[earlier["purchases"] > 1]
    moved = None
    if len(earlier) >= LEAST:
        old = measured(earlier)
        before = model.alike(old)
        model.follow(before)
        moved = migration_of(earlier, before.predict(old), found[again], model.predict(values))
    names[again] = np.array([f"profile {number + 1}" for number in range(model.k_)], dtype=object)[
        model.predict(values)
    ]
    return Groups(names, model, model.k_, start if moved is not None else None, moved)


def measured(found: pd.DataFrame) -> np.ndarray:
    """(customers, 4) logarithms of what MEASURES says, of customers with two order days at least."""
    spend = found["spend"].to_numpy(float)
    least = SMALLEST_SPEND * max(float(np.median(spend)), SMALLEST_SPEND)
    mean_gap = found["t_x"] / (found["purchases"] - 1)
    return np.column_stack(
        [np.log(mean_gap), np.log1p(found["since"]), np.log(found["purchases"]), np.log(np.maximum(spend, least))]
    )


def migration_of(earlier: pd.DataFrame, before: np.ndarray, now: pd.DataFrame, after: np.ndarray) -> np.ndarray:
    """How many customers went from each group to each, of those in both."""
    from models.clusters import migration

    old = pd.Series(before, index=earlier["customer_id"])
    both = pd.DataFrame({"before": now["customer_id"].map(old).to_numpy(), "after": after}).dropna()
    return migration(both["before"].to_numpy(np.int64), both["after"].to_numpy(np.int64))
