"""A core of options solved as a mixed-integer model: the neighbourhood of a fractional menu and of the best one.

What it finds is only a menu; its bound speaks of the core and is not used. It ends by nodes or by its gap. Where the
clock ends it, its menu is dropped, so that a search that stops by the clock can be replayed by its work.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.segment_model import Indices
from bundleopt_solvers.segment_program import build_program
from bundleopt_solvers.segment_relaxed import menu_positions
from bundleopt_solvers.segment_state import SegmentState

MOST, NODES, GAP = 90, 5, 1e-3
WORK = 10  # linear models that one such search counts as


def search_core(state: SegmentState, score: np.ndarray, support: Indices) -> bool:
    """Solve the model over the positions `support`, the best menu and the best scores; whether a better menu came.

    Raises:
        SolverCrashError: no solver for whole numbers works. OutOfTime: a limit is reached.
    """
    if state.best is None or state.settings.solver not in ("auto", "highs", "scip"):
        return False
    state.tick(WORK)
    model = state.model
    known = menu_positions(model, state.best.option)
    sure = np.union1d(support, known)
    rest = np.setdiff1d(np.argsort(-score, kind="stable")[:MOST], sure)
    at = np.union1d(sure, rest[: max(MOST - len(sure), 0)]).astype(np.int64)
    program = build_program(model.take(at), state.cuts)
    effort = Effort(time_limit=max(state.left, 1.0), gap=GAP, work=NODES, seed=state.settings.seed)
    found = solve_with_effort(program.model, effort, solver=state.settings.solver, stopped=state.is_over)
    ended = found.status is SolveStatus.OPTIMAL or "NODE" in found.message
    if found.values is None or not ended:
        return False
    before = state.floor
    menu, _ = program.shares(found.values)
    state.try_menu(model.option[at[menu > 0.5]])
    return state.floor > before
