"""POST /api/responses: programs bring customers' answers back; GET /api/openapi.json says how.

An answer 200 means that every row is safe in the journal. A request is kept whole or not at all, and may be sent again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio import to_thread
from authlib.oauth2 import OAuth2Error
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from data import responses
from data.journal.problems import JournalError
from data.journal.responses import Received, receive
from data.journal.store import Journal
from data.responses import MOST_BYTES, TooMany, Unreadable
from data.rights import NOBODY, Machine
from web import openapi, tokens
from web.callback import Failures, Pin
from web.settings import Settings
from web.tokens import SCOPE, Client, Unreachable

PLACE, DOCUMENT = "/api/responses", "/api/openapi.json"
OPEN = frozenset({("POST", PLACE), ("GET", DOCUMENT)})  # what the guard lets through without a session
REQUESTS_A_MINUTE = 120  # of one client
AT_ONCE = 8  # requests that are read and kept at the same time; the others wait before their body is read
BODY_SECONDS = 30.0
JSON, LINES = ("application/json",), ("application/x-ndjson", "application/jsonl")
HANG_UP = {"Connection": "close"}  # or the server would go on reading what nobody wants
LOG = logging.getLogger(__name__)


class Problem(Exception):
    """Why a request is not answered with 200. more: further fields of the answer."""

    def __init__(self, status: int, error: str, message: str, headers: Mapping[str, str] | None = None, **more: Any):
        super().__init__(message)
        self.status, self.error, self.headers, self.more = status, error, dict(headers or {}), more

    def answer(self) -> Response:
        """The problem as JSON."""
        content = {"error": self.error, "message": str(self), **self.more}
        return JSONResponse(content, status_code=self.status, headers=self.headers)


class Api:
    """The two addresses. journal: opens the journal; client_of: tells the client of a request, or raises."""

    def __init__(self, settings: Settings, pins: Mapping[str, Pin], journal: Callable[[], Journal]):
        self.journal = journal
        self.client_of = tokens.door(settings, pins)
        self.document = openapi.document(settings, pins)
        self.failures, self.requests = Failures(), Failures(most=REQUESTS_A_MINUTE)
        self.places = anyio.CapacityLimiter(AT_ONCE)
        self.threads = anyio.CapacityLimiter(AT_ONCE)  # of our own: people's sessions are looked up as before

    def routes(self) -> list[BaseRoute]:
        """Both, for the server's list."""
        return [
            Route(PLACE, self.responses, methods=["POST"]),
            Route(DOCUMENT, self.described, methods=["GET"]),
        ]

    async def described(self, _: Request) -> Response:
        """The OpenAPI document."""
        return JSONResponse(self.document)

    async def responses(self, request: Request) -> Response:
        """Answers of customers, from a program with a token."""
        try:
            async with self.places:
                client = await self.admitted(request)
                lines = kind_of(request)
                received = await self.kept(client, await body_of(request), lines)
        except Problem as problem:
            return problem.answer()
        except ClientDisconnect:  # nobody is there to be answered
            return Response(status_code=400)
        return JSONResponse({"kept": received.kept, "known": received.known, "flags": dict(received.flags)})

    async def admitted(self, request: Request) -> Client:
        """The client that proved itself and has not asked too often; raises Problem."""
        address = request.client.host if request.client else ""
        if self.failures.too_many(address):
            if self.failures.to_say(address):
                await self.record("responses throttled", address=address)
            raise busy(429, "Too many requests without a right token came from your address. Wait a minute.")
        try:
            client = await to_thread.run_sync(self.client_of, request, limiter=self.threads)
        except Unreachable:
            raise busy(503, "The identity provider's keys cannot be fetched now. Send it again in a minute.") from None
        except OAuth2Error as refusal:
            self.failures.note(address)
            await self.record("responses denied", reason=str(refusal.error))
            raise denied(refusal) from None
        if self.requests.too_many(str(client)):
            raise busy(
                429, f"At most {REQUESTS_A_MINUTE} requests a minute are taken from one client. Send larger ones."
            )
        self.requests.note(str(client))
        return client

    async def kept(self, client: Client, body: bytes, lines: bool) -> Received:
        """Judge and keep the rows; raises Problem, unless all of them are in the journal."""

        def keep() -> Received:
            journal = self.journal()
            judged = responses.judged(responses.parse(body, lines), journal.clock())
            return receive(journal, machine(client), judged, "http", str(client), whole=True)

        try:
            received = await to_thread.run_sync(keep, limiter=self.threads)
        except TooMany as problem:
            raise Problem(413, "too_many_rows", str(problem)) from None
        except Unreadable as problem:
            raise Problem(400, "unreadable", str(problem)) from None
        except JournalError as problem:
            LOG.error("Responses could not be kept: %s", problem)
            raise busy(503, "The responses could not be put on record. Send them again in a minute.") from None
        except Exception as problem:  # whatever it was: what is not on record was not received
            LOG.error("Responses could not be kept: %s", type(problem).__name__)  # its text may quote rows
            raise busy(503, "The responses could not be put on record. Send them again in a minute.") from None
        if received.refused:
            refused = [{"row": one.row, "reason": one.reason} for one in received.refused]
            text = "Rows are refused, so no row of this request was kept. Mend or remove them, and send it again."
            raise Problem(422, "refused_rows", text, known=received.known, refused=refused)
        return received

    async def record(self, action: str, **detail: str) -> None:
        """Write down who was not let in."""
        LOG.warning("%s: %s", action, ", ".join(detail.values()))
        await to_thread.run_sync(lambda: self.journal().record(NOBODY, action, **detail))


