"""ROI of single customers: shrunken toward their segment, with an interval, a place, and how sure that place is."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

LEVEL = 0.80
Z = float(ndtri((1 + LEVEL) / 2))
PRIOR_ORDERS = 2.0  # how many of the segment's orders stand beside a customer's own
MOST_MOVED = 1.0  # standard errors by which a ROI is drawn toward the segment's at most
DRAWS = 400_000  # replicate ROIs drawn in all, shared out over the customers


def rate(customers: pd.DataFrame, moments: pd.DataFrame, floor: float, seed: int = 1) -> pd.DataFrame:
    """Rate customers by ROI.

    customers: customer_id, segment, margin, cost (currency), orders (count) and margin_squared (sum of the customer's
    squared order margins, currency²; without it all customers of a segment scatter alike). moments: segment, orders,
    margin_squared. floor: smallest cost that is rated, currency.

    A customer's order margins are a compound Poisson sum, so margin_i varies by (n_i + ½) q_i: the variance a Poisson
    bootstrap of the orders has. q_i is the mean squared order margin of the customer's own orders and two of its
    segment's: large orders scatter more than small ones, and few orders cannot tell by how much. The ½ is Jeffreys'
    prior for a rate, so that a customer without orders is not certain. ROI_i is then drawn toward the
    segment's ratio of sums ρ_s by B_i = τ²/(τ² + v_i) (empirical Bayes with normals, Efron & Morris 1975, JASA 70:311).
    τ² comes from the method of moments in money, t = (Σ(net_i − ρ cost_i)² − Σ n_i q_i)/Σ cost_i², and is kept above
    zero as the mean of a normal around t cut off at zero, with t's own standard error: at τ² = 0 every interval would
    shrink to a point, however little is known (Morris 1983, JASA 78:47). ρ_s is uncertain too: that adds
    (1 − B_i)² Var(ρ_s).

    No ROI is drawn by more than its own standard error (limited translation, Efron & Morris 1972, JASA 67:130): one so
    unlike its segment keeps the interval of its own orders, because the segment tells little about it.

    Ranks go by the lower end of the 80 % interval, then margin, then key: a total order. rank_low and rank_high hold
    the customer's place in 80 of 100 replicates of that ranking, in which every customer's figure is drawn anew
    (parametric bootstrap); p_top_decile is the chance that the ROI exceeds the best tenth of drawn ROIs.
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
    rank = place(-low, part["customer_id"], -margin[rated])
    replicate = draw(low, deviation, seed)
    per_customer = len(replicate) / len(rated)
    threshold = np.quantile(draw(shrunk, deviation, seed), 0.9)
    values = {
        "roi": roi,
        "roi_shrunk": shrunk,
        "roi_low": low,
        "roi_high": high,
        "p_top_decile": ndtr((shrunk - threshold) / np.maximum(deviation, 1e-12)),
        "roi_rank": rank,
        "rank_low": np.minimum(above(replicate, low + Z * deviation) / per_customer + 1, rank),
        "rank_high": np.clip(above(replicate, low - Z * deviation) / per_customer + 1, rank, len(rated)),
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
    square = (
        (known["margin_squared"] / known["orders"].where(known["orders"] > 0)).fillna(overall).to_numpy(float)[codes]
    )
    if "margin_squared" in customers:
        square = (customers["margin_squared"].to_numpy(float) + PRIOR_ORDERS * square) / (orders + PRIOR_ORDERS)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(codes, values, len(segments))

    ratio = total(margin - cost) / total(cost)
    noise = (orders + 0.5) * square
    moment = (total((margin - cost - ratio[codes] * cost) ** 2) - total(orders * square)) / total(cost**2)
    wobble = np.sqrt(2 * total((noise + np.maximum(moment, 0.0)[codes] * cost**2) ** 2)) / total(cost**2)
    spread = positive(moment, wobble)[codes]
    variance = noise / cost**2
    ratio_variance = (total(noise + spread * cost**2) / total(cost) ** 2)[codes]
    weight = np.where(spread + variance > 0, spread / np.maximum(spread + variance, 1e-300), 1.0)
    move, most = (1 - weight) * (ratio[codes] - roi), MOST_MOVED * np.sqrt(variance)
    unlike = np.abs(move) > most  # so unlike its segment that the segment tells little about it
    deviation = np.sqrt(np.where(unlike, variance, weight * variance + (1 - weight) ** 2 * ratio_variance))
    return roi + move.clip(-most, most), deviation


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
