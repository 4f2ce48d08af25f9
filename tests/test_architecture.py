"""The layout is a test: every rule holds for every file, and every rule can fail."""

from __future__ import annotations

import subprocess
from functools import partial

import pytest

from tests import architecture as rules
from tests.conftest import ROOT

LAYERS = ("app.py", "server.py", "web", "pages", "components", "data", "models")


def sources(*places: str, suffix: str = ".py") -> dict[str, str]:
    """Path from the project's folder -> text, of every file with this suffix in these files and folders."""
    found = [
        file
        for place in places
        for file in ([ROOT / place] if (ROOT / place).is_file() else (ROOT / place).rglob(f"*{suffix}"))
    ]
    return {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in sorted(found)}


PYTHON = sources(*LAYERS)
PAGES = {
    path: source for path, source in PYTHON.items() if path.startswith("pages/") and not path.endswith("__init__.py")
}
TABLES = {path: text for path, text in sources("data/sql", suffix=".sql").items() if path.count("/") == 2}
# Asked of one day, or of some months, by the learners; no tables of a build.
OF_A_DAY, OF_MONTHS = (sources(f"data/sql/{place}", suffix=".sql") for place in ("at", "between"))
QUESTIONS = OF_A_DAY | OF_MONTHS


def breaches(rule, files: dict[str, str]) -> list[str]:
    """What the rule finds in any of the files."""
    assert files, "there is no file to look at"
    return [breach for path, source in files.items() for breach in rule(path, source)]


def test_each_layer_imports_only_what_it_may():
    assert breaches(rules.foreign_imports, PYTHON) == []


def test_no_page_lies_directly_in_pages():
    assert rules.flat_pages(list(sources("pages"))) == []


def test_every_page_is_in_the_contents_of_app_and_every_entry_has_its_page():
    listed = [file for file, _ in rules.contents(PYTHON["app.py"])]
    assert len(listed) == len(set(listed)) > 0
    assert rules.unlisted(listed, list(PAGES)) == []


def test_a_page_is_a_short_script():
    assert breaches(partial(rules.too_long, most=rules.MOST_PAGE_LINES), PAGES) == []


def test_pages_write_no_sql():
    assert breaches(rules.sql_texts, PAGES) == []


def test_pages_keep_no_state_and_write_no_html():
    assert breaches(partial(rules.names_used, forbidden={"session_state", "html", "iframe"}), PAGES) == []


def test_the_one_cache_is_in_components_ask():
    others = {path: source for path, source in PYTHON.items() if path != "components/ask.py"}
    assert breaches(partial(rules.names_used, forbidden={"cache_data", "cache_resource"}), others) == []


def test_nobody_writes_unsafe_html():
    assert breaches(partial(rules.names_used, forbidden={"unsafe_allow_html", "unsafe_allow_javascript"}), PYTHON) == []


def test_no_file_is_longer_than_a_reader_bears():
    assert breaches(partial(rules.too_long, most=rules.MOST_LINES), PYTHON | TABLES | QUESTIONS) == []


def test_every_file_and_public_name_says_what_it_is():
    assert breaches(rules.without_docstring, PYTHON) == []


def test_every_table_opens_with_its_contract():
    assert breaches(rules.without_contract, TABLES) == []


def test_every_question_of_the_learners_says_what_it_is_and_takes_its_day_or_its_months():
    for path, text in QUESTIONS.items():
        assert text.startswith(f"-- {path.split('/')[-1].removesuffix('.sql')}: "), path
        values = ("$since", "$until") if path in OF_MONTHS else ("$cut",)
        assert all(value in text.split("\n", 1)[1] for value in values), path


def test_nothing_is_left_unfinished():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout, so what belongs to the project is not known")
    text_files = [file for file in tracked.stdout.splitlines() if not file.endswith((".png", ".parquet", ".xlsx"))]
    assert breaches(rules.unfinished, sources(*text_files)) == []


