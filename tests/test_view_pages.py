"""Saved views and notes as their readers meet them: the route, the frame of every page, and the page of all views."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from anyio.from_thread import start_blocking_portal
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest

from components import words
from data import view_format
from data.catalog import METRICS
from data.journal import misses, notes, people, store, view_rows, views
from data.journal.people import Session
from data.journal.schema import AUDIT, METADATA
from data.journal.store import Journal
from data.rights import ROLES, Actor
from data.view import Scope
from data.view_format import Body, body_of
from data.warehouse import Build, served
from tests import browser, colleagues
from tests.conftest import ROOT, run_data
from tests.test_pages import another_build, text_of
from web import saved

HOSTILE = "![x](http://evil.example/p.png) :red[alarm] <b> [a](http://evil.example)"
MANAGER = "manager M01"


@pytest.fixture(autouse=True)
def journal(tmp_path, monkeypatch, warehouse) -> Journal:
    """An empty journal that the app and the route use; nobody has guessed yet."""
    monkeypatch.setenv("RAPPORT_JOURNAL", str(tmp_path / "journal"))
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    monkeypatch.setattr(view_rows, "MISSES", misses.Misses())
    return store.journal()


@pytest.fixture
def build(warehouse) -> Build:
    """The build that serves."""
    return served(str(warehouse)).current()


# The route


class Answer:
    """What the route answered."""

    def __init__(self, messages: list[dict]):
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.text = b"".join(one.get("body", b"") for one in messages[1:]).decode()
        self.to = self.headers.get("location", "")
        self.parameters = parse_qs(urlsplit(self.to).query)


def get(actor: Actor | None, address: str, method: str = "GET") -> Answer:
    """Ask the route as somebody with a session, as the guard would let them through."""
    path, _, query = address.partition("?")
    state = {}
    if actor:
        state["session"] = Session(actor.session, actor.person, actor.name, "demo", actor.held, "", "")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [],
        "state": state,
    }
    sent: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        sent.append(message)

    async def ask() -> None:
        await Starlette(routes=[saved.ROUTE])(scope | {"http_version": "1.1", "scheme": "http"}, receive, send)

    with start_blocking_portal() as portal:  # a thread of its own: a browser's loop may run in this one
        portal.call(ask)
    return Answer(sent)


def of(manifest: dict, page: str = "overview", frozen: str = "", **more: list[str]) -> Body:
    """A view of two regions and one segment over three months."""
    filters = manifest["filters"]
    chosen = {"region": filters["region"][:2], "segment": filters["segment"][:1], "period": ["3m"], "compare": ["year"]}
    return body_of(page, chosen | more, frozen, ("region",))


def test_a_view_leads_to_its_explicit_address_with_every_value(journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    body = of(build.manifest)
    view_id = views.save(journal, owner, "a view", "", body, "company")
    answer = get(owner, f"/v/{view_id}")
    assert (answer.status, urlsplit(answer.to).path, answer.headers["cache-control"]) == (302, "/overview", "no-store")
    assert answer.parameters == {name: list(values) for name, values in body.parameters} | {"view": [view_id]}
    frozen = views.save(journal, owner, "a view", "", of(build.manifest, "customer_roi", build.id), "company")
    answer = get(owner, f"/v/{frozen}")
    assert urlsplit(answer.to).path == "/customer_roi"
    assert answer.parameters["build"] == [build.id]


def test_without_a_session_a_view_says_nothing(journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    view_id = views.save(journal, owner, "a secret name", "", of(build.manifest), "company")
    answer = get(None, f"/v/{view_id}")
    assert answer.status == 401
    assert "secret" not in answer.text and not answer.to


def test_foreign_deleted_missing_and_malformed_views_get_the_same_page(journal, build):
    owner, other = colleagues.come(journal, "ann", "executive"), colleagues.come(journal, "bob", MANAGER)
    foreign = views.save(journal, owner, "a secret name", "", of(build.manifest), "personal")
    team = views.save(journal, owner, "a secret name", "", of(build.manifest), "team")
    gone = views.save(journal, owner, "a secret name", "", of(build.manifest), "company")
    views.delete(journal, owner, gone)
    asked = (foreign, team, gone, "A" * 22, foreign[:-1], "1", "..%2f..%2fetc", "%00", "é" * 300)
    answers = [get(other, f"/v/{view_id}") for view_id in asked]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "There is no such view, or it is not shared with you" in answers[0].text
    assert "secret" not in answers[0].text
    denied = journal.rows(sa.select(AUDIT).where(AUDIT.c.action == "denied", AUDIT.c.actor == other.person))
    assert len(denied) == len(asked)


def test_guessing_gets_429_after_sixty_misses(journal, build):
    owner, other = colleagues.come(journal, "ann", "executive"), colleagues.come(journal, "bob", MANAGER)
    view_id = views.save(journal, owner, "a view", "", of(build.manifest), "company")
    assert [get(other, f"/v/guess{number}").status for number in range(61)] == [404] * 60 + [429]
    assert get(other, f"/v/{view_id}").status == 429
    assert get(owner, f"/v/{view_id}").status == 302


@pytest.fixture
def two_regions(monkeypatch, build) -> tuple[list[str], list[str]]:
    """Managers see two regions only: those, and the others."""
    regions = build.manifest["filters"]["region"]
    scope_of = Build.scope_of

    def narrow(self: Build, held: tuple) -> Scope:
        managers = any(one.role == "manager" for one in held)
        return Scope(members=(("region", tuple(regions[:2])),)) if managers else scope_of(self, held)

    monkeypatch.setattr(Build, "scope_of", narrow)
    return regions[:2], regions[2:]


def test_a_reader_gets_only_the_choices_in_the_own_book_and_no_other_is_named(journal, two_regions):
    owner, reader = colleagues.come(journal, "eve", "executive"), colleagues.come(journal, "bob", MANAGER)
    mine, others = two_regions
    body = body_of("overview", {"region": [others[0], mine[0]], "period": ["12m"]})
    answer = get(reader, f"/v/{views.save(journal, owner, 'both', '', body, 'company')}")
    assert answer.status == 302
    assert answer.parameters["region"] == [mine[0]]
    assert others[0] not in answer.to
    body = body_of("overview", {"region": others, "period": ["12m"]})
    answer = get(reader, f"/v/{views.save(journal, owner, 'beyond', '', body, 'company')}")
    assert answer.status == 200 and not answer.to  # never wider than was meant without asking
    assert "Everything in its choice of Region lies outside what you may see" in answer.text
    assert not any(other in answer.text for other in others)
    assert "Open it without that choice" in answer.text
    assert get(owner, f"/v/{views.save(journal, owner, 'beyond', '', body, 'company')}").parameters["region"] == others


def test_the_readers_scope_counts_and_never_the_authors(journal, build, warehouse):
    author = colleagues.come(journal, "bob", MANAGER)
    view_id = views.save(journal, author, "my book", "", body_of("overview", {"period": ["all"]}), "team")
    colleague = colleagues.come(journal, "cat", "manager M02")
    assert get(colleague, f"/v/{view_id}").status == 302
    assert build.scope_of(author.held) != build.scope_of(colleague.held)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"format": 3, "page": "overview"}', "saved by a newer Rapport (format 3"),
        ('{"format": 2, "page": "overview", "parameters": {}, "frozen": ""}', "locked is missing"),
        ('{"format": NaN}', "a number where none belongs"),
        (
            '{"format": 2, "page": "gone", "parameters": {"period": ["3m"]}, "frozen": "", "locked": []}',
            "“gone” no longer exists",
        ),
        (
            '{"format": 2, "page": "overview", "parameters": {}, "frozen": "20200101T000000Z-000000000000", "locked": []}',
            "no longer kept",
        ),
    ],
    ids=["future format", "part missing", "no number", "page removed", "build removed"],
)
def test_a_view_that_cannot_be_shown_whole_is_refused_in_words_with_a_way_on(journal, monkeypatch, text, says):
    owner = colleagues.come(journal, "ann", "executive")
    monkeypatch.setattr(view_format, "serialise", lambda body: text)
    view_id = views.save(journal, owner, "a view", "", Body("overview"), "personal")
    answer = get(owner, f"/v/{view_id}")
    assert answer.status == 409 and not answer.to
    assert says in answer.text
    assert 'class="choice"' in answer.text


def test_every_past_format_opens_through_the_route(journal, monkeypatch, build):
    owner = colleagues.come(journal, "ann", "executive")
    segment = build.manifest["filters"]["segment"][0]
    text = json.dumps({"format": 1, "address": f"/customer_roi?segment={segment}&metric=ROI&period=12m"})
    monkeypatch.setattr(view_format, "serialise", lambda body: text)
    answer = get(owner, f"/v/{views.save(journal, owner, 'an old one', '', Body('overview'), 'personal')}")
    assert urlsplit(answer.to).path == "/customer_roi"
    assert (answer.parameters["segment"], answer.parameters["metric"]) == ([segment], ["ROI"])


def test_names_from_people_do_not_become_html(journal, monkeypatch):
    owner = colleagues.come(journal, "ann", "executive")
    answer = get(owner, "/v/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script" not in answer.text.lower()


# The frame


def contents(journal: Journal) -> dict[str, list]:
    """Every row of every table but the audit's and what a look at the screen notes."""
    quiet = {"audit", "session", "view_opening"}
    return {table.name: journal.rows(sa.select(table)) for table in METADATA.sorted_tables if table.name not in quiet}


