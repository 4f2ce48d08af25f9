"""How far one customer's own expected value is known: quantiles of rate × time × spend, given the history.

A purchase model and a spend model say how customers differ. Given a history, a customer who is still active has a rate
λ ~ Gamma(r+x, α+T), leaves with p ~ Beta(a, m+1) at a purchase (BG/NBD, MBG/NBD) or at rate μ ~ Gamma(s, β+T)
(Pareto/NBD), and spends ζ a purchase day with p/ζ ~ Gamma(px+q, γ+mx) (Fader, Hardie & Lee 2005; Fader & Hardie, note
025). The value that customer would have on average, could its future be repeated, is

V = λ·ζ·(1 − e^(−(δ+κ)H))/(δ+κ),   κ = λp, μ or 0,

and 0 with probability 1 − P(alive). The interval holds what is not known of λ, κ, ζ, of being active, and of the
parameters (drawn from their normal approximation); it does not hold the luck of one year.

Quantiles of V are worked out on a grid over x, ln(α+T), the weight of the customer's own spend and the level, from one
set of quasi-random numbers (Sobol 1967), and interpolated: the cost does not grow with the customers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.special import betaincinv, exprel, gammaincinv, ndtri
from scipy.stats import qmc

from models.beta_geometric import BetaGeometricFamily
from models.bg_nbd import BetaGeometric
from models.gamma_gamma import GammaGamma, natural
from models.pareto_nbd import ParetoNBD
from models.purchase import PurchaseModel

DRAWS = 2_048
FAR = 4.0  # standard errors beyond which no parameter is drawn
WIDE = 6.0  # no parameter is drawn further than a factor of e⁶ off
EXACT = 12  # repeat purchases up to which each number has a place in the grid
AGES = 10
OWN = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 1.0])  # m·x/(γ + m·x)
TAIL = np.array([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.035])
LEVELS = np.r_[TAIL, np.linspace(0.05, 0.95, 31), 1 - TAIL[::-1]]
SMALLEST = 1e-250


class OwnValue:
    """Quantiles of the own expected value of customers, with the two fitted models, discount a week and weeks ahead.

    spend is None where nothing is known about spending: then V is in purchases.
    """

    def __init__(self, model: PurchaseModel, spend: GammaGamma | None, delta: float, horizon: float = np.inf):
        self.model, self.spend, self.delta, self.horizon = model, spend, delta, horizon

    def fit(self, x: np.ndarray, T: np.ndarray) -> OwnValue:
        """Lay the grid over these x repeat days and T weeks."""
        uniform = qmc.Sobol(10, rng=np.random.default_rng(1)).random(DRAWS).clip(1e-9, 1 - 1e-9).T
        self.answering_ = self.model.answering_
        parameters = drawn(np.log(self.answering_.parameters_), self.answering_.covariance_, uniform[3:7])
        alpha = float(self.answering_.parameters_[1])
        self.often_ = places(int(x.max()))
        self.ages_ = np.unique(np.geomspace(alpha + T.min(), alpha + T.max() + 1e-9, AGES)) - alpha
        self.alpha_ = alpha
        table = np.empty((len(self.often_), len(self.ages_), len(OWN), len(LEVELS)))
        for row, often in enumerate(self.often_):
            rate, leaving = self._latent(parameters, often, uniform)
            total = self.delta + leaving
            # (1 − e^(−κH))/κ, also where nobody leaves
            time = 1 / total if np.isinf(self.horizon) else self.horizon * exprel(-total * self.horizon)
            spends = self._spends(often, uniform)
            value = (rate * time)[:, None, :] * spends[None]
            table[row] = np.moveaxis(np.quantile(value, LEVELS, axis=-1), 0, -1)
        axes = [np.arange(len(size), dtype=float) for size in table_axes(self)]
        self.grid_ = RegularGridInterpolator(axes, np.log(np.maximum(table, SMALLEST)))
        return self

    def _latent(self, parameters: np.ndarray, often: float, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """λ and κ a week of customers who are active, (ages, draws)."""
        r, alpha, *dropout = parameters
        rate = gammaincinv(r + often, uniform[0]) / (alpha + self.ages_[:, None])
        if isinstance(self.answering_, ParetoNBD):
            s, beta = dropout
            return rate, gammaincinv(s, uniform[1]) / (beta + self.ages_[:, None])
        if isinstance(self.answering_, BetaGeometricFamily):
            a, b = dropout
            passed = often + (0 if isinstance(self.answering_, BetaGeometric) else 1)  # m + 1 − b
            return rate, rate * betaincinv(a, b + passed, uniform[1])
        return rate, np.zeros(rate.shape)

    def _spends(self, often: float, uniform: np.ndarray) -> np.ndarray:
        """ζ/(γ + m·x), (weights of the own spend, draws)."""
        if self.spend is None:
            return np.ones((len(OWN), uniform.shape[1]))
        theta = drawn_theta(self.spend.theta_, self.spend.covariance_, uniform[7:10])
        p, above_one, gamma = np.exp(theta)
        fitted = np.exp(self.spend.theta_[2])
        share = p / gammaincinv(p * often + 1 + above_one, uniform[2])
        return share * ((gamma / fitted) * (1 - OWN[:, None]) + OWN[:, None])

    def interval(
        self, x: np.ndarray, T: np.ndarray, m: np.ndarray, p_alive: np.ndarray, level: float = 0.90
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ends of each customer's interval, (customers,); m: mean spend of the repeat days, currency.

        Somebody who may well have left has the lower end 0, and both ends 0 where 1 − P(alive) exceeds the level's
        upper end.
        """
        size = 1.0
        own = np.zeros(len(x))
        if self.spend is not None:
            gamma = natural(self.spend.theta_, self.spend.unit_)[2]
            size = gamma + m * x
            own = m * x / size
        place = np.column_stack(
            [
                np.interp(np.log1p(x), np.log1p(self.often_), np.arange(len(self.often_))),
                np.interp(np.log(self.alpha_ + T), np.log(self.alpha_ + self.ages_), np.arange(len(self.ages_))),
                np.interp(own, OWN, np.arange(len(OWN))),
                np.zeros(len(x)),
            ]
        )
        ends = []
        for tail in ((1 - level) / 2, (1 + level) / 2):
            with np.errstate(divide="ignore"):
                among_active = 1 - (1 - tail) / p_alive
            place[:, 3] = np.interp(among_active, LEVELS, np.arange(len(LEVELS)))
            ends.append(np.where(among_active > 0, size * np.exp(self.grid_(place)), 0.0))
        return ends[0], ends[1]


