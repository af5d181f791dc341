"""The offers that can matter while prices stay inside a box, kept compactly: in memory, or in scratch files beyond it.

An offer whose value at the lowest prices of the box is not positive is in no best set, at no prices of the box. Nor
is one that is worth less at the lowest prices than each of `longest_list` offers of the customer at the highest. The
rest stays, so a bound evaluated over the blocks is the bound over all offers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from bundleopt_solvers.large_assignment.chunks import Chunk, ChunkSource
from bundleopt_solvers.large_assignment.offer_rules import Floats64, OfferRules

# Screening compares sums of a few float64 products; so much of their absolute terms is granted to rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class CellBlock:
    """Offers of consecutive customers, sorted by customer, then option.

    Attributes:
        start, customers: the first customer's number, and how many there are.
        customer: (n,) int32 from 0. option: (n,) int32. value: (n,) float32. channels: (C, n) float32.
    """

    start: int
    customers: int
    customer: torch.Tensor
    option: torch.Tensor
    value: torch.Tensor
    channels: torch.Tensor

    @property
    def bytes(self) -> int:
        """Memory in use."""
        parts = (self.customer, self.option, self.value, self.channels)
        return sum(part.numel() * part.element_size() for part in parts)

    def worth(self, price: torch.Tensor) -> torch.Tensor:
        """(n,) float64 value less what the offer uses at `price` (C, O) float64."""
        worth = self.value.double()
        for channel, prices in zip(self.channels, price, strict=True):
            worth -= channel.double() * prices.index_select(0, self.option)
        return worth


class CellBlocks:
    """A growing list of blocks; those beyond `most_bytes` go to scratch files that vanish with the list."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self.cells = 0
        self._blocks: list[CellBlock | Path] = []
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def add(self, block: CellBlock) -> None:
        """Keep a block."""
        self.cells += len(block.customer)
        if self.bytes + block.bytes <= self.most_bytes:
            self.bytes += block.bytes
            self._blocks.append(block)
            return
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="offers-")
        path = Path(self._scratch.name) / f"{len(self._blocks):06d}.npz"
        arrays = {name: getattr(block, name).cpu().numpy() for name in ("customer", "option", "value", "channels")}
        np.savez(path, place=np.array([block.start, block.customers]), allow_pickle=False, **arrays)
        self._blocks.append(path)

    def blocks(self, device: torch.device) -> Iterator[CellBlock]:
        """Iterate over the blocks in the order of customers."""
        for block in self._blocks:
            yield block if isinstance(block, CellBlock) else _load(block, device)

    def close(self) -> None:
        """Forget the blocks and remove the scratch files."""
        self._blocks = []
        if self._scratch is not None:
            self._scratch.cleanup()


def _load(path: Path, device: torch.device) -> CellBlock:
    with np.load(path, allow_pickle=False) as stored:
        start, customers = (int(number) for number in stored["place"])
        parts = {
            name: torch.from_numpy(stored[name]).to(device) for name in ("customer", "option", "value", "channels")
        }
    return CellBlock(start, customers, **parts)


@dataclass(frozen=True)
class PriceBox:
    """Lowest and highest price of every rule, (R,) each, money per unit of the rule."""

    low: Floats64
    high: Floats64

    def option_prices(self, rules: OfferRules) -> tuple[Floats64, Floats64]:
        """Lowest and highest price of every option's channels, (C, O) each."""
        plus, minus = np.maximum(rules.coefficient, 0.0), np.minimum(rules.coefficient, 0.0)
        low = np.tensordot(self.low, plus, 1) + np.tensordot(self.high, minus, 1)
        high = np.tensordot(self.high, plus, 1) + np.tensordot(self.low, minus, 1)
        return low, high


def _range(value: torch.Tensor, channels: torch.Tensor, price: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Lowest and highest worth inside the box, (n, O) float64, and what rounding may hide."""
    low_price, high_price = price
    low, high, slack = value.double(), value.double(), value.double().abs()
    for channel, cheap, dear in zip(channels, low_price, high_price, strict=True):
        exact = channel.double()
        at_low, at_high = exact * cheap, exact * dear
        high = high - torch.minimum(at_low, at_high)
        low = low - torch.maximum(at_low, at_high)
        slack = slack + torch.maximum(at_low.abs(), at_high.abs())
    return low, high, slack * ROUNDING


def screen(chunk: Chunk, rules: OfferRules, box: PriceBox, device: torch.device) -> CellBlock:
    """Keep the offers of one chunk that can be in a best set at some prices of the box."""
    value = torch.from_numpy(np.ascontiguousarray(chunk.value)).to(device)
    channels = torch.from_numpy(np.ascontiguousarray(chunk.channels)).to(device)
    price = tuple(torch.from_numpy(part).to(device) for part in box.option_prices(rules))
    low, high, slack = _range(value, channels, price)
    keep = high + slack > 0
    longest = rules.longest_list
    if longest < value.shape[1]:
        rival = torch.topk(low - slack, longest, dim=1).values[:, -1:]
        keep &= high + slack >= rival
    customer, option = torch.nonzero(keep, as_tuple=True)
    return CellBlock(
        start=chunk.start,
        customers=len(chunk.value),
        customer=customer.int(),
        option=option.int(),
        value=value[customer, option],
        channels=channels[:, customer, option],
    )


def screen_all(
    source: ChunkSource, rules: OfferRules, box: PriceBox, most_bytes: int, device: torch.device
) -> CellBlocks:
    """Screen every chunk of `source`."""
    kept = CellBlocks(most_bytes)
    for chunk in source.chunks():
        kept.add(screen(chunk, rules, box, device))
    return kept
