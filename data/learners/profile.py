"""learned_profile: recency, frequency and money in fifths, lifecycle, rhythm, and what sets a customer apart."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from data.learners.known import Known, Learnt, at


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every buyer's scores and lifecycle."""
    found = at(con, "history", known.cut)
    since = found["t_days"] - found["t_x_days"]
    frame = pd.DataFrame({"customer_id": found["customer_id"]})
    for name, values in (("recency", -since), ("frequency", found["x"]), ("money", found["repeat_spend"].fillna(0))):
        place = values.rank(method="dense")
        frame[f"{name}_score"] = np.ceil(place / max(place.max(), 1) * 5).astype(int)
    frame["rfm"] = frame[["recency_score", "frequency_score", "money_score"]].astype(str).sum(axis=1)
    frame["rfm_before"] = frame["rfm"]
    frame["lifecycle"] = np.where(
        since > 2 * known.horizon, "lapsed", np.where(since > known.horizon, "slipping", "active")
    )
    frame["profile"] = "slices of a continuum"
    for name in ("differs_1", "differs_2", "differs_3"):
        frame[name] = None
    frame["usual_gap_days"] = found["t_x_days"] / found["x"].where(found["x"] > 2)
    frame["next_from"] = pd.to_datetime(found["last_day"]) + pd.to_timedelta(frame["usual_gap_days"] * 0.5, unit="D")
    frame["next_to"] = pd.to_datetime(found["last_day"]) + pd.to_timedelta(frame["usual_gap_days"] * 1.5, unit="D")
    return Learnt(frame)
