"""Taking a table or a document along: who may, a daily quota, and a file whose audit row is there before its bytes.

A click makes a ticket; the browser fetches the file with it.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import BoundedSemaphore
from typing import IO

import pyarrow as pa
import sqlalchemy as sa

from data.catalog import DIMENSIONS, FACTS, METRICS, Unit, attribute
from data.export_document import Document
from data.export_files import KINDS, Column, TooLarge
from data.export_journal import Kept
from data.export_tickets import Ticket, tickets
from data.journal.schema import AUDIT
from data.journal.store import Journal
from data.question import Listing, Question
from data.rights import EXPORT, Actor, Forbidden
from data.view import Scope
from data.warehouse import Build

MOST_ROWS = 200_000  # of one file
EXPORTS_A_DAY, ROWS_A_DAY = 50, 500_000  # of one person
ROWS_AT_ONCE = 10_000
PATIENCE = 60  # seconds a file waits for others to be made
MAKING = BoundedSemaphore(2)


class Busy(RuntimeError):
    """Other files are being made."""


@dataclass(frozen=True)
class Wanted:
    """What to take along: the answer of a build, rows of the journal, or a document.

    chosen: columns of a listing, all when empty. labels, units: for columns the catalog lacks.
    """

    question: Question | Listing | Kept | Document
    name: str
    kind: str = "csv"
    chosen: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)

    @property
    def permissions(self) -> tuple[str, ...]:
        """What somebody must be allowed to, to have this as a file."""
        return self.question.permissions if isinstance(self.question, Kept | Document) else (EXPORT,)

    @property
    def most_rows(self) -> int:
        """How many rows one file of this may have."""
        return (self.question.ceiling if isinstance(self.question, Kept) else None) or MOST_ROWS

    @property
    def action(self) -> str:
        """What the audit calls it; an `export` counts against the person's day."""
        return self.question.recorded_as if isinstance(self.question, Kept) else "export"

    def may(self, actor: Actor) -> bool:
        """Whether somebody is offered this: nobody is while looking through somebody else's eyes."""
        return not actor.viewed_by and all(map(actor.may, self.permissions))

    def require(self, actor: Actor, build: Build) -> None:
        """Raise Forbidden for who may not take this along."""
        for permission in self.permissions:
            actor.require(permission)
        if actor.viewed_by:
            raise Forbidden("Nothing is taken along while looking as somebody else. Go back to your own eyes first.")
        if isinstance(self.question, Kept):
            self.question.ready(actor, build)

    def count(self, build: Build) -> int:
        """How many rows there are now; of very many, perhaps only that they are too many. A document counts as one."""
        if isinstance(self.question, Kept):
            return self.question.count()
        if isinstance(self.question, Document):
            self.question.html(build)  # what it cannot show is said now, not after the click on the link
            return 1
        question = whole(self.question)
        if isinstance(question, Question):
            return build.count(question) if question.by else 1
        text, values = question.sql(build.attributes)
        return int(build.engine.ask(f"select count(*) as rows from ({text})", values)["rows"].iloc[0])

    def write(self, file: IO[bytes], build: Build) -> int:
        """Write the whole file; returns its number of rows."""
        if isinstance(self.question, Document):
            file.write(self.question.html(build).encode())
            return 1
        with self.reader(self.question, build) as reader:
            return KINDS[self.kind].write(file, reader, self.columns(reader.schema.names), about(build, self))

    @contextmanager
    def reader(self, question: Question | Listing | Kept, build: Build) -> Iterator[pa.RecordBatchReader]:
        """The rows in parts, up to one more than a file may have."""
        if isinstance(question, Kept):
            yield question.reader(self.most_rows + 1)
        else:
            with build.engine.reader(*whole(question).sql(build.attributes), ROWS_AT_ONCE) as reader:
                yield reader

    def columns(self, names: list[str]) -> list[Column]:
        """The columns of the file, named as on the screen. names: those the answer has."""
        if isinstance(self.question, Kept):
            return list(self.question.columns)
        return [self.column(name) for name in self.chosen or names]

    def column(self, name: str) -> Column:
        """How one column of an answer is named."""
        entry = METRICS.get(name) or FACTS.get(name)
        unit = self.units.get(name) or (entry.unit if entry else Unit.TEXT)
        label = self.labels.get(name) or (entry or DIMENSIONS.get(name) or attribute(name)).label
        return Column(name, label, unit)


def whole(question: Question | Listing) -> Question | Listing:
    """The question without its page, up to one row more than a file may have."""
    return replace(question, limit=MOST_ROWS + 1, offset=0)


def within(question: Question | Listing | Document, scope: Scope) -> Question | Listing | Document:
    """The same question, asked by somebody with this scope: a question itself takes the part of it that it is about."""
    return replace(question, view=replace(question.view, scope=scope))


@dataclass(frozen=True)
class Made:
    """A complete file without a name on the disk, and what it is."""

    file: IO[bytes]
    name: str
    mime: str
    rows: int
    size: int
    sha256: str


def count(build: Build, wanted: Wanted) -> int:
    """How many rows the file will have; raises TooLarge when they do not fit into one."""
    return fitting(wanted.count(build), wanted)


