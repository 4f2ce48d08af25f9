"""Row-level rights: a question within a scope is the question on data that holds nothing but the scope."""

from __future__ import annotations

import random
import shutil
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from numbers import Number

import duckdb
import pandas as pd
import pytest

from components import ask
from data import reach, rights
from data.catalog import DIMENSIONS, FACTS, HAPPENED, METRICS, REACH, SCORE, attribute
from data.contract import UNKNOWN
from data.manifest import SMALLEST_GROUP
from data.question import EVERYTHING, LISTINGS, Listing, Question, Refused
from data.rights import Actor, Held
from data.tables import CUSTOMER_DIMS, TABLES
from data.view import Scope, View
from data.warehouse import Build, Warehouse
from tests.conftest import run_data

SCOPES, CUSTOMERS = 200, 250
LEDGER = next(table for table in TABLES if table.name == "ledger")
OF_CUSTOMERS = [name for name, table in LISTINGS.items() if "customer_id" in table.dims and not table.of_whole]
NAMING = ("partner_id", "other_id", "goes_on_as")  # columns that hold a partner's key
COUNTED = ("orders", "customers")
LEARNED = {name for name, one in DIMENSIONS.items() if one.of_customer} - CUSTOMER_DIMS - {"roi_state"}


@pytest.fixture(scope="module")
def build(tmp_path_factory) -> Build:
    """A small company: every question is asked in each of many scopes, and once more without."""
    feeds, warehouse = tmp_path_factory.mktemp("feeds"), tmp_path_factory.mktemp("builds")
    for command in (
        ("simulate", "--customers", str(CUSTOMERS), "--seed", "5", "--to", feeds),
        ("build", feeds, "--warehouse", warehouse),
    ):
        done = run_data(*command)
        assert done.returncode == 0, done.stdout + done.stderr
    return Warehouse(warehouse).current()


