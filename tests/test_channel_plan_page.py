"""The page Channel plan: its figures worked out again from kept rows and tables, its words, rights, locks, scenarios."""

from __future__ import annotations

import json
import os
import random
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import streamlit as st

from components import (
    address,
    ask,
    attempts,
    demarket_keep,
    demarket_propose,
    plan_charts,
    plan_figures,
    plan_large,
    plan_moves,
    plan_override,
    plan_page,
    plan_solved,
    plan_words,
    words,
)
from components.plan_charts import Flow, visible
from components.plan_solved import simple
from data import export
from data.export_plan import PlanRows
from data.journal import campaigns, overrides, plans, store
from data.plan_policy import parse
from data.question import View
from data.rights import SYSTEM, Actor, Forbidden, Held
from models import assign_arm
from tests import on_screen
from tests.on_screen import alts, card, table, text_of

PAGE = "work/channel_plan"
UNPROVEN = "expected, unproven"
CENT = 0.006


@pytest.fixture
def journal(monkeypatch, tmp_path):
    """A journal of this test alone."""
    monkeypatch.setenv("RAPPORT_JOURNAL", str(tmp_path / "journal"))
    return store.journal()


@pytest.fixture
def open_page(warehouse, monkeypatch, journal):
    """Open the page on this or another warehouse, with a journal of its own."""
    return lambda role="approver", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


@pytest.fixture
def known(by_hand) -> pd.DataFrame:
    """What the build learned of every customer and channel, with the cost of a contact."""
    rows = by_hand(
        "select e.customer_id, e.channel, e.effect, e.effect_low, e.effect_high, cast(c.unit_cost as double) "
        "from learned_effect e join feed_channels c using (channel)"
    )
    columns = ["customer_id", "channel", "effect", "effect_low", "effect_high", "unit_cost"]
    return pd.DataFrame(rows, columns=columns).set_index(["customer_id", "channel"])


def press(app, key: str):
    """Press a button; nothing may fail."""
    app.button(key=key).click().run()
    assert not app.exception
    return app


def keep(app, name: str) -> plans.SavedPlan:
    """Keep the plan on the screen under a name."""
    app.text_input(key="_plan_name").set_value(name)
    press(app, "_plan_keep")
    return next(one for one in plans.listing(store.journal(), SYSTEM) if one.name == name)


def rows_of(saved: plans.SavedPlan) -> pd.DataFrame:
    """The frozen rows of a kept plan."""
    rows = pq.read_table(store.journal().folder / "plans" / saved.plan_id / saved.file).to_pandas()
    return rows.assign(**{name: rows[name].astype(str) for name in ("channel", "drawn", "runner_up", "reason")})


