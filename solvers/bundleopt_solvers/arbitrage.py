"""No arbitrage on the whole menu: nobody gets the items of a bundle cheaper by other options and shelf prices.

For every option (b, p) on the menu the cheapest cover of b's items by other options of the menu and by single items at
shelf price costs at least p. Nested bundles are the case of one covering option: b' inside b gives p_b' <= p_b.
A bundle has at most four items, so the cheapest cover is a dynamic programme over at most 16 subsets.

n units of one item are covered by any options with that item, each as often as it takes, and by units from the shelf:
a dynamic programme over units. In a bundle they cover one unit of their item, and cost more than n - 1 on the shelf.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cover:
    """A broken rule: `option` costs more than the `covering` options and the rest of its items at shelf prices."""

    option: int
    covering: tuple[int, ...]
    cost_cents: int


def cheapest_cover(problem: CampaignProblem, option: int, others: Indices) -> Cover:
    """Find the cheapest cover of the items of `option` by `others` and shelf prices; ties to fewer, lower options."""
    if problem.options.quantity is not None and problem.options.quantity[option] > 1:
        return _cheapest_units(problem, option, others)
    items = [item for item in problem.options.items[option].tolist() if item >= 0]
    place = {item: 1 << bit for bit, item in enumerate(items)}
    shelf = problem.rules.shelf_price_cents
    moves: list[tuple[int, int, int]] = []
    if shelf is not None:
        moves += [(mask, int(shelf[item]), -1) for item, mask in place.items()]
    for other in others.tolist():
        mask = sum(place.get(item, 0) for item in problem.options.items[other].tolist())
        if mask:
            moves.append((mask, int(problem.options.price_cents[other]), other))
    full = (1 << len(items)) - 1
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, ())}
    for state in range(full):
        if state not in best:
            continue
        cost, used = best[state]
        for mask, price, other in moves:
            after = state | mask
            if after == state:
                continue
            found = (cost + price, used if other < 0 else tuple(sorted((*used, other))))
            if after not in best or (found[0], len(found[1]), found[1]) < (
                *best[after][:1],
                len(best[after][1]),
                best[after][1],
            ):
                best[after] = found
    cost, used = best.get(full, (2**62, ()))
    return Cover(option, used, cost)


def _cheapest_units(problem: CampaignProblem, option: int, others: Indices) -> Cover:
    """The same for an option of several units of one item; others may be bought repeatedly."""
    options, shelf, units = problem.options, problem.rules.shelf_price_cents, problem.options.quantities
    item, wanted = int(options.items[option, 0]), int(units[option])
    moves = [] if shelf is None else [(1, int(shelf[item]), -1)]
    moves += [
        (int(units[other]), int(options.price_cents[other]), other)
        for other in others.tolist()
        if item in options.items[other].tolist()
    ]
    best: list[tuple[int, tuple[int, ...]]] = [(0, ())]
    for need in range(1, wanted + 1):
        ways = [
            (cost + price, used if other < 0 else tuple(sorted({*used, other})))
            for count, price, other in moves
            for cost, used in [best[max(need - count, 0)]]
        ]
        best.append(min(ways, key=lambda way: (way[0], len(way[1]), way[1]), default=(2**62, ())))
    cost, used = best[wanted]
    return Cover(option, used, cost)


def broken_covers(problem: CampaignProblem, menu: Indices) -> list[Cover]:
    """Options of `menu` that cost more than a cover of their items; empty where the rule is off or holds."""
    if not problem.rules.no_arbitrage or len(menu) < 2:
        return []
    found = []
    cheaper = _undercutting(problem, menu)
    for place in np.flatnonzero(cheaper.any(1)):
        option = int(menu[place])
        cover = cheapest_cover(problem, option, menu[cheaper[place]])
        if cover.cost_cents < int(problem.options.price_cents[option]):
            found.append(cover)
    return found


def _undercutting(problem: CampaignProblem, menu: Indices) -> npt.NDArray[np.bool_]:
    """Which options of `menu` (columns) sell the items they share with another (rows) below shelf price, (n, n).

    An option that doesn't can be left out of every cover in favour of the shelf, for any option that costs at most its
    shelf value.
    """
    options, shelf = problem.options, problem.rules.shelf_price_cents
    items, price = options.items[menu], options.price_cents[menu]
    same = (items[:, None, :, None] == items[None, :, None, :]) & (items >= 0)[:, None, :, None]
    other = options.bundle[menu][:, None] != options.bundle[menu][None, :]
    if shelf is None:
        return np.asarray(same.any((2, 3)) & other)
    worth = (same.any(3) * np.where(items >= 0, shelf[items], 0)[:, None, :]).sum(2)
    if options.quantity is not None:
        # Options of several units have one item: what they share with another is the smaller number of units.
        worth = worth * np.minimum(options.quantity[menu][:, None], options.quantity[menu][None, :])
    return np.asarray((worth > price[None, :]) & other, dtype=bool)


def dear_options(problem: CampaignProblem) -> npt.NDArray[np.bool_]:
    """Options that no menu can hold, (O,): dearer than their items on the shelf, or cheaper than one of them.

    A single item at its shelf price inside a cheaper bundle would be arbitrage against the shelf. n units of an item
    cost more than n - 1 of them on the shelf, for the same reason.
    """
    options, shelf = problem.options, problem.rules.shelf_price_cents
    if not problem.rules.no_arbitrage or shelf is None:
        return np.zeros(len(options.bundle), dtype=bool)
    present = options.items >= 0
    units = options.quantities
    prices = np.where(present, shelf[options.items], 0) * units[:, None]
    fewer = (units > 1) & (options.price_cents <= prices[:, 0] // units * (units - 1))
    dear = options.price_cents > prices.sum(1)
    several = present.sum(1) > 1
    return np.asarray(dear | fewer | (several & (prices.max(1) > options.price_cents)), dtype=bool)
