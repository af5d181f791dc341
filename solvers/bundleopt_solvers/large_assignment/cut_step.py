"""The step of a proximal bundle method: minimise a maximum of cuts plus a quadratic, inside a box.

    min over x in [low, high] of  max_k (height_k + slope_k . x) + x . metric x / 2

by Mehrotra's predictor-corrector interior point method (1992) on dense matrices: a few hundred variables, a few dozen
cuts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.large_assignment.offer_rules import Floats64

MOST_ITERATIONS = 60
ACCURACY = 1e-10  # of the complementarity, relative to the heights and slopes


@dataclass(frozen=True)
class CutModel:
    """The cuts (k,), (k, R), the metric (R, R) positive definite, and the box (R,) with low <= 0 <= high."""

    height: Floats64
    slope: Floats64
    metric: Floats64
    low: Floats64
    high: Floats64

    def value(self, step: Floats64) -> float:
        """The largest cut at `step`, without the quadratic."""
        return float((self.height + self.slope @ step).max())


class _Point:
    """Iterate of the method: x and the level t above the cuts, slacks and multipliers of cuts, low and high sides."""

    def __init__(self, model: CutModel) -> None:
        self.model = model
        width = model.high - model.low
        self.x = np.clip(np.zeros(len(width)), model.low + 0.1 * width, model.high - 0.1 * width)
        cuts = model.height + model.slope @ self.x
        spread = max(float(np.ptp(cuts)), 1.0)
        self.t = float(cuts.max()) + 0.1 * spread
        self.slack = np.concatenate([self.t - cuts, self.x - model.low, model.high - self.x])
        count = len(cuts)
        self.dual = np.concatenate([np.full(count, 1.0 / count), np.full(2 * len(width), 0.0)])
        self.dual[count:] = 0.1 * spread / np.maximum(self.slack[count:], 1e-12) / len(width)

    def gap(self) -> float:
        return float(self.slack @ self.dual) / len(self.slack)

    def residual(self) -> tuple[Floats64, float]:
        """Slope of the Lagrangian in x and t."""
        count, size = len(self.model.height), len(self.x)
        cuts, low, high = self.dual[:count], self.dual[count : count + size], self.dual[count + size :]
        in_x = self.model.metric @ self.x + cuts @ self.model.slope - low + high
        return in_x, 1.0 - float(cuts.sum())

    def change(self, step: Floats64) -> Floats64:
        """How slacks move with `step`, (R + 1,): x, then the level."""
        dx, level = step[:-1], step[-1]
        return np.concatenate([level - self.model.slope @ dx, dx, -dx])


def _direction(point: _Point, target: Floats64) -> tuple[Floats64, Floats64]:
    """Newton direction (dx, dt) and the multipliers' change, for slack * dual -> target."""
    model, size, count = point.model, len(point.x), len(point.model.height)
    ratio = point.dual / point.slack
    shift = (target - point.slack * point.dual) / point.slack
    in_x, in_t = point.residual()
    cuts = ratio[:count]
    matrix = np.empty((size + 1, size + 1))
    matrix[:size, :size] = model.metric + (model.slope.T * cuts) @ model.slope
    matrix[np.arange(size), np.arange(size)] += ratio[count : count + size] + ratio[count + size :]
    matrix[size, :size] = matrix[:size, size] = -(cuts @ model.slope)
    matrix[size, size] = cuts.sum()
    right: Floats64 = np.empty(size + 1)
    right[:size] = -in_x - shift[:count] @ model.slope + shift[count : count + size] - shift[count + size :]
    right[size] = -in_t + shift[:count].sum()
    solved: Floats64 = np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
    return solved, shift - ratio * point.change(solved)


def _length(value: Floats64, change: Floats64) -> float:
    falling = change < 0
    return min(1.0, float((-value[falling] / change[falling]).min())) if falling.any() else 1.0


def best_step(model: CutModel) -> Floats64:
    """Return x, (R,), inside the box."""
    free = model.high > model.low
    if not free.any():
        return np.zeros(len(free))
    if not free.all():
        step = np.zeros(len(free))
        metric = model.metric[np.ix_(free, free)]
        step[free] = best_step(CutModel(model.height, model.slope[:, free], metric, model.low[free], model.high[free]))
        return step
    point = _Point(model)
    size = len(point.x)
    aim = ACCURACY * max(1.0, float(np.abs(model.height).max()))
    for _ in range(MOST_ITERATIONS):
        gap = point.gap()
        in_x, in_t = point.residual()
        if gap < aim and max(float(np.abs(in_x).max()), abs(in_t)) < 1e-8 * max(1.0, float(np.abs(model.slope).max())):
            break
        try:
            step, dual = _direction(point, np.zeros(len(point.slack)))
            slack = point.change(step)
            reach = min(_length(point.slack, slack), _length(point.dual, dual))
            after = float((point.slack + reach * slack) @ (point.dual + reach * dual)) / len(point.slack)
            step, dual = _direction(point, (after / gap) ** 3 * gap - slack * dual)
        except np.linalg.LinAlgError:
            break
        slack = point.change(step)
        along, across = 0.995 * _length(point.slack, slack), 0.995 * _length(point.dual, dual)
        point.x, point.t = point.x + along * step[:size], point.t + along * float(step[size])
        point.slack, point.dual = point.slack + along * slack, point.dual + across * dual
        if not (np.isfinite(point.x).all() and point.slack.min() > 0):
            break
    return np.clip(np.where(np.isfinite(point.x), point.x, 0.0), model.low, model.high)
