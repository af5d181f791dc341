from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.forecast import PairRelations
from bundleopt_models.synthetic_week import synthetic_week


@pytest.fixture
def relations() -> PairRelations:
    return PairRelations(
        np.array([1, 1, 4], np.int32),
        np.array([2, 5, 7], np.int32),
        np.array([0.5, -1.0, 2.0], np.float32),
        np.full(3, 0.1, np.float32),
        background=0.3,
        significant=np.array([True, False, True]),
    )


def test_log_odds_of_listed_and_unlisted_pairs_in_any_order(relations) -> None:
    assert relations.log_odds([2, 5, 7, 9], [1, 1, 4, 0]) == pytest.approx([0.5, -1.0, 2.0, 0.3])
    assert relations.log_odds(np.array([[1], [4]]), np.array([2, 7])).shape == (2, 2)
    assert relations.log_odds(np.zeros((0, 3), int), np.zeros((0, 3), int)).shape == (0, 3)


def test_known_pairs_are_the_significant_ones(relations) -> None:
    assert relations.known().second.tolist() == [2, 7]
    assert relations.known().is_known().all()
    assert float(relations.known().log_odds(1, 5)) == pytest.approx(0.3)


def test_price_lift_is_zero_at_shelf_price_and_rises_with_the_discount() -> None:
    forecast, _ = synthetic_week(3, 10)
    lift = forecast.price_lift(np.array([1.0, 0.9, 0.5, 0.1]))
    assert lift[:, 0] == pytest.approx(np.zeros(10))
    assert (np.diff(lift, axis=1) > 0).all()
    assert forecast.item_lift(np.array([3, 4]), np.array([0.9, 0.5])) == pytest.approx([lift[3, 1], lift[4, 2]])
