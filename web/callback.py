"""What must be true of a provider's answer before anybody is signed in, and how many wrong answers one address gets."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from joserfc import jws
from joserfc.errors import JoseError

from data.rights import Held
from web.settings import Provider, Settings, loopback

ALGORITHMS = frozenset({"RS256", "ES256", "PS256", "EdDSA"})
LEEWAY = 120  # seconds the provider's clock may be ahead
LONGEST_CLAIM = 400
FAILURES_A_MINUTE = 30
MOST_ADDRESSES = 10_000
WAIT = 10.0  # seconds for the provider to answer


class Refused(Exception):
    """This answer of a provider signs nobody in; the message is short and quotes nothing of it."""


@dataclass(frozen=True)
class Pin:
    """What a provider said about itself at the start: whoever says something else later is somebody else."""

    issuer: str
    userinfo: str = ""
    keys: str = ""
    token: str = ""


def check(claims: Mapping, tokens: Mapping, provider: Provider, pin: Pin, now: float | None = None) -> None:
    """Raise Refused unless the ID token is signed as it should be, by the pinned issuer, for us, about somebody."""
    try:
        header = jws.extract_compact(str(tokens.get("id_token", "")).encode()).headers()
    except (JoseError, ValueError):
        raise Refused("no readable ID token") from None
    if header.get("alg") not in ALGORITHMS:
        raise Refused("signature algorithm of the ID token")
    if "crit" in header:
        raise Refused("critical header that is not understood")
    if claims.get("iss") != pin.issuer:
        raise Refused("issuer")
    audience = claims.get("aud")
    if provider.client_id not in (audience if isinstance(audience, list) else [audience]):
        raise Refused("audience")
    for name in ("sub", "nonce"):
        if not isinstance(claims.get(name), str) or not 0 < len(claims[name]) <= LONGEST_CLAIM:
            raise Refused(f"claim {name}")
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, int | float):
        raise Refused("claim iat")
    if issued > (time.time() if now is None else now) + LEEWAY:
        raise Refused("issued in the future")


async def roles(claims: Mapping, tokens: Mapping, settings: Settings, pin: Pin) -> tuple[Mapping, tuple[Held, ...]]:
    """The claims, completed by the provider's UserInfo when they tell no groups, and the roles they give."""
    if settings.groups(claims) is None and pin.userinfo and tokens.get("access_token"):
        claims = {**await userinfo(pin.userinfo, str(tokens["access_token"]), str(claims["sub"])), **claims}
    return claims, settings.held(claims)


async def userinfo(address: str, access_token: str, subject: str) -> dict:
    """What the provider tells about the person of an access token; raises Refused when it is another person."""
    try:
        proxied = not loopback(urlsplit(address).hostname)
        async with httpx.AsyncClient(timeout=WAIT, follow_redirects=False, trust_env=proxied) as client:
            answer = await client.get(address, headers={"Authorization": f"Bearer {access_token}"})
            answer.raise_for_status()
            told = answer.json()
    except (httpx.HTTPError, ValueError):
        raise Refused("UserInfo could not be read") from None
    if not isinstance(told, dict) or told.get("sub") != subject:
        raise Refused("UserInfo of another person")
    return told


class Failures:
    """Failed answers of the last minute, by the address they came from; or whatever else too many a minute are of."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = FAILURES_A_MINUTE):
        self.clock, self.most = clock, most
        self.seen: OrderedDict[str, deque[float]] = OrderedDict()
        self.said: dict[str, float] = {}

    def note(self, address: str) -> None:
        """One more from this address."""
        moments = self.seen.setdefault(address, deque(maxlen=self.most + 1))
        moments.append(self.clock())
        self.seen.move_to_end(address)
        while len(self.seen) > MOST_ADDRESSES:
            self.said.pop(self.seen.popitem(last=False)[0], None)

    def too_many(self, address: str) -> bool:
        """Whether this address must wait."""
        moments = self.seen.get(address, deque())
        while moments and moments[0] <= self.clock() - 60:
            moments.popleft()
        return len(moments) >= self.most

    def to_say(self, address: str) -> bool:
        """Whether it is a minute since this was last asked of the address: what is audited once a minute."""
        now = self.clock()
        if now - self.said.get(address, now - 61) < 60:
            return False
        self.said[address] = now
        return True
