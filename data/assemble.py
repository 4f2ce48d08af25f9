"""The tables of a build: SQL models and learned tables in order, each held to its contract before the next reads it."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from pathlib import Path

import duckdb

from data.company import Company, Unusable
from data.files import one, quoted
from data.header import Model, in_order, read_model
from data.intake import Intake
from data.learn import LEARNED
from data.learners.known import Known, known
from data.manifest import present
from data.model_card import Card, write

SQL = Path(__file__).parent / "sql"
CONTACTS_RATED = 3  # a customer is rated from an investment of this many of the cheapest contacts on
BYTES_OF_GROUP = 300  # what one customer and month takes while it is added up
SHARE_OF_MEMORY = 0.5  # of the limit, for the groups of one part


class Broken(Unusable):
    """A promise of a table's contract does not hold; the message names it and how to see the rows."""


def assemble(
    con: duckdb.DuckDBPyConnection, intake: Intake, company: Company, say: Callable[[str], None]
) -> dict[str, float]:
    """Make every table that the feeds do not bring; how many seconds each learned one took."""
    models = {path.stem: read_model(path) for path in sorted(SQL.glob("*.sql"))}
    floor = company.roi_floor or CONTACTS_RATED * float(
        one(con, "select coalesce(min(unit_cost) filter (unit_cost > 0), 0.01) from feed_channels")[0]
    )
    attributes = "".join(f",\n    coalesce(f.{name}, '(unknown)') as {name}" for name in intake.attributes)
    settled = {
        "{attributes}": attributes,
        "{zone}": quoted(company.zone),
        "{most_contacts}": str(company.most_contacts or "null"),
        "{contact_days}": str(company.contact_days),
    }
    parts, cards, learning = parts_for(con), list[Card](), dict[str, float]()
    shared: Known | None = None  # by all learners; the first one comes after the table cut_off
    for name in in_order(models, {name: learned.needs for name, learned in LEARNED.items()}):
        began = time.monotonic()
        if name in LEARNED:
            shared = shared or known(con, floor, frozenset(present(intake)), say)
            learnt = LEARNED[name].make(con, shared)
            cards += learnt.cards
            con.register("frame", learnt.frame)
            con.execute(f"create table {name} as select * from frame")
            con.unregister("frame")
        else:
            select = models[name].select
            for word, meaning in settled.items():
                select = select.replace(word, meaning)
            create(con, models[name], select, parts)
        took = time.monotonic() - began
        if name in LEARNED:
            learning[name] = took
        say(f"  {name} {took:.1f} s")
    write(con, cards)
    con.execute(f"create table roi_floor as select {floor}::decimal(18,4) as roi_floor")
    return learning


def parts_for(con: duckdb.DuckDBPyConnection) -> int:
    """In how many parts the largest tables are made, so that the groups of one fit into memory."""
    number, unit = one(con, "select current_setting('memory_limit')")[0].split()  # '4.0 GiB'
    limit = float(number) * 1024 ** ("bytes", "KiB", "MiB", "GiB", "TiB").index(unit)
    events = one(con, "select (select count(*) from feed_lines) + (select count(*) from feed_contacts)")[0]
    return ceil(events * BYTES_OF_GROUP / (limit * SHARE_OF_MEMORY)) or 1


def create(con: duckdb.DuckDBPyConnection, model: Model, select: str, parts: int = 1) -> None:
    """Create one model and hold it to its contract."""
    if model.keep == "view":
        con.execute(f"create view {model.name} as {select}")
    elif model.split and parts > 1:
        kept = "temp table" if model.keep == "temp" else "table"
        con.execute(f"create {kept} {model.name} as select * from ({select.replace('{part}', 'false')})")
        for part in range(parts):
            con.execute(f"insert into {model.name} {select.replace('{part}', belongs(model, part, parts))}")
    else:
        select = stored(con, model, select.replace("{part}", "true"))
        con.execute(f"create {'temp ' * (model.keep == 'temp')}table {model.name} as {select}")
        con.execute("drop table if exists unshaped")
    for promise in model.checks:
        hold(con, model, promise)
    if model.grain and model.keep != "view":
        hold_grain(con, model, parts if model.split else 1)


def stored(con: duckdb.DuckDBPyConnection, model: Model, select: str) -> str:
    """The SELECT with the value lists and the order of rows that its header asks for."""
    if model.enum:
        con.execute(f"create temp table unshaped as {select}")
        for column in model.enum:
            members = f"select distinct {column}::varchar from unshaped order by 1"
            con.execute(f"create type {model.name}_{column} as enum ({members})")
        typed = ", ".join(f"{column}::{model.name}_{column} as {column}" for column in model.enum)
        select = f"select * replace ({typed}) from unshaped"
    return f"select * from ({select})" + (f" order by {', '.join(model.cluster)}" if model.cluster else "")


def belongs(model: Model, part: int, parts: int) -> str:
    """The condition of one part. The same key is always in the same part, so that no group is torn."""
    return f"hash({model.split}) % {parts} = {part}"


def hold(con: duckdb.DuckDBPyConnection, model: Model, promise: str) -> None:
    """Hold a table to one promise of its contract."""
    broken = one(con, f"select count(*) from {model.name} where not ({promise})")[0]
    if broken:
        raise Broken(
            f"{model.name} promises `{promise}`, but {broken:,} rows break it. "
            f"See them with: from {model.name} where not ({promise})"
        )


def hold_grain(con: duckdb.DuckDBPyConnection, model: Model, parts: int) -> None:
    """Hold a table to having one row for each key."""
    key = ", ".join(model.grain)
    for part in range(parts):
        where = f" where {belongs(model, part, parts)}" if parts > 1 else ""
        rows, different = one(con, f"select count(*), count(distinct ({key})) from {model.name}{where}")
        if rows != different:
            raise Broken(
                f"{model.name} promises one row for each {key}, but {rows - different:,} rows repeat one. "
                f"See them with: select {key}, count(*) from {model.name} group by all having count(*) > 1"
            )
