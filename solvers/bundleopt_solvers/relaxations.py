"""How far one rule has to give way so that a plan keeps all others: halving what lies between asked and free.

Every value that is named has a plan behind it. That less would not do is known up to the last step, and up to what a
question could not answer in its time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bundleopt_data.errors import Relaxation
from bundleopt_solvers.menu_rules import asked_bundles
from bundleopt_solvers.problem import CampaignProblem

HasPlan = Callable[[CampaignProblem], bool]
STEPS = 7  # halvings: a share is then known to less than a hundredth of its range
MOST_ITEMS = 5  # items of a conflict whose stock is asked about


@dataclass(frozen=True)
class _Lever:
    """A rule that can be loosened: from `asked` to `free`, in whole numbers or not; `change` makes the problem."""

    rule: str
    asked: float
    free: float
    unit: str
    is_whole: bool
    change: Callable[[float], CampaignProblem]


def relaxed_by_steps(problem: CampaignProblem, name: str, has_plan: HasPlan) -> Relaxation | None:
    """The least loosening of the rule `name` that lets a plan through; None where no number says it."""
    if name == "stock":
        return _more_stock(problem, has_plan)
    lever = _lever(problem, name)
    return None if lever is None else _pulled(lever, has_plan)


def _with(problem: CampaignProblem, **changes: object) -> CampaignProblem:
    return replace(problem, rules=replace(problem.rules, **changes))  # type: ignore[arg-type]


def _lever(problem: CampaignProblem, name: str) -> _Lever | None:
    rules = problem.rules
    if name == "min_margin" and rules.min_margin is not None:
        return _Lever(name, rules.min_margin, 0.0, "of bundle sales", False, lambda x: _with(problem, min_margin=x))  # noqa: FBT003
    if name == "min_exposure" and rules.min_exposure is not None:
        return _Lever(name, rules.min_exposure, 1, "offers", True, lambda x: _with(problem, min_exposure=int(x)))  # noqa: FBT003
    if name == "max_exposure" and rules.max_exposure is not None:
        most = len(problem.value)
        return _Lever(name, rules.max_exposure, most, "offers", True, lambda x: _with(problem, max_exposure=int(x)))  # noqa: FBT003
    if name.startswith("parity:"):
        return _parity_lever(problem, name)
    return _count_lever(problem, name)


def _parity_lever(problem: CampaignProblem, name: str) -> _Lever | None:
    mine = [parity for parity in problem.rules.parity if f"parity:{parity.name}" == name]
    if not mine:
        return None

    def change(tolerance: float) -> CampaignProblem:
        others = tuple(parity for parity in problem.rules.parity if parity not in mine)
        return _with(problem, parity=(*others, *(replace(parity, tolerance=tolerance) for parity in mine)))

    return _Lever(name, mine[0].tolerance, max(1.0, mine[0].tolerance), "of the mean", is_whole=False, change=change)


def _count_lever(problem: CampaignProblem, name: str) -> _Lever | None:
    mine = [count for count in problem.rules.menu_counts if count.name == name]
    if not mine or len({count.most is None for count in mine}) > 1:
        return None
    is_cap = mine[0].most is not None

    def change(number: float) -> CampaignProblem:
        most, least = (int(number), None) if is_cap else (None, int(number))
        counts = tuple(replace(c, most=most, least=least) if c.name == name else c for c in problem.rules.menu_counts)
        return _with(problem, menu_counts=counts)

    asked = float((mine[0].most if is_cap else mine[0].least) or 0)
    free = float(problem.rules.max_bundles) if is_cap else 0.0
    return _Lever(name, asked, max(asked, free) if is_cap else free, "bundles", is_whole=True, change=change)


def _pulled(lever: _Lever, has_plan: HasPlan) -> Relaxation | None:
    """Halve between a value without a plan and one with a plan."""
    if lever.asked == lever.free or not has_plan(lever.change(lever.free)):
        return None
    bad, good = lever.asked, lever.free
    for _ in range(STEPS):
        middle = (bad + good) / 2
        if lever.is_whole:
            if abs(good - bad) <= 1:
                break
            middle = math.floor(middle)
        bad, good = (bad, middle) if has_plan(lever.change(middle)) else (middle, good)
    return Relaxation(lever.rule, lever.asked, good, lever.unit)


def _more_stock(problem: CampaignProblem, has_plan: HasPlan) -> Relaxation | None:
    """The item whose stock alone, if there were more, lets a plan through for the least money at shelf prices."""
    stock, items = problem.rules.stock_slack, problem.options.items
    asked = np.isin(problem.options.bundle, asked_bundles(problem))
    for count in problem.rules.menu_counts:
        asked |= count.member if (count.least or 0) > 0 else False
    if stock is None:
        return None
    named = np.unique(items[asked][items[asked] >= 0]) if asked.any() else np.unique(items[items >= 0])
    short = sorted((int(item) for item in named if np.isfinite(stock[item])), key=lambda item: (stock[item], item))
    found = [one for item in short[:MOST_ITEMS] if (one := _stock_of(problem, item, has_plan)) is not None]
    return min(found, key=lambda one: one[0])[1] if found else None


def _stock_of(problem: CampaignProblem, item: int, has_plan: HasPlan) -> tuple[float, Relaxation] | None:
    stock, shelf = np.asarray(problem.rules.stock_slack), problem.rules.shelf_price_cents
    inside = problem.options.items == item
    most = float((problem.units * inside).sum(2).max(1).sum(dtype=np.float64))

    def change(units: float) -> CampaignProblem:
        return _with(problem, stock_slack=np.where(np.arange(len(stock)) == item, units, stock))

    name = f"stock:{problem.options.item_ids[item]}"
    lever = _Lever(name, float(stock[item]), max(most, float(stock[item])), "units", is_whole=False, change=change)
    found = _pulled(lever, has_plan)
    if found is None:
        return None
    money = (found.needed - found.limit) * (0.0 if shelf is None else float(shelf[item]) / 100)
    return money, replace(found, unit=f"units, {money:,.2f} more at shelf price")
