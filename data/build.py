"""A build: feeds, SQL models, learned tables and checks in a draft, published only when everything holds."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from data import tie_out
from data.company import Company, Unusable, read_company
from data.contract import FEEDS
from data.files import one, quoted
from data.header import Model, in_order, read_model
from data.intake import Intake, take_in
from data.learn import LEARNED
from data.publish import DRAFT, publish, sole_builder

SQL = Path(__file__).parent / "sql"
VERSION = "0.1.0"
CONTACTS_RATED = 3  # a customer is rated from an investment of this many of the cheapest contacts on


class Broken(Unusable):
    """A promise of a table's contract does not hold; the message names it and how to see the rows."""


@dataclass(frozen=True)
class Options:
    """How to build. memory: DuckDB limit such as '4GiB', half of the machine when empty. keep: builds kept."""

    memory: str = ""
    threads: int = 0
    keep: int = 5
    accept_rejected: bool = False
    now: datetime | None = None


def check(folder: Path, say: Callable[[str], None], options: Options | None = None) -> Intake:
    """Take a folder's feeds in without publishing anything: what would be loaded, quarantined, rejected."""
    con = connect(":memory:", options or Options())
    try:
        return take_in(con, folder, read_company(folder), say, (options or Options()).now)
    finally:
        con.close()


def build(folder: Path, warehouse: Path, say: Callable[[str], None], options: Options | None = None) -> Path:
    """Build a company's folder into its warehouse and publish it; returns the path of the new build."""
    options = options or Options()
    company = read_company(folder)
    with sole_builder(warehouse):
        draft = warehouse / f"{DRAFT}-{os.getpid()}.duckdb"
        con = connect(str(draft), options)
        try:
            stamp = options.now or datetime.now(UTC)
            clock = [time.monotonic()]
            intake = take_in(con, folder, company, say, stamp)
            refuse_rejected(intake, options)
            clock.append(time.monotonic())
            assemble(con, intake, company, say)
            clock.append(time.monotonic())
            tie_out.write(con, intake)
            manifest = describe(con, intake, company, stamp)
            con.execute("checkpoint")
            con.close()
            clock.append(time.monotonic())
            manifest["seconds"] = {
                name: round(b - a, 2)
                for name, a, b in zip(("intake", "tables", "checks"), clock, clock[1:], strict=False)
            }
            say(f"publishing after {clock[-1] - clock[0]:.1f} s")
            return publish(draft, manifest, options.keep)
        except duckdb.OutOfMemoryException as error:
            raise Unusable(
                f"The build needs more memory than --memory {options.memory or 'half of the machine'} allows, "
                "and could not spill more to disk. Free disk space in the warehouse, or allow more memory."
            ) from error
        except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException, OSError) as error:
            raise Unusable(
                f"The build could not write to {warehouse}: {str(error).splitlines()[0]} Free disk space "
                "there, then build again; the previous build still serves."
            ) from error
        finally:
            with contextlib.suppress(duckdb.Error):  # after a full disk, closing fails as well
                con.close()
            for left in warehouse.glob(f"{draft.name}*"):
                left.unlink(missing_ok=True)


def connect(path: str, options: Options) -> duckdb.DuckDBPyConnection:
    """A builder's connection: bounded memory, UTC, spilling beside the draft."""
    con = duckdb.connect(path)
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    con.execute(f"set memory_limit = {quoted(options.memory or f'{half >> 20}MiB')}")
    if options.threads:
        con.execute(f"set threads = {options.threads:d}")
    for setting in (
        "TimeZone = 'UTC'",
        "preserve_insertion_order = false",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_progress_bar = false",
    ):
        con.execute(f"set {setting}")
    if path != ":memory:":
        con.execute(f"set temp_directory = {quoted(path + '.tmp')}")
    return con


def refuse_rejected(intake: Intake, options: Options) -> None:
    """Publish nothing when a source was refused, unless that was accepted, or when there are no lines."""
    rejected = [source for source in intake.sources if source.reason]
    if rejected and not options.accept_rejected:
        listed = "\n".join(f"  {source.file}: {source.reason}" for source in rejected)
        raise Unusable(
            f"{len(rejected)} of {len(intake.sources)} sources were refused, so nothing was published:\n{listed}\n"
            "Mend them and build again, or publish without them: --accept-rejected"
        )
    if not intake.total("loaded") or not any(s.loaded for s in intake.sources if s.feed == "lines"):
        raise Unusable(
            "Not a single order line could be loaded, so nothing was published. "
            "See what is wrong with: python -m data check FOLDER"
        )


