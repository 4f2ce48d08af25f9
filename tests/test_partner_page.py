"""One partner's page: every figure worked out again from the company's own lines, and who is told what."""

from __future__ import annotations

import csv
import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from scipy import stats

from components import partner_charts, partner_words, words
from data.journal import notes, store
from data.journal.schema import AUDIT, NOTE
from data.rights import Actor, Held
from models.overlap import at_least, beyond_chance
from tests import on_screen
from tests.conftest import once, run_data
from tests.on_screen import alts, card, table, text_of

PAGE = "partner/partner"
HOSTILE = "<img src=x onerror=window.hit=1> [click](javascript:window.hit=1) :red[alarm]"
NO_SUCH = "There is no partner {} in this view."


@pytest.fixture
def open_page(warehouse, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=warehouse, **asked: on_screen.page(monkeypatch, where, PAGE, role, **asked)


@pytest.fixture(scope="module")
def year(lines) -> pd.DataFrame:
    """The lines of the last twelve complete months."""
    last = pd.Period("2026-09", "M")
    assert lines["month"].max() == last
    return lines[lines["month"] > last - 12]


@pytest.fixture(scope="module")
def before(lines) -> pd.DataFrame:
    """The lines of the twelve months before them."""
    last = pd.Period("2026-09", "M")
    return lines[(lines["month"] > last - 24) & (lines["month"] <= last - 12)]


@pytest.fixture(scope="module")
def key(year) -> str:
    """The partner with most revenue in the year."""
    return str(year.groupby("partner_id")["cents"].sum().idxmax())


@pytest.fixture(scope="session")
def small(tmp_path_factory) -> Path:
    """Six months of nine partners with hostile names, one merged into another, without costs, targets or customers."""

    def make(folder: Path) -> None:
        feeds = folder / "feeds"
        feeds.mkdir()
        rows = [
            (f"L{n}", f"2026-0{1 + n % 6}-1{n % 9}", 10 + n, f"C{n % 25}", f"P{n % 9}", f"[x](javascript:{n % 3})")
            for n in range(180)
        ]
        rows += [("L900", "2026-02-03", 500, "C1", "OLD", "[x](javascript:0)"), ("L901", "2026-06-30", 1, "C2", "", "")]
        named = [(f"P{n}", HOSTILE if n % 2 else f"Name {n}", HOSTILE, "M1" if n < 3 else "M2", "") for n in range(9)]
        named += [("OLD", "Old mill", "", "M1", "P2"), ("NEW", "Never sold", "", "M1", "")]
        write(feeds / "lines.csv", "order_id,ordered_at,revenue,customer_id,partner_id,category", rows)
        write(feeds / "partners.csv", "partner_id,partner_name,partner_type,manager_id,merged_into", named)
        done = run_data("build", feeds, "--warehouse", folder / "warehouse")
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "small_partners", make) / "warehouse"


def write(file: Path, header: str, rows: list[tuple]) -> None:
    """A CSV file."""
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header.split(","), *rows])


def short(cents: float) -> str:
    """Cents as a card shows them."""
    return words.money(cents / 100, "EUR", short=True)


def partners_of(rows: pd.DataFrame) -> pd.Series:
    """Customer -> the set of partners whom they bought from."""
    bought = rows[(rows["line_type"] == "sale") & rows["customer_id"].notna()].dropna(subset="partner_id")
    return bought.groupby("customer_id")["partner_id"].agg(set)


# The figures


