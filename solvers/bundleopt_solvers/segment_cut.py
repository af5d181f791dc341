"""A row that every whole menu keeps and fractional ones break: units of one stock row plus tolls of options <= limit.

Letters: as in `segment_model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bundleopt_solvers.arbitrage import broken_covers
from bundleopt_solvers.problem import CampaignProblem

if TYPE_CHECKING:
    from bundleopt_solvers.segment_model import Indices, Reals, SegmentModel


@dataclass(frozen=True, eq=False)
class SegmentCut:
    """sum over `flow` of the units of `stock_row` sold + sum of toll_o z_o <= limit.

    Attributes:
        name: for people. stock_row: whose units count, -1 for none.
        option: option indices of the problem, ascending. toll: aligned, added where the option is on the menu.
        has_flow: whether the units of these options count. limit: the right-hand side.
    """

    name: str
    stock_row: int
    option: Indices
    toll: Reals
    has_flow: bool
    limit: float

    def tolls_at(self, option: Indices) -> tuple[Indices, Reals]:
        """Positions in `option` (ascending option indices of the problem) that pay a toll, and the tolls."""
        at = np.searchsorted(option, self.option)
        there = at < len(option)
        there[there] = option[at[there]] == self.option[there]
        return at[there], self.toll[there]

    def flows_at(self, model: SegmentModel) -> tuple[Indices, Indices]:
        """Positions of the options whose units count, and the place of the item in each."""
        if not self.has_flow:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        at, _ = self.tolls_at(model.option)
        hit, place = np.nonzero(model.unit_row[at] == self.stock_row)
        return at[hit], place


def arbitrage_cuts(problem: CampaignProblem, menu: Indices) -> list[SegmentCut]:
    """Rows against the covers that undercut options of `menu`, lifted over the price ladder as in `segment_cuts`."""
    return [_arbitrage_cut(problem, cover.option, list(cover.covering)) for cover in broken_covers(problem, menu)]


def _arbitrage_cut(problem: CampaignProblem, victim: int, covering: list[int]) -> SegmentCut:
    price, bundle = problem.options.price_cents, problem.options.bundle
    members = [np.flatnonzero((bundle == bundle[victim]) & (price >= price[victim]))]
    members += [np.flatnonzero((bundle == bundle[o]) & (price <= price[o])) for o in covering]
    option = np.sort(np.concatenate(members)).astype(np.int64)
    name = f"no_arbitrage.{problem.options.bundle_ids[bundle[victim]]}"
    return SegmentCut(name, -1, option, np.ones(len(option)), has_flow=False, limit=float(len(covering)))
