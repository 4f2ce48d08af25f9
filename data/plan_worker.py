"""Large plans in a process of their own: started for one person at a time, watched through a small file, cancelled.

Whoever works holds a lock on a file of the person's folder, given along at the start: when the process is gone, however
it ended, so is the lock. Everything lies in a folder of our own account (0700), files are 0600.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.journal.problems import Invalid, JournalError
from data.plan_files import narrowed
from data.plan_policy import Policy, parse
from data.view import Refused, Scope, View
from data.warehouse import Build, NoBuild, Warehouse

ROOT = Path(__file__).parent.parent
LOCK, JOB, PROGRESS, PID, LOG = "lock", "job.json", "progress.json", "pid", "said.txt"
JOURNAL = "journal.db"
ROWS, FIGURES = "rows.parquet", "figures.json"
NONE, RUNNING, DONE, FAILED, CANCELLED = "none", "running", "done", "failed", "cancelled"
DIED = "The calculation ended without an answer, perhaps for lack of memory. Start it again, or set a filter."
PATIENCE, BRIEFLY, OFTEN = 10.0, 0.2, 0.1  # seconds: until a process is gone; of a look; between two notes
NICE = 5  # pages go first
CHILDREN: dict[Path, subprocess.Popen[bytes]] = {}  # those of this process, to be asked how they ended


@dataclass(frozen=True)
class State:
    """How far a plan is. what: one of NONE, RUNNING, DONE, FAILED, CANCELLED; share: 0 to 1; said: why it failed."""

    what: str
    stage: str = ""
    share: float = 0.0
    said: str = ""


def folder_of(base: Path, person: str) -> Path:
    """Where one person's plan is worked out. base: a folder of our account, such as the journal's."""
    return base / "planning" / hashlib.sha256(person.encode()).hexdigest()[:32]


def start(
    base: Path,
    person: str,
    warehouse: Path | str,
    build: Build,
    policy: Policy,
    scope: Scope,
    at: datetime | None = None,
) -> None:
    """Begin a plan; what came of an earlier one is gone. at: the moment of planning, now when left out.

    Raises Invalid while another plan of this person is worked out.
    """
    folder = folder_of(base, person)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        take(folder, lock)
        forget_child(folder)
        for name in (ROWS, FIGURES, PROGRESS, PID, LOG):
            (folder / name).unlink(missing_ok=True)
        job = {
            "warehouse": str(Path(warehouse).absolute()),
            "build": build.id,
            "policy": policy.text(),
            "at": (at or datetime.now(UTC)).isoformat(),
            "scope": scope_text(scope),
        }
        put(folder / JOB, json.dumps(job))
        put(folder / PROGRESS, json.dumps({"what": RUNNING, "stage": "starting", "share": 0.0}))
        log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            CHILDREN[folder] = child = subprocess.Popen(
                [sys.executable, "-m", "data", "plan", "--job", str(folder)],
                env={**os.environ, "PYTHONPATH": python_path()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(lock,),  # the lock is the child's from now on
                start_new_session=True,
            )
        finally:
            os.close(log)
        put(folder / PID, str(child.pid))
    finally:
        os.close(lock)


def state(base: Path, person: str) -> State:
    """How far this person's plan is; a process that died is noticed."""
    folder = folder_of(base, person)
    running = held(folder)
    said = noted(folder)
    if not said:
        return State(NONE)
    if said.what == RUNNING and not running:
        said = noted(folder)  # it may have ended between the two looks
        return said if said and said.what != RUNNING else State(FAILED, said.stage if said else "", said=DIED)
    if not running:
        forget_child(folder)
    return said


def cancel(base: Path, person: str) -> None:
    """Stop this person's plan, if one is worked out, and wait until its process is gone."""
    folder = folder_of(base, person)
    if not held(folder):
        return
    with contextlib.suppress(OSError, ValueError):
        os.killpg(int((folder / PID).read_text()), signal.SIGKILL)  # the lock is held, so the number is still its own
    until = time.monotonic() + PATIENCE
    while held(folder) and time.monotonic() < until:
        time.sleep(0.02)
    forget_child(folder)
    for name in (ROWS, FIGURES):
        (folder / name).unlink(missing_ok=True)
    put(folder / PROGRESS, json.dumps({"what": CANCELLED, "stage": "", "share": 0.0}))


