"""What a bundle is worth to a customer before its price is named: all of an offer's value that price leaves alone.

An offer acts on who comes, as shelf prices do: it brings no visit. All chances here are given a visit, and whoever
uses the terms multiplies by P(visit). The offer multiplies the weight of the full set b by
M = salience x exp(sum of the rises of its items' log odds). With D = 1 + (M - 1) P(b), every other subset T loses
dP(T) = P(T) g, where g = 1 - 1/D = (M - 1) P(b) / D is the one number that depends on the price. So an offer's value is

    P(visit) (g [p_b (1 - P(b)) - kept + outside - pulled] - P(b) (p(b) - p_b))

    kept    = sum over partial T of P(T) p(T) = sum_i p_i x_i - P(b) p(b)     shelf sales that the bundle would replace
    outside = sum_i (1 - x_i) (halo less diversion per induced unit of i, over items outside the bundle)
    pulled  = sum_i (1 - x_i) share_i p_i                                     sales borrowed from later weeks

and likewise with margins. g (1 - x_i) are the induced units of item i: the sum of dP(T) over the T without i.

n units of one item (`multi_buy.py`): the full set is {N >= n}, the partial outcomes are 1 to n - 1 units, and units
beyond n stay at shelf price before and after. With x the chance of a purchase and h = E[min(N, n) | bought],

    P(b) = x P(N >= n | bought)      kept = p (x h - n P(b))      induced units = g (n - x h)

Every induced unit displaces substitutes and is borrowed from later weeks; complements follow the purchase, (1 - x).

Letters: `K` items of a bundle, `P` pairs of them. All tensors are float64; `...` is (bundles, customers) or (offers,).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch

from bundleopt_models.joint_law import bundle_law
from bundleopt_models.multi_buy import UnitLaw
from bundleopt_models.outside import conditional_shift


@dataclass(frozen=True)
class BundleCells:
    """The inputs, one entry per item or pair of the bundle; trailing shapes broadcast to `...`.

    Attributes:
        conditional: (K, ...) P(i | visit). visit: (...) P(visit).
        gammas: (P, ...) log odds ratios; excess: (P, ...) the same less the background, 0 where unrelated.
        money: (2, K, ...) shelf price and shelf margin.
        pull: (K, ...) share of induced units borrowed from later weeks.
        outside: (2, K, ...) revenue and margin moved per induced unit, over all related items, also the bundle's own.
        scales: (2, K, ...) how far shifts are scaled down for gamma < 0 and for gamma > 0.
        rival: (K, ...) what an induced unit takes of each unit of demand of its category's other items.
        same: (P, ...) 1 where the two items of a pair are of one category, else 0.
        units: how many units of the one item make the full set; None for one of each.
    """

    conditional: torch.Tensor
    visit: torch.Tensor
    gammas: torch.Tensor
    excess: torch.Tensor
    money: torch.Tensor
    pull: torch.Tensor
    outside: torch.Tensor
    scales: torch.Tensor
    rival: torch.Tensor
    same: torch.Tensor
    units: UnitLaw | None = None


@dataclass(frozen=True)
class BundleTerms:
    """See the formulas above; (2, ...) is revenue and margin, everything given a visit.

    Attributes:
        visit: (...) P(visit), by which the user multiplies. both, none: (...) P(b) and P(empty set).
        lack: (K, ...) units per unit of g, 1 - x_i. kept, outside, pulled: (2, ...) money.
    """

    visit: torch.Tensor
    both: torch.Tensor
    none: torch.Tensor
    lack: torch.Tensor
    kept: torch.Tensor
    outside: torch.Tensor
    pulled: torch.Tensor


def bundle_terms(cells: BundleCells) -> BundleTerms:
    """Evaluate the joint law and the three sums that no price point changes."""
    law = bundle_law(cells.conditional, cells.gammas)
    both, none, owned = law[-1], law[0], cells.conditional
    if cells.units is not None:
        return _several_units(cells, cells.units, (both, none, owned))
    lack = 1.0 - owned
    kept = torch.stack([(money * owned).sum(0) - both * money.sum(0) for money in cells.money])
    moved = torch.stack([(lack * outside).sum(0) for outside in cells.outside])
    pulled = torch.stack([(lack * cells.pull * money).sum(0) for money in cells.money])
    return BundleTerms(cells.visit, both, none, lack, kept, moved - _inside(cells, lack), pulled)


def _several_units(
    cells: BundleCells, units: UnitLaw, chances: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> BundleTerms:
    """The terms of n units of one item; `chances` are P(one or more), P(none) and (1, ...) the former again."""
    bought, none, owned = chances
    both, held = bought * units.at_least, owned * units.held
    lack = units.quantity - held
    kept = torch.stack([(money * held).sum(0) - both * (units.quantity * money).sum(0) for money in cells.money])
    per_unit = [torch.where(outside > 0, 1.0 - owned, lack) * outside for outside in cells.outside]
    moved = torch.stack([part.sum(0) for part in per_unit])
    pulled = torch.stack([(lack * cells.pull * money).sum(0) for money in cells.money])
    return BundleTerms(cells.visit, both, none, lack, kept, moved, pulled)


def _inside(cells: BundleCells, lack: torch.Tensor) -> torch.Tensor:
    """(2, ...) the part of `cells.outside` that falls on the bundle's own items, which the joint law accounts for."""
    total = torch.zeros_like(lack[0]).expand(2, *lack.shape[1:]).clone()
    for pair, (i, j) in enumerate(combinations(range(lack.shape[0]), 2)):
        excess, same = cells.excess[pair], cells.same[pair]
        if not bool(excess.any()) and not bool(same.any()):
            continue
        forth, back = conditional_shift(cells.conditional[i], cells.conditional[j], excess)
        scale = torch.where(excess > 0, cells.scales[1], cells.scales[0])
        forth = (forth * scale[i] - same * cells.rival[i] * cells.conditional[j]) * lack[i]
        back = (back * scale[j] - same * cells.rival[j] * cells.conditional[i]) * lack[j]
        for kind in range(2):
            total[kind] += forth * cells.money[kind, j] + back * cells.money[kind, i]
    return total


def price_gain(both: torch.Tensor, log_multiplier: torch.Tensor) -> torch.Tensor:
    """Return g = (M - 1) P(b) / (1 + (M - 1) P(b)), exactly 0 where M = 1; `log_multiplier` is log M >= 0."""
    raised = torch.expm1(log_multiplier.clamp(max=MAX_LOG_MULTIPLIER)) * both
    return raised / (1.0 + raised)


# exp(60) makes any offer certain; beyond lies only overflow.
MAX_LOG_MULTIPLIER = 60.0
