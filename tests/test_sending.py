"""Sending, over real connections: who is talked to, what is signed, what is tried again, and that each is sent once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import trustme

from data import __main__ as command_line
from data import campaign_files, recipients, targets
from data.journal import audit, campaigns, deliveries
from data.journal.store import Journal
from data.sending import messages, webhook, wire, worker
from data.sending.problems import Refused, TryAgain
from data.sending.retries import ATTEMPTS
from tests.campaigning import exported, people_of
from tests.conftest import ROOT, free_port
from tests.receivers import OK, Receiver, endless, reset, server_context, silent, status

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
ARMS = {f"C{number:04}": "control" if number % 10 == 0 else "treated" for number in range(200)}
REACHED = sorted(key for key, arm in ARMS.items() if arm != "control")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of a company's own."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    return str(file)


@pytest.fixture
def receiver(authority):
    with Receiver(server_context(authority, "crm.example")) as found:
        yield found


@pytest.fixture
def crm(receiver, ca_file, tmp_path):
    """A target that is the receiver."""
    return hook(receiver.port, ca_file, tmp_path)


def hook(port: int, ca_file: str, folder, host: str = "crm.example") -> targets.Webhook:
    secret = folder / "crm.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    return targets.Webhook(
        "crm", ("127.0.0.0/8",), ca_file, url=f"https://{host}:{port}/hook?x=1", secret=targets.Secret(file=str(secret))
    )


def here(**changes) -> wire.Outside:
    """The world outside, all of it on this machine, with a clock that does not wait."""
    known = {"resolve": lambda host, port: ["127.0.0.1"], "sleep": lambda seconds: None, "say": lambda text: None}
    return wire.Outside(**(known | {"patience": 5.0, "deadline": 10.0} | changes))


def post(target: targets.Webhook, **changes) -> None:
    webhook.send(target, "key-1", b'{"a":1}', here(**changes))


# Signature


def test_the_signature_is_the_one_of_the_specifications_own_example():
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = webhook.signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="  # libraries/python/tests of Standard Webhooks


def test_a_receiver_can_tell_that_a_message_is_ours_and_new(receiver, crm):
    post(crm)
    got = receiver.received[0]
    assert got.line == "POST /hook?x=1 HTTP/1.1" and got.body == b'{"a":1}'
    assert got.headers["host"] == f"crm.example:{receiver.port}"
    assert got.headers["webhook-id"] == got.headers["idempotency-key"] == "key-1"
    assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 60
    signed = f"key-1.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"


def test_while_a_secret_changes_both_sign(receiver, crm):
    other = bytes(reversed(KEY))
    with open(crm.secret.file, "a") as file:
        file.write("\nwhsec_" + base64.b64encode(other).decode())
    post(crm)
    headers = receiver.received[0].headers
    signed = f"key-1.{headers['webhook-timestamp']}.".encode() + b'{"a":1}'
    assert headers["webhook-signature"].split() == [
        "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in (KEY, other)
    ]


def test_the_example_of_the_documentation_accepts_our_messages_and_no_others(receiver, crm):
    text = (ROOT / "docs" / "sending.md").read_text(encoding="utf-8")
    example: dict = {}
    exec(text.split("```python\n")[1].split("```")[0], example)
    post(crm)
    got = receiver.received[0]
    assert example["is_from_rapport"](got.headers, got.body, SECRET)
    assert not example["is_from_rapport"](got.headers, got.body + b" ", SECRET)
    assert not example["is_from_rapport"](got.headers, got.body, "whsec_" + base64.b64encode(bytes(32)).decode())
    assert not example["is_from_rapport"](got.headers | {"webhook-id": "key-2"}, got.body, SECRET)
    old = str(int(time.time()) - 301)
    stale = got.headers | {
        "webhook-timestamp": old,
        "webhook-signature": webhook.signature(KEY, "key-1", int(old), got.body),
    }
    assert not example["is_from_rapport"](stale, got.body, SECRET)


# Who is talked to


def test_a_host_is_looked_up_once_and_the_connection_goes_to_the_address_that_was_checked(receiver, crm):
    asked = []

    def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    post(crm, resolve=rebinding)
    assert asked == ["crm.example"] and len(receiver.received) == 1


def test_nobody_is_talked_to_when_one_of_the_addresses_is_internal(receiver, crm):
    for found in (["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["::ffff:127.0.0.1"], ["169.254.169.254"]):
        with pytest.raises(Refused, match="not an address of the public internet"):
            post(crm, resolve=lambda host, port, found=found: found)
    assert receiver.connections == 0


def test_the_next_checked_address_is_tried_when_one_does_not_answer(receiver, crm):
    post(crm, resolve=lambda host, port: ["127.9.9.9", "127.0.0.1"])
    assert len(receiver.received) == 1


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_never_followed(receiver, crm, authority, code):
    with Receiver(server_context(authority, "crm.example")) as other:
        answer = status(code, f"Location: https://crm.example:{other.port}/")
        receiver.answer = lambda *_: answer
        with pytest.raises(Refused, match="a redirect"):
            post(crm)
        assert (len(receiver.received), other.connections) == (1, 0)


def test_a_certificate_of_another_host_or_authority_or_time_is_refused(authority, ca_file, tmp_path):
    past = datetime.now(UTC) - timedelta(days=1)
    expired = wire.ssl.SSLContext(wire.ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("crm.example", not_before=past - timedelta(days=9), not_after=past).configure_cert(expired)
    foreign = server_context(trustme.CA(), "crm.example")
    for context in (
        server_context(authority, "other.example"),
        server_context(authority, "127.0.0.1"),
        foreign,
        expired,
    ):
        with Receiver(context) as server:
            with pytest.raises(Refused, match="no valid certificate"):
                post(hook(server.port, ca_file, tmp_path))
            assert server.received == []


def test_without_its_own_authority_a_companys_certificate_is_refused(receiver, tmp_path):
    with pytest.raises(Refused, match="no valid certificate"):
        post(hook(receiver.port, "", tmp_path))
    assert receiver.received == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
def test_old_encryption_and_none_are_refused_and_nothing_is_said(authority, ca_file, tmp_path):
    old = server_context(authority, "crm.example")
    old.minimum_version = wire.ssl.TLSVersion.TLSv1_1
    old.maximum_version = wire.ssl.TLSVersion.TLSv1_1
    for context in (old, None):
        with Receiver(context) as server:
            with pytest.raises((Refused, TryAgain)):
                post(hook(server.port, ca_file, tmp_path), patience=2.0)
            assert all(SECRET not in str(one) and b"recipients" not in one.body for one in server.received)
            assert not any(one.line.startswith("POST") for one in server.received)


def test_no_proxy_of_the_environment_is_used(receiver, crm, monkeypatch):
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    post(crm)
    assert len(receiver.received) == 1


# Targets that do not behave


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(receiver, crm, code):
    receiver.answer = lambda *_: status(code)
    with pytest.raises(TryAgain, match=str(code)):
        post(crm)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 410, 413, 422, 451])
def test_what_will_not_pass_is_refused(receiver, crm, code):
    receiver.answer = lambda *_: status(code)
    with pytest.raises(Refused, match=str(code)):
        post(crm)


@pytest.mark.parametrize("code", [200, 201, 202, 204])
def test_a_success_is_a_receipt(receiver, crm, code):
    receiver.answer = lambda *_: status(code)
    post(crm)
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("999999999999", 120, 120),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("", 0, 0),
        ("in a minute", 30, 60),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0, 0),
    ],
)
def test_a_wish_to_wait_is_read_and_bounded(header, low, high):
    text = header.replace("in a minute", format_datetime(datetime.now(UTC) + timedelta(seconds=60)))
    assert low <= wire.waiting(text.encode()) <= high


def test_a_target_that_breaks_off_is_tried_again(receiver, crm):
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    for answer in (reset, lambda *_: half, lambda *_: b"", lambda *_: b"SSH-2.0-x\r\n\r\n", lambda *_: b"HTTP/1.1 2"):
        receiver.answer = answer
        with pytest.raises(TryAgain, match="broke the connection off"):
            post(crm)


def test_a_target_that_is_not_there_is_tried_again(ca_file, tmp_path):
    with pytest.raises(TryAgain, match="cannot be reached"):
        post(hook(free_port(), ca_file, tmp_path))


def drip(text: bytes):
    """An answer at twenty bytes a second: every byte in time, the whole never."""

    def answer(number, received, connection):
        for one in text:
            connection.sendall(bytes([one]))
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        lambda *_: time.sleep(4),
        drip(b"HTTP/1.1 200 OK\r\n" + b"X-Header: and on it goes\r\n" * 40),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000),
    ],
)
def test_a_slow_target_is_left_after_the_time_allowed_for_the_whole(receiver, crm, answer):
    receiver.answer = answer
    began = time.monotonic()
    with pytest.raises(TryAgain, match="in time"):
        post(crm, deadline=0.7, patience=0.5)
    assert time.monotonic() - began < 2


def test_a_target_that_does_not_read_is_left(ca_file, tmp_path, authority):
    with Receiver(server_context(authority, "crm.example")) as server:
        server.take = silent
        with pytest.raises(TryAgain, match="in time"):
            post(hook(server.port, ca_file, tmp_path), deadline=0.5)


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", b"x" * 65_536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1_000 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-Header: ", b"x" * 65_536),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1_000),
        (b"HTTP/1.1 500 Error\r\n\r\n", b"x" * 65_536),
    ],
)
def test_an_answer_of_10_gb_is_not_read(receiver, crm, head, more):
    receiver.answer = endless(receiver, head, more)
    with pytest.raises(TryAgain, match=r"longer than 64 KiB|broke the connection off"):
        post(crm)
    assert receiver.sent < 16 * 1024**2  # what the system's buffers took, of 10 GB


def test_two_receipts_in_a_row_are_one(receiver, crm):
    receiver.answer = lambda *_: OK + OK + status(500)
    post(crm)


# A delivery


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """A journal that other processes find, too."""
    for name, value in {
        "RAPPORT_JOURNAL": tmp_path / "journal",
        "RAPPORT_JOURNAL_KEYS": tmp_path / "keys" / "audit.keys",
        "RAPPORT_CHECKPOINTS": tmp_path / "elsewhere" / "checkpoints.jsonl",
        "RAPPORT_CAMPAIGNS": tmp_path / "campaigns",
    }.items():
        monkeypatch.setenv(name, str(value))
    opened = Journal()
    opened.migrate()
    yield opened
    opened.engine.dispose()


def configure(tmp_path, monkeypatch, text: str) -> None:
    """Write targets.toml."""
    file = tmp_path / "targets.toml"
    file.write_text(text)
    file.chmod(0o600)
    monkeypatch.setenv("RAPPORT_TARGETS", str(file))
    monkeypatch.setenv("CRM_SECRET", SECRET)


@pytest.fixture
def configured(receiver, ca_file, tmp_path, monkeypatch):
    """targets.toml with the receiver in it."""
    configure(
        tmp_path,
        monkeypatch,
        f"""[target.crm]
        kind = "webhook"
        url = "https://crm.example:{receiver.port}/hook"
        secret_env = "CRM_SECRET"
        networks = ["127.0.0.0/8"]
        ca_file = "{ca_file}" """,
    )


def opened(journal, batch_rows: int = 10, target: str = "crm", kind: str = "jsonl"):
    """An exported campaign and its open delivery."""
    author, approver = people_of(journal)
    found = exported(journal, author, approver, ARMS)
    rows = pa.table(
        [range(len(REACHED)), REACHED, REACHED, ["email"] * len(REACHED), ["treated"] * len(REACHED)],
        schema=recipients.LISTED,
    )
    folder = campaign_files.folder_of(journal, found.campaign_id)
    file, sha256 = campaign_files.put(folder, "delivery", lambda path: pq.write_table(rows, path, row_group_size=64))
    return deliveries.open_delivery(
        journal, author, found.campaign_id, target, kind, False, 30, len(REACHED), 0, file, sha256, batch_rows
    )


def send(journal, delivery: str = "", withdrawn: int = 0, **changes) -> bool:
    return worker.run(journal, here(**changes), lambda _: withdrawn, delivery, once=True)


def taken(receiver) -> list[str]:
    """The recipients a target has that takes every key once, as it is asked to."""
    by_key = {one.headers["idempotency-key"]: one for one in receiver.received}
    assert all(by_key[one.headers["idempotency-key"]].body == one.body for one in receiver.received)
    return [key for one in by_key.values() for key in one.recipients]


def state(journal, delivery: str) -> str:
    return campaigns.get(journal, people_of(journal)[1], deliveries.get(journal, delivery).campaign_id).state


def test_a_delivery_reaches_everybody_once_and_the_window_begins(journal, receiver, configured):
    delivery = opened(journal, batch_rows=50)
    assert send(journal)
    assert taken(receiver) == REACHED
    found = deliveries.get(journal, delivery)
    assert (found.ended_why, found.sent, found.problem, state(journal, delivery)) == ("complete", 180, "", "measuring")
    told = json.loads(receiver.received[3].body)
    assert told["type"] == "campaign.recipients" and told["timestamp"] == found.at
    assert told["data"].pop("recipients") == REACHED[150:]
    assert told["data"] == {
        "campaign": found.campaign_id, "delivery": delivery, "purpose": "advertising", "expires": found.expires_at,
        "channel": "email", "offer": "10 % on the next order", "batch": 3, "batches": 4, "rows": 30,
    }  # fmt: skip
    assert audit.verify(journal).ok
    assert send(journal, delivery) and len(receiver.received) == 4


def test_a_failing_target_gets_the_same_message_with_the_same_key_until_it_takes_it(ledger, receiver, configured):
    answers = iter([status(500), status(503, "Retry-After: 100"), OK, status(429), OK])
    receiver.answer = lambda *_: next(answers)
    delivery, waited, said = opened(ledger, batch_rows=90), [], []
    assert send(ledger, sleep=waited.append, say=said.append)
    keys = [one.headers["webhook-id"] for one in receiver.received]
    assert keys == [f"{delivery}-0"] * 3 + [f"{delivery}-1"] * 2
    assert taken(receiver) == REACHED
    assert len(waited) == 3 and 2 <= waited[0] <= 4 and waited[1] == 100 and 2 <= waited[2] <= 4
    assert [one.attempts for one in deliveries.batches(ledger, delivery)] == [3, 2]
    assert said[-1].endswith("180 of 180 recipients sent to crm")


def test_a_dead_target_is_given_up_visibly_and_the_delivery_is_gone_on_with_when_asked(ledger, receiver, configured):
    receiver.answer = lambda number, *_: OK if number == 1 else status(503)
    delivery, waited = opened(ledger, batch_rows=60), []
    assert not send(ledger, sleep=waited.append)
    found = deliveries.get(ledger, delivery)
    assert (found.open, found.sent, found.problem) == (True, 60, "crm.example answered 503.")
    assert [one.attempts for one in deliveries.batches(ledger, delivery)] == [1, ATTEMPTS, 0]
    assert 60 < sum(waited) < 200  # not for ever
    assert send(ledger) and len(receiver.received) == 1 + ATTEMPTS  # left alone until somebody asks
    receiver.answer = lambda *_: OK
    assert send(ledger, delivery)
    assert taken(receiver) == REACHED
    assert (deliveries.get(ledger, delivery).problem, state(ledger, delivery)) == ("", "measuring")


def test_a_batch_that_is_refused_does_not_hold_up_the_others(ledger, receiver, configured):
    receiver.answer = lambda number, received, _: status(422) if "C0011" in received.recipients else OK
    delivery = opened(ledger, batch_rows=45)
    assert not send(ledger)
    found = deliveries.get(ledger, delivery)
    assert (found.sent, found.open, found.problem[:24]) == (135, True, "crm.example answered 422")
    assert len(receiver.received) == 4


def test_a_target_that_refuses_everything_is_left_after_three_batches(ledger, receiver, configured):
    receiver.answer = lambda *_: status(401)
    opened(ledger, batch_rows=10)
    assert not send(ledger)
    assert len(receiver.received) == worker.REFUSED_IN_A_ROW


def test_a_cancelled_delivery_stops_after_the_batch_on_its_way_and_that_one_counts(ledger, receiver, configured):
    delivery = opened(ledger, batch_rows=10)
    author = people_of(ledger)[0]

    def answer(number, *_):
        if number == 3:
            deliveries.cancel(ledger, author, delivery)
        return OK

    receiver.answer = answer
    assert send(ledger)
    found = deliveries.get(ledger, delivery)
    assert len(receiver.received) == 3
    assert (found.ended_why, found.sent, state(ledger, delivery)) == ("cancelled", 30, "measuring")
    assert send(ledger, delivery) and len(receiver.received) == 3


def test_nothing_leaves_while_the_journal_can_be_read_but_not_written(ledger, receiver, configured, monkeypatch):
    delivery = opened(ledger, batch_rows=10)

    def full():
        raise OSError("No space left on device")

    monkeypatch.setattr(ledger, "unaudited", full)
    with pytest.raises(OSError, match="No space"):
        send(ledger)
    assert receiver.received == []
    monkeypatch.undo()
    monkeypatch.setenv("CRM_SECRET", SECRET)
    assert deliveries.get(ledger, delivery).open
    assert not deliveries.trying(ledger, delivery, 99)  # a batch that is not there
    assert deliveries.trying(ledger, delivery, 0)
    deliveries.cancel(ledger, people_of(ledger)[0], delivery)
    assert not deliveries.trying(ledger, delivery, 0)


def test_nothing_is_sent_to_somebody_who_withdrew_consent_since(ledger, receiver, configured):
    delivery = opened(ledger)
    assert not send(ledger, withdrawn=2)
    assert receiver.connections == 0
    assert deliveries.get(ledger, delivery).problem.startswith("2 of its recipients may not be reached any more")


def test_a_list_that_expired_is_ended_and_not_sent(ledger, receiver, configured):
    delivery = opened(ledger)
    ledger.clock = lambda: datetime.now(UTC) + timedelta(days=31)
    assert not send(ledger)
    found = deliveries.get(ledger, delivery)
    assert (receiver.connections, found.ended_why, found.sent) == (0, "failed", 0)


def test_a_list_that_somebody_changed_is_not_sent(ledger, receiver, configured):
    delivery, said = opened(ledger), []
    found = deliveries.get(ledger, delivery)
    path = campaign_files.folder_of(ledger, found.campaign_id) / found.file
    pq.write_table(pq.read_table(path).slice(1), path)
    assert not send(ledger, say=said.append)
    assert receiver.connections == 0 and "not what was exported" in said[-1]
    assert deliveries.get(ledger, delivery).problem == worker.ON_THE_SERVER


def test_a_target_that_is_gone_or_not_set_up_is_a_problem_on_the_screen_and_no_secret_in_it(
    ledger, receiver, configured, monkeypatch, tmp_path
):
    delivery, said = opened(ledger), []
    monkeypatch.setenv("CRM_SECRET", "whsec_notlongenough")
    assert not send(ledger, say=said.append)
    assert "notlongenough" not in "".join(said) and deliveries.get(ledger, delivery).problem == worker.ON_THE_SERVER
    (tmp_path / "targets.toml").write_text("")
    assert not send(ledger, say=said.append)
    assert "empty" in said[-1]
    (tmp_path / "targets.toml").write_text("[target.other]\nkind = 'folder'\npath = '/srv'")
    assert not send(ledger, say=said.append)
    assert deliveries.get(ledger, delivery).problem.startswith("There is no target crm any more")
    assert receiver.connections == 0


def test_no_secret_is_in_the_journal_its_trail_or_what_the_worker_says(ledger, receiver, configured, tmp_path):
    said: list[str] = []
    receiver.answer = lambda number, *_: status(401) if number == 1 else OK
    opened(ledger, batch_rows=60)
    send(ledger, say=said.append)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "crm.secret")
    assert said and SECRET not in "".join(said) and SECRET.encode() not in kept


def test_an_error_of_the_program_is_a_problem_on_the_screen_before_it_ends_the_worker(
    ledger, receiver, configured, monkeypatch
):
    delivery = opened(ledger)
    monkeypatch.setattr(webhook, "body", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        send(ledger)
    found = deliveries.get(ledger, delivery)
    assert (found.problem, found.open) == (worker.ON_THE_SERVER, True)


# Killed, and two at once


def workers(number: int = 1, *arguments: str) -> list[subprocess.Popen]:
    return [subprocess.Popen([sys.executable, "-m", "tests.send_worker", *arguments], cwd=ROOT) for _ in range(number)]


def test_a_worker_killed_at_40_percent_is_gone_on_with_and_everybody_is_reached_once(ledger, receiver, configured):
    delivery = opened(ledger, batch_rows=9)  # 20 batches
    process: list[subprocess.Popen] = []
    kills = {8: "before it hears of the receipt", 15: "when the receipt has left"}

    def answer(number, received, connection):
        if number not in kills:
            return OK
        if number == 15:
            connection.sendall(OK)
        os.kill(process[-1].pid, signal.SIGKILL)
        process[-1].wait()
        return None

    receiver.answer = answer
    for _ in range(3):
        process.extend(workers())
        assert process[-1].wait(60) in (0, -signal.SIGKILL)
    assert [one.returncode for one in process] == [-9, -9, 0]
    found = deliveries.get(ledger, delivery)
    assert (found.ended_why, found.sent, state(ledger, delivery)) == ("complete", 180, "measuring")
    assert Counter(taken(receiver)) == Counter(REACHED)
    keys = [one.headers["webhook-id"] for one in receiver.received]
    assert sorted(set(keys)) == sorted(one.idempotency_key for one in deliveries.batches(ledger, delivery))
    assert 20 <= len(keys) <= 20 + len(kills)
    assert keys[:9] == [
        f"{delivery}-{number}" for number in (0, 1, 2, 3, 4, 5, 6, 7, 7)
    ]  # the one it was killed at again
    assert audit.verify(ledger).ok


def test_two_workers_at_once_send_each_batch_once(ledger, receiver, configured):
    delivery = opened(ledger, batch_rows=9)

    def slowly(*_):
        time.sleep(0.15)  # longer than two workers begin apart
        return OK

    receiver.answer = slowly
    for process in workers(2):
        assert process.wait(60) == 0
    assert [one.headers["webhook-id"] for one in receiver.received] == [f"{delivery}-{number}" for number in range(20)]
    assert deliveries.get(ledger, delivery).ended_why == "complete"


def test_a_hundred_racing_marks_of_a_batch_give_one(ledger, receiver, configured):
    delivery, marked = opened(ledger), []

    def mark():
        try:
            deliveries.sent(ledger, delivery, 0)
            marked.append(1)
        except deliveries.Invalid:
            pass

    threads = [threading.Thread(target=mark) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert marked == [1] and deliveries.get(ledger, delivery).sent == 10


# The command, and a worker of the server's


def test_the_command_sends_what_waits(ledger, receiver, configured, monkeypatch, capsys):
    monkeypatch.setattr(recipients, "withdrawn", lambda *_: 0)
    monkeypatch.setattr("data.warehouse.Warehouse.current", lambda self: None)
    look_up = socket.getaddrinfo
    names = {"crm.example": "127.0.0.1"}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *rest, **more: look_up(names.get(host, host), *rest, **more)
    )
    delivery = opened(ledger, batch_rows=90)
    assert command_line.main(["send", "--once"]) == 0
    assert f"{delivery}: 180 of 180 recipients sent to crm" in capsys.readouterr().err
    assert command_line.main(["send", "--delivery", "nobody"]) == 1
    assert "no such delivery" in capsys.readouterr().err


def test_the_server_starts_a_worker_that_says_on_record_why_it_cannot_send(
    ledger, receiver, configured, monkeypatch, tmp_path
):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(tmp_path / "nowhere"))
    delivery = opened(ledger)
    worker.start_worker(ledger, delivery)
    until = time.monotonic() + 30
    while not deliveries.get(ledger, delivery).problem:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert deliveries.get(ledger, delivery).problem == worker.ON_THE_SERVER
    log = campaign_files.store_folder(ledger) / "send.log"
    while "Nobody can be asked for consent" not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.1)
    assert log.stat().st_mode & 0o077 == 0 and receiver.connections == 0


def test_a_message_holds_its_batch_and_nothing_else(ledger, receiver, configured):
    delivery = deliveries.get(ledger, opened(ledger, batch_rows=9))
    batches = deliveries.batches(ledger, delivery.delivery_id)
    sizes = [len(messages.message(ledger, delivery, one, len(batches))) for one in batches]
    assert max(sizes) - min(sizes) <= 2 and max(sizes) < 1_000


def test_a_socket_that_was_checked_is_the_one_that_is_used(monkeypatch, receiver, crm):
    used = []
    create = socket.create_connection

    def noted(address, *rest, **more):
        used.append(address)
        return create(address, *rest, **more)

    monkeypatch.setattr(socket, "create_connection", noted)
    post(crm)
    assert used == [("127.0.0.1", receiver.port)]
