"""What one contact brings, from customers held out at random: brute force, published figures, planted truth."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, norm

from models.effect import (
    CHANNEL,
    CUSTOMERS,
    SEGMENTS,
    Effects,
    Estimate,
    Trial,
    clustered,
    drawn_together,
    holm,
    settled,
    slope,
)
from models.effect_parts import FOLDS, PENALTY
from models.policy_value import decided, worth
from models.uplift import aipw
from tests.effect_worlds import world


@pytest.fixture(scope="module")
def small():
    """One channel, 1,200 rows, and what is learned from it."""
    made = world(1, 800, [(1.0, 1.0)], share=0.75)
    return made.trials[0], Effects(made.trials[0], made.segments), made


def ridge_without(trial: Trial, arm: bool, out: set[int]) -> np.ndarray:
    """What one arm's regression without these folds expects of everybody, by least squares with rows of penalty."""
    design = trial.design()
    spread = design[:, 1:].std(axis=0)
    x = np.column_stack([np.ones(len(design)), (design[:, 1:] - design[:, 1:].mean(axis=0)) / (spread + (spread == 0))])
    rows = (trial.treated == arm) & ~np.isin(trial.fold, list(out))
    penalty = math.sqrt(PENALTY * rows.sum()) * np.eye(x.shape[1])[1:]
    stacked, outcome = np.vstack([x[rows], penalty]), np.append(trial.outcome[rows], np.zeros(len(penalty)))
    return x @ np.linalg.lstsq(stacked, outcome, rcond=None)[0]


def test_scores_are_those_of_regressions_that_did_not_see_the_customers_fold(small):
    trial, effects, _ = small
    expected = np.empty((len(trial.fold), 2))
    for j in range(FOLDS):
        own = trial.fold == j
        for arm in (False, True):
            expected[own, int(arm)] = ridge_without(trial, arm, {j})[own]
    np.testing.assert_allclose(effects.expected, expected, atol=1e-6)
    scores = aipw(trial.outcome, trial.treated, trial.p_treated, expected)
    np.testing.assert_allclose(effects.scores, scores, atol=1e-5)
    assert effects.channel.value == pytest.approx(scores.mean(), abs=1e-6)


def test_how_customers_differ_is_learned_without_any_outcome_of_their_fold(small):
    """Also where others' outcomes are expected: whatever a fold's outcomes are, its customers differ as before."""
    trial, effects, made = small
    own = trial.fold == 2
    changed = replace(trial, outcome=np.where(own, trial.outcome * -7 + 30, trial.outcome))
    again = Effects(changed, made.segments)
    for level in (CUSTOMERS, SEGMENTS):
        before, after = (one.out[level] - one.channel.value for one in (effects, again))
        np.testing.assert_allclose(after[own], before[own], atol=1e-8)
        assert np.abs(after[~own] - before[~own]).max() > 0.1


def test_rows_of_one_customer_count_as_one():
    """Everybody twice, with the same score: as much is known as from everybody once."""
    scores = np.random.default_rng(1).normal(size=400)
    once = clustered(scores, np.arange(400))
    twice = clustered(np.repeat(scores, 2), np.repeat(np.arange(400), 2))
    assert once.se == pytest.approx(scores.std(ddof=1) / 20, rel=1e-12)
    assert (twice.value, twice.se) == (pytest.approx(once.value), pytest.approx(once.se, rel=1e-12))


def test_variance_between_groups_is_that_published():
    """Thirteen trials of the BCG vaccine (Colditz et al. 1994): Q = 152.233, DerSimonian-Laird variance .3088."""
    ill = np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27])
    well = np.array([119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886])
    ill_0 = np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29])
    well_0 = np.array([128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825])
    risk = np.log(ill / (ill + well)) - np.log(ill_0 / (ill_0 + well_0))
    se = np.sqrt(1 / ill - 1 / (ill + well) + 1 / ill_0 - 1 / (ill_0 + well_0))
    found = drawn_together(risk, se, Estimate(-0.7145, 0.18))
    assert found.q == pytest.approx(152.233, abs=1e-3) and found.df == 12 and found.p < 1e-20
    assert found.between == pytest.approx(0.3088, abs=5e-5)


def test_segments_are_drawn_toward_the_channel_by_how_little_is_known_of_them():
    raw, se = np.array([0.0, 4.0, 4.0, np.nan]), np.array([0.5, 0.5, 2.0, np.nan])
    found = drawn_together(raw, se, Estimate(2.0, 0.1))
    assert raw[1] > found.value[1] > found.value[2] > 2.0 and found.value[0] < 2.0
    assert found.value[3] == 2.0 and found.se[3] == pytest.approx(math.hypot(math.sqrt(found.between), 0.1))
    alike = drawn_together(np.array([2.0, 2.1]), np.array([1.0, 1.0]), Estimate(2.05, 0.7))
    assert alike.between == 0 and (alike.value == 2.05).all() and alike.se == pytest.approx([0.7, 0.7])


