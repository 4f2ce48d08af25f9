"""Segments on the screen: as a filter, as a chip, while they are named, in the list, and two of them compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from components import words
from data.journal import segments, store, views
from data.question import EVERYTHING, Question, Refused, View
from data.rights import Actor, Held
from data.view_format import Body
from data.warehouse import Build
from tests import on_screen
from tests.on_screen import card, table, text_of

OVERVIEW, ROI, SEGMENTS, TRUST = "company/overview", "value/customer_roi", "work/segments", "trust/glossary"


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open a page of app.py as somebody, with these parameters in the address."""

    return lambda file, role="approver", where=warehouse, **asked: on_screen.page(
        monkeypatch, where, file, role, **asked
    )


@pytest.fixture(autouse=True)
def a_journal_without_segments(tmp_path, monkeypatch) -> None:
    """Every test keeps its own segments."""
    monkeypatch.setenv("RAPPORT_JOURNAL", str(tmp_path / "journal"))


def kept(name: str = "North", audience: str = "company", owner: str = "somebody", **members: list[str]) -> str:
    """A segment of somebody; of the company unless said otherwise."""
    who = Actor(owner, "Some Body", (Held("executive"),), "s")
    return segments.save(store.journal(), who, name, "", members or {"region": ["North"]}, audience)


def named(app: AppTest, parameter: str = "within") -> str:
    """The value of a parameter of the address."""
    value = app.query_params[parameter]
    return value if isinstance(value, str) else value[0]


def press(app: AppTest, label: str) -> AppTest:
    """Press a button."""
    next(button for button in app.button if button.label == label).click()
    app.run()
    assert not app.exception
    return app


def margin(by_hand, condition: str) -> str:
    """Contribution margin of the customers of a condition, as its card says it."""
    return words.money(by_hand(f"select sum(margin) from customer where {condition}")[0][0], "EUR", short=True)


# As a filter


def test_a_segment_in_the_address_is_a_filter_and_a_chip(open_page, by_hand):
    app = open_page(OVERVIEW, within=kept("Home of the North", region=["North"], segment=["home"]), period="all")
    assert card(app, "Contribution margin") == margin(by_hand, "region = 'North' and segment = 'home'")
    assert "Within Home of the North · link" in text_of(app)


def test_a_filter_and_a_segment_intersect(open_page, by_hand):
    within = kept(region=["North", "South"])
    app = open_page(OVERVIEW, within=within, region="North", segment="home", period="all")
    assert card(app, "Contribution margin") == margin(by_hand, "region = 'North' and segment = 'home'")


def test_learned_attributes_filter_too(open_page, by_hand):
    app = open_page(OVERVIEW, within=kept("At risk", risk_band=["high", "medium"]), period="all")
    assert card(app, "Contribution margin") == margin(by_hand, "risk_band in ('high', 'medium')")


@pytest.mark.parametrize("case", ["nobody's", "somebody's", "deleted"])
def test_what_one_may_not_use_is_refused_and_shows_nothing(case, open_page):
    within = "x" * 22 if case == "nobody's" else kept(audience="personal" if case == "somebody's" else "company")
    if case == "deleted":
        segments.delete(store.journal(), Actor("somebody", "", (Held("executive"),), "s"), within)
    app = open_page(OVERVIEW, within=within)
    assert "This address cannot be shown as it stands" in text_of(app) and not app.metric
    press(app, "Open without this one")
    assert app.metric and "within" not in app.query_params


def test_who_sees_groups_is_told_why_a_segment_would_single_out_too_few(open_page, warehouse):
    name = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    manifest = json.loads((warehouse / f"{name}.json").read_text(encoding="utf-8"))
    single = next(one for one in manifest["filters"] if one not in manifest["groupable"])
    app = open_page(OVERVIEW, "executive", within=kept(**{single: manifest["filters"][single][:1]}))
    assert "you see groups" in text_of(app) and not app.metric
    groupable = manifest["groupable"][0]
    app = open_page(OVERVIEW, "executive", within=kept(**{groupable: manifest["filters"][groupable][:1]}))
    assert app.metric


def test_an_attribute_that_the_data_lacks_is_refused_by_name(open_page):
    app = open_page(OVERVIEW, within=kept(shoe_size=["44"]))
    assert "shoe size, which this data does not have" in text_of(app) and not app.metric


