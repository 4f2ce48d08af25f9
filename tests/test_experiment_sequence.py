"""Looking early: the sequence against its formula and under looking all the time; repeated tests against published numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.experiment import Arm, arm_of, arm_of_count, welch
from models.sequence import FEWEST, multiplier, part_of_window, rejected_by_looking, tuning, watch

ARMITAGE = {1: 0.050, 2: 0.083, 5: 0.142, 10: 0.193, 20: 0.248, 50: 0.320, 100: 0.374}  # 1969, table 2, 5 % two-sided


@pytest.mark.parametrize(
    ("t", "planned", "alpha"), [(2_000, 20_000, 0.05), (20_000, 20_000, 0.05), (9_999, 5_000, 0.1)]
)
def test_the_interval_is_the_published_formula(t, planned, alpha):
    rho2 = (-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / planned
    published = math.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * math.log(math.sqrt(t * rho2 + 1) / alpha))
    treated, control = Arm(t // 2, 3.0, 7.0, 500), Arm(t - t // 2, 2.5, 5.0, 400)
    sigma = math.sqrt(t * (7.0 / treated.n + 5.0 / control.n))
    found = watch(treated, control, planned=planned, alpha=alpha)
    assert (found.low, found.high) == pytest.approx((0.5 - sigma * published, 0.5 + sigma * published), rel=1e-12)
    assert found.se == welch(treated, control).se and math.isnan(found.p)


def test_the_sequence_is_narrowest_where_the_plan_is_fulfilled():
    plans = np.linspace(0.2, 5, 481)  # customers seen by customers planned
    widths = [multiplier(plan) for plan in plans]
    assert multiplier(1) < min(widths) * 1.001 and abs(plans[int(np.argmin(widths))] - 1) < 0.1
    assert 1.5 * 1.96 < multiplier(1) < 1.6 * 1.96  # the price of looking: half as wide again
    assert tuning() == pytest.approx(5.991465 + math.log(6.991465), abs=1e-6)


def test_nothing_is_shown_before_2000_customers_and_30_events_an_arm():
    many = arm_of_count(1_000, 300)
    assert watch(many, arm_of_count(FEWEST - 1_000, 30), planned=9_000) is not None
    assert watch(many, arm_of_count(FEWEST - 1_001, 30), planned=9_000) is None
    assert watch(many, arm_of_count(FEWEST, 29), planned=9_000) is None
    assert watch(arm_of_count(FEWEST, 29), many, planned=9_000) is None


def test_looking_after_every_customer_rejects_at_most_5_in_100_and_a_test_at_every_look_far_more():
    """Without effect; one in ten buys, amounts are lognormal: 400 campaigns of 20,000, looked at 18,000 times each."""
    rng, n, campaigns = np.random.default_rng(1), 20_000, 400
    t = np.arange(1, n + 1)
    bound = np.array([multiplier(k / n) for k in t])
    excluded = tested = 0
    for _ in range(campaigns):
        drawn, y = rng.random(n) < 0.5, (rng.random(n) < 0.1) * rng.lognormal(4, 0.5, n)
        means, squared, seen = [], np.zeros(n), t >= FEWEST
        for arm in (drawn, ~drawn):
            count = np.maximum(arm.cumsum(), 2)
            mean = (y * arm).cumsum() / count
            squared += ((y**2 * arm).cumsum() / count - mean**2) / (count - 1)
            means.append(mean)
            seen &= ((y > 0) & arm).cumsum() >= 30
        z = np.abs(means[0] - means[1])[seen] / np.sqrt(squared[seen])
        excluded += bool((z > bound[seen]).any())
        tested += bool((z > 1.96).any())
    assert excluded / campaigns <= 0.05
    assert tested / campaigns > 0.25
    last = watch(arm_of(y[drawn]), arm_of(y[~drawn]), planned=n)
    assert (last.high - last.low) / 2 == pytest.approx(bound[-1] * math.sqrt(squared[-1]), rel=1e-9)


@pytest.mark.parametrize("persistence", [0.0, 1.0])
def test_77_daily_looks_at_customers_contacted_at_once_reject_at_most_5_in_100(persistence):
    """Without effect; customers buy at random, all at one rate or some at twice that of others."""
    rng, n, days, campaigns = np.random.default_rng(2), 2_000, 77, 300
    planned = math.sqrt(4 / n * (days * 0.05 + (days * 0.05 * persistence / 3) ** 2))
    excluded = tested = 0
    for _ in range(campaigns):
        rate = 0.05 * (1 + persistence * np.where(rng.random(n) < 0.5, 1 / 3, -1 / 3))
        sums = rng.poisson(rate[:, None], (n, days)).astype(np.float32).cumsum(axis=1)
        drawn = rng.permutation(n) < n // 2
        difference = sums[drawn].mean(axis=0) - sums[~drawn].mean(axis=0)
        error = np.sqrt((sums[drawn].var(axis=0, ddof=1) + sums[~drawn].var(axis=0, ddof=1)) / (n // 2))
        bound = np.array([multiplier(float(e / planned) ** 2) for e in error])
        seen = np.minimum((sums[drawn] > 0).sum(axis=0), (sums[~drawn] > 0).sum(axis=0)) >= 30
        excluded += bool((np.abs(difference) > bound * error)[seen].any())
        tested += bool((np.abs(difference) > 1.96 * error)[seen].any())
    last = arm_of(sums[drawn][:, -1]), arm_of(sums[~drawn][:, -1])
    shown = watch(*last, progress=part_of_window(welch(*last), planned))
    assert (shown.high - shown.low) / 2 == pytest.approx(bound[-1] * error[-1], rel=1e-5)
    assert excluded / campaigns <= 0.05
    assert tested / campaigns > 0.25  # a test each day is wrong far more often than it says


def test_the_sequence_finds_an_effect_that_is_there():
    assert watch(arm_of_count(20_000, 2_400), arm_of_count(20_000, 2_000), planned=40_000).low > 0


@pytest.mark.parametrize(("looks", "rejected"), ARMITAGE.items())
def test_repeated_looks_reject_as_often_as_armitage_published(looks, rejected):
    assert rejected_by_looking(looks) == pytest.approx(rejected, abs=5.001e-4)


def test_repeated_looks_reject_as_often_as_in_simulation():
    """20,000 random walks of 100 steps; the standard error of each share is at most .0034."""
    rng, walks = np.random.default_rng(4), 20_000
    z = np.abs(rng.standard_normal((walks, 100)).cumsum(axis=1)) / np.sqrt(np.arange(1, 101))
    ever = np.maximum.accumulate(z > 1.959964, axis=1).mean(axis=0)
    for looks in ARMITAGE:
        exact = rejected_by_looking(looks)
        assert abs(ever[looks - 1] - exact) < 3 * math.sqrt(exact * (1 - exact) / walks)


def test_the_quadrature_has_settled():
    assert rejected_by_looking(100) == pytest.approx(rejected_by_looking(100, nodes=300), abs=1e-10)
    assert rejected_by_looking(1, 0.01) == pytest.approx(0.01, rel=1e-12)


def test_what_cannot_be_is_refused():
    many = arm_of_count(1_000, 300)
    with pytest.raises(ValueError, match="how many customers were planned"):
        watch(many, many)
    with pytest.raises(ValueError, match="Progress must be above 0"):
        watch(many, many, progress=0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        multiplier(1, alpha=0)
    with pytest.raises(ValueError, match="at least one look"):
        rejected_by_looking(0)
    with pytest.raises(ValueError, match="planned for the end"):
        part_of_window(welch(many, many), 0)
