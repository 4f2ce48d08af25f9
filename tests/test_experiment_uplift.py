"""Who responds more, and what a plan is worth: published figures, brute force over orders, planted truth."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.policy_value import policy_value
from models.uplift import aipw, cross_fitted, qini


@pytest.fixture(scope="module")
def womens_mail(shared_data):
    """Scores of 42,693 customers, what was expected of them, whether they had bought women's clothes, and history."""
    table = pd.read_parquet(shared_data / "hillstrom.parquet")
    table = table[table.segment != "Mens E-Mail"]
    kinds = pd.get_dummies(table[["zip_code", "channel"]])
    x = pd.concat([table[["recency", "history", "mens", "womens", "newbie"]], kinds], axis=1).to_numpy(float)
    treated = (table.segment == "Womens E-Mail").to_numpy()
    expected = cross_fitted(make_pipeline(StandardScaler(), LogisticRegression()), x, table.visit, treated)
    return aipw(table.visit, treated, 0.5, expected), expected, x[:, 3], x[:, 1]


def test_rankings_of_the_womens_mail_are_worth_what_was_published(womens_mail):
    """Learned ones depend on the folds: within the published standard error; the others to the digit."""
    scores, expected, womens, history = womens_mail
    learner = qini(scores, expected[:, 1] - expected[:, 0], draws=60)
    assert learner.value == pytest.approx(0.0073, abs=0.0010) and learner.differs
    assert learner.se == pytest.approx(0.0010, abs=0.0003)  # 60 draws: ± 9 %
    assert qini(scores, womens, draws=2).value == pytest.approx(0.0077, abs=1e-4)
    assert qini(scores, expected[:, 1], draws=2).value == pytest.approx(0.0045, abs=0.0010)
    by_history = qini(scores, history, draws=60)
    assert by_history.value == pytest.approx(0.0004, abs=1e-4) and not by_history.differs


def test_equal_priorities_count_as_the_average_over_their_orders():
    rng = np.random.default_rng(1)
    scores, priority = rng.normal(size=6), np.array([2.0, 1, 1, 1, 0, 0])
    values = []
    for order in itertools.permutations(range(6)):
        if all(priority[a] >= priority[b] for a, b in itertools.pairwise(order)):
            values.append(qini(scores, np.argsort(np.argsort(order)) * -1.0, draws=1).value)
    assert len(values) == 12
    assert qini(scores, priority, draws=1).value == pytest.approx(np.mean(values), abs=1e-14)


def test_without_ties_the_area_is_the_weighted_sum_written_out():
    scores = np.random.default_rng(2).normal(size=50)
    n, place = 50, np.arange(50)
    found = qini(scores, -place.astype(float), draws=1)
    assert found.value == pytest.approx((scores * ((n - place - 0.5) / n - 0.5)).mean(), abs=1e-14)
    assert found.gain[-1] == pytest.approx(scores.mean()) and found.share[[0, -1]].tolist() == [0, 1]


def test_one_priority_for_all_is_worth_nothing_and_the_order_of_rows_changes_nothing():
    rng = np.random.default_rng(3)
    scores, priority = rng.normal(size=300), rng.integers(0, 5, 300).astype(float)
    same, order = qini(scores, np.ones(300)), rng.permutation(300)
    assert same.value == pytest.approx(0, abs=1e-15) and not same.differs
    assert qini(scores[order], priority[order]).value == pytest.approx(qini(scores, priority).value, abs=1e-14)
    assert qini(scores, -priority).value == pytest.approx(-qini(scores, priority).value, abs=1e-14)


def test_random_priorities_are_rejected_no_more_often_than_6_in_100():
    """Both sides together; 600 rankings, Monte-Carlo standard error .0101. Errors have the size of the scatter."""
    rng = np.random.default_rng(4)
    found = [qini(rng.normal(0.1, 1, 300), rng.random(300), draws=60, seed=i) for i in range(600)]
    assert np.mean([abs(one.value) > 1.96 * one.se for one in found]) < 0.065 + 3 * 0.0101
    assert np.mean([one.differs for one in found]) < 0.0325 + 3 * 0.0072
    scatter = np.std([one.value for one in found])
    assert np.mean([one.se for one in found]) == pytest.approx(scatter, rel=3 / math.sqrt(1_200))


