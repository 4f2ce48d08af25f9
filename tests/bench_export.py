"""The benchmark of a campaign's list: a million recipients in each format beside DuckDB's own COPY of the same rows.

    python -m tests.bench_export [--recipients 1000000] [--to bench-export.json]

Seconds on a shared machine mean little; ratios within one run do. Each format runs in a process of its own, together
with the COPY that it is compared to: JSON lines and Parquet with COPY to the same format, CSV and Excel with COPY to
CSV. Peak memory is that of the format alone: the COPY runs before, with a limit, and its peak is told beside it. The
pieces before, surveying, drawing arms and making the list, run over as many customers.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data import audience, recipients
from data.campaign import Promise
from data.export_files import KINDS
from data.journal import campaigns
from data.journal.store import Journal
from data.rights import Actor, Held
from data.view import EVERYTHING, View
from data.warehouse import Build
from models import assign_arm
from tests.timing import median

ROOT = Path(__file__).parent.parent
COPIES = {
    "csv": "(format csv, header)",
    "jsonl": "(format json)",
    "parquet": "(format parquet, compression zstd)",
    "xlsx": "(format csv, header)",
}
AUTHOR = Actor("author", "Author", (Held("manager", "M01"),), "session")
APPROVER = Actor("approver", "Approver", (Held("approver"),), "other")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--to", type=Path, default=Path("bench-export.json"))
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(measure(Path(options.part[0]), options.part[1])))
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = prepare(Path(folder), options.recipients)
        for row in rows:
            show(row)
        for kind in KINDS:
            rows.append(measured(Path(folder), kind))
            show(rows[-1])
    options.to.write_text(json.dumps(rows, indent=1))


def show(row: dict[str, Any]) -> None:
    line = f"{row['piece']:8} {row['rows']:>9,} rows  {row['seconds']:7.2f} s"
    line += f"  {row['mib_before']:5,.0f} MiB before, peak {row['peak_mib']:5,.0f} MiB"
    if "copy" in row:
        line += f"  COPY {row['copy']:5.2f} s, ratio {row['ratio']:6.1f}  {row['size'] / 1e6:6.1f} MB"
    print(line, flush=True)


def measured(folder: Path, kind: str) -> dict[str, Any]:
    """Run one format in a process of its own: what its last line says."""
    command = [sys.executable, "-m", "tests.bench_export", "--part", str(folder), kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{kind} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Watched:
    """The memory of this process while a piece runs, looked at every few milliseconds; and its seconds."""

    def __enter__(self) -> Watched:
        self.before = self.peak = resident()
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()
        self.began = time.perf_counter()
        return self

    def watch(self) -> None:
        while not self.stop.wait(0.005):
            self.peak = max(self.peak, resident())

    def __exit__(self, *exception: object) -> None:
        self.seconds = time.perf_counter() - self.began
        self.stop.set()
        self.thread.join()

    def told(self, piece: str, rows: int) -> dict[str, Any]:
        """The figures of a piece."""
        known = {"piece": piece, "rows": rows, "seconds": self.seconds}
        return known | {"mib_before": self.before, "peak_mib": max(self.peak, self.before)}


def resident() -> float:
    """MiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def company(file: Path, customers: int) -> Build:
    """A build of so many customers with the tables that an audience is made from: consent, a contact, two orders each."""
    with duckdb.connect(str(file)) as con:
        con.execute(
            "create table customer as select 'C' || lpad(i::varchar, 9, '0') as customer_id, 'rated' as roi_state, "
            f"['North', 'South'][1 + i % 2] as region, 'M01' as manager_id from range({customers}) t(i)"
        )
        con.execute(
            "create table consent_state as select customer_id, 'email' as channel, 'advertising' as purpose, "
            "true as allowed, timestamp '2026-01-01' as recorded_at from customer"
        )
        con.execute(
            "create table feed_channels as select 'email' as channel, 3 as min_days_between, true as needs_consent"
        )
        con.execute(
            "create table feed_contacts as select customer_id, 'email' as channel, timestamp '2026-06-01' as occurred_at, "
            "'out' as direction, 'treated' as arm from customer"
        )
        con.execute("create view contact as select *, 0 as responses from feed_contacts")
        con.execute(
            "create table feed_lines as select customer_id, 'O' || row_number() over () as order_id, 'sale' as line_type, "
            "timestamp '2026-09-01' + to_days(n::integer) as ordered_at, 20.00::decimal(18, 4) as revenue, "
            "12.00::decimal(18, 4) as cost from customer, range(2) t(n)"
        )
    return Build(file, {"attributes": [], "as_of": "2026-09-30T00:00:00+00:00", "company": "bench", "currency": "EUR"})


def opened(folder: Path) -> Journal:
    """The journal of the bench."""
    journal = Journal(str(folder / "journal"), folder / "audit.keys", folder / "checkpoints.jsonl")
    journal.clock = lambda: datetime(2026, 10, 1, tzinfo=UTC)
    journal.migrate()
    return journal


def prepare(folder: Path, number: int) -> list[dict[str, Any]]:
    """Survey, draw and list so many recipients (a hundredth more is drawn and held out); what each step took."""
    customers = round(number / 0.99)
    build, journal, view = company(folder / "bench.duckdb", customers), opened(folder), View(EVERYTHING)
    promise = Promise("Bench", "None", "view", "email", offer="10 % on the next order", holdout=0.01,
                      contact_cost=Decimal("0.05"), budget=Decimal(10**6))  # fmt: skip
    told = []
    with Watched() as watched:
        found = audience.survey(build, view, promise, journal, assign_arm)
    told.append(watched.told("survey", found.candidates))
    new = campaigns.draft(journal, AUTHOR, promise)
    sha256 = campaigns.get(journal, AUTHOR, new).sha256
    campaigns.submit(journal, AUTHOR, new, sha256)
    campaigns.approve(journal, APPROVER, new, sha256)
    with Watched() as watched:
        audience.export(journal, AUTHOR, build, view, new, assign_arm)
    told.append(watched.told("draw", found.kept))
    with Watched() as watched:
        delivery = recipients.make(journal, AUTHOR, build, new, pseudonyms=True, kind="parquet")
    (folder / "delivery").write_text(delivery)
    told.append(watched.told("list", recipients.Recipients(journal, delivery).count()))
    return told


def measure(folder: Path, kind: str) -> dict[str, Any]:
    """Seconds and memory of one format, and of DuckDB's COPY of the same rows."""
    journal = opened(folder)
    question = recipients.Recipients(journal, (folder / "delivery").read_text())
    file = folder / f"same-{kind}.parquet"  # the rows as they leave, for the COPY to read
    with pq.ParquetWriter(file, recipients.SENT) as writer:
        for part in question.reader(recipients.MOST_CUSTOMERS):
            writer.write_batch(part)
    with duckdb.connect(config={"memory_limit": "512MiB"}) as con:
        copy = median(lambda: con.execute(f"copy (from '{file}') to '{folder}/copied' {COPIES[kind]}"), 3)
    pa.default_memory_pool().release_unused()
    columns, about = list(recipients.COLUMNS), {"Table": "bench"}
    with Watched() as watched, (folder / f"made.{kind}").open("wb") as out:
        rows = KINDS[kind].write(out, question.reader(recipients.MOST_CUSTOMERS), columns, about)
    told = watched.told(kind, rows) | {"copy": copy, "ratio": watched.seconds / copy}
    return told | {"size": (folder / f"made.{kind}").stat().st_size}


if __name__ == "__main__":
    main()
