"""A saved channel plan to take along: its rows of the customers whom the reader sees, as they were frozen.

Beside each contact stands why it is not allowed now, where it is not: consent and locks change after a plan is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from data import plan_files, plan_now
from data.catalog import Unit
from data.drawing import Drawing
from data.export_files import Column
from data.export_journal import Kept, parts
from data.journal import plans
from data.journal.plans import SavedPlan
from data.rights import CUSTOMERS, EXPORT, Actor, Forbidden
from data.view import View
from data.warehouse import Build

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE, CENT = 10_000, Decimal("0.0001")


@dataclass(frozen=True)
class PlanRows(Kept):
    """The rows of one saved plan. view: the reader's scope. drawing: the module models.assign_arm."""

    build: Build = field(repr=False, compare=False, default=None)  # type: ignore[assignment]
    view: View = field(default_factory=View)
    saved: SavedPlan = field(repr=False, default=None)  # type: ignore[assignment]
    drawing: Drawing = field(repr=False, compare=False, default=None)  # type: ignore[assignment]

    permissions = (CUSTOMERS, EXPORT)
    columns = (
        Column("customer_id", "Customer"),
        Column("channel", "Channel"),
        Column("drawn", "Drawn by"),
        Column("p_assign", "Probability of this", Unit.SHARE),
        Column("expected", "Margin of the contact (expected, unproven)", Unit.MONEY),
        Column("low", "Cautious, 90 %", Unit.MONEY),
        Column("high", "Hopeful, 90 %", Unit.MONEY),
        Column("cost", "Cost", Unit.MONEY),
        Column("runner_up", "Runner-up"),
        Column("regret", "Lost with the runner-up", Unit.MONEY),
        Column("reason", "Reason"),
        Column("now", "Not allowed now"),
    )

    def __str__(self) -> str:
        return f"channel plan {self.saved.plan_id}, {self.view}"

    def ready(self, actor: Actor, build: Build) -> None:
        """Raise Forbidden when this reader sees something else now than when the file was prepared, or not the plan."""
        plans.get(self.journal, actor, self.saved.plan_id)
        if build.scope_of(actor.held) != self.view.scope:
            raise Forbidden("What you may see has changed since this was prepared. Open the page again.")

    def found(self) -> pa.Table:
        """The rows that this reader sees."""
        return plan_files.narrowed(self.build, self.view, plan_files.frozen(self.journal, self.saved))

    def count(self) -> int:
        return self.found().num_rows

    def rows(self) -> Iterator[dict[str, Any]]:
        money = [one.name for one in self.columns if one.unit == Unit.MONEY]
        found = self.found()
        now = plan_now.hindered(self.build, self.view, self.journal, self.drawing, self.saved, found)
        for part in found.append_column("now", [now]).to_batches(ROWS_AT_ONCE):
            for row in part.to_pylist():
                yield row | {name: exact(row[name]) for name in money}

    def reader(self, most: int) -> pa.RecordBatchReader:
        import pyarrow as pa

        kinds = {Unit.MONEY: pa.decimal128(18, 4), Unit.SHARE: pa.float64()}
        schema = pa.schema([(one.name, kinds.get(one.unit, pa.string())) for one in self.columns])
        return pa.RecordBatchReader.from_batches(schema, parts(islice(self.rows(), most), schema))


def exact(value: Any) -> Decimal | None:
    """Money with four digits: a number, so that one below zero is not taken for a formula."""
    return None if value is None else Decimal(str(value)).quantize(CENT)
