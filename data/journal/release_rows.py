"""What a release is in the journal, who may see it, and how one step follows another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from data.journal.campaign_rows import visible
from data.journal.problems import Invalid
from data.journal.schema import PERSON, RELEASE, RELEASE_CUSTOMER, RELEASE_STEP
from data.journal.store import Journal
from data.rights import Actor, Forbidden

WAITING, RELEASED, REFUSED, WITHDRAWN, ENDED = "waiting", "released", "refused", "withdrawn", "ended"
STEPS = {  # step -> the state it leads from, and the state it leads to
    "propose": ("", WAITING),
    "release": (WAITING, RELEASED),
    "refuse": (WAITING, REFUSED),
    "withdraw": (WAITING, WITHDRAWN),
    "end": (RELEASED, ENDED),
}
STOP, CHEAPER = "stop", "cheaper"
R, RC, RS = RELEASE.c, RELEASE_CUSTOMER.c, RELEASE_STEP.c


@dataclass(frozen=True)
class Listed:
    """One customer of a list: what to do, and the figures it was proposed with.

    channel: the one that is left, empty when all contacts stop. expected, low, high: margin of the next twelve months
    with its 90 % interval, before the cost of contacts. p_wrong: probability that it is a mistake. saving: a year.
    """

    customer_id: str
    action: str
    channel: str
    expected: float
    low: float
    high: float
    p_wrong: float
    saving: float


@dataclass(frozen=True)
class Release:
    """A list as it stands. at, by, reason, text: of the last step; customers, saving, wrong: of the whole list."""

    release_id: str
    author: str
    author_name: str
    created_at: str
    build: str
    note: str
    state: str
    step: int
    at: str
    by: str
    by_name: str
    reason: str
    customers: int
    saving: float
    wrong: float


@dataclass(frozen=True)
class Step:
    """One step. text: JSON, who was taken off the list and why."""

    step: int
    name: str
    after: str
    by: str
    by_name: str
    at: str
    build: str
    reason: str
    text: str

    @cached_property
    def dropped(self) -> dict[str, str]:
        """Customers who were on the list and are not released, each with the reason."""
        return json.loads(self.text).get("dropped", {})


class NoRelease(Forbidden):
    """There is no such list for this reader; the same words whether it is somebody else's or never was."""

    def __init__(self) -> None:
        super().__init__("There is no such list, or you may not see it. Ask whoever told you about it.")


def found() -> sa.Select[Any]:
    """Lists with their last step and their sums, in the order of Release's fields."""
    author, by = PERSON.alias("writer"), PERSON.alias("decider")
    last = sa.select(sa.func.max(RS.step)).where(RS.release_id == R.release_id).correlate(RELEASE).scalar_subquery()
    sums = (
        sa.select(
            RC.release_id,
            sa.func.count().label("customers"),
            sa.func.sum(RC.saving).label("saving"),
            sa.func.sum(RC.p_wrong).label("wrong"),
        )
        .group_by(RC.release_id)
        .subquery()
    )
    return (
        sa.select(
            *(R.release_id, R.author, sa.func.coalesce(author.c.name, "").label("author_name"), R.created_at),
            *(R.build, R.note, RS.after, RS.step, RS.at, RS.by, sa.func.coalesce(by.c.name, "").label("by_name")),
            *(RS.reason, sums.c.customers, sums.c.saving, sums.c.wrong),
        )
        .select_from(RELEASE.outerjoin(author, author.c.person_id == R.author))
        .join(RELEASE_STEP, sa.and_(RS.release_id == R.release_id, RS.step == last))
        .join(sums, sums.c.release_id == R.release_id)
        .outerjoin(by, by.c.person_id == RS.by)
    )


def standing(connection: sa.Connection, release_id: str) -> Release:
    """The list as it stands inside a write. Raises NoRelease."""
    row = connection.execute(found().where(R.release_id == release_id[:64])).first()
    if row is None:
        raise NoRelease
    return Release(*tuple(row))


@contextmanager
def stepping(
    journal: Journal, actor: Actor, permission: str, name: str, release_id: str, build: str, reason: str = ""
) -> Iterator[tuple[sa.Connection, Release]]:
    """A step of one list, which the actor may see, from where it stands; taken when the body ends. Raises Invalid."""
    target = f"release:{release_id[:64]}"
    with journal.write(actor, permission, f"release.{name}", target, build) as connection:
        now = standing(connection, release_id)
        if not visible(actor, now.author):
            raise NoRelease
        if now.state != STEPS[name][0]:
            raise Invalid(f"This list is {now.state} already; this cannot be done now. See its history.")
        if reason:
            connection.info["detail"]["reason"] = reason
        connection.info["step"] = {}
        yield connection, now
        advance(connection, journal, actor, now.release_id, name, build, reason, connection.info.pop("step"))


def advance(
    connection: sa.Connection,
    journal: Journal,
    actor: Actor,
    release_id: str,
    name: str,
    build: str,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write the step down; the database refuses one that does not follow from the last."""
    last = connection.execute(
        sa.select(RS.step, RS.after, RS.author).where(RS.release_id == release_id).order_by(RS.step.desc()).limit(1)
    ).first()
    row = {
        "release_id": release_id,
        "step": last.step + 1 if last else 1,
        "name": name,
        "before": last.after if last else "",
        "after": STEPS[name][1],
        "author": last.author if last else actor.person,
        "by": actor.person,
        "at": journal.now(),
        "build": build,
        "reason": reason,
        "detail": json.dumps(dict(detail or {}), ensure_ascii=False, sort_keys=True),
    }
    connection.execute(sa.insert(RELEASE_STEP), row)