def result(base: Path, person: str, build: Build, view: View) -> tuple[Policy, dict[str, Any], pa.Table | None]:
    """The policy, the figures, and the rows of customers whom the reader sees now; no rows for readers of groups.

    Raises Invalid when there is none of this build.
    """
    folder = folder_of(base, person)
    if state(base, person).what != DONE:
        raise Invalid("No plan has been worked out yet. Start one.")
    job, figures = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (JOB, FIGURES))
    if job["build"] != build.id:
        raise Invalid("This plan was worked out on an earlier build. Start it again on the one that serves now.")
    if job["scope"] != scope_text(view.scope):
        raise Invalid("What you may see has changed since this plan was worked out. Start it again.")
    rows = narrowed(build, view, pq.read_table(folder / ROWS)) if view.scope.attributes is None else None
    return parse(job["policy"]), figures | {"at": job["at"]}, rows


def forget(base: Path, person: str) -> None:
    """Stop this person's plan and delete everything about it."""
    cancel(base, person)
    shutil.rmtree(folder_of(base, person), ignore_errors=True)


# In the process itself


def work(folder: Path, models: Any) -> int:
    """Do what the job of a folder says; 0 when it is done, 1 when its progress says why not."""
    from data import plan_command  # it calls back here

    os.umask(0o077)
    os.nice(NICE)
    last = 0.0

    def tell(stage: str, share: float) -> None:
        nonlocal last
        if time.monotonic() - last > OFTEN:
            put(folder / PROGRESS, json.dumps({"what": RUNNING, "stage": stage, "share": whole_share(stage, share)}))
            last = time.monotonic()

    try:
        job = json.loads((folder / JOB).read_text(encoding="utf-8"))
        build = Warehouse(Path(job["warehouse"])).build(job["build"])
        view = View(scope_of(job["scope"]))
        at, journal = datetime.fromisoformat(job["at"]), plan_command.journal_there()
        if journal is None and (folder.parent.parent / JOURNAL).exists():
            raise Invalid(f"The journal beside {folder.parent} is not the one that RAPPORT_JOURNAL names. Correct it.")
        done = plan_command.made(build, view, journal, models, parse(job["policy"]), at, tell)
        tell("writing", 1.0)
        measured = plan_command.measured(done, build, view, models)
        put(folder / FIGURES, plan_command.figures(done, measured))
        if done.found.single:
            pq.write_table(plan_command.plan_rows.rows(done), folder / ROWS, compression="zstd")
        put(folder / PROGRESS, json.dumps({"what": DONE, "stage": "done", "share": 1.0}))
        return 0
    except (Invalid, Refused, NoBuild, JournalError, models.assignment.Infeasible) as problem:
        said = str(problem)
    except Exception:
        traceback.print_exc()  # into the log beside
        said = f"The calculation failed. Whoever runs Rapport finds why in {folder / LOG}."
    put(folder / PROGRESS, json.dumps({"what": FAILED, "stage": "", "share": 0.0, "said": said}))
    return 1


def python_path() -> str:
    """Where the process finds Rapport, whatever folder it is started in; relative settings keep their meaning."""
    return os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])


def whole_share(stage: str, share: float) -> float:
    """How far the whole is when a stage is so far: customers are read first, rows are written last."""
    if stage == "reading customers":
        return 0.05
    return 0.95 if stage == "writing" else round(0.4 + 0.5 * min(max(share, 0.0), 1.0), 3)


# What both sides need


def take(folder: Path, lock: int) -> None:
    """Lock an open file for a new plan; raises Invalid when one is at work.

    A process that has noted its end needs a moment to be gone, and a look at the lock takes it for a moment.
    """
    said = noted(folder)
    until = time.monotonic() + (BRIEFLY if said and said.what == RUNNING else PATIENCE)
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Invalid("A plan of yours is still being worked out. Wait for it, or cancel it.") from None
            time.sleep(0.02)


def scope_text(scope: Scope) -> str:
    """A scope as JSON."""
    return json.dumps([scope.everything, scope.members, scope.attributes])


def scope_of(text: str) -> Scope:
    """A scope out of its JSON."""
    everything, members, groups = json.loads(text)
    members = tuple((name, tuple(values)) for name, values in members)
    return Scope(everything, members, None if groups is None else tuple(groups))


def held(folder: Path) -> bool:
    """Whether somebody works in this folder: whether its lock is held."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(lock)


def noted(folder: Path) -> State | None:
    """What the progress file says; none where there is no such file."""
    try:
        said = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return State(said["what"], said.get("stage", ""), said.get("share", 0.0), said.get("said", ""))


def forget_child(folder: Path) -> None:
    """Take notice of how a process of ours ended, so that nothing of it stays in the system's list."""
    if child := CHILDREN.pop(folder, None):
        child.wait(PATIENCE)


def put(path: Path, text: str) -> None:
    """Write a small file whole, for our account only."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(new, path)
