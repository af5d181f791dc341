"""Fixed menus: best compatible sets, covers, the assignment's bound and its exact repair."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from bundleopt_solvers.arbitrage import broken_covers, dear_options
from bundleopt_solvers.assignment import assign
from bundleopt_solvers.customer_sets import best_sets
from bundleopt_solvers.repair import broken_rows
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.search import prepare
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import _best_offers, _menu_ok, random_campaign, row_table, with_rules


def _best_set(worth: np.ndarray, clash: np.ndarray, slots: int) -> float:
    best = 0.0
    for size in range(1, slots + 1):
        for members in combinations(range(len(worth)), size):
            if not any(clash[a, b] for a, b in combinations(members, 2)):
                best = max(best, float(worth[list(members)].sum()))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_best_sets_against_enumeration(seed: int) -> None:
    rng = np.random.default_rng(seed)
    menu, slots = int(rng.integers(1, 13)), int(rng.integers(1, 4))
    worth = rng.integers(-8, 17, (menu, 6)) / 4
    clash = rng.random((menu, menu)) < rng.choice([0.1, 0.5, 0.9])
    clash |= clash.T
    np.fill_diagonal(clash, val=True)
    found = best_sets(worth, clash, slots)
    for u in range(worth.shape[1]):
        members = np.flatnonzero(found.shown[:, u])
        assert len(members) <= slots
        assert not any(clash[a, b] for a, b in combinations(members, 2))
        assert found.value[u] == found.bound[u] == worth[members, u].sum() == _best_set(worth[:, u], clash, slots)


def test_many_slots_give_a_bound_where_enumeration_would_not_end() -> None:
    rng = np.random.default_rng(1)
    worth = rng.random((40, 5))
    clash = rng.random((40, 40)) < 0.3
    clash |= clash.T
    np.fill_diagonal(clash, val=True)
    found = best_sets(worth, clash, 10)
    assert (found.value <= found.bound).all()
    assert (found.value > 0).all()
    for u in range(5):
        members = np.flatnonzero(found.shown[:, u])
        assert not any(clash[a, b] for a, b in combinations(members, 2))


@pytest.mark.parametrize("seed", range(60))
def test_covers_against_enumeration(seed: int) -> None:
    problem = with_rules(
        random_campaign(seed, bundles=4), no_arbitrage=True, max_bundles=9, include=(), category_cap=None,
        item_overlap=None,
    )  # fmt: skip
    bundle, dear = problem.options.bundle, dear_options(problem)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        menu = tuple(int(rng.choice(np.flatnonzero(bundle == b))) for b in np.flatnonzero(rng.random(4) < 0.8))
        ok = not dear[list(menu)].any() and not broken_covers(problem, np.array(menu, dtype=np.int64))
        assert ok == _menu_ok(problem, menu)


@pytest.mark.parametrize("seed", range(5000, 5025))
def test_assignment_brackets_the_best_offers_and_keeps_every_rule(seed: int) -> None:
    problem = with_rules(random_campaign(seed), include=(), min_incremental_margin=None, no_arbitrage=False)
    state = prepare(problem, EngineSettings())
    bundle = problem.options.bundle
    menu = np.array([int(np.flatnonzero(bundle == b)[-1]) for b in range(2)])
    task = state.menu_task(np.searchsorted(state.cells.option, menu))
    found = assign(task, np.zeros(len(state.relaxation.rows.limit)), steps=60)
    table, limit = row_table(problem)
    worth = problem.value.astype(np.float64) - problem.rules.contact_cost
    best = max(
        value
        for chosen in ((), (int(menu[0]),), (int(menu[1]),), tuple(menu.tolist()))
        if (value := _best_offers(problem, chosen, (table, limit), worth)) is not None
    )
    fixed = problem.rules.fixed_cost_per_bundle
    assert found.bound >= best
    assert found.draft is not None
    assert found.draft.value <= best + 1e-12
    assert not broken_rows(task, found.draft.shown)
    place, who = np.nonzero(found.draft.shown)
    assert (table[:, who, menu[place]].sum(1) <= limit).all()
    assert found.draft.value == sum(worth[who, menu[place]]) - fixed * int(found.draft.shown.any(1).sum())


def test_rules_are_decided_by_exact_sums_not_by_floats() -> None:
    """Ten times 0.1 is more than 1 in exact sums of the stored floats: the budget of 1.0 holds nine offers."""
    problem = random_campaign(0, bundles=1, customers=10)
    count = problem.value.shape[1]
    rules = with_rules(
        problem, budget=1.0, min_margin=None, category_min_margin={}, min_incremental_margin=None, include=(),
        stock_slack=None, contact_cost=0.0, fixed_cost_per_bundle=0.0, slots=1, max_bundles=1,
    ).rules  # fmt: skip
    problem = problem.__class__(
        **{
            **vars(problem),
            "rules": rules,
            "value": np.ones((10, count), dtype=np.float32),
            "redemption": np.ones((10, count), dtype=np.float32),
            "options": problem.options.__class__(**{**vars(problem.options), "unit_spend": np.full(count, 0.1)}),
        }
    )
    state = prepare(problem, EngineSettings())
    task = state.menu_task(np.array([0]))
    assert broken_rows(task, np.ones((1, 10), dtype=bool)) == [0]
    found = assign(task, np.zeros(1), steps=40)
    assert found.draft is not None
    assert int(found.draft.shown.sum()) == 9


def test_rows_that_can_never_bind_are_left_out() -> None:
    problem = with_rules(random_campaign(3), stock_slack=np.full(5, 100.0))
    assert not len(build_rows(problem).stock)
    tight = with_rules(random_campaign(3), stock_slack=np.zeros(5))
    used = np.unique(tight.options.items[tight.options.items >= 0])
    assert set(build_rows(tight).stock) <= set(used)
    assert len(build_rows(tight).stock)
