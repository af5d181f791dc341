"""The sample is undone exactly: fitted to a sample, a model finds the odds of the process."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bundleopt_models.features import FeatureBuilder
from bundleopt_models.likelihood import log_odds, log_purchase, sampled_loss
from bundleopt_models.sampling import WeekSampler, history_rates
from bundleopt_models.week_tables import build_week_tables


@pytest.fixture
def builder(market):
    builder = FeatureBuilder(market.panel, build_week_tables(market.panel))
    builder.move_to(16)
    return builder


def test_all_purchases_are_kept_once_and_no_negative_is_a_purchase(builder, market):
    rows = WeekSampler(builder, 3.0, 3.0).draw(np.random.default_rng(0))
    panel = market.panel
    late = panel.purchase_week == 16
    came_before = builder.tables.visits_before[16] > 0
    real = {
        (int(u), int(i))
        for u, i in zip(panel.purchase_customer[late], panel.purchase_item[late], strict=True)
        if came_before[u]
    }
    shown = list(zip(rows.customer.tolist(), rows.item.tolist(), strict=True))
    assert len(real) == rows.bought.sum()
    assert {cell for cell, bought in zip(shown, rows.bought, strict=True) if bought} == real
    assert not {cell for cell, bought in zip(shown, rows.bought, strict=True) if not bought} & real
    assert (rows.rate > 0).all()


def test_weighted_by_one_over_the_rate_the_sample_counts_the_cells(builder, market):
    """Sum of 1 / rate over negatives is unbiased for the number of cells without purchase, in each stratum."""
    panel, sampler = market.panel, WeekSampler(builder, 1.0, 1.0)
    state = builder.history.item
    known = np.zeros((panel.n_customers, panel.n_items), bool)
    pairs = np.flatnonzero(state.count > 0)
    known[state.level.customer[pairs], state.level.group[pairs]] = True
    bought = np.zeros_like(known)
    late = panel.purchase_week == 16
    bought[panel.purchase_customer[late], panel.purchase_item[late]] = True
    population = (builder.tables.visits_before[16] > 0)[:, None]
    totals = np.zeros((400, 2))
    for seed in range(len(totals)):
        rows = sampler.draw(np.random.default_rng(seed))
        weight = np.where(rows.bought, 0.0, 1.0 / rows.rate)
        inside = known[rows.customer, rows.item]
        totals[seed] = weight[inside].sum(), weight[~inside].sum()
    truth = [(known & ~bought & population).sum(), (~known & ~bought & population).sum()]
    error = totals.std(axis=0) / np.sqrt(len(totals))
    assert (abs(totals.mean(axis=0) - truth) < 4 * error + 1e-9).all()


def test_history_rates_sum_to_what_is_asked_for(builder):
    pairs = np.flatnonzero(builder.history.item.count > 0)
    rates = history_rates(builder, pairs, 60.0)
    assert ((rates > 0) & (rates <= 1)).all()
    assert rates.sum() == pytest.approx(60.0, rel=0.1)


def test_a_model_fitted_to_the_sample_finds_the_true_odds():
    """Two strata with their own purchase odds and sampling rates; only the offsets tell the fit about the sampling."""
    rng = np.random.default_rng(0)
    truth, rate, visit = np.array([-4.5, -2.0]), np.array([0.02, 0.3]), 0.6
    cells = 400_000
    stratum = rng.integers(0, 2, cells)
    bought = rng.random(cells) < visit / (1 + np.exp(-truth[stratum]))
    kept = bought | (rng.random(cells) < rate[stratum])
    stratum, bought = torch.from_numpy(stratum[kept]), torch.from_numpy(bought[kept].astype(np.float32))
    offset = torch.from_numpy(-np.log(rate))[stratum].float()
    log_visit = torch.full(offset.shape, float(np.log(visit)))
    z = torch.zeros(2, requires_grad=True)
    optimiser = torch.optim.LBFGS([z], max_iter=50)

    def closure():
        optimiser.zero_grad()
        loss = sampled_loss(z[stratum], log_visit, offset, bought).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    np.testing.assert_allclose(z.detach().numpy(), truth, atol=0.12)


def test_probability_given_a_visit_never_passes_the_visit():
    z, visit = torch.linspace(-30, 30, 61), torch.tensor(-1.2)
    log_q = log_purchase(z, visit)
    assert (log_q <= visit).all()
    q = torch.exp(log_q.double())
    np.testing.assert_allclose(log_odds(log_q.double()).numpy(), torch.log(q / (1 - q)).numpy(), rtol=1e-9)
    assert torch.isfinite(log_odds(torch.tensor([0.0, -1e-12, -80.0]))).all()


def test_draws_depend_on_the_generator_alone(builder):
    sampler = WeekSampler(builder, 2.0, 2.0)
    first, second = (sampler.draw(np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first.item, second.item)
    np.testing.assert_array_equal(first.rate, second.rate)
