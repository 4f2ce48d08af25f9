"""The plan on the screen: who may get what, kept apart from the solving, so that a term can change in a moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from components import access, ask, layout, words
from data import plan as plans
from data import plan_rows
from data.journal import campaigns, overrides, releases
from data.journal.problems import Invalid, JournalError
from data.plan import Candidates
from data.plan_policy import UNIT, Policy
from data.plan_rows import Outcome
from data.question import Listing, Refused, View
from data.view import SMALLEST_GROUP

FREE, NOBODY = plans.FREE, plans.NOBODY
PLANNED, SET_NONE, SET_CHANNEL, LOCKED = range(4)
POINTS = 7  # of the frontier


@dataclass(frozen=True, eq=False)
class Solved:
    """A plan with what it was made from. assignment: the module that solved it."""

    view: View
    done: Outcome
    assignment: Any = field(repr=False)

    @property
    def candidates(self) -> Candidates:
        """Who may get what."""
        return self.done.found

    @property
    def policy(self) -> Policy:
        """What was asked for."""
        return self.done.policy

    @property
    def plan(self) -> Any:
        """Channel, runner-up, regret and reason of everybody, with prices and bound."""
        return self.done.plan

    @property
    def inside(self) -> np.ndarray:
        """(n,) who is in the plan at all: not held out for good, in a running test, or released."""
        return self.candidates.out == 0

    @cached_property
    def fixed(self) -> np.ndarray:
        """(n,) int8 as the solver took it: a channel or NOBODY of who is locked, drawn by lot or out, else FREE."""
        held = (self.done.drawn > 0) | ~self.inside
        return np.where(held, self.plan.channel, FREE).astype(np.int8)

    def by_lot(self) -> np.ndarray:
        """(n,) who was drawn by lot."""
        return (self.done.drawn == SET_NONE) | (self.done.drawn == SET_CHANNEL)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the channels are called."""
        return tuple(one.label for one in self.candidates.channels)

    @property
    def groups(self) -> bool:
        """Whether the reader sees groups only."""
        return not self.candidates.single

    @property
    def value(self) -> float:
        """Expected margin of all contacts less their cost, currency: what nobody contacted would not earn."""
        return float(self.plan.value)

    @property
    def cost(self) -> float:
        """What the contacts cost, currency."""
        return self.plan.cost / UNIT

    @property
    def contacts(self) -> int:
        """How many customers get a contact."""
        return int(self.plan.contacts.sum())

    @property
    def observed(self) -> bool:
        """Whether no channel was ever tested at random, so that nothing is known of what contacts change."""
        return "tested" not in self.candidates.basis

    def each(self, figures: np.ndarray) -> np.ndarray:
        """(n,) of an (n, c) array, for the channel that each customer gets; 0 without a contact."""
        at = self.plan.channel.astype(np.int64)
        found = np.nan_to_num(figures[np.arange(len(at)), np.maximum(at, 0)].astype(float))
        return np.where(at >= 0, found, 0.0)

    @property
    def costs(self) -> np.ndarray:
        """(n,) cost of each customer's contact, currency."""
        at = self.plan.channel.astype(np.int64)
        return np.where(at >= 0, self.candidates.cost[np.maximum(at, 0)] / UNIT, 0.0)

    def ends(self) -> tuple[float, float]:
        """The plan's value if every effect lay at the lower end of its interval, and at the upper one, currency."""
        low, high = (float(self.each(one).sum()) - self.cost for one in (self.candidates.low, self.candidates.high))
        return low, high

    def apart(self) -> float:
        """The plan's value by effects learned without each customer's own outcome, currency."""
        return float(self.each(self.candidates.apart).sum()) - self.cost


def prepared(view: View, policy: Policy, drawing: Any) -> Candidates | None:
    """Who may get what: kept for a day, for as long as no campaign, lock or release comes or goes; None when refused.

    What only the solver looks at, such as the budget, is no part of the key.
    """
    alike = policy.but(budget=None, capacity=(), least_roi=None, none_share=0.0, random_share=0.0)
    journal, build = access.journal(), ask.current()

    def candidates_of(_rows: Any, *_key: str) -> Candidates:
        return plans.candidates(build, view, journal, drawing, alike)

    try:
        key = (alike.text(), f"{journal.clock():%Y-%m-%d}", *state(journal))
        return ask.worked_out(Listing("channel", view), candidates_of, *key)
    except (Refused, Invalid, JournalError, KeyError) as problem:
        layout.error(str(problem))
        return None


def state(journal: Any) -> Iterable[str]:
    """What of the journal decides who may get what: itself, running campaigns, locks, releases; a text for each."""
    return (
        str(journal.folder),
        words.listed(sorted(one.campaign_id for one in campaigns.running(journal))),
        words.listed(sorted(one.override_id for one in overrides.active(journal))),
        repr(sorted((customer, sorted(left)) for customer, left in releases.released(journal).items())),
    )


def solved(view: View, candidates: Candidates, policy: Policy, assignment: Any, lots: Any) -> Solved | None:
    """The best plan under a policy; None, with the reason on the screen, where locks contradict the terms.

    assignment, lots: the modules models.assignment and models.explore.
    """
    try:
        return Solved(view, plan_rows.solve(candidates, policy, assignment, lots), assignment)
    except assignment.Infeasible as problem:
        infeasible(problem, candidates)
    return None


