"""A bound for the menu and the offers together, over more customers than fit into memory.

`solvers/README.md` proves the headline bound for any prices >= 0:

    bound = rule prices . limits + slots sum_u slot_u + sum_gu group_gu + menu prices . caps + best menu's scores,
    score_o = sum_u (worth_uo - slot_u - sum_(g of o) group_gu)^+ - fixed cost - menu prices of o.

Everything but the last term is a sum over customers, so one pass over chunks of them is enough once the rules have
prices: each customer's own prices answer a mixture w of menus (`customer_prices.py`), and a chunk that was added is not
needed any more. The best menu is over-estimated: caps have prices, arbitrage is left out.

*The mixture.* By the minimax theorem the least bound at given rule prices is the maximum over w, in the convex hull of
the menus, of the sum of the customers' least parts. From the menu at hand each round takes the best menu at the prices
that answer w into the average (Frank, Wolfe 1956, doi:10.1002/nav.3800030109). On a sample of customers this costs next
to nothing, and the mixture found there is used for all of them.

Letters: `n` customers of a chunk, `O` options, `G` exclusion groups.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.arbitrage import dear_options
from bundleopt_solvers.cells import NEVER
from bundleopt_solvers.groups import option_groups
from bundleopt_solvers.large_assignment.customer_prices import customer_prices
from bundleopt_solvers.menu_rules import MenuChoice, MenuRules, build_menu_rules, choose_menu
from bundleopt_solvers.problem import CampaignProblem

Floats64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.integer]
ROUNDS = 24  # answers of the best menu to the mixture; the last of them change the bound by less than 0.1 %
ROUNDING = 1e-11  # of all absolute terms: float64 sums of fewer than a thousand terms a block stay far below


@dataclass(frozen=True)
class MenuTable:
    """What the bound reads of the options.

    Attributes:
        bundle: (O,). usable: (O,) options that may be on a menu. incidence: (O, G) float32. rules: of the menu.
        toll: (Q,) prices >= 0 of the menu's rules. slots: offers a customer.
    """

    bundle: npt.NDArray[np.int64]
    usable: npt.NDArray[np.bool_]
    incidence: torch.Tensor
    rules: MenuRules
    toll: Floats64
    slots: int

    @classmethod
    def of_problem(cls, problem: CampaignProblem, toll: Floats64 | None = None) -> MenuTable:
        """Lay out the options of `problem`; its customers are not looked at."""
        codes, groups = option_groups(problem)
        incidence = torch.zeros((len(codes), groups + 1))
        incidence[torch.arange(len(codes))[:, None], torch.from_numpy(codes)] = 1.0
        rules = build_menu_rules(problem)
        return cls(
            bundle=problem.options.bundle.astype(np.int64),
            usable=~dear_options(problem),
            incidence=incidence[:, :groups].contiguous(),
            rules=rules,
            toll=np.zeros(len(rules.cap)) if toll is None else toll,
            slots=problem.rules.slots,
        )

    def of_sample(self, share: float) -> MenuTable:
        """The same where only this share of the customers is summed: costs and prices of bundles in proportion."""
        rules = replace(self.rules, fixed_cost=self.rules.fixed_cost * share)
        return replace(self, rules=rules, toll=self.toll * share)

    def best_menu(self, score: Floats64) -> MenuChoice:
        """The best menu at the scores of the customers' part, caps priced."""
        net = score - self.rules.fixed_cost - self.toll @ self.rules.member
        net[~self.usable] = NEVER
        return choose_menu(net, self.bundle, self.rules.max_bundles, frozenset())

    @property
    def constant(self) -> float:
        """Money of the menu's prices times caps."""
        return float(self.toll @ self.rules.cap)


class CustomerSums:
    """The sums over customers at a mixture of menus: scores, constants, and how much of both rounding may hide."""

    def __init__(self, table: MenuTable, weight: Floats64) -> None:
        self._table, self._weight = table, torch.from_numpy(weight).float()
        self.score = np.zeros(len(table.bundle))
        self.slots = self.groups = 0.0
        self._size = np.zeros(len(table.bundle))

    def add(self, worth: Floats64, size: Floats64) -> None:
        """Add customers: `worth` (n, O) after the rules' prices, `size` (O,) sums of the absolute terms behind it."""
        exact = torch.from_numpy(worth)
        prices = customer_prices(exact.float(), self._weight, self._table.incidence, self._table.slots)
        slot, group = prices.slot.double(), prices.group.double()
        net = exact - slot[:, None] - group @ self._table.incidence.double().T
        self.score += net.clamp_min_(0).sum(0).numpy()
        self.slots += float(slot.sum())
        self.groups += float(group.sum())
        self._size += size

    def bound(self, rules_constant: float) -> tuple[float, MenuChoice]:
        """The bound over all customers added, and the best menu that it rests on."""
        table = self._table
        choice = table.best_menu(self.score)
        prices = table.slots * self.slots + self.groups
        most = np.sort(self._size)[::-1][: table.rules.max_bundles].sum()
        terms = float(most) + (1 + table.rules.max_bundles) * (prices + abs(table.constant)) + abs(rules_constant)
        return rules_constant + table.constant + prices + choice.value + ROUNDING * terms, choice


def answering_mixture(
    table: MenuTable, worth: Floats64, menu: Indices, rules_constant: float
) -> tuple[Floats64, float]:
    """Find a mixture of menus (O,) whose answering prices bound the sample's plans best; returns it and that bound.

    Args:
        table: the options.
        worth: (n, O) of the customers of a sample, after the prices of the rules.
        menu: options of a good menu to begin with.
        rules_constant: prices of the rules times limits in proportion to the sample.
    """
    weight = np.zeros(len(table.bundle))
    weight[menu] = 1.0
    best, least = weight, np.inf
    for turn in range(ROUNDS):
        sums = CustomerSums(table, weight)
        sums.add(worth, np.zeros(len(weight)))
        bound, choice = sums.bound(rules_constant)
        if bound < least:
            best, least = weight, bound
        answer = np.zeros(len(weight))
        answer[choice.position] = 1.0
        weight = weight + (answer - weight) / (turn + 2)
    return best, least
