"""Values of all candidate options for all customers."""

from __future__ import annotations

from bundleopt.config import Redemption, SolveConfig
from bundleopt.stages import multi_buy, public
from bundleopt.stages.candidates import PricedCandidates
from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.offer_values import OfferValues, OptionTable


def value_candidates(
    forecast: DemandForecast, campaign: CampaignWeek, candidates: PricedCandidates, settings: SolveConfig
) -> tuple[OptionTable, OfferValues]:
    """Return the table of options and what showing each to each customer is worth.

    In public redemption the last row is the shelf, see `bundleopt.stages.public`.
    """
    from bundleopt_models import valuation

    table = multi_buy.table_of(candidates.bundles, candidates.prices, campaign)
    if settings.redemption is Redemption.PUBLIC:
        return table, public.public_values(forecast, campaign, table, settings)
    values = valuation.value_offers(forecast, campaign, table, reach=settings.reach, salience=settings.salience)
    return table, values
