"""Measures of probabilities: published figures, brute force, and what a perfect model would get."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, precision_score, recall_score

from models import quality

# Mean and 95th percentile of the ECE of a perfect model, published without the risks behind it; Beta(1, 2) has them.
FLOOR = {
    500: (0.0452, 0.0639),
    2_000: (0.0221, 0.0324),
    7_000: (0.0116, 0.0160),
    20_000: (0.0068, 0.0096),
    100_000: (0.0032, 0.0045),
}


def perfect(n: int, seed: int, low: float = 0.0, high: float = 1.0):
    """Outcomes drawn from the probabilities themselves."""
    rng = np.random.default_rng(seed)
    p = rng.uniform(low, high, n)
    return (rng.random(n) < p).astype(int), p


def test_auc_is_the_share_of_pairs_ranked_right_with_ties_as_halves():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 80), rng.integers(0, 6, 80) / 6
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]]
    assert quality.auc(y, p) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert quality.auc(y, np.full(80, 0.3)) == 0.5
    assert np.isnan(quality.auc(np.ones(5), rng.random(5)))


def test_brier_and_its_skill_and_the_log_loss_by_hand():
    y, p = np.array([1, 0, 0, 1]), np.array([0.8, 0.3, 0.1, 0.4])
    assert quality.brier(y, p) == pytest.approx((0.04 + 0.09 + 0.01 + 0.36) / 4)
    assert quality.brier_skill(y, p) == pytest.approx(1 - 0.125 / 0.25)
    assert quality.brier_skill(y, np.full(4, 0.5)) == 0 and np.isnan(quality.brier_skill(np.ones(4), p))
    assert quality.log_losses(y, p).mean() == pytest.approx(-np.log(0.8 * 0.7 * 0.9 * 0.4) / 4)
    assert quality.brier(*perfect(1_000, 2)) == pytest.approx(brier_score_loss(*perfect(1_000, 2)))


def test_ece_is_the_mean_gap_of_ten_bins_of_equal_mass():
    y, p = perfect(2_000, 3, 0.0, 0.5)
    order = np.argsort(p)
    by_hand = np.mean([abs(y[part].mean() - p[part].mean()) for part in np.array_split(order, 10)])
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    assert quality.ece(y, p) == pytest.approx(by_hand, abs=1e-12)
    assert quality.ece(y, p) == pytest.approx(np.abs(observed - predicted).mean(), abs=1e-12)


def test_tied_probabilities_are_never_split_so_the_order_of_rows_changes_nothing():
    rng = np.random.default_rng(4)
    p, y = rng.integers(0, 7, 500) / 7, rng.integers(0, 2, 500)
    shuffle = rng.permutation(500)
    for one, other in zip(
        quality.measures(y, p).values(), quality.measures(y[shuffle], p[shuffle]).values(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert quality.equal_mass(np.full(9, 0.4)).std() == 0


@pytest.mark.parametrize("n", FLOOR)
def test_the_noise_of_ece_at_published_sizes(n):
    p = np.random.default_rng(5).beta(1, 2, n)
    mean, high = quality.ece_floor(p, draws=600)
    assert mean == pytest.approx(FLOOR[n][0], rel=0.06)
    assert high == pytest.approx(FLOOR[n][1], rel=0.08)


def test_the_noise_of_ece_holds_for_a_model_that_is_right_and_catches_one_that_is_not():
    over, wrong = 0, 0
    for seed in range(200):
        y, p = perfect(600, seed, 0.1, 0.7)
        floor = quality.ece_floor(p, draws=200)[1]
        over += quality.ece(y, p) > floor
        wrong += quality.ece(y, np.clip(p + 0.15, 0, 1)) > floor + 0.02
    assert over / 200 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    assert wrong / 200 > 0.95


def test_lift_counts_the_top_tenth_and_shares_out_a_tie_at_its_border():
    y = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1, 0] * 2)
    p = np.linspace(1, 0, 20)
    assert quality.lift(y, p) == pytest.approx(1 / 0.3)
    assert quality.lift(y, np.full(20, 0.5)) == pytest.approx(1)
    assert quality.lift(y, np.r_[0.9, np.full(19, 0.5)]) == pytest.approx((1 + 5 / 19) / 2 / 0.3)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (50, 50), (123, 1_000)])
def test_wilson_equals_scipys(k, n):
    expected = binomtest(k, n).proportion_ci(0.90, method="wilson")
    np.testing.assert_allclose(np.array(quality.wilson(k, n)), (expected.low, expected.high), atol=1e-12)


def test_the_reliability_table_adds_up_and_its_bands_hold_what_is_true_nine_times_in_ten():
    held = []
    for seed in range(60):
        y, p = perfect(1_000, seed)
        table = quality.reliability(y, p)
        assert table["customers"].sum() == 1_000 and len(table) == 10
        assert (table["observed"] * table["customers"]).sum() == pytest.approx(y.sum())
        held += list((table["low"] <= table["predicted"]) & (table["predicted"] <= table["high"]))
    assert np.mean(held) == pytest.approx(0.90, abs=3 * np.sqrt(0.09 / 600))


def test_an_interval_around_a_probability_holds_the_true_share_of_such_customers():
    """The model is wrong on the logit scale; what really happens among customers alike must lie in the interval."""
    held = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        p, new = rng.beta(1, 2, 1_500), np.linspace(0.05, 0.8, 16)
        y = rng.random(1_500) < p**1.3
        low, high = quality.around(new, quality.reliability(y, p))
        assert ((low <= new) & (new <= high)).all()
        held += list((low <= new**1.3) & (new**1.3 <= high))
    assert np.mean(held) >= 0.90 - 3 * np.sqrt(0.09 / 60 / 5)  # some five of the sixteen are independent


def test_thresholds_equal_scikit_learns():
    y, p = perfect(300, 6)
    p = np.round(p, 1)
    at = np.array([0.0, 0.1, 0.25, 0.5, 0.9, 1.01])
    table = quality.thresholds(y, p, at)
    for row in table.iloc[:-1].itertuples():
        assert row.precision == pytest.approx(precision_score(y, p >= row.threshold))
        assert row.recall == pytest.approx(recall_score(y, p >= row.threshold))
        assert row.contacted == pytest.approx((p >= row.threshold).mean())
    assert table["contacted"].iloc[-1] == 0 and np.isnan(table["precision"].iloc[-1])


def test_the_intervals_of_the_measures_hold_the_truth_nine_times_in_ten():
    y, p = perfect(1_000_000, 7, 0.05, 0.6)
    parts = [slice(i, i + 800) for i in range(0, 240_000, 800)]
    found = [quality.measures(y[part], p[part]) for part in parts]
    truth = {"auc": quality.auc(y, p), "brier": quality.brier(y, p), "brier_skill": quality.brier_skill(y, p)}
    truth |= {"log_loss": quality.log_losses(y, p).mean(), "lift": quality.lift(y, p)}
    for name, value in truth.items():
        held = np.mean([row[name][1] <= value <= row[name][2] for row in found])
        assert held == pytest.approx(0.90, abs=3 * np.sqrt(0.09 / 300)), name


def test_a_planted_leak_is_said_in_words_and_its_column_is_named():
    rng = np.random.default_rng(8)
    y = rng.integers(0, 2, 500)
    columns = pd.DataFrame({"days since": rng.normal(size=500), "closed": y + rng.normal(0, 0.1, 500)})
    words = quality.leak_alarm(y, columns["closed"].to_numpy(), columns)
    assert words is not None and "closed" in words and "days since" not in words and "above 0.95" in words
    assert quality.leak_alarm(y, columns["days since"].to_numpy(), columns) is None
    assert quality.leak_alarm(np.ones(5), np.ones(5)) is None
