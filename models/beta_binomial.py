"""Beta-binomial: how likely each customer is to respond, drawn toward everybody's rate by how little is known.

A customer responds to each contact with its own probability p ~ Beta(a, b); k of n contacts were answered (Skellam
1948; empirical Bayes with it: Efron & Morris 1975, JASA 70:311, for the same idea with normals). Of each cell

L(k, n) = C(n, k)·B(a+k, b+n−k)/B(a, b),   p | k, n ~ Beta(a+k, b+n−k).

a and b are learned by maximum likelihood over distinct (k, n), as θ = (logit μ / 3, ln(s/10) / 2) with μ = a/(a+b) and
s = a+b. A standard normal prior on θ keeps them finite where the data hold no answer (nobody responds; one contact
each); ten thousand customers do not feel it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betainc, betaincc, betaincinv, expit, gammaln, ndtri, psi, xlog1py, xlogy
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.likelihood import Totals, maximise

LOGIT_SPREAD, SIZE_SPREAD, USUAL_SIZE = 3.0, 2.0, 10.0  # the weak prior: of logit μ, of ln s, around this s
CRITICAL = 2.706  # 95 % of the half-and-half mixture of 0 and χ² with 1 degree of freedom: s = ∞ lies at the edge
HANDFUL = 30  # customers


def log_likelihood(a: float, b: float, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """ln L of each cell: k responses to n contacts, (cells,)."""
    ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
    common = gammaln(a + b) - gammaln(a) - gammaln(b)
    return ways + gammaln(a + k) + gammaln(b + n - k) - gammaln(a + b + n) + common


def gradient(a: float, b: float, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Of ln L by a and b: (2, cells)."""
    both = psi(a + b) - psi(a + b + n)
    return np.array([psi(a + k) - psi(a) + both, psi(b + n - k) - psi(b) + both])


