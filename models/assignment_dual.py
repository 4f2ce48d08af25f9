"""The prices of budget, capacities and minimum return, and the dual bound they prove.

Prices come from cutting planes: each pricing pass (every customer's best choice at given prices) gives a cut, and a
small linear program over the cuts, solved by the simplex method (Dantzig and Wolfe 1960), the next prices to try.
Prices of a sample come first; then only customers whose choice can change in a box around them are priced again (the
boxstep method of Marsten, Hogan and Blankenship 1975), so that all customers are passed only a few times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.assignment_problem import Limits, Prices, Problem, choose, chunks, distinct, passed

SAMPLES = (4_096, 65_536)
SMOOTH = 0.5  # of the way from the best prices to those of the model: where to look next
EDGE = 0.5  # of the box: prices found so near to its edge are sought in a wider one
SURE = 4.0  # standard errors by which prices of a sample are taken to miss
CLOSE = 1e-8  # of the bound: cutting planes stop here
MOST_CUTS, MOST_BOXES = 200, 12
LARGE = 100_000  # open customers, from which on looking for equal ones pays
Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class Dual:
    """Prices and the bound they prove; near: (m,) customers whose choice was open to the end (None = everybody).

    counts: (c,) contacts of the fractional optimum; cuts: (k, c) prices q and (k,) levels, so that no plan with m
    contacts by channel is worth more than the least of level + q · m.
    """

    prices: Prices
    bound: float
    near: np.ndarray | None
    counts: np.ndarray
    cuts: tuple[np.ndarray, np.ndarray]


class Master:
    """max Σ w V − high·over + low·slack, Σ w A + slack − over = right, Σ w = 1: prices stay between low and high."""

    def __init__(self, right: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
        rows = len(right)
        unit = np.vstack([np.eye(rows), np.zeros(rows)])
        self.columns = np.hstack([unit, -unit])
        self.gain = np.concatenate([low, -high])
        self.right = np.append(right, 1.0)
        self.basis: list[int] = []

    def add(self, value: float, taken: np.ndarray) -> None:
        """One more pricing column; the first one starts the basis."""
        self.columns = np.column_stack([self.columns, np.append(taken, 1.0)])
        self.gain = np.append(self.gain, value)
        if not self.basis:
            rows = len(self.right) - 1
            self.basis = [j if self.right[j] >= taken[j] else rows + j for j in range(rows)] + [2 * rows]

    def weights(self) -> np.ndarray:
        """(k,) share of each pricing column in the optimum."""
        level = np.linalg.solve(self.columns[:, self.basis], self.right)
        first = 2 * (len(self.right) - 1)
        share = np.zeros(self.columns.shape[1] - first)
        for j, amount in zip(self.basis, level):
            if j >= first:
                share[j - first] = max(float(amount), 0.0)
        return share / share.sum()

    def solve(self) -> tuple[np.ndarray, float]:
        """(rows,) prices and the model's value, by the revised simplex method (Bland's rule once it dawdles)."""
        for step in range(500):
            inverse = np.linalg.inv(self.columns[:, self.basis])
            y = self.gain[self.basis] @ inverse
            reduced = self.gain - y @ self.columns
            reduced[self.basis] = 0.0
            tolerance = 1e-11 * max(1e-6, float(np.abs(self.gain[self.basis]).max(initial=0.0)), abs(float(y[-1])))
            enter = int(reduced.argmax()) if step < 100 else int((reduced > tolerance).argmax())
            if reduced[enter] <= tolerance:
                break
            level, way = inverse @ self.right, inverse @ self.columns[:, enter]
            ratios = np.where(way > 1e-11, np.maximum(level, 0) / np.where(way > 1e-11, way, 1.0), np.inf)
            self.basis[int(ratios.argmin())] = enter
        return y[:-1], float(y @ self.right)


class Box:
    """All customers at prices between low and high: those whose choice is the same everywhere are summed up once."""

    def __init__(self, limits: Limits, low: np.ndarray, high: np.ndarray, everybody: bool) -> None:
        problem = limits.problem
        self.limits, self.low, self.high = limits, low, high
        channels, n = problem.worth.shape
        self.value, self.counts, self.near = 0.0, np.zeros(channels), None
        self.cuts: list[tuple[np.ndarray, float, np.ndarray]] = []
        self.wanted = np.zeros(channels)
        self.open = problem
        if everybody:
            return
        least, most = between(limits, low, high)
        middle, reach = (least + most) / 2, np.append((most - least) / 2, 0.0)
        near = []
        for part in chunks(n):
            worth = problem.worth[:, part]
            at, best = choose(worth, middle)
            floor = best - reach[at]
            rivals = (floor <= 0).view(
                np.int8
            )  # nobody, and every channel that somewhere in the box comes up to his best
            for c in range(channels):
                rivals = rivals + (worth[c] - least[c] >= floor).view(np.int8)
            settled = rivals == 1
            near.append(np.flatnonzero(~settled) + part.start)
            self.value += float((best * settled).sum())
            self.counts += [np.count_nonzero((at == c) & settled) for c in range(channels)]
        self.value += float(self.counts @ middle)
        self.near = np.concatenate(near) if near else np.zeros(0, np.int64)
        self.open = problem.part(self.near)
        if len(self.near) > LARGE and (fewer := distinct(self.open)):
            self.open = fewer[0]

    def evaluate(self, y: np.ndarray) -> tuple[float, float, float, np.ndarray]:
        """At prices in the box: the dual per customer, nudged and not, and the worth and contacts of the choices."""
        prices = self.limits.prices(y)
        each = prices.each(self.open)
        total, counts = passed(self.open, each)
        counts = counts + self.counts
        total += self.value - float(each @ self.counts)
        self.cuts.append((each, total, counts))
        dual = (1 + prices.roi) * total / self.limits.customers
        return dual + float(y @ self.limits.nudged), dual + float(y @ self.limits.right), total + each @ counts, counts

    def minimise(self, start: np.ndarray) -> tuple[np.ndarray, float]:
        """The prices of least dual in the box, and the bound there (per customer)."""
        master = Master(self.limits.nudged, self.low, self.high)
        y, best, bound, at = np.clip(start, self.low, self.high), np.inf, np.inf, start
        for _ in range(MOST_CUTS):
            nudged, true, value, counts = self.evaluate(y)
            if nudged < best:
                best, bound, at = nudged, true, y
            master.add(value / self.limits.customers, self.limits.column(value, counts))
            tried, model = master.solve()
            if best - model <= CLOSE * max(abs(best), 1e-12):
                break
            y = at + SMOOTH * (np.clip(tried, self.low, self.high) - at)
        self.wanted = master.weights() @ np.array([counts for _, _, counts in self.cuts])
        return at, bound

    def dual(self, y: np.ndarray, bound: float) -> Dual:
        """What has been found."""
        levels = np.array([total for _, total, _ in self.cuts])
        cuts = np.array([each for each, _, _ in self.cuts]), levels
        return Dual(self.limits.prices(y), bound * self.limits.customers, self.near, self.wanted, cuts)


def between(limits: Limits, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(c,) least and most that a contact must earn at prices from low to high; least and most are at the ends."""
    ends = [low[-1:], high[-1:]] if limits.returned else [low[:0]]
    inner = slice(0, -1) if limits.returned else slice(None)
    least = [limits.prices(np.concatenate([low[inner], end])).each(limits.problem) for end in ends]
    most = [limits.prices(np.concatenate([high[inner], end])).each(limits.problem) for end in ends]
    return np.min(least, axis=0), np.max(most, axis=0)


