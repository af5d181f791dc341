from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_models.forecast import DemandForecast, PairRelations, PullForward
from bundleopt_models.preferences import group_by_choice, preference_weights


def _forecast(probability: np.ndarray, visit: np.ndarray) -> DemandForecast:
    customers, items = probability.shape
    nobody = np.zeros(0, np.int32)
    return DemandForecast(
        week=date(2024, 1, 1),
        customer_ids=np.array([f"c{n}" for n in range(customers)], dtype=object),
        item_ids=np.array([f"i{n}" for n in range(items)], dtype=object),
        probability=probability.astype(np.float32),
        visit_probability=visit.astype(np.float32),
        slope=np.ones_like(probability, dtype=np.float32),
        units=np.ones(items, np.float32),
        log_position=np.zeros(items, np.float32),
        knots=np.array([0, 1], np.float32),
        heights=np.array([0, 1], np.float32),
        relations=PairRelations(nobody, nobody, nobody.astype(np.float32), nobody.astype(np.float32)),
        pull_forward=PullForward(np.zeros(items, np.float32), 0.0),
        category=np.zeros(items, np.int32),
    )


def _random(seed: int) -> DemandForecast:
    rng = np.random.default_rng(seed)
    visit = rng.uniform(0.2, 1.0, 40)
    return _forecast(rng.uniform(0.0, 0.4, (40, 6)) * visit[:, None], visit)


@given(seed=st.integers(0, 10**6), segments=st.integers(1, 8))
@settings(max_examples=40, deadline=None)
def test_everything_listed_gives_back_the_forecast(seed: int, segments: int) -> None:
    forecast, items = _random(seed), np.array([0, 2, 3, 5])
    found = preference_weights(forecast, items, segments=segments)
    share = found.weight / (1 + found.weight.sum(1, keepdims=True))
    sales = found.occasions @ share
    assert sales == pytest.approx(forecast.probability[:, items].sum(0, dtype=np.float64), rel=1e-5)
    assert found.customers.sum() == 40
    assert (found.weight >= 0).all()


def test_the_chance_of_buying_anything_is_that_of_the_customers() -> None:
    forecast = _random(1)
    found = preference_weights(forecast, np.arange(6), segments=1)
    visit = forecast.visit_probability.astype(np.float64)
    nothing = (1 - forecast.probability / visit[:, None]).prod(1)
    any_share = found.weight.sum() / (1 + found.weight.sum())
    assert any_share == pytest.approx((visit * (1 - nothing)).mean(), rel=1e-5)


def test_customers_with_other_tastes_are_told_apart() -> None:
    taste = np.repeat([[0.3, 0.01, 0.01], [0.01, 0.3, 0.01], [0.01, 0.01, 0.02]], 30, axis=0)
    code = group_by_choice(taste, np.minimum(taste.sum(1), 0.9), segments=3, seed=0)
    groups = [set(code[start : start + 30].tolist()) for start in (0, 30, 60)]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert len(set.union(*groups)) == 3


def test_grouping_is_repeatable_and_never_makes_empty_groups() -> None:
    taste = np.full((20, 3), 0.1)
    assert set(group_by_choice(taste, np.full(20, 0.3), segments=5, seed=1).tolist()) == {0}
    forecast = _random(2)
    one, other = (preference_weights(forecast, np.arange(6), segments=7, seed=3) for _ in range(2))
    assert (one.segment == other.segment).all()
    assert (one.customers > 0).all()


def test_a_category_that_everybody_surely_buys_stays_finite() -> None:
    forecast = _forecast(np.full((5, 2), 1.0), np.ones(5))
    found = preference_weights(forecast, np.arange(2), segments=2)
    assert np.isfinite(found.weight).all()