class BetaBinomial(BaseEstimator):
    """Response rates of customers, each with what is known about it.

    fit learns a_, b_; rate_ (prior mean a/(a+b)) and size_ (a+b: the contacts that the prior is worth); covariance_ of
    (logit rate, ln size); log_likelihood_; n_customers_ (contacted at least once), contacts_, responses_;
    customers_differ_ with difference_statistic_ (twice the log-likelihood gained over one rate for all); unknown_
    (sentences on what these data cannot tell). penalty: weight of the prior on θ; 0 is plain maximum likelihood.
    """

    def __init__(self, penalty: float = 1.0):
        self.penalty = penalty

    def fit(self, k: Any, n: Any, counts: Any = None) -> BetaBinomial:
        """Learn from k responses of n contacts, (customers,) each; counts: how many customers have each."""
        if not self.penalty >= 0:
            raise ValueError(f"The penalty must be zero or more. Got {self.penalty} instead.")
        k, n, counts = grouped(k, n, counts)
        if not k.size:
            raise ValueError("Nobody was contacted: there are no responses to learn from.")
        self.n_customers_ = int(counts.sum())
        self.contacts_, self.responses_ = int((n * counts).sum()), int((k * counts).sum())
        totals = cell_totals(k, n, counts)
        start = (self.responses_ + 0.5) / (self.contacts_ + 1)
        starts = [theta_of(start, size) for size in (USUAL_SIZE, 1.0, 300.0)]
        optimum = maximise(totals, totals, totals, starts, self.penalty)
        self.a_, self.b_ = natural(optimum.theta)
        self.size_ = self.a_ + self.b_
        self.rate_ = self.a_ / self.size_
        spread = np.array([LOGIT_SPREAD, SIZE_SPREAD])
        self.covariance_ = optimum.covariance * np.outer(spread, spread)
        self.log_likelihood_ = optimum.log_likelihood
        alike = self.responses_ / self.contacts_
        ways = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0)
        one_rate = float(np.einsum("i,i", counts, ways + xlogy(k, alike) + xlog1py(n - k, -alike)))
        self.difference_statistic_ = max(2 * (self.log_likelihood_ - one_rate), 0.0)
        self.customers_differ_ = self.difference_statistic_ > CRITICAL
        self.unknown_ = self._unknown()
        return self

    def _unknown(self) -> tuple[str, ...]:
        found = []
        if self.n_customers_ < HANDFUL:
            found.append(f"Customers contacted: {self.n_customers_}. How customers differ is hardly known.")
        if self.responses_ == 0:
            found.append("Nobody has responded: only that the rate is low is known.")
        elif self.responses_ == self.contacts_:
            found.append("Every contact was answered: only that the rate is high is known.")
        elif not self.customers_differ_:
            found.append(
                "No evidence that customers respond differently from each other "
                f"(likelihood ratio {self.difference_statistic_:.2f}, {CRITICAL:.2f} is needed)."
            )
        return tuple(found)

    def mean(self, k: Any, n: Any) -> np.ndarray:
        """Posterior mean (a+k)/(a+b+n) of each customer's rate."""
        check_is_fitted(self, "a_")
        k, n = whole(k, n)
        return (self.a_ + k) / (self.size_ + n)

    def posterior(self, k: Any, n: Any) -> tuple[np.ndarray, np.ndarray]:
        """The two parameters of the Beta that stands for what is known of each customer's rate.

        Its mean is (a+k)/(a+b+n). Its variance is that of Beta(a+k, b+n−k) and, by the delta method, what is not known
        about a and b (first-order term of Kass & Steffey 1989, JASA 84:717).
        """
        check_is_fitted(self, "a_")
        k, n = whole(k, n)
        mean, size = self.mean(k, n), self.size_ + n
        by_logit = self.size_ * self.rate_ * (1 - self.rate_) / size
        by_size = self.size_ * (self.rate_ - mean) / size
        slopes = np.array([by_logit, by_size])
        unsure = np.einsum("ic,ij,jc->c", slopes, self.covariance_, slopes)
        within = mean * (1 - mean) / (size + 1)
        # a Beta has no larger variance than mean·(1 − mean); it is never taken for vaguer than one contact makes it
        worth = np.maximum(mean * (1 - mean) / (within + unsure) - 1, np.minimum(1.0, size))
        return mean * worth, (1 - mean) * worth

    def interval(self, k: Any, n: Any, level: float = 0.90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Posterior mean, low and high end: equal tails of the posterior."""
        first, second = self.posterior(k, n)
        tail, mean = (1 - level) / 2, self.mean(k, n)
        # nearly all of a very skewed posterior may lie below its mean
        low, high = betaincinv(first, second, tail), betaincinv(first, second, 1 - tail)
        return mean, np.minimum(low, mean), np.maximum(high, mean)

    def p_above(self, rate: float, k: Any, n: Any) -> np.ndarray:
        """P(p > rate) of each customer."""
        return betaincc(*self.posterior(k, n), min(max(rate, 0.0), 1.0))

    def p_below(self, rate: float, k: Any, n: Any) -> np.ndarray:
        """P(p < rate) of each customer."""
        return betainc(*self.posterior(k, n), min(max(rate, 0.0), 1.0))

    def rate_interval(self, level: float = 0.90) -> tuple[float, float, float]:
        """Everybody's rate with its interval: normal on the logit scale."""
        check_is_fitted(self, "a_")
        middle = np.log(self.a_ / self.b_)
        half = float(ndtri((1 + level) / 2)) * np.sqrt(self.covariance_[0, 0])
        return self.rate_, float(expit(middle - half)), float(expit(middle + half))


def natural(theta: np.ndarray) -> tuple[float, float]:
    """a and b of θ."""
    rate, size = expit(LOGIT_SPREAD * theta[0]), USUAL_SIZE * np.exp(SIZE_SPREAD * theta[1])
    return float(rate * size), float(expit(-LOGIT_SPREAD * theta[0]) * size)


def theta_of(rate: float, size: float) -> np.ndarray:
    """θ of a rate in (0, 1) and a size."""
    return np.array([np.log(rate / (1 - rate)) / LOGIT_SPREAD, np.log(size / USUAL_SIZE) / SIZE_SPREAD])


def cell_totals(k: np.ndarray, n: np.ndarray, counts: np.ndarray) -> Totals:
    """Log-likelihood over the cells and its gradient by θ."""

    def totals(theta: np.ndarray) -> tuple[float, np.ndarray]:
        a, b = natural(theta)
        # einsum, not @: the sum must not depend on how many threads a linear algebra library uses
        value = float(np.einsum("i,i", log_likelihood(a, b, k, n), counts))
        by_a, by_b = np.einsum("ij,j", gradient(a, b, k, n), counts)
        rate = a / (a + b)
        by_logit = (by_a - by_b) * (a + b) * rate * (1 - rate)
        return value, np.array([by_logit * LOGIT_SPREAD, (by_a * a + by_b * b) * SIZE_SPREAD])

    return totals


def grouped(k: Any, n: Any, counts: Any = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (k, n) with n > 0 and how many customers have each, in order, so that the order of rows is lost."""
    k, n = whole(k, n)
    counts = np.ones(k.size) if counts is None else np.atleast_1d(np.asarray(counts, float))
    if counts.shape != k.shape or not (counts >= 0).all():
        raise ValueError("counts must hold one number, zero or more, for each cell.")
    used = (n > 0) & (counts > 0)
    cells, place = np.unique(np.stack([n[used], k[used]], axis=1), axis=0, return_inverse=True)
    return cells[:, 1], cells[:, 0], np.bincount(place.ravel(), counts[used], len(cells))


def whole(k: Any, n: Any) -> tuple[np.ndarray, np.ndarray]:
    """The two columns as whole numbers of one shape, 0 ≤ k ≤ n."""
    k, n = np.broadcast_arrays(np.atleast_1d(np.asarray(k, float)), np.atleast_1d(np.asarray(n, float)))
    wrong = ~((k >= 0) & (k <= n) & (k == np.floor(k)) & (n == np.floor(n)) & np.isfinite(n))
    if wrong.any():
        raise ValueError(
            f"{wrong.sum():,} of {k.size:,} customers cannot be (first at row {np.flatnonzero(wrong)[0]}): responses "
            "and contacts must be whole numbers, and no more contacts answered than made."
        )
    return k.astype(np.int64), n.astype(np.int64)
