"""The frame asks anew on every run who is looking: roles that end, sessions that end, and figures of the whole company."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from components import whole_company
from data.catalog import METRICS, Unit
from data.journal import grants, people, store
from data.question import Listing, Question
from data.view import EVERYTHING, Scope, View
from data.warehouse import Warehouse
from tests import colleagues
from tests.conftest import ROOT


@pytest.fixture
def app(warehouse, monkeypatch) -> AppTest:
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(warehouse))
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)


def words_on(app: AppTest) -> str:
    kinds = (app.title, app.header, app.markdown, app.error, app.warning)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def test_a_role_that_is_taken_away_is_gone_at_the_next_run(app):
    journal = store.journal()
    first, second = (colleagues.come(journal, sub, "admin") for sub in ("one-admin", "two-admin"))
    reader = colleagues.enter(app)
    grant = grants.ask(journal, first, reader.person, "auditor", "to check the figures")
    assert "No access" in words_on(app.run())
    grants.decide(journal, second, grant, True)
    assert len(app.run().metric) == 4
    grants.revoke(journal, first, grant)
    app.run()
    assert "No access" in words_on(app) and len(app.metric) == 0


def test_a_session_that_is_ended_elsewhere_shows_nothing_at_the_next_run(app):
    reader = colleagues.enter(app, "auditor")
    assert len(app.run().metric) == 4
    people.end_session(store.journal(), reader.session, "signed out in another tab")
    app.run()
    assert "Your session has ended" in words_on(app)
    assert len(app.metric) == 0 and len(app.multiselect) == 0 and len(app.dataframe) == 0


def test_two_people_on_the_same_page_with_the_same_parameters_see_their_own_figures(app, warehouse):
    auditor, manager = [], []
    for role, into in (("auditor", auditor), ("manager M01", manager), ("auditor", auditor), ("manager M01", manager)):
        colleagues.enter(app, role)
        into.append([metric.value for metric in app.run().metric])
    assert auditor[0] == auditor[1] and manager[0] == manager[1] and auditor[0] != manager[0]


# ---- Figures of the whole company.


def test_a_ratio_of_the_whole_company_stands_beside_the_own_one_where_a_policy_allows_it(app, warehouse):
    build = Warehouse(warehouse).current()
    policies = build.answer(Listing("policy", View(EVERYTHING)))
    assert set(policies["role"]) == {"manager"}
    colleagues.enter(app, "manager M01")
    beside = [line for line in words_on(app.run()).splitlines() if "whole company" in line]
    assert len(beside) == 1  # of the four figures, only the cost ratio has a policy
    colleagues.enter(app, "auditor")
    assert "whole company" not in words_on(app.run())


@pytest.fixture
def beside(warehouse, monkeypatch):
    """What would stand beside a metric, for a manager of one book, under policies of the test's choice."""
    build = Warehouse(warehouse).current()
    reader = colleagues.come(store.journal(), "reader", "manager M01")
    monkeypatch.setattr(whole_company.access, "reader", lambda: reader)

    def asked(question: Question | Listing):
        rows = build.answer(question)
        return rows.assign(least_others=asked.least) if isinstance(question, Listing) else rows

    asked.least = 100
    monkeypatch.setattr(whole_company.ask, "ask", asked)
    view = View(Scope(members=(("manager_id", ("M01",)),)))
    return lambda name, least=100: setattr(asked, "least", least) or whole_company.beside(METRICS[name], view)


def test_only_shares_and_ratios_with_a_policy_are_ever_shown(beside):
    shown = {name for name in METRICS if beside(name)}
    assert shown == {"margin_rate", "relationship_cost_ratio", "response_rate", "roi"}
    assert all(METRICS[name].unit in (Unit.SHARE, Unit.RATIO) for name in shown)


def test_no_figure_of_the_company_where_too_few_customers_are_somebody_elses(beside, warehouse):
    build = Warehouse(warehouse).current()
    scopes = (EVERYTHING, Scope(members=(("manager_id", ("M01",)),)))
    active = [build.answer(Question(("customers",), view=View(scope)))["customers"].iloc[0] for scope in scopes]
    others = active[0] - active[1]
    assert beside("margin_rate", others) and not beside("margin_rate", others + 1)


def test_the_administrators_first_page_is_not_a_page_of_figures(app):
    colleagues.enter(app, "admin")
    assert app.run().title[0].value == "People and grants"


@pytest.mark.parametrize("table", ["customer", "timeline", "tie_out", "target", "roi_band", "learned_response"])
def test_only_tables_about_nobody_are_listed_for_readers_of_a_part(table):
    with pytest.raises(ValueError, match="within the reader's scope"):
        whole_company.listing(table)
