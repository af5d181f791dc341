"""The menu engine against the exact segment model, its bound at random prices, and its cuts at every whole menu."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_model
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.menu_engine import solve_menu
from bundleopt_solvers.plan import StopReason
from bundleopt_solvers.problem import CampaignProblem, Options, Rules
from bundleopt_solvers.segment_ascent import descend
from bundleopt_solvers.segment_dual import SegmentPricer, SegmentPrices, no_prices
from bundleopt_solvers.segment_flow_cuts import flow_capacity, separate
from bundleopt_solvers.segment_master import build_segment_master
from bundleopt_solvers.segment_model import build_segment_model
from bundleopt_solvers.segment_relaxed import Part, exposures_of, solve_relaxed
from bundleopt_solvers.segment_solve import solve_segment_master
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import _menu_ok, random_campaign, with_many_includes, with_rules

EXACT = EngineSettings(gap=1e-6, time_limit=30)


def campaign(seed, *, bundles=5, customers=5, items=6):
    problem = random_campaign(seed, bundles=bundles, customers=customers, items=items)
    codes = (np.arange(customers) % (1 + seed % 4)).astype(np.int32)
    problem = replace(problem, segment=codes)
    return with_many_includes(problem, seed) if seed % 7 == 0 else problem


def easy(seed, **sizes):
    """A campaign in which the empty menu at least keeps every rule."""
    return with_rules(campaign(seed, **sizes), include=(), min_incremental_margin=None)


@pytest.mark.parametrize("block", range(4))
def test_value_and_bound_meet_the_exact_segment_model(block):
    solved = 0
    for seed in range(block * 8, block * 8 + 8):
        problem = campaign(seed, bundles=3 + seed % 5)
        exact = solve_segment_master(build_segment_master(problem), Effort(time_limit=20, gap=1e-9)).result
        found = solve_menu(problem, EXACT)
        if exact.status is SolveStatus.INFEASIBLE:
            assert found.value == -np.inf, f"campaign {seed}"
            assert not len(found.menu)
            continue
        close = 1e-5 * max(1.0, abs(exact.objective))
        assert found.value == pytest.approx(exact.objective, abs=close), f"campaign {seed}"
        assert exact.objective - close <= found.bound <= found.value + close, f"campaign {seed}"
        assert _menu_ok(problem, tuple(found.menu.tolist())), f"campaign {seed}"
        solved += 1
    assert solved > 2


def test_the_bound_holds_at_any_prices():
    for seed in range(12):
        problem = easy(seed, bundles=6)
        best = solve_menu(problem, EXACT).value
        model = build_segment_model(problem)
        pricer, rng = SegmentPricer(model), np.random.default_rng(seed)
        for _ in range(8):
            zero = no_prices(model)
            group = rng.exponential(0.3, zero.group.shape)
            group[-1] = 0.0
            prices = SegmentPrices(
                dense=rng.exponential(0.5, zero.dense.shape),
                stock=rng.exponential(0.5, zero.stock.shape),
                slot=rng.exponential(0.3, zero.slot.shape),
                group=group,
                menu=rng.exponential(0.3, zero.menu.shape),
            )
            assert pricer.point(prices).bound >= best - 1e-6, f"campaign {seed}"


def stocked(seed, *, bundles=6, segments=4):
    """Bundles that share one item of little stock, each with another item of its own of which there is still less."""
    rng = np.random.default_rng(seed)
    price = np.array([-20, -60] * bundles) + 1000
    bundle = np.repeat(np.arange(bundles, dtype=np.int32), 2)
    own = rng.uniform(0.3, 0.7, bundles)
    redemption = rng.uniform(0.2, 1.0, (segments, 2 * bundles)) * np.where(price == 940, 1.3, 1.0)
    options = Options(
        bundle_ids=np.array([f"b{n}" for n in range(bundles)], object),
        item_ids=np.array([f"i{n}" for n in range(bundles + 1)], object),
        items=np.stack([np.zeros_like(bundle), bundle + 1], axis=1).astype(np.int32),
        bundle=bundle,
        price_cents=price,
        list_value_cents=np.full(2 * bundles, 1000),
        unit_spend=(1000 - price) / 100,
        unit_margin=price / 100 - 4,
    )
    return CampaignProblem(
        customer_ids=np.array([f"c{n}" for n in range(segments)], object),
        options=options,
        value=(redemption * rng.uniform(3, 5, 2 * bundles)).astype(np.float32),
        redemption=redemption.astype(np.float32),
        incremental_margin=np.zeros_like(redemption, np.float32),
        units=np.repeat(redemption[:, :, None], 2, axis=2).astype(np.float32),
        segment=np.arange(segments, dtype=np.int32),
        rules=Rules(
            max_bundles=3,
            slots=2,
            stock_slack=np.array([1.0, *own]),
            no_arbitrage=False,
            fixed_cost_per_bundle=0.7,
        ),
    )


def test_cuts_hold_for_whole_menus_and_lower_the_relaxation():
    cut_off = checked = 0
    for seed in range(12):
        model = build_segment_model(stocked(seed))
        every = np.arange(len(model.option))
        relaxed = solve_relaxed(model, (), seconds=10)
        cuts = separate(model, flow_capacity(model), relaxed.menu, relaxed.exposure, whole=model)
        if not cuts:
            continue
        cut_off += solve_relaxed(model, cuts, seconds=10).value < relaxed.value - 1e-9
        rng = np.random.default_rng(seed)
        for _ in range(6):
            bundles = rng.permutation(np.unique(model.bundle))[:3]
            menu = np.sort([rng.choice(every[model.bundle == bundle]) for bundle in bundles])
            free = exposures_of(model.take(menu), seconds=10)
            with_cuts = solve_relaxed(model.take(menu), cuts, part=Part(frozenset(bundles.tolist())), seconds=10)
            assert with_cuts.value == pytest.approx(free.value, abs=1e-7 + 1e-7 * abs(free.value)), f"campaign {seed}"
            checked += 1
    assert cut_off > 5
    assert checked > 30


def test_the_same_work_gives_the_same_bytes():
    problem = stocked(3)
    first, again = (solve_menu(problem, EngineSettings(gap=0.0, work=6)) for _ in range(2))
    assert first.reason is StopReason.WORK_LIMIT
    assert first.work == 6
    assert (first.value, first.bound, first.menu.tolist()) == (again.value, again.bound, again.menu.tolist())
    assert first.exposure.tobytes() == again.exposure.tobytes()
    longer = solve_menu(problem, EngineSettings(gap=0.0, work=200))
    assert first.value <= longer.value <= longer.bound <= first.bound


def test_neighbourhoods_beside_the_nodes_change_nothing_but_the_time():
    problem = with_rules(stocked(4, bundles=16, segments=8), max_bundles=6)
    one, two = (solve_menu(problem, EngineSettings(gap=0.0, work=90, threads=threads)) for threads in (1, 2))
    assert one.work == two.work > 60, "the search ended before it came to neighbourhoods"
    assert (one.value, one.bound, one.menu.tolist()) == (two.value, two.bound, two.menu.tolist())
    assert one.exposure.tobytes() == two.exposure.tobytes()


def test_a_linear_model_ends_at_the_same_value_wherever_it_begins():
    for seed in range(8):
        model = build_segment_model(stocked(seed))
        plain = solve_relaxed(model, (), seconds=10)
        assert plain.basis is not None
        again = solve_relaxed(model, (), part=Part(basis=plain.basis), seconds=10)
        fewer = model.take(np.arange(2, len(model.option)))  # what the basis speaks of is gone
        shorter = solve_relaxed(fewer, (), part=Part(basis=plain.basis), seconds=10)
        assert again.value == pytest.approx(plain.value, rel=1e-9)
        assert shorter.value == pytest.approx(solve_relaxed(fewer, (), seconds=10).value, rel=1e-9)


def test_exposures_that_are_left_out_are_named_where_they_would_gain():
    named = 0
    for seed in range(8):
        model = build_segment_model(stocked(seed))
        whole = solve_relaxed(model, (), seconds=10)
        columns = np.zeros(model.value.shape, bool)
        columns[:, 0] = True
        for _ in range(20):
            part = solve_relaxed(model, (), part=Part(columns=columns), seconds=10)
            assert part.value <= whole.value + 1e-9
            if not part.has_entering:
                break
            named += 1
            columns |= part.enters
        assert part.value == pytest.approx(whole.value, rel=1e-6), f"campaign {seed}"
    assert named > 4


def test_time_runs_out_with_a_menu_and_a_bound():
    problem = stocked(5)
    exact = solve_menu(problem, EXACT)
    hurried = solve_menu(problem, EngineSettings(gap=0.0, time_limit=1e-3))
    assert hurried.reason is StopReason.TIME_LIMIT
    assert hurried.value <= exact.value + 1e-9
    assert hurried.bound >= exact.value - 1e-9


def test_a_start_is_never_lost():
    problem = stocked(7)
    best = solve_menu(problem, EXACT)
    again = solve_menu(problem, EngineSettings(gap=0.0, work=2), start=best.menu)
    assert again.value == pytest.approx(best.value)


def test_the_descent_bounds_all_options_from_a_short_list():
    model = build_segment_model(stocked(9))
    best = solve_menu(stocked(9), EXACT).value
    found = descend(model, stopped=lambda: False)
    assert best - 1e-9 <= found.point.bound <= SegmentPricer(model).point(no_prices(model)).bound


def test_rules_are_reported_with_their_slack():
    found = solve_menu(stocked(4), EXACT)
    assert {line.name for line in found.rules} >= {"max_bundles"}
    assert all(line.slack >= -1e-6 for line in found.rules)
    assert found.certificate.gap == found.gap <= 1e-5
    assert found.exposure.shape == (4, len(found.menu))


def test_the_written_model_has_the_value_and_bound_of_the_certificate():
    solved = 0
    for seed in range(1, 25):
        problem = easy(seed)
        found = solve_menu(problem, EXACT)
        master = build_segment_master(problem, max_options=1_000).with_menu_cuts(found.cuts)
        exact = solve_model(master.model)
        close = 1e-5 * max(1.0, abs(found.value))
        assert exact.objective >= found.value - close, f"campaign {seed}"
        assert exact.objective <= found.bound + close, f"campaign {seed}"
        solved += 1
    assert solved == 24


@pytest.mark.parametrize("first", [0.05, 0.4, 50.0], ids=["clock", "clock or proof", "proof"])
def test_a_campaign_is_replayed_by_its_work_however_it_ended(first):
    problem = campaign(5, bundles=12, customers=60, items=10)
    # On a busy machine the clock may end before the segment model begins: then it gets more.
    for seconds in (first, 2.0, 10.0, 50.0):
        settings = EngineSettings(gap=0.0, time_limit=seconds, segment_master=True)
        stopped = solve_campaign(problem, settings)
        if stopped.menu_work:
            break
    again = solve_campaign(problem, replace(settings, time_limit=600.0, work=stopped.work, menu_work=stopped.menu_work))
    assert again.work == stopped.work
    assert (again.headline, again.menu.tolist()) == (stopped.headline, stopped.menu.tolist())
    assert again.offer_option.tobytes() == stopped.offer_option.tobytes()
    assert again.certificates == stopped.certificates


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_start_with_an_option_that_nobody_gains_by_keeps_menu_and_exposures_aligned(seed):
    problem = easy(seed, bundles=6)
    worthless = int(np.flatnonzero(problem.options.bundle == 2)[0])
    value = problem.value.copy()
    value[:, problem.options.bundle == 2] = -1.0
    problem = replace(problem, value=value)
    plain = solve_menu(problem, EXACT)
    start = np.unique(np.append(plain.menu, worthless))
    found = solve_menu(problem, EXACT, start=start)
    assert found.value == pytest.approx(plain.value, abs=1e-5 * max(1.0, abs(plain.value)))
    assert found.exposure.shape[1] == len(found.menu)
