"""The bound that streams over customers, against the best plan of small campaigns found by enumeration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_solvers.cells import NEVER
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.lagrangian import price_all
from bundleopt_solvers.large_assignment.customer_prices import customer_prices
from bundleopt_solvers.large_assignment.menu_bound import CustomerSums, MenuTable, answering_mixture
from bundleopt_solvers.large_assignment.rule_prices import RulePrices, reduced_worth
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.search import prepare
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_more_rules


def _bound(problem: CampaignProblem, price: np.ndarray, weight: np.ndarray, toll: np.ndarray, step: int) -> float:
    """The bound of `problem`, its customers read `step` at a time."""
    prices = RulePrices.of_rows(problem, build_rows(problem), price)
    sums = CustomerSums(MenuTable.of_problem(problem, toll), weight)
    for start in range(0, len(problem.value), step):
        who = np.arange(start, min(start + step, len(problem.value)))
        part = replace(
            problem,
            value=problem.value[who],
            redemption=problem.redemption[who],
            incremental_margin=problem.incremental_margin[who],
            incremental_revenue=None if problem.incremental_revenue is None else problem.incremental_revenue[who],
            units=problem.units[who],
            customer_ids=problem.customer_ids[who],
        )
        sums.add(*reduced_worth(part, prices.of_sample(who, 1.0)))
    return sums.bound(prices.constant)[0]


@pytest.mark.parametrize("seed", range(40))
def test_no_plan_beats_the_bound_at_any_prices_and_any_mixture(seed: int) -> None:
    rng = np.random.default_rng([seed, 7])
    problem = random_campaign(seed)
    problem = with_more_rules(problem, seed) if seed % 2 else problem
    best = best_by_enumeration(problem)
    rows, table = build_rows(problem), MenuTable.of_problem(problem)
    for _ in range(3):
        price = rng.exponential(0.5, len(rows.limit)) * (rng.random(len(rows.limit)) < 0.7)
        weight = rng.random(len(problem.options.bundle)) * (rng.random(len(problem.options.bundle)) < 0.6)
        toll = rng.exponential(0.2, len(table.rules.cap))
        bounds = [_bound(problem, price, weight, toll, step) for step in (1, 2, 3)]
        assert max(bounds) - min(bounds) <= 1e-5 * (1 + abs(max(bounds)))
        assert best is None or min(bounds) >= best


def test_chunks_agree_on_the_worth_of_every_offer() -> None:
    problem = with_more_rules(random_campaign(3, customers=6), 3)
    rows = build_rows(problem)
    prices = RulePrices.of_rows(problem, rows, np.linspace(0.1, 0.9, len(rows.limit)))
    whole, _ = reduced_worth(problem, prices)
    expected = problem.value.astype(float) - problem.rules.contact_cost
    for row, price in enumerate(np.linspace(0.1, 0.9, len(rows.limit))[: len(rows.redemption)]):
        expected -= price * rows.redemption[row] * problem.redemption.astype(float)
    for place, item in enumerate(rows.stock):
        used = (problem.units * (problem.options.items == item)).sum(2)
        expected -= prices.stock[item] * used * (place >= 0)
    counted = np.linspace(0.1, 0.9, len(rows.limit))[rows.first_count : rows.first_stock]
    expected -= (counted @ rows.count_customer)[:, None]
    for name in rows.floors:
        money = problem.incremental_margin if name == "min_incremental_margin" else problem.incremental_revenue
        assert money is not None
        expected += prices.money[name] * money.astype(float)
    assert np.allclose(whole, expected, atol=1e-6)


@pytest.mark.parametrize("seed", [9, 15])
def test_the_mixture_bounds_as_well_as_prices_found_over_all_customers(seed: int) -> None:
    problem = random_campaign(seed, bundles=8, customers=40, items=10)
    rules = replace(
        problem.rules, include=(), min_incremental_margin=None, min_margin=None, max_bundles=3, stock_slack=None
    )
    problem = replace(problem, rules=replace(rules, category_min_margin={}))
    plan = solve_campaign(problem, EngineSettings(gap=0.05, time_limit=10))
    assert plan.prices is not None
    price, toll = plan.prices.row.double().numpy(), plan.prices.menu.double().numpy()
    prices = RulePrices.of_rows(problem, build_rows(problem), price)
    worth, size = reduced_worth(problem, prices)
    table = MenuTable.of_problem(problem, toll)
    weight, least = answering_mixture(table, worth, plan.menu, prices.constant)
    sums = CustomerSums(table, weight)
    sums.add(worth, size)
    assert sums.bound(prices.constant)[0] == pytest.approx(least, rel=1e-6)
    alone = _bound(problem, price, np.isin(np.arange(len(weight)), plan.menu) * 1.0, toll, 7)
    assert plan.headline.value <= least + 1e-9
    assert least <= alone + 1e-9
    state = prepare(problem, EngineSettings())
    root = price_all(state.everything, plan.prices.double(), state.relaxation).bound
    assert least <= 1.05 * root
    assert alone > 1.1 * root


def test_prices_of_one_customer_are_the_linear_program_of_its_slots_and_items() -> None:
    # Three offers worth 5, 4, 3, the first two share an item, two slots: 5 + 3 is the best set and the best price.
    worth = torch.tensor([[5.0, 4.0, 3.0]])
    found = customer_prices(worth, torch.ones(3), torch.tensor([[1.0], [1.0], [0.0]]), 2, steps=200)
    net = worth - found.slot[:, None] - found.group @ torch.tensor([[1.0, 1.0, 0.0]])
    part = float(2 * found.slot + found.group.sum() + net.clamp_min(0).sum())
    assert 8.0 - 1e-5 <= part <= 8.02


def test_an_option_that_may_be_on_no_menu_counts_for_nothing() -> None:
    problem = random_campaign(2)
    table = MenuTable.of_problem(problem)
    none = replace(table, usable=np.zeros_like(table.usable))
    assert none.best_menu(np.full(len(table.bundle), 9.0)).value == 0.0
    assert NEVER < -1e20
