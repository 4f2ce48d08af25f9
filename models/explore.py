"""Who explores: a share of customers gets nobody or a random allowed channel, drawn by a keyed hash before any plan.

Two stages, so that probabilities are exact though limits may cut the draw short (docs/channel-plan.md): HMAC-SHA-256 of
the customer under the salt names one of his allowed channels, all equally likely, and a place in the order of those who
drew the same channel; the first of them get nobody, the next get the channel, as many as shares and limits said before.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import numpy as np

from models.assign_arm import key_of
from models.assignment import FREE, NOBODY, Terms


@dataclass(frozen=True)
class Exploration:
    """fixed: (n,) int8, FREE unless explored; p_assign: (n,) probability of what was drawn, of being left free if free.

    share: (n,) probability of each allowed channel in the first stage; rate: (c,) of getting the channel in the second;
    p_none, p_free: (n,) probability of drawing nobody, and of being left free.
    """

    fixed: np.ndarray
    p_assign: np.ndarray
    share: np.ndarray
    rate: np.ndarray
    p_none: np.ndarray
    p_free: np.ndarray

    @property
    def explored(self) -> np.ndarray:
        """(n,) flags of those whom the plan must leave as drawn."""
        return self.fixed != FREE

    def logged(self, channel: np.ndarray, best: np.ndarray | None = None) -> np.ndarray:
        """(n,) probability of ending up with `channel` (n,), by chance or from a plan that gives the free `best` (n,).

        best: also of the explored, what the plan would have given them; `channel` where left out.
        """
        at = np.asarray(channel).astype(np.int64)
        same = np.where(at >= 0, self.share * self.rate[np.maximum(at, 0)], self.p_none)
        return same + np.where(at == (at if best is None else np.asarray(best)), self.p_free, 0.0)


def explore(
    keys: list[str],
    salt: str,
    allowed: np.ndarray,
    cost: np.ndarray,
    terms: Terms,
    none_share: float,
    random_share: float,
    fixed: np.ndarray | None = None,
) -> Exploration:
    """Draw who explores, of those FREE in `fixed` and allowed anything, within what fixed contacts leave.

    keys: n customers, in any order; salt: at least 16 characters; allowed: (n, c); cost: (c,) ten-thousandths. The same
    customers draw the same under the same salt. Raises ValueError for shares below 0 or above 1 in all.
    """
    allowed, cost = np.asarray(allowed, bool), np.asarray(cost)
    if min(none_share, random_share) < 0 or none_share + random_share > 1:
        raise ValueError(f"Shares must be at least 0 and at most 1 in all. Got {none_share} and {random_share}.")
    if allowed.shape != (len(keys), len(cost)):
        raise ValueError(f"There are {len(keys)} customers and {len(cost)} channels, but allowed is {allowed.shape}.")
    fixed = np.full(len(keys), FREE, np.int8) if fixed is None else np.asarray(fixed)
    drawn = np.full(len(keys), FREE, np.int8)
    options = allowed.sum(axis=1)
    able = (fixed == FREE) & (options > 0)
    order, pick = hashed(salt, keys)
    nth = (pick % np.maximum(options, 1).astype(np.uint64)).astype(np.int64)
    named = np.where(able, (allowed.cumsum(axis=1) == (nth + 1)[:, None]).argmax(axis=1), -1)
    sizes = np.bincount(named[able], minlength=len(cost))
    usual = sum(allowed[able & (options == k)].sum(axis=0) / k for k in range(1, len(cost) + 1))
    nobody = np.minimum(rounded(none_share * usual), sizes)
    sent = np.minimum(within(rounded(random_share * usual), cost, terms, fixed), sizes - nobody)
    for c in range(len(cost)):
        group = np.flatnonzero(named == c)
        group = group[np.argsort(order[group], kind="stable")]
        drawn[group[: nobody[c]]] = NOBODY
        drawn[group[nobody[c] : nobody[c] + sent[c]]] = c
    some = np.maximum(sizes, 1)
    share = np.where(able, 1 / np.maximum(options, 1), 0.0)
    rate, rate_none = sent / some, nobody / some
    p_none = share * (allowed @ rate_none)
    p_free = 1 - p_none - share * (allowed @ rate)
    p = np.where(drawn == FREE, p_free, np.where(drawn == NOBODY, p_none, share * rate[np.maximum(drawn, 0)]))
    return Exploration(drawn, p, share, rate, p_none, p_free)


def hashed(salt: str, keys: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Two independent (n,) uint64 of each customer: the first sixteen bytes of HMAC-SHA-256 of its key."""
    keyed = hmac.new(key_of(salt), digestmod="sha256")
    parts = bytearray()
    for key in keys:
        one = keyed.copy()
        one.update(key.encode())
        parts += one.digest()[:16]
    both = np.frombuffer(bytes(parts), ">u8").reshape(-1, 2).astype(np.uint64)
    return both[:, 0], both[:, 1]


def rounded(wanted: np.ndarray) -> np.ndarray:
    """Whole numbers near these whose running sum stays within one half of theirs, so that small groups are not lost."""
    return np.diff(np.floor(np.cumsum(wanted) + 0.5), prepend=0).astype(np.int64)


def within(sent: np.ndarray, cost: np.ndarray, terms: Terms, fixed: np.ndarray) -> np.ndarray:
    """As many contacts as fit: in each channel's room, and all in proportion into the budget."""
    taken = np.bincount(fixed[fixed >= 0].astype(np.int64), minlength=len(cost))
    for c, limit in enumerate(terms.capacity):
        if limit is not None:
            sent[c] = max(min(int(sent[c]), int(limit - taken[c])), 0)
    price = int(sent @ cost)
    if terms.budget is not None and price > (left := max(terms.budget - int(taken @ cost), 0)):
        sent = np.where(cost > 0, sent * left // price, sent)
    return sent
