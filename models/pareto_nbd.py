"""Pareto/NBD: customers leave at a moment of their own, whether they have just bought or not.

Schmittlein, Morrison & Colombo 1987 (Management Science 33:1); Fader & Hardie 2005, "A note on deriving the Pareto/NBD
model"; Fader, Hardie & Lee 2005 (Journal of Marketing Research 42:415). While active a customer buys at rate
λ ~ Gamma(r, α) a week and leaves at rate μ ~ Gamma(s, β) a week, independently.

L(x, t_x, T) = Γ(r+x)α^r β^s/Γ(r)·{(α+T)^−(r+x)(β+T)^−s + ∫ from t_x to T of s(α+y)^−(r+x)(β+y)^−(s+1) dy}.

The integral over the moment y of leaving is what the papers write as A₀·s/(r+s+x) with two ₂F₁. It is taken as it
stands, by Gauss–Legendre in ln(y + min(α, β)): the integrand is analytic there, nothing cancels however long the
history, and its gradient is exact because the rule is differentiated under the integral.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, exprel, gammaln, psi

from models.histories import Histories
from models.likelihood import at_counts
from models.nbd import NBD
from models.purchase import Formulas, PurchaseModel
from models.quadrature import gamma_nodes

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2
BLOCK = 1_024  # rows at a time
TAIL = 36.0  # the integrand is cut where it has fallen to e⁻³⁶ of its start


def leaving(
    parameters: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """ln ∫ s(α+y)^−(r+x)(β+y)^−(s+1) dy from start to end, (rows,); and at the nodes α+y, β+y and shares of the
    integral, (rows, nodes)."""
    r, alpha, s, beta = parameters
    least = min(alpha, beta)
    x, start, end = (column[..., None] for column in (x, start, end))
    span = np.log1p((end - start) / (least + start))
    # the exponent falls ever faster in ln(y + min), so its slope at the start bounds how far there is to go
    slope = (r + x) * (least + start) / (alpha + start) + (s + 1) * (least + start) / (beta + start) - 1
    span = np.maximum(np.minimum(span, TAIL / np.maximum(slope, 1e-9)), 1e-300)
    near = (least + start) * np.exp(span * NODES)
    from_alpha, from_beta = near + (alpha - least), near + (beta - least)
    height = -(r + x) * np.log(from_alpha / (alpha + start)) - (s + 1) * np.log(from_beta / (beta + start))
    share = WEIGHTS * np.exp(height) * near
    total = share.sum(axis=-1, keepdims=True)
    scale = np.log(s * span * total) - (r + x) * np.log(alpha + start) - (s + 1) * np.log(beta + start)
    return scale[..., 0], from_alpha, from_beta, share / total


def ln_integral(parameters: np.ndarray, x: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The logarithm alone, (rows,): a few rows at a time, whose nodes fit into the processor's cache."""
    found = np.empty(np.shape(x))
    for first in range(0, len(found), BLOCK):
        part = slice(first, first + BLOCK)
        found[part] = leaving(parameters, x[part], start[part], end[part])[0]
    return found


