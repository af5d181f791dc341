"""The cells (option, customer) of a campaign, option-major tensors: what every bound and search computes on.

Letters: `U` customers, `O` options, `K` items of a bundle, `G` exclusion groups of an option, `F` floors, `C` counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cliques import bound_groups
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, floor_values

Tensor = torch.Tensor
NEVER = -1.0e30  # gain of a cell that no plan can hold; finite, so that products with zero stay zero


@dataclass(frozen=True)
class Cells:
    """Cells of a set of options.

    Attributes:
        option: (O,) option indices of the problem. bundle: (O,) their bundles.
        gain: (O, U) value of an offer, `NEVER` where a single offer already breaks a rule; contact: cost of an offer.
        redemption: (O, U). floors: F tensors (O, U), money that a floor adds up.
        count_option: (C, O). count_customer: (C, U); their products are the coefficients of rows that count offers.
        units: K tensors (O, U), or empty where no stock row binds.
        unit_row: (O, K) stock row, J where none. unit_cap: (O, K) its limit.
        heft: (2 + F, O) float64 sums over customers of absolute gain, redemption, and absolute values of the floors.
        rate: (R, O) coefficients of the redemption rows.
        group: (O, G) exclusion groups, `groups` where none.
        shelf: whether the last customer is the shelf, see CampaignProblem.
    """

    option: npt.NDArray[np.int64]
    bundle: npt.NDArray[np.int64]
    gain: Tensor
    redemption: Tensor
    floors: tuple[Tensor, ...]
    count_option: Tensor
    count_customer: Tensor
    units: tuple[Tensor, ...]
    unit_row: Tensor
    unit_cap: Tensor
    heft: Tensor
    rate: Tensor
    group: Tensor
    groups: int
    stock_rows: int
    contact: float
    shelf: bool = False

    @property
    def customers(self) -> int:
        """Number of customers, the shelf left out."""
        return self.gain.shape[1] - int(self.shelf)

    def part(self, start: int, stop: int) -> Cells:
        """Return the cells of a range of options, without copying them."""
        here = slice(start, stop)
        return replace(
            self,
            option=self.option[here],
            bundle=self.bundle[here],
            gain=self.gain[here],
            redemption=self.redemption[here],
            floors=tuple(part[here] for part in self.floors),
            count_option=self.count_option[:, here],
            units=tuple(part[here] for part in self.units),
            unit_row=self.unit_row[here],
            unit_cap=self.unit_cap[here],
            heft=self.heft[:, here],
            rate=self.rate[:, here],
            group=self.group[here],
        )

    def take(self, keep: npt.NDArray[np.int64]) -> Cells:
        """Return the cells of the options at positions `keep`."""
        at = torch.from_numpy(np.asarray(keep, dtype=np.int64))
        return replace(
            self,
            option=self.option[keep],
            bundle=self.bundle[keep],
            gain=self.gain[at],
            redemption=self.redemption[at],
            floors=tuple(part[at] for part in self.floors),
            count_option=self.count_option[:, at],
            units=tuple(part[at] for part in self.units),
            unit_row=self.unit_row[at],
            unit_cap=self.unit_cap[at],
            heft=self.heft[:, at],
            rate=self.rate[:, at],
            group=self.group[at],
        )

    def sample(self, who: npt.NDArray[np.int64]) -> Cells:
        """Return the cells of the customers `who`, stock in proportion; the shelf, where it is one, too."""
        at = torch.from_numpy(who)
        share = len(who) / self.gain.shape[1]
        weight = torch.ones(len(who))
        if self.shelf:
            weight[-1] = share
        return replace(
            self,
            gain=self.gain[:, at] * weight,
            redemption=self.redemption[:, at] * weight,
            floors=tuple(part[:, at] * weight for part in self.floors),
            count_customer=self.count_customer[:, at],
            units=tuple(part[:, at] * weight for part in self.units),
            unit_cap=self.unit_cap * share,
        )

    def double(self) -> Cells:
        """Return the same cells in float64, for official bounds."""
        return replace(
            self,
            gain=self.gain.double(),
            redemption=self.redemption.double(),
            floors=tuple(part.double() for part in self.floors),
            units=tuple(part.double() for part in self.units),
            unit_cap=self.unit_cap.double(),
            rate=self.rate.double(),
        )


def _transposed(array: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array.T, dtype=np.float32))


def build_cells(problem: CampaignProblem, rows: CouplingRows, options: npt.NDArray[np.int64]) -> Cells:
    """Lay out the cells of `options`; drop cells that alone exceed a row whose coefficients are never negative."""
    table = problem.options
    gain = _transposed(problem.value[:, options])
    redemption = _transposed(problem.redemption[:, options])
    rate = torch.from_numpy(rows.redemption[:, options]).float()
    stock_row = np.full(int(table.items.max(initial=0)) + 2, len(rows.stock), dtype=np.int64)
    stock_row[rows.stock] = np.arange(len(rows.stock))
    unit_row = np.where(table.items[options] >= 0, stock_row[table.items[options]], len(rows.stock))
    places = range(table.items.shape[1] if len(rows.stock) else 0)
    units = [_transposed(problem.units[:, options, place]) for place in places]
    for row, (limit, name) in enumerate(zip(rows.limit, rows.names, strict=True)):
        if name == "budget" and bool((rows.redemption[row] >= 0).all()):
            gain[redemption * rate[row][:, None] > limit * (1 + 1e-6) + 1e-30] = NEVER
    for place, part in enumerate(units):
        allowed = np.append(rows.limit[rows.first_stock :], np.inf)[unit_row[:, place]]
        gain[part > torch.from_numpy(allowed * (1 + 1e-6) + 1e-30)[:, None]] = NEVER
    codes, groups = bound_groups(problem)
    floors = tuple(_transposed(floor_values(problem, name)[:, options]) for name in rows.floors)
    size = torch.where(gain > NEVER / 2, gain.abs(), torch.zeros(()))
    heft = [part.sum(1, dtype=torch.float64) for part in (size, redemption, *(floor.abs() for floor in floors))]
    return Cells(
        option=options,
        bundle=table.bundle[options].astype(np.int64),
        gain=gain,
        redemption=redemption,
        heft=torch.stack(heft),
        floors=floors,
        count_option=torch.from_numpy(rows.count_option[:, options]),
        count_customer=torch.from_numpy(rows.count_customer),
        units=tuple(units),
        unit_row=torch.from_numpy(unit_row),
        unit_cap=torch.from_numpy(np.append(rows.limit[rows.first_stock :], 0.0)[unit_row]).float(),
        rate=rate,
        group=torch.from_numpy(codes[options]),
        groups=groups,
        stock_rows=len(rows.stock),
        contact=problem.rules.contact_cost,
        shelf=problem.shelf,
    )
