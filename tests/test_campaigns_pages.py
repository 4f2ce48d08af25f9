"""Campaigns and Approvals as the people see them who may open them: the list, its sums, decisions, and what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pandas as pd
import pytest
import sqlalchemy as sa
import streamlit as st
from streamlit.testing.v1 import AppTest

from components import access, approvals, campaigns_chart, campaigns_known, whole_company, words
from components.campaigns_known import FROM_DATA, Line, against, total
from data.journal import campaign_history, campaigns, people
from data.journal.campaign_rows import STATES
from data.journal.problems import Invalid
from data.journal.schema import AUDIT, CAMPAIGN_STEP
from data.journal.store import Journal
from data.rights import Actor, Forbidden, Held
from tests import campaigning, on_screen
from tests.conftest import ROOT

HOSTILE = "![x](http://evil.example/p.png) :red[alarm] $x$"
LIST, APPROVALS, CAMPAIGN = "pages/work/campaigns.py", "pages/work/approvals.py", "pages/work/campaign.py"
Z = 1.959963984540054
ARMS = {f"C{number:05}": "control" if number % 5 == 0 else "treated" for number in range(50)}
# Campaign by its place among those that have a control group: customers treated, effect, error, cost, verdict, promise.
PLANTED = (
    (1000, 3.0, 0.5, 900.0, "proven gain", (2.5, 2.0, 3.0)),
    (500, -4.0, 0.8, 250.0, "proven loss", (1.0, 0.5, 1.5)),
    (800, 0.1, 0.9, 100.0, "not proven", (6.0, 5.0, 7.0)),
    (400, 0.2, 0.9, 100.0, "not proven", None),
)


def claims_of(name: str) -> dict[str, str | bool]:
    """What the cookie of somebody says; `Max 2` is Max, signed in once more."""
    said = {"iss": "https://id.example", "sub": name.split()[0].lower(), "nonce": f"n-{name}", "iat": "1", "name": name}
    return {"is_logged_in": True} | said


def arrive(kept: Journal, name: str, *roles: str) -> Actor:
    """Somebody signs in with these roles, written as `manager M01`."""
    held = [Held(*role.split(" ", 1)) for role in roles]
    session = people.alive(kept, people.sign_in(kept, claims_of(name), "company", held))
    assert session is not None
    return people.actor_of(kept, session)


@pytest.fixture(scope="module")
def planted(warehouse, tmp_path_factory) -> Any:
    """The served build, with the measurements of PLANTED in its latest campaigns; the others promised nothing."""
    held = "select campaign_id from campaign where control_customers > 0 and days_left = 0 order by measured_to desc, campaign_id"
    names = [row[0] for row in on_screen.asked(warehouse, held)][: len(PLANTED)]
    changes = [
        "update campaign set expected_effect = null, sound = false, verdict = 'not proven', margin_effect = null"
    ]
    for name, (treated, effect, error, cost, verdict, promise) in zip(names, PLANTED, strict=True):
        low, high, net = effect - Z * error, effect + Z * error, treated * effect - cost
        promised = "null, expected_low = null, expected_high = null"
        if promise:
            promised = f"{promise[0]}, expected_low = {promise[1]}, expected_high = {promise[2]}"
        changes.append(
            f"update campaign set name = 'Planted {verdict} {treated}', treated_customers = {treated}, cost = {cost}, "
            f"control_customers = {treated // 4}, control_mean = {treated}, margin_effect = {effect}, "
            f"margin_effect_se = {error}, margin_effect_low = {low}, margin_effect_high = {high}, sound = true, "
            f"incremental_margin = {treated * effect}, net = {net}, net_low = {treated * low - cost}, "
            f"net_high = {treated * high - cost}, verdict = '{verdict}', incremental_roi = {net / cost}, "
            f"measured_from = '2026-01-05', measured_to = '2026-02-05', expected_effect = {promised} "
            f"where campaign_id = '{name}'"
        )
    rows = [
        ("all", "", 3, False),
        ("owner", "p-max", 6, True),
        ("owner", "p-mia", 2, False),
        ("basis", "churn model", 8, True),
    ]
    changes.append("delete from learned_forecast")
    for by, name, number, enough in rows:
        changes.append(
            f"insert into learned_forecast values ('{by}', '{name}', {number}, 1000, 500, 400, 100, 700, 0.1, -0.2, 0.4, "
            f"{number - 1}, {(number - 1) / number}, 0.2, 0.9, {enough})"
        )
    return on_screen.changed(warehouse, tmp_path_factory.mktemp("planted"), *changes)


@pytest.fixture
def opened(kept, planted, monkeypatch) -> Callable[..., AppTest]:
    """Open a page through app.py as somebody who has signed in."""

    def go(name: str, page: str = LIST, **parameters: str) -> AppTest:
        monkeypatch.setenv("RAPPORT_WAREHOUSE", str(planted))
        monkeypatch.setattr(st, "user", claims_of(name))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for key, value in parameters.items():
            app.query_params[key] = value
        app.switch_page(page)
        app.run()
        assert not app.exception
        return app

    return go


@pytest.fixture
def staff(kept) -> SimpleNamespace:
    """A manager, a colleague of the same role, two approvers, an auditor, an executive."""
    who = {
        "max": "manager M01",
        "mia": "manager M02",
        "ada": "approver",
        "abe": "approver",
        "otto": "auditor",
        "erin": "executive",
    }
    return SimpleNamespace(**{name: arrive(kept, name.title(), role) for name, role in who.items()})


def every_state(kept: Journal, staff: SimpleNamespace) -> dict[str, str]:
    """A campaign of Max in each state: state -> its key."""
    max_, ada = staff.max, staff.ada
    made = {
        "submitted": campaigning.submitted(kept, max_, name="Waits").campaign_id,
        "approved": campaigning.approved(kept, max_, ada, name="Agreed").campaign_id,
        "exported": campaigning.exported(kept, max_, ada, ARMS, name="Frozen").campaign_id,
        "measuring": campaigning.launched(kept, max_, ada, ARMS, name="Runs", window_days=21).campaign_id,
        "graded": campaigning.launched(kept, max_, ada, ARMS, name="Closed").campaign_id,
        "draft": campaigns.draft(kept, max_, campaigning.promise(name="Begun")),
        "withdrawn": campaigns.draft(kept, max_, campaigning.promise(name="Dropped")),
    }
    campaigns.grade(kept, made["graded"], {"verdict": "not proven", "build": "b"})
    campaigns.withdraw(kept, max_, made["withdrawn"], "Not needed.")
    assert {campaigns.get(kept, max_, key).state for key in made.values()} == set(STATES) == set(made)
    return made


def shown(app: AppTest) -> pd.DataFrame:
    """The list of campaigns."""
    return on_screen.table(app, "name", "todo", "verdict")


def press(app: AppTest, label: str) -> AppTest:
    """Press the button of this label."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def state(kept: Journal, actor: Actor, key: str) -> str:
    """Where a campaign stands."""
    return campaigns.get(kept, actor, key).state