def test_of_several_tests_only_so_many_pass_that_hardly_any_is_wrong():
    """Holm: .005 ≤ .05/4, .01 ≤ .05/3, .03 > .05/2: the rest fail, though .04 is below .05."""
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([], 0.05) == [] and holm([0.04], 0.05) == [True]


def test_only_what_holds_up_of_customers_own_estimates_is_used():
    rng = np.random.default_rng(2)
    truth, who = rng.normal(size=20_000), np.arange(20_000)
    scores = 1 + truth + rng.normal(0, 2, 20_000)
    assert slope(scores, truth, who).value == pytest.approx(1, abs=0.05)
    twice = slope(scores, 2 * truth, who)
    assert twice.value == pytest.approx(0.5, abs=0.03) and twice.se == pytest.approx(1 / math.sqrt(20_000), rel=0.1)
    assert slope(scores, -truth, who).value == 0
    assert slope(scores, np.zeros(20_000), who) == Estimate(0.0, 0.0)


WORLDS = 100


@pytest.fixture(scope="module")
def alike():
    """Worlds of two channels on which all customers respond alike, with skewed outcomes."""
    return [world(seed, 800, [(1.0, 0.0), (0.5, 0.0)], p=0.6, skewed=True) for seed in range(WORLDS)]


@pytest.fixture(scope="module")
def told_alike(alike):
    return [one.learned() for one in alike]


def test_where_nobody_differs_hardly_ever_anybody_is_said_to(told_alike):
    claimed = sum(any(one.level != CHANNEL for one in found) for found in told_alike)
    assert claimed <= 0.10 * WORLDS


def test_channel_effects_are_unbiased_and_their_intervals_hold_the_truth(alike, told_alike):
    """200 intervals of 90 %: three standard errors are .064. Outcomes are clipped at 0, so truth is what was planted."""
    z, held = [], 0
    for made, found in zip(alike, told_alike, strict=True):
        for c, effects in enumerate(found):
            truth = made.truth[:, c].mean() * 12 * 1.5 / 18  # chance of an outcome × its mean size
            z.append((effects.channel.value - truth) / effects.channel.se)
            held += effects.channel.low <= truth <= effects.channel.high
    assert abs(np.mean(z)) < 3 / math.sqrt(len(z))
    assert binom.ppf(0.0015, len(z), 0.9) <= held <= binom.ppf(0.9985, len(z), 0.9)


def test_differences_that_are_there_are_found_and_close_to_the_truth():
    made = world(3, 8_000, [(2.0, 2.0), (1.0, 0.0)], noise=5.0)
    first, second = made.learned()
    assert first.level == CUSTOMERS and second.level == CHANNEL
    value, error = first.of(made.traits, made.segment)
    truth = made.truth[:, 0]
    assert np.corrcoef(value, truth)[0, 1] > 0.95
    assert ((value - truth) ** 2).mean() < 0.15 * truth.var()
    assert abs(value.mean() - truth.mean()) < 3 * first.channel.se
    assert (second.of(made.traits, made.segment)[0] == second.channel.value).all()
    assert (error > 0).all()


def test_segments_intervals_hold_their_mean_effect():
    """Drawn together, 90 %: over all segments of 40 worlds, within .05 of it (standard error about .015)."""
    held = []
    for seed in range(40):
        made = world(seed, 4_000, [(1.0, 1.5)])
        trial, effects = made.trials[0], Effects(made.trials[0], made.segments)
        effects.settle(True, False)
        value, error = effects.segments.value, effects.segments.se
        truth = np.array([made.truth[trial.customer, 0][trial.segment == s].mean() for s in range(made.segments)])
        held += list(np.abs(value - truth) <= norm.ppf(0.95) * error)
    assert np.mean(held) == pytest.approx(0.9, abs=0.05)


def test_own_estimates_intervals_hold_the_customers_true_effect():
    """Where effects are what the regression can say: of 40 worlds, nine in ten customers' intervals."""
    held = []
    for seed in range(40):
        made = world(seed, 2_500, [(1.0, 1.5)])
        effects = Effects(made.trials[0], made.segments)
        effects.settle(False, True)
        value, error = effects.of(made.traits, made.segment)
        held.append((np.abs(value - made.truth[:, 0]) <= norm.ppf(0.95) * error).mean())
    assert 0.84 < np.mean(held) < 0.97


