"""Takes the pictures of the documents with headless Chromium: `make screenshots`.

Each shot is a row of SHOTS: what is shown, and how wide and in which colours. The report and the what-if page are those
of the latest run of a workspace, the sample's unless another one is named.
"""

# A script beside the pages, not a package.
# ruff: noqa: INP001

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bundleopt.verbs.report import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUT = Path(__file__).parent / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SERVE = "import sys; from bundleopt.cli.main import run; run(sys.argv[1:])"
SEARCH_SECONDS = 8
PATIENCE_MS = 180_000


@dataclass(frozen=True)
class Shot:
    """One picture: its name, what it shows, width and height in pixels, and the colour scheme.

    `page` is `report`, `what-if` (the page of `bundleopt ui`) or `solving` (the same in the middle of a search).
    """

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
    Shot("page-light", "what-if", 1280, 1000),
    Shot("page-dark", "what-if", 1280, 1000, "dark"),
    Shot("page-phone", "what-if", 390, 1700),
    Shot("page-solving", "solving", 1280, 700),
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
            chosen = [shot for shot in SHOTS if shot.name.startswith(given.only)]
            for shot in chosen:
                if shot.page == "report":
                    _take(browser, shot, f"file://{report.resolve()}")
            if any(shot.page != "report" for shot in chosen):
                with _served(given.workspace) as address:
                    for shot in chosen:
                        if shot.page != "report":
                            _take(browser, shot, address)
            browser.close()
    finally:
        report.unlink()
    return 0


def _take(browser: Browser, shot: Shot, address: str) -> None:
    size = {"width": shot.width, "height": shot.height}
    page = browser.new_page(viewport=size, color_scheme=shot.scheme)  # type: ignore[arg-type]
    page.goto(address)
    if shot.page != "report":
        page.wait_for_selector("#settings")
    if shot.page == "solving":
        _search(page)
    page.screenshot(path=str(OUT / f"{shot.name}.png"), clip={"x": 0, "y": 0, **size}, full_page=True)
    if shot.page == "solving":
        page.click("text=Stop, keep the best plan")
        page.click("text=Stop now, keep nothing")
        page.wait_for_selector(".job.stopped, .job.done")
    page.close()


@contextmanager
def _served(workspace: str | None) -> Iterator[str]:
    """Serve the what-if page of a workspace, and yield its address."""
    where = ["-w", workspace] if workspace else []
    command = [sys.executable, "-c", SERVE, "ui", *where, "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own command
        told = ""
        for line in server.stdout or ():
            told += line
            if line == "}\n":
                break
        yield json.loads(told)["address"]
        server.terminate()


def _search(page: Page) -> None:
    """Begin a long search, and wait until the chart tells something."""
    page.set_default_timeout(PATIENCE_MS)
    page.click("text=More rules")
    page.fill("#gap", "0")
    page.fill("#time_limit", "600")
    page.click("text=More rules")
    page.click("text=Find the plan")
    page.wait_for_selector(".job.running .curve.bound")
    page.wait_for_timeout(SEARCH_SECONDS * 1000)
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    sys.exit(main())
