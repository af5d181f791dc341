"""What it costs to force a bundle into a plan, or to forbid it: a second certified plan, and a proven interval.

With values V, V' and bounds B, B' of the plan as it is and of the plan with the change, the best value without the
change lies in [V, B] and that with it in [V', B'], so the change costs between V - B' and B - V'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundleopt import pipeline
from bundleopt.replan import as_planned
from bundleopt.stages import optimise, pair_pricing, preflight
from bundleopt.stages.stopwatch import Stopwatch

if TYPE_CHECKING:
    from bundleopt.session import Session
    from bundleopt.verbs.solve import SolveResult
    from bundleopt_solvers.plan import CampaignPlan


@dataclass(frozen=True)
class Counterfactual:
    """The best plan with one thing changed; money of the objective.

    Attributes:
        change: `include` or `exclude`. value, bound: of the plan with the change.
        least_cost, most_cost: proven interval of what the change costs; the least is at least 0.
        incremental_revenue, incremental_margin: of that plan.
    """

    change: str
    value: float
    bound: float
    least_cost: float
    most_cost: float
    incremental_revenue: float
    incremental_margin: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return dict(vars(self))


def counterfactual(session: Session, run: SolveResult, change: str, bundle: str) -> Counterfactual:
    """Solve the run's problem again with the bundle included or excluded.

    Args:
        session: the run's workspace.
        run: the plan as it is.
        change: `include` or `exclude`.
        bundle: items joined by a plus.

    Raises:
        InfeasiblePlanError: no plan with the change keeps the rules.
    """
    changed = as_planned(session, run, {change: [bundle]})
    prepared = pipeline.prepare(changed, Stopwatch())
    problem = prepared.built.problem
    preflight.refuse_contradictions(problem)
    settings = changed.config.solve
    plan = optimise.optimise(problem, settings, prepared.found.family, session.progress)
    if settings.certify_pairs is not None:
        prepared, plan = pair_pricing.certify_pairs(prepared, plan, settings, session.progress)
    valued = pipeline.value_plan(prepared, plan)
    value, bound = run.document["objective"]["value"], run.document["bound"]
    headline, most = plan.headline, _most(plan, run)
    return Counterfactual(
        change=change,
        value=headline.value,
        bound=most,
        least_cost=max(0.0, value - most),
        most_cost=max(0.0, bound - headline.value),
        incremental_revenue=float(valued.incremental_revenue.sum()),
        incremental_margin=float(valued.incremental_margin.sum()),
    )


def _most(plan: CampaignPlan, run: SolveResult) -> float:
    """No plan with the change is worth more; where the run took up pairs by pricing, that speaks of all pairs too."""
    earlier = run.document["certificates"].get(pair_pricing.PAIRS)
    if earlier is None:
        return plan.headline.bound
    found = plan.certificates.get(pair_pricing.PAIRS)
    return max(plan.headline.bound, earlier["bound"]) if found is None else found.bound
