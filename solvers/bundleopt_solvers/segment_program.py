"""The segment menu problem over a core of options as one linear model, and its row prices as prices of the bound.

Columns: z of every core option, then x of every exposure that may be used. Rows come in blocks, so that the prices of
a block can be read back by position.

Letters: as in `segment_model`; `X` exposures of the core, `C` cuts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.linear_model import LinearModel
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_dual import SegmentPrices
from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of one kind: coefficients (row, column, number) with rows from 0, and limits."""

    name: str
    row: Indices
    column: Indices
    number: Reals
    lower: Reals
    upper: Reals
    key: Indices


@dataclass(frozen=True, eq=False)
class SegmentProgram:
    """The linear model of a core.

    Attributes:
        core: the options it holds. model: over columns z (n,), x (X,). option, segment: (X,) of every exposure.
        blocks: (name, first row, keys) of every kind of row; a key names the same row in every model of the problem.
        cuts: rows of the block `cut`.
        links: option position and capacity number of every row of the block `link`.
        row_scale: (rows,) powers of two that every row was multiplied by; money_scale: the same of the objective.
    """

    core: SegmentModel
    model: LinearModel
    option: Indices
    segment: Indices
    blocks: tuple[tuple[str, int, Indices], ...]
    cuts: tuple[SegmentCut, ...]
    links: tuple[Indices, Indices]
    row_scale: Reals
    money_scale: float

    def shares(self, values: Reals) -> tuple[Reals, Reals]:
        """Menu shares (n,) and exposures (n, S) in `values`."""
        count = len(self.core.option)
        exposure = np.zeros((count, self.core.segments))
        exposure[self.option, self.segment] = values[count:]
        return values[:count], exposure

    def prices(self, duals: Reals, *, every_link: bool = False) -> SegmentPrices:
        """Prices of the bound from row prices (rows,); rows that it keeps for itself are left out.

        With `every_link` those of the capacities stay in: at these prices a column says whether it would enter.
        """
        core = self.core
        duals = duals * self.row_scale / self.money_scale
        part = {name: np.maximum(duals[at : at + len(key)], 0.0) for name, at, key in self.blocks}
        keys = {name: key for name, _, key in self.blocks}
        group = np.zeros((core.groups + 1) * core.segments)
        group[keys["group"]] = part["group"]
        stock, slot = np.zeros(len(core.stock)), np.zeros(core.segments)
        stock[keys["stock"]], slot[keys["slot"]] = part["stock"], part["slot"]
        menu = np.zeros(len(core.menu.cap))
        menu[keys["menu"]] = part["menu"]
        paid = np.flatnonzero(part["cut"])
        return SegmentPrices(
            dense=part["dense"],
            stock=stock,
            slot=slot,
            group=group.reshape(core.groups + 1, core.segments),
            menu=menu,
            link=self._links(part["link"], least=0 if every_link else 1),
            shown=_positive(keys["shown"], part["shown"]),
            least=_positive(keys["least"], part["least"]),
            cuts=tuple(self.cuts[k] for k in paid),
            cut_price=tuple(part["cut"][paid].tolist()),
        )

    def _links(self, price: Reals, *, least: int) -> tuple[tuple[int, int, float], ...]:
        """(option of the problem, capacity, price) of options with more than `least` priced capacities."""
        option, capacity = self.links
        several = np.bincount(option, price > 0, minlength=len(self.core.option)) > least
        return tuple(
            (int(self.core.option[option[at]]), int(capacity[at]), float(price[at]))
            for at in np.flatnonzero((price > 0) & several[option])
        )


def _positive(key: Indices, price: Reals) -> dict[int, float]:
    return {int(k): float(p) for k, p in zip(key, price, strict=True) if p > 0}


