"""Rapport's own campaigns in a build: arms, costs and answers as feeds, once, and graded by the build that covers them."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from data import own_campaigns
from data.build import Options, build
from data.journal import campaigns, responses
from data.journal.store import Journal
from data.responses import judged
from data.rights import SYSTEM
from data.warehouse import Warehouse
from tests.campaigning import exported, launched, people_of

LAUNCH = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMERS = [f"C{number:04}" for number in range(400)]
ARMS = {key: "control" if number % 4 == 0 else "treated" for number, key in enumerate(CUSTOMERS)}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A journal of its own, whose clock stands at the launch."""
    monkeypatch.setenv("RAPPORT_CAMPAIGNS", str(tmp_path / "campaigns"))
    opened = Journal(str(tmp_path / "journal"))
    opened.clock = lambda: LAUNCH
    opened.migrate()
    return opened


def feeds(folder: Path, until: datetime, contacts: list[dict] | None = None) -> Path:
    """A company: everybody buys once before; the treated buy for 20 within the window, those held out for 10."""
    folder.mkdir()
    rows = [{"order_id": f"b{key}", "customer_id": key, "ordered_at": "2026-02-01", "revenue": 30, "cost": 20}
            for key in CUSTOMERS]  # fmt: skip
    for key in CUSTOMERS:
        money = 20 if ARMS[key] == "treated" else 10
        money += int(key[1:]) % 7
        rows.append(
            {"order_id": f"a{key}", "customer_id": key, "ordered_at": "2026-03-10", "revenue": money, "cost": 4}
        )
    rows.append(
        {"order_id": "last", "customer_id": "C0000", "ordered_at": f"{until:%Y-%m-%d}", "revenue": 1, "cost": 0}
    )
    tables = {"lines": rows, "contacts": contacts or []}
    for name, table in tables.items():
        if table:
            with (folder / f"{name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(table[0]))
                writer.writeheader()
                writer.writerows(table)
    return folder


def built(journal: Journal, tmp_path: Path, until: datetime, name: str = "w", contacts=None, now=None) -> Path:
    """The company and the journal's campaigns as one build."""
    own = tmp_path / f"own-{name}"
    own.mkdir()
    own_campaigns.write(journal, own, lambda text: None)
    options = Options(now=now or until + timedelta(days=2), own=own)
    return build(feeds(tmp_path / f"feeds-{name}", until, contacts), tmp_path / name, lambda text: None, options)


def test_a_launched_campaign_is_measured_by_the_next_build_and_graded_when_its_window_is_over(here, tmp_path):
    author, approver = people_of(here)
    running = launched(here, author, approver, ARMS, window_days=30, holdout=0.25, fixed_cost=Decimal("7.77"))
    never = exported(here, author, approver, ARMS)  # nobody was reached: no part of any build
    rows = [{"campaign_id": running.campaign_id, "response_id": f"r{key}", "recipient": key, "kind": "order",
             "responded_at": "2026-03-10T09:00:00Z"} for key in ("C0001", "C0002", "C0004")]  # fmt: skip
    here.clock = lambda: LAUNCH + timedelta(days=12)
    got = responses.receive(here, author, judged(rows, here.clock()), "upload", "Max")
    assert (got.kept, got.flags) == (3, {"held out": 1})

    early = built(here, tmp_path, LAUNCH + timedelta(days=12), "early")
    assert own_campaigns.grade(here, Warehouse(early.parent).build(early.stem), print) == 0
    assert campaigns.get(here, author, running.campaign_id).state == "measuring"

    late = built(here, tmp_path, LAUNCH + timedelta(days=40), "late")
    with duckdb.connect(str(late), read_only=True) as con:
        assert con.execute("select campaign_id from campaign").fetchall() == [(running.campaign_id,)]
        by_arm = con.execute(
            "select arm, count(*), sum(contact_cost), sum(fixed_cost), count(*) filter (responded) from contact "
            "where campaign_id = ? group by arm order by arm", [running.campaign_id]).fetchall()  # fmt: skip
        assert by_arm == [("control", 100, 0, 0, 1), ("treated", 300, Decimal("15.00"), Decimal("7.77"), 2)]
        treated, control, effect, verdict = con.execute(
            "select treated, control, effect, verdict from campaign").fetchone()  # fmt: skip
    means = {arm: sum((20 if arm == "treated" else 10) + int(key[1:]) % 7 - 4 for key in CUSTOMERS if ARMS[key] == arm)
             / sum(one == arm for one in ARMS.values()) for arm in ("treated", "control")}  # fmt: skip
    assert (treated, control) == (300, 100)
    assert effect == pytest.approx(means["treated"] - means["control"], abs=0.02)  # C0000 buys for 1 more, after it
    assert verdict == "proven gain"

    assert own_campaigns.grade(here, Warehouse(late.parent).build(late.stem), print) == 1
    last = campaigns.steps(here, author, running.campaign_id)[-1]
    assert (last.name, last.detail["verdict"], last.detail["build"]) == ("grade", "proven gain", late.stem)
    assert last.detail["effect"] == pytest.approx(effect)
    assert own_campaigns.grade(here, Warehouse(late.parent).build(late.stem), print) == 0  # once
    assert campaigns.get(here, SYSTEM, never.campaign_id).state == "exported"


def test_rows_of_the_company_about_an_own_campaign_are_quarantined_not_counted_twice(here, tmp_path):
    author, approver = people_of(here)
    running = launched(here, author, approver, ARMS, window_days=30, holdout=0.25)
    theirs = [{"customer_id": key, "channel": "email", "occurred_at": "2026-03-02", "campaign_id": running.campaign_id,
               "cost": "0.5"} for key in CUSTOMERS[:60]]  # fmt: skip
    theirs += [
        {"customer_id": "C0001", "channel": "email", "occurred_at": "2026-03-02", "campaign_id": "older", "cost": 1}
    ]
    path = built(here, tmp_path, LAUNCH + timedelta(days=40), contacts=theirs)
    with duckdb.connect(str(path), read_only=True) as con:
        held = con.execute("select feed, rows from quarantine where reason like 'Rapport exported%'").fetchall()
        assert held == [("contacts", 60)]
        mine = con.execute("select count(*) from contact where campaign_id = ?", [running.campaign_id]).fetchone()
        assert mine == (400,)
        assert con.execute("select count(*) from contact where campaign_id = 'older'").fetchone() == (1,)
        assert con.execute("select bool_and(difference = 0) from tie_out").fetchone() == (True,)


def test_without_campaigns_nothing_is_written(here, tmp_path):
    assert own_campaigns.write(here, tmp_path, print) == 0
    assert list(tmp_path.glob("*.parquet")) == []
