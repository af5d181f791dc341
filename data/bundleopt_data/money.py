"""Exact money: decimal text to integer cents, half-even rounding, and totals that are split without losing a cent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import UsageError

CENTS_PER_UNIT = 100

# Cents are int64 and sums of a plan stay far below this: 92 quadrillion cents is where int64 ends.
LARGEST_CENTS = 10**15

_LARGEST_AMOUNT = Decimal(LARGEST_CENTS).scaleb(-2)
_CENT = Decimal("0.01")

# What `Decimal` would also take (nan, inf, 1_000, digits of other scripts) is no amount a colleague would type.
_PLAIN_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")

Cents = npt.NDArray[np.int64]


def parse_money(text: str | int | Decimal, *, name: str = "amount", example: str = "20000 or 19.99") -> int:
    """Read an amount of money and return integer cents, rounded half to even.

    Args:
        text: plain decimal notation, without thousands separators or currency signs.
        name: how the message calls the value, for example `--budget`.
        example: what the message shows as valid.

    Raises:
        UsageError: not a number, not finite, negative, or larger than 10^13 currency units.

    >>> parse_money("19.995")
    2000
    """
    refusal = f"{name} must be a plain amount of money, not {str(text)!r}; for example {example}"
    plain = str(text).strip()
    if not _PLAIN_NUMBER.fullmatch(plain):
        raise UsageError(refusal)
    amount = Decimal(plain)
    if amount < 0:
        raise UsageError(refusal)
    if amount > _LARGEST_AMOUNT:
        raise UsageError(f"{name} is larger than any plan can hold: {plain!r}; for example {example}")
    return int(amount.quantize(_CENT, rounding=ROUND_HALF_EVEN).scaleb(2))


def to_cents(amount: float) -> int:
    """Round a finite amount in currency units to integer cents, half to even on its shortest decimal form.

    >>> to_cents(0.125), to_cents(2.675)
    (12, 268)
    """
    return int(Decimal(repr(float(amount))).quantize(_CENT, rounding=ROUND_HALF_EVEN).scaleb(2))


def array_to_cents(amounts: npt.ArrayLike) -> Cents:
    """Round finite amounts in currency units to int64 cents, half to even, element by element like `to_cents`.

    Multiplying by 100 in binary can move a tie by one unit in the last place; those few elements (within 1e-6 of a
    tie) are settled in decimal.

    Raises:
        ValueError: an amount is not finite or exceeds what cents can hold.
    """
    values = np.asarray(amounts, dtype=np.float64)
    if not np.isfinite(values).all() or (np.abs(values) > LARGEST_CENTS / CENTS_PER_UNIT).any():
        raise ValueError("money must be finite and below 10^13 currency units")
    scaled = values * CENTS_PER_UNIT
    cents = np.rint(scaled).astype(np.int64)
    near_tie = np.abs(np.abs(scaled - np.trunc(scaled)) - 0.5) < 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-9)
    for index in np.argwhere(near_tie):
        cents[tuple(index)] = to_cents(float(values[tuple(index)]))
    return cents


def from_cents(cents: int) -> Decimal:
    """Exact amount in currency units, two decimals."""
    return Decimal(int(cents)).scaleb(-2)


def format_money(cents: int, *, currency: str = "") -> str:
    """Write cents with thousands separators and two decimals.

    >>> format_money(-123456789)
    '-1,234,567.89'
    """
    text = f"{from_cents(cents):,.2f}"
    return f"{text} {currency}".rstrip()


def apportion(total_cents: int, weights: Sequence[float] | npt.NDArray[np.float64]) -> Cents:
    """Split a total over weights by the largest remainder, so that the parts add up to the total exactly.

    Quotas are exact fractions of the given floats; equal remainders go to the lower index. All-zero weights split
    evenly. The sign of the total is carried by every part.

    Args:
        total_cents: the total, any sign.
        weights: (N,) finite, >= 0.

    Returns:
        (N,) int64 cents, each within one cent of its exact quota.

    Raises:
        ValueError: no weights for a total other than 0, or a weight is negative or not finite.

    >>> apportion(100, [1, 1, 1]).tolist()
    [34, 33, 33]
    """
    shares = np.asarray(weights, dtype=np.float64)
    if not np.isfinite(shares).all() or (shares < 0).any():
        raise ValueError("weights must be finite and not negative")
    if shares.size == 0:
        if total_cents:
            raise ValueError(f"{total_cents} cents cannot be split over no parts")
        return np.zeros(0, dtype=np.int64)
    exact = [Fraction(float(w)) for w in shares] if shares.any() else [Fraction(1)] * shares.size
    parts, remainders = _floors(abs(int(total_cents)), exact)
    left = abs(int(total_cents)) - sum(parts)
    for index in sorted(range(len(parts)), key=lambda i: (-remainders[i], i))[:left]:
        parts[index] += 1
    sign = -1 if total_cents < 0 else 1
    return np.array([sign * part for part in parts], dtype=np.int64)


def _floors(total: int, weights: list[Fraction]) -> tuple[list[int], list[int]]:
    """Whole parts of each quota, and remainders over one common denominator (floats are dyadic: only powers of 2)."""
    denominator = max(weight.denominator for weight in weights)
    scaled = [weight.numerator * (denominator // weight.denominator) for weight in weights]
    whole = sum(scaled)
    divided = [divmod(total * weight, whole) for weight in scaled]
    return [part for part, _ in divided], [rest for _, rest in divided]
