"""learned_value: how often and for how much each customer is expected to buy, and what that is worth today."""

from __future__ import annotations

import math

import duckdb
import numpy as np
import pandas as pd

from data.learners.known import Known, Learnt, at

YEAR = 365.25 / 7  # weeks
DISCOUNT = math.log(1.15) / YEAR  # a week, for 15 % a year


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every customer's expected purchases and margin."""
    from models.gamma_gamma import GammaGamma
    from models.mbg_nbd import ModifiedBetaGeometric

    found = at(con, "history", known.cut)
    x = found["x"].to_numpy()
    t_x, weeks = found["t_x_days"].to_numpy() / 7, found["t_days"].to_numpy() / 7
    model = ModifiedBetaGeometric().fit(x, t_x, weeks)
    spend_of = np.nan_to_num(found["repeat_spend"].to_numpy(float))
    spend = GammaGamma().fit(x, spend_of).expected_spend(x, spend_of) if (spend_of > 0).any() else np.zeros(len(x))
    rate = con.execute("select sum(margin) / nullif(sum(revenue), 0) from purchase_day").fetchall()[0][0] or 0.0
    none, none_low, none_high = model.interval("p_no_purchase", known.horizon / 7, x, t_x, weeks)
    year = model.expected_purchases(YEAR, x, t_x, weeks)
    frame = pd.DataFrame({"customer_id": found["customer_id"], "repeat_days": x, "weeks_since_last": weeks - t_x})
    frame["weeks_known"], frame["p_alive"] = weeks, model.p_alive(x, t_x, weeks)
    frame["p_none"], frame["p_none_low"], frame["p_none_high"] = none, none_low, none_high
    frame["expected_purchases_12m"], frame["expected_spend"] = year, spend
    money = float(rate) * spend
    for name, times in (("expected_margin", year), ("potential", model.dert(DISCOUNT, x, t_x, weeks))):
        for end, factor in (("", 1.0), ("_low", 0.5), ("_high", 1.5)):
            frame[f"{name}{end}"] = money * times * factor
    frame = frame.rename(columns={"expected_margin": "expected_margin_12m", "potential": "potential_value"})
    frame["potential_1y"] = money * model.dert(DISCOUNT, x, t_x, weeks, YEAR)
    frame["potential_3y"] = money * model.dert(DISCOUNT, x, t_x, weeks, 3 * YEAR)
    return Learnt(frame)
