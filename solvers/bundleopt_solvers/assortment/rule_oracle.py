"""The best assortment for a linear score under the rules, exactly; also who asks whether the rules conflict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.assortment.problem import AssortmentProblem, AssortmentRules, Flags, Reals
from bundleopt_solvers.assortment.rules import keeps_rules, rule_rows
from bundleopt_solvers.backends.backend import SolveStatus
from bundleopt_solvers.child import solve_model
from bundleopt_solvers.linear_model import LinearModel

ORACLE_SECONDS = 20.0


def best_linear(problem: AssortmentProblem, score: Reals) -> tuple[Flags, float] | None:
    """Maximise score . x over the assortments that keep the rules.

    Returns:
        The assortment (I,) and an upper bound on the score of all of them; None where no assortment keeps the rules.
    """
    rules = problem.rules
    if rules.max_space is None and not rules.coverage:
        return _by_sorting(problem, score)
    result = solve_model(_model(problem, score), time_limit=ORACLE_SECONDS)
    if result.status is SolveStatus.INFEASIBLE:
        return None
    if result.values is None:
        raise TimeoutError(f"no assortment was found in {ORACLE_SECONDS:g} s: {result.message}")
    listed = result.values > 0.5
    return listed, max(result.bound, float(score[listed].sum()))


def conflict_of(problem: AssortmentProblem) -> tuple[str, ...]:
    """Name a smallest set of rules that no assortment keeps together; () where one keeps all.

    A deletion filter: each rule is left out in turn and stays out where the rest still conflicts.
    """
    if not _is_infeasible(problem):
        return ()
    rules = problem.rules
    for part in _parts(problem):
        shorter = _without(rules, problem, part)
        if _is_infeasible(replace(problem, rules=shorter)):
            rules = shorter
    return _parts(replace(problem, rules=rules))


def refuse_conflict(problem: AssortmentProblem) -> None:
    """Raise InfeasiblePlanError with the smallest conflict where no assortment keeps the rules."""
    conflict = conflict_of(problem)
    if conflict:
        raise InfeasiblePlanError(list(conflict), detail="No assortment keeps these rules together.")


def _is_infeasible(problem: AssortmentProblem) -> bool:
    return (
        bool(set(problem.rules.keep) & set(problem.rules.drop)) or best_linear(problem, np.zeros(problem.items)) is None
    )


def _by_sorting(problem: AssortmentProblem, score: Reals) -> tuple[Flags, float] | None:
    rules = problem.rules
    listed = np.zeros(problem.items, np.bool_)
    listed[list(rules.keep)] = True
    free = ~listed
    free[list(rules.drop)] = False
    room = problem.items if rules.max_items is None else rules.max_items - int(listed.sum())
    if room < 0:
        return None
    order = np.flatnonzero(free & (score > 0))
    order = order[np.lexsort((order, -score[order]))][:room]
    listed[order] = True
    return listed, float(score[listed].sum())


def _model(problem: AssortmentProblem, score: Reals) -> LinearModel:
    lower, upper = np.zeros(problem.items), np.ones(problem.items)
    lower[list(problem.rules.keep)] = 1.0
    upper[list(problem.rules.drop)] = 0.0
    empty = LinearModel(
        objective=score,
        lower=lower,
        upper=np.maximum(lower, upper),
        integer=np.ones(problem.items, np.bool_),
        indptr=np.zeros(1, np.int64),
        indices=np.zeros(0, np.int64),
        coefficients=np.zeros(0),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
    )
    return empty.with_rows(rule_rows(problem))


def _parts(problem: AssortmentProblem) -> tuple[str, ...]:
    """Every rule that is on, by name."""
    rules, ids = problem.rules, problem.item_ids
    names = [f"keep {ids[code]}" for code in rules.keep] + [f"drop {ids[code]}" for code in rules.drop]
    names += [group.name for group in rules.coverage]
    names += ["max_items"] if rules.max_items is not None else []
    return (*names, *(["max_space"] if rules.max_space is not None else []))


def _without(rules: AssortmentRules, problem: AssortmentProblem, part: str) -> AssortmentRules:
    ids = problem.item_ids
    return replace(
        rules,
        keep=tuple(code for code in rules.keep if f"keep {ids[code]}" != part),
        drop=tuple(code for code in rules.drop if f"drop {ids[code]}" != part),
        coverage=tuple(group for group in rules.coverage if group.name != part),
        max_items=None if part == "max_items" else rules.max_items,
        max_space=None if part == "max_space" else rules.max_space,
    )


def allowed(problem: AssortmentProblem, listed: Flags) -> bool:
    """Whether one assortment (I,) keeps the rules."""
    return bool(keeps_rules(problem, listed[None])[0])
