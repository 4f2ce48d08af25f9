"""The simulated company keeps the contract, repeats itself exactly, and did what its truth says."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.contract import FEEDS, Kind
from data.personal import personal_text
from data.personal_names import personal_name
from data.simulate import simulate

CUSTOMERS = 20_000
FILES = [*FEEDS, "truth/customers", "truth/contacts"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of 20,000 customers, drawn in two blocks and a half."""
    to = tmp_path_factory.mktemp("simulated")
    total = simulate(to, customers=CUSTOMERS, block=8_000)
    (to / "total.json").write_text(json.dumps(total, default=str))
    return to


@pytest.fixture(scope="module")
def db(folder: Path) -> duckdb.DuckDBPyConnection:
    """The company's files as views; truth as truth_customers and truth_contacts."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    for name in FILES:
        connection.execute(f"create view {name.replace('/', '_')} as from '{folder / name}.parquet'")
    return connection


@pytest.fixture(scope="module")
def truth(folder: Path) -> dict:
    return json.loads((folder / "truth/parameters.json").read_text())


def numbers(db: duckdb.DuckDBPyConnection, sql: str) -> list[np.ndarray]:
    """The columns of a result."""
    return list(db.execute(sql).fetchnumpy().values())


def one(db: duckdb.DuckDBPyConnection, sql: str):
    """The only value of a result."""
    ((value,),) = db.execute(sql).fetchall()
    return value


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_gives_the_same_files_and_another_seed_gives_others(tmp_path):
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        simulate(tmp_path / name, customers=300, seed=seed, months=6)
    first = contents(tmp_path / "one")
    assert first == contents(tmp_path / "again")
    assert len(first) == 13
    other = contents(tmp_path / "other")
    assert {name for name in first if first[name] == other[name]} == {"channels.csv"}


@pytest.mark.parametrize("name", ["customers", "consents", "lines", "contacts", "truth/customers", "truth/contacts"])
def test_a_full_block_stays_the_same_when_more_customers_follow(tmp_path, name):
    for customers in (400, 1_000):
        simulate(tmp_path / str(customers), customers=customers, months=6, block=400)
    alone, first = (
        pq.ParquetFile(tmp_path / str(customers) / f"{name}.parquet").read_row_group(0) for customers in (400, 1_000)
    )
    assert alone.num_rows > 0
    assert alone.equals(first)


@pytest.mark.parametrize(("customers", "months"), [(1, 3), (3, 3), (40, 50)])
def test_a_company_may_be_tiny_or_old(tmp_path, customers, months):
    seen = []
    total = simulate(tmp_path, customers=customers, seed=customers, months=months, progress=seen.append)
    assert total["rows"]["customers"] == customers
    assert seen == [f"{customers} of {customers} customers, {total['rows']['lines']:,} order lines"]


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"months": 2}, {"block": 0}])
def test_an_impossible_company_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="at least 1 customer"):
        simulate(tmp_path, **wrong)


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_every_column_is_in_the_contract_and_of_its_type(folder, feed):
    schema = pq.read_schema(folder / f"{feed.name}.parquet")
    beyond = set(schema.names) - set(feed.names)
    assert beyond == ({"payment_plan"} if feed.open else set())
    types = {
        Kind.KEY: pa.string(),
        Kind.TEXT: pa.string(),
        Kind.MONEY: pa.decimal128(18, 4),
        Kind.NUMBER: pa.decimal128(18, 4),
        Kind.MOMENT: pa.timestamp("us", tz="UTC"),
        Kind.FLAG: pa.bool_(),
        Kind.SHARE: pa.float64(),
    }
    for column in feed.columns:
        if column.name in schema.names:
            assert schema.field(column.name).type == types[column.kind], column.name
    assert [personal_name(name) for name in beyond] == [None] * len(beyond)


@pytest.mark.parametrize("feed", FEEDS.values(), ids=lambda feed: feed.name)
def test_every_value_is_one_the_contract_accepts(db, folder, feed):
    names = pq.read_schema(folder / f"{feed.name}.parquet").names
    for column in feed.columns:
        if column.name not in names:
            assert not column.required
            continue
        wrong = [f"{column.name} is null"] if column.required else []
        if column.choices:
            wrong.append(f"{column.name} not in {column.choices}")
        if column.at_least is not None:
            wrong.append(f"{column.name} < {column.at_least}")
        if column.kind is Kind.SHARE:
            wrong.append(f"{column.name} not between 0 and 1")
        if column.kind is Kind.MONEY:
            wrong.append(f"{column.name} != round({column.name}, 2)")
        if column.kind is Kind.MOMENT and not column.future:
            wrong.append(f"{column.name} >= '2026-09-30 22:00:00+00'")
        for condition in wrong:
            assert one(db, f"select count(*) from {feed.name} where {condition}") == 0, condition


@pytest.mark.parametrize("feed", [feed for feed in FEEDS.values() if feed.key], ids=lambda feed: feed.name)
def test_keys_are_complete_and_unique(db, feed):
    rows, known, different = db.execute(
        f"select count(*), count(*) filter (where {' and '.join(f'{name} is not null' for name in feed.key)}),"
        f" count(distinct ({', '.join(feed.key)})) from {feed.name}"
    ).fetchone()
    assert rows == known == different > 0


def test_what_a_row_points_at_exists(db):
    for row, to in (
        ("lines.customer_id", "customers.customer_id"),
        ("lines.partner_id", "partners.partner_id"),
        ("contacts.customer_id", "customers.customer_id"),
        ("contacts.campaign_id", "campaigns.campaign_id"),
        ("consents.customer_id", "customers.customer_id"),
        ("truth_contacts.contact_id", "contacts.contact_id"),
    ):
        (feed, column), (other, key) = row.split("."), to.split(".")
        lost = f"select count(*) from {feed} where {column} is not null and {column} not in (select {key} from {other})"
        assert one(db, lost) == 0, row


def test_names_of_partners_hold_no_personal_data(db):
    names = [name for (name,) in db.execute("select partner_name from partners").fetchall()]
    assert len(set(names)) == 60 + CUSTOMERS // 500
    assert [personal_text(name) for name in names] == [None] * len(names)


def test_totals_said_are_totals_written(db, folder):
    total = json.loads((folder / "total.json").read_text())
    assert total["rows"] == {name: one(db, f"select count(*) from {name}") for name in total["rows"]}
    assert set(total["rows"]) == set(FEEDS)
    assert Decimal(total["revenue"]) == one(db, "select sum(revenue) from lines")
    assert Decimal(total["margin"]) == one(db, "select sum(revenue) - sum(cost) from lines")


def test_targets_lie_five_to_ten_percent_from_the_truth_on_either_side(db, folder):
    with open(folder / "targets.csv", newline="") as file:
        targets = {row["period"]: Decimal(row["value"]) for row in csv.DictReader(file) if row["scope"] == "company"}
    earned = dict(
        db.execute(
            "select strftime(ordered_at at time zone 'Europe/Berlin', '%Y'), sum(revenue - cost) from lines group by 1"
        ).fetchall()
    )
    gaps = [targets[year] / earned[year] - 1 for year in ("2024", "2025", "2026")]
    assert len(targets) == 3
    assert all(Decimal("0.05") < abs(gap) < Decimal("0.10") for gap in gaps)
    assert min(gaps) < 0 < max(gaps)


def test_large_partners_have_targets_four_to_nine_percent_from_what_they_sold(db, folder):
    with open(folder / "targets.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["scope"].startswith("partner_id=")]
    sold = {
        (partner, year): revenue
        for partner, year, revenue in db.execute(
            "select partner_id, strftime(ordered_at at time zone 'Europe/Berlin', '%Y'), sum(revenue) from lines group by all"
        ).fetchall()
    }
    pace = {"2024": Decimal(1), "2025": Decimal(1), "2026": Decimal(365) / Decimal(273)}  # the window ends in September
    keys = [(row["scope"].removeprefix("partner_id="), row["period"]) for row in rows]
    gaps = [Decimal(row["value"]) / (sold[key] * pace[key[1]]) - 1 for key, row in zip(keys, rows, strict=True)]
    assert len({row["scope"] for row in rows}) == 40 and {row["metric"] for row in rows} == {"revenue"}
    assert all(Decimal("0.03") < abs(gap) < Decimal("0.10") for gap in gaps)


def test_customers_buy_as_often_as_the_pareto_nbd_expects(db, truth):
    """Integrate rate × P(still active) × season over each customer's days; new customers joined with an order."""
    p = truth["parameters"]
    first = datetime.fromisoformat(truth["first_moment"])
    days = np.arange((datetime.fromisoformat("2026-10-01T00:00:00+02:00") - first).days)
    months = (np.datetime64("2023-10-01") + days).astype("datetime64[M]").astype(int) % 12
    pace = np.array(p["season"])[months] / np.mean(p["season"])
    joined, orders = numbers(
        db,
        f"select epoch(joined_at - timestamptz '{first}') / 86400, organic_orders"
        " from customers join truth_customers using (customer_id) where rate_per_week > 0",
    )
    age = np.maximum(-joined, 0) / 7
    expected = (joined >= 0).astype(float)
    for day in days:
        weeks = (day + 0.5 - np.maximum(joined, 0)) / 7
        present = np.clip(day + 1 - joined, 0, 1)
        active = ((p["beta"] + age) / (p["beta"] + age + np.maximum(weeks, 0))) ** p["s"]
        expected += present * active * pace[day] * p["r"] / p["alpha"] / 7
    for who in (joined < 0, joined >= 0):
        surprise = (orders - expected)[who]
        assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(who.sum())
        assert expected[who].mean() > 20 * surprise.std() / np.sqrt(who.sum())


