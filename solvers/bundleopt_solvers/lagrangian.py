"""The headline bound: a Lagrangian relaxation of the delivered customer plan.

For any multipliers >= 0 of the coupling rows (`row`), the slots of each customer (`slot`), the exclusion groups of each
customer (`group`) and the capped rows of the menu (`menu`)

    bound = row . limit + slots * sum_u slot_u + sum_gu group_gu + menu . cap + max over menus of sum_o z_o score_o
    score_o = sum_k link_ok stock_k + sum_u (reduced_uo - sum_k link_ok units_uok - slot_u - sum of group_gu)^+
              - fixed cost - sum of menu_q

is at least the value of every plan, because each term only relaxes a rule; the positive part is taken per customer.
The `link` rows say that an option alone can't use more of an item than there is: sum_u units_uok x_uo <= stock_k z_o.
They are implied for whole menus, and they cut off fractional ones that serve a few customers through many options.
A bundle on the menu has at least `least` and at most `most` offers. So its score is a sum over the customers who are
worth most: as many as are worth something, but no fewer than `least` and no more than `most`. A bundle that must be on
the menu is scored so even where nobody is worth anything.

Letters: `U` customers, `O` options, `R` redemption rows, `J` stock rows, `Q` capped menu rows, `G` groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.cells import NEVER, Cells
from bundleopt_solvers.menu_rules import MenuChoice, MenuRules, choose_menu
from bundleopt_solvers.rows import CouplingRows

Tensor = torch.Tensor
Floats64 = npt.NDArray[np.float64]
CHUNK = 64  # options priced at once: 64 x 2,500 float32 cells stay in the second-level cache
ROUNDING = 1e-11  # float64 rounds by 1.1e-16; a dozen operations a cell and sums of up to 10,000 blocks stay far below


@dataclass(frozen=True)
class Multipliers:
    """Dual prices, all >= 0.

    row (R + F + C + J,); slot (U,); group (G + 1, U) with a last row of zeros; menu (Q,);
    link (options of the problem, K): of the stock of the k-th item of an option, for that option alone.
    """

    row: Tensor
    slot: Tensor
    group: Tensor
    menu: Tensor
    link: Tensor

    def double(self) -> Multipliers:
        """Return the same prices in float64."""
        parts = (self.row, self.slot, self.group, self.menu, self.link)
        return Multipliers(*(part.double() for part in parts))


@dataclass(frozen=True)
class Relaxation:
    """What the bound is computed from, beside the cells.

    Attributes:
        rows, menu: the rules. slots: offers a customer. forced: bundles that must be on the menu with an offer.
        least, most: offers of a bundle on the menu; None for no limit. The shelf is no offer.
    """

    rows: CouplingRows
    menu: MenuRules
    slots: int
    forced: frozenset[int]
    least: int = 1
    most: int | None = None


@dataclass(frozen=True)
class DualPoint:
    """The bound at some multipliers, the scores (O,) it rests on, and the relaxed menu."""

    bound: float
    score: Floats64
    choice: MenuChoice


def start_multipliers(cells: Cells, relaxation: Relaxation) -> Multipliers:
    """Return zero prices of the right shape, in float32."""
    customers = cells.gain.shape[1]
    return Multipliers(
        row=torch.zeros(len(relaxation.rows.limit)),
        slot=torch.zeros(customers),
        group=torch.zeros(cells.groups + 1, customers),
        menu=torch.zeros(len(relaxation.menu.cap)),
        link=torch.zeros(relaxation.rows.redemption.shape[1], cells.unit_row.shape[1]),
    )


def reduced_gain(cells: Cells, row: Tensor, link: Tensor | None = None) -> Tensor:
    """Value of every offer after the prices of the coupling rows, and of the `link` rows if given, (O, U)."""
    redemption_rows = cells.rate.shape[0]
    price = row[:redemption_rows] @ cells.rate
    out = torch.addcmul(cells.gain, cells.redemption, price[:, None], value=-1)
    if cells.contact:
        out[:, : cells.customers] -= cells.contact
    for place, floor in enumerate(cells.floors):
        out += row[redemption_rows + place] * floor
    first = redemption_rows + len(cells.floors)
    if len(cells.count_option):
        counted = row[first : first + len(cells.count_option)].to(cells.count_option.dtype)
        out -= ((counted[:, None] * cells.count_option).T @ cells.count_customer).to(out.dtype)
        first += len(cells.count_option)
    padded = torch.cat([row[first:], row.new_zeros(1)])
    for place, part in enumerate(cells.units):
        use = padded[cells.unit_row[:, place]]
        if link is not None:
            use = use + link[:, place]
        priced = torch.nonzero(use).ravel()
        if 4 * len(priced) > len(use):
            out.addcmul_(part, use[:, None], value=-1)
        elif len(priced):
            out[priced] -= part[priced] * use[priced, None]
    return out


def net_gain(cells: Cells, prices: Multipliers) -> Tensor:
    """Value of every offer after all prices, (O, U)."""
    out = reduced_gain(cells, prices.row, prices.link[torch.from_numpy(cells.option)])
    out -= prices.slot
    for place in range(cells.group.shape[1]):
        code = cells.group[:, place]
        inside = torch.nonzero(code < cells.groups).ravel()
        if len(inside) == len(code):
            out -= prices.group[code]
        elif len(inside):
            out[inside] -= prices.group[code[inside]]
    return out


def scores(cells: Cells, net: Tensor, prices: Multipliers, relaxation: Relaxation) -> Floats64:
    """Score of each option before menu prices, (O,): its best offers, as many as a bundle on the menu may have."""
    shelf, net = net[:, cells.customers :], net[:, : cells.customers]
    total: Floats64 = torch.relu(net).sum(1, dtype=torch.float64).numpy()
    must = np.isin(cells.bundle, list(relaxation.forced)) if relaxation.forced else np.zeros(len(total), dtype=bool)
    asks_all = relaxation.least > 1 - int(cells.shelf)  # one offer comes by itself where there is no shelf
    if asks_all or relaxation.most is not None or must.any():
        asked = np.where(must | asks_all, relaxation.least, 0)
        count = (net > 0).sum(1).numpy()
        few = np.flatnonzero(count < asked)
        total[few] = NEVER if relaxation.least > net.shape[1] else _best_of(net, few, relaxation.least)
        if relaxation.most is not None:
            many = np.flatnonzero(count > relaxation.most)
            total[many] = _best_of(net, many, relaxation.most)
    if cells.units:
        total += (prices.link[torch.from_numpy(cells.option)] * cells.unit_cap).sum(1, dtype=torch.float64).numpy()
    if cells.shelf:
        total += shelf.sum(1, dtype=torch.float64).numpy()  # on the menu is on the shelf, whatever that is worth
    return total


def _best_of(net: Tensor, option: npt.NDArray[np.int64], count: int) -> Floats64:
    """Sum of the `count` largest cells of some options, (n,)."""
    best: Floats64 = torch.topk(net[torch.from_numpy(option)], count, dim=1).values.sum(1, dtype=torch.float64).numpy()
    return best


def shown_at(net: Tensor, position: npt.NDArray[np.int64], relaxation: Relaxation) -> Tensor:
    """Which customers the relaxed plan shows the options at `position`, (n, U) bool; they make up the scores."""
    if relaxation.rows.shelf:
        inner = replace(relaxation, rows=replace(relaxation.rows, shelf=False))
        shown = shown_at(net[:, :-1], position, inner)
        return torch.cat([shown, shown.new_ones(len(shown), 1)], 1)
    part = net[torch.from_numpy(position)]
    shown = part > 0
    count = shown.sum(1)
    limits = [(count < relaxation.least, min(relaxation.least, part.shape[1]))]
    if relaxation.most is not None:
        limits.append((count > relaxation.most, relaxation.most))
    for rows, number in limits:
        at = torch.nonzero(rows).ravel()
        if len(at):
            best = torch.topk(part[at], number, dim=1).indices
            shown[at] = torch.zeros_like(shown[at]).scatter(1, best, value=True)
    return shown


def complete(raw: Floats64, cells: Cells, prices: Multipliers, relaxation: Relaxation) -> DualPoint:
    """Turn the scores of the customers' part into the bound."""
    menu = relaxation.menu
    score = raw - menu.fixed_cost
    toll = prices.menu.double().numpy()
    if len(toll):
        score = score - toll @ menu.member[:, cells.option]
    choice = choose_menu(score, cells.bundle, menu.max_bundles, relaxation.forced)
    constant = float(prices.row.double() @ torch.from_numpy(relaxation.rows.limit)) + float(toll @ menu.cap)
    constant += relaxation.slots * float(prices.slot.sum(dtype=torch.float64))
    constant += float(prices.group.sum(dtype=torch.float64))
    return DualPoint(constant + choice.value, score, choice)


