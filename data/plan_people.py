"""Whom the journal speaks for when a plan is made: holdouts, running campaigns, locks, keeps and releases."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data import campaign_files
from data.audience import assigned
from data.audience_sources import kept_by_feed
from data.drawing import Drawing
from data.journal import campaigns, overrides, releases
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.warehouse import Build

FREE, NOBODY = -2, -1  # as models.assignment has them: not locked, locked to no contact
OUT = MappingProxyType({  # why a customer is in no plan at all; the first one that holds is told
    "": "In the plan",
    "global holdout": "Held out of every campaign for good, to see what all of them change together",
    "in a running test": "Drawn by another campaign that is not measured yet, whichever arm it was",
    "released": "A release by two people stops all contacts",
})  # fmt: skip
WHOLLY = tuple(OUT)


@dataclass(frozen=True)
class Spoken:
    """Of n customers and c channels. out: (n,) int8 into OUT; fixed: (n,) int8, a channel, NOBODY or FREE.

    lost: (n,) locked to a channel that is none any more, so to no contact. kept: (n,) on the must-keep list of people.
    left: (n, c) whether a release leaves the channel. salt: of exploration.
    """

    out: np.ndarray
    fixed: np.ndarray
    lost: np.ndarray
    kept: np.ndarray
    left: np.ndarray
    salt: str


def spoken_for(
    build: Build, journal: Journal | None, drawing: Drawing, keys: pa.Array, channels: tuple[str, ...]
) -> Spoken:
    """What the journal knows of these customers. Raises Invalid when a holdout is kept that nobody here knows."""
    n, share = len(keys), float(build.manifest.get("global_holdout", 0))
    out, fixed = np.zeros(n, np.int8), np.full(n, FREE, np.int8)
    lost, kept = np.zeros(n, bool), np.zeros(n, bool)
    left = np.ones((n, len(channels)), bool)
    if journal is None:
        if share:
            raise Invalid(
                f"{share:.2%} of all customers are held out for good, and only the journal's secret tells whom. "
                "Name the journal in RAPPORT_JOURNAL, then plan again."
            )
        salt = drawing.salt_of(hashlib.sha256(build.id.encode()).hexdigest(), "plan")
        return Spoken(out, fixed, lost, kept, left, salt)
    secret = campaign_files.secret(journal)
    released = releases.released(journal)
    stays = kept_by_feed(build, list(released))
    for place, allowed in at(keys, {key: left for key, left in released.items() if key not in stays}):
        left[place] = [name in allowed for name in channels]
        if not allowed:
            out[place] = WHOLLY.index("released")
    for one in campaigns.running(journal):
        for part in assigned(journal, one.campaign_id, ["customer_id"]):
            out[places(keys, part["customer_id"])] = WHOLLY.index("in a running test")
    if share:
        salt = drawing.salt_of(secret, drawing.GLOBAL_HOLDOUT)
        out[drawing.held_out(salt, keys.to_pylist(), share)] = WHOLLY.index("global holdout")
    column = {name: number for number, name in enumerate(channels)} | {"": NOBODY}
    locks = {one.customer_id: one.channel for one in overrides.active(journal, overrides.CHANNEL)}
    for place, channel in at(keys, locks):
        fixed[place], lost[place] = column.get(channel, NOBODY), channel not in column
    kept[[place for place, _ in at(keys, dict.fromkeys(overrides.kept(journal)))]] = True
    return Spoken(out, fixed, lost, kept, left, drawing.salt_of(secret, f"plan {build.id}"))


def at(keys: pa.Array, found: dict[str, Any]) -> list[tuple[int, Any]]:
    """The places of those who are among the keys, with what was found of each."""
    if not found:
        return []
    where = pc.index_in(pa.array(found, pa.string()), value_set=keys)
    return [(place, one) for place, one in zip(where.to_pylist(), found.values(), strict=True) if place is not None]


def places(keys: pa.Array, wanted: pa.Array) -> np.ndarray:
    """Where these customers are among the keys; those who are not among them are left out."""
    return pc.index_in(wanted.cast(pa.string()), value_set=keys).drop_null().to_numpy(zero_copy_only=False)
