"""Partners that merged or changed their key: the lines of the former key count under the one it goes on as."""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.files import one
from data.header import read_model

MERGED = Path(__file__).parent / "sql" / "partner_merged.sql"
# A condition on feed_partners: following merged_into leads back to where it began.
LEADS_BACK = """partner_id in (
    with recursive step as (select partner_id as start, merged_into from feed_partners where merged_into is not null),
    followed as (
        select start, merged_into from step
        union
        select f.start, s.merged_into from followed f join step s on s.start = f.merged_into
    )
    select start from followed where start = merged_into
)"""


def follow(con: duckdb.DuckDBPyConnection) -> None:
    """One business, one partner: what it sold under a former key is no other partner's."""
    merged = read_model(MERGED).select
    if one(con, f"select count(*) from ({merged})")[0]:
        con.execute(
            f"update feed_lines set partner_id = m.goes_on_as from ({merged}) m "
            "where feed_lines.partner_id = m.partner_id"
        )
