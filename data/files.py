"""Source files: which may be opened, and each one as a DuckDB relation whose text is still text.

A file is taken whole or refused with a reason; what is inside is judged later, value by value.
"""

from __future__ import annotations

import csv
import hashlib
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import duckdb

from data import personal

HEAD = 1 << 16
MOST_COLUMNS = 1_000
DELIMITERS = ",;\t|"
SUFFIXES = (".csv", ".tsv", ".parquet", ".xlsx")
# data all the same, so that a feed in such a file is refused aloud instead of overlooked
OTHER_DATA = (
    *(".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".rar"),
    *(".xls", ".xlsb", ".xlsm", ".ods", ".json", ".jsonl", ".ndjson", ".xml", ".html", ".txt", ".dat", ".pdf"),
    *(".avro", ".orc", ".feather", ".arrow", ".pq", ".db", ".sqlite", ".duckdb"),
)
MAGIC = (
    (b"PAR1", "a Parquet file"),
    (b"PK\x03\x04", "a zip or Excel file"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
CHANGED = "it changed while it was read; send it again when it is complete"
NOT_A_FILE = "it is not a regular file (links, pipes and devices are not read); put the file itself there"


class Rejected(Exception):
    """A file that cannot be taken; the message says why and what to do, and never repeats a value."""


@dataclass(frozen=True)
class Fingerprint:
    """What a file was when it was opened, so that a change while it is read is noticed."""

    bytes: int
    modified: int
    changed: int
    number: int
    sha256: str


def fingerprint(path: Path, hashed: str = "") -> Fingerprint:
    """Size, times and content hash of a regular file (hashed: an already known hash, to compare the rest only)."""
    state = path.lstat()
    if not stat.S_ISREG(state.st_mode):
        raise Rejected(NOT_A_FILE)
    try:
        with path.open("rb") as handle:
            digest = hashed or hashlib.file_digest(handle, "sha256").hexdigest()
    except PermissionError as error:
        raise Rejected("it may not be read by this user; change its permissions") from error
    return Fingerprint(state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, digest)


def parquet(path: Path, head: bytes, con: duckdb.DuckDBPyConnection) -> str:
    """Every column of the outermost level; folders named like column=value add none."""
    if not head.startswith(b"PAR1"):
        raise Rejected("it is named .parquet but is no Parquet file")
    schema = con.execute(f"select name, coalesce(num_children, 0) from parquet_schema({quoted(path)})").fetchall()
    names, inside = [], 0
    for name, children in schema[1:]:  # depth first; the first entry is the file itself
        if inside:
            inside += children - 1
        else:
            names.append(name)
            inside = children
    check_names(names)
    return f"read_parquet({quoted(path)}, hive_partitioning = false)"


def read_csv(path: Path, head: bytes) -> str:
    """Exactly the header's columns, all of them text, and every line must fit."""
    delimiter, header = csv_header(head)
    columns = ", ".join(f"{quoted(column)}: 'VARCHAR'" for column in header)
    return (
        f"read_csv({quoted(path)}, auto_detect = false, header = true, delim = {quoted(delimiter)}, quote = '\"', "
        "escape = '\"', strict_mode = true, null_padding = false, ignore_errors = false, nullstr = '', "
        f"hive_partitioning = false, columns = {{{columns}}})"
    )


def csv_header(head: bytes) -> tuple[str, list[str]]:
    """Delimiter and column names from the first bytes of a file, or the reason why it is no CSV file."""
    for magic, what in MAGIC:
        if head.startswith(magic):
            raise Rejected(f"it is named as text but is {what}; save it as UTF-8 CSV")
    line = first_line(head)
    if b"\x00" in line:
        raise Rejected("it holds NUL bytes, so it is no UTF-8 text; save it as UTF-8 CSV")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Rejected("line 1 is not UTF-8; save it as UTF-8 CSV") from error
    if text.lstrip().startswith("<"):
        raise Rejected("it is a web page or XML, not CSV; the download probably failed")
    if text.count('"') % 2:
        raise Rejected("the header holds a line break or an unclosed quote; write it in one line")
    delimiter = max(DELIMITERS, key=text.count)
    header = next(csv.reader([text], delimiter=delimiter), [])
    check_names(header)
    return delimiter, header


def first_line(head: bytes) -> bytes:
    """The header, without its line end."""
    if b"\n" not in head and b"\r" in head:
        raise Rejected("its lines end with a bare carriage return; save it with line feeds")
    if b"\n" not in head and len(head) == HEAD:
        raise Rejected(f"its first line is longer than {HEAD:,} bytes; it is no header")
    return head.split(b"\n", 1)[0].rstrip(b"\r")


def check_names(header: list[str]) -> None:
    """Column names must be there, not too many, different (letter case aside), and names rather than data."""
    if len(header) > MOST_COLUMNS:
        raise Rejected(f"it has {len(header):,} columns; at most {MOST_COLUMNS:,} are read")
    if not header or any(not name.strip() for name in header):
        raise Rejected("a column has no name in the header")
    if any(not name.isprintable() or len(name) > 200 for name in header):
        raise Rejected("the header holds unprintable or very long names; it is probably not text, or has no header")
    if any(personal.personal_text(name) for name in header):
        raise Rejected("its first line holds personal data where the header should be; Rapport keeps no personal data")
    lowered = [name.strip().lower() for name in header]
    for number, name in enumerate(lowered, 1):
        if (first := lowered.index(name) + 1) != number:
            raise Rejected(f"columns {first} and {number} have the same name; rename one of them")


def rows_of_text(path: Path) -> int:
    """Rows a refused file would have had: its lines without the header; 0 when it is no readable text file."""
    if path.suffix.lower() not in (".csv", ".tsv") or path.is_symlink() or not path.is_file():
        return 0
    breaks, last = 0, b"\n"
    try:
        with path.open("rb") as handle:
            for chunk in iter(lambda: handle.read(1 << 20), b""):
                breaks, last = breaks + chunk.count(b"\n"), chunk.rstrip(b"\0")[-1:] or last
    except OSError:
        return 0
    return max(breaks + (last != b"\n") - 1, 0)


def without_values(error: Exception, path: Path) -> str:
    """What a database or system error says, without any value it quotes from the data. path: the source's own file."""
    text = str(error)
    if isinstance(error, duckdb.InvalidInputException) and "CSV" in text:
        named = re.search(r"^\s*file = (.+)$", text, re.MULTILINE)
        file = Path(named.group(1)).name if named else path.name
        return ("" if file == path.name else f"{file}: ") + csv_reason(text)
    if isinstance(error, duckdb.ConversionException):
        return "a value cannot be converted as the mapping says; use try_cast, so that only that row is quarantined"
    if isinstance(error, duckdb.PermissionException):
        return "a mapping reads files of its own folder only, by their names, such as from 'orders.csv'"
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return text.split("\n")[0]
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    kind = type(error).__name__.removesuffix("Exception")
    return f"it cannot be read ({kind}); it may be damaged or of another type"


def csv_reason(text: str) -> str:
    """Line number and kind of a CSV error."""
    said = text.split("Possible")[0].lower()
    line = re.search(r"CSV Error on Line: (\d+)", text)
    if not line:
        return "its line ends are mixed or stray carriage returns stand in it; save it again with one kind of line end"
    where = f"line {line.group(1)}"
    if "unicode" in said or "utf-8" in said:
        return f"{where} is not UTF-8; save it as UTF-8 CSV"
    what = "another number of columns than the header"
    if "maximum line size" in said:
        what = "more characters than can be read"
    elif "unterminated quote" in said:
        what = "an unclosed quote"
    return f"{where} has {what}; mend the file and send it again"


def one(con: duckdb.DuckDBPyConnection, sql: str) -> tuple:
    """The first row of an answer that has one."""
    row = con.execute(sql).fetchone()
    assert row is not None, "an aggregate always has a row"
    return row


def quoted(value: object) -> str:
    """A SQL text constant."""
    return "'" + str(value).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL name, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
