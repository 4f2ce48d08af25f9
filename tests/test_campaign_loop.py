"""The whole loop in a real browser: a segment, a draft, somebody else's approval, a list, answers over HTTP, a verdict."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page

from data import own_campaigns
from data.build import Options, build
from data.journal import audit, campaigns
from data.journal.store import Journal
from data.rights import SYSTEM
from data.warehouse import Warehouse
from tests import browser
from web import demo

pytestmark = pytest.mark.browser

NUMBER, WINDOW = 600, 2
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
EXTRA = 9  # what a treated customer spends more, currency; nobody else knows


def write(path: Path, rows: list[dict]) -> None:
    """A CSV file of rows."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def company(folder: Path) -> Path:
    """Customers of two segments in one book, who all bought two months ago and agree to e-mail."""
    folder.mkdir()
    keys = [f"C{number:04}" for number in range(NUMBER)]
    write(folder / "customers.csv", [
        {"customer_id": key, "segment": "home" if number % 3 else "business", "region": "North", "manager_id": "M1"}
        for number, key in enumerate(keys)])  # fmt: skip
    write(folder / "consents.csv", [
        {"customer_id": key, "channel": "email", "allowed": "true", "purpose": "marketing", "recorded_at": "2020-01-01"}
        for key in keys])  # fmt: skip
    write(folder / "lines.csv", [
        {"order_id": f"{day}-{key}", "customer_id": key, "ordered_at": f"{TODAY - timedelta(days=day):%Y-%m-%d}",
         "revenue": 20 + (number * 7 + day) % 11, "cost": 8}
        for number, key in enumerate(keys) for day in (61, 33, 1)])  # fmt: skip
    (folder / "company.toml").write_text('name = "Loop"\ncurrency = "EUR"\ncampaign_budget = 5000\n')
    return folder


def later(folder: Path, arms: dict[str, str]) -> None:
    """What customers buy within the window: everybody something, the treated more."""
    moment = datetime.now(UTC) + timedelta(hours=12)
    rows = [{"order_id": f"later-{key}", "customer_id": key, "ordered_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
             "revenue": 20 + int(key[1:]) * 7 % 11 + (EXTRA if arm != "control" else 0), "cost": 8}
            for key, arm in arms.items()]  # fmt: skip
    end = TODAY + timedelta(days=WINDOW + 2)
    rows.append({"order_id": "end", "customer_id": "C0000", "ordered_at": f"{end:%Y-%m-%d}", "revenue": 1, "cost": 0})
    write(folder / "lines-later.csv", rows)


def settle(page: Page) -> None:
    """Wait until what was clicked is drawn."""
    page.evaluate("window.quietSince = undefined")
    browser.settled(page)


def press(page: Page, label: str, exact: bool = False) -> None:
    """Press a button, and wait for what it does."""
    page.get_by_role("button", name=label, exact=exact).first.click()
    settle(page)


def fill(page: Page, label: str, text: str) -> None:
    """Write into a field, and leave it."""
    field = page.get_by_label(label, exact=True).first
    field.fill(text)
    field.press("Tab")
    settle(page)


