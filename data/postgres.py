"""PostgreSQL as a source: a mapping's SELECT runs there and its rows stream into a table here."""

from __future__ import annotations

import re
from collections.abc import Mapping

import duckdb

from data.files import Rejected, identifier

REASONS = {
    "28": "it refused the sign-in; check user and password",
    "42501": "this user may not read what the mapping selects",
    "25006": "a mapping only reads, and this one would change something",
}


def stream(
    environment: Mapping[str, str], variable: str, select: str, con: duckdb.DuckDBPyConnection, table: str
) -> None:
    """Run the SELECT, read only, on the server whose address the variable holds; numerics arrive as exact text."""
    if not (address := environment.get(variable)):
        raise Rejected(
            f"it runs on {variable}, but that environment variable is not set; give it a postgresql:// address"
        )
    from adbc_driver_postgresql import dbapi  # only companies that read a database pay for it

    behind = f"the server behind {variable}"
    try:
        server = dbapi.connect(address)
    except dbapi.Error as error:
        raise Rejected(f"{behind}: {unreachable(str(error))}") from error
    try:
        with server, server.cursor() as cursor:
            cursor.execute("set transaction read only")
            cursor.execute(select.rstrip().rstrip(";"))
            reader = cursor.fetch_record_batch()
            check_types(reader.schema)
            con.register("stream_of_rows", reader)
            con.execute(f"create or replace temp table {identifier(table)} as select * from stream_of_rows")
    except (dbapi.Error, duckdb.InvalidInputException) as error:  # DuckDB passes on what breaks the stream
        raise Rejected(f"{behind}: {reason(str(error))}") from error
    finally:
        con.unregister("stream_of_rows")


def check_types(schema) -> None:
    """Refuse what would arrive as another number: money comes as a count of its smallest unit."""
    if not schema.names:
        raise Rejected("a mapping is exactly one SELECT")
    for column in schema:
        if (column.metadata or {}).get(b"POSTGRESQL:type") == b"money":
            raise Rejected(f"column {column.name} has the type money; select it as {column.name}::numeric")


def unreachable(text: str) -> str:
    """Why there is no connection, without its address or password."""
    if "password" in text:
        return REASONS["28"]
    return "it cannot be reached; check the address in the environment variable, and that the server runs"


def reason(text: str) -> str:
    """What the server said of the statement, without any value of the data."""
    found = re.search(r"SQLSTATE:? (\w{5})", text)
    sqlstate = found.group(1) if found else ""
    for code, meaning in REASONS.items():
        if sqlstate.startswith(code):
            return meaning
    # class 42 is about the statement's own text: unknown tables, columns, syntax
    said = re.search(r"ERROR:\s+(.+)", text) if sqlstate.startswith("42") else None
    what = said.group(1).strip() if said else "it could not run the statement, or not to its end"
    return f"{what} (SQLSTATE {sqlstate})" if sqlstate else what
