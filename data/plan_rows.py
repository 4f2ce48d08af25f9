"""A channel plan solved: exploration first, locks kept, then the best for everybody else; its rows and its figures.

The models are handed in by whoever may import them: models.assignment and models.explore.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from data.plan import FREE, NOBODY, Candidates
from data.plan_policy import UNIT, Policy
from data.view import SMALLEST_GROUP, Refused

DRAWN = ("plan", "explore nobody", "explore channel", "locked")
SHOWN = 3  # customers who are named in a message
UNPROVEN = "expected, unproven"
WORD = pa.dictionary(pa.int8(), pa.string())
ROWS = pa.schema([
    ("customer_id", pa.string()), ("channel", WORD), ("drawn", WORD), ("p_assign", pa.float64()),
    ("expected", pa.float64()), ("low", pa.float64()), ("high", pa.float64()), ("cost", pa.decimal128(18, 4)),
    ("runner_up", WORD), ("regret", pa.float64()), ("reason", WORD),
])  # fmt: skip
Tell = Callable[[str, float], None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """A plan of n candidates. plan: of models.assignment; drawn: (n,) int8 into DRAWN; p_assign: (n,) logged."""

    found: Candidates
    policy: Policy
    plan: Any
    drawn: np.ndarray
    p_assign: np.ndarray
    reasons: tuple[str, ...]  # what plan.reason points at

    @property
    def spent(self) -> Decimal:
        """What the plan's contacts cost, currency."""
        return Decimal(int(self.plan.cost)) / UNIT

    @property
    def figures(self) -> dict[str, Any]:
        """What is kept with a saved plan, as JSON takes it. The value is a model's expectation, not a measurement."""
        plan, names = self.plan, self.found.names
        prices = dict(zip(names, map(float, plan.prices.capacity), strict=True))
        return {
            "value": float(plan.value),
            "value_is": UNPROVEN,
            "bound": float(plan.bound),
            "gap": float(plan.gap),
            "spent": format(self.spent, "f"),
            "customers": int((self.found.out == 0).sum()),
            "contacts": dict(zip(names, map(int, plan.contacts), strict=True)),
            "prices": {"budget": float(plan.prices.budget), "roi": float(plan.prices.roi), "capacity": prices},
            "binding": [self.name_of(one) for one in plan.binding],
            "basis": dict(zip(names, self.found.basis, strict=True)),
            "drawn": {name: int((self.drawn[self.found.out == 0] == at).sum()) for at, name in enumerate(DRAWN)},
        }

    def name_of(self, limit: str | int) -> str:
        """A limit by its name: budget, least_roi or a channel."""
        return self.found.names[limit] if isinstance(limit, int | np.integer) else str(limit)


def solve(found: Candidates, policy: Policy, assignment: Any, exploring: Any, tell: Tell | None = None) -> Outcome:
    """The plan of a policy. tell: is told stage and share, and may raise to stop.

    For readers of groups no channel has one to nine contacts: from costs and sums the number could be worked out.
    Such a channel is closed, the smallest first, as the outcome's policy says; a plan of fewer than ten in all stays.
    Raises assignment.Infeasible when locks contradict consent, caps or limits.
    """
    if broken := found.broken():
        raise assignment.Infeasible((), broken_words(found, broken))
    terms = found.terms(policy, assignment)
    fixed = np.where(found.out != 0, np.int8(NOBODY), found.fixed).astype(np.int8)
    if tell:
        tell("exploration", 0.0)
    keys = found.keys.to_pylist()
    drawing = exploring.explore(
        keys, found.salt, found.allowed, found.cost, terms, policy.none_share, policy.random_share, fixed
    )
    explored = drawing.explored
    fixed = np.where(explored, drawing.fixed, fixed).astype(np.int8)
    plan = assignment.solve(found.effect, found.cost, found.allowed, terms, fixed, tell, explored)
    locked = (fixed != FREE) & ~explored
    drawn = np.select([explored & (fixed == NOBODY), explored, locked], [1, 2, 3], 0).astype(np.int8)
    few = [(int(number), name) for number, name in zip(plan.contacts, found.names, strict=True)
           if 0 < number < SMALLEST_GROUP]  # fmt: skip
    if few and not found.single and plan.contacts.sum() >= SMALLEST_GROUP:
        closed = dict(policy.capacity) | {min(few)[1]: 0}
        return solve(found, policy.but(capacity=tuple(closed.items())), assignment, exploring, tell)
    meant = np.where(explored & (plan.regret < 0), plan.runner_up, plan.channel)  # had nobody been drawn, at the prices
    p_assign = np.where(locked, 1.0, drawing.logged(plan.channel, meant))
    return Outcome(found, policy, plan, drawn, p_assign, tuple(assignment.REASONS))


def rows(done: Outcome) -> pa.Table:
    """The plan's rows, see ROWS, in the order of the customers; raises Refused for readers of groups."""
    if not done.found.single:
        raise Refused("You see groups of customers, not single ones, so no plan names them to you.")
    return table(done)


def table(done: Outcome) -> pa.Table:
    """All rows, whoever reads them: for the frozen file. Who is in no plan at all has no row.

    expected, low, high: of the contact, before its cost; none where there is no contact, or nothing is known.
    """
    found, plan = done.found, done.plan
    inside = np.flatnonzero(found.out == 0)
    channel = plan.channel[inside].astype(np.int64)
    costs = pa.array([*(Decimal(int(one)) / UNIT for one in found.cost), Decimal(0)], pa.decimal128(18, 4))
    names = (*found.names, "")
    columns = [
        found.keys.take(pa.array(inside)),
        words(channel, names),
        words(done.drawn[inside], DRAWN),
        pa.array(done.p_assign[inside]),
        *(of_channel(matrix, inside, channel) for matrix in (found.effect, found.low, found.high)),
        costs.take(pa.array(np.where(channel < 0, len(costs) - 1, channel))),
        words(plan.runner_up[inside].astype(np.int64), names),
        pa.array(plan.regret[inside]),
        words(plan.reason[inside], done.reasons),
    ]
    return pa.Table.from_arrays(columns, schema=ROWS)


def words(places: np.ndarray, names: Sequence[str]) -> pa.Array:
    """Names by their places, each spelled once; place -1 is the last name."""
    places = np.where(places < 0, len(names) - 1, places)
    return pa.DictionaryArray.from_arrays(pa.array(places.astype(np.int8)), pa.array(names, pa.string()))


def of_channel(matrix: np.ndarray, rows: np.ndarray, channel: np.ndarray) -> pa.Array:
    """The figure of each row's channel, (n,); none where there is no channel or nothing is known."""
    value = matrix[rows, np.maximum(channel, 0)].astype(np.float64)
    return pa.array(value, mask=(channel < 0) | np.isnan(value))


def broken_words(found: Candidates, broken: list[tuple[int, str]]) -> str:
    """Which locks cannot be kept, for a message; readers of groups are not told how many."""
    number = f"{len(broken):,} locked customers" if len(broken) > 1 else "One locked customer"
    if not found.single:
        return (
            "Some locked customers cannot get the channel they are locked to. Ask whoever looks after them to end "
            "the lock."
        )
    said = "; ".join(f"{found.keys[place].as_py()} ({why})" for place, why in broken[:SHOWN])
    more = f"; and {len(broken) - SHOWN:,} more" if len(broken) > SHOWN else ""
    return f"{number} cannot get the channel of their lock: {said}{more}. End the lock, or lock another channel."
