"""Groups: planted blobs are found, clouds without groups are not cut up, numbers keep their meaning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from models.clusters import Clusters, matched, migration, spread
from models.unimodal import Unimodal, marginal, one_peak

CORNERS = 6.0 * np.array([[0, 0], [1, 0], [0, 1], [1, 1]])


def blobs(seed: int, rows: int = 1_000):
    """Four round blobs, and the blob of each row."""
    rng = np.random.default_rng(seed)
    blob = rng.integers(0, 4, rows)
    return CORNERS[blob] + rng.standard_normal((rows, 2)), blob


@pytest.fixture(scope="module")
def found():
    return Clusters().fit(blobs(1)[0])


def test_four_planted_blobs_are_four_groups(found):
    mean = {stability.k: stability.mean for stability in found.stability_}
    assert found.k_ == 4 and found.p_ < 0.05
    assert mean[4] == pytest.approx(0.998, abs=0.01)
    # published for such blobs; how two and three groups cut a square is chance: only that it is not stable counts
    assert [mean[k] for k in (5, 6, 8)] == pytest.approx([0.85, 0.73, 0.65], abs=0.05)
    assert max(mean[2], mean[3]) < 0.8
    assert min(stability.k for stability in found.stability_ if stability.stable) == 4
    values, blob = blobs(1)
    assert (np.sort(migration(blob, found.predict(values)), axis=1)[:, :3].sum(axis=1) <= 5).all()


def clouds():
    rng = np.random.default_rng(5)
    normal = rng.standard_normal((1_000, 3)) @ np.array([[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]])
    return {
        "one normal": normal,
        "stretched normal": normal[:, :2] * [1, 1] + 3 * normal[:, 2:],
        "skewed": rng.gamma(1.5, 1, (1_000, 3)),
        "long tailed": np.exp(normal[:, :2]),
        "flat": rng.random((1_000, 2)),
        "counts": np.log1p(np.column_stack([rng.negative_binomial(0.6, 0.2, 1_000), rng.poisson(3, 1_000)])),
    }


@pytest.mark.parametrize("name", clouds())
def test_a_cloud_without_groups_is_a_continuum(name):
    values = clouds()[name]
    model = Clusters(pairs=10, clouds=39).fit(values)
    assert model.k_ == 0
    assert (model.predict(values) == 0).all()


def test_a_stable_cut_of_a_cloud_without_groups_is_what_the_null_is_for():
    """Two halves of a stretched cloud are as stable as real groups."""
    model = Clusters(pairs=10, clouds=39).fit(clouds()["stretched normal"])
    assert any(stability.stable for stability in model.stability_) and model.p_ > 0.05


def test_too_few_or_equal_rows_have_no_groups():
    assert Clusters().fit(blobs(1)[0][:99]).k_ == 0
    assert Clusters().fit(np.ones((200, 2))).k_ == 0
    assert Clusters(pairs=3, clouds=19).fit(np.repeat([[0.0, 1.0], [5.0, 2.0]], 100, axis=0)).stability_ == ()
    with pytest.raises(ValueError, match="finite numbers"):
        Clusters().fit([[1.0, np.nan]])


def test_a_second_run_and_another_order_of_rows_give_the_same_bits(found):
    values = blobs(1)[0]
    again = Clusters().fit(values)
    assert again.centres_.tobytes() == found.centres_.tobytes() and again.stability_ == found.stability_
    mixed = np.random.default_rng(8).permutation(len(values))
    other = Clusters().fit(values[mixed])
    # the mean over all rows may differ in its last bits, the groups may not
    np.testing.assert_allclose(other.centres_, found.centres_, rtol=1e-12)
    np.testing.assert_array_equal(other.predict(values), found.predict(values))


def test_the_sample_is_spread_over_all_rows_whatever_their_order():
    values = np.arange(1_000.0)[:, None]
    np.testing.assert_array_equal(spread(values[::-1], 10)[:, 0], np.arange(50, 1_000, 100))
    assert len(spread(values, 2_000)) == 1_000


def test_numbers_keep_their_meaning_over_refits(found):
    values = blobs(1)[0]
    before = Clusters().fit(values)
    before.numbers_ = np.array([2, 0, 3, 1])  # as an even earlier fit may have left them
    later = Clusters().fit(blobs(2)[0] + 0.3).follow(before)
    assert sorted(later.numbers_) == [0, 1, 2, 3]
    moved = migration(before.predict(values), later.predict(values))
    assert moved.sum() == 1_000
    assert np.diag(moved).sum() >= 970  # the blobs have moved by a third of their width only


def test_partners_are_those_nearest_in_all_and_the_rest_gets_new_numbers():
    before, after = np.array([[0.0], [10.0]]), np.array([[11.0], [4.0], [-1.0]])
    assert matched(before, np.array([0, 1]), after).tolist() == [1, 2, 0]
    assert matched(before, np.array([5, 3]), after[:1]).tolist() == [3]
    # taken one by one 4 would go to 0; both together fit better the other way round
    assert matched(np.array([[0.0], [5.0]]), np.array([0, 1]), np.array([[4.0], [9.0]])).tolist() == [0, 1]


def test_the_nearest_sequence_with_one_peak_equals_brute_force():
    assert one_peak(np.array([1.0, 4.0, 2.0])).tolist() == [1, 4, 2]
    assert one_peak(np.array([3.0, 1.0, 3.0])).tolist() in ([3, 2, 2], [2, 2, 3])
    rng = np.random.default_rng(6)
    grid = np.array(np.meshgrid(*[np.arange(0, 5, 0.5)] * 4)).reshape(4, -1).T
    rises = np.diff(grid, axis=1) > 0
    falls = np.diff(grid, axis=1) < 0
    single = grid[~(falls[:, 0] & rises[:, 1:].any(axis=1)) & ~(falls[:, 1] & rises[:, 2])]
    for _ in range(20):
        heights = rng.integers(0, 5, 4).astype(float)
        ours = one_peak(heights)
        steps = np.sign(np.diff(ours))
        assert (np.diff(steps[steps != 0]) <= 0).all()
        assert ((ours - heights) ** 2).sum() <= ((single - heights) ** 2).sum(axis=1).min() + 1e-9


def test_the_null_has_the_shape_of_a_cloud_with_one_peak_and_fills_the_valley_of_two():
    rng = np.random.default_rng(7)
    skewed = np.column_stack([rng.gamma(2, 1, 2_000), rng.standard_normal(2_000)])
    drawn = Unimodal(skewed).draw(4_000, np.random.default_rng(1))
    assert all(kstest(drawn[:, i], skewed[:, i]).pvalue > 1e-3 for i in range(2))
    two = np.concatenate([rng.normal(-4, 1, 1_000), rng.normal(4, 1, 1_000)])[:, None]
    filled = Unimodal(np.column_stack([two, two])).draw(4_000, np.random.default_rng(1))
    assert (np.abs(two) < 1).mean() < 0.01 < 0.08 < (np.abs(filled[:, 0]) < 1).mean()
    assert np.corrcoef(filled.T)[0, 1] > 0.99


def test_ties_stay_ties_in_the_null():
    shares, values = marginal(np.array([0.0] * 6 + [1.0] * 3 + [2.0]))
    drawn = np.interp([0.1, 0.55, 0.65, 0.85, 0.95], shares, values)
    assert drawn.tolist() == [0, 0, 1, 1, 2]
