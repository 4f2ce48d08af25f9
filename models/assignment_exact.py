"""The exact plan of few customers, by branch and bound on the dual bound."""

from __future__ import annotations

from math import fsum

import numpy as np

from models.assignment_problem import Prices, Problem

MOST_CHOICES = 64  # customers × channels
MOST_NODES = 40_000
DIGITS = 9  # of currency: values that agree so far are equal


def exact(problem: Problem, prices: Prices, incumbent: np.ndarray | None) -> np.ndarray | None:
    """(n,) int8: the plan of most worth, of these the cheapest, of these the first by customer and channel.

    None where the search was given up, or where there is no plan at all. `incumbent` is a plan to start from.
    """
    channels, n = problem.worth.shape
    worth = np.vstack([problem.worth, np.zeros(n)])
    after = (1 + prices.roi) * (problem.worth - prices.each(problem)[:, None])
    rest = np.append(np.maximum(after.max(axis=0, initial=0.0), 0.0)[::-1].cumsum()[::-1], 0.0).tolist()
    slack = 1e-9 * (1 + np.abs(worth[np.isfinite(worth)]).sum())
    options = [[c for c in range(channels + 1) if np.isfinite(worth[c, row])] for row in range(n)]
    price, amounts = [*problem.cost.tolist(), 0], worth.tolist()
    capacity = [*prices.capacity.tolist(), 0.0]
    room = [n if limit is None else limit for limit in problem.room] + [n]
    best: tuple[float, int, list[int]] = (np.inf, 0, [])
    chosen: list[int] = []
    nodes = 0

    def key() -> tuple[float, int, list[int]]:
        value = fsum(amounts[c][row] for row, c in enumerate(chosen))
        return -round(value, DIGITS), sum(price[c] for c in chosen), chosen.copy()

    def allowed(value: float, spent: int) -> bool:
        enough = problem.rho is None or value - problem.rho * spent / 10_000 + problem.held >= -1e-10
        return enough and (problem.budget is None or spent <= problem.budget)

    def search(value: float, spent: int) -> bool:
        nonlocal best, nodes
        nodes += 1
        row = len(chosen)
        if row == n:
            if allowed(value, spent):
                best = min(best, key())
            return True
        if nodes > MOST_NODES:
            return False
        for c in options[row]:
            if room[c] == 0 or (problem.budget is not None and spent + price[c] > problem.budget):
                continue
            total, cost = value + amounts[c][row], spent + price[c]
            room[c] -= 1
            bound = total + rest[row + 1] + sum(p * left for p, left in zip(capacity, room) if p)
            if problem.budget is not None:
                bound += prices.budget * (problem.budget - cost) / 10_000
            if problem.rho is not None:
                bound += prices.roi * (total - problem.rho * cost / 10_000 + problem.held)
            done = True
            if bound + slack >= -best[0]:
                chosen.append(c)
                done = search(total, cost)
                chosen.pop()
            room[c] += 1
            if not done:
                return False
        return True

    if incumbent is not None:
        chosen = [channels if c < 0 else int(c) for c in incumbent]
        best = key()
        chosen = []
    if not search(0.0, 0) or not np.isfinite(best[0]):
        return None
    return np.array([-1 if c == channels else c for c in best[2]], np.int8)
