"""Groups of customers, if there are any: k-means, kept only when stable and when no cloud without groups does as well.

k is chosen by stability: two bootstrap samples are clustered apart, both divide all rows, and the adjusted Rand index
(Hubert & Arabie 1985, Journal of Classification 2:193) says how far they agree (Ben-Hur, Elisseeff & Guyon 2002). The
stable k must explain more of the variance than in 95 of 100 clouds with one peak (models/unimodal.py; the idea of
Liu, Hayes, Nobel & Marron 2008, JASA 103:1281). Otherwise customers are slices of a continuum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.validation import check_is_fitted

from models.unimodal import Unimodal

CANDIDATES = (2, 3, 4, 5, 6, 8)
STABLE_MEAN, STABLE_WORST, SURE = 0.8, 0.7, 0.05  # mean and 10th percentile of the index; p of the null
LEAST = 100  # rows; fewer cannot show groups
STARTS, MOST_STEPS, BLOCK = 2, 50, 65_536


@dataclass(frozen=True)
class Stability:
    """How far two bootstrap samples agree on k groups: mean and 10th percentile of the adjusted Rand index."""

    k: int
    mean: float
    worst: float

    @property
    def stable(self) -> bool:
        return self.mean >= STABLE_MEAN and self.worst >= STABLE_WORST


class Clusters(BaseEstimator):
    """Groups of rows.

    rows: at most so many are learned from, evenly spread over all in the order of their values. pairs: bootstrap
    pairs for each k; clouds: drawn of the null. fit learns k_ (0: slices of a continuum), centres_ (k, features;
    standardised) with their numbers_ (k,), mean_ and deviation_ of the features, stability_ (one Stability a k tried),
    p_ (of the null for the most stable k; nan when none is stable), explained_ (share of variance) and n_rows_.
    """

    def __init__(
        self,
        candidates: tuple[int, ...] = CANDIDATES,
        rows: int = 2_000,
        pairs: int = 20,
        clouds: int = 99,
        seed: int = 1,
    ):
        self.candidates = candidates
        self.rows = rows
        self.pairs = pairs
        self.clouds = clouds
        self.seed = seed

    def fit(self, values: Any) -> Clusters:
        """Learn from (rows, features), on a scale on which differences compare (logs of money and days)."""
        values = table(values)
        self.mean_, self.deviation_ = values.mean(axis=0), values.std(axis=0)
        self.deviation_[self.deviation_ == 0] = 1.0
        sample = spread(self._scaled(values), self.rows)
        self.n_rows_, self.k_, self.p_, self.explained_ = len(sample), 0, float("nan"), float("nan")
        self.stability_: tuple[Stability, ...] = ()
        self.centres_, self.numbers_ = sample.mean(axis=0)[None], np.zeros(1, dtype=np.int64)
        if len(sample) >= LEAST:
            self._search(sample)
        return self

    def _search(self, sample: np.ndarray) -> None:
        """The most stable k, if it beats the null."""
        different = len(np.unique(sample, axis=0))
        rng = np.random.default_rng(self.seed)
        possible = [k for k in self.candidates if k < different]
        self.stability_ = tuple(self._stability(sample, k, rng) for k in possible)
        stable = [found for found in self.stability_ if found.stable]
        if stable:
            k = max(stable, key=lambda found: (found.mean, -found.k)).k
            centres = k_means(sample, k, 5 * STARTS, 0)
            self.explained_ = explained(sample, centres)
            self.p_ = self._p_value(sample, k, rng)
            if self.p_ < SURE:
                self.k_, self.centres_, self.numbers_ = k, centres, np.arange(len(centres))

    def _scaled(self, values: np.ndarray) -> np.ndarray:
        return (values - self.mean_) / self.deviation_

    def _stability(self, sample: np.ndarray, k: int, rng: np.random.Generator) -> Stability:
        found = []
        for _ in range(self.pairs):
            both = [sample[rng.integers(0, len(sample), len(sample))] for _ in range(2)]
            labels = [nearest(sample, k_means(part, k, STARTS, int(rng.integers(2**31)))) for part in both]
            found.append(adjusted_rand_score(*labels))
        return Stability(k, float(np.mean(found)), float(np.quantile(found, 0.1)))

    def _p_value(self, sample: np.ndarray, k: int, rng: np.random.Generator) -> float:
        """Share of clouds without groups in which k means explain as much; the data count as one of them.

        Drawing ends when p cannot get below 0.05 any more (Besag & Clifford 1991, Biometrika 78:301).
        """
        null, own = Unimodal(sample), explained(sample, k_means(sample, k, STARTS, 0))
        beaten, enough = 0, SURE * (1 + self.clouds)
        for draw in range(self.clouds):
            cloud = null.draw(len(sample), rng)
            cloud = (cloud - cloud.mean(axis=0)) / np.where(cloud.std(axis=0) > 0, cloud.std(axis=0), 1.0)
            beaten += explained(cloud, k_means(cloud, k, STARTS, draw)) >= own
            if beaten >= enough:
                return beaten / (1 + draw)
        return (1 + beaten) / (1 + self.clouds)

    def predict(self, values: Any) -> np.ndarray:
        """The number of each row's group; all 0 when there are no groups."""
        check_is_fitted(self, "centres_")
        return self.numbers_[nearest(self._scaled(table(values)), self.centres_)]

    def alike(self, values: Any) -> Clusters:
        """As many groups in other rows, without asking again whether there are any."""
        check_is_fitted(self, "centres_")
        other, values = Clusters(**self.get_params()), table(values)
        other.mean_, other.deviation_ = values.mean(axis=0), values.std(axis=0)
        other.deviation_[other.deviation_ == 0] = 1.0
        other.k_, other.numbers_ = self.k_, np.arange(max(self.k_, 1))
        other.centres_ = k_means(spread(other._scaled(values), self.rows), max(self.k_, 1), 5 * STARTS, 0)
        return other

    def follow(self, before: Clusters) -> Clusters:
        """Number the groups like the nearest ones of an earlier fit, so that a number keeps its meaning."""
        check_is_fitted(self, "centres_")
        earlier = self._scaled(before.centres_ * before.deviation_ + before.mean_)
        self.numbers_ = matched(earlier, before.numbers_, self.centres_)
        return self


