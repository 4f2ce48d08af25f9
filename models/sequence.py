"""Looking at a campaign while it runs: an interval that holds at all looks at once, and what looks do to other tests.

Asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024 (Ann. Statist. 52:2613), after
Robbins 1970 (Ann. Math. Statist. 41:1397). Repeated tests: Armitage, McPherson & Rowe 1969 (JRSS A 132:235).
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from models.experiment import Arm, Difference, welch

FEWEST = 2_000  # customers before the first look
ALPHA = 0.05


def tuning(alpha: float = ALPHA) -> float:
    """ρ² t*: −2 ln α + ln(1 − 2 ln α), which makes the sequence narrowest where the plan is fulfilled."""
    if not 0 < alpha < 1:
        raise ValueError(f"The risk of being wrong must lie between 0 and 1. Got {alpha} instead.")
    return -2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))


def multiplier(progress: float, alpha: float = ALPHA) -> float:
    """By how many standard errors the sequence reaches to each side: √(2 (u + 1)/u · ln(√(u + 1)/α)), u = tρ².

    progress: t/t*, part of the planned information that is there; any fixed plan is valid, a good one is narrow.
    """
    if not progress > 0:
        raise ValueError(f"Progress must be above 0. Got {progress} instead.")
    u = progress * tuning(alpha)
    return math.sqrt(2 * (u + 1) / u * math.log(math.sqrt(u + 1) / alpha))


def watch(
    treated: Arm, control: Arm, progress: float | None = None, planned: int = 0, alpha: float = ALPHA
) -> Difference | None:
    """The difference so far with an interval that holds whenever it is looked at; None while there is too little.

    Too little: below 2,000 customers in both arms, or below 30 events in one.

    Where customers come one after another, each with its full window, `planned` is t*: how many were planned. Where
    all are contacted at once and outcomes come in day by day, `progress` is `part_of_window`. p is left at NaN: a
    p-value of a single look says nothing here.
    """
    now = welch(treated, control, 1 - alpha)
    n = treated.n + control.n
    if n < FEWEST or not now.enough:
        return None
    if progress is None:
        if planned < 1:
            raise ValueError("Say how many customers were planned, or which part of the window's information is there.")
        progress = n / planned
    half = multiplier(progress, alpha) * now.se
    return replace(now, low=now.estimate - half, high=now.estimate + half, df=math.inf, p=math.nan)


def part_of_window(now: Difference, planned_se: float) -> float:
    """Part of the information where all customers were contacted at once: variance so far by the variance planned.

    The difference in what customers spent so far adds up day by day. Were days independent, it would be a random walk
    with its variance as the clock; customers who keep buying tie days together, which makes crossing a bound rarer
    (Slepian 1962, Bell Syst. Tech. J. 41:463). What can happen only once ties them the other way, by little: tested in
    docs/campaign-measurement.md. planned_se: expected standard error at the end, fixed beforehand.
    """
    if not planned_se > 0:
        raise ValueError(f"The standard error planned for the end must be above 0. Got {planned_se} instead.")
    return (now.se / planned_se) ** 2


def rejected_by_looking(looks: int, alpha: float = ALPHA, nodes: int = 200) -> float:
    """Chance that a campaign without effect is called proven when a fixed-horizon test is looked at so often.

    Exact: the density of the sum S_k of k equal batches inside |S_k| < z √k, carried from look to look by
    Gauss-Legendre quadrature (Armitage, McPherson & Rowe 1969). `nodes` are as many as 100 looks need for ten digits.
    """
    if looks < 1:
        raise ValueError(f"There must be at least one look. Got {looks} instead.")
    z = float(-ndtri(alpha / 2))
    point, weight = np.polynomial.legendre.leggauss(nodes)
    here = z * point
    mass = z * weight * np.exp(-0.5 * here**2) / math.sqrt(2 * math.pi)
    for k in range(2, looks + 1):
        there = z * math.sqrt(k) * point
        step = np.exp(-0.5 * (there[:, None] - here[None, :]) ** 2) / math.sqrt(2 * math.pi)
        here, mass = there, z * math.sqrt(k) * weight * (step @ mass)
    return 1 - float(mass.sum()) if looks > 1 else float(2 * ndtr(-z))
