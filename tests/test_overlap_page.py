"""Shared customers: every number worked out by hand from the feeds, and what chance would bring, from its definition."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from components import overlap, words
from models import sharing
from tests import on_screen
from tests.conftest import once, run_data

PAGE = "partner/shared_customers"
NAMES = {f"P{n:02}": f"Partner number {n}" for n in range(14)}


@dataclass
class ByHand:
    """What a company's lines say of the year: partner -> customer -> revenue, and all who bought."""

    bought: dict[str, dict[str, float]]
    buyers: set[str]

    def partners_of(self, customer: str) -> list[str]:
        return [partner for partner, people in self.bought.items() if customer in people]

    def own(self, partner: str) -> list[str]:
        return [c for c in self.bought[partner] if self.partners_of(c) == [partner]]

    def shared(self, a: str, b: str) -> int:
        return len(set(self.bought[a]) & set(self.bought[b]))


def by_hand(lines: pd.DataFrame) -> ByHand:
    """From lines of the year with partner, customer, kind, revenue."""
    bought: dict[str, dict[str, float]] = defaultdict(dict)
    known = lines.dropna(subset="customer")
    for (partner, customer), rows in known[known["partner"] != "(unknown)"].groupby(["partner", "customer"]):
        if (rows["kind"] == "sale").any():
            bought[partner][customer] = rows["revenue"].sum()
    return ByHand(bought, set(known.loc[known["kind"] == "sale", "customer"]))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A company of 14 partners with all that is odd: no partner, an unknown one, no customer, returns only, an old year.

    P00 and P01 share 40 planted customers who buy from these two only.
    """

    def make(folder: Path) -> None:
        draw = np.random.default_rng(4)
        rows = []

        def sell(customer: str, partner: str, revenue: float = 10.0, day: str = "2025-03-05") -> None:
            rows.append(
                (f"o{len(rows)}", day, f"{revenue:.2f}", customer, partner, "return" if revenue < 0 else "sale")
            )

        weight = np.linspace(3, 1, 14) / np.linspace(3, 1, 14).sum()
        for n in range(600):
            for at in draw.choice(14, draw.integers(1, 5), replace=False, p=weight):
                sell(f"C{n:04}", f"P{at:02}", 5 + n % 7)
        for n in range(40):
            sell(f"D{n:03}", "P00", 30)
            sell(f"D{n:03}", "P01", 20)
        for n in range(12):
            sell(f"N{n:03}", "")  # no partner at all
            sell(f"R{n:03}", "P02", 8)
            sell(f"R{n:03}", "P03", -4)  # came back through P03 only: no relation with it
            sell("", "P04", 3)  # no customer
            sell(f"O{n:03}", "P05", 9, "2024-05-01")  # an earlier year
        sell("C0001", "P05", 1, "2025-12-31")
        sell("C0001", "P05", 1, "2024-01-01")
        feeds = folder / "feeds"
        feeds.mkdir()
        header = ["order_id", "ordered_at", "revenue", "customer_id", "partner_id", "line_type"]
        pd.DataFrame(rows, columns=header).to_csv(feeds / "lines.csv", index=False)
        pd.DataFrame(NAMES.items(), columns=["partner_id", "partner_name"]).to_csv(feeds / "partners.csv", index=False)
        done = run_data("build", feeds, "--warehouse", folder / "warehouse")
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "shared-customers", make)


@pytest.fixture(scope="module")
def truth(made) -> ByHand:
    lines = pd.read_csv(made / "feeds" / "lines.csv", dtype=str)
    lines = lines[lines["ordered_at"].between("2025-01-01", "2025-12-31")]
    return by_hand(
        pd.DataFrame(
            {"partner": lines["partner_id"].fillna("(unknown)"), "customer": lines["customer_id"]}
            | {"kind": lines["line_type"], "revenue": lines["revenue"].astype(float)}
        )
    )


@pytest.fixture
def open_page(made, monkeypatch):
    """Open the page on this or another warehouse."""
    return lambda role="auditor", where=made / "warehouse", **asked: on_screen.page(
        monkeypatch, where, PAGE, role, **asked
    )


def matrix(app) -> pd.DataFrame:
    """The table that stands for the heat map, by names."""
    return on_screen.table(app, "Customers of").set_index("Customers of")


def test_customers_are_counted_once_and_once_for_each_partner(open_page, truth):
    each = sum(map(len, truth.bought.values()))
    number = len({c for people in truth.bought.values() for c in people})
    own = sum(len(truth.own(partner)) for partner in truth.bought)
    app = open_page()
    assert on_screen.card(app, "Different customers") == words.count(number) == "652"
    assert on_screen.card(app, "Counted once for each partner") == words.count(each)
    assert on_screen.card(app, "With one partner only") == words.count(own)
    assert f"{words.ratio(each / number)} times on average".replace("\\", "") in on_screen.text_of(app)


def test_the_matrix_is_that_of_the_lines(open_page, truth):
    shown = matrix(open_page())
    assert sorted(shown.index) == sorted(NAMES.values()) and list(shown.columns) == list(shown.index)
    for a, b in itertools.permutations(NAMES, 2):
        number = truth.shared(a, b)
        text = f"{100 * number / len(truth.bought[a]):.0f}" if number >= 10 or not number else overlap.FEWER
        assert shown.loc[NAMES[a], NAMES[b]] == text, (a, b)


def test_customers_by_the_number_of_partners_count_everybody_who_bought_once(open_page, truth):
    app = open_page()
    shown = on_screen.table(app, "partners", "customers", "revenue").set_index("partners")
    number = [len(truth.partners_of(customer)) for customer in truth.buyers]
    bands = {"no known partner": (0, 0), "1 partner": (1, 1), "2 partners": (2, 2), "3 to 5 partners": (3, 5)}
    expected = {name: sum(low <= k <= high for k in number) for name, (low, high) in bands.items()}
    assert shown["customers"].to_dict() == expected and expected["no known partner"] == 12
    several = sum(k > 1 for k in number) / sum(k > 0 for k in number)
    assert f"{words.share(several)} of customers with a partner buy from more than one" in on_screen.text_of(app)
    sold = sum(sum(people.values()) for people in truth.bought.values())
    assert shown["revenue"].sum() == pytest.approx(sold)


def test_what_has_nowhere_else_to_go_is_that_of_customers_with_no_other_partner(open_page, truth):
    app = open_page()
    shown = on_screen.table(app, "partner_id", "own_revenue")
    expected = {}
    for partner in truth.bought:
        own = truth.own(partner)
        if len(own) >= 10:
            expected[partner] = (words.count(len(own)), sum(truth.bought[partner][c] for c in own))
    found = {row.partner_id: (row.own, pytest.approx(row.own_revenue)) for row in shown.itertuples()}
    assert found == expected and expected
    assert list(shown["own_revenue"]) == sorted(shown["own_revenue"], reverse=True)
    said = on_screen.text_of(app)
    assert "Not a forecast" in said and "at most" in said and "at least" in said


def test_the_planted_pair_is_found_beyond_chance_and_hardly_any_other(open_page, truth):
    shown = on_screen.table(open_page(), "other_name", "lift")
    assert set(shown.iloc[0][["partner_name", "other_name"]]) == {NAMES["P00"], NAMES["P01"]}
    assert shown.iloc[0]["shared"] == truth.shared("P00", "P01")
    assert len(shown) <= 3


def test_where_customers_choose_by_chance_no_pair_is_beyond_it(warehouse):
    [(tested, beyond, lift)] = on_screen.asked(
        warehouse,
        "select count(*), count(*) filter (beyond), sum(shared) / sum(expected) from learned_overlap where shared >= 10",
    )
    assert tested > 20 and beyond == 0 and lift == pytest.approx(1, abs=0.06)


def test_a_row_leads_to_the_partner(open_page):
    app = open_page()
    offered = next(box for box in app.selectbox if box.key.startswith("open_risk_partner"))
    offered.select(offered.options[0]).run()
    assert not app.exception and app.text_input(key="partner").value == offered.options[0]


def test_readers_of_groups_are_sent_no_number_below_ten(open_page, truth):
    few = {(a, b) for a, b in itertools.permutations(NAMES, 2) if 0 < truth.shared(a, b) < 10}
    app = open_page("executive")
    shown = matrix(app)
    assert few and all(shown.loc[NAMES[a], NAMES[b]] == overlap.FEWER for a, b in few)
    assert (on_screen.table(app, "partners", "customers")["customers"] >= 10).all()


def test_a_manager_sees_both_sides_of_own_pairs_only(warehouse, monkeypatch):
    rows = on_screen.asked(
        warehouse,
        "select manager_id, partner_id, partner_name from partner_profile where partner_id <> '(unknown)' "
        "and partner_id in (select partner_id from partner_year where customers > 0)",
    )
    own = defaultdict(dict)
    for manager, key, name in rows:
        own[manager][key] = name
    manager = max(own, key=lambda one: (len(own[one]), one))
    app = on_screen.page(monkeypatch, warehouse, PAGE, f"manager {manager}")
    shown = matrix(app)
    assert len(own[manager]) > 1 and set(shown.index) <= set(own[manager].values())
    keys = ", ".join(f"'{key}'" for key in own[manager])
    [(since, until)] = on_screen.asked(
        warehouse, "select max(month) - interval 11 months, max(month) from partner_month"
    )
    [(number,)] = on_screen.asked(
        warehouse,
        f"select count(distinct customer_id) from feed_lines where line_type = 'sale' and partner_id in ({keys}) "
        f"and month between '{since}' and '{until}'",
    )
    assert on_screen.card(app, "Different customers") == words.count(number)
    said = on_screen.text_of(app)
    assert "you see a part of it" in said
    others = {name for one, partners in own.items() if one != manager for name in partners.values()}
    assert not {name for name in others - set(own[manager].values()) if name in said}


def test_without_partners_there_is_nothing_to_share(open_page, tmp_path_factory):
    app = open_page(where=on_screen.tiny(tmp_path_factory))
    assert "No customer bought from a known partner" in on_screen.text_of(app) and not app.metric


def test_fewer_than_ten_partners_have_counts_and_no_percentages(open_page, made, truth, tmp_path):
    few = "('P09', 'P10', 'P11', 'P12', 'P13')"
    where = on_screen.changed(made / "warehouse", tmp_path, f"delete from partner_year where partner_id in {few}")
    app = open_page(where=where)
    assert matrix(app).loc[NAMES["P00"], NAMES["P01"]] == words.count(truth.shared("P00", "P01"))
    assert "Fewer than 10 partners" in on_screen.text_of(app)
    assert not any("own_share" in frame.value for frame in app.dataframe)


# ---- What chance would bring.


def drawn(weights: np.ndarray, k: int) -> tuple[np.ndarray, dict[tuple[int, int], float]]:
    """Shares of each partner and of each pair, where a set of k has the chance of the product of its weights."""
    q, both, total = np.zeros(len(weights)), defaultdict(float), 0.0
    for some in itertools.combinations(range(len(weights)), k):
        chance = float(np.prod(weights[list(some)]))
        total += chance
        q[list(some)] += chance
        for pair in itertools.combinations(some, 2):
            both[pair] += chance
    return q / total, {pair: chance / total for pair, chance in both.items()}


def test_of_customers_with_two_partners_the_chance_of_a_pair_is_exact():
    q, both = drawn(np.array([5.0, 3, 2, 1, 1, 0.5]), 2)
    assert sharing.joint(q, 2, list(both)) == pytest.approx(list(both.values()), abs=1e-8)


@pytest.mark.parametrize("k", [3, 4, 6])
def test_of_customers_with_more_partners_it_is_five_times_nearer_than_independence(k):
    weights = np.exp(np.random.default_rng(k).normal(0, 0.8, 12))
    q, both = drawn(weights, k)
    truly = np.array(list(both.values()))
    a, b = np.array(list(both)).T
    near = np.abs(sharing.joint(q, k, list(both)) - truly).max()
    assert near < 0.2 * np.abs(q[a] * q[b] - truly).max()


def test_who_has_one_partner_shares_with_nobody():
    assert sharing.joint([0.4, 0.6], 1, [(0, 1)]).tolist() == [0]


def test_where_one_partner_is_in_every_pair_the_other_decides():
    assert sharing.joint([1.0, 0.7, 0.3], 2, [(0, 1), (0, 2)]) == pytest.approx([0.7, 0.3])


def test_discoveries_are_those_of_benjamini_and_hochberg():
    p = np.array([0.001, 0.9, 0.02, 0.03, 0.5])
    assert sorted(sharing.discoveries(p)) == [0, 2, 3]
    assert len(sharing.discoveries(np.array([0.5, 0.9]))) == 0 == len(sharing.discoveries(np.array([])))


def test_small_groups_are_put_to_their_neighbours():
    found = pd.DataFrame({"partners": [0, 1, 2, 3, 7], "customers": [4, 30, 20, 12, 3], "revenue": [0, 3, 2, 1.5, 1]})
    shown = overlap.in_bands(found)
    assert list(shown["customers"]) == [34, 20, 15] and (shown["customers"] >= 10).all()
    assert list(shown["partners"]) == [
        "no known partner to 1 partner",
        "2 partners",
        "3 to 5 partners to 6 or more partners",
    ]
