"""The files of an export: CSV and Excel, which no program can take for a formula; Parquet and JSON for machines.

Every writer takes the answer in parts, so that memory is bounded, and returns the number of rows it wrote.
"""

from __future__ import annotations

import json
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from tempfile import TemporaryDirectory
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.catalog import Unit

LONGEST_CELL = 32_767  # characters an Excel cell can hold
MOST_LINES = 1_048_575  # rows an Excel sheet can hold, below its head
FIRST_YEAR = 1901  # Excel counts days from 1900, and takes that year for a leap year
as_json = json.JSONEncoder(ensure_ascii=False).encode  # made once: json.dumps makes one for each text
SIGNS = "=+-@\u2212"  # with their full-width and other variants: what a spreadsheet takes for a formula
BREAKS = "\t\r\n\0"
# What cannot be seen, or turns the direction of what can be: controls, zero-width blanks, line and direction marks,
# and characters that no XML file may hold. Joiners stay: they are parts of words.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufdd0-\ufdef"
    "\ufffe\uffff]"
    r"|\[(?=U\+[0-9A-F]{4}\])"
)
SEPARATOR = re.compile("([,;|])")
HARMLESS = re.compile(r"[0-9A-Za-z][0-9A-Za-z _.:/-]*")  # most keys and words: nothing below changes them
SPELLED = re.compile(r"\[U\+([0-9A-F]{4})\]")
MOMENT, DAY = "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd"
FORMATS = {Unit.MONEY: "#,##0.00", Unit.COUNT: "#,##0", Unit.SHARE: "0.0%", Unit.RATIO: "0.00", Unit.DAYS: "#,##0"}


class TooLarge(ValueError):
    """More than a file of this format can hold; the message says what to choose instead."""


@dataclass(frozen=True)
class Column:
    """One column of a file: its name in the catalog, its label for people, its unit."""

    name: str
    label: str
    unit: Unit = Unit.TEXT


# Text


