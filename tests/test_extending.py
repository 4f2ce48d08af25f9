"""CONTRIBUTING.md does what it says: every diff in it is applied to a copy of the project, which is then built and opened."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT

PARTS = ("app.py", "components", "data", "models", "pages", "tests", ".streamlit")
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
DIFFS = {
    title: "\n".join(re.findall(r"```diff\n(.*?)```", body, re.DOTALL))
    for title, body in re.findall(r"^### An? (.+?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL)
}

LINES = """order_id,ordered_at,customer_id,revenue,cost
A1,2026-01-05,C1,100.00,60.00
A2,2026-02-05,C2,50.00,10.00
A3,2026-03-05,C1,25.00,20.00
"""
CUSTOMERS = "customer_id,segment,payment_plan\nC1,home,invoice\nC2,business,prepaid\n"
CONTACTS = """contact_id,customer_id,channel,occurred_at,direction,cost,arm,responded
K1,C1,courier,2026-01-03,out,,treated,true
K2,C1,courier,2026-02-03,out,,treated,false
K3,C2,email,2026-02-03,out,0.60,treated,true
K4,C2,courier,2026-03-03,out,,control,false
K5,C2,courier,2026-03-04,in,,,
"""
ERP = "invoice_no,account,posted_on,net_amount\nE1,C2,2026-03-09,40.50\nE2,C3,2026-03-10,9.50\n"


def run(copy: Path, *command: str) -> str:
    """Run Python in the copy; standard output, or a failure that shows what was said."""
    environment = os.environ | {"PYTHONPATH": str(copy), "RAPPORT_WAREHOUSE": str(copy / "warehouse")}
    done = subprocess.run(
        [sys.executable, *command], cwd=copy, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def apply(copy: Path, diff: str) -> None:
    """Apply a diff as `git apply` does; the copy is no repository."""
    environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(copy.parent)}
    command = ["git", "apply", "--whitespace=nowarn", "-"]
    done = subprocess.run(command, cwd=copy, env=environment, input=diff, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def copy_to(folder: Path) -> Path:
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the project with every diff applied, and a small company built by it."""
    copy = copy_to(tmp_path_factory.mktemp("extended"))
    for diff in DIFFS.values():
        if diff:
            apply(copy, diff)
    own = copy / "feeds" / "own"
    for name, text in {"lines": LINES, "customers": CUSTOMERS, "contacts": CONTACTS, "erp": ERP}.items():
        (own / f"{name}.csv").write_text(text, encoding="utf-8")
    run(copy, "-m", "data", "build", "feeds/own")
    return copy


def answer(copy: Path, question: str) -> list[dict]:
    """Rows that the copy answers to a Question, or to SQL, written as Python."""
    script = f"""
import duckdb, json
from data.question import EVERYTHING, Question, View
from data.warehouse import Warehouse
build = Warehouse(__import__("pathlib").Path("warehouse")).current()
print(build.answer({question}).to_json(orient="records", date_format="iso", double_precision=15))
"""
    return json.loads(run(copy, "-c", script))


def listing(copy: Path, table: str) -> pd.DataFrame:
    import duckdb

    build = json.loads((copy / "warehouse" / "CURRENT.json").read_text())["build"]
    with duckdb.connect(str(copy / "warehouse" / f"{build}.duckdb"), read_only=True) as con:
        return con.execute(f"select * from {table} order by all").df()


WHAT_CHANGES = {
    "metric": ["data/catalog.py"],
    "page": ["app.py", "pages/company/channels.py"],
    "channel": ["data/seeds/channels.csv"],
    "source": ["feeds/own/erp_invoices.sql"],
    "audience": ["data/audience_sources.py", "data/sql/audience/newest.sql"],
    "rule": ["data/seeds/rules.csv"],
    "filter": [],
    "learned table": ["data/learn.py", "data/learners/percentile.py", "models/percentile.py"],
}


def test_every_thing_one_can_add_has_its_diff_and_touches_only_what_it_must():
    touched = {title: sorted(re.findall(r"^\+\+\+ b/(.+)$", diff, re.MULTILINE)) for title, diff in DIFFS.items()}
    assert touched == WHAT_CHANGES
    assert set(re.findall(r"^\| (\w[\w ]+) \| (?!change)", TEXT, re.MULTILINE)) >= DIFFS.keys()


@pytest.mark.parametrize("title", [title for title, files in WHAT_CHANGES.items() if files])
def test_each_diff_applies_by_itself(title, tmp_path):
    copy = copy_to(tmp_path)
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    apply(copy, DIFFS[title])
    after = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    changed = sorted(path.relative_to(copy).as_posix() for path in after if after[path] != before.get(path))
    assert changed == WHAT_CHANGES[title]


