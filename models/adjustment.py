"""Taking out of an effect what was known of the customers before the campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import qr, solve_triangular

from models.experiment import LEVEL, Difference, arm_of, welch, with_interval

PER_COLUMN = 20  # customers an arm needs for each covariate
SAME = 1e-9  # of a column's length: what is left of it beside the others when it says nothing of its own


@dataclass(frozen=True)
class Adjusted:
    """difference: adjusted; variance_ratio: its squared standard error by that of Welch; columns: covariates used."""

    difference: Difference
    variance_ratio: float
    columns: tuple[int, ...]


def adjusted(outcome: Any, treated: Any, covariates: Any, level: float = LEVEL) -> Adjusted:
    """Effect per customer adjusted for covariates, with interactions and HC2 errors (Lin 2013, Ann. Appl. Stat. 7:295).

    outcome: (n,), treated: (n,) flags, covariates: (n, k) known before the draw. The regression on treatment, centred
    covariates and their products is one regression an arm; the effect is the difference of both at the mean customer.
    HC2 (MacKinnon & White 1985): e²/(1 − h), so that without covariates it is Welch's error. The interval is for
    these customers (a finite population). The ratio is about 1 − R² of the covariates: often little, so it is
    printed, never promised. Columns that say nothing of their own in one of the arms are left out.
    """
    y, w = np.asarray(outcome, float), np.asarray(treated).astype(bool)
    x = np.asarray(covariates, float).reshape(len(y), -1)
    if w.shape != y.shape or not np.isfinite(x).all():
        raise ValueError("Every customer needs an arm and covariates that are numbers; code what is not known as such.")
    plain = welch(arm_of(y[w]), arm_of(y[~w]), level)
    x = x - x.mean(axis=0)
    scale = np.sqrt((x**2).mean(axis=0))
    x = x / np.where(scale > 0, scale, 1.0)
    columns = np.arange(x.shape[1])
    for rows in (slice(None), w, ~w):  # what is independent in an arm stays so with fewer columns
        columns = columns[independent(x[rows][:, columns])]
    fewest = min(int(w.sum()), int((~w).sum()))
    if fewest < PER_COLUMN * (len(columns) + 1):
        raise ValueError(
            f"{len(columns)} covariates need {PER_COLUMN * (len(columns) + 1)} customers in each arm; one has {fewest}."
        )
    means, parts = [], []
    for arm in (w, ~w):
        mean, variance = at_the_mean(y[arm], x[arm][:, columns])
        means.append(mean)
        parts.append((variance, float(arm.sum() - len(columns) - 1)))
    difference = with_interval(means[0] - means[1], parts, plain.treated, plain.control, level)
    ratio = (difference.se / plain.se) ** 2 if plain.se > 0 else 1.0
    return Adjusted(difference, ratio, tuple(int(c) for c in columns))


def at_the_mean(y: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Outcome that a regression of one arm expects where the covariates are 0, and its HC2 variance."""
    design = np.column_stack([np.ones(len(y)), x])
    q, r = np.linalg.qr(design)
    residual = y - q @ (q.T @ y)
    leverage = np.minimum((q**2).sum(axis=1), 1 - 1e-12)  # a row that fits itself leaves no residual
    first = np.eye(design.shape[1])[0]
    weights = q @ solve_triangular(r, first, trans="T")  # of each outcome in the intercept
    return float(weights @ y), float((weights**2 * residual**2 / (1 - leverage)).sum())


def independent(x: np.ndarray) -> np.ndarray:
    """Places of the columns, in their order, that neither a constant nor the others say."""
    if not x.shape[1] or not len(x):
        return np.arange(0)
    centred = x - x.mean(axis=0)
    _, r, order = qr(centred, mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    return np.sort(order[: len(size)][size > SAME * np.sqrt(len(x))])
