"""What an induced unit of an item does to the sales of other items: diversion from substitutes, halo of complements.

Inside its category it displaces what `category_need` learned, in proportion to the chances x_k of the others:

    rho x_k / (B - rho x_i),      B = sum of x over the category

Known substitutes of one category are in that share already. For an item i and any other related item k, in the pair
law given a visit with marginals x and log odds ratio gamma_ik:

    delta_ik = P(k | i) - P(k | not i) = (P(i and k) - x_i x_k) / (x_i (1 - x_i))      -> x_k (e^gamma - 1) if rare

so that an induced purchase moves its neighbours as an ordinary one does. gamma is taken in excess of the background:
full baskets are no cause. An induced unit displaces at most one unit of substitutes and draws at most one unit of
complements in all; the sums over k are scaled down to that. Only significant pairs count: to charge noise would sink
every popular item.

Letters: `U` customers, `N` items that are in some option, `P` related pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_models.forecast import PairRelations
from bundleopt_models.joint_law import both_probability

MAX_UNITS_MOVED = 1.0
CELLS_PER_CHUNK = 1 << 18
LEAST_DEMAND = 1e-9


@dataclass(frozen=True)
class OutsideEffect:
    """Per induced unit of each item, over all its related items; float64 tensors on one device.

    Attributes:
        revenue, margin: (N, U) money gained by complements less money lost by substitutes.
        scale_down, scale_up: (N, U) factors in [0, 1] that keep the units moved at most 1, for gamma < 0 and > 0.
        rival: (N, U) rho / (B - rho x_i): what an induced unit takes of each unit of x_k of its category.
    """

    revenue: torch.Tensor
    margin: torch.Tensor
    scale_down: torch.Tensor
    scale_up: torch.Tensor
    rival: torch.Tensor


@dataclass(frozen=True)
class CategoryDemand:
    """What stands beside each wanted item on the shelf; float64, on the device of the rest.

    Attributes:
        share: (N,) rho. chance: (N, U) x_i. total: (N, U) B. money: (2, N, U) shelf price and margin, summed over the
            category in proportion to x.
    """

    share: torch.Tensor
    chance: torch.Tensor
    total: torch.Tensor
    money: torch.Tensor

    def rival(self) -> torch.Tensor:
        """(N, U) rho / (B - rho x_i)."""
        share = self.share[:, None]
        return share / (self.total - share * self.chance).clamp_min(LEAST_DEMAND)


def causal_relations(
    relations: PairRelations, category: npt.NDArray[np.int32], need: npt.NDArray[np.float32] | None
) -> PairRelations:
    """Known pairs without the substitutes of one category whose competition `need` (I,) accounts for."""
    known = relations.known()
    if need is None:
        return known
    same = category[known.first] == category[known.second]
    counted = same & (need[known.first] > 0) & (known.gamma < known.background)
    return known.where(~counted)


def conditional_shift(
    first: torch.Tensor, second: torch.Tensor, excess: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(delta_ik, delta_ki): the change of the second's chance when the first is bought, and the other way round."""
    covariance = both_probability(first, second, excess) - first * second
    return covariance / (first * (1.0 - first)), covariance / (second * (1.0 - second))


def outside_effect(
    conditional: torch.Tensor,
    wanted: npt.NDArray[np.int64],
    relations: PairRelations,
    money: torch.Tensor,
    beside: CategoryDemand | None = None,
) -> OutsideEffect:
    """Sum the shifts of all related items for each wanted item and customer.

    Args:
        conditional: (I, U) P(i | visit), inside (0, 1).
        wanted: (N,) item codes, ascending.
        relations: pairs of item codes; only pairs that touch a wanted item are looked at.
        money: (2, I) shelf price and shelf margin of each item.
        beside: the rest of each wanted item's category; None where nothing is known to compete.
    """
    place = np.full(conditional.shape[0], -1, dtype=np.int64)
    place[wanted] = np.arange(len(wanted))
    near = (place[relations.first] >= 0) | (place[relations.second] >= 0)
    first, second = relations.first[near].astype(np.int64), relations.second[near].astype(np.int64)
    excess = relations.gamma[near].astype(np.float64) - relations.background
    # Rows: units down, units up, revenue down, revenue up, margin down, margin up.
    sums = conditional.new_zeros((6, len(wanted) + 1, conditional.shape[1]))
    step = max(1, CELLS_PER_CHUNK // max(1, conditional.shape[1]))
    for start in range(0, len(first), step):
        rows = slice(start, start + step)
        _add_pairs(sums, conditional, (place, first[rows], second[rows], excess[rows]), money)
    rival = torch.zeros_like(conditional[wanted]) if beside is None else beside.rival()
    lost = torch.zeros_like(money[:, wanted, None] * rival)
    room = torch.full_like(rival, MAX_UNITS_MOVED)
    if beside is not None:
        lost = rival * (beside.money - money[:, wanted, None] * beside.chance)
        room = MAX_UNITS_MOVED - rival * (beside.total - beside.chance)
    down = room.clamp_min(0.0) / torch.maximum(sums[0, :-1].abs(), room.clamp_min(LEAST_DEMAND))
    up = MAX_UNITS_MOVED / sums[1, :-1].clamp_min(MAX_UNITS_MOVED)
    return OutsideEffect(
        revenue=sums[2, :-1] * down + sums[3, :-1] * up - lost[0],
        margin=sums[4, :-1] * down + sums[5, :-1] * up - lost[1],
        scale_down=down,
        scale_up=up,
        rival=rival,
    )


def _add_pairs(
    sums: torch.Tensor,
    conditional: torch.Tensor,
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64]],
    money: torch.Tensor,
) -> None:
    """Add both directions of some pairs; items that are not wanted land in the last row, which is thrown away."""
    place, first, second, excess = pairs
    device = conditional.device
    one, other = torch.as_tensor(first, device=device), torch.as_tensor(second, device=device)
    gamma = torch.as_tensor(excess, device=device)[:, None]
    forth, back = conditional_shift(conditional[one], conditional[other], gamma)
    sign = torch.as_tensor((excess > 0).astype(np.int64), device=device)
    for shift, of, moved in ((forth, first, other), (back, second, one)):
        row = torch.as_tensor(place[of], device=device)
        row = torch.where(row < 0, sums.shape[1] - 1, row) + sign * sums.shape[1]
        for kind, value in enumerate((None, money[0, moved], money[1, moved])):
            target = sums[2 * kind : 2 * kind + 2].view(-1, sums.shape[2])
            target.index_add_(0, row, shift if value is None else shift * value[:, None])
