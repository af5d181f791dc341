"""What other budgets would bring: the same campaign planned at each of them, beside the plan that is published."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bundleopt import quantities
from bundleopt.scenarios.grid import Scenario, values_of
from bundleopt.scenarios.sweep import Sweep, time_each
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.pipeline import Solved
    from bundleopt.scenarios.outcome import ScenarioOutcome
    from bundleopt.session import Session


def budgets_of(text: str) -> list[str]:
    """Read `--frontier 500:2000:500` or a list, before minutes go into the plan.

    Raises:
        UsageError: it is no sweep, or a value is no amount of money.
    """
    try:
        return sorted(values_of("frontier", text), key=quantities.parse_money)
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError(f"--frontier: {error}") from error


def with_frontier(session: Session, solved: Solved, budgets: list[str], *, workers: int | None = None) -> Solved:
    """Return the plan with what each budget would bring in its document, as `frontier`.

    Args:
        session: the workspace with the settings of the plan.
        solved: the plan; its candidates and values are used again.
        budgets: as the configuration reads them, ascending.
        workers: plans solved side by side; None means one a core.
    """
    points = [Scenario((("budget", text),)) for text in budgets]
    sweep = Sweep(session, len(points), time_each(session, len(points)))
    found = sweep.plan_members(solved.prepared, points, solved.valued.plan, workers or os.cpu_count() or 1)
    rows = [frontier_row(found[point]) for point in points]
    return replace(solved, facts=replace(solved.facts, frontier=rows))


def frontier_row(one: ScenarioOutcome) -> dict[str, Any]:
    """Return one budget as it stands in `plan.json`: money, None throughout where no plan keeps the rules."""
    return {
        "budget": quantities.parse_money(dict(one.scenario.settings)["budget"]),
        "incremental_revenue": one.incremental_revenue,
        "incremental_margin": one.incremental_margin,
        "promo_spend": one.promo_spend,
        "objective": one.objective,
        "bound": one.bound,
        "gap": one.gap,
        "worth": one.shadow_prices.get("budget", 0.0),
        "conflict": list(one.conflict) or ([one.detail] if one.detail else []),
    }
