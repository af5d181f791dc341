"""Pairs that the prices of a first plan call for: they join the candidates before the campaign is planned.

The search for candidates values each bundle by itself. What a menu lacks is only known at its prices: a slot, an item
and a unit of budget cost what the other bundles would make of them. So the candidates are planned roughly, all pairs of
the catalogue are screened at the prices of that plan (`pair_pricing.py`), and the best of those that beat its last
bundle become candidates. Nothing is proven here: `certify_pairs` does that. The answer is kept, since the same question
comes with every further plan of the week.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bundleopt.config import Redemption, SolveConfig
from bundleopt.prepared import Prepared
from bundleopt.stages import optimise
from bundleopt.stages.cache import ArrayCache, code_digest, key_of
from bundleopt.stages.pair_pricing import MOST_NEW, PairSearch, joined
from bundleopt.stages.problem import build_problem
from bundleopt.stages.valuation import value_candidates
from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError

if TYPE_CHECKING:
    from bundleopt.session import Progress
    from bundleopt.stages.candidates import PricedCandidates
    from bundleopt.stages.item_choice import ItemChoice
    from bundleopt.stages.model import TrainedModel
    from bundleopt.stages.rule_inputs import RuleInputs
    from bundleopt.stages.week import PlannedWeek
    from bundleopt_solvers.pair_family import Pairs
    from bundleopt_solvers.plan import CampaignPlan

# A plan this near to its bound has prices good enough to choose by, in a quarter of the work of a whole solve.
_ROUGH_GAP = 0.10
# Pairs bounded customer by customer, and valued. On the sample all 202 pairs that beat the plan's last bundle were
# among the 2,381 largest first bounds and the 1,310 largest bounds by customer.
_LOOKED_AT, _VALUED = 6_000, 1_500
# What the values of offers are computed from.
_MONEY = ("shelf_price_cents", "unit_cost_cents", "tax_rate", "funding_share", "unit_funding_cents", "item_ids")
_DEMAND = (
    *("customer_ids", "probability", "visit_probability", "slope", "units", "category"),
    *("log_position", "knots", "heights"),
)


@dataclass(frozen=True)
class FirstStages:
    """What the stages before the search for pairs hand on."""

    trained: TrainedModel
    week: PlannedWeek
    choice: ItemChoice
    inputs: RuleInputs


def with_priced_pairs(
    found: PricedCandidates, stages: FirstStages, settings: SolveConfig, cache: ArrayCache, progress: Progress
) -> PricedCandidates:
    """Return the candidates and the pairs that a rough plan of them calls for; the same ones where nothing is to do."""
    low, high = settings.bundle_size
    if (
        not settings.price_pairs
        or not low <= 2 <= high
        or not found.bundles
        or settings.redemption is Redemption.PUBLIC
    ):
        return found
    key = seeds_key(found, stages, settings)
    stored = cache.read("pairs", key)
    pairs = _priced_pairs(found, stages, settings, progress) if stored is None else stored["pairs"]
    if stored is None:
        cache.write("pairs", key, {"pairs": pairs})
    return joined(found, pairs, stages.week, stages.choice, settings) or found


def seeds_key(found: PricedCandidates, stages: FirstStages, settings: SolveConfig) -> str:
    """A hash of everything that the rough plan and the screening read."""
    week, inputs, choice = stages.week, stages.inputs, stages.choice
    forecast, eligibility = week.forecast, inputs.eligibility
    # How long and how far the campaign itself is searched does not shape its rough plan.
    apart = {"work", "menu_work", "gap", "time_limit", "certify_pairs", "pair_rounds", "require_optimal", "solver"}
    asked = sorted(settings.model_dump(mode="json", exclude=apart).items())
    groups = sorted(inputs.customers.items()) + sorted(inputs.items.items())
    return key_of(
        code_digest("bundleopt_solvers"),
        code_digest("bundleopt_models"),
        asked,
        found.bundles,
        found.prices,
        week.campaign.week.isoformat(),
        *(getattr(week.campaign, name) for name in _MONEY),
        week.stock.slack,
        *(getattr(forecast, name) for name in _DEMAND),
        *(getattr(forecast.relations, name) for name in ("first", "second", "gamma")),
        forecast.relations.is_known(),
        (forecast.relations.background, forecast.pull_forward.assumed_share, forecast.relations.fullness),
        forecast.pull_forward.share,
        forecast.need,
        choice.allowed,
        sorted(choice.banned_bundles),
        sorted(inputs.base.items()),
        eligibility.resting,
        eligibility.customer,
        eligibility.item,
        *(part for name, values in groups for part in (name, values)),
    )


def _priced_pairs(found: PricedCandidates, stages: FirstStages, settings: SolveConfig, progress: Progress) -> Pairs:
    """(n, 2) pairs, best first."""
    week = stages.week
    table, values = value_candidates(week.forecast, week.campaign, found, settings)
    built = build_problem((table, values), week, stages.choice, settings, stages.inputs)
    prepared = Prepared(stages.trained, week, stages.choice, found, table, values, built, stages.inputs)
    plan = _rough_plan(prepared, settings, progress)
    if plan is None or plan.prices is None:
        return np.zeros((0, 2), dtype=np.int64)
    search = PairSearch(prepared, plan, settings)
    return search.best(looked_at=_LOOKED_AT, valued=_VALUED, progress=progress)[:MOST_NEW]


def _rough_plan(prepared: Prepared, settings: SolveConfig, progress: Progress) -> CampaignPlan | None:
    """A plan near enough to the best one to price by, on means; None where the rules allow none."""
    problem = prepared.built.problem
    plain = replace(problem, rules=replace(problem.rules, risk=None, budget_confidence=None))
    rough = settings.model_copy(update={"gap": max(_ROUGH_GAP, settings.gap), "work": None})
    try:
        return optimise.optimise(plain, rough, "", progress, gap_only=True)
    except (InfeasiblePlanError, NoPlanInTimeError):
        return None
