"""What each bundle of the menu would bring at its other prices, and how its customers take prices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt.plan.valued_plan import ValuedPlan


def price_responses(valued: ValuedPlan, slope: npt.NDArray[np.float32]) -> list[dict[str, Any]]:
    """Return one row per bundle of the menu, in its order.

    A row holds the price points of the bundle that were candidates, each with what it would bring from the customers
    who are shown the bundle: the audience stays, only the price moves. Sensitivity is the mean price slope of the
    bundle's items among those customers, as a ratio to the mean of all customers.

    Args:
        valued: the plan; money is in the currency of the data.
        slope: (U, I) price sensitivity of the log odds, > 0.
    """
    return [_row(valued, slope, int(option)) for option in valued.plan.menu]


def _row(valued: ValuedPlan, slope: npt.NDArray[np.float32], option: int) -> dict[str, Any]:
    options = valued.problem.options
    bundle = options.bundle[option]
    customers = valued.customer[valued.option == option]
    points = [_point(valued, int(other), customers) for other in np.flatnonzero(options.bundle == bundle)]
    return {
        "bundle_id": str(options.bundle_ids[bundle]),
        "price": float(options.price_cents[option]) / 100.0,
        "price_sensitivity": _sensitivity(slope, customers, options.items[option]),
        "points": sorted(points, key=lambda point: point["price"]),
    }


def _point(valued: ValuedPlan, option: int, customers: npt.NDArray[np.int32]) -> dict[str, float]:
    options, values = valued.problem.options, valued.values
    redemptions = float(values.redemption[customers, option].sum(dtype=np.float64))
    price, full = options.price_cents[option] / 100.0, options.list_value_cents[option] / 100.0
    return {
        "price": float(price),
        "discount": round(1.0 - float(price) / max(float(full), 0.01), 6),
        "redemptions": round(redemptions, 4),
        "incremental_revenue": round(float(values.incremental_revenue[customers, option].sum(dtype=np.float64)), 4),
        "incremental_margin": round(float(values.incremental_margin[customers, option].sum(dtype=np.float64)), 4),
        "promo_spend": round(redemptions * float(options.unit_spend[option]), 4),
    }


def _sensitivity(
    slope: npt.NDArray[np.float32], customers: npt.NDArray[np.int32], items: npt.NDArray[np.int32]
) -> float | None:
    shown, held = customers[customers < len(slope)], items[items >= 0]
    if not len(shown) or not len(held):
        return None
    overall = float(slope[:, held].mean(dtype=np.float64))
    return round(float(slope[np.ix_(shown, held)].mean(dtype=np.float64)) / overall, 4) if overall > 0 else None
