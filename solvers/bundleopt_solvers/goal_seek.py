"""The least budget with which a target can be reached, between a plan that reaches it and a proof that less can't.

More budget never lowers the most that can be reached, so a budget whose bound is under the target proves it for every
smaller one, and the question is halved until the two ends are close.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError, Relaxation
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.objectives import RULE_OF, money_of, total_of, with_least
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.search_state import Progress
from bundleopt_solvers.settings import EngineSettings

CLOSE = 0.01  # share of the budget by which the two ends may differ
QUESTIONS = 12  # questions asked at most; each halves what is open, or does better


@dataclass(frozen=True)
class BudgetFound:
    """The least budget for a target.

    Attributes:
        budget: enough, as `plan` shows; whole cents. proven_below: no budget under it can reach the target.
        plan: reaches the target within the budget.
    """

    budget: float
    proven_below: float
    plan: CampaignPlan


def seek_budget(
    problem: CampaignProblem,
    goal: tuple[str, float],
    settings: EngineSettings,
    *,
    progress: Progress | None = None,
) -> BudgetFound:
    """Find the least budget that reaches a target.

    Args:
        problem: all its rules hold, a budget in them is the most that may be asked for; its value is not used.
        goal: "revenue" or "margin" (incremental, as expected) and the money to reach.
        settings: the time limit is for the whole.
        progress: as for `solve_campaign`.

    Raises:
        InfeasiblePlanError: no plan reaches the target with any budget allowed; says how far one gets.
        NoPlanInTimeError: neither was shown in time.
    """
    name, target = goal
    least = with_least(problem, name, target)
    each = replace(settings, time_limit=settings.time_limit / 4, gap=max(settings.gap, 1e-3), segment_master=False)
    asked = replace(problem, value=money_of(problem, name))
    start = solve_campaign(asked, each, progress=progress)
    if total_of(problem, name, start) < target:
        _refuse(goal, start)
    found = _cheaper(least, start, settings, progress)
    return _narrow(least, goal, found, replace(settings, time_limit=settings.time_limit / QUESTIONS))


def spend_of(problem: CampaignProblem, plan: CampaignPlan) -> float:
    """Promo spend of a plan, money, rounded up to whole cents so that it is a budget that holds."""
    sold = problem.redemption[plan.offer_customer, plan.offer_option].astype(np.float64)
    spend = math.fsum((sold * problem.options.unit_spend[plan.offer_option]).tolist())
    return math.ceil(spend * 100 - 1e-9) / 100 if spend > 0 else 0.0


def _refuse(goal: tuple[str, float], plan: CampaignPlan) -> None:
    name, target = goal
    if plan.headline.bound >= target:
        raise NoPlanInTimeError(
            f"no plan with {target:,.2f} of {name} was found, and none was proven impossible: the best has "
            f"{plan.headline.value:,.2f}, the bound is {plan.headline.bound:,.2f}"
        )
    reached = math.floor(plan.headline.value * 100) / 100
    detail = f"No plan brings more than {plan.headline.bound:,.2f}, whatever the budget."
    raise InfeasiblePlanError([f"goal {name}"], [Relaxation(f"goal {name}", target, reached, "money")], detail)


def _cheaper(
    least: CampaignProblem, start: CampaignPlan, settings: EngineSettings, progress: Progress | None
) -> BudgetFound:
    """Spend as little as possible while the target is kept: a plan, and a first proof from below."""
    spend = -(least.redemption * least.options.unit_spend.astype(np.float32)).astype(np.float32)
    free = replace(least, value=spend, rules=replace(least.rules, fixed_cost_per_bundle=0.0, contact_cost=0.0))
    quick = replace(settings, time_limit=settings.time_limit / 2, gap=CLOSE, segment_master=False)
    plan = solve_campaign(free, quick, progress=progress, start=start)
    return BudgetFound(spend_of(least, plan), max(0.0, math.floor(-plan.headline.bound * 100) / 100), plan)


def _narrow(
    least: CampaignProblem, goal: tuple[str, float], found: BudgetFound, settings: EngineSettings
) -> BudgetFound:
    """Ask whether a smaller budget reaches the target, until the two ends are close or an answer does not come."""
    name, target = goal
    free = replace(least.rules, **{RULE_OF[name]: None})  # type: ignore[arg-type]
    for _ in range(QUESTIONS):
        if found.budget - found.proven_below <= max(CLOSE * found.budget, 0.01):
            break
        middle = math.floor(50 * (found.budget + found.proven_below)) / 100
        trial = replace(least, value=money_of(least, name), rules=replace(free, budget=middle))
        plan = solve_campaign(trial, settings)
        if total_of(least, name, plan) >= target:
            found = replace(found, budget=min(found.budget, spend_of(least, plan)), plan=plan)
        elif plan.headline.bound < target:
            found = replace(found, proven_below=middle)
        else:
            break
    return found
