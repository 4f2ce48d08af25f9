"""PostgreSQL as a source, on a real server: exact money, clear refusals, nothing changed there, no password told."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from adbc_driver_postgresql import dbapi

from tests.conftest import run_data
from tests.test_hostile_files import Taken

ROWS = 200_000
HEADER = "-- shop: orders of the shop.\n-- feeds: lines\n-- runs on: SHOP_DATABASE_URL\n"
ALL = "select order_id, ordered_at, customer_id, amount as revenue, cost from orders"
TABLES = f"""
create table orders (order_id text, ordered_at timestamptz, customer_id text, amount numeric(18,4), cost numeric(18,4));
insert into orders values
    ('007', '2026-01-31 23:30:00+00', 'nan', 12345678901.2345, null),
    ('A-2', '2026-02-01 00:30:00+02', null, -0.0001, 1.5),
    ('A-3', '2026-02-01 00:30:00+00', 'C3', 19.99, 0.0000);
create table many as
    select 'O' || n as order_id, timestamptz '2025-01-01 00:00:00+00' + n * interval '1 minute' as ordered_at,
        'C' || n % 5000 as customer_id, ((n * 7919) % 1000003)::numeric(18,4) / 10000 - 3 as amount
    from generate_series(1, {ROWS}) as n;
create role reader login password 'only-for-reading';
"""


@pytest.fixture(scope="module")
def shop(postgres: str) -> Iterator[str]:
    """Address of a database with orders, all of it gone afterwards."""
    execute(postgres, *TABLES.split(";"))
    yield postgres
    execute(postgres, "drop table orders", "drop table many", "drop role reader")


def execute(address: str, *statements: str) -> None:
    with dbapi.connect(address, autocommit=True) as server, server.cursor() as cursor:
        for statement in statements:
            if statement.strip():
                cursor.execute(statement)


def ask(address: str, sql: str) -> tuple:
    with dbapi.connect(address) as server, server.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
        assert row is not None
        return tuple(row)


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Take in one mapping that runs on an address; answers the intake and the only source of lines."""

    def take(sql: str, address: str | None) -> tuple[Taken, object]:
        (tmp_path / "shop.sql").write_text(HEADER + sql)
        if address:
            monkeypatch.setenv("SHOP_DATABASE_URL", address)
        else:
            monkeypatch.delenv("SHOP_DATABASE_URL", raising=False)
        done = Taken(tmp_path)
        (source,) = (source for source in done.intake.sources if source.feed == "lines")
        return done, source

    return take


def test_numerics_moments_missing_values_and_keys_arrive_exactly(shop: str, taken):
    done, source = taken(ALL, shop)
    assert (source.loaded, source.quarantined, source.reason) == (3, 0, "")
    rows = done.con.execute(
        "select order_id, ordered_at, customer_id, revenue, cost, month from feed_lines order by 1"
    ).fetchall()
    assert [(row[0], f"{row[1]:%Y-%m-%d %H:%M}", *row[2:5], f"{row[5]:%Y-%m}") for row in rows] == [
        ("007", "2026-01-31 23:30", "nan", Decimal("12345678901.2345"), None, "2026-01"),
        ("A-2", "2026-01-31 22:30", None, Decimal("-0.0001"), Decimal("1.5000"), "2026-01"),
        ("A-3", "2026-02-01 00:30", "C3", Decimal("19.9900"), Decimal("0.0000"), "2026-02"),
    ]


def test_the_stream_leaves_no_copy_beside_the_feeds(shop: str, taken):
    done, _ = taken(ALL, shop)
    names = {row[0] for row in done.con.execute("select table_name from duckdb_tables()").fetchall()}
    assert all(name.startswith("feed_") for name in names)


def test_a_long_stream_ties_out_with_the_sum_the_server_works_out(shop: str, taken):
    done, source = taken("select order_id, ordered_at, customer_id, amount as revenue from many", shop)
    assert source.loaded == ROWS
    expected = ask(shop, "select sum(amount)::text, count(distinct customer_id) from many")
    found = done.one("select sum(revenue), count(distinct customer_id) from feed_lines")
    assert (Decimal(expected[0]), expected[1]) == found
    by_month = "select {0} as m, sum({1}){2} from {3} group by 1 order by 1"
    with dbapi.connect(shop) as server, server.cursor() as cursor:
        cursor.execute(by_month.format("to_char(ordered_at at time zone 'UTC', 'YYYY-MM')", "amount", "::text", "many"))
        theirs = [(month, Decimal(total)) for month, total in cursor.fetchall()]
    assert (
        done.con.execute(by_month.format("strftime(month, '%Y-%m')", "revenue", "", "feed_lines")).fetchall() == theirs
    )


