"""Answers that come back: which rows are kept, which are refused and why, and which of them count for which arm."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from data import campaign_files, responses
from data.files import Rejected
from data.journal import audit, campaigns, deliveries
from data.journal import responses as kept
from data.journal.campaign_rows import NoCampaign
from data.journal.responses import AFTER, AGAIN, BEFORE, DIFFERS, HELD_OUT, NOT_IN, UNKNOWN, receive
from data.journal.schema import CAMPAIGN_RESPONSE
from data.journal.store import stored
from data.responses import Judged, TooMany, Unreadable
from data.rights import RESPOND, ROLES, SYSTEM, Actor, Forbidden, Machine
from tests import campaigning
from tests.colleagues import come

LAUNCH = datetime(2026, 11, 1, 12, tzinfo=UTC)
NOW = LAUNCH + timedelta(days=20)
ARMS = {"C1": "treated", "C2": "treated", "C3": "exploration", "C4": "control", "C5": "control", "C6": "treated"}
SENDER = Machine("client:crm", "company/crm")
CAMPAIGN = "a" * 32


def row(number: int = 1, recipient: str = "C1", days: float = 1, **changes) -> dict:
    """An answer so many days after the launch."""
    given = {"campaign_id": CAMPAIGN, "response_id": f"r{number}", "recipient": recipient}
    return given | {"responded_at": stored(LAUNCH + timedelta(days=days))} | changes


@pytest.fixture
def running(journal):
    """A campaign launched at LAUNCH with a window of 10 days, looked at 20 days after it."""
    journal.clock = lambda: LAUNCH
    author, approver = campaigning.people_of(journal)
    found = campaigning.launched(journal, author, approver, ARMS, window_days=10)
    journal.clock = lambda: NOW
    return journal, found.campaign_id


def back(journal) -> tuple[Actor, Actor]:
    """The campaign's author and approver, signed in anew."""
    return come(journal, "max", "manager M01", iat=2), come(journal, "ada", "approver", iat=2)


def send(journal, campaign_id: str, *rows: dict, actor=SENDER, whole: bool = False) -> kept.Received:
    """Judge rows about one campaign and hand them to the journal."""
    judged = responses.judged([one | {"campaign_id": campaign_id} for one in rows], journal.clock())
    return receive(journal, actor, judged, "http", "company/crm", whole)


def flags(journal) -> dict[str, str]:
    """Response -> its flag, as stored."""
    return {one.response_id: one.flag for one in journal.rows(sa.select(CAMPAIGN_RESPONSE))}


def reasons(rows: list) -> list[str]:
    """Why rows are refused, in their order; empty where one is fit."""
    judged = responses.judged(rows, NOW)
    assert judged.rows == len(rows)
    found = {one.row: one.reason for one in judged.refused} | {one.row: "" for one in judged.answers}
    return [found[number] for number in range(1, len(rows) + 1)]


