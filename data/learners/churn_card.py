"""The card of learned_churn: every candidate's backtest, calibration, what a threshold costs, and checks in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from data.learners.churn_known import FEATURES, Snapshot
from data.learners.known import Known
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, Card

if TYPE_CHECKING:  # scipy is loaded by builds only, never by the web process
    from models.choice import Choice

BASE, RECENCY, TENURE = RULES = ("base rate", "recency rule", "tenure curve")
THRESHOLDS = np.arange(0, 51) / 50
SLACK = 0.02  # of the calibration error, above the noise of a perfect model


@dataclass(frozen=True)
class Trial:
    """One cut-off: the customers as known then, y whether they were lost, and by candidate p and the fitted model."""

    cut: date
    test: Snapshot
    y: np.ndarray
    found: dict[str, np.ndarray]
    models: dict[str, Any]


@dataclass(frozen=True)
class Proof:
    """The trials, newest first, the choice made on the newest, and its calibration there; nothing without history."""

    trials: tuple[Trial, ...]
    choice: Choice | None = None
    seen: pd.DataFrame | None = None


def card_of(
    known: Known, proof: Proof, method: str, customers: int, model: Any, unknown: Sequence[str], same: bool | None
) -> Card:
    """The card. method: the candidate in use, '' when nobody could be scored. unknown: what these data
    cannot tell, in sentences. same: whether a second fit agreed."""
    choice = proof.choice
    if choice is None:
        state = NOT_ENOUGH
        why = f"{untested(known)}, so no score could be tested yet. " + (
            f"{method} is used untested." if method else "Nobody is scored."
        )
    else:
        state, why = IN_USE if choice.won else BASELINE, str(choice)
    event = "to end its contract" if known.contractual else "not to buy"
    card = Card(
        model="churn",
        title="Churn risk",
        question=f"How likely is each customer {event} within the next {known.horizon} days?",
        method=method or "none",
        version="1",
        state=state,
        why=why,
        cut_off=known.cut,
        customers=customers,
        interval=(
            "90 %: the share lost among customers with such a score, by the last backtest (Wilson)."
            if proof.seen is not None
            else "90 %: what is not known of the model's parameters; the score itself is untested."
        ),
    )
    for trial in proof.trials:
        backtest(card, trial)
    if choice is not None:
        show(card, proof.trials[0], choice.name)
    parameters(card, proof, model)
    checks(card, known, proof, unknown, same)
    return card


def backtest(card: Card, trial: Trial) -> None:
    """Every candidate's measures at one cut-off."""
    from models.quality import measures

    for name, p in trial.found.items():
        for measure, (value, low, high) in measures(trial.y, p).items():
            if np.isfinite(value):
                card.test(trial.cut, name, measure, value, len(p), number(low), number(high))
                if measure == "brier_skill" and trial.cut == max(row["cut_off"] for row in card.backtest):
                    card.point("baseline", name, len(card.curve), value, number(low), number(high))


def show(card: Card, trial: Trial, chosen: str) -> None:
    """Calibration of every candidate at the newest cut-off, and what a threshold on the chosen one means."""
    from models.quality import reliability, thresholds

    for name, p in trial.found.items():
        for row in reliability(trial.y, p).itertuples(index=False):
            card.bin(name, *row)
    table = thresholds(trial.y, trial.found[chosen], THRESHOLDS)
    for series, column in (("precision", "precision"), ("recall", "recall"), ("share contacted", "contacted")):
        for x, y in zip(table["threshold"], table[column], strict=True):
            if np.isfinite(y):
                card.point("threshold", series, float(x), float(y))


def parameters(card: Card, proof: Proof, model: Any) -> None:
    """The numbers of the model in use, and what goes along with being lost."""
    from models.churn import goes_along

    if hasattr(model, "coefficients"):
        for row in model.coefficients([FEATURES[name] for name in proof.trials[0].test.names]).itertuples(index=False):
            card.value(f"coefficient: {row.name}", row.value)
            if row.name != "intercept":
                card.value(f"centre: {row.name}", row.centre)
                card.value(f"scale: {row.name}", row.scale)
    curve = getattr(model, "curve_", model)
    names = getattr(curve, "names", ()) or [name for name in ("alpha", "beta") if hasattr(curve, f"{name}_")]
    for name in names:
        card.value(name, getattr(curve, f"{name}_"))
    for name in ("rate", "intercept", "slope"):
        if hasattr(model, f"{name}_"):
            card.value(name, getattr(model, f"{name}_"))
    trees = proof.trials[0].models.get("gradient boosting") if proof.trials else None
    if trees is not None:
        trial = proof.trials[0]
        for row in goes_along(trees, trial.test.X, trial.y, trial.test.names).itertuples(index=False):
            card.value(f"goes along with: {FEATURES[row.name]}", row.value, row.error)


def checks(card: Card, known: Known, proof: Proof, unknown: Sequence[str], same: bool | None) -> None:
    """What must hold, and whether it does."""
    from models.quality import ece, ece_floor, leak_alarm

    cuts = len(proof.trials)
    card.checked(
        "enough history",
        cuts > 0,
        f"{cuts} cut-offs could be tested; each takes three horizons of {known.horizon} days."
        if cuts
        else f"No cut-off could be tested: {untested(known)[0].lower()}{untested(known)[1:]}.",
    )
    if proof.choice is not None:
        trial = proof.trials[0]
        p = trial.found[proof.choice.name]
        card.checked("beats the baseline", proof.choice.won, str(proof.choice))
        error, allowed = ece(trial.y, p), ece_floor(p)[1] + SLACK
        word = "at most" if error <= allowed else "more than"
        card.checked(
            "calibrated",
            error <= allowed,
            f"Calibration error {error:.3f}, {word} the {allowed:.3f} allowed: the noise of a perfect model "
            f"at {len(p):,} customers and {SLACK}.",
        )
        best = proof.choice.best
        columns = pd.DataFrame(trial.test.X, columns=[FEATURES[name] for name in trial.test.names])
        alarm = leak_alarm(trial.y, trial.found[best], columns)
        card.checked("no leak", alarm is None, alarm or "No score ranks better than a forecast can (AUC 0.95).")
    card.checked(
        "same on a second run",
        same,
        "Not made: nobody is scored." if same is None else "Fitted twice: the scores agree to the last bit."
        if same else "Fitted twice: the scores differ.",
    )  # fmt: skip
    for words in unknown:
        card.checked("what is not known", None, words)


def untested(known: Known) -> str:
    """Why there may be no test."""
    return f"Less than three horizons of {known.horizon} days lie behind, or nobody was lost in them, or everybody"


def number(value: float) -> float | None:
    """Empty where there is none."""
    return float(value) if np.isfinite(value) else None
