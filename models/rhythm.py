"""A customer's own purchase rhythm: the days from one order day to the next, and when another would be usual."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

LEAST_GAPS = 3  # fewer gaps are no rhythm


@dataclass(frozen=True)
class Rhythm:
    """order_days: different days with an order. since: days from the last one to the end of the data.

    usual, short, long: median, 10th and 90th percentile of the gaps between order days, in days; None if too few.
    """

    order_days: int
    last: date
    since: int
    usual: float | None = None
    short: float | None = None
    long: float | None = None

    @property
    def window(self) -> tuple[date, date] | None:
        """First and last day on which the next order would be usual for this customer."""
        if self.short is None or self.long is None:
            return None
        return self.last + timedelta(days=int(self.short)), self.last + timedelta(days=int(np.ceil(self.long)))

    @property
    def late(self) -> bool:
        """Whether the window had passed without an order when the data ended."""
        return self.long is not None and self.since > self.long


def rhythm(days: Iterable[date], as_of: date) -> Rhythm | None:
    """The rhythm of one customer. days: the days of the orders, in any order, repeated or not. None without an order.

    Several orders on a day are one: a transaction is a customer and a day (Fader, Hardie & Lee 2005, Marketing
    Science 24:275).
    """
    ordered = sorted(set(days))
    if not ordered:
        return None
    gaps = [(later - earlier).days for earlier, later in pairwise(ordered)]
    # rounded: the last bits would make a day of difference where a percentile is a whole number
    spread = np.quantile(gaps, (0.5, 0.1, 0.9)).round(6) if len(gaps) >= LEAST_GAPS else ()
    return Rhythm(len(ordered), ordered[-1], (as_of - ordered[-1]).days, *map(float, spread))
