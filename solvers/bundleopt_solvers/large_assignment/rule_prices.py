"""What every offer is worth after the prices of the rules that add up over customers, chunk by chunk.

Letters: `U` customers, `n` customers of a chunk, `O` options, `I` items, `R` rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows, build_rows, floor_values

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RulePrices:
    """Prices >= 0 of the rules of a campaign.

    Attributes:
        money: by name of the rules on redemptions and of the floors on sums of money.
        stock: (I,) money per unit of an item. toll: (U,) money per offer to a customer, of rules that count offers; of
            any sign. constant: sum of prices times limits.
    """

    money: dict[str, float]
    stock: Floats64
    toll: Floats64
    constant: float

    @classmethod
    def of_rows(cls, problem: CampaignProblem, rows: CouplingRows, price: Floats64) -> RulePrices:
        """Read the prices (R,) of the rows of a problem with all customers."""
        stock = np.zeros(len(problem.options.item_ids))
        stock[rows.stock] = price[rows.first_stock :]
        return cls(
            money=dict(zip(rows.names[: rows.first_count], price.tolist(), strict=False)),
            stock=stock,
            toll=np.asarray(price[rows.first_count : rows.first_stock] @ rows.count_customer),
            constant=float(price @ rows.limit),
        )

    def of_sample(self, who: npt.NDArray[np.integer], share: float) -> RulePrices:
        """The prices for the customers `who`, with limits in proportion."""
        return replace(self, toll=self.toll[who], constant=self.constant * share)


def reduced_worth(problem: CampaignProblem, prices: RulePrices) -> tuple[Floats64, Floats64]:
    """Return the worth (n, O) of the offers of a chunk, and the sum over customers of all absolute terms (O,).

    Args:
        problem: the customers of the chunk; its stock and its groups of customers are not looked at.
        prices: of the rules; `toll` of these customers.
    """
    plain = replace(problem, rules=replace(problem.rules, stock_slack=None, parity=()))
    rows = build_rows(plain)
    worth = problem.value.astype(np.float64) - problem.rules.contact_cost - prices.toll[:, None]
    size = np.abs(worth).sum(0)
    terms = [
        (prices.money.get(name, 0.0) * coefficient, problem.redemption)
        for name, coefficient in zip(rows.names, rows.redemption, strict=False)
    ]
    terms += [
        (np.full(worth.shape[1], -prices.money.get(name, 0.0)), floor_values(problem, name)) for name in rows.floors
    ]
    items = problem.options.items
    for place in range(items.shape[1]):
        use = np.where(items[:, place] >= 0, prices.stock[items[:, place]], 0.0)
        terms.append((use, problem.units[:, :, place]))
    for price, used in terms:
        if price.any():
            part = used.astype(np.float64) * price
            worth -= part
            size += np.abs(part).sum(0)
    return worth, size