def test_lines_hold_exactly_the_orders_the_truth_counts(db):
    assert (
        one(
            db,
            "select count(*) from truth_customers left join (select customer_id, count(distinct order_id) as orders"
            " from lines group by customer_id) using (customer_id)"
            " where coalesce(orders, 0) != organic_orders - lost_orders + caused_orders",
        )
        == 0
    )
    lost, caused = db.execute("select sum(lost_orders), sum(caused_orders) from truth_customers").fetchone()
    assert lost > 300
    assert caused > 2_000


def test_spend_is_gamma_gamma(db, truth):
    p = truth["parameters"]
    own, mean = numbers(
        db,
        "with orders as (select customer_id, order_id, sum(revenue)::double as spend from lines"
        " where line_type = 'sale' and customer_id is not null group by all)"
        " select avg(spend) as own, any_value(spend_mean) as mean from orders"
        " join truth_customers using (customer_id) group by customer_id",
    )
    for values, expected in ((own, p["p"] * p["gamma"] / (p["q"] - 1)), (own - mean, 0)):
        assert abs(values.mean() - expected) < 4 * values.std() / np.sqrt(len(values))


def test_an_order_earns_what_the_truth_expects_of_it(db):
    """Margin after returns, fees and adjustments, of orders old enough to have had their returns."""
    earned, expected = numbers(
        db,
        "with orders as (select order_id, customer_id, min(ordered_at) as placed, sum(revenue - cost)::double as margin"
        " from lines where customer_id is not null group by all)"
        " select margin, order_margin from orders join truth_customers using (customer_id) where placed < '2026-08-25'",
    )
    surprise = earned - expected
    assert abs(surprise.mean()) < 4 * surprise.std() / np.sqrt(len(surprise))
    assert np.corrcoef(earned, expected)[0, 1] > 0.5


