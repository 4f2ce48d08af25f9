"""What keeps the server from starting: every refusal names the setting and the remedy, and no secret."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.routing import Route

from data.journal.store import Journal
from tests.conftest import ROOT, free_port
from tests.oidc_fake import FakeProvider, running
from web import preflight, settings
from web.settings import Misconfigured

GOOD_SECRET = secrets.token_urlsafe(48)
PROVIDER = {
    "client_id": "rapport",
    "client_secret": "s3cret-of-the-client",
    "server_metadata_url": "https://id.example/realm/.well-known/openid-configuration",
}
AUTH = {"redirect_uri": "https://rapport.example/oauth2callback", "cookie_secret": GOOD_SECRET, "company": PROVIDER}
METADATA = {
    "issuer": "https://id.example/realm",
    "authorization_endpoint": "https://id.example/authorize",
    "token_endpoint": "https://id.example/token",
    "jwks_uri": "https://id.example/keys",
    "userinfo_endpoint": "https://id.example/userinfo",
    "id_token_signing_alg_values_supported": ["RS256", "HS256"],
}


def configured(auth: dict | None = None, **content) -> settings.Settings:
    """Settings from the content of a secrets file."""
    found = settings.read({"auth": AUTH | (auth or {})} | content)
    assert found is not None
    return found


@pytest.fixture
def option(monkeypatch):
    """Set one of Streamlit's options for this test."""
    real, set_here = st.get_option, {}
    monkeypatch.setattr(st, "get_option", lambda name: set_here[name] if name in set_here else real(name))
    return set_here.__setitem__


def test_the_settings_of_this_project_pass_every_check(tmp_path):
    assert preflight.switches() == []
    journal = Journal(str(tmp_path))
    journal.migrate()
    assert preflight.problems(replace(configured(), demo=True), lambda: journal, tmp_path) == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("server.enableXsrfProtection", False),
        ("server.enableCORS", False),
        ("server.enableAgentApi", True),
        ("server.enableStaticServing", True),
        ("server.baseUrlPath", "rapport"),
        ("server.scriptHealthCheckEnabled", True),
        ("server.trustedUserHeaders", {"X-Forwarded-User": "email"}),
        ("client.allowedOrigins", ["https://*.example"]),
        ("client.showErrorDetails", "full"),
        ("client.showErrorDetails", "type"),
        ("client.showErrorDetails", True),
        ("browser.gatherUsageStats", True),
        ("global.developmentMode", True),
    ],
)
def test_a_protection_that_is_switched_off_is_refused(name, wrong, option):
    option(name, wrong)
    assert [sentence.split(" ")[0] for sentence in preflight.switches()] == [name]


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("", "missing"),
        ("weak", "fewer than 32 bytes"),
        (secrets.token_urlsafe(16), "fewer than 32 bytes"),
        ("x" * 64, "sample"),
        ("abab" * 16, "repeats"),
        ("9" * 64, "repeats"),
        ("7f3a9c" * 10, "repeats"),
        ("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "repeats"),
        ("change-me-" + secrets.token_urlsafe(40), "sample"),
        ("your-cookie-secret-goes-here-please-0", "sample"),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "repeats"),
    ],
    ids=range(11),
)
def test_a_cookie_secret_that_can_be_guessed_is_refused_and_not_repeated(secret, why):
    sentence = preflight.cookie_secret(configured({"cookie_secret": secret}))
    assert sentence is not None and why in sentence and "secrets.token_urlsafe" in sentence
    assert not secret or secret not in sentence


def test_secrets_made_as_advised_pass():
    for _ in range(2_000):
        for good in (secrets.token_urlsafe(48), secrets.token_urlsafe(32), secrets.token_hex(32)):
            if not any(word in good.lower() for word in preflight.SAMPLES):
                assert preflight.cookie_secret(configured({"cookie_secret": good})) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://rapport.example/oauth2callback", "https"),
        ("https://rapport.example/", "/oauth2callback"),
        ("https://rapport.example/oauth2callback/", "/oauth2callback"),
        ("https://rapport.example/app/oauth2callback", "/oauth2callback"),
        ("https://rapport.example/oauth2callback?x=1", "/oauth2callback"),
        ("https://u@rapport.example/oauth2callback", "/oauth2callback"),
        ("https:///oauth2callback", "/oauth2callback"),
        ("/oauth2callback", "/oauth2callback"),
    ],
)
def test_an_address_to_come_back_to_that_is_not_ours_over_tls_is_refused(address, why):
    sentence = preflight.redirect_uri(configured({"redirect_uri": address}))
    assert sentence is not None and why in sentence


