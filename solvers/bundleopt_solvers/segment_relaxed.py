"""Linear models of the segment problem solved in children, with prices that prove a bound of our own.

A solver's word for a bound is never used here: its row prices go through `segment_dual`, which is right for any prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_dual import SegmentPrices
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel
from bundleopt_solvers.segment_program import SegmentProgram, build_program

SOLVERS = ("glop", "highs")  # a simplex that says "imprecise" is followed by the other one
LEAST_SECONDS = 1.0


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A solved linear relaxation over a core: menu shares (n,), exposures (n, S), value in money, and prices.

    `prices` is None where no solver gave any; `menu` is None where it gave no values; `is_infeasible` where two
    solvers agree that nothing keeps the rows.
    """

    menu: Reals | None
    exposure: Reals | None
    value: float
    prices: SegmentPrices | None
    is_infeasible: bool = False


def solve_relaxed(
    core: SegmentModel,
    cuts: Sequence[SegmentCut],
    *,
    on: frozenset[int] = frozenset(),
    seconds: float,
    solver: str = "auto",
    stopped: Callable[[], bool] | None = None,
) -> Relaxed:
    """Solve the linear relaxation of `core` with `cuts`; every bundle of `on` is on the menu.

    Raises:
        SolverCrashError: no linear solver works.
    """
    program = build_program(core, cuts, on=on)
    found = Relaxed(None, None, -np.inf, None)
    for name in SOLVERS if solver == "auto" else (solver, *SOLVERS):
        effort = Effort(time_limit=max(seconds, LEAST_SECONDS), gap=0.0)
        result = solve_with_effort(program.model.relaxed(), effort, solver=name, stopped=stopped)
        if result.status is SolveStatus.INFEASIBLE:
            return replace(found, is_infeasible=True)
        if result.values is not None and result.row_duals is not None:
            return _read(program, result.values, result.row_duals)
        if stopped is not None and stopped():
            break
    return found


def _read(program: SegmentProgram, values: Reals, duals: Reals) -> Relaxed:
    menu, exposure = program.shares(values)
    value = program.model.objective_of(values) / program.money_scale
    return Relaxed(menu, exposure, value, program.prices(duals))


def exposures_of(
    menu: SegmentModel, *, seconds: float, solver: str = "auto", stopped: Callable[[], bool] | None = None
) -> Relaxed:
    """Best exposures when exactly the options of `menu`, one a bundle, are on it: one small linear model.

    Raises:
        SolverCrashError: no linear solver works.
    """
    on = frozenset(menu.bundle.tolist())
    return solve_relaxed(menu, (), on=on, seconds=seconds, solver=solver, stopped=stopped)


def menu_positions(model: SegmentModel, options: Indices) -> Indices:
    """Positions in `model` of option indices of the problem, where they are there."""
    return np.flatnonzero(np.isin(model.option, options))
