"""The three tables of a run folder as data frames; columns, order and types are the contract of the files.

Money in `bundles` is whole cents that add up to the published totals; `offers` holds expectations as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.experiment.design import all_offers
from bundleopt.plan import cents
from bundleopt.plan.valued_plan import ValuedPlan

if TYPE_CHECKING:
    import pandas as pd

BUNDLE_COLUMNS = (
    "bundle_id",
    "item_ids",
    "item_names",
    "list_value",
    "price",
    "discount",
    "customers",
    "redemptions",
    "incremental_revenue",
    "incremental_margin",
    "promo_spend",
    "cannibalised_revenue",
    "reason",
    "cold_start",
    "quantity",
)
OFFER_COLUMNS = (
    "customer_id",
    "bundle_id",
    "item_ids",
    "list_value",
    "price",
    "redemption_probability",
    "baseline_probability",
    "incremental_units",
    "redemption_revenue",
    "redemption_margin",
    "incremental_revenue",
    "incremental_margin",
    "promo_spend",
    "propensity",
    "holdout",
    "cold_start",
    "quantity",
)
# Beside the others in public redemption: what customers without an offer do, unrounded.
SHELF_COLUMNS = (
    "shelf_redemptions",
    "shelf_units",
    "shelf_redemption_revenue",
    "shelf_redemption_margin",
    "shelf_revenue",
    "shelf_margin",
    "shelf_spend",
)
INVENTORY_COLUMNS = ("item_id", "on_hand", "baseline_units", "incremental_units", "slack", "shadow_price")


def offers_table(valued: ValuedPlan) -> pd.DataFrame:
    """Return one row per offer, would-be offers of held-out customers among them, sorted by customer, then bundle."""
    import pandas as pd

    options, values = valued.problem.options, valued.values
    customer, option, held = all_offers(valued)
    items = [_held(row) for row in options.items]
    at = (customer, option)
    redemption = values.redemption[at].astype(np.float64)
    units = values.units[at].astype(np.float64)
    return pd.DataFrame(
        {
            "customer_id": valued.problem.customer_ids[customer],
            "bundle_id": options.bundle_ids[options.bundle[option]],
            "item_ids": [[str(options.item_ids[i]) for i in items[o]] for o in option],
            "list_value": options.list_value_cents[option] / 100.0,
            "price": options.price_cents[option] / 100.0,
            "redemption_probability": redemption,
            "baseline_probability": values.baseline[at].astype(np.float64),
            "incremental_units": [row[: len(items[o])].tolist() for o, row in zip(option, units, strict=True)],
            "redemption_revenue": redemption * (options.price_cents[option] / 100.0),
            "redemption_margin": redemption * options.unit_margin[option],
            "incremental_revenue": values.incremental_revenue[at].astype(np.float64),
            "incremental_margin": values.incremental_margin[at].astype(np.float64),
            "promo_spend": redemption * options.unit_spend[option],
            "propensity": valued.experiment.propensity(option),
            "holdout": held,
            "cold_start": valued.is_cold(customer, option),
            "quantity": options.quantities[option].astype(np.int64),
        },
        columns=list(OFFER_COLUMNS),
    )


def bundles_table(
    valued: ValuedPlan, *, cannibalised: npt.NDArray[np.float64], reasons: dict[int, str]
) -> pd.DataFrame:
    """Return one row per bundle of the menu, in the order of the menu.

    Args:
        valued: the plan.
        cannibalised: (F,) revenue at shelf price that each offer replaces, money.
        reasons: option code -> why it is on the menu, in words.
    """
    import pandas as pd

    options, menu = valued.problem.options, valued.plan.menu
    items, units = [_held(options.items[o]) for o in menu], options.quantities[menu].astype(np.int64)
    list_value, price = options.list_value_cents[menu], options.price_cents[menu]
    money = {
        "incremental_revenue": valued.incremental_revenue,
        "incremental_margin": valued.incremental_margin,
        "promo_spend": valued.promo_spend,
        "cannibalised_revenue": cannibalised,
    }
    in_cents = {name: _bundle_cents(valued, amounts) for name, amounts in money.items()}
    return pd.DataFrame(
        {
            "bundle_id": options.bundle_ids[options.bundle[menu]],
            "item_ids": [[str(options.item_ids[i]) for i in held] for held in items],
            "item_names": [_names(valued, held, int(count)) for held, count in zip(items, units, strict=True)],
            "list_value": list_value / 100.0,
            "price": price / 100.0,
            "discount": 1.0 - price / np.maximum(list_value, 1),
            "customers": [int(np.sum(valued.is_shown & (valued.option == o))) for o in menu],
            "redemptions": _per_option(valued, valued.redemption),
            **{name: values / 100.0 for name, values in in_cents.items()},
            "reason": [reasons.get(int(o), "") for o in menu],
            "cold_start": valued.cold_items[menu],
            "quantity": units,
        }
        | (_shelf(valued) if valued.problem.shelf else {}),
        columns=[*BUNDLE_COLUMNS, *(SHELF_COLUMNS if valued.problem.shelf else ())],
    )


def _shelf(valued: ValuedPlan) -> dict[str, object]:
    """What every bundle of the menu does by standing on the shelf, in the order of the menu."""
    at = np.flatnonzero(~valued.is_shown)
    items = valued.problem.options.items
    return {
        "shelf_redemptions": valued.redemption[at],
        "shelf_units": [valued.units[row][: len(_held(items[valued.option[row]]))].tolist() for row in at],
        "shelf_redemption_revenue": valued.redemption_revenue[at],
        "shelf_redemption_margin": valued.redemption_margin[at],
        "shelf_revenue": valued.incremental_revenue[at],
        "shelf_margin": valued.incremental_margin[at],
        "shelf_spend": valued.promo_spend[at],
    }


def inventory_table(valued: ValuedPlan) -> pd.DataFrame:
    """Return one row per item, sorted by id as the panel is; on_hand and slack are empty where stock is unlimited."""
    import pandas as pd

    stock, units = valued.stock, valued.incremental_units
    limited = np.isfinite(stock.on_hand)
    return pd.DataFrame(
        {
            "item_id": valued.problem.options.item_ids,
            "on_hand": np.where(limited, stock.on_hand, np.nan),
            "baseline_units": stock.baseline,
            "incremental_units": units,
            "slack": np.where(limited, stock.slack - units, np.nan),
            "shadow_price": valued.plan.item_shadow_price,
        },
        columns=list(INVENTORY_COLUMNS),
    )


def _per_option(valued: ValuedPlan, amounts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    total = np.zeros(len(valued.problem.options.bundle))
    np.add.at(total, valued.option, amounts)
    return total[valued.plan.menu]


def _bundle_cents(valued: ValuedPlan, amounts: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    # The total is that of the offers, so that every file rounds the same sum.
    return cents.rows_in_cents(_per_option(valued, amounts), cents.total_in_cents(amounts))


def _names(valued: ValuedPlan, items: list[int], quantity: int) -> list[str]:
    """Names of a bundle's items; several units of one are told with their number."""
    return [unit_name(str(valued.campaign.names[item]), quantity) for item in items]


def unit_name(name: str, quantity: int) -> str:
    """Return the name of so many units of an item.

    >>> unit_name("Milk", 2), unit_name("Milk", 1)
    ('2 x Milk', 'Milk')
    """
    return name if quantity == 1 else f"{quantity} x {name}"


def _held(row: npt.NDArray[np.int32]) -> list[int]:
    return [int(item) for item in row if item >= 0]
