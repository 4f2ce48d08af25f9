"""Every hostile file ends as its table says: loaded, quarantined or refused, never silently wrong, never hanging."""

from __future__ import annotations

import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from data import folder as folder_module
from data import intake as intake_module
from data import repeats, sheets
from data.company import Unusable, read_company
from data.files import one
from data.intake import Intake, take_in
from tests.hostile import (
    CASES,
    GOOD,
    GOOD_LINES,
    HEADER,
    KEEPS,
    MAIL,
    NOW,
    Case,
    mapping,
    people,
    together,
    workbook,
    write,
)

SECONDS = 10


@pytest.fixture(autouse=True)
def no_seeds(monkeypatch: pytest.MonkeyPatch):
    """The seeds have nothing to do with these files, and reading them would take most of the time."""
    for module in (folder_module, intake_module):
        monkeypatch.setattr(module, "SEEDS", {})
    monkeypatch.setattr(repeats, "IMPOSSIBLE", {})  # it looks the channels up


@contextmanager
def time_limit(seconds: int = SECONDS) -> Iterator[None]:
    """Fail instead of hanging, also inside a system call that waits for a pipe."""

    def stop(*_):
        raise TimeoutError(f"not done after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Taken:
    """A folder taken in: the intake, the connection with the feed tables, and everything that was said."""

    def __init__(self, folder: Path, database: str = ":memory:"):
        self.said: list[str] = []
        self.con = duckdb.connect(database)
        self.con.execute("set threads = 1; set TimeZone = 'UTC'; set python_enable_replacements = false")
        with time_limit():
            self.intake: Intake = take_in(self.con, folder, read_company(folder), self.said.append, NOW)

    def of(self, feed: str, what: str) -> int:
        return sum(getattr(source, what) for source in self.intake.sources if source.feed == feed)

    def messages(self) -> list[str]:
        reasons = [source.reason for source in self.intake.sources] + [entry[2] for entry in self.intake.quarantine]
        return self.said + reasons

    def one(self, sql: str) -> tuple:
        return one(self.con, sql)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_hostile_source_ends_as_its_table_says(case: Case, tmp_path: Path):
    case.make(tmp_path)
    if case.unusable:
        with pytest.raises(Unusable, match="(?s)" + case.unusable.replace("(", r"\(")) as caught:
            Taken(tmp_path)
        assert not any(secret in str(caught.value) for secret in case.secrets)
        return
    taken = Taken(tmp_path)
    own = [source for source in taken.intake.sources if source.feed == case.feed]
    reasons = [source.reason for source in own if source.reason]
    assert [taken.of(case.feed, what) for what in ("loaded", "quarantined", "rejected")] == [
        case.loaded,
        case.quarantined,
        case.rejected,
    ], taken.messages()
    for source in own:
        assert source.rows_in == source.loaded + source.quarantined + source.rejected
    rows, revenue = taken.one(
        f"select (select count(*) from feed_{case.feed}), coalesce(sum(revenue), 0) from feed_lines"
    )
    assert (rows, revenue) == (case.loaded, case.revenue)
    assert bool(reasons) == bool(
        case.refused
        or case.name in ("random bytes",)
        or not (case.loaded or case.quarantined or case.name == "header only")
    )
    assert not case.refused or any(case.refused in reason for reason in reasons), reasons
    assert sum(entry[3] for entry in taken.intake.quarantine) == case.quarantined
    assert not case.quarantine or all(case.quarantine in entry[2] for entry in taken.intake.quarantine)
    for secret in case.secrets:
        assert not any(secret in message for message in taken.messages())


def test_the_names_of_the_cases_differ_and_there_are_enough_of_them():
    print(f"{len(CASES)} hostile sources")
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(f"{HEADER}\n{GOOD}")(tmp_path)
    real = folder_module.relation

    def grows_afterwards(path: Path, con) -> str:
        relation = real(path, con)
        if path.name == "lines.csv":
            with path.open("a") as file:
                file.write("G3,2026-01-01,1.00\n")
        return relation

    monkeypatch.setattr(folder_module, "relation", grows_afterwards)
    taken = Taken(tmp_path)
    (lines,) = (source for source in taken.intake.sources if source.feed == "lines")
    assert "it changed while it was read" in lines.reason
    assert taken.one("select count(*) from feed_lines") == (0,)


def test_a_file_that_disappears_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(f"{HEADER}\n{GOOD}")(tmp_path)
    real = folder_module.relation

    def gone(path: Path, con) -> str:
        if path.name == "lines.csv":
            path.unlink()
        return real(path, con)

    monkeypatch.setattr(folder_module, "relation", gone)
    taken = Taken(tmp_path)
    assert [source.reason for source in taken.intake.sources if source.feed == "lines"] == ["No such file or directory"]


def test_a_file_that_may_not_be_read_is_refused():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        GOOD_LINES(folder)
        folder.chmod(0o755)
        (folder / "lines.csv").chmod(0)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65534)  # root may read everything; nobody may not
            taken = Taken(folder)
        finally:
            if root:
                os.seteuid(0)
        (lines,) = (source for source in taken.intake.sources if source.feed == "lines")
        assert lines.reason == "it may not be read by this user; change its permissions"
        assert stat.S_IMODE((folder / "lines.csv").stat().st_mode) == 0


