"""Figures leave a build by one way only, with the reader's scope in the question; and nothing of a person is cached."""

from __future__ import annotations

import ast
import random
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from streamlit.runtime.state import query_params as streamlits
from streamlit.testing.v1 import AppTest

from components import ask
from data import view_format
from data.question import EVERYTHING, Listing, Question, Refused, View
from data.view import Scope
from data.view_format import Body
from data.warehouse import Build, Warehouse
from tests import colleagues
from tests.conftest import ROOT, run_data

LAYERS = ("app.py", "server.py", "web", "pages", "components", "data", "models")
# Who may ask a build directly: the one cache, what the build itself is made with, files to take along, and the
# demonstration, which looks for the biggest book before there is any reader.
ASKING = {"components/ask.py", "data/warehouse.py", "data/export.py", "data/reach.py", "web/demo.py"}
# What is made outside of a screen has no session: it asks the build it was made of, with the view of the reader.
ASKING |= {"components/partner_figures.py", "components/whole_company.py"}
ASKING |= {"data/journal/overrides.py"}  # whether a customer whom somebody decides about is in their book
# Who may name the whole company as a scope: roles, and the one figure of it that a company may allow beside one's own.
WHOLE = {"data/view.py", "data/question.py", "data/rights.py", "components/whole_company.py", "web/demo.py"}
WHOLE |= {"data/conditions.py"}  # for members that were chosen, before the scope is added
WHOLE |= {"data/plan_command.py", "data/journal/overrides.py"}  # for whoever runs commands on the server
WHOLE |= {"data/recipients.py"}  # for the worker that sends: who asked for the list was checked when it was made


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Path and syntax of every file of the product."""
    for place in LAYERS:
        for file in [ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*.py")):
            yield file.relative_to(ROOT).as_posix(), ast.parse(file.read_text(encoding="utf-8"))


def users(wanted) -> set[str]:
    """Files with a node that is wanted."""
    return {path for path, tree in trees() for node in ast.walk(tree) if wanted(node)}


def asks_an_engine(node: ast.AST) -> bool:
    """`anything.engine`, a new connection, or the statement itself."""
    named = isinstance(node, ast.Attribute) and node.attr in ("engine", "sql", "count_sql", "connection")
    return named or (isinstance(node, ast.Name) and node.id == "DuckDB")


def asks_a_build(node: ast.AST) -> bool:
    """`build.answer(…)` or `build.count(…)`, whatever the build is called."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("answer", "count", "partners_of")
        and "build" in ast.unparse(node.func.value).lower()
    )


def test_no_screen_and_no_route_reaches_the_database_behind_a_build():
    outside = {path for path in users(asks_an_engine) if not path.startswith("data/")}
    assert outside == set()


def test_a_build_is_asked_in_the_known_places_only():
    found = users(asks_a_build)
    assert "components/ask.py" in found
    assert found - ASKING == set()


def test_the_whole_company_as_a_scope_is_named_where_rights_are_decided_only():
    def names_it(node: ast.AST) -> bool:
        everything = isinstance(node, ast.keyword) and node.arg == "everything" and ast.unparse(node.value) == "True"
        return everything or (isinstance(node, ast.Name) and node.id == "EVERYTHING")

    found = users(names_it)
    assert "data/rights.py" in found
    assert found - WHOLE == set()


