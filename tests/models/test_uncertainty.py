"""Draws of parameters, the spreads they are drawn with, and the intervals that follow."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundleopt_data.errors import UsageError
from bundleopt_models.decomposition import Offers
from bundleopt_models.demand_interval import SIMULATED_WEEKS, WeeklyDemand, demand_quantile, simulate_demand
from bundleopt_models.draw_values import option_factors, value_offers_under_draws
from bundleopt_models.interval_coverage import interval_coverage
from bundleopt_models.model import load_model
from bundleopt_models.option_table import option_table
from bundleopt_models.synthetic_week import synthetic_bundles, synthetic_week
from bundleopt_models.uncertainty import (
    LARGEST_SLOPE_FACTOR,
    ParameterDraw,
    ParameterDraws,
    Uncertainty,
    draw_parameters,
)
from bundleopt_models.uncertainty_fit import PriceHistory, WeeklySales, fit_uncertainty
from bundleopt_models.uncertainty_weeks import expected_sales, units_moments
from bundleopt_models.valuation import value_offers


def spreads(items: int, **values: float) -> Uncertainty:
    """Spreads that are the same for all items; 0 where nothing is said, one unit a purchase."""
    per_item = ("level", "category_level", "slope", "category_slope", "item_week", "units_square")
    said = {"units_square": 1.0} | values
    arrays = {name: np.full(items, said.get(name, 0.0), np.float32) for name in per_item}
    return Uncertainty.of(arrays, {name: said.get(name, 0.0) for name in ("common_level", "common_slope", "week")})


@pytest.fixture(name="case", scope="module")
def _case():
    forecast, campaign = synthetic_week(60, 80, pairs=400, popularity=-3.0)
    table = option_table(*synthetic_bundles(forecast, campaign, [1, 2, 2, 3, 4], among=30), campaign)
    return forecast, campaign, table


def test_the_first_draws_do_not_depend_on_how_many_are_drawn(case) -> None:
    forecast = case[0]
    uncertainty = spreads(80, level=0.3, category_level=0.1, slope=0.3, common_level=0.1, common_slope=0.2)
    few, many = (draw_parameters(uncertainty, forecast.category, forecast.relations, n, (5, 1)) for n in (3, 7))
    other = draw_parameters(uncertainty, forecast.category, forecast.relations, 3, (6, 1))
    for name in ("level", "slope", "gamma"):
        assert np.array_equal(getattr(few, name), getattr(many, name)[:3])
        assert not np.array_equal(getattr(few, name), getattr(other, name))


def test_draws_have_the_spreads_they_were_asked_for(case) -> None:
    forecast = case[0]
    uncertainty = spreads(80, level=0.3, category_level=0.2, slope=0.25, common_level=0.1)
    draws = draw_parameters(uncertainty, forecast.category, forecast.relations, 1500, (0,))
    assert np.exp(draws.level).mean() == pytest.approx(1.0, abs=0.02)
    assert draws.level.std(axis=0).mean() == pytest.approx(math.sqrt(0.09 + 0.04 + 0.01), rel=0.02)
    same = forecast.category[:, None] == forecast.category[None, :]
    shared = np.cov(draws.level.T)
    assert shared[same & ~np.eye(80, dtype=bool)].mean() == pytest.approx(0.05, abs=0.005)
    assert shared[~same].mean() == pytest.approx(0.01, abs=0.005)
    assert np.log(draws.slope).std(axis=0).mean() == pytest.approx(0.25, rel=0.02)
    assert draws.gamma.std(axis=0) == pytest.approx(forecast.relations.standard_error, rel=0.15)


def test_slopes_stay_positive_however_uncertain(case) -> None:
    forecast = case[0]
    draws = draw_parameters(spreads(80, slope=3.0), forecast.category, forecast.relations, 50, (0,))
    assert draws.slope.min() >= 1 / LARGEST_SLOPE_FACTOR - 1e-6
    assert draws.slope.max() <= LARGEST_SLOPE_FACTOR + 1e-6


def test_a_draw_that_moves_nothing_values_offers_as_the_forecast_does(case) -> None:
    forecast, _, table = case
    rng = np.random.default_rng(0)
    offers = Offers(rng.integers(0, 60, 300), rng.integers(0, len(table.bundle), 300))
    still = ParameterDraws(
        np.zeros((2, 80), np.float32), np.ones((2, 80), np.float32), np.zeros((2, len(forecast.relations.first)), "f4")
    )
    drawn = value_offers_under_draws(*case, offers, still, factors=(0.8, 1.1))
    values = value_offers(*case, reach=0.8, salience=1.1)
    at = offers.customer, offers.option
    for name in ("redemption", "incremental_revenue", "incremental_margin"):
        assert getattr(drawn, name)[1] == pytest.approx(getattr(values, name)[at], rel=1e-5, abs=1e-7)
    assert drawn.units[0] == pytest.approx(values.units[at].sum(1), rel=1e-5)
    assert drawn.promo_spend[0] == pytest.approx(values.redemption[at] * table.unit_spend[offers.option], rel=1e-5)


def test_a_draw_values_offers_as_a_forecast_with_its_parameters(case) -> None:
    forecast, campaign, table = case
    rng = np.random.default_rng(1)
    draw = ParameterDraw(
        level=rng.normal(0, 0.4, 80),
        slope=np.exp(rng.normal(0, 0.3, 80)),
        gamma=np.full(len(forecast.relations.first), 0.2),
    )
    chance = forecast.probability / forecast.visit_probability[:, None].astype(np.float64)
    odds = chance / (1 - chance) * np.exp(draw.level)
    moved = replace(
        forecast,
        probability=(odds / (1 + odds) * forecast.visit_probability[:, None]).astype(np.float32),
        slope=(forecast.slope * draw.slope).astype(np.float32),
        relations=replace(forecast.relations, gamma=forecast.relations.gamma + np.float32(0.2)),
    )
    offers = Offers(rng.integers(0, 60, 300), rng.integers(0, len(table.bundle), 300))
    parts = (part.astype(np.float32)[None] for part in (draw.level, draw.slope, draw.gamma))
    drawn = value_offers_under_draws(forecast, campaign, table, offers, ParameterDraws(*parts))
    values = value_offers(moved, campaign, table)
    at = offers.customer, offers.option
    assert drawn.redemption[0] == pytest.approx(values.redemption[at], rel=1e-4)
    assert drawn.incremental_revenue[0] == pytest.approx(values.incremental_revenue[at], rel=1e-3, abs=1e-6)


def test_factors_of_options_reproduce_what_a_plan_spends_under_each_draw(case) -> None:
    forecast, campaign, table = case
    uncertainty = spreads(80, level=0.3, slope=0.3, common_level=0.1)
    draws = draw_parameters(uncertainty, forecast.category, forecast.relations, 12, (3,))
    factors = option_factors(forecast, campaign, table, draws)
    assert factors.value.mean(axis=0) == pytest.approx(1.0)
    assert factors.redemption.mean(axis=0) == pytest.approx(1.0)
    assert min(factors.value.min(), factors.redemption.min()) >= 0
    values = value_offers(forecast, campaign, table)
    best = values.incremental_revenue.argmax(1)
    offers = Offers(np.arange(60), best)
    exact = value_offers_under_draws(forecast, campaign, table, offers, draws).promo_spend.sum(1)
    spend = values.redemption[np.arange(60), best] * table.unit_spend[best]
    guessed = (factors.redemption[:, best] * spend).sum(1)
    assert guessed / guessed.mean() == pytest.approx(exact / exact.mean(), rel=0.06)


def planted_sales(weeks: int = 60, items: int = 1500) -> tuple[WeeklySales, PriceHistory]:
    """Sales whose spreads are known: items 0.3, categories 0.2, items in weeks 0.25, weeks 0.1."""
    rng = np.random.default_rng(4)
    expected = np.exp(rng.normal(2.0, 0.5, items))[None, :].repeat(weeks, axis=0)
    category = np.arange(items) % 100
    log = 0.3 * rng.normal(size=items) + (0.2 * rng.normal(size=100))[category] + 0.1 * rng.normal(size=(weeks, 1))
    log = log + 0.25 * rng.normal(size=(weeks, items))
    bought = rng.poisson(expected * np.exp(log)).astype(float)
    sales = WeeklySales(expected, bought, category, np.full(items, 1.2), np.full(items, 2.0))
    position = np.where(rng.random((weeks, items)) < 0.3, -0.3, 0.0)
    return sales, PriceHistory(bought, position, np.full(items, 2.0))


def test_planted_spreads_are_found() -> None:
    found = fit_uncertainty(*planted_sales(), held_out=60)
    assert found.week == pytest.approx(0.1, abs=0.03)
    assert np.sqrt(found.level**2 + found.category_level**2).mean() == pytest.approx(math.hypot(0.3, 0.2), rel=0.15)
    assert found.category_level.mean() == pytest.approx(0.2, rel=0.25)
    assert found.item_week.mean() == pytest.approx(0.25, rel=0.25)


def test_spreads_of_levels_do_not_grow_with_sales() -> None:
    sales, prices = planted_sales(weeks=6)
    found = fit_uncertainty(sales, prices, held_out=4)
    by_sales = found.level[np.argsort(sales.expected.sum(0))]
    assert (np.diff(by_sales) <= 1e-6).all()


def test_slopes_are_surer_with_more_price_changes() -> None:
    sales, prices = planted_sales()
    still = replace(prices, position=np.zeros_like(prices.position))
    moved, unmoved = (fit_uncertainty(sales, history, held_out=4) for history in (prices, still))
    assert (moved.slope < unmoved.slope).all()
    assert moved.common_slope < 0.05 < unmoved.common_slope


@pytest.mark.parametrize("weeks", [0, 1])
def test_too_few_weeks_leave_the_spreads_of_the_unknown(weeks: int) -> None:
    sales, prices = planted_sales(weeks=max(weeks, 1), items=50)
    short = replace(sales, expected=sales.expected[:weeks], bought=sales.bought[:weeks])
    found = fit_uncertainty(short, prices, held_out=0)
    assert found.level.min() > 0.2
    assert found.week > 0
    assert all(np.isfinite(value).all() for value in found.arrays().values())


def test_without_any_spread_demand_is_counting_alone() -> None:
    rate = np.array([0.5, 3.0, 40.0])
    demand = simulate_demand(rate, np.ones(3), spreads(3), np.zeros(3, np.int32), seed=2)
    assert demand.units.mean(0) == pytest.approx(rate, rel=0.1)
    assert demand.units.var(0) == pytest.approx(rate, rel=0.15)


def test_simulated_units_have_the_moments_of_the_mixture() -> None:
    rate, kappa, square = np.full(200, 8.0), np.full(200, 1.5), 4.0
    demand = simulate_demand(rate, kappa, spreads(200, level=0.2, item_week=0.2, units_square=square), np.arange(200))
    assert demand.units.mean() == pytest.approx(12.0, rel=0.02)
    variance = 8.0 * square + 12.0**2 * math.expm1(0.08)
    assert demand.units.var(0).mean() == pytest.approx(variance, rel=0.05)


def test_the_interval_nearest_to_its_level_is_never_farther_than_the_one_between_quantiles() -> None:
    rng = np.random.default_rng(0)
    demand = WeeklyDemand(np.sort(rng.poisson(np.linspace(0.1, 30, 60), (SIMULATED_WEEKS, 60)), axis=0).astype("f4"))
    low, high = demand.interval(0.8)
    usual = demand.quantile(0.1), demand.quantile(0.9)

    def error(bounds: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.abs(((demand.units >= bounds[0]) & (demand.units <= bounds[1])).mean(0) - 0.8)

    assert (error((low, high)) <= error(usual) + 1e-12).all()
    assert (low <= high).all()


def test_a_trained_model_knows_its_uncertainty_and_keeps_it(model_folder: Path, market) -> None:
    model = load_model(model_folder)
    known = model.uncertainty(market.panel)
    assert known is not None
    assert known.week > 0
    assert all(len(value) == market.panel.n_items for value in known.arrays().values())
    draws = model.draws(market.panel, 4, seed=3)
    assert draws.level.shape == (4, market.panel.n_items)
    assert np.array_equal(draws.level, load_model(model_folder).draws(market.panel, 4, seed=3).level)


def test_a_model_that_never_measured_it_says_so(model_folder: Path, market) -> None:
    model = load_model(model_folder)
    model.facts = replace(model.facts, uncertainty=None)
    assert model.uncertainty(market.panel) is None
    with pytest.raises(UsageError, match="train it again"):
        model.draws(market.panel, 2)


def test_intervals_of_weekly_units_hold_what_is_sold(make_market: Callable, model_folder: Path) -> None:
    market = make_market()
    model = load_model(model_folder)
    weeks = range(18, 24)
    rows = interval_coverage(model, market.panel, expected_sales(model, market.panel, weeks))
    assert [row.group for row in rows] == ["all items", "slow third", "middle third", "fast third"]
    assert rows[0].items == 6 * market.panel.n_items
    assert 0.65 < rows[0].covered < 0.95
    assert rows[0].closed >= rows[0].covered - 0.1
    assert rows[1].weekly_units <= rows[3].weekly_units


def test_units_of_a_purchase_have_moments_that_fit_each_other(market) -> None:
    mean, square = units_moments(market.panel, range(market.panel.n_weeks))
    assert (square >= mean**2 - 1e-9).all()
    assert (mean >= 1).all()


def test_the_demand_quantile_is_near_the_simulated_one_and_grows_with_every_spread() -> None:
    rate, kappa = np.array([0.5, 2.0, 10.0, 80.0]), np.full(4, 1.4)
    calm, wild = spreads(4, units_square=3.0), spreads(4, units_square=3.0, level=0.2, item_week=0.25, week=0.1)
    for uncertainty in (calm, wild):
        simulated = simulate_demand(rate, kappa, uncertainty, np.zeros(4, np.int32)).quantile(0.95)
        assert (
            np.abs(demand_quantile(rate, kappa, uncertainty, 1.645) - simulated).max() <= 1.0 + 0.06 * simulated.max()
        )
    assert (demand_quantile(rate, kappa, wild, 1.645) > demand_quantile(rate, kappa, calm, 1.645)).all()
    assert (demand_quantile(rate, kappa, wild, 2.0) > demand_quantile(rate, kappa, wild, 1.0)).all()
    assert demand_quantile(np.zeros(4), kappa, wild, 1.645).tolist() == [0.0] * 4
