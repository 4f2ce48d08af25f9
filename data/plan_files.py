"""Frozen channel plans beside the journal: one Parquet file each, written once, read in the reader's own scope."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data import campaign_files
from data.journal import overrides, plans
from data.journal.plans import NoPlan, SavedPlan
from data.journal.problems import Invalid, JournalError
from data.journal.store import Journal
from data.plan_policy import Policy, parse
from data.plan_read import chosen_by, read, text_of
from data.plan_rows import Outcome, table
from data.rights import SAVE_PLAN, Actor
from data.view import SMALLEST_GROUP, Refused, View
from data.warehouse import Build


def folder_of(journal: Journal, plan_id: str) -> Path:
    """The folder of one plan."""
    if not campaign_files.NAME.fullmatch(plan_id):
        raise NoPlan
    return journal.folder / "plans" / plan_id


def save(journal: Journal, actor: Actor, build: Build, done: Outcome, name: str) -> str:
    """Freeze a plan and keep it under a name; its key. Raises Forbidden, BadText or Invalid.

    Its author may be a reader of groups: the rows wait for readers who may see single customers.
    """
    actor.require(SAVE_PLAN)
    new = plans.new_key()
    folder = folder_of(journal, new)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, digest = campaign_files.put(folder, "plan", lambda path: write(path, table(done)))
    try:
        return plans.save(journal, actor, name, build.id, done.policy.text(), done.figures, file, digest, new)
    except BaseException:  # nobody names the file, so nobody needs it
        (folder / file).unlink()
        folder.rmdir()
        raise


def write(path: Path, rows: pa.Table) -> None:
    """Write rows as Parquet; the same rows are the same bytes."""
    pq.write_table(rows, path, compression="zstd")


def opened(journal: Journal, actor: Actor, view: View, plan_id: str) -> SavedPlan:
    """A saved plan with its figures. Raises NoPlan, or Refused where a reader of groups would see too few customers."""
    found = plans.get(journal, actor, plan_id)
    if singles_out(found, view):
        raise Refused(f"This plan is about fewer than {SMALLEST_GROUP} customers, and you see groups only.")
    return found


def listing(journal: Journal, actor: Actor, view: View) -> list[SavedPlan]:
    """The saved plans this actor may see, the latest first; readers of groups none about fewer than ten customers."""
    return [one for one in plans.listing(journal, actor) if not singles_out(one, view)]


def singles_out(found: SavedPlan, view: View) -> bool:
    """Whether a reader of groups would see too few customers, or customers by what they may not be told apart by."""
    own = view.scope.attributes
    if own is None:
        return False
    try:
        members = [name for name, _ in parse(found.policy).members]
    except Invalid:
        return True
    contacts = sum(found.figures.get("contacts", {}).values())
    few = found.figures.get("customers", 0) < SMALLEST_GROUP or 0 < contacts < SMALLEST_GROUP
    return few or not set(members) <= set(own)


def load(journal: Journal, actor: Actor, build: Build, view: View, plan_id: str) -> tuple[SavedPlan, pa.Table]:
    """A saved plan and its rows of the customers whom this reader sees in this build now, in the order of their keys.

    Raises NoPlan, Refused for readers of groups, and JournalError when the file is not the one that was kept.
    """
    found = plans.get(journal, actor, plan_id)
    return found, narrowed(build, view, frozen(journal, found))


def customers_of(journal: Journal, actor: Actor, plan_id: str, channel: str) -> list[str]:
    """The customers whom a saved plan gives a channel, whoever looks after them: what an audience is narrowed from.

    Who was locked to another channel or to none since is not among them.
    Raises Refused where this actor sees no such plan, so that drafting a campaign does not count as guessing.
    """
    if not plan_id:
        raise Refused("This audience needs the key of a saved channel plan. Save a plan, then name it here.")
    found = next((one for one in plans.listing(journal, actor) if one.plan_id == plan_id), None)
    if found is None:
        raise Refused(str(NoPlan()))
    rows = frozen(journal, found)
    given = rows.filter(pc.equal(rows["channel"].cast(pa.string()), channel))["customer_id"].to_pylist()
    locks = {one.customer_id: one.channel for one in overrides.active(journal, overrides.CHANNEL)}
    return [key for key in given if locks.get(key, channel) == channel]


def frozen(journal: Journal, saved: SavedPlan) -> pa.Table:
    """All rows of a saved plan: for programs. Raises JournalError."""
    path = folder_of(journal, saved.plan_id) / Path(saved.file).name
    try:
        stamp = path.stat()
        digest = campaign_files.digest_of(path, stamp.st_ino, stamp.st_size, stamp.st_ctime_ns)
    except OSError as problem:
        raise JournalError(f"The file {path} of a plan cannot be read ({problem.strerror}). Restore it.") from None
    if digest != saved.sha256:
        raise JournalError(f"The file {path} of a plan is not what was saved. Put it back from its backup.")
    return pq.read_table(path)


def narrowed(build: Build, view: View, rows: pa.Table) -> pa.Table:
    """The rows of customers inside a reader's scope; raises Refused for readers of groups."""
    if view.scope.attributes is not None:
        raise Refused("You see groups of customers, not single ones, so no plan names them to you.")
    chosen, values = chosen_by(build, view, Policy())
    text = text_of("customers.sql").replace("{chosen}", chosen).replace("{must_keep}", "false")
    return rows.filter(pc.is_in(rows["customer_id"], value_set=read(build, text, values)["customer_id"]))
