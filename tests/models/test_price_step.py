"""What the step after the fit does to the network, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_models.model import load_model
from bundleopt_models.price import MEASURED
from bundleopt_models.price_step import correct_prices, stocking_up


@pytest.fixture
def model(model_folder):
    """The trained model without its price step."""
    fresh = load_model(model_folder)
    with torch.no_grad():
        for name in MEASURED:
            getattr(fresh.network.price, name).zero_()
    return fresh


def test_a_scale_multiplies_the_slopes_of_its_item_alone(model, market, campaign_for) -> None:
    panel = market.panel
    campaign = campaign_for(panel, panel.n_weeks)
    before = model.forecast(panel, campaign)
    code = model.view(panel).catalogue.item
    with torch.no_grad():
        model.network.price.log_scale[code[2]] = np.log(2.5)
    after = model.forecast(panel, campaign)
    np.testing.assert_allclose(after.slope[:, 2], 2.5 * before.slope[:, 2], rtol=1e-5)
    others = np.arange(panel.n_items) != 2
    np.testing.assert_array_equal(after.slope[:, others], before.slope[:, others])


def test_the_step_keeps_demand_at_the_prices_of_the_log_and_the_sign_everywhere(model, market) -> None:
    panel = market.panel
    weeks = list(range(6, panel.n_weeks))
    before = np.mean([model.weekly_grid(panel, week)[0].sum(0) for week in weeks], axis=0)
    step = correct_prices(model, panel, weeks)
    assert step is not None
    assert np.isfinite(step.log_scale).all()
    after = np.mean([model.weekly_grid(panel, week)[0].sum(0) for week in weeks], axis=0)
    assert after.sum() == pytest.approx(before.sum(), rel=0.03)
    previous = None
    for log_ratio in np.linspace(-1.2, 1.0, 12):
        price = panel.prices.log_reference[-1] + np.float32(log_ratio)
        probability, _ = model.weekly_grid(panel, panel.n_weeks - 1, log_price=price)
        assert previous is None or (probability < previous).all()
        previous = probability


def test_the_step_is_a_function_of_the_log(model_folder, market) -> None:
    found = []
    for _ in range(2):
        model = load_model(model_folder)
        with torch.no_grad():
            for name in MEASURED:
                getattr(model.network.price, name).zero_()
        step = correct_prices(model, market.panel, range(6, 20))
        assert step is not None
        found.append(step.log_scale)
    np.testing.assert_array_equal(*found)


def test_a_short_log_or_one_price_changes_nothing(model, market) -> None:
    panel = market.panel
    state = {name: value.clone() for name, value in model.network.state_dict().items()}
    assert correct_prices(model, panel, range(3)) is None
    prices = panel.prices
    still = replace(
        prices,
        log_price=prices.log_reference.copy(),
        fold_log_price=np.stack([prices.log_reference] * 2),
    )
    assert correct_prices(model, replace(panel, prices=still), range(6, 20)) is None
    assert all(torch.equal(value, state[name]) for name, value in model.network.state_dict().items())


def test_units_per_purchase_answer_to_cuts(market) -> None:
    panel = market.panel
    weeks = np.arange(1, panel.n_weeks)
    flat = replace(panel, purchase_units=np.ones_like(panel.purchase_units))
    eta, usual = stocking_up(flat, weeks)
    assert (eta == 0).all()
    depth = np.maximum(panel.prices.log_reference - panel.prices.log_price, 0.0)
    bought = depth[panel.purchase_week, panel.purchase_item]
    more = replace(panel, purchase_units=(1.0 + 2.0 * bought).astype(np.float32))
    eta, usual = stocking_up(more, weeks)
    told = 2.0 / (1.0 + 2.0 * usual)
    assert np.abs(eta - told).max() < 0.35
    assert eta.mean() == pytest.approx(told.mean(), rel=0.1)


def test_units_factor_is_one_at_the_usual_depth_and_rises_with_the_cut(model) -> None:
    price = model.network.price
    with torch.no_grad():
        price.stocking[1], price.usual_depth[1] = 2.0, 0.1
    item = torch.tensor([1, 1, 1, 1])
    factor = price.units_factor(item, torch.tensor([0.3, 0.0, -0.1, -0.4]))
    np.testing.assert_allclose(factor.numpy(), [0.8, 0.8, 1.0, 1.6], rtol=1e-6)
