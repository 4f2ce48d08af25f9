"""Response rates: published batting averages, planted customers, scipy's own distribution, degenerate companies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from scipy.stats import betabinom
from sklearn.base import clone

from models.beta_binomial import BetaBinomial, cell_totals, gradient, log_likelihood, natural
from models.false_discovery import select

# Efron & Morris 1975, JASA 70:311, table 1: hits in the first 45 at bats of 1970, average over the rest of the season
HITS = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
SEASON = np.array(
    [.346, .298, .276, .222, .273, .270, .263, .210, .269, .230, .264, .256, .303, .264, .226, .286, .316, .200]
)  # fmt: skip
PLANTED = (0.5, 9.5)


def planted(seed: int, customers: int = 10_000):
    """Responses, contacts and the true rate of each customer."""
    rng = np.random.default_rng(seed)
    rate = rng.beta(*PLANTED, customers)
    n = 1 + rng.poisson(10, customers)
    return rng.binomial(n, rate), n, rate


@pytest.fixture(scope="module")
def worlds():
    """Twenty planted companies with their models."""
    made = [planted(seed) for seed in range(20)]
    return [(BetaBinomial().fit(k, n), k, n, rate) for k, n, rate in made]


def squared_error(estimate: np.ndarray) -> float:
    return float(((estimate - SEASON) ** 2).sum())


def test_batting_averages_are_predicted_as_published():
    raw = HITS / 45
    middle = raw.mean()
    drawn = 1 - 15 * middle * (1 - middle) / 45 / ((raw - middle) ** 2).sum()
    stein = squared_error(middle + drawn * (raw - middle))
    assert squared_error(raw) == pytest.approx(0.0754, abs=2e-4)
    assert stein == pytest.approx(0.0213, abs=1e-4)
    assert squared_error(raw) / stein == pytest.approx(3.54, abs=0.02)
    likeliest = BetaBinomial(penalty=0.0).fit(HITS, np.full(18, 45))
    assert squared_error(likeliest.mean(HITS, 45)) == pytest.approx(0.0228, abs=1e-4)
    # the weak prior holds the size nearer to ten contacts, and must not lose what shrinking wins
    assert squared_error(BetaBinomial().fit(HITS, np.full(18, 45)).mean(HITS, 45)) < 0.0229


def test_likelihood_equals_scipys():
    rng = np.random.default_rng(4)
    for _ in range(20):
        a, b, n = rng.uniform(0.05, 9), rng.uniform(0.05, 40), int(rng.integers(0, 60))
        k = np.arange(n + 1)
        ours = log_likelihood(a, b, k, np.full(n + 1, n))
        np.testing.assert_allclose(ours, betabinom.logpmf(k, n, a, b), rtol=1e-9, atol=1e-9)
        assert np.exp(ours).sum() == pytest.approx(1, abs=1e-9)


def test_gradient_equals_differences():
    k, n = np.array([0, 1, 3, 9]), np.array([4, 7, 3, 30])
    point = np.array([0.7, 6.0])
    for cell in range(4):
        slope = approx_fprime(point, lambda ab, i=cell: log_likelihood(*ab, k[i], n[i]), 1e-7)
        np.testing.assert_allclose(gradient(*point, k, n)[:, cell], slope, rtol=1e-5, atol=1e-6)
    totals = cell_totals(k, n, np.array([3.0, 2.0, 1.0, 5.0]))
    theta = np.array([-0.9, 0.3])
    np.testing.assert_allclose(totals(theta)[1], approx_fprime(theta, lambda t: totals(t)[0], 1e-7), rtol=1e-5)


def test_no_other_parameters_are_likelier():
    k, n, _ = planted(3, 2_000)
    model = BetaBinomial(penalty=0.0).fit(k, n)

    def loss(theta):
        a, b = natural(theta)
        return -betabinom.logpmf(k, n, a, b).sum()

    search = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10})
    assert model.log_likelihood_ == pytest.approx(-search.fun, abs=1e-6)
    np.testing.assert_allclose((model.a_, model.b_), natural(search.x), rtol=1e-4)


def test_the_planted_prior_is_found(worlds):
    rate = np.array([model.rate_ for model, *_ in worlds])
    size = np.array([model.size_ for model, *_ in worlds])
    assert rate.mean() == pytest.approx(0.05, abs=0.0007)
    assert size.mean() == pytest.approx(9.98, abs=0.38)
    assert all(model.customers_differ_ and not model.unknown_ for model, *_ in worlds)
    held = [low <= 0.05 <= high for _, low, high in (model.rate_interval() for model, *_ in worlds)]
    assert sum(held) >= 14  # 90 % intervals: fewer than 14 of 20 happen once in 400 times


def test_intervals_cover_and_few_of_those_chosen_are_wrong(worlds):
    covered, wrong, naive, chosen = [], [], [], []
    for model, k, n, rate in worlds:
        _, low, high = model.interval(k, n)
        covered.append(((low <= rate) & (rate <= high)).mean())
        bar = 1.5 * model.rate_
        sure = select(model.p_above(bar, k, n), 0.10)
        chosen.append(sure.sum())
        wrong.append((rate[sure] <= bar).mean())
        naive.append((rate[k / n > bar] <= bar).mean())
    assert np.mean(covered) == pytest.approx(0.90, abs=0.015)
    assert np.mean(wrong) <= 0.13
    assert np.mean(naive) == pytest.approx(0.41, abs=0.02)
    assert min(chosen) > 300  # the rule does choose


def test_the_posterior_is_scipys_beta_when_the_prior_is_known():
    k, n, _ = planted(1)
    model = BetaBinomial().fit(k, n)
    first, second = model.posterior(4, 11)
    assert first / (first + second) == pytest.approx((model.a_ + 4) / (model.size_ + 11), rel=1e-12)
    # ten thousand customers leave little doubt about the prior
    assert first == pytest.approx(model.a_ + 4, rel=0.01) and first < model.a_ + 4
    assert model.p_above(0.1, 4, 11) + model.p_below(0.1, 4, 11) == pytest.approx(1)


def test_few_customers_leave_the_prior_in_doubt():
    k, n, _ = planted(5)
    many, few = BetaBinomial().fit(k, n), BetaBinomial().fit(k[:30], n[:30])
    for cell in ((0, 0), (1, 10)):
        known = [sum(model.posterior(*cell)) / (model.size_ + cell[1]) for model in (many, few)]
        assert (
            known[1] < 0.95 < 0.99 < known[0]
        )  # of the contacts that posterior and prior are worth, if a, b were known
    assert few.rate_interval()[2] - few.rate_interval()[1] > 5 * (many.rate_interval()[2] - many.rate_interval()[1])


def test_duplicates_order_and_grouping_change_nothing():
    k, n, _ = planted(6, 500)
    model = BetaBinomial().fit(k, n)
    mixed = np.random.default_rng(1).permutation(500)
    cells, counts = np.unique(np.stack([k, n]), axis=1, return_counts=True)
    for other in (BetaBinomial().fit(k[mixed], n[mixed]), clone(model).fit(*cells, counts)):
        assert (other.a_, other.b_, other.log_likelihood_) == (model.a_, model.b_, model.log_likelihood_)
    twice = BetaBinomial(penalty=0.0).fit(np.tile(k, 2), np.tile(n, 2))
    once = BetaBinomial(penalty=0.0).fit(k, n)
    np.testing.assert_allclose((twice.a_, twice.b_), (once.a_, once.b_), rtol=1e-6)
    assert twice.log_likelihood_ == pytest.approx(2 * once.log_likelihood_, rel=1e-9)


def test_customers_without_contacts_teach_nothing_and_get_the_prior():
    k, n, _ = planted(7, 300)
    model = BetaBinomial().fit(k, n)
    more = BetaBinomial().fit(np.append(k, [0, 0]), np.append(n, [0, 0]))
    assert (more.a_, more.b_, more.n_customers_) == (model.a_, model.b_, 300)
    assert model.mean(0, 0) == pytest.approx(model.rate_)


@pytest.mark.parametrize(
    ("k", "n", "said"),
    [
        ([0] * 30, [10] * 30, "Nobody has responded"),
        ([3] * 40, [3] * 40, "Every contact was answered"),
        ([1], [4], "Customers contacted: 1."),
        ([0], [1], "Nobody has responded"),
        ([1, 0] * 15, [1] * 30, "No evidence that customers respond differently"),
    ],
    ids=["no responses", "all respond", "one customer", "one contact", "one contact each"],
)
def test_what_cannot_be_known_is_said_and_still_answered(k, n, said):
    model = BetaBinomial().fit(k, n)
    assert any(said in sentence for sentence in model.unknown_)
    assert not model.customers_differ_
    mean, low, high = model.interval(k, n)
    assert ((mean > 0) & (mean < 1) & (low >= 0) & (low <= mean) & (mean <= high) & (high <= 1)).all()
    rate, lowest, highest = model.rate_interval()
    assert 0 < lowest < rate < highest < 1
    # the interval of everybody's rate holds the share that did respond, or that share is at the very edge
    assert lowest <= np.sum(k) / np.sum(n) <= highest or np.sum(k) in (0, np.sum(n))


def test_nobody_contacted_is_an_error_that_says_so():
    with pytest.raises(ValueError, match="Nobody was contacted"):
        BetaBinomial().fit([0, 0], [0, 0])
    with pytest.raises(ValueError, match="1 of 2 customers cannot be \\(first at row 1\\)"):
        BetaBinomial().fit([1, 3], [2, 2])


def test_the_largest_set_is_chosen_and_ties_stay_together():
    chance = np.array([0.80, 0.99, 0.95, 0.80, 0.20])
    # sorted: .01 .05 .20 .20 wrong -> means .01 .03 .0867 .115: by threes is allowed, but the two .80 belong together
    assert select(chance, 0.10).tolist() == [False, True, True, False, False]
    assert select(chance, 0.12).tolist() == [True, True, True, True, False]
    assert not select(chance, 0.005).any()
    assert not select(np.array([]), 0.10).any()


def test_choosing_cases_with_counts_equals_choosing_them_one_by_one():
    rng = np.random.default_rng(9)
    chance, often = rng.random(40), rng.integers(1, 9, 40)
    one_by_one = select(np.repeat(chance, often), 0.2)
    np.testing.assert_array_equal(np.repeat(select(chance, 0.2, often), often), one_by_one)
    ordered = np.sort(1 - np.repeat(chance, often))
    sizes = [size for size in range(1, len(ordered) + 1) if ordered[:size].mean() <= 0.2]
    assert one_by_one.sum() == max(m for m in sizes if m == len(ordered) or ordered[m] > ordered[m - 1])