# ---- The list.


def test_the_list_has_each_state_with_what_comes_next_and_those_that_need_somebody_first(kept, staff, opened):
    every_state(kept, staff)
    mine = shown(opened("Max")).set_index("name")
    assert dict(mine["state"]) == {
        "Waits": "Waits for approval", "Agreed": "Approved", "Frozen": "Exported", "Runs": "Running",
        "Closed": "Graded", "Begun": "Draft", "Dropped": "Withdrawn",
    }  # fmt: skip
    assert mine.loc["Agreed", "todo"] == "Export it" and mine.loc["Runs", "todo"] == "Verdict in 21 days"
    assert (mine.index[0], mine.index[-1]) == ("Agreed", "Dropped")
    assert mine.loc["Runs", "left"] == "21 days" and mine.loc["Frozen", "customers"] == 50
    assert mine.loc["Closed", "verdict"] == "Not proven"
    every = shown(opened("Ada"))
    assert every["name"].iloc[0] == "Waits" and every["todo"].iloc[0] == "Decide"
    assert set(every["state"]) == set(mine["state"]) | {"From the data"}


def test_filters_of_the_list_are_bound_to_the_address(kept, staff, opened):
    every_state(kept, staff)
    campaigning.submitted(kept, staff.mia, name="Of Mia", channel="mail")
    assert set(shown(opened("Otto", state="Running"))["name"]) == {"Runs"}
    assert "Of Mia" in set(shown(opened("Otto", via="mail"))["name"])
    assert set(shown(opened("Otto", via="mail"))["channel"]) == {"mail"}
    assert on_screen.text_of(opened("Otto", whose="Mine")).count("No campaign is like this") == 1
    assert "cannot be shown as it stands" in on_screen.text_of(opened("Otto", state="No such state"))


