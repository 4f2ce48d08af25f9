"""The channel plan: which channel, if any, each customer gets, within budget, capacities, consent and minimum return.

A multiple-choice knapsack with few coupling limits, solved by their prices (docs/channel-plan.md): a price on each
limit lets every customer choose for himself, the dual bound at these prices certifies the plan, and the few customers
at the margin are moved until no limit is broken. Needs numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from models.assignment_bound import closer
from models.assignment_dual import prices_of, quiet
from models.assignment_exact import DIGITS, MOST_CHOICES, exact
from models.assignment_problem import Prices as InnerPrices
from models.assignment_problem import Problem, chunks
from models.assignment_reasons import EXPLORED, LOCKED, REASONS, explained
from models.assignment_repair import repaired

FREE, NOBODY = -2, -1
UNIT = 10_000  # costs and budgets are whole ten-thousandths of the currency
BUDGET, LEAST_ROI = "budget", "least_roi"
POINTS = 14  # of a frontier
TINY = 1e-7  # prices below are none
SAME = 1e-6  # currency: a bound so near is reached
Tell = Callable[[str, float], None]


class Infeasible(ValueError):
    """Fixed customers contradict the limits. names: 'budget', 'least_roi' or the number of a channel; words: how."""

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
    """What one more of each earns: a unit of currency, a contact by channel; and the weight of the minimum return."""

    budget: float
    capacity: tuple[float, ...]
    roi: float


@dataclass(frozen=True)
class Plan:
    """A channel (or NOBODY) for each of n customers, with its certificate: no plan is worth more than `bound`.

    channel, runner_up: (n,) int8; value, bound: currency; cost: ten-thousandths; contacts: (c,) counts; gap: share of
    the bound; regret: (n,) what the plan loses at the prices when the customer gets the runner-up instead (below 0 for
    those fixed to less than their best); reason: (n,) int8, places in REASONS; binding: limits whose loosening earns.
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

    effect: (n, c) float64, what a contact earns before its cost, NaN = not offered; cost: (c,) of a contact in whole
    ten-thousandths; allowed: (n, c) bool; fixed: (n,) int8, a channel, NOBODY or FREE; explored: (n,) bool, who of the
    fixed was drawn. A fixed contact needs only to be allowed: what is not known of it counts as 0. tell(stage, share)
    may raise to cancel. Raises Infeasible when fixed customers contradict the terms, ValueError when inputs do not fit.
    """
    tell = tell or quiet
    effect, cost, allowed, fixed = checked(effect, cost, allowed, terms, fixed)
    tell("reading", 0.0)
    posed = Posed(effect, cost, allowed, terms, fixed)
    at, prices, bound = best_plan(posed.problem, tell)
    tell("reasons", 0.9)
    chosen = posed.whole(at)
    runner_up, regret, reason = explained(posed.everybody, chosen, prices)
    free = fixed == FREE
    regret[free] = np.maximum(regret[free], 0.0)
    reason[~free] = LOCKED if explored is None else np.where(np.asarray(explored)[~free], EXPLORED, LOCKED)
    capacity = np.zeros(len(cost))
    capacity[posed.order] = prices.capacity
    shown = Prices(over(prices.budget), tuple(over(float(price)) for price in capacity), over(prices.roi))
    binding: list[str | int] = [BUDGET] if shown.budget else []
    binding += [c for c, price in enumerate(shown.capacity) if price] + ([LEAST_ROI] if shown.roi else [])
    channel = posed.named(chosen)
    contacts = np.array([np.count_nonzero(channel == c) for c in range(len(cost))], np.int64)
    spent = int(contacts @ cost)
    value = worth_of(effect, channel, spent)
    bound = value if bound is None else max(bound + posed.held, value)
    gap = (bound - value) / abs(bound) if bound > value + SAME else 0.0
    return Plan(
        channel, value, spent, contacts, bound, gap, shown, posed.named(runner_up), regret, reason, tuple(binding)
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
    """(budget, value, bound) of the best plan for each budget; without budgets, from what is fixed to all that pays.

    Values never fall: a plan for less money is one for more, too. As `solve` otherwise; the terms' budget is not used.
    """
    tell = tell or quiet
    effect, cost, allowed, fixed = checked(effect, cost, allowed, terms, fixed)
    posed = Posed(effect, cost, allowed, replace(terms, budget=None if budgets is None else max(budgets)), fixed)
    if budgets is None:
        channel = posed.named(posed.whole(best_plan(posed.problem, quiet, closely=False)[0]))
        most = int(cost[channel[channel >= 0]].sum())
        budgets = sorted({posed.spent + round((most - posed.spent) * (k / POINTS) ** 2) for k in range(POINTS + 1)})
    found: list[tuple[int, float, float]] = []
    best = -np.inf
    for place, budget in enumerate(sorted(budgets)):
        tell("frontier", place / len(budgets))
        if budget < posed.spent:
            raise Infeasible(
                [BUDGET], f"Fixed customers cost {posed.spent / UNIT:.2f}, and a budget is less than that."
            )
        at, _, bound = best_plan(replace(posed.problem, budget=budget - posed.spent), quiet, closely=False)
        channel = posed.named(posed.whole(at))
        value = worth_of(effect, channel, int(cost[channel[channel >= 0]].sum()))
        best = max(best, value)
        found.append((budget, best, value if bound is None else bound + posed.held))
    bounds = np.minimum.accumulate([bound for _, _, bound in reversed(found)])[::-1].tolist()
    return [(budget, value, max(value, bound)) for (budget, value, _), bound in zip(found, bounds)]


def best_plan(problem: Problem, tell: Tell, closely: bool = True) -> tuple[np.ndarray, InnerPrices, float | None]:
    """(n,) int8 choices, the prices, and the bound on the worth of free customers, None where the plan is exact."""
    dual = prices_of(problem, tell)
    tell("repair", 0.7)
    at = repaired(problem, dual)
    if problem.worth.size <= MOST_CHOICES:
        best = exact(problem, dual.prices, at)
        if best is not None:
            return best, dual.prices, None
    if at is None:
        thrifty = replace(problem, worth=problem.worth - (problem.rho or 0.0) * problem.money[:, None], rho=None)
        sure = prices_of(thrifty, quiet)
        if sure.bound + problem.held < -1e-9:
            words = "Fixed customers earn so little that no plan of the others reaches the minimum return."
            raise Infeasible([LEAST_ROI], words)
        at = repaired(thrifty, sure)
    if at is None:
        raise Infeasible([LEAST_ROI], "No plan was found that reaches the minimum return with the fixed customers.")
    if not closely:
        return at, dual.prices, dual.bound
    chosen = np.append(problem.worth, np.zeros((1, len(at))), axis=0)[at, np.arange(len(at))] if len(at) else at
    return at, dual.prices, closer(problem, dual, float(chosen.sum()))


class Posed:
    """The inputs as the solver wants them: channels from cheap to dear, what fixed customers leave of the limits."""

    def __init__(
        self, effect: np.ndarray, cost: np.ndarray, allowed: np.ndarray, terms: Terms, fixed: np.ndarray
    ) -> None:
        channels = len(cost)
        rows = np.flatnonzero(fixed >= 0)
        at = fixed[rows].astype(np.int64)
        taken = np.bincount(at, minlength=channels)
        self.spent = int(taken @ cost)
        contradicted(allowed[rows, at], at, taken, self.spent, terms)
        self.held = float(np.nan_to_num(effect[rows, at]).sum() - self.spent / UNIT)
        self.order = np.argsort(cost, kind="stable")
        self.fixed, self.free = fixed, np.flatnonzero(fixed == FREE)
        worth = np.empty((channels, len(effect)))
        for part in chunks(len(effect)):
            offered = effect[part].T[self.order] - cost[self.order, None] / UNIT
            offered[~allowed[part].T[self.order] | np.isnan(offered)] = -np.inf
            worth[:, part] = offered
        room = [None if limit is None else int(limit - taken[c]) for c, limit in enumerate(terms.capacity)]
        rho = terms.least_roi
        self.everybody = Problem(
            worth, None, cost[self.order], terms.budget, tuple(terms.capacity[c] for c in self.order), rho, 0.0
        )  # fmt: skip
        self.problem = replace(
            self.everybody,
            worth=worth if len(self.free) == len(fixed) else np.ascontiguousarray(worth[:, self.free]),
            budget=None if terms.budget is None else terms.budget - self.spent,
            room=tuple(room[c] for c in self.order),
            held=0.0 if rho is None else self.held - rho * self.spent / UNIT,
        )

    def whole(self, at: np.ndarray) -> np.ndarray:
        """(n,) choices of everybody, in the solver's order of channels, from those of the free."""
        place = np.append(np.argsort(self.order), -1).astype(np.int8)
        chosen = place[np.maximum(self.fixed, NOBODY)]
        chosen[self.free] = at
        return chosen

    def named(self, at: np.ndarray) -> np.ndarray:
        """(n,) int8 numbers of channels as they came in."""
        return np.append(self.order, NOBODY).astype(np.int8)[at]


