"""Branch and bound over the menu: bundles in or out, then their prices, with the Lagrangian bound in every node."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.exact_assignment import assign_exactly
from bundleopt_solvers.lagrangian import Multipliers, price_all, start_multipliers
from bundleopt_solvers.lagrangian_ascent import HOPELESS, Effort, ascend
from bundleopt_solvers.menu_rules import change_if_added
from bundleopt_solvers.search_state import SearchState

Indices = npt.NDArray[np.int64]
NODE_STEPS, SMALL_NODE_STEPS = 40, 6
LEAF_STEPS = 20


@dataclass(frozen=True)
class Node:
    """A part of all menus: options that may still be on it, bundles that must be, and what the parent knew.

    Attributes:
        option: option indices, ascending. forced: bundles on the menu. prices, bound, average: of the parent.
    """

    option: Indices
    forced: frozenset[int]
    prices: Multipliers
    bound: float
    average: npt.NDArray[np.float64]


def branch(state: SearchState, average: npt.NDArray[np.float64]) -> None:
    """Search all menus over the alive options until the gap is proven; `OutOfTime` leaves bound and plan valid."""
    prices = state.prices or start_multipliers(state.cells, state.relaxation)
    root = Node(state.cells.option, state.relaxation.forced, prices, state.bound, average)
    heap: list[tuple[float, int, Node]] = [(-root.bound, 0, root)]
    count = 0
    while heap:
        node = heapq.heappop(heap)[2]
        state.lower(node.bound)
        if node.bound <= state.cutoff:
            state.excluded = max(state.excluded, node.bound)
            continue
        for child in _process(state, node):
            count += 1
            heapq.heappush(heap, (-child.bound, count, child))
        state.report("branch")
        state.check()
    state.lower(-np.inf)


def _process(state: SearchState, node: Node) -> list[Node]:
    """Bound a node; return its children, none where it is settled."""
    cells = state.cells.take(np.searchsorted(state.cells.option, node.option))
    relaxation = replace(state.relaxation, forced=node.forced)
    steps = SMALL_NODE_STEPS if state.is_small else NODE_STEPS
    run = ascend(cells, relaxation, node.prices, Effort(steps, state.floor, 0.01, state.tick))
    point = price_all(cells, run.best, relaxation)
    bound = min(node.bound, point.bound)
    if bound < HOPELESS:
        return []
    menu = allowed_part(state, cells.option[point.choice.position], point.score[point.choice.position])
    state.try_menu(np.searchsorted(state.cells.option, menu), run.best, steps=3 if state.is_small else 10)
    if bound <= state.cutoff:
        state.excluded = max(state.excluded, bound)
        return []
    reach = point.bound + change_if_added(point.score, point.choice)
    keep = (reach > state.cutoff) | np.isin(cells.bundle, list(node.forced))
    if not keep.all():
        state.excluded = max(state.excluded, float(reach[~keep].max()))
    inner = replace(node, option=cells.option[keep], prices=run.best, bound=bound)
    inner = replace(inner, average=_spread_average(state, cells.option, run.average))
    return _children(state, inner)


def allowed_part(state: SearchState, option: Indices, score: npt.NDArray[np.float64]) -> Indices:
    """As many of `option` as the rules of the menu allow: must-have bundles first, then by score."""
    rules = state.relaxation.menu
    must = np.isin(state.problem.options.bundle[option], list(rules.include))
    asked = (rules.member[rules.is_floor][:, option] < 0).any(0)
    menu = np.zeros(0, dtype=np.int64)
    for index in np.lexsort((option, -score, ~asked, ~must)):
        larger = np.union1d(menu, option[index : index + 1])
        if state.menu_allowed(larger):
            menu = larger
    return menu


def _spread_average(state: SearchState, option: Indices, average: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    out = np.zeros(len(state.problem.options.bundle))
    out[option] = average
    return out


def _children(state: SearchState, node: Node) -> list[Node]:
    bundle = state.problem.options.bundle[node.option].astype(np.int64)
    undecided = np.setdiff1d(np.unique(bundle), list(node.forced))
    if len(undecided):
        weight = np.array([node.average[node.option[bundle == b]].sum() for b in undecided])
        pick = int(undecided[np.argmax(-np.abs(weight - 0.5))])
        return _feasible(
            state,
            [
                replace(node, forced=node.forced | {pick}),
                replace(node, option=node.option[bundle != pick]),
            ],
        )
    many = [b for b in sorted(node.forced) if (bundle == b).sum() > 1]
    if not many:
        _settle(state, node)
        return []
    return _feasible(state, _price_children(node, bundle, many))


def _price_children(node: Node, bundle: Indices, many: list[int]) -> list[Node]:
    """Branch on the option that is closest to half chosen: it alone of its bundle, or not at all."""
    position = np.flatnonzero(np.isin(bundle, many))
    pick = position[np.argmin(np.abs(node.average[node.option[position]] - 0.5))]
    same = bundle == bundle[pick]
    alone, without = ~same, np.ones(len(bundle), dtype=bool)
    alone[pick], without[pick] = True, False
    return [replace(node, option=node.option[alone]), replace(node, option=node.option[without])]


def _feasible(state: SearchState, nodes: list[Node]) -> list[Node]:
    """Drop children whose forced part already breaks a rule of the menu; close full menus."""
    kept = []
    for node in nodes:
        bundle = state.problem.options.bundle[node.option].astype(np.int64)
        if not node.forced <= set(bundle.tolist()):
            continue
        fixed = np.array(
            [o for o, b in zip(node.option, bundle, strict=True) if int(b) in node.forced and (bundle == b).sum() == 1],
            dtype=np.int64,
        )
        if not state.menu_allowed(fixed):
            continue
        option = node.option
        if len(node.forced) >= state.relaxation.menu.max_bundles:
            option = option[np.isin(bundle, list(node.forced))]
        if _can_fill_floors(state, option):
            kept.append(replace(node, option=option))
    return kept


def _can_fill_floors(state: SearchState, option: Indices) -> bool:
    """Whether enough bundles are left for every floor of the menu."""
    rules, bundle = state.relaxation.menu, state.problem.options.bundle[option]
    floors = np.flatnonzero(rules.is_floor)
    left = [len(np.unique(bundle[rules.member[floor, option] < 0])) for floor in floors]
    return all(count >= -rules.cap[floor] for floor, count in zip(floors, left, strict=True))


def _settle(state: SearchState, node: Node) -> None:
    """Solve a node whose menu is fixed."""
    positions = np.searchsorted(state.cells.option, node.option)
    if not len(positions) or not state.menu_allowed(node.option) or state.relaxation.menu.misses(node.option):
        return  # the empty plan is the first incumbent where the rules allow it; a broken menu holds no plan
    state.try_menu(positions, node.prices, steps=LEAF_STEPS)
    bound = assign_exactly(state, positions, node.prices)
    state.excluded = max(state.excluded, min(node.bound, bound))
