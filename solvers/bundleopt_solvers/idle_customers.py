"""Public redemption where an offer adds nothing to the shelf: only the menu is to be chosen, customers are left out.

The plans without offers are worth as much as those with them and keep the same rules, so value and bound are those of
the whole problem; one customer stays in for the form.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem, Floats


def has_idle_customers(problem: CampaignProblem) -> bool:
    """Whether there are customers who can be left out."""
    return problem.customers > 1 and is_menu_only(problem)


def is_menu_only(problem: CampaignProblem) -> bool:
    """Whether no offer to anybody changes anything, and no rule asks for offers."""
    if not problem.shelf or problem.least_offers or problem.rules.parity or problem.draws is not None:
        return False
    arrays = (problem.redemption, problem.incremental_margin, problem.units, problem.incremental_revenue)
    if any(array is not None and array[:-1].any() for array in arrays):
        return False
    return not (problem.value[:-1] > 0).any()


def without_idle_customers(problem: CampaignProblem) -> CampaignProblem:
    """The problem of the first customer and the shelf."""

    def kept(array: Floats) -> Floats:
        return np.concatenate([array[:1], array[-1:]])

    return replace(
        problem,
        customer_ids=problem.customer_ids[:1],
        value=kept(problem.value),
        redemption=kept(problem.redemption),
        incremental_margin=kept(problem.incremental_margin),
        incremental_revenue=None if problem.incremental_revenue is None else kept(problem.incremental_revenue),
        units=kept(problem.units),
        segment=problem.segment[[0, -1]],
    )


def told_of_shelf(plan: CampaignPlan, shelf: int) -> CampaignPlan:
    """The plan with `shelf` as the code of the shelf, which holds all its offers."""
    return replace(plan, offer_customer=np.full_like(plan.offer_customer, shelf))
