"""Saved views: how they are written down, who may read and change them, and what no link can do."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from data import view_format
from data.journal import misses, notes, view_rows, views
from data.journal.schema import AUDIT, PERSON, SAVED_VIEW, VIEW_VERSION
from data.journal.store import Journal
from data.rights import ADMIN, APPROVER, AUDITOR, EXECUTIVE, MANAGER, PARTNER_ROLE, ROLES, Actor, Forbidden, Held
from data.typed import BadText
from data.view_format import BadView, Body
from tests.conftest import ROOT, new_database, ticking

GOLDEN = ROOT / "tests" / "golden"
BODY = Body("overview", (("region", ("North", "South")), ("period", ("12m",)), ("compare", ("year",))), "", ("region",))
BUILD_1, BUILD_2, BUILD_3 = (f"2026110{day}T000000Z-0123456789ab" for day in (1, 2, 3))


def somebody(role: str, name: str = "", **more) -> Actor:
    """A person with one role; the same name is the same person."""
    return Actor(
        name or f"one {role}", f"Name of {name or role}", (Held(role, "B1"),), f"session of {name or role}", **more
    )


def only(*names: str) -> Body:
    """The view of these tests with only these parameters."""
    locked = tuple(name for name in BODY.locked if name in names)
    return Body(BODY.page, tuple((name, values) for name, values in BODY.parameters if name in names), "", locked)


OWNER, COLLEAGUE = somebody(MANAGER, "owner"), somebody(MANAGER, "colleague")
EXEC = somebody(EXECUTIVE)


@pytest.fixture
def journal(tmp_path, monkeypatch) -> Journal:
    """An empty journal whose clock goes on by a second at every look; nobody has guessed yet."""
    made = Journal(str(tmp_path / "journal"))
    made.migrate()
    return ticking(made, monkeypatch)


def audit(journal: Journal) -> list[tuple[str, str, dict]]:
    """Actor, action and detail of every audit row, in order."""
    rows = journal.rows(sa.select(AUDIT).order_by(AUDIT.c.seq))
    return [(row.actor, row.action, json.loads(row.detail)) for row in rows]


# How a view is written down


def test_every_past_format_is_still_read_and_says_the_same():
    golden = {path.stem: view_format.parse(path.read_text(encoding="utf-8")) for path in GOLDEN.glob("view-*.json")}
    assert golden.keys() == {f"view-{number}" for number in range(1, view_format.FORMAT + 1)}
    assert golden["view-1"] == Body(
        "customer_roi",
        (
            ("segment", ("home", "München & Umland")),
            ("metric", ("ROI",)),
            ("sort", ("Largest first",)),
            ("period", ("12m",)),
        ),
        frozen="20261101T000000Z-0123456789ab",
    )
    assert golden["view-2"] == BODY


def test_an_address_of_the_first_page_is_migrated_to_the_first_page():
    assert view_format.parse('{"format": 1, "address": "/?period=3m&build=latest"}') == Body(
        view_format.HOME, (("period", ("3m",)),)
    )


def test_the_first_page_of_the_contents_is_the_one_with_the_bare_address():
    from tests import architecture

    files = [file for file, _ in architecture.contents((ROOT / "app.py").read_text(encoding="utf-8"))]
    assert files[0].split("/")[-1] == view_format.HOME


def test_random_views_come_back_as_they_were_written_and_so_do_their_addresses():
    chance = random.Random(3)
    letters = "abcXYZ 019&=?#%+/ä€\"'\\<>日本م🙂"
    for _ in range(300):
        names = chance.sample(["region", "segment", "x_paid_by", "period", "metric", "customer"], chance.randint(0, 6))
        parameters = {
            name: sorted(
                {
                    unicodedata.normalize("NFC", "".join(chance.choices(letters, k=chance.randint(1, 30))))
                    for _ in range(3)
                }
            )
            for name in names
        }
        body = view_format.body_of("customer_roi", parameters, BUILD_1 if chance.random() < 0.5 else "", ())
        back = view_format.parse(view_format.serialise(body))
        assert back.parameters == tuple(sorted(body.parameters))
        assert (back.page, back.frozen, back.locked) == (body.page, body.frozen, body.locked)
        query = urlsplit(view_format.address(body, "v" * 22)).query
        assert parse_qs(query, keep_blank_values=True) == parameters | {"view": ["v" * 22]}


def written(**changes) -> str:
    """A good view with some parts changed; None takes a part away."""
    good = {"format": 2, "page": "overview", "parameters": {"period": ["12m"]}, "frozen": "", "locked": []}
    return json.dumps({name: value for name, value in (good | changes).items() if value is not None})


BAD = {
    "unknown key": written(approve=True),
    "missing part": written(locked=None),
    "no object": "[]",
    "nothing": "",
    "half a text": '{"format": 2',
    "format as text": written(format="2"),
    "format as truth": written(format=True),
    "format zero": written(format=0),
    "format below zero": written(format=-1),
    "future format": written(format=3),
    "far future": written(format=10**400),
    "not a number": '{"format": NaN}',
    "infinity": '{"format": Infinity}',
    "1e309": '{"format": 1e309}',
    "a fraction": written(format=2.0),
    "a number of 10^400 digits, as many as fit": '{"format": ' + "9" * 32_000 + "}",
    "number as value": written(parameters={"page": [-1]}),
    "value without list": written(parameters={"period": "12m"}),
    "no value": written(parameters={"period": []}),
    "empty value": written(parameters={"period": [""]}),
    "null": written(parameters={"period": [None]}),
    "long value": written(parameters={"segment": ["x" * 201]}),
    "hidden character": written(parameters={"segment": ["a\u202eb"]}),
    "control character": written(parameters={"segment": ["a\x00b"]}),
    "half a character": '{"format": 2, "page": "overview", "parameters": {"segment": ["\\ud800"]}, "frozen": "", "locked": []}',
    "not normalised": written(parameters={"segment": ["u\u0308"]}),
    "same value twice": written(parameters={"segment": ["a", "a"]}),
    "same key twice": '{"format": 2, "format": 2, "page": "overview", "parameters": {}, "frozen": "", "locked": []}',
    "same parameter twice": '{"format": 2, "page": "overview", "parameters": {"a": ["1"], "a": ["2"]}, "frozen": "", "locked": []}',
    "parameters as list": written(parameters=[]),
    "a view in a view": written(parameters={"view": ["x" * 22]}),
    "build as parameter": written(parameters={"build": [BUILD_1]}),
    "parameter of another alphabet": written(parameters={"rеgion": ["North"]}),
    "page elsewhere": written(page="//evil.example/x"),
    "page as path": written(page="../secret"),
    "page as number": written(page=7),
    "frozen to a path": written(frozen="../../etc/passwd"),
    "frozen to nothing": written(frozen=None),
    "locked twice": written(locked=["region", "region"]),
    "locked number": written(locked=[1]),
    "1,000 levels": '{"format": 2, "page": ' + "[" * 1_000 + "]" * 1_000 + "}",
    "15,000 levels": "[" * 15_000 + "]" * 15_000,
    "33 KB": written(parameters={"segment": ["x" * 190 + f"{i:04}" for i in range(170)]}),
    "901 values": written(parameters={"s": [f"{i:x}" for i in range(901)]}).replace(", ", ","),
    "a long address": written(parameters={"segment": ["ä" * 150 + f"{i}" for i in range(40)]}),
    "address of another host": '{"format": 1, "address": "https://evil.example/?a=b"}',
    "address without scheme": '{"format": 1, "address": "//evil.example/?a=b"}',
    "address of a script": '{"format": 1, "address": "javascript:alert(1)"}',
    "address with a fragment": '{"format": 1, "address": "/x#y"}',
    "address cut in half": '{"format": 1, "address": "/x?segment"}',
    "address of no text": '{"format": 1, "address": ["/x"]}',
    "address that is no UTF-8": '{"format": 1, "address": "/x?a=%ff"}',
    "address frozen twice": f'{{"format": 1, "address": "/x?build={BUILD_1}&build={BUILD_2}"}}',
    "address and more": '{"format": 1, "address": "/x", "page": "y"}',
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_a_text_that_is_no_view_is_refused_with_a_message(text):
    with pytest.raises(BadView, match=r"^This view cannot be read: .+\.$") as refused:
        view_format.parse(text)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()


def test_the_document_shows_a_view_that_is_read_and_the_limits_that_hold():
    text = (ROOT / "docs" / "views.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    assert view_format.parse(example).of("metric") == ("ROI",)
    limits = (
        view_format.MOST_BYTES, view_format.MOST_VALUES, view_format.MOST_ADDRESS, views.MOST_NAME, views.MOST_NOTE,
        misses.MOST,
    )  # fmt: skip
    assert [limit for limit in limits if not re.search(rf"\b{limit:,}\b", text)] == []
    formats = re.findall(r"^\| (\d+) \| `", text, re.MULTILINE)
    assert [int(number) for number in formats] == [*sorted(view_format.MIGRATIONS), view_format.FORMAT]


def test_the_most_values_that_an_address_holds_are_read():
    values = [f"{i:03x}" for i in range(900)]
    assert view_format.parse(written(parameters={"s": values})).of("s") == tuple(values)


def test_every_view_that_can_be_saved_fits_into_an_address_that_the_server_takes():
    from web.headers import LONGEST_ADDRESS

    more = len("&view=") + 22 + len("&build=") + len(BUILD_1)
    assert view_format.MOST_ADDRESS + more < LONGEST_ADDRESS


def test_what_differs_between_two_views_is_named():
    other = Body("overview", (("region", ("South", "North")), ("period", ("3m",))), BUILD_1)
    assert view_format.differences(BODY, BODY) == []
    assert view_format.differences(BODY, other) == [
        ("period", ("12m",), ("3m",)),
        ("compare", ("year",), ()),
        ("locked", ("region",), ()),
        ("build", (), (BUILD_1,)),
    ]


# Saving, versions, restoring


def test_a_view_is_saved_and_read_back_with_its_owner_and_moment(journal):
    with journal.unaudited() as connection:
        person = {
            "person_id": OWNER.person,
            "issuer": "i",
            "subject": "s",
            "name": "Olga",
            "first_seen_at": "",
            "last_seen_at": "",
        }
        connection.execute(sa.insert(PERSON).values(**person))
    view_id = views.save(journal, OWNER, "  North and South ", "Both\nhalves", BODY, "personal")
    view = views.get(journal, OWNER, view_id)
    assert (view.name, view.note, view.audience, view.version, view.owner_name) == (
        "North and South", "Both\nhalves", "personal", 1, "Olga",
    )  # fmt: skip
    assert view.body == view_format.parse(view_format.serialise(BODY))
    assert view.saved_at.startswith("2026-11-22T12:00:")
    assert audit(journal) == [("owner", "view.save", {"audience": "personal", "version": 1})]


def test_ids_are_128_random_bits_and_never_the_same(journal):
    import base64

    ids = [views.save(journal, OWNER, "a", "", BODY, "personal") for _ in range(50)]
    assert len(set(ids)) == 50
    raw = [base64.urlsafe_b64decode(one + "==") for one in ids]
    assert {len(one) for one in raw} == {16}
    bits = sum(int.from_bytes(one).bit_count() for one in raw)
    assert 0.45 < bits / (50 * 128) < 0.55  # 3,200 ± 8 standard deviations


def test_every_change_is_a_version_and_an_old_one_can_be_restored(journal):
    view_id = views.save(journal, OWNER, "first", "", BODY, "company")
    narrower = only("period", "compare")
    views.save(journal, OWNER, "second", "n", narrower, "company", view_id, 1)
    assert [(one.version, one.name) for one in views.versions(journal, COLLEAGUE, view_id)] == [
        (2, "second"),
        (1, "first"),
    ]
    assert views.restore(journal, OWNER, view_id, 1) == 3
    now = views.get(journal, COLLEAGUE, view_id)
    assert (now.version, now.name, now.note, now.body.of("region")) == (3, "first", "", ("North", "South"))
    assert len(views.versions(journal, OWNER, view_id)) == 3
    with pytest.raises(views.NotFound):
        views.restore(journal, OWNER, view_id, 9)


def test_two_tabs_that_change_the_same_view_the_second_gets_a_conflict_with_what_differs(journal):
    view_id = views.save(journal, OWNER, "both", "", BODY, "personal")
    views.save(journal, OWNER, "tab one", "", only("region", "period"), "personal", view_id, 1)
    mine = Body("overview", (("region", ("North",)), ("period", ("12m",))), "", ("region",))
    with pytest.raises(views.Conflict, match="saved meanwhile as version 2") as conflict:
        views.save(journal, OWNER, "tab two", "", mine, "personal", view_id, 1)
    assert conflict.value.differs == [("name", "tab one", "tab two"), ("region", "North, South", "North")]
    assert conflict.value.theirs.name == "tab one"
    assert len(views.versions(journal, OWNER, view_id)) == 2
    assert views.get(journal, OWNER, view_id).name == "tab one"


def test_an_address_cannot_be_kept_that_holds_personal_data(journal):
    body = view_format.body_of("customer", {"customer": ["maria@example.com"]})
    with pytest.raises(BadText, match="looks like an e-mail address"):
        views.save(journal, OWNER, "one customer", "", body, "personal")
    assert audit(journal) == []


# Who may read


@pytest.mark.parametrize("owner_role", [MANAGER, EXECUTIVE, APPROVER])
@pytest.mark.parametrize("audience", views.AUDIENCES)
def test_who_reads_a_view_by_audience_role_and_state(journal, audience, owner_role, monkeypatch):
    monkeypatch.setattr(misses, "MOST", 10_000)
    monkeypatch.setattr(view_rows, "MISSES", misses.Misses())
    owner = somebody(owner_role, "the author")
    there, gone = (views.save(journal, owner, "a view", "", BODY, audience) for _ in range(2))
    views.delete(journal, owner, gone)
    by_hand = {"personal": set(), "team": {owner_role}, "company": {EXECUTIVE, MANAGER, APPROVER, AUDITOR, ADMIN}}
    for role, view_id in product([*ROLES, ""], (there, gone, "A" * 22)):
        reader = somebody(role, "a reader") if role else Actor("a reader", session="s")
        may = role in by_hand[audience]
        assert [one.view_id for one in views.listing(journal, reader)] == [there] * may
        if may and view_id == there:
            assert views.get(journal, reader, view_id).name == "a view"
            assert len(views.versions(journal, reader, view_id)) == 1
            continue
        for read in (views.get, views.versions, lambda j, a, v: views.opened(j, a, v, BUILD_1)):
            with pytest.raises(views.NotFound) as refused:
                read(journal, reader, view_id)
            assert str(refused.value).startswith("There is no such view, or it is not shared with you.")


def test_one_statement_finds_foreign_deleted_and_missing_views_alike(journal):
    foreign = views.save(journal, OWNER, "mine", "", BODY, "personal")
    gone = views.save(journal, COLLEAGUE, "gone", "", BODY, "company")
    views.delete(journal, COLLEAGUE, gone)
    statements = []
    sa.event.listen(journal.engine, "before_cursor_execute", lambda c, cur, text, *more: statements.append(text))
    seen = []
    for view_id in (foreign, gone, "A" * 22):
        statements.clear()
        with pytest.raises(views.NotFound):
            views.get(journal, EXEC, view_id)
        seen.append(list(statements))
    assert seen[0] == seen[1] == seen[2] != []


def test_owners_read_their_own_view_when_their_role_has_changed_but_teams_do_not(journal):
    view_id = views.save(journal, OWNER, "team's", "", BODY, "team")
    moved = somebody(EXECUTIVE, "owner")
    assert views.get(journal, moved, view_id).team == MANAGER
    assert views.get(journal, COLLEAGUE, view_id)
    left = somebody(AUDITOR, "colleague")
    with pytest.raises(views.NotFound):
        views.get(journal, left, view_id)
    with pytest.raises(views.NotFound):
        views.get(journal, Actor("owner", session="s"), view_id)  # without any role, not even one's own


# Who may change


CHANGES = {
    "change": lambda j, a, v: views.save(j, a, "new name", "", BODY, "personal", v, 1),
    "share": lambda j, a, v: views.save(j, a, "new name", "", BODY, "company", v, 1),
    "restore": lambda j, a, v: views.restore(j, a, v, 1),
    "delete": views.delete,
}


@pytest.mark.parametrize("audience", views.AUDIENCES)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.parametrize("role", ROLES)
def test_nobody_but_the_owner_changes_a_view_and_the_attempt_is_recorded(journal, audience, change, role):
    view_id = views.save(journal, OWNER, "mine", "", BODY, audience)
    before = journal.rows(sa.select(SAVED_VIEW)), journal.rows(sa.select(VIEW_VERSION))
    with pytest.raises(Forbidden):
        change(journal, somebody(role, "another"), view_id)
    assert (journal.rows(sa.select(SAVED_VIEW)), journal.rows(sa.select(VIEW_VERSION))) == before
    assert audit(journal)[-1][:2] == ("another", "denied")


@pytest.mark.parametrize("audience", views.AUDIENCES)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_an_owner_who_may_no_longer_save_or_only_looks_on_changes_nothing(journal, audience, change):
    view_id = views.save(journal, OWNER, "mine", "", BODY, audience)
    for now in (
        somebody(AUDITOR, "owner"),
        somebody(PARTNER_ROLE, "owner"),
        somebody(MANAGER, "owner", viewed_by="admin"),
    ):
        with pytest.raises(Forbidden):
            change(journal, now, view_id)
    assert views.get(journal, OWNER, view_id).version == 1


@pytest.mark.parametrize("role", ROLES)
def test_who_may_save_at_all_is_what_the_roles_say(journal, role):
    savers = {EXECUTIVE, MANAGER, APPROVER}
    for audience in views.AUDIENCES:
        if role in savers:
            assert views.save(journal, somebody(role), "a", "", BODY, audience)
        else:
            with pytest.raises(Forbidden):
                views.save(journal, somebody(role), "a", "", BODY, audience)


def test_sharing_is_checked_on_the_view_as_it_is_and_as_it_becomes(journal, monkeypatch):
    shared = views.save(journal, OWNER, "a", "", BODY, "company")
    kept = views.save(journal, OWNER, "b", "", BODY, "personal")
    monkeypatch.setitem(ROLES, MANAGER, ROLES[MANAGER] - {"share view"})
    for write in (
        lambda: views.save(journal, OWNER, "a", "", BODY, "personal", shared, 1),
        lambda: views.delete(journal, OWNER, shared),
        lambda: views.restore(journal, OWNER, shared, 1),
        lambda: views.save(journal, OWNER, "b", "", BODY, "team", kept, 1),
        lambda: views.save(journal, OWNER, "c", "", BODY, "company"),
    ):
        with pytest.raises(Forbidden):
            write()
    views.delete(journal, OWNER, kept)


def test_a_view_is_shared_with_a_team_of_the_owner_only(journal):
    both = Actor("two roles", "", (Held(EXECUTIVE), Held(APPROVER)), "s")
    first = views.save(journal, both, "a", "", BODY, "team")
    assert views.get(journal, both, first).team == EXECUTIVE
    other = views.save(journal, both, "a", "", BODY, "team", team=APPROVER)
    assert views.get(journal, both, other).team == APPROVER
    with pytest.raises(Forbidden):
        views.save(journal, both, "a", "", BODY, "team", team=MANAGER)
    with pytest.raises(ValueError, match="one of personal, team, company"):
        views.save(journal, both, "a", "", BODY, "everybody")


# Default views and openings


def test_a_default_view_is_set_for_a_role_that_can_open_it_and_goes_with_the_view(journal):
    company = views.save(journal, OWNER, "for all", "", BODY, "company")
    executives = views.save(journal, EXEC, "for executives", "", BODY, "team")
    with pytest.raises(Forbidden):
        views.set_default(journal, OWNER, MANAGER, company)  # managers set no defaults
    with pytest.raises(Forbidden, match="Not everybody of the role manager"):
        views.set_default(journal, EXEC, MANAGER, executives)
    with pytest.raises(Forbidden):
        views.set_default(journal, EXEC, PARTNER_ROLE, company)
    with pytest.raises(Forbidden):
        views.set_default(journal, EXEC, MANAGER, views.save(journal, OWNER, "personal", "", BODY, "personal"))
    views.set_default(journal, EXEC, EXECUTIVE, executives)
    views.set_default(journal, EXEC, MANAGER, company)
    assert views.default_of(journal, EXEC, EXECUTIVE).view_id == executives
    assert views.default_of(journal, COLLEAGUE, MANAGER).view_id == company
    assert views.default_of(journal, COLLEAGUE, EXECUTIVE) is None
    views.set_default(journal, EXEC, EXECUTIVE, company)
    assert views.default_of(journal, EXEC, EXECUTIVE).view_id == company
    views.set_default(journal, EXEC, EXECUTIVE, "")
    assert views.default_of(journal, EXEC, EXECUTIVE) is None
    views.save(journal, OWNER, "no longer", "", BODY, "personal", company, 1)
    assert views.default_of(journal, COLLEAGUE, MANAGER) is None
    views.save(journal, OWNER, "again", "", BODY, "company", company, 2)
    assert views.default_of(journal, COLLEAGUE, MANAGER) is None  # sharing again does not bring it back by itself
    views.set_default(journal, EXEC, MANAGER, company)
    views.delete(journal, OWNER, company)
    assert views.default_of(journal, COLLEAGUE, MANAGER) is None


def test_the_build_of_the_last_opening_is_remembered_for_each_reader(journal):
    view_id = views.save(journal, OWNER, "a", "", BODY, "company")
    assert views.opened(journal, OWNER, view_id, BUILD_1) == (None, None)
    assert views.opened(journal, OWNER, view_id, BUILD_1) == (None, None)
    moment = journal.rows(sa.text("select opened_at from view_opening"))[0][0]
    assert views.opened(journal, OWNER, view_id, BUILD_2) == (BUILD_1, moment)
    assert views.opened(journal, OWNER, view_id, BUILD_2) == (BUILD_1, moment)
    assert views.opened(journal, COLLEAGUE, view_id, BUILD_2) == (None, None)
    before = journal.rows(sa.text("select * from view_opening order by person_id"))
    watched = somebody(MANAGER, "owner", viewed_by="admin")
    assert views.opened(journal, watched, view_id, BUILD_3)[0] == BUILD_2
    assert views.opened(journal, watched, view_id, BUILD_2) == (BUILD_1, moment)
    assert journal.rows(sa.text("select * from view_opening order by person_id")) == before


def test_postgresql_keeps_views_and_notes_alike(request, tmp_path):
    where = new_database(request.getfixturevalue("postgres"))
    kept = Journal(where, tmp_path / "audit.keys", tmp_path / "checkpoints.jsonl")
    kept.migrate()
    try:
        test_every_change_is_a_version_and_an_old_one_can_be_restored(kept)
        test_two_tabs_that_change_the_same_view_the_second_gets_a_conflict_with_what_differs(kept)
        test_a_default_view_is_set_for_a_role_that_can_open_it_and_goes_with_the_view(kept)
        note = notes.add(kept, OWNER, "page:overview", "🙂" * 2_000, "team")
        assert [one.note_id for one in notes.of(kept, COLLEAGUE, ["page:overview"])] == [note]
        notes.remove(kept, OWNER, note)
        assert notes.of(kept, COLLEAGUE, ["page:overview"]) == []
        assert views.save(kept, OWNER, "🙂" * 200, "ä" * 2_000, BODY, "personal")
    finally:
        kept.engine.dispose()


def test_twenty_people_who_save_at_once_each_get_their_view_and_one_of_twenty_changes_wins(journal):
    view_id = views.save(journal, OWNER, "ours", "", BODY, "company")

    def both(number: int) -> str:
        views.save(journal, somebody(MANAGER, f"person {number}"), "mine", "", BODY, "personal")
        try:
            views.save(journal, OWNER, f"change {number}", "", BODY, "company", view_id, 1)
        except views.Conflict:
            return "conflict"
        return "saved"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(both, range(20)))
    assert sorted(outcomes) == ["conflict"] * 19 + ["saved"]
    assert len(journal.rows(sa.select(SAVED_VIEW))) == 21
    assert [one.version for one in views.versions(journal, OWNER, view_id)] == [2, 1]


# What people type


HOSTILE_NAMES = {
    "picture": ("![x](http://evil.example/p.png)", "![x](http://evil.example/p.png)"),
    "html": ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    "blanks around": ("  a  ", "a"),
    "not normalised": ("Mu\u0308nchen", "München"),
    "200 characters": ("x" * 200, "x" * 200),
    "200 emoji": ("🙂" * 200, "🙂" * 200),
    "right to left override": ("\u202e00.1", None),
    "isolate": ("a\u2066b", None),
    "zero width space": ("a\u200bb", None),
    "10,000 emoji": ("🙂" * 10_000, None),
    "201 characters": ("x" * 201, None),
    "only spaces": (" \t\n ", None),
    "only blanks of other kinds": ("\u00a0\u2003\u3000", None),
    "only joints": ("\u200d\u200c", None),
    "only an accent": ("\u0301", None),
    "nothing": ("", None),
    "NUL": ("a\x00b", None),
    "escape": ("a\x1b[31mb", None),
    "line break": ("a\nb", None),
    "half a character": ("a\ud800b", None),
    "private use": ("a\ue000b", None),
}


@pytest.mark.parametrize(("typed", "stored"), HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_name_is_stored_as_text_or_refused_in_words(journal, typed, stored):
    if stored is None:
        with pytest.raises(BadText, match=r"^The name .+\.$"):
            views.save(journal, OWNER, typed, "", BODY, "personal")
        assert journal.rows(sa.select(SAVED_VIEW)) == []
    else:
        view_id = views.save(journal, OWNER, typed, "", BODY, "personal")
        assert views.get(journal, OWNER, view_id).name == stored


@pytest.mark.parametrize("typed", ["x" * 2_001, "a\u202eb", "a\x00b", "call +49 170 1234567"])
def test_a_note_of_a_view_is_bounded_and_checked_too(journal, typed):
    with pytest.raises(BadText, match=r"^The note .+\.$"):
        views.save(journal, OWNER, "a", typed, BODY, "personal")


# Guessing


def test_guessing_is_stopped_after_sixty_misses_a_minute_and_only_for_the_one_who_guesses(journal, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(view_rows, "MISSES", misses.Misses(lambda: now[0]))
    view_id = views.save(journal, OWNER, "a", "", BODY, "company")
    for _ in range(60):
        with pytest.raises(views.NotFound):
            views.get(journal, COLLEAGUE, "guessed")
    with pytest.raises(misses.TooManyMisses):
        views.get(journal, COLLEAGUE, "guessed")
    with pytest.raises(misses.TooManyMisses):
        views.get(journal, COLLEAGUE, view_id)  # a hit among too many guesses is not given away
    assert views.get(journal, EXEC, view_id)
    now[0] += 60.1
    assert views.get(journal, COLLEAGUE, view_id)
    assert [row[:2] for row in audit(journal)].count(("colleague", "denied")) == 60


def test_a_million_guesses_take_eleven_days_and_find_nothing():
    guesses, views_kept, bits = 10**6, 10**6, 8 * views.RANDOM_BYTES
    assert bits == 128
    assert guesses / misses.MOST * misses.SECONDS / 86_400 > 11
    assert guesses * views_kept / 2**bits < 1e-26


def test_those_who_guess_cannot_fill_the_memory():
    seen = misses.Misses()
    for number in range(misses.MOST_REMEMBERED + 500):
        seen.note(f"session {number}")
    assert len(seen.seen) == misses.MOST_REMEMBERED
    assert "session 0" not in seen.seen
