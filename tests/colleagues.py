"""People for the tests of the journal: signed in, with roles from the identity provider."""

from __future__ import annotations

import secrets

from streamlit.testing.v1 import AppTest

from data.journal import people, store
from data.journal.store import Journal
from data.rights import Actor, Held

CLAIMS = {"iss": "https://id.example", "sub": "ann", "nonce": "n", "iat": 1, "name": "Ann Example"}


def held(*roles: str) -> list[Held]:
    """`manager M01` is the role manager with the subject M01."""
    return [Held(*role.split(" ", 1)) for role in roles]


def come(journal: Journal, sub: str, *roles: str, iat: int = 1) -> Actor:
    """Somebody signs in; the actor they are then."""
    claims = CLAIMS | {"sub": sub, "iat": iat, "name": sub.title()}
    session = people.alive(journal, people.sign_in(journal, claims, "demo", held(*roles)))
    assert session
    return people.actor_of(journal, session)


def enter(app: AppTest, *roles: str, name: str = "Tess Ter") -> Actor:
    """Somebody with these roles opens the app under test: a new session in the journal that the app reads."""
    journal, sub = store.journal(), secrets.token_hex(8)
    claims = CLAIMS | {"sub": sub, "iat": 1, "name": name}
    session = people.alive(journal, people.sign_in(journal, claims, "demo", held(*roles)))
    app.user = claims | {"is_logged_in": True, "provider": "demo"}
    assert session
    return people.actor_of(journal, session)
