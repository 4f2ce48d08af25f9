"""What churn is told from: features of every customer as known at a cut-off, and what came of them after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd

from data.learners.known import Known, at

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.purchase import PurchaseModel

MILLION = 1_000_000
SAMPLE = 50_000  # customers that are learned from and tested on, about

# Feature -> its name for readers. The first one is the recency rule's.
FEATURES = {
    "days_since": "days since the last purchase",
    "days_known": "days since the first purchase",
    "purchases": "purchase days",
    "usual_gap": "usual days between purchases",
    "rhythm": "days since the last purchase by usual gap",
    "mean_spend": "revenue of a purchase day",
    "returned_share": "share of revenue returned",
    "purchases_90": "purchase days of the last quarter",
    "purchases_trend": "purchase days, last quarter less the one before",
    "spend_90": "revenue of the last quarter",
    "spend_trend": "revenue, last quarter less the one before",
    "contacts_90": "contacts of the last quarter",
    "responses_90": "answers of the last quarter",
    "service_90": "service contacts of the last quarter",
    "odds": "odds of the purchase model (MBG/NBD)",
}
OF_CONTACTS = {"contacts_90", "responses_90", "service_90"}


@dataclass(frozen=True)
class Snapshot:
    """Customers as known at a cut-off, in the order of their keys.

    X: (n, k) features, NaN where unknown; names: (k,). histories: (n, 3) x, t_x and T in weeks. models: purchase models
    that learned from these customers.
    """

    cut: date
    customers: pd.Index
    X: np.ndarray
    names: tuple[str, ...]
    histories: np.ndarray
    models: dict[str, PurchaseModel]

    def __len__(self) -> int:
        return len(self.customers)

    def part(self, first: int, last: int) -> Snapshot:
        """Some of the customers, with the same models."""
        some = slice(first, last)
        return replace(self, customers=self.customers[some], X=self.X[some], histories=self.histories[some])

    @property
    def days_known(self) -> np.ndarray:
        """Days since the first purchase, or since the contract began: (n,)."""
        return self.X[:, 1]


def snapshot(con: duckdb.DuckDBPyConnection, known: Known, cut: date, keep: int = MILLION) -> Snapshot:
    """What was known of the customers at the cut-off; keep: how many of each million, chosen by their key."""
    from models.mbg_nbd import ModifiedBetaGeometric
    from models.pareto_nbd import ParetoNBD

    found = at(con, "churn", cut, keep=keep, contractual=known.contractual)
    histories = found[["x", "t_x_days", "t_days"]].to_numpy(float) / (1, 7, 7)
    bought = found["purchases"].to_numpy() > 0
    models: dict[str, PurchaseModel] = {}
    odds = np.full(len(found), np.nan)
    if bought.any():
        parts = histories[bought].T
        models["MBG/NBD"] = ModifiedBetaGeometric().fit(*parts)
        if not known.contractual:
            models["Pareto/NBD"] = ParetoNBD().fit(*parts)
        p = np.clip(models["MBG/NBD"].p_no_purchase(known.horizon / 7, *parts), 0, 1 - 1e-9)
        odds[bought] = p / (1 - p)
    found["odds"] = odds
    names = tuple(name for name in FEATURES if name not in OF_CONTACTS or "contacts" in known.feeds)
    return Snapshot(cut, keys(found["customer_id"]), found[list(names)].to_numpy(float), names, histories, models)


def labels(con: duckdb.DuckDBPyConnection, known: Known, past: Snapshot, told: date) -> np.ndarray:
    """Whether each customer was lost within the horizon after the cut-off, as far as that was known on the day `told`.

    (n,) of 0 and 1. Lost is who did not buy, or with contracts whose contract ended.
    """
    until = past.cut + timedelta(days=known.horizon)
    if until > told:
        raise ValueError(f"What comes until {until} is not known on {told}.")
    if known.contractual:
        contracts = at(con, "churn_ended", until)
        return past.customers.isin(keys(contracts.loc[contracts["ended"], "customer_id"])).astype(int)
    bought = at(con, "churn_after", past.cut, until=until, known=told)["customer_id"]
    return 1 - past.customers.isin(keys(bought)).astype(int)


def keys(column: pd.Series) -> pd.Index:
    """Keys as Python texts: looking them up is many times faster than in Arrow's."""
    return pd.Index(column.to_numpy(object), dtype=object)


def share_kept(con: duckdb.DuckDBPyConnection, known: Known, cut: date) -> int:
    """How many of each million customers are looked at, so that they are about 50,000 at most."""
    if known.contractual:
        customers = len(at(con, "churn_ended", cut))
    else:
        counted = (
            "select count(distinct customer_id) from purchase_day where purchases = 1 and greatest(day, known_day) <= ?"
        )
        customers = con.execute(counted, [cut]).fetchall()[0][0]
    return MILLION if customers <= SAMPLE else MILLION * SAMPLE // customers


def first_day(con: duckdb.DuckDBPyConnection, known: Known) -> date | None:
    """The day on which history begins: the first purchase, or contract, that is known at the cut-off."""
    if known.contractual:
        days = at(con, "churn_ended", known.cut)["began"]
        return days.min().date() if len(days) else None
    begins = "select min(day) from purchase_day where purchases = 1 and known_day <= ?"
    return con.execute(begins, [known.cut]).fetchall()[0][0]
