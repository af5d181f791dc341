"""Where nothing earns its discount: how much more price-sensitive customers would have to be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt.config import SolveConfig
from bundleopt.plan.valued_plan import Array
from bundleopt.stages import candidates, problem
from bundleopt.stages.candidates import PricedCandidates
from bundleopt.stages.item_choice import ItemChoice
from bundleopt.stages.week import PlannedWeek
from bundleopt_models.offer_values import OptionTable

# Multiples of the estimated sensitivity that are tried; beyond the last one no finding is worth acting on.
FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)
OPTIONS_SHOWN = 30
_POPULAR_ITEMS = 60


@dataclass(frozen=True)
class BreakEven:
    """One option: its best customer's value now, and the factor on price sensitivity at which that turns positive.

    `factor` is None where no factor up to the last one is enough.
    """

    option: int
    best_value: float
    factor: float | None


def break_even_rows(
    week: PlannedWeek, choice: ItemChoice, found: PricedCandidates, settings: SolveConfig
) -> list[dict[str, Any]]:
    """Return a row for each option that comes nearest to earning its discount, nearest first."""
    shown = found if found.bundles else _popular_pairs(week, choice, settings)
    if not shown.bundles:
        return []
    table, values = _valued(week, shown, settings, 1.0)
    firsts = values.max(axis=0)
    factors: list[float | None] = [None] * len(firsts)
    for factor in FACTORS:
        best = _valued(week, shown, settings, factor)[1].max(axis=0)
        for option in np.flatnonzero(best > 0):
            if factors[option] is None:
                factors[option] = factor
    rows = [BreakEven(option, float(firsts[option]), factors[option]) for option in range(len(firsts))]
    rows.sort(key=lambda row: (row.factor or np.inf, -row.best_value, row.option))
    return [_document(row, table, week) for row in rows[:OPTIONS_SHOWN]]


def _valued(
    week: PlannedWeek, shown: PricedCandidates, settings: SolveConfig, factor: float
) -> tuple[OptionTable, Array]:
    """The options, and (U, O) values of the objective with every price sensitivity multiplied by `factor`."""
    from bundleopt.stages.valuation import value_candidates

    slope = (week.forecast.slope * factor).astype(np.float32)
    table, values = value_candidates(replace(week.forecast, slope=slope), week.campaign, shown, settings)
    return table, problem.objective_values(values, settings).astype(np.float64)


def _popular_pairs(week: PlannedWeek, choice: ItemChoice, settings: SolveConfig) -> PricedCandidates:
    """The pairs of popular items that are bought together most, with their price points."""
    allowed = np.flatnonzero(choice.allowed)
    probability = week.forecast.probability
    popular = allowed[np.argsort(-probability[:, allowed].sum(axis=0), kind="stable")][:_POPULAR_ITEMS]
    together: npt.NDArray[np.float32] = probability[:, popular].T @ probability[:, popular]
    first, second = np.triu_indices(len(popular), k=1)
    order = np.argsort(-together[first, second], kind="stable")[:OPTIONS_SHOWN]
    bundles = [tuple(sorted((int(popular[first[k]]), int(popular[second[k]])))) for k in order]
    return candidates.with_prices(bundles, week.campaign, settings, family="popular pairs")


def _document(row: BreakEven, table: OptionTable, week: PlannedWeek) -> dict[str, Any]:
    items = [int(item) for item in table.items[row.option] if item >= 0]
    price, list_value = int(table.price_cents[row.option]), int(table.list_value_cents[row.option])
    return {
        "item_ids": [str(week.campaign.item_ids[item]) for item in items],
        "item_names": [str(week.campaign.names[item]) for item in items],
        "list_value": list_value / 100,
        "price": price / 100,
        "discount": 1 - price / list_value,
        "best_value": row.best_value,
        "factor": row.factor,
        "largest_factor": FACTORS[-1],
    }
