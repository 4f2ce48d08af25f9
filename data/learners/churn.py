"""learned_churn: how likely each customer is not to buy within the company's own horizon, or to end its contract."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from data.learners.churn_card import BASE, RECENCY, RULES, TENURE, Proof, Trial, card_of
from data.learners.churn_known import MILLION, SAMPLE, Snapshot, first_day, keys, labels, share_kept, snapshot
from data.learners.known import Known, Learnt, at

LIMITS = (0.33, 0.66)  # of low, medium and high risk: thirds of what is possible, printed wherever a band is
BEFORE = timedelta(days=30)
CUTS = 3
LEAST, LEAST_RARE = 1_000, 50  # customers, and lost or kept ones, below which many features are not learned from
BLOCK, COMPARED = 100_000, 10_000  # customers scored at a time, and scored twice
PURCHASE = ("MBG/NBD", "Pareto/NBD")

Predict = Callable[[Snapshot], np.ndarray]
Candidate = tuple[Any, Predict]  # what was fitted, and how it predicts


@dataclass
class Past:
    """Snapshots of a sample of the customers, each taken once."""

    con: duckdb.DuckDBPyConnection
    known: Known
    taken: dict[date, Snapshot] = field(default_factory=dict)

    def whole(self, cut: date) -> Snapshot:
        """What was known of every customer at the cut-off; of a small company that is the sample."""
        found = snapshot(self.con, self.known, cut, MILLION)
        if len(found) <= SAMPLE:
            self.taken[cut] = found
        return found

    def at(self, cut: date) -> Snapshot:
        """What was known of the sample at the cut-off."""
        if cut not in self.taken:
            self.taken[cut] = snapshot(self.con, self.known, cut, share_kept(self.con, self.known, cut))
        return self.taken[cut]


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every customer's probability of being lost within the horizon, its interval and band, now and 30 days before."""
    past = Past(con, known)
    proof = prove(past)
    now, then = past.whole(known.cut), past.whole(known.cut - BEFORE)
    wanted = proof.choice.name if proof.choice else TENURE if known.contractual else PURCHASE[0]
    method, model, predict = trained(past, known.cut, wanted)
    frame = nobody(con, known)
    if not len(now) or predict is None:
        return Learnt(frame, (card_of(known, proof, "", 0, None, (), None),))
    known.say(f"    churn: {method} for {len(now):,} customers")
    p = in_blocks(predict, now)
    low, high = interval(proof, known, model, now, p)
    everybody = keys(frame["customer_id"])
    scored = everybody.isin(now.customers)
    for name, values in (("p_no_purchase", p), ("p_low", low), ("p_high", high), ("risk_band", band(p))):
        frame.loc[scored, name] = values
    frame.loc[scored, "method"], frame.loc[scored, "risk_before"] = method, "(new)"
    *_, earlier = trained(past, then.cut, wanted)
    if len(then) and earlier is not None:
        frame.loc[everybody.isin(then.customers), "risk_before"] = band(in_blocks(earlier, then))
    if known.contractual:
        contracts = at(con, "churn_ended", known.cut)
        gone = everybody.isin(keys(contracts.loc[contracts["ended"], "customer_id"]))
        frame.loc[gone, ["p_no_purchase", "p_low", "p_high"]] = 1.0
        frame.loc[gone, "method"] = "ended"
    *_, again = trained(past, known.cut, wanted)
    same = again is not None and bool((again(now.part(0, COMPARED)) == p[:COMPARED]).all())
    learned_from = model.curve_ if method == TENURE else now.models.get(PURCHASE[0])
    unknown = getattr(learned_from, "unknown_", ())
    return Learnt(frame, (card_of(known, proof, method, len(now), model, unknown, same),))


def nobody(con: duckdb.DuckDBPyConnection, known: Known) -> pd.DataFrame:
    """The table before anybody is scored, one row a customer."""
    frame = con.execute("select customer_id from customer_total order by customer_id").df()
    frame[["p_no_purchase", "p_low", "p_high"]] = np.nan
    frame["churn_horizon_days"], frame["risk_band"], frame["risk_before"] = known.horizon, "(unknown)", "(unknown)"
    frame["method"] = pd.Series(pd.NA, index=frame.index, dtype="str")
    return frame


def band(p: np.ndarray) -> np.ndarray:
    """low, medium or high."""
    return np.array(["low", "medium", "high"], dtype=object)[np.digitize(p, LIMITS)]


def in_blocks(predict: Predict, of: Snapshot) -> np.ndarray:
    """The probabilities, a bounded number of customers at a time: (n,)."""
    return np.concatenate([predict(of.part(first, first + BLOCK)) for first in range(0, len(of), BLOCK)])


