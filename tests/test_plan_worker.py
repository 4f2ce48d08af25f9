"""A large plan in its own process: one for each person, watched, cancelled, noticed when it dies."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data import plan, plan_rows, plan_worker
from data.journal.problems import Invalid
from data.plan_worker import CANCELLED, DIED, DONE, FAILED, NONE, RUNNING
from data.view import EVERYTHING, Scope, View
from data.warehouse import Build, served
from models import assign_arm, assignment, explore
from tests import on_screen
from tests.test_plan import NOW

GROUPS = Scope(True, (), ("segment", "region"))
LONGEST = 90  # seconds a plan of 2,000 customers may take on a busy machine


@pytest.fixture(scope="module")
def build(warehouse: Path) -> Build:
    return served(str(warehouse)).current()


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which nothing is worked out any more when the test is over; no journal is known."""
    monkeypatch.setenv("RAPPORT_JOURNAL", "")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for person in ("max", "erin"):
        plan_worker.forget(tmp_path, person)


def begun(base: Path, warehouse: Path, build: Build, person: str = "max", scope: Scope = EVERYTHING, **changes) -> None:
    plan_worker.start(base, person, warehouse, build, plan.start(build).but(**changes), scope, NOW)


def over(base: Path, person: str = "max") -> plan_worker.State:
    until = time.monotonic() + LONGEST
    while (now := plan_worker.state(base, person)).what == RUNNING and time.monotonic() < until:
        time.sleep(0.05)
    return now


def pid_of(base: Path, person: str = "max") -> int:
    return int((plan_worker.folder_of(base, person) / plan_worker.PID).read_text())


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_plan_worked_out_apart_is_the_one_worked_out_here(base, warehouse, build):
    assert plan_worker.state(base, "max").what == NONE
    begun(base, warehouse, build, budget=150)
    assert plan_worker.state(base, "max").what == RUNNING
    with pytest.raises(Invalid, match="still being worked out"):
        begun(base, warehouse, build)
    with pytest.raises(Invalid, match="Start one"):
        plan_worker.result(base, "max", build, View(EVERYTHING))
    assert over(base) == plan_worker.State(DONE, "done", 1.0)
    policy, figures, rows = plan_worker.result(base, "max", build, View(EVERYTHING))
    found = plan.candidates(build, View(EVERYTHING), None, assign_arm, policy, NOW)
    here = plan_rows.solve(found, policy, assignment, explore)
    assert rows.equals(plan_rows.rows(here).cast(rows.schema))
    assert {name: figures[name] for name in here.figures} == json.loads(json.dumps(here.figures))
    folder = plan_worker.folder_of(base, "max")
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert {folder.stat().st_mode & 0o777, folder.parent.stat().st_mode & 0o777} == {0o700}
    for scope in (Scope(members=(("manager_id", ("M01",)),)), GROUPS):
        with pytest.raises(Invalid, match="What you may see has changed"):
            plan_worker.result(base, "max", build, View(scope))


def test_a_manager_gets_the_own_book_and_a_reader_of_groups_no_rows_at_all(base, warehouse, build):
    own = Scope(members=(("manager_id", ("M01",)),))
    begun(base, warehouse, build, scope=own)
    begun(base, warehouse, build, "erin", GROUPS)  # somebody else's goes on beside it
    assert (over(base).what, over(base, "erin").what) == (DONE, DONE)
    _, _, rows = plan_worker.result(base, "max", build, View(own))
    mine = on_screen.asked(warehouse, "select customer_id from customer where manager_id = 'M01' order by customer_id")
    assert rows["customer_id"].to_pylist() == [key for (key,) in mine]
    _, figures, none = plan_worker.result(base, "erin", build, View(GROUPS))
    assert none is None and figures["customers"] == 2_000
    folder = plan_worker.folder_of(base, "erin")
    assert not (folder / plan_worker.ROWS).exists()
    assert not any(mine[0][0] in file.read_text() for file in folder.iterdir())


def test_a_cancelled_plan_is_gone_at_once_and_the_next_one_can_begin(base, warehouse, build):
    begun(base, warehouse, build)
    pid = pid_of(base)
    assert alive(pid)
    plan_worker.cancel(base, "max")
    assert not alive(pid)
    assert plan_worker.state(base, "max").what == CANCELLED
    plan_worker.cancel(base, "max")  # once more changes nothing
    begun(base, warehouse, build)
    assert over(base).what == DONE


def test_a_process_that_died_is_noticed_and_does_not_stand_in_the_way(base, warehouse, build):
    begun(base, warehouse, build)
    os.kill(pid_of(base), signal.SIGKILL)
    assert over(base) == plan_worker.State(FAILED, "starting", 0.0, DIED)
    begun(base, warehouse, build)
    assert plan_worker.state(base, "max").what == RUNNING


def test_why_there_is_no_plan_is_said(base, warehouse, build):
    begun(base, warehouse, build, capacity=(("fax", 5),))
    said = over(base)
    assert said.what == FAILED and "There is no channel 'fax'" in said.said


def test_a_journal_beside_the_plan_that_is_not_found_stops_it(base, warehouse, build):
    begun(base, warehouse, build)
    plan_worker.cancel(base, "max")
    (base / "elsewhere").mkdir()
    os.chdir(base / "elsewhere")
    (base / plan_worker.JOURNAL).touch()
    begun(base, warehouse, build)
    said = over(base)
    assert said.what == FAILED and "is not the one that RAPPORT_JOURNAL names" in said.said


def test_a_result_of_another_build_is_not_shown(base, warehouse, build, tmp_path_factory):
    begun(base, warehouse, build)
    assert over(base).what == DONE
    newer = served(str(on_screen.changed(warehouse, tmp_path_factory.mktemp("newer")))).current()
    with pytest.raises(Invalid, match="on an earlier build"):
        plan_worker.result(base, "max", newer, View(EVERYTHING))


def test_what_a_scope_is_written_down_as_is_the_scope():
    for scope in (EVERYTHING, GROUPS, Scope(), Scope(members=(("manager_id", ("M01", "M02")), ("partner_id", ("P",))))):
        assert plan_worker.scope_of(plan_worker.scope_text(scope)) == scope
