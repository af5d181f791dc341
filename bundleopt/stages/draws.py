"""Draws of demand: what the optimiser is given of them, and what the finished plan is valued on.

The two never share a draw: a plan that was chosen on some draws looks better on those than it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
OPTIMISER, HELD_OUT, SHOCKS, SELECTION = 1, 2, 3, 4

OPTIMISER_DRAWS = 24
HELD_OUT_DRAWS = 32
SELECTION_DRAWS = 12


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
    """Value the plan's offers on held-out draws; None without offers or draws, and in public redemption."""
    from bundleopt_models.decomposition import Offers
    from bundleopt_models.draw_values import value_offers_under_draws
    from bundleopt_models.uncertainty import draw_parameters

    forecast = prepared.week.forecast
    if forecast.uncertainty is None or not len(valued.option) or valued.problem.shelf:
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


def selection_facts(prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> dict[str, Any]:
    """Say what choosing the best of many uncertain candidates may have added to the plan's expectation.

    The draws stand for errors of the estimates: in each, as many bundles as the plan has are chosen by their drawn
    worth, and are worth what the forecast says. The mean share by which the chosen look better than they are is the
    optimism of the choice (Smith & Winkler 2006, doi:10.1287/mnsc.1050.0451). It takes the estimates as unshrunk and
    customers' slots as free, so it is rather too large: a cautious figure.
    """
    from bundleopt_models.draw_values import option_factors
    from bundleopt_models.uncertainty import draw_parameters

    forecast, table = prepared.week.forecast, prepared.table
    if forecast.uncertainty is None or not len(valued.option):
        return {}
    seed = (settings.seed, SELECTION)
    draws = draw_parameters(forecast.uncertainty, forecast.category, forecast.relations, SELECTION_DRAWS, seed)
    weight = candidates.revenue_weight(settings)
    factor = option_factors(forecast, prepared.week.campaign, table, draws, revenue_weight=weight).value
    worth = np.maximum(valued.problem.value, 0.0).sum(axis=0, dtype=np.float64)
    share = selection_optimism(worth, factor, table.bundle, len(valued.plan.menu))
    return {"candidates": int(table.bundle.max()) + 1, "optimism": round(share, 4), "draws": SELECTION_DRAWS}


def selection_optimism(worth: Array, factor: Array, bundle: npt.NDArray[np.integer], chosen: int) -> float:
    """Return the share, in [0, 1], by which the best `chosen` bundles look better than they are.

    Args:
        worth: (O,) what each option is worth.
        factor: (N, O) drawn errors, around 1.
        bundle: (O,) bundle of each option, options of a bundle adjacent.
        chosen: how many bundles are chosen in each draw.
    """
    starts = np.flatnonzero(np.diff(bundle, prepend=-1))
    seen = true = 0.0
    for row in factor:
        drawn = worth * row
        best = np.maximum.reduceat(drawn, starts)
        kept = np.argsort(-best, kind="stable")[:chosen]
        ends = np.append(starts, len(bundle))
        options = [starts[b] + int(np.argmax(drawn[starts[b] : ends[b + 1]])) for b in kept]
        seen += float(drawn[options].sum())
        true += float(worth[options].sum())
    return min(max(1.0 - true / seen, 0.0), 1.0) if seen > 0 else 0.0
