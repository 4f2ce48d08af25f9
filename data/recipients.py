"""The list of one delivery: who is to be reached, by key or by a pseudonym of this delivery alone, and nothing else.

Consent is looked up again when the list is made and when it is taken. Who receives it learns no arm: explored customers
are recipients like any other, and whoever is held out is in no list.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data import campaign_files
from data.audience import ROWS_AT_ONCE, Tell, assigned, own, write
from data.audience_sources import CUSTOMER, MOST_CUSTOMERS, bound, text_of
from data.conditions import conditions
from data.export import Wanted
from data.export_files import KINDS, Column
from data.export_journal import Kept
from data.journal import campaigns, deliveries
from data.journal.campaign_rows import NoCampaign, visible
from data.journal.deliveries import COMPLETE, DOWNLOAD, Delivery
from data.journal.problems import Invalid
from data.rights import SEND_CAMPAIGN, SYSTEM, Actor, Forbidden
from data.scratch import add, memory
from data.view import EVERYTHING, Scope, View

if TYPE_CHECKING:
    from data.journal.store import Journal
    from data.warehouse import Build

CONTROL = "control"  # the arm that no list holds
PSEUDONYM = 32  # hexadecimal digits, 128 bits
LISTED = pa.schema([
    ("row", pa.int64()), ("recipient", pa.string()), ("customer_id", pa.string()), ("channel", pa.string()),
    ("arm", pa.string()),
])  # fmt: skip
COLUMNS = (
    Column("recipient", "Recipient"),
    Column("channel", "Channel"),
    Column("campaign", "Campaign"),
    Column("offer", "Offer"),
    Column("purpose", "Purpose"),
    Column("expires", "Expires (UTC)"),
)
WORD = pa.dictionary(pa.int8(), pa.string())
SENT = pa.schema([
    ("recipient", pa.string()), ("channel", WORD), ("campaign", WORD), ("offer", WORD), ("purpose", WORD),
    ("expires", pa.dictionary(pa.int8(), pa.timestamp("us", "UTC"))),
])  # fmt: skip


@dataclass(frozen=True)
class Recipients(Kept):
    """The list of one delivery as its receiver gets it. Its rows were approved by two people, so no quota counts them.

    It may be fetched again until it expires: a transfer may break off. Every time is on record.
    """

    delivery_id: str = ""

    permissions = (SEND_CAMPAIGN,)
    columns = COLUMNS
    recorded_as = "campaign.download"
    ceiling = MOST_CUSTOMERS

    def __str__(self) -> str:
        return f"recipients of delivery {self.delivery_id}"

    @property
    def delivery(self) -> Delivery:
        """The delivery as it stands in the journal."""
        return deliveries.get(self.journal, self.delivery_id)

    def ready(self, actor: Actor, build: Build) -> None:
        """Raise Forbidden unless this is one's own delivery, still good, and everybody on it still agrees."""
        found = self.delivery
        campaign = campaigns.get(self.journal, SYSTEM, found.campaign_id)  # who asks for a file has one row of refusal
        if not visible(actor, campaign.author):
            raise NoCampaign
        campaigns.own(actor, campaign)
        if found.target != DOWNLOAD or found.ended_why not in (None, COMPLETE):
            raise Forbidden("This list was cancelled, or is for another place. Make a new delivery.")
        if self.journal.now() > found.expires_at:
            raise Forbidden(f"This list expired on {found.expires_at[:10]}: it must not be used any more.")
        if number := withdrawn(self.journal, build, found, build.scope_of(actor.held)):
            raise Forbidden(
                f"{number:,} of its recipients may not be reached any more since this list was made. Cancel the "
                "delivery and make a new one; they are left out then."
            )

    def count(self) -> int:
        return self.delivery.rows

    def rows(self) -> Iterator[dict[str, Any]]:
        for part in outgoing(self.journal, self.delivery):
            yield from part.to_pylist()

    def reader(self, most: int) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(SENT, outgoing(self.journal, self.delivery, rows=most))

    def taken(self) -> None:
        """The delivery is complete once its download is on record; the campaign's window begins with the first one."""
        if self.delivery.open:
            deliveries.sent(self.journal, self.delivery_id, 0)


def wanted(journal: Journal, delivery_id: str) -> Wanted:
    """A delivery as what a session prepares and fetches, in the format it was opened with."""
    question = Recipients(journal, delivery_id)
    return Wanted(question, f"campaign_{question.delivery.campaign_id[:8]}", question.delivery.kind)


