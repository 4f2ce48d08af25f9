"""The page of model cards, opened through app.py on builds whose cards are known."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components import model_cards, proof
from data.model_card import BASELINE, IN_USE, NOT_ENOUGH, PARTS, Card, write
from tests import on_screen
from tests.on_screen import text_of

PAGE = "pages/trust/model_cards.py"
LATE, EARLY = date(2026, 6, 30), date(2026, 4, 1)


def cards() -> list[Card]:
    """A model in use with everything, one that lost to its baseline, and one with too little data."""
    common = {"version": "1", "cut_off": LATE}
    value = Card(
        "value", "Lifetime value", "How much will each customer bring?", "MBG/NBD with Gamma-Gamma", state=IN_USE,
        why="It beat the baseline.", customers=1234, interval="90 %, delta method", **common,
    )  # fmt: skip
    for cut_off, shift in ((LATE, 0.0), (EARLY, 0.1)):
        value.test(cut_off, "MBG/NBD", "log loss", 0.41 + shift, 900, 0.39 + shift, 0.43 + shift)
        value.test(cut_off, "NBD", "log loss", 0.52 + shift, 900)
        value.test(cut_off, "MBG/NBD", "purchases", 12_345.6, 900, 11_000, 13_000)
    value.bin("MBG/NBD", 1, 100, 0.2, 0.21, 0.15, 0.27)
    value.bin("MBG/NBD", 2, 100, 0.6, 0.3, 0.2, 0.4)
    value.value("r", 0.242613, 0.0125)
    value.value("alpha", 4.41360)
    value.checked("convergence", True, "The gradient is flat at the optimum.")
    value.checked("tail [link](http://a.example)", False, "The oldest buyers come back too rarely.")
    value.checked("contracts", None, "No customer has one.")
    value.point("purchases tracked", "expected", 1, 10)
    value.point("purchases tracked", "came", 1, 11)
    churn = Card(
        "churn", "Risk", "Who will not buy?", "recency rule", state=BASELINE,
        why="No candidate beat the rule.", customers=1234, **common,
    )  # fmt: skip
    few = Card(
        "profiles", "Profiles", "Who is alike?", "none", state=NOT_ENOUGH, why="Only 30 buyers.", customers=30, **common
    )
    return [churn, few, value]


@pytest.fixture(scope="session")
def with_cards(warehouse, tmp_path_factory):
    """Makes a warehouse whose build has these cards; without any tables of cards for None."""

    def made(cards: list[Card] | None) -> Path:
        gone = (f"drop table {table}" for table in ("model_card", *PARTS))
        added = [] if cards is None else [lambda db: write(db, cards)]
        return on_screen.changed(warehouse, tmp_path_factory.mktemp("cards"), *gone, *added)

    return made


@pytest.fixture(scope="session")
def full(with_cards) -> Path:
    """A warehouse with the cards above."""
    return with_cards(cards())


@pytest.fixture
def open_page(monkeypatch):
    """Open the page on a warehouse, as somebody."""

    return lambda where, role="auditor", **asked: on_screen.page(monkeypatch, where, "trust/model_cards", role, **asked)


def frames(app: AppTest, *columns: str) -> list[pd.DataFrame]:
    """The tables that have exactly these columns."""
    return [frame.value for frame in app.dataframe if list(frame.value.columns) == list(columns)]


def test_the_title_counts_the_models_in_each_state(open_page, full):
    assert "1 of 3 models in use; 1 did not beat the baseline, which is used instead; 1 without enough data" in text_of(
        open_page(full)
    )


@pytest.mark.parametrize("role", ["executive", "manager M01", "approver", "auditor"])
def test_every_reader_of_figures_sees_the_whole_card(open_page, full, role):
    app = open_page(full, role, model="Value")
    said = text_of(app)
    for text in (
        "How much will each customer bring?",
        "1 check passed, 1 failed, 1 not made",
        "Passed: **convergence.** The gradient is flat at the optimum.",
        "Failed: **tail",
        "Not made: **contracts.** No customer has one.",
        "Backtest: what came after 30 Jun 2026, of 900 customers",
        "Log loss: MBG/NBD 0.41 (0.39 to 0.43) in use, others 0.52",
        "Purchases: MBG/NBD 12,346 (11,000 to 13,000)",
        "the prediction lies within the interval of what came for MBG/NBD in 1 of 2 bins",
        "2 parameters",
    ):
        assert text in said, text
    (parameters,) = frames(app, "name", "value", "error")
    assert parameters.to_dict("list") == {
        "name": ["r", "alpha"], "value": ["0.243", "4.41"], "error": ["0.0125", "–"],
    }  # fmt: skip
    (tests,) = frames(app, "cut_off", "measure", "candidate", "value", "interval", "customers")
    assert list(tests["cut_off"]) == ["30 Jun 2026"] * 3 + ["1 Apr 2026"] * 3
    assert list(tests["value"]) == ["0.41", "0.52", "12,346", "0.51", "0.62", "12,346"]


def test_what_is_not_known_names_failed_checks_missing_proof_and_what_no_test_tells(open_page, full):
    unknown = open_page(full, model="Value").main.markdown[-1].value.replace("\\", "")
    assert "goes on from the past" in unknown and "come back too rarely" in unknown and "No customer has one" in unknown
    assert "The gradient is flat" not in unknown and "No backtest" not in unknown
    unknown = open_page(full, model="Churn").main.markdown[-1].value.replace("\\", "")
    assert "not who can be won back" in unknown and "No candidate beat the rule." in unknown
    assert "No backtest is stored" in unknown and "No calibration is stored" in unknown


def test_all_cards_are_on_one_page_to_be_printed_in_the_same_order_always(open_page, full):
    app = open_page(full)
    titles = [header.value for header in app.header]
    assert [title for title in titles if title in ("Lifetime value", "Risk", "Profiles")] == [
        "Lifetime value", "Risk", "Profiles",
    ]  # fmt: skip
    (overview,) = frames(app, "model", "state", "method", "cut_off", "customers", "checks")
    assert list(overview["customers"]) == [1234, 1234, 30]


def test_every_chart_says_what_it_shows(open_page, full):
    charts = open_page(full, model="Value").get("plotly_chart")
    assert len(charts) == 4  # two measures, a calibration, a curve
    assert all(chart.proto.alt for chart in charts)
    assert "Log loss: MBG/NBD 0.41 (0.39 to 0.43), NBD 0.52" in charts[0].proto.alt


def test_names_from_a_card_are_no_links(open_page, full):
    (line,) = [m.value for m in open_page(full, model="Value").markdown if "Failed:" in m.value]
    assert "](http" not in line


def test_a_build_of_an_earlier_rapport_has_no_cards_and_the_page_says_what_to_do(open_page, with_cards):
    said = text_of(open_page(with_cards(None), "executive"))
    assert "This build has no model cards." in said and "python -m data build" in said


def test_a_build_that_learned_nothing_says_so(open_page, with_cards):
    assert "This build has no model cards." in text_of(open_page(with_cards([])))


def test_a_model_without_a_card_is_refused_by_name(open_page, full):
    assert "cannot be shown" in text_of(open_page(full, model="Responsiveness"))


def test_the_candidate_in_use_is_found_by_its_whole_name():
    assert proof.is_used("MBG/NBD", "MBG/NBD with Gamma-Gamma")
    assert not proof.is_used("NBD", "MBG/NBD with Gamma-Gamma")
    assert not proof.is_used("logistic", "logistics")
    assert proof.is_used("Gradient boosting", "gradient boosting, calibrated")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.123456, "0.123"), (-2.5, "−2.5"), (12_345.6, "12,346"), (1_234.5, "1,230"), (0, "0"), (None, "–"), (1e-7, "0.0000001")],
)  # fmt: skip
def test_a_figure_of_any_size_has_three_digits_or_is_whole(value, text):
    assert proof.number(value) == text


def test_the_page_reads_only_listings_that_are_about_nobody(open_page, full):
    from data.tables import LISTINGS

    assert not any("customer_id" in LISTINGS[table].dims for table in ("model_card", *PARTS))
    assert model_cards.PAGE == PAGE
