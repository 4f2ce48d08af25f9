"""What is sent of a delivery: a message for each batch of its list, or all of it as one file and a description."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from data import campaign_files, recipients
from data.export_files import KINDS
from data.journal import deliveries
from data.journal.deliveries import Batch, Delivery
from data.journal.store import Journal
from data.publish import digest
from data.sending import folder, s3, sftp, webhook
from data.sending.problems import Refused
from data.sending.wire import Outside
from data.targets import Folder, Sftp, Store, Target, Webhook

Act = Callable[[], None]
OF_ALL = ("channel", "offer", "purpose")  # columns of a list that have one value in all its rows


@contextmanager
def opened(journal: Journal, delivery: Delivery, target: Target, outside: Outside) -> Iterator[Callable[[Batch], Act]]:
    """What sends a batch of this delivery to the target. Raises JournalError for a list that was changed."""
    if isinstance(target, Webhook):
        number = len(deliveries.batches(journal, delivery.delivery_id))

        def posting(batch: Batch) -> Act:
            content = message(journal, delivery, batch, number)
            return lambda: webhook.send(target, batch.idempotency_key, content, outside)

        yield posting
        return
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=campaign_files.store_folder(journal)) as drafts:
        document, description = Path(drafts) / "document", Path(drafts) / "description"
        write(journal, delivery, document, description)
        name, mime = f"{delivery.campaign_id}-{delivery.delivery_id}", KINDS[delivery.kind].mime

        def putting(batch: Batch) -> Act:
            def both() -> None:  # the description last: where it is, the list is whole
                put(target, f"{name}.{delivery.kind}", document, mime, outside)
                put(target, f"{name}.about.json", description, "application/json", outside)

            return both

        yield putting


def put(target: Target, name: str, path: Path, mime: str, outside: Outside) -> None:
    """Put a file where the target takes files."""
    match target:
        case Store():
            s3.put(target, name, path, mime, outside)
        case Sftp():
            sftp.put(target, name, path, outside)
        case Folder():
            folder.put(target, name, path)
        case _:
            raise Refused(f"The target {target.name} takes no files.")


def about(delivery: Delivery) -> dict[str, Any]:
    """What every receiver is told: which campaign it is, what for, and when all of it must be deleted."""
    return {
        "campaign": delivery.campaign_id,
        "delivery": delivery.delivery_id,
        "purpose": delivery.purpose,
        "expires": delivery.expires_at,
    }


def message(journal: Journal, delivery: Delivery, batch: Batch, batches: int) -> bytes:
    """The body for one batch, the same to the byte whenever it is made. Raises Refused for a list that is too short."""
    parts = list(recipients.outgoing(journal, delivery, batch.first_row, batch.rows))
    keys = [key for part in parts for key in part["recipient"].to_pylist()]
    if len(keys) != batch.rows:
        raise Refused("The list has fewer recipients than the journal says. Cancel this sending and make a new one.")
    told = {name: parts[0][name][0].as_py() for name in OF_ALL} | about(delivery)
    told |= {"batch": batch.batch, "batches": batches, "rows": batch.rows, "recipients": keys}
    return webhook.body(told, delivery.at)


def write(journal: Journal, delivery: Delivery, document: Path, description: Path) -> None:
    """The whole list in the delivery's format, and its description with rows and SHA-256. Raises Refused as message."""
    told = about(delivery) | {"kind": delivery.kind}
    reader = pa.RecordBatchReader.from_batches(recipients.SENT, recipients.outgoing(journal, delivery))
    with document.open("wb") as file:
        rows = KINDS[delivery.kind].write(file, reader, list(recipients.COLUMNS), told)
    if rows != delivery.rows:
        raise Refused("The list has not as many recipients as the journal says. Cancel this sending, make a new one.")
    told |= {"rows": rows, "sha256": digest(document), "bytes": document.stat().st_size}
    description.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n", encoding="utf-8")
