"""Where an audience comes from: one entry and one SQL file each; and the promise as one SELECT of candidates."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from data.campaign import Promise
from data.catalog import DIMENSIONS
from data.conditions import conditions
from data.journal.problems import Invalid
from data.tables import TABLES, is_of_customer
from data.view import Refused, Scope, View, label
from data.warehouse import Build

SQL = Path(__file__).parent / "sql" / "audience"
CUSTOMER = next(table for table in TABLES if table.name == "customer")
MOST_CUSTOMERS = 2_000_000  # of one campaign
MUST_KEEP = "must_keep"  # a further column of the customers feed
TRUE = "lower(trim(cast(k.must_keep as varchar))) in ('true', 'yes', 'y', '1', 'on')"
PLAN = "plan"  # the option that names a saved channel plan
RATED = "rated"  # an option of every source: yes leaves out who cannot be rated


@dataclass(frozen=True)
class Option:
    """What a source needs to know. read: the text as a value, or ValueError; default: the text when none is given."""

    name: str
    label: str
    default: str
    read: Callable[[str], Any]
    help: str = ""


@dataclass(frozen=True)
class Source:
    """Where candidates come from. file: in data/sql/audience. keeps: whether a must-keep list guards customers.

    frozen: whether the customers are those of a file beside the journal; the statement takes them as $keys.
    """

    kind: str
    label: str
    file: str
    options: tuple[Option, ...] = ()
    keeps: bool = False
    frozen: bool = False


def key(text: str) -> str:
    """A reader of keys such as plans have."""
    if text and not re.fullmatch(r"[0-9a-f]{32}", text):
        raise ValueError(text)
    return text


def number(least: float, most: float, whole: bool = False) -> Callable[[str], float | int]:
    """A reader of numbers between two others."""

    def read(text: str) -> float | int:
        value = int(text) if whole else float(text)
        if not least <= value <= most:
            raise ValueError(text)
        return value

    return read


SOURCES = {
    source.kind: source
    for source in (
        Source("view", "Customers of a view", "view.sql"),
        Source("segment", "A segment", "view.sql", (Option("segment", "Segment", "", str),)),
        Source("plan", "A saved channel plan", "plan.sql",
               (Option(PLAN, "Key of the plan", "", key, "the 32 digits of a saved plan"),), frozen=True),
        Source(
            "churn",
            "Customers who may not buy again",
            "churn.sql",
            (
                Option("least", "Probability of no purchase, at least", "0.5", number(0, 1), "0 to 1"),
                Option("most", "At most so many, largest margin at risk first", "10000",
                       number(1, MOST_CUSTOMERS, whole=True), f"1 to {MOST_CUSTOMERS:,}"),
            ),
        ),
        Source("de-marketing", "Customers expected to cost more than they bring", "demarket.sql", keeps=True),
    )
}  # fmt: skip


def source_of(promise: Promise) -> Source:
    """The source a promise names; raises Invalid."""
    if promise.source not in SOURCES:
        raise Invalid(f"There is no audience {promise.source!r}. Choose one of: {', '.join(SOURCES)}.")
    return SOURCES[promise.source]


def options_of(promise: Promise) -> dict[str, Any]:
    """The values of the source's options; raises Invalid for one that is not known or cannot be read."""
    source, given = source_of(promise), dict(promise.options)
    if unknown := sorted(given.keys() - {one.name for one in source.options} - {RATED}):
        raise Invalid(f"The audience “{source.label}” has no setting {unknown[0]!r}. Leave it out.")
    values: dict[str, Any] = {RATED: given.get(RATED, "no") == "yes"}
    for one in source.options:
        try:
            values[one.name] = one.read(given.get(one.name, one.default))
        except ValueError:
            raise Invalid(f"{one.label}: {given[one.name][:40]!r} is not {one.help}.") from None
    return values


def bounded(promise: Promise, scope: Scope) -> Promise:
    """The promise narrowed to what its author may see, so that whoever reads it finds the same customers."""
    members = dict(promise.members)
    for name, own in () if scope.everything else scope.about(partners=False, single=True).members:
        members[name] = tuple(value for value in members.get(name, own) if value in own)
    return replace(promise, members=tuple(members.items()))


def candidates(
    build: Build, view: View, promise: Promise, now: datetime, keys: Sequence[str] = ()
) -> tuple[str, dict[str, Any]]:
    """One SELECT of the candidates (customer_id, reason, outcome), in the order of their keys, and its values.

    view: only its scope counts; the filters are the promise's own. keys: the customers of a frozen source. Raises
    Refused or Invalid.
    """
    if view.scope.attributes is not None:
        raise Refused("You see groups of customers, not single ones, so no audience is drawn for you.")
    source, options = source_of(promise), options_of(promise)
    for name, _ in promise.members:
        if not is_of_customer(name) or (name not in DIMENSIONS and name not in build.attributes):
            raise Invalid(f"An audience is made of attributes of customers, and {label(name).lower()} is none here.")
    scope = view.scope.about(partners=False, single=True)
    chosen, values = bound(*conditions(View(scope, promise.members), CUSTOMER, joined=False))
    guarded = source.keeps and MUST_KEEP in build.attributes
    parts = {
        "source": text_of(source.file).replace("{chosen}", chosen),
        "consent": text_of("consent.sql"),
        "reached": text_of("reached.sql"),
        "resting": text_of("resting.sql"),
        "must_keep": TRUE if guarded else "false",
    }
    text = text_of("judged.sql")
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    end = datetime.fromisoformat(build.manifest["as_of"]).astimezone(UTC).replace(tzinfo=None)
    since, until = build.complete_year()
    values |= {
        "year_from": since,
        "year_to": until,
        "channel": promise.channel,
        "channels": [promise.channel],
        "purpose": promise.purpose,
        "at": now.astimezone(UTC).replace(tzinfo=None),
        "since": end - timedelta(days=promise.window_days),
        "quiet_days": promise.quiet_days,
        "most_contacts": build.manifest.get("most_contacts", 0),
        "contact_days": build.manifest.get("contact_days", 0),
        "outcome": promise.outcome,
        RATED: options[RATED],
        "keys": list(keys),
    }
    values |= {one.name: options[one.name] for one in source.options}
    return text, named_in(text, values)


def kept_by_feed(build: Build, customers: Sequence[str]) -> set[str]:
    """Which of these the customers feed keeps whatever they cost."""
    if not customers or MUST_KEEP not in build.attributes:
        return set()
    text = f"select customer_id from customer k where {TRUE} and list_contains(?::varchar[], customer_id)"
    return set(build.engine.ask(text, [list(customers)])["customer_id"])


def bound(where: list[str], values: list) -> tuple[str, dict[str, Any]]:
    """Conditions with named values in place of the numbered ones: DuckDB takes one kind in a statement."""
    places = count()
    text = re.sub(r"\?", lambda _: f"$chosen_{next(places)}", " and ".join(where) or "true")
    return text, {f"chosen_{place}": value for place, value in enumerate(values)}


def named_in(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a statement names."""
    return {name: value for name, value in values.items() if re.search(rf"\${name}\b", text)}


def text_of(file: str) -> str:
    """The SQL of a file."""
    return (SQL / file).read_text(encoding="utf-8")