# One row


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"kind": "click"}, ""),
        ({"kind": None}, ""),
        ({"recipient": "0"}, ""),
        ({"recipient": "nan"}, ""),
        ({"recipient": "é" * 200}, ""),
        ({"responded_at": "2026-11-20T10:00:00+05:30"}, ""),
        ({"responded_at": "2026-11-20 10:00Z"}, ""),
        ({"responded_at": stored(NOW + timedelta(minutes=4))}, ""),
        ({"responded_at": stored(NOW + timedelta(minutes=6))}, "responded_at lies in the future"),
        ({"responded_at": "2026-11-20T10:00:00"}, responses.OFFSET),
        ({"responded_at": "2026-11-20"}, responses.OFFSET),
        ({"responded_at": "1763632800"}, responses.OFFSET),
        ({"responded_at": "infinity"}, responses.OFFSET),
        ({"responded_at": "20.11.2026 10:00:00Z"}, "responded_at is not a moment that exists"),
        ({"responded_at": "2026-02-29T10:00:00Z"}, "responded_at is not a moment that exists"),
        ({"responded_at": "2026-11-20T23:59:60Z"}, "responded_at is not a moment that exists"),
        ({"responded_at": "1970-01-01T00:00:00Z"}, "responded_at is before 1980"),
        ({"responded_at": None}, "responded_at is missing"),
        ({"recipient": ""}, "recipient is missing"),
        ({"recipient": None}, "recipient is missing"),
        ({"recipient": " C1"}, "recipient is not a usable key"),
        ({"recipient": "C\x001"}, "recipient is not a usable key"),
        ({"recipient": "C\x1b[31m1"}, "recipient is not a usable key"),
        ({"recipient": "C1\r\nINFO forged"}, "recipient is not a usable key"),
        ({"recipient": "\u202eC1"}, "recipient is not a usable key"),
        ({"recipient": "x" * 201}, "recipient is not a usable key"),
        ({"recipient": "\u0958" * 150}, "recipient is longer than 200 characters"),  # two letters each when composed
        ({"recipient": "robin.hood@corp.example"}, "recipient looks like an e-mail address"),
        ({"response_id": "+49 170 1234567"}, "response_id looks like a phone number"),
        ({"kind": "call to 12 Long Street"}, "kind looks like a street address"),
        ({"recipient": 7}, "recipient is not text in quotes"),
        ({"recipient": ["C1"]}, "recipient is not text in quotes"),
        ({"recipient": True}, "recipient is not text in quotes"),
        ({"recipient": "\ud800"}, "recipient holds half a character"),
        ({"e_mail": "x"}, "it has a field that is none of"),
        ({"customer_id": "C1"}, "it has a field that is none of"),
    ],
    ids=str,
)
def test_a_row_is_fit_or_refused_with_a_reason_that_repeats_no_value(changes, reason):
    (found,) = reasons([row() | changes])
    assert found.startswith(reason) and bool(found) == bool(reason)
    assert not any(isinstance(value, str) and len(value) > 2 and value in found for value in changes.values())


def test_what_is_no_object_is_refused_and_the_rows_around_it_keep_their_numbers():
    assert [bool(one) for one in reasons([row(), None, row(2), [], "x", 1, row(3)])] == [
        False,
        True,
        False,
        *[True] * 3,
        False,
    ]


def test_moments_are_kept_in_utc_to_the_microsecond():
    times = ["2026-11-20T10:00:00.123456+05:30", "2026-11-20T10:00-1130", "2026-11-20T10:00:00Z"]
    judged = responses.judged([row(at, responded_at=text) for at, text in enumerate(times)], NOW)
    expected = [stored(datetime.fromisoformat(text.replace("-1130", "-11:30"))) for text in times]
    assert [one.responded_at for one in judged.answers] == expected


# Requests


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"responses": {}}',
        b'{"responses": []}',
        b'{"responses": [], "more": 1}',
        b'{"responses": [{"kind": "a", "kind": "b"}]}',
        b'{"responses": [NaN]}',
        b'{"responses": [' + b"1" * 5_000 + b"]}",
        b"[" * 100_000,
        b'{"responses": ["\xe9"]}',
        '{"responses": [1]}'.encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"responses": [1]}',
    ],
    ids=lambda body: ascii(body[:40]),
)
def test_a_body_that_cannot_be_read_in_one_way_only_is_refused(body):
    with pytest.raises(Unreadable):
        responses.parse(body, lines=False)


def test_lines_and_one_object_are_the_same_rows_and_both_are_bounded():
    rows = [row(number) for number in range(5_000)]
    lines = "\r\n".join(json.dumps(one) for one in rows).encode()
    assert (
        responses.parse(lines, lines=True) == responses.parse(json.dumps({"responses": rows}).encode(), False) == rows
    )
    with pytest.raises(TooMany):
        responses.parse(lines + b"\n{}", lines=True)
    with pytest.raises(TooMany):
        responses.parse(json.dumps({"responses": [*rows, {}]}).encode(), lines=False)
    with pytest.raises(Unreadable, match="Line 3"):
        responses.parse(b"{}\n{}\n{]\n", lines=True)


# What becomes of them


