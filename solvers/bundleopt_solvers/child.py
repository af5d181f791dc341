"""Solve a model on whatever solver can be trusted with it: children, a ladder, and a judgement of every answer.

A solver that crashes, hangs or lies costs an incident, not the plan: the next one of the ladder takes over, and the
values published so far are kept. "Infeasible" is said only after a second solver found the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np

from bundleopt_data.errors import SolverCrashError, UsageError
from bundleopt_solvers.backends.backend import FAILED, Basis, Effort, SolveStatus
from bundleopt_solvers.backends.result import BackendResult, check_answer, failure, improved_by, rounded
from bundleopt_solvers.backends.table import ladder
from bundleopt_solvers.linear_model import LinearModel, Reals
from bundleopt_solvers.worker_pool import Outcome, WorkerPool, shared_pool

log = logging.getLogger(__name__)

# Whoever follows a failed solver, or has to confirm it, gets the rest of the time, and never less than this share.
LEAST_SHARE = 0.25
# Solvers whose "optimal" is believed only with another solver's bound: CP-SAT 9.15 was wrong on models like ours.
DOUBTED = frozenset({"cp_sat"})
CLOSE = 1e-7  # of the objective's terms: two solvers' roundings of the same plan
BOUND_SECONDS = 10.0  # at least this long for the relaxation that gives a bound to a solver without one


def solve_model(
    model: LinearModel,
    *,
    solver: str = "auto",
    time_limit: float = 60.0,
    work: int | None = None,
    start: Reals | None = None,
    memory: int | None = None,
) -> BackendResult:
    """Maximise `model` in a child process and return a checked result.

    Args:
        model: what to solve.
        solver: a name of `BACKENDS`, or `auto`.
        time_limit: seconds of wall clock.
        work: deterministic limit, see `Effort.work`.
        start: (V,) values to begin from; where they are feasible the result is never worse.
        memory: bytes a solve may add to its child.

    Returns:
        The result; a model without a solution is a result with status INFEASIBLE or UNBOUNDED.

    Raises:
        UsageError: no backend has that name.
        SolverCrashError: every solver of the ladder crashed, hung or lied.
    """
    effort = Effort(time_limit=time_limit, work=work, memory_bytes=memory)
    return solve_with_effort(model, effort, solver=solver, start=start)


def solve_with_effort(
    model: LinearModel,
    effort: Effort,
    *,
    solver: str = "auto",
    start: Reals | None = None,
    pool: WorkerPool | None = None,
    stopped: Callable[[], bool] | None = None,
) -> BackendResult:
    """Like `solve_model`, with a gap and a seed in `effort`, a `pool` of children, and a way to stop early.

    `stopped` is asked twenty times a second; once it says True the child is killed and the best values known so far
    come back with status FEASIBLE, or UNKNOWN where there are none.
    """
    pool = pool or shared_pool()
    if solver != "auto" and solver not in pool.table:
        raise UsageError(f"no solver is named {solver!r}; known are auto, {', '.join(sorted(pool.table))}")
    return _Climb(model, effort, pool, stopped, solver).run(_feasible(model, start))


def solve_from_basis(
    model: LinearModel,
    effort: Effort,
    basis: Basis | None,
    *,
    solver: str,
    stopped: Callable[[], bool] | None = None,
) -> BackendResult:
    """Solve a linear model with a simplex that begins at `basis`; without one like `solve_with_effort`."""
    return _Climb(model, effort, shared_pool(), stopped, solver, basis).run(None)


@dataclass(eq=False)
class _Climb:
    """One walk down the ladder; keeps the best values, the incidents, and the clock."""

    model: LinearModel
    effort: Effort
    pool: WorkerPool
    stopped: Callable[[], bool] | None
    solver: str
    basis: Basis | None = None
    begun: float = field(default_factory=monotonic)
    best: Reals | None = None
    incidents: list[str] = field(default_factory=list)

    def run(self, start: Reals | None) -> BackendResult:
        """Try one solver after the other until one gives an answer that stands."""
        self.best = start
        failed = False
        for name in ladder(self.model, self.solver):
            if reason := self._cannot(name):
                if name == self.solver:
                    self._note(f"{name} not used: {reason}")
                continue
            result = self._attempt(name)
            if result.status is SolveStatus.INFEASIBLE:
                result = self._confirmed(result)
            if name in DOUBTED and result.status is SolveStatus.OPTIMAL:
                result = self._seconded(result)
            if result.status not in FAILED:
                return self._finished(result)
            failed = True
            self._note(f"{name} {result.status.value}: {result.message}")
            if self._is_stopped() or (result.status is SolveStatus.HUNG and self.best is not None):
                return self._finished(failure(SolveStatus.UNKNOWN, name, result.message))
        if failed and self.best is not None:
            return self._finished(failure(SolveStatus.UNKNOWN, "none", "every solver failed; the start is kept"))
        raise SolverCrashError("no solver gave an answer:\n" + "\n".join(f"    {line}" for line in self.incidents))

    def _cannot(self, name: str) -> str:
        if name not in self.pool.table:
            return "it is not in the table"
        return self.pool.table[name].refuses(self.model) or self.pool.missing(name)

    def _attempt(self, name: str) -> BackendResult:
        outcome = self._give(name, self.model, self._effort())
        if outcome.published is not None:
            self._keep(outcome.published)
        result = self._judged(name, self.model, outcome)
        if result.status is SolveStatus.INFEASIBLE and self.best is not None:
            return replace(result, status=SolveStatus.LIED, message="infeasible was said of a model with a known plan")
        return result

    def _give(self, name: str, model: LinearModel, effort: Effort) -> Outcome:
        basis = self.basis if model is self.model else None
        return self.pool.run(name, model, effort, start=self.best, basis=basis, stopped=self.stopped)

    def _judged(self, name: str, model: LinearModel, outcome: Outcome) -> BackendResult:
        """Check an answer; where rounding its whole numbers breaks a row, solve the rest around them again."""
        seconds, gap = outcome.seconds, self.effort.gap
        result = check_answer(model, outcome.answer, solver=name, seconds=seconds, gap=gap)
        values = outcome.answer.values
        if result.status is not SolveStatus.UNKNOWN or values is None or model.integer.all():
            return result
        whole = rounded(model, values)
        lower, upper = np.where(model.integer, whole, model.lower), np.where(model.integer, whole, model.upper)
        again = self._relaxation(model.with_bounds(lower, upper))
        return improved_by(model, result, again.values, gap=gap)

    def _relaxation(self, model: LinearModel) -> BackendResult:
        """Optimum of the linear relaxation, from GLOP; never raises."""
        effort = Effort(time_limit=max(BOUND_SECONDS, LEAST_SHARE * self.effort.time_limit))
        relaxed = model.relaxed()
        if "glop" not in self.pool.table or self.pool.missing("glop"):
            return failure(SolveStatus.MISSING, "glop", "no linear solver here")
        outcome = self.pool.run("glop", relaxed, effort, stopped=self.stopped)
        return check_answer(relaxed, outcome.answer, solver="glop", seconds=outcome.seconds, gap=effort.gap)

    def _confirmed(self, result: BackendResult) -> BackendResult:
        """Ask the others for any plan at all: only if one of them finds none either is there none."""
        question = replace(self.model, objective=np.zeros(self.model.variables), offset=0.0)
        for name in ladder(self.model):
            if name == result.solver or self._cannot(name):
                continue
            outcome = self._give(name, question, self._effort())
            second = self._judged(name, question, outcome)
            if second.status is SolveStatus.INFEASIBLE:
                return replace(result, message=f"infeasible, confirmed by {name}")
            if second.values is not None:
                self._keep(second.values)
                return replace(result, status=SolveStatus.LIED, message=f"infeasible was said, {name} found a plan")
            self._note(f"{name} could not confirm: {second.status.value} {second.message}".rstrip())
        return replace(
            result, status=SolveStatus.UNKNOWN, bound=np.inf, message=f"{result.solver} says infeasible, unconfirmed"
        )

    def _seconded(self, result: BackendResult) -> BackendResult:
        """Ask another solver whether a plan that was called optimal is: its bound replaces the doubted one."""
        if result.values is not None:
            self._keep(result.values)
        bare = replace(result, status=SolveStatus.FEASIBLE, bound=np.inf)
        for name in ladder(self.model):
            if name in DOUBTED or self._cannot(name):
                continue
            outcome = self._give(name, self.model, self._effort())
            second = self._judged(name, self.model, outcome)
            if second.objective > result.objective + self.effort.gap * abs(result.objective) + CLOSE * self._scale():
                if second.values is not None:
                    self._keep(second.values)
                return replace(bare, status=SolveStatus.LIED, values=None, message=f"{name} found a better plan")
            if np.isfinite(second.bound) and second.status not in FAILED:
                told = replace(bare, values=None, objective=-np.inf, bound=second.bound, message=f"bound by {name}")
                return improved_by(self.model, told, result.values, gap=self.effort.gap)
            self._note(f"{name} could not confirm: {second.status.value} {second.message}".rstrip())
        return bare

    def _scale(self) -> float:
        return 1.0 if self.best is None else self.model.objective_scale(self.best)

    def _finished(self, result: BackendResult) -> BackendResult:
        """Fill the bound, never fall behind the best values known, and add clock and incidents."""
        if np.isposinf(result.bound) and result.status in (SolveStatus.FEASIBLE, SolveStatus.UNKNOWN):
            result = self._with_relaxation_bound(result)
        result = improved_by(self.model, result, self.best, gap=self.effort.gap)
        return replace(result, seconds=monotonic() - self.begun, incidents=tuple(self.incidents))

    def _with_relaxation_bound(self, result: BackendResult) -> BackendResult:
        """Bound by the linear relaxation; by the variables' bounds alone where there is no time for it."""
        bound = self.model.bound_from_duals(np.zeros(self.model.rows))
        if not (self.model.is_continuous or self._is_stopped()):
            bound = min(bound, self._relaxation(self.model).bound)
        bare = replace(result, values=None, objective=-np.inf, bound=bound)
        return improved_by(self.model, bare, result.values, gap=self.effort.gap)

    def _effort(self) -> Effort:
        left = self.effort.time_limit - (monotonic() - self.begun)
        return replace(self.effort, time_limit=max(left, LEAST_SHARE * self.effort.time_limit))

    def _keep(self, values: Reals) -> None:
        values = rounded(self.model, values)
        if self.model.violation(values):
            return
        if self.best is None or self.model.objective_of(values) > self.model.objective_of(self.best):
            self.best = values

    def _note(self, incident: str) -> None:
        log.warning("solver incident: %s", incident)
        self.incidents.append(incident)

    def _is_stopped(self) -> bool:
        return self.stopped is not None and self.stopped()


def _feasible(model: LinearModel, start: Reals | None) -> Reals | None:
    """`start` in its rounded form where it is a plan, else None."""
    if start is None:
        return None
    values = np.asarray(start, np.float64)
    if values.shape != model.objective.shape or not np.isfinite(values).all():
        raise ValueError(f"the start needs {model.variables} finite values")
    values = rounded(model, values)
    return None if model.violation(values) else values
