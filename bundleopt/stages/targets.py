"""Goals that take solves of their own before the campaign is planned: a least budget, the first of two objectives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bundleopt.config import Objective
from bundleopt.experiment.held_out import without_held_out
from bundleopt.prepared import Prepared
from bundleopt.rule_texts import parse_goal
from bundleopt.session import Session
from bundleopt.stages import optimise
from bundleopt.stages.problem import eligible_objective
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt_data.errors import InfeasiblePlanError, UsageError
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem

_ORDERED = {
    Objective.REVENUE_MARGIN: ("revenue", "margin"),
    Objective.MARGIN_REVENUE: ("margin", "revenue"),
}


def aim(session: Session, prepared: Prepared, watch: Stopwatch) -> tuple[Session, Prepared, CampaignPlan | None]:
    """Turn `goal` and ordered objectives into a budget and a floor.

    Returns:
        Session and problem with what was found as ordinary settings, and a plan to begin with.

    Raises:
        InfeasiblePlanError: no plan reaches the goal. UsageError: goal and ordered objectives together.
    """
    settings = session.config.solve
    has_candidates = bool(len(prepared.built.problem.options.bundle))
    if settings.goal is None and (settings.objective not in _ORDERED or not has_candidates):
        return session, prepared, None
    if not has_candidates:
        raise InfeasiblePlanError([f"goal {settings.goal}"], detail="There is no candidate bundle.")
    if settings.goal is not None and settings.objective in _ORDERED:
        raise UsageError("--goal takes one objective; leave out --objective revenue,margin")
    with watch.stage("goal" if settings.goal is not None else "first objective"):
        return _seek(session, prepared) if settings.goal is not None else _first(session, prepared)


def _seek(session: Session, prepared: Prepared) -> tuple[Session, Prepared, CampaignPlan]:
    from bundleopt_solvers.goal_seek import seek_budget

    settings = session.config.solve
    name, target = parse_goal(settings.goal or "")
    problem = with_revenue(prepared)
    found = seek_budget(problem, (name, target), optimise.engine_settings(settings, gap_only=True))
    changes = {"budget": found.budget, f"min_incremental_{name}": target}
    told = {"goal": settings.goal, "least_budget": found.budget, "no_budget_under": found.proven_below}
    return *_changed(session, prepared, changes, told), found.plan


def _first(session: Session, prepared: Prepared) -> tuple[Session, Prepared, CampaignPlan]:
    from bundleopt_solvers.objectives import first_objective

    settings = session.config.solve
    first, second = _ORDERED[settings.objective]
    problem = with_revenue(prepared)
    half = optimise.engine_settings(settings, gap_only=True)
    half = replace(half, time_limit=half.time_limit / 2)
    plan, least = first_objective(problem, first, half, tolerance=settings.objective_tolerance)
    changes = {"objective": second, f"min_incremental_{first}": least}
    head = plan.headline
    told = {"objectives": settings.objective.value, "first": head.value, "first_bound": head.bound, "kept": least}
    return *_changed(session, prepared, changes, told), plan


def with_revenue(prepared: Prepared) -> CampaignProblem:
    """The problem with incremental revenue as a figure that rules can ask for.

    Offers that may not be made lose money in revenue and margin alike, as in the objective: each of the two may be
    maximised by itself.
    """
    eligibility, table, values = prepared.inputs.eligibility, prepared.table, prepared.values
    problem = replace(
        prepared.built.problem,
        incremental_revenue=eligibility.masked(values.incremental_revenue, table),
        incremental_margin=eligibility.masked(values.incremental_margin, table),
    )
    return without_held_out(problem, prepared.inputs.holdout)


def _changed(
    session: Session, prepared: Prepared, changes: dict[str, Any], told: dict[str, Any]
) -> tuple[Session, Prepared]:
    """Session and problem with other `[solve]` settings."""
    resolved, before = session.resolved, session.config.solve
    for name in ("min_incremental_revenue", "min_incremental_margin"):
        asked = getattr(before, name)
        if name in changes and asked is not None:
            changes[name] = max(changes[name], asked)
    settings = type(before).model_validate(before.model_dump() | changes)
    source = f"--goal {before.goal}" if before.goal is not None else f"--objective {before.objective.value}"
    sources = resolved.sources | {("solve", name): source for name in changes}
    config = resolved.config.model_copy(update={"solve": settings})
    problem = prepared.built.problem
    rules = replace(
        problem.rules,
        budget=settings.budget,
        min_incremental_margin=settings.min_incremental_margin,
        min_incremental_revenue=settings.min_incremental_revenue,
    )
    problem = replace(
        problem,
        value=eligible_objective((prepared.table, prepared.values), settings, prepared.inputs),
        incremental_revenue=prepared.values.incremental_revenue,
        rules=rules,
    )
    problem = without_held_out(problem, prepared.inputs.holdout)
    told_session = replace(session, resolved=replace(resolved, config=config, sources=sources))
    return told_session, replace(prepared, built=replace(prepared.built, problem=problem), targets=told)