def fitting(number: int, wanted: Wanted) -> int:
    """The number of rows, when a file may have so many."""
    if number > wanted.most_rows:
        raise TooLarge(
            f"This table has more than the {wanted.most_rows:,} rows one file may have. "
            "Set a filter, or choose fewer months."
        )
    if wanted.kind in KINDS and number > KINDS[wanted.kind].most_rows:
        raise TooLarge(f"{KINDS[wanted.kind].label} holds {KINDS[wanted.kind].most_rows:,} rows. Choose CSV.")
    return number


def used(journal: Journal, person: str, connection: sa.Connection | None = None) -> tuple[int, int]:
    """How many exports, and how many rows, a person took along today (UTC); connection: inside a write."""
    today = journal.now()[:10]
    mine = sa.select(AUDIT.c.detail).where(AUDIT.c.actor == person, AUDIT.c.action == "export", AUDIT.c.at >= today)
    details = connection.execute(mine).all() if connection is not None else journal.rows(mine)
    rows = [json.loads(row.detail).get("rows", 0) for row in details]
    return len(rows), sum(rows)


def within_quota(
    journal: Journal, person: str, rows: int, wanted: Wanted, connection: sa.Connection | None = None
) -> None:
    """Raise Forbidden when one more export of so many rows would be more than a day allows."""
    if wanted.action != "export":
        return
    exports, taken = used(journal, person, connection)
    if exports + 1 > EXPORTS_A_DAY or taken + rows > ROWS_A_DAY:
        raise Forbidden(
            f"A day allows {EXPORTS_A_DAY} exports and {ROWS_A_DAY:,} rows; you took {exports} with {taken:,} rows, "
            f"and this one has {rows:,}. Narrow the view, or continue tomorrow (UTC)."
        )


def prepare(journal: Journal, actor: Actor, build: Build, wanted: Wanted) -> tuple[str, int]:
    """A ticket's token and the number of rows, for somebody who may export this. Raises Forbidden or TooLarge."""
    with refusals_on_record(journal, actor, build, wanted):
        wanted.require(actor, build)
        number = count(build, wanted)
    within_quota(journal, actor.person, number, wanted)
    return tickets().make(actor.session, build, wanted), number


def deliver(journal: Journal, actor: Actor, ticket: Ticket) -> Made:
    """The complete file, its audit row written. Rights are those of this moment, not those of the click."""
    wanted, build = ticket.wanted, ticket.build
    with refusals_on_record(journal, actor, build, wanted):
        wanted.require(actor, build)
        if (
            not isinstance(wanted.question, Kept)
            and within(wanted.question, build.scope_of(actor.held)) != wanted.question
        ):
            raise Forbidden("What you may see has changed since this was prepared. Open the page again.")
        within_quota(journal, actor.person, 0, wanted)
        made = make(build, wanted)
    said = {"name": slug(wanted.name), "format": wanted.kind, "rows": made.rows, "sha256": made.sha256}
    try:
        with journal.write(
            actor, wanted.permissions[0], wanted.action, made.name, build.id, **said, question=str(wanted.question)
        ) as connection:
            within_quota(journal, actor.person, made.rows, wanted, connection)
        if isinstance(wanted.question, Kept):
            wanted.question.taken()
    except BaseException:
        made.file.close()
        raise
    return made


@contextmanager
def refusals_on_record(journal: Journal, actor: Actor, build: Build, wanted: Wanted) -> Iterator[None]:
    """Whoever is refused here leaves a row `denied`."""
    try:
        yield
    except Forbidden as refusal:
        with journal.write(actor, wanted.permissions[0], wanted.action, slug(wanted.name), build.id):
            raise refusal


def make(build: Build, wanted: Wanted) -> Made:
    """Write the whole answer into a file that has no name, so that nothing of it stays behind."""
    if not MAKING.acquire(timeout=PATIENCE):
        raise Busy("Other files are being made. Prepare the export again in a minute.")
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed when it has been sent)
        try:
            rows = fitting(wanted.write(file, build), wanted)
            size = file.seek(0, 2)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
        except BaseException:
            file.close()
            raise
    finally:
        MAKING.release()
    kind = wanted.question if isinstance(wanted.question, Document) else KINDS[wanted.kind]
    stamp = "journal" if isinstance(wanted.question, Kept) else build.id.split("-")[0]
    number = "" if isinstance(kind, Document) else f"{rows}rows_"
    name = f"rapport_{slug(wanted.name)}_{stamp}_{number}{sha256[:12]}.{kind.extension}"
    return Made(file, name, kind.mime, rows, size, sha256)


def about(build: Build, wanted: Wanted) -> dict[str, str]:
    """What a file says of itself."""
    manifest = build.manifest
    said = {"Table": wanted.name, "Company": manifest["company"], "Question": str(wanted.question)}
    if isinstance(wanted.question, Kept):
        return said | {"Moments": "UTC"}
    said |= {
        "Build": build.id,
        "Data to": manifest["as_of"],
        "Currency": manifest["currency"] or "not stated",
        "Moments": "UTC",
        "Notice": manifest.get("notice") or "",
    }
    return {name: text for name, text in said.items() if text}


def slug(name: str) -> str:
    """The name of a table as part of a file name: small letters, digits and underscores."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40] or "table"
