"""Two objectives: one after the other, and the frontier of revenue against margin by the epsilon-constraint method.

Haimes, Lasdon, Wismer (1971): maximise one objective while the other is kept at a level; each level is one solve with a
bound of its own. Plans for a higher level keep every lower one, and bounds of a lower level hold for every higher one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.plan import CampaignPlan, Certificate
from bundleopt_solvers.problem import CampaignProblem, Floats
from bundleopt_solvers.rows import MARGIN, REVENUE, floor_values
from bundleopt_solvers.search_state import Progress
from bundleopt_solvers.settings import EngineSettings

RULE_OF = {"revenue": REVENUE, "margin": MARGIN}
END_SHARE = 1e-3  # of the best revenue or margin that the ends of a frontier may give up for the other objective


@dataclass(frozen=True)
class OrderedPlan:
    """A plan for two objectives in order.

    Attributes:
        plan: best in the second objective. first: value and bound of the first objective alone.
        least: of the first objective that the plan keeps, money.
    """

    plan: CampaignPlan
    first: Certificate
    least: float


@dataclass(frozen=True)
class FrontierPoint:
    """One point of the frontier; no plan with at least `least_margin` brings more revenue than `bound`. Money."""

    least_margin: float
    revenue: float
    margin: float
    bound: float
    plan: CampaignPlan

    @property
    def gap(self) -> float:
        """(bound - revenue) / |bound|."""
        return Certificate(self.revenue, self.bound, "").gap


def money_of(problem: CampaignProblem, name: str) -> Floats:
    """(U, O) money of the objective `revenue` or `margin`.

    Raises:
        KeyError: there is no such objective. ValueError: the problem does not hold it.
    """
    return floor_values(problem, RULE_OF[name])


def total_of(problem: CampaignProblem, name: str, plan: CampaignPlan) -> float:
    """Expected money of a plan, correctly rounded."""
    return math.fsum(money_of(problem, name)[plan.offer_customer, plan.offer_option].astype(np.float64).tolist())


def with_least(problem: CampaignProblem, name: str, least: float) -> CampaignProblem:
    """The problem with at least so much money of `name`, or what its rules already ask for."""
    asked = getattr(problem.rules, RULE_OF[name])
    least = least if asked is None else max(least, asked)
    return replace(problem, rules=replace(problem.rules, **{RULE_OF[name]: least}))  # type: ignore[arg-type]


def solve_in_order(
    problem: CampaignProblem,
    order: tuple[str, str],
    settings: EngineSettings,
    *,
    tolerance: float = 0.01,
    progress: Progress | None = None,
) -> OrderedPlan:
    """Maximise the first objective, then the second while the first keeps all but a share of what the plan brought.

    Args:
        problem: its value is not used; fixed and contact costs count in both objectives.
        order: two of "revenue", "margin".
        settings: each of the two solves gets half of the time limit.
        tolerance: share of the first objective that may be given up.
        progress: as for `solve_campaign`.

    Raises:
        InfeasiblePlanError, NoPlanInTimeError: as `solve_campaign`.
    """
    half = replace(settings, time_limit=settings.time_limit / 2)
    first, second = order
    best, least = first_objective(problem, first, half, tolerance=tolerance, progress=progress)
    kept = with_least(replace(problem, value=money_of(problem, second)), first, least)
    plan = solve_campaign(kept, half, progress=progress, start=best)
    return OrderedPlan(plan, best.headline, least)


def first_objective(
    problem: CampaignProblem,
    name: str,
    settings: EngineSettings,
    *,
    tolerance: float = 0.01,
    progress: Progress | None = None,
) -> tuple[CampaignPlan, float]:
    """Maximise one objective; returns the plan, and what of it a second objective has to keep, in whole cents."""
    best = solve_campaign(replace(problem, value=money_of(problem, name)), settings, progress=progress)
    reached = total_of(problem, name, best)
    return best, math.floor((reached - tolerance * abs(reached)) * 100) / 100


def pareto_frontier(
    problem: CampaignProblem, count: int, settings: EngineSettings, *, progress: Progress | None = None
) -> list[FrontierPoint]:
    """Find `count` points of the frontier of revenue against margin, each with its bound.

    Args:
        problem: must hold `incremental_revenue`; its value is not used.
        count: points, at least 2: the ends and equal steps of margin between them.
        settings: every solve gets an equal part of the time limit.
        progress: as for `solve_campaign`.

    Returns:
        Points by rising margin and falling revenue; a point that another one beats in both is left out.
    """
    if count < 2:
        raise ValueError(f"a frontier has at least 2 points, got {count!r}")
    each = replace(settings, time_limit=settings.time_limit / (count + 2))
    revenue = replace(problem, value=money_of(problem, "revenue"))
    low = solve_campaign(revenue, each, progress=progress)
    dearest = solve_campaign(replace(problem, value=problem.incremental_margin), each, progress=progress, start=low)
    ends = (_kept_margin(problem, low), _kept_margin(problem, dearest))
    levels = np.floor(np.linspace(*ends, count) * 100) / 100
    points: list[FrontierPoint] = []
    known = dearest
    for least in levels[::-1].tolist():
        known = solve_campaign(with_least(revenue, "margin", least), each, progress=progress, start=known)
        points.append(_point(problem, least, known))
    return _tightened(points[::-1])


def _kept_margin(problem: CampaignProblem, plan: CampaignPlan) -> float:
    """Margin of an end of the frontier, less the share that it may give up."""
    margin = total_of(problem, "margin", plan)
    return margin - END_SHARE * abs(margin)


def _point(problem: CampaignProblem, least: float, plan: CampaignPlan) -> FrontierPoint:
    revenue, margin = (total_of(problem, name, plan) for name in ("revenue", "margin"))
    return FrontierPoint(least, revenue, margin, plan.headline.bound, plan)


def _tightened(points: list[FrontierPoint]) -> list[FrontierPoint]:
    """A bound holds for every higher margin, a plan for every lower one; beaten points go."""
    bound, kept = np.inf, []
    for point in points:
        bound = min(bound, point.bound)
        kept.append(replace(point, bound=max(bound, point.plan.headline.value)))
    best = -np.inf
    front = []
    for point in kept[::-1]:
        if point.revenue > best:
            best = point.revenue
            front.append(point)
    return front[::-1]
