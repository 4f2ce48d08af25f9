"""Gamma-Gamma: what a customer spends on average, drawn toward everybody's average by how little is known.

Fader, Hardie & Lee 2005 (Journal of Marketing Research 42:415); Fader & Hardie 2013, note 025. Purchases of one
customer are Gamma(p, ν) with the customer's own ν ~ Gamma(q, γ), whatever the number of purchases. For x repeat days
with the mean spend m,

f(m | x) = Γ(px+q)/(Γ(px)Γ(q))·γ^q·m^(px−1)·x^(px)/(γ+mx)^(px+q),   E[M | m, x] = p(γ+mx)/(px+q−1).

q > 1 is required, otherwise the mean over all customers, pγ/(q−1), does not exist: the search runs over ln(q−1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln, psi
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.likelihood import Totals, delta, maximise

FEW, SOME = 1_500, 10_000  # customers that choose between starts, and that give the curvature
BLOCK = 16_384
MOST = 2**20  # days: nobody lives that long
STEADIEST = np.log(1e4)  # ln p: a customer's purchases within 1 % of each other are the same; steadier has no optimum
CLOSE_TO_ONE = 0.05  # q − 1 below which the mean over all customers is hardly defined


def log_likelihood(parameters: np.ndarray, x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """ln f(m | x) of each customer. parameters: p, q, γ (currency); x > 0 repeat days, m > 0 mean spend (currency)."""
    p, q, gamma = parameters
    a = p * x
    return (
        gammaln(a + q) - gammaln(a) - gammaln(q) + q * np.log(gamma)
        + a * np.log(m * x) - np.log(m) - (a + q) * np.log(gamma + m * x)
    )  # fmt: skip


def gradient(parameters: np.ndarray, x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Of ln f(m | x) by p, q, γ: (3, customers)."""
    p, q, gamma = parameters
    a, spend = p * x, m * x
    total = gamma + spend
    return np.array(
        [
            x * (psi(a + q) - psi(a) + np.log(spend / total)),
            psi(a + q) - psi(q) + np.log(gamma / total),
            q / gamma - (a + q) / total,
        ]
    )


def expected_spend(parameters: np.ndarray, x: np.ndarray, m: np.ndarray) -> np.ndarray:
    """E[M | m, x] = p(γ+mx)/(px+q−1), currency a purchase day; of anybody where x is 0."""
    p, q, gamma = parameters
    return p * (gamma + m * x) / (p * x + q - 1)


