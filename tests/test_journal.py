"""The journal keeps what it acknowledged, and never a change without its audit row, whatever is killed and when."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from data.journal import audit, grants, people
from data.journal.problems import JournalError
from data.journal.schema import AUDIT, METADATA, PERSON, SESSION, TOXIC_PAIR
from data.journal.store import Journal
from data.rights import END_SESSIONS, SYSTEM, TOXIC, VIEW_AS, Forbidden, Held
from tests.colleagues import CLAIMS, come
from tests.conftest import ROOT, new_database, postgres_binaries, postgres_server

ACKNOWLEDGED = 20_000


# Where things are


def test_the_migrations_make_the_tables_that_the_code_expects(journal):
    with journal.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, METADATA) == []
        inspector = sa.inspect(connection)
        for name, table in METADATA.tables.items():
            expected = {one.name for one in table.constraints if isinstance(one, sa.CheckConstraint)}
            assert {one["name"] for one in inspector.get_check_constraints(name)} == expected


def test_the_databases_toxic_pairs_are_those_of_the_rights(journal):
    assert {frozenset(row) for row in journal.rows(sa.select(TOXIC_PAIR))} == TOXIC


def test_several_processes_may_migrate_at_once_and_again(journal, tmp_path, request):
    postgres = journal.engine.dialect.name == "postgresql"
    where = new_database(request.getfixturevalue("postgres")) if postgres else str(tmp_path / "new")
    code = "from data.journal.store import Journal; j = Journal(); j.migrate(); j.migrate(); j.record(__import__('data.rights').rights.SYSTEM, 'here')"
    environment = os.environ | {"RAPPORT_JOURNAL": where, "RAPPORT_JOURNAL_KEYS": str(tmp_path / "k" / "new.keys")}
    environment["RAPPORT_CHECKPOINTS"] = str(tmp_path / "new.jsonl")
    started = [subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment) for _ in range(4)]
    assert [process.wait(60) for process in started] == [0] * 4
    opened = Journal(where, tmp_path / "k" / "new.keys", tmp_path / "new.jsonl")
    assert audit.verify(opened).ok and len(opened.keys.all()) == 1 and audit.count(opened, action="here") == 4
    opened.engine.dispose()


def test_the_files_are_for_the_servers_account_only(tmp_path):
    old = os.umask(0)
    try:
        opened = Journal(str(tmp_path / "journal"))
        opened.migrate()
        opened.record(SYSTEM, "here")
        found = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "journal").iterdir()}
    finally:
        os.umask(old)
    assert {"journal.db", "journal.db-wal", "audit.keys", "checkpoints.jsonl"} <= found.keys()
    assert set(found.values()) == {0o600}
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o700
    opened.engine.dispose()


def test_sqlite_is_told_to_wait_for_the_disk(tmp_path):
    opened = Journal(str(tmp_path / "journal"))
    with opened.engine.connect() as connection:
        said = [connection.exec_driver_sql(f"pragma {name}").scalar() for name in
                ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")]  # fmt: skip
    assert said[:3] == ["wal", 2, 1] and said[3] >= 10_000
    opened.engine.dispose()


@pytest.mark.parametrize("where", ["mysql://u:geheim@h/d", "postgresql+nothing", "http://geheim", "sqlite://"])
def test_a_place_that_is_none_is_refused_without_showing_a_password(where, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if "://" not in where:
        assert Journal(where).folder == tmp_path / where  # any other text is a folder
        return
    with pytest.raises(JournalError) as refused:
        Journal(where)
    assert "geheim" not in str(refused.value)


def test_a_server_that_does_not_answer_is_said_without_the_password():
    opened = Journal("postgresql://somebody:geheim@127.0.0.1:1/nowhere")
    with pytest.raises(JournalError) as refused:
        opened.migrate()
    assert "geheim" not in str(refused.value) and "127.0.0.1" in str(refused.value)


# One transaction


def test_a_change_and_its_audit_row_stand_together(journal):
    boss = come(journal, "boss", "admin")
    other = come(journal, "other", "executive")
    before = audit.count(journal)
    assert people.end_sessions(journal, boss, other.person) == 1
    row = audit.entries(journal)[0]
    assert audit.count(journal) == before + 1
    assert (row.actor, row.session, row.action, row.target) == (boss.person, boss.session, "sessions.end", other.person)
    assert row.detail == '{"ended":1}'


def test_an_error_in_the_body_undoes_everything_and_leaves_no_row(journal):
    boss = come(journal, "boss", "admin")
    before = everything(journal)

    def breaks() -> None:
        with journal.write(boss, END_SESSIONS, "sessions.end") as connection:
            connection.execute(SESSION.update().values(ended_at="now"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        breaks()
    assert everything(journal) == before


@pytest.mark.parametrize("by_the_body", [True, False])
def test_what_is_forbidden_is_undone_and_noted_as_denied(journal, by_the_body):
    who = come(journal, "ann", "admin" if by_the_body else "executive")
    before, rows = everything(journal, without=AUDIT), audit.count(journal)

    def tries() -> None:
        with journal.write(who, VIEW_AS, "view-as", "somebody", "build-1") as connection:
            connection.execute(PERSON.update().values(name="changed"))
            raise Forbidden("not yours")

    with pytest.raises(Forbidden):
        tries()
    assert everything(journal, without=AUDIT) == before and audit.count(journal) == rows + 1
    row = audit.entries(journal)[0]
    assert (row.actor, row.action, row.target, row.build) == (who.person, "denied", "somebody", "build-1")
    assert '"action":"view-as"' in row.detail


def test_a_write_inside_a_write_is_an_error_and_not_a_wait(journal):
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="inside another write"), journal.write(SYSTEM, VIEW_AS, "outer"):
        journal.record(SYSTEM, "inner")
    assert time.monotonic() < began + 5 and audit.count(journal) == 0


def everything(journal: Journal, without: sa.Table | None = None) -> dict[str, list]:
    """All rows of all tables."""
    return {t.name: sorted(map(repr, journal.rows(sa.select(t)))) for t in METADATA.sorted_tables if t is not without}


def calls(journal: Journal) -> dict:
    """Every function of people and grants that writes, ready to be called once."""
    ann, bob = come(journal, "ann", "admin"), come(journal, "bob", "admin")
    eve, cat = come(journal, "eve", "executive"), come(journal, "cat", "manager M01")
    open_, given = (grants.ask(journal, ann, cat.person, "manager", "new book", s) for s in ("M02", "M03"))
    grants.decide(journal, bob, given, True)
    taken = grants.take_in_emergency(journal, eve, "admin", "nobody is here")
    grants.revoke(journal, ann, taken)  # it is reviewed when it is over
    return {
        "sign_in, new": lambda: people.sign_in(journal, CLAIMS | {"sub": "new", "iat": 9}, "demo", [Held("executive")]),
        "sign_in, known": lambda: people.sign_in(journal, CLAIMS | {"sub": "ann", "iat": 9}, "demo", []),
        "end_session": lambda: people.end_session(journal, cat.session, "signed out"),
        "end_sessions": lambda: people.end_sessions(journal, ann, cat.person),
        "ask": lambda: grants.ask(journal, ann, cat.person, "manager", "another", "M04"),
        "decide": lambda: grants.decide(journal, bob, open_, True),
        "refuse": lambda: grants.decide(journal, bob, open_, False),
        "revoke": lambda: grants.revoke(journal, ann, given),
        "take_in_emergency": lambda: grants.take_in_emergency(journal, come(journal, "app", "approver"), "admin", "x"),
        "review": lambda: grants.review(journal, ann, taken, "was in order"),
    }  # fmt: skip


CALLS = ["sign_in, new", "sign_in, known", "end_session", "end_sessions", "ask", "decide", "refuse", "revoke",
         "take_in_emergency", "review"]  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_no_call_changes_anything_without_its_audit_row(journal, name, monkeypatch):
    """Done, there are both; when the audit cannot be written, or the process dies before the commit, neither."""
    ready = calls(journal)
    assert list(ready) == CALLS
    come(journal, "app", "approver")
    before, rows, append = everything(journal), audit.count(journal), Journal._append

    def broken(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(Journal, "_append", broken)
    with pytest.raises(OSError, match="no space left"):
        ready[name]()
    assert everything(journal) == before

    def killed(*arguments):
        append(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(Journal, "_append", killed)
    journal.engine.dispose()  # a connection must not be shared with a forked process
    if not (child := os.fork()):
        ready[name]()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert everything(journal) == before

    monkeypatch.setattr(Journal, "_append", append)
    ready[name]()
    after = everything(journal)
    assert audit.count(journal) == rows + 1
    assert {table for table in after if after[table] != before[table]} > {"audit"}
    assert audit.verify(journal).ok


# Many at once


def test_twenty_threads_append_without_an_error_a_gap_or_a_fork(journal):
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda n: [journal.record(SYSTEM, "tick", f"{n}/{i}") for i in range(50)], range(20)))
    rows = journal.rows(sa.select(AUDIT.c.seq, AUDIT.c.target).order_by(AUDIT.c.seq))
    assert [row.seq for row in rows] == list(range(1, 1001))
    assert {row.target for row in rows} == {f"{n}/{i}" for n in range(20) for i in range(50)}
    assert audit.verify(journal).ok


def test_readers_do_not_wait_for_a_writer(journal):
    with journal.write(SYSTEM, VIEW_AS, "slow"):
        began = time.monotonic()
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(audit.count, journal).result(5) == 0
        assert time.monotonic() < began + 2


def test_knowing_who_somebody_is_takes_one_select_for_the_session_and_one_for_the_roles(journal):
    cat = come(journal, "cat", "manager M01")
    said: list[str] = []
    sa.event.listen(journal.engine, "before_cursor_execute", lambda *call: said.append(call[2]))
    session = people.alive(journal, cat.session)
    assert len(said) == 1 and people.actor_of(journal, session) == cat and len(said) == 2


# Kills


def kill_until_acknowledged(where: str, folder: Path) -> subprocess.Popen:
    """Start tests.journal_writer; its answer is the number of kills."""
    environment = os.environ | {"RAPPORT_JOURNAL": where, "RAPPORT_JOURNAL_KEYS": str(folder / "audit.keys")}
    environment["RAPPORT_CHECKPOINTS"] = str(folder / "checkpoints.jsonl")
    command = [sys.executable, "-m", "tests.journal_writer", str(folder / "acks"), str(ACKNOWLEDGED)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def nothing_is_lost(where: str, folder: Path, kills: str) -> None:
    """Every acknowledged row is in the trail once, and the trail is unbroken."""
    opened = Journal(where, folder / "audit.keys", folder / "checkpoints.jsonl")
    written = [row.target for row in opened.rows(sa.select(AUDIT.c.target).where(AUDIT.c.action == "tick"))]
    acknowledged = (folder / "acks").read_text().splitlines()
    assert len(acknowledged) >= ACKNOWLEDGED and int(kills) >= 10
    assert set(acknowledged) - set(written) == set() and len(set(written)) == len(written)
    verdict = audit.verify(opened)
    assert verdict.ok, verdict.faults
    opened.engine.dispose()


def test_20000_acknowledged_rows_survive_killed_writers_in_sqlite(tmp_path):
    where = str(tmp_path / "journal")
    opened = Journal(where, tmp_path / "audit.keys", tmp_path / "checkpoints.jsonl")
    opened.migrate()
    opened.engine.dispose()
    kills, _ = kill_until_acknowledged(where, tmp_path).communicate(timeout=300)
    nothing_is_lost(where, tmp_path, kills)
    with sa.create_engine(f"sqlite:///{where}/journal.db").connect() as connection:
        assert connection.exec_driver_sql("pragma integrity_check").scalar() == "ok"


def test_20000_acknowledged_rows_survive_killed_writers_and_a_killed_postgresql_server(tmp_path):
    binaries = postgres_binaries()
    with postgres_server(binaries, fsync="on") as server:
        where = new_database(server)
        opened = Journal(where, tmp_path / "audit.keys", tmp_path / "checkpoints.jsonl")
        opened.migrate()
        opened.engine.dispose()
        with psycopg.connect(server) as connection:
            data = Path(connection.execute("show data_directory").fetchone()[0])
            assert connection.execute("show fsync").fetchone()[0] == "on"
        writers, crashes = kill_until_acknowledged(where, tmp_path), 0
        while writers.poll() is None:
            time.sleep(random.uniform(1, 3))
            if crashes < 4 and writers.poll() is None:
                crash(binaries, data, hard=crashes % 2 == 0)
                crashes += 1
        nothing_is_lost(where, tmp_path, writers.communicate()[0])
        assert crashes >= 3


def crash(binaries: Path, data: Path, hard: bool) -> None:
    """End a PostgreSQL server without a shutdown (hard: every process by SIGKILL) and start it again."""
    account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    options = (data / "postmaster.opts").read_text().split(" ", 1)[1].replace('"', "")
    pg_ctl = [binaries / "pg_ctl", "-D", data, "-w", "-l", data.parent / "log"]
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": data.parent}
    if hard:
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    else:
        subprocess.run([*pg_ctl, "-m", "immediate", "stop"], **quiet, **account)
    for _ in range(50):  # a server whose children have not noticed yet refuses to start
        if subprocess.run([*pg_ctl, "-o", options, "start"], **(quiet | {"check": False}), **account).returncode == 0:
            return
        time.sleep(0.2)
    raise AssertionError((data.parent / "log").read_text()[-2000:])
