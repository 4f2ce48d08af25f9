"""ROI of single customers against facts worked out another way: plain loops, a real bootstrap, companies with known truth."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest

from models.roi import rate

FLOOR = 0.06
SEGMENTS = {"business": 1.5, "home": 0.6}
FIGURES = ["roi", "roi_shrunk", "roi_low", "roi_high", "p_top_decile"]
PLACES = ["roi_rank", "margin_rank"]


def planted(
    customers: int, spread: float, seed: int, cost: tuple[float, float] = (40, 400), order_margin: float = 25.0
):
    """Customers, their orders and their true ROI: order margins are a compound Poisson sum whose mean is the true margin."""
    rng = np.random.default_rng(seed)
    segment = rng.choice(list(SEGMENTS), customers)
    invested = rng.uniform(*cost, customers).round(2)
    truth = np.maximum([SEGMENTS[name] for name in segment] + spread * rng.standard_normal(customers), -0.95)
    orders = rng.poisson((1 + truth) * invested / order_margin)
    buyer = np.repeat(np.arange(customers), orders)
    book = pd.DataFrame(
        {"buyer": buyer, "segment": segment[buyer], "margin": rng.gamma(2, order_margin / 2, len(buyer))}
    )
    keys = [f"C{number:05}" for number in rng.permutation(customers)]
    margin = np.bincount(buyer, book["margin"], customers)
    frame = pd.DataFrame(
        {"customer_id": keys, "segment": segment, "margin": margin, "cost": invested, "orders": orders}
    )
    return frame, book, truth


def moments(book: pd.DataFrame) -> pd.DataFrame:
    """What the build knows about orders: how many, and the sum of their squared margins, by segment."""
    squared = book.assign(margin_squared=book["margin"] ** 2)
    return squared.groupby("segment", as_index=False).agg(
        orders=("margin", "size"), margin_squared=("margin_squared", "sum")
    )


def few(**columns) -> pd.DataFrame:
    """A handful of customers written out."""
    return pd.DataFrame({"segment": "home"} | columns)


HOME = pd.DataFrame({"segment": ["home"], "orders": [100], "margin_squared": [40_000.0]})  # q = 400: orders of about 20


@pytest.fixture(scope="module")
def company():
    frame, book, truth = planted(400, 0.6, seed=11)
    return frame, book, truth, rate(frame, moments(book), FLOOR)


def by_loop(frame: pd.DataFrame, book: pd.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Shrunken ROI, low and high of every customer, one at a time, in plain arithmetic."""
    normal, found = NormalDist(), {}
    for segment in frame["segment"].unique():
        own = frame[frame["segment"] == segment].to_dict("records")
        margins = book.loc[book["segment"] == segment, "margin"].tolist()
        q = math.fsum(m * m for m in margins) / len(margins)
        costs = math.fsum(c["cost"] for c in own)
        ratio = math.fsum(c["margin"] - c["cost"] for c in own) / costs
        squares = math.fsum(c["cost"] ** 2 for c in own)
        excess = math.fsum((c["margin"] - (1 + ratio) * c["cost"]) ** 2 - c["orders"] * q for c in own) / squares
        error = (
            math.sqrt(2 * math.fsum(((c["orders"] + 0.5) * q + max(excess, 0) * c["cost"] ** 2) ** 2 for c in own))
            / squares
        )
        tau2 = excess + error * normal.pdf(excess / error) / normal.cdf(excess / error)
        ratio_variance = math.fsum((c["orders"] + 0.5) * q + tau2 * c["cost"] ** 2 for c in own) / costs**2
        for c in own:
            variance = (c["orders"] + 0.5) * q / c["cost"] ** 2
            toward = tau2 / (tau2 + variance)
            roi = (c["margin"] - c["cost"]) / c["cost"]
            shrunk = ratio + toward * (roi - ratio)
            half = normal.inv_cdf(0.9) * math.sqrt(toward * variance + (1 - toward) ** 2 * ratio_variance)
            if abs(shrunk - roi) > math.sqrt(variance):
                shrunk = roi + math.copysign(math.sqrt(variance), shrunk - roi)
                half = normal.inv_cdf(0.9) * math.sqrt(variance)
            found[c["customer_id"]] = shrunk, shrunk - half, shrunk + half
    return found


