"""Customers of a plan: their groups of like taste, their interests, and what they are offered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.plan.valued_plan import Array, ValuedPlan

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt_models.interest_groups import InterestGroups

CUSTOMER_COLUMNS = (
    "customer_id",
    "segment",
    "segment_name",
    "interests",
    "price_sensitivity",
    "deal_share",
    "offers",
    "redemptions",
    "incremental_revenue",
    "incremental_margin",
    "promo_spend",
)


def customers_table(valued: ValuedPlan, groups: InterestGroups) -> pd.DataFrame:
    """Return one row per customer of the forecast, in its order, with or without offers."""
    import pandas as pd

    names = np.array([group.name for group in groups.groups], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": valued.problem.customer_ids,
            "segment": groups.segment.astype(np.int64),
            "segment_name": names[groups.segment],
            "interests": [list(tags) for tags in groups.interests],
            "price_sensitivity": groups.price_sensitivity,
            "deal_share": groups.deal_share,
            "offers": _per_customer(valued, np.ones(len(valued.customer))).astype(np.int64),
            "redemptions": _per_customer(valued, valued.redemption),
            "incremental_revenue": _per_customer(valued, valued.incremental_revenue),
            "incremental_margin": _per_customer(valued, valued.incremental_margin),
            "promo_spend": _per_customer(valued, valued.promo_spend),
        },
        columns=list(CUSTOMER_COLUMNS),
    )


def segment_rows(valued: ValuedPlan, groups: InterestGroups) -> list[dict[str, Any]]:
    """Return one row per group for `plan.json` and the report: who they are, and what the plan does for them."""
    totals = {
        "offers": np.ones(len(valued.customer)),
        "incremental_revenue": valued.incremental_revenue,
        "incremental_margin": valued.incremental_margin,
        "promo_spend": valued.promo_spend,
    }
    sums = {
        name: np.bincount(groups.segment, _per_customer(valued, amount), len(groups.groups))
        for name, amount in totals.items()
    }
    return [
        {
            "segment": code,
            "name": group.name,
            "customers": group.customers,
            "buys": list(group.buys),
            "lifts": list(group.lifts),
            "price_sensitivity": round(group.price_sensitivity, 3),
            "deal_share": round(group.deal_share, 4),
            "offers": int(sums["offers"][code]),
            **{name: round(float(sums[name][code]), 2) for name in list(totals)[1:]},
        }
        for code, group in enumerate(groups.groups)
    ]


def _per_customer(valued: ValuedPlan, amount: Array) -> Array:
    """(U,) sums over the offers of each customer."""
    shown = valued.is_shown
    return np.bincount(valued.customer[shown], amount[shown], len(valued.problem.customer_ids)).astype(np.float64)