def test_apart_means_the_same_for_tested_customers_whichever_way_it_is_asked(small):
    trial, _, made = small
    for segments, customers in ((False, False), (True, False), (False, True), (True, True)):
        effects = Effects(trial, made.segments)
        effects.settle(segments, customers)
        again = effects.of_apart(trial.traits, trial.segment, trial.fold)
        np.testing.assert_allclose(again, effects.effect_apart, atol=1e-9)
        assert abs(effects.effect_apart.mean() - effects.channel.value) < 3 * effects.channel.se


def test_nobody_beyond_those_tested_is_expected_to_differ_more_than_they_do(small):
    trial, _, made = small
    effects = Effects(trial, made.segments)
    effects.settle(False, True)
    extreme = np.vstack([trial.traits.max(axis=0), trial.traits.max(axis=0) * 100])
    value, _ = effects.of(extreme, np.zeros(2, int))
    assert value[0] == pytest.approx(value[1], abs=1e-12)


def test_rows_out_of_order_are_refused(small):
    trial, _, made = small
    with pytest.raises(ValueError, match="in the order of their folds, then of their customers"):
        Effects(trial.of(np.arange(len(trial.fold))[::-1]), made.segments)


def test_the_published_test_of_mails_gives_its_published_effects(shared_data):
    """Women's mail (Hillstrom): .42441 (.13033) on spend, .04523 (.00323) on visits; who visits more can be told."""
    table = pd.read_parquet(shared_data / "hillstrom.parquet")
    table = table[table.segment != "Mens E-Mail"].reset_index(drop=True)
    fold = np.random.default_rng(1).permutation(len(table)) % FOLDS
    table = table.iloc[np.argsort(fold, kind="stable")]
    traits = table[["recency", "mens", "womens", "newbie"]].to_numpy(float)
    n = len(table)
    trial = Trial(
        table.spend.to_numpy(float), (table.segment == "Womens E-Mail").to_numpy(), np.full(n, 0.5), traits,
        table[["history"]].to_numpy(float), np.zeros(n, int), (table.recency > 6).to_numpy().astype(int),
        np.arange(n), np.sort(fold),
    )  # fmt: skip
    spend = Effects(trial, 2)
    visits = Effects(replace(trial, outcome=table.visit.to_numpy(float)), 2)
    settled([spend, visits])
    assert abs(spend.channel.value - 0.42441) < 0.03 and spend.channel.se == pytest.approx(0.13033, rel=0.03)
    assert abs(visits.channel.value - 0.04523) < 0.001 and visits.channel.se <= 0.00323 * 1.001
    assert visits.level == CUSTOMERS and spend.level == CHANNEL


# What a plan's contacts are worth


def drawn(n: int):
    """Customers of a test with p = .3, an effect of 2, and expectations that are wrong."""
    rng = np.random.default_rng(1)
    treated = rng.random(n) < 0.3
    return 5 + 2.0 * treated + rng.normal(0, 3, n), treated, np.full(n, 0.3), np.full((n, 2), 4.0)


def test_the_worth_of_contacts_is_the_mean_score_less_the_cost_with_its_interval():
    y, w, p, q = drawn(4_000)
    contacted = np.arange(4_000) % 4 == 0
    found = worth(y, w, p, q, contacted, 0.5)
    scores = aipw(y, w, p, q)[contacted] - 0.5
    assert found.value == pytest.approx(scores.mean()) and found.se == pytest.approx(
        scores.std(ddof=1) / math.sqrt(1_000)
    )
    assert (found.low, found.high) == pytest.approx(norm.interval(0.95, scores.mean(), found.se))
    assert abs(found.value - 1.5) < 3 * found.se
    again = worth(*(np.repeat(v, 2, axis=0) for v in (y, w, p, q, contacted)), 0.5, np.repeat(np.arange(4_000), 2))
    assert (again.value, again.se) == (pytest.approx(found.value), pytest.approx(found.se, rel=1e-3))


def test_contacts_that_too_few_tested_customers_got_have_no_worth():
    y, w, p, q = drawn(400)
    found = worth(y, w, p, q, np.ones(400, bool), 0.5)
    assert found.effective < 200 and math.isnan(found.value) and not found.enough
    assert worth(y, w, p, q, np.zeros(400, bool), 0.5).effective == 0


def test_a_plan_contacts_where_the_effect_beats_the_prices_and_every_other_channel():
    effect = np.array([1.0, 1.4, 1.6, 3.0, 3.0])
    others = np.array([-1.0, -1.0, -1.0, 2.0, 0.5])
    # cost 0.5 at a price of 1 more, and 0.5 for the contact: 1.5 is what it must beat
    assert decided(effect, 0.5, 1.0, 0.5, others).tolist() == [False, False, True, False, True]
    assert decided(np.array([1.5]), 0.5, 1.0, 0.5).all()  # no difference: the limit cuts through customers all alike