def assemble(con: duckdb.DuckDBPyConnection, intake: Intake, company: Company, say: Callable[[str], None]) -> None:
    """Run every SQL model and learn step in order, each checked before the next one reads it."""
    models = {path.stem: read_model(path) for path in sorted(SQL.glob("*.sql"))}
    floor = company.roi_floor or CONTACTS_RATED * float(
        one(con, "select coalesce(min(unit_cost) filter (unit_cost > 0), 0.01) from feed_channels")[0]
    )
    attributes = ",\n    ".join(f"coalesce(f.{name}, '(unknown)') as {name}" for name in intake.attributes)
    for name in in_order(models, {name: learned.needs for name, learned in LEARNED.items()}):
        began = time.monotonic()
        if name in LEARNED:
            con.register("frame", LEARNED[name].make(con, floor))
            con.execute(f"create table {name} as select * from frame")
            con.unregister("frame")
        else:
            create(con, models[name], models[name].select.replace("{attributes}", attributes or "null as no_attribute"))
        say(f"  {name} {time.monotonic() - began:.1f} s")
    con.execute(f"create table roi_floor as select {floor}::decimal(18,4) as roi_floor")


def create(con: duckdb.DuckDBPyConnection, model: Model, select: str) -> None:
    """Create one model and hold it to its contract."""
    if model.keep == "view":
        con.execute(f"create view {model.name} as {select}")
    else:
        if model.enum:
            con.execute(f"create temp table unshaped as {select}")
            for column in model.enum:
                con.execute(
                    f"create type {model.name}_{column} as enum "
                    f"(select distinct {column}::varchar from unshaped order by 1)"
                )
            typed = ", ".join(f"{column}::{model.name}_{column} as {column}" for column in model.enum)
            select = f"select * replace ({typed}) from unshaped"
        order = f" order by {', '.join(model.cluster)}" if model.cluster else ""
        con.execute(f"create {'temp ' * (model.keep == 'temp')}table {model.name} as select * from ({select}){order}")
        con.execute("drop table if exists unshaped")
    for promise in model.checks:
        hold(con, model, promise)
    if model.grain and model.keep != "view":
        key = ", ".join(model.grain)
        rows, different = one(con, f"select count(*), count(distinct ({key})) from {model.name}")
        if rows != different:
            raise Broken(
                f"{model.name} promises one row for each {key}, but {rows - different:,} rows repeat one. "
                f"See them with: select {key}, count(*) from {model.name} group by all having count(*) > 1"
            )


def hold(con: duckdb.DuckDBPyConnection, model: Model, promise: str) -> None:
    """Hold a table to one promise of its contract."""
    broken = one(con, f"select count(*) from {model.name} where not ({promise})")[0]
    if broken:
        raise Broken(
            f"{model.name} promises `{promise}`, but {broken:,} rows break it. "
            f"See them with: from {model.name} where not ({promise})"
        )


def describe(con: duckdb.DuckDBPyConnection, intake: Intake, company: Company, stamp: datetime) -> dict:
    """The manifest: what readers need to know before they ask anything."""
    as_of, first, last = one(con, "select max(ordered_at), min(month), max(month) from feed_lines")
    contact = one(con, "select max(occurred_at) from feed_contacts")[0]
    as_of = max(as_of, contact) if contact else as_of
    complete = one(
        con,
        "select max(month) from company_month where lines > 0 and month + interval 1 month <= "
        f"timezone({quoted(company.zone)}, timezone('UTC', timestamp '{as_of}')) + interval 1 day",
    )[0]
    tables = [
        row[0]
        for row in con.execute("select table_name from duckdb_tables() where not temporary order by 1").fetchall()
    ]
    return {
        "stamp": f"{stamp:%Y%m%dT%H%M%SZ}",
        "built_at": stamp.isoformat(timespec="seconds"),
        "as_of": as_of.replace(tzinfo=UTC).isoformat(timespec="seconds"),
        "first_month": str(first),
        "last_month": str(last),
        "last_complete_month": str(complete.date() if hasattr(complete, "date") else complete or last),
        "company": company.name,
        "currency": intake.currency,
        "zone": company.zone,
        "notice": company.notice,
        "crm_link": company.crm_link,
        "roi_floor": float(one(con, "select roi_floor from roi_floor")[0]),
        "attributes": intake.attributes,
        "filters": members(con, intake.attributes),
        "known": present(intake),
        "rows": {
            what: intake.total(name)
            for what, name in (
                ("in", "rows_in"),
                ("loaded", "loaded"),
                ("quarantined", "quarantined"),
                ("rejected", "rejected"),
            )
        },
        "sources": [asdict(source) | {"totals": {}} for source in intake.sources],
        "unused": intake.unused,
        "tables": {name: one(con, f"select count(*) from {name}")[0] for name in tables},
        "version": VERSION,
    }


def members(con: duckdb.DuckDBPyConnection, attributes: list[str], most: int = 200) -> dict[str, list[str]]:
    """The values of every filter that has few enough to choose from."""
    found = {}
    for name in ("segment", "region", "country", "manager_id", "acquisition_channel", *attributes):
        values = [
            row[0]
            for row in con.execute(
                f"select distinct {name}::varchar from customer order by 1 limit {most + 1}"
            ).fetchall()
        ]
        if 1 < len(values) <= most:
            found[name] = values
    return found


def present(intake: Intake) -> list[str]:
    """Feeds, and feed.column, that hold anything."""
    found = set()
    for source in intake.sources:
        if source.feed in FEEDS and source.loaded:
            found |= {source.feed, *(f"{source.feed}.{column}" for column in source.columns)}
    return sorted(found)
