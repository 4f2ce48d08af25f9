"""Purchases for tests of the purchase models: a published sample, and customers whose parameters are known."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.histories import from_days

SAMPLE = "CDNOW_sample.txt"


def cdnow() -> pd.DataFrame:
    """CDNOW's sample: customer, day, spend (dollars) of every order of 2,357 customers over 78 weeks."""
    package = find_spec("lifetimes")
    folders = [Path(__file__).parents[2] / "shared" / "data"]
    folders += [Path(place) / "datasets" for place in (package.submodule_search_locations or [])] if package else []
    files = [folder / SAMPLE for folder in folders if (folder / SAMPLE).is_file()]
    if not files:
        pytest.skip(f"no {SAMPLE}: it is in ../shared/data or in the package lifetimes")
    rows = [line.split() for line in files[0].read_text().splitlines() if line.strip()]
    days = pd.to_datetime([row[2] for row in rows], format="%Y%m%d")
    return pd.DataFrame({"customer": [row[1] for row in rows], "day": days, "spend": [float(row[4]) for row in rows]})


def histories(orders: pd.DataFrame, end: str) -> pd.DataFrame:
    """customer, x, t_x, T (weeks) from the orders until the end."""
    keys, x, t_x, T = from_days(orders["customer"].to_numpy(), orders["day"].to_numpy(), end)
    return pd.DataFrame({"x": x, "t_x": t_x, "T": T}, index=keys)


def simulate(model: str, parameters: tuple, customers: int, seed: int, h: float = 0.0):
    """x, t_x, T (weeks), and purchases in (T, T + h], in continuous time, of customers who came over 26 weeks."""
    rng = np.random.default_rng(seed)
    r, alpha, *dropout = parameters
    T = rng.uniform(26, 52, customers)
    rate = rng.gamma(r, 1 / alpha, customers)
    life = np.full(customers, np.inf)
    stay = np.zeros(customers)
    if model == "pareto":
        life = rng.exponential(1 / np.maximum(rng.gamma(dropout[0], 1 / dropout[1], customers), 1e-12))
    elif model in ("bg", "mbg"):
        stay = rng.beta(*dropout, customers)
    x, later, t_x = np.zeros(customers, int), np.zeros(customers, int), np.zeros(customers)
    now = np.zeros(customers)
    alive = rng.random(customers) >= stay if model == "mbg" else np.ones(customers, bool)
    while alive.any():
        now = now + rng.exponential(1 / np.maximum(rate, 1e-300))
        alive &= (now < T + h) & (now < life)
        before = alive & (now <= T)
        x += before
        later += alive & ~before
        t_x = np.where(before, now, t_x)
        alive &= rng.random(customers) >= stay
    return x, t_x, T, later
