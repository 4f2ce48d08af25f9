"""The mathematics that BG/NBD and MBG/NBD have in common.

Purchases are Poisson at rate λ ~ Gamma(r, α); at every chance a customer leaves with probability p ~ Beta(a, b). The
models differ in when the first chance comes, and so in how many of them a customer with x repeat purchases has let
pass before the last: m = b + x − 1 (BG/NBD, none at the first purchase) or m = b + x (MBG/NBD). All else is one formula
in m; a customer who is still active has λ ~ Gamma(r+x, α+T) and p ~ Beta(a, m+1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betainc, betaln, expit, gammaln, psi

from models.histories import Histories
from models.likelihood import at_counts
from models.nbd import NBD
from models.purchase import Formulas, PurchaseModel
from models.quadrature import beta_nodes, gamma_nodes, over_ages

LARGEST = 2_000_000  # numbers held at once in a double quadrature


def odds_left(
    parameters: np.ndarray, shift: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ln of a/m·((α+T)/(α+t_x))^(r+x), the odds that the customer has left, and m; −∞ and 1 where nobody can have."""
    r, alpha, a, b = parameters
    could = x + shift >= 0
    m = np.where(could, b + x + shift, 1.0)
    odds = np.log(a / m) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
    return np.where(could, odds, -np.inf), m


