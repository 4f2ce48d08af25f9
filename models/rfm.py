"""Recency, frequency and money in fifths of what occurs, so that equal customers are never told apart."""

from __future__ import annotations

from typing import Any

import numpy as np

FIFTHS = 5


def fifths(values: Any) -> np.ndarray:
    """Score 1 (lowest) to 5 of each value, by dense rank; 0 where the value is not known.

    Of D different values the r-th lowest gets ⌈5(r − ½)/D⌉: equal values share a score, the order of rows does not
    matter, and where all are equal everybody is in the middle.
    """
    values = np.atleast_1d(np.asarray(values, float))
    known = np.isfinite(values)
    scores = np.zeros(values.size, dtype=np.int8)
    if known.any():
        different, place = np.unique(values[known], return_inverse=True)
        scores[known] = (FIFTHS * (2 * place + 1) - 1) // (2 * len(different)) + 1
    return scores


def rfm(days_since: Any, purchases: Any, money: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Recency, frequency and money scores (5 best) and their three digits as text, '' where one is not known.

    days_since: days since the last purchase; purchases: purchase days; money: currency; (customers,) each.
    """
    recency, frequency, spending = fifths(-np.asarray(days_since, float)), fifths(purchases), fifths(money)
    number = 100 * recency.astype(int) + 10 * frequency + spending
    known = (recency > 0) & (frequency > 0) & (spending > 0)
    texts = np.array([str(code) for code in range(556)], dtype=object)
    return recency, frequency, spending, np.where(known, texts[number], "")
