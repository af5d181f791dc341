"""PuLP: CBC, HiGHS and the licensed solvers that PuLP can drive.

PuLP says "Optimal" of a plan that merely was the best when time ran out, leaves fractional values of the relaxation in
the variables when there is no plan, and knows no bound. So `sol_status` is read, never `status`; values are read only
where it speaks of a plan; the bound comes from CBC's log, or stays infinite and is filled by a linear relaxation.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from bundleopt_solvers.backends.backend import Answer, Effort, SolveRequest, SolveStatus
from bundleopt_solvers.backends.mathopt import objective_limit
from bundleopt_solvers.backends.scaling import row_scale, scaled
from bundleopt_solvers.linear_model import LinearModel, Reals

LEAST_SECONDS = 0.05  # where building the problem took all the time
LOG_ROUNDING = 1e-3  # CBC prints its bound with three decimals
LOG_BOUND = re.compile(r"^(?:Upper|Lower) bound:\s+(\S+)", re.MULTILINE)
# Of 1,200 small models with money up to 1e12 CBC called 14 wrong plans optimal or infeasible, 3 with rows scaled to 1,
# 8 without its preprocessing, and 0 of 1,200 with both; wrong ones had money as small as 10.00.
CBC_OPTIONS = ("preprocess off",)
PROVEN = "Result - Optimal solution found\n"


WITH_BOUND = frozenset({SolveStatus.OPTIMAL, SolveStatus.FEASIBLE, SolveStatus.UNKNOWN})


@dataclass(frozen=True)
class PulpBackend:
    """One solver as PuLP drives it.

    Attributes:
        solver: its name in PuLP. work_option: PuLP's name for a limit of nodes, "" for none.
        has_start: whether PuLP can hand it a start. options: what it needs beyond limits.
    """

    name: str
    solver: str
    work_option: str = ""
    has_start: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    family: str = "pulp"

    def missing(self) -> str:
        """Ask PuLP whether it can start the solver."""
        try:
            import pulp
        except ImportError as error:
            return f"pulp cannot be imported: {error}"
        try:
            present = pulp.getSolver(self.solver, msg=False).available()
        except Exception as error:  # noqa: BLE001 - a licence check may raise anything; all of it means "not here"
            return f"PuLP cannot start {self.solver}: {error}"
        return "" if present else f"PuLP finds no {self.solver} on this machine"

    def refuses(self, model: LinearModel) -> str:  # noqa: ARG002 - part of the interface
        """Take every model."""
        return ""

    def solve(self, model: LinearModel, request: SolveRequest) -> Answer:
        """Build the PuLP problem, solve it and read the answer back."""
        import pulp

        if not (model.rows and len(model.indices)):
            return _without_rows(model)
        scale, begun = row_scale(model), monotonic()
        problem, variables = _build(scaled(model, scale), request.start)
        # writing the file for the solver takes about as long as building the problem did
        left = max(request.effort.time_limit - 2 * (monotonic() - begun), LEAST_SECONDS)
        request = replace(request, effort=replace(request.effort, time_limit=left))
        with tempfile.TemporaryDirectory(prefix="bundleopt-") as folder:
            log = Path(folder) / "log.txt"
            solver = pulp.getSolver(self.solver, msg=False, **self._limits(request, log))
            if hasattr(solver, "tmpDir"):
                solver.tmpDir = folder
            problem.solve(solver)
            text = log.read_text(errors="replace") if log.exists() else ""
        answer = _answer(model, problem, variables)
        if model.is_continuous and answer.status in WITH_BOUND:
            return _with_prices(model, problem, scale, answer)
        return self._with_bound(model, answer, text, request.effort.gap)

    def _with_bound(self, model: LinearModel, answer: Answer, log: str, gap: float) -> Answer:
        """Add what bound the run supports: CBC's log, else a proof within the asked gap."""
        if answer.status not in WITH_BOUND:
            return answer
        bound = np.inf
        if self.name == "cbc":
            bound = answer.claimed if PROVEN in log else _logged_bound(log) + model.offset
        elif answer.status is SolveStatus.OPTIMAL:
            bound = answer.claimed + gap * abs(answer.claimed - model.offset)
        return replace(answer, bound=bound)

    def _limits(self, request: SolveRequest, log: Path) -> dict[str, Any]:
        effort: Effort = request.effort
        limits: dict[str, Any] = {"timeLimit": effort.time_limit, "gapRel": effort.gap, **self.options}
        if self.name == "cbc":
            limits |= {"logPath": str(log), "options": [*CBC_OPTIONS, f"randomCbcSeed {effort.seed + 1}"]}
        if self.work_option and effort.work is not None:
            limits[self.work_option] = effort.work
        if self.has_start and request.start is not None:
            limits["warmStart"] = True
        return limits


