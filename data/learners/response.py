"""learned_response: how often each customer answers on each channel, drawn toward what is usual there."""

from __future__ import annotations

import duckdb

from data.learners.known import Known, Learnt

COUNTS = """
    select customer_id, channel, cast(sum(contacts) as integer) as sent, cast(sum(responses) as integer) as answered,
        sum(cost)::decimal(18, 4) as cost
    from contact_day
    where day <= $cut and known_day <= $cut and day > $cut - interval 24 month
    group by customer_id, channel
    having sum(contacts) > 0
    order by customer_id, channel
"""


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Rate and state of every customer and channel contacted in the last 24 months."""
    from scipy.stats import beta

    frame = con.execute(COUNTS, {"cut": known.cut}).df()
    base = frame.groupby("channel")["answered"].transform("sum") / frame.groupby("channel")["sent"].transform("sum")
    a, b = base * 10 + frame["answered"] + 0.01, (1 - base) * 10 + frame["sent"] - frame["answered"] + 0.01
    frame["rate"], frame["rate_low"], frame["rate_high"] = a / (a + b), beta.ppf(0.05, a, b), beta.ppf(0.95, a, b)
    high, low = frame["rate_low"] > base, frame["rate_high"] < base
    frame["response_state"] = "not enough evidence"
    frame.loc[high, "response_state"], frame.loc[low, "response_state"] = "high", "low"
    frame["reached"], frame["high_responders"], frame["low_responders"] = 1, high.astype(int), low.astype(int)
    frame["unsure_responders"] = 1 - frame["high_responders"] - frame["low_responders"]
    frame["unresponsive_cost"] = frame["cost"].where(low, 0)
    return Learnt(frame.drop(columns="cost"))
