"""A bound on the segment menu problem at any prices, over all its options.

For prices >= 0 of the dense rows (`dense`), of stock (`stock`), of each segment's slots (`slot_s`) and groups
(`group_gs`), of capped menu rows (`menu_q`), of shown includes (`shown_b`) and of cuts (`cut_k`):

    bound = sum of price * limit over all rows + max over menus of sum_o z_o score_o
    score_o = sum_i link_oi capacity_oi - fixed cost - tolls of o
              + max { sum_s reduced_so x_s : 0 <= x_s <= 1, one capacity row of o }

No plan of the segment model is worth more, by weak duality: rows with a price are moved to the objective, everything
else is kept or loosened. Keeping `x_so <= z_o` and the capacity of an option inside its own maximum (a continuous
knapsack, solved by sorting: Dantzig 1957) costs nothing and is worth much: priced like the other rows, the bound of a
typical instance stands 10 % higher. Where several capacities bind, the least of the single maxima is used, after the
capacities have been priced (`link`).

Letters: as in `segment_model`; `n` capacities of an option.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.menu_rules import MenuChoice, choose_menu
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel

ROUNDING = 1e-12  # float64 rounds by 1.1e-16; a few hundred operations on each term stay far below
TINY = 1e-100  # no use at all: gain for a unit of it is then as good as infinite


@dataclass(frozen=True, eq=False)
class SegmentPrices:
    """Dual prices, all >= 0.

    Attributes:
        dense: (R,). stock: (J,). slot: (S,). group: (G + 1, S), the last row zeros. menu: (Q,).
        shown: money by bundle of the problem that must be shown; least: money by option, of its least offers.
        link: (option of the problem, capacity as in `SegmentModel.limits`, price of that capacity for it alone).
        cuts, cut_price: aligned.
    """

    dense: Reals
    stock: Reals
    slot: Reals
    group: Reals
    menu: Reals
    shown: dict[int, float] = field(default_factory=dict)
    least: dict[int, float] = field(default_factory=dict)
    link: tuple[tuple[int, int, float], ...] = ()
    cuts: tuple[SegmentCut, ...] = ()
    cut_price: tuple[float, ...] = ()


def no_prices(model: SegmentModel) -> SegmentPrices:
    """Prices of zero."""
    return SegmentPrices(
        np.zeros(len(model.dense_limit)),
        np.zeros(len(model.stock)),
        np.zeros(model.segments),
        np.zeros((model.groups + 1, model.segments)),
        np.zeros(len(model.menu.cap)),
    )


@dataclass(frozen=True, eq=False)
class SegmentPoint:
    """The bound at some prices.

    Attributes:
        bound: money. score: (O,). choice: the relaxed menu. shown: (n, S) exposures of `choice.position`.
    """

    bound: float
    score: Reals
    choice: MenuChoice
    shown: Reals


class SegmentPricer:
    """Evaluates the bound over the options of one model; keeps what doesn't change from price to price."""

    def __init__(self, model: SegmentModel) -> None:
        """Lay out the capacities of every option that its full exposure would overstep."""
        self.model = model
        capacity, use = model.limits()
        positive = use * model.used()
        self._binding = [np.flatnonzero(row.sum(1) > limit) for row, limit in zip(positive, capacity, strict=True)]
        self._capacity, self._use = capacity, use
        most = model.menu.max_bundles + len(model.forced) + 1
        self._heft = _heaviest(np.abs(model.value).sum(1), most)
        self._dense_heft = np.array([_heaviest(np.abs(row).sum(1), most) for row in model.dense])

    def point(
        self,
        prices: SegmentPrices,
        forced: frozenset[int] | None = None,
        banned: npt.NDArray[np.bool_] | None = None,
    ) -> SegmentPoint:
        """Bound, scores and relaxed menu at `prices`.

        `forced` bundles are on every menu, by default those that must be; `banned` options (O,) are on none.
        """
        model = self.model
        reduced = reduced_values(model, prices, self._use)
        positive = np.maximum(reduced, 0.0)
        worth, tightest = self._worth(positive)
        score = worth - model.menu.fixed_cost - self._tolls(prices)
        for at, capacity, price in _links(model, prices):
            score[at] += price * self._capacity[capacity, at]
        if banned is not None:
            score = np.where(banned, -np.inf, score)
        choice = choose_menu(score, model.bundle, model.menu.max_bundles, model.forced if forced is None else forced)
        bound = choice.value + _constant(model, prices)
        shown = self._exposures(positive, choice.position, tightest[choice.position])
        return SegmentPoint(bound + self._allowance(prices), score, choice, shown)

    def _tolls(self, prices: SegmentPrices) -> Reals:
        model = self.model
        toll = np.zeros(len(model.option))
        if len(prices.menu):
            toll += prices.menu @ model.menu.member[:, model.option]
        for cut, price in zip(prices.cuts, prices.cut_price, strict=True):
            at, tolls = cut.tolls_at(model.option)
            toll[at] += price * tolls
        for option, price in prices.least.items():
            toll[model.option == option] += price * float(model.problem.rules.min_exposure or 0)
        return toll

    def best_exposures(self, prices: SegmentPrices) -> Reals:
        """(O, S) what every option would show if it were on the menu: its part of the bound at `prices`."""
        positive = np.maximum(reduced_values(self.model, prices, self._use), 0.0)
        return self._exposures(positive, np.arange(len(positive)), self._worth(positive)[1])

    def _worth(self, positive: Reals) -> tuple[Reals, Indices]:
        """(O,) best exposures' worth under the tightest capacity, and which capacity that is, -1 for none."""
        worth = positive.sum(1)
        tightest = np.full(len(worth), -1)
        for number, options in enumerate(self._binding):
            if not len(options):
                continue
            gain, use = positive[options], self._use[number, options]
            limit = self._capacity[number, options]
            over = np.flatnonzero((use * (gain > 0)).sum(1) > limit)
            if not len(over):
                continue
            best = (_knapsack(gain[over], use[over], limit[over]) * gain[over]).sum(1)
            better = best < worth[options[over]]
            hit = options[over[better]]
            worth[hit], tightest[hit] = best[better], number
        return worth, tightest

    def _exposures(self, positive: Reals, option: Indices, capacity: Indices) -> Reals:
        """(n, S) best exposures of the options at positions `option` under one capacity each, -1 for none."""
        shown = (positive[option] > 0).astype(np.float64)
        tight = np.flatnonzero(capacity >= 0)
        if len(tight):
            row, at = capacity[tight], option[tight]
            shown[tight] = _knapsack(positive[at], self._use[row, at], self._capacity[row, at])
        return shown

    def _allowance(self, prices: SegmentPrices) -> float:
        """Money that keeps the bound above what exact arithmetic would give.

        An exposure counts where its plus side outweighs its minus side, so the plus sides of the heaviest options that
        a menu has room for bound every rounding error of the scores.
        """
        plus = self._heft + float(prices.dense @ self._dense_heft) + _absolute_constant(self.model, prices)
        plus += sum(price * self._capacity[capacity, at] for at, capacity, price in _links(self.model, prices))
        return ROUNDING * float(plus)


