"""The audit's chain: what a row says in one canonical line, and the keyed hash that binds it to the row before."""

from __future__ import annotations

import hmac
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

FIELDS = ("seq", "at", "actor", "session", "action", "target", "build", "detail", "key_id")
SIGNED = tuple(sorted((*FIELDS, "previous")))
LONGEST = {"actor": 64, "session": 64, "action": 200, "target": 400, "build": 200}
LONGEST_VALUE, LONGEST_DETAIL, LARGEST = 400, 4_000, 2**53 - 1
FIRST = ""  # the mac before the first row
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format and direction characters, line separators …

Value = str | int | bool | None
ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def visible(text: str, most: int) -> str:
    """The text on one line, characters that nobody can see written out (`\\u202e`), cut to a length."""
    kept = text[: most + 1]
    if not (kept.isascii() and kept.isprintable()):
        kept = "".join(f"\\u{ord(c):04x}" if unicodedata.category(c) in HIDDEN else c for c in kept)
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def canonical(values: Mapping[str, Value]) -> str:
    """JSON after RFC 8785 for texts, whole numbers, true, false and null: one way to write one thing."""
    return ENCODE({key: values[key] for key in sorted(values, key=lambda key: key.encode("utf-16-be"))})


def detail_text(detail: Mapping[str, Any]) -> str:
    """The detail of a row as canonical JSON of at most 4,000 characters, whatever was handed in."""
    for most in (LONGEST_VALUE, 100, 20):
        text = canonical({visible(str(key), 60): bounded(value, most) for key, value in detail.items()})
        if len(text) <= LONGEST_DETAIL:
            return text
    return canonical({"left_out": len(detail)})


def bounded(value: Any, most: int) -> Value:
    """The value when JSON can hold it exactly; anything else as a text, cut to a length."""
    if value is None or isinstance(value, bool) or (isinstance(value, int) and abs(value) <= LARGEST):
        return value
    if isinstance(value, int):
        value = hex(value)  # Python refuses to write out more than 4,300 decimal digits
    return visible(str(value), most)


def mac(key: bytes, row: Mapping[str, Any], previous: str) -> str:
    """HMAC-SHA256 over the row's fields and the mac before it."""
    said = {name: previous if name == "previous" else row[name] for name in SIGNED}  # canonical: names are in order
    return hmac.digest(key, ENCODE(said).encode(), "sha256").hex()
