"""Excel workbooks: the first sheet as a temporary text table of stored values; dates in ISO form."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import duckdb
import pandas as pd
from openpyxl import load_workbook

from data.files import Rejected, check_names, identifier

MOST_UNPACKED = 2 << 30
MOST_RATIO = 200
MOST_ROWS = 1 << 20  # what a sheet can hold; a row number beyond it was made up
BATCH = 50_000
# a formula whose cell stores no result: <f>1+1</f></c>, <f>1+1</f><v/></c>, <f t="shared" si="0"/></c>
NO_RESULT = re.compile(rb"(?:</f>|<f[^>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>")


def sheet(path: Path, head: bytes, con: duckdb.DuckDBPyConnection) -> str:
    """Fill a temporary table from the first sheet and return its name, quoted."""
    if not head.startswith(b"PK"):
        raise Rejected("it is named .xlsx but is no Excel workbook")
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive)
        workbook = load_workbook(path, read_only=True, data_only=True)
        try:
            return read(workbook, f"sheet {path.name}", con)
        finally:
            workbook.close()
    except (Rejected, duckdb.Error):
        raise
    except Exception as error:  # a damaged workbook fails anywhere in openpyxl, zipfile or the XML parser
        raise Rejected("it is no readable Excel workbook; save it again or export CSV") from error


def check_archive(archive: zipfile.ZipFile) -> None:
    """Refuse what unpacks to far more than it holds, and formulas that were never worked out."""
    entries = archive.infolist()
    packed, unpacked = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
    if unpacked > MOST_UNPACKED or unpacked > MOST_RATIO * max(packed, 1):
        raise Rejected("it unpacks to far more than it holds; it is not read")
    for entry in entries:
        if entry.filename.startswith("xl/worksheets/") and holds_no_result(archive, entry):
            raise Rejected("a formula in it has no stored result; open and save it in a spreadsheet, or export CSV")


def holds_no_result(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    """Whether a sheet has a formula without result, read piece by piece with some overlap."""
    before = b""
    with archive.open(entry) as handle:
        while piece := handle.read(1 << 20):
            if NO_RESULT.search(before + piece):
                return True
            before = piece[-200:]
    return False


def read(workbook, table: str, con: duckdb.DuckDBPyConnection) -> str:
    """Header and rows of the first sheet, batch by batch; rows without any value are left out."""
    if not workbook.worksheets:
        raise Rejected("it has no sheet with cells")
    first = workbook.worksheets[0]
    first.reset_dimensions()  # what a workbook says of its size need not be true
    rows = first.iter_rows(values_only=True)
    header = trimmed(next(rows, ()))
    check_names(header)
    name = identifier(table)
    con.execute(
        f"create or replace temp table {name} ({', '.join(f'{identifier(column)} varchar' for column in header)})"
    )
    filled = filled_rows(rows, len(header))
    while chunk := list(islice(filled, BATCH)):
        frame = pd.DataFrame(chunk, columns=[f"c{i}" for i in range(len(header))], dtype="object")
        con.register("chunk_of_rows", frame)
        con.execute(
            f"insert into {name} select {', '.join(f'c{i}::varchar' for i in range(len(header)))} from chunk_of_rows"
        )
        con.unregister("chunk_of_rows")
    return name


def trimmed(cells: tuple) -> list[str]:
    """The header's names; formatted but empty cells on its right are no columns."""
    names = [cell_text(cell) or "" for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def filled_rows(rows: Iterator[tuple], width: int) -> Iterator[list[str | None]]:
    """Rows that hold anything, each as wide as the header; a value right of the header has no column."""
    for number, row in enumerate(rows, 2):
        if number > MOST_ROWS:
            raise Rejected("it numbers its rows beyond what a sheet can hold; save it again or export CSV")
        cells = [cell_text(cell) for cell in row]
        if any(cells[width:]):
            raise Rejected(f"row {number} has a value right of the last column of the header; mend the sheet")
        if any(cells):
            yield (cells + [None] * width)[:width]


def cell_text(cell: object) -> str | None:
    """A cell as the text a CSV export would show: floats with the 15 digits a spreadsheet keeps, never an exponent."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return format(Decimal(f"{cell:.15g}"), "f")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    return cell.isoformat() if isinstance(cell, date) else str(cell)
