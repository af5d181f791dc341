"""Price points: the admissible prices of a bundle, in whole cents, exactly.

A price point is the price with an allowed ending that is nearest to a step of the discount ladder and inside the band
after rounding. Everything is integer or `Fraction` arithmetic: a float enters only as a share that the user typed, and
is read as the decimal it prints (0.05 is 1/20).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bundleopt_data.errors import UsageError

# Two bare digits are not read: "0,99" is a decimal comma, not the endings 0 and 99.
_ENDING = re.compile(r"\d|0?\.\d\d")


@dataclass(frozen=True)
class PricePolicy:
    """How prices may be set.

    Attributes:
        min_discount, max_discount: the band, shares of the list value in [0, 1).
        price_step: distance of two ladder steps, a share in (0, 1).
        price_ending: None for any cent; ".99" and "0.99" for the cents, "9" for the last digit, several separated by
            commas.
        allow_below_cost: whether a price may lie below the cost floor.
    """

    min_discount: float = 0.0
    max_discount: float = 0.3
    price_step: float = 0.05
    price_ending: str | None = None
    allow_below_cost: bool = False

    def __post_init__(self) -> None:
        """Refuse shares out of range and endings that cannot be read."""
        if not 0 <= self.min_discount <= self.max_discount < 1:
            message = f"discounts must satisfy 0 <= min <= max < 1, got {self.min_discount!r} and {self.max_discount!r}"
            raise UsageError(message)
        if not 0 < self.price_step < 1:
            raise UsageError(f"the price step must be a share in (0, 1), got {self.price_step!r}")
        price_endings(self.price_ending)

    @property
    def ladder(self) -> tuple[Fraction, ...]:
        """Discounts of the ladder, ascending, without 0: `min_discount`, then a step at a time up to `max_discount`."""
        first, last, step = (as_share(x) for x in (self.min_discount, self.max_discount, self.price_step))
        steps = (first + k * step for k in range(int((last - first) / step) + 1))
        return tuple(discount for discount in steps if discount > 0)


def as_share(value: float | Fraction) -> Fraction:
    """Read a share as the decimal the user typed: 0.1 is 1/10, not its binary neighbour."""
    return value if isinstance(value, Fraction) else Fraction(repr(float(value)))


def price_endings(text: str | None) -> tuple[tuple[int, int], ...]:
    """Read price endings as (residue, modulus) pairs of cents; ((0, 1),) where every cent is allowed.

    Raises:
        UsageError: the text is no ending; the message shows what is.
    """
    if text is None:
        return ((0, 1),)
    endings = []
    for part in text.split(","):
        ending = part.strip()
        if not _ENDING.fullmatch(ending):
            raise UsageError(f"price ending {text!r} is not understood; write for example .99, 0.95, 9 or .49,.99")
        digits = ending.rpartition(".")[2]
        endings.append((int(digits), 10 ** len(digits)))
    return tuple(endings)


def cost_floor_cents(
    item_price_cents: Sequence[int],
    unit_cost_cents: Sequence[int],
    tax_rate: Sequence[float],
    funding_share: Sequence[float],
) -> int:
    """Least bundle price in cents whose unit margin, supplier funding included, is not negative.

    The bundle price p and its discount L - p are apportioned by shelf price; with w_i = shelf_i / L,
    margin(p) = sum_i [p w_i / (1 + tax_i) - cost_i + funding_i (L - p) w_i], which is linear in p.

    Args:
        item_price_cents: shelf prices of the K items, > 0.
        unit_cost_cents: (K,) net of tax.
        tax_rate: (K,) shares.
        funding_share: (K,) supplier's share of the discount.
    """
    list_value = sum(item_price_cents)
    slope, at_zero = Fraction(0), Fraction(0)
    for price, cost, tax, funding in zip(item_price_cents, unit_cost_cents, tax_rate, funding_share, strict=True):
        weight = Fraction(price, list_value)
        slope += weight / (1 + as_share(tax)) - as_share(funding) * weight
        at_zero += as_share(funding) * price - cost
    if slope <= 0:  # the supplier pays at least what the discount costs: the deepest price earns the most
        return 0 if slope * list_value + at_zero >= 0 else list_value
    return max(0, _ceil(-at_zero / slope))


def price_points(
    list_value_cents: int,
    item_price_cents: Sequence[int],
    floor_cents: int,
    policy: PricePolicy,
) -> tuple[int, ...]:
    """Admissible prices of one bundle in cents, descending, without repeats; empty where there is none.

    Every price is inside the band after rounding, strictly below the list value and not below the floor; the price of
    two or more items is also not below the dearest of them, since nobody pays more for less.

    Args:
        list_value_cents: sum of the shelf prices of the bundle.
        item_price_cents: shelf price of each of its items.
        floor_cents: least price that covers the cost (`cost_floor_cents`); not used where the policy allows below cost.
        policy: band, ladder and endings.
    """
    low = max(1, _ceil(list_value_cents * (1 - as_share(policy.max_discount))))
    high = min(list_value_cents - 1, _floor(list_value_cents * (1 - as_share(policy.min_discount))))
    least = 0 if policy.allow_below_cost else floor_cents
    if len(item_price_cents) > 1:
        least = max(least, *item_price_cents)
    endings = price_endings(policy.price_ending)
    nearest = {_nearest(list_value_cents * (1 - discount), low, high, endings) for discount in policy.ladder}
    return tuple(sorted((price for price in nearest if price is not None and price >= least), reverse=True))


def _nearest(target: Fraction, low: int, high: int, endings: tuple[tuple[int, int], ...]) -> int | None:
    """Nearest allowed price in [low, high]; of two equally near ones the dearer, which gives away less."""
    candidates = (
        price for ending in endings for price in _neighbours(target, low, high, ending) if low <= price <= high
    )
    return min(candidates, key=lambda price: (abs(price - target), -price), default=None)


def _neighbours(target: Fraction, low: int, high: int, ending: tuple[int, int]) -> Iterator[int]:
    """The last price with the ending at or under the target and the first one above it, target moved into the band."""
    residue, modulus = ending
    inside = min(max(target, Fraction(low)), Fraction(high))
    below = residue + modulus * _floor((inside - residue) / modulus)
    yield below
    yield below + modulus


def _floor(value: Fraction) -> int:
    return value.numerator // value.denominator


def _ceil(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)