def closed(one: Solved, policy: Policy) -> list[str]:
    """The channels that were closed beyond a policy, because they would reach too few for readers of groups."""
    asked, had = dict(policy.capacity), dict(one.policy.capacity)
    return [
        words.safe_text(channel.label, 60)
        for channel in one.candidates.channels
        if had.get(channel.name) == 0 != asked.get(channel.name)
    ]


def infeasible(problem: Any, candidates: Candidates) -> None:
    """Say which terms the locks contradict, and what to do."""
    called = {"budget": "the budget", "least_roi": "the least return asked for"}
    named = [
        called.get(one, str(one)) if isinstance(one, str) else f"the capacity of {candidates.channels[one].label}"
        for one in problem.names
    ]
    if not named:
        layout.error(str(problem), "Locks are listed below; end those that cannot be kept.")
        return
    layout.error(
        f"No plan is possible: customers who are locked need more than {words.listed(named)} allows.",
        "Raise it, or end some of the locks below.",
    )


# Money of other choices, by the same effects


def current_value(candidates: Candidates) -> float | None:
    """Expected margin less cost of the contacts of the last 30 days, by the same effects; None without any.

    None for readers of groups also where fewer than ten customers had them.
    """
    at = candidates.current.astype(np.int64)
    if not candidates.current_contacts.sum() or (not candidates.single and (at >= 0).sum() < SMALLEST_GROUP):
        return None
    per = np.nan_to_num(candidates.effect[np.arange(len(at)), np.maximum(at, 0)])
    numbers = np.bincount(at[at >= 0], minlength=len(candidates.channels))
    sums = np.bincount(at[at >= 0], per[at >= 0], minlength=len(candidates.channels))
    means = np.divide(sums, numbers, out=np.zeros(len(sums)), where=numbers > 0)
    return float((means * candidates.current_contacts).sum()) - float(candidates.current_cost)


def exploring_cost(solved: Solved) -> float:
    """What the lots cost, at the plan's prices: everybody's best less what was drawn, currency."""
    chosen = solved.by_lot()
    if not chosen.any():
        return 0.0
    found, prices = solved.candidates, solved.plan.prices
    price = found.cost / UNIT * (1 + prices.budget) + np.array(prices.capacity)
    worth = np.nan_to_num(found.effect[chosen]) - price
    net = np.where(found.allowed[chosen] & ~np.isnan(found.effect[chosen]), worth, -np.inf)
    at = solved.plan.channel[chosen].astype(np.int64)
    got = np.where(at >= 0, worth[np.arange(len(at)), np.maximum(at, 0)], 0.0)
    return float((np.maximum(net.max(axis=1), 0) - got).sum())


def simple(solved: Solved, budgets: Iterable[float]) -> list[tuple[float, float]]:
    """The simple rule: everybody's best channel, the largest net first, cut at capacities and at each budget."""
    found, fixed = solved.candidates, solved.fixed
    known = found.allowed & ~np.isnan(found.effect)
    net = np.where(known, found.effect - found.cost / UNIT, -np.inf)
    at = net.argmax(axis=1)
    gain = net[np.arange(len(at)), at]
    at = np.where(fixed == FREE, np.where(gain > 0, at, NOBODY), fixed)
    rows = np.flatnonzero(at >= 0)
    gain = np.where(np.isfinite(gain), gain, 0.0)
    there = np.maximum(fixed, 0).astype(np.int64)
    set_to = np.nan_to_num(found.effect[np.arange(len(at)), there]) - found.cost[there] / UNIT
    gain = np.where(fixed >= 0, set_to, gain)
    rows = rows[np.lexsort((rows, -gain[rows], fixed[rows] == FREE))]
    for place, limit in enumerate(found.capacity(solved.policy)):
        if limit is not None:
            mine = at[rows] == place
            rows = rows[~mine | (np.cumsum(mine) <= limit)]
    spent, value = np.cumsum(found.cost[at[rows]]), np.cumsum(gain[rows])
    points = []
    for budget in budgets:
        reached = int(np.searchsorted(spent, round(budget * UNIT), side="right"))
        points.append((budget, float(value[reached - 1]) if reached else 0.0))
    return points


def frontier(solved: Solved) -> list[tuple[float, float]]:
    """Expected value of the best plan for each of some budgets, currency, this plan's own among them.

    All but the own one are kept until another term changes, so that a budget can be tried in a moment.
    """
    here = float(solved.policy.budget) if solved.policy.budget is not None else solved.cost

    def points_of(_rows: Any, *_key: str) -> list[tuple[float, float]]:
        return points(solved)

    key = (solved.policy.but(budget=None).text(), of_array(solved.fixed), of_array(solved.candidates.allowed))
    best = dict(ask.worked_out(Listing("channel", solved.view), points_of, *key)) | {here: solved.value}
    top = max(best)
    return sorted(best.items()) if top > here else sorted({**best, here: max(solved.value, *best.values())}.items())


def points(solved: Solved) -> list[tuple[float, float]]:
    """The frontier from what is held fixed to what the plan without a budget costs; currency."""
    found, terms = solved.candidates, solved.candidates.terms(solved.policy.but(budget=None), solved.assignment)
    parts = found.effect, found.cost, found.allowed, terms, solved.fixed
    at = solved.fixed[solved.fixed >= 0].astype(np.int64)
    least, most = int(found.cost[at].sum()), solved.assignment.solve(*parts).cost
    wanted = sorted({round(least + (most - least) * place / (POINTS - 1)) for place in range(POINTS)})
    return [(money / UNIT, float(value)) for money, value, _ in solved.assignment.frontier(*parts, wanted)]


def of_array(values: np.ndarray) -> str:
    """What names exactly this array."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
