"""A closer bound where customers are few: contacts per channel are whole numbers, so at most m or at least m + 1.

The dual bound is that of divisible customers. Among a thousand equal customers it can lie a thousandth above every
plan; branching on the contacts of one channel (Land and Doig 1960), the worse of both bounds, brings it down.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.assignment_dual import Dual, prices_of, quiet
from models.assignment_problem import Problem

WIDE = 5e-4  # of the bound: a smaller gap is left as it is
MOST_CUSTOMERS = 8_192
MOST_BRANCHES = 16
WHOLE = 1e-6


def closer(problem: Problem, dual: Dual, value: float) -> float:
    """A bound on the worth of every plan, at most that of `dual`; `value` is what the plan found is worth."""
    if problem.customers > MOST_CUSTOMERS:
        return dual.bound
    open_nodes = [(dual.bound, problem, dual.counts)]
    settled = value
    for _ in range(MOST_BRANCHES):
        if not open_nodes:
            break
        open_nodes.sort(key=lambda node: node[0])
        bound, node, counts = open_nodes[-1]
        if bound - value <= WIDE * abs(bound) or bound <= settled:
            break
        open_nodes.pop()
        part = np.abs(counts - np.rint(counts))
        c = int(part.argmax())
        if part[c] < WHOLE:
            settled = max(settled, bound)
            continue
        most, least = int(np.floor(counts[c])), int(np.ceil(counts[c]))
        room = tuple(most if place == c else limit for place, limit in enumerate(node.room))
        floor = tuple(least if place == c else limit for place, limit in enumerate(node.least or (0,) * len(counts)))
        for branch in (replace(node, room=room), replace(node, least=floor)):
            found = prices_of(branch, quiet)
            open_nodes.append((min(found.bound, bound), branch, found.counts))
    return max([settled, *[bound for bound, _, _ in open_nodes]])
