"""POST /api/responses: whose token opens it, what is kept, and what is refused; with the real provider and server."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from data.journal import audit, people
from data.journal import responses as kept
from data.journal.schema import CAMPAIGN_RESPONSE
from data.journal.store import Journal, stored
from data.responses import MOST_BYTES, MOST_ROWS
from data.rights import SYSTEM
from tests import browser, campaigning
from tests.colleagues import come
from tests.conftest import free_port
from tests.oidc_fake import FakeProvider, running, unsigned
from tests.test_signin import certified_provider
from web import demo, guard, openapi, responses, settings, tokens
from web.callback import Pin
from web.guard import Guard
from web.settings import Misconfigured

AUDIENCE = "https://rapport.example/api"
ARMS = {"C1": "treated", "C2": "treated", "C3": "exploration", "C4": "control"}
HOUR = 3_600


def row(campaign: str, number: int, recipient: str = "C1") -> dict:
    """An answer of this moment."""
    given = {"campaign_id": campaign, "response_id": f"r{number}", "recipient": recipient}
    return given | {"responded_at": stored(datetime.now(UTC))}


def launched(journal: Journal) -> str:
    """A campaign that was launched a day ago."""
    clock = journal.clock
    journal.clock = lambda: datetime.now(UTC) - timedelta(days=1)
    found = campaigning.launched(journal, *campaigning.people_of(journal), ARMS)
    journal.clock = clock
    return found.campaign_id


class Interface:
    """Rapport's door with the interface behind it, and a provider whose tokens a test makes."""

    def __init__(self, address: str, provider: FakeProvider, journal: Journal, campaign: str):
        self.address, self.provider, self.journal, self.campaign = address, provider, journal, campaign
        self.entered: list[str] = []

    def claims(self, **changes) -> dict:
        """What a right access token says; None leaves a claim out."""
        now = int(time.time())
        right = {"iss": self.provider.issuer, "sub": "crm", "client_id": "crm", "aud": AUDIENCE, "iat": now}
        right |= {"exp": now + 300, "jti": secrets.token_hex(8), "scope": tokens.SCOPE}
        return {name: value for name, value in (right | changes).items() if value is not None}

    def token(self, key=None, header=None, **changes) -> str:
        """A token that is right but for these changes."""
        return self.provider.sign(self.claims(**changes), key, **{"typ": "at+jwt"} | (header or {}))

    def post(self, content=None, token: str | None = "", place: str = "", **headers: str) -> httpx.Response:
        """Send rows, or a body as it is, from a place of its own. token: None for none."""
        body = content if isinstance(content, bytes) else json.dumps({"responses": content or []}).encode()
        sent = {"Content-Type": "application/json", "X-Forwarded-For": place or f"2001:db8::{secrets.token_hex(2)}"}
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token()}"
        return httpx.post(
            f"{self.address}/api/responses", content=body, headers=sent | headers, trust_env=False, timeout=60
        )

    def received(self) -> set[str]:
        """The responses in the journal."""
        return {one.response_id for one in self.journal.rows(sa.select(CAMPAIGN_RESPONSE))}


def settings_of(origin: str, issuer: str, **rapport) -> settings.Settings:
    """Settings with two names for one provider."""
    section = {
        "client_id": "rapport",
        "client_secret": "x" * 40,
        "server_metadata_url": f"{issuer}/.well-known/openid-configuration",
    }
    auth = {"redirect_uri": f"{origin}/oauth2callback", "cookie_secret": secrets.token_urlsafe(48)}
    given = {"api_audience": AUDIENCE, "api_clients": ["company/crm", "again/esp"]} | rapport
    found = settings.read({"auth": auth | {"company": section, "again": section}, "rapport": given})
    assert found is not None
    return found


