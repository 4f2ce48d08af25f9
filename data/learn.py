"""The learn step: tables that need more mathematics than SQL, each one function of models/ and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import pandas as pd


@dataclass(frozen=True)
class Learned:
    """One learned table: the tables it needs, and the function that makes its frame from the connection."""

    needs: frozenset[str]
    make: Callable[[duckdb.DuckDBPyConnection, float], pd.DataFrame]


def roi(con: duckdb.DuckDBPyConnection, floor: float) -> pd.DataFrame:
    """learned_roi: rated customers, shrunken ROI, interval, ranks."""
    from models.roi import rate  # scipy is loaded by builds only, never by the web process

    customers = con.execute(
        "select t.customer_id, t.segment, t.margin, t.cost, t.orders, coalesce(m.margin_squared, 0) as margin_squared "
        "from customer_total t left join order_moment m on m.customer_id = t.customer_id order by t.customer_id"
    ).df()
    # only of customers somebody invested in: those who cost nothing must not change anybody else's ROI
    moments = customers[customers["cost"] > 0].groupby("segment", as_index=False)[["orders", "margin_squared"]].sum()
    return rate(customers, moments, floor)


LEARNED = {"learned_roi": Learned(frozenset({"customer_total", "order_moment"}), roi)}
