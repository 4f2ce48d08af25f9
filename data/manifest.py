"""The manifest of a build: what readers need to know before they ask anything."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import duckdb

from data.catalog import DIMENSIONS
from data.company import Company
from data.contract import FEEDS
from data.files import one
from data.intake import Intake
from data.view import SMALLEST_GROUP as SMALLEST_GROUP

VERSION = "0.5.0"
FOREMOST = ("segment", "region", "risk_band")  # what readers of groups most need to split by


def describe(con: duckdb.DuckDBPyConnection, intake: Intake, company: Company, stamp: datetime) -> dict:
    """The manifest: what readers need to know before they ask anything."""
    as_of, first, last = one(con, "select max(ordered_at), min(month), max(month) from feed_lines")
    contact = one(con, "select max(occurred_at) from feed_contacts")[0]
    as_of = max(as_of, contact) if contact else as_of
    complete = one(con, "select until from complete_year")[0]
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
        "last_complete_month": str(complete),
        "company": company.name,
        "currency": intake.currency,
        "zone": company.zone,
        "notice": company.notice,
        "crm_link": company.crm_link,
        "roi_floor": float(one(con, "select roi_floor from roi_floor")[0]),
        "global_holdout": company.global_holdout,
        "campaign_budget": company.campaign_budget,
        "most_contacts": company.most_contacts,
        "contact_days": company.contact_days,
        "attributes": intake.attributes,
        "filters": (filters := members(con, intake.attributes)),
        "groupable": groupable(con, sorted(filters, key=lambda name: name not in FOREMOST)),
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
    for name in (*(name for name, known in DIMENSIONS.items() if known.is_filter), *attributes):
        values = [
            row[0]
            for row in con.execute(
                f"select distinct {name}::varchar from customer order by 1 limit {most + 1}"
            ).fetchall()
        ]
        if 1 < len(values) <= most:
            found[name] = values
    return found


def groupable(con: duckdb.DuckDBPyConnection, names: list[str], least: int = SMALLEST_GROUP) -> list[str]:
    """Attributes whose members, crossed with each other, nowhere leave a group of fewer than `least` customers.

    Whoever may filter by these alone can form sums over whole groups only, and so can their differences: no two views
    ever differ by a handful of customers. Taken in the order of the names, each as long as that stays true.
    """
    chosen: list[str] = []
    for name in names:
        crossed = ", ".join([*chosen, name])
        few = one(con, f"select count(*) from (select 1 from customer group by {crossed} having count(*) < {least})")[0]
        chosen += [name] if not few else []
    return chosen


def present(intake: Intake) -> list[str]:
    """Feeds, and feed.column, that hold anything."""
    found = set()
    for source in intake.sources:
        if source.feed in FEEDS and source.loaded:
            found |= {source.feed, *(f"{source.feed}.{column}" for column in source.columns)}
    return sorted(found)
