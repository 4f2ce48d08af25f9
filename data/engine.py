"""The door to a database: one method wide, so that another engine fits behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import duckdb
import pandas as pd

HARDENED = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "TimeZone": "'UTC'",
    "memory_limit": "'2GiB'",
    "lock_configuration": "true",
}


class Engine(Protocol):
    """Anything that answers one SELECT with bound values."""

    def ask(self, sql: str, values: list) -> pd.DataFrame: ...


class DuckDB:
    """One build file, read only, without a way out of it. Money arrives as float64: exact to the cent below 10¹¹."""

    def __init__(self, file: Path):
        self.connection = duckdb.connect(str(file), read_only=True)
        for name, value in HARDENED.items():  # the lock comes last
            self.connection.execute(f"set {name} = {value}")

    def ask(self, sql: str, values: list) -> pd.DataFrame:
        with self.connection.cursor() as cursor:  # one cursor a question: the connection is shared by threads
            return cursor.execute(sql, values).df()
