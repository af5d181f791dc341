"""The page in a real browser: a person plans, stops, keeps, bans, compares, saves, approves and exports."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.hostile_names import HOSTILE_NAMES
from tests.bundleopt.web.browser import chromium
from tests.bundleopt.web.page_server import PageServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
PATIENCE_MS = 90_000
UNLABELLED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, progress')]
  .filter((one) => !(one.labels?.length || one.getAttribute('aria-label') || one.textContent.trim()
    || one.getAttribute('aria-labelledby')))
  .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


class Visit:
    """A tab, and everything in it that must not happen."""

    def __init__(self, browser: Browser, page: PageServer, **options: Any) -> None:
        self.context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        self.tab: Page = self.context.new_page()
        self.tab.set_default_timeout(PATIENCE_MS)
        self.asked: list[str] = []
        self.wrong: list[str] = []
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.tab.on("console", lambda message: self.wrong.append(message.text) if message.type == "error" else None)
        self.tab.on("dialog", lambda dialog: dialog.accept())
        self.tab.goto(page.address)
        self.tab.wait_for_selector("#settings")

    def close(self) -> None:
        """Nothing of a hostile name ran, nothing was asked of another host, nothing was refused by the policy."""
        assert self.tab.evaluate("window.__x") is None
        assert not self.wrong
        assert {urlsplit(url).hostname for url in self.asked} == {"127.0.0.1"}
        self.context.close()

    def search(self, *, gap: str, seconds: str) -> None:
        """Set how far and how long to search; the inputs show those of the plan that is shown."""
        self.tab.click("text=More rules")
        self.tab.fill("#gap", gap)
        self.tab.fill("#time_limit", seconds)

    def find_plan(self) -> None:
        """Ask for a plan, and wait until it is shown."""
        before = self.tab.locator("#plan-title").text_content()
        self.tab.click("text=Find the plan")
        self.tab.wait_for_function("before => document.getElementById('plan-title').textContent !== before", arg=before)


@pytest.fixture
def visit(browser: Browser, page: PageServer) -> Iterator[Visit]:
    opened = Visit(browser, page)
    yield opened
    page.cancel_all()
    opened.close()


@pytest.fixture
def planned(page: PageServer) -> PageServer:
    """The page with a plan to show."""
    if "No plan yet" in page.ask("GET", "/plan").text:
        assert page.plan().status == 202
        page.wait_for_job()
    return page


def test_a_week_of_a_person(visit: Visit, page: PageServer, run: CommandLine, tmp_path: Path) -> None:
    tab = visit.tab
    assert "token" not in tab.url
    tab.fill("#budget", "20")
    visit.find_plan()
    assert tab.locator(".menu tbody tr").count() >= 2
    for name in HOSTILE_NAMES[2:4]:
        assert name in (tab.text_content("body") or "")

    # keep the first bundle, ban the second
    first, second = (tab.locator(".menu tbody tr").nth(place) for place in (0, 1))
    kept, banned = first.locator("th").inner_text(), second.locator("th").inner_text()
    price = first.locator("td").first.inner_text()
    first.locator("select").select_option("keep")
    second.locator("select").select_option("ban")
    visit.find_plan()
    rows = {row.locator("th").inner_text(): row for row in tab.locator(".menu tbody tr").all()}
    assert rows[kept].locator("td").first.inner_text() == price
    assert rows[kept].locator("select").input_value().startswith("keep ")
    assert banned not in rows
    assert tab.locator(".banned input:checked").count() == 1
    assert tab.locator(".figures thead th").count() == 5  # side by side with the plan before
    assert "Banned bundles" in tab.inner_text(".changes")

    # save, and find it on the command line
    tab.fill("#scenario-name", "two <b>wishes</b>")
    tab.click("text=Save scenario")
    tab.wait_for_selector("text=Rename")
    assert tab.inner_text("#plan-title") == "two <b>wishes</b>"
    assert "run=0001-2024-10-07" in tab.url
    listed = run("runs", "list", "-w", page.root, "--json").document["runs"]
    assert [row["label"] for row in listed] == ["two <b>wishes</b>"]
    assert run("explain", "max_bundles", "-w", page.root, "--json").code == 0

    # approve, and export
    tab.click("summary:has-text('Approve')")
    tab.fill("#approve-by", "Ada <i>Lovelace</i>")
    tab.click("text=Approve and freeze")
    tab.wait_for_selector("text=approved by Ada <i>Lovelace</i>")
    assert run("runs", "list", "-w", page.root, "--json").document["runs"][0]["approved_by"] == "Ada <i>Lovelace</i>"
    with tab.expect_download() as told:
        tab.click(".downloads >> text=CSV")
    archive = tmp_path / told.value.suggested_filename
    told.value.save_as(archive)
    with zipfile.ZipFile(archive) as held:
        exported = {name: held.read(name) for name in held.namelist()}
    assert run("export", "1", "--to", tmp_path / "out", "--format", "csv", "-w", page.root).code == 0
    assert exported == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    # the back button and a reload show the same plan
    tab.reload()
    assert tab.inner_text("#plan-title") == "two <b>wishes</b>"


def test_the_same_path_with_the_keyboard_alone(visit: Visit) -> None:
    tab = visit.tab
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"

    def tab_to(condition: str) -> None:
        for _ in range(150):
            tab.keyboard.press("Tab")
            if tab.evaluate(f"(() => {{ const it = document.activeElement; return {condition}; }})()"):
                break
        else:
            raise AssertionError(f"Tab never reaches what is {condition}")
        outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"

    tab_to("it.id === 'budget'")
    tab.keyboard.press("Control+a")
    tab.keyboard.type("14")
    tab_to("it.dataset.slides === 'slots'")
    tab.keyboard.press("ArrowLeft")
    assert tab.input_value("#slots") == "2"
    before = tab.inner_text("#plan-title")
    tab_to("it.textContent.trim() === 'Find the plan'")
    tab.keyboard.press("Enter")
    tab.wait_for_function("before => document.getElementById('plan-title').textContent !== before", arg=before)
    assert "done" in (tab.text_content("#announcer") or "")
    tab_to("it.id === 'scenario-name'")
    tab.keyboard.type("by keyboard")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("h2:has-text('by keyboard')")


def test_stopping_keeps_the_best_plan_and_the_chart_shows_the_search(visit: Visit) -> None:
    tab = visit.tab
    tab.fill("#max_bundles", "12")
    visit.search(gap="0", seconds="300")
    before = tab.inner_text("#plan-title")
    tab.click("text=Find the plan")
    tab.wait_for_selector(".job.running svg .curve.value")
    mine = tab.locator(".job.running").get_attribute("id")
    tab.click("text=Find the plan")  # a second one waits its turn
    tab.wait_for_selector("text=Waiting for its turn: 1 in the queue")
    tab.click(".job.waiting >> text=Cancel")
    tab.wait_for_selector(".job.stopped")
    tab.click("text=Stop, keep the best plan")
    tab.wait_for_selector(f"#{mine}.done")
    tab.click(f"#{mine} >> text=Show the plan")
    assert tab.inner_text("#plan-title") != before
    assert tab.locator(".badge:has-text('stopped by you')").count() == 1
    assert tab.locator(".menu tbody tr").count() >= 1


def test_the_frontier_is_drawn_and_exported(visit: Visit, tmp_path: Path) -> None:
    tab = visit.tab
    visit.search(gap="8", seconds="20")
    tab.click("text=Several budgets at once")
    for field, value in (("budget_from", "5"), ("budget_to", "15"), ("points", "3")):
        tab.fill(f"#{field}", value)
    tab.click("text=Draw the frontier")
    tab.wait_for_selector("#frontier svg")
    assert [row.inner_text() for row in tab.locator("#frontier tbody th").all()] == [
        "as set",
        "budget 5",
        "budget 10",
        "budget 15",
    ]
    with tab.expect_download() as told:
        tab.click("#frontier >> text=CSV")
    told.value.save_as(tmp_path / "frontier.csv")
    assert len((tmp_path / "frontier.csv").read_text(encoding="utf-8").splitlines()) == 4


def test_rules_that_contradict_each_other_are_named_and_nothing_is_lost(visit: Visit) -> None:
    tab = visit.tab
    before = tab.inner_text("#plan-title")
    tab.fill("#min_discount", "60")
    tab.click("text=Find the plan")
    tab.wait_for_selector("#message .refusal")
    assert "Smallest discount" in tab.inner_text("#message")
    visit.wrong.clear()  # the browser reports the 422 as an error of its own
    tab.fill("#min_discount", "0")
    visit.search(gap="8", seconds="20")
    tab.fill("#min_incremental_margin", "100000")
    tab.click("text=Find the plan")
    tab.wait_for_selector(".job.failed")
    assert "no plan keeps all of these rules together" in tab.inner_text(".job.failed")
    assert not (tab.text_content("#message") or "").strip()
    assert tab.inner_text("#plan-title") == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_reads_well(browser: Browser, planned: PageServer, scheme: str, width: int) -> None:
    visit = Visit(browser, planned, viewport={"width": width, "height": 844}, color_scheme=scheme)
    tab = visit.tab
    for summary in tab.locator("summary:visible").all():
        if summary.evaluate("it => !it.parentElement.open"):
            summary.click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(17, 22, 28)") is (scheme == "dark")
    poor = [one for one in tab.evaluate(CONTRAST) if one[0] < one[1] - 0.005]
    assert not poor
    assert tab.evaluate(UNLABELLED) == []
    assert tab.locator("table:not(:has(thead th[scope=col]))").count() == 0
    assert tab.locator("tbody tr:not(:has(th[scope=row]))").count() == 0
    assert tab.locator("[aria-live]").count() >= 2
    assert tab.evaluate("[...document.querySelectorAll('[id]')].length") == tab.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size"
    )
    visit.close()


def test_the_report_of_a_hostile_plan_opens_and_runs_nothing(planned: PageServer, visit: Visit) -> None:
    assert planned.root.is_dir()
    with visit.context.expect_page() as opened:
        visit.tab.click(".downloads >> text=Report")
    report = opened.value
    report.wait_for_selector("h1")
    assert report.evaluate("window.__x") is None
    report.close()
