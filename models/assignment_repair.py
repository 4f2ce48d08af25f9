"""A plan that keeps every limit, from the choices at the prices.

Customers at the margin are moved along the cheapest chains of channels (one leaves mail for e-mail, another takes the
place in mail) until no limit is broken; what is then left of the limits is used up as well as whole contacts can.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from models.assignment_dual import Dual, margins
from models.assignment_margin import ZERO, Margin
from models.assignment_problem import Limits, Problem, choose, distinct

CORE = 1_000  # customers nearest to the margin that may be moved
MOST_MOVES = 20_000
TRIED = 24  # changes of contacts per channel tried in full
FINE = 1e-5  # of the bound: nothing more is tried
NEAR = 1e-4  # widths of prices: whoever is so near stays together


class Balance:
    """Contacts, cost and worth of the plan beside the limits, while customers at the margin are moved."""

    def __init__(self, problem: Problem, dual: Dual, margin: Margin, counts: np.ndarray, value: float) -> None:
        self.problem, self.dual, self.margin = problem, dual, margin
        self.counts, self.value = counts.astype(np.int64), value
        prices = dual.prices
        customers = max(problem.customers, 1)
        self.room = np.array(
            [customers if room is None else min(room, customers) for room in problem.room] + [customers]
        )
        self.cost = np.append(problem.cost, 0)
        size = problem.size()[1]
        self.budget_price = max(prices.budget / 10_000, 1e-3 * size / max(int(problem.cost.max()), 1))
        self.room_price = np.append(np.maximum(prices.capacity, 1e-3 * size), 0.0)
        self.roi_price = max(prices.roi, 1e-3)

    @property
    def spent(self) -> int:
        """Ten-thousandths of all contacts."""
        return int(self.counts[:-1] @ self.problem.cost)

    def excess(self) -> tuple[int, np.ndarray, float]:
        """Above the budget (ten-thousandths), above each room (c + 1,), short of the minimum return; below 0 = left."""
        budget, rho = self.problem.budget, self.problem.rho
        over = -(1 << 60) if budget is None else self.spent - budget
        short = -np.inf if rho is None else rho * self.spent / 10_000 - self.value - self.problem.held
        return over, self.counts - self.room, short

    def relief(self, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By chain a → b: how much priced excess one move takes away, and whether it leaves none at all."""
        over, full, short = self.excess()
        dearer = self.cost[None, :] - self.cost[:, None]
        less = self.budget_price * (max(over, 0) - np.maximum(over + dearer, 0))
        less = less + (self.room_price * (full > 0))[:, None] - (self.room_price * (full >= 0))[None, :]
        fits = (over + dearer <= 0) & (full < 0)[None, :]
        others = (full > 0).sum() - (full > 0)
        fits &= ((others == 0) & (full <= 1))[:, None]
        if self.problem.rho is not None:
            after = np.where(np.isfinite(far), short + far + self.problem.rho * dearer / 10_000, np.inf)
            less = less + self.roi_price * (max(short, 0.0) - np.maximum(after, 0))
            fits &= after <= ZERO
        return less, fits

    def move(self, a: int, b: int, far: np.ndarray, step: np.ndarray, most: int) -> None:
        """Move along the chain and keep count."""
        count = self.margin.move(a, b, step, max(most, 1))
        self.counts[a] -= count
        self.counts[b] += count
        self.value -= count * float(far[a, b])

    def keep(self) -> bool:
        """Move until no limit is broken, at the least loss for what it takes away; False when that cannot be done."""
        for _ in range(MOST_MOVES):
            over, full, short = self.excess()
            if over <= 0 and (full <= 0).all() and short <= ZERO:
                return True
            far, step = self.margin.paths()
            less, _ = self.relief(far)
            np.fill_diagonal(less, 0.0)
            merit = np.where((less > ZERO) & np.isfinite(far), far / np.maximum(less, ZERO), np.inf)
            a, b = np.unravel_index(int(merit.argmin()), merit.shape)
            if not np.isfinite(merit[a, b]):
                return False
            cheaper = int(self.cost[a] - self.cost[b])
            most = max(int(full[a]), -(-over // cheaper) if over > 0 and cheaper > 0 else 1)
            if full[b] < 0:
                most = min(most, int(-full[b]))
            self.move(int(a), int(b), far, step, most if short <= 0 else 1)
        return False

    def fill(self) -> None:
        """Move whoever earns more within what is left of the limits, in the order of what that is beyond the prices."""
        each = np.append(self.dual.prices.each(self.problem), 0.0)
        for _ in range(MOST_MOVES):
            far, step = self.margin.paths()
            _, fits = self.relief(far)
            gain = np.where(fits & (far < -ZERO), each[:, None] - each[None, :] - far, -np.inf)
            a, b = np.unravel_index(int(gain.argmax()), gain.shape)
            if not np.isfinite(gain[a, b]):
                return
            over, full, _ = self.excess()
            dearer = int(self.cost[b] - self.cost[a])
            most = min(int(-full[b]), -over // dearer if dearer > 0 else 1 << 40)
            self.move(int(a), int(b), far, step, most if self.problem.rho is None else 1)

    def shift(self, change: np.ndarray) -> bool:
        """Change the contacts per channel by `change` (c,); False when customers at the margin do not suffice."""
        left = np.append(change, -change.sum())
        if (self.counts + left < 0).any():
            return False
        while left.any():
            far, step = self.margin.paths()
            far = np.where((left < 0)[:, None] & (left > 0)[None, :], far, np.inf)
            a, b = np.unravel_index(int(far.argmin()), far.shape)
            if not np.isfinite(far[a, b]):
                self.shift_back(left - np.append(change, -change.sum()))
                return False
            before = self.counts.copy()
            self.move(int(a), int(b), far, step, int(min(-left[a], left[b])))
            left = left - (self.counts - before)
        return True

    def shift_back(self, change: np.ndarray) -> None:
        """Undo what was done of a shift."""
        if change.any():
            self.shift(change[:-1])

    def polish(self) -> None:
        """Try contacts per channel that use up what the limits leave, the most promising by all known cuts first."""
        if self.dual.bound - self.value <= FINE * abs(self.dual.bound):
            return
        best, home = self.value, self.counts[:-1].copy()
        grid = np.rint(self.dual.counts).astype(np.int64) + lattice(len(home))
        most = 1 << 60 if self.problem.budget is None else self.problem.budget
        fits = (grid @ self.problem.cost <= most) & (grid <= self.room[:-1]).all(axis=1)
        grid = grid[fits & (grid >= 0).all(axis=1) & (grid.sum(axis=1) <= self.problem.customers)]
        prices, levels = self.dual.cuts
        hope = np.full(len(grid), np.inf)
        for cut in np.argsort(prices @ self.dual.counts + levels, kind="stable"):
            hope = np.minimum(hope, grid @ prices[cut] + levels[cut])
            grid, hope = grid[hope > best + ZERO], hope[hope > best + ZERO]
        for _ in range(TRIED):
            if self.problem.rho is not None:
                enough = hope + self.problem.held >= self.problem.rho * (grid @ self.problem.money)
                grid, hope = grid[enough], hope[enough]
            grid, hope = grid[hope > best + ZERO], hope[hope > best + ZERO]
            if not len(grid) or self.dual.bound - best <= FINE * abs(self.dual.bound):
                break
            tried = int(hope.argmax())
            here = grid[tried]
            if self.shift(here - self.counts[:-1]):
                if self.value > best and self.excess()[2] <= ZERO:
                    best, home = self.value, here
                far, _ = self.margin.paths()
                for each in (far[:-1, -1], -far[-1, :-1]):
                    if np.isfinite(each).all():
                        hope = np.minimum(hope, self.value + (grid - here) @ each)
            hope[tried] = -np.inf
        self.shift(home - self.counts[:-1])


@lru_cache(maxsize=8)
def lattice(channels: int) -> np.ndarray:
    """(k, c) small changes of contacts per channel, wider for cheap ones; the first channels are the cheapest."""
    width = {1: [200], 2: [60, 30], 3: [20, 10, 6], 4: [12, 6, 4, 2], 5: [16, 10, 3, 2, 1], 6: [10, 6, 2, 1, 1, 1]}
    widths = (width.get(channels) or [3, 2, 1, 1, 1, 1, 1] + [0] * channels)[:channels]
    return np.stack(np.meshgrid(*[np.arange(-w, w + 1) for w in widths], indexing="ij"), -1).reshape(-1, channels)


def repaired(problem: Problem, dual: Dual) -> np.ndarray | None:
    """(n,) int8 channel or -1 for each customer, within all limits; None when no such plan was found."""
    each = dual.prices.each(problem)
    at, _ = choose(problem.worth, each)
    limits = Limits(problem)
    rows = np.arange(problem.worth.shape[1]) if dual.near is None else dual.near
    for size in (CORE, len(rows), problem.worth.shape[1]):
        if size > len(rows):
            rows = np.arange(problem.worth.shape[1])
        core = nearest(problem, limits, dual, rows, size)
        moved = balanced(problem, dual, at, core)
        if moved is not None:
            return moved
    return None


def nearest(problem: Problem, limits: Limits, dual: Dual, rows: np.ndarray, size: int) -> np.ndarray:
    """Who of `rows` changes his choice first when prices move: at least `size` customers, and all that equal them."""
    if len(rows) <= size:
        return rows
    y = limits.row(dual.prices)
    far = margins(limits, problem.worth[:, rows], y, np.maximum(y, limits.scale()[1]))
    return rows[far <= np.partition(far, size)[size] + NEAR]


def balanced(problem: Problem, dual: Dual, at: np.ndarray, core: np.ndarray) -> np.ndarray | None:
    """The choices `at` with customers of the core moved until the limits are kept."""
    channels = len(problem.cost)
    part = problem.part(core)
    fewer = distinct(part) if len(core) > 1.5 * CORE else None
    kinds, which = fewer or (part, np.arange(len(core)))
    held = np.zeros((kinds.worth.shape[1], channels + 1), np.int64)
    mine = np.where(at < 0, channels, at).astype(np.int64)
    np.add.at(held, (which, mine[core]), 1)
    margin = Margin(np.vstack([kinds.worth, np.zeros(kinds.worth.shape[1])]), problem.cost, held)
    counts = np.bincount(mine, minlength=channels + 1)
    value = sum(float(problem.worth[c, at == c].sum()) for c in range(channels))
    balance = Balance(problem, dual, margin, counts, value)
    balance.shift(np.rint(dual.counts).astype(np.int64) - balance.counts[:-1])
    if not balance.keep():
        return None
    balance.fill()
    balance.polish()
    chosen = at.copy()
    chosen[core] = dealt(np.array(margin.held, np.int64).reshape(-1, channels + 1), which, problem.cost)
    return chosen


def dealt(held: np.ndarray, which: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """(m,) int8 channel of each customer: of equal customers the first get the dearest contacts."""
    order = np.argsort(which, kind="stable")
    rank = [*np.argsort(-cost, kind="stable"), len(cost)]
    nodes = np.repeat(np.tile(rank, len(held)), held[:, rank].ravel())
    chosen = np.empty(len(which), np.int8)
    chosen[order] = np.where(nodes == len(cost), -1, nodes)
    return chosen
