"""How large the listed weight of a segment can be, and how small, given that one item is in or out.

They bound p0 = 1 / (1 + listed weight), the chance that a segment buys nothing here; tighter bounds make the linear
form tighter. Capacity matters most: with room for ten of two hundred items the chance of nothing can't get small
(Sen, Atamturk & Kaminsky 2018, doi:10.1287/opre.2017.1703).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, Reals
from bundleopt_solvers.assortment.rules import space_limit


@dataclass(frozen=True, eq=False)
class NothingBounds:
    """Bounds on p0: (S,) `low`, `high` at all; (S, I) with an item listed, and with it unlisted."""

    low: Reals
    high: Reals
    low_in: Reals
    high_in: Reals
    low_out: Reals
    high_out: Reals


def loose_bounds(problem: AssortmentProblem) -> NothingBounds:
    """Bounds that know nothing of the rules: the textbook's linear form."""
    ratio = problem.ratio
    low = 1.0 / (1.0 + ratio.sum(1))
    high = np.ones(len(low))
    wide_low, wide_high = np.repeat(low[:, None], problem.items, 1), np.ones_like(ratio)
    return NothingBounds(low, high, wide_low, wide_high, wide_low, wide_high)


def nothing_bounds(problem: AssortmentProblem) -> NothingBounds:
    """Bounds from kept and dropped items and from how many items there is room for."""
    ratio = problem.ratio
    kept = np.zeros(problem.items, np.bool_)
    kept[list(problem.rules.keep)] = True
    free = ~kept
    free[list(problem.rules.drop)] = False
    always = ratio[:, kept].sum(1)
    room = _room(problem, kept, free)
    most_in, most_out = _most_with(ratio, free, room)
    high_out = np.repeat((1.0 / (1.0 + always))[:, None], problem.items, 1)
    high_in = 1.0 / (1.0 + always[:, None] + np.where(free, ratio, 0.0))
    low_in, low_out = 1.0 / (1.0 + always[:, None] + most_in), 1.0 / (1.0 + always[:, None] + most_out)
    low = 1.0 / (1.0 + always + _largest(np.where(free, ratio, 0.0), room).sum(1))
    # an item that is always in, or never, says nothing further
    low_in, low_out = np.where(free, low_in, low[:, None]), np.where(free, low_out, low[:, None])
    return NothingBounds(low, 1.0 / (1.0 + always), low_in, high_in, low_out, high_out)


def _room(problem: AssortmentProblem, kept: np.ndarray, free: np.ndarray) -> int:
    """How many free items fit, by count and by the smallest spaces."""
    rules = problem.rules
    room = int(free.sum())
    if rules.max_items is not None:
        room = min(room, rules.max_items - int(kept.sum()))
    if rules.max_space is not None and rules.space is not None:
        left = space_limit(rules) - float(rules.space[kept].sum())
        room = min(room, int((np.cumsum(np.sort(rules.space[free])) <= left * (1 + 1e-12)).sum()))
    return max(room, 0)


def _largest(weight: Reals, count: int) -> Reals:
    """(S, count) the largest weights of each segment, descending."""
    return np.asarray(-np.sort(-weight, axis=1)[:, :count])


def _most_with(ratio: Reals, free: np.ndarray, room: int) -> tuple[Reals, Reals]:
    """(S, I) largest listed weight of free items with each item in, and with it out."""
    weight = np.where(free, ratio, 0.0)
    best = _largest(weight, room)
    total = best.sum(1, keepdims=True)
    last = best[:, -1:] if room else np.zeros((len(weight), 1))
    after = _largest(weight, room + 1)
    following = after[:, room : room + 1] if after.shape[1] > room else np.zeros((len(weight), 1))
    among = weight >= last
    with_in = np.where(among, total, total - last + weight)
    return with_in, np.where(among, np.minimum(total, total - weight + following), total)
