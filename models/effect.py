"""What one contact on a channel brings, in all and for whom, from contacts that were drawn at random.

Every customer of a test gets a doubly-robust score Γ (Robins, Rotnitzky & Zhao 1994, JASA 89:846) whose mean over any
group is that group's effect. Segments: Cochran 1954 (Biometrics 10:101) whether they differ, DerSimonian & Laird 1986
(Control. Clin. Trials 7:177) by how much, Morris 1983 (JASA 78:47) for drawing each toward the channel. Customers: the
DR-learner (Kennedy 2023, Electron. J. Stat. 17:3008), taken only as far as the best linear predictor of the effect goes
with it (Chernozhukov et al. 2018, NBER 24678). Nothing is judged by a model that saw the customer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from models.uplift import qini

FOLDS, LEVEL = 5, 0.90
PENALTY = 0.01  # of the rows: ridge on columns of variance 1
FEWEST = 30  # customers a segment needs in each arm
WRONG = 0.05  # chance that anything at all is called different which is not
CUSTOMERS, SEGMENTS, CHANNEL = "customer", "segment", "channel"


@dataclass(frozen=True)
class Trial:
    """Customers of one channel's tests, one row a campaign and customer.

    outcome: (n,) margin; treated: (n,) flags; p_treated: (n,); before: (n, k) what is known of them before the window,
    campaigns included; traits: (n, m) what customers of any day have, of which effects may depend; segment: (n,) whole
    numbers from 0; customer: (n,) whole numbers; fold: (n,) from 0 to FOLDS − 1, the same for all rows of a customer.
    """

    outcome: np.ndarray
    treated: np.ndarray
    p_treated: np.ndarray
    before: np.ndarray
    traits: np.ndarray
    segment: np.ndarray
    customer: np.ndarray
    fold: np.ndarray


class Folded:
    """Ridge regressions on x, (n, k), that leave out folds: from sums over each fold, so that each costs nothing."""

    def __init__(self, x: np.ndarray, fold: np.ndarray, penalty: float = PENALTY):
        self.x, self.fold, self.penalty = x, fold, penalty
        self.gram = np.stack([x[fold == j].T @ x[fold == j] for j in range(FOLDS)])

    def moments(self, y: np.ndarray) -> np.ndarray:
        """Σ x y of each fold, (FOLDS, k)."""
        return np.stack([self.x[self.fold == j].T @ y[self.fold == j] for j in range(FOLDS)])

    def left(self, out: Sequence[int]) -> tuple[np.ndarray, list[int]]:
        """Σ x xᵀ with its penalty over the folds that are not left out, and those folds."""
        kept = [j for j in range(FOLDS) if j not in out]
        gram = self.gram[kept].sum(axis=0)
        ridge = np.full(len(gram), self.penalty * max(gram[0, 0], 1.0))
        ridge[0] = 1e-9  # the first column is 1: it is not drawn toward 0
        return gram + np.diag(ridge), kept

    def coefficients(self, moments: np.ndarray, out: Sequence[int] = ()) -> np.ndarray:
        """(k,) learned without the folds `out`."""
        gram, kept = self.left(out)
        return np.linalg.solve(gram, moments[kept].sum(axis=0))


@dataclass(frozen=True)
class Estimate:
    """An effect with its standard error."""

    value: float
    se: float


@dataclass(frozen=True)
class Segments:
    """Effects of segments, (segments,): raw with errors (NaN where too few), drawn toward the channel's with errors.

    q, df, p: Cochran's test that all are alike; between: variance between them.
    """

    raw: np.ndarray
    raw_se: np.ndarray
    value: np.ndarray
    se: np.ndarray
    q: float
    df: int
    p: float
    between: float


class Effects:
    """What one channel's tests say. level: by what effects differ; `settle` decides, until then by nothing.

    expected: (n, 2) outcomes held out and treated; scores: (n,) Γ; channel: the mean effect of those tested; segments:
    theirs; out: level -> (n,) effect learned without the customer; qini_p, qini_low: of ranking by it; slope: how much
    of what the customers' own estimates say beyond their segment's, or the channel's, holds up.
    """

    def __init__(self, trial: Trial, segments: int):
        self.trial, self.count = trial, segments
        self.level = self.base = CHANNEL
        self.slope = Estimate(0.0, 0.0)
        self.mean, self.scale = trial.traits.mean(axis=0), spread_of(trial.traits)
        self.range = trial.traits.min(axis=0), trial.traits.max(axis=0)
        self.traits = Folded(self.standard(trial.traits), trial.fold)
        before = (trial.before - trial.before.mean(axis=0)) / spread_of(trial.before)
        self.before = np.column_stack([np.ones(len(before)), before])
        self.arms = []
        for arm in (False, True):
            rows = trial.treated == arm
            folded = Folded(self.before[rows], trial.fold[rows])
            self.arms.append((folded, folded.moments(trial.outcome[rows])))
        self.expected = self.judged(())
        self.scores = self.gamma(self.expected)
        self.channel = clustered(self.scores, trial.customer)
        self.segments = self.by_segment(self.scores, self.channel)
        self.without: list[tuple[float, np.ndarray, np.ndarray]] = []  # of each fold: channel, segments, weights
        self.out = self.apart()
        self.effect_apart = self.out[CHANNEL]
        self.qini_p, self.qini_low = self.ranking()

    def standard(self, traits: np.ndarray) -> np.ndarray:
        """Traits behind a column of ones, of mean 0 and variance 1 among those tested and never beyond theirs."""
        return np.column_stack([np.ones(len(traits)), (traits.clip(*self.range) - self.mean) / self.scale])

    def judged(self, out: tuple[int, ...]) -> np.ndarray:
        """Outcomes expected of everybody, (n, 2), by models that saw neither their fold nor those `out`."""
        expected = np.empty((len(self.before), 2))
        for j in range(FOLDS):
            rows = self.trial.fold == j
            weights = [folded.coefficients(moments, (j, *out)) for folded, moments in self.arms]
            expected[rows] = self.before[rows] @ np.column_stack(weights)
        return expected

    def gamma(self, expected: np.ndarray) -> np.ndarray:
        """Γ of everybody."""
        t = self.trial
        held, given = expected.T
        rest = t.outcome - np.where(t.treated, given, held)
        return given - held + np.where(t.treated, rest / t.p_treated, -rest / (1 - t.p_treated))

    def by_segment(self, scores: np.ndarray, center: Estimate, rows: np.ndarray | None = None) -> Segments:
        """Effects of the segments, from these rows or from all."""
        t = self.trial
        raw, se = np.full(self.count, np.nan), np.full(self.count, np.nan)
        for s in range(self.count):
            own = t.segment == s if rows is None else rows & (t.segment == s)
            treated = int(t.treated[own].sum())
            if min(treated, int(own.sum()) - treated) >= FEWEST:
                found = clustered(scores[own], t.customer[own])
                raw[s], se[s] = found.value, found.se
        return drawn_together(raw, se, center)

    def apart(self) -> dict[str, np.ndarray]:
        """Level -> effect of everybody, (n,), learned without any outcome of their fold, nuisances included."""
        t, n = self.trial, len(self.scores)
        out = {level: np.empty(n) for level in (CUSTOMERS, SEGMENTS, CHANNEL)}
        for k in range(FOLDS):
            own, rest = t.fold == k, t.fold != k
            scores = self.gamma(self.judged((k,)))
            center = clustered(scores[rest], t.customer[rest])
            weights = self.traits.coefficients(self.traits.moments(scores), (k,))
            self.without.append((center.value, self.by_segment(scores, center, rest).value, weights))
            out[CHANNEL][own], values, weights = self.without[k]
            out[SEGMENTS][own] = values[t.segment[own]]
            out[CUSTOMERS][own] = self.traits.x[own] @ weights
        return out

    def ranking(self) -> tuple[float, float]:
        """One-sided p, and lower end, of the gain of treating by the customers' own estimates over treating at random.

        One score and one priority a customer, so that draws of half of them are draws of customers.
        """
        who = self.trial.customer
        rows = np.bincount(who)
        scores, priority = (np.bincount(who, v)[rows > 0] / rows[rows > 0] for v in (self.scores, self.out[CUSTOMERS]))
        draws = int(np.clip(2e7 / len(scores), 50, 200))
        found = qini(scores, np.round(priority, 9), draws=draws)
        return (float(norm.sf(found.value / found.se)) if found.se > 0 else 1.0), found.low

    def settle(self, segments: bool, customers: bool) -> None:
        """Decide by what effects differ, from which of the two tests passed."""
        self.level = self.base = SEGMENTS if segments else CHANNEL
        self.effect_apart = anchor = self.out[self.base]
        if customers:
            own = self.out[CUSTOMERS] - anchor
            self.slope = slope(self.scores - anchor, own, self.trial.customer)
            if self.slope.value > 0:
                self.level, self.effect_apart = CUSTOMERS, anchor + self.slope.value * own

    def of(self, traits: np.ndarray, segment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Effect of any customers, (n,), with its standard error, at the level settled."""
        if self.base == SEGMENTS:
            value, error = self.segments.value[segment], self.segments.se[segment]
        else:
            value, error = (np.full(len(segment), v) for v in (self.channel.value, self.channel.se))
        if self.level != CUSTOMERS:
            return value, error
        x, weights = self.standard(traits), self.traits.coefficients(self.traits.moments(self.scores))
        rest = self.scores - self.traits.x @ weights
        bread = np.linalg.inv(self.traits.left(())[0])
        spread = bread @ ((self.traits.x * (rest**2)[:, None]).T @ self.traits.x) @ bread
        own, share = x @ weights - value, self.slope.value
        variance = share**2 * np.einsum("ij,ij->i", x @ spread, x)
        error = np.sqrt(variance + ((1 - share) * error) ** 2 + (own * self.slope.se) ** 2)
        return value + share * own, error

    def of_apart(self, traits: np.ndarray, segment: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """The same of customers of these folds, (n,), learned without the outcomes of their fold."""
        effect = np.empty(len(segment))
        for k, (center, values, weights) in enumerate(self.without):
            rows = fold == k
            anchor = values[segment[rows]] if self.base == SEGMENTS else center
            own = self.standard(traits[rows]) @ weights - anchor if self.level == CUSTOMERS else 0.0
            effect[rows] = anchor + self.slope.value * own
        return effect


def slope(scores: np.ndarray, own: np.ndarray, customer: np.ndarray) -> Estimate:
    """How much of the customers' own estimates holds up, within 0 and 1: slope of the scores on them."""
    own = own - own.mean()
    squares = float((own**2).sum())
    if squares <= 0:
        return Estimate(0.0, 0.0)
    raw = float((own * scores).sum()) / squares
    rest = own * (scores - scores.mean() - raw * own)
    return Estimate(min(max(raw, 0.0), 1.0), math.sqrt(float((np.bincount(customer, rest) ** 2).sum())) / squares)


def holm(p: Sequence[float], wrong: float = WRONG) -> list[bool]:
    """Which tests pass so that with a chance of at most `wrong` one passes that should not (Holm 1979)."""
    order, passed = np.argsort(p, kind="stable"), [False] * len(p)
    for place, number in enumerate(order):
        if p[number] > wrong / (len(p) - place):
            break
        passed[number] = True
    return passed


def settled(found: Sequence[Effects]) -> None:
    """Decide for all channels at once by what their effects differ."""
    passed = holm([p for one in found for p in (one.segments.p, one.qini_p)])
    for one, segments, customers in zip(found, passed[::2], passed[1::2], strict=True):
        one.settle(segments, customers and one.qini_low > 0)


def spread_of(x: np.ndarray) -> np.ndarray:
    """Standard deviation of each column, 1 where it says nothing."""
    spread = x.std(axis=0)
    return np.where(spread > 1e-9, spread, 1.0)


def clustered(scores: np.ndarray, customer: np.ndarray) -> Estimate:
    """Mean of the scores; its error counts customers, not rows (Liang & Zeger 1986, Biometrika 73:13)."""
    value = float(scores.mean())
    sums, m = np.bincount(customer, scores - value), int(np.count_nonzero(np.bincount(customer)))
    return Estimate(value, math.sqrt(float((sums**2).sum()) * m / max(m - 1, 1)) / len(scores))


def drawn_together(raw: np.ndarray, se: np.ndarray, center: Estimate) -> Segments:
    """Segment effects drawn toward the channel's by how little is known of each; all of it where they are alike."""
    own = np.isfinite(raw) & np.isfinite(se) & (np.nan_to_num(se) > 0)
    weight = 1 / se[own] ** 2
    df = max(int(own.sum()) - 1, 0)
    mean = float((weight * raw[own]).sum() / weight.sum()) if own.any() else math.nan
    q = float((weight * (raw[own] - mean) ** 2).sum())
    spread = float(weight.sum() - (weight**2).sum() / weight.sum()) if df else 1.0
    between = max((q - df) / spread, 0.0) if df else 0.0
    value, error = np.full(len(raw), center.value), np.full(len(raw), math.sqrt(between + center.se**2))
    if between > 0:
        trust = between / (between + se[own] ** 2)
        value[own] += trust * (raw[own] - center.value)
        error[own] = np.sqrt(trust * se[own] ** 2 + ((1 - trust) * center.se) ** 2)
    return Segments(raw, se, value, error, q, df, float(chi2.sf(q, df)) if df else 1.0, between)