def build_program(
    core: SegmentModel,
    cuts: Sequence[SegmentCut] = (),
    *,
    on: frozenset[int] = frozenset(),
    columns: npt.NDArray[np.bool_] | None = None,
) -> SegmentProgram:
    """Write the linear model of `core` with `cuts`; whole numbers are marked, `relaxed()` drops the marks.

    Args:
        core: the options.
        cuts: rows that tighten it.
        on: bundles on the menu, beside those that must be.
        columns: (n, S) exposures to write, the others stay at 0; None for all that may be of use.
    """
    used = core.used()
    option, segment = np.nonzero(used if columns is None else used & columns)
    blocks = [
        *_menu_blocks(core, core.forced | on),
        *_sum_blocks(core, option, segment),
        *_customer_blocks(core, option, segment),
        *_link_blocks(core, option, segment),
        _cut_block(core, option, segment, cuts),
    ]
    count = len(core.option)
    objective = np.concatenate([np.full(count, -core.menu.fixed_cost), core.value[option, segment]])
    scales = [_power_scale(block) for block in blocks]
    money_scale = _power_of_two(float(np.abs(objective).max(initial=0.0)))
    scaled = [_scaled(block, scale) for block, scale in zip(blocks, scales, strict=True)]
    model = _stacked(scaled, objective * money_scale, np.arange(len(objective)) < count)
    starts = np.cumsum([0, *(len(block.upper) for block in blocks)])[:-1]
    named = tuple((b.name, int(start), b.key) for b, start in zip(blocks, starts, strict=True))
    scale = np.concatenate(scales)
    capacity, hit = _links(core)
    return SegmentProgram(core, model, option, segment, named, tuple(cuts), (hit, capacity), scale, money_scale)


def _power_of_two(largest: float) -> float:
    """The power of two that brings `largest` into [1, 2); it loses no digit."""
    return float(np.exp2(-np.floor(np.log2(largest)))) if largest > 0 else 1.0


def _power_scale(block: Block) -> Reals:
    """Powers of two that bring the largest coefficient of every row into [1, 2): solvers count in absolute errors."""
    largest = np.zeros(len(block.upper))
    np.maximum.at(largest, block.row, np.abs(block.number))
    return np.exp2(-np.floor(np.log2(np.where(largest > 0, largest, 1.0))))


def _scaled(block: Block, scale: Reals) -> Block:
    return replace(block, number=block.number * scale[block.row], lower=block.lower * scale, upper=block.upper * scale)


def _stacked(blocks: Sequence[Block], objective: Reals, integer: np.ndarray) -> LinearModel:
    starts = np.cumsum([0, *(len(block.upper) for block in blocks)])
    row = np.concatenate([block.row + start for block, start in zip(blocks, starts[:-1], strict=True)])
    column = np.concatenate([block.column for block in blocks])
    number = np.concatenate([block.number for block in blocks])
    keep = number != 0
    row, column, number = row[keep], column[keep], number[keep]
    order = np.argsort(row, kind="stable")
    return LinearModel(
        objective=objective,
        lower=np.zeros(len(objective)),
        upper=np.ones(len(objective)),
        integer=integer,
        indptr=np.concatenate([[0], np.cumsum(np.bincount(row, minlength=starts[-1]))]).astype(np.int64),
        indices=column[order].astype(np.int64),
        coefficients=number[order],
        row_lower=np.concatenate([block.lower for block in blocks]),
        row_upper=np.concatenate([block.upper for block in blocks]),
    )


def _at_most(name: str, entries: tuple[Indices, Indices, Reals], limit: Reals, key: Indices) -> Block:
    row, column, number = entries
    return Block(name, row, column, np.asarray(number, np.float64), np.full(len(limit), -np.inf), limit, key)


def _menu_blocks(core: SegmentModel, on: frozenset[int]) -> list[Block]:
    """One price a bundle (forced bundles have one), most bundles, counted rows."""
    count = len(core.option)
    bundles, at = np.unique(core.bundle, return_inverse=True)
    forced = np.isin(bundles, list(on))
    ones = np.ones(count)
    every = np.arange(count)
    price = Block("price", at, every, ones, np.where(forced, 1.0, -np.inf), np.ones(len(bundles)), bundles)
    most = _at_most(
        "size", (np.zeros(count, np.int64), every, ones), np.array([float(core.menu.max_bundles)]), every[:1]
    )
    member = core.menu.member[:, core.option]
    row, column = np.nonzero(member)
    menu = _at_most("menu", (row, column, member[row, column]), core.menu.cap, np.arange(len(core.menu.cap)))
    return [price, most, menu]


def _sum_blocks(core: SegmentModel, option: Indices, segment: Indices) -> list[Block]:
    """Rows over all segments: dense rows and stock."""
    count, exposures = len(core.option), len(option)
    rows, every = len(core.dense_limit), np.arange(len(core.dense_limit))
    column = np.tile(count + np.arange(exposures), rows)
    number = core.dense[:, option, segment].ravel()
    dense = _at_most("dense", (np.repeat(every, exposures), column, number), core.dense_limit, every)
    places = core.unit_row.shape[1]
    row = core.unit_row[option].T.ravel()
    number = core.units[:, option, segment].ravel()
    column = np.tile(count + np.arange(exposures), places)
    there = row < len(core.stock)
    key, row = np.unique(row[there], return_inverse=True)
    return [dense, _at_most("stock", (row, column[there], number[there]), core.stock[key], key)]


