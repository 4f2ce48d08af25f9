"""A provider that answers whatever a test wants, and Rapport's door in front of a stand-in for the screens."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.starlette.starlette_app import create_streamlit_middleware
from streamlit.web.server.starlette.starlette_auth_routes import create_auth_routes

from data.journal.store import Journal
from tests.conftest import free_port
from web import headers, signin
from web.callback import Pin
from web.guard import Guard
from web.settings import Settings, read

CLIENT, NAVIGATION = "rapport", {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}


@contextmanager
def running(app, port: int) -> Iterator[str]:
    """Serve an ASGI app on a thread; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class FakeProvider:
    """An OpenID provider whose next ID token a test makes. make: claims -> the token as text."""

    def __init__(self, issuer: str):
        self.issuer, self.secret = issuer, secrets.token_urlsafe(32)
        self.key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        self.make: Callable[[dict], str] = self.sign
        self.claims: dict = {}
        self.told: dict = {}
        self.told_status = 200
        self.metadata: dict = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "jwks_uri": f"{issuer}/keys",
            "userinfo_endpoint": f"{issuer}/userinfo",
            "end_session_endpoint": f"{issuer}/end",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def app(self) -> Starlette:
        """The provider's endpoints; its sign-in screen is the test itself."""

        async def metadata(_: Request) -> Response:
            return JSONResponse(self.metadata)

        async def keys(_: Request) -> Response:
            return JSONResponse({"keys": [self.key.as_dict(private=False)]})

        async def token(_: Request) -> Response:
            return JSONResponse({"id_token": self.make(self.claims), "access_token": "opaque", "token_type": "Bearer"})

        async def userinfo(request: Request) -> Response:
            right = request.headers["authorization"] == "Bearer opaque"
            return JSONResponse(self.told, status_code=self.told_status if right else 401)

        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", metadata),
                Route("/keys", keys),
                Route("/token", token, methods=["POST"]),
                Route("/userinfo", userinfo),
            ]
        )

    def sign(self, claims: dict, key=None, **header) -> str:
        """A token signed as it should be, unless another key or header is given."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid} | header, claims, key or self.key)


def unsigned(claims: dict, **header) -> str:
    """A token with the algorithm `none`."""
    parts = ({"alg": "none"} | header, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


class Door:
    """Rapport's door, with a fake provider behind it and a stand-in for the screens that counts who came in."""

    def __init__(self, address: str, provider: FakeProvider, journal: Journal, settings: Settings):
        self.address, self.provider, self.journal, self.settings = address, provider, journal, settings
        self.entered: list[str] = []
        self.sockets: list[str] = []
        self.browsers: list[httpx.Client] = []
        self.places = itertools.count(1)

    def app(self, guard: Callable[..., Guard] = Guard) -> Starlette:
        """Streamlit's own sign-in routes and middleware; every other address is the stand-in."""

        async def screen(request: Request) -> Response:
            self.entered.append(request.state.session.session_id)
            return PlainTextResponse("figures")

        async def socket(websocket: WebSocket) -> None:
            self.sockets.append(websocket.state.session.session_id)
            await websocket.accept()
            await websocket.send_text("figures")
            await websocket.close()

        async def health(_: Request) -> Response:
            return PlainTextResponse("ok")

        pins = {name: Pin(self.provider.issuer, f"{self.provider.issuer}/userinfo") for name in self.settings.providers}
        return Starlette(
            routes=[
                Route("/healthz", health),
                *signin.routes(self.settings),
                *create_auth_routes(""),
                WebSocketRoute("/_stcore/stream", socket),
                Route("/{path:path}", screen),
            ],
            middleware=[
                Middleware(headers.Headers, headers=headers.always(self.settings.https)),
                Middleware(headers.Bounded),
                Middleware(guard, settings=self.settings, pins=pins, journal=lambda: self.journal),
                *create_streamlit_middleware(),
            ],
        )

    def browser(self, **more: str) -> httpx.Client:
        """A browser's cookies and headers, at a place of its own, without following redirects."""
        place = {"X-Forwarded-For": f"2001:db8::{next(self.places):x}"}
        browser = httpx.Client(base_url=self.address, headers=NAVIGATION | place | more, trust_env=False, timeout=20)
        self.browsers.append(browser)
        return browser

    def close(self) -> None:
        """Close every browser."""
        while self.browsers:
            self.browsers.pop().close()

    def begin(self, browser: httpx.Client, wanted: str = "/", name: str = "fake") -> dict[str, str]:
        """From a button of the sign-in screen to the provider; what Rapport asks the provider."""
        to_login = browser.get(f"/sign-in/{name}", params={"next": wanted})
        to_provider = browser.get(to_login.headers["location"])
        return dict(parse_qsl(urlsplit(to_provider.headers["location"]).query))

    def claims(self, asked: dict[str, str], **more) -> dict:
        """What a right ID token says; None as a value leaves the claim out."""
        now = int(time.time())
        right = {"iss": self.provider.issuer, "sub": "s-1", "aud": CLIENT, "iat": now, "exp": now + 300}
        said = right | {"nonce": asked["nonce"], "name": "Robin", "groups": ["all"]} | more
        return {name: value for name, value in said.items() if value is not None}

    def come_back(self, browser: httpx.Client, asked: dict[str, str], **more) -> httpx.Response:
        """The provider sends the browser back, with a token of these claims."""
        self.provider.claims = self.claims(asked, **more)
        return browser.get("/oauth2callback", params={"code": "c", "state": asked["state"]})

    def sign_in(self, browser: httpx.Client, wanted: str = "/", **more) -> httpx.Response:
        """A whole sign-in."""
        return self.come_back(browser, self.begin(browser, wanted), **more)


@contextmanager
def door(journal: Journal, content: dict | None = None) -> Iterator[Door]:
    """Serve the door and its provider; Streamlit's secrets are ours meanwhile."""
    provider_port, port = free_port(), free_port()
    provider = FakeProvider(f"http://127.0.0.1:{provider_port}")
    section = {
        "client_id": CLIENT,
        "client_secret": provider.secret,
        "server_metadata_url": f"{provider.issuer}/.well-known/openid-configuration",
    }
    address = f"http://127.0.0.1:{port}"
    auth = {"redirect_uri": f"{address}/oauth2callback", "cookie_secret": secrets.token_urlsafe(48)}
    roles = {"all": "auditor", "book": "manager", "north": "manager:M01", "boss": "approver"}
    content = {"roles": roles, "claims": {"manager": "employee_number"}} | (content or {})
    settings = read(content | {"auth": auth | {"fake": section, "other": section}})
    assert settings is not None
    before = secrets_singleton._programmatic_secrets, secrets_singleton._secrets
    secrets_singleton.merge_programmatic_secrets(settings.secrets())
    opened = Door(address, provider, journal, settings)
    try:
        with running(provider.app(), provider_port), running(opened.app(), port):
            yield opened
    finally:
        secrets_singleton._programmatic_secrets, secrets_singleton._secrets = before
