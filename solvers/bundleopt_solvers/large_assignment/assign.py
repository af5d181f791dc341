"""Offers for very many customers at a fixed menu, with a certified bound, read from chunks larger than memory.

1. A sample of customers gives prices near the best ones.
2. One pass over all customers keeps the offers that can matter while prices stay in a box around those.
3. Bundle-Newton steps over the kept offers lower the bound; where a price runs into the box, the box moves.
4. At the best prices each customer's best set is known; repair makes the rules hold exactly.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.large_assignment.bundle_newton import Ascent, AscentSettings
from bundleopt_solvers.large_assignment.cell_blocks import CellBlocks, PriceBox, screen, screen_all
from bundleopt_solvers.large_assignment.chunks import Chunk, ChunkSource
from bundleopt_solvers.large_assignment.curvature import curvature
from bundleopt_solvers.large_assignment.dual_value import DualFunction, DualPoint, option_prices
from bundleopt_solvers.large_assignment.offer_rules import Floats64, OfferRules
from bundleopt_solvers.large_assignment.pool import Flags, Marginal, Pool, collect, marginal_loss, split
from bundleopt_solvers.large_assignment.repair import Repair

Sink = Callable[[npt.NDArray[np.int64], npt.NDArray[np.int32]], None]

WIDTH = 0.25  # half the width of the price box, as a share of the sample's prices
FLOOR = 0.02  # and at least so much of the largest price, both counted in money at the rule's own size
MOST_BOXES = 6
MOST_CHANGES = 8_000_000  # repair doesn't ask for more changes than four times this


@dataclass(frozen=True)
class AssignSettings:
    """How far to go.

    Attributes:
        gap: certified relative gap to aim at. sample: customers that the first prices are found on.
        most_points: prices visited over all customers. changes: nearest changes that repair looks at first.
        most_bytes: memory for the kept offers, beyond it scratch files.
        device: "cpu" or a torch device. threads: torch threads, None leaves them alone.
    """

    gap: float = 1e-4
    sample: int = 20_000
    most_points: int = 60
    changes: int = 400_000
    most_bytes: int = 1_500_000_000
    device: str = "cpu"
    threads: int | None = None


@dataclass(frozen=True)
class Assignment:
    """The offers as a whole; they themselves went to the sink.

    Attributes:
        value: money, exact sum rounded once; -inf where no offers that keep all rules were found.
        bound: money; no offers at this menu are worth more. price: (R,) money per unit of every rule.
        slack: (R,) limit less use, exact sums rounded once. offers: how many.
        points: prices visited over all customers. kept: offers kept by screening. seconds, peak_bytes: of this process.
    """

    value: float
    bound: float
    price: Floats64
    slack: Floats64
    offers: int
    points: int
    kept: int
    seconds: float
    peak_bytes: int

    @property
    def gap(self) -> float:
        """(bound - value) / |bound|."""
        return max(0.0, (self.bound - self.value) / max(abs(self.bound), 1e-9))


def assign_offers(
    source: ChunkSource, rules: OfferRules, settings: AssignSettings | None = None, *, sink: Sink | None = None
) -> Assignment:
    """Give each customer the offers that are worth most under `rules`.

    Args:
        source: values and uses in chunks.
        rules: what adds up over customers, what clashes, slots.
        settings: how far to go.
        sink: called with (customer (n,), option (n,)) for consecutive blocks of customers, ascending.

    Returns:
        Value, certified bound, prices and slacks.
    """
    settings = settings or AssignSettings()
    threads = torch.get_num_threads()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    try:
        with torch.no_grad():
            return _Run(source, rules, settings).solve(sink)
    finally:
        torch.set_num_threads(threads)


class _Run:
    """One assignment on its way."""

    def __init__(self, source: ChunkSource, rules: OfferRules, settings: AssignSettings) -> None:
        self.source, self.rules, self.settings = source, rules, settings
        self.device = torch.device(settings.device)
        self.begin = time.perf_counter()
        self.stores: list[CellBlocks] = []
        self.small, self.sample = self._samples()
        self.size, self.free_bound = self._sizes()

    def _samples(self) -> list[DualFunction]:
        """A small and a large sample, every k-th customer, with all offers."""
        customers = self.source.customers
        every = [max(1, -(-customers // size)) for size in (self.settings.sample // 20 or 1, self.settings.sample)]
        value: list[list[npt.NDArray[np.float32]]] = [[] for _ in every]
        channels: list[list[npt.NDArray[np.float32]]] = [[] for _ in every]
        for chunk in self.source.chunks():
            for level, step in enumerate(every):
                part = slice(-chunk.start % step, None, step)
                value[level].append(chunk.value[part].copy())
                channels[level].append(chunk.channels[:, part].copy())
        pairs = zip(value, channels, strict=True)
        return [self._function(np.concatenate(worth), np.concatenate(uses, axis=1)) for worth, uses in pairs]

    def _function(self, value: npt.NDArray[np.float32], channels: npt.NDArray[np.float32]) -> DualFunction:
        count = len(self.rules.limit)
        everything = PriceBox(np.zeros(count), np.full(count, 1e30))
        blocks = CellBlocks(self.settings.most_bytes)
        self.stores.append(blocks)
        blocks.add(screen(Chunk(0, value, channels), self.rules, everything, self.device))
        return DualFunction(self.rules, blocks, self.device, scale=self.source.customers / max(len(value), 1))

    def _sizes(self) -> tuple[Floats64, float]:
        """Money per unit of price of each rule (its limit, or a hundredth of its free use), and the free bound."""
        free = self.sample.at(np.zeros(len(self.rules.limit)))
        use = np.abs(self.rules.limit - free.slope)
        size = np.maximum(np.maximum(np.abs(self.rules.limit), 0.01 * use), 1e-9)
        return np.asarray(size), max(free.bound, 1e-9)

    def close(self) -> None:
        """Remove scratch files."""
        for blocks in self.stores:
            blocks.close()

    def solve(self, sink: Sink | None) -> Assignment:
        """Prices on the sample, on all customers, then whole offers."""
        try:
            function, best, points = self._all_customers(self._first_prices())
            bound = best.bound + function.rounding(best.price)
            loss, pool, shown = self._whole(function, best, bound)
            if sink is not None and shown is not None:
                _emit(function, best.price, loss, (pool, shown), sink)
            return self._result((pool, shown), best, bound, (points, function.blocks.cells))
        finally:
            self.close()

    def _whole(self, function: DualFunction, best: DualPoint, bound: float) -> tuple[float, Pool, Flags | None]:
        """Repair among the changes that lose least; among more of them while the gap is not reached."""
        wanted, least = self.settings.changes, 0.1 * self.settings.gap * max(abs(bound), 1e-9)
        while True:
            loss = marginal_loss(function, best.price, wanted)
            pool = collect(function, best.price, loss)
            repair = Repair(pool, self.rules, best.price, least)
            shown = repair.run()
            near = shown is not None and bound - best.bound + repair.distance() <= self.settings.gap * abs(bound)
            if near or not np.isfinite(loss) or wanted > MOST_CHANGES:
                return loss, pool, shown
            wanted *= 4

    def _first_prices(self) -> Floats64:
        """Prices on the small sample, refined on the large one."""
        top = np.maximum(10.0 * self.free_bound / self.size, 1e-9)
        box, price = PriceBox(np.zeros(len(top)), top), np.zeros(len(top))
        for function, tolerance in ((self.small, 10.0), (self.sample, 0.1)):
            ascent = Ascent(function, box, partial(curvature, function), self.size)
            price = ascent.run(price, AscentSettings(tolerance * self.settings.gap, 150)).price
        return price

    def _all_customers(self, price: Floats64) -> tuple[DualFunction, DualPoint, int]:
        """Descend over all customers; returns the bound, its best point and how many were visited."""
        points = 0
        for turn in range(MOST_BOXES):
            box = self._box(price)
            blocks = screen_all(self.source, self.rules, box, self.settings.most_bytes, self.device)
            self.stores.append(blocks)
            function = DualFunction(self.rules, blocks, self.device)
            ascent = Ascent(function, box, partial(curvature, self.sample), self.size)
            best = ascent.run(price, AscentSettings(0.01 * self.settings.gap, self.settings.most_points - points))
            points += ascent.visited
            at_edge = (best.price > 0) & ((best.price <= box.low) | (best.price >= box.high))
            if not at_edge.any() or points >= self.settings.most_points or turn == MOST_BOXES - 1:
                break
            price = best.price
            blocks.close()
        return function, best, points

    def _box(self, price: Floats64) -> PriceBox:
        money = price * self.size
        half = np.maximum(WIDTH * money, FLOOR * max(float(money.max(initial=0.0)), 1e-9)) / self.size
        return PriceBox(np.maximum(price - half, 0.0), price + half)

    def _result(
        self, draft: tuple[Pool, Flags | None], best: DualPoint, bound: float, counts: tuple[int, int]
    ) -> Assignment:
        pool, shown = draft
        value, slack, offers = -np.inf, np.full(len(self.rules.limit), np.nan), 0
        if shown is not None:
            totals = pool.fixed
            at = np.flatnonzero(shown)
            totals.add(pool.option[at], pool.value[at], pool.channels[:, at])
            value, offers = float(totals.value()), totals.offers
            pairs = zip(self.rules.limit.tolist(), totals.use(), strict=True)
            slack = np.array([float(Fraction(limit) - use) for limit, use in pairs])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        seconds = time.perf_counter() - self.begin
        return Assignment(value, max(bound, value), best.price, slack, offers, *counts, seconds, peak)


def _emit(function: DualFunction, price: Floats64, loss: float, draft: tuple[Pool, Flags], sink: Sink) -> None:
    """Pass the offers on, block by block: the pool's as repaired, everybody else's as the prices say."""
    pool, shown = draft
    prices = option_prices(function.rules, price, function.device)
    for block in function.blocks.blocks(function.device):
        state = Marginal(block, prices, function)
        _, other = split(state, loss)
        first, last = np.searchsorted(pool.customer, [block.start, block.start + block.customers])
        mine = first + np.flatnonzero(shown[first:last])
        customer = np.concatenate([pool.customer[mine], block.customer[other].cpu().numpy() + block.start])
        option = np.concatenate([pool.option[mine], block.option[other].cpu().numpy()])
        order = np.lexsort((option, customer))
        sink(customer[order].astype(np.int64), option[order].astype(np.int32))
