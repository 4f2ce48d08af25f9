"""No secret where others can read it: the repository with its past, the process list, logs, answers, the journal."""

from __future__ import annotations

import json
import math
import re
import secrets
import subprocess
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from data.journal.store import Journal
from tests import browser
from tests.conftest import ROOT, free_port, need
from tests.oidc_fake import NAVIGATION, FakeProvider, running, unsigned
from web import cookies

KNOWN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+\S{40}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bxox[abp]-[\w-]{20,}"
    r"|\bglpat-[\w-]{20}|\bsk-[A-Za-z0-9]{32,}|\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"
    r"|\b\w+(\+\w+)?://[\w.-]+:[^@\s\"'{}<>$*]{6,}@(?!127\.|localhost|\[)[\w.-]+\.[a-z]{2,}"
)
ASSIGNED = re.compile(
    r"(?i)[\w.-]*(?:secret|passw(?:or)?d|token|api_?key|private_?key|cookie)[\w.-]*[\"']?\s*[:=]\s*[\"']([\w+/=-]{20,})[\"']"
)
NEVER_KEPT = re.compile(
    r"(^|/)(secrets\.toml|\.env(\..*)?|audit\.keys|id_rsa|id_ed25519|journal\.db)$|\.(pem|key|p12|pfx|kdbx)$"
)
PLANTED = {"https://u:hidden@crm…"}  # a test's own address with a password, which must be refused


def entropy(text: str) -> float:
    """Bits by the frequency of characters."""
    counts = Counter(text)
    return -sum(n * math.log2(n / len(text)) for n in counts.values())


def found_in(text: str) -> list[str]:
    """What reads like a real secret: known shapes, and random text assigned to a telling name."""
    found = [match.group(0)[:20] + "…" for match in KNOWN.finditer(text)]
    return found + [
        value[:6] + "…" for value in ASSIGNED.findall(text) if entropy(value) > 80 and re.search(r"\d", value)
    ]


@pytest.mark.parametrize(
    "text",
    [
        f'cookie_secret = "{secrets.token_urlsafe(48)}"',
        f"client_secret: '{secrets.token_hex(32)}'",
        f'"api_key": "{secrets.token_urlsafe(32)}9"',
        "-----BEGIN RSA " + "PRIVATE KEY-----\n" + secrets.token_hex(40),
        "AKIA" + "IOSFODNN7EXAMPLE",
        "postgresql+psycopg://" + "app:" + secrets.token_hex(8) + "@db.company.example/journal",
        ".".join("eyJ" + secrets.token_urlsafe(30) for _ in range(3)),
    ],
    ids=["cookie secret", "client secret", "API key", "private key", "access key", "address with password", "token"],
)
def test_the_search_finds_a_secret_of_every_kind(text):
    assert found_in(f"some text\n{text}\nmore text")


def test_the_search_lets_documentation_pass():
    for text in ('cookie_secret = "<48 random bytes>"', 'client_secret = ""', "postgresql+psycopg://user@host/db",
                 'token = secrets.token_urlsafe(48)', '"integrity": "sha512-abc"'):  # fmt: skip
        assert found_in(text) == []


