"""Published and enumerated optima of bundle pricing by largest surplus (Hanson & Martin 1990)."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from bundleopt_solvers.backends.backend import SolveStatus
from bundleopt_solvers.child import solve_model
from bundleopt_solvers.linear_model import LinearModel, Row
from bundleopt_solvers.max_surplus.choice import choices, profit
from bundleopt_solvers.max_surplus.covers import arbitrage, capped, covers
from bundleopt_solvers.max_surplus.linear_form import price_form
from bundleopt_solvers.max_surplus.problem import Offering, WillingnessProblem
from bundleopt_solvers.max_surplus.search import solve_prices


def _problem(size: list[float], worth: list[list[float]], bundles: tuple[tuple[int, ...], ...]) -> WillingnessProblem:
    items = 1 + max(item for one in bundles for item in one)
    return WillingnessProblem(
        segment_ids=np.array([f"s{k}" for k in range(len(size))], dtype=object),
        item_ids=np.array([f"i{i}" for i in range(items)], dtype=object),
        bundles=bundles,
        size=np.array(size, dtype=np.float64),
        willingness=np.round(np.array(worth) * 100).astype(np.int64),
        cost=np.zeros(len(bundles), dtype=np.int64),
    )


PAIR = ((0,), (1,), (0, 1))


def lindo() -> WillingnessProblem:
    """The bundle-pricing model of LINDO's library (BUNDLE): four kinds of buyers, two programs."""
    worth = [[450, 110, 530], [75, 430, 480], [290, 250, 410], [220, 380, 390]]
    return _problem([7, 5, 6, 4.5], worth, PAIR)


def do_lauw_wang() -> WillingnessProblem:
    """The opening example of Do, Lauw & Wang (2015, doi:10.14778/2735479.2735491): three consumers, two items."""
    each = [[12, 4], [8, 2], [5, 11]]
    return _problem([1, 1, 1], [[a, b, a + b] for a, b in each], PAIR)


@pytest.mark.parametrize(
    ("offering", "best"), [(Offering.MIXED, 9090), (Offering.PURE, 8775), (Offering.COMPONENTS, 7380)]
)
def test_lindo(offering: Offering, best: float) -> None:
    found = solve_prices(lindo(), offering)
    assert found.optimal
    assert found.headline.value == best
    assert best <= found.headline.bound <= best * 1.0001


@pytest.mark.parametrize(("offering", "best"), [(Offering.COMPONENTS, 27), (Offering.PURE, 32)])
def test_do_lauw_wang(offering: Offering, best: float) -> None:
    found = solve_prices(do_lauw_wang(), offering)
    assert found.optimal
    assert found.headline.value == best


def generated(seed: int, *, items: int, segments: int, top: int, sizes: int = 9) -> WillingnessProblem:
    """A Hanson-Martin instance on all bundles of `items`: super- and subadditive willingness, and costs."""
    rng = np.random.default_rng(seed)
    bundles = tuple(one for size in range(1, items + 1) for one in combinations(range(items), size))
    bundles = tuple(one for one in bundles if len(one) <= sizes or len(one) == items)
    each = rng.integers(0, top + 1, (segments, items))
    worth = np.array([[each[k, list(one)].sum() for one in bundles] for k in range(segments)])
    worth = np.maximum(worth + rng.integers(-1, 2, worth.shape) * np.array([len(one) > 1 for one in bundles]), 0)
    cost = np.array([len(one) - (len(one) == items) for one in bundles]) * rng.integers(0, 2)
    found = _problem(rng.integers(1, 9, segments).astype(float).tolist(), worth.tolist(), bundles)
    return WillingnessProblem(
        found.segment_ids, found.item_ids, bundles, found.size, found.willingness, cost.astype(np.int64) * 100
    )


