"""The root of the segment menu problem: prices, then linear models with columns and cuts, menus on the way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.segment_ascent import Descent, descend
from bundleopt_solvers.segment_cut import arbitrage_cuts
from bundleopt_solvers.segment_dual import SegmentPoint
from bundleopt_solvers.segment_flow_cuts import separate
from bundleopt_solvers.segment_heuristics import improve, rounded_menu, without_arbitrage
from bundleopt_solvers.segment_model import Indices, Reals
from bundleopt_solvers.segment_neighbourhoods import Fractional
from bundleopt_solvers.segment_relaxed import Relaxed
from bundleopt_solvers.segment_state import SegmentState

ROUNDS = 40  # of columns and cuts
FIRST_CORE, NEW_COLUMNS = 60, 40
WHOLE = 1e-6  # a share this close to 0 or 1 counts as whole
LOOSE = 1e-5  # of the bound: what is left to gain is less
DIVE_SHARE = 0.3  # of what is undecided, at least one bundle, goes on the menu in a step of a dive


@dataclass(frozen=True, eq=False)
class Root:
    """What the root leaves behind: the core as option indices of the problem, and its relaxed menu."""

    core: Indices
    relaxed: Fractional


def solve_root(state: SegmentState) -> Root | None:
    """Bound the whole problem and find first menus; None where nothing is left to search.

    Raises:
        OutOfTime: a limit is reached.
    """
    run = descend(state.model, stopped=state.is_over)
    state.tick(max(run.steps // 100, 1))
    state.lower(run.point.bound)
    state.report("prices")
    state.columns = state.pricer.best_exposures(run.prices) > 0
    core, point = _first_core(state, run), run.point
    relaxed: Relaxed | None = None
    for _ in range(ROUNDS):
        relaxed, found = priced(state, core, frozenset(), frozenset())
        if relaxed.is_infeasible:
            columns = missing(point, core, most=len(state.model.option))
            if not len(columns):
                state.lower(-np.inf)
                return None
            core = np.union1d(core, columns)
            continue
        if found is None:
            return None
        point = found
        state.lower(point.bound)
        state.note(point)
        grown = np.union1d(core, missing(point, core, most=NEW_COLUMNS))
        cuts = add_cuts(state, core, relaxed)
        round_off(state, core, relaxed)
        if state.is_proven or not (cuts or is_loose(relaxed, point)):
            break
        core = grown
    if not state.is_proven:
        _dive(state, core)
        improve(state)
    return Root(state.model.option[core], fractional(state, core, relaxed, point.score))


def _first_core(state: SegmentState, run: Descent) -> Indices:
    ranked = np.argsort(-run.point.score, kind="stable")[:FIRST_CORE]
    forced = np.flatnonzero(np.isin(state.model.bundle, list(state.model.forced)))
    return np.union1d(np.union1d(np.flatnonzero(run.average > 1e-3), ranked), forced).astype(np.int64)


def fractional(state: SegmentState, core: Indices, relaxed: Relaxed | None, score: Reals) -> Fractional:
    """The relaxed menu over positions `core` by options of the problem; empty where there is none.

    `score` (options of the model,) becomes one by option of the problem, the least where an option was dropped.
    """
    scores = np.full(len(state.everything.option), -np.inf)
    scores[state.kept] = score
    if relaxed is None or relaxed.menu is None or len(relaxed.menu) != len(core):
        return Fractional(np.zeros(0, np.int64), np.zeros(0), scores)
    shown = relaxed.menu > WHOLE
    return Fractional(state.model.option[core[shown]], relaxed.menu[shown], scores)


def priced(
    state: SegmentState, core: Indices, on: frozenset[int], banned: frozenset[int]
) -> tuple[Relaxed, SegmentPoint | None]:
    """Solve the relaxation of a node over `core`, and bound the node over every option that isn't banned."""
    relaxed = state.relax(core, on)
    if relaxed.prices is None:
        return relaxed, None
    mask = np.isin(state.model.option, list(banned)) if banned else None
    return relaxed, state.pricer.point(relaxed.prices, state.model.forced | on, banned=mask)


def is_loose(relaxed: Relaxed, point: SegmentPoint) -> bool:
    """Whether the bound over everything stands above the linear model, so that it lacks options or exposures."""
    return point.bound - relaxed.value > LOOSE * abs(point.bound)


def missing(point: SegmentPoint, core: Indices, *, most: int) -> Indices:
    """Positions outside `core` that would enter the relaxed menu, the best first."""
    enters = (point.score > np.maximum(point.choice.threshold, 0.0)) | (point.choice.chosen & (point.score > 0))
    enters &= (point.score >= np.minimum(point.choice.best, point.choice.threshold)) & (point.score > 0)
    outside = np.setdiff1d(np.flatnonzero(enters), core)
    return outside[np.argsort(-point.score[outside], kind="stable")[:most]]


def add_cuts(state: SegmentState, core: Indices, relaxed: Relaxed) -> int:
    """Add the rows that the relaxed menu breaks; how many."""
    if relaxed.menu is None or relaxed.exposure is None:
        return 0
    found = separate(state.model.take(core), state.capacity, relaxed.menu, relaxed.exposure, whole=state.model)
    if ((relaxed.menu < WHOLE) | (relaxed.menu > 1 - WHOLE)).all():
        found += arbitrage_cuts(state.everything.problem, state.model.option[core[relaxed.menu > WHOLE]])
    state.cuts += found
    return len(found)


def round_off(state: SegmentState, core: Indices, relaxed: Relaxed) -> None:
    """Try the menu near the relaxed one."""
    if relaxed.menu is not None:
        state.try_menu(without_arbitrage(state, rounded_menu(state, core, relaxed.menu)))


def _dive(state: SegmentState, core: Indices) -> None:
    """Put the bundles of the largest shares on the menu, a few at a time, solving the relaxation in between."""
    on: frozenset[int] = frozenset()
    for _ in range(30):
        relaxed = state.relax(core, on)
        if relaxed.menu is None:
            return
        round_off(state, core, relaxed)
        share = bundle_shares(state, core, relaxed.menu)
        open_ = sorted(((s, b) for b, s in share.items() if b not in on and s > WHOLE), key=lambda p: (-p[0], p[1]))
        if not open_ or len(on) >= state.model.menu.max_bundles:
            return
        sure = [b for s, b in open_ if s > 1 - WHOLE]
        rest = [b for s, b in open_ if s <= 1 - WHOLE]
        on |= frozenset(sure) | frozenset(rest[: max(1, int(DIVE_SHARE * len(rest)))])


def bundle_shares(state: SegmentState, core: Indices, menu: Reals) -> dict[int, float]:
    """Share of every bundle of the core on the relaxed menu."""
    bundles, at = np.unique(state.model.bundle[core], return_inverse=True)
    return dict(zip(bundles.tolist(), np.bincount(at, menu).tolist(), strict=True))
