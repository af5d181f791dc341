"""Rounding rows to cents so that they add up to their total exactly."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bundleopt_data import money

Array = npt.NDArray[np.float64]


def total_in_cents(amounts: Array) -> int:
    """Return the exact sum of (N,) amounts of money, rounded once, half-even."""
    return money.to_cents(math.fsum(amounts))


def rows_in_cents(amounts: Array, total_cents: int) -> npt.NDArray[np.int64]:
    """Round (N,) amounts of money, any sign, to cents whose sum is `total_cents`, the rounded total.

    Every row goes to the cent below it; the cents that are then missing go to the rows with the largest remainders,
    lower index first. So each row is within one cent of its amount.
    """
    if not len(amounts):
        return np.zeros(0, dtype=np.int64)
    scaled = amounts * 100
    cents = np.floor(scaled).astype(np.int64)
    order = np.lexsort((np.arange(len(amounts)), -(scaled - cents)))
    whole, rest = divmod(total_cents - int(cents.sum()), len(amounts))
    cents += whole
    cents[order[:rest]] += 1
    return cents