@pytest.fixture
def open_app(warehouse, monkeypatch):
    """Open a page through app.py as somebody with these roles; the app and who it is."""

    def opened(*roles: str, page: str = "", where: Path = warehouse, **parameters) -> tuple[AppTest, Actor]:
        monkeypatch.setenv("RAPPORT_WAREHOUSE", str(where))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in parameters.items():
            app.query_params[name] = value
        actor = colleagues.enter(app, *(roles or ("executive",)))
        if page:
            app.switch_page(f"pages/{page}.py")
        return app.run(), actor

    return opened


def follow(app: AppTest, address: str) -> AppTest:
    """A new window of the same person at the address a view leads to."""
    fresh = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    fresh.user = dict(app.user)
    for name, values in parse_qs(urlsplit(address).query).items():
        fresh.query_params[name] = values if len(values) > 1 else values[0]
    return fresh.run()


def save(app: AppTest, name: str, **fields) -> AppTest:
    """Save what is on the screen."""
    app.session_state["_save"] = True
    app.run()
    app.text_input(key="_view_name").set_value(name)
    if "note" in fields:
        app.text_area(key="_view_note").set_value(fields["note"])
    if "audience" in fields:
        app.selectbox(key="_view_for").set_value(fields["audience"])
    if "locked" in fields:
        app.multiselect(key="_view_locked").set_value(fields["locked"])
    if fields.get("frozen"):
        app.toggle(key="_view_frozen").set_value(True)
    app.button(key=fields.get("button", "_view_new")).click()
    return app.run()


