"""What a channel plan is made from: customers by channels, with what a contact is expected to bring and who may get it.

A build knows effects, consents and contacts; the journal knows who is spoken for: by running campaigns, by locks, by
releases. Rows are customers in the order of their keys, columns are the channels of the company.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from data.audience_sources import MOST_CUSTOMERS, MUST_KEEP, TRUE
from data.drawing import Drawing
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.plan_people import FREE, NOBODY, OUT, WHOLLY, spoken_for
from data.plan_policy import UNIT, Policy
from data.plan_read import chosen_by, parts, read, text_of
from data.view import SMALLEST_GROUP, Refused, View
from data.warehouse import Build

REFUSALS = MappingProxyType({  # why a customer does not get a channel; the first one that holds is told
    "": "May be contacted",
    "no consent": "Has not agreed to this channel, or has objected",
    "other purpose": "Agreed to this channel for another purpose only, and consent holds for its own purpose",
    "too soon": "Was contacted on this channel within the shortest time between two contacts",
    "enough contacts": "Had as many contacts on all channels as one customer may have in that time",
    "released from this channel": "A release by two people leaves the customer another channel only",
    "no cost": "The company does not say what a contact on this channel costs",
    "nothing known": "Nothing can be said of what a contact would bring: only a lock or chance gives this channel",
})  # fmt: skip
REFUSED = tuple(REFUSALS)
CODE = MappingProxyType({reason: number for number, reason in enumerate(REFUSED)})
CURRENT_DAYS = 30  # before the end of the data: what is done at present
__all__ = ["FREE", "NOBODY", "OUT", "REFUSALS", "REFUSED", "WHOLLY", "Candidates", "Channel", "Policy", "candidates",
           "channels", "purposes", "start", "tested"]  # fmt: skip


@dataclass(frozen=True)
class Channel:
    """A channel of the company. unit_cost: of one contact, currency; capacity: contacts a month, None for no limit.

    min_days_between: shortest time between two contacts of one customer, days. priced: whether its cost is known.
    """

    name: str
    label: str
    kind: str
    unit_cost: Decimal
    capacity: int | None
    min_days_between: int
    needs_consent: bool
    priced: bool = True


@dataclass(frozen=True, eq=False)
class Candidates:
    """n customers by c channels, in the order of their keys; codes are places in REFUSED and WHOLLY.

    effect: (n, c) float64, expected margin of one contact before its cost, company currency; low, high: (n, c)
    its 90 % interval; apart: (n, c) the same learned without this customer's own outcomes; NaN where nothing is known.
    basis, level: (c,) texts, see learned_channel_effect. refusal: (n, c) int8; out: (n,) int8.
    allowed: (n, c), whether the channel may be used at all, also where nothing is known of it. contacts: (n,) in the
    days of the cap. current: (n,) int8, the channel of most contacts in the last 30 days of the data, or -1;
    current_contacts: (c,) contacts then; current_cost: of all of them, currency.
    fixed: (n,) int8, a channel, NOBODY or FREE. lost: (n,) locked to a channel that is none any more. must_keep: (n,).
    """

    build: str
    keys: pa.Array = field(repr=False)
    single: bool  # whether the reader may see single customers
    channels: tuple[Channel, ...]
    effect: np.ndarray = field(repr=False)
    low: np.ndarray = field(repr=False)
    high: np.ndarray = field(repr=False)
    apart: np.ndarray = field(repr=False)
    basis: tuple[str, ...]
    level: tuple[str, ...]
    allowed: np.ndarray = field(repr=False)
    refusal: np.ndarray = field(repr=False)
    out: np.ndarray = field(repr=False)
    current: np.ndarray = field(repr=False)
    current_contacts: np.ndarray
    current_cost: Decimal
    fixed: np.ndarray = field(repr=False)
    lost: np.ndarray = field(repr=False)
    must_keep: np.ndarray = field(repr=False)
    contacts: np.ndarray = field(repr=False)
    salt: str = field(repr=False)  # of the exploration

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def customer_id(self) -> np.ndarray:
        """The keys of the customers, (n,) texts; raises Refused for a reader of groups."""
        if not self.single:
            raise Refused("You see groups of customers, not single ones, so no plan names them to you.")
        return self.keys.to_numpy(zero_copy_only=False)

    @property
    def cost(self) -> np.ndarray:
        """The cost of one contact by channel, (c,) int64 ten-thousandths of the currency."""
        return np.array([int(one.unit_cost * UNIT) for one in self.channels], np.int64)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the channels, in the order of the columns."""
        return tuple(one.name for one in self.channels)

    @property
    def tested(self) -> bool:
        """Whether every figure comes from contacts drawn at random."""
        return bool(self.basis) and all(one == "tested" for one in self.basis)

    def capacity(self, policy: Policy) -> tuple[int | None, ...]:
        """Contacts that each channel can make under this policy, in the order of the columns."""
        return tuple(policy.limit(one.name, one.capacity) for one in self.channels)

    def terms(self, policy: Policy, assignment: Any) -> Any:
        """What the solver keeps to. assignment: the module models.assignment."""
        return assignment.Terms(policy.budget_units, self.capacity(policy), policy.least_roi)

    def broken(self) -> list[tuple[int, str]]:
        """The locks that may not be kept: place and why, in the order of the customers.

        Locks of customers in a running campaign wait until it is measured: often it makes the very contact.
        """
        said = [(int(place), "its channel is none any more") for place in np.flatnonzero(self.lost)]
        locked = np.flatnonzero((self.fixed >= 0) & (self.out != WHOLLY.index("in a running test")))
        at = self.fixed[locked]
        for place, channel in zip(locked[~self.allowed[locked, at]], at[~self.allowed[locked, at]]):
            why = WHOLLY[self.out[place]] or REFUSED[self.refusal[place, channel]]
            said.append((int(place), f"{self.channels[channel].name}: {why}"))
        return sorted(said)


