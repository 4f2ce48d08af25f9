"""Targets: which addresses may be talked to, what targets.toml may say, and that no secret is seen anywhere."""

from __future__ import annotations

import ipaddress
import socket

import pytest

from data import targets
from data.journal.problems import JournalError
from data.journal.store import Journal
from data.sending import addresses
from data.sending.problems import Refused, TryAgain

PUBLIC = "93.184.216.34"
WHSEC = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def literal(host: str, port: int) -> list[str]:
    """A resolver that knows what this machine's would say of numbers in any spelling, and a few names."""
    known = {"crm.example": [PUBLIC], "localtest.me": ["127.0.0.1"], "mixed.example": [PUBLIC, "10.0.0.7"]}
    known |= {"v6.example": ["2606:2800:220:1::1"], "rebound.example": ["fe80::1%2"], "none.example": []}
    if host in known:
        return known[host]
    return list({str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)})


def reached(url: str, *networks: str) -> list[str]:
    """The addresses a target with this address would be talked to at."""
    place = addresses.web(url)
    return addresses.reachable(place.host, place.port, networks, literal)


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest/meta-data", "https://127.0.0.1", "https://127.8.8.8", "https://[::1]/", "https://0.0.0.0",
        "https://0x7f.1", "https://0x7f000001", "https://2130706433", "https://017700000001", "https://127.1", "https://0",
        "https://10.0.0.1", "https://172.16.0.1", "https://192.168.1.1", "https://100.64.0.1", "https://198.18.0.1",
        "https://224.0.0.1", "https://239.1.2.3", "https://240.0.0.1", "https://255.255.255.255", "https://192.0.2.1",
        "https://168.63.129.16", "https://192.88.99.1", "https://localtest.me", "https://localhost", "https://mixed.example",
        "https://[::]", "https://[::ffff:127.0.0.1]", "https://[::ffff:93.184.216.34]", "https://[::127.0.0.1]",
        "https://[64:ff9b::7f00:1]", "https://[64:ff9b:1::a00:1]", "https://[2002:7f00:1::]", "https://[2001:0:1::1]",
        "https://[fe80::1]", "https://[fe80::1%25eth0]", "https://[fc00::1]", "https://[fec0::1]", "https://[ff02::1]",
        "https://[2001:db8::1]", "https://rebound.example",
        "http://crm.example", "ftp://crm.example", "//crm.example", "crm.example", "https://", "https:///path", "file:///etc/passwd",
        "https://user@crm.example", "https://user:pass@crm.example", "https://crm.example@10.0.0.1", "https://crm.example.",
        "https://127.0.0.1.", "https://crm.example#x", "https://crm.example:0x50", "https://crm.example:99999",
        "https://crm.example:-1", "https://bücher.example", "https://сrm.example", "https://crm。example", "https://①②⑦.0.0.1",
        "https://crm.example\\@10.0.0.1", "https://crm.example\t", "https://crm .example", "https://crm.example\r\nHost: x",
        "https://crm..example", "https://-crm.example", "https://crm_.example", "https://" + "a" * 64 + ".example", "https://[::1",
        "https://crm.0x1f", "https://1.2.3", "https://1.2.3.4.5", "https://01.02.03.04", "https://%31%32%37.0.0.1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_plainly_public_is_refused(url):
    with pytest.raises(Refused):
        reached(url)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://crm.example/hook?x=1", [PUBLIC]),
        ("https://CRM.example:8443", [PUBLIC]),
        (f"https://{PUBLIC}/", [PUBLIC]),
        ("https://v6.example", ["2606:2800:220:1::1"]),
        ("https://[2606:2800:220:1::1]:444/x", ["2606:2800:220:1::1"]),
    ],
)
def test_a_public_address_is_taken(url, found):
    assert reached(url) == found


def test_a_host_without_an_address_is_looked_up_again_later():
    with pytest.raises(TryAgain):
        reached("https://none.example")
    with pytest.raises(TryAgain, match=r"nowhere\.invalid has no address"):
        addresses.resolve("nowhere.invalid", 443)


