"""Who gets past the door: everything but health and sign-in needs a live session, before any script runs."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from anyio import CapacityLimiter, to_thread
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_server_config import TOKENS_COOKIE_NAME, USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from data.journal import people
from data.journal.people import Session
from data.journal.store import Journal
from data.rights import NOBODY, RESPOND
from web import callback, cookies, responses
from web.callback import Failures, Pin, Refused
from web.settings import CALLBACK, Settings, loopback

HEALTH = frozenset({"/healthz", "/_stcore/health"})
NEVER = ("/_stcore/metrics", "/_stcore/agent")  # figures about the server, a door that has no browser's session
UPLOAD = "/_stcore/upload_file/"  # a file in the server's memory: for those only who have a page that asks for one
UPLOADS_AT_ONCE = 2
SIGN_IN, LOGIN, LOGOUT = "/sign-in", "/auth/login", "/auth/logout"
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")
ERROR_CODE = re.compile(r"[a-z_]{1,40}")
LOG = logging.getLogger(__name__)

Headers = list[tuple[bytes, bytes]]


class Guard:
    """Let nothing through without a live session, and make a session of what Streamlit's sign-in brings back."""

    def __init__(self, app: ASGIApp, settings: Settings, pins: Mapping[str, Pin], journal: Callable[[], Journal]):
        self.app, self.settings, self.pins, self.journal = app, settings, pins, journal
        self.failures = Failures()
        self.uploads = CapacityLimiter(UPLOADS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in HEALTH:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.websocket(scope, receive, send)
        elif text := self.wrong_host(HTTPConnection(scope)):
            await PlainTextResponse(text, status_code=421)(scope, receive, send)
        else:
            await self.http(scope, receive, self.tightening(send))

    def tightening(self, send: Send) -> Send:
        """The same way out, with cookies made Secure and short-lived."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = cookies.tightened(message.get("headers", []), self.settings.https)
            await send(message)

        return sending

    def wrong_host(self, request: HTTPConnection) -> str:
        """Why nobody should have come by this host name; empty when it is right."""
        host = request.headers.get("host", "")
        if not self.settings.demo:
            hint = "Open Rapport under its own address; a proxy must pass the Host header on (see docs/sign-in.md)."
            return "" if is_host_allowed(host) else f"This server does not answer for that host name. {hint}"
        if loopback(urlsplit(f"//{host}").hostname) and not any(name in request.headers for name in FORWARDED):
            return ""
        return "This is a demonstration for one machine only. To serve others, configure a provider (docs/sign-in.md)."

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse before accepting: another site's page, no Origin at all, no live session."""
        request = HTTPConnection(scope)
        ours = request.headers.get("origin") == self.settings.origin and not self.wrong_host(request)
        session = await self.session(request) if ours and not scope["path"].startswith(NEVER) else None
        if session is None:
            await receive()
            await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b""})
        else:
            await self.app(with_session(scope, session), receive, send)

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: a step of a sign-in, or something behind the door."""
        request, path = HTTPConnection(scope), scope["path"]
        if self.settings.demo and navigates(scope, request) and request.headers["host"] != self.netloc:
            await RedirectResponse(self.settings.origin + local_address(scope))(scope, receive, send)
        elif path == SIGN_IN or path.startswith(f"{SIGN_IN}/"):
            await self.app(scope, receive, send)
        elif (scope["method"], path) in responses.OPEN:  # programs bring a token, which is looked at there
            await self.app(without_cookies(scope), receive, send)
        elif path == LOGIN:
            await self.sign_in(scope, receive, send, request)
        elif path == LOGOUT:
            await self.sign_out(scope, receive, send, request)
        elif path == CALLBACK:
            await self.come_back(scope, receive, send, request)
        elif path.startswith(NEVER) or (path.startswith(UPLOAD.rstrip("/")) and not await self.may_upload(request)):
            await PlainTextResponse("There is nothing here.", status_code=404)(scope, receive, send)
        elif path.startswith(UPLOAD):
            async with self.uploads:
                await self.app(scope, receive, send)
        elif (session := await self.session(request)) is not None:
            await self.app(with_session(scope, session), receive, send)
        elif navigates(scope, request):
            ended = "&ended=1" if self.claims(request) else ""
            wanted = quote(cookies.own_address(local_address(scope)), safe="")
            await RedirectResponse(f"{SIGN_IN}?next={wanted}{ended}", status_code=302)(scope, receive, send)
        else:
            await PlainTextResponse("Sign in first.", status_code=401)(scope, receive, send)

    @property
    def netloc(self) -> str:
        """Host and port under which browsers reach Rapport."""
        return urlsplit(self.settings.origin).netloc

    def claims(self, request: HTTPConnection) -> dict:
        """What this browser's cookie proves."""
        return cookies.claims_of(request.cookies, self.settings.origin)

    async def session(self, request: HTTPConnection) -> Session | None:
        """The live session of this browser."""
        if not (name := session_name(self.claims(request))):
            return None
        return await to_thread.run_sync(lambda: people.alive(self.journal(), name))

    async def may_upload(self, request: HTTPConnection) -> bool:
        """Whether this browser belongs to somebody who may bring answers back from a file."""

        def may(session: Session) -> bool:
            return people.actor_of(self.journal(), session).may(RESPOND)

        session = await self.session(request)
        return session is not None and await to_thread.run_sync(may, session)

    async def sign_in(self, scope: Scope, receive: Receive, send: Send, request: HTTPConnection) -> None:
        """Streamlit's way to the provider; started from an open page, that page is what is wanted afterwards."""
        status, headers, body = await captured(self.app, scope, receive)
        referer = urlsplit(request.headers.get("referer", ""))
        if f"{referer.scheme}://{referer.netloc}" == self.settings.origin and not referer.path.startswith(SIGN_IN):
            wanted = referer.path + (f"?{referer.query}" if referer.query else "")
            headers.append((b"set-cookie", cookies.remember(wanted).encode()))
        if location(headers) == "/":  # Streamlit did not know the provider's token: too old
            headers = moved(headers, f"{SIGN_IN}?problem=expired")
        await answer(status, headers, body, scope, receive, send)

    async def sign_out(self, scope: Scope, receive: Receive, send: Send, request: HTTPConnection) -> None:
        """End the session for good, then let Streamlit forget the browser and go to the provider's own sign-out."""
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            text = "Another site asked to sign you out. Sign out in Rapport itself."
            await PlainTextResponse(text, status_code=403)(scope, receive, send)
            return
        if name := session_name(self.claims(request)):
            await to_thread.run_sync(lambda: people.end_session(self.journal(), name, "signed out"))
        status, headers, body = await captured(self.app, scope, receive)
        if location(headers) == "/":
            headers = moved(headers, f"{SIGN_IN}?out=1")
        await answer(status, headers, body, scope, receive, send)

    async def come_back(self, scope: Scope, receive: Receive, send: Send, request: HTTPConnection) -> None:
        """The provider's answer: a session for whoever it proves, at the address that was wanted; or a refusal."""
        asked = request.query_params
        if "code" not in asked and "error" not in asked:  # back from the provider's own sign-out
            await RedirectResponse(f"{SIGN_IN}?out=1", status_code=302)(scope, receive, send)
            return
        address = request.client.host if request.client else ""
        if self.failures.too_many(address):
            if self.failures.to_say(address):
                await self.record("sign-in throttled", address=address)
            text = "Too many failed sign-ins came from your address. Wait a minute, then try again."
            await PlainTextResponse(text, status_code=429, headers={"Retry-After": "60"})(scope, receive, send)
            return
        code = asked.get("error", "")
        if code:  # Streamlit writes it to the log as it is, and its description: whatever somebody likes to send
            code = code if ERROR_CODE.fullmatch(code) else "other"
            scope = {**scope, "query_string": urlencode({"error": code, "state": asked.get("state", "")}).encode()}
        status, headers, body = await captured(self.app, scope, receive)
        fresh = cookies.set_cookies(headers)
        claims, tokens = cookies.claims_of(fresh, self.settings.origin), cookies.payload(fresh, TOKENS_COOKIE_NAME)
        try:
            if not fresh.get(USER_COOKIE_NAME):
                raise Refused(f"provider said {code}" if code else "state, code or token")
            await self.admit(claims, tokens, request)
        except Refused as problem:
            self.failures.note(address)
            await self.record("sign-in refused", reason=str(problem))
            if fresh.get(USER_COOKIE_NAME):
                headers = cookies.without_sign_in(headers, request.cookies)
            headers = moved(headers, f"{SIGN_IN}?problem=refused")
        else:
            headers = cookies.slim(headers, claims, tokens, request.cookies)
            headers = moved(headers, cookies.remembered(request.cookies))
            headers.append((b"set-cookie", cookies.forget().encode()))
        await answer(status, headers, body, scope, receive, send)

    async def admit(self, claims: Mapping, tokens: Mapping, request: HTTPConnection) -> None:
        """Make the session of a provider's answer, and end the one this browser had; raises Refused."""
        name = str(claims.get("provider", ""))
        provider, pin = self.settings.providers.get(name), self.pins.get(name)
        if provider is None or pin is None:
            raise Refused("unknown provider")
        callback.check(claims, tokens, provider, pin)
        told, held = await callback.roles(claims, tokens, self.settings, pin)
        before = session_name(self.claims(request))

        def write() -> None:
            session = people.sign_in(self.journal(), told, name, held)
            if before and before != session:
                people.end_session(self.journal(), before, "signed in anew")

        await to_thread.run_sync(write)

    async def record(self, action: str, **detail: str) -> None:
        """Write down what nobody was signed in for."""
        LOG.warning("%s: %s", action, ", ".join(detail.values()))
        await to_thread.run_sync(lambda: self.journal().record(NOBODY, action, **detail))


