"""Campaigns with a known answer, through the real engine: planted optima, arbitrage traps, known conflicts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.known_optima.planted_campaigns import campaign, multi_choice_knapsack
from tests.solvers.small_campaigns import best_by_enumeration, breaks_a_rule

EXACT = EngineSettings(gap=1e-9, time_limit=60)


@pytest.mark.parametrize(
    ("bundles", "prices", "customers", "stocked"),
    [(3, 2, 1, 0), (4, 3, 2, 2), (6, 3, 4, 3), (10, 4, 8, 6), (15, 3, 20, 10)],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_planted_multi_choice_knapsack(seed: int, bundles: int, prices: int, customers: int, stocked: int) -> None:
    planted = multi_choice_knapsack(seed, bundles=bundles, prices=prices, customers=customers, stocked=stocked)
    plan = solve_campaign(planted.problem, EngineSettings(gap=1e-4, time_limit=60))
    assert plan.headline.bound >= planted.value
    assert plan.headline.value <= planted.value * (1 + 1e-12)
    assert plan.headline.value >= planted.value * (1 - 1e-4)
    if bundles <= 4:
        assert best_by_enumeration(planted.problem) == pytest.approx(planted.value, rel=1e-12)


def test_a_cover_of_three_is_not_sold() -> None:
    """Four items at 12.00; the pair of two at 5.50 and the other two from the shelf cost 11.50."""
    bundles = [([0, 1, 2, 3], 1200), ([0, 1], 550), ([4, 5], 550)]
    rules = {"max_bundles": 3, "slots": 1}
    trap = campaign(bundles, [400, 400, 300, 300, 300, 300], [[8.0, 0.5, 0.0], [0.0, 3.0, 2.0]], rules)
    plan = solve_campaign(trap, EXACT)
    assert plan.headline.value == best_by_enumeration(trap) == 10.0
    assert plan.headline.bound == pytest.approx(10.0)
    assert plan.menu.tolist() == [0, 2]
    blind = replace(trap, rules=replace(trap.rules, no_arbitrage=False))
    assert solve_campaign(blind, EXACT).headline.value == 11.0
    dearer = campaign(
        [bundles[0], ([0, 1], 600), bundles[2]],
        [400, 400, 300, 300, 300, 300],
        [[8.0, 0.5, 0.0], [0.0, 3.0, 2.0]],
        rules,
    )
    assert solve_campaign(dearer, EXACT).headline.value == 11.0  # at 6.00 the cover costs 12.00: no arbitrage


def test_two_covers_that_share_an_item() -> None:
    """Four items at 12.00, covered by two triples at 5.50 that overlap."""
    bundles = [([0, 1, 2, 3], 1200), ([0, 1, 2], 550), ([1, 2, 3], 550)]
    trap = campaign(bundles, [400] * 4, [[9.0, 4.0, 0.0], [9.0, 0.0, 5.0]], {"max_bundles": 3, "slots": 1})
    plan = solve_campaign(trap, EXACT)
    # the four with the second triple: customer 2 takes the four (9), nobody needs the triple; so the four alone
    assert plan.headline.value == best_by_enumeration(trap) == 18.0
    assert plan.menu.tolist() == [0]


def test_a_smaller_bundle_that_costs_more() -> None:
    """Nested: the pair at 7.00 inside the triple at 6.00 would be a joke; the pair alone earns more."""
    bundles = [([0, 1], 700), ([0, 1, 2], 600)]
    trap = campaign(bundles, [400, 400, 200], [[5.0, 4.0], [2.0, 2.5]], {"max_bundles": 2, "slots": 1})
    plan = solve_campaign(trap, EXACT)
    assert plan.headline.value == best_by_enumeration(trap) == 7.0
    assert plan.menu.tolist() == [0]


def test_a_component_dearer_than_its_bundle() -> None:
    """Item 0 costs 9.00 on the shelf: the pair at 8.00 is never sold, whatever it is worth."""
    trap = campaign([([0, 1], 800), ([1, 2], 350)], [900, 200, 200], [[50.0, 1.0]], {"max_bundles": 2, "slots": 2})
    plan = solve_campaign(trap, EXACT)
    assert plan.menu.tolist() == [1]
    assert plan.headline.value == best_by_enumeration(trap) == 1.0
    assert plan.headline.bound == pytest.approx(1.0)


_APART = [([0, 1], 700), ([2, 3], 700), ([4, 5], 700)]


@pytest.mark.parametrize(
    ("rules", "conflict"),
    [
        ({"include": (0, 1, 2), "max_bundles": 2}, {"include", "max_bundles"}),
        ({"include": (0,), "budget": 0.5}, {"include", "budget"}),
        ({"min_incremental_margin": 5.0, "budget": 1.0}, {"min_incremental_margin", "budget"}),
        ({"min_incremental_margin": 50.0}, {"min_incremental_margin"}),
        ({"include": (0,), "min_margin": 0.9}, {"include", "min_margin"}),
    ],
)
def test_the_known_smallest_conflict(rules: dict[str, object], conflict: set[str]) -> None:
    """Each offer spends 1.00, brings 2.00 of margin, and a quarter of its price is margin of the bundle."""
    asked = campaign(_APART, [400] * 6, [[2.0, 2.0, 2.0]] * 2, {"max_bundles": 3, "slots": 3} | rules)
    with pytest.raises(InfeasiblePlanError) as caught:
        solve_campaign(asked, EXACT)
    assert set(caught.value.conflict) == conflict
    assert best_by_enumeration(asked) is None


def test_the_same_rules_one_step_looser_have_a_plan() -> None:
    asked = campaign(
        _APART, [400] * 6, [[2.0, 2.0, 2.0]] * 2,
        {"max_bundles": 3, "slots": 3, "min_incremental_margin": 4.0, "budget": 2.0},
    )  # fmt: skip
    plan = solve_campaign(asked, EXACT)
    assert plan.headline.value == 4.0
    assert breaks_a_rule(asked, plan) == ""
    assert np.asarray(plan.menu).size <= 2
