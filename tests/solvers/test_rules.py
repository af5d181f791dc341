"""The rules that count bundles and offers, against enumeration of menus and offers, and the laws that they obey."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers import rule_report
from bundleopt_solvers.confirmation import second_bound
from bundleopt_solvers.counting import counting_conflict
from bundleopt_solvers.customer_model import solve_customer_model
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.lagrangian import price_all, start_multipliers
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem, MenuCount, Parity
from bundleopt_solvers.rows import parity_rows
from bundleopt_solvers.search import prepare
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import (
    best_by_enumeration,
    breaks_a_rule,
    permuted,
    random_campaign,
    with_more_rules,
    with_rules,
)

EXACT = EngineSettings(gap=1e-9, time_limit=120, threads=1)
CLOSE = 1e-6
FREE = {
    "budget": None, "min_margin": None, "category_min_margin": {}, "min_incremental_margin": None, "include": (),
    "category_cap": None, "item_overlap": None, "stock_slack": None, "fixed_cost_per_bundle": 0.0,
}  # fmt: skip


def _campaign(seed: int) -> CampaignProblem:
    problem = random_campaign(seed, bundles=2 + seed % 3, customers=1 + seed % 3)
    return with_more_rules(with_rules(problem, include=(), min_incremental_margin=None), seed)


def _optimum(problem: CampaignProblem) -> float:
    try:
        plan = solve_campaign(problem, EXACT)
    except InfeasiblePlanError:
        return -np.inf
    assert plan.headline.bound - plan.headline.value <= CLOSE
    return plan.headline.value


def _having(problem: CampaignProblem, item: int) -> np.ndarray:
    return np.asarray((problem.options.items == item).any(1))


@pytest.mark.parametrize("batch", range(4))
def test_plan_and_bound_agree_with_enumeration(batch: int) -> None:
    for seed in range(7000 + 6 * batch, 7006 + 6 * batch):
        problem = _campaign(seed)
        best = best_by_enumeration(problem)
        if best is None:
            with pytest.raises(InfeasiblePlanError):
                solve_campaign(problem, EXACT)
            continue
        plan = solve_campaign(problem, EXACT)
        assert breaks_a_rule(problem, plan) == "", seed
        assert plan.headline.value == pytest.approx(best, abs=CLOSE), seed
        assert best - 1e-12 <= plan.headline.bound <= best + CLOSE, seed


@pytest.mark.parametrize("seed", range(7100, 7102))
def test_one_more_rule_never_raises_the_optimum(seed: int) -> None:
    problem = with_rules(random_campaign(seed), include=(), min_incremental_margin=None)
    base = _optimum(problem)
    group = np.array([0, 1, 0], dtype=np.int32)
    for rule in (
        {"menu_counts": (MenuCount("cap", _having(problem, 0), most=1),)},
        {"menu_counts": (MenuCount("floor", _having(problem, 2), least=1),)},
        {"max_exposure": 1},
        {"min_exposure": 2},
        {"parity": (Parity("kind", ("a", "b"), group, 0.25),)},
        {"lock": (0,)},
    ):
        assert _optimum(with_rules(problem, **rule)) <= base + CLOSE, rule


@pytest.mark.parametrize("seed", range(7200, 7201))
def test_tightening_a_rule_never_raises_the_optimum(seed: int) -> None:
    problem = with_rules(random_campaign(seed), include=(), min_incremental_margin=None)
    member, group = _having(problem, 1), np.array([0, 1, 1], dtype=np.int32)
    for rules in (
        [{"menu_counts": (MenuCount("cap", member, most=n),)} for n in (2, 1, 0)],
        [{"menu_counts": (MenuCount("floor", member, least=n),)} for n in (0, 1, 2)],
        [{"max_exposure": n} for n in (3, 2, 1)],
        [{"min_exposure": n} for n in (1, 2, 3)],
        [{"parity": (Parity("kind", ("a", "b"), group, share),)} for share in (1.0, 0.5, 0.0)],
    ):
        found = [_optimum(with_rules(problem, **rule)) for rule in rules]
        assert all(later <= earlier + CLOSE for earlier, later in pairwise(found)), rules[0]


@pytest.mark.parametrize("seed", range(7300, 7304))
def test_permuting_customers_and_bundles_changes_nothing(seed: int) -> None:
    problem = _campaign(seed)
    assert _optimum(permuted(problem, seed)) == pytest.approx(_optimum(problem), abs=CLOSE)


@pytest.mark.parametrize("seed", range(7400, 7412))
def test_any_prices_bound_the_optimum_and_the_second_opinion_agrees(seed: int) -> None:
    problem = _campaign(seed)
    best, state = best_by_enumeration(problem), prepare(problem, EngineSettings())
    if best is None or not len(state.cells.option):
        return
    rng = np.random.default_rng(seed)
    zero = start_multipliers(state.cells, state.relaxation)
    for _ in range(5):
        prices = replace(
            zero,
            row=zero.row + zero.row.new_tensor(rng.exponential(0.5, len(zero.row))),
            menu=zero.menu + zero.menu.new_tensor(rng.exponential(0.5, len(zero.menu))),
        )
        point = price_all(state.cells, prices, state.relaxation)
        assert point.bound >= best
        state.prices = prices
        # It does not know cells that break a rule alone, nor options without a price, so it may be larger.
        assert second_bound(problem, state) >= max(best, point.bound - 1e-6)


@pytest.mark.parametrize("seed", [7500, 7501, 7504, 7507])
def test_the_linear_model_of_the_customers_finds_the_same_optimum(seed: int) -> None:
    problem = _campaign(seed)
    best, result = best_by_enumeration(problem), solve_customer_model(problem, time_limit=30)
    if best is None:
        assert result.values is None
    else:
        assert result.objective == pytest.approx(best, abs=1e-5)


def test_an_include_of_an_item_takes_the_bundle_that_pays_best() -> None:
    problem = with_rules(random_campaign(3), **FREE)
    asked = with_rules(problem, menu_counts=(MenuCount("include", _having(problem, 2), least=1, label="i2"),))
    plan = solve_campaign(asked, EXACT)
    assert _having(problem, 2)[plan.menu].any()
    assert plan.headline.value == pytest.approx(best_by_enumeration(asked), abs=CLOSE)
    assert _line(plan, "include").slack == 0


def test_a_locked_bundle_keeps_its_price_even_where_another_pays_more() -> None:
    problem = with_rules(random_campaign(12), **FREE, no_arbitrage=False, max_bundles=4)
    for option in range(len(problem.options.bundle)):
        plan = solve_campaign(with_rules(problem, lock=(option,)), EXACT)
        assert option in plan.menu
        assert _line(plan, "lock").value == 1


def test_exposure_and_parity_are_reported_with_their_slack() -> None:
    problem = with_rules(random_campaign(5, customers=3), **FREE)
    group = np.array([0, 0, 1], dtype=np.int32)
    parity = (Parity("kind", ("a", "b"), group, 0.5),)
    plan = solve_campaign(with_rules(problem, min_exposure=2, max_exposure=3, parity=parity), EXACT)
    offers = np.unique(plan.offer_option, return_counts=True)[1]
    assert _line(plan, "min_exposure").slack == offers.min() - 2
    assert _line(plan, "max_exposure").slack == 3 - offers.max()
    share = (group[plan.offer_customer] == 1).sum() * 3 / len(plan.offer_customer)
    assert _line(plan, "parity:kind=b").value == pytest.approx(abs(share - 1))


def _line(plan: CampaignPlan, name: str) -> object:
    return next(rule for rule in plan.rules if rule.name == name)


def test_churn_counts_what_comes_and_what_goes() -> None:
    problem = with_rules(random_campaign(21), **FREE, no_arbitrage=False, max_bundles=4)
    base = solve_campaign(problem, EXACT).menu
    held = np.isin(np.arange(len(problem.options.bundle)), base)
    worse = replace(problem, value=-problem.value)
    for changes in range(3):
        least = max(len(base) - changes, 0)
        counts = (MenuCount("max_churn", ~held, most=changes), MenuCount("max_churn", held, least=least))
        plan = solve_campaign(with_rules(worse, menu_counts=counts), EXACT)
        assert len(np.setdiff1d(plan.menu, base)) <= changes
        assert len(np.setdiff1d(base, plan.menu)) <= changes


def test_a_floor_that_candidates_cannot_fill_is_refused_by_counting() -> None:
    problem = with_rules(random_campaign(6), **FREE)
    counts = (MenuCount("floor:brand:Acme", _having(problem, 0) & False, least=1),)
    asked = with_rules(problem, menu_counts=counts)
    assert "the candidates hold 0" in counting_conflict(asked)
    with pytest.raises(InfeasiblePlanError, match="floor:brand:Acme") as caught:
        solve_campaign(asked, EXACT)
    assert caught.value.conflict == ("floor:brand:Acme",)


def test_parity_rows_allow_exactly_the_tolerance() -> None:
    group = np.array([0, 0, 1, -1], dtype=np.int32)
    rows = dict(parity_rows(Parity("kind", ("a", "b", "none"), group, 0.5)))
    assert set(rows) == {"parity:kind=a:most", "parity:kind=a:least", "parity:kind=b:most", "parity:kind=b:least"}
    assert rows["parity:kind=a:most"].tolist() == [0.25, 0.25, -0.75, -0.75]
    assert rows["parity:kind=b:least"].tolist() == [0.125, 0.125, -0.875, 0.125]


def test_a_priced_rule_binds_although_whole_offers_leave_a_little_of_it() -> None:
    left = {price: rule_report._line("budget", 20.0, 19.9, 0.1, price).binding for price in (None, 0.0, 2.3)}
    assert left == {None: False, 0.0: False, 2.3: True}
    assert not rule_report._line("budget", 20.0, 15.0, 5.0, 2.3).binding
    assert rule_report._line("slots", 3.0, 3.0, 0.0, None).binding
