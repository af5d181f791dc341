"""What stock is left for sales that a campaign causes."""

from __future__ import annotations

import numpy as np

from bundleopt.plan.valued_plan import Array, Stock
from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.forecast import DemandForecast


def stock_of(campaign: CampaignWeek, forecast: DemandForecast, *, safety_deviations: float) -> Stock:
    """Return the stock left for induced sales: on hand less baseline sales less safety stock, at least 0.

    Baseline sales are those of all customers, offered or not: sum over customers of probability x units. Safety stock
    covers demand of the week above that with the chance of a normal below `safety_deviations` (1.64: 95 %); demand is
    as uncertain as the model measured: its parameters, shocks of the week and of the item, counting, units of a
    purchase. A model that measured nothing gets standard deviations of Poisson demand, sqrt(baseline).
    """
    baseline = baseline_units(forecast)
    safety = safety_units(forecast, baseline, safety_deviations)
    on_hand = campaign.on_hand.astype(np.float64)
    safety = np.where(np.isfinite(on_hand), safety, 0.0)
    return Stock(on_hand, baseline, safety, np.maximum(0.0, on_hand - baseline - safety))


def safety_units(forecast: DemandForecast, baseline: Array, deviations: float) -> Array:
    """(I,) units kept back for a week that sells more than expected."""
    if forecast.uncertainty is None:
        return np.asarray(deviations * np.sqrt(baseline), dtype=np.float64)
    from bundleopt_models.demand_interval import demand_quantile

    units = forecast.units.astype(np.float64)
    most = demand_quantile(baseline / units, units, forecast.uncertainty, deviations)
    return np.maximum(most - baseline, 0.0)


def baseline_units(forecast: DemandForecast) -> Array:
    """(I,) expected units of the week without the campaign, all customers."""
    bought: Array = forecast.probability.sum(axis=0, dtype=np.float64)
    return bought * forecast.units.astype(np.float64)


def baseline_revenue(campaign: CampaignWeek, stock: Stock) -> float:
    """Expected revenue of the modelled items in the week at shelf price without the campaign, money."""
    return float(np.sum(stock.baseline * campaign.shelf_price_cents) / 100.0)
