"""The segment menu problem against an enumeration of menus whose exposures are written from the rules' definitions."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bundleopt_solvers import segment_totals
from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_model
from bundleopt_solvers.segment_master import FAMILY, build_segment_master
from bundleopt_solvers.segment_solve import exposures_for, solve_segment_master
from bundleopt_solvers.segment_totals import segment_sums
from tests.solvers.random_models import INF, model_of
from tests.solvers.small_campaigns import (
    _compatible,
    _menu_ok,
    best_by_enumeration,
    random_campaign,
    row_table,
    with_rules,
)

EFFORT = Effort(time_limit=20.0, gap=1e-9)


def campaign(seed, *, segments=2, customers=5, bundles=3):
    problem = random_campaign(seed, bundles=bundles, customers=customers)
    codes = np.arange(customers) % segments
    return replace(problem, segment=codes.astype(np.int32))


def easy(seed, **sizes):
    """A campaign whose rules can be kept, so that the empty plan at least is one."""
    return with_rules(campaign(seed, **sizes), include=(), min_incremental_margin=None)


def exposure_model(problem, menu):
    """The exposures of one fixed menu as a dense linear model, from the definitions alone."""
    segments, rules = int(problem.segment.max()) + 1, problem.rules
    cells = [(s, o) for s in range(segments) for o in menu]
    inside = [problem.segment == s for s in range(segments)]
    table, limit = row_table(problem)
    worth = problem.value.astype(float) - rules.contact_cost
    rows = [([table[r][inside[s], o].sum() for s, o in cells], -INF, limit[r]) for r in range(len(limit))]
    for segment in range(segments):
        rows.append(([float(s == segment) for s, _ in cells], -INF, rules.slots))
        for item in range(len(problem.options.item_ids)):
            has = [float(s == segment and item in problem.options.items[o]) for s, o in cells]
            rows.append((has, -INF, 1))
        for first, second in rules.substitutes if rules.substitutes is not None else []:
            either = [
                float(s == segment and bool({first, second} & set(problem.options.items[o].tolist()))) for s, o in cells
            ]
            both = any(first in problem.options.items[o] for o in menu) and any(
                second in problem.options.items[o] for o in menu
            )
            if both:
                rows.append((either, -INF, 1))
    for bundle in rules.include:
        offers = [float(inside[s].sum()) * (problem.options.bundle[o] == bundle) for s, o in cells]
        rows.append((offers, 1, INF))
    gain = [worth[inside[s], o].sum() for s, o in cells]
    return model_of(gain, rows, integer=np.zeros(len(cells), bool), offset=-rules.fixed_cost_per_bundle * len(menu))


def best_segment_plan(problem):
    """Best value over all menus, -inf where no plan keeps the rules."""
    bundle, best = problem.options.bundle, -INF
    choices = [[None, *np.flatnonzero(bundle == b).tolist()] for b in range(len(problem.options.bundle_ids))]
    for picked in product(*choices):
        menu = tuple(o for o in picked if o is not None)
        if not _menu_ok(problem, menu):
            continue
        result = solve_model(exposure_model(problem, menu))
        if result.status is SolveStatus.OPTIMAL:
            best = max(best, result.objective)
    return best


@pytest.mark.parametrize("block", range(6))
def test_the_optimum_is_the_best_menu_by_enumeration(block):
    solved = 0
    for seed in range(block * 20, block * 20 + 20):
        problem = campaign(seed)
        best, plan = best_segment_plan(problem), solve_segment_master(build_segment_master(problem), EFFORT)
        if best == -INF:
            assert plan.result.status is SolveStatus.INFEASIBLE, f"campaign {seed}: {plan.result}"
            continue
        assert plan.result.objective == pytest.approx(best, abs=1e-5), f"campaign {seed}"
        assert plan.result.bound >= best - 1e-6
        assert _menu_ok(problem, tuple(plan.master.menu_of(plan.result.values).tolist())), f"campaign {seed}"
        solved += 1
    assert solved > 5


def test_a_segment_for_every_customer_bounds_the_customer_problem():
    compared = 0
    for seed in range(60):
        problem = campaign(seed, segments=3, customers=3)
        best = best_by_enumeration(problem)
        if best is None:
            continue
        result = solve_segment_master(build_segment_master(problem), EFFORT).result
        assert result.bound >= best - 1e-6, f"campaign {seed}"
        compared += 1
    assert compared > 20


def test_one_exposure_for_all_members_restricts_customers_who_differ():
    problem = with_rules(random_campaign(0), budget=None)  # any campaign; its numbers are replaced
    options = len(problem.options.bundle)
    value = np.zeros((2, options), np.float32)
    first, second = 0, int(np.flatnonzero(problem.options.bundle == 1)[0])
    value[0, first], value[1, second] = 10, 10
    rules = replace(type(problem.rules)(), slots=1, no_arbitrage=False)
    shapes = {name: getattr(problem, name)[:1].repeat(2, 0) for name in ("redemption", "incremental_margin", "units")}
    problem = replace(problem, value=value, rules=rules, segment=np.zeros(2, np.int32), **shapes)
    assert solve_segment_master(build_segment_master(problem), EFFORT).result.objective == pytest.approx(10)
    apart = replace(problem, segment=np.arange(2, dtype=np.int32))
    assert solve_segment_master(build_segment_master(apart), EFFORT).result.objective == pytest.approx(20)


def test_menu_exposures_and_values_agree():
    problem = easy(3)
    plan = solve_segment_master(build_segment_master(problem), EFFORT)
    master, values = plan.master, plan.result.values
    assert plan.result.objective > 0
    menu, shares = master.menu_of(values), master.exposures_of(values)
    assert set(master.columns.options[(shares > 1e-6).any(0)]) <= set(menu.tolist())
    worth = (master.totals.value * shares).sum() - problem.rules.fixed_cost_per_bundle * len(menu)
    assert plan.result.objective == pytest.approx(worth)
    again = exposures_for(master, menu)
    assert master.model.objective_of(again) == pytest.approx(plan.result.objective)
    for offers in [tuple(master.columns.options[row > 0.999]) for row in shares]:
        assert _compatible(problem, offers)
    assert _menu_ok(problem, tuple(menu.tolist()))


def test_the_certificate_is_in_money_and_names_its_family():
    problem = easy(5)
    plan = solve_segment_master(build_segment_master(problem), EFFORT)
    certificate = plan.master.certificate(plan.result)
    assert certificate.family == FAMILY
    assert (certificate.value, certificate.bound) == (plan.result.objective, plan.result.bound)
    assert certificate.gap == pytest.approx(0, abs=1e-6)


def test_a_core_says_how_much_of_the_candidates_it_holds():
    problem = with_rules(campaign(7, bundles=4), include=(2,))
    whole, core = build_segment_master(problem), build_segment_master(problem, max_options=2)
    assert whole.candidates == len(whole.columns.options)
    assert len(core.columns.options) < whole.candidates
    assert 2 in problem.options.bundle[core.columns.options]
    plan = solve_segment_master(core, EFFORT)
    assert "of" in core.certificate(plan.result).family.removeprefix(FAMILY)
    given = build_segment_master(problem, options=whole.columns.options[:2])
    assert set(given.columns.options) <= set(whole.columns.options[:2])


def test_a_larger_core_is_never_worse():
    for seed in range(10):
        problem = easy(seed, bundles=5)
        values = []
        for size in (2, 4, 100):
            result = solve_segment_master(build_segment_master(problem, max_options=size), EFFORT).result
            values.append(result.objective)
        assert values[-1] >= max(values) - 1e-6


def test_capacity_links_only_tighten():
    for seed in range(15):
        problem = campaign(seed, bundles=4)
        master = build_segment_master(problem)
        links = [i for i, name in enumerate(master.model.row_names) if name.startswith("link")]
        keep = np.setdiff1d(np.arange(master.model.rows), links)
        inside = np.isin(master.model.row_of, keep)
        bare = replace(
            master.model,
            indptr=np.concatenate([[0], np.cumsum(np.diff(master.model.indptr)[keep])]),
            indices=master.model.indices[inside],
            coefficients=master.model.coefficients[inside],
            row_lower=master.model.row_lower[keep],
            row_upper=master.model.row_upper[keep],
            row_names=(),
        )
        with_links, without = solve_model(master.model), solve_model(bare)
        assert with_links.status == without.status
        assert with_links.objective == pytest.approx(without.objective, abs=1e-5)
        assert solve_model(master.model.relaxed()).bound <= solve_model(bare.relaxed()).bound + 1e-6


def test_a_start_and_no_time_give_at_least_the_start():
    problem = easy(3)
    master = build_segment_master(problem)
    best = solve_segment_master(master, EFFORT)
    hurried = solve_segment_master(best.master, Effort(time_limit=0.01), start=best.result.values)
    assert hurried.result.objective >= best.result.objective - 1e-6


def test_rows_and_columns_have_readable_names():
    master = build_segment_master(campaign(3))
    names = [*master.model.names, *master.model.row_names]
    assert len(set(master.model.names)) == master.model.variables
    assert len(set(master.model.row_names)) == master.model.rows
    assert all(name.replace("_", "").replace(".", "").isalnum() for name in names)
    assert any(name.startswith("z.b0.") for name in names)
    assert any(name.startswith("x.1.b") for name in names)


def test_sums_over_segments_are_sums_over_members(monkeypatch):
    monkeypatch.setattr(segment_totals, "CHUNK_CELLS", 6000)
    rng = np.random.default_rng(0)
    array, segment = rng.random((9000, 3, 2)).astype(np.float32), rng.integers(0, 4, 9000).astype(np.int32)
    expected = np.stack([array[segment == s].astype(float).sum(0) for s in range(4)])
    np.testing.assert_allclose(segment_sums(array, segment), expected)
    np.testing.assert_allclose(segment_sums(array, segment, np.array([2, 0])), expected[:, [2, 0]])


def test_a_fixed_menu_needs_its_options_in_the_model():
    master = build_segment_master(campaign(7, bundles=4), max_options=1)
    outside = np.setdiff1d(np.arange(50), master.columns.options)[:1]
    with pytest.raises(ValueError, match="not in the model"):
        master.with_menu(outside)


def cover_of_two():
    """Bundles {0,1,2,3} for 11.00, {0,1} and {2,3} for 5.00 each: any two may stand together, all three may not."""
    problem = random_campaign(0, bundles=3, customers=2, items=4)
    items = np.array([[0, 1, 2, 3], [0, 1, -1, -1], [2, 3, -1, -1]], np.int32)
    prices, shelf = np.array([1100, 500, 500]), np.array([490, 490, 490, 480])
    worth = np.where(items >= 0, shelf[items], 0).sum(1)
    options = replace(
        problem.options,
        bundle_ids=np.array(["whole", "left", "right"], object),
        items=items,
        bundle=np.arange(3, dtype=np.int32),
        price_cents=prices,
        list_value_cents=worth,
        unit_spend=(worth - prices) / 100,
        unit_margin=prices / 400,
    )
    numbers = {name: getattr(problem, name)[:, :3] for name in ("redemption", "incremental_margin")}
    return replace(
        problem,
        options=options,
        value=np.array([[5, 1, 1], [1, 2, 2]], np.float32),
        units=np.zeros((2, 3, 4), np.float32),
        segment=np.arange(2, dtype=np.int32),
        rules=replace(type(problem.rules)(), shelf_price_cents=shelf, slots=3),
        **numbers,
    )


def test_a_cover_of_two_is_found_and_forbidden():
    problem = cover_of_two()  # one segment wants the whole, the other both halves
    master = build_segment_master(problem)
    free = solve_model(master.model)
    assert free.objective == pytest.approx(9)
    plan = solve_segment_master(master, EFFORT)
    assert _menu_ok(problem, tuple(plan.master.menu_of(plan.result.values).tolist()))
    assert plan.result.objective == pytest.approx(best_segment_plan(problem)) == pytest.approx(7)
    assert plan.master.model.row_names[-1] == "no_arbitrage.whole.11.00.by.left.5.00.by.right.5.00"
    hurried = solve_segment_master(master, Effort(time_limit=1e-3))
    if hurried.result.values is not None:
        assert _menu_ok(problem, tuple(hurried.master.menu_of(hurried.result.values).tolist()))