def reduced_values(model: SegmentModel, prices: SegmentPrices, use: Reals | None = None) -> Reals:
    """(O, S) value of every exposure after the prices of its rows; `use` (n, O, S) as of `limits()`, if at hand."""
    out = model.value - prices.slot
    for price, row in zip(prices.dense, model.dense, strict=True):
        if price:
            out -= price * row
    unit = unit_prices(model, prices)
    for place, units in enumerate(model.units):
        priced = np.flatnonzero(unit[:, place])
        out[priced] -= unit[priced, place, None] * units[priced]
    for place in range(model.group.shape[1]):
        out -= prices.group[model.group[:, place]]
    table = model.limits()[1] if use is None else use
    for at, capacity, price in _links(model, prices):
        out[at] -= price * table[capacity, at]
    for bundle, price in prices.shown.items():
        out[model.bundle == bundle] += price * model.members
    for option, price in prices.least.items():
        out[model.option == option] += price * model.members
    return np.asarray(out)


def _links(model: SegmentModel, prices: SegmentPrices) -> list[tuple[int, int, float]]:
    """Position, capacity and price of the links of options of this model."""
    if not prices.link:
        return []
    option, capacity, price = zip(*prices.link, strict=True)
    at = np.searchsorted(model.option, option)
    there = at < len(model.option)
    there[there] = model.option[at[there]] == np.array(option)[there]
    return [(int(at[k]), capacity[k], price[k]) for k in np.flatnonzero(there)]


def _heaviest(size: Reals, count: int) -> float:
    return float(np.sort(size)[::-1][:count].sum())


def unit_prices(model: SegmentModel, prices: SegmentPrices) -> Reals:
    """(O, K) price of a unit of each item of each option: its stock's, and those of the cuts on it."""
    unit = np.append(prices.stock, 0.0)[model.unit_row]
    for cut, price in zip(prices.cuts, prices.cut_price, strict=True):
        at, place = cut.flows_at(model)
        unit[at, place] += price
    return unit


def _knapsack(gain: Reals, use: Reals, limit: Reals) -> Reals:
    """(n, S) exposures in [0, 1] of the largest gain with sum use x <= limit, by falling gain for a unit of use."""
    wanted = np.where(gain > 0, np.maximum(use, 0.0), 0.0)
    ratio = np.where(gain > 0, gain / np.maximum(wanted, TINY), -1.0)
    order = np.argsort(-ratio, axis=1, kind="stable")
    sorted_use = np.take_along_axis(wanted, order, 1)
    before = np.cumsum(sorted_use, 1) - sorted_use
    share = np.clip((np.maximum(limit, 0.0)[:, None] - before) / np.maximum(sorted_use, TINY), 0.0, 1.0)
    share[sorted_use <= 0] = 1.0  # what uses nothing has room, even where nothing is left
    out = np.empty_like(share)
    np.put_along_axis(out, order, share, 1)
    return np.asarray(out * (gain > 0))


def _constant(model: SegmentModel, prices: SegmentPrices) -> float:
    total = float(prices.dense @ model.dense_limit) + float(prices.stock @ model.stock)
    total += model.slots * float(prices.slot.sum()) + float(prices.group.sum()) + float(prices.menu @ model.menu.cap)
    total -= sum(prices.shown.values())
    return total + sum(price * cut.limit for cut, price in zip(prices.cuts, prices.cut_price, strict=True))


def _absolute_constant(model: SegmentModel, prices: SegmentPrices) -> float:
    total = float(prices.dense @ np.abs(model.dense_limit)) + float(prices.stock @ model.stock)
    total += (model.slots + 1) * float(prices.slot.sum()) + 2 * float(prices.group.sum())
    total += float(prices.menu @ np.abs(model.menu.cap)) + sum(prices.shown.values()) * (1 + float(model.members.sum()))
    total += sum(prices.least.values()) * (1 + float(model.members.sum()))
    return total + sum(price * abs(cut.limit) for cut, price in zip(prices.cuts, prices.cut_price, strict=True))
