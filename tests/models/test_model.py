"""The laws of the demand model: monotone in price, bounded by visits, blind to the future, bit-exact, hard to fool."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from bundleopt_data.errors import ModelArtefactError
from bundleopt_models import training
from bundleopt_models.calibration import STRATA, CalibrationMap
from bundleopt_models.corpus import as_rows
from bundleopt_models.model import CHECKPOINT, load_model, plan_for, train_model
from bundleopt_models.settings import PriceSource, TrainSettings

QUICK = TrainSettings(epochs=2, batch_rows=512, least_steps=0)


@pytest.fixture
def model(model_folder):
    return load_model(model_folder)


def test_grid_is_a_probability_below_the_visit(model, market):
    for week in (0, 1, 12, market.panel.n_weeks, market.panel.n_weeks + 3):
        probability, visit = model.weekly_grid(market.panel, week)
        assert probability.shape == (60, 15)
        assert probability.dtype == np.float32
        assert np.isfinite(probability).all()
        assert ((probability > 0) & (probability < 1)).all()
        assert (probability <= visit[:, None]).all()


def test_prediction_is_near_the_truth(model, market):
    """The last eight weeks, which set the level: the model must know who buys what, far better than one rate."""
    weeks = range(16, 24)
    grids = np.stack([model.weekly_grid(market.panel, week)[0] for week in weeks])
    truth = market.probability[16:24]
    assert grids.mean() == pytest.approx(truth.mean(), rel=0.12)
    assert np.corrcoef(grids.ravel(), truth.ravel())[0, 1] > 0.6


def test_price_response_is_strictly_monotone_everywhere(model, market):
    panel = market.panel
    previous = None
    for log_ratio in np.linspace(-1.2, 1.0, 23):
        price = panel.prices.log_reference[20] + np.float32(log_ratio)
        probability, _ = model.weekly_grid(panel, 20, log_price=price)
        if previous is not None:
            assert (probability < previous).all()
        previous = probability


def test_forecast_agrees_with_the_grid_at_other_prices(model, market, campaign_for):
    """slope * price_lift moves the log odds given a visit exactly as scoring at the lower price does."""
    panel, week = market.panel, market.panel.n_weeks
    forecast = model.forecast(panel, campaign_for(panel, week))
    assert (forecast.slope > 0).all()
    assert (forecast.units >= 1).all()
    assert (np.diff(forecast.heights) > 0).all()
    given_visit = forecast.probability / forecast.visit_probability[:, None]
    for ratio in (0.95, 0.8, 0.6):
        lift = forecast.price_lift(np.array([ratio]))[:, 0]
        raised = np.log(given_visit / (1 - given_visit)) + forecast.slope * lift
        expected = forecast.visit_probability[:, None] / (1 + np.exp(-raised))
        price = np.log(np.exp(forecast.log_position) * ratio) + panel.prices.next_log_reference
        scored, _ = model.weekly_grid(panel, week, log_price=price.astype(np.float32))
        np.testing.assert_allclose(scored, expected, rtol=2e-4)


def test_separable_scores_equal_the_network_row_by_row(model, market):
    panel, week = market.panel, 20
    view = model.view(panel)
    planned = plan_for(panel, week, None, (None, None))
    inputs = model.week_inputs(view, week, planned)
    grid, _ = model.weekly_grid(panel, week)
    customer = np.repeat(np.arange(panel.n_customers), panel.n_items)
    item = np.tile(np.arange(panel.n_items), panel.n_customers)
    features = view.builder.rows(customer, item, planned)
    rows = as_rows(customer, item, view.customer_code, features, inputs.position[item])
    with torch.no_grad():
        code, keep = torch.from_numpy(view.customer_code), torch.ones(panel.n_items, 1)
        z = model.network(rows, inputs.context, view.catalogue, code, keep)
        stratum = torch.where(rows.has_history > 0, 2, (rows.category[:, 0] > 0).long())
        assert set(stratum.tolist()) == set(range(len(STRATA)))
        z = model.calibration.apply(z, stratum)
        expected = torch.exp(inputs.log_visit[rows.customer]) * torch.sigmoid(z)
    np.testing.assert_allclose(grid.ravel(), expected.numpy(), rtol=1e-4)


def test_the_future_changes_no_prediction(model, market, shuffled_future):
    """Everything from week 18 on is replaced: week 18 is predicted from its own price and promotion and the past."""
    panel = market.panel
    other = shuffled_future(panel, 18)
    price = panel.prices.log_price[18]
    own, own_visit = model.weekly_grid(panel, 18, log_price=price)
    same, same_visit = model.weekly_grid(other, 18, log_price=price)
    np.testing.assert_allclose(own, same, rtol=1e-6)
    np.testing.assert_array_equal(own_visit, same_visit)


def test_fitting_sees_nothing_after_fit_until(market, shuffled_future, tmp_path):
    panel = market.panel
    until = panel.weeks[18].astype("datetime64[D]").astype(object)
    settings = replace(QUICK, fit_until=until)
    other = shuffled_future(panel, 18)
    first = train_model(panel, settings, folder=tmp_path / "a")
    second = train_model(other, settings, folder=tmp_path / "b")
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, second.network.state_dict()[name]), name
    assert first.calibration == second.calibration
    np.testing.assert_array_equal(first.facts.units, second.facts.units)
    np.testing.assert_array_equal(first.facts.relations.gamma, second.facts.relations.gamma)
    assert first.facts.relations.fullness == second.facts.relations.fullness
    assert load_model(tmp_path / "a").facts.relations.fullness == first.facts.relations.fullness


def test_two_runs_of_one_seed_are_the_same_and_two_seeds_differ(market, tmp_path):
    first = train_model(market.panel, QUICK, folder=tmp_path / "a").network.state_dict()
    second = train_model(market.panel, QUICK, folder=tmp_path / "b").network.state_dict()
    third = train_model(market.panel, replace(QUICK, seed=1), folder=tmp_path / "c").network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], third[name]) for name in first)


@pytest.mark.parametrize("killed_at", [3, 11, 25])
def test_a_killed_run_resumes_bit_for_bit(market, tmp_path, monkeypatch, killed_at):
    monkeypatch.setattr(training, "STEPS_BETWEEN_STATES", 5)
    settings = replace(QUICK, epochs=3)
    whole = train_model(market.panel, settings, folder=tmp_path / "whole")
    taken, one_step = [], training.Trainer._one_step

    def step_or_die(self, place, index):
        taken.append(place)
        if len(taken) > killed_at:
            raise KeyboardInterrupt
        return one_step(self, place, index)

    monkeypatch.setattr(training.Trainer, "_one_step", step_or_die)
    with pytest.raises(KeyboardInterrupt):
        train_model(market.panel, settings, folder=tmp_path / "cut")
    monkeypatch.setattr(training.Trainer, "_one_step", one_step)
    resumed = train_model(market.panel, settings, folder=tmp_path / "cut", resume=True)
    assert resumed.record["train_loss"] == whole.record["train_loss"]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert not list((tmp_path / "cut").glob("state-*"))


def test_resume_refuses_states_of_other_settings(market, tmp_path, monkeypatch):
    def stop(self, place, index):
        self._save()
        raise KeyboardInterrupt

    monkeypatch.setattr(training.Trainer, "_one_step", stop)
    with pytest.raises(KeyboardInterrupt):
        train_model(market.panel, QUICK, folder=tmp_path)
    with pytest.raises(ModelArtefactError, match="other settings"):
        train_model(market.panel, replace(QUICK, learning_rate=0.1), folder=tmp_path, resume=True)


def test_a_loaded_model_gives_the_same_numbers(model_folder, market):
    first, second = load_model(model_folder), load_model(model_folder)
    np.testing.assert_array_equal(first.weekly_grid(market.panel, 20)[0], second.weekly_grid(market.panel, 20)[0])
    assert first.settings == TrainSettings()
    assert first.record["threads"] == 1


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
@pytest.mark.parametrize("place", [0.05, 0.5, 0.97])
def test_a_flipped_bit_is_noticed(model_folder, tmp_path, name, place):
    copy = tmp_path / "model"
    shutil.copytree(model_folder, copy)
    path = copy / CHECKPOINT / name
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelArtefactError):
        load_model(copy)


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
def test_a_missing_file_is_named(model_folder, tmp_path, name):
    copy = tmp_path / "model"
    shutil.copytree(model_folder, copy)
    (copy / CHECKPOINT / name).unlink()
    with pytest.raises(ModelArtefactError, match=r"missing.*bundleopt train"):
        load_model(copy)


def test_other_versions_and_features_are_refused(model_folder, tmp_path):
    for key, value, words in (("schema", 99, "format 99"), ("features", "x", "other features")):
        copy = tmp_path / key
        shutil.copytree(model_folder, copy)
        path = copy / CHECKPOINT / "model.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
        with pytest.raises(ModelArtefactError, match=words):
            load_model(copy)
    with pytest.raises(ModelArtefactError, match="no whole model"):
        load_model(tmp_path / "nothing")


def test_calibration_is_strictly_increasing(model):
    z = torch.linspace(-12, 6, 200)
    for code in range(len(STRATA)):
        mapped = model.calibration.apply(z, torch.full(z.shape, code))
        assert (torch.diff(mapped) > 0).all()
    assert min(model.calibration.slope) >= 0.05
    assert CalibrationMap.identity().apply(z, torch.zeros(z.shape, dtype=torch.long)).equal(z)


DEGENERATE = {
    "fifty customers": {"n_customers": 50, "n_items": 12, "n_weeks": 10},
    "one customer": {"n_customers": 1, "n_items": 12, "n_weeks": 10},
    "one item": {"n_customers": 50, "n_items": 1, "n_weeks": 10},
    "one week": {"n_customers": 50, "n_items": 12, "n_weeks": 1},
    "two weeks": {"n_customers": 50, "n_items": 12, "n_weeks": 2},
    "one of all": {"n_customers": 1, "n_items": 1, "n_weeks": 3},
    "no stores": {"n_customers": 50, "n_items": 12, "n_weeks": 10, "stores": 0},
}


@pytest.mark.parametrize("shape", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("source", PriceSource)
def test_small_panels_train_without_nan(make_market, campaign_for, tmp_path, shape, source):
    panel = make_market(**shape).panel
    model = train_model(panel, replace(QUICK, price=source), folder=tmp_path)
    forecast = load_model(tmp_path).forecast(panel, campaign_for(panel, panel.n_weeks))
    for values in (forecast.probability, forecast.visit_probability, forecast.slope, forecast.units):
        assert np.isfinite(values).all()
    assert model.record["epochs"] <= 2


@pytest.mark.parametrize("rate", [0.0, 1.0])
@pytest.mark.parametrize("visited", [0.0, 1.0])
def test_constant_labels_train_to_the_base_rate(panel_of, tmp_path, rate, visited):
    if rate > visited:
        pytest.skip("nobody buys without a visit")
    shape = (10, 50, 12)
    bought, came = np.full(shape, rate > 0), np.full(shape[:2], visited > 0)
    flat = np.zeros((10, 12))
    panel = panel_of(bought, came, flat, np.zeros(12), flat)
    model = train_model(panel, TrainSettings(), folder=tmp_path)
    probability, visit = model.weekly_grid(panel, 10)
    assert np.isfinite(probability).all()
    assert abs(probability - rate).max() < 0.05
    assert abs(visit - visited).max() < 0.05