def odds_left(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """ln of the odds that the customer has left: the integral over (α+T)^−(r+x)(β+T)^−s."""
    r, alpha, s, beta = parameters
    return ln_integral(parameters, x, t_x, T) + (r + x) * np.log(alpha + T) + s * np.log(beta + T)


def score(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln L (rows,) and its gradient by r, α, s, β (4, rows): the stayed and the left part, each by its probability."""
    r, alpha, s, beta = parameters
    integral, from_alpha, from_beta, share = leaving(parameters, x, t_x, T)
    ln_alpha, ln_beta = np.log(alpha + T), np.log(beta + T)
    odds = integral + (r + x) * ln_alpha + s * ln_beta
    left = expit(odds)
    terms = (
        at_counts(gammaln, r, x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        - (r + x) * ln_alpha - s * ln_beta + np.logaddexp(0, odds)
    )  # fmt: skip

    def mean(values: np.ndarray) -> np.ndarray:
        return np.einsum("...j,...j->...", share, values)

    gradient = np.array(
        [
            at_counts(psi, r, x) - psi(r) + np.log(alpha) - (1 - left) * ln_alpha - left * mean(np.log(from_alpha)),
            r / alpha - (r + x) * ((1 - left) / (alpha + T) + left * mean(1 / from_alpha)),
            np.log(beta) - (1 - left) * ln_beta - left * (mean(np.log(from_beta)) - 1 / s),
            s / beta - (1 - left) * s / (beta + T) - left * (s + 1) * mean(1 / from_beta),
        ]
    )
    return terms, gradient


def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Log-likelihood of each history."""
    return score(parameters, x, t_x, T)[0]


def p_alive(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """1/(1 + s/(r+s+x)·(α+T)^(r+x)(β+T)^s·A₀)."""
    return expit(-odds_left(parameters, x, t_x, T))


def p_no_purchase(parameters: np.ndarray, h: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """1 − P(alive)·[1 − {(α+T)/(α+T+h)}^(r+x)·{(β+T)/(β+T+h)}^s − the same integral from T to T+h]."""
    r, alpha, s, beta = parameters
    until = ln_integral(parameters, x, T, T + h) + (r + x) * np.log(alpha + T) + s * np.log(beta + T)
    stays = -(r + x) * np.log1p(h / (alpha + T)) - s * np.log1p(h / (beta + T))
    return 1 - p_alive(parameters, x, t_x, T) * np.maximum(-np.expm1(stays) - np.exp(until), 0)


def expected_purchases(parameters: np.ndarray, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """P(alive)·(r+x)(β+T)/((α+T)(s−1))·[1 − ((β+T)/(β+T+t))^(s−1)], continuous at s = 1."""
    r, alpha, s, beta = parameters
    longer = np.log1p(t / (beta + T))
    return p_alive(parameters, x, t_x, T) * (r + x) * (beta + T) / (alpha + T) * longer * exprel((1 - s) * longer)


def dert(
    parameters: np.ndarray, delta: float, horizon: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """P(alive)·(r+x)/(α+T)·E[(1 − e^(−(δ+μ)H))/(δ+μ)], μ ~ Gamma(s, β+T).

    For H = ∞ it is P(alive)·(r+x)/(α+T)·(β+T)^s·δ^(s−1)·U(s, s, δ(β+T)) with Tricomi's U.
    """
    r, alpha = parameters[:2]
    return active_time(parameters, delta, horizon, x, t_x, T) * (r + x) / (alpha + T)


def active_time(
    parameters: np.ndarray, delta: float, horizon: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """P(alive)·E[(1 − e^(−(δ+μ)H))/(δ+μ)], μ ~ Gamma(s, β+T)."""
    s, beta = parameters[2:]
    ages, row = np.unique(T, return_inverse=True)
    mu, weight = gamma_nodes(np.array([s]))
    rate = delta + mu[0] / (beta + ages)[:, None]
    years = (1 / rate if np.isinf(horizon) else -np.expm1(-rate * horizon) / rate) @ weight[0]
    return p_alive(parameters, x, t_x, T) * years[row].reshape(np.shape(T))


class ParetoNBD(PurchaseModel):
    """Pareto/NBD: r, alpha, s, beta."""

    names = ("r", "alpha", "s", "beta")
    times = (False, True, False, True)
    formulas = Formulas(score, p_alive, p_no_purchase, expected_purchases, dert, active_time)
    block = BLOCK

    def null(self) -> PurchaseModel:
        return NBD(penalty=self.penalty)

    def starts(self, rows: Histories) -> list[np.ndarray]:
        rate = max(rows.mean(rows.x), 0.5 / rows.customers)
        guesses = ((0.5, 0.6, 0.5), (2.0, 0.3, 2.0), (0.5, 3.0, 5.0))
        return [np.log([r, r / (2 * rate), s, beta]) for r, s, beta in guesses]
