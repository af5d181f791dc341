"""OR-Tools CP-SAT, guarded: it is given whole numbers only, and only where its sums cannot overflow.

CP-SAT 9.15 calls wrong plans optimal once the terms of a row add up past 2^31 (an `int` where an `int64` belongs in
presolve, google/or-tools #5293). Cure: rows are scaled to integers by an exact power of ten, a row with
sum |a_i| max|x_i| >= 2^31 is refused, and the presolve step at fault is switched off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.backends.backend import Answer, SolveRequest, SolveStatus
from bundleopt_solvers.linear_model import LinearModel, Reals

SAFE_SUM = 2**31
DECIMALS = 6
SECONDS_PER_WORK = 1e-3

STATUSES = {
    "OPTIMAL": SolveStatus.OPTIMAL,
    "FEASIBLE": SolveStatus.FEASIBLE,
    "INFEASIBLE": SolveStatus.INFEASIBLE,
    "UNKNOWN": SolveStatus.UNKNOWN,
}


@dataclass(frozen=True)
class CpSatBackend:
    """CP-SAT with one worker: the same answer every time it ends by gap or by work."""

    name: str = "cp_sat"
    family: str = "ortools"

    def missing(self) -> str:
        """OR-Tools is a core dependency; say so where it cannot be imported."""
        try:
            from ortools.sat.python import cp_model  # noqa: F401
        except ImportError as error:
            return f"ortools cannot be imported: {error}"
        return ""

    def refuses(self, model: LinearModel) -> str:
        """Refuse fractions, open bounds, rows that are not whole at six decimals, and sums past 2^31."""
        if not model.integer.all():
            return "cp_sat takes whole numbers only, and a variable of the model is continuous"
        reach = np.maximum(np.abs(model.lower), np.abs(model.upper))
        if not (reach < SAFE_SUM).all():
            return "cp_sat needs bounds below 2^31 on every variable"
        rows = _scaled_rows(model)
        if rows is None:
            return f"cp_sat takes whole numbers only, and a row is not whole at {DECIMALS} decimals"
        sums = np.bincount(model.row_of, np.abs(rows) * reach[model.indices], minlength=model.rows)
        if (sums >= SAFE_SUM).any():
            worst = int(sums.argmax())
            return f"row {model.row_name(worst)} adds up to {sums[worst]:.3g}, and cp_sat is right below 2^31 only"
        return ""

    def solve(self, model: LinearModel, request: SolveRequest) -> Answer:
        """Scale to integers, solve, and give the bound back with the rounding of the objective added."""
        if reason := self.refuses(model):
            return Answer(SolveStatus.REFUSED, message=reason)
        from ortools.sat.python import cp_model

        gains, scale, lost = _scaled_objective(model)
        limits = _whole_limits(model)
        if any((low > high).any() for low, high in limits):
            return Answer(SolveStatus.INFEASIBLE, message="no whole number lies between two limits")
        solver_model, variables = _build(model, gains, limits, request.start)
        solver = cp_model.CpSolver()
        _set_parameters(solver.parameters, request)
        status = solver.solve(solver_model, _reporter(variables, request))
        ours = STATUSES.get(solver.status_name(status), SolveStatus.UNKNOWN)
        if ours is SolveStatus.INFEASIBLE or solver.status_name(status) == "MODEL_INVALID":
            return Answer(ours, message=solver.status_name(status))
        if ours is SolveStatus.UNKNOWN:
            # stopped before its search began it reports a bound of 0, which is none
            return Answer(ours, message=solver.status_name(status))
        bound = (solver.best_objective_bound + lost) / scale + model.offset
        bound = bound if gains.any() else model.offset + lost / scale
        values = np.array(solver.values(_series(variables)), np.float64)
        return Answer(ours, values, bound=bound, message=solver.status_name(status))


def _scaled_rows(model: LinearModel) -> Reals | None:
    """(N,) coefficients times their row's smallest exact power of ten, or None where a row has none."""
    scale = _row_scale(model)
    return None if (scale == 0).any() else np.round(model.coefficients * scale[model.row_of])


