"""learned_campaign: what each campaign changed and earned, and whether it is proven (docs/campaign-measurement.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd

from data.learners import campaign_arms as arms
from data.learners.campaign_row import COLUMNS, Found, measured
from data.learners.known import Known, Learnt

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.adjustment import Adjusted

CAMPAIGNS = """
select w.*, cast(r.cost as double) as cost, r.treated as contacts,
    coalesce(cast(a.attributed_revenue as double), 0) as attributed_revenue,
    coalesce(cast(a.attributed_margin as double), 0) as attributed_margin
from campaign_window w
join campaign_reach r on r.campaign_id = w.campaign_id
left join campaign_attributed a on a.campaign_id = w.campaign_id
order by w.campaign_id
"""
CUSTOMERS = """
select o.campaign_id, o.arm = 'treated' as treated,
    cast(case w.outcome when 'orders' then o.orders when 'responses' then o.responses
        when 'margin' then o.margin else o.revenue end as double)
        * w.factor as outcome,
    cast(o.revenue_before as double) as revenue_before, cast(o.orders_before as double) as orders_before,
    cast(coalesce(o.days_since, 0) as double) as days_since, cast(o.days_since is null as double) as never_bought,
    coalesce(o.p_assign, 0) * (s.stratum >= 0)::double as p_assign
from campaign_outcome o
join campaign_window w on w.campaign_id = o.campaign_id
join campaign_stratum s on s.campaign_id = o.campaign_id and s.arm = o.arm
    and s.p_assign is not distinct from o.p_assign
where w.days_left = 0
order by o.campaign_id, o.customer_id
"""
COVARIATES = ["p_assign", "revenue_before", "orders_before", "days_since", "never_bought"]  # as many as the arms allow


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a campaign. Where nobody was held out at random there is no effect, and the verdict says what to do."""
    strata = arms.strata_of(con)
    together = {name: group for group in arms.experiments(con) for name in group}
    adjusted = dict(adjusted_of(con))
    rows = []
    for row in con.execute(CAMPAIGNS).df().itertuples(index=False):
        own = strata.get(row.campaign_id, {})
        others = [strata[name] for name in together.get(row.campaign_id, ()) if name != row.campaign_id]
        ratio = arms.ratio_of([own, *others]) if own else None
        rows.append(measured(Found(row, own, ratio, adjusted.get(row.campaign_id))))
    frame = pd.DataFrame([dict.fromkeys(COLUMNS) | row for row in rows], columns=list(COLUMNS))
    return Learnt(frame.replace([np.inf, -np.inf], np.nan).astype(COLUMNS))


def adjusted_of(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, Adjusted]]:
    """Effect of each campaign that ended, adjusted for what was known of its customers; one campaign at a time."""
    from models.adjustment import PER_COLUMN, adjusted

    for name, rows in one_by_one(con.sql(CUSTOMERS).to_arrow_reader(100_000)):
        fewest = min(rows["treated"].sum(), (~rows["treated"]).sum())
        columns = COVARIATES[: max(int(fewest // PER_COLUMN) - 1, 0)]
        if columns:
            yield name, adjusted(rows["outcome"], rows["treated"], rows[columns])


def one_by_one(batches: Any) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows of each campaign; batches come in the order of the campaigns."""
    held: list[pd.DataFrame] = []
    name = ""
    for batch in batches:
        for campaign, rows in batch.to_pandas().groupby("campaign_id", sort=False):
            if held and campaign != name:
                yield name, pd.concat(held, ignore_index=True)
                held = []
            name = campaign
            held.append(rows)
    if held:
        yield name, pd.concat(held, ignore_index=True)
