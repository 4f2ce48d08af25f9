"""Tie-outs: what the sources say, what was taken in, and what every rollup says, in money, to the last decimal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import duckdb

from data.contract import FEEDS
from data.intake import Intake

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
OF_CUSTOMERS = ("revenue", "margin", "cost", "returns", "acquisition_cost")  # the customer table lacks what has no customer


class Differs(Exception):
    """Two places of the draft disagree about money; nothing is published."""


def write(con: duckdb.DuckDBPyConnection, intake: Intake) -> None:
    """Write tie_out, quarantine, feed_state, source_file and build_info; raise Differs when anything does not tie out."""
    con.execute("create table tie_out (feed varchar, measure varchar, source_value decimal(38,4), quarantined_value decimal(38,4), "
                "ledger_value decimal(38,4), difference decimal(38,4), holds boolean)")
    rows = [*sources(con, intake), *rollups(con)]
    con.executemany("insert into tie_out values (?, ?, ?, ?, ?, ?, ?)", [(*row, row[2] - row[3] - row[4], row[2] - row[3] == row[4]) for row in rows])
    broken = con.execute("select feed, measure, difference from tie_out where not holds order by 1, 2").fetchall()
    if broken:
        feed, measure, difference = broken[0]
        raise Differs(f"{len(broken)} tie-outs fail, so nothing was published. First: {feed}, {measure}, differs by {difference}.")
    notes(con, intake)


def sources(con: duckdb.DuckDBPyConnection, intake: Intake):
    """Rows and control sums as the sources give them, against the feed tables."""
    for feed in FEEDS:
        taken = [source for source in intake.sources if source.feed == feed and not source.reason]
        if not taken:
            continue
        loaded = con.execute(f"select count(*) from feed_{feed}").fetchone()[0]
        yield feed, "rows", *(Decimal(sum(getattr(s, what) for s in taken)) for what in ("rows_in", "quarantined")), Decimal(loaded)
        for name in sorted({name for source in taken for name in source.totals}):
            source_value, held = (sum((s.totals[name][i] for s in taken if name in s.totals), Decimal(0)) for i in (0, 1))
            ledger = con.execute(f"select coalesce(sum({name}), 0) from feed_{feed}").fetchone()[0]
            yield feed, f"{name}, source against feed", Decimal(source_value), Decimal(held), ledger


def rollups(con: duckdb.DuckDBPyConnection):
    """Every additive measure of the ledger against every table that adds it up."""
    names = ", ".join(f"coalesce(sum({name}), 0)::decimal(38,4)" for name in ROLLUPS)
    totals = dict(zip(ROLLUPS, con.execute(f"select {names} from ledger").fetchone(), strict=True))
    for table in sorted({table for tables in ROLLUPS.values() for table in tables}):
        held = [name for name, tables in ROLLUPS.items() if table in tables]
        # what partners sold is before service cost, so their margin is not compared with the ledger's
        values = con.execute(f"select {', '.join(f'coalesce(sum({name}), 0)::decimal(38,4)' for name in held)} from {table}").fetchone()
        for name, value in zip(held, values, strict=True):
            yield "ledger", f"{name}, ledger against {table}", totals[name], Decimal(0), value
    sums = ", ".join(f"coalesce(sum({name}), 0)::decimal(38,4)" for name in OF_CUSTOMERS)
    whole = con.execute(f"select {sums} from customer_month").fetchone()
    guest = con.execute(f"select {sums} from guest_month").fetchone()
    single = con.execute(f"select {sums} from customer").fetchone()
    for i, name in enumerate(OF_CUSTOMERS):
        yield "ledger", f"{name}, ledger against customer and lines without customer", totals[name], Decimal(0), single[i] + guest[i]
        yield "customer_month", f"{name}, customer_month against customer", whole[i], Decimal(0), single[i]
    fixed = con.execute("select coalesce(sum(fixed_cost), 0)::decimal(38,4) from feed_campaigns").fetchone()[0]
    shared = con.execute("select coalesce(sum(fixed_cost), 0)::decimal(38,4) from ledger").fetchone()[0]
    yield "campaigns", "fixed_cost, campaigns against their customers' shares", fixed, Decimal(0), shared


def notes(con: duckdb.DuckDBPyConnection, intake: Intake) -> None:
    """What came in, what was left out and why, for the trust page and for auditors."""
    con.execute("create table quarantine (feed varchar, file varchar, reason varchar, rows bigint)")
    con.execute("create table source_file (feed varchar, file varchar, rows_in bigint, rows_loaded bigint, rows_quarantined bigint, "
                "rows_rejected bigint, reason varchar, left_out varchar, sha256 varchar)")
    con.execute("create table feed_state (feed varchar, rows_in bigint, rows_loaded bigint, rows_quarantined bigint, rows_rejected bigint, "
                "first_at timestamp, last_at timestamp, missing_columns varchar, present boolean)")
    con.execute("create table build_info (built_at timestamp, sources varchar, rows_in bigint, rows_loaded bigint, rows_quarantined bigint, "
                "rows_rejected bigint, version varchar)")
    for entry in intake.quarantine:
        con.execute("insert into quarantine values (?, ?, ?, ?)", list(entry))
    for s in intake.sources:
        con.execute("insert into source_file values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [s.feed, s.file, s.rows_in, s.loaded, s.quarantined, s.rejected, s.reason, ", ".join(s.left_out), s.sha256])
    for feed in FEEDS.values():
        own = [source for source in intake.sources if source.feed == feed.name]
        sums = [sum(getattr(s, what) for s in own) for what in ("rows_in", "loaded", "quarantined", "rejected")]
        moment = {"lines": "ordered_at", "contacts": "occurred_at", "customers": "joined_at", "campaigns": "starts_at"}.get(feed.name)
        span = con.execute(f"select min({moment}), max({moment}) from feed_{feed.name}").fetchone() if moment else (None, None)
        given = {column for source in own for column in source.columns}
        lacking = ", ".join(name for name in feed.names if name not in given) if own else ""
        con.execute("insert into feed_state values (?, ?, ?, ?, ?, ?, ?, ?, ?)", [feed.name, *sums, *span, lacking, bool(sums[1])])
    listed = json.dumps([s.file for s in intake.sources if s.feed in FEEDS], ensure_ascii=False)
    from data.build import VERSION  # the version is the build's own

    con.execute("insert into build_info values (?, ?, ?, ?, ?, ?, ?)", [
        datetime.now(UTC).replace(tzinfo=None), listed, *(intake.total(what) for what in ("rows_in", "loaded", "quarantined", "rejected")), VERSION])
