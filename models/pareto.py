"""Long lists of members' amounts, made into the few figures, points and rows that a page shows of them.

The definitions are those of models.concentration (Lorenz 1905; vital few: Juran 1954). Needs numpy and pandas only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.concentration import (
    BLOCKS,
    FIRM,
    UNCERTAIN,
    Pareto,
    enough,
    leave_one_out,
    membership,
    pareto,
    redrawn,
    sums_by_block,
)

UNKNOWN = "(unknown)"  # money that belongs to no member
MEASURES = ("revenue", "gross_margin")
MOST_POINTS = 500  # of a curve
FIRST = 20  # members whose places are compared, and who are left out one by one
MOST_BELOW = 20  # members below zero that are shown
HIGHEST = 0.95  # threshold on offer


@dataclass(frozen=True)
class Side:
    """One measure of one period, in figures. Shares are of what members above 0 bring; NaN where there is none.

    members, rated (at or above 0), positive, nothing, negative: counts. vital: the vital few, of whom `ties` are in
    only because they equal the last one needed; held: their share. largest: key of the largest one, with its amount
    and share. equal: whether all bring the same. peak: the highest point of the curve, reached at so many members.
    curve: rank (0 … members), part (rank/members), cumulative (of the total) and amount so far; at most 500 rows.
    """

    members: int
    rated: int
    positive: int
    nothing: int
    negative: int
    total: float
    positive_total: float
    negative_total: float
    vital: int
    vital_share: float
    ties: int
    held: float
    hhi: float
    gini: float
    top_fifth: float
    effective_number: float
    largest: str
    largest_amount: float
    largest_share: float
    last_amount: float
    equal: bool
    enough: bool
    peak: float
    peak_rank: int
    curve: pd.DataFrame


@dataclass(frozen=True)
class Summary:
    """What a page shows of one period.

    key: column of the members. sides: measure -> Side. unknown: measure -> money of no member. lines: order lines.
    few: the vital few by the chosen measure, or all members where there are no shares to tell, with rank, share and
    cumulative share. first: the first 20 by revenue with their ranks by both measures. without: what remains without
    each of the first 20 by the chosen measure. below: the lowest members below 0, so many in all: below_count.
    """

    key: str
    sides: dict[str, Side]
    unknown: dict[str, float]
    lines: int
    few: pd.DataFrame
    first: pd.DataFrame
    without: pd.DataFrame
    below: pd.DataFrame
    below_count: int


def summary(frame: pd.DataFrame, key: str, measure: str, threshold: float, left_out: bool = True) -> Summary:
    """The figures of all members. frame: one row each: key, revenue, gross_margin if known, returns, lines.

    The order of the rows decides between equals, so the same frame gives the same result. left_out: whether to work
    out what remains without each of the first 20.
    """
    measures = [name for name in MEASURES if name in frame]
    rows = frame[frame["lines"] > 0]  # who was only contacted brought nothing to share
    nobodys = (rows[key] == UNKNOWN).to_numpy()
    lost, rows = rows[nobodys], rows[~nobodys].reset_index(drop=True)
    found = {name: pareto(rows[name].fillna(0)) for name in measures}
    below = rows[(rows[measures] < 0).any(axis=1)]
    return Summary(
        key,
        {name: side(one, rows[key].to_numpy(), threshold) for name, one in found.items()},
        {name: float(lost[name].sum()) for name in measures},
        int(frame["lines"].sum()),
        few(rows, found[measure], threshold),
        first(rows, found),
        without(rows, key, found[measure], threshold) if left_out else rows[[key]][:0],
        below.sort_values([measure, key]).head(MOST_BELOW).reset_index(drop=True),
        len(below),
    )


def side(found: Pareto, keys: np.ndarray, threshold: float) -> Side:
    """One measure's figures. keys: (n,) of the members in the order of the amounts."""
    n, positive, vital = found.members, found.positive, found.vital(threshold)
    top = int(np.nanargmax(found.cumulative)) if np.isfinite(found.cumulative).any() else -1
    return Side(
        members=n,
        rated=found.rated,
        positive=positive,
        nothing=found.nothing,
        negative=found.negative,
        total=found.total,
        positive_total=found.positive_total,
        negative_total=float(found.amount[n - found.negative :].sum()),
        vital=vital,
        vital_share=vital / found.rated if vital else math.nan,
        ties=found.ties(threshold),
        held=float(found.share[:vital].sum()) if vital else math.nan,
        hhi=found.hhi,
        gini=found.gini,
        top_fifth=found.top_share,
        effective_number=found.effective_number,
        largest=str(keys[found.order[0]]) if n else "",
        largest_amount=float(found.amount[0]) if n else math.nan,
        largest_share=float(found.share[0]) if positive else math.nan,
        last_amount=float(found.amount[vital - 1]) if vital else math.nan,
        equal=n > 1 and bool(found.amount[0] == found.amount[-1]),
        enough=enough(found.rated),
        peak=float(found.cumulative[top]) if top >= 0 else math.nan,
        peak_rank=top + 1,
        curve=curve(found, vital, top + 1),
    )


