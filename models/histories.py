"""Histories of purchases: how often, until when and how long a customer was watched, equal ones counted once.

One transaction is a customer and a day: orders of one day merge. x counts repeat days, so the first day is no x.
t_x is the time from the first to the last day and T from the first day to the cut-off, in weeks of seven days, never
rounded (rounding to weeks biases the purchase models).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WEEK = 7.0  # days


@dataclass(frozen=True)
class Histories:
    """Distinct histories, sorted by (x, T, t_x), and how many customers have each.

    x: (rows,) whole numbers. t_x, T: (rows,) weeks, or whatever unit they came in. counts: (rows,) customers, may be
    fractions. customers: their sum.
    """

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.x)

    @property
    def customers(self) -> float:
        return float(self.counts.sum())

    def mean(self, column: np.ndarray) -> float:
        """Mean over customers of a column with one value a row."""
        return float((self.counts * column).sum()) / self.customers

    def sample(self, customers: int) -> Histories:
        """Every k-th customer in the order of the rows, weighted up to all: nothing is drawn, nothing can differ."""
        if len(self) <= customers:
            return self
        ends = np.cumsum(self.counts)
        places = (np.arange(customers) + 0.5) * (ends[-1] / customers)
        row, often = np.unique(np.searchsorted(ends, places, side="right"), return_counts=True)
        return Histories(self.x[row], self.t_x[row], self.T[row], often * (ends[-1] / customers))

    def ages(self) -> Histories:
        """Distinct (x, T), with t_x = 0: all that a model without dropout looks at."""
        first = np.flatnonzero(np.r_[True, (np.diff(self.x) != 0) | (np.diff(self.T) != 0)][: len(self)])
        return Histories(self.x[first], np.zeros(len(first)), self.T[first], np.add.reduceat(self.counts, first))


def from_days(
    customer: np.ndarray, day: np.ndarray, end: object
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Keys, x, t_x and T (weeks) of every customer who bought until the cut-off.

    customer: (orders,) keys. day: (orders,) datetime64 of any resolution; the time of day is dropped. end: the last
    day that was watched, anything numpy.datetime64 takes. Later orders are left out. Sorted by key.
    """
    day = np.asarray(day).astype("datetime64[D]").astype(np.int64)
    last = np.datetime64(end, "D").astype(np.int64)  # type: ignore[call-overload]
    seen = day <= last
    keys, code = np.unique(np.asarray(customer)[seen], return_inverse=True)
    if not len(keys):
        return keys, np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
    first = day[seen].min()
    days = np.unique(code * (last - first + 1) + (day[seen] - first))
    who, when = np.divmod(days, last - first + 1)
    start = np.flatnonzero(np.r_[True, np.diff(who) > 0])
    stop = np.r_[start[1:], len(who)] - 1
    x = stop - start
    return keys, x, (when[stop] - when[start]) / WEEK, (last - first - when[start]) / WEEK


def checked(x: object, t_x: object, T: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three columns as numbers of one shape, or a sentence that says what cannot be."""
    columns = [np.atleast_1d(np.asarray(column, dtype=float)) for column in (x, t_x, T)]
    often, recency, age = np.broadcast_arrays(*columns)
    with np.errstate(invalid="ignore"):
        possible = (often >= 0) & (often == np.floor(often)) & (recency >= 0) & (recency <= age) & np.isfinite(age)
        possible &= (often < 2**31) & ((often > 0) | (recency == 0))
    if not possible.all():
        wrong = np.flatnonzero(~possible)
        raise ValueError(
            f"{len(wrong):,} of {possible.size:,} histories cannot happen (first at row {wrong[0]}): x must be a whole "
            "number, t_x must not exceed T, and t_x must be 0 without a repeat purchase."
        )
    return often.astype(np.int64), recency, age


def grouped(x: object, t_x: object, T: object, counts: object = None) -> Histories:
    """Equal histories become one row. x, t_x, T: (customers,). counts: (customers,) how many each stands for."""
    often, recency, age = checked(x, t_x, T)
    if not often.size:
        raise ValueError("There is no history to learn from: give at least one customer.")
    weight = None if counts is None else np.asarray(counts, dtype=float)
    if weight is not None and (weight.shape != often.shape or not (weight > 0).all()):
        raise ValueError("counts must be one positive number for each history.")
    if weight is None and (packed := pack(often, recency, age)) is not None:
        key, base = packed
        key.sort()
        first = np.flatnonzero(np.r_[True, np.diff(key) != 0])
        rest, tail = np.divmod(key[first].astype(np.int64), base)
        often, whole = np.divmod(rest, base)
        return Histories(often, tail / WEEK, whole / WEEK, np.diff(np.r_[first, len(key)]).astype(float))
    order = np.lexsort((recency, age, often))
    often, recency, age = often[order], recency[order], age[order]
    new = np.r_[True, (np.diff(often) != 0) | (np.diff(recency) != 0) | (np.diff(age) != 0)]
    first = np.flatnonzero(new)
    ordered = np.ones(len(order)) if weight is None else weight[order]
    return Histories(often[first], recency[first], age[first], np.add.reduceat(ordered, first))


def pack(x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, int] | None:
    """One sortable whole number a history when times are whole days, which sorts many times faster; else nothing."""
    days, age = np.rint(t_x * WEEK), np.rint(T * WEEK)
    base = int(age.max()) + 1
    largest = (int(x.max()) + 1) * base * base
    if largest >= 2**62:
        return None
    # dividing by the week gives the same bits back only if that is how the weeks were made
    if not (np.array_equal(days / WEEK, t_x) and np.array_equal(age / WEEK, T)):
        return None
    key = (x * base + age.astype(np.int64)) * base + days.astype(np.int64)
    return key.astype(np.int32 if largest < 2**31 else np.int64), base
