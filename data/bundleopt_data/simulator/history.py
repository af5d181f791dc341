"""The log of a market: what was bought in the weeks before the campaign, as the contract's transactions.

Letters: `U` customers, `I` items, `T` weeks, `L` lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundleopt_data.simulator.offers import no_offers
from bundleopt_data.simulator.shelf import ShelfPlan
from bundleopt_data.simulator.truth import Truth

FIRST_MONDAY = date(2024, 1, 1)
OPEN_HOUR, HOURS_OPEN = 8, 12


@dataclass(frozen=True)
class PurchaseLog:
    """Lines of the log, by week, customer and item: week, customer, item, units (L,) int64, arrival (L,) in [0, 1)."""

    week: npt.NDArray[np.int64]
    customer: npt.NDArray[np.int64]
    item: npt.NDArray[np.int64]
    units: npt.NDArray[np.int64]
    arrival: npt.NDArray[np.float64]


def live_through(truth: Truth, shelf: ShelfPlan, weeks: int, seed: int) -> tuple[PurchaseLog, Truth]:
    """Draw `weeks` weeks one after another; returns the log and the mechanism as it stands afterwards."""
    parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]]]
    parts = []
    for week in range(weeks):
        wants = truth.wants(shelf.week(week), (seed, 21, week), no_offers())
        customer, item = np.nonzero(wants.units)
        parts.append((customer, item, wants.units[customer, item], wants.arrival[customer]))
        truth = truth.after(wants.units)
    length = [len(part[0]) for part in parts]
    log = PurchaseLog(
        week=np.repeat(np.arange(weeks), length),
        customer=np.concatenate([part[0] for part in parts]),
        item=np.concatenate([part[1] for part in parts]),
        units=np.concatenate([part[2] for part in parts]),
        arrival=np.concatenate([part[3] for part in parts]),
    )
    return log, truth


def monday_of_week(week: int) -> date:
    """The Monday of a week's index."""
    return FIRST_MONDAY + timedelta(weeks=week)


def moment(week: int, arrival: float) -> datetime:
    """When in the week a customer comes: within opening hours, to the minute."""
    day, rest = divmod(arrival * 7.0, 1.0)
    minutes = int(rest * HOURS_OPEN * 60)
    start = datetime.combine(monday_of_week(week), datetime.min.time())
    return start + timedelta(days=int(day), hours=OPEN_HOUR, minutes=minutes)


def transactions(
    log: PurchaseLog,
    shelf: ShelfPlan,
    customer_ids: npt.NDArray[np.object_],
    item_ids: npt.NDArray[np.object_],
) -> pd.DataFrame:
    """The contract's table; prices in currency units. One basket a customer and week."""
    return pd.DataFrame(
        {
            "customer_id": customer_ids[log.customer],
            "item_id": item_ids[log.item],
            "timestamp": [moment(int(week), float(at)) for week, at in zip(log.week, log.arrival, strict=True)],
            "quantity": log.units,
            "unit_price": shelf.price_cents[log.week, log.item] / 100.0,
            "basket_id": [f"B{w}-{c}" for w, c in zip(log.week, log.customer, strict=True)],
            "list_price": shelf.regular_cents[log.week, log.item] / 100.0,
        }
    )
