"""How good a forecast was: what came after a cut-off, beside what was expected of each customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

Z = float(ndtri(0.95))  # of 90 % intervals
SURE = 1e-3  # a baseline that says "never" is taken to mean one in a thousand: else one purchase makes its score −∞


@dataclass(frozen=True)
class Total:
    """Sum of what was expected over the sum of what came, less 1, with a 90 % interval for chance alone."""

    error: float
    low: float
    high: float


def log_score(p_none: np.ndarray, later: np.ndarray) -> np.ndarray:
    """ln of the probability that was given to what came, a purchase or none, (customers,). 0 is best (Good 1952)."""
    p = np.clip(p_none, SURE, 1 - SURE)
    return np.log(np.where(later > 0, 1 - p, p))


def total(expected: np.ndarray, later: np.ndarray) -> Total:
    """Customers are independent, so chance makes the sum of their purchases vary by Σ(later − expected)²."""
    came, thought = float(later.sum()), float(expected.sum())
    half = Z * float(np.sqrt(((later - expected) ** 2).sum()))
    return Total(*(thought / max(sum_, 1.0) - 1 for sum_ in (came, came + half, max(came - half, 0.0))))


def mean_absolute_error(expected: np.ndarray, later: np.ndarray) -> float:
    """Purchases a customer."""
    return float(np.abs(expected - later).mean())


def root_mean_square_error(expected: np.ndarray, later: np.ndarray) -> float:
    """Purchases a customer. Smallest, of all forecasts, for the true expectation."""
    return float(np.sqrt(((expected - later) ** 2).mean()))


def correlation(expected: np.ndarray, later: np.ndarray) -> float:
    """Pearson's; not a number where one of the two is constant."""
    if np.ptp(expected) == 0 or np.ptp(later) == 0:
        return float("nan")
    return float(np.corrcoef(expected, later)[0, 1])


def capture(ranking: np.ndarray, spend: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Share of the later spend that the best customers hold, for each share of customers (k,). Ties are averaged."""
    order = np.argsort(-ranking, kind="stable")
    tied = np.cumsum(np.r_[0, np.diff(ranking[order]) != 0])
    mean = np.bincount(tied, spend[order]) / np.bincount(tied)
    held = np.cumsum(mean[tied])
    best = np.round(shares * len(spend)).astype(int)
    everything = held[-1] if held[-1] > 0 else np.nan
    return np.where(best > 0, held[np.maximum(best, 1) - 1], 0.0) / everything


def groups(expected: np.ndarray, later: np.ndarray, most: int = 10) -> list[dict]:
    """Customers in groups of equal size by what was expected of them: means, and a 90 % interval of what came."""
    found = []
    order = np.argsort(expected, kind="stable")
    for number, rows in enumerate(np.array_split(order, min(most, len(order))), start=1):
        came = later[rows]
        # one purchase more keeps the interval of a group in which nobody bought from being a point
        half = Z * float(np.sqrt(came.var() * len(rows) + 1)) / len(rows)
        mean = float(came.mean())
        found.append(
            {"bin": number, "customers": len(rows), "predicted": float(expected[rows].mean()), "observed": mean}
            | {"low": max(mean - half, 0.0), "high": mean + half}
        )
    return found
