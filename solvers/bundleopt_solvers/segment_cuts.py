"""No arbitrage as linear rows over the options on the menu, lifted over the price ladder.

A broken cover says: an option of price p may not stand beside covering options of prices p_1..p_n when
p > p_1 + .. + p_n + shelf prices of what they leave. With any higher price of the same bundle and any lower price of
the covering bundles it is broken as well, and a bundle has one price, so all of these share one row:
sum of them <= n.

Letters: `O` options of the model.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.arbitrage import Cover
from bundleopt_solvers.linear_model import Row
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.segment_columns import Indices, SegmentColumns, at_most

FEW_PAIRS = 4_000  # above this the pairs are left to the separation, like larger covers


def cover_row(problem: CampaignProblem, columns: SegmentColumns, cover: Cover) -> Row:
    """The lifted row that forbids `cover`."""
    prices = problem.options.price_cents[columns.options]
    victim = int(columns.position_of(np.array([cover.option]))[0])
    covering = columns.position_of(np.array(cover.covering, np.int64)).tolist()
    members = [_same_bundle(columns, victim, prices >= prices[victim])]
    members += [_same_bundle(columns, position, prices <= prices[position]) for position in covering]
    name = ".by.".join(columns.labels[position] for position in (victim, *covering))
    return at_most(f"no_arbitrage.{name}", [(np.concatenate(members), 1.0)], float(len(covering)))


def _same_bundle(columns: SegmentColumns, position: int, keep: npt.NDArray[np.bool_]) -> Indices:
    return np.flatnonzero((columns.bundle_at == columns.bundle_at[position]) & keep)


def pair_rows(problem: CampaignProblem, columns: SegmentColumns, most: int = FEW_PAIRS) -> list[Row]:
    """Rows against every cover by one option and shelf prices; none where they would be more than `most`."""
    if not problem.rules.no_arbitrage:
        return []
    rows: list[Row] = []
    for found in _pairs(problem, columns):
        rows.append(found)
        if len(rows) > most:
            return []
    return rows


def _pairs(problem: CampaignProblem, columns: SegmentColumns) -> Iterator[Row]:
    shelf, quantity = problem.rules.shelf_price_cents, problem.options.quantities
    items = [frozenset(row[row >= 0].tolist()) for row in problem.options.items[columns.options]]
    members = [np.flatnonzero(columns.bundle_at == bundle) for bundle in range(len(columns.bundles))]
    sellers: dict[int, set[int]] = {}
    for bundle, options in enumerate(members):
        for item in items[options[0]] if len(options) else ():
            sellers.setdefault(item, set()).add(bundle)
    for first, victims in enumerate(members):
        wanted = items[victims[0]] if len(victims) else frozenset()
        for second in sorted(set().union(*(sellers[item] for item in wanted)) - {first}):
            covers = members[second]
            left = wanted - items[covers[0]]
            units = [int(quantity[columns.options[options[0]]]) for options in (victims, covers)]
            if units[0] > 1:
                ways = _unit_ways(units, None if shelf is None else int(shelf[next(iter(wanted))]))
            elif left and shelf is None:
                continue
            else:
                ways = [(1, int(sum(shelf[item] for item in left)) if shelf is not None else 0)]
            yield from _pair_rows(problem, columns, (victims, covers), ways)


def _unit_ways(units: list[int], shelf_cents: int | None) -> list[tuple[int, int]]:
    """How often an option of units[1] units is bought to cover units[0], and cents for the rest at the shelf."""
    wanted, each = units
    ways = [(uses, max(wanted - uses * each, 0)) for uses in range(1, -(-wanted // each) + 1)]
    return [(uses, rest * (shelf_cents or 0)) for uses, rest in ways if not rest or shelf_cents is not None]


def _pair_rows(
    problem: CampaignProblem, columns: SegmentColumns, pair: tuple[Indices, Indices], ways: list[tuple[int, int]]
) -> Iterator[Row]:
    """One row per set of covering prices: the lowest price of the covered bundle that they undercut speaks for all.

    `ways` are how often the covering option is bought, and cents of what that leaves to the shelf.
    """
    prices = problem.options.price_cents[columns.options]
    victims, covers = pair
    before = 0
    for victim in victims[np.argsort(prices[victims], kind="stable")]:
        cost = np.min([uses * prices[covers] + rest for uses, rest in ways], axis=0)
        under = covers[cost < prices[victim]]
        if len(under) > before:
            before = len(under)
            dearer = victims[prices[victims] >= prices[victim]]
            name = f"no_arbitrage.{columns.labels[victim]}.by.{columns.labels[under[0]]}"
            yield at_most(name, [(np.concatenate([dearer, under]), 1.0)], 1.0)
