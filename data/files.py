"""Source files: which may be opened, and each one as a DuckDB relation whose text is still text.

A file is taken whole or refused with a reason; what is inside is judged later, value by value.
"""

from __future__ import annotations

import csv
import hashlib
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

HEAD = 1 << 16
MOST_COLUMNS = 1_000
MOST_XLSX_BYTES = 2 << 30
DELIMITERS = ",;\t|"
SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx")
PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar")


class Rejected(Exception):
    """A file that cannot be taken; the message says why and what to do, and never repeats a value."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file was when it was opened, so that a change while it is read is noticed."""

    bytes: int
    modified: int
    sha256: str


def fingerprint(path: Path, hashed: str = "") -> Fingerprint:
    """Size, time and content hash of a regular file (hashed: an already known hash, to compare the rest only)."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise Rejected("it is not a regular file (links, pipes and devices are not read); put the file itself there")
    try:
        with path.open("rb") as handle:
            digest = hashed or hashlib.file_digest(handle, "sha256").hexdigest()
    except PermissionError as error:
        raise Rejected("it may not be read by this user; change its permissions") from error
    return Fingerprint(state.st_size, state.st_mtime_ns, digest)


def relation(path: Path, stage: duckdb.DuckDBPyConnection, name: str) -> str:
    """SQL that reads the file: a table function over CSV or Parquet, or a table filled from a sheet."""
    if path.stat().st_size == 0:
        raise Rejected("it is empty: not even a header")
    with path.open("rb") as handle:
        head = handle.read(HEAD)
    match path.suffix.lower():
        case ".parquet":
            if not head.startswith(b"PAR1"):
                raise Rejected("it is named .parquet but is no Parquet file")
            return f"read_parquet({quoted(path)})"
        case ".xlsx":
            if not head.startswith(b"PK"):
                raise Rejected("it is named .xlsx but is no Excel workbook")
            return sheet(path, stage, name)
        case ".csv" | ".tsv":
            return read_csv(path, head)
    raise Rejected(f"it is none of {', '.join(SUFFIXES)}; unpack or convert it first")


def read_csv(path: Path, head: bytes) -> str:
    """Exactly the header's columns, all of them text, and every line must fit."""
    delimiter, header = csv_header(head)
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in header)
    return (
        f"read_csv({quoted(path)}, auto_detect=false, header=true, delim={quoted(delimiter)}, quote='\"', escape='\"', "
        f"strict_mode=true, null_padding=false, ignore_errors=false, nullstr='', columns={{{columns}}})"
    )


def csv_header(head: bytes) -> tuple[str, list[str]]:
    """Delimiter and column names from the first bytes of a file, or the reason why it is no CSV file."""
    for magic, what in ((b"PAR1", "a Parquet file"), (b"PK\x03\x04", "a zip or Excel file"), (b"%PDF", "a PDF"),
                        (b"\x1f\x8b", "a gzip file"), (b"\xff\xfe", "UTF-16 text"), (b"\xfe\xff", "UTF-16 text")):
        if head.startswith(magic):
            raise Rejected(f"it is named .csv but is {what}; save it as UTF-8 CSV")
    if b"\x00" in head:
        raise Rejected("it holds NUL bytes; save it as UTF-8 CSV")
    if b"\n" not in head and b"\r" in head:
        raise Rejected("its lines end with a bare carriage return; save it with line feeds")
    if b"\n" not in head and len(head) == HEAD:
        raise Rejected(f"its first line is longer than {HEAD:,} bytes; it is no header")
    line = head.split(b"\n", 1)[0].rstrip(b"\r")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected("line 1 is not UTF-8; save it as UTF-8 CSV") from error
    if text.lstrip().startswith("<"):
        raise Rejected("it is a web page or XML, not CSV; the download probably failed")
    delimiter = max(DELIMITERS, key=text.count)
    header = next(csv.reader([text], delimiter=delimiter), [])
    if len(header) > MOST_COLUMNS:
        raise Rejected(f"it has {len(header):,} columns; at most {MOST_COLUMNS:,} are read")
    check_names(header)
    return delimiter, header


def check_names(header: list[str]) -> None:
    """Column names must be there, different (letter case aside), and free of control characters."""
    if not header or any(not name.strip() for name in header):
        raise Rejected("a column has no name in the header")
    if any(not name.isprintable() or len(name) > 200 for name in header):
        raise Rejected("the header holds unprintable characters or names of over 200 characters; it is probably not text")
    lowered = [name.lower() for name in header]
    twice = sorted({name for name in lowered if lowered.count(name) > 1})
    if twice:
        raise Rejected(f"the header names {', '.join(twice[:3])} more than once; rename one of them")


def sheet(path: Path, stage: duckdb.DuckDBPyConnection, name: str) -> str:
    """The first sheet of a workbook as a text table; computed values, dates in ISO form."""
    from openpyxl import load_workbook  # only companies that send workbooks pay for it

    try:
        with zipfile.ZipFile(path) as archive:
            packed, unpacked = sum(i.compress_size for i in archive.infolist()), sum(i.file_size for i in archive.infolist())
        if unpacked > MOST_XLSX_BYTES or unpacked > 200 * max(packed, 1):
            raise Rejected("it unpacks to far more than it holds; it is not read")
        workbook = load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise Rejected("it is no readable Excel workbook; save it again or export CSV") from error
    try:
        rows = workbook.worksheets[0].iter_rows(values_only=True)
        header = [str(cell) if cell is not None else "" for cell in next(rows, ())]
        check_names(header)
        fill(stage, name, header, rows)
    finally:
        workbook.close()
    return f'"{name}"'


def fill(stage: duckdb.DuckDBPyConnection, name: str, header: list[str], rows: Iterator[tuple], batch: int = 50_000) -> None:
    """Write rows of cells into a text table, batch by batch."""
    import pandas as pd

    stage.execute(f'create or replace table "{name}" ({", ".join(f"{identifier(column)} varchar" for column in header)})')
    names = ", ".join(f"c{i}" for i in range(len(header)))
    while chunk := [tuple(cell_text(cell) for cell in row) for row, _ in zip(rows, range(batch), strict=False)]:
        frame = pd.DataFrame(chunk, columns=[f"c{i}" for i in range(len(header))], dtype="object")
        stage.register("chunk_of_rows", frame)
        stage.execute(f'insert into "{name}" select {names} from chunk_of_rows where coalesce({names}) is not null')
        stage.unregister("chunk_of_rows")


def cell_text(cell: object) -> str | None:
    """A spreadsheet cell as the text a CSV export would show; floats shortest, whole floats without a point."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    return cell.isoformat(sep=" ") if hasattr(cell, "hour") else cell.isoformat() if hasattr(cell, "year") else str(cell)


def quoted(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
