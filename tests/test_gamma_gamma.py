"""Spending: published figures, integrals taken another way, customers whose mean spend is known."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from sklearn.base import clone

from models.gamma_gamma import GammaGamma, expected_spend, gradient, log_likelihood
from models.mbg_nbd import ModifiedBetaGeometric
from models.pareto_nbd import ParetoNBD
from tests import purchases

PLANTED = (6.0, 4.0, 15.0)  # p, q, γ: mean spend 30


@pytest.fixture(scope="module")
def orders():
    """CDNOW's orders, one row a customer and day."""
    return purchases.cdnow().groupby(["customer", "day"], as_index=False)["spend"].sum()


@pytest.fixture(scope="module")
def spending(orders):
    """x, mean spend of the x repeat days, of weeks 1 to 39."""
    early = orders[orders["day"] <= "1997-09-30"]
    repeat = early[early["day"] > early.groupby("customer")["day"].transform("min")]
    return repeat.groupby("customer")["spend"].agg(x="size", m="mean")


def planted(customers: int, seed: int, repeat: bool = True):
    """x, mean spend and true mean spend."""
    rng = np.random.default_rng(seed)
    p, q, gamma = PLANTED
    x = 1 + rng.poisson(rng.gamma(0.6, 3.0, customers)) * repeat
    nu = rng.gamma(q, 1 / gamma, customers)
    return x, rng.gamma(p * x, 1 / (nu * x)), p / nu


def test_functions_at_fixed_parameters():
    x, m = np.array([0, 1, 2, 7, 5]), np.array([0.0, 11.77, 22.35, 73.74, 11.77])
    golden = (35.218978, 18.916852, 24.663714, 71.469671, 13.660268)
    np.testing.assert_allclose(expected_spend(np.array([6.25, 3.74, 15.44]), x, m), golden, rtol=1e-6)


def test_functions_equal_the_mixture_they_are_made_of():
    rng = np.random.default_rng(2)
    for _ in range(10):
        p, q, gamma = rng.uniform(0.8, 8), rng.uniform(1.5, 6), rng.uniform(2, 30)
        x, m = int(rng.integers(1, 12)), rng.uniform(2, 80)

        def density(nu, p=p, q=q, gamma=gamma, x=x, m=m):
            """Of the mean of x purchases Gamma(p, ν), and of ν ~ Gamma(q, γ)."""
            mean = (nu * x) ** (p * x) * mp.mpf(m) ** (p * x - 1) * mp.exp(-nu * x * m) / mp.gamma(p * x)
            return mean * mp.mpf(gamma) ** q * nu ** (q - 1) * mp.exp(-gamma * nu) / mp.gamma(q)

        middle = (p * x + q) / (gamma + m * x)
        ends = [0, middle / 2, middle, 2 * middle, 8 * middle, mp.inf]
        total = mp.quad(density, ends)
        parameters = np.array([p, q, gamma])
        found = log_likelihood(parameters, np.array([x]), np.array([m]))
        assert found == pytest.approx(float(mp.log(total)), rel=1e-9)
        spend = mp.quad(lambda nu, p=p, f=density: f(nu) * p / nu, ends) / total
        assert expected_spend(parameters, np.array([x]), np.array([m])) == pytest.approx(float(spend), rel=1e-9)


