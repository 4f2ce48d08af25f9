"""Who is treated, held out or explored: drawn by a keyed hash, the same on every machine and in every run.

HMAC-SHA-256 (RFC 2104) of the customer under the experiment's salt, as a number from 0 to 9,999: whoever does not know
the salt cannot tell an arm in advance, and arms under two salts are independent. Needs numpy only.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

BUCKETS = 10_000
TREATED, CONTROL, EXPLORATION = "treated", "control", "exploration"
ARMS = (CONTROL, EXPLORATION, TREATED)  # in the order of their buckets
GLOBAL_HOLDOUT = "global holdout"
SHORTEST_SALT = 16  # characters


@dataclass(frozen=True)
class Shares:
    """Shares of an audience, in steps of 1/10,000: held out, explored; all others are treated."""

    control: float
    exploration: float = 0.0

    def buckets(self) -> tuple[int, int, int]:
        """How many of the 10,000 buckets belong to control, exploration and treated."""
        counts = [round(share * BUCKETS) for share in (self.control, self.exploration)]
        exact = all(abs(n / BUCKETS - share) < 1e-9 for n, share in zip(counts, (self.control, self.exploration)))
        if not exact or min(counts) < 0 or sum(counts) > BUCKETS:
            raise ValueError(
                "Shares of an audience must be at least 0, at most 1 in all, and whole ten-thousandths."
                f" Got control {self.control} and exploration {self.exploration} instead."
            )
        return counts[0], counts[1], BUCKETS - sum(counts)


@dataclass(frozen=True)
class Assignment:
    """arm: (n,) names; p_assign: (n,) the probability with which each got its arm; bucket: (n,) 0 to 9,999."""

    arm: np.ndarray
    p_assign: np.ndarray
    bucket: np.ndarray


def salt_of(secret: str, name: str) -> str:
    """The salt of one experiment, or of GLOBAL_HOLDOUT, 64 hexadecimal digits, from a secret the company keeps."""
    return hmac.new(key_of(secret), name.encode(), "sha256").hexdigest()


def buckets_of(salt: str, customers: Iterable[str]) -> np.ndarray:
    """The bucket of each customer, (n,) whole numbers from 0 to 9,999, under this salt."""
    return np.fromiter(draws(key_of(salt), customers), np.int64)


def draws(key: bytes, customers: Iterable[str]) -> Iterator[int]:
    """HMAC-SHA-256 of each customer, read as one big-endian number, modulo 10,000."""
    keyed = hmac.new(key, digestmod="sha256")  # the key is worked in once, not once a customer
    for row, customer in enumerate(customers):
        if not isinstance(customer, str) or not customer:
            raise ValueError(f"A customer must be a text that is not empty. Row {row} holds {customer!r}.")
        one = keyed.copy()
        one.update(customer.encode())
        yield int.from_bytes(one.digest()) % BUCKETS


def assign(
    salt: str, customers: Iterable[str], shares: Shares | Mapping[str, Shares], strata: Any = None
) -> Assignment:
    """Draw the arm of each of n customers.

    shares: of the audience, or by stratum where `strata` (n,) names each customer's. Strata change the shares alone:
    the bucket depends on salt and customer only, so the order of rows, and who else is there, changes no arm.
    """
    bucket = buckets_of(salt, customers)
    if isinstance(shares, Shares):
        shares, strata = {"": shares}, np.full(len(bucket), "")
    if strata is None:
        raise ValueError("Shares by stratum need the stratum of every customer.")
    strata = np.asarray(strata)
    if strata.shape != bucket.shape:
        raise ValueError(f"There are {len(bucket)} customers, but strata of {strata.size}.")
    names, place = np.unique(strata, return_inverse=True)
    unplanned = [str(name) for name in names if name not in shares]
    if unplanned:
        raise ValueError(
            f"No shares were fixed beforehand for the stratum {unplanned[0]!r}. Known: {', '.join(shares)}"
        )
    counts = np.array([shares[name].buckets() for name in names], np.int64).reshape(-1, 3)
    edges = counts[:, :2].cumsum(axis=1)[place]
    code = (bucket[:, None] >= edges).sum(axis=1)
    return Assignment(np.array(ARMS)[code], counts[place, code] / BUCKETS, bucket)


def held_out(salt: str, customers: Iterable[str], share: float) -> np.ndarray:
    """Who belongs to the global holdout, (n,) flags; a larger share adds customers and lets none of them go."""
    return buckets_of(salt, customers) < Shares(share).buckets()[0]


def key_of(salt: str) -> bytes:
    """The salt as bytes, when it is long enough to be one."""
    if len(salt) < SHORTEST_SALT:
        raise ValueError(f"A salt needs at least {SHORTEST_SALT} characters. Got {len(salt)}.")
    return salt.encode()
