"""The price regression against a process whose sensitivities are known, and against dense algebra."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models import price_regression as regression
from bundleopt_models.price_regression import PriceData, fit_price_scales

KNOTS = np.linspace(-2, 2, 9)
N_WEEKS, N_ITEMS, N_CATEGORIES = 60, 40, 4


def _process(seed: int, *, pull: float, level: float = 3.5) -> tuple[PriceData, np.ndarray]:
    """Counts with item effects, category seasons and display; `pull` makes promotions follow both. True k beside it."""
    draw = np.random.default_rng(seed)
    category = np.arange(N_ITEMS) % N_CATEGORIES
    season = 0.5 * draw.normal(size=(N_WEEKS, N_CATEGORIES))
    score = pull * season[:, category] + draw.gumbel(size=(N_WEEKS, N_ITEMS))
    promoted = score > np.quantile(score, 0.8)
    position = np.where(promoted, -draw.uniform(0.1, 0.5, score.shape), 0.0)
    shown = draw.random(score.shape) < np.where(promoted, 0.15 + 0.3 * pull, 0.15)
    scale = np.array([1.2, 1.6, 2.0, 2.4])[category] + 0.3 * draw.normal(size=N_ITEMS)
    log_mean = level + 0.5 * draw.normal(size=N_ITEMS) + season[:, category] + 0.5 * shown - scale * position
    data = PriceData(
        buyers=draw.poisson(np.exp(log_mean))[None].astype(float),
        position=position[None],
        used=np.ones((1, N_WEEKS, N_ITEMS), bool),
        controls=shown[None].astype(float),
        category=category,
        knots=KNOTS,
        response=np.tile(-KNOTS, (N_ITEMS, 1)),
    )
    return data, scale


def _naive(data: PriceData) -> np.ndarray:
    """Slope of log counts on price, item by item."""
    counts, position = np.log(data.buyers[0] + 0.5), data.position[0]
    counts, position = counts - counts.mean(0), position - position.mean(0)
    return -(counts * position).sum(0) / (position**2).sum(0)


@pytest.mark.parametrize("pull", [0.0, 1.5])
def test_finds_the_sensitivities_whether_or_not_promotions_follow_demand(pull: float) -> None:
    errors, naive, told = [], [], []
    for seed in range(4):
        data, truth = _process(seed, pull=pull)
        found = fit_price_scales(data)
        errors.append(found.scale - truth)
        naive.append(_naive(data) - truth)
        told.append(np.abs(found.scale - truth) < 1.96 * found.error)
    assert abs(np.mean(errors)) < 0.06
    assert np.abs(errors).mean() < 0.2
    assert 0.88 < np.mean(told) <= 1.0
    if pull:
        assert np.mean(naive) > 0.4


def test_shrinkage_beats_raw_estimates_where_data_are_thin() -> None:
    data, truth = _process(1, pull=0.0, level=1.0)
    found = fit_price_scales(data)
    assert np.abs(found.scale - truth).mean() < 0.8 * np.abs(found.raw - truth).mean()
    assert found.item_spread == pytest.approx(0.3, abs=0.2)
    order = np.argsort(found.category_scale)
    assert order.tolist() == [0, 1, 2, 3]


def test_an_item_whose_price_never_moved_takes_its_category() -> None:
    data, _ = _process(2, pull=0.0)
    data.position[:, :, 5] = 0.0
    found = fit_price_scales(data)
    assert found.scale[5] == pytest.approx(found.category_scale[5 % N_CATEGORIES], abs=1e-6)
    assert found.error[5] == pytest.approx(found.item_spread, rel=1e-3)


def test_two_folds_of_customers_are_read_together() -> None:
    data, _ = _process(3, pull=0.0)
    half = np.random.default_rng(0).binomial(data.buyers[0].astype(int), 0.5)
    split = PriceData(
        np.stack([half, data.buyers[0] - half]).astype(float),
        np.repeat(data.position, 2, axis=0),
        np.repeat(data.used, 2, axis=0),
        data.controls,
        data.category,
        data.knots,
        data.response,
    )
    whole, parts = fit_price_scales(data), fit_price_scales(split)
    assert np.abs(whole.scale - parts.scale).max() < 0.1


def test_nothing_sold_or_nothing_used_keeps_the_network() -> None:
    data, _ = _process(4, pull=0.0)
    empty = PriceData(
        data.buyers * 0, data.position, data.used & False, data.controls, data.category, data.knots, data.response
    )
    found = fit_price_scales(empty)
    assert np.isfinite(found.scale).all()
    assert found.scale == pytest.approx(1.0, abs=0.05)


def test_conjugate_steps_solve_the_linear_system() -> None:
    data, _ = _process(5, pull=0.0)
    model = regression._Regression(data)
    effects = model.start()
    mean, derivative = model.mean(effects)
    size = len(regression._pack(effects))
    columns = []
    for unit in np.eye(size):
        cells = mean * model.spread_out(regression._unpack(unit, effects), derivative)
        columns.append(regression._pack(model.gathered(cells, derivative)))
    matrix = np.array(columns) + np.eye(size)
    assert matrix == pytest.approx(matrix.T, abs=1e-6)
    wanted = np.random.default_rng(1).normal(size=size)
    solved = regression._conjugate(lambda v: matrix @ v, wanted, np.diag(matrix).copy())
    assert np.abs(matrix @ solved - wanted).max() < 1e-2 * np.abs(wanted).max()