def make(
    journal: Journal,
    actor: Actor,
    build: Build,
    campaign_id: str,
    target: str = DOWNLOAD,
    kind: str = "csv",
    pseudonyms: bool = False,
    days: int = 30,
    batch_rows: int = 0,
    tell: Tell = lambda what, rows: None,
) -> str:
    """Make the list of an exported campaign of one's own and open its delivery; the delivery's key.

    Whoever withdrew consent since the export, is no longer in the build, or no longer in one's own book, is dropped and
    counted. tell: see data.audience.freeze. Raises Forbidden or Invalid.
    """
    found = own(journal, actor, campaign_id, "campaign.deliver")
    if found.state not in campaigns.RUNNING:
        raise Invalid(f"This campaign is {found.state}; only an exported one is sent.")
    if kind not in KINDS:
        raise Invalid(f"A list has one of the formats {', '.join(KINDS)}, not {kind!r}.")
    new = secrets.token_hex(16)
    with memory() as con:
        con.execute("create table listed (customer_id varchar, channel varchar, arm varchar)")
        for part in assigned(journal, campaign_id, ["customer_id", "channel", "arm"]):
            add(con, "listed", part.filter(pc.not_equal(part["arm"], CONTROL)))
        allow(con, build, found.promise.channel, found.promise.purpose, build.scope_of(actor.held))
        everybody = con.sql("select count(*) as rows from listed").fetchall()[0][0]
        kept = con.sql(text_of("agreeing.sql")).to_arrow_table().combine_chunks()
    tell("Consent", everybody)
    if not kept.num_rows:
        raise Invalid(f"None of {everybody:,} recipients may be reached any more, so there is nothing to send.")
    recipient = kept["customer_id"].combine_chunks()
    if pseudonyms:
        recipient = pa.array(pseudonyms_of(journal, new, recipient.to_pylist()), pa.string())
        order = pc.sort_indices(recipient)  # or the places of two lists would link their pseudonyms
        kept, recipient = kept.take(order), recipient.take(order)
    rows = pa.array(np.arange(kept.num_rows))
    table = pa.Table.from_arrays([rows, recipient, *(kept[name] for name in LISTED.names[2:])], schema=LISTED)
    name, sha256 = campaign_files.put(
        campaign_files.folder_of(journal, campaign_id),
        f"delivery-{new}",
        lambda path: write(path, table.combine_chunks().to_batches(ROWS_AT_ONCE), tell),
    )
    dropped = everybody - kept.num_rows
    return deliveries.open_delivery(
        journal, actor, campaign_id, target, kind, pseudonyms, days, kept.num_rows, dropped, name, sha256,
        batch_rows=batch_rows, delivery_id=new,
    )  # fmt: skip


def withdrawn(journal: Journal, build: Build, delivery: Delivery, scope: Scope = EVERYTHING) -> int:
    """How many recipients of a list may not be reached any more, as this build knows it. scope: see allow."""
    promise = campaigns.get(journal, SYSTEM, delivery.campaign_id).promise
    with memory() as con:
        con.execute("create table listed (customer_id varchar)")
        for part in kept_rows(journal, delivery, columns=["customer_id"]):
            add(con, "listed", part)
        allow(con, build, promise.channel, delivery.purpose, scope)
        return con.execute(text_of("withdrawn.sql")).fetchall()[0][0]


def outgoing(
    journal: Journal, delivery: Delivery, first_row: int = 0, rows: int = MOST_CUSTOMERS
) -> Iterator[pa.RecordBatch]:
    """What leaves, in parts: the columns of COLUMNS, from a row on, so many. For files and for every other way out."""
    promise = campaigns.get(journal, SYSTEM, delivery.campaign_id).promise
    expires = datetime.fromisoformat(delivery.expires_at)
    for part in kept_rows(journal, delivery, ["recipient"], first_row, rows):
        words = (promise.channel, delivery.campaign_id, promise.offer, delivery.purpose)
        place = pa.array(np.zeros(part.num_rows, np.int8))
        same = [pa.DictionaryArray.from_arrays(place, pa.array([word])) for word in words]
        moment = pa.array([expires], SENT.field("expires").type.value_type)
        same.append(pa.DictionaryArray.from_arrays(place, moment))
        yield pa.RecordBatch.from_arrays([part["recipient"], *same], schema=SENT)


def pseudonyms_of(journal: Journal, delivery_id: str, customers: Sequence[str]) -> list[str]:
    """HMAC-SHA-256 (RFC 2104) of each customer, 128 bits of it, under a key of this delivery alone.

    Two deliveries share no pseudonym; who has the secret of campaigns links them, and nobody else.
    """
    derived = hmac.new(campaign_files.secret(journal).encode(), f"delivery {delivery_id}".encode(), "sha256")
    keyed = hmac.new(derived.digest(), digestmod="sha256")
    found = []
    for customer in customers:
        one = keyed.copy()
        one.update(customer.encode())
        found.append(one.hexdigest()[:PSEUDONYM])
    return found


def allow(con: duckdb.DuckDBPyConnection, build: Build, channel: str, purpose: str, scope: Scope) -> None:
    """Keep in our own table `allowed` whom this build knows to agree to a channel for a purpose.

    scope: of whoever has the list made or takes it, for a book may change after the export; EVERYTHING for programs.
    """
    con.execute("create table allowed (customer_id varchar)")
    chosen, values = bound(*conditions(View(scope.about(partners=False, single=True)), CUSTOMER, joined=False))
    text = text_of("allowed.sql").replace("{chosen}", chosen).replace("{consent}", text_of("consent.sql"))
    values |= {"channels": [channel], "purpose": purpose}
    with build.engine.reader(text, values, ROWS_AT_ONCE) as reader:
        for part in reader:
            add(con, "allowed", part.filter(pc.equal(part["refusal"], "")).select(["customer_id"]))


def kept_rows(
    journal: Journal, delivery: Delivery, columns: list[str], first_row: int = 0, rows: int = MOST_CUSTOMERS
) -> Iterator[pa.RecordBatch]:
    """Rows of a delivery's file as it was made, in parts; parts before the first row are not read."""
    path = campaign_files.at(journal, delivery.campaign_id, delivery.file, delivery.sha256)
    with pq.ParquetFile(path) as file:
        starts = np.cumsum([0, *(file.metadata.row_group(one).num_rows for one in range(file.num_row_groups))])
        for one in range(file.num_row_groups):
            low, high = max(first_row, starts[one]), min(first_row + rows, starts[one + 1])
            if low < high:
                part = file.read_row_group(one, columns=columns).combine_chunks().to_batches()[0]
                yield part.slice(low - starts[one], high - low)
