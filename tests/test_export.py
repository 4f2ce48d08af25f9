"""Taking tables along: what is in a file, who gets it, once, and that nothing leaves without being on record."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import random
import re
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import httpx
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette

from data import export, export_journal, export_tickets
from data.catalog import FACTS, METRICS, Unit
from data.export_files import KINDS, Column, TooLarge, escape, is_formula, shown, unescape, visible, write_xlsx
from data.export_journal import Kept, Review, Trail
from data.journal import audit, grants, people, store
from data.journal.schema import AUDIT
from data.journal.store import Journal
from data.question import EVERYTHING, Listing, Question, View
from data.rights import ADMIN, AUDITOR, EXECUTIVE, EXPORT, MANAGER, Actor, Forbidden, Held
from data.warehouse import Build, Warehouse
from tests.conftest import ROOT
from web import exports as route

FORMULAS = (
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1+1", "＋1", "－1", "＠SUM(A1)", "﹦1+1", "−1",
    " =1+1", "\u3000=1", "\u200b=1+1", "\ufeff=1+1", "\u200e\u00a0=1", "\u2060 \ufeff＝1", '"=1+1', "\u034f=1",
)  # fmt: skip
HARMLESS = ("", "C0000001", "a=b", "1-2", "Müller", "東京", "x@y", "5 % +", "[U+0041]", "[U+005B]", "نمی‌خواهم")
PIECES = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", " ", "\u200b", "\ufeff", "'", '"', ",", ";", "|", "[U+0009]",
          "[", "U+0041]", "a", "1", "\u202e", "é", "cmd", "\\", "東", "\x85", "\u2028", "🙂")  # fmt: skip
TEXTS = [Column("key", "Key"), Column("name", "Name"), Column("amount", "Amount", Unit.MONEY), Column("note", "Note")]


@pytest.fixture(scope="module")
def build(warehouse: Path) -> Build:
    return Warehouse(warehouse).current()


@pytest.fixture
def ranking() -> Question:
    """The ranking as its page asks it: one page of 25."""
    facts = ("roi_rank", "roi_state", "roi_shrunk", "last_order_at")
    return Question(
        ("roi", "margin", "cost", "orders"), ("customer_id",), View(EVERYTHING), facts, "roi_rank", limit=25
    )


def random_rows(number: int) -> list[tuple[str, str, Decimal, str]]:
    """Rows of a hostile feed: texts thrown together from what breaks files."""
    dice = random.Random(11)

    def text() -> str:
        return "".join(dice.choices(PIECES, k=dice.randint(0, 6)))

    return [(text(), text(), Decimal(dice.randint(-(10**8), 10**8)).scaleb(-4), text()) for _ in range(number)]


def reader(rows: list[tuple]) -> pa.RecordBatchReader:
    schema = pa.schema(
        [("key", pa.string()), ("name", pa.string()), ("amount", pa.decimal128(18, 4)), ("note", pa.string())]
    )
    batches = [
        pa.RecordBatch.from_arrays([pa.array(c, f.type) for c, f in zip(zip(*part), schema)], schema=schema)
        for part in (rows[i : i + 700] for i in range(0, len(rows), 700))
    ]
    return pa.RecordBatchReader.from_batches(schema, batches)


def written(kind: str, rows: list[tuple], columns: list[Column] = TEXTS, table: str = "rows") -> bytes:
    file = io.BytesIO()
    assert KINDS[kind].write(file, reader(rows), columns, {"Table": table}) == len(rows)
    return file.getvalue()


def csv_rows(content: bytes, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


# ---- Texts in CSV


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_what_a_spreadsheet_may_calculate_gets_an_apostrophe_and_comes_back(text):
    assert is_formula(text)
    assert escape(text).startswith("'")
    assert unescape(escape(text)) == text


@pytest.mark.parametrize("text", HARMLESS, ids=ascii)
def test_other_texts_have_no_apostrophe_and_come_back(text):
    assert not escape(text).startswith("'")
    assert unescape(escape(text)) == text


def test_three_thousand_hostile_rows_survive_a_round_trip_through_csv():
    rows = random_rows(3_000)
    header, *found = csv_rows(written("csv", rows))
    assert header == ["Key", "Name", "Amount", "Note"]
    assert [(unescape(a), unescape(b), Decimal(c), unescape(d)) for a, b, c, d in found] == rows


def test_every_row_of_a_csv_file_is_one_line_without_hidden_characters():
    content = written("csv", random_rows(3_000)).decode("utf-8-sig")
    lines = content.split("\r\n")
    assert len(lines) == 3_002 and lines[-1] == ""
    assert all(visible(line.replace("[", "")) == line.replace("[", "") for line in lines)


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_no_cell_is_a_formula_whatever_separator_the_reader_is_set_to(delimiter):
    rows = [*random_rows(3_000), ("x", "a;=1+1", Decimal(1), "b|=1+1"), ("x", 'a;"=1+1;', Decimal(1), "a,\n=cmd")]
    content = csv_rows(written("csv", rows), delimiter)
    texts = [cell for row in content for cell in row if not re.match(r"-?\d+\.\d{4}(,|$)", cell)]
    assert len(texts) > 2_500
    assert [text for text in texts if is_formula(text.lstrip("\r\n"))] == []


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
@pytest.mark.parametrize("text", ["a;=1+1", "a,\n=cmd", "a\t=1", "a|=1", '"=1;=1'], ids=ascii)
def test_separators_inside_the_first_cell_stay_inside_it(text, delimiter):
    row = csv_rows(written("csv", [(text, "n", Decimal(1), "")]), delimiter)[1]
    assert len(row) == (4 if delimiter == "," else 1)
    assert unescape(row[0].split(',"n",')[0]) == text


def test_figures_are_figures_also_when_they_are_negative():
    file = io.BytesIO()
    schema = pa.schema([("a", pa.decimal128(18, 2)), ("b", pa.float64()), ("c", pa.float64()), ("d", pa.timestamp("us")),
                        ("e", pa.date32()), ("f", pa.bool_()), ("g", pa.string())])  # fmt: skip
    columns = [Column(name, name, Unit.COUNT if name == "c" else Unit.TEXT) for name in schema.names]
    row = [Decimal("-5.00"), 1e-7, 3.0, datetime.fromisoformat("2026-11-22T16:49:33"), date(2026, 11, 1), True, "-5.00"]
    empty = [None, float("nan"), float("inf"), None, None, None, None]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(list(c), f.type) for c, f in zip(zip(row, empty), schema)], schema=schema
    )
    KINDS["csv"].write(file, pa.RecordBatchReader.from_batches(schema, [batch]), columns, {})
    lines = file.getvalue().decode("utf-8-sig").split("\r\n")
    assert lines[1] == """-5.00,0.0000001,3,2026-11-22T16:49:33Z,2026-11-01,true,"'-5.00\""""
    assert lines[2] == ",,,,,,"


