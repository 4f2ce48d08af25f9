"""What is known of one partner within a reader's scope, read from one build: for pages made outside of a screen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd

from components import months, scorecard, whole_company, words
from data.catalog import METRICS, Unit
from data.contract import UNKNOWN
from data.question import Listing, Question, View
from data.rights import Forbidden
from data.warehouse import Build

Span = tuple[date, date]
SUMS = ("revenue", "gross_margin", "return_rate", "orders", "customers")
ENOUGH = 10  # partners among whom a share says something
VITAL = 0.8


@dataclass(frozen=True)
class Partner:
    """One partner of one build, seen through a view whose only member is that partner."""

    build: Build
    view: View
    key: str

    def profile(self) -> pd.Series:
        """Who it is. Raises Forbidden when it is not among those the reader may see."""
        rows = self.rows("partner_profile")
        if self.key == UNKNOWN or rows.empty:
            raise Forbidden("There is no such partner among those you may see. Choose one from the list.")
        return rows.iloc[0]

    def rows(self, table: str) -> pd.DataFrame:
        """Rows of a stored table about this partner."""
        return self.build.answer(Listing(table, self.view))

    @property
    def year(self) -> Span:
        """The last twelve complete months, fewer where the data is younger."""
        since, until = months.window("12m", self.build.manifest)
        assert since and until
        return since, until

    @property
    def currency(self) -> str:
        """In which money is."""
        return str(self.build.manifest["currency"])

    def known(self, name: str) -> bool:
        """Whether the build has what a metric is made of."""
        return set(METRICS[name].needs) <= set(self.build.manifest["known"])

    def earlier(self, span: Span) -> Span | None:
        """The same months a year before; None where the data does not reach back that far."""
        return months.earlier(*span, "year", self.first)

    @property
    def first(self) -> date:
        """The first month of the data."""
        return date.fromisoformat(self.build.manifest["first_month"])

    def quarter(self) -> Span | None:
        """The last calendar quarter of which every month is complete and in the data."""
        last = self.year[1]
        until = months.shifted(last, -(last.month % 3))
        since = months.shifted(until, -2)
        return (since, until) if since >= self.first else None

    def quarter_before(self, quarter: Span) -> Span | None:
        """The quarter before that one."""
        since, until = (months.shifted(month, -3) for month in quarter)
        return (since, until) if since >= self.first else None

    def figures(self, span: Span | None) -> dict[str, Any]:
        """Each known metric in these months, by name; nothing where the data does not hold them."""
        if span is None:
            return {}
        names = tuple(name for name in SUMS if self.known(name))
        row = self.build.answer(Question(names, view=self.view.between(*span))).iloc[0]
        found = {name: row[name] if words.known(row[name]) or METRICS[name].under else 0 for name in names}
        return found

    def by_month(self, span: Span) -> list[float]:
        """Revenue of each month."""
        asked = Question(("revenue",), ("month",), self.view.between(*span))
        rows = self.build.answer(asked)
        sold = {pd.Timestamp(month).date(): float(value) for month, value in zip(rows["month"], rows["revenue"])}
        return [sold.get(month, 0.0) for month in months.each(*span)]

    def by_category(self, span: Span) -> dict[str, float]:
        """Revenue by category, the largest first."""
        rows = self.build.answer(Question(("revenue",), ("category",), self.view.between(*span)))
        return {str(name): float(value) for name, value in zip(rows["category"], rows["revenue"])}

    def year_of_measures(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Every measure of the scorecard over the last year, and the year before; nothing without sales in either."""
        rows = self.rows("partner_year")
        return scorecard.measures(rows.iloc[0], self.known("gross_margin")) if len(rows) else ({}, {})

    def peers(self, kind: str) -> tuple[str, pd.DataFrame]:
        """Whose band it is, and the middle half of the peers by measure.

        A band is of more than ten partners and rounded, so that it is shown to readers of some partners, too.
        """
        return scorecard.peers(kind, whole_company.of_build(self.build, "peer_band"))

    def aims(self, name: str) -> dict[str, Decimal]:
        """Targets set for this partner: of a year (2026) or of a month (2026-03)."""
        rows = self.rows("partner_target")
        own = rows[rows["metric"] == name]
        return {str(period): words.exact(value) for period, value in zip(own["period"], own["value"])}

    def aim(self, name: str) -> Decimal | None:
        """What was aimed at in the last year; None where a month has no target, and of counts, which do not add up."""
        if METRICS[name].distinct:
            return None
        return months.aim(self.aims(name), *self.year, adds_up=METRICS[name].unit not in (Unit.SHARE, Unit.RATIO))

    def shared(self, most: int) -> list[tuple[str, pd.Series]]:
        """The partners in scope with which it shares most customers, with their names."""
        rows = self.rows("partner_overlap").dropna(subset="shared")  # readers of groups are not told of few
        rows = rows.sort_values(["shared", "other_id"], ascending=[False, True]).head(most)
        others = View(self.view.scope).only("partner_id", *rows["other_id"])
        named = self.build.answer(Listing("partner_profile", others)).set_index("partner_id")["partner_name"]
        return [(str(named[row["other_id"]]), row) for _, row in rows.iterrows()]

    def place(self) -> dict[str, Any]:
        """Its rank by revenue in the last year and how surely it is among the vital few; for readers of everything."""
        if not self.view.scope.everything:
            return {}
        sold = self.build.answer(Question(("revenue",), ("partner_id",), View(self.view.scope).between(*self.year)))
        sold = sold[sold["partner_id"] != UNKNOWN]
        own, all_sold = sold[sold["partner_id"] == self.key]["revenue"], sold[sold["revenue"] > 0]["revenue"]
        ahead = self.rows("learned_partner_place")
        ahead = ahead[ahead["span"] == "12m"]
        if own.empty or ahead.empty or own.iloc[0] <= 0:
            return {}
        found = {"rank": int((all_sold > own.iloc[0]).sum()) + 1, "partners": len(all_sold)}
        return found | {
            name: float(ahead.iloc[0][f"revenue_ahead{end}"])
            for name, end in (("ahead", ""), ("low", "_low"), ("high", "_high"))
        } | {"share": float(own.iloc[0]) / float(all_sold.sum())}  # fmt: skip