def test_the_cards_are_the_sums_of_the_partners_lines(open_page, lines, year, before, key):
    app = open_page(partner=key)
    mine, earlier = year[year["partner_id"] == key], before[before["partner_id"] == key]
    margin = mine["cents"].sum() - mine["cost_cents"].sum()
    choices = partners_of(year)
    loyal = choices[choices.map(lambda some: some == {key})].index
    at_risk = mine.loc[mine["customer_id"].isin(loyal), "cents"].sum()
    sold = lines[(lines["line_type"] == "sale") & lines["customer_id"].notna()]
    first = sold[sold["ordered_at"] == sold.groupby("customer_id")["ordered_at"].transform("min")]
    split = first.fillna({"partner_id": "~"}).groupby(["customer_id", "partner_id"])["cents"].sum().reset_index()
    brought = split.sort_values(["cents", "partner_id"], ascending=[False, True]).drop_duplicates("customer_id")
    assert card(app, "Revenue") == short(mine["cents"].sum())
    assert card(app, "Gross margin") == short(margin)
    assert card(app, "Customers") == words.count(int(choices.map(lambda some: key in some).sum()))
    assert card(app, "Customers brought") == words.count(int((brought["partner_id"] == key).sum()))
    said = text_of(app)
    growth = words.change(mine["cents"].sum(), earlier["cents"].sum(), words.Unit.MONEY)
    assert f"{growth} on the 12 months before ({short(earlier['cents'].sum())})" in said
    assert f"{words.share(margin / mine['cents'].sum())} of revenue" in said
    assert f"{words.count(len(loyal))} with no other partner; if it left, {short(at_risk)} of revenue" in said
    assert f"came from {words.count(len(loyal))} customers who bought from no other partner" in said


def test_what_is_expected_of_customers_brought_stands_with_its_note_from_ten_on(open_page, by_hand, key):
    [(money,)] = by_hand(f"select brought_potential from partner_profile where partner_id = '{key}'")
    [(total,)] = by_hand("select words from model_check where model = 'value' and name = 'total'")
    said = text_of(open_page(partner=key))
    assert f"potential value {words.money(money, 'EUR', short=True)}: expected, not earned" in said
    assert "no interval of such a sum is known" in said and total in said
    [(few,)] = by_hand(
        "select partner_id from partner_profile p join partner_year using (partner_id) "
        "where customers_brought between 1 and 9 and p.partner_id <> '(unknown)' order by 1 limit 1"
    )
    said = text_of(open_page(partner=few))
    assert "fewer than 10: what is expected of them is not added up" in said
    assert "potential value" not in said and "no interval of such a sum" not in said


def test_the_target_is_that_of_the_months_on_the_screen(open_page, company, year):
    targets = pd.read_csv(company / "targets.csv")
    own = targets[targets["scope"].str.startswith("partner_id=") & (targets["metric"] == "revenue")]
    key = own["scope"].iloc[0].removeprefix("partner_id=")
    aims = own[own["scope"] == f"partner_id={key}"].assign(period=lambda rows: rows["period"].astype(str))
    by_year = aims.set_index("period")["value"]
    aim = by_year["2025"] * 3 / 12 + by_year["2026"] * 9 / 12  # October 2025 to September 2026
    gap = year.loc[year["partner_id"] == key, "cents"].sum() / 100 - aim
    amounts = words.money(abs(gap), "EUR", short=True), words.money(aim, "EUR", short=True)
    app = open_page(partner=key)
    assert f"{amounts[0]} {'above' if gap > 0 else 'below'} the target of {amounts[1]}" in text_of(app)
    shown = table(app, "Measure", "Target").set_index("Measure")
    assert shown.loc["Revenue", "Target"] == words.money(aim, "EUR")
    assert (shown.drop("Revenue")["Target"] == words.NOT_KNOWN).all()
    without = str(sorted(set(year["partner_id"].dropna()) - set(own["scope"].str.removeprefix("partner_id=")))[0])
    assert "No target is set for this partner" in text_of(open_page(partner=without))


def test_the_scorecard_stands_beside_the_year_before_and_the_middle_half_of_its_kind(
    open_page, company, year, before, key
):
    kinds = pd.read_parquet(company / "partners.parquet").set_index("partner_id")["partner_type"]
    now, then = (part.groupby("partner_id")["cents"].sum() for part in (year, before))
    like = now.index[(kinds.reindex(now.index) == kinds[key]) & (now > 0)]
    back = year[year["line_type"] == "return"].groupby("partner_id")["cents"].sum().mul(-1)
    choices = partners_of(year)
    number = pd.Series({one: sum(one in some for some in choices) for one in like})
    loyal = pd.Series({one: sum(some == {one} for some in choices) for one in like})
    cost = year.groupby("partner_id")["cost_cents"].sum()
    returned = back.reindex(like, fill_value=0)
    values = {
        "Revenue": now[like] / 100,
        "Growth on the year before": (now / then - 1)[like].dropna(),
        "Gross margin rate": ((now - cost) / now)[like],
        "Return rate": returned / (now[like] + returned),
        "Active customers": number,
        "Customers with no other partner": (loyal / number)[number > 0],
    }
    assert len(like) > 10
    app = open_page(partner=key)
    shown = table(app, "Measure", "Beside peers").set_index("Measure")
    assert shown.loc["Revenue", "Year before"] == words.money(then[key] / 100, "EUR")
    for measure, all_of_them in values.items():
        low, high = (two_digits(end) for end in np.quantile(all_of_them, [0.25, 0.75]))
        unit = words.Unit.MONEY if measure == "Revenue" else words.Unit.COUNT if measure == "Active customers" else None
        written = [words.figure(end, unit or words.Unit.SHARE, "EUR", short=True) for end in (low, high)]
        assert shown.loc[measure, "Middle half of peers"] == " to ".join(written), measure
        own = all_of_them[key]
        place = "above" if own > high else "below" if own < low else "within"
        assert shown.loc[measure, "Beside peers"] == f"{place} the middle half"
    assert f"{len(like)} partners of type {kinds[key]}, this one among them" in text_of(app)