def test_sums_of_the_year_are_those_of_the_proven_ones_with_added_variances(kept, staff, opened):
    app = opened("Otto")
    proven = [row for row in PLANTED if row[4].startswith("proven")]
    net = sum(treated * effect - cost for treated, effect, _, cost, *_ in proven)
    half = Z * math.sqrt(sum((treated * error) ** 2 for treated, _, error, *_ in proven))
    assert on_screen.card(app, "Proven this year, after cost") == words.money(net, "EUR", short=True)
    text = on_screen.text_of(app)
    ends = " to ".join(words.money(end, "EUR", short=True) for end in (net - half, net + half))
    assert f"{ends}; 1 gain, 1 loss; not in it: " in text
    every = sum(treated * effect - cost for treated, effect, _, cost, *_ in PLANTED)
    assert f"the 4 campaigns measured this year, proven or not, came to {words.money(every, 'EUR', short=True)}" in text
    promises = [row for row in PLANTED if row[5]]
    came = sum(treated * effect for treated, effect, *_ in promises)
    aim = sum(row[0] * row[5][0] for row in promises)
    assert on_screen.card(app, "Came true of promises") == words.money(came, "EUR", short=True)
    assert f"of {words.money(aim, 'EUR', short=True)} in 3 graded promises" in text
    assert "Of 3 graded promises, 1 came true within the errors of both and 2 fell short" in text


def test_the_chart_stands_for_promise_and_measurement_less_cost_and_tells_verdicts_by_symbol(planted, monkeypatch):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(planted))
    line = Line("c", "One", "", "", FROM_DATA, "", "", 7, "", ends=datetime(2026, 2, 5, tzinfo=UTC), expected=2.0, low=1.0, high=3.0,
                found={"margin_effect": 3.0, "margin_effect_low": 2.0, "margin_effect_high": 4.0, "cost": Decimal(500),
                       "treated_customers": 1000, "verdict": "proven gain", "sound": True})  # fmt: skip
    worse = replace(line, campaign_id="d", found={**line.found, "verdict": "proven loss", "margin_effect": -3.0})
    figure = campaigns_chart.promises([line, worse], "EUR")
    traces = {trace.name: trace for trace in figure.data}
    assert list(traces["Promised"].x) == [1.5, 1.5] and list(traces["Promised"].error_x.array) == [1.0, 1.0]
    assert list(traces["Proven gain"].x) == [2.5] and list(traces["Proven loss"].x) == [-3.5]
    assert list(traces["Proven gain"].error_x.arrayminus) == [1.0]
    assert len({traces[name].marker.symbol for name in traces}) == 3


def test_errors_of_campaigns_with_one_control_group_are_added_and_others_in_squares():
    def line(key: str, error: float, control: float) -> Line:
        found = {"net": 10.0, "margin_effect_se": error, "treated_customers": 100, "control_customers": 50,
                 "control_mean": control, "revenue_control": control}  # fmt: skip
        return Line(key, key, "", "", FROM_DATA, "", "", 7, "", found=found)

    apart, same = (
        total([line("a", 3, 1.0), line("b", 4, 2.0)], "net"),
        total([line("a", 3, 1.0), line("b", 4, 1.0)], "net"),
    )
    assert apart.amount == same.amount == 20
    assert apart.high - apart.amount == pytest.approx(Z * 500) and same.high - same.amount == pytest.approx(Z * 700)


