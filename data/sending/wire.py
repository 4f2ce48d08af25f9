"""One HTTPS request at a time, to a checked address, bounded in time and in bytes, never redirected.

The host is in the request and in the certificate's check; only the connection goes to the address that was checked.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore

from data.sending import addresses
from data.sending.problems import Refused, TryAgain

MOST_ANSWER = 64 * 1024  # bytes of an answer that are read, with its headers
STEP = 16 * 1024  # bytes written between two looks at the clock
PATIENCE = 15.0  # seconds for one step: to connect, to read something, to write something
LONGEST_WAIT = 120.0  # seconds a target may ask to be left alone within one run
LATER = frozenset({408, 425, 429})  # with all of 5xx: not now, perhaps later


@dataclass(frozen=True)
class Outside:
    """How the world outside is reached; tests put their own resolver and clock here."""

    resolve: addresses.Resolve = addresses.resolve
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = print
    patience: float = PATIENCE
    deadline: float = 30.0  # seconds for a whole request, and more for a file: see allowed()


@dataclass
class Bounds:
    """What is left of a request's time and of its answer's bytes."""

    seconds: float
    patience: float
    most: int = MOST_ANSWER
    began: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds for the next step; httpcore's timeout when there are none."""
        left = self.began + self.seconds - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("no time is left")
        return min(left, self.patience)

    def took(self, size: int) -> None:
        """Count bytes of the answer."""
        self.most -= size
        if self.most < 0:
            raise TryAgain(
                f"The answer is longer than {MOST_ANSWER // 1024} KiB, so it is no receipt. The rest was not read."
            )


class Bounded(httpcore.NetworkStream):
    """A connection that looks at the clock at every step."""

    def __init__(self, stream: httpcore.NetworkStream, bounds: Bounds):
        self.stream, self.bounds = stream, bounds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Some bytes of the answer."""
        data = self.stream.read(max_bytes, self.bounds.left())
        self.bounds.took(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """All bytes, in steps."""
        for start in range(0, len(buffer), STEP):
            self.stream.write(buffer[start : start + STEP], self.bounds.left())

    def close(self) -> None:
        """Hang up."""
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Encrypted from here on, for this host only."""
        return Bounded(self.stream.start_tls(ssl_context, server_hostname, self.bounds.left()), self.bounds)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks about a connection."""
        return self.stream.get_extra_info(info)


class Pinned(httpcore.NetworkBackend):
    """Connects to the addresses that were checked, whatever host is asked for."""

    def __init__(self, found: list[str], bounds: Bounds):
        self.found, self.bounds = found, bounds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """The first address that answers."""
        for address in self.found[:-1]:
            try:
                return Bounded(httpcore.SyncBackend().connect_tcp(address, port, self.bounds.left()), self.bounds)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return Bounded(httpcore.SyncBackend().connect_tcp(self.found[-1], port, self.bounds.left()), self.bounds)


def context(ca_file: str) -> ssl.SSLContext:
    """TLS 1.2 or newer with the certificate checked, against the company's own authority where one is given."""
    try:
        made = ssl.create_default_context(cafile=ca_file or None)
    except OSError:  # an ssl.SSLError is one, too
        raise Refused(f"The certificates in {ca_file} (ca_file) cannot be read.") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def allowed(outside: Outside, size: int) -> float:
    """Seconds for a request of so many bytes: what is allowed for any, and one more for each 100 kB."""
    return outside.deadline + size / 100_000


def request(
    outside: Outside,
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | Iterator[bytes],
    size: int,
    networks: tuple[str, ...],
    ca_file: str,
) -> None:
    """Send one request and read its answer; Refused or TryAgain unless the answer is a success (2xx).

    url: https, as checked by addresses.web. size: of the body, in bytes.
    """
    place = addresses.web(url)
    found = addresses.reachable(place.host, place.port, networks, outside.resolve)
    bounds = Bounds(allowed(outside, size), outside.patience)
    fields = [("Host", authority(place)), ("Content-Length", str(size)), ("User-Agent", "Rapport"), *headers.items()]
    try:
        with httpcore.ConnectionPool(context(ca_file), network_backend=Pinned(found, bounds)) as pool:
            with pool.stream(method, url, headers=fields, content=body) as answer:
                status, said = answer.status, {name.lower(): value for name, value in answer.headers}
                for _ in answer.iter_stream():
                    pass
    except httpcore.TimeoutException:
        raise TryAgain(f"{place.host} did not take it and answer in time.") from None
    except httpcore.ConnectError as error:
        cause = tls_problem(error)
        if cause:
            raise Refused(f"{place.host} has no valid certificate, or no current encryption: {cause}.") from None
        raise TryAgain(f"{place.host} cannot be reached.") from None
    except (httpcore.NetworkError, httpcore.ProtocolError):
        raise TryAgain(f"{place.host} broke the connection off, or answered what is not HTTP.") from None
    judge(place.host, status, waiting(said.get(b"retry-after", b"")))


def authority(place: addresses.Web) -> str:
    """Host and port as the Host header has them."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port == 443 else f"{host}:{place.port}"


def tls_problem(error: BaseException) -> str:
    """What OpenSSL found wrong with the other side; empty when the connection only broke."""
    cause: BaseException | None = error
    while cause and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    match cause:
        case ssl.SSLCertVerificationError():
            return str(cause.verify_message).strip(" .")[:120]
        case ssl.SSLError() if not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
            return (cause.reason or "unknown").replace("_", " ").lower()
    return ""


def judge(host: str, status: int, asked: float) -> None:
    """Nothing for a success; otherwise Refused or TryAgain."""
    if 200 <= status < 300:
        return
    if status in LATER or status >= 500:
        raise TryAgain(f"{host} answered {status}.", asked)
    if 300 <= status < 400:
        raise Refused(f"{host} answered {status}, a redirect; those are never followed. Enter the final address.")
    raise Refused(f"{host} answered {status}: it does not accept this. Check its address, its rights and the secret.")


def waiting(header: bytes) -> float:
    """Seconds that a Retry-After header asks for, at most LONGEST_WAIT; 0 when it says nothing."""
    text = header.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        try:
            when = parsedate_to_datetime(text)
        except (TypeError, ValueError):
            return 0.0
        seconds = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WAIT)
