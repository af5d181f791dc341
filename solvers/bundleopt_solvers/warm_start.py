"""Beginning a search from a known plan: its offers where they keep every rule of the problem at hand, and its prices.

Any prices >= 0 give a valid bound of any problem over the same cells, so those of a neighbour, whose limits differ a
little, save the root most of its way: a sweep asks nearly the same question many times.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.lagrangian import Multipliers, start_multipliers
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.repair import MenuTask, broken_rows, exact_value
from bundleopt_solvers.search_state import Incumbent, SearchState

Indices = npt.NDArray[np.int64]


def begin_with(state: SearchState, plan: CampaignPlan) -> bool:
    """Take over the offers of `plan` if they keep all rules and beat what is known; whether they did.

    Its prices are where the root begins, if no other plan's are.
    """
    if state.first is None:
        state.first = known_prices(state, plan)
    return begin_with_offers(state, plan.offer_customer.astype(np.int64), plan.offer_option.astype(np.int64))


def known_prices(state: SearchState, plan: CampaignPlan) -> Multipliers | None:
    """Return a plan's prices as prices of this problem, rows by their names.

    None where the cells are others, and where a rule of this problem has no price there: it would begin at 0, which is
    further from right than a guess from a sample.
    """
    if plan.prices is None or len(plan.priced_rows) != len(plan.prices.row):
        return None
    zero = start_multipliers(state.cells, state.relaxation)
    known = plan.prices
    if known.slot.shape != zero.slot.shape or known.group.shape != zero.group.shape:
        return None
    if known.link.shape != zero.link.shape:
        return None
    priced = dict(zip(plan.priced_rows, known.row.tolist(), strict=True))
    names = state.relaxation.rows.names
    if not set(names) <= set(priced):
        return None
    row = torch.tensor([priced[name] for name in names], dtype=torch.float32)
    menu = known.menu.float() if known.menu.shape == zero.menu.shape else zero.menu
    return Multipliers(row, known.slot.float(), known.group.float(), menu, known.link.float())


def begin_with_offers(state: SearchState, customer: Indices, option: Indices) -> bool:
    """The same for offers as codes of customers and options."""
    menu = np.unique(option)
    if not np.isin(menu, state.cells.option).all() or not len(menu):
        return False
    if not state.menu_allowed(menu) or state.relaxation.menu.misses(menu):
        return False
    task = state.menu_task(np.searchsorted(state.cells.option, menu))
    shown = np.zeros(task.cells.gain.shape, dtype=bool)
    shown[np.searchsorted(menu, option), customer] = True
    if not _suits_customers(task, shown) or broken_rows(task, shown) or not task.keeps_menu(shown):
        return False
    value = exact_value(task, shown)
    if value <= state.floor:
        return False
    order = np.lexsort((option, customer))
    state.incumbent = Incumbent(customer[order], option[order], value)
    return True


def _suits_customers(task: MenuTask, shown: npt.NDArray[np.bool_]) -> bool:
    """Whether nobody gets more offers than slots, or two that exclude each other."""
    if shown[:, task.cells.customers :].sum() != task.cells.shelf * len(shown):
        return False
    shown = shown[:, : task.cells.customers]
    if (shown.sum(0) > task.slots).any():
        return False
    apart = task.clash & ~np.eye(len(task.clash), dtype=bool)
    met = apart.astype(np.float32) @ shown.astype(np.float32)
    return not bool((shown & (met > 0)).any())
