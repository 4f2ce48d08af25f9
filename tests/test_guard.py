"""The door: forged tokens, forged and replayed cookies, foreign origins, wanted addresses, and who is kept waiting."""

from __future__ import annotations

import base64
import json
import secrets
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from joserfc.jwk import RSAKey
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from data.journal import people
from data.journal.schema import AUDIT, SESSION
from data.journal.store import Journal
from data.rights import SYSTEM, Held
from tests.oidc_fake import CLIENT, door, unsigned
from web import cookies

A_DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(str(folder))
    journal.migrate()
    with door(journal) as served:
        yield served


@pytest.fixture
def at_door(opened):
    """The door as it is at the start: the right provider, the right clock, nobody counted."""
    opened.provider.make, opened.provider.told, opened.provider.told_status = opened.provider.sign, {}, 200
    opened.provider.metadata |= {"issuer": opened.provider.issuer, "id_token_signing_alg_values_supported": ["RS256"]}
    opened.journal.clock = lambda: datetime.now(UTC)
    opened.entered.clear()
    opened.sockets.clear()
    yield opened
    opened.close()


def audited(journal: Journal, action: str) -> list[dict]:
    """The details of audit rows of one action, the latest first."""
    statement = sa.select(AUDIT.c.detail).where(AUDIT.c.action == action).order_by(AUDIT.c.seq.desc())
    return [json.loads(row.detail) for row in journal.rows(statement)]


def refused(at_door, browser: httpx.Client, answer: httpx.Response) -> None:
    """Nobody came in: no cookie of a session, back to the sign-in screen, and the next page asks again."""
    assert answer.status_code == 302 and answer.headers["location"] == "/sign-in?problem=refused"
    assert not browser.cookies.get("_streamlit_user") and not browser.cookies.get("_streamlit_user_tokens")
    assert browser.get("/overview").headers["location"].startswith("/sign-in?next=")
    assert at_door.entered == []


