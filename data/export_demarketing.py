"""The list of the De-marketing desk to take along: whom it costs more to contact than they are expected to bring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from data import demarketing
from data.catalog import Unit
from data.export_files import Column
from data.export_journal import Kept
from data.rights import CUSTOMERS, EXPORT, Actor, Forbidden
from data.view import View
from data.warehouse import Build

if TYPE_CHECKING:
    import pandas as pd

MONEY = ("expected", "low", "high", "saving", "loss", "margin", "contact_cost", "service_cost", "returns")


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
        Column("expected", "Expected, after contacts"),
        Column("low", "90 % interval, low"),
        Column("high", "90 % interval, high"),
        Column("p_wrong", "Chance of being wrong"),
        Column("saving", "Saving a year"),
        Column("loss", "Lost a year if wrong"),
        Column("margin", "Expected margin, 12 months"),
        Column("contacts", "Contacts, 12 months", Unit.COUNT),
        Column("contact_cost", "Their cost"),
        Column("service_cost", "Cost to serve"),
        Column("returns", "Returned"),
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
        for row in self.found().to_dict("records"):
            yield row | {name: f"{row[name]:.4f}" for name in MONEY} | {"p_wrong": f"{row['p_wrong']:.4f}"}
