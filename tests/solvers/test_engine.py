"""The engine against enumeration of all menus and all customer offers, and the laws that optima obey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.plan import CampaignPlan, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import (
    best_by_enumeration,
    breaks_a_rule,
    permuted,
    random_campaign,
    with_many_includes,
    with_rules,
)

EXACT = EngineSettings(gap=1e-9, time_limit=120, threads=1)
CLOSE = 1e-6


def _optimum(problem: CampaignProblem) -> float:
    """The exact optimum, -inf where no plan keeps the rules; the bound proves it."""
    try:
        plan = solve_campaign(problem, EXACT)
    except InfeasiblePlanError:
        return -np.inf
    assert plan.headline.bound - plan.headline.value <= CLOSE
    return plan.headline.value


@pytest.mark.parametrize("batch", range(6))
def test_plan_and_bound_agree_with_enumeration(batch: int) -> None:
    for seed in range(1000 + 8 * batch, 1008 + 8 * batch):
        problem = random_campaign(seed, bundles=2 + seed % 3, customers=1 + seed % 3)
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


@pytest.mark.parametrize("seed", range(1100, 1115))
def test_several_bundles_that_must_be_there(seed: int) -> None:
    problem = with_many_includes(random_campaign(seed, bundles=3 + seed % 2, customers=1 + seed % 3), seed)
    best = best_by_enumeration(problem)
    assert _optimum(problem) == (-np.inf if best is None else pytest.approx(best, abs=CLOSE))


@pytest.mark.parametrize("seed", range(2000, 2015))
def test_a_rough_solve_still_brackets_the_optimum(seed: int) -> None:
    problem = with_rules(random_campaign(seed), include=(), min_incremental_margin=None)
    best = best_by_enumeration(problem)
    assert best is not None
    plan = solve_campaign(problem, EngineSettings(gap=0.2, work=1 + seed % 40, threads=1))
    assert breaks_a_rule(problem, plan) == ""
    assert 0 <= plan.headline.value <= best + 1e-12
    assert plan.headline.bound >= best - 1e-12
    if plan.reason is StopReason.GAP_REACHED:
        assert plan.headline.gap <= 0.2 + 1e-12


@pytest.mark.parametrize("seed", range(3000, 3006))
def test_more_room_never_lowers_the_optimum(seed: int) -> None:
    problem = random_campaign(seed)
    rules = problem.rules
    base = _optimum(problem)
    stock = None if rules.stock_slack is None else rules.stock_slack + 0.25
    assert _optimum(with_rules(problem, slots=rules.slots + 1)) >= base - CLOSE
    assert _optimum(with_rules(problem, stock_slack=stock)) >= base - CLOSE
    assert _optimum(with_rules(problem, max_bundles=rules.max_bundles + 1)) >= base - CLOSE
    budget = None if rules.budget is None else rules.budget + 0.5
    assert _optimum(with_rules(problem, budget=budget)) >= base - CLOSE


@pytest.mark.parametrize("seed", range(3100, 3106))
def test_one_more_rule_never_raises_the_optimum(seed: int) -> None:
    problem = random_campaign(seed)
    base = _optimum(problem)
    for rule in ({"min_margin": 0.4}, {"item_overlap": 1}, {"category_cap": 1}, {"budget": 0.25}, {"include": (1,)}):
        assert _optimum(with_rules(problem, **_tighter(problem, rule))) <= base + CLOSE, rule


def _tighter(problem: CampaignProblem, rule: dict[str, object]) -> dict[str, object]:
    """The rule, unless the problem already has a tighter one."""
    (name, value), old = next(iter(rule.items())), getattr(problem.rules, next(iter(rule)))
    if name == "include":
        return {name: tuple(sorted({*problem.rules.include, 1}))}
    if old is None:
        return rule
    return {name: max(old, value) if name == "min_margin" else min(old, value)}


@pytest.mark.parametrize("seed", range(3200, 3206))
def test_permuting_customers_and_bundles_changes_nothing(seed: int) -> None:
    problem = random_campaign(seed)
    assert _optimum(permuted(problem, seed)) == pytest.approx(_optimum(problem), abs=CLOSE)


@pytest.mark.parametrize("seed", range(3300, 3306))
def test_scaling_the_currency_scales_the_answer(seed: int) -> None:
    problem = random_campaign(seed)
    rules, options = problem.rules, problem.options
    scaled = replace(
        problem,
        value=problem.value * 8,
        incremental_margin=problem.incremental_margin * 8,
        options=replace(
            options,
            price_cents=options.price_cents * 8,
            list_value_cents=options.list_value_cents * 8,
            unit_spend=options.unit_spend * 8,
            unit_margin=options.unit_margin * 8,
        ),
        rules=replace(
            rules,
            budget=None if rules.budget is None else rules.budget * 8,
            min_incremental_margin=None if rules.min_incremental_margin is None else rules.min_incremental_margin * 8,
            fixed_cost_per_bundle=rules.fixed_cost_per_bundle * 8,
            contact_cost=rules.contact_cost * 8,
            shelf_price_cents=None if rules.shelf_price_cents is None else rules.shelf_price_cents * 8,
        ),
    )
    assert _optimum(scaled) == pytest.approx(8 * _optimum(problem), abs=8 * CLOSE)


def _bytes(plan: CampaignPlan) -> bytes:
    return (
        b"".join(
            [
                plan.menu.tobytes(),
                plan.offer_customer.tobytes(),
                plan.offer_option.tobytes(),
                plan.reduced_value.tobytes(),
            ]
        )
        + repr((plan.headline, plan.work, plan.rules)).encode()
    )


@pytest.mark.parametrize("work", [None, 5, 60])
def test_same_input_and_work_give_the_same_bytes(work: int | None) -> None:
    problem = random_campaign(5)
    settings = EngineSettings(gap=1e-6, work=work, threads=1)
    assert _bytes(solve_campaign(problem, settings)) == _bytes(solve_campaign(problem, settings))


def test_a_time_limit_gives_the_best_plan_and_its_bound() -> None:
    problem = with_rules(random_campaign(5), include=(), min_incremental_margin=None)
    plan = solve_campaign(problem, EngineSettings(time_limit=1e-9, threads=1))
    best = best_by_enumeration(problem)
    assert plan.reason in (StopReason.TIME_LIMIT, StopReason.GAP_REACHED)
    assert plan.headline.value <= best <= plan.headline.bound < np.inf


def test_segment_members_who_differ_are_served_as_customers() -> None:
    """Two customers worth (10, 0) and (0, 10) with one slot give 20; one exposure for both would give 10."""
    problem = random_campaign(0, bundles=2, customers=2)
    first = [int(np.flatnonzero(problem.options.bundle == b)[0]) for b in range(2)]
    value = np.full(problem.value.shape, -1, dtype=np.float32)
    value[0, first[0]] = value[1, first[1]] = 10
    rules = replace(
        problem.rules,
        budget=None,
        min_margin=None,
        category_min_margin={},
        min_incremental_margin=None,
        slots=1,
        max_bundles=2,
        stock_slack=None,
        include=(),
        category_cap=None,
        item_overlap=None,
        no_arbitrage=False,
        fixed_cost_per_bundle=0.0,
        contact_cost=0.0,
    )
    plan = solve_campaign(replace(problem, value=value, rules=rules), EXACT)
    assert plan.headline.value == 20
    assert sorted(zip(plan.offer_customer.tolist(), plan.offer_option.tolist(), strict=True)) == [
        (0, first[0]),
        (1, first[1]),
    ]


def test_threads_are_left_as_they_were() -> None:
    before = torch.get_num_threads()
    solve_campaign(random_campaign(5), EngineSettings(gap=0.1, threads=1, work=3))
    assert torch.get_num_threads() == before


def test_progress_never_reports_a_falling_plan_or_a_rising_bound() -> None:
    heard: list[tuple[float, float]] = []
    problem = with_rules(random_campaign(11), include=(), min_incremental_margin=None)
    solve_campaign(problem, EXACT, progress=lambda _stage, value, bound, _seconds: heard.append((value, bound)))
    values, bounds = zip(*heard, strict=True)
    assert list(values) == sorted(values)
    assert list(bounds) == sorted(bounds, reverse=True)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="gap is a share"):
        EngineSettings(gap=1.5)
    with pytest.raises(ValueError, match="time_limit"):
        EngineSettings(time_limit=0)
