"""Exact arithmetic for the checker: every float64 is a fraction, and sums of fractions do not round."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# A float64 is an integer of 53 bits times a power of two.
MANTISSA_BITS = 53
# Sums of 2^36 numbers of 26 bits stay inside int64.
HALF_BITS = 26

# Columns that are one or two float64 operations away from others agree to this share; nothing that decides a rule does.
RELATIVE = 1e-9


def exact_sum(values: Iterable[float] | Array) -> Fraction:
    """Sum of finite float64 numbers without any rounding."""
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=np.float64)
    mantissa, exponent = np.frexp(array)
    whole = np.ldexp(mantissa, MANTISSA_BITS).astype(np.int64)
    total = Fraction(0)
    for power in np.unique(exponent).tolist():
        part = whole[exponent == power]
        high, low = int((part >> HALF_BITS).sum()), int((part & ((1 << HALF_BITS) - 1)).sum())
        total += ((high << HALF_BITS) + low) * Fraction(2) ** (power - MANTISSA_BITS)
    return total


def exact_sums(values: Array, keys: Sequence[Hashable]) -> dict[Hashable, Fraction]:
    """Exact sums of `values` by key."""
    groups: dict[Hashable, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(key, []).append(position)
    return {key: exact_sum(values[positions]) for key, positions in groups.items()}


def decimal(value: float) -> Fraction:
    """The decimal that a float prints, as a fraction: what the user typed, not its binary neighbour."""
    return Fraction(repr(float(value)))


def whole_cents(value: float) -> int | None:
    """Cents of a price that is a whole number of them, else None."""
    if not np.isfinite(value):
        return None
    cents = round(decimal(value) * 100)
    return cents if cents / 100 == float(value) else None


def agrees(value: float, exact: Fraction, relative: float = RELATIVE) -> bool:
    """Whether a stored figure is `exact` up to the rounding of a few float64 operations."""
    return bool(np.isfinite(value)) and abs(Fraction(value) - exact) <= decimal(relative) * max(Fraction(1), abs(exact))


def rounds_to(value: float, exact: Fraction) -> bool:
    """Whether `value` is a whole number of cents within half a cent of `exact`; a tie may go either way."""
    cents = whole_cents(value)
    return cents is not None and abs(cents - 100 * exact) <= Fraction(1, 2) + decimal(RELATIVE)


def money(value: Fraction | float) -> str:
    """An amount for a message."""
    return f"{float(value):,.6f}".rstrip("0").rstrip(".")
