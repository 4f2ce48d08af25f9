"""What must be true before the server starts: each check is a function that returns a sentence, or None.

A sentence names the setting and the remedy, and never quotes a secret.
"""

from __future__ import annotations

import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import streamlit as st
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from data.journal.store import Journal
from data.warehouse import POINTER, NoBuild, Warehouse, read_manifest
from web.callback import ALGORITHMS, WAIT, Pin
from web.settings import CALLBACK, Misconfigured, Provider, Settings, loopback

SHORTEST_SECRET, LEAST_ENTROPY = 32, 128  # bytes, bits
SAMPLES = (
    "secret",
    "change",
    "example",
    "password",
    "xxxxx",
    "your",
    "cookie",
    "weak",
    "default",
    "insecure",
    "0123456789",
)
NEW_SECRET = "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "end_session_endpoint")
DISCOVERY = "/.well-known/openid-configuration"

# Streamlit's switches and what each must be, with what a wrong one would do.
SWITCHES: dict[str, tuple[Callable[[object], bool], str]] = {
    "server.enableXsrfProtection": (lambda value: value is True, "must be true: without it other sites can act here"),
    "server.enableCORS": (lambda value: value is True, "must be true: false lets other sites read answers"),
    "server.enableAgentApi": (lambda value: not value, "must be false: it runs pages without a browser's session"),
    "server.enableStaticServing": (lambda value: not value, "must be false: such files are readable by every site"),
    "server.baseUrlPath": (lambda value: not value, "must be empty: give Rapport a host name of its own"),
    "server.scriptHealthCheckEnabled": (lambda value: not value, "must be false: it runs the app for anybody"),
    "server.trustedUserHeaders": (lambda value: not value, "must be empty: a header would say who somebody is"),
    "client.allowedOrigins": (lambda value: not value, "must be []: other sites could embed Rapport"),
    "client.showErrorDetails": (lambda value: value in ("none", False), 'must be "none": an error may quote data'),
    "browser.gatherUsageStats": (lambda value: value is False, "must be false: it tells a third party about use"),
    "global.developmentMode": (lambda value: not value, "must be false: it opens doors for testing"),
}


def switches() -> list[str]:
    """Streamlit's own protections that are switched off."""
    found = ((name, st.get_option(name), *rule) for name, rule in SWITCHES.items())
    return [f"{name} {why}. Set it in .streamlit/config.toml." for name, value, right, why in found if not right(value)]


def cookie_secret(settings: Settings) -> str | None:
    """A secret that cannot be guessed: whoever knows it can sign in as anybody."""
    secret = settings.cookie_secret
    if not secret:
        return f"[auth] cookie_secret is missing. {NEW_SECRET}"
    if len(secret.encode()) < SHORTEST_SECRET:
        return f"[auth] cookie_secret has fewer than {SHORTEST_SECRET} bytes. {NEW_SECRET}"
    if any(word in secret.lower() for word in SAMPLES):
        return f"[auth] cookie_secret looks like a sample from a documentation. {NEW_SECRET}"
    if entropy(secret) < LEAST_ENTROPY:
        return f"[auth] cookie_secret repeats itself: fewer than {LEAST_ENTROPY} bits. {NEW_SECRET}"
    return None


def entropy(text: str) -> float:
    """Bits of a text: what its letters tell, with whole repetitions counted once."""
    period = next((size for size in range(1, len(text)) if text.startswith(text[size:])), len(text))
    text = text[:period]
    steps = len({(ord(after) - ord(before)) % 0x110000 for before, after in pairwise(text)})
    if steps <= 2 < len(text):  # abcdef…, 121212…
        return 0.0
    counts = Counter(text).values()
    return -sum(count * math.log2(count / len(text)) for count in counts)


def redirect_uri(settings: Settings) -> str | None:
    """The address providers send people back to: ours, and over TLS."""
    parts = urlsplit(settings.redirect_uri)
    if parts.path != CALLBACK or parts.query or parts.fragment or parts.username or not parts.hostname:
        return f"[auth] redirect_uri must be https://<host>{CALLBACK}, and nothing behind it."
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback(parts.hostname)):
        return (
            "[auth] redirect_uri must begin with https://, or cookies travel readable. Put a proxy with TLS in front."
        )
    return None


def allowed_hosts(settings: Settings) -> str | None:
    """The host names the server answers to, where others than this machine reach it."""
    name = urlsplit(settings.redirect_uri).hostname
    remedy = f'Set it to ["{name}"] in .streamlit/config.toml.'
    if not st.get_option("server.allowedHosts"):
        return None if only_here() and loopback(name) else f"server.allowedHosts is empty. {remedy}"
    return None if is_host_allowed(name) else f"server.allowedHosts does not have the host of redirect_uri. {remedy}"


def only_here() -> bool:
    """Whether the server listens on the loopback address only."""
    return loopback(st.get_option("server.address"))


