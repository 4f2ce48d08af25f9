"""The De-marketing desk: figures worked out again from the build, two people, and nobody released who is kept."""

from __future__ import annotations

import json
import math

import duckdb
import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components import words
from data import demarketing, export
from data.export_demarketing import CostlyRows
from data.journal import overrides, releases
from data.journal.problems import Invalid
from data.rights import Actor, Forbidden, Held
from data.view import EVERYTHING, View
from data.warehouse import Warehouse
from tests import colleagues, on_screen

PAGE = "work/demarketing"
Z = 1.6448536269514722


@pytest.fixture
def open_page(kept, warehouse, monkeypatch):
    """Open the page on this or another warehouse, with a journal of its own."""
    return lambda role="approver", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


@pytest.fixture(scope="module")
def by_pandas(warehouse) -> pd.DataFrame:
    """Everybody whose contacts of the last twelve months cost more than expected, from the build's raw rows."""
    with duckdb.connect(str(on_screen.copied(warehouse)), read_only=True) as db:
        people = db.sql(
            "select customer_id, manager_id::varchar as manager_id, expected_margin_12m::double as margin, "
            "expected_margin_low::double as low, expected_margin_high::double as high from customer"
        ).df()
        sent = db.sql(
            "select customer_id, cost::double as cost, channel from feed_contacts where direction = 'out' and "
            "arm = 'treated' and month between '2025-10-01' and '2026-09-01'"
        ).df()
        prices = dict(db.sql("select channel, unit_cost::double from feed_channels").fetchall())
        needs = {one for (one,) in db.sql("select channel from feed_channels where needs_consent").fetchall()}
        said = db.sql("select customer_id, channel, purpose, allowed, recorded_at from consent_state").df()
    sent["cost"] = sent["cost"].fillna(sent["channel"].map(prices))
    year = sent.groupby("customer_id")["cost"].agg(contact_cost="sum", contacts="size")
    rows = people.dropna(subset=["margin"]).merge(year, on="customer_id", how="left").fillna(0)
    rows = rows[rows["margin"] < rows["contact_cost"] - 1e-9].copy()
    purpose = said.loc[said["allowed"].astype(bool), "purpose"].str.lower().value_counts().index[0]
    mine = said[said["purpose"].str.lower().isin([purpose, "(unknown)"]) | said["purpose"].isna()]
    last = mine.sort_values(["recorded_at", "allowed"], ascending=[True, False]).groupby(["customer_id", "channel"])
    state = {key: bool(value) for key, value in last["allowed"].last().items()}
    rows["cheapest"] = [
        min(
            ((price, name) for name, price in prices.items() if state.get((customer, name), name not in needs)),
            default=(math.inf, ""),
        )
        for customer in rows["customer_id"]
    ]
    rows["other"] = [pair[0] * number for pair, number in zip(rows["cheapest"], rows["contacts"], strict=True)]
    cheaper = (rows["other"] < rows["contact_cost"] - 1e-9) & (rows["other"] <= rows["margin"] + 1e-9)
    rows["channel"] = [pair[1] if one else "" for pair, one in zip(rows["cheapest"], cheaper, strict=True)]
    rows["saving"] = rows["contact_cost"] - np.where(cheaper, rows["other"], 0)
    rows["expected"] = rows["margin"] - rows["contact_cost"]
    spread = (np.maximum(rows["high"], rows["margin"]) - rows["margin"]) / Z
    place = np.where(spread > 0, rows["expected"] / spread.where(spread > 0, 1), -np.inf)
    rows["p_wrong"] = [(1 + math.erf(one / math.sqrt(2))) / 2 for one in place]
    rows["spread"] = spread
    return rows.set_index("customer_id").sort_index()


def press(app: AppTest, label: str) -> AppTest:
    """Press a button by its label."""
    next(one for one in app.button if one.label == label).click()
    app.run()
    assert not app.exception
    return app


