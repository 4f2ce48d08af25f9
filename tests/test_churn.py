"""Classifiers of churn: published figures of a telecom, the rule when to fall back, and why P(alive) is no score."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold
from sklearn.utils.estimator_checks import estimator_checks_generator

from models import quality
from models.bg_nbd import BetaGeometric
from models.choice import choose
from models.churn import BaseRate, Boosting, Logistic, RecencyRule, TenureCurve, evenly, goes_along
from models.mbg_nbd import ModifiedBetaGeometric
from models.pareto_nbd import ParetoNBD
from models.profit import empc
from models.sbg import survival
from tests.purchases import cdnow, histories

TELCO = Path(__file__).parents[2] / "shared" / "data" / "telco_churn.parquet"
MODELS = [BaseRate(), RecencyRule(), Logistic(), Boosting(rounds=20)]
# Published: AUC, Brier, ECE, lift of the top tenth, expected maximum profit; five folds, three times.
PUBLISHED = {"logistic": (0.8450, 0.1355, 0.0129, 2.857, 10.2805), "boosting": (0.8483, 0.1339, 0.0107, 2.871, 10.3129)}
TOLERANCE = {"logistic": (0.001, 0.0005, 0.002, 0.03, 0.005), "boosting": (0.002, 0.001, 0.004, 0.03, 0.02)}


CHECKS = [pair for model in MODELS for pair in estimator_checks_generator(model)]


@pytest.mark.parametrize(
    ("estimator", "check"), [pair for pair in CHECKS if pair[1].func.__name__ != "check_array_api_input"]
)
def test_the_classifiers_speak_scikit_learns_grammar(estimator, check):
    check(estimator)


@cache
def telco() -> tuple[np.ndarray, np.ndarray]:
    """7,043 customers of a telecom: attributes as columns, and whether they left."""
    if not TELCO.is_file():
        pytest.skip(f"no {TELCO.name} in ../shared/data")
    table = pd.read_parquet(TELCO).drop(columns="customerID")
    left = (table.pop("Churn") == "Yes").to_numpy(int)
    table["TotalCharges"] = pd.to_numeric(table["TotalCharges"], errors="coerce")  # blank in 11 rows
    return pd.get_dummies(table, drop_first=True, dtype=float).to_numpy(), left


def cross_validated(model, X, y, times: int = 3) -> list[np.ndarray]:
    """Every customer's probability from the four fifths it was not in, as often as asked."""
    found = []
    for seed in range(times):
        p = np.empty(len(y))
        for learn, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(X, y):
            p[test] = clone(model).fit(X[learn], y[learn]).predict_proba(X[test])[:, 1]
        found.append(p)
    return found


@pytest.mark.parametrize(("name", "model"), [("logistic", Logistic()), ("boosting", Boosting())])
def test_a_telecoms_churn_is_told_as_well_as_published(name, model):
    X, y = telco()
    found = np.mean(
        [
            (quality.auc(y, p), quality.brier(y, p), quality.ece(y, p), quality.lift(y, p), empc(y, p)[0])
            for p in cross_validated(model, X, y)
        ],
        axis=0,
    )
    assert found[0] >= 0.843 and found[1] <= 0.137 and found[2] <= 0.02
    for value, published, tolerance in zip(found, PUBLISHED[name], TOLERANCE[name], strict=True):
        assert value == pytest.approx(published, abs=tolerance)


def test_shuffled_labels_teach_nothing():
    X, y = telco()
    shuffled = np.random.default_rng(1).permutation(y)
    for model in (Logistic(), Boosting(rounds=30)):
        (p,) = cross_validated(model, X, shuffled, times=1)
        assert 0.45 <= quality.auc(shuffled, p) <= 0.55


def test_a_column_that_was_written_afterwards_raises_the_alarm():
    X, y = telco()
    leaky = np.column_stack([X, np.where(y == 1, 0.0, 1.0) + np.random.default_rng(2).normal(0, 0.2, len(y))])
    (p,) = cross_validated(Logistic(), leaky, y, times=1)
    names = [f"column {i}" for i in range(X.shape[1])] + ["settled"]
    words = quality.leak_alarm(y, p, pd.DataFrame(leaky, columns=names))
    assert words is not None and words.endswith("settled.")
    (honest,) = cross_validated(Logistic(), X, y, times=1)
    assert quality.leak_alarm(y, honest) is None


