"""The documents are true: generated parts are up to date, commands and targets exist, links lead somewhere."""

from __future__ import annotations

import argparse
import re
import subprocess
from urllib.parse import unquote

import duckdb
import pytest

from data import casting, describe
from data.__main__ import parser
from data.assemble import SQL
from data.build import check
from data.catalog import METRICS
from data.contract import FEEDS, SEEDS, Column, Kind
from tests.conftest import ROOT

SKIPPED = {".venv", "feeds", "warehouse", "test-report", "node_modules", ".pytest_cache"}
PAGES = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def rows(text: str, first: str) -> list[list[str]]:
    """Cells of the Markdown table whose head begins with `first`."""
    body = text.split(f"| {first} |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in body.splitlines()[2:]]


def test_the_readmes_metrics_are_the_catalogs():
    assert rows(README, "metric") == [[m.label, f"`{m.formula}`", m.meaning] for m in METRICS.values()]


def test_generated_parts_equal_what_their_generators_write(warehouse):
    stale = [
        path
        for path, text in describe.documents(warehouse).items()
        if (ROOT / path).read_text(encoding="utf-8") != text
    ]
    assert stale == [], "renew them with: make docs"


def test_a_generated_part_is_replaced_and_nothing_around_it():
    text = "a\n<!-- generated: x -->\n\nold\n\n<!-- end: x -->\nb\n"
    assert describe.renewed(text, "x", "new") == text.replace("old", "new")


def test_every_table_of_a_build_is_documented():
    text = (ROOT / "docs" / "warehouse.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^### (\w+)$|^\| `(\w+)` \|", text, re.MULTILINE))
    named = {one or other for one, other in named}
    assert {path.stem for path in SQL.glob("*.sql")} | {f"feed_{name}" for name in (*FEEDS, *SEEDS)} <= named


def real_commands() -> dict[str, set[str]]:
    """Every command of the command line, with its options and positional arguments."""
    commands = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)).choices
    return {
        name: {(action.option_strings or [action.dest])[0] for action in command._actions} - {"-h"}
        for name, command in commands.items()
    }


def test_the_readmes_commands_are_those_of_the_command_line():
    documented = {row[0].strip("`"): set(re.findall(r"`(\S+)`", row[1])) for row in rows(README, "command")}
    assert documented == real_commands()


def targets() -> set[str]:
    """The targets that the Makefile is called with."""
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return set(phony.group(1).split())


def test_make_help_and_the_readme_explain_every_target():
    said = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[0] for line in said.splitlines()[1:] if len(line.split()) > 2} == targets()
    assert {row[0].strip("`").removeprefix("make ") for row in rows(README, "target")} == targets()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_in_a_document_exists(page):
    text = page.read_text(encoding="utf-8")
    assert set(re.findall(r"\bmake ([a-z]+)(?=[`\s]*(?:$|#|`|ARGS|PORT))", text, re.MULTILINE)) <= targets()
    commands = re.findall(r"(?:^|`)python -m data ([^`\n#|]+)", text, re.MULTILINE)
    for words in (command.split() for command in commands if "COMMAND" not in command):
        if len(words) > 1:
            parser().parse_args(words)
        else:
            assert words[0] in real_commands()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_local_link_and_picture_leads_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [unquote(link.split("#")[0]) for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [link for link in links if link and not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []
    files = re.findall(r"`((?:docs|tests|data|models|components|pages)/[\w./]+\.\w+)`", text)
    assert [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_document_names_a_machine(page):
    machine = r"(?<![\w.])/(work|tmp|home|root|Users)/|\b(127\.\d|10\.|192\.168\.)\d+\.\d+(?!\.1)|\bpypi\.|simple/|index-url|C:\\\\"
    allowed = {"ADDRESS=127.0.0.1"}
    text = page.read_text(encoding="utf-8")
    for words in allowed:
        text = text.replace(words, "")
    assert re.findall(machine, text) == []


SAID = [
    (kind, text, good)
    for kind, (accepted, refused) in describe.TEXTS.items()
    for good, texts in ((True, accepted), (False, refused))
    for text in texts
]
WRITTEN_OUT = {
    "a key with a line break": "a\nb",
    "a text with a line break": "a\nb",
    "201 characters": "x" * 201,
    "501 characters": "x" * 501,
}


@pytest.mark.parametrize(("kind", "text", "good"), SAID)
def test_a_text_is_accepted_or_refused_as_the_document_says(kind, text, good):
    with duckdb.connect() as con:
        con.execute("set TimeZone = 'UTC'")
        expression = casting.cast(Column("c", kind, ""), "raw", "VARCHAR", "UTC")
        value = con.execute(
            f"select {expression} from (select ?::varchar as raw)", [WRITTEN_OUT.get(text, text)]
        ).fetchone()[0]
    assert (value is not None) == good


def test_every_kind_of_value_is_explained():
    assert describe.TEXTS.keys() == set(Kind) == casting.EXPECTED.keys()


def test_the_examples_of_the_feeds_are_a_company_that_loads_without_a_remark(tmp_path):
    for name, text in describe.SAMPLES.items():
        (tmp_path / f"{name}.csv").write_text(text + "\n", encoding="utf-8")
    (tmp_path / "company.toml").write_text('currency = "EUR"\n')
    intake = check(tmp_path, lambda text: None)
    assert {source.feed for source in intake.sources} == {*FEEDS, *SEEDS}
    assert intake.quarantine == [] and intake.unused == []
    assert all(source.loaded == source.rows_in > 0 and not source.left_out for source in intake.sources)


def test_the_changelog_has_the_version_that_builds_are_stamped_with():
    from data.manifest import VERSION

    newest = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE).group(
        1
    )
    project = re.search(
        r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
    ).group(1)
    assert newest == project == VERSION
