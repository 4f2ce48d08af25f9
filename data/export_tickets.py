"""Tickets to fetch a file: one session, once, within a minute. They live in the memory of one process only."""

from __future__ import annotations

import functools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from data.rights import Forbidden
from data.warehouse import Build

if TYPE_CHECKING:  # what is wanted is made there, with a ticket
    from data.export import Wanted

SECONDS = 60  # a ticket is good for
MOST_TICKETS, MOST_OF_A_SESSION = 1_000, 20


class Unknown(LookupError):
    """There is no such ticket, for this session at least."""


class Expired(LookupError):
    """The ticket was not used in time."""


@dataclass(frozen=True)
class Ticket:
    """The right of one session to fetch one file, once and soon."""

    wanted: Wanted
    build: Build
    session: str
    made_at: float


class Tickets:
    """The tickets of this process. clock: seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self.clock = clock
        self.open: dict[str, Ticket] = {}  # the oldest first
        self.lock = Lock()

    def make(self, session: str, build: Build, wanted: Wanted) -> str:
        """A new ticket's token: 256 random bits."""
        if not session:
            raise Forbidden("Sign in first: a file belongs to a session.")
        token = secrets.token_urlsafe(32)
        with self.lock:
            own = [name for name, ticket in self.open.items() if ticket.session == session]
            for name in own[: max(0, len(own) + 1 - MOST_OF_A_SESSION)]:
                del self.open[name]
            while len(self.open) >= MOST_TICKETS:
                del self.open[next(iter(self.open))]
            self.open[token] = Ticket(wanted, build, session, self.clock())
        return token

    def take(self, token: str, session: str) -> Ticket:
        """The ticket of this session, which nobody can take again. Raises Unknown, or Expired to its owner."""
        with self.lock:
            ticket = self.open.get(token)
            if ticket is None or not session or ticket.session != session:
                raise Unknown("There is no such file. A link works once: prepare the export again.")
            if self.clock() - ticket.made_at > SECONDS:
                raise Expired(f"The link was good for {SECONDS} seconds. Prepare the export again.")
            return self.open.pop(token)


@functools.cache
def tickets() -> Tickets:
    """The tickets of this process: clicks make them, the export route takes them."""
    return Tickets()
