"""The journal's database: where it is, how it is opened, and its migrations."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from data.journal.problems import JournalError

LOCK = 7_273_104_411  # PostgreSQL: everybody who writes to the journal holds it until the end of the transaction
BUSY_MILLISECONDS = 20_000
APPEND_ONLY = (
    *("audit", "view_version", "campaign", "campaign_version", "campaign_step", "campaign_response"),
    *("release", "release_customer", "release_step"),
)
CHANGING = (  # in part, or once
    *("role_grant", "session", "person", "segment", "campaign_delivery", "campaign_batch"),
    *("plan", "override"),
)
NEVER_DELETED = (*APPEND_ONLY, *CHANGING, "toxic_pair")
GUARDS = (
    *(f"{table}_no_update" for table in (*APPEND_ONLY, "toxic_pair")),
    *(f"{table}_no_delete" for table in NEVER_DELETED),
    *(f"{table}_fixed" for table in CHANGING),
    *(f"{table}_next" for table in ("audit", "campaign_version", "campaign_step", "release_customer", "release_step")),
)
SQLITE_GUARDS = (
    *(f"{table}_no_replace" for table in NEVER_DELETED if table != "audit"),
    "override_no_second",
    "role_grant_toxic_insert",
    "role_grant_toxic_update",
)
POSTGRESQL_GUARDS = (*(f"{table}_no_truncate" for table in NEVER_DELETED), "role_grant_toxic")


def place(where: str) -> tuple[sa.URL, Path]:
    """The database's address, and the folder for what lies beside it; both from an address or a folder."""
    where = where or "journal"
    if "://" not in where:
        folder = Path(where).absolute()
        return sa.URL.create("sqlite", database=str(folder / "journal.db")), folder
    scheme, rest = where.split("://", 1)
    try:
        url = sa.make_url(
            f"{ {'postgresql': 'postgresql+psycopg', 'postgres': 'postgresql+psycopg'}.get(scheme, scheme) }://{rest}"
        )
    except sa.exc.ArgumentError:  # not the text itself: it may show a password
        raise JournalError("RAPPORT_JOURNAL is neither a folder nor an address such as postgresql://…") from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return url, Path(url.database).absolute().parent
    if url.get_backend_name() == "postgresql":
        return url, Path("journal").absolute()
    raise JournalError(f"The journal can be kept in a folder or in PostgreSQL, not at {scheme}://…")


def engine(url: sa.URL) -> sa.Engine:
    """Connections to the database. Those with the option `writes` come one by one, across all processes."""
    sqlite = url.get_backend_name() == "sqlite"
    if sqlite:
        prepare(Path(str(url.database)))
    made = sa.create_engine(url, pool_size=8, max_overflow=40, pool_pre_ping=not sqlite)

    @sa.event.listens_for(made, "connect")
    def connected(connection: Any, _: Any) -> None:
        if sqlite:
            connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for setting in settings(sqlite):
            cursor.execute(setting)
        cursor.close()
        if not sqlite:
            connection.commit()

    @sa.event.listens_for(made, "begin")
    def begun(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("writes"):
            if sqlite:
                connection.exec_driver_sql("begin immediate")
            else:
                connection.exec_driver_sql("select pg_advisory_xact_lock(%s)", (LOCK,))

    return made


def settings(sqlite: bool) -> tuple[str, ...]:
    """What every connection is told: nothing is acknowledged before it is on the disk."""
    if sqlite:
        return (
            f"pragma busy_timeout = {BUSY_MILLISECONDS}",
            "pragma synchronous = full",
            "pragma foreign_keys = on",
            "pragma recursive_triggers = on",
        )
    return ("set synchronous_commit = on", f"set lock_timeout = {BUSY_MILLISECONDS}", "set timezone = 'UTC'")


def prepare(file: Path) -> None:
    """Make the folder and the file, for our account only, and switch the file to a write-ahead log."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.parent.stat().st_mode & 0o077:
            file.parent.chmod(0o700)
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # SQLite does not wait when two processes switch at once
            if not file.exists():
                os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
                os.fsync(folder)
            if file.stat().st_mode & 0o077:
                file.chmod(0o600)
            connection = sqlite3.connect(file, timeout=BUSY_MILLISECONDS / 1000)
            try:
                connection.execute("pragma journal_mode = wal").fetchall()
            finally:
                connection.close()
        finally:
            os.close(folder)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(
            f"The journal in {file.parent} cannot be opened ({error}). Is the folder ours, and is there room?"
        ) from None


def migrate(opened: sa.Engine) -> None:
    """Run the migrations that are lacking, in one transaction, while nobody writes."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with opened.execution_options(writes=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            role = os.environ.get("RAPPORT_JOURNAL_ROLE", "")
            if role and connection.dialect.name == "postgresql":
                allow(connection, role)
    except sa.exc.DBAPIError as error:
        where = opened.url.render_as_string(hide_password=True)
        raise JournalError(f"The journal at {where} cannot be opened or brought up to date: {error.orig}") from None


def allow(connection: sa.Connection, role: str) -> None:
    """Let the application's role read and append, change what may change, and delete nothing."""
    if connection.scalar(sa.text("select current_user")) == role:
        return  # the role itself cannot, and need not
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    for table in sa.inspect(connection).get_table_names():
        if table in ("alembic_version", "toxic_pair"):
            rights = "select"
        elif table in APPEND_ONLY:
            rights = "select, insert"
        elif table == "default_view":  # a pointer: what it was is in the audit
            rights = "select, insert, update, delete"
        else:
            rights = "select, insert, update"
        connection.exec_driver_sql(f"revoke all on {table} from {quoted}")
        connection.exec_driver_sql(f"grant {rights} on {table} to {quoted}")


def missing_guards(opened: sa.Engine) -> list[str]:
    """Triggers that the migrations made and somebody dropped or switched off."""
    with opened.connect() as connection:
        if connection.dialect.name == "postgresql":
            names = "select tgname from pg_trigger where not tgisinternal and tgenabled in ('O', 'A')"
            there = set(connection.exec_driver_sql(names).scalars())
            return sorted(({*GUARDS, *POSTGRESQL_GUARDS}) - there)
        there = set(connection.exec_driver_sql("select name from sqlite_master where type = 'trigger'").scalars())
        return sorted(({*GUARDS, *SQLITE_GUARDS}) - there)
