"""The segment menu problem as dense arrays over all options, for bounds that no list of columns could carry.

Letters: `S` segments, `O` options that a plan may hold, `B` their bundles, `K` items of a bundle, `R` dense rows,
`J` stock rows, `G` exclusion groups, `Q` capped rows of the menu.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.arbitrage import dear_options
from bundleopt_solvers.groups import option_groups
from bundleopt_solvers.menu_rules import MenuRules, build_menu_rules, fixed_prices, needs_useless_offers
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, build_rows, floor_values
from bundleopt_solvers.segment_core import useful_options
from bundleopt_solvers.segment_totals import SegmentTotals, build_segment_totals, segment_sums

Reals = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SegmentModel:
    """The segment menu problem, option-major.

    Attributes:
        problem: what it was built from. rows, menu: its rules.
        option: (O,) option indices of the problem, ascending. bundle: (O,) bundle indices of the problem.
        value: (O, S) money at full exposure. dense: (R, O, S) use of the rows that are not stock; `dense_limit`: (R,).
        units: (K, O, S) of each item; `unit_row`: (O, K) its stock row, J where it has none. stock: (J,) units.
        group: (O, width) exclusion groups, `groups` where there is none. members: (S,) customers.
        capacity: (R,), stock_capacity: (J,) whether a row has no negative use, so that it limits every option alone.
        forced: bundles of the problem that must be on the menu.
    """

    problem: CampaignProblem
    rows: CouplingRows
    menu: MenuRules
    option: Indices
    bundle: Indices
    value: Reals
    dense: Reals
    dense_limit: Reals
    units: Reals
    unit_row: Indices
    stock: Reals
    group: Indices
    groups: int
    members: Reals
    capacity: npt.NDArray[np.bool_]
    stock_capacity: npt.NDArray[np.bool_]
    forced: frozenset[int]

    @property
    def segments(self) -> int:
        """S, the number of segments."""
        return int(self.value.shape[1])

    @property
    def slots(self) -> int:
        """Offers to a customer."""
        return self.problem.rules.slots

    def take(self, at: Indices) -> SegmentModel:
        """The same problem over the options at positions `at`, ascending."""
        return SegmentModel(
            self.problem,
            self.rows,
            self.menu,
            self.option[at],
            self.bundle[at],
            self.value[at],
            self.dense[:, at],
            self.dense_limit,
            self.units[:, at],
            self.unit_row[at],
            self.stock,
            self.group[at],
            self.groups,
            self.members,
            self.capacity,
            self.stock_capacity,
            self.forced,
        )

    def used(self) -> npt.NDArray[np.bool_]:
        """(O, S) exposures that may be above 0 in a best plan: they earn, relieve a row, or are asked for."""
        if needs_useless_offers(self.problem.rules):
            return np.ones(self.value.shape, np.bool_)
        useful = (self.value > 0) | (self.dense < 0).any(0)
        return np.asarray(useful | np.isin(self.bundle, list(self.forced))[:, None])

    def limits(self) -> tuple[Reals, Reals]:
        """What each option alone may use: capacities (n, O) and uses (n, O, S).

        Stock first, then dense capacity rows, then the most offers of a bundle where there is such a rule.

        A capacity is infinite where the row doesn't limit the option.
        """
        # a row with a negative use is no capacity: another option could make room in it
        stock = np.append(np.where(self.stock_capacity, self.stock, np.inf), np.inf)[self.unit_row].T
        most = self.problem.rules.max_exposure
        flat = np.append(self.dense_limit[self.capacity], [] if most is None else [float(most)])
        dense = np.broadcast_to(flat[:, None], (len(flat), len(self.option)))
        offers = np.broadcast_to(self.members, (0 if most is None else 1, *self.value.shape))
        return np.concatenate([stock, dense]), np.concatenate([self.units, self.dense[self.capacity], offers])


def build_segment_model(problem: CampaignProblem) -> SegmentModel:
    """Sum `problem` over its segments, for every option that a plan may hold."""
    rows, menu = build_rows(problem), build_menu_rules(problem)
    option = useful_options(problem, rows, _possible(problem)).astype(np.int64)
    totals = build_segment_totals(problem, option)
    dense = _dense_rows(problem, rows, totals, option)
    group, groups = option_groups(problem)
    items = problem.options.items[option]
    row_of = np.full(max(len(problem.options.item_ids), 1) + 1, len(rows.stock), np.int64)
    row_of[rows.stock] = np.arange(len(rows.stock))
    units = np.ascontiguousarray(totals.units.transpose(2, 1, 0)) * (items.T >= 0)[:, :, None]
    unit_row = np.where(items >= 0, row_of[items], len(rows.stock))
    relieved = np.zeros(len(rows.stock) + 1, np.bool_)
    np.logical_or.at(relieved, unit_row.T, (units < 0).any(2))
    return SegmentModel(
        problem=problem,
        rows=rows,
        menu=menu,
        option=option,
        bundle=problem.options.bundle[option].astype(np.int64),
        value=np.ascontiguousarray(totals.value.T),
        dense=dense,
        dense_limit=rows.limit[: rows.first_stock],
        units=units,
        unit_row=unit_row,
        stock=rows.limit[rows.first_stock :],
        group=group[option],
        groups=groups,
        members=totals.members,
        capacity=np.array([bool((row >= 0).all()) for row in dense], np.bool_),
        stock_capacity=~relieved[:-1],
        forced=frozenset(menu.include),
    )


def _possible(problem: CampaignProblem) -> Indices:
    return np.flatnonzero(~(dear_options(problem) | fixed_prices(problem)))


def _dense_rows(problem: CampaignProblem, rows: CouplingRows, totals: SegmentTotals, option: Indices) -> Reals:
    """(R, O, S) budget, margin floors, floors on sums of money, counts of offers."""
    parts = [rate[option][:, None] * totals.redemption.T for rate in rows.redemption]
    parts += [-segment_sums(floor_values(problem, name), problem.segment, option).T for name in rows.floors]
    for options, customers in zip(rows.count_option, rows.count_customer, strict=True):
        parts.append(options[option][:, None] * np.bincount(problem.segment, customers)[None, :])
    return np.array(parts).reshape(len(parts), len(option), len(totals.members))