@pytest.fixture(scope="module")
def experiments(db) -> duckdb.DuckDBPyConnection:
    """Every randomised contact with what the customer ordered in the 14 days after it."""
    db.execute(
        "create table experiments as"
        " with orders as (select distinct order_id, customer_id, ordered_at from lines where line_type = 'sale')"
        " select contact_id, campaign_id, any_value(channel) as channel, any_value(arm) as arm,"
        " any_value(p_assign) as p_assign, count(order_id) as placed from contacts left join orders"
        " on orders.customer_id = contacts.customer_id and ordered_at > occurred_at"
        " and ordered_at <= occurred_at + interval 14 day where assignment = 'random' group by contact_id, campaign_id"
    )
    return db


@pytest.mark.parametrize("outcome", ["(placed > 0)::int", "placed"])
def test_treated_minus_control_is_the_true_effect(experiments, outcome):
    weight, gap, variance, effect = numbers(
        experiments,
        f"select count(*), avg({outcome}) filter (where arm = 'treated') - avg({outcome}) filter (where arm = 'control'),"
        f" var_samp({outcome}) filter (where arm = 'treated') / count(*) filter (where arm = 'treated')"
        f" + var_samp({outcome}) filter (where arm = 'control') / count(*) filter (where arm = 'control'),"
        f" avg(truth.{'effect' if '>' in outcome else 'orders'})"
        " from experiments join truth_contacts as truth using (contact_id) group by campaign_id",
    )
    share = weight / weight.sum()
    error = np.sqrt(share**2 @ variance)
    assert abs(share @ (gap - effect)) < 4 * error
    assert share @ effect > 5 * error, "the effect must be large enough for this test to see it"
    assert (np.abs(gap - effect) < 4.5 * np.sqrt(variance)).all()