def channels(build: Build) -> tuple[Channel, ...]:
    """The channels of the company, in the order of their names."""
    rows = read(build, text_of("channels.sql"), {}).to_pylist()
    return tuple(
        Channel(
            row["channel"], row["label"], row["kind"], Decimal(row["unit_cost"]),
            None if row["capacity"] < 0 else row["capacity"], row["min_days_between"], row["needs_consent"],
            row["priced"],
        )
        for row in rows
    )  # fmt: skip


def purposes(build: Build) -> tuple[str, ...]:
    """For what customers have agreed to be contacted, the most frequent first."""
    return tuple(read(build, text_of("purposes.sql"), {})["purpose"].to_pylist())


def start(build: Build) -> Policy:
    """The policy to begin with: no budget, the channels' own capacities, the cap of company.toml."""
    said = build.manifest
    return Policy(
        most_contacts=said.get("most_contacts") or None,
        contact_days=said.get("contact_days") or Policy.contact_days,
        purpose=next(iter(purposes(build)), Policy.purpose),
    )


def tested(build: Build, view: View) -> pd.DataFrame:
    """Customers of randomised, finished campaigns inside a scope: the rows of learned_tested, in a fixed order.

    Raises Refused for readers of groups, and when the build is too old.
    """
    if view.scope.attributes is not None:
        raise Refused("You see groups of customers, not single ones, so this is not shown to you.")
    chosen, values = chosen_by(build, view, Policy())
    return read(build, text_of("tested.sql").replace("{chosen}", chosen), values).to_pandas()


