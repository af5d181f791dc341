"""The offers that repair may change: those nearest to being dropped, added or exchanged at the best prices.

Repair changes a small share of the offers. All the others are added up exactly and left alone, so that the memory of
repair doesn't grow with the number of customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.large_assignment.cell_blocks import CellBlock
from bundleopt_solvers.large_assignment.dual_value import DualFunction, choose, option_prices
from bundleopt_solvers.large_assignment.offer_rules import Floats64
from bundleopt_solvers.large_assignment.offer_totals import Codes, Floats, OfferTotals, RuleTable

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """Offers of the customers that repair may touch, sorted by customer, then option.

    Attributes:
        customer, option: (n,) int64. value: (n,) float32. channels: (C, n) float32.
        worth: (n,) float64 at the prices. shown: (n,) the best sets.
        fixed: the offers of all other customers.
    """

    customer: Codes
    option: Codes
    value: Floats
    channels: Floats
    worth: Floats64
    shown: Flags
    fixed: OfferTotals


class Marginal:
    """One block at the best prices: who is shown what, and the least that each offer's change can lose.

    Dropping loses an offer's worth, adding loses what the worth lacks to zero, and an exchange at least the
    difference to the customer's least offer where all slots are taken.
    """

    def __init__(self, block: CellBlock, price: torch.Tensor, function: DualFunction) -> None:
        self.block = block
        at, gain = choose(block, price, function.finder)
        self.worth = block.worth(price)
        self.shown = torch.zeros(len(block.customer), dtype=torch.bool, device=price.device)
        self.shown[at] = True
        who = block.customer[at].long()
        count = torch.zeros(block.customers, dtype=torch.int32, device=price.device)
        count.index_add_(0, who, torch.ones_like(who, dtype=torch.int32))
        least = torch.full((block.customers,), torch.inf, dtype=torch.float64, device=price.device)
        least.scatter_reduce_(0, who, gain, "amin")
        floor = torch.where(count >= function.rules.slots, least, 0.0)[block.customer.long()]
        self.loss = torch.where(self.shown, self.worth, floor - self.worth).clamp(min=0.0)


def marginal_loss(function: DualFunction, price: Floats64, wanted: int) -> float:
    """The loss below which about `wanted` changes lie, inf where there are no more."""
    prices = option_prices(function.rules, price, function.device)
    step = max(1, function.blocks.cells // 4_000_000)
    blocks = function.blocks.blocks(function.device)
    sample = [Marginal(block, prices, function).loss[::step].cpu().numpy() for block in blocks]
    losses = np.concatenate(sample) if sample else np.zeros(0)
    if len(losses) * step <= wanted:
        return float("inf")
    return float(np.partition(losses, wanted // step)[wanted // step])


def collect(function: DualFunction, price: Floats64, loss: float) -> Pool:
    """Collect the changes that lose at most `loss`, with all that their customers are shown; add up the rest."""
    prices = option_prices(function.rules, price, function.device)
    fixed = OfferTotals(RuleTable(function.rules))
    parts: list[tuple[npt.NDArray[Any], ...]] = []
    for block in function.blocks.blocks(function.device):
        state = Marginal(block, prices, function)
        near, other = split(state, loss)
        fixed.add(*_option_columns(block, other))
        who = block.customer[near].long() + block.start
        option, value, channels = _option_columns(block, near)
        parts.append((_host(who), option, value, channels.T, _host(state.worth[near]), _host(state.shown[near])))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    customer, option, value, channels, worth, shown = joined
    return Pool(customer, option, value, np.ascontiguousarray(channels.T), worth, shown, fixed)


def split(state: Marginal, loss: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions of the offers that repair may change, and of the offers of all other customers."""
    customer = state.block.customer.long()
    close = state.loss <= loss
    touched = torch.zeros(state.block.customers, dtype=torch.bool, device=customer.device)
    touched[customer[close]] = True
    mine = touched[customer]
    near = torch.nonzero(close | (state.shown & mine))[:, 0]
    other = torch.nonzero(state.shown & ~mine)[:, 0]
    return near, other


def _option_columns(block: CellBlock, at: torch.Tensor) -> tuple[Codes, Floats, Floats]:
    return _host(block.option[at].long()), _host(block.value[at]), _host(block.channels[:, at])


def _host(column: torch.Tensor) -> npt.NDArray[Any]:
    return np.asarray(column.cpu().numpy())
