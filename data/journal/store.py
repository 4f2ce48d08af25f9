"""The journal: one database of what people decide, and the only way to write to it, with its audit row."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from data.journal import chain, database
from data.journal.checkpoints import Checkpoints
from data.journal.keys import Keys
from data.journal.problems import JournalError
from data.journal.schema import AUDIT
from data.rights import Actor, Forbidden

LAST = sa.select(AUDIT.c.seq, AUDIT.c.mac).order_by(AUDIT.c.seq.desc()).limit(1)
PATIENCE = 30  # seconds a write waits for the others of this process


class Journal:
    """What people decide, in SQLite (a folder) or PostgreSQL (an address), with its audit's keys and checkpoints."""

    clock: Callable[[], datetime]  # tests replace it

    def __init__(self, url: str = "", keys: Path | None = None, checkpoints: Path | None = None):
        self.clock = lambda: datetime.now(UTC)
        self.url, self.folder = database.place(url or os.environ.get("RAPPORT_JOURNAL", ""))
        keys = keys or Path(os.environ.get("RAPPORT_JOURNAL_KEYS") or self.folder / "audit.keys")
        checkpoints = checkpoints or Path(os.environ.get("RAPPORT_CHECKPOINTS") or self.folder / "checkpoints.jsonl")
        self.keys = Keys(keys)
        self.checkpoints = Checkpoints(checkpoints, self.keys)
        self.engine = database.engine(self.url)
        self._writer = self.engine.execution_options(writes=True)
        # SQLite lets waiting writers guess when to try again, so one of 20 may starve; a lock in front is fair enough
        self._lock = threading.Lock()
        self._thread = threading.local()

    def migrate(self) -> None:
        """Bring the tables up to date; safe when several processes do so at once."""
        database.migrate(self.engine)
        if not self.keys.path.exists():
            if self.rows(LAST):
                self.keys.all()  # raises: a new key would hide that the old one is gone
            self.keys.make()
        self.keys.all()

    def now(self) -> str:
        """This moment, as the journal stores moments."""
        return stored(self.clock())

    def rows(self, statement: sa.Select[Any], **values: Any) -> list[sa.Row[Any]]:
        """Read; values are those of the statement's bind parameters."""
        with self.engine.connect() as connection:
            return list(connection.execute(statement, values))

    @contextmanager
    def write(
        self, actor: Actor, permission: str, action: str, target: str = "", build: str = "", **detail: Any
    ) -> Iterator[sa.Connection]:
        """The only way to write: the body and its audit row, in one transaction, if the actor may.

        Forbidden, from the permission or raised by the body, undoes everything and leaves a row `denied`. The body may
        add to the row's detail: `connection.info["detail"]["x"] = …`.
        """
        try:
            actor.require(permission)
            with self.unaudited() as connection:
                connection.info["detail"] = detail
                yield connection
                row = self._append(connection, actor, action, target, build, detail)
        except Forbidden as refusal:
            self._record(actor, "denied", target, build, {**detail, "action": action, "why": str(refusal)})
            raise
        self.checkpoints.after(row)

    def record(self, actor: Actor, action: str, target: str = "", build: str = "", **detail: Any) -> None:
        """An audit row alone: of what was looked at, taken along, or tried."""
        self._record(actor, action, target, build, detail)

    @contextmanager
    def unaudited(self) -> Iterator[sa.Connection]:
        """A transaction without an audit row. For write(), and for marks such as a session's last sign of life."""
        if getattr(self._thread, "writes", False):
            raise RuntimeError("A write began inside another write: it would wait for itself.")
        if not self._lock.acquire(timeout=PATIENCE):
            raise JournalError("The journal is busy; nothing was changed. Try again in a minute.")
        self._thread.writes = True
        try:
            with self._writer.begin() as connection:
                yield connection
        finally:
            self._thread.writes = False
            self._lock.release()

    def _record(self, actor: Actor, action: str, target: str, build: str, detail: dict[str, Any]) -> None:
        with self.unaudited() as connection:
            row = self._append(connection, actor, action, target, build, detail)
        self.checkpoints.after(row)

    def _append(
        self, connection: sa.Connection, actor: Actor, action: str, target: str, build: str, detail: dict[str, Any]
    ) -> dict[str, Any]:
        """The next row of the chain. Writers come one by one (see data.journal.database), so there is no fork."""
        last = connection.execute(LAST).first()
        key_id, key = self.keys.signing()
        if actor.viewed_by:  # the one who looks is the one who acts
            detail = {**detail, "viewed_as": actor.person}
        if actor.emergency_until:
            detail = {**detail, "emergency_until": actor.emergency_until}
        said = {"actor": actor.viewed_by or actor.person, "session": actor.session, "action": action}
        said |= {"target": target, "build": build}
        row: dict[str, Any] = {name: chain.visible(text, chain.LONGEST[name]) for name, text in said.items()}
        row |= {"seq": last.seq + 1 if last else 1, "at": self.now(), "key_id": key_id}
        row["detail"] = chain.detail_text(detail)
        row["mac"] = chain.mac(key, row, last.mac if last else chain.FIRST)
        connection.execute(AUDIT.insert(), row)
        return row


def stored(moment: datetime) -> str:
    """A moment as text in UTC, `2026-11-22T16:49:33.123456Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def journal() -> Journal:
    """The journal of this process, migrated."""
    names = ("RAPPORT_JOURNAL", "RAPPORT_JOURNAL_KEYS", "RAPPORT_CHECKPOINTS")
    return _journal(*(os.environ.get(name, "") for name in names))


@functools.cache
def _journal(url: str, keys: str, checkpoints: str) -> Journal:
    opened = Journal(url, Path(keys) if keys else None, Path(checkpoints) if checkpoints else None)
    opened.migrate()
    return opened
