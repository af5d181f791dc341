"""The bound at given prices, its slope, and how uses change when prices move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bundleopt_solvers.large_assignment.best_sets import SetFinder
from bundleopt_solvers.large_assignment.cell_blocks import ROUNDING, CellBlock, CellBlocks
from bundleopt_solvers.large_assignment.offer_rules import Floats64, OfferRules


@dataclass(frozen=True)
class DualPoint:
    """The bound at one vector of prices.

    Attributes:
        price: (R,). bound: money, without an allowance for rounding. slope: (R,) limit less use, its (sub)gradient.
    """

    price: Floats64
    bound: float
    slope: Floats64


def option_prices(rules: OfferRules, price: Floats64, device: torch.device) -> torch.Tensor:
    """(C, O) float64 price of one unit of each channel of each option."""
    return torch.from_numpy(np.tensordot(price, rules.coefficient, 1)).to(device)


def choose(block: CellBlock, price: torch.Tensor, finder: SetFinder) -> tuple[torch.Tensor, torch.Tensor]:
    """Best sets of one block at `price` (C, O): positions of the chosen offers, and their worth in float64."""
    worth = block.worth(price)
    positive = torch.nonzero(worth > 0)[:, 0]
    gain = worth[positive]
    chosen = finder.choose(block.customer[positive], block.option[positive], gain)
    return positive[chosen], gain[chosen]


class DualFunction:
    """bound(price) = price . limit + sum over customers of the worth of their best set; valid at any price >= 0.

    Args:
        rules: the rules. device: where the tensors live.
        blocks: the offers. scale: customers that each one here stands for.
    """

    def __init__(self, rules: OfferRules, blocks: CellBlocks, device: torch.device, *, scale: float = 1.0) -> None:
        self.rules = rules
        self.blocks = blocks
        self.device = device
        self.scale = scale
        conflict = torch.from_numpy(rules.conflict).to(device)
        self.finder = SetFinder(conflict, rules.slots, rules.longest_list)

    def at(self, price: Floats64) -> DualPoint:
        """Evaluate over all blocks."""
        prices = option_prices(self.rules, price, self.device)
        used = torch.zeros_like(prices)
        total = 0.0
        for block in self.blocks.blocks(self.device):
            at, gain = choose(block, prices, self.finder)
            total += float(gain.sum())
            for channel, row in enumerate(block.channels):
                used[channel].index_add_(0, block.option[at], row[at].double())
        use = np.tensordot(self.rules.coefficient, used.cpu().numpy(), 2) * self.scale
        bound = float(price @ self.rules.limit) + self.scale * total
        return DualPoint(price, bound, np.asarray(self.rules.limit - use))

    def rounding(self, price: Floats64) -> float:
        """Money that covers every rounding error of the bound at `price`.

        Each worth is a sum of a few float64 products, off by at most (C + 2) 2^-52 of their absolute sum; so are the
        sums over customers, by their depth. All offers are counted, chosen or not.
        """
        prices = option_prices(self.rules, price, self.device).abs()
        size = 0.0
        for block in self.blocks.blocks(self.device):
            size += float(block.value.double().abs().sum())
            for channel, part in zip(block.channels, prices, strict=True):
                size += float((channel.double().abs() * part.index_select(0, block.option)).sum())
        return ROUNDING * (self.scale * size + float(price @ np.abs(self.rules.limit)))
