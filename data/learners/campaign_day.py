"""campaign_day: each campaign's effect as it came in, day by day, with an interval that holds at any look."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd

from data.learners import campaign_arms as arms
from data.learners.campaign_row import AT_ANY_LOOK, AT_THE_END
from data.learners.known import Known, Learnt
from data.view import SMALLEST_GROUP

DAYS = """
select d.*, w.factor, w.outcome, w.costed, w.window_days, w.first_day, w.last_day, w.days_left,
    l.effect, l.effect_low, l.effect_high
from campaign_arm_day d
join campaign_window w on w.campaign_id = d.campaign_id
join learned_campaign l on l.campaign_id = d.campaign_id
order by d.campaign_id, d.day, d.arm, d.stratum
"""
OF_CAMPAIGN = ["factor", "outcome", "costed", "window_days", "first_day", "last_day", "days_left"]
OF_CAMPAIGN += ["effect_low", "effect_high"]
COLUMNS = {
    "campaign_id": "str",
    "day": "datetime64[us]",
    "treated_mean": "float64",
    "control_mean": "float64",
    "effect": "float64",
    "low": "float64",
    "high": "float64",
    "interval": "str",
}


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """One row a campaign and day: both means so far, their difference, and its interval where it is not too early.

    Of an arm with fewer customers than the smallest group, no day is told. On the last day of a campaign that ended,
    the interval is the one of the end that was fixed beforehand.
    """
    days = wide(con.execute(DAYS).df())
    strata, first = arms.strata_of(con), days.drop_duplicates("campaign_id")
    planned = {
        row["campaign_id"]: arms.planned_se(strata[row["campaign_id"]], *in_sums(row)) for _, row in first.iterrows()
    }
    error, until = np.sqrt(days["squared_error"]), days["campaign_id"].map(planned).astype(float)
    elapsed = ((days["day"] - days["first_day"]).dt.days + 1) / days["window_days"]
    half = error * reach(days, ((error / until) ** 2).fillna(elapsed).to_numpy(float))
    days["low"], days["high"] = days["effect"] - half, days["effect"] + half
    end = (days["day"] == days["last_day"]) & (days["days_left"] == 0)
    days["interval"] = np.where(end, AT_THE_END, AT_ANY_LOOK)
    days.loc[end, ["low", "high"]] = days.loc[end, ["effect_low", "effect_high"]].to_numpy()
    return Learnt(days[list(COLUMNS)].astype(COLUMNS))


def in_sums(row: pd.Series) -> tuple[str, float]:
    """The outcome as campaign_arm has it, and what it is multiplied by."""
    if row["outcome"] == "margin" and not row["costed"]:
        return "revenue", float(row["factor"])
    return row["outcome"], 1.0


def wide(days: pd.DataFrame) -> pd.DataFrame:
    """One row a campaign and day from one a stratum and arm: means weighted by the customers of the strata."""
    keys = ["campaign_id", "day"]
    share = days.groupby([*keys, "stratum"])["n"].transform("sum") / days.groupby(keys)["n"].transform("sum")
    n = days["n"].to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = days["total"] / n
        variance = np.maximum(days["squares"] - days["total"] ** 2 / n, 0) / (n - 1) / n
    factor = days["factor"]
    parts = days.assign(mean=share * factor * mean, squared_error=(share * factor) ** 2 * variance)
    summed = parts.groupby([*keys, "arm"], as_index=False)[["n", "mean", "squared_error", "events"]].sum()
    sides = {arm: rows.set_index(keys) for arm, rows in summed.groupby("arm")}
    treated, control = (sides.get(arm, summed.head(0).set_index(keys)) for arm in ("treated", "control"))
    both = treated.join(control, suffixes=("", "_control"), how="inner").sort_index()
    both = both[np.minimum(both["n"], both["n_control"]) >= SMALLEST_GROUP]
    found = pd.DataFrame(
        {
            "treated_mean": both["mean"],
            "control_mean": both["mean_control"],
            "effect": both["mean"] - both["mean_control"],
            "squared_error": both["squared_error"] + both["squared_error_control"],
            "customers": both["n"] + both["n_control"],
            "fewest": np.minimum(both["events"], both["events_control"]),
        }
    ).reset_index()
    of_campaign = days.drop_duplicates("campaign_id")[["campaign_id", *OF_CAMPAIGN]]
    return found.merge(of_campaign, on="campaign_id", validate="many_to_one")


def reach(days: pd.DataFrame, progress: np.ndarray) -> np.ndarray:
    """Standard errors to each side, (days,), of an interval that holds at any look; NaN where it is too early."""
    from models.experiment import FEWEST_EVENTS
    from models.sequence import FEWEST, multiplier

    enough = ((days["customers"] >= FEWEST) & (days["fewest"] >= FEWEST_EVENTS)).to_numpy() & np.isfinite(progress)
    return np.array([multiplier(max(p, 1e-9)) if ok else np.nan for p, ok in zip(progress, enough, strict=True)])
