"""Inequality of amounts, each in one number, and the exact sums it takes. Needs numpy only.

Gini 1912; Herfindahl and Hirschman's index on the scale of the U.S. merger guidelines (10,000 = one member has all);
effective number: Laakso & Taagepera 1979 (Comparative Political Studies 12:3).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

TOP = 0.2


def gini(x: Any) -> float:
    """Σ(2i − n − 1) x_(i) / (n Σx) of amounts of zero or more, x_(1) the smallest; NaN where there is nothing."""
    x = np.sort(amounts_of(x, least=0.0))
    n, total = len(x), x.sum()
    return float(((2.0 * np.arange(1, n + 1) - n - 1) * x).sum() / (n * total)) if total > 0 else math.nan


def hhi(x: Any) -> float:
    """Σ(100 s_j)² of the shares s, of amounts of zero or more: 10,000/n if all are equal, 10,000 if one has all."""
    x = amounts_of(x, least=0.0)
    total = x.sum()
    return float(((100 * (x / total)) ** 2).sum()) if total > 0 else math.nan


def effective_number(x: Any) -> float:
    """10,000/HHI: so many equal members would be as concentrated."""
    return 10_000 / hhi(x)


def top_share(x: Any, share: float = TOP) -> float:
    """Share of the total that the largest k = ⌈share n⌉ hold, of amounts of zero or more."""
    x = np.sort(amounts_of(x, least=0.0))[::-1]
    total = x.sum()
    return float(x[: top(len(x), share)].sum() / total) if total > 0 else math.nan


def top(n: int | np.ndarray, share: float) -> Any:
    """⌈share n⌉, where 0.07 × 100 is 7 and not a little more."""
    return np.ceil(np.asarray(share) * n - 1e-9).astype(int)


def amounts_of(x: Any, least: float = -math.inf) -> np.ndarray:
    """The amounts as (n,) floats, or a sentence that says which one cannot be used."""
    x = np.asarray(x, float)
    wrong = np.flatnonzero(~np.isfinite(x) | (x < least)) if x.ndim == 1 else None
    if wrong is None:
        raise ValueError(f"Amounts must be one number for each member. Got an array of shape {x.shape} instead.")
    if wrong.size:
        rule = "finite numbers" if least == -math.inf else "numbers of zero or more"
        raise ValueError(f"Amounts must be {rule}. Got {x[wrong[0]]} at place {wrong[0]} instead.")
    return x


def running(x: np.ndarray) -> np.ndarray:
    """Sum so far, (n,), in √n parts: 100,000 times 0.1 comes out right to 1e-13; a plain cumsum is off by 2e-12."""
    n = len(x)
    width = max(math.isqrt(n), 1)
    parts = np.zeros((-(-n // width), width))
    parts.ravel()[:n] = x
    parts = parts.cumsum(axis=1)
    parts[1:] += parts[:-1, -1].cumsum()[:, None]
    return parts.ravel()[:n]


def first_of_ties(ordered: np.ndarray) -> np.ndarray:
    """For each of the amounts, largest first: the place of the first that is equal to it."""
    place = np.arange(len(ordered))
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return np.maximum.accumulate(np.where(new, place, 0))