def test_the_repository_and_its_past_hold_no_secret():
    listed = subprocess.run(
        ["git", "log", "--all", "--format=", "--name-only"], cwd=ROOT, capture_output=True, text=True
    )
    need(listed.returncode == 0, "not a git checkout, so there is no past to look at")
    names = set(listed.stdout.split("\n")) - {""}
    assert len(names) > 100
    assert sorted(name for name in names if NEVER_KEPT.search(name)) == []
    past = subprocess.run(
        ["git", "log", "--all", "-p", "--no-color", "--unified=0", "--text", "--", ":!*.png", ":!*.parquet", ":!*.xlsx"],
        cwd=ROOT, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    assert past.returncode == 0 and len(past.stdout) > 1_000_000
    assert sorted(set(found_in(past.stdout)) - PLANTED) == []


def test_what_is_made_when_the_server_runs_is_kept_out_of_the_repository():
    wanted = ("journal/journal.db", "journal/audit.keys", ".streamlit/secrets.toml", "journal/checkpoints.jsonl")
    done = subprocess.run(["git", "check-ignore", *wanted], cwd=ROOT, capture_output=True, text=True)
    need(done.returncode in (0, 1), "not a git checkout")
    assert set(done.stdout.split()) == set(wanted)


# ---- A server that runs.


class Ran:
    """What a server with secrets of its own left behind, after sign-ins that worked and that did not."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.places: dict[str, str] = {}


@pytest.fixture(scope="module")
def ran(warehouse, tmp_path_factory) -> Ran:
    """A provider, a server configured for it, right and wrong sign-ins, errors; then everything that was written."""
    folder, port, provider_port = tmp_path_factory.mktemp("secrets"), free_port(), free_port()
    provider, left = FakeProvider(f"http://127.0.0.1:{provider_port}"), Ran()
    cookie_secret = secrets.token_urlsafe(48)
    file, log = folder / "secrets.toml", folder / "server.log"
    file.touch(0o600)
    file.write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\ncookie_secret = "{cookie_secret}"\n'
        f'[auth.fake]\nclient_id = "rapport"\nclient_secret = "{provider.secret}"\n'
        f'server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"\n[roles]\nall = "auditor"\n'
    )
    answers: list[str] = []
    with (
        running(provider.app(), provider_port),
        browser.serve(
            warehouse, log_to=log, port=port, RAPPORT_SECRETS=str(file), RAPPORT_JOURNAL=str(folder / "journal")
        ) as address,
        httpx.Client(base_url=address, headers=NAVIGATION, trust_env=False, timeout=30) as client,
    ):
        for kind in ("unsigned", "broken", "right"):
            begun = client.get("/sign-in/fake?next=/overview")
            to_provider = client.get(begun.headers["location"]).headers["location"]
            asked = dict(parse_qsl(urlsplit(to_provider).query))
            now = int(__import__("time").time())
            provider.claims = {"iss": provider.issuer, "sub": "s-1", "aud": "rapport", "iat": now, "exp": now + 300,
                               "nonce": asked["nonce"], "name": "Robin", "groups": ["all"], "email": "r@shop.example"}  # fmt: skip
            token = provider.sign(provider.claims)
            provider.make = {"unsigned": unsigned, "broken": lambda _: "x.y", "right": lambda _, t=token: t}[kind]
            code = secrets.token_urlsafe(24)
            left.secrets |= {f"code {kind}": code, f"nonce {kind}": asked["nonce"], f"token {kind}": token}
            back = client.get("/oauth2callback", params={"code": code, "state": asked["state"]})
            answers += [begun.text, str(begun.headers), to_provider, back.text, back.headers["location"]]
        assert back.headers["location"] == "/overview"
        left.secrets["signed cookie"] = client.cookies["_streamlit_user"]
        for path in ("/overview", "/healthz", "/v/x", "/export/x", "/%00", "/media/x", "/sign-in/none", "/a" * 3_000):
            answer = client.get(path)
            answers += [answer.text, str({k: v for k, v in answer.headers.items() if k != "set-cookie"})]
        processes = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if readable(file)]
        left.places["process list"] = b"\n".join(processes).replace(b"\0", b" ").decode(errors="replace")
        assert str(port) in left.places["process list"], "the server is in the list"
    left.secrets |= {"cookie secret": cookie_secret, "client secret": provider.secret}
    keys = json.loads((folder / "journal" / "audit.keys").read_text(encoding="utf-8"))
    left.secrets |= {f"key {name}": value for name, value in keys.items()}
    left.places |= {"log": log.read_text(encoding="utf-8", errors="replace"), "answers": "\n".join(answers)}
    Journal(str(folder / "journal")).engine.dispose()
    for kept in sorted((folder / "journal").rglob("*")):
        if kept.is_file() and kept.name != "audit.keys":
            left.places[f"journal {kept.name}"] = kept.read_bytes().decode("latin-1")
    return left


def readable(file: Path) -> bool:
    """Whether a process is still there."""
    try:
        file.read_bytes()
    except OSError:
        return False
    return True


def test_no_secret_is_in_the_log_the_process_list_an_answer_an_address_or_the_journal(ran):
    assert len(ran.secrets) >= 12 and {"log", "answers", "process list"} < set(ran.places)
    assert "sign-in refused" in ran.places["log"], "the log was written"
    assert any(name.startswith("journal journal.db") for name in ran.places)
    for place, text in ran.places.items():
        leaked = [name for name, value in ran.secrets.items() if len(value) >= 16 and value in text]
        allowed = {name for name in leaked if place == "answers" and name.startswith("nonce")}  # OpenID sends it along
        assert set(leaked) - allowed == set(), place


def test_what_the_provider_tells_beyond_the_name_is_not_written_down(ran):
    for place in ("log", *(name for name in ran.places if name.startswith("journal"))):
        assert "r@shop.example" not in ran.places[place], place


def test_cookies_signed_with_another_secret_are_nobodys(monkeypatch):
    """After a new cookie secret, whoever was signed in is not any more."""
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    one, other = secrets.token_urlsafe(48), secrets.token_urlsafe(48)
    content = json.dumps({"is_logged_in": True, "origin": "http://a", "sub": "s"})
    signed = {"_streamlit_user": create_signed_value(one, "_streamlit_user", content).decode()}
    monkeypatch.setattr("streamlit.web.server.starlette.starlette_websocket.get_cookie_secret", lambda: one)
    assert cookies.claims_of(signed, "http://a")["sub"] == "s"
    monkeypatch.setattr("streamlit.web.server.starlette.starlette_websocket.get_cookie_secret", lambda: other)
    assert cookies.claims_of(signed, "http://a") == {}
