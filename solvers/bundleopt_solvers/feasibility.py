"""Is there any plan that keeps a set of rules? A search with a goal instead of an optimum.

Only two rules can't be kept by doing nothing: includes, and a least incremental margin. So the question is whether the
largest incremental margin under all other rules reaches the least one asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.problem import CampaignProblem, Rules
from bundleopt_solvers.search_state import Incumbent

ANY_PLAN = -1.0e15  # a goal that every plan reaches


@dataclass(frozen=True)
class Feasibility:
    """Answer to the question: `plan` keeps the rules, or `proven` none does, or neither in the time given."""

    plan: Incumbent | None
    proven: bool


def goal_problem(problem: CampaignProblem) -> tuple[CampaignProblem, float]:
    """The problem whose value is incremental margin, and the goal that its plans must reach."""
    least = problem.rules.min_incremental_margin
    rules = replace(problem.rules, min_incremental_margin=None, fixed_cost_per_bundle=0.0, contact_cost=0.0)
    if least is None:
        return replace(problem, value=np.zeros_like(problem.value), rules=rules), ANY_PLAN
    return replace(problem, value=problem.incremental_margin, rules=rules), float(least)


def active_rules(problem: CampaignProblem) -> tuple[str, ...]:
    """Names of the rules that are on and can be taken off, the least likely culprits first."""
    rules = problem.rules
    names = ["substitutes"] if rules.substitutes is not None and len(rules.substitutes) else []
    names += ["no_arbitrage"] if rules.no_arbitrage else []
    names += ["item_overlap"] if rules.item_overlap is not None else []
    names += ["category_cap"] if rules.category_cap is not None else []
    names += ["stock"] if rules.stock_slack is not None else []
    names += [f"min_margin:{category}" for category in sorted(rules.category_min_margin)]
    names += ["min_margin"] if rules.min_margin is not None else []
    names += ["budget"] if rules.budget is not None else []
    names.append("max_bundles")
    names += ["include"] if rules.include else []
    names += ["min_incremental_margin"] if (rules.min_incremental_margin or 0.0) > 0 else []
    return tuple(names)


def without(rules: Rules, dropped: frozenset[str], bundles: int) -> Rules:
    """The rules with those named in `dropped` taken off."""
    floors = {c: m for c, m in rules.category_min_margin.items() if f"min_margin:{c}" not in dropped}
    changes: dict[str, object] = {"category_min_margin": floors}
    for name in ("substitutes", "item_overlap", "category_cap", "min_margin", "budget", "min_incremental_margin"):
        if name in dropped:
            changes[name] = None
    if "stock" in dropped:
        changes["stock_slack"] = None
    if "no_arbitrage" in dropped:
        changes["no_arbitrage"] = False
    if "max_bundles" in dropped:
        changes["max_bundles"] = max(bundles, 1)
    if "include" in dropped:
        changes["include"] = ()
    return replace(rules, **changes)  # type: ignore[arg-type]
