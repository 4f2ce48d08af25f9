"""learned_value of customers with a contract: retention by sBG on monthly renewals, and margin a month."""

from __future__ import annotations

import math
from datetime import date, timedelta

import duckdb
import numpy as np
import pandas as pd

from data.learners import known as facts
from data.learners.known import Known, Learnt
from data.learners.value_card import QUESTION, unknown_card
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, Card

MONTH = 365.25 / 12  # days
DISCOUNT = 1.15 ** (1 / 12) - 1  # a month, for 15 % a year
YEAR = 12  # months
MOST_CUTS = 3
CONSTANT = "one rate for all"
METHOD = "sBG"
INTERVAL = (
    "90 % intervals hold what is not known of the customer's own retention and of the parameters; they do not hold "
    "changes of the margin a month, nor contact costs."
)
ENOUGH = 30  # customers, below whom a holdout proves nothing
OWN_MONTHS = 1.0  # months of everybody's mean margin that stand beside a customer's own


def learn(con: duckdb.DuckDBPyConnection, known: Known) -> Learnt:
    """Every customer's renewals to come and what they are worth, and the card that says how good that is."""
    contracts = facts.at(con, "value_contract", known.cut)
    model = fit(contracts)
    if model is None:
        why = "No monthly renewal has been decided yet: retention, and so value, is not known."
        return Learnt(table(contracts, {}), (unknown_card(known, why, len(contracts)),))
    tests = [test for cut in cut_offs(contracts, known) if (test := held_out(con, known, cut))]
    card = card_of(known, contracts, model, tests)
    constant = card.state == BASELINE
    return Learnt(table(contracts, score(known, contracts, model, constant)), (card,))


def fit(contracts: pd.DataFrame):
    """sBG on the renewals that have been decided; None where there is none."""
    from models.sbg import ShiftedBetaGeometric

    renewals, left = decisions(contracts)
    if not renewals.any():
        return None
    return ShiftedBetaGeometric().fit(renewals, left)


