"""The search of the segment menu problem: best bound first, with neighbourhoods of the best menu solved beside it.

A round solves one neighbourhood and a few nodes, then both tell each other what they found. With two threads they run
at the same time, with one after the other; what comes out is the same.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from bundleopt_solvers.segment_basis import KnownBasis
from bundleopt_solvers.segment_heuristics import improve
from bundleopt_solvers.segment_model import Indices, Reals
from bundleopt_solvers.segment_neighbourhoods import Fractional
from bundleopt_solvers.segment_racing import Beside
from bundleopt_solvers.segment_relaxed import menu_positions
from bundleopt_solvers.segment_root import (
    NEW_COLUMNS,
    WHOLE,
    Root,
    add_cuts,
    bundle_shares,
    fractional,
    is_loose,
    missing,
    priced,
    round_off,
    solve_root,
)
from bundleopt_solvers.segment_state import SegmentState

NODE_ROUNDS = 2
LEAST_LOSS = 1e-9
NODES_BESIDE = 3  # nodes of a round, about as long as its neighbourhood takes


@dataclass(frozen=True, eq=False)
class Node:
    """A part of the search: bundles `on` the menu, options of the problem `banned` from it, and its bound.

    `basis`: where its simplex begins. `branch`: how it came about, None at the root and for prices.
    """

    bound: float
    on: frozenset[int] = frozenset()
    banned: frozenset[int] = frozenset()
    basis: KnownBasis | None = None
    branch: Branch | None = None


@dataclass(frozen=True)
class Branch:
    """How a node came about: `bundle` on the menu or off it, and how far its share was from that."""

    bundle: int
    is_on: bool
    distance: float


@dataclass(eq=False)
class Losses:
    """What putting a bundle on or off the menu took from the bound so far, per unit of its share (pseudo-costs).

    Benichou et al. (1971, doi:10.1007/BF01584074). A bundle never branched on counts like the mean of the others.
    """

    _seen: dict[tuple[int, bool], list[float]] = field(default_factory=dict)

    def add(self, branch: Branch, loss: float) -> None:
        """Learn from a node."""
        self._seen.setdefault((branch.bundle, branch.is_on), []).append(max(loss, 0.0) / max(branch.distance, WHOLE))

    def promise(self, bundle: int, share: float) -> float:
        """The least loss of both children, where both lose something."""
        on = self._mean(bundle, is_on=True) * (1 - share)
        off = self._mean(bundle, is_on=False) * share
        return max(on, LEAST_LOSS) * max(off, LEAST_LOSS)

    def _mean(self, bundle: int, *, is_on: bool) -> float:
        seen = self._seen.get((bundle, is_on))
        if seen:
            return float(np.mean(seen))
        means = [float(np.mean(losses)) for (_, kind), losses in self._seen.items() if kind == is_on]
        return float(np.mean(means)) if means else 1.0


@dataclass(eq=False)
class Tree:
    """Open nodes and what they share: the core, which grows, and the last relaxed menu; `aside`: settled bounds."""

    core: Indices
    relaxed: Fractional
    aside: float = -np.inf
    losses: Losses = field(default_factory=Losses)
    _heap: list[tuple[float, int, Node]] = field(default_factory=list)
    _order: count[int] = field(default_factory=count)

    def add(self, node: Node) -> None:
        """Open a node."""
        heapq.heappush(self._heap, (-node.bound, next(self._order), node))

    def pop(self) -> Node | None:
        """The open node of the largest bound, None where there is none."""
        return heapq.heappop(self._heap)[2] if self._heap else None

    @property
    def bound(self) -> float:
        """No plan of an open or settled node is worth more."""
        return max(-self._heap[0][0] if self._heap else -np.inf, self.aside)


def search(state: SegmentState) -> None:
    """Prove the gap, or go on until time or work is out.

    Raises:
        OutOfTime: a limit is reached.
    """
    if not state.model.forced <= set(state.model.bundle.tolist()):
        state.bound = -np.inf
        return
    root = solve_root(state)
    if state.is_proven or root is None:
        return
    _branch(state, root)


def _branch(state: SegmentState, root: Root) -> None:
    """Round by round until the gap is proven or no node is open."""
    tree = Tree(root.core, root.relaxed)
    tree.add(Node(state.bound))
    with Beside(state) as beside:
        while not state.is_proven:
            state.exclude()
            beside.begin(tree.relaxed)
            if not _nodes(state, tree):
                return
            if beside.end():
                improve(state)
            state.report("branching")


def _nodes(state: SegmentState, tree: Tree) -> bool:
    """Expand the nodes of one round; False where none is left, or the gap is proven."""
    for _ in range(NODES_BESIDE):
        node = tree.pop()
        if node is None:
            return False
        bound, children = _expand(state, node, tree)
        if not children:
            tree.aside = max(tree.aside, min(bound, node.bound))
        for child in children:
            tree.add(child)
        state.lower(tree.bound)
        if state.is_proven:
            return False
    return True


def _expand(state: SegmentState, node: Node, tree: Tree) -> tuple[float, list[Node]]:
    """Bound one node; its children, none where it is settled."""
    banned = np.isin(state.model.option, list(node.banned))
    here = menu_positions(state.model, tree.core)
    grown = here = here[~banned[here]]
    state.basis = node.basis or state.basis
    bound, relaxed = node.bound, None
    for _ in range(NODE_ROUNDS + 1):
        here = grown
        relaxed, point = priced(state, here, node.on, node.banned)
        if relaxed.is_infeasible:
            return _settled_infeasible(state, here, banned), []
        if point is None or relaxed.menu is None:
            return bound, []
        bound = min(bound, point.bound)
        if bound <= state.cutoff:
            return bound, []
        tree.relaxed = fractional(state, here, relaxed, point.score)
        grown = np.union1d(here, missing(point, here, most=NEW_COLUMNS))
        tree.core = np.union1d(tree.core, state.model.option[grown])
        if not (add_cuts(state, here, relaxed) or is_loose(relaxed, point)):
            break
    if relaxed is None or relaxed.menu is None:
        return bound, []
    round_off(state, here, relaxed)
    if node.branch is not None and np.isfinite(node.bound):
        tree.losses.add(node.branch, node.bound - bound)
    inner = replace(node, bound=bound, basis=relaxed.basis, branch=None)
    return bound, _children(state, inner, tree.losses, (here, relaxed.menu))


def _settled_infeasible(state: SegmentState, here: Indices, banned: np.ndarray) -> float:
    """-inf where all options that aren't banned were in the model, else the node's bound can't be told."""
    return -np.inf if len(here) == int((~banned).sum()) else state.bound


