"""The real server in a real browser: start it, open a page, wait until it is drawn, and say what is wrong with it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests.conftest import ROOT, free_port

DESKTOP = (1440, 900)
PHONE = (390, 844)

# Faults of Streamlit's own elements, which a page cannot mend: navigation with sections, sparklines, upload.
FRAMEWORK_RULES = frozenset({"list", "listitem", "svg-img-alt", "presentation-role-conflict"})

# At /roi, Streamlit also asks for /roi/_stcore/health, to learn whether it is served below a path: the 404 says no.
STREAMLIT_TRIES = re.compile(r"^https?://[^/]+/[^/]+/_stcore/(health|host-config)$")

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

# Streamlit says "notRunning" for a moment between a click and the run it causes, so it must have held for a while.
SETTLED = """(quiet) => {
    const busy = '[data-testid=stSkeleton], [data-testid=stAppSkeleton], [data-testid=stSpinner], [data-stale=true]'
    const charts = [...document.querySelectorAll('[data-testid=stPlotlyChart]')]
    const done = document.querySelector('[data-testid=stApp][data-test-script-state=notRunning]')
        && !document.querySelector(busy)
        && charts.every(chart => chart.querySelector('svg.main-svg'))
        && document.fonts.status === 'loaded'
    if (!done) { window.quietSince = undefined; return false }
    window.quietSince ??= performance.now()
    return performance.now() - window.quietSince > quiet
}"""

# Streamlit scrolls these two columns, not the page, so a full-page picture would end at the window's edge.
CONTENT_HEIGHT = """() => Math.max(...[...document.querySelectorAll(
    '[data-testid=stMain], [data-testid=stSidebarContent]')].map(column => column.scrollHeight), 0)"""


@contextmanager
def serve(
    warehouse: Path, script: Path = ROOT / "server.py", log_to: Path | None = None, port: int = 0, **environment: str
) -> Iterator[str]:
    """Start `streamlit run server.py` on a free port over this warehouse; yields its address, ends it afterwards.

    Its journal is a folder of its own, unless RAPPORT_JOURNAL is given; without a provider it serves the demonstration.
    """
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    with tempfile.TemporaryDirectory() as journal, log_to.open("w+") if log_to else tempfile.TemporaryFile("w+") as log:
        ours = {"RAPPORT_WAREHOUSE": str(warehouse), "RAPPORT_JOURNAL": journal}
        environment = os.environ | ours | environment
        server = subprocess.Popen(command, cwd=script.parent, env=environment, stdout=log, stderr=log)
        try:
            wait_until_healthy(address, server, log)
            yield address
        finally:
            server.terminate()
            server.wait(timeout=20)


def wait_until_healthy(address: str, server: subprocess.Popen, log, seconds: float = 60) -> None:
    """Return when the server answers; raise with its log when it ends or does not answer in time."""
    deadline = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"The server at {address} does not answer. Its log:\n{log.read()[-4000:]}")


def chromium_path() -> str | None:
    """The browser of the operating system, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()


class Visit:
    """One open page, and what went wrong while it was open.

    errors: messages of the browser's console and uncaught exceptions. outside: addresses on other hosts that the page
    asked for, or would have a browser with a window ask for (its icon).
    """

    def __init__(self, page: Page, address: str):
        self.page = page
        self.errors: list[str] = []
        self.outside: list[str] = []
        self.host = urlsplit(address).netloc
        page.on("console", self.hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.note(request.url))
        page.on("websocket", lambda socket: self.note(socket.url))

    def hear(self, message: ConsoleMessage) -> None:
        """Write down an error of the console, but not those of Streamlit trying where its own addresses begin."""
        if message.type == "error" and not STREAMLIT_TRIES.search(message.location["url"]):
            self.errors.append(message.text)

    def note(self, url: str) -> None:
        """Write down an address that is not on our own server."""
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self.host:
            self.outside.append(url)

    def go(self, address: str) -> None:
        """Open an address of the same server and wait until it is drawn."""
        self.page.goto(address)
        settled(self.page)
        for url in self.page.eval_on_selector_all("link[rel~=icon]", "icons => icons.map(icon => icon.href)"):
            self.note(url)

    def exceptions(self) -> list[str]:
        """The error boxes Streamlit shows where a script failed."""
        return self.page.locator("[data-testid=stException]").all_inner_texts()


def sign_in(page: Page, address: str, persona: str = "otto") -> None:
    """Sign in to the server of that address as a person of the demonstration; lands on no page of figures."""
    parts = urlsplit(address)
    page.goto(f"{parts.scheme}://{parts.netloc}/sign-in/demo-{persona}?next=/healthz")


@contextmanager
def visit(
    browser: Browser,
    address: str,
    scheme: str = "light",
    size: tuple[int, int] = DESKTOP,
    persona: str = "otto",
    **options,
) -> Iterator[Visit]:
    """Open an address in a fresh browser profile. scheme: light or dark. size: width and height in CSS pixels.

    persona: who of the demonstration looks; Otto, the auditor, sees every figure. Nobody is signed in when it is empty.
    """
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
        **options,
    )
    try:
        opened = Visit(context.new_page(), address)
        if persona:
            sign_in(opened.page, address, persona)
        opened.go(address)
        yield opened
    finally:
        context.close()


def settled(page: Page, quiet: int = 400, seconds: float = 60) -> None:
    """Wait until the script has ended and everything is drawn, and has been so for `quiet` milliseconds."""
    page.wait_for_function(SETTLED, arg=quiet, polling=50, timeout=seconds * 1000)


def turn_to(page: Page, section: str, title: str) -> None:
    """Open a page from the menu on top of a wide window."""
    page.locator("[data-testid=stTopNavSection]", has_text=section).click()
    page.locator("[data-testid=stTopNavDropdownLink]", has_text=re.compile(f"{title}$")).click()


def choose(page: Page, label: str, option: str, attempts: int = 5) -> None:
    """Choose in a list as a reader does: a list that a late drawing has closed again is opened again."""
    offered = page.get_by_role("option", name=option)
    for _ in range(attempts):
        page.get_by_label(label).click()
        with contextlib.suppress(PlaywrightError):
            offered.click(timeout=5_000)
            break
        page.keyboard.press("Escape")
        settled(page)
    else:
        raise AssertionError(f"{label} did not offer {option} in {attempts} attempts")
    page.keyboard.press("Escape")


def photograph(page: Page, path: Path) -> None:
    """Write a picture of the whole page, also of what a reader would scroll to."""
    window = page.viewport_size
    assert window is not None
    for _ in range(3):  # a taller window may make room for more
        height = max(page.evaluate(CONTENT_HEIGHT), window["height"])
        page.set_viewport_size({"width": window["width"], "height": height})
        settled(page)
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, animations="disabled")
    page.set_viewport_size(window)


def overflow(page: Page) -> int:
    """Pixels by which the content is wider than the window; 0 where nobody must scroll sideways."""
    columns = "[document.documentElement, document.querySelector('[data-testid=stMain]')]"
    return page.evaluate(f"() => Math.max(...{columns}.map(column => column.scrollWidth - column.clientWidth))")


def accessibility_faults(page: Page, allowed: frozenset[str] = FRAMEWORK_RULES) -> list[str]:
    """What axe-core finds beyond the rules in `allowed`: rule, meaning and place of each fault."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {rule['help']} at {' '.join(map(str, node['target']))}"
        for rule in found
        if rule["id"] not in allowed
        for node in rule["nodes"]
    ]
