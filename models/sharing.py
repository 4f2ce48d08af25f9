"""Which pairs of partners share more customers than by chance, given from how many partners each customer buys.

Customers who buy from many partners are shared by all of them, so that nearly every pair shares more than if customers
chose partners independently. Chance is therefore asked within the customers who buy from exactly k partners: strata, as
in Mantel & Haenszel (1959, JNCI 22:719). Of a stratum's N customers, q_a = n_a/N buy from partner a. Because each of
them has k partners and no more, choosing a leaves less room for b: the chance of both is

q_a q_b − c_a c_b / Σc,   where c_i = q_i (1 − q_i) + c_i² / Σc,

which keeps Σ_b of it exact (joint inclusion at maximal entropy: Hájek 1964, Ann. Math. Stat. 35:1491; Deville & Tillé
2005, J. Stat. Plan. Inference 128:569). Where k = 2, the chance is s_a s_b with Σ_b s_a s_b = q_a, exactly.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import Any

import numpy as np
import pandas as pd

CHANCE = 0.10  # expected share of the pairs found that chance explains
LEAST = 10  # shared customers, below which nothing is said
SURE = 1.6448536269514722  # standard deviations of a 90 % interval
ROUNDS, CLOSE = 5_000, 1e-10


def joint(q: Any, k: int, pairs: Any) -> np.ndarray:
    """Chance that one of the customers with exactly k partners buys from both of a pair: (pairs,).

    q: (partners,) share of these customers who buy from each partner, adding up to k. pairs: (pairs, 2) positions.
    """
    q, (a, b) = np.asarray(q, float), np.asarray(pairs, int).reshape(-1, 2).T
    if k < 2:
        return np.zeros(len(a))
    both = q[a] * q[b]
    if k == 2:
        s = row_sums(q)
        return s[a] * s[b] if s is not None else both
    c = covariances(q * (1 - q))
    total = c.sum()
    lowered = both - c[a] * c[b] / total if total > 0 else both
    return np.clip(lowered, np.maximum(0, q[a] + q[b] - 1), np.minimum(q[a], q[b]))


def row_sums(q: np.ndarray) -> np.ndarray | None:
    """s with s_a (Σs − s_a) = q_a: (partners,); None where there is none: one partner is in nearly every pair."""
    s = q / sqrt(q.sum())
    for _ in range(ROUNDS):
        rest = s.sum() - s
        new = np.sqrt(s * np.divide(q, rest, out=np.zeros(len(q)), where=rest > 0))  # halfway, so that it cannot swing
        if np.abs(new * (new.sum() - new) - q).max() < CLOSE:
            return new
        s = new
    return None


def covariances(spread: np.ndarray) -> np.ndarray:
    """c with c − c²/Σc = spread: (partners,); the nearest it comes where one partner holds half of the spread."""
    c = spread.copy()
    for _ in range(ROUNDS):
        total = c.sum()
        new = spread + np.divide(c * c, total, out=np.zeros(len(c)), where=total > 0)
        if np.abs(new - c).max() < CLOSE:
            return new
        c = np.minimum(new, 1.0)
    return c


def pairs_beyond_chance(strata: pd.DataFrame, numbers: pd.Series, pairs: pd.DataFrame) -> pd.DataFrame:
    """Each pair with what chance would bring, the lift over it, its 90 % interval, and whether it is beyond chance.

    strata: partners (k), partner_id, customers. numbers: customers by k. pairs: partner_id, other_id, shared.
    Adds expected, spread (customers), lift, lift_low, lift_high, beyond: by one-sided tests; of the pairs found a tenth
    at most is expected to be wrong (Benjamini & Hochberg 1995). Pairs that share fewer than ten are not tested.
    """
    mean, variance = np.zeros(len(pairs)), np.zeros(len(pairs))
    for k, rows in strata.groupby("partners", sort=True):
        if k < 2:
            continue
        number = float(numbers.loc[k])
        place = pd.Series(np.arange(len(rows)), rows["partner_id"].to_numpy())
        a, b = (place.reindex(pairs[name]).to_numpy() for name in ("partner_id", "other_id"))
        both = np.flatnonzero(~(np.isnan(a) | np.isnan(b)))
        at = np.column_stack([a[both], b[both]]).astype(int)
        q = rows["customers"].to_numpy(float) / number
        mean[both] += number * joint(q, int(k), at)
        if number > 1:
            (qa, qb) = q[at[:, 0]], q[at[:, 1]]
            variance[both] += number**2 / (number - 1) * qa * (1 - qa) * qb * (1 - qb)
    shared, spread = pairs["shared"].to_numpy(float), np.sqrt(variance)
    tested = (shared >= LEAST) & (mean > 0) & (spread > 0)
    p = np.array([chance(one) for one in (shared[tested] - mean[tested] - 0.5) / spread[tested]])
    beyond = np.zeros(len(pairs), bool)
    beyond[np.flatnonzero(tested)[discoveries(p)]] = True
    known = np.where(mean > 0, mean, np.nan)
    ends = {"lift": shared, "lift_low": np.maximum(0, shared - SURE * spread), "lift_high": shared + SURE * spread}
    return pairs.assign(expected=mean, spread=spread, **{n: v / known for n, v in ends.items()}, beyond=beyond)


def chance(z: float) -> float:
    """Probability of at least z standard deviations above the mean of a normal distribution."""
    return erfc(z / sqrt(2)) / 2


def discoveries(p: np.ndarray, share: float = CHANCE) -> np.ndarray:
    """Positions of the cases found, of which a given share at most is expected to be chance: Benjamini & Hochberg."""
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= share * np.arange(1, len(p) + 1) / max(1, len(p)))
    return order[: passed[-1] + 1] if len(passed) else order[:0]
