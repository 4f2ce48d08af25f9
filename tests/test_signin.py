"""Signing in as a person does: through a certified provider in Chromium, and in the demonstration."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from starlette.applications import Starlette

from data.contract import UNKNOWN
from data.journal.store import Journal
from data.rights import ROLES
from tests import browser
from tests.conftest import ROOT, free_port, need
from tests.oidc_fake import door, running
from web import demo, signin

OIDC = ROOT / "tests" / "oidc"


@contextmanager
def certified_provider(redirect_uri: str) -> Iterator[dict]:
    """The certified provider of the package registry, knowing one client; its issuer and the client's secret."""
    node = shutil.which("node")
    need(
        node and (OIDC / "node_modules" / "oidc-provider").is_dir(), "no certified provider: npm ci --prefix tests/oidc"
    )
    command = [str(node), "provider.mjs", str(free_port()), redirect_uri]
    process = subprocess.Popen(command, cwd=OIDC, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="module")
def company_server(chromium, warehouse, tmp_path_factory):
    """Rapport behind the certified provider: robin sees everything, kim the book M01, alex nothing."""
    port, folder = free_port(), tmp_path_factory.mktemp("provider")
    callback = f"http://127.0.0.1:{port}/oauth2callback"
    with certified_provider(callback) as provider:
        file = folder / "secrets.toml"
        file.touch(0o600)
        file.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"\n'
            f'cookie_secret = "{secrets.token_urlsafe(48)}"\n'
            f'[auth.company]\nlabel = "Alder & Finch"\nclient_id = "rapport"\nclient_secret = "{provider["secret"]}"\n'
            f'server_metadata_url = "{provider["issuer"]}/.well-known/openid-configuration"\n'
            f'[roles]\neverything = "auditor"\nnorth = "manager:M01"\n'
        )
        with browser.serve(
            warehouse, port=port, RAPPORT_SECRETS=str(file), RAPPORT_JOURNAL=str(folder / "journal")
        ) as address:
            yield address, provider["issuer"], folder / "journal"


@contextmanager
def new_browser(chromium) -> Iterator:
    """A page of a fresh profile."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800}, locale="en-GB", reduced_motion="reduce")
    try:
        yield context.new_page()
    finally:
        context.close()


def at_the_provider(page, name: str) -> None:
    """What a person does on the provider's own screens."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill("any")
    page.locator("button[type=submit]").click()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.browser
def test_a_deep_link_leads_through_the_certified_provider_to_itself_and_signing_out_is_final(chromium, company_server):
    address, issuer, journal = company_server
    with new_browser(chromium) as page:
        page.goto(f"{address}/glossary?segment=business&segment=home")
        assert page.url.startswith(f"{issuer}/interaction/")  # one provider: no screen of ours in between
        at_the_provider(page, "robin")
        browser.settled(page)
        assert page.url == f"{address}/glossary?segment=business&segment=home"
        assert page.get_by_role("heading", name="Glossary").count() >= 1
        assert page.evaluate("document.cookie").count("_streamlit_user") == 0  # out of reach of scripts
        kept = page.context.cookies()
        page.goto(f"{address}/auth/logout")
        assert page.url.startswith(f"{issuer}/session/end")
        page.get_by_role("button", name="Yes, sign me out").click()
        assert page.url == f"{address}/sign-in?out=1"
        assert page.get_by_text("You are signed out").is_visible()
        page.go_back()
        assert page.locator("[data-testid=stApp]").count() == 0
    with new_browser(chromium) as thief:
        thief.context.add_cookies([cookie for cookie in kept if cookie["name"].startswith("_streamlit")])
        thief.goto(f"{address}/glossary")
        assert thief.url == f"{address}/sign-in?next=%2Fglossary&ended=1"
        assert thief.get_by_text("Your session has ended").is_visible()
    from data.journal import audit

    actions = [row.action for row in audit.entries(Journal(str(journal)), limit=100)]
    assert "sign-in" in actions and "sign-out" in actions


@pytest.mark.browser
def test_who_stops_at_the_provider_comes_back_to_the_sign_in_screen_and_may_try_again(chromium, company_server):
    address, issuer, _ = company_server
    with new_browser(chromium) as page:
        page.goto(f"{address}/")
        page.get_by_role("link", name="Cancel").click()
        assert page.url == f"{address}/sign-in?problem=refused"
        assert page.get_by_text("You were not signed in").is_visible()
        page.get_by_role("link", name="Continue with Alder & Finch").click()
        assert page.url.startswith(f"{issuer}/interaction/")


