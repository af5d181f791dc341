"""Prices that make the bound small: a proximal bundle method whose metric is the estimated curvature.

Where many customers make the bound smooth, a step is Newton's; where few leave kinks, the cuts of earlier points
describe them (Luksan and Vlcek 1998, doi:10.1007/BF02680555). Every point visited is a valid bound, so nothing here
can make it wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bundleopt_solvers.large_assignment.cell_blocks import PriceBox
from bundleopt_solvers.large_assignment.cut_step import CutModel, best_step
from bundleopt_solvers.large_assignment.dual_value import DualFunction, DualPoint
from bundleopt_solvers.large_assignment.offer_rules import Floats64

MOST_CUTS = 30
SERIOUS = 0.1  # share of the promised decrease that makes a trial point the new centre
RIDGE = 1e-3  # of the mean curvature, added so that prices without curvature move in steps of their own size
SHORTER = 3.0  # how much shorter steps become after a trial point that doesn't help
LONGER = 10.0  # and how much longer where one kept nearly all that was promised
STALLED = 25  # trial points in a row without a new centre


@dataclass(frozen=True)
class AscentSettings:
    """How far to go: `tolerance` of the bound that a step must promise, and `most_points` to visit."""

    tolerance: float
    most_points: int


@dataclass
class Ascent:
    """The state of one descent of the bound (an ascent of the dual).

    Args:
        function: the bound. box: where prices may go.
        metric: returns the (R, R) curvature at a price.
        size: (R,) money per unit of price of a rule, the scale in which prices are counted.
    """

    function: DualFunction
    box: PriceBox
    metric: Callable[[Floats64], Floats64]
    size: Floats64
    points: list[DualPoint] = field(default_factory=list)
    visited: int = 0

    def run(self, start: Floats64, settings: AscentSettings) -> DualPoint:
        """Descend from `start`; returns the best point."""
        centre = self._visit(np.clip(start, self.box.low, self.box.high))
        metric, weight, failures = self._metric(centre), 1.0, 0
        while self.visited < settings.most_points and failures < STALLED:
            step = best_step(self._model(centre, metric * weight))
            price = np.clip(centre.price + step / self.size, self.box.low, self.box.high)
            promise = centre.bound - self._cuts_at(price)
            if promise <= settings.tolerance * max(abs(centre.bound), 1e-9):
                break
            trial = self._visit(price)
            if centre.bound - trial.bound >= SERIOUS * promise:
                share = (centre.bound - trial.bound) / promise
                weight = max(weight / (LONGER if share > 0.8 else SHORTER if share > 0.5 else 1.0), 0.25)
                centre, failures = trial, 0
                metric = self._metric(centre)
            else:
                weight, failures = weight * SHORTER, failures + 1
        return centre

    def _visit(self, price: Floats64) -> DualPoint:
        point = self.function.at(price)
        self.visited += 1
        self.points.append(point)
        return point

    def _metric(self, centre: DualPoint) -> Floats64:
        raw = self.metric(centre.price) / np.outer(self.size, self.size)
        ridge = RIDGE * max(float(np.trace(raw)) / max(len(raw), 1), 1e-12 * max(abs(centre.bound), 1.0))
        return np.asarray(raw + ridge * np.eye(len(raw)))

    def _cuts_at(self, price: Floats64) -> float:
        return max(point.bound + float(point.slope @ (price - point.price)) for point in self.points)

    def _model(self, centre: DualPoint, metric: Floats64) -> CutModel:
        heights = [
            point.bound + float(point.slope @ (centre.price - point.price)) - centre.bound for point in self.points
        ]
        keep = sorted(np.argsort(-np.array(heights), kind="stable")[:MOST_CUTS].tolist())
        self.points, heights = [self.points[k] for k in keep], [heights[k] for k in keep]
        money = max(abs(centre.bound), 1e-9)
        slopes = np.array([point.slope / self.size for point in self.points])
        low, high = ((side - centre.price) * self.size for side in (self.box.low, self.box.high))
        # Counted in thousandths of the bound, the promised decrease and the prices are numbers around one.
        unit = 1e-3 * money
        return _scaled(CutModel(np.array(heights), slopes, metric, low, high), unit)


def _scaled(model: CutModel, unit: float) -> CutModel:
    return CutModel(model.height / unit, model.slope / unit, model.metric / unit, model.low, model.high)
