"""What stock is left for sales that a campaign causes."""

from __future__ import annotations

import numpy as np

from bundleopt.plan.valued_plan import Array, Stock
from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.forecast import DemandForecast


def stock_of(campaign: CampaignWeek, forecast: DemandForecast, *, safety_deviations: float) -> Stock:
    """Return the stock left for induced sales: on hand less baseline sales less safety stock, at least 0.

    Baseline sales are those of all customers, offered or not: sum over customers of probability x units. Safety stock
    is a number of standard deviations of Poisson demand, sqrt(baseline).
    """
    baseline = baseline_units(forecast)
    safety = safety_deviations * np.sqrt(baseline)
    on_hand = campaign.on_hand.astype(np.float64)
    safety = np.where(np.isfinite(on_hand), safety, 0.0)
    return Stock(on_hand, baseline, safety, np.maximum(0.0, on_hand - baseline - safety))


def baseline_units(forecast: DemandForecast) -> Array:
    """(I,) expected units of the week without the campaign, all customers."""
    bought: Array = forecast.probability.sum(axis=0, dtype=np.float64)
    return bought * forecast.units.astype(np.float64)


def baseline_revenue(campaign: CampaignWeek, stock: Stock) -> float:
    """Expected revenue of the modelled items in the week at shelf price without the campaign, money."""
    return float(np.sum(stock.baseline * campaign.shelf_price_cents) / 100.0)
