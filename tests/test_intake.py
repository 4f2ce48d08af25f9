"""Intake: rows and money are conserved, months are cut in the company's zone, and a check changes nothing."""

from __future__ import annotations

import calendar
import csv
import io
import tempfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data import casting, columns, repeats
from data import folder as folder_module
from data import intake as intake_module
from data.company import read_company
from data.contract import FEEDS, SEEDS, Column, Feed, Kind
from data.intake import take_in
from data.warehouse import Warehouse
from tests.conftest import run_data
from tests.hostile import GOOD, GOOD_LINES, HEADER, NOW, mapping, people, together, write
from tests.test_hostile_files import Taken


@pytest.fixture
def no_seeds(monkeypatch: pytest.MonkeyPatch):
    """Most of the time a small folder takes is the seeds'."""
    for module in (folder_module, intake_module):
        monkeypatch.setattr(module, "SEEDS", {})
    monkeypatch.setattr(repeats, "IMPOSSIBLE", {})  # it looks the channels up


# ---- Conservation. Each cell comes with what it is worth: None when the row must be left out.

AMOUNTS = st.one_of(
    st.decimals(-10_000, 10_000, places=4).map(lambda value: (f"{value:f}", value)),
    st.integers(-99, 99).map(lambda value: (str(value), Decimal(value))),
    st.sampled_from([(text, None) for text in ("", "1,5", "1e3", "five", " 1", "0.00001", "+1", "NaN", "1_0")]),
)
COSTS = st.one_of(st.just(("", Decimal(0))), AMOUNTS.filter(lambda cell: cell[0] != ""))
KEYS = st.one_of(
    st.text("abcXYZ019-_äß€", min_size=1, max_size=8).map(lambda text: (text, True)),
    st.sampled_from([("", None), (" a", None), ("a\x01b", None), ("\u200b", None)]),
)
MOMENTS = st.one_of(
    st.datetimes(datetime(1980, 1, 2), datetime(2026, 5, 30)).map(lambda at: (at.isoformat(" ", "seconds"), True)),  # noqa: DTZ001
    st.sampled_from([("", None), ("2023-02-29", None), ("3.4.2026", None), ("2027-01-01", None), ("1979-12-31", None)]),
)
ROWS = st.lists(st.tuples(KEYS, MOMENTS, AMOUNTS, COSTS), max_size=25)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(files=st.lists(ROWS, min_size=1, max_size=3))
def test_rows_and_control_sums_add_up_whatever_the_cells_hold(files: list[list]):
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        for module in (folder_module, intake_module):
            patch.setattr(module, "SEEDS", {})
        patch.setattr(repeats, "IMPOSSIBLE", {})
        folder = Path(name)
        for number, rows in enumerate(files):
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(["order_id", "ordered_at", "revenue", "cost", "shelf"])
            # the last column, which no feed wants, keeps two files from being the same one
            writer.writerows([*(cell[0] for cell in row), f"{number}/{i}"] for i, row in enumerate(rows))
            (folder / f"lines-{number}.csv").write_text(text.getvalue() + ("" if rows else "\n" * number))
        taken = Taken(folder)
        good = [row for rows in files for row in rows if all(cell[1] is not None for cell in row)]
        every = [row for rows in files for row in rows]
        assert taken.of("lines", "rejected") == 0, taken.messages()
        assert (taken.of("lines", "rows_in"), taken.of("lines", "loaded")) == (len(every), len(good))
        assert sum(entry[3] for entry in taken.intake.quarantine) == len(every) - len(good)
        for position, measure in ((2, "revenue"), (3, "cost")):
            loaded = sum((row[position][1] for row in good), Decimal(0))
            source = sum((row[position][1] or Decimal(0) for row in every), Decimal(0))
            assert taken.one(f"select coalesce(sum({measure}), 0), count(*) from feed_lines") == (loaded, len(good))
            totals = [total.totals[measure] for total in taken.intake.sources]
            assert sum(total[0] for total in totals) == source
            assert sum(total[0] - total[1] for total in totals) == loaded


# ---- Time.

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Antarctica/Troll", "America/Caracas",
    "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "Pacific/Kiritimati", "America/St_Johns", "Atlantic/Azores",
]  # fmt: skip


