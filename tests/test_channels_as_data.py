"""A sixth channel is one row of channels.csv: the build, the pages, campaigns and plans know it; a wrong row is refused."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from data import audience, plan
from data.build import check
from data.journal.store import Journal
from data.plan_policy import Policy
from data.view import EVERYTHING, View
from data.warehouse import Build, Warehouse
from models import assign_arm
from tests import campaigning, on_screen
from tests.conftest import run_data

CUSTOMERS, REACHED = 400, 60
CHAT = "chat,Chat,web,0.30,500,2,false"
FIRST = datetime(2026, 9, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated company of five channels."""
    folder = tmp_path_factory.mktemp("five")
    done = run_data("simulate", "--customers", str(CUSTOMERS), "--seed", "5", "--to", folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def six(feeds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of the same company once it has a sixth channel and used it: three contacts, five days apart."""
    folder = tmp_path_factory.mktemp("six")
    shutil.copytree(feeds, folder / "feeds")
    seed = folder / "feeds" / "channels.csv"
    seed.write_text(f"{seed.read_text().strip()}\n{CHAT}\n")
    rows = [
        f"{customer},chat,{FIRST + timedelta(days=5 * nth):%Y-%m-%dT%H:%M:%SZ},out,treated,{nth == 2 and not place % 3}"
        for place, customer in enumerate(customers(folder / "feeds"))
        for nth in range(3)
    ]
    text = "\n".join(["customer_id,channel,occurred_at,direction,arm,responded", *rows])
    (folder / "feeds" / "contacts-chat.csv").write_text(text.replace("True", "true").replace("False", "false"))
    done = run_data("build", folder / "feeds", "--warehouse", folder / "warehouse")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "warehouse"


def customers(folder: Path) -> list[str]:
    """Customers who were won before the chat began, in the order of their keys."""
    asked = "select customer_id from read_parquet(?) where joined_at < '2026-08-01' order by 1 limit ?"
    with duckdb.connect() as con:
        found = con.execute(asked, [str(folder / "customers.parquet"), REACHED]).fetchall()
    assert len(found) == REACHED
    return [row[0] for row in found]


@pytest.fixture(scope="module")
def build(six: Path) -> Build:
    return Warehouse(six).current()


@pytest.fixture
def journal(tmp_path: Path, build: Build) -> Journal:
    opened = Journal(str(tmp_path / "journal"), tmp_path / "keys" / "audit.keys", tmp_path / "checkpoints.jsonl")
    opened.migrate()
    moment = datetime.fromisoformat(build.manifest["as_of"]) + timedelta(days=1)
    opened.clock = lambda: moment
    return opened


def test_contacts_on_a_sixth_channel_are_loaded_and_cost_what_its_row_says(six):
    asked = "select sum(contacts), sum(contact_cost), sum(responses) from channel_month where channel = 'chat'"
    assert on_screen.asked(six, asked) == [(3 * REACHED, Decimal("0.30") * 3 * REACHED, REACHED // 3)]
    assert on_screen.asked(six, "select rows from quarantine where feed in ('contacts', 'channels')") == []
    (total,) = on_screen.asked(six, "select sum(contacts) from channel_month where channel is not null")[0]
    assert on_screen.asked(six, "select sum(contacts) from company_month") == [(total,)]


def test_what_is_learned_of_channels_is_learned_of_a_sixth_one(six):
    for table in ("learned_response", "learned_effect", "learned_channel_effect", "contact_pressure"):
        (rows,) = on_screen.asked(six, f"select count(*) from {table} where channel = 'chat'")[0]
        assert rows > 0, table
    rested = "select distinct rests_until from contact_pressure where channel = 'chat'"
    assert on_screen.asked(six, rested) == [((FIRST + timedelta(days=12)).date(),)]


def test_campaigns_reach_people_on_a_sixth_channel_and_keep_its_rest(build, journal):
    found = audience.survey(build, View(EVERYTHING), asked("chat"), journal, assign_arm)
    assert found.kept == found.candidates > REACHED  # it needs no consent, and its last contact is long past
    late = FIRST + timedelta(days=11)
    journal.clock = lambda: late
    resting = audience.survey(build, View(EVERYTHING), asked("chat"), journal, assign_arm)
    assert dict(resting.excluded)["too soon"] == REACHED


def asked(channel: str) -> campaigning.Promise:
    return campaigning.promise(channel=channel, members=(), purpose="marketing")


def test_a_plan_has_a_column_for_a_sixth_channel(build, journal):
    found = plan.candidates(build, View(EVERYTHING), journal, assign_arm, Policy())
    chat = next(one for one in found.channels if one.name == "chat")
    assert (chat.label, chat.kind, chat.unit_cost, chat.capacity) == ("Chat", "web", Decimal("0.30"), 500)
    assert (chat.min_days_between, chat.needs_consent) == (2, False)
    assert len(found.channels) == 6 and found.allowed.shape == (len(found), 6)
    assert found.allowed[:, found.channels.index(chat)].any()


def test_pages_show_a_sixth_channel(six, monkeypatch):
    seen = on_screen.page(monkeypatch, six, "value/responsiveness", channel="Chat")
    assert "Chat" in seen.selectbox(key="channel").options and "Chat" in on_screen.text_of(seen)
    seen = on_screen.page(monkeypatch, six, "work/contact_pressure", on="Chat")
    assert "Chat" in seen.selectbox(key="on").options
    assert "Chat" in set(on_screen.table(seen, "channel", "reached")["channel"])
    seen = on_screen.page(monkeypatch, six, "work/channel_plan")
    assert "Chat" in on_screen.text_of(seen) + "".join(one.label for one in (*seen.number_input, *seen.text_input))


HEADER = "channel,label,kind,unit_cost,capacity_per_month,min_days_between,needs_consent"
WRONG = {
    "a negative cost": ("chat,Chat,web,-0.30,500,2,false", "unit_cost is below 0"),
    "a capacity in words": ("chat,Chat,web,0.30,many,2,false", "capacity_per_month is not a plain number"),
    "a kind nobody knows": ("chat,Chat,pigeon,0.30,500,2,false", "kind is none of web, email, teleservice, mail, wireless"),
    "a rest in words": ("chat,Chat,web,0.30,500,soon,false", "min_days_between is not a plain number"),
    "consent that is neither": ("chat,Chat,web,0.30,500,2,perhaps", "needs_consent is neither true nor false"),
    "no label": ("chat,,web,0.30,500,2,false", "label is missing"),
    "two rows of one channel": ("web,Chat,web,0.30,500,2,false", "repeats channel with different content"),
    "the same row twice": ("web,Web,web,0.02,,0,false", "repeats channel with the same content"),
}  # fmt: skip


@pytest.mark.parametrize(("row", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_row_refuses_the_whole_file_in_words(row, said, tmp_path):
    (tmp_path / "lines.csv").write_text("order_id,ordered_at,revenue,customer_id\nL1,2026-01-05,10.00,C1\n")
    (tmp_path / "channels.csv").write_text(f"{HEADER}\nweb,Web,web,0.02,,0,false\n{row}\n")
    taken = check(tmp_path, lambda what: None)
    (source,) = [one for one in taken.sources if one.feed == "channels"]
    assert said in source.reason and "taken whole or not at all" in source.reason
    assert (source.rows_in, source.loaded, source.quarantined, source.rejected) == (2, 0, 0, 2)


def test_nothing_is_published_with_a_wrong_channel(tmp_path):
    (tmp_path / "lines.csv").write_text("order_id,ordered_at,revenue,customer_id\nL1,2026-01-05,10.00,C1\n")
    (tmp_path / "channels.csv").write_text(f"{HEADER}\n{WRONG['a negative cost'][0]}\n")
    done = run_data("build", tmp_path, "--warehouse", tmp_path / "warehouse")
    assert done.returncode == 1 and "channels.csv: 1 of 1 rows cannot be used: unit_cost is below 0" in done.stderr
    assert not list((tmp_path / "warehouse").glob("*.duckdb"))


def test_a_channel_cannot_take_the_word_for_all_of_them(tmp_path):
    (tmp_path / "lines.csv").write_text("order_id,ordered_at,revenue,customer_id\nL1,2026-01-05,10.00,C1\n")
    (tmp_path / "contacts.csv").write_text("customer_id,channel,occurred_at,cost\nC1,(any),2026-01-05,0.10\n")
    taken = check(tmp_path, lambda what: None)
    assert [entry[2] for entry in taken.quarantine if "all channels together" in entry[2]]