def contacts_of(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The rows with a contact, with what the build knows of it; unknown effects count as nothing."""
    reached = rows[rows["channel"] != ""]
    found = known.reindex(pd.MultiIndex.from_frame(reached[["customer_id", "channel"]])).reset_index()
    costs = known.groupby("channel")["unit_cost"].first()
    return found.assign(unit_cost=found["channel"].map(costs)).fillna({"effect": 0.0})


def test_the_figures_are_the_sums_over_the_kept_rows(open_page, known, by_hand):
    app = open_page()
    saved = keep(app, "all")
    rows = rows_of(saved)
    [(everybody,)] = by_hand("select count(*) from customer")
    assert len(rows) == everybody
    reached = contacts_of(rows, known)
    spent, net = reached["unit_cost"].sum(), (reached["effect"] - reached["unit_cost"]).sum()
    assert len(reached) > 100 and abs(float(saved.figures["value"]) - net) < CENT
    assert card(app, "Expected net of the plan") == words.money(net, "EUR", short=True)
    assert card(app, "Spent") == words.money(round(spent, 2), "EUR", short=True)
    title = f"earn {words.money(net, 'EUR', short=True)} more than nobody contacted, from {len(reached):,} contacts"
    assert title in text_of(app)
    sides = table(app, "choice", "value").set_index("choice")
    assert abs(sides.loc["This plan", "value"] - net) < CENT and sides.loc["This plan", "contacts"] == len(reached)


def test_the_budget_is_what_the_last_30_days_cost_unless_one_is_typed(open_page, warehouse, by_hand):
    name = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    end = json.loads((warehouse / f"{name}.json").read_text(encoding="utf-8"))["as_of"].replace("Z", "+00:00")
    at = datetime.fromisoformat(end).astimezone(UTC).replace(tzinfo=None)
    [(cost, number)] = by_hand(
        "select sum(coalesce(c.cost, f.unit_cost)), count(*) from feed_contacts c left join feed_channels f "
        "on f.channel = c.channel where c.direction = 'out' and c.arm <> 'control' and c.customer_id in "
        f"(select customer_id from customer) and c.occurred_at > timestamp '{at - timedelta(days=30)}' "
        f"and c.occurred_at <= timestamp '{at}'"
    )
    app = open_page()
    usual = keep(app, "usual")
    assert parse(usual.policy).budget == cost and Decimal(usual.figures["spent"]) <= cost
    sides = table(app, "choice", "cost").set_index("choice").loc["Current practice, the last 30 days"]
    assert sides["cost"] == pytest.approx(float(cost)) and sides["contacts"] == number
    app.number_input(key="budget").set_value(20).run()
    small = keep(app, "small")
    assert parse(small.policy).budget == 20 and Decimal(small.figures["spent"]) <= 20
    assert small.figures["value"] < usual.figures["value"] + CENT


def test_terms_are_kept_in_the_address_also_a_budget_of_nothing(open_page):
    asked = {"budget": "0", "least_roi": "0.5", "most_contacts": "3", "contact_days": "14", "capacity_email": "7",
             "explore": "0 %"}  # fmt: skip
    app = open_page(**asked)
    policy = parse(keep(app, "asked").policy)
    assert (policy.budget, policy.least_roi, policy.most_contacts, policy.contact_days) == (0, 0.5, 3, 14)
    assert dict(policy.capacity)["email"] == 7 and policy.none_share == policy.random_share == 0
    assert "Contacting nobody is the best plan" in text_of(app) and card(app, "Spent") == "€0.00"
    app.session_state["_share"] = True
    app.run()
    shared = parse_qs(urlsplit(app.code[0].value).query)
    assert {name: [value] for name, value in asked.items()}.items() <= shared.items()
    press(app, "_plan_reset")
    assert app.number_input(key="budget").value is None and "Contacting nobody is the best" not in text_of(app)


@pytest.mark.parametrize("asked", [
    {"budget": "-1"}, {"budget": "1e3"}, {"least_roi": "nan"}, {"capacity_fax": "1"}, {"budget": "1000000001"},
    {"least_roi": "1000.5"}, {"most_contacts": "1001"}, {"contact_days": "367"}, {"capacity_email": "100000001"},
])  # fmt: skip
def test_terms_that_are_none_are_refused(open_page, asked):
    app = open_page(**asked)
    assert "This address cannot be shown as it stands" in text_of(app) and not app.metric


def test_each_channel_has_a_capacity_of_its_own_in_the_address_whatever_it_is_called():
    called = ["sms", "sms_1", "sms-1", "sms 1", "SMS", "ипсм", "звон", "x" * 80, "x" * 81]
    names = [address.capacity(name) for name in called]
    assert names[0] == "capacity_sms" and len(set(names)) == len(names) and max(map(len, names)) <= 60


def test_no_value_stands_without_saying_that_it_is_unproven(open_page):
    app = open_page(budget="60")
    for start in ("The plan is expected", "Plan, current practice and nobody"):
        assert UNPROVEN in next(one.value for one in app.header if one.value.startswith(start))
    notes = [
        one.value for one in app.markdown if "if every figure lay" in one.value or "the last 30 days had" in one.value
    ]
    assert len(notes) == 2 and all(UNPROVEN in one for one in notes)
    assert all(UNPROVEN in one.value for one in app.markdown if one.value.startswith("**One more"))
    assert any(one.value.startswith("**One more euro of budget earns") for one in app.markdown)
    assert UNPROVEN in next(alt for alt in alts(app) if alt.startswith("Lines of expected net"))


def test_only_a_contact_that_was_tested_is_said_to_earn():
    prices = {"budget": 2.0, "capacity": {"web": 0.5, "mail": 1.5}}
    labels, basis = {"web": "Web portal", "mail": "Letter"}, {"web": "unproven", "mail": "tested"}
    assert plan_words.earning(prices, labels, "EUR", basis) == [
        "One more euro of budget earns €2.00.",
        "One more web portal contact goes along with €0.50.",
        "One more letter contact earns €1.50.",
    ]


def test_the_flow_holds_every_customer_once(open_page, by_hand):
    [(everybody,)] = by_hand("select count(*) from customer")
    app = open_page()
    saved = keep(app, "flow")
    flows = table(app, "before", "after", "customers")
    assert flows["customers"].sum() == everybody
    planned = flows.groupby("after")["customers"].sum()
    labels = dict(by_hand("select label, channel from feed_channels"))
    there = {labels[label]: number for label, number in planned.items() if label != "No contact"}
    assert there == {name: number for name, number in saved.figures["contacts"].items() if number}
    assert flows["money"].sum() == pytest.approx(saved.figures["value"], abs=CENT)
    said = next(alt for alt in alts(app) if alt.startswith("Flow from the last 30 days"))
    for row in flows.itertuples():
        assert f"From {row.before} to {row.after}: {words.counted(row.customers, 'customer')}" in said


def test_every_channel_has_its_contacts_capacity_and_cost(open_page, known, by_hand):
    app = open_page(capacity_email="25")
    reached = contacts_of(rows_of(keep(app, "by channel")), known)
    shown = table(app, "label", "used").set_index("label")
    for label, channel, capacity in by_hand("select label, channel, capacity_per_month from feed_channels"):
        mine, limit = reached[reached["channel"] == channel], 25 if channel == "email" else capacity
        row = shown.loc[label]
        assert row["contacts"] == len(mine) and row["cost"] == pytest.approx(mine["unit_cost"].sum())
        assert row["value"] == pytest.approx((mine["effect"] - mine["unit_cost"]).sum(), abs=CENT)
        assert pd.isna(row["used"]) if limit is None else row["used"] == pytest.approx(len(mine) / float(limit))


def test_thin_bands_are_left_out_of_the_picture_only():
    flows = [Flow(0, 0, 9_000, 5.0), Flow(0, 1, 900, 4.0), Flow(1, 1, 3, 1.0), Flow(1, 0, 2, 1.0)]
    assert visible(flows) == flows[:3], "the widest band of every channel stays"
    figure = plan_charts.flow(["A", "B"], ["A", "B"], flows, "EUR")
    assert list(figure.data[0].link.value) == [9_000, 900, 3]
    assert [re.sub(r", .*€.*", "", label) for label in figure.data[0].node.label] == [
        "A 9,900",
        "B 5",
        "A 9,002",
        "B 903",
    ]


def test_the_simple_rule_is_everybodys_best_channel_until_something_is_full(open_page, known, monkeypatch):
    seen = []

    def noted(one):
        seen.append(one)
        return [(1.0, 1.0)]

    monkeypatch.setattr("components.plan_limits.plan_solved.frontier", noted)
    open_page(budget="50", capacity_email="40", capacity_mail="5")
    one = seen[-1]
    spent, value, used = Decimal(0), 0.0, dict.fromkeys(one.candidates.names, 0)
    limits = dict(zip(one.candidates.names, one.candidates.capacity(one.policy), strict=True))
    costs = {channel.name: channel.unit_cost for channel in one.candidates.channels}
    waiting = []
    for place, key in enumerate(one.candidates.customer_id):
        if one.fixed[place] >= 0:
            name = one.candidates.names[one.fixed[place]]
            used[name], spent = used[name] + 1, spent + costs[name]
            effect = known["effect"].get((key, name), 0.0)
            value += effect - float(costs[name])
        elif one.fixed[place] == -2:
            nets = [
                (known.loc[(key, name), "effect"] - float(costs[name]), -at, name)
                for at, name in enumerate(one.candidates.names)
                if one.candidates.allowed[place, at] and (key, name) in known.index
            ]
            if nets and max(nets)[0] > 0:
                waiting.append((-max(nets)[0], place, max(nets)[2]))
    for loss, _, name in sorted(waiting):
        if limits[name] is not None and used[name] >= limits[name]:
            continue
        if spent + costs[name] > 50:
            break
        used[name], spent, value = used[name] + 1, spent + costs[name], value - loss
    [(_, found)] = simple(one, [50.0])
    assert found == pytest.approx(value, abs=CENT) and found <= one.value + CENT


def test_more_budget_is_never_worth_less_and_this_plan_lies_on_the_curve(open_page, monkeypatch):
    seen, drawn = [], plan_solved.frontier

    def noted(one):
        seen.append((one, drawn(one)))
        return seen[-1][1]

    monkeypatch.setattr("components.plan_limits.plan_solved.frontier", noted)
    open_page(budget="60")
    one, curve = seen[-1]
    values = [value for _, value in curve]
    assert len(curve) > 3 and values == sorted(values)
    assert (60.0, pytest.approx(one.value)) in curve


def test_readers_of_groups_see_no_customer_and_nothing_below_ten(open_page, by_hand):
    app = open_page("executive", capacity_teleservice="3")
    keys = [key for (key,) in by_hand("select customer_id from customer")]
    shown = text_of(app) + str([frame.value.to_csv() for frame in app.dataframe]) + str(alts(app))
    assert not [key for key in keys if key in shown]
    flows = table(app, "before", "after", "customers")
    assert len(flows) and flows["customers"].min() >= 10
    assert "Small groups are left out" in text_of(app) and "you see sums" in text_of(app)
    shown = table(app, "label", "used", "before")
    assert shown["contacts"].isna().sum() != 1, "one number alone would follow from the sum of all"
    assert not [frame for frame in app.dataframe if "customer_id" in frame.value]


@pytest.mark.parametrize(("numbers", "told"), [
    ([500, 300, 4, 20], [500, 300]), ([500, 4, 3, 0], [0]), ([500, 40, 6, 7, 0], [500, 40, 0]), ([12, 10, 0], [12, 10, 0]),
])  # fmt: skip
def test_no_total_gives_a_small_number_away(numbers, told):
    hidden = plan_words.withheld(numbers)
    assert [number for number, gone in zip(numbers, hidden, strict=True) if not gone] == told


def test_no_sum_of_a_channel_gives_a_small_flow_away():
    draw = random.Random(5)
    for _ in range(200):
        flows = [Flow(a, b, draw.choice([1, 4, 9, 10, 25, 300]), 1.0) for a in range(4) for b in range(4)]
        seen = plan_moves.told(flows)
        gone = [flow for flow in flows if flow not in seen]
        assert all(flow.customers >= 10 for flow in seen)
        for side in ("before", "after"):
            for at in range(4):
                lost = [flow.customers for flow in gone if getattr(flow, side) == at]
                all_gone = len(lost) == sum(getattr(flow, side) == at for flow in flows)
                assert not lost or all_gone or (len(lost) > 1 and sum(lost) >= 10)


def test_what_is_left_of_all_customers_tells_readers_of_groups_of_no_few(open_page, monkeypatch):
    app, told = open_page("executive"), plan_figures.not_contacted
    said = []
    monkeypatch.setattr(plan_figures, "not_contacted", lambda one: said.append(one) or told(one))
    app.run()
    [one] = said
    places = np.flatnonzero((one.candidates.out == 0) & one.candidates.allowed.any(axis=1) & (one.plan.channel < 0))
    out = one.candidates.out.copy()
    out[places[:4]] = 1  # four are held out: all less the others would say so
    four = replace(one, done=replace(one.done, found=replace(one.candidates, out=out)))
    assert plan_figures.on_purpose(four) == words.NOT_KNOWN and plan_figures.entangled(four)
    assert re.fullmatch(r"[\d,]+ get no contact, on purpose or as they may not", plan_figures.not_contacted(four))
    few = replace(four.candidates, current=np.where(np.arange(len(out)) < 9, 0, -1).astype(np.int8))
    assert plan_solved.current_value(few) is None, "nine customers were contacted"
    assert plan_solved.current_value(replace(few, single=True)) is not None


def test_readers_of_groups_get_no_plan_of_a_few_contacts(open_page):
    app = open_page("executive", budget="0.0".removesuffix(".0"), explore="0 %")
    assert "Contacting nobody" in text_of(app)
    few = open_page("executive", capacity_email="2", capacity_mail="2", capacity_teleservice="1", capacity_web="2",
                    capacity_wireless="2", explore="0 %")  # fmt: skip
    assert "fewer than 10 customers get a contact" in text_of(few) and not few.metric


def test_managers_plan_for_their_own_customers_only(open_page, by_hand):
    own = {key for (key,) in by_hand("select customer_id from customer where manager_id = 'M01'")}
    app = open_page("manager M01", budget="1000")
    assert set(rows_of(keep(app, "own"))["customer_id"]) == own
    assert set(table(app, "customer_id", "why")["customer_id"]) <= own


def test_a_table_row_says_what_the_kept_row_says(open_page, known):
    app = open_page(budget="100", planned="Teleservice")
    rows = rows_of(keep(app, "rows")).set_index("customer_id")
    shown = table(app, "customer_id", "why")
    mine = rows[rows["channel"] == "teleservice"]
    assert len(mine) and set(shown["customer_id"]) <= set(mine.index) and len(shown) == min(25, len(mine))
    for row in shown.itertuples():
        kept = mine.loc[row.customer_id]
        effect = known["effect"].get((row.customer_id, "teleservice"), 0.0)
        assert row.net == pytest.approx(effect - float(kept["cost"])) and row.regret == pytest.approx(kept["regret"])
        by_lot = kept["drawn"].startswith("explore")
        assert row.drawn == ("by lot" if by_lot else "the plan") and ("by lot" in row.why) == by_lot


def test_a_lock_is_kept_to_until_it_ends(open_page, by_hand):
    [(who,)] = by_hand("select min(customer_id) from customer")
    app = open_page()
    before = rows_of(keep(app, "before")).set_index("customer_id").loc[who, "channel"]
    assert before, "the first customer should get a contact, or the lock shows nothing"
    app.text_input(key="_lock_who").set_value(who)
    app.selectbox(key="_lock_what").set_value("")
    app.text_area(key="_lock_why").set_value("Asked for a pause")
    press(app, "_lock_now")
    assert "is locked" in text_of(app)
    locked = rows_of(keep(app, "locked")).set_index("customer_id").loc[who]
    assert locked["channel"] == "" and locked["drawn"] == "locked"
    assert table(app, "customer_id", "why", "by")["why"].tolist() == ["Asked for a pause"]
    app.selectbox(key="_lock_end").set_value(who)
    press(app, "_lock_end_now")
    assert rows_of(keep(app, "after")).set_index("customer_id").loc[who, "channel"] == before
    assert not overrides.active(store.journal())


def test_locks_that_no_term_allows_are_named(open_page, by_hand):
    [(who,)] = by_hand(
        "select min(s.customer_id) from consent_state s join customer c using (customer_id) where s.channel = 'teleservice' "
        "and s.allowed and s.customer_id not in (select customer_id from feed_contacts where channel = 'teleservice')"
    )
    app = open_page(capacity_teleservice="0")
    app.text_input(key="_lock_who").set_value(who)
    app.selectbox(key="_lock_what").set_value("teleservice")
    app.text_area(key="_lock_why").set_value("Promised a call")
    press(app, "_lock_now")
    assert "the capacity of Teleservice allows" in text_of(app) and not app.metric
    assert table(app, "customer_id", "why", "by")["customer_id"].tolist() == [who], "so that it can be ended"
    app.number_input(key="capacity_teleservice").set_value(1).run()
    assert app.metric and not app.exception


def test_who_decides_about_customers_is_asked_of_the_newest_build_whatever_is_on_the_screen(monkeypatch):
    typed = {"_lock_who": "C1", "_lock_what": "", "_lock_why": "Why", "_lock_end": "C1", "_keep_who": "C1",
             "_keep_why": "Why", "_keep_end": "C1", "_release_how": "As listed", "_release_note": "Why",
             "_build": "old", "_outcome_demarketing": (True, ""), "number": 1}  # fmt: skip
    monkeypatch.setattr(st, "session_state", typed)
    monkeypatch.setattr(ask, "newest", lambda: "newest")
    monkeypatch.setattr(attempts, "attempt", lambda place, said, action, build, *rest: given.append(build))
    one = overrides.Override("o", "C1", "channel", "", "Why", "p", "P", "2026-01-01T00:00:00.000000Z")
    given: list[str] = []
    plan_override.lock()
    plan_override.end({"C1": one})
    demarket_keep.keep()
    typed["_keep_end"] = "C1"
    demarket_keep.end({"C1": one})
    demarket_propose.submit(("C1",), "number")
    assert given == ["newest"] * 5


def test_only_who_may_decide_locks_and_keeps(open_page):
    app = open_page("auditor")
    keys = {one.key for one in app.button}
    assert not keys & {"_lock_now", "_plan_keep"} and app.metric


def test_scenarios_stand_side_by_side_with_their_difference(open_page):
    app = open_page()
    first = keep(app, "Usual")
    assert "What it comes to less the cost is expected, unproven" in text_of(app)
    app.number_input(key="budget").set_value(30).run()
    second = keep(app, "Small")
    assert app.query_params["saved"] == [first.plan_id, second.plan_id]
    rows = table(app, "1. Usual", "2. Small").set_index("Terms and figures")
    apart = Decimal(second.figures["spent"]) - Decimal(first.figures["spent"])
    expected = f"{words.money(Decimal(second.figures['spent']), 'EUR')} ({words.signed(apart, 'EUR')})"
    assert rows.loc["Spent", "2. Small"] == expected
    number = sum(second.figures["contacts"].values())
    assert rows.loc["Contacts", "2. Small"].startswith(f"{number:,} (") and rows.loc["Budget", "2. Small"] == "€30.00"
    press(app, f"_plan_remove_{first.plan_id}")
    assert "is removed" in text_of(app) and "1. Small" in str(table(app, "1. Small").columns)
    keep(app, "Third")
    keep(app, "Fourth")
    keep(app, "Fifth")
    assert len(app.query_params["saved"]) == 3, "no more than three fit side by side"


def test_what_is_compared_comes_from_the_address(open_page, monkeypatch, warehouse):
    app = open_page("auditor")
    assert "No plan is kept yet" in text_of(app)
    author = open_page("approver")
    one, two = keep(author, "One"), keep(author, "Two")
    again = open_page("auditor", saved=one.plan_id)
    assert "1. One" in str([list(frame.value.columns) for frame in again.dataframe]) and two.plan_id not in text_of(
        again
    )


def test_a_campaign_begins_with_the_customers_of_a_kept_plan(open_page, monkeypatch, warehouse):
    app = open_page("manager M01", budget="500")
    saved = keep(app, "To send")
    channel = max(saved.figures["contacts"], key=saved.figures["contacts"].get)
    asked = {"source": "plan", "plan": saved.plan_id, "channel": channel}
    begun = on_screen.page(monkeypatch, warehouse, "work/campaign", "manager M01", **asked)
    begun.text_input(key="_campaign_new_name").set_value("From a plan")
    begun.text_area(key="_campaign_new_hypothesis").set_value("The plan's customers buy more when contacted.")
    press(begun, "_campaign_begin")
    [drafted] = [one for one in campaigns.listing(store.journal(), SYSTEM) if one.promise.name == "From a plan"]
    assert (drafted.promise.source, drafted.promise.channel) == ("plan", channel)
    assert dict(drafted.promise.options)["plan"] == saved.plan_id


def test_a_kept_plan_leaves_with_the_readers_own_customers_only(open_page, by_hand):
    app = open_page("approver")
    saved = keep(app, "whole")
    build, everybody = app.session_state["_build"], len(rows_of(saved))
    whole = PlanRows(store.journal(), build, View(app.session_state["_scope"][build.id]), saved, assign_arm)
    found = list(whole.rows())
    assert whole.count() == len(found) == everybody
    first = rows_of(saved).iloc[0]
    assert found[0]["customer_id"] == first["customer_id"] and found[0]["p_assign"] == first["p_assign"]
    made = export.make(build, export.Wanted(whole, "plan"))
    with made.file:
        read = pd.read_csv(made.file, encoding="utf-8-sig", keep_default_na=False).set_index("Customer")
    lows = rows_of(saved).set_index("customer_id")["low"].dropna().round(4)
    assert pd.to_numeric(read.loc[lows.index, "Cautious, 90 %"]).to_numpy() == pytest.approx(lows.to_numpy(), abs=1e-4)
    assert lows.min() < 0, "a number below zero stays a number"
    assert not [row for row in found if row["now"]], "nothing has changed since"
    other = open_page("manager M01")
    own = {key for (key,) in by_hand("select customer_id from customer where manager_id = 'M01'")}
    theirs = PlanRows(store.journal(), build, View(other.session_state["_scope"][build.id]), saved, assign_arm)
    assert {row["customer_id"] for row in theirs.rows()} == own
    with pytest.raises(Forbidden):  # nor is the plan itself theirs to see
        theirs.ready(other.session_state["_actor"], build)


def test_what_is_known_of_each_channel_is_what_the_build_learned(open_page, by_hand):
    rows = by_hand(
        "select c.label, e.basis, e.effect, e.effect_low, e.effect_high, e.treated, e.control "
        "from learned_channel_effect e join feed_channels c using (channel)"
    )
    shown = table(open_page(), "label", "basis", "effect").set_index("label")
    assert len(rows) == len(shown)
    for label, basis, effect, low, high, treated, control in rows:
        assert shown.loc[label, "effect"] == pytest.approx(effect)
        assert ("random tests" in shown.loc[label, "basis"]) == (basis == "tested")
        assert shown.loc[label, "interval"] == f"{words.money(low, 'EUR')} to {words.money(high, 'EUR')}"
        if basis == "tested":
            assert shown.loc[label, "sizes"] == f"{treated:,} and {control:,}"


def test_where_nothing_was_tested_no_word_says_that_contacts_cause_anything(open_page, warehouse, tmp_path):
    untested = on_screen.changed(
        warehouse, tmp_path, "update learned_effect set basis = 'unproven'", "delete from learned_tested",
        "update learned_channel_effect set basis = 'unproven', treated = null, control = null, differs = 'unproven', "
        "said = 'Nobody was held out'",
    )  # fmt: skip
    app = open_page(where=untested, budget="60")
    shown = text_of(app)
    assert "It may not be concluded that a contact brings a purchase about" in shown
    assert "No contact was ever tested" in shown and "In the random tests" not in shown
    found = [one.value for one in app.header] + alts(app)
    found += [one.value for one in app.markdown if one.value.startswith("**One more")]
    assert any("go along with" in one and UNPROVEN in one for one in found)
    assert any(one.startswith("**One more euro of budget goes along with") for one in found)
    assert not [one for one in found if re.search(r"\b(earns?|causes?|effects?|lifts?|gains?|because of)\b", one)]


def test_states_are_said_in_words(open_page, warehouse, tiny, tmp_path):
    assert "Not known without the feed contacts" in text_of(open_page(where=tiny))
    (tmp_path / "old").mkdir()
    old = on_screen.changed(warehouse, tmp_path / "old", "drop table learned_effect")
    assert "Build again" in text_of(open_page(where=old))
    (tmp_path / "nobody").mkdir()
    nobody = on_screen.changed(
        warehouse, tmp_path / "nobody", "update feed_channels set needs_consent = true", "delete from consent_state"
    )
    app = open_page(where=nobody)
    assert "Nobody of this view may be contacted now: has not agreed" in text_of(app)
    assert card(app, "Spent") == "€0.00"


def test_a_large_plan_is_worked_out_beside_the_page(open_page, monkeypatch, warehouse):
    monkeypatch.setattr(plan_page, "IN_PROCESS", 100)
    app = open_page(budget="40")
    assert "worked out beside the page" in text_of(app) and not app.metric
    press(app, "_plan_begin")
    until = time.monotonic() + 60
    while plan_large.plan_worker.state(store.journal().folder, app.session_state["_actor"].person).what == "running":
        assert time.monotonic() < until
        time.sleep(0.2)
    app.run()
    assert "Worked out" in text_of(app)
    assert card(app, "Spent") and UNPROVEN in text_of(app) and "under other terms" not in text_of(app)
    money = card(app, "Expected net of the plan")
    app.number_input(key="budget").set_value(20).run()
    assert "The last plan, under other terms than those above" in text_of(app)
    monkeypatch.setattr(plan_page, "IN_PROCESS", 50_000)
    app.number_input(key="budget").set_value(40).run()
    assert card(app, "Expected net of the plan") == money, "both ways come to the same plan"


def test_nobody_begins_or_cancels_a_plan_through_somebody_elses_eyes(tmp_path):
    journal = store.Journal(str(tmp_path / "journal"))
    eyes = Actor("p" * 32, held=(Held("manager", "M01"),), viewed_by="a" * 32)
    with pytest.raises(Forbidden, match="looking as somebody else"):
        plan_large.stop(journal, eyes)
    assert not (journal.folder / "planning").exists()


@pytest.mark.skipif("RAPPORT_PLAN_WAREHOUSE" not in os.environ, reason="needs a build of 20,000 customers")
def test_measure_how_long_a_changed_term_takes(monkeypatch, journal):
    from pathlib import Path

    app = on_screen.page(monkeypatch, Path(os.environ["RAPPORT_PLAN_WAREHOUSE"]), PAGE, "auditor")
    taken: dict[str, list[float]] = {"budget": [], "capacity_email": []}
    for name, values in taken.items():
        for step in range(5):
            begun = time.perf_counter()
            app.number_input(key=name).set_value(2_000 + 100 * step).run()
            values.append(time.perf_counter() - begun)
    print({name: f"{sorted(values)[2]:.2f} s, the middle of five" for name, values in taken.items()})
    assert card(app, "Spent")
