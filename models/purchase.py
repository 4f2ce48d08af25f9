"""What all purchase models share: fitting by maximum likelihood, and answering with intervals."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from models.histories import Histories, checked, grouped
from models.likelihood import Totals, delta, maximise, penalised

FEW, SOME = 1_500, 10_000  # customers that choose between starts, and that give the curvature
BLOCK = 16_384  # rows at a time, so that the arrays between stay in the processor's cache
CRITICAL = 5.991  # 95 % of χ² with 2 degrees of freedom
HANDFUL = 30  # customers
KNOWN = ("dert", "expected_purchases", "p_alive", "p_no_purchase", "active_time")
VAGUE = 1.4  # standard error of ln(parameter) from which its 90 % interval spans a factor of 100


@dataclass(frozen=True)
class Formulas:
    """One model's mathematics. Each takes the parameters first; x, t_x and T are arrays of one shape, time in weeks."""

    score: Callable[..., tuple[np.ndarray, np.ndarray]]  # -> log-likelihood (rows,) and its gradient (k, rows)
    p_alive: Callable[..., np.ndarray]
    p_no_purchase: Callable[..., np.ndarray]
    expected_purchases: Callable[..., np.ndarray]
    dert: Callable[..., np.ndarray]
    active_time: Callable[..., np.ndarray]


