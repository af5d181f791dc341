"""A solver's answer after it was checked: the only form in which answers reach the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.backends.backend import ENDED, Answer, Basis, SolveStatus
from bundleopt_solvers.linear_model import LinearModel, Reals

# A claimed objective or bound may differ from the recomputed one by this share of the terms' size: a solver's
# feasibility tolerance is 1e-6, and an honest one stays well inside.
CLAIM_TOLERANCE = 1e-5
INTEGER_TOLERANCE = 1e-4  # beyond this a value was never meant to be whole
# Solvers scale rows before they keep them to 1e-6, so an honest plan may miss a row by this share of its terms. Only a
# larger miss is a lie; a smaller one is mended by solving the continuous part again around the whole numbers.
HONEST_SHARE = 1e-5


@dataclass(frozen=True, eq=False)
class BackendResult:
    """What a solve gave.

    Attributes:
        status: see `SolveStatus`. values: (V,) whole where they must be, feasible within tolerance; or None.
        objective: recomputed from `values`; -inf without values. bound: upper bound, inf where none is known.
        seconds: wall clock. solver: name of the backend. message: words of the solver, or the reason of a failure.
        row_duals: (R,) money per unit of each row's limit; linear models only, else None.
        incidents: what went wrong on the way here: other solvers that crashed, hung or lied.
        basis: where a simplex ended, for the next linear model like this one; None where it didn't say.
    """

    status: SolveStatus
    values: Reals | None
    objective: float
    bound: float
    seconds: float
    solver: str
    message: str = ""
    row_duals: Reals | None = None
    incidents: tuple[str, ...] = ()
    basis: Basis | None = None

    @property
    def gap(self) -> float:
        """(bound - objective) / |bound|; inf without values or bound."""
        if self.values is None or not np.isfinite(self.bound):
            return np.inf
        return max(0.0, (self.bound - self.objective) / max(abs(self.bound), 1e-9))


def failure(status: SolveStatus, solver: str, message: str, seconds: float = 0.0) -> BackendResult:
    """A result without values: nothing is known of the model."""
    return BackendResult(status, None, -np.inf, np.inf, seconds, solver, message)


def check_answer(model: LinearModel, answer: Answer, *, solver: str, seconds: float, gap: float) -> BackendResult:
    """Judge an `answer` by the `model` alone.

    Whole numbers are rounded, rows re-checked and the objective recomputed. An answer whose values break a row, whose
    objective differs from its claim, or whose bound lies below its own value is LIED and its values are dropped.
    Values that are honest but miss a row, often once rounded, are dropped too, with status UNKNOWN and the bound kept.
    """
    result = BackendResult(answer.status, None, -np.inf, answer.bound, seconds, solver, answer.message)
    if np.isnan(answer.bound):
        return _lied(result, "the bound is not a number")
    if answer.values is None:
        return _without_values(result)
    lie = _lie_of_values(model, answer)
    if lie:
        return _lied(result, lie)
    values = rounded(model, answer.values)
    if fault := model.violation(values):
        return replace(result, status=SolveStatus.UNKNOWN, message=f"after rounding, {fault}")
    return _with_values(model, replace(result, row_duals=answer.row_duals, basis=answer.basis), values, gap)


def rounded(model: LinearModel, values: Reals) -> Reals:
    """`values` with whole numbers where they must be, inside the bounds."""
    whole = np.where(model.integer, np.round(values), values)
    return np.clip(whole, model.lower, model.upper)


def improved_by(model: LinearModel, result: BackendResult, values: Reals | None, *, gap: float) -> BackendResult:
    """`result`, or the same with `values` (V,) where these are feasible and better."""
    if values is None or result.status is SolveStatus.UNBOUNDED:
        return result
    values = rounded(model, values)
    if model.violation(values) or model.objective_of(values) <= result.objective:
        return result
    return _with_values(model, result, values, gap)


def _with_values(model: LinearModel, result: BackendResult, values: Reals, gap: float) -> BackendResult:
    objective, scale = model.objective_of(values), model.objective_scale(values)
    if result.bound < objective - CLAIM_TOLERANCE * scale:
        return _lied(result, f"the bound {result.bound:.9g} is below the value {objective:.9g} of its own plan")
    bound = max(result.bound, objective)
    close = np.isfinite(bound) and bound - objective <= gap * abs(bound) + 1e-9 * scale
    status = SolveStatus.OPTIMAL if close else SolveStatus.FEASIBLE
    return replace(result, status=status, values=values, objective=objective, bound=bound)


def _lie_of_values(model: LinearModel, answer: Answer) -> str:
    values = answer.values
    if values is None or values.shape != model.objective.shape:
        return "the values have the wrong length"
    if not np.isfinite(values).all():
        return "a value is not a finite number"
    if (np.abs(values - np.round(values)) > INTEGER_TOLERANCE)[model.integer].any():
        return "a whole number came back as a fraction"
    if fault := model.violation(values, HONEST_SHARE):
        return fault
    claimed, objective = answer.claimed, model.objective_of(values)
    if np.isfinite(claimed) and abs(claimed - objective) > CLAIM_TOLERANCE * model.objective_scale(values):
        return f"the objective was claimed to be {claimed:.9g}, the values give {objective:.9g}"
    return ""


def _without_values(result: BackendResult) -> BackendResult:
    if result.status in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE):
        return _lied(result, f"{result.status.value} was claimed without values")
    if result.status in ENDED:
        return replace(result, bound=np.inf if result.status is SolveStatus.UNBOUNDED else -np.inf)
    return result


def _lied(result: BackendResult, why: str) -> BackendResult:
    message = f"{result.solver}: {why}"
    return replace(result, status=SolveStatus.LIED, values=None, objective=-np.inf, bound=np.inf, message=message)
