"""learned_response: how often each customer answers on each channel, drawn toward what is usual there."""

from __future__ import annotations

from datetime import timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from data.learners import response_card
from data.learners.known import Known, Learnt, at

HIGH, LOW, UNSURE = "high", "low", "not enough evidence"
HIGH_TIMES, LOW_TIMES = 1.5, 0.5  # of the channel's usual rate
WRONG = 0.10  # expected share of wrong ones among those called high, and among those called low
MONEY = pd.ArrowDtype(pa.decimal128(18, 4))  # what DuckDB takes for decimal(18, 4)
TESTED, RIPE = 90, 30  # days of contacts in the backtest, and days after them in which answers still come
COLUMNS = ("reached", "high_responders", "low_responders", "unsure_responders", "unresponsive_cost")


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Rate, interval and state of every customer and channel contacted in the last 24 months."""
    found, until = at(con, "response", known.cut), known.cut - timedelta(days=RIPE)
    before = until - timedelta(days=TESTED)
    models = fitted(found)
    earlier = at(con, "response", before)
    later = at(con, "response_after", before, until=until, known=known.cut)
    test = response_card.backtest(fitted(earlier), earlier, later)
    own = {name for name in models if name not in test.lost}
    frame = judged(found, models, own)
    card = response_card.card(known, frame, models, test, before)
    frame["reached"] = 1
    for column, state in (("high_responders", HIGH), ("low_responders", LOW), ("unsure_responders", UNSURE)):
        frame[column] = (frame["response_state"] == state).astype("int32")
    frame["unresponsive_cost"] = frame["cost"].where(frame["response_state"] == LOW, 0.0).round(4).astype(MONEY)
    names = ["customer_id", "channel", "sent", "answered", "rate", "rate_low", "rate_high", "response_state", *COLUMNS]
    return Learnt(frame[names], (card,))


def fitted(found: pd.DataFrame) -> dict:
    """Channel -> model of its customers' rates."""
    from models.beta_binomial import BetaBinomial

    groups = found.groupby("channel", sort=True)
    return {name: BetaBinomial().fit(*distinct(part)[:3]) for name, part in groups}


def distinct(part: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Distinct answers and contacts (cells,), how many rows have each, and the cell of each row."""
    k, n = part["answered"].to_numpy(np.int64), part["sent"].to_numpy(np.int64)
    width = int(n.max(initial=0)) + 1
    codes, cell, counts = np.unique(n * width + k, return_inverse=True, return_counts=True)
    return codes % width, codes // width, counts, cell


def judged(found: pd.DataFrame, models: dict, own: set[str]) -> pd.DataFrame:
    """The rows with rate, rate_low, rate_high (90 %), response_state, and p_wrong, wrong_naive of the card's checks.

    own: channels on which the customers' own rates have proved better than the channel's; on others everybody has the
    channel's rate, and nobody is called high or low.
    """
    from models.false_discovery import select

    frame = found.copy()
    for name in ("rate", "rate_low", "rate_high", "p_high", "p_low"):
        frame[name] = np.nan
    frame["response_state"] = UNSURE
    for channel, rows in found.groupby("channel", sort=True).indices.items():
        model = models[channel]
        k, n, counts, cell = distinct(found.iloc[rows])
        if channel not in own:
            k, n = np.zeros_like(k), np.zeros_like(n)
        above = model.p_above(HIGH_TIMES * model.rate_, k, n)
        below = model.p_below(LOW_TIMES * model.rate_, k, n)
        states = np.full(len(k), UNSURE, dtype=object)
        if channel in own and model.customers_differ_:
            states[select(below, WRONG, counts)] = LOW
            states[select(above, WRONG, counts)] = HIGH
        values = (*model.interval(k, n), above, below)
        for column, value in zip(("rate", "rate_low", "rate_high", "p_high", "p_low"), values, strict=True):
            frame.iloc[rows, frame.columns.get_loc(column)] = value[cell]
        frame.iloc[rows, frame.columns.get_loc("response_state")] = states[cell]
    return frame