def test_an_answer_counts_for_the_arm_that_the_export_froze(running):
    journal, campaign = running
    received = send(journal, campaign, row(1, "C1"), row(2, "C3"), row(3, "C4"), row(4, "C2", 9.99))
    assert (received.kept, received.known, received.refused) == (4, 0, ())
    assert flags(journal) == {"r1": "", "r2": "", "r3": HELD_OUT, "r4": ""}
    found = kept.counts(journal, SYSTEM, campaign)
    assert found.answered == {"treated": 2, "exploration": 1, "control": 1}
    assert found.flags == {HELD_OUT: 1} and found.latest == stored(NOW)


def test_readers_of_groups_learn_no_number_of_answers_below_ten(journal):
    author, approver = campaigning.people_of(journal)
    arms = {f"C{number}": ("treated", "exploration", "control")[number % 3] for number in range(60)}
    journal.clock = lambda: LAUNCH
    found = campaigning.launched(journal, author, approver, arms, window_days=10)
    journal.clock = lambda: NOW
    author, executive = come(journal, "max", "manager M01"), come(journal, "erin", "executive")

    def answered(first: int, last: int) -> kept.Counts:
        rows = [row(number, f"C{number}") for number in range(first, last)]
        send(journal, found.campaign_id, *rows)
        return kept.counts(journal, executive, found.campaign_id)

    few = answered(0, 12)  # four of each
    assert (few.answered, few.flags, few.few) == ({}, {}, {"treated", "control"})
    some = answered(12, 27)  # nine of each
    assert (some.answered, some.flags, some.few) == ({"treated": 18}, {}, {"control"})
    assert kept.counts(journal, author, found.campaign_id).answered == {"treated": 9, "exploration": 9, "control": 9}
    many = answered(27, 60)
    assert (many.answered, many.few) == ({"treated": 40, "control": 20}, set())


def test_answers_that_cannot_be_due_to_the_campaign_are_kept_and_do_not_count(running):
    journal, campaign = running
    received = send(
        journal,
        campaign,
        row(1, "C9"),
        row(2, "C1", -0.001),
        row(3, "C2", 10),
        row(4, "C3", 0),
        row(5, "C3", 5),
        row(6, "C4", 20),
        row(7, "C5", 1),
        row(8, "C5", 2),
    )
    assert received.kept == 8
    expected = {
        "r1": NOT_IN,
        "r2": BEFORE,
        "r3": AFTER,
        "r4": "",
        "r5": AGAIN,
        "r6": AFTER,
        "r7": HELD_OUT,
        "r8": AGAIN,
    }
    assert flags(journal) == expected
    assert received.flags == {NOT_IN: 1, BEFORE: 1, AFTER: 2, AGAIN: 2, HELD_OUT: 1}
    assert kept.counts(journal, SYSTEM, campaign).answered == {"exploration": 1, "control": 1}
    later = send(journal, campaign, row(9, "C3", 1), row(10, "C1", 1))
    assert later.flags == {AGAIN: 1} and flags(journal)["r10"] == ""
    counted = kept.for_build(journal)
    assert counted.select(["customer_id", "arm"]).to_pylist() == [
        {"customer_id": "C1", "arm": "treated"},
        {"customer_id": "C3", "arm": "exploration"},
        {"customer_id": "C5", "arm": "control"},
    ]
    assert counted["responded_at"][1].as_py() == LAUNCH


def test_before_the_launch_nothing_counts(journal):
    journal.clock = lambda: LAUNCH
    author, approver = campaigning.people_of(journal)
    found = campaigning.exported(journal, author, approver, ARMS)
    received = send(journal, found.campaign_id, row(1, "C1", -1), row(2, "C4", -1))
    assert received.flags == {BEFORE: 2} and kept.counts(journal, SYSTEM, found.campaign_id).answered == {}
    assert kept.for_build(journal).num_rows == 0 and kept.for_build(journal).schema.names[0] == "campaign_id"