@pytest.mark.parametrize(("effect", "way"), [(2.0, 0), (-0.9, -1), (4.9, 1), (3.1, 0), (0.9, 0)])
def test_a_promise_came_true_when_it_is_no_farther_off_than_both_errors_allow(effect, way):
    found = {"margin_effect": effect, "margin_effect_se": 1 / Z}
    line = Line("c", "c", "", "", FROM_DATA, "", "", 7, "", expected=2.0, low=0.0, high=4.0, found=found)
    assert math.hypot(2, 1) == pytest.approx(2.236, abs=0.001)  # so 2.9 off is too far and 1.1 is not
    assert against(line) == way


def test_attribution_is_told_in_words_and_is_in_no_figure(kept, staff, opened):
    app = opened("Otto")
    assert "Attribution would credit these campaigns" in on_screen.text_of(app)
    assert not any("ttribut" in alt for alt in on_screen.alts(app)) and "attributed_roi" not in shown(app).columns


def test_a_name_from_people_is_text_everywhere(kept, staff, opened):
    campaigning.submitted(kept, staff.max, name=HOSTILE, hypothesis=HOSTILE, offer=HOSTILE)
    for name, page in (("Max", LIST), ("Ada", LIST), ("Ada", APPROVALS), ("Otto", APPROVALS), ("Max", APPROVALS)):
        app = opened(name, page)
        raw = [str(one.value) for kind in (app.markdown, app.subheader, app.success) for one in kind]
        raw += [str(value) for table in app.table for value in table.value.to_numpy().ravel()]
        assert not any("![x](" in text or ":red[alarm]" in text or "$x$" in text for text in raw), (name, page)


# ---- Approvals.


def test_another_person_approves_and_the_second_press_is_refused(kept, staff, opened):
    one = campaigning.submitted(kept, staff.max)
    first, second = opened("Ada", APPROVALS), opened("Abe", APPROVALS)
    text = on_screen.text_of(first)
    assert "1 campaign waits for your decision" in text and "Max asks to reach" in text and "10.0" in text
    assert f"SHA-256 {one.sha256}" in text and "submitted for the first time" in text
    first = opened("Ada", APPROVALS)
    press(first, "Approve")
    assert "is approved" in on_screen.text_of(first) and "Nothing waits for your decision" in on_screen.text_of(first)
    steps = campaigns.steps(kept, staff.max, one.campaign_id)
    assert (steps[-1].name, steps[-1].by, steps[-1].sha256) == ("approve", staff.ada.person, one.sha256)
    with pytest.raises(Invalid, match="approved already"):
        campaigns.approve(kept, staff.abe, one.campaign_id, one.sha256)
    del second


def test_one_who_comes_too_late_is_told_so(kept, staff, opened):
    one = campaigning.submitted(kept, staff.max)
    app = opened("Ada", APPROVALS)
    campaigns.approve(kept, staff.abe, one.campaign_id, one.sha256)
    press(app, "Approve")
    assert "This campaign is approved already" in on_screen.text_of(app)
    assert sum(step.name == "approve" for step in campaigns.steps(kept, staff.max, one.campaign_id)) == 1


def test_nobody_approves_an_own_campaign(kept, staff, opened):
    one = campaigning.submitted(kept, staff.max)
    changed = arrive(kept, "Max 2", "approver")  # the same person in another role
    app = opened("Max 2", APPROVALS)
    assert changed.person == staff.max.person
    assert "another approver decides" in on_screen.text_of(app) and "waits for an approver" in on_screen.text_of(app)
    assert next(button for button in app.button if button.label == "Approve").disabled
    with pytest.raises(Forbidden, match="yourself"):
        campaigns.approve(kept, changed, one.campaign_id, one.sha256)
    assert state(kept, changed, one.campaign_id) == "submitted"


