"""sBG: customers with a contract, who decide at every renewal whether to stay.

Fader & Hardie 2007, "How to project customer retention" (Journal of Interactive Marketing 21:76); 2010, "Customer-base
valuation in a contractual setting" (Marketing Science 29:85). At each renewal a customer leaves with its own
probability θ ~ Beta(α, β): those who stay are more and more the loyal ones, so retention rises with age without anybody
changing.

P(T=t) = B(α+1, β+t−1)/B(α, β);  S(t) = B(α, β+t)/B(α, β);  r_t = (β+t−1)/(α+β+t−1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaln, psi
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.likelihood import Totals, delta, maximise
from models.quadrature import beta_nodes

VAGUE = 1.4  # standard error of ln(parameter) from which its 90 % interval spans a factor of 100


def log_likelihood(parameters: np.ndarray, renewals: np.ndarray, left: np.ndarray) -> np.ndarray:
    """ln P(T=t) of a customer who left at renewal t, ln S(t) of one who has renewed t times: (rows,)."""
    alpha, beta = parameters
    return betaln(alpha + left, beta + renewals - left) - betaln(alpha, beta)


def gradient(parameters: np.ndarray, renewals: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Of the log-likelihood by α, β: (2, rows)."""
    alpha, beta = parameters
    total = psi(alpha + beta) - psi(alpha + beta + renewals)
    return np.array(
        [psi(alpha + left) - psi(alpha) + total, psi(beta + renewals - left) - psi(beta) + total],
    )


def survival(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """S(t): share of new customers who are still there after t renewals."""
    alpha, beta = parameters
    return np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))


def retention(parameters: np.ndarray, t: np.ndarray) -> np.ndarray:
    """r_t: chance that a customer renews at the t-th renewal, having renewed at all before; t from 1."""
    alpha, beta = parameters
    return (beta + t - 1) / (alpha + beta + t - 1)


def derl(parameters: np.ndarray, discount: float, n: np.ndarray) -> np.ndarray:
    """Expected renewals yet to come, discounted at `discount` a period, of a customer in its n-th period, n from 1,
    just before it decides: the first renewal counts in full.

    E[(1−θ)/(1 − (1−θ)/(1+d))] over θ ~ Beta(α, β+n−1), which equals
    (β+n−1)/(α+β+n−1)·₂F₁(1, β+n; α+β+n; 1/(1+d)) (Fader & Hardie 2010, eq. 6).
    """
    alpha, beta = parameters
    periods, row = np.unique(n, return_inverse=True)
    theta, weight = beta_nodes(np.full(len(periods), alpha), beta + periods - 1)
    found = (weight * (1 - theta) * (1 + discount) / (discount + theta)).sum(axis=1)
    return found[row].reshape(np.shape(n))


class ShiftedBetaGeometric(BaseEstimator):
    """Retention of customers with a contract.

    fit learns alpha_, beta_ (parameters_), covariance_ of their logarithms, log_likelihood_, n_customers_ and unknown_
    (sentences on what these data cannot tell).
    """

    def __init__(self, penalty: float = 0.01):
        self.penalty = penalty

    def fit(self, renewals: Any, left: Any, counts: Any = None) -> ShiftedBetaGeometric:
        """Learn from decisions.

        renewals: (customers,) number of the renewal at which the customer left (1 is the first), or how often one who
        is still there has renewed. left: (customers,) whether it left. counts: (customers,) how many are alike.
        """
        often, gone = (np.atleast_1d(np.asarray(column, dtype=float)) for column in (renewals, left))
        weight = np.ones(len(often)) if counts is None else np.asarray(counts, dtype=float)
        wrong = ~((often >= gone) & (often == np.floor(often)) & np.isin(gone, (0, 1)) & (weight >= 0))
        if wrong.any():
            raise ValueError(
                f"{wrong.sum():,} of {len(often):,} contracts cannot be (first at row {np.flatnonzero(wrong)[0]}): "
                "renewals must be a whole number, and at least 1 for a customer who left."
            )
        cases, row = np.unique(np.stack([often, gone]), axis=1, return_inverse=True)
        weight = np.bincount(row.ravel(), weight, cases.shape[1])
        if not (weight * cases[0]).sum() > 0:
            raise ValueError("No renewal has been decided yet: there is nothing to learn.")
        totals = self._totals(cases[0], cases[1], weight)
        starts = [np.log([1.0, share / (1 - share)]) for share in (0.5, 0.9)]
        optimum = maximise(totals, totals, totals, starts, self.penalty)
        self.parameters_, self.covariance_ = np.exp(optimum.theta), optimum.covariance
        self.alpha_, self.beta_ = (float(value) for value in self.parameters_)
        self.log_likelihood_ = optimum.log_likelihood
        self.n_customers_ = float(weight.sum())
        self.unknown_ = self._unknown(float((weight * cases[1]).sum()), float((weight * (cases[0] - cases[1])).sum()))
        return self

    def _totals(self, renewals: np.ndarray, left: np.ndarray, counts: np.ndarray) -> Totals:
        def totals(theta: np.ndarray) -> tuple[float, np.ndarray]:
            parameters = np.exp(theta)
            value = float((counts * log_likelihood(parameters, renewals, left)).sum())
            return value, (counts * gradient(parameters, renewals, left)).sum(axis=1) * parameters

        return totals

    def _unknown(self, left: float, renewed: float) -> tuple[str, ...]:
        found = []
        if not left:
            found.append("Nobody has left yet: retention is not known, only that it is high.")
        if not renewed:
            found.append("Nobody has renewed yet: retention is not known, only that it is low.")
        if left and renewed and np.sqrt(np.diag(self.covariance_)).max() > VAGUE:
            found.append("How customers differ in their retention is known only within a factor of 10 or worse.")
        return tuple(found)

    def survival(self, t: Any) -> np.ndarray:
        """Share of new customers who are still there after t renewals."""
        return self._answer("survival", t)

    def retention(self, t: Any) -> np.ndarray:
        """Chance that a customer renews at the t-th renewal, having renewed at all before; t from 1."""
        return self._answer("retention", t)

    def derl(self, discount: float, n: Any) -> np.ndarray:
        """Discounted expected renewals yet to come of a customer in its n-th period; discount a period, as 0.1."""
        return self._answer("derl", discount, n)

    def interval(self, name: str, *arguments: Any, level: float = 0.90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Estimate, low and high end of survival, retention (logit scale) or derl (log scale): delta method."""
        if name not in FORMULAS:
            raise ValueError(f"There is no interval for {name!r}. Known: {', '.join(FORMULAS)}.")
        check_is_fitted(self, "parameters_")
        return delta(
            lambda theta: answer(name, np.exp(theta), arguments),
            np.log(self.parameters_),
            self.covariance_,
            level,
            share=name != "derl",
        )

    def _answer(self, name: str, *arguments: Any) -> np.ndarray:
        check_is_fitted(self, "parameters_")
        return answer(name, self.parameters_, arguments)


FORMULAS = {"derl": derl, "retention": retention, "survival": survival}


def answer(name: str, parameters: np.ndarray, arguments: tuple) -> np.ndarray:
    """One formula at these parameters; the last argument is an array of whole numbers."""
    *options, periods = arguments
    return FORMULAS[name](parameters, *options, np.atleast_1d(np.asarray(periods, dtype=float)))  # type: ignore[operator]
