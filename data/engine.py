"""The door to a database: one method wide, so that another engine fits behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import duckdb
import pandas as pd
import pyarrow as pa

HARDENED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "memory_limit": "2GiB",
}
OPENING = Lock()


class Engine(Protocol):
    """Anything that answers one SELECT with bound values."""

    def ask(self, sql: str, values: list) -> pd.DataFrame: ...


class DuckDB:
    """One build file, read only, without a way out of it. Money arrives as float64: exact to the cent below 10¹¹."""

    def __init__(self, file: Path):
        with OPENING:  # within a process DuckDB shares one instance of a file, which can be set up only once
            self.connection = duckdb.connect(str(file), read_only=True, config=HARDENED)
            if not self.connection.execute("select current_setting('lock_configuration')").fetchall()[0][0]:
                self.connection.execute("set global TimeZone = 'UTC'")
                self.connection.execute("set lock_configuration = true")

    def ask(self, sql: str, values: list) -> pd.DataFrame:
        """The answer as a data frame."""
        with self.connection.cursor() as cursor:  # one cursor a question: the connection is shared by threads
            return cursor.execute(sql, values).df()

    @contextmanager
    def reader(self, sql: str, values: list | dict[str, Any], rows: int) -> Iterator[pa.RecordBatchReader]:
        """The answer in parts of so many rows, for files: exact, and never whole in memory."""
        with self.connection.cursor() as cursor:
            yield cursor.sql(sql, params=values).to_arrow_reader(rows)
