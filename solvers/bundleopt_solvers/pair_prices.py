"""The headline bound again, at prices that a pair outside the candidates can bear, and its threshold for entering.

Prices of rules whose coefficients can be negative (margin floors, floors on incremental money, equal treatment, floors
on the menu) could raise the score of a pair. They are set to 0 and the bound is evaluated anew: it holds at any
prices >= 0.

Letters: `U` customers, `I` items, `O` options.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.groups import priced_groups
from bundleopt_solvers.lagrangian import Multipliers, Relaxation, price_all
from bundleopt_solvers.pair_family import PairPrices, Restricted
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.search import prepare
from bundleopt_solvers.settings import EngineSettings

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EntryPrices:
    """What a pair has to earn to be of use.

    Attributes:
        restricted: bounds over the candidates, and the threshold. prices: what its offers bear; `prices.slot` holds the
            cost of a contact too. stock: (I,) money per unit of an item.
    """

    restricted: Restricted
    prices: PairPrices
    stock: Floats64


def entry_prices(problem: CampaignProblem, plan: CampaignPlan, *, twins: bool) -> EntryPrices | None:
    """Evaluate the bound of `plan` at prices that are valid for pairs; None where the plan has no prices.

    Args:
        problem: what was solved.
        plan: its answer.
        twins: whether a pair may hold two items of one group of substitutes. Such groups then have no toll: it would be
            paid twice.
    """
    if plan.prices is None:
        return None
    with torch.no_grad():
        state = prepare(problem, EngineSettings())
        prices = _bearable(plan.prices.double(), state.relaxation)
        point = price_all(state.everything, prices, state.relaxation)
    rows = state.relaxation.rows
    row, threshold = prices.row.numpy(), point.choice.threshold
    stock = np.zeros(len(problem.options.item_ids))
    stock[rows.stock] = row[rows.first_stock :]
    return EntryPrices(
        restricted=Restricted(
            bound=plan.headline.bound,
            lagrangian=point.bound,
            threshold=max(threshold, 0.0) if np.isfinite(threshold) else 0.0,
            max_bundles=problem.rules.max_bundles,
        ),
        prices=PairPrices(
            budget=float(row[rows.names.index("budget")]) if "budget" in rows.names else 0.0,
            fixed_cost=problem.rules.fixed_cost_per_bundle,
            slot=prices.slot.numpy() + problem.rules.contact_cost,
            toll=_tolls(problem, prices, twins=twins),
        ),
        stock=stock,
    )


def _bearable(prices: Multipliers, relaxation: Relaxation) -> Multipliers:
    """The same prices, 0 for every rule that a pair could relieve."""
    rows, row = relaxation.rows, prices.row.clone()
    kept = np.array([name == "budget" for name in rows.names], dtype=bool)
    kept[rows.first_stock :] = True
    row[torch.from_numpy(~kept)] = 0.0
    menu = prices.menu.clone()
    menu[torch.from_numpy(relaxation.menu.is_floor)] = 0.0
    return replace(prices, row=row, menu=menu)


def _tolls(problem: CampaignProblem, prices: Multipliers, *, twins: bool) -> Floats64:
    """(I, U) sums of the prices of the exclusion groups with an item."""
    group = prices.group.numpy()
    toll = np.zeros((len(problem.options.item_ids), group.shape[1]))
    for code, (items, _) in enumerate(priced_groups(problem)):
        if len(items) == 1 or not twins:
            for item in items:
                toll[item] += group[code]
    return toll
