"""A campaign whose menu is fixed, in the form that streams."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

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

    Channels: redemption, floors on sums of money, one for each row that counts offers, incremental units by place, and
    the same for each store, 0 for customers of others.
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
                *self._by_store(part),
            ]
            yield Chunk(start, value, np.array(channels, dtype=np.float32))

    def _by_store(self, part: slice) -> list[npt.NDArray[np.float32]]:
        stores = self.problem.rules.stores
        if stores is None:
            return []
        units = np.moveaxis(self.problem.units[part][:, self.menu], 2, 0)
        own = stores.customer[part]
        return [
            place * (own == store)[:, None].astype(np.float32)
            for store in range(len(stores.store_ids))
            for place in units
        ]


@dataclass(frozen=True)
class StoreRows:
    """Rows of stock by store for the items of a menu: item and store codes (J,), names, limits."""

    item: Indices
    store: Indices
    names: tuple[str, ...]
    limit: npt.NDArray[np.float64]

    @classmethod
    def of_menu(cls, problem: CampaignProblem, menu: Indices) -> StoreRows:
        """The rows that limit something; none where stock is not known by store."""
        stores, items = problem.rules.stores, problem.options.items[menu]
        if stores is None:
            nothing = np.zeros(0, dtype=np.int64)
            return cls(nothing, nothing, (), np.zeros(0))
        held = np.unique(items[items >= 0])
        at, store = np.nonzero(np.isfinite(stores.slack[held]))
        item = held[at]
        ids = problem.options.item_ids
        names = tuple(f"stock:{ids[i]}@{stores.store_ids[s]}" for i, s in zip(item, store, strict=True))
        return cls(item, store, names, stores.slack[item, store])


def without_pooled_stock(problem: CampaignProblem) -> CampaignProblem:
    """The problem in which items that are tracked by store have no common stock: the stores' rows say more."""
    stores, slack = problem.rules.stores, problem.rules.stock_slack
    if stores is None or slack is None:
        return problem
    return replace(problem, rules=replace(problem.rules, stock_slack=np.where(stores.tracked, np.inf, slack)))


def fixed_menu(problem: CampaignProblem, menu: Indices) -> tuple[CampaignChunks, OfferRules]:
    """Lay out the assignment of a fixed menu.

    Rules that speak of single bundles (exposure, includes, the fixed cost) are the menu's, and are not in it.

    Args:
        problem: the campaign.
        menu: (M,) option indices, one for each bundle.
    """
    rows, by_store = build_rows(without_pooled_stock(problem)), StoreRows.of_menu(problem, menu)
    items = problem.options.items[menu]
    stores = 0 if problem.rules.stores is None else len(problem.rules.stores.store_ids)
    first_count, first_unit = 1 + len(rows.floors), 1 + len(rows.floors) + len(rows.count_option)
    places = items.shape[1]
    channels = first_unit + places * (1 + stores)
    coefficient = np.zeros((len(rows.limit) + len(by_store.names), channels, len(menu)))
    coefficient[: len(rows.redemption), 0] = rows.redemption[:, menu]
    for place in range(len(rows.floors)):
        coefficient[len(rows.redemption) + place, 1 + place] = -1.0
    for place, counted in enumerate(rows.count_option):
        coefficient[rows.first_count + place, first_count + place] = counted[menu]
    for place, item in enumerate(rows.stock.tolist()):
        coefficient[rows.first_stock + place, first_unit : first_unit + places] = (items == item).T
    for row, (item, store) in enumerate(zip(by_store.item.tolist(), by_store.store.tolist(), strict=True)):
        first = first_unit + places * (1 + store)
        coefficient[len(rows.limit) + row, first : first + places] = (items == item).T
    conflict = conflict_matrix(problem, menu).copy()
    np.fill_diagonal(conflict, val=False)
    names, limit = (*rows.names, *by_store.names), np.concatenate([rows.limit, by_store.limit])
    rules = OfferRules(names, limit.astype(np.float64), coefficient, conflict, problem.rules.slots)
    return CampaignChunks(problem, rows, menu), rules
