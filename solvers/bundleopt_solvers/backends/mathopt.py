"""OR-Tools MathOpt: HiGHS and SCIP for whole numbers, GLOP and PDLP for linear models.

SCIP and HiGHS publish better values while they run, see `incumbents.py`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bundleopt_solvers.backends.backend import BASIS_WORDS, Answer, Basis, Effort, SolveRequest, SolveStatus
from bundleopt_solvers.backends.incumbents import told_by_callback, told_by_file
from bundleopt_solvers.backends.scaling import row_scale, scaled
from bundleopt_solvers.linear_model import LinearModel, Reals

STATUSES = {
    "OPTIMAL": SolveStatus.OPTIMAL,
    "FEASIBLE": SolveStatus.FEASIBLE,
    "INFEASIBLE": SolveStatus.INFEASIBLE,
    "UNBOUNDED": SolveStatus.UNBOUNDED,
    "NO_SOLUTION_FOUND": SolveStatus.UNKNOWN,
}
EITHER = "INFEASIBLE_OR_UNBOUNDED"
# HiGHS 1.12 does not look at its clock while it presolves: on 42,000 rows of ours it was still there after 100 s of a
# limit of 15 s, and its plan with it. Without presolve it stopped after 14 s. Below this many rows presolve pays.
PRESOLVE_ROWS = 20_000


@dataclass(frozen=True)
class MathOptBackend:
    """One solver of MathOpt; `solver_type` is its name there, `linear` whether it takes no whole numbers."""

    name: str
    solver_type: str
    linear: bool = False
    family: str = "ortools"

    def missing(self) -> str:
        """OR-Tools is a core dependency; say so where it cannot be imported."""
        try:
            from ortools.math_opt.python import mathopt  # noqa: F401
        except ImportError as error:
            return f"ortools cannot be imported: {error}"
        return ""

    def refuses(self, model: LinearModel) -> str:
        """Linear solvers refuse whole numbers."""
        if self.linear and not model.is_continuous:
            return f"{self.name} solves linear models only; give it the relaxation"
        return ""

    def solve(self, model: LinearModel, request: SolveRequest) -> Answer:
        """Build the MathOpt model, solve it and read the answer back; a basis that leads nowhere is forgotten."""
        if request.basis is None:
            return self._solved(model, request)
        try:
            answer = self._solved(model, request)
        except Exception as error:  # noqa: BLE001 - GLOP ends some warm starts as "abnormal", and MathOpt raises anything
            answer = Answer(SolveStatus.CRASHED, message=str(error))
        if answer.status in (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE):
            return answer
        return self._solved(model, replace(request, basis=None))

    def _solved(self, model: LinearModel, request: SolveRequest) -> Answer:
        from ortools.math_opt.python import mathopt

        scale = row_scale(model)
        solver_model = _build(scaled(model, scale))
        solve_options = {"params": _parameters(self, model, request.effort)}
        if request.start is not None and not self.linear:
            hint = mathopt.SolutionHint(variable_values=_keyed(solver_model, request.start))
            solve_options["model_params"] = mathopt.ModelSolveParameters(solution_hints=[hint])
        if request.basis is not None and self.name == "glop":
            begun = mathopt.ModelSolveParameters(initial_basis=_basis_of(solver_model, request.basis))
            solve_options["model_params"] = begun
            # a few steps lead from the optimum of one node of a search to that of the next, and dual ones are fewer
            solve_options["params"].lp_algorithm = mathopt.LPAlgorithm.DUAL_SIMPLEX
        with ExitStack() as stack:
            if self.name == "scip" and not model.is_continuous:
                solve_options |= told_by_callback(solver_model, request.publish)
            if self.name == "highs" and not model.is_continuous:
                path = stack.enter_context(told_by_file(model.variables, request.publish))
                _write_plans(solve_options["params"].highs, path)
            found = mathopt.solve(solver_model, mathopt.SolverType[self.solver_type], **solve_options)
        if found.termination.reason.name == EITHER:
            return self._which(model, request)
        return _answer(self, model, (solver_model, scale), found)

    def _which(self, model: LinearModel, request: SolveRequest) -> Answer:
        """Tell infeasible from unbounded: without an objective only the first remains."""
        if np.isfinite(objective_limit(model)):
            return Answer(SolveStatus.INFEASIBLE, message="infeasible or unbounded, and the objective is limited")
        answer = self.solve(replace(model, objective=np.zeros(model.variables), offset=0.0), request)
        if answer.values is not None:
            return Answer(SolveStatus.UNBOUNDED, message="feasible, and infeasible or unbounded with its objective")
        return answer


def objective_limit(model: LinearModel) -> float:
    """Largest objective over the variables' bounds alone; inf where they leave it open."""
    gain = model.objective
    with np.errstate(invalid="ignore"):
        best = np.where(gain > 0, gain * model.upper, gain * model.lower)
    return float(np.where(gain == 0, 0.0, best).sum() + model.offset)


