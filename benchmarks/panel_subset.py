"""A part of a panel, for trials and for libraries that cannot take all of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bundleopt_data.panel import ItemAttributes, Panel


def scope(panel: Panel, households: int | None, items: int | None, *, fast: bool) -> str:
    """A sentence that says what a table was measured on where that is not all of it; empty for the full size."""
    size = f"{panel.n_customers:,} households x {panel.n_items:,} items" if households or items else ""
    told = " and ".join(filter(None, [size, "the quick training" if fast else ""]))
    return f"**Not the full figure:** {told}." if told else ""


def subset(panel: Panel, households: int | None, items: int | None, seed: int = 0) -> Panel:
    """Some households at random and the items that are bought most often; None keeps all.

    Visits, and what is told of items, stay what they were.
    """
    if households is None and items is None:
        return panel
    rng = np.random.default_rng(seed)
    count = min(households or panel.n_customers, panel.n_customers)
    customers = np.sort(rng.choice(panel.n_customers, count, replace=False))
    sold = np.bincount(panel.purchase_item, minlength=panel.n_items)
    kept = np.sort(np.argsort(-sold, kind="stable")[: items or panel.n_items])
    return select(panel, customers, kept)


def select(panel: Panel, customers: np.ndarray, items: np.ndarray) -> Panel:
    """The panel of given codes, both ascending."""
    new_customer, new_item = np.full(panel.n_customers, -1, np.int32), np.full(panel.n_items, -1, np.int32)
    new_customer[customers], new_item[items] = np.arange(len(customers)), np.arange(len(items))
    chosen = (new_customer[panel.purchase_customer] >= 0) & (new_item[panel.purchase_item] >= 0)
    prices, promotions = panel.prices, panel.promotions
    return replace(
        panel,
        customer_ids=panel.customer_ids[customers],
        item_ids=panel.item_ids[items],
        items=_attributes(panel.items, items),
        purchase_customer=new_customer[panel.purchase_customer[chosen]],
        purchase_item=new_item[panel.purchase_item[chosen]],
        purchase_week=panel.purchase_week[chosen],
        purchase_units=panel.purchase_units[chosen],
        purchase_log_price=panel.purchase_log_price[chosen],
        trips=panel.trips[:, customers],
        lines=panel.lines[:, customers],
        deal_lines=panel.deal_lines[:, customers],
        prices=replace(
            prices,
            log_price=prices.log_price[:, items],
            fold_log_price=prices.fold_log_price[:, :, items],
            fold=prices.fold[customers],
            log_reference=prices.log_reference[:, items],
            observed=prices.observed[:, items],
            next_log_reference=prices.next_log_reference[items],
        ),
        promotions=replace(
            promotions,
            display=promotions.display[:, items],
            mailer=promotions.mailer[:, items],
            store_display=promotions.store_display[:, :, items],
            store_mailer=promotions.store_mailer[:, :, items],
            store_group=promotions.store_group[customers],
        ),
    )


def _attributes(attributes: ItemAttributes, items: np.ndarray) -> ItemAttributes:
    names = ("names", "category", "brand", "department", "text")
    return replace(attributes, **{name: getattr(attributes, name)[items] for name in names})