def _row_scale(model: LinearModel) -> Reals:
    """(R,) smallest power of ten that makes each row whole, 0 where six decimals do not."""
    scale = np.zeros(model.rows)
    for power in range(DECIMALS, -1, -1):
        factor = 10.0**power
        broken = np.round(model.coefficients * factor) / factor != model.coefficients
        whole = np.bincount(model.row_of, broken, minlength=model.rows) == 0
        scale[whole] = factor
    return scale


def _scaled_objective(model: LinearModel) -> tuple[npt.NDArray[np.int64], float, float]:
    """Whole gains, their scale, and how much rounding may hide of the objective, in scaled units."""
    reach = np.maximum(np.abs(model.lower), np.abs(model.upper))
    for power in range(DECIMALS, -13, -1):
        scale = 10.0**power
        gains = np.round(model.objective * scale)
        if (np.abs(gains) @ reach) < SAFE_SUM:
            exact = gains / scale == model.objective
            lost = np.where(exact, 0.0, np.abs(model.objective * scale - gains) * reach)
            return gains.astype(np.int64), scale, float(lost.sum())
    return np.zeros(model.variables, np.int64), 1.0, float(np.abs(model.objective) @ reach)


Limits = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _whole_limits(model: LinearModel) -> tuple[Limits, Limits]:
    """Whole limits of the variables and of the scaled rows; 1e-9 forgives the product of a limit and its scale."""
    scale = _row_scale(model)
    empty = np.diff(model.indptr) == 0
    columns = np.ceil(model.lower - 1e-9).astype(np.int64), np.floor(model.upper + 1e-9).astype(np.int64)
    low = np.ceil(np.clip(model.row_lower * scale, -SAFE_SUM, SAFE_SUM) - 1e-9).astype(np.int64)
    high = np.floor(np.clip(model.row_upper * scale, -SAFE_SUM, SAFE_SUM) + 1e-9).astype(np.int64)
    # a row without terms is worth 0: its limits are kept or broken before any solver looks
    return columns, (np.where(empty, np.maximum(low, 0), low), np.where(empty, np.minimum(high, 0), high))


def _build(
    model: LinearModel, gains: npt.NDArray[np.int64], limits: tuple[Limits, Limits], start: Reals | None
) -> tuple[Any, list[Any]]:
    from ortools.sat.python import cp_model

    solver_model = cp_model.CpModel()
    (lower, upper), (low, high) = limits
    bounds = zip(lower.tolist(), upper.tolist(), strict=True)
    variables = [solver_model.new_int_var(first, last, "") for first, last in bounds]
    coefficients = np.round(model.coefficients * _row_scale(model)[model.row_of]).astype(np.int64)
    for row in np.flatnonzero(np.diff(model.indptr)):
        part = slice(model.indptr[row], model.indptr[row + 1])
        terms = [variables[index] for index in model.indices[part]]
        total = cp_model.LinearExpr.weighted_sum(terms, coefficients[part].tolist())
        solver_model.add_linear_constraint(total, int(low[row]), int(high[row]))
    if gains.any():
        solver_model.maximize(cp_model.LinearExpr.weighted_sum(variables, gains.tolist()))
    if start is not None:
        for variable, value in zip(variables, np.round(start).astype(int).tolist(), strict=True):
            solver_model.add_hint(variable, value)
    return solver_model, variables


def _set_parameters(parameters: Any, request: SolveRequest) -> None:
    effort = request.effort
    parameters.num_workers = 1
    parameters.presolve_inclusion_work_limit = 0
    parameters.random_seed = effort.seed
    parameters.max_time_in_seconds = effort.time_limit
    parameters.relative_gap_limit = effort.gap
    parameters.catch_sigint_signal = False
    if effort.work is not None:
        parameters.max_deterministic_time = effort.work * SECONDS_PER_WORK


def _series(variables: list[Any]) -> Any:
    import pandas as pd

    return pd.Series(variables, dtype=object)


def _reporter(variables: list[Any], request: SolveRequest) -> Any:
    """A callback that publishes every better plan, so that a killed solve still leaves one."""
    from ortools.sat.python import cp_model

    class Reporter(cp_model.CpSolverSolutionCallback):
        """Passes each solution on."""

        def on_solution_callback(self) -> None:
            """Publish the values found."""
            request.publish(np.array([self.value(variable) for variable in variables], np.float64))

    return Reporter()
