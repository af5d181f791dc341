"""How many candidates so many customers leave room for, and bundles that stand in for items asked for."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bundleopt.stages.candidates import LEAST_CANDIDATES, MOST_CELLS, affordable, stand_ins
from bundleopt.stages.item_choice import ItemChoice
from bundleopt_models.relations import no_relations


@pytest.mark.parametrize("customers", [0, 1, 2_500, 32_000, 1_000_000])
def test_more_customers_never_leave_room_for_more_candidates(customers: int) -> None:
    number = affordable(400, customers=customers, steps=6)
    assert LEAST_CANDIDATES <= number <= 400
    assert number in {400, LEAST_CANDIDATES} or number * customers * 6 <= MOST_CELLS
    assert number >= affordable(400, customers=customers + 1_000, steps=6)


def test_a_short_list_that_was_asked_for_stays_short() -> None:
    assert affordable(10, customers=1_000_000, steps=6) == 10


def _bought_together() -> Any:
    """Item 0 is bought most with 3, then 2, then 1; item 4 is not allowed."""
    probability = np.array([[0.5, 0.1, 0.2, 0.4, 0.9]], dtype=np.float32)
    return SimpleNamespace(probability=probability, relations=no_relations())


def _asked(*banned: tuple[int, ...]) -> ItemChoice:
    allowed = np.array([True, True, True, True, False])
    return ItemChoice(allowed, {}, (0,), (), frozenset(banned))


@pytest.mark.parametrize(
    ("size", "bundle"),
    [((2, 4), (0, 3)), ((1, 4), (0, 3)), ((1, 1), (0,)), ((3, 4), (0, 2, 3)), ((4, 4), (0, 1, 2, 3))],
)
def test_an_item_that_was_asked_for_gets_a_bundle_of_an_allowed_size(
    size: tuple[int, int], bundle: tuple[int, ...]
) -> None:
    assert stand_ins(_asked(), _bought_together(), size) == (bundle,)


def test_a_stand_in_passes_banned_bundles_over() -> None:
    assert stand_ins(_asked((0, 3), (0, 2)), _bought_together(), (2, 2)) == ((0, 1),)
    assert stand_ins(_asked((0, 2, 3)), _bought_together(), (3, 3)) == ((0, 1, 3),)