def test_a_header_that_is_a_formula_is_escaped():
    assert csv_rows(written("csv", [], [Column("key", "=1+1")]))[0] == ["'=1+1"]


# ---- Excel and Parquet


def test_an_excel_file_has_neither_formulas_nor_links_and_every_text_comes_back():
    rows = [*random_rows(800), *((text, "https://evil.example", Decimal(-5), "#REF!") for text in FORMULAS)]
    columns = [Column("key", "=1+1"), *TEXTS[1:]]
    content = written(
        "xlsx", rows, columns, table="=cmd|' /C calc'!A0 with a name much longer than thirty-one characters"
    )
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        xml = {name: parts.read(name).decode() for name in parts.namelist()}
    sheets = [text for name, text in xml.items() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 2
    assert not any("<f" in text or "yperlink" in text for text in sheets)
    assert not any("yperlink" in text or "xternal" in text for name, text in xml.items() if name.endswith(".rels"))
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert [len(name) <= 31 and name.replace(" ", "").isalnum() for name in book.sheetnames] == [True, True]
    found = list(book.worksheets[0].iter_rows())
    assert found[0][0].value == "=1+1" and found[0][0].data_type == "s" and found[0][0].quotePrefix
    for cells, row in zip(found[1:], rows, strict=True):
        for cell, value in ((cells[0], row[0]), (cells[1], row[1]), (cells[3], row[3])):
            assert (cell.value or "") == visible(value) and cell.data_type in ("s", "inlineStr")
            assert not is_formula(value) or cell.quotePrefix
        assert cells[2].data_type == "n" and Decimal(str(cells[2].value)).quantize(Decimal("0.0001")) == row[2]


def test_a_text_that_excel_would_decode_is_written_so_that_it_reads_as_it_is():
    content = written("xlsx", [("_x003D_1+1 _x1_", "<b>&amp;", Decimal(1), " two  blanks ")])
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    texts = [node.text for node in ElementTree.fromstring(sheet).iter() if node.tag.endswith("}t")]
    assert texts[len(TEXTS) :] == ["_x005F_x003D_1+1 _x1_", "<b>&amp;", " two  blanks "]


def test_a_text_too_long_for_excel_is_refused_and_leaves_no_file_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(TooLarge, match="Choose CSV"):
        write_xlsx(io.BytesIO(), reader([("x" * 40_000, "", Decimal(1), "")]), TEXTS, {"Table": "rows"})
    assert list(tmp_path.iterdir()) == []


def test_parquet_is_typed_and_holds_every_text_as_it_is():
    rows = random_rows(1_000)
    table = pq.read_table(io.BytesIO(written("parquet", rows)))
    assert [tuple(row.values()) for row in table.to_pylist()] == rows
    assert table.schema.field("amount").type == pa.decimal128(18, 4)


def test_json_lines_are_typed_and_hold_every_text_as_it_is():
    rows = random_rows(1_000)
    lines = written("jsonl", rows).split(b"\n")
    assert lines.pop() == b""
    records = [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]
    assert [tuple(record.values()) for record in records] == rows
    assert list(records[0]) == ["key", "name", "amount", "note"]


def test_what_is_missing_is_null_and_moments_say_utc_in_json_lines():
    schema = pa.schema([("at", pa.timestamp("us")), ("share", pa.float64()), ("count", pa.float64()), ("kind", pa.dictionary(pa.int8(), pa.string())), ("ok", pa.bool_())])  # fmt: skip
    values = [
        [datetime.fromisoformat("2026-01-02T03:04:05"), None],
        [0.25, float("nan")],
        [3.0, float("inf")],
        ["=a", None],
        [True, None],
    ]
    batch = pa.RecordBatch.from_arrays([pa.array(v, f.type) for v, f in zip(values, schema)], schema=schema)
    file = io.BytesIO()
    columns = [Column("at", "At"), Column("share", "Share", Unit.SHARE), Column("count", "Count", Unit.COUNT), Column("kind", "Kind"), Column("ok", "Ok")]  # fmt: skip
    assert KINDS["jsonl"].write(file, pa.RecordBatchReader.from_batches(schema, [batch]), columns, {}) == 2
    assert file.getvalue() == (
        b'{"at":"2026-01-02T03:04:05Z","share":0.25,"count":3,"kind":"=a","ok":true}\n'
        b'{"at":null,"share":null,"count":null,"kind":null,"ok":null}\n'
    )


def test_no_file_of_excel_silently_loses_rows_beyond_its_last_line():
    with pytest.raises(TooLarge, match=r"1,048,575 rows\. Choose CSV"):
        export.fitting(1_048_576, export.Wanted(Long(None), "long", "xlsx"))
    assert export.fitting(1_048_576, export.Wanted(Long(None), "long", "csv")) == 1_048_576


class Long(Kept):
    """Rows of the journal that may be very many."""

    permissions, columns, ceiling = (EXPORT,), (), 2_000_000

    def count(self) -> int:
        return 0

    def rows(self):
        yield from ()


# ---- Files hold the answer of the question


def content_of(
    build: Build, question: Question | Listing, kind: str, name: str = "customer_roi"
) -> tuple[export.Made, bytes]:
    made = export.make(build, export.Wanted(question, name, kind))
    with made.file:
        return made, made.file.read()


def exact_rows(build: Build, question: Question) -> list[tuple]:
    with build.engine.connection.cursor() as cursor:
        return cursor.execute(*export.whole(question).sql(build.attributes)).fetchall()


def test_csv_holds_the_whole_answer_to_the_last_digit(build, ranking):
    _, content = content_of(build, ranking, "csv")
    header, *found = csv_rows(content)
    assert header == [
        "Customer",
        *(METRICS[n].label for n in ranking.metrics),
        *(FACTS[n].label for n in ranking.facts),
    ]
    expected = exact_rows(build, ranking)
    assert len(found) == len(expected) > 1_000
    for row, answer in zip(found, expected):
        assert row[0] == answer[0]
        assert [Decimal(row[i]) if row[i] else None for i in (2, 3, 4)] == list(answer[2:5])
        assert [float(row[i]) if row[i] else None for i in (1, 5, 7)] == [answer[i] for i in (1, 5, 7)]
        assert row[8] == (f"{answer[8].isoformat()}Z" if answer[8] else "")


def test_excel_holds_the_whole_answer_to_the_cent(build, ranking):
    _, content = content_of(build, ranking, "xlsx")
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    found = [(*row, None, None)[:9] for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)]
    expected = exact_rows(build, ranking)
    assert len(found) == len(expected)
    cent = Decimal("0.01")
    for row, answer in zip(found, expected):
        assert [Decimal(str(row[i])).quantize(cent) for i in (2, 3)] == [answer[i].quantize(cent) for i in (2, 3)]
        assert (row[0], row[4], row[6], row[8]) == (answer[0], answer[4], answer[6], answer[8])
    said = dict(book["About"].iter_rows(values_only=True))
    assert said["Build"] == build.id and said["Rows"] == str(len(expected)) and said["Question"] == str(ranking)
    assert said["Currency"] == build.manifest["currency"] and said["Notice"] == build.manifest["notice"]


