"""What a campaign earned beyond its cost: incremental, and beside it what attribution would claim.

iROI = (m Δ n_T − C) / C: m margin rate, Δ difference in net revenue per customer assigned, n_T customers treated,
C cost. Random costs: Fieller 1954 (JRSS B 16:175).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import t

from models.experiment import LEVEL, Arm, Difference, arm_of, welch


@dataclass(frozen=True)
class CampaignRoi:
    """Money in currency, ratios in currency per currency; intervals at the level of the difference.

    net: m Δ n_T − C with its interval, the figure a verdict goes by. roi: net / C with its interval, NaN where nothing
    was spent. attributed_roi: as if all attributed revenue came from the campaign. inflation: attributed by
    incremental revenue, NaN where the increment is not above 0. Attributed and incremental are never added.
    """

    cost: float
    net: float
    net_low: float
    net_high: float
    roi: float
    low: float
    high: float
    attributed_roi: float
    inflation: float


def campaign_roi(difference: Difference, margin: float, cost: float, attributed: float | None = None) -> CampaignRoi:
    """ROI of a cost that is fixed, so all uncertainty is that of the difference.

    difference: in net revenue per customer; margin: contribution margin rate, 0 to 1 (1 where the outcome is margin);
    cost: currency, variable and fixed; attributed: net revenue attributed, all of the treated's if None.
    """
    checked(margin, cost)
    n = difference.treated.n
    net, low, high = (margin * n * d - cost for d in (difference.estimate, difference.low, difference.high))
    by = 1 / cost if cost > 0 else math.nan
    claim, inflation = claimed(difference, margin, cost, attributed)
    return CampaignRoi(cost, net, low, high, net * by, low * by, high * by, claim, inflation)


def campaign_roi_of_costs(
    outcome: Any,
    costs: Any,
    control: Arm,
    margin: float,
    fixed: float = 0.0,
    attributed: float | None = None,
    level: float = LEVEL,
    fieller: bool = True,
) -> CampaignRoi:
    """ROI where the cost depends on what customers do (paid by click, by answer), so that it is random as well.

    outcome, costs: (n_T,) net revenue and cost of each customer treated; fixed: cost of the campaign as a whole. With
    a = m Δ and c the cost per customer, Fieller's interval holds every r with (a − r c)² ≤ q² Var(a − r c); all numbers
    where c itself is not sure to differ from 0. fieller=False: the delta method, a ± q √Var(a − r c) / c.
    """
    y, spent = np.asarray(outcome, float), np.asarray(costs, float)
    if y.shape != spent.shape or len(y) < 2 or not np.isfinite(spent).all():
        raise ValueError("Every customer treated needs one outcome and one cost that is a number; there must be two.")
    difference = welch(arm_of(y), control, level)
    n, cost = len(y), float(spent.sum()) + fixed
    checked(margin, cost)
    a, c = margin * difference.estimate, cost / n
    var_a, var_c = (margin * difference.se) ** 2, float(spent.var(ddof=1)) / n
    cov = margin * float(np.cov(y, spent)[0, 1]) / n
    q = float(t.ppf((1 + level) / 2, difference.df))
    half = q * n * math.sqrt(max(var_a - 2 * cov + var_c, 0.0))
    net = (a - c) * n
    low = high = roi = math.nan
    if cost > 0:
        roi = a / c - 1
        if fieller:
            low, high = fieller_interval(a, c, var_a, var_c, cov, q)
        else:
            error = q * math.sqrt(max(var_a - 2 * (a / c) * cov + (a / c) ** 2 * var_c, 0.0)) / c
            low, high = a / c - error, a / c + error
    claim, inflation = claimed(difference, margin, cost, attributed)
    return CampaignRoi(cost, net, net - half, net + half, roi, low - 1, high - 1, claim, inflation)


def fieller_interval(a: float, c: float, var_a: float, var_c: float, cov: float, q: float) -> tuple[float, float]:
    """All r with (a − r c)² ≤ q² (Var a − 2 r Cov + r² Var c): the interval of a/c."""
    square, middle, rest = c**2 - q**2 * var_c, a * c - q**2 * cov, a**2 - q**2 * var_a
    if square <= 0 or not math.isfinite(var_a):
        return -math.inf, math.inf
    root = math.sqrt(max(middle**2 - square * rest, 0.0))
    return (middle - root) / square, (middle + root) / square


def claimed(difference: Difference, margin: float, cost: float, attributed: float | None) -> tuple[float, float]:
    """ROI by attribution, and attributed by incremental revenue."""
    n = difference.treated.n
    revenue = n * difference.treated.mean if attributed is None else attributed
    gained = n * difference.estimate
    return (margin * revenue - cost) / cost if cost > 0 else math.nan, revenue / gained if gained > 0 else math.nan


def checked(margin: float, cost: float) -> None:
    """Refuse a margin rate or a cost that cannot be."""
    if not 0 < margin <= 1:
        raise ValueError(f"A margin rate must be above 0 and at most 1. Got {margin} instead.")
    if not 0 <= cost < math.inf:
        raise ValueError(f"The cost of a campaign must be a number of at least 0. Got {cost} instead.")
