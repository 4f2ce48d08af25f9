"""Tie-outs: what the sources say, what was taken in, and what every rollup says, in money, to the last decimal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import duckdb

from data.columns import MONTH_OF
from data.contract import FEEDS
from data.files import one
from data.intake import Intake
from data.manifest import VERSION

# measure of the ledger -> the rollups that must hold the same total
ROLLUPS = {
    "revenue": ("company_month", "segment_month", "relationship_month", "partner_month", "partner"),
    "goods_cost": ("company_month", "segment_month", "relationship_month", "partner_month", "partner"),
    "returns": ("company_month", "segment_month", "relationship_month", "partner_month", "partner"),
    "lines": ("company_month", "segment_month", "relationship_month", "partner_month", "partner"),
    "margin": ("company_month", "segment_month", "relationship_month"),
    "cost": ("company_month", "segment_month", "relationship_month", "channel_month"),
    "service_cost": ("company_month", "segment_month", "relationship_month", "channel_month"),
    "contacts": ("company_month", "segment_month", "relationship_month", "channel_month"),
    "responses": ("company_month", "segment_month", "relationship_month", "channel_month"),
    "acquisition_cost": ("company_month", "segment_month", "relationship_month"),
}
OF_CUSTOMERS = (
    "revenue",
    "margin",
    "cost",
    "returns",
    "acquisition_cost",
)  # the customer table lacks what has no customer


class Differs(Exception):
    """Two places of the draft disagree about money; nothing is published."""


TABLES = """
create table tie_out (
    feed varchar, measure varchar, source_value decimal(38,4), quarantined_value decimal(38,4),
    ledger_value decimal(38,4), difference decimal(38,4), holds boolean
);
create table quarantine (feed varchar, file varchar, reason varchar, rows bigint);
create table source_file (
    feed varchar, file varchar, rows_in bigint, rows_loaded bigint, rows_quarantined bigint, rows_rejected bigint,
    reason varchar, left_out varchar, sha256 varchar
);
create table feed_state (
    feed varchar, rows_in bigint, rows_loaded bigint, rows_quarantined bigint, rows_rejected bigint,
    first_at timestamp, last_at timestamp, missing_columns varchar, present boolean
);
create table build_info (
    built_at timestamp, sources varchar, rows_in bigint, rows_loaded bigint, rows_quarantined bigint,
    rows_rejected bigint, version varchar
);
"""
COUNTS = ("rows_in", "loaded", "quarantined", "rejected")
MOMENT = MONTH_OF | {"campaigns": "starts_at"}  # what a feed's first and last event are told by


def write(con: duckdb.DuckDBPyConnection, intake: Intake) -> None:
    """Write tie_out, quarantine, feed_state, source_file and build_info; raise Differs when anything differs."""
    con.execute(TABLES)
    for feed, measure, source, held, ledger in (*sources(con, intake), *rollups(con)):
        difference = source - held - ledger
        add(con, "tie_out", feed, measure, source, held, ledger, difference, difference == 0)
    broken = con.execute("select feed, measure, difference from tie_out where not holds order by 1, 2").fetchall()
    if broken:
        feed, measure, difference = broken[0]
        raise Differs(
            f"{len(broken)} tie-outs fail, so nothing was published. First: {feed}, {measure}, differs by {difference}."
        )
    notes(con, intake)


def add(con: duckdb.DuckDBPyConnection, table: str, *values) -> None:
    """Insert one row."""
    con.execute(f"insert into {table} values ({', '.join('?' * len(values))})", list(values))


Row = tuple[str, str, Decimal, Decimal, Decimal]  # feed, measure, in the source, quarantined, in the ledger


def sources(con: duckdb.DuckDBPyConnection, intake: Intake) -> Iterator[Row]:
    """Rows and control sums as the sources give them, against the feed tables."""
    for feed in FEEDS:
        taken = [source for source in intake.sources if source.feed == feed and not source.reason]
        if not taken:
            continue
        rows, held = (Decimal(sum(getattr(source, what) for source in taken)) for what in ("rows_in", "quarantined"))
        yield feed, "rows", rows, held, Decimal(one(con, f"select count(*) from feed_{feed}")[0])
        for name in sorted({name for source in taken for name in source.totals}):
            totals = [source.totals[name] for source in taken if name in source.totals]
            whole, held = (sum((total[i] for total in totals), Decimal(0)) for i in (0, 1))
            yield feed, f"{name}, source against feed", whole, held, added(con, [name], f"feed_{feed}")[0]


def added(con: duckdb.DuckDBPyConnection, names: Iterable[str], table: str) -> tuple[Decimal, ...]:
    """Exact sums of columns of one table."""
    return one(con, f"select {', '.join(f'coalesce(sum({name}), 0)::decimal(38,4)' for name in names)} from {table}")


def rollups(con: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    """Every additive measure of the ledger against every table that adds it up."""
    nothing = Decimal(0)
    totals = dict(zip(ROLLUPS, added(con, ROLLUPS, "ledger")))
    for table in sorted({table for tables in ROLLUPS.values() for table in tables}):
        held = [name for name, tables in ROLLUPS.items() if table in tables]
        for name, value in zip(held, added(con, held, table)):
            yield "ledger", f"{name}, ledger against {table}", totals[name], nothing, value
    monthly, guests, single = (
        added(con, OF_CUSTOMERS, table) for table in ("customer_month", "guest_month", "customer")
    )
    for name, month, guest, customer in zip(OF_CUSTOMERS, monthly, guests, single):
        measure = f"{name}, ledger against customer and lines without customer"
        yield "ledger", measure, totals[name], nothing, customer + guest
        yield "customer_month", f"{name}, customer_month against customer", month, nothing, customer
    (fixed,), (shared,) = (added(con, ["fixed_cost"], table) for table in ("feed_campaigns", "ledger"))
    yield "campaigns", "fixed_cost, campaigns against their customers' shares", fixed, nothing, shared


def notes(con: duckdb.DuckDBPyConnection, intake: Intake) -> None:
    """What came in, what was left out and why, for the trust page and for auditors."""
    for entry in intake.quarantine:
        add(con, "quarantine", *entry)
    for source in intake.sources:
        rows = [getattr(source, what) for what in COUNTS]
        add(
            con,
            "source_file",
            source.feed,
            source.file,
            *rows,
            source.reason,
            ", ".join(source.left_out),
            source.sha256,
        )
    for feed in FEEDS.values():
        own = [source for source in intake.sources if source.feed == feed.name]
        sums = [sum(getattr(source, what) for source in own) for what in COUNTS]
        moment = MOMENT.get(feed.name)
        span = one(con, f"select min({moment}), max({moment}) from feed_{feed.name}") if moment else (None, None)
        given = {column for source in own for column in source.columns}
        lacking = ", ".join(name for name in feed.names if name not in given) if own else ""
        add(con, "feed_state", feed.name, *sums, *span, lacking, bool(sums[1]))
    listed = json.dumps([source.file for source in intake.sources if source.feed in FEEDS], ensure_ascii=False)
    now = datetime.now(UTC).replace(tzinfo=None)
    add(con, "build_info", now, listed, *(intake.total(what) for what in COUNTS), VERSION)
