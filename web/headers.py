"""What every answer carries: a content security policy and the other headers, and no copy in any cache."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\bsrc\s*=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
LONGEST_ADDRESS = 16_384  # bytes of the part after the question mark
MOST_PARTS = 1_000  # of it, between `&`: of an address with more, Streamlit shows the page without any of them


def script_hashes(page: str) -> list[str]:
    """The `'sha256-…'` of every script written into a page itself."""
    digests = (hashlib.sha256(script.encode()).digest() for script in INLINE_SCRIPT.findall(page))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def policy(page: str) -> str:
    """The content security policy: nothing from other hosts, and no script but Streamlit's own."""
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "'wasm-unsafe-eval'", *script_hashes(page)]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "frame-src": "'none'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def always(https: bool) -> dict[str, str]:
    """The headers of every answer."""
    headers = {
        "Content-Security-Policy": policy(INDEX.read_text(encoding="utf-8")),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }
    return headers | {"Strict-Transport-Security": "max-age=31536000"} if https else headers


class Headers:
    """Put the headers on every answer. Only Streamlit's own files, named after their content, may be kept."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]):
        self.app, self.headers = app, headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                kept = scope["path"].startswith("/static/") and "immutable" in headers.get("Cache-Control", "")
                if not kept:
                    headers["Cache-Control"] = "no-store"
                for name, value in self.headers.items():
                    headers.setdefault(name, value)  # a file to take away is held in a stricter policy of its own
            await send(message)

        await self.app(scope, receive, sending)


def broken(headers: dict[str, str]) -> Callable[[Request, Exception], Response]:
    """What answers a request that failed: it is outside of every middleware, so it brings the headers itself."""

    def answer(_: Request, __: Exception) -> Response:
        text = "Something went wrong here. It was written to the log of the server; try again."
        return PlainTextResponse(text, status_code=500, headers=headers | {"Cache-Control": "no-store"})

    return answer


class Bounded:
    """Refuse addresses that Streamlit would empty before app.py could look at them: that would show everything."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope.get("query_string", b"")
        if scope["type"] == "http" and (len(query) > LONGEST_ADDRESS or query.count(b"&") >= MOST_PARTS):
            text = "This address is too long to be read whole, so nothing is shown. Open Rapport again and choose anew."
            await PlainTextResponse(text, status_code=414)(scope, receive, send)
        else:
            await self.app(scope, receive, send)