def machine(client: Client) -> Machine:
    """The client as an actor of the journal, under a key of its own."""
    return Machine(f"client:{hashlib.sha256(str(client).encode()).hexdigest()[:32]}", str(client))


def busy(status: int, message: str) -> Problem:
    """Come back later."""
    return Problem(status, "slow_down" if status == 429 else "unavailable", message, {"Retry-After": "60"})


def denied(refusal: OAuth2Error) -> Problem:
    """What is wrong with the token, as RFC 6750 has it; a request without any learns only what to bring."""
    if refusal.status_code == 403:
        text = "This token's scope or client is not one that may send responses."
        error = 'error="insufficient_scope", ' if refusal.error == "insufficient_scope" else ""
        return Problem(
            403, str(refusal.error), text, {"WWW-Authenticate": f'Bearer realm="rapport", {error}scope="{SCOPE}"'}
        )
    named = ', error="invalid_token"' if refusal.error == "invalid_token" else ""
    text = "Bring an access token of the identity provider: Authorization: Bearer …"
    return Problem(401, str(refusal.error), text, {"WWW-Authenticate": f'Bearer realm="rapport"{named}'})


def kind_of(request: Request) -> bool:
    """Whether the body is one object a line; raises Problem for what is neither that nor JSON."""
    kind, _, rest = request.headers.get("content-type", "").lower().partition(";")
    charset = rest.replace(" ", "").replace('"', "")
    if kind.strip() not in (*JSON, *LINES) or charset not in ("", "charset=utf-8"):
        raise Problem(415, "unsupported_type", f"Send {JSON[0]} or {LINES[0]} in UTF-8.")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "unsupported_type", "Send the body as it is, not compressed.")
    return kind.strip() in LINES


async def body_of(request: Request) -> bytes:
    """The body, never more than is taken; raises Problem."""
    long = Problem(413, "too_large", f"A request has at most {MOST_BYTES >> 20} MiB. Send the rows in parts.", HANG_UP)
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:20]) > MOST_BYTES:
        raise long
    body = bytearray()
    with anyio.move_on_after(BODY_SECONDS) as waiting:
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                raise long
    if waiting.cancelled_caught:
        text = f"The body did not arrive within {BODY_SECONDS:.0f} seconds. Send it again."
        raise Problem(408, "too_slow", text, HANG_UP)
    return bytes(body)
