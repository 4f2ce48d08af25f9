"""Questions: every metric equals its formula over the feeds, and every table of a build gives the ledger's answer."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from copy import copy
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import pytest

from data.catalog import CONTACT, DIMENSIONS, FACTS, LINE, METRICS, REACH, SCORE, attribute
from data.company import read_company
from data.contract import UNKNOWN
from data.question import EVERYTHING, Listing, Question, Refused, View, smallest
from data.tables import TABLES
from data.view import Scope
from data.warehouse import Build, Warehouse

LEDGER = next(table for table in TABLES if table.name == "ledger")
QUESTIONS = 320
EVERYBODY = View(EVERYTHING)


@pytest.fixture(scope="module")
def build(warehouse: Path) -> Build:
    return Warehouse(warehouse).current()


def rows(build: Build, sql: str, values: list | None = None) -> list[tuple]:
    """Exact rows: money as decimals, not as the floats a frame has."""
    with build.engine.connection.cursor() as cursor:
        return cursor.execute(sql, values or []).fetchall()


def answer(build: Build, question: Question) -> list[tuple]:
    return rows(build, *question.sql(build.attributes))


# ---- Every metric, figured out from the feeds with pandas.


class Feeds:
    """The simulated company's own files. Money in hundredths of a cent, so that sums are exact."""

    def __init__(self, folder: Path):
        self.zone = zone = read_company(folder).zone
        self.lines, self.contacts, self.campaigns, self.customers = (
            pd.read_parquet(folder / f"{name}.parquet") for name in ("lines", "contacts", "campaigns", "customers")
        )
        self.lines["month"] = self.lines.ordered_at.dt.tz_convert(zone).dt.strftime("%Y-%m")
        for frame in (self.lines, self.contacts, self.campaigns, self.customers):
            for name in frame.columns.intersection(["revenue", "cost", "fixed_cost", "acquisition_cost"]):
                frame[name] = frame[name].map(lambda amount: None if pd.isna(amount) else int(amount * 10_000))
        units = pd.read_csv(folder / "channels.csv", dtype=str).set_index("channel").unit_cost
        unit = self.contacts.channel.map(units.map(lambda amount: int(Decimal(amount) * 10_000)))
        self.contacts["cost"] = self.contacts.cost.astype("Int64").fillna(unit).astype("int64")

    @property
    def sent(self) -> pd.DataFrame:
        return self.contacts[(self.contacts.direction == "out") & (self.contacts.arm == "treated")]

    @property
    def served(self) -> pd.DataFrame:
        return self.contacts[self.contacts.direction == "in"]

    @property
    def sold(self) -> pd.DataFrame:
        return self.lines[self.lines.line_type == "sale"]

    def of(self, segment: str) -> Feeds:
        """The same company with the customers of one segment only; fixed cost, which is shared out, is left out."""
        keys = set(self.customers[self.customers.segment == segment].customer_id)
        part = object.__new__(Feeds)
        for name in ("lines", "contacts", "customers"):
            frame = getattr(self, name)
            setattr(part, name, frame[frame.customer_id.isin(keys)])
        part.campaigns = self.campaigns.head(0)
        return part


def money(units: float) -> Decimal:
    return Decimal(int(units)).scaleb(-4)


def revenue(f: Feeds) -> Decimal:
    return money(f.lines.revenue.sum())


def returns(f: Feeds) -> Decimal:
    return money(-f.lines[f.lines.line_type == "return"].revenue.sum())


def service(f: Feeds) -> Decimal:
    return money(f.served.cost.sum())


def gross(f: Feeds) -> Decimal:
    return money(f.lines.revenue.sum() - f.lines.cost.fillna(0).sum())


def reached(f: Feeds) -> Decimal:
    return money(f.sent.cost.sum() + f.campaigns.fixed_cost.sum())


def won(f: Feeds) -> Decimal:
    return money(f.customers.acquisition_cost.fillna(0).sum())


def relationship(f: Feeds) -> Decimal:
    return reached(f) + service(f) + won(f)