def interesting(zone: str) -> list[datetime]:
    """Naive local times: the ends of months, and every 10 minutes around each change of the zone's clocks."""
    there = ZoneInfo(zone)
    days = [datetime(1981, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(45 * 365)]
    changes = [a for a, b in pairwise(days) if a.astimezone(there).utcoffset() != b.astimezone(there).utcoffset()]
    found = [
        (day + timedelta(minutes=10 * step)).replace(tzinfo=None)
        for day in changes[-6:]
        for step in range(-60, 60 + 36 * 6)
    ]
    for year in range(2020, 2026):
        for month in range(1, 13):
            last = datetime(year, month, calendar.monthrange(year, month)[1], tzinfo=UTC).replace(tzinfo=None)
            found += [last + timedelta(hours=hour, minutes=59, seconds=59) for hour in (0, 12, 23)]
            found += [last + timedelta(hours=24 + hour) for hour in (0, 1, 14)]
    return sorted(set(found))


def read_by_zoneinfo(local: datetime, zone: str) -> datetime | None:
    """UTC of a local time when exactly one moment has it."""
    there = ZoneInfo(zone)
    moments = {local.replace(tzinfo=there, fold=fold).astimezone(UTC) for fold in (0, 1)}
    real = [moment for moment in moments if moment.astimezone(there).replace(tzinfo=None) == local]
    return real[0] if len(real) == 1 else None


@pytest.mark.parametrize("zone", ZONES)
def test_local_times_and_months_are_what_zoneinfo_says(zone: str):
    locals_ = interesting(zone)
    con = duckdb.connect()
    con.execute("set TimeZone = 'Asia/Tokyo'")  # the session's zone must not matter
    con.execute("create table given (nth integer, text varchar, typed timestamp)")
    con.executemany("insert into given values (?, ?, ?)", [[i, at.isoformat(" "), at] for i, at in enumerate(locals_)])
    column = Column("at", Kind.MOMENT, "")
    answers = con.execute(
        f"select text_utc, typed_utc, {casting.month('text_utc', zone)}::varchar from (select nth, "
        f"{casting.cast(column, 'text', 'VARCHAR', zone)} as text_utc, "
        f"{casting.cast(column, 'typed', 'TIMESTAMP', zone)} as typed_utc from given) order by nth"
    ).fetchall()
    for local, (from_text, from_typed, month) in zip(locals_, answers, strict=True):
        expected = read_by_zoneinfo(local, zone)
        naive = expected.replace(tzinfo=None) if expected else None
        assert (from_text, from_typed) == (naive, naive), (local, zone)
        if expected:
            assert month == f"{expected.astimezone(ZoneInfo(zone)):%Y-%m}-01", (local, zone)
    if zone not in ("UTC", "Asia/Kolkata", "Pacific/Kiritimati"):
        assert any(answer[0] is None for answer in answers), "no change of the clocks was met"


def test_the_month_of_any_moment_is_the_zones_month():
    con = duckdb.connect()
    con.execute("set TimeZone = 'America/New_York'")
    start = datetime(2024, 1, 30, tzinfo=UTC)
    moments = [start + timedelta(minutes=37 * n) for n in range(3_000)]
    con.execute("create table given (utc timestamp)")
    con.executemany("insert into given values (?)", [[at.replace(tzinfo=None)] for at in moments])
    for zone in ZONES:
        found = con.execute(f"select {casting.month('utc', zone)}::varchar from given order by utc").fetchall()
        assert [row[0] for row in found] == [f"{at.astimezone(ZoneInfo(zone)):%Y-%m}-01" for at in moments]


@pytest.mark.parametrize("session", ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"])
def test_the_session_zone_changes_no_figure(session: str, tmp_path: Path, no_seeds):
    together(
        write('zone = "Europe/Berlin"', "company.toml"),
        write(
            f"{HEADER}\nA,2026-03-31T22:30:00Z,100\nB,2026-03-31 23:30:00,50\nC,2026-04-01T05:00:00+0530,7\nD,2026-04-01,1\n"
        ),
        mapping(
            "select order_id || '-m' as order_id, ordered_at::timestamptz as ordered_at, revenue from 'stamped.csv'"
        ),
        write(f"{HEADER}\nA,2026-03-31T22:30:00+00,100\n", "stamped.csv"),
    )(tmp_path)

    def figures(zone: str) -> list[tuple]:
        con = duckdb.connect()
        con.execute(f"set TimeZone = '{zone}'")
        take_in(con, tmp_path, read_company(tmp_path), lambda _: None, NOW)
        return con.execute("select order_id, ordered_at, month::varchar, revenue from feed_lines order by 1").fetchall()

    at_home = figures("UTC")
    assert figures(session) == at_home
    assert {row[0]: row[2] for row in at_home} == {
        "A": "2026-04-01",
        "A-m": "2026-04-01",
        "B": "2026-03-01",
        "C": "2026-04-01",
        "D": "2026-04-01",
    }


# ---- Sources together.


def test_a_source_that_comes_twice_counts_once_whatever_its_name(tmp_path: Path, no_seeds):
    together(GOOD_LINES, write(f"{HEADER}\n{GOOD}", "lines-2025.csv"), write(f"{HEADER}\n{GOOD}", "lines-z.csv"))(
        tmp_path
    )
    taken = Taken(tmp_path)
    assert [taken.of("lines", what) for what in ("rows_in", "loaded", "quarantined")] == [6, 2, 4]
    assert {entry[2] for entry in taken.intake.quarantine} == {"same content as lines-2025.csv"}


def test_attributes_of_all_sources_become_filters(tmp_path: Path, no_seeds):
    together(
        GOOD_LINES,
        write("customer_id,Loyalty Tier,region\nC1,gold,North\nC2,,South\n", "customers-a.csv"),
        write("customer_id,plan\nC3,yearly\n", "customers-b.csv"),
        write("customer_id\nC4\n", "customers-c.csv"),
    )(tmp_path)
    taken = Taken(tmp_path)
    assert taken.intake.attributes == ["loyalty_tier", "plan"]
    assert taken.con.execute(
        "select customer_id, loyalty_tier, plan, region from feed_customers order by 1"
    ).fetchall() == [
        ("C1", "gold", "(unknown)", "North"),
        ("C2", "(unknown)", "(unknown)", "South"),
        ("C3", "(unknown)", "yearly", "(unknown)"),
        ("C4", "(unknown)", "(unknown)", "(unknown)"),
    ]


def test_no_attribute_can_take_the_name_of_a_column_of_the_customer_table(warehouse: Path):
    names = set(Warehouse(warehouse).current().engine.ask("describe customer", [])["column_name"])
    own = {"payment_plan"}  # what this company's own attribute is called
    assert names - own - set(FEEDS["customers"].names) <= columns.reserved()


def test_the_words_duckdb_reserves_are_all_known():
    query = "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
    assert {row[0] for row in duckdb.connect().execute(query).fetchall()} <= columns.reserved()


@pytest.mark.parametrize(("company", "rows", "currency", "loaded"), [
    ("", "A,2026-01-01,1,EUR\nB,2026-01-01,1,\n", "EUR", 2),
    ("", "A,2026-01-01,1,\n", "", 1),
    ('currency = "USD"', "A,2026-01-01,1,EUR\nB,2026-01-01,1,USD\nC,2026-01-01,1,\n", "USD", 2),
])  # fmt: skip
def test_one_company_has_one_currency(company: str, rows: str, currency: str, loaded: int, tmp_path: Path, no_seeds):
    together(write(company, "company.toml"), write(f"{HEADER},currency\n{rows}"))(tmp_path)
    taken = Taken(tmp_path)
    assert (taken.intake.currency, taken.of("lines", "loaded")) == (currency, loaded)


def test_the_companys_seeds_replace_those_that_ship(tmp_path: Path):
    together(GOOD_LINES, write("channel,label,kind,unit_cost\nfax,Fax,mail,0.30\n", "channels.csv"))(tmp_path)
    taken = Taken(tmp_path)
    assert taken.con.execute("select channel, unit_cost, needs_consent from feed_channels").fetchall() == [
        ("fax", Decimal("0.3"), True)
    ]
    shipped = Path(folder_module.OWN_SEEDS / "rules.csv").read_text().splitlines()
    assert taken.one("select count(*) from feed_rules")[0] == len(shipped) - 1
    assert set(SEEDS) == {source.feed for source in taken.intake.sources} - {"lines"}


def test_files_that_nothing_reads_are_named(tmp_path: Path, no_seeds):
    together(
        mapping("select * from 'orders.csv'"),
        write("x", "notes.txt"),
        write("x", "old_orders.csv"),
        write("x", "lines.csv.bak"),
        write("x", ".hidden.csv"),
    )(tmp_path)
    (tmp_path / "truth").mkdir()
    assert Taken(tmp_path).intake.unused == ["lines.csv.bak", "notes.txt", "old_orders.csv"]


def test_a_repeated_key_with_missing_parts_is_found_too():
    con = duckdb.connect()
    feed = Feed("consents", "", FEEDS["consents"].columns, "", key=("customer_id", "channel", "purpose"))
    con.execute("create table feed_consents (customer_id varchar, channel varchar, purpose varchar, allowed boolean)")
    con.execute(
        "insert into feed_consents values ('C', 'email', null, true), ('C', 'email', null, true), ('C', 'mail', null, true), ('C', 'mail', null, false), ('D', 'mail', 'x', true)"
    )
    same, different = (
        con.execute(f"select count(*) from feed_consents where {where}").fetchone()
        for where, _ in repeats.find(con, feed, set())
    )
    assert (same, different) == ((1,), (2,))


# ---- The command line.


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.rglob("*"))}


