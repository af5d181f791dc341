"""The rows of the segment menu problem, rule by rule; every function returns the rows of one kind of rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.groups import item_groups
from bundleopt_solvers.linear_model import Row
from bundleopt_solvers.menu_rules import MenuRules, build_menu_rules
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, floor_values
from bundleopt_solvers.segment_columns import Numbers, SegmentColumns, at_most, row
from bundleopt_solvers.segment_totals import SegmentTotals, segment_sums


@dataclass(frozen=True, eq=False)
class SegmentCoupling:
    """Coupling rows `sum coefficients x <= limit` per exposure.

    Attributes:
        names: of the rows. limit: (R,). coefficients: (R, X) money or units at exposure 1.
    """

    names: tuple[str, ...]
    limit: Numbers
    coefficients: Numbers


def coupling_of(
    problem: CampaignProblem, rows: CouplingRows, totals: SegmentTotals, columns: SegmentColumns
) -> SegmentCoupling:
    """Coefficients of the `rows` of the problem per exposure of `columns`, summed over the segment's members."""
    segment, option = columns.segment, columns.option
    redemption = totals.redemption[segment, option]
    parts = [rows.redemption[:, columns.options[option]] * redemption]
    for name in rows.floors:
        money = segment_sums(floor_values(problem, name), problem.segment)[:, columns.options]
        parts.append(-money[segment, option][None, :])
    counted = np.array([np.bincount(problem.segment, row) for row in rows.count_customer]).reshape(
        len(rows.count_option), len(totals.members)
    )
    parts.append(rows.count_option[:, columns.options[option]] * counted[:, segment])
    items = problem.options.items[columns.options][option]
    units = totals.units[segment, option]
    parts += [np.where(items == item, units, 0.0).sum(1)[None, :] for item in rows.stock]
    return SegmentCoupling(rows.names, rows.limit, np.concatenate(parts))


def all_rows(
    problem: CampaignProblem, totals: SegmentTotals, columns: SegmentColumns, coupling: SegmentCoupling
) -> list[Row]:
    """Every row but no arbitrage, the menu's own first."""
    menu = build_menu_rules(problem)
    return [
        *_price_rows(columns),
        *_menu_rows(menu, columns),
        *_include_rows(menu, totals, columns),
        *_offer_rows(problem, totals, columns),
        *_coupling_rows(coupling, columns),
        *_capacity_links(coupling, columns),
        *_exposure_rows(problem, columns),
    ]


def _price_rows(columns: SegmentColumns) -> Iterator[Row]:
    """sum_d z_(b,d) = y_b: one price for a bundle."""
    for at, label in enumerate(columns.bundle_labels):
        options = np.flatnonzero(columns.bundle_at == at)
        yield row(f"one_price.{label}", [(options, 1.0), (np.array([columns.first_y + at]), -1.0)], 0.0, 0.0)


def _menu_rows(menu: MenuRules, columns: SegmentColumns) -> Iterator[Row]:
    """How many bundles, in all, by category, and by item."""
    everything = columns.first_y + np.arange(len(columns.bundles))
    yield at_most("max_bundles", [(everything, 1.0)], float(menu.max_bundles))
    for name, cap, member in zip(menu.names, menu.cap, menu.member, strict=True):
        inside = np.flatnonzero(member[columns.options])
        if member[columns.options].sum() > cap:
            yield at_most(name, [(inside, member[columns.options[inside]])], float(cap))


def _include_rows(menu: MenuRules, totals: SegmentTotals, columns: SegmentColumns) -> Iterator[Row]:
    """A bundle that must be on the menu is on it, with exposure worth at least one offer."""
    for bundle in menu.include:
        at = int(np.searchsorted(columns.bundles, bundle))
        label = columns.bundle_labels[at]
        yield row(f"include.{label}", [(np.array([columns.first_y + at]), 1.0)], 1.0, 1.0)
        shown = np.flatnonzero(columns.bundle_at[columns.option] == at)
        offers = totals.members[columns.segment[shown]]
        yield row(f"include_shown.{label}", [(columns.x_of(shown), offers)], 1.0, np.inf)


def _offer_rows(problem: CampaignProblem, totals: SegmentTotals, columns: SegmentColumns) -> Iterator[Row]:
    """Least and most offers of an option on the menu."""
    rules = problem.rules
    for position, label in enumerate(columns.labels):
        shown = np.flatnonzero(columns.option == position)
        offers = (columns.x_of(shown), totals.members[columns.segment[shown]])
        if (rules.min_exposure or 1) > 1:
            asked = (np.array([position]), -float(rules.min_exposure or 1))
            yield row(f"min_exposure.{label}", [offers, asked], 0.0, np.inf)
        if rules.max_exposure is not None:
            yield at_most(f"max_exposure.{label}", [offers, (np.array([position]), -float(rules.max_exposure))], 0.0)


def _coupling_rows(coupling: SegmentCoupling, columns: SegmentColumns) -> Iterator[Row]:
    """Budget, margin floors and stock over all segments."""
    for name, limit, numbers in zip(coupling.names, coupling.limit, coupling.coefficients, strict=True):
        used = np.flatnonzero(numbers)
        yield at_most(name, [(columns.x_of(used), numbers[used])], float(limit))


def _capacity_links(coupling: SegmentCoupling, columns: SegmentColumns) -> Iterator[Row]:
    """Tighten the relaxation: no option alone uses more than z_o times a limit, where no use is negative.

    A row with a negative coefficient is no capacity: another option could make room in it.
    """
    for name, limit, numbers in zip(coupling.names, coupling.limit, coupling.coefficients, strict=True):
        if (numbers < 0).any() or not numbers.any():
            continue
        use = np.bincount(columns.option, numbers, minlength=len(columns.options))
        for option in np.flatnonzero(use > limit):
            shown = np.flatnonzero((columns.option == option) & (numbers > 0))
            parts = [(columns.x_of(shown), numbers[shown]), (np.array([option]), -float(limit))]
            yield at_most(f"link.{name}.{columns.labels[option]}", parts, 0.0)


def _exposure_rows(problem: CampaignProblem, columns: SegmentColumns) -> Iterator[Row]:
    """x_so <= z_o, slots, and item-disjointness, whose rows of substitutes count both items."""
    for position, (segment, option) in enumerate(zip(columns.segment, columns.option, strict=True)):
        parts = [(columns.x_of(np.array([position])), 1.0), (np.array([option]), -1.0)]
        yield at_most(f"shown.{segment}.{columns.labels[option]}", parts, 0.0)
    items = problem.options.items[columns.options]
    groups = [
        (_item_names(problem, group), np.asarray(np.isin(items, sorted(group)).any(1)))
        for group in item_groups(problem)
    ]
    for segment in np.unique(columns.segment):
        here = np.flatnonzero(columns.segment == segment)
        if len(here) > problem.rules.slots:
            yield at_most(f"slots.{segment}", [(columns.x_of(here), 1.0)], float(problem.rules.slots))
        for names, member in groups:
            inside = here[member[columns.option[here]]]
            # the options of one bundle exclude each other on the menu already
            if len(np.unique(columns.bundle_at[columns.option[inside]])) > 1:
                yield at_most(f"disjoint.{segment}.{names}", [(columns.x_of(inside), 1.0)], 1.0)


def _item_names(problem: CampaignProblem, group: frozenset[int]) -> str:
    return ".".join(str(problem.options.item_ids[item]) for item in sorted(group))
