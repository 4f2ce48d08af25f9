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
from data.journal import campaigns, deliveries, responses
from data.journal.store import Journal
from data.responses import judged
from data.rights import SYSTEM
from data.warehouse import Warehouse
from tests.campaigning import delivered, exported, launched, people_of

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


def feeds(folder: Path, until: datetime, contacts: list[dict] | None = None, zone: str = "") -> Path:
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
        {
            "order_id": "last",
            "customer_id": "C0000",
            "ordered_at": f"{until:%Y-%m-%dT%H:%M:%SZ}",
            "revenue": 1,
            "cost": 0,
        }
    )
    tables = {"lines": rows, "contacts": contacts or []}
    for name, table in tables.items():
        if table:
            with (folder / f"{name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(table[0]))
                writer.writeheader()
                writer.writerows(table)
    if zone:
        (folder / "company.toml").write_text(f'zone = "{zone}"\n')
    return folder


def built(journal: Journal, tmp_path: Path, until: datetime, name: str = "w", contacts=None, now=None, zone="") -> Path:
    """The company and the journal's campaigns as one build."""
    own = tmp_path / f"own-{name}"
    own.mkdir()
    own_campaigns.write(journal, own, lambda text: None)
    options = Options(now=now or until + timedelta(days=2), own=own)
    return build(feeds(tmp_path / f"feeds-{name}", until, contacts, zone), tmp_path / name, lambda text: None, options)


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
    assert last.detail["effect"] == pytest.approx(effect) and last.detail["attributed_roi"] > 0
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


def window_of(path: Path) -> tuple:
    with duckdb.connect(str(path), read_only=True) as con:
        asked = "select measured_from::varchar, measured_to::varchar, verdict from campaign"
        row = con.execute(asked).fetchone()
    assert row is not None
    return row


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe"])
def test_the_window_begins_at_the_launch_wherever_the_company_is(here, tmp_path, zone):
    # 06:30 UTC on 1 November 2026 is 01:30 in New York, an hour that comes twice there
    here.clock = lambda: datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    launched(here, *people_of(here), ARMS, window_days=10, holdout=0.25)
    path = built(here, tmp_path, datetime(2026, 11, 20, 12, tzinfo=UTC), zone=zone)
    assert window_of(path)[:2] == ("2026-11-01 06:30:00", "2026-11-11 06:30:00")
    with duckdb.connect(str(path), read_only=True) as con:
        assert con.execute("select count(*), min(occurred_at)::varchar from contact").fetchone() == (
            len(ARMS), "2026-11-01 06:30:00")  # fmt: skip


def test_only_who_was_in_a_batch_that_was_sent_costs_something(here, tmp_path):
    author, approver = people_of(here)
    found = exported(here, author, approver, ARMS, window_days=30, holdout=0.25)
    first = delivered(here, author, found, batch_rows=100)
    deliveries.sent(here, first, 1)  # of 300 recipients the second hundred
    deliveries.cancel(here, author, first)
    path = built(here, tmp_path, LAUNCH + timedelta(days=40))
    treated = sorted(key for key, arm in ARMS.items() if arm == "treated")
    with duckdb.connect(str(path), read_only=True) as con:
        costly = con.execute("select customer_id from contact where contact_cost > 0 order by 1").fetchall()
        assert con.execute("select treated_customers, control_customers, cost from campaign").fetchone() == (
            300, 100, Decimal("5.00"))  # fmt: skip
    assert [key for (key,) in costly] == treated[100:200]


def test_a_campaign_is_graded_by_orders_from_after_its_window_and_not_an_hour_before(here, tmp_path):
    running = launched(here, *people_of(here), ARMS, window_days=30, holdout=0.25)
    end = LAUNCH + timedelta(days=30)  # at noon
    for hours, number in ((-1, 0), (0, 1)):
        path = built(here, tmp_path, end + timedelta(hours=hours), f"w{number}")
        assert own_campaigns.grade(here, Warehouse(path.parent).build(path.stem), print) == number
    assert campaigns.get(here, SYSTEM, running.campaign_id).state == "graded"


def test_a_campaign_of_a_handful_is_built_and_graded_without_figures(here, tmp_path):
    few = {key: ARMS[key] for key in CUSTOMERS[:12]}
    running = launched(here, *people_of(here), few, window_days=30, holdout=0.25)
    path = built(here, tmp_path, LAUNCH + timedelta(days=40))
    with duckdb.connect(str(path), read_only=True) as con:
        assert con.execute("select count(*) from campaign_day").fetchone() == (0,)
    assert own_campaigns.grade(here, Warehouse(path.parent).build(path.stem), print) == 1
    detail = campaigns.steps(here, SYSTEM, running.campaign_id)[-1].detail
    assert [detail[name] for name in ("effect", "incremental_roi", "attributed_roi", "inflation")] == [None] * 4


def test_a_build_without_the_journals_own_rows_grades_nothing(here, tmp_path):
    running = launched(here, *people_of(here), ARMS, window_days=30, holdout=0.25)
    theirs = [{"customer_id": key, "channel": "email", "occurred_at": "2026-03-02", "campaign_id": running.campaign_id,
               "cost": "0.5"} for key in CUSTOMERS[:60]]  # fmt: skip
    until = LAUNCH + timedelta(days=40)
    path = build(feeds(tmp_path / "feeds", until, theirs), tmp_path / "w", lambda text: None, Options(now=until))
    assert window_of(path)[2] == "not measurable"
    assert own_campaigns.grade(here, Warehouse(path.parent).build(path.stem), print) == 0
    assert campaigns.get(here, SYSTEM, running.campaign_id).state == "measuring"


def test_of_two_builds_that_end_at_once_one_grades_and_the_other_goes_on(here, tmp_path, monkeypatch):
    author, approver = people_of(here)
    one = launched(here, author, approver, ARMS, window_days=30, holdout=0.25)
    two = launched(here, author, approver, ARMS, window_days=30, holdout=0.25)
    path = built(here, tmp_path, LAUNCH + timedelta(days=40))
    found, known = Warehouse(path.parent).build(path.stem), campaigns.listing(here, SYSTEM)
    campaigns.grade(here, one.campaign_id, {"verdict": "not proven", "build": "another"})
    monkeypatch.setattr(own_campaigns.campaigns, "listing", lambda journal, actor: known)  # what it read before
    said = list[str]()
    assert own_campaigns.grade(here, found, said.append) == 1
    monkeypatch.undo()
    assert any("graded already" in text for text in said)
    assert [campaigns.get(here, author, key).state for key in (one.campaign_id, two.campaign_id)] == ["graded"] * 2
    assert campaigns.steps(here, author, one.campaign_id)[-1].detail["build"] == "another"


def test_taken_in_twice_the_feeds_are_the_same_to_the_byte(here, tmp_path):
    running = launched(here, *people_of(here), ARMS, window_days=30, holdout=0.25)
    assert running.state == "measuring"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        own_campaigns.write(here, tmp_path / name, print)
    for file in (own_campaigns.CONTACTS, own_campaigns.CAMPAIGNS):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