def test_shrunken_roi_and_its_interval_equal_a_plain_loop(company):
    frame, book, _, result = company
    expected = by_loop(frame, book)
    for row in result.itertuples():
        assert (row.roi_shrunk, row.roi_low, row.roi_high) == pytest.approx(expected[row.customer_id], rel=1e-9)


def test_shrinking_moves_every_customer_toward_the_segment_and_never_past_it(company):
    frame, _, _, result = company
    for segment in SEGMENTS:
        own = (frame["segment"] == segment).to_numpy()
        ratio = (frame["margin"][own].sum() - frame["cost"][own].sum()) / frame["cost"][own].sum()
        raw, shrunk = result["roi"][own] - ratio, result["roi_shrunk"][own] - ratio
        assert ((raw * shrunk >= 0) & (shrunk.abs() <= raw.abs())).all()
        assert shrunk.abs().sum() < 0.98 * raw.abs().sum()


def test_a_customer_alone_in_a_segment_keeps_the_interval_of_its_own_orders():
    alone = rate(few(customer_id=["A"], margin=[180.0], cost=[60.0], orders=[9]), HOME, FLOOR).iloc[0]
    half = NormalDist().inv_cdf(0.9) * math.sqrt(9.5 * 400) / 60
    assert (alone.roi, alone.roi_shrunk) == (2.0, pytest.approx(2.0))
    assert (alone.roi_low, alone.roi_high) == (pytest.approx(2 - half), pytest.approx(2 + half))


def test_no_rated_customer_is_ever_certain():
    equal = few(customer_id=list("ABCD"), margin=[120.0] * 4, cost=[60.0] * 4, orders=[0, 6, 6, 60])
    result = rate(equal, HOME, FLOOR)
    assert (result["roi_high"] - result["roi_low"] > 0.1).all()


def test_who_cannot_be_rated_has_a_state_and_no_figure():
    result = rate(
        few(customer_id=list("ABCDE"), margin=[50.0, 900.0, 30.0, -80.0, 10.0], cost=[0.0, 0.05, FLOOR, 20.0, -1.0],
            orders=[3, 9, 1, 2, 1]), HOME, FLOOR).set_index("customer_id")  # fmt: skip
    assert result["roi_state"].to_dict() == {
        "A": "no investment", "B": "too little invested", "C": "rated", "D": "rated", "E": "no investment",
    }  # fmt: skip
    unrated = result.loc[["A", "B", "E"], [*FIGURES, "roi_rank", "rank_low", "rank_high"]]
    assert unrated.isna().all(axis=None)
    assert result.loc["D", "roi"] == -5.0  # a loss beyond what was invested is possible
    assert result["margin_rank"].to_dict() == {"B": 1, "A": 2, "C": 3, "E": 4, "D": 5}


def test_without_anybody_to_rate_everybody_still_has_a_margin_rank():
    result = rate(few(customer_id=["A", "B"], margin=[1.0, 2.0], cost=[0.0, 0.0], orders=[1, 1]), HOME, FLOOR)
    assert result["margin_rank"].tolist() == [2, 1]
    assert result["roi_rank"].isna().all()


def test_ranks_are_a_total_order_by_the_low_end_then_margin_then_key(company):
    frame, _, _, result = company
    rows = result.assign(margin=frame["margin"]).to_dict("records")
    ordered = sorted(rows, key=lambda row: (-row["roi_low"], -row["margin"], row["customer_id"]))
    assert [row["roi_rank"] for row in ordered] == list(range(1, len(frame) + 1))
    by_margin = sorted(rows, key=lambda row: (-row["margin"], row["customer_id"]))
    assert [row["margin_rank"] for row in by_margin] == list(range(1, len(frame) + 1))


def test_ties_in_roi_go_to_the_larger_margin_then_to_the_smaller_key():
    tied = few(
        customer_id=["D", "C", "B", "A"],
        margin=[20.0, 20.0, 40.0, 20.0],
        cost=[10.0, 10.0, 20.0, 10.0],
        orders=[1, 1, 1, 1],
    )
    tied["segment"] = ["one", "one", "two", "one"]
    # orders without any scatter, so that the low ends are equal to the last bit
    squares = pd.DataFrame({"segment": ["one", "two"], "orders": [1, 1], "margin_squared": [0.0, 0.0]})
    result = rate(tied, squares, FLOOR)
    assert result["roi_low"].nunique() == 1
    assert dict(zip(result["customer_id"], result["roi_rank"])) == {"B": 1, "A": 2, "C": 3, "D": 4}


