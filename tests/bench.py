"""The benchmark: our build and our questions beside the machine's limit and beside pandas, in one run.

    python -m tests.bench [--lines 1 10] [--to bench-results.json] [--keep FOLDER]

Seconds on a shared machine mean little; ratios within one run do. Each measured piece runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median, quantiles

import duckdb

from data.contract import FEEDS
from data.question import EVERYTHING, Question, View
from data.warehouse import Build, Warehouse

ROOT = Path(__file__).parent.parent
LINES_PER_CUSTOMER = 8.2  # of the simulated company
HASHED = {"lines": "revenue", "contacts": "cost", "customers": "acquisition_cost"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=float, nargs="+", default=[1, 10], help="millions of order lines")
    parser.add_argument("--memory", default="8GiB", help="memory limit of the builds")
    parser.add_argument("--to", type=Path, default=Path("bench-results.json"))
    parser.add_argument("--keep", type=Path, help="use and keep this folder for companies and warehouses")
    parser.add_argument("--part", choices=["scan", "copy", "pandas"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        {"scan": scan_and_hash, "copy": copy, "pandas": with_pandas}[options.part](options.folder)
        return
    with tempfile.TemporaryDirectory() as scratch:
        base = options.keep or Path(scratch)
        results = {
            "cores": os.cpu_count(),
            "builds": [measure_build(base, millions, options.memory) for millions in options.lines],
        }
        results["questions"] = measure_questions(base / f"warehouse-{options.lines[-1]:g}")
    options.to.write_text(json.dumps(results, indent=1))
    show(results)


def measure_build(base: Path, millions: float, memory: str) -> dict:
    """One company of this many million order lines: build, limit and pandas, each timed from outside."""
    feeds, warehouse = base / f"company-{millions:g}", base / f"warehouse-{millions:g}"
    if not (feeds / "lines.parquet").exists():
        customers = round(millions * 1e6 / LINES_PER_CUSTOMER)
        timed("-m", "data", "simulate", "--customers", str(customers), "--to", str(feeds))
    build = timed("-m", "data", "build", str(feeds), "--warehouse", str(warehouse), "--memory", memory)
    scans = [timed("-m", "tests.bench", "--part", "scan", "--folder", str(feeds)) for _ in range(3)]
    scan = float(median(float(run["out"]) for run in scans))
    copied = timed("-m", "tests.bench", "--part", "copy", "--folder", str(feeds))
    pandas = timed("-m", "tests.bench", "--part", "pandas", "--folder", str(feeds))
    manifest = Warehouse(warehouse).current().manifest
    rows, learning = manifest["rows"]["in"], manifest["seconds"]["learning"]
    adding_up = build["seconds"] - learning  # what the limit, the copy and pandas do, too
    return {
        "lines": manifest["tables"]["feed_lines"],
        "contacts": manifest["tables"]["feed_contacts"],
        "customers": manifest["tables"]["customer"],
        "rows": rows,
        "build_seconds": build["seconds"],
        "rows_per_second": rows / build["seconds"],
        "build_peak_mib": build["peak_mib"],
        "seconds_by_stage": manifest["seconds"],
        "scan_hash_seconds": scan,
        "pandas_seconds": float(pandas["out"]),
        "pandas_peak_mib": pandas["peak_mib"],
        "copy_seconds": float(copied["out"]),
        "learning_share": learning / build["seconds"],
        "ratio_build_to_scan_hash": adding_up / scan,
        "ratio_copy_to_scan_hash": float(copied["out"]) / scan,
        "ratio_build_to_copy": adding_up / float(copied["out"]),
        "ratio_tables_to_scan_hash": manifest["seconds"]["tables"] / scan,
        "ratio_pandas_to_build": float(pandas["out"]) / adding_up,
        "ratio_pandas_to_tables": float(pandas["out"]) / manifest["seconds"]["tables"],
        "build_bytes": manifest["bytes"],
    }


def timed(*command: str) -> dict:
    """Run one process to its end: its last line, wall seconds and peak memory."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    out, err = process.communicate()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{err[-2000:]}")
    # the largest child so far; sizes rise from company to company, and pandas is told apart by measuring itself
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    words = out.split()[-2:] if "--part" in command else [out, peak]
    return {"seconds": time.monotonic() - began, "out": words[0], "peak_mib": float(words[1])}