def test_the_new_metric_answers_with_its_independent_figure(extended):
    contacts = pd.read_csv(extended / "feeds" / "own" / "contacts.csv")
    made = contacts[(contacts["arm"] == "treated") & (contacts["direction"] == "out")]
    cost = made["cost"].fillna(made["channel"].map({"courier": 4.20}))
    question = 'Question(("cost_per_response",), view=View(EVERYTHING))'
    assert answer(extended, question) == [
        {"cost_per_response": pytest.approx(cost.sum() / made["responded"].eq(True).sum())}
    ]
    by_channel = answer(extended, 'Question(("cost_per_response",), ("channel",), View(EVERYTHING))')
    assert {row["channel"]: row["cost_per_response"] for row in by_channel} == pytest.approx(
        {"courier": 8.40, "email": 0.60}
    )


def test_the_new_page_opens_through_the_app_and_is_in_the_menu(extended):
    script = """
from streamlit.testing.v1 import AppTest
from tests import colleagues
app = AppTest.from_file("app.py", default_timeout=60)
colleagues.enter(app, "auditor")
app.run()
assert not app.exception, app.exception
app.switch_page("pages/company/channels.py").run()
assert not app.exception, app.exception
print(app.title[0].value, "|", [markdown.value for markdown in app.markdown][0], "|", list(app.dataframe[0].value["channel"]))
"""
    said = run(extended, "-c", script)
    assert said.startswith("Channels | ")
    assert "What does each channel cost, and who answers?" in said
    assert "['courier', 'email']" in said


def test_the_new_channel_is_in_the_build_and_its_contacts_bear_its_unit_cost(extended):
    channel = listing(extended, "channel").set_index("channel").loc["courier"]
    assert (channel["label"], channel["kind"], float(channel["unit_cost"])) == ("Courier visit", "mail", 4.20)
    costs = listing(extended, "customer_channel").set_index(["customer_id", "channel"])
    assert float(costs.loc[("C1", "courier"), "cost"]) == 8.40
    assert (float(costs.loc[("C2", "courier"), "cost"]), float(costs.loc[("C2", "courier"), "service_cost"])) == (
        0.0,
        4.20,
    )


def test_the_new_source_adds_its_lines(extended):
    lines = listing(extended, "feed_lines")
    revenue = {name: Decimal(str(value)) for name, value in zip(lines["order_id"], lines["revenue"])}
    assert revenue == {"A1": 100, "A2": 50, "A3": 25, "E1": Decimal("40.5"), "E2": Decimal("9.5")}
    held = listing(extended, "source_file").set_index("file")
    assert held.loc["erp_invoices.sql", "rows_loaded"] == 2


def test_the_new_rule_is_in_the_build(extended):
    assert "No more than a tenth of what is sold comes back" in set(listing(extended, "rule")["statement"])


def test_a_further_column_of_customers_is_a_filter(extended):
    build = json.loads((extended / "warehouse" / "CURRENT.json").read_text())["build"]
    manifest = json.loads((extended / "warehouse" / f"{build}.json").read_text())
    assert {"invoice", "prepaid"} <= set(manifest["filters"]["payment_plan"])
    question = 'Question(("revenue",), ("payment_plan",), View(EVERYTHING))'
    found = {row["payment_plan"]: float(row["revenue"]) for row in answer(extended, question)}
    assert found == {"invoice": 125.0, "prepaid": 90.5, "(unknown)": 9.5}


def test_the_new_learned_table_is_in_the_build(extended):
    found = listing(extended, "learned_percentile").set_index("customer_id")["percentile"]
    # margins: C1 45, C2 80.50 less the service of 4.20, C3 9.50
    assert found.to_dict() == pytest.approx({"C3": 1 / 3, "C1": 2 / 3, "C2": 1.0})


def test_the_new_audience_is_one_to_choose_and_reasons_leave_out_of_it(extended):
    script = """
from datetime import UTC, datetime
from data.audience_sources import SOURCES, candidates
from data.campaign import Promise
from data.view import EVERYTHING, View
from data.warehouse import folder, served
build = served(folder()).current()
wanted = Promise("New", "They come back.", "newest", "courier", quiet_days=366)
rows = build.engine.ask(*candidates(build, View(EVERYTHING), wanted, datetime(2027, 2, 1, tzinfo=UTC)))
print(SOURCES["newest"].label, dict(zip(rows["customer_id"], rows["reason"])))
"""
    # C1 first ordered before February; C2 had its last contact within the quiet period, C3 none at all
    assert run(extended, "-c", script).strip() == "Customers who are new {'C2': 'quiet period', 'C3': ''}"
