"""What sets a customer apart, in sentences with numbers and units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Feature:
    """One thing that can set a customer apart.

    factor: how often the unit of the sentence goes into the column's. decimals: as printed. logs: whether differences
    are ratios. words: the customer's value {own}, what is usual {usual} in its {group}, and the {currency}.
    """

    column: str
    words: str
    factor: float = 1.0
    decimals: int = 0
    logs: bool = True


FEATURES = (
    Feature("gap", "orders every {own} days; its {group} every {usual}"),
    Feature("since", "last order {own} days ago; its {group} {usual}"),
    Feature("purchases", "days with an order: {own}; its {group} {usual}"),
    Feature("spend", "spends {own}{currency} on a day with an order; its {group} {usual}{currency}", decimals=2),
    Feature("margin_rate", "margin {own} % of revenue; its {group} {usual} %", 100, logs=False),
    Feature("returned", "returns {own} % of what it buys; its {group} {usual} %", 100, logs=False),
    Feature("contacts", "contacts in 12 months: {own}; its {group} {usual}"),
    Feature("answer_rate", "answers {own} of 100 contacts; its {group} {usual}", 100, logs=False),
    Feature("service", "requests for service in 12 months: {own}; its {group} {usual}"),
)
MOST = 3


def sentences(found: pd.DataFrame, segment: np.ndarray, group: str, currency: str) -> list[np.ndarray]:
    """Three columns of sentences, (customers,) each, None where there is nothing to say.

    found: the columns of the features. segment: (customers,) with whom each is compared, called `group` in words.
    """
    from models.differences import differences

    # compared as printed, so that no sentence says that 40 % is not 40 %
    printed = np.column_stack([(found[f.column] * f.factor).round(f.decimals).to_numpy(float) for f in FEATURES])
    logs = np.array([f.logs for f in FEATURES])
    scale = np.where(logs, np.log1p(np.maximum(printed, 0)), printed)
    apart = differences(scale, segment, MOST)
    usual = np.where(logs, np.expm1(apart.typical), apart.typical)
    columns = []
    for place in range(MOST):
        column = np.full(len(found), None, dtype=object)
        for number, feature in enumerate(FEATURES):
            rows = np.flatnonzero(apart.feature[:, place] == number)
            if rows.size:
                column[rows] = worded(
                    feature, printed[rows, number], apart.segment[rows], usual[:, number], group, currency
                )
        columns.append(column)
    return columns


def worded(
    feature: Feature, own: np.ndarray, segment: np.ndarray, usual: np.ndarray, group: str, currency: str
) -> np.ndarray:
    """The sentence of each row; equal ones are written once."""
    places, values = pd.factorize(own)
    codes, pairs = pd.factorize(segment * len(values) + places)
    different = zip(pairs // len(values), values[pairs % len(values)], strict=True)
    money = f" {currency}" if currency else ""
    texts = [
        feature.words.format(
            own=number(value, feature.decimals), usual=number(usual[row], feature.decimals), group=group, currency=money
        )
        for row, value in different
    ]
    return np.array(texts, dtype=object)[codes]


def number(value: float, decimals: int) -> str:
    """As printed; −0 is 0."""
    return f"{round(value, decimals) + 0.0:,.{decimals}f}"
