"""Rows of the journal to take along: the audit trail as somebody looked for it, and the access review.

Every value is text as it is stored, the moments too: that is what the trail's hashes were made over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import sqlalchemy as sa

from data.catalog import Unit
from data.export_files import Column
from data.journal import audit, grants, people
from data.journal.schema import AUDIT
from data.journal.store import Journal
from data.rights import ACCESS, EXPORT, SYSTEM, Actor
from data.rights import AUDIT as SEE_TRAIL

if TYPE_CHECKING:
    from data.warehouse import Build

ROWS_AT_ONCE = 2_000  # a detail may have 4,000 characters
BEYOND = 2**62  # no entry has such a number


@dataclass(frozen=True)
class Kept(ABC):
    """Rows of a journal, and what somebody must be allowed to take them along.

    recorded_as: what the audit calls it; only an `export` counts against a person's day. ceiling: rows of one file,
    where it is not the one of all tables.
    """

    journal: Journal = field(repr=False, compare=False)

    permissions: ClassVar[tuple[str, ...]]
    columns: ClassVar[tuple[Column, ...]]
    recorded_as: ClassVar[str] = "export"
    ceiling: ClassVar[int | None] = None

    def ready(self, actor: Actor, build: Build) -> None:  # noqa: B027 (most rows need no more than the permission)
        """Raise Forbidden where this person may not have these very rows now."""

    def taken(self) -> None:  # noqa: B027
        """Note that a complete file is on record and about to leave."""

    @abstractmethod
    def count(self) -> int:
        """How many rows there are now."""

    @abstractmethod
    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows, by the names of the columns."""

    def reader(self, most: int) -> pa.RecordBatchReader:
        """The rows in parts, up to so many."""
        kinds = [(one.name, pa.int64() if one.unit == Unit.COUNT else pa.string()) for one in self.columns]
        schema = pa.schema(kinds)
        return pa.RecordBatchReader.from_batches(schema, parts(islice(self.rows(), most), schema))


def parts(rows: Iterator[dict[str, Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Rows, a part at a time."""
    while part := list(islice(rows, ROWS_AT_ONCE)):
        yield pa.RecordBatch.from_pylist(part, schema=schema)


@dataclass(frozen=True)
class Trail(Kept):
    """Entries of the audit trail, the newest first: those that were there when the file was begun."""

    action: str = ""
    actor: str = ""
    target: str = ""
    since: str = ""
    until: str = ""

    permissions = (SEE_TRAIL, EXPORT)
    columns = (
        Column("seq", "Number", Unit.COUNT),
        Column("at", "Time (UTC)"),
        Column("name", "Who"),
        Column("actor", "Key of who"),
        Column("action", "Action"),
        Column("target", "What it was about"),
        Column("build", "Build"),
        Column("detail", "Details"),
        Column("mac", "Hash"),
        Column("key_id", "Key of the hash"),
    )

    @property
    def wanted(self) -> dict[str, str]:
        """What was looked for, as the journal is asked."""
        return {name: getattr(self, name) for name in ("action", "actor", "target", "since", "until")}

    def __str__(self) -> str:
        said = [f"{name} {value}" for name, value in self.wanted.items() if value]
        return ", ".join(["entries of the audit trail", *said])

    def count(self) -> int:
        return audit.count(self.journal, **self.wanted)

    def rows(self) -> Iterator[dict[str, Any]]:
        names = {SYSTEM.person: SYSTEM.name, **people.names(self.journal)}
        chosen = audit.where(sa.select(AUDIT), **self.wanted).order_by(AUDIT.c.seq.desc()).limit(ROWS_AT_ONCE)
        before = BEYOND
        while part := self.journal.rows(chosen.where(AUDIT.c.seq < before)):
            yield from ({**row._mapping, "name": names.get(row.actor, "")} for row in part)
            before = part[-1].seq


@dataclass(frozen=True)
class Review(Kept):
    """The access review: everybody, with a row for each role held now; of one role when one is chosen."""

    role: str = ""

    permissions = (ACCESS,)  # the content of a page that administrators have, who export nothing else
    columns = (
        Column("name", "Name"),
        Column("person", "Key of the person"),
        Column("role", "Role"),
        Column("subject", "About"),
        Column("source", "From"),
        Column("asked_by_name", "Asked by"),
        Column("asked_by", "Key of who asked"),
        Column("granted_by_name", "Granted by"),
        Column("granted_by", "Key of who granted"),
        Column("reason", "Reason"),
        Column("since", "Since (UTC)"),
        Column("expires", "Expires (UTC)"),
        Column("last_used", "Last here (UTC)"),
    )

    def __str__(self) -> str:
        return f"who holds the role {self.role} now" if self.role else "everybody, with the roles held now"

    def count(self) -> int:
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[dict[str, Any]]:
        names = people.names(self.journal)
        for line in grants.report(self.journal):
            if not self.role or line["role"] == self.role:
                yield line | {f"{who}_name": names.get(line[who], "") for who in ("asked_by", "granted_by")}
