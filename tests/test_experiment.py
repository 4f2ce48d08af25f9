"""Effects, their errors, ROI and verdicts: published figures of a real test, other programs, brute force, planted truth."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare, ttest_ind

from models.adjustment import adjusted
from models.assign_arm import CONTROL, Shares, assign
from models.campaign_roi import campaign_roi, campaign_roi_of_costs, fieller_interval
from models.experiment import (
    Arm,
    arm_of,
    arm_of_count,
    arm_of_sums,
    contamination,
    sample_ratio,
    stratified,
    welch,
)
from models.verdict import GAIN, LOSS, NOT_MEASURABLE, NOT_PROVEN, NOT_YET, verdict

MENS, WOMENS, NONE = "Mens E-Mail", "Womens E-Mail", "No E-Mail"
MARGIN, CONTACT = 0.5, 0.10


@pytest.fixture(scope="module")
def hillstrom(shared_data) -> pd.DataFrame:
    """64,000 customers who were sent the men's e-mail, the women's, or none, at random."""
    return pd.read_parquet(shared_data / "hillstrom.parquet")


def arms(table: pd.DataFrame, mail: str, outcome: str) -> tuple[Arm, Arm]:
    return arm_of(table.loc[table.segment == mail, outcome]), arm_of(table.loc[table.segment == NONE, outcome])


def before_the_draw(table: pd.DataFrame) -> np.ndarray:
    """All that was known of a customer; the bands of the history say nothing beside the history."""
    kinds = pd.get_dummies(table[["zip_code", "channel"]])
    return pd.concat([table[["recency", "history", "mens", "womens", "newbie"]], kinds], axis=1).to_numpy(float)


# The published test


@pytest.mark.parametrize(
    ("mail", "visit", "conversion", "spend"),
    [(MENS, 0.18276, 0.01253, 1.42262), (WOMENS, 0.15140, 0.00884, 1.07720), (NONE, 0.10617, 0.00573, 0.65279)],
)
def test_shares_and_spend_are_those_published(hillstrom, mail, visit, conversion, spend):
    found = [arm_of(hillstrom.loc[hillstrom.segment == mail, name]).mean for name in ("visit", "conversion", "spend")]
    assert found == pytest.approx([visit, conversion, spend], abs=1e-5)


@pytest.mark.parametrize(
    ("mail", "outcome", "effect", "error"),
    [
        (MENS, "spend", 0.76983, 0.14525),
        (WOMENS, "spend", 0.42441, 0.13033),
        (MENS, "visit", 0.07659, 0.00339),
        (WOMENS, "visit", 0.04523, 0.00323),
    ],
)
def test_effects_and_standard_errors_are_those_published(hillstrom, mail, outcome, effect, error):
    found = welch(*arms(hillstrom, mail, outcome))
    assert (found.estimate, found.se) == pytest.approx((effect, error), abs=1e-5)


def test_the_published_arms_are_as_large_as_they_were_drawn(hillstrom):
    counts = hillstrom.segment.value_counts()[[MENS, WOMENS, NONE]].tolist()
    assert counts == [21_307, 21_387, 21_306]
    found = sample_ratio(counts, [1 / 3] * 3)
    assert (found.chi2, found.p) == (pytest.approx(0.2025, abs=5e-5), pytest.approx(0.904, abs=5e-4))
    assert not found.broken


@pytest.mark.parametrize(
    ("mail", "attributed", "roi", "low", "high", "inflation", "word"),
    [(MENS, 6.11, 2.85, 1.43, 4.27, 1.85, GAIN), (WOMENS, 4.39, 1.12, -0.16, 2.40, 2.54, NOT_PROVEN)],
)
def test_attributed_and_incremental_roi_are_those_published(
    hillstrom, mail, attributed, roi, low, high, inflation, word
):
    difference = welch(*arms(hillstrom, mail, "spend"))
    found = campaign_roi(difference, MARGIN, CONTACT * difference.treated.n)
    shown = (found.attributed_roi, found.roi, found.low, found.high, found.inflation)
    assert shown == pytest.approx((attributed, roi, low, high, inflation), abs=0.005)
    assert verdict(difference, found.net_low, found.net_high).word == word


@pytest.mark.parametrize(("outcome", "ratio"), [("visit", 0.971), ("spend", 0.998)])
def test_adjustment_achieves_the_published_variance_ratios(hillstrom, outcome, ratio):
    part = hillstrom[hillstrom.segment != WOMENS]
    found = adjusted(part[outcome], part.segment == MENS, before_the_draw(part))
    assert found.variance_ratio == pytest.approx(ratio, abs=5e-4)
    assert len(found.columns) == 9  # of the dummies of two kinds with three values, four say something of their own


# Welch


def test_welch_agrees_with_scipy():
    rng = np.random.default_rng(3)
    treated, control = rng.gamma(2, 3, 57), rng.gamma(1, 5, 212)
    found, known = welch(arm_of(treated), arm_of(control), 0.9), ttest_ind(treated, control, equal_var=False)
    interval = known.confidence_interval(0.9)
    assert (found.p, found.df) == pytest.approx((known.pvalue, known.df), rel=1e-10)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-10)
    assert found.estimate / found.se == pytest.approx(known.statistic, rel=1e-12)


def test_sums_and_counts_make_the_same_arm_as_rows():
    y = np.random.default_rng(4).poisson(0.4, 500).astype(float)
    rows, sums = arm_of(y), arm_of_sums(500, y.sum(), (y**2).sum(), (y > 0).sum())
    assert (sums.mean, sums.variance) == pytest.approx((rows.mean, rows.variance), rel=1e-12)
    assert sums.events == rows.events == (y > 0).sum()
    said = arm_of_count(500, 40)
    assert said.variance == pytest.approx(arm_of(np.arange(500) < 40).variance, rel=1e-12)


def test_welch_covers_the_planted_effect():
    """Arms of different size and scatter; 4,000 tests, Monte-Carlo standard error .0034."""
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(4_000):
        found = welch(arm_of(rng.normal(1.3, 4, 120)), arm_of(rng.normal(1, 1, 40)))
        held += found.low <= 0.3 <= found.high
    assert abs(held / 4_000 - 0.95) < 3 * 0.0034


def test_thirty_conversions_an_arm_are_enough_and_29_are_not():
    many = arm_of_count(1_000, 200)
    assert welch(many, arm_of_count(1_000, 30)).enough
    assert not welch(many, arm_of_count(1_000, 29)).enough
    assert not welch(arm_of_count(1_000, 29), many).enough


@pytest.mark.parametrize("customers", [0, 1])
def test_an_arm_without_a_variance_leaves_everything_open(customers):
    found = welch(arm_of(np.ones(50)), arm_of(np.ones(customers)))
    assert (found.low, found.high, found.p) == (-math.inf, math.inf, 1.0)


def test_arms_without_scatter_differ_for_sure_or_not_at_all():
    same, more = welch(Arm(50, 1, 0, 50), Arm(50, 1, 0, 50)), welch(Arm(50, 2, 0, 50), Arm(50, 1, 0, 50))
    assert (same.low, same.high, same.p) == (0, 0, 1)
    assert (more.low, more.high, more.p) == (1, 1, 0)


def test_an_outcome_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="nothing happened is 0"):
        arm_of([1.0, math.nan])


# Strata and sample ratio


def test_strata_drawn_with_different_shares_are_not_mistaken_for_an_effect():
    """Large customers spend 10, are mostly treated; small ones spend 1, are mostly held out; nobody changes anything."""
    rng = np.random.default_rng(6)
    large = arm_of(rng.normal(10, 1, 900)), arm_of(rng.normal(10, 1, 100))
    small = arm_of(rng.normal(1, 1, 100)), arm_of(rng.normal(1, 1, 900))
    found = stratified({"large": large, "small": small})
    assert found.low < 0 < found.high and found.se < 0.1
    by_hand = [(a.mean - b.mean) / 2 for a, b in (large, small)]
    error = math.sqrt(sum((a.variance / a.n + b.variance / b.n) / 4 for a, b in (large, small)))
    assert (found.estimate, found.se) == pytest.approx((sum(by_hand), error), rel=1e-12)
    assert found.treated.mean - found.control.mean == pytest.approx(found.estimate, rel=1e-12)
    again = welch(found.treated, found.control)
    assert again.se == pytest.approx(found.se, rel=1e-12)


def test_one_stratum_is_welch():
    pair = arm_of(np.arange(40.0)), arm_of(np.arange(25.0))
    one, plain = stratified({"all": pair}), welch(*pair)
    assert (one.low, one.high, one.df) == pytest.approx((plain.low, plain.high, plain.df), rel=1e-12)


def test_a_stratum_without_control_is_refused():
    pair = arm_of(np.arange(40.0)), arm_of(np.arange(1.0))
    with pytest.raises(ValueError, match="large has fewer"):
        stratified({"large": pair})


def test_lost_customers_break_the_sample_ratio():
    found, known = sample_ratio([10_000, 9_500], [0.5, 0.5]), chisquare([10_000, 9_500])
    assert (found.chi2, found.p) == pytest.approx((known.statistic, known.pvalue), rel=1e-12)
    assert found.broken and not sample_ratio([10_000, 9_600], [0.5, 0.5]).broken  # p = .0003 and .004


def test_strata_that_lost_customers_on_opposite_sides_are_seen():
    counted, shares = [[10_500, 9_500], [9_500, 10_500]], [[0.5, 0.5]] * 2
    assert not sample_ratio(np.sum(counted, axis=0), [0.5, 0.5]).broken
    found = sample_ratio(counted, shares)
    assert found.broken and found.df == 2 and found.chi2 == pytest.approx(2 * chisquare(counted[0]).statistic)


def test_customers_in_an_arm_that_was_never_drawn_break_the_ratio():
    assert sample_ratio([90, 10, 1], [0.9, 0.1, 0]).broken
    assert sample_ratio([90, 10, 0], [0.9, 0.1, 0]).p == pytest.approx(1)
    assert sample_ratio([0, 0], [0.5, 0.5]).p == 1
    with pytest.raises(ValueError, match="must add up to 1"):
        sample_ratio([1, 1], [0.5, 0.4])


def test_other_campaigns_that_reached_one_arm_more_are_seen():
    assert contamination(5_000, 600, 5_000, 610).p > 0.5
    assert contamination(5_000, 600, 5_000, 300).p < 1e-10


# Adjustment


def test_adjustment_is_the_interacted_regression_with_hc2_written_out():
    rng = np.random.default_rng(7)
    n = 200
    x, w = rng.normal(size=(n, 2)), rng.random(n) < 0.4
    y = 1 + w * (0.5 + x[:, 0]) + x @ [2, -1] + rng.normal(size=n) * (1 + w)
    centred = x - x.mean(axis=0)
    design = np.column_stack([np.ones(n), w, centred, w[:, None] * centred])
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ y
    residual, leverage = y - design @ beta, np.einsum("ij,jk,ik->i", design, bread, design)
    sandwich = bread @ (design.T * (residual**2 / (1 - leverage))) @ design @ bread
    found = adjusted(y, w, x)
    assert found.difference.estimate == pytest.approx(beta[1], rel=1e-10)
    assert found.difference.se == pytest.approx(math.sqrt(sandwich[1, 1]), rel=1e-10)
    control = sandwich[0, 0]
    spread = control**2 / ((~w).sum() - 3) + (sandwich[1, 1] - control) ** 2 / (
        w.sum() - 3
    )  # three coefficients an arm
    assert found.difference.df == pytest.approx(sandwich[1, 1] ** 2 / spread, rel=1e-8)
    assert found.variance_ratio == pytest.approx(sandwich[1, 1] / welch(arm_of(y[w]), arm_of(y[~w])).se ** 2, rel=1e-10)


def test_without_covariates_adjustment_is_welch():
    rng = np.random.default_rng(8)
    y, w = rng.gamma(1, 1, 100), np.arange(100) < 30
    for nothing in (np.empty((100, 0)), np.ones((100, 1))):
        found, plain = adjusted(y, w, nothing), welch(arm_of(y[w]), arm_of(y[~w]))
        shown, known = (found.difference.low, found.difference.df), (plain.low, plain.df)
        assert shown == pytest.approx(known, rel=1e-10) and found.variance_ratio == pytest.approx(1, rel=1e-10)


def test_units_of_covariates_and_columns_that_repeat_others_change_nothing():
    rng = np.random.default_rng(9)
    x, w = rng.normal(size=(400, 2)), rng.random(400) < 0.5
    y = x @ [1, 2] + rng.normal(size=400)
    plain = adjusted(y, w, x)
    once = np.where(np.arange(400) == np.flatnonzero(w)[0], 1.0, 0.0)  # constant among those held out
    other = adjusted(y, w, np.column_stack([1e6 * x[:, 0] + 5, x[:, 1] / 1e6, x.sum(axis=1), np.ones(400), once]))
    assert other.difference.se == pytest.approx(plain.difference.se, rel=1e-8)
    assert other.difference.estimate == pytest.approx(plain.difference.estimate, rel=1e-8)
    assert len(other.columns) == 2 and 4 not in other.columns


def test_adjusted_intervals_cover_and_shrink_as_theory_says():
    """2,000 draws of the arms of the same customers: coverage has a standard error of .0049; the ratio is 1 − ρ² by arm."""
    rng = np.random.default_rng(10)
    n, held, ratios = 300, 0, []
    x = rng.normal(size=n)
    without = x + rng.normal(size=n)
    effect = 0.4 + 0.5 * (rng.random(n) < 0.5)  # differs from customer to customer
    for _ in range(2_000):
        w = rng.permutation(n) < 120
        found = adjusted(without + w * effect, w, x)
        held += found.difference.low <= effect.mean() <= found.difference.high
        ratios.append(found.variance_ratio)
    assert held / 2_000 > 0.95 - 3 * 0.0049
    scatter = [without.var() / 180, (without + effect).var() / 120]
    left = [v * (1 - np.corrcoef(x, y)[0, 1] ** 2) for v, y in zip(scatter, (without, without + effect))]
    assert np.mean(ratios) == pytest.approx(sum(left) / sum(scatter), abs=0.01)


def test_too_many_covariates_for_the_customers_are_refused():
    with pytest.raises(ValueError, match="3 covariates need 80 customers in each arm; one has 50"):
        adjusted(np.zeros(200), np.arange(200) < 50, np.random.default_rng(1).normal(size=(200, 3)))


# ROI


def test_a_currency_a_hundred_times_as_small_leaves_every_ratio():
    y, z = np.random.default_rng(11).gamma(1, 20, (2, 400))
    one = campaign_roi(welch(arm_of(y), arm_of(z)), 0.3, 250)
    cents = campaign_roi(welch(arm_of(100 * y), arm_of(100 * z)), 0.3, 25_000)
    ratios = ("roi", "low", "high", "attributed_roi")
    assert [getattr(cents, name) for name in ratios] == pytest.approx([getattr(one, name) for name in ratios], rel=1e-9)
    assert cents.net == pytest.approx(100 * one.net, rel=1e-9)


def test_without_cost_there_is_a_gain_but_no_ratio():
    found = campaign_roi(welch(Arm(100, 3, 4, 90), Arm(100, 2, 4, 90)), 0.5, 0)
    assert found.net == 50 and math.isnan(found.roi) and math.isnan(found.low) and math.isnan(found.attributed_roi)


def test_what_attribution_claims_is_set_beside_what_was_gained():
    found = campaign_roi(welch(Arm(100, 3, 4, 90), Arm(100, 2, 4, 90)), 0.5, 20, attributed=240)
    assert (found.attributed_roi, found.inflation, found.roi) == pytest.approx((5, 2.4, 1.5))
    lost = campaign_roi(welch(Arm(100, 2, 4, 90), Arm(100, 3, 4, 90)), 0.5, 20)
    assert math.isnan(lost.inflation) and lost.attributed_roi == pytest.approx(4)


def test_costs_that_are_the_same_for_all_give_the_interval_of_a_fixed_cost():
    y, z = np.random.default_rng(12).gamma(1, 20, (2, 400))
    fixed = campaign_roi(welch(arm_of(y), arm_of(z)), 0.3, 400 * 0.5 + 30)
    for fieller in (True, False):
        random = campaign_roi_of_costs(y, np.full(400, 0.5), arm_of(z), 0.3, fixed=30, fieller=fieller)
        assert vars(random) == pytest.approx(vars(fixed), rel=1e-9)


def test_fiellers_interval_is_every_ratio_that_is_not_rejected():
    a, c, var_a, var_c, cov, q = 3.0, 2.0, 0.5, 0.1, 0.05, 1.96
    low, high = fieller_interval(a, c, var_a, var_c, cov, q)
    r = np.linspace(-5, 10, 150_001)
    kept = r[(a - r * c) ** 2 <= q**2 * (var_a - 2 * r * cov + r**2 * var_c)]
    assert (low, high) == pytest.approx((kept.min(), kept.max()), abs=1e-4)
    assert len(kept) == np.searchsorted(r, high) - np.searchsorted(r, low)
    assert fieller_interval(a, 0.5, var_a, var_c, cov, q) == (-math.inf, math.inf)


def test_with_costs_that_are_random_intervals_hold_the_planted_roi_and_agree_on_its_sign():
    """Buyers answer, and every answer costs 8: revenue and cost go together. 2,000 tests, standard error .0049."""
    rng = np.random.default_rng(13)
    held = {True: 0, False: 0}
    truth = 0.4 * (0.25 - 0.15) * 60 / (0.25 * 8) - 1
    for _ in range(2_000):
        bought, anyway = rng.random(500) < 0.25, rng.random(500) < 0.15
        control = arm_of(anyway * rng.gamma(3, 20, 500))
        y = bought * rng.gamma(3, 20, 500)
        for fieller in held:
            found = campaign_roi_of_costs(y, 8.0 * bought, control, 0.4, fieller=fieller)
            held[fieller] += found.low <= truth <= found.high
            if fieller:
                assert (found.low > 0, found.high < 0) == (found.net_low > 0, found.net_high < 0)
    for found in held.values():
        assert abs(found / 2_000 - 0.95) < 3 * 0.0049


@pytest.mark.parametrize(("margin", "cost"), [(0, 1), (1.2, 1), (0.5, -1), (0.5, math.nan)])
def test_a_margin_or_a_cost_that_cannot_be_is_refused(margin, cost):
    with pytest.raises(ValueError, match=r"margin rate|cost of a campaign"):
        campaign_roi(welch(Arm(9, 3, 4, 9), Arm(9, 2, 4, 9)), margin, cost)


def test_a_campaign_without_effect_on_heavy_buyers_looks_like_a_gain_only_by_attribution():
    rng = np.random.default_rng(14)
    n = 20_000
    drawn = assign("a salt of sixteen", [f"c{i}" for i in range(n)], Shares(0.5))
    spend = (rng.random(n) < 0.4) * rng.gamma(2, 50, n)
    control = drawn.arm == CONTROL
    difference = welch(arm_of(spend[~control]), arm_of(spend[control]))
    found = campaign_roi(difference, 0.4, 0.5 * (~control).sum())
    assert found.attributed_roi > 20 and found.low < -1 < found.high  # nothing gained: the cost is lost
    assert verdict(difference, found.net_low, found.net_high).word == NOT_PROVEN


# Verdicts

CLEAR = welch(arm_of_count(5_000, 600), arm_of_count(5_000, 400))
BROKEN = sample_ratio([10_000, 9_500], [0.5, 0.5])


def test_an_interval_above_or_below_nothing_is_proven_and_one_around_it_is_not():
    assert verdict(CLEAR, 0.1, 2).word == GAIN and verdict(CLEAR, 0.1, 2).reasons == ()
    assert verdict(CLEAR, -2, -0.1).word == LOSS
    open_ = verdict(CLEAR, -0.1, 2, needed=12_000)
    assert open_.word == NOT_PROVEN and open_.next_step == "Repeat it with 12,000 customers in both arms."
    assert verdict(CLEAR, 0, 2).word == verdict(CLEAR, -2, 0).word == verdict(CLEAR, -2, 0.01).word == NOT_PROVEN


def test_without_a_holdout_drawn_at_random_nothing_is_measurable_and_it_is_said_what_would_make_it_so():
    for found in (
        verdict(None, math.nan, math.nan, needed=3_000),
        verdict(welch(arm_of_count(50, 40), arm_of_count(0, 0)), -1, 1, needed=3_000),
        verdict(CLEAR, 1, 2, drawn=False, needed=3_000),
    ):
        assert found.word == NOT_MEASURABLE and len(found.reasons) == 1
        assert "drawn at random before the export" in found.next_step and "3,000 customers" in found.next_step


def test_a_failed_check_outweighs_an_interval_above_nothing():
    few = verdict(welch(arm_of_count(5_000, 600), arm_of_count(90, 12)), 1, 2)
    assert few.word == NOT_PROVEN and few.reasons == ("Too few: an arm has 12 conversions, and needs 30.",)
    lost = verdict(CLEAR, 1, 2, BROKEN)
    assert lost.word == NOT_PROVEN and "sample ratio is broken (p = 0.0003)" in lost.reasons[0]
    mixed = verdict(CLEAR, 1, 2, contaminated=contamination(5_000, 600, 5_000, 300))
    assert mixed.word == NOT_PROVEN and "12.0% of the treated and 6.0% of those held out" in mixed.reasons[0]
    assert verdict(CLEAR, 1, 2, sample_ratio([5_000, 5_000], [0.5, 0.5]), contamination(50, 6, 50, 5)).word == GAIN


def test_before_the_end_that_was_fixed_there_is_no_verdict_but_alarms_are_told():
    found = verdict(welch(arm_of_count(90, 12), arm_of_count(90, 12)), 1, 2, BROKEN, days_left=1)
    assert found.word == NOT_YET and found.reasons[0] == "The end that was fixed beforehand is in 1 day."
    assert len(found.reasons) == 2 and "sample ratio" in found.reasons[1]  # too few so far is no failure yet
    assert verdict(CLEAR, 1, 2, days_left=12).reasons == ("The end that was fixed beforehand is in 12 days.",)
