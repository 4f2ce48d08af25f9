"""Why a batch could not be sent: either never, the way things are, or perhaps in a while."""

from __future__ import annotations


class Refused(Exception):
    """Sending again would change nothing; the message says what to repair."""


class TryAgain(Exception):
    """The target may take it later. wait: seconds it asked for, 0 when it did not."""

    def __init__(self, message: str, wait: float = 0):
        super().__init__(message)
        self.wait = wait
