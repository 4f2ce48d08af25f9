"""Ridge regressions that leave out folds of the rows, from sums over each fold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

FOLDS = 5
PENALTY = 0.01  # of the rows, on columns of variance 1


def parts_of(fold: np.ndarray, customer: np.ndarray) -> list[slice]:
    """Where the rows of each fold are; they come in the order of folds, then of customers, (n,) each."""
    if (np.diff(fold) < 0).any() or ((np.diff(customer) < 0) & (np.diff(fold) == 0)).any():
        raise ValueError("The rows must come in the order of their folds, then of their customers.")
    ends = np.searchsorted(fold, np.arange(FOLDS + 1))
    return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def scaled(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x itself, (n, k), with mean 0 and variance 1 in every column but the first; the means and scales taken out."""
    mean = x.mean(axis=0)
    mean[0] = 0.0
    x -= mean
    scale = np.sqrt(np.einsum("ij,ij->j", x, x) / max(len(x), 1))
    scale = np.where(scale > 1e-9, scale, 1.0)  # a column that says nothing stays 0
    scale[0] = 1.0
    x /= scale
    return x, mean, scale


class Ridge:
    """Regressions on x, (n, k), whose first column is 1, over chosen rows: (n,) flags, or all."""

    def __init__(self, x: np.ndarray, parts: Sequence[slice], rows: np.ndarray | None = None):
        self.x, self.parts, self.rows = x, parts, rows
        self.gram = np.stack([own.T @ own for own in map(self.chosen, parts)])

    def chosen(self, part: slice, values: np.ndarray | None = None) -> np.ndarray:
        """The chosen rows of one fold, of x or of other values."""
        own = (self.x if values is None else values)[part]
        return own if self.rows is None else own[self.rows[part]]

    def moments(self, y: np.ndarray) -> np.ndarray:
        """Σ x y of each fold, (FOLDS, k)."""
        return np.stack([self.chosen(part).T @ self.chosen(part, y) for part in self.parts])

    def left(self, out: Sequence[int] = ()) -> tuple[np.ndarray, list[int]]:
        """Σ x xᵀ with its penalty over the folds that are not left out, and those folds."""
        kept = [j for j in range(len(self.parts)) if j not in out]
        gram = self.gram[kept].sum(axis=0)
        penalty = np.full(len(gram), PENALTY * max(gram[0, 0], 1.0))
        penalty[0] = 1e-9  # the mean is not drawn toward 0
        return gram + np.diag(penalty), kept

    def weights(self, moments: np.ndarray, out: Sequence[int] = ()) -> np.ndarray:
        """Coefficients, (k,), learned without the folds `out`."""
        gram, kept = self.left(out)
        return np.linalg.solve(gram, moments[kept].sum(axis=0))

    def fit(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients from all rows, (k,), and their covariance, (k, k) (White 1980, Econometrica 48:817)."""
        weights = self.weights(self.moments(y))
        filling = np.zeros_like(self.gram[0])
        for part in self.parts:
            own = self.x[part]
            filling += (own * ((y[part] - own @ weights) ** 2)[:, None]).T @ own
        bread = np.linalg.inv(self.left()[0])
        return weights, bread @ filling @ bread


class Judge:
    """Outcomes expected of customers held out and treated, from one regression on x an arm."""

    def __init__(self, x: np.ndarray, parts: Sequence[slice], outcome: np.ndarray, treated: np.ndarray):
        self.x, self.parts = x, parts
        self.arms = [Ridge(x, parts, treated == arm) for arm in (False, True)]
        self.sums = [ridge.moments(outcome) for ridge in self.arms]

    def expected(self, without: int | None = None) -> np.ndarray:
        """(n, 2) by models that did not see the customer's fold, nor the one left out of it all, which has zeros."""
        expected = np.zeros((len(self.x), 2))
        for j, own in enumerate(self.parts):
            if j != without:
                out = (j,) if without is None else (j, without)
                weights = [ridge.weights(sums, out) for ridge, sums in zip(self.arms, self.sums, strict=True)]
                expected[own] = self.x[own] @ np.column_stack(weights)
        return expected