def test_gradient_is_the_slope_of_the_log_likelihood():
    x, m, _ = planted(200, 1)
    slopes = gradient(np.array(PLANTED), x, m)
    for i, size in enumerate(PLANTED):
        step = np.eye(3)[i] * size * 1e-5
        by_hand = (log_likelihood(PLANTED + step, x, m) - log_likelihood(PLANTED - step, x, m)) / (2 * step[i])
        np.testing.assert_allclose(slopes[i], by_hand, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("customers", [400, 30_000])
def test_fit_ends_where_the_slope_is_zero(customers):
    """The fit sums without going customer by customer; the formula, customer by customer, agrees."""
    x, m, _ = planted(customers, 3)
    model = GammaGamma(penalty=0).fit(x, m)
    slopes = gradient(model.parameters_, x, m).sum(axis=1) * (model.p_, model.q_ - 1, model.gamma_)
    assert 0.5 * slopes @ model.covariance_ @ slopes < 1e-5  # log-likelihood still to be gained
    assert model.log_likelihood_ == pytest.approx(log_likelihood(model.parameters_, x, m).sum(), rel=1e-10)


def test_published_parameters_of_cdnow(spending):
    model = GammaGamma().fit(spending["x"], spending["m"])
    assert model.n_customers_ == 946
    np.testing.assert_allclose(model.parameters_, (6.2496, 3.7442, 15.4435), rtol=0.005)
    assert model.mean_ == pytest.approx(35.17, abs=0.005)
    assert model.log_likelihood_ == pytest.approx(-4055.918, abs=0.01)
    assert model.correlation_ == pytest.approx(np.corrcoef(spending["x"], spending["m"])[0, 1])
    assert model.unknown_ == ()


def test_value_captured_by_the_best_customers_of_cdnow(orders, spending):
    """Share of spend in weeks 40 to 78 that the first 5, 10 and 20 % of a ranking hold: what the model adds is little."""
    frame = purchases.histories(orders, "1997-09-30")
    past = orders["day"] <= "1997-09-30"
    later, before = (orders[part].groupby("customer")["spend"].sum() for part in (~past, past))
    columns = spending.reindex(frame.index, fill_value=0)
    spend = GammaGamma().fit(spending["x"], spending["m"]).expected_spend(columns["x"], columns["m"])
    expected = (
        ParetoNBD()
        .fit(frame["x"], frame["t_x"], frame["T"])
        .expected_purchases(39, frame["x"], frame["t_x"], frame["T"])
    )
    actual = later.reindex(frame.index, fill_value=0.0).to_numpy()
    rankings = {
        (0.3755, 0.5036, 0.6719): expected * spend,
        (0.323, 0.481, 0.663): before.reindex(frame.index).to_numpy(),
        (0.561, 0.764, 0.943): actual,
    }
    for published, ranking in rankings.items():
        best = np.argsort(-ranking, kind="stable")
        found = [actual[best[: round(share * len(best))]].sum() / actual.sum() for share in (0.05, 0.10, 0.20)]
        np.testing.assert_allclose(found, published, atol=0.001)


def test_planted_mean_is_found_and_shrinking_pays():
    means, ratios = [], []
    for seed in range(12):
        x, m, truth = planted(5_000, 20 + seed)
        model = GammaGamma().fit(x, m)
        means.append(model.mean_ / 30 - 1)
        ratios.append(((model.expected_spend(x, m) - truth) ** 2).mean() / ((m - truth) ** 2).mean())
        assert abs(model.correlation_) < 0.1
    assert abs(np.mean(means)) <= 0.01
    assert np.mean(ratios) <= 0.90


def test_nine_of_ten_intervals_hold_the_true_figure():
    """Over 80 companies of 500 the Monte-Carlo error of a share of 0.9 is 0.034: three of them on either side."""
    x, m = np.array([0, 1, 4]), np.array([0.0, 60.0, 12.0])
    exact, hit = expected_spend(np.array(PLANTED), x, m), []
    for seed in range(80):
        often, mean, _ = planted(500, 200 + seed)
        value, low, high = GammaGamma().fit(often, mean).interval(x, m)
        assert ((low < value) & (value < high)).all()
        hit.append((low <= exact) & (exact <= high))
    assert (np.abs(np.mean(hit, axis=0) - 0.90) <= 0.10).all()


def test_fit_is_better_than_the_truth_by_as_much_as_chance_allows():
    """Twice the gain over the true parameters is χ² with 3 degrees of freedom: 3 on average, 0.71 its standard error."""
    gains = []
    for seed in range(12):
        x, m, _ = planted(2_000, 50 + seed)
        gains.append(2 * (GammaGamma().fit(x, m).log_likelihood_ - log_likelihood(np.array(PLANTED), x, m).sum()))
    assert 1 <= np.mean(gains) <= 6


def test_cents_instead_of_euros_change_nothing_but_the_unit():
    x, m, _ = planted(800, 5)
    euros, cents = GammaGamma().fit(x, m), GammaGamma().fit(x, m * 100)
    np.testing.assert_allclose(cents.expected_spend(x, m * 100), euros.expected_spend(x, m) * 100, rtol=1e-8)


def test_a_second_run_gives_the_same_bits():
    x, m, _ = planted(20_000, 6)
    one, other = GammaGamma().fit(x, m), GammaGamma().fit(x, m)
    assert one.parameters_.tobytes() == other.parameters_.tobytes()
    assert one.covariance_.tobytes() == other.covariance_.tobytes()


HEAVY = np.exp(np.random.default_rng(8).standard_cauchy(300).clip(-12, 12))
DEGENERATE = {
    "one customer": ([3], [20.0]),
    "one repeat purchase each": (np.ones(300, int), planted(300, 7, repeat=False)[1]),
    "tails without a mean": (np.ones(300, int), HEAVY),
    "the same spend always": ([1, 2, 3] * 20, [25.0] * 60),
    "5,000 purchases": ([5_000, 1, 2, 1], [10.0, 30.0, 20.0, 14.0]),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_data_that_cannot_tell_still_give_answers(case):
    model = GammaGamma().fit(*(np.asarray(column) for column in DEGENERATE[case]))
    value, low, high = model.interval([0, 1, 5_000], [0.0, 5.0, 40.0])
    assert model.q_ > 1 and np.isfinite(value).all() and (low <= value).all() and (value <= high).all()
    assert value[2] == pytest.approx(40, rel=0.3)
    words = {
        "one customer": "One customer only",
        "one repeat purchase each": "Nobody has two repeat purchases",
        "tails without a mean": "hardly defined",
    }
    assert words.get(case, "") in " ".join(model.unknown_)


def test_nothing_to_learn_and_wrong_columns_are_named():
    with pytest.raises(ValueError, match="nothing to learn"):
        GammaGamma().fit([0, 2], [0.0, -5.0])
    with pytest.raises(ValueError, match=r"1 of 2 customers cannot be .first at row 1."):
        GammaGamma().fit([1, 1.5], [3.0, 3.0])
    assert clone(GammaGamma(penalty=0.1)).get_params() == {"penalty": 0.1}


def test_who_returned_money_is_left_out_of_learning_and_still_answered():
    x, m, _ = planted(500, 9)
    model = GammaGamma().fit(np.r_[x, 2, 0], np.r_[m, -4.0, np.nan])
    assert model.n_customers_ == 500
    assert model.expected_spend(0, np.nan) == pytest.approx(model.mean_)


def test_expected_value_needs_no_more_than_the_two_models():
    """Expected purchases × expected spend: an all-one-time customer of an average company is worth something."""
    x, t_x, T, _ = purchases.simulate("mbg", (0.7, 6.0, 0.9, 1.8), 1_000, seed=1)
    bought = ModifiedBetaGeometric().fit(x, t_x, T).dert(0.0027, 0, 0.0, 30.0)
    often, mean, _ = planted(500, 10)
    assert 0 < (bought * GammaGamma().fit(often, mean).expected_spend(0, 0.0)).item() < 200


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-3])
def test_a_company_where_everybody_always_pays_the_same_has_that_spend(spread):
    """A price list with one price: the likelihood has no top, the spend is no less known for it."""
    rng = np.random.default_rng(3)
    x = rng.integers(1, 60, 200)
    m = 20.0 + spread * rng.standard_normal(200)
    model = GammaGamma().fit(x, m)
    value, low, high = model.interval([0, 1, 40], [0.0, 20.0, 20.0])
    np.testing.assert_allclose(value, 20.0, rtol=0.01)
    assert (low <= value).all() and (value <= high).all() and (low > 15).all() and (high < 27).all()
