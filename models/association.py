"""What a partner lacks and similar partners sell: support and lift, with what chance alone would bring.

Partners are similar when they sell the same categories (Jaccard 1901: shared categories by those either sells). Of a
category c that partner B lacks,

support = k/n, of B's n similar partners k sell c;   base = share of all partners that sell c;   lift = support/base

(support: Agrawal, Imielinski & Swami 1993, SIGMOD; lift, there called interest: Brin, Motwani, Ullman & Tsur 1997,
SIGMOD). Were the similar partners drawn from the others at random, k would be hypergeometric (Fisher's exact test).
Lacking cells are offered while at most a tenth of those offered is expected to be chance (Benjamini & Hochberg 1995).
A partner that sells c is by that a little less similar to B, so support comes out rather too low than too high.
Nothing here tells whether c would sell at B.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from models.quality import wilson

SIMILAR, LEAST = 30, 10  # similar partners; fewer in small companies, but never below the second
SELLERS = 5  # similar partners that sell it, below which quartiles say nothing
CHANCE = 0.10  # expected share of offers that chance explains
REFERENCES = 5_000  # partners that each one is compared with, evenly spaced; comparing all with all grows by n²
CHUNK = 100  # partners at a time
NONE = -1
COLUMNS = (
    "partner", "category", "place", "support_of", "support", "support_low", "support_high", "base", "lift",
    "earns_low", "earns", "earns_high",
)  # fmt: skip


def offers(revenue: Any, present: Any, kind: Any, most: int = 5) -> pd.DataFrame:
    """The offers of each partner, at most `most`, by expected revenue, support · earns.

    revenue: (partners, categories), currency in the period, each partner's above 0 in all. present: the same shape,
    whether anything of the category was sold or came back: only what is not present is lacking. kind: (partners,) code
    of the partner's type, −1 where not known. The order of the rows is that of the keys, and decides among equals.

    Columns: partner, category (rows and columns of revenue), place from 1, support_of, support, support_low,
    support_high (Wilson, 90 %), base, lift, earns_low, earns, earns_high: quartiles of the category's share of revenue
    over the similar partners that sell it, times the partner's own revenue; similar: positions of up to three of them,
    nearest first.
    """
    revenue, kind = np.asarray(revenue, np.float32), np.asarray(kind)
    if not len(revenue):
        return pd.DataFrame(columns=[*COLUMNS, "similar"])
    sells, lacks = revenue > 0, ~np.asarray(present, bool)
    share = np.where(sells, revenue, np.float32(0))
    total = share.sum(axis=1)
    np.divide(share, total[:, None], out=share, where=total[:, None] > 0)
    found = neighbours(sells, total, kind)
    n = (found != NONE).sum(axis=1)
    k = sellers(sells, found)
    base = sells.mean(axis=0)
    low, high = bounds()
    chance = at_most_by_chance(lacks, sells.sum(axis=0), k, n)
    best = []
    for part in parts(len(sells), 5_000):
        partner, category = np.nonzero(lacks[part] & (k[part] >= SELLERS))
        partner += part.start
        of, by = n[partner], k[partner, category].astype(int)
        sure = ~chance[of, category, by] & (low[of, by] > base[category])
        partner, category, of, by = partner[sure], category[sure], of[sure], by[sure]
        frame = pd.DataFrame({"partner": partner, "category": category, "support_of": of, "support": by})
        frame["support_low"], frame["support_high"], frame["base"] = low[of, by], high[of, by], base[category]
        frame["lift"] = by / of / frame["base"]
        earns = quartiles(share, found[partner], category, by).astype(float) * total[partner, None]
        frame[["earns_low", "earns", "earns_high"]] = earns
        frame = frame.iloc[np.lexsort((category, -frame["lift"], -by / of * earns[:, 1], partner))]
        frame.insert(2, "place", frame.groupby("partner").cumcount() + 1)
        best.append(frame[frame["place"] <= most])
    frame = pd.concat(best, ignore_index=True)
    frame["similar"] = nearest_sellers(sells, found, frame["partner"].to_numpy(), frame["category"].to_numpy())
    return frame


def neighbours(sells: np.ndarray, size: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Positions of the partners most similar to each, nearest first: (partners, 30), −1 where there are fewer.

    As many as a quarter of those compared with, from 10 to 30. Of those equally similar, the nearest in rank by size
    come first. No two have the same key, so neither the machine nor the order of work decides.
    """
    rank = np.empty(len(sells))
    rank[np.argsort(-size, kind="stable")] = np.arange(len(sells))
    # two different similarities are further apart than all differences in rank together
    step = 1 / (2 * sells.shape[1] + 1) ** 2 / (4 * len(sells) + 4)
    found = np.full((len(sells), SIMILAR), NONE, np.int32)
    many = sells.sum(axis=1).astype(float)
    for rows, pool in pools(kind):
        m = min(SIMILAR, max(LEAST, (len(pool) - 1) // 4))
        theirs = np.ascontiguousarray(sells[pool].T, np.float32)
        for part in parts(len(rows), CHUNK):
            mine = rows[part]
            # counts are whole numbers, so float32 is exact whatever the order of the sum
            both = (sells[mine].astype(np.float32) @ theirs).astype(float)
            away = np.abs((2 * rank[mine, None] - 0.5) - 2 * rank[pool])
            either = np.maximum(many[mine, None] + many[pool] - both, 1)
            key = away * step - both / either
            key[mine[:, None] == pool] = np.inf
            nearest = np.argpartition(key, m - 1, axis=1)[:, :m]
            order = np.argsort(np.take_along_axis(key, nearest, axis=1), axis=1)
            found[mine, :m] = pool[np.take_along_axis(nearest, order, axis=1)]
    return found


def pools(kind: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows, and the positions they are compared with: their own kind where it has ten others, else everybody."""
    everybody = np.unique(np.linspace(0, len(kind) - 1, min(len(kind), REFERENCES)).astype(int))
    apart = [code for code in np.unique(kind) if code != NONE and (kind[everybody] == code).sum() > LEAST]
    for code in apart:
        yield np.flatnonzero(kind == code), everybody[kind[everybody] == code]
    rest = np.flatnonzero(~np.isin(kind, apart))
    if rest.size and len(everybody) > LEAST:
        yield rest, everybody


def sellers(sells: np.ndarray, found: np.ndarray) -> np.ndarray:
    """How many of the similar partners sell each category: (partners, categories)."""
    nobody = np.zeros((1, sells.shape[1]), bool)
    padded = np.concatenate([sells, nobody])  # position −1 sells nothing
    k = np.empty(sells.shape, np.uint8)
    for part in parts(len(found), 1_000):
        k[part] = padded[found[part]].sum(axis=1, dtype=np.uint8)
    return k


def bounds() -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the support for every n and k from 0 to 30: (31, 31) each; 0 to 1 where it cannot be."""
    of, by = np.ogrid[: SIMILAR + 1, : SIMILAR + 1]
    possible = (by <= of) & (of > 0)
    low, high = wilson(np.where(possible, by, 0), np.where(possible, of, 1))
    return np.where(possible, low, 0.0), np.where(possible, high, 1.0)


def at_most_by_chance(lacks: np.ndarray, sold: np.ndarray, k: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Flags of what chance may explain, for every n, category and k: (31, categories, 31).

    sold: (categories,) how many partners sell it. Cells with equal k of n in a category are one case, often seen.
    """
    p = np.ones((SIMILAR + 1, len(sold), SIMILAR + 1))
    counts = np.zeros(p.shape, np.int64)
    for of in np.unique(n[n > 0]):
        p[of] = hypergeom.sf(np.arange(SIMILAR + 1) - 1, len(n) - 1, sold[:, None], of)
    for part in parts(len(n), 5_000):
        row, column = np.nonzero(lacks[part])
        np.add.at(counts, (n[part][row], column, k[part][row, column]), 1)
    counts[0] = 0  # without similar partners there is nothing to test
    return ~benjamini_hochberg(p.ravel(), counts.ravel(), CHANCE).reshape(p.shape)


def benjamini_hochberg(p: np.ndarray, counts: np.ndarray, share: float) -> np.ndarray:
    """Flags of the cases, (cases,), with p ≤ share · rank/m at the largest rank that holds; counts: how often each."""
    order = np.argsort(p, kind="stable")
    rank = np.cumsum(counts[order])
    holds = np.flatnonzero((counts[order] > 0) & (p[order] <= share * rank / max(rank[-1], 1)))
    return p <= p[order][holds[-1]] if holds.size else np.zeros(len(p), bool)


def quartiles(share: np.ndarray, found: np.ndarray, category: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Quartiles of the category's share over those of the similar partners who sell it: (cells, 3).

    found: (cells, 30) similar partners, k: (cells,) how many of them sell it. Linear between order statistics.
    """
    theirs = np.where(found == NONE, np.float32(0), share[found, category[:, None]])
    ordered = -np.sort(-theirs, axis=1)  # sellers first, largest first
    columns = []
    for level in (0.25, 0.5, 0.75):
        at = (1 - level) * (k.astype(float) - 1)
        below = np.floor(at).astype(int)
        first = np.take_along_axis(ordered, below[:, None], axis=1)[:, 0]
        second = np.take_along_axis(ordered, np.minimum(below + 1, k - 1)[:, None].astype(int), axis=1)[:, 0]
        columns.append(first + (at - below) * (second - first))
    return np.column_stack(columns)


def nearest_sellers(sells: np.ndarray, found: np.ndarray, partner: np.ndarray, category: np.ndarray) -> list[list[int]]:
    """Up to three of the similar partners that sell the category, nearest first, a list for each cell."""
    theirs = found[partner]
    flags = sells[theirs, category[:, None]] & (theirs != NONE)
    return [row[flag][:3].tolist() for row, flag in zip(theirs, flags, strict=True)]


def most_sold(lacks: np.ndarray, base: np.ndarray, many: np.ndarray) -> np.ndarray:
    """Flags of the most widely sold categories that each partner lacks, `many` of them: (partners, categories)."""
    order = np.argsort(-base, kind="stable")
    lacking = lacks[:, order]
    flags = np.zeros(lacks.shape, bool)
    flags[:, order] = lacking & (np.cumsum(lacking, axis=1) <= many[:, None])
    return flags


def parts(n: int, size: int) -> list[slice]:
    """0 to n in slices."""
    return [slice(begin, begin + size) for begin in range(0, n, size)]
