"""The churn step of a build: nothing from after a cut-off, honest backtests, and an answer for every kind of company."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.learners import churn
from data.learners.churn_known import labels, snapshot
from data.learners.known import Known
from models import quality

START, CUT, H = date(2023, 1, 1), date(2024, 12, 31), 90
DAYS = (CUT - START).days
QUARTER = [CUT - timedelta(days=k * H) for k in range(5)]


def known(cut: date = CUT, contractual: bool = False) -> Known:
    return Known(1.0, cut, H, contractual, frozenset({"lines", "contacts", "customers"}), lambda text: None)


def company(purchases: pd.DataFrame, contacts: pd.DataFrame | None = None, people: pd.DataFrame | None = None):
    """A connection with the tables the step reads. purchases: customer_id, day, known_day (days from START), revenue."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    if contacts is None:
        contacts = pd.DataFrame({"customer_id": ["C0"], "day": [0], "known_day": [0]})
        contacts[["contacts", "responses", "service_contacts"]] = 0
    if people is None:
        people = pd.DataFrame({"customer_id": sorted(set(purchases["customer_id"]))})
        people[["joined_at", "ended_at"]] = pd.NaT
    for name, frame in (("p", purchases), ("c", contacts), ("t", people)):
        con.register(name, frame)
    dates = f"date '{START}' + day::integer as day, date '{START}' + known_day::integer as known_day"
    con.execute(
        f"create table purchase_day as select customer_id, {dates}, revenue::decimal(18, 4) as revenue, "
        "(revenue > 0)::integer as purchases from p"
    )
    con.execute(
        f"create table contact_day as select customer_id, 'email' as channel, {dates}, contacts::integer as contacts, "
        "responses::integer as responses, service_contacts::integer as service_contacts from c"
    )
    con.execute(
        "create table customer_total as select customer_id, joined_at::timestamp as joined_at, "
        "ended_at::timestamp as ended_at from t"
    )
    return con