def test_parquet_holds_the_whole_answer_with_its_build_and_question(build, ranking):
    _, content = content_of(build, ranking, "parquet")
    table = pq.read_table(io.BytesIO(content))
    assert table.column_names == ["customer_id", *ranking.metrics, *ranking.facts]
    moments = [row["last_order_at"] for row in table.to_pylist()]
    assert {moment.utcoffset().total_seconds() for moment in moments if moment} == {0.0}
    rows = [tuple(row.values())[:8] for row in table.to_pylist()]
    assert rows == [row[:8] for row in exact_rows(build, ranking)]
    assert pa.types.is_decimal(table.schema.field("margin").type)
    assert table.schema.metadata[b"build"] == build.id.encode()
    assert table.schema.metadata[b"question"] == str(ranking).encode()


def test_a_listing_is_taken_along_with_the_columns_that_were_chosen(build):
    listing = Listing("tie_out", View(EVERYTHING), limit=3)
    made = export.make(build, export.Wanted(listing, "tie_out", "csv", ("feed", "difference"), {"difference": "Gap"}))
    with made.file:
        header, *rows = csv_rows(made.file.read())
    assert (
        header == ["Feed", "Gap"]
        and len(rows) == made.rows == len(build.answer(Listing("tie_out", View(EVERYTHING)))) > 3
    )


def test_somebody_without_rows_gets_a_file_without_rows(build):
    made, content = content_of(build, Question(("margin",), ("customer_id",)), "csv")
    assert made.rows == 0 and content.count(b"\r\n") == 1


def test_the_name_of_a_file_says_build_rows_and_checksum(build, ranking):
    for kind in KINDS:
        made, content = content_of(build, ranking, kind, "Customers.html")
        digest = hashlib.sha256(content).hexdigest()
        stamp, rows = build.manifest["stamp"], len(exact_rows(build, ranking))
        assert made.name == f"rapport_customers_html_{stamp}_{rows}rows_{digest[:12]}.{kind}"
        assert (made.sha256, made.size) == (digest, len(content))


def test_more_rows_than_a_file_may_have_are_refused_before_and_while_it_is_made(build, ranking, monkeypatch):
    monkeypatch.setattr(export, "MOST_ROWS", 100)
    wanted = export.Wanted(ranking, "customer_roi")
    with pytest.raises(TooLarge, match="more than the 100 rows"):
        export.count(build, wanted)
    with pytest.raises(TooLarge):
        export.make(build, wanted)


def test_counting_before_and_writing_give_the_same_number(build, ranking):
    timeline = Listing("timeline", View(EVERYTHING).only("customer_id", exact_rows(build, ranking)[0][0]), limit=2)
    for question in (
        ranking,
        timeline,
        Question(("margin",), view=View(EVERYTHING)),
        Question(("margin",), ("month",), View(EVERYTHING)),
    ):
        assert export.count(build, export.Wanted(question, "x")) == content_of(build, question, "csv")[0].rows > 0


# ---- Tickets, the route, the record


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Signed:
    """Stands in front of the route as the session guard does."""

    def __init__(self, app, journal: Journal):
        self.app, self.journal = app, journal

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            name = dict(scope["headers"]).get(b"x-session", b"").decode()
            session = people.alive(self.journal, name) if name else None
            scope = scope | {"state": {"session": session} if session else {}}
        await self.app(scope, receive, send)


