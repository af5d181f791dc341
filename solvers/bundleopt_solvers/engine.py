"""The engine: from a campaign problem to a delivered plan with its headline bound."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError
from bundleopt_solvers.arbitrage import dear_options
from bundleopt_solvers.assignment import assign
from bundleopt_solvers.branching import branch
from bundleopt_solvers.cells import build_cells
from bundleopt_solvers.lagrangian import Multipliers, Relaxation, price_all, start_multipliers
from bundleopt_solvers.menu_rules import build_menu_rules
from bundleopt_solvers.plan import CampaignPlan, Certificate, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.root import sift
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.rule_report import coupling_lines, menu_lines
from bundleopt_solvers.search_state import Incumbent, OutOfTime, Progress, SearchState
from bundleopt_solvers.settings import EngineSettings

Indices = npt.NDArray[np.int64]
FAMILY = "every menu of the candidate options with every compatible set of 0/1 offers to each customer"
FIXED_FAMILY = "every set of 0/1 offers that uses all bundles of this menu at these prices; not a bound on other menus"


def solve_campaign(
    problem: CampaignProblem, settings: EngineSettings | None = None, *, progress: Progress | None = None
) -> CampaignPlan:
    """Find the menu and the offers of the largest value, with a bound that no plan can beat.

    Args:
        problem: options, values, rules. settings: gap, limits.
        progress: called with stage, best value, bound, seconds.

    Returns:
        The plan; on a time limit the best one found with its bound.

    Raises:
        InfeasiblePlanError: the rules contradict each other; carries the smallest conflict.
        NoPlanInTimeError: time ran out before any plan was found.
    """
    settings = settings or EngineSettings()
    threads = torch.get_num_threads()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    try:
        with torch.no_grad():
            state = prepare(problem, settings, progress)
            reason, prices = search(state)
            return _deliver(state, reason, prices)
    finally:
        torch.set_num_threads(threads)


def prepare(problem: CampaignProblem, settings: EngineSettings, progress: Progress | None = None) -> SearchState:
    """Lay out the cells and rules of `problem`; options that can be on no menu are left out."""
    rows, menu = build_rows(problem), build_menu_rules(problem)
    usable = np.flatnonzero(~dear_options(problem)).astype(np.int64)
    cells = build_cells(problem, rows, usable)
    relaxation = Relaxation(rows, menu, problem.rules.slots, frozenset(menu.include))
    state = SearchState(problem, settings, cells, relaxation, progress)
    if not menu.include and (problem.rules.min_incremental_margin or 0.0) <= 0:
        nobody = np.zeros(0, dtype=np.int64)
        state.incumbent = Incumbent(nobody, nobody, 0.0)
    return state


def search(state: SearchState) -> tuple[StopReason, Multipliers]:
    """Run root and branching; return why it stopped and the best prices of the root."""
    prices = start_multipliers(state.cells, state.relaxation)
    reason = StopReason.GAP_REACHED
    try:
        if len(state.cells.option):
            prices, average = sift(state)
        if state.bound > state.cutoff and len(state.cells.option):
            branch(state, prices, average)
        elif not len(state.cells.option):
            state.lower(max(state.floor, state.excluded))
    except OutOfTime as stop:
        reason = stop.reason
    except KeyboardInterrupt:
        reason = StopReason.INTERRUPTED
    return reason, prices


def _deliver(state: SearchState, reason: StopReason, prices: Multipliers) -> CampaignPlan:
    plan = state.incumbent
    if plan is None:
        if reason is StopReason.GAP_REACHED:
            raise InfeasiblePlanError(["include", "min_incremental_margin"])
        raise NoPlanInTimeError(f"no plan was found in {state.seconds:.1f} s; the rules were not proven contradictory")
    bound = max(state.bound, plan.value)
    if reason is StopReason.GAP_REACHED and bound > max(state.cutoff, plan.value):
        reason = StopReason.WORK_LIMIT
    everything = prepare(state.problem, state.settings)
    point = price_all(everything.cells, prices, everything.relaxation)
    offers = (plan.customer, plan.option)
    row = prices.row.double().numpy()
    rows = state.relaxation.rows
    names = state.relaxation.menu.names
    stock = np.zeros(len(state.problem.options.item_ids))
    stock[rows.stock] = row[rows.first_stock :]
    reduced = np.zeros(len(state.problem.options.bundle))
    reduced[everything.cells.option] = point.score
    lines = coupling_lines(state.problem, rows, offers, row)
    lines += menu_lines(state.problem, offers, prices, point, names)
    return CampaignPlan(
        menu=plan.menu.astype(np.int32),
        offer_customer=plan.customer.astype(np.int32),
        offer_option=plan.option.astype(np.int32),
        headline=Certificate(plan.value, bound, FAMILY),
        certificates={"assignment": _fixed_menu(everything, plan, row, bound)},
        rules=tuple(lines),
        item_shadow_price=stock,
        reduced_value=reduced,
        reason=reason,
        seconds=state.seconds,
        work=state.work,
        solver="lagrangian branch and bound",
        incidents=tuple(state.incidents),
    )


def _fixed_menu(state: SearchState, plan: Incumbent, row: npt.NDArray[np.float64], bound: float) -> Certificate:
    """Certificate of the offers for the menu as it is; the headline bound holds for them too."""
    if not len(plan.menu):
        return Certificate(plan.value, plan.value, FIXED_FAMILY)
    task = state.menu_task(np.searchsorted(state.cells.option, plan.menu))
    found = assign(task, row, steps=20)
    fixed = state.relaxation.menu.fixed_cost * len(plan.menu)
    return Certificate(plan.value, max(min(found.bound - fixed, bound), plan.value), FIXED_FAMILY)
