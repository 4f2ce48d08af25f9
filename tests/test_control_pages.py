"""People and grants, and the audit trail, as the people see them who may open them: what is shown, done and refused."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from components import address, attempts, people, trail, words
from data import export_tickets
from data.export_journal import Review, Trail
from data.journal import audit, grants, release_rows
from data.journal import people as persons
from data.journal.schema import AUDIT, ROLE_GRANT, SESSION
from data.journal.store import Journal
from data.rights import ADMIN, APPROVER, AUDITOR, EXECUTIVE, MANAGER, PARTNER_ROLE, SYSTEM, Actor, Held
from tests.conftest import ROOT

HOSTILE = "![x](http://evil.example/p.png) :red[alarm] <b>"
PEOPLE, TRAIL = "pages/control/people.py", "pages/control/audit_trail.py"


def claims_of(name: str) -> dict[str, str | bool]:
    """What the cookie of somebody says."""
    return {
        "is_logged_in": True,
        "iss": "https://id.example",
        "sub": name,
        "nonce": f"n-{name}",
        "iat": "1",
        "name": name,
    }


def arrive(kept: Journal, name: str, *roles: str, subject: str = "") -> Actor:
    """Somebody signs in with these roles from the provider."""
    claims = claims_of(name)
    held = [Held(role, subject or ("M01" if role == MANAGER else "")) for role in roles]
    session = persons.alive(kept, persons.sign_in(kept, claims, "company", held))
    assert session is not None
    return persons.actor_of(kept, session)


@pytest.fixture
def opened(kept, warehouse, monkeypatch) -> Callable[..., AppTest]:
    """Open a page through app.py as somebody who has signed in."""

    def go(name: str, page: str, **parameters: str) -> AppTest:
        monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
        monkeypatch.setattr(st, "user", claims_of(name))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for key, value in parameters.items():
            app.query_params[key.rstrip("_")] = value
        app.switch_page(page)
        return app.run()

    return go


@pytest.fixture
def staff(kept) -> dict[str, Actor]:
    """Two administrators, an auditor, an executive, a manager, and somebody without access."""
    roles = {"Ada": (ADMIN,), "Bea": (ADMIN,), "Cy": (AUDITOR,), "Eve": (EXECUTIVE,), "Max": (MANAGER,), "Zoe": ()}
    return {name: arrive(kept, name, *held) for name, held in roles.items()}


def text_of(app: AppTest) -> str:
    """All the words on the screen."""
    kinds = (
        app.title,
        app.header,
        app.subheader,
        app.markdown,
        app.error,
        app.warning,
        app.info,
        app.success,
        app.code,
    )
    return "\n".join(str(element.value) for kind in kinds for element in kind)


def plain(app: AppTest) -> str:
    """The same without the escapes that keep names from becoming Markdown."""
    return text_of(app).replace("\\", "")


def grant_row(kept: Journal, grant_id: str) -> sa.Row:
    """One grant as it is stored."""
    (row,) = kept.rows(sa.select(ROLE_GRANT).where(ROLE_GRANT.c.grant_id == grant_id))
    return row


def actions(kept: Journal) -> list[str]:
    """The actions of the audit trail, in order."""
    return [row.action for row in kept.rows(sa.select(AUDIT.c.action).order_by(AUDIT.c.seq))]


# People and grants


def test_the_page_counts_people_proposals_emergencies_and_vacant_roles(opened, kept, staff):
    grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy")
    grants.take_in_emergency(kept, staff["Eve"], ADMIN, "nobody else is there")
    app = opened("Ada", PEOPLE)
    assert not app.exception
    cards = {metric.label: metric.value for metric in app.metric}
    assert cards == {
        "People with access": "5",
        "Waiting proposals": "1",
        "Emergencies to review": "1",
        "Roles nobody holds": "2",
    }
    assert "approver and partner" in plain(app)
    assert "1 proposal and 1 emergency wait for a second person" in plain(app)


def test_the_table_says_role_source_both_people_reason_end_and_last_use(opened, kept, staff):
    grant_id = grants.ask(kept, staff["Ada"], staff["Zoe"].person, MANAGER, "stands in for Max", "M01", 30)
    grants.decide(kept, staff["Bea"], grant_id, True)
    frame = opened("Cy", PEOPLE).dataframe[0].value
    assert len(frame) == 6
    (zoe,) = (row for _, row in frame.iterrows() if row["name"].startswith("Zoe ("))
    assert (zoe["role"], zoe["subject"], zoe["source"]) == ("manager", "M01", "grant")
    assert zoe["asked_by"].startswith("Ada (") and zoe["granted_by"].startswith("Bea (")
    assert zoe["reason"] == "stands in for Max"
    stored = grant_row(kept, grant_id)
    zone = opened("Cy", PEOPLE).session_state["_build"].manifest["zone"]
    assert zoe["expires"] == words.moment(stored.expires_at, zone)
    assert zoe["since"] == words.moment(stored.decided_at, zone)
    (eve,) = (row for _, row in frame.iterrows() if row["name"].startswith("Eve ("))
    assert (eve["role"], eve["source"], eve["expires"]) == ("executive", "provider", "with the session")
    assert eve["last_used"] != "–"


def test_the_table_can_be_narrowed_to_a_role_by_a_link(opened, staff):
    frame = opened("Ada", PEOPLE, role="Admin").dataframe[0].value
    assert sorted(frame["name"].str[:3]) == ["Ada", "Bea"]
    app = opened("Ada", PEOPLE, role="Emperor")
    assert "This address cannot be shown" in plain(app)
    assert not app.dataframe


def test_somebody_else_than_who_asked_grants_a_role_and_it_holds_at_once(opened, kept, staff):
    grant_id = grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy")
    own = opened("Ada", PEOPLE)
    assert own.button(key=f"_grant_{grant_id}").disabled
    assert own.button(key=f"_refuse_{grant_id}").disabled
    assert "You asked for this, so another administrator decides" in plain(own)
    app = opened("Bea", PEOPLE)
    assert not app.button(key=f"_grant_{grant_id}").disabled
    app.button(key=f"_grant_{grant_id}").click().run()
    assert "The role is granted" in plain(app)
    assert grant_row(kept, grant_id).decided_by == staff["Bea"].person
    assert arrive(kept, "Zoe").roles == {AUDITOR}
    assert {metric.label: metric.value for metric in app.metric}["Waiting proposals"] == "0"


def test_a_refused_proposal_gives_nothing(opened, kept, staff):
    grant_id = grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy")
    opened("Bea", PEOPLE).button(key=f"_refuse_{grant_id}").click().run()
    assert grant_row(kept, grant_id).decision == "refused"
    assert arrive(kept, "Zoe").roles == frozenset()


def test_the_one_who_would_get_the_role_cannot_decide(opened, kept, staff):
    third = arrive(kept, "Cora", ADMIN)
    grant_id = grants.ask(kept, staff["Ada"], third.person, ADMIN, "longer than the session")
    app = opened("Cora", PEOPLE)
    assert app.button(key=f"_grant_{grant_id}").disabled
    assert "This is about you" in plain(app)


def test_an_auditor_reads_everything_and_can_press_nothing(opened, kept, staff):
    asked = grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy")
    given = grants.ask(kept, staff["Ada"], staff["Max"].person, MANAGER, "another book", "M02")
    grants.decide(kept, staff["Bea"], given, True)
    app = opened("Cy", PEOPLE)
    assert app.button(key=f"_grant_{asked}").disabled and app.button(key=f"_refuse_{asked}").disabled
    assert "Your roles do not let you decide this" in plain(app)
    assert not [field for field in app.selectbox if field.key == "_propose_person"]
    app.selectbox(key="_person").select(staff["Max"].person).run()
    for key in (f"_revoke_{given}", "_end_sessions", "_view_as"):
        assert app.button(key=key).disabled
    assert "Only an administrator can do this" in plain(app)


def test_a_role_is_proposed_for_somebody_without_access_and_waits(opened, kept, staff):
    app = opened("Ada", PEOPLE)
    offered = app.selectbox(key="_propose_person").options
    assert any(one.startswith("Zoe (") for one in offered)
    assert not any(one.startswith("Ada (") for one in offered)
    app.selectbox(key="_propose_person").select(staff["Zoe"].person)
    app.selectbox(key="_propose_role").select(MANAGER)
    app.selectbox(key="_propose_book").select_index(0)
    book = app.selectbox(key="_propose_book").value
    app.number_input(key="_propose_days").set_value(14)
    app.text_area(key="_propose_reason").input("new in sales")
    next(one for one in app.button if one.label == "Propose").click().run()
    assert "Another administrator has to agree" in plain(app)
    (row,) = grants.waiting(kept)
    assert (row.person_id, row.role, row.subject, row.reason) == (staff["Zoe"].person, MANAGER, book, "new in sales")
    assert (row.asked_by, row.decision) == (staff["Ada"].person, None)
    assert arrive(kept, "Zoe").roles == frozenset()


def test_a_proposal_that_makes_no_sense_is_refused_in_words_and_nothing_is_stored(opened, kept, staff):
    app = opened("Ada", PEOPLE)
    app.selectbox(key="_propose_person").select(staff["Max"].person)
    app.selectbox(key="_propose_role").select(APPROVER)
    app.text_area(key="_propose_reason").input("more work")
    next(one for one in app.button if one.label == "Propose").click().run()
    assert "One person may not be approver and manager" in plain(app)
    assert kept.rows(sa.select(ROLE_GRANT)) == []


@pytest.mark.parametrize(("role", "field"), [(PARTNER_ROLE, "_propose_partner"), (MANAGER, "_propose_book")])
def test_a_key_that_the_data_does_not_have_is_doubted_and_not_refused(role, field, opened, kept, staff):
    app = opened("Ada", PEOPLE)
    app.selectbox(key="_propose_person").select(staff["Zoe"].person)
    app.selectbox(key="_propose_role").select(role)
    typed = next(one for one in (*app.text_input, *app.selectbox) if one.key == field)
    if role == MANAGER:
        typed.options.append(" P!999 ")  # what a browser adds when somebody types it
    typed.set_value(" P!999 ")
    app.text_area(key="_propose_reason").input("a newcomer")
    next(one for one in app.button if one.label == "Propose").click().run()
    assert not app.exception
    assert f"The data on the screen has no {role} with the key “P!999”" in app.success[0].value.replace("\\", "")
    (row,) = grants.waiting(kept)
    assert row.subject == "P!999"
    for name in ("Ada", "Bea"):
        (warning,) = opened(name, PEOPLE).warning
        assert f"no {role} with the key “P!999”" in warning.value.replace("\\", "")


def test_keys_that_the_data_has_are_not_doubted(opened, kept, staff):
    build = opened("Ada", PEOPLE).session_state["_build"]
    book = sorted(build.manifest["filters"]["manager_id"])[-1]
    partner = build.partners_of(book)[0]
    for person, role, subject in (("Zoe", MANAGER, book), ("Max", PARTNER_ROLE, partner)):
        assert build.knows(Held(role, subject)) and not build.knows(Held(role, f"{subject}x"))
        person = arrive(kept, f"{person} again").person
        grants.ask(kept, staff["Ada"], person, role, "a newcomer", subject)
    assert build.knows(Held(AUDITOR)) and not build.knows(Held(MANAGER, "(unknown)"))
    app = opened("Bea", PEOPLE)
    assert len(grants.waiting(kept)) == 2 and not app.warning


def test_a_revoked_role_is_gone_at_the_next_look(opened, kept, staff):
    grant_id = grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy")
    grants.decide(kept, staff["Bea"], grant_id, True)
    assert arrive(kept, "Zoe").roles == {AUDITOR}
    app = opened("Ada", PEOPLE)
    app.selectbox(key="_person").select(staff["Zoe"].person).run()
    app.button(key=f"_revoke_{grant_id}").click().run()
    assert "The role is taken away" in plain(app)
    assert arrive(kept, "Zoe").roles == frozenset()
    assert grant_row(kept, grant_id).revoked_by == staff["Ada"].person


def test_ended_sessions_are_over_for_that_person_and_nobody_else(opened, kept, staff):
    app = opened("Ada", PEOPLE)
    app.selectbox(key="_person").select(staff["Eve"].person).run()
    app.button(key="_end_sessions").click().run()
    assert "Signed out everywhere" in plain(app)
    open_ = kept.rows(sa.select(SESSION.c.person_id).where(SESSION.c.ended_at.is_(None)))
    assert {row.person_id for row in open_} == {one.person for name, one in staff.items() if name != "Eve"}
    assert "You are not signed in" in plain(opened("Eve", "pages/company/overview.py"))


def test_an_executive_takes_a_role_in_an_emergency_from_the_account_menu_and_an_auditor_reviews_it(opened, kept, staff):
    app = opened("Eve", "pages/company/overview.py")
    app.selectbox(key="_emergency_role").select(ADMIN)
    app.text_area(key="_emergency_reason").input("the administrators are ill")
    next(one for one in app.button if one.label == "Take the role").click().run()
    assert arrive(kept, "Eve", EXECUTIVE).roles == {EXECUTIVE, ADMIN}
    assert any("in an emergency" in warning.value for warning in app.warning)
    (taken,) = grants.waiting(kept)
    own = opened("Eve", PEOPLE)
    assert not [one for one in own.text_area if one.key == f"_review_{taken.grant_id}"]
    assert "This is about you" in plain(own)
    other = opened("Cy", PEOPLE)
    assert "the administrators are ill" in plain(other)
    other.text_area(key=f"_review_{taken.grant_id}").input("in order")
    next(one for one in other.button if one.label == "Keep the review").click().run()
    assert "still runs" in plain(other) and grant_row(kept, taken.grant_id).reviewed_by is None
    grants.revoke(kept, staff["Ada"], taken.grant_id)  # ended early
    other.text_area(key=f"_review_{taken.grant_id}").input("in order")
    next(one for one in other.button if one.label == "Keep the review").click().run()
    assert "The review is kept" in plain(other)
    row = grant_row(kept, taken.grant_id)
    assert (row.reviewed_by, row.review) == (staff["Cy"].person, "in order")
    assert grants.waiting(kept) == []


def test_an_emergency_without_a_reason_is_refused_where_it_was_tried(opened, kept, staff):
    app = opened("Eve", "pages/company/overview.py")
    app.selectbox(key="_emergency_role").select(ADMIN)
    next(one for one in app.button if one.label == "Take the role").click().run()
    assert any("Say why" in error.value for error in app.error)
    assert arrive(kept, "Eve", EXECUTIVE).roles == {EXECUTIVE}


@pytest.mark.parametrize("name", ["Max", "Cy", "Ada"])
def test_who_may_not_take_a_role_alone_is_not_offered_one(name, opened, staff):
    app = opened(name, "pages/trust/glossary.py")
    assert not app.exception
    assert not [one for one in app.button if one.label == "Take the role"]


def test_looking_as_somebody_else_shows_their_screen_is_recorded_and_changes_nothing(opened, kept, staff):
    app = opened("Ada", PEOPLE)
    app.selectbox(key="_person").select(staff["Cy"].person).run()
    app.button(key="_view_as").click().run()
    assert not app.exception
    assert "You see what Cy sees" in plain(app)
    (row,) = audit.entries(kept, action="view-as")
    assert (row.actor, row.target) == (staff["Ada"].person, staff["Cy"].person)
    assert app.title[0].value == "Overview", "the first page of the one who is looked as"
    app.switch_page("pages/control/people.py").run()
    app.selectbox(key="_person").select(staff["Eve"].person).run()
    for key in ("_end_sessions", "_view_as"):
        assert app.button(key=key).disabled
    app.button(key="_myself").click().run()
    assert app.title[0].value == "People and grants" and "You see what" not in plain(app)
    (back,) = audit.entries(kept, action="view-as.end")
    assert (back.actor, back.target) == (staff["Ada"].person, staff["Cy"].person)
    assert audit.entries(kept, action="denied") == []


@pytest.mark.parametrize(("name", "page"), [("Ada", TRAIL), ("Eve", TRAIL), ("Eve", PEOPLE), ("Max", PEOPLE)])
def test_a_page_of_others_does_not_open(name, page, opened, staff):
    app = opened(name, page)
    assert not app.exception
    assert "Your roles do not open this page" in plain(app)
    assert len(app.dataframe) == len(app.metric) == 0


# Audit trail


def test_the_trail_shows_the_newest_first_with_both_clocks_names_and_details_in_words(opened, kept, staff):
    grant_id = grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy", days=3)
    app = opened("Cy", TRAIL)
    assert not app.exception
    frame = app.dataframe[0].value
    assert list(map(int, frame["seq"])) == list(range(len(frame), 0, -1))
    first = frame.iloc[0]
    (stored,) = audit.entries(kept, target=grant_id)
    assert first["utc"] == stored.at
    assert first["at"] == words.moment(stored.at, app.session_state["_build"].manifest["zone"])
    assert first["who"].startswith("Ada (")
    assert first["action"] == "Proposed a role"
    assert first["target"] == grant_id
    for part in ("role: auditor", "reason: replaces Cy", "days: 3", "person: Zoe ("):
        assert part in first["detail"]


def test_a_link_names_action_person_target_and_days(opened, kept, staff):
    for name in ("Zoe", "Max"):
        with pytest.raises(PermissionError):
            grants.ask(kept, staff["Cy"], staff[name].person, AUDITOR, "mine")
    grant_id = grants.ask(kept, staff["Ada"], staff["Zoe"].person, AUDITOR, "replaces Cy")
    cy = people.name_of(staff["Cy"].person, {staff["Cy"].person: f"Cy ({staff['Cy'].person[:8]})"})
    looks = [
        ({"action": "Tried what is not allowed"}, 2),
        ({"who": cy}, 3),
        ({"who": cy, "action": "Tried what is not allowed"}, 2),
        ({"target": grant_id}, 1),
        ({"from_": "2100-01-01"}, 0),
        ({"to": "2001-01-01"}, 0),
        ({"who": "Rapport"}, 0),
    ]
    for parameters, number in looks:
        app = opened("Cy", TRAIL, **parameters)
        assert not app.exception
        assert sum(len(frame.value) for frame in app.dataframe) == number, parameters


def test_a_day_is_cut_on_the_companys_clocks(opened, kept, staff, monkeypatch):
    zone = opened("Cy", TRAIL).session_state["_build"].manifest["zone"]
    begins = datetime(2026, 11, 22, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    clock = kept.clock
    for moved in (-1, 0, 24 * 3600 - 1, 24 * 3600):
        kept.clock = lambda moved=moved: begins + timedelta(seconds=moved)
        kept.record(SYSTEM, "journal.backup", f"{moved} s")
    kept.clock = clock
    frame = opened("Cy", TRAIL, action=trail.ACTIONS["journal.backup"], from_="2026-11-22", to="2026-11-22").dataframe[
        0
    ]
    assert sorted(frame.value["target"]) == ["0 s", "86399 s"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"action": "Ate lunch"},
        {"who": "nobody (00000000)"},
        {"from": "yesterday"},
        {"from": "2026-02-30"},
        {"to": "9999-01-01"},
        {"to": "2026-1-1"},
        {"entries": "0"},
        {"entries": "99"},
        {"entries": "1; drop table audit"},
        {"target": "x" * 201},
        {"target": "a\u202eb"},
    ],
)
def test_a_search_that_cannot_be_is_refused_and_shows_no_entry(parameters, opened, staff):
    app = opened("Cy", TRAIL, **parameters)
    assert not app.exception
    assert "This address cannot be shown" in plain(app)
    assert len(app.dataframe) == 0


def test_the_trail_is_cut_into_pages_of_fifty(opened, kept, staff):
    for number in range(60):
        kept.record(SYSTEM, "journal.backup", f"b{number}")
    newest = opened("Cy", TRAIL, action=trail.ACTIONS["journal.backup"]).dataframe[0].value
    assert list(newest["target"]) == [f"b{number}" for number in range(59, 9, -1)]
    rest = opened("Cy", TRAIL, action=trail.ACTIONS["journal.backup"], entries="2").dataframe[0].value
    assert list(rest["target"]) == [f"b{number}" for number in range(9, -1, -1)]


@pytest.fixture
def tickets(monkeypatch) -> export_tickets.Tickets:
    """The tickets of this process, none yet."""
    found = export_tickets.tickets()
    monkeypatch.setattr(found, "open", {})
    return found


def test_what_was_looked_for_in_the_trail_is_offered_as_a_file(opened, kept, staff, tickets):
    for number in range(60):
        kept.record(SYSTEM, "journal.backup", f"b{number}")
    parameters = {"action": trail.ACTIONS["journal.backup"], "who": "Rapport", "target": "b7", "to": "2100-01-01"}
    app = opened("Cy", TRAIL, **parameters)
    assert not app.code and tickets.open == {}
    app.radio(key="_export_format_audit_trail").set_value("parquet").run()
    app.button(key="_export_prepare_audit_trail").click().run()
    assert not app.exception
    ((token, ticket),) = tickets.open.items()
    (link,) = app.get("link_button")
    assert link.proto.url.endswith(f"/export/{token}") and "(1 row)" in link.proto.label
    asked = ticket.wanted.question
    assert isinstance(asked, Trail) and ticket.wanted.kind == "parquet" and ticket.session == staff["Cy"].session
    assert (asked.action, asked.actor, asked.target, asked.since) == ("journal.backup", SYSTEM.person, "b7", "")
    assert asked.until.startswith(("2099-12-31T", "2100-01-01T"))
    assert [row["target"] for row in asked.rows()] == ["b7"]


@pytest.mark.parametrize("name", ["Ada", "Cy"])
def test_who_holds_a_role_is_offered_as_a_file_to_administrators_and_auditors(name, opened, kept, staff, tickets):
    app = opened(name, PEOPLE, role="Admin")
    assert not app.code
    app.button(key="_export_prepare_access_review").click().run()
    assert not app.exception
    (ticket,) = tickets.open.values()
    assert ticket.wanted.question == Review(kept, ADMIN) and ticket.session == staff[name].session
    assert sorted(row["name"] for row in ticket.wanted.question.rows()) == ["Ada", "Bea"]


def test_nothing_is_offered_while_looking_as_somebody_else(opened, kept, staff, tickets):
    app = opened("Ada", PEOPLE)
    assert [one.key for one in app.button if "_export_" in one.key] == ["_export_prepare_access_review"]
    app.selectbox(key="_person").select(staff["Cy"].person).run()
    app.button(key="_view_as").click().run()
    assert not app.exception and len(app.dataframe) > 0
    assert [one.key for one in app.button if one.key and "_export_" in one.key] == []


def test_verifying_says_what_was_walked_and_is_itself_recorded(opened, kept, staff):
    app = opened("Cy", TRAIL)
    rows = audit.count(kept)
    app.button(key="_verify").click().run()
    assert not app.exception
    (said,) = (one.value for one in app.success)
    assert "The audit trail is unbroken" in said
    assert f"{rows} entries" in said
    (row,) = audit.entries(kept, action="audit.verify")
    assert row.actor == staff["Cy"].person


def test_verifying_names_the_entry_that_was_changed(opened, kept, staff):
    with kept.engine.begin() as connection:
        for (name,) in connection.execute(sa.text("select name from sqlite_master where type = 'trigger'")).all():
            connection.execute(sa.text(f'drop trigger "{name}"'))
        connection.execute(sa.update(AUDIT).where(AUDIT.c.seq == 3).values(target=HOSTILE))
    app = opened("Cy", TRAIL)
    app.button(key="_verify").click().run()
    (said,) = (one.value for one in app.error)
    assert "not what was written" in said
    assert "Row 3 is" in said.replace("\\", "")


def test_names_targets_and_details_are_text_and_nothing_else(opened, kept, staff):
    eve = arrive(kept, HOSTILE, AUDITOR)
    grant_id = grants.ask(kept, staff["Ada"], eve.person, AUDITOR, HOSTILE * 5)
    kept.record(SYSTEM, HOSTILE, HOSTILE * 10, HOSTILE, **{"x": HOSTILE * 100, HOSTILE: "\u202e\r\n\x1b[31m"})
    for name, page in (("Bea", PEOPLE), ("Cy", PEOPLE), ("Cy", TRAIL)):
        app = opened(name, page)
        assert not app.exception
        shown = text_of(app)
        assert "![x](" not in shown and ":red[alarm]" not in shown and "<b>" not in shown
        for frame in app.dataframe:
            for value in frame.value.astype(str).to_numpy().ravel():
                assert len(value) <= 400
                assert not set(value) & {"\u202e", "\r", "\n", "\x1b"}
    assert grant_row(kept, grant_id).decision is None


def test_every_action_that_the_product_records_is_known_in_words():
    recorded = set()
    for path in (path for folder in ("data", "components", "web") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("record", "write", "looked_at"):
                position = {"record": 1, "write": 2, "looked_at": 0}[node.func.attr]
                named = node.args[position : position + 1]
                if node.func.attr == "record" and getattr(node.func.value, "id", "") == "self":
                    named = node.args[:1]
                recorded |= {one.value for one in named if isinstance(one, ast.Constant) and isinstance(one.value, str)}
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "acting":  # a write about a campaign
                recorded |= {f"campaign.{one.value}" for one in node.args[3:4] if isinstance(one, ast.Constant)}
            if isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Constant):  # of an export
                targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
                named = [one.id for one in targets if isinstance(one, ast.Name)]
                recorded |= {str(node.value.value)} if named == ["recorded_as"] else set()
    assert {"grant.ask", "sign-in", "audit.verify", "customer.view", "sign-in refused"} <= recorded
    assert {"export", "campaign.download", "campaign.approve", "campaign.sent", "campaign.responses"} <= recorded
    recorded |= {f"release.{name}" for name in release_rows.STEPS} | {"override.lock", "override.keep"}
    assert recorded <= set(trail.ACTIONS)
    assert len(set(trail.ACTIONS.values())) == len(trail.ACTIONS)


def test_details_are_told_in_words_whatever_they_hold():
    names = {"p1": "Ada"}
    detail = json.dumps({"asked_by": "p1", "granted": True, "days": None, "n": 3})
    assert trail.described(detail, names) == "asked by: Ada; granted: yes; days: –; n: 3"
    held = json.dumps({"held": '[["auditor", ""], ["manager", "M01"]]'})
    assert trail.described(held, names) == "held: auditor, manager of M01"
    for broken in ("[1]", "{", "7", "[[1, 2, 3]]"):
        assert trail.described(json.dumps({"held": broken}), names) == f"held: {broken}"
    assert trail.described("", names) == trail.described("{}", names) == "–"
    for broken in ("{", "[1]", "null", '"text"'):
        assert trail.described(broken, names) == broken
    assert len(trail.described(json.dumps({"x": "y" * 5_000}), names)) == trail.MOST_DETAIL


def test_the_address_takes_days_of_the_calendar_only():
    for good in ("2026-11-22", "2024-02-29", "2000-01-01", "2199-12-31"):
        assert address.is_day(good)
    for bad in ("2026-02-29", "2026-13-01", "26-11-22", "20261122", "2026-11-22T00:00", "٢٠٢٦-١١-٢٢", "", "1999-12-31"):
        assert not address.is_day(bad)


def test_the_outcome_of_a_button_is_said_once():
    app = AppTest.from_function(outcome_script)
    app.session_state[attempts.key("here")] = (False, f"No {HOSTILE}")
    app.run()
    (error,) = app.error
    assert error.value.replace("\\", "").replace("\u2060", "") == f"No {HOSTILE}"
    assert "![x](" not in error.value and "://" not in error.value
    assert not app.run().error


def outcome_script() -> None:
    """A page with nothing but outcomes."""
    from components import attempts

    attempts.outcome("here")


def test_the_controls_of_the_trail_are_in_the_address_and_belong_to_it_alone():
    names = {"action", "who", "target", "from", "to", "entries"}
    assert {name for name in names if address.PARAMETERS[name].pages == ("audit_trail",)} == names