def test_a_build_from_before_there_were_scores_refuses_a_learned_attribute_in_words(warehouse, tmp_path):
    served = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    manifest = json.loads((warehouse / f"{served}.json").read_text(encoding="utf-8"))
    old = shutil.copy(warehouse / f"{served}.duckdb", tmp_path / "old.duckdb")
    with duckdb.connect(str(old)) as db:
        db.execute("alter table customer drop column risk_band")
    build, view = Build(Path(old), manifest), View(EVERYTHING, (("risk_band", ("high",)),))
    for ask in (build.count, build.answer):
        with pytest.raises(Refused, match="made by an earlier Rapport"):
            ask(Question(("orders",), ("customer_id",), view))


def test_managers_see_their_own_customers_of_it(open_page, by_hand):
    ((manager,),) = by_hand("select manager_id from customer where manager_id like 'M%' group by 1 order by 1 limit 1")
    app = open_page(OVERVIEW, f"manager {manager}", within=kept(risk_band=["high"]), period="all")
    assert card(app, "Contribution margin") == margin(by_hand, f"risk_band = 'high' and manager_id = '{manager}'")


def test_it_goes_along_to_other_pages_and_into_the_address(open_page, by_hand):
    within = kept("Northern", region=["North"])
    app = open_page(OVERVIEW, within=within)
    app.query_params.clear()
    app.switch_page(f"pages/{ROI}.py").run()
    assert named(app) == within
    assert "Within Northern" in text_of(app)
    assert set(table(app, "roi_rank")["customer_id"]) <= {
        key for (key,) in by_hand("select customer_id from customer where region = 'North'")
    }
    app.query_params.clear()
    app.switch_page(f"pages/{TRUST}.py").run()
    assert "Within Northern" not in text_of(app) and "within" not in app.query_params
    app.switch_page(f"pages/{OVERVIEW}.py").run()
    assert "Within Northern" in text_of(app)


def test_reset_leaves_it(open_page):
    app = press(open_page(OVERVIEW, within=kept()), "Reset")
    assert "Within North" not in text_of(app) and "within" not in app.query_params


def test_going_back_to_an_address_without_it_shows_everybody(open_page, by_hand):
    app = open_page(OVERVIEW, within=kept(), period="all")
    del app.query_params["within"]
    app.run()
    assert card(app, "Contribution margin") == words.money(
        by_hand("select sum(margin) from ledger")[0][0], "EUR", short=True
    )


def test_the_side_bar_offers_the_segments_one_may_use(open_page, by_hand):
    one, other = kept("Yes, this one", region=["North"]), kept("Not this one", audience="personal")
    app = open_page(OVERVIEW, period="all")
    box = app.selectbox(key="_within_choice")
    assert "Yes, this one" in box.options and "Not this one" not in box.options and other
    box.set_value(one).run()
    assert card(app, "Contribution margin") == margin(by_hand, "region = 'North'")
    assert named(app) == one
    app.selectbox(key="_within_choice").set_value(None).run()
    assert "within" not in app.query_params


def test_a_name_from_somebody_is_no_markup(open_page):
    app = open_page(OVERVIEW, within=kept("[click](http://a.example) :red[x] $y$"))
    chips = [m.value for m in app.main.markdown if "Within" in m.value]
    assert chips and all("](http" not in chip and ":red[" not in chip for chip in chips)


def test_two_of_the_same_name_are_told_apart_wherever_one_is_chosen(open_page, by_hand):
    keys = [kept("Same", region=[region]) for region in ("North", "South")]
    app = open_page(OVERVIEW, period="all")
    assert sorted(app.selectbox(key="_within_choice").options) == ["Same", "Same (2)"]
    for key, region in zip(keys, ("North", "South")):
        app.selectbox(key="_within_choice").set_value(key).run()
        assert card(app, "Contribution margin") == margin(by_hand, f"region = '{region}'")


# With saved views


def test_a_saved_view_keeps_the_segment_and_says_when_the_screen_has_left_it(open_page):
    app = open_page(OVERVIEW, within=(within := kept("Northern", region=["North"])))
    app.session_state["_save"] = True
    app.run()
    app.text_input(key="_view_name").set_value("With a segment")
    press(app, "Save as a new view")
    view_id = named(app, "view")
    (stored,) = [v for v in views.listing(store.journal(), app_actor(app)) if v.view_id == view_id]
    assert stored.body.of("within") == (within,)
    assert "Differs from the saved view" not in text_of(app)
    app.selectbox(key="_within_choice").set_value(None).run()
    assert "none instead of Northern" in text_of(app)
    press(app, "Back to the saved view")
    assert "Within Northern" in text_of(app) and "Differs from the saved view" not in text_of(app)