def uneven(customers: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Customers whose orders differ in size by far more than in number, as they do in every shop."""
    rng = np.random.default_rng(seed)
    size = 25 * rng.lognormal(0, 1, customers)
    mean_orders = rng.gamma(1.5, 3, customers)
    invested = rng.uniform(5, 60, customers).round(2)
    orders = rng.poisson(mean_orders)
    buyer = np.repeat(np.arange(customers), orders)
    margins = rng.gamma(2, 0.5, len(buyer)) * size[buyer]
    frame = pd.DataFrame(
        {"customer_id": [f"C{i:05}" for i in range(customers)], "segment": "home", "cost": invested, "orders": orders}
    )
    frame["margin"] = np.bincount(buyer, margins, customers)
    frame["margin_squared"] = np.bincount(buyer, margins**2, customers)
    book = pd.DataFrame({"segment": "home", "margin": margins})
    return frame, book, mean_orders * size / invested - 1


@pytest.mark.parametrize("seed", [2, 5, 9])
def test_also_the_first_places_are_as_uncertain_as_their_few_orders(seed):
    frame, book, truth = uneven(4_000, seed)
    result = rate(frame, moments(book), FLOOR)
    covered = (result["roi_low"] <= truth) & (truth <= result["roi_high"])
    first = result["roi_rank"] <= 200
    assert 0.75 <= covered.mean() <= 0.97
    assert covered[first].mean() >= 0.65
    assert (truth < result["roi_low"])[first].mean() <= 0.15, "the cautious end must be cautious where it matters most"
    alike = rate(frame.drop(columns="margin_squared"), moments(book), FLOOR)
    narrow = (alike["roi_low"] <= truth) & (truth <= alike["roi_high"])
    assert covered[first].mean() > narrow[alike["roi_rank"] <= 200].mean()


def test_every_rank_lies_in_its_interval_and_the_interval_is_what_replicates_of_the_ranking_give(company):
    frame, _, _, result = company
    assert ((result["rank_low"] <= result["roi_rank"]) & (result["roi_rank"] <= result["rank_high"])).all()
    deviation = (result["roi_high"] - result["roi_low"]) / (2 * NormalDist().inv_cdf(0.9))
    rng = np.random.default_rng(8)
    drawn = result["roi_low"].to_numpy() + deviation.to_numpy() * rng.standard_normal((2_000, len(frame)))
    ranks = (-drawn).argsort(axis=1).argsort(axis=1) + 1
    low, high = np.quantile(ranks, [0.1, 0.9], axis=0)
    assert np.abs(result["rank_low"] - low).median() < 0.03 * len(frame)
    assert np.abs(result["rank_high"] - high).median() < 0.03 * len(frame)


PLANTED = [(600, 0.8, (40, 400)), (600, 0.4, (40, 400)), (600, 0.8, (5, 40))]


@pytest.mark.parametrize(("customers", "spread", "cost"), PLANTED)
def test_four_of_five_intervals_hold_the_true_roi_and_places(customers, spread, cost):
    """80 % intervals against planted truth, over five companies each: the Monte-Carlo error of the mean is below 1 %."""
    roi, rank = [], []
    for seed in range(5):
        frame, book, truth = planted(customers, spread, seed, cost)
        result = rate(frame, moments(book), FLOOR)
        place = np.empty(customers)
        place[np.argsort(-truth, kind="stable")] = np.arange(1, customers + 1)
        roi.append(((result["roi_low"] <= truth) & (truth <= result["roi_high"])).mean())
        rank.append(((result["rank_low"] <= place) & (place <= result["rank_high"])).mean())
    assert 0.72 <= np.mean(roi) <= 0.90
    assert np.mean(rank) >= 0.70


def test_customers_who_do_not_differ_are_not_said_to():
    """With no true spread at all the intervals are cautious: they hold the truth at least as often as promised."""
    covered, apart = [], []
    for seed in range(5):
        frame, book, truth = planted(300, 0.0, seed)
        result = rate(frame, moments(book), FLOOR)
        covered.append(((result["roi_low"] <= truth) & (truth <= result["roi_high"])).mean())
        apart.append(
            result.groupby(frame["segment"])["roi_shrunk"].std().mean()
            / result.groupby(frame["segment"])["roi"].std().mean()
        )
    assert np.mean(covered) >= 0.80
    assert np.mean(apart) < 0.5


def test_shrunken_roi_is_closer_to_the_truth_than_the_raw_one():
    raw, shrunk = [], []
    for seed in range(5):
        frame, book, truth = planted(300, 0.4, seed, cost=(5, 80))
        result = rate(frame, moments(book), FLOOR)
        raw.append(((result["roi"] - truth) ** 2).mean())
        shrunk.append(((result["roi_shrunk"] - truth) ** 2).mean())
    assert np.mean(shrunk) < 0.8 * np.mean(raw)


def test_interval_is_as_wide_as_a_poisson_bootstrap_of_the_orders(company):
    """Every order is drawn Poisson(1) times, 500 times over; compared where orders alone tell enough to shrink little."""
    frame, book, _, result = company
    rng = np.random.default_rng(5)
    weighted = rng.poisson(1.0, (500, len(book))) * book["margin"].to_numpy()
    sums = np.stack([np.bincount(book["buyer"], row, len(frame)) for row in weighted])
    half = NormalDist().inv_cdf(0.9) * (sums / frame["cost"].to_numpy()).std(axis=0)
    enough = frame["orders"].to_numpy() >= 10
    ratio = ((result["roi_high"] - result["roi_low"]) / 2 / half)[enough]
    assert enough.sum() > 100
    assert 0.7 <= ratio.median() <= 1.4


def test_chances_of_being_among_the_best_tenth_add_up_to_a_tenth(company):
    result = company[3]
    assert result["p_top_decile"].between(0, 1).all()
    assert result["p_top_decile"].mean() == pytest.approx(0.1, abs=0.01)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    """Equal customer by customer: figures up to rounding, ranks exactly, ends of rank intervals up to one place."""
    one, other = (frame.set_index("customer_id").sort_index() for frame in (one, other))
    pd.testing.assert_frame_equal(one[FIGURES], other[FIGURES], rtol=1e-9)
    pd.testing.assert_frame_equal(one[PLACES], other[PLACES])
    assert ((one[["rank_low", "rank_high"]] - other[["rank_low", "rank_high"]]).abs() <= 1).all(axis=None)


def test_currency_times_a_hundred_leaves_every_roi_and_rank(company):
    frame, book, _, result = company
    cents = frame.assign(margin=frame["margin"] * 100, cost=frame["cost"] * 100)
    same(result, rate(cents, moments(book.assign(margin=book["margin"] * 100)), FLOOR * 100))


def test_order_of_the_rows_changes_nothing(company):
    frame, book, _, result = company
    same(result, rate(frame.sample(frac=1, random_state=3).reset_index(drop=True), moments(book)[::-1], FLOOR))


def test_running_again_gives_the_same_bits(company):
    frame, book, _, result = company
    pd.testing.assert_frame_equal(result, rate(frame, moments(book), FLOOR), check_exact=True)


def test_customers_without_cost_change_nobody_else(company):
    frame, book, _, result = company
    free = pd.DataFrame(
        {"customer_id": [f"Z{i}" for i in range(50)], "segment": "home", "margin": 1e6, "cost": 0.0, "orders": 7}
    )
    with_free = rate(pd.concat([free, frame], ignore_index=True), moments(book), FLOOR)
    assert with_free["roi"].isna().sum() == len(free)
    kept = with_free[with_free["customer_id"].isin(frame["customer_id"])].reset_index(drop=True)
    columns = [name for name in result if name != "margin_rank"]
    pd.testing.assert_frame_equal(kept[columns], result[columns], check_exact=True)


def test_segment_roi_is_a_ratio_of_sums_not_a_mean_of_ratios():
    """One large customer at ROI 0 and one small at ROI 9: a segment without further knowledge is drawn to 0.09, not 4.5."""
    two = few(customer_id=["large", "small"], margin=[1000.0, 100.0], cost=[1000.0, 10.0], orders=[0, 0])
    vague = pd.DataFrame({"segment": ["home"], "orders": [1], "margin_squared": [1e12]})
    assert rate(two, vague, FLOOR)["roi_shrunk"].iloc[1] == pytest.approx(90 / 1010, abs=0.02)