@contextmanager
def interface(journal: Journal, campaign: str, **rapport):
    """The interface on a port of this machine."""
    provider_port, port = free_port(), free_port()
    provider = FakeProvider(f"http://127.0.0.1:{provider_port}")
    opened = Interface(f"http://127.0.0.1:{port}", provider, journal, campaign)
    given = settings_of(opened.address, provider.issuer, **rapport)
    pins = dict.fromkeys(
        ("company", "again"), Pin(provider.issuer, "", f"{provider.issuer}/keys", f"{provider.issuer}/token")
    )

    async def screen(request: Request) -> PlainTextResponse:
        opened.entered.append(request.url.path)
        return PlainTextResponse("figures")

    api = responses.Api(given, pins, lambda: journal)
    routes = [*api.routes(), Route("/{path:path}", screen, methods=["GET", "POST", "PUT"])]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, settings=given, pins=pins, journal=lambda: journal)])
    opened.api = api
    with running(provider.app(), provider_port), running(app, port):
        yield opened


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    journal = Journal(str(tmp_path_factory.mktemp("journal")))
    journal.migrate()
    with interface(journal, launched(journal)) as opened:
        yield opened


@pytest.fixture(autouse=True)
def patient(request):
    """One test's requests do not count as another's."""
    if "api" in request.fixturenames:
        request.getfixturevalue("api").api.requests.seen.clear()


# Whose token


def test_a_right_token_sends_answers_that_are_counted_at_once(api):
    answer = api.post([row(api.campaign, 1), row(api.campaign, 2, "C4")])
    assert (answer.status_code, answer.json()) == (200, {"kept": 2, "known": 0, "flags": {"held out": 1}})
    assert answer.headers["content-type"] == "application/json"
    assert kept.counts(api.journal, SYSTEM, api.campaign).answered == {"treated": 1, "control": 1}
    (entry,) = audit.entries(api.journal, action="campaign.responses", limit=1)
    assert json.loads(entry.detail)["sender"] == "company/crm" and entry.actor.startswith("client:")


def test_each_named_client_is_an_actor_of_its_own(api):
    assert api.post([row(api.campaign, 3, "C2")], api.token(client_id="esp", sub="esp")).status_code == 200
    first, second = audit.entries(api.journal, action="campaign.responses", limit=2)
    assert json.loads(first.detail)["sender"] == "again/esp" and first.actor != second.actor


