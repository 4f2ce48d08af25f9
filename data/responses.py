"""Answers of customers that come back from outside: read from a request or a file, and judged row by row as a feed is.

Every row is either fit to be kept, or refused with a reason that names the column and never repeats a value.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from data import casting, columns, files, folder
from data.company import Company
from data.contract import Column, Feed, Kind
from data.engine import HARDENED
from data.files import Rejected, identifier, quoted
from data.intake import CLOCK_SKEW
from data.journal.problems import Invalid

MOST_ROWS, MOST_BYTES = 5_000, 2 << 20  # of one request
MOST_FILE_ROWS, MOST_FILE_BYTES = 200_000, 50 << 20  # of one file
LONGEST = 200  # characters of a value, once it is in its composed form
SUFFIXES = (".csv", ".jsonl", ".parquet")
ANSWER = "response"  # what kind of answer it is where the sender does not say

# fmt: off
RESPONSES = Feed(
    "responses",
    "Answers of customers to campaigns that Rapport exported, one row each.",
    (
        Column("campaign_id", Kind.KEY, "the campaign, as the exported file names it", required=True),
        Column("response_id", Kind.KEY, "the sender's own key of the answer; sent again, it is the same answer", required=True),
        Column("recipient", Kind.KEY, "who answered, as the exported file has them: a customer's key or a pseudonym", required=True),
        Column("responded_at", Kind.MOMENT, "when, with the offset from UTC: 2026-11-22T16:49:33Z", required=True),
        Column("kind", Kind.KEY, "how: click, order, call, …", default=quoted(ANSWER)),
    ),
    without="Answers are known only where the contacts feed tells them.",
    key=("campaign_id", "response_id"),
)
# fmt: on
OFFSET = "responded_at is not a moment with its offset from UTC, such as 2026-11-22T16:49:33Z"
STORED = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True)
class Answer:
    """A row fit to be kept. row: its number in what was sent, from 1. responded_at: as the journal stores moments."""

    row: int
    campaign_id: str
    response_id: str
    recipient: str
    responded_at: str
    kind: str = ANSWER


@dataclass(frozen=True)
class Refusal:
    """A row that is not kept, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class Judged:
    """Every row that was sent, in one of two lists; both in the order in which they were sent."""

    answers: tuple[Answer, ...]
    refused: tuple[Refusal, ...]

    @property
    def rows(self) -> int:
        """How many rows were sent."""
        return len(self.answers) + len(self.refused)


class Unreadable(Invalid):
    """What was sent cannot be read as rows at all; the message says where and how to write it."""


class TooMany(Invalid):
    """More rows than are taken at once."""


def parse(body: bytes, lines: bool, most: int = MOST_ROWS) -> list[Any]:
    """The rows of a body: {"responses": […]}, or one object a line. Raises Unreadable or TooMany."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("The body is not UTF-8.") from None
    if not lines:
        told = loaded(text, "The body")
        if not isinstance(told, dict) or set(told) != {"responses"} or not isinstance(told["responses"], list):
            raise Unreadable('The body must be one object {"responses": [ … ]} and nothing beside it.')
        rows = told["responses"]
    else:
        full = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(full) > most:
            raise TooMany(f"There are {len(full):,} rows; at most {most:,} are taken at once. Send them in parts.")
        rows = [loaded(line, f"Line {number}") for number, line in full]
    if len(rows) > most:
        raise TooMany(f"There are {len(rows):,} rows; at most {most:,} are taken at once. Send them in parts.")
    if not rows:
        raise Unreadable("There is no row in it.")
    return rows


def loaded(text: str, where: str) -> Any:
    """A JSON value in which no name stands twice and every number is one."""
    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError):
        raise Unreadable(f"{where} is not JSON, or a name stands twice in an object of it.") from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; which of two equal names counts would be a guess."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def no_number(_: str) -> None:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise ValueError


def judged(rows: list[Any], now: datetime) -> Judged:
    """Rows of a request, each judged. now: the journal's clock; what lies after it has not happened."""
    problems = {number: reason for number, row in enumerate(rows, 1) if (reason := misshapen(row))}
    right = [(number, row) for number, row in enumerate(rows, 1) if number not in problems]
    given = {"row": pa.array([number for number, _ in right], pa.int64())}
    given |= {name: pa.array([row.get(name) for _, row in right], pa.string()) for name in RESPONSES.names}
    with opened() as con:
        con.register("given", pa.table(given))
        found = judge(con, "given", dict.fromkeys(RESPONSES.names, "VARCHAR"), now)
    refused = [*found.refused, *(Refusal(number, reason) for number, reason in problems.items())]
    return Judged(found.answers, tuple(sorted(refused, key=lambda one: one.row)))


