"""A solver that is stopped leaves the best plan it had: HiGHS by its file, SCIP by its callback."""

from __future__ import annotations

from time import monotonic

import numpy as np
import pytest

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.backends.incumbents import last_plan
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.linear_model import LinearModel
from bundleopt_solvers.worker_pool import WorkerPool
from tests.solvers.random_models import model_of


def hard(seed: int, *, variables: int = 100, rows: int = 20) -> LinearModel:
    """A knapsack with many rows whose tree no solver finishes in a test."""
    rng = np.random.default_rng(seed)
    use = rng.integers(10, 1000, (rows, variables))
    gain = use.mean(0) + rng.integers(0, 500, variables)
    return model_of(np.round(gain), [(row, -np.inf, float(row.sum() // 2)) for row in use])


@pytest.mark.parametrize("solver", ["highs", "scip"])
def test_a_stopped_solver_leaves_a_plan(solver: str) -> None:
    model, pool = hard(1), WorkerPool()
    assert not pool.missing(solver)  # the library is loaded before the clock runs
    begun = monotonic()
    try:
        outcome = pool.run(solver, model, Effort(time_limit=60.0, gap=0.0), stopped=lambda: monotonic() - begun > 3.0)
    finally:
        pool.close()
    assert outcome.answer.values is None, "the solver was killed before it answered"
    assert outcome.published is not None
    assert model.violation(np.round(outcome.published)) == ""
    assert model.objective_of(np.round(outcome.published)) > 0


def test_a_stopped_solve_returns_the_plan_with_a_bound() -> None:
    model = hard(2)
    begun = monotonic()
    found = solve_with_effort(
        model, Effort(time_limit=60.0, gap=0.0), solver="scip", stopped=lambda: monotonic() - begun > 4.0
    )
    assert found.status is SolveStatus.FEASIBLE
    assert found.values is not None
    assert model.violation(found.values) == ""
    assert found.objective <= found.bound < np.inf


def test_the_last_whole_plan_of_a_file_is_read() -> None:
    first = "Objective 0\n# Columns 0\n"
    second = "Objective 5.5\n# Columns -2\n 1 0\n x 2.5 3\n"
    assert last_plan("", 4) is None
    assert last_plan(first, 2).tolist() == [0, 0]
    assert last_plan(first + second, 4).tolist() == [1, 0, 0, 2.5]
    cut = first + second[:-2]  # the last line is not whole yet
    assert last_plan(cut, 4).tolist() == [0, 0, 0, 0]
    assert last_plan("Objective 5\n# Columns -1\n 1 7\n", 4) is None, "a column that is not there"
