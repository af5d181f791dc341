"""The rules of a plan for very many customers, as they are reported."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.lagrangian import DualPoint, Multipliers
from bundleopt_solvers.menu_rules import MenuChoice, build_menu_rules
from bundleopt_solvers.plan import RuleReport
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import build_rows
from bundleopt_solvers.rule_report import coupling_lines, menu_lines

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
    rows, menu = build_rows(problem), build_menu_rules(problem)
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
    return (*coupling_lines(problem, rows, (who, what), row_price), *menu_lines(problem, (who, what), prices, point))