def test_a_planted_difference_is_worth_what_theory_says():
    """Effect 1 for the fifth with priority 1, 0 for others: the area is ½ (.2 − .2²) · 1 = .08."""
    rng = np.random.default_rng(5)
    n = 40_000
    group, treated = rng.random(n) < 0.2, rng.random(n) < 0.3
    x = np.column_stack([group, rng.normal(size=n)])
    y = x[:, 1] + group * treated + rng.normal(size=n)
    expected = cross_fitted(LinearRegression(), x, y, treated)
    found = qini(aipw(y, treated, 0.3, expected), group.astype(float), draws=100)
    assert found.differs and abs(found.value - 0.08) < 3 * found.se


def test_scores_are_unbiased_where_the_expectation_is_wrong_and_need_logged_probabilities():
    rng = np.random.default_rng(6)
    n = 50_000
    p = rng.uniform(0.2, 0.6, n)
    treated = rng.random(n) < p
    y = 2.0 * treated + 6 * p + rng.normal(size=n)  # those more likely to be treated spend more anyway
    scores = aipw(y, treated, p, np.zeros((n, 2)))
    assert abs(scores.mean() - 2) < 3 * scores.std() / math.sqrt(n)
    assert y[treated].mean() - y[~treated].mean() > 2.2
    with pytest.raises(ValueError, match="must be logged"):
        aipw(y, treated, np.where(p < 0.3, 0, p), np.zeros((n, 2)))


def test_nobody_is_judged_by_a_model_that_saw_them():
    """Pure noise: a model that saw the customer would go along with the outcome."""
    rng = np.random.default_rng(7)
    x, y = rng.normal(size=(400, 60)), rng.normal(size=400)
    treated = np.arange(400) % 2 == 0
    expected = cross_fitted(LinearRegression(), x, y, treated)
    own = expected[np.arange(400), treated.astype(int)]
    assert np.corrcoef(own, y)[0, 1] < 3 / math.sqrt(400)


def logged(rng: np.random.Generator, n: int) -> tuple:
    """Three actions drawn with known chances, an outcome that depends on both, and a plan: action 2 where x > 0."""
    x = rng.normal(size=n)
    chances = np.where(x[:, None] > 0, [0.5, 0.3, 0.2], [0.2, 0.3, 0.5])
    action = (rng.random(n)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    mean = np.column_stack([0 * x, 0.5 + 0 * x, x])
    y = mean[np.arange(n), action] + rng.gamma(1, 2, n) - 2
    return y, action, chances[np.arange(n), action], np.where(x > 0, 2, 0), mean


def test_a_plan_is_worth_its_planted_value_in_19_of_20_tests_even_with_wrong_expectations():
    """E[x⁺] = 1/√(2π); against action 1 for all: less .5. 1,000 tests: standard error .0069; accepted .92 to .98."""
    rng, truth = np.random.default_rng(8), 1 / math.sqrt(2 * math.pi)
    held = np.zeros(3)
    for _ in range(1_000):
        y, action, p, plan, mean = logged(rng, 1_500)
        ones = np.ones(1_500, int)
        found = (
            policy_value(y, action, p, plan, mean),
            policy_value(y, action, p, plan, np.full(mean.shape, 3.0)),
            policy_value(y, action, p, plan, mean, against=ones),
        )
        held += [one.low <= true <= one.high for one, true in zip(found, (truth, truth, truth - 0.5))]
    assert ((held / 1_000 > 0.92) & (held / 1_000 < 0.98)).all()


def test_a_plan_that_was_followed_for_all_is_worth_the_mean():
    y = np.random.default_rng(9).normal(size=300)
    nobody = np.zeros(300, int)
    found = policy_value(y, nobody, np.ones(300), nobody, np.full((300, 1), 7.0))
    assert (found.value, found.effective) == (pytest.approx(y.mean()), 300)


def test_a_plan_that_fewer_than_200_effective_customers_got_is_not_valued():
    n = 1_000
    y, p = np.ones(n), np.where(np.arange(n) < 100, 0.1, 0.9)
    action, plan = np.zeros(n, int), np.where(np.arange(n) < 230, 0, 1)
    weights = np.r_[np.full(100, 10), np.full(130, 1 / 0.9)]
    found = policy_value(y, action, p, plan, np.zeros((n, 2)))
    assert found.effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum()) and found.effective < 200
    assert not found.enough and math.isnan(found.value) and math.isnan(found.low)
    never = policy_value(y, action, p, np.ones(n, int), np.zeros((n, 2)))
    assert never.effective == 0 and not never.enough
    with pytest.raises(ValueError, match="must be logged"):
        policy_value(y, action, np.full(n, np.nan), plan, np.zeros((n, 2)))
