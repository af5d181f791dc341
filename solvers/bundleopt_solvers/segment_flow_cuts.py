"""Cuts from shared stock: flow covers whose bundles may also stand on the menu at a price that sells less.

Several bundles sell one item of which `C` units are left. Let c_o be the most units that option o alone can sell (its
other items run out, or nobody else wants it), and c_b the largest c_o of bundle b. For a set F of bundles with
e = sum_F c_b - C > 0, every whole menu keeps

    sum_F [ units sold of b + (c_b - e)^+ (1 - y_b) + sum_d (c_b - c_bd - e)^+ z_bd ] <= C

Proof. With m_b = c_b for a bundle off the menu and c_b - c_bd for one at price d, the bundles of F sell at most
sum_F (c_b - m_b) units and at most C, so at most C - (sum_F m_b - e)^+. As t -> (t - e)^+ is convex and 0 at 0, it is
superadditive for t >= 0: (sum m_b - e)^+ >= sum (m_b - e)^+. QED. Without the prices this is the flow cover of
Padberg, Van Roy and Wolsey (1985, doi:10.1287/opre.33.4.842). A fractional menu pays for a third of a bundle to sell
the third that is left; these rows make it pay for all of it.

Letters: as in `segment_model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel

MOST_BUNDLES = 10  # of one stock row whose subsets are all looked at: 1,024
CUTS_PER_ROW = 3
LEAST_VIOLATION = 1e-3  # of the stock
TINY = 1e-100  # no use at all: the ratio is then as good as infinite
SAFETY = 1e-9  # capacities are rounded up by this share


@dataclass(frozen=True, eq=False)
class _Sellers:
    """Bundles that sell one stock item in a fractional menu: (b,) arrays, and their options."""

    stock_row: int
    bundles: Indices
    capacity: Reals
    sold: Reals
    off: Reals
    modes: list[tuple[Indices, Reals, Reals]]


def flow_capacity(model: SegmentModel) -> Reals:
    """(O, K) most units of each item that an option alone can sell, over-estimated; inf where its stock is no limit."""
    capacity, use = model.limits()
    use = use * model.used()
    out = np.full(model.unit_row.shape, np.inf)
    for place in range(model.unit_row.shape[1]):
        units = np.maximum(use[place], 0.0)
        best = np.minimum(units.sum(1), capacity[place])
        for other in range(len(capacity)):
            if other != place:
                best = np.minimum(best, _most(units, np.maximum(use[other], 0.0), capacity[other]))
        out[:, place] = best * (1 + SAFETY)
    return np.asarray(out)


def _most(units: Reals, use: Reals, limit: Reals) -> Reals:
    """(O,) max sum units x with sum use x <= limit, 0 <= x <= 1: a continuous knapsack for every option."""
    out = units.sum(1)
    tight = np.flatnonzero((use.sum(1) > limit) & (out > 0))
    gain, weight = units[tight], use[tight]
    ratio = np.where(gain > 0, gain / np.maximum(weight, TINY), -1.0)
    order = np.argsort(-ratio, axis=1, kind="stable")
    gain, weight = np.take_along_axis(gain, order, 1), np.take_along_axis(weight, order, 1)
    before = np.cumsum(weight, 1) - weight
    share = np.clip((np.maximum(limit[tight], 0.0)[:, None] - before) / np.maximum(weight, TINY), 0.0, 1.0)
    share[weight <= 0] = 1.0
    out[tight] = (gain * share).sum(1)
    return np.asarray(out)


def separate(
    core: SegmentModel, capacity: Reals, menu: Reals, exposure: Reals, *, whole: SegmentModel
) -> list[SegmentCut]:
    """The most broken cuts at menu shares (n,) and exposures (n, S) of `core`.

    Args:
        core: options of the fractional menu.
        capacity: (O, K) of `flow_capacity(whole)`.
        menu: (n,) shares.
        exposure: (n, S).
        whole: all options; every price of a bundle gets its toll, also those outside the core.
    """
    found: list[SegmentCut] = []
    for sellers in _all_sellers(core, capacity, menu, exposure, whole):
        found += _broken(sellers, float(core.stock[sellers.stock_row]), whole)
    return found


def _all_sellers(
    core: SegmentModel, capacity: Reals, menu: Reals, exposure: Reals, whole: SegmentModel
) -> Iterator[_Sellers]:
    """Stock rows that at least two bundles of the fractional menu sell."""
    places = core.unit_row.shape[1]
    on = np.flatnonzero(menu > 1e-9)
    share = dict(zip(core.option[on].tolist(), menu[on].tolist(), strict=True))
    for stock_row in np.unique(core.unit_row[on]):
        if stock_row >= len(core.stock) or not core.stock_capacity[stock_row]:
            continue
        sold: dict[int, float] = {}
        for o, k in product(on.tolist(), range(places)):
            if core.unit_row[o, k] == stock_row:
                units = float(core.units[k, o] @ exposure[o])
                sold[int(core.bundle[o])] = sold.get(int(core.bundle[o]), 0.0) + units
        if len(sold) > 1 and sum(sold.values()) > 0.5 * core.stock[stock_row]:
            bundles = sorted(sold, key=lambda b: (-sold[b], b))[:MOST_BUNDLES]
            yield _sellers(int(stock_row), bundles, sold, share, (whole, capacity))


def _sellers(
    stock_row: int,
    bundles: list[int],
    sold: dict[int, float],
    share: dict[int, float],
    table: tuple[SegmentModel, Reals],
) -> _Sellers:
    whole, capacity = table
    modes, most, off = [], [], []
    for bundle in bundles:
        low, high = np.searchsorted(whole.bundle, [bundle, bundle + 1])
        options = np.arange(low, high)
        hit, place = np.nonzero(whole.unit_row[options] == stock_row)
        limit = np.zeros(len(options))
        limit[hit] = capacity[options[hit], place]
        z = np.array([share.get(int(o), 0.0) for o in whole.option[options]])
        modes.append((whole.option[options], limit, z))
        most.append(float(limit.max()))
        off.append(1.0 - float(z.sum()))
    return _Sellers(
        stock_row, np.array(bundles), np.array(most), np.array([sold[b] for b in bundles]), np.array(off), modes
    )


def _broken(sellers: _Sellers, stock: float, whole: SegmentModel) -> list[SegmentCut]:
    """The most broken covers of one stock row, all subsets looked at."""
    count = len(sellers.bundles)
    inside = (np.arange(1, 2**count)[:, None] >> np.arange(count)) & 1 > 0
    excess = inside @ sellers.capacity - stock
    inside, excess = inside[excess > 0], excess[excess > 0]
    lack = np.maximum(sellers.capacity - excess[:, None], 0.0) * sellers.off
    for number, (_, limit, share) in enumerate(sellers.modes):
        missing = sellers.capacity[number] - limit
        lack[:, number] += np.maximum(missing - excess[:, None], 0.0) @ share
    broken = (inside * (sellers.sold + lack)).sum(1) - stock
    ranked = np.argsort(-broken, kind="stable")[:CUTS_PER_ROW]
    ranked = ranked[broken[ranked] > LEAST_VIOLATION * max(stock, 1e-9)]
    return [_cut(sellers, inside[at], float(excess[at]), stock, whole) for at in ranked]


def _cut(sellers: _Sellers, inside: np.ndarray, excess: float, stock: float, whole: SegmentModel) -> SegmentCut:
    options, tolls, limit = [], [], stock
    for number in np.flatnonzero(inside):
        option, capacity, _ = sellers.modes[number]
        most = sellers.capacity[number]
        full = max(most - excess, 0.0)
        limit -= full
        options.append(option)
        tolls.append(np.maximum(most - capacity - excess, 0.0) - full)
    option, toll = np.concatenate(options), np.concatenate(tolls)
    order = np.argsort(option)
    item = whole.problem.options.item_ids[whole.rows.stock[sellers.stock_row]]
    return SegmentCut(f"cover.{item}", sellers.stock_row, option[order], toll[order], has_flow=True, limit=limit)
