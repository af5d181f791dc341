"""Is there any plan that keeps a set of rules? A search with a goal instead of an optimum.

Doing nothing keeps every rule except those that ask for bundles (includes, locks, floors on the menu) and those that
ask for money (a least incremental margin or revenue). So the question is whether the largest incremental margin under
all other rules reaches the least one asked for; where only revenue is asked for, whether the largest revenue does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.problem import CampaignProblem, Rules
from bundleopt_solvers.rows import MARGIN, REVENUE, floor_values
from bundleopt_solvers.search_state import Incumbent

ANY_PLAN = -1.0e15  # a goal that every plan reaches
_REMOVABLE = (
    "substitutes",
    "item_overlap",
    "category_cap",
    "min_margin",
    "budget",
    "min_exposure",
    "max_exposure",
    MARGIN,
    REVENUE,
)


@dataclass(frozen=True)
class Feasibility:
    """Answer to the question: `plan` keeps the rules, or `proven` none does, or neither in the time given."""

    plan: Incumbent | None
    proven: bool


def allows_nothing(rules: Rules) -> bool:
    """Whether doing nothing keeps all `rules`."""
    if rules.include or rules.lock or any((count.least or 0) > 0 for count in rules.menu_counts):
        return False
    return max(rules.min_incremental_margin or 0.0, rules.min_incremental_revenue or 0.0) <= 0


def goal_problem(problem: CampaignProblem) -> tuple[CampaignProblem, float]:
    """The problem whose value is the money that a floor asks for, and the goal that its plans must reach."""
    rules = replace(problem.rules, fixed_cost_per_bundle=0.0, contact_cost=0.0)
    for name in (MARGIN, REVENUE):
        least = getattr(rules, name)
        if least is not None:
            free = replace(rules, **{name: None})  # type: ignore[arg-type]
            return replace(problem, value=floor_values(problem, name), rules=free), float(least)
    return replace(problem, value=np.zeros_like(problem.value), rules=rules), ANY_PLAN


def active_rules(problem: CampaignProblem) -> tuple[str, ...]:
    """Names of the rules that are on and can be taken off, the least likely culprits first."""
    rules = problem.rules
    names = ["substitutes"] if rules.substitutes is not None and len(rules.substitutes) else []
    names += ["no_arbitrage"] if rules.no_arbitrage else []
    names += ["item_overlap"] if rules.item_overlap is not None else []
    names += ["category_cap"] if rules.category_cap is not None else []
    names += sorted({count.name for count in rules.menu_counts if count.most is not None})
    names += ["max_exposure"] if rules.max_exposure is not None else []
    names += [f"parity:{parity.name}" for parity in rules.parity]
    names += ["stock"] if rules.stock_slack is not None else []
    names += [f"min_margin:{category}" for category in sorted(rules.category_min_margin)]
    names += ["min_margin"] if rules.min_margin is not None else []
    names += ["budget"] if rules.budget is not None else []
    names.append("max_bundles")
    names += ["min_exposure"] if (rules.min_exposure or 1) > 1 else []
    floors = sorted({count.name for count in rules.menu_counts if (count.least or 0) > 0})
    names += [name for name in floors if name != "include"]
    names += ["lock"] if rules.lock else []
    names += ["include"] if rules.include or "include" in floors else []
    names += [name for name in (REVENUE, MARGIN) if (getattr(rules, name) or 0.0) > 0]
    return tuple(dict.fromkeys(names))


def without(rules: Rules, dropped: frozenset[str], bundles: int) -> Rules:
    """The rules with those named in `dropped` taken off."""
    floors = {c: m for c, m in rules.category_min_margin.items() if f"min_margin:{c}" not in dropped}
    changes: dict[str, object] = {
        "category_min_margin": floors,
        "menu_counts": tuple(count for count in rules.menu_counts if count.name not in dropped),
        "parity": tuple(parity for parity in rules.parity if f"parity:{parity.name}" not in dropped),
    }
    for name in _REMOVABLE:
        if name in dropped:
            changes[name] = None
    if "stock" in dropped:
        changes["stock_slack"] = None
    if "no_arbitrage" in dropped:
        changes["no_arbitrage"] = False
    if "max_bundles" in dropped:
        changes["max_bundles"] = max(bundles, 1)
    for name in ("include", "lock"):
        if name in dropped:
            changes[name] = ()
    return replace(rules, **changes)  # type: ignore[arg-type]
