"""A demonstration's identity provider: OpenID Connect in this process, for made-up people, on the loopback address.

Streamlit's sign-in, the guard and the journal treat it like any other provider; only the people are invented.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import parse_qsl, unquote_plus, urlencode

from anyio import to_thread
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from data.contract import UNKNOWN
from data.question import EVERYTHING, Question, View
from data.rights import ADMIN, APPROVER, AUDITOR, EXECUTIVE, MANAGER, PARTNER_ROLE
from data.warehouse import Build, NoBuild, folder, served
from web.callback import Pin
from web.settings import CALLBACK, SCOPE, Provider, Settings
from web.tokens import SCOPE as RESPONSES

PLACE = "/sign-in/demo-provider"
CODE_SECONDS, TOKEN_SECONDS = 60, 300
MOST_CODES = 1_000
LONGEST_BODY = 8_192
# A program to try POST /api/responses with. No secret: like the people, it is for this machine only, and made up.
PROGRAM, PASSWORD = "demo-sender", "demonstration"


@dataclass(frozen=True)
class Persona:
    """A made-up person. role: what the provider's groups say; a book or partner is found in the build on show."""

    name: str
    title: str
    role: str
    sees: str


PERSONAS = {
    "demo-erin": Persona("Erin", "executive", EXECUTIVE, "The whole company, in groups; no single customers"),
    "demo-max": Persona("Max", "relationship manager", MANAGER, "Only the own customers and partners"),
    "demo-ada": Persona("Ada", "approver", APPROVER, "Everything, down to single customers"),
    "demo-otto": Persona("Otto", "auditor", AUDITOR, "Everything, with the audit trail; changes nothing"),
    "demo-ines": Persona("Ines", "administrator", ADMIN, "Who has access, but no figures"),
    "demo-noor": Persona("Noor", "second administrator", ADMIN, "The second person that giving access needs"),
    "demo-pia": Persona("Pia", "partner", PARTNER_ROLE, "The figures of one partner"),
    "demo-gina": Persona("Gina", "without any role", "", "What people without access are told"),
}


def settings(origin: str) -> Settings:
    """Settings with the demonstration's provider, once per persona. Keys are new at every start."""
    kwargs = {"scope": SCOPE, "code_challenge_method": "S256", "prompt": "login", "trust_env": False}
    metadata = f"{origin}{PLACE}/.well-known/openid-configuration"
    providers = {
        name: Provider(name, one.name, name, secrets.token_urlsafe(32), metadata, kwargs)
        for name, one in PERSONAS.items()
    }
    return Settings(
        f"{origin}{CALLBACK}",
        secrets.token_urlsafe(48),
        providers,
        api_audience=f"{origin}/api",
        api_clients=(f"demo/{PROGRAM}",),
        demo=True,
    )


def groups(persona: Persona) -> list[str]:
    """The groups of a persona, with the biggest book or partner of the build that serves."""
    column = {MANAGER: "manager_id", PARTNER_ROLE: "partner_id"}.get(persona.role)
    if column is None:
        return [persona.role] if persona.role else []
    with suppress(NoBuild):
        if subject := biggest(served(folder()).current(), column):
            return [f"{persona.role}:{subject}"]
    return []


def biggest(build: Build, column: str) -> str:
    """The manager with most customers, or the partner with most revenue; empty when the build has none."""
    metric = "customers" if column == "manager_id" else "revenue"
    rows = build.answer(Question((metric,), (column,), View(EVERYTHING), limit=5))
    return next((str(one) for one in rows[column] if isinstance(one, str) and one != UNKNOWN), "")


@dataclass(frozen=True)
class Code:
    """An authorisation that waits to be exchanged for tokens, once."""

    client: str
    nonce: str
    challenge: str
    until: float