def propose(app: AppTest, number: int, note: str = "They no longer answer.") -> AppTest:
    """Propose the first so many of the list."""
    app.number_input[0].set_value(number)
    next(area for area in app.text_area if area.label == "Note for the second person").set_value(note)
    return press(app, "Propose to a second person")


def expected_number(chances: pd.Series) -> str:
    """An expected number of customers as the screen writes it."""
    return f"{chances.sum():.1f}" if 0 < chances.sum() < 10 else words.count(chances.sum())


# Figures


def test_the_list_is_what_the_builds_own_rows_say(warehouse, kept, by_pandas):
    found = demarketing.costly(Warehouse(warehouse).current(), View(EVERYTHING), kept)
    rows = found.rows.set_index("customer_id")
    assert list(rows.index) == list(by_pandas.index) and len(rows) > 100
    assert (found.since.isoformat(), found.until.isoformat()) == ("2025-10-01", "2026-09-01")
    for name in ("expected", "saving", "contact_cost", "contacts", "p_wrong"):
        assert rows[name].to_numpy(float) == pytest.approx(by_pandas[name].to_numpy(float), abs=2e-4), name
    assert list(rows["channel"]) == list(by_pandas["channel"])
    assert set(rows["action"]) == {"stop", "cheaper"}
    assert (rows["low"] <= rows["expected"]).all() and (rows["expected"] < 0).all() and (rows["p_wrong"] < 0.5).all()


def test_without_an_interval_no_chance_of_being_wrong_is_claimed(warehouse, kept, tmp_path, by_pandas):
    key = by_pandas.index[0]
    gone = f"update customer set expected_margin_high = null where customer_id = '{key}'"
    build = Warehouse(on_screen.changed(warehouse, tmp_path, gone)).current()
    rows = demarketing.costly(build, View(EVERYTHING), kept).rows
    assert set(rows["customer_id"]) == set(by_pandas.index) - {key}


def test_what_is_lost_if_wrong_is_the_mean_beyond_zero_of_the_normal(warehouse, kept, by_pandas):
    found = demarketing.costly(Warehouse(warehouse).current(), View(EVERYTHING), kept).rows.set_index("customer_id")
    unsure = by_pandas[by_pandas["p_wrong"] > 0.01].head(20)
    assert len(unsure) == 20
    for key, row in unsure.iterrows():
        x = np.linspace(0, row["expected"] + 12 * row["spread"], 200_001)
        density = np.exp(-(((x - row["expected"]) / row["spread"]) ** 2) / 2)
        assert found.at[key, "loss"] == pytest.approx((x * density).sum() / density.sum(), rel=1e-3)


def test_the_cards_and_the_title_are_the_sums_of_the_view(open_page, by_pandas):
    def short(value: float) -> str:
        return words.money(round(value, 4), "EUR", short=True)

    for role, rows in (("approver", by_pandas), ("manager M01", by_pandas[by_pandas["manager_id"] == "M01"])):
        app = open_page(role)
        assert on_screen.card(app, "Customers below zero") == words.count(len(rows))
        assert on_screen.card(app, "Cost beyond what they bring") == f"{short(-rows['expected'].sum())} a year"
        assert on_screen.card(app, "Saving when released") == f"{short(rows['saving'].sum())} a year"
        assert on_screen.card(app, "Expected to be wrong") == expected_number(rows["p_wrong"])
        title = (
            f"Releasing {words.counted(len(rows), 'customer')} is expected to save {short(rows['saving'].sum())} a year"
        )
        assert title in on_screen.text_of(app) and any(title in alt for alt in on_screen.alts(app))
        assert "unproven" in on_screen.text_of(app)
        shown = on_screen.table(app, "todo", "p_wrong")
        largest = rows.assign(key=rows.index).sort_values(["saving", "key"], ascending=[False, True])["saving"].head(25)
        assert shown["saving"].to_numpy(float) == pytest.approx(largest.to_numpy(float), abs=1e-3)


