"""Expected maximum profit of a retention campaign: what a ranking is worth when its best part is contacted.

Verbraken, Verbeke & Baesens 2013, "A novel profit maximizing metric for measuring classification performance of
customer churn prediction models" (IEEE Transactions on Knowledge and Data Engineering 25:961). Of the would-be leavers
who get the offer a share γ ~ Beta(6, 14) stays; everybody who does not leave takes the offer as well.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc
from sklearn.metrics import roc_curve


def hull(y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the upper convex hull of the ROC curve: share of the stayers, share of the leavers contacted."""
    stayers, leavers, _ = roc_curve(y, p, drop_intermediate=True)
    corners: list[tuple[float, float]] = []
    for x, height in zip(stayers, leavers, strict=True):
        while len(corners) > 1:
            (x0, y0), (x1, y1) = corners[-2:]
            if (x1 - x0) * (height - y0) < (y1 - y0) * (x - x0):
                break
            corners.pop()
        corners.append((float(x), float(height)))
    across, up = np.array(corners).T
    return across, up


def empc(
    y: np.ndarray,
    p: np.ndarray,
    clv: float = 200.0,
    offer: float = 10.0,
    contact: float = 1.0,
    accepts: tuple[float, float] = (6.0, 14.0),
) -> tuple[float, float]:
    """Expected maximum profit per customer, and the share of customers who are contacted for it.

    E over γ of the max over ROC points of CLV(γ(1−δ)−φ)π₀F₀ − CLV(δ+φ)π₁F₁, δ = offer/CLV, φ = contact/CLV, π₀ and F₀
    of the leavers, π₁ and F₁ of the stayers. clv, offer and contact in one currency. Along the convex hull the best
    corner changes at known γ, so the expectation is a sum of incomplete beta functions.
    """
    y = np.asarray(y, bool)
    if y.all() or not y.any():
        raise ValueError("Profit needs customers who left and customers who stayed.")
    stayers, leavers = hull(y, np.asarray(p, float))
    lost = float(y.mean())
    delta, phi = offer / clv, contact / clv
    gain, price = lost * np.diff(leavers), (1 - lost) * (delta + phi) * np.diff(stayers)
    with np.errstate(divide="ignore"):
        change = (price / gain + phi) / (1 - delta)  # γ from which the next corner is better
    edges = np.r_[0.0, np.clip(change, 0, 1), 1.0]
    a, b = accepts
    chance = np.diff(betainc(a, b, edges))
    accepted = a / (a + b) * np.diff(betainc(a + 1, b, edges))  # ∫γ over each stretch
    profit = lost * leavers * ((1 - delta) * accepted - phi * chance) - (1 - lost) * (delta + phi) * stayers * chance
    share = (lost * leavers + (1 - lost) * stayers) * chance
    return float(clv * profit.sum()), float(share.sum())
