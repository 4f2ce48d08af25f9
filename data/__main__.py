"""The command line: python -m data simulate | sample | check | build | history | plan | send | responses | …"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from data import build_journal, plan_options
from data.build import Options, build, check
from data.company import Unusable
from data.intake import Intake
from data.journal.problems import Invalid, JournalError
from data.publish import Busy
from data.sample import SampleError, complete_journey, online_retail
from data.tie_out import Differs
from data.warehouse import Warehouse

MOST_REASONS = 100  # refused rows of a file that are printed one by one
ENDS = date(2026, 9, 30)  # of the simulated company, so that the same seed gives the same company on every day


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 with a message when it did not."""
    command = parser().parse_args(arguments)
    try:
        return command.run(command)
    except (Unusable, Busy, Differs, SampleError, JournalError) as error:
        print(f"\n{error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. Nothing was published.", file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="python -m data", description="Feeds in, builds out.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("simulate", help="write the feeds of an invented company, and the truth behind them")
    one.add_argument("--customers", type=int, default=20_000)
    one.add_argument("--seed", type=int, default=7)
    one.add_argument("--ends", type=date.fromisoformat, default=ENDS, help="last day of the data, such as 2026-09-30")
    one.add_argument("--to", type=Path, required=True)
    one.set_defaults(run=run_simulate)
    one = commands.add_parser("sample", help="fetch real data and lay it out as a company's folder")
    one.add_argument("name", choices=["complete-journey", "online-retail"])
    one.add_argument("--file", type=Path, help="online-retail: the UCI file (.parquet, .csv or .xlsx)")
    one.add_argument("--to", type=Path, required=True)
    one.set_defaults(run=run_sample)
    for name, run, about in (
        ("check", run_check, "validate a folder and tie it out; changes nothing"),
        ("build", run_build, "build a folder and publish it; prints the build's path last"),
    ):
        one = commands.add_parser(name, help=about)
        one.add_argument("folder", type=Path)
        one.add_argument("--memory", default="", help="memory limit, such as 4GiB; half of the machine when left out")
        one.add_argument("--threads", type=int, default=0)
        one.set_defaults(run=run)
    one.add_argument("--warehouse", type=Path, default=Path("warehouse"))
    one.add_argument("--engine", choices=["duckdb"], default="duckdb")
    one.add_argument("--keep", type=int, default=5, help="how many builds to keep")
    one.add_argument("--accept-rejected", action="store_true", help="publish without the sources that were refused")
    one = commands.add_parser("history", help="list the builds of a warehouse")
    one.add_argument("--warehouse", type=Path, default=Path("warehouse"))
    one.set_defaults(run=run_history)
    one = commands.add_parser(
        "plan", help="find the best channel for each customer within budget, capacity and consent"
    )
    plan_options.add_to(one)
    one.set_defaults(run=run_plan)
    one = commands.add_parser(
        "send", help="send campaigns that wait to the targets of targets.toml, now and from now on"
    )
    one.add_argument("--once", action="store_true", help="send what waits now, then stop")
    one.add_argument("--delivery", default="", help="send this one only, also one that was given up")
    one.set_defaults(run=run_send)
    one = commands.add_parser("responses", help="bring customers' answers to campaigns back from a file")
    one.add_argument("file", type=Path)
    one.set_defaults(run=run_responses)
    one = commands.add_parser("journal", help="look after the database of what people decide")
    one.add_argument("what", choices=["migrate", "backup", "new-key"])
    one.add_argument("--to", type=Path, help="backup: the file to write")
    one.set_defaults(run=run_journal)
    one = commands.add_parser("audit", help="prove that nobody changed the audit trail, or write it to a file")
    one.add_argument("what", choices=["verify", "export", "access-review"])
    one.add_argument("--to", type=Path, help="export (JSON lines), access-review (CSV): the file to write")
    one.set_defaults(run=run_audit)
    return top


def run_simulate(command: argparse.Namespace) -> int:
    """Write an invented company's feeds."""
    from data.simulate import simulate  # numpy and pyarrow: only this command needs them

    if command.customers < 1:
        raise Unusable("--customers must be at least 1")
    simulate(command.to, customers=command.customers, seed=command.seed, ends=command.ends, progress=say)
    print(f"Build it with: python -m data build {command.to}")
    return 0


def run_sample(command: argparse.Namespace) -> int:
    """Lay real data out as a folder."""
    if command.name == "complete-journey":
        complete_journey(command.to, say)
    elif command.file:
        online_retail(command.file, command.to, say)
    else:
        raise Unusable("Online Retail is not in the package index: give the file with --file (see docs/sources.md)")
    print(f"Build it with: python -m data build {command.to}")
    return 0


def run_check(command: argparse.Namespace) -> int:
    """Show what a build would load, quarantine and reject."""
    intake = check(command.folder, say, Options(memory=command.memory, threads=command.threads))
    show(intake)
    return 1 if any(source.reason for source in intake.sources) else 0


def run_build(command: argparse.Namespace) -> int:
    """Build, publish, print the path."""
    with tempfile.TemporaryDirectory(prefix="rapport-campaigns-") as own:
        options = Options(
            memory=command.memory,
            threads=command.threads,
            keep=max(command.keep, 1),
            accept_rejected=command.accept_rejected,
            own=build_journal.own_feeds(Path(own), command.accept_rejected, say),
        )
        path = build(command.folder, command.warehouse, say, options)
    build_journal.put_on_record(path, say)
    print(path)
    return 0


def run_history(command: argparse.Namespace) -> int:
    """List builds, the newest first."""
    warehouse = Warehouse(command.warehouse)
    serving = warehouse.newest() if warehouse.history() else ""
    for manifest in warehouse.history():
        mark = "serves" if manifest["build"] == serving else ""
        rows = manifest.get("rows", {})
        loaded = f"{rows.get('loaded', 0):>12,} rows loaded"
        print(f"{manifest['build']}  {manifest.get('company', 'damaged'):30}  {loaded}  {mark}")
    if not serving:
        raise Unusable(f"No builds in {command.warehouse} yet. Make one with: python -m data build FOLDER")
    return 0


def run_plan(command: argparse.Namespace) -> int:
    """Plan the channels of all customers, in words and as a file."""
    from data import plan_command  # numpy, pyarrow and SQLAlchemy: only this command needs them
    from models import assign_arm, assignment, explore, policy_value

    models = plan_command.Models(assignment, explore, assign_arm, policy_value)
    return plan_command.run(command, models, say, print)


def run_send(command: argparse.Namespace) -> int:
    """Send deliveries to their targets; 1 when something is left with a problem."""
    from data import recipients, warehouse  # SQLAlchemy, HTTP and SSH: only this command needs them
    from data.journal.deliveries import Delivery
    from data.journal.problems import Invalid
    from data.journal.store import journal
    from data.sending import worker
    from data.sending.wire import Outside

    def withdrawn(delivery: Delivery) -> int:
        try:
            return recipients.withdrawn(journal(), warehouse.served(warehouse.folder()).current(), delivery)
        except warehouse.NoBuild as error:
            raise JournalError(f"Nobody can be asked for consent. {error}") from None

    try:
        return 0 if worker.run(journal(), Outside(say=say), withdrawn, command.delivery, command.once) else 1
    except KeyboardInterrupt:
        print("\nStopped. What is not sent goes on at the next start.", file=sys.stderr)
        return 1
    except Invalid as error:
        raise JournalError(str(error)) from None


def run_responses(command: argparse.Namespace) -> int:
    """Keep the answers of a file; 1 when rows were refused."""
    from data.files import Rejected
    from data.journal import responses
    from data.journal.store import Journal

    try:
        received = responses.receive_path(Journal(), command.file)
    except (Rejected, Invalid) as error:
        raise Unusable(f"{command.file.name}: {error}") from error
    for one in received.refused[:MOST_REASONS]:
        print(f"row {one.row}: {one.reason}")
    print(received)
    return 1 if received.refused else 0


def run_journal(command: argparse.Namespace) -> int:
    """Migrate the journal, back it up, or give its audit a new key."""
    from data.journal import files  # SQLAlchemy: only these commands need it
    from data.journal.store import Journal
    from data.rights import SYSTEM

    journal = Journal()
    journal.migrate()
    if command.what == "backup":
        print(f"{files.backup(journal, destination(command)):,} rows of the audit are in {command.to}")
        print(f"The keys are not: keep a copy of {journal.keys.path} in another place.")
    elif command.what == "new-key":
        key_id = journal.keys.add()
        journal.record(SYSTEM, "audit.key", key_id)
        print(f"New rows are signed with key {key_id}. Keep the old ones in {journal.keys.path}: old rows need them.")
    else:
        print(f"The journal is up to date: {journal.url.render_as_string(hide_password=True)}")
    return 0


def run_audit(command: argparse.Namespace) -> int:
    """Verify the audit trail, or write it or the access review to a file."""
    from data.journal import audit, files
    from data.journal.store import Journal

    journal = Journal()
    journal.migrate()
    if command.what == "verify":
        began = time.perf_counter()
        verdict = audit.verify(journal)
        speed = verdict.rows / (time.perf_counter() - began)
        for text in verdict.remarks:
            print(f"remark: {text}")
        for text in verdict.faults:
            print(f"FAULT: {text}")
        print(f"{verdict.rows:,} rows, {verdict.checkpoints:,} checkpoints, {speed:,.0f} rows a second")
        print("The audit trail is unbroken." if verdict.ok else "The audit trail is NOT what was written.")
        return 0 if verdict.ok else 1
    write = files.export if command.what == "export" else files.access_review
    print(f"{write(journal, destination(command)):,} lines are in {command.to}")
    return 0


def destination(command: argparse.Namespace) -> Path:
    """The file to write, which this command cannot do without."""
    if command.to is None:
        raise Unusable(f"Say which file to write: --to FILE (python -m data audit|journal {command.what} --to FILE)")
    return command.to


def show(intake: Intake) -> None:
    """What would be loaded, quarantined and rejected."""
    print(f"{'source':34}{'feed':13}{'rows in':>12}{'loaded':>12}{'quarantined':>13}{'rejected':>10}")
    for s in intake.sources:
        print(f"{s.file[:33]:34}{s.feed:13}{s.rows_in:>12,}{s.loaded:>12,}{s.quarantined:>13,}{s.rejected:>10,}")
        for name, (source, held) in s.totals.items():
            print(f"  {name}: {source:,.4f} in the source = {source - held:,.4f} loaded + {held:,.4f} quarantined")
        if s.left_out:
            print(f"  left out, not in the contract: {', '.join(s.left_out)}")
        if s.reason:
            print(f"  REFUSED: {s.reason}")
    for feed, file, reason, rows in intake.quarantine:
        print(f"quarantined {rows:,} of {feed} ({file}): {reason}")
    if intake.unused:
        print(f"not used by any feed or mapping: {', '.join(intake.unused)}")


def say(text: str) -> None:
    """Progress, with the time, on the error stream: the last line of standard output stays the build's path."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
