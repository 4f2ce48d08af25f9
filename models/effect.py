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
from dataclasses import dataclass, fields

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from models.effect_parts import Judge, Ridge, parts_of, scaled
from models.uplift import qini

LEVEL = 0.90
FEWEST = 30  # customers a segment needs in each arm
FEWEST_OWN = 500  # rows a channel needs in each arm before customers are told apart
WRONG = 0.02  # chance that anything is called different which is not; of heavy-tailed margins up to 0.05
CUSTOMERS, SEGMENTS, CHANNEL = "customer", "segment", "channel"
Z = float(ndtri((1 + LEVEL) / 2))


@dataclass(frozen=True)
class Trial:
    """Customers of one channel's tests, one row a campaign and customer, in the order of folds, then of customers.

    outcome: (n,) margin; treated: (n,) flags; p_treated: (n,); traits: (n, m) what customers of any day have, of which
    effects may depend; before: (n, k) what else is known of them before the window; campaign, segment, customer: (n,)
    whole numbers from 0, campaigns in the order of time; fold: (n,) below FOLDS, the same for all rows of a customer.
    """

    outcome: np.ndarray
    treated: np.ndarray
    p_treated: np.ndarray
    traits: np.ndarray
    before: np.ndarray
    campaign: np.ndarray
    segment: np.ndarray
    customer: np.ndarray
    fold: np.ndarray

    def of(self, rows: np.ndarray) -> Trial:
        """Some of the rows: (n,) flags."""
        return Trial(*(getattr(self, one.name)[rows] for one in fields(self)))

    def design(self) -> np.ndarray:
        """What outcomes are expected from, (n, 1 + m + k + campaigns − 1): ones, traits, before, campaigns."""
        campaigns = np.unique(self.campaign)[1:]
        blocks = [self.traits, self.before, *(self.campaign == one for one in campaigns)]
        x = np.empty((len(self.outcome), 1 + sum(1 if block.ndim == 1 else block.shape[1] for block in blocks)))
        x[:, 0], upto = 1.0, 1
        for block in blocks:
            wide = block.reshape(len(x), -1)
            x[:, upto : upto + wide.shape[1]] = wide
            upto += wide.shape[1]
        return x


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
    theirs; out: level -> (n,) effect, how it differs learned without the customer; qini_p, qini_low: of ranking by it;
    slope: how much of what the customers' own estimates say beyond their segment's, or the channel's, holds up;
    effect_apart: (n,) at the level settled.
    """

    def __init__(self, trial: Trial, segments: int):
        self.count, self.level, self.base, self.slope = segments, CHANNEL, CHANNEL, Estimate(0.0, 0.0)
        self.treated, self.segment, self.campaign = trial.treated, trial.segment, trial.campaign
        self.number, self.parts, m = trial.customer, parts_of(trial.fold, trial.customer), trial.traits.shape[1] + 1
        self.customer = np.append(0, np.cumsum(np.diff(trial.customer) != 0))[: len(trial.customer)]
        self.range = trial.traits.min(axis=0), trial.traits.max(axis=0)
        x, mean, scale = scaled(trial.design())
        self.mean, self.scale = mean[1:m], scale[1:m]
        judge, traits = Judge(x, self.parts, trial.outcome, trial.treated), Ridge(x[:, :m], self.parts)
        self.expected = judge.expected()
        self.scores = gamma(trial, self.expected)
        self.channel = clustered(self.scores, self.customer)
        self.segments = self.by_segment(self.scores, self.channel)
        self.weights, self.spread = traits.fit(self.scores)
        self.without: list[tuple[np.ndarray, np.ndarray]] = []  # of each fold: segments' effects, weights
        self.out = {level: np.empty(len(x)) for level in (CUSTOMERS, SEGMENTS, CHANNEL)}
        for k in range(len(self.parts)):  # without any outcome of the fold, also where others' outcomes are expected
            self.leave_out(k, gamma(trial, judge.expected(k)), traits)
        self.effect_apart = self.out[CHANNEL]
        self.qini_p, self.qini_low = self.ranking()

    def by_segment(self, scores: np.ndarray, center: Estimate, without: int | None = None) -> Segments:
        """Effects of the segments, from everybody or without a fold."""
        rows = np.ones(len(scores), bool)
        if without is not None:
            rows[self.parts[without]] = False
        segment, treated, customer = self.segment[rows], self.treated[rows], self.customer[rows]
        n = np.bincount(segment, minlength=self.count)
        given = np.bincount(segment, treated, self.count)
        enough = np.minimum(given, n - given) >= FEWEST
        raw = np.bincount(segment, scores[rows], self.count) / np.maximum(n, 1)
        people = int(customer.max(initial=-1)) + 1
        sums = np.bincount(customer * self.count + segment, scores[rows] - raw[segment], people * self.count)
        se = np.sqrt((sums.reshape(people, self.count) ** 2).sum(axis=0)) / np.maximum(n - 1, 1)
        return drawn_together(np.where(enough, raw, np.nan), np.where(enough, se, np.nan), center)

    def leave_out(self, k: int, scores: np.ndarray, traits: Ridge) -> None:
        """How customers differ, learned without a fold, and what that says of the fold's customers.

        The mean is everybody's in every fold: it ranks nobody, and with a mean of its own the fold that came out low
        would be expected to be high, so that a plan would choose between folds by their luck.
        """
        own = self.parts[k]
        center = clustered(*(np.delete(values, own) for values in (scores, self.customer)))
        shift = self.channel.value - center.value
        segments, weights = (
            self.by_segment(scores, center, k).value + shift,
            traits.weights(traits.moments(scores), (k,)),
        )
        weights[0] += shift
        self.without.append((segments, weights))
        self.out[CHANNEL][own], self.out[SEGMENTS][own] = self.channel.value, segments[self.segment[own]]
        self.out[CUSTOMERS][own] = traits.x[own] @ weights

    def ranking(self) -> tuple[float, float]:
        """One-sided p, and lower end, of the gain of treating by the customers' own estimates over treating at random.

        One score and one priority a customer, so that draws of half of them are draws of customers.
        """
        treated = int(self.treated.sum())
        if min(treated, len(self.scores) - treated) < FEWEST_OWN:
            return 1.0, -math.inf
        rows = np.bincount(self.customer)
        scores, priority = (np.bincount(self.customer, v) / rows for v in (self.scores, self.out[CUSTOMERS]))
        found = qini(scores, np.round(priority, 9), draws=int(np.clip(4e6 / len(rows), 20, 200)))
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
        x, share = self.standard(traits), self.slope.value
        own = x @ self.weights - value
        variance = share**2 * np.einsum("ij,ij->i", x @ self.spread, x)
        error = np.sqrt(variance + ((1 - share) * error) ** 2 + (own * self.slope.se) ** 2)
        return value + share * own, error

    def of_apart(self, traits: np.ndarray, segment: np.ndarray, fold: np.ndarray) -> np.ndarray:
        """The same of customers of these folds, (n,): how they differ learned without the outcomes of their fold."""
        effect = np.empty(len(segment))
        for k, (values, weights) in enumerate(self.without):
            rows = fold == k
            anchor = values[segment[rows]] if self.base == SEGMENTS else self.channel.value
            own = self.standard(traits[rows]) @ weights - anchor if self.level == CUSTOMERS else 0.0
            effect[rows] = anchor + self.slope.value * own
        return effect


def gamma(trial: Trial, expected: np.ndarray) -> np.ndarray:
    """Γ of everybody, (n,)."""
    held, given = expected.T
    rest = trial.outcome - np.where(trial.treated, given, held)
    return given - held + np.where(trial.treated, rest / trial.p_treated, -rest / (1 - trial.p_treated))


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
        unsure = 2 / max(df - 2, 1) * ((1 - trust) * (raw[own] - center.value)) ** 2  # about the variance between
        error[own] = np.sqrt(trust * se[own] ** 2 + ((1 - trust) * center.se) ** 2 + unsure)
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
