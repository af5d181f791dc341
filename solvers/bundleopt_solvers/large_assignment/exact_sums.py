"""Sums of millions of float64 numbers without any rounding, as fractions.

Every number is a 53-bit whole number times a power of two. Its upper and lower half are added up for each power
apart: as long as at most 2^26 numbers fall together, all these sums stay below 2^53, where float64 counts exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

HALF = 26
MOST_TERMS = 1 << HALF
OFFSET = 1100  # float64 exponents lie above -1100 and below 1100
SPAN = 2 * OFFSET


class ExactSums:
    """Exact sums that grow a block at a time.

    Args:
        rows: how many sums.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._parts: dict[int, int] = {}  # row * SPAN + power -> whole number

    def add(self, values: npt.NDArray[np.float64], row: npt.NDArray[np.integer]) -> None:
        """Add `values` (n,), finite, each to its `row` (n,)."""
        if not np.isfinite(values).all():
            raise ValueError("only finite numbers can be added exactly")
        for start in range(0, len(values), MOST_TERMS):
            part = slice(start, start + MOST_TERMS)
            self._add(values[part], np.asarray(row[part], dtype=np.int64))

    def _add(self, values: npt.NDArray[np.float64], row: npt.NDArray[np.int64]) -> None:
        share, exponent = np.frexp(values)
        whole = (share * (1 << 53)).astype(np.int64)  # exactly value * 2^(53 - exponent)
        upper, lower = whole >> HALF, whole & ((1 << HALF) - 1)  # whole = upper * 2^26 + lower, also below zero
        code, place = np.unique(row * SPAN + (exponent.astype(np.int64) + OFFSET), return_inverse=True)
        high = np.bincount(place, upper.astype(np.float64), len(code)).astype(np.int64)
        low = np.bincount(place, lower.astype(np.float64), len(code)).astype(np.int64)
        for key, top, rest in zip(code.tolist(), high.tolist(), low.tolist(), strict=True):
            self._parts[key] = self._parts.get(key, 0) + (top << HALF) + rest

    def totals(self) -> list[Fraction]:
        """The sums so far."""
        sums = [Fraction(0)] * self._rows
        for key, number in self._parts.items():
            row, power = divmod(key, SPAN)
            sums[row] += number * Fraction(2) ** (power - OFFSET - 53)
        return sums