def test_an_internal_network_is_reached_only_when_it_is_listed():
    assert reached("https://mixed.example", "10.0.0.0/16") == [PUBLIC, "10.0.0.7"]
    assert reached("https://localtest.me", "127.0.0.0/8") == ["127.0.0.1"]
    assert reached("https://[::1]", "::1/128") == ["::1"]
    with pytest.raises(Refused, match="not an address of the public internet"):
        reached("https://mixed.example", "10.1.0.0/16")
    for disguised in ("https://[::ffff:10.0.0.7]", "https://[64:ff9b::a00:7]", "https://[2002:a00:7::]"):
        with pytest.raises(Refused):
            reached(disguised, "10.0.0.0/16")


@pytest.mark.parametrize(
    "text", ["10.1.0.1/16", "0.0.0.0/0", "::/0", "10.0.0.0/7", "169.254.0.0/16", "224.0.0.0/8", "fe80::/64", "ten", "2002::/32"]
)  # fmt: skip
def test_a_network_too_wide_or_of_no_system_cannot_be_listed(text):
    with pytest.raises(Refused):
        addresses.network(text)


def test_every_address_of_the_special_registries_is_refused():
    special = (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.168.0.0/16 "
        "198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/128 ::1/128 ::ffff:0:0/96 64:ff9b:1::/48 "
        "100::/64 2001::/32 2001:2::/48 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8"
    )  # RFC 6890 and its updates, without the ranges that it marks as globally reachable
    for one in map(ipaddress.ip_network, special.split()):
        for address in (one.network_address, one.network_address + one.num_addresses // 2, one.broadcast_address):
            assert not addresses.may_reach(str(address), []), address


# targets.toml


GOOD = """
[target.crm]
kind = "webhook"
url = "https://crm.example/hooks/path-token"
secret_env = "CRM_SECRET"
batch = 100
networks = ["10.1.0.0/16"]

[target.lake]
kind = "s3"
endpoint = "https://s3.example:9000/"
bucket = "campaigns"
prefix = "rapport/out"
region = "eu-central-1"
key_env = "LAKE_KEY"
secret_env = "LAKE_SECRET"

[target.letters]
kind = "sftp"
host = "sftp.example"
port = 2222
user = "rapport"
key_file = "/etc/rapport/key"
known_host = "ssh-ed25519 AAAA"
folder = "incoming"

[target.shared]
kind = "folder"
path = "/srv/campaigns"
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A journal, and where its targets.toml goes."""
    monkeypatch.delenv("RAPPORT_TARGETS", raising=False)
    found = Journal(str(tmp_path))
    yield found, tmp_path / "targets.toml"
    found.engine.dispose()


def written(path, text: str, mode: int = 0o600):
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def test_the_targets_of_the_file_are_read_as_they_stand(place):
    journal, path = place
    assert targets.configured(journal) == {}
    written(path, GOOD)
    found = targets.configured(journal)
    assert {name: (one.kind, one.place, one.files) for name, one in found.items()} == {
        "crm": ("webhook", "crm.example", False),
        "lake": ("s3", "s3.example, campaigns", True),
        "letters": ("sftp", "sftp.example", True),
        "shared": ("folder", "campaigns", True),
    }
    assert [one.batch_rows for one in found.values()] == [100, 0, 0, 0]
    assert (found["crm"].batch, found["crm"].networks) == (100, ("10.1.0.0/16",))
    assert (found["lake"].endpoint, found["letters"].port) == ("https://s3.example:9000", 2222)


def test_another_file_may_be_named_and_must_be_there(place, tmp_path, monkeypatch):
    journal, _ = place
    monkeypatch.setenv("RAPPORT_TARGETS", str(tmp_path / "other.toml"))
    with pytest.raises(JournalError, match=r"other\.toml cannot be read"):
        targets.configured(journal)
    written(tmp_path / "other.toml", GOOD)
    assert len(targets.configured(journal)) == 4


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o602])
def test_a_file_that_others_can_open_is_refused(place, mode):
    journal, path = place
    written(path, GOOD, mode)
    with pytest.raises(JournalError, match="chmod 600"):
        targets.configured(journal)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('kind = "webhook"', 'kind = "mail"'), "kind must be one of webhook, s3, sftp, folder"),
        (('url = "https://crm.example/hooks/path-token"', 'url = "http://crm.example/hooks/path-token"'), "https://"),
        (('url = "https://crm.example/hooks/path-token"', 'url = "https://u:hidden@crm.example"'), "a user or a password"),
        (('url = "https://crm.example/hooks/path-token"\n', ""), "url is missing"),
        (('secret_env = "CRM_SECRET"\nbatch', 'secret = "hidden"\nbatch'), "give either secret_file or secret_env"),
        (('secret_env = "CRM_SECRET"\nbatch', 'secret_env = "A"\nsecret_file = "/b"\nbatch'), "give either"),
        (('secret_env = "CRM_SECRET"\nbatch', 'secret_file = "b"\nbatch'), "whole path"),
        (("batch = 100", "batch = 0"), "batch must be a whole number from 1 to 10,000"),
        (("batch = 100", "batch = true"), "batch must be"),
        (("batch = 100", "insecure = true"), "insecure is not a setting of this kind"),
        (('["10.1.0.0/16"]', '["0.0.0.0/0"]'), "too wide"),
        (('["10.1.0.0/16"]', '"10.1.0.0/16"'), "must be a list"),
        (("[target.crm]", "[target.download]"), "name"),
        (("[target.crm]", '[target."CRM 1"]'), "name"),
        (("[target.crm]", "[targets.crm]"), "may hold only"),
        (("[target.crm]", "[target.crm"), "is not TOML (at line 2"),
        (('endpoint = "https://s3.example:9000/"', 'endpoint = "https://s3.example/x"'), "endpoint is the store's address alone"),
        (('bucket = "campaigns"', 'bucket = "../other"'), "bucket may have letters"),
        (('host = "sftp.example"', 'host = "sftp.example."'), "without a dot at its end"),
        (('key_file = "/etc/rapport/key"', 'key_file = "key"'), "whole path"),
        (("port = 2222", "port = 0"), "port must be"),
        (('path = "/srv/campaigns"', 'path = "campaigns"'), "whole path"),
        (('known_host = "ssh-ed25519 AAAA"\n', ""), "known_host is missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_file_is_said_without_what_it_holds(place, change, said):
    journal, path = place
    written(path, GOOD.replace(*change))
    with pytest.raises(JournalError) as raised:
        targets.configured(journal)
    assert said in str(raised.value) and "targets.toml" in str(raised.value)
    assert "hidden" not in str(raised.value) and "path-token" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_no_secret_is_part_of_what_a_target_says_of_itself(place, monkeypatch, tmp_path):
    journal, path = place
    monkeypatch.setenv("CRM_SECRET", WHSEC)
    written(path, GOOD)
    crm = targets.configured(journal)["crm"]
    assert crm.signing() == [bytes.fromhex("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0")]
    for text in (repr(crm), str(crm), crm.place):
        assert WHSEC not in text and "path-token" not in text


@pytest.mark.parametrize(
    "text",
    ["", "short", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!!", WHSEC + "\n" + WHSEC + "\nother", WHSEC[:-1], "whsec_" + "A" * 88],
)  # fmt: skip
def test_a_secret_that_is_none_is_refused_without_showing_it(place, monkeypatch, text):
    journal, path = place
    monkeypatch.setenv("CRM_SECRET", text)
    written(path, GOOD)
    with pytest.raises(JournalError) as raised:
        targets.configured(journal)["crm"].signing()
    assert not text or text not in str(raised.value).replace("whsec_…", "").replace("after whsec_.", "")


def test_a_secret_in_a_file_must_be_closed_to_others(tmp_path):
    file = tmp_path / "crm"
    secret = targets.Secret(file=str(file))
    with pytest.raises(JournalError, match="cannot be read"):
        secret.read()
    written(file, f"{WHSEC}\n", 0o644)
    with pytest.raises(JournalError, match="chmod 600"):
        secret.read()
    file.chmod(0o600)
    assert secret.read() == WHSEC
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(JournalError, match="UTF-8"):
        secret.read()
