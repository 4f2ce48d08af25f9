"""Before a campaign: which effect it can show, what the holdout costs, and how long it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist  # no scipy: pages plan with this

ALPHA, POWER = 0.05, 0.80
NORMAL = NormalDist()


def quantiles(alpha: float = ALPHA, power: float = POWER) -> float:
    """z_(1−α/2) + z_power: how many standard errors an effect must be away from 0 to be found so often."""
    if not (0 < alpha < 1 and alpha / 2 < power < 1):
        raise ValueError(f"Risk must lie between 0 and 1 and power between it and 1. Got {alpha} and {power} instead.")
    return NORMAL.inv_cdf(1 - alpha / 2) + NORMAL.inv_cdf(power)


def planned_error(treated: float, control: float, variance: float, ratio: float = 1.0) -> float:
    """Standard error expected of the difference; variance: of the outcome a customer; ratio: achieved by adjustment."""
    if min(treated, control) <= 0 or variance < 0:
        raise ValueError("Both arms need customers, and a variance is not below 0.")
    return math.sqrt(ratio * variance * (1 / treated + 1 / control))


def smallest_effect(
    treated: float, control: float, variance: float, alpha: float = ALPHA, power: float = POWER, ratio: float = 1.0
) -> float:
    """Smallest effect per customer that is found with this power: (z_(1−α/2) + z_power) √(σ² (1/n_T + 1/n_C))."""
    return quantiles(alpha, power) * planned_error(treated, control, variance, ratio)


def power_of(effect: float, se: float, alpha: float = ALPHA) -> float:
    """Chance that an interval around a difference with this standard error leaves out 0, on the side of the effect."""
    return NORMAL.cdf(abs(effect) / se - NORMAL.inv_cdf(1 - alpha / 2))


def smallest_proven_effect(
    treated: float, control: float, variance: float, margin: float, cost_each: float, **options: float
) -> float:
    """Smallest effect in revenue per customer with which a *gain* is found: break-even c/m and the smallest effect."""
    return cost_each / margin + smallest_effect(treated, control, variance, **options)


def customers_needed(
    effect: float, variance: float, share: float, alpha: float = ALPHA, power: float = POWER, ratio: float = 1.0
) -> int:
    """Customers in both arms together that show this effect when `share` of them is held out."""
    if not 0 < share < 1 or effect == 0:
        raise ValueError(f"An effect of 0, or a holdout of none or all, shows nothing. Got {effect} and {share}.")
    needed = ratio * variance * (quantiles(alpha, power) / effect) ** 2 / (share * (1 - share))
    return math.ceil(round(needed, 6))  # 1e-6 of a customer is rounding


def holdout_needed(
    customers: int, effect: float, variance: float, alpha: float = ALPHA, power: float = POWER, ratio: float = 1.0
) -> float | None:
    """Smallest share of this audience to hold out so that the effect is shown; None where not even half is enough."""
    if effect == 0:
        return None
    product = ratio * variance * (quantiles(alpha, power) / effect) ** 2 / customers  # share (1 − share)
    return 0.5 - math.sqrt(0.25 - product) if product <= 0.25 else None


def holdout_cost(control: int, effect: float, margin: float, cost_each: float) -> float:
    """Margin expected to be given up by not contacting the holdout; below 0 where contacting is expected to lose."""
    return control * (margin * effect - cost_each)


@dataclass(frozen=True)
class Duration:
    """days: until the pre-registered end, None where the audience is too small; needed: customers in both arms."""

    days: int | None
    needed: int


def days_needed(
    effect: float, variance: float, share: float, window: int, audience: int = 0, a_day: float = 0.0, **options: float
) -> Duration:
    """How long until this effect can be shown: until enough customers are in, and the last one's window has passed.

    window: days over which an outcome is counted; audience: customers contacted at once; a_day: who join each day
    after that.
    """
    needed = customers_needed(effect, variance, share, **options)
    missing = needed - audience
    if missing <= 0:
        return Duration(window, needed)
    return Duration(window + math.ceil(missing / a_day) if a_day > 0 else None, needed)
