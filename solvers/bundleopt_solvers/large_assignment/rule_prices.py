"""What every offer is worth after the prices of the rules that add up over customers, chunk by chunk.

Letters: `U` customers, `n` customers of a chunk, `O` options, `I` items, `R` rules.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.large_assignment.campaign import StoreRows
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
        stores: (U,) store of each customer, -1 for none, and (I, S) money per unit of an item in a store.
    """

    money: dict[str, float]
    stock: Floats64
    toll: Floats64
    constant: float
    stores: tuple[npt.NDArray[np.int32], Floats64] | None = None

    @classmethod
    def of_rows(cls, problem: CampaignProblem, rows: CouplingRows, price: Floats64) -> RulePrices:
        """Read the prices (R,) of the rows of a problem with all customers, those of its stores behind them."""
        by_store, price = price[len(rows.limit) :], price[: len(rows.limit)]
        stores, constant = problem.rules.stores, float(price @ rows.limit)
        if stores is not None and len(by_store):
            whole = np.arange(len(problem.options.bundle))
            listed, worth = StoreRows.of_menu(problem, whole), np.zeros(stores.slack.shape)
            worth[listed.item, listed.store] = by_store
            constant += float(by_store @ listed.limit)
        stock = np.zeros(len(problem.options.item_ids))
        stock[rows.stock] = price[rows.first_stock :]
        return cls(
            money=dict(zip(rows.names[: rows.first_count], price.tolist(), strict=False)),
            stock=stock,
            toll=np.asarray(price[rows.first_count : rows.first_stock] @ rows.count_customer),
            constant=constant,
            stores=(stores.customer, worth) if stores is not None and len(by_store) else None,
        )

    @property
    def by_item(self) -> Floats64:
        """(I,) money per unit of an item, in the store where it is worth most."""
        return self.stock if self.stores is None else np.maximum(self.stock, self.stores[1].max(1, initial=0.0))

    def of_sample(self, who: npt.NDArray[np.integer], share: float) -> RulePrices:
        """The prices for the customers `who`, with limits in proportion."""
        stores = None if self.stores is None else (self.stores[0][who], self.stores[1])
        return replace(self, toll=self.toll[who], constant=self.constant * share, stores=stores)


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
    if prices.stores is not None:
        own, money = prices.stores
        padded = np.pad(money, ((0, 1), (0, 1)))  # no item, no store: no price
        for place in range(items.shape[1]):
            part = problem.units[:, :, place] * padded[np.ix_(items[:, place], own)].T
            worth -= part
            size += np.abs(part).sum(0)
    return worth, size
