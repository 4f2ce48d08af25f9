"""The channel plan: which channel, if any, each customer gets, within budget, capacities, consent and minimum return.

A multiple-choice knapsack with few coupling limits, solved by their prices (docs/channel-plan.md): a price on each limit
makes every customer's choice his own, the dual bound at those prices certifies the plan, and the few customers at the
margin are moved until no limit is broken. Needs numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.assignment_dual import Problem, choose, prices_of
from models.assignment_repair import repaired

FREE, NOBODY = -2, -1
UNIT = 10_000  # costs and budgets are whole ten-thousandths of the currency
BUDGET, LEAST_ROI = "budget", "least_roi"
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
Tell = Callable[[str, float], None]


class Infeasible(ValueError):
    """Fixed customers contradict the limits. names: 'budget', 'least_roi' or the number of a channel, each contradicted."""

    def __init__(self, names: Sequence[str | int], words: str) -> None:
        super().__init__(words)
        self.names, self.words = tuple(names), words


@dataclass(frozen=True)
class Terms:
    """budget: ten-thousandths of the currency; capacity: contacts by channel; least_roi: Σ effect ≥ (1 + it) Σ cost."""

    budget: int | None
    capacity: tuple[int | None, ...]
    least_roi: float | None = None


@dataclass(frozen=True)
class Prices:
    """What one more unit of each limit earns: a unit of currency, a contact by channel, and the weight of the return."""

    budget: float
    capacity: tuple[float, ...]
    roi: float


@dataclass(frozen=True)
class Plan:
    """A channel (or NOBODY) for each of n customers, with its certificate: no plan is worth more than `bound`.

    channel, runner_up: (n,) int8; value, bound: currency; cost: ten-thousandths; contacts: (c,) counts; gap: share of
    the bound; regret: (n,) what the plan loses at the prices when the customer gets the runner-up instead; reason: (n,)
    int8, places in REASONS; binding: the limits whose loosening earns something.
    """

    channel: np.ndarray
    value: float
    cost: int
    contacts: np.ndarray
    bound: float
    gap: float
    prices: Prices
    runner_up: np.ndarray
    regret: np.ndarray
    reason: np.ndarray
    binding: tuple[str | int, ...]


def solve(
    effect: np.ndarray,
    cost: np.ndarray,
    allowed: np.ndarray,
    terms: Terms,
    fixed: np.ndarray | None = None,
    tell: Tell | None = None,
    explored: np.ndarray | None = None,
) -> Plan:
    """The plan of most Σ(effect − cost) within the terms; rows sorted by customer.

    effect: (n, c) float64, currency a contact earns before its cost, NaN = not offered; cost: (c,) int64 of a contact in
    ten-thousandths; allowed: (n, c) bool; fixed: (n,) int8, a channel, NOBODY or FREE; explored: (n,) bool, the fixed
    that were drawn. A fixed contact needs only to be allowed: what is not known of it counts as 0. tell(stage, share)
    may raise to cancel. Raises Infeasible when fixed customers contradict the terms, ValueError when inputs do not fit.
    """
    tell = tell or (lambda stage, share: None)
    effect, cost, allowed, fixed = checked(effect, cost, allowed, terms, fixed)
    tell("reading", 0.0)
    channel = fixed.astype(np.int8)
    free = np.flatnonzero(fixed == FREE)
    problem, held = posed(effect, cost, allowed, terms, fixed, free)
    prices, bound = prices_of(problem, tell)
    tell("repair", 0.8)
    channel[free] = repaired(problem, prices)
    tell("reasons", 0.9)
    return told(effect, cost, allowed, terms, channel, fixed, explored, prices, bound + held)


def checked(
    effect: np.ndarray, cost: np.ndarray, allowed: np.ndarray, terms: Terms, fixed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The inputs as arrays that fit each other, or ValueError saying which does not."""
    effect, cost, allowed = np.asarray(effect, np.float64), np.asarray(cost), np.asarray(allowed, bool)
    if effect.ndim != 2 or not effect.shape[1] or effect.shape[1] > 100:
        raise ValueError(f"Effects must be customers × channels, with 1 to 100 channels. Got {effect.shape}.")
    n, channels = effect.shape
    fixed = np.full(n, FREE, np.int8) if fixed is None else np.asarray(fixed)
    if cost.shape != (channels,) or allowed.shape != effect.shape or fixed.shape != (n,):
        raise ValueError(
            f"Effects are {effect.shape}, so costs must be ({channels},), allowed the same and fixed ({n},)."
            f" Got {cost.shape}, {allowed.shape}, {fixed.shape}."
        )
    if cost.dtype.kind not in "iu" or (cost < 0).any():
        raise ValueError("Costs must be whole ten-thousandths of the currency, at least 0.")
    if len(terms.capacity) != channels:
        raise ValueError(f"There are {channels} channels, but {len(terms.capacity)} capacities.")
    if min([limit for limit in (terms.budget, *terms.capacity) if limit is not None], default=0) < 0:
        raise ValueError("Budget and capacities must be at least 0.")
    if terms.least_roi is not None and not -1 <= terms.least_roi < np.inf:
        raise ValueError(f"A minimum return must be at least -1. Got {terms.least_roi}.")
    if np.isinf(effect).any():
        raise ValueError("Effects must be finite, or NaN where nothing is known.")
    if n and (fixed.min() < FREE or fixed.max() >= channels):
        raise ValueError(f"Fixed customers need a channel from 0 to {channels - 1}, NOBODY or FREE.")
    return effect, cost.astype(np.int64), allowed, fixed


