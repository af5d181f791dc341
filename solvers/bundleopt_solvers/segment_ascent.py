"""Finding good prices of the segment bound: deflected subgradient steps of Polyak's length on a short list of options.

Camerini, Fratta, Maffioli (1975) for the deflection; the target is a level below the best bound that comes closer
whenever progress stalls (Goffin, Kiwiel 1999, doi:10.1007/s101070050056). Every price moves in the scale of its row.
A step over 600 options of 20 segments takes a millisecond; after each round all options are priced and the short list
is renewed, so that the bound speaks of all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bundleopt_solvers.segment_dual import SegmentPoint, SegmentPricer, SegmentPrices, no_prices
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel

DEFLECTION = 0.7
PATIENCE, PROGRESS, LEAST_LEVEL = 20, 1e-5, 1e-5
STEPS, ROUNDS, SHORT, SHORT_PER_BUNDLE = 200, 12, 400, 10
MEMORY = 0.97  # forgetting factor of the averaged menu
SETTLED = 2e-4  # relative progress of a round below which the linear model does better
DEAREST = 12

Gradient = dict[str, Reals]


@dataclass(frozen=True, eq=False)
class Descent:
    """Result: the best prices over all options, their point, the averaged relaxed menu (O,), and steps done."""

    prices: SegmentPrices
    point: SegmentPoint
    average: Reals
    steps: int


def descend(model: SegmentModel, *, stopped: Callable[[], bool]) -> Descent:
    """Lower the bound over all options of `model` round by round; `stopped` is asked between rounds."""
    whole = SegmentPricer(model)
    prices = best = no_prices(model)
    point = top = whole.point(prices)
    average, level, steps = np.zeros(len(model.option)), 0.1, 0
    for _ in range(ROUNDS):
        if stopped():
            break
        short = short_list(model, point.score)
        run = _Run(model.take(short), prices, level)
        run.advance(STEPS)
        prices, level, steps = run.best, max(run.level, 2e-3), steps + run.steps
        average[:] = 0.0
        average[short] = run.average
        point = whole.point(prices)
        settled = abs(point.bound - top.bound) < SETTLED * abs(top.bound)
        if point.bound < top.bound:
            best, top = prices, point
        if settled:
            break
    return Descent(best, top, average, steps)


def short_list(model: SegmentModel, score: Reals) -> Indices:
    """Positions of the best options by score, and of all options of forced bundles."""
    count = max(SHORT, SHORT_PER_BUNDLE * model.menu.max_bundles)
    rank = np.argsort(-score, kind="stable")[:count]
    return np.union1d(rank, np.flatnonzero(np.isin(model.bundle, list(model.forced)))).astype(np.int64)


class _Run:
    """One sequence of steps over a short list; `best` are the prices of the lowest bound on it."""

    def __init__(self, model: SegmentModel, start: SegmentPrices, level: float) -> None:
        self.model, self.pricer, self.level = model, SegmentPricer(model), level
        self.best = self._prices = start
        self.average = np.zeros(len(model.option))
        self.steps = 0
        self._scale = _scales(model)

    def advance(self, steps: int) -> None:
        """Do `steps` steps at most; fewer where the level has come as close as it may."""
        top, stalled, last = np.inf, 0, None
        while self.steps < steps and self.level > LEAST_LEVEL:
            self.steps += 1
            point = self.pricer.point(self._prices)
            stalled = 0 if point.bound < top - PROGRESS * abs(top) else stalled + 1
            if point.bound < top:
                top, self.best = point.bound, self._prices
            self.average *= MEMORY
            self.average[point.choice.position] += 1 - MEMORY
            if stalled >= PATIENCE:
                self._prices, last, self.level, stalled = self.best, None, self.level / 2, 0
                continue
            gradient = _kept(_gradient(self.model, point), self._prices)
            last = gradient if last is None else {k: gradient[k] + DEFLECTION * last[k] for k in gradient}
            goal = top - self.level * max(abs(top), 1e-9)
            self._prices = self._moved(last, max(point.bound - goal, 0.0), max(abs(top), 1e-9))

    def _moved(self, direction: Gradient, distance: float, worth: float) -> SegmentPrices:
        size = sum(float((self._scale[name] * part**2).sum()) for name, part in direction.items()) * worth
        if size <= 0:
            return self._prices
        step = {name: distance / size * worth * self._scale[name] * part for name, part in direction.items()}
        old = self._prices
        return replace(
            old,
            dense=np.maximum(old.dense - step["dense"], 0.0),
            stock=np.maximum(old.stock - step["stock"], 0.0),
            slot=np.maximum(old.slot - step["slot"], 0.0),
            group=np.maximum(old.group - step["group"], 0.0),
            menu=np.maximum(old.menu - step["menu"], 0.0),
        )


def _gradient(model: SegmentModel, point: SegmentPoint) -> Gradient:
    """Limit less use of every row by the relaxed menu."""
    at, shown = point.choice.position, point.shown
    group = np.ones((model.groups + 1, model.segments))
    for place in range(model.group.shape[1]):
        np.subtract.at(group, model.group[at, place], shown)
    group[-1] = 0.0
    units = np.zeros(len(model.stock) + 1)
    for place, use in enumerate(model.units):
        np.add.at(units, model.unit_row[at, place], (use[at] * shown).sum(1))
    return {
        "dense": model.dense_limit - (model.dense[:, at] * shown).sum((1, 2)),
        "stock": model.stock - units[:-1],
        "slot": model.slots - shown.sum(0),
        "group": group,
        "menu": model.menu.cap - model.menu.member[:, model.option[at]].sum(1),
    }


def _kept(gradient: Gradient, prices: SegmentPrices) -> Gradient:
    """Without the parts that would push a price below zero."""
    return {name: np.where((getattr(prices, name) <= 0) & (part > 0), 0.0, part) for name, part in gradient.items()}


def _scales(model: SegmentModel) -> Gradient:
    """Squared likely price over likely gradient of every row, in shares of the bound."""
    most = min(model.menu.max_bundles, len(model.option))
    use = np.sort(np.abs(model.dense).sum(2), axis=1)[:, ::-1][:, :most].sum(1)
    limit = np.abs(model.dense_limit)
    spread = np.maximum(np.where(limit > 0, np.minimum(limit, np.maximum(use, 1e-9)), 0.3 * use), 1e-9)
    dearest = -np.sort(-np.maximum(model.value, 0.0), axis=0)[:DEAREST].mean(0) if len(model.option) else model.members
    segment = np.maximum(dearest / max(float(dearest.mean()), 1e-12), 1e-6)
    slot = segment / (2.0 * model.slots * max(model.segments, 1))
    return {
        "dense": 3.0 / spread**2,
        "stock": np.where(model.stock > 0, 3.0 / np.maximum(model.stock, 1e-9) ** 2, 3.0),
        "slot": slot,
        "group": np.broadcast_to(slot, (model.groups + 1, model.segments)),
        "menu": np.full(len(model.menu.cap), 0.1 / (1 + model.menu.max_bundles)),
    }