def forged(api: Interface) -> dict[str, str]:
    """Tokens that must not open anything, by what is wrong with them."""
    now, key = int(time.time()), api.provider.key
    public = key.as_pem(private=False)
    own = RSAKey.generate_key(2048, {"kid": key.kid, "use": "sig"})
    elliptic = ECKey.generate_key("P-256", {"kid": key.kid})
    free = RSAKey.import_key({name: value for name, value in key.as_dict(private=True).items() if name != "alg"})
    right = api.token()
    head, body, tail = right.split(".")
    other_body = base64.urlsafe_b64encode(json.dumps(api.claims(client_id="esp")).encode()).rstrip(b"=").decode()
    inside = {"jwk": own.as_dict(private=False), "typ": "at+jwt", "kid": key.kid}
    symmetric = OctKey.import_key(public.replace(b"-----", b"     "))
    return {
        "no signature algorithm": unsigned(api.claims(), typ="at+jwt", kid=key.kid),
        "no signature algorithm, in capitals": unsigned(api.claims(), alg="NONE", typ="at+jwt"),
        "signed with the public key as a secret": jwt.encode({"alg": "HS256", "kid": key.kid, "typ": "at+jwt"}, api.claims(), symmetric),
        "signed with another key": api.token(own),
        "signed with another kind of key": jwt.encode({"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}, api.claims(), elliptic),
        "its own key inside": jwt.encode({"alg": "RS256"} | inside, api.claims(), own),
        "an address for its key": api.token(own, {"jku": "http://127.0.0.1:1/keys"}),
        "a key nobody knows": api.token(own, {"kid": "../../etc/passwd"}),
        "an algorithm that is not pinned": jwt.encode({"alg": "RS512", "kid": key.kid, "typ": "at+jwt"}, api.claims(), free, algorithms=["RS512"]),
        "claims changed afterwards": f"{head}.{other_body}.{tail}",
        "signature cut off": f"{head}.{body}.",
        "signature of half the length": f"{head}.{body}.{tail[: len(tail) // 2]}",
        "another issuer": api.token(iss="https://evil.example"),
        "issuer with a slash": api.token(iss=f"{api.provider.issuer}/"),
        "no issuer": api.token(iss=None),
        "an issuer that is a list": api.token(iss=[api.provider.issuer]),
        "another audience": api.token(aud="https://other.example/api"),
        "the audience of a sign-in": api.token(aud="rapport"),
        "no audience": api.token(aud=None),
        "an empty audience": api.token(aud=""),
        "expired": api.token(iat=now - HOUR, exp=now - 1),
        "no end": api.token(exp=None),
        "an end that is a text": api.token(exp=str(now + HOUR)),
        "issued in an hour": api.token(iat=now + HOUR, exp=now + 2 * HOUR),
        "not valid before an hour": api.token(nbf=now + HOUR, exp=now + 2 * HOUR),
        "no moment of issue": api.token(iat=None),
        "no id": api.token(jti=None),
        "no subject": api.token(sub=None),
        "a subject that is a number": api.token(sub=7),
        "no client": api.token(client_id=None),
        "a client that is a list": api.token(client_id=["crm"]),
        "an ID token": api.token(header={"typ": "JWT"}),
        "no type": jwt.encode({"alg": "RS256", "kid": key.kid}, api.claims(), key, default_type=None),
        "bound to a key": api.token(cnf={"jkt": "x"}),
        "a critical header": api.token(header={"crit": ["b64"], "b64": True}),
        "very long": api.token(padding="x" * 9_000),
        "not a token": "opaque",
        "three empty parts": "..",
        "no JSON": "e30.bm90.e30",
        "deep JSON": f"{head}.{base64.urlsafe_b64encode(b'[' * 3_000).decode()}.{tail}",
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_no_forged_token_opens_anything_and_the_answer_does_not_say_why(api):
    before, told = api.received(), set()
    for what, token in forged(api).items():
        answer = api.post([row(api.campaign, 900)], token)
        assert answer.status_code == 401, what
        assert answer.headers["www-authenticate"] == 'Bearer realm="rapport", error="invalid_token"', what
        told.add(answer.text)
    assert len(told) == 1 and api.received() == before


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic Y3JtOmNybQ==", "Token x", "Bearer a b"])
def test_without_a_token_the_answer_says_what_to_bring(header, api):
    headers = {} if header is None else {"Authorization": header}
    answer = api.post([row(api.campaign, 901)], None, **headers)
    assert answer.status_code == 401 and answer.headers["www-authenticate"].startswith('Bearer realm="rapport"')
    assert "access token" in answer.json()["message"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": None}, "insufficient_scope"),
        ({"scope": ""}, "insufficient_scope"),
        ({"scope": "openid figures:read"}, "insufficient_scope"),
        ({"scope": "responses:write:all RESPONSES:WRITE"}, "insufficient_scope"),
        ({"scope": {"responses:write": 1}}, "insufficient_scope"),
        ({"client_id": "stranger"}, "access_denied"),
        ({"client_id": "CRM"}, "access_denied"),
        ({"client_id": "../again/crm"}, "access_denied"),
    ],
    ids=str,
)
def test_a_right_token_for_something_else_or_of_another_client_is_forbidden(changes, error, api):
    answer = api.post([row(api.campaign, 902)], api.token(**changes))
    assert (answer.status_code, answer.json()["error"]) == (403, error)
    assert 'scope="responses:write"' in answer.headers["www-authenticate"] and "r902" not in api.received()


def test_a_clock_that_is_a_little_ahead_and_more_scopes_or_audiences_do_no_harm(api):
    now = int(time.time())
    for changes in ({"iat": now + 60, "nbf": now + 60}, {"scope": f"a {tokens.SCOPE} b"}, {"aud": ["x", AUDIENCE]}):
        assert api.post([row(api.campaign, 1)], api.token(**changes)).status_code in (200, 422)


def test_refused_tokens_are_on_record_and_many_from_one_address_must_wait_and_nobody_else(api):
    def seen(action: str) -> int:
        return audit.count(api.journal, action=action)

    before, throttled = seen("responses denied"), seen("responses throttled")
    statuses = [api.post([], "x.y.z", "203.0.113.7").status_code for _ in range(50)]
    assert statuses == [401] * 30 + [429] * 20
    assert (seen("responses denied") - before, seen("responses throttled") - throttled) == (30, 1)
    assert api.post([row(api.campaign, 10)], place="203.0.113.7").headers["retry-after"] == "60"
    assert api.post([row(api.campaign, 10)], place="203.0.113.8").status_code == 200


def test_without_named_clients_nobody_may_send(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    for given in ({"api_audience": "", "api_clients": []}, {"api_clients": []}):
        with interface(journal, "a" * 32, **given) as closed:
            for changes in ({}, {"aud": ""}, {"aud": None}):
                assert closed.post([row("a" * 32, 1)], closed.token(**changes)).status_code == 401


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({"api_clients": ["company/crm"]}, "api_audience"),
        ({"api_audience": "x", "api_clients": ["crm"]}, "<provider>"),
        ({"api_audience": "x", "api_clients": ["nobody/crm"]}, "<provider>"),
        ({"api_audience": "x", "api_clients": ["company/"]}, "<provider>"),
        ({"api_audience": "x", "api_clients": [7]}, "<provider>"),
        ({"api_audience": "x", "api_clients": "company/crm"}, "a list"),
        ({"api_audience": 7}, "text"),
        ({"api_audience": "rapport"}, "client_id"),
        ({"api_client": []}, "api_client"),
    ],
    ids=str,
)
def test_settings_that_contradict_themselves_stop_the_start(section, word):
    whole = {"api_audience": "", "api_clients": []} | section
    with pytest.raises(Misconfigured, match=word):
        settings_of("https://rapport.example", "https://id.example", **whole)


# The provider's keys


def test_a_provider_that_is_down_is_said_and_its_keys_are_kept_for_an_hour():
    now, provider = [0.0], FakeProvider("http://127.0.0.1:1")
    port = free_port()
    keys = tokens.Keys(f"http://127.0.0.1:{port}/keys", lambda: now[0])
    with pytest.raises(tokens.Unreachable):
        keys.of("a")
    now[0] = 31
    with running(provider.app(), port):
        assert keys.of(provider.key.kid)["kid"] == provider.key.kid
        assert keys.of(None)["kid"] == provider.key.kid and keys.of("other") is None and keys.of(7) is None
        provider.key = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
        assert keys.of(provider.key.kid) is None  # asked a moment before
        now[0] = 62
        assert keys.of(provider.key.kid)["kid"] == provider.key.kid
    now[0] = 62 + 3_599
    assert keys.of(provider.key.kid)
    now[0] = 62 + 3_601
    with pytest.raises(tokens.Unreachable):
        keys.of(provider.key.kid)


def test_a_secret_or_a_key_for_encryption_among_the_providers_keys_proves_nothing():
    told = [OctKey.generate_key(256).as_dict(), {"kty": "RSA", "use": "enc"}, {"kty": "x"}, {}]
    assert not any(map(tokens.usable, told))
    assert tokens.usable(RSAKey.generate_key(2048).as_dict(private=False))


def test_while_the_provider_is_down_the_answer_is_503(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    with interface(journal, "a" * 32) as opened:
        opened.provider.key = SimpleNamespace(as_dict=lambda private: 1 / 0)  # the provider answers 500
        token = jwt.encode({"alg": "RS256", "typ": "at+jwt"}, opened.claims(), RSAKey.generate_key(2048))
        answer = opened.post([row("a" * 32, 1)], token)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "60"


# What is sent


def test_sent_again_a_request_changes_nothing_and_one_wrong_row_keeps_all_others_out(api):
    rows = [row(api.campaign, number, f"K{number}") for number in range(100, 110)]
    assert api.post(rows).json()["kept"] == 10
    assert api.post(rows).json() == {"kept": 0, "known": 10, "flags": {}}
    changed = [
        rows[0],
        rows[1] | {"kind": "call"},
        row(api.campaign, 110),
        row(api.campaign, 111, "x@y.example"),
        {"a": 1},
    ]
    answer = api.post(changed)
    assert answer.status_code == 422 and answer.json()["known"] == 1
    assert [one["row"] for one in answer.json()["refused"]] == [2, 4, 5]
    assert "r110" not in api.received() and "x@y.example" not in answer.text
    assert api.post([rows[0], row(api.campaign, 110)]).json() == {"kept": 1, "known": 1, "flags": {"again": 1}}


def test_lines_are_taken_like_one_object(api):
    body = b"\n".join(json.dumps(row(api.campaign, number, f"L{number}")).encode() for number in (120, 121))
    for kind in ("application/x-ndjson", "application/jsonl; charset=UTF-8"):
        assert api.post(body, **{"Content-Type": kind}).status_code == 200
    assert {"r120", "r121"} <= api.received()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({"Content-Type": ""}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"responses=1", 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"Content-Type": "application/json; charset=utf-16"}, b"{}", 415),
        ({"Content-Encoding": "gzip"}, b"\x1f\x8b" + bytes(100), 415),
        ({}, b"", 400),
        ({}, b"not json", 400),
        ({}, b"[" * 200_000, 400),
        ({}, b'{"responses": [], "responses": []}', 400),
        ({}, b" " * (MOST_BYTES + 1), 413),
        ({}, json.dumps({"responses": [{}] * (MOST_ROWS + 1)}).encode(), 413),
        ({}, json.dumps({"responses": [{}] * MOST_ROWS}).encode(), 422),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_bodies_are_bounded_and_of_the_two_kinds_only(headers, body, status, api):
    answer = api.post(body, **headers)
    assert answer.status_code == status and answer.json()["error"] and answer.json()["message"]


def test_a_body_without_a_length_is_cut_off_where_it_becomes_too_long(api):
    sent = 0

    def endless():
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b" " * (1 << 16)

    headers = {"Authorization": f"Bearer {api.token()}", "Content-Type": "application/json"}
    try:
        answer = httpx.post(f"{api.address}/api/responses", content=endless(), headers=headers, trust_env=False)
        assert answer.status_code == 413
    except httpx.TransportError:  # the server answered and hung up while we were still sending
        pass
    assert sent < 64 << 20


def test_a_body_that_does_not_come_is_not_waited_for(api, monkeypatch):
    monkeypatch.setattr(responses, "BODY_SECONDS", 0.3)
    host, port = api.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = (
            f"POST /api/responses HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
        )
        connection.sendall(f"{head}Authorization: Bearer {api.token()}\r\n\r\n{{".encode())
        assert connection.recv(4_096).startswith(b"HTTP/1.1 408")


def test_a_client_that_asks_too_often_must_wait_and_no_other(api, monkeypatch):
    monkeypatch.setattr(api.api.requests, "most", 3)
    token = api.token()
    assert [api.post([], token).status_code for _ in range(5)] == [400] * 3 + [429] * 2
    assert api.post([], api.token(client_id="esp", sub="esp")).status_code == 400


def test_a_journal_that_cannot_be_written_is_503_and_no_row_is_in_the_log(api, monkeypatch, caplog):
    def broken(*_, **__):
        raise sa.exc.OperationalError("insert", {"customer_id": "C1-in-question"}, Exception("disk full"))

    monkeypatch.setattr(responses, "receive", broken)
    answer = api.post([row(api.campaign, 130)])
    assert answer.status_code == 503 and "C1-in-question" not in caplog.text + answer.text
    assert "OperationalError" in caplog.text


def test_twenty_senders_at_once_leave_each_answer_once(api):
    common = [row(api.campaign, 200 + number, f"T{number}") for number in range(10)]
    before = len(api.received())

    def one(sender: int) -> dict:
        return api.post([*common, row(api.campaign, 300 + sender, f"S{sender}")]).json()

    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(one, range(20)))
    assert sum(each["kept"] for each in found) == 10 + 20 and sum(each["known"] for each in found) == 19 * 10
    assert len(api.received()) == before + 30 and audit.verify(api.journal).ok