class Door:
    """The route, its journal, and people who come in."""

    def __init__(self, journal: Journal, clock: Clock):
        self.journal, self.clock = journal, clock
        self.app = Signed(Starlette(routes=[route.ROUTE]), journal)

    def sign_in(self, name: str, *held: Held, again: int = 0) -> Actor:
        """Somebody with roles of the identity provider, as an actor."""
        claims = {"iss": "https://id.example", "sub": name, "nonce": f"{name}{again}", "iat": 1, "name": name}
        session = people.alive(self.journal, people.sign_in(self.journal, claims, "example", held))
        assert session
        return people.actor_of(self.journal, session)

    def fetch(self, token: str, who: Actor | None, method: str = "GET") -> httpx.Response:
        """What the route answers to a browser with this person's session."""

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                headers = {"x-session": who.session} if who else {}
                return await client.request(method, f"/export/{token}", headers=headers)

        with start_blocking_portal() as portal:  # a thread of its own: a browser's loop may run in this one
            return portal.call(ask)

    def on_record(self, action: str = "export") -> list[dict]:
        return [json.loads(row.detail) for row in audit.entries(self.journal, action=action)]


@pytest.fixture
def door(journal: Journal, monkeypatch) -> Door:
    clock = Clock()
    monkeypatch.setattr(export_tickets.tickets(), "clock", clock)
    monkeypatch.setattr(export_tickets.tickets(), "open", {})
    monkeypatch.setattr(store, "journal", lambda: journal)
    return Door(journal, clock)


@pytest.fixture
def ticket(door: Door, build: Build, ranking: Question) -> Callable[..., tuple[str, int]]:
    def make(who: Actor, question: Question | None = None, **more) -> tuple[str, int]:
        return export.prepare(door.journal, who, build, export.Wanted(question or ranking, "customer_roi", **more))

    return make


@pytest.mark.parametrize("kind", KINDS)
def test_the_owner_gets_the_file_and_name_file_headers_and_record_agree(door, ticket, build, ranking, kind):
    ann = door.sign_in("Ann", Held(AUDITOR))
    token, number = ticket(ann, kind=kind)
    assert door.on_record() == []
    answer = door.fetch(token, ann)
    digest = hashlib.sha256(answer.content).hexdigest()
    name = f"rapport_customer_roi_{build.manifest['stamp']}_{number}rows_{digest[:12]}.{kind}"
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["content-type"] == KINDS[kind].mime
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    assert (
        answer.headers["content-length"] == str(len(answer.content))
        and answer.headers["content-encoding"] == "identity"
    )
    (row,) = audit.entries(door.journal, action="export")
    assert (row.actor, row.session, row.target, row.build) == (ann.person, ann.session, name, build.id)
    assert json.loads(row.detail) == {
        "name": "customer_roi", "format": kind, "rows": number, "sha256": digest, "question": str(ranking),
    }  # fmt: skip


def test_a_ticket_works_once_and_only_for_the_session_that_made_it(door, ticket):
    ann, bob = door.sign_in("Ann", Held(AUDITOR)), door.sign_in("Bob", Held(AUDITOR))
    elsewhere = door.sign_in("Ann", Held(AUDITOR), again=1)
    token, _ = ticket(ann)
    codes = [door.fetch(token, who).status_code for who in (bob, None, elsewhere, ann, ann, bob)]
    assert codes == [404, 404, 404, 200, 404, 404]
    assert len(door.on_record()) == 1


def test_a_ticket_ends_after_sixty_seconds(door, ticket):
    ann, bob = door.sign_in("Ann", Held(AUDITOR)), door.sign_in("Bob", Held(AUDITOR))
    late, in_time = ticket(ann)[0], ticket(ann)[0]
    door.clock.seconds = 60
    assert door.fetch(in_time, ann).status_code == 200
    door.clock.seconds = 60.01
    assert [door.fetch(late, who).status_code for who in (ann, ann, bob, None)] == [410, 410, 404, 404]


def test_asking_about_a_file_does_not_use_its_ticket_up(door, ticket):
    ann = door.sign_in("Ann", Held(AUDITOR))
    token, _ = ticket(ann)
    assert [door.fetch(token, ann, method).status_code for method in ("HEAD", "POST", "GET")] == [405, 405, 200]


def test_a_ticket_of_a_session_that_was_ended_is_worth_nothing(door, ticket):
    ann = door.sign_in("Ann", Held(AUDITOR))
    token, _ = ticket(ann)
    people.end_session(door.journal, ann.session, "signed out")
    assert door.fetch(token, ann).status_code == 404 and door.on_record() == []


