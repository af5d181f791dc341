"""Who gets which offer once the menu is fixed: dual prices of the coupling rows, exact best sets, exact repair.

With the menu fixed the customers only meet in the coupling rows, so for any row prices >= 0

    bound = row . limit + sum_u (value of u's best compatible set at reduced values)

and at the best prices at most as many customers are split as rows are tight. The prices are found coordinate by
coordinate, each with its own step that grows while the row keeps its sign and shrinks when it turns (the RPROP rule of
Riedmiller and Braun 1993, doi:10.1109/ICNN.1993.298623): rows of stock touch few customers each, so
they hardly interact.

Letters: `U` customers, `M` options on the menu.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.customer_sets import BestSets, best_sets
from bundleopt_solvers.lagrangian import ROUNDING, reduced_gain
from bundleopt_solvers.lagrangian_ascent import row_activity
from bundleopt_solvers.repair import Draft, MenuTask, repair
from bundleopt_solvers.work import Tick, never

Floats64 = npt.NDArray[np.float64]
GROW, SHRINK = 1.3, 0.5  # step factors; the published 1.2 needs a third more steps here
FIRST_STEP = 0.02  # first step as a share of a row's price
REPAIRS = 10  # dual steps between two repairs, which cost as much as several steps


@dataclass(frozen=True)
class Assignment:
    """Offers of a fixed menu: the repaired draft, or None where none kept all rules, and the dual bound and prices."""

    draft: Draft | None
    bound: float
    row: Floats64


@dataclass(frozen=True)
class Answer:
    """The customers' answer to row prices: their best sets, the bound, the row activity."""

    sets: BestSets
    bound: float
    activity: Floats64


def answer(task: MenuTask, row: Floats64) -> Answer:
    """Let every customer choose the best set at the row prices `row`."""
    worth = reduced_gain(task.cells, torch.from_numpy(row)).numpy()
    customers = task.cells.customers
    sets = best_sets(worth[:, :customers], task.clash, task.slots)
    total = float(sets.bound.sum())
    bound = float(row @ task.rows.limit) + total
    bound += ROUNDING * (float(np.abs(row) @ np.abs(task.rows.limit)) + total)
    if task.cells.shelf:
        shelf = worth[:, customers:]
        bound += float(shelf.sum()) + ROUNDING * (float(np.abs(shelf).sum()) + float(np.abs(task.gain()[:, -1]).sum()))
        sets = replace(sets, shown=np.append(sets.shown, np.ones(shelf.shape, dtype=bool), axis=1))
    everything = np.arange(len(task.cells.option))
    activity = row_activity(task.cells, everything, torch.from_numpy(sets.shown.astype(np.float64))).numpy()
    return Answer(sets, bound - task.include_loss(worth, sets.shown), activity)


def assign(task: MenuTask, start: Floats64, *, steps: int, goal: float = 0.0, tick: Tick = never) -> Assignment:
    """Solve the assignment of a fixed menu.

    Args:
        task: the menu and its cells.
        start: row prices to begin with.
        steps: most dual steps.
        goal: stop when the draft is within this share of the bound.
        tick: counts a step, and says whether it must be the last.

    Returns:
        The best draft found, the bound for this menu, fixed costs not deducted, and its prices.
    """
    row, best_row, bound = start.copy(), start.copy(), np.inf
    draft: Draft | None = None
    step, last = _first_step(task, start), np.zeros(len(start))
    for count in range(max(steps, 1)):
        here = answer(task, row)
        if here.bound < bound:
            bound, best_row = here.bound, row.copy()
        slack = task.rows.limit - here.activity
        last_step = tick() or count == steps - 1
        if count % REPAIRS == 0 or last_step or not (slack < 0).any():
            draft = _better(draft, repair(task, here.sets.shown, row))
            if draft is not None and bound - task.fixed_cost(draft) - draft.value <= goal * abs(bound):
                break
        sign = np.where((row <= 0) & (slack > 0), 0.0, np.sign(slack))
        if last_step or not sign.any():
            break
        step = np.where(sign * last > 0, step * GROW, np.where(sign * last < 0, step * SHRINK, step))
        row, last = np.maximum(row - sign * step, 0.0), sign
    return Assignment(draft, bound, best_row)


def _better(old: Draft | None, new: Draft | None) -> Draft | None:
    return new if new is not None and (old is None or new.value > old.value) else old


def _first_step(task: MenuTask, row: Floats64) -> Floats64:
    """A share of each price; for a price of zero a share of what the row would cost if it took all value."""
    gain = torch.relu(task.cells.gain).sum().item()
    typical = 0.05 * gain / np.maximum(np.abs(task.rows.limit), 0.05 * gain + 1e-12)
    return np.asarray(FIRST_STEP * np.where(row > 0, row, typical))
