"""The headline bound holds for any prices whatever, every path to it agrees, and exclusion never loses the optimum."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bundleopt_solvers.cells import Cells
from bundleopt_solvers.confirmation import second_bound
from bundleopt_solvers.lagrangian import Multipliers, Relaxation, price_all, start_multipliers
from bundleopt_solvers.lagrangian_ascent import Effort, ascend
from bundleopt_solvers.links import tighten_links
from bundleopt_solvers.menu_rules import change_if_added, choose_menu
from bundleopt_solvers.search import prepare
from bundleopt_solvers.search_state import SearchState
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_rules


def _state(seed: int) -> tuple[SearchState, float | None]:
    problem = random_campaign(seed, bundles=2 + seed % 3, customers=1 + seed % 3)
    return prepare(problem, EngineSettings()), best_by_enumeration(problem)


def _random_prices(cells: Cells, relaxation: Relaxation, seed: int) -> Multipliers:
    generator = torch.Generator().manual_seed(seed)
    zero = start_multipliers(cells, relaxation)

    def some(like: torch.Tensor) -> torch.Tensor:
        on = torch.rand(like.shape, generator=generator) < 0.5
        return torch.where(on, torch.rand(like.shape, generator=generator) * 2, torch.zeros(()))

    group = some(zero.group)
    group[-1] = 0
    link = zero.link.clone()
    if cells.units:
        link[torch.from_numpy(cells.option)] = some(cells.unit_cap) * (cells.unit_row < cells.stock_rows)
    return Multipliers(some(zero.row), some(zero.slot), group, some(zero.menu), link)


@pytest.mark.parametrize("seed", range(4000, 4030))
def test_any_prices_bound_the_optimum(seed: int) -> None:
    state, best = _state(seed)
    if best is None or not len(state.cells.option):
        return
    for draw in range(5):
        prices = _random_prices(state.cells, state.relaxation, draw)
        assert price_all(state.cells, prices, state.relaxation).bound >= best


@pytest.mark.parametrize("seed", range(4100, 4115))
def test_the_second_opinion_agrees(seed: int) -> None:
    problem = with_rules(random_campaign(seed), include=())
    state = prepare(problem, EngineSettings())
    if not len(state.cells.option):
        return
    state.prices = _random_prices(state.cells, state.relaxation, seed)
    here = price_all(state.cells, state.prices, state.relaxation).bound
    again = second_bound(problem, state)
    assert again >= here - 1e-6 * abs(here)  # the second one knows no cells that are ruled out
    if problem.rules.budget is None and problem.rules.stock_slack is None and not problem.rules.no_arbitrage:
        assert again == pytest.approx(here, rel=1e-6)


@pytest.mark.parametrize("seed", range(4200, 4220))
def test_excluded_options_are_in_no_better_plan(seed: int) -> None:
    """Forcing an option in lowers the bound to `reach`; the best plan with that option is never worth more."""
    state, _ = _state(seed)
    if not len(state.cells.option):
        return
    effort = Effort(30, -np.inf)
    run = ascend(state.cells, state.relaxation, start_multipliers(state.cells, state.relaxation), effort)
    point = price_all(state.cells, run.best, state.relaxation)
    reach = point.bound + change_if_added(point.score, point.choice)
    for position, option in enumerate(state.cells.option[:3]):
        bundle = state.problem.options.bundle
        keep = (bundle != bundle[option]) | (np.arange(len(bundle)) == option)
        value = np.where(keep[None, :], state.problem.value, np.float32(-50))
        include = tuple(sorted({*state.problem.rules.include, int(bundle[option])}))
        forced = best_by_enumeration(with_rules(state.problem, include=include).__class__(
            **{**vars(with_rules(state.problem, include=include)), "value": value}
        ))  # fmt: skip
        if forced is not None:
            assert forced <= reach[position] + 1e-9


@pytest.mark.parametrize("seed", range(4300, 4310))
def test_ascent_and_links_never_raise_the_bound(seed: int) -> None:
    state, _ = _state(seed)
    if not len(state.cells.option):
        return
    zero = start_multipliers(state.cells, state.relaxation)
    before = price_all(state.cells, zero, state.relaxation).bound
    run = ascend(state.cells, state.relaxation, zero, Effort(60, -np.inf))
    after = price_all(state.cells, run.best, state.relaxation).bound
    assert after <= before + 1e-6
    linked = tighten_links(state.cells, run.best, np.arange(len(state.cells.option)))
    assert price_all(state.cells, linked, state.relaxation).bound <= after + 1e-4 * max(1.0, abs(after))


@pytest.mark.parametrize("seed", range(12))
def test_the_relaxed_menu_is_the_best_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bundle = np.sort(rng.integers(0, 5, 9)).astype(np.int64)
    score = rng.integers(-4, 9, 9).astype(np.float64)
    forced = frozenset(rng.choice(np.unique(bundle), 1).tolist()) if seed % 2 else frozenset()
    best = -np.inf
    for mask in range(1 << 9):
        at = [o for o in range(9) if mask >> o & 1]
        chosen = bundle[at].tolist()
        if len(set(chosen)) == len(chosen) <= 3 and forced <= set(chosen):
            best = max(best, float(score[at].sum()))
    choice = choose_menu(score, bundle, 3, forced)
    assert choice.value == best
    assert score[choice.position].sum() == best
