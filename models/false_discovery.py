"""Choosing the sure cases: at most a given share of those chosen is expected to be wrong."""

from __future__ import annotations

from typing import Any

import numpy as np


def select(probability: Any, share: float = 0.10, counts: Any = None) -> np.ndarray:
    """Flags of the largest set, by descending probability, whose mean (1 − P) is at most `share`; none is allowed.

    Bayesian false discovery rate (Newton, Noueiry, Sarkar & Ahlquist 2004, Biostatistics 5:155; Müller, Parmigiani,
    Robert & Rousseau 2004, JASA 99:990). probability: (cases,), P that choosing the case is right; counts: how often
    each stands there. Equal probabilities are chosen together or not at all, so the order of rows does not matter.
    """
    right = np.atleast_1d(np.asarray(probability, float))
    often = np.ones(right.size) if counts is None else np.atleast_1d(np.asarray(counts, float))
    values, place = np.unique(-right, return_inverse=True)
    size = np.bincount(place, often, len(values))
    chosen = np.cumsum(size)
    wrong = np.divide(np.cumsum((1 + values) * size), chosen, out=np.zeros(len(values)), where=chosen > 0)
    allowed = np.flatnonzero(wrong <= share)
    return place <= allowed[-1] if allowed.size else np.zeros(right.size, dtype=bool)
