"""A campaign whose menu is fixed, in the form that streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.groups import conflict_matrix
from bundleopt_solvers.large_assignment.chunks import Chunk
from bundleopt_solvers.large_assignment.offer_rules import OfferRules
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, build_rows, floor_values

Indices = npt.NDArray[np.integer]
CHUNK = 16_384


@dataclass(frozen=True)
class CampaignChunks:
    """The offers of the options `menu` (M,) of a campaign; only one chunk is laid out at a time.

    Channels: redemption, floors on sums of money, one for each row that counts offers, incremental units by place.
    """

    problem: CampaignProblem
    rows: CouplingRows
    menu: Indices

    @property
    def customers(self) -> int:
        """How many customers there are."""
        return len(self.problem.customer_ids)

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over all customers."""
        floors = [floor_values(self.problem, name) for name in self.rows.floors]
        for start in range(0, self.customers, CHUNK):
            part = slice(start, min(start + CHUNK, self.customers))
            value = self.problem.value[part][:, self.menu] - np.float32(self.problem.rules.contact_cost)
            counts = np.repeat(self.rows.count_customer[:, part, None], len(self.menu), axis=2)
            channels = [
                self.problem.redemption[part][:, self.menu],
                *(floor[part][:, self.menu] for floor in floors),
                *counts,
                *np.moveaxis(self.problem.units[part][:, self.menu], 2, 0),
            ]
            yield Chunk(start, value, np.array(channels, dtype=np.float32))


def fixed_menu(problem: CampaignProblem, menu: Indices) -> tuple[CampaignChunks, OfferRules]:
    """Lay out the assignment of a fixed menu.

    Rules that speak of single bundles (exposure, includes, the fixed cost) are the menu's, and are not in it.

    Args:
        problem: the campaign.
        menu: (M,) option indices, one for each bundle.
    """
    rows = build_rows(problem)
    items = problem.options.items[menu]
    first_count, first_unit = 1 + len(rows.floors), 1 + len(rows.floors) + len(rows.count_option)
    coefficient = np.zeros((len(rows.limit), first_unit + items.shape[1], len(menu)))
    coefficient[: len(rows.redemption), 0] = rows.redemption[:, menu]
    for place in range(len(rows.floors)):
        coefficient[len(rows.redemption) + place, 1 + place] = -1.0
    for place, counted in enumerate(rows.count_option):
        coefficient[rows.first_count + place, first_count + place] = counted[menu]
    for place, item in enumerate(rows.stock.tolist()):
        coefficient[rows.first_stock + place, first_unit:] = (items == item).T
    conflict = conflict_matrix(problem, menu).copy()
    np.fill_diagonal(conflict, val=False)
    rules = OfferRules(rows.names, rows.limit.astype(np.float64), coefficient, conflict, problem.rules.slots)
    return CampaignChunks(problem, rows, menu), rules
