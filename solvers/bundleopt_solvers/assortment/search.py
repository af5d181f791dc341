"""Solve an assortment problem: by valuing all that can be best, or by local search and a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bundleopt_solvers.assortment.fixing import narrowed
from bundleopt_solvers.assortment.linear_form import linear_form
from bundleopt_solvers.assortment.local_search import search
from bundleopt_solvers.assortment.plan import AssortmentPlan
from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags
from bundleopt_solvers.assortment.revenue import expected_sales, money, without_idle_stock
from bundleopt_solvers.assortment.rule_oracle import best_linear, refuse_conflict
from bundleopt_solvers.assortment.rules import keeps_rules, rule_reports
from bundleopt_solvers.assortment.settings import AssortmentSettings
from bundleopt_solvers.assortment.single_segment import best_for_segment
from bundleopt_solvers.assortment.twins import best_of_all, find_twins
from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.plan import Certificate

FAMILY = "every assortment that keeps the rules"
# Float64 sums of money lose less than this share of their absolute terms.
ROUNDING = 1e-11
# Solvers keep rows and reduced values to about 1e-7 of the terms; their word on a bound is taken with this allowance.
SOLVER_ALLOWANCE = 1e-6
SEARCH_SHARE = 0.3  # of the time limit, for the local search; the rest goes to the bound

Progress = Callable[[str, float], None]


@dataclass(eq=False)
class _Run:
    """One solve: the clock, the best assortment, and the best bound so far."""

    problem: AssortmentProblem
    settings: AssortmentSettings
    progress: Progress | None
    begun: float = field(default_factory=time.monotonic)
    bound: float = np.inf
    work: int = 0
    method: str = ""
    incidents: tuple[str, ...] = ()
    listed: Flags | None = None

    @property
    def left(self) -> float:
        return self.settings.time_limit - (time.monotonic() - self.begun)

    @property
    def cells(self) -> int:
        """Numbers that valuing one assortment takes."""
        return self.problem.items * len(self.problem.segment_ids)

    @property
    def value(self) -> float:
        return -np.inf if self.listed is None else float(money(self.problem, self.listed[None])[0])

    @property
    def is_proven(self) -> bool:
        return self.bound - self.value <= self.settings.gap * max(abs(self.bound), 1e-9)

    def tell(self, share: float) -> None:
        if self.progress is not None:
            self.progress("choosing the assortment", share)

    def take(self, listed: Flags) -> None:
        """Keep an assortment where it keeps the rules and earns more."""
        if keeps_rules(self.problem, listed[None])[0]:
            worth = float(money(self.problem, listed[None])[0])
            if self.listed is None or worth > self.value:
                self.listed = listed

    def lower(self, bound: float, method: str) -> None:
        """Keep a bound where it is the lowest; never below the value that is known to be reached."""
        if bound < self.bound:
            self.bound, self.method = bound, method


def solve_assortment(
    problem: AssortmentProblem,
    settings: AssortmentSettings | None = None,
    *,
    progress: Progress | None = None,
) -> AssortmentPlan:
    """Find the assortment with the largest expected money under the rules, with a proven bound.

    Args:
        problem: preference weights, money per sale, rules.
        settings: how far to search; None for the defaults.
        progress: told (what is being done, share done).

    Raises:
        InfeasiblePlanError: no assortment keeps the rules; it names a smallest conflict.
        SolverCrashError: every solver crashed on the linear form.
    """
    if not problem.items or not len(problem.segment_ids):
        raise ValueError("the problem holds no items or no segments")
    problem = without_idle_stock(problem)
    run = _Run(problem, settings or AssortmentSettings(), progress)
    refuse_conflict(problem)
    run.tell(0.0)
    twins = find_twins(problem)
    if twins.assortments * run.cells <= run.settings.enumerate_cells:
        _count_out(run)
    else:
        _search_and_bound(run)
    return _finished(run)


def _count_out(run: _Run) -> None:
    found = best_of_all(run.problem, find_twins(run.problem))
    if found is None:
        raise ValueError("no assortment keeps the rules")
    listed, worth, run.work = found
    run.take(listed)
    run.lower(worth, "every assortment that can be best was valued")


def _search_and_bound(run: _Run) -> None:
    problem, settings = run.problem, run.settings
    base = _base(problem)
    run.take(base)
    if len(problem.segment_ids) == 1 and not problem.has_stock:
        best = best_for_segment(problem, 0, base)
        run.take(best.listed)
        run.lower(best.bound, "Dinkelbach's method, one segment")
        return
    deadline = run.begun + SEARCH_SHARE * settings.time_limit
    found = search(problem, base, settings, is_over=lambda: time.monotonic() > deadline)
    run.work += found.work
    run.take(found.listed)
    run.tell(SEARCH_SHARE)
    singles = [best_for_segment(problem, s, base) for s in range(len(problem.segment_ids))]
    for one in singles:
        run.take(one.listed)
    run.lower(sum(one.bound for one in singles), "each segment with the assortment that is best for it alone")
    if not run.is_proven:
        _narrow_and_bound(run)


def _narrow_and_bound(run: _Run) -> None:
    """Decide items by reduced values; count out what is left where it is little, else ask a solver."""
    found = narrowed(run.problem, run.value, time_limit=max(0.5 * run.left, 1.0))
    run.lower(found.bound, "reduced values of the sales-based linear form")
    if run.is_proven:
        return
    twins = find_twins(found.problem)
    if twins.assortments * run.cells <= run.settings.enumerate_rest:
        rest = best_of_all(found.problem, twins)
        if rest is not None:
            run.take(rest[0])
        run.lower(
            run.value, f"reduced values of the linear form; all lists of the other {found.free} items were valued"
        )
    else:
        _linear_bound(run, found.problem)


def _linear_bound(run: _Run, problem: AssortmentProblem) -> None:
    form = linear_form(problem)
    effort = Effort(
        time_limit=max(run.left, 1.0), gap=run.settings.gap / 2, work=run.settings.work, seed=run.settings.seed
    )
    start = None if run.listed is None else form.start(run.listed)
    result = solve_with_effort(form.model, effort, solver=run.settings.solver, start=start)
    run.incidents += result.incidents
    if result.values is not None:
        run.take(result.values[: run.problem.items] > 0.5)
    if result.status is SolveStatus.INFEASIBLE:
        run.lower(run.value, f"no list beats it, says the sales-based linear form, solved by {result.solver}")
    elif np.isfinite(result.bound):
        allowance = SOLVER_ALLOWANCE * max(abs(result.bound), abs(run.value))
        run.lower(result.bound + allowance, f"sales-based linear form, solved by {result.solver}")


def _base(problem: AssortmentProblem) -> Flags:
    """A small assortment that keeps the rules, dear items first."""
    earning = (problem.occasions @ problem.ratio) * problem.value
    size = max(float(np.abs(earning).max(initial=0.0)), 1e-300)
    found = best_linear(problem, -1.0 + 0.5 * earning / size)
    if found is None:
        raise ValueError("no assortment keeps the rules")
    return found[0]


def _finished(run: _Run) -> AssortmentPlan:
    problem = run.problem
    if run.listed is None:
        raise ValueError("no assortment keeps the rules")
    sales, value = expected_sales(problem, run.listed[None])[0], run.value
    rounding = ROUNDING * float(np.abs(problem.value) @ sales)
    run.bound = max(run.bound, value) + rounding
    return AssortmentPlan(
        listed=run.listed,
        sales=sales,
        headline=Certificate(value, run.bound, FAMILY),
        rules=rule_reports(problem, run.listed),
        method=run.method,
        optimal=run.is_proven,
        seconds=time.monotonic() - run.begun,
        work=run.work,
        incidents=run.incidents,
    )