def token(address: str) -> str:
    """An access token of the demonstration's program, as any OAuth client asks for one."""
    asked = {"grant_type": "client_credentials", "scope": demo.RESPONSES, "resource": f"{address}/api"}
    answer = httpx.post(f"{address}{demo.PLACE}/token", data=asked, auth=(demo.PROGRAM, demo.PASSWORD), trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def test_a_campaign_from_a_segment_to_its_verdict(chromium, tmp_path, monkeypatch):
    feeds, warehouse = company(tmp_path / "feeds"), tmp_path / "warehouse"
    build(feeds, warehouse, lambda text: None)
    place = str(tmp_path / "journal")
    journal = Journal(place)
    journal.migrate()
    with browser.serve(warehouse, RAPPORT_JOURNAL=place) as address:
        found = drafted(chromium, address, journal)
        approved(chromium, address, found)
        listed = exported(chromium, address, found, tmp_path)
        froze = campaigns.frozen(journal, found)
        arms = arms_of(tmp_path / "journal" / "campaigns" / found / froze["file"])
        assert {one["recipient"] for one in listed} == {key for key, arm in arms.items() if arm != "control"}
        answered(address, found, [one["recipient"] for one in listed][:25])
        seen_at_once(chromium, address, found)

        later(feeds, arms)
        own = tmp_path / "own"
        own.mkdir()
        now = TODAY + timedelta(days=WINDOW + 3)
        own_campaigns.write(journal, own, lambda text: None)
        path = build(feeds, warehouse, lambda text: None, Options(now=now, own=own))
        assert own_campaigns.grade(journal, Warehouse(warehouse).build(path.stem), lambda text: None) == 1
        graded(chromium, address, found, arms)
    names = [one.name for one in campaigns.steps(journal, SYSTEM, found)]
    assert names == ["draft", "submit", "approve", "export", "launch", "grade"]
    assert audit.verify(journal).ok


def drafted(chromium, address: str, journal: Journal) -> str:
    """Max keeps a segment, begins a campaign from it, and submits it; its key."""
    with browser.visit(chromium, f"{address}/customer_roi?segment=home", persona="max", size=(1440, 1400)) as seen:
        page = seen.page
        press(page, "Keep as segment")
        fill(page, "Name", "Homes")
        press(page, "Keep", exact=True)
        page.goto(f"{address}/segments")
        settle(page)
        page.get_by_role("link", name="Start a campaign").first.click()
        settle(page)
        fill(page, "Name", "Autumn reminder")
        fill(page, "Hypothesis: who will do what, and why", "Homes buy sooner when they are reminded.")
        press(page, "Begin")
        press(page, "On: Why")
        fill(page, "Expected, hopeful, EUR", "14")
        fill(page, "Expected margin a customer, EUR", "8")
        fill(page, "Expected, cautious, EUR", "4")
        press(page, "On: What")
        fill(page, "Window, days", str(WINDOW))
        fill(page, "Budget, EUR", "100")
        press(page, "On: Holdout")
        press(page, "On: Check")
        press(page, "Submit for approval")
        (found,) = campaigns.listing(journal, SYSTEM)
        assert found.state == "submitted", page.locator("[data-testid=stMain]").inner_text()
        assert seen.errors == []
        return found.campaign_id


def approved(chromium, address: str, found: str) -> None:
    """Ada, who did not write it, approves it."""
    with browser.visit(chromium, f"{address}/approvals", persona="ada", size=(1440, 1400)) as seen:
        assert "Autumn reminder" in seen.page.locator("[data-testid=stMain]").inner_text()
        press(seen.page, "Approve", exact=True)
        assert seen.errors == []


def exported(chromium, address: str, found: str, folder: Path) -> list[dict]:
    """Max draws the arms and fetches the list; its rows."""
    with browser.visit(chromium, f"{address}/campaign?campaign={found}", persona="max", size=(1440, 1400)) as seen:
        page = seen.page
        press(page, "Export", exact=True)
        browser.choose(page, "Format", "JSON lines")
        settle(page)
        press(page, "Make the file")
        press(page, "Prepare the download")
        with page.expect_download() as began:
            page.get_by_role("link", name=re.compile("Download")).click()
        began.value.save_as(folder / "list.jsonl")
        settle(page)
        assert seen.errors == []
    return [json.loads(line) for line in (folder / "list.jsonl").read_text().splitlines()]


def arms_of(path: Path) -> dict[str, str]:
    """Customer -> arm, from the frozen file."""
    table = pq.read_table(path)
    return dict(zip(table["customer_id"].to_pylist(), table["arm"].to_pylist(), strict=True))


def answered(address: str, found: str, recipients: list[str]) -> None:
    """The sending system brings answers back."""
    rows = [{"campaign_id": found, "response_id": f"r-{key}", "recipient": key, "kind": "order",
             "responded_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"} for key in recipients]  # fmt: skip
    headers = {"Authorization": f"Bearer {token(address)}"}
    answer = httpx.post(f"{address}/api/responses", json={"responses": rows}, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.json()["kept"] == len(rows)
    again = httpx.post(f"{address}/api/responses", json={"responses": rows}, headers=headers, trust_env=False)
    assert (again.status_code, again.json()["known"]) == (200, len(rows))


def seen_at_once(chromium, address: str, found: str) -> None:
    """The answers are on the screen before any build knows them."""
    with browser.visit(chromium, f"{address}/campaign?campaign={found}", persona="max", size=(1440, 1400)) as seen:
        assert re.search(r"\b25\b", seen.page.locator("[data-testid=stMain]").inner_text())
        assert seen.errors == []


def graded(chromium, address: str, found: str, arms: dict[str, str]) -> None:
    """The verdict is on the screen, in words, with what was planted inside its interval."""
    with browser.visit(chromium, f"{address}/campaign?campaign={found}", persona="max", size=(1440, 1400)) as seen:
        text = seen.page.locator("[data-testid=stMain]").inner_text()
        assert "proven gain" in text.lower(), text
        assert seen.errors == []
    with browser.visit(chromium, f"{address}/campaigns", persona="otto", size=(1440, 1400)) as seen:
        assert "Autumn reminder" in seen.page.locator("[data-testid=stMain]").inner_text()
