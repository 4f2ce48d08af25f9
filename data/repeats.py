"""Rows that only their whole feed shows to be wrong.

Of rows that repeat a key, equal content counts once, different content not at all. A contact whose cost nobody knows
would make its customer look cheap, and a partner that merged into itself has no name for its sales.
"""

from __future__ import annotations

from decimal import Decimal

import duckdb

from data import mergers
from data.contract import Feed
from data.files import identifier, one
from data.verdicts import WHOLE

IMPOSSIBLE = {  # conditions and reasons
    "partners": [
        (
            mergers.LEADS_BACK,
            "merged_into leads back to the partner itself, so it is not known under which key it goes on",
        )
    ],
    "contacts": [
        (
            "channel = '(any)'",
            "the channel '(any)' is Rapport's word for all channels together; call yours differently",
        ),
        (
            "cost is null and arm = 'treated' and channel not in (select channel from feed_channels)",
            "channel is not in channels.csv and no cost is given, so what it cost is not known",
        ),
    ],
}
OPTIONAL_KEY = ("lines", "contacts")  # rows without the last part of the key are events of their own


def find(con: duckdb.DuckDBPyConnection, feed: Feed, given: set[str]) -> list[tuple[str, str]]:
    """Condition and reason for each way in which rows of a feed repeat a key; given: the columns its sources have."""
    optional = feed.name in OPTIONAL_KEY
    if not feed.key or (optional and not set(feed.key) <= given):
        return []
    table, key = f"feed_{feed.name}", ", ".join(feed.key)
    known = f" where {feed.key[-1]} is not null" if optional else ""
    con.execute(
        f"create or replace temp table repeated as select {key} from {table}{known} group by all having count(*) > 1"
    )
    if not one(con, "select count(*) from repeated")[0]:
        return []
    everything = ", ".join(f"f.{identifier(name)}" for name, *_ in con.execute(f"describe {table}").fetchall())
    same_key = " and ".join(f"f.{name} is not distinct from r.{name}" for name in feed.key)
    con.execute(
        "create or replace temp table repeats as with keyed as ("
        f"select f.rowid as row, hash({everything}) as content, f.* from {table} f join repeated r on {same_key}) "
        "select row, min(content) over same = max(content) over same as equal, row_number() over in_order as nth "
        f"from keyed window same as (partition by {key}), in_order as (partition by {key} order by row)"
    )
    return [
        ("rowid in (select row from repeats where equal and nth > 1)", f"repeats {key} with the same content"),
        (
            "rowid in (select row from repeats where not equal)",
            f"repeats {key} with different content; none of them is taken",
        ),
    ]


def take_back(sources: list, rows: int, sums: dict[str, Decimal]) -> None:
    """Move repeated rows from loaded to quarantined; which source they came from is not known, the latest is taken."""
    for name, value in sums.items():
        if having := [source for source in sources if name in source.totals]:
            having[-1].totals[name][1] += value
    for source in reversed(sources):
        taken = min(rows, source.loaded)
        source.loaded, source.quarantined, rows = source.loaded - taken, source.quarantined + taken, rows - taken


def give_up(con: duckdb.DuckDBPyConnection, feed: Feed, sources: list, where: str, reason: str) -> None:
    """Refuse the sources of a feed that is taken whole, because of these rows of it."""
    (rows,) = one(con, f"select count(*) from feed_{feed.name} where {where}")
    if rows:
        con.execute(f"delete from feed_{feed.name}")
        for source in sources:
            source.reason = f"{rows:,} of its rows: {reason}. {WHOLE}"
            source.loaded, source.rejected = 0, source.loaded
