"""The benchmark of the purchase models: fit and score beside lifetimes 0.11.3, in one run, and the whole learner.

    python -m tests.bench_models [--customers 2357 100000 1000000 10000000] [--to bench-models.json]

Seconds on a shared machine mean little; ratios within one run do. Each measured piece runs in a process of its own, on
customers that are drawn once (CDNOW's own at 2,357 where they are at hand).
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tests import purchases

ROOT = Path(__file__).parent.parent
MODELS = ("BG/NBD", "MBG/NBD", "Pareto/NBD", "Gamma-Gamma")
PEER_UP_TO = {"BG/NBD": 1_000_000, "MBG/NBD": 1_000_000, "Pareto/NBD": 100_000, "Gamma-Gamma": 1_000_000}
OWED = {
    ("BG/NBD", 1_000_000): 50,
    ("MBG/NBD", 1_000_000): 50,
    ("Pareto/NBD", 100_000): 75,
    ("Gamma-Gamma", 1_000_000): 50,
}
CDNOW, LEARNED = 2_357, 1_000_000
DISCOUNT = math.log(1.15) / (365.25 / 7)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[CDNOW, 100_000, 1_000_000, 10_000_000])
    parser.add_argument("--learned", type=int, default=LEARNED, help="customers of the whole learner; 0 leaves it out")
    parser.add_argument("--to", type=Path, default=Path("bench-models.json"))
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        who, model, file = options.part
        {"ours": ours, "lifetimes": theirs, "learner": learner}[who](model, file)
        return
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for customers in options.customers:
            file = Path(scratch) / f"{customers}.npz"
            np.savez(file, **drawn(customers))
            for model in MODELS:
                row = {"model": model, "customers": customers} | measured("ours", model, file)
                if customers <= PEER_UP_TO[model]:
                    row["peer"] = measured("lifetimes", model, file)
                    row["ratio_fit"] = row["peer"]["fit"] / row["fit"]
                    row["gained"] = (row["log_likelihood"] - row["peer"]["log_likelihood"]) / abs(row["log_likelihood"])
                rows.append(row)
                show(row)
        whole = measured("learner", "value", options.learned) if options.learned else {}
    if whole:
        print(
            f"learner of value, {options.learned:,} customers: {whole['fit']:.1f} s ({whole['cpu']:.1f} s of processor), {whole['peak_mib']:,.0f} MiB"
        )
    options.to.write_text(json.dumps({"models": rows, "learner": whole}, indent=1))


def show(row: dict) -> None:
    owed = OWED.get((row["model"], row["customers"]))
    line = f"{row['model']:12} {row['customers']:>10,}  fit {row['fit']:8.4f} s  score {row['score']:7.3f} s  {row['peak_mib']:6,.0f} MiB"
    if "peer" in row:
        line += f"  lifetimes {row['peer']['fit']:8.3f} s  ratio {row['ratio_fit']:6.1f}" + (
            f" (owed {owed})" if owed else ""
        )
        line += f"  log-likelihood gained {row['gained']:+.1e}"
    print(line, flush=True)


def measured(who: str, model: str, file: object) -> dict:
    """Run one piece in a process of its own: what its last line says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_models", "--part", who, model, str(file)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{who} {model} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def drawn(customers: int) -> dict[str, np.ndarray]:
    """x, t_x, T in weeks of whole days, and mean spend m."""
    if customers == CDNOW:
        try:
            orders = purchases.cdnow()
        except pytest.skip.Exception:
            pass
        else:
            frame = purchases.histories(orders, "1997-09-30")
            past = orders[orders["day"] <= "1997-09-30"].groupby(["customer", "day"], as_index=False)["spend"].sum()
            repeat = past[past["day"] > past.groupby("customer")["day"].transform("min")]
            m = repeat.groupby("customer")["spend"].mean().reindex(frame.index, fill_value=0)
            return {
                "x": frame["x"].to_numpy(),
                "t_x": frame["t_x"].to_numpy(),
                "T": frame["T"].to_numpy(),
                "m": m.to_numpy(),
            }
    x, t_x, T, _ = purchases.simulate("pareto", (0.55, 10.6, 0.61, 11.7), customers, seed=1)
    nu = np.random.default_rng(2).gamma(3.74, 1 / 15.4, customers)
    m = np.where(x > 0, np.random.default_rng(3).gamma(6.25 * np.maximum(x, 1), 1 / (nu * np.maximum(x, 1))), 0.0)
    return {"x": x, "t_x": np.floor(t_x * 7) / 7, "T": np.ceil(T * 7) / 7, "m": m}


