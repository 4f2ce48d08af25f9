"""What sets a customer apart: planted oddities, and the rule worked out with scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import median_abs_deviation

from models.differences import MIDDLE_HALF, differences


@pytest.fixture(scope="module")
def crowd():
    rng = np.random.default_rng(3)
    values = rng.normal([0, 10, -4, 2], [1, 3, 0.5, 2], (400, 4))
    values[:200] += [5, 0, 0, 0]
    return values, np.repeat(["b", "a"], 200)


def test_a_planted_oddity_comes_first(crowd):
    values, segments = crowd[0].copy(), crowd[1]
    values[7] = [5, 10 - 40, -4 + 3, 2]
    found = differences(values, segments)
    assert found.feature[7].tolist() == [1, 2, -1]
    assert found.z[7, 0] < -8 < 4 < found.z[7, 1]
    assert found.typical[found.segment[7]] == pytest.approx([5, 10, -4, 2], abs=0.6)


def test_a_customer_is_compared_with_its_own_segment_only(crowd):
    values, segments = crowd
    alone = differences(values[:200], segments[:200])
    together = differences(values, segments)
    np.testing.assert_array_equal(together.feature[:200], alone.feature)
    np.testing.assert_array_equal(together.z[:200], alone.z)


def test_sizes_are_robust_deviations_of_the_segment_in_falling_order(crowd):
    values, segments = crowd
    found = differences(values, segments)
    part = values[segments == "a"]
    z = (part - np.median(part, axis=0)) / median_abs_deviation(part, axis=0, scale="normal")
    largest = -np.sort(-np.abs(z), axis=1)[:, :3]
    np.testing.assert_allclose(np.abs(found.z[200:]), np.where(largest >= MIDDLE_HALF, largest, np.nan), rtol=1e-4)


def test_what_is_not_known_is_no_difference():
    values = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, np.nan], [30.0, 6.0], [2.0, 5.0]])
    found = differences(values, np.zeros(5), most=2)
    assert found.feature[3].tolist() == [0, 1] and found.feature[0].tolist()[1] == -1
    assert (differences(np.full((3, 2), np.nan), np.zeros(3)).feature == -1).all()


def test_somebody_like_everybody_else_differs_in_nothing():
    assert (differences(np.ones((6, 3)), np.zeros(6)).feature == -1).all()
    # more than half are equal: the one who is not still differs
    found = differences(np.array([[0.0], [0.0], [0.0], [0.0], [9.0]]), np.zeros(5))
    assert found.feature[:, 0].tolist() == [-1, -1, -1, -1, 0]


def test_equal_differences_go_by_column_and_rows_may_come_in_any_order(crowd):
    values, segments = crowd
    twins = np.repeat(values[:, :1], 4, axis=1)
    chosen = differences(twins, segments).feature
    assert set(map(tuple, chosen.tolist())) == {(0, 1, 2), (-1, -1, -1)}
    mixed = np.random.default_rng(2).permutation(400)
    np.testing.assert_array_equal(differences(values[mixed], segments[mixed]).z, differences(values, segments).z[mixed])
