"""Groups of like taste, their names, and interests of single customers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bundleopt_models.interest_groups import INTERESTS, category_purchases, interest_groups, interests, readable
from bundleopt_models.k_means import k_means
from bundleopt_models.model import load_model


def blobs(seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    """60, 40 and 20 points around three far centres."""
    truth = np.repeat([0, 1, 2], [60, 40, 20])
    centres = np.array([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]])
    points = centres[truth] + np.random.default_rng(seed).normal(0, 0.5, (120, 2))
    return torch.from_numpy(points), truth


def test_planted_clusters_are_found_and_numbered_by_size() -> None:
    points, truth = blobs()
    assert k_means(points, 3).numpy().tolist() == truth.tolist()


def test_the_same_seed_gives_the_same_clusters_and_order_of_points_is_no_matter_for_them() -> None:
    points, truth = blobs(3)
    assert torch.equal(k_means(points, 5, seed=4), k_means(points, 5, seed=4))
    order = torch.randperm(120, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(k_means(points[order], 3).numpy(), truth[order.numpy()])


def test_no_more_clusters_than_points_differ() -> None:
    assert k_means(torch.zeros(7, 3), 4).tolist() == [0] * 7
    assert k_means(torch.zeros(0, 3), 4).tolist() == []
    with pytest.raises(ValueError, match="at least one"):
        k_means(torch.zeros(2, 1), 0)
    with pytest.raises(ValueError, match="finite"):
        k_means(torch.tensor([[float("nan")]]), 1)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 5))
def test_every_code_is_used_and_larger_clusters_come_first(clusters: int, points: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = k_means(torch.from_numpy(random.normal(size=(points, 2))), clusters, seed=seed).numpy()
    count = np.bincount(codes)
    assert (count > 0).all()
    assert (np.diff(count) <= 0).all()
    assert len(count) == min(clusters, points)


def test_interests_need_support_and_lift() -> None:
    counts = np.array([[30.0, 1.0, 2.0, 10.0], [3.0, 30.0, 2.0, 10.0], [0.0, 0.0, 1.0, 0.0], [10.0, 10.0, 0.0, 9.0]])
    names = np.array(["Dairy", "Baby", "Wine", "Bread"], dtype=object)
    found = interests(counts, names)
    assert found[0][0] == "Dairy"
    assert found[1][0] == "Baby"
    assert found[2] == ()
    assert all(len(tags) <= INTERESTS for tags in found)
    assert "Wine" not in found[0] + found[1]


def test_names_read_like_words() -> None:
    assert readable("BABY FOODS") == "Baby foods"
    assert readable("  frozen   peas") == "Frozen peas"
    assert readable("乳製品") == "乳製品"


@pytest.fixture(name="case", scope="module")
def _case(model_folder: Path, market):
    from tests.models.conftest import campaign_for

    model = load_model(model_folder)
    forecast = model.forecast(market.panel, campaign_for(market.panel, 24))
    return model, market.panel, forecast


def test_groups_cover_all_customers_and_have_names_of_their_own(case) -> None:
    _, panel, forecast = case
    found = interest_groups(forecast, panel, 5, seed=1)
    assert sum(group.customers for group in found.groups) == panel.n_customers
    assert len({group.name for group in found.groups}) == len(found.groups) == 5
    assert np.array_equal(np.bincount(found.segment), [group.customers for group in found.groups])
    assert found.price_sensitivity.mean() == pytest.approx(1.0, abs=1e-6)
    assert np.array_equal(found.segment, interest_groups(forecast, panel, 5, seed=1).segment)
    assert all(0 <= group.deal_share <= 1 for group in found.groups)


def test_the_future_names_nobody(case, shuffled_future) -> None:
    _, panel, forecast = case
    early = replace(forecast, week=panel.weeks[15].astype("datetime64[D]").astype(object))
    one, other = (interest_groups(early, log, 4) for log in (panel, shuffled_future(panel, 15)))
    assert one.groups == other.groups
    assert one.interests == other.interests
    assert category_purchases(panel, 15).sum() == (panel.purchase_week < 15).sum()


def test_distances_of_states_are_those_of_affinities(case) -> None:
    model, panel, forecast = case
    view = model.view(panel)
    from bundleopt_models.model import plan_for

    inputs = model.week_inputs(view, 24, plan_for(panel, 24, None, (None, None)))
    with torch.no_grad():
        code = torch.from_numpy(inputs.customer_code)
        theta = model.network.customer_vectors(inputs.catalogue, inputs.context, code)
        alpha = model.network.item_vectors(inputs.catalogue)
        affinity = (theta @ (alpha - alpha.mean(0)).T).numpy()
    gap = np.sqrt(((affinity[0] - affinity[1:]) ** 2).mean(1))
    assert np.sqrt(((forecast.state[0] - forecast.state[1:]) ** 2).sum(1)) == pytest.approx(gap, rel=1e-3, abs=1e-6)
