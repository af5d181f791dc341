"""The checkers of assortments and of bundle prices catch every broken rule and figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_solvers.assortment.checker import check_assortment
from bundleopt_solvers.assortment.problem import AssortmentRules, Coverage
from bundleopt_solvers.assortment.search import solve_assortment
from bundleopt_solvers.max_surplus.checker import check_prices
from bundleopt_solvers.max_surplus.problem import WillingnessProblem
from bundleopt_solvers.max_surplus.search import solve_prices
from bundleopt_solvers.plan import Certificate
from tests.solvers.small_assortments import random_assortment

RULES = AssortmentRules(
    max_items=3,
    max_space=3.0,
    space=np.ones(7),
    keep=(0,),
    drop=(1,),
    coverage=(Coverage("tier", np.arange(7) > 4, 1),),
)


@pytest.mark.parametrize(
    ("listed", "rule"),
    [((2, 5), "keep"), ((0, 1, 5), "drop"), ((0, 2, 5, 6), "max_items"), ((0, 2, 5, 6), "max_space"), ((0, 2), "tier")],
)
def test_a_broken_rule_of_a_list_is_named(listed: tuple[int, ...], rule: str) -> None:
    problem = replace(random_assortment(4), rules=RULES)
    plan = solve_assortment(problem)
    assert check_assortment(problem, plan) == ()
    broken = replace(plan, listed=np.isin(np.arange(7), listed))
    assert rule in {found.rule for found in check_assortment(problem, broken)}


def test_wrong_figures_of_a_list_are_named() -> None:
    problem = replace(random_assortment(4), rules=RULES)
    plan = solve_assortment(problem)
    value = plan.headline.value
    for wrong, name in (
        (Certificate(value * 1.001, value * 2, ""), "value"),
        (Certificate(value, value * 0.999, ""), "bound"),
    ):
        assert {found.rule for found in check_assortment(problem, replace(plan, headline=wrong))} == {name}


def test_wrong_prices_are_named() -> None:
    problem = WillingnessProblem(
        segment_ids=np.array(["x", "y"], dtype=object),
        item_ids=np.array(["a", "b"], dtype=object),
        bundles=((0,), (1,), (0, 1)),
        size=np.array([2.0, 1.0]),
        willingness=np.array([[300, 100, 400], [100, 300, 500]]),
        cost=np.zeros(3, np.int64),
    )
    found = solve_prices(problem)
    assert check_prices(problem, found) == ()
    other = replace(found, bought=np.array([-1, 0]))
    assert {one.rule for one in check_prices(problem, other)} >= {"choice of y", "profit"}
    dear = replace(found, price=np.array([100, 100, 400]))
    assert "no arbitrage" in {one.rule for one in check_prices(problem, dear)}
    low = replace(found, headline=Certificate(found.headline.value, found.headline.value - 1, ""))
    assert "bound" in {one.rule for one in check_prices(problem, low)}
