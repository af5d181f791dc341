"""Public redemption: options that are worth something by standing on the shelf, against enumeration of all plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.backends.backend import SolveStatus
from bundleopt_solvers.confirmation import second_bound
from bundleopt_solvers.customer_model import solve_customer_model
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.idle_customers import has_idle_customers
from bundleopt_solvers.lagrangian import Multipliers, price_all, start_multipliers
from bundleopt_solvers.menu_program import begin_with_programs
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.search import prepare
from bundleopt_solvers.search_state import SearchState
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import (
    best_by_enumeration,
    breaks_a_rule,
    random_campaign,
    with_many_includes,
    with_more_rules,
    with_rules,
    with_shelf,
)

EXACT = EngineSettings(gap=1e-9, time_limit=120, threads=1)
CLOSE = 1e-6


def _public(seed: int) -> CampaignProblem:
    problem = random_campaign(seed, bundles=2 + seed % 3, customers=1 + seed % 2)
    if seed % 3 == 0:
        problem = with_more_rules(problem, seed)
    if seed % 5 == 0:
        problem = with_many_includes(problem, seed)
    return with_shelf(problem, seed)


def _silent(problem: CampaignProblem) -> CampaignProblem:
    """The same campaign where offers do nothing, and no rule asks for money."""
    nobody = np.arange(len(problem.value))[:, None] < problem.customers
    changed = replace(
        problem,
        value=np.where(nobody, np.minimum(problem.value, 0), problem.value),
        redemption=np.where(nobody, 0, problem.redemption),
        incremental_margin=np.where(nobody, 0, problem.incremental_margin),
        units=np.where(nobody[:, :, None], 0, problem.units),
    )
    return with_rules(changed, min_incremental_margin=None, include=(), min_margin=None)


def _without_demands(problem: CampaignProblem) -> CampaignProblem:
    """The same campaign where doing nothing keeps all rules."""
    return with_rules(
        problem, include=(), lock=(), menu_counts=(), min_incremental_margin=None, min_incremental_revenue=None
    )


@pytest.mark.parametrize("batch", range(4))
def test_plan_and_bound_agree_with_enumeration(batch: int) -> None:
    for seed in range(7000 + 10 * batch, 7010 + 10 * batch):
        problem = _public(seed)
        best = best_by_enumeration(problem)
        if best is None:
            with pytest.raises(InfeasiblePlanError):
                solve_campaign(problem, EXACT)
            continue
        plan = solve_campaign(problem, EXACT)
        assert breaks_a_rule(problem, plan) == "", seed
        assert plan.headline.value == pytest.approx(best, abs=CLOSE), seed
        assert best - 1e-12 <= plan.headline.bound <= best + CLOSE, seed
        assert plan.certificates["assignment"].bound >= plan.headline.value, seed


@pytest.mark.parametrize("seed", range(7100, 7115))
def test_any_prices_bound_the_optimum_and_the_second_opinion_agrees(seed: int) -> None:
    problem = _public(seed)
    best = best_by_enumeration(problem)
    if best is None:
        pytest.skip("no plan keeps the rules of this campaign")
    state = prepare(problem, EXACT)
    rng = np.random.default_rng(seed)
    prices = _drawn_prices(state, rng)
    bound = price_all(state.cells, prices, state.relaxation).bound
    assert bound >= best - 1e-12
    state.prices = prices
    assert second_bound(problem, state) >= best - 1e-12


def _drawn_prices(state: SearchState, rng: np.random.Generator) -> Multipliers:
    start = start_multipliers(state.cells, state.relaxation)

    def drawn(like: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.maximum(rng.normal(0, 0.5, tuple(like.shape)), 0).astype(np.float32))

    slot, group = drawn(start.slot), drawn(start.group)
    slot[-1], group[:, -1], group[-1] = 0, 0, 0  # the shelf has neither slots nor groups
    return Multipliers(drawn(start.row), slot, group, drawn(start.menu), drawn(start.link))


@pytest.mark.parametrize("seed", range(7200, 7208))
def test_the_linear_model_finds_the_same_optimum(seed: int) -> None:
    problem = _public(seed)
    best = best_by_enumeration(problem)
    result = solve_customer_model(problem, time_limit=60)
    if best is None:
        assert result.status is SolveStatus.INFEASIBLE
    else:
        assert result.objective == pytest.approx(best, abs=1e-5)


def test_a_menu_is_worth_having_without_any_offer() -> None:
    open_rules = {"include": (), "min_incremental_margin": None, "min_margin": None, "stock_slack": None}
    problem = with_rules(with_shelf(random_campaign(7300), 7300), **open_rules)
    value = problem.value.copy()
    value[: problem.customers] = 0
    silent = replace(problem, value=value)
    plan = solve_campaign(silent, EXACT)
    best = best_by_enumeration(silent)
    assert best is not None
    assert best > 0
    assert plan.headline.value == pytest.approx(best)
    assert set(plan.offer_customer.tolist()) == {problem.customers}
    assert plan.offer_option.tolist() == plan.menu.tolist()


@pytest.mark.parametrize("seed", range(7600, 7610))
def test_customers_whom_offers_do_nothing_to_are_left_out_and_nothing_changes(seed: int) -> None:
    problem = with_shelf(random_campaign(seed, bundles=3 + seed % 2, customers=3), seed)
    nobody = np.arange(4)[:, None] < problem.customers
    problem = replace(
        problem,
        value=np.where(nobody, np.minimum(problem.value, 0), problem.value),
        redemption=np.where(nobody, 0, problem.redemption),
        incremental_margin=np.where(nobody, 0, problem.incremental_margin),
        units=np.where(nobody[:, :, None], 0, problem.units),
    )
    assert has_idle_customers(problem)
    best = best_by_enumeration(problem)
    if best is None:
        with pytest.raises(InfeasiblePlanError):
            solve_campaign(problem, EXACT)
        return
    plan = solve_campaign(problem, EXACT)
    assert breaks_a_rule(problem, plan) == ""
    assert best - 1e-12 <= plan.headline.bound <= best + CLOSE
    assert solve_campaign(problem, EngineSettings(gap=1e-9, work=1), start=plan).headline.value == plan.headline.value


def test_customers_are_not_idle_where_an_offer_could_help() -> None:
    problem = with_shelf(random_campaign(7600, customers=3), 7600)
    assert not has_idle_customers(problem)
    quiet = replace(problem, value=-np.abs(problem.value))
    assert not has_idle_customers(quiet)  # an offer could still bring margin


@pytest.mark.parametrize("seed", range(7400, 7405))
def test_a_known_plan_is_taken_over(seed: int) -> None:
    problem = _without_demands(_public(seed))
    plan = solve_campaign(problem, EXACT)
    again = solve_campaign(problem, EngineSettings(gap=1e-9, work=1, threads=1), start=plan)
    assert again.headline.value == plan.headline.value


def test_the_same_work_gives_the_same_plan() -> None:
    problem = _without_demands(_public(7501))
    first, second = (solve_campaign(problem, EngineSettings(gap=0.0, work=30, threads=1)) for _ in range(2))
    assert first.headline == second.headline
    assert first.offer_option.tolist() == second.offer_option.tolist()


@pytest.mark.parametrize("seed", [7601, 7607])
def test_two_backends_prove_a_menu_without_offers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = _silent(with_shelf(random_campaign(seed, bundles=4), seed))
    best = best_by_enumeration(problem)
    assert best is not None
    monkeypatch.setattr(SearchState, "is_small", False)
    state = prepare(problem, EXACT)
    begin_with_programs(state)
    assert state.floor == pytest.approx(best)
    assert best <= state.known <= best + 2e-5 * max(1.0, best)
    plan = solve_campaign(problem, EngineSettings(gap=1e-3, time_limit=30, threads=1))
    assert plan.solver.endswith("menu proven by highs and scip")
    assert breaks_a_rule(problem, plan) == ""
    assert best - 1e-9 <= plan.headline.bound


def test_programs_say_nothing_where_offers_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SearchState, "is_small", False)
    state = prepare(_without_demands(_public(7501)), EXACT)
    begin_with_programs(state)
    assert state.known == np.inf