def table_axes(grid: OwnValue) -> tuple[np.ndarray, ...]:
    """The four axes of the grid."""
    return grid.often_, grid.ages_, OWN, LEVELS


def places(most: int) -> np.ndarray:
    """Numbers of repeat purchases at which the grid stands: each of the first few, then ever farther apart."""
    if most <= EXACT:
        return np.arange(max(most, 1) + 1, dtype=float)
    further = np.geomspace(EXACT, most, int(np.ceil(np.log(most / EXACT) / np.log(1.3))) + 1)[1:]
    return np.r_[np.arange(EXACT + 1, dtype=float), further]


def drawn_theta(theta: np.ndarray, covariance: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Log parameters as they may be: normal around the estimate, (k, draws)."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    moved = root @ ndtri(uniform[: len(theta)]).clip(-FAR, FAR)
    return theta[:, None] + moved.clip(-WIDE, WIDE)


def drawn(theta: np.ndarray, covariance: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Parameters as they may be, (k, draws)."""
    return np.exp(drawn_theta(theta, covariance, uniform))


def of_contract(
    parameters: np.ndarray,
    covariance: np.ndarray,
    renewals: np.ndarray,
    value: Callable[[np.ndarray], np.ndarray],
    level: float = 0.90,
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval of value(θ), (k,), for each number of renewals so far, (k,).

    θ ~ Beta(α, β + n) is the customer's own probability of leaving at a renewal (sBG, Fader & Hardie 2010); α and β are
    drawn, too. covariance: of their logarithms.
    """
    uniform = qmc.Sobol(3, rng=np.random.default_rng(1)).random(DRAWS).clip(1e-9, 1 - 1e-9).T
    alpha, beta = drawn(np.log(parameters), covariance, uniform[1:])
    tails = ((1 - level) / 2, (1 + level) / 2)
    ends = [np.quantile(value(betaincinv(alpha, beta + n, uniform[0])), tails) for n in renewals]
    low, high = np.array(ends).reshape(-1, 2).T
    return low, high
