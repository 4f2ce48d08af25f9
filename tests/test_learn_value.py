"""What the build learns of value: no look ahead, the same bits, sums that agree, data that cannot tell, planted truth."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pytest

from data.build import Options, build
from data.learners import purchases as learner
from data.learners import value, value_proof
from data.learners.known import Known
from models.gamma_gamma import GammaGamma
from models.mbg_nbd import ModifiedBetaGeometric
from models.own_value import OwnValue
from models.pareto_nbd import ParetoNBD

BEGAN = date(2023, 1, 1)
DAYS = 3 * 365
SPEND = (6.0, 4.0, 15.0)  # p, q, γ: mean spend 30
PLANTED = {"mbg": (0.7, 6.0, 0.9, 1.8), "pareto": (0.7, 6.0, 0.7, 12.0)}
MODELS = {"mbg": ModifiedBetaGeometric, "pareto": ParetoNBD}


def quiet(_: str) -> None:
    """No progress in tests."""


def database(purchases: pd.DataFrame, contacts: pd.DataFrame | None = None, customers: pd.DataFrame | None = None):
    """A connection that holds what the learner reads. purchases: customer_id, day, known_day, revenue, margin."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    con.register("given", purchases)
    con.execute(
        "create table purchase_day as select customer_id::varchar as customer_id, day::date as day, "
        "known_day::date as known_day, sum(revenue)::decimal(18, 4) as revenue, sum(margin)::decimal(18, 4) as margin, "
        "max(case when revenue > 0 then 1 else 0 end)::integer as purchases from given group by 1, 2, 3"
    )
    con.execute(
        "create table contact_day (customer_id varchar, channel varchar, day date, known_day date, contacts integer, "
        "service_contacts integer, responses integer, cost decimal(18, 4), service_cost decimal(18, 4))"
    )
    if contacts is not None:
        con.register("reached", contacts)
        con.execute("insert into contact_day select customer_id, 'mail', day, day, 1, 0, 0, cost, 0 from reached")
    if customers is None:
        customers = pd.DataFrame({"customer_id": sorted(set(purchases["customer_id"])), "segment": "all"})
    for column in ("joined_at", "ended_at"):
        customers = customers if column in customers else customers.assign(**{column: pd.NaT})
    con.register("people", customers)
    con.execute(
        "create table feed_customers as select customer_id::varchar as customer_id, segment::varchar as segment, "
        "joined_at::timestamp as joined_at, ended_at::timestamp as ended_at from people"
    )
    return con


def known(cut: date, horizon: int = 90, contractual: bool = False) -> Known:
    return Known(1.0, cut, horizon, contractual, frozenset({"lines.cost"}), quiet)


