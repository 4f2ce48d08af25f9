"""Learning what customers are like: rhythms, stages, groups and differences worked out another way."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.learners import profile
from data.learners.known import Known
from data.learners.profile_groups import CONTINUUM, ONCE
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH
from models.rfm import rfm
from models.rhythm import rhythm

CUT, HORIZON = date(2026, 6, 30), 90
KNOWN = Known(1.0, CUT, HORIZON, False, frozenset())


def ago(days: int) -> date:
    return CUT - timedelta(days=int(days))


def store(purchases: pd.DataFrame, contacts: pd.DataFrame | None = None, customers: dict | None = None):
    """The tables the learner reads. customers: customer_id -> (segment, ended_at), beside those who bought."""
    con = duckdb.connect()
    if contacts is None:
        contacts = pd.DataFrame({"customer_id": ["nobody"], "day": [CUT], "known_day": [CUT], "contacts": [0]})
    con.register("bought", purchases)
    con.register("reached", contacts.assign(responses=contacts.get("responses", 0), service=contacts.get("service", 0)))
    con.execute(
        "create table purchase_day as select customer_id::varchar as customer_id, day::date as day, "
        "known_day::date as known_day, revenue::decimal(18, 4) as revenue, (0.4 * revenue)::decimal(18, 4) as margin, "
        "purchases::integer as purchases from bought"
    )
    con.execute(
        "create table contact_day as select customer_id::varchar as customer_id, 'email' as channel, day::date as day, "
        "known_day::date as known_day, contacts::integer as contacts, responses::integer as responses, "
        "service::integer as service_contacts from reached"
    )
    known = dict.fromkeys(purchases["customer_id"], ("all", None)) | (customers or {})
    rows = pd.DataFrame(
        [(key, *values) for key, values in known.items()], columns=["customer_id", "segment", "ended_at"]
    )
    con.register("rows", rows)
    con.execute("create table customer_total as select customer_id, segment from rows")
    con.execute("create table feed_customers as select customer_id, ended_at::timestamp as ended_at from rows")
    con.execute("create table feed_lines as select 'EUR' as currency")
    return con


def orders(days: dict[str, list[int]], revenue: float = 50.0) -> pd.DataFrame:
    """Purchases: customer -> days before the cut-off."""
    rows = [(customer, ago(day), ago(day), revenue, 1) for customer, all_days in days.items() for day in all_days]
    return pd.DataFrame(rows, columns=["customer_id", "day", "known_day", "revenue", "purchases"])


def crowd(seed: int, customers: int = 220, spread: float = 1.0, kinds: int = 1) -> pd.DataFrame:
    """Customers with gaps and spend around one or two typical ones."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(customers):
        often = number % kinds
        gap = np.exp(np.log(20 * 5**often) + 0.25 * spread * rng.standard_normal())
        spend = np.exp(np.log(40 * 8**often) + 0.3 * spread * rng.standard_normal())
        last = rng.exponential(0.6 * gap)
        days = last + np.cumsum(np.concatenate([[0], rng.gamma(4, gap / 4, int(900 / gap))]))
        frames.append(orders({f"C{number:04}": sorted({int(day) for day in days})}, round(spend, 2)))
    return pd.concat(frames, ignore_index=True)


@pytest.fixture(scope="module")
def two_kinds():
    purchases = crowd(1, kinds=2)
    return purchases, profile.learn(store(purchases), KNOWN)


def test_every_rhythm_is_that_of_the_customer_page(two_kinds):
    purchases, learnt = two_kinds
    frame = learnt.frame.set_index("customer_id")
    with_rhythm = 0
    for customer, part in purchases.groupby("customer_id"):
        beat, row = rhythm(part["day"], CUT), frame.loc[customer]
        if beat.usual is None:
            assert pd.isna(row["usual_gap_days"]) and pd.isna(row["next_from"]) and pd.isna(row["next_to"])
        else:
            with_rhythm += 1
            assert row["usual_gap_days"] == pytest.approx(beat.usual, abs=1e-12)
            assert (row["next_from"].date(), row["next_to"].date()) == beat.window
    assert with_rhythm > 100


