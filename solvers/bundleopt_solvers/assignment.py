"""Who gets which offer once the menu is fixed: dual prices of the coupling rows, exact best sets, exact repair.

With the menu fixed the customers only meet in the coupling rows, so for any row prices >= 0

    bound = row . limit + sum_u (value of u's best compatible set at reduced values)

and at the best prices at most as many customers are split as rows are tight. Letters: `M` options on the menu.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cells import Cells
from bundleopt_solvers.customer_sets import BestSets, best_sets
from bundleopt_solvers.lagrangian import ROUNDING, reduced_gain
from bundleopt_solvers.lagrangian_ascent import row_activity
from bundleopt_solvers.repair import Draft, MenuTask, repair

Floats64 = npt.NDArray[np.float64]
PATIENCE = 8  # steps without a better bound before the step shrinks


@dataclass(frozen=True)
class Assignment:
    """Offers of a fixed menu: the repaired draft, or None where none kept all rules, and the dual bound and prices."""

    draft: Draft | None
    bound: float
    row: Floats64


def _solve_at(task: MenuTask, row: Floats64) -> tuple[BestSets, float, Floats64]:
    """Best sets at row prices, the bound they give, and their row activity."""
    price = torch.from_numpy(row)
    worth = reduced_gain(task.cells, price).numpy()
    sets = best_sets(worth, task.clash, task.slots)
    size = float(np.abs(row) @ np.abs(task.rows.limit)) + float(sets.bound.sum())
    bound = float(row @ task.rows.limit) + float(sets.bound.sum()) + ROUNDING * size
    everything = np.arange(len(task.cells.option))
    activity = row_activity(task.cells, everything, torch.from_numpy(sets.shown.astype(np.float64))).numpy()
    return sets, bound - task.include_loss(worth, sets.shown), activity


def assign(task: MenuTask, start: Floats64, *, steps: int, goal: float = 0.0) -> Assignment:
    """Solve the assignment of a fixed menu.

    Args:
        task: the menu and its cells. start: row prices to begin with.
        steps: most dual steps. goal: stop when the draft is within this share of the bound.
    """
    row, best_row, bound = start.copy(), start.copy(), np.inf
    draft: Draft | None = None
    scale = np.maximum(np.abs(task.rows.limit), 1e-9)
    length, stalled = 1.0, 0
    for _ in range(max(steps, 1)):
        sets, here, activity = _solve_at(task, row)
        if here < bound - 1e-9 * abs(bound):
            bound, best_row, stalled = here, row.copy(), 0
        else:
            stalled += 1
        candidate = repair(task, sets.shown, row)
        if candidate is not None and (draft is None or candidate.value > draft.value):
            draft = candidate
        fixed = task.fixed_cost(draft) if draft is not None else 0.0
        if draft is not None and bound - fixed - draft.value <= goal * abs(bound):
            break
        gradient = task.rows.limit - activity
        gradient[(row <= 0) & (gradient > 0)] = 0.0
        if not len(row) or not gradient.any():
            break
        if stalled >= PATIENCE:
            length, stalled, row = length / 2, 0, best_row.copy()
        floor = draft.value + fixed if draft is not None else 0.0
        used = np.maximum(scale, np.abs(activity))
        weight = 1.0 / (used * used)
        norm = float((gradient * gradient * weight).sum())
        row = np.maximum(row - length * max(here - floor, 1e-9 * abs(here)) / norm * weight * gradient, 0.0)
    return Assignment(draft, bound, best_row)
