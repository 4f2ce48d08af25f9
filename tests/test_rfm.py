"""Recency, frequency, money: scores worked out by hand, and what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rfm import fifths, rfm


@pytest.mark.parametrize(
    ("values", "scores"),
    [
        ([10, 20, 30, 40, 50], [1, 2, 3, 4, 5]),
        ([7, 7, 7], [3, 3, 3]),
        ([1, 2], [2, 4]),
        ([3, 1, 2], [5, 1, 3]),
        ([0, 0, 0, 0, 0, 0, 9], [2, 2, 2, 2, 2, 2, 4]),
        (range(10), [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]),
        ([1.0, np.nan, 2.0], [2, 0, 4]),
        ([], []),
    ],
)
def test_fifths_of_different_values(values, scores):
    assert fifths(list(values)).tolist() == scores


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.randoms())
def test_equal_values_share_a_score_and_the_order_of_rows_does_not_matter(values, random):
    scores = dict(zip(values, fifths(values).tolist(), strict=True))
    assert [scores[value] for value in values] == fifths(values).tolist()
    assert sorted(scores.values()) == [scores[value] for value in sorted(scores)]
    mixed = random.sample(values, len(values))
    assert fifths(mixed).tolist() == [scores[value] for value in mixed]


def test_each_score_holds_a_fifth_of_the_different_values():
    scores = fifths(np.random.default_rng(1).permutation(1_000))
    assert np.bincount(scores)[1:].tolist() == [200] * 5


def test_the_three_digits_are_recency_frequency_money_five_best():
    recency, frequency, money, code = rfm([400, 3, 40, np.nan], [1, 9, 4, np.nan], [10.0, 500.0, 90.0, np.nan])
    assert code.tolist() == ["111", "555", "333", ""]
    assert (recency.tolist(), frequency.tolist(), money.tolist()) == ([1, 5, 3, 0],) * 3
