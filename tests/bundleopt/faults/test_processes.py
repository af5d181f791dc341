"""Faults 53 to 68: what can happen to a process, done to real ones."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from bundleopt_data import atomic
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.processes import children_of, start, strays, tree

fault = pytest.mark.fault
pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
QUICK = ("--time-limit", "2", "--gap", "20%", "--max-bundles", "4", "--candidates", "20", "--budget", "20")
LONG = ("--time-limit", "600", "--gap", "0", "--max-bundles", "6", "--budget", "20", "--work", "100000000")


def _whole(root: Path) -> None:
    """Every published run has all its files, as its manifest says."""
    from bundleopt.rundir.writer import changed_files

    for folder in (root / "runs").iterdir():
        if not folder.name.startswith("."):
            assert changed_files(folder) == []


@fault(54, 56)
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_every_write_of_a_solve_can_fail_and_then_nothing_is_lost(
    workspace: Path, run: CommandLine, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    before = tree(workspace)
    for number in range(1, 60):
        monkeypatch.setattr(atomic, "_write_number", itertools.count(1))
        monkeypatch.setenv("BUNDLEOPT_FAULT", f"write:{number}:{error}")
        outcome = run("solve", "-w", workspace, *QUICK)
        if outcome.code == 0:
            break
        assert outcome.code == 11, outcome.err
        assert "Traceback" not in outcome.err
        after = tree(workspace)
        assert {name: after[name] for name in before} == before
        assert not strays(workspace)
        _whole(workspace)
    else:
        pytest.fail("the writes of a solve do not end")
    assert number > 2
    assert len(list((workspace / "runs").iterdir())) == 1
    _whole(workspace)


@fault(54)
def test_killed_at_every_write_the_old_or_the_new_is_there_and_the_next_start_cleans_up(workspace: Path) -> None:
    before = tree(workspace)
    for number in range(1, 60):
        process = start("solve", "-w", workspace, *QUICK, BUNDLEOPT_FAULT=f"write:{number}:KILL")
        _, told = process.communicate(timeout=300)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, told
        after = tree(workspace)
        assert {name: after[name] for name in before} == before
        _whole(workspace)
    assert number > 1
    assert process.returncode == 0
    assert not strays(workspace)
    _whole(workspace)


@fault(54)
def test_killed_at_a_random_moment_the_next_solve_goes_through(workspace: Path) -> None:
    draw = random.Random(20240101)  # noqa: S311 - moments, not secrets
    for _ in range(3):
        process = start("solve", "-w", workspace, *QUICK)
        time.sleep(draw.uniform(0.2, 4.0))
        process.kill()
        process.communicate(timeout=60)
        _whole(workspace)
    last = start("solve", "-w", workspace, *QUICK)
    _, told = last.communicate(timeout=300)
    assert last.returncode == 0, told
    _whole(workspace)
    assert not strays(workspace)


def _optimising(process: object, root: Path) -> None:
    """Wait until the search is on: its model, forecast and values lie in the cache and the lock is held."""
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline:
        held = root / ".cache" / "lock.holder"
        if held.exists() and any((root / ".cache").rglob("*candidate*")):
            return
        time.sleep(0.1)
    pytest.fail("the solve never began")


@fault(55)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_one_signal_keeps_the_best_plan(workspace: Path, number: signal.Signals) -> None:
    process = start("solve", "-w", workspace, *LONG, "--json")
    _optimising(process, workspace)
    time.sleep(4)
    sent = time.monotonic()
    process.send_signal(number)
    out, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert time.monotonic() - sent < 60  # the promise is two seconds on a quiet machine; never the rest of the limit
    document = json.loads(out)
    assert document["status"] == "interrupted"
    assert Path(document["folder"]).is_dir()
    assert "best plan so far is in" in told
    _whole(workspace)


@fault(55)
def test_a_second_signal_ends_it_now(workspace: Path) -> None:
    process = start("solve", "-w", workspace, *LONG)
    _optimising(process, workspace)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode in {130, -signal.SIGINT}, told
    _whole(workspace)


@fault(61, 62)
def test_the_second_run_is_told_who_holds_the_workspace_and_a_dead_holder_holds_nothing(
    workspace: Path, run: CommandLine
) -> None:
    process = start("solve", "-w", workspace, *LONG)
    _optimising(process, workspace)
    outcome = run("solve", "-w", workspace, *QUICK)
    assert outcome.code == 10, outcome.err
    assert str(process.pid) in outcome.err
    assert "--wait" in outcome.err
    process.kill()
    process.communicate(timeout=60)
    assert run("solve", "-w", workspace, *QUICK).code == 0


@fault(58, 67)
def test_no_child_outlives_its_parent(workspace: Path) -> None:
    process = start("solve", "-w", workspace, *LONG)
    _optimising(process, workspace)
    time.sleep(2)
    children = children_of(process.pid)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in children):
        time.sleep(0.2)
    assert not any(Path(f"/proc/{pid}").exists() for pid in children)


@fault(62)
def test_a_clock_that_jumps_back_changes_no_duration_and_no_name(
    workspace: Path, run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 10 * 365 * 86_400)
    first = run("solve", "-w", workspace, *QUICK, "--json")
    second = run("solve", "-w", workspace, *QUICK, "--json")
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert [Path(one.document["folder"]).name[:4] for one in (first, second)] == ["0001", "0002"]
    assert all(0 <= seconds < 600 for seconds in first.document["seconds"].values() if isinstance(seconds, float))


@fault(63, 64, 66)
def test_threads_seeds_and_versions_are_in_the_plan(workspace: Path, run: CommandLine) -> None:
    plan = run("solve", "-w", workspace, *QUICK, "--json").document
    assert {"python", "torch", "ortools", "bundleopt"} <= set(plan["versions"])
    assert "threads" in json.dumps(plan)
    assert plan["seeds"]
