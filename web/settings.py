"""What the administrator configured: identity providers, which group gives which role, and the server's own address."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from data.rights import MANAGER, PARTNER_ROLE, ROLES, Held

CALLBACK = "/oauth2callback"
SCOPE = "openid profile groups"
OWN_ROWS = {
    MANAGER: "manager",
    PARTNER_ROLE: "partner",
}  # roles about a book or a partner -> the claim that may name it
LONGEST_SUBJECT = 200


class Misconfigured(ValueError):
    """The server cannot start like this; the message names the setting and the remedy, never a secret."""


@dataclass(frozen=True)
class Provider:
    """One identity provider, as `[auth.<name>]` describes it."""

    name: str
    label: str
    client_id: str
    client_secret: str = field(repr=False)
    metadata_url: str = ""
    client_kwargs: Mapping = field(default_factory=dict, repr=False)

    def section(self) -> dict:
        """The table Streamlit's sign-in reads."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "server_metadata_url": self.metadata_url,
            "client_kwargs": dict(self.client_kwargs),
        }


@dataclass(frozen=True)
class Settings:
    """Everything the sign-in needs to know. demo: no provider is configured, and made-up people sign in."""

    redirect_uri: str
    cookie_secret: str = field(repr=False)
    providers: Mapping[str, Provider]
    roles: Mapping[str, str] = field(default_factory=dict)  # group -> role
    claims: Mapping[str, str] = field(default_factory=dict)  # what -> name of the claim that tells it
    api_audience: str = ""  # how access tokens for this server must name it
    api_clients: tuple[str, ...] = ()  # <provider>/<client id> of the programs that may send responses
    file: Path | None = None
    demo: bool = False

    @property
    def origin(self) -> str:
        """Scheme, host and port under which browsers reach Rapport."""
        parts = urlsplit(self.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def https(self) -> bool:
        """Whether browsers reach Rapport over TLS."""
        return self.redirect_uri.startswith("https://")

    def secrets(self) -> dict:
        """What Streamlit is given as its secrets."""
        sections = {name: provider.section() for name, provider in self.providers.items()}
        return {"auth": {"redirect_uri": self.redirect_uri, "cookie_secret": self.cookie_secret, **sections}}

    def fingerprint(self) -> str:
        """A digest of every setting but the secrets: the trail shows when it changed."""
        told = (
            {name: (one.client_id, one.metadata_url) for name, one in self.providers.items()} if not self.demo else {}
        )
        return hashlib.sha256(
            json.dumps(
                [self.redirect_uri, told, dict(self.roles), dict(self.claims), self.api_audience, self.api_clients],
                sort_keys=True,
            ).encode()
        ).hexdigest()[:16]

    def groups(self, claims: Mapping) -> list[str] | None:
        """The groups these claims tell; None when they tell nothing about groups."""
        told = claims.get(self.claims.get("groups", "groups"))
        if isinstance(told, str):
            told = [told]
        return [group for group in told if isinstance(group, str)] if isinstance(told, list) else None

    def held(self, claims: Mapping) -> tuple[Held, ...]:
        """The roles that the groups of these claims give. A group nobody mapped gives none."""
        groups = self.groups(claims) or []
        texts = groups if self.demo else [self.roles[group] for group in groups if group in self.roles]
        found = {one for text in texts if (one := self.role(text, claims)) is not None}
        return tuple(sorted(found, key=lambda one: (one.role, one.subject)))

    def role(self, text: str, claims: Mapping) -> Held | None:
        """`manager:M01`, or plain `manager` with the book from its claim; None when no book is told."""
        name, _, subject = text.partition(":")
        if name in OWN_ROWS and not subject:
            told = claims.get(self.claims.get(OWN_ROWS[name], ""))
            subject = str(told) if isinstance(told, str | int) and not isinstance(told, bool) else ""
            if not 0 < len(subject) <= LONGEST_SUBJECT:
                return None
        return Held(name, subject)


def loopback(host: str | None) -> bool:
    """Whether only this machine reaches a host of that name."""
    name = (host or "").strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def secrets_file() -> Path:
    """Where the secrets are: the path in RAPPORT_SECRETS, else Streamlit's own place."""
    return Path(os.environ.get("RAPPORT_SECRETS") or Path(".streamlit") / "secrets.toml")


def load() -> Settings | None:
    """The settings of the secrets file; None when there is none or it names no provider."""
    file = secrets_file()
    if not file.exists():
        if os.environ.get("RAPPORT_SECRETS"):
            raise Misconfigured(f"RAPPORT_SECRETS names {file}, and there is no such file.")
        return None
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise Misconfigured(
            f"The secrets file {file} cannot be read: {type(problem).__name__}. It must be TOML in UTF-8."
        ) from None
    return read(content, file)


def read(content: Mapping, file: Path | None = None) -> Settings | None:
    """Settings from the content of a secrets file; None when it names no provider."""
    auth = table(content, "auth")
    if "client_id" in auth or "server_metadata_url" in auth:
        raise Misconfigured("[auth] describes a provider itself. Give each provider its own table, [auth.<name>].")
    names = [name for name, value in auth.items() if isinstance(value, Mapping)]
    if not names:
        return None
    roles, claims = table(content, "roles"), table(content, "claims")
    for group, role in roles.items():
        check_role(group, role)
    for what, claim in claims.items():
        if what not in ("groups", *OWN_ROWS.values()) or not isinstance(claim, str) or not claim:
            raise Misconfigured(f"[claims] {what}: it may hold groups, manager and partner, each the name of a claim.")
    providers = {name: provider(name, auth[name]) for name in names}
    return Settings(
        text(auth, "auth", "redirect_uri").replace("{port}", str(st.get_option("server.port"))),
        str(auth.get("cookie_secret") or ""),
        providers,
        roles,
        claims,
        *programs(table(content, "rapport"), providers),
        file,
    )


def programs(section: Mapping, providers: Mapping[str, Provider]) -> tuple[str, tuple[str, ...]]:
    """The audience of access tokens and the clients that may send responses, from `[rapport]`; none by default."""
    if unknown := sorted(set(section) - {"api_audience", "api_clients"}):
        raise Misconfigured(f"[rapport] {unknown[0]!r}: there are api_audience and api_clients only.")
    audience, clients = section.get("api_audience", ""), section.get("api_clients", [])
    if not isinstance(audience, str) or not isinstance(clients, list):
        raise Misconfigured("[rapport] api_audience must be text, api_clients a list of texts.")
    for client in clients:
        name, _, rest = client.partition("/") if isinstance(client, str) else ("", "", "")
        if name not in providers or not 0 < len(rest) <= LONGEST_SUBJECT:
            raise Misconfigured(
                f"[rapport] api_clients {client!r}: write <provider>/<client id>, as in [auth.<provider>]."
            )
    if clients and not audience:
        raise Misconfigured("[rapport] api_clients needs api_audience: tokens for another server must not count here.")
    if any(audience == one.client_id for one in providers.values()):
        raise Misconfigured("[rapport] api_audience is the client_id of a sign-in. Give access tokens their own.")
    return audience, tuple(clients)


def provider(name: str, section: Mapping) -> Provider:
    """One provider from its table, with the defaults every provider accepts and code exchange proven (PKCE)."""
    if "_" in name or not name.isascii() or not name.replace("-", "").isalnum() or name != name.lower():
        raise Misconfigured(f"[auth.{name}]: a provider's name may have small letters, digits and hyphens only.")
    where = f"auth.{name}"
    defaults: dict = {"scope": SCOPE, "prompt": "login", "code_challenge_method": "S256"}
    given = table(section, "client_kwargs")
    if given.get("code_challenge_method", "S256") != "S256":
        raise Misconfigured(f"[{where}.client_kwargs] code_challenge_method: only S256 proves who began the sign-in.")
    client_id, client_secret = text(section, where, "client_id"), text(section, where, "client_secret")
    metadata_url = text(section, where, "server_metadata_url")
    if loopback(urlsplit(metadata_url).hostname):
        defaults["trust_env"] = False  # a proxy to the outside does not know this machine
    label = str(section.get("label") or name.replace("-", " ").title())
    return Provider(name, label, client_id, client_secret, metadata_url, defaults | dict(given))


def check_role(group: str, role: object) -> None:
    """Raise Misconfigured unless the text is a role, with a book or partner where the role has one."""
    name, colon, subject = role.partition(":") if isinstance(role, str) else ("", "", "")
    if name not in ROLES:
        raise Misconfigured(f"[roles] {group!r}: there is no such role. The roles are {', '.join(sorted(ROLES))}.")
    if colon and (name not in OWN_ROWS or not 0 < len(subject) <= LONGEST_SUBJECT):
        raise Misconfigured(f"[roles] {group!r}: only manager:<book> and partner:<partner> have something behind `:`.")


def table(content: Mapping, name: str) -> Mapping:
    """A table of the file, empty when it is not there."""
    found = content.get(name, {})
    if not isinstance(found, Mapping):
        raise Misconfigured(f"[{name}] must be a table.")
    return found


def text(section: Mapping, where: str, name: str) -> str:
    """A setting that must be there and be text."""
    value = section.get(name)
    if not isinstance(value, str) or not value:
        raise Misconfigured(f"[{where}] lacks {name}.")
    return value
