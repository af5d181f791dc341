"""The table of stock by store: items of the plan, store by store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.plan.valued_plan import ValuedPlan
    from bundleopt.stages.store_stock import StoreInventory


def store_inventory_table(valued: ValuedPlan, stores: StoreInventory | None) -> pd.DataFrame | None:
    """Return one row per item of the plan and store that limits it; None where stock is not known by store."""
    import pandas as pd

    if stores is None:
        return None
    items = valued.problem.options.items[valued.option]
    used, own = np.zeros(stores.slack.shape), stores.customer[valued.customer]
    for place in range(items.shape[1]):
        held = (items[:, place] >= 0) & (own >= 0)
        np.add.at(used, (items[held, place], own[held]), valued.units[held, place])
    offered = np.unique(items[items >= 0])
    at, store = np.nonzero(np.isfinite(stores.on_hand[offered]))
    item = offered[at]
    return pd.DataFrame(
        {
            "item_id": valued.problem.options.item_ids[item],
            "store_id": stores.store_ids[store],
            "customers": np.bincount(stores.customer[stores.customer >= 0], minlength=len(stores.store_ids))[store],
            "on_hand": stores.on_hand[item, store],
            "baseline_units": stores.baseline[item, store],
            "incremental_units": used[item, store],
            "slack": stores.slack[item, store] - used[item, store],
        }
    )