def test_sent_again_a_row_is_known_and_with_another_content_it_is_refused(running):
    journal, campaign = running
    assert send(journal, campaign, row(1), row(2, "C2"), row(1)).known == 1
    again = send(journal, campaign, row(1), row(2, "C2"), row(3, "C3"))
    assert (again.kept, again.known) == (1, 2)
    for changed in (row(1, "C2"), row(1, days=2), row(1, kind="click"), row(1, responded_at=stored(LAUNCH))):
        received = send(journal, campaign, changed, row(1))
        assert [one.reason for one in received.refused] == [DIFFERS] and received.known == 1 and received.kept == 0
    assert flags(journal) == {"r1": "", "r2": "", "r3": ""}
    same_moment = row(1, responded_at=(LAUNCH + timedelta(days=1, hours=3)).strftime("%Y-%m-%dT%H:%M:%S+03:00"))
    assert send(journal, campaign, same_moment).known == 1


def test_a_whole_request_is_kept_only_without_a_refused_row(running):
    journal, campaign = running
    send(journal, campaign, row(1))
    received = send(journal, campaign, row(1), row(2, "C2"), row(3, "a@b.example"), row(1, "C2"), whole=True)
    assert (received.kept, received.known, received.left, len(received.refused)) == (0, 1, 1, 2)
    assert [one.row for one in received.refused] == [3, 4] and received.rows == 4
    assert flags(journal) == {"r1": ""}
    part = send(journal, campaign, row(1), row(2, "C2"), row(3, "a@b.example"), row(1, "C2"))
    assert (part.kept, part.known, part.left, len(part.refused)) == (1, 1, 0, 2)


def test_a_pseudonym_of_a_delivery_is_its_customer_and_nobody_elses(running):
    journal, campaign = running
    author, _ = back(journal)
    pseudonyms = {f"p{key}": key for key in ("C1", "C2", "C3", "C6")}
    table = pa.table({"row": [0, 1, 2, 3], "recipient": list(pseudonyms), "customer_id": list(pseudonyms.values()),
                      "channel": ["email"] * 4, "arm": [ARMS[key] for key in pseudonyms.values()]})  # fmt: skip
    folder = campaign_files.folder_of(journal, campaign)
    file, sha256 = campaign_files.put(folder, "delivery", lambda draft: pq.write_table(table, draft))
    deliveries.open_delivery(journal, author, campaign, "other", "jsonl", True, 30, 4, 0, file, sha256)
    received = send(journal, campaign, row(1, "pC1"), row(2, "C1"), row(3, "pC3"), row(4, "pC4"), row(1, "C1"))
    assert received.flags == {AGAIN: 1, NOT_IN: 1} and received.known == 1
    stored_as = {one.response_id: (one.customer_id, one.arm) for one in journal.rows(sa.select(CAMPAIGN_RESPONSE))}
    assert stored_as == {
        "r1": ("C1", "treated"),
        "r2": ("C1", "treated"),
        "r3": ("C3", "exploration"),
        "r4": ("pC4", ""),
    }


def test_a_campaign_that_is_not_there_not_sent_or_not_ones_own_is_refused_in_the_same_words(running):
    journal, campaign = running
    author, approver = back(journal)
    waiting = campaigning.approved(journal, author, approver).campaign_id
    draft = campaigns.draft(journal, author, campaigning.promise())
    for wanted in (waiting, draft, "f" * 32, "no key at all", "x" * 200):
        assert [one.reason for one in send(journal, wanted, row()).refused] == [UNKNOWN]
    other = come(journal, "moe", "manager M02")
    assert [one.reason for one in send(journal, campaign, row(), actor=other).refused] == [UNKNOWN]
    assert flags(journal) == {}
    assert send(journal, campaign, row(), actor=author).kept == 1
    with pytest.raises(NoCampaign):
        kept.counts(journal, other, campaign)


def test_a_graded_campaign_still_keeps_what_comes_late(running):
    journal, campaign = running
    campaigns.grade(journal, campaign, {"verdict": "not proven", "build": "b"})
    assert send(journal, campaign, row(1), row(2, "C2", 11)).flags == {AFTER: 1}