def app_actor(app: AppTest) -> Actor:
    """Who the app under test is open for."""
    return app.session_state["_actor"]


# Naming one


def test_what_is_chosen_is_counted_live_and_kept_under_a_name(open_page, by_hand):
    app = open_page(OVERVIEW, region="North")
    app.session_state["_segment_screen"] = True
    app.multiselect(key="risk_band").set_value(["high"]).run()
    number = by_hand("select count(*) from customer where region = 'North' and risk_band = 'high' and scored > 0")[0][0]
    assert f"**{words.counted(number, 'customer')} who bought, of those you may see**" in text_of(app)
    app.text_input(key="_segment_name_screen").set_value("Leaving the north")
    press(app, "Keep")
    (found,) = [s for s in segments.listing(store.journal(), app_actor(app)) if s.name == "Leaving the north"]
    assert dict(found.members) == {"region": ("North",), "risk_band": ("high",)}
    assert found.owner == app_actor(app).person


def test_a_filter_inside_a_segment_is_kept_as_what_both_have_in_common(open_page):
    both = kept(region=["North", "South"])
    app = open_page(OVERVIEW, within=both, region="North")
    app.session_state["_segment_screen"] = True
    app.run()
    app.text_input(key="_segment_name_screen").set_value("Only north")
    press(app, "Keep")
    (found,) = [s for s in segments.listing(store.journal(), app_actor(app)) if s.name == "Only north"]
    assert dict(found.members) == {"region": ("North",)}


@pytest.mark.parametrize(("role", "offered"), [("approver", True), ("executive", True), ("auditor", False)])
def test_only_who_may_save_is_offered_to_keep_one_and_only_when_something_is_chosen(
    role, offered, open_page, warehouse
):
    name = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    manifest = json.loads((warehouse / f"{name}.json").read_text(encoding="utf-8"))
    attribute = manifest["groupable"][0]

    def there(app: AppTest) -> bool:
        return any(getattr(block.proto, "popover", None) and block.proto.popover.label == "Keep as segment"
                   for block in blocks(app.main))  # fmt: skip

    assert there(open_page(OVERVIEW, role, **{attribute: manifest["filters"][attribute][0]})) is offered
    assert not there(open_page(OVERVIEW, role))


def blocks(block) -> list:
    """All blocks on the screen."""
    return [block, *(b for child in getattr(block, "children", {}).values() for b in blocks(child))]


# The page


def test_without_segments_the_page_says_what_one_is(open_page):
    assert "No segments are kept yet." in text_of(open_page(SEGMENTS))
    assert "Your roles keep no segments" in text_of(open_page(SEGMENTS, "auditor"))


def test_the_list_counts_customers_and_money(open_page, by_hand):
    kept("A", region=["North"])
    kept("B", risk_band=["high"])
    kept("C", shoe_size=["44"])
    app = open_page(SEGMENTS)
    shown = table(app, "segment", "number").set_index("segment")
    for name, condition in (("A", "region = 'North'"), ("B", "risk_band = 'high'")):
        ((number, margin),) = by_hand(f"select sum(scored), sum(margin) from customer where {condition}")
        assert shown.loc[name, "number"] == number
        assert shown.loc[name, "margin"] == pytest.approx(float(margin))
    assert pd.isna(shown.loc["C", "number"])
    assert "It cannot be shown to you here: it is made of shoe size" in text_of(app)


def test_the_list_names_the_saved_views_that_use_one(open_page):
    one = kept("A", region=["North"])
    kept("B", region=["South"])
    who = Actor("somebody", "", (Held("executive"),), "s")
    views.save(
        store.journal(), who, "Northern view", "", Body(OVERVIEW.split("/")[1], (("within", (one,)),)), "company"
    )
    said = text_of(open_page(SEGMENTS))
    assert said.count("Used in 1 saved view: [Northern view]") == 1 and said.count("Used in no saved view") == 1


def test_one_is_opened_on_a_page_from_the_list(open_page, by_hand):
    one = kept("A", region=["North"])
    app = press(open_page(SEGMENTS), "Open in Overview")
    assert app.title[0].value == "Overview" and named(app) == one
    assert "Within A" in text_of(app)


