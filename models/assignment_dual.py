"""Prices of budget and capacities under which every customer's best choice is his own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Problem:
    """worth: c columns of (n,) currency, -inf where not offered; cost: (c,) ten-thousandths; what is left of the limits."""

    worth: list[np.ndarray]
    cost: np.ndarray
    budget: int | None
    room: tuple[int | None, ...]
    rho: float | None
    held_return: float


def choose(worth: list[np.ndarray], each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The choice of each customer at channel prices `each` (c,), -1 = nobody, and what it is worth after the price."""
    best = np.zeros(len(worth[0]))
    at = np.full(len(best), -1, np.int8)
    for c, column in enumerate(worth):
        net = column - each[c]
        better = net > best
        at[better] = c
        np.maximum(best, net, out=best)
    return at, best


def prices_of(problem: Problem, tell: Callable[[str, float], None]) -> tuple[tuple[float, np.ndarray, float], float]:
    """(budget, capacity (c,), return) prices, and the dual bound at them."""
    money = problem.cost / 10_000
    c, n = len(money), max(len(problem.worth[0]), 1)
    cap = np.array([n if limit is None else min(limit, n) for limit in problem.room], float)
    budget = n * money.max() if problem.budget is None else problem.budget / 10_000
    limits = np.append(cap, budget) / n
    prices = np.zeros(c + 1)
    best, found = np.inf, prices
    scale = max([float(np.abs(w[np.isfinite(w)]).mean()) if np.isfinite(w).any() else 0.0 for w in problem.worth])
    for step in range(300):
        each = prices[:c] + prices[c] * money
        at, net = choose(problem.worth, each)
        bound = float(net.sum() + n * (prices @ limits))
        if bound < best:
            best, found = bound, prices.copy()
        counts = np.bincount(at[at >= 0], minlength=c)
        slope = limits - np.append(counts, counts @ money) / n
        slope[c] /= max(money.mean(), 1e-9) ** 2
        prices = np.maximum(0, prices - 3 * scale / (1 + step) ** 0.7 * slope)
        if step % 30 == 0:
            tell("prices", step / 400)
    return (float(found[c]), found[:c], 0.0), best
