"""Builds the table of options: what each bundle costs the customer, earns the shop and asks of the promo budget.

Allocation: a bundle's price is allocated to its items pro rata to shelf price, which sets the tax of each part and each
item's share of the discount. A supplier funds `funding_share` of the discount on its own item, and an amount per
redeemed unit beside it, together at most that discount.

    share_i     = p_i / p(b)             discount_i = share_i (p(b) - p_b)
    funded_i    = min(funding_i discount_i + funding per unit_i, discount_i)
    unit margin = sum_i [share_i p_b / (1 + tax_i) - cost_i + funded_i]
    unit spend  = sum_i [discount_i - funded_i]

n units of one item are a bundle of n equal parts: p(b) is n times the shelf price, and so is its cost.

Letters: `I` items, `B` bundles, `O` options, `K` items of a bundle.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_models.multi_buy import MAX_QUANTITY
from bundleopt_models.offer_values import OptionTable

MAX_ITEMS = 4
CENTS = 100.0


def option_table(
    bundles: Sequence[Sequence[int]] | npt.NDArray[np.int32],
    prices_cents: Sequence[Sequence[int]],
    campaign: CampaignWeek,
    *,
    quantity: Sequence[int] | None = None,
) -> OptionTable:
    """Lay out bundles and their price points as one table, options of a bundle adjacent, by descending price.

    Args:
        bundles: B sets of 1 to 4 distinct item codes; -1 entries are padding and ignored.
        prices_cents: B sequences of admissible prices, in integer cents, each at most the sum of shelf prices.
        campaign: shelf prices, costs, tax rates and funding of the week.
        quantity: B numbers of units of each item, above 1 only where there is one item; None for one of each.

    Raises:
        UsageError: a bundle is empty, too large or repeats an item, a price is not in (0, sum of shelf prices], or a
            quantity is none.
    """
    if len(bundles) != len(prices_cents):
        raise UsageError(f"{len(bundles)} bundles, but price points for {len(prices_cents)}")
    padded = np.array([_padded(bundle) for bundle in bundles], dtype=np.int32).reshape(-1, MAX_ITEMS)
    padded = padded[:, : max(1, int((padded >= 0).sum(1).max(initial=1)))]
    ladders = [sorted({int(price) for price in ladder}, reverse=True) for ladder in prices_cents]
    bundle = np.repeat(np.arange(len(ladders), dtype=np.int32), [len(ladder) for ladder in ladders])
    price = np.array([price for ladder in ladders for price in ladder], dtype=np.int64)
    items = padded[bundle]
    units = _quantities(quantity, padded)[bundle]
    shelf = np.where(items >= 0, campaign.shelf_price_cents[items], 0).astype(np.int64) * units[:, None].astype(
        np.int64
    )
    list_value = shelf.sum(1)
    if bool(((price <= 0) | (price > list_value)).any()):
        worst = int(np.flatnonzero((price <= 0) | (price > list_value))[0])
        raise UsageError(
            f"price {int(price[worst])} cents of bundle {int(bundle[worst])} is not in (0, {int(list_value[worst])}], "
            "the sum of its shelf prices; drop the price point"
        )
    return OptionTable(
        items=items,
        bundle=bundle,
        price_cents=price,
        list_value_cents=list_value,
        unit_spend=_unit_spend((items, units), shelf, price, campaign),
        unit_margin=_unit_margin((items, units), shelf, price, campaign),
        quantity=units if bool((units > 1).any()) else None,
    )


def shelf_margin(campaign: CampaignWeek) -> npt.NDArray[np.float64]:
    """(I,) money earned by one unit at shelf price: price / (1 + tax) - cost."""
    return (campaign.shelf_price_cents / (1.0 + campaign.tax_rate) - campaign.unit_cost_cents) / CENTS


def _padded(bundle: Sequence[int] | npt.NDArray[np.int32]) -> list[int]:
    items = sorted(int(item) for item in bundle if item >= 0)
    if not 1 <= len(items) <= MAX_ITEMS or len(set(items)) != len(items):
        raise UsageError(f"a bundle has 1 to {MAX_ITEMS} distinct items, not {list(bundle)!r}")
    return items + [-1] * (MAX_ITEMS - len(items))


def _quantities(quantity: Sequence[int] | None, padded: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """(B,) units of each item of the (B, K) bundles."""
    units = np.ones(len(padded), np.int32) if quantity is None else np.asarray(quantity, dtype=np.int32)
    if len(units) != len(padded):
        raise UsageError(f"{len(padded)} bundles, but quantities for {len(units)}")
    several = (padded >= 0).sum(1) > 1
    if bool(((units < 1) | (units > MAX_QUANTITY) | (several & (units > 1))).any()):
        raise UsageError(f"a multi-buy is 2 to {MAX_QUANTITY} units of one item; a bundle has one unit of each")
    return units


def _funded(
    sold: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    shelf: npt.NDArray[np.int64],
    price: npt.NDArray[np.int64],
    campaign: CampaignWeek,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(O,) cents of discount per redemption, and what suppliers pay of it; `sold` is items and units of each."""
    items, units = sold
    list_value = shelf.sum(1)
    discount = shelf * ((list_value - price) / list_value)[:, None]
    per_unit = np.where(items >= 0, campaign.unit_funding_cents[items], 0) * units[:, None]
    funded = np.minimum(campaign.funding_share[items] * discount + per_unit, discount)
    return discount.sum(1), funded.sum(1)


def _unit_spend(
    sold: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    shelf: npt.NDArray[np.int64],
    price: npt.NDArray[np.int64],
    campaign: CampaignWeek,
) -> npt.NDArray[np.float64]:
    """(O,) money of discount per redemption, less what suppliers pay."""
    discount, funded = _funded(sold, shelf, price, campaign)
    spend: npt.NDArray[np.float64] = (discount - funded) / CENTS
    return spend


def _unit_margin(
    sold: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    shelf: npt.NDArray[np.int64],
    price: npt.NDArray[np.int64],
    campaign: CampaignWeek,
) -> npt.NDArray[np.float64]:
    """(O,) money of margin per redemption at the bundle price, supplier funding included."""
    items, units = sold
    list_value = shelf.sum(1)
    net = price * (shelf / (1.0 + campaign.tax_rate[items])).sum(1) / list_value
    cost = np.where(items >= 0, campaign.unit_cost_cents[items], 0).sum(1) * units
    _, funded = _funded(sold, shelf, price, campaign)
    margin: npt.NDArray[np.float64] = (net - cost + funded) / CENTS
    return margin