def test_the_control_arm_is_as_large_as_its_probability(experiments):
    size, control, treated, p = numbers(
        experiments,
        "select count(*), count(*) filter (where arm = 'control'), any_value(p_assign) filter (where arm = 'treated'),"
        " any_value(p_assign) filter (where arm = 'control') from experiments group by campaign_id",
    )
    assert len(size) > 15
    assert treated + p == pytest.approx(1)
    assert (np.abs(control - size * p) < 4 * np.sqrt(size * p * (1 - p))).all()


def test_the_campaigns_without_effect_are_aimed_at_heavy_buyers_and_answered_all_the_same(experiments, truth):
    idle = {c["campaign_id"]: c["assignment"] for c in truth["campaigns"] if c["effect_scale"] == 0}
    assert sorted(idle.values()) == ["random", "rule"]
    for campaign, assignment in idle.items():
        answers = f"select count(*) from contacts where campaign_id = '{campaign}' and responded"
        assert one(experiments, answers) > 50
        if assignment == "random":
            effects = f"select max(abs(effect)) from truth_contacts join contacts using (contact_id) where campaign_id = '{campaign}'"
            assert one(experiments, effects) == 0
    bought = "select avg(placed) from experiments where arm = 'control' and"
    campaign = next(name for name, assignment in idle.items() if assignment == "random")
    others = one(experiments, f"{bought} campaign_id != '{campaign}'")
    assert one(experiments, f"{bought} campaign_id = '{campaign}'") > 1.2 * others


def test_some_contacts_help_and_some_do_harm(db):
    for channel in ("web", "email", "teleservice", "mail", "wireless"):
        helped, harmed = db.execute(
            f"select avg((effect_{channel} > 0)::int), avg((effect_{channel} < 0)::int) from truth_customers"
        ).fetchone()
        assert 0.5 < helped < 0.7
        assert 0.02 < harmed < 0.2
    assert one(db, "select min(effect) from truth_contacts") < -0.01


def test_answers_follow_the_true_response_rate(db):
    for channel in ("web", "email", "teleservice", "mail", "wireless"):
        answered, p = numbers(
            db,
            f"select responded::int, response_{channel} from contacts join truth_customers using (customer_id)"
            f" where channel = '{channel}' and arm = 'treated'",
        )
        assert abs((answered - p).sum()) < 4 * np.sqrt((p * (1 - p)).sum())