def score(
    parameters: np.ndarray, shift: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ln L = ln Γ(r+x)/Γ(r) + r ln α + ln B(a,m+1)/B(a,b) − (r+x) ln(α+T) + ln(1 + odds that the customer has left).

    Returns it (rows,) and its gradient by r, α, a, b (4, rows).
    """
    r, alpha, a, b = parameters
    odds, m = odds_left(parameters, shift, x, t_x, T)
    left = expit(odds)
    last, end = alpha + t_x, alpha + T
    ln_end, ln_gap = np.log(end), np.log1p((T - t_x) / last)
    passed = b + shift + 1  # m + 1 − x
    terms = (
        at_counts(gammaln, r, x) - gammaln(r) + r * np.log(alpha) - (r + x) * ln_end
        + at_counts(gammaln, passed, x) - at_counts(gammaln, a + passed, x) + gammaln(a + b) - gammaln(b)
        + np.logaddexp(0, odds)
    )  # fmt: skip
    common = psi(a + b) - at_counts(psi, a + passed, x)
    gradient = np.array(
        [
            at_counts(psi, r, x) - psi(r) + np.log(alpha) - ln_end + left * ln_gap,
            r / alpha - (r + x) * ((1 - left) / end + left / last),
            common + left / a,
            common + at_counts(psi, passed, x) - psi(b) - left / m,
        ]
    )
    return terms, gradient


def p_alive(parameters: np.ndarray, shift: int, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """1/(1 + a/m·((α+T)/(α+t_x))^(r+x)); 1 where nobody can have left."""
    return expit(-odds_left(parameters, shift, x, t_x, T)[0])


def p_no_purchase(
    parameters: np.ndarray, shift: int, h: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """1 − P(alive)·[1 − ((α+T)/(α+T+h))^(r+x)]."""
    r, alpha = parameters[:2]
    buys = -np.expm1(-(r + x) * np.log1p(h / (alpha + T)))
    return 1 - p_alive(parameters, shift, x, t_x, T) * buys


def pmf(parameters: np.ndarray, shift: int, x: np.ndarray, t: float) -> np.ndarray:
    """P(X(t) = x) of somebody who has just come: B(a,m+1)/B(a,b)·P(N=x) + B(a+1,m)/B(a,b)·P(N≥x).

    N is the number of purchases without dropout, NBD with r and α/(α+t).
    """
    r, alpha, a, b = parameters
    could = x + shift >= 0
    m, at_least = np.where(could, b + x + shift, 1.0), np.maximum(x, 1)
    steady = np.exp(
        gammaln(r + x) - gammaln(r) - gammaln(x + 1) - r * np.log1p(t / alpha) - x * np.log1p(alpha / t)
    )  # fmt: skip
    tail = np.where(x > 0, betainc(at_least, r, t / (alpha + t)), 1.0)
    stays = np.exp(betaln(a, b + x + shift + 1) - betaln(a, b))
    return stays * steady + np.where(could, np.exp(betaln(a + 1, m) - betaln(a, b)), 0.0) * tail


def expected_purchases(
    parameters: np.ndarray, shift: int, t: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """P(alive)·E_p[(1 − (1 + p·t/(α+T))^−(r+x))/p], p ~ Beta(a, m+1).

    The mean over λ of ∫₀ᵗ λe^(−λpu) du; by Pfaff's transformation it equals the published
    (a+m)/(a−1)·[1 − ((α+T)/(α+T+t))^(r+x)·₂F₁(r+x, m+1; a+m; t/(α+T+t))], which has no value at a = 1.
    """
    r, alpha, a, b = parameters
    if t == 0:
        return np.zeros(np.shape(x))

    def if_alive(often: np.ndarray, ages: np.ndarray) -> np.ndarray:
        p, weight = beta_nodes(a, b + shift + 1 + often)
        p = np.maximum(p, 1e-290)  # of hardly any dropout it is 0 in a float; the quotient below has its limit already
        longer = np.log1p(p[:, None, :] * (t / (alpha + ages))[:, :, None])
        return np.einsum("kj,kmj->km", weight / p, -np.expm1(-(r + often)[:, None, None] * longer))

    return p_alive(parameters, shift, x, t_x, T) * over_ages(in_parts(if_alive, 100), x, T, alpha)


def dert(
    parameters: np.ndarray, shift: int, delta: float, horizon: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """P(alive)·E[λ/(δ+λp)·(1 − e^(−(δ+λp)H))], λ ~ Gamma(r+x, α+T), p ~ Beta(a, m+1).

    Equals P(alive)·∫₀ᴴ e^(−δu)·(r+x)/(α+T)·₂F₁(r+x+1, a; a+m+1; −u/(α+T)) du.
    """
    r, alpha = parameters[:2]

    def if_alive(often: np.ndarray, ages: np.ndarray) -> np.ndarray:
        # E[ξ·g(ξ)] for ξ ~ Gamma(s) is s·E[g(ξ)] for ξ ~ Gamma(s+1), whose lower tail is short
        time = discounted(parameters, shift, delta, horizon, r + often + 1, often, alpha + ages)
        return (r + often)[:, None] * time

    return p_alive(parameters, shift, x, t_x, T) * over_ages(in_parts(if_alive, 5_000), x, T, alpha)


def active_time(
    parameters: np.ndarray, shift: int, delta: float, horizon: float, x: np.ndarray, t_x: np.ndarray, T: np.ndarray
) -> np.ndarray:
    """P(alive)·E[(1 − e^(−(δ+λp)H))/(δ+λp)], λ ~ Gamma(r+x, α+T), p ~ Beta(a, m+1)."""
    r, alpha = parameters[:2]

    def if_alive(often: np.ndarray, ages: np.ndarray) -> np.ndarray:
        end = alpha + ages
        return end * discounted(parameters, shift, delta, horizon, r + often, often, end)

    return p_alive(parameters, shift, x, t_x, T) * over_ages(in_parts(if_alive, 5_000), x, T, alpha)


def discounted(
    parameters: np.ndarray,
    shift: int,
    delta: float,
    horizon: float,
    shape: np.ndarray,
    often: np.ndarray,
    end: np.ndarray,
) -> np.ndarray:
    """E[(1 − e^(−(δ+λp)H))/(δ+λp)]/end, λ·end ~ Gamma(shape), p ~ Beta(a, m+1): (k, m) for end (k, m)."""
    a, b = parameters[2:]
    p, weight = beta_nodes(a, b + shift + 1 + often)
    xi, share = gamma_nodes(shape)
    leaving = (xi[:, :, None] * p[:, None, :])[:, None]
    end = end[:, :, None, None]
    total = delta * end + leaving
    inner = 1 / total if np.isinf(horizon) else -np.expm1(-total * (horizon / end)) / total
    return np.einsum("ki,kmij,kj->km", share, inner, weight, optimize=True)


def in_parts(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], nodes: int
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The same function, a few x at a time: memory stays small however many there are."""

    def parts(often: np.ndarray, ages: np.ndarray) -> np.ndarray:
        step = max(1, LARGEST // (nodes * ages.shape[1]))
        found = [function(often[i : i + step], ages[i : i + step]) for i in range(0, len(often), step)]
        return np.concatenate(found)

    return parts


class BetaGeometricFamily(PurchaseModel):
    """What BG/NBD and MBG/NBD share beyond formulas: four parameters, and where the search for them begins."""

    names = ("r", "alpha", "a", "b")
    times = (False, True, False, False)

    def null(self) -> PurchaseModel:
        return NBD(penalty=self.penalty)

    def starts(self, rows: Histories) -> list[np.ndarray]:
        rate = max(rows.mean(rows.x), 0.5 / rows.customers)
        return [np.log([r, r / (2 * rate), a, b]) for r, a, b in ((0.5, 0.8, 2.0), (2.0, 0.2, 4.0))]


def formulas(shift: int) -> Formulas:
    """The formulas of the model whose first chance to leave comes at the first purchase (0) or the second (−1)."""

    def bound(function: Callable) -> Callable:
        return lambda parameters, *arguments: function(parameters, shift, *arguments)

    return Formulas(
        bound(score), bound(p_alive), bound(p_no_purchase), bound(expected_purchases), bound(dert), bound(active_time)
    )
