"""python -m data plan, as people run it: what it prints, what it writes, and when it says no."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from data import plan_command
from data.__main__ import main
from data.export_files import unescape
from data.journal import audit
from data.journal.store import Journal
from data.plan_words import gap_words
from tests import campaigning, on_screen
from tests.conftest import ROOT

MOMENT = "2026-10-02T08:00+00:00"


def planned(warehouse: Path, to: Path, *options: str, journal: str = "") -> tuple[int, str, str]:
    """Run it in a folder beside which there is no journal; output and errors."""
    command = [sys.executable, "-m", "data", "plan", "--warehouse", warehouse, "--at", MOMENT, "--to", to, *options]
    environment = os.environ | {"RAPPORT_JOURNAL": journal, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*map(str, command)], cwd=to.parent, env=environment, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture) -> Callable[..., tuple]:
    """The same in this process, for the many ways to say no."""

    def run(warehouse: Path, to: Path, *options: str, journal: str = "") -> tuple[int, str, str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("RAPPORT_JOURNAL", journal)
        code = main(["plan", "--warehouse", str(warehouse), "--at", MOMENT, "--to", str(to), *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def cells(file: Path) -> list[list[str]]:
    return [[unescape(cell) for cell in row] for row in csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig")))]


def test_a_plan_without_a_journal_says_so_keeps_to_its_limits_and_writes_every_customer(warehouse, tmp_path):
    code, said, error = planned(
        warehouse, tmp_path / "plan.csv", "--budget", "150.00", "--capacity", "email=40", "--capacity", "mail=25"
    )
    assert code == 0, error
    assert "No journal is known: exports of campaigns, locks and releases are not taken into account" in said
    head, *rows = cells(tmp_path / "plan.csv")
    assert head[0] == "Customer" and "Margin of the contact (expected, unproven)" in head
    known = [key for (key,) in on_screen.asked(warehouse, "select customer_id from customer order by customer_id")]
    assert [row[0] for row in rows] == known
    assert sum(Decimal(row[7]) for row in rows) <= 150
    channels = [row[1] for row in rows]
    assert channels.count("email") <= 40 and channels.count("mail") <= 25 and len(channels) > channels.count("")
    refused = on_screen.asked(warehouse, "select customer_id, channel from consent_state where not allowed "
                                         "and coalesce(purpose, '(unknown)') in ('(unknown)', 'marketing')")  # fmt: skip
    assert not {(row[0], row[1]) for row in rows} & set(refused)
    assert (tmp_path / "plan.csv").stat().st_mode & 0o777 == 0o600


def test_what_is_printed_is_what_the_file_holds(warehouse, tmp_path):
    code, said, _ = planned(warehouse, tmp_path / "plan.parquet", "--budget", "150.00")
    rows = pq.read_table(tmp_path / "plan.parquet").to_pandas()
    assert code == 0 and f"{len(rows):,} customers are in" in said
    value = rows["expected"].fillna(0).sum() - float(rows["cost"].sum())
    printed = re.search(r"Value +([\d.,-]+) EUR a month, expected, unproven", said)
    assert printed and float(printed[1].replace(",", "")) == pytest.approx(value, abs=0.006)
    assert f"Spend   {rows['cost'].sum():,.2f} of 150.00 EUR for {(rows['channel'].astype(str) != '').sum():,}" in said
    for channel, number in rows["channel"].astype(str).value_counts().items():
        assert not channel or re.search(rf"^{channel} +{number:,} ", said, re.MULTILINE)
    left = rows[rows["channel"].astype(str) == ""]
    assert f"Nobody contacts {len(left):,} customers:" in said
    for reason, number in left["reason"].astype(str).value_counts().items():
        assert f"  {number:,} {reason}" in said
    assert re.search(r"this plan is (at most \d+\.\d\d % below|as good as) the best possible", said)
    assert re.search(r"One more EUR of budget earns [\d.]+ EUR \(expected, unproven\)", said)
    assert "What binds: the budget" in said


def test_no_value_is_printed_without_saying_that_it_is_expected_or_measured(warehouse, tmp_path):
    _, said, _ = planned(warehouse, tmp_path / "plan.csv", "--budget", "150.00")
    for line in said.splitlines():
        if re.search(r"\bearns\b|^Value", line):
            assert "expected, unproven" in line
    measured = [line for line in said.splitlines() if "is worth" in line or "not measured" in line]
    assert measured or "nothing here is proven" in said
    assert not re.search(r"\b(cause|causes|caused|due to|because of the contact)\b", said)


def test_where_nothing_was_tested_nothing_is_said_to_earn(here, warehouse, tmp_path, tmp_path_factory):
    where = on_screen.changed(
        warehouse,
        tmp_path_factory.mktemp("untested"),
        "update learned_channel_effect set basis = 'unproven'",
        "update learned_effect set basis = 'unproven'",
        "delete from learned_tested",
    )
    code, said, _ = here(where, tmp_path / "plan.csv", "--budget", "50")
    assert code == 0 and "EUR of budget goes along with" in said and "nothing here is proven" in said
    assert not re.search(r"\bearns\b", said)


def test_the_same_inputs_are_the_same_bytes(warehouse, tmp_path):
    for name in ("one.csv", "two.csv"):
        assert planned(warehouse, tmp_path / name, "--budget", "99.99")[0] == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_with_a_journal_customers_of_a_running_campaign_are_left_out_and_the_file_is_on_record(warehouse, tmp_path):
    where = tmp_path / "journal"
    journal = Journal(str(where))
    journal.migrate()
    author, approver = campaigning.people_of(journal)
    keys = [
        key for (key,) in on_screen.asked(warehouse, "select customer_id from customer order by customer_id limit 9")
    ]
    campaigning.exported(
        journal, author, approver, dict.fromkeys(keys[:5], "treated") | dict.fromkeys(keys[5:], "control")
    )
    code, said, error = planned(warehouse, tmp_path / "plan.jsonl", journal=str(where))
    assert code == 0, error
    assert "9 in no plan: in a running test" in said and "No journal is known" not in said
    rows = [json.loads(line) for line in (tmp_path / "plan.jsonl").read_text().splitlines()]
    assert not {row["customer_id"] for row in rows} & set(keys)
    noted = [row for row in audit.stream(journal) if row["action"] == "plan.export"]
    assert [row["target"] for row in noted] == ["plan.jsonl"] and audit.verify(journal).ok


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--capacity", "fax=5"), "There is no channel 'fax'. Channels: "),
        (("--capacity", "email"), "--capacity needs a name and a value such as email=10000"),
        (("--capacity", "email=many"), "The capacity of email must be a whole number"),
        (("--budget", "-1"), "The budget must be 0 or more"),
        (("--budget", "nan"), "The budget must be an amount"),
        (("--least-roi", "inf"), "The least return must be a number"),
        (("--most-contacts", "few"), "--most-contacts must be a whole number"),
        (("--explore-none", "0.6"), "must be between 0% and 50%"),
        (("--only", "shoe_size=44"), "shoe size is none here"),
    ],
)
def test_what_no_plan_can_be_made_of_is_said_and_nothing_is_written(here, warehouse, tmp_path, options, said):
    code, out, error = here(warehouse, tmp_path / "plan.csv", *options)
    assert (code, out) == (1, "") and said in error and "Traceback" not in error
    assert not (tmp_path / "plan.csv").exists()


def test_a_journal_that_is_not_there_is_said(here, warehouse, tmp_path):
    code, _, error = here(warehouse, tmp_path / "plan.csv", journal=str(tmp_path / "gone"))
    assert code == 1 and "There is no journal in" in error


def test_a_file_without_an_ending_or_one_that_exists_is_refused(here, warehouse, tmp_path):
    assert "Say which file to write" in here(warehouse, tmp_path / "plan")[2]
    (tmp_path / "plan.csv").write_text("mine")
    code, _, error = here(warehouse, tmp_path / "plan.csv")
    assert code == 1 and "exists already" in error and (tmp_path / "plan.csv").read_text() == "mine"


def test_an_older_build_says_build_again(here, warehouse, tmp_path, tmp_path_factory):
    older = on_screen.changed(warehouse, tmp_path_factory.mktemp("older"), "drop table learned_effect")
    code, _, error = here(older, tmp_path / "plan.csv")
    assert code == 1 and "Build again to have it: python -m data build FOLDER" in error
    assert here(tmp_path, tmp_path / "plan.csv")[0] == 1


def test_cells_of_the_file_are_safe_against_formulas(warehouse, tmp_path, tmp_path_factory):
    names = ("customer", "consent_state", "feed_contacts", "learned_effect", "learned_tested")
    evil = "=HYPERLINK(1)"
    first = "(select min(customer_id) from feed_contacts)"
    changes = [
        f"update {name} set customer_id = '{evil}' where customer_id = (select key from chosen)" for name in names
    ]
    place = on_screen.changed(warehouse, tmp_path_factory.mktemp("evil"),
                              f"create temp table chosen as select {first} as key", *changes)  # fmt: skip
    assert planned(place, tmp_path / "plan.csv")[0] == 0
    assert f'"\'{evil}"' in (tmp_path / "plan.csv").read_text(encoding="utf-8-sig")
    assert evil in [row[0] for row in cells(tmp_path / "plan.csv")]


@pytest.mark.parametrize(("gap", "said"), [(0.0, "as good as"), (4e-7, "as good as"), (4e-6, "at most 0.01 % below"),
                                           (0.0002, "at most 0.02 % below"), (0.00021, "at most 0.03 % below"),
                                           (0.15, "at most 15.00 % below")])  # fmt: skip
def test_the_gap_is_rounded_up(gap, said):
    assert gap_words(gap) == f"{said} the best possible"


def test_columns_of_the_file_are_those_of_the_rows():
    from data.plan_rows import ROWS

    assert [one.name for one in plan_command.COLUMNS] == ROWS.names
