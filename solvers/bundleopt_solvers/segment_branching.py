"""Root and branching of the segment menu problem: linear relaxations with cuts, bounds of our own, best bound first."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

import numpy as np

from bundleopt_solvers.segment_ascent import descend
from bundleopt_solvers.segment_core_search import search_core
from bundleopt_solvers.segment_cut import arbitrage_cuts
from bundleopt_solvers.segment_dual import SegmentPoint
from bundleopt_solvers.segment_flow_cuts import separate
from bundleopt_solvers.segment_heuristics import improve, rounded_menu, without_arbitrage
from bundleopt_solvers.segment_model import Indices, Reals
from bundleopt_solvers.segment_relaxed import Relaxed, menu_positions
from bundleopt_solvers.segment_state import SegmentState

ROUNDS = 20  # of columns and cuts at the root
FIRST_CORE, NEW_COLUMNS = 60, 40
WHOLE = 1e-6  # a share this close to 0 or 1 counts as whole
NODE_ROUNDS = 2
DIVE_SHARE = 0.3  # of what is undecided, at least one bundle, goes on the menu in a step of a dive


@dataclass(frozen=True, eq=False)
class Node:
    """A part of the search: bundles `on` the menu, options of the problem `banned` from it, and its bound."""

    bound: float
    on: frozenset[int]
    banned: frozenset[int]


def search(state: SegmentState) -> None:
    """Prove the gap, or go on until time or work is out.

    Raises:
        OutOfTime: a limit is reached.
    """
    if not state.model.forced <= set(state.model.bundle.tolist()):
        state.bound = -np.inf
        return
    core, relaxed, point = _root(state)
    if state.is_proven or relaxed is None:
        return
    options = state.model.option[core]
    state.keep(state.exclude(point))
    _branch(state, menu_positions(state.model, options))


def _root(state: SegmentState) -> tuple[Indices, Relaxed | None, SegmentPoint]:
    """Descend, then alternate linear models, columns and cuts; menus on the way."""
    run = descend(state.model, stopped=state.is_over)
    state.tick(max(run.steps // 100, 1))
    state.lower(run.point.bound)
    state.report("prices")
    ranked = np.argsort(-run.point.score, kind="stable")[:FIRST_CORE]
    forced = np.flatnonzero(np.isin(state.model.bundle, list(state.model.forced)))
    core = np.union1d(np.union1d(np.flatnonzero(run.average > 1e-3), ranked), forced).astype(np.int64)
    point, relaxed = run.point, None
    for _ in range(ROUNDS):
        relaxed, found = _priced(state, core, frozenset(), frozenset())
        if relaxed.is_infeasible:
            columns = _missing(point, core, most=len(state.model.option))
            if not len(columns):
                state.lower(-np.inf)
                return core, None, point
            core = np.union1d(core, columns)
            continue
        if found is None:
            return core, None, point
        point = found
        state.lower(point.bound)
        grown = np.union1d(core, _missing(point, core, most=NEW_COLUMNS))
        cuts = _cut(state, core, relaxed)
        _round_off(state, core, relaxed)
        if state.is_proven or (len(grown) == len(core) and not cuts):
            break
        core = grown
    _dive(state, core)
    improve(state)
    _search_core(state, core, relaxed, point)
    return core, relaxed, point


def _search_core(state: SegmentState, core: Indices, relaxed: Relaxed | None, point: SegmentPoint) -> None:
    """Where the gap isn't proven yet: solve the support of the relaxation whole, then exchange again."""
    if state.is_proven or relaxed is None or relaxed.menu is None or len(relaxed.menu) != len(core):
        return
    if search_core(state, point.score, core[relaxed.menu > WHOLE]):
        improve(state)


def _priced(
    state: SegmentState, core: Indices, on: frozenset[int], banned: frozenset[int]
) -> tuple[Relaxed, SegmentPoint | None]:
    """Solve the relaxation of a node over `core`, and bound the node over every option that isn't banned."""
    relaxed = state.relax(core, on)
    if relaxed.prices is None:
        return relaxed, None
    return relaxed, state.pricer.point(relaxed.prices, state.model.forced | on, banned=_mask(state, banned))


def _mask(state: SegmentState, banned: frozenset[int]) -> np.ndarray | None:
    return np.isin(state.model.option, list(banned)) if banned else None


def _missing(point: SegmentPoint, core: Indices, *, most: int) -> Indices:
    """Positions outside `core` that would enter the relaxed menu, the best first."""
    enters = (point.score > np.maximum(point.choice.threshold, 0.0)) | (point.choice.chosen & (point.score > 0))
    enters &= (point.score >= np.minimum(point.choice.best, point.choice.threshold)) & (point.score > 0)
    outside = np.setdiff1d(np.flatnonzero(enters), core)
    return outside[np.argsort(-point.score[outside], kind="stable")[:most]]


