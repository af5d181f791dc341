"""The ladder over children that crash, hang and lie; see `solver_doubles`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bundleopt_data.errors import SolverCrashError, UsageError
from bundleopt_solvers import child, worker_pool
from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.backends.table import BACKENDS
from bundleopt_solvers.child import solve_model, solve_with_effort
from bundleopt_solvers.worker_pool import WorkerPool
from tests.solvers import solver_doubles
from tests.solvers.random_models import INF, brute_force, model_of, overflow_repro, random_model

DOUBLES = Path(solver_doubles.__file__)
MODEL = model_of([3, 2, 1], [([1, 1, 1], -INF, 2)], offset=1.0)
QUICK = Effort(time_limit=1.0)
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def doubles():
    """A pool whose table holds the doubles, HiGHS, SCIP and GLOP, and whose patience is short."""
    pool = WorkerPool(solver_doubles.BACKENDS, table_file=DOUBLES, grace_seconds=0.5)
    yield pool
    pool.close()


@pytest.fixture
def only(doubles, monkeypatch):
    """Leave nothing behind the named double, and nobody to confirm it."""
    monkeypatch.setattr(child, "ladder", lambda model, solver="auto": () if solver == "auto" else (solver,))
    return doubles


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]


def test_solve_model_answers_in_one_call():
    result = solve_model(MODEL)
    assert (result.status, result.objective, result.bound) == (SolveStatus.OPTIMAL, 6.0, 6.0)
    assert result.values is not None
    assert result.values.tolist() == [1, 1, 0]
    assert result.solver in BACKENDS
    assert result.incidents == ()
    assert 0 < result.seconds < 60


@pytest.mark.parametrize("name", ["highs", "scip", "cp_sat", "cbc"])
def test_every_solver_by_name(name):
    result = solve_model(MODEL, solver=name, time_limit=20)
    assert (result.objective, result.solver) == (6.0, name)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="no solver is named 'gorubi'; known are auto, cbc"):
        solve_model(MODEL, solver="gorubi")


def test_the_overflow_of_cp_sat_cannot_reach_anybody():
    result = solve_model(overflow_repro(), solver="cp_sat")
    assert result.objective == 135
    assert result.solver != "cp_sat"
    assert any("2^31" in incident for incident in result.incidents)


@pytest.mark.parametrize("name", solver_doubles.CRASHING)
def test_a_crash_falls_to_the_next_and_is_recorded(doubles, name):
    result = solve_with_effort(MODEL, QUICK, solver=name, pool=doubles)
    assert (result.status, result.objective, result.solver) == (SolveStatus.OPTIMAL, 6.0, "highs")
    assert len(result.incidents) == 1
    assert result.incidents[0].startswith(f"{name} crashed")


def test_signals_are_named(doubles):
    result = solve_with_effort(MODEL, QUICK, solver="segfaults", pool=doubles)
    assert "segmentation fault" in result.incidents[0]


@pytest.mark.parametrize("name", solver_doubles.LYING)
def test_a_lie_falls_to_the_next_and_is_recorded(doubles, name):
    result = solve_with_effort(MODEL, QUICK, solver=name, pool=doubles)
    assert (result.objective, result.bound, result.solver) == (6.0, 6.0, "highs")
    assert any(incident.startswith(f"{name} lied") for incident in result.incidents)


def test_a_hang_is_killed_and_the_next_takes_over(doubles):
    begun = time.monotonic()
    result = solve_with_effort(MODEL, QUICK, solver="hangs", pool=doubles)
    assert (result.objective, result.solver) == (6.0, "highs")
    assert result.incidents[0].startswith("hangs hung")
    assert time.monotonic() - begun < 6


def test_a_hang_that_published_a_plan_keeps_it_with_a_bound(doubles):
    result = solve_with_effort(MODEL, QUICK, solver="publishes_then_hangs", pool=doubles)
    assert result.objective == 6.0
    assert np.isfinite(result.bound)
    assert result.solver == "publishes_then_hangs"
    assert "hung" in result.incidents[0]


def test_a_crash_that_published_a_plan_hands_it_on(only):
    result = solve_with_effort(MODEL, QUICK, solver="publishes_then_crashes", pool=only)
    assert result.objective == 6.0
    assert result.bound >= 6.0
    assert "crashed" in result.incidents[0]


def test_a_start_survives_when_every_solver_fails(only):
    start = np.array([1.0, 0.0, 0.0])
    result = solve_with_effort(MODEL, QUICK, solver="segfaults", pool=only, start=start)
    assert (result.status, result.objective) == (SolveStatus.FEASIBLE, 4.0)
    assert result.bound >= 6.0


def test_nobody_left_is_an_error_that_lists_what_happened(only):
    with pytest.raises(SolverCrashError, match="segfaults crashed") as error:
        solve_with_effort(MODEL, QUICK, solver="segfaults", pool=only)
    assert error.value.exit_code == 8


@pytest.mark.parametrize(
    ("name", "words"), [("absent", "it never was"), ("refuses", "mood"), ("breaks_on_import", "import")]
)
def test_a_solver_that_cannot_be_used_is_passed_over_and_named(doubles, name, words):
    result = solve_with_effort(MODEL, QUICK, solver=name, pool=doubles)
    assert result.objective == 6.0
    assert words in result.incidents[0]


def test_infeasible_is_said_after_a_second_solver_found_the_same(doubles):
    result = solve_with_effort(model_of([1, 1], [([1, 1], 3, INF)]), QUICK, pool=doubles)
    assert result.status is SolveStatus.INFEASIBLE
    assert "confirmed by scip" in result.message


def test_a_false_infeasible_is_exposed_by_the_second_solver(doubles):
    result = solve_with_effort(MODEL, QUICK, solver="false_infeasible", pool=doubles)
    assert result.objective == 6.0
    assert "found a plan" in result.incidents[0]


def test_a_false_infeasible_is_exposed_by_a_known_plan(only):
    result = solve_with_effort(MODEL, QUICK, solver="false_infeasible", pool=only, start=np.array([1.0, 1.0, 0.0]))
    assert result.objective == 6.0
    assert "known plan" in result.incidents[0]


def test_an_unconfirmed_infeasible_is_unknown(only):
    result = solve_with_effort(model_of([1, 1], [([1, 1], 3, INF)]), QUICK, solver="false_infeasible", pool=only)
    assert result.status is SolveStatus.UNKNOWN
    assert "unconfirmed" in result.message


def test_a_doubted_optimum_is_checked_by_a_second_solver(doubles, monkeypatch):
    monkeypatch.setattr(child, "DOUBTED", frozenset({"false_optimum", "honest"}))
    result = solve_with_effort(MODEL, QUICK, solver="false_optimum", pool=doubles)
    assert (result.status, result.objective) == (SolveStatus.OPTIMAL, 6.0)
    assert result.solver != "false_optimum"
    assert "found a better plan" in result.incidents[0]
    result = solve_with_effort(MODEL, QUICK, solver="honest", pool=doubles)
    assert (result.status, result.objective, result.solver) == (SolveStatus.OPTIMAL, 6.0, "honest")
    assert result.message == "bound by highs"


def test_cp_sat_is_doubted():
    assert frozenset({"cp_sat"}) == child.DOUBTED
    result = solve_model(MODEL, solver="cp_sat")
    assert (result.status, result.objective, result.message) == (SolveStatus.OPTIMAL, 6.0, "bound by highs")


def test_a_solver_that_gives_up_is_a_result_with_a_bound(doubles):
    result = solve_with_effort(MODEL, QUICK, solver="gives_up", pool=doubles)
    assert (result.status, result.values) == (SolveStatus.UNKNOWN, None)
    assert result.bound == pytest.approx(6.0)
    assert result.incidents == ()


def test_what_a_solver_prints_does_not_disturb(doubles, capfd):
    result = solve_with_effort(MODEL, QUICK, solver="prints", pool=doubles)
    assert (result.objective, result.incidents) == (6.0, ())
    assert capfd.readouterr().out == ""


def test_memory_is_limited_in_the_child(doubles):
    effort = Effort(time_limit=20.0, memory_bytes=300 * 2**20)
    result = solve_with_effort(MODEL, effort, solver="hungry", pool=doubles)
    assert (result.objective, result.solver) == (6.0, "highs")
    assert "hungry crashed" in result.incidents[0]


def test_a_start_is_never_fallen_behind():
    rng = np.random.default_rng(0)
    for _ in range(30):
        model = random_model(rng)
        best = solve_model(model)
        if best.values is None:
            continue
        again = solve_model(model, start=best.values, work=1)
        assert again.objective >= best.objective - 1e-9


@pytest.mark.parametrize("start", [np.zeros(2), np.full(3, np.nan)])
def test_a_start_that_is_none_is_refused(start):
    with pytest.raises(ValueError, match="3 finite values"):
        solve_model(MODEL, start=start)


def test_a_start_that_breaks_a_row_is_not_used():
    assert solve_model(MODEL, start=np.ones(3)).objective == 6.0


def test_two_runs_give_the_same_bytes():
    model = random_model(np.random.default_rng(3), continuous=True)
    first, second = solve_model(model), solve_model(model)
    assert first.values is not None
    assert second.values is not None
    assert first.values.tobytes() == second.values.tobytes()


def test_the_ladder_agrees_with_brute_force():
    rng = np.random.default_rng(9)
    for _ in range(100):
        model = random_model(rng, continuous=bool(rng.integers(2)))
        best, result = brute_force(model), solve_model(model)
        assert (result.status is SolveStatus.INFEASIBLE) == (best == -INF)
        if best > -INF:
            assert result.objective == pytest.approx(best, rel=1e-6, abs=1e-6)


def test_a_warm_child_serves_many_solves_and_one_family_only():
    pool = WorkerPool()
    try:
        for name in ("highs", "cp_sat", "scip", "glop"):
            model = MODEL.relaxed() if name == "glop" else MODEL
            assert pool.run(name, model, QUICK).answer.status is SolveStatus.OPTIMAL
        first = {worker.pid for worker in pool._idle}
        assert len(first) == 1
        pool.run("cbc", MODEL, QUICK)
        assert sorted(worker.family for worker in pool._idle) == ["ortools", "pulp"]
        assert first < {worker.pid for worker in pool._idle}
    finally:
        pool.close()


def test_closing_leaves_no_process_and_the_pool_can_go_on():
    pool = WorkerPool()
    pool.run("highs", MODEL, QUICK)
    pids = [worker.pid for worker in pool._idle]
    pool.close()
    assert not any(is_alive(pid) for pid in pids)
    assert pool.run("highs", MODEL, QUICK).answer.claimed == 6.0
    pool.close()


def test_a_killed_child_takes_its_children_with_it():
    pool = WorkerPool(solver_doubles.BACKENDS, table_file=DOUBLES, grace_seconds=0.5)
    pids = []

    def stopped():
        pids.extend(worker.pid for worker in pool._busy)
        return False

    assert pool.run("starts_a_child_and_hangs", MODEL, QUICK, stopped=stopped).answer.status is SolveStatus.HUNG
    group = pids[0]
    time.sleep(0.2)
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    living = [line for line in stats if line.split(")")[1].split()[2] == str(group) and ") Z" not in line]
    assert living == []
    pool.close()


def test_stopping_ends_the_solve_and_keeps_the_plan(doubles):
    flag = threading.Event()
    solve_with_effort(
        MODEL, QUICK, solver="honest", pool=doubles
    )  # the child is warm, so the plan is published at once
    threading.Timer(1.5, flag.set).start()
    begun = time.monotonic()
    result = solve_with_effort(
        MODEL, Effort(time_limit=60.0), solver="publishes_then_hangs", pool=doubles, stopped=flag.is_set
    )
    assert time.monotonic() - begun < 5
    assert (result.status, result.objective) == (SolveStatus.FEASIBLE, 6.0)
    assert "stopped by the caller" in result.message


def test_several_threads_solve_at_once():
    results = []
    threads = [threading.Thread(target=lambda: results.append(solve_model(MODEL))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.objective for result in results] == [6.0] * 3


# A shell that starts the tests in the background has them ignore Ctrl-C, and their children too.
SCRIPT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {root!r})
from pathlib import Path
from bundleopt_solvers.backends.backend import Effort
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.worker_pool import WorkerPool
from tests.solvers import solver_doubles
from tests.solvers.test_child import MODEL
pool = WorkerPool(solver_doubles.BACKENDS, table_file=Path(solver_doubles.__file__))
solve_with_effort(MODEL, Effort(time_limit=5), solver="honest", pool=pool)
print(*[worker.pid for worker in pool._idle], flush=True)
{ending}
"""
HANG = 'solve_with_effort(MODEL, Effort(time_limit=600), solver="hangs", pool=pool)'


def start_script(ending):
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(root=root, ending=ending)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert pids
    return process, pids


def assert_gone(pids):
    deadline = time.monotonic() + 5
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(is_alive(pid) for pid in pids)


def test_leaving_the_parent_leaves_no_child():
    process, pids = start_script("")
    assert process.wait(20) == 0
    process.communicate()
    assert_gone(pids)


def test_a_killed_parent_takes_its_children_along():
    process, pids = start_script(HANG)
    time.sleep(0.5)
    process.kill()
    process.communicate()
    assert_gone(pids)


def test_ctrl_c_belongs_to_the_parent_and_leaves_no_child():
    process, pids = start_script(HANG)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert_gone(pids)


def test_a_fork_does_not_kill_the_children_of_its_parent(monkeypatch):
    pool = WorkerPool()
    pool.run("highs", MODEL, QUICK)
    pids = [worker.pid for worker in pool._idle]
    monkeypatch.setattr(worker_pool.os, "getpid", lambda: -1)
    pool.close()
    monkeypatch.undo()
    assert all(is_alive(pid) for pid in pids)
    pool.close()
