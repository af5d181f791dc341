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


def earns_its_cost(
    price_cents: int,
    item_price_cents: Sequence[int],
    unit_cost_cents: Sequence[int],
    tax_rate: Sequence[float],
    funding: tuple[Sequence[float], Sequence[int]],
) -> bool:
    """Whether the unit margin at a price, supplier funding included, is not negative.

    The bundle price p and its discount L - p fall on the items by shelf price: with w_i = shelf_i / L and
    d_i = (L - p) w_i, margin(p) = sum_i [p w_i / (1 + tax_i) - cost_i + min(funding_i d_i + per unit_i, d_i)]. It is
    concave in p, so that the prices at which it holds are a range, and not all those above a floor.

    Args:
        price_cents: of the bundle.
        item_price_cents: shelf prices of the K items, > 0.
        unit_cost_cents: (K,) net of tax.
        tax_rate: (K,) shares.
        funding: (K,) supplier's shares of the discount, and (K,) cents that suppliers pay per redeemed unit beside it.
    """
    list_value, margin = sum(item_price_cents), Fraction(0)
    rows = zip(item_price_cents, unit_cost_cents, tax_rate, *funding, strict=True)
    for shelf, cost, tax, share, per_unit in rows:
        weight = Fraction(shelf, list_value)
        discount = (list_value - price_cents) * weight
        funded = min(as_share(share) * discount + per_unit, discount)
        margin += price_cents * weight / (1 + as_share(tax)) - cost + funded
    return margin >= 0


def price_points(
    list_value_cents: int,
    item_price_cents: Sequence[int],
    policy: PricePolicy,
) -> tuple[int, ...]:
    """Admissible prices of one bundle in cents, descending, without repeats; empty where there is none.

    Every price is inside the band after rounding and strictly below the list value; the price of two or more items is
    also not below the dearest of them, since nobody pays more for less. Costs are left to `earns_its_cost`.

    Args:
        list_value_cents: sum of the shelf prices of the bundle.
        item_price_cents: shelf price of each of its items.
        policy: band, ladder and endings.
    """
    low = max(1, _ceil(list_value_cents * (1 - as_share(policy.max_discount))))
    high = min(list_value_cents - 1, _floor(list_value_cents * (1 - as_share(policy.min_discount))))
    least = max(item_price_cents) if len(item_price_cents) > 1 else 0
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