def test_what_changed_meanwhile_is_not_approved_unread(kept, staff, opened):
    one = campaigning.submitted(kept, staff.max)
    app = opened("Ada", APPROVALS)
    campaigns.send_back(kept, staff.abe, one.campaign_id, one.sha256, "Hold more out.")
    campaigns.revise(kept, staff.max, one.campaign_id, replace(one.promise, holdout=0.3, budget=Decimal(5000)), 1)
    newer = campaigns.get(kept, staff.max, one.campaign_id)
    campaigns.submit(kept, staff.max, one.campaign_id, newer.sha256)
    press(app, "Approve")
    text = on_screen.text_of(app)
    assert "not the version you have read" in text and state(kept, staff.max, one.campaign_id) == "submitted"
    assert "2 changes since version 1" in text and "Sent back by Abe" in text and "Hold more out" in text
    rows = [str(value) for table in app.table for value in table.value.to_numpy().ravel()]
    assert any("0\\.1 → **0\\.3**" in row for row in rows) and any("1000 → **5000**" in row for row in rows)
    press(app, "Approve")  # now it has been read
    last = campaigns.steps(kept, staff.max, one.campaign_id)[-1]
    assert (last.name, last.version, last.sha256) == ("approve", 2, newer.sha256)


def test_what_is_sent_back_is_read_by_its_author_and_needs_a_reason(kept, staff, opened):
    one = campaigning.submitted(kept, staff.max, name="Reminder")
    app = opened("Ada", APPROVALS)
    press(app, "Send it back")
    assert state(kept, staff.max, one.campaign_id) == "submitted" and app.error
    app.text_area(key=f"_back_why_{one.campaign_id}_1").set_value("Too costly.\nHalve it *please*.")
    press(app, "Send it back")
    assert state(kept, staff.max, one.campaign_id) == "draft"
    assert "is sent back to its author" in on_screen.text_of(app)
    mine = opened("Max", APPROVALS)
    text = on_screen.text_of(mine)
    assert "Reminder was sent back by Ada" in text.replace("**", "") and "Too costly." in text
    assert on_screen.table(mine, "name", "state", "why")["state"].iloc[0] == "Sent back to you"
    assert shown(opened("Max"))["todo"].iloc[0] == "Sent back: change it"
    decided = on_screen.table(opened("Otto", APPROVALS), "what", "sha")
    assert list(decided.loc[0, ["what", "author", "who", "version", "sha"]]) == [
        "Sent back",
        "Max",
        "Ada",
        "1",
        one.sha256[:12],
    ]


def test_decisions_older_than_the_span_and_of_others_are_left_out(kept, staff):
    campaigning.approved(kept, staff.max, staff.ada)
    campaigning.approved(kept, staff.mia, staff.ada)
    for actor, number in ((staff.otto, 2), (staff.ada, 2), (staff.max, 1)):
        assert len(campaign_history.decisions(kept, actor, "2000")) == number
        assert len(campaign_history.histories(kept, actor)) == number
        assert not campaign_history.decisions(kept, actor, "2999")
    with pytest.raises(Forbidden):
        campaign_history.decisions(kept, arrive(kept, "Pia", "partner P01"), "2000")


# ---- Rights.


def test_each_role_sees_its_part(kept, staff, opened):
    every_state(kept, staff)
    campaigning.submitted(kept, staff.mia, name="Of Mia")
    for name, others in (("Max", False), ("Mia", True), ("Ada", True), ("Otto", True), ("Erin", True)):
        assert ("Of Mia" in set(shown(opened(name))["name"])) == others, name
        assert ("From the data" in set(shown(opened(name))["state"])) == (name not in ("Max", "Mia")), name
    for name in ("Otto", "Erin", "Max"):
        app = opened(name, APPROVALS)
        assert not [button for button in app.button if button.label in ("Approve", "Send it back")], name
    for name, role in (("Ines", "admin"), ("Pia", "partner P01")):
        arrive(kept, name, role)
        for page in (LIST, APPROVALS):
            app = opened(name, page)
            assert not app.dataframe and "Of Mia" not in on_screen.text_of(app), (name, page)


