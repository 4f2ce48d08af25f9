"""A simulated multi-channel company with known truth: feeds of any size, with what really made them beside them.

Times are in days since the first day of the window, money is in whole cents, until they are written.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.simulated import rows
from data.simulated.arrays import Columns, text
from data.simulated.company import CHANNELS, WINDOW, ZONE, Company, found, microseconds
from data.simulated.contacts import act, draw_outbound, draw_service, order_contacts
from data.simulated.customers import draw_customers, draw_organic
from data.simulated.orders import draw_lines, draw_orders

PARTNER_TARGETS = 40  # so many of the largest partners have targets


def simulate(
    to: Path,
    customers: int = 20_000,
    seed: int = 7,
    months: int = 36,
    ends: date = date(2026, 9, 30),
    progress: Callable[[str], None] = lambda message: None,
    block: int = 50_000,
) -> dict:
    """Write the feeds, seeds and `truth/` of a company into the folder `to`; returns rows per feed and totals.

    Customers are drawn and written in blocks of `block`, each from its own stream of random numbers: memory is bounded,
    and a full block stays the same however many customers follow.
    """
    if customers < 1 or block < 1 or months < 3:
        raise ValueError("A simulated company needs at least 1 customer, blocks of at least 1 and 3 months.")
    to = Path(to)
    (to / "truth").mkdir(parents=True, exist_ok=True)
    own, *streams = np.random.SeedSequence(seed).spawn(1 - -customers // block)
    company = found(own, customers, months, ends)
    earned: Counter[int] = Counter()
    sold: Counter[tuple[int, int]] = Counter()
    revenue = 0
    with ExitStack() as stack:
        files = Files(to, stack)
        files.write("partners", rows.partner_rows(company, customers))
        files.write("campaigns", rows.campaign_rows(company, customers))
        files.write("assignments", rows.partner_assignments(company, customers))
        for number, rng in enumerate(map(np.random.default_rng, streams)):
            start = number * block
            size = min(block, customers - start)
            people = draw_customers(rng, company, size, start)
            organic = draw_organic(rng, company, people)
            reached = draw_outbound(rng, company, people, organic)
            caused, lost = act(rng, company, people, organic, reached)
            orders = draw_orders(rng, company, people, organic, caused, lost)
            lines = draw_lines(rng, company, people, orders)
            contacts = order_contacts([reached, draw_service(rng, company, people, orders)])
            names = text("C", np.arange(start + 1, start + size + 1), 7)
            files.write("customers", rows.customer_rows(company, people, names))
            files.write("consents", rows.consent_rows(rng, company, people, names))
            files.write("assignments", rows.assignment_rows(company, people, names))
            files.write("lines", rows.line_rows(rng, company, orders, lines, names, number))
            files.write("contacts", rows.contact_rows(rng, company, contacts, names, number))
            files.write("truth/customers", rows.customer_truth(people, orders, names))
            files.write("truth/contacts", rows.contact_truth(contacts, names, number))
            earned.update(margin_by_year(company, lines, ends))
            sold.update(sold_by_partner(company, lines, ends))
            revenue += int(lines["revenue"].sum())
            progress(f"{start + size:,} of {customers:,} customers, {files.rows['lines']:,} order lines")
    write_seeds(to, customers, seed, company, ends, earned, sold)
    write_parameters(to / "truth" / "parameters.json", company, customers, seed, months, ends)
    return {
        "rows": {name: count for name, count in files.rows.items() if not name.startswith("truth/")},
        "revenue": money(revenue),
        "margin": money(sum(earned.values())),
    }


class Files:
    """The Parquet files of a folder, each open until the last block is written; `rows` counts what is in them."""

    def __init__(self, folder: Path, stack: ExitStack):
        self.folder, self.stack = folder, stack
        self.rows: Counter[str] = Counter()
        self.writers: dict[str, pq.ParquetWriter] = {}

    def write(self, name: str, columns: dict[str, pa.Array]) -> None:
        table = pa.table(columns)
        if name not in self.writers:
            writer = pq.ParquetWriter(
                self.folder / f"{name}.parquet",
                table.schema,
                compression="zstd",
                use_dictionary=[column for column in table.column_names if column != "contact_id"],
                store_schema=False,
                store_decimal_as_integer=True,
            )
            self.writers[name] = self.stack.enter_context(writer)
        self.writers[name].write_table(table, row_group_size=1 << 20)
        self.rows[name] += table.num_rows


def margin_by_year(company: Company, lines: Columns, ends: date) -> dict[int, int]:
    """Cents earned in each calendar year, cut in the company's zone."""
    years, year = years_of(company, lines, ends)
    cents = np.zeros(len(years), dtype=np.int64)
    np.add.at(cents, year, lines["revenue"] - lines["cost"])
    return {year: int(earned) for year, earned in zip(years, cents, strict=True) if earned}


