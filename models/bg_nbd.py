"""BG/NBD: customers may leave right after any repeat purchase, never before the first. For comparison only.

Fader, Hardie & Lee 2005, "Counting your customers the easy way" (Marketing Science 24:275); notes 004 and 021 of the
authors. While active a customer buys at rate λ ~ Gamma(r, α) a week; after each repeat purchase it leaves with
probability p ~ Beta(a, b).

L(x, t_x, T) = Γ(r+x)α^r/Γ(r)·{B(a,b+x)/B(a,b)·(α+T)^−(r+x) + 1[x>0]·B(a+1,b+x−1)/B(a,b)·(α+t_x)^−(r+x)} (eq. 6).

Somebody without a repeat purchase has had no chance to leave: P(alive) = 1, so 1 − P(alive) ranks churn backwards.
"""

from __future__ import annotations

import numpy as np

from models import beta_geometric
from models.beta_geometric import BetaGeometricFamily

SHIFT = -1  # m = b + x − 1
formulas = beta_geometric.formulas(SHIFT)


def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Equation 6, in logs, of each history."""
    return formulas.score(parameters, x, t_x, T)[0]


def pmf(parameters: np.ndarray, x: np.ndarray, t: float) -> np.ndarray:
    """Probability of x purchases in the first t weeks (eq. 8). x: (rows,) whole numbers."""
    return beta_geometric.pmf(parameters, SHIFT, x, t)


class BetaGeometric(BetaGeometricFamily):
    """BG/NBD: r, alpha, a, b."""

    formulas = formulas