def visible(text: str) -> str:
    """Hidden characters spelled out as [U+0009]; `shown` gives the text back."""
    return HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def shown(text: str) -> str:
    """The text that `visible` spelled out."""
    return SPELLED.sub(lambda found: chr(int(found[1], 16)), text)


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might calculate this text: a sign after nothing but blanks, or a break in front."""
    if text[:1] in BREAKS:
        return bool(text)
    first = next((c for c in text if not blank(c)), "")
    return bool(first) and unicodedata.normalize("NFKC", first)[:1] in SIGNS


def blank(character: str) -> bool:
    """Whether nothing is seen of a character: a space of any width, a mark without one, a quote that was dropped."""
    return unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cc", "Cf", "Mn") or character in '"\u2800\u3164\uffa0'


def escape(text: str) -> str:
    """The text as a CSV cell: an apostrophe in front of what may be a formula, and of an apostrophe.

    Also after a separator inside: a spreadsheet set to another one takes what follows for a cell. `unescape` gives
    the text back.
    """
    if HARMLESS.fullmatch(text):
        return text
    parts = SEPARATOR.split(text)
    parts[::2] = ["'" + part if part[:1] == "'" or is_formula(part) else part for part in parts[::2]]
    return visible("".join(parts))


def unescape(cell: str) -> str:
    """The text a cell was made from."""
    parts = SEPARATOR.split(shown(cell))
    parts[::2] = [part.removeprefix("'") for part in parts[::2]]
    return "".join(parts)


# Values


def plain(value: Any, unit: Unit) -> Any:
    """A value of the answer as people write it: counts are whole, and what is no number is missing."""
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if unit == Unit.COUNT and value.is_integer() else value
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def moment(value: date) -> str:
    """ISO 8601: moments in UTC, days without a time."""
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value.isoformat()


def cell(value: Any) -> str:
    """A value as RFC 4180 writes it: texts quoted, figures as plain decimals, nothing for what is missing."""
    if isinstance(value, str):
        return '"' + escape(value).replace('"', '""') + '"'
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return moment(value)
    return '"' + escape(str(value)).replace('"', '""') + '"'


def rows_of(parts: Iterator[pa.RecordBatch], columns: list[Column]) -> Iterator[list]:
    """The rows of all parts, as values."""
    for part in parts:
        yield from map(
            list,
            zip(*([plain(v, one.unit) for v in part.column(one.name).to_pylist()] for one in columns), strict=True),
        )


def spelled(part: pa.RecordBatch, one: Column, spell: Callable[[Any], str]) -> list[str]:
    """The values of a column as text; a word that many rows share is spelled once."""
    values = part.column(one.name)
    if not pa.types.is_dictionary(values.type):
        return [spell(plain(value, one.unit)) for value in values.to_pylist()]
    words, missing = [spell(plain(word, one.unit)) for word in values.dictionary.to_pylist()], spell(None)
    return [missing if place is None else words[place] for place in values.indices.to_pylist()]


# Formats


def write_csv(file: IO[bytes], reader: pa.RecordBatchReader, columns: list[Column], about: Mapping[str, str]) -> int:
    """UTF-8 with the mark by which Excel knows it, every text quoted, one line a row."""
    file.write(("\ufeff" + ",".join(cell(one.label) for one in columns) + "\r\n").encode())
    number = 0
    for part in reader:
        rows = map(",".join, zip(*(spelled(part, one, cell) for one in columns), strict=True))
        file.write("".join(f"{row}\r\n" for row in rows).encode())
        number += part.num_rows
    return number


def write_xlsx(file: IO[bytes], reader: pa.RecordBatchReader, columns: list[Column], about: Mapping[str, str]) -> int:
    """A sheet with the rows and a sheet that says what they are. No cell is a formula or a link: texts are texts."""
    from xlsxwriter import Workbook  # only when somebody wants such a file: no page needs it

    plain_text = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    folder = TemporaryDirectory()  # rows wait there, and leave with it also when a row is refused
    book = Workbook(file, {"constant_memory": True, "tmpdir": folder.name, **plain_text})
    sheet, said = book.add_worksheet(sheet_name(about["Table"])), book.add_worksheet("About")
    looks = {code: book.add_format({"num_format": code}) for code in (*FORMATS.values(), MOMENT, DAY)}
    quoted = book.add_format({"quote_prefix": True})  # stays a text also when somebody edits it

    def put(into: Any, row: int, place: int, value: Any, unit: Unit = Unit.TEXT) -> None:
        if isinstance(value, date) and value.year < FIRST_YEAR:
            value = moment(value)
        if isinstance(value, str) and HARMLESS.fullmatch(value) and len(value) <= LONGEST_CELL:
            into.write_string(row, place, value)
        elif isinstance(value, str):
            text = visible(value)
            if len(text) > LONGEST_CELL:
                raise TooLarge(f"A text has more than the {LONGEST_CELL:,} characters of an Excel cell. Choose CSV.")
            into.write_string(row, place, text, quoted if is_formula(value) else None)
        elif isinstance(value, bool):
            into.write_boolean(row, place, value)
        elif isinstance(value, date):
            into.write_datetime(row, place, value, looks[MOMENT if isinstance(value, datetime) else DAY])
        elif value is not None:
            into.write_number(row, place, value, looks.get(FORMATS.get(unit, "")))

    with folder, book:
        sheet.freeze_panes(1, 0)
        for place, one in enumerate(columns):
            sheet.set_column(place, place, max(12, min(40, len(one.label) + 4)))
            put(sheet, 0, place, one.label)
        number = 0
        for number, row in enumerate(rows_of(reader, columns), 1):
            for place, (value, one) in enumerate(zip(row, columns, strict=True)):
                put(sheet, number, place, value, one.unit)
        for line, (name, text) in enumerate({**about, "Rows": f"{number}"}.items()):
            put(said, line, 0, name)
            put(said, line, 1, text[:LONGEST_CELL])
    return number


def sheet_name(name: str) -> str:
    """At most 31 characters that Excel allows in the name of a sheet, and never a formula."""
    return re.sub(r"[^A-Za-z0-9 ]+", " ", name).strip()[:31].strip() or "Rows"


def write_parquet(
    file: IO[bytes], reader: pa.RecordBatchReader, columns: list[Column], about: Mapping[str, str]
) -> int:
    """For machines: typed, nothing escaped, names as in the catalog; labels and what it is in the metadata."""
    fields = [
        pa.field(one.name, stored(reader.schema.field(one.name).type), metadata={"label": one.label}) for one in columns
    ]
    schema = pa.schema(fields, metadata={name.lower(): text for name, text in about.items()})
    number = 0
    with pq.ParquetWriter(file, schema) as writer:
        for part in reader:
            arrays = [part.column(field.name).cast(field.type) for field in fields]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            number += part.num_rows
    return number


def write_jsonl(file: IO[bytes], reader: pa.RecordBatchReader, columns: list[Column], about: Mapping[str, str]) -> int:
    """For machines: one JSON object (RFC 8259) a line, typed, nothing escaped for people; names as in the catalog.

    Figures are numbers with all their digits, moments ISO 8601 in UTC; what is missing is null.
    """
    names = [json.dumps(one.name) + ":" for one in columns]
    number = 0
    for part in reader:
        values = [[name + text for text in spelled(part, one, json_value)] for name, one in zip(names, columns)]
        file.write("".join("{" + ",".join(row) + "}\n" for row in zip(*values, strict=True)).encode())
        number += part.num_rows
    return number


def json_value(value: Any) -> str:
    """A value as JSON."""
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float | Decimal):
        return cell(value)
    return as_json(moment(value) if isinstance(value, date) else str(value))


def stored(kind: pa.DataType) -> pa.DataType:
    """The type a file has: moments say that they are UTC, and words are words."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", "UTC")
    return stored(kind.value_type) if pa.types.is_dictionary(kind) else kind


Writer = Callable[[IO[bytes], pa.RecordBatchReader, list[Column], Mapping[str, str]], int]


@dataclass(frozen=True)
class Format:
    """A kind of file: what it is called, its extension, its exact type, who writes it, and how much it can hold."""

    label: str
    extension: str
    mime: str
    write: Writer
    most_rows: int = sys.maxsize


KINDS = {
    kind.extension: kind
    for kind in (
        Format("CSV", "csv", "text/csv; charset=utf-8; header=present", write_csv),
        Format(
            "Excel", "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", write_xlsx, MOST_LINES
        ),
        Format("Parquet", "parquet", "application/vnd.apache.parquet", write_parquet),
        Format("JSON lines", "jsonl", "application/jsonl; charset=utf-8", write_jsonl),
    )
}
