"""Sending files: into a store that speaks S3, onto an SFTP server, into a folder; whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import hmac
import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import asyncssh
import boto3
import pyarrow.parquet as pq
import pytest
import trustme
from botocore.config import Config
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from data import targets
from data.journal import deliveries
from data.journal.problems import JournalError
from data.sending import folder, s3, sftp
from data.sending.problems import Refused, TryAgain
from tests import receivers
from tests.test_sending import REACHED, configure, here, ledger, opened, send, state

__all__ = ["ledger"]  # a fixture

ACCESS, HIDDEN = "AKID", "store-secret-9d"


@pytest.fixture
def file(tmp_path):
    """A file of half a megabyte."""
    found = tmp_path / "list.csv"
    found.write_bytes(b"recipient,channel\r\n" + b"C0001,email\r\n" * 40_000)
    return found


# A store


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def store(authority, tmp_path_factory):
    """moto as an HTTPS server with the bucket `campaigns`; its port, the authority's file, and what it was asked."""
    folder = tmp_path_factory.mktemp("store")
    certificate, ca = authority.issue_cert("s3.example"), folder / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    certificate.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    asked: list[dict] = []
    application = DomainDispatcherApplication(create_backend_app)

    def noted(environ, start_response):
        asked.append(dict(environ))
        environ["HTTP_HOST"] = "127.0.0.1"  # or moto takes s3.example for a bucket named s3
        return application(environ, start_response)

    server = make_server(
        "127.0.0.1", 0, noted, threaded=True, ssl_context=(folder / "server.pem", folder / "server.pem")
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    plain = make_server("127.0.0.1", 0, application, threaded=True)  # for the test's own look: the same store
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{plain.server_port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
    )
    client.create_bucket(Bucket="campaigns")
    yield server.server_port, str(ca), client, asked
    client.close()
    for one in (server, plain):
        one.shutdown()
        one.server_close()
    thread.join(5)


@pytest.fixture
def lake(store, monkeypatch):
    """The store as a target."""
    monkeypatch.setenv("LAKE_KEY", ACCESS)
    monkeypatch.setenv("LAKE_SECRET", HIDDEN)
    return targets.Store(
        "lake",
        ("127.0.0.0/8",),
        store[1],
        endpoint=f"https://s3.example:{store[0]}",
        bucket="campaigns",
        prefix="rapport/out",
        key=targets.Secret(variable="LAKE_KEY"),
        secret=targets.Secret(variable="LAKE_SECRET"),
    )


def test_a_file_is_in_the_bucket_byte_for_byte_and_a_second_time_in_its_own_place(store, lake, file):
    for _ in range(2):
        s3.put(lake, "a-list.csv", file, "text/csv", here())
    found = store[2].get_object(Bucket="campaigns", Key="rapport/out/a-list.csv")
    assert found["Body"].read() == file.read_bytes() and found["ContentType"] == "text/csv"
    names = [one["Key"] for one in store[2].list_objects_v2(Bucket="campaigns")["Contents"]]
    assert names.count("rapport/out/a-list.csv") == 1


def signature_of(environ: dict) -> str:
    """The signature a store works out for a request: AWS Signature Version 4, as its documentation describes it."""
    said = dict(part.strip().split("=", 1) for part in environ["HTTP_AUTHORIZATION"].split(" ", 1)[1].split(","))
    day, region, service, end = said["Credential"].split("/")[1:]
    names = said["SignedHeaders"].split(";")
    value = {name: environ.get("HTTP_" + name.upper().replace("-", "_")) for name in names}
    value |= {"content-type": environ["CONTENT_TYPE"], "content-length": environ["CONTENT_LENGTH"]}
    headers = "".join(f"{name}:{value[name].strip()}\n" for name in names)
    asked = [environ["REQUEST_METHOD"], urlsplit(environ["RAW_URI"]).path, "", headers, said["SignedHeaders"]]
    canonical = "\n".join([*asked, environ["HTTP_X_AMZ_CONTENT_SHA256"]])
    scope = f"{day}/{region}/{service}/{end}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{environ['HTTP_X_AMZ_DATE']}\n{scope}\n{digest}"
    key = f"AWS4{HIDDEN}".encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    assert said["Signature"] == hmac.new(key, text.encode(), "sha256").hexdigest()
    return said["SignedHeaders"]


def test_the_store_works_out_the_same_signature_over_the_same_checksum(store, lake, file):
    s3.put(lake, "signed.csv", file, "text/csv", here())
    environ = next(
        one for one in reversed(store[3]) if one["REQUEST_METHOD"] == "PUT" and "signed.csv" in one["PATH_INFO"]
    )
    signed = signature_of(environ).split(";")
    assert {"host", "x-amz-content-sha256", "x-amz-checksum-sha256", "x-amz-date"} <= set(signed)
    assert environ["HTTP_X_AMZ_CONTENT_SHA256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert HIDDEN not in str(environ)


def test_a_store_refuses_and_fails_like_any_target(store, lake, file, authority, tmp_path):
    missing = targets.Store(**{**vars(lake), "bucket": "nowhere"})
    with pytest.raises(Refused, match=r"s3\.example answered 404"):
        s3.put(missing, "x.csv", file, "text/csv", here())
    with pytest.raises(Refused, match="not an address of the public internet"):
        s3.put(lake, "x.csv", file, "text/csv", here(resolve=lambda host, port: ["10.0.0.1"]))
    with receivers.Receiver(receivers.server_context(authority, "s3.example")) as server:
        elsewhere = targets.Store(**{**vars(lake), "endpoint": f"https://s3.example:{server.port}"})
        with pytest.raises(Refused, match="no valid certificate"):
            s3.put(targets.Store(**{**vars(elsewhere), "ca_file": ""}), "x.csv", file, "text/csv", here())
        server.answer = lambda *_: receivers.status(307, "Location: https://169.254.169.254/")
        with pytest.raises(Refused, match="a redirect"):
            s3.put(elsewhere, "x.csv", file, "text/csv", here())
        for answer in (lambda *_: receivers.status(503), receivers.reset):
            server.answer = answer
            with pytest.raises(TryAgain):
                s3.put(elsewhere, "x.csv", file, "text/csv", here())
        server.answer = receivers.endless(server, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536)
        with pytest.raises(TryAgain, match="longer than 64 KiB"):
            s3.put(elsewhere, "x.csv", file, "text/csv", here())


# SFTP


@pytest.fixture(scope="module")
def keys():
    """The server's key, ours, and a stranger's."""
    return [asyncssh.generate_private_key("ssh-ed25519") for _ in range(3)]


@pytest.fixture
def letters(keys, tmp_path):
    """A maker of targets that are an SFTP server's folder `in`."""
    (tmp_path / "served" / "in").mkdir(parents=True)

    def made(port: int, known=keys[0], ours=keys[1], **changes) -> targets.Sftp:
        key_file = tmp_path / "sftp.key"
        key_file.write_bytes(ours.export_private_key())
        key_file.chmod(0o600)
        settings = {"host": "sftp.example", "port": port, "user": "rapport", "key_file": str(key_file), "folder": "in"}
        settings |= {"known_host": known.export_public_key().decode().strip()} | changes
        return targets.Sftp("letters", ("127.0.0.0/8",), **settings)

    return made


def served(tmp_path) -> Path:
    return tmp_path / "served" / "in"


def test_a_file_is_on_the_server_byte_for_byte_and_replaces_itself(keys, letters, file, tmp_path):
    with receivers.sftp_server(tmp_path / "served", keys[0], keys[1]) as port:
        sftp.put(letters(port), "list.csv", file, here())
        assert (served(tmp_path) / "list.csv").read_bytes() == file.read_bytes()
        file.write_bytes(b"shorter")
        sftp.put(letters(port), "list.csv", file, here())
    assert {one.name: one.read_bytes() for one in served(tmp_path).iterdir()} == {"list.csv": b"shorter"}


def test_a_file_arrives_also_when_whoever_sends_it_has_an_event_loop_running(keys, letters, file, tmp_path):
    async def within() -> None:
        sftp.put(letters(port), "list.csv", file, here())

    with receivers.sftp_server(tmp_path / "served", keys[0], keys[1]) as port, ThreadPoolExecutor(1) as own:
        own.submit(lambda: asyncio.run(within())).result()
    assert (served(tmp_path) / "list.csv").read_bytes() == file.read_bytes()


class Plain(asyncssh.SFTPServer):
    """A server without OpenSSH's extension, whose rename refuses a name that is taken."""

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no such extension")


class Breaking(asyncssh.SFTPServer):
    """A server that runs out of space."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        if offset > 100_000:
            raise asyncssh.SFTPFailure("no space left")
        return super().write(file_obj, offset, data)


class Slow(asyncssh.SFTPServer):
    """A server that takes its time."""

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        await receivers.asyncio.sleep(3)
        return super().write(file_obj, offset, data)


def test_a_plain_server_gets_the_file_whole_too(keys, letters, file, tmp_path):
    (served(tmp_path) / "list.csv").write_text("old")
    with receivers.sftp_server(tmp_path / "served", keys[0], keys[1], Plain) as port:
        sftp.put(letters(port), "list.csv", file, here())
    assert [(one.name, one.stat().st_size) for one in served(tmp_path).iterdir()] == [("list.csv", file.stat().st_size)]


@pytest.mark.parametrize(("files", "limits"), [(Breaking, {}), (Slow, {"deadline": -4.5})])
def test_a_transfer_that_breaks_off_or_takes_too_long_leaves_the_old_file(keys, letters, file, tmp_path, files, limits):
    (served(tmp_path) / "list.csv").write_text("old")
    began = time.monotonic()
    with receivers.sftp_server(tmp_path / "served", keys[0], keys[1], files) as port:
        with pytest.raises(TryAgain):
            sftp.put(letters(port), "list.csv", file, here(**limits))
    assert (served(tmp_path) / "list.csv").read_text() == "old" and time.monotonic() - began < 5


def test_a_server_with_another_key_learns_nothing(keys, letters, file, tmp_path):
    with receivers.sftp_server(tmp_path / "served", keys[2], keys[1]) as port:
        with pytest.raises(Refused, match="not the server we know"):
            sftp.put(letters(port), "list.csv", file, here())
    assert list(served(tmp_path).iterdir()) == []


def test_an_account_that_the_server_does_not_know_is_refused(keys, letters, file, tmp_path):
    with receivers.sftp_server(tmp_path / "served", keys[0], keys[1]) as port:
        for changes in ({"ours": keys[2]}, {"user": "root"}):
            with pytest.raises(Refused, match="does not know us"):
                sftp.put(letters(port, **changes), "list.csv", file, here())
        with pytest.raises(Refused, match="no such folder"):
            sftp.put(letters(port, folder="nowhere"), "list.csv", file, here())
        with pytest.raises(Refused, match="not an address of the public internet"):
            sftp.put(letters(port), "list.csv", file, here(resolve=lambda host, port: ["10.0.0.1"]))


def test_a_server_that_says_nothing_or_something_else_is_left(letters, file):
    with receivers.Receiver(None) as server:
        server.take = receivers.silent
        began = time.monotonic()
        with pytest.raises(TryAgain):
            sftp.put(letters(server.port), "list.csv", file, here(patience=0.5, deadline=1.0))
        assert time.monotonic() - began < 3
        server.take = lambda connection: (connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), connection.close())
        with pytest.raises(TryAgain):
            sftp.put(letters(server.port), "list.csv", file, here())


def test_a_key_that_is_none_or_open_to_others_is_refused_without_showing_it(letters, file):
    with pytest.raises(Refused, match="known_host"):
        sftp.put(letters(22, known_host="ssh-ed25519 nothing"), "x", file, here())
    target = letters(22)
    Path(target.key_file).write_text("a secret of another kind")
    with pytest.raises(Refused) as raised:
        sftp.put(target, "x", file, here())
    assert "another kind" not in str(raised.value)
    Path(target.key_file).chmod(0o640)
    with pytest.raises(JournalError, match="chmod 600"):
        sftp.put(target, "x", file, here())


# A folder


def test_a_folder_has_the_file_whole_and_nothing_else(file, tmp_path):
    place = tmp_path / "shared"
    target = targets.Folder("shared", path=str(place))
    with pytest.raises(Refused, match="not there"):
        folder.put(target, "list.csv", file)
    place.mkdir()
    (place / "list.csv").symlink_to(tmp_path / "elsewhere")  # replaced, not followed
    folder.put(target, "list.csv", file)
    assert not (tmp_path / "elsewhere").exists() and not (place / "list.csv").is_symlink()
    assert [one.name for one in place.iterdir()] == ["list.csv"]
    assert (place / "list.csv").read_bytes() == file.read_bytes()


# A delivery as a file


def rows_of(kind: str, content: bytes) -> list[str]:
    """The recipients in a file."""
    if kind == "parquet":
        return pq.read_table(io.BytesIO(content))["recipient"].to_pylist()
    if kind == "jsonl":
        return [json.loads(line)["recipient"] for line in content.splitlines()]
    return [row["Recipient"] for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_delivery_as_a_file_has_everybody_once_and_says_what_it_is_for(ledger, tmp_path, monkeypatch, kind):
    place = tmp_path / "shared"
    place.mkdir()
    configure(tmp_path, monkeypatch, f'[target.crm]\nkind = "folder"\npath = "{place}"')
    delivery = opened(ledger, batch_rows=0, kind=kind)
    assert send(ledger)
    found = deliveries.get(ledger, delivery)
    name = f"{found.campaign_id}-{delivery}"
    assert sorted(one.name for one in place.iterdir()) == sorted([f"{name}.{kind}", f"{name}.about.json"])
    content = (place / f"{name}.{kind}").read_bytes()
    assert rows_of(kind, content) == REACHED
    assert json.loads((place / f"{name}.about.json").read_text()) == {
        "campaign": found.campaign_id, "delivery": delivery, "kind": kind, "purpose": "advertising", "rows": len(REACHED),
        "expires": found.expires_at, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content),
    }  # fmt: skip
    assert (found.ended_why, state(ledger, delivery)) == ("complete", "measuring")


def test_a_delivery_to_a_store_and_to_a_server_arrives(ledger, store, lake, keys, letters, tmp_path, monkeypatch):
    configure(tmp_path, monkeypatch, f"""[target.crm]
        kind = "s3"
        endpoint = "https://s3.example:{store[0]}"
        bucket = "campaigns"
        key_env = "LAKE_KEY"
        secret_env = "LAKE_SECRET"
        networks = ["127.0.0.0/8"]
        ca_file = "{store[1]}" """)  # fmt: skip
    delivery = opened(ledger, batch_rows=0, kind="csv")
    assert send(ledger)
    name = f"{deliveries.get(ledger, delivery).campaign_id}-{delivery}.csv"
    assert rows_of("csv", store[2].get_object(Bucket="campaigns", Key=name)["Body"].read()) == REACHED
    with receivers.sftp_server(tmp_path / "served", keys[0], keys[1]) as port:
        target = letters(port)
        configure(tmp_path, monkeypatch, f"""[target.crm]
            kind = "sftp"
            host = "sftp.example"
            port = {port}
            user = "rapport"
            key_file = "{target.key_file}"
            known_host = "{target.known_host}"
            folder = "in"
            networks = ["127.0.0.0/8"] """)  # fmt: skip
        delivery = opened(ledger, batch_rows=0, kind="csv")
        assert send(ledger)
    name = f"{deliveries.get(ledger, delivery).campaign_id}-{delivery}.csv"
    assert rows_of("csv", (served(tmp_path) / name).read_bytes()) == REACHED
    assert (served(tmp_path) / name.replace(".csv", ".about.json")).exists()
