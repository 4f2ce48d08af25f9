"""Which addresses may be talked to: public ones, and those inside networks an administrator has listed for a target.

A name is resolved once, every address it has is checked, and the connection goes to a checked address: what the name
points to afterwards does not matter (server-side request forgery: OWASP SSRF Prevention Cheat Sheet).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from data.sending.problems import Refused, TryAgain

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[str]]  # host, port -> its addresses

LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # the last part of what some programs take for an IPv4 address

# IPv6 networks whose addresses carry an IPv4 address inside, which would be checked by nobody (RFC 4291, 6052, 8215,
# 3056, 4380, 2765), and addresses of cloud hosts that are public by their number only.
DISGUISED = tuple(
    map(
        ipaddress.ip_network,
        ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"),
    )
)
OF_THE_HOST = frozenset(map(ipaddress.ip_address, ("168.63.129.16", "192.88.99.1")))


@dataclass(frozen=True)
class Web:
    """Where an https address leads: the host and port to talk to, and the path with its query."""

    host: str
    port: int
    path: str


def web(url: str) -> Web:
    """The parts of an https address; Refused with what is wrong with it. The address itself may hold a secret."""
    if not url.isascii() or any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        raise Refused("The address has a character that is not plain: write names of other scripts as xn--….")
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise Refused("The address must begin with https://.")
    if "@" in parts.netloc:
        raise Refused("The address must not hold a user or a password.")
    if parts.fragment:
        raise Refused("The address must not have a part after #.")
    try:
        port = parts.port or 443
        host = plain(parts.hostname or "")
    except ValueError:
        raise Refused("The address has no proper host and port.") from None
    return Web(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def plain(host: str) -> str:
    """The host as it is, when there is one way only to read it: a name in ASCII, or a whole IP address."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    labels = host.split(".")
    if not all(map(LABEL.fullmatch, labels)) or len(host) > 253:
        raise Refused("The host must be a name of a–z, 0–9 and hyphens, or an IP address, without a dot at its end.")
    if NUMBER.fullmatch(labels[-1]):
        raise Refused("The host is a number in another spelling: write an IP address as 203.0.113.7.")
    return host


def resolve(host: str, port: int) -> list[str]:
    """The addresses a host has now, by this machine's resolver."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TryAgain(f"{host} has no address now: check its name, and this machine's way to the network.") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def reachable(host: str, port: int, networks: tuple[str, ...], look_up: Resolve = resolve) -> list[str]:
    """The addresses of a host, looked up once, when all of them may be talked to; Refused when one may not."""
    found = look_up(plain(host), port)
    if not found:
        raise TryAgain(f"{host} has no address now.")
    allowed = [network(text) for text in networks]
    for text in found:
        if not may_reach(text, allowed):
            raise Refused(
                f"{host} leads to {text[:60]}, which is not an address of the public internet. If it is an internal "
                "system, list its network under networks in targets.toml."
            )
    return found


def may_reach(text: str, allowed: list[Network]) -> bool:
    """Whether an address is public, or in one of the networks."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if never(address):
        return False
    if any(address in one for one in allowed):
        return True
    odd = (
        address.is_private or address.is_loopback or address in OF_THE_HOST or getattr(address, "is_site_local", False)
    )
    return address.is_global and not odd


def never(address: Address) -> bool:
    """Addresses that nobody may list: of no host, of many hosts, of the wire itself, or another one in disguise."""
    if address.version == 6 and (
        address.scope_id or (not address.is_loopback and any(address in one for one in DISGUISED))
    ):
        return True
    many = address.is_multicast or address.is_unspecified or address.is_link_local
    return many or (address.version == 4 and address.is_reserved)


def network(text: str) -> Network:
    """A network such as 10.1.0.0/16; Refused when it is none, or one that nobody may list."""
    try:
        found = ipaddress.ip_network(text)
    except ValueError:
        raise Refused(
            f"“{text[:60]}” is not a network: write it as 10.1.0.0/16, with zeros after the prefix."
        ) from None
    widest = 8 if found.version == 4 else 32
    if found.prefixlen < widest:
        raise Refused(f"The network {found} is too wide: list the networks of this one system.")
    if never(found.network_address) or never(found.broadcast_address):
        raise Refused(f"The network {found} cannot be listed: its addresses belong to no single system.")
    return found
