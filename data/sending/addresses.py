"""Which addresses may be talked to: public ones, and those inside networks an administrator has listed for a target.

A name is resolved once, every address it has is checked, and the connection goes to a checked address: what the name
points to afterwards does not matter (server-side request forgery: OWASP SSRF Prevention Cheat Sheet).
"""

from __future__ import annotations

import contextlib
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


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks from their names, separated by blanks."""
    return tuple(map(ipaddress.ip_network, text.split()))


# IPv6 networks whose addresses carry an IPv4 address inside, which nobody would check (RFC 2765, 3056, 4291, 4380,
# 6052, 8215).
DISGUISED = networks_of("::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16 2001::/32")
# The special-purpose registries of IANA (RFC 6890 and later), spelled out: the ipaddress module of some Pythons lacks
# a part. With them, addresses of a cloud's own services that are public by their number only.
SPECIAL = networks_of(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32 "
    "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
)
UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is public is in here


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
    try:
        parts = urlsplit(url)
        port, name = parts.port or 443, parts.hostname or ""
    except ValueError:
        raise Refused("The address has no proper host and port.") from None
    if parts.scheme != "https":
        raise Refused("The address must begin with https://.")
    if "@" in parts.netloc:
        raise Refused("The address must not hold a user or a password.")
    if parts.fragment:
        raise Refused("The address must not have a part after #.")
    return Web(plain(name), port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def plain(host: str) -> str:
    """The host as it is, when there is one way only to read it: a name in ASCII, or a whole IP address."""
    with contextlib.suppress(ValueError):
        if "%" not in host:  # an interface of this machine
            return str(ipaddress.ip_address(host))
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
    special = any(address in one for one in SPECIAL) or (address.version == 6 and address not in UNICAST)
    return address.is_global and not special


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
