"""n units of one item on a menu: covers and plans against enumeration, the segment model, and the checker."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
import pytest

from bundleopt_solvers.arbitrage import broken_covers, dear_options
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_items import Item, bundle_value
from bundleopt_solvers.checker_menu import MenuBundle, broken_arbitrage, check_menu
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.segment_columns import SegmentColumns
from bundleopt_solvers.segment_cuts import pair_rows
from bundleopt_solvers.settings import EngineSettings
from tests.solvers import small_campaigns
from tests.solvers.small_campaigns import best_by_enumeration, random_campaign, with_rules


def with_units(problem: CampaignProblem, seed: int) -> CampaignProblem:
    """The same campaign whose first bundles are 2, 3 and sometimes 1 of item 0, at prices below their shelf value."""
    rng = np.random.default_rng([seed, 9])
    options, shelf = problem.options, int(problem.rules.shelf_price_cents[0])
    items, price, worth = options.items.copy(), options.price_cents.copy(), options.list_value_cents.copy()
    quantity = np.ones(len(price), np.int32)
    for bundle, count in enumerate(rng.permutation([2, 3, 1])[:2]):
        mine = np.flatnonzero(options.bundle == bundle)
        items[mine] = [0, -1, -1]
        quantity[mine], worth[mine] = count, count * shelf
        cuts = np.sort(rng.choice(np.arange(1, 8), len(mine), replace=False)) * shelf // 8
        price[mine] = count * shelf - cuts
    changed = replace(
        options,
        items=items,
        price_cents=price,
        list_value_cents=worth,
        quantity=quantity,
        unit_spend=(worth - price) / 100,
    )
    return replace(problem, options=changed, units=(problem.units * (items >= 0)).astype(np.float32))


def least_cost(problem: CampaignProblem, menu: tuple[int, ...], at: int) -> int:
    """Least cents for the units of `menu[at]`: every option up to four times, the rest from the shelf."""
    options, shelf = problem.options, problem.rules.shelf_price_cents
    need = {int(i): int(options.quantities[menu[at]]) for i in options.items[menu[at]] if i >= 0}
    others = [o for place, o in enumerate(menu) if place != at]
    best = 10**9
    for times in product(range(4), repeat=len(others)):
        cost, left = 0, dict(need)
        for count, other in zip(times, others, strict=True):
            cost += count * int(options.price_cents[other])
            for item in options.items[other]:
                if int(item) in left:
                    left[int(item)] -= count * int(options.quantities[other])
        cost += sum(max(units, 0) * int(shelf[item]) for item, units in left.items())
        best = min(best, cost)
    return best


def is_fair(problem: CampaignProblem, menu: tuple[int, ...], sets: list[frozenset[int]], at: int) -> bool:
    """No cover is cheaper, and no fewer units cost as much on the shelf."""
    option, shelf = menu[at], problem.rules.shelf_price_cents
    price, count = int(problem.options.price_cents[option]), int(problem.options.quantities[option])
    if count == 1 and any(int(shelf[i]) > price for i in sets[at]) and len(sets[at]) > 1:
        return False
    if count > 1 and price <= (count - 1) * int(shelf[min(sets[at])]):
        return False
    return least_cost(problem, menu, at) >= price


def as_checked(problem: CampaignProblem, menu: tuple[int, ...]) -> tuple[dict[str, MenuBundle], dict[str, Item]]:
    zero, options = Fraction(0), problem.options
    items = {
        str(i): Item(int(cents), zero, zero, zero, "", True, None, zero, zero)
        for i, cents in enumerate(problem.rules.shelf_price_cents)
    }
    found = {}
    for o in menu:
        members, count = tuple(str(i) for i in options.items[o] if i >= 0), int(options.quantities[o])
        value = bundle_value([items[i] for i in members] * count, int(options.price_cents[o]))
        found[str(o)] = MenuBundle(str(o), members, int(options.price_cents[o]), value, count)
    return found, items


def test_covers_of_engine_and_checker_are_those_of_enumeration() -> None:
    broken = 0
    for seed in range(150):
        problem = with_units(with_rules(random_campaign(seed, bundles=4, items=3), no_arbitrage=True), seed)
        allowed = np.flatnonzero(~dear_options(problem))
        rng = np.random.default_rng(seed)
        menu = []
        for bundle in range(4):
            mine = [int(o) for o in allowed if problem.options.bundle[o] == bundle]
            menu += [int(rng.choice(mine))] if mine else []
        truth = {
            o for at, o in enumerate(menu) if least_cost(problem, tuple(menu), at) < problem.options.price_cents[o]
        }
        assert {cover.option for cover in broken_covers(problem, np.array(menu, np.int64))} == truth, seed
        bundles, items = as_checked(problem, tuple(menu))
        found = {bundle.bundle_id: cost for bundle, cost in broken_arbitrage(bundles, items)}
        assert set(found) == {str(o) for o in truth}
        for at, o in enumerate(menu):
            assert found.get(str(o), least_cost(problem, tuple(menu), at)) == least_cost(problem, tuple(menu), at)
        broken += len(truth)
    assert broken > 20


def test_fewer_units_on_the_shelf_make_an_option_dear() -> None:
    problem = with_units(with_rules(random_campaign(3), no_arbitrage=True), 3)
    options, shelf = problem.options, int(problem.rules.shelf_price_cents[0])
    several = np.flatnonzero(options.quantities > 1)
    price = options.price_cents.copy()
    price[several] = (options.quantities[several] - 1) * shelf
    assert dear_options(replace(problem, options=replace(options, price_cents=price)))[several].all()
    price[several] += 1
    assert not dear_options(replace(problem, options=replace(options, price_cents=price)))[several].any()


def test_plans_with_several_units_are_proven_by_enumeration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_campaigns, "_no_cheaper_cover", is_fair)
    solved = 0
    for seed in range(60):
        free = {"no_arbitrage": True, "include": (), "min_incremental_margin": None, "category_min_margin": {}}
        problem = with_units(with_rules(random_campaign(seed, bundles=3 + seed % 2, customers=2), **free), seed)
        best = best_by_enumeration(problem)
        plan = solve_campaign(problem, EngineSettings(gap=0.0, threads=1, time_limit=20.0))
        assert best is not None
        assert plan.headline.value == pytest.approx(best, abs=1e-6), seed
        assert plan.headline.bound >= best - 1e-6
        solved += best > 0
    assert solved > 20


def test_rows_of_pairs_forbid_what_a_cover_undercuts_and_nothing_else() -> None:
    for seed in range(60):
        problem = with_units(with_rules(random_campaign(seed, bundles=4, items=3), no_arbitrage=True), seed)
        count = len(problem.options.bundle)
        everything, bundles = np.arange(count), np.arange(4)
        none = np.zeros(0, np.int64)
        labels = tuple(f"o{o}" for o in everything)
        columns = SegmentColumns(
            everything, bundles, problem.options.bundle.astype(np.int64), none, none, labels, ("", "", "", "")
        )
        rows = pair_rows(problem, columns)
        for one, other in product(range(count), repeat=2):
            if problem.options.bundle[one] == problem.options.bundle[other]:
                continue
            pair = (one, other)
            fair = all(least_cost(problem, pair, at) >= problem.options.price_cents[pair[at]] for at in (0, 1))
            alone = all(least_cost(problem, (o,), 0) >= problem.options.price_cents[o] for o in pair)
            cut = any({one, other} <= set(row.indices.tolist()) for row in rows)
            assert not (cut and fair), seed
            assert cut or fair or not alone, seed


def row(name: str, members: tuple[str, ...], price: float, quantity: int, worth: float) -> dict:
    """A row of bundles.parquet as far as the menu is concerned."""
    return {
        "bundle_id": name, "item_ids": members, "item_names": members, "price": price, "list_value": worth,
        "discount": 1 - price / worth, "quantity": quantity,
    }  # fmt: skip


MENUS: list[tuple[list[dict], dict, set[str]]] = [
    ([row("m", ("a",), 6.8, 2, 8.0)], {}, set()),
    ([row("m", ("a",), 6.8, 2, 8.0)], {"multi_buy": 1}, {"multi_buy"}),
    ([row("m", ("a",), 6.8, 2, 4.0)], {}, {"list value", "discount"}),
    ([row("m", ("a",), 4.0, 2, 8.0)], {}, {"fewer units"}),
    ([row("m", ("a",), 4.01, 2, 8.0)], {}, set()),
    ([row("m", ("a", "b"), 13.0, 2, 14.0)], {}, {"bundle items"}),
    ([row("m", ("a",), 6.8, 0, 8.0)], {}, {"bundle items"}),
    ([row("m", ("a",), 6.8, 2, 8.0), row("n", ("a",), 7.0, 2, 8.0)], {}, {"one price per bundle", "no_arbitrage"}),
    ([row("m", ("a",), 6.8, 2, 8.0), row("n", ("a",), 10.8, 3, 12.0)], {}, set()),
    ([row("m", ("a",), 6.0, 2, 8.0), row("n", ("a",), 10.8, 3, 12.0)], {}, {"no_arbitrage"}),
    ([row("m", ("a",), 6.8, 2, 8.0), row("n", ("a",), 3.2, 1, 4.0)], {"bundle_size": (1, 4)}, {"no_arbitrage"}),
    ([row("m", ("a",), 6.8, 2, 8.0), row("n", ("a", "b"), 6.5, 1, 7.0)], {}, set()),
    ([row("m", ("a",), 6.8, 2, 8.0)], {"exclude_bundles": (("a", "a"),)}, {"exclude"}),
    ([row("m", ("a",), 6.8, 2, 8.0)], {"exclude_bundles": (("a", "a", "a"),)}, set()),
    ([row("m", ("a",), 4.5, 2, 8.0)], {"max_discount": 0.3}, {"price band"}),
    ([row("m", ("a",), 4.5, 2, 8.0)], {"max_discount": 0.3, "base": ((("a", "a"), 4.5),)}, set()),
    ([row("m", ("a",), 4.5, 2, 8.0)], {"max_discount": 0.3, "base": ((("a",), 4.5),)}, {"price band"}),
]


@pytest.mark.parametrize(("rows", "limits", "broken"), MENUS)
def test_the_checker_on_menus_with_several_units(rows: list[dict], limits: dict, broken: set[str]) -> None:
    zero = Fraction(0)
    items = {
        name: Item(cents, Fraction(1), zero, zero, "", True, None, zero, zero)
        for name, cents in (("a", 400), ("b", 300))
    }
    findings = Findings()
    check_menu(pd.DataFrame(rows), items, CheckLimits(**{"multi_buy": 3} | limits), findings)
    assert {violation.rule for violation in findings.violations} == broken
