"""PostgreSQL as a source: a mapping's SELECT runs there and its rows stream into a table here."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from data.files import Rejected, identifier


def stream(environment: Mapping[str, str], variable: str, select: str, con: duckdb.DuckDBPyConnection, table: str) -> None:
    """Run the SELECT on the server whose address the environment variable holds; numerics arrive as exact text."""
    from adbc_driver_postgresql import dbapi  # only companies that read a database pay for it

    if not (address := environment.get(variable)):
        raise Rejected(f"it runs on {variable}, but that environment variable is not set; give it a postgresql:// address")
    try:
        with dbapi.connect(address) as server, server.cursor() as cursor:
            cursor.execute(select.rstrip().rstrip(";"))
            reader = cursor.fetch_record_batch()
            con.register("stream_of_rows", reader)
            con.execute(f"create or replace temp table {identifier(table)} as select * from stream_of_rows")
            con.unregister("stream_of_rows")
    except dbapi.Error as error:
        raise Rejected(f"the server behind {variable} refused it ({type(error).__name__}, SQLSTATE {error.sqlstate or 'unknown'})") from error