BY_HAND: dict[str, Callable[[Feeds], Decimal | int]] = {
    "revenue": revenue,
    "gross_margin": gross,
    "margin": lambda f: gross(f) - service(f),
    "cost": reached,
    "net_contribution": lambda f: gross(f) - service(f) - reached(f),
    "roi": lambda f: (gross(f) - service(f) - reached(f)) / reached(f),
    "margin_rate": lambda f: (gross(f) - service(f)) / revenue(f),
    "relationship_cost": relationship,
    "relationship_cost_ratio": lambda f: relationship(f) / revenue(f),
    "contact_cost": lambda f: money(f.sent.cost.sum()),
    "fixed_cost": lambda f: money(f.campaigns.fixed_cost.sum()),
    "service_cost": service,
    "acquisition_cost": won,
    "returns": returns,
    "return_rate": lambda f: returns(f) / (revenue(f) + returns(f)),
    "orders": lambda f: len(f.sold[["order_id", "customer_id", "month"]].drop_duplicates()),
    "customers": lambda f: f.sold.customer_id.nunique(),
    "lines": lambda f: len(f.lines),
    "contacts": lambda f: len(f.sent),
    "service_contacts": lambda f: len(f.served),
    "responses": lambda f: int(f.sent.responded.fillna(False).sum()),
    "response_rate": lambda f: Decimal(int(f.sent.responded.fillna(False).sum())) / len(f.sent),
}


# What is expected: the learners' own frames, put together with pandas instead of SQL.


class Scores:
    """What the learners said of each customer, and of each customer on a channel."""

    def __init__(self, build: Build, feeds: Feeds):
        value, churn, self.reach = (
            build.engine.ask(f"select * from learned_{name}", []) for name in ("value", "churn", "response")
        )
        self.rows = value.merge(churn, on="customer_id", how="outer")
        self.rows["p"] = self.rows.p_no_purchase.map(lambda p: round(Decimal(p), 6), na_action="ignore").fillna(
            Decimal(0)
        )
        self.rows["past"] = self.rows.customer_id.map(self.past(feeds)).fillna(0).clip(lower=0).map(money)
        self.price = build.engine.ask("select channel, unit_cost from feed_channels", []).set_index("channel")[
            "unit_cost"
        ]
        self.best = build.engine.ask("select customer_id, best_channel from customer", []).set_index("customer_id")[
            "best_channel"
        ]

    @staticmethod
    def past(feeds: Feeds) -> pd.Series:
        """Margin of the twelve months before the last day, each customer, in hundredths of a cent."""

        def local(moments):
            return moments.dt.tz_convert(feeds.zone).dt.date

        since = (pd.Timestamp(local(feeds.lines.ordered_at).max()) - pd.DateOffset(months=12)).date()
        bought = feeds.lines[local(feeds.lines.ordered_at) > since]
        served = feeds.served[local(feeds.served.occurred_at) > since]
        margin = bought.assign(margin=bought.revenue - bought.cost.fillna(0)).groupby("customer_id").margin.sum()
        return margin.sub(served.groupby("customer_id").cost.sum(), fill_value=0)

    def of(self, keys: set[str]) -> Scores:
        """The same of some customers."""
        part = copy(self)
        part.rows, part.reach = (frame[frame.customer_id.isin(keys)] for frame in (self.rows, self.reach))
        return part

    def cents(self, name: str) -> Decimal:
        return sum((tenth_of_a_cent(value) for value in self.rows[name].dropna()), Decimal(0))

    def at_risk(self) -> list[Decimal]:
        return [tenth_of_a_cent(p * past) for p, past in zip(self.rows.p, self.rows.past, strict=True)]

    def acting(self) -> Decimal:
        prices = [Decimal(str(self.price.get(self.best[key], 0))) for key in self.rows.customer_id]
        return sum(
            (max(risk - price, Decimal(0)) for risk, price in zip(self.at_risk(), prices, strict=True)), Decimal(0)
        )


def tenth_of_a_cent(value: float | Decimal) -> Decimal:
    """Money as the build stores it: hundredths of a cent, halves away from zero."""
    return Decimal(value).quantize(Decimal("0.0001"), ROUND_HALF_UP)


