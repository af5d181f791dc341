"""Laying out a problem and searching it: root first, then branching."""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.arbitrage import dear_options
from bundleopt_solvers.branching import branch
from bundleopt_solvers.cells import NEVER, build_cells
from bundleopt_solvers.feasibility import allows_nothing
from bundleopt_solvers.lagrangian import Relaxation
from bundleopt_solvers.menu_rules import build_menu_rules, fixed_prices
from bundleopt_solvers.plan import StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.root import sift
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.search_state import Incumbent, OutOfTime, Progress, SearchState
from bundleopt_solvers.settings import EngineSettings


def prepare(problem: CampaignProblem, settings: EngineSettings, progress: Progress | None = None) -> SearchState:
    """Lay out the cells and rules of `problem`; options that can be on no menu are left out.

    Doing nothing is the first plan wherever the rules allow it.
    """
    rows, menu = build_rows(problem), build_menu_rules(problem)
    usable = np.flatnonzero(~(dear_options(problem) | fixed_prices(problem))).astype(np.int64)
    cells = build_cells(problem, rows, usable)
    if problem.shelf:  # what breaks a rule by standing on the shelf is on no menu
        cells = cells.take(np.flatnonzero((cells.gain[:, -1] > NEVER / 2).numpy()))
    relaxation = Relaxation(
        rows,
        menu,
        problem.rules.slots,
        frozenset(menu.include),
        least=problem.least_offers,
        most=problem.rules.max_exposure,
    )
    state = SearchState(problem, settings, cells, relaxation, progress)
    if allows_nothing(problem.rules):
        nobody = np.zeros(0, dtype=np.int64)
        state.incumbent = Incumbent(nobody, nobody, 0.0)
    return state


def search(state: SearchState) -> StopReason:
    """Run root and branching; return why it stopped."""
    try:
        if not state.relaxation.forced <= set(state.cells.bundle.tolist()):
            state.bound = -np.inf
        elif not len(state.cells.option):
            state.lower(state.floor)
        else:
            average = sift(state)
            state.lower(state.known)
            if state.bound > state.cutoff and len(state.cells.option):
                branch(state, average)
    except OutOfTime as stop:
        return stop.reason
    except KeyboardInterrupt:
        return StopReason.INTERRUPTED
    state.work += 1  # reaching the end is a unit of its own, so that a replay of this work ends there too
    return StopReason.GAP_REACHED
