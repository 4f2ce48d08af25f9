"""A company made by hand for channel plans: the few tables that a plan reads, with rows that a test chooses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from data.warehouse import Build

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)
TABLES = """
create table customer (customer_id varchar, manager_id varchar, segment varchar, must_keep varchar);
create table feed_channels (channel varchar, label varchar, kind varchar, unit_cost decimal(18, 4),
    capacity_per_month decimal(18, 4), min_days_between decimal(18, 4), needs_consent boolean);
create table feed_contacts (customer_id varchar, channel varchar, occurred_at timestamp, cost decimal(18, 4),
    direction varchar, arm varchar);
create table consent_state (customer_id varchar, channel varchar, purpose varchar, allowed boolean,
    recorded_at timestamp);
create table learned_effect (customer_id varchar, channel varchar, effect double, effect_low double,
    effect_high double, effect_apart double, basis varchar, level varchar);
create table learned_channel_effect (channel varchar, basis varchar, campaigns integer, treated integer,
    control integer, effect double, effect_low double, effect_high double, differs varchar, said varchar);
create table learned_tested (campaign_id varchar, customer_id varchar, channel varchar, treated boolean,
    p_treated double, outcome double, expected_held double, expected_treated double, effect_apart double)
"""


@dataclass
class Company:
    """What the tables hold. channels: name -> (unit cost, capacity, days between, needs consent).

    customers: key -> (manager, segment, must keep). effects: (customer, channel) -> margin of one contact.
    consents: (customer, channel, purpose, allowed, days ago). contacts: (customer, channel, days ago, direction, arm).
    """

    channels: Mapping[str, tuple[Decimal | None, int | None, int, bool]]
    customers: Mapping[str, tuple[str, str, str]]
    effects: Mapping[tuple[str, str], float]
    consents: Iterable[tuple[str, str, str, bool, float]] = ()
    contacts: Iterable[tuple[str, str, float, str, str]] = ()
    tested: Iterable[tuple[Any, ...]] = ()
    holdout: float = 0.0
    further: Mapping[str, Any] = field(default_factory=dict)

    def build(self, folder: Path, name: str = "20261001T080000Z-000000000000") -> Build:
        """The company as a build; the moment of planning is NOW."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{name}.duckdb"

        def ago(days: float) -> datetime:
            return (NOW - timedelta(days=days)).replace(tzinfo=None)

        with duckdb.connect(str(file)) as con:
            con.execute(TABLES)
            rows: dict[str, list[tuple[Any, ...]]] = {
                "customer": [(key, *about) for key, about in self.customers.items()],
                "feed_channels": [(one, one.title(), one, *about) for one, about in self.channels.items()],
                "feed_contacts": [
                    (key, channel, ago(days), None, direction, arm)
                    for key, channel, days, direction, arm in self.contacts
                ],
                "consent_state": [(*said, ago(days)) for *said, days in self.consents],
                "learned_effect": [
                    (key, channel, value, value - 1, value + 1, value, "tested", "customer")
                    for (key, channel), value in self.effects.items()
                ],
                "learned_channel_effect": [
                    (one, "tested", 1, 100, 100, 1.0, 0.5, 1.5, "customers", "They differ.") for one in self.channels
                ],
                "learned_tested": list(self.tested),
            }
            for table, found in rows.items():
                if found:
                    marks = ", ".join([f"({', '.join('?' * len(found[0]))})"] * len(found))
                    con.execute(f"insert into {table} values {marks}", [value for row in found for value in row])
        manifest = {
            "build": name, "attributes": ["must_keep"], "as_of": NOW.isoformat(), "global_holdout": self.holdout,
            "groupable": ["segment"], "company": "Made by hand", "currency": "EUR",
        } | dict(self.further)  # fmt: skip
        return Build(file, manifest)


def people(number: int, manager: str = "M01", prefix: str = "C") -> dict[str, tuple[str, str, str]]:
    """So many customers of one manager, by key."""
    return {f"{prefix}{place:03}": (manager, "home", "no") for place in range(number)}
