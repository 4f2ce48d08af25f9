"""Write to the journal from several processes and kill them all the time: `python -m tests.journal_writer ACKS ROWS`.

Each row that Journal.record has returned for is noted in the file ACKS afterwards. The processes are forked from one
that has imported everything, and killed (SIGKILL) at random moments until ROWS rows are noted; then how often is said.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import psycopg  # noqa: F401  (imported here once, so that the forked writers do not spend their time on it)
import sqlalchemy as sa

from data.journal.store import Journal
from data.rights import SYSTEM

PROCESSES, THREADS, LONGEST_LIFE, PATIENCE = 3, 4, 0.8, 240  # seconds


def write(acks: Path) -> None:
    """Write rows in several threads, noting each that was acknowledged, until somebody kills us."""
    journal = Journal()
    noted = os.open(acks, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def go_on(thread: int) -> None:
        for number in range(10**9):
            token = f"{os.getpid()}-{time.time_ns()}-{thread}-{number}"
            try:
                journal.record(SYSTEM, "tick", token)
            except sa.exc.DBAPIError:  # the server was killed: not acknowledged, whatever became of it
                time.sleep(0.05)
            else:
                os.write(noted, f"{token}\n".encode())

    for thread in range(THREADS):
        threading.Thread(target=go_on, args=(thread,)).start()


def fork(acks: Path) -> int:
    """A writer; its process id."""
    if child := os.fork():
        return child
    write(acks)
    while True:
        time.sleep(1)


def main(acks: Path, rows: int) -> None:
    """Keep writers running and dying until enough rows are acknowledged."""
    writers, kills, began = [fork(acks) for _ in range(PROCESSES)], 0, time.monotonic()
    try:
        while not acks.exists() or acks.read_bytes().count(b"\n") < rows:
            assert time.monotonic() < began + PATIENCE, "too slow: the writers may be stuck"
            time.sleep(random.uniform(0, LONGEST_LIFE))
            victim = random.randrange(PROCESSES)
            os.kill(writers[victim], signal.SIGKILL)
            os.waitpid(writers[victim], 0)
            kills += 1
            writers[victim] = fork(acks)
    finally:
        for writer in writers:
            os.kill(writer, signal.SIGKILL)
            os.waitpid(writer, 0)
    print(kills + PROCESSES)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