LEARNED_BY_HAND: dict[str, Callable[[Scores], Decimal | int]] = {
    "scored": lambda s: int(s.rows.expected_purchases_12m.notna().sum()),
    "expected_lost": lambda s: sum(s.rows.p, Decimal(0)),
    "risk": lambda s: sum(s.rows.p, Decimal(0)) / int(s.rows.expected_purchases_12m.notna().sum()),
    "potential_value": lambda s: s.cents("potential_value"),
    "potential_1y": lambda s: s.cents("potential_1y"),
    "potential_3y": lambda s: s.cents("potential_3y"),
    "expected_margin_12m": lambda s: s.cents("expected_margin_12m"),
    "margin_at_risk": lambda s: sum(s.at_risk(), Decimal(0)),
    "value_of_acting": lambda s: s.acting(),
    "reached": lambda s: len(s.reach),
    "high_responders": lambda s: int((s.reach.response_state == "high").sum()),
    "low_responders": lambda s: int((s.reach.response_state == "low").sum()),
    "unsure_responders": lambda s: int((s.reach.response_state == "not enough evidence").sum()),
    "unresponsive_cost": lambda s: Decimal(str(round(s.reach.unresponsive_cost.sum(), 4))),
}


@pytest.fixture(scope="module")
def feeds(company: Path) -> Feeds:
    return Feeds(company)


@pytest.fixture(scope="module")
def scores(build: Build, feeds: Feeds) -> Scores:
    return Scores(build, feeds)


def test_every_metric_is_checked_by_hand():
    assert BY_HAND.keys() | LEARNED_BY_HAND.keys() == METRICS.keys()


@pytest.mark.parametrize("name", LEARNED_BY_HAND)
def test_what_is_expected_equals_the_sum_over_what_the_learners_said(
    name: str, build: Build, feeds: Feeds, scores: Scores
):
    """Also for each segment."""
    [(found,)] = answer(build, Question((name,), view=EVERYBODY))
    assert agrees(found, LEARNED_BY_HAND[name](scores))
    by_segment = dict(answer(build, Question((name,), by=("segment",), view=EVERYBODY)))
    of = feeds.customers.groupby("segment").customer_id.agg(set)
    for segment, keys in of.items():
        assert agrees(by_segment[segment], LEARNED_BY_HAND[name](scores.of(keys))), segment


@pytest.mark.parametrize("name", LEARNED_BY_HAND)
def test_what_is_expected_has_no_months_and_no_partners(name: str, build: Build):
    for question in (
        Question((name,), by=("month",), view=EVERYBODY),
        Question((name,), by=("partner_id",), view=EVERYBODY),
        Question((name,), view=EVERYBODY.between(date(2026, 1, 1), None)),
    ):
        with pytest.raises(Refused):
            question.sql(build.attributes)


def agrees(found: object, expected: Decimal | int) -> bool:
    """Exact for money and counts; ratios to twelve digits."""
    if isinstance(found, float):
        return found == pytest.approx(float(expected), rel=1e-12)
    return found == expected


@pytest.mark.parametrize("name", BY_HAND)
def test_a_metric_equals_its_formula_over_the_feeds(name: str, build: Build, feeds: Feeds):
    [(found,)] = answer(build, Question((name,), view=EVERYBODY))
    assert agrees(found, BY_HAND[name](feeds))
    assert found, "a figure of nothing proves nothing"


@pytest.mark.parametrize("name", [name for name in BY_HAND if not METRICS[name].columns & {"cost", "fixed_cost"}])
def test_a_metric_of_one_segment_equals_its_formula_over_that_segments_feeds(name: str, build: Build, feeds: Feeds):
    segments = sorted(feeds.customers.segment.dropna().unique())
    assert len(segments) > 1
    found = dict(answer(build, Question((name,), by=("segment",), view=EVERYBODY)))
    for segment in segments:
        assert agrees(found[segment], BY_HAND[name](feeds.of(segment))), segment
        [(scoped,)] = answer(build, Question((name,), view=View(Scope(members=(("segment", (segment,)),)))))
        assert scoped == found[segment]


