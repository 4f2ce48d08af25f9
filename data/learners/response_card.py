"""The model card 'responsiveness': how well the customers' rates foretold later answers, and who is called what."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from data.learners.known import Known
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, Card

OWN, RAW, USUAL = "empirical Bayes", "raw rate", "channel's rate"
CLIP = 0.001  # a raw rate is taken for no nearer to 0 or 1: one answer would cost it without end
TESTED = 200  # later contacts from which a channel's test decides
BINS, Z = 10, 1.6449  # of the calibration; 90 %
INTENSITY = (1, 2, 3, 5, 9, 17, 33)  # contacts in 24 months at which a bin begins


@dataclass
class Backtest:
    """What came after an earlier cut-off. rows: customer and channel with sent, answered and one prediction a column.

    lost: channels where the channel's rate did better than the customers' own.
    """

    rows: pd.DataFrame
    lost: set[str] = field(default_factory=set)


def backtest(models: dict[str, Any], earlier: pd.DataFrame, later: pd.DataFrame) -> Backtest:
    """Foretell the later contacts' answers from the earlier ones, on channels that had contacts then."""
    rows = later[later["channel"].isin(list(models))].merge(
        earlier[["customer_id", "channel", "sent", "answered"]],
        how="left",
        on=["customer_id", "channel"],
        suffixes=("", "_before"),
    )
    rows[["sent_before", "answered_before"]] = rows[["sent_before", "answered_before"]].fillna(0).astype(int)
    for name in (OWN, RAW, USUAL):
        rows[name] = np.nan
    lost = set()
    for channel, part in rows.groupby("channel", sort=True):
        model = models[channel]
        k, n = part["answered_before"].to_numpy(), part["sent_before"].to_numpy()
        rows.loc[part.index, OWN] = model.mean(k, n)
        usual = model.responses_ / model.contacts_
        rows.loc[part.index, RAW] = np.where(n > 0, k / np.maximum(n, 1), usual).clip(CLIP, 1 - CLIP)
        rows.loc[part.index, USUAL] = min(max(usual, CLIP), 1 - CLIP)
        tested = rows.loc[part.index]
        if tested["sent"].sum() >= TESTED and log_loss(tested, OWN).sum() >= log_loss(tested, USUAL).sum():
            lost.add(channel)
    return Backtest(rows, lost)


def log_loss(rows: pd.DataFrame, name: str) -> pd.Series:
    """−ln of the probability given to the row's answers and silences, added up over its contacts."""
    return -(rows["answered"] * np.log(rows[name]) + (rows["sent"] - rows["answered"]) * np.log1p(-rows[name]))


def brier(rows: pd.DataFrame, name: str) -> pd.Series:
    """Squared error of the probability, added up over the row's contacts."""
    return rows["answered"] * (1 - rows[name]) ** 2 + (rows["sent"] - rows["answered"]) * rows[name] ** 2


def card(known: Known, frame: pd.DataFrame, models: dict[str, Any], test: Backtest, before: date) -> Card:
    """Everything there is to say about the rates. frame: learned_response with p_high and p_low."""
    made = Card(
        "responsiveness",
        "Responsiveness",
        "Which customers answer when they are contacted, on which channel?",
        "Beta-binomial empirical Bayes a channel over contacts of 24 months; called high above 1.5 times, low below "
        "half of the channel's usual rate, with at most 10 % of those called expected to be wrong",
        "1",
        *state(models, test),
        known.cut,
        int(frame["customer_id"].nunique()),
        "90 %, posterior quantiles; the doubt about the prior is in them",
    )
    if not models:
        return made
    for channel, model in models.items():
        describe(made, channel, model, frame[frame["channel"] == channel], channel in test.lost)
    score(made, test, before)
    choice(made, frame, {channel for channel in models if channel not in test.lost})
    kinds(made, known)
    intensity(made, frame)
    return made


def state(models: dict[str, Any], test: Backtest) -> tuple[str, str]:
    """State of the card, and why."""
    if not models:
        return NOT_ENOUGH, "Nobody was contacted in the 24 months before the cut-off."
    if len(test.lost) == len(models):
        return BASELINE, "On later contacts the channels' usual rates foretold answers better than customers' own."
    if test.rows["sent"].sum() < TESTED:
        return IN_USE, f"Fewer than {TESTED} contacts came after the earlier cut-off: shrunken rates are used untested."
    if test.lost:
        return IN_USE, f"Better on later contacts than usual rates, except on: {', '.join(sorted(test.lost))}."
    return IN_USE, "On contacts that came later, shrunken own rates foretold answers better than the channels' rates."


def describe(made: Card, channel: str, model: Any, rows: pd.DataFrame, lost: bool) -> None:
    """Parameters and checks of one channel."""
    logit, size = np.sqrt(np.diag(model.covariance_))
    states, pairs = rows["response_state"].value_counts(), len(rows)
    made.value(f"{channel}: usual rate", model.rate_, float(logit * model.rate_ * (1 - model.rate_)))
    made.value(f"{channel}: contacts the prior is worth", model.size_, float(size * model.size_))
    made.value(f"{channel}: answers", model.responses_)
    made.value(f"{channel}: contacts", model.contacts_)
    for name in ("high", "low", "not enough evidence"):
        made.value(f"{channel}: share {name}", int(states.get(name, 0)) / pairs)
    words = (
        f"{model.n_customers_:,} customers with {model.contacts_:,} contacts; usual rate {percent(model.rate_)}. "
        f"{' '.join(model.unknown_) or 'Customers differ from each other more than luck explains.'}"
    )
    made.checked(f"{channel}: customers differ", model.customers_differ_, words)
    unsure = int(states.get("not enough evidence", 0))
    why = " On later contacts the channel's usual rate was better, so nobody is called either." if lost else ""
    made.checked(
        f"{channel}: evidence",
        None if unsure else True,
        f"{unsure:,} of {pairs:,} customers ({percent(unsure / pairs)}) have not enough evidence to be called high or "
        f"low. That is a state, not a failure.{why}",
    )


