"""Draws of demand: what the optimiser is given of them, and what the finished plan is valued on.

The two never share a draw: a plan that was chosen on some draws looks better on those than it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bundleopt.config import SolveConfig
from bundleopt.plan.plan_draws import PlanDraws
from bundleopt.plan.valued_plan import Array, ValuedPlan
from bundleopt.stages import candidates
from bundleopt.stages.week import PlannedWeek
from bundleopt_data.errors import UsageError
from bundleopt_solvers.problem import OfferDraws

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt_models.offer_values import OptionTable

# Numbers that keep the draws of one purpose apart from those of another, under the same seed.
OPTIMISER, HELD_OUT, SHOCKS = 1, 2, 3

OPTIMISER_DRAWS = 24
HELD_OUT_DRAWS = 32


def offer_draws(
    week: PlannedWeek, table: OptionTable, settings: SolveConfig, *, n_draws: int = OPTIMISER_DRAWS
) -> OfferDraws:
    """Return what draws of parameters and of the week's shock make of every option, for rules that ask for risk.

    Raises:
        UsageError: the model was trained without measuring its uncertainty.
    """
    from bundleopt_models.draw_values import option_factors
    from bundleopt_models.uncertainty import draw_parameters, log_shocks

    forecast = week.forecast
    if forecast.uncertainty is None:
        raise UsageError("the demand model knows nothing of its uncertainty; train it again with: bundleopt train")
    draws = draw_parameters(
        forecast.uncertainty, forecast.category, forecast.relations, n_draws, (settings.seed, OPTIMISER)
    )
    weight = candidates.revenue_weight(settings)
    factors = option_factors(forecast, week.campaign, table, draws, revenue_weight=weight)
    random = np.random.default_rng([settings.seed, OPTIMISER, SHOCKS])
    shock = np.exp(log_shocks(forecast.uncertainty.week, random, (n_draws, 1)))
    shock /= shock.mean()
    return OfferDraws(value=_centred(factors.value * shock), redemption=_centred(factors.redemption * shock))


def _centred(factors: Array) -> Array:
    mean = factors.mean(axis=0)
    return np.asarray(np.divide(factors, mean, out=np.ones_like(factors), where=mean > 0), dtype=np.float64)


def plan_draws(prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> PlanDraws | None:
    """Value the plan's offers on held-out draws; None where there is no offer, or the model knows no draws."""
    from bundleopt_models.decomposition import Offers
    from bundleopt_models.draw_values import value_offers_under_draws
    from bundleopt_models.uncertainty import draw_parameters

    forecast = prepared.week.forecast
    if forecast.uncertainty is None or not len(valued.option):
        return None
    draws = draw_parameters(
        forecast.uncertainty, forecast.category, forecast.relations, HELD_OUT_DRAWS, (settings.seed, HELD_OUT)
    )
    values = value_offers_under_draws(
        forecast,
        prepared.week.campaign,
        prepared.table,
        Offers(valued.customer.astype(np.int64), valued.option.astype(np.int64)),
        draws,
        factors=(settings.reach, settings.salience),
    )
    seed = (settings.seed, HELD_OUT, SHOCKS)
    return PlanDraws(values, draws.level, forecast.units, forecast.uncertainty, seed)
