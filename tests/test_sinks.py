"""Hostile text in every element the product draws, in a real browser and without the content policy that would help."""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from components import words
from tests import browser
from tests.conftest import ROOT, free_port, need
from tests.oidc_fake import running
from tests.test_crawl import PAYLOADS

pytestmark = pytest.mark.browser

# Elements that show text; what is not here shows none, and the test below looks whether that is still true.
SHOWN = (
    "button", "checkbox", "code", "dataframe", "date_input", "error", "expander", "file_uploader", "form_submit_button", "header", "link_button",
    "markdown", "metric", "multiselect", "number_input", "page_link", "plotly_chart", "popover", "progress", "radio", "segmented_control", "select_slider", "selectbox",
    "slider", "spinner", "subheader", "success", "table", "tabs", "text_area", "text_input", "title", "toast", "toggle", "warning",
)  # fmt: skip
SILENT = {
    "cache_data", "cache_resource", "column_config", "container", "context", "form", "fragment", "get_option", "grid", "login",
    "logo", "logout", "navigation", "Page", "page_config", "pagination", "query_params", "rerun", "session_state",
    "set_page_config", "sidebar", "stop", "switch_page", "user",
}  # fmt: skip

SCRIPT = """
import json, os
import pandas as pd
import streamlit as st
from components import charts, words
from components.axes import plain
from data.catalog import METRICS, Unit

texts = json.loads(os.environ["TEXTS"])
safe = words.safe_text if os.environ["SAFE"] == "1" else str
shown = words.visible if os.environ["SAFE"] == "1" else str
label = plain if os.environ["SAFE"] == "1" else str
if os.environ["SAFE"] != "1":
    charts.plain = str
st.set_page_config(page_title="sinks", layout="wide")
st.title(safe(texts[0]), anchor=False)
for n, text in enumerate(texts):
    with st.container(border=True):
        st.header(safe(text))
        st.subheader(safe(text))
        st.markdown(safe(text))
        st.markdown(f":small[:gray[{safe(text)}]] **{safe(text)}** :blue-badge[{safe(text)} · yours]")
        st.markdown(f"- {safe(text)}")
        st.metric(safe(text), safe(text), safe(text), help=safe(text), delta_description=safe(text))
        st.button(safe(text), key=f"b{n}", help=safe(text))
        st.link_button(safe(text), "/export/x")
        st.selectbox(safe(text), [text, "b"], format_func=shown, key=f"s{n}", help=safe(text), placeholder=shown(text))
        st.select_slider(safe(text), ["a", "b"], key=f"l{n}", help=safe(text))
        st.multiselect(safe(text), [text, "b"], [text], format_func=shown, key=f"m{n}")
        st.radio(safe(text), ["a", "b"], format_func=lambda one: safe(text), captions=[safe(text)] * 2, key=f"r{n}")
        st.checkbox(safe(text), key=f"c{n}")
        st.toggle(safe(text), key=f"t{n}")
        st.text_input(safe(text), text, key=f"i{n}", help=safe(text), placeholder=text)
        st.text_area(safe(text), text, key=f"a{n}")
        st.number_input(safe(text), key=f"n{n}")
        st.slider(safe(text), 0.0, 1.0, key=f"sl{n}", help=safe(text))
        st.segmented_control(safe(text), ["a", "b"], format_func=lambda one: safe(text), key=f"sc{n}", help=safe(text))
        st.file_uploader(safe(text), key=f"u{n}", help=safe(text))
        st.page_link("https://company.example", label=safe(text), help=safe(text))
        st.progress(0.5, safe(text))
        st.date_input(safe(text), key=f"d{n}")
        st.warning(safe(text), icon=":material/warning:")
        st.toast(safe(text), duration="long")
        st.code(text, language=None)
        with st.expander(safe(text), expanded=True):
            st.markdown(safe(text))
        with st.popover(safe(text), help=safe(text), key=f"p{n}"):
            st.markdown(safe(text))
        st.error(safe(text), icon=":material/error:")
        st.success(safe(text))
        with st.tabs([safe(text), "b"])[0]:
            st.markdown(safe(text))
        with st.form(f"f{n}"):
            st.form_submit_button(safe(text))
        with st.spinner(safe(text)):
            pass
        st.table(pd.DataFrame([(safe(text), safe(text))], columns=["", " "]).set_index(""), alt="facts")
        st.dataframe(pd.DataFrame({shown(text): [shown(text)]}), hide_index=True, column_config={
            shown(text): st.column_config.TextColumn(shown(text), help=safe(text))}, alt=shown(text))
frame = pd.DataFrame({"name": texts, "value": range(1, len(texts) + 1)})
frame["low"], frame["high"], frame["revenue"] = frame["value"] - 1, frame["value"] + 1, frame["value"]
charts.draw(charts.bars(frame, "name", METRICS["revenue"], "EUR"), "bars", key="bars")
charts.draw(charts.ranking_whiskers(frame, "name", "value", "low", "high", Unit.RATIO, "EUR"), "whiskers", key="dots")
charts.draw(charts.bridge([(text, n + 1, n == 0) for n, text in enumerate(texts)], "EUR"), "bridge", key="bridge")
happened = pd.DataFrame({"kind": texts, "what": texts, "revenue": 1.0, "occurred_at": pd.Timestamp("2026-01-01")})
charts.draw(charts.timeline(happened, "EUR"), "timeline", key="time")
figure = charts.base(300)
figure.add_bar(x=[label(text) for text in texts], y=list(range(len(texts))), text=[label(text) for text in texts],
               hovertemplate=[label(text) for text in texts])
figure.update_layout(title=label(texts[4]), xaxis_title=label(texts[4]), yaxis_title=label(texts[3]),
                     showlegend=True, legend_title=label(texts[4]))
charts.draw(figure, "titles", key="titles")
"""
PLAIN = {
    "STREAMLIT_SERVER_HEADLESS": "true",
    "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}
SEARCH = """() => [...document.querySelectorAll('*')].flatMap(one => [...one.attributes]
    .filter(a => ['href', 'xlink:href', 'src', 'srcdoc', 'action', 'formaction', 'poster', 'data'].includes(a.name)
        || a.name.startsWith('on'))
    .filter(a => !a.value.startsWith('#'))
    .filter(a => /javascript:|evil|window\\.hit/i.test(a.value))
    .map(a => `${one.tagName} ${a.name}=${a.value.slice(0, 80)}`))"""


def hostile() -> list[str]:
    """The payloads of the crawl, and addresses that Markdown links by itself."""
    more = ["http://evil.example/bare", "www.evil.example", "mail@evil.example", "[x][y]\n\n[y]: http://evil.example/"]
    more += ["`x` :material/link: ![][a] <http://evil.example/auto>", "&#106;avascript:x ![x](//evil.example/q.png)"]
    return [*PAYLOADS, *more]


def opened(chromium, folder: Path, safe: bool) -> tuple[list[str], list[str], bool, str]:
    """The page of all elements: requests to other hosts, attributes with a payload, whether a script ran, the words."""
    script = folder / "sinks.py"
    script.write_text(SCRIPT, encoding="utf-8")
    more = {
        "TEXTS": json.dumps(hostile()),
        "SAFE": str(int(safe)),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    }
    with browser.serve(folder, script, **PLAIN, **more) as address:
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        try:
            page = context.new_page()
            outside, found = [], []
            page.route(
                lambda url: not url.startswith((address, "data:", "blob:")),
                lambda route: (outside.append(route.request.url), route.abort()),
            )
            page.goto(address)
            page.wait_for_selector("[data-testid=stTitle], h1", timeout=60_000)
            browser.settled(page, quiet=1_500)
            assert page.locator("[data-testid=stException]").count() == 0, page.locator("body").inner_text()[-2_000:]
            for popover in page.get_by_test_id("stPopover").all()[:3]:
                popover.locator("button").first.click()
                page.wait_for_timeout(150)
                found += page.evaluate(SEARCH)
                page.keyboard.press("Escape")
            page.mouse.move(700, 400)
            page.wait_for_timeout(500)
            found += page.evaluate(SEARCH)
            ran = bool(page.evaluate("window.hit"))
            return [url for url in outside if "evil" in url], found, ran, page.locator("body").inner_text()
        finally:
            context.close()


@pytest.fixture(scope="module")
def escaped(chromium, tmp_path_factory):
    return opened(chromium, tmp_path_factory.mktemp("sinks"), safe=True)


def test_no_hostile_text_runs_links_or_calls_anybody_from_any_element(escaped):
    outside, found, ran, text = escaped
    assert "evil.example" in text.replace(words.JOINER, ""), "the texts are on the page"
    assert (outside, found, ran) == ([], [], False)


def test_the_same_texts_unescaped_do_call_somebody(chromium, tmp_path_factory):
    """So that the test above cannot pass on a page that shows nothing."""
    outside, found, _, _ = opened(chromium, tmp_path_factory.mktemp("raw"), safe=False)
    assert any("evil.example/p.png" in url for url in outside)
    assert any("evil.example" in one for one in found)


def test_every_element_the_product_draws_is_among_those_tried():
    used = set()
    for file in [*ROOT.glob("components/*.py"), *ROOT.glob("pages/**/*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "st":
                used.add(node.attr)
    assert used - SILENT - set(SHOWN) == set()
    assert all(f"st.{name}(" in SCRIPT or name == "plotly_chart" for name in SHOWN)


def test_choices_of_a_list_are_text_and_nothing_else(chromium, tmp_path):
    """Why a list may offer names that are spelled out but not escaped: it does not read Markdown."""
    script = tmp_path / "choices.py"
    script.write_text(
        f"import streamlit as st\ntexts = {hostile()!r}\n"
        "st.selectbox('one', texts)\nst.multiselect('many', [*texts, 'b'], texts[:3])\n",
        encoding="utf-8",
    )
    with browser.serve(tmp_path, script, **PLAIN) as address, browser.visit(chromium, address, persona="") as seen:
        for kind in ("stSelectbox", "stMultiSelect"):
            seen.page.get_by_test_id(kind).locator("input").first.click()
            seen.page.wait_for_selector("[role=option]")
            assert "evil.example" in seen.page.locator("body").inner_text()
            assert seen.page.evaluate(SEARCH) == [] and seen.outside == [] and not seen.page.evaluate("window.hit")
            seen.page.keyboard.press("Escape")
            seen.page.wait_for_timeout(300)


@pytest.mark.parametrize("text", hostile())
def test_a_text_of_a_hundred_thousand_characters_ends_and_hidden_characters_are_spelled_out(text):
    for long in (text * 10_000, text + "\u202e" * 100_000, "é" * 100_000):
        shown = words.safe_text(long)
        assert len(words.visible(long)) <= 200 and len(shown) <= 2 * 200 + 60
        assert not re.search("[\u0000-\u001f\u202a-\u202e\u2066-\u2069\u200b-\u200f]", shown)


# ---- The product's own screens in a browser: other sites, other names, the way back.


@pytest.fixture(scope="module")
def hostile_server(chromium, tmp_path_factory) -> Iterator[str]:
    """A company whose files, columns, name and notice are hostile, behind the real server."""
    from tests.conftest import run_data
    from tests.test_crawl import write

    folder, warehouse = tmp_path_factory.mktemp("names"), tmp_path_factory.mktemp("names-warehouse")
    image = "![x](http:evil.example)"
    lines = [
        {"order_id": f"o{n}", "ordered_at": f"2026-{n % 6 + 1:02d}-15", "revenue": "9.00" if n % 9 else "nine",
         "customer_id": f"K{n % 12:04d}", image: "x", "<img src=x onerror=window.hit=1>": "y",
         "category": PAYLOADS[n % 9][:60]}
        for n in range(200)
    ]  # fmt: skip
    write(folder / f"lines-{image.replace('/', '')} <img src=x onerror=window.hit=1>.csv", lines)
    write(folder / "customers-<a href=javascript:window.hit=1>x.csv", [
        {"customer_id": f"K{n:04d}", "segment": "home"} for n in range(12)
    ])  # fmt: skip
    name = "[x](javascript:window.hit=1) ![x](http://evil.example/p.png) " + "n" * 100_000
    (folder / "company.toml").write_text(f'name = "{name}"\ncurrency = "EUR"\nnotice = "{name}"\n', encoding="utf-8")
    done = run_data("build", folder, "--warehouse", warehouse, "--accept-rejected")
    assert done.returncode == 0, done.stdout + done.stderr
    with browser.serve(warehouse) as address:
        yield address


@pytest.mark.parametrize("path", ["overview", "data_trust", "customer_roi", "customer?customer=%5Bx%5D(javascript:x)",
                                  "overview?segment=%3Cimg%20src%3Dx%20onerror%3Dwindow.hit%3D1%3E"])  # fmt: skip
def test_hostile_names_of_files_columns_the_company_and_messages_do_nothing_and_end(path, hostile_server, chromium):
    with browser.visit(chromium, f"{hostile_server}/{path}") as seen:
        assert seen.exceptions() == [] and seen.outside == [] and seen.errors == []
        assert seen.page.evaluate(SEARCH) == [] and not seen.page.evaluate("window.hit")
        assert len(seen.page.title()) < 200
        longest = seen.page.evaluate(
            "Math.max(...[...document.querySelectorAll('[data-testid=stMarkdown], [data-testid=stHeading], button')]"
            ".map(one => one.innerText.length))"
        )
        assert 0 < longest < 3_000
        assert seen.page.locator("[data-testid=stMain]").inner_text().count("n" * 500) == 0


def test_another_site_cannot_put_the_app_into_a_frame(app_address, chromium):
    """The frame of another page stays empty also for who has signed in: there is nothing to click by mistake."""
    framed = ["/overview", "/sign-in", "/healthz", "/v/x", "/export/x"]

    async def around(request: Request) -> HTMLResponse:
        return HTMLResponse(f"<iframe src='{request.query_params['of']}'></iframe>")

    async def harmless(_: Request) -> HTMLResponse:
        return HTMLResponse("<p>anybody may frame this</p>")

    site = Starlette(routes=[Route("/", around), Route("/harmless", harmless)])
    context = chromium.new_context()
    try:
        page = context.new_page()
        browser.sign_in(page, app_address)
        with running(site, free_port()) as other:
            shown = {}
            for target in (f"{other}/harmless", *(app_address + path for path in framed)):
                page.goto(f"{other}/?of={target}")
                page.wait_for_timeout(700)
                (frame,) = page.frames[1:]
                shown[target] = frame.url, frame.evaluate("document.body ? document.body.innerText : ''")
    finally:
        context.close()
    assert "anybody may frame this" in shown.pop(f"{other}/harmless")[1]
    assert len(shown) == len(framed)
    for target, (url, text) in shown.items():
        assert url.startswith("chrome-error:") and "Rapport" not in text and "build" not in text, (target, url)


def test_after_signing_out_the_way_back_and_the_address_show_nothing(app_address, chromium):
    """A shared machine: Back, Forward, reload and a typed address after the sign-out lead to the sign-in screen."""
    need(browser.chromium_path(), "no Chromium: install the package chromium")
    context = chromium.new_context()
    try:
        page = context.new_page()
        browser.sign_in(page, app_address)
        page.goto(f"{app_address}/overview")
        browser.settled(page)
        page.goto(f"{app_address}/customer_roi")
        browser.settled(page)
        key = re.search(r"C\d{7}", page.locator("body").inner_text()) or re.search("ROI", page.content())
        assert key
        page.goto(f"{app_address}/auth/logout")
        page.wait_for_url(re.compile("/sign-in"))
        for step in (page.go_back, page.go_back, page.reload, lambda: page.goto(f"{app_address}/customer_roi")):
            step()
            page.wait_for_timeout(800)
            assert "/sign-in" in page.url, page.url
            shown = page.locator("body").inner_text()
            assert "Choose who you are" in shown and not re.search(r"C\d{7}|€", shown)
            assert page.locator("[data-testid=stApp]").count() == 0
    finally:
        context.close()
