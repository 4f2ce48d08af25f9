"""How good the forecasts of value were: every candidate at several cut-offs, beside what came after each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import numpy as np

from data.learners import known as facts
from data.learners.known import Known
from data.learners.purchases import DROPOUT, WEEK, Fitted, History, cut_offs, fitted, history, parts
from data.model_card import Card

NAIVE = "past rate"
SPENT, HINDSIGHT = "past spend", "hindsight"
TOP = (0.05, 0.10, 0.20)
SHARES = np.r_[0.01, 0.02, 0.05, np.linspace(0.1, 1, 10)]
ENOUGH = 30  # customers, below whom a holdout proves nothing
LEAST_MOVED = 0.05  # error of the total below which nothing is recalibrated
MOST_MOVED = 2.0  # factor by which a recalibration changes a forecast at most


@dataclass(frozen=True)
class Holdout:
    """One cut-off. expected, p_none: by candidate, (customers,) in the horizon; spend: expected of each a purchase day.

    later, later_spend: what came; before: spend until the cut-off.
    """

    found: History
    expected: dict[str, np.ndarray]
    p_none: dict[str, np.ndarray]
    spend: np.ndarray
    before: np.ndarray
    later: np.ndarray
    later_spend: np.ndarray

    @property
    def cut(self) -> date:
        return self.found.cut


@dataclass(frozen=True)
class Proof:
    """What the holdouts say. chosen: the model that is used. wins: whether it beats the naive baseline (None: not
    tested). factor: by which forecasts are multiplied, 1 unless earlier holdouts show that it helps."""

    holdouts: tuple[Holdout, ...] = ()
    chosen: str = DROPOUT[0]
    wins: bool | None = None
    factor: float = 1.0
    earlier: float = 1.0
    scores: dict[str, float] = field(default_factory=dict)


def prove(con: duckdb.DuckDBPyConnection, known: Known) -> Proof:
    """Test every candidate at every cut-off, and choose."""
    from models import holdout as measure

    tests = tuple(held_out(con, known, cut) for cut in cut_offs(con, known))
    if not tests:
        return Proof()
    many = sum(len(test.later) for test in tests)
    scores, errors = {}, {}
    for name in tests[0].expected:
        scores[name] = sum(float(measure.log_score(t.p_none[name], t.later).sum()) for t in tests) / many
        errors[name] = sum(float(((t.expected[name] - t.later) ** 2).sum()) for t in tests)
    chosen = max(DROPOUT, key=lambda name: (scores[name], name))
    wins = None if len(tests[0].later) < ENOUGH else errors[chosen] < errors[NAIVE]
    return Proof(tests, chosen, wins, *recalibration(tests, chosen), scores)


def held_out(con: duckdb.DuckDBPyConnection, known: Known, cut: date) -> Holdout:
    """Forecasts from what was known at the cut-off, and what came within the horizon."""
    found = history(con, known, cut, ahead=known.horizon)
    fits = fitted(con, known, found)
    weeks = known.horizon / WEEK
    expected = {name: m.expected_purchases(weeks, *found.columns)[found.row] for name, m in fits.models.items()}
    p_none = {name: m.p_no_purchase(weeks, *found.columns)[found.row] for name, m in fits.models.items()}
    expected[NAIVE] = naive(found) * weeks
    p_none[NAIVE] = np.exp(-expected[NAIVE])
    before, came, spent = (found.frame[name].to_numpy(float) for name in ("revenue", "later", "later_spend"))
    return Holdout(found, expected, p_none, spend(fits, found), before, came, spent)


def naive(found: History) -> np.ndarray:
    """Each customer's own past rate, repeat days a week: (customers,)."""
    return found.x / np.maximum(found.rows.T, 1 / WEEK)[found.row]


def spend(fits: Fitted, found: History) -> np.ndarray:
    """Expected spend a purchase day, (customers,); nothing where nothing is known of spending."""
    if fits.spend is None:
        return np.zeros(len(found))
    return fits.spend.expected_spend(*own_spends(fits, found))


def own_spends(fits: Fitted, found: History) -> tuple[np.ndarray, np.ndarray]:
    """Repeat days and mean spend of them as the spend model takes them; none where returns exceed what was bought."""
    m = found.mean_spend
    return np.where(m > 0, found.x, 0), m


