"""The list of the De-marketing desk to take along: whom it costs more to contact than they are expected to bring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from data import demarketing
from data.catalog import Unit
from data.export_files import Column
from data.export_journal import Kept, parts
from data.rights import CUSTOMERS, EXPORT, Actor, Forbidden
from data.view import View
from data.warehouse import Build

if TYPE_CHECKING:
    import pandas as pd

KINDS = {Unit.MONEY: pa.decimal128(18, 4), Unit.SHARE: pa.float64(), Unit.COUNT: pa.int64()}
CENT = Decimal("0.0001")


@dataclass(frozen=True)
class CostlyRows(Kept):
    """Its rows, also those who are kept or on a list, each with that state. most: chance of being wrong, at most."""

    build: Build = field(repr=False, compare=False, default=None)  # type: ignore[assignment]
    view: View = field(default_factory=View)
    most: float = 1.0

    permissions = (CUSTOMERS, EXPORT)
    columns = (
        Column("customer_id", "Customer"),
        Column("action", "What to do"),
        Column("channel", "Channel left"),
        Column("state", "State"),
        Column("expected", "Expected, after contacts", Unit.MONEY),
        Column("low", "90 % interval, low", Unit.MONEY),
        Column("high", "90 % interval, high", Unit.MONEY),
        Column("p_wrong", "Chance of being wrong", Unit.SHARE),
        Column("saving", "Saving a year", Unit.MONEY),
        Column("loss", "Lost a year if wrong", Unit.MONEY),
        Column("margin", "Expected margin, 12 months", Unit.MONEY),
        Column("contacts", "Contacts, 12 months", Unit.COUNT),
        Column("contact_cost", "Their cost", Unit.MONEY),
        Column("service_cost", "Cost to serve", Unit.MONEY),
        Column("returns", "Returned", Unit.MONEY),
    )

    def __str__(self) -> str:
        return (
            f"customers expected to cost more than they bring, {self.view}, wrong in at most {self.most:.0%} of cases"
        )

    def ready(self, actor: Actor, build: Build) -> None:
        """Raise Forbidden when this reader sees something else now than when the list was prepared."""
        if build.scope_of(actor.held) != self.view.scope or build.id != self.build.id:
            raise Forbidden("What you may see has changed since this was prepared. Open the page again.")

    def found(self) -> pd.DataFrame:
        """The rows as they stand now."""
        rows = demarketing.costly(self.build, self.view, self.journal).rows
        return rows[rows["p_wrong"] <= self.most]

    def count(self) -> int:
        return len(self.found())

    def rows(self) -> Iterator[dict[str, Any]]:
        money = [one.name for one in self.columns if one.unit == Unit.MONEY]
        for row in self.found().to_dict("records"):
            yield row | {name: Decimal(repr(row[name])).quantize(CENT) for name in money}

    def reader(self, most: int) -> pa.RecordBatchReader:
        schema = pa.schema([(one.name, KINDS.get(one.unit, pa.string())) for one in self.columns])
        return pa.RecordBatchReader.from_batches(schema, parts(islice(self.rows(), most), schema))
