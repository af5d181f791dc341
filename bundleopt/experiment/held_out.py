"""Keeps the control group out of a campaign problem, and says what its customers would have been offered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.experiment.holdout import Holdout, draw_holdout
from bundleopt_data.errors import InfeasiblePlanError
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt.stages.week import PlannedWeek
    from bundleopt_models.offer_values import OfferValues

Codes = npt.NDArray[np.int32]


def holdout_of(week: PlannedWeek, settings: SolveConfig) -> Holdout | None:
    """Draw the control group before anything is optimised; None where none is asked for."""
    if settings.holdout is None:
        return None
    forecast = week.forecast
    return draw_holdout(
        forecast.customer_ids,
        forecast.visit_probability.astype(np.float64),
        expected_spend(week),
        settings.holdout,
        settings.seed,
    )


def expected_spend(week: PlannedWeek) -> npt.NDArray[np.float64]:
    """(U,) expected spend of the week without the campaign on the modelled items, money."""
    worth = week.forecast.units.astype(np.float64) * week.campaign.shelf_price_cents / 100.0
    return np.asarray(week.forecast.probability.astype(np.float64) @ worth, dtype=np.float64)


def without_held_out(problem: CampaignProblem, holdout: Holdout | None) -> CampaignProblem:
    """Return the problem in which showing a held-out customer anything loses its list value and brings nothing.

    No plan would, and no rule is helped by it, so the bound is one on the plans that leave them out. They are a segment
    of their own: the segment model must not average them in.
    """
    if holdout is None or not len(problem.options.bundle):
        return problem
    held = np.flatnonzero(holdout.held)

    def emptied(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        kept = array.copy()
        kept[held] = 0.0
        return kept

    value = problem.value.copy()
    value[held] = -problem.options.list_value_cents.astype(np.float32) / 100.0
    segment = problem.segment.copy()
    segment[held] = int(segment[~holdout.held].max(initial=-1)) + 1
    revenue = problem.incremental_revenue
    return replace(
        problem,
        value=value,
        redemption=emptied(problem.redemption),
        incremental_margin=emptied(problem.incremental_margin),
        units=emptied(problem.units),
        incremental_revenue=None if revenue is None else emptied(revenue),
        segment=segment,
    )


def refuse_shown(plan: CampaignPlan, holdout: Holdout | None) -> None:
    """Refuse a plan that can only keep a floor by showing held-out customers something.

    Raises:
        InfeasiblePlanError: it names the rules.
    """
    if holdout is not None and bool(holdout.held[plan.offer_customer].any()):
        raise InfeasiblePlanError(
            ["holdout", "min_exposure"],
            detail="Bundles cannot have so many offers without the held-out customers; lower one of the two.",
        )


def would_be_offers(
    problem: CampaignProblem,
    objective: npt.NDArray[np.float32],
    values: OfferValues,
    plan: CampaignPlan,
    holdout: Holdout,
) -> tuple[Codes, Codes]:
    """Return customers and options of what the held-out would have been offered from the menu, by customer.

    Each gets the best set of offers at the plan's shadow prices of budget and stock, as everybody else does; limits
    that the plan exhausts are not asked again, since these offers are never made.

    Args:
        problem: with the plan's rules; its options and substitutes.
        objective: (U, O) worth of offers before anybody was held out, money.
        values: what the offers do.
        plan: menu and shadow prices.
        holdout: who.
    """
    from bundleopt_solvers.customer_sets import best_sets

    people, menu = np.flatnonzero(holdout.held).astype(np.int32), plan.menu
    if not len(people) or not len(menu):
        return np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int32)
    cells = np.ix_(people, menu)
    toll = _toll(problem, plan, values.redemption[cells], values.units[cells])
    worth = np.ascontiguousarray((objective[cells] - toll).T)
    found = best_sets(worth, _clashes(problem, menu), problem.rules.slots)
    option, who = np.nonzero(found.shown)
    order = np.lexsort((menu[option], people[who]))
    return people[who][order], menu[option][order]


def _toll(
    problem: CampaignProblem,
    plan: CampaignPlan,
    redemption: npt.NDArray[np.float32],
    units: npt.NDArray[np.float32],
) -> npt.NDArray[np.float64]:
    """(H, M) what offers take of budget, stock and attention at their shadow prices, money."""
    options = problem.options
    budget = next((rule.shadow_price or 0.0 for rule in plan.rules if rule.name == "budget"), 0.0)
    items = options.items[plan.menu]
    stock = np.where(items >= 0, plan.item_shadow_price[np.maximum(items, 0)], 0.0)
    spent = redemption.astype(np.float64) * (budget * options.unit_spend[plan.menu])
    return np.asarray(spent + (units * stock).sum(axis=2) + problem.rules.contact_cost, dtype=np.float64)


def _clashes(problem: CampaignProblem, menu: Codes) -> npt.NDArray[np.bool_]:
    """(M, M) options that no customer gets together: they share an item, or hold two known substitutes."""
    items = problem.options.items[menu]
    has = np.zeros((len(menu), len(problem.options.item_ids)), dtype=bool)
    row, place = np.nonzero(items >= 0)
    has[row, items[row, place]] = True
    clash = has.astype(np.int32) @ has.T.astype(np.int32) > 0
    for first, second in [] if problem.rules.substitutes is None else problem.rules.substitutes.tolist():
        clash |= np.outer(has[:, first], has[:, second]) | np.outer(has[:, second], has[:, first])
    return np.asarray(clash, dtype=np.bool_)
