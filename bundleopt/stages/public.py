"""Public redemption: the price stands on the shelf, everybody can redeem, an offer only draws attention.

Without an offer a customer sees the price with the chance `shelf_reach`, at the odds of the price alone; with one the
offer is seen with the chance `reach`, at the odds times `salience`, and where it is not, the shelf may be. With f(s)
what an option does to a customer who sees it at salience s,

    shelf of an option = sum over all customers of shelf_reach f(1)
    an offer adds        reach (f(salience) - shelf_reach f(1)); of redemptions, units and spend never less than 0

so that no redemption is counted twice. The shelf is one more row below the customers in every array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt_models.offer_values import OfferValues

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt.plan.valued_plan import ValuedPlan
    from bundleopt.prepared import Prepared
    from bundleopt_data.campaign import CampaignWeek
    from bundleopt_models.decomposition import Decomposition
    from bundleopt_models.forecast import DemandForecast
    from bundleopt_models.offer_values import OptionTable

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[np.float64]
ITEM_OVERLAP = 1  # bundles of a public menu share no item, or one purchase could redeem two of them


def public_values(
    forecast: DemandForecast, campaign: CampaignWeek, table: OptionTable, settings: SolveConfig
) -> OfferValues:
    """Return (U + 1, O) values: what an offer to each customer adds, and last what the shelf alone does."""
    from bundleopt_models import valuation

    seen = valuation.value_offers(forecast, campaign, table)
    told = seen
    if settings.salience > 1.0:
        told = valuation.value_offers(forecast, campaign, table, salience=settings.salience)
    share, reach = settings.shelf_reach, settings.reach

    def joined(name: str) -> Floats:
        plain, shown = getattr(seen, name), getattr(told, name)
        shelf = share * plain.sum(axis=0, keepdims=True, dtype=np.float64)
        adds = np.float32(reach) * (shown - np.float32(share) * plain)
        return np.concatenate([adds, shelf.astype(np.float32)])

    return OfferValues(
        redemption=np.maximum(joined("redemption"), 0.0),
        baseline=np.concatenate([seen.baseline, seen.baseline.sum(axis=0, keepdims=True)]),
        incremental_revenue=joined("incremental_revenue"),
        incremental_margin=joined("incremental_margin"),
        units=np.maximum(joined("units"), 0.0),
    )


def decompose_public(prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> Decomposition:
    """Split what offers add and what the shelf does into the rows of the waterfall, aligned with the plan's offers."""
    from bundleopt_models.decomposition import Decomposition, Offers, decompose

    week, shown = prepared.week, valued.is_shown
    everybody = np.arange(valued.problem.customers, dtype=np.int64)

    def split(customer: npt.NDArray[np.int64], option: npt.NDArray[np.int64], salience: float) -> tuple[Array, Array]:
        parts = decompose(week.forecast, week.campaign, prepared.table, Offers(customer, option), salience=salience)
        return parts.revenue, parts.margin

    out = (np.zeros((len(shown), 6)), np.zeros((len(shown), 6)))
    if shown.any():
        pairs = valued.customer[shown].astype(np.int64), valued.option[shown].astype(np.int64)
        plain, told = split(*pairs, 1.0), split(*pairs, settings.salience)
        for rows, seen, drawn in zip(out, plain, told, strict=True):
            rows[shown] = settings.reach * (drawn - settings.shelf_reach * seen)
    for at in np.flatnonzero(~shown):
        option = np.full(len(everybody), valued.option[at], dtype=np.int64)
        for rows, seen in zip(out, split(everybody, option, 1.0), strict=True):
            rows[at] = settings.shelf_reach * seen.sum(axis=0)
    return Decomposition(*out)


def sentences(settings: SolveConfig) -> list[str]:
    """Say what a public plan rests on."""
    public = (
        "Redemption is public: prices stand on the shelf and every customer may redeem, seeing them with a chance of "
        f"{settings.shelf_reach:.0%}. What customers without an offer redeem is charged to the bundle itself; an "
        "offer adds what drawing attention adds."
    )
    apart = (
        "No two bundles of a public menu share an item, so that no purchase is counted twice; effects of different "
        "bundles on one customer are added up."
    )
    return [
        public,
        apart,
        "Resting customers and coupons limit who is shown an offer, not who redeems at the shelf.",
        "Intervals cover the counting of redemptions only, not the uncertainty of the demand model.",
    ]
