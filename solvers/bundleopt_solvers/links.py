"""Best prices of the link rows, option by option: how much an option alone can do with the stock of its items.

For one option and one of its items the bound is convex and piecewise linear in the price; its minimum lies where the
customers still served use exactly the stock, and is found by bisection, batched over options.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cells import Cells
from bundleopt_solvers.lagrangian import Multipliers, net_gain

HALVINGS = 14  # the price is then known to 1/16,000 of its range


def tighten_links(cells: Cells, prices: Multipliers, positions: npt.NDArray[np.int64]) -> Multipliers:
    """Return `prices` with the link prices of the options at `positions` at their best, item by item."""
    if not cells.units or not len(positions):
        return prices
    part = cells.take(positions)
    option = torch.from_numpy(part.option)
    link = prices.link.clone()
    for place, units in enumerate(part.units):
        link[option, place] = 0
        net = net_gain(part, replace(prices, link=link))
        link[option, place] = _best_price(
            net, units, part.unit_cap[:, place], part.unit_row[:, place] < part.stock_rows, part.customers
        )
    return replace(prices, link=link)


def _best_price(
    net: torch.Tensor, units: torch.Tensor, cap: torch.Tensor, applies: torch.Tensor, customers: int
) -> torch.Tensor:
    cap = cap - units[:, customers:].sum(1)  # the shelf is served first, at any price
    net, units = net[:, :customers], units[:, :customers]
    over = applies & ((units * (net > 0)).sum(1) > cap)
    price = torch.zeros_like(cap)
    at = torch.nonzero(over).ravel()
    if not len(at):
        return price
    net, units, cap = net[at], units[at], cap[at]
    low = torch.zeros_like(cap)
    high = torch.where((net > 0) & (units > 0), net / units.clamp(min=1e-12), torch.zeros(())).amax(1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        used = (units * (net > middle[:, None] * units)).sum(1)
        low = torch.where(used > cap, middle, low)
        high = torch.where(used > cap, high, middle)
    price[at] = high
    return price
