"""What the shop's own systems would say after a simulated week: the contract's tables, nothing of the truth.

Letters: `U` customers, `I` items, `F` offers, `K` items of a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundleopt_data import atomic
from bundleopt_data.simulator.offers import OfferList
from bundleopt_data.simulator.till import WeekSales

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Till:
    """What the tables are written with.

    Attributes:
        monday: of the week. customer_ids: (U,). item_ids: (I,). price_cents: (I,) shelf prices of the week.
    """

    monday: date
    customer_ids: Texts
    item_ids: Texts
    price_cents: npt.NDArray[np.int64]


def results_tables(
    sales: WeekSales, offers: OfferList, till: Till, *, campaign_id: str, propensity: npt.NDArray[np.float64]
) -> dict[str, pd.DataFrame]:
    """Return `offers_log`, `transactions` and `inventory` of a week.

    Args:
        sales: of the week with the offers.
        offers: those that were shown. F.
        till: ids and prices.
        campaign_id: of the offers.
        propensity: (F,) chance with which each was shown at its price.
    """
    tables = {"transactions": week_lines(sales, offers, till)}
    if len(offers):
        tables["offers_log"] = pd.DataFrame(
            {
                "campaign_id": campaign_id,
                "customer_id": till.customer_ids[offers.customer],
                "bundle_id": offers.bundle_id,
                "item_ids": [[str(till.item_ids[i]) for i in row if i >= 0] for row in offers.items],
                "price": offers.price_cents / 100.0,
                "shown_at": datetime.combine(till.monday, time(9)),
                "redeemed": sales.redeemed,
                "propensity": propensity,
            }
        )
    limited = sales.left >= 0
    if limited.any():
        tables["inventory"] = pd.DataFrame({"item_id": till.item_ids[limited], "on_hand": sales.left[limited]})
    return tables


def week_lines(sales: WeekSales, offers: OfferList, till: Till) -> pd.DataFrame:
    """Return the week's transactions: redeemed bundles at their prices, shared among items as shelf prices are."""
    units = sales.units.copy()
    place, slot = np.nonzero((offers.items >= 0) & sales.redeemed[:, None])
    customer, item = offers.customer[place], offers.items[place, slot]
    np.subtract.at(units, (customer, item), 1)
    ratio = offers.price_cents / np.maximum(offers.shelf_cents(till.price_cents), 1)
    plain_customer, plain_item = np.nonzero(units > 0)
    who = np.concatenate([plain_customer, customer])
    what = np.concatenate([plain_item, item])
    price = np.concatenate([till.price_cents[plain_item] / 100.0, till.price_cents[item] / 100.0 * ratio[place]])
    count = np.concatenate([units[plain_customer, plain_item], np.ones(len(customer), dtype=np.int64)])
    order = np.lexsort((what, who))
    noon = datetime.combine(till.monday + timedelta(days=3), time(12))
    return pd.DataFrame(
        {
            "customer_id": till.customer_ids[who[order]],
            "item_id": till.item_ids[what[order]],
            "timestamp": noon,
            "quantity": count[order],
            "unit_price": price[order],
            "basket_id": [f"R{till.monday.isoformat()}-{code}" for code in who[order]],
        }
    )


def write_results(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Write the tables into a folder, whole or not at all; an older one is replaced."""
    with atomic.writing(folder) as temporary:
        temporary.mkdir(parents=True)
        for name, table in tables.items():
            table.to_parquet(temporary / f"{name}.parquet", index=False)
