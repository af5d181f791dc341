"""The menu problem over segments as one linear model: which options to publish, at which exposure per segment.

    max  sum_so value_so x_so - fixed_cost sum_b y_b
    x_so <= z_o,  sum_d z_(b,d) = y_b,  sum_b y_b <= max_bundles,  caps by category and item,
    sum_o x_so <= slots,  sum over options with item i of x_so <= 1,  budget, margin floors, stock,
    no arbitrage, and for every limit c that no option can relieve: sum_s use_so x_so <= c z_o

value_so is the sum over the segment's members. All members of a segment share one exposure, which restricts the
customer problem: this model's bound is a bound for segment plans only, and its certificate says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.arbitrage import Cover, dear_options
from bundleopt_solvers.backends.result import BackendResult
from bundleopt_solvers.linear_model import LinearModel, Reals
from bundleopt_solvers.menu_rules import asked_bundles, fixed_prices, needs_useless_offers
from bundleopt_solvers.plan import Certificate
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.readable_names import readable_names
from bundleopt_solvers.rows import CouplingRows, build_rows
from bundleopt_solvers.segment_columns import Indices, SegmentColumns, at_most
from bundleopt_solvers.segment_core import choose_core, useful_options
from bundleopt_solvers.segment_cut import SegmentCut
from bundleopt_solvers.segment_cuts import FEW_PAIRS, cover_row, pair_rows
from bundleopt_solvers.segment_rows import all_rows, coupling_of
from bundleopt_solvers.segment_totals import SegmentTotals, build_segment_totals

FAMILY = "segment model: one exposure share for all members of a segment"
MAX_OPTIONS = 300
ON = 0.5


@dataclass(frozen=True, eq=False)
class SegmentMaster:
    """The segment menu problem.

    Attributes:
        problem: what it was built from. model: the linear model. columns: where its variables stand.
        candidates: how many options a best plan may hold; more than `columns.options` where only a core is modelled.
        totals: sums per segment and option of the model.
    """

    problem: CampaignProblem
    model: LinearModel
    columns: SegmentColumns
    candidates: int
    totals: SegmentTotals

    def menu_of(self, values: Reals) -> Indices:
        """Option indices on the menu in `values` (V,), ascending."""
        return self.columns.options[values[: self.columns.first_y] > ON]

    def exposures_of(self, values: Reals) -> npt.NDArray[np.float64]:
        """(S, O) exposure shares in `values` (V,), over the options of the model."""
        shares = np.zeros((len(self.totals.members), len(self.columns.options)))
        shares[self.columns.segment, self.columns.option] = values[self.columns.first_x :]
        return shares

    def with_menu(self, menu: Indices) -> LinearModel:
        """The model with the menu fixed: what is left is linear. `menu` are option indices of the problem."""
        lower, upper = self.model.lower.copy(), self.model.upper.copy()
        fixed = np.zeros(self.columns.first_x)
        at = self.columns.position_of(np.asarray(menu, np.int64))
        fixed[at] = 1.0
        fixed[self.columns.first_y + self.columns.bundle_at[at]] = 1.0
        lower[: self.columns.first_x] = upper[: self.columns.first_x] = fixed
        return replace(self.model.with_bounds(lower, upper), integer=np.zeros(self.model.variables, np.bool_))

    def with_covers(self, covers: Sequence[Cover]) -> SegmentMaster:
        """The same problem with a lifted row against each of `covers`."""
        rows = [cover_row(self.problem, self.columns, cover) for cover in covers]
        model = self.model.with_rows(rows)
        return replace(self, model=replace(model, row_names=readable_names(model.row_names)))

    def with_menu_cuts(self, cuts: Sequence[SegmentCut]) -> SegmentMaster:
        """The same problem with those `cuts` that speak of the menu alone, as rows over z."""
        rows = []
        for cut in cuts:
            at, toll = cut.tolls_at(self.columns.options)
            if not cut.has_flow and len(at):
                rows.append(at_most(cut.name, [(at, toll)], cut.limit))
        model = self.model.with_rows(rows)
        return replace(self, model=replace(model, row_names=readable_names(model.row_names)))

    def certificate(self, result: BackendResult) -> Certificate:
        """Value and bound of `result` in money, and the family they speak of."""
        family = FAMILY
        if len(self.columns.options) < self.candidates:
            family += f"; over the {len(self.columns.options)} of {self.candidates} options in the core"
        return Certificate(value=result.objective, bound=result.bound, family=family)


def build_segment_master(
    problem: CampaignProblem,
    *,
    max_options: int = MAX_OPTIONS,
    options: Indices | None = None,
    most_pairs: int = FEW_PAIRS,
) -> SegmentMaster:
    """Write the segment menu problem of `problem`.

    Args:
        problem: the campaign; `problem.segment` says who shares an exposure.
        max_options: how many options the core may hold; included bundles stay in any case.
        options: option indices of the core, where the caller knows better; `max_options` is then not used.
        most_pairs: rows of no arbitrage by one option that are written; where there are more, none is.

    Returns:
        The model with readable names; no arbitrage by larger covers is added by `with_covers`.
    """
    rows = build_rows(problem)
    useful = useful_options(problem, rows, np.flatnonzero(~(dear_options(problem) | fixed_prices(problem))))
    core = choose_core(problem, rows, useful, max_options) if options is None else np.intersect1d(options, useful)
    totals = build_segment_totals(problem, core)
    columns = _columns(problem, rows, totals, core)
    coupling = coupling_of(problem, rows, totals, columns)
    model = _empty_model(problem, totals, columns)
    model = model.with_rows([*all_rows(problem, totals, columns, coupling), *pair_rows(problem, columns, most_pairs)])
    model = replace(model, row_names=readable_names(model.row_names))
    return SegmentMaster(problem, model, columns, len(useful), totals)


def _columns(problem: CampaignProblem, rows: CouplingRows, totals: SegmentTotals, core: Indices) -> SegmentColumns:
    """Keep an exposure unless it is worth nothing, relieves no row and is not asked for: then 0 is best anyway."""
    useful = totals.value > 0
    relief = np.asarray((rows.redemption[:, core] < 0).any(0))
    useful |= relief[None, :] & (totals.redemption > 0)
    if rows.can_relieve or needs_useless_offers(problem.rules):
        useful[:] = True
    asked = np.array(asked_bundles(problem), np.int64)
    useful |= np.isin(problem.options.bundle[core], asked)[None, :]
    bundles = np.union1d(problem.options.bundle[core], asked)
    segment, option = np.nonzero(useful)
    at = np.searchsorted(bundles, problem.options.bundle[core])
    names = tuple(str(problem.options.bundle_ids[bundle]) for bundle in bundles)
    labels = tuple(f"{names[b]}.{problem.options.price_cents[o] / 100:.2f}" for b, o in zip(at, core, strict=True))
    return SegmentColumns(core, bundles.astype(np.int64), at.astype(np.int64), segment, option, labels, names)


def _empty_model(problem: CampaignProblem, totals: SegmentTotals, columns: SegmentColumns) -> LinearModel:
    objective = np.zeros(columns.size)
    objective[columns.first_y : columns.first_x] = -problem.rules.fixed_cost_per_bundle
    objective[columns.first_x :] = totals.value[columns.segment, columns.option]
    nothing = np.zeros(0)
    return LinearModel(
        objective=objective,
        lower=np.zeros(columns.size),
        upper=np.ones(columns.size),
        integer=np.arange(columns.size) < columns.first_x,
        indptr=np.zeros(1, np.int64),
        indices=np.zeros(0, np.int64),
        coefficients=nothing,
        row_lower=nothing,
        row_upper=nothing,
        names=readable_names(_variable_names(columns)),
    )


def _variable_names(columns: SegmentColumns) -> list[str]:
    """z.<bundle>.<price>, y.<bundle>, x.<segment>.<bundle>.<price>."""
    exposures = zip(columns.segment.tolist(), columns.option.tolist(), strict=True)
    return [
        *(f"z.{label}" for label in columns.labels),
        *(f"y.{label}" for label in columns.bundle_labels),
        *(f"x.{segment}.{columns.labels[option]}" for segment, option in exposures),
    ]
