"""Takes the pictures of the documents with headless Chromium: `make screenshots`.

Each shot is a row of SHOTS: what is shown, and how wide and in which colours. The report is that of the latest run of a
workspace, the sample's unless another one is named.
"""

# A script beside the pages, not a package.
# ruff: noqa: INP001

from __future__ import annotations

import argparse
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bundleopt.verbs.report import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OUT = Path(__file__).parent / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Shot:
    """One picture: its name, the page it shows (`report`), width and height in pixels, and the colour scheme."""

    name: str
    page: str
    width: int
    height: int
    scheme: str = "light"


SHOTS = (
    Shot("report-light", "report", 1280, 1500),
    Shot("report-dark", "report", 1280, 1500, "dark"),
    Shot("report-phone", "report", 390, 1300),
    Shot("report-phone-dark", "report", 390, 1300, "dark"),
)


def main() -> int:
    """Take every picture, or those whose names begin with `--only`; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-w", "--workspace", help="the workspace whose latest run is shown; default the sample")
    parser.add_argument("--only", default="", metavar="NAME", help="only pictures whose names begin with it")
    given = parser.parse_args()
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        sys.stderr.write(f"no browser: none of {', '.join(BROWSERS)} is installed\n")
        return 1
    from playwright.sync_api import sync_playwright

    OUT.mkdir(exist_ok=True)
    report = write_report(workspace=given.workspace, out=OUT / "report.html")
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
            for shot in SHOTS:
                if shot.name.startswith(given.only):
                    _take(browser, shot, f"file://{report.resolve()}")
            browser.close()
    finally:
        report.unlink()
    return 0


def _take(browser: Browser, shot: Shot, address: str) -> None:
    size = {"width": shot.width, "height": shot.height}
    page = browser.new_page(viewport=size, color_scheme=shot.scheme)  # type: ignore[arg-type]
    page.goto(address)
    page.screenshot(path=str(OUT / f"{shot.name}.png"), clip={"x": 0, "y": 0, **size}, full_page=True)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
