"""Access tokens of programs: JWTs of the configured identity providers (RFC 9068), checked through Authlib.

A token counts when a provider signed it with a pinned algorithm, for this server, for a client that the settings name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from urllib.parse import urlsplit

import httpx
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ResourceProtector
from authlib.oauth2.rfc6750 import InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from authlib.oauth2.rfc9068.claims import JWTAccessTokenClaims
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from web.callback import ALGORITHMS, LEEWAY, LONGEST_CLAIM, WAIT, Pin
from web.settings import Settings, loopback

SCOPE = "responses:write"
LONGEST_TOKEN = 8_192  # characters
LONGEST_KEYS = 1 << 18  # bytes of a provider's public keys
FRESH, AGAIN, KEPT = 600.0, 30.0, 3_600.0  # seconds: keys are used unasked, are asked for again, are used at all
KINDS = ("at+jwt", "application/at+jwt")
ESSENTIAL = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


class Unreachable(RuntimeError):
    """A provider's public keys cannot be fetched now; nothing is wrong with the token as far as is known."""


class NotAllowed(OAuth2Error):
    """The token is right, but nobody said that this client may send responses."""

    error, description, status_code = "access_denied", "This client may not send responses.", 403


@dataclass(frozen=True)
class Client:
    """A program that proved itself: the provider that knows it, and its name there."""

    provider: str
    client_id: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.client_id}"


class Keys:
    """Public keys of a provider by their key id: fetched when needed, and kept for a while."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic):
        self.address, self.clock, self.lock = address, clock, Lock()
        self.known: dict[str, dict] = {}
        self.fetched, self.asked = float("-inf"), float("-inf")

    def of(self, kid: object) -> dict | None:
        """The key of that id, or the only one when the token names none; None when there is none. Raises Unreachable.

        Unknown ids are a reason to ask the provider again, though not more often than every 30 seconds.
        """
        with self.lock:
            now = self.clock()
            stale = now - self.fetched > FRESH or self.find(kid) is None
            if stale and now - self.asked > AGAIN:
                self.asked = now
                self.fetch(now)
            if now - self.fetched > KEPT:
                raise Unreachable
            return self.find(kid)

    def find(self, kid: object) -> dict | None:
        """The key among those known."""
        if kid is None and len(self.known) == 1:
            return next(iter(self.known.values()))
        return self.known.get(kid) if isinstance(kid, str) else None

    def fetch(self, now: float) -> None:
        """Ask the provider; what cannot be fetched leaves the keys as they were."""
        proxied = not loopback(urlsplit(self.address).hostname)
        try:
            with httpx.stream(
                "GET", self.address, timeout=WAIT, follow_redirects=False, trust_env=proxied
            ) as answer:  # fmt: skip
                answer.raise_for_status()
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > LONGEST_KEYS:
                        return
            told = json.loads(body)["keys"]
            self.known = {str(key.get("kid", "")): key for key in told if usable(key)}
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, AttributeError):
            return
        self.fetched = now


def usable(key: Mapping) -> bool:
    """Whether a key can prove who signed: a public one, and not one for encryption."""
    return key.get("kty") in ("RSA", "EC", "OKP") and key.get("use") in (None, "sig")


class Tokens(JWTBearerTokenValidator):
    """Authlib's validator for several providers, with the algorithms pinned and the clients named."""

    def __init__(self, settings: Settings, pins: Mapping[str, Pin], clock: Callable[[], float] = time.time):
        super().__init__(issuer="", resource_server=settings.api_audience, realm="rapport")
        self.clients, self.clock = frozenset(settings.api_clients), clock
        named = {client.partition("/")[0] for client in settings.api_clients}
        self.keys = {pin.issuer: Keys(pin.keys) for name, pin in pins.items() if name in named}
        self.providers = {  # one issuer may stand in the settings more than once
            issuer: sorted(name for name in named if name in pins and pins[name].issuer == issuer)
            for issuer in self.keys
        }

    def authenticate_token(self, token_string: str) -> JWTAccessTokenClaims:
        """The claims of a token that its provider signed; raises InvalidTokenError or Unreachable."""
        header, issuer = self.unproven(token_string)
        key = self.keys[issuer].of(header.get("kid"))
        if key is None or key.get("alg") not in (None, header["alg"]):
            raise self.invalid()
        try:
            token = jwt.decode(token_string, import_key(key), algorithms=[header["alg"]])
        except (JoseError, ValueError, TypeError, KeyError):
            raise self.invalid() from None
        options: dict = {name: {"essential": True} for name in ESSENTIAL}
        options["iss"] = {"essential": True, "value": issuer}
        options["aud"] = {"essential": True, "value": self.resource_server}
        return JWTAccessTokenClaims(token.claims, token.header, options)

    def unproven(self, text: str) -> tuple[dict, str]:
        """Header and issuer as the token says them; raises InvalidTokenError when no provider of ours could say so."""
        try:
            if len(text) > LONGEST_TOKEN:
                raise ValueError
            found = jws.extract_compact(text.encode("ascii"))
            header, issuer = found.headers(), json.loads(found.payload)["iss"]
        except (JoseError, ValueError, TypeError, KeyError, RecursionError):
            raise self.invalid() from None
        typed = str(header.get("typ", "")).lower() in KINDS
        known = isinstance(issuer, str) and issuer in self.providers and bool(self.resource_server)
        if header.get("alg") not in ALGORITHMS or "crit" in header or not typed or not known:
            raise self.invalid()
        return header, issuer

    def validate_token(self, token: JWTAccessTokenClaims, scopes, request, **more) -> None:
        """Raise what is wrong with the claims: when, for whom, what for, and whose they are."""
        now = int(self.clock())
        try:
            token.validate(now=now, leeway=LEEWAY)
        except (JoseError, ValueError, TypeError):
            raise self.invalid() from None
        texts = all(
            isinstance(token[name], str) and 0 < len(token[name]) <= LONGEST_CLAIM for name in ("sub", "client_id")
        )
        if token["exp"] <= now or not texts or "cnf" in token:  # cnf: bound to a key that the bearer may not have
            raise self.invalid()
        scope = token.get("scope")
        if not isinstance(scope, str) or self.scope_insufficient(scope, scopes):
            raise InsufficientScopeError()
        if str(self.client(token)) not in self.clients:
            raise NotAllowed()

    def client(self, token: Mapping) -> Client:
        """Whose token it is."""
        every = [Client(name, token["client_id"]) for name in self.providers[token["iss"]]]
        return next((one for one in every if str(one) in self.clients), every[0])

    def invalid(self) -> InvalidTokenError:
        """The one refusal of whatever is no token of ours: it does not say which check failed."""
        return InvalidTokenError(realm=self.realm)


def door(settings: Settings, pins: Mapping[str, Pin]) -> Callable[..., Client]:
    """What tells the client of a request by its Authorization header, or raises OAuth2Error or Unreachable."""
    validator, protector = Tokens(settings, pins), ResourceProtector()
    protector.register_token_validator(validator)

    def client_of(request) -> Client:
        return validator.client(protector.validate_request([SCOPE], request))

    return client_of