# The door


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/responses"),
        ("PUT", "/api/responses"),
        ("POST", "/api/responses/"),
        ("POST", "/api/responses/x"),
        ("POST", "/API/responses"),
        ("POST", "/api/openapi.json"),
        ("GET", "/api/openapi.json/"),
        ("GET", "/api"),
        ("GET", "/export/x"),
        ("POST", "//api/responses"),
    ],
)
def test_a_token_opens_nothing_else(method, path, api):
    entered = len(api.entered)
    headers = {"Authorization": f"Bearer {api.token()}"}
    answer = httpx.request(method, api.address + path, headers=headers, trust_env=False)
    assert answer.status_code == 401 and len(api.entered) == entered


def test_a_live_session_does_not_stand_in_for_a_token(api, monkeypatch):
    someone = come(api.journal, "max", "manager M01", iat=int(time.time()))
    session = people.alive(api.journal, someone.session)

    async def everybody(*_) -> people.Session | None:
        return session

    monkeypatch.setattr(Guard, "session", everybody)
    assert httpx.get(f"{api.address}/page", trust_env=False).text == "figures"
    answer = api.post([row(api.campaign, 140)], None, Cookie="_streamlit_user=live", Origin=api.address)
    assert answer.status_code == 401 and "r140" not in api.received()