def test_a_check_changes_nothing_and_says_what_a_build_would_do(tmp_path: Path):
    folder, warehouse = tmp_path / "shop", tmp_path / "warehouse"
    folder.mkdir()
    together(
        people("tier", ["gold", "call +49 170 1234567", "a"]),
        write(f"{HEADER}\n{GOOD}B,2026-01-01,five\nC,2026-13-01,7.25\n"),
        write("order_id\nA\n", "lines-bad.csv"),
        write("x", "unread.txt"),
    )(folder)
    before = snapshot(tmp_path)
    checked = run_data("check", folder)
    assert checked.returncode == 1
    assert snapshot(tmp_path) == before
    for said in (
        "REFUSED: it lacks ordered_at, revenue",
        "revenue: 37.7500 in the source = 30.5000 loaded + 7.2500 quarantined",
        "quarantined 1 of lines (lines.csv): revenue is not a plain amount",
        "quarantined 1 of customers (customers.csv): tier looks like a phone number",
        "not used by any feed or mapping: unread.txt",
    ):
        assert said in checked.stdout, checked.stdout
    assert "170" not in checked.stdout + checked.stderr

    refused = run_data("build", folder, "--warehouse", warehouse)
    assert refused.returncode == 1 and "lines-bad.csv: it lacks ordered_at, revenue" in refused.stderr
    assert not list(warehouse.glob("*.duckdb"))
    built = run_data("build", folder, "--warehouse", warehouse, "--accept-rejected")
    assert built.returncode == 0, built.stderr
    with duckdb.connect(built.stdout.strip().splitlines()[-1], read_only=True) as con:
        assert con.execute("select sum(revenue), count(*) from ledger where kind = 'line'").fetchone() == (
            Decimal("30.5"),
            2,
        )
        info = con.execute("select rows_in, rows_loaded, rows_quarantined, rows_rejected from build_info").fetchone()
        assert info == (8, 4, 3, 1)
        assert con.execute("select count(*) filter (not holds), count(*) > 10 from tie_out").fetchone() == (0, True)
        assert {row[0] for row in con.execute("select reason from quarantine").fetchall()} == {
            line.split(": ", 1)[1] for line in checked.stdout.splitlines() if line.startswith("quarantined")
        }


def test_a_contact_nobody_knows_the_cost_of_is_left_out_and_said(tmp_path: Path):
    together(
        GOOD_LINES,
        write("channel,label,kind,unit_cost\nmail,Mail,mail,0.70\n", "channels.csv"),
        write(
            "customer_id,channel,occurred_at,cost,arm\nA,mail,2026-01-01,,treated\nA,pigeon,2026-01-01,0.10,treated\n"
            "A,pigeon,2026-01-01,,treated\nA,pigeon,2026-01-01,,control\n",
            "contacts.csv",
        ),
    )(tmp_path)
    taken = Taken(tmp_path)
    assert [taken.of("contacts", what) for what in ("rows_in", "loaded", "quarantined")] == [4, 3, 1]
    assert any("what it cost is not known" in entry[2] for entry in taken.intake.quarantine)
