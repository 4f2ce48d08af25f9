"""Hostile sources: what each one is, and exactly what must become of its rows."""

from __future__ import annotations

import gzip
import io
import os
import random
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HEADER = "order_id,ordered_at,revenue"
GOOD = "G1,2026-01-10,10.00\nG2,2026-02-10,20.50\n"
KEEPS = Decimal("30.50")  # revenue of the two good rows
MAIL = "jane.roe@example.org"

Make = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """A folder and its outcome.

    refused: part of the reason why a source was refused whole; quarantine: part of the reason why rows were left out;
    unusable: part of the message when no build is possible at all; secrets: text that no message may repeat.
    """

    name: str
    make: Make
    loaded: int = 0
    quarantined: int = 0
    rejected: int = 0
    refused: str = ""
    quarantine: str = ""
    unusable: str = ""
    revenue: Decimal = Decimal(0)
    secrets: tuple[str, ...] = ()
    feed: str = "lines"


def write(content: str | bytes, name: str = "lines.csv") -> Make:
    """A folder with one file."""

    def make(folder: Path) -> None:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return make


def together(*makes: Make) -> Make:
    """A folder with several files."""

    def make(folder: Path) -> None:
        for one in makes:
            one(folder)

    return make


GOOD_LINES = write(f"{HEADER}\n{GOOD}")


def taken(name: str, content: str | bytes, rows: int, revenue: str, file: str = "lines.csv") -> Case:
    """Looks odd and is right."""
    return Case(name, write(content, file), loaded=rows, revenue=Decimal(revenue))


def refused(name: str, content: str | bytes, why: str, rows: int = 0, file: str = "lines.csv", **more) -> Case:
    """The whole file is refused; rows: how many it would have had."""
    return Case(name, write(content, file), rejected=rows, refused=why, **more)


def cell(column: str, value: str | bytes, why: str, *, name: str = "", secret: bool = True, **more) -> Case:
    """Two good rows and one with a bad value in one column: it is left out, and the message does not repeat it."""
    row = {"order_id": "B1", "ordered_at": "2026-03-10", "revenue": "99.00"} | {column: value}
    raw = [item if isinstance(item, bytes) else f'"{item}"'.encode() for item in row.values()]
    good = b"".join(line.encode() + b"," * (len(row) - 3) + b"\n" for line in GOOD.splitlines())
    content = ",".join(row).encode() + b"\n" + good + b",".join(raw) + b"\n"
    shown = value if isinstance(value, str) else value.decode("utf-8", "replace")
    secrets = (shown,) if secret and len(shown.strip()) > 3 else ()
    title = name or f"{column} is {shown[:30]!r}"
    return Case(title, write(content), 2, 1, quarantine=why, revenue=KEEPS, secrets=secrets, **more)


def fits(column: str, value: str, revenue: str = "129.50") -> Case:
    """Two good rows and one with an odd value that is legal and taken as it stands."""
    row = {"order_id": "B1", "ordered_at": "2026-03-10", "revenue": "99.00"} | {column: value}
    good = "".join(line + "," * (len(row) - 3) + "\n" for line in GOOD.splitlines())
    content = ",".join(row) + "\n" + good + ",".join(f'"{item}"' for item in row.values()) + "\n"
    return Case(f"{column} may be {value[:30]!r}", write(content), 3, revenue=Decimal(revenue))


def parquet(columns: dict, file: str = "lines.parquet") -> Make:
    """A Parquet file."""
    buffer = io.BytesIO()
    names = list(columns)
    pq.write_table(pa.table([pa.array(column) for column in columns.values()], names=names), buffer)
    return write(buffer.getvalue(), file)


def twice_named(folder: Path) -> None:
    """A Parquet file with two columns that differ by letter case only."""
    arrays = [pa.array(["A"]), pa.array(["2026-01-01"]), pa.array(["1.00"]), pa.array(["2.00"])]
    pq.write_table(pa.table(arrays, names=["order_id", "ordered_at", "revenue", "Revenue"]), folder / "lines.parquet")


