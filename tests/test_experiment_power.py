"""Planning a campaign: textbook sizes, inverses of each other, and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from models.campaign_roi import campaign_roi
from models.experiment import arm_of, welch
from models.power import (
    customers_needed,
    days_needed,
    holdout_cost,
    holdout_needed,
    planned_error,
    power_of,
    smallest_effect,
    smallest_proven_effect,
)


@pytest.mark.parametrize(("d", "each"), [(0.2, 393), (0.5, 63), (0.8, 25)])
def test_sizes_are_those_of_the_textbook_for_small_medium_and_large_effects(d, each):
    """Two-sided 5 %, power 80 %: 2 (1.96 + 0.8416)²/d² in each of two equal arms (Cohen 1988 has 1 more, for t)."""
    assert customers_needed(d, 1, 0.5) == pytest.approx(2 * each, abs=1)


def test_the_smallest_effect_is_found_in_four_of_five_campaigns_and_the_smallest_proven_one_is_a_proven_gain():
    """3,000 campaigns each, Monte-Carlo standard error .0073."""
    rng, treated, control, sd, margin, each = np.random.default_rng(1), 600, 200, 8.0, 0.4, 0.5
    plain = smallest_effect(treated, control, sd**2)
    proven = smallest_proven_effect(treated, control, sd**2, margin, each)
    found = gained = 0
    for _ in range(3_000):
        y, z = rng.gamma(4, sd / 2, treated), arm_of(rng.gamma(4, sd / 2, control))
        found += welch(arm_of(y + plain), z).low > 0
        gained += campaign_roi(welch(arm_of(y + proven), z), margin, each * treated).net_low > 0
    assert abs(found / 3_000 - 0.8) < 3 * 0.0073
    assert abs(gained / 3_000 - 0.8) < 3 * 0.0073


def test_power_of_the_smallest_effect_is_the_power_asked_for():
    for power in (0.5, 0.8, 0.95):
        effect = smallest_effect(900, 100, 25, alpha=0.1, power=power)
        assert power_of(effect, planned_error(900, 100, 25), alpha=0.1) == pytest.approx(power, rel=1e-12)
    assert power_of(0, 1) == pytest.approx(0.025) and power_of(-3, 1) == power_of(3, 1)


def test_power_is_that_of_the_normal_distribution_written_out():
    assert power_of(2.5, 1) == pytest.approx(1 - norm.cdf(1.959963985 - 2.5), rel=1e-8)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_customers_needed_are_the_fewest_that_show_the_effect(share):
    n = customers_needed(0.3, 40, share, ratio=0.9)
    assert smallest_effect(n * (1 - share), n * share, 40, ratio=0.9) <= 0.3 * (1 + 1e-9)
    fewer = n - 1
    assert smallest_effect(fewer * (1 - share), fewer * share, 40, ratio=0.9) > 0.3


def test_the_holdout_needed_is_the_smallest_that_shows_the_effect():
    share = holdout_needed(40_000, 0.3, 40)
    assert 0 < share < 0.5
    assert smallest_effect(40_000 * (1 - share), 40_000 * share, 40) == pytest.approx(0.3, rel=1e-9)
    assert holdout_needed(10_000, 0.3, 40) is None  # 13,954 with an even split
    assert customers_needed(0.3, 40, 0.5) == 13_954
    assert holdout_needed(10_000, 0, 40) is None


def test_adjustment_that_halves_the_variance_halves_the_customers():
    assert customers_needed(0.5, 1, 0.5, ratio=0.5) == pytest.approx(customers_needed(0.5, 1, 0.5) / 2, abs=1)


def test_the_holdout_costs_the_margin_its_customers_would_have_brought():
    assert holdout_cost(1_000, effect=0.8, margin=0.5, cost_each=0.1) == pytest.approx(300)
    assert holdout_cost(1_000, effect=0.1, margin=0.5, cost_each=0.1) == pytest.approx(-50)


def test_days_run_until_the_window_of_the_last_customer_needed_has_passed():
    needed = customers_needed(0.3, 40, 0.2)
    assert days_needed(0.3, 40, 0.2, window=30, audience=needed).days == 30
    assert days_needed(0.3, 40, 0.2, window=30, audience=needed - 1).days is None
    joining = days_needed(0.3, 40, 0.2, window=30, audience=needed - 1_001, a_day=100)
    assert (joining.days, joining.needed) == (41, needed)  # eleven days of 100, and the window
    assert days_needed(0.3, 40, 0.2, window=30, a_day=needed).days == 31


def test_what_cannot_be_planned_is_refused():
    with pytest.raises(ValueError, match="shows nothing"):
        customers_needed(0, 1, 0.5)
    with pytest.raises(ValueError, match="shows nothing"):
        customers_needed(1, 1, 1)
    with pytest.raises(ValueError, match="Both arms need customers"):
        smallest_effect(100, 0, 1)
    with pytest.raises(ValueError, match="power between"):
        smallest_effect(100, 100, 1, power=1)