def test_numbers_finer_than_the_contract_are_quarantined_not_rounded(shop: str, taken):
    _, source = taken("select order_id, ordered_at, amount / 7 as revenue from orders", shop)
    assert (source.loaded, source.quarantined) == (0, 3)


def test_the_type_money_is_refused_because_it_arrives_in_cents(shop: str, taken):
    _, source = taken("select order_id, ordered_at, 12.34::money as revenue from orders", shop)
    assert (source.loaded, source.reason) == (0, "column revenue has the type money; select it as revenue::numeric")


@pytest.mark.parametrize(("sql", "said"), [
    ("select * from ordrs", 'relation "ordrs" does not exist (SQLSTATE 42P01)'),
    ("select order_id, ordered_at, nothing as revenue from orders", 'column "nothing" does not exist'),
    ("selekt 1", "syntax error"),
    ("select 1; select 2", "cannot insert multiple commands"),
    ("select order_id, ordered_at, amount / 0 as revenue from orders", "it could not run the statement"),
    ("select order_id, ordered_at, customer_id::int as revenue from orders", "it could not run the statement"),
    ("insert into orders values ('X') returning *", "it refused to change something|only reads"),
    ("delete from orders", "only reads"),
    ("drop table orders", "only reads"),
    ("create table more (i int)", "only reads"),
    ("with x as (delete from orders returning *) select * from x", "only reads"),
    ("select order_id, ordered_at from orders", "it lacks revenue"),
    ("", "it could not run the statement"),
])  # fmt: skip
def test_what_the_server_cannot_run_is_refused_in_plain_words_and_changes_nothing(
    sql: str, said: str, shop: str, taken
):
    done, source = taken(sql, shop)
    assert any(part in source.reason for part in said.split("|")), source.reason
    assert (source.loaded, done.one("select count(*) from feed_lines")) == (0, (0,))
    assert ask(shop, "select count(*) from orders") == (3,)
    assert not any("only-for-tests" in message or "nan" in message for message in done.messages())


def test_a_user_without_rights_is_refused(shop: str, taken):
    _, source = taken(ALL, shop.replace("rapport:only-for-tests", "reader:only-for-reading"))
    assert source.reason == "the server behind SHOP_DATABASE_URL: this user may not read what the mapping selects"


@pytest.mark.parametrize(("change", "said"), [
    (("only-for-tests", "hunter2"), "it refused the sign-in"),
    (("127.0.0.1:", "127.0.0.1:1"), "it cannot be reached"),
    (("127.0.0.1", "nowhere.invalid"), "it cannot be reached"),
    (("postgresql://", "hunter2 "), "it cannot be reached"),
    (("/postgres", "/no_such_database"), "it cannot be reached"),
])  # fmt: skip
def test_a_wrong_address_is_refused_without_repeating_it(change: tuple[str, str], said: str, shop: str, taken):
    done, source = taken(ALL, shop.replace(*change))
    assert said in source.reason and "SHOP_DATABASE_URL" in source.reason
    assert not any(
        word in message for word in ("hunter2", "only-for-tests", "127.0.0.1") for message in done.messages()
    )


def test_a_missing_address_says_which_variable_to_set(shop: str, taken):
    _, source = taken(ALL, None)
    assert "SHOP_DATABASE_URL, but that environment variable is not set" in source.reason


def test_a_company_is_built_from_the_server_and_the_build_does_not_hold_the_password(shop: str, tmp_path: Path):
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.sql").write_text(HEADER + ALL)
    done = run_data("build", folder, "--warehouse", tmp_path / "warehouse", SHOP_DATABASE_URL=shop)
    assert done.returncode == 0, done.stderr
    for file in (tmp_path / "warehouse").iterdir():
        assert b"only-for-tests" not in file.read_bytes()
    assert "only-for-tests" not in done.stdout + done.stderr
