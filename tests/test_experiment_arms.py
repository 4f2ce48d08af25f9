"""Arms against the published vectors of the hash, and against what a fair draw does."""

from __future__ import annotations

import time
from hashlib import sha256

import numpy as np
import pytest
from scipy.stats import chi2_contingency, chisquare

from models.assign_arm import (
    ARMS,
    CONTROL,
    EXPLORATION,
    GLOBAL_HOLDOUT,
    TREATED,
    Shares,
    assign,
    buckets_of,
    held_out,
    salt_of,
)
from models.experiment import sample_ratio

SECRET = "a secret of the company, long enough"
SALT = salt_of(SECRET, "spring mailing")
CUSTOMERS = [f"c{i:06}" for i in range(200_000)]


@pytest.fixture(scope="module")
def bucket():
    return buckets_of(SALT, CUSTOMERS)


def test_the_hash_is_that_of_rfc_4231():
    digest = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert buckets_of("\x0b" * 20, ["Hi There"]).tolist() == [int(digest, 16) % 10_000]


def test_the_hash_is_the_one_of_rfc_2104_written_out(bucket):
    inner, outer = (bytes(b ^ pad for b in SALT.encode().ljust(64, b"\0")) for pad in (0x36, 0x5C))
    for row in (0, 1, 777, 199_999):
        digest = sha256(outer + sha256(inner + CUSTOMERS[row].encode()).digest()).hexdigest()
        assert bucket[row] == int(digest, 16) % 10_000


def test_arms_are_the_same_on_every_machine_and_in_every_version():
    names = ["customer 1", "customer 2", "Kundin 3 – ä", "客户"]
    assert buckets_of("0123456789abcdef", names).tolist() == [7885, 8231, 4245, 2458]
    assert salt_of(SECRET, GLOBAL_HOLDOUT)[:16] == "44f4987737ce9e0e"


def test_arms_are_uniform_over_a_thousand_buckets(bucket):
    assert chisquare(np.bincount(bucket // 10, minlength=1_000)).pvalue > 0.001
    assert chisquare(np.bincount(bucket % 1_000, minlength=1_000)).pvalue > 0.001


@pytest.mark.parametrize("other", ["summer mailing", GLOBAL_HOLDOUT])
def test_arms_under_two_salts_are_independent(bucket, other):
    second = buckets_of(salt_of(SECRET, other), CUSTOMERS)
    table = np.bincount(bucket // 500 * 20 + second // 500, minlength=400).reshape(20, 20)
    assert chi2_contingency(table).pvalue > 0.001


def test_an_arm_depends_on_the_customer_alone(bucket):
    order = np.random.default_rng(1).permutation(len(CUSTOMERS))[:500]
    assert (buckets_of(SALT, [CUSTOMERS[i] for i in order]) == bucket[order]).all()


def test_every_arm_gets_its_share_and_the_probability_with_which_it_was_drawn():
    drawn = assign(SALT, CUSTOMERS, Shares(control=0.2, exploration=0.1))
    n = len(CUSTOMERS)
    for arm, share in ((CONTROL, 0.2), (EXPLORATION, 0.1), (TREATED, 0.7)):
        mine = drawn.arm == arm
        assert abs(mine.sum() - n * share) < 4 * np.sqrt(n * share * (1 - share))
        assert (drawn.p_assign[mine] == share).all()
    assert ((drawn.arm == CONTROL) == (drawn.bucket < 2_000)).all()
    assert ((drawn.arm == TREATED) == (drawn.bucket >= 3_000)).all()
    counts = [(drawn.arm == arm).sum() for arm in ARMS]
    assert not sample_ratio(counts, [0.2, 0.1, 0.7]).broken


def test_strata_change_shares_and_not_the_draw():
    customers, strata = CUSTOMERS[:20_000], np.where(np.arange(20_000) % 3 == 0, "large", "small")
    drawn = assign(SALT, customers, {"large": Shares(0.5), "small": Shares(0.1), "unused": Shares(1)}, strata)
    alone = assign(SALT, customers, Shares(0.1))
    small = strata == "small"
    assert (drawn.bucket == alone.bucket).all()
    assert (drawn.arm[small] == alone.arm[small]).all()
    assert set(drawn.p_assign[small]) == {0.1, 0.9} and set(drawn.p_assign[~small]) == {0.5}
    assert ((drawn.arm == CONTROL)[~small] == (drawn.bucket[~small] < 5_000)).all()


def test_a_larger_control_keeps_everybody_who_was_held_out():
    small, large = (held_out(SALT, CUSTOMERS[:20_000], share) for share in (0.05, 0.1))
    assert large[small].all() and 800 < small.sum() < large.sum()


def test_nobody_is_held_out_of_a_share_of_nothing_and_everybody_of_one():
    assert not held_out(SALT, CUSTOMERS[:1_000], 0).any()
    assert held_out(SALT, CUSTOMERS[:1_000], 1).all()
    assert assign(SALT, [], Shares(0.2)).arm.size == 0


def test_draws_under_many_salts_pass_the_sample_ratio_check():
    """Under a fair draw p is uniform: of 300, 15 ± 3.8 lie below .05, and one in 1,000 below .001."""
    p = []
    for i in range(300):
        control = (buckets_of(salt_of(SECRET, f"test {i}"), CUSTOMERS[:1_000]) < 3_000).sum()
        p.append(sample_ratio([control, 1_000 - control], [0.3, 0.7]).p)
    assert abs((np.array(p) < 0.05).sum() - 15) < 3 * 3.8
    assert (np.array(p) < 0.001).sum() <= 3


def test_a_million_customers_take_seconds():
    start = time.process_time()
    assign(SALT, CUSTOMERS, Shares(0.2, 0.1))
    assert (time.process_time() - start) * 5 < 10  # measured: 2 s of processor time


@pytest.mark.parametrize("shares", [Shares(-0.1), Shares(0.9, 0.2), Shares(0.00005), Shares(1.1)])
def test_shares_that_cannot_be_are_refused(shares):
    with pytest.raises(ValueError, match="Shares of an audience"):
        assign(SALT, ["a"], shares)


@pytest.mark.parametrize("customers", [["a", None], ["a", float("nan")], ["a", 7], ["a", ""]])
def test_a_customer_without_a_key_is_refused(customers):
    with pytest.raises(ValueError, match="Row 1 holds"):
        buckets_of(SALT, customers)


def test_a_salt_that_can_be_guessed_and_strata_that_were_not_planned_are_refused():
    with pytest.raises(ValueError, match="at least 16 characters"):
        buckets_of("short", ["a"])
    with pytest.raises(ValueError, match=r"'new'. Known: old"):
        assign(SALT, ["a"], {"old": Shares(0.1)}, ["new"])
    with pytest.raises(ValueError, match="need the stratum"):
        assign(SALT, ["a"], {"old": Shares(0.1)})
    with pytest.raises(ValueError, match="1 customers, but strata of 2"):
        assign(SALT, ["a"], {"old": Shares(0.1)}, ["old", "old"])