def scan_and_hash(folder: Path) -> None:
    """The limit: read every column the contract knows once, hash each row, and hash-group each feed by customer."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
    began = time.monotonic()
    for feed, money in HASHED.items():
        there = [
            row[0] for row in con.execute(f"describe select * from read_parquet('{folder / feed}*.parquet')").fetchall()
        ]
        columns = ", ".join(name for name in there if name in FEEDS[feed].names)
        con.execute(
            f"select count(*), bit_xor(checksum), sum(total) from (select customer_id, sum({money}) as total, bit_xor(hash({columns})) as checksum "
            f"from read_parquet('{folder / feed}*.parquet') group by customer_id)"
        ).fetchall()
    print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def copy(folder: Path) -> None:
    """What keeping every event costs by itself: the feeds written into a DuckDB file as they are, unchecked."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        con = duckdb.connect(f"{scratch}/copy.duckdb")
        con.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        began = time.monotonic()
        for feed in ("lines", "contacts", "customers", "consents", "assignments"):
            con.execute(f"create table {feed} as select * from read_parquet('{folder / feed}*.parquet')")
        con.execute("checkpoint")
        print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def with_pandas(folder: Path) -> None:
    """The same aggregated tables with pandas: exact money as whole units of 0.0001, keys as categories, months cut in UTC."""
    began = time.monotonic()
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def read(feed: str, columns: list[str], keys: list[str], money: str, moment: str = "") -> pd.DataFrame:
        table = pq.read_table(folder / f"{feed}.parquet", columns=columns, read_dictionary=keys)
        units = pc.cast(
            pc.multiply(pc.fill_null(table[money], pa.scalar(0, pa.decimal128(18, 4))), pa.scalar(10_000, pa.int32())),
            pa.int64(),
        )
        table = table.set_column(table.column_names.index(money), money, units)
        frame = table.to_pandas()
        if moment:
            frame["month"] = (frame[moment].dt.year * 12 + frame[moment].dt.month).astype("int32")
        return frame

    lines = read(
        "lines",
        ["customer_id", "partner_id", "order_id", "ordered_at", "line_type", "revenue"],
        ["customer_id", "partner_id", "line_type"],
        "revenue",
        "ordered_at",
    )
    cost = pq.read_table(folder / "lines.parquet", columns=["cost"])["cost"]
    lines["goods_cost"] = (
        pc.cast(pc.multiply(cost, pa.scalar(10_000, pa.int32())), pa.int64()).to_pandas().fillna(0).astype("int64")
    )
    lines["returns"] = lines["revenue"].where(lines["line_type"] == "return", 0)
    lines["lines"] = 1
    contacts = read(
        "contacts",
        ["customer_id", "channel", "campaign_id", "direction", "arm", "responded", "occurred_at", "cost"],
        ["customer_id", "channel", "campaign_id", "direction", "arm"],
        "cost",
        "occurred_at",
    )
    treated = (contacts["arm"] == "treated") & (contacts["direction"] == "out")
    contacts["contacts"], contacts["service_contacts"] = (
        treated.astype("int8"),
        (contacts["direction"] == "in").astype("int8"),
    )
    contacts["responses"] = (treated & contacts["responded"].eq(True)).astype("int8")
    contacts["contact_cost"], contacts["service_cost"] = (
        contacts["cost"].where(treated, 0),
        contacts["cost"].where(contacts["direction"] == "in", 0),
    )
    fixed = pq.read_table(folder / "campaigns.parquet").to_pandas().set_index("campaign_id")["fixed_cost"].astype(float)
    reached = contacts.loc[treated].groupby("campaign_id", observed=True).size()
    contacts["fixed_cost"] = (
        contacts["campaign_id"]
        .map(fixed * 10_000 // reached)
        .astype("float")
        .fillna(0)
        .where(treated, 0)
        .astype("int64")
    )
    customers = pq.read_table(folder / "customers.parquet").to_pandas().set_index("customer_id")
    money, counts = (
        ["revenue", "goods_cost", "returns", "lines"],
        ["contacts", "service_contacts", "responses", "contact_cost", "service_cost", "fixed_cost"],
    )
    grouped = {"observed": True, "sort": False}
    orders = lines[lines["line_type"] == "sale"].drop_duplicates(["order_id", "customer_id", "month"])
    month = ["customer_id", "month"]
    bought, sent = lines.groupby(month, **grouped)[money].sum(), contacts.groupby(month, **grouped)[counts].sum()
    customer_month = (
        bought.join(orders.groupby(month, **grouped).size().rename("orders")).join(sent, how="outer").fillna(0)
    )
    customer = customer_month.groupby(level="customer_id", observed=True).sum()
    customer = customer.join(
        customers[["segment", "region", "country", "manager_id", "acquisition_channel"]], how="outer"
    )
    customer["roi"] = (customer["revenue"] - customer["goods_cost"]) / (
        customer["contact_cost"] + customer["fixed_cost"]
    ).replace(0, None) - 1
    customer["rank"] = customer["roi"].rank(ascending=False, method="first")
    customer_channel = contacts.groupby(["customer_id", "channel"], **grouped)[counts].sum()
    channel_month = contacts.groupby(["channel", "month"], **grouped)[counts].sum()
    campaign = contacts.groupby("campaign_id", **grouped)[counts].sum()
    partner_month = lines.groupby(["partner_id", "month"], **grouped)[money].sum()
    partner_buyers = lines.groupby("partner_id", **grouped)["customer_id"].nunique()
    partner_orders = (
        lines.drop_duplicates(["partner_id", "month", "order_id"]).groupby(["partner_id", "month"], **grouped).size()
    )
    partner = partner_month.groupby(level="partner_id", observed=True).sum().sort_values("revenue", ascending=False)
    partner["share"] = partner["revenue"].cumsum() / partner["revenue"].sum()
    attributes = ["segment", "region", "country", "manager_id", "acquisition_channel"]
    with_attributes = customer_month.reset_index().merge(
        customers[attributes], left_on="customer_id", right_index=True, how="left"
    )
    segment_month = with_attributes.groupby(["month", *attributes], dropna=False, **grouped)[[*money, *counts]].sum()
    company_month = segment_month.groupby(level="month").sum()
    assert (
        len(customer_channel)
        and len(channel_month)
        and len(campaign)
        and len(partner_buyers)
        and len(partner_orders)
        and len(company_month)
    )
    print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure_questions(warehouse: Path, times: int = 200) -> dict:
    """Top 50 by ROI under three filters, uncached, against reading 50 stored ranks and nothing else."""
    build = Warehouse(warehouse).current()
    chance = random.Random(5)
    questions = [ranking(build, chance) for _ in range(times)]
    build.answer(questions[0])
    ours = [clock(lambda q=q: build.answer(q)) for q in questions]
    last = build.manifest["tables"]["customer"] // 2
    starts = [chance.randrange(1, last) for _ in range(times)]
    bare = [
        clock(
            lambda s=s: build.engine.ask(
                "select customer_id, roi_rank from customer where roi_rank between ? and ?", [s, s + 49]
            )
        )
        for s in starts
    ]
    began = time.monotonic()
    threads = [threading.Thread(target=lambda: [build.answer(q) for q in questions[:40]]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "customers": build.manifest["tables"]["customer"],
        "top50_three_filters_ms": spread(ours),
        "stored_rank_ms": spread(bare),
        "ratio_ranking_to_stored_rank": median(ours) / median(bare),
        "questions_per_second_20_threads": 800 / (time.monotonic() - began),
    }


def ranking(build: Build, chance: random.Random) -> Question:
    """The ranking page's question with members of three filters drawn at random."""
    filters = build.manifest["filters"]
    view = View(EVERYTHING)
    for name in ("segment", "region", "acquisition_channel"):
        view = view.only(name, *chance.sample(filters[name], 2))
    return Question(
        ("roi", "net_contribution", "margin", "cost"),
        ("customer_id",),
        view,
        ("roi_rank", "roi_low", "roi_high"),
        "roi_rank",
        limit=50,
    )


def clock(work) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def spread(times: list[float]) -> dict[str, float]:
    return {"p50": median(times), "p95": quantiles(times, n=20)[-1]}


def show(results: dict) -> None:
    """The same figures as a table for people."""
    for b in results["builds"]:
        print(f"\n{b['lines']:,} order lines, {b['contacts']:,} contacts, {b['customers']:,} customers")
        print(
            f"  build                    {b['build_seconds']:8.1f} s   {b['rows_per_second']:>12,.0f} rows/s   peak {b['build_peak_mib']:,.0f} MiB"
        )
        print(
            f"    of which               {', '.join(f'{name} {seconds:.1f} s' for name, seconds in b['seconds_by_stage'].items())}; learning is {b['learning_share']:.0%} of the build and not in its ratios"
        )
        print(
            f"  scan and hash (limit)    {b['scan_hash_seconds']:8.2f} s   ratio_build_to_scan_hash {b['ratio_build_to_scan_hash']:.1f} (tables alone {b['ratio_tables_to_scan_hash']:.1f})"
        )
        print(
            f"  plain copy of the feeds  {b['copy_seconds']:8.1f} s   ratio_copy_to_scan_hash {b['ratio_copy_to_scan_hash']:.1f}   ratio_build_to_copy {b['ratio_build_to_copy']:.1f}"
        )
        print(
            f"  pandas, same tables      {b['pandas_seconds']:8.1f} s   ratio_pandas_to_build {b['ratio_pandas_to_build']:.2f} (tables alone {b['ratio_pandas_to_tables']:.1f})   "
            f"peak {b['pandas_peak_mib']:,.0f} MiB"
        )
    q = results["questions"]
    print(
        f"\ntop 50 by ROI, three filters, {q['customers']:,} customers: p50 {q['top50_three_filters_ms']['p50']:.1f} ms, p95 {q['top50_three_filters_ms']['p95']:.1f} ms; "
        f"50 stored ranks: p50 {q['stored_rank_ms']['p50']:.1f} ms; ratio {q['ratio_ranking_to_stored_rank']:.1f}; "
        f"{q['questions_per_second_20_threads']:.0f} questions a second from 20 threads"
    )


if __name__ == "__main__":
    main()
