"""The options of the command `plan`; nothing heavy is imported, for every command reads them."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path


def add_to(one: argparse.ArgumentParser) -> None:
    """What the command takes."""
    one.add_argument("--warehouse", type=Path, default=Path("warehouse"))
    one.add_argument("--budget", help="most that all contacts may cost, such as 12000.00; no limit when left out")
    one.add_argument("--capacity", action="append", default=[], metavar="CHANNEL=N",
                     help="most contacts of a channel; its capacity a month when left out")  # fmt: skip
    one.add_argument("--least-roi", help="least return of the whole plan: margin less cost, per cost, such as 0.5")
    one.add_argument("--most-contacts", help="of one customer on all channels in --contact-days, this one included")
    one.add_argument("--contact-days", help="days in which contacts are counted")
    one.add_argument("--explore-none", help="share who gets no contact by chance, so that the next plan learns")
    one.add_argument("--explore-channel", help="share who gets a channel by chance")
    one.add_argument("--purpose", help="whose consent counts; the most frequent one when left out")
    one.add_argument("--only", action="append", default=[], metavar="ATTRIBUTE=VALUE", help="customers with it only")
    one.add_argument("--at", type=datetime.fromisoformat, help="moment of planning, such as 2026-10-01T08:00+02:00")
    one.add_argument("--to", type=Path, help="file to write: .csv, .xlsx, .parquet or .jsonl")
    one.add_argument("--job", type=Path, help="a folder in which a plan waits that the page began; for Rapport itself")
