"""What is expected of one customer, on the Customer page and in the ranking, compared with the build's own file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components import evidence, exports, scores, words
from data import export
from data.warehouse import folder, served
from models.rhythm import rhythm
from tests import on_screen
from tests.conftest import run_data
from tests.on_screen import table

CUSTOMER, ROI = "value/customer", "value/customer_roi"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open a page of app.py with these parameters in the address."""

    return lambda file, where=warehouse, /, role="auditor", **asked: on_screen.page(
        monkeypatch, where, file, role, **asked
    )


@pytest.fixture(scope="session")
def by_hand(warehouse):
    """Ask a copy of the served build for a row."""
    with duckdb.connect(str(on_screen.copied(warehouse)), read_only=True) as db:
        yield lambda question: db.execute(question).df().iloc[0]


@pytest.fixture(scope="session")
def one(by_hand) -> pd.Series:
    """A customer with scores, answers and a best channel that pays."""
    return by_hand(
        "select * from customer where scored = 1 and best_earns > 0 and roi_state = 'rated' and customer_id in "
        "(select customer_id from learned_response) order by value_of_acting desc, customer_id limit 1"
    )


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A company of three customers, of which one order line each is known: nothing can be learned."""
    folder, where = tmp_path_factory.mktemp("tiny"), tmp_path_factory.mktemp("tiny_warehouse")
    rows = [f"L{i},2026-0{i}-05,10.00,C{i},5.00" for i in (1, 2, 3)]
    (folder / "lines.csv").write_text("\n".join(["order_id,ordered_at,revenue,customer_id,cost", *rows]), "utf-8")
    (folder / "company.toml").write_text('name = "Tiny"\ncurrency = "EUR"\n', "utf-8")
    done = run_data("build", folder, "--warehouse", where)
    assert done.returncode == 0, done.stdout + done.stderr
    return where


def text_of(app: AppTest) -> str:
    """All the words on the screen, those in lists too."""
    listed = [str(value) for table in app.table for row in table.value.itertuples() for value in row]
    return "\n".join([on_screen.text_of(app), *listed]).replace("\\", "")


def card(app: AppTest, label: str) -> str:
    """A key figure by the beginning of its label."""
    return next(metric.value for metric in app.metric if metric.label.startswith(label))


# The Customer page


def test_potential_value_and_risk_are_the_builds_with_their_intervals_and_horizon(open_page, one):
    app = open_page(CUSTOMER, customer=one["customer_id"])
    said = text_of(app)
    assert card(app, "Potential value") == words.money(one["potential_value"], "EUR", short=True)
    low, high, year, three = (
        words.money(one[name], "EUR", short=True)
        for name in ("potential_low", "potential_high", "potential_1y", "potential_3y")
    )
    assert f"90 % interval {low} to {high}, without end; {year} of it within 1 year, {three} within 3" in said
    label = f"P(no purchase in {words.days(one['churn_horizon_days'])})"
    assert card(app, label) == words.share(one["p_no_purchase"])
    span = f"{words.share(one['p_no_purchase_low'])} to {words.share(one['p_no_purchase_high'])}"
    assert f"90 % interval {span}" in said


def test_scores_carry_the_last_day_they_were_learned_from_and_their_proof(open_page, one, by_hand):
    app = open_page(CUSTOMER, customer=one["customer_id"])
    assert f"Scores as of {words.day(by_hand('select cut from cut_off')['cut'])}" in text_of(app)
    assert len([button for button in app.button if button.label == "Model card"]) >= 3


def next_contact(by_hand, one) -> pd.Series:
    """What the build has learned of one contact on the customer's best channel, and that contact's price."""
    return by_hand(
        "select e.effect, e.basis, c.unit_cost from learned_effect e join feed_channels c on c.channel = e.channel "
        f"where e.customer_id = '{one['customer_id']}' and e.channel = '{one['best_channel']}'"
    )


def test_the_next_contact_is_its_effect_less_its_cost_and_says_how_that_is_known(open_page, one, by_hand):
    app, learned = open_page(CUSTOMER, customer=one["customer_id"]), next_contact(by_hand, one)
    assert float(one["best_earns"]) == pytest.approx(learned["effect"] - float(learned["unit_cost"]), abs=1e-3)
    assert card(app, "Next contact") == words.money(one["best_earns"], "EUR")
    assert one["best_basis"] == learned["basis"]
    how = {"tested": scores.TESTED, "unproven": scores.UNTESTED}[learned["basis"]]
    assert f"by {one['best_channel']}, the best channel; {how}" in text_of(app)


def test_no_channel_that_the_customer_allows_is_expected_to_earn_more_than_the_best_one(one, by_hand):
    """Consent where the channel needs it, no refusal where it does not."""
    better = by_hand(
        "select count(*) as n from customer t join learned_effect e on e.customer_id = t.customer_id "
        "join feed_channels c on c.channel = e.channel "
        "left join (select customer_id, channel, bool_or(allowed) as yes, bool_or(not allowed) as no from consent_state "
        "group by all) s on s.customer_id = e.customer_id and s.channel = e.channel "
        "where case when c.needs_consent then coalesce(yes, false) else not coalesce(no, false) end "
        "and e.effect - c.unit_cost > coalesce(t.best_earns, -1e9) + 1e-4"
    )
    assert better["n"] == 0


def test_states_and_how_they_moved_are_listed(open_page, one):
    said = text_of(open_page(CUSTOMER, customer=one["customer_id"]))
    before = "the same" if one["risk_before"] == one["risk_band"] else one["risk_before"]
    assert f"{one['risk_band']}, {before} 30 days before" in said or "a customer for less than 30 days" in said
    recency, frequency, money = one["rfm"]
    assert f"{one['rfm']}: recency {recency}, frequency {frequency}, money {money}, 5 the best fifth" in said
    assert one["lifecycle"] in said and one["quadrant"] in said


def test_answers_are_listed_for_each_channel_with_their_interval(open_page, one, warehouse, by_hand):
    shown = table(open_page(CUSTOMER, customer=one["customer_id"]), "channel", "response_state")
    first = by_hand(f"select * from learned_response where customer_id = '{one['customer_id']}' order by channel")
    row = shown.iloc[0]
    assert (row["channel"], row["sent"], row["answered"]) == (first["channel"], first["sent"], first["answered"])
    assert row["rate"] == pytest.approx(first["rate"])
    assert row["interval"] == f"{words.share(first['rate_low'])} to {words.share(first['rate_high'])}"
    assert row["response_state"] == first["response_state"]


def test_no_more_than_five_scores_stand_at_the_top(open_page, one):
    labels = [metric.label for metric in open_page(CUSTOMER, customer=one["customer_id"]).metric]
    assert len(set(labels) - {"Net contribution", "Orders"}) <= 5
    assert {"Rank by ROI", "ROI, shrunk", "Potential value"} <= set(labels)


def test_the_rhythm_of_the_list_is_that_of_the_timeline(open_page, by_hand):
    found = by_hand("select * from customer where usual_gap_days is not null order by orders desc, customer_id limit 1")
    app = open_page(CUSTOMER, customer=found["customer_id"])
    said = text_of(app)
    (heading,) = [header.value for header in app.header if header.value.startswith("Usually every")]
    usual = heading.split(";")[0].lower()
    assert f"{usual}, now " in said and "next order usual from" in said


def test_without_anything_learned_every_score_says_that_it_is_not_known(open_page, tiny, monkeypatch):
    app = open_page(CUSTOMER, tiny, customer="C1")
    said = text_of(app)
    assert "too few orders for one" in said
    assert not app.exception and "nan" not in said.lower().split() and "None" not in said.split()


def test_a_build_of_an_earlier_rapport_says_that_it_expected_nothing(open_page, one, monkeypatch):
    monkeypatch.setattr(evidence, "cut_off", lambda: None)
    said = text_of(open_page(CUSTOMER, customer=one["customer_id"]))
    assert "made by an earlier Rapport, which expected nothing" in said


def test_another_managers_customer_has_no_scores_for_one(open_page, by_hand):
    found = by_hand(
        "select a.customer_id, min(b.manager_id) as other from customer a join customer b on b.manager_id <> a.manager_id "
        "where a.manager_id like 'M%' and b.manager_id like 'M%' group by 1 order by 1 limit 1"
    )
    app = open_page(CUSTOMER, role=f"manager {found['other']}", customer=found["customer_id"])
    assert "There is no customer" in text_of(app) and not app.metric


# The words


def series(**values) -> pd.Series:
    """Scores of a customer of whom nothing is known but these."""
    return pd.Series(dict.fromkeys((*scores.SUMS, *scores.FACTS)) | values, dtype=object)


def test_what_is_not_known_is_said_and_never_made_up():
    nobody = series()
    assert scores.title(nobody, "EUR") == "Nothing is expected of this customer yet"
    assert scores.potential(nobody, "EUR") == scores.NOT_SCORED
    assert scores.contact(nobody, "EUR")[0] == words.NOT_KNOWN
    assert scores.rfm("(unknown)", "(unknown)") == scores.moved("(unknown)", "low") == "not known"


def test_a_channel_that_does_not_pay_is_not_recommended():
    figure, note = scores.contact(series(best_channel="none pays", best_earns=-1.5, value_of_acting=3), "EUR")
    assert figure == "No channel pays" and "−€1.50, less than nothing; not tested" in note


def test_only_a_tested_channel_is_called_tested():
    paying = {"best_channel": "mail", "best_earns": 2.0, "value_of_acting": 3}
    assert (
        "not tested: risk known, response unknown" in scores.contact(series(**paying, best_basis="unproven"), "EUR")[1]
    )
    assert scores.TESTED in scores.contact(series(**paying, best_basis="tested"), "EUR")[1]


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        ("high", "medium", "high, medium 30 days before"),
        ("low", "low", "low, the same 30 days before"),
        ("low", "(new)", "low; a customer for less than 30 days"),
        ("low", "(unknown)", "low, not known 30 days before"),
    ],
)
def test_movement_in_words(now, before, said):
    assert scores.moved(now, before) == said


def test_the_rhythm_in_words_counts_from_the_last_order():
    days = [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)]
    said = scores.own_rhythm(rhythm(days, date(2026, 6, 11)))
    assert said.startswith("usually every 31 days, now 71, later than usual; next order usual from ")


# The ranking


def test_the_ranking_shows_risk_potential_and_best_channel(open_page, by_hand):
    shown = table(open_page(ROI), "roi_rank", "risk_band").iloc[0]
    found = by_hand(f"select * from customer where customer_id = '{shown['customer_id']}'")
    assert shown["potential_value"] == pytest.approx(float(found["potential_value"]))
    assert (shown["risk_band"], shown["best_channel"]) == (found["risk_band"], found["best_channel"])
    assert shown["segment"] == found["segment"]


def test_a_quadrant_is_one_click_away(open_page, by_hand):
    app = open_page(ROI)
    number = by_hand("select count(*) as n from customer where quadrant = 'grow'")["n"]
    next(button for button in app.button if button.label == f"Grow ({words.count(number)})").click()
    app.run()
    assert not app.exception and list(app.multiselect(key="quadrant").value) == ["grow"]
    key = table(app, "customer_id", "risk_band")["customer_id"].iloc[0]
    assert by_hand(f"select quadrant from customer where customer_id = '{key}'")["quadrant"] == "grow"


def test_the_file_of_the_ranking_has_the_segment(open_page, monkeypatch, by_hand):
    taken = []
    monkeypatch.setattr(exports, "offer", lambda question, name, *more: taken.append(question))
    open_page(ROI)
    (question,) = taken
    columns = export.Wanted(question, "customer_roi").columns([*question.by, *question.metrics, *question.facts])
    assert {"Segment", "Risk", "Best channel", "Potential value"} <= {column.label for column in columns}
    row = served(folder()).current().answer(question).iloc[0]
    assert (
        by_hand(f"select segment from customer where customer_id = '{row['customer_id']}'")["segment"] == row["segment"]
    )


@pytest.mark.parametrize("metric", ["Potential value", "Mean risk", "Value of acting, at most"])
def test_scores_can_rank_customers(metric, open_page):
    assert len(table(open_page(ROI, metric=metric, band="Everybody"), "place")) == 25


@pytest.mark.parametrize("metric", ["Customers reached", "Customers with scores", "Expected to be lost"])
def test_figures_of_many_customers_do_not_rank_single_ones(metric, open_page):
    assert "cannot be shown" in text_of(open_page(ROI, metric=metric))