def test_three_gaps_make_a_rhythm_and_two_do_not():
    frame = profile.learn(store(orders({"A": [90, 70, 40, 20], "B": [90, 70, 40], "C": [3]})), KNOWN).frame
    assert frame["usual_gap_days"].tolist()[0] == 20 and frame["usual_gap_days"].isna().tolist() == [False, True, True]
    assert (frame["next_from"][0].date(), frame["next_to"][0].date()) == (ago(0), ago(20 - 28))


def test_stages_of_life():
    days = {
        "new": [80, 3],
        "new once": [89],
        "one-time": [91],
        "active": [400, 300, 60],
        "active, slow": [970, 770, 570, 370, 170],  # every 200 days
        "slipping": [400, 300, 91],
        "slipping, fast": [90 + 7 * i for i in range(9)],  # every week, until 90 days ago
        "lapsed": [500, 400, 181],
        "ended": [60, 30],
    }
    gone = {"ended": ("all", CUT), "never bought": ("all", None), "slipping": ("all", CUT + timedelta(days=9))}
    frame = profile.learn(store(orders(days), customers=gone), KNOWN).frame.set_index("customer_id")
    expected = {name: name.split(",")[0].replace("new once", "new") for name in days} | {"never bought": "(unknown)"}
    assert frame["lifecycle"].to_dict() == expected


def test_scores_are_fifths_and_those_before_are_what_was_known_then(two_kinds):
    purchases, learnt = two_kinds

    def by_hand(cut: date) -> dict:
        part = purchases[purchases["day"] <= cut].groupby("customer_id").agg(
            last=("day", "max"), times=("day", "nunique"), revenue=("revenue", "sum")
        )  # fmt: skip
        since = [(cut - day).days for day in part["last"]]
        return dict(zip(part.index, rfm(since, part["times"], part["revenue"].round(4))[3], strict=True))

    frame = learnt.frame.set_index("customer_id")
    assert frame["rfm"].to_dict() == by_hand(CUT)
    before = by_hand(ago(30))
    assert {key: before.get(key) for key in frame.index} == frame["rfm_before"].astype(object).where(
        frame["rfm_before"].notna(), None
    ).to_dict()
    digits = frame[["recency_score", "frequency_score", "money_score"]].astype(str).sum(axis=1)
    assert (digits == frame["rfm"]).all()


def test_two_kinds_of_customers_are_two_profiles(two_kinds):
    _, learnt = two_kinds
    frame, card = learnt.frame, learnt.cards[0]
    assert card.state == IN_USE and card.model == "profiles"
    kind = frame["customer_id"].str[1:].astype(int) % 2
    table = pd.crosstab(kind, frame["profile"])
    assert set(table.columns) == {"profile 1", "profile 2"}
    assert table.to_numpy().max(axis=1).sum() >= 0.97 * len(frame)
    agreement = {row["candidate"]: row["value"] for row in card.backtest}
    assert agreement["2 groups"] > 0.95
    assert {row["name"]: row["passed"] for row in card.check} == dict.fromkeys(
        ("own rhythm", "stable", "better than a cloud with one peak", "numbers persist"), True
    )
    # of the customers there at the end of last year nearly all kept their number
    moved = {(row["series"], row["x"]): row["y"] for row in card.curve if row["curve"] == "migration"}
    assert sum(moved.values()) > 200
    assert moved["profile 1", 1] + moved["profile 2", 2] > 0.95 * sum(moved.values())


def test_a_crowd_of_one_kind_is_a_continuum_and_one_time_buyers_are_named():
    once = orders({f"D{number}": [number % 300] for number in range(40)})
    learnt = profile.learn(store(pd.concat([crowd(2, customers=150, spread=2.0), once])), KNOWN)
    assert learnt.cards[0].state == BASELINE
    names = learnt.frame.set_index("customer_id")["profile"]
    assert set(names[names.index.str.startswith("C")]) <= {CONTINUUM, ONCE}
    assert set(names[names.index.str.startswith("D")]) == {ONCE}


