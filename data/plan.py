"""What a channel plan is made from: customers by channels, with what a contact is expected to bring and who may get it.

A build knows effects, consents and contacts; the journal knows who is spoken for: by running campaigns, by locks, by
releases. Rows are customers in the order of their keys, columns are the channels of the company.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from data import campaign_files
from data.audience import Drawing, assigned
from data.audience_sources import CUSTOMER, MOST_CUSTOMERS, MUST_KEEP, TRUE, bound, named_in
from data.audience_sources import text_of as audience_text
from data.catalog import DIMENSIONS
from data.conditions import conditions
from data.journal import campaigns
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.plan_policy import UNIT, Policy
from data.tables import is_of_customer
from data.view import SMALLEST_GROUP, Refused, View, label
from data.warehouse import Build

SQL = Path(__file__).parent / "sql" / "plan"
FREE, NOBODY = -2, -1  # as models.assignment has them: not locked, and locked to no contact
REFUSALS = MappingProxyType({  # why a customer cannot get a channel; the first one that holds is told
    "": "May be contacted",
    "no consent": "Has not agreed to this channel, or has objected",
    "other purpose": "Agreed to this channel for another purpose only",
    "too soon": "Was contacted on this channel within the shortest time between two contacts",
    "enough contacts": "Had as many contacts on all channels as one customer may have in that time",
    "nothing known": "Nothing can be said of what a contact would bring, or the channel has no cost",
    "released from this channel": "A release by two people leaves the customer other channels only",
})  # fmt: skip
OUT = MappingProxyType({  # why a customer is in no plan at all
    "": "In the plan",
    "global holdout": "Held out of every campaign for good, to see what all of them change together",
    "in a running test": "Drawn by another campaign that is not measured yet, whichever arm it was",
    "released": "A release by two people stops all contacts",
})  # fmt: skip
REFUSED, WHOLLY = tuple(REFUSALS), tuple(OUT)
CURRENT_DAYS = 30  # before the end of the data: what is done at present
ROWS_AT_ONCE = 100_000


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
    """n customers by c channels, in the order of their keys; see REFUSALS and OUT for the codes.

    effect: (n, c) float64, expected margin of one contact before its cost, company currency; low, high: its 90 %
    interval; apart: the same learned without this customer's own outcomes; 0 where nothing is known. basis, level:
    (c,) texts. allowed: (n, c). refusal: (n, c) and out: (n,) int8. current: (n,) int8, the channel of most contacts at
    the end of the data, or -1; current_contacts: (c,) contacts then; current_cost: of all of them, currency.
    fixed: (n,) int8, a channel, NOBODY or FREE. must_keep: (n,). contacts: (n,) in the days of the cap.
    broken: (place, channel) of locks that may not be kept.
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
    must_keep: np.ndarray = field(repr=False)
    contacts: np.ndarray = field(repr=False)
    salt: str = field(default="", repr=False)  # of the exploration

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

    def capacity(self, policy: Policy) -> tuple[int | None, ...]:
        """Contacts that each channel can make under this policy, in the order of the columns."""
        return tuple(policy.limit(one.name, one.capacity) for one in self.channels)

    def terms(self, policy: Policy, assignment: Any) -> Any:
        """What the solver keeps to. assignment: the module models.assignment."""
        return assignment.Terms(policy.budget_units, self.capacity(policy), policy.least_roi)


def channels(build: Build) -> tuple[Channel, ...]:
    """The channels of the company, in the order of the feed's names."""
    rows = build.asked(text_of("channels.sql"), []).to_dict("records")
    return tuple(
        Channel(
            str(row["channel"]), str(row["label"]), str(row["kind"]), Decimal(str(row["unit_cost"] or 0)),
            None if row["capacity"] < 0 else int(row["capacity"]), int(row["min_days_between"]),
            bool(row["needs_consent"]), bool(row["priced"]),
        )
        for row in rows
    )  # fmt: skip


def purposes(build: Build) -> tuple[str, ...]:
    """For what customers have agreed to be contacted, the most frequent first."""
    return tuple(build.asked(text_of("purposes.sql"), [])["purpose"])


