"""The engine: from a campaign problem to a delivered plan with its headline bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.errors import NoPlanInTimeError, VerificationError, Violation
from bundleopt_solvers.conflicts import Question, explain, find_plan
from bundleopt_solvers.idle_customers import has_idle_customers, told_of_shelf, without_idle_customers
from bundleopt_solvers.lagrangian import price_all, start_multipliers
from bundleopt_solvers.menu_program import PROVEN_BY, begin_with_programs
from bundleopt_solvers.plan import CampaignPlan, Certificate, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rule_report import coupling_lines, menu_lines
from bundleopt_solvers.search import prepare, search
from bundleopt_solvers.search_state import Incumbent, Progress, SearchState
from bundleopt_solvers.segment_certificate import SegmentCertificate, segment_certificate
from bundleopt_solvers.settings import EngineSettings
from bundleopt_solvers.warm_start import begin_with

Indices = npt.NDArray[np.int64]
FAMILY = "every menu of the candidate options with every compatible set of 0/1 offers to each customer"
FIXED_FAMILY = "every set of 0/1 offers that uses all bundles of this menu at these prices; not a bound on other menus"


def solve_campaign(
    problem: CampaignProblem,
    settings: EngineSettings | None = None,
    *,
    progress: Progress | None = None,
    start: CampaignPlan | Sequence[CampaignPlan] | None = None,
) -> CampaignPlan:
    """Find the menu and the offers of the largest value, with a bound that no plan can beat.

    Args:
        problem: options, values, rules.
        settings: gap, limits, seeds.
        progress: called with stage, best value, bound, seconds.
        start: known plans of the same options, the nearest first: the answer is never worse than one that keeps all
            rules, and the search begins with the prices of the first that has some.

    Returns:
        The plan; on a time limit the best one found with its bound.

    Raises:
        InfeasiblePlanError: the rules contradict each other; carries the smallest conflict.
        NoPlanInTimeError: time ran out before any plan was found.
    """
    settings = settings or EngineSettings()
    if has_idle_customers(problem):
        known = [told_of_shelf(plan, 1) for plan in _plans(start)]
        found = solve_campaign(without_idle_customers(problem), settings, progress=progress, start=known)
        return told_of_shelf(found, problem.customers)
    threads = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    try:
        with torch.no_grad():
            return _solve(problem, settings, progress, _plans(start))
    finally:
        torch.set_num_threads(threads)


def _plans(start: CampaignPlan | Sequence[CampaignPlan] | None) -> tuple[CampaignPlan, ...]:
    return (start,) if isinstance(start, CampaignPlan) else tuple(start or ())


def _solve(
    problem: CampaignProblem, settings: EngineSettings, progress: Progress | None, starts: Sequence[CampaignPlan]
) -> CampaignPlan:
    """Search; where no plan turns up, look for any plan with the margin as goal, or explain why there is none."""
    state = prepare(problem, settings, progress)
    for plan in starts:
        begin_with(state, plan)
    if problem.shelf:
        begin_with_programs(state)
    if state.incumbent is None:
        question = Question(problem, replace(settings, time_limit=settings.time_limit / 2))
        found, asked = find_plan(question)
        if found.proven:
            raise explain(question, asked)
        if found.plan is not None:
            state.incumbent = found.plan.revalued(problem)
    reason = search(state)
    if state.incumbent is None and reason is StopReason.GAP_REACHED:
        raise explain(Question(problem, settings), None)
    return _deliver(state, reason)


def _deliver(state: SearchState, reason: StopReason) -> CampaignPlan:
    plan = state.incumbent
    prices = state.prices or start_multipliers(state.cells, state.relaxation)
    if plan is None:
        raise NoPlanInTimeError(f"no plan was found in {state.seconds:.1f} s; the rules were not proven contradictory")
    if not state.menu_allowed(plan.menu):
        raise VerificationError([Violation("menu", "the rules of the menu", str(plan.menu.tolist()))])
    bound = max(state.bound, plan.value)
    if reason is StopReason.GAP_REACHED and bound > max(state.cutoff, plan.value):
        reason = StopReason.WORK_LIMIT
    point = price_all(state.everything, prices, state.relaxation)
    offers = (plan.customer, plan.option)
    row = prices.row.double().numpy()
    rows = state.relaxation.rows
    stock = np.zeros(len(state.problem.options.item_ids))
    stock[rows.stock] = row[rows.first_stock :]
    reduced = np.zeros(len(state.problem.options.bundle))
    reduced[state.everything.option] = point.score
    certificates, segment = _certificates(state, plan, bound, interrupted=reason is StopReason.INTERRUPTED)
    return CampaignPlan(
        menu=plan.menu.astype(np.int32),
        offer_customer=plan.customer.astype(np.int32),
        offer_option=plan.option.astype(np.int32),
        headline=Certificate(plan.value, bound, FAMILY),
        certificates=certificates,
        rules=(*coupling_lines(state.problem, rows, offers, row), *menu_lines(state.problem, offers, prices, point)),
        item_shadow_price=stock,
        reduced_value=reduced,
        reason=reason,
        seconds=state.seconds,
        work=state.work,
        solver=f"lagrangian branch and bound{PROVEN_BY if np.isfinite(state.known) else ''}",
        incidents=(*state.incidents, *segment.incidents),
        menu_work=segment.work,
        prices=prices,
        priced_rows=rows.names,
    )


def _certificates(
    state: SearchState, plan: Incumbent, bound: float, *, interrupted: bool
) -> tuple[dict[str, Certificate], SegmentCertificate]:
    """The assignment's certificate (the headline bound holds for it too), and the segment model's where asked for."""
    fixed = Certificate(plan.value, max(min(plan.menu_bound, bound), plan.value), FIXED_FAMILY)
    if not state.settings.segment_master or interrupted or state.problem.shelf:  # segments know no shelf
        return {"assignment": fixed}, SegmentCertificate(None, 0, ())
    found = segment_certificate(state.problem, plan.menu, state.settings)
    menu = {} if found.certificate is None else {"menu": found.certificate}
    return menu | {"assignment": fixed}, found