BAD = [
    (rules.foreign_imports, "data/build.py", "import streamlit as st"),
    (rules.foreign_imports, "data/build.py", "from components.ask import ask"),
    (rules.foreign_imports, "data/build.py", "from models import roi"),
    (rules.foreign_imports, "models/roi.py", "import duckdb"),
    (rules.foreign_imports, "models/roi.py", "from data.catalog import METRICS"),
    (rules.foreign_imports, "models/roi.py", "def fit():\n    from ..data import catalog"),
    (rules.foreign_imports, "components/charts.py", "import models.roi"),
    (rules.foreign_imports, "components/ask.py", "import duckdb"),
    (rules.foreign_imports, "components/ask.py", "from pages.value import customer_roi"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "import plotly.graph_objects as go"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "from data import engine"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "from data.engine import Engine"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "from . import other"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "__import__('duckdb')"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "import importlib\nimportlib.import_module(name)"),
    (rules.foreign_imports, "components/ask.py", "import app"),
    (rules.foreign_imports, "app.py", "from pages.value import customer_roi"),
    (rules.sql_texts, "pages/value/customer_roi.py", "run('select margin from customer')"),
    (rules.sql_texts, "pages/value/customer_roi.py", "run('''SELECT margin\nFROM customer''')"),
    (rules.sql_texts, "pages/value/customer_roi.py", "run(f'{start} order by {name}')"),
    (rules.sql_texts, "pages/value/customer_roi.py", "run('sum(margin)')"),
    (partial(rules.names_used, forbidden={"session_state"}), "pages/a/b.py", "st.session_state['x'] = 1"),
    (
        partial(rules.names_used, forbidden={"session_state"}),
        "pages/a/b.py",
        "from streamlit import session_state as s",
    ),
    (partial(rules.names_used, forbidden={"html"}), "pages/a/b.py", "st.html('<b>')"),
    (partial(rules.names_used, forbidden={"cache_data"}), "data/engine.py", "@st.cache_data\ndef f(): ..."),
    (partial(rules.names_used, forbidden={"cache_data"}), "data/engine.py", "from streamlit import cache_data"),
    (partial(rules.names_used, forbidden={"unsafe_allow_html"}), "app.py", "st.markdown(x, unsafe_allow_html=True)"),
    (partial(rules.too_long, most=3), "app.py", "1\n2\n3\n4"),
    (rules.without_docstring, "data/build.py", "import os"),
    (rules.without_docstring, "data/build.py", "'''A file.'''\ndef build(): ..."),
    (rules.without_docstring, "data/build.py", "'''A file.'''\nclass Build: ..."),
    (rules.unfinished, "README.md", "# TO{}O: write this".format("D")),
    (rules.without_contract, "data/sql/ledger.sql", "select 1"),
    (rules.without_contract, "data/sql/ledger.sql", "-- ledger: all that happened.\nselect 1"),
    (rules.without_contract, "data/sql/ledger.sql", "-- customer: one row each.\n-- grain: customer_id\nselect 1"),
]


@pytest.mark.parametrize(("rule", "path", "text"), BAD)
def test_a_rule_finds_what_is_wrong_and_names_the_file(rule, path, text):
    found = rule(path, text)
    assert found
    assert all(breach.startswith(path) for breach in found)


GOOD = [
    (
        rules.foreign_imports,
        "data/build.py",
        "import duckdb, json\nfrom .engine import Engine\nfrom data import contract",
    ),
    (rules.foreign_imports, "data/__main__.py", "from models import roi"),
    (rules.foreign_imports, "data/learners/roi.py", "from models.roi import shrink"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "import streamlit as st\nfrom data.catalog import METRICS"),
    (rules.foreign_imports, "pages/value/customer_roi.py", "from data import question\nfrom components import charts"),
    (rules.sql_texts, "pages/value/customer_roi.py", '"""Which customers? select x from y"""\nst.write("Where from?")'),
    (partial(rules.names_used, forbidden={"html"}), "pages/a/b.py", "st.write('html')"),
    (partial(rules.too_long, most=3), "app.py", "1\n2\n3\n"),
    (rules.without_docstring, "data/build.py", "'''A file.'''\ndef _private(): ...\ndef f():\n    '''It does.'''"),
    (rules.without_contract, "data/sql/ledger.sql", "-- ledger: all that happened.\n-- grain: event_id\nselect 1"),
]


@pytest.mark.parametrize(("rule", "path", "text"), GOOD)
def test_a_rule_lets_good_code_pass(rule, path, text):
    assert rule(path, text) == []


def test_a_page_that_is_not_listed_and_an_entry_without_a_page_are_found():
    app = """CONTENTS = {
        "Value": [("value/customer_roi", "Customer ROI", "leaderboard", VIEW)],
        "Trust": [("trust/gone", "Gone", "verified", VIEW)],
    }"""
    listed = [file for file, _ in rules.contents(app)]
    assert listed == ["value/customer_roi", "trust/gone"]
    files = ["pages/value/customer_roi.py", "pages/value/secret.py"]
    assert [breach.split()[0] for breach in rules.unlisted(listed, files)] == [
        "pages/trust/gone.py",
        "pages/value/secret.py",
    ]


def test_a_page_directly_in_pages_is_found():
    assert rules.flat_pages(["pages/__init__.py", "pages/secret.py", "pages/value/roi.py"]) == ["pages/secret.py"]
