"""A cloud without groups, as like the data as such a cloud can be: the null that clusters must beat.

Every feature keeps its range, skew and ties, but gets one peak only: the unimodal histogram nearest to its own (least
squares, isotonic on both sides of the best peak; Barlow, Bartholomew, Bremner & Brunk 1972). Features go together as in
a Gaussian copula with the data's rank correlations.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import ndtr, ndtri

FEW_VALUES, BINS = 40, 40  # up to so many different values each is a bin of its own; else so many equal bins


class Unimodal:
    """The null of one table of values (rows, features)."""

    def __init__(self, values: np.ndarray):
        self.marginals = [marginal(column) for column in values.T]
        scores = np.column_stack([normal_scores(column) for column in values.T])
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = np.corrcoef(scores, rowvar=False).reshape(values.shape[1], -1)
        # a constant feature goes along with nothing
        correlation = np.where(np.isfinite(moved), moved, np.eye(len(moved)))
        roots, vectors = np.linalg.eigh(correlation)
        self.root = vectors * np.sqrt(np.maximum(roots, 0))

    def draw(self, rows: int, rng: np.random.Generator) -> np.ndarray:
        """(rows, features) of the cloud."""
        normal = np.einsum("ij,kj->ik", rng.standard_normal((rows, len(self.root))), self.root)
        columns = [np.interp(ndtr(z), *inverse) for z, inverse in zip(normal.T, self.marginals, strict=True)]
        return np.column_stack(columns)


def marginal(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points of the inverse distribution: shares and values between which it is straight; ties are steps."""
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= FEW_VALUES:
        # heights of a distribution that lives on these values; a value is as likely as its neighbours allow
        upto = np.concatenate([[0.0], np.cumsum(one_peak(counts.astype(float)))])
        return np.repeat(upto, 2)[1:-1] / upto[-1], np.repeat(different, 2)
    counts, edges = np.histogram(values, bins=BINS)
    upto = np.concatenate([[0.0], np.cumsum(one_peak(counts.astype(float)))])
    return upto / upto[-1], edges


def one_peak(heights: np.ndarray) -> np.ndarray:
    """The sequence nearest to these heights that rises to one peak and falls after it."""
    best, least = heights, np.inf
    for peak in range(len(heights)):
        rising = isotonic_regression(heights[: peak + 1]).x
        falling = isotonic_regression(heights[peak:], increasing=False).x
        joined = np.concatenate([rising[:-1], [max(rising[-1], falling[0])], falling[1:]])
        error = float(((joined - heights) ** 2).sum())
        if error < least:
            best, least = joined, error
    return best


def normal_scores(values: np.ndarray) -> np.ndarray:
    """Normal quantiles of the mean ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return ndtri(middle / len(values))[place]
