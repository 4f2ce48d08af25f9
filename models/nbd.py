"""NBD: customers buy at their own steady rate and never leave. The null model that dropout has to beat.

Ehrenberg 1959 (Applied Statistics 8:26); Schmittlein, Bemmaor & Morrison 1985 (Marketing Science 4:255).
Purchases are Poisson at rate λ a week, λ ~ Gamma(r, α).
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, psi

from models.histories import Histories
from models.likelihood import at_counts
from models.purchase import Formulas, PurchaseModel


def score(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln of Γ(r+x)/Γ(r)·α^r·(α+T)^−(r+x) (t_x does not matter), and its gradient by r, α: (rows,), (2, rows)."""
    r, alpha = parameters
    end = alpha + T
    shrink = np.log(alpha) - np.log(end)
    terms = at_counts(gammaln, r, x) - gammaln(r) + r * shrink - x * np.log(end)
    by_r = at_counts(psi, r, x) - psi(r) + shrink
    return terms, np.array([by_r, r / alpha - (r + x) / end])


def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Log-likelihood of each history."""
    return score(parameters, x, t_x, T)[0]


def p_alive(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Nobody leaves."""
    return np.ones(np.shape(x))


def p_no_purchase(parameters: np.ndarray, h: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """((α+T)/(α+T+h))^(r+x)."""
    r, alpha = parameters
    return np.exp(-(r + x) * np.log1p(h / (alpha + T)))


def expected_purchases(parameters: np.ndarray, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """(r+x)/(α+T)·t."""
    r, alpha = parameters
    return (r + x) / (alpha + T) * t


def dert(
    parameters: np.ndarray, delta: float, horizon: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """(r+x)/(α+T)·(1−e^(−δH))/δ."""
    r, alpha = parameters
    return (r + x) / (alpha + T) * (-np.expm1(-delta * horizon) / delta)


def active_time(
    parameters: np.ndarray, delta: float, horizon: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """(1−e^(−δH))/δ, whoever the customer is."""
    return np.full(np.shape(x), -np.expm1(-delta * horizon) / delta)


class NBD(PurchaseModel):
    """Negative binomial purchases without dropout: r, alpha."""

    names = ("r", "alpha")
    times = (False, True)
    formulas = Formulas(score, p_alive, p_no_purchase, expected_purchases, dert, active_time)

    def starts(self, rows: Histories) -> list[np.ndarray]:
        rate = max(rows.mean(rows.x), 0.5 / rows.customers)
        return [np.log([r, r / rate]) for r in (0.3, 3.0)]
