"""The real server: health, headers on every kind of answer, addresses, hosts, websockets; and what we use of Streamlit."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import free_port
from tests.oidc_fake import NAVIGATION, running
from web import headers


@contextmanager
def signed_in(address: str, persona: str) -> Iterator[httpx.Client]:
    """A browser in which a person of the demonstration has signed in."""
    with httpx.Client(base_url=address, headers=NAVIGATION, trust_env=False, timeout=30) as browser:
        there = browser.get(f"/sign-in/demo-{persona}?next=/healthz", follow_redirects=True)
        assert there.url.path == "/healthz"
        yield browser


@pytest.fixture(scope="module")
def otto(app_address) -> Iterator[httpx.Client]:
    with signed_in(app_address, "otto") as browser:
        yield browser


@pytest.fixture
def nobody(app_address) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=app_address, headers=NAVIGATION, trust_env=False, timeout=30) as browser:
        yield browser


def test_health_names_the_build_that_serves(nobody, warehouse):
    from data.warehouse import Warehouse

    answer = nobody.get("/healthz")
    assert answer.status_code == 200 and Warehouse(warehouse).newest() in answer.text


@pytest.mark.parametrize("query", ["segment=home&" * 2_000, "customer=" + "C" * 20_000])
def test_an_address_too_long_to_be_read_whole_is_refused(query, nobody, otto):
    for browser in (nobody, otto):
        answer = browser.get(f"/?{query}")
        assert answer.status_code == 414 and "nothing is shown" in answer.text


def test_an_address_of_many_choices_is_served(otto):
    assert otto.get(f"/?{'segment=home&' * 50}").status_code == 200


def check_headers(answer: httpx.Response) -> None:
    """Everything an answer must carry; the policy's parts are written out here, apart from the code."""
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    scripts = policy["script-src"].split()
    assert "'unsafe-inline'" not in scripts and "'unsafe-eval'" not in scripts and scripts[0] == "'self'"
    assert policy["default-src"] == policy["connect-src"] == policy["base-uri"] == policy["form-action"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["frame-src"] == "'none'"
    assert policy["img-src"] == "'self' data: blob:" and "*" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]


def test_every_kind_of_answer_carries_the_headers_and_stays_out_of_caches(nobody, otto):
    kinds = [
        (nobody.get("/healthz"), 200),
        (nobody.get("/_stcore/health"), 200),
        (nobody.get("/sign-in"), 200),
        (nobody.get("/"), 302),
        (nobody.get("/sign-in/demo-otto"), 302),
        (nobody.get("/auth/login"), 302),
        (nobody.get("/oauth2callback?error=access_denied"), 302),
        (nobody.get("/sign-in/demo-provider/keys"), 200),
        (nobody.get("/sign-in/demo-provider/authorize"), 400),
        (nobody.get("/", headers={"Accept": "*/*"}), 401),
        (nobody.get("/media/x", headers={"Accept": "*/*"}), 401),
        (nobody.get("/auth/logout", headers={"Sec-Fetch-Site": "cross-site"}), 403),
        (nobody.get("/_stcore/metrics"), 404),
        (nobody.get("/sign-in/unknown"), 404),
        (nobody.post("/sign-in"), 405),
        (nobody.get("/?" + "a" * 20_000), 414),
        (nobody.get("/", headers={"Host": "evil.example"}), 421),
        (otto.get("/"), 200),
        (otto.get("/glossary"), 200),
        (otto.get("/_stcore/host-config"), 200),
        (otto.get("/media/unknown.csv"), 404),
        (otto.get("/static/js/unknown.js"), 200),
        (otto.get("/a/../../etc/passwd%00"), 400),
    ]
    for answer, status in kinds:
        assert answer.status_code == status, answer.request.url
        check_headers(answer)
        assert answer.headers["cache-control"] == "no-store", answer.request.url


def test_files_named_after_their_content_may_be_kept(otto):
    script = re.search(r'src="\.(/static/js/[^"]+)"', otto.get("/").text)
    answer = otto.get(script[1])
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    check_headers(answer)


def test_the_only_script_written_into_a_page_is_allowed_by_its_hash(otto):
    page = otto.get("/").text
    written = [body for tag, body in re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL) if "src=" not in tag]
    digests = [base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in written]
    assert len(digests) == 1
    allowed = re.findall(r"'sha256-([^']+)'", otto.get("/").headers["content-security-policy"])
    assert allowed == digests


def test_the_sign_in_screen_has_no_script_at_all(nobody):
    text = nobody.get("/sign-in").text
    assert "<script" not in text and "javascript:" not in text and not re.search(r"\son\w+=", text)


