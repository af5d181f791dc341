"""From best sets at dual prices to offers that keep every rule exactly: drop, include, fill in, verify in fractions.

Letters: `U` customers, `M` options on the menu.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cells import NEVER, Cells
from bundleopt_solvers.lagrangian import reduced_gain
from bundleopt_solvers.lagrangian_ascent import row_activity
from bundleopt_solvers.menu_rules import MenuRules
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, exact_category_share, exact_parity_excess, floor_values

Floats64 = npt.NDArray[np.float64]
Shown = npt.NDArray[np.bool_]
Offers = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
ROUNDS = 60  # rounds of dropping beyond one a row; each settles one row, and rows rarely fight more than a few times
MOST_FILLS = 4_000  # offers tried when filling in what is left
SAFETY = 1e-12  # relative distance kept from a limit by the running float sums; the exact check decides


@dataclass(frozen=True)
class MenuTask:
    """A fixed menu: its cells in float64 (M, U), which options exclude each other, and the rules.

    `must`: positions whose bundle must have at least one offer; `menu`: the rules that count bundles.
    """

    problem: CampaignProblem
    cells: Cells
    rows: CouplingRows
    menu: MenuRules
    clash: npt.NDArray[np.bool_]
    slots: int
    must: tuple[int, ...]

    def gain(self) -> Floats64:
        """Value of each offer less contact cost, (M, U)."""
        out: Floats64 = self.cells.gain.numpy() - self.cells.contact
        out[:, self.cells.customers :] += self.cells.contact
        return out

    def coefficient(self, row: int) -> Floats64:
        """Coefficients of one coupling row, (M, U)."""
        cells = self.cells
        if row < len(cells.rate):
            return np.asarray((cells.redemption * cells.rate[row][:, None]).numpy())
        if row < self.rows.first_count:
            return np.asarray(-cells.floors[row - len(cells.rate)].numpy())
        if row < self.rows.first_stock:
            at = row - self.rows.first_count
            return np.asarray((cells.count_option[at][:, None] * cells.count_customer[at][None, :]).numpy())
        stock = row - self.rows.first_stock
        out = torch.zeros_like(cells.redemption)
        for place, part in enumerate(cells.units):
            out += part * (cells.unit_row[:, place] == stock)[:, None]
        return np.asarray(out.numpy())

    def first_prices(self, row: torch.Tensor) -> Floats64:
        """Prices of the rows of all menus, and 0 for the rows of this one, which stand before those of stock."""
        prices: Floats64 = row.double().numpy()
        own = len(self.rows.limit) - len(prices)
        return np.insert(prices, self.rows.first_stock - own, np.zeros(own))

    def least_row(self, row: int) -> int | None:
        """Position of the option whose least number of offers `row` asks for, None for other rows."""
        if not self.rows.names[row].startswith("min_exposure:"):
            return None
        return int(np.flatnonzero(self.cells.count_option[row - self.rows.first_count].numpy())[0])

    def keeps_menu(self, shown: Shown) -> bool:
        """Whether what is offered holds every include and every floor of the menu."""
        used = np.asarray(shown.any(1))
        asked = np.isin(self.cells.bundle, self.menu.include)
        return bool(used[asked].all()) and not self.menu.misses(self.cells.option[used])

    def revenue_rate(self) -> Floats64:
        """Revenue of one redemption of each option of the problem, money."""
        return np.asarray(self.problem.options.price_cents / 100.0)

    def fixed_cost(self, draft: Draft) -> float:
        """Fixed cost of the bundles in use."""
        return self.problem.rules.fixed_cost_per_bundle * int(draft.shown.any(1).sum())

    def include_loss(self, worth: Floats64, shown: Shown) -> float:
        """Least loss of giving every must-have bundle without an offer its one offer; lowers the dual bound."""
        loss = 0.0
        for position in self.must:
            if not shown[position].any():
                loss = max(loss, -float(worth[position].max()))
        return max(loss, 0.0)


@dataclass(frozen=True)
class Draft:
    """Offers `shown` (M, U) that keep every rule, and their exact value."""

    shown: Shown
    value: float


def exact_value(task: MenuTask, shown: Shown) -> float:
    """Sum of the stored values less contact and fixed costs, correctly rounded."""
    gain = task.cells.gain.numpy()[shown]
    bundles = int(shown.any(1).sum())
    fixed = task.problem.rules.fixed_cost_per_bundle
    costs = [-task.cells.contact] * int(shown[:, : task.cells.customers].sum()) + [-fixed] * bundles
    return math.fsum([*gain.tolist(), *costs])


def broken_rows(task: MenuTask, shown: Shown) -> list[int]:
    """Rows broken by the exact sums (fractions) of the published values, each a float64 product rounded once."""
    place, who = np.nonzero(shown)
    activity, limits = _activity(task, shown), task.rows.limit
    size = np.abs(limits) + _row_sizes(task, (place, who))
    near = np.flatnonzero(activity > limits - 1e-9 * size)  # far from a limit no exact sum is needed
    return [int(row) for row in near if _exact_excess(task, int(row), (place, who)) > 0]


def _row_sizes(task: MenuTask, offers: Offers) -> Floats64:
    """Sums of absolute terms of every row: what rounding errors are relative to."""
    place, who = offers
    sizes = np.zeros(len(task.rows.limit))
    sold = task.cells.redemption.numpy()[place, who]
    for row in range(len(task.rows.redemption)):
        sizes[row] = (sold * (np.abs(task.rows.redemption[row]) + task.revenue_rate())[task.cells.option[place]]).sum()
    for at, floor in enumerate(task.cells.floors):
        sizes[len(task.rows.redemption) + at] = np.abs(floor.numpy()[place, who]).sum()
    for at in range(task.rows.first_count, task.rows.first_stock):
        sizes[at] = np.abs(task.coefficient(at)[place, who]).sum()
    return sizes


def _exact_excess(task: MenuTask, row: int, offers: Offers) -> Fraction:
    """Exact activity less limit of one row, over the values that the run folder publishes."""
    place, who = offers
    option, rows = task.cells.option[place], task.rows
    name, limit = rows.names[row], Fraction(str(float(rows.limit[row])))
    if row >= rows.first_stock:
        return _total(task.coefficient(row)[place, who]) - limit
    if row >= rows.first_count:
        return _exact_count(task, row, offers)
    if row >= len(rows.redemption):
        return -_total(floor_values(task.problem, name)[who, option].astype(np.float64)) - limit
    sold = task.problem.redemption[who, option].astype(np.float64)
    return _exact_sales(task, (name, limit), option, sold)


def _exact_count(task: MenuTask, row: int, offers: Offers) -> Fraction:
    """Exact excess of a row that counts offers."""
    place, who = offers
    name, limit = task.rows.names[row], Fraction(str(float(task.rows.limit[row])))
    if name.startswith("parity:"):
        return exact_parity_excess(task.problem, name, who)
    option = int(np.flatnonzero(task.cells.count_option[row - task.rows.first_count].numpy())[0])
    count = int(((place == option) & (who < task.cells.customers)).sum())
    if name.startswith("max_exposure:"):
        return count - limit
    is_there = bool(count) or task.cells.shelf  # without any offer a bundle is on the menu by the shelf alone
    return -count - limit if is_there else Fraction(0)


def _exact_sales(task: MenuTask, rule: tuple[str, Fraction], option: npt.NDArray[np.int64], sold: Floats64) -> Fraction:
    """Exact excess of the budget or of a margin floor."""
    (name, limit), table = rule, task.problem.options
    if name == "budget":
        return _total(sold * table.unit_spend[option]) - limit
    revenue, margin = sold * (table.price_cents[option] / 100.0), sold * table.unit_margin[option]
    rules = task.problem.rules
    if name == "min_margin":
        return Fraction(str(rules.min_margin)) * _total(revenue) - _total(margin)
    category = int(name.split(":")[1])
    share = Fraction(str(rules.category_min_margin[category]))
    weight = {int(o): exact_category_share(task.problem, int(o), category) for o in np.unique(option)}
    parts = (weight[o] * (share * _total(revenue[option == o]) - _total(margin[option == o])) for o in weight)
    return sum(parts, Fraction(0))


def _total(values: Floats64) -> Fraction:
    return sum(map(Fraction, values.tolist()), Fraction(0))


def _activity(task: MenuTask, shown: Shown) -> Floats64:
    position = np.arange(len(shown))
    activity = row_activity(task.cells, position, torch.from_numpy(shown.astype(np.float64))).numpy()
    for row in range(task.rows.first_count, task.rows.first_stock):
        at = task.least_row(row)
        if at is not None and at not in task.must and not shown[at].any():
            activity[row] = task.rows.limit[row]  # a bundle without any offer is not on the menu
    return np.asarray(activity)


def _fits(task: MenuTask, slack: Floats64) -> Shown:
    """Whether one more offer would keep every row, (M, U)."""
    cells, room = task.cells, np.maximum(slack, 0.0)
    fits = np.ones(cells.redemption.shape, dtype=bool)
    for row in range(task.rows.first_stock):
        fits &= task.coefficient(row) <= room[row]
    left = torch.from_numpy(np.append(room[task.rows.first_stock :], np.inf))
    for place, part in enumerate(cells.units):
        fits &= (part <= left[cells.unit_row[:, place]][:, None]).numpy()
    return fits


def _uses(task: MenuTask, place: npt.NDArray[np.int64], who: npt.NDArray[np.int64]) -> Floats64:
    """Coefficients of all rows for single offers, (rows, n)."""
    uses = np.zeros((len(task.rows.limit) + 1, len(place)))
    for row in range(task.rows.first_stock):
        uses[row] = task.coefficient(row)[place, who]
    for k, part in enumerate(task.cells.units):
        at = task.rows.first_stock + task.cells.unit_row.numpy()[place, k]
        uses[at, np.arange(len(place))] += part.numpy()[place, who]
    return uses[:-1]


def _limits(task: MenuTask, tighter: float) -> Floats64:
    limit = task.rows.limit
    return np.asarray(limit - tighter * np.maximum(np.abs(limit), 1.0))


def _protected(task: MenuTask, shown: Shown) -> Shown:
    """The last offers of bundles that must be there, which no repair may drop."""
    keep = np.zeros_like(shown)
    customers, least = task.cells.customers, task.problem.least_offers
    for position in task.must:
        if shown[position, :customers].sum() <= least:
            keep[position] = shown[position]
    keep[:, customers:] = True
    return keep


def _drop(task: MenuTask, shown: Shown, worth: Floats64, limit: Floats64) -> Shown | None:
    """Drop the offers that lose least per unit of the worst broken row, until no row is broken."""
    coefficients: dict[int, Floats64] = {}
    activity = _activity(task, shown)
    for _ in range(ROUNDS + 2 * len(limit)):
        over = (activity - limit) / np.maximum(np.abs(limit), 1e-6)
        if not (activity > limit).any():
            return shown
        row = int(np.argmax(np.where(activity > limit, over, -np.inf)))
        a = coefficients.setdefault(row, task.coefficient(row))
        place, who = np.nonzero(shown & (a > 0) & ~_protected(task, shown))
        if a[place, who].sum() < activity[row] - limit[row]:  # dropping can't do it: the row needs offers that pay
            shown = _raise(task, shown, worth, (row, limit))
            activity = _activity(task, shown)
            if activity[row] > limit[row]:
                closed = task.least_row(row)
                if closed is None or closed in task.must:
                    return None
                shown[closed] = False  # too few offers for this bundle: it goes
                activity = _activity(task, shown)
            continue
        use = a[place, who]
        order = np.argsort(worth[place, who] / use, kind="stable")
        needed = int(np.searchsorted(np.cumsum(use[order]), activity[row] - limit[row]))
        chosen = order[: needed + 1]
        excess = activity[row] - limit[row] - use[chosen].sum()
        for index in chosen[np.argsort(-worth[place[chosen], who[chosen]], kind="stable")]:
            if excess + use[index] <= 0:  # keep the most valuable ones that need not go
                excess += use[index]
                chosen = chosen[chosen != index]
        shown = shown.copy()
        shown[place[chosen], who[chosen]] = False
        activity = _activity(task, shown)
    return None


def _raise(task: MenuTask, shown: Shown, worth: Floats64, rule: tuple[int, Floats64]) -> Shown:
    """Add the offers that relieve one row at the least loss, as far as all other rows allow."""
    row, limit = rule
    slack = limit - _activity(task, shown)
    slack[row] = max(slack[row], 0.0)
    blocked = (task.clash.astype(np.float32) @ shown.astype(np.float32)) > 0
    free = (shown.sum(0) < task.slots)[None, :] & ~blocked & _fits(task, slack)
    a = task.coefficient(row)
    place, who = np.nonzero(free & (a < 0) & (task.gain() > NEVER / 2))
    order = np.argsort(worth[place, who] / a[place, who], kind="stable")[:MOST_FILLS]
    missing = float(_activity(task, shown)[row] - limit[row])
    return _add(task, shown, (place[order], who[order]), slack, stop=(row, missing))


def _add(
    task: MenuTask,
    shown: Shown,
    cells: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    slack: Floats64,
    *,
    stop: tuple[int, float] | None = None,
) -> Shown:
    """Add `cells` in order while slots, clashes and all rows allow it; `stop` at so much relief of one row."""
    place, who = cells
    uses = _uses(task, place, who)
    shown, relief = shown.copy(), 0.0
    for column, (option, customer) in enumerate(zip(place.tolist(), who.tolist(), strict=True)):
        held = np.flatnonzero(shown[:, customer])
        if len(held) >= task.slots or task.clash[option, held].any():
            continue
        if (uses[:, column] <= slack).all():
            slack = slack - uses[:, column]
            shown[option, customer] = True
            if stop is not None:
                relief -= uses[stop[0], column]
                if relief >= stop[1]:
                    break
    return shown


def _place(task: MenuTask, shown: Shown, worth: Floats64) -> Shown:
    """Give every bundle that must be there its least number of offers, and others theirs or none, at the least loss."""
    least = task.problem.least_offers
    for position in [*task.must, *(m for m in range(len(shown)) if least > 1 and m not in task.must)]:
        held = int(shown[position, : task.cells.customers].sum())
        if held >= least or (not held and position not in task.must):
            continue
        loss = _loss_of_placing(task, shown, worth, position)
        who = np.argsort(loss, kind="stable")[: least - held]
        shown = shown.copy()
        if position not in task.must and not loss[who].sum() < worth[position, shown[position]].sum():
            shown[position] = False  # filling it up costs more than it brings
            continue
        for customer in who[np.isfinite(loss[who])].tolist():
            shown[task.clash[position], customer] = False
            if shown[:, customer].sum() >= task.slots:
                others = np.flatnonzero(shown[:, customer])
                shown[others[np.argmin(worth[others, customer])], customer] = False
            shown[position, customer] = True
    return shown


def _loss_of_placing(task: MenuTask, shown: Shown, worth: Floats64, position: int) -> Floats64:
    """What it costs to show each customer one more option, clearing what clashes with it and a slot for it, (U,)."""
    held = np.where(shown, worth, 0.0)
    clash = held[task.clash[position]].sum(0)
    full = shown.sum(0) - shown[task.clash[position]].sum(0) >= task.slots
    least = np.where(shown & ~task.clash[position][:, None], worth, np.inf).min(0)
    loss = clash + np.where(full, least, 0.0) - worth[position]
    loss[
        (shown & _protected(task, shown)).any(0) | shown[position] | (task.cells.gain.numpy()[position] < NEVER / 2)
    ] = np.inf
    loss[task.cells.customers :] = np.inf
    return np.asarray(loss)


def _fill(task: MenuTask, shown: Shown, worth: Floats64, limit: Floats64) -> Shown:
    """Add offers of positive value while all rows allow it, best reduced value first."""
    gain = task.gain()
    blocked = (task.clash.astype(np.float32) @ shown.astype(np.float32)) > 0
    free = (shown.sum(0) < task.slots)[None, :] & ~blocked & (gain > 0)
    used = np.asarray(shown.any(1))
    if task.problem.rules.fixed_cost_per_bundle > 0 or (task.problem.rules.min_exposure or 1) > 1:
        free &= used[:, None]
    slack = limit - _activity(task, shown)
    place, who = np.nonzero(free & _fits(task, slack))
    order = np.argsort(-worth[place, who], kind="stable")[:MOST_FILLS]
    if not len(order):
        return shown
    return _add(task, shown, (place[order], who[order]), slack)


def repair(task: MenuTask, shown: Shown, row: Floats64) -> Draft | None:
    """Turn `shown` into offers that keep every rule exactly; None where dropping and filling can't.

    Args:
        task: the fixed menu.
        shown: (M, U) offers without clashes.
        row: prices of the coupling rows.
    """
    worth = reduced_gain(task.cells, torch.from_numpy(row)).numpy()
    worth = np.where(worth < NEVER / 2, -1e12, worth)
    tighter = 0.0
    for _ in range(4):
        limit = _limits(task, tighter)
        draft = _drop(task, _place(task, shown, worth), worth, limit)
        if draft is None:
            return None
        draft = _fill(task, draft, worth, limit)
        if not broken_rows(task, draft):
            if not task.keeps_menu(draft):
                return None
            return Draft(draft, exact_value(task, draft))
        tighter = max(tighter * 100, SAFETY)
    return None