def misshapen(row: Any) -> str:
    """Why a JSON value is no row, or nothing."""
    if not isinstance(row, dict):
        return "it is not an object"
    if set(row) - set(RESPONSES.names):
        return f"it has a field that is none of {', '.join(RESPONSES.names)}"
    for name, value in row.items():
        if value is not None and not isinstance(value, str):
            return f"{name} is not text in quotes"
        if value and any("\ud800" <= character <= "\udfff" for character in value):
            return f"{name} holds half a character"
    return ""


def from_file(name: str, content: bytes, now: datetime) -> Judged:
    """Rows of an uploaded file, each judged. Raises Rejected for a file that is not taken at all."""
    suffix = Path(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise Rejected(f"it is none of {', '.join(SUFFIXES)}; save it as one of them")
    if len(content) > MOST_FILE_BYTES:
        raise Rejected(f"it is larger than {MOST_FILE_BYTES >> 20} MiB; send it in parts")
    if suffix == ".jsonl":
        return judged(parse(content, lines=True, most=MOST_FILE_ROWS), now)
    with tempfile.TemporaryDirectory(prefix="rapport-responses-") as place:
        path = Path(place).resolve() / f"responses{suffix}"
        path.write_bytes(content)
        with opened(path.parent) as con:
            try:
                return in_file(con, path, now)
            except (duckdb.Error, UnicodeError) as error:
                raise Rejected(files.without_values(error, path)) from None


def in_file(con: duckdb.DuckDBPyConnection, path: Path, now: datetime) -> Judged:
    """The rows of a CSV or Parquet file."""
    relation = folder.relation(path, con)
    described = con.execute(f"describe select * from {relation}").fetchall()
    types = {name: "VARCHAR" if type_.startswith("ENUM") else type_ for name, type_, *_ in described}
    matched = columns.match(RESPONSES, path.name, types)
    if types[matched.present["responded_at"]] in casting.LOCAL_MOMENTS:
        raise Rejected("responded_at has no offset from UTC; write it as a timestamp with a time zone, or as text")
    chosen = ", ".join(f"{identifier(source)} as {name}" for name, source in matched.present.items())
    con.execute(f"create temp table given as select {chosen} from {relation} limit {MOST_FILE_ROWS + 1}")
    (rows,) = files.one(con, "select count(*) from given")
    if rows > MOST_FILE_ROWS:
        raise Rejected(f"it has more than {MOST_FILE_ROWS:,} rows; send it in parts")
    if not rows:
        raise Rejected("it has a header and no row")
    numbered = "(select rowid + 1 as row, * from given)"
    return judge(con, numbered, {name: types[source] for name, source in matched.present.items()}, now)


def judge(con: duckdb.DuckDBPyConnection, relation: str, types: dict[str, str], now: datetime) -> Judged:
    """Hold every row of a relation with a column `row` against the contract, exactly as the build does with a feed."""
    horizon = f"timestamp '{(now + CLOCK_SKEW):%Y-%m-%d %H:%M:%S}'"
    matched = columns.Matched({name: name for name in types})
    selection = columns.select(RESPONSES, matched, types, Company(), horizon)
    problem = f"case {unlike_a_feed(types)} else ({selection.problem}) end"
    texts = selection.columns.replace("responded_at", f"strftime(responded_at, '{STORED}') as responded_at", 1)
    found = con.execute(
        f"select row, {problem} as problem, {texts} from (select row, {selection.inner} from {relation}) order by row"
    )
    names = [column[0] for column in found.description]
    answers, refused = [], []
    while chunk := found.fetchmany(MOST_ROWS):
        for values in chunk:
            row = dict(zip(names, values))
            if reason := row.pop("problem"):
                refused.append(Refusal(row["row"], reason))
            else:
                answers.append(Answer(**row))
    return Judged(tuple(answers), tuple(refused))


def unlike_a_feed(types: dict[str, str]) -> str:
    """Branches beyond the feeds' own rules: no company's zone to read a moment in, and the journal's columns are full.

    A feed's local moment is read in its company's zone; a program elsewhere cannot know which one that is.
    """
    keys = [name for name in types if RESPONSES.column(name).kind is Kind.KEY]
    long = "".join(
        f"when length({name}) > {LONGEST} then '{name} is longer than {LONGEST} characters' " for name in keys
    )
    if types["responded_at"] != "VARCHAR":
        return long
    raw = identifier("raw responded_at")
    return f"when {raw} is not null and not {casting.matches(raw, casting.OFFSET_TEXT)} then {quoted(OFFSET)} {long}"


@contextmanager
def opened(place: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory for one judgement, which can read nothing but the files of one folder."""
    settings: dict = {**HARDENED, "memory_limit": "512MiB", "threads": 1}
    with duckdb.connect(":memory:", config={**settings, "enable_external_access": "true"}) as con:
        con.execute("set TimeZone = 'UTC'")
        if place is not None:
            con.execute(f"set allowed_directories = [{quoted(f'{place}/')}]")
        con.execute("set enable_external_access = false")
        con.execute("set lock_configuration = true")
        yield con
