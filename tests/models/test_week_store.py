"""Weeks on disk: the same training data, read a week at a time."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bundleopt_models.corpus import CorpusBuilder, Scaler, Vocabulary
from bundleopt_models.memory_plan import plan_memory
from bundleopt_models.model import build_view, train_model
from bundleopt_models.network import Rows
from bundleopt_models.settings import TrainSettings
from bundleopt_models.training import rows_of
from bundleopt_models.week_store import WEEKS_KEPT, WeekStore


@pytest.fixture(name="sampled", scope="module")
def _sampled(market):
    view = build_view(market.panel, Vocabulary.of(market.panel))
    scaler = Scaler.fit(view.builder.tables, range(12, 16))
    builder = CorpusBuilder(view.builder, scaler, Vocabulary.of(market.panel), TrainSettings())
    return [builder.week(week) for week in range(12, 16)]


def test_a_stored_week_is_what_was_put_there(sampled, tmp_path: Path) -> None:
    store = WeekStore(tmp_path, torch.device("cpu"))
    stored = [store.put(week) for week in sampled]
    for week, found in zip(sampled, stored, strict=True):
        assert rows_of(found) == rows_of(week) == len(found.bought)
        for field in fields(Rows):
            assert torch.equal(getattr(found.rows, field.name), getattr(week.rows, field.name))
        assert torch.equal(found.offset, week.offset)
        assert torch.equal(found.context.customers, week.context.customers)
        assert torch.equal(found.context.history.to_dense(), week.context.history.to_dense())
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_only_a_few_weeks_stay_in_memory(sampled, tmp_path: Path) -> None:
    store = WeekStore(tmp_path, torch.device("cpu"))
    for week in sampled:
        store.put(week)
    first = store.get(12)
    assert store.get(12) is first
    for week in range(13, 13 + WEEKS_KEPT):
        store.get(week)
    assert store.get(12) is not first
    store.close()


def test_training_from_disk_learns_what_training_from_memory_learns(market, tmp_path: Path) -> None:
    settings = TrainSettings(threads=1, warmup_weeks=4, validation_weeks=3, least_steps=60)
    until = market.panel.weeks[21].astype("datetime64[D]").astype(object)
    settings = replace(settings, fit_until=until)
    grids, losses = [], []
    for place, limit in enumerate((10_000_000, 100)):
        chosen = replace(settings, memory_rows=limit)
        model = train_model(market.panel, chosen, folder=tmp_path / str(place), relate=False)
        grids.append(model.weekly_grid(market.panel, 22)[0])
        losses.append(min(model.record["validation_loss"]))
    # Steps come in another order, so not the same bits: the same rows, the same quality.
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert np.corrcoef(np.log(grids[0]).reshape(-1), np.log(grids[1]).reshape(-1))[0, 1] > 0.9
    assert not list((tmp_path / "1").glob("weeks-*"))


def test_a_pass_sees_no_more_rows_than_it_may(market, tmp_path: Path) -> None:
    settings = TrainSettings(
        threads=1, warmup_weeks=4, validation_weeks=2, least_steps=1, epochs=2, epoch_rows=600, memory_rows=100
    )
    model = train_model(market.panel, settings, folder=tmp_path, relate=False)
    assert model.record["epochs"] == 2
    assert all(np.isfinite(model.record["train_loss"]))
    # Both passes together: two steps of 256 rows each.
    assert model.record["rows"] > 2 * 600


def test_the_plan_of_memory_grows_with_the_log_and_says_where_the_rows_are(market) -> None:
    settings = TrainSettings()
    small = plan_memory(market.panel, 20, settings)
    large = plan_memory(market.panel, 20, replace(settings, memory_rows=10))
    assert not small.on_disk
    assert large.on_disk
    assert small.rows == large.rows > 0
    assert "GiB of memory" in small.sentence()
    assert large.sentence().endswith("examples on disk")