def test_what_differs_is_said_with_numbers_and_units():
    days = {f"C{i}": [5 + 30 * j + (i * j) % 5 for j in range(10 + i % 3)] for i in range(30)}
    days["often"] = [5 + 12 * j for j in range(25)]
    purchases = orders(days)
    purchases.loc[purchases["customer_id"] == "C7", "revenue"] = 1234.5
    contacts = pd.DataFrame(
        {"customer_id": ["C3"], "day": [ago(9)], "known_day": [ago(9)], "contacts": [7], "responses": [7]}
    )
    frame = profile.learn(store(purchases, contacts), KNOWN).frame.set_index("customer_id")
    said = frame[["differs_1", "differs_2", "differs_3"]]
    usual = pd.Series([np.diff(sorted(all_days)) for all_days in days.values()]).map(np.median).round().median()
    assert f"orders every 12 days; its segment every {usual:.0f}" in said.loc["often"].tolist()
    assert said.loc["C7", "differs_1"] == "spends 1,234.50 EUR on a day with an order; its segment 50.00 EUR"
    assert "contacts in 12 months: 7; its segment 0" in said.loc["C3"].tolist()
    assert not any("margin" in sentence for sentence in said.to_numpy().ravel() if isinstance(sentence, str))


def test_everybody_is_compared_with_the_own_segment():
    days = {f"S{i}": [3 + i % 4, 33, 63, 93 + i % 3] for i in range(20)} | {
        f"L{i}": [9, 129, 249 + i % 3, 369] for i in range(20)
    }
    customers = {name: ("short" if name[0] == "S" else "long", None) for name in days}
    frame = profile.learn(store(orders(days), customers=customers), KNOWN).frame.set_index("customer_id")
    said = frame["differs_1"].dropna().tolist()
    assert not any("orders every" in sentence for sentence in said)  # in its own segment nobody's rhythm is unusual


def test_nothing_later_than_the_cut_off_changes_anything(two_kinds):
    purchases, learnt = two_kinds
    after = purchases.sample(200, random_state=1).assign(day=CUT + timedelta(days=1), known_day=CUT + timedelta(days=2))
    told_late = purchases.sample(200, random_state=2).assign(known_day=CUT + timedelta(days=1), revenue=9e6)
    mixed = pd.concat([told_late, purchases, after]).sample(frac=1, random_state=3)
    contacts = pd.DataFrame({"customer_id": ["C0001"] * 2, "day": [CUT + timedelta(days=1), CUT]})
    contacts = contacts.assign(known_day=CUT + timedelta(days=1), contacts=50, responses=9, service=5)
    again = profile.learn(store(mixed, contacts), KNOWN)
    pd.testing.assert_frame_equal(again.frame, learnt.frame, check_exact=True)
    assert again.cards[0].__dict__ == learnt.cards[0].__dict__


def test_features_of_an_earlier_day_do_not_know_what_was_recorded_later(two_kinds):
    purchases, _ = two_kinds
    then = ago(180)
    late = purchases.assign(
        known_day=[CUT if (number % 7 == 0) else day for number, day in enumerate(purchases["day"])]
    )
    without = purchases[[number % 7 != 0 for number in range(len(purchases))]]
    pd.testing.assert_frame_equal(
        profile.features(store(late), then), profile.features(store(without), then), check_exact=True
    )


@pytest.mark.parametrize(
    "days", [{}, {"A": [4]}, {f"C{i}": [i] for i in range(150)}, {f"C{i}": [8, 1] for i in range(99)}]
)
def test_little_known_is_said_not_guessed(days):
    learnt = profile.learn(store(orders(days), customers={"silent": ("all", None)}), KNOWN)
    frame = learnt.frame.set_index("customer_id")
    assert learnt.cards[0].state == NOT_ENOUGH and len(frame) == len(days) + 1
    silent = frame.loc["silent"]
    assert (silent["lifecycle"], silent["profile"]) == ("(unknown)", "(unknown)")
    assert silent.drop(["lifecycle", "profile"]).isna().all()
    assert frame["usual_gap_days"].isna().all() and frame[["lifecycle", "profile"]].notna().all(axis=None)
    made = duckdb.sql("select typeof(recency_score), typeof(next_from::date) from frame limit 1").fetchall()
    assert made == [("INTEGER", "DATE")]
