"""Contact pressure added up inside a reader's scope: by channel, and customers by their number of contacts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from data.audience import ROWS_AT_ONCE, assigned
from data.audience_sources import CUSTOMER
from data.conditions import conditions
from data.journal import campaigns
from data.journal.store import Journal
from data.question import Listing
from data.tables import LISTINGS
from data.view import SMALLEST_GROUP, View
from data.warehouse import Build

SQL = Path(__file__).parent / "sql" / "pressure"
ANY = "(any)"  # all channels together
WINDOWS = {7: "last_7", 30: "last_30", 90: "last_90"}  # days -> the column that counts them
IN_SCOPE = "select customer_id from customer where {chosen}"


@dataclass(frozen=True)
class Pressure(Listing):
    """Sums over contact_pressure. Readers of groups get the whole company, and nothing about fewer than ten customers.

    part: 'channels' or 'spread', a file of data/sql/pressure. days: the window; any other than those of WINDOWS is the
    one that the cap over all channels counts. channel: whose spread; all channels together when it is ANY.
    """

    table: str = "contact_pressure"
    part: str = "channels"
    days: int = 30
    channel: str = ANY

    def sql(self, attributes: frozenset[str] = frozenset()) -> tuple[str, list]:
        """One SELECT and its values."""
        groups = self.view.scope.attributes is not None
        where, values = conditions(own(self.view), LISTINGS[self.table], joined=True)
        parts: dict[str, Any] = {
            "{chosen}": " and ".join(where) or "true",
            "{window}": WINDOWS.get(self.days, "recent"),
            "{least}": str(SMALLEST_GROUP if groups else 0),
        }
        text = (SQL / f"{self.part}.sql").read_text(encoding="utf-8")
        for word, meaning in parts.items():
            text = text.replace(word, meaning)
        return text, [*values, *([self.channel] if self.part == "spread" else [])]


def own(view: View) -> View:
    """The part of a view that is about customers: of the own book; for readers of groups, everybody, unfiltered.

    Two filtered counts would tell readers of groups of the few customers by which they differ.
    """
    scope = view.scope.about(partners=False, single=True)
    return View(scope) if scope.attributes is not None else replace(view, scope=scope, since=None, until=None)


def running(build: Build, view: View, journal: Journal) -> tuple[int, int | None, int]:
    """Running campaigns; customers in scope whom they contact; how many of these campaigns the build has no contact of.

    The customers are None for readers of groups where they are fewer than ten.
    """
    going = [one.campaign_id for one in campaigns.running(journal)]
    parts = [part for key in going for part in assigned(journal, key, ["customer_id", "arm"])]
    keys = [part["customer_id"].filter(pc.not_equal(part["arm"], "control")) for part in parts]
    if not keys:
        return 0, 0, 0
    drawn, found = pa.chunked_array(keys, pa.string()), 0
    where, values = conditions(own(view), CUSTOMER, joined=False)
    with build.engine.reader(IN_SCOPE.format(chosen=" and ".join(where) or "true"), values, ROWS_AT_ONCE) as reader:
        for part in reader:
            found += pc.sum(pc.is_in(part["customer_id"], value_set=drawn.combine_chunks())).as_py() or 0
    known = build.engine.ask("select distinct campaign_id from feed_contacts where campaign_id is not null", [])
    unknown = len(set(going) - set(known["campaign_id"]))
    few = view.scope.attributes is not None and found < SMALLEST_GROUP
    return len(going), None if few else found, unknown
