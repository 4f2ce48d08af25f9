"""What leaves the journal as a file: audit trail, access review, backup. Each is noted before it is written."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO

from data.journal import audit, chain, grants
from data.journal.problems import JournalError
from data.journal.store import Journal
from data.publish import sync
from data.rights import SYSTEM


def export(journal: Journal, path: Path) -> int:
    """The trail as canonical JSON, one line a row, the hashes included; how many rows."""
    journal.record(SYSTEM, "audit.export", path.name)
    rows = 0
    with new_file(path) as file:
        for row in audit.stream(journal):
            file.write(chain.canonical(row) + "\n")
            rows += 1
    return rows


def access_review(journal: Journal, path: Path) -> int:
    """Who holds which role, given by whom, last used when, as CSV; how many lines below the head."""
    from data.export_files import escape  # a name may look like a formula

    journal.record(SYSTEM, "access.review", path.name)
    lines = grants.report(journal)
    with new_file(path) as file:
        writer = csv.writer(file)
        writer.writerow(grants.REPORT)
        writer.writerows([escape(line[column] or "") for column in grants.REPORT] for line in lines)
    return len(lines)


def backup(journal: Journal, path: Path) -> int:
    """A copy of the SQLite database, while others write; how many rows of the audit it has."""
    if journal.engine.dialect.name != "sqlite":
        raise JournalError("This journal is in PostgreSQL. Back it up with pg_dump, or with the server's own archive.")
    journal.record(SYSTEM, "journal.backup", path.name)
    with new_file(path), closing(sqlite3.connect(str(journal.url.database))) as source:
        with closing(sqlite3.connect(str(path.with_name(f".{path.name}.new")))) as copy:
            source.backup(copy)
            copy.execute("pragma journal_mode = delete").fetchall()  # one file, without a log beside it
            sound = copy.execute("pragma integrity_check").fetchone()[0]
            rows = copy.execute("select count(*) from audit").fetchone()[0]
            if sound != "ok":
                raise JournalError(
                    f"The journal itself is damaged ({sound}); no backup was made. Restore an older one."
                )
    return rows


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """A file for our account only, which has its name once it is complete; an existing one is not replaced."""
    new = path.with_name(f".{path.name}.new")
    try:
        if path.exists():
            raise JournalError(f"{path} exists already. Choose another name.")
        new.unlink(missing_ok=True)
        opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(opened, "w", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.link(new, path)
            sync(path.parent)
        finally:
            new.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"{path} cannot be written: {error.strerror}.") from None
