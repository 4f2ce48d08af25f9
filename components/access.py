"""Who is looking, and what they may do: the seam where sign-in will fit."""

from __future__ import annotations

from dataclasses import dataclass

from data.question import EVERYTHING, Scope

VIEW = "view"  # see the figures inside one's scope


@dataclass(frozen=True)
class User:
    """A reader: the rows they may see and the things they may do."""

    name: str
    scope: Scope
    permissions: frozenset[str]


LOCAL = User("local", EVERYTHING, frozenset({VIEW}))


def current_user() -> User:
    """The reader of this run. Without sign-in the server answers this machine only: one user, who sees all."""
    return LOCAL


def may(user: User, permission: str) -> bool:
    """Whether the reader has a permission."""
    return permission in user.permissions