def recalibration(tests: tuple[Holdout, ...], chosen: str) -> tuple[float, float]:
    """Factor for forecasts from now on, and the one that the holdout before the newest would have given the newest.

    The newest holdout gives it, and only if every holdout errs to the same side, chance does not explain the newest
    error, and the factor of the holdout before would have made the newest total better.
    """
    from models.holdout import total

    factors = [float(t.later.sum()) / max(float(t.expected[chosen].sum()), 1e-9) for t in tests]
    if len(tests) < 2 or min(factors) <= 0:
        return 1.0, 1.0
    newest, earlier = (math.log(min(max(f, 1 / MOST_MOVED), MOST_MOVED)) for f in factors[:2])
    error = total(tests[0].expected[chosen], tests[0].later)
    one_side = all((f > 1) == (factors[0] > 1) for f in factors)
    proven = error.low > 0 or error.high < 0
    if one_side and proven and abs(error.error) > LEAST_MOVED and abs(newest - earlier) < abs(newest):
        return math.exp(newest), math.exp(earlier)
    return 1.0, 1.0


def report(card: Card, proof: Proof, con: duckdb.DuckDBPyConnection, known: Known) -> None:
    """Write the holdouts onto the card: figures of all candidates, curves and groups of the newest."""
    from models import holdout as measure

    for test in proof.holdouts:
        size = len(test.later)
        for name, expected in test.expected.items():
            score = measure.log_score(test.p_none[name], test.later)
            half = measure.Z * float(score.std()) / math.sqrt(size)
            error = measure.total(expected, test.later)
            card.test(test.cut, name, "log score", float(score.mean()), size, score.mean() - half, score.mean() + half)
            card.test(test.cut, name, "total error", error.error, size, error.low, error.high)
            for title, function in (
                ("mean absolute error", measure.mean_absolute_error),
                ("root mean square error", measure.root_mean_square_error),
                ("correlation", measure.correlation),
            ):
                card.test(test.cut, name, title, function(expected, test.later), size)
            captured(card, test, name, expected * test.spend)
        captured(card, test, SPENT, test.before)
        captured(card, test, HINDSIGHT, test.later_spend)
    if not proof.holdouts:
        return
    newest = proof.holdouts[0]
    expected = newest.expected[proof.chosen]
    if proof.factor != 1:
        better = measure.total(expected * proof.earlier, newest.later)
        name = f"{proof.chosen}, recalibrated earlier"
        card.test(newest.cut, name, "total error", better.error, len(newest.later), better.low, better.high)
    for name in (proof.chosen, NAIVE):
        for group in measure.groups(newest.expected[name], newest.later):
            card.bin(name, **group)
    rankings = {proof.chosen: expected * newest.spend, SPENT: newest.before, HINDSIGHT: newest.later_spend}
    for series, ranking in rankings.items():
        for share, held in zip(SHARES, measure.capture(ranking, newest.later_spend, SHARES), strict=True):
            card.point("capture", series, float(share), float(held))
    track(card, proof, con, known)


def captured(card: Card, test: Holdout, name: str, ranking: np.ndarray) -> None:
    """What share of later spend the best customers of a ranking hold."""
    from models.holdout import capture

    for share, held in zip(TOP, capture(ranking, test.later_spend, np.array(TOP)), strict=True):
        card.test(test.cut, name, f"spend of the top {share:.0%}", float(held), len(test.later))


def track(card: Card, proof: Proof, con: duckdb.DuckDBPyConnection, known: Known) -> None:
    """Purchases since the newest cut-off, week by week, added up: what came and what was expected with a band.

    Customers scatter around what is expected of them; the band is 90 % of what that scatter makes of the sum.
    """
    from models.holdout import Z

    test = proof.holdouts[0]
    found = test.found
    model = fitted(con, known, found).models[proof.chosen]
    window = {
        "until": test.cut + timedelta(days=known.horizon),
        "known": known.cut,
        "parts": parts(con, known, test.cut),
    }
    came = facts.at(con, "value_week", test.cut, **window)
    weeks = np.arange(1, math.ceil(known.horizon / WEEK) + 1)
    by_week = came.set_index("week")["purchases"].reindex(weeks, fill_value=0).cumsum()
    forecast = test.expected[proof.chosen]
    scatter = float(((test.later - forecast) ** 2).sum()) / max(float(forecast.sum()), 1e-9)
    for week, actual in zip(weeks, by_week, strict=True):
        ahead = min(float(week), known.horizon / WEEK)
        thought = float(np.einsum("i,i", model.expected_purchases(ahead, *found.columns), found.rows.counts))
        half = Z * math.sqrt(scatter * thought)
        card.point("purchases by week", "came", float(week), float(actual))
        card.point("purchases by week", "expected", float(week), thought, max(thought - half, 0.0), thought + half)