def matched(before: np.ndarray, numbers: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Numbers of the centres after: those of their partners before, or new ones where there is no partner left.

    The partners are those with the least squared distance in all (Hungarian method: Kuhn 1955).
    """
    distance = ((after[:, None] - before[None]) ** 2).sum(axis=2)
    rows, columns = linear_sum_assignment(distance)
    given = np.full(len(after), -1)
    given[rows] = numbers[columns]
    rest = np.flatnonzero(given < 0)
    given[rest] = int(numbers.max()) + 1 + np.arange(len(rest))
    return given


def migration(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(groups, groups) how many rows went from each group (row) to each (column), both by their numbers."""
    size = int(max(before.max(initial=0), after.max(initial=0))) + 1
    return np.bincount(before * size + after, minlength=size * size).reshape(size, size)


def k_means(values: np.ndarray, k: int, starts: int, seed: int) -> np.ndarray:
    """Centres (k, features) of the best of so many starts, in the order of their features.

    Lloyd 1982, IEEE Transactions on Information Theory 28:129, from the start of Arthur & Vassilvitskii 2007.
    Not scikit-learn's: its threads decide the last bits, and on a busy machine they wait for each other many times
    longer than they work.
    """
    rng = np.random.default_rng(seed)
    columns = np.ascontiguousarray(values.T)  # additions run along the rows
    ends = [lloyd(columns, first_centres(values, k, rng)) for _ in range(starts)]
    _, centres = min(ends, key=lambda end: end[0])
    return centres[np.lexsort(centres.T[::-1])]


def first_centres(values: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """k rows, each chosen the more likely the farther (squared) it lies from those chosen before."""
    chosen = [int(rng.integers(len(values)))]
    away = np.full(len(values), np.inf)
    for _ in range(k - 1):
        apart = values - values[chosen[-1]]
        away = np.minimum(away, np.einsum("ij,ij->i", apart, apart))
        upto = np.cumsum(away)
        chosen.append(min(int(np.searchsorted(upto, rng.random() * upto[-1], side="right")), len(values) - 1))
    return values[chosen]


def lloyd(columns: np.ndarray, centres: np.ndarray) -> tuple[float, np.ndarray]:
    """Sum of squared distances less that of the rows themselves, and centres that are the means of their rows."""
    labels = np.zeros(columns.shape[1], dtype=np.int64)
    for _ in range(MOST_STEPS):
        gain = closeness(columns, centres)
        nearer = gain.argmax(axis=0)
        if (nearer == labels).all():
            break
        labels = nearer
        counts = np.bincount(labels, minlength=len(centres))
        sums = np.column_stack([np.bincount(labels, column, len(centres)) for column in columns])
        # a centre that has lost its rows stays where it is
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
    return float(-2 * gain.max(axis=0).sum()), centres


def closeness(columns: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(k, rows) x·c − c·c/2: the larger, the nearer; |x − c|² is |x|² less twice of it."""
    # einsum, not @: bits must not depend on how many threads a linear algebra library uses
    return np.einsum("kj,jn->kn", centres, columns) - 0.5 * (centres**2).sum(axis=1)[:, None]


def nearest(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of the nearest centre of each row; the first of equally near ones."""
    parts = [values[first : first + BLOCK] for first in range(0, len(values), BLOCK)]
    found = [closeness(np.ascontiguousarray(part.T), centres).argmax(axis=0) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def explained(values: np.ndarray, centres: np.ndarray) -> float:
    """Share of the variance that lies between the groups."""
    within = ((values - centres[nearest(values, centres)]) ** 2).sum()
    return float(1 - within / ((values - values.mean(axis=0)) ** 2).sum())


def spread(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many rows, evenly spread over all in the order of their values, whatever order they came in."""
    ordered = values[np.lexsort(values.T[::-1])]
    if len(ordered) <= most:
        return ordered
    return ordered[((np.arange(most) + 0.5) * (len(ordered) / most)).astype(np.int64)]


def table(values: Any) -> np.ndarray:
    """(rows, features) of finite numbers."""
    values = np.asarray(values, float)
    if values.ndim != 2 or not values.shape[1] or not np.isfinite(values).all():
        raise ValueError("Clusters need a table of finite numbers, one row a customer and one column a feature.")
    return values