@pytest.fixture(scope="module")
def copy(build: Build, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """A second database beside a copy of the build's file, for data that holds one scope only."""
    [(_, original)] = (
        build.engine.connection.cursor().execute("select 1, path from duckdb_databases() where not internal").fetchall()
    )
    file = shutil.copy(original, tmp_path_factory.mktemp("scope") / "all.duckdb")
    with duckdb.connect() as db:
        db.execute(f"attach '{file}' as everything (read_only)")
        yield db


def registered(build: Build) -> list[Question]:
    """Every metric as it is and by month; every dimension with all metrics it can split; all facts. Nothing left out.

    Metrics of the same events are asked together: within a scope the same table answers them.
    """
    dimensions = {name: DIMENSIONS.get(name) or attribute(name) for name in (*DIMENSIONS, *build.attributes)}
    alike: dict[tuple, list[str]] = {}
    for name, metric in METRICS.items():
        alike.setdefault((metric.events, name if name in COUNTED else ""), []).append(name)
    questions = [
        Question(tuple(names), by, order_by="".join(by))
        for (events, _), names in alike.items()
        for by in ((), ("month",))
        if not by or set(events) <= set(DIMENSIONS["month"].events)
    ]
    for name, dimension in dimensions.items():
        split = [m for m, metric in METRICS.items() if set(metric.events) <= set(dimension.events) and m not in COUNTED]
        happened = [m for m in split if set(METRICS[m].events) <= set(HAPPENED)]
        for some in (happened, [m for m in split if m not in happened and METRICS[m].events == (SCORE,)]):
            questions += [Question(tuple(some), (name,), order_by=name)] if some else []
        expected = [m for m in split if METRICS[m].events == (REACH,)]
        questions += [Question(tuple(expected), (name,), order_by=name)] if expected else []
        if {"line"} <= set(dimension.events):
            questions.append(Question(COUNTED, (name,), order_by=name))
    return [*questions, Question(("margin", "cost"), ("customer_id",), facts=tuple(FACTS))]


def test_every_metric_dimension_and_fact_is_among_the_questions_that_are_tried(build: Build):
    questions = registered(build)
    assert {name for q in questions for name in q.metrics} == set(METRICS)
    assert {name for q in questions for name in q.by} == {*DIMENSIONS, *build.attributes}
    assert {name for q in questions for name in q.facts} == set(FACTS)


def random_scope(draw: random.Random, members: dict[str, list[str]]) -> Scope:
    """Customers of some managers, regions or single keys, and sometimes some partners as well."""
    name = draw.choice(["manager_id", "manager_id", "region", "segment", "customer_id", "none"])
    own = () if name == "none" else ((name, tuple(draw.sample(members[name], draw.choice([1, 1, 2])))),)
    partners = (("partner_id", tuple(draw.sample(members["partner_id"], 2))),) if draw.random() < 0.3 else ()
    return Scope(members=own + partners)


def keep_only(scope: Scope, customers: pd.DataFrame, db: duckdb.DuckDBPyConnection) -> None:
    """Make tables of the rows in scope, the customers named one by one."""
    chosen = dict(scope.members)
    partners = chosen.pop("partner_id", ())
    keys = [row.customer_id for row in customers.itertuples() if any(getattr(row, n) in m for n, m in chosen.items())]
    db.execute(
        "create or replace table ledger as select * from everything.ledger where list_contains($keys, customer_id) "
        "or list_contains($partners, partner_id)",
        {"keys": keys, "partners": list(partners)},
    )
    for table in ("customer", *OF_CUSTOMERS):
        db.execute(
            f"create or replace table {table} as select * from everything.{table} where list_contains(?, customer_id)",
            [keys],
        )
    db.execute("create or replace table own as select * from ledger where list_contains(?, customer_id)", [keys])
    db.execute(
        "create or replace table sold as select * from ledger where list_contains(?, partner_id)", [list(partners)]
    )
    db.execute("create or replace table known as select * from everything.customer")


def expected(question: Question) -> bool:
    """Whether it asks for what is expected, not for what happened."""
    return bool({event for name in question.metrics for event in METRICS[name].events} & {SCORE, REACH})


def places(found: pd.DataFrame) -> pd.DataFrame:
    """The stored places of some customers, as places among these customers: by counting, one by one."""
    rated = sorted(found["roi_rank"].dropna())
    below = lambda place, count: None if pd.isna(place) else count(rated, place)  # noqa: E731
    at = found.assign(
        roi_rank=[below(place, bisect_right) for place in found["roi_rank"]],
        rank_low=[below(place, lambda r, p: bisect_left(r, p) + 1) for place in found["rank_low"]],
        rank_high=[below(place, bisect_right) for place in found["rank_high"]],
    )
    return at.assign(margin_rank=found["margin_rank"].rank().astype(int))


def rows_of(frame: pd.DataFrame, by: tuple[str, ...]) -> list[tuple]:
    """Rows in an order of their own; numbers as floats to nine significant digits, nothing as None."""
    order = [*by, *sorted(set(frame.columns) - {*by})]
    plain = lambda v: None if pd.isna(v) else float(f"{v:.9g}") if isinstance(v, Number) else str(v)  # noqa: E731
    return sorted((tuple(map(plain, row)) for row in frame[order].itertuples(index=False)), key=repr)


@pytest.fixture(scope="module")
def customers(build: Build) -> pd.DataFrame:
    return build.engine.ask("select customer_id, manager_id::varchar as manager_id, region::varchar as region, segment::varchar as segment from customer", [])  # fmt: skip


@pytest.fixture(scope="module")
def members(customers: pd.DataFrame, build: Build) -> dict[str, list[str]]:
    found = {name: sorted(set(customers[name]) - {UNKNOWN}) for name in customers.columns}
    return found | {"partner_id": list(build.engine.ask("select partner_id from partner", [])["partner_id"])}


def test_every_question_within_200_scopes_is_the_question_on_data_of_that_scope_alone(build, copy, customers, members):
    draw, questions, asked, refused = random.Random(3), registered(build), 0, 0
    others = [question for question in questions if {*question.by} & LEARNED or (question.by and expected(question))]
    core = [question for question in questions if question not in others]
    for turn in range(SCOPES):  # every question in every scope; splits by or of what is expected in every tenth
        scope = random_scope(draw, members)
        keep_only(scope, customers, copy)
        for question in (*core, *others[turn % 10 :: 10]):
            mine, alone = View(scope), View(EVERYTHING)
            try:
                within = build.answer(Question(question.metrics, question.by, mine, question.facts, question.order_by))
            except Refused:
                refused += 1
                assert {name for name, _ in scope.members} == {"partner_id"}
                continue
            sql, values = Question(question.metrics, question.by, alone, question.facts, question.order_by).sql(
                build.attributes, table=None if question.facts else LEDGER
            )
            kinds = {name == "partner_id" for name, _ in scope.members}
            single = bool({"customer_id", "roi_state"} & {*question.by})  # only one's own, whoever sold to others
            of_partners = not single and True in kinds and ("partner_id" in question.by or False not in kinds)
            sql = sql.replace("from ledger t", "from sold t" if of_partners else "from own t")
            truth = copy.execute(sql.replace("from customer) c", "from known) c"), values).df()
            if question.facts:
                truth = places(truth)
            if question.by:  # a group of the ledger in which nothing happened is no row of a smaller table
                some = [name for name in within.columns if name not in question.by]
                within, truth = (
                    frame[frame[some].fillna(0).astype(bool).any(axis=1)] if not question.facts else frame
                    for frame in (within, truth)
                )
            assert rows_of(within, question.by) == rows_of(truth, question.by), (scope, question)
            asked += 1
        for name in OF_CUSTOMERS:
            within = build.answer(Listing(name, View(scope), limit=10**6))
            assert len(within) == copy.execute(f"select count(*) from {name}").fetchall()[0][0], (scope, name)
    assert asked > 30 * SCOPES and refused < asked / 5


def test_a_scope_of_partners_alone_has_no_margin_after_service_but_what_was_sold(build, members):
    view = View(Scope(members=(("partner_id", tuple(members["partner_id"][:1])),)))
    with pytest.raises(Refused, match="Revenue"):
        build.answer(Question(("margin",), view=view))
    assert build.answer(Question(("revenue",), view=view))["revenue"].iloc[0] > 0


def test_no_listing_of_the_whole_company_is_shown_to_a_part_of_it(build, members):
    view = View(Scope(members=(("manager_id", tuple(members["manager_id"][:1])),)))
    for name in set(LISTINGS) - set(OF_CUSTOMERS):
        assert build.answer(Listing(name, view)).empty, name


@pytest.mark.parametrize("subject", ["", UNKNOWN, "nobody of that name"])
def test_a_book_that_is_not_known_shows_nothing(subject, build):
    scope = rights.scope_of((Held("manager", subject), Held("partner", subject)), (), {})
    for question in registered(build):
        try:
            found = build.answer(Question(question.metrics, question.by, View(scope), question.facts))
        except Refused:
            continue
        assert len(found) <= (0 if question.by else 1)
        assert not found.fillna(0).to_numpy().any()


def test_what_a_reader_may_choose_from_occurs_in_scope(build, customers, members):
    for manager in members["manager_id"][:4]:
        scope = Scope(members=(("manager_id", (manager,)),))
        offered = reach.values(build, scope)
        own = customers[customers["manager_id"] == manager]
        assert set(offered["segment"]) == set(own["segment"]) and set(offered["region"]) == set(own["region"])
        assert offered["manager_id"] == [manager]
    assert reach.values(build, Scope()) == {}
    assert reach.values(build, EVERYTHING) == build.manifest["filters"]


# ---- Partners.


@pytest.fixture(scope="module")
def names(build, members) -> dict[str, str]:
    """Every partner's key -> its name."""
    rows = build.engine.ask("select partner_id, partner_name from partner_profile", [])
    return {key: name for key, name in zip(rows["partner_id"], rows["partner_name"], strict=True) if key != UNKNOWN}


def cells(frame: pd.DataFrame) -> Iterator[object]:
    """Every value of a table, and every part of those that are lists."""
    for value in frame.astype(object).to_numpy().ravel():
        yield from value if isinstance(value, (list, tuple)) or hasattr(value, "tolist") else (value,)


def of_others(frame: pd.DataFrame, own: tuple[str, ...], names: dict[str, str]) -> set[str]:
    """Keys and names of partners that are not among the own ones, as cells or inside of a text."""
    others = {text for key, name in names.items() if key not in own for text in (key, name)}
    others -= {names[key] for key in own if key in names}
    found = {str(cell) for cell in cells(frame)}
    return {text for text in others if any(text in cell for cell in found)}


def test_every_partner_has_a_name_of_its_own_to_be_recognised_by(names):
    assert len(names) > 10 and len(set(names.values())) == len(names)
    whole = pd.DataFrame(
        {"similar": [["P9999", next(iter(names))]], "text": [f"as {next(reversed(names.values()))} does"]}
    )
    assert of_others(whole, (), names) == {next(iter(names)), next(reversed(names.values()))}


def test_a_listing_within_100_scopes_of_partners_has_the_rows_that_name_nobody_else(build, copy, names):
    draw, filled = random.Random(11), set()
    stored = {name: copy.execute(f"from everything.{LISTINGS[name].name}").df() for name in LISTINGS}
    for turn in range(100):
        own = tuple(draw.sample(sorted(names), draw.choice([1, 1, 2, 5])))
        kinds = (("partner_id", own),) if turn % 2 else (("manager_id", ("M01",)), ("partner_id", own))
        for groups in (None, ()):
            view = View(Scope(members=kinds, attributes=groups))
            for name, table in LISTINGS.items():
                found = build.answer(Listing(name, view, limit=10**6))
                key = [column for column in NAMING if column in stored[name].columns]
                key = ["goes_on_as"] if "goes_on_as" in key else key  # what has become part of an own partner
                if table.of_whole or "customer_id" in table.dims or not key:
                    assert table.of_whole is False or found.empty, name
                    assert found.empty or "customer_id" in table.dims, name
                    continue
                truth = stored[name][stored[name][key].isin(own).all(axis=1)]
                truth = truth[:0] if name.startswith("learned_") and groups is not None else truth
                keys = sorted(map(tuple, truth[key].astype(str).to_numpy()))
                assert sorted(map(tuple, found[key].astype(str).to_numpy())) == keys, (name, own)
                assert groups is None or not of_others(found, own, names), (name, own)
                filled |= {name} if len(found) else set()
    assert filled >= {"partner_year", "partner_profile", "partner_overlap"}


def test_no_answer_to_a_partner_names_another_one(build, names):
    for own in (sorted(names)[:1], sorted(names)[-2:]):
        scope = rights.scope_of(tuple(Held("partner", one) for one in own), (), {})
        answered = 0
        for question in registered(build):
            for view in (View(scope), View(scope).only("partner_id", *names)):
                try:
                    found = build.answer(Question(question.metrics, question.by, view, question.facts))
                except Refused:
                    continue
                assert not of_others(found, tuple(own), names), (own, question)
                answered += 1
        assert answered > 10
        for name in ("partner_year", "partner_profile", "partner_overlap", "partner_target"):
            asked = Listing(name, View(scope).only("partner_id", *names), limit=10**6)
            assert set(build.answer(asked)["partner_id"]) <= set(own), name


def test_readers_of_groups_are_told_nothing_of_fewer_than_ten_shared_customers(build, copy):
    groups = View(Scope(everything=True, attributes=tuple(build.manifest["groupable"])))
    hidden = 0
    for name, number in (
        ("partner_overlap", "shared"),
        ("learned_overlap", "shared"),
    ):
        about = LISTINGS[name].groups
        everything = build.answer(Listing(name, View(EVERYTHING), limit=10**6))
        told = build.answer(Listing(name, groups, limit=10**6))
        few = (everything[number] < SMALLEST_GROUP).to_numpy()
        assert told.loc[few, list(about)].isna().all(axis=None) and len(told) == len(everything), name
        pd.testing.assert_frame_equal(told[~few], everything[~few], check_dtype=False)
        hidden += few.sum()
    assert hidden > 10


def test_bands_of_peers_are_rounded_quartiles_of_more_than_ten(build, copy):
    bands = copy.execute("from everything.peer_band").df()
    assert len(bands) and (bands["members"] > 10).all()
    for value in bands[["low", "middle", "high"]].to_numpy().ravel():
        assert value == float(f"{value:.2g}")


# ---- Readers of groups.


def test_readers_of_groups_cannot_tell_two_views_apart_by_fewer_than_ten_customers(build, copy):
    """All pairs of filters on the attributes offered: any two choices differ by nobody or by ten customers at least."""
    offered = list(reach.values(build, Scope(everything=True, attributes=tuple(build.manifest["groupable"]))))
    assert offered, "this company has no attribute to offer"
    crossed = copy.execute(
        f"select {', '.join(f'{name}::varchar' for name in offered)}, count(*) from everything.customer group by all"
    ).fetchall()
    assert min(row[-1] for row in crossed) >= SMALLEST_GROUP
    draw = random.Random(5)
    values = [sorted({row[i] for row in crossed}) for i in range(len(offered))]
    views = [tuple(frozenset(draw.sample(v, draw.randint(1, len(v)))) for v in values) for _ in range(300)]
    inside = [{i for i, row in enumerate(crossed) if all(row[k] in v[k] for k in range(len(v)))} for v in views]
    recovered = 0
    for a in inside:
        for b in inside:
            apart = sum(crossed[i][-1] for i in a - b) if b < a else 0
            recovered += 0 < apart < SMALLEST_GROUP
    assert recovered == 0


def test_readers_of_groups_are_refused_single_customers_and_finer_attributes(build):
    groups = Scope(everything=True, attributes=tuple(build.manifest["groupable"]))
    assert build.answer(Question(("margin",), view=View(groups)))["margin"].iloc[0] > 0
    finer = [name for name in build.manifest["filters"] if name not in groups.attributes]
    assert finer
    for name in ("customer_id", "roi_state", *finer):
        with pytest.raises(Refused):
            build.answer(Question(("revenue",), (name,), View(groups)))
        with pytest.raises(Refused):
            build.answer(Question(("revenue",), view=View(groups, ((name, ("x",)),))))
    with pytest.raises(Refused):
        build.answer(Question((), ("customer_id",), View(groups), ("roi_rank",)))
    for name in OF_CUSTOMERS:
        assert build.answer(Listing(name, View(groups))).empty


# ---- The cache.


def test_two_readers_never_share_an_answer_that_differs(build, members):
    ask.answer.clear()
    question = Question(("margin",))
    found = {}
    for scope in (EVERYTHING, *(Scope(members=(("manager_id", (m,)),)) for m in members["manager_id"])):
        mine = Question(question.metrics, view=View(scope))
        found[scope] = ask.answer(mine, build)["margin"].iloc[0], build.answer(mine)["margin"].iloc[0]
    assert all(cached == fresh for cached, fresh in found.values())
    assert len({cached for cached, _ in found.values()}) > 2


def test_the_cache_key_is_the_text_of_the_rights_not_their_name(build, members):
    """The same person with another book asks another question; nothing but the question and the build is the key."""
    first, second = (rights.scope_of((Held("manager", m),), (), {}) for m in members["manager_id"][:2])
    assert repr(Question(("margin",), view=View(first))) != repr(Question(("margin",), view=View(second)))
    groups = Scope(everything=True, attributes=("region",))
    assert repr(Question(("margin",), view=View(groups))) != repr(Question(("margin",), view=View(EVERYTHING)))


# ---- Scopes of roles.


def test_partners_of_a_manager_are_those_assigned_now(build, copy):
    manager, expected = copy.execute(
        "select manager_id, list(partner_id order by partner_id) from everything.partner "
        f"where manager_id <> '{UNKNOWN}' group by 1 order by len(list(partner_id)) desc limit 1"
    ).fetchall()[0]
    assert list(build.partners_of(manager)) == expected
    assert build.partners_of("nobody of that name") == ()


@pytest.mark.parametrize(("held", "everything", "members_"), [
    ((Held("executive"),), True, ()),
    ((Held("auditor"),), True, ()),
    ((Held("approver"), Held("executive")), True, ()),
    ((Held("admin"),), False, ()),
    ((), False, ()),
    ((Held("manager", "M1"),), False, (("manager_id", ("M1",)), ("partner_id", ("P1", "P2")))),
    ((Held("manager", "M2"), Held("manager", "M3")), False, (("manager_id", ("M2", "M3")),)),
    ((Held("partner", "P9"),), False, (("partner_id", ("P9",)),)),
])  # fmt: skip
def test_a_role_sees_its_own_rows(held, everything, members_):
    scope = rights.scope_of(held, ("region",), {"M1": ("P1", "P2"), "M4": ("P4",)})
    assert scope.everything == everything and scope.members == members_
    assert (scope.attributes is not None) == (held in ((Held("executive"),), (Held("partner", "P9"),)))


def test_nobody_may_do_anything():
    permissions = {value for name, value in vars(rights).items() if name.isupper() and isinstance(value, str)}
    assert not any(Actor("").may(permission) for permission in permissions)
    assert not any(Actor("x", held=(Held("no such role"),)).may(permission) for permission in permissions)