def sold_by_partner(company: Company, lines: Columns, ends: date) -> dict[tuple[int, int], int]:
    """Cents sold through each partner, by its position, in each calendar year, cut in the company's zone."""
    years, year = years_of(company, lines, ends)
    through = lines["partner"] >= 0
    cents = np.zeros((len(company.partners["weight"]), len(years)), dtype=np.int64)
    np.add.at(cents, (lines["partner"][through], year[through]), lines["revenue"][through])
    return {(int(p), years[y]): int(cents[p, y]) for p, y in zip(*np.nonzero(cents), strict=True)}


def years_of(company: Company, lines: Columns, ends: date) -> tuple[range, np.ndarray]:
    """The calendar years, and the place of each line's among them."""
    years = range(company.first.year, ends.year + 2)
    opens = np.array([microseconds(datetime(year, 1, 1, tzinfo=ZONE)) for year in years])
    return years, np.searchsorted(opens, company.moment(lines["at"]), side="right") - 1


def write_seeds(
    to: Path,
    customers: int,
    seed: int,
    company: Company,
    ends: date,
    earned: Mapping[int, int],
    sold: Mapping[tuple[int, int], int],
) -> None:
    """company.toml, channels.csv and targets.csv; a target is 6 to 8 % from what that year earned in the window.

    The largest partners have targets of their own, 4 to 9 % from what they sold.
    """
    (to / "company.toml").write_text(
        'name = "Alder & Finch (simulated)"\n'
        'currency = "EUR"\n'
        f'zone = "{ZONE.key}"\n'
        f'notice = "Simulated company: every figure is invented, drawn with seed {seed}."\n'
        'crm_link = "https://crm.example/customers/{customer_id}"\n',
        encoding="utf-8",
    )
    channels = [
        (name, c.label, name, money(c.unit_cost), round(c.capacity * customers), c.min_days_between, consent)
        for name, c in CHANNELS.items()
        for consent in [str(c.needs_consent).lower()]
    ]
    header = "channel,label,kind,unit_cost,capacity_per_month,min_days_between,needs_consent"
    write_csv(to / "channels.csv", header, channels)
    whole = [year for year in sorted(earned) if year > company.first.year] or sorted(earned)
    targets = [
        ("margin", "company", year, f"{earned[year] * factor / 100:.0f}")
        for year, factor in zip(whole, np.resize([1.06, 0.93, 1.08], len(whole)), strict=True)
    ]
    targets += partner_targets(sold, whole, ends)
    write_csv(to / "targets.csv", "metric,scope,period,value", targets)


def partner_targets(sold: Mapping[tuple[int, int], int], years: list[int], ends: date) -> list[tuple]:
    """Targets of the partners that sold most in the last year; an unfinished year is taken on at its pace."""
    part = {
        year: min((ends - date(year - 1, 12, 31)) / (date(year, 12, 31) - date(year - 1, 12, 31)), 1) for year in years
    }
    largest = sorted({partner for partner, _ in sold}, key=lambda one: (-sold.get((one, years[-1]), 0), one))
    return [
        ("revenue", f"partner_id=P{partner + 1:04}", year, f"{sold[partner, year] / part[year] * factor / 100:.0f}")
        for partner, factor in zip(largest, np.resize([1.05, 0.94, 1.09, 0.96], PARTNER_TARGETS), strict=False)
        for year in years
        if (partner, year) in sold
    ]


def write_csv(path: Path, header: str, values: list[tuple]) -> None:
    """A CSV file; the header as one line of text."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header.split(","), *values])


def write_parameters(path: Path, company: Company, customers: int, seed: int, months: int, ends: date) -> None:
    """Every true parameter, and what each campaign really did."""
    campaigns = company.campaigns
    described = {
        "customers": customers,
        "seed": seed,
        "months": months,
        "ends": ends.isoformat(),
        "first_moment": company.first.isoformat(),
        "response_window_days": WINDOW,
        "parameters": asdict(company.truth),
        "channels": {name: asdict(channel) for name, channel in CHANNELS.items()},
        "campaigns": [
            {
                "campaign_id": str(campaigns["id"][k]),
                "assignment": "rule" if campaigns["by_rule"][k] else "random",
                "audience": "heavy buyers" if campaigns["heavy"][k] else "random",
                "p_treated": float(campaigns["treated"][k]),
                "effect_scale": float(campaigns["scale"][k]),
            }
            for k in range(len(campaigns["id"]))
        ],
    }
    path.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def money(cents: int) -> Decimal:
    """Whole cents as an exact amount."""
    return Decimal(cents) / 100