@cache
def planted(customers: int, seed: int = 1, after: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Purchases of customers who buy at their own rate and leave at their own rate (Pareto/NBD), and the probability
    that each buys nothing in the horizon after CUT, given its own rates and whether it is still there."""
    rng = np.random.default_rng(seed)
    rate, leave = rng.gamma(1.0, 1 / 40, customers), rng.gamma(0.8, 1 / 300, customers)  # a day
    joined = rng.integers(0, DAYS - 20, customers)
    gone = joined + rng.exponential(1 / leave)
    bought = []
    for i in range(customers):
        gaps = rng.exponential(1 / rate[i], rng.poisson(rate[i] * 900) + 40).cumsum()
        days = np.unique(np.r_[joined[i], (joined[i] + gaps).astype(int)])
        days = days[days <= min(gone[i], DAYS + after)]
        bought.append(np.r_[joined[i], days[days > joined[i]]])
    who = np.repeat(np.arange(customers), [len(days) for days in bought])
    frame = pd.DataFrame({"customer_id": np.array([f"C{i:05d}" for i in range(customers)])[who]})
    frame["day"] = np.concatenate(bought)
    frame["known_day"] = frame["day"] + (rng.random(len(frame)) < 0.02) * rng.integers(1, 20, len(frame))
    frame["revenue"] = np.round(rng.gamma(4, 10, len(frame)), 2) + 0.01
    both = rate + leave
    stays = np.exp(-both * H)
    p = np.where(gone > DAYS, stays + leave / both * (1 - stays), 1.0)
    return frame, pd.Series(p, index=[f"C{i:05d}" for i in range(customers)])


@cache
def met(customers: int, seed: int = 1) -> pd.DataFrame:
    """Contacts of the same customers: some are answered later."""
    rng = np.random.default_rng(seed)
    n = 4 * customers
    frame = pd.DataFrame({"customer_id": [f"C{i:05d}" for i in rng.integers(0, customers, n)]})
    frame["day"] = rng.integers(0, DAYS + 100, n)
    frame["known_day"] = frame["day"] + rng.integers(0, 5, n)
    frame["contacts"], frame["responses"] = 1, (rng.random(n) < 0.2).astype(int)
    frame["service_contacts"] = (rng.random(n) < 0.1).astype(int)
    return frame


@cache
def learnt(customers: int = 2_500):
    """What is learned of a planted company."""
    return churn.learn(company(planted(customers)[0], met(customers)), known())


def card(result) -> dict[str, pd.DataFrame]:
    """The parts of the card as frames."""
    (found,) = result.cards
    return {
        name: pd.DataFrame(getattr(found, name)) for name in ("backtest", "calibration", "parameter", "check", "curve")
    }


def checks(result) -> dict[str, bool | None]:
    return dict(zip(card(result)["check"]["name"], card(result)["check"]["passed"], strict=True))


def test_a_planted_truth_is_found_within_two_points_and_calibrated():
    frame, truth = learnt().frame.set_index("customer_id"), planted(2_500)[1]
    p = frame["p_no_purchase"].dropna()
    true = truth.loc[p.index]
    assert abs(p.mean() - true.mean()) <= 0.02
    bins = quality.equal_mass(p.to_numpy())
    gaps = (p - true).groupby(bins).mean().abs()
    assert gaps.mean() <= 0.02 and gaps.max() <= 0.06
    assert np.corrcoef(p, true)[0, 1] > 0.75


def test_the_interval_holds_the_true_share_of_customers_with_such_a_score():
    """Ten groups of six companies each; nine in ten intervals must hold the mean of what is true of the group."""
    held = []
    for seed in range(6):
        purchases, truth = planted(600, seed=20 + seed)
        frame = churn.learn(company(purchases), known()).frame.set_index("customer_id").dropna(subset="p_no_purchase")
        assert ((frame["p_low"] <= frame["p_no_purchase"]) & (frame["p_no_purchase"] <= frame["p_high"])).all()
        groups = quality.equal_mass(frame["p_no_purchase"].to_numpy())
        ends = frame[["p_low", "p_high"]].groupby(groups).mean()
        true = truth.loc[frame.index].groupby(groups).mean()
        held += list((ends["p_low"] <= true) & (true <= ends["p_high"]))
    assert np.mean(held) >= 0.90 - 3 * np.sqrt(0.09 / 60)


def test_every_candidate_is_tested_at_three_cut_offs_with_every_measure():
    backtest = card(learnt())["backtest"]
    assert sorted(backtest["cut_off"].unique(), reverse=True) == QUARTER[1:4]
    names = {"base rate", "recency rule", "MBG/NBD", "Pareto/NBD", "logistic", "gradient boosting"}
    for _, trial in backtest.groupby("cut_off"):
        table = trial.pivot(index="candidate", columns="measure", values="value")
        assert set(table.index) == names
        assert set(table.columns) == {"auc", "brier", "brier_skill", "log_loss", "ece", "ece_floor", "lift"}
        assert table.loc["logistic", "auc"] > table.loc["recency rule", "auc"] > 0.6
        assert table["auc"].max() < 0.95 and table.loc["base rate", "auc"] == 0.5
    result = learnt().cards[0]
    assert result.state == "in use" and all(checks(learnt()).values())
    assert result.method == learnt().frame["method"].dropna().unique().item()


def test_the_backtest_is_what_really_came():
    """Worked out from the purchases alone."""
    purchases = planted(2_500)[0]
    day = (QUARTER[1] - START).days
    there = set(purchases.loc[(purchases["day"] <= day) & (purchases["known_day"] <= day), "customer_id"])
    later = purchases[(purchases["day"] > day) & (purchases["day"] <= day + H) & (purchases["known_day"] <= DAYS)]
    lost = 1 - len(there & set(later["customer_id"])) / len(there)
    row = card(learnt())["calibration"].query("candidate == 'base rate'")
    assert row["observed"].item() == pytest.approx(lost) and row["customers"].item() == len(there)


def test_features_are_what_they_are_called():
    purchases = pd.DataFrame(
        [
            ("A", 500, 500, 10.0),
            ("A", 600, 600, 30.0),
            ("A", 700, 700, 20.0),
            ("A", 705, 705, -5.0),
            ("A", 728, 800, 99.0),
            ("B", 10, 10, 40.0),
        ],
        columns=["customer_id", "day", "known_day", "revenue"],
    )
    contacts = pd.DataFrame(
        [("A", 690, 690, 2, 0, 1), ("A", 690, 694, 0, 1, 0), ("A", 725, 900, 1, 1, 1), ("A", 600, 600, 9, 9, 9)],
        columns=["customer_id", "day", "known_day", "contacts", "responses", "service_contacts"],
    )
    found = snapshot(company(purchases, contacts), known(), CUT)
    table = pd.DataFrame(found.X, columns=found.names, index=found.customers).drop(columns="odds")
    assert table.loc["A"].to_dict() == pytest.approx(
        {"days_since": 30, "days_known": 230, "purchases": 3, "usual_gap": 100, "rhythm": 0.3, "mean_spend": 55 / 3}
        | {"returned_share": 5 / 60, "purchases_90": 1, "purchases_trend": 0, "spend_90": 15, "spend_trend": -15}
        | {"contacts_90": 2, "responses_90": 1, "service_90": 1}
    )
    assert table.loc["B", ["days_since", "purchases", "contacts_90"]].tolist() == [720, 1, 0]
    assert table.loc["B", ["usual_gap", "rhythm"]].isna().all()


def mutated(frame: pd.DataFrame, cut: date, seed: int) -> pd.DataFrame:
    """Everything that came or was recorded after the cut-off is changed, dropped, doubled or new."""
    rng, day = np.random.default_rng(seed), (cut - START).days
    future = (frame["day"] > day) | (frame["known_day"] > day)
    changed = frame[future].sample(frac=0.6, random_state=seed).copy()
    for name in changed.columns.difference(["customer_id", "day", "known_day"]):
        changed[name] = changed[name] * 3
    late = changed.copy()
    late["day"] = rng.integers(0, day, len(late))
    late["known_day"] = rng.integers(day + 1, day + 300, len(late))
    strangers = changed.head(50).assign(customer_id=[f"N{i}" for i in range(len(changed.head(50)))])
    return pd.concat([frame[~future], changed, late, strangers]).sample(frac=1, random_state=seed)


def same_cards(one, other) -> None:
    for name, part in card(one).items():
        pd.testing.assert_frame_equal(part, card(other)[name], check_exact=True)


def test_nothing_that_comes_or_is_recorded_later_changes_a_feature_a_score_or_a_card():
    cut = CUT - timedelta(days=60)
    purchases, contacts = planted(2_000, after=100)[0], met(2_000)
    people = pd.DataFrame({"customer_id": sorted({*purchases["customer_id"], *(f"N{i}" for i in range(50))})})
    people[["joined_at", "ended_at"]] = pd.NaT
    first = company(purchases, contacts, people)
    second = company(mutated(purchases, cut, 1), mutated(contacts, cut, 2), people)
    one, other = snapshot(first, known(cut), cut), snapshot(second, known(cut), cut)
    assert one.customers.equals(other.customers) and len(one) > 1_000
    np.testing.assert_array_equal(one.X, other.X)
    a, b = churn.learn(first, known(cut)), churn.learn(second, known(cut))
    pd.testing.assert_frame_equal(a.frame, b.frame, check_exact=True)
    same_cards(a, b)
    assert "gradient boosting" in set(card(a)["backtest"]["candidate"])
    earlier = company(mutated(purchases, cut - timedelta(days=5), 1), contacts, people)
    assert not np.array_equal(snapshot(earlier, known(cut), cut).X, one.X)  # the test can fail


def test_what_was_learned_for_a_test_knows_nothing_after_the_tests_cut_off():
    purchases, contacts = planted(1_300, after=100)[0], met(1_300)
    found = churn.prove(churn.Past(company(purchases, contacts), known())).trials[0]
    later = company(mutated(purchases, found.cut, 3), mutated(contacts, found.cut, 4))
    other = churn.prove(churn.Past(later, known())).trials[0]
    assert other.cut == found.cut == QUARTER[1] and "gradient boosting" in found.found and len(other.found) == 6
    for name, p in found.found.items():
        np.testing.assert_array_equal(p, other.found[name])
    assert (found.y != other.y).any()


def test_outcomes_that_reach_past_the_day_they_are_told_are_refused(monkeypatch):
    told = []

    def noted(con, what, past, day):
        told.append((past.cut + timedelta(days=H), day))
        return labels(con, what, past, day)

    monkeypatch.setattr(churn, "labels", noted)
    churn.learn(company(planted(600)[0]), known())
    assert len(told) >= 6 and all(until <= day for until, day in told)
    con = company(planted(600)[0])
    with pytest.raises(ValueError, match="not known on"):
        labels(con, known(), snapshot(con, known(), QUARTER[1]), CUT - timedelta(days=1))


def test_risk_before_is_what_would_have_been_said_then():
    then = churn.learn(company(planted(2_500)[0], met(2_500)), known(CUT - timedelta(days=30)))
    now = learnt()
    assert then.cards[0].method == now.cards[0].method
    before = then.frame.set_index("customer_id")["risk_band"]
    said = now.frame.set_index("customer_id")["risk_before"]
    old = before[before != "(unknown)"].index
    assert len(old) > 2_000 and (said[old] == before[old]).all()
    new = planted(2_500)[0].groupby("customer_id")[["day", "known_day"]].min().max(axis=1) > DAYS - 30
    assert (said[new[new].index] == "(new)").all() and "(new)" not in set(said[new[~new].index])


def test_bands_are_thirds():
    assert list(churn.band(np.array([0.0, 0.3299, 0.33, 0.6599, 0.66, 1.0]))) == [
        "low",
        "low",
        "medium",
        "medium",
        "high",
        "high",
    ]


def test_shuffled_outcomes_teach_nothing_and_no_model_is_used(monkeypatch):
    rng = np.random.default_rng(5)
    monkeypatch.setattr(churn, "labels", lambda *given: rng.permutation(labels(*given)))
    result = churn.learn(company(planted(2_500)[0], met(2_500)), known())
    auc = card(result)["backtest"].query("measure == 'auc'")["value"]
    assert auc.between(0.45, 0.55).all()
    assert result.cards[0].state == "baseline in use" and result.frame["method"].dropna().unique() == ["base rate"]


def test_a_planted_leak_raises_the_alarm_and_names_the_column():
    purchases = planted(1_300)[0]
    rows = []
    for cut in QUARTER[1:]:
        day = (cut - START).days
        known_by = purchases[(purchases["day"] <= day) & (purchases["known_day"] <= day)]
        later = purchases[(purchases["day"] > day) & (purchases["day"] <= day + H)]
        lost = sorted(set(known_by["customer_id"]) - set(later["customer_id"]))
        rows.append(pd.DataFrame({"customer_id": lost, "day": day, "known_day": day}))
    leak = pd.concat(rows).assign(contacts=0, responses=0, service_contacts=1)
    check = card(churn.learn(company(purchases, leak), known()))["check"].set_index("name")
    assert not check.loc["no leak", "passed"]
    assert check.loc["no leak", "words"].endswith("service contacts of the last quarter.")


def test_a_small_company_gets_pooled_estimates_with_wide_intervals_and_no_blanks():
    result = churn.learn(company(planted(500, seed=3)[0]), known())
    frame = result.frame
    assert frame["p_no_purchase"].notna().all() == (frame["risk_band"] != "(unknown)").all()
    assert frame["p_no_purchase"].notna().mean() > 0.98  # the others' first purchase was recorded after the cut-off
    assert set(card(result)["backtest"]["candidate"]) == {"base rate", "recency rule", "MBG/NBD", "Pareto/NBD"}
    width = (frame["p_high"] - frame["p_low"]).mean()
    assert width > 1.3 * (learnt().frame["p_high"] - learnt().frame["p_low"]).mean()


@pytest.mark.parametrize("customers", [1, 3, 400])
def test_a_company_without_repeat_purchases_is_answered(customers):
    purchases = planted(400)[0].drop_duplicates("customer_id").head(customers)
    result = churn.learn(company(purchases), known())
    scored = result.frame.dropna(subset="p_no_purchase")
    assert len(scored) > 0 and scored["p_no_purchase"].between(0, 1).all()
    if customers == 400:
        assert scored["p_no_purchase"].min() > 0.9
        words = card(result)["check"].set_index("name")["words"]
        assert words["what is not known"].iloc[0].startswith("Nobody has bought on a second day")


def test_too_little_history_gives_the_purchase_model_and_says_so():
    purchases = planted(600)[0]
    purchases = purchases[purchases["day"] > DAYS - 150]
    result = churn.learn(company(purchases), known())
    assert result.cards[0].state == "not enough data" and "could be tested yet" in result.cards[0].why
    assert set(result.frame["method"].dropna()) == {"MBG/NBD"} and result.frame["p_low"].notna().sum() > 100
    assert checks(result)["enough history"] == False  # noqa: E712 (a column of a frame has its own False)


def test_nobody_is_scored_where_nobody_has_bought():
    purchases = pd.DataFrame({"customer_id": ["A"], "day": [DAYS + 5], "known_day": [DAYS + 5], "revenue": [5.0]})
    result = churn.learn(company(purchases), known())
    assert result.frame["p_no_purchase"].isna().all() and result.cards[0].state == "not enough data"
    assert result.frame[["risk_band", "risk_before"]].to_numpy().tolist() == [["(unknown)", "(unknown)"]]


def test_a_second_run_over_rows_in_another_order_gives_the_same_bits():
    shuffle = {"frac": 1, "random_state": 9}
    con = company(planted(2_500)[0].sample(**shuffle), met(2_500).sample(**shuffle))
    again = churn.learn(con, known())
    pd.testing.assert_frame_equal(learnt().frame, again.frame, check_exact=True)
    same_cards(learnt(), again)


@cache
def contracts(customers: int = 3_000):
    """Customers who decide every 30 days, each with its own chance to leave; they buy once a month while they stay."""
    rng = np.random.default_rng(4)
    theta = np.clip(rng.beta(0.9, 12, customers), 1e-6, 1)
    joined = rng.integers(0, DAYS - 30, customers)
    ends = joined + 30 * rng.geometric(theta)
    names = [f"C{i:05d}" for i in range(customers)]
    at = [pd.Timestamp(START) + pd.Timedelta(days=int(day)) for day in joined]
    left = [pd.Timestamp(START) + pd.Timedelta(days=int(min(day, 9_000))) for day in ends]
    people = pd.DataFrame({"customer_id": names, "joined_at": at, "ended_at": left})  # future ends are in the feed, too
    who = np.repeat(np.arange(customers), 12)
    day = joined[who] + 30 * np.tile(np.arange(12), customers)
    rows = pd.DataFrame({"customer_id": np.array(names)[who], "day": day, "known_day": day, "revenue": 20.0})
    return people, rows[(day < ends[who]) & (day <= DAYS)], pd.Series(1 - (1 - theta) ** 3, index=names), ends


def test_contracts_are_scored_by_their_end_and_ended_ones_are_gone():
    people, purchases, truth, ends = contracts()
    result = churn.learn(company(purchases, None, people), known(contractual=True))
    frame = result.frame.set_index("customer_id")
    gone = pd.Series(ends <= DAYS, index=truth.index)
    assert (frame.loc[gone, "p_no_purchase"] == 1).all() and (frame.loc[gone, "method"] == "ended").all()
    assert (frame.loc[gone, "risk_band"] == "(unknown)").all()
    p = frame.loc[~gone, "p_no_purchase"]
    assert p.notna().all() and abs(p.mean() - truth[~gone].mean()) <= 0.02
    assert {"base rate", "tenure curve", "logistic"} <= set(card(result)["backtest"]["candidate"])
    assert "recency rule" not in set(card(result)["backtest"]["candidate"])
    assert "to end its contract" in result.cards[0].question


def test_an_end_that_lies_in_the_future_is_not_known_yet():
    people, purchases, _, ends = contracts()
    blank = people.assign(ended_at=people["ended_at"].where(ends <= DAYS))
    one, other = (churn.learn(company(purchases, None, table), known(contractual=True)) for table in (people, blank))
    pd.testing.assert_frame_equal(one.frame, other.frame, check_exact=True)
    same_cards(one, other)


def test_contracts_that_nobody_has_decided_about_are_not_scored():
    people, purchases, *_ = contracts()
    young = people.assign(joined_at=pd.Timestamp(CUT) - pd.Timedelta(days=10), ended_at=pd.NaT)
    purchases = purchases.assign(day=DAYS - 5, known_day=DAYS - 5).drop_duplicates("customer_id")
    result = churn.learn(company(purchases, None, young), known(contractual=True))
    assert result.frame["p_no_purchase"].isna().all() and result.cards[0].state == "not enough data"


def test_where_everybody_was_lost_nothing_is_proven():
    """Fifty customers who bought once, long ago: any candidate that says so would look perfect."""
    once = pd.DataFrame({"customer_id": [f"C{i:02}" for i in range(50)], "day": range(50)})
    result = churn.learn(company(once.assign(known_day=once["day"], revenue=10.0)), known())
    assert result.cards[0].state == "not enough data"
    assert "everybody" in result.cards[0].why
    assert not card(result)["backtest"].shape[0]
