"""Revenue against margin: for equal steps of least margin, the most revenue that a plan can bring, each proven."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.stages import optimise, targets
from bundleopt_data import money
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.pipeline import Solved
    from bundleopt.session import Session
    from bundleopt_solvers.objectives import FrontierPoint
    from bundleopt_solvers.problem import CampaignProblem

# Each point is a solve of its own, and a curve of more points says nothing more.
MOST_POINTS = 40


def points_of(text: str) -> int:
    """Read `--pareto 6`, before minutes go into the plan.

    Raises:
        UsageError: it is no whole number from 2 to `MOST_POINTS`.
    """
    if not text.strip().isdecimal() or not 2 <= int(text) <= MOST_POINTS:
        raise UsageError(f"--pareto {text}: give the number of points, from 2 to {MOST_POINTS}, like --pareto 6")
    return int(text)


def refuse_untradeable(session: Session) -> None:
    """Refuse rules under which revenue and margin are not traded by whole plans.

    Raises:
        UsageError: it names the rule.
    """
    settings = session.config.solve
    rules = {
        "--redemption public": settings.redemption == "public",
        "--risk": settings.risk is not None,
        "--budget-confidence": settings.budget_confidence is not None,
    }
    for rule, is_on in rules.items():
        if is_on:
            raise UsageError(f"--pareto plans on means of targeted offers; leave out {rule}")


def with_pareto(session: Session, solved: Solved, points: int) -> Solved:
    """Return the plan with the frontier of revenue against margin in its document, as `pareto`.

    All points together may take as long as the plan itself.

    Raises:
        UsageError: there are too many customers to plan at once.
    """
    from bundleopt_solvers.objectives import pareto_frontier

    prepared = solved.prepared
    if prepared.crowd is not None:
        raise UsageError("--pareto plans all customers at once, and these are too many; see --engine")
    problem = targets.with_revenue(prepared)
    if not len(problem.options.bundle):
        return solved
    how = optimise.engine_settings(session.config.solve, gap_only=True)
    found = pareto_frontier(problem, points, how, progress=optimise.told(session.progress, session.config.solve))
    rows = [pareto_row(problem, point) for point in found]
    return replace(solved, facts=replace(solved.facts, pareto=rows))


def pareto_row(problem: CampaignProblem, point: FrontierPoint) -> dict[str, Any]:
    """Return one point as it stands in `plan.json`, money."""
    plan = point.plan
    redeemed = problem.redemption[plan.offer_customer, plan.offer_option].astype(np.float64)
    spend = float(redeemed @ problem.options.unit_spend[plan.offer_option])
    return {
        "least_margin": point.least_margin,
        "incremental_revenue": _cents(point.revenue),
        "incremental_margin": _cents(point.margin),
        "promo_spend": _cents(spend),
        "bundles": len(plan.menu),
        "bound": point.bound,
        "gap": point.gap,
    }


def _cents(amount: float) -> float:
    return float(money.from_cents(money.to_cents(amount)))
