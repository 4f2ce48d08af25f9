"""Rapport's own campaigns as feeds: who was in which arm, what it cost, who answered; and their grades out of a build.

The frozen files and the answers are in the journal's care; a build takes them in like any other source, checked and
counted. Where the company's own files tell of the same campaign, these rows count.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from data import campaign_files
from data.files import quoted
from data.journal import campaigns, responses
from data.journal.campaign_rows import GRADED, MEASURING, Campaign, S
from data.journal.problems import Invalid
from data.journal.schema import CAMPAIGN_BATCH, CAMPAIGN_DELIVERY
from data.journal.store import Journal
from data.rights import SYSTEM
from data.view import SMALLEST_GROUP

if TYPE_CHECKING:
    from data.warehouse import Build

SQL = Path(__file__).parent / "sql" / "own"
CONTACTS, CAMPAIGNS = "contacts-rapport.parquet", "campaigns-rapport.parquet"
NOT_YET = "not yet"
PROMISES = pa.schema([
    ("campaign_id", pa.string()), ("name", pa.string()), ("channel", pa.string()),
    ("launched", pa.timestamp("us", "UTC")), ("ends", pa.timestamp("us", "UTC")), ("fixed_cost", pa.decimal128(18, 4)),
    ("outcome", pa.string()), ("treated_share", pa.float64()), ("expected", pa.decimal128(18, 4)),
    ("expected_low", pa.decimal128(18, 4)), ("expected_high", pa.decimal128(18, 4)), ("owner", pa.string()),
    ("basis", pa.string()),
])  # fmt: skip
ASSIGNED = pa.schema([("campaign_id", pa.string()), ("path", pa.string())])
DELIVERED = pa.schema([("path", pa.string()), ("first_row", pa.int64()), ("end_row", pa.int64())])


def write(journal: Journal, folder: Path, say: Callable[[str], None]) -> int:
    """Write the launched campaigns as the feeds contacts and campaigns into a folder; how many there are."""
    launched = dict(tuple(row) for row in journal.rows(sa.select(S.campaign_id, S.at).where(S.name == "launch")))
    own = [one for one in campaigns.listing(journal, SYSTEM) if one.state in (MEASURING, GRADED)]
    if not own:
        return 0
    say(f"taking in {len(own)} campaigns of the journal")
    assigned, delivered = frozen_files(journal, own)
    with duckdb.connect(":memory:") as con:
        con.execute("set preserve_insertion_order = false")
        con.register("promise", promises(own, launched))
        con.register("answer", responses.for_build(journal))
        con.register("assigned_file", assigned)
        con.register("delivered_file", delivered)
        con.execute("set variable assigned_files = (select list(path) from assigned_file)")
        con.execute("set variable delivered_files = (select list(distinct path) from delivered_file)")
        for name, file in (("contacts", CONTACTS), ("campaigns", CAMPAIGNS)):
            text = (SQL / f"{name}.sql").read_text(encoding="utf-8")
            con.execute(f"copy ({text}) to {quoted(str(folder / file))} (format parquet)")
    return len(own)


def promises(own: list[Campaign], launched: dict[str, str]) -> pa.Table:
    """What was promised, one row a campaign, and the window that began with the launch."""
    rows = []
    for one in own:
        promise, since = one.promise, datetime.fromisoformat(launched[one.campaign_id])
        rows.append({
            "campaign_id": one.campaign_id, "name": promise.name, "channel": promise.channel, "launched": since,
            "ends": since + timedelta(days=promise.window_days), "fixed_cost": promise.fixed_cost,
            "outcome": promise.outcome, "treated_share": 1 - promise.holdout, "expected": promise.expected,
            "expected_low": promise.expected_low, "expected_high": promise.expected_high, "owner": one.author,
            "basis": promise.basis,
        })  # fmt: skip
    return pa.Table.from_pylist(rows, PROMISES)


def frozen_files(journal: Journal, own: list[Campaign]) -> tuple[pa.Table, pa.Table]:
    """The files of the arms, and the rows of the delivered ones that left; the files are what the journal says."""
    assigned, delivered = [], []
    D, B = CAMPAIGN_DELIVERY.c, CAMPAIGN_BATCH.c
    left = (  # nobody was reached by a batch that was not sent, whatever became of its delivery
        sa.select(D.file, D.sha256, B.first_row, B.rows)
        .join(CAMPAIGN_BATCH, B.delivery_id == D.delivery_id)
        .where(B.sent_at.is_not(None))
        .order_by(D.delivery_id, B.batch)
    )
    for one in own:
        froze = campaigns.frozen(journal, one.campaign_id)
        path = campaign_files.at(journal, one.campaign_id, froze["file"], froze["sha256"])
        assigned.append({"campaign_id": one.campaign_id, "path": str(path)})
        files = dict[str, str]()
        for row in journal.rows(left.where(D.campaign_id == one.campaign_id)):
            if row.file not in files:
                files[row.file] = str(campaign_files.at(journal, one.campaign_id, row.file, row.sha256))
            span = {"path": files[row.file], "first_row": row.first_row, "end_row": row.first_row + row.rows}
            delivered.append(span)
    return pa.Table.from_pylist(assigned, ASSIGNED), pa.Table.from_pylist(delivered, DELIVERED)


def grade(journal: Journal, build: Build, say: Callable[[str], None]) -> int:
    """Close the campaigns whose window a build covers, with what it measured; how many.

    Of two builds that end at once, one grades.
    """
    waiting = {one.campaign_id for one in campaigns.listing(journal, SYSTEM) if one.state == MEASURING}
    if not waiting:
        return 0
    text = (SQL / "graded.sql").read_text(encoding="utf-8")
    number = 0
    for row in build.engine.ask(text, [SMALLEST_GROUP, sorted(waiting), NOT_YET]).to_dict("records"):
        figures = {name: plain(value) for name, value in row.items() if name != "campaign_id"}
        try:
            campaigns.grade(journal, row["campaign_id"], figures | {"build": build.id})
        except Invalid as problem:
            say(f"campaign {row['campaign_id']}: {problem}")
            continue
        number += 1
        say(f"campaign {row['campaign_id']}: {row['verdict']}")
    return number


def plain(value: Any) -> Any:
    """A figure as JSON keeps it; nothing for what is not known."""
    if value is None or value != value:
        return None
    if isinstance(value, bool | int | str):
        return value
    return float(value) if isinstance(value, float) else str(value)
