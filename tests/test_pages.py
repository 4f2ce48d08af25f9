"""Every page opened through app.py, as its readers do: with links, filters, hostile data, missing feeds, and no rights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from components import address, months, words
from data.catalog import METRICS
from tests import architecture, colleagues
from tests.conftest import ROOT, run_data

PAGES = [file for file, _ in architecture.contents((ROOT / "app.py").read_text(encoding="utf-8"))]
OPENS = {"partner/own_figures": "partner P01", "control/people": "admin"}  # whom a page opens for; others: auditors


def served(warehouse: Path) -> dict:
    """The manifest of the build that serves. Read as a file: the app under test has the build itself open."""
    name = json.loads((warehouse / "CURRENT.json").read_text(encoding="utf-8"))["build"]
    return json.loads((warehouse / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def open_app(warehouse, monkeypatch):
    """Open app.py over a warehouse (the simulated one unless named) with these parameters in the address."""

    def opened(page: str = PAGES[0], /, where: Path = warehouse, roles: tuple[str, ...] = (), **parameters) -> AppTest:
        monkeypatch.setenv("RAPPORT_WAREHOUSE", str(where))
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in parameters.items():
            app.query_params[name] = value
        colleagues.enter(app, *(roles or (OPENS.get(page, "auditor"),)))
        if page != PAGES[0]:
            app.switch_page(f"pages/{page}.py")
        return app.run()

    return opened


def text_of(app: AppTest) -> str:
    """All the words on the screen."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.error, app.warning, app.code)
    return "\n".join(str(element.value) for kind in kinds for element in kind)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_and_says_its_question_its_data_and_its_age(page, open_app, warehouse):
    app = open_app(page)
    manifest = served(warehouse)
    assert not app.exception
    source = (ROOT / f"pages/{page}.py").read_text(encoding="utf-8")
    question = source.split('"""')[1]
    shown = text_of(app).replace("\\", "")
    for text in (question, manifest["company"], manifest["notice"], manifest["currency"], manifest["zone"]):
        assert text in shown


@pytest.fixture(scope="session")
def ledger(warehouse, tmp_path_factory) -> Path:
    """A copy of the served build's file: the app holds the original with its settings locked."""
    return Path(shutil.copy(warehouse / f"{served(warehouse)['build']}.duckdb", tmp_path_factory.mktemp("ledger")))


def margin_by_hand(ledger: Path, where: str, since: date, until: date) -> float:
    """Contribution margin, straight from the ledger."""
    with duckdb.connect(str(ledger), read_only=True) as db:
        rows = db.execute(
            f"select coalesce(sum(l.margin), 0)::double from ledger l left join customer c using (customer_id) "
            f"where {where} and l.month between ? and ?",
            [since, until],
        ).fetchall()
    return rows[0][0]


@pytest.mark.parametrize("period", ["12m", "3m", "2025"])
def test_a_key_figure_is_what_the_ledger_says(period, open_app, warehouse, ledger):
    manifest = served(warehouse)
    since, until = months.window(period, manifest)
    by_hand = margin_by_hand(ledger, "true", since, until)
    app = open_app(period=period)
    (card,) = (metric for metric in app.metric if metric.label == METRICS["margin"].label)
    assert card.value == words.money(by_hand, manifest["currency"], short=True)


def test_a_link_is_a_bookmark_and_says_where_each_choice_came_from(open_app, warehouse, ledger):
    manifest = served(warehouse)
    segment = manifest["filters"]["segment"][0]
    app = open_app(segment=segment, period="6m")
    assert app.multiselect(key="segment").value == [segment]
    assert app.selectbox(key="period").value == "6m"
    since, until = months.window("6m", manifest)
    by_hand = margin_by_hand(ledger, f"c.segment = '{segment}'", since, until)
    assert app.metric[0].value == words.money(by_hand, manifest["currency"], short=True)
    chips = text_of(app)
    assert f"Segment\\: {segment} · link" in chips
    app.multiselect(key="region").select(manifest["filters"]["region"][0]).run()
    assert f"Region\\: {manifest['filters']['region'][0]} · chosen" in text_of(app)
    app.button(key="_reset").click().run()
    assert app.multiselect(key="segment").value == []
    assert app.selectbox(key="period").value == "12m"


