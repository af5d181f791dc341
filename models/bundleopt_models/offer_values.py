"""The result of offer valuation: what showing an option to a customer is worth. The only thing the optimiser sees.

Letters: `U` customers, `B` bundles, `D` price points, `O` options, `K` items of a bundle (at most 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class OptionTable:
    """The options that are valued; plain arrays, aligned over O. Money is integer cents.

    Attributes:
        items: (O, K) item codes, -1 where the bundle has fewer than K items; ascending.
        bundle: (O,) index of the bundle; options of one bundle are adjacent, by descending price.
        price_cents: (O,) bundle price. list_value_cents: (O,) sum of shelf prices.
        unit_spend: (O,) promo spend in money per redemption: (list value - price), less supplier funding.
        unit_margin: (O,) margin in money per redemption at the bundle price, funding included.
        quantity: (O,) units of the one item that the option sells together; None for one of each item.
    """

    items: npt.NDArray[np.int32]
    bundle: npt.NDArray[np.int32]
    price_cents: npt.NDArray[np.int64]
    list_value_cents: npt.NDArray[np.int64]
    unit_spend: npt.NDArray[np.float64]
    unit_margin: npt.NDArray[np.float64]
    quantity: npt.NDArray[np.int32] | None = None

    @property
    def quantities(self) -> npt.NDArray[np.int32]:
        """(O,) units of each item, 1 for bundles."""
        return np.ones(len(self.bundle), dtype=np.int32) if self.quantity is None else self.quantity


DECOMPOSITION = ("new", "upsell", "cannibalised", "certain_buyer_discount", "diversion", "pull_forward")


@dataclass(frozen=True)
class OfferValues:
    """Expected effect of showing an option against not showing it, all of it times reach. Money in currency units.

    Attributes:
        redemption: (U, O) expected redemptions, in [0, 1].
        baseline: (U, O) chance of buying the full set anyway.
        incremental_revenue, incremental_margin: (U, O) money, diversion and pull-forward included.
        units: (U, O, K) incremental units of each item of the bundle, aligned with `OptionTable.items`, >= 0.
    """

    redemption: Floats
    baseline: Floats
    incremental_revenue: Floats
    incremental_margin: Floats
    units: Floats