def plain(app: AppTest) -> str:
    """The words on the screen without the escapes."""
    return text_of(app).replace("\\", "")


def test_what_is_on_the_screen_is_saved_with_every_value_and_opens_again(open_app, journal, build):
    filters = build.manifest["filters"]
    app, actor = open_app(region=filters["region"][0], period="3m")
    save(app, "Quarter in one region", note="one\ntwo", audience=("company", ""), locked=["region"])
    assert not app.exception and [one.value for one in app.success] == ["The view is saved\\."]
    (view,) = views.listing(journal, actor)
    assert (view.name, view.note, view.audience) == ("Quarter in one region", "one\ntwo", "company")
    assert dict(view.body.parameters) == {"region": (filters["region"][0],), "period": ("3m",), "compare": ("year",)}
    assert view.body.locked == ("region",) and view.body.page == "overview" and not view.body.frozen
    again = follow(app, get(actor, f"/v/{view.view_id}").to)
    assert not again.exception
    assert again.multiselect(key="region").value == [filters["region"][0]]
    assert again.multiselect(key="region").disabled
    assert not again.multiselect(key="segment").disabled
    shown = plain(again)
    assert "Quarter in one region" in shown and "saved view, yours · for company · live, with the newest data" in shown
    assert f"Region: {filters['region'][0]} · view" in shown
    assert "one  \ntwo" in text_of(again)
    assert "Differs from" not in shown and "differs for you" not in shown


