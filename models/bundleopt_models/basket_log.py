"""Baskets by day as a panel whose weeks are days: the demand model's features at the resolution of single baskets.

Letters: `U` customers, `I` items, `T` days, N lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import ItemAttributes, Panel, WeeklyPrices, WeeklyPromotions

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class BasketLog:
    """Lines of baskets; one basket is what a customer bought on a day.

    Attributes:
        customer_ids, item_ids: (U,), (I,) ids in ascending order.
        customer, item, day: (N,) codes and days from 0. units: (N,).
        category, brand: (I,) labels.
    """

    customer_ids: Texts
    item_ids: Texts
    customer: Ints
    item: Ints
    day: Ints
    units: npt.NDArray[np.float64]
    category: Texts
    brand: Texts

    @property
    def n_days(self) -> int:
        """T, the day after the last one."""
        return int(self.day.max()) + 1 if len(self.day) else 1

    def select(self, chosen: npt.NDArray[np.bool_]) -> BasketLog:
        """The log with some of its lines; customers and items stay."""
        lines = (self.customer[chosen], self.item[chosen], self.day[chosen], self.units[chosen])
        return BasketLog(self.customer_ids, self.item_ids, *lines, self.category, self.brand)


def last_days(log: BasketLog) -> Ints:
    """(U,) day of each customer's last basket, -1 where there is none."""
    last = np.full(len(log.customer_ids), -1, np.int64)
    np.maximum.at(last, log.customer, log.day)
    return last


def daily_panel(log: BasketLog, n_days: int) -> Panel:
    """A panel of `n_days` days. Prices and promotions are unknown, all the same: they tell nothing."""
    n_customers, n_items = len(log.customer_ids), len(log.item_ids)
    cell = (log.day * n_customers + log.customer) * n_items + log.item
    unique, place = np.unique(cell, return_inverse=True)
    day, pair = np.divmod(unique, n_customers * n_items)
    customer, item = np.divmod(pair, n_items)
    lines = np.zeros((n_days, n_customers), np.float32)
    np.add.at(lines, (day, customer), 1)
    return Panel(
        customer_ids=log.customer_ids,
        item_ids=log.item_ids,
        items=_attributes(log),
        weeks=np.datetime64("1970-01-05") + 7 * np.arange(n_days),
        purchase_customer=customer.astype(np.int32),
        purchase_item=item.astype(np.int32),
        purchase_week=day.astype(np.int32),
        purchase_units=np.bincount(place, log.units, len(unique)).astype(np.float32),
        purchase_log_price=np.zeros(len(unique), np.float32),
        trips=(lines > 0).astype(np.float32),
        lines=lines,
        deal_lines=np.zeros_like(lines),
        prices=_no_prices(n_days, n_customers, n_items),
        promotions=_no_promotions(n_days, n_customers, n_items),
    )


def _attributes(log: BasketLog) -> ItemAttributes:
    categories, category = np.unique(log.category.astype(str), return_inverse=True)
    brands, brand = np.unique(log.brand.astype(str), return_inverse=True)
    return ItemAttributes(
        names=log.item_ids,
        category=category.astype(np.int32),
        category_names=categories.astype(object),
        brand=brand.astype(np.int32),
        brand_names=brands.astype(object),
        department=np.zeros(len(log.item_ids), np.int32),
        department_names=np.array(["all"], dtype=object),
        text=log.category,
    )


def _no_prices(n_days: int, n_customers: int, n_items: int) -> WeeklyPrices:
    flat = np.zeros((n_days, n_items), np.float32)
    return WeeklyPrices(
        log_price=flat,
        fold_log_price=np.broadcast_to(flat, (2, n_days, n_items)),
        fold=np.zeros(n_customers, np.int32),
        log_reference=flat,
        observed=np.ones((n_days, n_items), bool),
        independent=True,
        next_log_reference=np.zeros(n_items, np.float32),
    )


def _no_promotions(n_days: int, n_customers: int, n_items: int) -> WeeklyPromotions:
    flat = np.zeros((n_days, n_items), np.float32)
    stores = np.zeros((n_days, 0, n_items), np.uint8)
    return WeeklyPromotions(flat, flat, stores, stores, np.full(n_customers, -1, np.int32))