def curve(found: Pareto, *exact: int) -> pd.DataFrame:
    """The cumulative curve at no more than 500 ranks: denser at its beginning, and exact where it matters."""
    n = found.members
    if not n:
        return pd.DataFrame({"rank": [0], "part": [0.0], "cumulative": [math.nan], "amount": [0.0]})
    early, even = np.geomspace(1, n, 200), np.linspace(1, n, 250)
    rank = np.unique(np.round(np.concatenate([early, even, np.arange(1, 21), exact])).astype(int))
    rank = rank[(rank >= 1) & (rank <= n)]
    amounts = np.cumsum(found.amount)
    cumulative = np.concatenate([[0.0], found.cumulative[rank - 1]])
    points = {"cumulative": cumulative, "amount": np.concatenate([[0.0], amounts[rank - 1]])}
    return pd.DataFrame({"rank": np.concatenate([[0], rank]), "part": np.concatenate([[0], rank]) / n} | points)


def ranks(found: Pareto) -> np.ndarray:
    """(n,) places in the order in which the amounts were given; equal amounts share the best of theirs."""
    new = np.ones(found.members, bool)
    new[1:] = found.amount[1:] != found.amount[:-1]
    place = np.maximum.accumulate(np.where(new, np.arange(1, found.members + 1), 1))
    given = np.empty(found.members, int)
    given[found.order] = place
    return given


def few(rows: pd.DataFrame, found: Pareto, threshold: float) -> pd.DataFrame:
    """The vital few in order; all members, without shares, where there are no shares to tell."""
    told = enough(found.rated) and found.positive > 0
    number = found.vital(threshold) if told else min(found.members, MOST_POINTS)
    order = found.order[:number]
    shown = rows.iloc[order].assign(rank=ranks(found)[order])
    if told:
        held = np.cumsum(found.amount[:number]) / found.positive_total
        shown = shown.assign(share=found.share[:number], cumulative_share=held)
    return shown.reset_index(drop=True)


def first(rows: pd.DataFrame, found: dict[str, Pareto]) -> pd.DataFrame:
    """The first 20 by revenue, with rank by each measure, and whether they earn less than half of what all earn."""
    shown = rows.assign(**{f"{name}_rank": ranks(one) for name, one in found.items()})
    shown = shown.iloc[found["revenue"].order[:FIRST]]
    if "gross_margin" in found and found["revenue"].total > 0:
        usual = found["gross_margin"].total / found["revenue"].total
        shown = shown.assign(earns_little=shown["gross_margin"] < 0.5 * usual * shown["revenue"])
    return shown.reset_index(drop=True)


