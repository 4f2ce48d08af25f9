"""A build: feeds, SQL models, learned tables and checks in a draft, published only when everything holds."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from data import tie_out
from data.assemble import assemble
from data.company import Unusable, read_company
from data.files import quoted
from data.intake import Intake, take_in
from data.manifest import describe
from data.publish import DRAFT, publish, remove, sole_builder


@dataclass(frozen=True)
class Options:
    """How to build. memory: DuckDB limit such as '4GiB', half of the machine when empty. keep: builds kept.

    own: a folder with Rapport's own campaigns as feeds.
    """

    memory: str = ""
    threads: int = 0
    keep: int = 5
    accept_rejected: bool = False
    now: datetime | None = None
    own: Path | None = None


def check(folder: Path, say: Callable[[str], None], options: Options | None = None) -> Intake:
    """Take a folder's feeds in without publishing anything: what would be loaded, quarantined, rejected."""
    con = connect(":memory:", options or Options())
    try:
        return take_in(con, folder, read_company(folder), say, (options or Options()).now)
    finally:
        con.close()


def build(folder: Path, warehouse: Path, say: Callable[[str], None], options: Options | None = None) -> Path:
    """Build a company's folder into its warehouse and publish it; returns the path of the new build."""
    options = options or Options()
    company = read_company(folder)
    with sole_builder(warehouse):
        draft = warehouse / f"{DRAFT}-{os.getpid()}.duckdb"
        con = connect(str(draft), options)
        try:
            stamp = options.now or datetime.now(UTC)
            clock = [time.monotonic()]
            intake = take_in(con, folder, company, say, stamp, options.own)
            refuse_rejected(intake, options)
            clock.append(time.monotonic())
            learning = assemble(con, intake, company, say)
            clock.append(time.monotonic())
            tie_out.write(con, intake)
            manifest = describe(con, intake, company, stamp)
            con.execute("checkpoint")
            con.close()
            clock.append(time.monotonic())
            manifest["seconds"] = {
                name: round(b - a, 2)
                for name, a, b in zip(("intake", "tables", "checks"), clock, clock[1:], strict=False)
            }
            manifest["seconds"]["learning"] = round(sum(learning.values()), 2)
            manifest["seconds"]["tables"] = round(manifest["seconds"]["tables"] - manifest["seconds"]["learning"], 2)
            say(f"publishing after {clock[-1] - clock[0]:.1f} s")
            return publish(draft, manifest, options.keep)
        except duckdb.OutOfMemoryException as error:
            raise Unusable(
                f"The build needs more memory than --memory {options.memory or 'half of the machine'} allows, "
                "and could not spill more to disk. Free disk space in the warehouse, or allow more memory."
            ) from error
        except (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException, OSError) as error:
            raise Unusable(
                f"The build could not write to {warehouse}: {str(error).splitlines()[0]} Free disk space "
                "there, then build again; the previous build still serves."
            ) from error
        finally:
            with contextlib.suppress(duckdb.Error):  # after a full disk, closing fails as well
                con.close()
            for left in warehouse.glob(f"{draft.name}*"):
                remove(left)


def connect(path: str, options: Options) -> duckdb.DuckDBPyConnection:
    """A builder's connection: bounded memory, UTC, spilling beside the draft."""
    con = duckdb.connect(path)
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    con.execute(f"set memory_limit = {quoted(options.memory or f'{half >> 20}MiB')}")
    if options.threads:
        con.execute(f"set threads = {options.threads:d}")
    for setting in (
        "TimeZone = 'UTC'",
        "preserve_insertion_order = false",
        "python_enable_replacements = false",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "enable_progress_bar = false",
    ):
        con.execute(f"set {setting}")
    if path != ":memory:":
        con.execute(f"set temp_directory = {quoted(path + '.tmp')}")
    return con


def refuse_rejected(intake: Intake, options: Options) -> None:
    """Publish nothing when a source was refused, unless that was accepted, or when there are no lines."""
    rejected = [source for source in intake.sources if source.reason]
    if rejected and not options.accept_rejected:
        listed = "\n".join(f"  {source.file}: {source.reason}" for source in rejected)
        raise Unusable(
            f"{len(rejected)} of {len(intake.sources)} sources were refused, so nothing was published:\n{listed}\n"
            "Mend them and build again, or publish without them: --accept-rejected"
        )
    if not intake.total("loaded") or not any(s.loaded for s in intake.sources if s.feed == "lines"):
        raise Unusable(
            "Not a single order line could be loaded, so nothing was published. "
            "See what is wrong with: python -m data check FOLDER"
        )