def secrets_mode(settings: Settings) -> str | None:
    """The secrets file is for the account of the server only."""
    if settings.file is None:
        return None
    status = settings.file.stat()
    if status.st_mode & 0o077:
        return f"{settings.file} can be read by other accounts. Run: chmod 600 {settings.file}"
    if status.st_uid != os.geteuid():
        return (
            f"{settings.file} belongs to another account than the one Rapport runs under. Change its owner with chown."
        )
    return None


def journal_writable(journal: Callable[[], Journal]) -> str | None:
    """What people decide must be kept, and so must every sign-in."""
    try:
        with journal().unaudited():  # it is migrated when it is opened
            pass
    except Exception as problem:  # of any driver: the remedy is the same
        kind = type(problem).__name__
        return f"The journal cannot be opened or written ({kind}). Check RAPPORT_JOURNAL and the rights of its folder."
    return None


def warehouse_mode(folder: Path) -> str | None:
    """Figures are written by the build only: no other account may change them under the server."""
    for path in (folder, *sorted(folder.glob("*.duckdb")), folder / POINTER):
        if path.exists() and path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"{path} can be changed by other accounts. Run: chmod go-w {path}"
    return None


def clock(folder: Path, now: datetime | None = None) -> str | None:
    """A clock that stands before the newest build would let sessions live too long."""
    try:
        built = datetime.fromisoformat(read_manifest(folder / f"{Warehouse(folder).newest()}.json")["built_at"])
    except (NoBuild, KeyError, TypeError, ValueError):
        return None
    if (now or datetime.now(UTC)) < built - timedelta(days=1):
        return f"The clock of this machine stands before the newest build ({built:%Y-%m-%d}). Set the clock."
    return None


def metadata(provider: Provider) -> dict:
    """What a provider says about itself; raises Misconfigured when it cannot be read."""
    where = f"[auth.{provider.name}] server_metadata_url"
    here = loopback(urlsplit(provider.metadata_url).hostname)
    if problem := unsafe(provider.metadata_url, here):
        raise Misconfigured(f"{where} {problem}.")
    try:
        answer = httpx.get(provider.metadata_url, timeout=WAIT, follow_redirects=False, trust_env=not here)
        answer.raise_for_status()
        told = answer.json()
    except (httpx.HTTPError, ValueError) as problem:
        kind = type(problem).__name__
        raise Misconfigured(
            f"{where} cannot be reached or read ({kind}). Is the address right, and the provider up?"
        ) from None
    if not isinstance(told, dict):
        raise Misconfigured(f"{where} does not answer with a provider's metadata.")
    return told


def unsafe(address: str, here: bool) -> str:
    """What is wrong with an address of a provider; http is for a provider on this machine only."""
    parts = urlsplit(address)
    if parts.scheme == "https" and parts.hostname:
        return ""
    if parts.scheme == "http" and here and loopback(parts.hostname):
        return ""
    return "must begin with https://"


def provider_problem(provider: Provider, told: Mapping) -> str | None:
    """Why a provider's metadata is not safe to sign in with."""
    where = f"Provider {provider.name}"
    issuer = told.get("issuer")
    if not isinstance(issuer, str) or provider.metadata_url != issuer.rstrip("/") + DISCOVERY:
        return (
            f"{where} calls itself by another issuer than server_metadata_url says. Use the address of its own issuer."
        )
    here = loopback(urlsplit(provider.metadata_url).hostname)
    for name in ENDPOINTS:
        address = told.get(name)
        if address is None and name in ("userinfo_endpoint", "end_session_endpoint"):
            continue
        if problem := unsafe(str(address), here):
            return f"{where}: its {name} {problem}. Ask the person who runs the provider."
    signs = told.get("id_token_signing_alg_values_supported") or ["RS256"]
    if "none" in signs:
        return f"{where} offers ID tokens without a signature (`none`). Switch that off at the provider."
    if not ALGORITHMS & set(signs):
        return f"{where} signs ID tokens in no way Rapport accepts: {', '.join(sorted(ALGORITHMS))}. Change it there."
    return None


def pins(settings: Settings) -> tuple[dict[str, Pin], list[str]]:
    """Each provider's issuer as it is now, kept for the life of the server; and what is wrong with them."""
    found, problems = {}, []
    for name, provider in settings.providers.items():
        try:
            told = metadata(provider)
        except Misconfigured as problem:
            problems.append(str(problem))
            continue
        if sentence := provider_problem(provider, told):
            problems.append(sentence)
        names = ("userinfo_endpoint", "jwks_uri", "token_endpoint")
        found[name] = Pin(str(told.get("issuer", "")), *(str(told.get(one) or "") for one in names))
    return found, problems


def problems(settings: Settings, journal: Callable[[], Journal], warehouse: Path) -> list[str]:
    """Everything that keeps the server from starting, without asking the providers."""
    checks = [cookie_secret(settings), redirect_uri(settings), secrets_mode(settings)]
    if not settings.demo:
        checks.append(allowed_hosts(settings))
    checks += [journal_writable(journal), warehouse_mode(warehouse), clock(warehouse)]
    return [*switches(), *(sentence for sentence in checks if sentence)]
