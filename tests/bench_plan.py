"""The benchmark of channel plans: ours, linear programs by HiGHS and OR-tools, and the usual rule of thumb, in one run.

    python -m tests.bench_plan [--customers 10000 100000 1000000] [--limit 300] [--pieces NAME ...] [--to bench-plan.json]

Seconds on a shared machine mean little; ratios within one run do, and seconds of processor time ("cpu", of all
repetitions and of building the program). Each piece runs in a process of its own. Ours is timed
from raw arrays to a plan with bound, reasons and regrets; the others solve the program of divisible customers, which is
not yet a plan, and are timed without building it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from models.assignment import Plan, Terms, frontier, solve
from tests.plan_cases import Case, case, highs_of, limits, program, value_by
from tests.timing import median

ROOT = Path(__file__).parent.parent
OURS, RULE, FRONTIER = "channel plan", "best channel, cut at the budget", "frontier"
EXACT = ("HiGHS interior point", "HiGHS simplex", "OR-tools GLOP")
PIECES = (OURS, RULE, FRONTIER, *EXACT, "OR-tools PDLP")
OWED = 10  # times the fastest exact linear program at the largest size
MOST_FRONTIER = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, nargs="+", default=[10_000, 20_000, 100_000, 1_000_000])
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that another solver may take")
    parser.add_argument("--pieces", choices=PIECES, nargs="+", default=PIECES)
    parser.add_argument("--to", type=Path, default=Path("bench-plan.json"))
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(measure(options.part[0], int(options.part[1]), options.limit)))
        return
    rows = []
    for customers in options.customers:
        here = []
        for piece in options.pieces:
            if piece == FRONTIER and customers > MOST_FRONTIER:
                continue
            here.append({"piece": piece, "customers": customers} | measured(piece, customers, options.limit))
            show(here[-1])
        rows += [*here, *([compared(customers, here)] if OURS in options.pieces else [])]
    options.to.write_text(json.dumps(rows, indent=1))


def compared(customers: int, rows: list[dict]) -> dict:
    """Ours beside the fastest exact program of the same size, where one ended in time."""
    ours = next(row["seconds"] for row in rows if row["piece"] == OURS)
    ended = {row["piece"]: row["seconds"] for row in rows if row["piece"] in EXACT and row["value"] is not None}
    if not ended:
        print(f"{customers:,} customers: no exact program ended in time", flush=True)
        return {"customers": customers, "fastest": None}
    fastest = min(ended, key=lambda piece: ended[piece])
    ratio = ended[fastest] / ours
    print(f"{customers:,} customers: {fastest} takes {ratio:.1f} times as long (goal {OWED})", flush=True)
    return {"customers": customers, "fastest": fastest, "ratio": ratio}


def show(row: dict) -> None:
    line = f"{row['piece']:32} {row['customers']:>9,} customers  {row['seconds']:9.3f} s, cpu {row['cpu']:8.2f}"
    line += f"  {row['mib_before']:6,.0f} MiB before, peak {row['peak_mib']:6,.0f}"
    line += "  not done in time" if row["value"] is None else f"  value {row['value']:,.3f}"
    print(line + (f"  gap {row['gap']:.1e}" if "gap" in row else ""), flush=True)


def measured(piece: str, customers: int, limit: float) -> dict:
    """Run one piece in a process of its own: what its last line says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_plan", "--limit", str(limit), "--part", piece, str(customers)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{piece} of {customers} customers failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure(piece: str, customers: int, limit: float) -> dict:
    """Seconds, value (None = not done in time), gap of ours, and memory before and at the peak."""
    some, terms = case("responses", customers), limits(customers)
    told: dict = {"mib_before": memory()}
    began = time.process_time()
    if piece in (OURS, FRONTIER):
        found: list = []
        work = solve if piece == OURS else frontier
        times = 9 if customers <= MOST_FRONTIER else 3
        told["seconds"] = median(lambda: found.append(work(some.effect, some.cost, some.allowed, terms)), times)
        if isinstance(found[-1], Plan):
            told |= {"value": found[-1].value, "gap": found[-1].gap}
        else:
            told |= {"value": found[-1][-1][1], "gap": max((b - v) / b for _, v, b in found[-1][1:])}
    elif piece == RULE:
        values: list[float] = []
        told["seconds"] = median(lambda: values.append(rule_of_thumb(some, terms)), 3)
        told |= {"value": values[-1], "gap": 1 - values[-1] / solve(some.effect, some.cost, some.allowed, terms).bound}
    else:
        told |= (
            by_highs(piece, some, terms, limit) if piece.startswith("HiGHS") else by_ortools(piece, some, terms, limit)
        )
    return told | {"cpu": time.process_time() - began, "peak_mib": memory()}


def memory() -> float:
    """MiB at the peak of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def rule_of_thumb(some: Case, terms: Terms) -> float:
    """Everybody's best channel, the best first, as long as there is room and money: what that is worth."""
    worth = np.where(some.allowed, some.effect - some.cost / 10_000, -np.inf)
    best = worth.argmax(axis=1)
    earned, spent = worth[np.arange(len(best)), best], some.cost[best]
    found = []
    for rank in (earned, earned / spent):  # by what they earn, and by what they return: the better of both
        order = np.argsort(-rank, kind="stable")
        order = order[earned[order] > 0]
        for c, room in enumerate(terms.capacity):
            if room is not None:
                order = order[(best[order] != c) | (np.cumsum(best[order] == c) <= room)]
        found.append(float(earned[order][np.cumsum(spent[order]) <= terms.budget].sum()))
    return max(found)


def by_highs(piece: str, some: Case, terms: Terms, limit: float) -> dict:
    """The program by HiGHS; interior point without a crossover, which only a bound does not need."""
    chosen = {"solver": "ipm", "run_crossover": "off"} if "interior" in piece else {"solver": "simplex"}
    highs = highs_of(program(some, terms), time_limit=limit, **chosen)
    began = time.perf_counter()
    value = value_by(highs)
    return {"seconds": time.perf_counter() - began, "value": value}


def by_ortools(piece: str, some: Case, terms: Terms, limit: float) -> dict:
    """The program by GLOP, or by PDLP at its usual precision."""
    from ortools.linear_solver.python.model_builder_helper import ModelBuilderHelper, ModelSolverHelper

    made, helper = program(some, terms), ModelBuilderHelper()
    low = np.full(len(made.most), -np.inf)
    helper.fill_model_from_sparse_data(
        0 * made.worth, np.ones(len(made.worth)), -made.worth, low, made.most, made.matrix.tocsr()
    )
    solver = ModelSolverHelper(piece.split()[-1].lower())
    solver.set_time_limit_in_seconds(limit)
    began = time.perf_counter()
    solver.solve(helper)
    seconds = time.perf_counter() - began
    done = str(solver.status()).endswith("OPTIMAL")
    return {"seconds": seconds, "value": -solver.objective_value() if done else None}


if __name__ == "__main__":
    main()
