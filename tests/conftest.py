"""What tests share: a simulated company, its warehouse, the real server in a browser, and a PostgreSQL server."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from data.journal.store import Journal

ROOT = Path(__file__).parent.parent
CUSTOMERS = 2_000
SEED = 7


def need(condition: object, reason: str) -> None:
    """Skip the test when something it needs is missing; in CI, where everything is installed, fail instead."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must not skip: {reason}", pytrace=False)
    pytest.skip(reason)


def run_data(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m data …` as a person runs it, from the project's folder."""
    return subprocess.run(
        [sys.executable, "-m", "data", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all test processes of this run share; the first one to ask makes it, the others wait."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = base / name, base / f"{name}.made"
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session", autouse=True)
def a_journal_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test writes into the journal of the person who runs it."""
    os.environ["RAPPORT_JOURNAL"] = str(tmp_path_factory.mktemp("journal"))


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Feeds of a simulated company, with `truth/` beside them. Read only: copy it to change it."""

    def make(folder: Path) -> None:
        done = run_data("simulate", "--customers", str(CUSTOMERS), "--seed", str(SEED), "--to", folder)
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "company", make)


@pytest.fixture(scope="session")
def warehouse(company: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse folder built from `company`. Read only."""

    def make(folder: Path) -> None:
        done = run_data("build", company, "--warehouse", folder)
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "warehouse", make)


@pytest.fixture
def by_hand(warehouse: Path) -> Callable[[str], list[tuple]]:
    """Ask a copy of the served build."""
    from tests import on_screen

    return lambda question: on_screen.asked(warehouse, question)


@pytest.fixture(scope="session")
def untested(warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same build without any model card."""
    from data.model_card import PARTS
    from tests import on_screen

    gone = (f"delete from {table}" for table in ("model_card", *PARTS))
    return on_screen.changed(warehouse, tmp_path_factory.mktemp("untested"), *gone)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen customers who bought once each, without any other feed."""
    from tests import on_screen

    return on_screen.tiny(tmp_path_factory)


@pytest.fixture(scope="module")
def lines(company: Path):
    """The order lines as the company sent them, with their month in its zone; cents."""
    import pandas as pd

    frame = pd.read_parquet(company / "lines.parquet")
    at = pd.to_datetime(frame["ordered_at"], utc=True).dt.tz_convert("Europe/Berlin")
    frame["month"] = at.dt.tz_localize(None).dt.to_period("M")
    frame["cents"] = (frame["revenue"].astype(float) * 100).round().astype(int)
    frame["cost_cents"] = (frame["cost"].astype(float) * 100).round().astype(int)
    return frame


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data sets beside the project, which not everybody has."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data on this machine")
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    """One Chromium for all browser tests of this process."""
    from tests import browser

    need(browser.chromium_path(), "no Chromium: install the package chromium")
    with browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def app_address(chromium, warehouse: Path) -> Iterator[str]:
    """Address of the real server, serving `warehouse`."""
    from tests import browser

    with browser.serve(warehouse) as address:
        yield address


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of an empty PostgreSQL database on a server of our own, gone after the tests."""
    with postgres_server(postgres_binaries()) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """An empty, migrated journal in each of the two databases."""
    from data.journal.store import Journal

    monkeypatch.setenv("RAPPORT_CAMPAIGNS", str(tmp_path / "campaigns"))
    if request.param == "sqlite":
        where = str(tmp_path / "journal")
    else:
        where = new_database(request.getfixturevalue("postgres"))
    opened = Journal(where, tmp_path / "keys" / "audit.keys", tmp_path / "elsewhere" / "checkpoints.jsonl")
    opened.migrate()
    yield opened
    opened.engine.dispose()


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The journal that the app under test uses, empty."""
    from data.journal.store import journal

    monkeypatch.setenv("RAPPORT_JOURNAL", str(tmp_path / "journal"))
    for name in ("RAPPORT_JOURNAL_KEYS", "RAPPORT_CHECKPOINTS"):
        monkeypatch.delenv(name, raising=False)
    return journal()


def ticking(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The journal with a clock that goes on by a second at every look; nobody has guessed yet."""
    from data.journal import misses, view_rows

    monkeypatch.setattr(view_rows, "MISSES", misses.Misses())
    seconds = count()
    journal.clock = lambda: datetime(2026, 11, 22, 12, tzinfo=UTC) + timedelta(seconds=next(seconds))
    return journal


def new_database(server: str) -> str:
    """Address of a new, empty database on a PostgreSQL server."""
    import psycopg

    name = f"journal_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.rsplit("/", 1)[0] + f"/{name}"


def postgres_binaries() -> Path:
    """The folder of PostgreSQL's programs."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = binaries[-1] if binaries else shutil.which("initdb")
    need(initdb, "no PostgreSQL: install the package postgresql")
    return Path(initdb).parent


@contextmanager
def postgres_server(binaries: Path, fsync: str = "off") -> Iterator[str]:
    """Start a throw-away PostgreSQL server; its own account when we are root, which PostgreSQL refuses to run as."""
    # not pytest's folder: the account must be able to reach it, and a socket's path may have 107 characters at most
    folder = Path(tempfile.mkdtemp(prefix="rapport-postgres-"))
    account: dict = {"cwd": folder}
    if os.geteuid() == 0:
        account |= {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    password = "only-for-tests"
    password_file = folder / "password"
    password_file.write_text(password)
    if os.geteuid() == 0:
        shutil.chown(password_file, "postgres", "postgres")
    port = free_port()
    data = folder / "data"
    initdb = [binaries / "initdb", "-D", data, "-U", "rapport", "-A", "scram-sha-256", "--pwfile", password_file]
    initdb += ["-E", "UTF8", "--locale=C", "--no-sync"]
    settings = f"-c port={port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync={fsync}"
    pg_ctl = [binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    try:
        subprocess.run(initdb, check=True, capture_output=True, **account)
        # to a file, not a pipe: the server inherits it, and waiting for a pipe to close would never end
        subprocess.run([*pg_ctl, "-o", settings, "start"], check=True, stdout=subprocess.DEVNULL, **account)
        yield f"postgresql://rapport:{password}@127.0.0.1:{port}/postgres"
    finally:
        if (data / "postmaster.pid").exists():
            subprocess.run([*pg_ctl, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, **account)
        shutil.rmtree(folder)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