def start(build: Build) -> Policy:
    """The policy to begin with: no budget, the channels' own capacities, the caps of company.toml."""
    said = build.manifest
    policy = Policy(
        most_contacts=said.get("most_contacts") or None,
        contact_days=said.get("contact_days") or Policy.contact_days,
        purpose=next(iter(purposes(build)), Policy.purpose),
    )
    return policy


def tested(build: Build, view: View) -> pd.DataFrame:
    """Customers of randomised, finished campaigns inside a scope: the rows of learned_tested, in a fixed order.

    Raises Refused for readers of groups, and when the build is too old.
    """
    single(view)
    where, values = conditions(View(view.scope.about(partners=False, single=True)), CUSTOMER, joined=False)
    chosen, named = bound(where, values)
    return read(build, text_of("tested.sql").replace("{chosen}", chosen), named).to_pandas()


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
    policy.checked([one.name for one in columns])
    at = (now or (journal.clock() if journal else datetime.now(UTC))).astimezone(UTC).replace(tzinfo=None)
    chosen, values = chosen_by(build, view, policy)
    member = text_of("member.sql").replace("{chosen}", chosen)
    must_keep = TRUE if MUST_KEEP in build.attributes else "false"
    people = read(build, text_of("customers.sql").replace("{chosen}", chosen).replace("{must_keep}", must_keep), values)
    n, c = people.num_rows, len(columns)
    if n > MOST_CUSTOMERS:
        raise Invalid(f"A plan has at most {MOST_CUSTOMERS:,} customers. Set a filter.")
    if view.scope.attributes is not None and n < SMALLEST_GROUP:
        raise Refused(
            f"Fewer than {SMALLEST_GROUP} customers: you see groups only. Choose a wider part of the company."
        )
    keys = people["customer_id"].combine_chunks()
    keys = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys

    names = [one.name for one in columns]
    values |= {"names": names, "channels": names, "purpose": policy.purpose, "at": at}
    values |= {"since": at - timedelta(days=policy.contact_days)}
    end = datetime.fromisoformat(build.manifest["as_of"]).astimezone(UTC).replace(tzinfo=None)
    values |= {"end": end, "recently": end - timedelta(days=CURRENT_DAYS)}

    effect, apart = np.zeros((n, c)), np.zeros((n, c))
    low, high = np.zeros((n, c), np.float32), np.zeros((n, c), np.float32)
    refusal = np.full((n, c), REFUSED.index("nothing known"), np.int8)
    for part in parts(build, "effect.sql", member, values):
        cell = part["place"], part["at_channel"]
        effect[cell], low[cell], high[cell], apart[cell] = (part[x] for x in ("effect", "low", "high", "effect_apart"))
        refusal[cell] = 0
    refusal[:, [not one.priced for one in columns]] = REFUSED.index("nothing known")
    said = read(build, text_of("channel_effect.sql"), {}).to_pylist()
    basis, level = ({row["channel"]: str(row[name]) for row in said} for name in ("basis", "differs"))

    contacts, recent = np.zeros(n, np.int32), np.zeros((n, c), np.int32)
    cost, soon = Decimal(0), np.zeros((n, c), bool)
    for part in parts(build, "reached.sql", member, values):
        place, column = part["place"], part["at_channel"]
        np.add.at(contacts, place, part["contacts"])
        here = column >= 0  # a contact on a channel that is none of today's counts for the cap all the same
        recent[place[here], column[here]] = part["recent"][here]
        soon[place[here], column[here]] = part["too_soon"][here]
        cost += Decimal(int(part["recent_cost"].sum())) / UNIT
    if policy.most_contacts is not None:
        refusal[contacts >= policy.most_contacts] = REFUSED.index("enough contacts")
    refusal[soon] = REFUSED.index("too soon")
    for part in parts(build, "refused.sql", member, values):
        refusal[part["place"], part["at_channel"]] = part["refusal"]

    out = left_out(build, journal, drawing, keys)
    fixed, kept = np.full(n, FREE, np.int8), people["must_keep"].to_numpy().astype(bool)
    return Candidates(
        build.id, keys, view.scope.attributes is None, columns, effect, low, high, apart,
        tuple(basis.get(name, "") for name in names), tuple(level.get(name, "") for name in names),
        (refusal == 0) & (out == 0)[:, None], refusal, out,
        np.where(recent.any(axis=1), recent.argmax(axis=1) if c else -1, -1).astype(np.int8),
        recent.sum(axis=0), cost, fixed, kept, contacts,
    )  # fmt: skip


