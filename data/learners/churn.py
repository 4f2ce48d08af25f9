"""learned_churn: how likely each customer is not to buy within the company's own horizon."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd

from data.learners.known import Known, Learnt, at

LIMITS = (1 / 3, 2 / 3)  # of low, medium and high risk
BEFORE = 30  # days


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every buyer's probability of not buying within the horizon, and its band, now and 30 days before."""
    from models.mbg_nbd import ModifiedBetaGeometric

    found = at(con, "history", known.cut)
    parts = (found["x"].to_numpy(), found["t_x_days"].to_numpy() / 7, found["t_days"].to_numpy() / 7)
    model = ModifiedBetaGeometric().fit(*parts)
    p, low, high = model.interval("p_no_purchase", known.horizon / 7, *parts)
    frame = pd.DataFrame({"customer_id": found["customer_id"], "p_no_purchase": p, "p_low": low, "p_high": high})
    frame["churn_horizon_days"], frame["risk_band"], frame["method"] = known.horizon, band(p), "MBG/NBD"
    then = at(con, "history", known.cut - timedelta(days=BEFORE))
    earlier = (then["x"].to_numpy(), then["t_x_days"].to_numpy() / 7, then["t_days"].to_numpy() / 7)
    before = dict(zip(then["customer_id"], band(model.p_no_purchase(known.horizon / 7, *earlier)), strict=True))
    frame["risk_before"] = frame["customer_id"].map(before).fillna("(new)")
    return Learnt(frame)


def band(p: np.ndarray) -> np.ndarray:
    """low, medium or high."""
    return np.array(["low", "medium", "high"], dtype=object)[np.digitize(p, LIMITS)]
