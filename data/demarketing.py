"""De-marketing: customers whose contacts cost more than they are expected to bring, and what a release would save.

Everything here is expected, nothing was tested: what a customer brings without contacts is not known. Nobody is ever
terminated, and nothing is sent: a released list only tells plans and campaigns whom to leave out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from data import plan
from data.audience_sources import CUSTOMER, MUST_KEEP, TRUE, bound, named_in
from data.audience_sources import text_of as audience_text
from data.conditions import conditions
from data.journal import overrides, releases
from data.journal.problems import Invalid
from data.journal.release_rows import CHEAPER, STOP, WAITING, Listed
from data.journal.release_rows import RELEASED as HOLDS
from data.journal.store import Journal
from data.rights import PROPOSE_RELEASE, Actor
from data.view import Refused, View
from data.warehouse import Build

SQL = Path(__file__).parent / "sql" / "demarketing"
NORMAL = NormalDist()
SURE = NORMAL.inv_cdf(0.95)  # standard deviations from the middle of a 90 % interval to its end
FREE, KEPT, PROPOSED, RELEASED = "free", "kept", "waits", "released"
NOW_PAYS, GONE, MUST = "now expected to bring more than contacts cost", "no customer any more", "must keep"


@dataclass(frozen=True, eq=False)
class Costly:
    """The customers it costs more to contact than they are expected to bring, in a reader's view.

    rows: one a customer, by key: expected, low, high (margin of twelve months less contacts at last year's pace, 90 %
    interval), margin (before contacts), contacts, contact_cost, service_contacts, service_cost, returns (of the months
    counted), action (stop, cheaper), channel, saving (a year), p_wrong, loss (a year, if wrong), state (free, kept,
    waits, released), must_keep. customers, scored: of the view. since, until: first and last of the months counted.
    """

    rows: pd.DataFrame = field(repr=False)
    customers: int
    scored: int
    since: date
    until: date

    def of(self, *states: str) -> pd.DataFrame:
        """The customers in these states."""
        return self.rows[self.rows["state"].isin(states)]


def costly(build: Build, view: View, journal: Journal) -> Costly:
    """Find them, and who of them is free. Raises Refused for readers of groups, and for a build that is too old."""
    return standing(figures(build, view), journal)


def figures(build: Build, view: View) -> Costly:
    """What the build knows of them, each as if nobody had decided anything yet. Raises Refused."""
    if view.scope.attributes is not None:
        raise Refused("You see groups of customers, not single ones, so this is not shown to you.")
    scope = view.scope.about(partners=False, single=True)
    chosen, values = bound(*conditions(View(scope, view.members), CUSTOMER, joined=False))
    since, until = build.complete_year()
    names = [one.name for one in plan.channels(build)]
    values |= {"since": since, "until": until, "channels": names, "purpose": plan.start(build).purpose}
    keep = TRUE if MUST_KEEP in build.attributes else "false"
    text = text_of("costly.sql").replace("{consent}", audience_text("consent.sql")).replace("{must_keep}", keep)
    rows = decided(judged(asked(build, text.replace("{chosen}", chosen), values)))
    counts = asked(build, text_of("scored.sql").replace("{chosen}", chosen), values).iloc[0]
    return Costly(rows, int(counts["customers"]), int(counts["scored"]), since, until)


def standing(found: Costly, journal: Journal) -> Costly:
    """With who is kept, by the feed or by a person, and who is on a list that waits or holds."""
    kept, lists, keys = overrides.kept(journal), releases.on_a_list(journal), found.rows["customer_id"]
    must = found.rows["must_keep"].astype(bool) | keys.isin(kept)
    on = keys.map(lists).map({WAITING: PROPOSED, HOLDS: RELEASED}).fillna(FREE)
    return replace(found, rows=found.rows.assign(must_keep=must, state=np.where(must, KEPT, on)))


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """The figures after contacts, with the chance of being wrong and what is lost then.

    Wrong is a customer whose true margin of a year is above what the contacts cost. The true margin is taken as normal
    around the expected one; its standard deviation is the upper half of the 90 % interval, the half on the side of
    being wrong, divided by 1.645. loss: the mean of what such a customer brings beyond the cost of the contacts.
    """
    rows = rows.assign(margin=rows["expected"])
    for name in ("expected", "low", "high"):
        rows[name] = (rows[name] - rows["contact_cost"]).round(4)
    deviation = ((rows["high"] - rows["expected"]) / SURE).to_numpy(float)
    middle = rows["expected"].to_numpy(float)
    place = np.divide(middle, deviation, out=np.full(len(rows), -np.inf), where=deviation > 0)
    p_wrong = np.array([NORMAL.cdf(one) for one in place], float)
    density = np.array([NORMAL.pdf(one) if np.isfinite(one) else 0.0 for one in place], float)
    beyond = np.maximum(middle * p_wrong + deviation * density, 0.0)
    loss = np.divide(beyond, p_wrong, out=np.zeros(len(rows)), where=p_wrong > 0)
    return rows.assign(p_wrong=p_wrong, loss=loss)


def decided(rows: pd.DataFrame) -> pd.DataFrame:
    """What to do: the cheapest allowed channel where the customer then brings more than it costs, else no contacts."""
    cheaper = (
        (rows["cheapest"] != "")
        & (rows["cheapest_cost"] < rows["contact_cost"])
        & (rows["margin"] >= rows["cheapest_cost"])
    )
    return rows.assign(
        action=np.where(cheaper, CHEAPER, STOP),
        channel=np.where(cheaper, rows["cheapest"], ""),
        saving=(rows["contact_cost"] - np.where(cheaper, rows["cheapest_cost"], 0.0)).round(4),
    )


def propose(journal: Journal, actor: Actor, build: Build, customers: Sequence[str], stop: bool, note: str) -> str:
    """Propose these customers, with the figures of this build; the list's key. Raises Invalid or Forbidden.

    stop: no contacts for anybody, also where a cheaper channel would do.
    """
    keys = sorted(set(customers))
    actor.require(PROPOSE_RELEASE)
    overrides.own_only(actor, build, keys)
    found = costly(build, View(build.scope_of(actor.held)), journal).rows
    rows = found[found["customer_id"].isin(keys)]
    if len(rows) < len(keys):
        raise Invalid("Some of these customers are expected to bring more than they cost. Open the page again.")
    if held := list(rows.loc[rows["state"] != FREE, "customer_id"]):
        raise Invalid(f"{releases.named(held)} kept, or on another list. Open the page again, and choose once more.")
    return releases.propose(journal, actor, build, [listed(row, stop) for row in rows.to_dict("records")], note)


def listed(row: dict[str, Any], stop: bool) -> Listed:
    """A row as the journal keeps it."""
    ends = stop or row["action"] == STOP
    return Listed(
        row["customer_id"], STOP if ends else CHEAPER, "" if ends else row["channel"],
        float(row["expected"]), float(row["low"]), float(row["high"]), float(row["p_wrong"]),
        float(row["contact_cost"] if ends else row["saving"]),
    )  # fmt: skip


def changes(build: Build, found: Costly, customers: Sequence[str]) -> dict[str, str]:
    """Customer -> why they would stay although a list has them. found: all in the scope of who decides, as of now."""
    rows = found.rows.set_index("customer_id")
    missing = [key for key in customers if key not in rows.index]
    there = set[str]()
    if missing:
        there = set(asked(build, text_of("there.sql"), {"keys": missing})["customer_id"])
    stay = {key: NOW_PAYS if key in there else GONE for key in missing}
    kept = set(rows.index[rows["must_keep"].astype(bool)])
    return stay | {key: MUST for key in customers if key in kept}


def release(journal: Journal, actor: Actor, build: Build, release_id: str) -> int:
    """Be the second person: release whoever is still expected to cost more than they bring; how many customers."""
    keys = [one.customer_id for one in releases.customers(journal, actor, release_id)]
    stay = changes(build, costly(build, View(build.scope_of(actor.held)), journal), keys)
    return releases.release(journal, actor, release_id, build.id, stay)


def asked(build: Build, text: str, values: dict[str, Any]) -> pd.DataFrame:
    """The rows of a statement."""
    return build.asked(text, named_in(text, values))  # type: ignore[arg-type]


def text_of(file: str) -> str:
    """The SQL of a file."""
    return (SQL / file).read_text(encoding="utf-8")