def test_twenty_who_come_at_once_with_one_ticket_get_one_file(door, ticket):
    ann = door.sign_in("Ann", Held(AUDITOR))
    token, _ = ticket(ann)
    taken = []

    def take() -> None:
        try:
            taken.append(export_tickets.tickets().take(token, ann.session))
        except export_tickets.Unknown:
            taken.append(None)

    threads = [threading.Thread(target=take) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 20 and sum(one is not None for one in taken) == 1


def test_tokens_are_long_and_tickets_few_and_one_session_cannot_drop_those_of_others(build, ranking):
    tickets = export_tickets.Tickets(Clock())
    wanted = export.Wanted(ranking, "customer_roi")
    other = tickets.make("other", build, wanted)
    tokens = [tickets.make("mine", build, wanted) for _ in range(3_000)]
    assert len(set(tokens)) == 3_000 and {len(token) for token in tokens} == {43}  # 256 bits
    assert len(tickets.open) == 1 + export_tickets.MOST_OF_A_SESSION
    assert tickets.take(other, "other").session == "other"
    for number in range(2_000):
        tickets.make(f"session {number}", build, wanted)
    assert len(tickets.open) == export_tickets.MOST_TICKETS
    with pytest.raises(export_tickets.Unknown):
        tickets.take(tokens[-1], "mine")


def test_nobody_without_the_right_gets_a_ticket(door, ticket):
    for who in (
        door.sign_in("Root", Held(ADMIN)),
        door.sign_in("Gina"),
        Actor("x", "X", (Held(AUDITOR),), "s", viewed_by="y"),
    ):
        with pytest.raises(Forbidden):
            ticket(who)
    assert export_tickets.tickets().open == {}


def test_a_right_taken_away_between_click_and_fetch_counts(door, ticket):
    first, second = door.sign_in("Root", Held(ADMIN)), door.sign_in("Rita", Held(ADMIN))
    ann = door.sign_in("Ann")
    grant = grants.ask(door.journal, first, ann.person, AUDITOR, "the yearly audit")
    grants.decide(door.journal, second, grant, True)
    ann = door.sign_in("Ann")
    token, _ = ticket(ann)
    grants.revoke(door.journal, first, grant)
    answer = door.fetch(token, ann)
    assert answer.status_code == 403 and "content-disposition" not in answer.headers
    assert door.on_record() == [] and [row["action"] for row in door.on_record("denied")] == ["export"]


def test_a_book_taken_away_between_click_and_fetch_counts(door, ticket, build):
    managers = sorted(build.manifest["filters"]["manager_id"])[:2]
    mine = Held(MANAGER, managers[0])
    mona = door.sign_in("Mona", mine)
    own = Question(("margin",), ("customer_id",), View(build.scope_of((mine,))))
    assert door.fetch(ticket(mona, own)[0], mona).status_code == 200
    foreign = Question(("margin",), ("customer_id",), View(build.scope_of((Held(MANAGER, managers[1]),))))
    for question in (foreign, Question(("margin",), ("customer_id",), View(EVERYTHING))):
        answer = door.fetch(ticket(mona, question)[0], mona)
        assert answer.status_code == 403 and b"has changed" in answer.content
    assert len(door.on_record()) == 1 and len(door.on_record("denied")) == 2


def test_who_looks_after_customers_and_partners_takes_along_both_and_only_those(door, ticket, build):
    managers = sorted(set(build.manifest["filters"]["manager_id"]) - {"(unknown)"})
    mine = next(Held(MANAGER, one) for one in managers if build.partners_of(one) and one != managers[0])
    mona, scope = door.sign_in("Mona", mine), build.scope_of((mine,))
    assert [name for name, _ in scope.members] == ["manager_id", "partner_id"]
    for by in ("customer_id", "partner_id"):
        asked = Question(("revenue",), (by,), View(scope))
        answer = door.fetch(ticket(mona, asked)[0], mona)
        keys = {row[0] for row in csv_rows(answer.content)[1:]}
        own = (
            build.partners_of(mine.subject)
            if by == "partner_id"
            else build.engine.ask("select customer_id from customer where manager_id = ?", [mine.subject])[
                "customer_id"
            ]
        )
        assert answer.status_code == 200 and keys and keys <= set(own)
        others = Question(("revenue",), (by,), View(build.scope_of((Held(MANAGER, managers[0]),))))
        assert door.fetch(ticket(mona, others)[0], mona).status_code == 403


def test_who_sees_groups_takes_along_groups_and_never_single_customers(door, ticket, build, ranking):
    held = (Held(EXECUTIVE),)
    eve = door.sign_in("Eve", *held)
    view = View(build.scope_of(held))
    assert door.fetch(ticket(eve, Question(("margin",), ("month",), view))[0], eve).status_code == 200
    for refused in (Question(("margin",), ("customer_id",), view),):
        with pytest.raises(ValueError, match="not single ones"):
            ticket(eve, refused)
    assert door.fetch(ticket(eve, ranking)[0], eve).status_code == 403  # a question made for somebody else


class Broken(Exception):
    """The disk is full."""


def test_without_a_record_no_byte_leaves(door, ticket, monkeypatch, caplog):
    ann = door.sign_in("Ann", Held(AUDITOR))
    token, _ = ticket(ann)

    def append(*_):
        raise Broken

    with monkeypatch.context() as broken:
        broken.setattr(Journal, "_append", append)
        answer = door.fetch(token, ann)
    assert answer.status_code == 503 and answer.headers["content-type"].startswith("text/plain")
    assert b"nothing was sent" in answer.content and b"C000" not in answer.content
    assert door.on_record() == [] and door.fetch(token, ann).status_code == 404
    assert "could not be made or recorded" in caplog.text


def test_the_record_is_committed_before_the_first_byte_is_read(door, ticket, monkeypatch):
    ann = door.sign_in("Ann", Held(AUDITOR))
    seen = []
    parts = route.parts

    def watched(made):
        seen.append(len(door.on_record()))
        yield from parts(made)

    monkeypatch.setattr(route, "parts", watched)
    assert door.fetch(ticket(ann)[0], ann).status_code == 200
    assert seen == [1]


def test_nothing_of_a_file_stays_on_the_disk(door, ticket, tmp_path, monkeypatch):
    ann = door.sign_in("Ann", Held(AUDITOR))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    for kind in KINDS:
        assert door.fetch(ticket(ann, kind=kind)[0], ann).status_code == 200
    assert list(folder.iterdir()) == []


# ---- The daily quota


def test_fifty_exports_are_a_day_and_midnight_begins_another(door, ticket, build):
    ann = door.sign_in("Ann", Held(AUDITOR))
    small = Question(("margin",), view=View(EVERYTHING))
    for _ in range(export.EXPORTS_A_DAY - 1):
        door.journal.record(ann, "export", "earlier", rows=1)
    last, beyond = ticket(ann, small)[0], ticket(ann, small)[0]
    assert [door.fetch(one, ann).status_code for one in (last, beyond)] == [200, 403]
    with pytest.raises(Forbidden, match="50 exports"):
        ticket(ann, small)
    bob = door.sign_in("Bob", Held(AUDITOR))
    assert door.fetch(ticket(bob, small)[0], bob).status_code == 200
    yesterday = door.journal.clock
    door.journal.clock = lambda: yesterday().replace(year=yesterday().year + 1)
    again = door.sign_in("Ann", Held(AUDITOR), again=2)
    assert door.fetch(ticket(again, small)[0], again).status_code == 200


def test_rows_of_many_exports_count_together(door, ticket):
    ann = door.sign_in("Ann", Held(AUDITOR))
    token, number = ticket(ann)
    door.journal.record(ann, "export", "earlier", rows=export.ROWS_A_DAY - number)
    assert door.fetch(token, ann).status_code == 200
    assert export.used(door.journal, ann.person) == (2, export.ROWS_A_DAY)
    with pytest.raises(Forbidden, match="continue tomorrow"):
        ticket(ann, Question(("margin",), view=View(EVERYTHING)))


def test_two_at_once_cannot_share_the_last_export_of_a_day(door, ticket):
    ann = door.sign_in("Ann", Held(AUDITOR))
    for _ in range(export.EXPORTS_A_DAY - 1):
        door.journal.record(ann, "export", "earlier", rows=1)
    tokens = [ticket(ann, Question(("margin",), view=View(EVERYTHING)))[0] for _ in range(4)]
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: codes.append(door.fetch(one, ann).status_code)) for one in tokens
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [200, 403, 403, 403] and export.used(door.journal, ann.person)[0] == export.EXPORTS_A_DAY


