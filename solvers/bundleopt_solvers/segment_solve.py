"""Solve the segment menu problem with covers of any size added as they are broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

import numpy as np

from bundleopt_data.errors import SolverCrashError
from bundleopt_solvers.arbitrage import broken_covers
from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.backends.result import BackendResult, improved_by
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.linear_model import Reals
from bundleopt_solvers.segment_columns import Indices
from bundleopt_solvers.segment_master import SegmentMaster
from bundleopt_solvers.worker_pool import WorkerPool

LEAST_SECONDS = 0.5


@dataclass(frozen=True, eq=False)
class SegmentPlan:
    """A menu and exposures that keep every rule of the segment model, no arbitrage included.

    Attributes:
        master: the problem with every cover row that was needed. result: values and bound over its columns; values is
        None where no plan was found in time.
    """

    master: SegmentMaster
    result: BackendResult


def solve_segment_master(
    master: SegmentMaster,
    effort: Effort,
    *,
    solver: str = "auto",
    start: Reals | None = None,
    pool: WorkerPool | None = None,
    stopped: Callable[[], bool] | None = None,
) -> SegmentPlan:
    """Solve, look for broken covers, forbid them, and solve again until none is broken or time is up.

    Every bound on the way is a bound of the final problem, since rows only take plans away. A menu that breaks a cover
    is mended, by taking the offenders off and solving the exposures again, so that time never ends without a plan.

    Raises:
        SolverCrashError: every solver failed.
    """
    deadline = monotonic() + effort.time_limit
    incidents: list[str] = []
    best = start
    while True:
        left = replace(effort, time_limit=max(deadline - monotonic(), LEAST_SECONDS))
        result = solve_with_effort(master.model, left, solver=solver, start=best, pool=pool, stopped=stopped)
        incidents += result.incidents
        covers = [] if result.values is None else broken_covers(master.problem, master.menu_of(result.values))
        if result.values is None or not covers:
            break
        master = master.with_covers(covers)
        best = _better(master, best, _mended(master, master.menu_of(result.values), pool))
        if monotonic() >= deadline or (stopped is not None and stopped()):
            broken = replace(result, status=SolveStatus.UNKNOWN, values=None, objective=-np.inf)
            result = improved_by(master.model, broken, best, gap=effort.gap)
            break
    return SegmentPlan(master, replace(result, incidents=tuple(incidents)))


def _mended(master: SegmentMaster, menu: Indices, pool: WorkerPool | None) -> Reals | None:
    """Best plan on `menu` without the options that cost more than a cover, or None where rules forbid that."""
    while covers := broken_covers(master.problem, menu):
        menu = np.setdiff1d(menu, [cover.option for cover in covers])
    try:
        return exposures_for(master, menu, pool=pool)
    except SolverCrashError:
        return None


def _better(master: SegmentMaster, first: Reals | None, second: Reals | None) -> Reals | None:
    """The more valuable of two plans that keep the rows of `master`."""
    plans = [plan for plan in (first, second) if plan is not None and not master.model.violation(plan)]
    return max(plans, key=master.model.objective_of, default=None)


def exposures_for(master: SegmentMaster, menu: Indices, *, pool: WorkerPool | None = None) -> Reals | None:
    """Best values (V,) of the model with `menu` fixed, or None where the rules allow none: one small linear solve."""
    fixed = master.with_menu(menu)
    result = solve_with_effort(fixed, Effort(time_limit=10.0), pool=pool)
    return result.values
