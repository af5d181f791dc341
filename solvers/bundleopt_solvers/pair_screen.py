"""Screening all pairs at the prices of a bound: two proven upper bounds of a pair's score, the cheap one first.

Prices move: to a cent, to an ending. So a bound covers an interval of ratios for each step of the ladder, item by item:
a pair with item i costs at least p_i + (the lowest shelf price), so so many cents move its ratio by at most so much.
An upper bound takes the multiplier and the pull of the budget where they are best for the pair: the price response and
suppliers' funding at the lowest ratio, earnings and spend at the highest. Neighbouring steps share an interval.

1. `candidate_screen` bounds every pair without the customers' prices.
2. For those above the threshold, customer by customer, with the terms of `candidate_screen`,

       score <= sum_u (P' (((M - 1) B - l s M)+ - L)+ - slot_u - toll_ui - toll_uj)+ - fixed cost,
       P' = exp(max(gamma, 0) + max(shift_u, 0)) q_ui q_uj / P(visit) and at most min(q_ui, q_uj),
       B = (max(earned, 0) - sum_i (q_i - P')+ max(shelf_i, 0) + sum_i max(-shelf_i, 0) + sum_i outside_i)+.

   Proof: value = P ((M - 1) bracket - l s M) / D - P L; the bracket is at most B since P <= P', and D >= 1. QED.

Letters: `U` customers, `I` items, `G` intervals of price ratios, `n` pairs at hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings
from bundleopt_solvers.candidate_money import ItemMoney
from bundleopt_solvers.candidate_screen import MAX_LOG_MULTIPLIER, screen_pairs
from bundleopt_solvers.candidate_value import PairTable
from bundleopt_solvers.pair_family import PairPrices

Floats64 = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.int64]
# Pairs that are looked at customer by customer, at most; the rest keeps the first bound.
MOST_PAIRS = 400_000
CELLS_PER_CHUNK = 1 << 18
# float32 rounds by 6e-8; two dozen operations a cell stay below this share of the cell's absolute terms.
ROUNDING = 4e-6


@dataclass(frozen=True)
class RatioIntervals:
    """Price ratios that options may have, item by item.

    Attributes:
        low, high: (I, G) ratios in (0, 1]. lift: (I, G) price lift at `low`, >= 0.
        slack: money by which a bundle's price may lie above `top`. top: (G,) highest ladder ratio of each interval.
    """

    low: Floats64
    high: Floats64
    lift: Floats64
    slack: float
    top: Floats64


@dataclass(frozen=True)
class ScreenedPairs:
    """Pairs that may score above a threshold.

    Attributes:
        pairs: (n, 2). bound: (n,) of their scores. rest: bound of every other pair. screened: pairs looked at.
    """

    pairs: Pairs
    bound: Floats64
    rest: float
    screened: int


def interval_money(inputs: CandidateInputs, settings: CandidateSettings, ratios: RatioIntervals) -> ItemMoney:
    """The most that an item earns, and the least that it costs the budget, at any ratio of its interval."""
    weight, high, low = settings.objective_revenue, ratios.high.T, ratios.low.T
    price = inputs.shelf_price
    net = price / (1 + inputs.tax_rate)
    per_unit = 0.0 if inputs.funding_per_unit is None else inputs.funding_per_unit

    def funded(ratio: Floats64) -> Floats64:
        discount = (1 - ratio) * price
        return np.minimum(inputs.funding_share * discount + per_unit, discount)

    margin = high * net - inputs.unit_cost + funded(low)
    return ItemMoney(
        price=_single(price),
        shelf=_single(weight * price + (1 - weight) * (net - inputs.unit_cost)),
        earned=_single(weight * high * price + (1 - weight) * margin),
        spend=_single(np.maximum((1 - high) * price - funded(high), 0.0)),
        margin=_single(margin),
        ratios=tuple(float(ratio) for ratio in ratios.top),
        allow_below_cost=settings.allow_below_cost,
        slack=ratios.slack + 1e-3,
    )


def screen_scores(
    inputs: CandidateInputs,
    settings: CandidateSettings,
    ratios: RatioIntervals,
    entry: tuple[PairPrices, float],
    *,
    most: int = MOST_PAIRS,
    progress: Callable[[float], None] = lambda _share: None,
) -> ScreenedPairs:
    """Bound the scores of all pairs at the prices `entry[0]`; list those that may exceed the threshold `entry[1]`.

    `inputs.outside` must be at least what an induced unit of an item moves outside of any bundle. At most `most` pairs,
    those of the largest first bounds, are looked at customer by customer; the others count in `rest`.
    """
    prices, threshold = entry
    money = interval_money(inputs, settings, ratios)
    moved = replace(inputs, ratios=ratios.top, price_lift=ratios.lift)
    priced = replace(settings, budget_prices=(prices.budget,))
    found = screen_pairs(moved, priced, money, lambda share: progress(0.8 * share))
    bound = found.bound[0].mul_(1 + ROUNDING)
    bound[bound > 0] += 1e-9
    line = max(threshold + prices.fixed_cost, 0.0)
    first, second = torch.nonzero(bound > line, as_tuple=True)
    worth = bound[first, second].double().numpy() - prices.fixed_cost
    pairs = torch.stack([first, second], 1).numpy().astype(np.int64)
    order = np.argsort(-worth, kind="stable")
    kept, left = order[:most], order[most:]
    rest = float(worth[left[0]]) if len(left) else line - prices.fixed_cost
    toll = _TollScreen(moved, money, prices)
    sharper = np.minimum(worth[kept], toll.bounds(pairs[kept], lambda share: progress(0.8 + 0.2 * share)))
    return ScreenedPairs(pairs[kept], sharper, rest, found.screened)


class _TollScreen:
    """The second bound."""

    def __init__(self, inputs: CandidateInputs, money: ItemMoney, prices: PairPrices) -> None:
        self._money, self._prices, self._reach, self._salience = money, prices, inputs.reach, inputs.salience
        visit = torch.as_tensor(inputs.visit)
        self._owned = torch.as_tensor(inputs.probability).T.contiguous()
        self._per_visit = torch.where(visit > 0, visit.clamp_min(1e-12).reciprocal(), torch.zeros_like(visit))
        if inputs.pair_shift is not None:
            self._per_visit = self._per_visit * torch.as_tensor(inputs.pair_shift).clamp_min(0.0).exp()
        slope = torch.as_tensor(inputs.slope).T
        lift = torch.as_tensor(inputs.price_lift.astype(np.float32))
        self._multiplier = [
            torch.exp((slope * lift[:, g, None]).clamp(max=MAX_LOG_MULTIPLIER)).contiguous()
            for g in range(lift.shape[1])
        ]
        shape = (len(inputs.shelf_price), len(visit))
        gain = torch.zeros(shape) if inputs.outside is None else torch.as_tensor(inputs.outside).T.clamp_min(0)
        self._gain = gain + (-money.shelf).clamp_min(0)[:, None]
        self._kept = money.shelf.clamp_min(0)
        self._slot, self._toll = torch.as_tensor(prices.slot).float(), torch.as_tensor(prices.toll).float()
        self._gamma = PairTable(inputs)

    def bounds(self, pairs: Pairs, progress: Callable[[float], None]) -> Floats64:
        """(n,) money."""
        step = max(1, CELLS_PER_CHUNK // max(1, len(self._slot)))
        parts = []
        for start in range(0, len(pairs), step):
            parts.append(self._chunk(pairs[start : start + step]))
            progress(min(1.0, (start + step) / len(pairs)))
        return np.concatenate(parts) if parts else np.zeros(0)

    def _chunk(self, pairs: Pairs) -> Floats64:
        one, other = torch.as_tensor(pairs[:, 0]), torch.as_tensor(pairs[:, 1])
        first, second = self._owned[one], self._owned[other]
        odds = np.exp(np.maximum(self._gamma.of(pairs[:, 0], pairs[:, 1]), 0.0)).astype(np.float32)
        both = (first * second).mul_(self._per_visit).mul_(torch.as_tensor(odds)[:, None])
        both = torch.minimum(torch.minimum(first, second), both)
        base = self._gain[one] + self._gain[other]
        base.addcmul_((first - both).clamp_min_(0), self._kept[one, None], value=-1)
        base.addcmul_((second - both).clamp_min_(0), self._kept[other, None], value=-1)
        toll = (self._toll[one] + self._toll[other]).add_(self._slot)
        codes = torch.stack([one, other], 1)
        best = torch.zeros(len(pairs), dtype=torch.float64)
        for place in range(len(self._multiplier)):
            allowed = self._money.admissible(place, codes)
            if bool(allowed.any()):
                best = torch.maximum(best, self._priced((one, other), (both, base, toll), place) * allowed)
        return np.asarray(best.numpy() - self._prices.fixed_cost)

    def _priced(
        self,
        codes: tuple[torch.Tensor, torch.Tensor],
        cells: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        place: int,
    ) -> torch.Tensor:
        """(n,) the bound on one interval of ratios, rounding granted."""
        (one, other), (both, base, toll) = codes, cells
        earned, spend = self._money.earned[place], self._money.spend[place]
        worth = (earned[one] + earned[other])[:, None]
        given = (self._money.shelf[one] + self._money.shelf[other])[:, None] - worth
        charge = self._prices.budget * (spend[one] + spend[other])[:, None]
        raised = (self._multiplier[place][one] * self._multiplier[place][other]).mul_(self._salience)
        bracket = (base + worth.clamp_min(0)).clamp_min_(0)
        value = (raised - 1).mul_(bracket).sub_(raised * charge).clamp_min_(0).sub_(given).clamp_min_(0).mul_(both)
        reduced = value.mul_(self._reach).sub_(toll).clamp_min_(0).sum(1, dtype=torch.float64)
        most = (bracket.amax(1, keepdim=True) + worth.abs() + charge + given.abs()).double()[:, 0]
        return reduced * (1 + ROUNDING) + ROUNDING * self._reach * most * (raised * both).sum(1, dtype=torch.float64)


def _single(array: Floats64) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(array, dtype=np.float32))