@pytest.mark.browser
def test_a_person_without_a_mapped_group_gets_no_figures(chromium, company_server):
    address, _, _ = company_server
    with new_browser(chromium) as page:
        page.goto(f"{address}/")
        at_the_provider(page, "alex")
        browser.settled(page)
        assert page.locator("[data-testid=stMetric]").count() == 0
        assert page.locator("[data-testid=stPlotlyChart]").count() == 0
        assert "access" in page.locator("[data-testid=stMain]").inner_text().lower()


@pytest.fixture(scope="module")
def two_providers(tmp_path_factory):
    journal = Journal(str(tmp_path_factory.mktemp("journal")))
    journal.migrate()
    with door(journal) as opened:
        yield opened


def test_with_several_providers_one_is_chosen_and_the_wanted_address_goes_along(two_providers):
    text = two_providers.browser().get("/sign-in", params={"next": "/glossary?segment=<b>"}).text
    assert text.count('class="choice"') == 2 and "Continue with Fake" in text and "Continue with Other" in text
    assert "/sign-in/other?next=%2Fglossary%3Fsegment%3D%3Cb%3E" in text and '<b>"' not in text
    asked = two_providers.begin(two_providers.browser(), "/glossary", name="other")
    assert asked["client_id"] == "rapport"
    two_providers.close()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("out=1", "You are signed out."),
        ("ended=1", "Your session has ended."),
        ("problem=refused", "You were not signed in."),
        ("problem=expired", "That took too long."),
        ("problem=%3Cscript%3Ealert(1)%3C/script%3E", "You were not signed in."),
    ],
)
def test_the_sign_in_screen_says_what_happened_and_repeats_nothing_of_the_address(query, words, two_providers):
    answer = two_providers.browser().get(f"/sign-in?{query}")
    assert words in answer.text and "alert(1)" not in answer.text and "<script" not in answer.text
    two_providers.close()


def test_an_unknown_provider_is_not_found(two_providers):
    assert two_providers.browser().get("/sign-in/evil?next=//evil.example").status_code == 404
    two_providers.close()


def test_with_one_provider_the_screen_is_left_out_unless_it_has_something_to_say(two_providers):
    from dataclasses import replace

    one = {"fake": two_providers.settings.providers["fake"]}
    app = Starlette(routes=signin.routes(replace(two_providers.settings, providers=one)))
    with running(app, free_port()) as address:
        straight = httpx.get(f"{address}/sign-in?next=/glossary", trust_env=False)
        assert straight.status_code == 302 and straight.headers["location"].startswith("/auth/login?provider=")
        for query in ("out=1", "ended=1", "problem=refused"):
            assert httpx.get(f"{address}/sign-in?{query}", trust_env=False).status_code == 200


@pytest.mark.browser
def test_a_first_visit_is_one_click_from_the_overview_and_can_change_over(chromium, app_address):
    with new_browser(chromium) as page:
        page.goto(app_address)
        assert urlsplit(page.url).path == "/sign-in" and page.get_by_text("made-up people").is_visible()
        page.get_by_role("link", name="Erin, executive").click()
        browser.settled(page)
        assert page.url == f"{app_address}/" and page.locator("[data-testid=stMetric]").count() > 0
        links = set(page.locator("[data-testid=stTopNavSection]").all_inner_texts())
        page.goto(f"{app_address}/sign-in")
        page.get_by_role("link", name="Ines, administrator").click()
        browser.settled(page)
        assert set(page.locator("[data-testid=stTopNavSection]").all_inner_texts()) != links


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_the_sign_in_screen_can_be_read_by_everybody(scheme, size, chromium, app_address):
    context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    try:
        page = context.new_page()
        seen = browser.Visit(page, app_address)
        page.goto(f"{app_address}/sign-in?ended=1")
        assert browser.accessibility_faults(page, frozenset()) == []
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
        assert page.locator("h1").count() == 1 and page.title() == "Sign in · Rapport"
        assert seen.errors == [] and seen.outside == []
    finally:
        context.close()


