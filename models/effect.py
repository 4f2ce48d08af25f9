"""What one contact on a channel brings, in all and for whom, from contacts that were drawn at random.

Every customer of a test gets a doubly-robust score Γ (Robins, Rotnitzky & Zhao 1994, JASA 89:846) whose mean over any
group is that group's effect. Segments: Cochran 1954 (Biometrics 10:101) whether they differ, DerSimonian & Laird 1986
(Control. Clin. Trials 7:177) by how much, Morris 1983 (JASA 78:47) for drawing each toward the channel. Customers: the
DR-learner (Kennedy 2023, Electron. J. Stat. 17:3008), taken only as far as the best linear predictor of the effect goes
with it (Chernozhukov et al. 2018, NBER 24678). Nobody is judged by a model that saw the customer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from models.effect_parts import Ridge, parts_of, scaled
from models.uplift import qini

LEVEL = 0.90
FEWEST = 30  # customers a segment needs in each arm
FEWEST_OWN = 500  # rows a channel needs in each arm before customers are told apart
WRONG = 0.05  # chance that anything at all is called different which is not
CUSTOMERS, SEGMENTS, CHANNEL = "customer", "segment", "channel"
Z = float(ndtri((1 + LEVEL) / 2))


@dataclass(frozen=True)
class Trial:
    """Customers of one channel's tests, one row a campaign and customer, in the order of their folds.

    outcome: (n,) margin; treated: (n,) flags; p_treated: (n,); traits: (n, m) what customers of any day have, of which
    effects may depend; before: (n, k) what else is known of them before the window, campaigns included; segment: (n,)
    whole numbers from 0; customer: (n,) whole numbers; fold: (n,) below FOLDS, the same for all rows of a customer.
    """

    outcome: np.ndarray
    treated: np.ndarray
    p_treated: np.ndarray
    traits: np.ndarray
    before: np.ndarray
    segment: np.ndarray
    customer: np.ndarray
    fold: np.ndarray


@dataclass(frozen=True)
class Estimate:
    """An effect with its standard error, and its 90 % interval."""

    value: float
    se: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - Z * self.se

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + Z * self.se


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
    of what the customers' own estimates say beyond their segment's, or the channel's, holds up; effect_apart: (n,) at
    the level settled.
    """

    def __init__(self, trial: Trial, segments: int):
        self.trial, self.count = trial, segments
        self.level = self.base = CHANNEL
        self.slope = Estimate(0.0, 0.0)
        self.parts, m = parts_of(trial.fold), trial.traits.shape[1] + 1
        self.range = trial.traits.min(axis=0), trial.traits.max(axis=0)
        self.x, mean, scale = scaled(np.column_stack([np.ones(len(trial.fold)), trial.traits, trial.before]))
        self.mean, self.scale = mean[1:m], scale[1:m]
        self.arms = [Ridge(self.x, self.parts, trial.treated == arm) for arm in (False, True)]
        self.sums = [ridge.moments(trial.outcome) for ridge in self.arms]
        self.traits = Ridge(self.x[:, :m], self.parts)
        _, self.customer = np.unique(trial.customer, return_inverse=True)
        self.expected = self.judged()
        self.scores = self.gamma(self.expected)
        self.channel = clustered(self.scores, self.customer)
        self.segments = self.by_segment(self.scores, self.channel)
        self.without: list[tuple[float, np.ndarray, np.ndarray]] = []  # of each fold: channel, segments, weights
        self.out = self.apart()
        self.effect_apart = self.out[CHANNEL]
        self.qini_p, self.qini_low = self.ranking()

    def judged(self, without: int | None = None) -> np.ndarray:
        """Outcomes expected, (n, 2), by models that did not see their fold, nor the one that is left out of it all."""
        expected = np.zeros((len(self.x), 2))
        for j, own in enumerate(self.parts):
            if j != without:
                out = (j,) if without is None else (j, without)
                weights = [ridge.weights(sums, out) for ridge, sums in zip(self.arms, self.sums, strict=True)]
                expected[own] = self.x[own] @ np.column_stack(weights)
        return expected

    def gamma(self, expected: np.ndarray) -> np.ndarray:
        """Γ of everybody."""
        t = self.trial
        held, given = expected.T
        rest = t.outcome - np.where(t.treated, given, held)
        return given - held + np.where(t.treated, rest / t.p_treated, -rest / (1 - t.p_treated))

    def by_segment(self, scores: np.ndarray, center: Estimate, without: int | None = None) -> Segments:
        """Effects of the segments, from everybody or without a fold."""
        rows = np.ones(len(scores), bool)
        if without is not None:
            rows[self.parts[without]] = False
        segment, treated, customer = self.trial.segment[rows], self.trial.treated[rows], self.customer[rows]
        n = np.bincount(segment, minlength=self.count)
        given = np.bincount(segment, treated, self.count)
        enough = np.minimum(given, n - given) >= FEWEST
        raw = np.bincount(segment, scores[rows], self.count) / np.maximum(n, 1)
        cell = segment * (int(customer.max()) + 1) + customer
        sums = np.bincount(cell, scores[rows] - raw[segment], self.count * (int(customer.max()) + 1))
        squares = (sums.reshape(self.count, -1) ** 2).sum(axis=1)
        se = np.sqrt(squares) / np.maximum(n - 1, 1)
        return drawn_together(np.where(enough, raw, np.nan), np.where(enough, se, np.nan), center)

    def apart(self) -> dict[str, np.ndarray]:
        """Level -> effect of everybody, (n,), learned without any outcome of their fold, nuisances included."""
        t, n = self.trial, len(self.scores)
        out = {level: np.empty(n) for level in (CUSTOMERS, SEGMENTS, CHANNEL)}
        for k, own in enumerate(self.parts):
            scores = self.gamma(self.judged(k))
            center = clustered(*(np.delete(values, own) for values in (scores, self.customer)))
            weights = self.traits.weights(self.traits.moments(scores), (k,))
            segments = self.by_segment(scores, center, k).value
            self.without.append((center.value, segments, weights))
            out[CHANNEL][own], out[SEGMENTS][own] = center.value, segments[t.segment[own]]
            out[CUSTOMERS][own] = self.traits.x[own] @ weights
        return out

    def ranking(self) -> tuple[float, float]:
        """One-sided p, and lower end, of the gain of treating by the customers' own estimates over treating at random.

        One score and one priority a customer, so that draws of half of them are draws of customers.
        """
        treated = int(self.trial.treated.sum())
        if min(treated, len(self.scores) - treated) < FEWEST_OWN:
            return 1.0, -math.inf
        rows = np.bincount(self.customer)
        scores, priority = (np.bincount(self.customer, v) / rows for v in (self.scores, self.out[CUSTOMERS]))
        found = qini(scores, np.round(priority, 9), draws=int(np.clip(1e7 / len(scores), 40, 200)))
        return (float(ndtr(-found.value / found.se)) if found.se > 0 else 1.0), found.low

    def settle(self, segments: bool, customers: bool) -> None:
        """Decide by what effects differ, from which of the two tests passed."""
        self.level = self.base = SEGMENTS if segments else CHANNEL
        self.effect_apart = anchor = self.out[self.base]
        if customers:
            own = self.out[CUSTOMERS] - anchor
            self.slope = slope(self.scores - anchor, own, self.customer)
            if self.slope.value > 0:
                self.level, self.effect_apart = CUSTOMERS, anchor + self.slope.value * own

    def standard(self, traits: np.ndarray) -> np.ndarray:
        """Traits as the regressions have them; none beyond those of the customers tested."""
        return np.column_stack([np.ones(len(traits)), (traits.clip(*self.range) - self.mean) / self.scale])

    def of(self, traits: np.ndarray, segment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Effect of any customers, (n,), with its standard error, at the level settled."""
        if self.base == SEGMENTS:
            value, error = self.segments.value[segment], self.segments.se[segment]
        else:
            value, error = (np.full(len(segment), v) for v in (self.channel.value, self.channel.se))
        if self.level != CUSTOMERS:
            return value, error
        x, weights = self.standard(traits), self.traits.weights(self.traits.moments(self.scores))
        spread = self.traits.spread(self.scores - self.traits.x @ weights)
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


def clustered(scores: np.ndarray, customer: np.ndarray) -> Estimate:
    """Mean of the scores; its error counts customers, not rows (Liang & Zeger 1986, Biometrika 73:13)."""
    value = float(scores.mean())
    sums, m = np.bincount(customer, scores - value), int(np.count_nonzero(np.bincount(customer)))
    return Estimate(value, math.sqrt(float((sums**2).sum()) * m / max(m - 1, 1)) / len(scores))


def drawn_together(raw: np.ndarray, se: np.ndarray, center: Estimate) -> Segments:
    """Segment effects drawn toward the channel's by how little is known of each; all of it where they are alike."""
    own = np.nan_to_num(se) > 0
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
    return Segments(raw, se, value, error, q, df, float(chdtrc(df, q)) if df else 1.0, between)


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