def test_a_folder_with_quotes_brackets_and_an_equals_sign_is_just_a_name(tmp_path: Path):
    folder = tmp_path / "it's [a]*" / "region=EU"
    folder.mkdir(parents=True)
    together(GOOD_LINES, people("tier", ["gold"]))(folder)
    taken = Taken(folder)
    assert taken.of("lines", "loaded") == 2
    assert taken.intake.attributes == ["tier"]
    assert taken.one("select region, tier from feed_customers") == ("(unknown)", "gold")


def test_no_row_of_a_long_sheet_gets_lost_between_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sheets, "BATCH", 7)
    rows = [(f"O{i}", "2026-01-01", i) for i in range(100)]
    workbook(("order_id", "ordered_at", "revenue"), *rows)(tmp_path)
    taken = Taken(tmp_path)
    assert taken.of("lines", "loaded") == 100
    assert taken.one("select sum(revenue) from feed_lines") == (Decimal(sum(range(100))),)


def test_what_was_left_out_is_nowhere_in_the_database_file(tmp_path: Path):
    folder, database = tmp_path / "in", tmp_path / "draft.duckdb"
    folder.mkdir()
    lines = "".join(f"O{i},2026-01-01,1.00,{'ask ' + MAIL if i == 500 else 'plain'}\n" for i in range(1_000))
    together(
        people("contact_via", [f"{i}{MAIL}" for i in range(3_000)]),
        write(f"{HEADER},category\n{lines}"),
        workbook(("partner_id", "partner_name", "email"), ("P1", "Mill", MAIL), file="partners.xlsx"),
        write("-- feeds: campaigns\nselect campaign_id from 'raw.xlsx'", "c.sql"),
        workbook(("campaign_id", "owner"), ("K1", MAIL), file="raw.xlsx"),
    )(folder)
    taken = Taken(folder, str(database))
    assert (taken.of("lines", "quarantined"), taken.of("customers", "rejected"), taken.of("campaigns", "loaded")) == (
        1,
        3_000,
        1,
    )
    left = taken.con.execute("select table_name from duckdb_tables() where table_name not like 'feed%'").fetchall()
    assert left == []
    taken.con.execute("checkpoint")
    taken.con.close()
    assert MAIL.encode() not in database.read_bytes()


def test_a_pseudonym_replaces_the_only_key_and_its_secret_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAPPORT_PSEUDONYM_KEY", "b7Qz2LxV9mTt4KpR8sWd1YcF6nHj3GaE")
    together(
        mapping("select order_id, ordered_at, revenue, pseudonym(mail) as customer_id from 'shop.csv'"),
        write(f"{HEADER},mail\nA,2026-01-01,1.00,{MAIL}\nB,2026-01-01,2.00,{MAIL}\n", "shop.csv"),
    )(tmp_path)
    taken = Taken(tmp_path)
    keys, length = taken.one("select count(distinct customer_id), max(length(customer_id)) from feed_lines")
    assert (keys, length, taken.of("lines", "loaded")) == (1, 64, 2)
    assert taken.con.execute("select * from duckdb_functions() where function_name = 'pseudonym'").fetchall() == []


def test_a_weak_pseudonym_key_is_refused_without_showing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RAPPORT_PSEUDONYM_KEY", "swordfish")
    mapping("select *, pseudonym(order_id) as customer_id from 'orders.csv'")(tmp_path)
    reasons = [source.reason for source in Taken(tmp_path).intake.sources if source.feed == "lines"]
    assert "too easy to guess" in reasons[0] and "swordfish" not in reasons[0]


def test_a_mapping_writes_nothing_anywhere(tmp_path: Path):
    for i, sql in enumerate(("copy (select 1) to '{}/out.csv'", "attach '{}/out.duckdb'", "export database '{}/out'")):
        folder = tmp_path / str(i)
        folder.mkdir()
        together(GOOD_LINES, mapping(sql.format(folder)))(folder)
        before = sorted(folder.iterdir())
        assert Taken(folder).one("select sum(revenue) from feed_lines") == (KEEPS,)
        assert sorted(folder.iterdir()) == before