def test_revenue_and_orders_by_month_are_cut_in_the_companys_zone(build: Build, feeds: Feeds):
    found = {
        f"{month:%Y-%m}": (amount, orders)
        for month, amount, orders in answer(build, Question(("revenue", "orders"), by=("month",), view=EVERYBODY))
        if amount
    }
    by_hand = feeds.lines.groupby("month").revenue.sum().map(money)
    orders = feeds.sold.groupby("month").apply(lambda part: len(part[["order_id", "customer_id"]].drop_duplicates()))
    assert found == {month: (by_hand[month], orders.get(month, 0)) for month in by_hand.index if by_hand[month]}


def test_every_customer_has_a_row_also_those_who_never_bought(build: Build, feeds: Feeds):
    keys = {row[0] for row in answer(build, Question(("revenue",), by=("customer_id",), view=EVERYBODY))}
    known = set(feeds.customers.customer_id) | set(feeds.lines.customer_id.dropna()) | set(feeds.contacts.customer_id)
    assert keys == known
    assert set(feeds.customers.customer_id) - set(feeds.lines.customer_id), "there should be some who never bought"


# ---- Every rollup equals the ledger.


@pytest.fixture(scope="module")
def members(build: Build) -> dict[str, list[str]]:
    """Some members of every dimension."""
    found = {}
    for name in (*DIMENSIONS, *build.attributes):
        of_customer = (DIMENSIONS.get(name) or attribute(name)).of_customer
        table = "customer" if of_customer else "ledger"
        sql = f"select distinct {name}::varchar from {table} where {name} is not null order by 1 limit 40"
        found[name] = [row[0] for row in rows(build, sql)]
    return found


def random_question(draw: random.Random, members: dict[str, list[str]]) -> Question:
    """Any metrics by any dimensions through any view that the metrics allow."""
    events = draw.choice([{LINE}, {CONTACT}, {LINE, CONTACT}, {SCORE}, {REACH}, {LINE, SCORE}])
    metrics = [name for name, metric in METRICS.items() if set(metric.events) <= events]
    dimensions = [n for n in members if events <= set((DIMENSIONS.get(n) or attribute(n)).events)]
    choosable = [name for name in dimensions if name != "month"]
    by = tuple(draw.sample(dimensions, draw.choice([0, 1, 1, 1, 2, 2, 3])))
    chosen = tuple(
        (name, tuple(draw.sample(members[name], min(len(members[name]), draw.choice([0, 1, 2, 3, 5, 9])))))
        for name in draw.sample(choosable, draw.choice([0, 0, 0, 1, 1, 2]))
    )
    scope = EVERYTHING
    if draw.random() < 0.25:  # small questions, which the smallest tables answer
        by, chosen = (
            tuple(
                draw.sample([n for n in ("month", "partner_id", "channel") if n in dimensions], 1)
                if events <= {LINE, CONTACT}
                else ()
            ),
            (),
        )
    elif draw.random() < 0.5:
        held = draw.sample(["manager_id", "region", "customer_id"], draw.choice([0, 1, 1, 2]))
        scope = Scope(members=tuple((name, tuple(draw.sample(members[name], 2))) for name in held))
    since, until = (draw.choice([None, None, pd.Timestamp(draw.choice(members["month"])).date()]) for _ in "ab")
    if events & {SCORE, REACH}:
        since, until = None, None
    some = tuple(draw.sample(metrics, draw.choice([1, 2, 3])))
    return Question(some, by, View(scope, chosen, since, until), order_by=by[0] if by else "")


def filled(rows_: list[tuple], question: Question) -> Counter:
    """Rows in any order, without one for no member in which there is nothing (cost that belongs to no channel, of 0)."""
    split = len(question.by)
    return Counter(repr(row) for row in rows_ if not (None in row[:split] and not any(row[split:])))