REFUSED = [
    ({"segmnt": "home"}, "segmnt"),
    ({"segment": "no such segment"}, "no such segment"),
    ({"segment": ["home", "no such segment"]}, "no such segment"),
    ({"segment": ""}, "(empty)"),
    ({"period": "13m"}, "13m"),
    ({"period": ["12m", "6m"]}, "12m"),
    ({"compare": "never"}, "never"),
    ({"build": "20200101T000000Z-000000000000"}, "20200101T000000Z"),
    ({"build": "../../etc/passwd"}, "passwd"),
    ({"page": "1"}, "page"),
    ({"customer": "C1"}, "customer"),
    ({"region": "![x](http://evil.example/p.png)"}, "evil.example"),
    ({"region": "x" * 5_000}, "xxx"),
]


@pytest.mark.parametrize(("parameters", "named"), REFUSED)
def test_an_address_that_cannot_be_shown_is_refused_by_name_and_shows_no_figure(parameters, named, open_app):
    app = open_app(**parameters)
    assert not app.exception
    shown = text_of(app)
    assert "This address cannot be shown" in shown
    assert next(iter(parameters)) in shown
    assert named in shown.replace("\\", "")
    assert "![x](" not in shown
    assert len(app.metric) == len(app.dataframe) == len(app.get("plotly_chart")) == 0


def test_a_refusal_says_what_could_be_asked(open_app, warehouse):
    shown = text_of(open_app(segment="Home")).replace("\\", "")
    for segment in served(warehouse)["filters"]["segment"]:
        assert segment in shown


def test_what_only_another_page_has_is_refused_not_ignored(open_app):
    names = {name for name, parameter in address.PARAMETERS.items() if parameter.pages}
    assert names
    for name in names:
        assert "is not a setting of this page" in text_of(open_app(**{name: "1"}))


def test_a_view_without_events_says_so_and_offers_the_way_back(open_app, warehouse):
    filters = served(warehouse)["filters"]
    everything_once = {name: values[0] for name, values in filters.items()}
    app = open_app(**everything_once)
    assert not app.exception
    assert len(app.metric) == 0
    assert "Nothing matches this view" in text_of(app)
    app.button(key="_empty_reset").click().run()
    assert len(app.metric) == 4


def test_without_a_warehouse_the_screen_says_how_to_make_one(open_app, tmp_path):
    for page in PAGES:
        app = open_app(page, where=tmp_path / "nothing here")
        assert not app.exception
        assert "python -m data build" in text_of(app)


