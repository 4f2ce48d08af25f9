"""A plan that keeps every limit, from the choices at the prices."""

from __future__ import annotations

import numpy as np

from models.assignment_dual import Problem, choose


def repaired(problem: Problem, prices: tuple[float, np.ndarray, float]) -> np.ndarray:
    """(n,) int8 channel or -1: contacts in the order of what they earn at the prices, as long as there is room."""
    budget, capacity, _ = prices
    each = budget * problem.cost / 10_000 + capacity
    at, net = choose(problem.worth, each)
    chosen = np.full(len(at), -1, np.int8)
    left = list(problem.room)
    money = problem.budget
    total, spent = 0.0, 0
    for row in np.argsort(-net, kind="stable"):
        c = at[row]
        price = int(problem.cost[c])
        if c < 0 or left[c] == 0 or (money is not None and price > money):
            continue
        worth, limit = problem.worth[c][row], left[c]
        if problem.rho is not None and (
            total + worth - problem.rho * (spent + price) / 10_000 + problem.held_return < 0
        ):
            continue
        chosen[row], total, spent = c, total + worth, spent + price
        left[c] = None if limit is None else limit - 1
        money = None if money is None else money - price
    return chosen