def workbook(*rows: tuple, file: str = "lines.xlsx") -> Make:
    """An Excel workbook with one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return write(buffer.getvalue(), file)


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(
                zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED
            )  # without the time, whose bytes may be line ends
    return buffer.getvalue()


def mapping(sql: str, *, header: str = "-- m: a mapping.\n-- feeds: lines\n") -> Make:
    """A mapping over orders.csv."""
    return together(write(header + sql, "m.sql"), write(f"{HEADER}\n{GOOD}", "orders.csv"))


def symlink(folder: Path) -> None:
    secret = folder.parent / f"{folder.name}-outside.csv"
    secret.write_text(f"{HEADER}\n{GOOD}")
    (folder / "lines.csv").symlink_to(secret)


def mapped_symlink(folder: Path) -> None:
    mapping("select * from 'other.csv'")(folder)
    (folder / "other.csv").symlink_to("/etc/passwd")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "lines.csv")


def pipe_mapping(folder: Path) -> None:
    GOOD_LINES(folder)
    os.mkfifo(folder / "m.sql")


def pipe_company(folder: Path) -> None:
    GOOD_LINES(folder)
    os.mkfifo(folder / "company.toml")


def directory(folder: Path) -> None:
    (folder / "lines.csv").mkdir()
    (folder / "lines.csv" / "lines.csv").write_text(f"{HEADER}\n{GOOD}")


def company(text: str) -> Make:
    """Good lines and a company.toml."""
    return together(GOOD_LINES, write(text, "company.toml"))


def berlin(*moments: str) -> Make:
    """Lines of a company in Berlin."""
    rows = "".join(f"O{i},{moment},1.00\n" for i, moment in enumerate(moments))
    return together(write('zone = "Europe/Berlin"', "company.toml"), write(f"{HEADER}\n{rows}"))


def people(column: str, values: list[str]) -> Make:
    """Good lines and a customers file with one further column."""
    rows = "".join(f"C{i},{value}\n" for i, value in enumerate(values))
    return together(GOOD_LINES, write(f"customer_id,{column}\n{rows}", "customers.csv"))


NOISE = random.Random(7).randbytes(20_000)
WIDE = ",".join([HEADER, *(f"x{i}" for i in range(2_500))]) + "\n" + "A,2026-01-01,1.00" + "," * 2_500 + "\n"
DELIMITED = f"{HEADER}\n{GOOD}".replace(",", ";")
REPEAT = "order_id,ordered_at,revenue,line_id\n"
AMOUNT, MOMENT, KEY = "revenue is not a plain amount", "ordered_at is not a moment", "order_id is not a usable key"

CASES = [
    # what a file is
    taken("byte order mark", b"\xef\xbb\xbf" + f"{HEADER}\n{GOOD}".encode(), 2, "30.50"),
    taken("line ends of Windows", f"{HEADER}\n{GOOD}".replace("\n", "\r\n"), 2, "30.50"),
    taken("no line end at the end", f"{HEADER}\n{GOOD}".rstrip(), 2, "30.50"),
    taken("semicolons", DELIMITED, 2, "30.50"),
    taken("tabs in a .tsv", f"{HEADER}\n{GOOD}".replace(",", "\t"), 2, "30.50", "lines.tsv"),
    taken("suffix in capitals", f"{HEADER}\n{GOOD}", 2, "30.50", "LINES.CSV"),
    taken("stars and brackets in the name", f"{HEADER}\n{GOOD}", 2, "30.50", "lines-[a]*?.csv"),
    taken("a blank line in the middle", f"{HEADER}\nA,2026-01-01,1.00\n\nB,2026-01-01,2.00\n", 2, "3.00"),
    taken("header only", HEADER + "\n", 0, "0"),
    taken("columns in another order", "revenue,order_id,ordered_at\n5.00,A,2026-01-01\n", 1, "5.00"),
    taken("header in capitals and spaces", "Order_ID, ORDERED_AT,Revenue\nA,2026-01-01,5.00\n", 1, "5.00"),
    taken("a further column", f"{HEADER},shelf\nA,2026-01-01,5.00,left\n", 1, "5.00"),
    taken("quoted line break in a column nobody wants", f'{HEADER},note\nA,2026-01-01,5.00,"a\nb"\n', 1, "5.00"),
    refused("empty", b"", "it is empty"),
    refused("UTF-16", f"{HEADER}\n{GOOD}".encode("utf-16"), "UTF-16", 2),
    refused("UTF-16 without mark", f"{HEADER}\n{GOOD}".encode("utf-16-le"), "NUL bytes", 2),
    refused(
        "Latin-1 byte",
        f"{HEADER},category\n".encode() + b"A,2026-01-01,1.00,caf\xe9\n",
        "line 2 is not UTF-8",
        1,
        secrets=("caf",),
    ),
    refused(
        "Latin-1 byte in the header",
        b"order_id,ordered_at,revenue,\xe9\nA,2026-01-01,1.00,x\n",
        "line 1 is not UTF-8",
        1,
    ),
    refused("lone surrogate", b"order_id,ordered_at,revenue\n\xed\xa0\x80,2026-01-01,1.00\n", "line 2 is not UTF-8", 1),
    refused(
        "unclosed quote",
        f'{HEADER}\n"{MAIL},2026-01-01,1.00\nB,2026-01-01,2.00\n',
        "unclosed quote",
        2,
        secrets=(MAIL,),
    ),
    refused(
        "text after a quote",
        f'{HEADER}\n"A" {MAIL},2026-01-01,1.00\n',
        "line 2 has an unclosed quote",
        1,
        secrets=(MAIL,),
    ),
    refused(
        "row too short",
        f"{HEADER}\n{GOOD}{MAIL},2026-01-01\n",
        "line 4 has another number of columns",
        3,
        secrets=(MAIL,),
    ),
    refused(
        "row too long",
        f"{HEADER}\n{GOOD}A,2026-01-01,1,234.50\n",
        "line 4 has another number of columns",
        3,
        secrets=("234",),
    ),
    refused("line ends mixed", f"{HEADER}\r\n{GOOD}", "line ends are mixed", 2),
    refused(
        "carriage return in a row", f"{HEADER}\nA,2026-01-01,1.00\rB,2026-01-01,2.00\n{GOOD}", "line ends are mixed", 3
    ),
    refused("carriage returns only", f"{HEADER}\n{GOOD}".replace("\n", "\r"), "bare carriage return"),
    refused("trailing NUL bytes", f"{HEADER}\n{GOOD}\0\0", "line 4 has another number of columns", 2),
    refused("missing column", "order_id,ordered_at\nA,2026-01-01\n", "it lacks revenue", 1),
    refused("no header", f"{MAIL},2026-01-01,5.00\n", "personal data where the header should be", secrets=(MAIL,)),
    refused("duplicate column", f"{HEADER},Revenue\nA,2026-01-01,1.00,2.00\n", "columns 3 and 4 have the same name", 1),
    refused("column without name", f"{HEADER},\nA,2026-01-01,1.00,2\n", "a column has no name", 1),
    refused(
        "line break in the header",
        'order_id,ordered_at,"revenue\nnet"\nA,2026-01-01,1.00\n',
        "header holds a line break",
        2,
    ),
    refused("2,503 columns", WIDE, "2,503 columns", 1),
    refused("header of 100 KB", "x" * 100_000, "first line is longer"),
    refused("field of 5 MB", f"{HEADER},note\nA,2026-01-01,1.00,{'x' * 5_000_000}\n", "line 2 has more characters", 1),
    refused("web page", "<!DOCTYPE html>\n<html><body>502</body></html>\n", "web page", 1),
    refused("random bytes", NOISE, "", NOISE.count(b"\n")),
    refused("JSON", '{"order_id": "A", "ordered_at": "2026-01-01", "revenue": 1}\n', "header", file="lines.csv"),
    refused("PDF", b"%PDF-1.7\n1 0 obj\n", "a PDF", 1),
    refused("Parquet named .csv", b"PAR1" + NOISE, "a Parquet file", NOISE.count(b"\n") - 1 + (NOISE[-1:] != b"\n")),
    refused("zip named .csv", zipped({"lines.csv": b"x"}), "a zip"),
    refused("CSV named .parquet", f"{HEADER}\n{GOOD}", "no Parquet file", file="lines.parquet"),
    refused("broken Parquet", b"PAR1" + NOISE + b"PAR1", "cannot be read", file="lines.parquet"),
    refused("CSV named .xlsx", f"{HEADER}\n{GOOD}", "no Excel workbook", file="lines.xlsx"),
    refused("broken workbook", b"PK\x03\x04" + NOISE, "no readable Excel workbook", file="lines.xlsx"),
    refused("zip named .xlsx", zipped({"a.txt": b"x"}), "no readable Excel workbook", file="lines.xlsx"),
    refused(
        "zip bomb named .xlsx",
        zipped({"xl/worksheets/sheet1.xml": b"0" * 50_000_000}),
        "unpacks to far more",
        file="lines.xlsx",
    ),
    refused("gzip bomb", gzip.compress(b"0" * 20_000_000), "unpack or convert", file="lines.csv.gz"),
    refused("zip with a path upwards", zipped({"../lines.csv": GOOD.encode()}), "unpack or convert", file="lines.zip"),
    refused("old Excel", b"\xd0\xcf\x11\xe0", "unpack or convert", file="lines.xls"),
    refused("no suffix", f"{HEADER}\n{GOOD}", "it is none of", file="lines"),
    Case("symbolic link", symlink, refused="not a regular file"),
    Case("named pipe", pipe, refused="not a regular file"),
    Case("folder named lines.csv", directory, refused="not a regular file"),
    Case("named pipe as mapping", pipe_mapping, unusable="m.sql is not a regular file"),
    Case("named pipe as company.toml", pipe_company, unusable="company.toml is not a regular file"),
    Case("half a download beside the file", together(GOOD_LINES, write(GOOD, "lines.csv.part")), 2, revenue=KEEPS),
    Case("no lines at all", write("customer_id\nC1\n", "customers.csv"), unusable="no order lines"),
    # Parquet and Excel
    Case("Parquet with columns twice", twice_named, refused="columns 3 and 4 have the same name"),
    Case(
        "Parquet with text in a number column",
        parquet({"order_id": ["A", "B"], "ordered_at": ["2026-01-01"] * 2, "revenue": ["1.00", "drei"]}),
        1,
        1,
        quarantine=AMOUNT,
        revenue=Decimal(1),
        secrets=("drei",),
    ),
    Case(
        "Parquet with floats",
        parquet(
            {
                "order_id": [1, 2, 3],
                "ordered_at": [date(2026, 1, 1)] * 3,
                "revenue": [0.1 + 0.2, float("nan"), float("inf")],
            }
        ),
        1,
        2,
        quarantine=AMOUNT,
        revenue=Decimal("0.3"),
    ),
    Case(
        "Parquet with five decimals",
        parquet(
            {
                "order_id": [1, 2],
                "ordered_at": [date(2026, 1, 1)] * 2,
                "revenue": [Decimal("1.50000"), Decimal("0.00001")],
            }
        ),
        1,
        1,
        quarantine=AMOUNT,
        revenue=Decimal("1.5"),
    ),
    Case(
        "Parquet with flags for money",
        parquet({"order_id": [1], "ordered_at": [date(2026, 1, 1)], "revenue": [True]}),
        0,
        1,
        quarantine=AMOUNT,
    ),
    Case(
        "Parquet with lists for keys",
        parquet({"order_id": [["A"]], "ordered_at": [date(2026, 1, 1)], "revenue": ["1"]}),
        0,
        1,
        quarantine=KEY,
    ),
    Case(
        "Parquet with bytes for keys",
        parquet({"order_id": [b"A\x00"], "ordered_at": [date(2026, 1, 1)], "revenue": ["1"]}),
        0,
        1,
        quarantine=KEY,
    ),
    Case(
        "Parquet with float keys",
        parquet({"order_id": [1001.0, 0.5, 1e300], "ordered_at": [date(2026, 1, 1)] * 3, "revenue": ["1"] * 3}),
        1,
        2,
        quarantine=KEY,
        revenue=Decimal(1),
    ),
    Case(
        "Parquet with keys of 2^63",
        parquet({"order_id": pa.array([2**63], pa.uint64()), "ordered_at": [date(2026, 1, 1)], "revenue": ["1"]}),
        1,
        revenue=Decimal(1),
    ),
    Case(
        "Parquet with hidden characters in a dictionary",
        parquet(
            {"order_id": pa.array(["A\u202e"]).dictionary_encode(), "ordered_at": [date(2026, 1, 1)], "revenue": ["1"]}
        ),
        0,
        1,
        quarantine=KEY,
    ),
    Case(
        "workbook with dates, floats and flags",
        workbook(
            ("order_id", "ordered_at", "revenue"),
            (1001, datetime.fromisoformat("2026-01-02 03:04"), 19.99),
            ("A", date(2026, 1, 3), 3 * 6.1),
        ),
        2,
        revenue=Decimal("38.29"),
    ),
    Case(
        "workbook with an Excel day number",
        workbook(("order_id", "ordered_at", "revenue"), ("A", 45292, 1)),
        0,
        1,
        quarantine=MOMENT,
    ),
    Case(
        "workbook with a time of day",
        workbook(("order_id", "ordered_at", "revenue"), ("A", time(3, 4), 1)),
        0,
        1,
        quarantine=MOMENT,
    ),
    Case(
        "workbook with a formula nobody worked out",
        workbook(("order_id", "ordered_at", "revenue", "cost"), ("A", date(2026, 1, 1), 5, "=1+1")),
        refused="a formula in it has no stored result",
    ),
    Case(
        "workbook with an error value",
        workbook(("order_id", "ordered_at", "revenue"), ("#N/A", date(2026, 1, 1), 5)),
        0,
        1,
        quarantine=KEY,
    ),
    Case(
        "workbook with a value beside the table",
        workbook(("order_id", "ordered_at", "revenue"), ("A", date(2026, 1, 1), 5, "x")),
        refused="row 2 has a value right of",
    ),
    Case("workbook without cells", workbook(), refused="a column has no name"),
    # amounts
    *(
        cell("revenue", value, AMOUNT)
        for value in (
            "1.234,56",
            "1,234.56",
            "1 234.56",
            "1_000",
            "0x10",
            "1e3",
            "1e308",
            "1e400",
            "NaN",
            "inf",
            "-inf",
            "infinity",
            " 5.00 ",
            "5.00 EUR",
            "€5.00",
            "+5",
            ".5",
            "5.",
            "--5",
            "5-",
            "(5.00)",
            "0.00001",
            "123456789012345",
            "9999999999999999999",
            "٥.٠٠",
            "５.00",
            "five",
            "#DIV/0!",
            "=1+1",
            "TRUE",
            "5\n6",
        )
    ),
    *(
        fits("revenue", value, str(KEEPS + Decimal(value)))
        for value in ("-0.0", "-5.00", "0", "0.0001", "007.50", "1.500000", "999999999999.9999")
    ),
    refused(
        "amounts beyond all bounds",
        f"{HEADER}\nA,2026-01-01,99999999999999.9999\n",
        "adds up to more than",
        1,
        secrets=("99999999999999",),
    ),
    cell("revenue", "", "revenue is missing"),
    # moments
    *(
        cell("ordered_at", value, MOMENT)
        for value in (
            "2023-02-29",
            "2025-02-30",
            "2026-13-01",
            "2026-01-01 24:00:00",
            "2026-01-01T23:59:60",
            "2026-01-01T10:60:00",
            "03/04/2026",
            "3.4.2026",
            "20260104",
            "45292",
            "1767225600",
            "infinity",
            "epoch",
            "now",
            "today",
            "2026-01-01T10:00:00+99:99",
            "2026-01-01T10:00:00 Europe/Berlin",
            "2026-W01-1",
            " 2026-01-01",
            "2026-01-01T10",
            "10000-01-01",
        )
    ),
    *(
        cell("ordered_at", value, "before 1980")
        for value in ("0000-01-01", "0001-01-01", "1970-01-01", "1900-01-01T00:00:00Z")
    ),
    *(
        cell("ordered_at", value, "in the future")
        for value in ("2026-06-02", "9999-12-31", "2026-06-01T12:06:00Z", "2026-06-01T10:06:00-02:00")
    ),
    *(
        fits("ordered_at", value)
        for value in (
            "2026-06-01T12:04:00Z",
            "2026-06-01T14:04:00+02:00",
            "2026-06-01T17:34:00+0530",
            "2024-02-29",
            "2026-01-01 10:00:00.123456",
            "2026-01-01T10:00",
        )
    ),
    Case(
        "Berlin: the hour that is skipped and the hour that comes twice",
        berlin(
            "2026-03-29 02:30:00",
            "2025-10-26 02:30:00",
            "2026-03-29 03:00:00",
            "2025-10-26 03:00:00",
            "2025-10-26 01:59:59",
        ),
        3,
        2,
        quarantine=MOMENT,
        revenue=Decimal(3),
    ),
    Case(
        "Berlin: the same hours with their offset",
        berlin("2026-03-29T01:30:00+01:00", "2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00"),
        3,
        revenue=Decimal(3),
    ),
    # keys and text
    *(
        fits("order_id", value)
        for value in (
            "nan",
            "NULL",
            "None",
            "0",
            "007",
            "a1",
            "A1",
            "9223372036854775808",
            "=1+1",
            "r2'); drop table feed_lines;--",
            "раypal",
            "😀",
            "x" * 200,
        )
    ),
    *(
        cell("order_id", value, KEY, name=name, secret=False)
        for name, value in (
            ("key with NUL", b"A\x00B"),
            ("key with tab", b'"A\tB"'),
            ("key with right-to-left override", "A\u202eB"),
            ("key with zero width space", "A\u200bB"),
            ("key with byte order mark", "A\ufeff"),
            ("key with a line break", b'"A\nB"'),
            ("key of 201 letters", "x" * 201),
            ("key of 1,000 combining marks", "e" + "\u0301" * 1_000),
            ("key with a space before it", " A1"),
            ("key with a hard space after it", "A1\u00a0"),
            ("key of spaces", "   "),
        )
    ),
    cell("order_id", "", "order_id is missing"),
    cell("category", "x" * 501, "category is not usable text"),
    cell("line_type", "Sale", "line_type is none of"),
    cell("category", f"ask {MAIL}", "looks like an e-mail address"),
    cell("order_id", "+49 170 1234567", "looks like a phone number"),
    cell("sales_channel", "Hauptstraße 12", "looks like a street address"),
    # repeats
    Case(
        "a line twice, equal",
        write(REPEAT + "A,2026-01-01,1.00,1\nA,2026-01-01,1.00,1\nA,2026-01-01,1.00,2\n"),
        2,
        1,
        quarantine="same content",
        revenue=Decimal(2),
    ),
    Case(
        "a line twice, different",
        write(REPEAT + "A,2026-01-01,1.00,1\nA,2026-01-01,9.00,1\nA,2026-01-01,1.00,2\n"),
        1,
        2,
        quarantine="different content",
        revenue=Decimal(1),
    ),
    Case(
        "equal lines without a number are two events",
        write(f"{HEADER}\nA,2026-01-01,1.00\nA,2026-01-01,1.00\n"),
        2,
        revenue=Decimal(2),
    ),
    Case(
        "the same file under two names",
        together(GOOD_LINES, write(f"{HEADER}\n{GOOD}", "lines-copy.csv")),
        2,
        2,
        quarantine="same content as",
        revenue=KEEPS,
    ),
    Case(
        "two files that overlap",
        together(
            write(REPEAT + "A,2026-01-01,1.00,1\nB,2026-01-01,2.00,1\n"),
            write(REPEAT + "B,2026-01-01,2.00,1\nC,2026-01-01,4.00,1\n", "lines-2.csv"),
        ),
        3,
        1,
        quarantine="same content",
        revenue=Decimal(7),
    ),
    Case(
        "a refused file and its copy",
        together(write("order_id\nA\n"), write("order_id\nA\n", "lines-2.csv")),
        rejected=2,
        refused="it lacks",
    ),
    Case(
        "a customer twice, different",
        together(GOOD_LINES, write("customer_id,region\nC1,North\nC1,South\nC2,North\n", "customers.csv")),
        1,
        2,
        quarantine="different content",
        revenue=KEEPS,
        feed="customers",
    ),
    # currencies
    Case(
        "two currencies",
        write(f"{HEADER},currency\nA,2026-01-01,1.00,EUR\nB,2026-01-01,1.00,USD\n"),
        unusable="2 currencies",
    ),
    Case(
        "another currency than the company's",
        together(
            write('currency = "EUR"', "company.toml"),
            write(f"{HEADER},currency\nA,2026-01-01,1.00,EUR\nB,2026-01-01,1.00,USD\n"),
        ),
        1,
        1,
        quarantine="currency is not EUR",
        revenue=Decimal(1),
    ),
    *(cell("currency", value, "no ISO 4217 code") for value in ("X" * 3, "euro", "eur", "€")),
    # company.toml
    Case("company.toml that is no TOML", company("name = "), unusable="cannot be read"),
    Case("company.toml with an unknown setting", company('nmae = "x"'), unusable="Known settings"),
    Case("company.toml with a number for a name", company("name = 5"), unusable="name must be text"),
    Case("company.toml with a zone upwards", company('zone = "../../etc/passwd"'), unusable="no IANA time zone"),
    Case("company.toml with a folder for a zone", company('zone = "Europe"'), unusable="zone"),
    Case(
        "company.toml with a quote in the zone",
        company('''zone = "UTC'); drop table x;--"'''),
        unusable="no IANA time zone",
    ),
    Case("company.toml with an endless floor", company("roi_floor = inf"), unusable="roi_floor"),
    Case(
        "company.toml with a link to a script",
        company('crm_link = "javascript:alert({customer_id})"'),
        unusable="crm_link",
    ),
    Case(
        "company.toml that is not UTF-8",
        together(GOOD_LINES, write(b'name = "\xe9"', "company.toml")),
        unusable="not UTF-8",
    ),
    # mappings
    Case("mapping", mapping("select * from 'orders.csv'"), 2, revenue=KEEPS),
    Case(
        "mapping with a byte order mark",
        together(
            write("\ufeff-- feeds: lines\nselect * from 'orders.csv'", "m.sql"),
            write(f"{HEADER}\n{GOOD}", "orders.csv"),
        ),
        2,
        revenue=KEEPS,
    ),
    Case(
        "mapping without feed",
        together(GOOD_LINES, mapping("select 1", header="-- x: y\n")),
        unusable="-- feeds: lines",
    ),
    Case(
        "mapping that is not UTF-8",
        together(GOOD_LINES, write(b"-- feeds: lines\nselect '\xe9'", "m.sql")),
        unusable="not UTF-8",
    ),
    Case(
        "two mappings over one file",
        together(
            mapping("select * from 'orders.csv' where order_id = 'G1'"),
            write("-- feeds: lines\nselect * from 'orders.csv' where order_id = 'G2'", "n.sql"),
        ),
        2,
        revenue=KEEPS,
    ),
    Case(
        "two mappings, the first refused",
        together(
            mapping("select order_id from 'orders.csv'"), write("-- feeds: lines\nselect * from 'orders.csv'", "n.sql")
        ),
        2,
        rejected=2,
        refused="it lacks",
        revenue=KEEPS,
    ),
    *(
        Case(f"mapping: {sql[:50]}", mapping(sql), refused=why, secrets=("root:",))
        for sql, why in (
            ("select * from 'orders.csv'; drop table feed_lines", "exactly one SELECT"),
            ("select * from 'orders.csv'; select 2", "exactly one SELECT"),
            ("", "exactly one SELECT"),
            ("copy (select 1) to 'out.csv'", "exactly one SELECT"),
            ("attach 'x.duckdb'", "exactly one SELECT"),
            ("set enable_external_access = true", "exactly one SELECT"),
            ("delete from feed_lines", "exactly one SELECT"),
            ("with x as (delete from feed_lines returning *) select * from x", "not allowed"),
            (
                "with x as (insert into feed_lines by name select 'x' as order_id returning *) select * from x",
                "not allowed",
            ),
            ("select * from query('delete from feed_lines')", "single SELECT"),
            ("select * from read_csv('/etc/passwd')", "own folder only"),
            ("select * from '/etc/passwd'", ""),
            ("select * from read_text('/etc/passwd')", "own folder only"),
            ("select * from read_blob('../../../../../../etc/passwd')", "own folder only"),
            ("select * from glob('/etc/*')", "own folder only"),
            ("select * from 'https://example.org/x.parquet'", ""),
            ("select * from nowhere", "does not exist"),
            ("select * from 'nowhere.csv'", "own folder only"),
            ("selekt * from 'orders.csv'", "syntax error"),
            (
                "select order_id, ordered_at, revenue::decimal(18,4) / 0 + 'x'::int as revenue from 'orders.csv'",
                "cannot be converted",
            ),
            (
                "select order_id, ordered_at, revenue, pseudonym(order_id) as customer_id from 'orders.csv'",
                "RAPPORT_PSEUDONYM_KEY is not set",
            ),
        )
    ),
    Case("mapping over a link", mapped_symlink, refused="other.csv: it is not a regular file"),
    Case(
        "mapping over a broken file",
        together(mapping("select * from 'bad.csv'"), write(f'{HEADER}\n"{MAIL}\n', "bad.csv")),
        refused="bad.csv: line 2 has an unclosed quote",
        secrets=(MAIL,),
    ),
    # personal data
    *(
        Case(
            f"customers with {column}",
            people(column, ["x", "y"]),
            rejected=2,
            refused="no personal data",
            revenue=KEEPS,
            feed="customers",
        )
        for column in ("email", "Telefonnummer", "last_name", "Street Address", "dob", "zip_code")
    ),
    Case(
        "e-mail addresses for attributes",
        people("contact_via", [MAIL, "joe@example.org", "web"]),
        rejected=3,
        refused="2 of 3 rows hold personal data",
        revenue=KEEPS,
        secrets=(MAIL,),
        feed="customers",
    ),
    Case(
        "one stray phone number",
        people("note", ["+49 170 1234567", "a", "b"]),
        2,
        1,
        quarantine="looks like a phone number",
        revenue=KEEPS,
        secrets=("170",),
        feed="customers",
    ),
    # attributes
    Case(
        "attributes named like figures and SQL",
        together(GOOD_LINES, write("customer_id,revenue,order,group,roi,tier\nC1,5,b,c,d,gold\n", "customers.csv")),
        1,
        revenue=KEEPS,
        feed="customers",
    ),
    Case(
        "attributes that fall together",
        people("Loyalty tier,loyalty_tier", ["a,b"]),
        rejected=1,
        refused="same attribute",
        revenue=KEEPS,
        feed="customers",
    ),
    Case(
        "attribute of a refused file",
        together(
            GOOD_LINES,
            write("customer_id,tier\nC1,gold\nC2\n", "customers.csv"),
            write("customer_id,region\nC1,North\n", "customers-2.csv"),
        ),
        1,
        rejected=2,
        refused="another number of columns",
        revenue=KEEPS,
        feed="customers",
    ),
    Case(
        "attributes of every type",
        together(
            GOOD_LINES,
            parquet(
                {
                    "customer_id": ["C1"],
                    "discount": [0.15],
                    "bundle": [["a"]],
                    "vip": [True],
                    "opened": [date(2026, 1, 1)],
                },
                "customers.parquet",
            ),
        ),
        1,
        revenue=KEEPS,
        feed="customers",
    ),
]
