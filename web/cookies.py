"""Streamlit's signed cookies as the guard reads and tightens them, and the wanted address kept through a sign-in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from itsdangerous import BadSignature, URLSafeTimedSerializer
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import TOKENS_COOKIE_NAME, USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from data.rights import SESSION_HOURS
from web.settings import CALLBACK

SESSION_SECONDS = SESSION_HOURS * 60 * 60
SIGN_IN_SECONDS = 10 * 60
NEXT = "rapport_next"
KEPT = ("iss", "sub", "nonce", "iat", "origin", "is_logged_in", "provider")
LONGEST_NAME, LONGEST_HINT = 200, 2_500  # characters of a name, and of an ID token kept for the sign-out
LONGEST_NEXT = 2_000  # longer addresses open the first page: a cookie holds 4,096 bytes
NOT_IN_ADDRESS = re.compile(r"[\x00-\x20\x7f-\x9f\\]")


def own_address(text: str | None) -> str:
    """The address when it leads to a page of Rapport itself, else `/`: an allow list of one shape, `/path?query`."""
    if not text or len(text) > LONGEST_NEXT:
        return "/"
    seen = text
    for _ in range(3):  # whatever a proxy or a browser might decode once more
        if not seen.startswith("/") or seen.startswith("//") or NOT_IN_ADDRESS.search(seen.split("?")[0]):
            return "/"
        seen = unquote(seen)
    if NOT_IN_ADDRESS.search(text) or not text.isascii():
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    path = unquote(parts.path)
    if parts.scheme or parts.netloc or path.startswith(("/sign-in", "/auth/", CALLBACK)):
        return "/"
    return text


def payload(cookies: Mapping[str, str], name: str) -> dict:
    """What a signed cookie of Streamlit holds; empty when it is absent or not what this server signed."""
    try:
        raw = _get_signed_cookie_with_chunks(dict(cookies), name)
        content = json.loads(raw) if raw else {}
    except (UnicodeError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def claims_of(cookies: Mapping[str, str], origin: str) -> dict:
    """The claims a browser proves with its cookie; empty without a sign-in at this origin."""
    claims = payload(cookies, USER_COOKIE_NAME)
    return claims if claims.get("is_logged_in") is True and claims.get("origin") == origin else {}


def set_cookies(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Name and value of every cookie an answer sets."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name.lower() == b"set-cookie":
            cookie, _, content = value.decode("latin-1").split(";")[0].partition("=")
            found[cookie.strip()] = content.strip().strip('"')
    return found


def tightened(headers: Iterable[tuple[bytes, bytes]], https: bool) -> list[tuple[bytes, bytes]]:
    """The same headers, every cookie Secure where there is TLS, and a sign-in kept for a session's length only."""
    result = []
    for name, value in headers:
        if name.lower() == b"set-cookie":
            text = value.decode("latin-1")
            if text.startswith(USER_COOKIE_NAME):  # and so the tokens, and the pieces of both
                text = re.sub(r"(?i)max-age=(?!0\b)\d+", f"Max-Age={SESSION_SECONDS}", text)
                text = re.sub(r"(?i);\s*expires=[^;]*(?=;|$)", "", text) if "Max-Age=0" not in text else text
            if https and not re.search(r"(?i);\s*secure\b", text):
                text += "; Secure"
            value = text.encode("latin-1")
        result.append((name, value))
    return result


def without_sign_in(headers: Iterable[tuple[bytes, bytes]], sent: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """The headers with every cookie of a sign-in deleted: those being set, and those the browser sent."""
    kept = [
        (name, value)
        for name, value in headers
        if not (name.lower() == b"set-cookie" and value.decode("latin-1").startswith(USER_COOKIE_NAME))
    ]
    names = {USER_COOKIE_NAME, TOKENS_COOKIE_NAME} | set(set_cookies(headers)) | set(sent)
    gone = sorted(name for name in names if name.startswith(USER_COOKIE_NAME))
    return kept + [(b"set-cookie", f"{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=lax".encode()) for name in gone]


def slim(
    headers: Iterable[tuple[bytes, bytes]], claims: Mapping, tokens: Mapping, sent: Iterable[str]
) -> list[tuple[bytes, bytes]]:
    """The headers with small cookies of a sign-in: who it is, and what the provider's sign-out wants to be shown.

    Everything else a provider tells stays here: groups and e-mail addresses have no business in a browser, and a
    websocket with very long cookies would be refused.
    """
    who = {name: claims[name] for name in KEPT if name in claims} | {"name": str(claims.get("name", ""))[:LONGEST_NAME]}
    hint = str(tokens.get("id_token", ""))
    hints = {"id_token": hint} if len(hint) <= LONGEST_HINT else {}
    fresh = {USER_COOKIE_NAME: who, TOKENS_COOKIE_NAME: hints}
    old = [name for name in sent if name not in fresh]
    result = [(name, value) for name, value in without_sign_in(headers, old) if not deletes(value, fresh)]
    for name, content in fresh.items():
        signed = create_signed_value(get_cookie_secret(), name, json.dumps(content)).decode()
        text = f"{name}={signed}; Path=/; Max-Age={SESSION_SECONDS}; HttpOnly; SameSite=lax"
        result.append((b"set-cookie", text.encode()))
    return result


def deletes(value: bytes, names: Iterable[str]) -> bool:
    """Whether a Set-Cookie deletes one of these cookies."""
    return any(value.startswith(f"{name}=;".encode()) for name in names)


def signer() -> URLSafeTimedSerializer:
    """What signs the wanted address, with another salt than any cookie of Streamlit."""
    return URLSafeTimedSerializer(get_cookie_secret(), salt=NEXT)


def remember(wanted: str) -> str:
    """The Set-Cookie that keeps the wanted address while its reader signs in."""
    value = signer().dumps(own_address(wanted))
    return f"{NEXT}={value}; Path={CALLBACK}; Max-Age={SIGN_IN_SECONDS}; HttpOnly; SameSite=lax"


def remembered(cookies: Mapping[str, str]) -> str:
    """The wanted address a browser brings back, checked once more."""
    try:
        return own_address(str(signer().loads(cookies.get(NEXT, ""), max_age=SIGN_IN_SECONDS)))
    except BadSignature:
        return "/"


def forget() -> str:
    """The Set-Cookie that ends the memory of the wanted address."""
    return f"{NEXT}=; Path={CALLBACK}; Max-Age=0; HttpOnly; SameSite=lax"