def with_session(scope: Scope, session: Session) -> Scope:
    """The request, with its session for the routes behind the door."""
    return {**scope, "state": {**scope.get("state", {}), "session": session}}


def without_cookies(scope: Scope) -> Scope:
    """The request without what a browser adds by itself, and without anybody's session."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"cookie"]
    state = {name: value for name, value in scope.get("state", {}).items() if name != "session"}
    return {**scope, "headers": headers, "state": state}


def session_name(claims: Mapping) -> str:
    """The name of the session that claims belong to; empty when they name none."""
    try:
        return people.session_id(claims) if claims else ""
    except (KeyError, TypeError, ValueError):
        return ""


def navigates(scope: Scope, request: HTTPConnection) -> bool:
    """Whether a person's browser opens a page, rather than a page fetching something."""
    asks = scope["method"] in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    return asks and request.headers.get("sec-fetch-mode", "navigate") == "navigate"


def local_address(scope: Scope) -> str:
    """Path and query as the browser sent them."""
    path = quote(scope["path"], safe="/:@!$&'()*+,;=-._~")
    query = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def captured(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, Headers, bytes]:
    """Status, headers and body of a short answer, before the browser has any of it."""
    start: MutableMapping[str, Any] = {"status": 500, "headers": []}
    parts: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))

    await app(scope, receive, keep)
    return start["status"], list(start["headers"]), b"".join(parts)


async def answer(status: int, headers: Headers, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
    """Send an answer that was captured."""
    response = Response(body, status_code=status)
    response.raw_headers = headers
    await response(scope, receive, send)


def location(headers: Headers) -> str:
    """Where an answer redirects to; empty when it does not."""
    return next((value.decode("latin-1") for name, value in headers if name.lower() == b"location"), "")


def moved(headers: Headers, address: str) -> Headers:
    """The headers of a redirect, to another address."""
    others = [(name, value) for name, value in headers if name.lower() != b"location"]
    return [*others, (b"location", address.encode("latin-1"))]
