"""Objectives in order, the frontier, and the least budget for a target, against enumeration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.goal_seek import seek_budget, spend_of
from bundleopt_solvers.objectives import pareto_frontier, solve_in_order, total_of, with_least
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import best_by_enumeration, breaks_a_rule, random_campaign, with_rules

EXACT = EngineSettings(gap=1e-9, time_limit=240, threads=1)
CLOSE = 1e-6


def _campaign(seed: int) -> CampaignProblem:
    problem = random_campaign(seed, bundles=3, customers=2)
    rng = np.random.default_rng(seed)
    revenue = (rng.integers(0, 193, problem.value.shape) / 64).astype(np.float32)
    margin = (rng.integers(-64, 129, problem.value.shape) / 64).astype(np.float32)
    asked = {"include": (), "min_incremental_margin": None, "min_margin": None, "fixed_cost_per_bundle": 0.0}
    free = with_rules(problem, **asked, contact_cost=0.0, category_min_margin={}, budget=None)
    return replace(free, value=revenue, incremental_revenue=revenue, incremental_margin=margin)


@pytest.mark.parametrize("seed", range(8000, 8003))
@pytest.mark.parametrize("order", [("revenue", "margin"), ("margin", "revenue")])
def test_the_second_objective_is_best_among_plans_that_keep_the_first(seed: int, order: tuple[str, str]) -> None:
    problem = _campaign(seed)
    values = {"revenue": problem.incremental_revenue, "margin": problem.incremental_margin}
    found = solve_in_order(problem, order, EXACT, tolerance=0.1)
    first = best_by_enumeration(replace(problem, value=values[order[0]]))
    assert found.first.value == pytest.approx(first, abs=CLOSE)
    assert found.least == pytest.approx(0.9 * first, abs=0.0101)
    kept = with_least(replace(problem, value=values[order[1]]), order[0], found.least)
    assert found.plan.headline.value == pytest.approx(best_by_enumeration(kept), abs=CLOSE)
    assert total_of(problem, order[0], found.plan) >= found.least


@pytest.mark.parametrize("seed", range(8100, 8103))
def test_every_point_of_the_frontier_is_best_for_its_margin(seed: int) -> None:
    problem = _campaign(seed)
    points = pareto_frontier(problem, 5, EXACT)
    assert [p.margin for p in points] == sorted({p.margin for p in points})
    assert [p.revenue for p in points] == sorted({p.revenue for p in points}, reverse=True)
    for point in points:
        asked = with_least(problem, "margin", point.least_margin)
        best = best_by_enumeration(asked)
        assert point.revenue == pytest.approx(best, abs=CLOSE)
        assert point.bound >= best - 1e-12
        assert breaks_a_rule(asked, point.plan) == ""
    assert points[0].revenue == pytest.approx(best_by_enumeration(problem), rel=2e-3, abs=0.05)


def test_a_frontier_has_two_ends() -> None:
    with pytest.raises(ValueError, match="at least 2 points"):
        pareto_frontier(_campaign(8100), 1, EXACT)


@pytest.mark.parametrize("seed", range(8200, 8202))
def test_the_least_budget_lies_between_a_plan_and_a_proof(seed: int) -> None:
    problem = _campaign(seed)
    most = best_by_enumeration(replace(problem, value=problem.incremental_margin))
    target = round(0.6 * most, 2)
    found = seek_budget(problem, ("margin", target), EXACT)
    assert total_of(problem, "margin", found.plan) >= target
    assert spend_of(problem, found.plan) <= found.budget
    margin = replace(problem, value=problem.incremental_margin)
    assert best_by_enumeration(with_rules(margin, budget=found.budget)) >= target
    if found.proven_below > 0.01:
        assert best_by_enumeration(with_rules(margin, budget=found.proven_below - 0.01)) < target
    assert found.budget - found.proven_below <= 0.01 * found.budget + 0.03


def test_a_target_out_of_reach_says_how_far_one_gets() -> None:
    problem = _campaign(8300)
    most = best_by_enumeration(replace(problem, value=problem.incremental_margin))
    with pytest.raises(InfeasiblePlanError, match="No plan brings more than") as caught:
        seek_budget(problem, ("margin", most + 1), EXACT)
    assert caught.value.relaxations[0].needed == pytest.approx(most, abs=0.011)


@pytest.mark.parametrize("seed", range(8400, 8404))
def test_a_known_plan_is_never_lost(seed: int) -> None:
    problem = random_campaign(seed, bundles=3, customers=3)
    problem = with_rules(problem, include=(), min_incremental_margin=None)
    best = solve_campaign(problem, EXACT)
    again = solve_campaign(problem, EngineSettings(gap=0.9, work=1, threads=1), start=best)
    assert again.headline.value >= best.headline.value
    tighter = with_rules(problem, budget=0.0)
    kept = solve_campaign(tighter, EXACT, start=best)
    assert breaks_a_rule(tighter, kept) == ""
    assert kept.headline.value == pytest.approx(best_by_enumeration(tighter), abs=CLOSE)
