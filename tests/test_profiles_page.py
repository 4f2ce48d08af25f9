"""Profiles: counts as worked out from the orders and scores themselves, and what is said where there are no groups."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from components import profile, words
from tests import on_screen

PAGE = "value/profiles"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


def buyers(where, condition: str = "true") -> list[tuple]:
    """rfm, rfm_before, lifecycle, quadrant, potential value and margin at risk of every scored customer."""
    return on_screen.asked(
        where,
        "select rfm, rfm_before, lifecycle::varchar, quadrant::varchar, potential_value, margin_at_risk "
        f"from customer where scored = 1 and {condition} order by customer_id",
    )


def test_cards_are_the_sums_of_the_scored_customers(open_page, warehouse):
    rows = buyers(warehouse, "segment = 'home'")
    app = open_page(segment="home")
    assert on_screen.card(app, "Customers with scores") == words.count(len(rows))
    assert on_screen.card(app, "Potential value") == words.money(sum(r[4] for r in rows), "EUR", short=True)
    assert on_screen.card(app, "Margin at risk") == words.money(sum(r[5] for r in rows), "EUR", short=True)


def test_the_title_counts_who_bought_lately_and_often(open_page, warehouse):
    rows = buyers(warehouse)
    best = [row for row in rows if row[0][0] in "45" and row[0][1] in "45"]
    share = words.share(len(best) / len(rows))
    held = words.share(float(sum(r[4] for r in best) / sum(r[4] for r in rows)))
    title = f"{share} of customers bought lately and often; they hold {held} of the potential value"
    app = open_page()
    assert title in on_screen.text_of(app) and any(title in alt for alt in on_screen.alts(app))


def test_the_heat_map_holds_every_scored_customer_once_and_each_count_in_its_cell(open_page, warehouse):
    chart = json.loads(open_page().get("plotly_chart")[0].proto.spec)
    words_of = {(mark["x"], mark["y"]): mark["text"].split("<br>")[0] for mark in chart["layout"]["annotations"]}
    counts = Counter((f"R{row[0][0]}", f"F{row[0][1]}") for row in buyers(warehouse))
    assert {cell: text for cell, text in words_of.items() if text != "–"} == {
        cell: words.count(number) for cell, number in counts.items()
    }
    assert not any(name.isdigit() for cell in words_of for name in cell)  # a bare number would be a place, not a name


def test_movement_of_the_whole_company_is_counted_from_the_scores(warehouse):
    stored = on_screen.asked(warehouse, "select score, moved, customers from rfm_movement order by all")
    counts = Counter()
    for now, before, *_ in buyers(warehouse):
        for place, score in enumerate(profile.SCORES):
            counts[score, profile.moved(now[place], before[place] if (before or "").isdigit() else "")] += 1
    for score in profile.SCORES:
        own = {moved: number for (name, moved), number in counts.items() if name == score}
        if min(own.values()) < 10:
            own = {"same": own["same"], "changed": sum(number for name, number in own.items() if name != "same")}
        assert {moved: number for name, moved, number in stored if name == score} == own


def test_movement_of_a_book_is_counted_from_its_customers(open_page, warehouse):
    rows = buyers(warehouse, "manager_id = 'M01'")
    stayed = min(
        sum((before or "").isdigit() and now[place] == before[place] for now, before, *_ in rows) / len(rows)
        for place in range(3)
    )
    said = on_screen.text_of(open_page("manager M01"))
    assert f"stayed where they were for {words.share(stayed)} or more" in said
    assert f"Of {words.counted(len(rows), 'customer')}, this view" in said


def test_lifecycle_by_quadrant_adds_up_to_all_scored_customers(open_page, warehouse):
    counts = Counter((row[2], row[3]) for row in buyers(warehouse))
    shown = on_screen.table(open_page(), "lifecycle", "protect").set_index("lifecycle")
    for (lifecycle, quadrant), number in counts.items():
        assert shown.loc[lifecycle, quadrant] == number
    assert shown["total"].sum() == sum(counts.values())


def test_slices_of_a_continuum_are_not_called_groups(open_page, warehouse, tmp_path):
    said = on_screen.text_of(open_page())
    kinds = {kind for (kind,) in on_screen.asked(warehouse, "select distinct profile::varchar from customer")}
    assert ("form no groups that hold" in said) == (profile.CONTINUUM in kinds)
    where = on_screen.changed(
        warehouse,
        tmp_path,
        "alter table customer alter profile type varchar",
        "update customer set profile = 'profile ' || (1 + hash(customer_id) % 3)::varchar where scored = 1",
    )
    assert "Customers form 3 groups that hold when drawn again" in on_screen.text_of(open_page(where=where))


def test_the_stability_of_the_model_card_is_on_the_page(open_page, warehouse):
    checks = on_screen.asked(warehouse, "select words from model_check where model = 'profiles'")
    said = on_screen.text_of(open_page())
    assert checks and all(text[:40] in said for (text,) in checks)


def test_what_sets_a_group_apart_is_counted_from_its_customers(open_page, warehouse):
    (group,) = on_screen.asked(
        warehouse,
        "select lifecycle::varchar from customer where scored = 1 group by 1 order by count(differs_1) desc, 1 limit 1",
    )[0]
    rows = on_screen.asked(
        warehouse, f"select differs_1, differs_2, differs_3 from customer where lifecycle = '{group}'"
    )
    every = Counter(profile.kind(text) for row in rows for text in row if text)
    first = Counter(profile.kind(row[0]) for row in rows if row[0])
    shown = on_screen.table(open_page(group=group.capitalize()), "difference", "any").set_index("difference")
    assert len(shown) and list(shown["any"]) == sorted(shown["any"], reverse=True)
    for name, row in shown.iterrows():
        assert (row["any"], row["first"]) == (every[name], first[name])
    assert shown["any"].iloc[0] == max(every.values())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("orders every 12 days; its segment every 34", "orders every … days: below the usual"),
        ("contacts in 12 months: 3; its segment 1", "contacts in 12 months: …: above the usual"),
        ("answers 40 of 100 contacts; its profile 10", "answers … of 100 contacts: above the usual"),
        ("spends 1,234.50 EUR on a day with an order; its segment 1,300.00 EUR", "spends … EUR on a day with an order: "
         "below the usual"),
        ("nothing with figures", "nothing with figures"),
    ],
)  # fmt: skip
def test_differences_are_counted_without_their_figures(text, kind):
    assert profile.kind(text) == kind


def test_customers_of_a_group_lead_to_the_customer(open_page, warehouse):
    app = open_page(group="Active")
    keys = on_screen.asked(
        warehouse,
        "select customer_id from customer where lifecycle = 'active' order by potential_value desc, customer_id limit 10",
    )
    shown = on_screen.table(app, "customer_id", "potential_value")
    assert list(shown["customer_id"]) == [key for (key,) in keys]
    (offered,) = (box for box in app.selectbox if box.label.startswith("Open"))
    offered.select(keys[0][0]).run()
    assert not app.exception and app.text_input(key="customer").value == keys[0][0]


def test_readers_of_groups_see_what_they_may_split_by_and_no_customer(open_page):
    app = open_page("executive")
    said = on_screen.text_of(app)
    assert "would single out too few customers" in said and "which readers of groups do not see" in said
    assert app.get("plotly_chart") and not any("customer_id" in frame.value for frame in app.dataframe)
    filtered = on_screen.text_of(open_page("executive", segment="home"))
    assert "for the whole company, without filters" in filtered


def test_a_company_of_one_time_buyers_has_a_page(open_page, tmp_path_factory):
    app = open_page(where=on_screen.tiny(tmp_path_factory))
    assert on_screen.card(app, "Customers with scores") == str(on_screen.BUYERS)
    assert app.get("plotly_chart")


def test_without_scores_that_is_said(open_page, warehouse, tmp_path):
    where = on_screen.changed(warehouse, tmp_path, "update customer set scored = 0")
    assert "No customer in this view has scores" in on_screen.text_of(open_page(where=where))


def test_every_chart_has_a_text_alternative(open_page):
    texts = on_screen.alts(open_page())
    assert len(texts) >= 2 and all(texts)
