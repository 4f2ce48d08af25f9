"""What a campaign changed: the difference between customers treated and customers held out at random.

Everybody counts in the arm that was drawn, contacted or not (intention to treat): whoever could be reached differs from
whoever could not. Welch 1947 (Biometrika 34:28); post-stratification: Miratrix, Sekhon & Yu 2013 (JRSS B 75:369).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, t

LEVEL = 0.95
FEWEST_EVENTS = 30  # conversions an arm needs before its mean is near enough to normal
ALARM = 0.001  # a sample ratio, or contacts by others, this unlikely is no accident


@dataclass(frozen=True)
class Arm:
    """One arm: n customers, mean and variance (n − 1) of an outcome per customer, events: how many have one at all."""

    n: int
    mean: float
    variance: float
    events: int

    @property
    def squared_error(self) -> float:
        """Squared standard error of the mean; infinite below two customers."""
        return self.variance / self.n if self.n > 1 else math.inf


@dataclass(frozen=True)
class Difference:
    """Treated minus control per customer assigned: estimate, standard error, degrees of freedom, interval, two-sided p.

    The interval is infinite where an arm has fewer than two customers; the estimate is NaN where one has none.
    """

    estimate: float
    se: float
    df: float
    low: float
    high: float
    p: float
    treated: Arm
    control: Arm
    level: float = LEVEL

    @property
    def enough(self) -> bool:
        """Whether both arms have the 30 conversions below which there are too few to judge."""
        return min(self.treated.events, self.control.events) >= FEWEST_EVENTS


@dataclass(frozen=True)
class SampleRatio:
    """Customers counted by arm beside those expected: chi-squared, its degrees of freedom and p."""

    chi2: float
    df: int
    p: float

    @property
    def broken(self) -> bool:
        """Whether the arms differ so much from what was drawn that customers got lost: then no result holds."""
        return self.p < ALARM


def arm_of(outcome: Any) -> Arm:
    """The arm of these outcomes, (n,), one a customer, zeros of those who did nothing included."""
    y = np.asarray(outcome, float)
    if y.ndim != 1 or not np.isfinite(y).all():
        raise ValueError("Every customer of an arm needs one outcome that is a number; nothing happened is 0.")
    variance = float(y.var(ddof=1)) if y.size > 1 else math.nan
    return Arm(y.size, float(y.mean()) if y.size else math.nan, variance, int(np.count_nonzero(y)))


def arm_of_sums(n: int, total: float, squares: float, events: int) -> Arm:
    """The arm of n outcomes with this sum, sum of squares and count that is not zero."""
    variance = max(squares - total**2 / n, 0.0) / (n - 1) if n > 1 else math.nan
    return Arm(n, total / n if n else math.nan, variance, events)


def arm_of_count(n: int, events: int) -> Arm:
    """The arm of a yes-or-no outcome: so many of n said yes."""
    return arm_of_sums(n, events, events, events)


def welch(treated: Arm, control: Arm, level: float = LEVEL) -> Difference:
    """Difference of means with Welch's interval."""
    parts = [(arm.squared_error, arm.n - 1) for arm in (treated, control)]
    return with_interval(treated.mean - control.mean, parts, treated, control, level)


def with_interval(
    estimate: float, parts: Sequence[tuple[float, float]], treated: Arm, control: Arm, level: float = LEVEL
) -> Difference:
    """An estimate whose variance is the sum of independent parts (variance, degrees of freedom), with its t interval.

    Degrees of freedom: (Σ v)² / Σ v²/df (Satterthwaite 1946, Biometrics Bull. 2:110).
    """
    variance = sum(v for v, _ in parts)
    if not math.isfinite(variance):
        return Difference(estimate, math.inf, math.nan, -math.inf, math.inf, 1.0, treated, control, level)
    spread = sum(v**2 / df for v, df in parts)
    se, df = math.sqrt(variance), variance**2 / spread if spread > 0 else math.inf
    half = float(t.ppf((1 + level) / 2, df)) * se
    if se > 0:
        p = float(2 * t.sf(abs(estimate) / se, df))
    else:
        p = 1.0 if estimate == 0 else 0.0
    return Difference(estimate, se, df, estimate - half, estimate + half, p, treated, control, level)


def stratified(strata: Mapping[str, tuple[Arm, Arm]], level: float = LEVEL) -> Difference:
    """Difference over strata, by name (treated, control), each weighted by its customers.

    Needed where strata were drawn with different shares: then the arms as a whole differ in their mix. The arms of
    the result hold the weighted means.
    """
    small = [name for name, arms in strata.items() if min(arm.n for arm in arms) < 2]
    if small or not strata:
        raise ValueError(f"Every stratum needs two customers in each arm; {', '.join(small) or 'none'} has fewer.")
    total = sum(treated.n + control.n for treated, control in strata.values())
    parts, arms = [], []
    for side in (0, 1):
        weights = [(treated.n + control.n) / total for treated, control in strata.values()]
        members = [pair[side] for pair in strata.values()]
        squared = [w**2 * arm.squared_error for w, arm in zip(weights, members)]
        parts += [(v, arm.n - 1.0) for v, arm in zip(squared, members)]
        n, mean = sum(arm.n for arm in members), sum(w * arm.mean for w, arm in zip(weights, members))
        arms.append(Arm(n, mean, n * sum(squared), sum(arm.events for arm in members)))
    return with_interval(arms[0].mean - arms[1].mean, parts, arms[0], arms[1], level)


def sample_ratio(counted: Any, expected: Any) -> SampleRatio:
    """Whether arms are as large as they were drawn, Pearson's chi-squared.

    counted: (arms,) or (strata, arms) customers; expected: shares drawn, in the same shape, each row summing to 1.
    """
    n, share = np.atleast_2d(np.asarray(counted, float)), np.atleast_2d(np.asarray(expected, float))
    if n.shape != share.shape or not np.allclose(share.sum(axis=1), 1, rtol=0, atol=1e-9) or (share < 0).any():
        raise ValueError(f"Shares must add up to 1, one for each arm counted. Got {share.tolist()} instead.")
    due = n.sum(axis=1, keepdims=True) * share
    if (n[share == 0] > 0).any():
        return SampleRatio(math.inf, 1, 0.0)
    used = due > 0
    df = int(np.maximum(used.sum(axis=1) - 1, 0).sum())
    value = float(((n[used] - due[used]) ** 2 / due[used]).sum())
    return SampleRatio(value, df, float(chi2.sf(value, df)) if df else 1.0)


def contamination(treated: int, treated_touched: int, control: int, control_touched: int) -> Difference:
    """How many more of the treated than of those held out other campaigns reached in the window.

    Where both arms were reached alike, the effect is one on top of the other campaigns; where p < .001 it is mixed.
    """
    return welch(arm_of_count(treated, treated_touched), arm_of_count(control, control_touched))
