"""What training says of its own model, against plain sums."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.features import FeatureBuilder
from bundleopt_models.training_quality import FREQUENCY_PRIORS, measure_quality, personal_frequencies
from bundleopt_models.week_tables import build_week_tables

WEEK = 16


def test_personal_frequency_is_counted_and_smoothed(market):
    panel = market.panel
    builder = FeatureBuilder(panel, build_week_tables(panel))
    builder.move_to(WEEK)
    customer, item = np.divmod(np.arange(panel.n_customers * panel.n_items), panel.n_items)
    found = personal_frequencies(builder, customer, item)
    seen = panel.purchase_week < WEEK
    recent = seen & (panel.purchase_week >= WEEK - 13)
    active = (panel.trips[:WEEK] > 0).any(axis=0)
    for cell in range(0, len(item), 37):
        u, i = customer[cell], item[cell]
        count = (seen & (panel.purchase_customer == u) & (panel.purchase_item == i)).sum()
        popular = (recent & (panel.purchase_item == i)).sum() / 13 / active.sum()
        came = np.flatnonzero(panel.trips[:WEEK, u] > 0)
        weeks = WEEK - came[0] if len(came) else 1
        expected = [(count + prior * popular) / (weeks + prior) for prior in FREQUENCY_PRIORS]
        np.testing.assert_allclose(found[:, cell], np.clip(expected, 1e-7, 1 - 1e-7), rtol=1e-4)


def test_quality_weighs_sampled_cells_back_to_all_cells():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.01, 0.5, 40_000)
    bought = rng.random(len(truth)) < truth
    rate = np.where(truth > 0.2, 1.0, 0.25)
    kept = bought | (rng.random(len(truth)) < rate)
    rivals = np.repeat(np.full((1, len(truth)), 0.25, np.float32), len(FREQUENCY_PRIORS), axis=0)
    found = measure_quality(truth[kept], rivals[:, kept], bought[kept].astype(np.float32), -np.log(rate[kept]))
    exact = -np.where(bought, np.log(truth), np.log1p(-truth)).mean()
    flat = -np.where(bought, np.log(0.25), np.log(0.75)).mean()
    assert found.log_loss == pytest.approx(exact, rel=0.02)
    assert found.frequency_log_loss == pytest.approx(flat, rel=0.02)
    assert found.predicted_over_observed == pytest.approx(1.0, abs=0.03)
    assert found.gain == pytest.approx(1 - found.log_loss / found.frequency_log_loss)
    assert found.as_record()["gain_over_personal_frequency"].endswith("%")


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_there_is_no_quality_where_everything_is_alike(label):
    cells = np.full(5, 0.5)
    rivals = np.full((len(FREQUENCY_PRIORS), 5), 0.5, np.float32)
    assert measure_quality(cells, rivals, np.full(5, label, np.float32), np.zeros(5, np.float32)) is None
