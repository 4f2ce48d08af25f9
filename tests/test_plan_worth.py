"""What a plan's contacts are worth, from customers drawn at random: the formula once more, and whom it may count."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from data import plan, plan_rows, plan_words
from data.plan_worth import prices_of, worth
from data.view import EVERYTHING, View
from models import assign_arm, assignment, explore, policy_value
from tests.plan_company import NOW, Company, people
from tests.test_plan import QUIET, agreed

CHANNELS = {"email": (Decimal("0.05"), None, 0, True), "mail": (Decimal("1.25"), None, 0, False)}
MEN, TREATED = 2_000, 0.5


def company(effect: float, seed: int = 1) -> tuple[Company, list[tuple]]:
    """Mail truly adds `effect` to whoever gets it; e-mail is worth less to everybody and was never tested."""
    rng = np.random.default_rng(seed)
    customers = people(MEN)
    tested = []
    for key in customers:
        treated = bool(rng.random() < TREATED)
        outcome = float(rng.normal(10, 5)) + effect * treated
        tested.append(("X", key, "mail", treated, TREATED, outcome, 10.0, 10.0 + effect, effect))
    effects = {(key, "mail"): effect for key in customers} | {(key, "email"): 0.06 for key in customers}
    return Company(CHANNELS, customers, effects, agreed(customers, "email"), tested=tested), tested


def measured(built, policy=QUIET):
    found = plan.candidates(built, View(EVERYTHING), None, assign_arm, policy, NOW)
    done = plan_rows.solve(found, policy, assignment, explore)
    return done, worth(done, plan.tested(built, View(EVERYTHING)), policy_value)


def test_the_worth_is_the_doubly_robust_mean_written_out_once_more(tmp_path):
    made, tested = company(3.0)
    done, (one,) = measured(made.build(tmp_path))
    scores = [
        (w1 - w0) + ((y - w1) / p if treated else -(y - w0) / (1 - p)) - 1.25
        for _, _, _, treated, p, y, w0, w1, _ in tested
    ]
    assert (one.channel, one.rows, one.tested) == ("mail", MEN, MEN)
    assert one.value.value == pytest.approx(np.mean(scores), abs=1e-9)
    half = 1.959964 * np.std(scores, ddof=1) / math.sqrt(MEN)
    assert one.value.high - one.value.value == pytest.approx(half, rel=1e-3)
    assert one.value.low < 3.0 - 1.25 < one.value.high
    said = "\n".join(plan_words.told(done, [one], "EUR", False))
    assert f"Mail: a contact of this plan is worth {one.value.value:,.2f} EUR after its cost" in said


def test_who_refuses_the_channel_or_is_outside_the_scope_is_not_counted(tmp_path):
    made, _ = company(3.0)
    against = [(key, "mail", "marketing", False, 5.0) for key in list(made.customers)[:900]]
    made = replace(made, consents=[*made.consents, *against])
    gone = list(made.customers)[-50:]
    made.customers = {key: about for key, about in made.customers.items() if key not in gone}  # type: ignore[misc]
    made.effects = {pair: value for pair, value in made.effects.items() if pair[0] not in gone}
    made.consents = [one for one in made.consents if one[0] not in gone]
    _, (one,) = measured(made.build(tmp_path))
    assert (one.rows, one.tested) == (MEN - 900 - 50, MEN - 50)


def test_whom_the_tests_own_contacts_make_wait_counts_like_the_held_out(tmp_path):
    made, tested = company(3.0)
    _, (before,) = measured(made.build(tmp_path / "before"))
    letters = [(key, "mail", 10.0, "out", "treatment") for _, key, _, treated, *_ in tested if treated]
    waiting = replace(made, channels=CHANNELS | {"mail": (Decimal("1.25"), None, 30, False)}, contacts=letters)
    done, (after,) = measured(waiting.build(tmp_path / "after"))
    assert (done.found.refusal == plan.CODE["too soon"]).sum() == len(letters) > 0
    assert (after.rows, after.value) == (before.rows, before.value)


def test_a_channel_that_the_plan_would_not_use_is_not_measured(tmp_path):
    made, _ = company(1.0)  # below the cost of a letter
    done, (one,) = measured(made.build(tmp_path))
    assert one.rows == 0 and math.isnan(one.value.value)
    assert "Mail: not measured" in "\n".join(plan_words.told(done, [one], "EUR", False))


def test_the_better_channel_at_the_plans_prices_is_the_one_that_counts(tmp_path):
    made, _ = company(3.0)
    made.effects = made.effects | {(key, "email"): 9.0 for key in list(made.customers)[:500]}
    _, (one,) = measured(made.build(tmp_path))
    assert one.rows == MEN - 500


def test_a_price_of_the_budget_leaves_out_whom_the_plan_leaves_out(tmp_path):
    made, _ = company(3.0)
    values = np.linspace(1.0, 5.0, MEN)
    made.effects = {(key, "mail"): float(value) for key, value in zip(made.customers, values)}
    made.tested = [(*row[:8], float(value)) for row, value in zip(made.tested, values)]
    done, (one,) = measured(made.build(tmp_path), QUIET.but(budget=Decimal("625.00")))
    assert int(done.plan.contacts.sum()) == 500
    assert abs(one.rows - 500) <= 1  # whoever is at the margin may be on either side of it


def test_the_least_return_is_a_price_like_any_other():
    prices = assignment.Prices(0.4, (0.0, 1.2), 0.5)
    money, room = prices_of(prices, 2.0)
    # (1 + 0.5) effect - cost (1 + 0.4 + 0.5 * (1 + 2)) - room > 0, divided by 1 + 0.5
    assert 1 + money == pytest.approx((1 + 0.4 + 0.5 * 3.0) / 1.5)
    assert room == pytest.approx([0.0, 0.8])


def test_no_random_contacts_means_nothing_is_proven(tmp_path):
    made, _ = company(3.0)
    done, none = measured(replace(made, tested=[]).build(tmp_path))
    assert none == []
    assert "nothing here is proven" in "\n".join(plan_words.told(done, none, "EUR", True))