def _customer_blocks(core: SegmentModel, option: Indices, segment: Indices) -> list[Block]:
    """Slots, exclusion groups, x <= z."""
    x = len(core.option) + np.arange(len(option))
    one = np.ones(len(x))
    slot = _at_most("slot", (segment, x, one), np.full(core.segments, float(core.slots)), np.arange(core.segments))
    code = core.group[option]
    there, place = np.nonzero(code < core.groups)
    cell = code[there, place] * core.segments + segment[there]
    several = _several_bundles(core)[code[there, place]]
    key, row = np.unique(cell[several], return_inverse=True)
    group = _at_most("group", (row, x[there[several]], np.ones(len(row))), np.ones(len(key)), key)
    every = np.arange(len(x))
    entries = (np.concatenate([every, every]), np.concatenate([x, option]), np.concatenate([one, -one]))
    key = core.option[option] * core.segments + segment
    return [slot, group, _at_most("shown_if_on", entries, np.zeros(len(x)), key)]


def _several_bundles(core: SegmentModel) -> np.ndarray:
    """(G + 1,) whether options of several bundles of the core are in a group."""
    pairs = np.unique(np.stack([core.group.ravel(), np.repeat(core.bundle, core.group.shape[1])]), axis=1)
    return np.asarray(np.bincount(pairs[0], minlength=core.groups + 1) > 1)


def _link_blocks(core: SegmentModel, option: Indices, segment: Indices) -> list[Block]:
    """What an option alone may use, and the least offers of bundles that must be shown."""
    count = len(core.option)
    capacity, use = core.limits()
    number, hit = _links(core)
    row_of = np.full(capacity.shape, -1)
    row_of[number, hit] = np.arange(len(hit))
    row = row_of[:, option]
    which, x = np.nonzero(row >= 0)
    entries = (
        np.concatenate([row[which, x], np.arange(len(hit))]),
        np.concatenate([count + x, hit]),
        np.concatenate([use[which, option[x], segment[x]], -capacity[number, hit]]),
    )
    link = _at_most("link", entries, np.zeros(len(hit)), core.option[hit] * len(capacity) + number)
    return [link, *_least_blocks(core, option, segment)]


def _links(core: SegmentModel) -> tuple[Indices, Indices]:
    """Capacity number and option position of every capacity that full exposure would overstep."""
    capacity, use = core.limits()
    number, hit = np.nonzero((use * core.used()).sum(2) > capacity)
    return number, hit


def _least_blocks(core: SegmentModel, option: Indices, segment: Indices) -> list[Block]:
    count, x = len(core.option), len(core.option) + np.arange(len(option))
    forced = np.array(sorted(core.forced), np.int64)
    here = np.isin(core.bundle[option], forced)
    row = np.searchsorted(forced, core.bundle[option[here]])
    shown = _at_most("shown", (row, x[here], -core.members[segment[here]]), -np.ones(len(forced)), forced)
    least = core.problem.rules.min_exposure or 1
    rows = count if least > 1 else 0
    every = np.arange(rows)
    inside = option < rows
    entries = (
        np.concatenate([option[inside], every]),
        np.concatenate([x[inside], every]),
        np.concatenate([-core.members[segment[inside]], np.full(rows, float(least))]),
    )
    return [shown, _at_most("least", entries, np.zeros(rows), core.option[:rows])]


def _cut_block(core: SegmentModel, option: Indices, segment: Indices, cuts: Sequence[SegmentCut]) -> Block:
    count = len(core.option)
    rows, columns, numbers = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros(0)]
    first = np.searchsorted(option, np.arange(count + 1))
    for row, cut in enumerate(cuts):
        at, toll = cut.tolls_at(core.option)
        flow, place = cut.flows_at(core)
        parts = [np.arange(first[o], first[o + 1]) for o in flow]
        units = [core.units[k, o, segment[part]] for o, k, part in zip(flow, place, parts, strict=True)]
        columns += [at, *(count + part for part in parts)]
        numbers += [toll, *units]
        rows.append(np.full(len(at) + sum(len(part) for part in parts), row))
    limit = np.array([cut.limit for cut in cuts])
    entries = (np.concatenate(rows), np.concatenate(columns), np.concatenate(numbers))
    return _at_most("cut", entries, limit, np.arange(len(cuts)))
