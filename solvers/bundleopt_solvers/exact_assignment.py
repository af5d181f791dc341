"""Exact offers of a fixed menu for small problems: depth first over customers, bounded by dual prices.

Every customer has a column per compatible set of offers. At row prices the best that the customers still to come can
add is known, so a branch is cut as soon as that is not enough. The work is limited; what is cut short stays a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.assignment import assign
from bundleopt_solvers.lagrangian import ROUNDING, Multipliers
from bundleopt_solvers.repair import MenuTask, broken_rows, exact_value
from bundleopt_solvers.search_state import Incumbent, SearchState

Floats64 = npt.NDArray[np.float64]
MOST_NODES = 200_000  # nodes of one search; beyond it the dual bound stands
MOST_CELLS = 400  # (option, customer) cells beyond which the search is not begun


@dataclass(frozen=True)
class Columns:
    """Sets of one customer: members (tuples of menu positions), gain, reduced gain, use (n, rows), by reduced gain."""

    members: list[tuple[int, ...]]
    gain: Floats64
    reduced: Floats64
    use: Floats64


def _columns(task: MenuTask, customer: int, gain: Floats64, use: Floats64, row: Floats64) -> Columns:
    usable = [m for m in range(len(gain)) if gain[m, customer] > -1e20]
    is_shelf = customer >= task.cells.customers
    members: list[tuple[int, ...]] = [tuple(range(len(gain))) if is_shelf else ()]
    for size in range(1, 1 if is_shelf else task.slots + 1):
        members += [s for s in combinations(usable, size) if not any(task.clash[a, b] for a, b in combinations(s, 2))]
    total = np.array([sum(gain[m, customer] for m in s) for s in members], dtype=np.float64)
    used = np.array([use[:, list(s), customer].sum(1) for s in members]).reshape(len(members), len(row))
    reduced = total - used @ row
    order = np.argsort(-reduced, kind="stable")
    return Columns([members[i] for i in order], total[order], reduced[order], used[order])


def assign_exactly(state: SearchState, positions: npt.NDArray[np.int64], prices: Multipliers) -> float:
    """Bound the plans of a fixed menu; small menus are solved exactly and a better plan is kept.

    Returns:
        A bound on every plan with this menu, its fixed cost deducted.
    """
    task = state.menu_task(positions)
    found = assign(task, task.first_prices(prices.row), steps=20, goal=0.0)
    fixed = state.relaxation.menu.fixed_cost * len(positions)
    if task.cells.gain.numel() > MOST_CELLS:
        return found.bound - fixed
    row = found.row
    use = np.array([task.coefficient(r) for r in range(len(row))]).reshape(len(row), *task.cells.gain.shape)
    gain = task.gain()
    table = [_columns(task, u, gain, use, row) for u in range(gain.shape[1])]
    return min(found.bound - fixed, _depth_first(state, task, table, row) - fixed)


def _depth_first(state: SearchState, task: MenuTask, table: list[Columns], row: Floats64) -> float:
    """Search all combinations of columns; returns the best value found or kept as a bound, fixed cost not deducted."""
    limit = task.rows.limit
    fixed = state.relaxation.menu.fixed_cost * len(task.cells.option)
    rest = np.append(np.cumsum([c.reduced[0] for c in table[::-1]])[::-1], 0.0)
    slack = 1e-12 * (float(np.abs(row) @ np.abs(limit)) + float(np.abs(rest).max()) + 1.0)
    least = np.array([c.use.min(0) for c in table]).reshape(len(table), len(row))
    to_come = np.vstack([np.cumsum(least[::-1], axis=0)[::-1], np.zeros((1, len(row)))])
    best, nodes = state.floor + fixed, 0
    stack: list[tuple[int, float, Floats64, tuple[int, ...]]] = [(0, 0.0, np.zeros(len(row)), ())]
    margin = ROUNDING * np.maximum(np.abs(limit), 1.0)
    while stack:
        depth, reduced, used, path = stack.pop()
        if reduced + rest[depth] + float(row @ limit) + slack <= best:
            continue
        if (used + to_come[depth] > limit + margin).any():
            continue
        if depth == len(table):
            best = max(best, _keep(state, task, table, path) + fixed)
            continue
        nodes += 1
        if nodes > MOST_NODES:
            return np.inf
        columns = table[depth]
        stack += [
            (depth + 1, reduced + columns.reduced[i], used + columns.use[i], (*path, i))
            for i in range(len(columns.members) - 1, -1, -1)
        ]
    return best + slack


def _keep(state: SearchState, task: MenuTask, table: list[Columns], path: tuple[int, ...]) -> float:
    """Check a complete combination exactly and keep it if it is the best plan; returns the best value known."""
    shown = np.zeros(task.cells.gain.shape, dtype=bool)
    for customer, index in enumerate(path):
        shown[list(table[customer].members[index]), customer] = True
    if not task.keeps_menu(shown) or broken_rows(task, shown):
        return state.floor
    value = exact_value(task, shown)
    if value > state.floor:
        place, who = np.nonzero(shown)
        order = np.lexsort((task.cells.option[place], who))
        state.incumbent = Incumbent(who[order], task.cells.option[place][order], value)
    return state.floor
