"""From the configuration to what the server needs, or a refusal to start that says what to do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from data.journal.store import journal
from data.rights import SYSTEM
from data.warehouse import folder
from web import demo, headers, preflight, responses, settings, signin
from web.callback import Pin
from web.guard import Guard
from web.settings import Misconfigured, Settings

NO_PROVIDER = (
    "No identity provider is configured, and this server listens on more than the loopback address, where the "
    "demonstration's made-up people must not be. Describe a provider in .streamlit/secrets.toml (docs/sign-in.md), or "
    "start with --server.address 127.0.0.1."
)


@dataclass(frozen=True)
class Start:
    """What the server is made of. broken: answers a request that failed."""

    settings: Settings
    broken: Callable
    routes: list[BaseRoute]
    middleware: list[Middleware]


def prepare() -> Start:
    """Check everything, then put the parts together. Ends the process, with the reasons, when something is unsafe."""
    try:
        found = settings.load() or demonstration()
    except Misconfigured as problem:
        refuse([str(problem)])
    wrong = preflight.problems(found, journal, Path(folder()))
    routes = signin.routes(found)
    if found.demo:
        provider = demo.DemoProvider(found)
        pins: Mapping[str, Pin] = provider.pins()
        routes = [*provider.routes(), *routes]
    else:
        pins, more = preflight.pins(found)
        wrong += more
    if wrong:
        refuse(wrong)
    routes = [*responses.Api(found, pins, journal).routes(), *routes]
    journal().record(SYSTEM, "server.start", providers=", ".join(found.providers), settings=found.fingerprint())
    always = headers.always(found.https)
    middleware = [
        Middleware(headers.Headers, headers=always),
        Middleware(headers.Bounded),
        Middleware(Guard, settings=found, pins=pins, journal=journal),
    ]
    return Start(found, headers.broken(always), routes, middleware)


def demonstration() -> Settings:
    """The settings without any provider: made-up people, on this machine only."""
    address = st.get_option("server.address")
    if not settings.loopback(address):
        raise Misconfigured(NO_PROVIDER)
    host, port = address, st.get_option("server.port")
    for name in ("serverAddress", "serverPort"):  # where browsers reach this machine through a tunnel
        if st.config.is_manually_set(f"browser.{name}"):
            value = st.get_option(f"browser.{name}")
            host, port = (value, port) if name == "serverAddress" else (host, value)
    if not settings.loopback(host):
        raise Misconfigured(f"browser.serverAddress is {host}: the demonstration is for this machine only.")
    return demo.settings(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def refuse(reasons: list[str]) -> NoReturn:
    """End the process with the reasons."""
    lines = "\n".join(f"- {reason}" for reason in reasons)
    sys.stderr.write(f"Rapport does not start:\n{lines}\n")
    raise SystemExit(78)  # EX_CONFIG: something is wrong with the configuration
