"""Rhythm and payback of one customer, against what a person counts on a calendar and a sheet of paper."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from statistics import median

import pandas as pd
import pytest

from models.payback import payback, running
from models.rhythm import rhythm

AS_OF = date(2026, 3, 31)


def days(*apart: int, since: date = date(2026, 1, 1)) -> list[date]:
    """Order days so many days apart."""
    found = [since]
    for gap in apart:
        found.append(found[-1] + timedelta(days=gap))
    return found


def test_the_usual_gap_is_the_median_of_the_gaps():
    beat = rhythm(days(10, 20, 30, 40), date(2026, 4, 12))
    assert beat.usual == median([10, 20, 30, 40]) == 25
    assert (beat.order_days, beat.last, beat.since) == (5, date(2026, 4, 11), 1)


def test_several_orders_on_a_day_are_one_and_their_order_does_not_matter():
    once = rhythm(days(10, 20, 30), AS_OF)
    assert rhythm([*days(10, 20, 30)[::-1], *days(10, 20, 30)], AS_OF) == once


def test_the_window_holds_the_usual_day_and_lies_inside_the_customers_own_extremes():
    gaps = (5, 9, 12, 14, 30)
    beat = rhythm(days(*gaps), AS_OF)
    first, last = beat.window
    assert first <= beat.last + timedelta(days=beat.usual) <= last
    assert min(gaps) <= (first - beat.last).days and (last - beat.last).days <= max(gaps)


def test_a_clockwork_customer_is_expected_on_one_day_and_late_the_day_after():
    orders = days(7, 7, 7, 7)
    due = orders[-1] + timedelta(days=7)
    assert rhythm(orders, due).window == (due, due)
    assert not rhythm(orders, due).late
    assert rhythm(orders, due + timedelta(days=1)).late


@pytest.mark.parametrize("orders", [days(), days(10), days(10, 20)])
def test_fewer_than_three_gaps_are_no_rhythm(orders):
    beat = rhythm(orders, AS_OF)
    assert beat.usual is None and beat.window is None and not beat.late


def test_without_an_order_there_is_nothing_to_say():
    assert rhythm([], AS_OF) is None


def story(*steps: tuple[int, str, str]) -> pd.DataFrame:
    """Events: day of January, margin, cost."""
    return pd.DataFrame(
        [(pd.Timestamp(2026, 1, day), float(margin), float(cost)) for day, margin, cost in steps],
        columns=["occurred_at", "margin", "cost"],
    )


def test_the_running_total_is_exact_and_has_one_row_a_moment():
    run = running(story((2, "0.10", "0"), (1, "0.10", "0"), (2, "0.10", "0")))
    assert list(run["occurred_at"].dt.day) == [1, 2]
    assert list(run["total"]) == [Decimal("0.10"), Decimal("0.30")]  # floats would give 0.30000000000000004


def test_paid_back_is_the_day_from_which_it_never_was_in_the_red_again():
    back = payback(running(story((1, "0", "10"), (2, "15", "0"), (3, "0", "20"), (5, "40", "0"), (9, "0", "1"))))
    assert (back.at, back.was_below, back.ends) == (pd.Timestamp(2026, 1, 5), True, Decimal(24))


def test_coming_back_to_exactly_nothing_is_paid_back():
    assert payback(running(story((1, "0", "10"), (4, "10", "0")))).at == pd.Timestamp(2026, 1, 4)


def test_a_customer_who_ends_in_the_red_has_not_paid_back():
    back = payback(running(story((1, "5", "0"), (2, "0", "5.0001"))))
    assert (back.at, back.was_below, back.ends) == (None, True, Decimal("-0.0001"))


def test_a_customer_who_never_was_in_the_red_had_nothing_to_pay_back():
    back = payback(running(story((1, "5", "0"), (2, "0", "5"))))
    assert (back.at, back.was_below) == (pd.Timestamp(2026, 1, 1), False)


def test_no_event_is_no_money():
    assert payback(running(story())) == payback(pd.DataFrame({"occurred_at": [], "total": []}))
    assert payback(running(story())).ends == 0