def test_what_a_browser_adds_by_itself_does_not_reach_the_interface():
    scope = {"headers": [(b"cookie", b"a=b"), (b"Cookie", b"c=d"), (b"x", b"y")], "state": {"session": 1, "other": 2}}
    slim = guard.without_cookies(scope)
    assert slim["headers"] == [(b"x", b"y")] and slim["state"] == {"other": 2}
    assert len(scope["headers"]) == 3 and "session" in scope["state"]


def test_under_another_host_name_the_interface_is_not_reached(api, monkeypatch):
    monkeypatch.setattr(guard, "is_host_allowed", lambda host: host == "rapport.example")
    assert api.post([row(api.campaign, 141)]).status_code == 421
    assert api.post([row(api.campaign, 141)], Host="rapport.example").status_code == 200


# The document


def test_the_document_is_openapi_and_says_the_limits_that_hold(api):
    answer = httpx.get(f"{api.address}/api/openapi.json", trust_env=False)
    document = answer.json()
    OpenAPIV31SpecValidator(document).validate()
    posted = document["paths"]["/api/responses"]["post"]
    assert {"200", "400", "401", "403", "408", "413", "415", "422", "429", "503"} == set(posted["responses"])
    flow = document["components"]["securitySchemes"]["company"]["flows"]["clientCredentials"]
    assert flow == {"tokenUrl": f"{api.provider.issuer}/token", "scopes": {tokens.SCOPE: "send answers of customers"}}
    many = posted["requestBody"]["content"]["application/json"]["schema"]["properties"]["responses"]
    assert many["maxItems"] == MOST_ROWS and str(responses.REQUESTS_A_MINUTE) in document["info"]["description"]
    told = document["components"]["schemas"]["Response"]
    assert told["required"] == ["campaign_id", "response_id", "recipient", "responded_at"]
    assert set(told["properties"]) == {*told["required"], "kind"}


