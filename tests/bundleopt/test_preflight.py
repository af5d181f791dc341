"""What arithmetic refuses before the search, against enumeration of all menus and offers."""

from __future__ import annotations

import pytest

from bundleopt.stages.preflight import refuse_contradictions
from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.problem import CampaignProblem
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_rules


def _asked(seed: int, floor: float) -> CampaignProblem:
    problem = random_campaign(seed)
    off = dict.fromkeys(("budget", "stock_slack", "substitutes", "min_incremental_margin", "category_cap"))
    return with_rules(
        problem, **off, item_overlap=None, category_min_margin={}, include=(0,), min_margin=floor, no_arbitrage=False
    )


@pytest.mark.parametrize("seed", range(40, 60))
def test_a_margin_that_no_bundle_reaches_is_refused_with_the_highest_that_is_reached(seed: int) -> None:
    problem = _asked(seed, 0.97)
    if problem.redemption[:, problem.options.bundle == 0].min() <= 0:
        pytest.skip("an offer that nobody redeems weighs nothing")
    with pytest.raises(InfeasiblePlanError, match="No candidate bundle has a margin above") as refused:
        refuse_contradictions(problem)
    assert refused.value.conflict == ("include", "min_margin")
    assert best_by_enumeration(problem) is None
    reached = with_rules(problem, min_margin=refused.value.relaxations[0].needed)
    refuse_contradictions(reached)
    assert best_by_enumeration(reached) is not None


def test_without_includes_a_high_floor_is_no_contradiction() -> None:
    problem = with_rules(_asked(41, 0.97), include=())
    refuse_contradictions(problem)
    assert best_by_enumeration(problem) is not None
