from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt_data.errors import UsageError
from bundleopt_data.weeks import is_unfinished, monday_after, monday_of, mondays_between, mondays_of, parse_monday

days = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))


@given(days)
def test_a_week_is_its_monday_and_the_six_days_after(day: date) -> None:
    monday = monday_of(day)
    assert monday.weekday() == 0
    assert timedelta(0) <= day - monday < timedelta(7)
    assert monday_after(day) == monday + timedelta(7)
    assert monday_of(datetime(day.year, day.month, day.day, 23, 59)) == monday


@given(st.lists(days, min_size=1, max_size=20))
def test_arrays_of_days_agree_with_single_days(several: list[date]) -> None:
    assert mondays_of(np.array(several, dtype="datetime64[D]")).astype(object).tolist() == [
        monday_of(d) for d in several
    ]


@given(days, st.integers(min_value=0, max_value=400))
def test_mondays_between_are_consecutive_and_cover_both_ends(first: date, length: int) -> None:
    last = first + timedelta(length)
    mondays = mondays_between(first, last)
    assert mondays[0] == np.datetime64(monday_of(first))
    assert mondays[-1] == np.datetime64(monday_of(last))
    assert (np.diff(mondays).astype(int) == 7).all()


def test_parse_monday_takes_mondays_only() -> None:
    assert parse_monday(" 2018-01-01 ") == date(2018, 1, 1)
    with pytest.raises(UsageError, match="Tuesday; use 2018-01-01 or 2018-01-08"):
        parse_monday("2018-01-02")
    with pytest.raises(UsageError, match=r"ISO form.*for example"):
        parse_monday("1/1/2018")


def test_a_week_is_unfinished_until_its_sunday() -> None:
    assert not is_unfinished(date(2017, 12, 31))
    assert is_unfinished(date(2018, 1, 1))
