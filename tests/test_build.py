"""Builds: all or nothing, whatever happens; one at a time; the contracts of the tables are kept."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from data import assemble
from data.assemble import Broken, create
from data.build import Options, build
from data.company import Unusable
from data.header import read_model
from data.publish import Busy, builds, sole_builder
from data.simulate import simulate
from data.warehouse import NoBuild, Warehouse

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def two_companies(tmp_path_factory) -> tuple[Path, Path]:
    """Two small companies whose figures differ."""
    base = tmp_path_factory.mktemp("companies")
    for name, customers in (("old", 250), ("new", 400)):
        simulate(base / name, customers=customers, seed=3, progress=lambda _: None)
        toml = base / name / "company.toml"
        toml.write_text(toml.read_text().replace("Alder & Finch (simulated)", name))
    return base / "old", base / "new"


def quiet(_: str) -> None:
    """No progress in tests."""


def test_after_50_kills_at_random_moments_the_old_or_the_new_build_serves_and_never_a_mixture(two_companies, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "tests.crash", "50", *map(str, two_companies), str(tmp_path / "warehouse")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    told = json.loads(run.stdout)
    old, new = told["expected"]
    assert old["company"] == "old" and new["company"] == "new" and old["revenue"] != new["revenue"]
    assert old["revenue"] == pytest.approx(old["by_partner"]) and old["ties_out"] and new["ties_out"]
    killed = [result for result in told["results"] if result["killed"]]
    assert len(told["results"]) == 50 and len(killed) >= 15, "many kills must hit a running build"
    for result in told["results"]:
        assert result["serves"] in (old, new)
    assert old in [result["serves"] for result in killed]
    assert told["after"] == new and told["left"] == []


@pytest.mark.parametrize("limit", [60_000, 300_000, 1_500_000, 4_000_000])
def test_a_full_disk_leaves_the_old_build_serving(two_companies, tmp_path, limit):
    """A limit on the size of any file makes writes fail as a full disk does."""
    old, new = two_companies
    warehouse = tmp_path / "warehouse"
    before = build(old, warehouse, quiet)
    run = subprocess.run(
        [sys.executable, "-m", "data", "build", str(new), "--warehouse", str(warehouse)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert run.returncode != 0
    assert Warehouse(warehouse).current().id == before.stem
    assert builds(warehouse) == [before.stem]
    assert "Traceback" not in run.stderr and "previous build still serves" in run.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_disk_without_space_leaves_the_old_build_serving(two_companies, tmp_path):
    old, new = two_companies
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("this machine does not allow mounting a small disk")
    try:
        before = build(old, disk / "warehouse", quiet)
        (disk / "ballast").write_bytes(bytes(max(os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize - 700_000, 0)))
        with pytest.raises(Unusable, match=r"previous build still serves|disk space"):
            build(new, disk / "warehouse", quiet)
        assert Warehouse(disk / "warehouse").current().id == before.stem
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_failed_build_says_why_and_leaves_nothing_behind(two_companies, tmp_path):
    old, _ = two_companies
    warehouse = tmp_path / "warehouse"
    before = build(old, warehouse, quiet)
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "lines.csv").write_text("order_id,ordered_at\n1,2026-01-01\n")
    with pytest.raises(Unusable, match=r"lines\.csv: it lacks revenue"):
        build(broken, warehouse, quiet)
    assert builds(warehouse) == [before.stem]
    assert not [path for path in warehouse.iterdir() if path.name.startswith(".draft")]


def test_a_second_builder_is_refused_while_the_first_one_works(two_companies, tmp_path):
    with sole_builder(tmp_path), pytest.raises(Busy, match="Another build is running"):
        build(two_companies[0], tmp_path, quiet)
    build(two_companies[0], tmp_path, quiet)  # the lock is gone with its holder


def test_the_newest_builds_are_kept_and_older_ones_removed(two_companies, tmp_path):
    made = [build(two_companies[0], tmp_path, quiet, Options(keep=2)).stem for _ in range(3)]
    assert set(builds(tmp_path)) <= set(made) and len(builds(tmp_path)) == 2
    assert Warehouse(tmp_path).newest() == made[-1]


def test_the_same_feeds_give_the_same_figures_again(two_companies, tmp_path):
    first, second = (
        Warehouse(build(two_companies[1], tmp_path / name, quiet, Options(threads=n)).parent).current()
        for name, n in (("one", 1), ("two", 2))
    )
    for table in ("customer", "partner", "segment_month", "campaign", "learned_roi", "company_month"):
        frames = [b.engine.ask(f"select * from {table} order by all", []) for b in (first, second)]
        assert frames[0].equals(frames[1]), table


def test_tables_made_in_parts_equal_those_made_at_once(two_companies, tmp_path, monkeypatch):
    whole = Warehouse(build(two_companies[1], tmp_path / "whole", quiet).parent).current()
    monkeypatch.setattr(assemble, "parts_for", lambda con: 7)
    parts = Warehouse(build(two_companies[1], tmp_path / "parts", quiet).parent).current()
    for table in ("customer_month", "customer_channel", "customer", "company_month"):
        frames = [b.engine.ask(f"select * from {table} order by all", []) for b in (whole, parts)]
        assert frames[0].equals(frames[1]), table


def test_less_memory_means_more_parts():
    import duckdb

    with duckdb.connect() as con:
        con.execute("create table feed_lines as from range(1000000)")
        con.execute("create table feed_contacts as from range(1000000)")
        found = []
        for limit in ("100GiB", "1GiB", "256MiB"):
            con.execute(f"set memory_limit = '{limit}'")
            found.append(assemble.parts_for(con))
    assert found[0] == 1 < found[1] < found[2]


def test_what_a_killed_build_spilled_is_removed_by_the_next(two_companies, tmp_path):
    spilled = tmp_path / ".draft-1.duckdb.tmp"
    spilled.mkdir()
    (spilled / "block").write_bytes(b"rest")
    build(two_companies[0], tmp_path, quiet)
    assert not spilled.exists()


def test_a_damaged_build_is_not_served(two_companies, tmp_path):
    first = build(two_companies[0], tmp_path, quiet)
    second = build(two_companies[1], tmp_path, quiet)
    content = bytearray(second.read_bytes())
    content[len(content) // 2] ^= 1
    second.write_bytes(content)
    served = Warehouse(tmp_path).current()
    assert served.id == first.stem and "damaged" in served.warning
    with pytest.raises(NoBuild, match="not the file that was published"):
        Warehouse(tmp_path).build(second.stem)


MODEL = "-- table_a: numbers.\n-- grain: n\n-- check: n > 0\nselect unnest([{}]) as n\n"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [("1, 0", r"promises `n > 0`, but 1 rows break it"), ("1, 1", r"one row for each n, but 1 rows repeat one")],
)
def test_a_broken_promise_stops_the_build(tmp_path, values, complaint):
    import duckdb

    path = tmp_path / "table_a.sql"
    path.write_text(MODEL.format(values))
    model = read_model(path)
    with duckdb.connect() as con, pytest.raises(Broken, match=complaint):
        create(con, model, model.select)


def test_a_sql_file_without_contract_is_refused(tmp_path):
    path = tmp_path / "table_b.sql"
    path.write_text("select 1")
    with pytest.raises(ValueError, match="must open with"):
        read_model(path)


def test_an_unwritable_warehouse_is_said_plainly(two_companies, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises((Unusable, OSError)):
        build(two_companies[0], tmp_path / "file", quiet, replace(Options(), keep=1))
