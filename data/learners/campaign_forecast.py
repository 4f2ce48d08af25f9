"""learned_forecast: what campaigns promised to earn beside what they earned, by owner and by basis of the promise."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd

from data.learners.known import Known, Learnt
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, UNPROVEN, Card

FEWEST = 5  # graded campaigns, below which no share of them says anything
Z = 1.959963984540054  # of a 95 % interval
ALL, OWNER, BASIS = "all", "owner", "basis"
PROMISE, NOTHING = "promise", "no effect"
GRADED = """
select l.campaign_id, w.owner, w.basis, l.treated_customers as n, l.margin_effect as realised,
    l.margin_effect_se as error, cast(w.expected_effect as double) as promised,
    cast(coalesce(w.expected_high - w.expected_low, 0) as double) as width
from learned_campaign l
join campaign_window w on w.campaign_id = l.campaign_id
where l.sound and w.expected_effect is not null and l.margin_effect is not null
order by l.campaign_id
"""
COLUMNS = (
    {"by": "str", "name": "str", "campaigns": "int64", "customers": "int64"}
    | dict.fromkeys(("promised", "realised", "low", "high", "bias", "bias_low", "bias_high"), "float64")
    | {
        "inside": "int64",
        "inside_share": "float64",
        "inside_low": "float64",
        "inside_high": "float64",
        "enough": "bool",
    }
)


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row for all campaigns, each owner and each basis: promised and realised margin, and how often both agree."""
    graded = con.execute(GRADED).df()
    rows = [row_of(ALL, "", graded)] if len(graded) else []
    for by in (OWNER, BASIS):
        rows += [row_of(by, str(name), part) for name, part in graded.groupby(by, sort=True)]
    return Learnt(pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS), (card_of(known, graded),))


def row_of(by: str, name: str, graded: pd.DataFrame) -> dict[str, Any]:
    """Promised and realised incremental margin in all, currency, realised with its 95 % interval; bias a customer.

    bias: promised minus realised per treated customer, mean over campaigns. inside: campaigns whose measured effect is
    no farther from the promise than the interval of the promise and the error of the measurement allow together, 95 %.
    """
    from models.quality import wilson

    n, count = graded["n"], len(graded)
    realised = float((n * graded["realised"]).sum())
    half = Z * float(np.sqrt(((n * graded["error"]) ** 2).sum()))
    bias, bias_low, bias_high = mean_of(graded["promised"] - graded["realised"])
    inside = int(within(graded).sum())
    low, high = wilson(inside, count)
    return {"by": by, "name": name, "campaigns": count, "customers": int(n.sum())} | {
        "promised": float((n * graded["promised"]).sum()),
        "realised": realised,
        "low": realised - half,
        "high": realised + half,
        "bias": bias,
        "bias_low": bias_low,
        "bias_high": bias_high,
        "inside": inside,
        "inside_share": inside / count,
        "inside_low": float(low),
        "inside_high": float(high),
        "enough": count >= FEWEST,
    }


def within(graded: pd.DataFrame) -> pd.Series:
    """Flags: promise and measurement agree."""
    allowed = np.hypot(graded["width"] / 2, Z * graded["error"])
    return (graded["promised"] - graded["realised"]).abs() <= allowed


def mean_of(values: pd.Series) -> tuple[float, float, float]:
    """Mean with its 95 % t interval; NaN ends for a single value."""
    from models.experiment import arm_of, with_interval

    found = arm_of(values)
    if found.n < 2:
        return found.mean, np.nan, np.nan
    mean = with_interval(found.mean, [(found.squared_error, found.n - 1)], found, found)
    return mean.estimate, mean.low, mean.high


def card_of(known: Known, graded: pd.DataFrame) -> Card:
    """Whether promises told more of what campaigns earned than to expect nothing of any."""
    count = len(graded)
    state, why = NOT_ENOUGH, f"{count} campaigns with a promise have been graded; {FEWEST} are needed."
    missed = (graded["promised"] - graded["realised"]).abs()
    idle = graded["realised"].abs()
    if count >= FEWEST:
        better, low, high = mean_of(idle - missed)
        state = IN_USE if low > 0 else UNPROVEN if better > 0 else BASELINE
        why = (
            f"Promises missed the measured margin by {missed.mean():.2f} a customer, to expect no effect by "
            f"{idle.mean():.2f}: {better:.2f} better ({low:.2f} to {high:.2f}) over {count} campaigns."
        )
    card = Card(
        model="campaign_forecasts",
        title="Promises of campaigns",
        question="What will a campaign earn per customer beyond what would have come anyway?",
        method=PROMISE,
        version="1",
        state=state,
        why=why,
        cut_off=known.cut,
        customers=int(graded["n"].sum()),
        interval="95 % of the promise and of the measurement together",
    )
    if count >= FEWEST:
        for candidate, errors in ((PROMISE, missed), (NOTHING, idle)):
            value, low, high = mean_of(errors)
            card.test(known.cut, candidate, "mean absolute error", value, card.customers, low, high)
        row = row_of(ALL, "", graded)
        words = f"{row['inside']} of {count} promises agree with what was measured"
        card.checked("promises hold", row["inside_high"] >= 0.95, f"{words}; 95 of 100 are meant to.")
    return card