def decisions(contracts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Renewal at which each customer left (the one after its last whole month), or how often it has renewed."""
    left = contracts["ended"].to_numpy(bool)
    return contracts["months"].to_numpy(float) + left, left.astype(float)


def cut_offs(contracts: pd.DataFrame, known: Known) -> list[date]:
    """Days whose future is known for a whole horizon, newest first."""
    first = pd.Timestamp(contracts["began"].min()).date()
    step = timedelta(days=known.horizon)
    return [known.cut - k * step for k in range(1, MOST_CUTS + 1) if known.cut - (k + 1) * step >= first]


def held_out(con: duckdb.DuckDBPyConnection, known: Known, cut: date) -> dict | None:
    """Chance of leaving within the horizon, by both candidates, of who was there at the cut-off; and who left."""
    then = facts.at(con, "value_contract", cut)
    model = fit(then)
    if model is None or then["ended"].all():
        return None
    ends = facts.at(con, "value_contract", cut + timedelta(days=known.horizon)).set_index("customer_id")["ended"]
    there = then[~then["ended"]]
    left = there["customer_id"].map(ends).fillna(False).to_numpy(bool)
    renewals, gone = decisions(then)
    rate = (gone.sum() + 0.5) / (renewals.sum() + 1)
    ahead = months_of(known)
    chances = {METHOD: leaving(model.parameters_, there["months"].to_numpy(float), ahead)}
    chances[CONSTANT] = np.full(len(there), 1 - (1 - rate) ** ahead)
    return {"cut": cut, "chances": chances, "left": left}


def months_of(known: Known) -> int:
    """Renewals within the horizon."""
    return max(math.ceil(known.horizon / MONTH - 0.1), 1)


def leaving(parameters: np.ndarray, months: np.ndarray, ahead: int) -> np.ndarray:
    """1 − S(n + ahead)/S(n) of customers who have renewed n times."""
    from models.sbg import survival

    return 1 - survival(parameters, months + ahead) / survival(parameters, months)


def score(known: Known, contracts: pd.DataFrame, model, constant: bool) -> dict[str, np.ndarray]:
    """Columns of the table. Customers who have left are worth nothing from now on."""
    from models.own_value import of_contract as own
    from models.sbg import derl

    there = ~contracts["ended"].to_numpy(bool)
    months = contracts["months"].to_numpy(float)
    renewals, left = decisions(contracts)
    if constant:  # everybody's rate, as if it hardly varied
        parameters = np.array([left.sum() + 0.5, renewals.sum() - left.sum() + 0.5])
    else:
        parameters = model.parameters_
    covariance = np.zeros((2, 2)) if constant else model.covariance_
    distinct, row = np.unique(months, return_inverse=True)
    monthly, revenue = a_month(contracts, "margin"), a_month(contracts, "revenue")
    known_for = np.clip(contracts["days"].to_numpy(float) / 365.25, 0.25, 1)
    cost = contracts["cost_12m"].to_numpy(float) / known_for / YEAR
    year, three = (ahead_of(parameters, distinct, n, DISCOUNT)[row] for n in (YEAR, 3 * YEAR))
    ever = derl(parameters, DISCOUNT, distinct + 1)[row]
    plain = ahead_of(parameters, distinct, YEAR, 0.0)[row]
    low, high = own(parameters, covariance, distinct, lambda t: (1 - t) * (1 + DISCOUNT) / (DISCOUNT + t))
    near_low, near_high = own(parameters, covariance, distinct, twelve)
    none, none_low, none_high = chance(known, model, parameters, constant, distinct)
    worth = {"potential_1y": year, "potential_3y": three, "potential_value": ever}
    worth |= {"potential_low": np.minimum(low[row], ever), "potential_high": np.maximum(high[row], ever)}
    earned = {"expected_margin_12m": plain, "expected_margin_low": np.minimum(near_low[row], plain)}
    earned["expected_margin_high"] = np.maximum(near_high[row], plain)
    found = {name: there * (monthly - cost) * times for name, times in worth.items()}
    found |= {name: there * monthly * times for name, times in earned.items()}
    for first, second in (("potential_low", "potential_high"), ("expected_margin_low", "expected_margin_high")):
        found[first], found[second] = np.minimum(found[first], found[second]), np.maximum(found[first], found[second])
    found |= {"expected_purchases_12m": there * plain, "expected_spend": revenue, "p_alive": there.astype(float)}
    for name, values in (("p_none", none), ("p_none_low", none_low), ("p_none_high", none_high)):
        found[name] = np.where(there, values[row], 1.0)
    return found


def a_month(contracts: pd.DataFrame, column: str) -> np.ndarray:
    """Currency a month of each contract, drawn a little toward everybody's mean, which new customers take."""
    whole = contracts["months"].to_numpy(float) + 1  # the month that has begun is paid
    total = contracts[column].to_numpy(float)
    return (total + OWN_MONTHS * total.sum() / whole.sum()) / (whole + OWN_MONTHS)


def ahead_of(parameters: np.ndarray, months: np.ndarray, ahead: int, discount: float) -> np.ndarray:
    """Expected renewals among the next `ahead`, discounted; the next one counts in full."""
    from models.sbg import survival

    there = survival(parameters, months)
    times = [survival(parameters, months + k) / there / (1 + discount) ** (k - 1) for k in range(1, ahead + 1)]
    return np.sum(times, axis=0)


def twelve(theta: np.ndarray) -> np.ndarray:
    """Expected renewals among the next twelve of a customer who leaves with probability θ at each."""
    stay = 1 - theta
    return np.sum([stay**k for k in range(1, YEAR + 1)], axis=0)


def chance(known: Known, model, parameters: np.ndarray, constant: bool, months: np.ndarray):
    """Chance of leaving within the horizon by renewals so far, with its interval (parameters alone)."""
    from models.likelihood import delta

    ahead = months_of(known)
    covariance = np.zeros((2, 2)) if constant else model.covariance_
    return delta(lambda theta: leaving(np.exp(theta), months, ahead), np.log(parameters), covariance, 0.90, share=True)


def card_of(known: Known, contracts: pd.DataFrame, model, tests: list[dict]) -> Card:
    """What was learned of retention, what holdouts say, what is not known."""
    from models import holdout as measure

    many = sum(len(test["left"]) for test in tests)
    scores = {
        name: sum(float(measure.log_score(t["chances"][name], ~t["left"]).sum()) for t in tests) / max(many, 1)
        for name in (METHOD, CONSTANT)
    }
    wins = None if many < ENOUGH else scores[METHOD] >= scores[CONSTANT]
    state, why = {
        True: (IN_USE, "It forecast who leaves after earlier cut-offs at least as well as one rate for all."),
        False: (BASELINE, "It did not forecast leaving better than one rate for all, so that rate is used."),
        None: (NOT_ENOUGH, "Too little history to test a forecast: values follow the model, untested."),
    }[wins]
    method = f"{METHOD} on monthly renewals × own margin a month"
    card = Card("value", "Customer value", QUESTION, method, "1", state, why, known.cut, len(contracts), INTERVAL)
    for test in tests:
        size, left = len(test["left"]), test["left"].astype(float)
        for name, chances in test["chances"].items():
            score = measure.log_score(chances, ~test["left"])
            error = measure.total(chances, left)
            half = measure.Z * float(score.std()) / math.sqrt(size)
            card.test(
                test["cut"], name, "log score", float(score.mean()), size, score.mean() - half, score.mean() + half
            )
            card.test(test["cut"], name, "total error", error.error, size, error.low, error.high)
    for group in measure.groups(tests[0]["chances"][METHOD], tests[0]["left"].astype(float)) if tests else ():
        card.bin(METHOD, **group)
    error = model.parameters_ * np.sqrt(np.diag(model.covariance_))
    for name, value, wide in zip(("alpha", "beta"), model.parameters_, error, strict=True):
        card.value(f"sBG {name}", float(value), float(wide))
    card.value("sBG log-likelihood", model.log_likelihood_)
    card.value("horizon in days", float(known.horizon))
    card.value("discount a year", 0.15)
    for words in model.unknown_:
        card.checked("known well enough", False, words)
    card.checked("beats one rate for all", wins, why)
    card.checked("renewals", None, "Renewals are taken to be monthly; the feeds do not say how long a contract runs.")
    return card


def table(contracts: pd.DataFrame, values: dict[str, np.ndarray]) -> pd.DataFrame:
    """learned_value, one row a contract."""
    from data.learners.value import COLUMNS, LARGEST

    frame = pd.DataFrame({"customer_id": contracts["customer_id"].astype("str")})
    frame["repeat_days"] = contracts["months"].to_numpy(int)
    frame["weeks_since_last"] = np.full(len(contracts), np.nan)
    frame["weeks_known"] = contracts["days"].to_numpy(float) / 7
    nothing = np.full(len(contracts), np.nan)
    for name in COLUMNS:
        frame[name] = np.asarray(values.get(name, nothing), float).clip(-LARGEST, LARGEST)
    return frame
