"""Good menus of the segment problem: rounding, diving and swaps, ranked by what row prices say they could gain.

With a menu fixed, its linear model gives row prices. By weak duality no menu is worth more than the constant of these
prices plus the scores of its options, so the exchange of one option for another can gain at most the difference of
their scores: exchanges are tried in that order, and those that cannot gain are not tried at all.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.segment_dual import SegmentPricer
from bundleopt_solvers.segment_model import Indices, Reals
from bundleopt_solvers.segment_state import SegmentState

TRIES = 12  # exchanges whose linear model is solved before a round counts as without gain
LEAST_GAIN = 1e-6  # relative


def rounded_menu(state: SegmentState, at: Indices, menu: Reals) -> Indices:
    """Option indices of the problem of a menu near the shares `menu` (n,) at positions `at`, by falling share."""
    model = state.model
    order = np.argsort(-menu, kind="stable")
    order = order[menu[order] > 1e-6]
    must = np.isin(model.bundle[at[order]], list(model.forced))
    chosen: list[int] = []
    bundles: set[int] = set()
    for position in at[np.concatenate([order[must], order[~must]])].tolist():
        bundle = int(model.bundle[position])
        option = int(model.option[position])
        if bundle in bundles or len(chosen) >= model.menu.max_bundles:
            continue
        if model.menu.broken(np.array([*chosen, option])):
            continue
        chosen.append(option)
        bundles.add(bundle)
    return np.sort(np.array(chosen, np.int64))


def without_arbitrage(state: SegmentState, menu: Indices) -> Indices:
    """The menu without options that cost more than a cover of their items."""
    from bundleopt_solvers.arbitrage import broken_covers

    problem = state.everything.problem
    while covers := broken_covers(problem, menu):
        menu = np.setdiff1d(menu, [cover.option for cover in covers])
    return menu


def improve(state: SegmentState, *, rounds: int = 1_000) -> None:
    """Exchange, add, drop and re-price options of the best menu until none of the tried moves gains."""
    pricer = SegmentPricer(state.everything)
    for _ in range(rounds):
        if state.best is None or state.is_proven or not _improve_once(state, pricer):
            return


def _improve_once(state: SegmentState, pricer: SegmentPricer) -> bool:
    best = state.best
    if best is None or best.prices is None:
        return False
    model = state.everything
    score = pricer.point(best.prices).score
    before = best.value
    tried = 0
    for out, into in _moves(state, score, before):
        menu = np.setdiff1d(best.option, [model.option[o] for o in out])
        menu = np.append(menu, [model.option[i] for i in into]).astype(np.int64)
        if not state.allows(menu):
            continue
        tried += 1
        value = state.try_menu(menu)
        if value > before + LEAST_GAIN * max(abs(before), 1.0):
            return True
        if tried >= TRIES:
            return False
    return False


def _moves(state: SegmentState, score: Reals, value: float) -> list[tuple[list[int], list[int]]]:
    """(positions out, positions in) by falling largest possible gain, those that cannot gain left out."""
    best, model = state.best, state.everything
    if best is None:
        return []
    on = np.flatnonzero(np.isin(model.option, best.option))
    bundle_of = {int(model.bundle[o]): int(o) for o in on}
    strongest = np.argsort(-score, kind="stable")[:60].tolist()
    entering = [o for o in strongest if o not in set(on.tolist())]
    leaving = sorted(on.tolist(), key=lambda o: (score[o], o))[:12]
    room = len(on) < model.menu.max_bundles
    moves: list[tuple[float, list[int], list[int]]] = []
    for into in entering:
        twin = bundle_of.get(int(model.bundle[into]))
        if twin is not None:
            moves.append((float(score[into] - score[twin]), [twin], [into]))
            continue
        if room:
            moves.append((float(score[into]), [], [into]))
        moves += [(float(score[into] - score[out]), [out], [into]) for out in leaving]
    moves += [(float(-score[out]), [out], []) for out in leaving]
    least = LEAST_GAIN * max(abs(value), 1.0)
    ranked = sorted(((gain, out, into) for gain, out, into in moves if gain > least), key=lambda move: -move[0])
    return [(out, into) for _, out, into in ranked]
