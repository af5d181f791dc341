"""Finding good multipliers: deflected subgradient steps of Polyak's length, block by block in its own scale.

Camerini, Fratta, Maffioli (1975) for the deflection; the target of Polyak's step is the best plan known, or a level
below the best bound that comes closer whenever progress stalls (Goffin, Kiwiel 1999, doi:10.1007/s101070050056).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cells import Cells
from bundleopt_solvers.lagrangian import DualPoint, Multipliers, Relaxation, complete, net_gain, scores, shown_at
from bundleopt_solvers.work import Tick, never

Tensor = torch.Tensor
DEFLECTION = 0.7  # share of the last direction kept; measured best of 0, 0.5, 0.7, 0.85 on the benchmark shapes
HOPELESS = -1.0e20  # a bound below it means that a bundle that must be there has no cell left
PATIENCE = 20  # steps without progress before the level comes closer
PROGRESS = 1e-4  # relative improvement of the bound that counts as progress
LEAST_LEVEL = 1e-6
DEAREST = 12  # offers of a customer whose mean value is the size of the customer's prices
LEAST_SIZE = 1e-6  # a customer worth nothing has no prices to move
MEMORY = 0.97  # forgetting factor of the averaged menu, the primal side of the subgradient


@dataclass(frozen=True)
class Ascent:
    """Result of one ascent: the best prices, their bound, the average relaxed menu (O,), steps done, level reached."""

    best: Multipliers
    point: DualPoint
    average: npt.NDArray[np.float64]
    steps: int
    level: float


@dataclass(frozen=True)
class Direction:
    """A (sub)gradient in the shape of `Multipliers`."""

    row: Tensor
    slot: Tensor
    group: Tensor
    menu: Tensor
    link: Tensor


@dataclass(frozen=True)
class Scales:
    """Squared step scales: row (rows,), customer (U,) for slots and groups, menu, link (options of the problem, K)."""

    row: Tensor
    customer: Tensor
    menu: float
    link: Tensor


def row_activity(cells: Cells, position: npt.NDArray[np.int64], shown: Tensor) -> Tensor:
    """Left-hand sides of the coupling rows for offers `shown` (n, U) of the options at `position`."""
    at = torch.from_numpy(position)
    sold = (cells.redemption[at] * shown).sum(1)
    parts = [cells.rate[:, at] @ sold]
    parts += [-(floor[at] * shown).sum().reshape(1) for floor in cells.floors]
    if len(cells.count_option):
        counted = cells.count_option[:, at].to(shown.dtype) @ shown
        parts.append((counted * cells.count_customer.to(shown.dtype)).sum(1))
    if cells.units:
        stock = shown.new_zeros(cells.stock_rows + 1)
        for place, part in enumerate(cells.units):
            stock.index_add_(0, cells.unit_row[at, place], (part[at] * shown).sum(1))
        parts.append(stock[: cells.stock_rows])
    return torch.cat(parts)


def _gradient(cells: Cells, relaxation: Relaxation, net: Tensor, point: DualPoint) -> Direction:
    position = point.choice.position
    shown = shown_at(net, position, relaxation).to(net.dtype)
    dtype = net.dtype
    limit = torch.from_numpy(relaxation.rows.limit).to(dtype)
    group = torch.ones((cells.groups + 1, shown.shape[1]), dtype=dtype)
    for place in range(cells.group.shape[1]):
        group.index_add_(0, cells.group[torch.from_numpy(position), place], shown, alpha=-1.0)
    group[-1] = 0
    slot = relaxation.slots - shown.sum(0)
    group[:, cells.customers :], slot[cells.customers :] = 0, 0
    load = relaxation.menu.member[:, cells.option[position]].sum(1)
    return Direction(
        row=limit - row_activity(cells, position, shown),
        slot=slot,
        group=group,
        menu=torch.from_numpy(relaxation.menu.cap - load).to(dtype),
        link=_link_gradient(cells, position, shown, relaxation.rows.redemption.shape[1]),
    )


def _link_gradient(cells: Cells, position: npt.NDArray[np.int64], shown: Tensor, options: int) -> Tensor:
    """Stock less use of each chosen option alone, (options of the problem, K); 0 for the others."""
    out = shown.new_zeros(options, cells.unit_row.shape[1])
    at, option = torch.from_numpy(position), torch.from_numpy(cells.option[position])
    for place, part in enumerate(cells.units):
        left = cells.unit_cap[at, place] - (part[at] * shown).sum(1)
        out[option, place] = left * (cells.unit_row[at, place] < cells.stock_rows)
    return out


@dataclass(frozen=True)
class Sizes:
    """Likely sizes that stay the same all the way: `row` (rows,) use of each coupling row, `customer` (U,), mean 1."""

    row: Tensor
    customer: Tensor


def _customer_sizes(cells: Cells) -> Tensor:
    """What each customer's dearest offers are worth, against the mean customer.

    Prices of slots and groups are of the size of the offers they hold back. Customers differ by factors of thousands;
    one step length for all would never settle the small ones while it is right for the large ones.
    """
    count = min(DEAREST, len(cells.option))
    if not count:
        return torch.ones(cells.gain.shape[1])
    worth = torch.relu(cells.gain).topk(count, 0).values.mean(0)
    worth[cells.customers :] = 0
    mean = float(worth.mean())
    return (worth / mean).clamp(min=LEAST_SIZE) if mean > 0 else torch.ones(cells.gain.shape[1])


def _scales(cells: Cells, relaxation: Relaxation, worth: float, sizes: Sizes) -> Scales:
    """Squared step scale of each block: the likely size of its prices over the likely size of its gradient."""
    slot = max(worth / (2 * relaxation.slots * cells.gain.shape[1]), 1e-12)
    bundle = worth / (1 + relaxation.menu.max_bundles)
    link = torch.zeros(relaxation.rows.redemption.shape[1], cells.unit_row.shape[1])
    if cells.units:
        link[torch.from_numpy(cells.option)] = torch.where(
            cells.unit_cap > 0, 3.0 * bundle / cells.unit_cap.square().clamp(min=1e-12), torch.zeros(())
        )
    return Scales(3.0 * worth / sizes.row.square(), slot * sizes.customer, 0.1 * bundle, link)


def _spread(cells: Cells, relaxation: Relaxation) -> Tensor:
    """Typical size of each coupling row: its limit, or a share of what a large menu would use."""
    most = min(relaxation.menu.max_bundles, len(cells.option))
    sold = cells.redemption.sum(1)
    size = [torch.topk(rate.abs() * sold, most).values.sum() for rate in cells.rate]
    size += [torch.topk(floor.abs().sum(1), most).values.sum() for floor in cells.floors]
    size += list(relaxation.slots * cells.count_customer.abs().sum(1).float() / 0.3)
    stock = [torch.tensor(float(limit)) for limit in relaxation.rows.limit[relaxation.rows.first_stock :]]
    use = torch.stack([*size, *stock]) if size or stock else torch.zeros(0)
    limit = torch.from_numpy(np.abs(relaxation.rows.limit)).float()
    return torch.where(limit > 0, torch.minimum(limit, use.clamp(min=1e-9)), 0.3 * use).clamp(min=1e-9)


def _projected(gradient: Tensor, price: Tensor) -> Tensor:
    return torch.where((price <= 0) & (gradient > 0), torch.zeros_like(gradient), gradient)


def _step(prices: Multipliers, direction: Direction, length: float, scales: Scales) -> Multipliers:
    return Multipliers(
        row=(prices.row - length * scales.row * direction.row).clamp(min=0),
        slot=(prices.slot - length * scales.customer * direction.slot).clamp(min=0),
        group=(prices.group - length * scales.customer * direction.group).clamp(min=0),
        menu=(prices.menu - length * scales.menu * direction.menu).clamp(min=0),
        link=(prices.link - length * scales.link * direction.link).clamp(min=0),
    )


def _squared(direction: Direction, scales: Scales) -> float:
    total = (scales.row * direction.row.square()).sum() + scales.menu * direction.menu.square().sum()
    total += (scales.link * direction.link.square()).sum()
    customer = direction.slot.square() + direction.group.square().sum(0)
    return float(total + (scales.customer * customer).sum())


def _deflected(gradient: Direction, last: Direction | None) -> Direction:
    if last is None:
        return gradient
    return Direction(
        row=gradient.row + DEFLECTION * last.row,
        slot=gradient.slot + DEFLECTION * last.slot,
        group=gradient.group + DEFLECTION * last.group,
        menu=gradient.menu + DEFLECTION * last.menu,
        link=gradient.link + DEFLECTION * last.link,
    )


def _kept(gradient: Direction, prices: Multipliers) -> Direction:
    """Clear the parts that would push a price below zero."""
    return Direction(
        row=_projected(gradient.row, prices.row),
        slot=_projected(gradient.slot, prices.slot),
        group=_projected(gradient.group, prices.group),
        menu=_projected(gradient.menu, prices.menu),
        link=_projected(gradient.link, prices.link),
    )


@dataclass(frozen=True)
class Effort:
    """How far to go: most `steps`; the `floor` no step aims below; the first `level` below the best bound to aim at."""

    steps: int
    floor: float
    level: float = 0.1
    tick: Tick = never


def ascend(cells: Cells, relaxation: Relaxation, start: Multipliers, effort: Effort) -> Ascent:
    """Lower the bound over `cells`; in float32, which steers only: official bounds come from `price_all`.

    Args:
        cells: options at hand.
        relaxation: the rules.
        start: first prices.
        effort: when to stop.

    Returns:
        The best prices found.
    """
    sizes, level = Sizes(_spread(cells, relaxation), _customer_sizes(cells)), effort.level
    prices, best, last = start, start, None
    top: DualPoint | None = None
    average = np.zeros(len(cells.option))
    stalled = done = 0
    while done < max(effort.steps, 1) and level > LEAST_LEVEL:
        done += 1
        net = net_gain(cells, prices)
        point = complete(scores(cells, net, prices, relaxation), cells, prices, relaxation)
        stalled = 0 if top is None or point.bound < top.bound - PROGRESS * abs(top.bound) else stalled + 1
        if top is None or point.bound < top.bound:
            best, top = prices, point
        average *= MEMORY
        average[point.choice.position] += 1 - MEMORY
        if effort.tick() or top.bound <= effort.floor or point.bound < HOPELESS:
            break
        if stalled >= PATIENCE:
            prices, last, level, stalled = best, None, level / 2, 0
            continue
        last = _deflected(_kept(_gradient(cells, relaxation, net, point), prices), last)
        scales = _scales(cells, relaxation, max(top.bound, 1e-9), sizes)
        squared = _squared(last, scales)
        target = max(effort.floor, top.bound - level * abs(top.bound))
        if not 0 < squared < np.inf or point.bound <= target:
            break  # a zero subgradient: the prices are best
        prices = _step(prices, last, (point.bound - target) / squared, scales)
    assert top is not None  # noqa: S101 - the loop runs at least once
    return Ascent(best, top, average, done, level)
