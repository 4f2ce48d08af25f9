"""MBG/NBD: customers may leave right after any purchase, the first included.

Batislam, Denizel & Filiztekin 2007 (International Journal of Research in Marketing 24:201); Hoppe & Wagner 2007
(Marketing ZFP 3:75). While active a customer buys at rate λ ~ Gamma(r, α) a week; after each purchase, the first
included, it leaves with probability p ~ Beta(a, b).

L(x, t_x, T) = Γ(r+x)α^r/Γ(r)·{B(a,b+x+1)/B(a,b)·(α+T)^−(r+x) + B(a+1,b+x)/B(a,b)·(α+t_x)^−(r+x)}.
"""

from __future__ import annotations

import numpy as np

from models import beta_geometric
from models.beta_geometric import BetaGeometricFamily

SHIFT = 0  # m = b + x
formulas = beta_geometric.formulas(SHIFT)


def log_likelihood(parameters: np.ndarray, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Log-likelihood of each history."""
    return formulas.score(parameters, x, t_x, T)[0]


def pmf(parameters: np.ndarray, x: np.ndarray, t: float) -> np.ndarray:
    """Probability of x purchases in the first t weeks. x: (rows,) whole numbers."""
    return beta_geometric.pmf(parameters, SHIFT, x, t)


class ModifiedBetaGeometric(BetaGeometricFamily):
    """MBG/NBD: r, alpha, a, b."""

    formulas = formulas
