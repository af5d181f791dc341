"""Cliques of offers: they exclude each other, they keep every whole plan, and they lower the bound where pairs meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_solvers.cells import build_cells
from bundleopt_solvers.cliques import MOST_PER_OPTION, bound_groups, exclusion_cliques
from bundleopt_solvers.confirmation import second_bound
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.groups import conflict_matrix, option_groups
from bundleopt_solvers.lagrangian import price_all, start_multipliers
from bundleopt_solvers.lagrangian_ascent import Effort, ascend
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.root import sift
from bundleopt_solvers.search import prepare
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_rules


def triangle(customers: int = 3) -> CampaignProblem:
    """Three pairs among three items, one price each, every offer worth 2."""
    problem = random_campaign(0, bundles=3, customers=customers, items=3)
    options = problem.options
    first = np.unique(options.bundle, return_index=True)[1]
    items = np.array([[0, 1, -1], [1, 2, -1], [0, 2, -1]], np.int32)
    narrow = replace(
        options,
        items=items,
        bundle=np.arange(3, dtype=np.int32),
        price_cents=options.price_cents[first],
        list_value_cents=options.list_value_cents[first],
        unit_spend=options.unit_spend[first],
        unit_margin=options.unit_margin[first],
    )
    shape = (customers, 3)
    problem = replace(
        problem,
        options=narrow,
        value=np.full(shape, 2, np.float32),
        redemption=np.full(shape, 0.25, np.float32),
        incremental_margin=np.ones(shape, np.float32),
        units=np.zeros((*shape, 3), np.float32),
    )
    return with_rules(
        problem,
        budget=None,
        min_margin=None,
        category_min_margin={},
        min_incremental_margin=None,
        max_bundles=3,
        slots=3,
        category_cap=None,
        item_overlap=None,
        include=(),
        stock_slack=None,
        substitutes=None,
        fixed_cost_per_bundle=0.0,
        contact_cost=0.0,
        no_arbitrage=False,
    )


def test_three_pairs_among_three_items_are_one_group() -> None:
    problem = triangle()
    assert [clique.tolist() for clique in exclusion_cliques(problem)] == [[0, 1, 2]]
    codes, count = bound_groups(problem)
    plain, before = option_groups(problem)
    assert count == before + 1
    assert ((codes == before).any(1)).all()
    assert (codes[:, : plain.shape[1]] == np.where(plain == before, count, plain)).all()


def test_the_bound_no_longer_counts_one_and_a_half_offers() -> None:
    problem = triangle()
    state = prepare(problem, EngineSettings())
    found = ascend(
        state.cells, state.relaxation, start_multipliers(state.cells, state.relaxation), Effort(400, floor=0.0)
    )
    bound = price_all(state.cells, found.best, state.relaxation).bound
    assert best_by_enumeration(problem) == 6.0
    assert 6.0 <= bound < 6.2, "by the items alone no price brings it under 9"
    assert solve_campaign(problem, EngineSettings(gap=1e-6)).headline.value == 6.0


@pytest.mark.parametrize("batch", range(3))
def test_members_exclude_each_other_and_the_bound_holds_in_both_reckonings(batch: int) -> None:
    seen = 0
    for seed in range(900 + 15 * batch, 915 + 15 * batch):
        # without rules that a single offer breaks: only the engine leaves such offers out of its bound
        problem = random_campaign(seed, bundles=6, customers=2, items=4 + seed % 2)
        problem = with_rules(problem, budget=None, stock_slack=None)
        cliques = exclusion_cliques(problem)
        for clique in cliques:
            assert conflict_matrix(problem, clique).all(), f"campaign {seed}"
        members = np.concatenate([*cliques, np.zeros(0, np.int64)])
        assert np.bincount(members, minlength=1).max() <= MOST_PER_OPTION
        seen += bool(cliques)
        best = best_by_enumeration(problem)
        state = prepare(problem, EngineSettings(gap=1e-9))
        sift(state)
        if best is None or state.prices is None or not len(state.everything.option):
            continue
        bound = price_all(
            build_cells(problem, state.relaxation.rows, state.everything.option), state.prices, state.relaxation
        ).bound
        assert bound >= best - 1e-6, f"campaign {seed}"
        assert second_bound(problem, state) == pytest.approx(bound, rel=1e-4, abs=1e-4), f"campaign {seed}"
    assert seen > 2
