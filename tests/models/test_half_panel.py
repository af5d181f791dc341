"""Half-panel mode and rolling origins: who is learned from and tested, at which price, and from when."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_models.corpus import Vocabulary
from bundleopt_models.evaluation import evaluate
from bundleopt_models.half_panel import half_panel
from bundleopt_models.model import build_view
from bundleopt_models.origins import OriginLevel, mean_absolute_error, measure_origin
from bundleopt_models.peers.cells import Cells
from bundleopt_models.peers.trees import BoostedTrees
from bundleopt_models.protocol import week_cells
from bundleopt_models.sampling import WeekSampler
from bundleopt_models.settings import PriceSource, TrainSettings


@pytest.fixture(scope="module")
def split(make_market):
    """A panel whose two folds saw different prices."""
    panel = make_market(60, 12, 18, seed=4).panel
    prices = panel.prices
    other = prices.log_price + np.random.default_rng(0).normal(0, 0.1, prices.log_price.shape).astype(np.float32)
    panel = replace(panel, prices=replace(prices, fold_log_price=np.stack([other, prices.log_price - 0.05])))
    return panel, half_panel(panel)


def test_prices_are_those_of_the_other_half(split):
    panel, half = split
    assert (half.prices.log_price == panel.prices.fold_log_price[1]).all()
    assert (half.prices.fold_log_price == half.prices.log_price[None]).all()
    assert len(half.purchase_item) == len(panel.purchase_item)


def test_only_the_tested_half_is_learned_from_and_tested(split):
    panel, half = split
    builder = build_view(half, Vocabulary.of(half)).builder
    builder.move_to(10)
    rows = WeekSampler(builder, 2.0, 2.0).draw(np.random.default_rng(0))
    cells = week_cells(builder, 12)
    for customers in (rows.customer, cells.customer, cells.buyers):
        assert (panel.prices.fold[customers] == 1).all()
        assert len(customers)


def test_a_peer_may_see_another_price_than_the_comparison(split):
    _, half = split
    builder = build_view(half, Vocabulary.of(half)).builder
    builder.move_to(12)
    customer, item = np.full(12, 1), np.arange(12)
    cells = Cells(builder, 12, customer, item, PriceSource.CROSS_FIT)
    expected = half.prices.log_price[11] - builder.tables.reference[12]
    assert cells.features_at(PriceSource.LAST_WEEK)[:, -1] == pytest.approx(expected, abs=1e-5)
    assert cells.features_at(PriceSource.CROSS_FIT) is cells.features
    assert (cells.features_at(PriceSource.LAST_WEEK)[:, :-1] == cells.features[:, :-1]).all()


def test_the_table_in_half_panel_mode(split, tmp_path):
    _, half = split
    trees = BoostedTrees(monotone=False, price=PriceSource.LAST_WEEK)
    table = evaluate(
        half, TrainSettings(epochs=1, least_steps=0), folder=tmp_path, peers=[trees], price=PriceSource.CROSS_FIT
    )
    assert table.run["fit_weeks"][1] < table.weeks.test[0]
    assert table.rows[0].model == "LightGBM, last week's price"
    assert (half.prices.fold[table.ours.customer] == 1).all()
    assert table.model.settings.price is PriceSource.CROSS_FIT


def test_an_origin_sees_nothing_after_it(make_market, shuffled_future, tmp_path):
    panel = make_market(50, 10, 18, seed=1).panel
    settings = TrainSettings(epochs=1, least_steps=0)
    level, model = measure_origin(panel, settings, 12, folder=tmp_path / "a")
    assert level.weeks[0] == str(panel.weeks[12].astype("datetime64[D]"))
    assert len(level.weeks) == len(level.predicted) == 5
    late = (panel.purchase_week >= 12) & (panel.purchase_week < 17)
    assert sum(level.observed) <= late.sum()
    assert model.record["validation_weeks"][-1] == 11
    other, _ = measure_origin(shuffled_future(panel, 12), settings, 12, folder=tmp_path / "b")
    assert other.predicted[0] == pytest.approx(level.predicted[0], rel=1e-6)


def test_errors_of_origins_do_not_cancel():
    levels = [OriginLevel(10, ("a",), (110.0,), (100.0,), 0.1), OriginLevel(20, ("b",), (90.0,), (100.0,), 0.1)]
    assert mean_absolute_error(levels) == pytest.approx(0.1)
