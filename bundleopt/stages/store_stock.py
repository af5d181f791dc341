"""Stock by store: what each store has left for sales that the campaign induces among its customers.

A customer belongs to the store with most of the customer's visits (days with a purchase; ties go to the smaller id),
and everything that the campaign sells to a customer leaves that store. A store that lists stock has none of a tracked
item that it does not list; a store that lists nothing is without limit, and so is a customer of no known store. An item
with a row for no store in particular is pooled: its rows are added up.

Letters: `U` customers, `I` items, `S` stores.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.plan.valued_plan import Array, Stock
from bundleopt.stages.stock import safety_units
from bundleopt_solvers.problem import StoreStock

if TYPE_CHECKING:
    from bundleopt.session import Session
    from bundleopt_data.campaign import CampaignWeek
    from bundleopt_models.forecast import DemandForecast

# Rounding of a difference never allows a unit more than the exact one.
_BELOW = 1 - 1e-12


@dataclass(frozen=True)
class StoreInventory:
    """What stands behind the rules by store.

    Attributes:
        store_ids: (S,) texts. customer: (U,) store codes, -1 for a customer of no store that lists stock.
        on_hand, baseline, safety: (I, S) units, `on_hand` inf where unlimited. slack: (I, S) what is left.
    """

    store_ids: npt.NDArray[np.object_]
    customer: npt.NDArray[np.int32]
    on_hand: Array
    baseline: Array
    safety: Array
    slack: Array

    @property
    def tracked(self) -> npt.NDArray[np.bool_]:
        """(I,) items whose stock is known by store."""
        return np.asarray(np.isfinite(self.on_hand).any(1))

    def rules(self) -> StoreStock:
        """The same as the optimiser takes it."""
        return StoreStock(self.store_ids, self.customer, self.slack)

    def pooled(self, stock: Stock) -> Stock:
        """Stock by item whose slack is the sum over stores: what the rules by store allow together."""
        total = np.where(self.tracked, self.slack.sum(1), stock.slack)
        if (self.customer < 0).any():
            total = np.where(self.tracked, np.inf, total)
        safety = np.where(self.tracked, stock.on_hand - stock.baseline - total, stock.safety)
        safety = np.where(np.isfinite(total) & self.tracked, safety - 1e-12 * (1 + np.abs(safety)), safety)
        return Stock(
            on_hand=np.where(np.isfinite(total), stock.on_hand, np.inf),
            baseline=stock.baseline,
            safety=np.where(np.isfinite(total), safety, 0.0),
            slack=total,
        )

    def sentence(self) -> str:
        """Say what is assumed, in words."""
        loose = int((self.customer < 0).sum())
        rest = f"; {loose:,} customers of no such store draw on no stock" if loose else ""
        return (
            f"Stock of {int(self.tracked.sum()):,} items is kept by store in {len(self.store_ids):,} stores: what a "
            f"customer buys leaves the store of most of the customer's visits{rest}."
        )


def read_store_inventory(
    session: Session, campaign: CampaignWeek, forecast: DemandForecast, *, safety_deviations: float
) -> StoreInventory | None:
    """Read stock by store; None where the data has none."""
    if not session.config.solve.stock_by_store:
        return None
    on_hand, stores = _on_hand(session, campaign)
    if not stores:
        return None
    customer = _favourites(session, forecast, stores)
    units = forecast.units.astype(np.float64)
    baseline = np.stack(
        [forecast.probability[customer == s].sum(0, dtype=np.float64) * units for s in range(len(stores))], 1
    )
    safety = np.stack([safety_units(forecast, baseline[:, s], safety_deviations) for s in range(len(stores))], 1)
    safety = np.where(np.isfinite(on_hand), safety, 0.0)
    slack = np.maximum(0.0, on_hand - baseline - safety) * _BELOW
    return StoreInventory(np.array(stores, dtype=object), customer, on_hand, baseline, safety, slack)


def _on_hand(session: Session, campaign: CampaignWeek) -> tuple[Array, list[str]]:
    """(I, S) units of the stores that list any item, and their ids; a shock of an item's stock moves all its stores."""
    dataset = session.dataset
    if "inventory" not in dataset.tables or not dataset.has_column("inventory", "store_id"):
        return np.zeros((0, 0)), []
    with dataset.connect() as connection:
        rows = connection.execute("SELECT item_id, store_id, on_hand FROM inventory").fetchall()
    pooled = {item for item, store, _ in rows if store is None}
    stores = sorted({str(store) for item, store, _ in rows if store is not None and item not in pooled})
    place = {store: code for code, store in enumerate(stores)}
    codes = {str(item): code for code, item in enumerate(campaign.item_ids)}
    found = np.full((len(codes), len(stores)), np.inf)
    for item, store, units in rows:
        if item in codes and item not in pooled and store is not None:
            row = found[codes[item]]
            row[np.isinf(row)] = 0.0
            row[place[str(store)]] += float(units)
    total = np.where(np.isfinite(found), found, 0.0).sum(1)
    factor = np.divide(campaign.on_hand, total, out=np.ones(len(total)), where=(total > 0) & (campaign.on_hand >= 0))
    return found * np.where(np.isfinite(factor), factor, 1.0)[:, None], stores


def _favourites(session: Session, forecast: DemandForecast, stores: list[str]) -> npt.NDArray[np.int32]:
    """(U,) code of the store with most of each customer's visits, -1 where it lists no stock."""
    customer = np.full(len(forecast.customer_ids), -1, dtype=np.int32)
    if not session.dataset.has_column("transactions", "store_id"):
        return customer
    query = """
        WITH visits AS (
            SELECT customer_id, store_id, count(DISTINCT timestamp::DATE) AS days FROM transactions
            WHERE store_id IS NOT NULL GROUP BY ALL
        )
        SELECT customer_id, arg_min(store_id, (-days, store_id)) FROM visits GROUP BY customer_id
    """
    with session.dataset.connect() as connection:
        found = dict(connection.execute(query).fetchall())
    place = {store: code for code, store in enumerate(stores)}
    for code, one in enumerate(forecast.customer_ids):
        customer[code] = place.get(str(found.get(str(one))), -1)
    return customer