def test_an_answer_to_a_request_that_failed_carries_the_headers_too():
    async def fail(_: Request) -> Response:
        raise RuntimeError("a secret of the inside")

    always = headers.always(https=True)
    app = Starlette(
        routes=[Route("/", fail)],
        middleware=[Middleware(headers.Headers, headers=always)],
        exception_handlers={Exception: headers.broken(always)},
    )
    with running(app, free_port()) as address:
        answer = httpx.get(address, trust_env=False)
    check_headers(answer)
    assert answer.status_code == 500 and "secret" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_without_tls_nothing_promises_tls(nobody):
    assert "strict-transport-security" not in nobody.get("/healthz").headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "10.0.0.7", "0x7f.1"])
def test_the_demonstration_answers_this_machine_only(host, nobody, otto):
    for browser in (nobody, otto):
        assert browser.get("/", headers={"Host": host}).status_code == 421
    assert nobody.get("/sign-in", headers={"Host": host}).status_code == 421
    assert nobody.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "Via"])
def test_the_demonstration_does_not_stand_behind_a_proxy(name, nobody):
    assert nobody.get("/sign-in", headers={name: "127.0.0.1"}).status_code == 421


def test_another_name_of_this_machine_leads_to_the_one_the_sign_in_uses(app_address, nobody):
    port = urlsplit(app_address).port
    answer = nobody.get("/glossary?segment=home", headers={"Host": f"localhost:{port}"})
    assert answer.status_code == 307 and answer.headers["location"] == f"{app_address}/glossary?segment=home"


def protocols(browser: httpx.Client, session: str = "") -> list[str]:
    """What Streamlit's own page sends along: its name, the token against forgery, the session to take up again."""
    token = browser.cookies.get("_streamlit_xsrf") or ""
    return ["streamlit", token or "none", *([session] if session else [])]


def new_session(address: str, browser: httpx.Client, taken_up: str = "", origin: str | None = "") -> str:
    """Open a websocket as Streamlit's page does, have the script run, and read the name of the session."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    browser.get("/_stcore/health")  # sets the token
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    with connect(
        address.replace("http", "ws") + "/_stcore/stream",
        origin=address if origin == "" else origin,
        subprotocols=protocols(browser, taken_up),
        additional_headers={"Cookie": cookie},
        max_size=None,
        proxy=None,
    ) as socket:
        run = BackMsg()
        run.rerun_script.query_string = ""
        socket.send(run.SerializeToString())
        while True:
            message = ForwardMsg.FromString(socket.recv(timeout=30))
            if message.WhichOneof("type") == "new_session":
                return str(message.new_session.initialize.session_id)


def test_the_session_of_another_person_cannot_be_taken_up(app_address, otto):
    others = new_session(app_address, otto)
    with signed_in(app_address, "gina") as gina:
        own = new_session(app_address, gina, taken_up=others)
        assert own and own != others


def check_refused(refusal: InvalidStatus) -> None:
    """A refused websocket is an answer like any other."""
    assert refusal.response.status_code == 403
    check_headers(httpx.Response(403, headers=list(refusal.response.headers.raw_items())))


@pytest.mark.parametrize("origin", ["http://evil.example", None])
def test_a_websocket_of_another_site_is_refused_before_it_is_accepted(origin, app_address, otto):
    with pytest.raises(InvalidStatus) as refusal:
        new_session(app_address, otto, origin=origin)
    check_refused(refusal.value)


def test_a_websocket_of_nobody_is_refused_before_it_is_accepted(app_address, nobody):
    with pytest.raises(InvalidStatus) as refusal:
        new_session(app_address, nobody)
    check_refused(refusal.value)


def test_the_names_and_habits_of_streamlit_that_the_door_relies_on():
    """When a new version breaks one of these, the door must be looked at before the version is taken."""
    from streamlit.web.server.starlette import starlette_auth_routes as routes
    from streamlit.web.server.starlette import starlette_server_config as names
    from streamlit.web.server.starlette import starlette_websocket as websocket

    assert (names.USER_COOKIE_NAME, names.TOKENS_COOKIE_NAME) == ("_streamlit_user", "_streamlit_user_tokens")
    assert {route.path for route in routes.create_auth_routes("")} == {
        "/auth/login",
        "/auth/logout",
        "/oauth2callback",
    }
    made = routes._create_signed_value_wrapper("_streamlit_user", '{"sub": "s"}').decode()
    assert websocket._get_signed_cookie_with_chunks({"_streamlit_user": made}, "_streamlit_user") == b'{"sub": "s"}'
    assert websocket._get_signed_cookie_with_chunks({"_streamlit_user_tokens": made}, "_streamlit_user_tokens") is None
    answer = Response()
    routes._set_single_cookie(answer, "_streamlit_user", "{}")
    morsel = SimpleCookie(answer.headers["set-cookie"])["_streamlit_user"]
    assert morsel["httponly"] and morsel["samesite"] == "lax" and morsel["path"] == "/" and morsel["max-age"]
    assert websocket.is_host_allowed("127.0.0.1:8501")
    assert len(headers.script_hashes(headers.INDEX.read_text(encoding="utf-8"))) == 1
