"""Arithmetic before the optimisation: what the rules ask at least, against what they allow."""

from __future__ import annotations

import math

import numpy as np

from bundleopt_data.errors import InfeasiblePlanError, Relaxation
from bundleopt_solvers.problem import CampaignProblem


def refuse_contradictions(problem: CampaignProblem) -> None:
    """Refuse includes that no budget and no margin floor of this size can hold, before any search.

    Raises:
        InfeasiblePlanError: with the least budget, or the highest floor, that lets them in.
    """
    _refuse_unpayable(problem)
    _refuse_unreachable_margin(problem)


def _refuse_unpayable(problem: CampaignProblem) -> None:
    """Refuse includes that cost more than the budget even with one offer each, to whomever it costs least."""
    budget, include = problem.rules.budget, sorted(set(problem.rules.include))
    if budget is None or not include:
        return
    least = math.fsum(_least_spend(problem, bundle) for bundle in include)
    # Spend is kept to the budget exactly: room for rounding here would only postpone the refusal.
    if least <= budget:
        return
    names = ", ".join(_items_of(problem, bundle) for bundle in include)
    needed = math.ceil(least * 100) / 100
    raise InfeasiblePlanError(
        ["include", "budget"],
        [Relaxation("budget", budget, needed, "of promo spend")],
        f"The bundles that must be on the menu ({names}) need {needed:.2f} of promo spend even with one offer each.",
    )


def _refuse_unreachable_margin(problem: CampaignProblem) -> None:
    """Refuse includes where no option at all, theirs or another, reaches the margin floor: none can lift the mean."""
    options, floor = problem.options, problem.rules.min_margin
    include = sorted(set(problem.rules.include))
    if floor is None or not include:
        return
    share = options.unit_margin / (options.price_cents / 100)
    asked = np.isin(options.bundle, include)
    # An offer that nobody redeems weighs nothing in the mean, and rounding decides nothing here.
    if share.max() >= floor - 1e-9 or problem.redemption[:, asked].min() <= 0:
        return
    reachable = min(float(share[options.bundle == bundle].max()) for bundle in include)
    raise InfeasiblePlanError(
        ["include", "min_margin"],
        [Relaxation("min_margin", floor, math.floor(reachable * 1000) / 1000, "of bundle sales")],
        f"No candidate bundle has a margin above {float(share.max()):.1%} of its price.",
    )


def _items_of(problem: CampaignProblem, bundle: int) -> str:
    """The item ids of a bundle, as the flags take them."""
    items = problem.options.items[np.flatnonzero(problem.options.bundle == bundle)[0]]
    return "+".join(str(problem.options.item_ids[item]) for item in items if item >= 0)


def _least_spend(problem: CampaignProblem, bundle: int) -> float:
    """The least promo spend of one offer of a bundle, money."""
    options = np.flatnonzero(problem.options.bundle == bundle)
    spend = problem.redemption[:, options].astype(np.float64) * problem.options.unit_spend[options]
    return float(spend.min()) if spend.size else 0.0