def contradicted(allowed: np.ndarray, at: np.ndarray, taken: np.ndarray, spent: int, terms: Terms) -> None:
    """Raise Infeasible where fixed contacts are not allowed, too many or too dear."""
    if not allowed.all():
        names = np.unique(at[~allowed]).tolist()
        raise Infeasible(names, f"{(~allowed).sum()} customers are fixed to a channel they must not be contacted by.")
    full = [c for c, limit in enumerate(terms.capacity) if limit is not None and taken[c] > limit]
    if full:
        words = "; ".join(f"channel {c}: {taken[c]} fixed, capacity {terms.capacity[c]}" for c in full)
        raise Infeasible(full, f"More customers are fixed to a channel than it can take ({words}).")
    if terms.budget is not None and spent > terms.budget:
        words = f"Fixed customers cost {spent / UNIT:.2f}, more than the budget of {terms.budget / UNIT:.2f}."
        raise Infeasible([BUDGET], words)


def checked(
    effect: np.ndarray, cost: np.ndarray, allowed: np.ndarray, terms: Terms, fixed: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The inputs as arrays that fit each other, or ValueError saying which does not."""
    effect, cost, allowed = np.asarray(effect, np.float64), np.asarray(cost), np.asarray(allowed, bool)
    if effect.ndim != 2 or not 0 < effect.shape[1] <= 100:
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
    if terms.least_roi is not None and not 0 <= terms.least_roi < np.inf:
        raise ValueError(f"A minimum return must be at least 0. Got {terms.least_roi}.")
    if np.isinf(effect).any():
        raise ValueError("Effects must be finite, or NaN where nothing is known.")
    if n and (fixed.min() < FREE or fixed.max() >= channels):
        raise ValueError(f"Fixed customers need a channel from 0 to {channels - 1}, NOBODY or FREE.")
    return effect, cost.astype(np.int64), allowed, fixed


def worth_of(effect: np.ndarray, channel: np.ndarray, spent: int) -> float:
    """Σ(effect − cost) of a plan, to a billionth; unknown effects count as 0."""
    rows = np.flatnonzero(channel >= 0)
    effects = np.nan_to_num(effect[rows, channel[rows]])
    total = fsum(effects) if len(effects) < 10_000 else float(effects.sum())
    return round(total - spent / UNIT, DIGITS)


def over(price: float) -> float:
    """A price without rounding noise."""
    return price if price > TINY else 0.0


__all__ = ["FREE", "NOBODY", "REASONS", "Infeasible", "Plan", "Prices", "Terms", "frontier", "solve"]
