"""Why each customer got his channel, what came next, and what deviating would cost."""

from __future__ import annotations

import numpy as np

from models.assignment_problem import Prices, Problem, chunks

REASONS = (
    "best channel",
    "cheaper because of the budget",
    "another because the best is full",
    "another because of the minimum return",
    "no channel pays",
    "nothing allowed",
    "left out: budget",
    "left out: capacity",
    "left out: minimum return",
    "locked",
    "explored",
)
BEST, ANOTHER, UNPAID, NOTHING, LEFT_OUT, LOCKED, EXPLORED = 0, 1, 4, 5, 6, 9, 10  # places in REASONS; three of some
SMALL = 1e-12


def explained(problem: Problem, at: np.ndarray, prices: Prices) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runner-up (n,) int8, regret (n,) currency and reason (n,) int8 of the choices `at` (n,) int8, -1 = nobody.

    The runner-up is the best other choice after the prices, the regret what is lost by it; below 0 where somebody was
    fixed to what is not his best.
    """
    n = len(at)
    runner_up, regret, reason = np.full(n, -1, np.int8), np.zeros(n), np.zeros(n, np.int8)
    counts = [int(np.count_nonzero(at == c)) for c in range(len(problem.cost))]
    left = None if problem.budget is None else problem.budget - int(np.dot(counts, problem.cost))
    full = np.array([room is not None and count >= room for count, room in zip(counts, problem.room)])
    for part in chunks(n):
        worth, mine = problem.worth[:, part], at[part]
        runner_up[part], regret[part] = runners_up(worth, mine, prices.each(problem), problem.money)
        regret[part] *= 1 + prices.roi
        reason[part] = reasons(problem, worth, mine, prices, full, left)
    return runner_up, regret, reason


def runners_up(
    worth: np.ndarray, mine: np.ndarray, each: np.ndarray, money: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best other choice after the prices, and how much less it is worth; 0 where there is no other."""
    own, second = np.zeros(len(mine)), np.where(mine >= 0, 0.0, -np.inf)
    runner_up = np.full(len(mine), -1, np.int8)
    for c, price in enumerate(each):
        net = worth[c] - price
        here = mine == c
        np.copyto(own, np.where(np.isfinite(net), net, -money[c] - price), where=here)
        better = (net > second) & ~here
        np.copyto(second, net, where=better)
        np.copyto(runner_up, np.int8(c), where=better)
    return runner_up, np.where(np.isfinite(second), own - second, 0.0)


def reasons(
    problem: Problem, worth: np.ndarray, mine: np.ndarray, prices: Prices, full: np.ndarray, left: int | None
) -> np.ndarray:
    """(m,) places in REASONS, by the limit whose price stands most between a customer and his best channel."""
    best, top, got = np.full(len(mine), -np.inf), np.zeros(len(mine), np.int64), np.zeros(len(mine))
    for c, column in enumerate(worth):
        np.copyto(top, c, where=column > best)
        np.maximum(best, column, out=best)
        np.copyto(got, column, where=mine == c)
    reason = np.where(mine >= 0, BEST, UNPAID).astype(np.int8)
    rows = np.flatnonzero(best > got + SMALL)
    wanted, held = top[rows], np.append(problem.cost, 0)[mine[rows]]
    dearer = (problem.cost[wanted] - held) / 10_000
    stands = [
        prices.budget * dearer,
        prices.capacity[wanted],
        prices.roi * (problem.rho or 0.0) * dearer,
    ]
    which = np.argmax(stands, axis=0)
    short = np.zeros(len(rows), bool) if left is None else dearer * 10_000 > left
    unpriced = np.where(full[wanted], 1, np.where(short | (problem.rho is None), 0, 2))
    which = np.where(np.max(stands, axis=0) > SMALL, which, unpriced)
    reason[rows] = np.where(mine[rows] >= 0, ANOTHER, LEFT_OUT) + which
    reason[~np.isfinite(best)] = NOTHING
    return reason