def two_digits(value: float) -> float:
    """Rounded to two significant digits."""
    return float(f"{value:.1e}")


def test_the_place_of_every_quarter_is_counted_among_partners_with_revenue(open_page, lines, key):
    known = lines.dropna(subset="partner_id")
    expected, last = [], pd.Period("2026-09", "M")
    for back in range(7, -1, -1):
        until = last - 3 * back
        sums = known[(known["month"] > until - 3) & (known["month"] <= until)].groupby("partner_id")["cents"].sum()
        sums = sums[sums > 0]
        expected.append(f"{until - 2:%b} to {until:%b %Y} {(sums > sums[key]).sum() + 1} of {len(sums)}")
    said = next(alt for alt in alts(open_page(partner=key)) if alt.startswith("Place by revenue"))
    assert "; ".join(expected) in said


def test_customers_shared_with_others_are_counted_by_hand_and_chance_by_the_exact_test(open_page, year, key):
    choices = partners_of(year)
    mine = [some for some in choices if key in some]
    number = pd.Series({one: sum(one in some for some in choices) for one in set().union(*choices)})
    revenue = year.groupby("partner_id")["cents"].sum().rename("revenue")
    shared = pd.Series({one: sum(one in some for some in mine) for one in number.index if one != key}).rename("shared")
    ranked = pd.concat([shared, revenue], axis=1).dropna().sort_values(["shared", "revenue"], ascending=False)[:10]
    shown = table(open_page(partner=key), "other_id", "beyond").set_index("other_id")
    assert shown["shared"].astype(int).to_dict() == ranked["shared"].astype(int).to_dict()
    for other, row in shown.iterrows():
        expected = number[other] * len(mine) / len(choices)
        assert row["share"] == pytest.approx(row["shared"] / len(mine))
        assert (row["expected"], row["lift"]) == (
            pytest.approx(expected),
            pytest.approx(row["shared"] / expected),
        )
        tail = stats.hypergeom.sf(row["shared"] - 1, len(choices), number[other], len(mine))
        assert row["beyond"] == ("yes" if tail < 0.005 else "not surely")


def test_categories_are_the_partners_own_lines(open_page, year, before, key):
    mine = year[year["partner_id"] == key].groupby("category")["cents"].sum().div(100).sort_values(ascending=False)
    earlier = before[before["partner_id"] == key].groupby("category")["cents"].sum().div(100)
    app = open_page(partner=key)
    shown = table(app, "category", "share_of_revenue")
    assert list(shown["category"]) == list(mine.index)
    assert list(shown["revenue"]) == pytest.approx(list(mine))
    assert list(shown["share_of_revenue"]) == pytest.approx(list(mine / mine.sum()))
    assert list(shown["before"]) == pytest.approx(list(earlier.reindex(mine.index, fill_value=0)))
    money = words.money(mine.iloc[0], "EUR", short=True)
    assert f"Of {len(mine)} categories, {mine.index[0]} brings most: {money}" in text_of(app)


@pytest.mark.parametrize(("low", "high", "said"), [(0.2, 0.799, "Firmly among"), (0.8, 0.9, "Firmly not among"),
                                                   (0.5, 0.8, "Whether it is among")])  # fmt: skip