def test_looking_as_an_approver_decides_nothing(kept, staff, opened):
    one = campaigning.submitted(kept, staff.max)
    arrive(kept, "Ines", "admin")
    app = opened("Ines", APPROVALS)
    app.session_state[access.SEEN_AS] = staff.ada.person
    app.run()
    app.switch_page(APPROVALS).run()
    assert not app.exception and "Nothing can be changed while looking as somebody else" in on_screen.text_of(app)
    assert next(button for button in app.button if button.label == "Approve").disabled
    assert state(kept, staff.max, one.campaign_id) == "submitted"


def test_to_look_changes_nothing(kept, staff, opened):
    every_state(kept, staff)
    opened("Ada")
    opened("Max")
    counts = (sa.select(sa.func.count()).select_from(CAMPAIGN_STEP), sa.select(sa.func.max(AUDIT.c.seq)))
    before = [kept.rows(asked)[0][0] for asked in counts]
    for name in ("Ada", "Max"):
        for page in (LIST, APPROVALS):
            opened(name, page)
    assert [kept.rows(asked)[0][0] for asked in counts] == before


def test_obstacles_are_told_one_by_one(staff, kept):
    one = campaigning.submitted(kept, staff.max)
    assert approvals.obstacle(staff.ada, one) == ""
    assert "roles" in approvals.obstacle(staff.otto, one)
    assert "looking as" in approvals.obstacle(replace(staff.ada, viewed_by="x"), one)


# ---- The scoreboard, and how a campaign begins.


def test_who_sees_a_part_sees_the_own_forecasts_only(staff):
    rows = pd.DataFrame({"by": ["all", "owner", "owner", "basis"], "name": ["", "a", staff.max.person, "model"]})
    assert list(whole_company.of_owner(rows, staff.max.person)["name"]) == [staff.max.person]
    assert whole_company.of_owner(rows, staff.mia.person).empty


def test_the_scoreboard_tells_no_share_of_too_few(kept, staff, opened):
    app = opened("Otto")
    assert "3 graded forecasts: too few to say whose forecasts hold" in on_screen.text_of(app)
    owners = on_screen.table(app, "bias", "inside").set_index("name")
    assert owners.loc["p-max", "inside"] == "5 of 6, 83\u202f% (20\u202f% to 90\u202f%)"
    assert owners.loc["p-mia", "inside"] == "1 of 2, too few to tell" and owners.loc["p-mia", "bias"] == words.NOT_KNOWN


@pytest.mark.parametrize("page", ["pages/value/churn_risk.py", "pages/work/my_queue.py"])
def test_a_campaign_begins_with_the_filters_of_the_screen(page, kept, staff, opened):
    def way(app: AppTest) -> list[str]:
        """The address of the link to a new campaign."""
        return [
            one.proto.query_string for one in app.get("page_link") if one.proto.label.startswith("Start a campaign")
        ]

    assert way(opened("Otto", page)) == []
    app = opened("Max", page)
    app.multiselect(key="segment").select("home").run()
    (address,) = way(app)
    parameters = dict(parse_qsl(address))
    assert parameters == {"segment": "home", "source": "churn" if "churn" in page else "view"}
    begun = opened("Max", CAMPAIGN, **parameters)
    assert "Segment: home" in on_screen.text_of(begun) and "Begin" in [button.label for button in begun.button]


def test_without_any_campaign_the_loop_is_explained(kept, staff, opened):
    app = opened("Max")
    assert "A campaign is a promise" in on_screen.text_of(app)
    assert "Start a campaign" in [button.label for button in app.button] and not app.dataframe
    press(app, "Start a campaign")
    assert app.title[0].value == "Campaign"


def test_what_the_build_does_not_know_yet_is_not_invented(kept, staff, planted, monkeypatch):
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(planted))
    one = campaigning.launched(kept, staff.max, staff.ada, ARMS)
    line = campaigns_known.of_journal(
        one, campaigns.steps(kept, staff.max, one.campaign_id), {}, staff.otto, kept.clock()
    )
    assert (line.verdict, line.ended, line.running, line.customers, line.expected) == ("", False, True, 50, 0.4)
    assert campaigns_known.total([line], "net").campaigns == 0
