"""A small database in memory for one piece of work, where what a build and the journal know comes together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from data.engine import HARDENED


@contextmanager
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory, without a way out of it."""
    with duckdb.connect(config=HARDENED) as con:
        con.execute("set lock_configuration = true")
        yield con


def add(con: duckdb.DuckDBPyConnection, table: str, part: pa.RecordBatch) -> None:
    """Append rows to one of its tables."""
    con.register("part", pa.Table.from_batches([part]))
    con.execute(f"insert into {table} select * from part")
    con.unregister("part")