def left_out(build: Build, journal: Journal | None, drawing: Drawing, keys: pa.Array) -> np.ndarray:
    """Who is in no plan at all, (n,) int8 into OUT. Raises Invalid when a holdout is kept that nobody here knows."""
    out = np.zeros(len(keys), np.int8)
    share = float(build.manifest.get("global_holdout", 0))
    if journal is None:
        if share:
            raise Invalid(
                f"{share:.2%} of all customers are held out for good, and only the journal's secret tells whom. "
                "Name the journal in RAPPORT_JOURNAL, then plan again."
            )
        return out
    for one in campaigns.running(journal):
        for part in assigned(journal, one.campaign_id, ["customer_id"]):
            out[places(keys, part["customer_id"])] = WHOLLY.index("in a running test")
    if share:
        salt = drawing.salt_of(campaign_files.secret(journal), drawing.GLOBAL_HOLDOUT)
        out[drawing.held_out(salt, keys.to_pylist(), share)] = WHOLLY.index("global holdout")
    return out


# What they are made of


def single(view: View) -> None:
    """Refuse a reader of groups."""
    if view.scope.attributes is not None:
        raise Refused("You see groups of customers, not single ones, so this is not shown to you.")


def chosen_by(build: Build, view: View, policy: Policy) -> tuple[str, dict[str, Any]]:
    """The customers of a policy inside a scope as a condition, and its named values. Raises Invalid or Refused."""
    for name, _ in policy.members:
        if not is_of_customer(name) or (name not in DIMENSIONS and name not in build.attributes):
            raise Invalid(f"A plan is made of attributes of customers, and {label(name).lower()} is none here.")
        if view.scope.attributes is not None and name not in view.scope.attributes:
            raise Refused(f"You see groups only, and {label(name).lower()} could single customers out.")
    scope = view.scope.about(partners=False, single=True)
    return bound(*conditions(View(scope, policy.members), CUSTOMER, joined=False))


def parts(build: Build, file: str, member: str, values: dict[str, Any]) -> Iterator[dict[str, np.ndarray]]:
    """The rows of a statement in parts, as arrays by column."""
    text = text_of(file).replace("{member}", member).replace("{consent}", audience_text("consent.sql"))
    text = text.replace("{reached}", audience_text("reached.sql")).replace("{resting}", audience_text("resting.sql"))
    with asking(build), build.engine.reader(text, named_in(text, values), ROWS_AT_ONCE) as reader:
        for part in reader:
            yield {name: part[name].to_numpy(zero_copy_only=False) for name in part.schema.names}


def read(build: Build, text: str, values: dict[str, Any]) -> pa.Table:
    """The whole answer to a statement."""
    with asking(build), build.engine.reader(text, named_in(text, values), ROWS_AT_ONCE) as reader:
        return reader.read_all()


class asking:
    """Says in words that an older build lacks a table."""

    def __init__(self, build: Build):
        self.build = build

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, duckdb.CatalogException | duckdb.BinderException):
            raise Refused(
                f"Build {self.build.id} was made by an earlier Rapport, which did not work this out yet. "
                "Build again to have it: python -m data build FOLDER"
            ) from error


def places(keys: pa.Array, wanted: pa.Array) -> np.ndarray:
    """Where these customers are among the keys; those who are not among them are left out."""
    found = pc.index_in(wanted.cast(pa.string()), value_set=keys.cast(pa.string()))
    return found.drop_null().to_numpy(zero_copy_only=False)


def text_of(file: str) -> str:
    """The SQL of a file."""
    return (SQL / file).read_text(encoding="utf-8")
