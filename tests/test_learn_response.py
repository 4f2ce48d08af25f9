"""Learning who answers: planted customers, what was known when, companies about which little is known."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.learners import response
from data.learners.known import Known, at
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH
from models.beta_binomial import BetaBinomial

CUT, HORIZON = date(2026, 6, 30), 90
KNOWN = Known(1.0, CUT, HORIZON, False, frozenset({"contacts.response_kind"}))
COLUMNS = ("customer_id", "channel", "day", "known_day", "contacts", "responses", "cost")


def store(rows: pd.DataFrame) -> duckdb.DuckDBPyConnection:
    """contact_day with these rows."""
    con = duckdb.connect()
    con.register("rows", rows)
    con.execute(
        "create table contact_day as select customer_id::varchar as customer_id, channel::varchar as channel, "
        "day::date as day, known_day::date as known_day, contacts::integer as contacts, "
        "responses::integer as responses, cost::decimal(18, 4) as cost from rows"
    )
    return con


def planted(seed: int, customers: int = 1_500, a: float = 0.5, b: float = 9.5):
    """One row a contact, answers known on the same day, and each customer's true rate."""
    rng = np.random.default_rng(seed)
    rate = rng.beta(a, b, customers)
    who = np.repeat(np.arange(customers), 1 + rng.poisson(10, customers))
    day = np.array([CUT - timedelta(days=int(ago)) for ago in rng.integers(0, 700, len(who))])
    rows = pd.DataFrame({"customer_id": [f"C{i:05}" for i in who], "channel": "email", "day": day, "known_day": day})
    rows["contacts"], rows["responses"], rows["cost"] = 1, (rng.random(len(who)) < rate[who]).astype(int), 0.05
    return rows, rate


@pytest.fixture(scope="module")
def world():
    rows, rate = planted(1)
    return rows, rate, response.learn(store(rows), KNOWN)


def test_rates_are_those_of_the_model_on_each_channels_counts(world):
    rows, _, learnt = world
    counts = rows.groupby("customer_id")[["contacts", "responses"]].sum()
    frame = learnt.frame.set_index("customer_id")
    assert (frame["sent"] == counts["contacts"]).all() and (frame["answered"] == counts["responses"]).all()
    model = BetaBinomial().fit(counts["responses"], counts["contacts"])
    rate, low, high = model.interval(counts["responses"], counts["contacts"])
    np.testing.assert_allclose(frame[["rate", "rate_low", "rate_high"]], np.column_stack([rate, low, high]), rtol=1e-9)


def test_intervals_hold_the_true_rates_and_few_are_called_high_wrongly(world):
    _, rate, learnt = world
    frame = learnt.frame
    # 1,500 customers: three standard errors are .023
    assert ((frame["rate_low"] <= rate) & (rate <= frame["rate_high"])).mean() == pytest.approx(0.9, abs=0.03)
    high = (frame["response_state"] == "high").to_numpy()
    assert high.sum() > 50 and (rate[high] <= 0.075).mean() <= 0.2
    naive = (frame["answered"] / frame["sent"] > 0.075).to_numpy()
    assert (rate[naive] <= 0.075).mean() > 0.35


def test_flags_and_costs_add_up(world):
    frame = world[2].frame
    flags = frame[["high_responders", "low_responders", "unsure_responders"]]
    assert (flags.sum(axis=1) == frame["reached"]).all() and (frame["reached"] == 1).all()
    low = frame["response_state"] == "low"
    cost = frame["unresponsive_cost"].astype(float)
    np.testing.assert_allclose(cost[low], 0.05 * frame.loc[low, "sent"])
    assert not cost[~low].any()
    assert duckdb.sql("select typeof(any_value(unresponsive_cost)) from frame").fetchall() == [("DECIMAL(18,4)",)]


def test_the_card_says_how_the_rates_did_on_later_contacts(world):
    rows, _, learnt = world
    card = learnt.cards[0]
    assert (card.model, card.state, card.customers) == ("responsiveness", IN_USE, 1_500)
    loss = {row["candidate"]: row["value"] for row in card.backtest if row["measure"] == "log loss"}
    assert loss["empirical Bayes"] < loss["channel's rate"] < loss["raw rate"]
    # the channel's rate, worked out without any of ours
    before, until = date(2026, 3, 2), date(2026, 5, 31)  # 120 and 30 days
    early = rows[(rows["day"] <= before) & (rows["day"] > date(2024, 3, 2))]
    later = rows[(rows["day"] > before) & (rows["day"] <= until)]
    p = early["responses"].sum() / early["contacts"].sum()
    by_hand = -np.mean(np.where(later["responses"] == 1, np.log(p), np.log(1 - p)))
    assert loss["channel's rate"] == pytest.approx(by_hand, rel=1e-9)
    brier = {row["candidate"]: row["value"] for row in card.backtest if row["measure"] == "Brier"}
    assert brier["channel's rate"] == pytest.approx(np.mean((later["responses"] - p) ** 2), rel=1e-9)
    assert sum(row["customers"] for row in card.calibration) == later["customer_id"].nunique()
    assert {row["name"]: row["passed"] for row in card.check}["calibrated"] is True
    assert "would call" in next(row["words"] for row in card.check if row["name"] == "few called high wrongly")


