"""Who is in a campaign: the candidates of a promise, whom each reason leaves out, and the draw that is frozen.

A build knows customers, consents and contacts; the journal knows which customers other campaigns have drawn. Both come
together in a small database of our own, in memory, that can reach nothing else.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data import campaign_files
from data.audience_sources import MOST_CUSTOMERS, PLAN, candidates, kept_by_feed, options_of, source_of, text_of
from data.campaign import Promise
from data.drawing import Drawing
from data.journal import campaigns, overrides, releases
from data.journal.campaign_rows import APPROVED, Campaign
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.rights import NOBODY, SEND_CAMPAIGN, Actor, Forbidden
from data.scratch import add, memory
from data.view import Refused, View
from data.warehouse import Build

REASONS = MappingProxyType({  # in the order in which they are tried: the first one that holds is told
    "global holdout": "Held out of every campaign for good, to see what all of them change together",
    "in a running test": "Drawn by another campaign that is not measured yet, whichever arm it was",
    "released": "Taken off this channel, or off all, by a list that a second person released",
    "no consent": "Has not agreed to this channel, or has objected",
    "other purpose": "Agreed to this channel for another purpose only, and consent holds for its own purpose",
    "too soon": "Was contacted on this channel within the shortest time between two contacts",
    "enough contacts": "Had as many contacts on all channels as the company allows in so many days",
    "quiet period": "Was contacted on any channel within the campaign's quiet period",
    "must keep": "On the company's list of customers who are kept whatever they cost",
    "cannot be rated": "Too little was spent on them to say what it returned",
})  # fmt: skip
LEAST_CUSTOMERS = 10
ROWS_AT_ONCE = 50_000
ASSIGNED = pa.schema([
    ("customer_id", pa.string()), ("arm", pa.string()), ("channel", pa.string()), ("p_assign", pa.float64()),
    ("cost", pa.decimal128(18, 4)),
])  # fmt: skip
Tell = Callable[[str, int], None]  # what is done, and rows so far; it raises to stop


@dataclass(frozen=True)
class Survey:
    """An audience before it is drawn: candidates = kept + the sum of excluded.

    excluded: (reason, customers), in the order of REASONS, those that left nobody out too. overlaps: (campaign,
    candidates it has drawn). mean, variance: of the promised outcome of those kept, summed for each over the last
    `window_days` of the data; 0 for who did nothing, None for the variance of fewer than two.
    active: how many of those kept have such an outcome at all.
    """

    candidates: int
    kept: int
    excluded: tuple[tuple[str, int], ...]
    overlaps: tuple[tuple[str, int], ...]
    mean: float
    variance: float | None
    active: int = 0


def survey(
    build: Build,
    view: View,
    promise: Promise,
    journal: Journal,
    drawing: Drawing,
    campaign_id: str = "",
    actor: Actor = NOBODY,
) -> Survey:
    """Count an audience as it would be drawn now. view: the reader's scope; actor: the reader, for saved plans.

    Raises Refused or Invalid.
    """
    with settled(build, view, promise, journal, drawing, campaign_id, actor=actor) as con:
        kept, excluded = counted(con)
        overlaps = con.execute(text_of("overlap.sql")).fetchall()
        past = con.execute("select outcome from judged where reason = '' order by customer_id").fetchnumpy()["outcome"]
    return Survey(
        kept + sum(number for _, number in excluded),
        kept,
        excluded,
        tuple(overlaps),
        float(past.mean()) if kept else 0.0,
        float(past.var(ddof=1)) if kept > 1 else None,
        int((past != 0).sum()),
    )


def freeze(
    journal: Journal,
    actor: Actor,
    build: Build,
    view: View,
    promise: Promise,
    campaign_id: str,
    drawing: Drawing,
    tell: Tell = lambda what, rows: None,
    now: datetime | None = None,
) -> dict[str, Any]:
    """Draw the arms of an approved campaign of one's own, and keep them in a file: what its export step records.

    tell: is told how far it came, and stops everything by raising. now: the moment from which contacts are counted
    back. Same inputs, same bytes. Raises Forbidden, Refused, or Invalid with the figures.
    """
    found = own(journal, actor, campaign_id, "campaign.export")
    if found.state != APPROVED or found.text != promise.text():
        raise Invalid(f"This campaign is {found.state}: only what was approved, unchanged, is exported.")
    with settled(build, view, promise, journal, drawing, campaign_id, tell, now, actor) as con:
        kept, excluded = counted(con)
        if kept < LEAST_CUSTOMERS:
            raise Invalid(f"{kept} customers are left, and {LEAST_CUSTOMERS} are the fewest. {told(excluded)}")
        parts = drawn(con, journal, promise, campaign_id, drawing, tell)
    arms = {arm: sum(part["arm"].to_pylist().count(arm) for part in parts) for arm in wanted(promise, drawing)}
    if empty := [arm for arm, number in arms.items() if not number]:
        raise Invalid(f"Of {kept:,} customers nobody was drawn as {empty[0]}. Widen the audience, or its share.")
    cost = promise.cost(kept - arms[drawing.CONTROL])
    if cost > promise.budget:
        raise Invalid(
            f"To reach {kept - arms[drawing.CONTROL]:,} customers costs {cost:,.2f}, more than the budget of "
            f"{promise.budget:,.2f}. Nobody was drawn: withdraw this campaign, and narrow the audience of a new one."
        )
    name, digest = campaign_files.put(
        campaign_files.folder_of(journal, campaign_id), "assigned", lambda path: write(path, parts, tell)
    )
    return {
        "file": name,
        "sha256": digest,
        "treated": arms[drawing.TREATED],
        "control": arms[drawing.CONTROL],
        "exploration": arms.get(drawing.EXPLORATION, 0),
        "candidates": kept + sum(number for _, number in excluded),
        "excluded": {reason: number for reason, number in excluded if number},
        "cost": format(cost, "f"),
        "build": build.id,
    }


def export(
    journal: Journal,
    actor: Actor,
    build: Build,
    view: View,
    campaign_id: str,
    drawing: Drawing,
    tell: Tell = lambda what, rows: None,
) -> dict[str, Any]:
    """Draw an approved campaign and let it take the step; one after the other, so that nobody is drawn by two."""
    found = own(journal, actor, campaign_id, "campaign.export")
    folder = campaign_files.store_folder(journal)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "export.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        froze = freeze(journal, actor, build, view, found.promise, campaign_id, drawing, tell)
        campaigns.export(journal, actor, campaign_id, found.sha256, froze)
    return froze


# What they are made of


def own(journal: Journal, actor: Actor, campaign_id: str, tried: str) -> Campaign:
    """A campaign of one's own, for who may send it. Raises Forbidden, which is on record."""
    found = campaigns.get(journal, actor, campaign_id)
    try:
        actor.require(SEND_CAMPAIGN)
        campaigns.own(actor, found)
    except Forbidden as refusal:
        journal.record(actor, "denied", f"campaign:{campaign_id}", tried=tried, why=str(refusal))
        raise
    return found


