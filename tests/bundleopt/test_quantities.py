from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt import quantities


@pytest.mark.parametrize(
    ("text", "value"), [("20000", 20000.0), ("1999.50", 1999.5), ("0", 0.0), (" 12 ", 12.0), (7, 7.0)]
)
def test_money_is_read(text: object, value: float) -> None:
    assert quantities.parse_money(text) == value


@pytest.mark.parametrize(
    "text",
    ["nan", "inf", "-inf", "Infinity", "-1", "20,000", "1_000", "EUR 3", "$12.50", "", "1e400", "0.001", "1e13", True],
)
def test_what_is_not_money_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match=r"write .*\d"):
        quantities.parse_money(text)


def test_signed_money_may_be_negative() -> None:
    assert quantities.parse_signed_money("-500") == -500.0


@pytest.mark.parametrize(
    ("text", "value"), [("0.15", 0.15), ("15%", 0.15), ("0", 0.0), ("100%", 1.0), ("12.5 %", 0.125)]
)
def test_shares_are_read_as_fractions_or_percent(text: str, value: float) -> None:
    assert quantities.parse_share(text) == pytest.approx(value, abs=1e-15)


@given(st.integers(min_value=0, max_value=10000))
def test_percent_and_fraction_of_one_share_agree(hundredths: int) -> None:
    assert quantities.parse_share(f"{hundredths / 100}%") == pytest.approx(
        quantities.parse_share(str(hundredths / 10000)), abs=1e-15
    )


@pytest.mark.parametrize("text", ["15", "-0.1", "101%", "nan", "lots", ""])
def test_what_is_not_a_share_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"0\.15 or 15%"):
        quantities.parse_share(text)


@pytest.mark.parametrize(("text", "value"), [("2:4", (2, 4)), ("3", (3, 3)), ("1:4", (1, 4)), ((2, 3), (2, 3))])
def test_sizes_are_read(text: object, value: tuple[int, int]) -> None:
    assert quantities.parse_sizes(text) == value


@pytest.mark.parametrize("text", ["4:2", "0:2", "2:5", "two", "2:3:4", "2:", ""])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="2:4"):
        quantities.parse_sizes(text)


def test_a_week_is_its_monday() -> None:
    assert quantities.parse_week("2018-01-01") == date(2018, 1, 1)
    with pytest.raises(ValueError, match=r"Tuesday.*2018-01-01"):
        quantities.parse_week("2018-01-02")
    with pytest.raises(ValueError, match="not a date"):
        quantities.parse_week("01/02/2018")


@pytest.mark.parametrize(("text", "seconds"), [("60", 60.0), ("60s", 60.0), ("2m", 120.0), ("0.5", 0.5)])
def test_durations_are_seconds_or_minutes(text: str, seconds: float) -> None:
    assert quantities.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "nan", "soon"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="2m"):
        quantities.parse_duration(text)


def test_price_endings() -> None:
    assert quantities.parse_price_ending(".99") == ".99"
    assert quantities.parse_price_ending("none") is None
    with pytest.raises(ValueError, match=r"\.49,\.99"):
        quantities.parse_price_ending("ninety-nine")