def _children(state: SegmentState, node: Node, losses: Losses, relaxed: tuple[Indices, Reals]) -> list[Node]:
    """Split on the bundle that promises to lower both bounds, then on a price between the shares of one bundle."""
    model, (core, menu) = state.model, relaxed
    share = bundle_shares(state, core, menu)
    open_ = [(-losses.promise(b, s), abs(s - 0.5), b) for b, s in share.items() if WHOLE < s < 1 - WHOLE]
    if open_:
        bundle = min(open_)[2]
        options = frozenset(model.option[model.bundle == bundle].tolist())
        return [
            replace(node, on=node.on | {bundle}, branch=Branch(bundle, is_on=True, distance=1 - share[bundle])),
            replace(node, banned=node.banned | options, branch=Branch(bundle, is_on=False, distance=share[bundle])),
        ]
    split = [o for o, s in zip(core.tolist(), menu.tolist(), strict=True) if WHOLE < s < 1 - WHOLE]
    if not split:
        return []
    bundle = int(model.bundle[split[0]])
    inside = np.flatnonzero(model.bundle == bundle)
    low = set(model.option[inside[inside <= split[0]]].tolist())
    high = set(model.option[inside].tolist()) - low
    return [replace(node, banned=node.banned | frozenset(part)) for part in (low, high)]
