"""Support and lift of what similar partners sell: brute force, planted assortments, and worlds of chance."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pandas as pd
import pytest

from models import association
from models.association import LEAST, SIMILAR, benjamini_hochberg, most_sold, neighbours, offers


def world(seed: int, partners: int, sold: np.ndarray) -> np.ndarray:
    """Revenue where sold at random with the chances `sold`, (partners, categories); everybody sells something."""
    rng = np.random.default_rng(seed)
    revenue = np.where(rng.random((partners, sold.shape[1])) < sold, rng.lognormal(6, 1, (partners, sold.shape[1])), 0)
    revenue[revenue.sum(axis=1) == 0, 0] = 100.0
    return revenue


def two_kinds(seed: int = 3, partners: int = 200) -> np.ndarray:
    """Partners of even and of odd rows; the first sell categories 0 to 9 with 70 %, the second 10 to 19; else 2 %."""
    own = (np.arange(partners)[:, None] % 2) == (np.arange(20) >= 10)
    return world(seed, partners, np.where(own, 0.70, 0.02))


def unknown(revenue: np.ndarray) -> np.ndarray:
    return np.full(len(revenue), -1)


@pytest.fixture(scope="module")
def planted() -> tuple[np.ndarray, pd.DataFrame]:
    revenue = two_kinds()
    return revenue, offers(revenue, revenue > 0, unknown(revenue), most=20)


def slow(revenue: np.ndarray, partner: int) -> list[int]:
    """The similar partners by definition, in exact fractions: Jaccard, then rank by size (larger first), nearest first."""
    sets = [set(np.flatnonzero(row > 0)) for row in revenue]
    size = revenue.astype(np.float32).sum(axis=1)
    ranked = sorted(range(len(sets)), key=lambda i: (-size[i], i))
    rank = {i: place for place, i in enumerate(ranked)}
    keys = {
        i: (-Fraction(len(sets[i] & sets[partner]), len(sets[i] | sets[partner])), abs(rank[partner] - rank[i] - 0.25))
        for i in range(len(sets))
        if i != partner
    }
    return sorted(keys, key=keys.__getitem__)[: min(SIMILAR, max(LEAST, (len(sets) - 1) // 4))]


def test_similar_partners_are_those_of_the_definition():
    revenue = world(5, 70, np.full((70, 12), 0.3))
    found = neighbours(revenue > 0, revenue.astype(np.float32).sum(axis=1), unknown(revenue))
    for partner in range(70):
        assert found[partner][found[partner] >= 0].tolist() == slow(revenue, partner)


def test_support_lift_and_revenue_of_every_offer_are_those_worked_out_by_hand(planted):
    revenue, frame = planted
    share, sold = revenue / revenue.sum(axis=1, keepdims=True), (revenue > 0).sum(axis=0)
    assert len(frame) > 100
    for row in frame.itertuples():
        near = slow(revenue, row.partner)
        sellers = [i for i in near if revenue[i, row.category] > 0]
        assert (row.support, row.support_of) == (len(sellers), len(near))
        assert row.base == sold[row.category] / 200
        assert row.lift == pytest.approx((len(sellers) / len(near)) / (sold[row.category] / 200), rel=1e-12)
        expected = np.quantile(share[sellers, row.category], [0.25, 0.5, 0.75]) * revenue[row.partner].sum()
        np.testing.assert_allclose([row.earns_low, row.earns, row.earns_high], expected, rtol=1e-5)
        assert row.similar == sellers[:3]


def test_only_what_the_own_kind_sells_is_offered_with_a_support_on_the_careful_side_of_the_planted(planted):
    _, frame = planted
    own = frame["partner"] % 2 == (frame["category"] >= 10)
    assert own.all()
    # 70 % of the own kind sell it, (70 % + 2 %)/2 of all; selling what a partner lacks makes less similar to it
    support = (frame["support"] / frame["support_of"]).mean()
    assert 0.60 < support < 0.70
    assert frame["lift"].mean() == pytest.approx(support / 0.36, rel=0.05)
    lacking = sum((two_kinds()[i, (10 if i % 2 else 0) : (20 if i % 2 else 10)] == 0).sum() for i in range(200))
    assert 0.5 * lacking < len(frame) < lacking


def test_offers_are_in_order_of_expected_revenue_and_at_most_five(planted):
    revenue, every = planted
    frame = offers(revenue, revenue > 0, unknown(revenue))
    expected = frame["support"] / frame["support_of"] * frame["earns"]
    assert frame.groupby("partner").size().max() == 5
    for _, part in frame.groupby("partner"):
        assert part["place"].tolist() == list(range(1, len(part) + 1))
        assert expected[part.index].is_monotonic_decreasing
    pd.testing.assert_frame_equal(frame, every[every["place"] <= 5].reset_index(drop=True))


def test_where_all_is_chance_hardly_anything_is_offered():
    """At most a tenth of such worlds may have an offer: 40 worlds, 3 standard errors above is 9.7."""
    worlds = 0
    for seed in range(40):
        revenue = world(seed, 150, np.tile(np.linspace(0.05, 0.5, 20), (150, 1)))
        worlds += not offers(revenue, revenue > 0, unknown(revenue)).empty
    assert worlds <= 9


def test_what_came_back_is_neither_sold_nor_lacking():
    revenue = two_kinds()
    present = revenue > 0
    first = offers(revenue, present, unknown(revenue)).iloc[0]
    present[first["partner"], first["category"]] = True
    again = offers(revenue, present, unknown(revenue))
    assert not ((again["partner"] == first["partner"]) & (again["category"] == first["category"])).any()


def test_a_type_with_ten_others_is_compared_with_itself_and_a_smaller_one_with_everybody():
    revenue = world(2, 60, np.full((60, 8), 0.4))
    kind = np.array([0] * 11 + [1] * 10 + [-1] * 39)
    found = neighbours(revenue > 0, revenue.sum(axis=1), kind)
    assert all(set(found[i][found[i] >= 0]) == set(range(11)) - {i} for i in range(11))
    assert (kind[found[11:21][found[11:21] >= 0]] != 1).any()


def test_ten_partners_have_no_ten_others():
    revenue = two_kinds(partners=10)
    assert (neighbours(revenue > 0, revenue.sum(axis=1), unknown(revenue)) == -1).all()
    assert offers(revenue, revenue > 0, unknown(revenue)).empty
    assert offers(revenue[:0], revenue[:0] > 0, unknown(revenue[:0])).empty


def test_equal_partners_are_told_apart_by_rank_whatever_the_order_of_work(monkeypatch):
    revenue = np.tile([5.0, 5.0, 0.0], (40, 1))
    size = revenue.sum(axis=1)
    whole = neighbours(revenue > 0, size, unknown(revenue))
    # ranks are those of the rows; of two equally far ones the one before comes first
    assert whole[20, :4].tolist() == [19, 21, 18, 22]
    monkeypatch.setattr(association, "CHUNK", 7)
    np.testing.assert_array_equal(whole, neighbours(revenue > 0, size, unknown(revenue)))


def test_with_many_partners_an_evenly_spaced_part_is_compared_with(monkeypatch):
    monkeypatch.setattr(association, "REFERENCES", 50)
    revenue = two_kinds()
    found = neighbours(revenue > 0, revenue.sum(axis=1), unknown(revenue))
    used = np.unique(found[found >= 0])
    assert len(used) <= 50 and used.min() == 0 and used.max() == 199
    frame = offers(revenue, revenue > 0, unknown(revenue))
    assert (frame["partner"] % 2 == (frame["category"] >= 10)).mean() > 0.97


def test_benjamini_hochberg_repeats_the_example_of_its_paper():
    """Benjamini & Hochberg 1995, section 4: of 15 p-values the four smallest are rejected at 0.05."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590]
    p = np.array([*p, 1.0])
    assert benjamini_hochberg(p, np.ones(15, int), 0.05).tolist() == [True] * 4 + [False] * 11
    # equal ones counted are equal ones listed
    listed = benjamini_hochberg(np.repeat(p, 3), np.ones(45, int), 0.05)
    assert benjamini_hochberg(p, np.full(15, 3), 0.05).tolist() == listed[::3].tolist()


def test_chance_is_that_of_drawing_the_similar_partners_from_the_others():
    lacks = np.ones((21, 1), bool)
    k, n = np.zeros((21, 1), np.uint8), np.full(21, 10)
    k[0] = 9
    # 9 sellers among the 20 others: P(all nine among the ten drawn) = C(11, 1)/C(20, 10)
    p = comb(11, 1) / comb(20, 10)
    assert p * 21 < association.CHANCE
    chance = association.at_most_by_chance(lacks, np.array([9]), k, n)
    assert not chance[10, 0, 9] and chance[10, 0, 0]


def test_the_most_widely_sold_are_picked_among_what_each_partner_lacks():
    lacks = np.array([[True, True, False, True], [False, True, True, True]])
    picked = most_sold(lacks, np.array([0.1, 0.5, 0.9, 0.5]), np.array([2, 1]))
    assert picked.tolist() == [[False, True, False, True], [False, False, True, False]]
