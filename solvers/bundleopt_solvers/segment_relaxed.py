"""Linear models of the segment problem solved in children, with prices that prove a bound of our own.

A solver's word for a bound is never used here: its row prices go through `segment_dual`, which is right for any prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_from_basis
from bundleopt_solvers.segment_basis import KnownBasis, known_basis
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_dual import SegmentPrices, reduced_values
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel
from bundleopt_solvers.segment_program import SegmentProgram, build_program

SOLVERS = ("glop", "highs")  # a simplex that says "imprecise" is followed by the other one
LEAST_SECONDS = 1.0
ENTERS = 1e-7  # of the largest value: a column that would gain less is left out
Columns = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Part:
    """What a linear model holds of a core, and where its simplex begins.

    Attributes:
        on: bundles that are on the menu. columns: (n, S) exposures to write, None for all that may be of use; what the
        model says of infeasible is then said of them. basis: where an earlier one ended.
    """

    on: frozenset[int] = frozenset()
    columns: Columns | None = None
    basis: KnownBasis | None = None


EVERYTHING = Part()


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A solved linear relaxation over a core: menu shares (n,), exposures (n, S), value in money, and prices.

    `prices` is None where no solver gave any; `menu` is None where it gave no values; `is_infeasible` where two
    solvers agree that nothing keeps the rows. `enters`: (n, S) exposures that were left out and would gain.
    `basis`: where the simplex ended, for the next model.
    """

    menu: Reals | None
    exposure: Reals | None
    value: float
    prices: SegmentPrices | None
    is_infeasible: bool = False
    enters: Columns | None = None
    basis: KnownBasis | None = None

    @property
    def has_entering(self) -> bool:
        """Whether an exposure that was left out would gain."""
        return self.enters is not None and bool(self.enters.any())


def solve_relaxed(
    core: SegmentModel,
    cuts: Sequence[SegmentCut],
    *,
    part: Part = EVERYTHING,
    seconds: float,
    solver: str = "auto",
    stopped: Callable[[], bool] | None = None,
) -> Relaxed:
    """Solve the linear relaxation of a `part` of `core` with `cuts`.

    Raises:
        SolverCrashError: no linear solver works.
    """
    program = build_program(core, cuts, on=part.on, columns=part.columns)
    found = Relaxed(None, None, -np.inf, None)
    for name in SOLVERS if solver == "auto" else (solver, *SOLVERS):
        effort = Effort(time_limit=max(seconds, LEAST_SECONDS), gap=0.0)
        begun = None if part.basis is None else part.basis.of(program)
        result = solve_from_basis(program.model.relaxed(), effort, begun, solver=name, stopped=stopped)
        if result.status is SolveStatus.INFEASIBLE:
            return replace(found, is_infeasible=True)
        if result.values is not None and result.row_duals is not None:
            found = _read(program, result.values, result.row_duals, part.columns)
            return replace(found, basis=known_basis(program, result.basis))
        if stopped is not None and stopped():
            break
    return found


def _read(program: SegmentProgram, values: Reals, duals: Reals, columns: Columns | None) -> Relaxed:
    menu, exposure = program.shares(values)
    value = program.model.objective_of(values) / program.money_scale
    enters = None if columns is None else _entering(program, duals, columns)
    return Relaxed(menu, exposure, value, program.prices(duals), enters=enters)


def _entering(program: SegmentProgram, duals: Reals, columns: Columns) -> Columns:
    """(n, S) exposures outside `columns` whose reduced value is above 0 at the row prices."""
    core = program.core
    reduced = reduced_values(core, program.prices(duals, every_link=True))
    least = ENTERS * max(float(np.abs(core.value).max(initial=0.0)), 1e-9)
    return np.asarray((reduced > least) & core.used() & ~columns)


def exposures_of(
    menu: SegmentModel, *, seconds: float, solver: str = "auto", stopped: Callable[[], bool] | None = None
) -> Relaxed:
    """Best exposures when exactly the options of `menu`, one a bundle, are on it: one small linear model.

    Raises:
        SolverCrashError: no linear solver works.
    """
    on = frozenset(menu.bundle.tolist())
    return solve_relaxed(menu, (), part=Part(on=on), seconds=seconds, solver=solver, stopped=stopped)


def menu_positions(model: SegmentModel, options: Indices) -> Indices:
    """Positions in `model` of option indices of the problem, where they are there."""
    return np.flatnonzero(np.isin(model.option, options))
