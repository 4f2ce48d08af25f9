"""How a saved view is written down: a page, every parameter, the build it is frozen to, what a reader may not change.

The text is JSON with the number of its format. A text of an older format is migrated step by step; anything that is not
exactly a known format is refused, because a part left out in silence would show more than the view asks for.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from data.journal.problems import Invalid
from data.typed import HIDDEN, JOINERS

FORMAT = 2
HOME = "overview"  # the page of the bare address, when addresses were all that a view was
MOST_BYTES, LONGEST = 32_768, 200
MOST_VALUES = 900  # Streamlit empties an address of more than 1,000 parts, and so would show everything
MOST_ADDRESS = 16_000  # bytes of an address that every server and browser on the way takes
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
BUILD = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{12}")
OF_THE_FRAME = ("view", "build")  # in the address, but never a parameter of a view


class BadView(Invalid):
    """A view that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Body:
    """What a view shows. frozen: a build's name, empty for the newest data. locked: filters a reader may not change."""

    page: str
    parameters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    frozen: str = ""
    locked: tuple[str, ...] = ()

    def of(self, name: str) -> tuple[str, ...]:
        """The values of one parameter; none when the view does not mention it."""
        return dict(self.parameters).get(name, ())


def body_of(page: str, parameters: Mapping[str, list[str]], frozen: str = "", locked: tuple[str, ...] = ()) -> Body:
    """A view of what is on the screen; parameters without a value are left out. Raises BadView."""
    kept = {name: values for name, values in parameters.items() if values}
    lists = {"format": FORMAT, "page": page, "parameters": kept, "frozen": frozen, "locked": sorted(set(locked))}
    return parse(json.dumps(lists, ensure_ascii=False))


def serialise(body: Body) -> str:
    """The view as text, always the same text for the same view; read back before it is given away. Raises BadView."""
    content = {
        "format": FORMAT,
        "page": body.page,
        "parameters": {name: list(values) for name, values in sorted(body.parameters)},
        "frozen": body.frozen,
        "locked": sorted(body.locked),
    }
    written = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if len(body.parameters) != len(content["parameters"]):  # type: ignore[arg-type]
        refuse("a parameter is there twice")
    parse(written)
    return written


def parse(text: str) -> Body:
    """The view that a text describes, migrated from its format to the present one. Raises BadView."""
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        refuse("it holds half a character")
    if size > MOST_BYTES:
        refuse(f"it has {size:,} bytes; {MOST_BYTES:,} are read at most")
    try:
        content = json.loads(
            text, object_pairs_hook=unique, parse_constant=no_number, parse_float=no_number, parse_int=small
        )
    except BadView:
        raise
    except (ValueError, RecursionError):
        refuse("it is no JSON, or too deep")
    if not isinstance(content, dict) or type(content.get("format")) is not int:
        refuse("it has no format")
    if content["format"] > FORMAT:
        refuse(f"it was saved by a newer Rapport (format {content['format']}; this one reads up to {FORMAT})")
    while content["format"] < FORMAT:
        if content["format"] not in MIGRATIONS:
            refuse(f"there is no format {content['format']}")
        content = MIGRATIONS[content["format"]](content)
    return checked(content)


def checked(content: dict[str, Any]) -> Body:
    """The present format, part by part."""
    exactly(content, {"format", "page", "parameters", "frozen", "locked"})
    page, parameters, frozen, locked = (content[name] for name in ("page", "parameters", "frozen", "locked"))
    if not isinstance(page, str) or not NAME.fullmatch(page):
        refuse("its page is no name of a page")
    if not isinstance(parameters, dict):
        refuse("its parameters are no list of names and values")
    for name, values in parameters.items():
        if not NAME.fullmatch(name) or name in OF_THE_FRAME:
            refuse(f"{shown(name)} is no name of a parameter")
        if not isinstance(values, list) or not values or not all(is_value(value) for value in values):
            refuse(f"the values of {name} are not texts of 1 to {LONGEST} characters")
        if len(set(values)) < len(values):
            refuse(f"{name} has the same value twice")
    if (many := sum(map(len, parameters.values()))) > MOST_VALUES:
        refuse(f"it has {many:,} values; {MOST_VALUES:,} are read at most")
    if not isinstance(frozen, str) or not (frozen == "" or BUILD.fullmatch(frozen)):
        refuse("what it is frozen to is no build")
    if not isinstance(locked, list) or not all(isinstance(name, str) and NAME.fullmatch(name) for name in locked):
        refuse("what it locks is no list of filters")
    if len(set(locked)) < len(locked):
        refuse("it locks the same filter twice")
    body = Body(page, tuple((name, tuple(values)) for name, values in parameters.items()), frozen, tuple(locked))
    if len(query(body)) > MOST_ADDRESS:
        refuse(f"its address would be longer than {MOST_ADDRESS:,} characters. Choose fewer values")
    return body