def test_the_trail_with_exports_and_refusals_verifies(door, ticket):
    ann, root = door.sign_in("Ann", Held(AUDITOR)), door.sign_in("Root", Held(ADMIN))
    door.fetch(ticket(ann)[0], ann)
    with pytest.raises(Forbidden), door.journal.write(root, EXPORT, "export"):
        pass
    assert audit.verify(door.journal).ok
    assert door.journal.rows(sa.select(sa.func.count()).select_from(store.AUDIT))[0][0] >= 4


# ---- Rows of the journal

ODD = (
    '{"why":"=cmd|\' /C calc\'!A0"}', "=1+1", "two\nlines\r\nand, a; separator", '"=1+1', "\u202e\u200b@SUM(A1)", "{",
)  # fmt: skip


def forge(journal: Journal, detail: str, **more: str) -> int:
    """An entry that no program of ours would write: put at the end of the trail behind its back."""
    (last,) = journal.rows(sa.select(AUDIT).order_by(AUDIT.c.seq.desc()).limit(1))
    row = dict(last._mapping) | {"seq": last.seq + 1, "detail": detail, "action": "=1+1", "target": "-1"} | more
    with journal.unaudited() as connection:
        connection.execute(AUDIT.insert(), row)
    return row["seq"]


def file_rows(content: bytes, kind: str) -> list[list]:
    """Head and rows of a file, texts as they were before they were escaped."""
    if kind == "csv":
        head, *rows = csv_rows(content)
        return [
            head,
            *([int(row[0]) if row[0].isdigit() else unescape(row[0]), *map(unescape, row[1:])] for row in rows),
        ]
    if kind == "xlsx":
        sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
        assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)
        return [[shown(one) if isinstance(one, str) else one for one in row] for row in sheet.values]
    if kind == "jsonl":
        records = [json.loads(line) for line in content.decode().rstrip("\n").split("\n")]
        columns = next(one.columns for one in (Trail, Review) if [c.name for c in one.columns] == list(records[0]))
        return [[one.label for one in columns], *(list(record.values()) for record in records)]
    table = pq.read_table(io.BytesIO(content))
    labels = [field.metadata[b"label"].decode() for field in table.schema]
    return [labels, *(list(row.values()) for row in table.to_pylist())]


def taken(door: Door, build: Build, who: Actor, kept: Kept, kind: str = "csv") -> httpx.Response:
    """The file of some rows of the journal, prepared and fetched."""
    token, _ = export.prepare(door.journal, who, build, export.Wanted(kept, "audit_trail", kind))
    return door.fetch(token, who)


