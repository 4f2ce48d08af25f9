"""What can be wrong with the journal, or with what somebody asks of it."""

from __future__ import annotations


class JournalError(RuntimeError):
    """The journal cannot be used; the message says what to repair."""


class Invalid(ValueError):
    """What was asked cannot be done; the message says why and what to do instead."""
