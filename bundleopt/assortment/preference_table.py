"""What `assort` chooses from: items with prices, and segments with preference weights, wherever they come from.

Letters: `S` segments, `I` items.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class PreferenceTable:
    """Items and segments of one category.

    Attributes:
        item_ids, names, brands: (I,) texts; brands may be empty texts.
        price, margin: (I,) money per unit sold, NaN margin where no cost is known. space: (I,) or None.
        units: (I,) units per choice, 1 where choices are units. stock: (I,) units, infinite where unlimited.
        segment_ids: (S,) texts. weight: (S, I) against `outside` (S,). occasions: (S,) choices of the period.
        source: in words, where the weights come from. assumptions: sentences that the result rests on.
        is_money: whether totals are money of a period; else they are per choice (shares were given, or nothing).
    """

    item_ids: Texts
    names: Texts
    brands: Texts
    price: Reals
    margin: Reals
    space: Reals | None
    units: Reals
    stock: Reals
    segment_ids: Texts
    weight: Reals
    outside: Reals
    occasions: Reals
    source: str
    is_money: bool
    assumptions: tuple[str, ...] = field(default=())

    @property
    def tiers(self) -> Texts:
        """(I,) low, middle or high: thirds of the items by price, ties by id."""
        order = np.lexsort((self.item_ids.astype(str), self.price))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return np.array(["low", "middle", "high"], dtype=object)[rank * 3 // max(1, len(order))]
