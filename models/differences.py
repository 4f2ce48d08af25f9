"""In what a customer differs most from the others of its segment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

TO_DEVIATION = 1.4826  # median absolute deviation of a normal -> its standard deviation
FROM_MEAN = 1.2533  # mean absolute deviation of a normal -> its standard deviation
MIDDLE_HALF = 0.6745  # standard deviations of a normal that hold half of it


@dataclass(frozen=True)
class Differences:
    """feature: (customers, most) column numbers, largest difference first, −1 where there are fewer.

    z: (customers, most) by how many robust deviations of its segment, above (+) or below (−); nan where feature is −1.
    typical: (segments, features) the segment's median; segment: (customers,) its row of each customer.
    """

    feature: np.ndarray
    z: np.ndarray
    typical: np.ndarray
    segment: np.ndarray


def differences(values: Any, segments: Any, most: int = 3, least: float = MIDDLE_HALF) -> Differences:
    """The features in which each customer differs most from its own segment.

    values: (customers, features), nan where not known, on a scale on which differences compare (logs of money and
    days). The difference is (value − median)/deviation within the segment; the deviation is 1.4826 times the median
    absolute deviation (Hampel 1974, JASA 69:383), or where more than half are equal, 1.2533 times the mean one. One
    below `least` is none: the customer is in the middle half of its segment. Equal differences go by column.
    """
    values = np.asarray(values, float)
    names, segment = np.unique(np.asarray(segments), return_inverse=True)
    typical = np.full((len(names), values.shape[1]), np.nan)
    z = np.full(values.shape, np.nan)
    for row in range(len(names)):
        inside = np.flatnonzero(segment == row)
        for column in range(values.shape[1]):
            part = values[inside, column]
            known = np.isfinite(part)
            if known.any():
                typical[row, column] = np.median(part[known])
                z[inside[known], column] = robust(part[known], typical[row, column])
    size = np.where(np.isnan(z), -1.0, np.abs(z))
    order = np.argsort(-size, axis=1, kind="stable")[:, :most]
    chosen = np.take_along_axis(size, order, axis=1) >= least
    return Differences(
        np.where(chosen, order, -1), np.where(chosen, np.take_along_axis(z, order, axis=1), np.nan), typical, segment
    )


def robust(part: np.ndarray, middle: float) -> np.ndarray:
    """Differences from the median in robust deviations; 0 where all are equal."""
    away = np.abs(part - middle)
    deviation = TO_DEVIATION * np.median(away) or FROM_MEAN * float(away.mean())
    return (part - middle) / deviation if deviation > 0 else np.zeros(len(part))
