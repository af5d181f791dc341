"""Prices that an item's own rules allow: a discount band of its own, and the lowest price of the weeks before.

The reference of an announced reduction is the lowest price of the thirty days before it (Directive (EU) 2019/2161,
article 2): a bundle that costs as much as its items at their lowest prices is no reduction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt_data.campaign import CampaignWeek
    from bundleopt_data.panel import Panel

_SCOPES = ("item", "category", "brand", "department")


@dataclass(frozen=True)
class PriceLimits:
    """Limits by item code; an item that is not in a mapping has none.

    Attributes:
        bands: least and largest discount of a bundle with the item, shares.
        lowest_cents: lowest shelf price of the item in the days before the week.
    """

    bands: Mapping[int, tuple[Fraction, Fraction]]
    lowest_cents: Mapping[int, int]

    def allows(self, items: tuple[int, ...], price_cents: int, list_value_cents: int) -> bool:
        """Whether a bundle of these items may have the price."""
        discount = 1 - Fraction(price_cents, list_value_cents)
        inside = all(self.bands[item][0] <= discount <= self.bands[item][1] for item in items if item in self.bands)
        if not inside or not self.lowest_cents:
            return inside
        return price_cents < sum(self.lowest_cents[item] for item in items)


def price_limits(campaign: CampaignWeek, panel: Panel, settings: SolveConfig) -> PriceLimits | None:
    """Return the limits of the settings; None where there are none.

    Raises:
        UsageError: a band is about nothing in the catalogue.
    """
    if not settings.bands and settings.prior_price_days is None:
        return None
    days = settings.prior_price_days
    return PriceLimits(_bands(campaign, settings), {} if days is None else lowest_before(campaign, panel, days))


def lowest_before(campaign: CampaignWeek, panel: Panel, days: int) -> dict[int, int]:
    """Lowest weekly shelf price of each item in the weeks that the days before the campaign touch, at most today's."""
    first = np.datetime64(campaign.week - timedelta(days=days))
    weeks = np.asarray(panel.weeks).astype("datetime64[D]")
    recent = (weeks + np.timedelta64(7, "D") > first) & (weeks < np.datetime64(campaign.week))
    lowest = campaign.shelf_price_cents.astype(np.float64)
    if recent.any():
        seen = np.where(panel.prices.observed[recent], panel.prices.log_price[recent].astype(np.float64), np.inf)
        lowest = np.minimum(lowest, np.rint(np.exp(np.minimum(seen.min(0), 50.0)) * 100.0))
    return {item: int(price) for item, price in enumerate(lowest)}


def _bands(campaign: CampaignWeek, settings: SolveConfig) -> dict[int, tuple[Fraction, Fraction]]:
    """The band of each item: the meeting of all that name it."""
    columns = {
        "item": campaign.item_ids,
        "category": campaign.category,
        "brand": campaign.brand,
        "department": campaign.department,
    }
    found: dict[int, tuple[Fraction, Fraction]] = {}
    for name, (low, high) in settings.bands.items():
        scope, _, value = name.partition(":")
        hits: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        if scope in _SCOPES:
            hits = np.flatnonzero(columns[scope].astype(str) == value)
        if not len(hits):
            raise UsageError(f"--band {name}: no modelled item is meant; write it like category:YOGURT=0%:20%")
        for item in hits.tolist():
            least, most = found.get(item, (Fraction(0), Fraction(1)))
            found[item] = (max(least, Fraction(str(low))), min(most, Fraction(str(high))))
    return found
