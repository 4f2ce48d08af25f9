"""The door to the database is closed behind it, and a damaged build is never shown as if it were whole."""

from __future__ import annotations

import json
import os
import random
import shutil
import threading
import time
from pathlib import Path

import duckdb
import pytest

from data.engine import DuckDB
from data.publish import POINTER, builds
from data.question import EVERYTHING, Question, View
from data.warehouse import NoBuild, Warehouse

REVENUE = Question(("revenue",), view=View(EVERYTHING))


@pytest.fixture(scope="module")
def engine(warehouse: Path) -> DuckDB:
    return Warehouse(warehouse).current().engine


df = "a Python variable that no statement may read"

REFUSED = [
    "select * from read_csv('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_parquet('/etc/passwd')",
    "select * from read_json('/etc/passwd')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from parquet_schema('/etc/passwd')",
    "select * from glob('/etc/*')",
    "select * from '/etc/passwd'",
    "select * from 'https://example.org/x.csv'",
    "copy (select 1) to '/tmp/rapport-out.csv'",
    "copy ledger to '/tmp/rapport-out.parquet'",
    "export database '/tmp/rapport-out'",
    "import database '/tmp/rapport-out'",
    "attach '/tmp/rapport-other.duckdb'",
    "attach ':memory:' as other",
    "detach memory",
    "install httpfs",
    "load httpfs",
    "create table t (i int)",
    "create view v as select 1",
    "insert into tie_out values ('x')",
    "update customer set revenue = 0",
    "delete from customer",
    "drop table customer",
    "alter table customer add column x int",
    "truncate customer",
    "set lock_configuration = false",
    "set enable_external_access = true",
    "set memory_limit = '100GiB'",
    "set TimeZone = 'America/New_York'",
    "set threads = 64",
    "pragma memory_limit='100GiB'",
    "reset TimeZone",
    "select * from df",
    "select * from REVENUE",
    "select * from duckdb_secrets()",
    "select getenv('HOME')",
    "with x as (delete from customer returning *) select * from x",
    "select * from query('drop table customer')",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_connection_refuses(statement: str, engine: DuckDB):
    assert df
    with pytest.raises(duckdb.Error):
        engine.ask(statement, [])
    assert len(engine.ask("select 1 as one", [])) == 1


def test_enough_statements_are_tried_and_nothing_was_written():
    print(f"{len(REFUSED)} statements")
    assert len(set(REFUSED)) == len(REFUSED) >= 20
    assert not list(Path("/tmp").glob("rapport-out*")) + list(Path("/tmp").glob("rapport-other*"))


def test_a_second_statement_cannot_ride_along(engine: DuckDB):
    with pytest.raises(duckdb.Error):
        engine.ask("select ?; drop table customer", ["x"])
    assert engine.ask("select count(*) as n from customer", []).n.item() > 0


@pytest.mark.parametrize("sql", [
    "select count(*) from range(100000000) a, range(100000000) b where hash(a.range, b.range) = 0",
    "select max(s) from (select string_agg(range::varchar, ',') as s from range(400000000))",
])  # fmt: skip
def test_an_endless_question_can_be_interrupted_and_the_connection_lives_on(sql: str, engine: DuckDB):
    cursor = engine.connection.cursor()
    stopper = threading.Timer(0.5, cursor.interrupt)
    stopper.start()
    began = time.monotonic()
    with pytest.raises((duckdb.Error, RuntimeError)):
        cursor.execute(sql).fetchall()
    stopper.cancel()
    assert time.monotonic() - began < 10
    assert engine.ask("select 1 as one", []).one.item() == 1


def test_a_question_of_absurd_depth_is_an_error_not_a_crash(engine: DuckDB):
    with pytest.raises(duckdb.Error):
        engine.ask(f"select {'(' * 5_000}1{')' * 5_000}", [])


# ---- Damage.


@pytest.fixture
def two(warehouse: Path, tmp_path: Path) -> tuple[Path, str, str]:
    """A warehouse of our own with an older and a newer build that hold the same; their names."""
    shutil.copytree(warehouse, tmp_path / "warehouse")
    folder = tmp_path / "warehouse"
    older = builds(folder)[0]
    newer = copy_build(folder, older, "20991231T000000Z-000000000000")
    (folder / POINTER).write_text(json.dumps({"build": newer}))
    return folder, older, newer


def copy_build(folder: Path, name: str, new: str) -> str:
    """The same build once more, under another name."""
    shutil.copyfile(folder / f"{name}.duckdb", folder / f"{new}.duckdb")
    manifest = json.loads((folder / f"{name}.json").read_text()) | {"build": new}
    (folder / f"{new}.json").write_text(json.dumps(manifest))
    return new


def shown(folder: Path) -> tuple[str, float, str]:
    """Build, revenue and warning as a fresh reader gets them."""
    build = Warehouse(folder).current()
    return build.id, build.answer(REVENUE).revenue.item(), build.warning


def test_bits_that_flip_anywhere_are_noticed_and_the_older_build_serves_with_a_warning(two):
    folder, older, newer = two
    file = folder / f"{newer}.duckdb"
    _, right, _ = shown(folder)
    draw = random.Random(5)
    size = file.stat().st_size
    places = [0, 8, 4_096, size - 1, *(draw.randrange(size) for _ in range(16))]
    for place in places:
        with file.open("r+b") as handle:
            handle.seek(place)
            byte = handle.read(1)[0]
            handle.seek(place)
            handle.write(bytes([byte ^ (1 << draw.randrange(8))]))
            handle.flush()
        name, revenue, warning = shown(folder)
        assert (name, revenue) == (older, right), place
        assert newer in warning and older in warning
        with file.open("r+b") as handle:
            handle.seek(place)
            handle.write(bytes([byte]))
    assert shown(folder) == (newer, right, "")


@pytest.mark.parametrize("part", [0, 0.3, 0.6, 0.999])
def test_a_truncated_build_is_not_shown(part: float, two):
    folder, older, newer = two
    file = folder / f"{newer}.duckdb"
    os.truncate(file, int(file.stat().st_size * part))
    name, _, warning = shown(folder)
    assert name == older and "damaged" in warning
    with pytest.raises(NoBuild, match="not the file that was published"):
        Warehouse(folder).build(newer)


GARBAGE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"5",
    b"\xff\xfe\x00",
    b'{"build": null}',
    b'{"build": 5}',
    b'{"build": ["x"]}',
    b'{"build": {"x": 1}}',
    b'{"build": "../../etc/passwd"}',
    b'{"build": "20000101T000000Z-abcdefabcdef"}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
def test_a_pointer_of_garbage_leads_to_the_newest_build(content: bytes, two):
    folder, _, newer = two
    (folder / POINTER).write_bytes(content)
    assert shown(folder)[0] == newer


def test_no_pointer_leads_to_the_newest_build(two):
    folder, _, newer = two
    (folder / POINTER).unlink()
    assert shown(folder)[0] == newer


@pytest.mark.parametrize(
    "content",
    [*GARBAGE, b'{"bytes": 1, "sha256": "x", "attributes": []}', b'{"attributes": []}'],
    ids=range(len(GARBAGE) + 2),
)
def test_a_manifest_of_garbage_makes_the_older_build_serve(content: bytes, two):
    folder, older, newer = two
    (folder / f"{newer}.json").write_bytes(content)
    name, _, warning = shown(folder)
    assert name == older and newer in warning
    assert len(Warehouse(folder).history()) == 2


def test_a_manifest_without_what_readers_need_is_not_served(two):
    folder, older, newer = two
    path = folder / f"{newer}.json"
    manifest = json.loads(path.read_text())
    del manifest["attributes"]
    path.write_text(json.dumps(manifest))
    assert shown(folder)[0] == older


def test_a_right_hash_over_a_file_that_is_no_database_is_not_served(two):
    from hashlib import sha256

    folder, older, newer = two
    content = b"not a database" * 1_000
    (folder / f"{newer}.duckdb").write_bytes(content)
    path = folder / f"{newer}.json"
    crafted = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    path.write_text(json.dumps(json.loads(path.read_text()) | crafted))
    assert shown(folder)[0] == older


def test_nothing_intact_is_said_so(two):
    folder, older, newer = two
    for name in (older, newer):
        os.truncate(folder / f"{name}.duckdb", 100)
    with pytest.raises(NoBuild, match=r"is intact\. Build .* with: python -m data build"):
        Warehouse(folder).current()


def test_an_empty_or_missing_warehouse_says_how_to_make_one(tmp_path: Path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(NoBuild, match="Build one with: python -m data build"):
            Warehouse(folder).current()


@pytest.mark.parametrize("name", ["", "..", "../x", "x/y", "CURRENT", "a" * 10_000, "\x00"])
def test_a_build_of_any_other_name_does_not_exist(name: str, two):
    with pytest.raises(NoBuild, match="There is no build") as caught:
        Warehouse(two[0]).build(name)
    assert len(str(caught.value)) < 300


def test_a_build_that_serves_again_has_lost_its_warning(two):
    folder, older, newer = two
    content = (folder / f"{newer}.duckdb").read_bytes()
    (folder / f"{newer}.duckdb").write_bytes(content[:-1])
    reader = Warehouse(folder)
    assert newer in reader.current().warning
    (folder / POINTER).write_text(json.dumps({"build": older}))
    assert (reader.current().id, reader.current().warning) == (older, "")


def test_two_readers_of_one_process_share_a_build_and_its_locks(warehouse: Path):
    first, second = (Warehouse(warehouse).current().engine for _ in "ab")
    for engine in (first, second):
        assert engine.ask("select current_setting('TimeZone') as zone", []).zone.item() == "UTC"
        with pytest.raises(duckdb.Error, match="locked"):
            engine.ask("set TimeZone = 'Asia/Kolkata'", [])


def test_readers_never_see_an_error_while_builds_change_places(two):
    folder, older, newer = two
    reader = Warehouse(folder)
    right = reader.current().answer(REVENUE).revenue.item()
    wrong: list[object] = []
    stop = threading.Event()
    reads = [0] * 4

    def read(number: int) -> None:
        while not stop.is_set():
            try:
                build = reader.current()
                found = build.answer(REVENUE).revenue.item()
                if found != right or build.id not in (older, newer):
                    wrong.append((build.id, found))
            except Exception as error:
                wrong.append(error)
            reads[number] += 1

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(60):
        draft = folder / ".pointer"
        draft.write_text(json.dumps({"build": (older, newer)[turn % 2]}))
        os.replace(draft, folder / POINTER)
        time.sleep(0.02)
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{sum(reads)} reads")
    assert wrong == []
    assert min(reads) > 0