@pytest.mark.parametrize("address", ["http://localhost:8501/oauth2callback", "http://[::1]:8501/oauth2callback"])
def test_an_address_of_this_machine_needs_no_tls(address):
    assert preflight.redirect_uri(configured({"redirect_uri": address})) is None


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"id_token_signing_alg_values_supported": ["RS256", "none"]}, "none"),
        ({"id_token_signing_alg_values_supported": ["HS256"]}, "signs ID tokens"),
        ({"id_token_signing_alg_values_supported": ["HS256", "HS384", "HS512"]}, "signs ID tokens"),
        ({"token_endpoint": "http://id.example/token"}, "token_endpoint"),
        ({"authorization_endpoint": "http://id.example/authorize"}, "authorization_endpoint"),
        ({"jwks_uri": "http://127.0.0.1/keys"}, "jwks_uri"),
        ({"userinfo_endpoint": "ftp://id.example/userinfo"}, "userinfo_endpoint"),
        ({"end_session_endpoint": "http://id.example/end"}, "end_session_endpoint"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"issuer": "https://id.example/other"}, "issuer"),
        ({"issuer": "https://evil.example/realm"}, "issuer"),
        ({"issuer": None}, "issuer"),
    ],
    ids=str,
)
def test_a_provider_that_is_not_safe_to_sign_in_with_is_refused(told, why):
    provider = configured().providers["company"]
    assert preflight.provider_problem(provider, METADATA) is None
    assert why in (preflight.provider_problem(provider, METADATA | told) or "")


def test_a_provider_that_does_not_say_how_it_signs_uses_rs256():
    told = {name: value for name, value in METADATA.items() if name != "id_token_signing_alg_values_supported"}
    assert preflight.provider_problem(configured().providers["company"], told) is None


def test_metadata_is_read_once_and_its_issuer_kept():
    port = free_port()
    fake = FakeProvider(f"http://127.0.0.1:{port}")
    section = PROVIDER | {"server_metadata_url": f"{fake.issuer}/.well-known/openid-configuration"}
    with running(fake.app(), port):
        pins, problems = preflight.pins(configured({"company": section}))
    assert problems == [] and pins["company"].issuer == fake.issuer
    assert pins["company"].userinfo == f"{fake.issuer}/userinfo"


def test_metadata_that_cannot_be_read_is_refused_in_words():
    async def page(_):
        return PlainTextResponse("<html>maintenance</html>")

    async def elsewhere(_):
        return RedirectResponse("http://169.254.169.254/latest/meta-data")

    async def items(_):
        return PlainTextResponse("[1]", media_type="application/json")

    port = free_port()
    routes = [Route("/page", page), Route("/elsewhere", elsewhere), Route("/items", items)]
    with running(Starlette(routes=routes), port):
        for path in ("page", "elsewhere", "items", "absent"):
            section = PROVIDER | {"server_metadata_url": f"http://127.0.0.1:{port}/{path}"}
            pins, problems = preflight.pins(configured({"company": section}))
            assert pins == {} and len(problems) == 1 and "[auth.company] server_metadata_url" in problems[0]
    _, problems = preflight.pins(configured({"company": section}))  # nobody listens there now
    assert "cannot be reached" in problems[0]


@pytest.mark.parametrize("address", ["http://id.example/.well-known/openid-configuration", "file:///etc/passwd", "//x"])
def test_metadata_over_an_open_line_is_not_even_asked_for(address):
    section = PROVIDER | {"server_metadata_url": address}
    with pytest.raises(Misconfigured, match="https://"):
        preflight.metadata(configured({"company": section}).providers["company"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"auth": AUTH, "roles": {"g": "boss"}}, "no such role"),
        ({"auth": AUTH, "roles": {"g": "executive:M01"}}, "only manager"),
        ({"auth": AUTH, "roles": {"g": "manager:"}}, "only manager"),
        ({"auth": AUTH, "roles": {"g": 1}}, "no such role"),
        ({"auth": AUTH, "roles": ["g"]}, "must be a table"),
        ({"auth": AUTH, "claims": {"e-mail": "email"}}, "claims"),
        ({"auth": AUTH, "claims": {"groups": ""}}, "claims"),
        ({"auth": {"redirect_uri": "https://x.example/oauth2callback", "company": {}}}, "client_id"),
        ({"auth": {"company": PROVIDER}}, "redirect_uri"),
        ({"auth": AUTH | {"my_company": PROVIDER}}, "small letters"),
        ({"auth": AUTH | {"../x": PROVIDER}}, "small letters"),
        ({"auth": AUTH | PROVIDER}, "own table"),
        ({"auth": AUTH | {"company": PROVIDER | {"client_kwargs": {"code_challenge_method": "plain"}}}}, "S256"),
        ({"auth": "yes"}, "must be a table"),
    ],
    ids=lambda value: str(value)[-50:],
)
def test_a_secrets_file_that_says_something_else_than_it_may_is_refused(content, why):
    with pytest.raises(Misconfigured, match=why) as refusal:
        settings.read(content)
    assert GOOD_SECRET not in str(refusal.value) and PROVIDER["client_secret"] not in str(refusal.value)


def test_settings_never_show_a_secret_when_they_are_printed():
    found = configured()
    assert GOOD_SECRET not in repr(found) and PROVIDER["client_secret"] not in repr(found)