def _without_rows(model: LinearModel) -> Answer:
    """Answer for a model without coefficients, which file-based solvers read badly."""
    if (model.row_lower > 0).any() or (model.row_upper < 0).any():
        return Answer(SolveStatus.INFEASIBLE, message="a row without terms cannot be kept")
    lower = np.where(model.integer, np.ceil(model.lower - 1e-9), model.lower)
    upper = np.where(model.integer, np.floor(model.upper + 1e-9), model.upper)
    if (lower > upper).any():
        return Answer(SolveStatus.INFEASIBLE, message="no whole number lies between two bounds")
    best = np.where(model.objective > 0, upper, np.where(model.objective < 0, lower, np.clip(0.0, lower, upper)))
    if not np.isfinite(best).all():
        return Answer(SolveStatus.UNBOUNDED, message="a variable without limit has a value")
    value = model.objective_of(best)
    return Answer(SolveStatus.OPTIMAL, best, value, value, message="no rows")


def _build(model: LinearModel, start: Reals | None) -> tuple[Any, list[Any]]:
    """PuLP's objects for the model; the offset stays ours, since not every solver carries it."""
    import pulp

    problem = pulp.LpProblem("model", pulp.LpMaximize)
    kinds = np.where(model.integer, pulp.LpInteger, pulp.LpContinuous).tolist()
    low = [value if np.isfinite(value) else None for value in model.lower.tolist()]
    high = [value if np.isfinite(value) else None for value in model.upper.tolist()]
    variables = [pulp.LpVariable(f"x{j}", low[j], high[j], kinds[j]) for j in range(model.variables)]
    problem += pulp.LpAffineExpression(list(zip(variables, model.objective.tolist(), strict=True)))
    for row in range(model.rows):
        _add_row(problem, model, variables, row)
    if start is not None:
        for variable, value in zip(variables, start.tolist(), strict=True):
            variable.setInitialValue(value)
    return problem, variables


def _add_row(problem: Any, model: LinearModel, variables: list[Any], row: int) -> None:
    """One row becomes one or two PuLP constraints: PuLP has no two-sided ones."""
    import pulp

    part = slice(model.indptr[row], model.indptr[row + 1])
    names = [variables[index] for index in model.indices[part]]
    terms = list(zip(names, model.coefficients[part].tolist(), strict=True))
    low, high = float(model.row_lower[row]), float(model.row_upper[row])
    sides = [(pulp.LpConstraintEQ, low)] if low == high else [(pulp.LpConstraintGE, low), (pulp.LpConstraintLE, high)]
    for sense, limit in sides:
        if np.isfinite(limit):
            name = f"r{row}{'u' if sense == pulp.LpConstraintLE else 'l'}"
            problem += pulp.LpConstraint(pulp.LpAffineExpression(terms), sense, name, limit)


def _answer(model: LinearModel, problem: Any, variables: list[Any]) -> Answer:
    """Read `sol_status`, and the values only where it speaks of a plan."""
    import pulp

    found = problem.sol_status
    words = pulp.LpSolution.get(found, str(found))
    # of a model that only whole numbers make infeasible PuLP says so in `status` alone
    nothing = found == pulp.LpSolutionNoSolutionFound and problem.status == pulp.LpStatusInfeasible
    if nothing or found == pulp.LpSolutionInfeasible:
        # CBC says infeasible of some unbounded models, so only a limited objective makes the word unambiguous
        sure = np.isfinite(objective_limit(model))
        return Answer(SolveStatus.INFEASIBLE if sure else SolveStatus.UNKNOWN, message=words)
    if found == pulp.LpSolutionUnbounded:
        return Answer(SolveStatus.UNBOUNDED, message=words)
    if found not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return Answer(SolveStatus.UNKNOWN, message=words)
    values = np.array([v.varValue if v.varValue is not None else 0.0 for v in variables], np.float64)
    status = SolveStatus.OPTIMAL if found == pulp.LpSolutionOptimal else SolveStatus.FEASIBLE
    return Answer(status, values, model.objective_of(values), message=words)


def _with_prices(model: LinearModel, problem: Any, scale: Reals, answer: Answer) -> Answer:
    """Add row prices and the bound they prove. Solvers disagree about their sign; the better proof wins."""
    duals = np.zeros(model.rows)
    for name, constraint in problem.constraints.items():
        duals[int(name[1:-1])] += constraint.pi or 0.0
    duals *= scale
    proofs = [(model.bound_from_duals(sign * duals), sign) for sign in (1.0, -1.0)]
    bound, sign = min(proofs)
    return replace(answer, bound=bound, row_duals=sign * duals if np.isfinite(bound) else None)


def _logged_bound(log: str) -> float:
    """Bound of CBC's last result block, rounded away from us; inf where it printed none."""
    found = LOG_BOUND.findall(log)
    try:
        bound = float(found[-1]) if found else np.inf
    except ValueError:
        return np.inf
    return bound + LOG_ROUNDING if abs(bound) < 1e30 else np.inf
