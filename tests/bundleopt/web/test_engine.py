"""The page plans with the engine of the command line, within its limits, and leaves nothing running."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundleopt.run_registry import all_runs
from bundleopt.web.scenarios import draft_workspace
from bundleopt.workspace import Workspace
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.processes import children_of, strays
from tests.bundleopt.web.page_server import QUICK, PageServer

FILES = ("bundles.parquet", "offers.parquet", "inventory.parquet")


@pytest.fixture
def own_page(workspace: Path) -> Iterator[PageServer]:
    """A page on a workspace of its own."""
    server = PageServer.start(workspace)
    yield server
    if server.process.poll() is None:
        server.stop()


def _drafts(root: Path) -> list[Path]:
    return [run.folder for run in all_runs(draft_workspace(Workspace(root)))]


def _gone(pids: set[int], seconds: float = 20.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


def test_the_page_and_the_command_line_make_the_same_plan(
    own_page: PageServer, run: CommandLine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert own_page.plan(budget="17.50", min_margin="12.5", shocks="cost:*=+5%").status == 202
    assert "done" in own_page.wait_for_job()
    (drafted,) = _drafts(own_page.root)
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    flags = ("--budget", "17.50", "--min-margin", "12.5%", "--bundle-size", "2:3", "--shock", "cost:*=+5%")
    assert run("solve", "-w", own_page.root, *flags, "--out", tmp_path / "plan", "--json").code == 0
    assert [(drafted / name).read_bytes() for name in FILES] == [
        (tmp_path / "plan" / name).read_bytes() for name in FILES
    ]


@pytest.mark.fault(72)
def test_eight_plans_at_once_are_all_made_by_one_planner_and_nothing_is_left(own_page: PageServer) -> None:
    answers = [own_page.plan(budget=str(5 + number), gap="40", bundle_size="2:2") for number in range(8)]
    assert [answer.status for answer in answers] == [202] * 8
    assert "7 in the queue" in answers[-1].text
    most = 0
    until = time.monotonic() + 150
    while 'hx-trigger="every' in own_page.ask("GET", "/jobs").text and time.monotonic() < until:
        most = max(most, len(children_of(own_page.process.pid)))
        time.sleep(0.1)
    assert len(_drafts(own_page.root)) == 8
    assert most <= 3  # the planner, and a solver or two of its own
    assert not strays(own_page.root)
    everyone = children_of(own_page.process.pid) | {own_page.process.pid}
    assert own_page.stop() == 0
    assert _gone(everyone)


def test_a_killed_page_takes_its_planner_along(own_page: PageServer) -> None:
    assert own_page.plan(gap="0", time_limit="300").status == 202
    until = time.monotonic() + 60
    while "optimising" not in own_page.ask("GET", "/jobs").text and time.monotonic() < until:
        time.sleep(0.1)
    everyone = children_of(own_page.process.pid)
    assert everyone
    os.kill(own_page.process.pid, signal.SIGKILL)
    own_page.process.communicate(timeout=10)
    assert _gone(everyone)
    # What it was doing is no run of the workspace, and the next page begins clean.
    assert not list((own_page.root / "runs").iterdir())
    after = PageServer.start(own_page.root)
    assert after.ask("GET", "/").status == 200
    assert after.stop() == 0
    assert not strays(own_page.root)


def test_a_workspace_that_another_run_holds_is_waited_for(own_page: PageServer) -> None:
    from bundleopt.workspace_lock import hold

    with hold(Workspace(own_page.root)):
        assert own_page.plan().status == 202
        until = time.monotonic() + 60
        while f"process {os.getpid()}" not in own_page.ask("GET", "/jobs").text and time.monotonic() < until:
            time.sleep(0.1)
        assert "another run holds" in own_page.ask("GET", "/jobs").text
    assert "done" in own_page.wait_for_job()


def test_ports_are_taken_one_after_the_other_and_a_taken_one_is_named(own_page: PageServer, run: CommandLine) -> None:
    outcome = run("ui", "-w", own_page.root, "--port", own_page.port, "--no-browser")
    assert outcome.code == 2
    assert f"--port {own_page.port}: another program listens there" in outcome.err
    assert run("ui", "-w", own_page.root, "--port", 70000).code == 2
    assert run("ui", "-w", own_page.root / "nowhere").code == 2