def test_membership_of_the_vital_few_is_firm_or_uncertain(low, high, said, open_page, warehouse, tmp_path, key):
    both = ", ".join(f"{name}_ahead_low = {low}, {name}_ahead_high = {high}" for name in ("revenue", "gross_margin"))
    where = on_screen.changed(
        warehouse, tmp_path, f"update learned_partner_place set {both} where partner_id = '{key}'"
    )
    assert f"{said} the fewest partners that hold 80 % of revenue and gross margin" in text_of(
        open_page(where=where, partner=key)
    ).replace("\u202f", " ")


def test_the_list_of_partners_goes_by_revenue_and_leaves_out_what_has_none(open_page, year):
    sums = year.groupby("partner_id")["cents"].sum().sort_values(ascending=False)[:10]
    app = open_page()
    shown = table(app, "partner_id", "revenue")
    assert list(shown["partner_id"]) == list(sums.index)
    assert list(shown["revenue"]) == pytest.approx(list(sums / 100))
    next(box for box in app.selectbox if box.label == "Open a partner of this list").set_value(sums.index[2]).run()
    assert not app.exception and card(app, "Revenue") == short(sums.iloc[2])


# What similar partners sell


def with_offers(warehouse: Path, folder: Path, key: str, similar: str, proven: bool = False) -> Path:
    """The build with two offers for this partner: one that 12 of 20 sell, one that 7 sell."""
    rows = [
        f"('{key}', 'pets', 1, 20, 12, 0.4, 0.7, 0.25, 2.4, 3200, 5400, 9100, '{similar}', {proven})",
        f"('{key}', '{HOSTILE}', 2, 20, 7, 0.2, 0.5, 0.1, 3.5, 100, 200, 300, '{similar}', {proven})",
    ]
    return on_screen.changed(
        warehouse,
        folder,
        "delete from learned_partner_offer",
        f"insert into learned_partner_offer values {', '.join(rows)}",
        "delete from model_check where model = 'partner_offers'",
        "insert into model_check values ('partner_offers', 0, 'better than the most widely sold', false, "
        "'of 40 offers 3% were sold')",
    )


def test_what_similar_partners_sell_stands_with_its_evidence_and_is_called_untested(
    open_page, warehouse, by_hand, tmp_path, key
):
    [(other, name)] = by_hand(
        f"select partner_id, partner_name from partner_profile where partner_id not in ('{key}', '(unknown)') order by 1 limit 1"
    )
    app = open_page(where=with_offers(warehouse, tmp_path, key, f"{other}|X1"), partner=key)
    said = text_of(app)
    assert "12 of 20 similar partners sell it, 2.40 times as many as of all partners" in said
    assert "at the share of revenue that half of those have with it, €3.20 k to €9.10 k a year here" in said.replace(
        "\u202f", " "
    )
    assert "Unproven" in said and "Whether it would sell here is not tested" in said
    assert "of 40 offers 3% were sold" in said
    shown = table(app, "Category", "Times all")
    assert list(shown["Such as"]) == [f"{name} ({other}) and 1 more"] * 2
    assert list(shown["Sold by"]) == ["12 of 20", "7 of 20"]


def test_a_manager_is_told_no_name_of_others_partners_and_no_money_of_few(open_page, warehouse, by_hand, tmp_path, key):
    [(manager,)] = by_hand(f"select manager_id from partner_profile where partner_id = '{key}'")
    [(other, name)] = by_hand(
        f"select partner_id, partner_name from partner_profile where manager_id <> '{manager}' "
        "and partner_id <> '(unknown)' order by 1 limit 1"
    )
    where = with_offers(warehouse, tmp_path, key, other, proven=True)
    app = open_page(f"manager {manager}", where=where, partner=key)
    shown = table(app, "Category", "Times all")
    assert list(shown["Such as"]) == ["1 partner"] * 2
    assert list(shown["A year here"].str.replace("\u202f", " ")) == [
        "€3.20 k to €9.10 k",
        words.NOT_KNOWN,
    ]
    everything = text_of(app) + "".join(frame.value.to_csv() for frame in app.dataframe) + "".join(alts(app))
    assert other not in everything and name not in everything
    assert "were sold later more often" in text_of(app)


# Who sees what