def test_every_view_of_the_screens_is_made_with_the_readers_scope():
    """`View()` without a scope sees nothing; and outside of the known places, no screen makes one with another."""
    made = {
        (path, ast.unparse(node.args[0]) if node.args else "")
        for path, tree in trees()
        if path.startswith(("components/", "pages/", "app.py"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("View", "question.View")
    }
    assert made
    kinds = (
        "access.scope(",
        "build.scope_of(actor.held)",
        "asked.view.scope",
        "self.view.scope",
        "own.scope",
        "view.scope",
        "scope",
    )
    strange = {(path, scope) for path, scope in made if scope and not scope.startswith(kinds)}
    assert {path for path, _ in strange} <= {"components/whole_company.py"}
    assert View().scope == Scope() and not Scope().everything and Scope().members == ()


@pytest.mark.parametrize("bad", [None, "everything", True, {"everything": True}])
def test_a_scope_that_is_none_is_an_error_or_nothing_and_never_everything(bad, warehouse):
    build = Warehouse(warehouse).current()
    whole = build.answer(Question(("orders",), view=View(EVERYTHING)))["orders"].iloc[0]
    assert whole > 0
    with suppress(AttributeError, TypeError, ValueError, Refused):
        assert not build.answer(Question(("orders",), view=View(bad)))["orders"].iloc[0] > 0  # type: ignore[arg-type]


# ---- Caches.

PERSONAL = ("actor", "user", "session", "person", "claims", "held", "rights", "role", "cookie", "token")


def cached() -> Iterator[tuple[str, ast.FunctionDef, ast.expr]]:
    """Every function that is cached, and by what."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                for how in node.decorator_list:
                    if "cache" in ast.unparse(how).split("(")[0] and "cached_property" not in ast.unparse(how):
                        yield path, node, how


def test_no_cached_function_leaves_an_argument_out_of_its_key_or_takes_a_person():
    """An argument that begins with `_` is not in the key of Streamlit's caches: two people would share an answer."""
    found = list(cached())
    assert len(found) >= 8
    for path, function, _ in found:
        names = [one.arg for one in (*function.args.args, *function.args.kwonlyargs, *function.args.posonlyargs)]
        assert not function.args.vararg and not function.args.kwarg, (path, function.name)
        assert not [name for name in names if name.startswith("_")], (path, function.name)
        assert not [name for name in names if any(word in name for word in PERSONAL)], (path, function.name)


def test_no_cached_function_asks_who_is_looking():
    """What a cached function reads besides its arguments would be kept for whoever comes next."""
    for path, function, _ in cached():
        body = ast.unparse(ast.Module(function.body, []))
        for word in ("session_state", "st.user", "access.", "current_user", "query_params", "st.context"):
            assert word not in body, (path, function.name, word)


def test_every_cache_that_grows_is_bounded():
    for path, function, how in cached():
        text = ast.unparse(how)
        if text.startswith("st."):
            assert "max_entries=" in text and "max_entries=None" not in text, (path, function.name)
        elif "lru_cache" in text:
            assert "maxsize=" in text and "maxsize=None" not in text, (path, function.name)
        else:  # functools.cache has no bound: what it is asked with must have one
            kinds = [ast.unparse(one.annotation) for one in function.args.args if one.annotation]
            assert len(function.args.args) <= 3 and set(kinds) <= {"str"}, (path, function.name, kinds)


def test_the_scope_is_in_the_text_that_is_the_caches_key():
    """`repr` of a question names every part of it: no field is left out of the key."""
    import dataclasses

    for kind in (Question, Listing, View, Scope):
        assert all(one.repr for one in dataclasses.fields(kind)), kind
        assert kind.__repr__.__qualname__.endswith("__repr__")
    one, other = Scope(members=(("manager_id", ("M01",)),)), Scope(members=(("manager_id", ("M01", "M02")),))
    assert repr(Listing("timeline", View(one))) != repr(Listing("timeline", View(other)))


# ---- One connection, many readers; one screen, one build.


def test_eight_threads_at_one_build_get_the_answers_that_one_gets(warehouse):
    """The connection is shared, the cursor is not: answers of different scopes asked at once are never mixed up."""
    build = Warehouse(warehouse).current()
    managers = [m for m in build.manifest["filters"]["manager_id"] if m.startswith("M")][:6]
    scopes = [EVERYTHING, Scope(), *(Scope(members=(("manager_id", (m,)),)) for m in managers)]
    asked = [Question((metric,), view=View(scope)) for scope in scopes for metric in ("orders", "revenue", "margin")]
    asked += [Question(("orders",), ("segment",), View(scope), order_by="segment") for scope in scopes]
    alone = [build.answer(question).to_csv() for question in asked]
    assert len(set(alone)) > len(scopes)
    order = [n for n in range(len(asked)) for _ in range(12)]
    random.Random(8).shuffle(order)
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda n: (n, build.answer(asked[n]).to_csv()), order))
    assert [n for n, text in together if text != alone[n]] == []


@pytest.mark.parametrize("page", ["company/overview", "value/customer_roi", "trust/data_trust"])
def test_a_screen_is_made_of_one_build_also_when_another_is_published_meanwhile(page, company, tmp_path, monkeypatch):
    """The newer build appears while the page is being drawn: no figure of it is on that screen, all are on the next."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        done = run_data("build", company, "--warehouse", folder)
        assert done.returncode == 0, done.stderr
    old, new = Warehouse(first).newest(), Warehouse(second).newest()
    assert old != new
    seen: list[str] = []
    real = Build.answer

    def answer(build: Build, question):
        seen.append(build.id)
        if len(seen) == 1:
            publish(second, first)
        return real(build, question)

    monkeypatch.setattr(Build, "answer", answer)
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(first))
    ask.answer.clear()
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    colleagues.enter(app, "auditor")
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception and seen
    assert Warehouse(first).newest() == new, "the newer build was published while the page was drawn"
    before = [one for one in seen if one == new]
    shown = "\n".join(str(element.value) for element in (*app.markdown, *app.code))
    assert before == [] and new not in shown
    seen.clear()
    app.run()
    assert set(seen) >= {new} or page == "trust/data_trust"


def publish(source: Path, target: Path) -> None:
    """Put the build of one warehouse into another, the pointer last."""
    pointer = "CURRENT.json"
    for file in source.iterdir():
        if file.name != pointer and file.is_file() and not (target / file.name).exists():
            shutil.copy2(file, target / file.name)
    shutil.copy2(source / pointer, target / "pointer.new")
    (target / "pointer.new").replace(target / pointer)


def test_a_reader_cannot_change_a_setting_for_the_next_one(warehouse):
    """Variables, threads, time zone: locked for everybody who shares the connection."""
    build = Warehouse(warehouse).current()
    before = build.engine.ask("select name, value from duckdb_settings() order by name", []).to_csv()
    for text in ("set variable mine = 1", "set threads = 1", "set TimeZone = 'Asia/Tokyo'", "reset threads",
                 "set session search_path = 'x'", "pragma threads = 1", "set lock_configuration = false"):  # fmt: skip
        with suppress(duckdb.Error):
            build.engine.ask(text, [])
    assert build.engine.ask("select name, value from duckdb_settings() order by name", []).to_csv() == before
    assert build.engine.ask("select getvariable('mine') as mine", [])["mine"].isna().all()


def test_streamlit_takes_every_address_that_a_view_can_have():
    """It empties an address of too many parts without a word, which would show everything instead of what was chosen."""
    values = tuple(f"{n:03x}" for n in range(view_format.MOST_VALUES))
    build = "20261122T180406Z-baf75ff59b8e"
    body = view_format.parse(view_format.serialise(Body("overview", (("segment", values),), build, ())))
    query = view_format.address(body, "v" * 22, build).partition("?")[2]
    assert query.count("&") + 1 == len(values) + 2 <= streamlits.CLIENT_STATE_QUERY_STRING_MAX_FIELDS
    assert len(query) <= streamlits.CLIENT_STATE_QUERY_STRING_MAX_LENGTH