class DemoProvider:
    """The provider's endpoints."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time):
        self.settings, self.clock = settings, clock
        self.issuer = f"{settings.origin}{PLACE}"
        self.key = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256"}, auto_kid=True)
        self.codes: dict[str, Code] = {}

    def pins(self) -> dict[str, Pin]:
        """What the guard expects of each persona's tokens, and of the program's."""
        pin = Pin(self.issuer, keys=f"{self.issuer}/keys", token=f"{self.issuer}/token")
        return dict.fromkeys((*self.settings.providers, "demo"), pin)

    def routes(self) -> list[BaseRoute]:
        """The endpoints, all below one path."""
        return [
            Route(f"{PLACE}/.well-known/openid-configuration", self.metadata),
            Route(f"{PLACE}/keys", self.keys),
            Route(f"{PLACE}/authorize", self.authorize),
            Route(f"{PLACE}/token", self.token, methods=["POST"]),
            Route(f"{PLACE}/end", self.end),
        ]

    async def metadata(self, _: Request) -> Response:
        """What the provider offers."""
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "end_session_endpoint": f"{self.issuer}/end",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "scopes_supported": SCOPE.split(),
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def keys(self, _: Request) -> Response:
        """The public key."""
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request: Request) -> Response:
        """Authorise the persona whose button was pressed: the client that asks. No password, nothing to confirm."""
        asked = request.query_params
        if asked.get("client_id") not in self.settings.providers or asked.get("redirect_uri") != self.redirect_uri:
            return refusal("invalid_request")
        back = {"state": asked.get("state", "")}
        if asked.get("response_type") != "code" or "openid" not in asked.get("scope", "").split():
            return self.back(back | {"error": "invalid_request"})
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return self.back(back | {"error": "invalid_request"})
        now = self.clock()
        self.codes = {code: one for code, one in self.codes.items() if one.until > now}
        if len(self.codes) >= MOST_CODES:
            return self.back(back | {"error": "temporarily_unavailable"})
        code = secrets.token_urlsafe(32)
        until = now + CODE_SECONDS
        self.codes[code] = Code(asked["client_id"], asked.get("nonce", ""), asked["code_challenge"], until)
        return self.back(back | {"code": code})

    async def token(self, request: Request) -> Response:
        """Tokens for a code, once, for the client that has its secret and began the sign-in."""
        asked = dict(parse_qsl((await request.body())[:LONGEST_BODY].decode("latin-1")))
        client = self.client(request.headers.get("authorization", ""))
        if client is None:
            return refusal("invalid_client", 401)
        if client == PROGRAM:
            return self.token_of_program(asked)
        found = self.codes.pop(asked.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        if (
            asked.get("grant_type") != "authorization_code"
            or found is None
            or found.until <= self.clock()
            or found.client != client
            or asked.get("redirect_uri") != self.redirect_uri
            or not compare_digest(proof.rstrip(b"="), found.challenge.encode())
        ):
            return refusal("invalid_grant")
        persona, now = PERSONAS[client], int(self.clock())
        claims = {
            "iss": self.issuer,
            "sub": client,
            "aud": client,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "nonce": found.nonce,
            "name": f"{persona.name} ({persona.title})",
            "groups": await to_thread.run_sync(groups, persona),
        }
        token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        answer = {"id_token": token, "access_token": secrets.token_urlsafe(32), "token_type": "Bearer"}
        return JSONResponse(answer | {"expires_in": TOKEN_SECONDS})

    def token_of_program(self, asked: dict[str, str]) -> Response:
        """An access token (RFC 9068) for the one program, for the one thing it may do."""
        if asked.get("grant_type") != "client_credentials":
            return refusal("unauthorized_client")
        if asked.get("scope", RESPONSES) != RESPONSES:
            return refusal("invalid_scope")
        now = int(self.clock())
        claims: dict = {"iss": self.issuer, "sub": PROGRAM, "client_id": PROGRAM, "aud": self.settings.api_audience}
        claims |= {"iat": now, "exp": now + TOKEN_SECONDS, "jti": secrets.token_urlsafe(16), "scope": RESPONSES}
        token = jwt.encode({"alg": "RS256", "kid": self.key.kid, "typ": "at+jwt"}, claims, self.key)
        answer = {"access_token": token, "token_type": "Bearer", "scope": RESPONSES, "expires_in": TOKEN_SECONDS}
        return JSONResponse(answer)

    async def end(self, request: Request) -> Response:
        """Sign-out: there is no session here to end, only the way back."""
        if request.query_params.get("post_logout_redirect_uri") != self.redirect_uri:
            return refusal("invalid_request")
        return RedirectResponse(self.redirect_uri, status_code=302)

    @property
    def redirect_uri(self) -> str:
        """The only address the provider sends anybody back to."""
        return self.settings.redirect_uri

    def back(self, parameters: dict[str, str]) -> Response:
        """Back to Rapport."""
        return RedirectResponse(f"{self.redirect_uri}?{urlencode(parameters)}", status_code=302)

    def client(self, header: str) -> str | None:
        """The client that proved itself with its secret."""
        kind, _, content = header.partition(" ")
        try:
            name, _, secret = base64.b64decode(content, validate=True).decode().partition(":")
        except ValueError:
            return None
        clients = {one.name: one.client_secret for one in self.settings.providers.values()} | {PROGRAM: PASSWORD}
        known = clients.get(name := unquote_plus(name))
        right = known and compare_digest(unquote_plus(secret).encode(), known.encode())
        return name if kind.lower() == "basic" and right else None


def refusal(error: str, status: int = 400) -> Response:
    """An OAuth error."""
    return JSONResponse({"error": error}, status_code=status)
