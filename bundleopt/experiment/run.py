"""Adds the experiment to a solved plan: drawn prices, would-be offers, its power, and what it is expected to cost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.experiment import exploration, held_out, power, spend
from bundleopt.experiment.design import Experiment
from bundleopt.stages import optimise
from bundleopt.stages.problem import build_problem, eligible_objective
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem

if TYPE_CHECKING:
    from bundleopt.experiment.holdout import Holdout
    from bundleopt.prepared import Prepared
    from bundleopt.session import Session
    from bundleopt.stages.stopwatch import Stopwatch


def run_experiment(
    session: Session, prepared: Prepared, plan: CampaignPlan, watch: Stopwatch
) -> tuple[CampaignProblem, CampaignPlan, Experiment]:
    """Return problem and plan with drawn prices, and the experiment with its document.

    Args:
        session: asks for `holdout` and `explore`.
        prepared: the problem, its control group kept out already.
        plan: solved on it.
        watch: takes the seconds.

    Raises:
        InfeasiblePlanError: the plan shows held-out customers something, because a floor leaves nobody else.
    """
    settings, holdout = session.config.solve, prepared.inputs.holdout
    problem = prepared.built.problem
    held_out.refuse_shown(plan, holdout)
    before, explored = plan, None
    if settings.explore is not None:
        with watch.stage("exploration"):
            explored = exploration.explore(prepared, plan, settings, session.progress)
            problem, plan = explored.problem, explored.plan
            held_out.refuse_shown(plan, holdout)
    experiment = Experiment(price_chance=explored.price_chance if explored else {})
    document: dict[str, Any] = {}
    if explored is not None:
        document["exploration"] = explored.document(before)
    if holdout is not None:
        with watch.stage("holdout"):
            experiment, document["holdout"] = _with_holdout(session, prepared, (before, plan), experiment, holdout)
    return problem, plan, replace(experiment, document=document)


def _with_holdout(
    session: Session,
    prepared: Prepared,
    plans: tuple[CampaignPlan, CampaignPlan],
    experiment: Experiment,
    holdout: Holdout,
) -> tuple[Experiment, dict[str, Any]]:
    """Add would-be offers and the facts of the arms; `plans` are those before and after prices were drawn."""
    before, plan = plans
    settings, week = session.config.solve, prepared.week
    valued = prepared.table, prepared.values
    objective = eligible_objective(valued, settings, prepared.inputs)
    customer, option = held_out.would_be_offers(prepared.built.problem, objective, prepared.values, plan, holdout)
    span = spend.MEASURED_WEEKS + spend.EARLIER_WEEKS
    weekly = spend.weekly_spend(session.dataset, week.forecast.customer_ids, week.campaign.week, span)
    facts = {
        "visit_probability": week.forecast.visit_probability.astype(np.float64),
        "expected_spend": held_out.expected_spend(week),
        "earlier_spend": weekly[spend.EARLIER_WEEKS :].mean(axis=0),
    }
    shown = int((~holdout.held).sum())
    gain = float(prepared.values.incremental_revenue[plan.offer_customer, plan.offer_option].sum(dtype=np.float64))
    noise = power.measure_noise(weekly[spend.EARLIER_WEEKS :], weekly[: spend.EARLIER_WEEKS].mean(axis=0))
    without = _without_holdout(session, prepared, before)
    document = {
        "share": holdout.share,
        "customers": int(holdout.held.sum()),
        "of": len(holdout.held),
        "strata": len(np.unique(holdout.stratum)),
        "seed": settings.seed,
        "would_be_offers": len(customer),
        "cost": _cost(without, before),
        "power": power.power_document(noise, holdout.share, gain / max(shown, 1)),
    }
    return replace(experiment, holdout=holdout, customer=customer, option=option, facts=facts), document


def _without_holdout(session: Session, prepared: Prepared, plan: CampaignPlan) -> CampaignPlan:
    """Solve for everybody in half the time, beginning with the plan that leaves the control group out."""
    settings = session.config.solve
    inputs = replace(prepared.inputs, holdout=None)
    built = build_problem((prepared.table, prepared.values), prepared.week, prepared.choice, settings, inputs)
    family = built.family(prepared.found.family)
    half = settings.model_copy(update={"time_limit": settings.time_limit / 2})
    return optimise.optimise(built.problem, half, family, session.progress, plan, gap_only=True)


def _cost(without: CampaignPlan, plan: CampaignPlan) -> dict[str, float]:
    """What a plan gives up of the objective against the one without the experiment, money, and its proven end."""
    value = plan.headline.value
    return {
        "without": round(without.headline.value, 2),
        "with": round(value, 2),
        "cost": round(without.headline.value - value, 2),
        "at_most": round(without.headline.bound - value, 2),
    }
