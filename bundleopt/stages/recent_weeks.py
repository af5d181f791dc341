"""What was sold in the weeks before the campaign, beside what the forecast expects of its week."""

from __future__ import annotations

from typing import Any

import numpy as np

from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt_data.panel import Panel

WEEKS_SHOWN = 8
_YEAR = 52


def recent_weeks(panel: Panel, valued: ValuedPlan) -> dict[str, Any]:
    """Return units and revenue of the last weeks, of the week a year before, and of the forecast.

    Sales are those of the forecast's items at the prices that were paid, promotions included; the forecast is at shelf
    prices. Money is in the currency of the data.

    Args:
        panel: the log by week.
        valued: the plan, for its week, its baseline and its campaign.
    """
    week = valued.campaign.week
    coming = min(panel.week_index(week), panel.n_weeks)
    units, revenue = _sold(panel)
    rows = [_row(panel, place, units, revenue) for place in range(max(coming - WEEKS_SHOWN, 0), coming)]
    before = panel.week_index(week) - _YEAR
    return {
        "weeks": rows,
        "year_before": _row(panel, before, units, revenue) if 0 <= before < coming else None,
        "forecast": {
            "week": week.isoformat(),
            "units": round(float(valued.stock.baseline.sum()), 1),
            "revenue": round(valued.baseline_revenue, 2),
            "extra_units": round(float(valued.incremental_units.sum()), 1),
        },
    }


def _sold(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """(T,) units and (T,) revenue of the modelled items."""
    modelled = panel.purchase_item < panel.n_modelled
    week, units = panel.purchase_week[modelled], panel.purchase_units[modelled].astype(np.float64)
    paid = units * np.exp(panel.purchase_log_price[modelled].astype(np.float64))
    return np.bincount(week, units, panel.n_weeks), np.bincount(week, paid, panel.n_weeks)


def _row(panel: Panel, place: int, units: np.ndarray, revenue: np.ndarray) -> dict[str, Any]:
    return {
        "week": str(panel.weeks[place]),
        "units": round(float(units[place]), 1),
        "revenue": round(float(revenue[place]), 2),
    }
