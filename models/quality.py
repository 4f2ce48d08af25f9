"""How good probabilities are: ranking, calibration and lift, each with an interval, and what a perfect model would get.

y: (n,) whether it happened. p: (n,) predicted probability, in [0, 1]. Ties count as halves and are never split, so that
the order of the rows changes nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn import metrics

LEVEL = 0.90
BINS = 10
ALARM = 0.95  # AUC above which a model knows more than it can
ENOUGH = 20_000  # probabilities that are drawn from for the noise of ECE; more only make it smaller by √n
CLIP = 1e-6  # the log loss counts no probability as nearer to 0 or 1

Figure = tuple[float, float, float]  # value, low, high


def auc(y: np.ndarray, p: np.ndarray) -> float:
    """Chance that who it happened to was ranked above who it did not; NaN when one of the two is empty."""
    y = np.asarray(y, dtype=int)
    return float(metrics.roc_auc_score(y, p)) if 0 < y.sum() < len(y) else np.nan


def brier(y: np.ndarray, p: np.ndarray) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return float(np.mean((np.asarray(y, float) - p) ** 2))


def brier_skill(y: np.ndarray, p: np.ndarray) -> float:
    """Share of the base rate's Brier score that is saved; the base rate is that of y itself. NaN without both kinds."""
    y = np.asarray(y, float)
    spread = float(y.mean() * (1 - y.mean()))
    return 1 - brier(y, p) / spread if spread else np.nan


def log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """−ln of the probability given to what came: (n,)."""
    p = np.clip(p, CLIP, 1 - CLIP)
    return -np.log(np.where(np.asarray(y, bool), p, 1 - p))


def equal_mass(p: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Bin of each probability, 0 to bins − 1, as equal in size as ties allow: (n,)."""
    return np.minimum(((rankdata(p) - 0.5) / len(p) * bins).astype(int), bins - 1)


def ece(y: np.ndarray, p: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: mean of |predicted − observed| over bins of equal mass, weighted by their size."""
    return float(np.abs(np.bincount(equal_mass(p, bins), np.asarray(y, float) - p)).sum() / len(p))


def ece_floor(p: np.ndarray, draws: int = 400, bins: int = BINS, seed: int = 1) -> tuple[float, float]:
    """Mean and 95th percentile of the ECE that these probabilities would have if they were exactly true.

    Outcomes are drawn from the probabilities. Above 20,000 customers an evenly spaced part is drawn from, and the
    noise, which shrinks by √n, is scaled down.
    """
    p = np.sort(np.asarray(p, float))
    part = p if len(p) <= ENOUGH else p[((np.arange(ENOUGH) + 0.5) * len(p) / ENOUGH).astype(int)]
    member, rng = equal_mass(part, bins), np.random.default_rng(seed)
    found = [np.abs(np.bincount(member, (rng.random(len(part)) < part) - part)).sum() for _ in range(draws)]
    scaled = np.array(found) / len(part) * np.sqrt(len(part) / len(p))
    return float(scaled.mean()), float(np.quantile(scaled, 0.95))


def lift(y: np.ndarray, p: np.ndarray, share: float = 0.1) -> float:
    """How many times the base rate it happened in the top share of the ranking; at a tie, their mean counts."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    if not y.any():
        return np.nan
    top = int(np.ceil(share * len(p)))
    border = np.partition(p, len(p) - top)[len(p) - top]
    above, tied = p > border, p == border
    return float((y[above].sum() + (top - above.sum()) * y[tied].mean()) / top / y.mean())


def wilson(k: Any, n: Any, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of a share of which k of n were seen (Wilson 1927)."""
    z = ndtri((1 + level) / 2)
    k, n = np.asarray(k, float), np.asarray(n, float)
    centre, half = (k + z * z / 2) / (n + z * z), z / (n + z * z) * np.sqrt(k * (n - k) / n + z * z / 4)
    return np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)


def reliability(y: np.ndarray, p: np.ndarray, bins: int = BINS, level: float = LEVEL) -> pd.DataFrame:
    """Predicted beside observed, by bins of equal mass: bin (from 1), customers, predicted, observed, low, high."""
    member = equal_mass(p, bins)
    sizes = np.bincount(member)
    full = np.flatnonzero(sizes)
    n, k = sizes[full], np.bincount(member, np.asarray(y, float))[full]
    low, high = wilson(k, n, level)
    return pd.DataFrame(
        {"bin": np.arange(len(full)) + 1, "customers": n, "predicted": np.bincount(member, p)[full] / n}
        | {"observed": k / n, "low": low, "high": high}
    )


