"""How often the intervals of weekly item units hold what was sold: the test of a model's stated uncertainty.

Units are whole numbers, so an outcome has a range of places in its forecast, P(less) to P(at most). It counts as
inside by the share of that range that is (the non-randomised form of the probability integral transform; Czado,
Gneiting & Held 2009, doi:10.1111/j.1541-0420.2009.01191.x). The plain share of outcomes inside the closed interval
stands beside it; it is larger where little is sold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.demand_interval import WeeklyDemand, simulate_demand
from bundleopt_models.model import DemandModel
from bundleopt_models.uncertainty import Uncertainty
from bundleopt_models.uncertainty_weeks import LATEST_WEEKS, expected_sales, measure_uncertainty, units_moments

Floats = npt.NDArray[np.float64]

RATE_GROUPS = ("slow third", "middle third", "fast third")


@dataclass(frozen=True)
class IntervalCoverage:
    """Coverage of the items of one group.

    Attributes:
        group: "all items", or one of RATE_GROUPS by expected sales. items: number of item-weeks.
        level: what the intervals promise. covered: what they hold, ties split. closed: ties counted as inside.
        weekly_units: mean units an item sells in a week.
    """

    group: str
    items: int
    level: float
    covered: float
    closed: float
    weekly_units: float


def interval_coverage(
    model: DemandModel, panel: Panel, expected: Mapping[int, Floats], *, level: float = 0.8, seed: int = 0
) -> tuple[IntervalCoverage, ...]:
    """Compare intervals of weekly units with sales, over all items and by thirds of their sales rate.

    Args:
        model: trained before the weeks; shocks are measured on the weeks it knows.
        panel: the panel, with sales of the weeks.
        expected: week -> (I,) expected customers who buy, see `uncertainty_weeks.expected_sales`.
        level: of the intervals.
        seed: of the simulation.
    """
    uncertainty = model.uncertainty(panel) or measured_before(model, panel)
    kappa, _ = units_moments(panel, _known_weeks(model))
    inside: list[Floats] = []
    closed: list[Floats] = []
    sold = weekly_units(panel)
    for week in sorted(expected):
        demand = simulate_demand(expected[week], kappa, uncertainty, panel.items.category, seed=seed + week)
        low, high = demand.interval(level)
        inside.append(_split_inside(demand, sold[week], level))
        closed.append(((sold[week] >= low) & (sold[week] <= high)).astype(np.float64))
    if not inside:
        return ()
    total = np.sum([expected[week] for week in expected], axis=0)
    third = np.argsort(np.argsort(total, kind="stable"), kind="stable") * len(RATE_GROUPS) // max(len(total), 1)
    rate = sold[sorted(expected)].mean(0)
    chosen = [("all items", np.ones(len(third), bool)), *((name, third == k) for k, name in enumerate(RATE_GROUPS))]
    share, plain = np.array(inside), np.array(closed)
    return tuple(
        IntervalCoverage(
            group=name,
            items=int(of.sum()) * len(share),
            level=level,
            covered=float(share[:, of].mean()),
            closed=float(plain[:, of].mean()),
            weekly_units=float(rate[of].mean()),
        )
        for name, of in chosen
        if of.any()
    )


def _split_inside(demand: WeeklyDemand, observed: Floats, level: float) -> Floats:
    """(I,) share of each outcome's range of places that lies between the two quantiles."""
    below, most = demand.position(observed)
    low, high = (1 - level) / 2, (1 + level) / 2
    width = np.maximum(most - below, 1e-12)
    # An outcome that no simulated week matched has no width: it is inside or not.
    overlap = np.clip(np.minimum(most, high) - np.maximum(below, low), 0.0, None) / width
    lies: Floats = np.where(most - below > 0, overlap, ((below > low) & (below < high)).astype(np.float64))
    return lies


def weekly_units(panel: Panel) -> Floats:
    """(T, I) units sold."""
    cell = panel.purchase_week.astype(np.int64) * panel.n_items + panel.purchase_item
    total = np.bincount(cell, panel.purchase_units, panel.n_weeks * panel.n_items)
    return np.asarray(total.reshape(panel.n_weeks, panel.n_items), dtype=np.float64)


def measured_before(model: DemandModel, panel: Panel) -> Uncertainty:
    """The uncertainty of a model that was trained without measuring it, from the last weeks it knows."""
    weeks = _known_weeks(model)
    held_out = [int(week) for week in model.record.get("validation_weeks", ())]
    fitted = [week for week in weeks if week not in held_out]
    recent = weeks[-max(LATEST_WEEKS, len(held_out)) :]
    return measure_uncertainty(model, panel, expected_sales(model, panel, recent), fitted=fitted, held_out=held_out)


def _known_weeks(model: DemandModel) -> list[int]:
    """Weeks that fitting and calibration saw, ascending."""
    span = [int(week) for week in model.record.get("fit_weeks", ())]
    fitted = range(span[0], span[-1] + 1) if span else range(0)
    return sorted({*fitted, *(int(week) for week in model.record.get("validation_weeks", ()))})
