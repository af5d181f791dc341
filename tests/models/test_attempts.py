"""Small logs are trained with two shrinkages: the later weeks choose, and either can be resumed."""

from __future__ import annotations

import pytest
import torch

from bundleopt_models import attempts
from bundleopt_models.model import train_model
from bundleopt_models.settings import TrainSettings
from bundleopt_models.training import Trainer

QUICK = TrainSettings(epochs=2, batch_rows=512, least_steps=0)


def test_the_attempt_with_the_lower_validation_loss_is_kept(market, tmp_path, monkeypatch) -> None:
    alone = {}
    for shrinkage in attempts.SHRINKAGES:
        with monkeypatch.context() as patch:
            patch.setattr(attempts, "SHRINKAGES", (shrinkage,))
            model = train_model(market.panel, QUICK, folder=tmp_path / str(shrinkage), relate=False)
        alone[shrinkage] = model
    losses = {shrinkage: min(model.record["validation_loss"]) for shrinkage, model in alone.items()}
    assert len(set(losses.values())) == 2
    best = min(losses, key=losses.__getitem__)
    both = train_model(market.panel, QUICK, folder=tmp_path / "both", relate=False)
    assert both.record["embedding_shrinkage"] == best
    assert min(both.record["validation_loss"]) == losses[best]
    for name, value in alone[best].network.state_dict().items():
        assert torch.equal(value, both.network.state_dict()[name]), name


def test_large_logs_are_trained_once(market, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(attempts, "SMALL_LOG_ROWS", 10)
    model = train_model(market.panel, QUICK, folder=tmp_path, relate=False)
    assert model.record["embedding_shrinkage"] == 1.0


def test_a_run_that_was_killed_in_its_second_attempt_resumes_bit_for_bit(market, tmp_path, monkeypatch) -> None:
    one_step, taken, last = Trainer._one_step, [], [10**9]

    def step_or_die(self, place, index):
        taken.append(place)
        if len(taken) > last[0]:
            raise KeyboardInterrupt
        return one_step(self, place, index)

    monkeypatch.setattr(Trainer, "_one_step", step_or_die)
    whole = train_model(market.panel, QUICK, folder=tmp_path / "whole", relate=False)
    last[0] = len(taken) * 3 // 4
    taken.clear()
    with pytest.raises(KeyboardInterrupt):
        train_model(market.panel, QUICK, folder=tmp_path / "cut", relate=False)
    last[0] = 10**9
    taken.clear()
    resumed = train_model(market.panel, QUICK, folder=tmp_path / "cut", resume=True, relate=False)
    assert resumed.record["train_loss"] == whole.record["train_loss"]
    assert resumed.record["embedding_shrinkage"] == whole.record["embedding_shrinkage"]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert not list((tmp_path / "cut").rglob("state-*"))
    assert not (tmp_path / "cut" / "attempt-1").exists()
