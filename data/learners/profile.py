"""learned_profile: recency, frequency and money, lifecycle, rhythm, groups, and what sets a customer apart."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from data.learners import profile_card, profile_groups
from data.learners.differs import sentences
from data.learners.known import Known, Learnt, at

BEFORE = 30  # days
LEAST_CONTACTS = 5  # a share of answers of fewer says nothing
UNKNOWN = "(unknown)"
NEW, ACTIVE, SLIPPING, LAPSED, ONE_TIME, ENDED = "new", "active", "slipping", "lapsed", "one-time", "ended"
COLUMNS = (
    "customer_id", "recency_score", "frequency_score", "money_score", "rfm", "rfm_before", "lifecycle", "profile",
    "differs_1", "differs_2", "differs_3", "usual_gap_days", "next_from", "next_to",
)  # fmt: skip


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every customer's scores, lifecycle, profile and rhythm; NULL and (unknown) without a purchase."""
    everybody = at(con, "profile_everybody", known.cut)
    found = features(con, known.cut)
    found = found.merge(everybody, how="left", on="customer_id")
    before = scored(at(con, "profile_rfm", known.cut - timedelta(days=BEFORE)))
    start = date(known.cut.year, 1, 1) - timedelta(days=1)
    groups = profile_groups.find(found, start, lambda: features(con, start))
    frame = scored(found)
    frame["rfm_before"] = frame["customer_id"].map(before.set_index("customer_id")["rfm"]).astype("str")
    frame["lifecycle"] = lifecycle(found, known.horizon)
    frame["profile"] = groups.names
    # where there are no groups of our own, the company's own segments are those to compare with
    word, compared = ("profile", frame["profile"]) if groups.k else ("segment", found["segment"])
    codes = pd.factorize(compared, sort=True)[0]
    for place, column in enumerate(sentences(found, codes, word, currency(con)), start=1):
        frame[f"differs_{place}"] = column
    rhythm(frame, found)
    card = profile_card.card(known, found, frame, groups)
    whole = everybody[["customer_id"]].merge(frame, how="left", on="customer_id")
    scores = ["recency_score", "frequency_score", "money_score"]
    whole[scores] = whole[scores].astype("Int32")  # with gaps
    for name in ("lifecycle", "profile"):
        whole[name] = whole[name].fillna(UNKNOWN)
    return Learnt(whole[list(COLUMNS)], (card,))


def features(con: duckdb.DuckDBPyConnection, cut: date) -> pd.DataFrame:
    """What each customer with a purchase does, as known at the day: the columns of at/profile.sql and at/gaps.sql.

    gap: days from one order day to the next, the median where there are three gaps, else the mean. answer_rate: answers
    a contact of the last twelve months. NaN where not known.
    """
    found = at(con, "profile", cut).merge(at(con, "gaps", cut), how="left", on="customer_id")
    repeats = (found["purchases"] - 1).where(found["purchases"] > 1)
    found["gap"] = found["usual_gap"].fillna(found["t_x"] / repeats)
    found["answer_rate"] = found["answers"] / found["contacts"].where(found["contacts"] >= LEAST_CONTACTS)
    return found


def scored(found: pd.DataFrame) -> pd.DataFrame:
    """customer_id with the three scores and their digits. found: since (days), purchases, revenue."""
    from models.rfm import rfm

    recency, frequency, money, code = rfm(found["since"], found["purchases"], found["revenue"])
    frame = found[["customer_id"]].copy()
    for name, values in (("recency", recency), ("frequency", frequency), ("money", money)):
        frame[f"{name}_score"] = values.astype("int32")
    frame["rfm"] = code
    return frame


def lifecycle(found: pd.DataFrame, horizon: int) -> np.ndarray:
    """Where each customer stands.

    ended: said so. new: first purchase within the horizon. one-time: one purchase only, longer ago. Others are active
    until their longest usual gap has passed (the 90th percentile of their own, or the horizon without a rhythm), lapsed
    after twice that gap or twice the horizon, whichever is longer, and slipping in between.
    """
    since, own = found["since"].to_numpy(float), found["long_gap"].to_numpy(float)
    limit = np.where(np.isnan(own), horizon, own)
    young = found["age"].to_numpy() <= horizon
    once = found["purchases"].to_numpy() == 1
    return np.select(
        [found["ended"].notna().to_numpy(), young, once, since <= limit, since <= 2 * np.maximum(limit, horizon)],
        [ENDED, NEW, ONE_TIME, ACTIVE, SLIPPING],
        LAPSED,
    ).astype(object)


def rhythm(frame: pd.DataFrame, found: pd.DataFrame) -> None:
    """usual_gap_days, and the first and last day on which the next order would be usual, as in models/rhythm.py."""
    last = pd.to_datetime(found["last_day"]).to_numpy("datetime64[D]")
    frame["usual_gap_days"] = found["usual_gap"]
    for name, gap in (("next_from", np.floor(found["short_gap"])), ("next_to", np.ceil(found["long_gap"]))):
        days = np.where(gap.isna(), np.datetime64("NaT", "D"), last + gap.fillna(0).to_numpy().astype("timedelta64[D]"))
        frame[name] = days.astype("datetime64[s]")


def currency(con: duckdb.DuckDBPyConnection) -> str:
    """The one currency of the order lines, '' when they name none."""
    rows = con.execute("select min(currency) from feed_lines having min(currency) = max(currency)").fetchall()
    return rows[0][0] if rows else ""  # read to its end: an open answer keeps the next table from being made