def test_nothing_is_sent_to_a_control_arm(db):
    assert one(db, "select count(*) from contacts where arm = 'control'") > 10_000
    assert one(db, "select count(*) from contacts where arm = 'control' and (cost is null or cost != 0)") == 0
    assert one(db, "select count(*) from contacts where arm = 'control' and responded is not null") == 0
    assert one(db, "select count(*) from contacts where arm = 'treated' and cost = 0") == 0


def test_nobody_is_contacted_without_consent_or_before_joining(db, folder):
    db.execute(f"create or replace view channels as from read_csv('{folder / 'channels.csv'}')")
    breaches = (
        "select count(*) from contacts join channels using (channel) asof left join consents"
        " on contacts.customer_id = consents.customer_id and contacts.channel = consents.channel"
        " and contacts.occurred_at >= consents.recorded_at"
        " where direction = 'out' and not coalesce(allowed, not needs_consent)"
    )
    assert one(db, breaches) == 0
    assert one(db, "select count(*) from consents where not allowed") > 1_000
    early = "select count(*) from contacts join customers using (customer_id) where occurred_at < joined_at"
    assert one(db, early) == 0


def test_a_return_follows_its_sale_and_takes_its_revenue_back(db):
    assert one(db, "select count(*) from lines where line_type = 'return'") > 5_000
    wrong = (
        "select count(*) from lines as back where line_type = 'return' and not (revenue < 0 and quantity < 0"
        " and cost <= 0 and exists (from lines as sale where sale.order_id = back.order_id and line_type = 'sale'"
        " and sale.product_id = back.product_id and sale.revenue = -back.revenue"
        " and sale.ordered_at + interval 3 day <= back.ordered_at + interval 1 second))"
    )
    assert one(db, wrong) == 0
    several = "select count(*) from (from lines select order_id group by all having count(distinct customer_id) > 1)"
    assert one(db, several) == 0


def test_the_company_looks_like_one(db):
    year, margin_rate, guests = db.execute(
        "select sum(revenue)::double / 3, sum(revenue - cost)::double / sum(revenue), avg((customer_id is null)::int) from lines"
    ).fetchone()
    assert 2_000_000 < year < 4_000_000
    assert 0.32 < margin_rate < 0.40
    assert 0.02 < guests < 0.04
    spent = one(
        db,
        "select (select sum(coalesce(cost, 0)) from contacts) + (select sum(fixed_cost) from campaigns)"
        " + (select sum(acquisition_cost)::double from customers where joined_at >= '2023-09-30 22:00:00+00')",
    )
    assert 0.05 < spent / (3 * year) < 0.08
    (revenue,) = numbers(db, "select sum(revenue)::double from lines where partner_id is not null group by partner_id")
    revenue = np.sort(revenue)[::-1]
    assert 0.70 < revenue[: len(revenue) // 5].sum() / revenue.sum() < 0.90
    losing = one(
        db,
        "with earned as (select customer_id, sum(revenue - cost) as margin from lines group by 1),"
        " spent as (select customer_id, sum(cost) as cost from contacts group by 1)"
        " select avg((coalesce(margin, 0) < coalesce(cost, 0))::int) from customers"
        " left join earned using (customer_id) left join spent using (customer_id)",
    )
    assert 0.1 < losing < 0.35
    per_customer = (
        one(db, f"select count(*) / {CUSTOMERS} from lines"),
        one(db, f"select count(*) / {CUSTOMERS} from contacts"),
    )
    assert per_customer == (pytest.approx(8, abs=1), pytest.approx(13, abs=1.5))
    assert dict(db.execute("select line_type, count(*) > 100 from lines group by 1").fetchall()) == dict.fromkeys(
        ("sale", "return", "adjustment", "fee"), True
    )
