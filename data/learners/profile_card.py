"""The model card 'profiles': whether there are groups, how stable they are, and how many customers each rule names."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.learners.known import Known
from data.learners.profile_groups import MEASURES, Groups
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, Card


def card(known: Known, found: pd.DataFrame, frame: pd.DataFrame, groups: Groups) -> Card:
    """Everything there is to say about profiles. found: features of the buyers; frame: what was learned of them."""
    made = Card(
        "profiles",
        "Profiles",
        "Who buys alike, where does each customer stand, and what sets it apart?",
        "k-means over the logarithms of " + ", ".join(MEASURES) + ", kept only if stable between bootstrap samples and "
        "better than a cloud with one peak; recency, frequency and money by fifths of what occurs; own rhythm from the "
        "median and the 10th and 90th percentile of the gaps",
        "1",
        *state(groups),
        known.cut,
        len(found),
    )
    rules(made, found, frame, known.horizon)
    if groups.model is not None:
        stability(made, groups, known)
        if groups.k:
            described(made, found, frame)
            numbering(made, groups)
    return made


def state(groups: Groups) -> tuple[str, str]:
    """State of the card, and why."""
    if groups.model is None:
        return NOT_ENOUGH, "Fewer than 100 customers have bought on two days: whether there are groups is not known."
    if groups.k:
        return IN_USE, f"{groups.k} groups are stable, and explain more than a cloud without groups would."
    why = "No number of groups is stable between samples"
    if any(found.stable for found in groups.model.stability_):
        why = "What looks like groups is no more than a cloud without groups would show"
    return BASELINE, f"{why}: customers are slices of a continuum, and lifecycle and RFM describe them."


def stability(made: Card, groups: Groups, known: Known) -> None:
    """How far two samples agree on each number of groups, and the null."""
    model = groups.model
    for found in model.stability_:
        made.test(known.cut, f"{found.k} groups", "agreement of samples", found.mean, model.n_rows_, found.worst, None)
    best = max(model.stability_, key=lambda found: found.mean, default=None)
    if best is None:
        return
    made.checked(
        "stable",
        best.stable,
        f"Two samples agree best on {best.k} groups: adjusted Rand index {best.mean:.2f} on average, "
        f"{best.worst:.2f} in the worst tenth (0.80 and 0.70 are needed).",
    )
    tested = bool(np.isfinite(model.p_))
    made.checked(
        "better than a cloud with one peak",
        bool(model.p_ < 0.05) if tested else None,
        f"Clouds without groups explain as much of the variance as the data ({model.explained_:.0%}) with p = "
        f"{model.p_:.2f}; below 0.05 is needed."
        if tested
        else "Not asked, because no number of groups is stable.",
    )
    if tested:
        made.value("p of the null", model.p_)
        made.value("share of variance explained", model.explained_)


def described(made: Card, found: pd.DataFrame, frame: pd.DataFrame) -> None:
    """Size and medians of each profile, as parameters."""
    columns = {"gap": MEASURES[0], "since": MEASURES[1], "purchases": MEASURES[2], "spend": MEASURES[3]}
    for name, part in found.groupby(frame["profile"].to_numpy(), sort=True):
        made.value(f"{name}: customers", len(part))
        for column, words in columns.items():
            if part[column].notna().any():
                made.value(f"{name}: median {words}", float(part[column].median()))


def numbering(made: Card, groups: Groups) -> None:
    """Whether the numbers mean what they meant, and who moved."""
    if groups.moved is None:
        made.checked("numbers persist", None, "Numbered anew: a year ago there were too few customers to follow.")
        return
    stayed, all_of_them = int(np.trace(groups.moved)), int(groups.moved.sum())
    for row, counts in enumerate(groups.moved):
        for column, count in enumerate(counts):
            made.point("migration", f"profile {row + 1}", column + 1, int(count))
    made.checked(
        "numbers persist",
        True,
        f"Numbered like the groups of {groups.start}: {stayed:,} of {all_of_them:,} customers kept their number.",
    )


def rules(made: Card, found: pd.DataFrame, frame: pd.DataFrame, horizon: int) -> None:
    """How many customers each stage holds, and of how many a rhythm is known."""
    stages = frame["lifecycle"].value_counts()
    for name in sorted(stages.index):
        made.value(f"lifecycle {name}", int(stages[name]))
    known = int(frame["usual_gap_days"].notna().sum())
    made.checked(
        "own rhythm",
        known > 0,
        f"{known:,} of {len(found):,} customers have the four order days that make a rhythm; of the others the "
        f"company's horizon of {horizon} days is used.",
    )