def test_what_differs_from_the_view_is_said_and_one_button_leads_back(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    body = of(build.manifest)
    view_id = views.save(journal, owner, "a view", "", body, "company")
    app, _ = open_app(**{name: list(values) for name, values in body.parameters}, view=view_id)
    assert "Differs" not in plain(app)
    app.selectbox(key="period").set_value("12m").run()
    assert "Differs from the saved view: Period 12m instead of 3m" in plain(app)
    app.button(key="_view_back").click().run()
    assert app.selectbox(key="period").value == "3m"
    assert "Differs" not in plain(app)
    app.multiselect(key="segment").set_value([]).run()
    assert f"Segment none instead of {build.manifest['filters']['segment'][0]}" in plain(app)


def test_leaving_a_view_unlocks_its_filters_and_keeps_what_is_chosen(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    body = of(build.manifest)
    view_id = views.save(journal, owner, "a view", "", body, "company")
    app, _ = open_app(**{name: list(values) for name, values in body.parameters}, view=view_id)
    assert app.multiselect(key="region").disabled
    assert "fixes this" in app.multiselect(key="region").proto.help
    app.button(key="_view_leave").click().run()
    assert "view" not in app.query_params
    assert not app.multiselect(key="region").disabled
    assert app.multiselect(key="region").value == build.manifest["filters"]["region"][:2]
    assert "saved view" not in plain(app)


def test_reset_leaves_the_view(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    body = of(build.manifest)
    view_id = views.save(journal, owner, "a view", "", body, "company")
    app, _ = open_app(**{name: list(values) for name, values in body.parameters}, view=view_id)
    app.button(key="_reset").click().run()
    assert "view" not in app.query_params
    assert app.multiselect(key="region").value == []


def test_a_reader_with_less_access_is_told_how_much_differs_but_not_what(open_app, journal, two_regions):
    owner = colleagues.come(journal, "ann", "executive")
    mine, others = two_regions
    app, reader = open_app(MANAGER)
    body = body_of("overview", {"region": [*others, mine[0]], "period": ["12m"]})
    view_id = views.save(journal, owner, "all of them", "", body, "company")
    again = follow(app, get(reader, f"/v/{view_id}").to)
    assert not again.exception
    shown = plain(again)
    assert f"This view differs for you: {words.counted(len(others), 'choice')} of Region" in shown.replace("**", "")
    assert not any(other in shown for other in others)
    assert "Differs from the saved view" not in shown  # what one cannot have is no difference of one's own making
    same = follow(app, get(owner, f"/v/{view_id}").to)  # the author's address, in the reader's window
    assert "This address cannot be shown as it stands" in plain(same) and len(same.metric) == 0


@pytest.mark.parametrize("whose", ["foreign", "deleted", "missing", "two"])
def test_an_address_with_a_view_one_may_not_open_is_refused_and_shows_no_figure(open_app, journal, build, whose):
    owner = colleagues.come(journal, "ann", MANAGER)
    view_id = views.save(journal, owner, "a secret name", "", of(build.manifest), "personal")
    if whose == "deleted":
        views.delete(journal, owner, view_id)
    asked = {"missing": "A" * 22, "two": [view_id, "A" * 22]}.get(whose, view_id)
    app, _ = open_app(view=asked)
    assert not app.exception
    assert "This address cannot be shown as it stands" in plain(app)
    assert "secret" not in plain(app)
    assert len(app.metric) == 0


def test_a_parameter_that_no_longer_exists_is_refused_and_the_view_can_be_opened_without_it(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    region = build.manifest["filters"]["region"][0]
    body = body_of("overview", {"region": [region], "removed_metric": ["Old"]})
    view_id = views.save(journal, owner, "an old view", "", body, "company")
    address = parse_qs(urlsplit(get(owner, f"/v/{view_id}").to).query)
    app, _ = open_app(**address)
    assert "removed_metric = Old" in plain(app).replace("**", "") and len(app.metric) == 0
    app.button(key="_refused_one").click().run()
    assert not app.exception and len(app.metric) == 4
    assert app.multiselect(key="region").value == [region]
    assert "This view differs for you: 1 choice of a filter you do not have" in plain(app).replace("**", "")


def test_no_address_changes_anything(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    view_id = views.save(journal, owner, "a view", "", of(build.manifest), "company")
    before = contents(journal)
    for name in ("delete", "approve", "save", "restore", "version", "name", "_view_new", "_view_sure"):
        app, _ = open_app(**{name: "1", "view": view_id})
        assert "This address cannot be shown as it stands" in plain(app) and len(app.metric) == 0
        answer = get(owner, f"/v/{view_id}?{name}=1")
        assert name not in answer.parameters
    for method in ("POST", "PUT", "DELETE"):
        assert get(owner, f"/v/{view_id}", method).status == 405
    after = contents(journal)
    assert {name: rows for name, rows in after.items() if name != "person"} == {
        name: rows for name, rows in before.items() if name != "person"
    }


def test_two_tabs_change_one_view_and_the_second_is_told(open_app, journal, build):
    app, actor = open_app()
    save(app, "both tabs")
    (view,) = views.listing(journal, actor)
    address = get(actor, f"/v/{view.view_id}").to
    one, two = follow(app, address), follow(app, address)
    one.selectbox(key="period").set_value("6m").run()
    two.selectbox(key="period").set_value("3m").run()
    save(one, "tab one", button="_view_change")
    save(two, "tab two", button="_view_change")
    (problem,) = (error.value.replace("\\", "") for error in two.error)
    assert "saved meanwhile as version 2" in problem and "“tab one”, not “tab two”" in problem
    assert "period: “6m”, not “3m”" in problem
    assert "saved anew since you opened it" in plain(two)
    assert views.get(journal, actor, view.view_id).name == "tab one"


def test_who_may_not_save_is_not_offered_to_and_a_forged_click_is_refused(open_app, journal):
    for role in ROLES:
        app, actor = open_app(f"{role} M01")
        app.session_state["_save"] = True
        app.run()
        may = "save view" in ROLES[role] and "view" in ROLES[role]
        assert [one.key for one in app.text_input if one.key == "_view_name"] == ["_view_name"] * may
    assert views.listing(journal, actor) == []


@pytest.mark.parametrize("typed", ["call +49 170 1234567", "maria@example.com", "a\u202eb", "   "])
def test_a_name_that_cannot_be_kept_is_refused_on_the_screen(open_app, journal, typed):
    app, actor = open_app()
    app.session_state["_save"] = True
    app.run()
    app.session_state["_view_name"] = typed
    app.button(key="_view_new").click().run()
    assert not app.exception
    (problem,) = (error.value for error in app.error)
    assert problem.startswith("The name") and (not typed.strip() or typed not in problem)
    assert views.listing(journal, actor) == []


def test_hostile_names_and_notes_are_shown_as_text_everywhere(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    view_id = views.save(journal, owner, HOSTILE, HOSTILE, of(build.manifest), "company")
    notes.add(journal, owner, f"view:{view_id}", HOSTILE, "team")
    notes.add(journal, owner, "figure:overview/margin", HOSTILE, "team")
    views.set_default(journal, owner, "executive", view_id)
    framed, _ = open_app(view=view_id)
    framed.session_state["_notes_shown"] = framed.session_state["_save"] = True
    framed.run()
    first, _ = open_app()
    listed, _ = open_app(page="views/saved_views")
    listed.session_state[f"_view_manage_{view_id}"] = True
    listed.run()
    for app in (framed, first, listed):
        assert not app.exception
        shown = text_of(app)
        assert "evil" in shown
        assert "![x](" not in shown and "](http" not in shown and ":red[" not in shown and "<b>" not in shown


def test_the_default_view_of_a_role_is_offered_and_never_applied_by_itself(open_app, journal, build):
    owner = colleagues.come(journal, "ann", "executive")
    view_id = views.save(journal, owner, "Start here", "", of(build.manifest), "company")
    views.set_default(journal, owner, "manager", view_id)
    app, _ = open_app(MANAGER)
    assert "Your role’s default view: **Start here**" in plain(app)
    assert f"[Open](/v/{view_id})" in text_of(app)
    assert (
        app.multiselect
        and all(one.value == [] for one in app.multiselect)
        and app.selectbox(key="period").value == "12m"
    )
    for roles, page in ((("executive",), ""), ((MANAGER,), "value/customer_roi")):
        other, _ = open_app(*roles, page=page)
        assert "default view" not in plain(other)


def test_what_changed_since_the_last_opening_adds_up_to_the_cent(open_app, journal, warehouse, tmp_path, monkeypatch):
    first = another_build(tmp_path, warehouse, "20260101T000000Z")
    app, actor = open_app(where=tmp_path)
    view_id = views.save(journal, actor, "a view", "", body_of("overview", {"period": ["12m"]}), "personal")
    seen = follow(app, f"/?period=12m&view={view_id}")
    assert "Since you last opened" not in "".join(expander.label for expander in seen.expander)
    second = another_build(tmp_path, warehouse, "20260102T000000Z")
    again = follow(app, f"/?period=12m&view={view_id}")
    assert not again.exception
    assert again.session_state["_build"].id == second
    (found,) = (e.label.replace("\\", "") for e in again.expander if "Since you last opened" in e.label)
    assert "contribution margin did not change" in found
    (tmp_path / f"{first}.duckdb").unlink()
    (tmp_path / f"{first}.json").unlink()
    third = another_build(tmp_path, warehouse, "20260103T000000Z")
    (tmp_path / f"{second}.duckdb").unlink()
    (tmp_path / f"{second}.json").unlink()
    gone = follow(app, f"/?period=12m&view={view_id}")
    assert gone.session_state["_build"].id == third
    assert "with a build that is no longer kept" in plain(gone)


def small_build(folder: Path, warehouse: Path, *lines: str) -> str:
    """A build of a company with these order lines; its name."""
    folder.mkdir(exist_ok=True)
    (folder / "lines.csv").write_text("\n".join(["order_id,ordered_at,revenue,customer_id", *lines]), encoding="utf-8")
    (folder / "company.toml").write_text('name = "Small & Co"\ncurrency = "EUR"\n', encoding="utf-8")
    done = run_data("build", folder, "--warehouse", warehouse)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]


def test_new_and_restated_months_since_the_last_opening_are_told_apart_to_the_cent(open_app, journal, tmp_path):
    warehouse = tmp_path / "warehouse"
    old = [f"o{month},2026-{month:02d}-10 12:00:00,100.00,c1" for month in (1, 2, 3)]
    small_build(tmp_path / "feeds", warehouse, *old, "o9,2026-04-01 00:00:00,0.00,c1")
    app, actor = open_app(where=warehouse)
    view_id = views.save(journal, actor, "a view", "", body_of("overview", {"period": ["all"]}), "personal")
    follow(app, f"/?period=all&view={view_id}")
    time.sleep(1.1)  # builds are named after the second
    restated = [old[0], old[1].replace("100.00", "90.01"), old[2]]
    small_build(tmp_path / "feeds", warehouse, *restated, "o10,2026-05-10 12:00:00,33.33,c2")
    again = follow(app, f"/?period=all&view={view_id}")
    assert not again.exception
    (found,) = (one for one in again.expander if "Since you last opened" in one.label)
    assert "revenue rose by €23.34" in found.label.replace("\\", "")
    (table,) = found.dataframe
    worth = dict(zip(table.value["Part"], table.value["Worth"]))
    assert worth["New months"] == "+€33.33"
    assert worth["Restated months"] == "−€9.99"
    assert worth["The open month"] == "€0.00"


def test_a_view_frozen_to_another_build_says_so(open_app, journal, warehouse, tmp_path):
    first = another_build(tmp_path, warehouse, "20260101T000000Z")
    another_build(tmp_path, warehouse, "20260102T000000Z")
    app, actor = open_app(where=tmp_path)
    view_id = views.save(journal, actor, "a view", "", body_of("overview", {"period": ["12m"]}, first), "personal")
    answer = get(actor, f"/v/{view_id}")
    assert answer.parameters["build"] == [first]
    frozen = follow(app, answer.to)
    assert frozen.session_state["_build"].id == first
    assert f"frozen to build {first}" in plain(frozen) and "is not the one on the screen" not in plain(frozen)
    by_hand = follow(app, f"/?period=12m&view={view_id}")
    assert "The build this view is frozen to is not the one on the screen" in plain(by_hand)


# The page of all views, and notes


def test_without_views_the_page_says_what_one_is(open_app):
    app, _ = open_app(page="views/saved_views")
    assert not app.exception
    assert "No views are saved yet" in plain(app) and "choose Save at the top" in plain(app)
    app, _ = open_app("auditor", page="views/saved_views")
    assert "Your roles do not save views" in plain(app)


def test_the_page_lists_own_team_and_company_views_with_a_way_to_open_each(open_app, journal, build):
    app, actor = open_app(MANAGER, page="views/saved_views")
    colleague, boss = colleagues.come(journal, "ann", MANAGER), colleagues.come(journal, "eve", "executive")
    body = of(build.manifest)
    kept = {
        "own": views.save(journal, actor, "own", "", body, "personal"),
        "team": views.save(journal, colleague, "team", "", body, "team"),
        "company": views.save(journal, boss, "company", "", body, "company"),
    }
    views.save(journal, colleague, "hidden one", "", body, "personal")
    views.save(journal, boss, "hidden two", "", body, "team")
    app.run()
    headings = [heading.value for heading in app.header]
    assert headings == ["1 view of yours", "1 view of your team", "1 view of the company"]
    for name, view_id in kept.items():
        assert f"[**{name}**](/v/{view_id})" in text_of(app)
    assert "hidden" not in text_of(app)


def test_an_owner_renames_shares_restores_and_deletes_on_the_page(open_app, journal, build):
    app, actor = open_app(page="views/saved_views")
    view_id = views.save(journal, actor, "before", "", of(build.manifest), "personal")
    app.session_state[f"_view_manage_{view_id}"] = True
    app.run()
    app.text_input(key=f"_view_name_{view_id}").set_value("after")
    app.selectbox(key=f"_view_audience_{view_id}").set_value(("company", ""))
    app.button(key=f"_view_save_{view_id}").click().run()
    view = views.get(journal, actor, view_id)
    assert (view.name, view.audience, view.version, view.body) == ("after", "company", 2, view.body)
    app.button(key=f"_view_restore_{view_id}_1").click().run()
    assert views.get(journal, actor, view_id).name == "before"
    app.button(key=f"_view_Offer it_{view_id}").click().run()
    assert views.default_of(journal, actor, "executive").view_id == view_id
    assert "default view of every executive" in plain(app)
    assert app.button(key=f"_view_delete_{view_id}").disabled
    app.checkbox(key=f"_view_sure_{view_id}").check().run()
    app.button(key=f"_view_delete_{view_id}").click().run()
    assert not app.exception
    assert views.listing(journal, actor) == []


def test_a_note_is_written_in_the_frame_marked_at_its_figure_and_removed_by_its_author(open_app, journal):
    app, actor = open_app()
    app.session_state["_notes_shown"] = True
    app.run()
    about = app.selectbox(key="_note_about")
    assert about.options[:2] == ["this page", METRICS["margin"].label.lower()]
    about.set_value("figure:overview/margin")
    app.text_area(key="_note_text").set_value("Returns of March\nare in here")
    app.selectbox(key="_note_for").set_value(("team", "executive"))
    app.button(key="_note_add").click().run()
    assert not app.exception and [one.value for one in app.success] == ["The note is kept\\."]
    (note,) = notes.of(journal, actor, ["figure:overview/margin"])
    assert (note.text, note.audience, note.author) == ("Returns of March\nare in here", "team", actor.person)
    shown = plain(app)
    assert "Returns of March  \nare in here" in shown
    assert "on contribution margin · for every executive" in shown
    assert ":material/sticky_note_2: 1 note" in shown
    colleague, _ = open_app()
    assert ":material/sticky_note_2: 1 note" in plain(colleague)
    manager, _ = open_app(MANAGER)
    assert "sticky_note" not in plain(manager)
    app.button(key=f"_note_remove_{note.note_id}").click().run()
    assert notes.of(journal, actor, ["figure:overview/margin"]) == []
    assert people.names(journal)[actor.person] == "Tess Ter"


# In a real browser, where the address is


@pytest.mark.browser
def test_a_view_lives_in_the_address_through_saving_opening_changing_going_back_and_leaving(chromium, app_address):
    with browser.visit(chromium, f"{app_address}/overview?region=North&region=South&period=3m", persona="erin") as seen:
        page = seen.page
        page.get_by_role("button", name="Save").click()
        page.get_by_label("Name").fill("Two regions")
        page.keyboard.press("Tab")
        browser.settled(page)
        page.get_by_role("button", name="Save as a new view").click()
        page.wait_for_url(re.compile(r"[?&]view=[\w-]{22}(&|$)"))
        view_id = re.search(r"view=([\w-]{22})", page.url).group(1)
        seen.go(f"{app_address}/v/{view_id}")
        arrived = parse_qs(urlsplit(page.url).query)
        assert (arrived["region"], arrived["period"], arrived["view"]) == (["North", "South"], ["3m"], [view_id])
        assert page.get_by_text("saved view, yours").is_visible()
        page.locator("[data-testid=stSelectbox] input").first.click()
        page.get_by_text("6m", exact=True).click()
        page.wait_for_url(re.compile(f"period=6m.*view={view_id}"))
        page.get_by_text("Differs from the saved view: Period 6m instead of 3m.").wait_for()
        page.reload()
        page.get_by_text("Differs from the saved view: Period 6m instead of 3m.").wait_for()
        page.get_by_role("button", name="Back to the saved view").click()
        page.wait_for_url(re.compile(f"period=3m.*view={view_id}"))
        page.get_by_role("button", name="Leave this view").click()
        page.wait_for_url(lambda address: "view=" not in address and "region=North" in address)
        browser.settled(page)
        assert page.get_by_text("saved view, yours").count() == 0
        assert seen.errors == seen.outside == seen.exceptions() == []
    with browser.visit(chromium, app_address, persona="max") as seen:
        response = seen.page.goto(f"{app_address}/v/{view_id}")
        assert response.status == 404
        assert "There is no such view, or it is not shared with you" in seen.page.inner_text("main")
        assert browser.accessibility_faults(seen.page) == []