def trail_rows(journal: Journal, names: dict[str, str], last: int) -> list[list]:
    """The whole trail up to an entry, the newest first, as a file should have it."""
    statement = sa.text("select seq, at, actor, action, target, build, detail, mac, key_id from audit")
    with journal.engine.connect() as connection:
        rows = [list(row) for row in connection.execute(statement) if row.seq <= last]
    return [[*row[:2], names.get(row[2], ""), *row[2:]] for row in sorted(rows, reverse=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_trail_in_a_file_is_the_trail_of_the_journal_whatever_its_details_hold(door, build, kind):
    ann = door.sign_in("=Ann", Held(AUDITOR))
    for text in ODD:
        last = forge(door.journal, text)
    answer = taken(door, build, ann, Trail(door.journal), kind)
    assert answer.status_code == 200
    head, *rows = file_rows(answer.content, kind)
    assert head == ["Number", "Time (UTC)", "Who", "Key of who", "Action", "What it was about", "Build", "Details",
                    "Hash", "Key of the hash"]  # fmt: skip
    rows = [[one or "" for one in row] for row in rows]
    assert rows == trail_rows(door.journal, {"system": "Rapport", ann.person: "=Ann"}, last)
    assert [row[7] for row in rows[: len(ODD)]] == list(reversed(ODD))


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_ends_where_it_began_and_its_own_entry_comes_afterwards(door, build, kind):
    ann = door.sign_in("Ann", Held(AUDITOR))
    newest = audit.count(door.journal)
    answer = taken(door, build, ann, Trail(door.journal), kind)
    rows = file_rows(answer.content, kind)[1:]
    assert [row[0] for row in rows] == list(range(newest, 0, -1))
    (own,) = audit.entries(door.journal, action="export")
    digest = hashlib.sha256(answer.content).hexdigest()
    assert (own.seq, own.actor, own.build) == (newest + 1, ann.person, build.id)
    assert own.target == f"rapport_audit_trail_journal_{newest}rows_{digest[:12]}.{kind}"
    assert f'filename="{own.target}"' in answer.headers["content-disposition"]
    assert json.loads(own.detail) == {
        "name": "audit_trail", "format": kind, "rows": newest, "sha256": digest, "question": "entries of the audit trail",
    }  # fmt: skip
    assert audit.verify(door.journal).ok


def test_entries_written_while_the_file_is_made_are_not_in_it(door, monkeypatch):
    monkeypatch.setattr(export_journal, "ROWS_AT_ONCE", 3)
    ann = door.sign_in("Ann", Held(AUDITOR))
    for number in range(20):
        door.journal.record(ann, "view.open", f"v{number}")
    newest, seen = audit.count(door.journal), []
    for part in Trail(door.journal).reader(export.MOST_ROWS):
        assert 0 < part.num_rows <= 3
        seen += part.column("seq").to_pylist()
        door.journal.record(ann, "view.open", "meanwhile")
    assert seen == list(range(newest, 0, -1))


def test_a_file_reads_the_trail_in_small_parts_and_no_further_than_it_may(door, build, monkeypatch):
    ann = door.sign_in("Ann", Held(AUDITOR))
    for number in range(40):
        door.journal.record(ann, "view.open", f"v{number}")
    monkeypatch.setattr(export_journal, "ROWS_AT_ONCE", 7)
    read, rows = [], Journal.rows

    def watched(journal, statement, **values):
        found = rows(journal, statement, **values)
        read.append(len(found))
        return found

    with monkeypatch.context() as watching:
        watching.setattr(Journal, "rows", watched)
        (made := export.make(build, export.Wanted(Trail(door.journal), "x"))).file.close()
    assert made.rows == audit.count(door.journal) == sum(read) - 1 and max(read) == 7  # and one person's name
    monkeypatch.setattr(export, "MOST_ROWS", 20)
    with pytest.raises(TooLarge, match="more than the 20 rows"):
        taken(door, build, ann, Trail(door.journal))
    with monkeypatch.context() as watching:
        watching.setattr(Journal, "rows", watched)
        read.clear()
        with pytest.raises(TooLarge):
            export.make(build, export.Wanted(Trail(door.journal), "x"))
        assert sum(read) - 1 <= 28


def test_a_file_of_the_trail_holds_what_was_looked_for_and_nothing_else(door, build):
    ann, bob = door.sign_in("Ann", Held(AUDITOR)), door.sign_in("Bob", Held(AUDITOR))
    for who, action, target in (
        (ann, "view.open", "v1"),
        (bob, "view.open", "v2"),
        (bob, "view.save", "v1"),
        (bob, "view.open", "v1"),
        (bob, "view.open", "v1"),
    ):
        door.journal.record(who, action, target)
    times = sorted(row.at for row in audit.entries(door.journal))
    looks = [
        ({"action": "view.open"}, lambda row: row.action == "view.open", 4),
        ({"actor": ann.person}, lambda row: row.actor == ann.person, 3),
        ({"target": "v1"}, lambda row: row.target == "v1", 4),
        ({"since": times[3], "until": times[6]}, lambda row: times[3] <= row.at < times[6], 3),
        ({"until": times[3]}, lambda row: row.at < times[3], 3),
        ({"action": "view.open", "actor": bob.person, "target": "v1"}, lambda row: row.seq in (6, 7), 2),
        ({"target": "v1' or '1'='1"}, lambda row: False, 0),
    ]
    for look, fits, number in looks:
        expected = [row.seq for row in audit.entries(door.journal) if fits(row)]
        answer = taken(door, build, ann, Trail(door.journal, **look))
        assert [row[0] for row in file_rows(answer.content, "csv")[1:]] == expected and len(expected) == number
        said = door.on_record()[0]["question"]
        assert said == "entries of the audit trail" + "".join(f", {name} {value}" for name, value in look.items())


@pytest.fixture
def wide_cells() -> Iterator[None]:
    """Python's reader of CSV takes cells of two megabytes."""
    before = csv.field_size_limit(1 << 21)
    yield
    csv.field_size_limit(before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_detail_of_a_megabyte_is_one_cell_and_too_long_for_excel(door, build, kind, wide_cells):
    ann = door.sign_in("Ann", Held(AUDITOR))
    forged = forge(door.journal, huge := "=1+1\n" + "x" * (1 << 20))
    answer = taken(door, build, ann, Trail(door.journal, action="=1+1"), kind)
    if kind == "xlsx":
        assert answer.status_code == 413 and b"Choose CSV" in answer.content and door.on_record() == []
        return
    (row,) = file_rows(answer.content, kind)[1:]
    assert (row[0], row[4], row[5], row[7]) == (forged, "=1+1", "-1", huge)
    if kind == "csv":
        assert answer.content.count(b"\n") == 2 and b"\"'=1+1[U+000A]xxx" in answer.content


@pytest.mark.parametrize("kind", KINDS)
def test_the_access_review_in_a_file_is_the_report_with_names(door, build, kind):
    root, rita = door.sign_in("Root", Held(ADMIN)), door.sign_in("=Rita", Held(ADMIN))
    zoe, max_ = door.sign_in("Zoe"), door.sign_in("Max", Held(MANAGER, "M01"))
    granted = grants.ask(door.journal, root, zoe.person, AUDITOR, "=1+1\nevery year", days=3)
    grants.decide(door.journal, rita, granted, True)
    report = {line["person"]: line for line in grants.report(door.journal)}
    answer = taken(door, build, root, Review(door.journal), kind)
    assert answer.status_code == 200
    head, *rows = file_rows(answer.content, kind)
    rows = {row["Name"]: row for row in (dict(zip(head, [one or "" for one in row], strict=True)) for row in rows)}
    assert rows.keys() == {"Root", "=Rita", "Zoe", "Max"}
    pairs = {"Key of the person": "person", "Role": "role", "About": "subject", "From": "source", "Reason": "reason",
             "Key of who asked": "asked_by", "Key of who granted": "granted_by", "Since (UTC)": "since",
             "Expires (UTC)": "expires", "Last here (UTC)": "last_used"}  # fmt: skip
    for row in rows.values():
        line = report[row["Key of the person"]]
        assert {label: row[label] for label in pairs} == {label: line[name] for label, name in pairs.items()}
    assert (rows["Zoe"]["Asked by"], rows["Zoe"]["Granted by"]) == ("Root", "=Rita")
    assert (rows["Zoe"]["Role"], rows["Zoe"]["Reason"]) == (AUDITOR, "=1+1\nevery year")
    assert (rows["Max"]["Key of the person"], rows["Max"]["About"]) == (max_.person, "M01")
    answer = taken(door, build, rita, Review(door.journal, AUDITOR), kind)
    assert [row[0] for row in file_rows(answer.content, kind)[1:]] == ["Zoe"]
    assert [row["question"] for row in door.on_record()] == [
        "who holds the role auditor now", "everybody, with the roles held now",
    ]  # fmt: skip


def test_who_may_not_read_the_trail_or_who_has_access_gets_no_file_of_it_and_that_is_on_record(door, build):
    auditor, admin = door.sign_in("Ann", Held(AUDITOR)), door.sign_in("Root", Held(ADMIN))
    eve, gast = door.sign_in("Eve", Held(EXECUTIVE)), door.sign_in("Gina")
    mona = door.sign_in("Mona", Held(MANAGER, "M01"))
    looking = people.view_as(door.journal, admin, auditor.person)
    assert looking.roles == {AUDITOR} and looking.viewed_by == admin.person
    refused = [(who, Trail(door.journal)) for who in (admin, eve, gast, mona, looking)]
    refused += [(who, Review(door.journal)) for who in (eve, gast, mona, looking)]
    for number, (who, kept) in enumerate(refused, 1):
        with pytest.raises(Forbidden):
            taken(door, build, who, kept)
        denied = audit.entries(door.journal, action="denied")
        assert len(denied) == number and json.loads(denied[0].detail)["action"] == "export"
        assert denied[0].actor == (who.viewed_by or who.person)
    assert export_tickets.tickets().open == {} and door.on_record() == []


@pytest.mark.parametrize(("kind", "role"), [(Trail, AUDITOR), (Review, AUDITOR)])
def test_a_right_to_the_journal_taken_away_between_click_and_fetch_counts(door, build, kind, role):
    first, second, ann = door.sign_in("Root", Held(ADMIN)), door.sign_in("Rita", Held(ADMIN)), door.sign_in("Ann")
    grant = grants.ask(door.journal, first, ann.person, role, "the yearly audit")
    grants.decide(door.journal, second, grant, True)
    ann = door.sign_in("Ann")
    token, _ = export.prepare(door.journal, ann, build, export.Wanted(kind(door.journal), "rows"))
    grants.revoke(door.journal, first, grant)
    answer = door.fetch(token, ann)
    assert answer.status_code == 403 and "content-disposition" not in answer.headers
    assert door.on_record() == [] and [row["action"] for row in door.on_record("denied")] == ["export"]


def test_an_administrators_files_count_for_the_day_and_none_leaves_without_a_record(door, build, monkeypatch, caplog):
    root = door.sign_in("Root", Held(ADMIN))
    with monkeypatch.context() as broken:
        broken.setattr(Journal, "_append", lambda *_: (_ for _ in ()).throw(Broken()))
        answer = taken(door, build, root, Review(door.journal))
    assert answer.status_code == 503 and b"nothing was sent" in answer.content and door.on_record() == []
    assert "could not be made or recorded" in caplog.text
    for _ in range(export.EXPORTS_A_DAY - 1):
        door.journal.record(root, "export", "earlier", rows=1)
    assert taken(door, build, root, Review(door.journal)).status_code == 200
    with pytest.raises(Forbidden, match="50 exports"):
        taken(door, build, root, Review(door.journal))


# ---- No other way out


def test_no_screen_uses_streamlits_own_downloads():
    files = [ROOT / "app.py", *(ROOT / "components").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]
    assert len(files) > 20
    forbidden = {"download_button", "media_file_mgr", "media_file_manager"}
    used = [
        f"{path.name}:{node.lineno}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if {getattr(node, "attr", ""), getattr(node, "id", ""), getattr(node, "name", "")} & forbidden
    ]
    assert used == []


def test_tables_offer_no_download_of_their_own():
    import tomllib

    assert (
        tomllib.loads((ROOT / ".streamlit/config.toml").read_text(encoding="utf-8"))["client"]["disableDataExport"]
        is True
    )


@pytest.mark.browser
def test_a_person_exports_the_ranking_by_clicking(app_address, chromium):
    from tests import browser

    with browser.visit(chromium, f"{app_address}/customer_roi") as visit:
        page, files = visit.page, []
        page.on("download", lambda file: files.append(file))
        page.context.on("page", lambda tab: tab.on("download", lambda file: files.append(file)))
        page.get_by_role("button", name="Export").first.click()
        browser.settled(page)
        assert page.get_by_role("link", name="Download").count() == 0
        page.get_by_role("button", name="Prepare").click()
        link = page.get_by_role("link", name="Download")
        link.wait_for()
        assert browser.accessibility_faults(page) == []
        link.click()
        page.wait_for_timeout(200)
        for _ in range(100):
            if files:
                break
            page.wait_for_timeout(100)
        (file,) = files
        content, number = (
            Path(file.path()).read_bytes(),
            int(link.inner_text().split("(")[1].split(" ")[0].replace(",", "")),
        )
        assert file.suggested_filename.endswith(f"_{number}rows_{hashlib.sha256(content).hexdigest()[:12]}.csv")
        assert len(csv_rows(content)) == number + 1
        assert page.request.get(f"{app_address}{link.get_attribute('href')}").status == 404
        assert visit.errors == [] and visit.exceptions() == []