def _cut(state: SegmentState, core: Indices, relaxed: Relaxed) -> int:
    """Add the rows that the relaxed menu breaks; how many."""
    if relaxed.menu is None or relaxed.exposure is None:
        return 0
    found = separate(state.model.take(core), state.capacity, relaxed.menu, relaxed.exposure, whole=state.model)
    if ((relaxed.menu < WHOLE) | (relaxed.menu > 1 - WHOLE)).all():
        found += arbitrage_cuts(state.everything.problem, state.model.option[core[relaxed.menu > WHOLE]])
    state.cuts += found
    return len(found)


def _round_off(state: SegmentState, core: Indices, relaxed: Relaxed) -> None:
    if relaxed.menu is not None:
        state.try_menu(without_arbitrage(state, rounded_menu(state, core, relaxed.menu)))


def _dive(state: SegmentState, core: Indices) -> None:
    """Put the bundles of the largest shares on the menu, a few at a time, solving the relaxation in between."""
    on: frozenset[int] = frozenset()
    for _ in range(30):
        relaxed = state.relax(core, on)
        if relaxed.menu is None:
            return
        _round_off(state, core, relaxed)
        share = _bundle_shares(state, core, relaxed.menu)
        open_ = sorted(((s, b) for b, s in share.items() if b not in on and s > WHOLE), key=lambda p: (-p[0], p[1]))
        if not open_ or len(on) >= state.model.menu.max_bundles:
            return
        sure = [b for s, b in open_ if s > 1 - WHOLE]
        rest = [b for s, b in open_ if s <= 1 - WHOLE]
        on |= frozenset(sure) | frozenset(rest[: max(1, int(DIVE_SHARE * len(rest)))])


def _bundle_shares(state: SegmentState, core: Indices, menu: Reals) -> dict[int, float]:
    bundles, at = np.unique(state.model.bundle[core], return_inverse=True)
    return dict(zip(bundles.tolist(), np.bincount(at, menu).tolist(), strict=True))


def _branch(state: SegmentState, core: Indices) -> None:
    """Best bound first; the bound is the largest of the open nodes' and of all that was set aside."""
    order = count()
    heap = [(-state.bound, next(order), Node(state.bound, frozenset(), frozenset()))]
    aside = -np.inf
    while heap:
        state.lower(max(-heap[0][0], aside))
        if state.is_proven:
            return
        node = heapq.heappop(heap)[2]
        bound, children = _expand(state, node, core)
        if not children:
            aside = max(aside, min(bound, node.bound))
        for child in children:
            heapq.heappush(heap, (-child.bound, next(order), child))
        state.report("branching")
    state.lower(aside)


def _expand(state: SegmentState, node: Node, core: Indices) -> tuple[float, list[Node]]:
    """Bound one node; its children, none where it is settled."""
    banned = np.isin(state.model.option, list(node.banned))
    here = core[~banned[core]]
    bound, relaxed = node.bound, None
    grown = here
    for _ in range(NODE_ROUNDS + 1):
        here = grown
        relaxed, point = _priced(state, here, node.on, node.banned)
        if relaxed.is_infeasible:
            return _settled_infeasible(state, here, banned), []
        if point is None or relaxed.menu is None:
            return bound, []
        bound = min(bound, point.bound)
        if bound <= state.cutoff:
            return bound, []
        grown = np.union1d(here, _missing(point, here, most=NEW_COLUMNS))
        if len(grown) == len(here) and not _cut(state, here, relaxed):
            break
    if relaxed is None or relaxed.menu is None:
        return bound, []
    _round_off(state, here, relaxed)
    return bound, _children(state, Node(bound, node.on, node.banned), here, relaxed.menu)


def _settled_infeasible(state: SegmentState, here: Indices, banned: np.ndarray) -> float:
    """-inf where all options that aren't banned were in the model, else the node's bound can't be told."""
    return -np.inf if len(here) == int((~banned).sum()) else state.bound


def _children(state: SegmentState, node: Node, core: Indices, menu: Reals) -> list[Node]:
    """Split on the bundle closest to half, then on a price between the shares of one bundle."""
    model = state.model
    share = _bundle_shares(state, core, menu)
    half = [(abs(s - 0.5), b) for b, s in share.items() if WHOLE < s < 1 - WHOLE]
    if half:
        bundle = min(half)[1]
        options = frozenset(model.option[model.bundle == bundle].tolist())
        return [
            Node(node.bound, node.on | {bundle}, node.banned),
            Node(node.bound, node.on, node.banned | options),
        ]
    split = [o for o, s in zip(core.tolist(), menu.tolist(), strict=True) if WHOLE < s < 1 - WHOLE]
    if not split:
        return []
    bundle = int(model.bundle[split[0]])
    inside = np.flatnonzero(model.bundle == bundle)
    low = set(model.option[inside[inside <= split[0]]].tolist())
    high = set(model.option[inside].tolist()) - low
    return [Node(node.bound, node.on, node.banned | frozenset(part)) for part in (low, high)]