def rounding_allowance(cells: Cells, prices: Multipliers, relaxation: Relaxation) -> float:
    """Money added to a float64 bound so that rounding can't make it too small.

    A cell that counts has more on its plus side (gain, and rows that pay) than on its minus side, or is one of the few
    that a bundle must have; so the absolute terms of the dearest options bound every rounding error of the sums.
    """
    most = min(relaxation.menu.max_bundles + len(relaxation.forced) + 1, len(cells.option))
    price = (prices.row[: cells.rate.shape[0]] @ cells.rate.to(prices.row.dtype)).abs()
    plus = cells.heft[0] + price * cells.heft[1]
    for place in range(len(cells.floors)):
        plus = plus + prices.row[cells.rate.shape[0] + place] * cells.heft[2 + place]
    plus = plus + (prices.link[torch.from_numpy(cells.option)] * cells.unit_cap).sum(1, dtype=torch.float64)
    for place, part in enumerate(cells.units if cells.shelf else ()):  # the shelf counts whatever it costs
        use = torch.cat([prices.row[relaxation.rows.first_stock :], prices.row.new_zeros(1)])[cells.unit_row[:, place]]
        plus = plus + (use + prices.link[torch.from_numpy(cells.option), place]) * part[:, -1]
    terms = float(torch.topk(plus, most).values.sum()) if most else 0.0
    limits = float(prices.row @ torch.from_numpy(np.abs(relaxation.rows.limit)))
    counted = prices.row[relaxation.rows.first_count : relaxation.rows.first_stock]
    limits += most * float(counted @ cells.count_customer.abs().sum(1))
    tolls = (relaxation.slots + most) * float(prices.slot.sum())
    tolls += (1 + most * cells.group.shape[1]) * float(prices.group.sum()) + (most + 1) * float(prices.menu.sum())
    return ROUNDING * (terms + limits + tolls)


def price_all(cells: Cells, prices: Multipliers, relaxation: Relaxation) -> DualPoint:
    """Evaluate the bound in float64 over all `cells`, in chunks of options; rounding is allowed for."""
    exact = prices.double()
    parts = []
    for start in range(0, len(cells.option), CHUNK):
        part = cells.part(start, min(start + CHUNK, len(cells.option))).double()
        parts.append(scores(part, net_gain(part, exact), exact, relaxation))
    point = complete(np.concatenate(parts) if parts else np.zeros(0), cells, exact, relaxation)
    return DualPoint(point.bound + rounding_allowance(cells, exact, relaxation), point.score, point.choice)
