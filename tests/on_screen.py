"""Pages of app.py as somebody sees them, and builds changed by hand for what no simulated company shows."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests import colleagues
from tests.conftest import ROOT, once, run_data

BUYERS = 12


def page(
    monkeypatch: pytest.MonkeyPatch, where: Path, file: str, role: str = "auditor", /, **parameters: str
) -> AppTest:
    """Open a page with these parameters in the address; it must not fail."""
    monkeypatch.setenv("RAPPORT_WAREHOUSE", str(where))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    for name, value in parameters.items():
        app.query_params[name] = value
    colleagues.enter(app, role)
    app.switch_page(f"pages/{file}.py").run()
    assert not app.exception
    return app


def text_of(app: AppTest) -> str:
    """All the words on the screen, as a reader sees them."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.error, app.warning, app.success)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def table(app: AppTest, *columns: str) -> pd.DataFrame:
    """The first table on the screen that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def card(app: AppTest, label: str) -> str:
    """A key figure."""
    return next(metric.value for metric in app.metric if metric.label == label)


def alts(app: AppTest) -> list[str]:
    """The text alternatives of the charts."""
    return [element.proto.alt for element in app.get("plotly_chart")]


def asked(where: Path, question: str) -> list[tuple]:
    """What SQL says of the served build."""
    with duckdb.connect(str(copied(where)), read_only=True) as db:
        return db.execute(question).fetchall()


def copied(where: Path) -> Path:
    """A copy of the served build: the app holds the original with its settings locked."""
    name = json.loads((where / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    copy = where / ".by_hand.duckdb"
    if not copy.exists():
        made = where / f".{secrets.token_hex(6)}"  # another process may read the copy while this one writes
        shutil.copyfile(where / f"{name}.duckdb", made)
        made.replace(copy)
    return copy


def changed(where: Path, folder: Path, *changes: str | Callable[[duckdb.DuckDBPyConnection], None]) -> Path:
    """A warehouse with a build that differs from the served one by these statements, or by what these functions do."""
    served = json.loads((where / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    name = f"{served.split('-')[0]}-{secrets.token_hex(6)}"  # answers are kept by the build's name
    shutil.copyfile(where / f"{served}.duckdb", folder / f"{name}.duckdb")
    with duckdb.connect(str(folder / f"{name}.duckdb")) as db:
        for change in changes:
            change(db) if callable(change) else db.execute(change)
    content = (folder / f"{name}.duckdb").read_bytes()
    manifest = json.loads((where / f"{served}.json").read_text(encoding="utf-8"))
    manifest |= {"build": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    for file in (f"{name}.json", "CURRENT.json"):
        (folder / file).write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a company of a dozen customers who bought once each, without any other feed."""

    def make(folder: Path) -> None:
        feeds = folder / "feeds"
        feeds.mkdir()
        rows = [f"L{i},2026-0{1 + i % 8}-05,{10 + i}.00,C{i:03}" for i in range(BUYERS)]
        header = "order_id,ordered_at,revenue,customer_id"
        (feeds / "lines.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
        done = run_data("build", feeds, "--warehouse", folder / "warehouse")
        assert done.returncode == 0, done.stdout + done.stderr

    return once(tmp_path_factory, "tiny", make) / "warehouse"
