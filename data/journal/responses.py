"""Answers that came back, in the journal: each once, with the arm of its customer and whether it counts.

Who was in which arm is read from the files that the export froze, never from what a sender says. Rows in = kept + known
+ refused + left; nothing is dropped in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from data import campaign_files
from data.files import Rejected
from data.journal import campaigns
from data.journal.campaign_rows import EXPORTED, GRADED, MEASURING, C, Campaign, S, found, of_groups
from data.journal.schema import CAMPAIGN_DELIVERY, CAMPAIGN_RESPONSE
from data.journal.store import Journal, stored
from data.responses import MOST_FILE_BYTES, MOST_ROWS, Answer, Judged, Refusal, from_file
from data.rights import RESPOND, SYSTEM, Actor, Machine
from data.view import SMALLEST_GROUP

ANSWERABLE = (EXPORTED, MEASURING, GRADED)
NOT_IN, BEFORE, AFTER = "not in the campaign", "before the launch", "after the window"
AGAIN, HELD_OUT = "again", "held out"
COUNTED = ("", HELD_OUT)  # an answer of a customer who was held out is the control group's
UNKNOWN = "there is no such campaign that awaits answers from you"
DIFFERS = "it differs from what was received under this response_id"
AT_ONCE = 1_000  # values of one question to the database
CONTROL = "control"
R, D = CAMPAIGN_RESPONSE.c, CAMPAIGN_DELIVERY.c


@dataclass(frozen=True)
class Received:
    """What became of the rows of a request or file. left: fit, but not kept because others of the request are not.

    flags: of the rows kept, how many do not count as an answer of the treated, by the reason.
    """

    kept: int = 0
    known: int = 0
    left: int = 0
    refused: tuple[Refusal, ...] = ()
    flags: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """All rows that came."""
        return self.kept + self.known + self.left + len(self.refused)

    def __str__(self) -> str:
        flags = "".join(f", {rows:,} of them {flag}" for flag, rows in self.flags.items())
        return f"{self.rows:,} rows: {self.kept:,} kept{flags}; {self.known:,} known; {len(self.refused):,} refused"


@dataclass(frozen=True)
class Counts:
    """Answers to one campaign so far. answered: customers by arm. flags: rows that do not count, by the reason.

    latest: when the last row came in; empty when none did. few: arms of which readers of groups are told no number,
    because it is smaller than the smallest group; to them, explored customers are treated ones.
    """

    answered: Mapping[str, int]
    flags: Mapping[str, int]
    latest: str
    few: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Awaiting:
    """A campaign that awaits answers. launched, ends: its window as the journal stores moments; empty before it."""

    launched: str
    ends: str
    people: Mapping[str, tuple[str, str]]  # recipient -> customer and arm


def receive(journal: Journal, actor: Actor, judged: Judged, source: str, sender: str, whole: bool = False) -> Received:
    """Keep what is new, in one transaction with one audit row. whole: all rows or none, as long as one is refused.

    source: http, upload or file. sender: the program or person, as the trail names it. Raises Forbidden.
    """
    if judged.rows > MOST_ROWS:
        raise ValueError(f"at most {MOST_ROWS} rows at once")
    awaiting = awaited(journal, actor, judged.answers) if actor.may(RESPOND) else {}
    named = {one.campaign_id for one in judged.answers}
    target = f"campaign:{next(iter(named))[:64]}" if len(named) == 1 else ""
    with journal.write(actor, RESPOND, "campaign.responses", target, source=source, sender=sender) as connection:
        rows, known, refused = sorted_out(connection, judged.answers, awaiting)
        refused = [*judged.refused, *refused]
        left = 0
        if whole and refused:
            rows, left = [], len(rows)
        now = journal.now()
        if rows:
            added = {"received_at": now, "source": source, "sender": sender[:200]}
            connection.execute(sa.insert(CAMPAIGN_RESPONSE), [row | added for row in rows])
        flags = dict(sorted(Counter(row["flag"] for row in rows if row["flag"]).items()))
        received = Received(len(rows), known, left, tuple(sorted(refused, key=lambda one: one.row)), flags)
        connection.info["detail"] |= {"rows": received.rows, "kept": received.kept, "known": known, "left": left}
        connection.info["detail"] |= {"refused": len(refused)}
        connection.info["detail"] |= {f"flagged {flag}": number for flag, number in flags.items()}
    return received


def receive_file(journal: Journal, actor: Actor, judged: Judged, source: str, sender: str) -> Received:
    """Keep the rows of a file, a part at a time: one that breaks off is sent again, and what was kept is known."""
    actor.require(RESPOND)
    total = Received()
    parts: list[tuple[tuple[Answer, ...], tuple[Refusal, ...]]]
    parts = [(judged.answers[at : at + MOST_ROWS], ()) for at in range(0, len(judged.answers), MOST_ROWS)]
    parts += [((), judged.refused[at : at + MOST_ROWS]) for at in range(0, len(judged.refused), MOST_ROWS)]
    for answers, refused in parts:
        one = receive(journal, actor, Judged(answers, refused), source, sender)
        total = Received(
            total.kept + one.kept,
            total.known + one.known,
            total.left + one.left,
            (*total.refused, *one.refused),
            dict(sorted((Counter(total.flags) + Counter(one.flags)).items())),
        )
    return Received(
        total.kept, total.known, total.left, tuple(sorted(total.refused, key=lambda one: one.row)), total.flags
    )


def receive_path(journal: Journal, path: Path) -> Received:
    """Keep the answers of a file on this machine, as whoever may run commands here. Raises Rejected or Invalid."""
    journal.migrate()
    try:
        with path.open("rb") as file:
            content = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise Rejected(f"it cannot be read: {error.strerror}") from None
    return receive_file(journal, SYSTEM, from_file(path.name, content, journal.clock()), "file", path.name)


def awaited(journal: Journal, actor: Actor, answers: Iterable[Answer]) -> dict[str, Awaiting]:
    """The campaigns of these answers that await them from this actor, with the people the answers name."""
    recipients: dict[str, set[str]] = {}
    for one in answers:
        recipients.setdefault(one.campaign_id, set()).add(one.recipient)
    awaiting = {}
    for ids in in_parts(sorted(recipients)):
        launched = dict(
            tuple(row)
            for row in journal.rows(sa.select(S.campaign_id, S.at).where(S.campaign_id.in_(ids), S.name == "launch"))
        )
        for row in journal.rows(found().where(C.campaign_id.in_(ids))):
            campaign = Campaign(*tuple(row))
            if campaign.state not in ANSWERABLE or not may_send(actor, campaign.author):
                continue
            since, ends = launched.get(campaign.campaign_id, ""), ""
            if since:
                ends = stored(datetime.fromisoformat(since) + timedelta(days=campaign.promise.window_days))
            named = people(journal, campaign.campaign_id, recipients[campaign.campaign_id])
            awaiting[campaign.campaign_id] = Awaiting(since, ends, named)
    return awaiting


def may_send(actor: Actor, author: str) -> bool:
    """Programs send answers to every campaign, managers to their own."""
    return actor.system or isinstance(actor, Machine) or actor.person == author


def people(journal: Journal, campaign_id: str, recipients: Collection[str]) -> dict[str, tuple[str, str]]:
    """Recipient -> customer and arm, from the frozen files: by the customer's key, then by a delivery's pseudonym."""
    froze = campaigns.frozen(journal, campaign_id)
    path = campaign_files.at(journal, campaign_id, froze["file"], froze["sha256"])
    named = looked_up(path, "customer_id", recipients)
    asked = sa.select(D.file, D.sha256).where(D.campaign_id == campaign_id, D.pseudonyms).order_by(D.at, D.delivery_id)
    for row in journal.rows(asked):
        if not (missing := [one for one in recipients if one not in named]):
            break
        named |= looked_up(campaign_files.at(journal, campaign_id, row.file, row.sha256), "recipient", missing)
    return named


def looked_up(path: Path, by: str, keys: Collection[str]) -> dict[str, tuple[str, str]]:
    """Key -> customer and arm, from one frozen file; read in parts, so that only the rows asked for are in memory."""
    wanted = pc.field(by).isin(pa.array(sorted(keys), pa.string()))
    rows = pq.read_table(path, columns=sorted({by, "customer_id", "arm"}), filters=wanted)
    return dict(zip(rows[by].to_pylist(), zip(rows["customer_id"].to_pylist(), rows["arm"].to_pylist())))


def sorted_out(
    connection: sa.Connection, answers: Collection[Answer], awaiting: Mapping[str, Awaiting]
) -> tuple[list[dict[str, Any]], int, list[Refusal]]:
    """Rows to keep, how many are known already, and the refused, inside the write that keeps them."""
    settled = [(one, *placed(one, awaiting[one.campaign_id])) for one in answers if one.campaign_id in awaiting]
    before = received_before(connection, answers, awaiting)
    counted = counted_before(connection, settled)
    rows, known, refused = [], 0, [Refusal(one.row, UNKNOWN) for one in answers if one.campaign_id not in awaiting]
    for one, customer, arm, flag in settled:
        key, content = (one.campaign_id, one.response_id), (customer, one.kind, one.responded_at)
        if key in before:
            if before[key] == content:
                known += 1
            else:
                refused.append(Refusal(one.row, DIFFERS))
            continue
        before[key] = content
        if flag in COUNTED and (one.campaign_id, customer) in counted:
            flag = AGAIN
        elif flag in COUNTED:
            counted.add((one.campaign_id, customer))
        rows.append(
            {"campaign_id": one.campaign_id, "response_id": one.response_id, "customer_id": customer}
            | {"kind": one.kind, "responded_at": one.responded_at, "arm": arm, "flag": flag}
        )
    return rows, known, refused


def placed(one: Answer, campaign: Awaiting) -> tuple[str, str, str]:
    """Customer, arm, and why the answer does not count as one of the treated; nothing when it does."""
    if one.recipient not in campaign.people:
        return one.recipient, "", NOT_IN
    customer, arm = campaign.people[one.recipient]
    if not campaign.launched or one.responded_at < campaign.launched:
        return customer, arm, BEFORE
    if one.responded_at >= campaign.ends:
        return customer, arm, AFTER
    return customer, arm, HELD_OUT if arm == CONTROL else ""


def received_before(
    connection: sa.Connection, answers: Iterable[Answer], awaiting: Collection[str]
) -> dict[tuple[str, str], tuple[str, str, str]]:
    """What is kept under the same keys: campaign and response -> customer, kind and moment."""
    before = {}
    for campaign_id in sorted(awaiting):
        for ids in in_parts(sorted({one.response_id for one in answers if one.campaign_id == campaign_id})):
            asked = sa.select(R.response_id, R.customer_id, R.kind, R.responded_at)
            for row in connection.execute(asked.where(R.campaign_id == campaign_id, R.response_id.in_(ids))):
                before[campaign_id, row.response_id] = (row.customer_id, row.kind, row.responded_at)
    return before


def counted_before(connection: sa.Connection, settled: Iterable[tuple[Answer, str, str, str]]) -> set[tuple[str, str]]:
    """Campaign and customer of answers that count already."""
    customers: dict[str, set[str]] = {}
    for one, customer, _, flag in settled:
        if flag in COUNTED:
            customers.setdefault(one.campaign_id, set()).add(customer)
    counted: set[tuple[str, str]] = set()
    for campaign_id, keys in sorted(customers.items()):
        for ids in in_parts(sorted(keys)):
            asked = sa.select(R.customer_id).where(R.campaign_id == campaign_id, R.customer_id.in_(ids))
            counted |= {(campaign_id, key) for key in connection.scalars(asked.where(R.flag.in_(COUNTED)))}
    return counted


def in_parts(keys: list[str]) -> list[list[str]]:
    """Keys, as many at a time as one question may have."""
    return [keys[at : at + AT_ONCE] for at in range(0, len(keys), AT_ONCE)]


def counts(journal: Journal, actor: Actor, campaign_id: str) -> Counts:
    """Answers so far, for those who may see the campaign. Raises NoCampaign."""
    campaigns.get(journal, actor, campaign_id)
    asked = sa.select(R.arm, R.flag, sa.func.count(), sa.func.max(R.received_at)).where(R.campaign_id == campaign_id)
    answered: Counter[str] = Counter()
    flags: Counter[str] = Counter()
    latest = ""
    for row in journal.rows(asked.group_by(R.arm, R.flag).order_by(R.arm, R.flag)):
        arm, flag, rows, at = tuple(row)
        if flag in COUNTED:  # once for each customer
            answered[arm] += rows
        if flag:
            flags[flag] += rows
        latest = max(latest, at)
    if of_groups(actor):
        answered["treated"] += answered.pop("exploration", 0)
        few = frozenset(arm for arm, rows in answered.items() if 0 < rows < SMALLEST_GROUP)
        answered = Counter({arm: rows for arm, rows in answered.items() if rows >= SMALLEST_GROUP})
        return Counts(dict(answered), {}, latest, few)
    return Counts(dict(answered), dict(flags), latest)


def for_build(journal: Journal) -> pa.Table:
    """Every answer that counts: campaign_id, customer_id, arm, kind, responded_at (UTC); one row a customer at most."""
    names = ("campaign_id", "customer_id", "arm", "kind", "responded_at")
    asked = sa.select(*(R[name] for name in names)).where(R.flag.in_(COUNTED))
    rows = journal.rows(asked.order_by(R.campaign_id, R.customer_id, R.response_id))
    columns = list(zip(*rows)) or [()] * len(names)
    moments = [datetime.fromisoformat(text) for text in columns[-1]]
    texts = {name: pa.array(list(values), pa.string()) for name, values in zip(names[:-1], columns)}
    return pa.table(texts | {"responded_at": pa.array(moments, pa.timestamp("us", "UTC"))})