def test_who_may_send_is_what_the_rights_say_and_a_program_may_do_nothing_else(running):
    journal, campaign = running
    for role, rights in ROLES.items():
        actor = come(journal, f"one {role}", "manager M01" if role == "manager" else role)
        if RESPOND not in rights:
            with pytest.raises(Forbidden):
                send(journal, campaign, row(), actor=actor)
    assert [one for rights in ROLES.values() for one in rights if SENDER.may(one)] == [RESPOND]
    with pytest.raises(Forbidden):
        campaigns.get(journal, SENDER, campaign)
    assert flags(journal) == {} and audit.count(journal, action="denied") >= len(ROLES) - 1


def test_every_request_leaves_one_row_in_the_trail_with_counts_and_nobodys_key(running):
    journal, campaign = running
    send(journal, campaign, row(1, "C1-and-longer"), row(2, "C1"), row(3, "a@b.example"))
    send(journal, campaign, row(3, "a@b.example"), row(4, "C2"), whole=True)
    rows = audit.entries(journal, action="campaign.responses")
    assert [json.loads(one.detail) for one in rows] == [
        {"rows": 2, "kept": 0, "known": 0, "left": 1, "refused": 1, "source": "http", "sender": "company/crm"},
        {"rows": 3, "kept": 2, "known": 0, "left": 0, "refused": 1, "source": "http", "sender": "company/crm"}
        | {"flagged not in the campaign": 1},
    ]
    assert {one.target for one in rows} == {f"campaign:{campaign}"} and {one.actor for one in rows} == {"client:crm"}
    assert "C1-and" not in json.dumps([tuple(one) for one in rows]) and audit.verify(journal).ok


def test_a_frozen_file_that_was_changed_keeps_every_answer_out(running):
    journal, campaign = running
    froze = campaigns.frozen(journal, campaign)
    path = campaign_files.folder_of(journal, campaign) / froze["file"]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(RuntimeError, match="not what was exported"):
        send(journal, campaign, row())
    assert flags(journal) == {}


def test_twenty_senders_at_once_leave_each_answer_once(running):
    journal, campaign = running
    common = [row(number, f"C{number % 6 + 1}") for number in range(20)]

    def one(sender: int) -> kept.Received:
        return send(journal, campaign, *common, *(row(100 * sender + n, f"own {sender}") for n in range(5)))

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(one, range(1, 21)))
    assert sum(each.kept for each in found) == 20 + 20 * 5 and sum(each.known for each in found) == 19 * 20
    assert len(flags(journal)) == 120
    assert kept.counts(journal, SYSTEM, campaign).answered == {"treated": 3, "exploration": 1, "control": 2}
    assert audit.count(journal, action="campaign.responses") == 20 and audit.verify(journal).ok


# Files


