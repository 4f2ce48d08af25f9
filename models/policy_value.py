"""What a plan of whom to contact is worth, from contacts drawn at random; without scipy, so that pages can use it.

Doubly robust: Dudík, Langford & Li 2011 (ICML). Effective size: Kish 1965, Survey Sampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

LEVEL = 0.95
FEWEST_EFFECTIVE = 200
SAME = 1e-3  # currency: less makes no difference, and prices are known no better


@dataclass(frozen=True)
class PolicyValue:
    """Outcome per customer under a plan, standard error, interval, NaN below 200 effective customers."""

    value: float
    se: float
    low: float
    high: float
    effective: float

    @property
    def enough(self) -> bool:
        """Whether enough customers happened to get what the plan would give them."""
        return self.effective >= FEWEST_EFFECTIVE


def policy_value(
    outcome: Any, action: Any, p_assign: Any, plan: Any, expected: Any, against: Any = None, level: float = LEVEL
) -> PolicyValue:
    """V̂ = mean[Q̂(x,π) + 1{a=π}/p(a|x) (y − Q̂(x,a))] on customers the plan was not learned from.

    action, plan, against: (n,) whole numbers, columns of `expected` (n, actions) which is Q̂; p_assign: (n,) logged
    probability of the action drawn. With `against` it is the difference from that other plan, on the same customers.
    Effective size: (Σw)²/Σw² of w = 1{a=π}/p, of two plans the smaller.
    """
    y, a, p, q = (
        np.asarray(outcome, float),
        np.asarray(action),
        np.asarray(p_assign, float),
        np.asarray(expected, float),
    )
    if not ((p > 0) & (p <= 1)).all():
        raise ValueError("The probability of the action drawn must be logged for everybody, above 0 and at most 1.")
    rows, scores, sizes = np.arange(len(y)), np.zeros(len(y)), []
    for chosen, sign in ((plan, 1), (against, -1)):
        if chosen is None:
            continue
        followed = np.asarray(chosen) == a
        weight = np.where(followed, 1 / p, 0.0)
        scores += sign * (q[rows, np.asarray(chosen)] + weight * (y - q[rows, a]))
        sizes.append(float(weight.sum() ** 2 / (weight**2).sum()) if followed.any() else 0.0)
    if min(sizes) < FEWEST_EFFECTIVE:
        return PolicyValue(math.nan, math.nan, math.nan, math.nan, min(sizes))
    return of_mean(scores, min(sizes), level)


def worth(
    outcome: Any,
    treated: Any,
    p_treated: Any,
    expected: Any,
    contacted: Any,
    cost: float,
    customer: Any = None,
    level: float = LEVEL,
) -> PolicyValue:
    """Margin gained per customer whom a plan contacts, less the contact's cost, against contacting nobody.

    outcome, treated, p_treated: (n,) of customers tested on one channel; expected: (n, 2) held out and treated;
    contacted: (n,) whether the plan would contact them, decided without their outcomes; cost: of a contact, currency.
    customer: (n,) whom each row is about, where one may be tested twice: their rows count as one draw.
    """
    chosen = np.asarray(contacted, bool)
    y, w, p = (np.asarray(values)[chosen] for values in (outcome, treated, p_treated))
    q = np.asarray(expected, float)[chosen]
    p_drawn = np.where(w.astype(bool), p, 1 - p)
    if not len(y):
        return PolicyValue(math.nan, math.nan, math.nan, math.nan, 0.0)
    ones = np.ones(len(y), int)
    found = policy_value(y, w.astype(int), p_drawn, ones, q, against=0 * ones, level=level)
    if not found.enough:
        return found
    rest = y - q[np.arange(len(y)), w.astype(int)]
    scores = q[:, 1] - q[:, 0] + np.where(w.astype(bool), rest / p, -rest / (1 - p)) - cost
    return of_mean(scores, found.effective, level, None if customer is None else np.asarray(customer)[chosen])


def decided(apart: Any, cost: float, budget_price: float = 0.0, capacity_price: float = 0.0, others: Any = 0.0) -> Any:
    """Whether a plan would contact each customer on a channel at its prices, (n,) flags.

    apart: (n,) effect learned without the customer's own outcome; budget_price: worth of one more unit of currency;
    capacity_price: worth of one more contact; others: what the best other channel brings at its prices, 0 for nobody.
    Where it makes no difference, as when a limit cuts through customers who are all alike, the plan may contact them.
    """
    net = np.asarray(apart, float) - cost * (1 + budget_price) - capacity_price
    return net >= np.maximum(others, 0.0) - SAME


def of_mean(scores: np.ndarray, effective: float, level: float, customer: np.ndarray | None = None) -> PolicyValue:
    """The mean of the scores with its interval; rows of one customer are added up before errors are."""
    value, n = float(scores.mean()), len(scores)
    if customer is None:
        se = float(scores.std(ddof=1)) / math.sqrt(n)
    else:
        _, place = np.unique(customer, return_inverse=True)
        sums = np.bincount(place, scores - value)
        se = math.sqrt(float((sums**2).sum()) * len(sums) / max(len(sums) - 1, 1)) / n
    reach = NormalDist().inv_cdf((1 + level) / 2) * se
    return PolicyValue(value, se, value - reach, value + reach, effective)
