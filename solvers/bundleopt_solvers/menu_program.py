"""A menu without offers as a whole-number program, solved by two backends that have to agree.

With one row of options and a handful of rules this is what branch-and-cut codes are best at: the 2,400 options of the
sample take them a second, where prices of the rules alone leave a gap of 1.5 %. What they find is a plan to begin with,
checked exactly like any other, and a bound: the larger of the two, with an allowance for their tolerance.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.backends.backend import SolveStatus
from bundleopt_solvers.backends.result import CLAIM_TOLERANCE
from bundleopt_solvers.customer_model import solve_customer_model
from bundleopt_solvers.idle_customers import is_menu_only
from bundleopt_solvers.search_state import SearchState
from bundleopt_solvers.warm_start import begin_with_offers

SOLVERS = ("highs", "scip")
PROVEN_BY = f"; menu proven by {' and '.join(SOLVERS)}"
LEAST_SECONDS, MOST_SECONDS, SHARE = 5.0, 60.0, 0.25  # of one backend, and of the time limit


def begin_with_programs(state: SearchState) -> None:
    """Take over plan and bound of both backends where offers are worth nothing; nothing where they do not agree."""
    problem = state.problem
    if state.is_small or state.goal is not None or not is_menu_only(problem) or not len(state.cells.option):
        return
    seconds = min(max(SHARE * state.settings.time_limit, LEAST_SECONDS), MOST_SECONDS)
    results = [solve_customer_model(problem, time_limit=seconds, solver=name) for name in SOLVERS]
    if [one.solver for one in results if one.status is SolveStatus.OPTIMAL] != list(SOLVERS):
        state.incidents.append(f"{' and '.join(SOLVERS)} did not both solve the menu in {seconds:.0f} s each")
        return
    values = [one.objective for one in results]
    room = CLAIM_TOLERANCE * max(1.0, *map(abs, values))
    if max(values) - min(values) > room:
        state.incidents.append(f"{' and '.join(SOLVERS)} do not agree on the best menu: {values}")
        return
    best = results[int(np.argmax(values))]
    if best.values is not None:
        menu = np.flatnonzero(best.values[: len(problem.options.bundle)] > 0.5)
        begin_with_offers(state, np.full(len(menu), problem.customers, dtype=np.int64), menu.astype(np.int64))
    state.known = max(one.bound for one in results) + room
