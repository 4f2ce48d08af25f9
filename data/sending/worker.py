"""The worker: sends what is open, batch by batch, each marked as sent in the journal before the next one begins.

It may be killed at any moment. The next worker begins at the first batch that is not marked, with the same key, by
which the target knows a batch it has already: every recipient is sent once in our ledger, and taken once by the target.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from data import campaign_files, targets
from data.journal import deliveries
from data.journal.deliveries import Batch, Delivery
from data.journal.problems import Invalid, JournalError
from data.journal.store import Journal
from data.sending import messages
from data.sending.problems import Refused, TryAgain
from data.sending.retries import ATTEMPTS, keep_trying
from data.sending.wire import Outside

PAUSE = 10.0  # seconds between two looks for something to send
REFUSED_IN_A_ROW = 3  # after which the target is taken to refuse everything
ON_THE_SERVER = "It cannot be sent, for a reason on the server. An administrator sees it with: python -m data send"
ROOT = str(Path(__file__).parents[2])
Act = Callable[[], None]
Withdrawn = Callable[[Delivery], int]  # how many of a list may not be reached any more


class Stopped(Exception):
    """The delivery ended while it was sent: somebody cancelled it."""


def run(journal: Journal, outside: Outside, withdrawn: Withdrawn, delivery_id: str = "", once: bool = False) -> bool:
    """Send one delivery, or all that are open: once, or from now on. Whether nothing is left with a problem.

    withdrawn: asked before a delivery is sent or gone on with; nothing is sent while it is not 0.
    """
    if delivery_id:
        return send(journal, deliveries.get(journal, delivery_id), outside, withdrawn)
    while True:
        waiting = [one for one in deliveries.pending(journal) if not given_up(journal, one)]
        well = all(list(map(partial(send, journal, outside=outside, withdrawn=withdrawn), waiting)))
        if once:
            return well
        outside.sleep(PAUSE)


def given_up(journal: Journal, delivery: Delivery) -> bool:
    """Whether a batch failed so often that a person has to look at it; naming the delivery sends it all the same."""
    return any(
        b.attempts >= ATTEMPTS and b.problem for b in deliveries.batches(journal, delivery.delivery_id) if not b.sent_at
    )


def send(journal: Journal, delivery: Delivery, outside: Outside, withdrawn: Withdrawn) -> bool:
    """Send what is left of a delivery, unless another worker does; whether nothing is left with a problem."""
    with sole_sender(journal, delivery) as ours:
        if not ours:
            outside.say(f"{delivery.delivery_id}: another worker is sending it.")
            return True
        left = [one for one in deliveries.batches(journal, delivery.delivery_id) if not one.sent_at]
        if not left or not deliveries.get(journal, delivery.delivery_id).open:
            return True
        if delivery.expires_at <= journal.now():
            deliveries.fail(journal, delivery.delivery_id, "It expired before it was sent.")
            outside.say(f"{delivery.delivery_id}: it expired before it was sent, and is ended.")
            return False
        try:
            return send_rest(journal, delivery, left, outside, withdrawn)
        except Stopped:
            outside.say(f"{delivery.delivery_id}: cancelled. What was sent stays sent.")
            return True
        except (JournalError, Refused) as problem:  # of the target or the list, not of one batch
            note(journal, delivery, str(problem) if isinstance(problem, Refused) else ON_THE_SERVER)
            outside.say(f"{delivery.delivery_id}: {problem}")
            return False
        except Exception:  # on the screen, too, before it ends the worker
            note(journal, delivery, ON_THE_SERVER)
            raise


def note(journal: Journal, delivery: Delivery, problem: str) -> None:
    """Put a problem of a whole delivery on record, at the first batch that is not sent."""
    left = [one.batch for one in deliveries.batches(journal, delivery.delivery_id) if not one.sent_at]
    if left:
        deliveries.tried(journal, delivery.delivery_id, left[0], problem)


def send_rest(journal: Journal, delivery: Delivery, left: list[Batch], outside: Outside, withdrawn: Withdrawn) -> bool:
    """Send these batches in their order; the others go on after one that is refused, not after one that failed."""
    target = targets.configured(journal).get(delivery.target)
    if target is None:
        raise Refused(f"There is no target {delivery.target} any more. Cancel this sending, or add the target again.")
    if number := withdrawn(delivery):
        raise Refused(
            f"{number:,} of its recipients may not be reached any more since this list was made. Cancel this sending "
            "and make a new one; they are left out then."
        )
    total, done, refused, well = delivery.rows, delivery.rows - sum(one.rows for one in left), 0, True
    with messages.opened(journal, delivery, target, outside) as act_of:
        for batch in left:
            try:
                keep_trying(partial(attempt, journal, delivery, batch, act_of(batch)), outside.sleep)
            except Refused as problem:
                outside.say(f"{delivery.delivery_id}: batch {batch.batch} is refused. {problem}")
                well, refused = False, refused + 1
                if refused == REFUSED_IN_A_ROW:
                    return False
                continue
            except TryAgain as problem:
                outside.say(f"{delivery.delivery_id}: batch {batch.batch} failed {ATTEMPTS} times. {problem}")
                return False
            deliveries.sent(journal, delivery.delivery_id, batch.batch)
            refused, done = 0, done + batch.rows
            outside.say(f"{delivery.delivery_id}: {done:,} of {total:,} recipients sent to {delivery.target}")
    return well


def attempt(journal: Journal, delivery: Delivery, batch: Batch, act: Act) -> None:
    """Try a batch once, unless the delivery has ended; that it is tried is on record before, a problem afterwards."""
    if not deliveries.trying(journal, delivery.delivery_id, batch.batch):
        raise Stopped
    try:
        act()
    except (Refused, TryAgain) as problem:
        deliveries.tried(journal, delivery.delivery_id, batch.batch, str(problem))
        raise


@contextmanager
def sole_sender(journal: Journal, delivery: Delivery) -> Iterator[bool]:
    """Hold the lock of a delivery; False when somebody else does. The system drops it when the process ends."""
    folder = campaign_files.folder_of(journal, delivery.campaign_id)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / f".sending-{delivery.delivery_id}").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def start_worker(journal: Journal, delivery_id: str) -> None:
    """Send a delivery in a process of its own, so that no page waits; what it says is in send.log beside the lists."""
    if deliveries.get(journal, delivery_id).target == deliveries.DOWNLOAD:
        raise Invalid("A download is not sent to a target.")
    folder = campaign_files.store_folder(journal)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = os.open(folder / "send.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "data", "send", "--delivery", delivery_id],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH"))))},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it goes on when the server stops
        )
    finally:
        os.close(log)
    threading.Thread(target=process.wait, daemon=True).start()  # so that no ended process is left behind