def spread(n: int, size: int) -> np.ndarray:
    """`size` of n rows, the same each time, evenly spread by the golden ratio."""
    step = int(n * 0.6180339887498949) | 1
    while np.gcd(step, n) != 1:
        step += 2
    return np.sort(np.arange(size, dtype=np.int64) * step % n)


def prices_of(problem: Problem, tell: Tell) -> Dual:
    """The prices of least dual bound: of a sample first, then in boxes around them until no box hinders."""
    n, limits = problem.worth.shape[1], Limits(problem)
    if not len(limits.right):
        none = np.zeros(len(problem.cost))
        total, counts = passed(problem, none)
        return Dual(limits.prices(none), total, none[:0].astype(np.int64), counts, (none[None], np.array([total])))
    sizes = [size for size in SAMPLES if size * 2 < n]
    known, y = 0, np.zeros(len(limits.right))
    for level, size in enumerate([*sizes, n]):
        tell("prices", 0.1 + 0.6 * level / (len(sizes) + 1))
        sample = limits.over(problem if size == n else problem.part(spread(n, size)))
        dual = narrowed(sample, y, known)
        known = size
        y = limits.row(dual.prices)
    return dual


def quiet(stage: str, share: float) -> None:
    """Tell nobody."""


def narrowed(limits: Limits, y: np.ndarray, known: int) -> Dual:
    """The best prices, starting from those that a sample of `known` customers gave (0 = from nothing)."""
    high, usual = limits.scale()
    if not known:
        box = Box(limits, 0 * high, high, everybody=True)
        return box.dual(*box.minimise(0 * high))
    width = np.maximum(y, usual)
    share = min(1.0, SURE / known**0.5)
    t = max(reach(limits, y, width, share), share / 4)
    for _ in range(MOST_BOXES):
        low, top = np.maximum(y - t * width, 0), np.minimum(y + t * width, high)
        box = Box(limits, low, top, everybody=False)
        y, bound = box.minimise(y)
        edge = EDGE * t * width
        if not (((y <= low + edge) & (low > 0)) | ((y >= top - edge) & (top < high))).any():
            break
        t *= 8
    return box.dual(y, bound)


def reach(limits: Limits, y: np.ndarray, width: np.ndarray, share: float) -> float:
    """How many widths prices may move before this share of customers could choose anew, judged by a sample."""
    n = limits.problem.worth.shape[1]
    worth = limits.problem.worth[:, spread(n, min(n, SAMPLES[0]))]
    return float(np.quantile(margins(limits, worth, y, width), share))


def margins(limits: Limits, worth: np.ndarray, y: np.ndarray, width: np.ndarray) -> np.ndarray:
    """(m,) how many widths prices must move before each customer's best choice could change."""
    least, most = between(limits, y - width, y + width)
    moves = np.append((most - least) / 2, 0.0)
    each = limits.prices(y).each(limits.problem)
    at, best = choose(worth, each)
    found = np.where(at >= 0, best / np.maximum(moves[at], 1e-300), np.inf)
    for c in range(len(each)):
        rival = (best - (worth[c] - each[c])) / np.maximum(moves[at] + moves[c], 1e-300)
        found = np.minimum(found, np.where(at != c, rival, np.inf))
    return found
