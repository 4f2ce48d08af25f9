"""learned_roi: rated customers, shrunken ROI, interval, ranks."""

from __future__ import annotations

import duckdb

from data.learners.known import Known, Learnt


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every customer's ROI, drawn toward the segment's, with its interval and its place."""
    from models.roi import rate  # scipy is loaded by builds only, never by the web process

    customers = con.execute(
        "select t.customer_id, t.segment, t.margin, t.cost, t.orders, coalesce(m.margin_squared, 0) as margin_squared "
        "from customer_total t left join order_moment m on m.customer_id = t.customer_id order by t.customer_id"
    ).df()
    # only of customers somebody invested in: those who cost nothing must not change anybody else's ROI
    moments = customers[customers["cost"] > 0].groupby("segment", as_index=False)[["orders", "margin_squared"]].sum()
    return Learnt(rate(customers, moments, known.floor))