def without(rows: pd.DataFrame, key: str, found: Pareto, threshold: float) -> pd.DataFrame:
    """The concentration without each of the first 20: amount gone, vital few, effective number, largest share."""
    number = min(FIRST, found.positive)
    if not number:
        return pd.DataFrame({key: [], "amount": []})
    left, x = leave_one_out(found.amount, threshold), found.share[:number]
    second = found.share[1] if found.positive > 1 else math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.where(np.arange(number) == 0, second, x[0]) / (1 - x)
        effective = 10_000 / left.hhi[:number]
    figures = {"vital": left.vital[:number], "rated": left.members[:number], "vital_share": left.vital_share[:number]}
    figures |= {"effective_number": effective, "largest_share": largest, "total": left.total[:number]}
    keys = rows[key].to_numpy()[found.order[:number]]
    return pd.DataFrame({key: keys, "amount": found.amount[:number]} | figures)


@dataclass(frozen=True)
class Moves:
    """Who came to the vital few and who went since an earlier period; before: how many they were then."""

    before: int
    entered: list[str]
    left: list[str]


def moves(earlier: Summary, later: Summary) -> Moves:
    """The vital few of two periods; names in their order."""
    before, now = earlier.few[later.key].tolist(), later.few[later.key].tolist()
    were, are = set(before), set(now)
    return Moves(len(before), [key for key in now if key not in were], [key for key in before if key not in are])


# Membership


def places(frame: pd.DataFrame, key: str, measure: str) -> pd.DataFrame:
    """Members in order with the interval of the share ahead of them, as far as any threshold reaches.

    frame: a row a member as the build stored it: key, measure, measure_ahead_low, measure_ahead_high.
    """
    names = {f"{measure}_ahead_low": "low", f"{measure}_ahead_high": "high", measure: "amount", key: "key"}
    return ordered(frame[list(names)].rename(columns=names))


def redraw(frame: pd.DataFrame, key: str, measure: str) -> pd.DataFrame:
    """The same from redrawing the orders of a view. frame: key, order_block, measure; one row each pair."""
    rows = frame[frame[key] != UNKNOWN].sort_values([key, "order_block"], kind="stable")
    codes, keys = pd.factorize(rows[key])
    blocks = sums_by_block(codes, rows["order_block"], rows[measure].fillna(0), len(keys), BLOCKS)
    low, high = redrawn(blocks)
    return ordered(pd.DataFrame({"key": keys, "amount": blocks.sum(axis=1).round(4), "low": low, "high": high}))


def ordered(rows: pd.DataFrame) -> pd.DataFrame:
    """Largest first with their rank, among equals as given; those outside at every threshold are left out."""
    rows = rows.sort_values("amount", ascending=False, kind="stable")
    return rows.assign(rank=np.arange(1, len(rows) + 1))[rows["low"] < HIGHEST].reset_index(drop=True)


@dataclass(frozen=True)
class Standing:
    """Who is surely among the vital few at a threshold.

    firm, inside, outside: how many are firm, uncertain but among the vital few of this window, uncertain and just
    outside. begins, ends: ranks between which the uncertain lie. sure: keys of the firm ones.
    """

    firm: int
    inside: int
    outside: int
    begins: int
    ends: int
    sure: pd.Series

    def states(self, keys: list[str]) -> list[str]:
        """Firm or uncertain, of each of these vital few."""
        sure = set(self.sure[self.sure.isin(keys)])
        return [FIRM if key in sure else UNCERTAIN for key in keys]


def standing(rows: pd.DataFrame, vital: int, threshold: float) -> Standing:
    """Membership at a threshold. rows: of `places` or `redraw`; vital: how many the vital few are."""
    state, rank = membership(rows["low"], rows["high"], threshold), rows["rank"].to_numpy()
    at = rank[state == UNCERTAIN]
    inside = int((at <= vital).sum())
    ends = (int(at.min()), int(at.max())) if len(at) else (0, 0)
    return Standing(int((state == FIRM).sum()), inside, len(at) - inside, *ends, rows["key"][state == FIRM])


def same_names(frame: pd.DataFrame, key: str, name: str) -> list[tuple[str, tuple[str, ...]]]:
    """Names that several members share, each with their keys."""
    both = frame[(frame[key] != UNKNOWN) & frame[name].duplicated(keep=False)]
    return [(str(called), tuple(sorted(own))) for called, own in both.groupby(name)[key]]