class PurchaseModel(BaseEstimator, ABC):
    """A model of who buys again, when customers do not say that they leave.

    fit learns parameters_ (k,), by name as r_, alpha_ …; covariance_ (k, k) of their logarithms; log_likelihood_;
    to_gain_ (log-likelihood that a last step could still gain: the search has converged where it is near 0);
    n_customers_, n_histories_ (distinct ones); rows_evaluated_ (histories whose likelihood was worked out, over the
    whole fit); dropout_identified_ with dropout_statistic_ (twice the log-likelihood gained over null_, the NBD model
    without dropout); unknown_ (sentences on what these data cannot tell).

    When dropout is not identified every answer is null_'s: customers are said to buy at their own rate for ever.
    """

    names: ClassVar[tuple[str, ...]]
    times: ClassVar[tuple[bool, ...]]  # which parameters are durations, in the unit of T
    formulas: ClassVar[Formulas]
    block: ClassVar[int] = BLOCK

    def __init__(self, penalty: float = 0.01):
        self.penalty = penalty

    @abstractmethod
    def starts(self, rows: Histories) -> list[np.ndarray]:
        """Where the search begins, in log parameters, time in units of the mean T."""

    def null(self) -> PurchaseModel | None:
        """The model without dropout, unfitted; None when this is it."""
        return None

    def fit(self, x: Any, t_x: Any, T: Any, counts: Any = None) -> PurchaseModel:
        """Learn from histories: x repeat days, t_x and T weeks, (customers,) each; counts: how many have each."""
        return self.fit_histories(grouped(x, t_x, T, counts))

    def fit_histories(self, rows: Histories) -> PurchaseModel:
        """Learn from histories that are grouped already."""
        if not self.penalty >= 0:
            raise ValueError(f"The penalty must be zero or more. Got {self.penalty} instead.")
        unit = rows.mean(rows.T) or 1.0
        scaled = Histories(rows.x, rows.t_x / unit, rows.T / unit, rows.counts)
        self.rows_evaluated_ = 0
        few, some = scaled.sample(FEW), scaled.sample(SOME)
        some_rows = self._totals(some)
        few_rows = some_rows if few is some else self._totals(few)
        all_rows = some_rows if some is scaled else self._totals(scaled)
        null = self.null()
        self.null_ = None if null is None else null.fit_histories(rows.ages())
        optimum = maximise(all_rows, some_rows, few_rows, self.starts(few), self.penalty)
        slope = penalised(all_rows, optimum.theta, self.penalty)[1]
        self.to_gain_ = 0.5 * float(slope @ optimum.covariance @ slope)
        self.parameters_ = np.exp(optimum.theta) * np.where(self.times, unit, 1.0)
        self.covariance_ = optimum.covariance
        self.log_likelihood_ = optimum.log_likelihood - rows.customers * rows.mean(rows.x) * float(np.log(unit))
        self.n_customers_, self.n_histories_ = rows.customers, len(rows)
        for name, value in zip(self.names, self.parameters_, strict=True):
            setattr(self, f"{name}_", float(value))
        if self.null_ is None:
            self.dropout_statistic_, self.dropout_identified_ = 0.0, False
        else:
            self.rows_evaluated_ += self.null_.rows_evaluated_
            self.dropout_statistic_ = max(2 * (self.log_likelihood_ - self.null_.log_likelihood_), 0.0)
            self.dropout_identified_ = self.dropout_statistic_ > CRITICAL
        self.unknown_ = self._unknown(rows)
        return self

    def _totals(self, rows: Histories) -> Totals:
        """Sums over the rows, block by block in a fixed order."""

        def totals(theta: np.ndarray) -> tuple[float, np.ndarray]:
            parameters = np.exp(theta)
            value, gradient = 0.0, np.zeros(len(theta))
            for first in range(0, len(rows), self.block):
                part = slice(first, first + self.block)
                terms, slopes = self.formulas.score(parameters, rows.x[part], rows.t_x[part], rows.T[part])
                # einsum, not @: the sum must not depend on how many threads a linear algebra library uses
                value += float(np.einsum("j,j", terms, rows.counts[part]))
                gradient += np.einsum("ij,j", slopes, rows.counts[part])
            self.rows_evaluated_ += len(rows)
            return value, gradient * parameters

        return totals

    def _unknown(self, rows: Histories) -> tuple[str, ...]:
        """What the data cannot tell, in sentences for a reader of the model card."""
        found = []
        if rows.customers < HANDFUL:
            found.append(f"Customers to learn from: {rows.customers:.0f}. How customers differ is hardly known.")
        if not rows.T.max() > 0:
            found.append("Everybody came on the last day: nothing about returning is known yet.")
        elif not rows.x.max() > 0:
            found.append(
                "Nobody has bought on a second day: how often customers return is not known, only that few do."
            )
        elif len(rows) > 1 and rows.T.min() == rows.T.max():
            found.append("All customers were watched equally long: nothing compares young customers with old ones.")
        if self.null_ is not None and not self.dropout_identified_:
            found.append(
                "No evidence of customers leaving in this window "
                f"(likelihood ratio {self.dropout_statistic_:.2f}, {CRITICAL} is needed): customers count as active."
            )
        answering = self.answering_
        error = np.sqrt(np.diag(answering.covariance_))
        vague = [name for name, wide in zip(answering.names, error > VAGUE, strict=True) if wide]
        if vague:
            found.append(f"Known only within a factor of 10 or worse: {', '.join(vague)}.")
        return tuple(found)

    @property
    def answering_(self) -> PurchaseModel:
        """The model whose answers are given: this one, or the one without dropout."""
        check_is_fitted(self, "parameters_")
        return self if self.null_ is None or self.dropout_identified_ else self.null_

    def _answer(self, name: str, options: tuple, x: Any, t_x: Any, T: Any) -> np.ndarray:
        model = self.answering_
        return getattr(model.formulas, name)(model.parameters_, *options, *checked(x, t_x, T))

    def p_alive(self, x: Any, t_x: Any, T: Any) -> np.ndarray:
        """Probability that the customer has not left for good. Never a churn score: use p_no_purchase."""
        return self._answer("p_alive", (), x, t_x, T)

    def p_no_purchase(self, h: float, x: Any, t_x: Any, T: Any) -> np.ndarray:
        """Probability of no purchase in (T, T + h], h in weeks: the churn number."""
        return self._answer("p_no_purchase", (h,), x, t_x, T)

    def expected_purchases(self, t: float, x: Any = 0, t_x: Any = 0.0, T: Any = 0.0) -> np.ndarray:
        """Expected purchase days in (T, T + t], t in weeks; of somebody who has just come when no history is given."""
        return self._answer("expected_purchases", (t,), x, t_x, T)

    def dert(self, delta: float, x: Any, t_x: Any, T: Any, horizon: float = np.inf) -> np.ndarray:
        """Expected purchases after T, discounted at the continuous rate delta a week, until the horizon in weeks."""
        return self._answer("dert", (delta, horizon), x, t_x, T)

    def active_time(self, delta: float, x: Any, t_x: Any, T: Any, horizon: float = np.inf) -> np.ndarray:
        """Expected weeks after T until the customer leaves, discounted at delta a week, at most until the horizon."""
        return self._answer("active_time", (delta, horizon), x, t_x, T)

    def interval(
        self, name: str, *arguments: Any, level: float = 0.90, **named: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Estimate, low and high end of what the method `name` returns for these arguments.

        Delta method on the log parameters, on the logit scale for probabilities and the log scale for expectations. It
        holds what is not known about the parameters, not the luck of a single customer.
        """
        if name not in KNOWN:
            raise ValueError(f"There is no interval for {name!r}. Known: {', '.join(KNOWN)}.")
        model = self.answering_
        theta = np.log(model.parameters_)

        def at(changed: np.ndarray) -> np.ndarray:
            other = type(model)(penalty=model.penalty)
            other.parameters_, other.null_ = np.exp(changed), None
            return getattr(other, name)(*arguments, **named)

        return delta(at, theta, model.covariance_, level, share=name.startswith("p_"))
