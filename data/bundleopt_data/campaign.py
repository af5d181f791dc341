"""What is known of the campaign week before it begins: prices, costs, stock, promotions. Money is integer cents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

UNLIMITED = np.inf


@dataclass(frozen=True)
class CampaignWeek:
    """One row per item of the panel, aligned with `Panel.item_ids`.

    Attributes:
        week: the Monday of the campaign.
        item_ids, names, category, brand, department: (I,) texts.
        shelf_price_cents: (I,) int64, the planned price: promotions table, else the last regular price.
        list_price_cents: (I,) int64, for display only.
        unit_cost_cents: (I,) int64, net of tax; from the data or from an assumed margin.
        cost_is_assumed: (I,) True where the cost rests on `assumed_margin`.
        tax_rate: (I,) share inside the price, 0 where prices are net of tax;
            margin = price / (1 + tax_rate) - unit_cost + funding.
        funding_share: (I,) supplier's share of a discount, in [0, 1].
        funding_per_unit_cents: (I,) int64 that a supplier pays beside that for each redeemed unit, never more in all
            than the item's part of the discount; None where no supplier does.
        promotable: (I,) whether the item may be in a bundle.
        on_hand: (I,) units for the week, `UNLIMITED` where no stock is known.
        display, mailer: (I,) planned share of stores in [0, 1].
        assumptions: sentences that every output resting on them repeats.
    """

    week: date
    item_ids: npt.NDArray[np.object_]
    names: npt.NDArray[np.object_]
    category: npt.NDArray[np.object_]
    brand: npt.NDArray[np.object_]
    department: npt.NDArray[np.object_]
    shelf_price_cents: npt.NDArray[np.int64]
    list_price_cents: npt.NDArray[np.int64]
    unit_cost_cents: npt.NDArray[np.int64]
    cost_is_assumed: npt.NDArray[np.bool_]
    tax_rate: npt.NDArray[np.float64]
    funding_share: npt.NDArray[np.float64]
    promotable: npt.NDArray[np.bool_]
    on_hand: npt.NDArray[np.float64]
    display: npt.NDArray[np.float32]
    mailer: npt.NDArray[np.float32]
    assumptions: tuple[str, ...] = ()
    funding_per_unit_cents: npt.NDArray[np.int64] | None = None

    @property
    def unit_funding_cents(self) -> npt.NDArray[np.int64]:
        """(I,) the same with 0 where no supplier pays by the unit."""
        nothing = np.zeros(len(self.item_ids), dtype=np.int64)
        return nothing if self.funding_per_unit_cents is None else self.funding_per_unit_cents
