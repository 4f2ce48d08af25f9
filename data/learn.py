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
        "select customer_id, segment, margin, cost, orders from customer_total order by customer_id"
    ).df()
    return rate(
        customers, con.execute("select segment, orders, margin_squared from order_moment order by segment").df(), floor
    )


LEARNED = {"learned_roi": Learned(frozenset({"customer_total", "order_moment"}), roi)}
