"""Whether two partners share more customers than chance alone would let them."""

from __future__ import annotations

from math import exp, lgamma

import numpy as np

LEVEL = 0.005  # ten pairs are looked at together: 5 in 100 for all of them (Bonferroni)


def at_least(shared: int, customers: int, others: int, everybody: int) -> float:
    """Probability that two partners share so many customers if everybody's choices of the two were independent.

    Hypergeometric with the numbers of customers of both fixed (Fisher's exact test, one-sided): the sum over k from
    `shared` of C(m, k) · C(N − m, n − k) / C(N, n), in logs, by the ratio of neighbouring terms.
    """
    n, m, total = customers, others, everybody
    least, most = max(0, n + m - total), min(n, m)
    if shared <= least:
        return 1.0
    if shared > most:
        return 0.0
    k = np.arange(shared, most)
    steps = np.log((m - k) * (n - k) / ((k + 1.0) * (total - m - n + k + 1.0)))
    logs = (
        choose(m, shared) + choose(total - m, n - shared) - choose(total, n) + np.concatenate([[0.0], np.cumsum(steps)])
    )
    top = float(logs.max())
    return min(1.0, exp(top) * float(np.exp(logs - top).sum()))


def choose(n: int, k: int) -> float:
    """Logarithm of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def beyond_chance(shared: int, customers: int, others: int, everybody: int) -> bool:
    """Whether so many shared customers are more than chance explains."""
    return at_least(shared, customers, others, everybody) < LEVEL
