"""A search that begins with a neighbour's plan and prices: as right as one from nothing, and less work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.lagrangian import price_all
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.search import prepare
from bundleopt_solvers.settings import EngineSettings
from bundleopt_solvers.warm_start import known_prices
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_rules
from tests.solvers.test_large_engine import unequal_campaign

EXACT = EngineSettings(gap=1e-9, time_limit=120, threads=1)
ROUGH = EngineSettings(gap=0.02, time_limit=30, threads=1)


@pytest.mark.parametrize("seed", range(4000, 4012))
def test_prices_of_a_neighbour_bound_every_plan(seed: int) -> None:
    """Whatever prices a search begins with, even wild ones, its bound is never below the truth."""
    problem = with_rules(random_campaign(seed), include=(), min_incremental_margin=None, budget=1.0)
    best = best_by_enumeration(with_rules(problem, budget=0.6))
    assert best is not None
    neighbour = solve_campaign(problem, EXACT)
    state = prepare(with_rules(problem, budget=0.6), EXACT)
    prices = known_prices(state, neighbour)
    if prices is not None:
        for scale in (0.0, 1.0, 7.5):
            wild = replace(prices, row=prices.row * scale, slot=prices.slot * scale)
            assert price_all(state.cells, wild, state.relaxation).bound >= best - 1e-9
    warm = solve_campaign(with_rules(problem, budget=0.6), EXACT, start=[neighbour])
    assert warm.headline.value == pytest.approx(best, abs=1e-6)
    assert warm.headline.bound >= best - 1e-12


def test_a_neighbour_saves_work() -> None:
    problem = _large(30.0)
    cold, near = solve_campaign(problem, ROUGH), solve_campaign(_large(33.0), ROUGH)
    warm = solve_campaign(problem, ROUGH, start=near)
    assert cold.headline.gap <= ROUGH.gap
    assert warm.headline.gap <= ROUGH.gap
    assert warm.work < cold.work
    assert warm.headline.bound >= cold.headline.value - 1e-9
    assert cold.headline.bound >= warm.headline.value - 1e-9


def test_what_a_neighbour_has_proven_is_not_proven_again() -> None:
    """A rule that moves without binding: the neighbour's plan and prices hold as they are."""
    problem = _large(1e4)
    near = solve_campaign(problem, ROUGH)
    warm = solve_campaign(_large(2e4), replace(ROUGH, gap=max(ROUGH.gap, near.headline.gap * 1.05)), start=near)
    assert near.headline.gap > 0
    assert warm.headline.value == pytest.approx(near.headline.value, abs=1e-9)
    assert warm.headline.bound >= near.headline.value
    assert warm.work < near.work / 20


def test_rows_are_known_by_their_names_and_a_new_one_is_guessed_anew() -> None:
    problem = with_rules(_large(30.0), min_margin=0.1)
    plan = solve_campaign(problem, ROUGH)
    assert plan.prices is not None
    assert plan.priced_rows == ("budget", "min_margin")
    fewer = prepare(with_rules(problem, budget=None), ROUGH)
    prices = known_prices(fewer, plan)
    assert prices is not None
    assert prices.row.tolist() == plan.prices.row.float().tolist()[1:]
    assert torch.equal(prices.slot, plan.prices.slot.float())
    more = prepare(with_rules(problem, category_min_margin={0: 0.1}, item_category=np.zeros(40, np.int32)), ROUGH)
    assert known_prices(more, plan) is None


def test_prices_of_other_cells_are_passed_over() -> None:
    plan = solve_campaign(random_campaign(4100, customers=3), EXACT)
    state = prepare(random_campaign(4101, customers=2), EXACT)
    assert known_prices(state, plan) is None
    assert known_prices(state, _without_prices(plan)) is None


def _without_prices(plan: CampaignPlan) -> CampaignPlan:
    return replace(plan, prices=None)


def _large(budget: float) -> CampaignProblem:
    return with_rules(unequal_campaign(3, customers=300, bundles=40), budget=budget)
