"""Which of several candidates to use, by their losses on the same held-out customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Choice:
    """Which candidate is used. best: the one with the smallest loss. baseline: the best of the rules.

    gain: what the one in use saves against the baseline (what the best would save, when the baseline is used), with its
    standard error.
    """

    name: str
    best: str
    baseline: str
    gain: float
    error: float

    @property
    def won(self) -> bool:
        """Whether a model is used, and not a rule."""
        return self.name != self.baseline

    def __str__(self) -> str:
        if self.best == self.baseline:
            return f"No model has a smaller Brier score than the rule ({self.baseline}), so the rule is used."
        whose = self.name if self.won else self.best
        saved = f"{whose} has a Brier score {self.gain:.4f} (± {self.error:.4f}) below that of {self.baseline}"
        if not self.won:
            return f"{saved}: no more than chance allows, so {self.baseline} is used."
        return f"{saved}." if self.name == self.best else f"{saved}; {self.best} is no better than chance allows."


def choose(losses: Mapping[str, np.ndarray], baselines: Sequence[str]) -> Choice:
    """The simplest candidate whose mean loss is within one standard error of the smallest (Breiman et al. 1984).

    losses: squared errors of each candidate on the same held-out customers, (n,) each, simplest first. Differences are
    paired: their standard error is that of the customers' differences. So a model is used only when it wins by more
    than its standard error against every baseline.
    """
    mean = {name: float(np.mean(loss)) for name, loss in losses.items()}
    best = min(mean, key=mean.__getitem__)
    baseline = min((name for name in losses if name in baselines), key=mean.__getitem__)

    def saved(of: str, against: str) -> tuple[float, float]:
        difference = losses[against] - losses[of]
        if len(difference) < 2:
            return float(difference.mean()), np.inf
        return float(difference.mean()), float(difference.std(ddof=1) / np.sqrt(len(difference)))

    def close(name: str) -> bool:
        gain, error = saved(best, name)
        return gain <= error

    name = next(name for name in losses if close(name))
    if name in baselines:
        name = baseline
    return Choice(name, best, baseline, *saved(best if name == baseline else name, baseline))
