"""Pseudonyms: a key of the company's own in place of a value that must not be kept."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from itertools import pairwise

KEY_VARIABLE = "RAPPORT_PSEUDONYM_KEY"


def pseudonym_key(environment: Mapping[str, str]) -> str | None:
    """The company's key from the environment, or None when there is none."""
    return environment.get(KEY_VARIABLE, "").strip() or None


def pseudonym_macro(key: str) -> str:
    """The statement that defines pseudonym(value): HMAC-SHA-256 (RFC 2104) under the key, as 64 hexadecimal digits.

    The statement holds the key: run it, never log it, and drop the macro before anybody else may read the catalogue.
    """
    steps = {ord(later) - ord(earlier) for earlier, later in pairwise(key)}
    repeats = any(key[period:] == key[:-period] for period in range(1, len(key) // 2 + 1))
    if len(key) < 32 or len(set(key)) < 8 or len(steps) < 8 or repeats:
        raise ValueError(
            f"The key in {KEY_VARIABLE} is too easy to guess: it needs at least 32 characters drawn at random."
            ' Make one with: python -c "import secrets; print(secrets.token_hex(32))", and keep it as you keep a'
            " password: with another key every pseudonym changes."
        )
    secret = key.encode()
    secret = (sha256(secret).digest() if len(secret) > 64 else secret).ljust(64, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in secret).hex() for pad in (0x36, 0x5C))
    message = "encode(value::varchar)"
    return (
        "create or replace temp macro pseudonym(value) as"
        f" sha256(from_hex('{outer}') || from_hex(sha256(from_hex('{inner}') || {message})))"
    )