def socket(at_door, browser: httpx.Client, origin: str | None = "", **headers: str) -> str | int:
    """What a websocket says, or the status it is refused with."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    address = at_door.address.replace("http", "ws") + "/_stcore/stream"
    more = {"Cookie": cookie} | headers
    try:
        with connect(
            address, origin=at_door.address if origin == "" else origin, additional_headers=more, proxy=None
        ) as opened:
            return str(opened.recv())
    except InvalidStatus as refusal:
        return refusal.response.status_code


def test_a_right_token_signs_in_with_the_roles_of_its_groups_at_the_wanted_address(at_door):
    browser = at_door.browser()
    answer = at_door.sign_in(browser, "/customer?customer=C1&since=2026-01", sub="right", groups=["all", "unknown"])
    assert answer.headers["location"] == "/customer?customer=C1&since=2026-01"
    assert browser.get("/customer").text == "figures" and socket(at_door, browser) == "figures"
    session = people.alive(at_door.journal, at_door.entered[0])
    assert session is not None and session.held == (Held("auditor"),) and session.provider == "fake"
    assert at_door.sockets == [session.session_id]


OTHER_KEY = RSAKey.generate_key(2048)
FORGED = {
    "no signature": lambda p, claims: unsigned(claims),
    "no signature, with the key's name": lambda p, claims: unsigned(claims, kid=p.key.kid),
    "no signature, spelt otherwise": lambda p, claims: unsigned(claims, alg="nOnE"),
    "the public key as a shared secret": lambda p, claims: hmac_token(p.key.as_pem(private=False), claims, p.key.kid),
    "the client's secret": lambda p, claims: hmac_token(p.secret.encode(), claims),
    "an empty shared secret": lambda p, claims: hmac_token(b"", claims),
    "a key of somebody else": lambda p, claims: p.sign(claims, OTHER_KEY),
    "a key sent along": lambda p, claims: p.sign(claims, OTHER_KEY, jwk=OTHER_KEY.as_dict(private=False)),
    "a critical header nobody knows": lambda p, claims: critical(p, claims),
    "a changed claim": lambda p, claims: changed(p.sign(claims)),
    "no token": lambda p, claims: "",
    "no text of a token": lambda p, claims: "a.b.c",
}


def hmac_token(key: bytes, claims: dict, kid: str | None = None) -> str:
    """A token signed with HS256, made by hand: no library would use a public key so."""
    import hashlib
    import hmac

    header = {"alg": "HS256"} | ({"kid": kid} if kid else {})
    start = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return f"{start}.{encoded(hmac.new(key, start.encode(), hashlib.sha256).digest())}"


def critical(provider, claims: dict) -> str:
    """A token that is right but for a header which must be understood; signed by hand."""
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    header = {"alg": "RS256", "kid": provider.key.kid, "crit": ["rapport-unknown"], "rapport-unknown": 1}
    start = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    signature = provider.key.private_key.sign(start.encode(), padding.PKCS1v15(), SHA256())
    return f"{start}.{encoded(signature)}"


def changed(token: str) -> str:
    """The same token about somebody else, with the signature it had."""
    header, claims, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return ".".join([header, encoded(json.dumps(said | {"sub": "boss"}).encode()), signature])


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@pytest.mark.parametrize("how", FORGED)
def test_a_forged_token_signs_nobody_in_and_is_audited(how, at_door):
    browser, before = at_door.browser(), len(audited(at_door.journal, "sign-in refused"))
    at_door.provider.make = lambda claims: FORGED[how](at_door.provider, claims)
    refused(at_door, browser, at_door.sign_in(browser))
    assert len(audited(at_door.journal, "sign-in refused")) == before + 1


def test_the_hand_made_signature_of_these_tests_is_a_right_one(at_door):
    from joserfc import jws

    token = critical(at_door.provider, {"sub": "s"})
    header, claims, signature = token.split(".")
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.hashes import SHA256

    public = at_door.provider.key.public_key
    public.verify(
        base64.urlsafe_b64decode(signature + "=="), f"{header}.{claims}".encode(), padding.PKCS1v15(), SHA256()
    )
    assert jws.extract_compact(token.encode()).headers()["crit"] == ["rapport-unknown"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": ["another client"], "azp": CLIENT},
        {"aud": [CLIENT, "another client"], "azp": "another client"},
        {"azp": "another client"},
        {"nonce": "another sign-in"},
        {"nonce": None},
        {"exp": int(time.time()) - 600},
        {"exp": None},
        {"iat": int(time.time()) + A_DAY, "exp": int(time.time()) + 2 * A_DAY},
        {"iat": None},
        {"iat": "now"},
        {"nbf": int(time.time()) + A_DAY},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "s" * 401},
        {"iss": None},
    ],
    ids=lambda wrong: " and ".join(wrong),  # the values are times, and names of tests must not change
)
def test_a_well_signed_token_that_says_something_wrong_signs_nobody_in(wrong, at_door):
    browser = at_door.browser()
    refused(at_door, browser, at_door.sign_in(browser, **wrong))


def test_a_provider_that_begins_to_offer_unsigned_tokens_after_the_start_signs_nobody_in(at_door):
    at_door.provider.metadata["id_token_signing_alg_values_supported"] = ["RS256", "none"]
    at_door.provider.make = unsigned
    browser = at_door.browser()
    refused(at_door, browser, at_door.sign_in(browser))
    assert audited(at_door.journal, "sign-in refused")[0]["reason"] == "signature algorithm of the ID token"


def test_a_provider_that_calls_itself_otherwise_after_the_start_signs_nobody_in(at_door):
    at_door.provider.metadata["issuer"] = "https://evil.example"
    browser = at_door.browser()
    refused(at_door, browser, at_door.sign_in(browser, iss="https://evil.example"))
    assert audited(at_door.journal, "sign-in refused")[0]["reason"] == "issuer"


def test_userinfo_is_asked_once_for_groups_the_token_does_not_tell(at_door):
    at_door.provider.told = {"sub": "u-1", "groups": ["book"], "employee_number": "M07", "name": "Robin"}
    browser = at_door.browser()
    at_door.sign_in(browser, sub="u-1", groups=None)
    assert browser.get("/").text == "figures"
    session = people.alive(at_door.journal, at_door.entered[0])
    assert session is not None and session.held == (Held("manager", "M07"),)


@pytest.mark.parametrize("told", [{"sub": "boss", "groups": ["boss"]}, {"groups": ["boss"]}, ["boss"]])
def test_userinfo_of_another_person_signs_nobody_in(told, at_door):
    at_door.provider.told = told
    browser = at_door.browser()
    refused(at_door, browser, at_door.sign_in(browser, sub="u-2", groups=None))


def test_userinfo_that_fails_signs_nobody_in(at_door):
    at_door.provider.told_status = 500
    browser = at_door.browser()
    refused(at_door, browser, at_door.sign_in(browser, sub="u-3", groups=None))


@pytest.mark.parametrize(
    ("groups", "more", "held"),
    [
        (["nobody mapped this"], {}, ()),
        ([], {}, ()),
        (["north"], {}, (Held("manager", "M01"),)),
        (["book"], {"employee_number": "M02"}, (Held("manager", "M02"),)),
        (["book"], {}, ()),
        (["book"], {"employee_number": True}, ()),
        (["book"], {"employee_number": ["M02"]}, ()),
        ("all", {}, (Held("auditor"),)),
        ([["boss"], 1, None, "all"], {}, (Held("auditor"),)),
        (["all", "boss"], {}, (Held("approver"), Held("auditor"))),
        ([], {"email": "admin@corp.example", "email_verified": True, "roles": ["boss"]}, ()),
    ],
    ids=str,
)
def test_roles_come_from_mapped_groups_and_nothing_else(groups, more, held, at_door):
    assert at_door.settings.held({"groups": groups} | more) == held


def test_two_contradicting_roles_are_no_role_at_all(at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub="both", groups=["all", "boss"])
    browser.get("/")
    session = people.alive(at_door.journal, at_door.entered[0])
    assert session is not None and people.actor_of(at_door.journal, session).held == ()


def test_the_same_e_mail_with_another_subject_is_another_person(at_door):
    first, second = at_door.browser(), at_door.browser()
    at_door.sign_in(first, sub="old-hire", email="robin@corp.example")
    at_door.sign_in(second, sub="new-hire", email="robin@corp.example")
    first.get("/"), second.get("/")
    persons = {people.alive(at_door.journal, name).person for name in at_door.entered}
    assert len(persons) == 2
    at_door.entered.clear()
    third = at_door.browser()
    at_door.sign_in(third, sub="old-hire", email="renamed@corp.example")
    third.get("/")
    assert people.alive(at_door.journal, at_door.entered[0]).person in persons


def test_anonymous_requests_reach_nothing_but_health_and_sign_in(at_door):
    browser, page = at_door.browser(), {"Accept": "*/*", "Sec-Fetch-Mode": "cors"}
    assert browser.get("/healthz").status_code == 200
    wanted = browser.get("/customer_roi?segment=home&segment=public")
    assert parse_qs(urlsplit(wanted.headers["location"]).query)["next"] == ["/customer_roi?segment=home&segment=public"]
    for path in ("/static/js/index.js", "/media/a.csv", "/_stcore/host-config", "/_stcore/script-health-check"):
        assert browser.get(path, headers=page).status_code == 401
    assert browser.post("/", headers={"Accept": "text/html"}).status_code == 401
    for path in ("/_stcore/metrics", "/_stcore/agent/interact", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json"):
        assert browser.post(path).status_code == browser.get(path).status_code == 404
    assert socket(at_door, browser) == 403
    assert at_door.entered == at_door.sockets == []


def test_headers_that_name_a_user_name_nobody(at_door):
    browser = at_door.browser(**{"X-Forwarded-User": "boss", "X-Forwarded-Email": "boss@corp.example"})
    assert browser.get("/").headers["location"].startswith("/sign-in")
    at_door.sign_in(browser, sub="plain")
    browser.get("/")
    session = people.alive(at_door.journal, at_door.entered[0])
    assert session is not None and session.held == (Held("auditor"),)


def bit_flipped(cookies: dict, _: dict) -> dict:
    value = cookies["_streamlit_user"]
    middle = len(value) // 3
    return cookies | {"_streamlit_user": value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]}


def signature_flipped(cookies: dict, _: dict) -> dict:
    value = cookies["_streamlit_user"]
    return cookies | {"_streamlit_user": value[:-2] + ("A" if value[-2] != "A" else "B") + value[-1]}


def tokens_as_user(cookies: dict, _: dict) -> dict:
    return cookies | {"_streamlit_user": cookies["_streamlit_user_tokens"]}


@pytest.mark.parametrize("forge", [bit_flipped, signature_flipped, tokens_as_user])
def test_a_cookie_that_was_touched_is_nobody(forge, at_door):
    browser, thief = at_door.browser(), at_door.browser()
    at_door.sign_in(browser, sub="cookie")
    for name, value in forge(dict(browser.cookies), {}).items():
        thief.cookies.set(name, value)
    assert thief.get("/").status_code == 302 and socket(at_door, thief) == 403
    assert browser.get("/").text == "figures"


def pieces(claims: dict) -> dict[str, str]:
    """The cookies Streamlit would make of very many claims: a count, and the pieces."""
    from streamlit.auth_util import set_cookie_with_chunks
    from streamlit.web.server.starlette import starlette_auth_routes as routes

    made: dict[str, str] = {}

    def put(name: str, value: str) -> None:
        made[name] = routes._create_signed_value_wrapper(name, value).decode()

    sign = routes._create_signed_value_wrapper
    set_cookie_with_chunks(put, sign, "_streamlit_user", claims, cookie_attr_size=100)
    return made


def test_pieces_of_two_peoples_cookies_are_never_a_third_person(at_door):
    made = []
    for number in range(2):
        browser = at_door.browser()
        at_door.sign_in(browser, sub=f"long-{number}")
        claims = cookies.payload(dict(browser.cookies), "_streamlit_user")
        groups = [secrets.token_hex(16) for _ in range(200)]  # the same length for both, so the pieces fit
        made.append(pieces({"iss": claims["iss"], "sub": claims["sub"], "groups": groups} | claims))
    first, second = made
    assert {"_streamlit_user_1", "_streamlit_user_2"} <= set(first) == set(second)
    thief = at_door.browser()
    for cut in range(2, len(first)):  # the first cookie only counts
        thief.cookies.clear()
        for number, (name, value) in enumerate(first.items()):
            thief.cookies.set(name, value if number < cut else second[name])
        assert cookies.payload(dict(thief.cookies), "_streamlit_user")["sub"] == "long-0"  # it reads as a whole
        assert thief.get("/").status_code == 302  # but subject and nonce are of two sign-ins
    thief.cookies.clear()
    thief.cookies.update(first)
    assert thief.get("/").status_code == 200


def test_the_browser_keeps_who_it_is_and_nothing_else_the_provider_tells(at_door):
    browser = at_door.browser()
    browser.cookies.set("_streamlit_user_1", "left over", domain="127.0.0.1")
    groups = ["all", *(secrets.token_hex(16) for _ in range(300))]
    at_door.sign_in(browser, sub="slim", groups=groups, email="robin@corp.example")
    kept = cookies.payload(dict(browser.cookies), "_streamlit_user")
    assert set(kept) == {"iss", "sub", "nonce", "iat", "name", "origin", "is_logged_in", "provider"}
    assert cookies.payload(dict(browser.cookies), "_streamlit_user_tokens") == {}  # that token is too long to keep
    assert set(browser.cookies) == {"_streamlit_user", "_streamlit_user_tokens"}
    assert browser.get("/").text == "figures" and socket(at_door, browser) == "figures"


def test_a_short_id_token_is_shown_to_the_provider_at_the_sign_out(at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub="hint")
    kept = cookies.payload(dict(browser.cookies), "_streamlit_user_tokens")
    assert set(kept) == {"id_token"}
    out = browser.get("/auth/logout").headers["location"]
    assert parse_qs(urlsplit(out).query)["id_token_hint"] == [kept["id_token"]]


def test_a_cookie_made_for_another_origin_is_nobody(at_door):
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    browser, thief = at_door.browser(), at_door.browser()
    at_door.sign_in(browser, sub="origin")
    claims = cookies.payload(dict(browser.cookies), "_streamlit_user")
    for origin, status in (("https://evil.example", 302), (at_door.address, 200)):
        value = create_signed_value(get_cookie_secret(), "_streamlit_user", json.dumps(claims | {"origin": origin}))
        thief.cookies.set("_streamlit_user", value.decode())
        assert thief.get("/").status_code == status
        thief.cookies.clear()


def test_a_cookie_that_claims_no_sign_in_of_ours_is_nobody(at_door):
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    thief = at_door.browser()
    for claims in ({}, {"sub": "s", "iss": "i"}, ["boss"], {"iss": 1, "sub": 2, "nonce": 3, "iat": 4}):
        said = claims | {"origin": at_door.address, "is_logged_in": True} if isinstance(claims, dict) else claims
        value = create_signed_value(get_cookie_secret(), "_streamlit_user", json.dumps(said))
        thief.cookies.set("_streamlit_user", value.decode())
        assert thief.get("/").status_code == 302
        thief.cookies.clear()


def test_after_signing_out_the_old_cookie_is_nobody_on_pages_and_sockets(at_door):
    browser, thief = at_door.browser(), at_door.browser()
    at_door.sign_in(browser, sub="leaver")
    for name, value in browser.cookies.items():
        thief.cookies.set(name, value)
    out = browser.get("/auth/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert out.headers["location"].startswith(f"{at_door.provider.issuer}/end?")
    assert not browser.cookies.get("_streamlit_user")
    assert thief.get("/").headers["location"] == "/sign-in?next=%2F&ended=1" and socket(at_door, thief) == 403
    assert thief.get("/", headers={"Accept": "*/*"}).status_code == 401
    assert browser.get("/oauth2callback").headers["location"] == "/sign-in?out=1"
    assert audited(at_door.journal, "sign-out")[0]["why"] == "signed out"


def test_another_site_cannot_sign_anybody_out(at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub="stays")
    for site in ("cross-site", "same-site"):
        assert browser.get("/auth/logout", headers={"Sec-Fetch-Site": site}).status_code == 403
    assert browser.get("/").text == "figures"


def test_signing_in_anew_ends_the_session_this_browser_had(at_door):
    browser, thief = at_door.browser(), at_door.browser()
    at_door.sign_in(browser, sub="first")
    for name, value in browser.cookies.items():
        thief.cookies.set(name, value)
    at_door.sign_in(browser, sub="second")
    assert browser.get("/").text == "figures" and thief.get("/").status_code == 302


@pytest.mark.parametrize(
    ("idle", "works"), [(29 * 60, True), (31 * 60, False)], ids=["29 minutes without use", "31 minutes without use"]
)
def test_a_session_ends_after_half_an_hour_without_use(idle, works, at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub=f"idle {idle}")
    at_door.journal.clock = lambda: datetime.now(UTC) + timedelta(seconds=idle)
    assert (browser.get("/").status_code == 200) == works
    assert (socket(at_door, browser) == "figures") == works


def test_a_session_ends_after_twelve_hours_however_much_it_is_used(at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub="busy")
    start = datetime.now(UTC)
    for minutes in range(0, 12 * 60, 20):
        at_door.journal.clock = lambda minutes=minutes: start + timedelta(minutes=minutes)
        assert browser.get("/").status_code == 200
    at_door.journal.clock = lambda: start + timedelta(hours=12, seconds=1)
    assert browser.get("/").headers["location"].endswith("ended=1") and socket(at_door, browser) == 403


def test_an_administrator_ends_a_session_at_once(at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub="dismissed")
    browser.get("/")
    session = people.alive(at_door.journal, at_door.entered[0])
    assert session is not None and people.end_sessions(at_door.journal, SYSTEM, session.person) == 1
    assert browser.get("/").status_code == 302 and socket(at_door, browser) == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "https://127.0.0.1", "http://127.0.0.1:1"])
def test_a_websocket_from_another_origin_or_without_one_is_refused(origin, at_door):
    browser = at_door.browser()
    at_door.sign_in(browser, sub="socket")
    assert socket(at_door, browser, origin) == 403
    assert socket(at_door, browser) == "figures"


def test_a_host_that_is_not_allowed_is_refused_on_pages_and_sockets(at_door, monkeypatch):
    from streamlit import config

    browser = at_door.browser()
    at_door.sign_in(browser, sub="host")
    real = config.get_option
    monkeypatch.setattr(
        config, "get_option", lambda name: ["127.0.0.1"] if name == "server.allowedHosts" else real(name)
    )
    assert browser.get("/").status_code == 200
    assert browser.get("/", headers={"Host": "evil.example"}).status_code == 421
    assert browser.get("/sign-in", headers={"Host": "evil.example"}).status_code == 421
    assert browser.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 200
    assert socket(at_door, browser) == "figures"


def test_a_callback_signs_in_once_and_only_the_browser_that_began(at_door):
    browser, other = at_door.browser(), at_door.browser()
    asked = at_door.begin(browser)
    stolen = at_door.come_back(other, asked, sub="mine")
    refused(at_door, other, stolen)
    assert at_door.come_back(browser, asked, sub="mine").headers["location"] == "/"
    assert browser.get("/").text == "figures"
    again = at_door.come_back(browser, asked, sub="mine")
    assert again.headers["location"] == "/sign-in?problem=refused"


@pytest.mark.parametrize(
    "query",
    [
        {"code": "c"},
        {"code": "c", "state": ""},
        {"code": "c", "state": "unknown"},
        {"error": "access_denied"},
        {"error": "access_denied\r\nSet-Cookie: _streamlit_user=boss", "error_description": "\r\n\r\n<script>"},
    ],
    ids=str,
)
def test_a_callback_without_a_sign_in_of_this_browser_leads_back_to_the_sign_in_screen(query, at_door, caplog):
    browser = at_door.browser()
    answer = browser.get("/oauth2callback", params=query)
    refused(at_door, browser, answer)
    assert set(answer.cookies) == set()
    assert all("\n" not in record.getMessage() and "\r" not in record.getMessage() for record in caplog.records)
    assert "<script>" not in json.dumps(audited(at_door.journal, "sign-in refused")[0])


EVIL = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/%2fevil.example",
    "%2f%2fevil.example",
    "/%5cevil.example",
    "/%252fevil.example",
    "javascript:alert(1)",
    "/\tevil",
    "/\r\nSet-Cookie:a=b",
    "/%0d%0aSet-Cookie:a=b",
    " //evil.example",
    "evil",
    "",
    "?next=/",
    "http:evil.example",
    "///evil.example",
    "/／evil.example",
    "/a" * 1_001,
    "/sign-in?next=/",
    "/auth/logout",
    "/oauth2callback?code=1",
    "/%61uth/logout",
]


@pytest.mark.parametrize("wanted", EVIL, ids=lambda text: ascii(text)[:40])
def test_a_wanted_address_that_is_not_a_page_of_ours_leads_to_the_first_page(wanted, at_door):
    assert cookies.own_address(wanted) == "/"
    browser = at_door.browser()
    assert at_door.sign_in(browser, wanted, sub="wanted").headers["location"] == "/"


@pytest.mark.parametrize(
    "wanted", ["/", "/glossary", "/customer?customer=C%201&since=2026-01", "/?note=https://a.example", "/v/abc"]
)
def test_a_page_of_ours_is_opened_after_the_sign_in(wanted, at_door):
    assert cookies.own_address(wanted) == wanted
    assert at_door.sign_in(at_door.browser(), wanted, sub="wanted").headers["location"] == wanted


def test_a_sign_in_begun_on_an_open_page_leads_back_to_that_page(at_door):
    for referer, wanted in (
        (f"{at_door.address}/glossary?q=roi", "/glossary?q=roi"),
        ("https://evil.example/glossary", "/"),
        (f"{at_door.address}/sign-in?next=/glossary", "/"),
    ):
        browser = at_door.browser()
        login = browser.get("/sign-in/fake").headers["location"]
        to_provider = browser.get(login, headers={"Referer": referer}).headers["location"]
        asked = {name: values[0] for name, values in parse_qs(urlsplit(to_provider).query).items()}
        assert at_door.come_back(browser, asked, sub="page").headers["location"] == wanted


def test_the_provider_is_asked_with_proof_of_who_began_and_with_a_prompt_it_knows(at_door):
    asked = at_door.begin(at_door.browser())
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert asked["prompt"] == "login" and asked["scope"] == "openid profile groups" and asked["response_type"] == "code"


def test_a_token_for_the_way_to_the_provider_that_is_too_old_leads_back_to_the_sign_in_screen(at_door):
    answer = at_door.browser().get("/auth/login?provider=e30.e30.e30")
    assert answer.headers["location"] == "/sign-in?problem=expired"


def test_many_failed_callbacks_from_one_address_must_wait_and_nobody_else(at_door):
    flood = at_door.browser(**{"X-Forwarded-For": "203.0.113.9"})
    before = len(audited(at_door.journal, "sign-in refused")), len(audited(at_door.journal, "sign-in throttled"))
    statuses = [flood.get("/oauth2callback?code=c&state=s").status_code for _ in range(200)]
    assert statuses == [302] * 30 + [429] * 170
    after = len(audited(at_door.journal, "sign-in refused")), len(audited(at_door.journal, "sign-in throttled"))
    assert after == (before[0] + 30, before[1] + 1)
    other = at_door.browser(**{"X-Forwarded-For": "203.0.113.10"})
    assert at_door.sign_in(other, sub="other").headers["location"] == "/"


def test_the_address_may_try_again_after_a_minute():
    from web.callback import Failures

    now = [0.0]
    failures = Failures(lambda: now[0])
    for _ in range(30):
        failures.note("a")
    assert failures.too_many("a") and not failures.too_many("b")
    assert failures.to_say("a") and not failures.to_say("a")
    now[0] = 59.9
    assert failures.too_many("a")
    now[0] = 60.1
    assert not failures.too_many("a") and failures.to_say("a")


def test_the_door_forgets_the_oldest_of_very_many_addresses():
    from web.callback import MOST_ADDRESSES, Failures

    failures = Failures()
    for number in range(MOST_ADDRESSES + 50):
        failures.note(str(number))
    assert len(failures.seen) == MOST_ADDRESSES and "49" not in failures.seen and "50" in failures.seen


def test_cookies_are_secure_behind_tls_and_live_no_longer_than_a_session():
    set_by_streamlit = (b"set-cookie", b"_streamlit_user=x; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax")
    gone = (b"set-cookie", b"_streamlit_user=; Max-Age=0; Path=/; SameSite=lax")
    state = (b"set-cookie", b"_streamlit_session=y; path=/; Max-Age=1209600; httponly; samesite=lax")
    other = (b"location", b"/")
    tight = cookies.tightened([set_by_streamlit, gone, state, other], https=True)
    texts = [value.decode() for _, value in tight]
    assert "Max-Age=43200" in texts[0] and "2592000" not in texts[0] and "Max-Age=0" in texts[1]
    assert all(text.endswith("; Secure") for text in texts[:3]) and texts[3] == "/"
    assert all("Secure" not in value.decode() for _, value in cookies.tightened([set_by_streamlit], https=False))


def test_the_cookies_of_a_sign_in_are_out_of_reach_of_scripts_and_other_sites(at_door):
    browser = at_door.browser()
    answer = at_door.sign_in(browser, sub="flags")
    made = [text for text in answer.headers.get_list("set-cookie") if text.startswith("_streamlit_user")]
    assert len(made) == 2
    for text in made:
        assert "HttpOnly" in text and "SameSite=lax" in text and "Max-Age=43200" in text


def test_a_session_is_noted_with_its_provider_and_roles_only(at_door):
    at_door.sign_in(at_door.browser(), sub="noted", email="robin@corp.example", phone_number="+49 170 1234567")
    rows = at_door.journal.rows(sa.select(SESSION).order_by(SESSION.c.created_at.desc()).limit(1))
    trail = json.dumps([tuple(row) for row in at_door.journal.rows(sa.select(AUDIT))])
    assert rows[0].provider == "fake" and json.loads(rows[0].held) == [["auditor", ""]]
    assert "robin@corp.example" not in trail and "1234567" not in trail
