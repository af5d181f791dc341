"""One segment: the best assortment exactly, by Dinkelbach's method.

The money of one segment is occasions * P(x) / (1 + W(x)), P = sum_i value_i v_i x_i, W = sum_i v_i x_i, v = weight /
outside. An assortment earns more than theta per occasion exactly when sum_i (value_i - theta) v_i x_i > theta. So
start at any theta, take the assortment that maximises the left side under the rules, move theta to what it earns, and
stop when no assortment exceeds it (Dinkelbach 1967, doi:10.1287/mnsc.13.7.492). With a limit on the count this is the
linear programme of Davis, Gallego & Topaloglu (2013); without rules the items with value above theta are listed
(Talluri & van Ryzin 2004, doi:10.1287/mnsc.1030.0147).

**The bound.** If U bounds max over x of sum_i (value_i - theta) v_i x_i - theta, then no assortment earns more than
theta + max(U, 0): divide by 1 + W >= 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Reals
from bundleopt_solvers.assortment.revenue import most_demand
from bundleopt_solvers.assortment.rule_oracle import best_linear

MOST_STEPS = 60  # Dinkelbach's method is superlinear: ten steps are rare


@dataclass(frozen=True, eq=False)
class SegmentBest:
    """The best assortment (I,) of one segment, and an upper bound on what any assortment earns from it, money."""

    listed: Flags
    bound: float


def best_for_segment(problem: AssortmentProblem, segment: int, start: Flags) -> SegmentBest:
    """Maximise the money of one segment alone under the rules, ignoring stock; `start` (I,) keeps them.

    Ignoring stock can only raise what an item of positive value earns. An item of negative value may lose less with
    stock; its value is shrunk to the share of its largest demand that stock covers, which keeps the bound valid.
    """
    ratio, value = problem.ratio[segment], over_value(problem)
    occasions = float(problem.occasions[segment])
    best, theta = start, _rate(ratio, value, start)
    for _ in range(MOST_STEPS):
        found = best_linear(problem, (value - theta) * ratio)
        if found is None:
            raise ValueError("`start` breaks the rules")
        listed, over = found
        excess = over - theta
        size = float((np.abs(value - theta) * ratio).sum()) + abs(theta)
        rate = _rate(ratio, value, listed)
        if rate <= theta + 1e-13 * abs(theta) or excess <= 1e-13 * size:
            bound = theta + max(excess, 0.0) + 1e-12 * size
            return SegmentBest(best, occasions * bound)
        best, theta = listed, rate
    return SegmentBest(best, occasions * (theta + max(excess, 0.0) + 1e-12 * size))


def over_value(problem: AssortmentProblem) -> Reals:
    """(I,) money per unit of demand that is never too small: v_i min(D, stock) <= over_value_i D for every demand D.

    For a positive v_i that is v_i. For a negative one min(D, stock) >= D min(1, stock / largest demand).
    """
    if not problem.has_stock:
        return problem.value
    most = most_demand(problem)
    covered = np.minimum(1.0, np.where(most > 0, problem.stock / np.maximum(most, 1e-300), 1.0))
    return np.asarray(np.where(problem.value < 0, problem.value * covered, problem.value))


def _rate(ratio: Reals, value: Reals, listed: Flags) -> float:
    return float((value * ratio)[listed].sum() / (1.0 + ratio[listed].sum()))
