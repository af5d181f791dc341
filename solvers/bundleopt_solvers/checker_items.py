"""What one redemption of a bundle is worth, recomputed from the items alone, in exact fractions.

A bundle's price and discount fall on its items pro rata to shelf price: with w_i = shelf_i / L,

    discount_i  = w_i (L - p)            funded_i = min(funding_i discount_i + funding per unit_i, discount_i)
    unit spend  = sum_i [discount_i - funded_i]
    unit margin = sum_i [p w_i / (1 + tax_i) - cost_i + funded_i]
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

import pandas as pd

from bundleopt_solvers.checker_exact import decimal, whole_cents
from bundleopt_solvers.checker_files import rows_of

FUNDING_PER_UNIT = "funding_per_unit"  # the column may be left out where no supplier pays by the unit
ATTRIBUTE = "attribute:"  # begins the columns of attributes


@dataclass(frozen=True)
class Item:
    """One item. Money in currency units; stock figures as stored, None where unlimited; attributes as texts."""

    shelf_cents: int
    cost: Fraction
    tax: Fraction
    funding: Fraction
    category: str
    is_promotable: bool
    on_hand: Fraction | None
    baseline: Fraction
    safety: Fraction
    attributes: dict[str, str] = field(default_factory=dict)
    funding_per_unit: Fraction = Fraction(0)

    @property
    def allowed_units(self) -> Fraction | None:
        """Units left for induced sales; None where unlimited."""
        return None if self.on_hand is None else max(Fraction(0), self.on_hand - self.baseline - self.safety)


@dataclass(frozen=True)
class BundleValue:
    """A bundle at its price, in currency units."""

    list_value: Fraction
    price: Fraction
    unit_spend: Fraction
    unit_margin: Fraction


def read_items(frame: pd.DataFrame) -> dict[str, Item]:
    """Items by id.

    Raises:
        ValueError: a shelf price is not a whole number of cents, or an id repeats.
    """
    items: dict[str, Item] = {}
    named = [str(column) for column in frame.columns if str(column).startswith(ATTRIBUTE)]
    values = [frame[column].astype(str).tolist() for column in named]
    for at, row in enumerate(rows_of(frame)):
        cents = whole_cents(row.shelf_price)
        if cents is None or str(row.item_id) in items:
            raise ValueError(f"item {row.item_id!r}: a repeated id, or the shelf price {row.shelf_price!r} is no cents")
        unlimited = row.on_hand is None or not math.isfinite(row.on_hand)
        items[str(row.item_id)] = Item(
            shelf_cents=cents,
            cost=decimal(row.unit_cost),
            tax=decimal(row.tax_rate),
            funding=decimal(row.funding_share),
            category=str(row.category),
            is_promotable=bool(row.promotable),
            on_hand=None if unlimited else Fraction(float(row.on_hand)),
            baseline=Fraction(float(row.baseline_units)),
            safety=Fraction(float(row.safety_units)),
            funding_per_unit=decimal(getattr(row, FUNDING_PER_UNIT, 0.0)),
            attributes={name.removeprefix(ATTRIBUTE): texts[at] for name, texts in zip(named, values, strict=True)},
        )
    return items


def bundle_value(members: Iterable[Item], price_cents: int) -> BundleValue:
    """Evaluate the formulas above."""
    members = list(members)
    total = sum(item.shelf_cents for item in members)
    price, list_value = Fraction(price_cents, 100), Fraction(total, 100)
    spend, margin = Fraction(0), Fraction(0)
    for item in members:
        weight = Fraction(item.shelf_cents, total)
        discount = weight * (list_value - price)
        funded = min(item.funding * discount + item.funding_per_unit, discount)
        spend += discount - funded
        margin += weight * price / (1 + item.tax) - item.cost + funded
    return BundleValue(list_value, price, spend, margin)
