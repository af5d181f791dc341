"""Stock and money of one week: wants become sales while units are left, first come, first served. Exact cents.

A bundle is sold whole or not at all. Where it fails, its items that the customer would have bought anyway are asked
for at the shelf price, the others are not.

Letters: `U` customers, `I` items, `F` offers, `K` items of a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.catalogue import Catalogue
from bundleopt_data.simulator.offers import OfferList
from bundleopt_data.simulator.truth import Wants

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WeekSales:
    """What the till and the stock room say after a week.

    Attributes:
        sold, lost: (I,) units sold, and wanted while there were none left. left: (I,) stock afterwards, -1: unlimited.
        redeemed: (F,) bool. units: (U, I) sold units.
        paid_cents: (U,) what each customer paid. revenue_cents: their sum. cost_cents: of the units sold.
        discount_cents: list value of redeemed bundles less what was paid for them. funding_cents: the suppliers' part.
    """

    sold: Counts
    lost: Counts
    left: Counts
    redeemed: npt.NDArray[np.bool_]
    units: Counts
    paid_cents: Counts
    revenue_cents: int
    cost_cents: int
    discount_cents: int
    funding_cents: int

    @property
    def margin_cents(self) -> int:
        """Revenue less cost, funding added."""
        return self.revenue_cents - self.cost_cents + self.funding_cents

    @property
    def promo_spend_cents(self) -> int:
        """Discounts given, less the suppliers' part."""
        return self.discount_cents - self.funding_cents

    @property
    def stock_outs(self) -> int:
        """Items that were asked for in vain."""
        return int((self.lost > 0).sum())


def settle(wants: Wants, offers: OfferList, catalogue: Catalogue, price_cents: Counts, on_hand: Counts) -> WeekSales:
    """Sell one week.

    Args:
        wants: of everybody.
        offers: those that `wants.redeemed` is aligned with.
        catalogue: costs and funding.
        price_cents: (I,) shelf prices.
        on_hand: (I,) units, -1 where stock is unlimited.
    """
    units, redeemed = wants.units.copy(), wants.redeemed.copy()
    lost = np.zeros_like(on_hand)
    scarce = (on_hand >= 0) & (units.sum(axis=0) > on_hand)
    if scarce.any():
        lost = _ration(wants, offers, on_hand, units, redeemed)
    value = offers.shelf_cents(price_cents)[redeemed]
    discount = value - offers.price_cents[redeemed]
    paid = units @ price_cents
    np.subtract.at(paid, offers.customer[redeemed], discount)
    sold = units.sum(axis=0)
    return WeekSales(
        sold=sold,
        lost=lost,
        left=np.where(on_hand >= 0, on_hand - sold, -1),
        redeemed=redeemed,
        units=units,
        paid_cents=paid,
        revenue_cents=int(paid.sum()),
        cost_cents=int(sold @ catalogue.unit_cost_cents),
        discount_cents=int(discount.sum()),
        funding_cents=_funding(offers, redeemed, catalogue, price_cents),
    )


def _funding(offers: OfferList, redeemed: npt.NDArray[np.bool_], catalogue: Catalogue, price_cents: Counts) -> int:
    """Suppliers' part of all discounts, each item's discount pro rata to its shelf price, rounded once an offer."""
    if not catalogue.funding.any() or not redeemed.any():
        return 0
    items = offers.items[redeemed]
    weight = np.append(price_cents, 0)[items].astype(np.float64)
    share = (weight * np.append(catalogue.funding, 0.0)[items]).sum(axis=1) / weight.sum(axis=1)
    discount = offers.shelf_cents(price_cents)[redeemed] - offers.price_cents[redeemed]
    return int(np.round(share * discount).astype(np.int64).sum())


def _ration(wants: Wants, offers: OfferList, on_hand: Counts, units: Counts, redeemed: npt.NDArray[np.bool_]) -> Counts:
    """Serve customers in order of arrival; changes `units` and `redeemed` to what was served, returns lost units."""
    left = np.where(on_hand >= 0, on_hand, np.iinfo(np.int64).max // 4)
    lost = np.zeros_like(on_hand)
    mine: dict[int, list[int]] = {}
    for offer in np.flatnonzero(redeemed).tolist():
        mine.setdefault(int(offers.customer[offer]), []).append(offer)
    order: list[int] = np.argsort(wants.arrival, kind="stable").tolist()
    for customer in order:
        asked, free = units[customer], left.copy()
        for offer in mine.get(customer, []):
            items = offers.items[offer][offers.items[offer] >= 0]
            gone = items[free[items] < 1]
            if not len(gone):
                # Set aside: a bundle that is sold has all its units, whatever else the customer asks for.
                free[items] -= 1
                continue
            redeemed[offer] = False
            lost[gone] += np.maximum(asked[gone] - wants.plain[customer, gone], 0)
            asked[items] = wants.plain[customer, items]
        short = np.maximum(asked - left, 0)
        lost += short
        asked -= short
        left -= asked
    return lost
