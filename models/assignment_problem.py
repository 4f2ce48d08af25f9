"""The channel plan as numbers: what is chosen from, the limits that couple customers, their prices, a pricing pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

CHUNK = 32_768  # customers priced at once: the columns of a chunk stay in the processor's cache
NUDGE = 0.25  # of a contact, or of a ten-thousandth: prices are those of one more, not of one fewer


@dataclass(frozen=True)
class Problem:
    """What n customers choose from, and what is left of the limits.

    worth: (c, n) currency after cost, -inf where not offered, channels from cheap to dear; weight: (n,) how many
    customers each stands for, None = 1; cost: (c,) ten-thousandths; rho: minimum return; held: what fixed contacts earn
    beyond rho times their cost; least: contacts by channel that must be made (only where all are priced at once).
    """

    worth: np.ndarray
    weight: np.ndarray | None
    cost: np.ndarray
    budget: int | None
    room: tuple[int | None, ...]
    rho: float | None
    held: float
    least: tuple[int, ...] | None = None

    @property
    def money(self) -> np.ndarray:
        """(c,) cost of a contact in currency."""
        return self.cost / 10_000

    @property
    def customers(self) -> int:
        """How many customers choose."""
        return self.worth.shape[1] if self.weight is None else int(self.weight.sum())

    def size(self) -> tuple[float, float]:
        """The highest worth of a contact, and by some customers the mean of those that pay; 1 where none does."""
        some = self.worth[:, :: max(1, self.worth.shape[1] // 8_192)]
        paid = some[some > 0]
        return max(float(self.worth.max(initial=0.0)), 1e-9), float(paid.mean()) if paid.size else 1.0

    def part(self, rows: np.ndarray) -> Problem:
        """The same limits over some of the customers."""
        return replace(self, worth=self.worth[:, rows], weight=None if self.weight is None else self.weight[rows])


@dataclass(frozen=True)
class Prices:
    """budget: per unit of currency; capacity: (c,) per contact; roi: weight of the minimum return."""

    budget: float
    capacity: np.ndarray
    roi: float

    def each(self, problem: Problem) -> np.ndarray:
        """(c,) what a contact must earn at these prices, in currency after cost."""
        return ((self.budget + self.roi * (problem.rho or 0.0)) * problem.money + self.capacity) / (1 + self.roi)


def chunks(n: int) -> list[slice]:
    """Consecutive parts of n customers."""
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def choose(worth: np.ndarray, each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int8 choice at channel prices (-1 = nobody, ties to the cheapest), and (n,) its worth after the price."""
    best, at = np.zeros(worth.shape[1]), np.full(worth.shape[1], -1, np.int8)
    for c, price in enumerate(each):
        net = worth[c] - price
        np.copyto(at, np.int8(c), where=net > best)
        np.maximum(best, net, out=best)
    return at, best


def passed(problem: Problem, each: np.ndarray) -> tuple[float, np.ndarray]:
    """One pricing pass: Σ of everybody's best worth after the price, and (c,) contacts chosen."""
    total, counts = 0.0, np.zeros(len(each))
    for part in chunks(problem.worth.shape[1]):
        at, best = choose(problem.worth[:, part], each)
        if problem.weight is None:
            total += float(best.sum())
            counts += [np.count_nonzero(at == c) for c in range(len(each))]
        else:
            weight = problem.weight[part]
            total += float((best * weight).sum())
            counts += [weight[at == c].sum() for c in range(len(each))]
    return total, counts


class Limits:
    """The coupling limits as rows over pricing columns, per customer: A (rows), their right sides, names of prices."""

    def __init__(self, problem: Problem) -> None:
        customers = problem.customers
        self.problem, self.customers = problem, max(customers, 1)
        least = problem.least or (0,) * len(problem.cost)
        self.capped = [c for c, room in enumerate(problem.room) if room is not None and room < customers]
        self.forced = [c for c, some in enumerate(least) if some]
        self.budgeted, self.returned = problem.budget is not None and bool(problem.cost.any()), problem.rho is not None
        right = [(problem.budget or 0) / 10_000] * self.budgeted + [float(problem.room[c] or 0) for c in self.capped]
        right += [-float(least[c]) for c in self.forced] + [problem.held] * self.returned
        self.right = np.array(right) / self.customers
        nudge = [NUDGE / 10_000] * self.budgeted + [NUDGE * (1 + c / 128) for c in self.capped]
        nudge += [0.0] * (len(self.forced) + self.returned)
        self.nudged = self.right + np.array(nudge) / self.customers

    def prices(self, y: np.ndarray) -> Prices:
        """The row prices by name."""
        capacity = np.zeros(len(self.problem.cost))
        first, last = int(self.budgeted), len(y) - int(self.returned)
        capacity[self.capped] = y[first : first + len(self.capped)]
        capacity[self.forced] -= y[last - len(self.forced) : last]
        return Prices(float(y[0]) if self.budgeted else 0.0, capacity, float(y[-1]) if self.returned else 0.0)

    def row(self, prices: Prices) -> np.ndarray:
        """The prices as one row, where no contacts are forced."""
        room = list(prices.capacity[self.capped])
        return np.array([prices.budget] * self.budgeted + room + [prices.roi] * self.returned)

    def column(self, value: float, counts: np.ndarray) -> np.ndarray:
        """What contacts of this worth take of each limit, per customer."""
        spent = float(counts @ self.problem.money)
        more = (self.problem.rho or 0.0) * spent - value
        taken = [*counts[self.capped], *-counts[self.forced]]
        return np.array([spent] * self.budgeted + taken + [more] * self.returned) / self.customers

    def over(self, sample: Problem) -> Limits:
        """The same limits per customer of a sample."""
        limits = Limits(self.problem)
        limits.problem, limits.customers = sample, max(sample.customers, 1)
        return limits

    def scale(self) -> tuple[np.ndarray, np.ndarray]:
        """Highest prices worth trying, and the size of a usual change of each."""
        top, mean = self.problem.size()
        dear = float(self.problem.money.max()) or 1.0
        least = float(self.problem.money[self.problem.cost > 0].min()) if self.problem.cost.any() else 1.0
        most = 1e4 if self.returned else 0.0
        rooms = len(self.capped) + len(self.forced)
        high = [1.01 * top * (1 + most) / least] * self.budgeted + [1.01 * top * (1 + most)] * rooms
        usual = [0.1 * mean / dear] * self.budgeted + [0.1 * mean] * rooms + [0.1] * self.returned
        return np.array(high + [most] * self.returned), np.array(usual)


def distinct(problem: Problem) -> tuple[Problem, np.ndarray] | None:
    """The problem with equal customers as one column each, and (n,) which one; None where few are equal."""
    worth = problem.worth
    mixed = np.zeros(worth.shape[1])
    for c, column in enumerate(worth):
        mixed += np.where(np.isfinite(column), column, 0.577) * np.sqrt(c + 2.0)
    keys, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    if len(keys) * 2 > len(mixed) or not all(np.array_equal(column[first][which], column) for column in worth):
        return None
    weight = np.bincount(which, problem.weight, len(keys)).astype(np.int64)
    return replace(problem, worth=np.ascontiguousarray(worth[:, first]), weight=weight), which