def posed(
    effect: np.ndarray, cost: np.ndarray, allowed: np.ndarray, terms: Terms, fixed: np.ndarray, free: np.ndarray
) -> tuple[Problem, float]:
    """The problem of the free customers with what the fixed ones leave, and what those are worth."""
    rows = np.flatnonzero(fixed >= 0)
    at = fixed[rows].astype(np.int64)
    refused = ~allowed[rows, at]
    if refused.any():
        names = np.unique(at[refused]).tolist()
        raise Infeasible(names, f"{refused.sum()} customers are fixed to a channel they may not be contacted by.")
    taken = np.bincount(at, minlength=len(cost))
    spent = int(taken @ cost)
    full = [c for c, limit in enumerate(terms.capacity) if limit is not None and taken[c] > limit]
    if full:
        words = "; ".join(f"channel {c}: {taken[c]} fixed, capacity {terms.capacity[c]}" for c in full)
        raise Infeasible(full, f"More customers are fixed to a channel than it can take ({words}).")
    if terms.budget is not None and spent > terms.budget:
        raise Infeasible(
            [BUDGET],
            f"Fixed customers cost {spent / UNIT:.2f}, more than the budget of {terms.budget / UNIT:.2f}.",
        )
    held = float(np.nan_to_num(effect[rows, at]).sum() - spent / UNIT)
    worth = [
        np.where(allowed[free, c] & ~np.isnan(effect[free, c]), effect[free, c] - cost[c] / UNIT, -np.inf)
        for c in range(len(cost))
    ]
    room = tuple(None if limit is None else int(limit - taken[c]) for c, limit in enumerate(terms.capacity))
    left = None if terms.budget is None else terms.budget - spent
    rho = terms.least_roi
    return Problem(worth, cost, left, room, rho, 0.0 if rho is None else held - rho * spent / UNIT), held


def told(
    effect: np.ndarray,
    cost: np.ndarray,
    allowed: np.ndarray,
    terms: Terms,
    channel: np.ndarray,
    fixed: np.ndarray,
    explored: np.ndarray | None,
    prices: Prices | tuple,
    bound: float,
) -> Plan:
    """The plan with its figures, runners-up and reasons."""
    n, channels = effect.shape
    rows = np.flatnonzero(channel >= 0)
    at = channel[rows].astype(np.int64)
    contacts = np.bincount(at, minlength=channels)
    spent = int(contacts @ cost)
    value = round(float(np.nan_to_num(effect[rows, at]).sum() - spent / UNIT), 9)
    bound = max(bound, value)
    budget, capacity, roi = prices
    each = ((budget + roi * (terms.least_roi or 0.0)) * cost / UNIT + capacity) / (1 + roi)
    offered = allowed & ~np.isnan(effect)
    worth = np.where(offered, effect - cost / UNIT, -np.inf)
    priced = np.column_stack([worth - each, np.zeros(n)])
    mine = np.where(channel < 0, channels, channel).astype(np.int64)
    line = np.arange(n)
    own = priced[line, mine]
    own = np.where(np.isfinite(own), own, -(cost / UNIT + each)[np.minimum(mine, channels - 1)])
    priced[line, mine] = -np.inf
    second = priced.argmax(axis=1)
    alone = ~np.isfinite(priced[line, second])
    regret = np.where(alone, 0.0, (own - priced[line, second]) * (1 + roi))
    runner_up = np.where(alone | (second == channels), NOBODY, second).astype(np.int8)
    best = worth.argmax(axis=1)
    top = worth[line, best]
    full = np.array([limit is not None and contacts[c] >= limit for c, limit in enumerate(terms.capacity)])
    dearer = (budget * (cost[best] - np.append(cost, 0)[mine]) / UNIT) > capacity[best]
    by_room = full[best] & ~dearer
    other = np.where(by_room, 2, 1)
    out = np.where(by_room, 7, 6)
    got = np.where(mine < channels, worth[line, np.minimum(mine, channels - 1)], 0.0)
    reason = np.where(channel >= 0, np.where(got >= top, 0, other), np.where(top > 0, out, 4))
    reason = np.where(~offered.any(axis=1), 5, reason)
    reason = np.where(fixed != FREE, 9, reason)
    if explored is not None:
        reason = np.where((fixed != FREE) & explored, 10, reason)
    small = 1e-9
    binding: list[str | int] = [BUDGET] if budget > small else []
    binding += [c for c in range(channels) if capacity[c] > small] + ([LEAST_ROI] if roi > small else [])
    return Plan(
        channel, value, spent, contacts, bound, (bound - value) / max(abs(bound), 1e-9) if bound > value else 0.0,
        Prices(budget, tuple(capacity), roi), runner_up, np.maximum(regret, 0) if fixed is None else regret,
        reason.astype(np.int8), tuple(binding),
    )  # fmt: skip


def frontier(
    effect: np.ndarray,
    cost: np.ndarray,
    allowed: np.ndarray,
    terms: Terms,
    fixed: np.ndarray | None = None,
    budgets: Sequence[int] | None = None,
    tell: Tell | None = None,
) -> list[tuple[int, float, float]]:
    """(budget, value, bound) of the best plan for each budget, never falling: what is feasible with less stays so."""
    if budgets is None:
        most = solve(effect, cost, allowed, Terms(None, terms.capacity, terms.least_roi), fixed).cost
        budgets = sorted({round(most * share / 16) for share in range(17)})
    points: list[tuple[int, float, float]] = []
    for budget in sorted(budgets):
        plan = solve(effect, cost, allowed, Terms(budget, terms.capacity, terms.least_roi), fixed, tell)
        points.append((budget, max([plan.value, *[value for _, value, _ in points]]), plan.bound))
    return points


__all__ = ["FREE", "NOBODY", "REASONS", "Infeasible", "Plan", "Prices", "Terms", "choose", "frontier", "solve"]