def prove(past: Past) -> Proof:
    """Every candidate on what came after earlier cut-offs, learned from what was known then; and the choice.

    Candidates tested at a cut-off learned at the one before it, from outcomes that were complete, and recorded, by the
    day of the test.
    """
    from models.choice import choose
    from models.quality import reliability

    known = past.known
    step, first = timedelta(days=known.horizon), first_day(past.con, known)
    trials = []
    for cut in (known.cut - k * step for k in range(1, CUTS + 1)):
        if first is None or cut - 2 * step < first or not len(past.at(cut - step)) or not len(past.at(cut)):
            break
        test = past.at(cut)
        known.say(f"    churn: {len(test):,} customers tested at {cut}")
        fits = candidates(past, cut)
        found = {name: in_blocks(predict, test) for name, (_, predict) in fits.items()}
        models = {name: model for name, (model, _) in fits.items()}
        y = labels(past.con, known, test, known.cut)
        if y.min() == y.max():
            continue  # all were lost, or none: every candidate that says so would seem perfect
        trials.append(Trial(cut, test, y, found, models))
    if not trials:
        return Proof(())
    last = trials[0]
    choice = choose({name: (last.y - p) ** 2 for name, p in last.found.items()}, RULES)
    seen = reliability(last.y, last.found[choice.name], bins=int(np.clip(len(last.y) // 30, 1, 10)))
    return Proof(tuple(trials), choice, seen)


def trained(past: Past, cut: date, method: str) -> tuple[str, Any, Predict | None]:
    """The method as learned at the cut-off; where it could not be, what needs no outcomes; None without even that."""
    found = candidates(past, cut, method)
    if method not in found:
        found = candidates(past, cut, TENURE if past.known.contractual else PURCHASE[0])
    return next(((name, *candidate) for name, candidate in found.items()), (method, None, None))


def candidates(past: Past, cut: date, only: str = "") -> dict[str, Candidate]:
    """Name -> candidate. Learned from the outcomes that were complete at the cut-off, or from histories alone."""
    from models.churn import BaseRate, Boosting, Logistic, RecencyRule

    known = past.known
    found = histories_only(past, cut) if only in ("", TENURE, *PURCHASE) else {}
    if only in found:
        return {only: found[only]}
    learn_from = past.at(cut - timedelta(days=known.horizon))
    if not len(learn_from):
        return {} if only else found
    y = labels(past.con, known, learn_from, cut)
    rare = int(min(y.sum(), len(y) - y.sum()))
    kinds: dict[str, Any] = {BASE: BaseRate()}
    if rare and not known.contractual:
        kinds[RECENCY] = RecencyRule()
    if len(y) >= LEAST and rare >= LEAST_RARE:
        kinds |= {"logistic": Logistic(logged=True), "gradient boosting": Boosting()}
    for name, kind in kinds.items():
        if only in ("", name):
            found[name] = learned(kind.fit(learn_from.X, y))
    return {name: found[name] for name in (*RULES, *found) if name in found and only in ("", name)}


def learned(model: Any) -> Candidate:
    """A classifier as a candidate."""
    return model, lambda of: model.predict_proba(of.X)[:, 1]


def histories_only(past: Past, cut: date) -> dict[str, Candidate]:
    """The candidates that need no outcomes: purchase models, or the sBG of contracts, learned at the cut-off."""
    from models.churn import TenureCurve

    horizon = past.known.horizon
    if past.known.contractual:
        contracts = at(past.con, "churn_ended", cut)
        if not (contracts["days"] >= 30).any():
            return {}
        curve = TenureCurve().fit(contracts["days"], contracts["ended"])
        return {TENURE: (curve, lambda of: curve.p_lost(of.days_known, horizon))}
    models = past.at(cut).models
    return {name: (model, by_history(model, horizon)) for name, model in models.items()}


def by_history(model: Any, horizon: int) -> Predict:
    """P(no purchase within the horizon) by a purchase model."""
    return lambda of: model.p_no_purchase(horizon / 7, *of.histories.T)


def interval(proof: Proof, known: Known, model: Any, now: Snapshot, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """90 % of what share of such customers is lost: by the last backtest, or by what is not known of the parameters."""
    from models.quality import around

    if proof.seen is not None:
        return around(p, proof.seen)
    if known.contractual:
        low, high = model.interval(now.days_known, known.horizon)
    else:
        _, low, high = model.interval("p_no_purchase", known.horizon / 7, *now.histories.T)
    return np.minimum(low, p), np.maximum(high, p)
