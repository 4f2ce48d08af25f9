"""The rows of a channel's tests, and what effects may depend on: the same of those tested then and of everybody now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.effect import Trial

EVERYBODY = """
select fold, orders, cast(revenue as double) as revenue, days_since from effect_customer order by number
"""
TESTED = """
select channel, count(distinct campaign_id), count(*) filter (treated), count(*) filter (not treated)
from effect_trial group by channel order by channel
"""
ROWS = """
select treated, p_treated, margin, orders_before as orders, cast(revenue_before as double) as revenue,
    days_since, orders_prior, revenue_prior, number, fold, campaign
from effect_trial
where channel = $channel
order by fold, number, campaign
"""


NEVER = 3_650.0  # days since the last order of whoever never ordered


class Counts(NamedTuple):
    """Of one channel: campaigns, rows treated and held out at random."""

    campaigns: int
    treated: int
    held: int


@dataclass(frozen=True)
class Bands:
    """Segments: nobody's order in a year, or a third by days since the last order × a third by orders in a year."""

    days: np.ndarray
    orders: np.ndarray

    @classmethod
    def of(cls, rows: dict[str, Any]) -> Bands:
        """Thirds of those who ordered within a year."""
        active = rows["orders"] > 0
        if not active.any():
            return cls(np.array([]), np.array([]))
        thirds = [
            np.unique(np.quantile(filled(rows[name])[active], [1 / 3, 2 / 3])) for name in ("days_since", "orders")
        ]
        return cls(*thirds)

    def __len__(self) -> int:
        return 1 + (len(self.days) + 1) * (len(self.orders) + 1)

    def segment(self, rows: dict[str, Any]) -> np.ndarray:
        """The number of each row's segment, (n,)."""
        recent = np.searchsorted(self.days, filled(rows["days_since"]))
        often = np.searchsorted(self.orders, rows["orders"])
        return np.where(rows["orders"] > 0, 1 + recent * (len(self.orders) + 1) + often, 0)


def filled(days: Any) -> np.ndarray:
    """Days since the last order; ten years where there was none."""
    return np.ma.filled(np.ma.asarray(days).astype(float), NEVER)


def traits(rows: dict[str, Any]) -> np.ndarray:
    """What effects may depend on, (n, 5): orders and revenue of a year, how long ago the last order was, if any."""
    days, found = filled(rows["days_since"]), np.empty((len(rows["orders"]), 5))
    found[:, 0] = np.log1p(rows["orders"])
    found[:, 1] = np.log1p(np.maximum(rows["revenue"], 0.0))
    found[:, 2], found[:, 3] = np.exp(-days / 30), np.exp(-days / 180)
    found[:, 4] = days < NEVER
    return found


def numbers(con: duckdb.DuckDBPyConnection, query: str, **values: Any) -> dict[str, Any]:
    """Columns of a query as arrays, masked where nothing is known."""
    return con.execute(query, values).fetchnumpy()


def tested(con: duckdb.DuckDBPyConnection) -> dict[str, Counts]:
    """What was drawn at random, by channel."""
    return {channel: Counts(*rest) for channel, *rest in con.execute(TESTED).fetchall()}


def trial(con: duckdb.DuckDBPyConnection, channel: str, bands: Bands) -> Trial:
    """The rows of one channel's tests."""
    from models.effect import Trial

    rows = numbers(con, ROWS, channel=channel)
    return Trial(
        np.asarray(rows["margin"], float),
        np.asarray(rows["treated"], bool),
        np.asarray(rows["p_treated"], float),
        traits(rows),
        np.column_stack([rows[name] for name in ("orders", "revenue", "orders_prior", "revenue_prior")]).astype(float),
        np.asarray(rows["campaign"]),
        bands.segment(rows),
        np.asarray(rows["number"]),
        np.asarray(rows["fold"]),
    )