def test_somebody_elses_partner_is_like_none_at_all(open_page, by_hand, key):
    [(manager,)] = by_hand(f"select manager_id from partner_profile where partner_id = '{key}'")
    [(other,)] = by_hand(
        f"select min(partner_id) from partner_profile where manager_id <> '{manager}' and partner_id <> '(unknown)'"
    )
    assert card(open_page(f"manager {manager}", partner=key), "Revenue")
    said = [text_of(open_page(f"manager {manager}", partner=one)).replace(one, "KEY") for one in (other, "P-none")]
    assert said[0] == said[1] and NO_SUCH.format("KEY") in said[0]


def test_readers_of_groups_see_the_partner_and_no_customer(open_page, key):
    app = open_page("executive", partner=key)
    assert "Firmly among" in text_of(app)
    assert not any({"customer_id", "Customer"} & set(frame.value.columns) for frame in app.dataframe)


def test_readers_of_groups_are_told_of_no_few_customers(open_page, small):
    app = open_page("executive", where=small, partner="P2")
    said = text_of(app)
    assert said.count("of customers with no other partner there are too few to tell readers of groups") == 2
    assert "Customers with no other partner" not in set(table(app, "Measure")["Measure"])
    assert "too few to tell" not in text_of(open_page(where=small, partner="P2"))


def test_the_look_is_recorded_once_however_often_the_page_is_drawn(open_page, key):
    app = open_page(partner=key)
    app.run()
    person = store.journal().rows(sa.select(AUDIT.c.actor).order_by(AUDIT.c.seq.desc()).limit(1))[0].actor
    looks = store.journal().rows(
        sa.select(AUDIT.c.target).where(AUDIT.c.action == "partner.view", AUDIT.c.actor == person)
    )
    assert [row.target for row in looks] == [f"partner:{key}"]


def test_notes_on_a_partner_are_for_those_of_the_team_who_may_see_it(open_page, by_hand, key):
    [(manager,)] = by_hand(f"select manager_id from partner_profile where partner_id = '{key}'")
    [(stranger,)] = by_hand(f"select min(manager_id) from partner_profile where manager_id <> '{manager}'")
    text = "Their new buyer starts in May"
    app = open_page(f"manager {manager}", partner=key)
    app.text_area(key="_partner_note_text").set_value(text)
    app.selectbox(key="_partner_note_for").select_index(1)
    app.button(key="_partner_note_add").click().run()
    assert "The note is kept." in text_of(app) and text in text_of(app)
    (row,) = store.journal().rows(sa.select(NOTE).where(NOTE.c.text == text))
    assert (row.target, row.audience, row.team) == (f"partner:{key}", "team", "manager")
    assert text in text_of(open_page(f"manager {manager}", partner=key))
    for role in (f"manager {stranger}", "executive", "auditor"):
        assert text not in text_of(open_page(role, partner=key))


@pytest.mark.parametrize(
    "key", ["", "a\nb", "a\u202eb", "x" * 201, "jane.doe@example.com", " P1", "A\u030a"],
    ids=["none", "lines", "direction", "endless", "person", "blank", "spelling"],
)  # fmt: skip
def test_a_note_names_a_partner_by_a_key_as_it_is_written(key):
    actor = Actor("ann", "", (Held("manager"),), "s")
    with pytest.raises(ValueError):
        notes.add(store.journal(), actor, f"partner:{key}", "a note", "personal")


def test_a_note_on_a_partner_takes_any_plain_key():
    actor = Actor("bea", "", (Held("manager"),), "s")
    for key in ("P-1/2 (north)", "<b>", "ключ", "a:b|c"):
        notes.add(store.journal(), actor, f"partner:{key}", "a note", "personal")
        (note,) = notes.of(store.journal(), actor, [f"partner:{key}"])
        assert note.target == f"partner:{key}"


# Companies that lack something, merged partners, hostile names


def test_a_merged_partner_goes_on_under_its_new_key_for_those_who_may_see_that(open_page, small):
    app = open_page(where=small, partner="OLD")
    assert "OLD goes on as P2." in text_of(app)
    app.button(key="_goes_on").click().run()
    assert not app.exception and "Key: P2" in text_of(app)
    assert "OLD goes on as P2." in text_of(open_page("manager M1", where=small, partner="OLD"))
    said = [text_of(open_page("manager M2", where=small, partner=one)).replace(one, "KEY") for one in ("OLD", "XYZ")]
    assert said[0] == said[1] and NO_SUCH.format("KEY") in said[0]


