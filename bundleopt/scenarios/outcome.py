"""What one scenario gives: its plan in figures, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt_data import money

if TYPE_CHECKING:
    from bundleopt.plan.valued_plan import ValuedPlan
    from bundleopt.scenarios.grid import Scenario
    from bundleopt_data.errors import InfeasiblePlanError


@dataclass(frozen=True)
class ScenarioOutcome:
    """One line of the table; money where it is money, None throughout where there is no plan.

    Attributes:
        objective, bound, gap: the certificate of the plan.
        binding: names of the rules that bind. shadow_prices: rule -> what one more unit of its limit is worth, money.
        conflict: names of the rules that contradict each other; detail: in words. seconds: of optimisation.
    """

    scenario: Scenario
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    incremental_revenue: float | None = None
    incremental_margin: float | None = None
    promo_spend: float | None = None
    bundles: int | None = None
    offers: int | None = None
    customers: int | None = None
    binding: tuple[str, ...] = ()
    shadow_prices: dict[str, float] = field(default_factory=dict)
    conflict: tuple[str, ...] = ()
    detail: str = ""
    seconds: float = 0.0

    @property
    def is_feasible(self) -> bool:
        """Whether there is a plan."""
        return self.objective is not None

    def document(self) -> dict[str, Any]:
        """Return the line as JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "scenario"}
        return {
            "scenario": self.scenario.label,
            "settings": dict(self.scenario.settings),
            "shocks": list(self.scenario.shocks),
            **plain,
            "binding": list(self.binding),
            "conflict": list(self.conflict),
        }


def planned(scenario: Scenario, valued: ValuedPlan) -> ScenarioOutcome:
    """Return the line of a scenario that has a plan."""
    plan = valued.plan
    priced = {rule.name: float(rule.shadow_price) for rule in plan.rules if rule.shadow_price is not None}
    return ScenarioOutcome(
        scenario=scenario,
        objective=plan.headline.value,
        bound=plan.headline.bound,
        gap=plan.headline.gap,
        incremental_revenue=_cents(valued.incremental_revenue),
        incremental_margin=_cents(valued.incremental_margin),
        promo_spend=_cents(valued.promo_spend),
        bundles=len(plan.menu),
        offers=int(valued.is_shown.sum()),
        customers=len(np.unique(valued.customer[valued.is_shown])),
        binding=tuple(rule.name for rule in plan.rules if rule.binding),
        shadow_prices={name: price for name, price in priced.items() if price > 0},
        seconds=round(plan.seconds, 2),
    )


def refused(scenario: Scenario, error: InfeasiblePlanError) -> ScenarioOutcome:
    """Return the line of a scenario whose rules contradict each other."""
    return ScenarioOutcome(scenario=scenario, conflict=tuple(error.conflict), detail=error.detail)


def unsolved(scenario: Scenario, reason: str) -> ScenarioOutcome:
    """Return the line of a scenario for which time brought no plan."""
    return ScenarioOutcome(scenario=scenario, detail=reason)


def _cents(amounts: Any) -> float:
    return money.to_cents(math.fsum(amounts)) / 100
