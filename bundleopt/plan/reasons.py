"""Why each bundle of the menu is on it, in plain words."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt.report import formats
from bundleopt_models.forecast import PairRelations

# Below this a lift is not worth a word.
_NOTABLE_LIFT = 1.2


def reasons(valued: ValuedPlan, relations: PairRelations, *, forced: dict[int, str]) -> dict[int, str]:
    """Return option code -> sentence for every option of the menu.

    Args:
        valued: the plan.
        relations: log odds ratios of pairs.
        forced: bundle index -> why it had to be on the menu.
    """
    return {int(option): _reason(valued, relations, int(option), forced) for option in valued.plan.menu}


def _reason(valued: ValuedPlan, relations: PairRelations, option: int, forced: dict[int, str]) -> str:
    mine = valued.option == option
    redeemed = float(valued.redemption[mine].sum())
    revenue, spend = float(valued.incremental_revenue[mine].sum()), float(valued.promo_spend[mine].sum())
    parts = []
    bundle = int(valued.problem.options.bundle[option])
    if bundle in forced:
        parts.append(forced[bundle])
    anyway = float((valued.baseline[mine]).sum())
    if redeemed > 0:
        parts.append(f"{formats.share(max(0.0, 1 - anyway / redeemed))} of its redemptions are new")
    if spend >= 0.005:
        parts.append(f"each {formats.money(1)} of promo spend brings {formats.money(revenue / spend)} of revenue")
    elif redeemed > 0:
        parts.append("suppliers pay its discount")
    lift = _strongest_lift(valued, relations, option)
    if lift >= _NOTABLE_LIFT:
        often = formats.number(round(lift, 1))
        parts.append(f"its items are bought together {often} times as often as their popularity explains")
    return "; ".join(parts)


def _strongest_lift(valued: ValuedPlan, relations: PairRelations, option: int) -> float:
    """exp(gamma) of the closest pair of the bundle, beyond the background of full baskets."""
    items = [int(item) for item in valued.problem.options.items[option] if item >= 0]
    pairs = list(combinations(items, 2))
    if not pairs:
        return 1.0
    first, second = np.array(pairs).T
    return float(np.exp(relations.log_odds(first, second) - relations.background).max())