def test_the_document_is_openapi_without_any_client_too():
    given = settings_of("https://rapport.example", "https://id.example", api_audience="", api_clients=[])
    OpenAPIV31SpecValidator(openapi.document(given, {})).validate()
    assert "client_secret" not in json.dumps(openapi.document(given, {}))


# The real thing


def test_a_program_of_the_certified_provider_sends_to_the_real_server(warehouse, tmp_path):
    port = free_port()
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    campaign = launched(journal)
    with certified_provider(f"http://127.0.0.1:{port}/oauth2callback") as provider:
        file = tmp_path / "secrets.toml"
        file.touch(0o600)
        file.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
            f'cookie_secret = "{secrets.token_urlsafe(48)}"\n'
            f'[auth.company]\nclient_id = "rapport"\nclient_secret = "{provider["secret"]}"\n'
            f'server_metadata_url = "{provider["issuer"]}/.well-known/openid-configuration"\n'
            f'[rapport]\napi_audience = "{AUDIENCE}"\napi_clients = ["company/crm"]\n'
        )

        def token(client: str = "crm", scope: str = tokens.SCOPE, audience: str = AUDIENCE) -> str:
            asked = {"grant_type": "client_credentials", "scope": scope, "resource": audience}
            told = httpx.post(
                f"{provider['issuer']}/token", data=asked, auth=(client, provider["secret"]), trust_env=False
            )
            return told.json()["access_token"]

        with browser.serve(
            warehouse, port=port, RAPPORT_SECRETS=str(file), RAPPORT_JOURNAL=str(tmp_path / "journal")
        ) as address:

            def post(token: str, *rows: dict) -> httpx.Response:
                headers = {"Authorization": f"Bearer {token}"}
                return httpx.post(
                    f"{address}/api/responses", json={"responses": rows}, headers=headers, trust_env=False
                )

            answer = post(token(), row(campaign, 1), row(campaign, 2, "C4"))
            assert (answer.status_code, answer.json()["kept"]) == (200, 2)
            assert kept.counts(journal, SYSTEM, campaign).answered == {"treated": 1, "control": 1}
            assert answer.headers["cache-control"] == "no-store" and "set-cookie" not in answer.headers
            assert post(token("stranger"), row(campaign, 3)).status_code == 403
            assert post(token(scope="figures:read"), row(campaign, 3)).status_code == 403
            assert post(token(audience="https://other.example/api"), row(campaign, 3)).status_code == 401
            document = httpx.get(f"{address}/api/openapi.json", trust_env=False).json()
            OpenAPIV31SpecValidator(document).validate()
            flow = document["components"]["securitySchemes"]["company"]["flows"]["clientCredentials"]
            assert flow["tokenUrl"] == f"{provider['issuer']}/token"
    assert audit.verify(journal).ok and audit.count(journal, action="responses denied") == 3


