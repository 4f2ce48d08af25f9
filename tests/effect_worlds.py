"""Worlds with planted effects of contacts: customers, what is known of them, campaigns that held some out at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.learners.effect_trial import Bands, traits
from models.effect import Effects, Trial, settled
from models.effect_parts import FOLDS


@dataclass(frozen=True)
class World:
    """rows: orders, revenue, days_since of each customer; truth: (n, c) effect of a contact; trials: one a channel."""

    rows: dict[str, np.ndarray]
    traits: np.ndarray
    segment: np.ndarray
    segments: int
    fold: np.ndarray
    truth: np.ndarray
    trials: list[Trial]

    def learned(self) -> list[Effects]:
        """What the tests say, by channel."""
        found = [Effects(trial, self.segments) for trial in self.trials]
        settled(found)
        return found


def people(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    """Customers as they are: few order often, a third not for a year."""
    orders = rng.poisson(rng.gamma(0.8, 5.0, n))
    revenue = orders * rng.gamma(4, 12.0, n)
    days = np.where(
        orders > 0, np.minimum(rng.exponential(200 / np.maximum(orders, 1)), 364), 365 + rng.exponential(300, n)
    )
    return {"orders": orders, "revenue": revenue, "days_since": np.floor(days)}


def world(
    seed: int,
    n: int,
    effects: list[tuple[float, float]],
    campaigns: int = 2,
    p: float = 0.5,
    share: float = 1.0,
    noise: float = 6.0,
    skewed: bool = False,
) -> World:
    """One world. effects: (mean, spread between customers) by channel; spread goes with recency and frequency.

    Every campaign draws this share of the customers and treats them with chance p. Outcomes rise with what customers
    bought before. skewed: most have none at all, and few a large one, as margins are.
    """
    rng = np.random.default_rng(seed)
    rows = people(rng, n)
    x, bands = traits(rows), Bands.of(rows)
    segment, fold = bands.segment(rows), rng.integers(0, FOLDS, n)
    worth = 2 * x[:, 0] + 3 * x[:, 2]
    directions = (x[:, 2] - x[:, 0], x[:, 3], x[:, 0])
    truth, trials = np.empty((n, len(effects))), []
    for c, (mean, spread) in enumerate(effects):
        way = directions[c % len(directions)]
        truth[:, c] = mean + spread * (way - way.mean()) / way.std()
        drawn = [np.flatnonzero(rng.random(n) < share) for _ in range(campaigns)]
        who, campaign = np.concatenate(drawn), np.repeat(np.arange(campaigns), [len(one) for one in drawn])
        order = np.lexsort([campaign, who, fold[who]])
        who, campaign = who[order], campaign[order]
        treated = rng.random(len(who)) < p
        expected = worth[who] + truth[who, c] * treated
        if skewed:
            size = rng.gamma(1.5, 12.0, len(who))
            outcome = size * (rng.random(len(who)) < np.clip((expected + 2) / 18, 0, 1)) - 2
        else:
            outcome = expected + rng.normal(0, noise, len(who))
        before = np.column_stack([rows["orders"][who], rows["revenue"][who]]).astype(float)
        trials.append(
            Trial(outcome, treated, np.full(len(who), p), x[who], before, campaign, segment[who], who, fold[who])
        )
    return World(rows, x, segment, len(bands), fold, truth, trials)
