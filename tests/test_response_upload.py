"""Answers from a file: through the page of a campaign in a browser, and through the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from data.journal import audit, people
from data.journal import responses as kept
from data.journal.schema import PERSON, SESSION
from data.journal.store import Journal, stored
from data.rights import SYSTEM, Actor
from tests import browser, campaigning
from tests.colleagues import come
from tests.conftest import run_data
from tests.test_signin import new_browser

ARMS = {"C1": "treated", "C2": "treated", "C3": "treated", "C4": "control"}
HEADER = "campaign_id,response_id,recipient,responded_at"


def person(journal: Journal, name: str) -> Actor:
    """Somebody of the demonstration who has signed in, with the roles of the provider."""
    (who,) = [row for row in journal.rows(sa.select(PERSON)) if row.name.startswith(name)]
    (session,) = journal.rows(sa.select(SESSION.c.session_id).where(SESSION.c.person_id == who.person_id))
    alive = people.alive(journal, session.session_id)
    assert alive
    return people.actor_of(journal, alive)


def launched(journal: Journal, author: Actor) -> str:
    """A campaign of this author, launched yesterday and approved by somebody else."""
    approver, clock = come(journal, "ada-the-approver", "approver"), journal.clock
    journal.clock = lambda: datetime.now(UTC) - timedelta(days=1)
    found = campaigning.launched(journal, author, approver, ARMS)
    journal.clock = clock
    return found.campaign_id


def file_of(campaign: str) -> bytes:
    """Four rows: two that count, one of nobody, and one that names a person."""
    now = stored(datetime.now(UTC))
    who = ("C1", "C4", "C9", "robin@corp.example")
    return "\n".join([HEADER, *(f"{campaign},r{n},{one},{now}" for n, one in enumerate(who))]).encode()


@pytest.mark.browser
def test_a_manager_brings_answers_back_on_the_page_and_sees_what_was_refused(chromium, warehouse, tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    journal.migrate()
    with browser.serve(warehouse, RAPPORT_JOURNAL=str(tmp_path / "journal")) as address, new_browser(chromium) as page:
        seen = browser.Visit(page, address)
        browser.sign_in(page, address, "max")
        campaign = launched(journal, person(journal, "Max"))
        page.goto(f"{address}/campaign?campaign={campaign}")
        browser.settled(page)
        page.get_by_text("Bring answers back from a file").click()
        file = {"name": "answers.csv", "mimeType": "text/csv", "buffer": file_of(campaign)}
        for said in ("3 were kept, 0 were known already, 1 were refused", "0 were kept, 3 were known already"):
            page.locator("input[type=file]").set_input_files(file)
            page.get_by_text("answers.csv").first.wait_for()
            page.get_by_role("button", name="Keep the answers").click()
            page.get_by_text(said).wait_for()
            browser.settled(page)
        assert page.get_by_text("nobody of that key").count() == 0  # of the second file nothing was new
        assert seen.errors == []
        text = page.locator("[data-testid=stMain]").inner_text()
        assert "robin@corp" not in text
        found = kept.counts(journal, SYSTEM, campaign)
        assert found.answered == {"treated": 1, "control": 1}
        trail = audit.entries(journal, action="campaign.responses")
        assert len(trail) == 4  # each file: the rows that are fit, and those that are not
        assert {json.loads(row.detail)["source"] for row in trail} == {"upload"}
        cookies = {one["name"]: one["value"] for one in page.context.cookies()}
        for method, status in (("PUT", 403), ("DELETE", 403)):  # without Streamlit's own token
            answer = httpx.request(method, f"{address}/_stcore/upload_file/a/b", cookies=cookies, trust_env=False)
            assert answer.status_code == status, method
        assert httpx.put(f"{address}/_stcore/upload_file/a/b", trust_env=False).status_code == 404
    assert audit.verify(journal).ok


def test_the_command_keeps_a_file_says_why_rows_are_refused_and_may_be_repeated(tmp_path):
    where = {"RAPPORT_JOURNAL": str(tmp_path / "journal")}
    journal = Journal(where["RAPPORT_JOURNAL"])
    journal.migrate()
    campaign = launched(journal, come(journal, "max", "manager M01"))
    file = tmp_path / "answers.csv"
    file.write_bytes(file_of(campaign))
    done = run_data("responses", file, **where)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "row 4: recipient looks like an e-mail address",
        "4 rows: 3 kept, 1 of them held out, 1 of them not in the campaign; 0 known; 1 refused",
    ]
    file.write_bytes(file.read_bytes().rsplit(b"\n", 1)[0])
    again = run_data("responses", file, **where)
    assert (again.returncode, again.stdout) == (0, "3 rows: 0 kept; 3 known; 0 refused\n")
    assert kept.counts(journal, SYSTEM, campaign).answered == {"treated": 1, "control": 1}
    for wrong, word in (("none.csv", "No such file"), ("answers.txt", "none of")):
        (tmp_path / "answers.txt").write_text("x")
        refused = run_data("responses", tmp_path / wrong, **where)
        assert refused.returncode == 1 and word in refused.stderr and "Traceback" not in refused.stderr
