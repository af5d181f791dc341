from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt_data.errors import UsageError
from bundleopt_data.money import (
    apportion,
    array_to_cents,
    format_money,
    from_cents,
    parse_money,
    to_cents,
)

amounts = st.floats(min_value=-1e10, max_value=1e10, allow_nan=False)
weights = st.lists(st.floats(min_value=0, max_value=1e9, allow_nan=False), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("20000", 2000000),
        ("19.99", 1999),
        (".5", 50),
        ("1.", 100),
        (" 7 ", 700),
        ("0.005", 0),
        ("0.015", 2),
        ("2e3", 200000),
    ],
)
def test_parse_money_reads_plain_amounts_half_even(text: str, cents: int) -> None:
    assert parse_money(text) == cents


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "-1", "20,000", "1_000", "", "EUR 3", "$3", "1e400", "٣", "0x10", "--1"]
)
def test_parse_money_refuses_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"--budget .*for example 20000") as refusal:
        parse_money(text, name="--budget")
    assert repr(text) in str(refusal.value)
    assert refusal.value.exit_code == 2


@given(st.integers(min_value=0, max_value=10**14))
def test_parse_money_inverts_from_cents(cents: int) -> None:
    assert parse_money(str(from_cents(cents))) == cents


@given(amounts)
def test_array_and_scalar_round_alike_and_to_the_nearest_cent(amount: float) -> None:
    cents = to_cents(amount)
    assert int(array_to_cents([amount])[0]) == cents
    exact = Decimal(repr(amount)) * 100
    assert cents == int(exact.to_integral_value(rounding=ROUND_HALF_EVEN))


def test_ties_round_to_even_as_decimals_not_as_binary() -> None:
    assert array_to_cents([0.125, 0.135, 1.005, 2.675, -0.125, -0.135]).tolist() == [12, 14, 100, 268, -12, -14]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e14])
def test_array_to_cents_refuses_what_is_no_money(bad: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        array_to_cents([1.0, bad])


@given(st.integers(min_value=-(10**12), max_value=10**12), weights)
def test_apportion_sums_exactly_and_stays_within_a_cent_of_the_quota(total: int, shares: list[float]) -> None:
    parts = apportion(total, shares)
    assert int(parts.sum()) == total
    exact = [Fraction(share) for share in shares] if any(shares) else [Fraction(1)] * len(shares)
    for part, share in zip(parts.tolist(), exact, strict=True):
        assert abs(Fraction(part) - total * share / sum(exact)) < 1


@given(st.integers(min_value=0, max_value=10**9), weights)
def test_apportion_gives_nothing_to_no_weight_and_is_odd_in_the_total(total: int, shares: list[float]) -> None:
    parts = apportion(total, shares)
    assert (apportion(-total, shares) == -parts).all()
    if any(shares):
        assert all(part == 0 for part, share in zip(parts.tolist(), shares, strict=True) if share == 0)


def test_apportion_breaks_equal_remainders_by_index() -> None:
    assert apportion(2, [1, 1, 1, 1]).tolist() == [1, 1, 0, 0]
    assert apportion(0, []).tolist() == []


@pytest.mark.parametrize("bad", [[-1.0, 2.0], [np.nan], [np.inf]])
def test_apportion_refuses_bad_weights(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        apportion(1, bad)


def test_apportion_refuses_a_total_over_no_parts() -> None:
    with pytest.raises(ValueError, match="no parts"):
        apportion(1, [])


def test_format_money() -> None:
    assert format_money(123456789, currency="EUR") == "1,234,567.89 EUR"
    assert format_money(-5) == "-0.05"