def test_any_question_has_one_answer_whichever_table_gives_it(build: Build, members: dict[str, list[str]]):
    draw = random.Random(11)
    used: Counter[str] = Counter()
    for _ in range(QUESTIONS):
        question = random_question(draw, members)
        table = smallest(question)
        used[table.name] += 1
        found = answer(build, question)
        ledger = rows(build, *question.sql(build.attributes, table=LEDGER))
        assert filled(found, question) == filled(ledger, question), (table.name, question)
        if question.by:
            [(counted,)] = rows(build, *question.count_sql(build.attributes))
            assert counted == len(found), (table.name, question)
    print(dict(used))
    assert set(used) == {table.name for table in TABLES}, "some table was never asked"


def test_pages_of_an_answer_are_the_answer_cut_in_pieces(build: Build):
    whole = Question(("margin",), by=("customer_id",), view=EVERYBODY)
    pages = [
        answer(build, Question(("margin",), by=("customer_id",), view=EVERYBODY, limit=700, offset=i))
        for i in range(0, 2_800, 700)
    ]
    everything = answer(build, whole)
    assert [row for page in pages for row in page] == everything
    assert [row[1] for row in everything] == sorted((row[1] for row in everything), reverse=True)


# ---- Scope.


@pytest.mark.parametrize("few", [1, 400])
@pytest.mark.parametrize("order", ["roi_rank", "margin_rank"])
def test_a_page_of_a_ranking_is_the_same_when_only_the_first_ranks_are_read(
    few: int, order: str, build: Build, members: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    """few: how far the first look reaches for each row of the page; 1 is too short as soon as there is a filter."""
    monkeypatch.setattr(Question, "first_ranks", lambda self: few * (self.offset + self.limit))
    draw = random.Random(few)
    for _ in range(25):
        view = View(EVERYTHING).only("segment", draw.choice(members["segment"])).only("region", *members["region"][:2])
        asked = Question(("roi",), ("customer_id",), view, (order,), order, limit=10, offset=draw.choice([0, 10, 130]))
        assert build.answer(asked).equals(build.engine.ask(*asked.sql(build.attributes)))


@pytest.mark.parametrize("view", [
    View(),
    View(Scope()),
    View(Scope(members=(("manager_id", ()),))),
    View(Scope(members=(("manager_id", ("nobody of that name",)),))),
    View(Scope(members=(("region", ()), ("manager_id", ())))),
    View(EVERYTHING, members=(("segment", ()),)),
], ids=str)  # fmt: skip
def test_nothing_in_scope_means_no_rows_and_sums_of_nothing(view: View, build: Build):
    for by in (("customer_id",), ("month",), ("partner_id",), ("segment", "region")):
        assert answer(build, Question(("revenue",), by=by, view=view)) == []
    [sums] = answer(build, Question(("revenue", "orders", "customers", "lines"), view=view))
    assert not any(sums)
    [(ratio,)] = answer(build, Question(("roi",), view=view))
    assert ratio is None
    assert answer(build, Question(facts=("roi_rank", "roi_state"), by=("customer_id",), view=view)) == []
    for table in ("timeline", "consent_state"):
        assert rows(build, *Listing(table, view).sql(build.attributes)) == []


def test_the_scopes_of_all_managers_together_are_the_company(build: Build, members: dict[str, list[str]]):
    [(whole,)] = answer(build, Question(("margin",), view=EVERYBODY))
    managers = [row[0] for row in rows(build, "select distinct manager_id::varchar from customer")]
    parts = [
        answer(build, Question(("margin",), view=View(Scope(members=(("manager_id", (manager,)),)))))[0][0]
        for manager in {*managers, UNKNOWN}
    ]
    assert sum(parts) == whole


def test_a_scope_shows_no_customer_of_anybody_else(build: Build, members: dict[str, list[str]]):
    manager = members["manager_id"][1]
    view = View(Scope(members=(("manager_id", (manager,)),)))
    own = {row[0] for row in rows(build, "select customer_id from customer where manager_id = ?", [manager])}
    assert own
    assert {row[0] for row in answer(build, Question(("revenue",), by=("customer_id",), view=view))} == own
    assert {row[0] for row in answer(build, Question(facts=("roi_rank",), by=("customer_id",), view=view))} == own
    foreign = next(key for key in members["customer_id"] if key not in own)
    assert answer(build, Question(("revenue",), by=("customer_id",), view=view.only("customer_id", foreign))) == []
    assert rows(build, *Listing("timeline", view.only("customer_id", foreign)).sql(build.attributes)) == []
    seen = {
        row[0]
        for row in rows(
            build,
            f"select distinct customer_id from ({Listing('timeline', view, limit=10**6).sql()[0]})",
            Listing("timeline", view).sql()[1],
        )
    }
    assert seen and seen <= own


# ---- Refusals and injection.


@pytest.mark.parametrize(("question", "message"), [
    (Question(("roi",), by=("partner_id",)), "ROI cannot be split by partner.*Ask for Revenue"),
    (Question(("cost",), by=("category",)), "cannot be split by product category|cannot be split by category"),
    (Question(("revenue",), by=("channel",)), "Revenue cannot be split by channel.*Ask for"),
    (Question(("margin",), view=View(EVERYTHING).only("product_id", "P1")), "cannot be split by product"),
    (Question(facts=("roi_rank",), by=("segment",)), "belong to single customers"),
    (Question(facts=("roi_rank",)), "belong to single customers"),
    (Question(("revenue",), by=("segment",), order_by="margin"), "Cannot order by 'margin'"),
    (Question(("revenue",), by=("segment",), order_by="revenue; drop table ledger"), "Cannot order by"),
    (Listing("customer"), "There is no listing 'customer'. Known: "),
    (Listing("ledger; drop table ledger"), "There is no listing"),
])  # fmt: skip
def test_what_cannot_be_answered_is_refused_with_advice(question: Question | Listing, message: str, build: Build):
    with pytest.raises(Refused, match=message):
        question.sql(build.attributes)


NAMES = ("revenu", "margin)", "1", "", "customer_id;--", "revenue from ledger --", "__class__", "df", "build_info")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_not_in_the_catalog_never_becomes_sql(name: str, build: Build):
    for question in (
        Question((name,)),
        Question(("revenue",), by=(name,)),
        Question(facts=(name,), by=("customer_id",)),
        Question(("revenue",), view=View(EVERYTHING).only(name, "x")),
        Question(("revenue",), view=View(Scope(members=((name, ("x",)),)))),
    ):
        with pytest.raises(KeyError, match="is not in the catalog"):
            question.sql(build.attributes)


VALUES = (
    "r2'); drop table ledger;--",
    "' or 1=1 --",
    '" or 1=1',
    "'; attach '/tmp/x' as x; --",
    "’ or ’1’=’1",
    "a\x00b",
    "%",
    "_",
    "*",
    ".*",
    "\\",
    "$1",
    "?",
    "{}",
    "x" * 100_000,
    "\u202e",
    "NULL",
    "true",
)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_value_from_outside_is_only_ever_a_value(value: str, build: Build, members: dict[str, list[str]]):
    before = rows(build, "select count(*) from ledger")
    for name in set(members) - {"month"}:
        metric = "revenue" if LINE in (DIMENSIONS.get(name) or attribute(name)).events else "contacts"
        assert answer(build, Question((metric,), by=(name,), view=EVERYBODY.only(name, value))) == []
        if (DIMENSIONS.get(name) or attribute(name)).of_customer:
            assert answer(build, Question((metric,), by=(name,), view=View(Scope(members=((name, (value,)),))))) == []
    assert rows(build, *Listing("timeline", EVERYBODY.only("customer_id", value)).sql(build.attributes)) == []
    assert rows(build, "select count(*) from ledger") == before


def test_every_fact_can_be_asked_for_every_customer(build: Build):
    found = answer(build, Question(facts=tuple(FACTS), by=("customer_id",), view=EVERYBODY))
    [(customers,)] = rows(build, "select count(*) from customer")
    assert len(found) == customers
    assert all(any(row[1 + i] is not None for row in found) for i in range(len(FACTS)))
