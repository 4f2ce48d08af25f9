"""learned_partner_place, learned_customer_place: how surely a member belongs to the vital few, by redrawing orders.

learned_concentration: how concentrated revenue and margin are, and whether those who led a year before still lead.
"""

from __future__ import annotations

from datetime import date

import duckdb
import numpy as np
import pandas as pd

from data.files import one
from data.learners.known import Known, Learnt, between

SUBJECTS = ("partner", "customer")
YEAR, BEFORE, ALL = "12m", "12m before", "all"
MEASURES = ("revenue", "gross_margin")
BLOCKS = 128  # of orders, as data/sql/ledger.sql makes them
MOST_MEMBERS = 200_000  # of more than these nobody is redrawn
THRESHOLD = 0.8
NAMES = [f"{measure}{part}" for measure in MEASURES for part in ("", "_ahead", "_ahead_low", "_ahead_high")]
FIGURES = ("members", "positive", "negative", "total", "vital", "gini", "hhi", "effective_number", "top_fifth")
STAYED = ("earlier", "stayed", "firm_earlier", "firm_stayed")  # vital few a year before, and those of them still in


def partner_places(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every partner's place by revenue and by margin, in each span."""
    return Learnt(places(con, "partner"))


def customer_places(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every customer's place by revenue and by margin, in each span; none where there are too many customers."""
    return Learnt(places(con, "customer"))


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a subject, span and measure: the figures of concentration, and who stayed among the vital few."""
    rows = []
    for subject in SUBJECTS:
        totals = {span: between(con, f"{subject}_total", *window) for span, window in spans(con).items()}
        rows += [row for measure in MEASURES for row in summaries(con, subject, measure, totals)]
    frame = pd.DataFrame(rows, columns=["subject", "measure", "span", *FIGURES, *STAYED])
    return Learnt(frame.astype(dict.fromkeys(STAYED, "Int64")))


def spans(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[date, date]]:
    """The first and the last month of each span; the year before is left out where the data does not reach so far."""
    since, until, before_since, before_until = one(con, "select * from complete_year")
    earlier = {BEFORE: (before_since, before_until)} if before_since else {}
    return {YEAR: (since, until)} | earlier | {ALL: one(con, "select min(month), max(month) from feed_lines")}


def places(con: duckdb.DuckDBPyConnection, subject: str) -> pd.DataFrame:
    """Each member's amounts, the share held by those ahead of it, and the 90 % interval of that share.

    Members that are too many to redraw are left out.
    """
    from models.concentration import redrawn, sums_by_block

    found = []
    for span, window in spans(con).items():
        totals = between(con, f"{subject}_total", *window)
        n = len(totals) if len(totals) <= MOST_MEMBERS else 0
        blocks = between(con, f"{subject}_block", *window) if n else None
        frame = totals[:n].rename(columns={"member": f"{subject}_id"}).assign(span=span)
        for measure in MEASURES:
            frame[f"{measure}_ahead"] = ahead(frame[measure])
            low = high = np.ones(n)
            if blocks is not None:
                low, high = redrawn(sums_by_block(blocks["code"], blocks["block"], blocks[measure], n, BLOCKS))
            frame[f"{measure}_ahead_low"], frame[f"{measure}_ahead_high"] = low, high
        found.append(frame[[f"{subject}_id", "span", *NAMES]])
    return pd.concat(found)


def ahead(amounts: pd.Series) -> np.ndarray:
    """Share held by those ahead of each member, (n,), in the order given."""
    from models.concentration import pareto

    found, shares = pareto(amounts), np.empty(len(amounts))
    shares[found.order] = found.before
    return shares


def summaries(
    con: duckdb.DuckDBPyConnection, subject: str, measure: str, totals: dict[str, pd.DataFrame]
) -> list[tuple]:
    """Each span in figures; for the last year, how many of the vital few of the year before are still among them.

    totals: span -> each member's amounts.
    """
    from models.concentration import FIRM, membership, pareto

    rows, vital = [], dict[str, set]()
    for span, sold in totals.items():
        found = pareto(sold[measure])
        vital[span] = set(sold["member"][found.is_vital(THRESHOLD)])
        counts = (found.members, found.positive, found.negative, found.total, found.vital(THRESHOLD))
        figures = (found.gini, found.hhi, found.effective_number, found.top_share)
        rows.append((subject, measure, span, *counts, *figures, *[None] * len(STAYED)))
    if BEFORE in vital:
        place = f"select {subject}_id as member, {measure}_ahead_low, {measure}_ahead_high from learned_{subject}_place"
        earlier = con.execute(f"{place} where span = $span order by member", {"span": BEFORE}).df()
        firm = membership(earlier[f"{measure}_ahead_low"], earlier[f"{measure}_ahead_high"], THRESHOLD) == FIRM
        firm = set(earlier["member"][firm])
        still = [len(some) for some in (vital[BEFORE], vital[BEFORE] & vital[YEAR], firm, firm & vital[YEAR])]
        rows[0] = (*rows[0][: -len(STAYED)], *still)
    return rows