def test_the_owner_renames_and_deletes_and_nobody_else_is_offered_that(open_page):
    kept("Somebody's", region=["North"])
    app = open_page(SEGMENTS)
    mine = segments.save(store.journal(), app_actor(app), "Mine", "", {"region": ["South"]}, "personal")
    app.session_state[f"_segment_manage_{mine}"] = True
    app.run()
    app.text_input(key=f"_segment_name_{mine}").set_value("Renamed")
    press(app, "Save")
    assert segments.get(store.journal(), app_actor(app), mine).name == "Renamed"
    app.checkbox(key=f"_segment_sure_{mine}").check().run()
    press(app, "Delete")
    assert [one.name for one in segments.listing(store.journal(), app_actor(app))] == ["Somebody's"]


# Two compared


def test_the_overlap_is_counted(open_page, by_hand):
    one, two = kept("A", region=["North"]), kept("B", risk_band=["high"])
    app = open_page(SEGMENTS, first=one, second=two)
    ((both, a, b),) = by_hand(
        "select count(*) filter (region = 'North' and risk_band = 'high'), count(*) filter (region = 'North'), "
        "count(*) filter (risk_band = 'high') from customer where scored > 0"
    )
    expected = (
        f"{words.counted(both, 'customer')} in both: {words.share(both / a)} of “A”, {words.share(both / b)} of “B”"
    )
    assert expected in text_of(app)
    chart = next(c for c in app.get("plotly_chart") if expected in c.proto.alt)
    assert json.loads(chart.proto.spec)["data"][0]["text"] == [words.count(n) for n in (a - both, both, b - both)]


def test_what_tells_them_apart_are_shares_of_cells_of_ten_and_more(open_page, by_hand):
    one, two = kept("A", risk_band=["high"]), kept("B", risk_band=["low"])
    shown = table(open_page(SEGMENTS, first=one, second=two), "attribute", "share_one")
    assert "Risk" not in set(shown["attribute"])
    top = shown.iloc[0]
    columns = {"Segment": "segment", "Region": "region", "Lifecycle": "lifecycle", "Responsiveness": "response_state",
               "Value quadrant": "quadrant", "Best channel": "best_channel", "Profile": "profile", "Country": "country",
               "Won through": "acquisition_channel", "Manager": "manager_id"}  # fmt: skip
    column = columns[top["attribute"]]
    for band, side in (("high", "one"), ("low", "two")):
        ((number, of),) = by_hand(
            f"select count(*) filter ({column} = '{top['value']}'), count(*) from customer "
            f"where risk_band = '{band}' and scored > 0"
        )
        assert (top[f"number_{side}"], top[f"share_{side}"]) == (number, pytest.approx(number / of))
    distances = (shown["share_one"] - shown["share_two"]).abs()
    assert list(distances) == sorted(distances, reverse=True)
    cells = pd.concat([shown["number_one"], shown["number_two"]])
    assert not ((cells > 0) & (cells < 10)).any()


def test_figures_per_customer_are_sums_divided_by_customers(open_page, by_hand):
    one, two = kept("A", risk_band=["high"]), kept("B", risk_band=["low"])
    shown = table(open_page(SEGMENTS, first=one, second=two), "figure", "times").set_index("figure")
    ((a, b),) = by_hand(
        "select sum(revenue) filter (risk_band = 'high') / count(*) filter (risk_band = 'high' and scored > 0), "
        "sum(revenue) filter (risk_band = 'low') / count(*) filter (risk_band = 'low' and scored > 0) from customer"
    )
    assert (shown.loc["Revenue", "one"], shown.loc["Revenue", "two"]) == (words.money(a, "EUR"), words.money(b, "EUR"))
    assert shown.loc["Revenue", "times"] == words.ratio(float(a) / float(b))


def test_executives_compare_groups_they_may_form(open_page, warehouse):
    name = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    manifest = json.loads((warehouse / f"{name}.json").read_text(encoding="utf-8"))
    attribute = manifest["groupable"][0]
    first, second = manifest["filters"][attribute][:2]
    one, two = kept("A", **{attribute: [first]}), kept("B", **{attribute: [second]})
    app = open_page(SEGMENTS, "executive", first=one, second=two)
    assert "Nobody is both in “A” and in “B”" in text_of(app)
    assert "Open in Customer ROI" not in {button.label for button in app.button}


def test_a_segment_that_cannot_be_compared_is_refused_when_a_link_asks_for_it(open_page):
    kept("A", region=["North"]), kept("B", region=["South"])
    assert "cannot be shown" in text_of(open_page(SEGMENTS, first="x" * 22))