def test_p_alive_ranks_backwards_where_p_no_purchase_ranks_well():
    """39 weeks to learn from, 39 to come; AUC as published."""
    orders = cdnow()
    seen = histories(orders, "1997-09-30")
    later = orders.loc[orders["day"] > "1997-09-30", "customer"].unique()
    y = ~np.isin(seen.index, later)
    parts = tuple(seen[name].to_numpy() for name in ("x", "t_x", "T"))
    published = {BetaGeometric: 0.757, ModifiedBetaGeometric: 0.760, ParetoNBD: 0.771}
    for kind, area in published.items():
        assert quality.auc(y, kind().fit(*parts).p_no_purchase(39.0, *parts)) == pytest.approx(area, abs=0.001)
    alive = BetaGeometric().fit(*parts).p_alive(*parts)
    assert quality.auc(y, 1 - alive) == pytest.approx(0.316, abs=0.001)
    assert (alive[parts[0] == 0] == 1).all() and y[parts[0] == 0].mean() > 0.8


def planted(n: int, seed: int):
    """Days since the last purchase tell who is lost, on the scale of logarithms; the second column is noise."""
    rng = np.random.default_rng(seed)
    days = rng.lognormal(3.5, 1, n).round()
    p = 1 / (1 + np.exp(-(-4 + 1.1 * np.log1p(days))))
    return np.column_stack([days, rng.normal(size=n)]), (rng.random(n) < p).astype(int), p


def test_the_recency_rule_and_the_logistic_find_a_planted_truth():
    X, y, _ = planted(40_000, 3)
    new, _, p = planted(5_000, 4)
    rule = RecencyRule().fit(X, y)
    assert rule.slope_ == pytest.approx(1.1, abs=0.05) and rule.intercept_ == pytest.approx(-4, abs=0.2)
    for model in (rule, Logistic(logged=True).fit(X, y)):
        found = model.predict_proba(new)[:, 1]
        assert abs(found.mean() - p.mean()) < 0.01 and np.abs(found - p).max() < 0.04


def test_boosting_finds_a_planted_truth_and_what_goes_along_with_it():
    X, y, _ = planted(20_000, 5)
    new, later, p = planted(5_000, 6)
    model = Boosting().fit(X, y)
    found = model.predict_proba(new)[:, 1]
    assert abs(found.mean() - p.mean()) < 0.01 and np.sqrt(np.mean((found - p) ** 2)) < 0.03
    table = goes_along(model, new, later, ["days since", "noise"])
    assert list(table["name"]) == ["days since", "noise"]
    assert table["value"][0] > 0.02 and abs(table["value"][1]) < 0.002


def test_an_unknown_value_is_filled_in_and_its_being_unknown_is_learned_from():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(4_000, 2))
    y = (rng.random(4_000) < np.where(X[:, 0] > 1, 0.8, 0.2)).astype(int)
    X[X[:, 0] > 1, 0] = np.nan
    model = Logistic().fit(X, y)
    p = model.predict_proba(np.array([[np.nan, 0.0], [0.0, 0.0]]))[:, 1]
    assert p[0] == pytest.approx(0.8, abs=0.04) and p[1] == pytest.approx(0.2, abs=0.04)
    table = model.coefficients(["first", "second"]).set_index("name")
    assert list(table.index) == ["first", "second", "first is unknown", "intercept"]
    row = np.array([np.nanmedian(X[:, 0]), 0.0, 1.0])
    odds = ((row - table["centre"][:3]) / table["scale"][:3] * table["value"][:3]).sum() + table["value"]["intercept"]
    assert 1 / (1 + np.exp(-odds)) == pytest.approx(p[0], rel=1e-9)


