"""The benchmark of concentration: shares and redrawn membership of many members beside a bare sort, in one run.

    python -m tests.bench_concentration [--members 1000 100000 200000] [--to bench-concentration.json]

Seconds on a shared machine mean little; ratios within one run do. Each piece runs in a process of its own, together
with the sort of the totals that it is compared to.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models.concentration import BLOCKS, FIRM, OUT, UNCERTAIN, leave_one_out, membership, pareto, redrawn

ROOT = Path(__file__).parent.parent
PIECES = ("pareto", "leave_one_out", "redrawn")
TAIL = 1.16  # of a Pareto law in which a fifth has four fifths
ORDERS = 10.0  # of the smallest members in a year


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[1_000, 100_000, 200_000])
    parser.add_argument("--to", type=Path, default=Path("bench-concentration.json"))
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(measure(options.part[0], int(options.part[1]))))
        return
    rows = []
    for members in options.members:
        for piece in PIECES:
            row = {"piece": piece, "members": members} | measured(piece, members)
            rows.append(row)
            show(row)
    options.to.write_text(json.dumps(rows, indent=1))


def show(row: dict) -> None:
    line = f"{row['piece']:14} {row['members']:>8,} members  {row['seconds']:8.4f} s  sort {row['sort'] * 1e3:6.2f} ms"
    line += f"  ratio {row['ratio']:7.1f}  {row['mib_before']:5,.0f} MiB before, peak {row['peak_mib']:5,.0f} MiB"
    if "states" in row:
        line += "  " + ", ".join(f"{count:,} {state}" for state, count in row["states"].items())
    print(line, flush=True)


def measured(piece: str, members: int) -> dict:
    """Run one piece in a process of its own: what its last line says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench_concentration", "--part", piece, str(members)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{piece} of {members} members failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def drawn(members: int) -> np.ndarray:
    """(members, BLOCKS) sums of orders: as many as a Pareto law says, 30 each on average, in random blocks."""
    rng = np.random.default_rng(1)
    rate = ORDERS * (rng.pareto(TAIL, members) + 1)
    blocks = np.empty((members, BLOCKS))
    for start in range(0, members, 8_192):  # no piece is charged for the memory of drawing
        orders = rng.poisson(rate[start : start + 8_192, None] / BLOCKS, (len(rate[start : start + 8_192]), BLOCKS))
        blocks[start : start + 8_192] = rng.gamma(2.0 * orders, 15).round(2)
    return blocks


def measure(piece: str, members: int) -> dict:
    """Median seconds of a piece and of a bare sort of the totals, their ratio, and memory."""
    blocks = drawn(members)
    totals = blocks.sum(axis=1).round(2)
    told: dict = {"sort": median(lambda: np.sort(totals), 21)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if piece == "redrawn":
        seconds = median(lambda: redrawn(blocks), 3)
    else:
        work = {"pareto": pareto, "leave_one_out": leave_one_out}[piece]
        seconds = median(lambda: work(totals), 11)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told |= {"seconds": seconds, "ratio": seconds / told["sort"], "mib_before": before, "peak_mib": peak}
    if piece == "redrawn":
        states = membership(*redrawn(blocks))
        told["states"] = {state: int((states == state).sum()) for state in (FIRM, UNCERTAIN, OUT)}
    return told


def median(work: Callable[[], object], times: int) -> float:
    """Seconds of the middle one of several runs."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return sorted(spent)[times // 2]


if __name__ == "__main__":
    main()
