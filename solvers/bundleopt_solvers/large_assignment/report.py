"""The rules of a plan for very many customers, as they are reported."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.lagrangian import DualPoint, Multipliers
from bundleopt_solvers.large_assignment.campaign import StoreRows, without_pooled_stock
from bundleopt_solvers.menu_rules import MenuChoice, build_menu_rules
from bundleopt_solvers.plan import RuleReport
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.rule_report import TIGHT, coupling_lines, menu_lines

Codes = npt.NDArray[np.integer]


def plan_lines(
    problem: CampaignProblem, offers: tuple[Codes, Codes], row_price: npt.NDArray[np.float64], slots: float
) -> tuple[RuleReport, ...]:
    """Every rule with limit, value, slack and shadow price.

    Args:
        problem: all customers, the menu's options.
        offers: customer and option codes (F,).
        row_price: (R,) money per unit of the rules that add up over customers.
        slots: sum of the customers' slot prices, money: what one more offer to everybody is worth at most.
    """
    pooled = without_pooled_stock(problem)
    rows, menu = build_rows(pooled), build_menu_rules(problem)
    own_price, row_price = row_price[len(rows.limit) :], row_price[: len(rows.limit)]
    prices = Multipliers(
        row=torch.from_numpy(row_price),
        slot=torch.tensor([slots], dtype=torch.float64),
        group=torch.zeros(1, 1),
        menu=torch.zeros(len(menu.cap)),
        link=torch.zeros(0),
    )
    nothing = np.zeros(0)
    # The score of the last bundle let in is that of the sample, so no price is stated for one more bundle.
    point = DualPoint(0.0, nothing, MenuChoice(0.0, np.zeros(0, np.int64), np.inf, nothing, np.zeros(0, dtype=bool)))
    who, what = (np.asarray(codes, dtype=np.int64) for codes in offers)
    lines = (*coupling_lines(pooled, rows, (who, what), row_price), *_store_lines(problem, (who, what), own_price))
    return (*lines, *menu_lines(problem, (who, what), prices, point))


def _store_lines(
    problem: CampaignProblem, offers: tuple[Codes, Codes], price: npt.NDArray[np.float64]
) -> list[RuleReport]:
    """Stock of the menu's items by store."""
    stores = problem.rules.stores
    if stores is None:
        return []
    customer, option = offers
    rows = StoreRows.of_menu(problem, np.arange(len(problem.options.bundle)))
    used = np.zeros(stores.slack.shape)
    own = stores.customer[customer]
    for place in range(problem.options.items.shape[1]):
        item = problem.options.items[option, place]
        held = (item >= 0) & (own >= 0)
        np.add.at(used, (item[held], own[held]), problem.units[customer[held], option[held], place].astype(np.float64))
    lines = []
    for row, (item, store) in enumerate(zip(rows.item.tolist(), rows.store.tolist(), strict=True)):
        limit, value = float(rows.limit[row]), float(used[item, store])
        tight = limit - value <= TIGHT * max(limit, 1e-12)
        worth = float(price[row]) if len(price) else 0.0
        lines.append(RuleReport(rows.names[row], limit, value, limit - value, tight, worth))
    return lines
