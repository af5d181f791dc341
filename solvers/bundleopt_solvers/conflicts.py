"""When no plan keeps all rules: which rules conflict, and the smallest change of one of them that removes the conflict.

A deletion filter over named rules: take one rule off at a time and ask again; what stays infeasible without the rule
did not need it. What is left can't lose any rule: it is a smallest conflict. It is right also where only the
wholeness of offers conflicts, because every question is answered by the full search.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError, Relaxation
from bundleopt_solvers.backends.backend import SolveStatus
from bundleopt_solvers.confirmation import second_bound
from bundleopt_solvers.counting import counting_conflict
from bundleopt_solvers.customer_model import solve_customer_model
from bundleopt_solvers.feasibility import Feasibility, active_rules, allows_nothing, goal_problem, without
from bundleopt_solvers.plan import StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.relaxations import relaxed_by_steps
from bundleopt_solvers.search import prepare, search
from bundleopt_solvers.search_state import SearchState
from bundleopt_solvers.settings import EngineSettings

MOST_CELLS = 5_000  # (customer, option) cells of a problem that is confirmed by a MILP
LEAST_SECONDS = 2.0  # time of one question of the filter, at least


@dataclass(frozen=True)
class Question:
    """A problem to ask about, and how long."""

    problem: CampaignProblem
    settings: EngineSettings


def arithmetic_conflict(problem: CampaignProblem) -> str:
    """Say in words why the includes can't all be on a menu, by counting alone; "" where counting finds nothing."""
    return counting_conflict(problem)


def find_plan(question: Question) -> tuple[Feasibility, SearchState | None]:
    """Look for any plan that keeps the rules, or a proof that there is none."""
    if allows_nothing(question.problem.rules):
        return Feasibility(None, proven=False), None
    if arithmetic_conflict(question.problem):
        return Feasibility(None, proven=True), None
    problem, goal = goal_problem(question.problem)
    state = prepare(problem, question.settings)
    state.goal = goal
    reason = search(state)
    if state.incumbent is not None and state.floor >= goal:
        return Feasibility(state.incumbent, proven=False), state
    finished = reason is StopReason.GAP_REACHED and state.bound < goal
    return Feasibility(None, proven=finished), state


def confirm(question: Question, state: SearchState | None) -> bool:
    """Confirm by an independent path that no plan keeps the rules: counting, weak duality in plain numpy, or a MILP."""
    if arithmetic_conflict(question.problem):
        return True
    problem, goal = goal_problem(question.problem)
    if state is not None and second_bound(problem, state) < goal:
        return True
    if question.problem.value.size > MOST_CELLS:
        return False
    seconds = max(LEAST_SECONDS, question.settings.time_limit / 2)
    result = solve_customer_model(question.problem, time_limit=seconds)
    return result.status is SolveStatus.INFEASIBLE


def explain(question: Question, state: SearchState | None) -> InfeasiblePlanError:
    """Find the smallest conflict and the relaxations of a problem that was proven to have no plan.

    Raises:
        NoPlanInTimeError: the second confirmation failed, so that nothing may be said.
    """
    if not confirm(question, state):
        raise NoPlanInTimeError(
            "the rules look contradictory, but a second, independent check could not confirm it in time"
        )
    problem = question.problem
    settings = replace(question.settings, time_limit=max(LEAST_SECONDS, question.settings.time_limit / 8))
    bundles = len(problem.options.bundle_ids)
    dropped: frozenset[str] = frozenset()
    names = active_rules(problem)
    for name in names:
        trial = replace(problem, rules=without(problem.rules, dropped | {name}, bundles))
        if find_plan(Question(trial, settings))[0].proven:
            dropped = dropped | {name}
    conflict = tuple(name for name in names if name not in dropped)
    relaxations = [
        found for name in conflict if (found := _relaxation(Question(problem, settings), name, dropped)) is not None
    ]
    relaxations.sort(key=lambda r: abs(r.needed - r.limit) / max(abs(r.limit), 1e-9))
    return InfeasiblePlanError(conflict, relaxations, arithmetic_conflict(problem))


def _relaxation(question: Question, name: str, dropped: frozenset[str]) -> Relaxation | None:
    """The smallest change of the rule `name` alone that lets a plan through, None where no number says it."""
    rules = question.problem.rules
    if name == "min_incremental_margin" and rules.min_incremental_margin is not None:
        return _largest_margin(question, rules.min_incremental_margin)
    if name == "budget" and rules.budget is not None:
        return _least_budget(question, rules.budget)
    if name == "include" and rules.include:
        return Relaxation("include", len(set(rules.include)), float(_most_includes(question)), "bundles")
    if name in ("max_bundles", "category_cap", "item_overlap"):
        return _least_cap(question, name, dropped)
    return relaxed_by_steps(question.problem, name, _asker(question))


def _asker(question: Question) -> Callable[[CampaignProblem], bool]:
    """Whether a plan is found for a problem, in the time of one question."""

    def has_plan(problem: CampaignProblem) -> bool:
        return allows_nothing(problem.rules) or find_plan(Question(problem, question.settings))[0].plan is not None

    return has_plan


def _search(question: Question, problem: CampaignProblem) -> SearchState:
    state = prepare(problem, question.settings)
    search(state)
    return state


def _largest_margin(question: Question, asked: float) -> Relaxation | None:
    problem, _ = goal_problem(question.problem)
    state = _search(question, problem)
    if state.incumbent is None:
        return None
    return Relaxation("min_incremental_margin", asked, math.floor(state.floor * 100) / 100, "money")


def _least_budget(question: Question, asked: float) -> Relaxation | None:
    problem = question.problem
    rules = replace(problem.rules, budget=None, fixed_cost_per_bundle=0.0, contact_cost=0.0)
    spend = (problem.redemption * problem.options.unit_spend.astype(np.float32)).astype(np.float32)
    state = _search(question, replace(problem, value=-spend, rules=rules))
    if state.incumbent is None:
        return None
    return Relaxation("budget", asked, math.ceil(-state.floor * 100) / 100, "money")


def _most_includes(question: Question) -> int:
    """How many of the included bundles can stay, dropping the last ones first."""
    include = sorted(set(question.problem.rules.include))
    for count in range(len(include) - 1, 0, -1):
        rules = replace(question.problem.rules, include=tuple(include[:count]))
        if find_plan(Question(replace(question.problem, rules=rules), question.settings))[0].plan is not None:
            return count
    return 0


def _least_cap(question: Question, name: str, dropped: frozenset[str]) -> Relaxation | None:
    """Raise a counting rule step by step until a plan is found."""
    rules = without(question.problem.rules, dropped, len(question.problem.options.bundle_ids))
    asked = int(getattr(rules, name))
    for limit in range(asked + 1, asked + 1 + len(set(rules.include))):
        relaxed = replace(rules, **{name: limit})  # type: ignore[arg-type]
        if find_plan(Question(replace(question.problem, rules=relaxed), question.settings))[0].plan is not None:
            return Relaxation(name, asked, limit, "bundles")
    return None
