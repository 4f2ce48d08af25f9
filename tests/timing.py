"""How long a piece of work takes, for the benchmarks."""

from __future__ import annotations

import time
from collections.abc import Callable


def median(work: Callable[[], object], times: int) -> float:
    """Seconds of the middle one of several runs."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return sorted(spent)[times // 2]
