"""Weeks run Monday to Sunday and are named by their Monday in ISO form."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import UsageError

WEEK = timedelta(days=7)

# 1970-01-01, the origin of datetime64, was a Thursday: four days after this Monday origin comes its first Monday.
_MONDAY_OFFSET_DAYS = 3


def monday_of(day: date) -> date:
    """Return the Monday of the week that contains `day` (a date, or a local datetime).

    >>> monday_of(date(2017, 12, 31)).isoformat()
    '2017-12-25'
    """
    plain = day.date() if isinstance(day, datetime) else day
    return plain - timedelta(days=plain.weekday())


def monday_after(day: date) -> date:
    """Return the first Monday strictly after `day`: the default campaign week after a last transaction.

    >>> monday_after(date(2017, 12, 31)).isoformat()
    '2018-01-01'
    """
    return monday_of(day) + WEEK


def parse_monday(text: str, *, name: str = "--week") -> date:
    """Read a Monday in ISO form.

    Raises:
        UsageError: not an ISO date, or not a Monday; the message names the Mondays beside it.
    """
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise UsageError(f"{name} must be a Monday in ISO form, not {text!r}; for example 2018-01-01") from None
    if day.weekday():
        before = monday_of(day)
        raise UsageError(f"{name} must be a Monday, and {day} is a {day:%A}; use {before} or {before + WEEK}")
    return day


def mondays_between(first: date, last: date) -> npt.NDArray[np.datetime64]:
    """Return all Mondays from the week of `first` to the week of `last`, both included, as (T,) datetime64[D]."""
    start, stop = np.datetime64(monday_of(first), "D"), np.datetime64(monday_of(last), "D")
    return np.arange(start, stop + 1, 7, dtype="datetime64[D]")


def mondays_of(days: npt.NDArray[np.datetime64]) -> npt.NDArray[np.datetime64]:
    """Return the Monday of each day; any shape, datetime64 of any unit, returned as datetime64[D]."""
    whole = days.astype("datetime64[D]")
    number = whole.astype(np.int64)
    return (number - (number + _MONDAY_OFFSET_DAYS) % 7).astype("datetime64[D]")


def is_unfinished(last_day: date) -> bool:
    """Tell whether the week of the last transaction may be incomplete: its last day is not a Sunday."""
    return last_day.weekday() != 6
