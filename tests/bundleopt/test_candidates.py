"""How many candidates so many customers leave room for."""

import pytest

from bundleopt.stages.candidates import LEAST_CANDIDATES, MOST_CELLS, affordable


@pytest.mark.parametrize("customers", [0, 1, 2_500, 32_000, 1_000_000])
def test_more_customers_never_leave_room_for_more_candidates(customers: int) -> None:
    number = affordable(400, customers=customers, steps=6)
    assert LEAST_CANDIDATES <= number <= 400
    assert number in {400, LEAST_CANDIDATES} or number * customers * 6 <= MOST_CELLS
    assert number >= affordable(400, customers=customers + 1_000, steps=6)


def test_a_short_list_that_was_asked_for_stays_short() -> None:
    assert affordable(10, customers=1_000_000, steps=6) == 10
