"""Photograph every page of a simulated company: `make screenshots`.

All pictures go to test-report/screenshots/; what one sees first of the README's pages also to docs/images/. Never the
warehouse of the person who runs this: its figures would end up in a public README.
"""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests import architecture, browser
from tests.conftest import ROOT, run_data

CUSTOMERS, SEED = 20_000, 7
REPORT = ROOT / "test-report"
README_PICTURES = {
    ("overview", "light"): "overview.png",
    ("customer_roi", "dark"): "customer-roi.png",
    ("churn_risk", "light"): "churn-risk.png",
    ("partner_pareto", "light"): "partner-pareto.png",
}


def demo_warehouse() -> Path:
    """The warehouse of the simulated company, built anew by the code as it is now."""
    feeds, warehouse = REPORT / "feeds", REPORT / "warehouse"
    for folder in (feeds, warehouse):
        shutil.rmtree(folder, ignore_errors=True)
    yesterday = str((datetime.now(UTC) - timedelta(days=1)).date())
    for command in (
        ("simulate", "--customers", str(CUSTOMERS), "--seed", str(SEED), "--ends", yesterday, "--to", feeds),
        ("build", feeds, "--warehouse", warehouse),
    ):
        done = run_data(*command)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
    return warehouse


def main() -> None:
    """Photograph each page light and dark, wide and narrow."""
    if not browser.chromium_path():
        sys.exit("No Chromium on this machine: install the package chromium.")
    titles = architecture.contents((ROOT / "app.py").read_text(encoding="utf-8"))
    pictures = ROOT / "docs" / "images"
    pictures.mkdir(parents=True, exist_ok=True)
    with browser.serve(demo_warehouse()) as address, browser.chromium() as opened:
        for name in (Path(file).name for file, _ in titles):
            page = f"{address}/{name}"
            for scheme in ("light", "dark"):
                for size in (browser.DESKTOP, browser.PHONE):
                    picture = REPORT / "screenshots" / f"{name}-{scheme}-{size[0]}.png"
                    with browser.visit(opened, page, scheme, size) as shown:
                        browser.photograph(shown.page, picture)
                        if size == browser.DESKTOP and (name, scheme) in README_PICTURES:
                            shown.page.screenshot(path=pictures / README_PICTURES[name, scheme], animations="disabled")
                        print(picture.relative_to(ROOT), *shown.errors, *shown.outside, *shown.exceptions())


if __name__ == "__main__":
    main()
