"""What must stay true of money and ROI whatever the data: conservation, units, splitting, zero cost, allocation."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pytest

from data.build import Options, build
from data.question import EVERYTHING, Question, View
from data.warehouse import Build, Warehouse

VIEW = View(EVERYTHING)
SQL = Path(__file__).parent.parent / "data" / "sql"


def company(folder: Path, scale: int = 1, split: str = "", extra: int = 0, fixed: int = 977) -> Path:
    """A small company in CSV files: 60 customers, orders, contacts on two channels, one campaign with a fixed cost.

    scale multiplies all money; split turns one customer into two by alternating events; extra adds customers without cost.
    """
    draw = np.random.default_rng(4)
    folder.mkdir()
    lines, contacts = [], []
    for i in range(60 + extra):
        name = f"C{i:03d}"
        rich = draw.gamma(2.0, 20.0)
        for k in range(draw.integers(0, 9)):
            who = f"{name}b" if name == split and k % 2 else name
            cents = int(draw.gamma(2.0, rich) * 100) + 100
            lines.append(
                [
                    f"{name}-{k}",
                    f"2026-0{draw.integers(1, 7)}-{draw.integers(10, 28)}",
                    cents * scale,
                    int(cents * 0.6) * scale,
                    who,
                ]
            )
        for k in range(draw.integers(0, 7) if i < 60 else 0):
            who = f"{name}b" if name == split and k % 2 else name
            contacts.append(
                [
                    who,
                    ("mail", "email")[k % 2],
                    f"2026-0{draw.integers(1, 7)}-15T10:00:00",
                    int(draw.integers(5, 200)) * scale,
                    "SPRING" if k % 3 else "",
                ]
            )
    if split:
        assert any(line[4] == f"{split}b" for line in lines), "the split customer must have two orders"
    write(
        folder / "lines.csv",
        ["order_id", "ordered_at", "revenue", "cost", "customer_id"],
        [[a, b, money(c), money(d), e] for a, b, c, d, e in lines],
    )
    write(
        folder / "contacts.csv",
        ["customer_id", "channel", "occurred_at", "cost", "campaign_id"],
        [[a, b, c, money(d), e] for a, b, c, d, e in contacts],
    )
    write(folder / "campaigns.csv", ["campaign_id", "name", "fixed_cost"], [["SPRING", "Spring", money(fixed * scale)]])
    write(
        folder / "channels.csv",
        ["channel", "label", "kind", "unit_cost", "needs_consent"],
        [["mail", "Mail", "mail", money(50 * scale), "false"], ["email", "E-mail", "email", money(5 * scale), "true"]],
    )
    return folder


def money(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"


def write(path: Path, header: list[str], rows: list[list]) -> None:
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])


def built(folder: Path) -> Build:
    build(folder, folder / "warehouse", lambda _: None, Options())
    return Warehouse(folder / "warehouse").current()


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Build:
    return built(company(tmp_path_factory.mktemp("invariants") / "plain"))


def customers(build: Build):
    return build.engine.ask("select * from customer order by customer_id", []).set_index("customer_id")


def test_money_times_100_leaves_every_roi_rank_and_interval_as_it_was(tmp_path):
    big = customers(built(company(tmp_path / "big", scale=100, fixed=0)))
    small = customers(built(company(tmp_path / "small", fixed=0)))
    for name in ("roi", "roi_shrunk", "roi_low", "roi_high", "p_top_decile"):
        assert big[name].to_numpy() == pytest.approx(small[name].to_numpy(), rel=1e-9, nan_ok=True), name
    assert big["roi_rank"].equals(small["roi_rank"]) and list(big["roi_state"]) == list(small["roi_state"])
    assert big["cost"].to_numpy() == pytest.approx(100 * small["cost"].to_numpy(), rel=1e-12)


def test_a_customer_split_in_two_keeps_the_company_s_sums_and_both_halves_sum_to_the_whole(plain, tmp_path):
    name = next(key for key, row in customers(plain).iterrows() if row["orders"] >= 4 and row["contacts"] >= 4)
    halves = built(company(tmp_path / "split", split=name))
    whole, parts = customers(plain), customers(halves)
    for column in ("revenue", "goods_cost", "margin", "contact_cost", "orders", "lines", "contacts"):
        assert parts.loc[[name, f"{name}b"], column].sum() == pytest.approx(whole.loc[name, column], abs=1e-9), column
        assert parts[column].sum() == pytest.approx(whole[column].sum(), abs=1e-9), column
    assert parts["cost"].sum() == pytest.approx(whole["cost"].sum(), abs=1e-9)


def test_customers_who_cost_nothing_change_nobody_else_s_roi(plain, tmp_path):
    more = customers(built(company(tmp_path / "more", extra=25)))
    before = customers(plain)
    same = more.loc[before.index]
    assert len(more) > len(before)
    assert same["roi"].equals(before["roi"]) and same["roi_rank"].equals(before["roi_rank"])
    assert (more.loc[more.index.difference(before.index), "roi_state"] == "no investment").all()


def test_roi_of_a_group_is_the_ratio_of_sums_and_not_the_mean_of_ratios(plain):
    table = customers(plain)
    asked = plain.answer(Question(("roi",), view=VIEW))["roi"].iloc[0]
    assert asked == pytest.approx((table["margin"].sum() - table["cost"].sum()) / table["cost"].sum())
    assert abs(asked - table["roi"].mean()) > 0.1


def test_only_customers_with_enough_investment_are_rated(plain):
    table = customers(plain)
    floor = plain.manifest["roi_floor"]
    assert floor == pytest.approx(3 * 0.05)
    assert (table.loc[table["roi_state"] == "rated", "cost"] >= floor).all()
    assert (table.loc[table["roi_state"] == "no investment", "cost"] == 0).all()
    assert table.loc[table["roi_state"] != "rated", "roi"].isna().all()
    rated = table[table["roi_state"] == "rated"]
    assert rated["roi"].to_numpy() == pytest.approx(((rated["margin"] - rated["cost"]) / rated["cost"]).to_numpy())


def test_the_default_order_is_the_cautious_end_of_the_interval(plain):
    rated = customers(plain).dropna(subset=["roi_rank"]).sort_values("roi_rank")
    assert list(rated["roi_rank"]) == list(range(1, len(rated) + 1))
    assert rated["roi_low"].is_monotonic_decreasing


@pytest.mark.parametrize("fixed", ["999983.0000", "0.0007", "104729.3300"])
def test_a_fixed_cost_is_shared_over_a_million_customers_without_losing_a_unit(fixed):
    """Prime cost, 1,000,003 customers, some of them contacted twice; every share within one unit a contact."""
    con = duckdb.connect()
    con.execute(
        "create table feed_contacts as select 'C' || i as customer_id, 'K' || i || '-' || k as contact_id, 'X' as campaign_id, "
        "'treated' as arm, 'out' as direction, timestamp '2026-01-01' as occurred_at, date '2026-01-01' as month, 'mail' as channel, "
        "null::decimal(18,4) as cost, 'random' as assignment, 0.5 as p_assign, false as responded, null::timestamp as responded_at, null::timestamp as recorded_at, null as response_kind "
        "from range(1000003) r(i), range(1 + (i % 7 = 0)::int) s(k)"
    )
    con.execute(
        f"create table feed_campaigns as select 'X' as campaign_id, {fixed}::decimal(18,4) as fixed_cost, null::timestamp as starts_at"
    )
    con.execute("create table feed_channels as select 'mail' as channel, 1::decimal(18,4) as unit_cost")
    con.execute("create table feed_lines as select timestamp '2026-01-01' as ordered_at")
    for name in ("campaign_share", "campaign_remainder", "contact"):
        con.execute(f"create table {name} as {(SQL / f'{name}.sql').read_text()}")
    con.execute(
        "create table shared as select customer_id, sum(fixed_cost) as share, sum(contacts) as contacts from (select customer_id, fixed_cost, contacts "
        "from contact union all select customer_id, fixed_cost, 0 from campaign_remainder) group by 1"
    )
    total, worst = con.execute(
        "select sum(share), max(abs(share::double - contacts * ?::double / all_contacts)) "
        "from shared, (select sum(contacts)::double as all_contacts from shared)",
        [float(fixed)],
    ).fetchone()
    assert total == Decimal(fixed)
    assert worst <= 0.0001 * 2 + 1e-9
