"""Expectations over beta and gamma variables whose integrands are smooth: one trapezoid rule for any parameters.

With y = logit p or y = ln ξ the densities are log-concave with exponential tails. y = centre + scale·sinh τ makes the
tails short, whatever the parameters are, and the trapezoid rule in τ converges exponentially (Takahasi & Mori 1974).
All terms are positive, so nothing cancels; closed forms in hypergeometric functions agree where these can be
evaluated, but overflow or cancel for long histories and near a = 1 or s = 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import log_expit

TAIL = 38.0  # the density is cut where it is e⁻³⁸ of that at the centre: below the rounding of a sum
BETA_NODES, GAMMA_NODES = 80, 56
AGES = 32  # nodes of the interpolation over T


def beta_nodes(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p and weights, each (k, nodes), with Σ weights·f(p) = E[f(p)] for p ~ Beta(a, b). a, b: (k,)."""
    a, b = (np.asarray(value, dtype=float)[:, None] for value in np.broadcast_arrays(a, b))
    y, weight = rule(
        lambda y: a * log_expit(y) + b * log_expit(-y), np.log(a / b), np.sqrt((a + b) / (a * b)), BETA_NODES
    )
    return np.exp(log_expit(y)), weight


def gamma_nodes(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ξ and weights, each (k, nodes), with Σ weights·f(ξ) = E[f(ξ)] for ξ ~ Gamma(shape, 1). shape: (k,)."""
    shape = np.asarray(shape, dtype=float)[:, None]
    y, weight = rule(lambda y: shape * y - np.exp(np.minimum(y, 700)), np.log(shape), 1 / np.sqrt(shape), GAMMA_NODES)
    return np.exp(y), weight


def rule(
    log_density: Callable[[np.ndarray], np.ndarray], centre: np.ndarray, scale: np.ndarray, nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes y (k, nodes) and weights that sum to 1. centre: the density's mode, (k, 1); scale: its width there."""
    top = log_density(centre)

    def edge(sign: float) -> np.ndarray:
        near, far = np.zeros_like(centre), np.full_like(centre, 20.0)
        for _ in range(40):
            middle = (near + far) / 2
            inside = log_density(centre + sign * scale * np.sinh(middle)) > top - TAIL
            near, far = np.where(inside, middle, near), np.where(inside, far, middle)
        return sign * far

    low, high = edge(-1.0), edge(1.0)
    tau = low + (high - low) * np.linspace(0, 1, nodes)
    y = centre + scale * np.sinh(tau)
    weight = np.exp(log_density(y) - top) * np.cosh(tau)
    return y, weight / weight.sum(axis=1, keepdims=True)


def over_ages(
    function: Callable[[np.ndarray, np.ndarray], np.ndarray], x: np.ndarray, T: np.ndarray, alpha: float
) -> np.ndarray:
    """function(x, T) for every row when it is positive and smooth in ln(α + T), without a call for every row.

    function takes distinct x (k,) and the ages (k, m) of each, and returns (k, m). Many ages are interpolated from 32
    Chebyshev points (barycentric form, Berrut & Trefethen 2004, eq. 5.4) in ln f, to better than 1e-9.
    """
    x, T = np.broadcast_arrays(np.atleast_1d(x), np.atleast_1d(np.asarray(T, dtype=float)))
    often, row = np.unique(x, return_inverse=True)
    ages, column = np.unique(T, return_inverse=True)
    row, column = row.reshape(x.shape), column.reshape(x.shape)
    if len(ages) <= AGES:
        return function(often, np.broadcast_to(ages, (len(often), len(ages))))[row, column]
    place = np.log(alpha + ages)
    angle = (np.arange(AGES) + 0.5) * np.pi / AGES
    nodes = (place[0] + place[-1]) / 2 + (place[-1] - place[0]) / 2 * np.cos(angle)
    at_nodes = np.log(function(often, np.broadcast_to(np.exp(nodes) - alpha, (len(often), AGES))))
    apart = place[:, None] - nodes
    hit = apart == 0
    share = (-1.0) ** np.arange(AGES) * np.sin(angle) / np.where(hit, 1, apart)
    share = np.where(hit.any(axis=1, keepdims=True), hit, share)
    share = share / share.sum(axis=1, keepdims=True)
    return np.exp(at_nodes @ share.T)[row, column]
