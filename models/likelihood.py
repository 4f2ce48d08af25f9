"""Maximum likelihood in log parameters: a sample finds the way, all rows fix the estimate, curvature gives its error.

Every parameter is positive, so the search runs over θ = ln(parameter), with time or money in units of the data's own
mean. A weak normal prior on θ (mean 0, variance 1/penalty) keeps estimates finite where the data hold no answer; with
the usual penalty of 0.01 it moves an identified θ by its variance / 100. Standard errors come from the observed
information −∂²/∂θ² (Fisher), central differences of the analytic gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, ndtri

Totals = Callable[[np.ndarray], tuple[float, np.ndarray]]  # θ -> log-likelihood and its gradient by θ, over all rows

EXACT, ENOUGH = 1e-19, 1e-6  # log-likelihood still to be gained when the search stops: on few rows, on many
DIFFERENCE = 1e-4  # step of the central differences in θ
LONGEST = 2.0  # one step changes no parameter by more than a factor of e²


@dataclass(frozen=True)
class Optimum:
    """Where the search ended: θ, log-likelihood without prior, covariance of θ."""

    theta: np.ndarray
    log_likelihood: float
    covariance: np.ndarray


def maximise(
    all_rows: Totals, some_rows: Totals, few_rows: Totals, starts: Sequence[np.ndarray], penalty: float
) -> Optimum:
    """Best θ over all rows.

    few_rows choose between the starts, some_rows give the curvature, all_rows the estimate; the three are one and the
    same function when the data are small.
    """
    ends = [climb(few_rows, start, curvature(few_rows, start, penalty), penalty, ENOUGH) for start in starts]
    theta, _ = max(ends, key=lambda end: end[1])
    if some_rows is not few_rows:
        theta, _ = climb(some_rows, theta, curvature(some_rows, theta, penalty), penalty, ENOUGH)
    information = curvature(some_rows, theta, penalty)
    theta, value = climb(all_rows, theta, information, penalty, EXACT if all_rows is some_rows else ENOUGH)
    information = curvature(some_rows, theta, penalty)
    return Optimum(theta, value + prior(theta, penalty), np.linalg.inv(information))


def prior(theta: np.ndarray, penalty: float) -> float:
    """What the prior takes off the log-likelihood."""
    return 0.5 * penalty * float((theta * theta).sum())


def penalised(totals: Totals, theta: np.ndarray, penalty: float) -> tuple[float, np.ndarray]:
    """Log posterior and its gradient."""
    value, gradient = totals(theta)
    return value - prior(theta, penalty), gradient - penalty * theta


def curvature(totals: Totals, theta: np.ndarray, penalty: float) -> np.ndarray:
    """Observed information; away from an optimum its negative directions count as positive, so that steps lead up."""
    columns = [
        (totals(theta - step)[1] - totals(theta + step)[1]) / (2 * DIFFERENCE)
        for step in DIFFERENCE * np.eye(len(theta))
    ]
    matrix = np.array(columns)
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    floor = max(penalty, 1e-9 * float(np.abs(values).max()), 1e-12)
    return (vectors * np.maximum(np.abs(values + penalty), floor)) @ vectors.T


def climb(
    totals: Totals, theta: np.ndarray, information: np.ndarray, penalty: float, tolerance: float, most: int = 60
) -> tuple[np.ndarray, float]:
    """Best θ and its log posterior, by Newton steps whose curvature learns from each of them (BFGS)."""
    value, gradient = penalised(totals, theta, penalty)
    for _ in range(most):
        step = np.linalg.solve(information, gradient)
        gain = 0.5 * float(gradient @ step)
        if gain < tolerance:
            return theta, value
        step *= min(1.0, LONGEST / float(np.abs(step).max()))
        for _ in range(30):
            new_value, new_gradient = penalised(totals, theta + step, penalty)
            # a gain below the rounding of the sum cannot be seen in it; the gradient still can be trusted
            if new_value >= value or gain < 1e-11 * abs(value):
                break
            step /= 2
        else:
            return theta, value
        fall, bent = gradient - new_gradient, information @ step
        if float(fall @ step) > 0:
            information = (
                information + np.outer(fall, fall) / float(fall @ step) - np.outer(bent, bent) / float(step @ bent)
            )
        theta, value, gradient = theta + step, new_value, new_gradient
    return theta, value


def delta(
    function: Callable[[np.ndarray], np.ndarray], theta: np.ndarray, covariance: np.ndarray, level: float, share: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Estimate, low and high end of f(θ) by the delta method: ln f (or logit f of a share) is taken as normal.

    function: θ (k,) -> (rows,). Its slopes are central differences. Where f is 0, or 1 for a share, whatever the
    parameters are, the interval is that point.
    """
    estimate = np.asarray(function(theta), dtype=float)
    inside = (estimate > 0) & (estimate < 1) if share else estimate > 0
    safe = np.where(inside, estimate, 0.5)

    def scaled(values: np.ndarray) -> np.ndarray:
        kept = np.where(inside, values, 0.5)
        return logit(kept.clip(1e-300, 1 - 1e-16)) if share else np.log(np.maximum(kept, 1e-300))

    slopes = np.array(
        [
            (scaled(function(theta + step)) - scaled(function(theta - step))) / (2 * DIFFERENCE)
            for step in DIFFERENCE * np.eye(len(theta))
        ]
    )
    half = float(ndtri((1 + level) / 2)) * np.sqrt(
        np.maximum(np.einsum("i...,ij,j...->...", slopes, covariance, slopes), 0)
    )
    half = np.minimum(half, 300.0)  # beyond, an end is 0 or too large to print anyway
    middle = scaled(safe)
    back = expit if share else np.exp
    low, high = back(middle - half), back(middle + half)
    return estimate, np.where(inside, low, estimate), np.where(inside, high, estimate)


def at_counts(function: Callable[[np.ndarray], np.ndarray], offset: float, x: np.ndarray) -> np.ndarray:
    """function(offset + x), worked out once for each whole number between the smallest and the largest x."""
    low = int(x.min())
    high = int(x.max())
    if high - low > 2 * x.size + 64:
        return function(offset + x)
    return function(offset + np.arange(low, high + 1))[x - low]
