"""Counting refuses only what has no plan, and what one rule has to give way is enough and no more than needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.counting import counting_conflict
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.problem import CampaignProblem, MenuCount
from bundleopt_solvers.relaxations import relaxed_by_steps
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_more_rules, with_rules

SETTINGS = EngineSettings(gap=1e-9, time_limit=60, threads=1)
FREE = {
    "budget": None, "min_margin": None, "category_min_margin": {}, "min_incremental_margin": None, "max_bundles": 4,
    "slots": 3, "category_cap": None, "item_overlap": None, "include": (), "stock_slack": None, "substitutes": None,
    "fixed_cost_per_bundle": 0.0, "contact_cost": 0.0, "no_arbitrage": False,
}  # fmt: skip


def _has_plan(problem: CampaignProblem) -> bool:
    return best_by_enumeration(problem) is not None


@pytest.mark.parametrize("batch", range(6))
def test_counting_never_refuses_a_campaign_with_a_plan(batch: int) -> None:
    refused = 0
    for seed in range(9000 + 20 * batch, 9020 + 20 * batch):
        problem = with_more_rules(random_campaign(seed, bundles=2 + seed % 2, customers=1 + seed % 2), seed)
        if counting_conflict(problem):
            refused += 1
            assert best_by_enumeration(problem) is None, seed
    assert refused


def test_an_include_without_stock_for_it_names_the_units_and_the_money() -> None:
    problem = with_rules(random_campaign(31, customers=2), **FREE)
    item = int(problem.options.items[0, 0])
    units = np.maximum(problem.units, np.float32(0.25)) * (problem.options.items >= 0)
    stock = np.full(5, np.inf)
    stock[item] = 0.125
    asked = with_rules(replace(problem, units=units.astype(np.float32)), include=(0,), stock_slack=stock)
    with pytest.raises(InfeasiblePlanError, match="units of") as caught:
        solve_campaign(asked, SETTINGS)
    assert set(caught.value.conflict) == {"include", "stock"}
    named = next(one for one in caught.value.relaxations if one.rule == f"stock:{problem.options.item_ids[item]}")
    assert "more at shelf price" in named.unit
    stock[item] = named.needed
    assert _has_plan(with_rules(asked, stock_slack=stock))
    first = units[:, problem.options.bundle == 0][:, :, (problem.options.items[0] == item)].min()
    assert named.needed <= first + 0.02


def test_more_offers_than_customers_is_counted() -> None:
    problem = with_rules(random_campaign(32, customers=2), **FREE, min_exposure=3)
    asked = with_rules(
        problem, menu_counts=(MenuCount("floor:brand", np.ones(len(problem.options.bundle), bool), least=1),)
    )
    assert "there are 2 customers" in counting_conflict(asked)
    with pytest.raises(InfeasiblePlanError) as caught:
        solve_campaign(asked, SETTINGS)
    assert set(caught.value.conflict) == {"min_exposure", "floor:brand"}
    assert {one.rule: one.needed for one in caught.value.relaxations} == {"min_exposure": 2, "floor:brand": 0}


@pytest.mark.parametrize("name", ["cap:x", "floor:x", "min_exposure", "max_exposure", "min_margin", "parity:none"])
def test_a_rule_gives_way_to_the_nearest_value_with_a_plan(name: str) -> None:
    problem = with_rules(random_campaign(33), **FREE)
    member = np.ones(len(problem.options.bundle), dtype=bool)
    rules = {
        "cap:x": ({"menu_counts": (MenuCount("cap:x", member, most=0),)}, 3),
        "floor:x": ({"menu_counts": (MenuCount("floor:x", member, least=4),)}, 2),
        "min_exposure": ({"min_exposure": 9}, 4),
        "max_exposure": ({"max_exposure": 1}, 2),
        "min_margin": ({"min_margin": 0.75}, 0.5),
    }
    if name not in rules:
        assert relaxed_by_steps(problem, name, _has_plan) is None
        return
    changes, true = rules[name]

    def allows(trial: CampaignProblem) -> bool:
        """A stand-in for the search: the rule alone decides, at a known value."""
        now = trial.rules
        values = {
            "cap:x": lambda: now.menu_counts[0].most >= true,
            "floor:x": lambda: now.menu_counts[0].least <= true,
            "min_exposure": lambda: now.min_exposure <= true,
            "max_exposure": lambda: now.max_exposure >= true,
            "min_margin": lambda: now.min_margin <= true,
        }
        return bool(values[name]())

    found = relaxed_by_steps(with_rules(problem, **changes), name, allows)
    assert found is not None
    assert found.rule == name
    assert found.needed == pytest.approx(true, abs=0.0 if name != "min_margin" else 0.01)


def test_a_floor_above_a_cap_on_the_same_bundles_is_counted() -> None:
    problem = random_campaign(1)
    every = np.ones(len(problem.options.bundle), dtype=bool)
    counts = (MenuCount("cap:kind", every, most=1, label="kind=x"), MenuCount("floor:kind", every, least=2))
    said = counting_conflict(with_rules(problem, include=(), max_bundles=4, menu_counts=counts))
    assert said == "floor:kind asks for 2 bundles, cap:kind:kind=x allows 1 of them"
    apart = (MenuCount("cap:kind", ~every, most=1, label="kind=x"), MenuCount("floor:kind", every, least=1))
    assert "allows" not in counting_conflict(with_rules(problem, include=(), max_bundles=4, menu_counts=apart))