def score(made: Card, test: Backtest, before: date) -> None:
    """Backtest, calibration and their checks."""
    rows, contacts = test.rows, int(test.rows["sent"].sum())
    if not contacts:
        made.checked(
            "backtest",
            None,
            f"Nobody was contacted in the 90 days after {before}: how well rates foretell is not known.",
        )
        return
    for name in (OWN, RAW, USUAL):
        for measure, loss in (("log loss", log_loss(rows, name)), ("Brier", brier(rows, name))):
            value, low, high = mean(loss, rows)
            made.test(before, name, measure, value, len(rows), low, high)
    gain, low, high = mean(log_loss(rows, USUAL) - log_loss(rows, OWN), rows)
    made.checked(
        "better than the channel's rate",
        gain > 0,
        f"Log loss a contact {gain:.4f} lower than with the channel's usual rate (90 %: {low:.4f} to {high:.4f}), over "
        f"{contacts:,} contacts of the 90 days after {before}, answers counted for 30 days more.",
    )
    raw = mean(log_loss(rows, RAW) - log_loss(rows, OWN), rows)[0]
    made.checked("better than the raw rate", raw > 0, f"Log loss a contact {raw:.4f} lower than with raw own rates.")
    calibrate(made, rows)


def calibrate(made: Card, rows: pd.DataFrame) -> None:
    """Foretold beside seen in bins of as many contacts each."""
    from models.quality import wilson

    ordered = rows.sort_values([OWN, "customer_id", "channel"], kind="stable")
    upto = ordered["sent"].cumsum().to_numpy()
    member = np.minimum((upto - ordered["sent"].to_numpy() / 2) / upto[-1] * BINS, BINS - 1).astype(int)
    # equal predictions share a bin
    member = pd.Series(member, index=ordered.index).groupby(ordered[OWN]).transform("min")
    inside = 0
    for number, part in ordered.groupby(member, sort=True):
        sent, answered = int(part["sent"].sum()), int(part["answered"].sum())
        low, high = wilson(answered, sent)
        predicted = float((part["sent"] * part[OWN]).sum() / sent)
        made.bin(OWN, int(number) + 1, len(part), predicted, answered / sent, float(low), float(high))
        inside += bool(low <= predicted <= high)
    foretold, seen = float((rows["sent"] * rows[OWN]).sum()), int(rows["answered"].sum())
    made.checked(
        "calibrated",
        bool(abs(foretold - seen) <= max(0.1 * seen, 3 * np.sqrt(seen + 1))),
        f"Foretold {foretold:,.0f} answers, {seen:,} came; the foretold rate lies within the interval of what came in "
        f"{inside} of {len(made.calibration)} bins.",
    )


def choice(made: Card, frame: pd.DataFrame, own: set[str]) -> None:
    """How often the calls and the rule of thumb are expected to be wrong."""
    rows = frame[frame["channel"].isin(list(own))]
    usual = rows.groupby("channel")[["answered", "sent"]].transform("sum")
    naive = rows[rows["answered"] / rows["sent"] > 1.5 * usual["answered"] / usual["sent"]]
    for name, column in (("high", "p_high"), ("low", "p_low")):
        called = rows[rows["response_state"] == name]
        wrong = float(1 - called[column].mean()) if len(called) else 0.0
        words = f"{len(called):,} called {name}; {percent(wrong)} of them are expected to be wrong."
        words = words if len(called) else f"Nobody is called {name}: nobody is known well enough."
        if name == "high" and len(naive):
            words += (
                f" The rule of thumb 'answered more than 1.5 times as often as usual' would call {len(naive):,} high, "
                f"and {percent(1 - naive['p_high'].mean())} of them would be expected to be wrong."
            )
        made.checked(f"few called {name} wrongly", wrong <= 0.1 + 1e-9 if len(called) else None, words)


def kinds(made: Card, known: Known) -> None:
    """Whether opens can be told from answers."""
    told = "contacts.response_kind" in known.feeds
    made.checked(
        "opens are not answers",
        True if told else None,
        "Answers of the kind opened, viewed, read, seen, shown, impression or delivered are not counted."
        if told
        else "The contacts do not say how customers answered (response_kind): opens among the answers would count.",
    )


def intensity(made: Card, frame: pd.DataFrame) -> None:
    """Answers a contact by how often customers were contacted: who is contacted often was chosen, so no effect."""
    from models.quality import wilson

    level = np.searchsorted(INTENSITY, frame["sent"].to_numpy(), side="right") - 1
    for (channel, _), part in frame.groupby([frame["channel"], level], sort=True):
        sent, answered = int(part["sent"].sum()), int(part["answered"].sum())
        low, high = wilson(answered, sent)
        made.point("contact intensity", channel, sent / len(part), answered / sent, float(low), float(high))


def percent(share: float) -> str:
    """In words for a check."""
    return f"{100 * float(share):.1f} %"


def mean(loss: pd.Series, rows: pd.DataFrame) -> tuple[float, float, float]:
    """Loss a contact with its 90 % interval; a customer's contacts go together (ratio estimator, Cochran 1977)."""
    sums = pd.DataFrame({"loss": loss, "sent": rows["sent"]}).groupby(rows["customer_id"], sort=True).sum()
    value = float(sums["loss"].sum() / sums["sent"].sum())
    rest = sums["loss"] - value * sums["sent"]
    half = Z * float(np.sqrt((rest**2).sum())) / float(sums["sent"].sum())
    return value, value - half, value + half