ORIGIN = "http://127.0.0.1:8501"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class DemoDoor:
    """The demonstration's provider on its own, with a clock a test turns."""

    def __init__(self):
        self.now = 1_000_000.0
        self.provider = demo.DemoProvider(demo.settings(ORIGIN), lambda: self.now)

    def authorize(self, address: str, **more: str) -> httpx.Response:
        asked = {
            "client_id": "demo-otto",
            "redirect_uri": f"{ORIGIN}/oauth2callback",
            "response_type": "code",
            "scope": "openid profile groups",
            "state": "s",
            "nonce": "n",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        asked = {name: value for name, value in (asked | more).items() if value}
        return httpx.get(f"{address}{demo.PLACE}/authorize", params=asked, trust_env=False)

    def code(self, address: str, **more: str) -> str:
        return parse_qs(urlsplit(self.authorize(address, **more).headers["location"]).query)["code"][0]

    def token(
        self, address: str, code: str, client: str = "demo-otto", secret: str = "", **more: str
    ) -> httpx.Response:
        said = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{ORIGIN}/oauth2callback"}
        secret = secret or self.provider.settings.providers[client].client_secret
        return httpx.post(
            f"{address}{demo.PLACE}/token",
            data=said | {"code_verifier": VERIFIER} | more,
            auth=(client, secret),
            trust_env=False,
        )


@pytest.fixture
def demo_door(warehouse, monkeypatch):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    opened = DemoDoor()
    with running(Starlette(routes=opened.provider.routes()), free_port()) as address:
        yield opened, address


def test_a_code_of_the_demonstration_is_good_once_and_for_a_minute(demo_door):
    opened, address = demo_door
    code = opened.code(address)
    opened.now += 59
    assert opened.token(address, code).status_code == 200
    assert opened.token(address, code).json() == {"error": "invalid_grant"}
    late = opened.code(address)
    opened.now += 61
    assert opened.token(address, late).json() == {"error": "invalid_grant"}


def test_a_code_needs_the_client_its_secret_the_proof_and_the_address_it_was_made_for(demo_door):
    opened, address = demo_door
    for more, error in (
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": f"{ORIGIN}/elsewhere"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "invalid_grant"),
        ({"client": "demo-erin"}, "invalid_grant"),
        ({"secret": "guessed"}, "invalid_client"),
    ):
        assert opened.token(address, opened.code(address), **more).json() == {"error": error}
    nobody = httpx.post(f"{address}{demo.PLACE}/token", data={"code": opened.code(address)}, trust_env=False)
    assert nobody.status_code == 401


def test_the_demonstration_sends_people_back_to_one_address_only(demo_door):
    opened, address = demo_door
    for more in ({"redirect_uri": "http://evil.example/oauth2callback"}, {"client_id": "demo-boss"}):
        assert opened.authorize(address, **more).status_code == 400
    for more in (
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"response_type": "token"},
        {"scope": "x"},
    ):
        back = opened.authorize(address, **more).headers["location"]
        assert back.startswith(f"{ORIGIN}/oauth2callback?") and "error=invalid_request" in back and "code=" not in back
    for wanted, status in ((f"{ORIGIN}/oauth2callback", 302), ("http://evil.example/", 400)):
        out = httpx.get(f"{address}{demo.PLACE}/end", params={"post_logout_redirect_uri": wanted}, trust_env=False)
        assert out.status_code == status


def test_the_codes_that_wait_are_bounded(demo_door, monkeypatch):
    opened, address = demo_door
    monkeypatch.setattr(demo, "MOST_CODES", 3)
    answers = [opened.authorize(address).headers["location"] for _ in range(5)]
    assert [("code=" in one) for one in answers] == [True] * 3 + [False] * 2
    opened.now += 61
    assert "code=" in opened.authorize(address).headers["location"]


def test_every_role_has_a_persona_and_the_two_with_rows_of_their_own_have_the_biggest_of_the_build(
    warehouse, monkeypatch
):
    from data.question import EVERYTHING, Question, View
    from data.warehouse import Warehouse

    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    assert {one.role for one in demo.PERSONAS.values() if one.role} == set(ROLES)
    build = Warehouse(warehouse).current()
    for role, column, metric in (("manager", "manager_id", "customers"), ("partner", "partner_id", "revenue")):
        persona = next(one for one in demo.PERSONAS.values() if one.role == role)
        rows = build.answer(Question((metric,), (column,), View(EVERYTHING)))
        rows = rows[rows[column].notna() & (rows[column] != UNKNOWN)]
        biggest = rows.sort_values(metric, ascending=False).iloc[0][column]
        assert demo.groups(persona) == [f"{role}:{biggest}"]
    monkeypatch.setenv("RAPPORT_WAREHOUSE", os.devnull)
    assert demo.groups(demo.PERSONAS["demo-max"]) == []


def test_keys_of_the_demonstration_are_new_at_every_start():
    first, second = demo.settings(ORIGIN), demo.settings(ORIGIN)
    assert first.cookie_secret != second.cookie_secret and len(first.cookie_secret) >= 64
    assert first.providers["demo-otto"].client_secret != second.providers["demo-otto"].client_secret
