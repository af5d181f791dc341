"""How the use of each option changes when prices move, estimated from the offers that are about to change.

The bound is piecewise linear, but with many customers it looks smooth: its second derivative is the density of
customers whose best set is about to change, times the square of that change (a flat kernel of width h to either
side). A change is: a chosen offer is dropped; another is added; another takes the place of those it clashes with, or
of the least one where all slots are taken.
"""

from __future__ import annotations

import numpy as np
import torch

from bundleopt_solvers.large_assignment.cell_blocks import CellBlock
from bundleopt_solvers.large_assignment.dual_value import DualFunction, choose, option_prices
from bundleopt_solvers.large_assignment.offer_rules import Floats64

MOST_CHANGES = 20_000  # changes used of one block; their number limits the cost of the matrix product
SHARE = 0.15  # the kernel holds so many changes, as a share of the chosen offers
LEAST = 60  # and at least so many


def curvature(function: DualFunction, price: Floats64) -> Floats64:
    """(R, R) estimate of the second derivative of the bound at `price`, positive semidefinite."""
    prices = option_prices(function.rules, price, function.device)
    size = prices.numel()
    total = torch.zeros((size, size), dtype=torch.float64, device=function.device)
    for block in function.blocks.blocks(function.device):
        total += _block(block, prices, function)
    rows = function.rules.coefficient.reshape(len(price), size)
    return np.asarray(rows @ total.cpu().numpy() @ rows.T) * function.scale


def _block(block: CellBlock, price: torch.Tensor, function: DualFunction) -> torch.Tensor:
    channels, options = price.shape
    dense = _Dense(block, price, function)
    gap, lost = dense.changes()
    finite = torch.nonzero(torch.isfinite(gap.flatten()))[:, 0]
    wanted = min(max(LEAST, int(SHARE * int(dense.chosen.sum()))), MOST_CHANGES, len(finite))
    if not wanted:
        return price.new_zeros((channels * options,) * 2)
    least = torch.topk(gap.flatten()[finite], wanted, largest=False)
    at = finite[least.indices]
    width = max(float(least.values[-1]), 1e-300)
    customer, option = at // options, at % options
    moved = price.new_zeros((wanted, channels, options))
    sign = torch.where(dense.chosen[customer, option], -1.0, 1.0).double()
    place = torch.arange(wanted, device=price.device)
    for channel in range(channels):
        moved[:, channel] = -dense.channels[channel][customer] * lost[customer, option]
        moved[place, channel, option] = sign * dense.channels[channel][customer, option]
    flat = moved.reshape(wanted, channels * options)
    return flat.T @ flat / (2.0 * width)


class _Dense:
    """One block as (n, O) tables; small, as it holds a sample only."""

    def __init__(self, block: CellBlock, price: torch.Tensor, function: DualFunction) -> None:
        shape = (block.customers, price.shape[1])
        self.slots = function.rules.slots
        self.table = function.finder.table[:-1, :-1]
        place = (block.customer.long(), block.option.long())
        self.worth = price.new_full(shape, -torch.inf)
        self.worth[place] = block.worth(price)
        self.channels = price.new_zeros((price.shape[0], *shape))
        self.channels[:, place[0], place[1]] = block.channels.double()
        at, _ = choose(block, price, function.finder)
        self.chosen = torch.zeros(shape, dtype=torch.bool, device=price.device)
        self.chosen[block.customer[at].long(), block.option[at].long()] = True

    def changes(self) -> tuple[torch.Tensor, _Lost]:
        """(n, O) loss of worth of each single change, and which chosen offers it displaces."""
        held = torch.where(self.chosen, self.worth, 0.0)
        struck = held @ self.table.double()
        number = self.chosen.double() @ self.table.double()
        full = self.chosen.sum(1, keepdim=True) - number >= self.slots
        least, last = torch.where(self.chosen, self.worth, torch.inf).min(1)
        struck = struck + torch.where(full, least[:, None], 0.0)
        gap = torch.where(self.chosen, self.worth, struck - self.worth)
        return gap.clamp(min=0.0), _Lost(self, full, last)


class _Lost:
    """Which chosen offers a change displaces, looked up for single changes."""

    def __init__(self, dense: _Dense, full: torch.Tensor, last: torch.Tensor) -> None:
        self.dense, self.full, self.last = dense, full, last

    def __getitem__(self, change: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        customer, option = change
        lost = self.dense.chosen[customer] & self.dense.table[option]
        place = torch.nonzero(self.full[customer, option])[:, 0]
        lost[place, self.last[customer[place]]] = True
        lost[self.dense.chosen[customer, option]] = False
        return lost.double()