def test_customers_who_are_all_alike_are_not_told_apart():
    rows, _ = planted(3, a=500, b=9_500)
    learnt = response.learn(store(rows), KNOWN)
    assert set(learnt.frame["response_state"]) == {"not enough evidence"}
    assert learnt.frame["rate"].max() < 0.1  # the raw rate of the luckiest is above 0.3
    differ = next(row for row in learnt.cards[0].check if row["name"] == "email: customers differ")
    assert not differ["passed"] and "No evidence that customers respond differently" in differ["words"]


def test_where_own_rates_do_worse_everybody_gets_the_channels():
    """Those who used to answer have stopped, and the others have begun."""
    rows, rate = planted(4)
    loud = {f"C{i:05}" for i in np.flatnonzero(rate > 0.05)}
    late = rows["day"] > date(2026, 3, 2)
    rng = np.random.default_rng(1)
    flipped = np.where(rows["customer_id"].isin(loud), 0, rng.random(len(rows)) < 0.1).astype(int)
    rows["responses"] = rows["responses"].where(~late, flipped)
    learnt = response.learn(store(rows), KNOWN)
    assert learnt.cards[0].state == BASELINE
    assert learnt.frame["rate"].nunique() == 1 and set(learnt.frame["response_state"]) == {"not enough evidence"}


def test_nothing_later_than_the_cut_off_changes_anything(world):
    rows, _, learnt = world
    after = rows.sample(300, random_state=1).assign(day=CUT + timedelta(days=1), known_day=CUT + timedelta(days=3))
    told_late = rows.sample(300, random_state=2).assign(known_day=CUT + timedelta(days=1), responses=1)
    again = response.learn(store(pd.concat([after, rows, told_late]).sample(frac=1, random_state=3)), KNOWN)
    pd.testing.assert_frame_equal(again.frame, learnt.frame, check_exact=True)
    assert again.cards[0].__dict__ == learnt.cards[0].__dict__


def test_answers_have_a_month_to_come_before_they_are_missed():
    """Everybody answers three weeks late: what the backtest counts is complete all the same."""
    rows, _ = planted(8, 400, 5.0, 5.0)
    answers = rows[rows["responses"] == 1].assign(contacts=0, cost=0.0)
    answers["known_day"] = [day + timedelta(days=21) for day in answers["day"]]
    card = response.learn(store(pd.concat([rows.assign(responses=0), answers])), KNOWN).cards[0]
    seen = sum(row["observed"] for row in card.calibration) / len(card.calibration)
    assert seen == pytest.approx(0.5, abs=0.05)


def test_contacts_older_than_two_years_do_not_count_and_answers_count_from_when_they_came():
    rows = pd.DataFrame(
        [
            ("A", "mail", date(2024, 6, 30), date(2024, 6, 30), 1, 1, 1.0),
            ("A", "mail", date(2024, 7, 1), date(2024, 7, 1), 1, 0, 1.0),
            ("A", "mail", date(2026, 6, 1), date(2026, 6, 1), 1, 0, 1.0),
            ("A", "mail", date(2026, 6, 1), date(2026, 6, 20), 0, 1, 0.0),
            ("B", "mail", date(2026, 6, 1), date(2026, 6, 20), 0, 0, 0.0),
        ],
        columns=COLUMNS,
    )
    con = store(rows)
    now, then = (at(con, "response", day)[["customer_id", "sent", "answered"]] for day in (CUT, date(2026, 6, 19)))
    assert now.to_numpy().tolist() == [["A", 2, 1]]
    assert then.to_numpy().tolist() == [["A", 3, 1]]  # the oldest answer still counts, the newest is not known yet


@pytest.mark.parametrize(
    ("keep", "answers", "state"),
    [(0, "none", NOT_ENOUGH), (1, "none", IN_USE), (30, "none", IN_USE), (30, "all", IN_USE), (30, "own", IN_USE)],
)
def test_little_known_gives_pooled_rates_not_blanks(keep, answers, state):
    rows, _ = planted(6)
    rows = rows[rows["customer_id"] < f"C{keep:05}"]
    if answers != "own":
        rows = rows.assign(responses=int(answers == "all"))
    learnt = response.learn(store(rows), KNOWN)
    frame = learnt.frame
    assert learnt.cards[0].state == state and len(frame) == keep
    assert frame[["rate", "rate_low", "rate_high"]].notna().all(axis=None)
    assert ((frame["rate_low"] < frame["rate"]) & (frame["rate"] < frame["rate_high"])).all()
    if answers != "own":
        assert (frame["response_state"] == "not enough evidence").all()
