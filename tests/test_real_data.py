"""Whole builds of real companies: published figures come out of every table that holds them, to the cent."""

from __future__ import annotations

from decimal import Decimal
from math import ceil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from data.build import build
from data.sample import complete_journey, online_retail
from models.pareto import summary


def made(folder: Path) -> duckdb.DuckDBPyConnection:
    """The build by itself, for exact decimals."""
    return duckdb.connect(str(build(folder, folder / "warehouse", lambda _: None)), read_only=True)


def value(con: duckdb.DuckDBPyConnection, sql: str):
    return con.execute(sql).fetchall()[0][0]


@pytest.fixture(scope="module")
def journey(tmp_path_factory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("journey") / "feeds"
    complete_journey(folder, lambda _: None)
    return made(folder)


@pytest.fixture(scope="module")
def retail(tmp_path_factory, shared_data) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("retail") / "feeds"
    online_retail(shared_data / "online_retail.parquet", folder, lambda _: None)
    return made(folder)


def test_every_line_of_the_journey_is_loaded_quarantined_or_rejected(journey):
    found = journey.execute("select * exclude (feed) from feed_state where feed = 'lines'").fetchall()[0]
    assert found[0] == 1_469_307 == sum(found[1:4])


@pytest.mark.parametrize(
    "table", ["ledger", "company_month", "segment_month", "customer_month", "partner_month", "partner"]
)
def test_the_journeys_sales_are_the_same_in_every_table(journey, table):
    guests = value(journey, "select coalesce(sum(revenue), 0) from guest_month") if table == "customer_month" else 0
    assert value(journey, f"select sum(revenue) from {table}") + guests == Decimal("4596039.58")


def test_the_journeys_manufacturers_are_as_concentrated_as_published(journey):
    sold = journey.execute("select revenue from partner where partner_id <> '(unknown)' and lines > 0").fetchall()
    revenue = sorted((row[0] for row in sold), reverse=True)
    assert (count := len(revenue)) == 5_309
    assert float(sum(revenue[: ceil(0.2 * count)]) / sum(revenue)) == pytest.approx(0.949415, abs=1e-6)
    assert value(journey, "select count(*) from partner where vital_few") / count == pytest.approx(0.046713, abs=1e-6)
    assert value(journey, "select lines from partner where partner_id = '(unknown)'") == 4_836


def test_the_journeys_manufacturers_are_told_on_the_page_as_published(journey):
    sums = "sum(revenue)::double as revenue, sum(returns)::double as returns, sum(lines) as lines"
    found = summary(
        journey.execute(f"select partner_id, {sums} from partner_month group by 1").df(), "partner_id", "revenue", 0.8
    )
    side = found.sides["revenue"]
    assert (side.rated, side.vital, side.nothing) == (5_309, 248, 21)
    assert side.vital_share == pytest.approx(0.046713, abs=1e-6)
    top = side.curve.set_index("rank")["cumulative"]
    assert float(np.interp(ceil(0.2 * 5_309), top.index, top)) == pytest.approx(0.949415, abs=1e-5)
    assert found.unknown["revenue"] == pytest.approx(172.57) and len(found.few) == 248


def test_the_journeys_mailings_and_answers_are_counted(journey):
    assert journey.execute("select sum(treated), sum(responses) from campaign").fetchall() == [(6_589, 792)]
    assert value(journey, "select count(*) from customer") == 2_469


def test_the_journeys_campaigns_are_not_measurable_and_answered_as_often_as_published(journey):
    answered = "select right(name, 7), sum(responses), sum(treated) from campaign group by 1 order by 1"
    found = journey.execute(answered).fetchall()
    assert found == [("Type A)", 604, 3_647), ("Type B)", 154, 2_368), ("Type C)", 34, 574)]
    assert journey.execute("select verdict, count(*) from campaign group by 1").fetchall() == [("not measurable", 27)]
    assert journey.execute("select distinct left(reason, 20), effect, net from campaign").fetchall() == [
        ("Nobody was held out,", None, None)
    ]
    rates = journey.execute("select campaign_id, response_rate from campaign").fetchall()
    mailed = journey.execute(
        "select campaign_id, avg(responded::int) from feed_contacts where campaign_id is not null group by 1"
    ).fetchall()
    assert dict(rates) == pytest.approx(dict(mailed))


def test_the_retailers_net_sales_include_lines_without_customer(retail):
    assert value(retail, "select count(*) from ledger where kind = 'line'") == 541_909
    for table in ("ledger", "company_month", "partner_month"):
        assert value(retail, f"select sum(revenue) from {table}") == Decimal("9747747.934"), table
    known, guests = (value(retail, f"select sum(revenue) from {table}") for table in ("customer_month", "guest_month"))
    assert known + guests == Decimal("9747747.934") and guests > 0


def test_the_customer_who_sent_everything_back_is_not_near_the_top(retail):
    """Fourth by gross sales; the one large order was cancelled twelve minutes later."""
    revenue, place = retail.execute(
        "select revenue, place from (select customer_id, revenue, row_number() over (order by revenue desc) as place from customer) "
        "where customer_id = '16446'"
    ).fetchall()[0]
    assert revenue == Decimal("2.90")
    assert place > 4_000


@pytest.mark.parametrize("name", ["journey", "retail"])
def test_everything_ties_out(name, request):
    con = request.getfixturevalue(name)
    assert (
        con.execute("select count(*), count(*) filter (where not holds or difference <> 0) from tie_out").fetchall()[0][
            1
        ]
        == 0
    )
