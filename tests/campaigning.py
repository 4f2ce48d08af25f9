"""Campaigns for tests: a promise, people who write and approve, and a campaign brought to any state."""

from __future__ import annotations

import secrets
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data import campaign_files
from data.campaign import Promise
from data.journal import campaigns, deliveries
from data.journal.store import Journal
from data.rights import Actor
from tests.colleagues import come


def promise(**changes: Any) -> Promise:
    """A promise that can be kept, with these changes."""
    given: dict[str, Any] = {
        "name": "Spring offer",
        "hypothesis": "Customers of the north buy again sooner when they are reminded.",
        "source": "view",
        "members": (("region", ("North",)),),
        "channel": "email",
        "offer": "10 % on the next order",
        "contact_cost": Decimal("0.05"),
        "budget": Decimal(1000),
        "expected": Decimal("0.40"),
        "expected_low": Decimal("0.10"),
        "expected_high": Decimal("0.70"),
    }
    return Promise(**(given | changes))


def people_of(journal: Journal) -> tuple[Actor, Actor]:
    """A manager who writes campaigns, and an approver."""
    return come(journal, "max", "manager M01"), come(journal, "ada", "approver")


def submitted(journal: Journal, author: Actor, **changes: Any) -> campaigns.Campaign:
    """A campaign that waits for a decision."""
    new = campaigns.draft(journal, author, promise(**changes))
    campaigns.submit(journal, author, new, campaigns.get(journal, author, new).sha256)
    return campaigns.get(journal, author, new)


def approved(journal: Journal, author: Actor, approver: Actor, **changes: Any) -> campaigns.Campaign:
    """A campaign that may be exported."""
    waiting = submitted(journal, author, **changes)
    campaigns.approve(journal, approver, waiting.campaign_id, waiting.sha256)
    return campaigns.get(journal, author, waiting.campaign_id)


def exported(
    journal: Journal, author: Actor, approver: Actor, arms: dict[str, str], **changes: Any
) -> campaigns.Campaign:
    """A campaign whose arms are frozen. arms: customer -> treated, control or exploration."""
    found = approved(journal, author, approver, **changes)
    keys = sorted(arms)
    table = pa.table(
        {
            "customer_id": keys,
            "arm": [arms[key] for key in keys],
            "channel": ["" if arms[key] == "control" else found.promise.channel for key in keys],
            "p_assign": [
                found.promise.holdout if arms[key] == "control" else 1 - found.promise.holdout for key in keys
            ],
            "cost": pa.array(
                [Decimal(0) if arms[key] == "control" else found.promise.each for key in keys], pa.decimal128(18, 4)
            ),
        }
    )
    folder = campaign_files.folder_of(journal, found.campaign_id)
    file, sha256 = campaign_files.put(folder, "assigned", lambda draft: pq.write_table(table, draft))
    counts = {arm: sum(one == arm for one in arms.values()) for arm in ("treated", "control", "exploration")}
    campaigns.export(
        journal, author, found.campaign_id, found.sha256, {"file": file, "sha256": sha256, "excluded": []} | counts
    )
    return campaigns.get(journal, author, found.campaign_id)


def delivered(journal: Journal, author: Actor, found: campaigns.Campaign, rows: int = 0, batch_rows: int = 0) -> str:
    """An open delivery of everybody who is to be reached to the target crm; its key. rows: to say another number."""
    folder = campaign_files.folder_of(journal, found.campaign_id)
    froze = campaigns.frozen(journal, found.campaign_id)
    table = pq.read_table(folder / froze["file"]) if froze else pa.table({"customer_id": ["C"], "arm": ["treated"]})
    table = table.filter(pc.field("arm") != "control")
    table = table.append_column("row", pa.array(range(len(table)), pa.int64()))
    table = table.append_column("recipient", table["customer_id"])
    new = secrets.token_hex(16)
    file, sha256 = campaign_files.put(folder, f"delivery-{new}", lambda draft: pq.write_table(table, draft))
    rows = rows or len(table)
    return deliveries.open_delivery(
        journal, author, found.campaign_id, "crm", "jsonl", False, 30, rows, 0, file, sha256, batch_rows, new
    )


def launched(
    journal: Journal, author: Actor, approver: Actor, arms: dict[str, str], **changes: Any
) -> campaigns.Campaign:
    """A campaign that is being measured: everything was delivered."""
    found = exported(journal, author, approver, arms, **changes)
    delivery = delivered(journal, author, found)
    deliveries.sent(journal, delivery, 0)
    return campaigns.get(journal, author, found.campaign_id)