def company(customers: int, seed: int, model: str = "pareto", days: int = DAYS) -> tuple[pd.DataFrame, dict]:
    """Purchases of a company with planted parameters, and the truth: rate, leaving, moment of leaving, mean spend."""
    rng = np.random.default_rng(seed)
    r, alpha, c, d = PLANTED[model]
    came = rng.integers(0, days * 4 // 5, customers)
    rate = rng.gamma(r, 1 / alpha, customers) / 7
    p = rng.beta(c, d, customers) if model == "mbg" else np.zeros(customers)
    mu = rng.gamma(c, 1 / d, customers) / 7 if model == "pareto" else np.zeros(customers)
    left = came + (rng.exponential(1 / np.maximum(mu, 1e-12)) if model == "pareto" else np.full(customers, np.inf))
    p_spend, q, gamma = SPEND
    nu = rng.gamma(q, 1 / gamma, customers)
    left = np.where(rng.random(customers) < p, came, left)
    who, when, now = [np.arange(customers)], [came.astype(float)], came.astype(float)
    there = np.flatnonzero(left > now)
    while len(there):
        now[there] += rng.exponential(1 / np.maximum(rate[there], 1e-300))
        there = there[(now[there] < days) & (now[there] < left[there])]
        who.append(there)
        when.append(now[there])
        gone = there[rng.random(len(there)) < p[there]]
        left[gone] = now[gone]
        there = there[left[there] > now[there]]
    who, when = np.concatenate(who), np.floor(np.concatenate(when))
    revenue = np.round(rng.gamma(p_spend, 1 / nu[who]), 2) + 0.01
    day = pd.Timestamp(BEGAN) + pd.to_timedelta(when, unit="D")
    keys = pd.Series(who).map("C{:06d}".format)
    frame = pd.DataFrame({"customer_id": keys, "day": day, "known_day": day, "revenue": revenue})
    truth = {"rate": rate * 7, "p": p, "mu": mu * 7, "left": left, "spend": p_spend / nu}
    return frame.assign(margin=(frame["revenue"] * 0.4).round(2)), truth


def after(days: int) -> date:
    return BEGAN + timedelta(days=days)


@pytest.fixture(scope="module")
def some():
    return company(900, seed=3)


@pytest.fixture(scope="module")
def learnt(some):
    """Of `some` at the last day, without contacts."""
    return value.learn(database(some[0]), known(after(DAYS)))


def test_nothing_that_happened_or_was_recorded_after_the_cut_off_changes_a_history_or_a_value(some):
    orders, _ = some
    cut = after(700)
    later = pd.to_datetime(orders["day"]).dt.date > cut
    late = orders[~later].head(300).assign(known_day=pd.Timestamp(after(720)), revenue=999.0, margin=999.0)
    mutations = {
        "cut off": orders[~later],
        "gone": pd.concat([orders[~later], orders[later].head(7)]),
        "other": pd.concat([orders, orders[later].assign(revenue=7_777.0, margin=-5.0)]),
        "recorded late": pd.concat([orders, late]),
    }
    contacts = pd.DataFrame({"customer_id": "C000001", "day": [pd.Timestamp(after(650))] * 3, "cost": 2.0})
    afterwards = pd.concat([contacts, contacts.assign(day=pd.Timestamp(after(701)), cost=500.0)])
    first = value.learn(database(orders, contacts), known(cut))
    assert len(first.frame) > 300 and first.cards[0].backtest
    for name, changed in mutations.items():
        again = value.learn(database(changed, afterwards, people(orders)), known(cut))
        pd.testing.assert_frame_equal(first.frame, again.frame, check_exact=True, obj=name)
        assert first.cards[0] == again.cards[0], name


def people(orders: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": sorted(set(orders["customer_id"])), "segment": "all"})


def test_a_change_before_the_cut_off_does_change_values(some):
    """The test above could not fail if nothing ever changed a value."""
    orders, _ = some
    cut = after(700)
    more = orders[pd.to_datetime(orders["day"]).dt.date <= cut].head(200)
    more = more.assign(day=pd.Timestamp(after(690)), known_day=pd.Timestamp(after(690)))
    one = value.learn(database(orders), known(cut)).frame
    other = value.learn(database(pd.concat([orders, more])), known(cut)).frame
    assert (one["potential_value"] != other["potential_value"]).mean() > 0.9


def test_running_again_and_other_order_of_rows_give_the_same_bits(some, learnt):
    other = value.learn(database(some[0].sample(frac=1, random_state=1)), known(after(DAYS)))
    pd.testing.assert_frame_equal(learnt.frame, other.frame, check_exact=True)
    assert learnt.cards[0] == other.cards[0]


def test_models_are_fitted_once_for_a_cut_off(some, monkeypatch):
    orders, _ = some
    con, cut = database(orders), after(800)
    fits = value.at(con, known(cut), cut)
    assert value.at(con, known(cut), cut) is fits
    assert list(fits.models) == ["NBD", "BG/NBD", "MBG/NBD", "Pareto/NBD"]
    assert value.at(database(orders), known(cut), cut) is not fits, "another build learns anew"


def test_a_sample_of_the_customers_is_looked_at_where_a_cut_off_only_tests(some, monkeypatch):
    orders, _ = some
    con, cut = database(orders), after(800)
    whole = learner.history(con, known(after(DAYS)), cut)
    monkeypatch.setattr(learner, "TESTED", 200)
    part = learner.history(con, known(after(DAYS)), cut)
    assert 0.05 < len(part) / len(whole) < 0.4
    assert set(part.frame["customer_id"]) < set(whole.frame["customer_id"])
    assert len(learner.history(con, known(cut), cut)) == len(whole), "the newest cut-off looks at all"


def test_histories_are_those_of_the_purchases_by_hand(some):
    orders, _ = some
    cut = pd.Timestamp(after(700))
    found = learner.history(database(orders), known(after(DAYS)), cut.date(), ahead=90)
    past = orders[orders["day"] <= cut].groupby(["customer_id", "day"], as_index=False)["revenue"].sum()
    days = past.groupby("customer_id")["day"]
    first = days.min()
    assert found.frame["customer_id"].tolist() == sorted(first.index)
    assert found.x.tolist() == (days.size() - 1).tolist()
    assert (found.rows.t_x[found.row] * 7).round().tolist() == (days.max() - first).dt.days.tolist()
    assert (found.rows.T[found.row] * 7).round().tolist() == (cut - first).dt.days.tolist()
    repeat = past[past["day"] > past["customer_id"].map(first)].groupby("customer_id")["revenue"].mean()
    np.testing.assert_allclose(found.mean_spend, repeat.reindex(first.index, fill_value=0), rtol=1e-9)
    window = orders[(orders["day"] > cut) & (orders["day"] <= cut + pd.Timedelta(days=90))]
    later = window.drop_duplicates(["customer_id", "day"]).groupby("customer_id").size()
    assert found.frame["later"].tolist() == later.reindex(first.index, fill_value=0).tolist()


@pytest.mark.parametrize("model", PLANTED)
def test_planted_companies_are_valued_as_they_truly_are(model, monkeypatch):
    """Five companies of 2,000: true expected purchases and margin of the next year are met on average."""
    purchases, margins = [], []
    chosen = value_proof.Proof(chosen={"mbg": "MBG/NBD", "pareto": "Pareto/NBD"}[model])
    monkeypatch.setattr(value, "prove", lambda con, known: chosen)  # holdouts have tests of their own
    for seed in range(5):
        orders, truth = company(2_000, 40 + seed, model)
        frame = value.learn(database(orders), known(after(DAYS))).frame
        there = truth["left"] >= DAYS if model == "pareto" else truth["left"] == np.inf
        leave = truth["mu"] if model == "pareto" else truth["rate"] * truth["p"]
        time = -np.expm1(-leave * value.YEAR) / np.maximum(leave, 1e-300)
        exact = there * truth["rate"] * time
        purchases.append(frame["expected_purchases_12m"].sum() / exact.sum() - 1)
        margins.append(frame["expected_margin_12m"].sum() / (0.4 * exact * truth["spend"]).sum() - 1)
    # one company's total scatters by 3 to 4 %, so three errors of the mean of five are 5 %
    assert abs(np.mean(purchases)) <= 0.05 and abs(np.mean(margins)) <= 0.05


@pytest.mark.parametrize("model", PLANTED)
@pytest.mark.parametrize("customers", [500, 3_000])
def test_intervals_hold_each_customers_own_true_value(model, customers):
    """Nine of ten of those who are surely active, and more of those who may have left: their interval begins at 0."""
    hit, surely, wide = [], [], []
    for seed in range(8):
        orders, truth = company(customers, 80 + seed, model)
        found = learner.history(database(orders), known(after(DAYS)), after(DAYS))
        fitted = MODELS[model]().fit_histories(found.rows)
        spend = GammaGamma().fit(found.x, found.mean_spend)
        there = truth["left"] >= DAYS if model == "pareto" else truth["left"] == np.inf
        leave = value.DISCOUNT + (truth["mu"] if model == "pareto" else truth["rate"] * truth["p"])
        exact = there * truth["rate"] * truth["spend"] / leave
        alive = fitted.p_alive(*found.columns)[found.row]
        grid = OwnValue(fitted, spend, value.DISCOUNT).fit(found.rows.x, found.rows.T)
        low, high = grid.interval(found.x, found.rows.T[found.row], found.mean_spend, alive)
        inside = (low <= exact) & (exact <= high)
        hit.append(inside.mean())
        surely.extend(inside[low > 0])
        wide.extend(high[low > 0] / low[low > 0])
    assert 0.90 <= np.mean(hit) <= 0.97, np.mean(hit)
    share, error = np.mean(surely), np.sqrt(0.09 / len(surely))
    assert abs(share - 0.90) <= 3 * error + 0.015, (share, error)
    assert np.median(wide) > 2, "one customer's own value is never known well"


def test_the_grid_of_quantiles_agrees_with_drawing_one_customer():
    model, spend = ParetoNBD(), GammaGamma()
    model.parameters_, model.covariance_, model.null_ = np.array([0.7, 6.0, 0.7, 12.0]), np.zeros((4, 4)), None
    spend.theta_, spend.covariance_, spend.unit_ = np.log([6.0, 3.0, 0.5]), np.zeros((3, 3)), 30.0
    rng = np.random.default_rng(1)
    x, T, m, delta, weeks = (
        np.array([0, 3, 17, 40]),
        np.array([30.0, 45.0, 80.0, 104.0]),
        [0.0, 25.0, 60.0, 18.0],
        0.0027,
        156,
    )
    grid = OwnValue(model, spend, delta, weeks).fit(np.arange(41), np.array([5.0, 110.0]))
    for alive in (1.0, 0.97, 0.6):
        low, high = grid.interval(x, T, np.array(m), np.full(4, alive))
        for i in range(4):
            rate = rng.gamma(0.7 + x[i], 1 / (6.0 + T[i]), 400_000)
            leave = delta + rng.gamma(0.7, 1 / (12.0 + T[i]), 400_000)
            mean = 6.0 / rng.gamma(6.0 * x[i] + 4.0, 1 / (15.0 + m[i] * x[i]), 400_000)
            drawn = (rng.random(400_000) < alive) * rate * mean * (1 - np.exp(-leave * weeks)) / leave
            exact = np.quantile(drawn, (0.05, 0.95))
            assert (low[i] == 0) == (exact[0] == 0)
            np.testing.assert_allclose((low[i], high[i]), exact, rtol=0.05, atol=0.05)


def test_values_are_ordered_and_their_sums_agree(some, learnt):
    orders, _ = some
    customers = people(orders)
    segment = dict(zip(customers["customer_id"], (f"s{i % 3}" for i in range(len(customers))), strict=True))
    contacts = pd.DataFrame({"customer_id": customers["customer_id"], "day": pd.Timestamp(after(1_000)), "cost": 1.5})
    frame = value.learn(database(orders, contacts), known(after(DAYS))).frame
    bare = learnt.frame
    assert frame["customer_id"].is_unique and len(frame) == len(customers)
    for name in ("expected_margin", "potential"):
        middle = frame["potential_value" if name == "potential" else "expected_margin_12m"]
        assert (frame[f"{name}_low"] <= middle).all() and (middle <= frame[f"{name}_high"]).all()
    assert (frame["p_none_low"] <= frame["p_none"]).all() and (frame["p_none"] <= frame["p_none_high"]).all()
    assert (bare["potential_1y"] <= bare["potential_3y"]).all()
    assert (bare["potential_3y"] <= bare["potential_value"]).all()
    assert (frame["potential_value"] <= bare["potential_value"]).all(), "contacts cost something"
    assert (frame["expected_margin_12m"] == bare["expected_margin_12m"]).all()
    by_segment = frame.groupby(frame["customer_id"].map(segment))["potential_value"].sum()
    assert by_segment.sum() == pytest.approx(frame["potential_value"].sum(), rel=1e-12)


def test_margin_rates_are_ratios_of_sums_of_the_customers_segment(some, monkeypatch):
    """Returns and service lower them; a segment of a few customers has the company's."""
    monkeypatch.setattr(value, "prove", lambda con, known: value_proof.Proof())
    orders = some[0].assign(margin=some[0]["revenue"] * 0.5)
    customers = people(orders)
    customers["segment"] = ["few" if i < 10 else f"s{i % 2}" for i in range(len(customers))]
    segment = customers.set_index("customer_id")["segment"]
    rich = orders["customer_id"].map(segment) == "s1"
    orders.loc[rich, "margin"] = orders.loc[rich, "revenue"] * 0.2
    day = pd.Timestamp(after(1_000))
    returned = pd.DataFrame({"customer_id": segment[segment == "s0"].index[:40], "day": day, "known_day": day})
    orders = pd.concat([orders, returned.assign(revenue=-30.0, margin=-30.0)])
    frame = value.learn(database(orders, None, customers), known(after(DAYS))).frame
    rate = frame["expected_margin_12m"] / (frame["expected_purchases_12m"] * frame["expected_spend"])
    days = orders.groupby(["customer_id", "day"])["revenue"].agg(["sum", "max"]).reset_index()
    days = days[days["max"] > 0].assign(owner=days["customer_id"].map(segment))
    owner = orders["customer_id"].map(segment)
    for name in ("s0", "s1", "few"):
        chosen = [name] if name != "few" else ["s0", "s1", "few"]
        exact = orders[owner.isin(chosen)]["margin"].sum() / days[days["owner"].isin(chosen)]["sum"].sum()
        np.testing.assert_allclose(rate[frame["customer_id"].map(segment) == name], exact, rtol=1e-4)  # cents


def test_contact_costs_are_those_of_a_year_for_the_time_that_is_left(some, learnt):
    orders, _ = some
    customers, cut = people(orders), after(DAYS)
    contacts = pd.DataFrame({"customer_id": customers["customer_id"], "day": pd.Timestamp(after(1_000)), "cost": 1.5})
    con = database(orders, contacts)
    reached, bare = value.learn(con, known(cut)), learnt.frame
    found = learner.history(con, known(cut), cut)
    model = value.at(con, known(cut), cut).models[reached.cards[0].method.split(" × ")[0]]
    years = model.active_time(value.DISCOUNT, *found.columns)[found.row] / value.YEAR
    share = np.clip(found.frame["t_days"] / 365.25, 0.25, 1)
    taken = bare["potential_value"] - reached.frame["potential_value"]
    np.testing.assert_allclose(taken, 1.5 / share * years, rtol=1e-9, atol=1e-9)


def test_the_card_holds_every_candidate_at_every_cut_off_and_says_what_it_checked(learnt):
    card = learnt.cards[0]
    rows = pd.DataFrame(card.backtest)
    assert rows["cut_off"].nunique() == 3 and rows["cut_off"].iloc[0] == after(DAYS) - timedelta(days=90)
    models = {"NBD", "BG/NBD", "MBG/NBD", "Pareto/NBD", "past rate"}
    for _, part in rows.groupby("cut_off"):
        assert set(part["candidate"]) >= models | {"past spend", "hindsight"}
        top = part[part["measure"] == "spend of the top 20%"].set_index("candidate")["value"]
        assert top.idxmax() == "hindsight" and (top > 0.2).all()
    assert card.state == "in use" and card.calibration and {row["curve"] for row in card.curve} == {
        "capture", "purchases by week",
    }  # fmt: skip
    checks = {row["name"]: row["passed"] for row in card.check}
    assert checks["converged"] and checks["customers leave"] and checks["beats the past rate"]
    assert {"spend and frequency", "total", "recalibration", "contact costs"} <= checks.keys()


def test_weeks_of_the_tracking_curve_end_at_the_total(learnt):
    card = learnt.cards[0]
    curve = pd.DataFrame(card.curve)
    last = curve[curve["curve"] == "purchases by week"].groupby("series").last()
    bins = pd.DataFrame(card.calibration)
    used = bins[bins["candidate"] != "past rate"]
    assert last.loc["came", "y"] == pytest.approx((used["observed"] * used["customers"]).sum())
    assert last.loc["expected", "y"] == pytest.approx((used["predicted"] * used["customers"]).sum())


def test_customers_who_never_leave_are_not_said_to():
    rng = np.random.default_rng(2)
    rows = []
    for i in range(400):
        day = np.cumsum(np.r_[rng.integers(0, 200), rng.exponential(rng.uniform(15, 80), 60)]).astype(int)
        rows += [(f"C{i:03d}", d) for d in np.unique(day[day < DAYS])]
    card = value.learn(database(of(rows)), known(after(DAYS))).cards[0]
    said = {row["name"]: row for row in card.check}
    assert said["customers leave"]["passed"] is False
    assert "Dropout is not identified" in said["customers leave"]["words"]


def of(rows: list[tuple[str, int]], revenue: float = 20.0) -> pd.DataFrame:
    """Purchases of customer and day since the beginning."""
    frame = pd.DataFrame(rows, columns=["customer_id", "day"])
    day = pd.Timestamp(BEGAN) + pd.to_timedelta(frame["day"], unit="D")
    return frame.assign(day=day, known_day=day, revenue=revenue, margin=revenue * 0.5)


def test_the_past_rate_is_used_where_no_model_forecasts_better():
    """Customers like clockwork, each at an own pace: their past rate is as good a forecast as there is."""
    rows = [(f"C{i:03d}", day) for i in range(200) for day in range(i % 7, DAYS, 9 + i % 83)]
    learnt = value.learn(database(of(rows)), known(after(DAYS)))
    assert learnt.cards[0].state == "baseline in use" and "past rate" in learnt.cards[0].method
    first = learnt.frame.iloc[0]
    assert first["expected_purchases_12m"] == pytest.approx(
        first["repeat_days"] / (first["weeks_known"] + 1 / 7) * value.YEAR, rel=1e-3
    )
    assert (learnt.frame["p_alive"] == 1).all()
    assert (learnt.frame["potential_low"] < learnt.frame["potential_high"]).all()


def test_forecasts_are_recalibrated_by_earlier_holdouts_only_where_these_agree():
    def tests(*factors):
        return tuple(
            value_proof.Holdout(None, {"MBG/NBD": np.full(500, 1.0)}, {}, np.ones(500), np.ones(500), came, came)
            for factor in factors
            for came in [np.random.default_rng(1).poisson(factor, 500).astype(float)]
        )

    factor, earlier = value_proof.recalibration(tests(0.7, 0.75, 0.8), "MBG/NBD")
    assert 0.6 < factor < 0.8 and 0.65 < earlier < 0.85 and factor != earlier
    for no in (tests(0.7), tests(0.7, 1.3), tests(0.98, 0.97, 0.98), tests(0.9, 0.2), tests(0.7, 0.7, 1.2)):
        assert value_proof.recalibration(no, "MBG/NBD")[0] == 1.0
    assert value_proof.recalibration(tests(5.0, 5.0), "MBG/NBD")[0] == pytest.approx(2.0), "never more than twofold"


HEADER = "order_id,ordered_at,customer_id,revenue,cost,line_type\n"
DEGENERATE = {
    "everybody bought once": [(f"C{i}", i % 300) for i in range(80)],
    "one customer": [("C1", d) for d in (0, 40, 90, 200)],
    "one customer, once": [("C1", 3)],
    "one day": [(f"C{i}", 5) for i in range(40)],
    "all watched equally long": [(f"C{i}", d) for i in range(30) for d in (0, *range(20 + i, 400, 60 + i))],
    "only returned": [(f"C{i}", -i) for i in range(1, 20)],
}
SAID = {
    "everybody bought once": ("Nobody has bought on a second day", "learned from first purchases"),
    "one customer": ("Customers to learn from: 1",),
    "one customer, once": ("Customers to learn from: 1", "learned from first purchases"),
    "one day": ("Everybody came on the last day",),
    "all watched equally long": ("watched equally long",),
    "only returned": ("Nobody has bought yet",),
}


@pytest.mark.parametrize("case", DEGENERATE)
def test_a_build_of_data_that_cannot_tell_succeeds_and_says_so(case, tmp_path):
    feeds = tmp_path / "feeds"
    feeds.mkdir()
    lines = [
        f"O{n},{after(abs(day))},{who},{'-' if day < 0 else ''}20.00,{'-' if day < 0 else ''}8.00,{'return' if day < 0 else 'sale'}\n"
        for n, (who, day) in enumerate(DEGENERATE[case])
    ]
    (feeds / "lines.csv").write_text(HEADER + "".join(lines))
    path = build(feeds, tmp_path / "warehouse", quiet, Options(now=datetime(2026, 1, 1)))  # noqa: DTZ001
    with duckdb.connect(str(path), read_only=True) as con:
        said = " ".join(
            f"{row[0]}" for row in con.execute(
                "select why from model_card where model = 'value' union all select words from model_check where model = 'value'"
            ).fetchall()
        )  # fmt: skip
        frame = con.execute("select * from learned_value").df()
        total = con.execute("select sum(potential_value), sum(round(potential_value, 4)) from customer").fetchall()[0]
    for words in SAID[case]:
        assert words in said, said
    if case == "only returned":
        assert frame.empty
        return
    assert len(frame) == len({who for who, _ in DEGENERATE[case]})
    assert np.isfinite(frame.drop(columns="customer_id").to_numpy(float)).all()
    assert (frame["potential_low"] <= frame["potential_value"]).all()
    assert (frame["potential_value"] <= frame["potential_high"]).all()
    assert float(total[0]) == pytest.approx(frame["potential_value"].round(4).sum(), abs=0.01)
    if case == "everybody bought once":
        assert (frame["potential_high"] > 5 * frame["potential_value"]).any(), "little is known, and that is shown"


def contracts(customers: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Monthly purchases of customers with a contract, who they are, and their own chance of leaving at a renewal."""
    rng = np.random.default_rng(seed)
    theta = rng.beta(0.8, 9.0, customers)
    joined = pd.Timestamp(BEGAN) + pd.to_timedelta(rng.integers(0, DAYS - 100, customers), unit="D")
    months = rng.geometric(theta)
    keys = [f"C{i:05d}" for i in range(customers)]
    people = pd.DataFrame({"customer_id": keys, "segment": "all", "joined_at": joined})
    # the contract that is not renewed for the k-th time ends a day before that renewal
    people["ended_at"] = [j + pd.DateOffset(months=int(k)) - pd.Timedelta(days=1) if k < 200 else pd.NaT for j, k in zip(joined, months, strict=True)]  # fmt: skip
    people.loc[people["ended_at"] > pd.Timestamp(after(DAYS)), "ended_at"] = pd.NaT
    rows = [
        (key, day)
        for key, j, e in zip(keys, joined, people["ended_at"], strict=True)
        for day in pd.date_range(j, min(e, pd.Timestamp(after(DAYS))) if pd.notna(e) else pd.Timestamp(after(DAYS)), freq=pd.DateOffset(months=1))
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["customer_id", "day"])
    return frame.assign(known_day=frame["day"], revenue=20.0, margin=8.0), people, theta


def test_customers_with_a_contract_are_valued_by_their_renewals():
    orders, customers, theta = contracts(2_000, seed=5)
    cut = after(DAYS)
    learnt = value.learn(database(orders, None, customers), known(cut, contractual=True))
    frame, card = learnt.frame.set_index("customer_id"), learnt.cards[0]
    ended = customers.set_index("customer_id")["ended_at"].notna()
    gone = frame[ended.reindex(frame.index)]
    assert (gone[["potential_value", "potential_high", "expected_margin_12m"]] == 0).all(axis=None)
    assert (gone["p_none"] == 1).all() and (gone["p_alive"] == 0).all()
    there = frame[~ended.reindex(frame.index)]
    own = pd.Series(theta, index=customers["customer_id"]).reindex(there.index).to_numpy()
    d = value.value_contract.DISCOUNT
    exact = 8.0 * (1 - own) * (1 + d) / (d + own)
    error = there["potential_value"].sum() / exact.sum() - 1
    assert abs(error) <= 3 * np.std(there["potential_value"] - exact) / np.sqrt(len(exact)) / exact.mean() + 0.05
    inside = (there["potential_low"] <= exact) & (exact <= there["potential_high"])
    assert abs(inside.mean() - 0.90) <= 0.04, inside.mean()
    within_90_days = 1 - (1 - own) ** 3
    assert there["p_none"].mean() == pytest.approx(within_90_days.mean(), abs=0.02)
    assert card.method.startswith("sBG") and card.backtest and card.state in ("in use", "baseline in use")


def test_a_contract_that_ends_tomorrow_is_not_known_to_end():
    orders, customers, _ = contracts(300, seed=6)
    cut = after(800)
    before = value.learn(database(orders, None, customers), known(cut, contractual=True))
    later = customers["ended_at"] > pd.Timestamp(cut)
    assert later.any()
    changed = customers.assign(ended_at=customers["ended_at"].mask(later))
    again = value.learn(database(orders, None, changed), known(cut, contractual=True))
    pd.testing.assert_frame_equal(before.frame, again.frame, check_exact=True)


def test_contracts_of_which_none_came_to_a_renewal_are_not_valued():
    orders, customers, _ = contracts(20, seed=7)
    customers = customers.assign(joined_at=pd.Timestamp(after(10)), ended_at=pd.NaT)
    learnt = value.learn(database(orders, None, customers), known(after(20), contractual=True))
    assert learnt.frame["potential_value"].isna().all() and "No monthly renewal" in learnt.cards[0].why