def _build(model: LinearModel) -> Any:
    """Write the arrays into the wire form, which is fifty times faster than adding variables one by one."""
    from ortools.math_opt import model_pb2
    from ortools.math_opt.python import mathopt

    proto = model_pb2.ModelProto()
    proto.variables.ids.extend(range(model.variables))
    proto.variables.lower_bounds.extend(model.lower.tolist())
    proto.variables.upper_bounds.extend(model.upper.tolist())
    proto.variables.integers.extend(model.integer.tolist())
    proto.objective.maximize = True
    proto.objective.offset = model.offset
    priced = np.flatnonzero(model.objective)
    proto.objective.linear_coefficients.ids.extend(priced.tolist())
    proto.objective.linear_coefficients.values.extend(model.objective[priced].tolist())
    proto.linear_constraints.ids.extend(range(model.rows))
    proto.linear_constraints.lower_bounds.extend(model.row_lower.tolist())
    proto.linear_constraints.upper_bounds.extend(model.row_upper.tolist())
    order = np.lexsort((model.indices, model.row_of))
    order = order[model.coefficients[order] != 0]
    matrix = proto.linear_constraint_matrix
    matrix.row_ids.extend(model.row_of[order].tolist())
    matrix.column_ids.extend(model.indices[order].tolist())
    matrix.coefficients.extend(model.coefficients[order].tolist())
    return mathopt.Model.from_model_proto(proto)


def _parameters(backend: MathOptBackend, model: LinearModel, effort: Effort) -> Any:
    """Limits in each solver's own words; MathOpt refuses a parameter that a solver does not know."""
    from ortools.math_opt.python import mathopt

    common = {"time_limit": timedelta(seconds=effort.time_limit)}
    if backend.name == "highs":
        from ortools.math_opt.solvers import highs_pb2

        words = {"parallel": "off"} | ({"presolve": "off"} if model.rows > PRESOLVE_ROWS else {})
        options = highs_pb2.HighsOptionsProto(
            string_options=words, int_options={"threads": 1, "random_seed": effort.seed}
        )
        return mathopt.SolveParameters(
            **common, node_limit=effort.work, relative_gap_tolerance=effort.gap, highs=options
        )
    if backend.name == "scip":
        return mathopt.SolveParameters(
            **common,
            threads=1,
            random_seed=effort.seed,
            node_limit=effort.work,
            relative_gap_tolerance=effort.gap,
        )
    return mathopt.SolveParameters(**common, threads=1, iteration_limit=effort.work)


def _basis_of(solver_model: Any, basis: Basis) -> Any:
    from ortools.math_opt.python import mathopt

    words = {number: mathopt.BasisStatus[word] for word, number in BASIS_WORDS.items()}
    named = [*solver_model.variables(), *solver_model.linear_constraints()]
    if len(basis) != len(named):
        raise ValueError(f"a basis of {len(basis)} letters for {len(named)} variables and rows")
    found, variables = [words[number] for number in basis.tolist()], solver_model.get_num_variables()
    return mathopt.Basis(
        variable_status=dict(zip(named[:variables], found[:variables], strict=True)),
        constraint_status=dict(zip(named[variables:], found[variables:], strict=True)),
    )


def _basis_in(found: Any, solver_model: Any) -> Basis | None:
    basis = found.solutions[0].basis if found.solutions else None
    if basis is None:
        return None
    status = [basis.variable_status[variable] for variable in solver_model.variables()]
    status += [basis.constraint_status[row] for row in solver_model.linear_constraints()]
    return np.array([BASIS_WORDS[word.name] for word in status], np.uint8)


def _write_plans(highs: Any, path: Path) -> None:
    highs.bool_options["mip_improving_solution_save"] = True
    highs.bool_options["mip_improving_solution_report_sparse"] = True
    highs.string_options["mip_improving_solution_file"] = str(path)


def _keyed(solver_model: Any, values: Reals) -> dict[Any, float]:
    return dict(zip(solver_model.variables(), values.tolist(), strict=True))


def _answer(backend: MathOptBackend, model: LinearModel, given: tuple[Any, Reals], found: Any) -> Answer:
    """Translate MathOpt's result to the model `given` with scaled rows; a reason we do not know stays unknown."""
    solver_model, scale = given
    ended = found.termination
    status = STATUSES.get(ended.reason.name, SolveStatus.UNKNOWN)
    message = ended.reason.name if ended.limit is None else f"{ended.reason.name} ({ended.limit.name})"
    bound = float(ended.objective_bounds.dual_bound)
    values, claimed, duals = None, np.nan, None
    if status in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE):
        values = np.array(found.variable_values(list(solver_model.variables())), np.float64)
        claimed = float(found.objective_value())
    if model.is_continuous and found.has_dual_feasible_solution():
        duals = np.array(found.dual_values(list(solver_model.linear_constraints())), np.float64) * scale
        # first-order methods stop at a tolerance: only the bound recomputed from the prices is a bound
        bound = model.bound_from_duals(duals)
    elif backend.linear and model.rows and status is not SolveStatus.INFEASIBLE:
        bound = np.inf
    basis = _basis_in(found, solver_model) if backend.name == "glop" else None
    return Answer(status, values, claimed, bound, duals, message, basis)
