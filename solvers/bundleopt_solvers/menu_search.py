"""Good menus at given row prices: lazy greedy adding, then add, drop, swap and re-price moves, batched over options.

The worth of a menu is the sum over customers of a compatible set of at most `slots` offers, picked greedily; a move is
judged by a gain that one more offer certainly brings, so an accepted move never makes the menu worse.

Letters: `U` customers, `O` options at hand, `M` options on the menu.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.work import Tick, never

Tensor = torch.Tensor
Indices = npt.NDArray[np.int64]
LEAST_GAIN = 1e-6  # relative improvement a move must bring
SHORT_LIST = 12  # best candidates of a move that are tried against the rules, in order


@dataclass(frozen=True)
class SearchSpace:
    """Options at hand.

    Attributes:
        worth: (O, U) float32 reduced value of each offer. clash: (O, O). bundle: (O,).
        slots: offers a customer. fixed_cost: money per bundle. must: bundles that stay.
        tick: counts a move, and says whether it must be the last.
        allowed: whether a set of positions keeps the rules of the menu (caps, number, no arbitrage).
        shelf: (O,) reduced value of standing on the menu; None where there is none.
    """

    worth: Tensor
    clash: npt.NDArray[np.bool_]
    bundle: Indices
    slots: int
    fixed_cost: float
    must: frozenset[int]
    allowed: Callable[[Indices], bool]
    tick: Tick = never
    shelf: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Held:
    """Greedy sets of a menu: option (U, slots) positions, -1 where empty; worth (U, slots); total worth less costs."""

    option: Tensor
    worth: Tensor
    total: float


def hold(space: SearchSpace, menu: Indices) -> Held:
    """Give every customer their best compatible offers of `menu`, greedily."""
    customers = space.worth.shape[1]
    option = torch.full((customers, space.slots), -1, dtype=torch.int64)
    worth = torch.zeros((customers, space.slots))
    if len(menu):
        at = torch.from_numpy(menu)
        left = torch.relu(space.worth[at]).T.contiguous()
        open_ = torch.from_numpy(~space.clash[np.ix_(menu, menu)]).to(left.dtype)
        for slot in range(space.slots):
            best, pick = left.max(1)
            option[:, slot] = torch.where(best > 0, at[pick], -1)
            worth[:, slot] = best
            if slot + 1 < space.slots:
                left *= open_[pick]
    cost = space.fixed_cost * len(np.unique(space.bundle[menu]))
    if space.shelf is not None:
        cost -= float(space.shelf[menu].sum())
    return Held(option, worth, float(worth.sum(dtype=torch.float64)) - cost)


def added_gain(space: SearchSpace, held: Held) -> npt.NDArray[np.float64]:
    """Least gain of adding each option to the menu, before fixed cost, (O,)."""
    clash = torch.from_numpy(space.clash)
    out = torch.zeros(space.worth.shape)
    any_clash = torch.zeros(space.worth.shape, dtype=torch.bool)
    for slot in range(space.slots):
        hit = clash[:, held.option[:, slot].clamp(min=0)] & (held.option[:, slot] >= 0)
        out += hit * held.worth[:, slot]
        any_clash |= hit
    weakest = torch.where((held.option >= 0).all(1), held.worth.amin(1), torch.zeros(()))
    out = torch.where(any_clash, out, weakest)
    return np.asarray(torch.relu(space.worth - out).sum(1, dtype=torch.float64).numpy())


def _first_allowed(space: SearchSpace, menu: Indices, gains: npt.NDArray[np.float64]) -> int | None:
    """Best option that may join `menu`; None where no gain beats its cost or no candidate of the short list may."""
    gains = gains - space.fixed_cost + (0.0 if space.shelf is None else space.shelf)
    gains[np.isin(space.bundle, space.bundle[menu])] = -np.inf
    for position in np.argsort(-gains, kind="stable")[:SHORT_LIST]:
        if gains[position] <= 0:
            return None
        if space.allowed(np.sort(np.append(menu, position))):
            return int(position)
    return None


def grow(space: SearchSpace, menu: Indices) -> Indices:
    """Add options greedily while one improves the menu and the rules allow it."""
    held = hold(space, menu)
    while True:
        best = _first_allowed(space, menu, added_gain(space, held))
        if best is None or space.tick():
            return menu
        larger = np.sort(np.append(menu, best))
        new = hold(space, larger)
        if new.total <= held.total + LEAST_GAIN * abs(held.total):
            return menu
        menu, held = larger, new


def prune(space: SearchSpace, menu: Indices) -> Indices:
    """Drop options whose bundle does not earn its place, weakest first."""
    total = hold(space, menu).total
    for position in menu[::-1].tolist():
        if int(space.bundle[position]) in space.must:
            continue
        smaller = menu[menu != position]
        value = hold(space, smaller).total
        if value > total and space.allowed(smaller):
            menu, total = smaller, value
    return menu


def improve(space: SearchSpace, menu: Indices, *, rounds: int) -> Indices:
    """Swap one option for another (also for another price of the same bundle) while it pays, then grow again."""
    for _ in range(rounds):
        before = hold(space, menu).total
        for position in menu.tolist():
            if space.tick():
                return menu
            menu = _swap(space, menu, position)
        menu = grow(space, prune(space, menu))
        if hold(space, menu).total <= before + LEAST_GAIN * abs(before):
            break
    return menu


def _swap(space: SearchSpace, menu: Indices, position: int) -> Indices:
    rest = menu[menu != position]
    total = hold(space, menu).total
    held = hold(space, rest)
    gains = added_gain(space, held)
    if int(space.bundle[position]) in space.must:
        gains[space.bundle != space.bundle[position]] = -np.inf
    gains[position] = -np.inf
    best = _first_allowed(space, rest, gains)
    if best is None:
        return menu
    swapped = np.sort(np.append(rest, best))
    return swapped if hold(space, swapped).total > total + LEAST_GAIN * abs(total) else menu