def ours(model: str, file: str) -> None:
    """Fit and score with models/."""
    from models.bg_nbd import BetaGeometric
    from models.gamma_gamma import GammaGamma
    from models.mbg_nbd import ModifiedBetaGeometric
    from models.pareto_nbd import ParetoNBD

    data = np.load(file)
    x, t_x, T, m = (data[name] for name in ("x", "t_x", "T", "m"))
    kind = {
        "BG/NBD": BetaGeometric,
        "MBG/NBD": ModifiedBetaGeometric,
        "Pareto/NBD": ParetoNBD,
        "Gamma-Gamma": GammaGamma,
    }[model]
    few = (x[:500], m[:500]) if model == "Gamma-Gamma" else (x[:500], t_x[:500], T[:500])
    warm = kind().fit(*few)  # libraries are loaded before the clock starts
    if model != "Gamma-Gamma":
        warm.dert(DISCOUNT, *few)
    times = []
    for _ in range(3 if len(x) <= 1_000_000 else 1):
        began = time.perf_counter()
        fitted = kind().fit(x, m) if model == "Gamma-Gamma" else kind().fit(x, t_x, T)
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    if model == "Gamma-Gamma":
        fitted.expected_spend(x, m)
    else:
        from models.histories import pack

        key, _ = pack(x, t_x, T)
        _, first, row = np.unique(key, return_index=True, return_inverse=True)
        columns = x[first], t_x[first], T[first]
        for name, arguments in (("p_no_purchase", (13.0,)), ("expected_purchases", (52.18,)), ("dert", (DISCOUNT,))):
            getattr(fitted, name)(*arguments, *columns)[row]
    tell(sorted(times)[len(times) // 2], time.perf_counter() - began, fitted.log_likelihood_)


def theirs(model: str, file: str) -> None:
    """Fit with lifetimes, as its documentation says; the likelihood of what it finds is worked out by our formula."""
    import lifetimes

    from models import bg_nbd, gamma_gamma, mbg_nbd, pareto_nbd

    warnings.simplefilter("ignore")
    data = np.load(file)
    x, t_x, T, m = (data[name] for name in ("x", "t_x", "T", "m"))
    began = time.perf_counter()
    if model == "Gamma-Gamma":
        used = (x > 0) & (m > 0)
        fitted = lifetimes.GammaGammaFitter().fit(x[used], m[used])
        spent, values = time.perf_counter() - began, fitted.params_[["p", "q", "v"]].to_numpy()
        tell(spent, 0.0, float(gamma_gamma.log_likelihood(values, x[used], m[used]).sum()))
        return
    kind, formula, names = {
        "BG/NBD": (lifetimes.BetaGeoFitter, bg_nbd, ["r", "alpha", "a", "b"]),
        "MBG/NBD": (lifetimes.ModifiedBetaGeoFitter, mbg_nbd, ["r", "alpha", "a", "b"]),
        "Pareto/NBD": (lifetimes.ParetoNBDFitter, pareto_nbd, ["r", "alpha", "s", "beta"]),
    }[model]
    fitted = kind().fit(x, t_x, T)
    spent = time.perf_counter() - began
    block = range(0, len(x), 10_000)
    values = fitted.params_[names].to_numpy()
    parts = (slice(i, i + 10_000) for i in block)
    tell(spent, 0.0, sum(float(formula.log_likelihood(values, x[p], t_x[p], T[p]).sum()) for p in parts))


def learner(model: str, customers: str) -> None:
    """learned_value as a build makes it: three years of purchases, contacts, four cut-offs, all scores and the card."""
    import duckdb
    import pandas as pd

    from data.learners import value
    from data.learners.known import Known

    last, many = date(2025, 12, 31), int(customers)
    rng = np.random.default_rng(1)
    age = rng.integers(1, 1_095, many)
    rate, leaves = rng.gamma(0.7, 1 / 42, many), rng.gamma(0.7, 1 / 280, many)
    life, now, there = rng.exponential(1 / np.maximum(leaves, 1e-12)), np.zeros(many), np.arange(many)
    who, ago = [there], [age]
    while len(there):
        now[there] += rng.exponential(1 / np.maximum(rate[there], 1e-300))
        there = there[(now[there] <= age[there]) & (now[there] < life[there])]
        who.append(there)
        ago.append(age[there] - np.floor(now[there]).astype(int))
    bought = pd.DataFrame({"who": np.concatenate(who), "ago": np.concatenate(ago)})
    bought["revenue"] = rng.gamma(3, 20, len(bought)).round(2)
    con = duckdb.connect()
    con.execute("set memory_limit = '4GiB'")
    con.register("bought", bought)
    con.execute(
        "create table purchase_day as select customer_id, day, day as known_day, sum(revenue)::decimal(18, 4) as revenue, "
        "sum(revenue * 0.3)::decimal(18, 4) as margin, 1 as purchases from (select printf('C%08d', who) as customer_id, "
        "$last - cast(ago as integer) as day, revenue from bought) bought_day group by customer_id, day",
        {"last": last},
    ).fetchall()
    con.execute(
        "create table contact_day as select customer_id, day, known_day, 1.5::decimal(18, 4) as cost, "
        "0::decimal(18, 4) as service_cost from purchase_day"
    ).fetchall()
    con.execute(
        "create table feed_customers as select distinct customer_id, if(hash(customer_id) % 3 = 0, 'a', 'b') as segment "
        "from purchase_day"
    ).fetchall()
    del bought, who, ago
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, worked = time.perf_counter(), time.process_time()
    value.learn(con, Known(1.0, last, 90, False, frozenset({"lines.cost"}), lambda _: None))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {"fit": time.perf_counter() - began, "cpu": time.process_time() - worked, "mib_before": before}
    print(json.dumps(told | {"peak_mib": peak}))


def tell(fit: float, score: float, log_likelihood: float) -> None:
    """One line for the process that asked."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"fit": fit, "score": score, "log_likelihood": log_likelihood, "peak_mib": peak}))


if __name__ == "__main__":
    main()
