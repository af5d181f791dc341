"""Leave out what cannot be part of a better list: bounds from row prices, item by item, round after round.

Row prices y of the relaxed linear form give an upper bound U (weak duality, right for any y). With item i listed the
bound is U + min(d_i, 0), with it unlisted U - max(d_i, 0), d the reduced values. Where that does not exceed the best
known money, no better list has it so, and the item is dropped or kept for good. Fewer items at choice mean tighter
bounds on the chance of nothing, so the form is built anew and a further round decides more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.assortment.linear_form import linear_form
from bundleopt_solvers.assortment.problem import AssortmentProblem, Indices
from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_with_effort

MOST_ROUNDS = 8
LEAST_SHARE = 0.03  # of the free items: a round that decides fewer is the last
# U and d are float64 sums: an item is decided only where it misses by more than this share of U.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Narrowed:
    """The problem with decided items kept and dropped, and a bound on every list that earns more than the known one.

    Attributes:
        bound: money; never below what is known. free: items that are still at choice.
    """

    problem: AssortmentProblem
    bound: float
    free: int


def narrowed(problem: AssortmentProblem, known: float, *, time_limit: float) -> Narrowed:
    """Decide items by reduced values until a round decides too few.

    Args:
        problem: the problem.
        known: money of a list that keeps its rules.
        time_limit: seconds for each round.
    """
    bound, free = np.inf, len(_free(problem))
    for _ in range(MOST_ROUNDS):
        form = linear_form(problem)
        result = solve_with_effort(form.model.relaxed(), Effort(time_limit=time_limit))
        if result.status is SolveStatus.INFEASIBLE:
            return Narrowed(problem, known, 0)
        if result.row_duals is None:
            break
        top = form.model.bound_from_duals(result.row_duals)
        bound = min(bound, top)
        reduced = form.model.reduced_values(result.row_duals)[: problem.items]
        problem, decided = _decided(problem, reduced, top * (1 + ROUNDING) - known)
        if bound <= known or decided < LEAST_SHARE * free:
            break
        free -= decided
    return Narrowed(problem, max(bound, known), len(_free(problem)))


def _free(problem: AssortmentProblem) -> Indices:
    fixed = [*problem.rules.keep, *problem.rules.drop]
    return np.setdiff1d(np.arange(problem.items), fixed)


def _decided(problem: AssortmentProblem, reduced: np.ndarray, room: float) -> tuple[AssortmentProblem, int]:
    """Keep and drop the free items whose other choice costs `room` or more."""
    free = _free(problem)
    keep, drop = free[reduced[free] >= room], free[-reduced[free] >= room]
    rules = problem.rules
    changed = replace(
        rules, keep=(*rules.keep, *map(int, keep)), drop=(*rules.drop, *map(int, np.setdiff1d(drop, keep)))
    )
    return replace(problem, rules=changed), len(np.union1d(keep, drop))