def test_a_smaller_chance_of_being_wrong_lists_fewer(open_page, by_pandas):
    sure = by_pandas[by_pandas["p_wrong"] <= 0.1]
    app = open_page(wrong="10 %", by="Surest first")
    assert on_screen.card(app, "Customers below zero") == words.count(len(by_pandas))
    assert on_screen.card(app, "Expected to be wrong") == expected_number(sure["p_wrong"])
    shown = on_screen.table(app, "todo", "p_wrong")
    assert list(shown["p_wrong"]) == sorted(shown["p_wrong"]) and len(shown) == min(25, len(sure))
    assert app.title[0].value == "De-marketing desk"


def test_the_export_is_the_whole_list_in_the_readers_scope(warehouse, kept, by_pandas):
    build = Warehouse(warehouse).current()
    manager = Actor("m", held=(Held("manager", "M01"),))
    view = View(build.scope_of(manager.held))
    wanted = CostlyRows(kept, build, view, 0.2)
    rows = {row["customer_id"]: row for row in wanted.rows()}
    mine = by_pandas[(by_pandas["manager_id"] == "M01") & (by_pandas["p_wrong"] <= 0.2)]
    assert sorted(rows) == list(mine.index) and wanted.count() == len(mine) > 0
    assert float(rows[mine.index[0]]["saving"]) == pytest.approx(mine["saving"].iloc[0], abs=1e-3)
    made = export.make(build, export.Wanted(wanted, "de_marketing"))
    with made.file:
        read = pd.read_csv(made.file, encoding="utf-8-sig").set_index("Customer")
    assert list(read.index) == list(mine.index)
    assert read["Expected, after contacts"].to_numpy(float) == pytest.approx(mine["expected"].to_numpy(float), abs=1e-3)
    wanted.ready(manager, build)
    with pytest.raises(Forbidden):
        wanted.ready(Actor("m", held=(Held("manager", "M02"),)), build)
    assert {column.name for column in wanted.columns} <= rows[mine.index[0]].keys()


# Two people


def test_a_manager_proposes_and_an_approver_releases(open_page, kept, by_pandas):
    mine = by_pandas[by_pandas["manager_id"] == "M01"].assign(key=lambda rows: rows.index)
    first = list(mine.sort_values(["saving", "key"], ascending=[False, True]).index[:5])
    app = propose(open_page("manager M01"), 5)
    assert "5 customers proposed" in on_screen.text_of(app) and releases.released(kept) == {}
    assert "waits for an approver" in on_screen.text_of(app)
    assert not any(button.label == "Release" for button in app.button)
    assert on_screen.card(app, "Expected to be wrong") == expected_number(mine["p_wrong"].drop(first))
    approver = open_page("approver")
    said = on_screen.text_of(approver)
    assert "1 list waits for your decision" in said and "They no longer answer." in said
    press(approver, "Release")
    assert sorted(releases.released(kept)) == sorted(first)
    assert releases.released(kept)[first[0]] == frozenset(filter(None, [mine.at[first[0], "channel"]]))
    assert "5 customers on 1 list released now" in on_screen.text_of(approver)
    overrides.keep(
        kept, colleagues.come(kept, "ada", "approver"), approver.session_state["_build"], first[0], "A friend."
    )
    approver.run()
    saved = words.money(round(mine.loc[first[1:], "saving"].sum(), 4), "EUR", short=True)
    assert "4 customers on 1 list released now" in on_screen.text_of(approver)
    assert f"those released now are expected to save {saved} a year" in on_screen.text_of(approver)
    assert not any(set(first) & set(frame.value.get("customer_id", ())) for frame in approver.dataframe
                   if "loss" in frame.value)  # fmt: skip


def test_a_list_is_refused_with_a_reason_withdrawn_or_ended_and_its_customers_come_back(open_page, kept):
    for label, role, state in (("Refuse", "approver", "refused"), ("Withdraw", "manager M01", "withdrawn")):
        propose(app := open_page("manager M01"), 3)
        app = app if label == "Withdraw" else open_page(role)
        press_with_reason(app, label, "")
        assert "is empty" in on_screen.text_of(app)
        press_with_reason(app, label, "Not in the season.")
        assert latest(kept)[0].state == state and releases.on_a_list(kept) == {}
    propose(open_page("manager M01"), 3)
    approver = press(open_page("approver"), "Release")
    assert len(releases.released(kept)) == 3
    press_with_reason(approver, "End", "The season begins.")
    assert releases.released(kept) == {}
    history = on_screen.table(approver, "state", "why")
    assert list(history["state"]) == ["Ended", "Withdrawn", "Refused"]
    assert list(history["why"]) == ["The season begins.", "Not in the season.", "Not in the season."]


