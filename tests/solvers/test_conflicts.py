"""Contradictory rules: the smallest conflict by name, what would remove it, and nothing said without a second proof."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.conflicts import Question, arithmetic_conflict, confirm, find_plan
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.feasibility import active_rules, goal_problem, without
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_rules

SETTINGS = EngineSettings(gap=1e-9, time_limit=60, threads=1)
OFF = {
    "budget": None, "min_margin": None, "category_min_margin": {}, "min_incremental_margin": None, "max_bundles": 4,
    "slots": 3, "category_cap": None, "item_overlap": None, "include": (), "stock_slack": None, "substitutes": None,
    "fixed_cost_per_bundle": 0.0, "contact_cost": 0.0, "no_arbitrage": False,
}  # fmt: skip


def _conflict(problem: CampaignProblem) -> InfeasiblePlanError:
    with pytest.raises(InfeasiblePlanError) as caught:
        solve_campaign(problem, SETTINGS)
    return caught.value


def test_more_includes_than_bundles() -> None:
    error = _conflict(with_rules(random_campaign(1), **OFF | {"include": (0, 1, 2), "max_bundles": 2}))
    assert set(error.conflict) == {"include", "max_bundles"}
    assert "max_bundles" in error.detail
    assert {r.rule: r.needed for r in error.relaxations} == {"max_bundles": 3, "include": 2}


def test_an_include_that_the_budget_cannot_pay() -> None:
    problem = with_rules(random_campaign(2), **OFF | {"include": (0,)})
    option = np.flatnonzero(problem.options.bundle == 0)
    spend = problem.redemption[:, option] * problem.options.unit_spend[option]
    problem = replace(problem, redemption=np.maximum(problem.redemption, np.float32(0.25)))
    spend = problem.redemption[:, option].astype(float) * problem.options.unit_spend[option]
    least = float(spend.min())
    error = _conflict(with_rules(problem, budget=least / 2, max_bundles=1))
    assert set(error.conflict) == {"budget", "include"}
    needed = next(r.needed for r in error.relaxations if r.rule == "budget")
    assert least <= needed <= least + 0.01


def test_a_margin_that_nobody_can_bring() -> None:
    problem = with_rules(random_campaign(3), **OFF)
    best = _most_margin(problem)
    error = _conflict(with_rules(problem, min_incremental_margin=best + 0.5))
    assert error.conflict == ("min_incremental_margin",)
    assert error.relaxations[0].needed == pytest.approx(best, abs=0.01)


def test_a_margin_that_only_the_budget_forbids() -> None:
    problem = with_rules(random_campaign(3), **OFF)
    best = _most_margin(problem)
    error = _conflict(with_rules(problem, min_incremental_margin=best - 0.01, budget=0.0))
    assert set(error.conflict) == {"min_incremental_margin", "budget"}


def _most_margin(problem: CampaignProblem) -> float:
    asked, _ = goal_problem(with_rules(problem, min_incremental_margin=0.0))
    best = best_by_enumeration(asked)
    assert best is not None
    return best


@pytest.mark.parametrize("seed", [60, 62, 67, 71, 93, 114])
def test_the_conflict_is_one_and_is_smallest(seed: int) -> None:
    """Rules outside the conflict can go and it stays; any rule of it gone, and a plan is there."""
    problem = with_rules(random_campaign(seed), min_incremental_margin=30.0)
    error = _conflict(problem)
    names, bundles = active_rules(problem), len(problem.options.bundle_ids)
    assert set(error.conflict) <= set(names)
    others = frozenset(names) - set(error.conflict)
    assert best_by_enumeration(replace(problem, rules=without(problem.rules, others, bundles))) is None
    for name in error.conflict:
        assert best_by_enumeration(replace(problem, rules=without(problem.rules, others | {name}, bundles))) is not None


def test_wholeness_alone_can_conflict() -> None:
    """Half an offer would keep both rules, a whole one can't: the linear relaxation sees no conflict."""
    problem = with_rules(random_campaign(4, bundles=1, customers=1), **OFF | {"max_bundles": 1})
    shape = problem.value.shape
    problem = replace(
        problem,
        incremental_margin=np.full(shape, 2, dtype=np.float32),
        redemption=np.ones(shape, dtype=np.float32),
        options=replace(problem.options, unit_spend=np.full(shape[1], 2.0)),
    )
    error = _conflict(with_rules(problem, min_incremental_margin=0.5, budget=1.0))
    assert set(error.conflict) == {"budget", "min_incremental_margin"}


def test_two_includes_that_undercut_each_other() -> None:
    problem = random_campaign(7, bundles=2)
    items = np.array([[0, 1, -1], [0, 1, 2]], dtype=np.int32)
    options = replace(
        problem.options, items=items, bundle=np.array([0, 1], dtype=np.int32),
        price_cents=np.array([700, 600]), list_value_cents=np.array([800, 900]),
        unit_spend=np.array([1.0, 3.0]), unit_margin=np.array([1.0, 1.0]),
    )  # fmt: skip
    cut = replace(
        problem, options=options, value=problem.value[:, :2], redemption=problem.redemption[:, :2],
        incremental_margin=problem.incremental_margin[:, :2], units=problem.units[:, :2],
    )  # fmt: skip
    shelf = np.array([400, 400, 100, 100, 100])
    clash = with_rules(cut, **OFF | {"include": (0, 1), "no_arbitrage": True, "shelf_price_cents": shelf})
    assert set(_conflict(clash).conflict) == {"include", "no_arbitrage"}


def test_counting_names_bundles_without_a_price() -> None:
    problem = with_rules(random_campaign(8), **OFF | {"no_arbitrage": True, "include": (0,)})
    shelf = np.full(len(problem.options.item_ids), 10_000)
    assert "no admissible price" in arithmetic_conflict(with_rules(problem, shelf_price_cents=shelf))
    assert arithmetic_conflict(with_rules(problem, include=(), shelf_price_cents=shelf)) == ""


def test_a_feasible_problem_is_never_confirmed_as_contradictory() -> None:
    for seed in range(10, 16):
        problem = with_rules(random_campaign(seed), min_incremental_margin=0.0625)
        question = Question(problem, SETTINGS)
        found, state = find_plan(question)
        if best_by_enumeration(problem) is not None:
            assert found.plan is not None
            assert not found.proven
            assert not confirm(question, state)


def test_every_rule_can_be_taken_off() -> None:
    problem = with_rules(
        random_campaign(9),
        budget=1.0,
        min_margin=0.2,
        category_min_margin={0: 0.2},
        include=(0,),
        category_cap=1,
        item_overlap=1,
        min_incremental_margin=1.0,
        no_arbitrage=True,
        substitutes=np.array([[0, 1]], dtype=np.int32),
        stock_slack=np.ones(5),
    )
    names = active_rules(problem)
    assert len(names) == 11
    free = without(problem.rules, frozenset(names), 4)
    assert active_rules(replace(problem, rules=free)) == ("max_bundles",)
    for pair in combinations(names, 2):
        left = active_rules(replace(problem, rules=without(problem.rules, frozenset(pair), 4)))
        assert set(names) - set(left) == set(pair) - {"max_bundles"}
