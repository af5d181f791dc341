from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.assortment.fixing import narrowed
from bundleopt_solvers.assortment.linear_form import linear_form
from bundleopt_solvers.assortment.local_search import climb
from bundleopt_solvers.assortment.moves import Moves
from bundleopt_solvers.assortment.plan import AssortmentPlan
from bundleopt_solvers.assortment.problem import AssortmentProblem, AssortmentRules, Coverage
from bundleopt_solvers.assortment.revenue import expected_sales, money, without_idle_stock
from bundleopt_solvers.assortment.rule_oracle import conflict_of
from bundleopt_solvers.assortment.search import solve_assortment
from bundleopt_solvers.assortment.settings import AssortmentSettings
from bundleopt_solvers.assortment.single_segment import best_for_segment
from bundleopt_solvers.assortment.twins import find_twins
from bundleopt_solvers.assortment.weight_bounds import nothing_bounds
from bundleopt_solvers.child import solve_model
from tests.solvers.small_assortments import best_by_enumeration, exact_money, keeps, random_assortment

LINEAR = AssortmentSettings(enumerate_cells=0, enumerate_rest=0, gap=1e-6, kicks=3, starts=6)
NARROW = replace(LINEAR, enumerate_rest=10**6)


def _check(problem: AssortmentProblem, plan: AssortmentPlan, best: float) -> None:
    chosen = tuple(np.flatnonzero(plan.listed).tolist())
    assert keeps(problem, chosen)
    assert plan.headline.value == pytest.approx(float(exact_money(problem, chosen)), rel=1e-12, abs=1e-12)
    assert plan.headline.bound >= best - 1e-12 * abs(best)
    assert all(rule.slack >= -1e-9 for rule in plan.rules)


