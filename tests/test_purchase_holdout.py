"""Forecasts of CDNOW's second half, figure by figure; answers without dropout and times against integrals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from models import holdout as measure
from models.bg_nbd import BetaGeometric
from models.gamma_gamma import GammaGamma
from models.mbg_nbd import ModifiedBetaGeometric
from models.nbd import NBD
from models.pareto_nbd import ParetoNBD
from tests import purchases

CUT = "1997-09-30"
MODELS = {"bg": BetaGeometric, "mbg": ModifiedBetaGeometric, "pareto": ParetoNBD, "nbd": NBD}
TABLE = {  # total over the actual 1,882, less 1; correlation; mean absolute error
    "bg": (-0.122, 0.6256, 0.786),
    "mbg": (-0.162, 0.6273, 0.765),
    "pareto": (-0.115, 0.6302, 0.755),
    "nbd": (0.557, 0.583, 1.041),
    "past rate": (0.557, 0.584, 1.024),
}
CAPTURE = {
    "pareto": (0.3755, 0.5036, 0.6719),
    "past spend": (0.323, 0.481, 0.663),
    "hindsight": (0.561, 0.764, 0.943),
}


@pytest.fixture(scope="module")
def second_half():
    """Histories at week 39, and of each customer past spend, purchase days and spend of weeks 40 to 78."""
    orders = purchases.cdnow().groupby(["customer", "day"], as_index=False)["spend"].sum()
    frame = purchases.histories(orders, CUT)
    past = orders["day"] <= CUT
    repeat = orders[past & (orders["day"] > orders.groupby("customer")["day"].transform("min"))]
    later = orders[~past].groupby("customer")["spend"]
    frame["m"] = repeat.groupby("customer")["spend"].mean().reindex(frame.index, fill_value=0)
    frame["before"] = orders[past].groupby("customer")["spend"].sum()
    frame["later"] = later.size().reindex(frame.index, fill_value=0)
    frame["later_spend"] = later.sum().reindex(frame.index, fill_value=0)
    return frame


@pytest.fixture(scope="module")
def fitted(second_half):
    return {name: model().fit(*columns(second_half)) for name, model in MODELS.items()}


def columns(frame):
    return frame["x"].to_numpy(), frame["t_x"].to_numpy(), frame["T"].to_numpy()


def expected(name, fitted, frame):
    x, t_x, T = columns(frame)
    return x * 39 / T if name == "past rate" else fitted[name].expected_purchases(39, x, t_x, T)


@pytest.mark.parametrize("name", TABLE)
def test_second_half_of_cdnow_as_published(name, fitted, second_half):
    later = second_half["later"].to_numpy(float)
    assert later.sum() == 1_882
    forecast = expected(name, fitted, second_half)
    error, correlation, absolute = TABLE[name]
    assert measure.total(forecast, later).error == pytest.approx(error, abs=0.0015)
    assert measure.correlation(forecast, later) == pytest.approx(correlation, abs=0.0006)
    assert measure.mean_absolute_error(forecast, later) == pytest.approx(absolute, abs=0.0011)


def test_models_with_dropout_beat_those_without_and_all_three_forecast_too_little(fitted, second_half):
    later = second_half["later"].to_numpy(float)
    p = {name: model.p_no_purchase(39, *columns(second_half)) for name, model in fitted.items()}
    scores = {name: measure.log_score(values, later).mean() for name, values in p.items()}
    errors = {n: measure.root_mean_square_error(expected(n, fitted, second_half), later) for n in TABLE}
    for name in ("bg", "mbg", "pareto"):
        assert scores[name] > scores["nbd"] + 0.01 and errors[name] < errors["past rate"]
        total = measure.total(expected(name, fitted, second_half), later)
        assert total.low < total.error < total.high < 0, "chance alone does not explain the shortfall"


@pytest.mark.parametrize("name", CAPTURE)
def test_spend_that_the_best_customers_hold_as_published(name, fitted, second_half):
    x, m = second_half["x"].to_numpy(), second_half["m"].to_numpy()
    rankings = {
        "pareto": expected("pareto", fitted, second_half) * GammaGamma().fit(x, m).expected_spend(x, m),
        "past spend": second_half["before"].to_numpy(),
        "hindsight": second_half["later_spend"].to_numpy(),
    }
    found = measure.capture(rankings[name], second_half["later_spend"].to_numpy(), np.array([0.05, 0.10, 0.20]))
    np.testing.assert_allclose(found, CAPTURE[name], atol=0.001)


@pytest.mark.parametrize(
    ("name", "score", "auc"), [("bg", "p_no_purchase", 0.757), ("mbg", "p_no_purchase", 0.760), ("pareto", "p_no_purchase", 0.771), ("bg", "p_alive", 0.316)]
)  # fmt: skip
def test_churn_is_told_by_the_chance_of_no_purchase_and_never_by_being_alive(name, score, auc, fitted, second_half):
    x, t_x, T = columns(second_half)
    risk = (
        fitted[name].p_no_purchase(39, x, t_x, T) if score == "p_no_purchase" else 1 - fitted[name].p_alive(x, t_x, T)
    )
    lost = second_half["later"].to_numpy() == 0
    apart = risk[lost][:, None] - risk[~lost][None]  # every pair of a customer lost and one kept
    assert ((apart > 0).mean() + (apart == 0).mean() / 2) == pytest.approx(auc, abs=0.001)


def test_ties_in_a_ranking_are_shared_out_and_not_won():
    spend = np.array([8.0, 0.0, 4.0, 4.0])
    found = measure.capture(np.array([1.0, 1.0, 1.0, 0.0]), spend, np.array([0.25, 0.5, 0.75, 1.0]))
    np.testing.assert_allclose(found, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(measure.capture(spend, spend, np.array([0.25, 0.75])), [0.5, 1.0])


def test_log_score_is_the_logarithm_of_what_was_given_to_what_came():
    found = measure.log_score(np.array([0.9, 0.9, 0.0, 1.0]), np.array([0, 3, 1, 1]))
    np.testing.assert_allclose(found, np.log([0.9, 0.1, 0.999, 0.001]))


def test_chance_interval_of_a_total_holds_zero_nine_times_of_ten():
    rng = np.random.default_rng(4)
    rate = rng.gamma(0.5, 1.0, 2_000)
    hit = [(t := measure.total(rate, rng.poisson(rate).astype(float))).low <= 0 <= t.high for _ in range(1_000)]
    assert abs(np.mean(hit) - 0.90) <= 3 * np.sqrt(0.09 / 1_000) + 0.005


def test_groups_hold_every_customer_once_and_their_own_means():
    rng = np.random.default_rng(5)
    thought, came = rng.random(203), rng.poisson(1.0, 203).astype(float)
    found = measure.groups(thought, came)
    assert sum(group["customers"] for group in found) == 203 and len(found) == 10
    assert sum(group["customers"] * group["observed"] for group in found) == pytest.approx(came.sum())
    assert [g["predicted"] for g in found] == sorted(g["predicted"] for g in found)
    assert all(group["low"] <= group["observed"] <= group["high"] for group in found)
    assert len(measure.groups(thought[:3], came[:3])) == 3


def given(name, parameters):
    """A model with these parameters, as if it had learned them."""
    model = MODELS[name]()
    model.parameters_, model.null_ = np.asarray(parameters, float), None
    return model


def test_nbd_equals_the_mixture_it_is_made_of():
    rng = np.random.default_rng(11)
    for _ in range(10):
        r, alpha, T, h, d = (float(v) for v in rng.uniform((0.3, 2, 5, 4, 0.001), (3, 15, 80, 60, 0.01)))
        x = int(rng.integers(0, 15))

        def mean(function, r=r, alpha=alpha, T=T, x=x):
            """∫ f(λ)·λ^(r+x)·e^(−(α+T)λ)·α^r/Γ(r) d ln λ: in ln λ there is no pole at 0."""

            def term(y):
                rate = mp.exp(y)
                return function(rate) * mp.exp((r + x) * y - (alpha + T) * rate) * mp.mpf(alpha) ** r / mp.gamma(r)

            middle, step = mp.log((r + x) / (alpha + T)), mp.mpf("0.05")
            return step * mp.fsum(term(middle + step * i) for i in range(-1_600, 110))  # the trapezoid rule

        total = mean(lambda v: mp.mpf(1))
        rate, none = mean(lambda v: v) / total, mean(lambda v, h=h: mp.exp(-v * h)) / total
        model = given("nbd", (r, alpha))
        terms = model.formulas.score(model.parameters_, *(np.array([v]) for v in (x, 0.0, T)))[0]
        found = [terms, model.p_no_purchase(h, x, 0.0, T), model.expected_purchases(h, x, 0.0, T)]
        found += [model.dert(d, x, 0.0, T), model.dert(d, x, 0.0, T, horizon=h)]
        exact = [mp.log(total), none, rate * h, rate / d, rate * (1 - mp.exp(-d * h)) / d]
        np.testing.assert_allclose(np.concatenate(found), [float(v) for v in exact], rtol=1e-7)


@pytest.mark.parametrize("name", ["bg", "mbg", "pareto", "nbd"])
def test_time_until_leaving_is_the_chance_of_being_there_summed_over_the_weeks(name):
    """∫ e^(−δu) P(active at T+u) du, by quadrature over P(active) given λ and the dropout of one customer."""
    parameters = {"nbd": (0.8, 6.0), "pareto": (0.8, 6.0, 0.9, 12.0)}.get(name, (0.8, 6.0, 0.9, 2.0))
    x, t_x, T, d, h = 3, 20.0, 33.0, 0.004, 52.0
    model = given(name, parameters)
    rng = np.random.default_rng(3)
    rate = rng.gamma(parameters[0] + x, 1 / (parameters[1] + T), 400_000)
    if name == "nbd":
        leaves = np.zeros(400_000)
    elif name == "pareto":
        leaves = rng.gamma(0.9, 1 / (12.0 + T), 400_000)
    else:
        leaves = rate * rng.beta(0.9, 2.0 + x + (name == "mbg"), 400_000)
    for horizon in (h, np.inf):
        total = d + leaves
        drawn = (1 - np.exp(-total * horizon)) / total * model.p_alive(x, t_x, T)
        found = model.active_time(d, x, t_x, T, horizon=horizon).item()
        assert found == pytest.approx(drawn.mean(), abs=4 * drawn.std() / np.sqrt(len(drawn)) + 1e-9)
