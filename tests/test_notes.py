"""Notes: who writes, reads and removes them, what may stand in them, and how they look."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from data.journal import notes, views
from data.journal.schema import AUDIT, NOTE
from data.journal.store import Journal
from data.rights import APPROVER, EXECUTIVE, MANAGER, ROLES, Actor, Forbidden, Held
from data.typed import BadText, personal
from data.view_format import Body
from tests.conftest import ticking
from tests.test_personal import INNOCENT_VALUES, e_mails, phones, streets

PAGE, FIGURE = "page:overview", "figure:overview/margin"


def somebody(role: str, name: str = "", **more) -> Actor:
    """A person with one role; the same name is the same person."""
    return Actor(name or f"one {role}", "", (Held(role),), f"session of {name or role}", **more)


AUTHOR, COLLEAGUE, EXEC = somebody(MANAGER, "author"), somebody(MANAGER, "colleague"), somebody(EXECUTIVE)


@pytest.fixture
def journal(tmp_path, monkeypatch) -> Journal:
    """An empty journal whose clock goes on by a second at every look."""
    made = Journal(str(tmp_path / "journal"))
    made.migrate()
    return ticking(made, monkeypatch)


def texts(journal: Journal, actor: Actor, *targets: str) -> list[str]:
    """What the actor reads on these targets, the latest first."""
    return [note.text for note in notes.of(journal, actor, targets)]


@pytest.mark.parametrize("reader", ROLES)
@pytest.mark.parametrize("audience", notes.AUDIENCES)
@pytest.mark.parametrize("author", [EXECUTIVE, MANAGER, APPROVER])
def test_a_note_is_read_by_its_author_and_its_team_only(journal, author, audience, reader):
    writes = somebody(author, "the author")
    notes.add(journal, writes, PAGE, "look here", audience)
    assert texts(journal, writes, PAGE) == ["look here"]
    expected = ["look here"] if audience == "team" and reader == author else []
    assert texts(journal, somebody(reader, "a reader"), PAGE) == expected
    assert texts(journal, Actor("the author", session="s"), PAGE) == []  # no role, no notes


def test_notes_come_with_author_and_moment_the_latest_first_and_only_of_what_was_asked_for(journal):
    notes.add(journal, AUTHOR, PAGE, "one", "team")
    notes.add(journal, COLLEAGUE, FIGURE, "two", "team")
    notes.add(journal, COLLEAGUE, "page:customer_roi", "elsewhere", "team")
    found = notes.of(journal, AUTHOR, [PAGE, FIGURE])
    assert [(note.text, note.author, note.target, note.team) for note in found] == [
        ("two", "colleague", FIGURE, MANAGER),
        ("one", "author", PAGE, MANAGER),
    ]
    assert found[0].created_at > found[1].created_at > "2026-11-22T12:00"
    assert notes.of(journal, AUTHOR, []) == []


def test_only_the_author_removes_a_note_and_the_text_stays_for_the_audit(journal):
    note_id = notes.add(journal, AUTHOR, PAGE, "mine", "team")
    words = set()
    for other, wanted in ((COLLEAGUE, note_id), (EXEC, note_id), (AUTHOR, "no such note")):
        with pytest.raises(Forbidden) as refused:
            notes.remove(journal, other, wanted)
        words.add(str(refused.value))
    assert len(words) == 1
    notes.remove(journal, AUTHOR, note_id)
    assert texts(journal, AUTHOR, PAGE) == texts(journal, COLLEAGUE, PAGE) == []
    with pytest.raises(Forbidden):
        notes.remove(journal, AUTHOR, note_id)
    (row,) = journal.rows(sa.select(NOTE))
    assert row.text == "mine" and row.deleted_at
    actions = [row.action for row in journal.rows(sa.select(AUDIT).order_by(AUDIT.c.seq))]
    assert actions == ["note.add", "denied", "denied", "denied", "note.remove", "denied"]


@pytest.mark.parametrize("role", ROLES)
def test_who_may_write_notes_is_what_the_roles_say(journal, role):
    if role in (EXECUTIVE, MANAGER, APPROVER):
        assert notes.add(journal, somebody(role), PAGE, "a", "personal")
        with pytest.raises(Forbidden):
            notes.add(journal, somebody(role, viewed_by="admin"), PAGE, "a", "personal")
    else:
        with pytest.raises(Forbidden):
            notes.add(journal, somebody(role), PAGE, "a", "personal")


def test_a_note_on_a_view_needs_a_view_one_may_read(journal):
    view_id = views.save(journal, AUTHOR, "mine", "", Body("overview"), "personal")
    assert notes.add(journal, AUTHOR, f"view:{view_id}", "mine too", "personal")
    with pytest.raises(views.NotFound):
        notes.add(journal, COLLEAGUE, f"view:{view_id}", "not mine", "personal")


@pytest.mark.parametrize(
    "target",
    ["", "overview", "page:", "page:../x", "page:Overview", "figure:overview", "figure:overview/no_such_metric",
     "customer:C1", "page:overview\n", "view:short", "page:" + "x" * 400],
)  # fmt: skip
def test_a_note_is_about_something_there_is(journal, target):
    with pytest.raises(ValueError, match="about a page, a figure, a saved view or a partner"):
        notes.add(journal, AUTHOR, target, "a", "personal")


@pytest.mark.parametrize(
    "text", ["", "  \n ", "\u200d", "a\u202eb", "a\x00b", "a\x1b[0m", "a\ud800", "x" * 2_001], ids=range(8)
)
def test_a_note_that_is_empty_endless_or_hides_something_is_refused(journal, text):
    with pytest.raises(BadText):
        notes.add(journal, AUTHOR, PAGE, text, "personal")


def test_the_audit_of_a_note_holds_no_text(journal):
    notes.add(journal, AUTHOR, PAGE, "a word that stays out", "personal")
    rows = journal.rows(sa.select(AUDIT))
    assert "stays out" not in json.dumps([list(row) for row in rows])


# Personal data in what people type, on the labelled texts of the test of personal data


SENTENCES = ("{}", "call {}", "Ask {} about the invoice", "first line\n{}\nlast line", "see: {}, then decide")
REMARKS = """
Margin fell because of the returns in March|North up 12 % on 2025|Check order 2024-000123 with the shop|Ask the team about tier 2 (silver)
3 of 10 partners left in Q3 2026|Plan: 1,000,000 by 31.12.2026|Compare with build 20261101T000000Z|ROI 2.35, was 1.98 (2025-11-22)
Key C0001234 bought 12 times|Prices rose on 01/02/2026|50,000-99,999 band is thin|Look at Main Street Bakery next week|Why? See data trust.
""".replace("\n", "|").strip("|").split("|")  # fmt: skip


@pytest.mark.parametrize(("texts_of", "least"), [(phones, 0.98), (e_mails, 0.98), (streets, 0.7)])
def test_phones_e_mails_and_streets_in_what_people_type_are_found(texts_of, least):
    tried = [sentence.format(text.strip()) for text in texts_of()[::4] for sentence in SENTENCES]
    missed = [text for text in tried if personal(text) is None]
    assert len(tried) > 2_500
    assert 1 - len(missed) / len(tried) >= least, missed[:20]


@pytest.mark.parametrize("disguise", ["１７０", "\u200b", "\u00ad", "\u2060"])
def test_a_phone_number_is_found_behind_full_width_digits_and_invisible_joints(disguise):
    number = "call +49 170 1234567".replace("170", disguise if disguise.isdigit() else f"1{disguise}70")
    assert personal(number) == "looks like a phone number"


def test_remarks_about_business_are_not_taken_for_personal_data():
    taken = [text for text in (*REMARKS, *INNOCENT_VALUES) if personal(text)]
    assert len(taken) <= 0.02 * len(REMARKS + INNOCENT_VALUES), taken


@pytest.mark.parametrize("canary", ["+49 170 1234567", "maria@example.com", "maria (at) example.com", "Hauptstraße 5"])
def test_personal_data_in_a_note_or_in_the_name_or_note_of_a_view_is_refused_and_kept_nowhere(journal, canary):
    for write in (
        lambda text: notes.add(journal, AUTHOR, PAGE, text, "personal"),
        lambda text: views.save(journal, AUTHOR, text, "", Body("overview"), "personal"),
        lambda text: views.save(journal, AUTHOR, "a", text, Body("overview"), "personal"),
    ):
        with pytest.raises(BadText, match="keeps no personal data") as refused:
            write(f"please call {canary}")
        assert canary not in str(refused.value)
    kept = journal.folder.glob("*")
    assert not any(canary.encode() in file.read_bytes() for file in kept)