def _best_of_half_steps(problem: WillingnessProblem) -> float:
    """Profit over all prices in half steps that keep subadditivity, each segment's choice written out."""
    tops = [int(top) // 50 for top in problem.willingness.max(axis=0)]
    best = 0.0
    for steps in product(*(range(top + 1) for top in tops)):
        price = [50 * step for step in steps]
        if price[2] > price[0] + price[1]:
            continue
        total = 0.0
        for k in range(len(problem.size)):
            surplus = [int(problem.willingness[k, b]) - price[b] for b in range(3)]
            most = max(0, *surplus)
            margins = [price[b] - int(problem.cost[b]) for b in range(3) if surplus[b] == most]
            if most == 0:
                margins.append(0)
            total += float(problem.size[k]) * max(margins) / 100
        best = max(best, total)
    return best


@pytest.mark.parametrize("seed", range(15))
def test_two_items_against_every_price(seed: int) -> None:
    problem = generated(seed, items=2, segments=3 + seed % 3, top=5)
    found = solve_prices(problem)
    best = _best_of_half_steps(problem)
    assert found.optimal
    assert found.headline.value >= best - 1e-9
    assert found.headline.bound >= found.headline.value
    # what half steps miss is what prices in thirds could add: nothing here, so the two agree
    assert found.headline.value == pytest.approx(best, abs=1e-9)
    assert not arbitrage(problem.bundles, found.price)


def _disjunctive(problem: WillingnessProblem) -> LinearModel:
    """Another form of the same problem: p_b, y_kb, and the money m_k of each segment, with big M throughout."""
    segments, bundles = problem.willingness.shape
    worth, cost = problem.willingness / 100, problem.cost / 100
    big = float(worth.max()) + 1
    y = bundles + np.arange(segments * bundles).reshape(segments, bundles)
    money = bundles + segments * bundles + np.arange(segments)
    count = int(money[-1]) + 1 if segments else bundles
    lower, upper = np.zeros(count), np.concatenate([np.full(bundles, big), np.ones(y.size), np.full(segments, big)])
    lower[money] = -big
    rows = []
    for k in range(segments):
        rows.append(Row(f"one{k}", y[k], np.ones(bundles), -np.inf, 1.0))
        rows.append(Row(f"none{k}", np.append(y[k], money[k]), np.append(np.full(bundles, -big), 1.0), -np.inf, 0.0))
        for b in range(bundles):
            pays = np.array([money[k], b, y[k, b]])
            rows.append(Row(f"pay{k}_{b}", pays, np.array([1.0, -1.0, 2 * big]), -np.inf, 2 * big - cost[b]))
            own = np.array([b, y[k, b]])
            rows.append(Row(f"can{k}_{b}", own, np.array([1.0, big]), -np.inf, worth[k, b] + big))
            for c in set(range(bundles)) - {b}:
                least = worth[k, b] - worth[k, c] + 2 * big
                sooner = np.array([b, c, y[k, b]]), np.array([1.0, -1.0, 2 * big])
                rows += [Row(f"rather{k}_{b}_{c}", *sooner, -np.inf, least)]
            # nothing is bought only where no bundle leaves a surplus
            rows.append(
                Row(f"idle{k}_{b}", np.append(y[k], b), np.append(np.full(bundles, big), 1.0), worth[k, b], np.inf)
            )
    sets = [frozenset(one) for one in problem.bundles]
    for count_parts in (2, 3, len(problem.item_ids)):
        for parts in combinations(range(bundles), count_parts):
            union = frozenset().union(*(sets[part] for part in parts))
            if union in sets and sets.index(union) not in parts:
                terms = np.append(-np.ones(len(parts)), 1.0)
                whole = np.array([*parts, sets.index(union)])
                rows += [Row(f"sub{parts}", whole, terms, -np.inf, 0.0)]
    objective = np.zeros(count)
    objective[money] = problem.size
    return LinearModel(
        objective=objective,
        lower=lower,
        upper=upper,
        integer=np.isin(np.arange(count), y.ravel()),
        indptr=np.zeros(1, np.int64),
        indices=np.zeros(0, np.int64),
        coefficients=np.zeros(0),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
    ).with_rows(rows)


@pytest.mark.parametrize(("items", "segments", "seed"), [(3, 3, 1), (4, 2, 3), (5, 4, 4), (6, 5, 6)])
def test_more_items_against_another_form_on_another_solver(items: int, segments: int, seed: int) -> None:
    problem = generated(seed, items=items, segments=segments, top=6, sizes=9 if items < 5 else 1)
    truth = solve_model(_disjunctive(problem), solver="scip", time_limit=60)
    assert truth.status is SolveStatus.OPTIMAL
    found = solve_prices(problem, solver="highs")
    assert found.optimal
    assert found.headline.value == pytest.approx(truth.objective, rel=1e-5)
    assert found.headline.bound >= truth.objective * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_richer_ways_of_selling_never_earn_less(seed: int) -> None:
    problem = generated(seed, items=3, segments=4, top=9)
    value = {offering: solve_prices(problem, offering).headline for offering in Offering}
    assert value[Offering.MIXED].bound >= value[Offering.COMPONENTS].value - 1e-9
    assert value[Offering.MIXED].bound >= value[Offering.PURE].value - 1e-9


@pytest.mark.parametrize("seed", range(8))
def test_prices_are_points_of_the_model_worth_their_profit(seed: int) -> None:
    problem = generated(seed, items=3, segments=4, top=6)
    rng = np.random.default_rng(seed)
    form = price_form(problem, Offering.MIXED)
    for _ in range(10):
        price = capped(problem.bundles, (rng.random(len(problem.bundles)) * problem.dearest).astype(np.int64))
        assert not arbitrage(problem.bundles, price)
        point = form.start(price)
        assert form.model.violation(point) == ""
        assert form.model.objective_of(point) == pytest.approx(profit(problem, price), rel=1e-9, abs=1e-9)


def test_ties_go_to_the_seller_and_nobody_sells_at_a_loss() -> None:
    problem = _problem([1.0], [[2.0, 3.0, 5.0]], PAIR)
    bought, surplus = choices(problem, np.array([200, 300, 500]))
    assert (bought.tolist(), surplus.tolist()) == ([2], [0])
    dear = WillingnessProblem(
        problem.segment_ids, problem.item_ids, PAIR, problem.size, problem.willingness, np.array([400, 400, 900])
    )
    assert choices(dear, np.array([200, 300, 500]))[0].tolist() == [-1]


def test_a_cover_of_three_is_a_combination() -> None:
    bundles = ((0,), (1, 2), (2, 3), (0, 1, 2, 3), (1,), (0, 3))
    found = dict.fromkeys(parts for whole, parts in covers(bundles) if whole == 3)
    assert (0, 1, 2) in found
    assert (1, 5) in found
    assert (0, 1, 5) not in found  # the first part can be left out
    price = np.array([100, 100, 100, 301, 90, 500])
    assert (3, (0, 1, 2)) in arbitrage(bundles, price)
    assert capped(bundles, price)[3] == 290  # the cheapest: 0, 1 and 2+3


@pytest.mark.parametrize("offering", [Offering.PURE, Offering.COMPONENTS])
def test_what_cannot_be_sold_that_way_is_said(offering: Offering) -> None:
    problem = _problem([1.0], [[2.0, 3.0]], ((0,), (1, 2)))
    with pytest.raises(ValueError, match="not among the bundles"):
        solve_prices(problem, offering)
