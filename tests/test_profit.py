"""Profit of a retention campaign: closed cases, and the integral worked out the long way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from models.profit import empc


def long_way(y: np.ndarray, p: np.ndarray, clv: float = 200, offer: float = 10, contact: float = 1) -> float:
    """Every threshold for every one of 20,000 middle values of γ."""
    gamma = beta(6, 14).ppf((np.arange(20_000) + 0.5) / 20_000)
    best = np.zeros(len(gamma))
    for threshold in np.unique(p):
        leavers, stayers = (p >= threshold) & (y == 1), (p >= threshold) & (y == 0)
        gain = leavers.mean() * (clv * gamma * (1 - offer / clv) - contact)
        best = np.maximum(best, gain - stayers.mean() * (offer + contact))
    return float(best.mean())


@pytest.mark.parametrize("seed", range(5))
def test_the_sum_over_the_hull_equals_the_integral_over_all_thresholds(seed):
    rng = np.random.default_rng(seed)
    y = (rng.random(200) < 0.3).astype(int)
    p = np.round(np.clip(0.3 * y + rng.random(200) * 0.7, 0, 1), 1 + seed % 3)
    assert empc(y, p)[0] == pytest.approx(long_way(y, p), rel=1e-4)


def test_a_telecoms_churn_rate_fixes_what_nothing_and_everything_are_worth():
    y = np.r_[np.ones(1_869), np.zeros(5_174)]
    assert empc(y, np.zeros(len(y)))[0] == pytest.approx(6.9061, abs=5e-5)
    value, share = empc(y, y)
    assert value == pytest.approx(14.8607, abs=5e-5)
    assert share == pytest.approx(1_869 / 7_043)


def test_profit_grows_with_the_ranking_and_never_falls_below_doing_nothing():
    rng = np.random.default_rng(1)
    y = (rng.random(2_000) < 0.1).astype(int)
    noise = rng.random(2_000)
    values = [empc(y, weight * y + (1 - weight) * noise)[0] for weight in (0.0, 0.3, 0.6, 1.0)]
    assert values == sorted(values) and values[0] >= 0
    assert empc(y, noise, offer=100)[0] >= 0


def test_profit_of_one_kind_of_customer_is_refused():
    with pytest.raises(ValueError, match="customers who left and customers who stayed"):
        empc(np.ones(5), np.ones(5))
