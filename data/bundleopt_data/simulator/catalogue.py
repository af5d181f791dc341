"""The items of a simulated market: names that a person can read, prices and costs in cents.

Letters: `I` items, `C` categories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.knobs import MarketKnobs

CATEGORIES = (
    "Pasta", "Sauce", "Cheese", "Coffee", "Biscuits", "Crisps", "Soft drinks", "Yogurt", "Cereal", "Bread",
    "Frozen pizza", "Ice cream", "Soup", "Rice", "Tea", "Chocolate", "Nuts", "Juice", "Butter", "Salad",
    "Detergent", "Paper", "Shampoo", "Pet food",
)  # fmt: skip
DEPARTMENTS = ("Ambient", "Chilled", "Drinks", "Household")
BRANDS = ("Alba", "Bruno", "Corda", "Delta", "Everyday")
KINDS = ("classic", "large", "light", "organic", "family", "premium", "mini", "extra", "plain", "mixed")


@dataclass(frozen=True)
class Catalogue:
    """What the shop knows of its items.

    Attributes:
        item_ids, names: (I,) texts. category, brand, department: (I,) codes. category_names: (C,) texts.
        list_price_cents, unit_cost_cents: (I,) int64. funding: (I,) supplier's share of a discount.
    """

    item_ids: npt.NDArray[np.object_]
    names: npt.NDArray[np.object_]
    category: npt.NDArray[np.int64]
    category_names: npt.NDArray[np.object_]
    brand: npt.NDArray[np.int64]
    department: npt.NDArray[np.int64]
    list_price_cents: npt.NDArray[np.int64]
    unit_cost_cents: npt.NDArray[np.int64]
    funding: npt.NDArray[np.float64]

    @property
    def n_items(self) -> int:
        """I."""
        return len(self.item_ids)


def draw_catalogue(knobs: MarketKnobs, draw: np.random.Generator) -> Catalogue:
    """Draw the items: categories of equal size, prices around a category level, costs of 40 to 65 % of the price."""
    n_items, n_categories = knobs.items, knobs.n_categories
    category = np.arange(n_items) * n_categories // n_items
    inside = np.arange(n_items) - np.searchsorted(category, category)
    level = np.exp(draw.normal(np.log(3.0), 0.35, n_categories))
    price = level[category] * np.exp(draw.normal(0.0, 0.25, n_items))
    list_price = np.maximum(np.round(price * 100 / 10) * 10 - 1, 29).astype(np.int64)
    cost = np.maximum(np.round(list_price * draw.uniform(0.40, 0.65, n_items)), 1).astype(np.int64)
    brand = inside % len(BRANDS)
    names = [_category_name(code) for code in range(n_categories)]
    labels = [
        f"{BRANDS[brand[i]]} {names[category[i]].lower()}, {KINDS[inside[i] % len(KINDS)]}"
        + (f" {inside[i] // len(KINDS) + 1}" if inside[i] >= len(KINDS) else "")
        for i in range(n_items)
    ]
    return Catalogue(
        item_ids=np.array([f"I{i:05d}" for i in range(n_items)], dtype=object),
        names=np.array(labels, dtype=object),
        category=category,
        category_names=np.array(names, dtype=object),
        brand=brand,
        department=category % len(DEPARTMENTS),
        list_price_cents=list_price,
        unit_cost_cents=cost,
        funding=np.full(n_items, knobs.funding),
    )


def _category_name(code: int) -> str:
    name = CATEGORIES[code % len(CATEGORIES)]
    return name if code < len(CATEGORIES) else f"{name} {code // len(CATEGORIES) + 1}"
