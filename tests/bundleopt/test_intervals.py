import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt.plan import cents, intervals


@pytest.mark.parametrize("offers", [40, 400])
def test_the_interval_holds_the_outcomes_it_should(offers: int) -> None:
    draw = np.random.default_rng(3)
    probability = draw.uniform(0.01, 0.3, offers)
    amount = draw.gamma(2.0, 2.0, offers)
    interval = intervals.outcome_interval(probability, amount, level=0.9)
    outcomes = (draw.random((40_000, offers)) < probability) @ amount
    inside = np.mean((outcomes >= interval.low) & (outcomes <= interval.high))
    assert inside == pytest.approx(0.9, abs=0.02)


def test_the_interval_stays_in_the_range_and_holds_its_mean() -> None:
    probability, amount = np.array([0.01, 0.02]), np.array([5.0, 5.0])
    interval = intervals.outcome_interval(probability, amount, level=0.8)
    assert 0.0 <= interval.low <= 0.15 <= interval.high <= 10.0


def test_nothing_random_has_a_point_as_interval() -> None:
    interval = intervals.outcome_interval(np.array([1.0]), np.array([3.0]), level=0.9, offset=2.0)
    assert (interval.low, interval.high) == (5.0, 5.0)
    empty = intervals.outcome_interval(np.zeros(0), np.zeros(0), level=0.9)
    assert (empty.low, empty.high) == (0.0, 0.0)


def test_what_a_redemption_adds_is_zero_where_nobody_redeems() -> None:
    amount = intervals.amount_per_redemption(np.array([2.0, 1.0]), np.array([0.5, 0.0]))
    assert amount.tolist() == [4.0, 0.0]


@given(st.lists(st.floats(-1e5, 1e5, allow_nan=False), max_size=60))
def test_rows_in_cents_add_up_to_the_total_and_stay_within_a_cent(amounts: list[float]) -> None:
    array = np.array(amounts, dtype=np.float64)
    total = cents.total_in_cents(array)
    rows = cents.rows_in_cents(array, total)
    assert int(rows.sum()) == (total if len(array) else 0)
    assert np.all(np.abs(rows - array * 100) <= 1.0 + 1e-6)
