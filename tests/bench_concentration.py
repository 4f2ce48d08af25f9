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
from datetime import date
from pathlib import Path

import duckdb
import numpy as np

from data.learners import concentration
from data.learners.known import Known
from models.concentration import BLOCKS, FIRM, OUT, UNCERTAIN, leave_one_out, membership, pareto, redrawn
from tests.timing import median

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
        for piece in (*PIECES, *["learner"] * (members <= concentration.MOST_MEMBERS)):
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


def learner(members: int) -> dict:
    """Seconds of the build's step for partners (a year, the year before, everything; revenue and margin), and memory."""
    con = duckdb.connect()
    lines = max(3_000_000, 10 * members)
    con.execute("select setseed(0.5)")
    con.execute(
        f"create table feed_lines as select 'P' || lpad(cast(least(floor({members} * pow(random(), 4)), {members} - 1) "
        f"as bigint)::varchar, 7, '0') as partner_id, 'O' || (i // 3) as order_id, "
        f"date '2024-01-01' + interval 1 month * cast(floor(24 * i / {lines}) as integer) as month, "
        f"(5 + 95 * random())::decimal(18, 4) as revenue, (60 * random())::decimal(18, 4) as cost "
        f"from range({lines}) t(i)"
    )
    con.execute("update feed_lines set month = month::date")
    con.execute(
        "create table complete_year as select date '2025-01-01' as since, date '2025-12-01' as until, "
        "date '2024-01-01' as before_since, date '2024-12-01' as before_until"
    )
    totals = con.execute("select sum(revenue)::double as total from feed_lines group by partner_id").fetchnumpy()[
        "total"
    ]
    told: dict = {"sort": median(lambda: np.sort(totals), 21)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    concentration.partner_places(con, Known(1.0, date(2025, 12, 31), 90, False, frozenset({"lines"})))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return told | {"seconds": seconds, "ratio": seconds / told["sort"], "mib_before": before, "peak_mib": peak}


def measure(piece: str, members: int) -> dict:
    """Median seconds of a piece and of a bare sort of the totals, their ratio, and memory."""
    if piece == "learner":
        return learner(members)
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


if __name__ == "__main__":
    main()
