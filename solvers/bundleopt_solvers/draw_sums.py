"""What a plan is worth and spends in each draw of demand: mean of the worst draws, chance to stay in the budget.

Letters: `N` draws, `F` offers, `O` options.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem, OfferDraws, Risk

Floats64 = npt.NDArray[np.float64]
HALVINGS = 60  # of the range in which a quantile is looked for


def draws_of(problem: CampaignProblem) -> OfferDraws:
    """The draws of `problem`.

    Raises:
        ValueError: it has none, though a rule asks for them.
    """
    if problem.draws is None:
        raise ValueError("risk and budget_confidence need draws of demand")
    return problem.draws


def worst_weights(values: Floats64, share: float) -> Floats64:
    """Weights (N,) of the draws in the mean of the worst `share` of them: at most 1 / (share N) each, adding up to 1.

    Rockafellar, Uryasev (2000), doi:10.21314/JOR.2000.038, in its dual form: the smallest weighted mean over all
    weights so capped. Ties go to the earlier draw.
    """
    cap = 1.0 / (share * len(values))
    weights, left = np.zeros(len(values)), 1.0
    for draw in np.argsort(values, kind="stable").tolist():
        weights[draw] = min(cap, left)
        left -= weights[draw]
        if left <= 0:
            break
    return weights


def worst_mean(values: Floats64, share: float) -> float:
    """Mean of the worst `share` of draws (CVaR), money."""
    return math.fsum((worst_weights(values, share) * values).tolist())


def value_in_draws(problem: CampaignProblem, plan: CampaignPlan) -> Floats64:
    """Value of a plan in every draw, costs not deducted, (N,) money."""
    gain = problem.value[plan.offer_customer, plan.offer_option].astype(np.float64)
    by_option = np.bincount(plan.offer_option, gain, minlength=len(problem.options.bundle))
    return np.asarray(draws_of(problem).value @ by_option)


def costs_of(problem: CampaignProblem, plan: CampaignPlan) -> float:
    """Fixed and contact costs of a plan, money."""
    rules = problem.rules
    return rules.fixed_cost_per_bundle * len(plan.menu) + rules.contact_cost * len(plan.offer_option)


def risk_value(problem: CampaignProblem, plan: CampaignPlan, risk: Risk) -> float:
    """(1 - weight) x mean value + weight x mean of the worst draws, costs deducted, money."""
    mean = math.fsum(problem.value[plan.offer_customer, plan.offer_option].astype(np.float64).tolist())
    worst = worst_mean(value_in_draws(problem, plan), risk.share)
    return (1 - risk.weight) * mean + risk.weight * worst - costs_of(problem, plan)


def spend_moments(problem: CampaignProblem, plan: CampaignPlan) -> tuple[Floats64, Floats64]:
    """Mean and standard deviation (N,) of promo spend in every draw; each offer is redeemed or not, by itself."""
    option = plan.offer_option
    unit = problem.options.unit_spend[option].astype(np.float64)
    sold = problem.redemption[plan.offer_customer, option].astype(np.float64)
    mean, spread = [], []
    for factor in draws_of(problem).redemption:
        chance = np.minimum(sold * factor[option], 1.0)
        mean.append(float((unit * chance).sum()))
        spread.append(math.sqrt(max(float((unit * unit * chance * (1 - chance)).sum()), 0.0)))
    return np.array(mean), np.array(spread)


def chance_within(moments: tuple[Floats64, Floats64], budget: float) -> float:
    """Chance that promo spend stays within `budget`: the mean over draws of a normal law of the counts."""
    total = 0.0
    for mean, spread in zip(*(part.tolist() for part in moments), strict=True):
        if spread > 0:
            total += 0.5 * (1.0 + math.erf((budget - mean) / (spread * math.sqrt(2.0))))
        else:
            total += float(mean <= budget)
    return total / max(len(moments[0]), 1)


def spend_quantile(moments: tuple[Floats64, Floats64], confidence: float) -> float:
    """Least budget that holds with `confidence`, money, by bisection from above."""
    low, high = 0.0, float((moments[0] + 10.0 * moments[1]).max(initial=0.0))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if chance_within(moments, middle) >= confidence else (middle, high)
    return high