def test_a_secrets_file_other_accounts_can_read_is_refused(tmp_path):
    file = tmp_path / "secrets.toml"
    file.write_text("")
    for mode, right in ((0o600, True), (0o400, True), (0o640, False), (0o604, False), (0o666, False)):
        file.chmod(mode)
        assert (preflight.secrets_mode(replace(configured(), file=file)) is None) == right


def test_a_secrets_file_of_another_account_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "secrets.toml"
    file.write_text("")
    file.chmod(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    assert "another account" in (preflight.secrets_mode(replace(configured(), file=file)) or "")


HERE, PUBLIC = "http://127.0.0.1:8501/oauth2callback", AUTH["redirect_uri"]


@pytest.mark.parametrize(
    ("hosts", "address", "redirect_uri", "right"),
    [
        ([], "0.0.0.0", PUBLIC, False),
        ([], None, PUBLIC, False),
        ([], "10.0.0.5", HERE, False),
        ([], "127.0.0.1", PUBLIC, False),
        ([], "127.0.0.1", HERE, True),
        (["rapport.example"], "0.0.0.0", PUBLIC, True),
        (["rapport.example"], "127.0.0.1", PUBLIC, True),
        (["*.example"], "127.0.0.1", PUBLIC, True),
        (["other.example"], "0.0.0.0", PUBLIC, False),
    ],
)
def test_a_server_for_others_must_name_the_hosts_it_answers_for(hosts, address, redirect_uri, right, monkeypatch):
    from streamlit import config

    real, ours = config.get_option, {"server.allowedHosts": hosts, "server.address": address}
    monkeypatch.setattr(config, "get_option", lambda name: ours[name] if name in ours else real(name))
    monkeypatch.setattr(st, "get_option", config.get_option)
    assert (preflight.allowed_hosts(configured({"redirect_uri": redirect_uri})) is None) == right


def test_a_journal_that_cannot_be_written_is_refused(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    def journal() -> Journal:
        found = Journal(str(blocked / "journal"))
        found.migrate()
        return found

    assert "RAPPORT_JOURNAL" in (preflight.journal_writable(journal) or "")


def test_a_build_that_other_accounts_can_change_is_refused(tmp_path):
    build = tmp_path / "20260101T000000Z-0123456789ab.duckdb"
    build.write_bytes(b"")
    for mode, right in ((0o644, True), (0o664, False), (0o646, False)):
        build.chmod(mode)
        sentence = preflight.warehouse_mode(tmp_path)
        assert (sentence is None) == right and (right or "chmod go-w" in str(sentence))
    build.chmod(0o644)
    tmp_path.chmod(0o777)
    assert preflight.warehouse_mode(tmp_path) is not None


def test_a_clock_before_the_newest_build_is_refused(warehouse):
    from data.warehouse import Warehouse

    built = datetime.fromisoformat(Warehouse(warehouse).current().manifest["built_at"])
    assert preflight.clock(warehouse) is None
    assert preflight.clock(warehouse, built - timedelta(hours=23)) is None
    assert "clock" in (preflight.clock(warehouse, built - timedelta(hours=25)) or "")


def test_without_any_build_the_clock_is_not_judged(tmp_path):
    assert preflight.clock(tmp_path, datetime(1970, 1, 1, tzinfo=UTC)) is None


def started(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`streamlit run server.py`, for a server that should end by itself."""
    command = [sys.executable, "-m", "streamlit", "run", "server.py", "--server.port", str(free_port()), *arguments]
    ours = {"RAPPORT_JOURNAL": str(tmp_path / "journal"), "RAPPORT_WAREHOUSE": str(tmp_path)}
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | ours | environment, capture_output=True, text=True, timeout=60
    )


def test_without_a_provider_the_server_starts_for_this_machine_only(tmp_path):
    done = started(tmp_path, "--server.address", "0.0.0.0")
    assert done.returncode == 78 and "Describe a provider" in done.stderr and "Traceback" not in done.stderr


def test_a_server_with_several_faults_says_all_of_them_and_no_secret(tmp_path):
    weak, client = "weak" * 9, secrets.token_urlsafe(20)
    file = tmp_path / "secrets.toml"
    file.write_text(
        f'[auth]\nredirect_uri = "http://rapport.example/oauth2callback"\ncookie_secret = "{weak}"\n'
        f'[auth.company]\nclient_id = "rapport"\nclient_secret = "{client}"\n'
        f'server_metadata_url = "http://127.0.0.1:{free_port()}/.well-known/openid-configuration"\n'
    )
    file.chmod(0o644)
    done = started(tmp_path, "--server.enableAgentApi", "true", RAPPORT_SECRETS=str(file))
    assert done.returncode == 78
    for words in ("cookie_secret", "redirect_uri", "chmod 600", "server.enableAgentApi", "cannot be reached"):
        assert words in done.stderr
    assert weak not in done.stdout + done.stderr and client not in done.stdout + done.stderr


def test_a_named_secrets_file_that_is_missing_is_not_a_demonstration(tmp_path):
    done = started(tmp_path, RAPPORT_SECRETS=str(tmp_path / "absent.toml"))
    assert done.returncode == 78 and "RAPPORT_SECRETS" in done.stderr
