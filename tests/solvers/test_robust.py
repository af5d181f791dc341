"""Risk and a budget that holds with a chance, against every plan of the smallest campaigns."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt_solvers.draw_sums import chance_within, spend_moments, spend_quantile, worst_mean, worst_weights
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem, OfferDraws, Risk
from bundleopt_solvers.robust import solve_robust, weighted_value
from bundleopt_solvers.settings import EngineSettings
from tests.solvers.small_campaigns import all_plans, breaks_a_rule, random_campaign, with_rules

EXACT = EngineSettings(gap=1e-9, time_limit=120, threads=1)
DRAWS = 20


def _campaign(seed: int) -> CampaignProblem:
    problem = random_campaign(seed, bundles=2, customers=2)
    rng = np.random.default_rng([seed, 3])
    factors = rng.gamma(4.0, 0.25, (2, DRAWS, len(problem.options.bundle)))
    factors /= factors.mean(1, keepdims=True)
    free = with_rules(problem, include=(), min_incremental_margin=None, min_margin=None, category_min_margin={})
    return replace(free, draws=OfferDraws(factors[0], factors[1]))


def _risk_value(problem: CampaignProblem, offers: list[tuple[int, int]]) -> float:
    """From the definition: the worst draws one by one, the last of them in part."""
    risk, rules = problem.rules.risk, problem.rules
    draws = sorted(sum(float(problem.value[u, o]) * row[o] for u, o in offers) for row in problem.draws.value)
    count, worst = risk.share * DRAWS, 0.0
    for draw in draws:
        part = min(1.0, count)
        worst, count = worst + part * draw, count - part
    mean = sum(float(problem.value[u, o]) for u, o in offers)
    costs = rules.contact_cost * len(offers) + rules.fixed_cost_per_bundle * len({o for _, o in offers})
    return (1 - risk.weight) * mean + risk.weight * worst / (risk.share * DRAWS) - costs


def _chance(problem: CampaignProblem, offers: list[tuple[int, int]], budget: float) -> float:
    total = 0.0
    for row in problem.draws.redemption:
        terms = [(problem.options.unit_spend[o], min(1.0, float(problem.redemption[u, o]) * row[o])) for u, o in offers]
        mean = sum(spend * p for spend, p in terms)
        spread = math.sqrt(sum(spend * spend * p * (1 - p) for spend, p in terms))
        total += 0.5 * math.erfc((mean - budget) / spread / math.sqrt(2)) if spread > 0 else float(mean <= budget)
    return total / DRAWS


@pytest.mark.parametrize("seed", range(8500, 8512))
def test_the_bound_holds_for_the_worst_draws_of_every_plan(seed: int) -> None:
    risk = Risk([0.1, 0.25, 1.0][seed % 3], [1.0, 0.5][seed % 2])
    problem = with_rules(_campaign(seed), risk=risk)
    plan = solve_robust(problem, EXACT)
    best = max(_risk_value(problem, offers) for offers in all_plans(problem))
    offers = list(zip(plan.offer_customer.tolist(), plan.offer_option.tolist(), strict=True))
    assert plan.headline.value == pytest.approx(_risk_value(problem, offers), abs=1e-9)
    assert plan.headline.value <= best + 1e-9
    assert plan.headline.bound >= best - 1e-9
    assert "rule" not in breaks_a_rule(with_rules(problem, risk=None), plan)
    if risk.share == 1.0:
        assert plan.headline.value == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("seed", range(8600, 8610))
def test_spend_stays_in_the_budget_with_the_asked_chance(seed: int) -> None:
    problem = with_rules(_campaign(seed), budget=1.5, budget_confidence=0.9)
    plan = solve_robust(problem, EXACT)
    offers = list(zip(plan.offer_customer.tolist(), plan.offer_option.tolist(), strict=True))
    assert _chance(problem, offers, 1.5) >= 0.9 - 1e-12
    line = next(rule for rule in plan.rules if rule.name == "budget_confidence")
    assert line.value == pytest.approx(_chance(problem, offers, 1.5), abs=1e-9)
    kept = [one for one in all_plans(problem) if _chance(problem, one, 1.5) >= 0.9]
    worth = [_plain_value(problem, one) for one in kept]
    assert plan.headline.bound >= max(worth) - 1e-9
    assert plan.headline.value <= max(worth) + 1e-9


def _plain_value(problem: CampaignProblem, offers: list[tuple[int, int]]) -> float:
    rules = problem.rules
    costs = rules.contact_cost * len(offers) + rules.fixed_cost_per_bundle * len({o for _, o in offers})
    return sum(float(problem.value[u, o]) for u, o in offers) - costs


def test_more_weight_on_the_worst_draws_never_raises_the_objective() -> None:
    problem = _campaign(8700)
    found = [solve_robust(with_rules(problem, risk=Risk(0.2, w)), EXACT).headline for w in (0.0, 0.5, 1.0)]
    assert found[0].value >= found[1].value - 1e-6
    assert found[1].value >= found[2].value - 1e-6


def test_without_such_rules_it_is_the_engine() -> None:
    problem = _campaign(8701)
    plan = solve_robust(problem, EXACT)
    assert isinstance(plan, CampaignPlan)
    assert plan.headline.value == pytest.approx(max(_plain_value(problem, one) for one in all_plans(problem)), abs=1e-6)


def test_draws_are_needed() -> None:
    problem = replace(with_rules(_campaign(8702), risk=Risk(0.1)), draws=None)
    with pytest.raises(ValueError, match="need draws"):
        solve_robust(problem, EXACT)


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.floats(0.05, 1.0))
def test_worst_weights_are_capped_and_no_others_give_less(values: list[float], share: float) -> None:
    array = np.array(values)
    weights = worst_weights(array, share)
    assert weights.sum() == pytest.approx(1.0)
    assert weights.max() <= max(1 / (share * len(array)), 1.0 / len(array)) + 1e-12
    rng = np.random.default_rng(0)
    for _ in range(5):
        other = np.minimum(rng.dirichlet(np.ones(len(array))), 1 / (share * len(array)))
        other = other + (1 - other.sum()) / len(array)
        if other.max() <= 1 / (share * len(array)) + 1e-12:
            assert worst_mean(array, share) <= float(other @ array) + 1e-9


def test_the_quantile_is_the_least_budget_that_holds() -> None:
    problem = _campaign(8703)
    plan = solve_robust(problem, EXACT)
    moments = spend_moments(problem, plan)
    least = spend_quantile(moments, 0.9)
    assert chance_within(moments, least) >= 0.9
    assert chance_within(moments, least * 0.999) < 0.9


def test_weighted_values_never_round_down() -> None:
    problem = _campaign(8704)
    weights = np.random.default_rng(1).dirichlet(np.ones(DRAWS))
    exact = problem.value.astype(np.float64) * (0.5 + 0.5 * (weights @ problem.draws.value))
    rounded = weighted_value(problem, weights, 0.5).astype(np.float64)
    assert (rounded >= exact).all()
    assert rounded == pytest.approx(exact, rel=1e-6, abs=1e-12)
