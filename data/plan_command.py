"""The command `plan`: the best channel for each customer within budget, capacity and consent, as a file and in words.

The models are handed in by data/__main__.py, which may import them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from data import plan, plan_rows, plan_words
from data.catalog import Unit
from data.company import Unusable
from data.export_files import KINDS, Column, TooLarge
from data.journal.files import new_file
from data.journal.problems import Invalid
from data.journal.store import Journal
from data.journal.store import journal as opened
from data.plan_policy import Policy
from data.plan_rows import Outcome, Tell
from data.plan_worth import Worth, worth
from data.rights import SYSTEM
from data.view import EVERYTHING, Refused, View
from data.warehouse import Build, NoBuild, Warehouse

COLUMNS = (
    Column("customer_id", "Customer"),
    Column("channel", "Channel"),
    Column("drawn", "Drawn by"),
    Column("p_assign", "Probability of this", Unit.RATIO),
    Column("expected", f"Margin of the contact ({plan_rows.UNPROVEN})", Unit.MONEY),
    Column("low", "Cautious, 90 %", Unit.MONEY),
    Column("high", "Hopeful, 90 %", Unit.MONEY),
    Column("cost", "Cost", Unit.MONEY),
    Column("runner_up", "Runner-up"),
    Column("regret", "Lost with the runner-up", Unit.MONEY),
    Column("reason", "Reason"),
)
ROWS_AT_ONCE = 50_000


@dataclass(frozen=True)
class Models:
    """What solves a plan: the modules models.assignment, explore, assign_arm and policy_value."""

    assignment: Any
    explore: Any
    drawing: Any
    value: Any


def run(command: argparse.Namespace, models: Models, say: Callable[[str], None], out: Callable[[str], None]) -> int:
    """Plan, write the file, and tell what it comes to. say: progress; out: the answer. Raises Unusable in words."""
    if command.job:
        from data.plan_worker import work  # it calls back here

        return work(command.job, models)
    try:
        kind = suffix_of(command.to)
        build = Warehouse(command.warehouse).current()
        journal = journal_there()
        policy = asked(command, build)
        last = [""]

        def tell(stage: str, share: float) -> None:
            if stage != last[0]:
                say(stage)
                last[0] = stage

        done = made(build, View(EVERYTHING), journal, models, policy, command.at, tell)
        told = plan_words.told(
            done,
            measured(done, build, View(EVERYTHING), models),
            build.manifest.get("currency", ""),
            journal is not None,
        )
        out("\n".join([f"Build {build.id}", *told]))
        if journal:
            about = {"sha256": policy.sha256, "customers": int((done.found.out == 0).sum())}
            journal.record(SYSTEM, "plan.export", command.to.name, build.id, **about)
        with new_file(command.to) as file:
            number = written(cast(IO[bytes], file.buffer), kind, done, build)  # type: ignore[attr-defined]
    except (Invalid, Refused, NoBuild, TooLarge, models.assignment.Infeasible) as problem:
        raise Unusable(plan_words.plainly(str(problem))) from problem
    out(f"{number:,} customers are in {command.to}")
    return 0


def made(
    build: Build,
    view: View,
    journal: Journal | None,
    models: Models,
    policy: Policy,
    at: datetime | None = None,
    tell: Tell = lambda stage, share: None,
) -> Outcome:
    """Read, explore, solve. tell: is told stage and share of the whole; it raises to stop."""
    tell("reading customers", 0.0)
    found = plan.candidates(build, view, journal, models.drawing, policy, at)
    return plan_rows.solve(found, policy, models.assignment, models.explore, tell)


def measured(done: Outcome, build: Build, view: View, models: Models) -> list[Worth]:
    """What the plan's contacts are worth by channel, from the tested customers of a scope; readers of groups: none."""
    return worth(done, plan.tested(build, view), models.value) if done.found.single else []


def journal_there() -> Journal | None:
    """The journal of this machine; none where nobody ever made one."""
    where = os.environ.get("RAPPORT_JOURNAL", "")
    if "://" in where or (Path(where or "journal") / "journal.db").exists():
        return opened()
    if where:
        raise Unusable(f"There is no journal in {where}. Correct RAPPORT_JOURNAL, or leave it out to plan without one.")
    return None


def asked(command: argparse.Namespace, build: Build) -> Policy:
    """The policy of the command line; raises Invalid."""
    given: dict[str, Any] = {"capacity": tuple(pair(text, "--capacity", "email=10000") for text in command.capacity)}
    given["capacity"] = tuple((name, whole(value, f"The capacity of {name}")) for name, value in given["capacity"])
    if command.budget is not None:
        given["budget"] = command.budget
    for name, what in (("most_contacts", "--most-contacts"), ("contact_days", "--contact-days")):
        if (text := getattr(command, name)) is not None:
            given[name] = whole(text, what)
    for name, text in (("least_roi", command.least_roi), ("none_share", command.explore_none),
                       ("random_share", command.explore_channel), ("purpose", command.purpose)):  # fmt: skip
        if text is not None:
            given[name] = text
    members: dict[str, list[str]] = {}
    for text in command.only:
        name, value = pair(text, "--only", "segment=home")
        members.setdefault(name, []).append(value)
    given["members"] = tuple((name, tuple(values)) for name, values in members.items())
    return plan.start(build).but(**given)


def pair(text: str, option: str, example: str) -> tuple[str, str]:
    """Both sides of an equals sign; raises Invalid."""
    name, mark, value = text.partition("=")
    if not (name and mark and value):
        raise Invalid(f"{option} needs a name and a value such as {example}, not {text[:40]!r}.")
    return name, value


def whole(text: str, what: str) -> int:
    """A whole number; raises Invalid."""
    try:
        return int(text)
    except ValueError:
        raise Invalid(f"{what} must be a whole number, not {text[:40]!r}.") from None


def suffix_of(path: Path | None) -> str:
    """The kind of file by its name; raises Unusable."""
    kind = path.suffix.lower().removeprefix(".") if path else ""
    if kind not in KINDS:
        raise Unusable(f"Say which file to write: --to FILE with one of the endings .{', .'.join(KINDS)}")
    return kind


def written(file: IO[bytes], kind: str, done: Outcome, build: Build) -> int:
    """Write the rows of a plan as exports are written; how many. Raises TooLarge."""
    rows = plan_rows.rows(done)
    if rows.num_rows > KINDS[kind].most_rows:
        raise TooLarge(f"{rows.num_rows:,} customers are more than a file .{kind} can hold. Choose .csv or .parquet.")
    about = {
        "Table": "channel plan", "Company": build.manifest["company"], "Build": build.id,
        "Data to": build.manifest["as_of"], "Currency": build.manifest.get("currency") or "not stated",
        "Policy": done.policy.text(), "Value": f"{Decimal(str(done.plan.value)):f} ({plan_rows.UNPROVEN})",
        "Notice": build.manifest.get("notice") or "",
    }  # fmt: skip
    about = {name: text for name, text in about.items() if text}
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.to_batches(ROWS_AT_ONCE))
    return KINDS[kind].write(file, reader, list(COLUMNS), about)


def figures(done: Outcome, worths: list[Worth]) -> str:
    """The figures of a plan with what was measured, as JSON."""
    said = {
        one.channel: {
            name: None if value != value else value
            for name, value in (("value", float(one.value.value)), ("low", float(one.value.low)),
                                ("high", float(one.value.high)), ("effective", float(one.value.effective)))
        } | {"rows": one.rows, "tested": one.tested}
        for one in worths
    }  # fmt: skip
    return json.dumps(done.figures | {"worth": said}, sort_keys=True)