@budget(max_examples=120, deadline=None)
@given(seed=st.integers(0, 10**6), twins=st.booleans())
def test_counting_finds_the_optimum(seed: int, twins: bool) -> None:
    problem = random_assortment(seed, items=6, twins=twins)
    best = best_by_enumeration(problem)
    if best is None:
        with pytest.raises(InfeasiblePlanError):
            solve_assortment(problem)
        return
    plan = solve_assortment(problem)
    _check(problem, plan, float(best))
    assert plan.optimal
    assert plan.headline.value == pytest.approx(float(best), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("settings", [LINEAR, NARROW], ids=["solver", "counted"])
@pytest.mark.parametrize("seed", range(30))
def test_search_and_linear_form_find_the_optimum(seed: int, settings: AssortmentSettings) -> None:
    problem = random_assortment(seed, items=7, segments=1 + seed % 3, twins=seed % 5 == 0)
    best = best_by_enumeration(problem)
    if best is None:
        with pytest.raises(InfeasiblePlanError):
            solve_assortment(problem, settings)
        return
    plan = solve_assortment(problem, settings)
    _check(problem, plan, float(best))
    assert plan.headline.value == pytest.approx(float(best), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(200, 224))
def test_narrowing_keeps_every_better_list(seed: int) -> None:
    """From a poor known list on, the optimum survives every decision, and the bound stays above it."""
    problem = random_assortment(seed, segments=2 + seed % 2)
    lists = [chosen for size in range(8) for chosen in combinations(range(7), size) if keeps(problem, chosen)]
    if not lists:
        return
    worth = sorted((float(exact_money(problem, chosen)), chosen) for chosen in lists)
    known = worth[len(worth) // 2][0]
    found = narrowed(problem, known, time_limit=20)
    assert found.bound >= worth[-1][0] - 1e-9
    survivors = [value for value, chosen in worth if keeps(found.problem, chosen)]
    assert worth[-1][0] <= known + 1e-9 or max(survivors) == pytest.approx(worth[-1][0], abs=1e-12)


@pytest.mark.parametrize("is_tight", [True, False])
def test_linear_form_has_the_same_optimum(is_tight: bool) -> None:
    for seed in range(100, 112):
        problem = random_assortment(seed)
        if (problem.value < 0).any() and problem.has_stock:
            problem = replace(problem, value=np.abs(problem.value))  # the form over-estimates losses under stock
        best = best_by_enumeration(problem)
        result = solve_model(linear_form(problem, is_tight=is_tight).model, time_limit=20)
        if best is None:
            assert result.values is None
        else:
            assert result.objective == pytest.approx(float(best), rel=1e-6, abs=1e-6)


@given(seed=st.integers(0, 10**6))
@budget(max_examples=60, deadline=None)
def test_every_allowed_assortment_is_a_point_of_the_linear_form(seed: int) -> None:
    problem = random_assortment(seed)
    form, rng = linear_form(problem), np.random.default_rng(seed)
    twins = find_twins(problem)
    for _ in range(8):
        listed = twins.rank < rng.integers(twins.least, twins.most + 1)[twins.code]
        if keeps(problem, tuple(np.flatnonzero(listed).tolist())):
            point = form.start(listed)
            assert form.model.violation(point) == ""
            assert form.model.objective_of(point) >= float(money(problem, listed[None])[0]) - 1e-9


@given(seed=st.integers(0, 10**6))
@budget(max_examples=60, deadline=None)
def test_bounds_on_buying_nothing_hold(seed: int) -> None:
    problem = random_assortment(seed)
    bounds, rng = nothing_bounds(problem), np.random.default_rng(seed)
    for _ in range(20):
        listed = rng.random(problem.items) < rng.random()
        listed[list(problem.rules.keep)] = True
        if not keeps(problem, tuple(np.flatnonzero(listed).tolist())):
            continue
        nothing = 1 / (1 + problem.ratio @ listed)
        low = np.where(listed, bounds.low_in, bounds.low_out)
        high = np.where(listed, bounds.high_in, bounds.high_out)
        assert (nothing[:, None] >= low - 1e-12).all()
        assert (nothing[:, None] <= high + 1e-12).all()
        assert ((nothing >= bounds.low - 1e-12) & (nothing <= bounds.high + 1e-12)).all()


@given(seed=st.integers(0, 10**6))
@budget(max_examples=60, deadline=None)
def test_moves_are_valued_as_the_assortments_they_lead_to(seed: int) -> None:
    problem = random_assortment(seed)
    moves, rng = Moves(problem), np.random.default_rng(seed)
    listed = rng.random((2, problem.items)) < 0.5
    flips = moves.flips(torch.from_numpy(listed)).numpy()
    for row in range(2):
        for item in range(problem.items):
            near = listed[row].copy()
            near[item] ^= True
            if np.isfinite(flips[row, item]):
                assert flips[row, item] == pytest.approx(money(problem, near[None])[0], rel=1e-9, abs=1e-9)
    worth, out, into = moves.best_exchange(torch.from_numpy(listed[0]))
    if np.isfinite(worth):
        near = listed[0].copy()
        near[out], near[into] = False, True
        assert worth == pytest.approx(money(problem, near[None])[0], rel=1e-9, abs=1e-9)


def test_climbing_ends_where_no_step_helps() -> None:
    problem = replace(random_assortment(3, items=12), rules=AssortmentRules(max_items=5))
    moves = Moves(problem)
    listed, _ = climb(moves, torch.zeros((1, 12), dtype=torch.bool), lambda: False)
    here = float(moves.money(listed)[0])
    assert float(moves.flips(listed).max()) <= here + 1e-9
    assert moves.best_exchange(listed[0])[0] <= here + 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_one_segment_is_solved_exactly(seed: int) -> None:
    problem = random_assortment(seed, segments=1)
    problem = replace(problem, rules=replace(problem.rules, stock=None, coverage=(), max_space=None))
    best = best_by_enumeration(problem)
    start = np.isin(np.arange(problem.items), problem.rules.keep)
    found = best_for_segment(problem, 0, start)
    assert float(money(problem, found.listed[None])[0]) == pytest.approx(float(best), rel=1e-12, abs=1e-12)
    assert found.bound == pytest.approx(float(best), rel=1e-9, abs=1e-9)
    assert found.bound >= float(best)


def test_unconstrained_segment_lists_the_dearest_items() -> None:
    # Talluri & van Ryzin 2004: a revenue-ordered assortment is optimal for one segment
    problem = replace(random_assortment(5, items=12, segments=1), rules=AssortmentRules())
    problem = replace(problem, value=np.sort(np.abs(problem.value) + 1)[::-1], weight=problem.weight + 0.0625)
    listed = solve_assortment(problem, LINEAR).listed
    assert not (~listed[:-1] & listed[1:]).any()


@pytest.mark.parametrize(
    ("rules", "conflict"),
    [
        (AssortmentRules(keep=(0,), drop=(0,)), {"keep i0", "drop i0"}),
        (AssortmentRules(keep=(0, 1, 2), max_items=2), {"keep i0", "keep i1", "keep i2", "max_items"}),
        (
            AssortmentRules(
                max_items=1,
                max_space=9.0,
                space=np.ones(7),
                coverage=(Coverage("a", np.arange(7) < 3, 1), Coverage("b", np.arange(7) > 4, 1)),
            ),
            {"a", "b", "max_items"},
        ),
        (
            AssortmentRules(max_items=4, coverage=(Coverage("brand x", np.arange(7) == 6, 2),)),
            {"brand x"},
        ),
    ],
)
def test_smallest_conflict_is_named(rules: AssortmentRules, conflict: set[str]) -> None:
    problem = replace(random_assortment(1), rules=rules)
    assert set(conflict_of(problem)) == conflict
    with pytest.raises(InfeasiblePlanError, match="together"):
        solve_assortment(problem)


def test_stock_caps_sales_and_lost_demand_is_lost() -> None:
    problem = replace(random_assortment(2), rules=AssortmentRules(stock=np.full(7, 0.25)))
    every = np.ones((1, 7), bool)
    assert (expected_sales(problem, every) <= 0.25).all()
    free = replace(problem, rules=AssortmentRules())
    assert (expected_sales(problem, every) == np.minimum(expected_sales(free, every), 0.25)).all()


def test_stock_that_nothing_reaches_is_left_out() -> None:
    problem = replace(random_assortment(2), rules=AssortmentRules(stock=np.array([0.1, *[1e6] * 6])))
    lean = without_idle_stock(problem)
    assert np.isfinite(lean.stock).tolist() == [True] + [False] * 6
    rng = np.random.default_rng(0)
    listed = rng.random((50, 7)) < 0.5
    assert (money(lean, listed) == money(problem, listed)).all()
    assert without_idle_stock(replace(problem, rules=AssortmentRules(stock=np.full(7, 1e6)))).rules.stock is None


def test_money_scales_with_the_currency_and_more_room_never_hurts() -> None:
    problem = replace(random_assortment(11, items=9), rules=AssortmentRules(max_items=3))
    small = solve_assortment(problem)
    dear = solve_assortment(replace(problem, value=problem.value * 100))
    assert dear.headline.value == pytest.approx(100 * small.headline.value, rel=1e-12)
    assert (dear.listed == small.listed).all()
    roomy = solve_assortment(replace(problem, rules=AssortmentRules(max_items=4)))
    assert roomy.headline.value >= small.headline.value


def test_same_seed_same_assortment() -> None:
    problem = random_assortment(21, items=14)
    one, other = (solve_assortment(replace(problem, rules=AssortmentRules()), LINEAR) for _ in range(2))
    assert (one.listed == other.listed).all()
    assert one.headline == other.headline


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight": -np.ones((3, 7))}, "must be >= 0"),
        ({"outside": np.zeros(3)}, "outside must be > 0"),
        ({"value": np.full(7, np.nan)}, "finite"),
        ({"value": np.ones(6)}, "6 numbers for 7 items"),
        ({"rules": AssortmentRules(max_space=3.0)}, "needs the space"),
        ({"rules": AssortmentRules(keep=(9,))}, "does not exist"),
    ],
)
def test_wrong_problems_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(random_assortment(1), **changes)