def around(p: np.ndarray, seen: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the share to whom it happens among those with probability p: (n,) each.

    seen: the reliability of the same model on what came after an earlier cut-off. Each bin tells how far what came may
    have been from what was predicted; between the bins it is interpolated. It reaches as far to both sides: a model
    that foretold too little last time may foretell too much the next.
    """
    ends = (seen[end] - seen["predicted"] for end in ("low", "high"))
    reach = np.maximum(*(np.abs(np.interp(p, seen["predicted"], end)) for end in ends))
    return np.clip(p - reach, 0, 1), np.clip(p + reach, 0, 1)


def thresholds(y: np.ndarray, p: np.ndarray, at: np.ndarray) -> pd.DataFrame:
    """When all with p ≥ threshold are contacted: threshold, contacted (share), precision, recall; NaN for 0/0."""
    y, order = np.asarray(y, float), np.argsort(p, kind="stable")
    first = np.searchsorted(np.asarray(p)[order], at, side="left")
    hits = np.r_[np.cumsum(y[order][::-1])[::-1], 0.0][first]
    chosen = len(order) - first
    with np.errstate(invalid="ignore"):
        precision, recall = hits / chosen, hits / np.float64(y.sum())
    return pd.DataFrame(
        {"threshold": at, "contacted": chosen / len(order), "precision": precision, "recall": recall},
    )


def auc_error(y: np.ndarray, p: np.ndarray) -> float:
    """Standard error of the AUC (DeLong, DeLong & Clarke-Pearson 1988, by midranks: Sun & Xu 2014)."""
    y = np.asarray(y, bool)
    ranks, own = rankdata(p), np.empty(len(p))
    for kind in (y, ~y):
        own[kind] = rankdata(np.asarray(p)[kind])
    lost, kept = int(y.sum()), int((~y).sum())
    if min(lost, kept) < 2:
        return np.nan
    above, below = (ranks - own)[y] / kept, (ranks - own)[~y] / lost
    return float(np.sqrt(above.var(ddof=1) / lost + below.var(ddof=1) / kept))


def measures(y: np.ndarray, p: np.ndarray, level: float = LEVEL) -> dict[str, Figure]:
    """auc, brier, brier_skill, log_loss, ece, ece_floor and lift, each with its interval.

    AUC by DeLong, means by their standard error, the Brier skill by the delta method, the lift by Wilson with the base
    rate taken as known. ECE has no interval: it is never below its own noise, so ece_floor stands beside it, mean and 0
    to 95th percentile for a perfect model.
    """
    y, p = np.asarray(y, float), np.asarray(p, float)
    z, n, base = float(ndtri((1 + level) / 2)), len(y), float(np.mean(y))
    errors, losses, spread = (y - p) ** 2, log_losses(y, p), base * (1 - base)

    def mean(values: np.ndarray, error: float | None = None) -> Figure:
        half = z * (values.std() / np.sqrt(n) if error is None else error)
        return float(values.mean()), float(values.mean() - half), float(values.mean() + half)

    area, sure = auc(y, p), z * auc_error(y, p)
    skill = brier_skill(y, p)
    # (y − ȳ)² is the base rate's loss; its slope by ȳ is zero at ȳ
    doubt = z * float((errors - (1 - skill) * (y - base) ** 2).std()) / np.sqrt(n) / spread if spread else np.nan
    top = int(np.ceil(0.1 * n))
    best = lift(y, p)
    ends = [float(end) / base if base else np.nan for end in wilson(best * base * top if base else 0.0, top, level)]
    floor = ece_floor(p)
    return {
        "auc": (
            area,
            max(area - sure, 0.0) if sure == sure else np.nan,
            min(area + sure, 1.0) if sure == sure else np.nan,
        ),
        "brier": mean(errors),
        "brier_skill": (skill, skill - doubt, skill + doubt),
        "log_loss": mean(losses),
        "ece": (ece(y, p), np.nan, np.nan),
        "ece_floor": (floor[0], 0.0, floor[1]),
        "lift": (best, ends[0], ends[1]),
    }


def leak_alarm(y: np.ndarray, p: np.ndarray, columns: pd.DataFrame | None = None) -> str | None:
    """A sentence when the model knows more than it can, with the columns that know it alone; else None."""
    found = auc(y, p)
    if not found > ALARM:
        return None
    alone = {} if columns is None else {name: auc(y, columns[name].fillna(columns[name].median())) for name in columns}
    guilty = [name for name, value in alone.items() if max(value, 1 - value) > ALARM]
    where = f" These columns alone rank as well: {', '.join(guilty)}." if guilty else ""
    return (
        f"AUC {found:.3f} is above {ALARM}: who is lost is known too well to be a forecast. Something may be in the "
        f"columns that was recorded after the cut-off.{where}"
    )
