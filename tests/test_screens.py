"""What only a real browser can judge: what the address becomes, and whether a screen can be read by everybody."""

from __future__ import annotations

import pytest

from tests import architecture, browser
from tests.conftest import ROOT

PAGES = [file for file, _ in architecture.contents((ROOT / "app.py").read_text(encoding="utf-8"))]
pytestmark = pytest.mark.browser


@pytest.fixture
def visit(chromium, app_address):
    """Open an address below the real server; yields what the browser saw."""
    opened = []

    def go(path: str, **options):
        context = browser.visit(chromium, app_address + path, **options)
        opened.append(context)
        return context.__enter__()

    yield go
    for context in opened:
        context.__exit__(None, None, None)


def settle(seen) -> str:
    """Wait until the page is drawn; its path and query."""
    seen.page.evaluate("window.quietSince = undefined")  # it was quiet before the click, too
    browser.settled(seen.page)
    return seen.page.url.removeprefix(f"http://{seen.host}")


def test_what_is_chosen_is_in_the_address_and_survives_reload_other_pages_and_the_way_back(visit):
    seen = visit("/")
    page = seen.page
    browser.choose(page, "Segment", "business")
    assert settle(seen) == "/?segment=business"
    figure = page.locator("[data-testid=stMetricValue]").first.inner_text()
    browser.turn_to(page, "Value", "Customer ROI")
    assert settle(seen) == "/customer_roi?segment=business"
    browser.turn_to(page, "Work", "Saved views")  # does not depend on filters, which wait for the way back
    assert settle(seen) == "/saved_views"
    browser.turn_to(page, "Company", "Overview")
    assert settle(seen) == "/?segment=business"
    page.reload()
    settle(seen)
    assert page.locator("[data-testid=stMetricValue]").first.inner_text() == figure
    page.get_by_role("button", name="Reset").click()
    assert settle(seen) == "/"
    assert page.locator("[data-testid=stMetricValue]").first.inner_text() != figure
    assert seen.errors == []


def test_a_refused_address_stays_as_it_is_until_the_reader_drops_it(visit):
    seen = visit("/?segment=business&region=Atlantis")
    assert settle(seen) == "/?segment=business&region=Atlantis"
    assert seen.page.locator("[data-testid=stMetric]").count() == 0
    seen.page.get_by_role("button", name="Open without these settings").click()
    assert settle(seen) == "/"
    assert seen.page.locator("[data-testid=stMetric]").count() == 4


@pytest.mark.parametrize(
    "path",
    [
        "/?segment=business&period=6m&compare=prior",
        "/customer_roi?segment=business&metric=Revenue&sort=Smallest+first&page=2",
    ],
)
def test_the_shared_address_names_the_whole_view_and_opens_it(path, visit):
    seen = visit(path)
    seen.page.get_by_role("button", name="Share").click()
    settle(seen)
    newest, pinned = seen.page.locator("[data-testid=stCode]").all_inner_texts()
    asked = set(path.split("?")[1].split("&"))
    assert asked <= set(newest.strip().split("?")[1].split("&")) < set(pinned.strip().split("?")[1].split("&"))
    figures = seen.page.locator("[data-testid=stMetricValue]").all_inner_texts()
    for address_shown in (newest, pinned):
        other = visit(address_shown.strip().removeprefix(f"http://{seen.host}"))
        assert other.page.locator("[data-testid=stMetricValue]").all_inner_texts() == figures
        assert other.exceptions() == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_a_page_is_accessible_fits_the_window_and_asks_nobody_else(page, scheme, size, visit):
    seen = visit(f"/{page.split('/')[1]}" if page != PAGES[0] else "/", scheme=scheme, size=size)
    assert seen.exceptions() == []
    assert seen.errors == []
    assert seen.outside == []
    assert browser.overflow(seen.page) == 0
    assert browser.accessibility_faults(seen.page) == []
