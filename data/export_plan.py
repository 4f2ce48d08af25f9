"""A saved channel plan to take along: its rows of the customers whom the reader sees, as they were frozen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from data import plan_files
from data.export_files import Column
from data.export_journal import Kept
from data.journal import plans
from data.journal.plans import SavedPlan
from data.rights import CUSTOMERS, EXPORT, Actor, Forbidden
from data.view import View
from data.warehouse import Build

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class PlanRows(Kept):
    """The rows of one saved plan. view: the reader's scope."""

    build: Build = field(repr=False, compare=False, default=None)  # type: ignore[assignment]
    view: View = field(default_factory=View)
    saved: SavedPlan = field(repr=False, default=None)  # type: ignore[assignment]

    permissions = (CUSTOMERS, EXPORT)
    columns = (
        Column("customer_id", "Customer"),
        Column("channel", "Channel"),
        Column("drawn", "Drawn by"),
        Column("p_assign", "Probability of this"),
        Column("expected", "Margin of the contact (expected, unproven)"),
        Column("low", "Cautious, 90 %"),
        Column("high", "Hopeful, 90 %"),
        Column("cost", "Cost"),
        Column("runner_up", "Runner-up"),
        Column("regret", "Lost with the runner-up"),
        Column("reason", "Reason"),
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
        for part in self.found().to_batches(ROWS_AT_ONCE):
            for row in part.to_pylist():
                yield {name: written(value) for name, value in row.items()}


def written(value: Any) -> str | None:
    """A value as text: money with its digits, other numbers with six decimals."""
    return None if value is None else f"{value:.6f}" if isinstance(value, float) else str(value)