@contextmanager
def settled(
    build: Build,
    view: View,
    promise: Promise,
    journal: Journal,
    drawing: Drawing,
    campaign_id: str = "",
    tell: Tell = lambda what, rows: None,
    now: datetime | None = None,
    actor: Actor = NOBODY,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of our own with the tables judged (customer_id, reason, outcome), spoken_for, released."""
    keys = planned(journal, actor, promise) if source_of(promise).frozen else ()
    text, values = candidates(build, view, promise, now or journal.clock(), keys)
    share = float(build.manifest.get("global_holdout", 0))
    salt = drawing.salt_of(campaign_files.secret(journal), drawing.GLOBAL_HOLDOUT) if share else ""
    with memory() as con:
        con.execute("create table candidate (customer_id varchar, reason varchar, outcome double, held_out boolean)")
        con.execute("create table spoken_for (campaign_id varchar, customer_id varchar)")
        con.execute("create table released (customer_id varchar); create table kept (customer_id varchar)")
        try:
            with build.engine.reader(text, values, ROWS_AT_ONCE) as reader:
                rows = 0
                for part in reader:
                    held = drawing.held_out(salt, part["customer_id"].to_pylist(), share) if share else None
                    flags = pa.array(np.zeros(part.num_rows, bool) if held is None else held)
                    add(con, "candidate", part.append_column("held_out", flags))
                    tell("Candidates", rows := rows + part.num_rows)
                    if rows > MOST_CUSTOMERS:
                        raise Invalid(f"An audience has at most {MOST_CUSTOMERS:,} candidates. Set a filter.")
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise Refused(
                f"Build {build.id} was made by an earlier Rapport, which did not work this out yet. "
                "Build again to have it: python -m data build FOLDER"
            ) from error
        for one in campaigns.running(journal):
            if one.campaign_id != campaign_id:
                for part in assigned(journal, one.campaign_id, ["customer_id"]):
                    key = pa.array([one.campaign_id] * part.num_rows, pa.string())
                    add(con, "spoken_for", pa.RecordBatch.from_arrays([key, part["customer_id"]], ["c", "k"]))
        off = [key for key, left in releases.released(journal).items() if promise.channel not in left]
        off = sorted(set(off) - kept_by_feed(build, off))
        stay = sorted(overrides.kept(journal)) if source_of(promise).keeps else []
        for name, keys in (("released", off), ("kept", stay)):
            add(con, name, pa.RecordBatch.from_arrays([pa.array(keys, pa.string())], ["k"]))
        con.execute(text_of("settled.sql"))
        yield con


def planned(journal: Journal, actor: Actor, promise: Promise) -> list[str]:
    """The customers whom the promise's plan gives its channel. Raises Refused where the actor sees no such plan."""
    from data import plan_files  # plans are made from audiences' statements

    return plan_files.customers_of(journal, actor, options_of(promise)[PLAN], promise.channel)


def assigned(journal: Journal, campaign_id: str, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The customers that an exported campaign has drawn, in parts. Raises JournalError when the file is another one."""
    froze = campaigns.frozen(journal, campaign_id)
    path = campaign_files.at(journal, campaign_id, froze["file"], froze["sha256"])
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(ROWS_AT_ONCE, columns=columns)


def counted(con: duckdb.DuckDBPyConnection) -> tuple[int, tuple[tuple[str, int], ...]]:
    """Customers kept, and those left out by reason, in the order of REASONS."""
    found = dict(con.execute(text_of("counted.sql")).fetchall())
    return found.pop("", 0), tuple((reason, found.pop(reason, 0)) for reason in REASONS)


def told(excluded: tuple[tuple[str, int], ...]) -> str:
    """Whom the reasons left out, in words."""
    said = [f"{number:,} {reason} ({REASONS[reason][0].lower()}{REASONS[reason][1:]})" for reason, number in excluded
            if number]  # fmt: skip
    return f"Left out: {'; '.join(said)}." if said else "The filters choose no more."


def wanted(promise: Promise, drawing: Drawing) -> tuple[str, ...]:
    """The arms that a promise needs."""
    return (drawing.TREATED, drawing.CONTROL, *[drawing.EXPLORATION] * bool(promise.exploration))


def drawn(
    con: duckdb.DuckDBPyConnection, journal: Journal, promise: Promise, campaign_id: str, drawing: Drawing, tell: Tell
) -> list[pa.RecordBatch]:
    """The customers kept, in the order of their keys, each with its arm: the rows of the file, about 60 bytes each."""
    salt = drawing.salt_of(campaign_files.secret(journal), campaign_id)
    shares = drawing.Shares(promise.holdout, promise.exploration)
    keys = con.sql("select customer_id from judged where reason = '' order by customer_id").to_arrow_table()
    parts = list[pa.RecordBatch]()
    for start in range(0, keys.num_rows, ROWS_AT_ONCE):
        customers = keys["customer_id"].slice(start, ROWS_AT_ONCE).to_pylist()
        draw = drawing.assign(salt, customers, shares)
        reached = draw.arm != drawing.CONTROL
        cost = [promise.each if one else Decimal("0.0000") for one in reached]
        channel = np.where(reached, promise.channel, "")
        columns = [customers, draw.arm.tolist(), channel.tolist(), draw.p_assign, cost]
        arrays = [pa.array(values, field.type) for values, field in zip(columns, ASSIGNED, strict=True)]
        parts.append(pa.RecordBatch.from_arrays(arrays, schema=ASSIGNED))
        tell("Arms", start + len(customers))
    return parts


def write(path: Path, parts: Sequence[pa.RecordBatch], tell: Tell, about: Mapping[str, str] | None = None) -> None:
    """Write rows as Parquet; the same rows are the same bytes."""
    rows = 0
    with pq.ParquetWriter(path, parts[0].schema.with_metadata(about), compression="zstd") as writer:
        for part in parts:
            writer.write_batch(part)
            tell("File", rows := rows + part.num_rows)
