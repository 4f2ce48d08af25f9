"""Who asks for views that do not exist, and how often: guessing is stopped long before it can succeed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from threading import Lock
from time import monotonic

from data.rights import Forbidden

MOST, SECONDS, MOST_REMEMBERED = 60, 60.0, 10_000


class TooManyMisses(Forbidden):
    """Too many views in a row that do not exist."""

    def __init__(self) -> None:
        super().__init__("Too many views that do not exist were asked for. Wait a minute, then try again.")


class Misses:
    """The latest misses of each asker, in memory; bounded, the longest quiet ones are forgotten first."""

    def __init__(self, clock: Callable[[], float] = monotonic):
        self.clock, self.lock = clock, Lock()
        self.seen: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, who: str) -> None:
        """Refuse whoever missed too often within the last minute."""
        with self.lock:
            moments = self.seen.get(who)
            if moments and len(moments) == MOST and self.clock() - moments[0] < SECONDS:
                raise TooManyMisses

    def note(self, who: str) -> None:
        """Remember a miss."""
        with self.lock:
            self.seen.setdefault(who, deque(maxlen=MOST)).append(self.clock())
            self.seen.move_to_end(who)
            while len(self.seen) > MOST_REMEMBERED:
                self.seen.popitem(last=False)


MISSES = Misses()
