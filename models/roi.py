"""ROI of single customers: shrunken toward their segment, with an interval, a place, and how sure that place is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

LEVEL = 0.80
Z = float(ndtri((1 + LEVEL) / 2))
DRAWS = 400_000  # replicate ROIs drawn in all, shared out over the customers


def rate(customers: pd.DataFrame, moments: pd.DataFrame, floor: float, seed: int = 1) -> pd.DataFrame:
    """Rate customers by ROI.

    customers: customer_id, segment, margin, cost (currency), orders (count). moments: segment, orders, margin_squared
    (sum of squared order margins, currency²). floor: smallest cost that is rated, currency.

    A customer's order margins are a compound Poisson sum, so margin_i varies by (n_i + ½) q_s, q_s the segment's mean
    squared order margin: the variance a Poisson bootstrap of the orders has, steadied over the segment; the ½ is
    Jeffreys' prior for a rate, so that a customer without orders is not certain. ROI_i is then drawn toward the
    segment's ratio of sums ρ_s by B_i = τ²/(τ² + v_i) (empirical Bayes with normals, Efron & Morris 1975, JASA 70:311).
    τ² comes from the method of moments in money, t = (Σ(net_i − ρ cost_i)² − Σ n_i q)/Σ cost_i², and is kept above zero
    as the mean of a normal around t cut off at zero, with t's own standard error: at τ² = 0 every interval would shrink
    to a point, however little is known (Morris 1983, JASA 78:47). ρ_s is uncertain too: that adds (1 − B_i)² Var(ρ_s).

    Ranks go by the lower end of the 80 % interval, then margin, then key: a total order. rank_low and rank_high are the
    places of the interval's ends among ROIs drawn once for every customer (parametric bootstrap), p_top_decile the
    chance to exceed the best tenth of them.
    """
    margin, cost = (customers[name].to_numpy(float) for name in ("margin", "cost"))
    state = np.where(cost <= 0, "no investment", np.where(cost < floor, "too little invested", "rated"))
    rated = np.flatnonzero(state == "rated")
    result = pd.DataFrame({"customer_id": customers["customer_id"], "roi_state": state})
    columns = ("roi", "roi_shrunk", "roi_low", "roi_high", "p_top_decile", "roi_rank", "rank_low", "rank_high")
    for name in columns:
        result[name] = np.nan
    result["margin_rank"] = place(-margin, result["customer_id"])
    if not rated.size:
        return result
    part = customers.iloc[rated]
    roi = (margin[rated] - cost[rated]) / cost[rated]
    shrunk, deviation = shrink(part, moments, roi)
    low, high = shrunk - Z * deviation, shrunk + Z * deviation
    replicate = draw(shrunk, deviation, seed)
    per_customer = len(replicate) / len(rated)
    threshold = replicate[int(0.9 * len(replicate))]
    values = {
        "roi": roi,
        "roi_shrunk": shrunk,
        "roi_low": low,
        "roi_high": high,
        "p_top_decile": ndtr((shrunk - threshold) / np.maximum(deviation, 1e-12)),
        "roi_rank": place(-low, part["customer_id"], -margin[rated]),
        "rank_low": above(replicate, high) / per_customer + 1,
        "rank_high": np.minimum(above(replicate, low) / per_customer + 1, len(rated)),
    }
    for name in columns:
        filled = result[name].to_numpy(copy=True)
        filled[rated] = np.floor(values[name]) if name.startswith("rank_") else values[name]
        result[name] = filled
    return result


def shrink(customers: pd.DataFrame, moments: pd.DataFrame, roi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior mean and standard deviation of each ROI, one normal prior a segment."""
    codes, segments = pd.factorize(customers["segment"])
    margin, cost, orders = (customers[name].to_numpy(float) for name in ("margin", "cost", "orders"))
    known = moments.set_index("segment").reindex(segments)
    overall = moments["margin_squared"].sum() / max(moments["orders"].sum(), 1)
    square = (known["margin_squared"] / known["orders"].where(known["orders"] > 0)).fillna(overall).to_numpy(float)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(codes, values, len(segments))

    ratio = total(margin - cost) / total(cost)
    noise = (orders + 0.5) * square[codes]
    moment = (total((margin - cost - ratio[codes] * cost) ** 2) - total(orders * square[codes])) / total(cost**2)
    wobble = np.sqrt(2 * total((noise + np.maximum(moment, 0.0)[codes] * cost**2) ** 2)) / total(cost**2)
    spread = positive(moment, wobble)[codes]
    variance = noise / cost**2
    ratio_variance = (total(noise + spread * cost**2) / total(cost) ** 2)[codes]
    weight = np.where(spread + variance > 0, spread / np.maximum(spread + variance, 1e-300), 1.0)
    return ratio[codes] + weight * (roi - ratio[codes]), np.sqrt(weight * variance + (1 - weight) ** 2 * ratio_variance)


def positive(estimate: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Mean of a normal around the estimate, cut off at zero: the estimate itself where it is sure, and never zero."""
    sure = 30.0  # standard errors; beyond, the tail is below what a float holds
    z = np.divide(estimate, error, out=np.full(len(estimate), sure), where=error > estimate / sure).clip(-sure, sure)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    return np.where(z < sure, error * (z + density / ndtr(z)), estimate)


def draw(mean: np.ndarray, deviation: np.ndarray, seed: int) -> np.ndarray:
    """Sorted ROIs drawn for every customer, the more often the fewer they are, whatever the order of the rows."""
    order = np.lexsort((deviation, mean))
    mean, deviation = mean[order], deviation[order]
    times = int(np.clip(DRAWS // len(mean), 1, 200))
    normal = np.random.default_rng(seed).standard_normal((times, len(mean)), dtype=np.float32)
    return np.sort((mean + deviation * normal).ravel())


def above(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """How many of the ordered values exceed each value."""
    return len(ordered) - np.searchsorted(ordered, values, side="right")


def place(first: np.ndarray, key: pd.Series, second: np.ndarray | None = None) -> np.ndarray:
    """1 for the smallest: by first, then second, then key."""
    keys = key.to_numpy(str) if len(key) < 2 else pd.factorize(key, sort=True)[0]
    order = np.lexsort((keys, first) if second is None else (keys, second, first))
    ranks = np.empty(len(order))
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks
