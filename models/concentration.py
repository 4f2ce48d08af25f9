"""How unequally an amount is spread over members (partners, customers …), and how sure it is who belongs to the top.

The shares of these members in this window are a census: nothing about them is estimated. Uncertain is *membership* of
the vital few: with the same demand, other orders might have come. Needs numpy only.

Lorenz 1905 (Publ. Am. Stat. Assoc. 9:209); vital few: Juran 1954; random groups: Wolter 2007, Introduction to
Variance Estimation, ch. 2; bootstrap of them: Efron 1979 (Ann. Statist. 7:1), Rao & Wu 1988 (JASA 83:231).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.inequality import TOP, amounts_of, effective_number, first_of_ties, gini, hhi, running, top, top_share

LEAST = 10  # members below which no percentages are told
VITAL = 0.8
BLOCKS, DRAWS, FEWEST_DRAWS = 128, 200, 50
LOW, HIGH = 0.05, 0.95
FIRM, UNCERTAIN, OUT = "firm", "uncertain", "out"
SLACK = 1e-12  # of the total: sums of money in binary end this close to a threshold that they reach exactly
CELLS = 20_000_000  # redrawn amounts held at once: 160 MB


def enough(members: int) -> bool:
    """Are there enough members to speak of percentages?"""
    return members >= LEAST


@dataclass(frozen=True)
class Pareto:
    """One measure over n members, largest first; all arrays (n,).

    order: place of each in the amounts as given (equal ones in that order). amount: theirs. share: of the positive
    total; NaN for members at or below 0. cumulative: sum so far, negative amounts included, of the total: it may pass 1
    and ends at exactly 1; NaN where the total is not above 0. before: share of the positive total that members
    strictly above hold, equal for equal amounts; 1 for members at or below 0. members: n; positive, nothing, negative:
    how many are above, at and below 0; rated: those at or above 0, whom percentages of members count. total: of all;
    positive_total: of those above 0.
    """

    order: np.ndarray
    amount: np.ndarray
    share: np.ndarray
    cumulative: np.ndarray
    before: np.ndarray
    members: int
    positive: int
    nothing: int
    negative: int
    total: float
    positive_total: float

    @property
    def rated(self) -> int:
        """How many members are at or above 0: a member without sales is one of them, as in any Lorenz curve."""
        return self.positive + self.nothing

    def vital(self, threshold: float = VITAL) -> int:
        """How many are the vital few: the smallest k whose sum reaches the threshold, and all equal to the last."""
        return int((self.before[: self.positive] < reached(threshold)).sum())

    def ties(self, threshold: float = VITAL) -> int:
        """How many of the vital few are in only because they are equal to the last one needed."""
        held = running(self.amount[: self.positive]) / self.positive_total if self.positive else np.zeros(0)
        needed = int(np.searchsorted(held, reached(threshold))) + 1
        return max(self.vital(threshold) - needed, 0)

    def is_vital(self, threshold: float = VITAL) -> np.ndarray:
        """Who is among the vital few: (n,) in the order in which the amounts were given."""
        mask = np.zeros(self.members, bool)
        mask[self.order[: self.vital(threshold)]] = True
        return mask

    def lorenz(self) -> tuple[np.ndarray, np.ndarray]:
        """Share of the rated members, smallest first, and share of the amount they hold: (rated + 1,) each."""
        if not self.positive:
            return np.zeros(1), np.zeros(1)
        held = running(self.amount[: self.rated][::-1])
        return np.linspace(0, 1, self.rated + 1), np.concatenate([[0.0], held / held[-1]])

    @property
    def gini(self) -> float:
        """Gini coefficient of the rated members."""
        return gini(self.amount[: self.rated])

    @property
    def hhi(self) -> float:
        """Herfindahl-Hirschman index of the rated members."""
        return hhi(self.amount[: self.rated])

    @property
    def effective_number(self) -> float:
        """So many equal members would be as concentrated."""
        return effective_number(self.amount[: self.rated])

    @property
    def top_share(self) -> float:
        """Share of the positive total that the largest fifth of the rated members hold."""
        return top_share(self.amount[: self.rated])


def reached(threshold: float) -> float:
    """What a share must come to, in binary, to reach the threshold."""
    if not 0 < threshold <= 1:
        raise ValueError(f"A threshold must be above 0 and at most 1. Got {threshold} instead.")
    return threshold - SLACK


def pareto(amounts: Any) -> Pareto:
    """The members by amount, with shares; equal amounts are ties."""
    amounts = amounts_of(amounts)
    n = len(amounts)
    order = np.argsort(-amounts, kind="stable")
    amount = amounts[order]
    positive, upto = int((amount > 0).sum()), int((amount >= 0).sum())
    sums = running(amount)
    total = float(sums[-1]) if n else 0.0
    positive_total = float(sums[positive - 1]) if positive else 0.0
    share, before, cumulative = np.full(n, np.nan), np.ones(n), np.full(n, np.nan)
    if positive:
        share[:positive] = amount[:positive] / positive_total
        before[:positive] = np.concatenate([[0.0], sums[: positive - 1]])[first_of_ties(amount[:positive])]
        before[:positive] /= positive_total
    if total > SLACK * positive_total:  # what is left of sums that cancel out is no total
        cumulative = sums / total
    counts = {"members": n, "positive": positive, "nothing": upto - positive, "negative": n - upto}
    return Pareto(order, amount, share, cumulative, before, **counts, total=total, positive_total=positive_total)


def sums_by_block(member_codes: Any, block_codes: Any, amounts: Any, n: int, k: int = BLOCKS) -> np.ndarray:
    """(n, k) sums of the amounts by member (0 … n−1) and block (0 … k−1), added up in the order they are given."""
    cell = np.asarray(member_codes, np.int64) * k + np.asarray(block_codes, np.int64)
    return np.bincount(cell, np.asarray(amounts, float), n * k).reshape(n, k)


def redrawn(blocks: np.ndarray, draws: int = DRAWS, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """5 % and 95 % quantiles of each member's `before`, (n,) each, had other orders come.

    blocks: (n, K) sums of each member's amounts in K blocks, to which whole orders belong at random. A replicate draws
    K blocks with replacement; the sums of squares between random blocks estimate those between orders, so it scatters
    as a bootstrap of the orders does, at the cost of one product of matrices. Members redrawn at or below 0 have
    before = 1. Above 100,000 members there are fewer draws (20 million / n, at least 50), so that 160 MB beside
    the input do for 400,000.

    Amounts are counted in a power of ten fine enough for ten-thousandths up to 10^11 a member: sums of whole numbers
    are exact in any order, so ties stay ties and no count of threads changes a result.
    """
    blocks = np.asarray(blocks, float)
    n, k = blocks.shape
    draws = int(np.clip(CELLS // max(n, 1), min(FEWEST_DRAWS, draws), draws))
    weights = np.random.default_rng(seed).multinomial(k, np.full(k, 1 / k), size=draws).astype(float)
    parts = [slice(start, start + 8_192) for start in range(0, n, 8_192)]
    largest = max((float(np.abs(blocks[part]).sum(axis=1).max()) for part in parts), default=0.0)
    if not n or not largest > 0:
        return np.ones(n), np.ones(n)
    unit = 10.0 ** math.floor(math.log10(2**53 / (largest * weights.max())))
    before = np.empty((draws, n))
    for part in parts:
        before[:, part] = weights @ np.rint(blocks[part] * unit).T
    for row in before:
        row[:] = shares_above(row)
    low, high = np.concatenate([quantiles(before[:, part].T) for part in parts], axis=1)
    return low, high


def quantiles(x: np.ndarray) -> np.ndarray:
    """The 5 % and 95 % quantiles of each row, (2, rows): x_(q (m + 1)) (Weibull's), not too narrow with few draws."""
    ordered, most = np.sort(np.ascontiguousarray(x), axis=1), x.shape[1] - 1
    found = []
    for q in (LOW, HIGH):
        place = min(max(q * (most + 2) - 1, 0.0), most)
        lower, upper = ordered[:, math.floor(place)], ordered[:, math.ceil(place)]
        found.append(lower + (place - math.floor(place)) * (upper - lower))
    return np.array(found)


def shares_above(amounts: np.ndarray) -> np.ndarray:
    """Share of the positive total that members strictly above each one hold, (n,); 1 for those at or below 0."""
    order = np.argsort(-amounts)
    ordered = amounts[order]
    positive = int((ordered > 0).sum())
    shares = np.ones(len(amounts))
    if positive:
        sums = running(ordered[:positive])
        above = np.concatenate([[0.0], sums[:-1]])[first_of_ties(ordered[:positive])]
        shares[order[:positive]] = above / sums[-1]
    return shares


def membership(low: Any, high: Any, threshold: float = VITAL) -> np.ndarray:
    """FIRM, UNCERTAIN or OUT for each, (n,), from the quantiles of `redrawn`: in, or not, in 95 % of the replicates."""
    line = reached(threshold)
    return np.where(np.asarray(high) < line, FIRM, np.where(np.asarray(low) >= line, OUT, UNCERTAIN))


@dataclass(frozen=True)
class LeaveOneOut:
    """What remains without each member, as if all others stayed as they are; (n,) each, in the order given.

    total: of all others; members: rated ones among them; vital: the vital few among these (count) and vital_share (of
    members); gini, hhi, top_share of these. NaN where no positive member remains.
    """

    total: np.ndarray
    members: np.ndarray
    vital: np.ndarray
    vital_share: np.ndarray
    gini: np.ndarray
    hhi: np.ndarray
    top_share: np.ndarray


def leave_one_out(amounts: Any, threshold: float = VITAL) -> LeaveOneOut:
    """The concentration without each member, for all n of them in one sort."""
    whole, line = pareto(amounts), reached(threshold)
    n, order = whole.rated, whole.order
    figures = {
        "total": whole.total - whole.amount,
        "members": np.full(whole.members, n),
        "vital": np.full(whole.members, whole.vital(threshold)),
        "gini": np.full(whole.members, whole.gini),
        "hhi": np.full(whole.members, whole.hhi),
        "top_share": np.full(whole.members, whole.top_share),
    }
    figures["members"][:n] = n - 1
    if whole.positive:
        x, place = whole.amount[:n] / whole.positive_total, np.arange(n)
        held, rest = running(x), around(x, x)
        rest = np.where(rest > 0, rest, np.nan)
        term = (2.0 * (n - place) - n) * x  # of x_(i); above the one left out, i falls by one
        figures["gini"][:n] = around(term - 2 * x, term) / ((n - 1) * rest)
        figures["hhi"][:n] = 10_000 * around(x**2, x**2) / rest**2
        k = int(top(n - 1, TOP))
        figures["top_share"][:n] = np.where(place < k, held[k] - x, held[k - 1]) / rest
        target, before = line * rest, np.concatenate([[0.0], held[:-1]])
        after = np.maximum(np.searchsorted(held, target + x), place + 1)
        border = np.where(before >= target, np.searchsorted(held, target), after).clip(max=n - 1)
        last = (n - 1 - first_of_ties(whole.amount[:n][::-1])[::-1])[border]
        figures["vital"][:n] = np.where(rest > 0, last + 1 - (place <= last), 0)
    figures["vital_share"] = figures["vital"] / np.where(figures["hhi"] > 0, figures["members"], np.nan)
    given = np.argsort(order)
    return LeaveOneOut(**{name: values[given] for name, values in figures.items()})


def around(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """For each place, the sum of `above` before it and of `below` after it; nothing is taken away, nothing cancels."""
    return np.concatenate([[0.0], running(above)[:-1]]) + np.concatenate([[0.0], running(below[::-1])[:-1]])[::-1]


@dataclass(frozen=True)
class Comparison:
    """Two periods of the same members; masks (n,) in the order given.

    stayed, entered, left: among the vital few in both, only in the later, only in the earlier period. persistence:
    share of the earlier vital few that stayed; NaN where there were none. change: later minus earlier of gini, hhi,
    effective_number, top_share, vital (count), vital_share (of members), members (rated) and total. earlier and later
    hold the members present.
    """

    earlier: Pareto
    later: Pareto
    stayed: np.ndarray
    entered: np.ndarray
    left: np.ndarray
    persistence: float
    change: dict[str, float]


def compare(earlier: Any, later: Any, threshold: float = VITAL) -> Comparison:
    """Who stayed among the vital few of the same n members in two periods; NaN where a member was absent in one."""
    periods = np.asarray(earlier, float), np.asarray(later, float)
    sizes = " and ".join(str(amounts.size) for amounts in periods)
    if periods[0].shape != periods[1].shape:
        raise ValueError(f"Both periods must have the same members. Got {sizes} of them instead.")
    first, second = (pareto(amounts[~np.isnan(amounts)]) for amounts in periods)
    was, now = (pareto(np.nan_to_num(amounts, nan=0.0)).is_vital(threshold) for amounts in periods)
    known, news = figures_of(first, threshold), figures_of(second, threshold)
    kept = float((was & now).sum() / was.sum()) if was.any() else math.nan
    change = {name: news[name] - known[name] for name in known}
    return Comparison(first, second, was & now, now & ~was, was & ~now, kept, change)


def figures_of(one: Pareto, threshold: float = VITAL) -> dict[str, float]:
    """The figures of one period by name; shares of nothing are NaN."""
    vital = one.vital(threshold)
    return {
        "gini": one.gini,
        "hhi": one.hhi,
        "effective_number": one.effective_number,
        "top_share": one.top_share,
        "vital": float(vital),
        "vital_share": vital / one.rated if one.positive else math.nan,
        "members": float(one.rated),
        "total": one.total,
    }