def csv_of(rows: list[dict]) -> bytes:
    """Rows as a CSV file."""
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def parquet_of(table: pa.Table) -> bytes:
    """A table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def test_a_file_of_each_kind_is_the_same_rows_as_a_request():
    rows = [row(1), row(2, "C2", kind="click"), row(3, "a@b.example"), row(4, responded_at="yesterday")]
    expected = responses.judged(rows, NOW)
    full = [{"kind": None} | one for one in rows]
    lines = "\n".join(json.dumps(one) for one in full).encode()
    for name, content in (
        ("a.csv", csv_of(full)),
        ("a.JSONL", lines),
        ("a.parquet", parquet_of(pa.Table.from_pylist(full))),
    ):
        assert responses.from_file(name, content, NOW) == expected


def test_moments_of_a_parquet_file_need_their_zone():
    given = pa.Table.from_pylist([row(1), row(2)])
    at = given.schema.get_field_index("responded_at")
    moments = [LAUNCH + timedelta(days=1)] * 2
    zoned = given.set_column(at, "responded_at", pa.array(moments, pa.timestamp("us", "Europe/Berlin")))
    assert responses.from_file("a.parquet", parquet_of(zoned), NOW) == responses.judged([row(1), row(2)], NOW)
    local = given.set_column(at, "responded_at", pa.array([one.replace(tzinfo=None) for one in moments]))
    with pytest.raises(Rejected, match="offset"):
        responses.from_file("a.parquet", parquet_of(local), NOW)


def zipped() -> bytes:
    """A zip archive with a CSV file in it."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", csv_of([row()]))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.xlsx", b"PK", "none of"),
        ("a", b"", "none of"),
        ("../../a.csv.exe", b"", "none of"),
        ("a.csv", b"", "empty"),
        ("a.csv", csv_of([row()]).split(b"\n")[0] + b"\n", "no row"),
        ("a.csv", zipped(), "zip"),
        ("a.csv", b"<html><body>Sign in</body></html>", "web page"),
        ("a.csv", b"PAR1" + bytes(100), "Parquet"),
        ("a.csv", b"\xff\xfe" + "campaign_id".encode("utf-16-le"), "UTF-16"),
        ("a.csv", b"campaign_id,response_id,recipient\n1,2,3\n", "lacks responded_at"),
        ("a.csv", b"campaign_id,response_id,recipient,responded_at,email\n1,2,3,4,5\n", "e-mail"),
        ("a.csv", b"campaign_id,response_id,recipient,recipient,responded_at\n1,2,3,4,5\n", "same name"),
        ("a.csv", b"campaign_id,response_id,recipient,responded_at\n1,2\n", "number of columns"),
        ("a.csv", b"campaign_id,response_id,recipient,responded_at\n1,\xe9,3,4\n", "UTF-8"),
        ("a.parquet", csv_of([row()]), "no Parquet"),
        ("a.parquet", b"PAR1" + bytes(200) + b"PAR1", "cannot be read"),
        ("a.csv", bytes(responses.MOST_FILE_BYTES + 1), "larger"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_a_file_that_is_not_what_it_should_be_is_refused_whole(name, content, reason):
    with pytest.raises(Rejected, match=reason):
        responses.from_file(name, content, NOW)


def test_a_file_with_more_rows_than_are_taken_is_refused(monkeypatch):
    monkeypatch.setattr(responses, "MOST_FILE_ROWS", 10)
    assert responses.from_file("a.csv", csv_of([row(number) for number in range(10)]), NOW).rows == 10
    many = [row(number) for number in range(11)]
    for name, content in (("a.csv", csv_of(many)), ("a.parquet", parquet_of(pa.Table.from_pylist(many)))):
        with pytest.raises(Rejected, match="more than 10 rows"):
            responses.from_file(name, content, NOW)
    with pytest.raises(TooMany):
        responses.from_file("a.jsonl", b"\n".join(json.dumps(one).encode() for one in many), NOW)


def test_a_large_file_is_kept_in_parts_each_with_its_row_in_the_trail(running):
    journal, campaign = running
    good = [row(number, f"K{number}", campaign_id=campaign) for number in range(7_000)]
    content = csv_of([*good, row(1, "other", campaign_id=campaign), row(8_000, "a@b.example", campaign_id=campaign)])
    judged = responses.from_file("a.csv", content, NOW)
    author, _ = back(journal)
    received = kept.receive_file(journal, author, judged, "upload", author.person)
    assert (received.kept, received.known, received.left) == (7_000, 0, 0) and received.rows == 7_002
    assert [(one.row, one.reason) for one in received.refused] == [
        (7_001, DIFFERS),
        (7_002, "recipient looks like an e-mail address"),
    ]
    assert received.flags == {NOT_IN: 7_000} and audit.count(journal, action="campaign.responses") == 3
    again = kept.receive_file(journal, author, judged, "upload", author.person)
    assert (again.kept, again.known, len(again.refused)) == (0, 7_000, 2)


def test_more_rows_than_one_write_takes_are_a_mistake_of_the_caller(running):
    journal, _ = running
    answers = tuple(responses.Answer(number, CAMPAIGN, f"r{number}", "C1", stored(LAUNCH)) for number in range(5_001))
    with pytest.raises(ValueError, match="5000"):
        receive(journal, SENDER, Judged(answers, ()), "http", "x")
