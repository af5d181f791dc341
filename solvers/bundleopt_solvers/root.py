"""The root of the search: multipliers from a sample, sifting of options, exclusion by bound, first plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cells import Cells
from bundleopt_solvers.groups import conflict_matrix
from bundleopt_solvers.lagrangian import DualPoint, Multipliers, price_all, reduced_gain, start_multipliers
from bundleopt_solvers.lagrangian_ascent import Ascent, Effort, ascend
from bundleopt_solvers.links import tighten_links
from bundleopt_solvers.menu_rules import change_if_added
from bundleopt_solvers.menu_search import SearchSpace, grow, improve
from bundleopt_solvers.search_state import SearchState

Indices = npt.NDArray[np.int64]
SAMPLE = 250  # customers of the first guess; enough to rank options, a tenth of the default sample
SHORT = 200  # options kept at hand while the multipliers are still rough; fewer where customers are many
SHORT_CELLS, LEAST_SHORT, MOST_SHORT = 4_000_000, 120, 600
SHORT_PER_BUNDLE, SEARCH_PER_BUNDLE = 4, 2.5  # options at hand, and swapped in, for each bundle a menu has room for
SAMPLE_STEPS, SIFT_STEPS, ROUNDS, SMALL_STEPS = 80, 100, 20, 40
STALL = 1e-4  # relative progress of the bound in a round below which branching does better
FIRST_LEVEL, WARM_LEVEL = (
    0.1,
    0.01,
)  # how far below the best bound the first steps aim, from nothing and from a neighbour
LINKED = 600  # options whose link prices are tightened in a round
LEAST_WEIGHT = 0.02  # share of the averaged menu below which an option counts as absent
SEARCH_OPTIONS, MOST_SEARCH = 150, 300  # options that the local search swaps in
SPARE = 6  # options at hand for each bundle that a floor asks for


def first_prices(state: SearchState) -> tuple[Multipliers, npt.NDArray[np.float64]]:
    """Row prices and a ranking of options from every n-th customer, with the limits in proportion."""
    cells, relaxation = state.cells, state.relaxation
    customers = cells.gain.shape[1]
    who = np.arange(0, cells.customers, max(1, customers // max(SAMPLE, customers // 10)))
    who = np.append(who, np.arange(cells.customers, customers))
    share = len(who) / customers
    sample = cells.sample(who)
    smaller = replace(
        relaxation,
        rows=relaxation.rows.of_sample(who, share),
        least=max(min(relaxation.least, 1), int(relaxation.least * share)),
        most=None if relaxation.most is None else max(1, round(relaxation.most * share)),
    )
    effort = Effort(SAMPLE_STEPS, floor=0.0, tick=state.tick)
    found = ascend(sample, smaller, start_multipliers(sample, smaller), effort)
    start = start_multipliers(cells, relaxation)
    slot = _slot_prices(cells, found, relaxation.slots)
    return Multipliers(found.best.row, slot, start.group, found.best.menu, found.best.link), found.point.score


def _slot_prices(cells: Cells, found: Ascent, slots: int) -> torch.Tensor:
    """What the last slot of every customer is worth if the averaged menu of the sample were theirs, (U,)."""
    support = np.flatnonzero(found.average > LEAST_WEIGHT)
    if not len(support):
        return torch.zeros(cells.gain.shape[1])
    part = cells.take(support)
    worth, order = torch.relu(reduced_gain(part, found.best.row)).sort(0, descending=True)
    held = torch.from_numpy(found.average[support]).float()[order].cumsum(0)
    place = (held < slots).sum(0).clamp(max=len(support) - 1)
    price = worth.gather(0, place[None, :])[0]
    price[cells.customers :] = 0
    return price


def _known_prices(state: SearchState, known: Multipliers) -> tuple[Multipliers, npt.NDArray[np.float64]]:
    """Prices of a neighbour and the ranking of options at them; their bound is taken over."""
    point = price_all(state.cells, known, state.relaxation)
    if point.bound < state.bound:
        state.prices = known
    state.lower(point.bound)
    return known, point.score


def _no_prices(state: SearchState) -> tuple[Multipliers, npt.NDArray[np.float64]]:
    return start_multipliers(state.cells, state.relaxation), np.zeros(len(state.cells.option))


def keep_best(score: npt.NDArray[np.float64], bundle: Indices, forced: frozenset[int], count: int) -> Indices:
    """Positions of the `count` best options, and all options of forced bundles."""
    rank = np.argsort(-score, kind="stable")[:count]
    must = np.flatnonzero(np.isin(bundle, list(forced)))
    return np.union1d(rank, must).astype(np.int64)


def _short_count(state: SearchState) -> int:
    """Options at hand: enough for the menu, fewer where customers are many."""
    wanted = max(SHORT, min(MOST_SHORT, SHORT_PER_BUNDLE * state.relaxation.menu.max_bundles))
    return int(max(LEAST_SHORT, min(wanted, SHORT_CELLS // state.cells.gain.shape[1])))


def exclude(state: SearchState, point: DualPoint) -> Indices:
    """Positions of the alive options that may still be in a plan that beats the cutoff; remembers what it drops."""
    reach = point.bound + change_if_added(point.score, point.choice)
    keep = reach > state.cutoff
    if not keep.all():
        state.excluded = max(state.excluded, float(reach[~keep].max()))
    if not state.relaxation.forced <= set(state.cells.bundle[keep].tolist()):
        keep[:] = False  # a bundle that must be there has no price left: nothing better remains
    return np.flatnonzero(keep)


def search_menu(state: SearchState, prices: Multipliers, score: npt.NDArray[np.float64], start: Indices) -> bool:
    """Improve a menu at the present row prices, then assign it; whether a better plan came of it.

    Args:
        state: the solve; positions are those of its alive cells.
        prices: multipliers of the moment.
        score: (O,) scores at these prices.
        start: positions of the menu to begin with.
    """
    if not len(start):
        start = np.argsort(-score, kind="stable")[:1]
    count = int(max(SEARCH_OPTIONS, min(MOST_SEARCH, SEARCH_PER_BUNDLE * state.relaxation.menu.max_bundles)))
    at_hand = np.union1d(keep_best(score, state.cells.bundle, state.relaxation.forced, count), start)
    at_hand = _with_floors(state, score, at_hand)
    part = state.cells.take(at_hand)
    worth = reduced_gain(part, prices.row)
    space = SearchSpace(
        worth=worth[:, : part.customers],
        clash=conflict_matrix(state.problem, part.option),
        bundle=part.bundle,
        slots=state.relaxation.slots,
        fixed_cost=state.relaxation.menu.fixed_cost,
        must=frozenset(state.relaxation.menu.include),
        allowed=lambda menu: state.menu_allowed(part.option[menu]),
        tick=state.tick,
        shelf=worth[:, -1].double().numpy() if part.shelf else None,
    )
    local = np.searchsorted(at_hand, start)
    rules = state.relaxation.menu
    menu = _allowed_start(space, score[at_hand], local, lambda menu: rules.short_of(part.option[menu]))
    if rules.is_floor.any():
        lacking = float(rules.short_of(part.option[menu]).sum())
        space = replace(space, allowed=lambda menu: _keeps(state, part.option[menu], lacking))
    menu = improve(space, grow(space, menu), rounds=1)
    return state.try_menu(at_hand[menu], prices, steps=40)


def _keeps(state: SearchState, menu: Indices, lacking: float) -> bool:
    """Whether a menu keeps the caps and lacks no more of the floors than the one the search began with."""
    return float(state.relaxation.menu.short_of(menu).sum()) <= lacking and state.menu_allowed(menu)


def _with_floors(state: SearchState, score: npt.NDArray[np.float64], at_hand: Indices) -> Indices:
    """Add the best options of every floor on the menu, twice as many as it asks for."""
    rules = state.relaxation.menu
    for floor in np.flatnonzero(rules.is_floor):
        inside = np.flatnonzero(rules.member[floor, state.cells.option] < 0)
        best = inside[np.argsort(-score[inside], kind="stable")]
        at_hand = np.union1d(at_hand, best[: int(SPARE * -rules.cap[floor])])
    return at_hand


def _allowed_start(
    space: SearchSpace,
    score: npt.NDArray[np.float64],
    wanted: Indices,
    short_of: Callable[[Indices], npt.NDArray[np.float64]],
) -> Indices:
    """As many of `wanted` as the rules allow: bundles that must be there, what floors lack, the rest by score."""
    must = np.isin(space.bundle, list(space.must))
    ranked = np.argsort(-score, kind="stable")
    menu = np.zeros(0, dtype=np.int64)
    asked = [*(int(o) for o in ranked if must[o])]
    lacking = short_of(menu).any()
    for stage in (
        asked,
        ranked.tolist() if lacking else [],
        wanted[np.argsort(-score[wanted], kind="stable")].tolist(),
    ):
        for position in stage:
            larger = np.union1d(menu, [position]).astype(np.int64)
            if len(larger) == len(menu) or space.bundle[position] in space.bundle[menu]:
                continue
            if (
                stage is not asked
                and lacking
                and short_of(menu).any()
                and not (short_of(larger) < short_of(menu)).any()
            ):
                continue
            if space.allowed(larger):
                menu = larger
    return menu


def _priced(state: SearchState, prices: Multipliers) -> tuple[Multipliers, DualPoint]:
    """Price every option; where stock can run out, the options in question get their best link prices first."""
    point = price_all(state.cells, prices, state.relaxation)
    if not state.cells.units:
        return prices, point
    prices = tighten_links(state.cells, prices, np.sort(np.argsort(-point.score, kind="stable")[:LINKED]))
    return prices, price_all(state.cells, prices, state.relaxation)


def sift(state: SearchState) -> npt.NDArray[np.float64]:
    """Run the root: ascend on a short list, price every option, exclude, search; until proven or without progress.

    Returns:
        The averaged relaxed menu of the last ascent, by option of the problem; the prices stand in `state`.
    """
    zero = start_multipliers(state.cells, state.relaxation)
    state.lower(price_all(state.cells, zero, state.relaxation).bound)
    small = state.is_small
    rounds, steps = (1, SMALL_STEPS) if small else (ROUNDS, SIFT_STEPS)
    warm = None if small else state.first
    if warm is not None:
        prices, score = _known_prices(state, warm)
    else:
        prices, score = _no_prices(state) if small else first_prices(state)
    average = np.zeros(len(state.problem.options.bundle))
    if warm is not None and state.bound <= state.cutoff:
        return average  # a neighbour's plan and prices already prove the gap
    level = FIRST_LEVEL if warm is None else WARM_LEVEL
    for _ in range(rounds):
        short = keep_best(score, state.cells.bundle, state.relaxation.forced, _short_count(state))
        part = state.cells.take(short)
        run = ascend(part, state.relaxation, prices, Effort(steps, state.aim, level, state.tick))
        average[:] = 0.0
        average[part.option] = run.average
        found, point = _priced(state, run.best)
        progress = state.bound - point.bound
        if point.bound < state.bound:
            state.prices = found
        state.lower(point.bound)
        prices, level = found, max(run.level, 1e-3)
        if state.goal is not None and state.bound <= state.cutoff:
            break  # no plan reaches the goal, so none need be looked for
        if not search_menu(state, prices, point.score, point.choice.position) and state.incumbent is not None:
            known = np.flatnonzero(np.isin(state.cells.option, state.incumbent.menu))
            search_menu(state, prices, point.score, known)
        state.report("root")
        state.check()
        keep = exclude(state, point)
        state.cells, score = state.cells.take(keep), point.score[keep]
        if not len(state.cells.option):
            state.lower(-np.inf)
        if state.bound <= state.cutoff or progress < STALL * abs(state.bound):
            break
    return average