def from_address(content: dict[str, Any]) -> dict[str, Any]:
    """Format 1 kept the address alone: its last part is the page, and a build in it froze the view."""
    exactly(content, {"format", "address"})
    address = content["address"]
    if not isinstance(address, str):
        refuse("its address is no text")
    try:
        parts = urlsplit(address)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), errors="strict")
    except ValueError:
        refuse("its address cannot be taken apart")
    if parts.scheme or parts.netloc or parts.fragment or not parts.path.startswith("/"):
        refuse("its address leads elsewhere")
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        parameters.setdefault(name, []).append(unicodedata.normalize("NFC", value))
    builds = [value for value in parameters.pop("build", []) if value != "latest"]
    if len(builds) > 1:
        refuse("it is frozen to two builds")
    page = parts.path.strip("/") or HOME
    return {"format": 2, "page": page, "parameters": parameters, "frozen": "".join(builds), "locked": []}


# format -> what turns a view of it into the next one; a format that was ever saved stays here for good
MIGRATIONS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: from_address}


def address(body: Body, view_id: str = "", build: str = "") -> str:
    """The address that shows the view, every value written out."""
    more = [(name, value) for name, value in (("view", view_id), ("build", build)) if value]
    return f"/{body.page}?{'&'.join(filter(None, (query(body), urlencode(more))))}"


def query(body: Body) -> str:
    """The view's parameters as they stand in an address."""
    return urlencode([(name, value) for name, values in body.parameters for value in values])


def differences(saved: Body, other: Body) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What another view has otherwise: the parameter's name, its values as saved, and as in the other one."""
    names = dict.fromkeys([name for name, _ in (*saved.parameters, *other.parameters)])
    pairs = [(name, saved.of(name), other.of(name)) for name in names]
    pairs += [("page", (saved.page,), (other.page,)), ("locked", saved.locked, other.locked)]
    pairs.append(("build", (saved.frozen,) if saved.frozen else (), (other.frozen,) if other.frozen else ()))
    return [(name, one, two) for name, one, two in pairs if set(one) != set(two)]


def is_value(value: Any) -> bool:
    """A text an address may carry: NFC, bounded, nothing that cannot be seen."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST
        and unicodedata.is_normalized("NFC", value)
        and not any(unicodedata.category(c) in HIDDEN and c not in JOINERS for c in value)
    )


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON in which no name stands twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        refuse("a name is there twice")
    return found


def small(digits: str) -> int:
    """The only number of a view is its format."""
    if len(digits) > 4:
        refuse("it holds a number where none belongs")
    return int(digits)


def no_number(_: str) -> NoReturn:
    """NaN, Infinity, 1e309, 1.5: none of them belongs in a view."""
    refuse("it holds a number where none belongs")


def exactly(content: dict[str, Any], names: set[str]) -> None:
    """Refuse a view with other parts than these."""
    if unknown := sorted(content.keys() - names):
        refuse(f"{shown(unknown[0])} is not a part of a view")
    if lacking := sorted(names - content.keys()):
        refuse(f"{lacking[0]} is missing")


def shown(name: str) -> str:
    """A name out of the text, for a message: bounded, and only what can be seen."""
    return repr(name[:40]).encode("ascii", "backslashreplace").decode()


def refuse(why: str) -> NoReturn:
    """Say why a view cannot be read."""
    raise BadView(f"This view cannot be read: {why}.")