def press_with_reason(app: AppTest, label: str, reason: str) -> None:
    """Write the reason beside a button, and press it."""
    field = next(area for area in app.text_area if area.key.startswith(f"_{label.lower()}_"))
    field.set_value(reason)
    next(one for one in app.button if one.key == field.key.replace("_why", "_now")).click()
    app.run()
    assert not app.exception


def latest(journal) -> list[releases.Release]:
    """Every list, the latest step first."""
    return releases.listing(journal, Actor("x", held=(Held("auditor"),)))


def test_an_empty_note_and_an_auditor_propose_nothing(open_page, kept):
    app = propose(open_page("manager M01"), 3, " ")
    assert "Write a note" in on_screen.text_of(app) and latest(kept) == []
    propose(open_page("manager M01"), 3)
    for role in ("auditor", "manager M02"):
        app = open_page(role)
        assert ("1 list waits" in on_screen.text_of(app)) == (role == "auditor")
        assert not any(button.label in ("Release", "Refuse", "Withdraw") for button in app.button)


# Who is kept


def test_whoever_is_kept_is_shown_apart_and_can_be_in_no_list(open_page, kept, warehouse, by_pandas):
    app = open_page("manager M01")
    key = on_screen.table(app, "todo")["customer_id"].iloc[0]
    app.selectbox(key="_keep_who").set_value(key)
    app.text_area(key="_keep_why").set_value("A reference for others.")
    press(app, "Keep")
    shown = on_screen.table(app, "by", "why")
    assert list(shown["customer_id"]) == [key] and list(shown["why"]) == ["A reference for others."]
    assert key not in set(on_screen.table(app, "todo")["customer_id"])
    mine = by_pandas[by_pandas["manager_id"] == "M01"]
    assert on_screen.card(app, "Saving when released") == (
        f"{words.money(round(mine['saving'].drop(key).sum(), 4), 'EUR', short=True)} a year"
    )
    propose(app, len(mine) - 1)
    press(open_page("approver"), "Release")
    assert sorted(releases.released(kept)) == sorted(set(mine.index) - {key})
    build, manager = Warehouse(warehouse).current(), colleagues.come(kept, "max", "manager M01")
    with pytest.raises(Invalid, match="kept, or on another list"):
        demarketing.propose(kept, manager, build, [key], False, "All the same.")
    app.selectbox(key="_keep_end").set_value(key)
    press(app, "Take off")
    assert overrides.kept(kept) == frozenset() and "Nobody is on the must-keep list" in on_screen.text_of(app)


def test_the_feeds_must_keep_list_holds_too(kept, warehouse, tmp_path, by_pandas):
    key, other = by_pandas.index[0], by_pandas.index[1]
    where = on_screen.changed(
        warehouse,
        tmp_path,
        "alter table customer add column must_keep varchar",
        f"update customer set must_keep = 'Yes' where customer_id = '{key}'",
    )
    for file in where.glob("*.json"):
        manifest = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps(manifest | {"attributes": [*manifest["attributes"], "must_keep"]}), encoding="utf-8")
    build = Warehouse(where).current()
    found = demarketing.costly(build, View(EVERYTHING), kept).rows.set_index("customer_id")
    assert (found.at[key, "state"], found.at[other, "state"]) == ("kept", "free")
    manager = colleagues.come(kept, "max", f"manager {by_pandas.at[key, 'manager_id']}")
    with pytest.raises(Invalid, match="kept"):
        demarketing.propose(kept, manager, build, [key], False, "All the same.")
    now = demarketing.costly(build, View(EVERYTHING), kept)
    assert demarketing.changes(build, now, [key, other, "nobody"]) == {
        key: "must keep",
        "nobody": "no customer any more",
    }


