"""Whether customers differ in how they respond, from a randomised test.

Scores: Robins, Rotnitzky & Zhao 1994 (JASA 89:846). Qini: Radcliffe 2007, with doubly-robust scores as Yadlowsky et al.
2025 (JASA 120:38).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

LEVEL = 0.95
DRAWS = 200


def cross_fitted(model: Any, covariates: Any, outcome: Any, treated: Any, folds: int = 5, seed: int = 1) -> np.ndarray:
    """Outcomes expected (n, 2) of each customer held out and treated, by one model an arm that did not see it.

    model: a classifier of 0 and 1, whose probability of 1 counts, or a regressor; it is cloned, not changed.
    """
    x, y, w = np.asarray(covariates, float), np.asarray(outcome, float), np.asarray(treated).astype(int)
    expected = np.empty((len(y), 2))
    for learn, judge in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, w):
        for arm in (0, 1):
            rows = learn[w[learn] == arm]
            fitted = clone(model).fit(x[rows], y[rows])
            if hasattr(fitted, "predict_proba"):
                expected[judge, arm] = fitted.predict_proba(x[judge])[:, 1]
            else:
                expected[judge, arm] = fitted.predict(x[judge])
    return expected


def aipw(outcome: Any, treated: Any, p_treated: Any, expected: Any) -> np.ndarray:
    """Γ_i, (n,): an estimate of each customer's effect, useless alone, unbiased in the mean over any group.

    p_treated: (n,) or a number, the logged probability of being treated; expected: (n, 2) held out and treated, from
    models that did not see the customer.
    """
    y, w, p, q = (
        np.asarray(outcome, float),
        np.asarray(treated, float),
        np.asarray(p_treated, float),
        np.asarray(expected),
    )
    if not ((p > 0) & (p < 1)).all():
        raise ValueError("The probability of being treated must be logged for every customer, above 0 and below 1.")
    return q[:, 1] - q[:, 0] + w / p * (y - q[:, 1]) - (1 - w) / (1 - p) * (y - q[:, 0])


@dataclass(frozen=True)
class Qini:
    """value: outcome gained per customer over treating as many at random, with standard error and interval.

    share, gain: (points,) the curve G(φ): gained per customer of all when the first share φ is treated.
    """

    value: float
    se: float
    low: float
    high: float
    share: np.ndarray
    gain: np.ndarray

    @property
    def differs(self) -> bool:
        """Whether the ranking finds customers who respond more: otherwise treat all or none of them."""
        return self.low > 0


def qini(scores: Any, priority: Any, draws: int = DRAWS, seed: int = 1, level: float = LEVEL) -> Qini:
    """Area ∫ (G(φ) − φ G(1)) dφ between treating by priority, highest first, and at random; per customer.

    scores: (n,) Γ_i; priority: (n,), learned from other outcomes. Equal priorities are one step, in which G rises
    as if they came in random order, so the order of rows changes nothing. Standard error by half-sample bootstrap: the
    scatter of the value over halves drawn without replacement, in each of which shares are counted anew.
    """
    gamma, rank = np.asarray(scores, float), np.asarray(priority, float)
    if gamma.shape != rank.shape or len(gamma) < 2 or not (np.isfinite(gamma).all() and np.isfinite(rank).all()):
        raise ValueError("Every customer needs a score and a priority that are numbers; there must be two customers.")
    _, group = np.unique(-rank, return_inverse=True)
    order = np.argsort(group, kind="stable")
    gamma, group = gamma[order], group[order]
    share, gain = curve(gamma, group)
    value = area(share, gain)
    rng, half = np.random.default_rng(seed), len(gamma) // 2
    redrawn = np.empty(draws)
    for draw in range(draws):
        rows = np.sort(rng.permutation(len(gamma))[:half])
        redrawn[draw] = area(*curve(gamma[rows], group[rows]))
    se = math.sqrt(float(((redrawn - value) ** 2).mean()) * half / (len(gamma) - half))
    reach = float(ndtri((1 + level) / 2)) * se
    return Qini(value, se, value - reach, value + reach, share, gain)


def curve(gamma: np.ndarray, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """φ and G(φ) at the ends of the groups, which come in their order, starting at 0."""
    last = np.flatnonzero(np.append(group[1:] != group[:-1], True))
    n = len(group)
    return np.append(0.0, (last + 1) / n), np.append(0.0, gamma.cumsum()[last] / n)


def area(share: np.ndarray, gain: np.ndarray) -> float:
    """∫ (G(φ) − φ G(1)) dφ of a curve that is straight between its points."""
    return float((np.diff(share) * (gain[1:] + gain[:-1])).sum() / 2 - gain[-1] / 2)
