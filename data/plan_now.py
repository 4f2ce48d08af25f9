"""Why contacts of a kept plan are not allowed any more: consent, waiting times, campaigns, locks and releases now."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from data.drawing import Drawing
from data.journal.plans import SavedPlan
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.plan import CODE, FREE, REFUSED, WHOLLY, candidates
from data.plan_policy import parse
from data.view import Refused, View
from data.warehouse import Build

GONE, NO_CHANNEL, LOCKED = (
    "not in this plan's view any more",
    "the channel is none any more",
    "locked to something else",
)


def hindered(
    build: Build, view: View, journal: Journal, drawing: Drawing, saved: SavedPlan, rows: pa.Table
) -> list[str]:
    """For each row of a kept plan why its contact is not allowed now; empty where it is, and without a contact.

    view: only its scope counts. drawing: the module models.assign_arm. Raises Refused when nothing can be said.
    """
    try:
        policy = parse(saved.policy).but(capacity=(), budget=None, least_roi=None)
        found = candidates(build, View(view.scope), journal, drawing, policy)
    except Invalid as problem:
        raise Refused(f"Whether this plan's contacts are still allowed cannot be said. {problem}") from None
    column = pc.index_in(rows["channel"].cast(pa.string()), value_set=pa.array(found.names, pa.string()))
    place = pc.index_in(rows["customer_id"], value_set=found.keys)
    column, place = (one.fill_null(-1).to_numpy() for one in (column, place))
    there, at = np.maximum(place, 0), np.maximum(column, 0)
    if not len(found):
        return [GONE if channel else "" for channel in rows["channel"].cast(pa.string()).to_pylist()]
    code = found.refusal[there, at]
    said = np.select(
        [
            np.asarray(pc.equal(rows["channel"].cast(pa.string()), "").to_numpy()),
            place < 0,
            found.out[there] > 0,
            column < 0,
            (found.fixed[there] != FREE) & (found.fixed[there] != column),
            (code > 0) & (code != CODE["nothing known"]),
        ],
        ["", GONE, np.array(WHOLLY)[found.out[there]], NO_CHANNEL, LOCKED, np.array(REFUSED)[code]],
        "",
    )
    return said.tolist()