def candidates(
    build: Build,
    view: View,
    journal: Journal | None,
    drawing: Drawing,
    policy: Policy,
    now: datetime | None = None,
) -> Candidates:
    """The customers of a policy inside a reader's scope, and what may be done with each.

    view: only its scope counts; the filters are the policy's own. journal: None where there is none. drawing: the
    module models.assign_arm. now: the moment from which contacts are counted back. A reader of groups gets sums: no
    keys, and nothing below ten customers. Raises Refused or Invalid.
    """
    columns = channels(build)
    names = [one.name for one in columns]
    if not columns:
        raise Invalid("This company has no channels. Put them into channels.csv, and build again.")
    policy.checked(names)
    chosen, values = chosen_by(build, view, policy)
    must_keep = TRUE if MUST_KEEP in build.attributes else "false"
    text = text_of("customers.sql").replace("{chosen}", chosen).replace("{must_keep}", must_keep)
    people = read(build, text, values).combine_chunks()
    n, c = people.num_rows, len(columns)
    if n > MOST_CUSTOMERS:
        raise Invalid(f"A plan has at most {MOST_CUSTOMERS:,} customers. Set a filter.")
    if view.scope.attributes is not None and n < SMALLEST_GROUP:
        raise Refused(f"These are fewer than {SMALLEST_GROUP} customers, and you see groups only. Choose more.")
    keys = pa.concat_arrays(people["customer_id"].chunks) if n else pa.array([], pa.string())

    member = text_of("member.sql").replace("{chosen}", chosen)
    at = naive(now or (journal.clock() if journal else datetime.now(UTC)))
    end = naive(datetime.fromisoformat(build.manifest["as_of"]))
    values |= {"names": names, "channels": names, "purpose": policy.purpose, "at": at, "end": end}
    values |= {"since": at - timedelta(days=policy.contact_days), "recently": end - timedelta(days=CURRENT_DAYS)}
    effect, apart = np.full((n, c), np.nan), np.full((n, c), np.nan)
    low, high = np.full((n, c), np.nan), np.full((n, c), np.nan)
    for part in parts(build, "effect.sql", member, values):
        for into, name in ((effect, "effect"), (low, "low"), (high, "high"), (apart, "effect_apart")):
            into[part["place"], part["at_channel"]] = part[name]
    said = {row["channel"]: row for row in read(build, text_of("channel_effect.sql"), {}).to_pylist()}
    basis, level = (tuple(str(said.get(x, {}).get(y) or "") for x in names) for y in ("basis", "differs"))

    spoken = spoken_for(build, journal, drawing, keys, tuple(names))
    contacts, recent = np.zeros(n, np.int32), np.zeros((n, c), np.int32)
    soon, spent = np.zeros((n, c), bool), 0
    for part in parts(build, "reached.sql", member, values):
        np.add.at(contacts, part["place"], part["contacts"])
        here = part["at_channel"] >= 0  # contacts on a channel that is none of today's count for the cap all the same
        cell = part["place"][here], part["at_channel"][here]
        recent[cell], soon[cell] = part["recent"][here], part["too_soon"][here]
        spent += int(part["recent_cost"].sum())

    refusal = np.where(np.isnan(effect), CODE["nothing known"], 0).astype(np.int8)
    refusal[:, [not one.priced for one in columns]] = CODE["no cost"]
    refusal[~spoken.left] = CODE["released from this channel"]
    if policy.most_contacts is not None:
        refusal[contacts >= policy.most_contacts] = CODE["enough contacts"]
    refusal[soon] = CODE["too soon"]
    for part in parts(build, "refused.sql", member, values):
        refusal[part["place"], part["at_channel"]] = part["refusal"]
    allowed = ((refusal == 0) | (refusal == CODE["nothing known"])) & (spoken.out == 0)[:, None]
    current = np.where(recent.any(axis=1), recent.argmax(axis=1), NOBODY)
    return Candidates(
        build.id, keys, view.scope.attributes is None, columns, effect, low, high, apart, basis, level, allowed,
        refusal, spoken.out, current.astype(np.int8), recent.sum(axis=0), Decimal(spent) / UNIT,
        spoken.fixed, spoken.lost, people["must_keep"].to_numpy() | spoken.kept, contacts, spoken.salt,
    )  # fmt: skip


def naive(moment: datetime) -> datetime:
    """A moment in UTC as builds store it, without its zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
