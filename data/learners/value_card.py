"""The card of the value model: what it learned, what its holdouts say, what these data cannot tell."""

from __future__ import annotations

import duckdb
import numpy as np

from data.learners.known import Known
from data.learners.purchases import Fitted, History
from data.learners.value_proof import NAIVE, Proof, report
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, Card

QUESTION = "How often and for how much will each customer buy, and what is that worth today?"
OWN = (
    "90 % intervals of money hold what is not known of the customer's own rate, spend and staying, and of the "
    "parameters; they do not hold the luck of a single year, nor contact costs. Those of probabilities hold the "
    "parameters alone."
)
STRONG = 0.2  # correlation of frequency and spend from which their independence is in doubt
CONVERGED = 1e-3  # log-likelihood


def unknown_card(known: Known, why: str, customers: int = 0) -> Card:
    """A card that says why there is nothing."""
    return Card("value", "Customer value", QUESTION, "none", "1", NOT_ENOUGH, why, known.cut, customers)


def card_of(
    con: duckdb.DuckDBPyConnection,
    known: Known,
    found: History,
    fits: Fitted,
    proof: Proof,
    margin_rate: float,
    contacts: bool,
) -> Card:
    """Everything that is known about how good the values are."""
    method = f"{proof.chosen} × Gamma-Gamma" if proof.wins is not False else "own past rate × Gamma-Gamma"
    card = Card("value", "Customer value", QUESTION, method, "1", *state(proof), known.cut, len(found), OWN)
    report(card, proof, con, known)
    parameters(card, known, fits, proof, margin_rate)
    checks(card, fits, proof)
    card.checked(
        "contact costs", contacts or None,
        "Expected future contact costs are taken off potential value."
        if contacts else "No contact costs of the last 12 months are known: potential value is before contact costs.",
    )  # fmt: skip
    if "lines.cost" not in known.feeds:
        card.checked("goods cost", None, "No cost of goods is known: margin is revenue, and values are too high.")
    return card


def state(proof: Proof) -> tuple[str, str]:
    """State of the model, and why."""
    if proof.wins:
        return IN_USE, "It forecast purchases after earlier cut-offs better than customers' own past rates."
    if proof.wins is False:
        return BASELINE, "No model forecast better than customers' own past rates, so these are used."
    if proof.holdouts:
        return NOT_ENOUGH, "Too few customers to test a forecast: values follow the model, untested."
    return NOT_ENOUGH, "The data do not reach back two horizons, so no forecast could be tested."


def parameters(card: Card, known: Known, fits: Fitted, proof: Proof, margin_rate: float) -> None:
    """The numbers from which every figure can be worked out again."""
    for candidate, model in fits.models.items():
        error = model.parameters_ * np.sqrt(np.diag(model.covariance_))
        for name, value, wide in zip(model.names, model.parameters_, error, strict=True):
            card.value(f"{candidate} {name}", float(value), float(wide))
        card.value(f"{candidate} log-likelihood", model.log_likelihood_)
    if fits.spend is not None:
        scale = np.array([fits.spend.p_, fits.spend.q_ - 1, fits.spend.gamma_])  # errors are of ln p, ln(q−1), ln γ
        for name, value, wide in zip(
            ("p", "q", "gamma"), fits.spend.parameters_, scale * np.sqrt(np.diag(fits.spend.covariance_)), strict=True
        ):
            card.value(f"Gamma-Gamma {name}", float(value), float(wide))
        card.value("mean spend a purchase day", fits.spend.mean_)
    card.value("margin rate", margin_rate)
    card.value("horizon in days", float(known.horizon))
    card.value("discount a year", 0.15)
    card.value("recalibration factor", proof.factor)


def checks(card: Card, fits: Fitted, proof: Proof) -> None:
    """Each check in words."""
    model = fits.models[proof.chosen]
    card.checked(
        "converged", model.to_gain_ < CONVERGED,
        f"The search stopped where {model.to_gain_:.1g} of log-likelihood was still to be gained.",
    )  # fmt: skip
    card.checked(
        "customers leave", model.dropout_identified_,
        "Customers leaving can be told from customers buying rarely." if model.dropout_identified_ else
        "Dropout is not identified: no evidence of customers leaving in this window. All count as active, and "
        "the probability of no purchase follows from each one's own rate.",
    )  # fmt: skip
    for words in (*model.unknown_, *(fits.spend.unknown_ if fits.spend else ())):
        card.checked("known well enough", False, words)
    spending(card, fits)
    tested(card, proof)


def spending(card: Card, fits: Fitted) -> None:
    """Whether spend is known, and independent of frequency as the model takes it to be."""
    if fits.spend is None:
        card.checked("spend", False, "Nobody's spend is positive: no value in money can be given.")
        return
    if fits.first_spend:
        card.checked("spend", None, "Nobody has bought twice: spend is learned from first purchases.")
        return
    r = fits.spend.correlation_
    if np.isnan(r):
        card.checked("spend and frequency", None, "Frequency or spend does not vary: they cannot be compared.")
        return
    words = f"Correlation of purchase days and mean spend: {r:.2f}."
    many = f"{words} The model takes it for 0, so values of frequent customers are too {'low' if r > 0 else 'high'}."
    card.checked("spend and frequency", abs(r) <= STRONG, words if abs(r) <= STRONG else many)


def tested(card: Card, proof: Proof) -> None:
    """What the holdouts say."""
    from models.holdout import root_mean_square_error, total

    if proof.wins is None:
        card.checked("beats the past rate", None, state(proof)[1])
    else:
        newest = proof.holdouts[0]
        ours, naive = (root_mean_square_error(newest.expected[n], newest.later) for n in (proof.chosen, NAIVE))
        card.checked(
            "beats the past rate", proof.wins,
            f"Root mean square error at {newest.cut}: {ours:.3f} purchases a customer, own past rate {naive:.3f}.",
        )  # fmt: skip
    if proof.holdouts:
        error = total(proof.holdouts[0].expected[proof.chosen], proof.holdouts[0].later)
        card.checked(
            "total", error.low <= 0 <= error.high,
            f"All purchases after {proof.holdouts[0].cut} were forecast {error.error:+.1%} off; given what chance "
            f"does to a total, {error.low:+.1%} to {error.high:+.1%}.",
        )  # fmt: skip
    card.checked(
        "recalibration", None if proof.factor == 1 else True,
        "No recalibration: earlier holdouts do not agree on one." if proof.factor == 1 else
        f"Forecasts are multiplied by {proof.factor:.2f}, what came over what was expected in the newest holdout; the "
        f"factor of the holdout before, {proof.earlier:.2f}, would have improved the newest.",
    )  # fmt: skip