def test_a_small_company_says_what_it_cannot_say(open_page, small):
    app = open_page(where=small, partner="P2")
    said = text_of(app)
    sold = sum(10 + n for n in range(180) if n % 9 == 2) + 500
    assert card(app, "Revenue") == words.money(sold, "", short=True)
    assert card(app, "Gross margin") == words.NOT_KNOWN and "the column cost of the feed lines" in said
    assert "There is no band of peers: fewer than ten other partners had sales." in said
    assert "Only 9 partners: a share of so few says nothing that would hold" in said
    assert "80" not in said.split("What depends on this partner")[1].split("If it left")[0]
    assert "no year before in the data" in said and "No target is set for this partner" in said
    assert "Nothing that similar partners sell surely more often is missing here" in said


def test_a_partner_without_sales_says_so_and_what_has_no_partner_is_none(open_page, small, warehouse, tmp_path, key):
    said = text_of(open_page(where=small, partner="NEW"))
    assert "Nothing was sold through this partner in the last 12 complete months" in said
    assert "It never sold anything." in said and "Never sold" in said
    assert "(unknown) is no partner" in text_of(open_page(where=small, partner="(unknown)"))
    gone = on_screen.changed(warehouse, tmp_path, f"delete from partner_year where partner_id = '{key}'")
    app = open_page(where=gone, partner=key)
    assert "Its last sales were in Sep 2026." in text_of(app) and not app.metric


def test_hostile_names_are_shown_as_they_are_and_do_nothing(open_page, small):
    app = open_page(where=small, partner="P1")
    marked = "\n".join(str(element.value) for kind in (app.markdown, app.header, app.error) for element in kind)
    assert HOSTILE in text_of(app).replace("\u2060", "")
    for markup in ("<", "[click", "](", ":red"):
        assert re.findall(rf"(?<!\\){re.escape(markup)}", marked) == [], markup


# The parts


@pytest.mark.parametrize(("shared", "n", "m", "total"), [(0, 4, 3, 9), (1, 4, 3, 9), (2, 4, 3, 9), (3, 4, 3, 9),
                                                         (4, 4, 3, 9), (5, 7, 6, 9), (4, 7, 6, 9)])  # fmt: skip
def test_chance_is_the_share_of_all_ways_to_choose(shared, n, m, total):
    theirs = set(range(m))
    ways = [len(theirs & set(chosen)) >= shared for chosen in combinations(range(total), n)]
    assert at_least(shared, n, m, total) == pytest.approx(sum(ways) / len(ways), rel=1e-12)


def test_chance_agrees_with_the_hypergeometric_distribution_of_scipy_at_large_numbers():
    for shared, n, m, total in ((2331, 2448, 2338, 2469), (728, 2401, 2379, 9085), (30, 50, 100_000, 1_000_000)):
        exact = stats.hypergeom.sf(shared - 1, total, m, n)
        assert at_least(shared, n, m, total) == pytest.approx(exact, rel=1e-6, abs=1e-300)
        assert beyond_chance(shared, n, m, total) == (exact < 0.005)


def test_a_dot_lies_at_the_ends_of_the_band_where_the_figure_is_that_of_the_quartile():
    at = partner_charts.position
    assert (at(2, 2, 5, 6), at(5, 2, 5, 6), at(6, 2, 5, 6)) == (-1, 0, 1)
    assert at(100, 1, 10, 100, logs=True) == pytest.approx(1) and at(31.6228, 1, 10, 100, True) == pytest.approx(0.5)
    assert at(0, 0, 0, 0) == 0 and at(1, 0, 0, 0) == partner_charts.MOST and at(-9, 0, 1, 2) == -partner_charts.MOST


def test_titles_say_what_the_figures_say():
    assert partner_words.benchmark([("Revenue", "above"), ("Customers", "above"), ("Growth", "below")]) == (
        "Above the middle half of its peers in revenue and customers, below it in growth"
    )
    assert partner_words.benchmark([("Revenue", "within")]) == "Within the middle half of its peers in every measure"
    assert partner_words.membership(0.1, 0.8) == "uncertain" and partner_words.membership(0.8, 0.8) == "out"