def another_build(folder: Path, original: Path, stamp: str) -> str:
    """The same build published under another time, as if it had been made then; its name."""
    manifest = served(original)
    name = f"{stamp}-{manifest['sha256'][:12]}"
    shutil.copy(original / f"{manifest['build']}.duckdb", folder / f"{name}.duckdb")
    manifest |= {"build": name, "stamp": stamp}
    (folder / f"{name}.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "CURRENT.json").write_text(json.dumps({"build": name}), encoding="utf-8")
    return name


def test_a_new_build_is_seen_without_restart_and_a_pinned_one_stays(open_app, warehouse, tmp_path):
    first = another_build(tmp_path, warehouse, "20260101T000000Z")
    app = open_app(where=tmp_path)
    assert app.session_state["_build"].id == first
    second = another_build(tmp_path, warehouse, "20260102T000000Z")
    assert app.run().session_state["_build"].id == second
    app.selectbox(key="build").select(first).run()
    assert app.session_state["_build"].id == first
    assert f"Build {first}" in text_of(app).replace("\\", "")
    assert open_app(where=tmp_path, build=first).session_state["_build"].id == first
    assert open_app(where=tmp_path).session_state["_build"].id == second


def test_two_builds_with_the_same_figures_differ_by_nothing(open_app, warehouse, tmp_path):
    for stamp in ("20260101T000000Z", "20260102T000000Z"):
        another_build(tmp_path, warehouse, stamp)
    shown = text_of(open_app(where=tmp_path))
    assert "contribution margin did not change" in shown


def test_a_damaged_newest_build_is_replaced_by_the_one_before_and_the_screen_says_so(open_app, warehouse, tmp_path):
    good = another_build(tmp_path, warehouse, "20260101T000000Z")
    bad = another_build(tmp_path, warehouse, "20260102T000000Z")
    with (tmp_path / f"{bad}.duckdb").open("r+b") as handle:
        handle.seek(5_000)
        handle.write(b"damage")
    app = open_app(where=tmp_path)
    assert not app.exception
    assert app.session_state["_build"].id == good
    assert any(bad in warning.value.replace("\\", "") for warning in app.warning)


def test_every_passport_can_be_opened_and_names_build_filters_sources_and_tie_out(open_app, warehouse):
    manifest = served(warehouse)
    segment = manifest["filters"]["segment"][0]
    app = open_app(segment=segment)
    app.session_state["_passport_Contribution margin_margin"] = True
    app.run()
    assert not app.exception
    assert METRICS["margin"].formula in text_of(app)
    (passport,) = app.table
    rows = {str(name): str(value) for name, value in passport.value.iloc[:, 0].items()}
    assert manifest["build"] in rows["Build"]
    assert segment in rows["View"]
    assert "lines" in rows["Sources"]
    assert "to the cent" in rows["Ties out"]


@pytest.mark.parametrize("page", PAGES)
def test_a_manager_without_a_book_sees_no_figure_of_the_company(page, open_app):
    app = open_app(page, roles=("manager nobody",))
    assert not app.exception
    assert all(metric.value in ("–", "0", "€0.00") for metric in app.metric)


def test_a_manager_sees_what_the_own_customers_bring_and_every_figure_is_of_the_same_customers(
    open_app, warehouse, ledger
):
    manifest = served(warehouse)
    for manager in manifest["filters"]["manager_id"][1:4]:
        since, until = months.window("12m", manifest)
        mine, all_ = (margin_by_hand(ledger, own, since, until) for own in (f"c.manager_id = '{manager}'", "true"))
        app = open_app(roles=(f"manager {manager}",))
        assert app.metric[0].value == words.money(mine, manifest["currency"], short=True)
        assert mine < all_ / 2
        ranked = open_app("value/customer_roi", roles=(f"manager {manager}",))
        with duckdb.connect(str(ledger), read_only=True) as db:
            rated, roi = db.execute(
                "select count(*) filter (roi_state = 'rated'), sum(margin - cost)::double / sum(cost)::double "
                "from customer where manager_id = ?",
                [manager],
            ).fetchall()[0]
        shown = {metric.label: metric.value for metric in ranked.metric}
        assert shown["Customers rated"] == words.count(rated)
        assert shown["ROI"] == words.ratio(roi)
        assert f"of {words.count(rated)} rated customers" in text_of(ranked).replace("\\", "")


def test_a_partner_can_split_and_filter_by_nothing_of_its_customers(open_app, warehouse, ledger):
    with duckdb.connect(str(ledger), read_only=True) as db:
        biggest = db.execute("select partner_id from partner order by revenue desc limit 1").fetchall()[0][0]
    app = open_app("partner/own_figures", roles=(f"partner {biggest}",))
    assert len(app.multiselect) == 0 and len(app.metric) == 4
    for name, values in served(warehouse)["filters"].items():
        refused = open_app("partner/own_figures", roles=(f"partner {biggest}",), **{name: values[0]})
        assert len(refused.metric) == 0 and "is not a setting of this page" in text_of(refused), name


def test_a_page_without_the_permission_says_so_and_loads_nothing(open_app):
    app = open_app(PAGES[1], roles=("executive",))
    assert not app.exception
    assert "Your roles do not open this page" in text_of(app)
    assert len(app.metric) == 0


def test_somebody_without_a_role_sees_no_page_and_is_told_what_to_do(open_app):
    app = open_app(roles=("no such role",))
    assert not app.exception
    assert "No access" in text_of(app)
    assert len(app.metric) == 0


def test_nobody_signed_in_sees_nothing(open_app, monkeypatch):
    monkeypatch.setattr(colleagues, "enter", lambda app, *roles: None)
    app = open_app()
    assert not app.exception
    assert "You are not signed in" in text_of(app)
    assert len(app.metric) == 0 and len(app.multiselect) == 0


HOSTILE = "![x](http://evil.example/p.png)"


@pytest.fixture(scope="session")
def poor_warehouse(tmp_path_factory) -> Path:
    """A company with order lines and customers only, without costs, whose names are hostile."""
    folder, warehouse = tmp_path_factory.mktemp("poor"), tmp_path_factory.mktemp("poor-warehouse")
    lines = [
        f"o{i},2026-{month:02d}-15 12:00:00,{10 + i}.50,c{i % 3}" for i, month in enumerate([1, 2, 3, 4, 5, 6] * 3)
    ]
    (folder / "lines.csv").write_text("\n".join(["order_id,ordered_at,revenue,customer_id", *lines]), encoding="utf-8")
    customers = [f"c{i},{name}" for i, name in enumerate((HOSTILE, ":red[alarm] <b>", "plain"))]
    (folder / "customers.csv").write_text("\n".join(["customer_id,segment", *customers]), encoding="utf-8")
    company = {"name": f"{HOSTILE} & Co", "currency": "GBP", "notice": f"Made up {HOSTILE}"}
    (folder / "company.toml").write_text(
        "\n".join(f"{key} = {json.dumps(value)}" for key, value in company.items()), encoding="utf-8"
    )
    done = run_data("build", folder, "--warehouse", warehouse)
    assert done.returncode == 0, done.stdout + done.stderr
    return warehouse


@pytest.mark.parametrize("page", PAGES)
def test_a_missing_feed_is_named_and_the_page_still_opens(page, open_app, poor_warehouse):
    app = open_app(page, where=poor_warehouse)
    assert not app.exception
    if page == "company/overview":
        shown = text_of(app)
        assert "Not known without the column cost of the feed lines" in shown
        assert "lines.csv" in shown
        (customers,) = app.metric
        assert customers.value == "3"


@pytest.mark.parametrize("page", PAGES)
def test_no_name_from_data_becomes_markdown(page, open_app, poor_warehouse):
    app = open_app(page, where=poor_warehouse, segment=HOSTILE)
    assert not app.exception
    labels = [element.label for kind in (app.multiselect, app.selectbox, app.metric, app.button) for element in kind]
    shown = "\n".join([text_of(app), *map(str, labels), *(str(table.value) for table in app.table)])
    assert "evil" in shown
    assert "![x](" not in shown
    assert ":red[alarm]" not in shown


def test_the_web_process_never_imports_what_only_the_build_needs(warehouse):
    script = f"""
import sys
from streamlit.testing.v1 import AppTest
from tests import colleagues
for page in {PAGES!r}:
    app = AppTest.from_file("app.py", default_timeout=60)
    colleagues.enter(app, {OPENS!r}.get(page, "auditor"))
    app.switch_page(f"pages/{{page}}.py").run()
    assert not app.exception, page
print(sorted({{"sklearn", "scipy", "openpyxl", "adbc_driver_postgresql", "plotly.express"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | {"RAPPORT_WAREHOUSE": str(warehouse)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
