"""The campaign week: prices, demand and stock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.campaign_results.learned import with_learned_slopes
from bundleopt.plan.valued_plan import ColdStarts, Stock
from bundleopt.session import Session
from bundleopt.stages import stock
from bundleopt.stages.cold_start import cold_starts
from bundleopt.stages.forecast import cached_forecast
from bundleopt.stages.model import TrainedModel
from bundleopt.stages.shocks import shocked_demand, shocked_week
from bundleopt.stages.store_stock import StoreInventory, read_store_inventory
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_models.forecast import DemandForecast

if TYPE_CHECKING:
    from bundleopt_models.interest_groups import InterestGroups


@dataclass(frozen=True)
class PlannedWeek:
    """Everything known of the campaign week before any bundle is thought of.

    Attributes:
        campaign: prices. forecast: demand. stock: what may be sold.
        groups: the customers in words. cold: who and what is too new.
        learned: the belief about the answer to offers that the slopes hold, see `bundleopt.campaign_results.learned`.
        stores: stock by store, None where the data has none; `stock` is then what the stores have together.
    """

    campaign: CampaignWeek
    forecast: DemandForecast
    stock: Stock
    groups: InterestGroups | None = None
    cold: ColdStarts | None = None
    learned: dict[str, Any] = field(default_factory=dict)
    stores: StoreInventory | None = None


def plan_week(session: Session, trained: TrainedModel, monday: date | None = None) -> PlannedWeek:
    """Forecast the campaign week.

    Raises:
        UsageError: the week is outside what the data can say anything about.
    """
    from bundleopt_models.interest_groups import interest_groups

    settings = session.config.solve
    week, campaign = _week_as_it_is(session, trained, monday)
    campaign = shocked_week(campaign, settings.shocks)
    session.progress("forecasting demand", 0.0)
    forecast = cached_forecast(session, trained, campaign)
    forecast, learned = with_learned_slopes(forecast, campaign.category, session.workspace)
    groups = interest_groups(forecast, trained.panel, settings.segments, seed=settings.seed)
    forecast = shocked_demand(forecast, campaign, groups, settings.shocks)
    deviations = session.config.assumptions.safety_deviations
    left = stock.stock_of(campaign, forecast, safety_deviations=deviations)
    stores = read_store_inventory(session, campaign, forecast, safety_deviations=deviations)
    left = left if stores is None else stores.pooled(left)
    cold = cold_starts(trained.panel, min(week, trained.record.fit_until))
    return PlannedWeek(campaign, forecast, left, groups, cold, learned, stores)


def refuse_unknown_shocks(session: Session, trained: TrainedModel, texts: Iterable[str]) -> None:
    """Refuse shocks that are about nothing in the catalogue; those of segments are looked at with the forecast.

    Raises:
        UsageError: one is.
    """
    shocked_week(_week_as_it_is(session, trained, None)[1], texts)


def _week_as_it_is(session: Session, trained: TrainedModel, monday: date | None) -> tuple[date, CampaignWeek]:
    week = monday or session.config.solve.week or session.dataset.default_week()
    _refuse_out_of_reach(session, trained, week)
    return week, session.dataset.campaign_week(week, trained.panel, session.campaign_settings)


def _refuse_out_of_reach(session: Session, trained: TrainedModel, week: date) -> None:
    first = trained.panel.weeks[0].astype("datetime64[D]").astype(object)
    default = session.dataset.default_week()
    # The planner knows prices and promotions of a coming week, not of a distant one.
    if not first < week or np.datetime64(week) > np.datetime64(default) + np.timedelta64(7 * 52, "D"):
        raise UsageError(
            f"--week {week} is out of reach of the data, which runs from {first}; the next week is {default}"
        )