class GammaGamma(BaseEstimator):
    """Mean spend a purchase day.

    fit learns p_, q_, gamma_ (parameters_), covariance_ of (ln p, ln(q−1), ln γ), log_likelihood_, mean_ (currency a
    day, over all customers), n_customers_ (with a repeat purchase and a positive mean), correlation_ (of x and m: the
    model takes it for zero), rows_evaluated_ and unknown_ (sentences on what these data cannot tell).
    """

    def __init__(self, penalty: float = 0.01):
        self.penalty = penalty

    def fit(self, x: Any, m: Any) -> GammaGamma:
        """Learn from x repeat days and m mean spend of these (currency), (customers,) each; others are left out."""
        often, mean = spends(x, m)
        used = (often > 0) & (mean > 0)
        if not used.any():
            raise ValueError("No customer has a repeat purchase with a positive mean spend: there is nothing to learn.")
        often, mean = often[used], mean[used]
        unit = float(mean.mean())
        spend = often * (mean / unit)
        self.rows_evaluated_ = 0
        all_rows = self._totals(often, spend)
        some_rows = self._totals(*every(SOME, often, spend)) if len(often) > SOME else all_rows
        few_rows = self._totals(*every(FEW, often, spend)) if len(often) > FEW else all_rows
        scale = len(often) / np.array([min(FEW, len(often)), min(SOME, len(often))])
        optimum = maximise(
            all_rows,
            some_rows if some_rows is all_rows else scaled(some_rows, float(scale[1])),
            few_rows if few_rows is all_rows else scaled(few_rows, float(scale[0])),
            [np.log([p, q - 1, (q - 1) / p]) for p, q in ((1.5, 4.0), (6.0, 4.0))],
            self.penalty,
        )
        self.theta_, self.covariance_, self.unit_ = optimum.theta, optimum.covariance, unit
        self.parameters_ = natural(optimum.theta, unit)
        self.p_, self.q_, self.gamma_ = (float(value) for value in self.parameters_)
        self.mean_ = self.p_ * self.gamma_ / (self.q_ - 1)
        self.log_likelihood_ = optimum.log_likelihood - float(np.log(mean).sum())
        self.n_customers_ = len(often)
        spread = float(np.std(often)) * float(np.std(mean))
        self.correlation_ = (
            float(((often - often.mean()) * (mean - unit)).mean()) / spread if spread > 0 else float("nan")
        )
        self.unknown_ = self._unknown(often)
        return self

    def _totals(self, x: np.ndarray, spend: np.ndarray) -> Totals:
        """Sums over customers: gamma functions once for each x, one logarithm for each customer."""
        counts = np.bincount(x)
        values = np.flatnonzero(counts)
        counts = counts[values]
        known = float((x * np.log(spend)).sum())
        whole = x.astype(float)

        def totals(theta: np.ndarray) -> tuple[float, np.ndarray]:
            inside = theta[0] < STEADIEST
            p, q, gamma = natural(np.r_[min(theta[0], STEADIEST), theta[1:]], 1.0)
            a = p * values
            logs, weighted, inverse, weighted_inverse = 0.0, 0.0, 0.0, 0.0
            for first in range(0, len(spend), BLOCK):
                part = slice(first, first + BLOCK)
                total = gamma + spend[part]
                ln_total, one_over = np.log(total), 1 / total
                logs += float(ln_total.sum())
                inverse += float(one_over.sum())
                weighted += float(np.einsum("i,i", whole[part], ln_total))
                weighted_inverse += float(np.einsum("i,i", whole[part], one_over))
            self.rows_evaluated_ += len(spend)
            everybody = len(spend)
            value = (
                float((counts * (gammaln(a + q) - gammaln(a))).sum())
                + everybody * float(q * np.log(gamma) - gammaln(q)) + p * (known - weighted) - q * logs
            )  # fmt: skip
            by_p = float((counts * values * (psi(a + q) - psi(a))).sum()) + known - weighted
            by_q = float((counts * psi(a + q)).sum()) + everybody * float(np.log(gamma) - psi(q)) - logs
            by_gamma = everybody * q / gamma - p * weighted_inverse - q * inverse
            return value, np.array([by_p * p * inside, by_q * (q - 1), by_gamma * gamma])

        return totals

    def _unknown(self, x: np.ndarray) -> tuple[str, ...]:
        found = []
        if len(x) == 1:
            found.append("One customer only has a repeat purchase: how customers differ in spending is not known.")
        if x.max() == 1:
            found.append("Nobody has two repeat purchases: a customer's own spread of spending is not known.")
        if self.q_ - 1 < CLOSE_TO_ONE:
            found.append("Spending is spread so widely that its mean over all customers is hardly defined.")
        return tuple(found)

    def expected_spend(self, x: Any, m: Any) -> np.ndarray:
        """Expected spend a purchase day, given x repeat days of mean spend m; everybody's mean where x is 0."""
        check_is_fitted(self, "parameters_")
        return expected_spend(self.parameters_, *spends(x, m))

    def interval(self, x: Any, m: Any, level: float = 0.90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Expected spend with the low and high end of its interval: delta method on (ln p, ln(q−1), ln γ), log scale.

        It holds what is not known about the parameters, not how far one customer's own mean is off.
        """
        check_is_fitted(self, "parameters_")
        often, mean = spends(x, m)
        return delta(
            lambda theta: expected_spend(natural(theta, self.unit_), often, mean),
            self.theta_,
            self.covariance_,
            level,
            share=False,
        )


def natural(theta: np.ndarray, unit: float) -> np.ndarray:
    """p, q, γ (currency) of (ln p, ln(q−1), ln γ/unit)."""
    p, above_one, gamma = np.exp(theta)
    return np.array([p, 1 + above_one, gamma * unit])


def spends(x: Any, m: Any) -> tuple[np.ndarray, np.ndarray]:
    """The two columns as numbers of one shape; m counts as 0 where x is 0."""
    often, mean = np.broadcast_arrays(np.atleast_1d(np.asarray(x, float)), np.atleast_1d(np.asarray(m, float)))
    wrong = ~((often >= 0) & (often < MOST) & (often == np.floor(often)))
    wrong |= (often > 0) & ~np.isfinite(mean)
    if wrong.any():
        raise ValueError(
            f"{wrong.sum():,} of {often.size:,} customers cannot be (first at row {np.flatnonzero(wrong)[0]}): x must "
            "be a whole number of days, and m a number where x is positive."
        )
    return often.astype(np.int64), np.where(often > 0, mean, 0.0)


def every(customers: int, x: np.ndarray, spend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every k-th customer in the order of x, which makes the sample represent rare long histories, too."""
    short = x.astype(np.int16) if x.max() < 2**15 else x  # sorted without comparisons
    place = ((np.arange(customers) + 0.5) * (len(x) / customers)).astype(np.int64)
    row = np.argsort(short, kind="stable")[place]
    return x[row], spend[row]


def scaled(totals: Totals, factor: float) -> Totals:
    """Sums of a sample as an estimate of the sums over all."""

    def function(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slopes = totals(theta)
        return value * factor, slopes * factor

    return function
