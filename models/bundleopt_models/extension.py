"""Panels with customers and items added: how the model is asked about what it has never seen.

What is added never counts for what was there: predictions for known items are the same whatever else is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import ItemAttributes, Panel, WeeklyPrices, WeeklyPromotions

Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class NewItem:
    """What is known of an item without history; "" and NaN where nothing is."""

    item_id: str
    name: str = ""
    category: str = ""
    brand: str = ""
    department: str = ""
    text: str = ""
    price: float = float("nan")


def with_customers(panel: Panel, customer_ids: Sequence[str]) -> Panel:
    """The panel with customers appended who never came. Codes of known customers stay."""
    new = len(customer_ids)
    if not new:
        return panel

    def wider(weekly: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.concatenate([weekly, np.zeros((len(weekly), new), weekly.dtype)], axis=1)

    prices, promotions = panel.prices, panel.promotions
    return replace(
        panel,
        customer_ids=np.append(panel.customer_ids, np.array(customer_ids, dtype=object)),
        trips=wider(panel.trips),
        lines=wider(panel.lines),
        deal_lines=wider(panel.deal_lines),
        prices=replace(prices, fold=np.append(prices.fold, np.zeros(new, np.int32))),
        promotions=replace(promotions, store_group=np.append(promotions.store_group, np.full(new, -1, np.int32))),
    )


def with_items(panel: Panel, items: Sequence[NewItem]) -> Panel:
    """The panel with items appended that nobody bought. Codes of known items stay; an unknown price is no deviation."""
    if not items:
        return panel
    return replace(
        panel,
        item_ids=np.append(panel.item_ids, _texts(item.item_id for item in items)),
        extra_items=panel.extra_items + len(items),
        items=_attributes(panel.items, items),
        prices=_prices(panel.prices, items),
        promotions=_promotions(panel.promotions, len(items)),
    )


def with_own_history(panel: Panel, other: Panel) -> Panel:
    """The panel with the items of another one of the same customers and weeks appended, purchases and prices included.

    Codes of known items stay; the purchases that come in are history of the appended items alone.

    Raises:
        ValueError: customers or weeks differ.
    """
    if not (np.array_equal(panel.customer_ids, other.customer_ids) and np.array_equal(panel.weeks, other.weeks)):
        raise ValueError("the two panels are not of the same customers and weeks")
    if not other.n_items:
        return panel
    week = np.concatenate([panel.purchase_week, other.purchase_week])
    order = np.argsort(week, kind="stable")

    def merged(known: npt.NDArray[Any], added: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.concatenate([known, added])[order]

    return replace(
        panel,
        item_ids=np.append(panel.item_ids, other.item_ids),
        extra_items=panel.extra_items + other.n_items,
        items=_joined_attributes(panel.items, other.items),
        purchase_customer=merged(panel.purchase_customer, other.purchase_customer),
        purchase_item=merged(panel.purchase_item, other.purchase_item + np.int32(panel.n_items)),
        purchase_week=week[order],
        purchase_units=merged(panel.purchase_units, other.purchase_units),
        purchase_log_price=merged(panel.purchase_log_price, other.purchase_log_price),
        prices=_joined_prices(panel.prices, other.prices),
        promotions=_joined_promotions(panel.promotions, other.promotions),
    )


def _joined_attributes(known: ItemAttributes, added: ItemAttributes) -> ItemAttributes:
    category, categories = _append(known.category, known.category_names, _labels(added.category_names, added.category))
    brand, brands = _append(known.brand, known.brand_names, _labels(added.brand_names, added.brand))
    department, departments = _append(
        known.department, known.department_names, _labels(added.department_names, added.department)
    )
    return ItemAttributes(
        names=np.append(known.names, added.names),
        category=category,
        category_names=categories,
        brand=brand,
        brand_names=brands,
        department=department,
        department_names=departments,
        text=np.append(known.text, added.text),
    )


def _labels(names: Texts, codes: npt.NDArray[np.int32]) -> list[str]:
    return [str(name) for name in names[codes]]


def _joined_prices(known: WeeklyPrices, added: WeeklyPrices) -> WeeklyPrices:
    return replace(
        known,
        log_price=np.concatenate([known.log_price, added.log_price], axis=1),
        fold_log_price=np.concatenate([known.fold_log_price, added.fold_log_price], axis=2),
        log_reference=np.concatenate([known.log_reference, added.log_reference], axis=1),
        observed=np.concatenate([known.observed, added.observed], axis=1),
        next_log_reference=np.append(known.next_log_reference, added.next_log_reference),
    )


def _joined_promotions(known: WeeklyPromotions, added: WeeklyPromotions) -> WeeklyPromotions:
    """Chain-wide shares as they are; flags of stores only where both panels have the same store groups."""
    wider = _promotions(known, added.display.shape[1])
    first = known.display.shape[1]
    wider.display[:, first:], wider.mailer[:, first:] = added.display, added.mailer
    if (
        np.array_equal(known.store_group, added.store_group)
        and wider.store_display.shape[1] == added.store_display.shape[1]
    ):
        wider.store_display[:, :, first:], wider.store_mailer[:, :, first:] = added.store_display, added.store_mailer
    return wider


def _texts(values: Iterable[str]) -> Texts:
    return np.array(list(values), dtype=object)


def _attributes(known: ItemAttributes, items: Sequence[NewItem]) -> ItemAttributes:
    category, categories = _append(known.category, known.category_names, [item.category for item in items])
    brand, brands = _append(known.brand, known.brand_names, [item.brand for item in items])
    department, departments = _append(known.department, known.department_names, [item.department for item in items])
    return ItemAttributes(
        names=np.append(known.names, _texts(item.name or item.item_id for item in items)),
        category=category,
        category_names=categories,
        brand=brand,
        brand_names=brands,
        department=department,
        department_names=departments,
        text=np.append(known.text, _texts(item.text or item.name for item in items)),
    )


def _append(codes: npt.NDArray[np.int32], names: Texts, labels: Sequence[str]) -> tuple[npt.NDArray[np.int32], Texts]:
    """Codes of known items, then of `labels`; labels that are new get codes after the known ones."""
    place: dict[str, int] = {str(name): code for code, name in enumerate(names)}
    fresh = [place.setdefault(label or "unknown", len(place)) for label in labels]
    return np.append(codes, np.array(fresh, dtype=np.int32)), _texts(place)


def _prices(known: WeeklyPrices, items: Sequence[NewItem]) -> WeeklyPrices:
    price = np.array([item.price for item in items], dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        log_price = np.where(price > 0, np.log(price), np.nan).astype(np.float32)
    weekly = np.broadcast_to(log_price, (len(known.log_price), len(items)))
    return replace(
        known,
        log_price=np.concatenate([known.log_price, weekly], axis=1),
        fold_log_price=np.concatenate([known.fold_log_price, np.stack([weekly, weekly])], axis=2),
        log_reference=np.concatenate([known.log_reference, weekly], axis=1),
        observed=np.concatenate([known.observed, np.zeros(weekly.shape, bool)], axis=1),
        next_log_reference=np.append(known.next_log_reference, log_price),
    )


def _promotions(known: WeeklyPromotions, new: int) -> WeeklyPromotions:
    def wider(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return np.concatenate([values, np.zeros((*values.shape[:-1], new), values.dtype)], axis=-1)

    return WeeklyPromotions(
        wider(known.display),  # type: ignore[arg-type]
        wider(known.mailer),  # type: ignore[arg-type]
        wider(known.store_display),  # type: ignore[arg-type]
        wider(known.store_mailer),  # type: ignore[arg-type]
        known.store_group,
    )


def unknown_items(panel: Panel, item_ids: Sequence[str], catalogue: Mapping[str, NewItem]) -> list[NewItem]:
    """Items of `item_ids` that the panel lacks, in ascending order, with what the catalogue says of them."""
    missing = sorted(set(item_ids) - {str(item) for item in panel.item_ids})
    return [catalogue.get(item, NewItem(item)) for item in missing]
