"""The large assignment on a campaign's fixed menu, against the engine that holds everything in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.large_assignment.assign import AssignSettings, assign_offers
from bundleopt_solvers.large_assignment.campaign import fixed_menu
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import random_campaign


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_holds_for_the_engines_plan_and_the_offers_keep_its_rows(seed: int) -> None:
    problem = random_campaign(seed, bundles=4, customers=12, items=6)
    # Rules that ask for offers speak of the menu, which is fixed here.
    rules = replace(problem.rules, include=(), min_incremental_margin=None, min_margin=None)
    problem = replace(problem, rules=rules)
    plan = solve_campaign(problem, EngineSettings(gap=0.01, time_limit=10))
    assert len(plan.menu)
    source, offer_rules = fixed_menu(problem, plan.menu)
    shown: list[tuple[np.ndarray, np.ndarray]] = []
    result = assign_offers(source, offer_rules, AssignSettings(threads=1), sink=lambda *pair: shown.append(pair))
    fixed = rules.fixed_cost_per_bundle * len(plan.menu)
    assert result.bound >= plan.headline.value + fixed - 1e-6
    customer = np.concatenate([pair[0] for pair in shown])
    option = plan.menu[np.concatenate([pair[1] for pair in shown])]
    value = problem.value[customer, option].astype(float).sum() - rules.contact_cost * len(option)
    assert value == pytest.approx(result.value, abs=1e-5)
    assert value - fixed <= plan.headline.bound + 1e-5
    rows = build_rows(problem)
    for row, coefficient in enumerate(rows.redemption):
        used = (coefficient[option] * problem.redemption[customer, option].astype(float)).sum()
        assert used <= rows.limit[row] + 1e-9
    for item, limit in zip(rows.stock, rows.limit[rows.first_stock :], strict=True):
        place, k = np.nonzero(problem.options.items[option] == item)
        assert problem.units[customer[place], option[place], k].astype(float).sum() <= limit + 1e-9
