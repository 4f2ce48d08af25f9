"""Contracts: published figures, closed forms, customers whose retention is known."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from sklearn.base import clone

from models.sbg import ShiftedBetaGeometric, derl, gradient, log_likelihood, retention, survival

# Of 1,000 customers, how many are left after each of the first seven renewals.
REGULAR = (631, 468, 382, 326, 289, 262, 241)
HIGH_END = (869, 743, 653, 593, 551, 517, 491)
PUBLISHED = {
    REGULAR: ((0.7041, 1.1820), -1680.27, (2.96440, 5.89410)),
    HIGH_END: ((0.6681, 3.8061), -1611.16, (5.41448, 6.89671)),
}


def cohort(left_over: tuple[int, ...], customers: int = 1_000):
    """renewals, left, counts of a cohort."""
    counts = np.r_[-np.diff([customers, *left_over]), left_over[-1]]
    years = len(left_over)
    return np.r_[np.arange(1, years + 1), years], np.r_[np.ones(years), 0], counts


def planted(alpha: float, beta: float, customers: int, seed: int):
    """Customers who came over six periods and were watched until the last of nine."""
    rng = np.random.default_rng(seed)
    end = rng.geometric(np.clip(rng.beta(alpha, beta, customers), 1e-12, 1))
    watched = rng.integers(3, 10, customers)
    return np.minimum(end, watched), end <= watched


@pytest.mark.parametrize("left_over", PUBLISHED)
def test_published_cohorts(left_over):
    parameters, total, values = PUBLISHED[left_over]
    model = ShiftedBetaGeometric().fit(*cohort(left_over))
    np.testing.assert_allclose(model.parameters_, parameters, rtol=0.005)
    assert model.log_likelihood_ == pytest.approx(total, abs=0.01)
    np.testing.assert_allclose(model.derl(0.1, [1, 5]), values, rtol=1e-4)
    exact = ShiftedBetaGeometric(penalty=0).fit(*cohort(left_over))
    np.testing.assert_allclose(exact.parameters_, parameters, atol=5.1e-5)
    np.testing.assert_allclose(exact.derl(0.1, [1, 5]), values, atol=6e-6)
    assert model.n_customers_ == 1_000 and model.unknown_ == ()


def test_what_a_renewal_is_worth_equals_the_closed_form_and_the_sum_of_survivors():
    rng = np.random.default_rng(1)
    for case in range(10):
        alpha, beta, n = rng.uniform(0.2, 5), rng.uniform(0.3, 20), int(rng.integers(1, 40))
        discount = 0.005 if case == 0 else rng.uniform(0.02, 0.3)
        found = derl(np.array([alpha, beta]), discount, np.array([n])).item()
        total = alpha + beta + n
        closed = (beta + n - 1) / (total - 1) * mp.hyp2f1(1, beta + n, total, 1 / (1 + mp.mpf(discount)))
        assert found == pytest.approx(float(closed), rel=1e-9)
    periods = np.arange(1, 4_000)
    stay = survival(np.array([0.7, 1.2]), periods) / (1.1 ** (periods - 1))
    assert derl(np.array([0.7, 1.2]), 0.1, np.array([1])) == pytest.approx(stay.sum(), rel=1e-9)


def test_functions_equal_the_mixture_they_are_made_of():
    rng = np.random.default_rng(3)
    for _ in range(10):
        alpha, beta, t = rng.uniform(0.5, 4), rng.uniform(0.5, 10), int(rng.integers(1, 15))

        def mean(f, alpha=alpha, beta=beta):
            """Of f(θ) over θ ~ Beta(α, β)."""
            return mp.quad(lambda p: f(p) * p ** (alpha - 1) * (1 - p) ** (beta - 1), [0, 0.1, 0.5, 0.9, 1]) / mp.beta(
                alpha, beta
            )

        parameters = np.array([alpha, beta])
        at_t, before = mean(lambda p, t=t: (1 - p) ** t), mean(lambda p, t=t: (1 - p) ** (t - 1))
        assert survival(parameters, np.array([t])).item() == pytest.approx(float(at_t), rel=1e-6)
        assert retention(parameters, np.array([t])).item() == pytest.approx(float(at_t / before), rel=1e-6)
        for left, share in ((1, before - at_t), (0, at_t)):
            terms = log_likelihood(parameters, np.array([t]), np.array([left]))
            assert terms.item() == pytest.approx(float(mp.log(share)), abs=1e-6)


def test_gradient_is_the_slope_of_the_log_likelihood():
    parameters = np.array([0.7, 2.0])
    renewals, left = planted(0.7, 2.0, 100, 1)
    slopes = gradient(parameters, renewals, left)
    for i in range(2):
        step = np.eye(2)[i] * 1e-5
        by_hand = log_likelihood(parameters + step, renewals, left) - log_likelihood(parameters - step, renewals, left)
        np.testing.assert_allclose(slopes[i], by_hand / 2e-5, rtol=1e-6, atol=1e-8)


def test_retention_rises_with_age():
    model = ShiftedBetaGeometric().fit(*cohort(REGULAR))
    assert (np.diff(model.retention(np.arange(1, 30))) > 0).all()
    np.testing.assert_allclose(model.survival(np.arange(1, 30)), np.cumprod(model.retention(np.arange(1, 30))))
    assert model.survival(0) == 1


def test_planted_retention_is_found_and_nine_of_ten_intervals_hold_it():
    """Over 80 companies the Monte-Carlo error of a share of 0.9 is 0.034: three of them on either side."""
    truth, gains, hit = np.array([0.8, 2.5]), [], []
    for seed in range(80):
        renewals, left = planted(*truth, 800, seed)
        model = ShiftedBetaGeometric().fit(renewals, left)
        gains.append(2 * (model.log_likelihood_ - log_likelihood(truth, renewals, left).sum()))
        for name, exact in (
            ("survival", survival(truth, np.array([12]))),
            ("retention", retention(truth, np.array([12]))),
        ):
            _, low, high = model.interval(name, 12)
            hit.append((low <= exact) & (exact <= high))
        _, low, high = model.interval("derl", 0.1, 3)
        hit.append((low <= derl(truth, 0.1, np.array([3]))) & (derl(truth, 0.1, np.array([3])) <= high))
    assert 1.3 <= np.mean(gains) <= 2.7  # χ² with 2 degrees of freedom
    assert (np.abs(np.array(hit).reshape(80, 3).mean(axis=0) - 0.90) <= 0.10).all()


def test_equal_customers_may_be_counted_or_listed():
    renewals, left, counts = cohort(REGULAR)
    listed = ShiftedBetaGeometric().fit(np.repeat(renewals, counts), np.repeat(left, counts))
    counted = ShiftedBetaGeometric().fit(renewals, left, counts)
    assert listed.parameters_.tobytes() == counted.parameters_.tobytes()


@pytest.mark.parametrize(
    ("renewals", "left", "words"),
    [
        ([2, 3, 1], [0, 0, 0], "Nobody has left yet"),
        ([1, 1], [1, 1], "Nobody has renewed yet"),
        ([5], [1], "factor of 10 or worse"),
    ],
)
def test_data_that_cannot_tell_still_give_answers_and_say_so(renewals, left, words):
    model = ShiftedBetaGeometric().fit(renewals, left)
    assert words in " ".join(model.unknown_)
    for name, options in (("survival", (3,)), ("retention", (3,)), ("derl", (0.1, 3))):
        value, low, high = model.interval(name, *options)
        assert np.isfinite(value).all() and (low <= value).all() and (value <= high).all()


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match=r"1 of 2 contracts cannot be .first at row 1."):
        ShiftedBetaGeometric().fit([3, 0], [1, 1])
    with pytest.raises(ValueError, match="No renewal has been decided"):
        ShiftedBetaGeometric().fit([0, 0], [0, 0])
    with pytest.raises(ValueError, match="Known: derl, retention, survival"):
        ShiftedBetaGeometric().fit([3, 1], [1, 0]).interval("churn", 1)
    assert clone(ShiftedBetaGeometric(penalty=0.2)).get_params() == {"penalty": 0.2}