def test_another_managers_customers_are_neither_proposed_nor_kept_nor_seen(open_page, kept, warehouse, by_pandas):
    other, build = by_pandas.index[by_pandas["manager_id"] == "M02"][0], Warehouse(warehouse).current()
    manager, colleague = (
        colleagues.come(kept, name, f"manager {book}") for name, book in (("max", "M01"), ("mia", "M02"))
    )
    with pytest.raises(Forbidden, match="look after no such customer"):
        overrides.keep(kept, manager, build, other, "Not mine.")
    with pytest.raises(Forbidden, match="look after no such customer"):
        demarketing.propose(kept, manager, build, [other], False, "Not mine.")
    overrides.keep(kept, colleague, build, other, "Mine.")
    assert "Nobody is on the must-keep list" in on_screen.text_of(open_page("manager M01"))
    assert list(on_screen.table(open_page("manager M02"), "by", "why")["customer_id"]) == [other]


# Other builds, and nothing to show


def test_on_a_newer_build_whoever_now_pays_is_named_and_stays(open_page, kept, warehouse, tmp_path, by_pandas):
    propose(open_page("manager M01"), 4)
    keys = sorted(releases.on_a_list(kept))
    newer = on_screen.changed(
        warehouse,
        tmp_path,
        f"update customer set expected_margin_12m = 900, expected_margin_high = 950 where customer_id = '{keys[0]}'",
    )
    approver = open_page("approver", newer)
    said = on_screen.text_of(approver)
    assert "The data is newer than the list. 1 customer would stay" in said and f"contacts cost: {keys[0]}" in said
    press(approver, "Release")
    assert sorted(releases.released(kept)) == keys[1:]
    said = on_screen.text_of(approver)
    assert f"1 stayed ({keys[0]})" in said and "3 customers on 1 list released now" in said


def test_a_view_in_which_everybody_pays_says_so(open_page, warehouse, tmp_path):
    rich = on_screen.changed(warehouse, tmp_path, "update customer set expected_margin_12m = 900")
    app = open_page("manager M01", rich)
    assert "Nobody in this view is expected to cost more than they bring" in on_screen.text_of(app)
    assert on_screen.card(app, "Customers below zero") == "0" and not app.number_input


def test_a_build_without_expectations_or_of_an_earlier_rapport_says_so(open_page, warehouse, tmp_path_factory):
    for change, said in (
        ("update customer set expected_margin_12m = null", "no model of value fits"),
        ("alter table customer drop column expected_margin_12m", "made by an earlier Rapport"),
    ):
        app = open_page("approver", on_screen.changed(warehouse, tmp_path_factory.mktemp("old"), change))
        assert said in on_screen.text_of(app) and not app.metric


def test_without_contacts_or_for_a_handful_nothing_is_said(open_page, tiny, warehouse, tmp_path):
    app = open_page("approver", tiny)
    assert "Not known without" in on_screen.text_of(app) and not app.metric
    few = on_screen.changed(warehouse, tmp_path, "delete from customer where customer_id > (select customer_id from "
                            "customer order by customer_id limit 1 offset 6)")  # fmt: skip
    app = open_page("approver", few)
    assert "Only 7 customers in this view" in on_screen.text_of(app) and not app.metric


@pytest.mark.parametrize("role", ["executive", "partner P01", "admin"])
def test_whoever_sees_no_single_customers_does_not_open_it(role, open_page):
    app = open_page(role)
    assert not app.metric and not app.dataframe and "De-marketing" not in "".join(one.value for one in app.header)


def test_nothing_on_it_claims_a_cause(open_page):
    propose(app := open_page("manager M01"), 2)
    said = on_screen.text_of(app).lower()
    assert [phrase for phrase in ("because of", "caused", "leads to", "thanks to", "due to") if phrase in said] == []
    assert "expected" in said and "unproven" in said