def test_the_base_rate_is_never_certain():
    X = np.zeros((20, 1))
    assert BaseRate().fit(X, np.r_[np.ones(19), 0]).rate_ == pytest.approx(19.5 / 21)


def test_what_cannot_be_learned_is_said():
    with pytest.raises(ValueError, match="lost and customers who were not"):
        Logistic().fit(np.zeros((5, 1)), np.ones(5))
    with pytest.raises(ValueError, match="sigmoid, isotonic or none"):
        Boosting(calibration="beta").fit(*planted(500, 8)[:2])


def test_learning_again_gives_the_same_bits():
    X, y, _ = planted(3_000, 9)
    for model in (RecencyRule(), Logistic(), Boosting(rounds=30)):
        first, second = (clone(model).fit(X, y).predict_proba(X) for _ in range(2))
        assert (first == second).all()


def test_a_large_company_is_learned_from_an_even_part_of_it():
    assert list(evenly(5, 10)) == [0, 1, 2, 3, 4]
    rows = evenly(1_000_003, 100_000)
    assert len(np.unique(rows)) == 100_000 and np.diff(rows).max() <= 11 and rows[-1] > 999_990


def rng_noise(like: np.ndarray) -> np.ndarray:
    """Noise with a mean of exactly zero."""
    noise = np.random.default_rng(2).normal(0, 0.1, len(like))
    return noise - noise.mean()


def test_the_tenure_curve_finds_planted_contracts_and_its_interval_holds_what_is_true():
    truth, held, off = (0.8, 6.0), [], []
    later = np.array([0.0, 90.0, 400.0])
    share = np.array([1 - survival(np.array(truth), n + 3) / survival(np.array(truth), n) for n in later // 30])
    for seed in range(60):
        rng = np.random.default_rng(seed)
        months = rng.geometric(np.clip(rng.beta(*truth, 1_500), 1e-9, 1))
        days, watched = months * 30 - rng.integers(0, 30, 1_500), rng.integers(60, 900, 1_500)
        model = TenureCurve().fit(np.minimum(days, watched), days <= watched)
        low, high = model.interval(later, 90)
        held.append((low <= share) & (share <= high))
        off.append(model.p_lost(later, 90) - share)
    assert np.abs(np.mean(off, axis=0)).max() < 0.01
    assert np.mean(held) == pytest.approx(0.90, abs=3 * np.sqrt(0.09 / 60))


def losses(*means: float, n: int = 400, seed: int = 1) -> list[np.ndarray]:
    """Losses of candidates with noise of their own."""
    rng = np.random.default_rng(seed)
    return [mean + rng.normal(0, 0.1, n) - 0.0 for mean in means]


def test_a_model_is_used_only_when_it_wins_by_more_than_its_standard_error():
    base, close, far = losses(0.20, 0.20, 0.10)
    won = choose({"rule": base, "model": far}, ["rule"])
    assert won.name == "model" and won.won and won.gain == pytest.approx(base.mean() - far.mean())
    assert won.error == pytest.approx((base - far).std(ddof=1) / 20)
    close = close - close.mean() + base.mean() - 0.001
    drawn = choose({"rule": base, "model": close}, ["rule"])
    assert drawn.name == "rule" and drawn.best == "model" and not drawn.won and "no more than chance" in str(drawn)
    slim = choose({"rule": base, "simple": far + 0.001, "model": far - rng_noise(far)}, ["rule"])
    assert slim.name == "simple" and slim.won and slim.best == "model"
    lost = choose({"rule": base, "base rate": base + 0.1, "model": base + 0.05}, ["rule", "base rate"])
    assert lost.name == lost.best == lost.baseline == "rule" and "the rule is used" in str(lost)


def test_a_model_without_merit_is_rarely_used():
    """Under no difference the gain of one model exceeds its standard error one time in six."""
    used = [
        choose(dict(zip(("rule", "model"), losses(0.2, 0.2, seed=seed), strict=True)), ["rule"]).won
        for seed in range(400)
    ]
    assert np.mean(used) == pytest.approx(0.159, abs=3 * np.sqrt(0.159 * 0.841 / 400))
