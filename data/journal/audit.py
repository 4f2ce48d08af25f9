"""The audit trail: reading it, and proving that nobody changed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from data.journal import chain
from data.journal.database import missing_guards
from data.journal.schema import AUDIT
from data.journal.store import Journal
from data.rights import SYSTEM, Actor

CHUNK = 10_000
MOST_FAULTS = 50
A = AUDIT.c
COLUMNS = tuple(A.keys())


@dataclass
class Verdict:
    """What verifying found. Faults: the trail is not what was written. Remarks: worth knowing, no fault."""

    ok: bool = True
    rows: int = 0
    last: int = 0
    faults: list[str] = field(default_factory=list)
    checkpoints: int = 0
    remarks: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Add a fault; of very many only the first are kept."""
        self.ok = False
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(text)
        elif len(self.faults) == MOST_FAULTS:
            self.faults.append("… and more.")


def entries(
    journal: Journal,
    *,
    action: str = "",
    actor: str = "",
    target: str = "",
    since: str = "",
    until: str = "",
    limit: int = 100,
    offset: int = 0,
) -> list[sa.Row[Any]]:
    """Rows of the trail, the newest first. since and until are moments as stored; until is not included."""
    chosen = where(sa.select(AUDIT), action, actor, target, since, until)
    return journal.rows(chosen.order_by(A.seq.desc()).limit(limit).offset(offset))


def count(
    journal: Journal, *, action: str = "", actor: str = "", target: str = "", since: str = "", until: str = ""
) -> int:
    """How many rows entries() would find without a limit."""
    return journal.rows(where(sa.select(sa.func.count()).select_from(AUDIT), action, actor, target, since, until))[0][0]


def where(statement: sa.Select[Any], action: str, actor: str, target: str, since: str, until: str) -> sa.Select[Any]:
    """The statement, for the rows that were asked for."""
    if action:
        statement = statement.where(A.action == action)
    if actor:
        statement = statement.where(A.actor == actor)
    if target:
        statement = statement.where(A.target == target)
    if since:
        statement = statement.where(A.at >= since)
    return statement.where(A.at < until) if until else statement


def verify(journal: Journal, actor: Actor = SYSTEM) -> Verdict:
    """Walk the whole trail once and compare it with the checkpoints; the run itself becomes a row of it."""
    # before the rows: a checkpoint written meanwhile is of a row that the walk might not reach
    lines, faults, remarks = journal.checkpoints.read()
    try:
        verdict = check(stream(journal), journal.keys.all(), lines)
    except sa.exc.DBAPIError as error:  # a damaged file, or bytes that are no text
        verdict = Verdict()
        verdict.fault(f"The trail cannot be read to its end: {error.orig}")
    guards = [f"The database's guard {name} is missing or switched off." for name in missing_guards(journal.engine)]
    for text in faults + guards:
        verdict.fault(text)
    verdict.remarks += remarks
    journal.record(actor, "audit.verify", ok=verdict.ok, rows=verdict.rows, faults=len(verdict.faults))
    if verdict.ok:
        journal.checkpoints.flush()
    return verdict


def stream(journal: Journal, until: int | None = None) -> Iterable[Mapping[str, Any]]:
    """Every row that is there now, in order, a chunk at a time."""
    if until is None:
        until = journal.rows(sa.select(sa.func.max(A.seq)))[0][0] or 0
    last: int | None = None
    while True:
        chosen = sa.select(AUDIT).where(A.seq <= until)
        chunk = journal.rows((chosen if last is None else chosen.where(A.seq > last)).order_by(A.seq).limit(CHUNK))
        yield from (dict(zip(COLUMNS, row)) for row in chunk)
        if len(chunk) < CHUNK:
            return
        last = chunk[-1].seq


def holds(key: bytes, row: Mapping[str, Any], previous: str) -> bool:
    """Whether the row is what was signed; one with bytes where text belongs is not."""
    try:
        return chain.mac(key, row, previous) == row["mac"]
    except (TypeError, UnicodeError):
        return False


def check(
    rows: Iterable[Mapping[str, Any]], keys: Mapping[str, bytes], checkpoints: Iterable[Mapping[str, Any]] = ()
) -> Verdict:
    """Whether the rows are an unbroken chain from the first on, and pass through every checkpoint."""
    verdict = Verdict()
    expected: dict[int, set[str]] = {}
    for line in checkpoints:
        expected.setdefault(line["seq"], set()).add(line["mac"])
        verdict.checkpoints += 1
    previous, at = chain.FIRST, ""
    for row in rows:
        verdict.rows += 1
        seq = row["seq"]
        if seq != verdict.last + 1:
            verdict.fault(f"Row {verdict.last + 1:,} is missing: after {verdict.last:,} comes {seq:,}.")
        key = keys.get(row["key_id"])
        if key is None:
            verdict.fault(f"Row {seq:,} is signed with a key that is not in the keys file.")
        elif not holds(key, row, previous):
            verdict.fault(f"Row {seq:,} is not what was written, or not where it was written.")
        if row["at"] < at and len(verdict.remarks) < MOST_FAULTS:
            verdict.remarks.append(f"The clock was set back before row {seq:,}: {row['at']} comes after {at}.")
        if seq in expected and expected.pop(seq) != {row["mac"]}:
            verdict.fault(f"Row {seq:,} differs from its checkpoint.")
        previous, at, verdict.last = row["mac"], row["at"], seq
    for seq in sorted(expected):
        verdict.fault(f"A checkpoint says there was a row {seq:,}; the trail ends at {verdict.last:,}."
                      if seq > verdict.last else f"Row {seq:,} has a checkpoint but is missing.")  # fmt: skip
    return verdict
