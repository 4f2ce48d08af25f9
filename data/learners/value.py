"""learned_value: how often and for how much each customer is expected to buy, and what that is worth today."""

from __future__ import annotations

import math
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd

from data.learners import value_contract
from data.learners.known import Known, Learnt
from data.learners.purchases import WEEK, Fitted, History, at, fitted, history
from data.learners.value_card import card_of, unknown_card
from data.learners.value_proof import Proof, own_spends, prove, spend

__all__ = ["at", "learn"]

YEAR = 365.25 / WEEK  # weeks
DISCOUNT = math.log(1.15) / YEAR  # a week, for 15 % a year
LEAST_YEAR = 0.25  # of a year, over which the contacts of a new customer are spread at least
SMALL = 30  # customers, below whom a segment takes the company's margin rate
LARGEST = 1e12  # currency: what is larger fits into no column and is no figure


@dataclass(frozen=True)
class Money:
    """margin_rate: margin a unit of spend, by the customer's segment. yearly_cost: of contacts. Both (customers,)."""

    margin_rate: np.ndarray
    yearly_cost: np.ndarray
    company_rate: float


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every buyer's expected purchases and value, and the card that says how good that is."""
    if known.contractual:
        return value_contract.learn(con, known)
    found = history(con, known, known.cut)
    if not len(found):
        return Learnt(table(found, {}), (unknown_card(known, "Nobody has bought yet."),))
    proof = prove(con, known)
    fits = fitted(con, known, found)
    money = rates(found)
    frame = score(known, found, fits, proof, money)
    return Learnt(frame, (card_of(con, known, found, fits, proof, money.company_rate, bool(money.yearly_cost.any())),))


def rates(found: History) -> Money:
    """The margin rate of each customer's segment (a ratio of sums), and what contacts with each cost a year."""
    brought = found.frame
    company = ratio(brought["margin"].sum(), brought["bought"].sum())
    segments = brought.groupby("segment", sort=True)
    sums, customers = segments[["margin", "bought"]].sum(), segments.size()
    own = {s: ratio(*sums.loc[s]) for s in sums.index if customers[s] >= SMALL and sums.loc[s, "bought"] > 0}
    rate = brought["segment"].map(own).fillna(company).to_numpy(float)
    known_for = np.clip(brought["t_days"].to_numpy(float) / 365.25, LEAST_YEAR, 1)
    return Money(rate, brought["cost_12m"].to_numpy(float) / known_for, company)


def ratio(over: float, under: float) -> float:
    """0 where there is nothing to divide by."""
    return float(over) / float(under) if under > 0 else 0.0


def score(known: Known, found: History, fits: Fitted, proof: Proof, money: Money) -> pd.DataFrame:
    """The table: expectations by the chosen model, or by the past rate where no model beats it."""
    from models.own_value import OwnValue

    past = proof.wins is False
    model = past_rate(0.5) if past else fits.models[proof.chosen]
    plain = past_rate(1e-6) if past else model  # the past rate itself expects nothing of who never came back
    columns, row = found.columns, found.row
    p_alive = model.p_alive(*columns)[row]
    none, none_low, none_high = (end[row] for end in model.interval("p_no_purchase", known.horizon / WEEK, *columns))
    per_day = spend(fits, found)
    earned = money.margin_rate * per_day * proof.factor
    whose = (found.x, found.rows.T[row], own_spends(fits, found)[1], p_alive)

    def ends(discount: float, weeks: float, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        grid = OwnValue(model, fits.spend, discount, weeks).fit(found.rows.x, found.rows.T)
        low, high = (money.margin_rate * proof.factor * end for end in grid.interval(*whose))
        low, high = np.minimum(low, high), np.maximum(low, high)
        return np.minimum(low, value), np.maximum(high, value)

    year = plain.expected_purchases(YEAR, *columns)[row]
    margin = earned * year
    frame = {"p_alive": p_alive, "p_none": none, "p_none_low": none_low, "p_none_high": none_high}
    frame |= {"expected_purchases_12m": year * proof.factor, "expected_spend": per_day, "expected_margin_12m": margin}
    frame["expected_margin_low"], frame["expected_margin_high"] = ends(0.0, YEAR, margin)
    for name, weeks in (("potential_1y", YEAR), ("potential_3y", 3 * YEAR), ("potential_value", np.inf)):
        brought = earned * plain.dert(DISCOUNT, *columns, horizon=weeks)[row]
        cost = money.yearly_cost * model.active_time(DISCOUNT, *columns, horizon=weeks)[row] / YEAR
        frame[name] = brought - cost
    low, high = ends(DISCOUNT, np.inf, brought)
    frame["potential_low"], frame["potential_high"] = low - cost, high - cost
    if fits.spend is None:
        unknown = [name for name in frame if name.startswith(("expected_spend", "expected_margin", "potential"))]
        frame |= dict.fromkeys(unknown, np.full(len(found), np.nan))
    return table(found, frame)


def past_rate(purchases: float):
    """A customer's own past rate as a model: nobody leaves, and this many purchases a day beside the own history."""
    from models.nbd import NBD

    model = NBD()
    model.parameters_, model.covariance_, model.null_ = np.array([purchases, 1 / WEEK]), np.zeros((2, 2)), None
    return model


COLUMNS = (
    "p_alive", "p_none", "p_none_low", "p_none_high", "expected_purchases_12m", "expected_spend",
    "expected_margin_12m", "expected_margin_low", "expected_margin_high",
    "potential_1y", "potential_3y", "potential_value", "potential_low", "potential_high",
)  # fmt: skip


def table(found: History, values: dict[str, np.ndarray]) -> pd.DataFrame:
    """learned_value, one row a customer."""
    frame = pd.DataFrame({"customer_id": found.frame["customer_id"].astype("str"), "repeat_days": found.x})
    frame["weeks_since_last"] = (found.rows.T - found.rows.t_x)[found.row]
    frame["weeks_known"] = found.rows.T[found.row]
    for name in COLUMNS:
        frame[name] = np.asarray(values.get(name, np.zeros(len(found))), float).clip(-LARGEST, LARGEST)
    return frame