def test_the_demonstrations_program_gets_a_token_for_one_thing_and_the_demonstration_takes_it(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    campaign, port = launched(journal), free_port()
    given = demo.settings(f"http://127.0.0.1:{port}")
    provider = demo.DemoProvider(given)
    api = responses.Api(given, provider.pins(), lambda: journal)
    door = Middleware(Guard, settings=given, pins=provider.pins(), journal=lambda: journal)
    app = Starlette(routes=[*provider.routes(), *api.routes()], middleware=[door])
    with running(app, port) as address:

        def token(password: str = demo.PASSWORD, **asked: str) -> httpx.Response:
            body = {"grant_type": "client_credentials"} | asked
            return httpx.post(f"{address}{demo.PLACE}/token", data=body, auth=(demo.PROGRAM, password), trust_env=False)

        got = token(scope=tokens.SCOPE).json()
        headers = {"Authorization": f"Bearer {got['access_token']}"}
        sent = {"responses": [row(campaign, 1)]}
        assert httpx.post(f"{address}/api/responses", json=sent, headers=headers, trust_env=False).json()["kept"] == 1
        assert token("guessed").status_code == 401 and token(scope="openid").status_code == 400
        assert token(grant_type="authorization_code", code="x").status_code == 400
        elsewhere = {"Host": "rapport.example", **headers}
        assert httpx.post(f"{address}/api/responses", json=sent, headers=elsewhere, trust_env=False).status_code == 421
    (entry,) = audit.entries(journal, action="campaign.responses")
    assert json.loads(entry.detail)["sender"] == "demo/demo-sender"


def test_outside_the_demonstration_its_program_is_nobody():
    given = settings_of("https://rapport.example", "https://id.example")
    assert not given.demo and f"demo/{demo.PROGRAM}" not in given.api_clients
    with pytest.raises(Misconfigured):
        settings_of("https://rapport.example", "https://id.example", api_clients=[f"demo/{demo.PROGRAM}"])
